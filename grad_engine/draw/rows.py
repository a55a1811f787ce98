"""A drawing that is too long, in rows: where it is broken, and what becomes of the lines that are broken with it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate, groupby, pairwise

from grad_engine.draw.order import Level, Sketch, number

BALANCE = 4.0  # what it costs, in broken lines, when the widest row is twice as wide as the mean
APART = 2.0  # and when what nothing leads to is not in the row of what reads it


def breaks(
    sketch: Sketch, widths: Mapping[str, float], rank_gap: float, rows: int, room: float = math.inf
) -> tuple[int, ...]:
    """The ranks with which the second and later rows begin: few lines are broken, and the rows are about as wide.

    No row is wider than `room` where that can be. The best breaks for each widest row that is possible come from
    dynamic programming over ranks.
    """
    names = {level: key for key, level in sketch.boxes.items()}
    wide = [max((widths[names[level]] for level in column if level in names), default=0.0) + rank_gap
            for column in sketch.columns]  # fmt: skip
    ranks, rows = len(wide), min(rows, len(wide))
    upto = [0.0, *accumulate(wide)]
    changes = [0.0] * (ranks + 1)
    for key, path in sketch.paths.items():
        cost = 1.0 if path[0].ins else APART
        changes[sketch.first[key] + 1] += cost
        changes[sketch.first[key] + len(path)] -= cost
    broken = [*accumulate(changes)]
    even = upto[-1] / rows
    limits = [even * (1 + k / 5) for k in range(6)]
    fitting = sorted({min(limit, room) for limit in limits}) if even <= room else []
    for some in (fitting, limits, upto[-1:]):  # the last where one rank is wider than a row may be
        best: tuple[float, tuple[int, ...]] | None = None
        for limit in some:
            if (found := _cheapest(upto, broken, rows, limit)) is not None:
                cost, at = found
                widest = max(stop - start for start, stop in pairwise([upto[k] for k in (0, *at, ranks)])) / even
                best = min(best or (math.inf, ()), (cost + BALANCE * widest, at))
        if best is not None:
            return best[1]
    raise AssertionError("without a limit there are breaks")


def _cheapest(
    upto: Sequence[float], broken: Sequence[float], rows: int, limit: float
) -> tuple[float, tuple[int, ...]] | None:
    """The fewest broken lines, and the breaks, for so many rows none of which is wider than `limit`."""
    ranks, limit = len(upto) - 1, limit * (1 + 1e-9)
    found = {0: 0.0}  # rank -> the fewest broken lines with which a row can begin there
    before: list[dict[int, int]] = []  # for each row, rank -> where the row before it begins
    for row in range(1, rows + 1):
        left = rows - row  # rows that are still to come
        following: dict[int, float] = {}
        origin: dict[int, int] = {}
        for start, cost in found.items():
            for stop in range(start + 1, ranks - left + 1):
                if upto[stop] - upto[start] > limit:
                    break
                if (stop == ranks) != (left == 0) or upto[-1] - upto[stop] > limit * left:
                    continue
                total = cost + (broken[stop] if left else 0.0)
                if total < following.get(stop, math.inf):
                    following[stop], origin[stop] = total, start
        found = following
        before.append(origin)
    if ranks not in found:
        return None
    at = [ranks]
    for origin in reversed(before):
        at.append(origin[at[-1]])
    return found[ranks], tuple(reversed(at[1:-1]))


def most_broken(sketch: Sketch, at: Sequence[int]) -> int:
    """The most lines that lead from one row, or from one above it, to a later one."""
    ends = [(sketch.first[key], sketch.first[key] + len(path) - 1) for key, path in sketch.paths.items()]
    return max((sum(first < rank <= last for first, last in ends) for rank in at), default=0)


def torn(sketch: Sketch, ports: Mapping[str, float], at: tuple[int, ...]) -> list[Sketch]:
    """The rows of a sketch, each a sketch of its own, that begin with the ranks `at`.

    A line that is broken ends in a rank of its own after the last of the row, and goes on from one before the first of
    the next, in the same order. `ports`: how far above the middle of its target each line ends.
    """
    bounds = [0, *at, len(sketch.columns)]
    row_of = [row for row, (start, stop) in enumerate(pairwise(bounds)) for _ in range(start, stop)]
    rows = [Sketch([], {}, {}, {}) for _ in pairwise(bounds)]
    for key, level in sketch.boxes.items():
        rows[row_of[level.rank]].boxes[key] = level
    broken: list[tuple[str, Level, Level, float]] = []
    for key, path in sketch.paths.items():
        for row, part in groupby(path, key=lambda level: row_of[level.rank]):
            levels = [*part]
            rows[row].paths[key] = levels
            rows[row].first[key] = levels[0].rank - bounds[row] + (row > 0)
        for left, right in pairwise(path):
            if row_of[left.rank] != row_of[right.rank]:
                broken.append((key, left, right, ports[key] if right is path[-1] else 0.0))
    leaves: list[list[Level]] = [[] for _ in rows]
    enters: list[list[Level]] = [[] for _ in rows]
    for key, left, right, port in sorted(broken, key=lambda line: (line[1].place, line[2].place, line[3])):
        row = row_of[right.rank]
        out, into = Level(left.y), Level(right.y + port)
        left.outs[left.outs.index((right, port))] = (out, 0.0)
        right.ins[right.ins.index((left, port))] = (into, port)
        out.ins.append((left, 0.0))
        into.outs.append((right, port))
        leaves[row - 1].append(out)
        enters[row].append(into)
        rows[row - 1].paths[key].append(out)
        rows[row].paths[key].insert(0, into)
        rows[row].first[key] = 0
    for row, (start, stop) in enumerate(pairwise(bounds)):
        before = [enters[row]] if row else []
        after = [leaves[row]] if row + 1 < len(rows) else []
        rows[row].columns.extend([*before, *sketch.columns[start:stop], *after])
        number(rows[row].columns)
    return rows
