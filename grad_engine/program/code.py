"""The code that runs: one NumPy call a line, results in planned buffers, functions as local variables."""

from __future__ import annotations

import linecache
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

from grad_engine.errors import GradEngineError
from grad_engine.program.functions import STATIC_SHAPE
from grad_engine.program.passes.buffers import Buffer, Part, arena
from grad_engine.program.passes.kernels import halved
from grad_engine.program.spelling import Names, Spelling, path_of
from grad_engine.program.steps import (
    AT,
    CHECK,
    DRAW,
    FUNCTION,
    METHOD,
    NAMED_CALL,
    NUMBER,
    OPAQUE,
    PACK,
    REDUCE,
    SET_ITEM,
    UFUNC,
    UNPACK,
    Program,
    Step,
    Value,
    mapped,
)

_STATIC_SHAPE = STATIC_SHAPE | {halved}
_BY_KEYWORD = frozenset({np.maximum, np.minimum})  # NumPy deprecates their third argument by position
_LONGEST = 160  # characters of an expression of numbers
_ALIGNED = 64  # bytes: the line of a cache


class Deviation(GradEngineError, RuntimeError):
    """The engine would take another branch for these numbers than the program does. Compiled goes another way then."""


def may_deviate(step: Step) -> bool:
    """Whether a step raises Deviation for some numbers: it checks them, or they say how long its result is."""
    if step.kind in (CHECK, NAMED_CALL, OPAQUE):
        return True
    if step.kind is METHOD:
        return step.fn in ("repeat", "choose", "take")
    return step.kind is FUNCTION and step.fn not in _STATIC_SHAPE


