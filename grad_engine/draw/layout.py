"""Where everything in a picture lies: sizes of items -> boxes and routes, routes -> curves.

The only caller of the layout library (graphlay). That library is young and says nothing about a node or edge field it
does not know, so whatever was asked of it is checked in what comes back.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grad_engine.draw.channel import MOST_COMPARED, SAME_LINE, spread, straighten, tracks
from grad_engine.draw.glyph import reach
from grad_engine.draw.order import REACH, Columns, Level, Sketch, arrange, join, stack
from grad_engine.draw.rows import breaks, most_broken, torn
from grad_engine.errors import GradEngineError, MissingPackageError
from grad_engine.folding.items import Link

Points = NDArray[np.float64]
Route = tuple[tuple[float, float], ...]

TYPICAL_HEIGHT = 60.0  # px: the library's inner distances suit items about this high, so drawings are scaled to it
MOST_DRAWN = 2000  # items, and links
MOST_PASSES = 20_000
MOST_ROWS = 40
MOST_TRIES = 8  # numbers of rows
MOST_BROKEN = 12  # lines between two rows; with more of them a wide drawing is easier to follow
HIGHEST = 3.0  # times the room: a drawing in rows that is higher stays in one row
MOST_WORK = 200_000  # of the library: squares of the numbers of lines between two ranks, added up; up to 1.5 s
MANY_ITEMS = 300  # beyond, the library looks less long for an order with few crossings
HANDLE = 0.5522847498  # length of a cubic Bézier's handles on a quarter circle of radius 1


@dataclass(frozen=True, slots=True)
class Item:
    """Something to place: an op, the card of a leaf, or the card of a constant."""

    id: str
    width: float
    height: float
    body: float | None = None  # height in the middle that links can reach, where labels lie above and below it


@dataclass(frozen=True, slots=True)
class Box:
    """Where an item lies: its centre and its size, y up."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Layout:
    """A finished drawing around the origin, y up, in the units of the sizes that were given."""

    boxes: dict[str, Box]  # by item id, in the order asked
    routes: dict[str, Route]  # by link id: corners from the source's right border to the port on the target's left
    width: float
    height: float
    ranks: tuple[tuple[str, ...], ...]  # item ids: ranks from left to right, each from top to bottom
    crossings: int  # places where two routes cross
    node_edge_hits: int  # pairs of a route and a box that it runs through (lay_out refuses to return any)
    node_overlaps: int  # pairs of boxes that overlap (lay_out refuses to return any)


def tagged(
    links: Sequence[Link], most: int = 3000, longest: float = math.inf
) -> tuple[tuple[Link, ...], dict[str, str]]:
    """The links with the farthest ones cut, and the tags to draw where they end: tag id -> id of the source it names.

    A link that passes many ranks is hard to follow, and many of them are slow to lay out. So that all links together
    pass at most about `most` ranks, each longer than some length, at most `longest`, starts instead from a tag next to
    its target. Links of one target from one source share a tag.
    """
    spans = _spans(links)
    length, total = 0, 0
    for span in sorted(spans):
        total += span
        if total > most:
            break
        length = span
    tags: dict[str, str] = {}
    kept: list[Link] = []
    for link, span in zip(links, spans, strict=True):
        if span > max(min(length, longest), 1):
            tag = f"{link.source}@{link.target}"
            tags[tag] = link.source
            link = replace(link, source=tag)
        kept.append(link)
    return tuple(kept), tags


def _spans(links: Sequence[Link]) -> list[int]:
    """About how many ranks lie between the ends of each link, and one: counted on the longest ways."""
    ranks = _ranks(links)
    return [ranks[link.target] - ranks[link.source] for link in links]


def _ranks(links: Sequence[Link]) -> dict[str, int]:
    """The rank of each end of a link: after everything that leads to it; what nothing leads to, just before its user.

    What lies on a cycle, or behind one, has rank 0, as some of what leads to it.
    """
    ahead: dict[str, list[str]] = {}
    waits = Counter(link.target for link in links)
    for link in links:
        ahead.setdefault(link.source, []).append(link.target)
    ready = [key for key in ahead if key not in waits]
    sources, depth = set(ready), dict.fromkeys([*ahead, *waits], 0)
    while ready:
        key = ready.pop()
        for target in ahead.get(key, ()):
            depth[target] = max(depth[target], depth[key] + 1)
            waits[target] -= 1
            if not waits[target]:
                ready.append(target)
    for key in sources:  # they stand just before their first user
        depth[key] = min(depth[target] for target in ahead[key]) - 1
    return depth


