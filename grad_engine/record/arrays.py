"""NumPy array -> the numbers that a record holds: all of them, or a sample with statistics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from functools import lru_cache
from math import inf, isfinite, isnan, nan, prod, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grad_engine.record.decimals import rounded, shortest
from grad_engine.record.parts import (
    DataRecord,
    EndsRecord,
    HistogramRecord,
    Number,
    SampleRecord,
    Shape,
    StatsRecord,
    TensorRecord,
)

FULL = 64  # elements up to which a tensor is written in full
SAMPLE = 64  # most elements in the sample of a larger one
BRIEF_SAMPLE = 16  # and in that of one that is only measured
BLOCK = 2048  # elements whose products are summed in the array's own precision
PART = 2**15  # elements that are copied at a time
BINS = 20
FAR_FROM_0 = 1e8  # up to this square of mean / std, the variance is the difference of two sums in float64
NEAR = 0.03  # distance from −1, 0 or 1 within which tanh and sigmoid count as flat
# Significant digits of the statistics that are sums: sums differ in the last digits from one processor to the next.
DIGITS = {2: 4, 4: 7, 8: 12}

Array = NDArray[Any]


def array_data(
    array: Array | np.generic, limit: float = FULL, *, ends: bool = True
) -> tuple[DataRecord | None, StatsRecord | None]:
    """The numbers of an array of any shape: in full up to `limit` elements, else a sample and statistics.

    Floats are the shortest decimals that read back to the same value in the array's own dtype. Of complex numbers there
    are the statistics of their absolute values, whose norm is theirs. Both are None for an array that holds no numbers.
    ends: whether to count what is near −1, 0 and 1.
    """
    if array.dtype.kind == "c" and array.size:
        return None, _stats(np.asarray(_sizes(array)), histogram=False, ends=False)
    if array.dtype.kind not in "fiub":
        return None, None
    if array.size <= limit:
        return DataRecord(_values(array)), None
    whole = _plain(np.asarray(array))
    edge, shape = _sample_shape(whole.shape)
    places = [_ends(length, taken) for length, taken in zip(whole.shape, shape, strict=True)]
    with np.errstate(all="ignore"):  # an overflow in a statistic is no overflow of the program
        return DataRecord(sample=SampleRecord(edge, shape, _values(whole[np.ix_(*places)]))), _stats(whole, ends=ends)


Brief = tuple[Any, ...]  # the fields of StatsRecord, in its order, not rounded yet
Written = tuple[DataRecord | None, StatsRecord | None]


class Waits(Enum):
    """What is to be measured of numbers that wait for it."""

    ENDS = "the entries near -1, 0 and 1 too"
    NO_ENDS = "without these"


ENDS, NO_ENDS = Waits.ENDS, Waits.NO_ENDS


class Taken:
    """The numbers of an array, taken without keeping it: `record()` puts them into a record's form.

    That form takes longer than the taking, and can wait.
    """

    __slots__ = ("dtype", "edge", "numbers", "stats", "waits", "written")

    def __init__(
        self,
        numbers: Array | None,
        dtype: np.dtype[Any],
        edge: int = 0,
        stats: Brief | StatsRecord | None = None,
        written: Written | None = None,
        waits: Waits | None = None,
    ) -> None:
        """numbers: all entries of a small array, or a sample of a larger one that has `edge` entries at each end.

        waits: a larger one whose numbers are all here still, to be measured together with others.
        """
        self.numbers, self.dtype, self.edge, self.stats, self.written = numbers, dtype, edge, stats, written
        self.waits = waits

    def record(self) -> Written:
        """What a record holds of the array: both are None for numbers that are not real."""
        if self.written is None:
            write_all([self])
        assert self.written is not None
        return self.written

    def in_shape(self, shape: Shape) -> Taken | None:
        """The same numbers in another shape, as far as they are known: of a large array the statistics."""
        if self.numbers is not None and self.stats is None and self.waits is None:
            return Taken(self.numbers.reshape(shape), self.dtype)
        return self.reordered()

    def reordered(self) -> Taken | None:
        """The same numbers in any shape and order: the statistics, where they are known and all entries are finite."""
        known = self.brief()
        return None if known is None else Taken(None, self.dtype, stats=known)

    def entries(self) -> Array | None:
        """All entries, where they were taken."""
        return self.numbers if self.stats is None and self.waits is None else None

    def brief(self) -> Brief | None:
        """The statistics, where all numbers are finite: those of the same numbers in another shape are the same."""
        if self.waits is not None:
            measure_all([self])
        if not isinstance(self.stats, tuple) or self.stats[10] is not None:
            return None
        *same, _, ends = self.stats  # which units are dead, or at their ends, depends on the shape
        if ends is not None:
            ends = EndsRecord(ends.minus_one, ends.zero, ends.one, 0, 0)
        return (*same, 0, ends)


def taken(array: Array, limit: float = FULL, known: Brief | None = None, *, ends: bool = True) -> Taken:
    """The numbers of an array of any shape, quickly: no histogram, a small sample, six digits of the sums.

    known: the statistics, where they have been taken before.
    """
    dtype = array.dtype
    if dtype.kind == "c" and array.size:
        sizes = _sizes(array)
        return Taken(None, sizes.dtype, stats=brief_stats(sizes, ends=False))
    if dtype.kind not in "fiub":
        return Taken(None, dtype)
    if array.size <= limit:
        return Taken(array.copy(), dtype)
    whole = _plain(array)
    edge, places, shape = _places(whole.shape)
    return Taken(whole.flat[places].reshape(shape), dtype, edge, known or brief_stats(whole, ends=ends))


def copied(array: Array, *, ends: bool = True) -> Taken:
    """The numbers of an array with more entries than are written: copied, to be measured together with others."""
    return Taken(array.copy(), array.dtype, waits=ENDS if ends else NO_ENDS)


def measure_all(many: Iterable[Taken]) -> None:
    """Measure all that wait for it, in a few calls for all of them, and let go of all but a sample of each."""
    groups: dict[str, list[Taken]] = {}  # by dtype
    for each in many:
        if each.waits is not None:
            groups.setdefault(each.dtype.char, []).append(each)
    for group in groups.values():
        arrays = [each.numbers for each in group if each.numbers is not None]
        flat = np.concatenate([array.ravel() for array in arrays])
        sizes = np.array([array.size for array in arrays])
        starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
        samples = [_places(array.shape) for array in arrays]
        counts = [places.size for _, places, _ in samples]
        ends_of = np.cumsum(counts)
        found = flat[np.concatenate([places for _, places, _ in samples]) + np.repeat(starts, counts)]
        with np.errstate(all="ignore"):
            lows, highs = np.minimum.reduceat(flat, starts), np.maximum.reduceat(flat, starts)
            zeros = sizes - np.add.reduceat(flat != 0, starts, dtype=np.int64)
            numbers = flat.astype(np.float64)
            sums = np.add.reduceat(numbers, starts)
            squares = np.add.reduceat(np.multiply(numbers, numbers, out=numbers), starts)
            means = sums / sizes
            variances = squares / sizes - means * means
            alike = lows == highs
            apart = alike | (variances * FAR_FROM_0 > means * means)
            variances[alike] = 0.0
            sizes_of = np.maximum(np.abs(lows.astype(np.float64)), np.abs(highs.astype(np.float64)))
            certain = apart & ((sizes_of == 0) | ((sizes_of > 1e-15) & (sizes_of < 1e15)))
        columns = (lows, highs, means, variances, squares, zeros, certain, ends_of, counts)
        for each, array, (edge, _, shape), low, high, mean, variance, square, none, sure, end, count in zip(
            group, arrays, samples, *(np.asarray(column).tolist() for column in columns), strict=True
        ):
            if each.waits is None:  # measured by another thread
                continue
            ends, each.waits = each.waits is ENDS, None
            if sure:
                near = _at_ends(array, low, high) if ends and low >= -1 and high <= 1 else None
                dead = _dead(array, low, none) if low == 0 and none else 0
                absmax = max(abs(low), abs(high))
                each.stats = low, high, mean, variance, square, absmax, none, 0, 0, 0, None, None, dead, near
            else:
                each.stats = brief_stats(array, ends=ends)
            each.edge, each.numbers = edge, found[end - count : end].reshape(shape)


def written(array: Array, limit: float = FULL, *, ends: bool = True) -> Taken:
    """The numbers of an array of any shape, as `array_data` has them."""
    if array.size <= limit and array.dtype.kind in "fiub":
        return Taken(array.copy(), array.dtype)
    data, stats = array_data(array, limit, ends=ends)
    return Taken(None, array.dtype, 0, stats, written=(data, stats))


def brief_stats(array: Array, *, ends: bool = True) -> Brief | StatsRecord:
    """The statistics of an array without a histogram, by a few passes over its own memory.

    The sums are products within blocks (`np.vecdot`), short enough that no BLAS starts a thread, and then in float64.
    """
    flat = array.ravel("K")  # a view, unless there are gaps between the entries
    low, high = np.minimum.reduce(flat).item(), np.maximum.reduce(flat).item()
    bad, first = (0, 0, 0), None
    if not isfinite(low - high):
        counts = (np.isnan(flat), flat == inf, flat == -inf)
        bad = (int(np.count_nonzero(counts[0])), int(np.count_nonzero(counts[1])), int(np.count_nonzero(counts[2])))
        if any(bad):
            good = np.isfinite(array)
            first = tuple(int(n) for n in np.unravel_index(np.argmin(good), array.shape))
            flat = array[good]
            if not flat.size:
                return StatsRecord(None, None, None, None, None, None, 0, *bad, first, None)
            low, high = np.minimum.reduce(flat).item(), np.maximum.reduce(flat).item()
    absmax = max(abs(low), abs(high))
    if not (absmax == 0 or 1e-15 < absmax < 1e15):  # the squares leave the range of a float
        return _stats(array, histogram=False, ends=ends)
    if flat.dtype.kind != "f" or flat.itemsize == 2:
        flat = flat.astype(np.float64 if flat.dtype.kind in "iu" and flat.itemsize > 2 else np.float32)
    size = flat.size
    if size < BLOCK:
        total, squares = float(np.add.reduce(flat)), float(np.vecdot(flat, flat))
    else:
        whole = size - size % BLOCK
        rows = flat[:whole].reshape(-1, BLOCK)
        total = float(np.add.reduce(np.vecdot(rows, _ones(flat.itemsize)), dtype=np.float64))
        squares = float(np.add.reduce(np.vecdot(rows, rows), dtype=np.float64))
        if whole < size:
            rest = flat[whole:]
            total += float(np.add.reduce(rest))
            squares += float(np.vecdot(rest, rest))
    mean = total / size
    variance = squares / size - mean * mean
    if variance * 8 < mean * mean:  # the difference of two numbers that are nearly equal
        variance = _variance(flat, mean)
    zeros = size - int(np.count_nonzero(flat != 0)) if low <= 0 <= high else 0
    near = _at_ends(array, low, high) if ends and low >= -1 and high <= 1 else None
    return (
        low,
        high,
        mean,
        variance,
        squares,
        absmax,
        zeros,
        *bad,
        first,
        None,
        _dead(array, low, zeros) if low == 0 and zeros else 0,
        near,
    )


def _variance(flat: Array, mean: float) -> float:
    """The variance of the entries about their mean, part by part: a large array is not copied."""
    squares = 0.0
    for start in range(0, flat.size, PART):
        part = flat[start : start + PART].astype(np.float64)
        part -= mean
        part *= part
        squares += float(np.add.reduce(part))
    return squares / flat.size


def write_all(many: Iterable[Taken]) -> None:
    """Put the numbers of many arrays into a record's form: all decimals at once, for it is the calls that take long."""
    groups: dict[str, list[Taken]] = {}  # by dtype, whose letter is found in a fifth of the time
    different = dict.fromkeys(many)
    measure_all(different)
    for each in different:
        if each.written is None:
            groups.setdefault(each.dtype.char, []).append(each)
    for group in groups.values():
        dtype = group[0].dtype
        measured = [each.stats for each in group if isinstance(each.stats, tuple)]
        samples = [each.numbers for each in group if each.numbers is not None]
        limits = np.array([limit for stats in measured for limit in stats[:2]], _plain_dtype(dtype))
        values = _values(np.concatenate((*samples, limits), axis=None))
        sums = _sums(measured, 4 if dtype.kind == "f" and dtype.itemsize == 2 else 6)
        start, end, k, is_bool = 0, len(values) - 2 * len(measured), 0, dtype.kind == "b"
        for each in group:
            stats = each.stats
            if isinstance(stats, tuple):
                low, high = values[end + 2 * k], values[end + 2 * k + 1]
                if is_bool:
                    low, high = int(low), int(high)
                mean, std, norm = sums[k]
                stats = StatsRecord(low, high, mean, std, norm, max(abs(low), abs(high)), *stats[6:])
                k += 1
            data, numbers = None, each.numbers
            if stats is not None:
                each.numbers = None  # a sample, which is written now
            if numbers is not None:
                part, start = values[start : start + numbers.size], start + numbers.size
                data = (
                    DataRecord(part)
                    if stats is None
                    else DataRecord(None, SampleRecord(each.edge, numbers.shape, part))
                )
            each.written = data, stats


