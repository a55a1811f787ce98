"""Where everything in a graph lies, and how large it is drawn: sizes that can be read, or Unreadable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from grad_engine.draw.glyph import SHAPES, outline, reach
from grad_engine.draw.layout import Box, Item, Layout, lay_out
from grad_engine.errors import GradEngineError
from grad_engine.folding.items import Link

from .. import theme
from .edge import Curve, curve
from .text import text_width

CROWD = 90  # items beyond which a graph is not drawn op by op
MOST_ROWS = 3
MOST_BROKEN = 2  # lines from a row to the next
WIDEST_GAP = 1.9  # between ranks, however much room there is
SLACK = {"elementwise": 0.30, "activation": 0.50, "arithmetic": 0.26, "linalg": 0.26, "linear algebra": 0.26,
         "reduction": 0.22, "shape": 0.50, "loss": 0.36}  # of a shape, beside its sign  # fmt: skip


class Unreadable(Exception):
    """A graph has too much in it for every op to be read."""


@dataclass(frozen=True, slots=True)
class Look:
    """How large things are drawn; the type is never smaller than can be read."""

    glyph: float  # side of an op's shape
    cards: str  # "wide", "narrow", "name" (nothing but the name)
    numbers: bool = True  # values above and gradients below every op

    @property
    def line(self) -> float:
        """The height of a line above or below an op."""
        return theme.LINE if self.numbers else 0.06

    @property
    def sign(self) -> float:
        """The type size of the signs in ops."""
        return theme.BODY if self.glyph > 0.6 else theme.SMALLEST


# What is tried, in this order: the look, gaps between ranks, within one, and between lines.
LOOKS = (
    (Look(0.72, "wide"), 0.62, 0.12, 0.20),
    (Look(0.72, "wide"), 0.56, 0.03, 0.12),
    (Look(0.72, "narrow"), 0.50, 0.12, 0.20),
    (Look(0.72, "narrow"), 0.44, 0.03, 0.12),
    (Look(0.62, "narrow"), 0.42, 0.03, 0.12),
    (Look(0.54, "name"), 0.40, 0.03, 0.12),
    (Look(0.50, "name"), 0.34, 0.0, 0.10),
)
# What has no room for the numbers of all ops has none: those of the ops that run are then in the panel.
BARE = (
    (Look(0.54, "name", numbers=False), 0.40, 0.10, 0.14),
    (Look(0.46, "name", numbers=False), 0.32, 0.06, 0.10),
)


@dataclass(frozen=True, slots=True)
class OpView:
    """What an op needs room for."""

    id: str
    sign: str
    category: str
    slots: int  # lines that come in
    texts: tuple[str, ...] = ()  # its value, its gradient, and what else stands above or below it
    badged: bool = False  # something about it is not finite


@dataclass(frozen=True, slots=True)
class CardView:
    """What the card of a leaf or a constant needs room for."""

    id: str
    name: str
    value: str
    leaf: bool = True
    texts: tuple[str, ...] = ()  # what may stand beside "grad"
    least: float = 0.0  # its width at least


@dataclass(frozen=True)
class Placed:
    """A graph that is drawn: boxes with the room for numbers in them, and the ways between the shapes."""

    look: Look
    boxes: Mapping[str, Box]
    curves: Mapping[str, Curve]
    down: frozenset[str] = frozenset()  # ops that a line leaves downwards: their gradient stands left of it


def shape_size(view: OpView, look: Look) -> tuple[float, float]:
    """How wide and high the shape of an op is."""
    high = max(look.glyph, 0.15 * (view.slots + 1))
    wide = text_width(view.sign, look.sign, True)
    if view.category in ("joining", "indexing"):
        return max(look.glyph, (wide + 0.24) / 0.74), high
    return max(look.glyph, wide + SLACK.get(view.category, 0.46)), high


def op_size(view: OpView, look: Look) -> tuple[float, float]:
    """How wide and high an op is, with its value above and its gradient below."""
    wide, high = shape_size(view, look)
    if look.numbers:
        wide = max(wide, max((text_width(text, theme.SMALLEST) for text in view.texts), default=0.0) + 0.12)
    return wide, high + 2 * look.line + (0.64 if view.badged and look.numbers else 0.0)


def card_size(view: CardView, look: Look) -> tuple[float, float]:
    """How wide and high a card is."""
    if view.least:  # the box of L
        return view.least, 0.9
    name = text_width(view.name, theme.BODY, True)
    below = max((text_width(text, theme.SMALLEST) for text in view.texts), default=0.0)
    grad = text_width("grad ", theme.SMALLEST)
    value = text_width(view.value, theme.SMALLEST, True)
    if look.cards == "name" or not view.leaf:
        wide = max(0.62, name + 0.44) if look.cards == "name" else max(0.9, name + value + 0.42)
        return wide, 0.46
    if look.cards == "narrow":
        return max(theme.NARROW[0], name + value + 0.52, grad + min(below, 1.5) + 0.44), theme.NARROW[1]
    return max(theme.CARD[0], name + value + 0.62, grad + below + 0.44), theme.CARD[1]


def arranged(
    cards: Mapping[str, CardView], ops: Mapping[str, OpView], links: Sequence[Link], zone: theme.Zone
) -> Placed:
    """The graph in a zone, as large as there is room.

    Raises Unreadable where it could not be read.
    """
    if len(cards) + len(ops) > CROWD:
        raise Unreadable
    for ways in (LOOKS, BARE):
        for look, across, up, lane in ways:
            for rows in range(1, MOST_ROWS + 1):
                if (found := _fitted(look, (across, up, lane), rows, cards, ops, links, zone)) is not None:
                    return found
    raise Unreadable


def _fitted(
    look: Look,
    gaps: tuple[float, float, float],
    rows: int,
    cards: Mapping[str, CardView],
    ops: Mapping[str, OpView],
    links: Sequence[Link],
    zone: theme.Zone,
) -> Placed | None:
    """The graph drawn in this look, with the air that there is room for; None where it does not fit."""
    items = [Item(id, *card_size(view, look)) for id, view in cards.items()]
    items += [Item(id, *op_size(view, look), shape_size(view, look)[1]) for id, view in ops.items()]
    width, height = zone[2] - zone[0], zone[3] - zone[1]
    across, up, lane = gaps

    def drawn(across: float, up: float) -> Layout | None:
        try:
            made = lay_out(items, links, rank_gap=across, item_gap=up, lane_gap=lane, rows=rows)
        except GradEngineError:
            return None
        return made if made.width <= width and made.height <= height else None

    made = drawn(across, up)
    if made is None:
        return None
    if rows > 1 and _broken(made) > MOST_BROKEN * (rows - 1):
        return None
    wider = min(WIDEST_GAP, across + 0.98 * (width - made.width) / max(len(made.ranks) / rows - 1, 1))
    tallest = max(len(rank) for rank in made.ranks) * rows
    higher = min(0.62, up + 0.9 * (height - made.height) / tallest)
    for more in ((wider, higher), (wider, (up + higher) / 2), (wider, up), ((across + wider) / 2, up)):
        if (other := drawn(*more)) is not None:
            made = other
            break
    moved = centred(made, zone)
    return Placed(look, moved.boxes, curves(moved, look, cards, ops, links))


def _broken(layout: Layout) -> int:
    return sum(any(b < a for (a, _), (b, _) in pairwise(way)) for way in layout.routes.values())


def centred(layout: Layout, zone: theme.Zone) -> Layout:
    """The same drawing in the middle of a zone."""
    x, y = (zone[0] + zone[2]) / 2, (zone[1] + zone[3]) / 2
    return replace(
        layout,
        boxes={id: replace(box, x=box.x + x, y=box.y + y) for id, box in layout.boxes.items()},
        routes={id: tuple((a + x, b + y) for a, b in way) for id, way in layout.routes.items()},
    )


def curves(
    layout: Layout,
    look: Look,
    cards: Mapping[str, CardView],
    ops: Mapping[str, OpView],
    links: Sequence[Link],
) -> dict[str, Curve]:
    """The ways of all links, from shape to shape."""

    def border(id: str, y: float, side: str) -> float:
        box = layout.boxes[id]
        if id in cards:
            return box.x + (box.width / 2 if side == "right" else -box.width / 2)
        view = ops[id]
        shape = outline(view.category, *shape_size(view, look))
        return box.x + reach(shape, y - box.y, side)

    found = {}
    for link in links:
        route = layout.routes[link.id]
        start, stop = border(link.source, route[0][1], "right"), border(link.target, route[-1][1], "left")
        found[link.id] = curve(route, start, stop)
    return found


def inside(category: str, width: float, height: float) -> float:
    """How far to the right of its middle the body of a shape lies, where its sign stands."""
    if category in ("joining", "indexing"):  # a bracket is open on the side of the many
        return (0.5 if category == "joining" else -0.5) * min(0.24 * width, 0.3 * height)
    if category == "activation":  # a chevron has a notch on the left
        return 0.4 * min(0.22 * height, 0.3 * width)
    if category not in SHAPES:  # a pentagon has its point on the right
        return -0.35 * min(0.32 * height, 0.4 * width)
    return 0.0
