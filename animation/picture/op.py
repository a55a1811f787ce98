"""An op: its shape with the symbol in it, its number above, its result's name and shape below."""

from __future__ import annotations

from dataclasses import dataclass

from grad_engine.draw.glyph import SHAPES, outline, reach
from grad_engine.draw.layout import Box
from grad_engine.draw.palette import Palette as Colours
from grad_engine.folding.groups import GROUP
from grad_engine.story.values import Cells

from .. import theme
from ..render.primitives import Part, Primitive
from .detail import Look
from .shapes import circle_points, polygon
from .tensor import badge, badge_size, grid
from .text import shortened, text_width, toned, words

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
    wide = text_width(view.symbol, _symbol_size(view, look), True)
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
    return max(text_width(port, look.small) for port in view.ports) + 0.08 * look.scale


def _label(label: Label, view: OpView, look: Look) -> tuple[str, float]:
    """What is written below an op, and how much room its picture takes before it."""
    whole = f"{label.name} {label.face}" if label.name else label.face
    if look.detail == 2:
        room = shape_size(view, look)[0] + 0.30 * look.scale
        if text_width(whole, look.small) <= room:
            return whole, 0.0
        # A name that was given says more than a shape, and a shape more than a number that stands above as well.
        return (shortened(label.name, look.small, room) if label.name[:1] not in ("", "#") else label.face), 0.0
    return whole, 0.0 if label.cells is None else label.cells.columns * theme.CELL * look.scale + 0.08


def _margin(view: OpView, look: Look) -> float:
    """How much of the box of an op lies above its shape, and as much below, for what is written there."""
    if look.detail >= 2:
        return look.line
    not_finite = view.label.badge or (view.gradient is not None and view.gradient.badge)
    return (
        0.75 * badge_size("NaN", look)[1] if not_finite and look.detail else 0.0
    )  # the rest lies on the edge of the shape


def _label_width(view: OpView, look: Look) -> float:
    tag = text_width(f"{'◉ ' if view.central else ''}✓ {view.tag}", look.small, True)
    widest = tag
    for label in (view.label, view.gradient):
        if label is not None:
            text, icon = _label(label, view, look)
            above = tag + text_width(label.badge, look.small, True) + 0.30 if label.badge else tag
            if any(view.ports):  # it may not reach over the ports, on the left of the shape
                above = max(above, 2 * above - shape_size(view, look)[0])
            widest = max(widest, above, text_width(text, look.small) + icon)
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
    primitives: list[Primitive | Part] = []
    tones = {"made": colours.value, "quiet": colours.idle, "waiting": colours.idle, "ran": colours.done}
    edge = tones.get(state, colours.gradient)
    if state == "running":
        for wide, alpha in ((22.0, 0.10), (14.0, 0.14)):
            halo = Primitive(
                polygon(shape + (x, y)), stroke=colours.gradient, width=wide * look.pen, stroke_alpha=alpha
            )
            primitives.append(halo)
    if view.category == GROUP:  # a pile of sheets
        for k in range(SHEETS, 0, -1):
            sheet = polygon(shape + (x + SHEET * k * look.scale, y + SHEET * k * look.scale))
            primitives.append(Primitive(sheet, fill=colours.background, stroke=edge, width=1.6 * look.pen))
    primitives.append(
        Primitive(
            polygon(shape + (x, y)),
            fill=colours.panel,
            stroke=edge,
            width=look.pen * (theme.BOLD if state == "running" else theme.OUTLINE),
        )
    )
    grow = 2 * _root_room(view, look)
    if view.root and look.detail:
        around = "leaf" if view.category in ("joining", "indexing") else view.category
        primitives.append(
            Primitive(polygon(outline(around, width + grow, height + grow) + (x, y)), stroke=edge, width=1.8)
        )
    if view.central and look.detail < 2:
        ring = outline(view.category, width + 2 * RING, height + 2 * RING) + (x, y)
        primitives.append(Primitive(polygon(ring), stroke=colours.ink, width=1.8))
    paint = colours.ink
    if look.detail:
        place = (x + _inside(view.category, width, height), y)
        primitives.append(words(view.symbol, _symbol_size(view, look), paint, place, bold=True))
    # What an op shows is its value, and its gradient once that is complete; a badge speaks of what is shown.
    known = state in ("ready", "running", "ran") and view.gradient is not None
    label = view.gradient if known and view.gradient is not None else view.label
    if look.detail < 2:
        if label.badge and look.detail:
            below = y - (height + grow) / 2 - _margin(view, look) / 3
            primitives.append(badge(label.badge.split(" ")[0], look, colours, (x, below)))
        return Part(*primitives)
    off = (height + grow) / 2 + look.line * 0.52
    clear = 0.05 * look.scale  # from the outline, for what is higher than a line of text: a boxed word, a bar
    above, below = y + off + (clear if label.badge else 0.0), y - off - clear
    tag = f"✓ {view.tag}" if state == "ran" else count or view.tag
    tone = colours.done if state == "ran" else colours.gradient if count else colours.muted
    if view.central and not count:
        tag, tone = f"◉ {tag}", colours.ink
    if label.badge:
        wide = text_width(label.badge, look.small, True) + 0.22
        tag_wide = text_width(tag, look.small, bool(count)) + 0.08
        left = x - (wide + tag_wide) / 2
        if any(view.ports):
            left = max(left, x - width / 2)
        primitives.append(words(tag, look.small, tone, (left, above), anchor="left", bold=bool(count)))
        primitives.append(badge(label.badge, look, colours, (left + tag_wide + wide / 2, above)))
    else:
        primitives.append(words(tag, look.small, tone, (x, above), bold=bool(count)))
    text, icon = _label(label, view, look)
    left = x - (text_width(text, look.small) + icon) / 2
    tone = "gradient" if known else "value" if state == "made" else "muted"
    if icon and label.cells is not None:
        primitives.append(grid(label.cells, colours, tone, theme.CELL * look.scale, (left, below)))
    colour = toned(text, getattr(colours, tone), colours)
    primitives.append(words(text, look.small, colour, (left + icon, below), anchor="left"))
    pin = colours.value if state == "made" else colours.gradient if state == "running" else colours.idle
    for slot in view.kept:
        high = port_y(slot, view.slots, box) - y
        primitives.append(
            Primitive(
                circle_points(PIN * look.scale, (x + reach(shape, high, "left") + 1.7 * PIN * look.scale, y + high)),
                fill=pin,
            )
        )
    if view.keeps_result:
        primitives.append(
            Primitive(circle_points(PIN * look.scale, (x + width / 2 - 1.7 * PIN * look.scale, y)), fill=pin)
        )
    for slot, port in enumerate(view.ports):
        if port and port_room(view, look):
            height_here = port_y(slot, view.slots, box)
            above = min(0.15 * max(look.scale, 1.0), 0.5 * box.height / (view.slots + 1))  # between two lines
            place = (x - width / 2 - 0.05, height_here + above)
            primitives.append(words(port, look.small, colours.muted, place, anchor="right"))
    return Part(*primitives)


def port_y(slot: int, slots: int, box: Box) -> float:
    """How high the port of a slot is."""
    return box.y + box.height / 2 - box.height * (slot + 1) / (slots + 1)
