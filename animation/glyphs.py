"""One function per kind of thing that is drawn: from what it stands for to what is seen. No timing, no file access."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from animation import lettering, theme
from animation.figures import Cells, Matrix
from animation.folding import GROUP
from animation.ink import Ink, Part, Shape
from animation.lettering import polygon, shortened
from grad_engine.draw.glyph import SHAPES, outline, reach
from grad_engine.draw.layout import Box, Route, arc_length_table, point_at, rounded
from grad_engine.draw.palette import Palette as Colours

Points = NDArray[np.float64]


# look


@dataclass(frozen=True, slots=True)
class Look:
    """How large things are drawn, and how much is written at them: 3 all, 2 the shape, 1 the symbol, 0 nothing."""

    scale: float
    detail: int

    @property
    def small(self) -> float:
        """The type size of labels."""
        return max(theme.SMALLEST, 0.25 * self.scale)

    @property
    def pen(self) -> float:
        """How thick lines are, against those of a drawing at scale 1: thinner in a small one, but never lost."""
        return float(np.clip(1.6 * self.scale, 0.35, 1.0))

    @property
    def line(self) -> float:
        """The height of a line of labels."""
        return theme.LINE[self.detail] * self.scale


# simple shapes


def card_points(width: float, height: float, corner: float, at: tuple[float, float] = (0.0, 0.0)) -> Points:
    """A rectangle with round corners, as cubic Béziers."""
    x, y = width / 2, height / 2
    corner = min(corner, x, y)
    k = corner * (1 - 0.5522847498)
    a, b = x - corner, y - corner
    sides = [((a, y), (-a, y)), ((-x, b), (-x, -b)), ((-a, -y), (a, -y)), ((x, -b), (x, b))]
    bends = [
        ((-a, y), (-x + k, y), (-x, y - k), (-x, b)),
        ((-x, -b), (-x, -y + k), (-x + k, -y), (-a, -y)),
        ((a, -y), (x - k, -y), (x, -y + k), (x, -b)),
        ((x, b), (x, y - k), (x - k, y), (a, y)),
    ]
    found = []
    for (start, stop), bend in zip(sides, bends, strict=True):
        p, q = np.array(start), np.array(stop)
        found += [p, p + (q - p) / 3, q - (q - p) / 3, q, *map(np.array, bend)]
    points = np.zeros((len(found), 3))
    points[:, :2] = np.array(found) + np.array(at)
    return points


def circle_points(radius: float, at: tuple[float, float] = (0.0, 0.0)) -> Points:
    """A circle, as cubic Béziers."""
    return card_points(2 * radius, 2 * radius, radius, at)


# How much wider than what is written in it a shape is, by category.
SLACK = {
    "arithmetic": 0.36,
    "elementwise": 0.48,
    "activation": 0.62,
    "reduction": 0.46,
    "linalg": 0.36,
    "linear algebra": 0.36,
    "shape": 0.60,
}
SHEETS, SHEET = 2, 0.065  # of a box that stands for several ops: how many lie under it, how far each stands out
PIN = 0.055  # radius of the pin that marks a kept value
RING = 0.10  # how far the ring around a centre stands out of it, where it is drawn small
UNIT_SQUARE = polygon([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)])
SQUARE = Shape(UNIT_SQUARE)


def line_points(places: Points | Sequence[tuple[float, float]]) -> Points:
    """An open line through places, as cubic Béziers."""
    corners = np.zeros((len(places), 3))
    corners[:, :2] = np.asarray(places, dtype=float)[:, :2]
    start, stop = corners[:-1], corners[1:]
    third = (stop - start) / 3
    return np.stack([start, start + third, stop - third, stop], axis=1).reshape(-1, 3)


def words(
    text: str,
    size: float,
    colour: str,
    at: tuple[float, float],
    *,
    anchor: str = "middle",
    bold: bool = False,
    room: float | None = None,
    alpha: float = 1.0,
) -> Ink:
    """A line of text; `at` is its left end, middle or right end, half the height of a capital above the baseline."""
    text = text if room is None else shortened(text, size, room, bold)
    made = lettering.outline(text, size, bold)
    left = at[0] - {"left": 0.0, "middle": 0.5, "right": 1.0}[anchor] * made.width
    place = (left, at[1] - lettering.cap_height(size) / 2)
    return Ink(made.shape, fill=colour, fill_alpha=alpha, at=place, text=text, size=size)


def toned(text: str, colour: str, colours: Colours) -> str:
    """The colour of a text, magenta where the number at its end is not finite."""
    return colours.nonfinite if text.endswith(("NaN", "∞")) else colour


# tensors


def grid(cells: Cells, colours: Colours, tone: str, cell: float, at: tuple[float, float], anchor: str = "left") -> Part:
    """A tensor as a small grid of squares; `at` is the middle of its left side (or its middle)."""
    width, height = grid_size(cells, cell)
    left = at[0] - (width / 2 if anchor == "middle" else 0.0)
    inks: dict[tuple[str, float], list[Points]] = {}
    for k, (strength, odd) in enumerate(zip(cells.strength, cells.odd, strict=True)):
        row, column = divmod(k, cells.columns)
        centre = np.array([left + (column + 0.5) * cell, at[1] + height / 2 - (row + 0.5) * cell, 0.0])
        side, alpha = weight(strength, odd)
        colour = colours.nonfinite if odd else getattr(colours, tone)
        inks.setdefault((colour, round(alpha, 2)), []).append(UNIT_SQUARE * (cell * side) + centre)
    return Part(
        *(Ink(np.concatenate(squares), fill=colour, fill_alpha=alpha) for (colour, alpha), squares in inks.items())
    )


def weight(strength: float, odd: bool) -> tuple[float, float]:
    """The side of a number's square, as a part of its cell, and how opaque it is: the weakest can still be seen."""
    return (0.86, 1.0) if odd else (0.48 + 0.38 * strength, 0.76 + 0.24 * strength)


