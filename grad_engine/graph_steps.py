"""walk(): one look at the graph behind a tensor, step by step, for whoever writes a reader of their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from grad_engine.core.chain_rule import newest_first
from grad_engine.core.checks import edge_of
from grad_engine.core.names import name_of
from grad_engine.core.node import Edge, GradAccum, Node, node_of, output_index_of
from grad_engine.core.run_log import Ran
from grad_engine.core.tensor import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """A leaf, or one operation that was executed.

    operation: the op's name; None for a leaf. operands: its arrays and numbers, in order, empty for a leaf and once
    backward has let the values go. value: the result, a tuple of arrays where there are several; None once let go.
    gradient: of a leaf its `.grad`; of an operation what the last backward with retain_graph=True brought to its
    result, or what retain_grad() kept; else None. name: of the tensor, where it has one. edges: for each operand the
    step that made it, None where no gradient flows. node: what `grad_fn` is.
    """

    operation: str | None
    operands: tuple[Any, ...]
    value: Any
    gradient: Any
    name: str | None
    edges: tuple[Step | None, ...]
    node: Node | GradAccum


def walk(root: Tensor) -> Iterator[Step]:
    """The leaves and operations behind a tensor, in the order in which they were made and executed; `root` comes last.

    Raises GraphError for a tensor that does not require grad, ArgumentError for what is no tensor.

    >>> import grad_engine as ge
    >>> x = ge.tensor(3.0, requires_grad=True, name="x")
    >>> for step in ge.walk(x * x + 1):
    ...     print(step.operation or step.name, step.value)
    x 3.0
    mul 9.0
    add 10.0
    """
    start = edge_of(root, "the tensor to walk from")
    nodes = newest_first([start])[::-1]
    leaves: dict[GradAccum, Any] = {start: root.array} if isinstance(start, GradAccum) else {}
    for made in nodes:
        for edge, array in zip(made.edges, made.arrays or [None] * len(made.edges), strict=True):
            if isinstance(edge, GradAccum) and leaves.get(edge) is None:
                leaves[edge] = array
    gradients = _last_gradients(start)
    steps: dict[Any, Step] = {}
    parts: list[Node | GradAccum] = [*leaves, *nodes]
    for node in sorted(parts, key=lambda each: each.sequence_nr):
        if isinstance(node, GradAccum):
            value = leaves[node]
            grad = None if node.grad is None else node.grad.array
            steps[node] = Step(None, (), value, grad, name_of(value), (), node)
        else:
            edges = tuple(None if edge is None else steps[node_of(edge)] for edge in node.edges)
            gradient = gradients.get(node.sequence_nr, _retained(node))
            name = name_of(node.out) if isinstance(node.out, np.ndarray) else None
            operands = () if node.out is None else tuple(node.arrays)
            steps[node] = Step(node.op.name, operands, node.out, gradient, name, edges, node)
        yield steps[node]


def _last_gradients(start: Edge) -> dict[int, Any]:
    """What the last recorded backward pass from here brought to each node, by its sequence number."""
    node = node_of(start)
    runs = node.extra.runs if node is not None and node.extra is not None else None
    if not runs:
        return {}
    of_root = [run for run in runs if run.output == output_index_of(start)]
    return {event.sequence_nr: event.g for event in of_root[-1].events if isinstance(event, Ran)} if of_root else {}


def _retained(node: Node) -> Any:
    kept = node.extra.retained if node.extra is not None else None
    return kept[0].array if kept and kept.get(0) is not None else None
