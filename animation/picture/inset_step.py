"""One step against the gradient: the result before and after it, and what the slopes promised."""

from __future__ import annotations

from collections.abc import Mapping

from grad_engine.draw.palette import Palette as Colours
from grad_engine.story.insets import StepBars

from .. import theme
from ..render.primitives import Part, Primitive
from .inset import Box, Drawn, Growth, bar, fading, lengths_of, rectangle
from .text import text_width, words

LABELS = ("before", "after", "promised")
HEIGHT = 0.28  # of a bar
GAP = 0.18


def draw(inset: StepBars, box: Box, colours: Colours, hues: Mapping[str, str]) -> Drawn:
    """Three bars from one zero; that of what was promised is an outline."""
    left = box.left + max(text_width(label, theme.BODY) for label in LABELS) + GAP
    spans = lengths_of([inset.before, inset.after, inset.promised], box.right - left)
    pitch = min(0.56, box.high / 3)
    top = (box.top + box.bottom) / 2 + pitch
    parts: list[Part] = []
    grow: list[Growth] = []
    for k, (label, (start, stop)) in enumerate(zip(LABELS, spans, strict=True)):
        y = top - k * pitch
        at = (0.05, 0.45, 0.72)[k]
        name = Part(words(label, theme.BODY, colours.muted, (left - GAP, y), anchor="right"))
        place = Box(left + start, y - HEIGHT / 2, left + stop, y + HEIGHT / 2)
        if label == "promised":
            one = Part(Primitive(rectangle(*place), stroke=colours.muted, width=2.0))
            growth = fading(one, at, at + 0.15)
        else:
            one, growth = bar(place, (colours.value, colours.done)[k], at, at + 0.25)
        parts += [name, one]
        grow += [fading(name, at, at + 0.1), growth]
    return Drawn(tuple(parts), tuple(grow))