def grid_size(cells: Cells, cell: float) -> tuple[float, float]:
    """How wide and high a grid is."""
    return cells.columns * cell, cells.rows * cell


def numbers_size(matrix: Matrix, size: float) -> tuple[float, float]:
    """How wide and high a matrix of numbers is."""
    rows = max(len(matrix.rows), 1)
    inside = sum(_column_widths(matrix, size)) + 0.55 * size * max(_columns(matrix) - 1, 0)
    return inside + 0.9 * size, rows * 1.12 * size + (0.54 * size if matrix.more_below else 0.0)


def numbers(matrix: Matrix, size: float, colours: Colours, tone: str, at: tuple[float, float]) -> Part:
    """A matrix of numbers in brackets; `at` is the middle of its left side. What is not finite is magenta."""
    width, height = numbers_size(matrix, size)
    left, top = at[0], at[1] + height / 2
    inks: list[Ink] = []
    hook = 0.16 * size
    for x, turn in ((left + 0.08 * size, 1), (left + width - 0.08 * size, -1)):
        places = [(x + turn * hook, top), (x, top), (x, top - height), (x + turn * hook, top - height)]
        inks.append(Ink(line_points(places), stroke=getattr(colours, tone), width=2.2))
    widths = _column_widths(matrix, size)
    plain: list[Points] = []
    odd: list[Points] = []
    said: list[str] = []
    for r, row in enumerate(matrix.rows):
        middle = top - (r + 0.5) * 1.12 * size
        right = left + 0.45 * size
        for c, word in enumerate(row + (("…",) if matrix.more_right else ())):
            right += widths[c]
            made = lettering.outline(word, size)
            place = np.array([right - made.width, middle - lettering.cap_height(size) / 2, 0.0])
            (odd if c < len(row) and matrix.odd[r][c] else plain).append(made.points + place)
            said.append(word)
            right += 0.55 * size
    if matrix.more_below:
        y = top - len(matrix.rows) * 1.12 * size - 0.21 * size
        x = left + 0.45 * size
        for extent in widths[: len(matrix.rows[0]) if matrix.rows else 0]:
            plain += [circle_points(0.06 * size, (x + extent / 2, y + k * 0.18 * size)) for k in (-1, 0, 1)]
            x += extent + 0.55 * size
    if plain:
        inks.append(Ink(np.concatenate(plain), fill=colours.ink, text=" ".join(said), size=size))
    if odd:
        inks.append(Ink(np.concatenate(odd), fill=colours.nonfinite, text="" if plain else " ".join(said), size=size))
    return Part(*inks)


def _columns(matrix: Matrix) -> int:
    return (len(matrix.rows[0]) if matrix.rows else 0) + matrix.more_right


def _column_widths(matrix: Matrix, size: float) -> list[float]:
    rows = [row + (("…",) if matrix.more_right else ()) for row in matrix.rows]
    return [max(lettering.width(row[c], size) for row in rows) for c in range(_columns(matrix))]


def badge_size(text: str, look: Look) -> tuple[float, float]:
    """How wide and high a badge is."""
    return lettering.width(text, look.small, True) + 0.22, look.small * 1.16


def badge(text: str, look: Look, colours: Colours, at: tuple[float, float]) -> Part:
    """A boxed word about numbers that are not finite."""
    return Part(
        Ink(
            card_points(*badge_size(text, look), 0.08, at),
            fill=colours.background,
            stroke=colours.nonfinite,
            width=2.2,
        ),
        words(text, look.small, colours.nonfinite, at, bold=True),
    )


# leaves, constants, ops


@dataclass(frozen=True, slots=True)
class CardView:
    """What is written on the card of a leaf or a constant."""

    id: str
    name: str
    face: str  # its shape, or its number
    cells: Cells | None
    leaf: bool
    odd: bool = False  # its gradient will not be finite


Figure = Cells | tuple[str, ...]  # a tensor as a picture, or a number in ever fewer digits


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The lower half of a leaf's card: what has reached its gradient."""

    k: int = 0
    of: int = 0
    shares: tuple[Figure, ...] = ()  # waiting
    total: Figure | None = None  # the finished gradient
    odd: str = ""  # what is not finite about it
    held: bool = False  # it had a gradient before this run


def card_size(view: CardView, look: Look) -> tuple[float, float]:
    """How wide and high a card is."""
    s = look.scale
    high = theme.CARD_HEIGHT[look.detail] * s
    if look.detail == 0:
        return theme.CARD_WIDTH[0] * s, high
    if look.detail == 1:
        return max(theme.CARD_WIDTH[1] * s, lettering.width(view.name, look.small, True) + 0.3), high
    first = lettering.width(view.name, look.small * 1.12, True) + lettering.width(view.face, look.small) + 0.50 * s
    first += 0.0 if look.detail < 3 or view.cells is None else view.cells.columns * theme.CELL * s + 0.14 * s
    if view.leaf:
        first = max(first, lettering.width("grad  ✓ 1/1", look.small, True) + 0.40 * s)
    if view.odd:
        first = max(first, lettering.width("grad NaN 1/1", look.small, True) + 0.50 * s)
    if view.leaf and view.cells is None:  # the finished gradient is a number beside its counter
        first = max(first, lettering.width("grad 0.0000 ✓ 1/1", look.small, True) + 0.50 * s)
    return max(theme.CARD_WIDTH[look.detail] * s, first), high if view.leaf else high / 2


