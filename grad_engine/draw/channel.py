"""Right-angled routes between ranks: where a line passes each rank, and on which track it turns between two ranks.

The layout library can cut a corner or graze a box where many lines meet, so of its routes only the heights at which
they pass the ranks are kept; the lines themselves are drawn here, and keep clear of boxes and of each other by
construction. Tracks are numbered as in Eiglsperger, Siebenhaller and Kaufmann (2005) and Schulze, Spönemann and
von Hanxleden (2014): whichever of two lines turns first so that they cross less, then as few tracks as will do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

from grad_engine.draw.order import REACH, Level

Points = NDArray[np.float64]

SAME_LINE = 0.4  # of the gap between lines: nearer, two seem to be one
MOST_COMPARED = 1000  # lines between two ranks of which each is compared with each
ON_TOP = 1000  # what it costs, in crossings, when two lines would run on top of each other


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


def straighten(
    heights: list[float],
    path: Sequence[Level],
    columns: Sequence[Sequence[Level]],
    clear: float,
    gap: float,
) -> None:
    """Take steps out of a long line where its neighbours leave room: changes `heights` and the levels in between.

    `heights` are those of the line where it starts, at each rank between and where it ends, `path` its levels there.
    Only those between move, and never past a neighbour, so nothing crosses that did not. A start of NaN is not settled
    yet: anywhere within reach of the box's middle. `columns` are the ranks from that of the start.
    """
    last = len(path) - 1

    def moved(first: int, end: int, y: float) -> bool:
        if first == 0 or end > last:
            return False
        for step in range(first, end):
            column, place = columns[step], path[step].place
            low, high = -math.inf, math.inf
            if place > 0:
                low = column[place - 1].y + column[place - 1].half + (clear if column[place - 1].half else gap)
            if place + 1 < len(column):
                high = column[place + 1].y - column[place + 1].half - (clear if column[place + 1].half else gap)
            if not low <= y <= high:
                return False
        for step in range(first, end):
            path[step].y = heights[step] = y
        return True

    starts = [step for step in range(last + 1) if step == 0 or heights[step] != heights[step - 1]]
    reach = REACH * 2 * path[0].body
    k = len(starts) - 1  # the runs of equal height before and after where starts[k] begins are made one, if possible
    while k > 0:
        first, here, end = starts[k - 1], starts[k], starts[k + 1] if k + 1 < len(starts) else last + 1
        left, right = heights[first], heights[here]
        settled = math.isnan(left) or (
            first == 1 and math.isnan(heights[0]) and abs(left - path[0].y) <= reach < abs(right - path[0].y)
        )
        if not settled and (moved(first, here, right) or moved(here, end, left)):
            del starts[k]
            k = min(k, len(starts) - 1)
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
    if len(turning) > MOST_COMPARED:  # too many to compare each with each
        track[turning] = _first_free(low - gap, high)
        return track, int(track.max()) + 1
    # cost[i, j]: what i turning left of j costs. Then i's way out meets j's turn, and j's way in meets i's turn.
    out_meets = (low < stop[:, None]) & (stop[:, None] < high)
    in_meets = (low[:, None] < start) & (start < high[:, None])
    cost = out_meets.astype(np.int64) + in_meets + ON_TOP * (np.abs(stop[:, None] - start) < SAME_LINE * gap)
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


def _first_free(low: Points, high: Points) -> NDArray[np.int64]:
    """For each of the lines from `low` to `high` a track on which no other is in its way."""
    track = np.empty(len(low), dtype=np.int64)
    busy: list[tuple[float, int]] = []  # up to where, and which track
    free: list[int] = []
    for line in np.argsort(low, kind="stable"):
        while busy and busy[0][0] <= low[line]:
            heappush(free, heappop(busy)[1])
        track[line] = heappop(free) if free else len(busy)
        heappush(busy, (float(high[line]), int(track[line])))
    return track


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
