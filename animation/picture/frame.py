"""The frame around the graph: panel, title, expression, key, pointers, and what veils or masks the graph."""

from __future__ import annotations

from collections.abc import Sequence

from grad_engine.draw.glyph import outline
from grad_engine.draw.layout import Box
from grad_engine.draw.palette import Palette as Colours
from grad_engine.folding.groups import GROUP
from grad_engine.story.values import Cells

from .. import theme
from ..render.primitives import Part, Primitive
from .op import PIN
from .shapes import card_points, circle_points, polygon
from .tensor import grid
from .text import middle_out, text_width, words


def pointer(text: str, box: Box, colours: Colours) -> Part:
    """A ring around what is in a box, with a number at its upper right."""
    radius = 0.5 * max(box.width, box.height) + 0.08
    if max(box.width, box.height) > 0.6:
        ring = card_points(box.width + 0.14, box.height + 0.14, 0.2, (box.x, box.y))
        at = (box.x + box.width / 2 + 0.02, box.y + box.height / 2 + 0.02)
    else:
        ring = circle_points(radius, (box.x, box.y))
        at = (box.x + 0.7071 * radius + 0.12, box.y + 0.7071 * radius + 0.12)
    return Part(
        Primitive(ring, stroke=colours.ink, width=3.0),
        Primitive(circle_points(0.17, at), fill=colours.ink),
        words(text, theme.SMALLEST, colours.background, at, bold=True),
    )


def panel(colours: Colours) -> Part:
    """The plate that the captions lie on."""
    points = card_points(theme.GRAPH_WIDTH, theme.PANEL_HEIGHT, 0.16, (0.0, theme.PANEL_MIDDLE))
    return Part(Primitive(points, fill=colours.panel))


def title(number: str, text: str, tone: str, colours: Colours) -> Part:
    """The name of a phase, top left, with its number in a disc."""
    x, y = -theme.GRAPH_WIDTH / 2, theme.TOP
    colour = getattr(colours, tone)
    return Part(
        Primitive(circle_points(0.24, (x + 0.24, y)), fill=colour),
        words(number, 0.32, colours.background, (x + 0.24, y), bold=True),
        words(text, theme.TITLE, colours.ink, (x + 0.64, y), anchor="left", bold=True),
    )


def title_width(text: str) -> float:
    """How much of the top line a title takes."""
    return 0.64 + text_width(text, theme.TITLE, True)


def expression(text: str, room: float, colours: Colours) -> Part:
    """What is computed, top right, as large as there is room."""
    size = next((size for size in (0.32, 0.29, 0.26) if text_width(text, size) <= room), 0.26)
    text = middle_out(text, size, room)
    return Part(words(text, size, colours.muted, (theme.GRAPH_WIDTH / 2, theme.TOP), anchor="right"))


KINDS = {"shape": "reshaping", "linalg": "linear algebra", GROUP: "several ops"}  # the other categories read as words


def key(categories: Sequence[str], keeps: bool, pictures: bool, order: bool, colours: Colours) -> Part:
    """What the marks in the graph mean, in one line where the tape will be; the last categories if there is room."""
    y, high, gap = theme.TAPE_MIDDLE, 0.26, 0.34
    signs: list[tuple[str, str, float]] = [("root", "result", high)]
    signs += [("pin", "kept for backward", 2 * PIN)] if keeps else []
    signs += [("grid", "larger: farther from 0", 2 * theme.MOVING_CELL)] if pictures else []
    ordered = ("order", "operands", text_width("1, 2", theme.SMALLEST))
    kinds = [(category, KINDS.get(category, category), high) for category in categories]

    def wide(entry: tuple[str, str, float]) -> float:
        return entry[2] + 0.09 + text_width(entry[1], theme.SMALLEST)

    while kinds and sum(map(wide, kinds + signs)) + gap * (len(kinds + signs) - 1) > theme.GRAPH_WIDTH:
        kinds.pop()
    if order and sum(map(wide, [*kinds, *signs, ordered])) + gap * len(kinds + signs) <= theme.GRAPH_WIDTH:
        signs.insert(1, ordered)
    primitives: list[Primitive | Part] = []
    x = -theme.GRAPH_WIDTH / 2
    for entry in kinds + signs:
        sign, text, across = entry
        middle = (x + across / 2, y)
        if sign == "grid":
            primitives.append(
                grid(Cells(2, 2, (1.0, 0.3, 0.6, 0.0), (False,) * 4), colours, "value", theme.MOVING_CELL, (x, y))
            )
        elif sign == "order":
            primitives.append(words("1, 2", theme.SMALLEST, colours.ink, (x, y), anchor="left"))
        elif sign == "pin":
            primitives.append(Primitive(circle_points(PIN, middle), fill=colours.value))
        elif sign == "root":
            primitives += [
                Primitive(circle_points(r, middle), stroke=colours.value, width=1.8) for r in (0.5 * high, 0.3 * high)
            ]
        else:
            shape = polygon(outline(sign, across, high) + middle)
            primitives.append(Primitive(shape, fill=colours.panel, stroke=colours.value, width=2.0))
        primitives.append(words(text, theme.SMALLEST, colours.muted, (x + across + 0.09, y), anchor="left"))
        x += wide(entry) + gap
    return Part(*primitives)


def veil(colours: Colours, alpha: float) -> Primitive:
    """A film of background over the whole graph and its tape."""
    top, bottom = theme.GRAPH_TOP + 0.12, theme.PANEL_MIDDLE + theme.PANEL_HEIGHT / 2
    return Primitive(
        card_points(theme.FRAME_WIDTH + 1, top - bottom, 0.0, (0.0, (top + bottom) / 2)),
        fill=colours.background,
        fill_alpha=alpha,
    )


def mask(colours: Colours) -> Part:
    """What lets a graph that is wider than the frame fade out before the frame ends."""
    high = theme.GRAPH_TOP - theme.GRAPH_BOTTOM + 0.24
    middle = (theme.GRAPH_TOP + theme.GRAPH_BOTTOM) / 2
    edge_of_view, steps, step = theme.GRAPH_WIDTH / 2, 6, 0.09
    primitives = []
    for side in (-1, 1):
        bars = [(edge_of_view + 1.0, 2.0, 1.0)]
        bars += [(edge_of_view - (k + 0.5) * step, step, 1 - (k + 1) / (steps + 1)) for k in range(steps)]
        for x, wide, alpha in bars:
            corners = card_points(wide, high, 0.0, (side * x, middle))
            primitives.append(Primitive(corners, fill=colours.background, fill_alpha=alpha))
    return Part(*primitives)