def card(view: CardView, arrivals: Arrivals, look: Look, box: Box, colours: Colours) -> Part:
    """The card of a leaf: name and shape above, its gradient and the arrivals below. A constant has no lower half."""
    s, (x, y), w, h = look.scale, (box.x, box.y), box.width, box.height
    corner = 0.14 * s
    complete = arrivals.total is not None
    edge = colours.done if complete else colours.value if view.leaf else colours.idle
    inks: list[Ink | Part] = [
        Ink(card_points(w, h, corner, (x, y)), fill=colours.panel, stroke=edge, width=look.pen * theme.OUTLINE)
    ]
    if complete and view.leaf:
        inks.append(Ink(card_points(w + 0.14 * s, h + 0.14 * s, corner + 0.07 * s, (x, y)), stroke=edge, width=1.6))
    if look.detail <= 1:
        if look.detail == 1:
            inks.append(words(view.name, look.small, colours.ink, (x, y), bold=True, room=w - 0.12))
        return Part(*inks)
    upper = y + h / 4 if view.leaf else y
    pad = 0.16 * s
    inks.append(words(view.name, look.small * 1.12, colours.ink, (x - w / 2 + pad, upper), anchor="left", bold=True))
    inks.append(
        words(
            view.face,
            look.small,
            toned(view.face, colours.value if view.leaf else colours.muted, colours),
            (x + w / 2 - pad, upper),
            anchor="right",
        )
    )
    if look.detail >= 3 and view.cells is not None:
        right = x + w / 2 - pad - lettering.width(view.face, look.small) - 0.1 * s
        inks.append(
            grid(
                view.cells,
                colours,
                "value" if view.leaf else "muted",
                theme.CELL * s,
                (right - view.cells.columns * theme.CELL * s, upper),
            )
        )
    if not view.leaf:
        return Part(*inks)
    lower = y - h / 4
    inks.append(Ink(line_points([(x - w / 2, y), (x + w / 2, y)]), stroke=edge, width=1.6, stroke_alpha=0.7))
    tone = colours.done if complete else colours.gradient if arrivals.k or arrivals.held else colours.muted
    inks.append(words("grad", look.small, tone, (x - w / 2 + pad, lower), anchor="left"))
    count = f"{arrivals.k}/{arrivals.of}" if arrivals.of else ""
    room = w - 2 * pad - lettering.width("grad", look.small) - 0.1 * s
    if arrivals.odd:
        tone = colours.nonfinite
        said = f"{arrivals.odd} {count}".strip()
        count = said if lettering.width(said, look.small, complete) <= room else f"{arrivals.odd.split()[0]} {count}"
    elif complete:
        count = f"{'Σ' if arrivals.of > 1 or arrivals.held else '✓'} {count}".strip()
    elif arrivals.of > 1 and arrivals.k == arrivals.of and all(isinstance(each, Cells) for each in arrivals.shares):
        said = f"{count} to add"
        count = said if lettering.width(said, look.small) <= room else count
    elif arrivals.held and not arrivals.k:
        held = f"held · {count}" if count else "held"
        count = held if lettering.width(held, look.small) <= room else count
    inks.append(words(count, look.small, tone, (x + w / 2 - pad, lower), anchor="right", bold=complete))
    left = x - w / 2 + pad + lettering.width("grad", look.small) + 0.12 * s
    room = x + w / 2 - pad - lettering.width(count, look.small, complete) - 0.1 * s - left
    shown: Sequence[Figure] = (arrivals.total,) if arrivals.total is not None else arrivals.shares
    pictures = [each for each in shown if isinstance(each, Cells)]
    if pictures:
        for share in pictures:
            wide = share.columns * theme.CELL * s
            if wide > room or look.detail < 3:
                break
            inks.append(grid(share, colours, "done" if complete else "gradient", theme.CELL * s, (left, lower)))
            left += wide + 0.06 * s
            room -= wide + 0.06 * s
        return Part(*inks)
    figures = [each for each in shown if isinstance(each, tuple)]
    for short in range(max((len(each) for each in figures), default=0)):
        texts = ["+ " * (k > 0) + each[min(short, len(each) - 1)] for k, each in enumerate(figures)]
        widths = [lettering.width(text, look.small, complete) + 0.06 * s for text in texts]
        if sum(widths) <= room:
            break
    for text, wide in zip(texts, widths, strict=True) if figures else ():
        if wide > room:
            break
        inks.append(words(text, look.small, toned(text, tone, colours), (left, lower), anchor="left", bold=complete))
        left += wide
        room -= wide
    return Part(*inks)


@dataclass(frozen=True, slots=True)
class OpView:
    """What is written in and at the shape of an op."""

    id: str
    category: str
    symbol: str
    tag: str  # its place in creation order, such as "#3"
    label: Label  # of its result
    gradient: Label | None  # of its gradient in the run that is shown
    ports: tuple[str, ...]  # what is written at each operand, if the order matters
    slots: int
    root: bool
    kept: tuple[int, ...] = ()  # ports whose value is kept for backward
    keeps_result: bool = False
    central: bool = False  # all that is shown lies around it


@dataclass(frozen=True, slots=True)
class Label:
    """What an op shows of a tensor: its name, its number or shape, a picture."""

    name: str
    face: str
    cells: Cells | None
    badge: str = ""  # what is not finite about it


def op_size(view: OpView, look: Look) -> tuple[float, float]:
    """How wide and high the box of an op is, with the lines above and below its shape."""
    width, height = shape_size(view, look)
    root, margin = 2 * _root_room(view, look), _margin(view, look)
    written = _label_width(view, look) if look.detail >= 2 else badge_size("NaN", look)[0] if margin else 0.0
    return max(width, written) + port_room(view, look) + root, height + 2 * margin + root


