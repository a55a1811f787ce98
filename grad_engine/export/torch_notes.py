"""What is noted while a PyTorch program runs: the result of each call, the line that made it, what lost its gradient.

PyTorch tells a function mode of each call of its functions in Python, in one thread and block. Calls that C++ or one of
PyTorch's own functions makes inside of these are not told; the numbers of their nodes show where they belong.
"""

from __future__ import annotations

import linecache
import os
import sys
import warnings
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType, FrameType, FunctionType
from typing import Any

from grad_engine.export.torch_ops import SAME_NUMBERS, short_name
from grad_engine.export.torch_values import NOTE, Note, Numbers, notes_of, place_of
from grad_engine.record import SourceRecord
from grad_engine.record.builder import Value
from grad_engine.record.strict import MAX_NODES

ASKS = "has_torch_function"  # how the names of the functions begin by which PyTorch asks whether somebody looks on
OPENED = ("torch.nn.functional", "torch.functional")  # modules of functions
MOST_STEPS = 4  # of one call, such as reshape() of what was transposed, that leave the numbers as they are
FEW = 2  # calls that make nodes in a function, below which it is not worth while to look inside
MOST_CUTS = 10_000  # nodes that are looked at behind one result that lost its gradient
OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep  # the folder of the package

Line = tuple[CodeType, int]  # the function of a line of the program, and its number


@dataclass(frozen=True, slots=True)
class Read:
    """A call that read a parameter, or whose result has no gradient although an operand has one."""

    function: str
    line: Line | None
    recorded: bool  # whether a graph was being recorded: not under torch.no_grad()


