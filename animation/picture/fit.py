"""How large a graph is drawn, with how much written on it, and where everything lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from grad_engine.draw.layout import Box, Item, Layout, lay_out
from grad_engine.folding.items import Link

from .. import theme
from .card import CardView, card_size
from .detail import Look
from .op import OpView, op_size, shape_size

# What is tried, in this order: detail, gap between ranks, gap within a rank, smallest scale at which it can be read.
FITS = (
    (3, 0.72, 0.30, 0.92),
    (3, 0.52, 0.20, 0.92),
    (2, 0.50, 0.16, 0.92),
)
# What is too long for one row goes into several, if few lines lead from one to the next: detail, gaps, scale.
WRAPPED = (
    *((3, 0.52, 0.20, scale) for scale in (1.24, 1.16, 1.08, 1.0, 0.92)),
    *((2, 0.50, 0.16, scale) for scale in (0.92, 0.86, 0.80)),
)
MOST_ROWS = 3
MOST_BROKEN = 2  # lines from a row to the next
# What is a little too large for that is drawn with less air; the type stays as large as it was.
CLOSE = ((2, 0.40, 0.16, 0.74), (2, 0.34, 0.16, 0.70))
CLOSE_ROWS = tuple((2, 0.40, 0.16, scale) for scale in (0.74, 0.70))
# What is wider than the frame is followed from left to right and back, if it is not higher: detail, gaps, scale.
FOLLOWED = ((3, 0.60, 0.26, 0.92), (2, 0.50, 0.16, 0.92), (2, 0.50, 0.16, 0.80))
# What is too much for that shows the ops' signs and the leaves' names only.
SMALL = ((1, 0.50, 0.24, 0.42), (1, 0.36, 0.12, 0.34))
CROWD = 120  # more items than this cannot be read


class Unreadable(Exception):
    """A graph has too much in it to be read."""


def arranged(cards: Mapping[str, CardView], ops: Mapping[str, OpView], links: Sequence[Link]) -> tuple[Look, Layout]:
    """How large the graph is drawn, with how much written on it, and where everything lies, maybe beyond the frame.

    Raises Unreadable where nothing could be read.
    """
    if len(cards) + len(ops) > CROWD:
        raise Unreadable
    for tried, ways in ((whole, FITS), (in_rows, WRAPPED), (whole, CLOSE), (in_rows, CLOSE_ROWS)):
        if (found := tried(ways, cards, ops, links)) is not None:
            return found
    for detail, across, up, scale in FOLLOWED:
        layout = placed(Look(scale, detail), cards, ops, links, across * scale, up * scale)
        if layout.height <= theme.GRAPH_TOP - theme.GRAPH_BOTTOM:
            return Look(scale, detail), scaled(layout, 1.0)
    if (found := whole(SMALL, cards, ops, links)) is None:
        raise Unreadable
    return found


def whole(
    fits: Sequence[tuple[int, float, float, float]],
    cards: Mapping[str, CardView],
    ops: Mapping[str, OpView],
    links: Sequence[Link],
) -> tuple[Look, Layout] | None:
    """The first of some ways to draw that shows the whole graph in one frame."""
    room_w, room_h = theme.GRAPH_WIDTH, theme.GRAPH_TOP - theme.GRAPH_BOTTOM
    for detail, across, up, least in fits:
        found = placed(Look(1.0, detail), cards, ops, links, across, up)
        fit = min(room_w / found.width, room_h / found.height, 1.45 if detail >= 2 else 1.15)
        if fit < least:
            continue
        if detail and fit < theme.SMALLEST / 0.25:
            # Shapes shrink, but type does not: below this scale a drawing is not a smaller picture of the same.
            for percent in range(92, round(100 * least) - 1, -4):
                look = Look(percent / 100, detail)
                for high in (3.0, 2.0, 1.0):  # with more air in a rank, if there is room for it
                    found = placed(look, cards, ops, links, across * look.scale, high * up * look.scale)
                    if found.width <= room_w and found.height <= room_h:
                        return look, scaled(found, 1.0)
            continue
        # Room that is left goes between the items, as far as the drawing still holds together.
        ranks, tallest = max(len(found.ranks) - 1, 1), max(len(rank) for rank in found.ranks)
        wider = across + min(1.4, max(0.0, (room_w / fit - found.width) / ranks))
        higher = up + min(0.5, max(0.0, (room_h / fit - found.height) / tallest) * 0.8)
        for gaps in ((wider, higher), (wider, up), (across, higher)):
            other = placed(Look(1.0, detail), cards, ops, links, *gaps)
            if other.width * fit <= room_w + 1e-6 and other.height * fit <= room_h + 1e-6:
                found = other
                break
        return Look(fit, detail), scaled(found, fit)
    return None


def in_rows(
    ways: Sequence[tuple[int, float, float, float]],
    cards: Mapping[str, CardView],
    ops: Mapping[str, OpView],
    links: Sequence[Link],
) -> tuple[Look, Layout] | None:
    """The first of some ways to draw that shows the whole graph in several rows, if the last one does."""
    if wrapped(*ways[-1], cards, ops, links) is None:
        return None
    return next(found for way in ways if (found := wrapped(*way, cards, ops, links)) is not None)


def wrapped(
    detail: int,
    across: float,
    up: float,
    scale: float,
    cards: Mapping[str, CardView],
    ops: Mapping[str, OpView],
    links: Sequence[Link],
) -> tuple[Look, Layout] | None:
    """The whole graph in as few rows as will do, if it is possible at this scale."""
    room_w, room_h = theme.GRAPH_WIDTH, theme.GRAPH_TOP - theme.GRAPH_BOTTOM
    look = Look(scale, detail)
    for rows in range(2, MOST_ROWS + 1):
        layout = placed(look, cards, ops, links, across * scale, up * scale, rows)
        if layout.height > room_h:
            return None
        broken = sum(any(b < a for (a, _), (b, _) in pairwise(way)) for way in layout.routes.values())
        if layout.width > room_w or broken > MOST_BROKEN * (rows - 1):
            continue
        for wider in (1.0, 0.7, 0.4):  # with more air between the ranks, if there is room for it
            air = wider * (room_w - layout.width) * rows / len(layout.ranks)
            other = placed(look, cards, ops, links, across * scale + air, up * scale, rows)
            if other.width <= room_w and other.height <= room_h:
                layout = other
                break
        return look, scaled(layout, 1.0)
    return None


def placed(
    look: Look,
    cards: Mapping[str, CardView],
    ops: Mapping[str, OpView],
    links: Sequence[Link],
    across: float,
    up: float,
    rows: int = 1,
) -> Layout:
    """The drawing with these gaps, at the size of the look."""
    items = [Item(id, *card_size(view, look)) for id, view in cards.items()]
    for id, view in ops.items():  # several ports take all the height of a box, one lies on the shape
        items.append(Item(id, *op_size(view, look), shape_size(view, look)[1] if view.slots == 1 else None))
    lane = 0.22 * min(1.0, max(0.8, look.scale))
    return lay_out(items, links, rank_gap=across, item_gap=up, lane_gap=lane, rows=rows)


def scaled(layout: Layout, by: float) -> Layout:
    """The same drawing, `by` times as large, in the middle of the room for the graph."""
    up = (theme.GRAPH_TOP + theme.GRAPH_BOTTOM) / 2
    return replace(
        layout,
        boxes={
            id: Box(box.x * by, box.y * by + up, box.width * by, box.height * by) for id, box in layout.boxes.items()
        },
        routes={id: tuple((float(x) * by, float(y) * by + up) for x, y in way) for id, way in layout.routes.items()},
        width=layout.width * by,
        height=layout.height * by,
    )