def shape_size(view: OpView, look: Look) -> tuple[float, float]:
    """How wide and high the shape of an op is."""
    s = look.scale
    side = theme.GLYPH[look.detail] * s
    # The outermost routes must still meet the shape, which is lower than the box that holds the ports.
    high = max(side, _margin(view, look) * (view.slots - 1) + 0.1 * s * (view.slots + 1))
    if look.detail == 0:
        return side, high
    wide = lettering.width(view.symbol, _symbol_size(view, look), True)
    if view.category in ("joining", "indexing"):
        return max(side, (wide + 0.3 * s) / 0.74), high
    slack = SLACK.get(view.category, 0.52)
    slack += 0.10 * (bool(view.kept) + view.keeps_result) if look.detail >= 2 else 0.0
    return max(side, wide + slack * s), high


def _inside(category: str, width: float, height: float) -> float:
    """How far to the right of its middle the body of a shape lies, where its symbol stands."""
    if category in ("joining", "indexing"):  # a bracket is open on the side of the many
        return (0.5 if category == "joining" else -0.5) * min(0.24 * width, 0.3 * height)
    if category == "activation":  # a chevron has a notch on the left
        return 0.4 * min(0.22 * height, 0.3 * width)
    if category not in SHAPES:  # a pentagon has its point on the right
        return -0.35 * min(0.32 * height, 0.4 * width)
    return 0.0


def _symbol_size(view: OpView, look: Look) -> float:
    return max(theme.SMALLEST, (0.40 if len(view.symbol) <= 2 else 0.30) * look.scale)


def port_room(view: OpView, look: Look) -> float:
    """How much of the box of an op lies to the left of its shape, for what is written at its ports."""
    pitch = (shape_size(view, look)[1] + 2 * look.line) / (view.slots + 1)
    if look.detail < 2 or not any(view.ports) or pitch < 1.05 * look.small:  # no room between the lines
        return 0.0
    return max(lettering.width(port, look.small) for port in view.ports) + 0.08 * look.scale


def _label(label: Label, view: OpView, look: Look) -> tuple[str, float]:
    """What is written below an op, and how much room its picture takes before it."""
    whole = f"{label.name} {label.face}" if label.name else label.face
    if look.detail == 2:
        room = shape_size(view, look)[0] + 0.30 * look.scale
        if lettering.width(whole, look.small) <= room:
            return whole, 0.0
        # A name that was given says more than a shape, and a shape more than a number that stands above as well.
        return (shortened(label.name, look.small, room) if label.name[:1] not in ("", "#") else label.face), 0.0
    return whole, 0.0 if label.cells is None else label.cells.columns * theme.CELL * look.scale + 0.08


def _margin(view: OpView, look: Look) -> float:
    """How much of the box of an op lies above its shape, and as much below, for what is written there."""
    if look.detail >= 2:
        return look.line
    odd = view.label.badge or (view.gradient is not None and view.gradient.badge)
    return 0.75 * badge_size("NaN", look)[1] if odd and look.detail else 0.0  # the rest lies on the edge of the shape


def _label_width(view: OpView, look: Look) -> float:
    tag = lettering.width(f"{'◉ ' if view.central else ''}✓ {view.tag}", look.small, True)
    widest = tag
    for label in (view.label, view.gradient):
        if label is not None:
            text, icon = _label(label, view, look)
            above = tag + lettering.width(label.badge, look.small, True) + 0.30 if label.badge else tag
            if any(view.ports):  # it may not reach over the ports, on the left of the shape
                above = max(above, 2 * above - shape_size(view, look)[0])
            widest = max(widest, above, lettering.width(text, look.small) + icon)
    return widest


def _root_room(view: OpView, look: Look) -> float:
    """How much the second outline of a root, the ring of a centre, or the sheets below the first, stand out."""
    room = 0.09 * look.scale if view.root and look.detail else 0.0
    room = max(room, RING) if view.central and look.detail < 2 else room
    return max(room, SHEETS * SHEET * look.scale) if view.category == GROUP else room


