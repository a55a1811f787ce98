"""What a tree says about a record: who feeds whom, when each op ran, how large its gradient is, where NaN begins."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from grad_engine.record import (
    AccumulateEvent,
    AccumulatorRecord,
    EdgeRecord,
    GraphRecord,
    NodeRecord,
    RunEvent,
    SendEvent,
    Shape,
    TensorRecord,
)


class Measure(NamedTuple):
    """The size of a tensor: its norm (None where an entry is not finite), its NaN, its infinities, its elements."""

    norm: float | None
    nan: int
    infinite: int
    size: int

    @property
    def bad(self) -> int:
        return self.nan + self.infinite


class Origin(NamedTuple):
    """Where numbers first stop being finite: an op or a leaf by its value, or an op by the share that it sends."""

    part: str  # id of an op node or an accumulator
    measure: Measure
    edge: str | None = None  # the edge, where it is a share and not a value


def measure(tensor: TensorRecord) -> Measure | None:
    """The norm of a tensor and its counts of what is not finite; None where its numbers were not recorded."""
    size = math.prod(tensor.shape)
    if (stats := tensor.stats) is not None:
        infinite = stats.posinf + stats.neginf
        return Measure(None if stats.nan or infinite else stats.norm or 0.0, stats.nan, infinite, size)
    if tensor.data is None or (values := tensor.data.values) is None:
        return None
    try:
        norm = math.hypot(*values)
    except OverflowError:  # an integer beyond the floats
        norm = math.inf
    if math.isfinite(norm):
        return Measure(norm, 0, 0, size)
    nan = sum(value != value for value in values)
    infinite = sum(value in (math.inf, -math.inf) for value in values)
    return Measure(None if nan or infinite else math.inf, nan, infinite, size)


def together(measures: list[Measure]) -> Measure | None:
    """Several tensors measured as one; None for none."""
    if len(measures) < 2:
        return measures[0] if measures else None
    norms = [m.norm for m in measures if m.norm is not None]
    nan, infinite = sum(m.nan for m in measures), sum(m.infinite for m in measures)
    return Measure(None if nan or infinite else math.hypot(*norms), nan, infinite, sum(m.size for m in measures))


class Survey:
    """A record, read once: each question that a line of the tree asks is one dictionary lookup here."""

    def __init__(self, record: GraphRecord) -> None:
        self.record = record
        self.run = record.runs[-1] if record.runs else None
        self.nodes = {node.id: node for node in record.nodes}
        self.leaves = {accumulator.id: accumulator for accumulator in record.accumulators}
        self.edges = {edge.id: edge for edge in record.edges}
        self.tensors = {tensor.id: tensor for tensor in record.tensors}
        self.incoming: dict[str, list[EdgeRecord]] = {}
        for edge in record.edges:
            self.incoming.setdefault(edge.receiver, []).append(edge)
        self.steps: dict[str, int] = {}
        self.shares: dict[str, str] = {}
        self.places: dict[str, tuple[int, int]] = {}  # edge -> (k, of) in the sum it joins
        self.sums: dict[str, list[str]] = {}  # receiver -> edges in the order in which their shares arrived
        self._measures: dict[str, Measure | None] = {}
        if self.run is None:
            self._expect()
        else:
            self._replay()

    def _replay(self) -> None:
        assert self.run is not None
        for event in self.run.events:
            if isinstance(event, SendEvent):
                self.shares[event.edge] = event.share
            elif isinstance(event, AccumulateEvent):
                self.places[event.edge] = (event.k, event.of)
                self.sums.setdefault(event.receiver, []).append(event.edge)
            elif isinstance(event, RunEvent):
                self.steps.setdefault(event.node, len(self.steps) + 1)

    def _expect(self) -> None:
        """Before a run a share's place in its sum is the one it will have: backward goes from the youngest op down."""
        for receiver, edges in self.incoming.items():
            order = sorted(edges, key=lambda edge: (-self._age(edge.sender), edge.slot))
            self.sums[receiver] = [edge.id for edge in order]
            self.places.update((edge.id, (k, len(order))) for k, edge in enumerate(order, 1))

    def _age(self, node: str) -> int:
        return self.nodes[node].age if node in self.nodes else -1

    def roots(self) -> list[str]:
        """Where the trees start: the record's roots, else every op that no other op reads."""
        given = list(dict.fromkeys(root.node for root in self.record.roots))
        return given or [node.id for node in reversed(self.record.nodes) if node.id not in self.incoming]

    def inputs(self, part: str) -> list[tuple[str, list[EdgeRecord]]]:
        """Who receives a share from this op, in slot order, each with the edges that lead there."""
        if part not in self.nodes:
            return []
        reached: dict[str, list[EdgeRecord]] = {}
        for operand in self.nodes[part].inputs:
            if operand.edge is not None:
                edge = self.edges[operand.edge]
                reached.setdefault(edge.receiver, []).append(edge)
        return list(reached.items())

    def leaf(self, accumulator: AccumulatorRecord) -> TensorRecord:
        """The leaf tensor whose gradient an accumulator sums."""
        return self.tensors[accumulator.leaf]

    def measured(self, tensor: str | None) -> Measure | None:
        """`measure` of a tensor by its id, computed once."""
        if tensor is None:
            return None
        if tensor not in self._measures:
            self._measures[tensor] = measure(self.tensors[tensor])
        return self._measures[tensor]

    def value(self, part: str) -> Measure | None:
        """The measure of what an op computed, or of a leaf."""
        if part in self.leaves:
            return self.measured(self.leaves[part].leaf)
        return self._measured_together(self.nodes[part].outputs)

    def gradient(self, node: str) -> Measure | None:
        """The measure of the complete gradient that reached an op in the last run."""
        return self._measured_together(self.run.gradients.get(node, ())) if self.run is not None else None

    def _measured_together(self, tensors: tuple[str | None, ...]) -> Measure | None:
        if len(tensors) == 1:
            return self.measured(tensors[0])
        return together([m for tensor in tensors if (m := self.measured(tensor)) is not None])

    def share(self, edge: str) -> Measure | None:
        """The measure of what the last run sent along an edge."""
        return self.measured(self.shares.get(edge))

    def gradient_tensor(self, node: str) -> TensorRecord | None:
        """The gradient that reached the first output of an op for which there is one."""
        gradients = self.run.gradients.get(node, ()) if self.run is not None else ()
        return next((self.tensors[tensor] for tensor in gradients if tensor is not None), None)

    @cached_property
    def gone(self) -> bool:
        """Whether the record holds ops but none of the values they computed."""
        outputs = [self.tensors[tensor] for node in self.record.nodes for tensor in node.outputs]
        return bool(outputs) and all(tensor.data is None and tensor.stats is None for tensor in outputs)

    def shape(self, tensor: str) -> Shape | None:
        """The shape of a tensor; None where it went with the values."""
        return self.tensors[tensor].shape if self.tensors[tensor].dtype != "unknown" else None

    @cached_property
    def value_origins(self) -> list[Origin]:
        """The ops and leaves whose values are not finite although all that they read is."""
        found = [Origin(part, m) for part in self.leaves if (m := self.value(part)) is not None and m.bad]
        for node in self.record.nodes:
            if (m := self.value(node.id)) is None or not m.bad:
                continue
            read = (self.measured(operand.tensor) for operand in node.inputs)
            if not any(r is not None and r.bad for r in read):
                found.append(Origin(node.id, m))
        return found

    @cached_property
    def gradient_origin(self) -> Origin | None:
        """Where the last run first met a gradient that is not finite: its seed (no edge) or a share."""
        if self.run is None:
            return None
        if (m := self.measured(self.run.seed)) is not None and m.bad:
            return Origin(self.run.root, m)
        for edge, share in self.shares.items():
            if (m := self.measured(share)) is not None and m.bad:
                return Origin(self.edges[edge].sender, m, edge)
        return None

    def leaf_gradients(self) -> Iterator[tuple[str, str | None, str | None]]:
        """Each accumulator with the tensors that hold its `.grad` before and after the last run."""
        changes = {change.accumulator: change for change in self.run.leaves} if self.run is not None else {}
        for accumulator in self.leaves:
            change = changes.get(accumulator)
            yield accumulator, change.before if change else None, change.after if change else None

    def named(self, name: str | int) -> list[str]:
        """The ops and leaves that go by a name: a tensor's, else the number of an op (`#3`, 3, `#3[1]`), or an id."""
        tensors = self.tensors
        ops = [node.id for node in self.record.nodes if any(tensors[output].name == name for output in node.outputs)]
        found = ops + [part for part, accumulator in self.leaves.items() if tensors[accumulator.leaf].name == name]
        if found:
            return found
        number = re.fullmatch(r"#?(\d+)(\[\d+\])?", str(name))
        id = f"n{number[1]}" if number else str(name)
        return [id] if id in self.nodes or id in self.leaves else []

    def names(self) -> list[str]:
        """Every name that `named` finds, but for the ids."""
        found = (self.tensors[t].name for node in self.record.nodes for t in node.outputs)
        leaves = (self.tensors[accumulator.leaf].name for accumulator in self.leaves.values())
        return list(dict.fromkeys(name for name in (*leaves, *found) if name))

    def constants(self, node: NodeRecord) -> list[tuple[int, str, TensorRecord]]:
        """The operands of an op that are constants: slot, parameter, tensor."""
        return [
            (operand.slot, operand.parameter, tensor)
            for operand in node.inputs
            if operand.edge is None and (tensor := self.tensors[operand.tensor]).role == "constant"
        ]


def mark(part: str) -> str:
    """How a line refers to an op: `#3` for n3."""
    return f"#{part[1:]}" if part[:1] == "n" and part[1:].isdecimal() else part


def short(node: NodeRecord) -> str:
    """The op's name without the family's ending: Add for AddBackward."""
    return node.name.removesuffix("Backward") or node.name
