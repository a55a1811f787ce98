"""What a whole record must keep, beyond the types of its fields: ids, references, order, sizes and counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import inf, isfinite, prod

from grad_engine.errors import RecordError
from grad_engine.record.parts import (
    AccumulateEvent,
    AccumulatorRecord,
    BackwardRecord,
    EdgeRecord,
    ExplainRecord,
    GraphRecord,
    Index,
    NodeRecord,
    PathRecord,
    PathStepRecord,
    RunEvent,
    SampleRecord,
    SendEvent,
    Shape,
    StatsRecord,
    TensorRecord,
)
from grad_engine.record.spelling import MAX_RANK
from grad_engine.record.strict import step, wrong

MAX_SIZE = 2**63  # elements, as in NumPy


def check(record: GraphRecord) -> None:
    """Nothing, for a record that is sound.

    Raises:
        RecordError: the JSON path of the first fault, what was expected there and what was found.
    """
    _Check(record).run()


class _Check:
    """The parts of one record by id, and one method for each section of it."""

    def __init__(self, record: GraphRecord) -> None:
        self.record = record
        self.kinds: dict[str, str] = {}
        self.tensors: dict[str, TensorRecord] = self.indexed("tensors", "a tensor", record.tensors)
        self.nodes: dict[str, NodeRecord] = self.indexed("nodes", "a node", record.nodes)
        self.edges: dict[str, EdgeRecord] = self.indexed("edges", "an edge", record.edges)
        self.accumulators: dict[str, AccumulatorRecord] = self.indexed(
            "accumulators", "an accumulator", record.accumulators
        )
        # How many edges lead to each receiver (and output of it): the most shares that can be summed there.
        self.arrivals = Counter((edge.receiver, edge.output) for edge in record.edges)
        self.taken: dict[tuple[str, int], str | None] = {}  # node and slot -> the edge that its input names
        self.read_by: dict[tuple[str, int], str] = {}  # node and slot -> the tensor that its input names

    def run(self) -> None:
        for n, tensor in enumerate(self.record.tensors):
            _check_tensor(tensor, f"$.tensors[{n}]")
        self.check_nodes()
        self.check_edges()
        self.check_accumulators()
        self.check_receivers()
        self.check_roots()
        self.check_forward()
        for n, run in enumerate(self.record.runs):
            self.check_run(run, f"$.runs[{n}]")
        self.check_groups()
        self.check_counts()
        self.check_parameters()
        if self.record.explain is not None:
            self.check_explain(self.record.explain)

    def indexed(self, section: str, kind: str, parts: Sequence[object]) -> dict:
        found = {}
        for n, part in enumerate(parts):
            id = part.id  # type: ignore[attr-defined]
            if id in self.kinds:
                raise wrong(f"$.{section}[{n}].id", "an id of its own", f"{id!r} for the second time")
            self.kinds[id] = kind
            found[id] = part
        return found

    def missing(self, path: str, kind: str, id: str) -> RecordError:
        other = self.kinds.get(id)
        return wrong(path, f"the id of {kind}", f"{id!r}, " + (f"the id of {other}" if other else "which is not there"))

    def tensor(self, id: str, path: str) -> TensorRecord:
        if (found := self.tensors.get(id)) is None:
            raise self.missing(path, "a tensor", id)
        return found

    def node(self, id: str, path: str) -> NodeRecord:
        if (found := self.nodes.get(id)) is None:
            raise self.missing(path, "a node", id)
        return found

    def edge(self, id: str, path: str) -> EdgeRecord:
        if (found := self.edges.get(id)) is None:
            raise self.missing(path, "an edge", id)
        return found

    def check_nodes(self) -> None:
        made_by: dict[str, int] = {}  # tensor -> age of the node that put it out
        youngest = -1
        for n, node in enumerate(self.record.nodes):
            path = f"$.nodes[{n}]"
            if node.age <= youngest:
                raise wrong(f"{path}.age", f"more than {youngest}, for nodes are listed by age", str(node.age))
            youngest = node.age
            if not node.outputs:
                raise wrong(f"{path}.outputs", "at least one tensor", "none")
            for k, id in enumerate(node.outputs):
                if id not in self.tensors:
                    raise self.missing(f"{path}.outputs[{k}]", "a tensor", id)
                if id in made_by:
                    raise wrong(f"{path}.outputs[{k}]", "a tensor that is put out once", f"{id!r} again")
                made_by[id] = node.age
            for k, id in enumerate(node.saved):
                if id not in self.tensors:
                    raise self.missing(f"{path}.saved[{k}]", "a tensor", id)
            self.check_inputs(node, path)
        for n, node in enumerate(self.record.nodes):
            for k, each in enumerate(node.inputs):
                if made_by.get(each.tensor, -1) >= node.age:
                    expected = f"a tensor that was there before {node.id!r} ran"
                    raise wrong(
                        f"$.nodes[{n}].inputs[{k}].tensor", expected, f"{each.tensor!r}, which came after or out of it"
                    )

    def check_inputs(self, node: NodeRecord, path: str) -> None:
        last = -1
        for k, each in enumerate(node.inputs):
            if each.slot <= last:
                raise wrong(
                    f"{path}.inputs[{k}].slot", f"more than {last}, for inputs are listed by slot", str(each.slot)
                )
            last = each.slot
            self.taken[node.id, each.slot] = each.edge
            self.read_by[node.id, each.slot] = each.tensor
            tensor = self.tensors.get(each.tensor)
            if tensor is None:
                raise self.missing(f"{path}.inputs[{k}].tensor", "a tensor", each.tensor)
            if each.broadcast_from is not None and each.broadcast_from != tensor.shape:
                got = str(list(each.broadcast_from)[:MAX_RANK])
                raise wrong(f"{path}.inputs[{k}].broadcast_from", f"the shape {list(tensor.shape)} of the tensor", got)
            if each.edge is not None:
                edge = self.edge(each.edge, f"{path}.inputs[{k}].edge")
                if edge.sender != node.id or edge.slot != each.slot:
                    expected = f"an edge from slot {each.slot} of {node.id!r}"
                    got = f"{edge.id!r} from slot {edge.slot} of {edge.sender!r}"
                    raise wrong(f"{path}.inputs[{k}].edge", expected, got)
        if node.formula is not None:
            for k, rule in enumerate(node.formula.vjp):
                if (node.id, rule.slot) not in self.taken:
                    raise wrong(f"{path}.formula.vjp[{k}].slot", "the slot of an input", str(rule.slot))

    def check_edges(self) -> None:
        for n, edge in enumerate(self.record.edges):
            sender = self.nodes.get(edge.sender)
            if sender is None:
                raise self.missing(f"$.edges[{n}].sender", "a node", edge.sender)
            if self.taken.get((edge.sender, edge.slot)) != edge.id:
                raise wrong(
                    f"$.edges[{n}].slot", f"a slot of {edge.sender!r} whose edge is {edge.id!r}", str(edge.slot)
                )
            receiver = self.nodes.get(edge.receiver)
            if receiver is not None:
                if receiver.age >= sender.age:
                    expected = f"a node older than {sender.id!r}, for a graph without cycles"
                    raise wrong(f"$.edges[{n}].receiver", expected, f"{receiver.id!r}")
                outputs = len(receiver.outputs)
            elif edge.receiver in self.accumulators:
                outputs = 1
            else:
                raise self.missing(f"$.edges[{n}].receiver", "a node or an accumulator", edge.receiver)
            if edge.output >= outputs:
                raise wrong(f"$.edges[{n}].output", f"an output below {outputs}", str(edge.output))
            self.check_axes(edge, f"$.edges[{n}]")

    def check_axes(self, edge: EdgeRecord, path: str) -> None:
        if edge.raw_shape is not None:
            _check_shape(edge.raw_shape, f"{path}.raw_shape")
        if edge.reduced_axes:
            rank = MAX_RANK if edge.raw_shape is None else len(edge.raw_shape)
            if len(set(edge.reduced_axes)) < len(edge.reduced_axes) or max(edge.reduced_axes) >= rank:
                got = str(list(edge.reduced_axes)[:MAX_RANK])
                raise wrong(f"{path}.reduced_axes", f"different axes below {rank}", got)

    def check_accumulators(self) -> None:
        leaves = set()
        for n, each in enumerate(self.record.accumulators):
            path = f"$.accumulators[{n}].leaf"
            if not self.tensor(each.leaf, path).is_leaf:
                raise wrong(path, "a tensor with is_leaf true", f"{each.leaf!r}")
            if each.leaf in leaves:
                raise wrong(path, "a leaf without another accumulator", f"{each.leaf!r} for the second time")
            if not self.arrivals[each.id, 0]:
                raise wrong(f"$.accumulators[{n}].id", "an accumulator that an edge leads to", f"{each.id!r}")
            leaves.add(each.leaf)

    def check_receivers(self) -> None:
        for n, edge in enumerate(self.record.edges):
            leaf = self.accumulators.get(edge.receiver)
            made = self.nodes[edge.receiver].outputs[edge.output] if leaf is None else leaf.leaf
            operand = self.read_by[edge.sender, edge.slot]
            if operand != made:
                expected = f"what made {operand!r}, the operand in slot {edge.slot} of {edge.sender!r}"
                raise wrong(f"$.edges[{n}].receiver", expected, f"{edge.receiver!r}, output {edge.output}")

    def check_roots(self) -> None:
        if not self.record.roots:
            raise wrong("$.roots", "at least one root", "none")
        for n, root in enumerate(self.record.roots):
            outputs = self.node(root.node, f"$.roots[{n}].node").outputs
            if root.output >= len(outputs):
                raise wrong(f"$.roots[{n}].output", f"an output below {len(outputs)}", str(root.output))
            self.tensor(root.tensor, f"$.roots[{n}].tensor")
            if root.tensor != outputs[root.output]:
                expected = f"{outputs[root.output]!r}, output {root.output} of {root.node!r}"
                raise wrong(f"$.roots[{n}].tensor", expected, f"{root.tensor!r}")

    def check_forward(self) -> None:
        ops = iter(self.record.nodes)
        leaves = set()
        for n, each in enumerate(self.record.forward):
            if each.kind == "op":
                node = self.node(each.id, f"$.forward[{n}].op")
                if (due := next(ops, None)) is not node:
                    expected = "no further op" if due is None else f"{due.id!r}, the next op by age"
                    raise wrong(f"$.forward[{n}].op", expected, f"{each.id!r}")
            else:
                self.tensor(each.id, f"$.forward[{n}].leaf")
                if each.id in leaves:
                    raise wrong(f"$.forward[{n}].leaf", "each leaf once", f"{each.id!r} for the second time")
                leaves.add(each.id)
        if (due := next(ops, None)) is not None:
            raise wrong("$.forward", "every op", f"no {due.id!r}")

    def check_run(self, run: BackwardRecord, path: str) -> None:
        outputs = self.node(run.root, f"{path}.root").outputs
        if run.output >= len(outputs):
            raise wrong(f"{path}.output", f"an output below {len(outputs)}", str(run.output))
        seed, root = self.tensor(run.seed, f"{path}.seed"), self.tensors[outputs[run.output]]
        if seed.shape != root.shape:
            expected = f"a tensor of the shape {list(root.shape)} of the root"
            raise wrong(f"{path}.seed", expected, f"{run.seed!r} of shape {list(seed.shape)}")
        self.check_events(run, f"{path}.events")
        for id, gradients in run.gradients.items():
            at = f"{path}.gradients{step(id)}"
            outputs = self.node(id, at).outputs
            if len(gradients) != len(outputs):
                raise wrong(at, f"a gradient or null for each of {len(outputs)} outputs", f"{len(gradients)} of them")
            for k, gradient in enumerate(gradients):
                if gradient is not None:
                    self.tensor(gradient, f"{at}[{k}]")
        changed = set()
        for n, leaf in enumerate(run.leaves):
            if leaf.accumulator not in self.accumulators:
                raise self.missing(f"{path}.leaves[{n}].accumulator", "an accumulator", leaf.accumulator)
            if leaf.accumulator in changed:
                got = f"{leaf.accumulator!r} for the second time"
                raise wrong(f"{path}.leaves[{n}].accumulator", "each accumulator once", got)
            changed.add(leaf.accumulator)
            self.tensor(leaf.after, f"{path}.leaves[{n}].after")
            if leaf.before is not None:
                self.tensor(leaf.before, f"{path}.leaves[{n}].before")

    def check_events(self, run: BackwardRecord, path: str) -> None:
        ran: set[str] = set()
        sent: set[str] = set()
        added: set[str] = set()
        sums: dict[tuple[str, int], tuple[int, int]] = {}  # receiver and output -> k and of of the last sum
        for n, event in enumerate(run.events):
            if type(event) is SendEvent:
                edge = self.edge(event.edge, f"{path}[{n}].send")
                if edge.sender not in ran:
                    raise wrong(f"{path}[{n}].send", "an edge whose sender has run", f"{event.edge!r}")
                if event.edge in sent:
                    raise wrong(f"{path}[{n}].send", "each edge once", f"{event.edge!r} for the second time")
                sent.add(event.edge)
                if event.share not in self.tensors:
                    raise self.missing(f"{path}[{n}].share", "a tensor", event.share)
            elif type(event) is RunEvent:
                self.node(event.node, f"{path}[{n}].run")
                if event.node in ran:
                    raise wrong(f"{path}[{n}].run", "each node once", f"{event.node!r} for the second time")
                ran.add(event.node)
            elif type(event) is AccumulateEvent:
                edge = self.edge(event.edge, f"{path}[{n}].edge")
                if event.edge not in sent or event.edge in added:
                    raise wrong(f"{path}[{n}].edge", "an edge that has sent a share not yet added", f"{event.edge!r}")
                added.add(event.edge)
                if event.receiver != edge.receiver:
                    expected = f"{edge.receiver!r}, the receiver of {edge.id!r}"
                    raise wrong(f"{path}[{n}].accumulate", expected, f"{event.receiver!r}")
                self.check_sum(event, edge, sums, f"{path}[{n}]")

    def check_sum(
        self, event: AccumulateEvent, edge: EdgeRecord, sums: dict[tuple[str, int], tuple[int, int]], path: str
    ) -> None:
        place = edge.receiver, edge.output
        k, of = sums.get(place, (0, event.of))
        if event.of != of or not 1 <= of <= self.arrivals[place]:
            most = self.arrivals[place] if place not in sums else of
            raise wrong(f"{path}.of", f"{of} as before" if place in sums else f"1 to {most}", str(event.of))
        if event.k != k + 1 or event.k > of:
            raise wrong(f"{path}.k", f"{k + 1}, and at most {of}", str(event.k))
        sums[place] = event.k, of
        if event.partial not in self.tensors:
            raise self.missing(f"{path}.partial", "a tensor", event.partial)

    def check_groups(self) -> None:
        for n, group in enumerate(self.record.groups):
            for k, id in enumerate(group.members):
                self.node(id, f"$.groups[{n}].members[{k}]")

    def check_counts(self) -> None:
        counts, record = self.record.counts, self.record
        constants = sum(tensor.role == "constant" for tensor in record.tensors)
        for key, told, found, what in (
            ("ops", counts.ops, len(record.nodes), "nodes"),
            ("leaves", counts.leaves, len(record.accumulators), "accumulators"),
            ("constants", counts.constants, constants, "tensors with the role 'constant'"),
            ("edges", counts.edges, len(record.edges), "edges"),
        ):
            if told != found:
                raise wrong(f"$.counts.{key}", f"{found}, the number of {what}", str(told))
        for n, id in enumerate(counts.nonfinite):
            if holds_nonfinite(self.tensor(id, f"$.counts.nonfinite[{n}]")) is False:
                raise wrong(f"$.counts.nonfinite[{n}]", "a tensor that holds a NaN or an infinity", f"{id!r}")
        listed = set(counts.nonfinite)
        for tensor in record.tensors:
            if tensor.id not in listed and holds_nonfinite(tensor):
                raise wrong("$.counts.nonfinite", f"{tensor.id!r} among them, which holds a NaN or an infinity", "none")

    def check_parameters(self) -> None:
        names = set()
        for n, each in enumerate(self.record.parameters):
            path = f"$.parameters[{n}]"
            if each.name in names:
                raise wrong(f"{path}.name", "a name of its own", f"{each.name[:40]!r} for the second time")
            names.add(each.name)
            _check_shape(each.shape, f"{path}.shape")
            if each.accumulator is not None:
                self.leaf(each.accumulator, f"{path}.accumulator")

    def leaf(self, accumulator: str, path: str) -> TensorRecord:
        if (found := self.accumulators.get(accumulator)) is None:
            raise self.missing(path, "an accumulator", accumulator)
        return self.tensors[found.leaf]

    def check_explain(self, explain: ExplainRecord) -> None:
        at = "$.explain"
        if (probe := explain.probe) is not None:
            _check_index(probe.index, self.leaf(probe.accumulator, f"{at}.probe.accumulator"), f"{at}.probe.index")
            if not isfinite(probe.delta) or not probe.delta:
                raise wrong(f"{at}.probe.delta", "a finite number other than 0", str(probe.delta))
            for n, skipped in enumerate(probe.skipped):
                path = f"{at}.probe.skipped[{n}]"
                _check_index(skipped.index, self.leaf(skipped.accumulator, f"{path}.accumulator"), f"{path}.index")
            for n, change in enumerate(probe.changes):
                path = f"{at}.probe.changes[{n}]"
                _check_index(change.index, self.tensor(change.tensor, f"{path}.tensor"), f"{path}.index")
        for n, each in enumerate(explain.paths):
            self.check_path(each, f"{at}.paths[{n}].steps")
        for n, curve in enumerate(explain.curves):
            self.node(curve.node, f"{at}.curves[{n}].node")
            if len(curve.x) != 2 or not -inf < curve.x[0] < curve.x[1] < inf:
                raise wrong(f"{at}.curves[{n}].x", "a first number and a larger last one", str(list(curve.x)[:4]))
            if len(curve.y) < 2:
                raise wrong(f"{at}.curves[{n}].y", "at least 2 numbers", str(len(curve.y)))
        for n, spot in enumerate(explain.spots):
            edge = self.edge(spot.edge, f"{at}.spots[{n}].edge")
            operand = self.tensors[self.read_by[edge.sender, edge.slot]]
            _check_index(spot.index, operand, f"{at}.spots[{n}].index")
            for k, term in enumerate(spot.terms):
                if not term:
                    raise wrong(f"{at}.spots[{n}].terms[{k}]", "at least one factor", "none")
        for id in explain.holds or ():
            self.edge(id, f"{at}.holds{step(id)}")

    def check_path(self, path: PathRecord, at: str) -> None:
        if not path.steps:
            raise wrong(at, "at least one step", "none")
        before: PathStepRecord | None = None
        for n, each in enumerate(path.steps):
            edge = self.edge(each.edge, f"{at}[{n}].edge")
            _check_index(each.to, self.tensors[self.read_by[edge.sender, edge.slot]], f"{at}[{n}].to")
            if before is None:
                root = self.nodes[edge.sender].outputs[0]
                made = next((root.tensor for root in self.record.roots if root.node == edge.sender), root)
                _check_index(each.of, self.tensors[made], f"{at}[{n}].from")
            else:
                last = self.edges[before.edge]
                if edge.sender != last.receiver:
                    raise wrong(f"{at}[{n}].edge", f"an edge from {last.receiver!r}", f"one from {edge.sender!r}")
                if each.of != before.to:
                    raise wrong(f"{at}[{n}].from", f"{list(before.to)}, where the last step led", str(list(each.of)))
            before = each


def _check_index(index: Index, tensor: TensorRecord, path: str) -> None:
    shape = tensor.shape
    if len(index) != len(shape) or any(n >= all for n, all in zip(index, shape, strict=True)):
        raise wrong(path, f"an index into the shape {list(shape)}", str(list(index)[:MAX_RANK]))


def holds_nonfinite(tensor: TensorRecord) -> bool | None:
    """Whether a tensor holds a NaN or an infinity; None where the record does not say."""
    if tensor.data is not None and tensor.data.values is not None:
        return not all(map(isfinite, tensor.data.values))
    if tensor.stats is not None:
        return tensor.stats.nan + tensor.stats.posinf + tensor.stats.neginf > 0
    return None


def _check_tensor(tensor: TensorRecord, path: str) -> None:
    size = _check_shape(tensor.shape, f"{path}.shape")
    data = tensor.data
    if data is not None:
        if data.values is not None and len(data.values) != size:
            raise wrong(
                f"{path}.data.values", f"{size:,} values for the shape {list(tensor.shape)}", f"{len(data.values):,}"
            )
        if data.sample is not None:
            _check_sample(data.sample, tensor.shape, f"{path}.data.sample")
    if tensor.stats is not None:
        _check_stats(tensor.stats, tensor.shape, size, f"{path}.stats")
    if tensor.absent and (data is not None or tensor.stats is not None):
        raise wrong(f"{path}.absent", "no reason, for the numbers are there", f"{tensor.absent!r}")


def _check_shape(shape: Shape, path: str) -> int:
    """The number of elements of an array of this shape."""
    if len(shape) > MAX_RANK:
        raise wrong(path, f"at most {MAX_RANK} axes", f"{len(shape):,}")
    if (size := prod(shape)) >= MAX_SIZE:
        raise wrong(path, "fewer than 2^63 elements", str(list(shape)))
    return size


def _check_sample(sample: SampleRecord, shape: Shape, path: str) -> None:
    size = _check_shape(sample.shape, f"{path}.shape")
    fits = len(sample.shape) == len(shape)
    if not fits or any(taken > min(2 * sample.edge, all) for taken, all in zip(sample.shape, shape, strict=True)):
        expected = f"at most {sample.edge} entries from both ends of each axis of {list(shape)}"
        raise wrong(f"{path}.shape", expected, str(list(sample.shape)))
    if len(sample.values) != size:
        raise wrong(f"{path}.values", f"{size:,} values for the shape {list(sample.shape)}", f"{len(sample.values):,}")


def _check_stats(stats: StatsRecord, shape: Shape, size: int, path: str) -> None:
    odd = stats.nan + stats.posinf + stats.neginf
    if stats.zeros + odd > size:
        raise wrong(path, f"zeros, nan, posinf and neginf that sum to at most {size:,}", f"{stats.zeros + odd:,}")
    if not 0 <= stats.dead <= size:
        raise wrong(f"{path}.dead", f"a number from 0 to {size:,}", f"{stats.dead:,}")
    first = stats.first_nonfinite
    if (first is not None) != (odd > 0):
        raise wrong(f"{path}.first_nonfinite", "an index" if odd else "null, for every entry is finite", str(first))
    if first is not None and (len(first) != len(shape) or any(n >= all for n, all in zip(first, shape, strict=True))):
        raise wrong(f"{path}.first_nonfinite", f"an index into the shape {list(shape)}", str(list(first)[:MAX_RANK]))
    if (stats.min is None) != (odd == size) or (stats.max is None) != (odd == size):
        raise wrong(f"{path}.min", "numbers for min and max exactly where an entry is finite", str(stats.min))
    if stats.min is not None and stats.max is not None and not stats.min <= stats.max:
        raise wrong(f"{path}.max", f"at least the minimum {stats.min}", str(stats.max))
    for key, number in (("std", stats.std), ("norm", stats.norm), ("absmax", stats.absmax)):
        if number is not None and not number >= 0:
            raise wrong(f"{path}.{key}", "a number from 0 on", str(number))
    bins = stats.histogram
    if bins is not None and (not bins.low <= bins.high or sum(bins.counts) != size - odd):
        raise wrong(f"{path}.histogram", f"{size - odd:,} counts from low up to high", f"{sum(bins.counts):,}")