def op(view: OpView, state: str, look: Look, box: Box, colours: Colours, count: str = "") -> Part:
    """An op: its shape with the symbol in it, its number above, its result's name and shape below.

    `state` is "made", "quiet" (backward has not come here), "waiting" (some shares have), "running" or "ran".
    `count` stands above the shape while shares are being counted.
    """
    x, y = box.x + port_room(view, look) / 2, box.y
    width, height = shape_size(view, look)
    shape = outline(view.category, width, height)
    inks: list[Ink | Part] = []
    tones = {"made": colours.value, "quiet": colours.idle, "waiting": colours.idle, "ran": colours.done}
    edge = tones.get(state, colours.gradient)
    if state == "running":
        for wide, alpha in ((22.0, 0.10), (14.0, 0.14)):
            halo = Ink(polygon(shape + (x, y)), stroke=colours.gradient, width=wide * look.pen, stroke_alpha=alpha)
            inks.append(halo)
    if view.category == GROUP:  # a pile of sheets
        for k in range(SHEETS, 0, -1):
            sheet = polygon(shape + (x + SHEET * k * look.scale, y + SHEET * k * look.scale))
            inks.append(Ink(sheet, fill=colours.background, stroke=edge, width=1.6 * look.pen))
    inks.append(
        Ink(
            polygon(shape + (x, y)),
            fill=colours.panel,
            stroke=edge,
            width=look.pen * (theme.BOLD if state == "running" else theme.OUTLINE),
        )
    )
    grow = 2 * _root_room(view, look)
    if view.root and look.detail:
        around = "leaf" if view.category in ("joining", "indexing") else view.category
        inks.append(Ink(polygon(outline(around, width + grow, height + grow) + (x, y)), stroke=edge, width=1.8))
    if view.central and look.detail < 2:
        ring = outline(view.category, width + 2 * RING, height + 2 * RING) + (x, y)
        inks.append(Ink(polygon(ring), stroke=colours.ink, width=1.8))
    ink = colours.ink
    if look.detail:
        place = (x + _inside(view.category, width, height), y)
        inks.append(words(view.symbol, _symbol_size(view, look), ink, place, bold=True))
    # What an op shows is its value, and its gradient once that is complete; a badge speaks of what is shown.
    known = state in ("ready", "running", "ran") and view.gradient is not None
    label = view.gradient if known and view.gradient is not None else view.label
    if look.detail < 2:
        if label.badge and look.detail:
            below = y - (height + grow) / 2 - _margin(view, look) / 3
            inks.append(badge(label.badge.split(" ")[0], look, colours, (x, below)))
        return Part(*inks)
    off = (height + grow) / 2 + look.line * 0.52
    clear = 0.05 * look.scale  # from the outline, for what is higher than a line of text: a boxed word, a bar
    above, below = y + off + (clear if label.badge else 0.0), y - off - clear
    tag = f"✓ {view.tag}" if state == "ran" else count or view.tag
    tone = colours.done if state == "ran" else colours.gradient if count else colours.muted
    if view.central and not count:
        tag, tone = f"◉ {tag}", colours.ink
    if label.badge:
        wide = lettering.width(label.badge, look.small, True) + 0.22
        tag_wide = lettering.width(tag, look.small, bool(count)) + 0.08
        left = x - (wide + tag_wide) / 2
        if any(view.ports):
            left = max(left, x - width / 2)
        inks.append(words(tag, look.small, tone, (left, above), anchor="left", bold=bool(count)))
        inks.append(badge(label.badge, look, colours, (left + tag_wide + wide / 2, above)))
    else:
        inks.append(words(tag, look.small, tone, (x, above), bold=bool(count)))
    text, icon = _label(label, view, look)
    left = x - (lettering.width(text, look.small) + icon) / 2
    tone = "gradient" if known else "value" if state == "made" else "muted"
    if icon and label.cells is not None:
        inks.append(grid(label.cells, colours, tone, theme.CELL * look.scale, (left, below)))
    colour = toned(text, getattr(colours, tone), colours)
    inks.append(words(text, look.small, colour, (left + icon, below), anchor="left"))
    pin = colours.value if state == "made" else colours.gradient if state == "running" else colours.idle
    for slot in view.kept:
        high = port_y(slot, view.slots, box) - y
        inks.append(
            Ink(
                circle_points(PIN * look.scale, (x + reach(shape, high, "left") + 1.7 * PIN * look.scale, y + high)),
                fill=pin,
            )
        )
    if view.keeps_result:
        inks.append(Ink(circle_points(PIN * look.scale, (x + width / 2 - 1.7 * PIN * look.scale, y)), fill=pin))
    for slot, port in enumerate(view.ports):
        if port and port_room(view, look):
            height_here = port_y(slot, view.slots, box)
            above = min(0.15 * max(look.scale, 1.0), 0.5 * box.height / (view.slots + 1))  # between two lines
            place = (x - width / 2 - 0.05, height_here + above)
            inks.append(words(port, look.small, colours.muted, place, anchor="right"))
    return Part(*inks)


def port_y(slot: int, slots: int, box: Box) -> float:
    """How high the port of a slot is."""
    return box.y + box.height / 2 - box.height * (slot + 1) / (slots + 1)


# edges

LONG_RUN = 1.5  # of a line to the left: then it leads to the next row


@dataclass(frozen=True, eq=False)
class Path:
    """The way between two things that are drawn, in forward direction, from shape to shape."""

    table: Points  # fraction of the length, x, y, z
    length: float

    def at(self, fraction: float) -> tuple[float, float]:
        """The place at a fraction of the way."""
        place = point_at(self.table, [fraction])[0]
        return float(place[0]), float(place[1])

    def beside(self, by: float) -> Path:
        """The same way, moved to the side."""
        return Path(self.table + (0.0, by, 0.0, 0.0), self.length)

    @cached_property
    def bends(self) -> Points:
        """The fractions of the length at which the way turns."""
        steps = np.diff(self.table[:, 1:3], axis=0)
        turn = steps[:-1, 0] * steps[1:, 1] - steps[:-1, 1] * steps[1:, 0]
        return self.table[1:-1, 0][np.abs(turn) > 1e-9]

    @cached_property
    def back(self) -> float | None:
        """The fraction of the length in the middle of the longest run to the left, if it is a long one."""
        steps = np.diff(self.table[:, 1:3], axis=0)
        leftward = np.concatenate([[False], (steps[:, 0] < 0) & (np.abs(steps[:, 1]) < 1e-9), [False]])
        starts, stops = np.flatnonzero(np.diff(leftward.astype(int))).reshape(-1, 2).T
        if not len(starts):
            return None
        long = self.table[starts, 1] - self.table[stops, 1]
        run = int(np.argmax(long))
        return float(self.table[[starts[run], stops[run]], 0].mean()) if long[run] > LONG_RUN else None