class Code:
    """A program as a Python function of its inputs, and the buffers that it writes to."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.lines: list[str] = []
        self.steps: list[Step | None] = []  # what each line comes from
        self.indent = ""
        names = Names()
        self.spelling = _Fast(names)
        for value in program.inputs:
            self.spelling.text[value] = names.new(value.name or "x")
        self.parameters = [self.spelling.text[value] for value in program.inputs]
        self._uses = program.uses()
        self._ends = {end for end in program.ends() if type(end) is Value}
        self._checked = {*program.finite, *program.hidden}
        self._buffers: dict[Buffer, str] = {}
        self._numbers: dict[tuple[bytes, str], Value] = {}  # known ones as arrays of shape ()
        self._cells: dict[tuple[Value, str], Value] = {}  # numbers of a run as such arrays
        self._fixed: dict[str, ndarray] = {}  # variables that show the same memory in every run -> arrays laid alike
        self._views: list[str] = []  # lines that make those of them that are views, once for all runs
        self._body()
        self._fixed.clear()  # as large as the buffers
        self.sizes = arena(program)
        self.source = self._source()
        self.file = f"<compiled {program.name} {id(self):x}>"
        environment: dict[str, Any] = {"np": np}
        exec(compile(self.source, self.file, "exec"), environment)
        self._make: Callable[..., Any] = environment["make"]
        linecache.cache[self.file] = (len(self.source), None, self.source.splitlines(True), self.file)

    # --- lines ----------------------------------------------------------------------------------------------------

    def _body(self) -> None:
        for step in self.program.steps:
            self._write_quietly(step)
        self._finish()

    def _line(self, text: str, step: Step | None = None) -> None:
        self.lines.append(self.indent + text)
        self.steps.append(step)

    def _write_quietly(self, step: Step) -> None:
        """The lines of a step, under what np.errstate() said where it was traced."""
        if step.errors is None:
            self._write(step)
            return
        settings = ", ".join(f"{name}={how!r}" for name, how in step.errors)
        self._line(f"with {self.spelling.thing(np.errstate, 'errstate')}({settings}):", step)
        count, before = len(self.lines), self.indent
        self.indent += "    "
        self._write(step)
        self.indent = before
        if len(self.lines) == count:  # it is part of an expression
            self.lines.pop()
            self.steps.pop()

    def _write(self, step: Step) -> None:
        spell = self.spelling
        if step.kind is CHECK:
            value, truth = step.args
            condition = f"{'not ' if truth else ''}{spell.inside(value, 8)}"
            self._line(f"if {condition}: raise {spell.thing(Deviation, 'Deviation')}", step)
        elif step.kind is UNPACK:
            self._unpack(step)
        elif step.kind in (SET_ITEM, AT):
            self._scatter(step)
        elif step.kind is PACK and step.into is not None:
            self._pack(step)
        elif step.into is not None:
            target = self._target(step)
            self._line(self._into(step, target), step)
            spell.text[step.out] = target
        elif step.kind is NUMBER and not step.several:
            text, binds = spell.call(step)
            once = len(self._uses.get(step.out, ())) == 1 and step.out not in self._ends
            if once and step.out not in self._checked and len(text) < _LONGEST:
                spell.text[step.out], spell.precedence[step.out] = text, binds
            else:
                self._assign(step, text)
        elif (shown := self._fixed_view(step)) is not None:
            text = self._fresh(step)
            name = spell.names.new("v")
            self._views.append(f"{name} = {text}")
            self._fixed[name] = shown
            spell.text[step.out] = name
        else:
            self._assign(step, self._fresh(step))

    def _fixed_view(self, step: Step) -> ndarray | None:
        """An array laid out as the result, where that is the same view of a buffer, or of a constant, in every run.

        `owner` only says that a result may be a view: a pass can have changed what it is taken of. So it is tried.
        """
        if step.several or not step.kind.pure or not step.outs or step.out.owner is None or not step.out.ndim:
            return None
        if step.kind in (UFUNC, REDUCE):  # a pass put it in the place of a view
            return None
        read = step.values()
        if len(read) != 1 or read[0].number:
            return None
        shown = read[0].data if read[0].is_const else self._fixed.get(self.spelling.text.get(read[0], ""))
        if shown is None:
            return None
        view = step.kind.run(step.fn, mapped(lambda leaf: shown if leaf is read[0] else leaf, step.args), step.named)
        return view if read[0].is_const or np.may_share_memory(view, shown) else None

    def _assign(self, step: Step, text: str) -> None:
        names = [self.spelling.names.new("v") for _ in step.outs]
        self._line(f"{', '.join(names)}{',' if step.several and len(names) == 1 else ''} = {text}", step)
        for out, name in zip(step.outs, names, strict=True):
            self.spelling.text[out] = name
        if may_deviate(step):
            for out, name in zip(step.outs, names, strict=True):
                deviation = self.spelling.thing(Deviation, "Deviation")
                if out.ndim:
                    self._line(f"if {name}.shape != {out.shape}: raise {deviation}", step)

    def _unpack(self, step: Step) -> None:
        (x,) = step.args
        names = [self.spelling.names.new(out.name or "v") for out in step.outs]
        array = self.spelling.inside(x, 10)
        if x.ndim == 0:
            self._line(f"{names[0]} = float({self.spelling.argument(x)})", step)
        else:
            numbers = f"{array}.tolist()" if x.ndim == 1 else f"{array}.ravel().tolist()"
            self._line(f"{', '.join(names)}{',' * (len(names) == 1)} = {numbers}", step)
        for out, name in zip(step.outs, names, strict=True):
            self.spelling.text[out] = name

    def _pack(self, step: Step) -> None:
        """Copy each array to its part of a buffer."""
        spell, target, start = self.spelling, self._target(step), 0
        for part in step.args[0]:
            name = spell.names.new("part")
            self._views.append(f"{name} = {target}[{start}:{start + part.size}].reshape({part.shape})")
            self._line(f"{spell.function(np.copyto)}({name}, {spell.argument(part)})", step)
            start += part.size
        spell.text[step.out] = target

    def _scatter(self, step: Step) -> None:
        """x[key] = value on a copy of x, or on x itself where it may be written over."""
        spell, (x, key, *rest) = self.spelling, step.args
        array = spell.argument(x)
        if step.into is None:
            target = spell.names.new("v")
            scalar = type(x) is Value and (x.scalar or x.number)  # of which a copy cannot be written to
            order = "" if type(x) is not Value or x.ndim < 2 or x.c_contiguous() else "'K'"  # as it lies there
            text = f"{spell.function(np.array)}({array})" if scalar else f"{spell.inside(x, 10)}.copy({order})"
            self._line(f"{target} = {text}", step)
        else:
            target = self._target(step)
            over = type(x) is Value and x.step is not None and type(x.step.into) is Buffer
            if not (over and x.step.into.region == step.into.region):
                self._line(f"{spell.function(np.copyto)}({target}, {array})", step)
        if step.kind is SET_ITEM and self._is_there(step):
            pass
        elif step.kind is SET_ITEM:
            self._line(f"{target}[{spell.index(key)}] = {spell.argument(rest[0])}", step)
        else:
            arguments = spell.arguments((key, *rest), {})
            self._line(f"{spell.function(step.fn)}.at({target}, {arguments})", step)
        spell.text[step.out] = target

    @staticmethod
    def _is_there(step: Step) -> bool:
        """Whether the value of x[key] = value was computed in its place."""
        value = step.args[2]
        into = value.step.into if type(value) is Value and value.step is not None else None
        return type(into) is Part and into.buffer is step.into

    def _target(self, step: Step) -> str:
        if type(step.into) is Value:
            return self.spelling.value(step.into)
        if type(step.into) is Part:
            part = self.spelling.names.new("part")
            self._views.append(f"{part} = {self._buffers[step.into.buffer]}[{self.spelling.index(step.into.key)}]")
            return part
        if step.into not in self._buffers:
            self._buffers[step.into] = self.spelling.names.new("b0" if not self._buffers else f"b{len(self._buffers)}")
            self._fixed[self._buffers[step.into]] = _laid(step.into, np.zeros(step.out.nbytes + _ALIGNED, np.uint8))
        return self._buffers[step.into]

    def _into(self, step: Step, target: str) -> str:
        spell = self.spelling
        if step.kind is METHOD:  # a copy, or a reshape that makes one
            if step.args[0].shape != step.out.shape:
                laid = spell.names.new("laid")
                self._views.append(f"{laid} = {target}.reshape({step.args[0].shape})")
                target = laid
            return f"{spell.function(np.copyto)}({target}, {spell.argument(step.args[0])})"
        if step.kind is REDUCE:
            axis, keepdims = _axis_and_keepdims(step)
            reduce = spell.reduce(step.fn)
            return f"{reduce}({spell.argument(step.args[0])}, {spell.argument(axis)}, None, {target}, {bool(keepdims)})"
        by_keyword = (step.kind is FUNCTION and step.fn is not np.dot) or step.fn in _BY_KEYWORD
        arguments = spell.arguments(self._operands(step), step.named)
        return f"{spell.function(step.fn)}({arguments}, {'out=' if by_keyword else ''}{target})"

    def _operands(self, step: Step) -> tuple[Any, ...]:
        """The arguments of a step, with the numbers beside an array as arrays of shape ().

        NumPy takes 0.4 µs longer for a Python number, which it first has to give a dtype.
        """
        if step.kind is not UFUNC or len(step.args) != 2 or step.named or not _mixes_freely(step.fn):
            return step.args
        args = [*step.args]
        for place in (0, 1):
            x, other = args[place], step.args[1 - place]
            beside = type(other) is Value and other.ndim and other.dtype.char in "fd"
            if not beside or (type(x) is Value and x.ndim):
                continue
            if type(x) in (int, float) or (type(x) is Value and x.is_const):
                args[place] = self._known_number(x, other.dtype)
            elif type(x) is Value and (x.number is float or (x.scalar and x.dtype == other.dtype)):
                args[place] = self._number_in_cell(x, other.dtype)
        return tuple(args)

    def _known_number(self, x: Any, dtype: np.dtype[Any]) -> Any:
        weak, data = (x.number in (int, float), x.data) if type(x) is Value else (True, x)
        if not weak and x.dtype != dtype:
            return x
        with np.errstate(over="ignore"):
            made = np.array(data, dtype)
        if np.isfinite(made) != np.isfinite(float(data)):  # NumPy has a warning to give for it
            return x
        key = made.tobytes(), dtype.char
        if key not in self._numbers:
            self._numbers[key] = Value(made, "c", data=made)
        return self._numbers[key]

    def _number_in_cell(self, x: Value, dtype: np.dtype[Any]) -> Any:
        key = (x, dtype.char)
        if key not in self._cells:
            self._cells[key] = Value(np.zeros((), dtype), "n")
            name = self.spelling.text[self._cells[key]] = self.spelling.names.new("n")
            self._line(f"{name}[()] = {self.spelling.argument(x)}")
        return self._cells[key]

    def _fresh(self, step: Step) -> str:
        spell = self.spelling
        if step.kind is REDUCE and set(step.named) <= {"axis", "keepdims"} and len(step.args) < 3:
            axis, keepdims = _axis_and_keepdims(step)
            array, axes = spell.argument(step.args[0]), spell.argument(axis)
            return f"{spell.reduce(step.fn)}({array}, {axes}, None, None, {bool(keepdims)})"
        if step.kind is UFUNC and not step.named and len(step.args) == 2:
            return spell.operation(step.replaced(self._operands(step)))
        return spell.call(step)[0]

    def _finish(self) -> None:
        spell, program = self.spelling, self.program
        checked = [*dict.fromkeys([*program.finite, *program.hidden])]
        if checked:
            self._line(f"total = sum([{', '.join(map(spell.value, checked))}])")
            self._line("if total - total != 0.0: raise ArithmeticError")
        written = {write.target for write in program.writes if write.in_place}
        results = []
        leaving = program.leaving()
        shown: dict[Value, Value] = {}
        copied: dict[tuple[Value, Value], str] = {}
        for value, root in zip(leaving, program.roots or [value.memory for value in leaving], strict=True):
            text, memory = spell.value(value), value.memory
            if not value.number and not value.scalar:
                given = memory.is_input and memory is root  # an argument, or a part of it: so it is in eager mode
                lasting = (memory.is_input or memory.is_const) and not given
                order = "'K'" if value.ndim > 1 else ""  # as it lies there, which is quicker for a turned array
                if lasting and (value, root) in copied:
                    text = copied[value, root]  # one array that is returned twice is one in eager mode
                elif lasting or shown.setdefault(memory, root) is not root:
                    text = copied[value, root] = self._kept(f"{text}.copy({order})", several=leaving.count(value) > 1)
            results.append(text)
        tail = []
        for write in program.writes:
            if write.target is None or write.value is write.target or self._is_direct(write.value, write.target):
                continue
            text = spell.value(write.value)
            if write.value.memory in written and write.value.memory is not write.target:
                kept = spell.names.new("old")
                self._line(f"{kept} = {text}.copy()")
                text = kept
            tail.append(f"{spell.value(write.target)}[...] = {text}")
        if tail:
            self._line(f"result = {_tuple(results)}")
            for line in tail:
                self._line(line)
            self._line("return result")
        else:
            self._line(f"return {_tuple(results)}")

    def _kept(self, text: str, several: bool) -> str:
        """`text`, or the variable that holds it where it is read several times."""
        if not several:
            return text
        name = self.spelling.names.new("kept")
        self._line(f"{name} = {text}")
        return name

    @staticmethod
    def _is_direct(value: Value, target: Value) -> bool:
        return value.step is not None and value.step.into is target

    # --- the function ---------------------------------------------------------------------------------------------

    def _source(self) -> str:
        texts = [self.spelling.text[cell] for cell in self._cells.values()]
        names = ", ".join([*self._buffers.values(), *texts, *self.spelling.environment])
        views = "".join(f"    {line}\n" for line in self._views)
        head = f"def make({names}):\n{views}    def {self.program.name}({', '.join(self.parameters)}):\n"
        self._above = head.count("\n") + 1
        body = "\n".join(f"        {line}" for line in self.lines)
        return f"{head}{body}\n    return {self.program.name}\n"

    def step_of(self, line: int) -> Step | None:
        """What a line of the source comes from."""
        place = line - self._above
        return self.steps[place] if 0 <= place < len(self.steps) else None

    def unchanged_before(self, line: int) -> bool:
        """Whether nothing outside was written, and nothing drawn, before that line."""
        place = line - self._above
        before = [step for step in self.steps[:place] if step is not None]
        return place < len(self.steps) and not any(type(s.into) is Value or s.kind is DRAW for s in before)

    def function(self) -> Callable[..., Any]:
        """A function with an arena of its own: two calls of one at the same time would overwrite each other."""
        regions = [np.empty(size + _ALIGNED, np.uint8) for size in self.sizes]
        buffers = [_laid(buffer, regions[buffer.region]) for buffer in self._buffers]
        cells = [np.zeros((), dtype) for _, dtype in self._cells]
        return self._make(*buffers, *cells, *self.spelling.environment.values())


class _Fast(Spelling):
    """Functions are variables of the enclosing function, which Python finds at once."""

    def function(self, function: Any) -> str:
        path = path_of(function)
        if path is None:
            return super().function(function)
        return self.thing(function, path.removeprefix("np.").removeprefix("scipy.").replace(".", "_"))

    def reduce(self, ufunc: Any) -> str:
        if ("reduce", ufunc) not in self._reduces:
            self._reduces["reduce", ufunc] = ufunc.reduce
        return self.thing(self._reduces["reduce", ufunc], f"{ufunc.__name__}_reduce")

    def operation(self, step: Step) -> str:
        """A ufunc of two operands whose result is new: an operator costs a little less than a call."""
        plain = any(type(x) is Value and not x.number for x in step.args)
        scalars = step.out.scalar and step.fn in (np.floor_divide, np.remainder)  # whose warnings say so
        if plain and (scalars or step.fn in (np.add, np.subtract, np.multiply, np.true_divide, np.matmul)):
            return self.call(step)[0]
        return f"{self.function(step.fn)}({self.arguments(step.args, {})})"

    def const(self, value: Value) -> str:
        return super().const(value) if value.number else self.thing(value.data, value.name or "c")

    def __init__(self, names: Names) -> None:
        super().__init__(names)
        self._reduces: dict[Any, Any] = {}


def _mixes_freely(ufunc: Any) -> bool:
    """Whether a ufunc of NumPy gives the same bits for a number and for an array of shape () with it."""
    known: Any = getattr(np, ufunc.__name__, None)
    return known is ufunc and ufunc is not np.power and "dl->d" not in known.types


def _axis_and_keepdims(step: Step) -> tuple[Any, Any]:
    rest = step.args[1:]
    axis = rest[0] if rest else step.named.get("axis", 0)
    return axis, step.named.get("keepdims", rest[3] if len(rest) > 3 else False)


def _tuple(texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 else f"({', '.join(texts)})"


def _laid(buffer: Buffer, region: ndarray) -> ndarray:
    offset = -region.ctypes.data % _ALIGNED
    return ndarray(buffer.shape, buffer.dtype, region, offset, buffer.strides)
