"""A value or a share on its way along an edge."""

from __future__ import annotations

import numpy as np

from grad_engine.draw.palette import Palette as Colours
from grad_engine.story.values import Cells

from .. import theme
from ..render.primitives import Part, Primitive, Shape
from .shapes import SQUARE, card_points
from .tensor import grid_size, weight
from .text import cap_height, toned, words

GAP = 0.10  # between the picture and the text of a moving value


class MovingValue(Part):
    """A value or a share on its way: a grid or a number on a small plate, which can stretch or shrink as it goes."""

    def __init__(
        self,
        colours: Colours,
        tone: str,
        first: Cells | str,
        text: str,
        then: Cells | None = None,
        then_text: str = "",
        scale: float = 1.0,
        not_finite: str = "",
    ) -> None:
        self.cell = theme.MOVING_CELL * scale
        size = max(theme.SMALLEST, 0.25 * scale)
        self.size_of_type = size
        colour = getattr(colours, tone)
        border = colours.nonfinite if not_finite else colour
        self.plated = (0.0, 0.0)  # how wide and high the plate now is, without its border
        self.plate = Primitive(
            card_points(1, 1, 0.1), fill=colours.background, fill_alpha=0.94, stroke=border, width=2.6
        )
        self.squares: list[Primitive] = []
        self.sides: list[float] = []  # of the squares, as parts of a cell
        self.first = first
        self.then = then
        large = first
        if isinstance(first, Cells) and then is not None and then.rows * then.columns > first.rows * first.columns:
            large = then
        if isinstance(large, Cells):
            for opacity, bad in zip(large.magnitude, large.not_finite, strict=True):
                side, alpha = weight(opacity, bad)
                self.sides.append(side)
                self.squares.append(Primitive(SQUARE, fill=colours.nonfinite if bad else colour, fill_alpha=alpha))
        self.large = large
        primitive = toned(text, colours.ink, colours)
        self.texts = [words(text, size, primitive, (0.0, 0.0), anchor="left", bold=isinstance(first, str))]
        if then is not None:
            self.texts.append(words(then_text, size, colours.ink, (0.0, 0.0), anchor="left"))
        self.wide = [one.extent[2] for one in self.texts]
        word = not_finite if isinstance(first, Cells) else ""  # a number says it itself
        self.word = words(word, size, colours.nonfinite, (0.0, 0.0), anchor="left", bold=True)
        super().__init__(self.plate, *self.squares, *self.texts, self.word)

    @property
    def room(self) -> tuple[float, float]:
        """How wide and high it becomes, at scale 1."""
        forms = [self._size(form) for form in (self.first, self.then) if form is not None]
        wide = [w + text + (GAP if w and text else 0.0) for (w, _), text in zip(forms, self.wide, strict=True)]
        word = self.word.shape.high[0] + GAP if self.word.text else 0.0
        return max(wide) + word + 0.22, max(self.size_of_type, *(high for _, high in forms)) + 0.18

    def pose(self, x: float, y: float, turned: float = 0.0, opacity: float = 1.0, scale: float = 1.0) -> None:
        """Puts the moving value at a place, `turned` of the way from its first to its second form."""
        start = self._size(self.first)
        stop = self._size(self.then) if self.then is not None else start
        grid_w, grid_h = (start[k] + (stop[k] - start[k]) * turned for k in (0, 1))
        last = len(self.wide) - 1
        text_w = self.wide[0] + (self.wide[last] - self.wide[0]) * turned
        word_w = self.word.shape.high[0] + GAP if self.word.text else 0.0
        wide = grid_w + text_w + (GAP if grid_w and text_w else 0.0) + word_w
        high = max(grid_h, self.size_of_type)
        if (wide, high) != self.plated:
            self.plated = (wide, high)
            self.plate.shape = Shape(card_points(wide + 0.22, high + 0.18, 0.1))
        self.plate.place = (scale, x, y)
        left = -wide / 2
        if isinstance(self.large, Cells):
            for k, square in enumerate(self.squares):
                row, column = divmod(k, self.large.columns)
                a = self._place(self.first, row, column, start)
                b = self._place(self.then, row, column, stop) if self.then is not None else a
                right, up = (p + (q - p) * turned for p, q in zip(a, b, strict=True))
                middle = (x + (right + left + grid_w / 2) * scale, y + up * scale)
                square.place = (self.cell * self.sides[k] * scale, *middle)
        at = left + (grid_w + GAP if grid_w else 0.0)
        for k, text in enumerate(self.texts):
            seen = 1.0 if last == 0 else float(np.clip(2 * turned - 1, 0, 1) if k else np.clip(1 - 2 * turned, 0, 1))
            text.place = (scale, x + at * scale, y - cap_height(self.size_of_type) / 2 * scale)
            text.fade_to(opacity * seen)
        self.word.place = (
            scale,
            x + (at + (text_w + GAP if text_w else 0.0)) * scale,
            y - cap_height(self.size_of_type) / 2 * scale,
        )
        self.word.fade_to(opacity)
        self.plate.fade_to(opacity)
        for square in self.squares:
            square.fade_to(opacity)

    def _size(self, form: Cells | str | None) -> tuple[float, float]:
        return grid_size(form, self.cell) if isinstance(form, Cells) else (0.0, 0.0)

    def _place(self, form: Cells | str | None, row: int, column: int, size: tuple[float, float]) -> tuple[float, float]:
        if not isinstance(form, Cells):
            return 0.0, 0.0
        row, column = min(row, form.rows - 1), min(column, form.columns - 1)
        return (column + 0.5) * self.cell - size[0] / 2, size[1] / 2 - (row + 0.5) * self.cell