def _sums(measured: Sequence[Brief], digits: int) -> list[tuple[float, float, float]]:
    """Mean, standard deviation and norm of each array, with so many digits."""
    found = np.array([number for stats in measured for number in stats[2:5]], np.float64).reshape(-1, 3)
    found[:, 1:] = np.sqrt(np.maximum(found[:, 1:], 0.0))
    values = rounded(found.ravel(), digits)
    return list(zip(values[::3], values[1::3], values[2::3], strict=True))


def _plain_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.dtype(np.float64) if dtype.kind == "f" and dtype.itemsize > 8 else dtype


@lru_cache(4096)
def _places(shape: Shape) -> tuple[int, NDArray[np.int64], Shape]:
    """How many entries at each end of an axis are sampled, the places of all in C order, and the sample's shape."""
    edge, sizes = _sample_shape(shape, BRIEF_SAMPLE)
    places = np.zeros((1,) * len(shape), np.int64)
    for axis, (length, some) in enumerate(zip(shape, sizes, strict=True)):
        along = [-1 if k == axis else 1 for k in range(len(shape))]
        places = places * length + np.array(_ends(length, some), np.int64).reshape(along)
    return edge, places.ravel(), sizes


@lru_cache
def _ones(itemsize: int) -> Array:
    return np.ones(BLOCK, f"f{itemsize}")


