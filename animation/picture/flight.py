"""How values move along the edges of a graph: as large as there is room for, and when, so that they cover nothing."""

from __future__ import annotations

import math
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
MOMENTS = 60  # at which two flights are compared
HOP = 0.02  # of a shot, by which a flight is put off until it is clear of the others
FEW = 6  # flights that can be kept apart
LONG = (0.83, 0.7, 0.58, 0.46, 0.36, 0.28)  # what is tried for a flight, as a part of the time for all


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


def timed(flights: Sequence[Flight], first: float, last: float) -> tuple[list[float], float]:
    """The start of each flight, in their order, and the length of all: the longest at which none touch."""
    best, fewest = ([first] * len(flights), last - first), math.inf
    for long in (last - first) * np.array(LONG if len(flights) > 1 else LONG[:1]):
        starts, met = spaced(flights, first, last, float(long))
        if met < fewest:
            best, fewest = (starts, float(long)), met
        if not met:
            break
    return best


def spaced(flights: Sequence[Flight], first: float, last: float, long: float) -> tuple[list[float], int]:
    """The starts of flights of this length, each as early as it touches none before it, and how often some touch."""
    if len(flights) > FEW:
        return np.linspace(first, last - long, len(flights)).tolist(), 0
    begun: list[float] = []
    total = 0
    moments = np.linspace(first, last, MOMENTS)
    for k, one in enumerate(flights):
        best, least = begun[-1] if begun else first, math.inf
        for start in np.arange(best, max(best, last - long) + HOP / 2, HOP):
            here = one.at((moments - start) / long)
            met = 0
            for other, at in zip(flights[:k], begun, strict=True):
                there = other.at((moments - at) / long)
                with np.errstate(invalid="ignore"):
                    apart = (here[:, 2:] + CLEAR < there[:, :2]) | (there[:, 2:] + CLEAR < here[:, :2])
                known = ~(np.isnan(here[:, 0]) | np.isnan(there[:, 0]))
                met += int((known & ~apart.any(axis=1)).sum())
            if met < least:
                best, least = float(start), met
            if not met:
                break
        begun.append(best)
        total += int(least)
    return begun, total
