"""One step against the gradient: the result before and after it, and what the gradients predicted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from grad_engine.draw.palette import Palette as Colours
from grad_engine.story.insets import StepBars

from .. import theme
from ..render.primitives import Part, Primitive
from .inset import Box, Drawn, Growth, bar, fading, lengths_of, rectangle
from .shapes import line_points, polygon
from .text import text_width, words

LABELS = ("before", "after", "predicted")
HEIGHT = 0.28  # of a bar
GAP = 0.18
STUB = 0.42  # of a bar whose scale is broken: its part before and at the break
CLOSE = 0.5  # of the largest number: where all differ by less, the scale is broken
SLANT = 0.07


def draw(inset: StepBars, box: Box, colours: Colours, hues: Mapping[str, str]) -> Drawn:
    """Three bars with their numbers; that of what was predicted is an outline.

    They begin at one zero. Where they would look alike, they are cut near it, all at the same number, and two strokes
    show that.
    """
    left = box.left + max(text_width(label, theme.BODY) for label in LABELS) + GAP
    texts = (inset.before_text, inset.after_text, inset.predicted_text)
    beside = max(text_width(text, theme.BODY, True) for text in texts) + GAP
    values = (inset.before, inset.after, inset.predicted)
    room = box.right - left - beside
    broken = broken_lengths(values, room)
    spans = broken or lengths_of(values, room)
    pitch = min(0.56, box.high / 3)
    top = (box.top + box.bottom) / 2 + pitch
    tones = (colours.value, colours.done, colours.muted)
    parts: list[Part] = []
    grow: list[Growth] = []
    for k, (label, (start, stop)) in enumerate(zip(LABELS, spans, strict=True)):
        y = top - k * pitch
        at = (0.05, 0.45, 0.72)[k]
        name = Part(words(label, theme.BODY, colours.muted, (left - GAP, y), anchor="right"))
        place = Box(left + start, y - HEIGHT / 2, left + stop, y + HEIGHT / 2)
        if label == "predicted":
            one = Part(Primitive(rectangle(*place), stroke=colours.muted, width=2.0))
            growth = fading(one, at, at + 0.15)
        else:
            one, growth = bar(place, tones[k], at, at + 0.25)
        number = Part(words(texts[k], theme.BODY, tones[k], (left + stop + 0.6 * GAP, y), anchor="left", bold=True))
        parts += [name, one, number]
        grow += [fading(name, at, at + 0.1), growth, fading(number, at + 0.15, at + 0.27)]
        if broken:
            cut = Part(*_break(left + 0.55 * STUB, y, colours))
            parts.append(cut)
            grow.append(fading(cut, at, at + 0.05))
    return Drawn(tuple(parts), tuple(grow))


def broken_lengths(values: Sequence[float], room: float) -> list[tuple[float, float]]:
    """Bars cut near zero, so that their differences are seen; [] where a whole scale shows them, or cannot be cut."""
    if not all(map(math.isfinite, values)) or min(values) * max(values) <= 0:
        return []
    sizes = [abs(value) for value in values]
    low, high = min(sizes), max(sizes)
    if high - low >= CLOSE * high or high == low:
        return []
    base = low - (high - low)  # the shortest bar is half as long as the longest, beyond the break
    return [(0.0, STUB + (size - base) / (high - base) * (room - STUB)) for size in sizes]


def _break(x: float, y: float, colours: Colours) -> list[Primitive]:
    """Two slanted strokes across a bar."""
    half = HEIGHT / 2 + 0.05
    ends = [[(x + side - SLANT, y - half), (x + side + SLANT, y + half)] for side in (-0.05, 0.05)]
    corners = [*ends[0], ends[1][1], ends[1][0]]
    return [Primitive(polygon(corners), fill=colours.panel)] + [
        Primitive(line_points(end), stroke=colours.ink, width=1.8) for end in ends
    ]