def _values(array: Array | np.generic) -> tuple[Number, ...]:
    """The elements in C order as Python numbers, every NaN as `math.nan` itself."""
    if array.dtype.kind != "f":
        return tuple(array.ravel().tolist())
    return _with_one_nan(shortest(_plain(np.asarray(array))))


def _with_one_nan(values: list[float]) -> tuple[Number, ...]:
    if isnan(sum(values)):  # a NaN among them, or both infinities
        values = [nan if isnan(value) else value for value in values]
    return tuple(values)


def _sizes(array: Array | np.generic) -> Array:
    """The absolute values of complex numbers; of one with a NaN in it that is NaN, also beside an infinity."""
    with np.errstate(all="ignore"):
        sizes = _plain(np.abs(array))
    return np.where(np.isnan(array), np.nan, sizes).astype(sizes.dtype, copy=False)


def _plain(array: Array) -> Array:
    """The array with no more than the precision of a Python float, which is all that a record can carry."""
    if array.dtype.kind != "f" or array.itemsize <= 8:
        return array
    with np.errstate(over="ignore"):
        return array.astype(np.float64)


@lru_cache(4096)
def _sample_shape(shape: Shape, most: int = SAMPLE) -> tuple[int, Shape]:
    """How many entries to take from both ends of each axis, and the shape that this gives: at most `most` elements."""
    edge = most // 2
    while edge > 1 and prod(min(length, 2 * edge) for length in shape) > most:
        edge -= 1
    taken = [min(length, 2 * edge) for length in shape]
    for axis in range(len(taken)):  # so many axes that two ends of each are too much: the last ones vary fastest
        if prod(taken) <= most:
            break
        taken[axis] = 1
    return edge, tuple(taken)


