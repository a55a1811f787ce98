"""Node: one recorded call. Nodes link to nodes, never to Tensors, so a graph holds no reference cycle."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from grad_engine.core.op import Op
    from grad_engine.core.tensor import Tensor

next_sequence_nr = itertools.count().__next__  # orders all calls, leaves and writes of a process, in every thread


class GradAccum:
    """Where the gradient of one leaf is summed: the end of every path through the graph."""

    __slots__ = ("extra", "grad", "sequence_nr")
    name = "GradAccum"

    def __init__(self) -> None:
        self.sequence_nr = next_sequence_nr()
        self.grad: Tensor | None = None
        self.extra: dict[str, Any] | None = None  # "hooks", and under "after" those for when .grad has changed

    def __repr__(self) -> str:
        return "<GradAccum>"


class Node:
    """One recorded call: `op` applied to `arrays`, which the nodes at `edges` had made, gave `out`.

    `rest` are the static arguments, then what the forward function kept for the rules. A released node has lost its
    values: `out` is None.
    """

    __slots__ = ("extra", "op", "out", "sequence_nr")

    sequence_nr: int
    op: Op
    out: Any  # an array, a tuple of arrays, or None once released
    extra: dict[str, Any] | None  # what few nodes have: "hooks", "retained" .grad, "runs", "scope", "source" line
    arrays: tuple[Any, ...]
    edges: tuple[Edge, ...]
    rest: tuple[Any, ...]

    @property
    def name(self) -> str:
        """The name of the backward step, such as `AddBackward`."""
        return self.op.label

    def release(self) -> None:
        """Let go of every value; the structure stays."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{self.name}>"


class UnaryNode(Node):
    """One operand, as most nodes have: two objects for the collector to track instead of four.

    Made empty, by the one caller who fills it: a call of __init__ would take as long again.
    """

    __slots__ = ("edge", "rest", "x")

    x: Any
    edge: Edge
    rest: tuple[Any, ...]

    @property
    def arrays(self) -> tuple[Any, ...]:  # type: ignore[override]
        return (self.x,)

    @property
    def edges(self) -> tuple[Edge, ...]:  # type: ignore[override]
        return (self.edge,)

    def release(self) -> None:
        self.out = self.x = None
        self.rest = ()


class BinaryNode(Node):
    """Two operands and no static arguments; made empty too."""

    __slots__ = ("x", "x_edge", "y", "y_edge")

    x: Any
    y: Any
    x_edge: Edge
    y_edge: Edge
    rest = ()

    @property
    def arrays(self) -> tuple[Any, ...]:  # type: ignore[override]
        return (self.x, self.y)

    @property
    def edges(self) -> tuple[Edge, ...]:  # type: ignore[override]
        return (self.x_edge, self.y_edge)

    def release(self) -> None:
        self.out = self.x = self.y = None


class GeneralNode(Node):
    """Any number of operands, static arguments and kept values."""

    __slots__ = ("arrays", "edges", "rest")

    def __init__(
        self, op: Op, out: Any, arrays: tuple[Any, ...], edges: tuple[Edge, ...], rest: tuple[Any, ...]
    ) -> None:
        self.sequence_nr = next_sequence_nr()
        self.op = op
        self.out = out
        self.arrays = arrays
        self.edges = edges
        self.rest = rest
        self.extra = None

    def release(self) -> None:
        self.out = None
        self.arrays = self.rest = ()


class Output:
    """One numbered output of a node that has several; two of them are equal when they mean the same output."""

    __slots__ = ("index", "node")

    def __init__(self, node: Node, index: int) -> None:
        self.node = node
        self.index = index

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def sequence_nr(self) -> int:
        return self.node.sequence_nr

    @property
    def extra(self) -> dict[str, Any] | None:
        return self.node.extra

    def __eq__(self, other: object) -> bool:
        return type(other) is Output and other.node is self.node and other.index == self.index

    def __hash__(self) -> int:
        return hash((self.node, self.index))

    def __repr__(self) -> str:
        return f"<{self.name} output {self.index}>"


Edge: TypeAlias = Node | GradAccum | Output | None  # where an operand came from; None: no gradient goes there


def node_of(edge: Edge) -> Node | GradAccum | None:
    """The node, or leaf, that an edge leads to."""
    return edge.node if isinstance(edge, Output) else edge


def output_index_of(edge: Edge) -> int:
    """Which output of its node an edge means; 0 where it has one."""
    return edge.index if type(edge) is Output else 0
