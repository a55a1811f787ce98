"""The skyline: how large the gradient is, as bars on a scale of powers of ten, from right to left as backward runs.

Below a row of boxes each box has its cell. The dots of the white line stand in the middle of it: the size of the
gradient that enters the box. Where every op has a bar, those of the ops in the box fill its cell.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from grad_engine.draw.palette import Palette as Colours
from grad_engine.formula import number
from grad_engine.story.insets import SkyBar, Skyline

from .. import theme
from ..render.primitives import Part, Primitive
from .inset import Box, Drawn, Growth, bar, drawn_line, fading, rectangle
from .shapes import circle_points, line_points
from .text import text_width, words

LINE = 0.30  # height of a line of type with its air
GAP = 0.22  # between bars, as a part of their pitch
BROAD = 0.62  # of its cell is the bar of a box
DOT = 0.065
KEY = 0.44  # length of the piece of line that the words explain
RUN = 0.72  # part of the shot in which the bars grow
LEAST = 0.12  # height of the smallest size, as a part of the room
LEVELS = (2, 4)  # labelled values of the axis, at least and at most
WORD = "NaN"


@dataclass(frozen=True, slots=True)
class Cell:
    """The room below a box, and what is drawn there of it."""

    left: float
    right: float
    middle: float  # where the box stands
    ops: tuple[str, ...]
    size: float | None  # of the gradient that enters the box; None: not finite
    known: bool = True  # whether the size is recorded
    equal: bool = False  # whether it is one of the equal units, which the line joins


@dataclass(frozen=True, slots=True)
class Column:
    """A bar that is drawn."""

    x: float
    wide: float
    size: float | None


def share_of_height(size: float | None, low: float, high: float) -> float:
    """How high a size stands, as a part of the room: 0 for 0, 1 for what is not finite."""
    if size is None:
        return 1.0
    if size <= 0:
        return 0.0
    return LEAST + (1 - LEAST) * min(max((math.log10(size) - low) / (high - low), 0.0), 1.0)


def levels(low: float, high: float) -> list[float]:
    """The values that an axis from 10^low to 10^high is labelled with: powers of ten, else 1, 2 and 5 times those."""
    first, last = math.ceil(low - 1e-9), math.floor(high + 1e-9)
    for step in range(1, max(last - first, 1) + 1):
        found = [10.0**k for k in range(last, first - 1, -step)][::-1]
        if LEVELS[0] <= len(found) <= LEVELS[1]:
            return found
    fine = [m * 10.0**k for k in range(first - 1, last + 2) for m in (1, 2, 5)]
    inside = [value for value in fine if low - 1e-9 <= math.log10(value) <= high + 1e-9]
    return inside[:: max(1, math.ceil(len(inside) / LEVELS[1]))] or [10.0**high]


def draw(
    inset: Skyline, box: Box, colours: Colours, hues: Mapping[str, str], cells: Sequence[Cell] = (), noun: str = "box"
) -> Drawn:
    """Bars on one ground line with an axis; a white line through the equal units; what is not finite says so."""
    labels = [(value, number(value, 2)) for value in levels(inset.low, inset.high)]
    margin = 0.0 if cells else max(text_width(text, theme.SMALLEST) for _, text in labels) + 0.14
    left, right = (cells[0].left, cells[-1].right) if cells else (box.left + margin, box.right)
    each = all(len(one.ops) == 1 for one in inset.bars)
    ground = box.bottom + 0.03
    numbered = any(cell.known for cell in cells) or bool(inset.marked)
    high = box.top - LINE * (2 if numbered else 1) - 0.16 - ground
    columns = _columns(inset, Box(left, box.bottom, right, box.top), cells, each)

    def height(size: float | None) -> float:
        return ground + high * share_of_height(size, inset.low, inset.high)

    dots = _dots(inset, cells, columns)
    parts: list[Part] = [_key(inset, Box(left, box.bottom, right, box.top), colours, len(dots) > 1, each, noun)]
    parts.append(Part(Primitive(rectangle(left, ground - 0.012, right, ground + 0.012), fill=colours.idle)))
    for value, text in labels:
        y = height(value)
        parts.append(
            Part(
                Primitive(line_points([(left, y), (right, y)]), stroke=colours.idle, width=1.0),
                words(text, theme.SMALLEST, colours.muted, (left - 0.08, y), anchor="right"),
            )
        )
    grow: list[Growth] = [fading(part, 0.0, 0.08) for part in parts]
    said = False
    for column in sorted(columns, key=lambda one: -one.x):
        at = 0.06 + RUN * (right - column.x) / (right - left)
        top = height(column.size)
        colour = colours.nonfinite if column.size is None else colours.gradient
        if top > ground:
            area = Box(column.x - column.wide / 2, ground, column.x + column.wide / 2, top)
            grown, growth = bar(area, colour, at, at + 0.08, "bottom")
            parts.append(grown)
            grow.append(growth)
        if column.size is None and not said and not cells:
            said = True
            half = text_width(WORD, theme.BODY, True) / 2
            middle = min(max(column.x, left + half), right - half)
            word = Part(words(WORD, theme.BODY, colours.nonfinite, (middle, top + 0.16), bold=True))
            parts.append(word)
            grow.append(fading(word, at, at + 0.08))
    row = box.top - 1.5 * LINE - 0.06
    for x, room, size in _numbers(cells, dots):
        text = WORD if size is None else number(size, 3)
        if text_width(text, theme.SMALLEST, True) > room:
            continue
        tone = colours.nonfinite if size is None else colours.gradient
        told = Part(words(text, theme.SMALLEST, tone, (x, row), bold=True))
        at = 0.1 + RUN * (right - x) / (right - left)
        parts.append(told)
        grow.append(fading(told, at, min(1.0, at + 0.08)))
    if len(dots) > 1:
        places = [(x, height(size)) for x, size in dots]
        line, growth = drawn_line(places, colours.ink, 3.0, RUN + 0.04, 0.96)
        points = Part(*(Primitive(circle_points(DOT), fill=colours.ink, at=place) for place in places))
        parts += [line, points]
        grow += [growth, fading(points, RUN, RUN + 0.1)]
    return Drawn(tuple(parts), tuple(grow))


def _columns(inset: Skyline, box: Box, cells: Sequence[Cell], each: bool) -> list[Column]:
    """The bars: of all ops at equal steps, or in the cells of their boxes, or one for each box."""
    if not cells:
        pitch = box.wide / len(inset.bars)
        return [Column(box.right - (k + 0.5) * pitch, pitch * (1 - GAP), one.size) for k, one in enumerate(inset.bars)]
    if not each:
        return [Column(cell.middle, BROAD * (cell.right - cell.left), cell.size) for cell in cells if cell.known]
    by_op: dict[str, SkyBar] = {op: one for one in inset.bars for op in one.ops}
    order = {id(one): k for k, one in enumerate(inset.bars)}
    found = []
    for cell in cells:
        mine = sorted({id(by_op[op]): by_op[op] for op in cell.ops if op in by_op}.values(), key=lambda b: order[id(b)])
        room = cell.right - cell.left - 0.10
        pitch = room / max(len(mine), 1)
        for k, one in enumerate(mine):
            x = cell.right - 0.05 - (k + 0.5) * pitch
            found.append(Column(x, min(pitch * (1 - GAP), 0.4), one.size))
    return found


def _dots(inset: Skyline, cells: Sequence[Cell], columns: Sequence[Column]) -> list[tuple[float, float]]:
    """Where the line through the equal units goes, from right to left: places, and the sizes there."""
    if cells:
        return [(cell.middle, cell.size) for cell in reversed(cells) if cell.equal and cell.known and cell.size]
    return [(columns[k].x, size) for k in inset.marked if (size := inset.bars[k].size)]


def _numbers(cells: Sequence[Cell], dots: Sequence[tuple[float, float]]) -> list[tuple[float, float, float | None]]:
    """The sizes that are written: place, room, size."""
    if cells:
        return [(cell.middle, cell.right - cell.left - 0.06, cell.size) for cell in cells if cell.known]
    pitch = min((a[0] - b[0] for a, b in pairwise(dots)), default=1.0)
    return [(x, pitch - 0.06, size) for x, size in dots]


def _key(inset: Skyline, box: Box, colours: Colours, lined: bool, each: bool, noun: str) -> Part:
    """What line and bars show, in words."""
    y = box.top - LINE / 2
    if not lined:
        return Part(words(inset.title, theme.SMALLEST, colours.muted, (box.left, y), anchor="left"))
    said = f"size of the gradient that enters each {noun}"
    start = box.left + KEY + 0.14
    found: list[Primitive] = [
        Primitive(line_points([(box.left, y), (box.left + KEY, y)]), stroke=colours.ink, width=3.0),
        Primitive(circle_points(DOT), fill=colours.ink, at=(box.left + KEY / 2, y)),
        words(said, theme.SMALLEST, colours.ink, (start, y), anchor="left"),
    ]
    start += text_width(said, theme.SMALLEST) + 0.4
    if each:
        found.append(Primitive(rectangle(start, y - 0.08, start + 0.10, y + 0.08), fill=colours.gradient))
        start += 0.2
        found.append(words("at each op", theme.SMALLEST, colours.ink, (start, y), anchor="left"))
        start += text_width("at each op", theme.SMALLEST) + 0.4
    found.append(words("log scale", theme.SMALLEST, colours.muted, (start, y), anchor="left"))
    return Part(*found)
