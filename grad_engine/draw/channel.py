"""Right-angled routes between ranks: where a line passes each rank, and on which track it turns between two ranks.

The layout library can cut a corner or graze a box where many lines meet, so of its routes only the heights at which
they pass the ranks are kept; the lines themselves are drawn here, and keep clear of boxes and of each other by
construction. Tracks are numbered as in Eiglsperger, Siebenhaller and Kaufmann (2005) and Schulze, Spönemann and
von Hanxleden (2014): whichever of two lines turns first so that they cross less, then as few tracks as will do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

SAME_LINE = 1000  # what it costs, in crossings, when two lines would run on top of each other


def spread(
    wanted: Sequence[float], low: float, high: float, gap: float, weights: Sequence[float] | None = None
) -> list[float]:
    """Heights in the same rising order, `gap` apart and within low..high, as near to `wanted` as can be.

    Nearest in (weighted) squares: isotonic regression by pooling neighbours (Ayer et al., 1955). Where there is no room
    for `gap`, the heights are spaced evenly.
    """
    count = len(wanted)
    if count > 1 and (count - 1) * gap >= high - low:
        return [float(y) for y in np.linspace(low, high, count)]
    pools: list[tuple[float, float, int]] = []  # (mean, weight, how many) of what must move together
    for k, y in enumerate(wanted):
        mean, weight, size = y - k * gap, 1.0 if weights is None else weights[k], 1
        while pools and pools[-1][0] >= mean:
            before, heavy, many = pools.pop()
            mean = (before * heavy + mean * weight) / (heavy + weight)
            weight, size = heavy + weight, many + size
        pools.append((mean, weight, size))
    means = [mean for mean, _, size in pools for _ in range(size)]
    top = high - (count - 1) * gap
    return [min(max(mean, low), top) + k * gap for k, mean in enumerate(means)]


@dataclass(slots=True, eq=False)
class Level:
    """Something at a height of one rank, between its neighbours there: a box, or a line that passes."""

    y: float
    half: float = 0.0  # half the height of a box; 0 for a line
    below: Level | None = None
    above: Level | None = None

    def room(self, clear: float, gap: float) -> tuple[float, float]:
        """From where to where a line can move: `clear` of a neighbouring box, `gap` from a neighbouring line."""
        low, high = -math.inf, math.inf
        if self.below is not None:
            low = self.below.y + self.below.half + (clear if self.below.half else gap)
        if self.above is not None:
            high = self.above.y - self.above.half - (clear if self.above.half else gap)
        return low, high


def settle(boxes: Sequence[Level], lines: Sequence[Level], clear: float, gap: float) -> None:
    """Move the lines that pass a rank, as little as will do, `clear` of its boxes and `gap` apart where there is room.

    Lines keep their order (equal ones: as given), and each stays between the two boxes whose middles it was between.
    Afterwards boxes and lines know their neighbours.
    """
    boxes = sorted(boxes, key=lambda box: box.y)
    lines = sorted(lines, key=lambda line: line.y)
    opening = np.searchsorted([box.y for box in boxes], [line.y for line in lines])
    column: list[Level] = []
    for number in range(len(boxes) + 1):
        some = [line for line, where in zip(lines, opening, strict=True) if where == number]
        low = boxes[number - 1].y + boxes[number - 1].half if number > 0 else -math.inf
        high = boxes[number].y - boxes[number].half if number < len(boxes) else math.inf
        margin = min(clear, (high - low) / (len(some) + 1))
        for line, y in zip(some, spread([line.y for line in some], low + margin, high - margin, gap), strict=True):
            line.y = y
        column += [*some, *boxes[number : number + 1]]
    for below, above in pairwise(column):
        below.above, above.below = above, below


def straighten(path: Sequence[Level], starts: tuple[float, float], clear: float, gap: float) -> None:
    """Take steps out of a long line where its neighbours leave room.

    A path holds the line's level at its source, at each rank between, and at its port; only those between move, and
    never past a neighbour, so nothing crosses that did not. `starts` says from where to where it may leave its source.
    """

    def moved(run: Sequence[Level], y: float) -> bool:
        for level in run:
            low, high = level.room(clear, gap)
            if not low <= y <= high:
                return False
        for level in run:
            level.y = y
        return True

    runs: list[list[Level]] = []
    for level in path[1:]:
        if runs and runs[-1][0].y == level.y:
            runs[-1].append(level)
        else:
            runs.append([level])
    k = len(runs) - 1
    while k > 0:
        left, right = runs[k - 1], runs[k]
        begins_straight = k == 1 and starts[0] <= left[0].y <= starts[1] and not starts[0] <= right[0].y <= starts[1]
        if (not begins_straight and moved(left, right[0].y)) or (right[-1] is not path[-1] and moved(right, left[0].y)):
            runs[k - 1 : k + 1] = [left + right]
            k = min(k, len(runs) - 1)
        else:
            k -= 1


def tracks(starts: Points, stops: Points, gap: float) -> tuple[NDArray[np.int64], int]:
    """On which track each line between two ranks turns, from 0 at the left (-1: it runs straight), and how many.

    Line k comes in at height starts[k] on the left and leaves at stops[k] on the right. Lines that turn at heights
    within `gap` of each other never share a track.
    """
    track = np.full(len(starts), -1)
    turning = np.flatnonzero(starts != stops)
    if not len(turning):
        return track, 0
    start, stop = starts[turning], stops[turning]
    low, high = np.minimum(start, stop), np.maximum(start, stop)
    # cost[i, j]: what i turning left of j costs. Then i's way out meets j's turn, and j's way in meets i's turn.
    out_meets = (low < stop[:, None]) & (stop[:, None] < high)
    in_meets = (low[:, None] < start) & (start < high[:, None])
    cost = out_meets.astype(np.int64) + in_meets + SAME_LINE * (np.abs(stop[:, None] - start) < 0.4 * gap)
    np.fill_diagonal(cost, 0)
    order = _least_cost_order(cost)
    near = (low[:, None] - gap < high) & (low - gap < high[:, None])
    apart = near | (cost != cost.T)
    taken = np.full(len(turning), -1)
    for place, line in enumerate(order):
        before = order[:place]
        taken[line] = taken[before][apart[line, before]].max(initial=-1) + 1
    track[turning] = taken
    return track, int(taken.max()) + 1


def _least_cost_order(cost: NDArray[np.int64]) -> NDArray[np.int64]:
    """An order in which few pairs stand the costlier way round (Eades, Lin and Smyth, 1993); equal ones as given."""
    wish = np.maximum(cost.T - cost, 0)  # wish[i, j]: how much is saved when i stands before j
    ahead, behind = wish.sum(axis=1), wish.sum(axis=0)
    left = np.ones(len(cost), dtype=bool)
    first: list[int] = []
    last: list[int] = []
    while left.any():
        free = np.flatnonzero(left & (behind == 0))
        done = np.flatnonzero(left & (ahead == 0))
        if len(free):
            line = int(free[0])
            first.append(line)
        elif len(done):
            line = int(done[-1])
            last.append(line)
        else:
            line = int(np.argmax(np.where(left, ahead - behind, np.iinfo(np.int64).min)))
            first.append(line)
        left[line] = False
        ahead -= wish[:, line]
        behind -= wish[line]
    return np.array(first + last[::-1])
