"""The check: what the nudge measured beside the gradient, as two bars from one zero."""

from __future__ import annotations

from collections.abc import Mapping

from grad_engine.draw.palette import Palette as Colours
from grad_engine.story.insets import CheckBars

from .. import theme
from ..render.primitives import Part
from .inset import Box, Drawn, Growth, bar, fading, lengths_of
from .text import text_width, words

LABEL = "measured"  # the longer of the two
HEIGHT = 0.34  # of a bar
GAP = 0.22


def draw(inset: CheckBars, box: Box, colours: Colours, hues: Mapping[str, str]) -> Drawn:
    """Two bars with their numbers, and a mark where they agree; the sentence above says the verdict."""
    verdict = "✓" if inset.agrees else ""
    tone = colours.done if inset.agrees else colours.nonfinite
    left = box.left + text_width(LABEL, theme.BODY) + GAP
    numbers = (inset.measured_text, inset.gradient_text)
    beside = max(text_width(text, theme.LARGE, True) for text in numbers) + 2 * GAP
    room = box.right - left - beside - text_width("✓", theme.LARGE) - 2 * GAP
    spans = lengths_of([inset.measured, inset.gradient], room)
    rows = (box.top - 0.25, box.top - 0.95)
    colour = (colours.ink, colours.gradient)
    parts: list[Part] = []
    grow: list[Growth] = []
    for k, (y, (start, stop)) in enumerate(zip(rows, spans, strict=True)):
        at = 0.12 + 0.3 * k
        label = Part(words((LABEL, "gradient")[k], theme.BODY, colours.muted, (left - GAP, y), anchor="right"))
        one, growth = bar(Box(left + start, y - HEIGHT / 2, left + stop, y + HEIGHT / 2), colour[k], at, at + 0.28)
        number = Part(words(numbers[k], theme.LARGE, colour[k], (left + room + GAP, y), anchor="left", bold=True))
        parts += [label, one, number]
        grow += [fading(label, at - 0.08, at), growth, fading(number, at + 0.22, at + 0.32)]
    end = Part(words(verdict, theme.LARGE, tone, (box.right, sum(rows) / 2), anchor="right", bold=True))
    return Drawn((*parts, end), (*grow, fading(end, 0.74, 0.86)))