def path(route: Route, start: float, stop: float) -> Path:
    """A route with round corners that begins at the x of `start` and ends at the x of `stop`."""
    places = (
        [(start, route[0][1]), *route[1:-1], (stop, route[-1][1])]
        if len(route) > 2
        else [(start, route[0][1]), (stop, route[-1][1])]
    )
    table = arc_length_table(rounded(places, theme.CORNER))
    steps = np.diff(table[:, 1:], axis=0)
    return Path(table, float(np.hypot(steps[:, 0], steps[:, 1]).sum()))


def stretch(way: Path, start: float, stop: float) -> Shape:
    """The part of a path between two fractions of its length; backward if `stop` is the smaller."""
    low, high = min(start, stop), max(start, stop)
    inside = way.bends[(way.bends > low) & (way.bends < high)]
    places = point_at(way.table, np.concatenate([[low], inside, [high]]))
    return Shape(places if start <= stop else places[::-1], corners=True)


def dashes(way: Path, shown: float = 1.0) -> tuple[float, ...]:
    """The dashes of a path, with one at each end; of `shown` of it, from where it begins, and then no more."""
    dash, gap = 0.13, 0.09
    many = max(1, round((way.length + gap) / (dash + gap)))
    pitch = (way.length + gap) / many
    long = pitch * dash / (dash + gap)
    if shown >= 1.0:
        return long, pitch - long
    whole, rest = divmod(max(shown, 0.0) * way.length, pitch)
    return *((long, pitch - long) * int(whole)), min(rest, long), way.length + pitch


def tip(place: tuple[float, float], rightward: bool, pen: float) -> Points:
    """The point of an arrow, its sharp end at `place`."""
    size = theme.TIP * pen
    back = -size if rightward else size
    x, y = place
    return polygon([(x, y), (x + back, y + 0.42 * size), (x + 0.8 * back, y), (x + back, y - 0.42 * size)])


def inset(way: Path, pen: float) -> float:
    """The fraction of a path that lies under the point of its arrow."""
    return min(0.5, 0.6 * theme.TIP * pen / way.length)


def edge(way: Path, state: str, colours: Colours, pen: float) -> Part:
    """An edge: "value" (forward, solid), "idle" (no gradient comes this way), "due" or "paid" (gradient, dashed)."""
    backward = state in ("due", "paid")
    marks = [tip(way.at(0.0 if backward else 1.0), not backward, pen)]
    if way.back is not None:  # where a line runs back to the next row, its direction is pointed out
        marks.append(tip(way.at(way.back), backward, 1.4 * pen))
    if backward:
        alpha = 1.0 if state == "paid" else 0.75
        width = theme.EDGE + 0.6 if state == "paid" else 2.0
        line = stretch(way, 1.0, inset(way, pen))
        return Part(
            Ink(line, stroke=colours.gradient, width=width * pen, stroke_alpha=alpha, dash=dashes(way)),
            *(Ink(mark, fill=colours.gradient, fill_alpha=alpha) for mark in marks),
        )
    colour = colours.value if state == "value" else colours.idle
    width = theme.EDGE if state == "value" else 2.2
    return Part(
        Ink(stretch(way, 0.0, 1.0 - inset(way, pen)), stroke=colour, width=width * pen, stroke_alpha=0.9),
        *(Ink(mark, fill=colour, fill_alpha=0.9) for mark in marks),
    )


# what travels

GAP = 0.10  # between the picture and the text of a parcel


