"""Primitives: outlines in one colour, the only thing ever drawn. Moving, growing or fading one costs nothing."""

from __future__ import annotations

from functools import lru_cache

import cairo
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Colour = tuple[float, float, float]
Place = tuple[float, float, float]  # how many times as large, how far to the right, how far up
HERE: Place = (1.0, 0.0, 0.0)


class Shape:
    """Outlines as cubic Béziers, (4k, 3), or the corners of an open line, with their extent and their path in cairo."""

    __slots__ = ("corners", "high", "low", "path", "points")

    def __init__(self, points: Points, corners: bool = False) -> None:
        self.points = np.asarray(points, dtype=np.float64).reshape(-1, 3)
        self.corners = corners
        self.path: cairo.Path | None = None  # as cairo keeps it, once it has been drawn
        empty = not len(self.points)
        low, high = (self.points.min(axis=0), self.points.max(axis=0)) if not empty else (np.zeros(3), np.zeros(3))
        self.low: tuple[float, float] = (float(low[0]), float(low[1]))
        self.high: tuple[float, float] = (float(high[0]), float(high[1]))

    def trace(self, context: cairo.Context) -> None:
        """Adds the outlines to the path of a context. What ends where it began is closed."""
        if self.corners:
            places = self.points[:, :2].tolist()
            for k, (x, y) in enumerate(places):
                (context.line_to if k else context.move_to)(x, y)
            return
        last: list[float] | None = None
        first: list[float] = []
        pieces = self.points[:, :2].reshape(-1, 8).tolist()
        for piece in pieces:
            if last is None or abs(piece[0] - last[0]) + abs(piece[1] - last[1]) > 1e-6:
                if last is not None and abs(first[0] - last[0]) + abs(first[1] - last[1]) < 1e-6:
                    context.close_path()
                first = piece[:2]
                context.move_to(*first)
            context.curve_to(*piece[2:])
            last = piece[6:]
        if last is not None and abs(first[0] - last[0]) + abs(first[1] - last[1]) < 1e-6:
            context.close_path()


class Primitive:
    """A shape at a place, filled or stroked in one colour, with an opacity that can change."""

    __slots__ = ("alphas", "dash", "fill", "opacity", "place", "shape", "size", "stroke", "text", "width")

    def __init__(
        self,
        shape: Shape | Points,
        *,
        fill: str | None = None,
        fill_alpha: float = 1.0,
        stroke: str | None = None,
        width: float = 0.0,
        stroke_alpha: float = 1.0,
        dash: tuple[float, ...] = (),
        at: tuple[float, float] = (0.0, 0.0),
        text: str = "",
        size: float = 0.0,
    ) -> None:
        self.shape = shape if isinstance(shape, Shape) else Shape(shape)
        self.place: Place = (1.0, *at)
        self.fill = rgb(fill) if fill else None
        self.stroke = rgb(stroke) if stroke else None
        self.width = width if stroke else 0.0  # in hundredths of a unit
        self.alphas = (fill_alpha if fill else 0.0, stroke_alpha if stroke else 0.0)
        self.dash = dash  # how much of the line is drawn, left out, drawn, ...
        self.opacity = 1.0
        self.text = text  # what is written, and at which type size, so that tests can check what can be read
        self.size = size

    @property
    def points(self) -> Points:
        """The points of the shape where they are drawn."""
        scale, right, up = self.place
        return self.shape.points * scale + np.array([right, up, 0.0])

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """How far the points reach: left, bottom, right, top."""
        scale, right, up = self.place
        (x0, y0), (x1, y1) = self.shape.low, self.shape.high
        return x0 * scale + right, y0 * scale + up, x1 * scale + right, y1 * scale + up

    @property
    def state(self) -> tuple[object, ...]:
        """Everything that its look depends on: two equal states look the same."""
        return self.shape, self.place, self.opacity, self.dash

    def fade_to(self, opacity: float) -> None:
        """Sets the opacity, from 0 (invisible) to 1 (as it was made)."""
        self.opacity = opacity


class Part:
    """Several primitives that appear, move and vanish together."""

    __slots__ = ("primitives",)

    def __init__(self, *primitives: Primitive | Part) -> None:
        self.primitives: list[Primitive] = [
            one
            for primitive in primitives
            for one in (primitive.primitives if isinstance(primitive, Part) else (primitive,))
        ]

    @property
    def middle(self) -> tuple[float, float]:
        """The middle of all that is drawn."""
        extents = [primitive.extent for primitive in self.primitives if len(primitive.shape.points)]
        if not extents:
            return 0.0, 0.0
        left, bottom, right, top = zip(*extents, strict=True)
        return (min(left) + max(right)) / 2, (min(bottom) + max(top)) / 2

    @property
    def places(self) -> list[Place]:
        """Where each primitive is."""
        return [primitive.place for primitive in self.primitives]

    def fade_to(self, opacity: float) -> None:
        """Sets the opacity, from 0 (invisible) to 1 (as it was made)."""
        for primitive in self.primitives:
            primitive.opacity = opacity

    def put(self, rest: list[Place], scale: float, centre: tuple[float, float], to: tuple[float, float]) -> None:
        """Draws what was at `rest` `scale` times as large around `centre`, and then that centre at `to`."""
        for primitive, (size, right, up) in zip(self.primitives, rest, strict=True):
            primitive.place = (size * scale, (right - centre[0]) * scale + to[0], (up - centre[1]) * scale + to[1])


@lru_cache(maxsize=256)
def rgb(colour: str) -> Colour:
    """A colour like `#56B4E9` as three numbers from 0 to 1."""
    red, green, blue = (int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5))
    return red, green, blue
