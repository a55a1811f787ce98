"""Answers that every reader of a record needs: which op made a tensor, who reads it, what a run sent, what is NaN.

`index_of(record)` gives the index of a record, always the same one. Each table in it is built when it is first asked
for, in one pass over the record, so an index costs nothing to make and stays linear in the size of the record.

Ids are those of the record. A *part* is an op node or an accumulator. The last backward run counts (`index.run`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from functools import cached_property
from typing import NamedTuple

from grad_engine.formula import Tree
from grad_engine.record.parts import (
    AccumulateEvent,
    AccumulatorRecord,
    BackwardRecord,
    EdgeRecord,
    GraphRecord,
    InputRecord,
    LeafChangeRecord,
    NodeRecord,
    RuleRecord,
    RunEvent,
    SendEvent,
    Shape,
    TensorRecord,
)

# Heads of formulas whose operands may change places.
SYMMETRIC_HEADS = frozenset({"+", "*", "&", "|", "==", "!="})

FAR = 1e9  # times the seed, which no loss over a million terms comes to

_NUMBERED = re.compile(r"#?(\d{1,9})(?:\[\d+\])?\Z")


class Measure(NamedTuple):
    """The size of a tensor: its norm (None where an entry is not finite), its NaN, its infinities, its elements."""

    norm: float | None
    nan: int
    infinite: int
    size: int

    @property
    def bad(self) -> int:
        """How many entries are NaN or infinite."""
        return self.nan + self.infinite


class Origin(NamedTuple):
    """Where numbers first stop being finite: an op or a leaf by its value, or an op by the share that it sends."""

    part: str
    measure: Measure
    edge: str | None = None  # the edge, where it is a share and not a value


class Use(NamedTuple):
    """One operand of one op: where a tensor is read."""

    node: NodeRecord
    operand: InputRecord


class Place(NamedTuple):
    """The place of a share in the sum that it joins: the k-th of `of`."""

    k: int
    of: int


class Turn(NamedTuple):
    """One step of a backward run: the node whose rules ran, and what was sent and added before the next node ran."""

    node: str
    events: tuple[SendEvent | AccumulateEvent, ...]


def index_of(record: GraphRecord) -> RecordIndex:
    """The index of a record; the same object each time, kept with the record."""
    # A record is frozen and has no field for it: it is kept where `cached_property` keeps its values, so that
    # `dataclasses.replace` starts without one and records compare by their fields alone.
    kept = vars(record)
    if (found := kept.get("_index")) is None:
        found = kept["_index"] = RecordIndex(record)
    return found


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


def together(measures: Sequence[Measure]) -> Measure | None:
    """Several tensors measured as one; None for none."""
    if len(measures) < 2:
        return measures[0] if measures else None
    norms = [m.norm for m in measures if m.norm is not None]
    nan, infinite = sum(m.nan for m in measures), sum(m.infinite for m in measures)
    return Measure(None if nan or infinite else math.hypot(*norms), nan, infinite, sum(m.size for m in measures))


def single_number(tensor: TensorRecord) -> float | int | bool | None:
    """The number of a tensor that holds exactly one, whatever its axes; None for others, and where it is not recorded.

    A bool counts as a number: compare with `is None`.
    """
    values = tensor.data.values if tensor.data is not None else None
    return values[0] if values is not None and len(values) == 1 else None


def is_plain_number(tensor: TensorRecord) -> bool:
    """Whether a tensor is a constant number without a name, as the 3 in `x + 3`: it is written inside its op."""
    return tensor.role == "constant" and tensor.shape == () and not tensor.name


class RecordIndex:
    """Look-up tables over one record. Every table is a dictionary or list built at the first question."""

    def __init__(self, record: GraphRecord) -> None:
        self.record = record

    # parts by id

    @cached_property
    def tensors(self) -> Mapping[str, TensorRecord]:
        """Every tensor by its id."""
        return {tensor.id: tensor for tensor in self.record.tensors}

    @cached_property
    def nodes(self) -> Mapping[str, NodeRecord]:
        """Every op node by its id, by age."""
        return {node.id: node for node in self.record.nodes}

    @cached_property
    def edges(self) -> Mapping[str, EdgeRecord]:
        """Every edge by its id."""
        return {edge.id: edge for edge in self.record.edges}

    @cached_property
    def accumulators(self) -> Mapping[str, AccumulatorRecord]:
        """Every accumulator by its id, in the order in which the leaves were made."""
        return {accumulator.id: accumulator for accumulator in self.record.accumulators}

    @cached_property
    def run(self) -> BackwardRecord | None:
        """The last backward run; None where none is recorded."""
        return self.record.runs[-1] if self.record.runs else None

    # who makes and who reads a tensor

    @cached_property
    def makers(self) -> Mapping[str, NodeRecord]:
        """Tensor id -> the op node that put it out; leaves and constants have none."""
        return {tensor: node for node in reversed(self.record.nodes) for tensor in node.outputs}

    @cached_property
    def accumulator_of(self) -> Mapping[str, str]:
        """Tensor id of a leaf -> id of the accumulator that sums its gradient."""
        return {accumulator.leaf: accumulator.id for accumulator in self.record.accumulators}

    def producer(self, tensor: str) -> str | None:
        """The part that a tensor comes from: an op node, or the accumulator of a leaf; None for a constant."""
        made = self.makers.get(tensor)
        return made.id if made is not None else self.accumulator_of.get(tensor)

    def leaf(self, accumulator: str) -> TensorRecord:
        """The leaf tensor whose gradient an accumulator sums."""
        return self.tensors[self.accumulators[accumulator].leaf]

    def outputs(self, part: str) -> tuple[str, ...]:
        """What an op computed, or the leaf of an accumulator, by tensor id."""
        found = self.accumulators.get(part)
        return self.nodes[part].outputs if found is None else (found.leaf,)

    @cached_property
    def uses(self) -> Mapping[str, Sequence[Use]]:
        """Tensor id -> every operand that reads it, by age of the op, then slot; absent where nobody does."""
        found: dict[str, list[Use]] = {}
        for node in self.record.nodes:
            for operand in node.inputs:
                found.setdefault(operand.tensor, []).append(Use(node, operand))
        return found

    def readers(self, part: str) -> list[str]:
        """The ops that read what a part made, each once, by age."""
        found = {use.node.id: use.node.age for tensor in self.outputs(part) for use in self.uses.get(tensor, ())}
        return sorted(found, key=found.__getitem__)

    def sources(self, node: str) -> list[str]:
        """The parts that an op reads from, each once, by slot. Constants are left out."""
        found = (self.producer(operand.tensor) for operand in self.nodes[node].inputs)
        return list(dict.fromkeys(part for part in found if part is not None))

    def constants(self, node: NodeRecord) -> list[tuple[int, str, TensorRecord]]:
        """The operands of an op that are constants: slot, parameter, tensor."""
        return [
            (operand.slot, operand.parameter, tensor)
            for operand in node.inputs
            if operand.edge is None and (tensor := self.tensors[operand.tensor]).role == "constant"
        ]

    # edges

    @cached_property
    def incoming(self) -> Mapping[str, Sequence[EdgeRecord]]:
        """Part -> the edges that bring it shares, in the order of the record; absent where none leads."""
        found: dict[str, list[EdgeRecord]] = {}
        for edge in self.record.edges:
            found.setdefault(edge.receiver, []).append(edge)
        return found

    def outgoing(self, node: str) -> list[EdgeRecord]:
        """The edges along which an op sends shares, by slot; none for an accumulator."""
        if node not in self.nodes:
            return []
        return [self.edges[operand.edge] for operand in self.nodes[node].inputs if operand.edge is not None]

    def receivers(self, node: str) -> list[tuple[str, list[EdgeRecord]]]:
        """Who receives a share from this op, in slot order, each with the edges that lead there."""
        reached: dict[str, list[EdgeRecord]] = {}
        for edge in self.outgoing(node):
            reached.setdefault(edge.receiver, []).append(edge)
        return list(reached.items())

    @cached_property
    def operands(self) -> Mapping[str, InputRecord]:
        """Edge id -> the operand of its sender whose share it carries."""
        return {each.edge: each for node in self.record.nodes for each in node.inputs if each.edge is not None}

    def owner(self, receiver: str, output: int = 0) -> str:
        """The tensor that a gradient reaching this part (and output of it) belongs to."""
        found = self.accumulators.get(receiver)
        return self.nodes[receiver].outputs[output] if found is None else found.leaf

    def target(self, edge: str) -> str:
        """The tensor that the share of an edge is part of the gradient of."""
        found = self.edges[edge]
        return self.owner(found.receiver, found.output)

    # ops

    @cached_property
    def roots(self) -> Sequence[str]:
        """The op nodes where backward starts: the record's roots, else the ops that no op reads, newest first."""
        given = list(dict.fromkeys(root.node for root in self.record.roots))
        return given or [node.id for node in reversed(self.record.nodes) if node.id not in self.incoming]

    def formula(self, node: str) -> Tree | None:
        """The formula tree of what an op computes; None where none is recorded, or where it is words only."""
        found = self.nodes[node].formula
        if found is None or (isinstance(found.forward.tree, list | tuple) and found.forward.tree[0] == "say"):
            return None
        return found.forward.tree

    @cached_property
    def rules(self) -> Mapping[str, RuleRecord]:
        """Edge id -> the local derivative that makes its share. Edges without a recorded rule are absent."""
        found: dict[str, RuleRecord] = {}
        for node in self.record.nodes:
            if node.formula is not None and node.formula.vjp:
                by_slot = {operand.slot: operand.edge for operand in node.inputs if operand.edge is not None}
                found.update((by_slot[rule.slot], rule) for rule in node.formula.vjp if rule.slot in by_slot)
        return found

    def commutes(self, node: str) -> bool:
        """Whether the operands of an op may change places; False where the record does not tell."""
        if self.nodes[node].commutes:
            return True
        tree = self.formula(node)  # in a record of 1.0 nodes do not say it themselves
        return isinstance(tree, list | tuple) and tree[0] in SYMMETRIC_HEADS

    @cached_property
    def scopes(self) -> Mapping[str, Sequence[str]]:
        """Scope -> the ops made directly in it, by age. Ops outside of every scope are absent."""
        found: dict[str, list[str]] = {}
        given = {node: group.scope for group in self.record.groups for node in group.members}
        for node in self.record.nodes:
            if scope := given.get(node.id, node.scope):
                found.setdefault(scope, []).append(node.id)
        return found

    # names

    @cached_property
    def _named(self) -> Mapping[str, Sequence[str]]:
        found: dict[str, dict[str, None]] = {}
        owners = [(output, node.id) for node in self.record.nodes for output in node.outputs]
        owners += [(accumulator.leaf, accumulator.id) for accumulator in self.record.accumulators]
        for tensor, part in owners:
            if name := self.tensors[tensor].name:
                found.setdefault(name, {})[part] = None
        return {name: list(parts) for name, parts in found.items()}

    def find(self, name: str | int) -> list[str]:
        """The parts that go by a name, ops first; none where nothing does.

        Looked for in this order: a tensor's name; the number of an op (`#3`, 3, `#3[1]`); an id (`n3`, `a0`); the path
        of a module or scope (`layers.0`), which stands for every op inside it.
        """
        text = str(name)
        if text in self._named:
            return list(self._named[text])
        number = _NUMBERED.match(text)
        id = f"n{int(number[1])}" if number else text
        if id in self.nodes or id in self.accumulators:
            return [id]
        within = f"{text}."
        inside = [
            node
            for scope, nodes in self.scopes.items()
            if text and (scope == text or scope.startswith(within))
            for node in nodes
        ]
        return sorted(inside, key=lambda node: self.nodes[node].age)

    def names(self) -> list[str]:
        """Every tensor name that `find` knows, those of leaves first."""
        leaves = (self.leaf(accumulator).name for accumulator in self.accumulators)
        made = (self.tensors[output].name for node in self.record.nodes for output in node.outputs)
        return list(dict.fromkeys(name for name in (*leaves, *made) if name))

    @cached_property
    def _nameless_constants(self) -> Mapping[str, str]:
        found = dict.fromkeys(
            operand.tensor
            for node in self.record.nodes
            for operand in node.inputs
            if operand.edge is None
            and self.producer(operand.tensor) is None
            and not self.tensors[operand.tensor].name
            and not is_plain_number(self.tensors[operand.tensor])
        )
        return {id: f"c{k}" if len(found) > 1 else "const" for k, id in enumerate(found, 1)}

    def label(self, tensor: str) -> str | None:
        """What a tensor is called: its name, else its op, accumulator or number among nameless constants.

        `#4` is the only result of op n4 and `#4[1]` its second one, `a0` a nameless leaf, `const` the only nameless
        constant, `c1`, `c2`, ... one of several. None for a constant number without a name (the number stands for
        itself), and for gradients, shares and seeds.
        """
        record = self.tensors[tensor]
        if record.name:
            return record.name
        if (node := self.makers.get(tensor)) is not None:
            number = mark(node.id)
            return number if len(node.outputs) == 1 else f"{number}[{node.outputs.index(tensor)}]"
        return self.accumulator_of.get(tensor) or self._nameless_constants.get(tensor)

    # the last backward run

    @cached_property
    def turns(self) -> Sequence[Turn]:
        """The steps of the last run in order: each node that ran, with what was sent and added in its turn."""
        found: list[tuple[str, list[SendEvent | AccumulateEvent]]] = []
        for event in self.run.events if self.run is not None else ():
            if isinstance(event, RunEvent):
                found.append((event.node, []))
            elif found:
                found[-1][1].append(event)
        return [Turn(node, tuple(events)) for node, events in found]

    @cached_property
    def steps(self) -> Mapping[str, int]:
        """Op node -> when it ran in the last run, from 1. Ops that did not run are absent."""
        events = self.run.events if self.run is not None else ()
        ran = dict.fromkeys(event.node for event in events if isinstance(event, RunEvent))
        return {node: k for k, node in enumerate(ran, 1)}

    @cached_property
    def shares(self) -> Mapping[str, str]:
        """Edge -> the share that the last run sent along it, by tensor id, in the order in which they were sent."""
        events = self.run.events if self.run is not None else ()
        return {event.edge: event.share for event in events if isinstance(event, SendEvent)}

    @cached_property
    def arrivals(self) -> Mapping[str, Sequence[str]]:
        """Part -> the edges on which the last run sent it shares, in that order; accumulators and ops alike."""
        found: dict[str, list[str]] = {}
        for edge in self.shares:
            found.setdefault(self.edges[edge].receiver, []).append(edge)
        return found

    @cached_property
    def _summed(self) -> tuple[dict[str, Place], dict[str, list[str]]]:
        places: dict[str, Place] = {}
        sums: dict[str, list[str]] = {}
        if self.run is not None:
            for event in self.run.events:
                if isinstance(event, AccumulateEvent):
                    places[event.edge] = Place(event.k, event.of)
                    sums.setdefault(event.receiver, []).append(event.edge)
            return places, sums
        # Before a run, a share has the place that it will have: backward goes from the youngest op down.
        for receiver, edges in self.incoming.items():
            order = sorted(edges, key=lambda edge: (-self.nodes[edge.sender].age, edge.slot))
            sums[receiver] = [edge.id for edge in order]
            places.update((edge.id, Place(k, len(order))) for k, edge in enumerate(order, 1))
        return places, sums

    @property
    def places(self) -> Mapping[str, Place]:
        """Edge -> the place of its share in the sum that it joins; without a run, the place that it would have."""
        return self._summed[0]

    @property
    def sums(self) -> Mapping[str, Sequence[str]]:
        """Part -> the edges whose shares are summed there, in order of arrival; without a run, in expected order."""
        return self._summed[1]

    @cached_property
    def changes(self) -> Mapping[str, LeafChangeRecord]:
        """Accumulator -> what the last run did to the leaf's `.grad`. Leaves that it did not reach are absent."""
        return {change.accumulator: change for change in self.run.leaves} if self.run is not None else {}

    def leaf_gradients(self) -> Iterator[tuple[str, str | None, str | None]]:
        """Each accumulator with the tensors that hold its `.grad` before and after the last run."""
        for accumulator in self.accumulators:
            change = self.changes.get(accumulator)
            yield accumulator, change.before if change else None, change.after if change else None

    @cached_property
    def passed(self) -> Mapping[str, str]:
        """Accumulator -> the tensor that holds the sum of what the last run sent to it, without what it held before.

        `changes` has the other two numbers: `before` is what the leaf held, `after` what it holds now.
        """
        events = self.run.events if self.run is not None else ()
        return {
            event.receiver: event.partial
            for event in events
            if isinstance(event, AccumulateEvent) and event.receiver in self.accumulators
        }

    def gradients(self, part: str) -> tuple[str | None, ...]:
        """The complete gradients of the last run by tensor id: one per output of an op; of a leaf, its `.grad`.

        Empty where the run did not come by.
        """
        if part in self.accumulators:
            change = self.changes.get(part)
            return (change.after,) if change is not None else ()
        return tuple(self.run.gradients.get(part, ())) if self.run is not None else ()

    def gradient_tensor(self, part: str) -> TensorRecord | None:
        """The gradient of the first output of a part for which there is one."""
        return next((self.tensors[tensor] for tensor in self.gradients(part) if tensor is not None), None)

    # sizes

    @cached_property
    def _measures(self) -> dict[str, Measure | None]:
        return {}

    @cached_property
    def _values(self) -> dict[str, Measure | None]:
        return {}

    @cached_property
    def _gradient_sizes(self) -> dict[str, Measure | None]:
        return {}

    def measured(self, tensor: str | None) -> Measure | None:
        """`measure` of a tensor by its id, computed once; None for None."""
        if tensor is None:
            return None
        if tensor not in self._measures:
            self._measures[tensor] = measure(self.tensors[tensor])
        return self._measures[tensor]

    def _measured_together(self, tensors: Sequence[str | None]) -> Measure | None:
        if len(tensors) == 1:
            return self.measured(tensors[0])
        return together([m for tensor in tensors if (m := self.measured(tensor)) is not None])

    def value(self, part: str) -> Measure | None:
        """The measure of what an op computed, or of a leaf."""
        known = self._values
        if part not in known:
            known[part] = self._measured_together(self.outputs(part))
        return known[part]

    def gradient(self, part: str) -> Measure | None:
        """The measure of the complete gradient that reached an op in the last run, or of a leaf's `.grad` after it."""
        known = self._gradient_sizes
        if part not in known:
            known[part] = self._measured_together(self.gradients(part))
        return known[part]

    def share(self, edge: str) -> Measure | None:
        """The measure of what the last run sent along an edge."""
        return self.measured(self.shares.get(edge))

    def shape(self, tensor: str) -> Shape | None:
        """The shape of a tensor; None where it is not known."""
        return self.tensors[tensor].shape if self.tensors[tensor].dtype != "unknown" else None

    @cached_property
    def gone(self) -> bool:
        """Whether a backward run freed the values that the ops of the record computed."""
        outputs = [self.tensors[tensor] for node in self.record.nodes for tensor in node.outputs]
        missing = all(tensor.data is None and tensor.stats is None for tensor in outputs)
        # A record of 1.0 does not say why its values are missing; most often a backward run freed them.
        return bool(outputs) and missing and all(tensor.absent in ("", "freed") for tensor in outputs)

    @cached_property
    def growth(self) -> tuple[float, float, str] | None:
        """The norms of the seed and of the largest gradient of an op, and that op, where the second is far beyond."""
        seed = self.measured(self.run.seed) if self.run is not None else None
        if seed is None or seed.norm is None:
            return None
        norms = ((m.norm, part) for part in self.steps if (m := self.gradient(part)) is not None and m.norm is not None)
        largest, part = max(norms, default=(0.0, ""))
        return (seed.norm, largest, part) if FAR * max(seed.norm, 1.0) < largest else None

    # what is not finite

    @cached_property
    def _suspects(self) -> set[str]:
        """The tensors that may hold what is not finite: a sum of finite numbers seldom overflows."""
        found = set()
        for tensor in self.record.tensors:
            if (stats := tensor.stats) is not None:
                suspect = bool(stats.nan or stats.posinf or stats.neginf)
            else:
                values = tensor.data.values if tensor.data is not None else None
                try:
                    suspect = values is not None and not math.isfinite(sum(values))
                except OverflowError:  # an integer beyond the floats
                    suspect = True
            if suspect:
                found.add(tensor.id)
        return found

    @cached_property
    def _not_finite(self) -> Set[str]:
        """The parts whose value holds a NaN or an infinity, masks among them."""
        if not self._suspects:
            return frozenset()
        suspects = self._suspects
        parts = (part for part in (*self.accumulators, *self.nodes) if not suspects.isdisjoint(self.outputs(part)))
        return {part for part in parts if (m := self.value(part)) is not None and m.bad}

    @cached_property
    def masks(self) -> Mapping[str, NodeRecord]:
        """The ops whose infinities were put in on purpose, by id: those of scores that a softmax is to leave out.

        They are of one sign, come from a condition or a constant, and no result that is read further on has any.
        """
        found: dict[str, NodeRecord] = {}
        for node in self.record.nodes if self._not_finite else ():
            size = self.value(node.id) if node.id in self._not_finite else None
            if size is None or size.nan or not self._is_one_sided(node.outputs[0]):
                continue
            read = [each.tensor for each in node.inputs if (m := self.measured(each.tensor)) is not None and m.bad]
            known = all(self.producer(each) is None or self.producer(each) in found for each in read)
            if known if read else any(self.tensors[each.tensor].dtype == "bool" for each in node.inputs):
                found[node.id] = node
        roots = set(self.roots)
        for id in reversed(list(found)):
            if id in roots or any(each in self._not_finite and each not in found for each in self.readers(id)):
                del found[id]
        return found

    def _is_one_sided(self, tensor: str) -> bool:
        """Whether the infinities of a tensor all have one sign."""
        record = self.tensors[tensor]
        if record.stats is not None:
            return not (record.stats.posinf and record.stats.neginf)
        values = (record.data.values if record.data is not None else None) or ()
        return not (math.inf in values and -math.inf in values)

    @cached_property
    def broken(self) -> Set[str]:
        """The parts whose value holds a NaN or an infinity, but for masks."""
        return self._not_finite - self.masks.keys() if self._not_finite else self._not_finite

    def broken_value(self, part: str) -> Measure | None:
        """The measure of what a part made, where it holds a NaN or an infinity and is no mask; None elsewhere."""
        return self.value(part) if part in self.broken else None

    @cached_property
    def value_origins(self) -> Sequence[Origin]:
        """The leaves and ops whose values are not finite although all that they read is, leaves first, then by age."""
        found = []
        for part in (*self.accumulators, *self.nodes) if self.broken else ():
            if part not in self.broken or (m := self.value(part)) is None:
                continue
            inputs = self.nodes[part].inputs if part in self.nodes else ()
            read = (self.measured(operand.tensor) for operand in inputs)
            if not any(r is not None and r.bad for r in read):
                found.append(Origin(part, m))
        return found

    @cached_property
    def first_nan(self) -> NodeRecord | None:
        """The first op that makes NaN of operands that have none, as of infinities; None where there is none."""
        for node in self.record.nodes if self.broken else ():
            if (m := self.broken_value(node.id)) is not None and m.nan:
                read = (self.measured(operand.tensor) for operand in node.inputs)
                if not any(r is not None and r.nan for r in read):
                    return node
        return None

    @cached_property
    def gradient_origin(self) -> Origin | None:
        """Where the last run first met a gradient that is not finite: its seed (no edge) or a share."""
        if self.run is None or not self._suspects:
            return None
        if (m := self.measured(self.run.seed)) is not None and m.bad:
            return Origin(self.run.root, m)
        for edge, share in self.shares.items():
            if share in self._suspects and (m := self.measured(share)) is not None and m.bad:
                return Origin(self.edges[edge].sender, m, edge)
        return None


def mark(part: str) -> str:
    """How a line refers to an op: `#3` for n3."""
    return f"#{part[1:]}" if part[:1] == "n" and part[1:].isdecimal() else part


def short_name(node: NodeRecord) -> str:
    """The op's name without the family's ending: Add for AddBackward."""
    return node.name.removesuffix("Backward") or node.name
