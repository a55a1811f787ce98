"""How values move along the edges of a graph: as large as there is room for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grad_engine.draw.layout import Box, point_at

from ..render.primitives import Points
from .edge import Curve

STEPS = 48  # places of a way at which the room is measured
CLEAR = 0.05  # between what flies and anything else
LEAST = 0.45  # of its size is what something keeps where it passes others


@dataclass(frozen=True, slots=True)
class Flight:
    """A way, in the direction of flight, and how large what flies on it is drawn at each of its STEPS + 1 places."""

    places: Points  # (STEPS + 1, 2)
    scale: NDArray[np.float64]
    width: float  # at scale 1
    height: float

    def place(self, u: float) -> tuple[float, float]:
        """Where it is after a part `u` of the way."""
        steps = np.arange(STEPS + 1)
        x, y = (float(np.interp(u * STEPS, steps, some)) for some in self.places.T)
        return x, y

    def size(self, u: float) -> float:
        """How many times as large as it was made, after a part `u` of the way."""
        return float(np.interp(u * STEPS, np.arange(STEPS + 1), self.scale))

    def at(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Left, bottom, right and top of what flies after the parts `u` of the way, (n, 4); NaN before and after."""
        steps = np.arange(STEPS + 1)
        x, y, scale = (np.interp(u * STEPS, steps, some) for some in (*self.places.T, self.scale))
        x = np.where((u <= 0) | (u >= 1), np.nan, x)
        w, h = scale * self.width / 2, scale * self.height / 2
        return np.column_stack([x - w, y - h, x + w, y + h])


def along(way: Curve, backward: bool = False) -> Points:
    """The places of a flight along a way."""
    fractions = np.linspace(0, 1, STEPS + 1)
    return point_at(way.table, 1 - fractions if backward else fractions)[:, :2]


def flight(places: Points, size: tuple[float, float], ends: Sequence[Box], others: Sequence[Box]) -> Flight:
    """A flight by these places, clear of what lies at its `ends`, and smaller where it passes others.

    `size`: how wide and high is what flies, at scale 1.
    """
    scale = np.minimum(room(places, size, ends), np.maximum(room(places, size, others), LEAST))
    return Flight(places, scale, *size)


def room(places: Points, size: tuple[float, float], boxes: Sequence[Box]) -> NDArray[np.float64]:
    """The scale, at most 1, at which something of this size touches no box, in each place."""
    if not boxes:
        return np.ones(len(places))
    middle = np.array([(box.x, box.y) for box in boxes])
    half = np.array([(box.width / 2, box.height / 2) for box in boxes])
    free = (np.abs(places[:, None] - middle) - half - CLEAR) / (np.array(size) / 2)
    return np.clip(free.max(axis=2).min(axis=1), 0.0, 1.0)
