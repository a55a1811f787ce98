"""Equal parts of a graph: what has the same structure, what repeats itself, and ops that form a chain.

Two groups of ops have the same structure if they hold the same ops with the same parameters, on tensors of the same
shapes, wired in the same way. Which leaves they read does not matter: the layers of a network are equal.

Everything here works on the ops in creation order, in which a loop of the program repeats itself, and in which every
run of consecutive ops can be drawn as one box: what lies between two of them in the graph was created between them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from grad_engine.record import NodeRecord, Shape
from grad_engine.record.index import RecordIndex

LEAST_ROUNDS = 3  # equal groups that follow each other before they count as a repeat
LONGEST_ROUND = 128  # ops of one round that are looked for; longer rounds are left alone, which keeps the search linear
LEAST_OF_OPEN_ROUND = 0.5  # of the ops of a round that a first or last round must have to belong to a repeat

Signature = tuple[Hashable, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """Equal groups of ops that follow each other, such as the layers of a network or the steps of a recurrent one.

    The first and the last round may be open: the same ops, wired differently at the border, or some of them missing.
    """

    rounds: tuple[tuple[str, ...], ...]  # op ids of each round, by age
    first_open: bool = False
    last_open: bool = False

    @property
    def times(self) -> int:
        """How many rounds there are."""
        return len(self.rounds)

    @property
    def ops(self) -> tuple[str, ...]:
        """All ops of all rounds, by age."""
        return tuple(op for ops in self.rounds for op in ops)

    @property
    def length(self) -> int:
        """How many ops a complete round has."""
        return max(len(ops) for ops in self.rounds)


def signature(index: RecordIndex, ops: Sequence[str], border: bool = True) -> Signature:
    """The structure of a group of ops, given by age: equal for groups that do the same, whatever the names.

    Holds for each op what it is, its parameters, the shapes it reads and makes, and which op of the group made what it
    reads. Constants and leaves count by their shape. Without `border` it does not matter whether an op or nobody made
    what comes from outside: the first of forty calls reads a leaf where the others read what the one before made.
    """
    place = {op: k for k, op in enumerate(ops)}
    found: list[Hashable] = []
    for op in ops:
        node = index.nodes[op]
        wiring = tuple(
            (place.get(made.id, -1), made.outputs.index(operand.tensor))
            if (made := _maker(index, operand.tensor)) and (border or made.id in place)
            else None
            for operand in node.inputs
        )
        found.append((*_kind(index, node), wiring))
    return tuple(found)


def equal(index: RecordIndex, groups: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """The keys of groups of ops in lists of equal structure, in the order of the first of each."""
    found: dict[Signature, list[str]] = {}
    for key, ops in groups.items():
        found.setdefault(signature(index, ops), []).append(key)
    return list(found.values())


def chains(index: RecordIndex, least: int = 2) -> list[tuple[str, ...]]:
    """Ops that follow each other with no other way in or out, in forward order; runs of at least `least` ops.

    Each reads the one before as its only result of another op, and is the only op that reads it. Leaves and constants
    that are read on the way do not break a chain.
    """
    sources = {op: [part for part in index.sources(op) if part in index.nodes] for op in index.nodes}
    readers = Counter(part for parts in sources.values() for part in parts)
    roots = set(index.roots)
    after = {
        parts[0]: op
        for op, parts in sources.items()
        if len(parts) == 1 and readers[parts[0]] == 1 and parts[0] not in roots
    }
    inner = set(after.values())
    found = []
    for start in after:
        if start not in inner:
            chain = [start]
            while chain[-1] in after:
                chain.append(after[chain[-1]])
            if len(chain) >= least:
                found.append(tuple(chain))
    return found


def repeats(index: RecordIndex, least: int = LEAST_ROUNDS) -> list[Repeat]:
    """The parts of the graph that repeat themselves at least `least` times in creation order, by age.

    Where parts overlap, the one with more ops counts, and of equal ones that with the shorter round. Rounds begin where
    the fewest values cross from one to the next. Linear in the number of ops.
    """
    return _Search(index).repeats(least)


def _maker(index: RecordIndex, tensor: str) -> NodeRecord | None:
    return index.makers.get(tensor)


def _kind(index: RecordIndex, node: NodeRecord) -> tuple[Hashable, ...]:
    """What an op does, apart from where its operands come from."""
    shapes = tuple((operand.parameter, index.tensors[operand.tensor].shape) for operand in node.inputs)
    return node.op, _frozen(node.attributes), shapes, _made(index, node)


def _made(index: RecordIndex, node: NodeRecord) -> tuple[Shape, ...]:
    return tuple(index.tensors[out].shape for out in node.outputs)


def _frozen(value: object) -> Hashable:
    if isinstance(value, Mapping):
        return tuple((key, _frozen(inner)) for key, inner in sorted(value.items()))
    if isinstance(value, list | tuple):
        return tuple(_frozen(inner) for inner in value)
    return value if isinstance(value, Hashable) else repr(value)


class _Search:
    """The search for repeats in one record."""

    def __init__(self, index: RecordIndex) -> None:
        self.index = index
        self.nodes = index.record.nodes
        self.place = place = {node.id: k for k, node in enumerate(self.nodes)}
        known: dict[Hashable, int] = {}
        kinds = [_kind(index, node) for node in self.nodes]
        self.codes = np.array([known.setdefault(kind, len(known)) for kind in kinds], dtype=np.int64)
        # Of each operand the op that made it, by place, and which output; a leaf or constant made nothing.
        self.made = [
            [
                (place[made.id], made.outputs.index(operand.tensor))
                if (made := _maker(index, operand.tensor))
                else None
                for operand in node.inputs
            ]
            for node in self.nodes
        ]
        self.last_read = np.arange(len(self.nodes))
        for k, sources in enumerate(self.made):
            for source in sources:
                if source is not None:
                    self.last_read[source[0]] = k

    def repeats(self, least: int) -> list[Repeat]:
        many = len(self.nodes)
        candidates: list[tuple[int, int, int]] = []  # ops covered (negative), length of a round, first place
        covered: dict[int, list[tuple[int, int]]] = {}  # length of a round -> what it covers
        for length in range(1, min(LONGEST_ROUND, many // least) + 1):
            for start, stop in self.periodic(length, least):
                shorter = (regions for step, regions in covered.items() if length % step == 0)
                if any(a <= start and stop <= b for regions in shorter for a, b in regions):
                    continue  # two rounds taken as one
                for first, end in self.wired_alike(start, stop, length, least):
                    covered.setdefault(length, []).append((first, end))
                    candidates.append((first - end, length, first))
        taken = np.zeros(many, dtype=bool)
        found: list[tuple[int, Repeat]] = []
        for size, length, start in sorted(candidates):
            if not taken[start : start - size].any():
                repeat = self.rounds(start, start - size, length, taken)
                if repeat.times >= least:
                    found.append((start, repeat))
                    taken[[self.place[op] for op in repeat.ops]] = True
        return [repeat for _, repeat in sorted(found, key=lambda pair: pair[0])]

    def periodic(self, length: int, least: int) -> Iterator[tuple[int, int]]:
        """Where each op is of the kind of the op `length` places on, for at least `least` rounds: first, end."""
        yield from _runs(self.codes[length:] == self.codes[:-length], length, least)

    def wired_alike(self, start: int, stop: int, length: int, least: int) -> Iterator[tuple[int, int]]:
        """The parts of a periodic stretch in which the wiring repeats as well: first, end."""
        same = np.fromiter((self.alike(k, k + length) for k in range(start, stop - length)), dtype=bool)
        for first, end in _runs(same, length, least):
            yield start + first, start + end

    def alike(self, one: int, other: int) -> bool:
        """Whether two ops read what lies equally far back, or the very same thing."""
        for a, b in zip(self.made[one], self.made[other], strict=True):
            if a != b and (a is None or b is None or one - a[0] != other - b[0] or a[1] != b[1]):
                return False
        return True

    def rounds(self, start: int, stop: int, length: int, taken: NDArray[np.bool_]) -> Repeat:
        """A periodic stretch as rounds that begin where the fewest values cross, with open ones at its ends."""
        worth = {k: (self.crossing(k + length), -self.weight(k)) for k in range(start, start + length)}
        least = min(worth.values())
        found = (self.rounds_from(k, stop, length, taken) for k, each in worth.items() if each == least)
        return max(found, key=lambda repeat: len(repeat.ops))  # the first of those that cover most

    def rounds_from(self, first: int, stop: int, length: int, taken: NDArray[np.bool_]) -> Repeat:
        """The rounds of which the first complete one begins at a place."""
        rounds = [range(k, k + length) for k in range(first, stop - length + 1, length)]
        model = [(self.nodes[k].op, _made(self.index, self.nodes[k])) for k in rounds[0]]
        before = self.open_round(range(first - 1, -1, -1), model[::-1], taken)
        after = self.open_round(range(rounds[-1].stop, len(self.nodes)), model, taken)
        everything = [*([before[::-1]] if before else []), *rounds, *([after] if after else [])]
        ids = tuple(tuple(self.nodes[k].id for k in places) for places in everything)
        return Repeat(ids, bool(before), bool(after))

    def open_round(self, places: range, model: Sequence[Hashable], taken: NDArray[np.bool_]) -> list[int]:
        """The ops at `places`, from the border on, that are those of a round, maybe without some of them."""
        found: list[int] = []
        at = 0
        for k in places:
            kind = (self.nodes[k].op, _made(self.index, self.nodes[k]))
            if taken[k] or kind not in model[at:]:
                break
            at = model.index(kind, at) + 1
            found.append(k)
        return found if len(found) >= LEAST_OF_OPEN_ROUND * len(model) else []

    def crossing(self, place: int) -> int:
        """How many results made before a place are read from there on."""
        low = max(0, place - LONGEST_ROUND)
        return int((self.last_read[low:place] >= place).sum())

    def weight(self, place: int) -> int:
        """How many numbers an op reads from leaves: a layer begins with its weights."""
        read = (operand.tensor for operand in self.nodes[place].inputs)
        return sum(prod(self.index.tensors[tensor].shape) for tensor in read if tensor in self.index.accumulator_of)


def _runs(same: NDArray[np.bool_], length: int, least: int) -> Iterator[tuple[int, int]]:
    """Where an array is true for at least `least` - 1 rounds without a break: first place, end of the last round."""
    padded = np.concatenate([[False], same, [False]]).astype(np.int8)
    starts, stops = np.flatnonzero(np.diff(padded) == 1), np.flatnonzero(np.diff(padded) == -1)
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        if stop - start >= (least - 1) * length:
            yield start, stop + length
