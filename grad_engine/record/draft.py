"""A record in the making: ids, counts and the rules of the format, for whatever walks over a graph.

Three walks derive their own class from Draft: export.py over our graph, interop/torch_graph.py over PyTorch's, rust.py
over the files of the Rust engine. Nodes, leaves and tensors go by keys of the walk's own choosing.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from grad_engine.formula import Tree, sound, text
from grad_engine.record.check import holds_nonfinite
from grad_engine.record.parts import (
    AccumulateEvent,
    AccumulatorRecord,
    BackwardRecord,
    CountsRecord,
    EdgeRecord,
    Event,
    Expression,
    FormulaRecord,
    ForwardRecord,
    GraphRecord,
    GroupRecord,
    LeafChangeRecord,
    NodeRecord,
    RootRecord,
    RuleRecord,
    RunEvent,
    SendEvent,
    Shape,
    TensorRecord,
)

STRETCHES = ("arithmetic", "elementwise")  # categories of ops whose operands broadcast

Key = Any


class Draft:
    """A record in the making. Tensors and edges get their ids as they are met, in the order of the program."""

    def __init__(self, nodes: Iterable[Key], leaves: Iterable[Key]) -> None:
        """nodes: by age; leaves: by creation."""
        self.ids: dict[Key, str] = {node: f"n{k}" for k, node in enumerate(nodes)}
        self.ids |= {leaf: f"a{k}" for k, leaf in enumerate(leaves)}
        self.tensors: dict[Key, TensorRecord] = {}
        self.edges: dict[tuple[Key, Key], EdgeRecord] = {}  # by the sender and one of its operands
        self.accumulators: list[AccumulatorRecord] = []
        self.nodes: list[NodeRecord] = []
        self.forward: list[ForwardRecord] = []

    def add_leaf(self, leaf: Key, tensor: TensorRecord) -> None:
        """The next step of the forward pass made a leaf."""
        self.accumulators.append(AccumulatorRecord(self.ids[leaf], tensor.id))
        self.forward.append(ForwardRecord("leaf", tensor.id))

    def add_node(self, node: NodeRecord) -> None:
        """The next step of the forward pass was an op."""
        self.nodes.append(node)
        self.forward.append(ForwardRecord("op", node.id))

    def connect(self, sender: Key, operand: Key, receiver: Key, slot: int, output: int = 0) -> EdgeRecord:
        """The new edge from an operand of one node to the node, or leaf, that made it."""
        edge = EdgeRecord(f"e{len(self.edges)}", self.ids[sender], self.ids[receiver], slot, output)
        self.edges[sender, operand] = edge
        return edge

    def sent(self, sender: Key, operand: Key, raw: Shape, shape: Shape) -> EdgeRecord:
        """The edge, now with the shape that its share had before it was summed down to the operand's `shape`."""
        edge = self.edges[sender, operand]
        if edge.raw_shape is None:
            lead = len(raw) - len(shape)
            stretched = (lead + i for i, n in enumerate(shape) if n == 1 != raw[lead + i])
            reduced = (*range(lead), *stretched) if raw != shape else ()
            edge = EdgeRecord(edge.id, edge.sender, edge.receiver, edge.slot, edge.output, raw, reduced)
            self.edges[sender, operand] = edge
        return edge

    def graph(
        self,
        roots: Sequence[RootRecord],
        runs: Sequence[BackwardRecord],
        producer: Mapping[str, str],
        title: str | None = None,
        expression: str = "",
    ) -> GraphRecord:
        """The record of all that was met; its title is the name of the running program unless one is given."""
        tensors = tuple(self.tensors.values())
        scopes: dict[str, list[str]] = {}
        for node in self.nodes:
            if node.scope:
                scopes.setdefault(node.scope, []).append(node.id)
        return GraphRecord(
            title=_program() if title is None else title,
            expression=expression,
            counts=CountsRecord(
                ops=len(self.nodes),
                leaves=len(self.accumulators),
                constants=sum(tensor.role == "constant" for tensor in tensors),
                edges=len(self.edges),
                nonfinite=tuple(tensor.id for tensor in tensors if holds_nonfinite(tensor)),
            ),
            roots=tuple(roots),
            tensors=tensors,
            nodes=tuple(self.nodes),
            edges=tuple(self.edges.values()),
            accumulators=tuple(self.accumulators),
            forward=tuple(self.forward),
            runs=tuple(runs),
            groups=tuple(GroupRecord(scope, tuple(ids)) for scope, ids in scopes.items()),
            producer=producer,
        )


class RunDraft:
    """A backward run in the making: what happened is told in its order."""

    def __init__(self, sends: Iterable[EdgeRecord]) -> None:
        """sends: the edge of every share that will be sent."""
        self.expected = Counter([(edge.receiver, edge.output) for edge in sends])
        self.arrived: Counter[tuple[str, int]] = Counter()
        self.events: list[Event] = []
        self.gradients: dict[str, tuple[str | None, ...]] = {}

    def ran(self, node: str, gradients: tuple[str | None, ...]) -> None:
        """The gradient of a node is complete, one tensor for each of its outputs, and its rules run."""
        self.gradients[node] = gradients
        self.events.append(RunEvent(node))

    def sent(self, edge: EdgeRecord, share: str) -> bool:
        """A share travels. Whether its arrival is an event too, to be told next by `added`."""
        self.events.append(SendEvent(edge.id, share))
        place = edge.receiver, edge.output
        self.arrived[place] += 1
        return self.expected[place] > 1 or edge.receiver.startswith("a")

    def complete(self, edge: EdgeRecord) -> bool:
        """Whether all shares have come that the receiver of this edge gets."""
        place = edge.receiver, edge.output
        return self.arrived[place] == self.expected[place]

    def added(self, edge: EdgeRecord, partial: str) -> None:
        """The share is part of the sum at its receiver, which is now `partial`."""
        place = edge.receiver, edge.output
        self.events.append(AccumulateEvent(edge.receiver, edge.id, self.arrived[place], self.expected[place], partial))

    def run(
        self, root: str, seed: str, leaves: Iterable[LeafChangeRecord], output: int = 0, complete: bool = True
    ) -> BackwardRecord:
        """The record of the run."""
        return BackwardRecord(
            root, seed, tuple(self.events), self.gradients, tuple(leaves), output=output, complete=complete
        )


def formula_record(forward: Tree, rules: Mapping[int, Tree]) -> FormulaRecord:
    """What an op computes, and the rule for each slot that a gradient reaches, as trees and as lines of text."""
    forward = sound(forward)
    found = {slot: sound(rule) for slot, rule in rules.items()}
    return FormulaRecord(
        Expression(text(forward), forward), tuple(RuleRecord(slot, text(rule), rule) for slot, rule in found.items())
    )


def attribute(value: Any) -> object:
    """A static argument as JSON can hold it."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, tuple | list):
        return tuple(attribute(part) for part in value)
    if isinstance(value, slice):
        return ":".join("" if end is None else str(end) for end in (value.start, value.stop, value.step))
    if value is Ellipsis:
        return "..."
    if isinstance(value, np.ndarray):
        return attribute(value.tolist()) if value.size <= 64 else f"{value.dtype} array of shape {value.shape}"
    return str(value)


def _program() -> str:
    """The name of the running program's file."""
    path = getattr(sys.modules.get("__main__"), "__file__", None)
    return Path(path).stem if path else "graph"
