"""The skyline: how large the gradient is at each op, as a bar, from right to left as backward runs."""

from __future__ import annotations

from collections.abc import Mapping

from grad_engine.draw.palette import Palette as Colours
from grad_engine.story.insets import Skyline

from .. import theme
from ..render.primitives import Part, Primitive
from .inset import Box, Drawn, Growth, bar, drawn_line, fading, rectangle
from .shapes import circle_points
from .text import text_width, words

LINE = 0.30  # height of a line of type with its air
GAP = 0.22  # between bars, as a part of their pitch
DOT = 0.065
RUN = 0.72  # part of the shot in which the bars grow
WORD = "NaN"


def draw(inset: Skyline, box: Box, colours: Colours, hues: Mapping[str, str]) -> Drawn:
    """Bars on one ground line; a white line through the equal units; bars of what is not finite say so."""
    title = Part(words(inset.title, theme.SMALLEST, colours.muted, (box.left, box.top - LINE / 2), anchor="left"))
    ground = box.bottom + 0.03
    high = box.top - LINE - 0.14 - ground
    many = len(inset.bars)
    pitch = box.wide / many
    wide = pitch * (1 - GAP)
    base = Part(Primitive(rectangle(box.left, ground - 0.012, box.right, ground + 0.012), fill=colours.idle))
    parts: list[Part] = [title, base]
    grow: list[Growth] = [fading(title, 0.0, 0.08), fading(base, 0.0, 0.08)]
    said = False
    for k, one in enumerate(inset.bars):
        x = box.right - (k + 0.5) * pitch
        at = 0.06 + RUN * k / many
        colour = colours.nonfinite if one.size is None else colours.gradient
        top = ground + max(one.height * high, 0.0)
        if top > ground:
            column, growth = bar(Box(x - wide / 2, ground, x + wide / 2, top), colour, at, at + 0.08, "bottom")
            parts.append(column)
            grow.append(growth)
        if one.size is None and not said:
            said = True
            half = text_width(WORD, theme.BODY, True) / 2
            middle = min(max(x, box.left + half), box.right - half)
            word = Part(words(WORD, theme.BODY, colours.nonfinite, (middle, top + 0.16), bold=True))
            parts.append(word)
            grow.append(fading(word, at, at + 0.08))
    if len(inset.marked) > 1:
        places = [(box.right - (k + 0.5) * pitch, ground + inset.bars[k].height * high) for k in inset.marked]
        line, growth = drawn_line(places, colours.ink, 3.0, RUN + 0.04, 0.96)
        dots = Part(*(Primitive(circle_points(DOT), fill=colours.ink, at=place) for place in places))
        parts += [line, dots]
        grow += [growth, fading(dots, RUN, RUN + 0.1)]
    return Drawn(tuple(parts), tuple(grow))