class ForwardNotes:
    """The calls of PyTorch's functions in a block, and what they gave."""

    def __init__(self, torch: Any, model: Any, numbers: Numbers) -> None:
        self.torch, self.numbers = torch, numbers
        self.parameters = {id(parameter): name for name, parameter in model.named_parameters()}
        self.read: dict[str, Read] = {}  # parameter -> the first call that read it
        self.cut: dict[str, Read] = {}  # parameter -> the first call that cut it off
        self.last: tuple[Any, int] | None = None  # the newest result: its node and which output of it
        self._seen_cuts: set[tuple[str, Line | None]] = set()
        self._starts: list[int] = []  # numbers of the first nodes of the calls, and of the first ones after them
        self._ends: list[int] = []
        self._lines: list[Line | None] = []
        self._sources: dict[Line, SourceRecord] = {}
        self._inside: dict[CodeType, bool] = {}  # whether a function is PyTorch's or ours
        self._folders = (os.path.dirname(torch.__file__) + os.sep, OURS, "<frozen ")
        self._number = torch._C._autograd._get_sequence_nr
        self._open: dict[Any, Any] = {}  # function -> the same, whose inner calls are told; None where it has few
        self._told = 0  # calls that made nodes
        self.mode: Any = None  # by which PyTorch tells of calls; it is off while it is told

    def forget(self) -> None:
        """Let go of what belongs to one step."""
        self.last = None
        for kept in (self.read, self.cut, self._seen_cuts, self._starts, self._ends, self._lines):
            kept.clear()

    def call(self, function: Any, args: Any, kwargs: Any, reads: bool = True) -> Any:
        """Call a function of PyTorch, and note what it gave. reads: whether it computes something of its operands."""
        start, told = self._number(), self._told
        inner = self._open.get(function, False) if reads and self.mode is not None else None
        if inner is False:
            inner = self._open[function] = self._opened(function)
            result = (inner or function)(*args, **kwargs)
            if self._told < told + FEW:
                self._open[function] = None
        else:
            result = (inner or function)(*args, **kwargs)
        end = self._number()
        name, kind = getattr(function, "__name__", ""), self.torch.Tensor
        is_one = isinstance(result, kind)
        if name == "__get__" and end == start and not is_one:
            return result
        line: Line | None = None
        if end > start and self._told == told:
            self._told += 1
            line = self._line(sys._getframe(2))
            self._starts.append(start)
            self._ends.append(end)
            self._lines.append(line)
        made = [result] if is_one else _tensors(result, kind)
        if name == "__setitem__" or (name.endswith("_") and not made):
            made = [each for each in args[:1] if isinstance(each, kind)]
        for tensor in made:
            if (node := tensor.grad_fn) is not None:
                self._note(tensor, node, args)
        if reads:
            self._look(name, args, kwargs, made, line)
        return result

    def unseen(self, call: Callable[[], Any]) -> Any:
        """What a compiled module gives, called without the mode: with it, it would be compiled again, part by part."""
        overrides = sys.modules["torch.overrides"]
        off = []
        while (stack := overrides._get_current_function_mode_stack()) and hasattr(stack[-1], "is_watch"):
            off.append(overrides._pop_mode())
        try:
            result = call()
        finally:
            for mode in reversed(off):
                overrides._push_mode(mode)
        for tensor in _tensors(result, self.torch.Tensor):
            if (node := tensor.grad_fn) is not None:
                self._note(tensor, node, ())
        return result

    def _opened(self, function: Any) -> Any:
        """A function that PyTorch has written in Python, without its question whether somebody looks on.

        PyTorch tells of the function and then of nothing inside of it. The twin runs the same code, so that the calls
        inside are told in its place. None for what is not such a function.
        """
        code = getattr(function, "__code__", None)
        # A method calls the one of its base class, which PyTorch tells under the same name.
        if code is None or getattr(function, "__module__", "") not in OPENED:
            return None
        asks = [name for name in code.co_names if name.startswith(ASKS)]
        if not asks:
            return None
        names = {**function.__globals__, **dict.fromkeys(asks, _nobody)}
        if names.get("warnings") is warnings:
            names["warnings"] = _Warnings(code)
        twin = FunctionType(code, names, function.__name__, function.__defaults__, function.__closure__)
        twin.__kwdefaults__ = function.__kwdefaults__

        def run(*args: Any, **kwargs: Any) -> Any:
            with self.mode:
                return twin(*args, **kwargs)

        return run

    def _note(self, tensor: Any, node: Any, args: Any) -> None:
        """Note a result, the node that made it, and the operands of the call."""
        output, place, metadata = tensor.output_nr, place_of(tensor), node.metadata
        notes = metadata.get(NOTE)
        if notes is None:
            notes = metadata[NOTE] = {}
        elif (known := notes.get(output)) is not None and known.place == place:
            return
        like = None
        first = args[0] if args else None
        if place is not None and isinstance(first, self.torch.Tensor):
            maker = first.grad_fn
            if maker is not None and maker is not node:
                before = maker.metadata.get(NOTE, {}).get(first.output_nr)
                if before is not None and before.place is not None and before.place[0] == place[0]:
                    like = {before.place: before.value}
        notes[output] = Note(self.numbers(tensor, like, place, _same(node)), place)
        self.last = node, output

    def _look(self, name: str, args: Any, kwargs: Any, made: list[Any], line: Line | None) -> None:
        """Note the parameters that a call read, and those that it cut off."""
        given = _tensors(args, self.torch.Tensor)
        if kwargs:
            given += _tensors(tuple(kwargs.values()), self.torch.Tensor)
        if not made:
            return
        for each in given:
            parameter = self.parameters.get(id(each))
            if parameter is not None and parameter not in self.read and name != "__get__" and each.requires_grad:
                line = line or self._line(sys._getframe(3))
                self.read[parameter] = Read(name, line, self.torch.is_grad_enabled())
        if any(each.requires_grad for each in made) or name.endswith("_like"):
            return  # a function of shapes alone, such as ones_like, cuts nothing off
        lost = [each for each in given if each.requires_grad]
        if not lost:
            return
        line = line or self._line(sys._getframe(3))
        if (name, line) in self._seen_cuts:
            lost = [each for each in lost if each.grad_fn is None]
        self._seen_cuts.add((name, line))
        for parameter in self._behind(lost):
            self.cut.setdefault(parameter, Read(_spoken(name), line, self.torch.is_grad_enabled()))

    def _behind(self, tensors: list[Any]) -> Iterator[str]:
        """The parameters that these tensors were computed from."""
        yield from (name for each in tensors if (name := self.parameters.get(id(each))))
        yield from self._behind_nodes([each.grad_fn for each in tensors if each.grad_fn is not None], MOST_CUTS)

    def _behind_nodes(self, pending: list[Any], most: int) -> Iterator[str]:
        seen = set(pending)
        while pending and len(seen) < most:
            node = pending.pop()
            if hasattr(node, "variable"):
                if name := self.parameters.get(id(node.variable)):
                    yield name
                continue
            for below, _ in node.next_functions:
                if below is not None and below not in seen:
                    seen.add(below)
                    pending.append(below)

    def reaches(self, node: Any) -> bool:
        """Whether a parameter of the model is behind a node."""
        return next(self._behind_nodes([node], MAX_NODES), None) is not None

    # lines of the program

    def _line(self, frame: FrameType | None) -> Line | None:
        """The innermost line that is neither PyTorch's nor ours."""
        while frame is not None:
            if not self._is_inside(frame.f_code):
                return frame.f_code, frame.f_lineno
            frame = frame.f_back
        return None

    def _is_inside(self, code: CodeType) -> bool:
        """Whether a function is PyTorch's or ours."""
        known = self._inside.get(code)
        if known is None:
            known = self._inside[code] = code.co_filename.startswith(self._folders)
        return known

    def place(self, name: str, above: int) -> str:
        """The name of a function with the line of the program that called it. above: frames that are left out."""
        line = self._line(sys._getframe(above))
        at = place_in_words(line) if line is not None else ""
        return f"{_spoken(name)} ({at})" if name and at else at or name

    def source(self, sequence: int) -> SourceRecord | None:
        """The line of the program that made the node of this number."""
        k = bisect_right(self._starts, sequence) - 1
        if k < 0 or self._ends[k] <= sequence:
            return None
        line = self._lines[k]
        if line is None:
            return None
        found = self._sources.get(line)
        if found is None:
            found = self._sources[line] = SourceRecord(shown(line[0].co_filename), line[1], code_at(*line))
        return found

    def place_of_error(self, error: BaseException, module: str) -> str:
        """What stopped a block, in which module, and at which line of the program."""
        said = str(error).partition("\n")[0].partition(" Hint: ")[0].rstrip(".")
        found, trace = None, error.__traceback__
        while trace is not None:
            code = trace.tb_frame.f_code
            if not code.co_filename.startswith(self._folders):
                found = code, trace.tb_lineno
            trace = trace.tb_next
        at = f" at {place_in_words(found)}" if found is not None else ""
        inside = f" in {module}" if module else ""
        return f"{type(error).__name__}{inside}{at}{f': {said}' if said else ''}"

    def let_go(self) -> None:
        """Let go of everything but the reasons."""
        self.last = self.mode = None
        self.parameters, self._inside, self._open = {}, {}, {}

    def reason(self, parameter: str) -> str | None:
        """Why no gradient reached a parameter that no graph reads; None where nothing read it."""
        for found, words in ((self.cut.get(parameter), True), (self.read.get(parameter), False)):
            if found is None:
                continue
            at = f" ({place_in_words(found.line)})" if found.line is not None else ""
            if not found.recorded:
                return f"only {found.function}{at} reads it, where no graph is recorded (torch.no_grad())"
            if words:
                return f"{found.function}{at} cuts it off from the loss: the result carries no gradient"
            return f"the loss does not depend on what {found.function}{at} makes of it"
        return None


