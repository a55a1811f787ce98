"""The shares that are summed at the followed number: one bar each, up for a positive share and down for a negative."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from grad_engine.draw.palette import Palette as Colours
from grad_engine.story.insets import ShareBars

from .. import theme
from ..render.primitives import Part, Primitive
from .inset import Box, Drawn, Growth, bar, fading, rectangle
from .text import text_width, words

LINE = 0.30  # height of a line of type with its air
WIDEST = 0.62  # of a bar
BROADEST = 2.0  # of the room of a bar below a box


def draw(inset: ShareBars, box: Box, colours: Colours, hues: Mapping[str, str], middles: Sequence[float] = ()) -> Drawn:
    """One column for each share, on a line in the hue of the leaf: number, bar, and what sent it.

    middles: where the columns stand, in the order of the shares; at equal steps if they are not given.
    """
    hue = hues.get(inset.leaf, colours.ink)
    name = inset.name.partition("[")[0]
    title_at = (box.left, box.top - LINE / 2)
    first = words(name, theme.BODY, hue, title_at, anchor="left", bold=True)
    after = words(
        f"{inset.name[len(name) :]} gets a share from each {inset.each}", theme.BODY, colours.muted,
        (box.left + text_width(name, theme.BODY, True), title_at[1]), anchor="left",
    )  # fmt: skip
    title = Part(first, after)
    labelled = any(one.label for one in inset.bars)
    low = box.bottom + (LINE if labelled else 0.0)
    high = box.top - 1.4 * LINE  # a number above a bar stands clear of the title
    unit, line = _scale([one.value for one in inset.bars], low, high)
    # In the order of the forward pass, as the graph above: what arrived last stands at the left.
    order = list(enumerate(inset.bars))[::-1]
    pitch = box.wide / len(order)
    if middles:
        pitch = min([BROADEST, *(b - a for a, b in pairwise(sorted(middles)))])
    wide = min(WIDEST, 0.55 * pitch)
    parts: list[Part] = [title]
    grow: list[Growth] = [fading(title, 0.0, 0.1)]
    for place, (k, one) in enumerate(order):
        x = middles[k] if middles else box.left + (place + 0.5) * pitch
        at = 0.08 + 0.62 * k / len(order)
        base = Part(Primitive(rectangle(x - 0.42 * pitch, line - 0.02, x + 0.42 * pitch, line + 0.02), fill=hue))
        length = abs(one.value) * unit
        area = Box(x - wide / 2, line, x + wide / 2, line + length)
        if one.value < 0:
            area = Box(x - wide / 2, line - length, x + wide / 2, line)
        column, growth = bar(area, colours.gradient, at, at + 0.18, "bottom" if one.value >= 0 else "top")
        y = line + LINE * (-0.62 if one.value > 0 else 0.62)
        number = Part(words(one.text, theme.BODY, colours.gradient, (x, y), bold=True))
        parts += [column, base, number]
        grow += [growth, fading(base, 0.0, 0.1), fading(number, at + 0.1, at + 0.2)]
        if one.label:
            label = Part(words(one.label, theme.SMALLEST, colours.muted, (x, box.bottom + LINE / 2), room=pitch))
            parts.append(label)
            grow.append(fading(label, 0.0, 0.1))
    return Drawn(tuple(parts), tuple(grow))


def _scale(values: Sequence[float], low: float, high: float) -> tuple[float, float]:
    """How long a bar of size 1 is, and where the line is from which bars go up and down between `low` and `high`.

    A number stands on the other side of the line than its bar, so there is always room for one on either side.
    """
    up, down = max(0.0, *values), max(0.0, *(-value for value in values))
    over = LINE if any(value <= 0 for value in values) else 0.0
    under = LINE if any(value > 0 for value in values) else 0.0
    short, long = 0.0, (high - low) / max(up, down, 1e-300)
    for _ in range(60):  # halving
        unit = (short + long) / 2
        fits = max(up * unit, over) + max(down * unit, under) <= high - low
        short, long = (unit, long) if fits else (short, unit)
    return short, low + max(down * short, under)
