"""A drawing that is too long, in rows: where it is broken, and what becomes of the lines that are broken with it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import combinations, groupby, pairwise

import numpy as np

from grad_engine.draw.order import Level, Sketch, number

BALANCE = 4.0  # what it costs, in broken lines, when the widest row is twice as wide as the mean
APART = 2.0  # and when what nothing leads to is not in the row of what reads it


def breaks(sketch: Sketch, widths: Mapping[str, float], rank_gap: float, rows: int) -> tuple[int, ...]:
    """The ranks with which the second and later rows begin: few lines are broken, and the rows are about as wide."""
    names = {level: key for key, level in sketch.boxes.items()}
    wide = [max(widths[names[level]] for level in column if level in names) + rank_gap for column in sketch.columns]
    upto = np.concatenate([[0.0], np.cumsum(wide)])
    broken = np.zeros(len(wide) + 1)
    for key, path in sketch.paths.items():
        broken[sketch.first[key] + 1 : sketch.first[key] + len(path)] += 1.0 if path[0].ins else APART
    best: tuple[float, tuple[int, ...]] = (math.inf, ())
    for at in combinations(range(1, len(wide)), min(rows, len(wide)) - 1):
        widest = float(np.diff(upto[[0, *at, len(wide)]]).max()) * rows / float(upto[-1])
        best = min(best, (float(broken[[*at]].sum()) + BALANCE * widest, at))
    return best[1]


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
