"""The pieces of a caption - words, equations, numbers - measured and drawn in one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from grad_engine.draw.palette import Palette as Colours
from grad_engine.draw.typst import formula_typst, named
from grad_engine.errors import GradEngineError
from grad_engine.story.beats import Formula, Numbers, Piece, Words
from grad_engine.story.values import Matrix, matrix, number_text, shape_text

from .. import theme
from ..render.primitives import Part, Primitive
from .equations import equation_outline
from .tensor import numbers, numbers_size
from .text import Outline, cap_height, text_width, toned, words

P = TypeVar("P", bound=Piece)
GAP = 0.20
FEWER = {4: 3, 3: 2, 2: 0}  # columns of numbers that are shown: one alone would be dots
MATHS = 1.06  # size of a formula that is typeset beside words, and of one that is written as text
TEXT = 0.85
HIGHEST = 0.66  # a formula in the upper line


def width_needed(pieces: Sequence[Piece], size: float, columns: int = 4) -> float:
    """How wide a line of pieces is."""
    return sum(piece_width(piece, size, columns) for piece in pieces) + GAP * max(len(pieces) - 1, 0)


def line(
    pieces: Sequence[Piece], y: float, left: float, room: float, size: float, colours: Colours, columns: int = 4
) -> Part:
    """A line of pieces from `left`, at most `room` wide: numbers lose columns first, then words their ends."""
    kept = list(pieces)
    while columns > 2 and width_needed(kept, size, columns) > room:
        columns = FEWER[columns]
    while len(kept) > 1 and width_needed(kept, size, columns) > room and isinstance(last := kept[-1], Words):
        if last.strong:  # the name of an op is shortened, never dropped
            break
        kept.pop()
    if columns and width_needed(kept, size, columns) > room:
        columns = 0
    primitives: list[Primitive | Part] = []
    end = left + room
    for piece in kept:
        if end - left < 0.2:
            break
        primitives.append(draw_piece(piece, (left, y), end - left, size, columns, colours))
        left += min(piece_width(piece, size, columns), end - left) + GAP
    return Part(*primitives)


def matrix_shown(piece: Numbers, columns: int) -> Matrix | None:
    """The matrix of numbers that a piece shows in so many columns; None where it shows a number or a shape."""
    if not columns or piece.tensor.shape == ():
        return None
    return matrix(piece.tensor, piece.lines, columns if len(piece.tensor.shape) > 1 else 2 * columns - 1)


def plain_text(piece: Numbers) -> str:
    """The one number of a piece, or its shape."""
    return (
        number_text(piece.tensor)
        if piece.tensor.shape == () and piece.tensor.data is not None
        else shape_text(piece.tensor.shape)
    )


def piece_width(piece: Piece, size: float, columns: int) -> float:
    """How wide a piece is."""
    if isinstance(piece, Words):
        return text_width(piece.text, size, piece.strong)
    if isinstance(piece, Formula):
        made = _fitted(piece, size, theme.GRAPH_WIDTH)
        return text_width(piece.text, equation_text_size(size)) if made is None else equation_width(*made)
    label = text_width(piece.label, size) + 0.12 if piece.label else 0.0
    shown = matrix_shown(piece, columns)
    return label + (text_width(plain_text(piece), size) if shown is None else numbers_size(shown, size)[0])


def piece_height(piece: Numbers, size: float, columns: int) -> float:
    """How high the numbers of a piece are."""
    shown = matrix_shown(piece, columns)
    return size if shown is None else numbers_size(shown, size)[1]


def equation_text_size(size: float) -> float:
    """The type size of an equation that is written as text."""
    return max(theme.SMALLEST, TEXT * size)


def typeset(piece: Formula, size: float) -> tuple[Outline, Outline] | None:
    """The name on the left of an equation and the rest of it as typeset outlines; None where they cannot be set."""
    try:
        right = formula_typst(piece.tree, piece.names, scalars=piece.scalars)
    except GradEngineError:
        return None
    name = f"overline({named(piece.target)})" if piece.barred else named(piece.target)
    sign = '"+"#h(0pt)=' if piece.relation == "+=" else "="
    left, rest = equation_outline(name, size), equation_outline(f"{sign} {right}", size)
    return (left, rest) if left is not None and rest is not None else None


def _fitted(piece: Formula, size: float, room: float) -> tuple[Outline, Outline, float] | None:
    """The typeset equation at the largest type size at which it is not too wide and not too high, and that size."""
    for smaller in (MATHS * size, size, 0.92 * size, 0.84 * size, 0.76 * size):
        made = typeset(piece, smaller) if smaller >= theme.SMALLEST else None
        if (
            made is not None
            and equation_width(*made, smaller) <= room
            and max(o.top - o.bottom for o in made) <= HIGHEST
        ):
            return *made, smaller
    return None


def equation_width(name: Outline, equation: Outline, size: float) -> float:
    """How wide a typeset equation is."""
    return name.width + 0.25 * size + equation.width


def draw_piece(piece: Piece, at: tuple[float, float], room: float, size: float, columns: int, colours: Colours) -> Part:
    """A piece, from its left end on the line."""
    left, y = at
    if isinstance(piece, Words):
        return Part(
            words(
                piece.text,
                size,
                getattr(colours, piece.tone),
                at,
                anchor="left",
                bold=piece.strong,
                room=room,
            )
        )
    if isinstance(piece, Formula):
        made = _fitted(piece, size, room)
        if made is None:
            return Part(words(piece.text, equation_text_size(size), colours.ink, at, anchor="left", room=room))
        name, equation, used = made
        tallest = max(name.top, equation.top) - min(name.bottom, equation.bottom)
        # A fraction is centred on the line, anything lower stands on it like the words beside it.
        base = y - (max(name.top, equation.top) - tallest / 2 if tallest > 0.55 else cap_height(size) / 2)
        tone = colours.gradient if piece.barred else colours.value
        return Part(
            Primitive(name.shape, fill=tone, at=(left, base), text=piece.target, size=used),
            Primitive(
                equation.shape,
                fill=colours.ink,
                at=(left + name.width + 0.25 * used, base),
                text=piece.text,
                size=used,
            ),
        )
    primitives: list[Primitive | Part] = []
    tone = getattr(colours, piece.tone)
    if piece.label:
        primitives.append(words(piece.label, size, tone, at, anchor="left", room=room))
        left += text_width(piece.label, size) + 0.12
    shown = matrix_shown(piece, columns)
    if shown is None:
        rest = at[0] + room - left
        if rest > 0:
            said = plain_text(piece)
            primitives.append(words(said, size, toned(said, colours.ink, colours), (left, y), anchor="left", room=rest))
    else:
        primitives.append(numbers(shown, size, colours, piece.tone, (left, y)))
    return Part(*primitives)
