"""A callout: the numbers of an op on a plate in a free place beside it, where not all ops have room for theirs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from grad_engine.draw.layout import Box
from grad_engine.draw.palette import Palette as Colours

from .. import theme
from ..render.primitives import Part, Points, Primitive
from .shapes import card_points, line_points
from .text import text_width, toned, words

GRID = 0.05  # between the places that are tried
CLEAR = 0.05  # between a plate and what it must not cover
NEAR = 0.16  # a plate that is so close to its op needs no line to it
ON_LINES = 0.02  # of a unit of distance, for each point of a line that a plate covers
AMBIGUOUS = 0.25  # of distance, for a place that is as close to something else
FARTHEST = 3.2


def size_of(texts: Sequence[str]) -> tuple[float, float]:
    """How wide and high the plate of some lines is."""
    return max(text_width(text, theme.SMALLEST, True) for text in texts) + 0.20, theme.LINE * len(texts) + 0.08


def free_place(
    size: tuple[float, float],
    about: Box,
    solid: Iterable[theme.Zone],
    lines: Points,
    zone: theme.Zone,
    farthest: float = FARTHEST,
) -> tuple[float, float] | None:
    """The middle of a plate as near to `about` as there is room, on nothing solid; None where there is none.

    lines: points of the edges, (n, 2), of which it covers few. zone: what it stays in. farthest: how far from `about`.
    """
    half = np.array(size) / 2
    xs = np.arange(zone[0] + half[0], zone[2] - half[0] + 1e-9, GRID)
    ys = np.arange(zone[1] + half[1], zone[3] - half[1] + 1e-9, GRID)
    places = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
    own = (about.x - about.width / 2, about.y - about.height / 2, about.x + about.width / 2, about.y + about.height / 2)
    away = _apart(places, half, np.array([own]))[:, 0]
    places = places[(away <= farthest) & (away > CLEAR)]
    others = np.array([*solid]).reshape(-1, 4)
    gaps = _apart(places, half, others) if len(others) else np.full((len(places), 1), np.inf)
    places, gaps = places[(gaps > CLEAR).all(axis=1)], gaps[(gaps > CLEAR).all(axis=1)]
    if not len(places):
        return None
    away = _apart(places, half, np.array([own]))[:, 0]
    cost = away + 0.3 * np.hypot(*(places - (about.x, about.y)).T)
    cost += AMBIGUOUS * (gaps.min(axis=1) < away + 2 * CLEAR)  # it could be of something else
    near = lines[(np.abs(lines - (about.x, about.y)) < FARTHEST + 2).all(axis=1)] if len(lines) else lines
    best = np.argsort(cost, kind="stable")[:400]
    if len(near):
        covered = (np.abs(places[best, None] - near) < half).all(axis=2).sum(axis=1)
        best = best[np.argsort(cost[best] + ON_LINES * covered, kind="stable")]
    x, y = places[best[0]]
    return float(x), float(y)


def _apart(places: Points, half: Points, boxes: Points) -> Points:
    """How far plates at some places are from boxes, (places, boxes); 0 and less where they touch."""
    low, high = boxes[:, :2] - half, boxes[:, 2:] + half
    gaps = np.maximum(low - places[:, None], places[:, None] - high)
    outside = np.hypot(*np.moveaxis(np.maximum(gaps, 0.0), 2, 0))
    return np.where((gaps > 0).any(axis=2), outside, gaps.max(axis=2))


def callout(texts: Sequence[tuple[str, str]], at: tuple[float, float], about: Box, edge: str, colours: Colours) -> Part:
    """A plate with lines of text, each with its colour, and where it is not close to its op a line to it."""
    wide, high = size_of([text for text, _ in texts])
    x, y = at
    found = []
    ends = []
    for middle, half, other in ((about.x, about.width / 2, x), (about.y, about.height / 2, y)):
        ends.append(min(max(other, middle - half), middle + half))
    start = (min(max(ends[0], x - wide / 2), x + wide / 2), min(max(ends[1], y - high / 2), y + high / 2))
    if np.hypot(start[0] - ends[0], start[1] - ends[1]) > NEAR:
        found.append(Primitive(line_points([start, (ends[0], ends[1])]), stroke=edge, width=1.8))
    found.append(Primitive(card_points(wide, high, 0.08, at), fill=colours.background, stroke=edge, width=1.8))
    for k, (text, tone) in enumerate(texts):
        line = y + theme.LINE * ((len(texts) - 1) / 2 - k)
        found.append(words(text, theme.SMALLEST, toned(text, tone, colours), (x, line), bold=True))
    return Part(*found)
