"""What stands in a graph: ops, cards, texts beside them, rings, badges, and numbers on their way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grad_engine.draw.glyph import outline
from grad_engine.draw.layout import Box
from grad_engine.draw.palette import Palette as Colours

from .. import theme
from ..render.primitives import Part, Points, Primitive
from .place import CardView, Look, OpView, inside, shape_size
from .shapes import card_points, line_points, polygon
from .text import shortened, text_width, toned, words

ABOVE, BELOW = 0.20, 0.21  # between an op's shape and the middle of what stands above and below it
STRIPE = 0.11  # width of the stripe in a leaf's hue
PILE, SHEETS = 0.06, 2  # how far sheets of a pile stand out, and how many lie below the first


def shape_points(view: OpView, look: Look, box: Box, grow: float = 0.0) -> Points:
    """The outline of an op where it stands."""
    width, height = shape_size(view, look)
    return polygon(outline(view.category, width + 2 * grow, height + 2 * grow) + (box.x, box.y))


def op(view: OpView, look: Look, box: Box, colours: Colours, edge: str = "", bright: bool = True) -> Part:
    """An op: its shape with its sign. `edge` is the colour of its outline."""
    width, height = shape_size(view, look)
    place = (box.x + inside(view.category, width, height), box.y)
    return Part(
        Primitive(
            shape_points(view, look, box),
            fill=colours.panel,
            stroke=edge or colours.idle,
            width=theme.OUTLINE,
        ),
        words(view.sign, look.sign, colours.ink if bright else colours.muted, place, bold=True),
    )


def ring(view: OpView, look: Look, box: Box, colour: str) -> Part:
    """The double outline of an op that runs."""
    return Part(
        Primitive(shape_points(view, look, box), stroke=colour, width=theme.OUTLINE + 0.6),
        Primitive(shape_points(view, look, box, 0.06), stroke=colour, width=theme.OUTLINE + 0.6),
    )


def above(view: OpView, look: Look, box: Box) -> tuple[float, float]:
    """The middle of an op's value."""
    return box.x, box.y + shape_size(view, look)[1] / 2 + ABOVE


def below(view: OpView, look: Look, box: Box) -> tuple[float, float]:
    """The middle of what stands below an op."""
    return box.x, box.y - shape_size(view, look)[1] / 2 - BELOW


def text_at(text: str, colour: str, at: tuple[float, float], colours: Colours, bold: bool = False) -> Part:
    """A short text above or below something."""
    return Part(words(text, theme.SMALLEST, toned(text, colour, colours), at, bold=bold))


def plate(text: str, over: str, colour: str, at: tuple[float, float], colours: Colours) -> Part:
    """A short text below an op that covers another one for a while."""
    wide = max(text_width(text, theme.SMALLEST, True), text_width(over, theme.SMALLEST)) + 0.06
    ground = Primitive(card_points(wide, theme.LINE - 0.04, 0.04, at), fill=colours.background)
    return Part(ground, words(text, theme.SMALLEST, colour, at, bold=True))


def badge(text: str, at: tuple[float, float], colours: Colours) -> Part:
    """A boxed word: what is not finite, and how much of it."""
    wide = text_width(text, theme.SMALLEST, True) + 0.20
    return Part(
        Primitive(card_points(wide, 0.30, 0.05, at), fill=colours.background, stroke=colours.nonfinite, width=2.0),
        words(text, theme.SMALLEST, colours.nonfinite, at, bold=True),
    )


@dataclass(frozen=True, slots=True)
class CardState:
    """What a card says: of a leaf, what has reached its gradient."""

    value: str = ""
    entry: str = ""  # "[0,1]": the entry that value and gradient are of, where it is one of a tensor
    nudge: str = ""  # what is added to the value, while it is nudged
    gradient: tuple[str, ...] = ()  # the shares that have come, or their sum
    counter: str = ""  # "1 of 2", "✓", "Σ"
    done: bool = False


