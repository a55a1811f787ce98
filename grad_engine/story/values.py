"""A tensor's numbers for display: its first values as text, a small picture of it, and its statistics."""

from __future__ import annotations

import math
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from grad_engine.formula import number
from grad_engine.record import Shape, TensorRecord

MOST_CELLS = 4  # along each side of the small picture of a tensor
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Matrix:
    """The first values of a tensor as they are printed: rows of words, and whether there is more beyond them."""

    rows: tuple[tuple[str, ...], ...]
    not_finite: tuple[tuple[bool, ...], ...]  # which of them are NaN or infinite
    flat: bool  # a vector or a number: it has one row, and no second axis
    more_right: bool = False
    more_below: bool = False

    @property
    def text(self) -> str:
        """The numbers in one line, such as `[[1 2 …] [3 4 …] …]`."""
        lines = [" ".join((*row, "…") if self.more_right else row) for row in self.rows]
        if self.flat:
            return f"[{lines[0]}]" if lines else "[]"
        return f"[{' '.join([f'[{line}]' for line in lines] + ['…'] * self.more_below)}]"


@dataclass(frozen=True, slots=True)
class Cells:
    """A tensor as a small grid: at most MOST_CELLS rows and columns, each with a magnitude from 0 to 1."""

    rows: int
    columns: int
    magnitude: tuple[float, ...]  # row by row
    not_finite: tuple[bool, ...]


def shape_text(shape: Shape) -> str:
    """A shape as NumPy prints it, such as `(4, 2)` or `(4,)`; the word scalar for that of a single number."""
    if not shape:
        return "scalar"
    return f"({shape[0]},)" if len(shape) == 1 else f"({', '.join(map(str, shape))})"


def values(tensor: TensorRecord) -> Values | None:
    """The first numbers of a tensor in its own number of axes (all of them where they are few); None if unrecorded."""
    data = tensor.data
    if data is None:
        return None
    if data.values is not None:
        return np.array(data.values, dtype=np.float64).reshape(tensor.shape)
    if data.sample is not None:
        sample = np.array(data.sample.values, dtype=np.float64).reshape(data.sample.shape)
        # A sample holds the first and the last entries of an axis; only the first ones are true neighbours.
        short = [
            slice(None) if n == m else slice(data.sample.edge) for n, m in zip(tensor.shape, sample.shape, strict=True)
        ]
        return sample[tuple(short)]
    return None


def is_number(tensor: TensorRecord) -> bool:
    """Whether a tensor is a single number that is known."""
    return tensor.shape == () and values(tensor) is not None


def number_text(tensor: TensorRecord) -> str:
    """The one number of a tensor of shape (), or `?` where it was not recorded."""
    known = values(tensor)
    return "?" if known is None else number(_plain(known.item(), tensor))


def number_texts(tensor: TensorRecord) -> tuple[str, ...]:
    """The one number of a tensor in ever shorter spellings: with fewer digits, and last as a power of ten."""
    known = values(tensor)
    value = None if known is None else _plain(known.item(), tensor)
    if not isinstance(value, float) or not math.isfinite(value):
        return (number_text(tensor),)
    found = [number(value)]
    powers = (f"{value:.{digits}e}".replace("e+", "e").replace("e0", "e").replace("e-0", "e-") for digits in (1, 0))
    for text in (number(value, 3), number(value, 2), *(power.replace("-", "−") for power in powers)):
        if len(text) < len(found[-1]):
            found.append(text)
    return tuple(found)


def matrix(tensor: TensorRecord, rows: int = 2, columns: int = 4) -> Matrix | None:
    """The first values of a tensor, of its first page where it has more than two axes; None without any."""
    known = values(tensor)
    if known is None or not known.size:
        return None
    page = (
        known.reshape(known.shape[-2:] if known.ndim >= 2 else (1, -1))
        if known.ndim <= 2
        else known[(0,) * (known.ndim - 2)]
    )
    height, width = (tensor.shape[-2], tensor.shape[-1]) if len(tensor.shape) >= 2 else (1, prod(tensor.shape))
    if width > columns:
        columns -= 1  # the dots take the place of one
    shown = page[:rows, :columns]
    return Matrix(
        tuple(tuple(number(_plain(value, tensor)) for value in row) for row in shown.tolist()),
        tuple(tuple(not math.isfinite(value) for value in row) for row in shown.tolist()),
        len(tensor.shape) < 2,
        shown.shape[1] < width,
        shown.shape[0] < height or prod(tensor.shape[:-2]) > 1,
    )


def cells(tensor: TensorRecord) -> Cells | None:
    """The small picture of a tensor: strong where its numbers are large; None for a single number."""
    return None if tensor.shape == () else cells_of(tensor.shape, values(tensor))


def cells_of(shape: Shape, known: Values | None = None) -> Cells:
    """The small picture of a tensor of this shape, of its first page where it has more than two axes."""
    height, width = (shape[-2], shape[-1]) if len(shape) >= 2 else (1, prod(shape))
    height, width = min(height, MOST_CELLS), min(width, MOST_CELLS)
    page = None
    if known is not None and known.size:
        page = (
            known[(0,) * (known.ndim - 2)]
            if known.ndim > 2
            else known.reshape(known.shape[-2:] if known.ndim == 2 else (1, -1))
        )
        page = page[:height, :width]
    if page is None or page.shape != (height, width):
        return Cells(height, width, (0.5,) * (height * width), (False,) * (height * width))
    not_finite = ~np.isfinite(page)
    size = np.abs(np.where(not_finite, 0.0, page))
    most = float(size.max(initial=0.0))
    magnitude = np.where(not_finite, 1.0, size / most if most > 0 else 0.0)
    return Cells(height, width, tuple(magnitude.ravel().tolist()), tuple(not_finite.ravel().tolist()))


def nonfinite(tensor: TensorRecord) -> int:
    """How many entries of a tensor are NaN or infinite, as far as is recorded."""
    if tensor.stats is not None:
        return tensor.stats.nan + tensor.stats.posinf + tensor.stats.neginf
    known = values(tensor)
    return 0 if known is None else int((~np.isfinite(known)).sum())


def nonfinite_word(tensor: TensorRecord) -> str:
    """Which kinds of entries are not finite: `NaN`, `∞`, or `NaN and ∞`."""
    if tensor.stats is not None:
        nan, infinite = tensor.stats.nan > 0, tensor.stats.posinf + tensor.stats.neginf > 0
    else:
        known = values(tensor)
        nan, infinite = (False, False) if known is None else (bool(np.isnan(known).any()), bool(np.isinf(known).any()))
    return " and ".join(word for word, there in (("NaN", nan), ("∞", infinite)) if there)


def norm(tensor: TensorRecord) -> float | None:
    """The Euclidean norm of a tensor; None where it is not recorded."""
    if tensor.stats is not None:
        return tensor.stats.norm
    known = values(tensor)
    if known is None or known.size != prod(tensor.shape):
        return None
    # Scaled, because a square may overflow although the norm does not.
    most = float(np.abs(known).max(initial=0.0))
    return most if not math.isfinite(most) or most == 0 else most * float(np.linalg.norm(known / most))


def _plain(value: float, tensor: TensorRecord) -> float | int | bool:
    if tensor.dtype == "bool":
        return bool(value)
    return int(value) if tensor.dtype.startswith(("int", "uint")) else value + 0.0  # -0.0 is shown as 0
