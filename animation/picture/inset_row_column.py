"""Row times column: two matrices and their product, of which one row, one column and one entry are numbers."""

from __future__ import annotations

from collections.abc import Mapping

from grad_engine.draw.palette import Palette as Colours
from grad_engine.story.insets import RowColumn, Sheet

from .. import theme
from ..render.primitives import Part, Primitive
from .inset import Box, Drawn, Growth, fading
from .shapes import SQUARE, card_points
from .text import tail, text_width, words

ROW = 0.40  # height of a row in BODY
PLAIN = 0.56  # width of a column of squares in BODY
SCALES = (  # type size, width of a column of squares, room beside a number in its cell; the larger first
    (theme.LARGE, 0.80, 0.24),
    (theme.LARGE, PLAIN, 0.24),
    (theme.BODY, PLAIN, 0.24),
    (theme.BODY, 0.42, 0.24),
    (theme.SMALLEST, 0.34, 0.24),
    (theme.SMALLEST, 0.24, 0.12),
)
PAD = 0.14  # between the outline and the cells
SIGN = 0.62  # room for @ and =
CLEAR = 0.9  # of a row's height is what a frame has around one number
NAME = 3.0  # the widest that the name of a matrix may be in the words below
HEADS = 1.5  # height of the titles above and of the words below
SMALL, LARGEST = 0.07, 0.30  # sides of squares


def draw(inset: RowColumn, box: Box, colours: Colours, hues: Mapping[str, str]) -> Drawn:
    """The three sheets side by side, and under them in words which row meets which column."""
    sheets = (inset.left, inset.right, inset.result)
    size, plain, air = _sizes(sheets, box)
    columns = [_columns(sheet, size, plain, air) for sheet in sheets]
    wide = sum(sum(some) + 2 * PAD for some in columns) + 2 * SIGN
    middle = (box.left + box.right) / 2
    rows = max(sheet.rows for sheet in sheets)
    row = ROW * size / theme.BODY
    tallest = min(row, (box.high - HEADS) / rows)
    centre = box.top - (box.high - rows * tallest - HEADS) / 2 - 0.80 - rows * tallest / 2
    x = middle - wide / 2
    parts: list[Part] = []
    grow: list[Growth] = []
    for k, (sheet, some) in enumerate(zip(sheets, columns, strict=True)):
        at = (0.0, 0.06, 0.5)[k]
        tone = hues.get(sheet.leaf) or getattr(colours, sheet.tone)
        right = x + sum(some) + 2 * PAD
        pitch = min(row, rows * tallest / sheet.rows)  # of a sheet with few rows they may be high
        top = centre + sheet.rows * pitch / 2
        frame = Primitive(
            card_points(right - x, sheet.rows * pitch + 2 * PAD, 0.05, ((x + right) / 2, centre)),
            fill=colours.panel, stroke=tone, width=2.2,
        )  # fmt: skip
        title = words(sheet.name, theme.LARGE, tone, ((x + right) / 2, top + PAD + 0.28), room=right - x + SIGN)
        ground = Part(frame, title, *_squares(sheet, some, (x + PAD, top), pitch, colours))
        parts.append(ground)
        grow.append(fading(ground, at, at + 0.16))
        first, last, left, final = sheet.framed
        a, b = x + PAD + sum(some[:left]), x + PAD + sum(some[: final + 1])
        ring = Primitive(
            card_points(
                b - a + 0.06, (last - first + 1) * pitch - 0.02 + max(0.0, CLEAR * row - pitch), 0.05,
                ((a + b) / 2, top - (first + last + 1) / 2 * pitch),
            ),
            stroke=tone, width=3.4,
        )  # fmt: skip
        numbers = [
            words(
                text, size, colours.gradient if sheet.tone == "gradient" else colours.value,
                (x + PAD + sum(some[:column]) + some[column] / 2, top - (row + 0.5) * pitch), bold=True,
            )
            for row, column, text in sheet.numbers
        ]  # fmt: skip
        lit = Part(ring, *numbers)
        begin = (0.2, 0.34, 0.66)[k]
        parts.append(lit)
        grow.append(fading(lit, begin, begin + 0.14))
        x = right
        if k < 2:
            sign = Part(words("@="[k], theme.LARGE, colours.muted, (x + SIGN / 2, centre)))
            parts.append(sign)
            grow.append(fading(sign, (0.06, 0.5)[k], (0.16, 0.6)[k]))
            x += SIGN
    one, other = (tail(sheet.name, theme.BODY, NAME) for sheet in (inset.left, inset.right))
    said = f"row {inset.row} of {one} times column {inset.column} of {other}"
    below = centre - rows * tallest / 2 - PAD - 0.36
    caption = Part(words(said, theme.BODY, colours.muted, (middle, below)))
    return Drawn((*parts, caption), (*grow, fading(caption, 0.34, 0.48)))


def _sizes(sheets: tuple[Sheet, ...], room: Box) -> tuple[float, float, float]:
    """The type size, the width of a column of squares, and the room beside numbers, at which the sheets fit."""
    rows = max(sheet.rows for sheet in sheets)
    for size, plain, air in SCALES:
        wide = sum(sum(_columns(sheet, size, plain, air)) + 2 * PAD for sheet in sheets) + 2 * SIGN
        if wide <= room.wide and rows * ROW * size / theme.BODY <= room.high - HEADS:
            return size, plain, air
    return SCALES[-1]


def _columns(sheet: Sheet, size: float, plain: float, air: float) -> list[float]:
    """The widths of the columns of a sheet."""
    wide = [plain] * sheet.columns
    for _, column, text in sheet.numbers:
        wide[column] = max(wide[column], text_width(text, size, True) + air)
    return wide


def _squares(
    sheet: Sheet, columns: list[float], corner: tuple[float, float], pitch: float, colours: Colours
) -> list[Primitive]:
    """The entries that are no numbers, each as large as its size among them."""
    written = {(row, column) for row, column, _ in sheet.numbers}
    left, top = corner
    found = []
    for k, size in enumerate(sheet.sizes):
        row, column = divmod(k, sheet.columns)
        if (row, column) in written:
            continue
        at = (left + sum(columns[:column]) + columns[column] / 2, top - (row + 0.5) * pitch)
        square = Primitive(SQUARE, fill=colours.idle)
        square.place = ((SMALL + (LARGEST - SMALL) * size) * pitch / ROW, *at)
        found.append(square)
    return found