def card(view: CardView, state: CardState, look: Look, box: Box, colours: Colours, hue: str = "") -> Part:
    """The card of a leaf: a stripe in its hue, name and value above, its gradient below. A constant has one line."""
    x, y, w, h = box.x, box.y, box.width, box.height
    edge = colours.done if state.done else colours.value if view.leaf else colours.idle
    parts: list[Primitive | Part] = [
        Primitive(card_points(w, h, 0.10, (x, y)), fill=colours.panel, stroke=edge, width=theme.OUTLINE - 0.4)
    ]
    left, right = x - w / 2 + 0.14, x + w / 2 - 0.14
    if view.leaf:
        left += 0.10
        stripe = card_points(STRIPE, h - 0.12, 0.04, (x - w / 2 + 0.06 + STRIPE / 2, y))
        parts.append(Primitive(stripe, fill=hue or colours.idle))
    tall = view.leaf and look.cards == "tall"
    whole = view.leaf and look.cards != "name"
    up = y + h / 3 if tall else y + h / 4 if whole else y
    ink = hue or (colours.ink if view.leaf else colours.muted)
    name = words(view.name, theme.BODY, ink, (left, up), anchor="left", bold=True, room=right - left)
    parts.append(name)
    if not tall:
        room = right - left - text_width(name.text, theme.BODY, True) - 0.12
        parts += _value(view, state, right, up, room, colours)
    else:
        parts += _value(view, state, right, y, right - left, colours)
    if not whole:
        return Part(*parts)
    under = y - (h / 6 if tall else 0.0)
    parts.append(Primitive(line_points([(left - 0.04, under), (right + 0.06, under)]), stroke=colours.idle, width=1.4))
    down = y - (h / 3 if tall else h / 4)
    if state.nudge and not any(one.text == state.nudge for one in parts if isinstance(one, Primitive)):
        parts.append(words(state.nudge, theme.SMALLEST, colours.ink, (right, down), anchor="right", bold=True))
    else:
        parts += _gradient(state, left, right, down, colours, labelled=not tall)
    return Part(*parts)


def _value(view: CardView, state: CardState, right: float, y: float, room: float, colours: Colours) -> list[Primitive]:
    """The value of a leaf, right-aligned, with what a nudge adds to it; alone where there is no room for both."""
    if state.nudge and text_width(f"{state.value} {state.nudge}", theme.SMALLEST, True) <= room:
        wide = text_width(state.nudge, theme.SMALLEST, True) + 0.07
        return [
            words(state.nudge, theme.SMALLEST, colours.ink, (right, y), anchor="right", bold=True),
            words(state.value, theme.SMALLEST, colours.value, (right - wide, y), anchor="right"),
        ]
    if state.value and text_width(state.value, theme.SMALLEST) <= room:
        tone = toned(state.value, colours.value if view.leaf else colours.muted, colours)
        return [words(state.value, theme.SMALLEST, tone, (right, y), anchor="right")]
    return []


def _gradient(
    state: CardState, left: float, right: float, y: float, colours: Colours, labelled: bool
) -> list[Primitive]:
    """What has reached a leaf: the shares or their sum, and the counter. Where there is no room, "grad" or the counter
    stand alone."""
    found: list[Primitive] = []
    summed = " + ".join(state.gradient).replace("+ −", "− ")
    start = left
    entry = f"{state.entry} " if state.entry and summed else ""
    entered = text_width(entry, theme.SMALLEST) + (0.06 if entry else 0.0)
    whole = text_width("grad", theme.SMALLEST) + 0.10 + entered + text_width(summed, theme.SMALLEST, state.done)
    whole += text_width(state.counter, theme.SMALLEST, state.done) + 0.12 if state.counter else 0.0
    if (labelled and not (entry and whole > right - left)) or not summed:
        found.append(words("grad", theme.SMALLEST, colours.muted, (left, y), anchor="left"))
        start += text_width("grad", theme.SMALLEST) + 0.10
    room = right - start - entered
    if summed and text_width(summed, theme.SMALLEST, state.done) > room:
        summed, entered, room = "", 0.0, right - start
    if summed and entry:
        found.append(words(entry.strip(), theme.SMALLEST, colours.muted, (start, y), anchor="left"))
        start += entered
    free = room - (text_width(summed, theme.SMALLEST, state.done) + 0.12 if summed else 0.0)
    counter = state.counter
    if counter and text_width(counter, theme.SMALLEST, state.done) > free:
        counter = ""
    if summed:
        tone = toned(summed, colours.gradient, colours)
        found.append(words(summed, theme.SMALLEST, tone, (start, y), anchor="left", bold=state.done))
    if counter:
        tone = colours.done if state.done else colours.muted
        found.append(words(counter, theme.SMALLEST, tone, (right, y), anchor="right", bold=state.done))
    return found