def lay_out(
    items: Sequence[Item],
    links: Sequence[Link],
    *,
    rank_gap: float | None = None,
    item_gap: float | None = None,
    lane_gap: float | None = None,
    rows: int = 1,
    room: float = math.inf,
    must_fit: bool = False,
) -> Layout:
    """The drawing of items in ranks from left to right, with a right-angled route for every link.

    Gaps are in the units of the sizes: between ranks (they widen where many routes turn), between items of a rank,
    between routes that run side by side. By default 0.9, 0.75 and 0.2 of the median height. The same input gives the
    same drawing on every machine. Items without a link lie below the first rank. In several `rows` the ranks follow
    each other as words do in lines: a link that leads to the next row runs back between the two. There are more rows
    where the drawing would be wider than `room`, unless many links would have to run back or it would be very high;
    then too where it `must_fit`.

    Raises GradEngineError when ids, sizes, slots or links do not fit together, when there are more than 2,000 items or
    links, when the links form a cycle or pass too many ranks, when the layout library is missing, or when it did not do
    what was asked.
    """
    checked(items, links)
    if not items:
        return Layout({}, {}, 0.0, 0.0, (), 0, 0, 0)
    if max(len(items), len(links)) > MOST_DRAWN:
        raise GradEngineError(
            f"lay_out() is asked for {len(items):,} items and {len(links):,} links, and draws {MOST_DRAWN:,} of each: "
            "draw a part of the graph."
        )
    passes = sum(_spans(links))
    if passes > MOST_PASSES:
        raise GradEngineError(
            f"lay_out() is asked for links that pass {passes:,} ranks in all, and draws {MOST_PASSES:,} at most: "
            "cut the farthest with tagged()."
        )
    typical = float(np.median([item.height for item in items]))
    rank_gap = 0.9 * typical if rank_gap is None else rank_gap
    item_gap = 0.75 * typical if item_gap is None else item_gap
    lane_gap = 0.2 * typical if lane_gap is None else lane_gap

    linked = {end for link in links for end in (link.source, link.target)}
    plan = planned([item for item in items if item.id in linked], links, item_gap, lane_gap)
    sketch = sketched(items, links, plan, item_gap)
    arrange(sketch.columns)

    widths = {item.id: item.width for item in items}
    lanes = 2 * lane_gap * min(max(len(links) // 8, 3), 6)  # for the lines that run back on both sides

    def in_rows(sketch: Sketch, at: tuple[int, ...]) -> Layout:
        ports = {link.id: port_above(link, 2 * sketch.paths[link.id][-1].body) for link in links}
        sketches = torn(sketch, ports, at) if at else [sketch]
        drawings = [drawing(part, items, links, rank_gap, item_gap, lane_gap) for part in sketches]
        found, routes = joined(drawings, max(item_gap, 1.6 * lane_gap), lane_gap)
        boxes = {item.id: found[item.id] for item in items}
        ranks = tuple(rank for part in drawings for rank in part.ranks)
        lines = {link.id: routes[link.id] for link in links}
        return centred(boxes, lines, ranks)

    at = breaks(sketch, widths, rank_gap, rows, room - lanes) if rows > 1 else ()
    made = in_rows(sketch, at)
    whole = not at  # the sketch is not torn yet
    for _ in range(MOST_TRIES):
        rows = max(rows + 1, math.ceil(made.width / room) if rows == 1 else 0)  # fewer cannot do
        if made.width <= room or rows > min(len(sketch.columns), MOST_ROWS):
            break
        for again in (False, True) if whole else (True,):
            if again:  # in a sketch that no row was torn out of
                sketch = sketched(items, links, plan, item_gap)
                arrange(sketch.columns)
            at = breaks(sketch, widths, rank_gap, rows, room - lanes)
            if most_broken(sketch, at) > MOST_BROKEN and not must_fit:
                return proved(items, links, made, 1e-6 * typical)
        whole = False
        tried = in_rows(sketch, at)
        if tried.height > HIGHEST * room and not must_fit:
            break
        made = tried
    return proved(items, links, made, 1e-6 * typical)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A row of ranks: its boxes and lines. A line that is broken begins at `left` or ends at `right`."""

    boxes: dict[str, Box]
    routes: dict[str, list[tuple[float, float]]]
    ranks: tuple[tuple[str, ...], ...]
    left: float
    right: float
    bottom: float
    top: float


def drawing(
    sketch: Sketch, items: Sequence[Item], links: Sequence[Link], rank_gap: float, item_gap: float, lane_gap: float
) -> Drawing:
    """A sketch in its final heights, with its lines; the left border of its first boxes lies at 0."""
    stack(sketch.columns, item_gap, lane_gap)
    links = [link for link in links if link.id in sketch.paths]
    lines = levelled(sketch, links, lane_gap)
    sizes = {item.id: item for item in items}
    names = {level: key for key, level in sketch.boxes.items()}
    ranks = tuple(tuple(names[level] for level in reversed(column) if level in names) for column in sketch.columns)
    middles: dict[str, float] = {}
    turns: dict[str, list[tuple[float, float]]] = {link.id: [] for link in links}
    left = border = 0.0  # border: of the rank or gap that comes next
    for rank, (ids, crossing) in enumerate(zip(ranks, lines, strict=True)):
        width = max((sizes[key].width for key in ids), default=0.0)
        middles |= dict.fromkeys(ids, border + width / 2)
        border += width
        if rank + 1 == len(ranks):
            break
        track, count = tracks(np.array([y for _, y, _ in crossing]), np.array([y for _, _, y in crossing]), lane_gap)
        gap = max(rank_gap if ids and ranks[rank + 1] else 1.5 * lane_gap, (count + 1) * lane_gap)
        if not ids and not rank:  # lines come in here
            left = border = -gap
        for (key, start, stop), number in zip(crossing, track, strict=True):
            if number >= 0:
                x = border + gap * (int(number) + 1) / (count + 1)
                turns[key] += [(x, start), (x, stop)]
        border += gap
    firsts = {key: start for crossing in reversed(lines) for key, start, _ in crossing}
    lasts = {key: stop for crossing in lines for key, _, stop in crossing}
    routes: dict[str, list[tuple[float, float]]] = {}
    for link in links:
        begins, ends = sketch.paths[link.id][0] in names, sketch.paths[link.id][-1] in names
        start = middles[link.source] + sizes[link.source].width / 2 if begins else left
        stop = middles[link.target] - sizes[link.target].width / 2 if ends else border
        routes[link.id] = [(start, firsts[link.id]), *turns[link.id], (stop, lasts[link.id])]
    boxes = {
        key: Box(middles[key], level.y, sizes[key].width, sizes[key].height) for key, level in sketch.boxes.items()
    }
    levels = [level for column in sketch.columns for level in column]
    low, high = min(level.y - level.half for level in levels), max(level.y + level.half for level in levels)
    return Drawing(boxes, routes, tuple(rank for rank in ranks if rank), left, border, low, high)


def joined(
    rows: Sequence[Drawing], row_gap: float, lane_gap: float
) -> tuple[dict[str, Box], dict[str, list[tuple[float, float]]]]:
    """The boxes and lines of rows that lie below each other.

    A line that is broken leaves at the right end of its row, runs back below it and comes in at the left of the next.
    Those that leave higher turn further out, run lower and come in higher, so that none crosses another on its way.
    """
    boxes, routes = dict(rows[0].boxes), {key: list(route) for key, route in rows[0].routes.items()}
    bottom = rows[0].bottom
    for above, row in pairwise(rows):
        broken = sorted((key for key in row.routes if key in above.routes), key=lambda key: routes[key][-1][1])
        down = bottom - row_gap - lane_gap * max(len(broken) - 1, 0) - row.top
        boxes |= {key: replace(box, y=box.y + down) for key, box in row.boxes.items()}
        for key, route in row.routes.items():
            moved = [(x, y + down) for x, y in route]
            if key in broken:
                lane = broken.index(key)  # from the one that leaves lowest
                right, left = above.right + lane_gap * (lane + 1), row.left - lane_gap * (len(broken) - lane)
                *before, (_, out) = routes[key]
                low, into = bottom - row_gap / 2 - lane_gap * lane, moved[0][1]
                moved = [*before, (right, out), (right, low), (left, low), (left, into), *moved[1:]]
            routes[key] = moved
        bottom = row.bottom + down
    return boxes, routes


@dataclass(frozen=True, slots=True)
class Plan:
    """Where things lie before they are put in order: ranks, and rough heights, y up."""

    ranks: Mapping[str, int]  # by the id of an item with links
    heights: Mapping[str, float]  # by the id of an item with links
    between: Mapping[str, Sequence[float]]  # link id -> the heights at which it passes the ranks between its ends


def planned(items: Sequence[Item], links: Sequence[Link], item_gap: float, lane_gap: float) -> Plan:
    """The library's plan of items that have links, or one made by rule for a graph that it would take long for.

    Raises GradEngineError when the links form a cycle.
    """
    ranks = _ranks(links)
    if any(ranks[link.source] >= ranks[link.target] for link in links):
        return plan_of_library(items, links, item_gap, lane_gap)  # which knows the link that closes the cycle
    if work(ranks, links) <= MOST_WORK:
        return plan_of_library(items, links, item_gap, lane_gap)
    places = {item.id: -float(k) for k, item in enumerate(items) if item.id in ranks}
    between = {}
    for link in links:
        start, stop, ways = places[link.source], places[link.target], ranks[link.target] - ranks[link.source]
        between[link.id] = [start + (stop - start) * k / ways for k in range(1, ways)]
    return Plan(ranks, places, between)


def work(ranks: Mapping[str, int], links: Sequence[Link]) -> int:
    """About how much the library has to do: the squares of the numbers of lines between two ranks, added up."""
    changes = Counter(ranks[link.source] for link in links)
    changes.subtract(ranks[link.target] for link in links)
    lines, total, before = 0, 0, 0
    for rank in sorted(changes):
        total += lines * lines * (rank - before)
        lines, before = lines + changes[rank], rank
    return total


def plan_of_library(items: Sequence[Item], links: Sequence[Link], item_gap: float, lane_gap: float) -> Plan:
    """The library's plan of these items and links; raises GradEngineError when the links form a cycle."""
    place = {item.id: k for k, item in enumerate(items)}
    scale = TYPICAL_HEIGHT / float(np.median([item.height for item in items] or [1.0]))
    raw = placed(
        [{"size": {"width": item.width * scale, "height": item.height * scale}} for item in items],
        [{"source": place[link.source], "target": place[link.target]} for link in links],
        {
            "direction": "leftright",
            "spacing": {"node_gap": item_gap * scale, "dummy_gap": 2 * lane_gap * scale},
            "routing": {"style": "orthogonal"},
            "effort": "balanced" if len(items) <= MANY_ITEMS else "fast",
        },
    )
    if raw["reversed"]:
        link = links[raw["reversed"][0]]
        raise GradEngineError(f"lay_out() needs links without a cycle, and {link.id!r} closes one: leave it out.")
    nodes = dict(zip(place, raw["nodes"], strict=True))
    middles = {node["rank"]: node["center"]["x"] for node in nodes.values()}
    between: dict[str, list[float]] = {}
    for link, edge in zip(links, raw["edges"], strict=True):
        first, last = nodes[link.source]["rank"], nodes[link.target]["rank"]
        if first >= last:
            raise GradEngineError(f"the layout did not put {link.target!r} right of {link.source!r}, which feeds it.")
        corners = [(point["x"], point["y"]) for point in edge["points"]]
        between[link.id] = [-height_at(middles[rank], corners) / scale for rank in range(first + 1, last)]
    heights = {key: -node["center"]["y"] / scale for key, node in nodes.items()}
    return Plan({key: node["rank"] for key, node in nodes.items()}, heights, between)


def sketched(items: Sequence[Item], links: Sequence[Link], plan: Plan, item_gap: float) -> Sketch:
    """The sketch of a plan; items without a link lie below its first rank."""
    bodies = {item.id: body_of(item) for item in items}
    ranks = plan.ranks
    boxes = {
        item.id: Level(plan.heights[item.id], item.height / 2, bodies[item.id] / 2)
        for item in items
        if item.id in ranks
    }
    columns: Columns = [[] for _ in range(max(ranks.values(), default=0) + 1)]
    for key, level in boxes.items():
        columns[ranks[key]].append(level)
    paths: dict[str, list[Level]] = {}
    for link in links:
        first, last = ranks[link.source], ranks[link.target]
        between = [Level(y) for y in plan.between[link.id]]
        for column, level in zip(columns[first + 1 : last], between, strict=True):
            column.append(level)
        paths[link.id] = [boxes[link.source], *between, boxes[link.target]]
        join(paths[link.id], port_above(link, bodies[link.target]))
    alone = min((level.y - level.half for level in columns[0]), default=0.0)
    for item in items:
        if item.id not in ranks:
            alone -= item_gap + item.height
            boxes[item.id] = Level(alone + item.height / 2, item.height / 2, body_of(item) / 2)
            columns[0].append(boxes[item.id])
    for column in columns:
        column.sort(key=lambda level: level.y)
    return Sketch(columns, boxes, paths, {link.id: ranks[link.source] for link in links})


def levelled(sketch: Sketch, links: Sequence[Link], lane_gap: float) -> list[list[tuple[str, float, float]]]:
    """For each rank, the lines that leave it to the right: link id, height there, height at the next rank."""
    heights: dict[str, list[float]] = {}  # of each line where it starts, at the ranks between, where it ends
    leaving: dict[Level, list[Link]] = {}
    for link in links:
        *between, target = sketch.paths[link.id][1:]
        end = target.y + port_above(link, 2 * target.body)
        heights[link.id] = [math.nan, *(level.y for level in between), end]
        leaving.setdefault(sketch.paths[link.id][0], []).append(link)

    def straightened(link: Link) -> None:
        ahead = sketch.columns[sketch.first[link.id] :]
        straighten(heights[link.id], sketch.paths[link.id], ahead, lane_gap, 0.75 * lane_gap)

    for box, found in leaving.items():
        for link in found:
            straightened(link)
        found.sort(key=lambda link: heights[link.id][1])
        wanted = [heights[link.id][1] for link in found]
        margin = 2 * box.body * min(0.5 - REACH - 0.05, 1 / (len(found) + 1))
        low, high = box.y - box.body + margin, box.y + box.body - margin
        # A line that can run straight on does; the others make room, and leave near the middle.
        straight = [low <= y <= high for y in wanted]
        near = [y if runs else box.y for y, runs in zip(wanted, straight, strict=True)]
        weights = [1e6 if runs else 1.0 for runs in straight]
        for link, y in zip(found, spread(near, low, high, lane_gap, weights), strict=True):
            heights[link.id][0] = y
            straightened(link)

    lines: list[list[tuple[str, float, float]]] = [[] for _ in sketch.columns]
    for link in links:
        ys = heights[link.id]
        for step in reversed(range(len(ys) - 1)):
            if abs(ys[step] - ys[step + 1]) < 0.05 * lane_gap:
                ys[step] = ys[step + 1]  # a step too small to be seen as one
            lines[sketch.first[link.id] + step].append((link.id, ys[step], ys[step + 1]))
    for rank, crossing in enumerate(lines):
        boxes = {key: sketch.paths[key][0] for key, *_ in crossing if sketch.first[key] == rank}
        unlock(crossing, boxes, lane_gap)
    return lines


def unlock(lines: list[tuple[str, float, float]], boxes: Mapping[str, Level], lane_gap: float) -> None:
    """Change, in place, lines between two ranks of which each leaves at the height at which the other arrives.

    Whichever of the two turned first, it would run on top of the other: so one leaves its box a little off. `boxes` are
    those of the lines that start here.
    """
    if len(lines) > MOST_COMPARED:  # of so many none can be told from its neighbours
        return
    near = SAME_LINE * lane_gap
    start, stop = np.array([y for _, y, _ in lines]), np.array([y for _, _, y in lines])
    same = np.abs(stop[:, None] - start) < near
    for pair in np.argwhere(np.triu(same & same.T, 1)):
        for number in pair:
            key, y, end = lines[number]
            if key not in boxes:
                continue
            others = np.delete(np.concatenate([start, stop]), [number, number + len(lines)])
            reach = REACH * 2.4 * boxes[key].body
            places = y + lane_gap * np.arange(-10, 11) / 10
            places = places[np.abs(places - boxes[key].y) <= reach]
            room = np.minimum(np.abs(others[:, None] - places).min(axis=0), near)
            best = int(np.argmax(room - 1e-3 * np.abs(places - y))) if len(places) else 0
            if len(places) and room[best] > near / 3:
                start[number] = places[best]
                lines[number] = (key, float(places[best]), end)
                break


def centred(
    boxes: Mapping[str, Box], routes: Mapping[str, Sequence[tuple[float, float]]], ranks: tuple[tuple[str, ...], ...]
) -> Layout:
    """The same drawing with its middle at the origin, measured."""
    low, high = _corners(boxes)
    points = np.array([point for route in routes.values() for point in route]).reshape(-1, 2)
    least, most = np.concatenate([low, points]).min(axis=0), np.concatenate([high, points]).max(axis=0)
    x, y = (float(middle) for middle in (least + most) / 2)
    moved = {key: Box(box.x - x, box.y - y, box.width, box.height) for key, box in boxes.items()}
    lines = {key: tuple((px - x, py - y) for px, py in route) for key, route in routes.items()}
    width, height = (float(side) for side in most - least)
    return Layout(moved, lines, width, height, ranks, crossings(lines), len(hits(moved, lines)), len(overlaps(moved)))


def height_at(x: float, corners: Sequence[tuple[float, float]]) -> float:
    """How high a line of these corners lies where it first reaches `x`."""
    for (x0, y0), (x1, y1) in pairwise(corners):
        if x0 <= x <= x1:
            return y0 if x1 == x0 else y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return corners[-1][1]


def body_of(item: Item) -> float:
    """The height that links can reach."""
    return item.height if item.body is None else item.body


def port_above(link: Link, body: float) -> float:
    """How far above the middle of its target a link ends."""
    return body * (0.5 - (link.slot + 1) / (link.slots + 1))


def checked(items: Sequence[Item], links: Sequence[Link]) -> None:
    """Raises GradEngineError for an id used twice, an unknown end, a bad size, or two links at one port."""
    for kind, ids in (("item", [item.id for item in items]), ("link", [link.id for link in links])):
        if len(set(ids)) < len(ids):
            raise GradEngineError(f"{kind} ids must differ, and {Counter(ids).most_common(1)[0][0]!r} is used twice.")
    for item in items:
        if not (0 < item.width < math.inf and 0 < item.height < math.inf):
            raise GradEngineError(f"item {item.id!r} needs a positive size, not {item.width} by {item.height}.")
        if not 0 < body_of(item) <= item.height:
            raise GradEngineError(f"item {item.id!r}, {item.height} high, cannot have a body {item.body} high in it.")
    known = {item.id for item in items}
    taken: dict[tuple[str, int], Link] = {}
    for link in links:
        for end in (link.source, link.target):
            if end not in known:
                raise GradEngineError(f"link {link.id!r} ends at {end!r}, which is not an item: pass that item too.")
        if link.source == link.target:
            raise GradEngineError(f"link {link.id!r} leads from {link.source!r} to itself: leave it out.")
        if not 0 <= link.slot < link.slots:
            raise GradEngineError(f"link {link.id!r} asks for port {link.slot} of {link.slots}: count from 0.")
        other = taken.setdefault((link.target, link.slot), link)
        if other is not link:
            raise GradEngineError(
                f"links {other.id!r} and {link.id!r} end at one port of {link.target!r}: give each slot its own."
            )
        if other.slots != link.slots:
            raise GradEngineError(f"links {other.id!r} and {link.id!r} disagree on the ports of {link.target!r}.")


def placed(nodes: list[dict[str, Any]], edges: list[dict[str, Any]], options: dict[str, Any]) -> dict[str, Any]:
    """What the layout library makes of a request: raises GradEngineError when it is missing or refuses."""
    try:
        import graphlay
    except ImportError as error:
        raise MissingPackageError(
            "a drawing needs the layout library graphlay, which is not installed: pip install 'grad_engine[draw]'"
        ) from error
    try:
        return graphlay.layout({"nodes": nodes, "edges": edges}, preset="layered", options=options).to_dict()
    except graphlay.GraphlayError as error:
        raise GradEngineError(f"the layout library refused the graph: {error}.") from error


def proved(items: Sequence[Item], links: Sequence[Link], layout: Layout, tolerance: float) -> Layout:
    """The same layout; raises GradEngineError where it does not keep what `Layout` promises."""
    bodies = {item.id: body_of(item) for item in items}
    for link in links:
        source, target, route = layout.boxes[link.source], layout.boxes[link.target], layout.routes[link.id]
        port = (target.x - target.width / 2, target.y + port_above(link, bodies[link.target]))
        if math.dist(route[-1], port) > tolerance:
            raise GradEngineError(
                f"the layout did not end link {link.id!r} at the port asked for: {route[-1]}, not {port}."
            )
        x, y = route[0]
        if abs(x - source.x - source.width / 2) > tolerance or abs(y - source.y) > source.height / 2 + tolerance:
            raise GradEngineError(f"the layout did not start link {link.id!r} on the right side of {link.source!r}.")
        if any(a[0] != b[0] and a[1] != b[1] for a, b in pairwise(route)):
            raise GradEngineError(f"the layout did not keep to right angles in link {link.id!r}.")
    if layout.node_overlaps:
        raise GradEngineError(f"the layout let {layout.node_overlaps} pairs of boxes overlap.")
    if layout.node_edge_hits:
        raise GradEngineError(f"the layout sent {layout.node_edge_hits} routes through boxes.")
    return layout


def overlaps(boxes: Mapping[str, Box]) -> list[tuple[str, str]]:
    """Pairs of ids whose boxes share more than a border."""
    ids, low, high = list(boxes), *_corners(boxes)
    found = []
    for some in _batches(len(ids), len(ids)):
        shared = _shared(low[some], high[some], low, high)
        found += [(ids[some[i]], ids[j]) for i, j in np.argwhere(shared) if some[i] < j]
    return found


def hits(boxes: Mapping[str, Box], routes: Mapping[str, Route]) -> list[tuple[str, str]]:
    """Pairs of a link id and the id of an item whose box its route runs through; along a border is not through."""
    ids, low, high = list(boxes), *_corners(boxes)
    links, owner, start, stop = list(routes), *_runs(routes)
    found = set()
    for some in _batches(len(owner), len(ids)):
        shared = _shared(np.minimum(start, stop)[some], np.maximum(start, stop)[some], low, high)
        found |= {(links[owner[some[i]]], ids[j]) for i, j in np.argwhere(shared)}
    return sorted(found)


def crossings(routes: Mapping[str, Route]) -> int:
    """How often two different routes cross at a right angle."""
    owner, start, stop = _runs(routes)
    flat = np.abs(start - stop)[:, 1] <= np.abs(start - stop)[:, 0]
    low, high = np.minimum(start, stop), np.maximum(start, stop)
    across, along = np.flatnonzero(~flat), np.flatnonzero(flat)
    total = 0
    for some in _batches(len(across), len(along)):
        up = across[some][:, None]
        met = (low[along, 0] < low[up, 0]) & (low[up, 0] < high[along, 0])
        met &= (low[up, 1] < low[along, 1]) & (low[along, 1] < high[up, 1])
        total += int((met & (owner[up] != owner[along])).sum())
    return total


def docked(route: Route, source: Points, target: Points) -> Route:
    """The route with its ends moved sideways from the borders of the two boxes to the outlines inside them.

    `source` and `target` are outlines (n, 2) in the coordinates of the route: `outline(...) + (box.x, box.y)`.
    """
    (_, y0), (_, y1) = route[0], route[-1]
    return ((reach(source, y0, "right"), y0), *route[1:-1], (reach(target, y1, "left"), y1))


def rounded(route: ArrayLike, radius: float) -> Points:
    """The route as cubic Béziers, (4k, 3): per piece an anchor, two handles, an anchor; corners are quarter circles.

    A corner between short sides gets a smaller radius: at most half of each side.
    """
    corners = _distinct(np.asarray(route, dtype=np.float64)[:, :2])
    sides = np.diff(corners, axis=0)
    lengths = np.hypot(sides[:, 0], sides[:, 1])
    ways = sides / lengths[:, None]
    cuts = np.minimum(radius, 0.5 * np.minimum(lengths[:-1], lengths[1:]))[:, None]
    inner = corners[1:-1]
    starts, stops = inner - cuts * ways[:-1], inner + cuts * ways[1:]
    line_from = np.concatenate([corners[:1], stops])
    line_to = np.concatenate([starts, corners[-1:]])
    third = (line_to - line_from) / 3
    lines = np.stack([line_from, line_from + third, line_to - third, line_to], axis=1)
    bends = np.stack([starts, starts + HANDLE * cuts * ways[:-1], stops - HANDLE * cuts * ways[1:], stops], axis=1)
    pieces = np.zeros((len(lines) + len(bends), 4, 3))
    pieces[0::2, :, :2], pieces[1::2, :, :2] = lines, bends
    # Two bends of half a side each leave a line of no length between them.
    long = np.ptp(pieces, axis=1).max(axis=1) > 1e-9 * lengths.max()
    return pieces[long].reshape(-1, 3)


def arc_length_table(curve: ArrayLike, samples: int = 12) -> Points:
    """Places along a curve of cubic Béziers (4k, 3), evenly read by `point_at`: columns fraction of length, x, y, z.

    `samples` is the number of chords that stand for each piece.
    """
    pieces = np.asarray(curve, dtype=np.float64).reshape(-1, 4, 3)
    t = np.linspace(0.0, 1.0, samples + 1)[:, None]
    weights = np.concatenate([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3], axis=1)
    along = np.einsum("sw,pwd->psd", weights, pieces)
    points = np.concatenate([along[0, :1], along[:, 1:].reshape(-1, 3)])
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    length = np.concatenate([[0.0], np.cumsum(steps)])
    return np.column_stack([length / length[-1], points])


def point_at(table: Points, fractions: ArrayLike) -> Points:
    """The points (n, 3) at these fractions of the length of a curve, from its `arc_length_table`."""
    wanted = np.atleast_1d(np.asarray(fractions, dtype=np.float64))
    return np.column_stack([np.interp(wanted, table[:, 0], table[:, axis]) for axis in (1, 2, 3)])


def _corners(boxes: Mapping[str, Box]) -> tuple[Points, Points]:
    middle = np.array([(box.x, box.y) for box in boxes.values()]).reshape(-1, 2)
    half = np.array([(box.width / 2, box.height / 2) for box in boxes.values()]).reshape(-1, 2)
    return middle - half, middle + half


def _runs(routes: Mapping[str, Route]) -> tuple[NDArray[np.int64], Points, Points]:
    """The straight runs of all routes: whose each is (by position), where it starts, where it stops."""
    owner = np.repeat(np.arange(len(routes)), [len(route) - 1 for route in routes.values()])
    start = np.array([point for route in routes.values() for point in route[:-1]]).reshape(-1, 2)
    stop = np.array([point for route in routes.values() for point in route[1:]]).reshape(-1, 2)
    return owner, start, stop


def _shared(low: Points, high: Points, other_low: Points, other_high: Points) -> NDArray[np.bool_]:
    """Which rectangles of the first kind reach into which of the second by more than rounding, (n, m)."""
    slack = 1e-6 * np.min(other_high - other_low, initial=math.inf)
    return (
        (low[:, None, 0] + slack < other_high[:, 0])
        & (other_low[:, 0] + slack < high[:, None, 0])
        & (low[:, None, 1] + slack < other_high[:, 1])
        & (other_low[:, 1] + slack < high[:, None, 1])
    )


def _batches(rows: int, columns: int) -> list[NDArray[np.int64]]:
    """All row numbers in pieces, so that no table of rows by columns grows beyond some megabytes."""
    return np.array_split(np.arange(rows), rows * columns // 4_000_000 + 1)


def _distinct(points: Points) -> Points:
    kept = np.concatenate([[True], np.abs(np.diff(points, axis=0)).max(axis=1) > 0])
    return points[kept]
