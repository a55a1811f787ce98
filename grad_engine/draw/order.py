"""What lies above what in each rank, and how high: with the order of an op's ports, which the layout library ignores.

The order comes from barycentre sweeps and switches of neighbours (Sugiyama, Tagawa and Toda, 1981; Eades and Kelly,
1986), started both from the library's order and from the order of the operands; the heights from the least weighted sum
of steps, one rank at a time.
"""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

REACH = 0.3  # of its height: how far from its middle a line leaves a box without looking odd
SWEEPS = 12
LARGE = 1500  # levels; beyond, fewer sweeps
MOST_PAIRS = 100_000  # of lines that are compared in a sweep; with more, neighbours are not switched


@dataclass(slots=True, eq=False)
class Level:
    """Something at a height of one rank: a box, or a line that passes. Lines lead from it and to it."""

    y: float
    half: float = 0.0  # half the height of a box; 0 for a line
    body: float = 0.0  # half the height over which lines can leave a box
    rank: int = 0
    place: int = 0  # from the bottom of its rank
    ins: list[tuple[Level, float]] = field(default_factory=list)  # from where, and how far above this middle it ends
    outs: list[tuple[Level, float]] = field(default_factory=list)  # to where, and how far above that middle it ends


Pull = tuple[Level, float, float]  # towards whom, how far above it, how strongly
Columns = list[list[Level]]  # per rank from left to right, its levels from the bottom


@dataclass(frozen=True, slots=True)
class Sketch:
    """Ranks, and in each the order and rough heights of what lies in it."""

    columns: Columns
    boxes: dict[str, Level]  # by item id
    paths: dict[str, list[Level]]  # by link id: its source, a level in each rank between, its target
    first: dict[str, int]  # link id -> the rank of its source


def join(path: Sequence[Level], port: float) -> None:
    """Lead a line along these levels, one per rank; it ends `port` above the middle of the last."""
    for left, right in pairwise(path):
        end = port if right is path[-1] else 0.0
        left.outs.append((right, end))
        right.ins.append((left, end))


def arrange(columns: Columns) -> None:
    """Reorder every rank, in place, so that few lines cross."""
    sweeps = SWEEPS if sum(map(len, columns)) <= LARGE else 3
    given = [list(column) for column in columns]
    best, fewest = given, -1
    for start in (given, _in_operand_order(given)):
        _put(columns, start)
        for sweep in range(sweeps + 1):
            if sweep:
                _sort(columns, leftwards=sweep % 2 == 1)
            if _pairs(columns) <= MOST_PAIRS:
                _switch(columns)
            found = crossings_of(columns)
            if fewest < 0 or found < fewest:
                best, fewest = [list(column) for column in columns], found
            if fewest == 0:
                break
    _put(columns, best)


def crossings_of(columns: Columns) -> int:
    """How many pairs of lines cross between the ranks. Lines leave a box in any order, and end at it in port order."""
    total = 0
    for column in columns:
        seen: list[tuple[int, float]] = []
        for level in column:
            for key in sorted((to.place, port) for to, port in level.outs):
                total += len(seen) - bisect_right(seen, key)
                insort(seen, key)
    return total


def stack(columns: Columns, item_gap: float, lane_gap: float) -> None:
    """Give every level a height, in place: in order, with these gaps, and with few and small steps in the lines.

    The levels on a longest path lie in one line, then those on a longest path of what is left, and so on.
    """
    for column in columns:
        slots = sorted(level.y for level in column)
        _place(column, [[(y, 1.0)] for y in slots], item_gap, lane_gap)
    chains = _chains(columns)
    ahead = {left: right for chain in chains for left, right in pairwise(chain)}
    # What each level would lie level with, to its right and to its left.
    rights: dict[Level, list[Pull]] = {level: [] for column in columns for level in column}
    lefts: dict[Level, list[Pull]] = {level: [] for level in rights}
    for left, found in rights.items():
        for right, port in left.outs:
            for above, weight in _steps(left, right, port, ahead.get(left) is right):
                found.append((right, above, weight))
                lefts[right].append((left, -above, weight))
    for number in range(4 if len(rights) > LARGE else 8):
        leftwards = number % 2 == 0
        sides = (rights, lefts) if number >= 2 else (rights,) if leftwards else (lefts,)
        for column in columns[::-1] if leftwards else columns:
            wishes = [
                [
                    (level.y, 0.01),
                    *((other.y + above, weight) for side in sides for other, above, weight in side[level]),
                ]
                for level in column
            ]
            _place(column, wishes, item_gap, lane_gap)
        for chain in chains:
            _shift(chain, (rights, lefts), columns, item_gap, lane_gap)
    _squeeze(rights, item_gap)