def _same(node: Any) -> Value | None:
    """What was noted of a tensor that holds the numbers of the result of a node in another shape or order."""
    for _ in range(MOST_STEPS):
        if short_name(node.name()) not in SAME_NUMBERS:
            return None
        node, output = node.next_functions[0]
        if node is None:
            return None
        if (note := notes_of(node).get(output)) is not None:
            return note.value
    return None


class _Warnings:
    """What a twin knows as the module `warnings`: its warnings are told at the line that called the function itself."""

    def __init__(self, code: CodeType) -> None:
        self.code = code

    def __getattr__(self, name: str) -> Any:
        return getattr(warnings, name)

    def warn(self, message: Any, category: Any = None, stacklevel: int = 1, *args: Any, **kwargs: Any) -> None:
        """`warnings.warn`, which leaves out the frames between the twin and the function that it stands for."""
        if stacklevel > 1:
            more, frame = 1, sys._getframe(1).f_back
            while frame is not None and frame.f_code is not self.code:
                more, frame = more + 1, frame.f_back
            if frame is not None:
                stacklevel += more
        warnings.warn(message, category, stacklevel + 1, *args, **kwargs)


def _nobody(*args: Any) -> bool:
    return False


def shown(path: str) -> str:
    """The path of a file, from the working directory where it lies in it."""
    return path.removeprefix(os.getcwd() + os.sep)


def code_at(code: CodeType, line: int) -> str:
    """The text of a line of the program."""
    return linecache.getline(code.co_filename, line).strip()


def place_in_words(line: Line) -> str:
    """`model.py:12`."""
    return f"{os.path.basename(line[0].co_filename)}:{line[1]}"


def _spoken(name: str) -> str:
    return ".data" if name == "__get__" else name


def _tensors(value: Any, kind: type, depth: int = 3) -> list[Any]:
    """The tensors in a value, and in the tuples and lists in it."""
    if isinstance(value, kind):
        return [value]
    found: list[Any] = []
    if depth and isinstance(value, tuple | list):
        for part in value:
            if isinstance(part, kind):
                found.append(part)
            elif isinstance(part, tuple | list):
                found += _tensors(part, kind, depth - 1)
    return found
