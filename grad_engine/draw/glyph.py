"""The outline of every kind of thing that is drawn, as points: one shape per category, shared by all pictures.

Forward flows from left to right, so a shape that means a direction points or narrows to the right.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from grad_engine.errors import GradEngineError

Points = NDArray[np.float64]

ARC_POINTS = 8  # on a rounded corner
CIRCLE_POINTS = 32  # on each half of a circle


def outline(category: str, width: float, height: float, *, corner: float | None = None) -> Points:
    """The closed outline of a category's shape, (n, 2): y up, anticlockwise, centred, filling `width` by `height`.

    Leaf and constant are cards, arithmetic is a circle (a pill where it is wider than high), elementwise a hexagon,
    activation a chevron, reduction a trapezoid that narrows with the flow, linear algebra a square, shape a
    parallelogram, joining and indexing brackets that open to the side of the many, loss an octagon, several ops in one
    box a card, anything else a pentagon that points with the flow. The first point is not repeated. `corner` is the
    radius that rounds the corners: by default a fraction of the smaller side.

    Raises GradEngineError for a size that is not positive.
    """
    if not (0 < width < math.inf and 0 < height < math.inf):
        raise GradEngineError(f"outline() needs a positive width and height, not {width} and {height}: give the box's.")
    make, roundness = SHAPES.get(category, (_pentagon, 0.08))
    points = np.array(make(width, height))
    radius = roundness * min(width, height) if corner is None else corner
    return rounded_polygon(points, radius) if radius > 0 and roundness > 0 else points


def leans(category: str) -> bool:
    """Whether the sides of a category's shape slant or open, so that words in it need more width."""
    return SHAPES.get(category, (_pentagon, 0.08))[0] not in (_card, _circle)


def reach(points: Points, y: float, side: str) -> float:
    """The x at which the horizontal line at height `y` first meets the outline from its "left" or "right" side.

    Where the line passes above or below the outline, the x of the outline's nearest point counts.
    """
    y = float(np.clip(y, points[:, 1].min(), points[:, 1].max()))
    start, stop = points, np.roll(points, -1, axis=0)
    low, high = np.minimum(start[:, 1], stop[:, 1]), np.maximum(start[:, 1], stop[:, 1])
    met = (low <= y) & (y <= high)
    start, stop = start[met], stop[met]
    rise = stop[:, 1] - start[:, 1]
    level = rise == 0
    along = np.where(level, 0.0, (y - start[:, 1]) / np.where(level, 1.0, rise))
    x = np.concatenate([start[:, 0] + along * (stop[:, 0] - start[:, 0]), stop[level, 0]])
    return float(x.min() if side == "left" else x.max())


def rounded_polygon(points: Points, radius: float) -> Points:
    """The closed polygon with every corner replaced by an arc that touches its two sides, as more points.

    Next to a side that is too short for two arcs of `radius`, the arcs are as large as fits.
    """
    before, after = np.roll(points, 1, axis=0), np.roll(points, -1, axis=0)
    found: list[Points] = []
    for last, here, following in zip(before, points, after, strict=True):
        back, on = last - here, following - here
        long_back, long_on = float(np.hypot(*back)), float(np.hypot(*on))
        angle = math.acos(float(np.clip(back @ on / (long_back * long_on), -1.0, 1.0)))
        cut = min(radius / math.tan(angle / 2), 0.5 * long_back, 0.5 * long_on)
        # A quadratic Bézier with the corner as its handle: at a right angle within 6 % of the radius of a true arc.
        t = np.linspace(0.0, 1.0, ARC_POINTS)[:, None]
        first, final = here + back * (cut / long_back), here + on * (cut / long_on)
        found.append((1 - t) ** 2 * first + 2 * t * (1 - t) * here + t**2 * final)
    return np.concatenate(found)


def _card(width: float, height: float) -> Sequence[tuple[float, float]]:
    x, y = width / 2, height / 2
    return [(-x, -y), (x, -y), (x, y), (-x, y)]


def _circle(width: float, height: float) -> Points:
    radius = min(width, height) / 2
    turn = np.linspace(-math.pi / 2, math.pi / 2, CIRCLE_POINTS + 1)
    half = radius * np.column_stack([np.cos(turn), np.sin(turn)])
    away = np.array([width / 2 - radius, height / 2 - radius])
    if width < height:
        half = half @ np.array([[0.0, 1.0], [-1.0, 0.0]])
    elif width == height:
        half = half[:-1]  # the other half begins there
    return np.concatenate([half + away, -half - away])


def _hexagon(width: float, height: float) -> Sequence[tuple[float, float]]:
    x, y, cut = width / 2, height / 2, min(0.29 * height, 0.35 * width)
    return [(-x, 0.0), (cut - x, -y), (x - cut, -y), (x, 0.0), (x - cut, y), (cut - x, y)]


def _trapezoid(width: float, height: float) -> Sequence[tuple[float, float]]:
    x, y = width / 2, height / 2
    return [(-x, -y), (x, -0.5 * y), (x, 0.5 * y), (-x, y)]


def _parallelogram(width: float, height: float) -> Sequence[tuple[float, float]]:
    x, y, slant = width / 2, height / 2, min(0.28 * height, 0.4 * width)
    return [(-x, -y), (x - slant, -y), (x, y), (slant - x, y)]


def _joining(width: float, height: float) -> Sequence[tuple[float, float]]:
    x, y, thick = width / 2, height / 2, min(0.14 * height, 0.3 * width)
    mouth = min(0.24 * width, 0.3 * height) - x
    return [
        (-x, -y),
        (x, -y),
        (x, y),
        (-x, y),
        (-x, y - thick),
        (mouth, y - thick),
        (mouth, thick - y),
        (-x, thick - y),
    ]


def _indexing(width: float, height: float) -> Sequence[tuple[float, float]]:
    return [(-x, -y) for x, y in _joining(width, height)]


def _pentagon(width: float, height: float) -> Sequence[tuple[float, float]]:
    x, y, cut = width / 2, height / 2, min(0.32 * height, 0.4 * width)
    return [(-x, -y), (x - cut, -y), (x, 0.0), (x - cut, y), (-x, y)]


def _chevron(width: float, height: float) -> Sequence[tuple[float, float]]:
    x, y, cut = width / 2, height / 2, min(0.22 * height, 0.3 * width)
    return [(-x, -y), (x - cut, -y), (x, 0.0), (x - cut, y), (-x, y), (cut - x, 0.0)]


def _octagon(width: float, height: float) -> Sequence[tuple[float, float]]:
    x, y, cut = width / 2, height / 2, min(0.29 * height, 0.29 * width)
    return [
        (cut - x, -y),
        (x - cut, -y),
        (x, cut - y),
        (x, y - cut),
        (x - cut, y),
        (cut - x, y),
        (-x, y - cut),
        (-x, cut - y),
    ]


# category -> (corners, how round they are by default as a fraction of the smaller side; 0: has no corners)
SHAPES: dict[str, tuple[Callable[[float, float], Points | Sequence[tuple[float, float]]], float]] = {
    "leaf": (_card, 0.12),
    "constant": (_card, 0.3),
    "arithmetic": (_circle, 0.0),
    "elementwise": (_hexagon, 0.08),
    "activation": (_chevron, 0.06),
    "reduction": (_trapezoid, 0.08),
    "linalg": (_card, 0.06),
    "linear algebra": (_card, 0.06),
    "shape": (_parallelogram, 0.08),
    "loss": (_octagon, 0.06),
    "group": (_card, 0.2),
    "joining": (_joining, 0.05),
    "indexing": (_indexing, 0.05),
}
