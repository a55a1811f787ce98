"""A compiled call as one node of the graph: where arguments or weights require grad, its results have a history.

Backward runs a second program, which is the forward pass again and the chain rule through it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy import ndarray

from grad_engine.core.call import as_tensor
from grad_engine.core.chain_rule import newest_first
from grad_engine.core.grad_mode import current_mode, enable_grad
from grad_engine.core.node import GeneralNode
from grad_engine.core.op import Op
from grad_engine.core.tensor import Tensor, array_of, wrap
from grad_engine.errors import GraphError
from grad_engine.function import handed_out, own_op
from grad_engine.functional import grad
from grad_engine.ops.arithmetic import positive
from grad_engine.program.arguments import returned
from grad_engine.program.code import Code
from grad_engine.program.passes.dead import alive
from grad_engine.program.steps import DRAW, Program, Value
from grad_engine.program.trace import Trace


@dataclass(slots=True)
class History:
    """What a compiled call needs to take part in the graph.

    inputs: of the forward program, which backward gets again; tensors: path or tensor of each operand with a gradient;
    outputs: the numbers of those outputs that have a history.
    """

    function: Callable[..., Any]
    freed: list[int]  # outputs whose graph was used up by a backward() inside
    inputs: list[Value]
    tensors: list[Any]
    outputs: list[int]
    backward: Program
    seeds: set[Value]  # those inputs of the backward program that are gradients of outputs
    drawn: list[Value]  # random numbers of the forward program, which backward reads and does not draw again
    writes: bool
    run: Callable[..., Any] | None = None
    plain: Callable[..., Any] | None = None  # the same, for numbers that Python's arithmetic refuses

    def prepare(self, shortened: Callable[[Program], Program]) -> None:
        """Make the code of the backward program."""
        plain = alive(self.backward)
        used = {value for step in plain.steps for value in step.values()} | {*plain.outputs}
        self.inputs = [value for value in self.inputs if value in used]
        seeds = [value for value in self.backward.inputs if value in self.seeds]
        places = {value: place for place, value in enumerate([*self.inputs, *seeds])}
        self.run = _running(shortened(plain), places)
        self.plain = _running(plain, places)

    def attach(self, tensors: tuple[Tensor, ...], arrays: tuple[Any, ...], outs: tuple[Any, ...], args: Any) -> Any:
        """The outputs as tensors with a history."""
        own = {id(tensor.array) for tensor in tensors}
        kept = [x if id(x) in own or not isinstance(x, ndarray) else x.copy() for x in arrays]
        results: list[ndarray] = []
        for out in outs:
            array = np.asarray(out)
            results.append(array.view() if any(array is other for other in results) else array)
        several = len(results) > 1
        node = GeneralNode(
            _compiled_op(len(tensors), several), tuple(results) if several else results[0],
            tuple([tensor.array for tensor in tensors]), tuple([tensor.node for tensor in tensors]),
            (_Kept(self, kept, args),),
        )  # fmt: skip
        if (watch := current_mode().watch) is not None:
            watch(node)
        made = handed_out(node, results, (False,) * len(results))
        return made if several else (made,)

    def shares(self, kept: Sequence[Any], gs: Sequence[ndarray]) -> list[ndarray]:
        """The gradient by each tensor."""
        assert self.run is not None and self.plain is not None
        given = [*kept, *gs]
        try:
            found = self.run(given)
        except (ArithmeticError, ValueError):
            found = self.plain(given)
        return [*map(np.asarray, found if len(self.backward.outputs) > 1 else (found,))]

    def shares_with_graph(self, args: Any, tensors: Sequence[Tensor], gs: Sequence[Tensor]) -> list[Any]:
        """The same by calling the function itself, so that it is recorded."""
        if self.writes or self.drawn:
            does = "writes to what lies outside of it" if self.writes else "would draw other random numbers"
            raise GraphError(
                f"a second derivative through a compiled function would call it again, and it {does}; compile the "
                "gradient of the gradient instead, as in ge.compile(ge.hessian(f))"
            )
        # Of an operand that was computed from another, the share goes through the graph outside: each is a result here.
        apart = [positive(tensor) for tensor in tensors]
        again = {id(old): new for old, new in zip(self._operands(args), apart, strict=True)}
        closed = [
            (spot, spot.node, new.node) for spot, new in zip(self.tensors, apart, strict=True) if type(spot) is Tensor
        ]
        try:
            for tensor, _, node in closed:
                tensor.node = node
            out = self.function(*returned(args, lambda leaf: again.get(id(leaf), leaf)))
            found: list[Tensor] = []
            own = {*map(id, apart), *(id(tensor) for tensor, _, _ in closed)}
            returned(args, lambda leaf: own.add(id(leaf)))

            def take(leaf: Any) -> None:
                if type(leaf) is Tensor and leaf.node is not None and id(leaf) not in own:
                    found.append(leaf)

            returned(out, take)
        finally:
            for tensor, node, _ in closed:
                tensor.node = node
        return list(grad(found, apart, list(gs), create_graph=True, allow_unused=True))

    def _operands(self, args: Any) -> list[Any]:
        scope = {f"p{number}": each for number, each in enumerate(args)}
        return [eval(spot, {}, scope) if type(spot) is str else spot for spot in self.tensors]


def _running(program: Program, places: dict[Value, int]) -> Callable[[Sequence[Any]], Any]:
    """The program as a function of all values that it might need."""
    used = {value for step in program.steps for value in step.values()}
    used |= {*program.outputs, *program.finite, *program.hidden}
    program.inputs = [value for value in program.inputs if value in used]
    taken = [places[value] for value in program.inputs]
    free: list[Callable[..., Any]] = []
    code: list[Code] = []

    def run(given: Sequence[Any]) -> Any:
        if not code:
            code.append(Code(program))
        function = free.pop() if free else code[0].function()
        try:
            return function(*[given[place] for place in taken])
        finally:
            free.append(function)

    return run


class _Kept:
    """What one call leaves for its backward."""

    def __init__(self, history: History, values: Sequence[Any], args: Any) -> None:
        self.history, self.values, self.args = history, values, args

    def shares(self, g: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool]) -> list[Any]:
        """The gradient of each operand; recorded where the operands are Tensors."""
        outs, gs = (out, g) if type(out) is tuple else ((out,), (g,))
        if any(type(each) is Tensor for each in operands):
            tensors = [
                wrap(np.zeros_like(array_of(each)), None) if g is None else as_tensor(g)
                for g, each in zip(gs, outs, strict=True)
            ]
            with enable_grad():
                found = self.history.shares_with_graph(self.args, operands, tensors)
        else:
            arrays = [np.zeros_like(each) if g is None else g for g, each in zip(gs, outs, strict=True)]
            found = self.history.shares(self.values, arrays)
        return [share if want else None for share, want in zip(found, wanted, strict=True)]


@lru_cache(maxsize=1024)
def _compiled_op(count: int, several: bool) -> Op:
    """The op of a compiled call with so many tensors."""
    inputs = tuple(f"tensors[{number}]" for number in range(count))

    def rule(g: Any, out: Any, *rest: Any, wanted: Sequence[bool]) -> Any:
        return rest[-1].shares(g, out, rest[:-1], wanted)

    return own_op(
        "Compiled", inputs, History.attach, rule, several, symbol="f", category="function",
        summary="A call of a compiled function.", formula="what the program of the gradient makes of {g}",
        reads=frozenset(inputs),
    )  # fmt: skip


def freed_node() -> GeneralNode:
    """The node of a result whose graph was used up: a backward() from there says so, as in eager mode."""
    return GeneralNode(_compiled_op(0, False), None, (), (), ())


def _is_freed(tensor: Tensor) -> bool:
    """Whether backward() ran through the graph of this result and let go of its values."""
    edges = [tensor.node]
    return any(node.out is None for node in newest_first(edges))


def history_of(
    function: Any, trace: Trace, name: str, inputs: list[Value], outputs: list[Any], leaves: list[tuple[Any, Tensor]],
    written: set[Value],
) -> History | None:  # fmt: skip
    """How the outputs depend on the leaves; None where none does. Notes the chain rule in the trace.

    outputs: Values, or Tensors with a history. leaves: (path or tensor, the tensor that stands for it in the trace).
    """
    with_history = [
        number for number, each in enumerate(outputs)
        if type(each) is Tensor and each.node is not None and each.array.dtype.kind == "f"
    ]  # fmt: skip
    freed = [number for number in with_history if _is_freed(outputs[number])]
    with_history = [number for number in with_history if number not in freed]
    if not with_history:
        return History(function, freed, [], [], [], Program(name, [], [], []), set(), [], False) if freed else None
    ys = [outputs[number] for number in with_history]
    pairs = zip(with_history, ys, strict=True)
    seeds = [Value(np.empty_like(y.array.current.now), f"g_{number}") for number, y in pairs]
    gs = [wrap(trace.stand_in(seed), None) for seed in seeds]
    found = grad(ys, [tensor for _, tensor in leaves], gs, retain_graph=True, allow_unused=True)
    reached = [(spot, share) for (spot, _), share in zip(leaves, found, strict=True) if share is not None]
    if not reached:  # it depends on leaves that were made inside, which nobody can reach any more
        return None
    shares = [trace.value_of(share) for _, share in reached]
    drawn = [out for step in trace.steps if step.kind is DRAW for out in step.outs]
    inputs = [*inputs, *drawn]
    steps = [step for step in trace.steps if step.kind is not DRAW]
    backward = Program(f"{name}_backward", [*inputs, *seeds], steps, shares)
    backward.roots = [share.memory for share in shares]
    return History(
        function, freed, inputs, [spot for spot, _ in reached], with_history, backward, {*seeds}, drawn, bool(written)
    )
