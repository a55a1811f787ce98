"""The card of a leaf or of a constant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grad_engine.draw.layout import Box
from grad_engine.draw.palette import Palette as Colours
from grad_engine.story.values import Cells

from .. import theme
from ..render.primitives import Part, Primitive
from .detail import Look
from .shapes import card_points, line_points
from .tensor import grid
from .text import text_width, toned, words

# leaves, constants, ops


@dataclass(frozen=True, slots=True)
class CardView:
    """What is written on the card of a leaf or a constant."""

    id: str
    name: str
    face: str  # its shape, or its number
    cells: Cells | None
    leaf: bool
    not_finite: bool = False  # its gradient will not be finite


Figure = Cells | tuple[str, ...]  # a tensor as a picture, or a number in ever fewer digits


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The lower half of a leaf's card: what has reached its gradient."""

    k: int = 0
    of: int = 0
    shares: tuple[Figure, ...] = ()  # waiting
    total: Figure | None = None  # the finished gradient
    not_finite: str = ""  # what is not finite about it
    held: bool = False  # it had a gradient before this run


def card_size(view: CardView, look: Look) -> tuple[float, float]:
    """How wide and high a card is."""
    s = look.scale
    high = theme.CARD_HEIGHT[look.detail] * s
    if look.detail == 0:
        return theme.CARD_WIDTH[0] * s, high
    if look.detail == 1:
        return max(theme.CARD_WIDTH[1] * s, text_width(view.name, look.small, True) + 0.3), high
    first = text_width(view.name, look.small * 1.12, True) + text_width(view.face, look.small) + 0.50 * s
    first += 0.0 if look.detail < 3 or view.cells is None else view.cells.columns * theme.CELL * s + 0.14 * s
    if view.leaf:
        first = max(first, text_width("grad  ✓ 1/1", look.small, True) + 0.40 * s)
    if view.not_finite:
        first = max(first, text_width("grad NaN 1/1", look.small, True) + 0.50 * s)
    if view.leaf and view.cells is None:  # the finished gradient is a number beside its counter
        first = max(first, text_width("grad 0.0000 ✓ 1/1", look.small, True) + 0.50 * s)
    return max(theme.CARD_WIDTH[look.detail] * s, first), high if view.leaf else high / 2


def card(view: CardView, arrivals: Arrivals, look: Look, box: Box, colours: Colours) -> Part:
    """The card of a leaf: name and shape above, its gradient and the arrivals below. A constant has no lower half."""
    s, (x, y), w, h = look.scale, (box.x, box.y), box.width, box.height
    corner = 0.14 * s
    complete = arrivals.total is not None
    edge = colours.done if complete else colours.value if view.leaf else colours.idle
    primitives: list[Primitive | Part] = [
        Primitive(card_points(w, h, corner, (x, y)), fill=colours.panel, stroke=edge, width=look.pen * theme.OUTLINE)
    ]
    if complete and view.leaf:
        primitives.append(
            Primitive(card_points(w + 0.14 * s, h + 0.14 * s, corner + 0.07 * s, (x, y)), stroke=edge, width=1.6)
        )
    if look.detail <= 1:
        if look.detail == 1:
            primitives.append(words(view.name, look.small, colours.ink, (x, y), bold=True, room=w - 0.12))
        return Part(*primitives)
    upper = y + h / 4 if view.leaf else y
    pad = 0.16 * s
    primitives.append(
        words(view.name, look.small * 1.12, colours.ink, (x - w / 2 + pad, upper), anchor="left", bold=True)
    )
    primitives.append(
        words(
            view.face,
            look.small,
            toned(view.face, colours.value if view.leaf else colours.muted, colours),
            (x + w / 2 - pad, upper),
            anchor="right",
        )
    )
    if look.detail >= 3 and view.cells is not None:
        right = x + w / 2 - pad - text_width(view.face, look.small) - 0.1 * s
        primitives.append(
            grid(
                view.cells,
                colours,
                "value" if view.leaf else "muted",
                theme.CELL * s,
                (right - view.cells.columns * theme.CELL * s, upper),
            )
        )
    if not view.leaf:
        return Part(*primitives)
    lower = y - h / 4
    primitives.append(
        Primitive(line_points([(x - w / 2, y), (x + w / 2, y)]), stroke=edge, width=1.6, stroke_alpha=0.7)
    )
    tone = colours.done if complete else colours.gradient if arrivals.k or arrivals.held else colours.muted
    primitives.append(words("grad", look.small, tone, (x - w / 2 + pad, lower), anchor="left"))
    count = f"{arrivals.k}/{arrivals.of}" if arrivals.of else ""
    room = w - 2 * pad - text_width("grad", look.small) - 0.1 * s
    if arrivals.not_finite:
        tone = colours.nonfinite
        said = f"{arrivals.not_finite} {count}".strip()
        count = said if text_width(said, look.small, complete) <= room else f"{arrivals.not_finite.split()[0]} {count}"
    elif complete:
        count = f"{'Σ' if arrivals.of > 1 or arrivals.held else '✓'} {count}".strip()
    elif arrivals.of > 1 and arrivals.k == arrivals.of and all(isinstance(each, Cells) for each in arrivals.shares):
        said = f"{count} to add"
        count = said if text_width(said, look.small) <= room else count
    elif arrivals.held and not arrivals.k:
        held = f"held · {count}" if count else "held"
        count = held if text_width(held, look.small) <= room else count
    primitives.append(words(count, look.small, tone, (x + w / 2 - pad, lower), anchor="right", bold=complete))
    left = x - w / 2 + pad + text_width("grad", look.small) + 0.12 * s
    room = x + w / 2 - pad - text_width(count, look.small, complete) - 0.1 * s - left
    shown: Sequence[Figure] = (arrivals.total,) if arrivals.total is not None else arrivals.shares
    pictures = [each for each in shown if isinstance(each, Cells)]
    if pictures:
        for share in pictures:
            wide = share.columns * theme.CELL * s
            if wide > room or look.detail < 3:
                break
            primitives.append(grid(share, colours, "done" if complete else "gradient", theme.CELL * s, (left, lower)))
            left += wide + 0.06 * s
            room -= wide + 0.06 * s
        return Part(*primitives)
    figures = [each for each in shown if isinstance(each, tuple)]
    for short in range(max((len(each) for each in figures), default=0)):
        texts = ["+ " * (k > 0) + each[min(short, len(each) - 1)] for k, each in enumerate(figures)]
        widths = [text_width(text, look.small, complete) + 0.06 * s for text in texts]
        if sum(widths) <= room:
            break
    for text, wide in zip(texts, widths, strict=True) if figures else ():
        if wide > room:
            break
        primitives.append(
            words(text, look.small, toned(text, tone, colours), (left, lower), anchor="left", bold=complete)
        )
        left += wide
        room -= wide
    return Part(*primitives)