class Parcel(Part):
    """A value or a share on its way: a grid or a number on a small plate, which can stretch or shrink as it goes."""

    def __init__(
        self,
        colours: Colours,
        tone: str,
        first: Cells | str,
        text: str,
        then: Cells | None = None,
        then_text: str = "",
        scale: float = 1.0,
        odd: str = "",
    ) -> None:
        self.cell = theme.PARCEL_CELL * scale
        size = max(theme.SMALLEST, 0.25 * scale)
        self.size_of_type = size
        colour = getattr(colours, tone)
        border = colours.nonfinite if odd else colour
        self.plated = (0.0, 0.0)  # how wide and high the plate now is, without its border
        self.plate = Ink(card_points(1, 1, 0.1), fill=colours.background, fill_alpha=0.94, stroke=border, width=2.6)
        self.squares: list[Ink] = []
        self.sides: list[float] = []  # of the squares, as parts of a cell
        self.first = first
        self.then = then
        large = first
        if isinstance(first, Cells) and then is not None and then.rows * then.columns > first.rows * first.columns:
            large = then
        if isinstance(large, Cells):
            for strength, bad in zip(large.strength, large.odd, strict=True):
                side, alpha = weight(strength, bad)
                self.sides.append(side)
                self.squares.append(Ink(SQUARE, fill=colours.nonfinite if bad else colour, fill_alpha=alpha))
        self.large = large
        ink = toned(text, colours.ink, colours)
        self.texts = [words(text, size, ink, (0.0, 0.0), anchor="left", bold=isinstance(first, str))]
        if then is not None:
            self.texts.append(words(then_text, size, colours.ink, (0.0, 0.0), anchor="left"))
        self.wide = [one.extent[2] for one in self.texts]
        word = odd if isinstance(first, Cells) else ""  # a number says it itself
        self.word = words(word, size, colours.nonfinite, (0.0, 0.0), anchor="left", bold=True)
        super().__init__(self.plate, *self.squares, *self.texts, self.word)

    @property
    def room(self) -> tuple[float, float]:
        """How wide and high it becomes, at scale 1."""
        forms = [self._size(form) for form in (self.first, self.then) if form is not None]
        wide = [w + text + (GAP if w and text else 0.0) for (w, _), text in zip(forms, self.wide, strict=True)]
        word = self.word.shape.high[0] + GAP if self.word.text else 0.0
        return max(wide) + word + 0.22, max(self.size_of_type, *(high for _, high in forms)) + 0.18

    def pose(self, x: float, y: float, turned: float = 0.0, strength: float = 1.0, scale: float = 1.0) -> None:
        """Puts the parcel at a place, `turned` of the way from its first to its second form."""
        start = self._size(self.first)
        stop = self._size(self.then) if self.then is not None else start
        grid_w, grid_h = (start[k] + (stop[k] - start[k]) * turned for k in (0, 1))
        last = len(self.wide) - 1
        text_w = self.wide[0] + (self.wide[last] - self.wide[0]) * turned
        word_w = self.word.shape.high[0] + GAP if self.word.text else 0.0
        wide = grid_w + text_w + (GAP if grid_w and text_w else 0.0) + word_w
        high = max(grid_h, self.size_of_type)
        if (wide, high) != self.plated:
            self.plated = (wide, high)
            self.plate.shape = Shape(card_points(wide + 0.22, high + 0.18, 0.1))
        self.plate.place = (scale, x, y)
        left = -wide / 2
        if isinstance(self.large, Cells):
            for k, square in enumerate(self.squares):
                row, column = divmod(k, self.large.columns)
                a = self._place(self.first, row, column, start)
                b = self._place(self.then, row, column, stop) if self.then is not None else a
                right, up = (p + (q - p) * turned for p, q in zip(a, b, strict=True))
                middle = (x + (right + left + grid_w / 2) * scale, y + up * scale)
                square.place = (self.cell * self.sides[k] * scale, *middle)
        at = left + (grid_w + GAP if grid_w else 0.0)
        for k, text in enumerate(self.texts):
            seen = 1.0 if last == 0 else float(np.clip(2 * turned - 1, 0, 1) if k else np.clip(1 - 2 * turned, 0, 1))
            text.place = (scale, x + at * scale, y - lettering.cap_height(self.size_of_type) / 2 * scale)
            text.strength(strength * seen)
        self.word.place = (
            scale,
            x + (at + (text_w + GAP if text_w else 0.0)) * scale,
            y - lettering.cap_height(self.size_of_type) / 2 * scale,
        )
        self.word.strength(strength)
        self.plate.strength(strength)
        for square in self.squares:
            square.strength(strength)

    def _size(self, form: Cells | str | None) -> tuple[float, float]:
        return grid_size(form, self.cell) if isinstance(form, Cells) else (0.0, 0.0)

    def _place(self, form: Cells | str | None, row: int, column: int, size: tuple[float, float]) -> tuple[float, float]:
        if not isinstance(form, Cells):
            return 0.0, 0.0
        row, column = min(row, form.rows - 1), min(column, form.columns - 1)
        return (column + 0.5) * self.cell - size[0] / 2, size[1] / 2 - (row + 0.5) * self.cell


def pointer(text: str, box: Box, colours: Colours) -> Part:
    """A ring around what is in a box, with a number at its upper right."""
    radius = 0.5 * max(box.width, box.height) + 0.08
    if max(box.width, box.height) > 0.6:
        ring = card_points(box.width + 0.14, box.height + 0.14, 0.2, (box.x, box.y))
        at = (box.x + box.width / 2 + 0.02, box.y + box.height / 2 + 0.02)
    else:
        ring = circle_points(radius, (box.x, box.y))
        at = (box.x + 0.7071 * radius + 0.12, box.y + 0.7071 * radius + 0.12)
    return Part(
        Ink(ring, stroke=colours.ink, width=3.0),
        Ink(circle_points(0.17, at), fill=colours.ink),
        words(text, theme.SMALLEST, colours.background, at, bold=True),
    )


# the frame around the graph


def panel(colours: Colours) -> Part:
    """The plate that the captions lie on."""
    points = card_points(theme.GRAPH_WIDTH, theme.PANEL_HEIGHT, 0.16, (0.0, theme.PANEL_MIDDLE))
    return Part(Ink(points, fill=colours.panel))


def title(number: str, text: str, tone: str, colours: Colours) -> Part:
    """The name of a phase, top left, with its number in a disc."""
    x, y = -theme.GRAPH_WIDTH / 2, theme.TOP
    colour = getattr(colours, tone)
    return Part(
        Ink(circle_points(0.24, (x + 0.24, y)), fill=colour),
        words(number, 0.32, colours.background, (x + 0.24, y), bold=True),
        words(text, theme.TITLE, colours.ink, (x + 0.64, y), anchor="left", bold=True),
    )


def title_width(text: str) -> float:
    """How much of the top line a title takes."""
    return 0.64 + lettering.width(text, theme.TITLE, True)


def expression(text: str, room: float, colours: Colours) -> Part:
    """What is computed, top right, as large as there is room."""
    size = next((size for size in (0.32, 0.29, 0.26) if lettering.width(text, size) <= room), 0.26)
    text = lettering.middle_out(text, size, room)
    return Part(words(text, size, colours.muted, (theme.GRAPH_WIDTH / 2, theme.TOP), anchor="right"))


KINDS = {"shape": "reshaping", "linalg": "linear algebra", GROUP: "several ops"}  # other categories are words already


