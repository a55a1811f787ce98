"""A tensor as a small grid of squares or as a matrix of numbers, and the badge of one that is not finite."""

from __future__ import annotations

import numpy as np

from grad_engine.draw.palette import Palette as Colours
from grad_engine.story.values import Cells, Matrix

from ..render.primitives import Part, Points, Primitive
from .detail import Look
from .shapes import UNIT_SQUARE, card_points, circle_points, line_points
from .text import cap_height, text_outline, text_width, words

# tensors


def grid(cells: Cells, colours: Colours, tone: str, cell: float, at: tuple[float, float], anchor: str = "left") -> Part:
    """A tensor as a small grid of squares; `at` is the middle of its left side (or its middle)."""
    width, height = grid_size(cells, cell)
    left = at[0] - (width / 2 if anchor == "middle" else 0.0)
    primitives: dict[tuple[str, float], list[Points]] = {}
    for k, (magnitude, not_finite) in enumerate(zip(cells.magnitude, cells.not_finite, strict=True)):
        row, column = divmod(k, cells.columns)
        centre = np.array([left + (column + 0.5) * cell, at[1] + height / 2 - (row + 0.5) * cell, 0.0])
        side, alpha = weight(magnitude, not_finite)
        colour = colours.nonfinite if not_finite else getattr(colours, tone)
        primitives.setdefault((colour, round(alpha, 2)), []).append(UNIT_SQUARE * (cell * side) + centre)
    return Part(
        *(
            Primitive(np.concatenate(squares), fill=colour, fill_alpha=alpha)
            for (colour, alpha), squares in primitives.items()
        )
    )


def weight(magnitude: float, not_finite: bool) -> tuple[float, float]:
    """The side of a number's square, as a part of its cell, and how opaque it is: the weakest can still be seen."""
    return (0.86, 1.0) if not_finite else (0.48 + 0.38 * magnitude, 0.76 + 0.24 * magnitude)


def grid_size(cells: Cells, cell: float) -> tuple[float, float]:
    """How wide and high a grid is."""
    return cells.columns * cell, cells.rows * cell


def numbers_size(matrix: Matrix, size: float) -> tuple[float, float]:
    """How wide and high a matrix of numbers is."""
    rows = max(len(matrix.rows), 1)
    inside = sum(_column_widths(matrix, size)) + 0.55 * size * max(_columns(matrix) - 1, 0)
    return inside + 0.9 * size, rows * 1.12 * size + (0.54 * size if matrix.more_below else 0.0)


def numbers(matrix: Matrix, size: float, colours: Colours, tone: str, at: tuple[float, float]) -> Part:
    """A matrix of numbers in brackets; `at` is the middle of its left side. What is not finite is magenta."""
    width, height = numbers_size(matrix, size)
    left, top = at[0], at[1] + height / 2
    primitives: list[Primitive] = []
    hook = 0.16 * size
    for x, turn in ((left + 0.08 * size, 1), (left + width - 0.08 * size, -1)):
        places = [(x + turn * hook, top), (x, top), (x, top - height), (x + turn * hook, top - height)]
        primitives.append(Primitive(line_points(places), stroke=getattr(colours, tone), width=2.2))
    widths = _column_widths(matrix, size)
    plain: list[Points] = []
    not_finite: list[Points] = []
    said: list[str] = []
    for r, row in enumerate(matrix.rows):
        middle = top - (r + 0.5) * 1.12 * size
        right = left + 0.45 * size
        for c, word in enumerate(row + (("…",) if matrix.more_right else ())):
            right += widths[c]
            made = text_outline(word, size)
            place = np.array([right - made.width, middle - cap_height(size) / 2, 0.0])
            (not_finite if c < len(row) and matrix.not_finite[r][c] else plain).append(made.points + place)
            said.append(word)
            right += 0.55 * size
    if matrix.more_below:
        y = top - len(matrix.rows) * 1.12 * size - 0.21 * size
        x = left + 0.45 * size
        for extent in widths[: len(matrix.rows[0]) if matrix.rows else 0]:
            plain += [circle_points(0.06 * size, (x + extent / 2, y + k * 0.18 * size)) for k in (-1, 0, 1)]
            x += extent + 0.55 * size
    if plain:
        primitives.append(Primitive(np.concatenate(plain), fill=colours.ink, text=" ".join(said), size=size))
    if not_finite:
        primitives.append(
            Primitive(
                np.concatenate(not_finite), fill=colours.nonfinite, text="" if plain else " ".join(said), size=size
            )
        )
    return Part(*primitives)


def _columns(matrix: Matrix) -> int:
    return (len(matrix.rows[0]) if matrix.rows else 0) + matrix.more_right


def _column_widths(matrix: Matrix, size: float) -> list[float]:
    rows = [row + (("…",) if matrix.more_right else ()) for row in matrix.rows]
    return [max(text_width(row[c], size) for row in rows) for c in range(_columns(matrix))]


def badge_size(text: str, look: Look) -> tuple[float, float]:
    """How wide and high a badge is."""
    return text_width(text, look.small, True) + 0.22, look.small * 1.16


def badge(text: str, look: Look, colours: Colours, at: tuple[float, float]) -> Part:
    """A boxed word about numbers that are not finite."""
    return Part(
        Primitive(
            card_points(*badge_size(text, look), 0.08, at),
            fill=colours.background,
            stroke=colours.nonfinite,
            width=2.2,
        ),
        words(text, look.small, colours.nonfinite, at, bold=True),
    )
