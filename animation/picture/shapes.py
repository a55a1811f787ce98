"""Simple shapes as cubic Béziers: polygons, lines, circles, rectangles with round corners."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..render.primitives import Points, Shape


def polygon(corners: list[tuple[float, float]] | Points) -> Points:
    """A closed polygon as cubic Béziers, (4k, 3)."""
    start = np.zeros((len(corners), 3))
    start[:, :2] = np.asarray(corners)[:, :2]
    stop = np.roll(start, -1, axis=0)
    third = (stop - start) / 3
    return np.stack([start, start + third, stop - third, stop], axis=1).reshape(-1, 3)


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


UNIT_SQUARE = polygon([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)])
SQUARE = Shape(UNIT_SQUARE)


def line_points(places: Points | Sequence[tuple[float, float]]) -> Points:
    """An open line through places, as cubic Béziers."""
    corners = np.zeros((len(places), 3))
    corners[:, :2] = np.asarray(places, dtype=float)[:, :2]
    start, stop = corners[:-1], corners[1:]
    third = (stop - start) / 3
    return np.stack([start, start + third, stop - third, stop], axis=1).reshape(-1, 3)