def _squeeze(levels: Iterable[Level], gap: float) -> None:
    """Bring together what an empty band right across the drawing keeps further apart than the gap."""
    covered, moved = -math.inf, 0.0
    for level in sorted(levels, key=lambda level: level.y - level.half):
        bottom, top = level.y - level.half, level.y + level.half
        if bottom > covered + gap and covered > -math.inf:
            moved += bottom - covered - gap
        covered = max(covered, top)
        level.y -= moved


def _steps(left: Level, right: Level, port: float, chained: bool) -> list[tuple[float, float]]:
    """How far the left one should lie above the right one, each with what it costs not to.

    A line can leave a box within reach of its middle, so a box need not lie just level with the port; within a chain it
    lies level with the next box.
    """
    reach = REACH * 2 * left.body
    level = port - min(max(port, -reach), reach)
    if chained:
        return [(level, 16.0)]
    if not reach:
        return [(port, 2.0 if right.half else 4.0)]
    weight = 1.0 if right.half else 2.0
    return [(port - reach, weight / 2), (port + reach, weight / 2), (level, weight / 8)]


def _chains(columns: Columns) -> list[list[Level]]:
    """The levels in chains: each leads on to the one with the longest way before and after it, if that agrees."""
    before: dict[Level, int] = {}
    after: dict[Level, int] = {}
    for column in columns:
        for level in column:
            before[level] = max((before[source] for source, _ in level.ins), default=0) + (level.half > 0)
    for column in reversed(columns):
        for level in column:
            after[level] = max((after[to] for to, _ in level.outs), default=0) + (level.half > 0)
    chains: dict[Level, list[Level]] = {}
    for column in columns:
        for level in column:
            # Of equals the first operand, and the first user, is the one that leads on.
            source = max(level.ins, key=lambda way: (before[way[0]], way[1]), default=(None, 0.0))[0]
            if source is not None and max(source.outs, key=lambda way: after[way[0]])[0] is level:
                chains[level] = chains[source]
                chains[level].append(level)
            else:
                chains[level] = [level]
    return [chain for level, chain in chains.items() if chain[0] is level]


def _shift(
    chain: Sequence[Level],
    sides: Sequence[Mapping[Level, list[Pull]]],
    columns: Columns,
    item_gap: float,
    lane_gap: float,
) -> None:
    """Move a whole chain to where the rest pulls it, as far as there is room."""
    inside = set(chain)
    wishes = [
        (other.y + above - level.y, weight)
        for level in chain
        for side in sides
        for other, above, weight in side[level]
        if other not in inside
    ]
    if not wishes:
        return
    low, high = -math.inf, math.inf
    for level in chain:
        column = columns[level.rank]
        if level.place > 0:
            below = column[level.place - 1]
            low = max(low, below.y + apart(below, level, item_gap, lane_gap) - level.y)
        if level.place + 1 < len(column):
            above_it = column[level.place + 1]
            high = min(high, above_it.y - apart(level, above_it, item_gap, lane_gap) - level.y)
    by = min(max(_median(wishes), low), high)
    if low <= 0.0 <= high:
        for level in chain:
            level.y += by


def apart(one: Level, other: Level, item_gap: float, lane_gap: float) -> float:
    """How far apart the middles of two neighbours in a rank must be."""
    if one.half and other.half:
        gap = item_gap
    elif one.half or other.half:
        gap = max(1.5 * lane_gap, item_gap / 2)  # so that two boxes keep their gap when a line passes between them
    else:
        gap = lane_gap
    return one.half + gap + other.half


