"""Facts of a record that all parts of a story use: names, depths, formulas with numbers put in, broadcast operands."""

from __future__ import annotations

from grad_engine.folding.items import Link, drawn
from grad_engine.formula import Tree
from grad_engine.record import (
    GraphRecord,
    InputRecord,
    NodeRecord,
    Shape,
)
from grad_engine.record.index import index_of, is_plain_number
from grad_engine.story.names import Names
from grad_engine.story.values import values
from grad_engine.story.wording import (
    count_text,
    filled,
)

FAR = 5  # ranks between ops that are hard to look at together


class Facts:
    """The record of a story with its look-up tables, its names, and small pieces of captions."""

    def __init__(self, record: GraphRecord, longest_name: int) -> None:
        self.record = record
        self.names = Names(record, longest_name)
        self.index = index = index_of(record)
        self.tensors, self.nodes, self.edges = index.tensors, index.nodes, index.edges
        self.items, links = drawn(record)
        self.links: dict[str, list[Link]] = {}
        for link in links:
            self.links.setdefault(link.target, []).append(link)
        self.operands: dict[str, dict[str, InputRecord]] = {}  # of a node, by the link that brings it; filled by need
        numbers = {tensor.id for tensor in record.tensors if is_plain_number(tensor)}
        self.read = {node.id: {operand.tensor for operand in node.inputs} - numbers for node in record.nodes}
        self.roots = {root.node for root in record.roots}
        self.depth: dict[str, int] = {}
        for node in record.nodes:
            before = [self.depth[index.makers[tensor].id] for tensor in self.read[node.id] if tensor in index.makers]
            self.depth[node.id] = max(before, default=0) + 1
        # The latest depth at which an op can stand: ops are drawn near the ops that read them.
        self.late = dict.fromkeys(self.depth, max(self.depth.values(), default=0))
        for node in reversed(record.nodes):
            for tensor in self.read[node.id] & index.makers.keys():
                maker = index.makers[tensor].id
                self.late[maker] = min(self.late[maker], self.late[node.id] - 1)

    def akin(self, one: str, other: str) -> bool:
        """Whether two ops that do not depend on each other may share a beat. A root has a beat of its own."""
        if {one, other} & self.roots or abs(self.late[one] - self.late[other]) > FAR:
            return False
        same = self.nodes[one].op == self.nodes[other].op or bool(self.read[one] & self.read[other])
        return same and self.depth[one] == self.depth[other]

    def item_name(self, item: str) -> str:
        """What a card or a node is called in a sentence."""
        return self.names[self.index.owner(item)]

    def parameters(self, node: NodeRecord) -> dict[str, str]:
        """Parameter -> the name written for it in the formulas of a node; `out` is the name of its result."""
        return {i.parameter: self.names[i.tensor] for i in node.inputs} | {"out": self.names[node.outputs[0]]}

    def scalars(self, node: NodeRecord) -> frozenset[str]:
        """The parameters of a node's formulas that are single numbers."""
        found = {i.parameter for i in node.inputs if self.tensors[i.tensor].shape == ()}
        return frozenset(found | {"out", "g"} if all(self.tensors[t].shape == () for t in node.outputs) else found)

    def said(self, node: NodeRecord, tree: Tree) -> Tree:
        """A formula of the node with constant numbers put in and simplified."""
        return filled(tree, {i.parameter: t for i in node.inputs if is_plain_number(t := self.tensors[i.tensor])})

    def tag(self, node: NodeRecord) -> str:
        """The number of a node, such as `#3`."""
        return f"#{node.age}"

    def size(self) -> str:
        """How large the graph is, in words."""
        record = self.record
        return f"{count_text(len(record.nodes), 'operation')}, {count_text(len(record.accumulators), 'leaf tensor')}"

    def operand(self, node: NodeRecord, link: Link) -> InputRecord:
        """The operand that a link brings to a node."""
        if node.id not in self.operands:
            slots = {f"{node.id}:{operand.slot}": operand for operand in reversed(node.inputs)}
            edges = {operand.edge: operand for operand in reversed(node.inputs) if operand.edge is not None}
            self.operands[node.id] = slots | edges
        return self.operands[node.id][link.id]

    def stretched(self, node: NodeRecord, operand: InputRecord) -> Shape | None:
        """The shape that broadcasting gives an operand; None where it keeps its own."""
        if operand.broadcast_from is None:
            return None
        edge = self.edges.get(operand.edge or "")
        shape = (
            edge.raw_shape if edge is not None and edge.raw_shape is not None else self.tensors[node.outputs[0]].shape
        )
        return shape if shape != self.tensors[operand.tensor].shape else None

    def ones(self, seed: str) -> bool:
        """Whether a seed is 1 everywhere, as far as is recorded."""
        known = values(self.tensors[seed])
        return known is not None and bool((known == 1).all())

    def called(self, item: str) -> str:
        """The name of an item, with the number of an op: `h (#3)`."""
        name = self.item_name(item)
        return name if item in self.index.accumulators or name.startswith("#") else f"{name} (#{self.nodes[item].age})"
