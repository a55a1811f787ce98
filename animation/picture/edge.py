"""An edge: its course from shape to shape, its line, its dashes and its arrow."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from grad_engine.draw.layout import Route, arc_length_table, point_at, rounded

from .. import theme
from ..render.primitives import Part, Points, Primitive, Shape
from .shapes import line_points, polygon

# edges

LONG_RUN = 1.5  # of a line to the left: then it leads to the next row


@dataclass(frozen=True, eq=False)
class Curve:
    """The way between two things that are drawn, in forward direction, from shape to shape."""

    table: Points  # fraction of the length, x, y, z
    length: float

    def at(self, fraction: float) -> tuple[float, float]:
        """The place at a fraction of the way."""
        place = point_at(self.table, [fraction])[0]
        return float(place[0]), float(place[1])

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


def curve(route: Route, start: float, stop: float) -> Curve:
    """A route with round corners that begins at the x of `start` and ends at the x of `stop`."""
    places = (
        [(start, route[0][1]), *route[1:-1], (stop, route[-1][1])]
        if len(route) > 2
        else [(start, route[0][1]), (stop, route[-1][1])]
    )
    table = arc_length_table(rounded(places, theme.CORNER))
    steps = np.diff(table[:, 1:], axis=0)
    return Curve(table, float(np.hypot(steps[:, 0], steps[:, 1]).sum()))


def straight(start: tuple[float, float], stop: tuple[float, float]) -> Curve:
    """A straight way."""
    return Curve(arc_length_table(line_points([start, stop])), float(np.hypot(stop[0] - start[0], stop[1] - start[1])))


def stretch(way: Curve, start: float, stop: float) -> Shape:
    """The part of a path between two fractions of its length; backward if `stop` is the smaller."""
    low, high = min(start, stop), max(start, stop)
    inside = way.bends[(way.bends > low) & (way.bends < high)]
    places = point_at(way.table, np.concatenate([[low], inside, [high]]))
    return Shape(places if start <= stop else places[::-1], corners=True)


def dashes(way: Curve, shown: float = 1.0) -> tuple[float, ...]:
    """The dashes of a path, with one at each end; of `shown` of it, from where it begins, and then no more."""
    dash, gap = 0.13, 0.09
    many = max(1, round((way.length + gap) / (dash + gap)))
    pitch = (way.length + gap) / many
    long = pitch * dash / (dash + gap)
    if shown >= 1.0:
        return long, pitch - long
    whole, rest = divmod(max(shown, 0.0) * way.length, pitch)
    return *((long, pitch - long) * int(whole)), min(rest, long), way.length + pitch


def tip(way: Curve, fraction: float, backward: bool, pen: float) -> Points:
    """The point of an arrow on a way, its sharp end at a fraction of it."""
    size = theme.TIP * pen
    near = min(1.0, max(0.0, fraction + 0.01 if backward else fraction - 0.01))
    (x, y), (u, v) = way.at(fraction), way.at(near)
    length = float(np.hypot(x - u, y - v)) or 1.0
    c, s = (x - u) / length, (y - v) / length  # the direction in which it points
    corners = [(0.0, 0.0), (-size, 0.42 * size), (-0.8 * size, 0.0), (-size, -0.42 * size)]
    return polygon([(x + a * c - b * s, y + a * s + b * c) for a, b in corners])


def under_tip(way: Curve, pen: float) -> float:
    """The fraction of a path that lies under the point of its arrow."""
    return min(0.5, 0.6 * theme.TIP * pen / way.length)


DOUBLE = 1.3  # width of a double line, in that of a single one
BETWEEN = 0.42  # of its width lies between the two


def line(
    way: Curve, colour: str, width: float, *, backward: bool = False, dashed: bool = False, between: str = ""
) -> Part:
    """A line along a way with the point of its arrow at the end that it leads to.

    With a colour `between` it is a double line.
    """
    pen = max(1.0, width / theme.PATH * 1.5)
    marks = [tip(way, 0.0 if backward else 1.0, backward, pen)]
    if way.back is not None:  # where a line runs back to the next row, its direction is pointed out
        marks.append(tip(way, way.back, backward, 1.4 * pen))
    under = under_tip(way, pen)
    course = stretch(way, 1.0, under) if backward else stretch(way, 0.0, 1.0 - under)
    if between:
        return Part(
            Primitive(course, stroke=colour, width=width * DOUBLE),
            Primitive(course, stroke=between, width=width * DOUBLE * BETWEEN),
            *(Primitive(mark, fill=colour) for mark in marks),
        )
    return Part(
        Primitive(course, stroke=colour, width=width, dash=dashes(way) if dashed else ()),
        *(Primitive(mark, fill=colour) for mark in marks),
    )
