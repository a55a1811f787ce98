"""NumPy array -> the numbers that a record holds: all of them, or a sample with statistics."""

from __future__ import annotations

from math import inf, isnan, nan, prod, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grad_engine.record.parts import (
    DataRecord,
    HistogramRecord,
    Number,
    SampleRecord,
    Shape,
    StatsRecord,
)

FULL = 64  # elements up to which a tensor is written in full
SAMPLE = 64  # most elements in the sample of a larger one
BINS = 20
# Significant digits of the statistics that are sums: sums differ in the last digits from one processor to the next.
DIGITS = {2: 4, 4: 7, 8: 12}

Array = NDArray[Any]


def array_data(array: Array | np.generic, limit: float = FULL) -> tuple[DataRecord | None, StatsRecord | None]:
    """The numbers of an array of any shape: in full up to `limit` elements, else a sample and statistics.

    Floats are the shortest decimals that read back to the same value in the array's own dtype. Both are None for an
    array that holds no real numbers, such as complex ones.
    """
    if array.dtype.kind not in "fiub":
        return None, None
    if array.size <= limit:
        return DataRecord(_values(array)), None
    whole = _plain(np.asarray(array))
    edge, shape = _sample_shape(whole.shape)
    ends = [_ends(length, taken) for length, taken in zip(whole.shape, shape, strict=True)]
    with np.errstate(all="ignore"):  # an overflow in a statistic is no overflow of the program
        return DataRecord(sample=SampleRecord(edge, shape, _values(whole[np.ix_(*ends)]))), _stats(whole)


def _values(array: Array | np.generic) -> tuple[Number, ...]:
    """The elements in C order as Python numbers, every NaN as `math.nan` itself."""
    if array.dtype.kind != "f":
        return tuple(array.ravel().tolist())
    values = _plain(np.asarray(array)).ravel().tolist()
    if array.itemsize < 8:
        values = [float(text) for text in array.ravel().astype("U").tolist()]
    if isnan(sum(values)):  # a NaN among them, or both infinities
        values = [nan if isnan(value) else value for value in values]
    return tuple(values)


def _plain(array: Array) -> Array:
    """The array with no more than the precision of a Python float, which is all that a record can carry."""
    if array.dtype.kind != "f" or array.itemsize <= 8:
        return array
    with np.errstate(over="ignore"):
        return array.astype(np.float64)


def _sample_shape(shape: Shape) -> tuple[int, Shape]:
    """How many entries to take from both ends of each axis, and the shape that this gives: at most SAMPLE elements."""
    edge = SAMPLE // 2
    while edge > 1 and prod(min(length, 2 * edge) for length in shape) > SAMPLE:
        edge -= 1
    taken = [min(length, 2 * edge) for length in shape]
    for axis in range(len(taken)):  # so many axes that two ends of each are too much: the last ones vary fastest
        if prod(taken) <= SAMPLE:
            break
        taken[axis] = 1
    return edge, tuple(taken)


def _ends(length: int, taken: int) -> list[int]:
    """The indices of the first and last entries of an axis, `taken` in all, one more from the front if that is odd."""
    back = taken // 2
    return [*range(taken - back), *range(length - back, length)]


def _stats(array: Array) -> StatsRecord:
    finite = array.ravel().astype(np.uint8) if array.dtype.kind == "b" else array.ravel()
    missing, posinf, neginf, first = 0, 0, 0, None
    if array.dtype.kind == "f" and not (good := np.isfinite(array)).all():
        missing, posinf, neginf = (int(which.sum()) for which in (np.isnan(array), array == inf, array == -inf))
        first = tuple(int(n) for n in np.unravel_index(np.argmin(good), array.shape))
        finite = array[good]
    if not finite.size:
        return StatsRecord(None, None, None, None, None, None, 0, missing, posinf, neginf, first, None)
    low, high = _values(np.array([finite.min(), finite.max()]))
    absmax = max(abs(low), abs(high))
    # Squares of very large or small numbers leave the range of a float, so these are scaled first.
    scale = 1.0 if absmax == 0 or 1e-150 < absmax < 1e150 else float(absmax)
    scaled = finite.astype(np.float64, copy=False)
    if scale != 1:
        scaled = scaled / scale
    digits = DIGITS.get(array.dtype.itemsize if array.dtype.kind == "f" else 8, 12)
    mean, std, norm = (
        float(f"{scale * float(value):.{digits}g}") for value in (scaled.mean(), scaled.std(), sqrt(scaled @ scaled))
    )
    zeros = finite.size - int(np.count_nonzero(finite))
    bins = _histogram(scaled, float(low), float(high), scale)
    return StatsRecord(low, high, mean, std, norm, absmax, zeros, missing, posinf, neginf, first, bins)


def _histogram(scaled: Array, low: float, high: float, scale: float) -> HistogramRecord:
    start, width = low / scale, high / scale - low / scale
    if width <= 0:
        return HistogramRecord(low, high, (scaled.size,))
    places = ((scaled - start) * (BINS / width)).astype(np.int64)
    counts = np.bincount(np.clip(places, 0, BINS - 1), minlength=BINS)
    return HistogramRecord(low, high, tuple(counts.tolist()))
