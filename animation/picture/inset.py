"""What every inset is made of: a box, what is drawn in it, and what grows as the seconds pass."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..render.primitives import Part, Points, Primitive, Shape
from .shapes import polygon

Act = Callable[[float], None]


class Box(NamedTuple):
    """A rectangle in scene units."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def wide(self) -> float:
        """Its width."""
        return self.right - self.left

    @property
    def high(self) -> float:
        """Its height."""
        return self.top - self.bottom


@dataclass(frozen=True, slots=True)
class Growth:
    """What changes between two moments, given as parts of a shot from 0 to 1."""

    start: float
    stop: float
    act: Act
    part: Part


@dataclass(frozen=True, slots=True)
class Drawn:
    """An inset: its parts in draw order, as they are in the end, and what grows. Parts without growth fade in."""

    parts: tuple[Part, ...]
    grow: tuple[Growth, ...] = ()


def rectangle(left: float, bottom: float, right: float, top: float) -> Points:
    """A rectangle as cubic Béziers."""
    return polygon([(left, bottom), (right, bottom), (right, top), (left, top)])


def bar(box: Box, fill: str, start: float, stop: float, from_side: str = "left") -> tuple[Part, Growth]:
    """A bar that grows from one of its sides: "left", "right", "bottom" or "top"."""
    primitive = Primitive(rectangle(*box), fill=fill)
    part = Part(primitive)
    whole = primitive.shape

    def act(u: float) -> None:
        left, bottom, right, top = box
        if from_side == "left":
            right = left + box.wide * u
        elif from_side == "right":
            left = right - box.wide * u
        elif from_side == "bottom":
            top = bottom + box.high * u
        else:
            bottom = top - box.high * u
        primitive.shape = whole if u >= 1 else Shape(rectangle(left, bottom, right, top))
        primitive.fade_to(1.0 if u > 0 else 0.0)

    return part, Growth(start, stop, act, part)


def drawn_line(
    places: Points | Sequence[tuple[float, float]], colour: str, width: float, start: float, stop: float
) -> tuple[Part, Growth]:
    """A line that is drawn from its first place to its last."""
    corners = np.zeros((len(places), 3))
    corners[:, :2] = np.asarray(places, dtype=float)[:, :2]
    primitive = Primitive(Shape(corners, corners=True), stroke=colour, width=width)
    part = Part(primitive)
    whole = primitive.shape
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(corners[:, :2], axis=0).T))])

    def act(u: float) -> None:
        reached = u * float(lengths[-1])
        k = int(np.searchsorted(lengths, reached, side="right"))
        if u >= 1 or k >= len(corners):
            primitive.shape = whole
        else:
            gap = float(lengths[k] - lengths[k - 1]) or 1.0
            tip = corners[k - 1] + (corners[k] - corners[k - 1]) * ((reached - float(lengths[k - 1])) / gap)
            primitive.shape = Shape(np.vstack([corners[:k], tip]), corners=True)
        primitive.fade_to(1.0 if u > 0 else 0.0)

    return part, Growth(start, stop, act, part)


def fading(part: Part, start: float, stop: float) -> Growth:
    """Lets a part appear."""
    return Growth(start, stop, part.fade_to, part)


def lengths_of(values: Sequence[float], room: float) -> list[tuple[float, float]]:
    """Bars from a common zero as (start, stop) within `room`, as long as their numbers; nothing for what is not finite.

    Zero is at the left; at the right where no number is positive; else where both sides fit.
    """
    finite = [value if math.isfinite(value) else 0.0 for value in values]
    high, low = max(0.0, *finite), min(0.0, *finite)
    if high <= 0 or low >= 0:
        finite, high, low = [abs(value) for value in finite], max(high, -low), 0.0
    span = (high - low) or 1.0
    zero = -low / span * room
    ends = [zero + value / span * room for value in finite]
    return [(min(zero, end), max(zero, end)) for end in ends]
