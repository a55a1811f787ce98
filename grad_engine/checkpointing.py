"""checkpoint(): a call that keeps its inputs alone, and is made again when backward comes by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from grad_engine.core.chain_rule import pull_back
from grad_engine.core.grad_mode import current_mode, enable_grad, no_grad
from grad_engine.core.node import (
    BinaryNode,
    Edge,
    GeneralNode,
    GradAccum,
    Node,
    UnaryNode,
    next_sequence_nr,
    node_of,
)
from grad_engine.core.op import Op
from grad_engine.core.tensor import Tensor, array_of, wrap
from grad_engine.core.versions import WRITES
from grad_engine.errors import ArgumentError, GraphError
from grad_engine.formula import NAME
from grad_engine.function import handed_out, own_op
from grad_engine.ops.arithmetic import positive


def checkpoint(f: Callable[..., Any], *xs: Any, **named: Any) -> Any:
    """f(*xs, **named) as a single node that saves its inputs alone: backward calls `f` again to find its gradients.

    Trades time for memory: of everything that `f` computes on the way, nothing is kept until backward, and then only
    while its own gradients pass. `f` may use other tensors too, such as the weights of a layer, and they get their
    gradients. It returns a tensor or a tuple of them. Derivatives of any order.

    `f` must compute the same again: give what is random a seed. Backward raises GraphError where it does not. It is one
    step of the graph: a gradient that `f` itself takes with grad() has to run within `f`.
    """
    if not current_mode().record:
        return f(*xs, **named)
    again = _Again(f, xs, named)
    parts, several, _, read = again.run()
    operands = [each for each in (*again.xs, *again.named.values()) if type(each) is Tensor]
    seen = {each.node for each in operands}
    more = sorted((edge for edge in read if edge not in seen), key=lambda edge: edge.sequence_nr)  # type: ignore[union-attr]
    again.edges = (*(each.node for each in operands), *more)
    arrays: list[np.ndarray] = []
    for part in parts:  # a result that was there before keeps its own history: what is handed out is a view of it
        known = part.node in read or any(part.array is other for other in (*arrays, *(x.array for x in operands)))
        arrays.append(part.array.view() if known else part.array)
    without_grad = [part.node is None for part in parts]
    if all(without_grad):
        made = tuple(wrap(array, None) for array in arrays)
        return made if several else made[0]
    node = GeneralNode(
        _checkpoint_op(getattr(f, "__name__", type(f).__name__), len(again.edges), several),
        tuple(arrays) if several else arrays[0],
        (*(each.array for each in operands), *(read[edge] for edge in more)),
        again.edges,
        (again,),
    )
    again.sequence_nr = node.sequence_nr
    if (watch := current_mode().watch) is not None:
        watch(node)
    return handed_out(node, arrays, without_grad)


class _Again:
    """A call that can be made again, and what it read from outside when it was first made."""

    def __init__(self, f: Callable[..., Any], xs: Sequence[Any], named: Mapping[str, Any]) -> None:
        self.f = f
        # Tensors of our own: one that is changed in place has another history from then on.
        self.xs = [wrap(x.array, x.node) if type(x) is Tensor else x for x in xs]
        self.named = {key: wrap(x.array, x.node) if type(x) is Tensor else x for key, x in named.items()}
        self.edges: tuple[Edge, ...] = ()
        self.sequence_nr = -1

    def run(self) -> tuple[list[Tensor], bool, list[Node], dict[Edge, np.ndarray]]:
        """(results, whether they came as a tuple, nodes made on the way, array read from each edge into the past)."""
        start = next_sequence_nr()
        with enable_grad():
            result = self.f(*self.xs, **self.named)
        several = isinstance(result, tuple | list)
        parts = list(result) if several else [result]
        for part in parts:
            if type(part) is not Tensor:
                raise ArgumentError(
                    f"a function for checkpoint() returns a tensor or a tuple of tensors, got {type(part).__name__}"
                )
        nodes: list[Node] = []
        read: dict[Edge, Any] = {}
        pending = [(part.node, part.array) for part in parts]
        seen: set[Edge] = set()
        for edge, array in pending:
            if edge is None:
                continue
            if edge.sequence_nr < start:
                read.setdefault(edge, array)
                continue
            node = node_of(edge)
            if isinstance(node, Node) and node not in seen:
                seen.add(node)
                nodes.append(node)
                pending.extend(zip(node.edges, node.arrays, strict=True))
        return parts, several, nodes, read

    def shares(self, g: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool]) -> list[Any]:
        """The gradient of each operand, by doing it all again; recorded where the operands are Tensors."""
        differentiable = any(type(each) is Tensor for each in operands)
        numbers = [next_sequence_nr() for _ in self.edges]
        parts, _, nodes, read = self.run()
        outs, gs = (out, g) if type(out) is tuple else ((out,), (g,))
        self._check(parts, outs, read)
        # The gradient stops where the call read from outside: hooks there belong to the pass that called us.
        stops: dict[Edge, Any] = {}
        for edge, number in zip(self.edges, numbers, strict=True):
            if edge in read and edge not in stops:
                array = read[edge]
                stops[edge] = (
                    GeneralNode(positive.op, array, (array,), (edge,), ()) if differentiable else GradAccum()  # type: ignore[attr-defined]
                )
                stops[edge].sequence_nr = number
        for node in nodes:
            reroute(node, stops)
        seeds: dict[Edge, Any] = {}
        for part, each in zip(parts, gs, strict=True):
            if each is not None and part.node is not None:
                end = stops.get(part.node, part.node)
                seeds[end] = seeds[end] + each if end in seeds else each
        targets = [stops[edge] for edge, want in zip(self.edges, wanted, strict=True) if want and edge in stops]
        with enable_grad() if differentiable else no_grad():
            found = pull_back(seeds, targets, differentiable, release=not differentiable)
        return [
            found.pop(stops[edge], None) if want and edge in stops else None  # an operand that came twice: once
            for edge, want in zip(self.edges, wanted, strict=True)
        ]

    def _check(self, parts: Sequence[Tensor], outs: Sequence[Any], read: Mapping[Edge, Any]) -> None:
        same = len(parts) == len(outs) and read.keys() <= set(self.edges)
        for part, out in zip(parts, map(array_of, outs), strict=False):
            changed = WRITES.latest_of(out) > self.sequence_nr  # by the program since, which is its right
            same = same and part.shape == out.shape and (changed or _close(part.array, out))
        if not same:
            raise GraphError(
                f"{getattr(self.f, '__name__', 'the function')} gave something else when checkpoint() called it again; "
                "give what is random in it a seed, and leave the tensors it uses as they are until backward"
            )


@lru_cache(maxsize=1024)
def _checkpoint_op(called: str, count: int, several: bool) -> Op:
    inputs = tuple(f"xs[{i}]" for i in range(count))
    head = called if NAME.match(called) else "f"

    def rule(g: Any, out: Any, *rest: Any, wanted: Sequence[bool]) -> list[Any]:
        return rest[-1].shares(g, out, rest[:-1], wanted)

    return own_op(
        "checkpoint",
        inputs,
        checkpoint,
        rule,
        several,
        symbol="↻",
        category="function",
        summary="A function that is called again in backward, so that nothing inside it need be kept.",
        formula=f"{{g}} pulled back through {head}, called again",
        reads=frozenset(inputs),
        forward_formula=lambda *operands: [head, *operands],
    )


def reroute(node: Node, stops: Mapping[Edge, Edge]) -> None:
    """Let the edges of `node` that lead to a key of `stops` lead to its value."""
    if isinstance(node, UnaryNode):
        node.edge = stops.get(node.edge, node.edge)
    elif isinstance(node, BinaryNode):
        node.x_edge = stops.get(node.x_edge, node.x_edge)
        node.y_edge = stops.get(node.y_edge, node.y_edge)
    elif isinstance(node, GeneralNode):
        node.edges = tuple(stops.get(edge, edge) for edge in node.edges)


def _close(array: np.ndarray, other: np.ndarray) -> bool:
    """Whether both hold the same numbers, but for the last digits of sums that were taken in another order."""
    if array.dtype.kind != "f" or np.array_equal(array, other, equal_nan=True):
        return np.array_equal(array, other)
    near = float(np.finfo(array.dtype).eps) ** 0.5
    size = np.abs(other, where=np.isfinite(other), out=np.zeros_like(other)).max(initial=0.0)
    return np.allclose(array, other, rtol=near, atol=near * float(size), equal_nan=True)
