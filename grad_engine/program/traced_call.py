"""One call of a function on stand-ins, and all that is known of it afterwards."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np
from numpy import ndarray

from grad_engine.core.node import GradAccum
from grad_engine.core.tensor import Tensor, wrap
from grad_engine.errors import TraceError
from grad_engine.nn.module import Module
from grad_engine.program.arguments import Arguments, returned
from grad_engine.program.entering import ONE_TRACE, tracing
from grad_engine.program.entry import Given, Output
from grad_engine.program.gradients import find_gradients
from grad_engine.program.history import History, history_of
from grad_engine.program.state import State, lifted, refuse_history
from grad_engine.program.steps import Program, Value, Write
from grad_engine.program.trace import OUTERMOST, STAND_INS, Trace
from grad_engine.program.traced import Traced, TracedNumber


@dataclass(slots=True)
class TracedCall:
    """A traced call: the program as it was noted, what its arguments and its state were, and what it returned."""

    program: Program
    arguments: Arguments
    state: State
    parameters: list[str]  # of the entry
    names: list[str]  # of the same arguments, as the function has them
    structure: Any  # what was returned, with an Output for each array
    history: History | None

    def check(self, used: set[Any]) -> None:
        """Raise TraceError where the program reads a tensor whose history would be lost."""
        for value, name in self.state.with_history.items():
            if value in used:
                raise TraceError(
                    f"the compiled function reads {name!r} from outside, a tensor that is the result of an op, whose "
                    "history would be lost; pass it as an argument, or read .detach()"
                )


def traced_call(
    function: Callable[..., Any], args: Sequence[Any], named: dict[str, Any], names: Sequence[str],
    static: Sequence[str],
) -> TracedCall:  # fmt: skip
    """Run `function` once on stand-ins. `names` are those of all arguments, in order."""
    trace = Trace()
    state = State(trace)
    trace.held, trace.generators = state.held, state.stand_in_for
    arguments = Arguments(state)
    given = [*args, *named.values()]
    parameters = [f"p{number}" for number in range(len(given))]
    with ONE_TRACE, lifted([function, *_objects(given)], state), tracing(trace):
        inside = [
            arguments.taken_apart(each, path, name, name in static)
            for each, path, name in zip(given, parameters, names, strict=True)
        ]
        trace.grads_read.clear()  # of what the function itself does, from here on
        result = function(*inside[: len(args)], **dict(zip(named, inside[len(args) :], strict=True)))
        if trace.raised:
            raise TraceError(
                f"the compiled function caught the {trace.raised[0]}, which depends on numbers, so that its program "
                "would go this way at each run; ask for the condition with np.where(), or catch it outside"
            )
        noted = _Result(trace, state, arguments)
        structure = returned(result, noted.output, template=True)
        for part in arguments.parts:
            if type(part.inside) is Tensor and part.inside.node is not part.leaf:
                refuse_history(part.value.name or "")
        inputs = [*(part.value for part in arguments.parts), *(source.value for source in state.sources)]
        name = re.sub(r"\W", "_", getattr(function, "__name__", type(function).__name__)).strip("_") or "program"
        name = "program" if name == "lambda" else name
        steps = list(trace.steps)
        find_gradients(steps, trace.shares, trace.rows)
        leaves = _leaves(arguments, state, inside)
        written = {stand_in._origin for stand_in in state._by_array.values() if stand_in.version}
        history = history_of(function, trace, name, inputs, noted.held, leaves, written)
        _name_outputs(result)
    if history is not None and state.stores:
        history.writes = True
    writes = [Write(target, value) for target, value in state.in_place]
    for part in arguments.parts:
        if type(part.stand_in) is Traced and part.stand_in.version:
            writes.append(Write(part.value, part.stand_in.current))
        if part.leaf is not None and not part.is_leaf and part.leaf.grad is not None:
            raise TraceError(
                f"the compiled function ran backward() into the argument {part.value.name!r}, the result of an op "
                "outside, where the gradient would be lost; return the gradient with ge.grad() instead"
            )
    writes += [Write(None, store.value, not isinstance(store.slot.holder, GradAccum)) for store in state.stores]
    inputs = [*(part.value for part in arguments.parts), *(source.value for source in state.sources)]
    program = Program(name, inputs, steps, noted.values, writes, trace.reasons, kept=state.kept, rules=state.rules)
    program.roots = [value.memory for value in program.leaving()]
    trace.close()
    return TracedCall(program, arguments, state, parameters, [*names], structure, history)


OUTERMOST.add(id(traced_call.__code__))


class _Result:
    """Takes what a function returned apart into outputs."""

    def __init__(self, trace: Trace, state: State, arguments: Arguments) -> None:
        self.trace, self.state, self.arguments = trace, state, arguments
        self.values: list[Value] = []
        self.held: list[Any] = []
        self._known: dict[int, Output] = {}  # by id of an array that is the same at each run, returned before

    def output(self, leaf: Any) -> Any:
        kind = type(leaf)
        for part in self.arguments.parts:
            if leaf is part.inside:  # the very argument
                return Given(part.path)
        if kind is Tensor:
            if id(leaf) in self.state.tensors:  # a weight, say: the same tensor as in eager mode
                return leaf
            return self._noted(leaf.array, Tensor, leaf)
        if kind is Traced:
            return self._noted(leaf, np.generic if leaf._value.scalar else leaf._value.array_type, leaf)
        if kind is TracedNumber:
            return self._noted(leaf, leaf._value.number, leaf)
        if kind is ndarray and leaf.dtype.kind in "fiub":
            if id(leaf) not in self._known:
                self._known[id(leaf)] = self._noted(leaf, ndarray, leaf)
            return self._known[id(leaf)]
        if isinstance(leaf, Iterator) and not isinstance(leaf, type):
            raise TraceError(
                f"the compiled function returned an iterator, a {kind.__name__}, whose items would be computed outside "
                "of its program; return a list"
            )
        if holds_stand_in(leaf):
            raise TraceError(
                f"the compiled function returned a {kind.__name__} that holds traced values, which its program cannot "
                "make anew; return arrays in tuples, lists, dicts or dataclasses, or declare its kind with "
                "ge.register_structure()"
            )
        return leaf

    def _noted(self, array: Any, kind: type, held: Any) -> Output:
        value = self.trace.value_of(array)
        self.values.append(value)
        self.held.append(held)
        return Output(len(self.values) - 1, kind, value)


def holds_stand_in(x: Any) -> bool:
    """Whether an object, a function, or a container of another kind leads to a stand-in."""
    pending: list[Any] = [x]
    seen: set[int] = set()
    while pending and len(seen) < _MOST:
        each = pending.pop()
        if type(each) in STAND_INS:
            return True
        if id(each) in seen or isinstance(each, _ENDS):
            continue
        seen.add(id(each))
        if type(each) is FunctionType:
            cells = [cell.cell_contents for cell in each.__closure__ or () if _filled(cell)]
            pending += [*cells, each.__defaults__, each.__kwdefaults__, each.__dict__]
        else:
            pending += gc.get_referents(each)
    return False


_MOST = 10_000  # objects that are looked at
_ENDS = (type, ModuleType, Module, CodeType, str, int, float)


def _filled(cell: CellType) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:
        return False


def _objects(given: Sequence[Any]) -> list[Any]:
    """Arguments, or parts of them, that are objects: what they hold is state, as what the function closes over."""
    found: list[Any] = []
    plain = (int, float, complex, str, bytes, type(None), ndarray, np.generic, Tensor, np.random.Generator, np.dtype)

    def look(leaf: Any) -> None:
        if not isinstance(leaf, plain) and not isinstance(leaf, type):
            found.append(leaf)

    for each in given:
        returned(each, look)
    return found


def _leaves(arguments: Arguments, state: State, inside: list[Any]) -> list[tuple[Any, Tensor]]:
    """Where each tensor with a gradient comes from, and the tensor that stands for it while tracing."""
    given = [(part.path, wrap(part.stand_in, part.leaf)) for part in arguments.parts if part.leaf is not None]
    return [*given, *((each, each) for each in state.tensors.values() if type(each.node) is GradAccum)]


def _name_outputs(result: Any) -> None:
    """Values that are returned in a dict, and have no name yet, are called after their key."""
    from grad_engine.program.trace import name_value

    if type(result) is dict:
        for key, part in result.items():
            if isinstance(key, str) and key.isidentifier():
                name_value(key, part, False)
