"""Node: one recorded call. Nodes link to nodes, never to Tensors, so a graph holds no reference cycle."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from grad_engine.core.op import Op
from grad_engine.errors import ArgumentError

next_sequence_nr = itertools.count().__next__  # orders all calls, leaves and writes of a process, in every thread


class Extra:
    """What few nodes and leaves have besides their values; made when the first of it is needed."""

    scope: str = ""  # the group it belongs to in pictures: "encoder.layer0"
    call: int = 0  # which entry of that scope, or call of that module: equal numbers belong together
    source: tuple[str, int, str] | None = None  # file, number and text of the line that called the op
    hooks: dict[int, dict[int, Callable[..., Any]]] | None = None  # by output, of gradients that are complete
    after_hooks: dict[int, Callable[..., Any]] | None = None  # of a leaf whose `.grad` has grown
    retained: dict[int, Any] | None = None  # output -> its `.grad`, after retain_grad()
    prints: tuple[tuple[int, bytes], ...] = ()  # slots and fingerprints of operands that the program may write to
    runs: Any = None  # the recorded backward passes that began here
    derivative: tuple[int, int] | None = None  # the result is a gradient: sequence numbers of what it is of, and by


class Mixed(weakref.ref["Any"]):
    """A weak reference to a .grad that holds one along which an optimiser has moved already, and more."""

    __slots__ = ()


class GradAccum:
    """Where the gradient of one leaf is summed: the end of every path through the graph."""

    __slots__ = ("extra", "grad", "sequence_nr", "used")
    name = "GradAccum"
    next_functions = ()

    def __init__(self) -> None:
        self.sequence_nr = next_sequence_nr()
        self.grad: Any = None  # a Tensor, once something arrived
        self.used: Any = None  # weakly, the .grad along which an optimiser moved the leaf last, or what that became
        self.extra: Extra | None = None

    def __repr__(self) -> str:
        return "<GradAccum>"


class Node:
    """One recorded call: `op` applied to `arrays`, which the nodes at `edges` had made, gave `out`.

    `rest` are the static arguments, then what the forward function saved for the rules. A released node has lost its
    values: `out` is None.
    """

    __slots__ = ("extra", "op", "out", "sequence_nr")

    sequence_nr: int  # larger than that of every node it depends on
    op: Op
    out: Any  # an array, a tuple of arrays, or None once released
    extra: Extra | None
    arrays: tuple[Any, ...]
    edges: tuple[Edge, ...]
    rest: tuple[Any, ...]

    @property
    def name(self) -> str:
        """The name of the backward step, such as `AddBackward`."""
        return self.op.label

    @property
    def next_functions(self) -> tuple[tuple[Node | GradAccum | None, int], ...]:
        """For each operand the node that made it, None where no gradient flows, and which of its outputs it is."""
        return tuple((node_of(edge), output_index_of(edge)) for edge in self.edges)

    def shares(self, g: Any, useful: set[Edge] | None) -> Sequence[Share]:
        """What each operand gets of `g`, the gradient of the result: only where an edge leads on, and is `useful`."""
        return self.shares_from(g, self.out, self.arrays, useful)

    def shares_from(self, g: Any, out: Any, arrays: Sequence[Any], useful: set[Edge] | None) -> Sequence[Share]:
        """The shares as the rules make them of this result and these operands: the node's own, as arrays or Tensors."""
        op, edges, own = self.op, self.edges, self.arrays
        asked = (g, out, arrays, *self.rest) if op.variadic else (g, out, *arrays, *self.rest)
        joint: Any = None
        if op.joint is not None:
            joint = op.joint(*asked, wanted=[e is not None and (useful is None or e in useful) for e in edges])
            if joint is None:
                raise ArgumentError(f"the joint rule of {op.name} has to return a list of shares; it returned None")
        sent: list[Share] = []
        for slot, edge in enumerate(edges):
            if edge is not None and (useful is None or edge in useful):
                share = op.rules[slot](*asked) if joint is None else joint[slot]  # type: ignore[misc]
                if share is not None or (joint is None and not op.multi_output):  # a rule of one operand that forgot it
                    sent.append((slot, edge, share, own[slot]))
        return sent

    def release(self) -> None:
        """Let go of every value; the structure stays."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{self.name}>"


class UnaryNode(Node):
    """One operand, as most nodes have: two objects for the garbage collector to track instead of four.

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

    def shares(self, g: Any, useful: set[Edge] | None) -> Sequence[Share]:
        """The same as of any node, in half the time."""
        x, edge, rest = self.x, self.edge, self.rest
        if useful is not None and edge not in useful:
            return ()
        rule: Any = self.op.rules[0]
        return ((0, edge, rule(g, self.out, x, *rest) if rest else rule(g, self.out, x), x),)

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

    def shares(self, g: Any, useful: set[Edge] | None) -> Sequence[Share]:
        """The same as of any node, in half the time."""
        x, y, out = self.x, self.y, self.out
        x_edge, y_edge = self.x_edge, self.y_edge
        for_x: Any
        for_y: Any
        for_x, for_y = self.op.rules
        if useful is not None:
            x_edge = x_edge if x_edge in useful else None
            y_edge = y_edge if y_edge in useful else None
        if y_edge is None:
            return ((0, x_edge, for_x(g, out, x, y), x),) if x_edge is not None else ()
        if x_edge is None:
            return ((1, y_edge, for_y(g, out, x, y), y),)
        return (0, x_edge, for_x(g, out, x, y), x), (1, y_edge, for_y(g, out, x, y), y)

    def release(self) -> None:
        self.out = self.x = self.y = None


class GeneralNode(Node):
    """Any number of operands, static arguments and saved values."""

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
    def extra(self) -> Extra | None:
        return self.node.extra

    @property
    def next_functions(self) -> tuple[tuple[Node | GradAccum | None, int], ...]:
        return self.node.next_functions

    def __eq__(self, other: object) -> bool:
        return type(other) is Output and other.node is self.node and other.index == self.index

    def __hash__(self) -> int:
        return hash((self.node, self.index))

    def __repr__(self) -> str:
        return f"<{self.name} output {self.index}>"


Edge: TypeAlias = Node | GradAccum | Output | None  # where an operand came from; None: no gradient goes there
Share: TypeAlias = tuple[int, Edge, Any, Any]  # slot of an operand, its edge, its share of the gradient, the operand


def node_of(edge: Edge) -> Node | GradAccum | None:
    """The node, or leaf, that an edge leads to."""
    return edge.node if isinstance(edge, Output) else edge


def output_index_of(edge: Edge) -> int:
    """Which output of its node an edge means; 0 where it has one."""
    return edge.index if type(edge) is Output else 0
