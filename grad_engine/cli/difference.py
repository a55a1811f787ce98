"""Two records of the same program -> what changed between them: ops, wiring, values, gradients."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from grad_engine.record import GraphRecord, NodeRecord, Number, Shape, TensorRecord
from grad_engine.record.index import RecordIndex, index_of

MOST_COMPARED = 250_000  # pairs of ops that are weighed against one another; beyond that, k-th meets k-th of a kind

Pair = tuple[str, str]
Ids = Sequence[str | None]


@dataclass(frozen=True, slots=True)
class Change:
    """How one value or gradient moved from the first record to the second."""

    kind: str  # "value" or "gradient"
    before: str  # id of the op or accumulator in the first record
    after: str  # and in the second
    output: int  # which output of the op
    name: str | None  # of the tensor
    shapes: tuple[Shape | None, Shape | None]  # None: there is no such tensor
    norms: tuple[float | None, float | None]  # None: not recorded, or not finite
    nonfinite: tuple[int, int]  # entries that are NaN or infinite
    largest: float | None  # the largest change of an entry, at least; None where entries cannot be told apart
    relative: float  # that over the largest entry; infinite where shapes differ, or what is not finite


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed from one record to another, by ids of ops and accumulators."""

    added: tuple[str, ...]  # in the second record only
    gone: tuple[str, ...]  # in the first record only
    rewired: tuple[Pair, ...]  # ops in both that read from elsewhere, or with other arguments
    moved: tuple[Change, ...]  # the most first
    compared: int  # ops and leaves in both

    @property
    def nothing(self) -> bool:
        return not (self.added or self.gone or self.rewired or self.moved)


def difference(before: GraphRecord, after: GraphRecord, *, tolerance: float = 0.0) -> Difference:
    """What changed from the first record to the second, with the numbers that moved by more than `tolerance`.

    Ops are matched by what they are (op, scope, names, shapes) and by their order, so that one op more or less leaves
    the others where they are; leaves are matched by name, those without a name by order. Of each record the last
    backward run counts. The tolerance is relative: the largest change of an entry over the largest entry.
    """
    return _Comparison(before, after).difference(tolerance)


class _Comparison:
    """Two records, and which op or leaf of one is which of the other."""

    def __init__(self, before: GraphRecord, after: GraphRecord) -> None:
        self.before, self.after = index_of(before), index_of(after)
        self.nodes = dict(self.matched_nodes())
        self.leaves = dict(self.matched_leaves())
        self.partners = self.nodes | self.leaves

    def difference(self, tolerance: float) -> Difference:
        stayed = set(self.partners.values())
        moved = [change for change in self.changes() if change.relative > tolerance]
        return Difference(
            added=tuple(part for part in (*self.after.nodes, *self.after.accumulators) if part not in stayed),
            gone=tuple(part for part in (*self.before.nodes, *self.before.accumulators) if part not in self.partners),
            rewired=tuple(pair for pair in self.nodes.items() if self.is_rewired(*pair)),
            moved=tuple(sorted(moved, key=lambda change: -change.relative)),
            compared=len(self.partners),
        )

    def matched_nodes(self) -> Iterator[Pair]:
        sides = self.before.record.nodes, self.after.record.nodes
        looks = [[_looks(index, node) for node in index.record.nodes] for index in (self.before, self.after)]
        alike = _aligned(*looks)
        yield from ((sides[0][one].id, sides[1][other].id) for one, other in alike)
        # What stands between the same two matches may still be the same op, with a new shape or name.
        gaps: dict[int, tuple[list[NodeRecord], list[NodeRecord]]] = defaultdict(lambda: ([], []))
        for side, nodes in enumerate(sides):
            taken, gap = {pair[side] for pair in alike}, 0
            for place, node in enumerate(nodes):
                if place in taken:
                    gap += 1
                else:
                    gaps[gap][side].append(node)
        for ones, others in gaps.values():
            pairs = _aligned([node.op for node in ones], [node.op for node in others])
            yield from ((ones[one].id, others[other].id) for one, other in pairs)

    def matched_leaves(self) -> Iterator[Pair]:
        keys = [dict(_numbered(index)) for index in (self.before, self.after)]
        return ((part, keys[1][key]) for key, part in keys[0].items() if key in keys[1])

    def is_rewired(self, one: str, other: str) -> bool:
        wires = [
            [(edge.slot, edge.receiver, edge.output) for _, edges in index.receivers(part) for edge in edges]
            for index, part in ((self.before, one), (self.after, other))
        ]
        moved = [(slot, self.partners.get(end), output) for slot, end, output in wires[0]] != wires[1]
        return moved or bool(changed_arguments(self.before.nodes[one], self.after.nodes[other]))

    def changes(self) -> Iterator[Change]:
        for pair in self.nodes.items():
            values = self.before.nodes[pair[0]].outputs, self.after.nodes[pair[1]].outputs
            yield from self.compared("value", pair, values)
            yield from self.compared("gradient", pair, (self.before.gradients(pair[0]), self.after.gradients(pair[1])))
        for pair in self.leaves.items():
            leaves = self.before.accumulators[pair[0]].leaf, self.after.accumulators[pair[1]].leaf
            yield from self.compared("value", pair, ((leaves[0],), (leaves[1],)))
            yield from self.compared("gradient", pair, (self.before.gradients(pair[0]), self.after.gradients(pair[1])))

    def compared(self, kind: str, pair: Pair, ids: tuple[Ids, Ids]) -> Iterator[Change]:
        for output in range(max(map(len, ids))):
            indexes = self.before, self.after
            both = [side[output] if output < len(side) else None for side in ids]
            one, other = (index.tensors[id] if id else None for index, id in zip(indexes, both, strict=True))
            largest, relative = _distance(one, other)
            if relative > 0:
                sizes = [index.measured(id) for index, id in zip(indexes, both, strict=True)]
                yield Change(
                    kind=kind,
                    before=pair[0],
                    after=pair[1],
                    output=output,
                    name=_name(self.after, pair[1], output) or _name(self.before, pair[0], output),
                    shapes=(one.shape if one else None, other.shape if other else None),
                    norms=(sizes[0].norm if sizes[0] else None, sizes[1].norm if sizes[1] else None),
                    nonfinite=(sizes[0].bad if sizes[0] else 0, sizes[1].bad if sizes[1] else 0),
                    largest=largest,
                    relative=relative,
                )


