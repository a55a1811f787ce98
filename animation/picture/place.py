"""Where everything in a graph lies, and how large it is drawn: sizes that can be read, or Unreadable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product

from grad_engine.draw.glyph import SHAPES, outline, reach
from grad_engine.draw.layout import Box, Item, Layout, Route, lay_out
from grad_engine.errors import GradEngineError
from grad_engine.folding.items import Link

from .. import theme
from .edge import Curve, curve, straight
from .text import text_width

Point = tuple[float, float]
AIR = 0.35  # between two cards, where there is room
CROWD = 90  # items beyond which a graph is not drawn op by op
MOST_TWICE = 30  # items of a graph that is laid out more than once, for fewer crossings and more air
MOST_ROWS = 3
MOST_BROKEN = 2  # lines from a row to the next
LEAST_WIDENED = 0.6  # of the widest card: a narrower one keeps its width
PADS = (0.24, 0.0)  # more air between cards than between ops, if there is room for it
WIDEST_GAP = 2.4  # between ranks, however much room there is
SLACK = {"elementwise": 0.30, "activation": 0.50, "arithmetic": 0.26, "linalg": 0.26, "linear algebra": 0.26,
         "reduction": 0.22, "shape": 0.50, "loss": 0.36}  # of a shape, beside its sign  # fmt: skip


class Unreadable(Exception):
    """A graph has too much in it for every op to be read."""


@dataclass(frozen=True, slots=True)
class Look:
    """How large things are drawn; the type is never smaller than can be read."""

    glyph: float  # side of an op's shape
    cards: str  # "wide", "narrow", "tall" (three lines), "name" (nothing but the name)
    numbers: bool = True  # values above and gradients below every op
    widest: float = 9.0  # of a number that stands there
    plain: bool = False  # gradients are numbers alone, without "g ="

    @property
    def line(self) -> float:
        """The height of a line above or below an op."""
        return theme.LINE if self.numbers else 0.06 if self.glyph > 0.4 else 0.0

    def shows(self, text: str) -> bool:
        """Whether a number is written above or below an op."""
        return self.numbers and bool(text) and text_width(text, theme.SMALLEST) <= self.widest

    def gradient(self, number: str, named: bool = False) -> str:
        """What stands below an op whose gradient is this number; `named` where "g =" has room in a plain look too."""
        plain = (self.plain and not named) or number[:1].isalpha() or not number
        return number if plain else f"g = {number}"

    @property
    def sign(self) -> float:
        """The type size of the signs in ops."""
        return theme.LARGE if self.glyph > 0.9 else theme.BODY if self.glyph > 0.6 else theme.SMALLEST


# What is tried, in this order: the look, gaps between ranks, within one, and between lines.
LOOKS = (
    (Look(0.72, "wide"), 0.62, 0.12, 0.20),
    (Look(0.72, "wide"), 0.56, 0.10, 0.12),
    (Look(0.72, "narrow"), 0.50, 0.12, 0.20),
    (Look(0.66, "narrow"), 0.44, 0.10, 0.12),
    (Look(0.62, "narrow"), 0.42, 0.10, 0.12),
    (Look(0.58, "narrow"), 0.42, 0.08, 0.12),
    (Look(0.72, "tall"), 0.42, 0.10, 0.14),
    (Look(0.62, "tall"), 0.38, 0.10, 0.12),
    (Look(0.54, "tall", plain=True), 0.36, 0.08, 0.10),
    (Look(0.54, "name"), 0.40, 0.10, 0.12),
    (Look(0.50, "name"), 0.34, 0.10, 0.10),
    (Look(0.42, "name", plain=True), 0.30, 0.10, 0.08),
    (Look(0.72, "narrow", widest=1.0, plain=True), 0.44, 0.10, 0.12),
    (Look(0.54, "name", widest=1.0, plain=True), 0.36, 0.10, 0.10),
    (Look(0.42, "name", widest=1.0, plain=True), 0.30, 0.10, 0.08),
)
TINY = (Look(0.95, "wide"), 0.9, 0.3, 0.24)  # of a few ops
FEW = 4
# What has no room for the numbers of all ops has none: those of the ops that run are then in the panel.
BARE = (
    (Look(0.54, "name", numbers=False), 0.40, 0.10, 0.14),
    (Look(0.46, "name", numbers=False), 0.32, 0.06, 0.10),
    (Look(0.34, "name", numbers=False), 0.28, 0.02, 0.08),
)


@dataclass(frozen=True, slots=True)
class OpView:
    """What an op needs room for."""

    id: str
    sign: str
    category: str
    slots: int  # lines that come in
    texts: tuple[str, ...] = ()  # its value, and what else stands above or below it
    gradient: str = ""  # the number of its gradient
    badged: bool = False  # something about it is not finite


@dataclass(frozen=True, slots=True)
class CardView:
    """What the card of a leaf or a constant needs room for."""

    id: str
    name: str
    value: str
    leaf: bool = True
    texts: tuple[str, ...] = ()  # what may stand beside "grad"
    wish: str = ""  # what stands there where there is room
    least: float = 0.0  # its width at least


@dataclass(frozen=True)
class Placed:
    """A graph that is drawn: boxes with the room for numbers in them, and the ways between the shapes."""

    look: Look
    boxes: Mapping[str, Box]
    curves: Mapping[str, Curve]
    named: frozenset[str] = frozenset()  # ops that have room for "g =" although the look is plain


def shape_size(view: OpView, look: Look) -> tuple[float, float]:
    """How wide and high the shape of an op is."""
    high = max(look.glyph, min(0.15, look.glyph / 3) * (view.slots + 1))
    wide = text_width(view.sign, look.sign, True)
    if view.category in ("joining", "indexing"):
        return max(look.glyph, (wide + 0.24) / 0.74), high
    return max(look.glyph, wide + SLACK.get(view.category, 0.46)), high


def op_size(view: OpView, look: Look) -> tuple[float, float]:
    """How wide and high an op is, with its value above and its gradient below."""
    wide, high = shape_size(view, look)
    if look.numbers:
        texts = (*view.texts, look.gradient(view.gradient))
        widths = [text_width(text, theme.SMALLEST) for text in texts if look.shows(text)]
        wide = max(wide, max(widths, default=0.0) + 0.12)
    return wide, high + 2 * look.line + (0.64 if view.badged and look.numbers else 0.0)


def card_sizes(cards: Mapping[str, CardView], look: Look) -> dict[str, tuple[float, float]]:
    """How wide and high every card is: those of leaves are equally wide, unless one has a much longer name."""
    sizes = {id: card_size(view, look) for id, view in cards.items()}
    leaves = [id for id, view in cards.items() if view.leaf]
    widest = max((sizes[id][0] for id in leaves), default=0.0)
    equal = {id: (widest, sizes[id][1]) for id in leaves if sizes[id][0] >= LEAST_WIDENED * widest}
    return sizes | equal


def card_size(view: CardView, look: Look) -> tuple[float, float]:
    """How wide and high a card is."""
    if view.least:  # the box of L
        return view.least, 0.9
    name = text_width(view.name, theme.BODY, True)
    texts = (*view.texts, view.wish) if look.cards in ("wide", "narrow") else view.texts
    below = max((text_width(text, theme.SMALLEST) for text in texts), default=0.0)
    grad = text_width("grad ", theme.SMALLEST)
    value = text_width(view.value, theme.SMALLEST, True)
    if look.cards == "name" or not view.leaf:
        wide = max(0.62, name + 0.44) if look.cards == "name" else max(0.9, name + value + 0.42)
        return wide, 0.46
    if look.cards == "tall":
        wide = max(name, value, *(text_width(text, theme.SMALLEST, True) for text in view.texts[:1]))
        return max(0.9, wide + 0.42), 1.14
    if look.cards == "narrow":
        return max(theme.NARROW[0], name + value + 0.52, min(grad + below, 1.85) + 0.62), theme.NARROW[1]
    return max(theme.CARD[0], name + value + 0.62, grad + below + 0.62), theme.CARD[1]


def arranged(
    cards: Mapping[str, CardView], ops: Mapping[str, OpView], links: Sequence[Link], zone: theme.Zone
) -> Placed:
    """The graph in a zone, as large as there is room.

    Raises Unreadable where it could not be read.
    """
    if len(cards) + len(ops) > CROWD:
        raise Unreadable
    for look in SPINES:
        for sizes in (card_sizes(cards, look), {id: card_size(view, look) for id, view in cards.items()}):
            if (in_line := spine(look, sizes, cards, ops, links, zone)) is not None:
                return in_line
    ranks: tuple[tuple[str, ...], ...] = ()  # they do not depend on sizes
    for ways in ((TINY,) if len(ops) <= FEW else (), LOOKS, BARE):
        for look, across, up, lane in ways:
            sizes = {id: card_size(view, look) for id, view in cards.items()}
            sizes |= {id: op_size(view, look) for id, view in ops.items()}
            for rows, pad in product(range(1, MOST_ROWS + 1), PADS):
                if ranks and not _may_fit(ranks, sizes, across, up, rows, pad, cards, zone):
                    continue
                found, ranks = _fitted(look, (across, up, lane), rows, pad, cards, ops, links, zone, ranks)
                if found is not None:
                    return found
    raise Unreadable


def _may_fit(
    ranks: Sequence[Sequence[str]],
    sizes: Mapping[str, tuple[float, float]],
    across: float,
    up: float,
    rows: int,
    pad: float,
    cards: Mapping[str, CardView],
    zone: theme.Zone,
) -> bool:
    """Whether these ranks in so many rows can have room in a zone; a layout takes long to be tried in vain."""
    highs = [sum(sizes[id][1] + up + pad * (id in cards) for id in rank) - up for rank in ranks]
    wide = sum(max(sizes[id][0] for id in rank) for rank in ranks) + across * (len(ranks) - rows)
    high = max(highs) + (rows - 1) * (min(highs) + up)
    return wide / rows <= zone[2] - zone[0] and high <= zone[3] - zone[1]


def _fitted(
    look: Look,
    gaps: tuple[float, float, float],
    rows: int,
    pad: float,
    cards: Mapping[str, CardView],
    ops: Mapping[str, OpView],
    links: Sequence[Link],
    zone: theme.Zone,
    ranks: tuple[tuple[str, ...], ...],
) -> tuple[Placed | None, tuple[tuple[str, ...], ...]]:
    """The graph drawn in this look, with the air that there is room for, or None where it does not fit; its ranks."""
    sizes = {id: card_size(view, look) for id, view in cards.items()}
    items = [Item(id, wide, high + pad, high) for id, (wide, high) in sizes.items()]
    items += [Item(id, *op_size(view, look), shape_size(view, look)[1]) for id, view in ops.items()]
    width, height = zone[2] - zone[0], zone[3] - zone[1]
    across, up, lane = gaps

    def drawn(across: float, up: float) -> Layout | None:
        nonlocal ranks
        found = []
        ways = [1, -1] if len(items) <= MOST_TWICE else [1]
        for a, b in product(ways, ways):  # the layout begins with things as they are given, and may end elsewhere
            try:
                made = lay_out(items[::a], links[::b], rank_gap=across, item_gap=up, lane_gap=lane, rows=rows)
            except GradEngineError:
                continue
            ranks = made.ranks
            if made.width <= width and made.height <= height:
                found.append(replace(made, boxes={item.id: made.boxes[item.id] for item in items}))
        return min(
            found, key=lambda made: (made.crossings, round(made.height, 2), _unordered(made, cards)), default=None
        )

    made = drawn(across, up)
    if made is None or (rows > 1 and _broken(made) > MOST_BROKEN * (rows - 1)):
        return None, ranks
    wider = min(WIDEST_GAP, across + 0.98 * (width - made.width) / max(len(made.ranks) / rows - 1, 1))
    tallest = max(len(rank) for rank in made.ranks) * rows
    higher = min(0.62, up + 0.9 * (height - made.height) / tallest)
    for more in ((wider, higher), (wider, (up + higher) / 2), (wider, up), ((across + wider) / 2, up)):
        if (other := drawn(*more)) is not None:
            made = other
            break
    moved = spread(evened(centred(made, zone), cards), {id: sizes[id][1] for id in sizes}, links, zone)
    moved = replace(moved, boxes=moved.boxes | {id: replace(moved.boxes[id], height=sizes[id][1]) for id in sizes})
    return Placed(look, moved.boxes, curves(moved, look, cards, ops, links)), ranks


# A chain of ops that each read one card: the ops in one row, the cards below them.
SPINES = tuple(Look(0.72, cards, plain=plain) for cards in ("wide", "narrow") for plain in (False, True))
LEAST_SPINE = 5  # ops; fewer have room for cards on their left
UNDER = 0.06  # between a gradient and a line that comes from below
BADGE = 0.34  # height of a badge below a gradient
DROP = 0.44  # between what stands below an op and its card
SHORTEST = 0.26  # line between two shapes
APART = 0.10  # between two cards, and between a card and a line that passes it


def spine(
    look: Look,
    sizes: Mapping[str, tuple[float, float]],
    cards: Mapping[str, CardView],
    ops: Mapping[str, OpView],
    links: Sequence[Link],
    zone: theme.Zone,
) -> Placed | None:
    """A chain of ops in one row with the cards that they read below; None where the graph is no such chain."""
    order = list(ops)
    reads: dict[str, list[Link]] = {id: [] for id in order}
    last = ""  # the box of L
    for link in links:
        if link.target in reads:
            reads[link.target].append(link)
        elif link.source == order[-1] and not last:
            last = link.target
        else:
            return None
    if len(order) < LEAST_SPINE or len({link.source for link in links}) < len(links) - (1 if last else 0):
        return None
    hanging: dict[str, Link] = {}  # card -> its line
    first = ""  # a card on the left of the first op
    for k, id in enumerate(order):
        from_ops = [link for link in reads[id] if link.source in ops]
        from_cards = [link for link in reads[id] if link.source in cards]
        if [link.source for link in from_ops] != order[max(0, k - 1) : k] or len(from_cards) > (2 if k == 0 else 1):
            return None
        if k == 0 and len(from_cards) == 2:
            constants = [link for link in from_cards if not cards[link.source].leaf] or from_cards[:1]
            first = constants[0].source
        hanging |= {link.source: link for link in from_cards if link.source != first}
    widths = [op_size(ops[id], look)[0] for id in order]
    shapes = [shape_size(ops[id], look) for id in order]
    left = zone[0] + (sizes[first][0] + 0.35 if first else 0.1)
    right = zone[2] - (sizes[last][0] + 0.4 if last else 0.05)
    pitch = (right - left - widths[0] / 2 - widths[-1] / 2) / (len(order) - 1)
    for (a, b), (c, d) in zip(pairwise(widths), pairwise(shapes), strict=True):
        if (a + b) / 2 + 0.01 > pitch or (c[0] + d[0]) / 2 + SHORTEST > pitch:
            return None
    at = {id: left + widths[0] / 2 + pitch * k for k, id in enumerate(order)}
    named = {id: text_width(look.gradient(ops[id].gradient, named=True), theme.SMALLEST) for id in order}
    # Two neighbours that are each narrower than the pitch are clear of one another.
    roomy = {id for id in order if named[id] + 0.12 <= min(pitch, 2 * (at[id] - zone[0]), 2 * (zone[2] - at[id]))}
    levels = _levels({card: (at[link.target], sizes[card][0]) for card, link in hanging.items()}, zone)
    if levels is None:
        return None
    tall = max(height for _, height in shapes) / 2 + look.line + UNDER
    tall += BADGE if any(ops[id].badged for id in order) else 0.0
    card_high = max((sizes[card][1] for card in hanging), default=0.0)
    deep = max((level for level, _ in levels.values()), default=-1) + 1
    whole = 2 * tall + (DROP + deep * (card_high + 0.14) if deep else 0.0)
    if whole > zone[3] - zone[1]:
        return None
    y = (zone[1] + zone[3]) / 2 + whole / 2 - tall
    boxes = {id: Box(at[id], y, width, 2 * tall) for id, width in zip(order, widths, strict=True)}
    for card, (level, x) in levels.items():
        middle = y - tall - DROP - card_high / 2 - level * (card_high + 0.14)
        boxes[card] = Box(x, middle, *sizes[card])
    if first:
        boxes[first] = Box(zone[0] + 0.05 + sizes[first][0] / 2, y, *sizes[first])
    if last:
        boxes[last] = Box(zone[2] - 0.05 - sizes[last][0] / 2, y, *sizes[last])
    found: dict[str, Curve] = {}
    for link in links:
        source, target = boxes[link.source], boxes[link.target]
        if link.source in hanging:
            view = ops[link.target]  # the number stands between its shape and the line
            bottom = target.y - shape_size(view, look)[1] / 2 - look.line - UNDER - (BADGE if view.badged else 0.0)
            found[link.id] = straight((target.x, source.y + source.height / 2), (target.x, bottom))
        else:
            start = source.x + (shape_size(ops[link.source], look)[0] if link.source in ops else source.width) / 2
            stop = target.x - (shape_size(ops[link.target], look)[0] if link.target in ops else target.width) / 2
            found[link.id] = straight((start, y), (stop, y))
    return Placed(look, boxes, found, frozenset(roomy))


def _levels(wanted: Mapping[str, tuple[float, float]], zone: theme.Zone) -> dict[str, tuple[int, float]] | None:
    """For each card its level, 0 or 1, and its middle: near the line that drops to it, clear of others and of lines."""
    found: dict[str, tuple[int, float]] = {}
    lines = sorted(x for x, _ in wanted.values())
    ends = [zone[0] - APART, zone[0] - APART]  # of what lies on each level
    for card, (x, width) in wanted.items():
        after = next((line for line in lines if line > x + 1e-9), zone[2] + APART)
        for level in (0, 1):
            low = max(ends[level] + APART + width / 2, x - width / 2 + 0.2)
            high = min(x + width / 2 - 0.2, zone[2] - width / 2)
            if level == 0:  # the lines of lower cards pass between those of the upper level
                below = max((line for line in lines if line < x - 1e-9), default=zone[0] - APART)
                if ends[1] > below - 1e-9:
                    low = max(low, below + APART + width / 2)
                high = min(high, after - APART - width / 2)
            if low <= high + 1e-9:
                middle = min(max(x, low), max(low, high))
                found[card] = (level, middle)
                ends[level] = middle + width / 2
                break
        else:
            return None
    return found


def evened(layout: Layout, cards: Mapping[str, CardView]) -> Layout:
    """The same drawing in which the cards of leaves that stand below one another are equally wide."""
    boxes = dict(layout.boxes)
    for rank in layout.ranks:
        leaves = [id for id in rank if id in cards and cards[id].leaf]
        widest = max((boxes[id].width for id in leaves), default=0.0)
        boxes |= {id: replace(boxes[id], width=widest) for id in leaves}
    return replace(layout, boxes=boxes)


def spread(layout: Layout, heights: Mapping[str, float], links: Sequence[Link], zone: theme.Zone) -> Layout:
    """The same drawing with more air between the cards on its left, as far as no line comes to lie on another."""
    column = [id for id in layout.ranks[0] if id in heights]  # from top to bottom
    if len(column) < 2 or len(column) < len(layout.ranks[0]):
        return layout
    leaving = {id: [link.id for link in links if link.source == id] for id in column}
    boxes, routes = dict(layout.boxes), dict(layout.routes)
    for id in column * 4:
        k = column.index(id)
        y, half = boxes[id].y, heights[id] / 2
        low = boxes[column[k + 1]].y + heights[column[k + 1]] / 2 + half if k + 1 < len(column) else None
        high = boxes[column[k - 1]].y - heights[column[k - 1]] / 2 - half if k else None
        if low is not None and high is not None:
            wanted = (low + high) / 2
        elif low is not None:
            wanted = max(y, low + AIR)
        else:
            wanted = min(y, (high or y) - AIR)
        for part in (1.0, 0.7, 0.4, 0.2) if abs(wanted - y) > 0.01 else ():
            moved = _moved(boxes, routes, id, (wanted - y) * part, leaving[id], heights[id], zone)
            if moved is not None:
                boxes[id], routes = moved
                break
    return replace(layout, boxes=boxes, routes=routes)


def _moved(
    boxes: Mapping[str, Box],
    routes: Mapping[str, Route],
    card: str,
    by: float,
    leaving: Sequence[str],
    high: float,
    zone: theme.Zone,
) -> tuple[Box, dict[str, Route]] | None:
    """A card moved up or down with its lines; None where it or they have no room there."""
    box = replace(boxes[card], y=boxes[card].y + by)
    if box.y - high / 2 < zone[1] or box.y + high / 2 > zone[3]:
        return None
    if any(other != card and abs(it.x - box.x) < (it.width + box.width) / 2
           and abs(it.y - box.y) < (it.height + high) / 2 for other, it in boxes.items()):  # fmt: skip
        return None
    changed = dict(routes)
    for id in leaving:
        (x, y), *rest = routes[id]
        if len(rest) > 1:
            changed[id] = ((x, y + by), (rest[0][0], y + by), *rest[1:])
        elif abs(y - box.y) > high / 2 - 0.12:
            return None
    across, up = box.width / 2 + 0.06, high / 2 + 0.06
    for id, route in changed.items():
        for (x0, y0), (x1, y1) in pairwise(route) if id not in leaving else ():
            apart = abs((x0 + x1) / 2 - box.x) > abs(x0 - x1) / 2 + across
            if not apart and abs((y0 + y1) / 2 - box.y) < abs(y0 - y1) / 2 + up:
                return None
    for mine in leaving:
        for id, route in changed.items():
            if id != mine and any(_touch(a, b) for a in pairwise(route) for b in pairwise(changed[mine])):
                return None
    return box, changed


def _touch(one: tuple[Point, Point], other: tuple[Point, Point]) -> bool:
    """Whether two pieces of lines run on or close to one another."""
    for axis in (0, 1):
        if abs(one[0][axis] - one[1][axis]) < 1e-9 and abs(other[0][axis] - other[1][axis]) < 1e-9:
            along = 1 - axis
            low, high = sorted((one[0][along], one[1][along])), sorted((other[0][along], other[1][along]))
            if abs(one[0][axis] - other[0][axis]) < 0.09 and low[0] < high[1] and high[0] < low[1]:
                return True
    return False


def _unordered(layout: Layout, cards: Mapping[str, CardView]) -> int:
    """How many cards stand right below one that is younger."""
    age = {id: k for k, id in enumerate(cards)}
    leaves = [[age[id] for id in rank if id in cards and cards[id].leaf] for rank in layout.ranks]
    return sum(above > below for rank in leaves for above, below in pairwise(rank))


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