def _ends(length: int, taken: int) -> list[int]:
    """The indices of the first and last entries of an axis, `taken` in all, one more from the front if that is odd."""
    back = taken // 2
    return [*range(taken - back), *range(length - back, length)]


def _stats(array: Array, histogram: bool = True, ends: bool = True) -> StatsRecord:
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
    bins = _histogram(scaled, float(low), float(high), scale) if histogram else None
    dead, near = _dead(array, low, zeros), _at_ends(array, low, high) if ends else None
    return StatsRecord(low, high, mean, std, norm, absmax, zeros, missing, posinf, neginf, first, bins, dead, near)


def _dead(array: Array, low: Number, zeros: int) -> int:
    """How many units are 0 in every row of a batch, where 0 is the least entry; 0 where it is not.

    A unit is a place along the second axis (a channel), or along the last one where there are three: of a batch of
    texts or of signals it is not to be seen which, and the axis that is not the one of units is seldom 0 all along.
    """
    if low != 0 or not zeros or array.ndim < 2 or len(array) < 2:
        return 0
    return _units_of(array == 0)


def _at_ends(array: Array, low: Number, high: Number) -> EndsRecord | None:
    """The entries near −1, 0 and 1, where all are from −1 to 1 and some are near an end."""
    far = 1 - NEAR
    if array.dtype.kind != "f" or not (low >= -1 and high <= 1 and (low < -far or high > far or 0 <= low < NEAR)):
        return None
    one, minus_one = array > far, array < -far
    zero = array < NEAR if low >= 0 else np.zeros_like(one)
    return EndsRecord(
        int(np.count_nonzero(minus_one)),
        int(np.count_nonzero(zero)),
        int(np.count_nonzero(one)),
        _units_of(minus_one | one),
        _units_of(zero | one) if low >= 0 else 0,
    )