def result(title: str, more: str, box: Box, colours: Colours) -> Part:
    """The box of L behind a root that is no single number: its value, and by how much it has changed."""
    y = box.y + (0.17 if more else 0.0)
    parts: list[Primitive | Part] = [
        Primitive(card_points(box.width, box.height, 0.12, (box.x, box.y)), fill=colours.panel, stroke=colours.idle,
                  width=theme.OUTLINE),
        words(title, theme.BODY, colours.value, (box.x, y), room=box.width - 0.12),
    ]  # fmt: skip
    if more:
        parts.append(words(more, theme.BODY, colours.ink, (box.x, box.y - 0.22), bold=True, room=box.width - 0.12))
    return Part(*parts)


class Token(Part):
    """A number on its way: an orange frame, for it is a gradient, and a stripe in the hue of the leaf it is for."""

    def __init__(
        self,
        texts: Sequence[str],
        colours: Colours,
        frame: str,
        stripe: str = "",
        size: float = theme.SMALLEST,
    ) -> None:
        self.size = size
        self.wide = max((text_width(text, size, True) for text in texts), default=0.0) + 0.20
        self.high = size + 0.12
        self.plate = Primitive(
            card_points(self.wide, self.high, 0.07), fill=colours.background, stroke=frame, width=2.4
        )
        self.texts = [words(text, size, toned(text, colours.ink, colours), (0.0, 0.0), bold=True) for text in texts]
        self.stripe = Primitive(
            card_points(self.wide - 0.10, 0.06, 0.03, (0.0, -self.high / 2 - 0.07)) if stripe else np.zeros((0, 3)),
            fill=stripe or frame,
        )
        super().__init__(self.plate, self.stripe, *self.texts)
        self.rest = self.places
        self.pose(0.0, 0.0, opacity=0.0)

    def pose(self, x: float, y: float, scale: float = 1.0, opacity: float = 1.0, shown: int = 0) -> None:
        """Puts it at a place, with one of its texts."""
        self.put(self.rest, scale, (0.0, 0.0), (x, y))
        self.fade_to(opacity)
        for k, text in enumerate(self.texts):
            text.fade_to(opacity if k == shown else 0.0)


def veil(colours: Colours, alpha: float, zone: theme.Zone) -> Part:
    """A film of background over a part of the stage, so that what lies on it stands out."""
    left, bottom, right, top = zone
    points = card_points(right - left, top - bottom, 0.0, ((left + right) / 2, (top + bottom) / 2))
    return Part(Primitive(points, fill=colours.background, fill_alpha=alpha))


def unit(
    labels: Sequence[str],
    small: str,
    box: Box,
    colours: Colours,
    edge: str,
    sheets: int = 0,
    thick: bool = False,
) -> Part:
    """Several ops as one box, a pile of sheets where it is one of several equal ones."""
    parts: list[Primitive | Part] = []
    for k in range(sheets, 0, -1):
        points = card_points(box.width, box.height, 0.09, (box.x + PILE * k, box.y + PILE * k))
        parts.append(Primitive(points, fill=colours.background, stroke=edge, width=1.6))
    width = theme.OUTLINE + (1.0 if thick else -0.4)
    points = card_points(box.width, box.height, 0.09, (box.x, box.y))
    parts.append(Primitive(points, fill=colours.panel, stroke=edge, width=width))
    room = box.width - 0.08
    small = small if text_width(small, theme.SMALLEST) <= room else ""
    y = box.y + (0.13 if small else 0.0)
    sizes = [(label, size) for label in labels for size in (theme.BODY, theme.SMALLEST)]
    label, size = next((one for one in sizes if text_width(one[0], one[1], True) <= room), sizes[-1])
    parts.append(words(shortened(label, size, room, True), size, colours.ink, (box.x, y), bold=True))
    if small:
        parts.append(words(small, theme.SMALLEST, colours.muted, (box.x, box.y - 0.17)))
    return Part(*parts)