def changed_arguments(before: NodeRecord, after: NodeRecord) -> dict[str, tuple[object, object]]:
    """The static arguments that differ, each as it was and as it is; one that is None or False may be left out."""
    sides = [node.attributes or {} for node in (before, after)]
    pairs = {key: (sides[0].get(key), sides[1].get(key)) for key in {**sides[0], **sides[1]}}
    silent = (None, False)
    return {
        key: (one, other)
        for key, (one, other) in pairs.items()
        if not _same(one, other) and not (any(one is each for each in silent) and any(other is each for each in silent))
    }


def _same(one: object, other: object) -> bool:
    """Whether two static arguments are the same; a NaN is the same as a NaN."""
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return one == other or (one != one and other != other)


def _looks(index: RecordIndex, node: NodeRecord) -> Hashable:
    outputs = [index.tensors[output] for output in node.outputs]
    return node.op, node.scope, *((each.name, each.shape) for each in outputs)


def _name(index: RecordIndex, part: str, output: int) -> str | None:
    outputs = index.outputs(part)
    return index.tensors[outputs[output]].name if output < len(outputs) else None


def _numbered(index: RecordIndex) -> Iterator[tuple[tuple[str | None, int], str]]:
    """Each accumulator under the name of its leaf and a count of the leaves of that name before it."""
    seen: dict[str | None, int] = defaultdict(int)
    for part in index.accumulators:
        name = index.leaf(part).name
        yield (name, seen[name]), part
        seen[name] += 1


def _aligned(ones: Sequence[Hashable], others: Sequence[Hashable]) -> list[tuple[int, int]]:
    """Places of equal keys in two sequences: what they begin and end with in common, and long common runs between."""
    least = min(len(ones), len(others))
    head = next((k for k in range(least) if ones[k] != others[k]), least)
    tail = next((k for k in range(least - head) if ones[-1 - k] != others[-1 - k]), least - head)
    middle = ones[head : len(ones) - tail], others[head : len(others) - tail]
    between: Iterable[tuple[int, int]]
    if len(middle[0]) * len(middle[1]) <= MOST_COMPARED:
        blocks = SequenceMatcher(None, *middle, autojunk=False).get_matching_blocks()
        between = ((block.a + k, block.b + k) for block in blocks for k in range(block.size))
    else:
        places: list[dict[tuple[Hashable, int], int]] = [{}, {}]
        for side, keys in enumerate(middle):
            seen: dict[Hashable, int] = defaultdict(int)
            for place, key in enumerate(keys):
                places[side][key, seen[key]] = place
                seen[key] += 1
        between = ((place, places[1][key]) for key, place in places[0].items() if key in places[1])
    pairs = [(k, k) for k in range(head)]
    pairs += [(head + one, head + other) for one, other in between]
    return pairs + [(len(ones) - tail + k, len(others) - tail + k) for k in range(tail)]


def _distance(one: TensorRecord | None, other: TensorRecord | None) -> tuple[float | None, float]:
    """The largest change of an entry, and that over the largest entry: relative 0 for equals and unknowns."""
    if one is None or other is None:
        return (None, 0.0) if one is other else (None, math.inf)
    if one.shape != other.shape:
        return None, math.inf
    if one.data is None or other.data is None:
        return None, 0.0
    if one.data.values is not None and other.data.values is not None:
        return _entries(one.data.values, other.data.values)
    if one.stats is None or other.stats is None:
        return None, 0.0  # one in full, the other as a sample: nothing to hold against each other
    first, second = one.stats, other.stats
    if (first.nan, first.posinf, first.neginf) != (second.nan, second.posinf, second.neginf):
        return None, math.inf
    # Of entries that are not there no difference is known, but none of these can move further than the entry that moved
    # furthest.
    bounds = [(first.min, second.min), (first.max, second.max), (first.mean, second.mean)]
    pairs = [(a, b) for a, b in bounds if a is not None and b is not None]
    samples = one.data.sample, other.data.sample
    if samples[0] is not None and samples[1] is not None and samples[0].shape == samples[1].shape:
        pairs += zip(samples[0].values, samples[1].values, strict=True)
    largest, _ = _entries([a for a, _ in pairs], [b for _, b in pairs])
    scale = max(first.absmax or 0.0, second.absmax or 0.0)
    norms = abs((first.norm or 0.0) - (second.norm or 0.0)) / (max(first.norm or 0.0, second.norm or 0.0) or 1.0)
    return largest, max((largest or 0.0) / (scale or 1.0), norms)


def _entries(ones: Sequence[Number], others: Sequence[Number]) -> tuple[float | None, float]:
    if ones == others:
        return 0.0, 0.0
    largest = scale = 0.0
    broken = False
    for one, other in zip(ones, others, strict=True):
        if math.isfinite(one) and math.isfinite(other):
            largest = max(largest, abs(float(one) - float(other)))
            scale = max(scale, abs(one), abs(other))
        elif one != other and not (one != one and other != other):
            broken = True
    return largest, math.inf if broken else largest / (scale or 1.0)