def key(categories: Sequence[str], keeps: bool, pictures: bool, order: bool, colours: Colours) -> Part:
    """What the marks in the graph mean, in one line where the tape will be; the last categories if there is room."""
    y, high, gap = theme.TAPE_MIDDLE, 0.26, 0.34
    signs: list[tuple[str, str, float]] = [("root", "result", high)]
    signs += [("pin", "kept for backward", 2 * PIN)] if keeps else []
    signs += [("grid", "larger: farther from 0", 2 * theme.PARCEL_CELL)] if pictures else []
    ordered = ("order", "operands", lettering.width("1, 2", theme.SMALLEST))
    kinds = [(category, KINDS.get(category, category), high) for category in categories]

    def wide(entry: tuple[str, str, float]) -> float:
        return entry[2] + 0.09 + lettering.width(entry[1], theme.SMALLEST)

    while kinds and sum(map(wide, kinds + signs)) + gap * (len(kinds + signs) - 1) > theme.GRAPH_WIDTH:
        kinds.pop()
    if order and sum(map(wide, [*kinds, *signs, ordered])) + gap * len(kinds + signs) <= theme.GRAPH_WIDTH:
        signs.insert(1, ordered)
    inks: list[Ink | Part] = []
    x = -theme.GRAPH_WIDTH / 2
    for entry in kinds + signs:
        sign, text, across = entry
        middle = (x + across / 2, y)
        if sign == "grid":
            inks.append(
                grid(Cells(2, 2, (1.0, 0.3, 0.6, 0.0), (False,) * 4), colours, "value", theme.PARCEL_CELL, (x, y))
            )
        elif sign == "order":
            inks.append(words("1, 2", theme.SMALLEST, colours.ink, (x, y), anchor="left"))
        elif sign == "pin":
            inks.append(Ink(circle_points(PIN, middle), fill=colours.value))
        elif sign == "root":
            inks += [Ink(circle_points(r, middle), stroke=colours.value, width=1.8) for r in (0.5 * high, 0.3 * high)]
        else:
            shape = polygon(outline(sign, across, high) + middle)
            inks.append(Ink(shape, fill=colours.panel, stroke=colours.value, width=2.0))
        inks.append(words(text, theme.SMALLEST, colours.muted, (x + across + 0.09, y), anchor="left"))
        x += wide(entry) + gap
    return Part(*inks)


TAPE_LABELS = ("recorded →", "replayed ←")


@dataclass(frozen=True, slots=True)
class Tape:
    """Where the chips of the tape lie, and how much is written on them."""

    left: float
    pitch: float
    texts: tuple[str, ...]


def tape(names: Sequence[tuple[str, ...]]) -> Tape:
    """The tape for ops that can be called by any of several names, longest first.

    All have the longest if it fits, else each the longest of its own that does.
    """
    left = -theme.GRAPH_WIDTH / 2 + 1.12
    room = theme.GRAPH_WIDTH / 2 - left
    pitch = min(2.3, room / max(len(names), 1))

    def fits(text: str, ticked: bool = True) -> bool:
        return lettering.width(f"✓ {text}" if ticked else text, theme.SMALLEST, True) <= pitch - 0.17

    if all(fits(options[0]) for options in names):
        return Tape(left, pitch, tuple(options[0] for options in names))
    # With no room for a tick beside the shortest name, the tick takes its place.
    last = all(fits(options[-1], False) for options in names)
    texts = (next((text for text in options[1:] if fits(text)), options[-1] if last else "") for options in names)
    return Tape(left, pitch, tuple(texts))


def chip(where: Tape, k: int, state: str, colours: Colours) -> Part:
    """The k-th chip of the tape: "recorded", "running" or "ran"."""
    gap = min(0.12, 0.25 * where.pitch)
    x = where.left + (k + 0.5) * where.pitch
    points = card_points(where.pitch - gap, theme.TAPE_HEIGHT, 0.1, (x, theme.TAPE_MIDDLE))
    text = where.texts[k]
    colour, ink = {"running": (colours.gradient, colours.background), "ran": (colours.done, colours.done)}.get(
        state, (colours.idle, colours.ink)
    )
    if state == "ran" and text:
        ticked = f"✓ {text}"
        text = ticked if lettering.width(ticked, theme.SMALLEST) <= where.pitch - gap - 0.05 else "✓"
    inks = [Ink(points, fill=colours.gradient if state == "running" else colours.panel, stroke=colour, width=1.6)]
    if text:
        inks.append(words(text, theme.SMALLEST, ink, (x, theme.TAPE_MIDDLE), bold=state == "running"))
    return Part(*inks)


def tape_label(text: str, tone: str, colours: Colours) -> Part:
    """What the tape is, at its left end."""
    return Part(
        words(
            text,
            theme.SMALLEST,
            getattr(colours, tone),
            (-theme.GRAPH_WIDTH / 2 + 0.04, theme.TAPE_MIDDLE),
            anchor="left",
        )
    )


def veil(colours: Colours, alpha: float) -> Ink:
    """A film of background over the whole graph and its tape."""
    top, bottom = theme.GRAPH_TOP + 0.12, theme.PANEL_MIDDLE + theme.PANEL_HEIGHT / 2
    return Ink(
        card_points(theme.FRAME_WIDTH + 1, top - bottom, 0.0, (0.0, (top + bottom) / 2)),
        fill=colours.background,
        fill_alpha=alpha,
    )


def mask(colours: Colours) -> Part:
    """What lets a graph that is wider than the frame fade out before the frame ends."""
    high = theme.GRAPH_TOP - theme.GRAPH_BOTTOM + 0.24
    middle = (theme.GRAPH_TOP + theme.GRAPH_BOTTOM) / 2
    edge_of_view, steps, step = theme.GRAPH_WIDTH / 2, 6, 0.09
    inks = []
    for side in (-1, 1):
        bars = [(edge_of_view + 1.0, 2.0, 1.0)]
        bars += [(edge_of_view - (k + 0.5) * step, step, 1 - (k + 1) / (steps + 1)) for k in range(steps)]
        for x, wide, alpha in bars:
            corners = card_points(wide, high, 0.0, (side * x, middle))
            inks.append(Ink(corners, fill=colours.background, fill_alpha=alpha))
    return Part(*inks)