def _units_of(found: Array) -> int:
    """Of how many units, places along their axis, every entry is True in a batch of several rows."""
    if found.ndim < 2 or len(found) < 2:
        return 0
    axes = {1, found.ndim - 1} if found.ndim == 3 else {1}
    counts = (found.all(axis=tuple(other for other in range(found.ndim) if other != axis)) for axis in axes)
    return max(int(np.count_nonzero(each)) for each in counts)


def _histogram(scaled: Array, low: float, high: float, scale: float) -> HistogramRecord:
    start, width = low / scale, high / scale - low / scale
    if width <= 0:
        return HistogramRecord(low, high, (scaled.size,))
    places = ((scaled - start) * (BINS / width)).astype(np.int64)
    counts = np.bincount(np.clip(places, 0, BINS - 1), minlength=BINS)
    return HistogramRecord(low, high, tuple(counts.tolist()))


def norm_of(array: Array) -> tuple[float | None, int]:
    """The norm of an array, None where it is not finite, and how many entries are NaN or infinite."""
    if not array.size:
        return 0.0, 0
    wide = array.ravel().astype(np.complex128 if array.dtype.kind == "c" else np.float64, copy=False)
    bad = int(wide.size - np.count_nonzero(np.isfinite(wide)))
    norm = float(np.linalg.norm(wide)) if not bad else inf
    return (norm if isfinite(norm) else None), bad


def statistics(tensor: TensorRecord) -> StatsRecord | None:
    """The statistics of a tensor: recorded ones, or worked out of its values; None where neither is there."""
    if tensor.stats is not None or tensor.data is None or not tensor.data.values:
        return tensor.stats
    try:
        values = np.array(tensor.data.values, None if tensor.dtype != "bool" else bool)
    except OverflowError:
        return None
    return array_data(values.reshape(tensor.shape), 0)[1]