def _place(
    column: Sequence[Level], wishes: Sequence[list[tuple[float, float]]], item_gap: float, lane_gap: float
) -> None:
    """Put levels where the weighted distance to what they wish for is least, in order, without touching.

    Isotonic regression in the least absolute distance: neighbours that would collide are pooled, and a pool lies at the
    weighted median of its wishes, so it lies level with something.
    """
    below = [0.0]
    for one, other in pairwise(column):
        below.append(below[-1] + apart(one, other, item_gap, lane_gap))
    pools: list[tuple[float, list[tuple[float, float]], int]] = []
    for base, wish in zip(below, wishes, strict=True):
        wanted, size = [(y - base, weight) for y, weight in wish], 1
        median = _median(wanted)
        while pools and pools[-1][0] > median:
            _, others, many = pools.pop()
            wanted, size = others + wanted, size + many
            median = _median(wanted)
        pools.append((median, wanted, size))
    heights = [median for median, _, size in pools for _ in range(size)]
    for level, y, base in zip(column, heights, below, strict=True):
        level.y = y + base


def _median(wishes: list[tuple[float, float]]) -> float:
    """The weighted median; where a whole interval would do, its middle."""
    wishes = sorted(wishes)
    half = sum(weight for _, weight in wishes) / 2
    so_far = 0.0
    for k, (y, weight) in enumerate(wishes):
        so_far += weight
        if abs(so_far - half) < 1e-9 * half and k + 1 < len(wishes):
            return (y + wishes[k + 1][0]) / 2
        if so_far > half:
            return y
    return wishes[-1][0]


def _in_operand_order(columns: Columns) -> Columns:
    """The ranks in the order in which a walk from the results to the inputs meets their levels, first operand first."""
    met: dict[Level, int] = {}
    pending = [level for column in columns for level in column if not level.outs]
    while pending:
        level = pending.pop()
        if level in met:
            continue
        met[level] = len(met)
        pending += [source for source, _ in sorted(level.ins, key=lambda way: way[1])]
    return [sorted(column, key=lambda level: -met[level]) for column in columns]


def _put(columns: Columns, order: Columns) -> None:
    for column, levels in zip(columns, order, strict=True):
        column[:] = levels
    number(columns)


def number(columns: Columns) -> None:
    """Tell every level its rank and its place in it."""
    for rank, column in enumerate(columns):
        for place, level in enumerate(column):
            level.rank, level.place = rank, place


def _sort(columns: Columns, leftwards: bool) -> None:
    """Sort rank after rank by where the lines of each level lead; a level without any keeps its place."""
    for column in columns[::-1] if leftwards else columns:
        keys: dict[Level, float] = {}
        for level in column:
            if leftwards and level.outs:
                ends = [to.place + (0.45 * port / to.body if to.body else 0.0) for to, port in level.outs]
                keys[level] = sum(ends) / len(ends)
            elif not leftwards and level.ins:
                keys[level] = sum(source.place for source, _ in level.ins) / len(level.ins)
        ready = iter(sorted(keys, key=keys.__getitem__))
        column[:] = [next(ready) if level in keys else level for level in column]
        for place, level in enumerate(column):
            level.place = place


def _switch(columns: Columns) -> None:
    """Switch neighbours as long as fewer lines cross for it."""
    for _ in range(SWEEPS):
        better = False
        for column in columns:
            for k in range(len(column) - 1):
                one, other = column[k], column[k + 1]
                if _gain(one, other) > 0:
                    column[k], column[k + 1] = other, one
                    other.place, one.place = k, k + 1
                    better = True
        if not better:
            return


def _pairs(columns: Columns) -> int:
    """How many pairs of lines are compared when every two neighbours are tried."""
    return sum(len(a.outs) * len(b.outs) + len(a.ins) * len(b.ins) for column in columns for a, b in pairwise(column))


def _gain(below: Level, above: Level) -> int:
    """How many crossings fewer there would be with these two neighbours switched."""
    gain = 0
    for to, port in below.outs:
        for other, end in above.outs:
            here, there = (to.place, port), (other.place, end)
            gain += (here > there) - (here < there)
    for source, _ in below.ins:
        for other, _ in above.ins:
            gain += (source.place > other.place) - (source.place < other.place)
    return gain
