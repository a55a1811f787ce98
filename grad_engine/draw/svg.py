"""A record as one still picture: SVG text without scripts, styles, ids or references, so it can stand in any page.

Values flow to the right along solid lines; where a backward run is recorded, gradients flow back beside them, dashed.
What is written above a thing is its value, what is written below it its gradient.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from grad_engine.draw.crowd import AT_EACH_END, Crowd, crowd
from grad_engine.draw.glyph import Points, outline, reach
from grad_engine.draw.layout import HIGHEST, Box, Layout, Route, docked, lay_out, rounded, tagged
from grad_engine.draw.lettering import (
    FAMILY,
    LABEL,
    NAME,
    SMALL,
    SYMBOL,
    TITLE,
    clean,
    figure,
    plural,
    shortened,
    width_of,
)
from grad_engine.draw.looks import LINE, LONG_SYMBOL, NO_GRADIENT, SHEET, Look, Looks
from grad_engine.draw.palette import Palette
from grad_engine.draw.palette import theme as palette_of
from grad_engine.folding import Link, View, drawn, in_few, module_view
from grad_engine.record import GraphRecord
from grad_engine.record.index import RecordIndex, index_of
from grad_engine.record.words import fit, many

LANE = 2.6  # how far values and gradients run from the middle of their link, px
ARROW = 8.0  # length of an arrow head, px
CORNER = 9.0
RING = 4.5  # from an outline to the second one, around a result, px
MARGIN = 28.0
RANK_GAP = 62.0
MOST_BOXES = 24  # ops and boxes of a graph whose modules can be closed
MOST_SHOWN = 36  # of these at most, where modules alone do not bring it down to so few
WIDEST = 1600.0  # px; a wider drawing goes on in rows
# Ranks that a line may pass, and whether the drawing must fit whatever that takes; the first that is narrow enough.
TRIES = ((math.inf, False), (6, False), (2, False), (2, True), (1, True))
ROOM = WIDEST - 2 * MARGIN
LONGEST_DESCRIPTION = 2000  # characters of the expression, for who cannot see the picture
BOLD = ' font-weight="600"'


def to_svg(
    record: GraphRecord,
    *,
    theme: str = "dark",
    title: bool = True,
    max_items: int = 300,
    full: bool = False,
    level: int | None = None,
    expand: Collection[str] = (),
    focus: str | int | None = None,
) -> str:
    """The picture of a record as SVG text: a graph from left to right, with its numbers, in a "dark" or "light" theme.

    Of a graph with scopes and more than about 24 ops, modules are boxes that open from the outside in while there is
    room, and equal modules that follow each other are one box. `full=True` draws every op; `level` opens modules of
    fewer parts than that; `expand` opens the modules of these paths; `focus` draws the inside of one module, or what
    lies around one op or leaf.

    A graph without scopes that would be too wide even in rows, or very high, is folded too: what repeats, or follows
    each other, is one box.

    Of a graph with more than `max_items` things to draw or twice as many lines, the last ops are drawn, and the picture
    says so; then an op of more than 16 operands has the first and the last 8, and a box for the others. Where lines
    would pass very many ranks, a tag with the tensor's name stands at their end instead. A drawing wider than 1,600
    pixels goes on in rows. `title` puts the record's title and expression above the graph, and what the lines
    mean below.

    Raises GradEngineError for another theme, a name that stands for nothing, or when the layout library is missing.
    """
    colours = palette_of(theme)
    view = module_view(record, MOST_BOXES, full=full, level=level, expand=expand, focus=focus, limit=MOST_SHOWN)
    may_fold = not (full or view.folds or expand) and level is focus is None and len(record.nodes) > MOST_SHOWN
    made = _laid_out(view, max_items, TRIES[: 1 if may_fold else None])
    if may_fold and (made.layout.width > ROOM or made.layout.height > HIGHEST * ROOM):
        shown, folds = in_few(record, MOST_SHOWN)
        view = replace(view, record=shown, folds=folds)
        made = _laid_out(view, max_items, TRIES)
    index, layout, looks, links, part = made.index, made.layout, made.looks, made.links, made.part

    head = _heading(view, colours, len(part.ops.intersection(index.nodes)), len(part.rests)) if title else []
    foot = _legend(colours, bool(index.shares), any(look.sums for look in looks.values())) if title else []
    top = MARGIN + (sum(size * 1.35 for _, size, _ in head) + 12 if head else 0.0)
    width = (
        max([layout.width, *(width_of(words, size) for words, size, _ in head), 330.0 if foot else 0.0]) + 2 * MARGIN
    )
    height = top + layout.height + MARGIN + (34.0 if foot else 0.0)

    described = fit(record.expression, LONGEST_DESCRIPTION)
    said = f"{plural(record.counts.ops, 'operation')}, {plural(record.counts.leaves, 'leaf tensor')}"
    bounds = ("0", "0", figure(width), figure(height))
    area = f'width="{figure(width)}" height="{figure(height)}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {area} viewBox="{" ".join(bounds)}" role="img" {FAMILY}>',
        f"<title>{clean(record.title)}</title><desc>{clean(f'Computation graph: {said}. {described}')}</desc>",
        f'<rect {area} fill="{colours.background}"/>',
    ]
    y = MARGIN
    for words, size, colour in head:
        y += size * 1.35
        parts.append(_text(words, MARGIN, y - 0.35 * size, size, colour, anchor="start", bold=size == TITLE))
    parts.append(f'<g transform="translate({figure(width / 2)} {figure(top + layout.height / 2)})">')
    shapes = {key: _shape(look, layout.boxes[key], grown=RING * look.root) for key, look in looks.items()}
    for link in links:
        parts += _lines(
            layout.routes[link.id], shapes[link.source], shapes[link.target], link.id in index.shares, colours
        )
    for key, look in looks.items():
        parts += _thing(look, layout.boxes[key], colours)
    parts.append("</g>")
    if foot:
        parts.append(f'<g transform="translate({figure(MARGIN)} {figure(height - 24)})">{"".join(foot)}</g>')
    parts.append("</svg>")
    return "\n".join(parts)


@dataclass(frozen=True, slots=True)
class _Placed:
    """What is drawn of a view, and where."""

    index: RecordIndex
    layout: Layout
    looks: Mapping[str, Look]
    links: Sequence[Link]
    part: Crowd


def _laid_out(view: View, max_items: int, tries: Sequence[tuple[float, bool]]) -> _Placed:
    """The layout of a view: the first of some tries that is narrow enough, or the last."""
    index = index_of(view.record)
    ids, every = drawn(view.record)
    part = crowd(view.record, ids, every, max_items)
    maker = Looks(index, view.folds, index_of(view.source))
    for longest, must_fit in tries:
        links, tags = tagged(part.links, longest=longest)
        looks = {look.item.id: look for look in maker.all(ids, links, tags, part.ops, part.rests)}
        items = [look.item for look in looks.values()]
        layout = lay_out(items, links, rank_gap=RANK_GAP, item_gap=22.0, lane_gap=15.0, room=ROOM, must_fit=must_fit)
        if layout.width <= ROOM:
            break
    return _Placed(index, layout, looks, links, part)


def _text(
    words: str, x: float, y: float, size: float, colour: str, *, anchor: str = "middle", bold: bool = False
) -> str:
    return (
        f'<text x="{figure(x)}" y="{figure(y)}" font-size="{figure(size)}" fill="{colour}" '
        f'text-anchor="{anchor}"{bold * BOLD} unicode-bidi="isolate">{clean(words)}</text>'
    )


def _shape(look: Look, box: Box, *, grown: float = 0.0) -> Points:
    """The outline of an item where it lies, larger by `grown` all round; labels above and below are outside of it."""
    height = box.height if look.item.body is None else look.item.body
    corner = CORNER if look.kind in ("leaf", "constant") else None  # cards are of any height, and look alike
    return outline(look.category, look.glyph + 2 * grown, height + 2 * grown, corner=corner) + (box.x, box.y)


Piece = tuple[str, float, str, bool]  # words, type size, colour, bold


def _words(pieces: Sequence[Piece], x: float, y: float) -> str:
    """Several pieces of text on one line, together in the middle of x."""
    spans = " ".join(
        f'<tspan font-size="{figure(size)}" fill="{colour}"{bold * BOLD} unicode-bidi="isolate">{clean(words)}</tspan>'
        for words, size, colour, bold in pieces
        if words
    )
    return f'<text x="{figure(x)}" y="{figure(y)}" text-anchor="middle">{spans}</text>' if spans else ""


def _badge(words: str, x: float, y: float, colours: Palette) -> str:
    width, height = width_of(words, LABEL) + 12, LINE
    corner = f'x="{figure(x - width / 2)}" y="{figure(y - height / 2)}"'
    return (
        f'<rect {corner} width="{figure(width)}" height="{figure(height)}" rx="4" '
        f'fill="{colours.background}" stroke="{colours.nonfinite}" stroke-width="1.4"/>'
        + _text(words, x, y + 4.8, LABEL, colours.nonfinite, bold=True)
    )


def _path(curve: Points, colour: str, width: float, *, dashed: bool = False) -> str:
    """A line along cubic Béziers (4k, 3), y up."""
    steps = [f"M{figure(curve[0, 0])} {figure(-curve[0, 1])}"]
    for start, first, second, end in curve.reshape(-1, 4, 3)[..., :2]:
        (right, up), (x, y), (x2, y2) = end - start, first - start, second - start
        if abs(right * y - up * x) + abs(right * y2 - up * x2) < 1e-6:
            steps.append(f"L{figure(end[0])} {figure(-end[1])}")
        else:
            steps.append("C" + " ".join(f"{figure(x)} {figure(-y)}" for x, y in (first, second, end)))
    dashes = ' stroke-dasharray="7 5"' if dashed else ""
    return f'<path d="{"".join(steps)}" fill="none" stroke="{colour}" stroke-width="{figure(width)}"{dashes}/>'


def _polygon(points: Points, fill: str, stroke: str, width: float = 1.6) -> str:
    corners = " ".join(f"{figure(x)},{figure(-y)}" for x, y in points)
    drawn_with = f'fill="{fill}" stroke="{stroke}" stroke-width="{figure(width)}" stroke-linejoin="round"'
    return f'<polygon points="{corners}" {drawn_with}/>'


def beside(route: Route, by: float) -> Route:
    """The right-angled route moved `by` to the left of its direction, corner for corner."""
    points = np.array(route)
    ways = np.sign(np.diff(points, axis=0))
    aside = by * np.column_stack([-ways[:, 1], ways[:, 0]])
    moves = np.zeros_like(points)
    moves[:-1] += aside
    moves[1:] += aside
    return tuple((float(x), float(y)) for x, y in points + moves)


def _lines(route: Route, source: Points, target: Points, sent: bool, colours: Palette) -> list[str]:
    """The way of a value, and beside it the way back of the share of its gradient, each with its arrow."""
    *way, (x, y) = docked(beside(route, LANE if sent else 0.0), source, target)
    parts = [_path(rounded([*way, (x - ARROW, y)], CORNER), colours.value, 1.7), _arrow(x, y, -1, colours.value)]
    if sent:
        (x, y), *way = docked(beside(route, -LANE), source, target)
        back = [*reversed(way), (x + ARROW, y)]
        parts += [
            _path(rounded(back, CORNER), colours.gradient, 1.7, dashed=True),
            _arrow(x, y, 1, colours.gradient),
        ]
    return parts


def _arrow(x: float, y: float, to: int, colour: str) -> str:
    """An arrow head with its tip at x, y and its base towards the left (-1) or the right (1)."""
    base = x + to * ARROW
    return _polygon(np.array([(x, y), (base, y + 0.45 * ARROW), (base, y - 0.45 * ARROW)]), colour, colour, 0.5)


def _thing(look: Look, box: Box, colours: Palette) -> list[str]:
    """One item with its words, under a tip that a pointer brings up."""
    x, y, half = box.x, -box.y, (look.item.body or box.height) / 2
    shape = _shape(look, box)
    value: list[Piece] = [(look.name, LABEL, colours.ink, True), (look.above, LABEL, colours.muted, False)]
    below = colours.muted if look.below == NO_GRADIENT else colours.gradient
    gradient: list[Piece] = [(look.below, LABEL, below, False), (look.sums, LABEL, colours.done, True)]
    parts = [f"<g><title>{clean(look.tip)}</title>"]
    if look.kind == "leaf":
        value[0] = (look.name, NAME, colours.ink, True)
        middle = rounded([(x - look.glyph / 2, box.y), (x + look.glyph / 2, box.y)], 0.0)
        parts += [_polygon(shape, colours.panel, colours.idle), _path(middle, colours.idle, 1.0)]
        parts += [_words(value, x, y - half / 2 + 5), _words(gradient, x, y + half / 2 + 5)]
    elif look.kind in ("constant", "tag"):
        value += [(line, LABEL, colours.muted, False) for line in look.within]
        parts += [_polygon(shape, colours.panel, colours.idle, 1.2), _words(value, x, y + 5)]
    elif look.kind == "box":
        parts += _box(look, box, colours)
        sheets = 2 * SHEET * (look.times > 1)
        parts += [_words(value, x, y - half - 9 - sheets), _words(gradient, x, y + half + 18)]
    else:
        parts += _op(look, box, colours)
        parts += [_words(value, x, y - half - 9), _words(gradient, x, y + half + 18)]
    if look.badge:
        above = 0.6 * LINE if look.kind in ("leaf", "constant") else 14 + LINE + 2 * SHEET * (look.times > 1)
        parts.append(_badge(look.badge, x, y - half - above, colours))
    return [*parts, "</g>"]


def _box(look: Look, box: Box, colours: Palette) -> list[str]:
    """A card with the path of a module and how much is in it; with sheets behind it where it stands for several."""
    x, y = box.x, -box.y
    shape = _shape(look, box)
    parts = []
    if look.times > 1:
        for k in (2, 1):  # narrower and higher, so that no line that ends here runs under them
            sheet = outline(look.category, look.glyph - 2 * k * SHEET, look.item.body or box.height)
            parts.append(_polygon(sheet + (box.x, box.y + k * SHEET), colours.panel, colours.idle, 1.2))
    if look.root:
        parts.append(_polygon(_shape(look, box, grown=RING), "none", colours.ink, 1.2))
    label, size = look.within
    parts += [_polygon(shape, colours.panel, colours.ink), _text(label, x, y, LABEL, colours.ink, bold=True)]
    return [*parts, _text(size, x, y + 15, SMALL, colours.muted)]


def _op(look: Look, box: Box, colours: Palette) -> list[str]:
    """The shape of an op, doubled where it is a result, with what is written within."""
    x, y, body = box.x, -box.y, look.item.body or box.height
    shape = _shape(look, box)
    parts = [_polygon(_shape(look, box, grown=RING), "none", colours.ink, 1.2)] if look.root else []
    parts.append(_polygon(shape, colours.panel, colours.ink))
    x += (reach(shape, box.y, "left") + reach(shape, box.y, "right")) / 2 - box.x  # the middle of what is there
    symbol, *small = look.within
    size = SYMBOL if len(symbol) < LONG_SYMBOL else NAME
    line = y + 0.34 * size - 0.6 * SMALL * len(small)
    parts.append(_text(symbol, x, line, size, colours.ink))
    parts += [_text(words, x, line + 1.3 * SMALL * k, SMALL, colours.muted) for k, words in enumerate(small, 1)]
    for k, port in enumerate(look.ports, 1):
        up = body * (0.5 - k / (len(look.ports) + 1))
        left = reach(shape, box.y + up, "left") + 6
        parts.append(_text(port, left, y - up + 0.33 * SMALL, SMALL, colours.muted, anchor="start"))
    return parts


def _heading(view: View, colours: Palette, drawn_nodes: int, rests: int) -> list[tuple[str, float, str]]:
    """The lines above the graph: words, type size, colour."""
    record, shown = view.source, view.record
    lines = [(shortened(record.title or "computation graph", 80), TITLE, colours.ink)]
    if record.expression:
        lines.append((shortened(record.expression, 120), NAME, colours.muted))
    if view.note:
        lines.append((shortened(f"{view.note}.", 120), NAME, colours.muted))
    if drawn_nodes < len(shown.nodes):
        of = "boxes and operations" if view.folds else "operations"
        lines.append((f"the last {drawn_nodes} of {len(shown.nodes)} {of}", NAME, colours.muted))
    elif view.folds:
        boxed = sum(len(fold.ops) for fold in view.folds.values())
        boxes = f"{boxed} of {len(record.nodes)} operations are in {many(len(view.folds), 'box', 'boxes')}"
        lines.append((boxes, NAME, colours.muted))
    if rests:
        lines.append((f"of more than {2 * AT_EACH_END} operands the first and last {AT_EACH_END}", NAME, colours.muted))
    return lines


def _legend(colours: Palette, run: bool, sums: bool) -> list[str]:
    """What the two kinds of line and the signs mean, on one line that begins at the origin."""
    parts, x = [], 0.0
    for words, colour, to in (("value", colours.value, 1), ("gradient", colours.gradient, -1))[: 1 + run]:
        ends = np.array([(x, 0.0), (x + 34, 0.0)])[::to]
        tip = ends[1, 0]
        line = rounded([ends[0], (tip - to * ARROW, 0.0)], 0.0)
        parts += [_path(line, colour, 1.7, dashed=to < 0), _arrow(tip, 0.0, -to, colour)]
        parts.append(_text(words, x + 42, 4.5, LABEL, colours.muted, anchor="start"))
        x += 42 + width_of(words, LABEL) + 26
    if sums:
        parts.append(_text("Σ", x, 4.5, LABEL, colours.done, anchor="start", bold=True))
        parts.append(_text("sum of shares", x + 16, 4.5, LABEL, colours.muted, anchor="start"))
    return parts
