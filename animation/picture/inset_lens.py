"""The slope lens: the curve of an op, the point that was read, its tangent, and where the op has no value."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from grad_engine.draw.palette import Palette as Colours
from grad_engine.formula import number
from grad_engine.story.insets import Lens, LensPoint

from .. import theme
from ..render.primitives import Part, Points, Primitive
from .inset import Box, Drawn, Growth, drawn_line, fading
from .shapes import circle_points, line_points
from .text import cap_height, text_width, words

CURVE, TANGENT, AXIS = 3.6, 4.2, 1.6  # stroke widths
DOT = 0.09
HALF = 0.85  # length of a tangent to either side
FINE = 8  # places between two points of the record
FEWEST = 12  # points of the record that a window shows at least
STEEPEST = 3.0  # times the middle half of the heights that is shown beyond it
HATCH = 0.11  # between two lines of the hatching
TICK = 0.07  # to either side of the axis
AIR = 0.05

Extent = tuple[float, float, float, float]


def draw(inset: Lens, box: Box, colours: Colours, hues: Mapping[str, str]) -> Drawn:
    """Axes, curve, tangents and points; `inset.off` is hatched."""
    view = _View(inset, box)
    axes: list[Primitive] = []
    x, y = view.place(0.0, 0.0)
    if box.bottom <= y <= box.top:
        axes.append(Primitive(line_points([(box.left, y), (box.right, y)]), stroke=colours.idle, width=AXIS))
    if box.left <= x <= box.right:
        axes.append(Primitive(line_points([(x, box.bottom), (x, box.top)]), stroke=colours.idle, width=AXIS))
    ground = Part(*axes)
    parts: list[Part] = [ground]
    grow: list[Growth] = [fading(ground, 0.0, 0.1)]
    taken: list[Extent] = []
    hatching = [
        Primitive(line_points(some), stroke=colours.nonfinite, width=1.6)
        for stretch in inset.off
        for some in _hatching(view, stretch)
    ]
    if hatching:
        parts.append(Part(*hatching))
        grow.append(fading(parts[-1], 0.1, 0.3))
    along: list[Points] = [_between(np.array([box.left, y]), np.array([box.right, y])),
                           _between(np.array([x, box.bottom]), np.array([x, box.top]))]  # fmt: skip
    for piece in view.pieces():
        line, growth = drawn_line(piece, colours.value, CURVE, 0.08, 0.42)
        parts.append(line)
        grow.append(growth)
        along.append(piece)
    marks: list[tuple[LensPoint, tuple[float, float]]] = []
    for k, point in enumerate(inset.points):
        ends = view.tangent(point)
        begin = 0.5 + 0.14 * k
        if ends is not None:
            line, growth = drawn_line(ends, colours.gradient, TANGENT, begin, begin + 0.2)
            parts.append(line)
            grow.append(growth)
            along.append(_between(*ends))
        at = view.place(point.x, point.y)
        marks.append((point, at))
        taken.append((at[0] - DOT, at[1] - DOT, at[0] + DOT, at[1] + DOT))
        dot = Part(Primitive(circle_points(DOT), fill=colours.ink, at=at))
        parts.append(dot)
        grow.append(fading(dot, begin - 0.1, begin))
    for stretch in inset.off:
        left, right = (min(max(view.place(end, 0.0)[0], box.left), box.right) for end in stretch)
        taken.append((left, box.bottom, right, box.top))
    places = np.concatenate(along)
    for number_text, at_x in _ticks(inset):
        tick = view.place(at_x, 0.0)
        put = _free(number_text, theme.SMALLEST, False, _by(tick, number_text, box), box, places, taken)
        if put is not None:
            stroke = Primitive(line_points([(tick[0], tick[1] - TICK), (tick[0], tick[1] + TICK)]),
                               stroke=colours.muted, width=AXIS)  # fmt: skip
            label = Part(stroke, words(number_text, theme.SMALLEST, colours.muted, put))
            parts.append(label)
            grow.append(fading(label, 0.05, 0.2))
    if inset.off and inset.off_text:
        said = f"{inset.off_text}"
        put = _free(said, theme.SMALLEST, False, _corners(said, theme.SMALLEST, box), box, places, taken)
        if put is not None:
            label = Part(words(said, theme.SMALLEST, colours.nonfinite, put))
            parts.append(label)
            grow.append(fading(label, 0.24, 0.4))
    for k, (point, at) in enumerate(marks):
        put = _free(point.text, theme.BODY, True, _around(at), box, places, taken)
        if put is not None:
            label = Part(words(point.text, theme.BODY, colours.gradient, put, bold=True))
            parts.append(label)
            grow.append(fading(label, 0.66 + 0.14 * k, 0.78 + 0.14 * k))
    put = _free(inset.label, theme.BODY, False, _corners(inset.label, theme.BODY, box), box, places, taken)
    if put is not None:
        label = Part(words(inset.label, theme.BODY, colours.value, put))
        parts.append(label)
        grow.append(fading(label, 0.3, 0.45))
    return Drawn(tuple(parts), tuple(grow))


class _View:
    """Which part of the curve is shown, and where in the box."""

    def __init__(self, inset: Lens, box: Box) -> None:
        self.inset, self.box = inset, box
        known = [(x, y) for x, y in zip(self.at(), inset.y, strict=True) if y is not None]
        step = (inset.x[1] - inset.x[0]) / (len(inset.y) - 1)
        near = [0.0, *(point.x for point in inset.points)]
        low, high = min(near), max(near)
        margin = max(0.5 * (high - low), 0.25 * FEWEST * step)
        self.low, self.high = max(inset.x[0], low - margin), min(inset.x[1], high + margin)
        short = FEWEST * step - (self.high - self.low)
        if short > 0:
            self.low = max(inset.x[0], self.low - short / 2)
            self.high = min(inset.x[1], max(self.high, self.low + FEWEST * step))
        seen = sorted(y for x, y in known if self.low - step <= x <= self.high + step) or [0.0]
        first, third = seen[len(seen) // 4], seen[(3 * len(seen)) // 4]
        reach = STEEPEST * (third - first) or (seen[-1] - seen[0]) or 1.0
        must = [0.0, *(point.y for point in inset.points)]
        bottom = min(max(seen[0], first - reach), *must)
        top = max(min(seen[-1], third + reach), *must)
        pad = 0.10 * ((top - bottom) or 1.0)
        self.bottom, self.top = bottom - pad, top + pad

    def at(self) -> list[float]:
        """Where the heights of the curve belong."""
        low, high = self.inset.x
        last = len(self.inset.y) - 1
        return [low + (high - low) * k / last for k in range(last + 1)]

    def place(self, x: float, y: float) -> tuple[float, float]:
        """A point of the curve in the frame."""
        box = self.box
        return (
            box.left + (x - self.low) / (self.high - self.low) * box.wide,
            box.bottom + (y - self.bottom) / (self.top - self.bottom) * box.high,
        )

    def pieces(self) -> list[Points]:
        """The curve in the frame, cut where it has no value and where it leaves the box."""
        found: list[Points] = []
        run: list[tuple[float, float]] = []
        for x, y in [*zip(self.at(), self.inset.y, strict=True), (math.inf, None)]:
            if y is not None:
                run.append((x, y))
                continue
            if len(run) > 1:
                found += self.inside(smooth(run))
            run = []
        return found

    def inside(self, curve: Points) -> list[Points]:
        """The stretches of a curve within the box."""
        places = np.array([self.place(float(x), float(y)) for x, y in curve])
        box = self.box
        within = (
            (places[:, 0] >= box.left - 1e-9)
            & (places[:, 0] <= box.right + 1e-9)
            & (places[:, 1] >= box.bottom - 1e-9)
            & (places[:, 1] <= box.top + 1e-9)
        )
        edges = np.flatnonzero(np.diff(np.concatenate([[False], within, [False]]).astype(np.int8)))
        found = [places[a:b] for a, b in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)]
        return [some for some in found if len(some) > 1]

    def tangent(self, point: LensPoint) -> Points | None:
        """The ends of the tangent at a point; None where the slope is too steep to be drawn."""
        x, y = self.place(point.x, point.y)
        across = self.box.wide / (self.high - self.low)
        up = self.box.high / (self.top - self.bottom)
        dx, dy = across, point.slope * up
        length = math.hypot(dx, dy)
        if not math.isfinite(length) or not length:
            return None
        dx, dy = dx / length * HALF, dy / length * HALF
        gate = len({round(each.slope, 9) for each in self.inset.points}) > 1
        kink = self.place(0.0, 0.0)[0]
        ends = []
        for sign in (-1, 1):
            part = 1.0
            for start, step, low, high in (
                (x, sign * dx, self.box.left, self.box.right),
                (y, sign * dy, self.box.bottom, self.box.top),
            ):
                if step > 0:
                    part = min(part, (high - start) / step)
                elif step < 0:
                    part = min(part, (low - start) / step)
            if gate and dx and (x - kink) * (x + sign * dx - kink) < 0:  # the other side has another slope
                part = min(part, abs(x - kink) / abs(dx))
            ends.append((x + sign * dx * max(part, 0.0), y + sign * dy * max(part, 0.0)))
        return np.array(ends)


def smooth(run: Sequence[tuple[float, float]]) -> Points:
    """A curve through points without overshooting them (Fritsch and Carlson, 1980), FINE places for each."""
    x, y = (np.array(each, dtype=float) for each in zip(*run, strict=True))
    steps = np.diff(x)
    slopes = np.diff(y) / steps
    inner = slopes[:-1] * slopes[1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(inner > 0, 2 * inner / (slopes[:-1] + slopes[1:]), 0.0)
    ends = np.concatenate([slopes[:1], mean, slopes[-1:]])
    t = np.linspace(0.0, 1.0, FINE, endpoint=False)
    a, b = 2 * t**3 - 3 * t**2 + 1, t**3 - 2 * t**2 + t
    c, d = -2 * t**3 + 3 * t**2, t**3 - t**2
    heights = (
        np.outer(y[:-1], a) + np.outer(steps * ends[:-1], b) + np.outer(y[1:], c) + np.outer(steps * ends[1:], d)
    ).ravel()
    across = (x[:-1, None] + steps[:, None] * t).ravel()
    return np.stack([np.append(across, x[-1]), np.append(heights, y[-1])], axis=1)


def _hatching(view: _View, stretch: tuple[float, float]) -> list[list[tuple[float, float]]]:
    """Slanted lines over a stretch of the box."""
    box = view.box
    left = max(view.place(stretch[0], 0.0)[0], box.left)
    right = min(view.place(stretch[1], 0.0)[0], box.right)
    found: list[list[tuple[float, float]]] = []
    if right - left < HATCH:
        return found
    slant = 0.22 * box.high
    start = left - slant
    while start < right:
        ends = []
        for x, y in ((start, box.bottom), (start + slant, box.top)):
            ends.append((x, y))
        (x0, y0), (x1, y1) = ends
        rise = (y1 - y0) / (x1 - x0)
        if x0 < left:
            x0, y0 = left, y0 + (left - x0) * rise
        if x1 > right:
            x1, y1 = right, y1 - (x1 - right) * rise
        if x0 < x1:
            found.append([(x0, y0), (x1, y1)])
        start += HATCH
    return [*found, [(right, box.bottom), (right, box.top)]]


def _between(start: Points, stop: Points) -> Points:
    return np.linspace(start, stop, 80)


def _around(at: tuple[float, float]) -> list[tuple[float, float]]:
    """Places for a label about a point, the best first."""
    return [
        (at[0] + right, at[1] + up)
        for right, up in (
            (0.75, -0.32), (-0.75, 0.34), (0.95, 0.0), (-0.95, 0.0), (0.0, 0.38), (0.0, -0.38), (0.95, -0.6),
            (-0.95, 0.6), (0.8, 0.4), (-0.8, -0.4), (1.3, -0.3), (-1.3, 0.3), (0.0, 0.7), (0.0, -0.7),
        )
    ]  # fmt: skip


def _ticks(inset: Lens) -> list[tuple[str, float]]:
    """Numbers at the axis: the points that were read, then 0."""
    found: list[tuple[str, float]] = []
    for x in (*(point.x for point in inset.points), 0.0):
        if all(abs(x - other) > 1e-9 for _, other in found):
            found.append((number(x, 3), x))
    return found


def _by(tick: tuple[float, float], text: str, box: Box) -> list[tuple[float, float]]:
    """Places for the number of a tick: below the axis, above it, beside the tick."""
    up, side = cap_height(theme.SMALLEST) / 2 + AIR + TICK, text_width(text, theme.SMALLEST) / 2 + 2 * AIR
    x, y = tick
    return [(x + right, y + sign * up) for sign in (-1, 1) for right in (0.0, -side, side, 1.5 * side)]


def _corners(text: str, size: float, box: Box) -> list[tuple[float, float]]:
    """Places for a label at the border of the box, the lower left first."""
    half, line = text_width(text, size) / 2 + AIR, cap_height(size) / 2 + AIR
    low, high = ([side + sign * k * line for k in (1, 3, 5)] for side, sign in ((box.bottom, 1), (box.top, -1)))
    rows = (low[0], high[0], low[1], high[1], (box.top + box.bottom) / 2, low[2], high[2])
    columns = (box.left + half, box.right - half, (box.left + box.right) / 2)
    return [(x, y) for y in rows for x in columns]


def _free(
    text: str,
    size: float,
    bold: bool,
    places: Sequence[tuple[float, float]],
    box: Box,
    curves: Points,
    taken: list[Extent],
) -> tuple[float, float] | None:
    """The first of some places where a label lies in the box and on nothing; None where there is none."""
    half, line = text_width(text, size, bold) / 2 + AIR, cap_height(size) / 2 + AIR
    for x, y in places:
        x = min(max(x, box.left + half), box.right - half)
        left, right, bottom, top = x - half, x + half, y - line, y + line
        if bottom < box.bottom - AIR or top > box.top + AIR or right - left > box.wide:
            continue
        on_curve = (curves[:, 0] > left) & (curves[:, 0] < right) & (curves[:, 1] > bottom) & (curves[:, 1] < top)
        if on_curve.any() or any(left < b and a < right and bottom < d and c < top for a, c, b, d in taken):
            continue
        taken.append((left, bottom, right, top))
        return x, y
    return None
