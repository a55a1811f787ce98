"""Quantiles, averages, covariances and integrals: functions of NumPy written in other ops."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.caller import is_called_torch
from grad_engine.core.define import composed
from grad_engine.core.numpy_errors import warn_of_spelling
from grad_engine.core.tensor import Tensor
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.ops.convolution import conv1d
from grad_engine.ops.elementwise import clip, isnan, lerp, sqrt, values, where
from grad_engine.ops.indexing import index_add, sort, take_along_axis
from grad_engine.ops.joining import concat, diff, vstack
from grad_engine.ops.product import matmul
from grad_engine.ops.reduction import cumprod, cumsum, lines_of, nanmean, prod, vector_norm
from grad_engine.ops.reduction import mean as mean_of
from grad_engine.ops.reduction import sum as sum_of
from grad_engine.ops.shape import atleast_2d, axis_of, diagonal, flip, moveaxis, pad, reshape, squeeze, transpose

# --- quantiles --------------------------------------------------------------------------------------------------------

_CONTINUOUS = {  # the two numbers by which Hyndman & Fan (1996) tell methods 4 to 9 apart
    "linear": (1.0, 1.0), "interpolated_inverted_cdf": (0.0, 1.0), "hazen": (0.5, 0.5), "weibull": (0.0, 0.0),
    "median_unbiased": (1 / 3, 1 / 3), "normal_unbiased": (3 / 8, 3 / 8),
}  # fmt: skip
_BETWEEN = ("lower", "higher", "nearest", "midpoint")


def _place(q: Any, count: Any, method: str) -> tuple[Any, Any, Any]:
    """The places before and after the quantiles in a row of `count` elements, and how far they are from the first."""
    last = max(count - 1, 0) if isinstance(count, int) else np.maximum(count - 1, 0)
    if method in _CONTINUOUS:
        a, b = _CONTINUOUS[method]
        place = q * (count - 1) if a == b == 1 else count * q + (a + q * (1 - a - b)) - 1
    elif method in _BETWEEN:
        place = q * (count - 1)
    else:
        raise ArgumentError(
            f"method of quantile() is {', '.join((*_CONTINUOUS, *_BETWEEN))}, got {method!r}"
        )  # fmt: skip
    place = clip(place, 0, last)
    low = np.floor(place.array)
    high = np.minimum(low + 1, last)
    if method == "nearest":
        low = np.rint(place.array)
    elif method == "higher":
        low = np.ceil(place.array)
    if method in ("lower", "higher", "nearest"):
        return low.astype(int), None, None
    weight = place - low
    if method == "midpoint":
        weight = as_tensor(np.where(weight.array > 0, weight.dtype.type(0.5), weight.dtype.type(0)))
    return low.astype(int), high.astype(int), weight


def _quantile(x: Any, q: Any, axis: Any, method: str, keepdims: bool, ignore: bool) -> Tensor:
    x = as_tensor(x)
    if x.dtype.kind != "f":
        x = x.astype(float)
    if isinstance(q, int | float):  # a weak number, as in NumPy
        q = np.asarray(q, x.dtype)
    q = as_tensor(q)
    if not ((q.array >= 0) & (q.array <= 1)).all():
        raise ArgumentError(f"quantiles are numbers from 0 to 1, got {q.array}; percentile() takes 0 to 100")
    lines, kept = lines_of(x, axis, "quantile")
    blank = np.isnan(lines.array)
    count: Any = np.sum(~blank, axis=-1, keepdims=True, dtype=q.dtype) if ignore else lines.shape[-1]
    ordered = sort(lines)
    low, high, weight = _place(reshape(q, (-1,)), count, method)
    low, high = (part if part is None else np.broadcast_to(part, (*lines.shape[:-1], q.size)) for part in (low, high))
    if not ignore:  # NaN stands last in order, and is the answer wherever there is one
        low, high = (
            part if part is None else np.where(blank.any(axis=-1, keepdims=True), lines.shape[-1] - 1, part)
            for part in (low, high)
        )
    out = take_along_axis(ordered, low)
    if high is not None:
        out = lerp(out, take_along_axis(ordered, high), weight)
    rest = tuple(n for n in lines.shape[:-1])
    return reshape(moveaxis(out, -1, 0), (*q.shape, *(kept if keepdims else rest)))


@composed(numpy=[np.quantile])
def quantile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Tensor:
    """The number that a share `q` (from 0 to 1, or several such) of the elements along `axis` does not exceed.

    method: how to choose between two elements: "linear" in proportion, "lower", "higher", "nearest", "midpoint", or
        one of NumPy's other continuous methods. The axes of q come first in the result.
    """
    return _quantile(x, q, axis, method, keepdims, ignore=False)


@composed(numpy=[np.nanquantile], leaves_out_nan=True)
def nanquantile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Tensor:
    """quantile() of the elements that are not NaN."""
    return _quantile(x, q, axis, method, keepdims, ignore=True)


@composed(numpy=[np.percentile])
def percentile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Tensor:
    """quantile() of `q` given from 0 to 100."""
    return _quantile(x, _hundredth(q), axis, method, keepdims, ignore=False)


@composed(numpy=[np.nanpercentile], leaves_out_nan=True)
def nanpercentile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Tensor:
    """nanquantile() of `q` given from 0 to 100."""
    return _quantile(x, _hundredth(q), axis, method, keepdims, ignore=True)


def _hundredth(q: Any) -> Any:
    return q / 100 if isinstance(q, int | float) else as_tensor(q) / 100


def floating(x: Any) -> Tensor:
    """x as a tensor of floats; whole numbers become float64, as in NumPy's statistics."""
    x = as_tensor(x)
    return x if x.dtype.kind == "f" else x.astype(float)


# --- averages and spreads ---------------------------------------------------------------------------------------------


@composed(numpy=[np.average])
def average(x: Any, axis: Any = None, weights: Any = None, keepdims: bool = False) -> Tensor:
    """The mean of the elements along `axis`, each counted as often as `weights` says: the shape of x, or one axis."""
    x = floating(x)
    if weights is None:
        return mean_of(x, axis, keepdims)
    weights = floating(weights)
    if weights.shape != x.shape:
        if not isinstance(axis, int | np.integer) or weights.shape != (x.shape[axis_of(x, axis)],):
            raise ShapeError(
                f"average() takes weights of x's shape {x.shape}, or a vector along one axis; got shape "
                f"{weights.shape} and axis={axis}"
            )
        weights = _laid_along(weights, x, axis_of(x, axis))
    weights = weights.broadcast_to(x.shape)
    return sum_of(x * weights, axis, keepdims) / sum_of(weights, axis, keepdims)


def _numbers(x: Any, otherwise: float) -> tuple[Tensor, Any]:
    """x with another number in the place of NaN, and where it was none."""
    x = as_tensor(x)
    there = ~isnan(x).array
    return (x if there.all() else where(there, x, otherwise)), there


@composed(numpy=[np.nanprod], leaves_out_nan=True)
def nanprod(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Product of the elements along `axis` that are not NaN; the others have slope 0."""
    return prod(_numbers(x, 1.0)[0], axis, keepdims)


@composed(numpy=[np.nancumsum], leaves_out_nan=True)
def nancumsum(x: Any, axis: int | None = None) -> Tensor:
    """Running sum along `axis` that passes over NaN."""
    return cumsum(_numbers(x, 0.0)[0], axis)


@composed(numpy=[np.nancumprod], leaves_out_nan=True)
def nancumprod(x: Any, axis: int | None = None) -> Tensor:
    """Running product along `axis` that passes over NaN."""
    return cumprod(_numbers(x, 1.0)[0], axis)


def _spread_of_numbers(x: Any, axis: Any, ddof: float, keepdims: bool) -> tuple[Tensor, Any]:
    """x minus its mean, 0 in place of NaN, and the degrees of freedom of each result."""
    x = floating(x)
    there = ~isnan(x).array
    apart = where(there, x - nanmean(x, axis, True), 0.0)
    count = np.sum(there, axis=axis, keepdims=keepdims, dtype=x.dtype)
    return apart, np.where(count > ddof, count - ddof, x.dtype.type(math.nan))


@composed(numpy=[np.nanvar], leaves_out_nan=True)
def nanvar(x: Any, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Tensor:
    """Variance of the elements along `axis` that are not NaN."""
    apart, free = _spread_of_numbers(x, axis, ddof, keepdims)
    return sum_of(apart * apart, axis, keepdims) / free


@composed(numpy=[np.nanstd], leaves_out_nan=True)
def nanstd(x: Any, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Tensor:
    """Standard deviation of the elements along `axis` that are not NaN; slope 0 where all are equal."""
    apart, free = _spread_of_numbers(x, axis, ddof, keepdims)
    return vector_norm(apart, axis, keepdims) / np.sqrt(free)


# --- variables in rows ------------------------------------------------------------------------------------------------


@composed(numpy=[np.cov])
def cov(
    x: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: float | None = None, fweights: Any = None,
    aweights: Any = None,
) -> Tensor:  # fmt: skip
    """The covariance of every two rows of x (and of y), whose columns are observations; of columns without rowvar.

    bias, ddof: the sum is divided by count - ddof; ddof is 1 unless given, or 0 with `bias`.
    fweights, aweights: how often each observation was made, and how much it counts.
    """
    rows = _rows(x, rowvar) if y is None else vstack([_rows(x, rowvar), _rows(y, rowvar)])
    off = ddof if ddof is not None else 0 if bias else 1
    if off != int(off):
        raise ArgumentError(f"ddof of cov() is a whole number, got {ddof!r}")
    each = [as_tensor(part) for part in (fweights, aweights) if part is not None]
    each = [part if part.dtype.kind == "f" else part.astype(rows.dtype) for part in each]
    if any(part.shape != rows.shape[1:] for part in each):
        raise ShapeError(f"cov() takes one weight for each of the {rows.shape[1]} observations, got {each[0].shape}")
    if fweights is not None and as_tensor(fweights).dtype.kind not in "iub":
        raise ArgumentError("fweights of cov() count observations in whole numbers; aweights may be any from 0 on")
    if any((part.array < 0).any() for part in each):
        raise ArgumentError("the weights of cov() must not be negative")
    if not each:
        count: Any = rows.shape[1]
        apart = rows - mean_of(rows, 1, True)
        other = apart
        free = count - off
    else:
        weights = each[0] if len(each) == 1 else each[0] * each[1]
        count = sum_of(weights)
        apart = rows - sum_of(rows * weights, 1, True) / count
        other = apart * weights
        free = count - (off if aweights is None or not off else off * sum_of(weights * each[-1]) / count)
    free = clip(free, 0, None) if type(free) is Tensor else np.asarray(max(free, 0), rows.dtype)
    return squeeze(matmul(apart, transpose(other)) / free)


def _rows(x: Any, rowvar: bool) -> Tensor:
    x = floating(x)
    if x.ndim > 2:
        raise ShapeError(f"cov() takes a vector or a matrix of observations, got shape {x.shape}; reshape it")
    return atleast_2d(x) if rowvar or x.ndim < 2 else transpose(x)


@composed(numpy=[np.corrcoef])
def corrcoef(x: Any, y: Any = None, rowvar: bool = True) -> Tensor:
    """The correlation, from -1 to 1, of every two rows of x (and of y); of columns without rowvar."""
    table = cov(x, y, rowvar)
    if not table.ndim:
        return table / table
    spread = sqrt(diagonal(table))
    return clip(table / reshape(spread, (-1, 1)) / spread, -1, 1)


# --- integrals and slopes ---------------------------------------------------------------------------------------------


def _laid_along(x: Any, like: Tensor, axis: int) -> Any:
    """The vector x along one axis of another tensor."""
    return reshape(x, (-1, *(1,) * (like.ndim - 1 - axis)))


def _strips(y: Tensor, x: Any, dx: Any, axis: int) -> Tensor:
    """The areas under the straight lines from each element of y to the next."""
    before = (slice(None),) * axis
    heights = y[(*before, slice(1, None))] + y[(*before, slice(None, -1))]
    if x is None:
        return heights * (dx / 2 if isinstance(dx, int | float) else as_tensor(dx) / 2)
    x = floating(x)
    widths = _laid_along(diff(x), y, axis) if x.ndim == 1 else diff(x, axis=axis - y.ndim)
    return heights * widths / 2


@composed(numpy=[np.trapezoid], aliases=["trapz"])
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Tensor:
    """The area under straight lines through the points (x, y), along `axis`; without x they are `dx` apart."""
    y = floating(y)
    place = axis_of(y, axis)
    return sum_of(_strips(y, x, dx, place), axis=place - y.ndim)  # x may have more axes than y


@composed()
def cumulative_trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Tensor:
    """trapezoid() up to each point but the first."""
    y = floating(y)
    place = axis_of(y, axis)
    return cumsum(_strips(y, x, dx, place), place - y.ndim)


def _slope(f: Tensor, spacing: Any, axis: int, edge_order: int) -> Tensor:
    """The slope of f along one axis (Fornberg 1988), its elements being `spacing` apart, or at those places."""
    if f.shape[axis] < edge_order + 1:
        raise ShapeError(f"gradient() needs at least {edge_order + 1} elements along axis {axis}, got shape {f.shape}")

    def at(start: int, stop: int | None) -> Tensor:
        return f[(*(slice(None),) * axis, slice(start, stop))]

    if np.ndim(values(spacing)):
        spacing = as_tensor(spacing)
        if spacing.shape != (f.shape[axis],):
            raise ShapeError(
                f"gradient() takes a distance, or {f.shape[axis]} places along axis {axis}, got shape {spacing.shape}"
            )
        steps = _laid_along(diff(spacing), f, axis)
    else:
        steps = None

    def three(a: Tensor, b: Tensor, c: Tensor, first: Any, second: Any, where_at: int) -> Tensor:
        """The slope at the first, middle or last of three points, of the parabola through them."""
        both = first + second
        if where_at == 0:
            return b * (both / (first * second)) - a * ((first + both) / (first * both)) - c * (first / (second * both))
        if where_at == 1:
            return (
                c * (first / (second * both))
                + b * ((second - first) / (first * second))
                - a * (second / (first * both))
            )
        return a * (second / (first * both)) - b * (both / (first * second)) + c * ((second + both) / (second * both))

    def step(start: int, stop: int | None) -> Any:
        return spacing if steps is None else steps[slice(start, stop)]

    parts = []
    if edge_order == 1:
        parts.append((at(1, 2) - at(0, 1)) / step(0, 1))
    else:
        parts.append(three(at(0, 1), at(1, 2), at(2, 3), step(0, 1), step(1, 2), 0))
    if steps is None:
        parts.append((at(2, None) - at(0, -2)) / (2 * spacing))
    else:
        parts.append(three(at(0, -2), at(1, -1), at(2, None), step(0, -1), step(1, None), 1))
    if edge_order == 1:
        parts.append((at(-1, None) - at(-2, -1)) / step(-1, None))
    else:
        parts.append(three(at(-3, -2), at(-2, -1), at(-1, None), step(-2, -1), step(-1, None), 2))
    return concat(parts, axis=axis)


@composed(numpy=[np.gradient], method=False)
def gradient(f: Any, *spacing: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """The slopes of the numbers f along each axis, by differences of neighbours; for derivatives of ops see grad().

    spacing: the distance of neighbours, one for each axis or one for all, or the places of the elements on each axis.
    edge_order: 1 or 2, the degree of the curve through the elements at each end.
    """
    f = floating(f)
    if edge_order not in (1, 2):
        raise ArgumentError(f"edge_order of gradient() is 1 or 2, got {edge_order!r}")
    asked = range(f.ndim) if axis is None else [axis] if isinstance(axis, int | np.integer) else axis
    axes = [axis_of(f, each) for each in asked]
    if len(set(axes)) < len(axes):
        raise ShapeError(f"gradient() along axes {axis} of shape {f.shape} names one of them twice")
    apart = spacing or (1.0,)
    if len(apart) == 1 and not np.ndim(values(apart[0])):
        apart = apart * len(axes)
    if len(apart) != len(axes):
        raise ArgumentError(f"gradient() takes one spacing, or one for each of {len(axes)} axes, got {len(apart)}")
    found = tuple(
        _slope(f, each, place, edge_order) for each, place in zip(apart, axes, strict=True)
    )  # fmt: skip
    if len(found) == 1 and is_called_torch():
        warn_of_spelling(
            "gradient() along one axis is one tensor, as in NumPy, where PyTorch gives a tuple of one: write "
            "(gradient(x),)[0] where PyTorch has gradient(x)[0]"
        )
    return found[0] if len(found) == 1 else found


@composed(numpy=[np.interp], method=False)
def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None) -> Tensor:
    """What the straight lines through the points (xp, fp), xp ascending, have at each x; `left` and `right` beyond."""
    x, xp, fp = floating(x), floating(xp), floating(fp)
    if xp.ndim != 1 or xp.shape != fp.shape or not xp.size:
        raise ShapeError(f"interp() takes vectors xp and fp of one length, got shapes {xp.shape} and {fp.shape}")
    ends = (fp[0] if left is None else left, fp[-1] if right is None else right)
    if xp.size > 1:
        low = np.clip(np.searchsorted(xp.array, x.array, side="right") - 1, 0, xp.size - 2)
        inner = lerp(fp[low], fp[low + 1], (x - xp[low]) / (xp[low + 1] - xp[low]))
    else:
        inner = fp[np.zeros(x.shape, int)]
    out = where(x.array < xp.array[0], ends[0], inner)
    return where(x.array > xp.array[-1], ends[1], out)


@composed(numpy=[np.convolve], method=False)
def convolve(x: Any, y: Any, mode: str = "full") -> Tensor:
    """Two vectors as the coefficients of polynomials, multiplied; "same" has the longer one's length, "valid" less."""
    x, y = as_tensor(x), as_tensor(y)
    if x.ndim > 1 or y.ndim > 1 or not x.size or not y.size:
        raise ShapeError(f"convolve() takes two vectors that are not empty, got shapes {x.shape} and {y.shape}")
    if mode not in ("full", "same", "valid"):
        raise ArgumentError(f"mode of convolve() is 'full', 'same' or 'valid', got {mode!r}")
    if "f" not in x.dtype.kind + y.dtype.kind:  # whole numbers stay whole
        return as_tensor(np.convolve(x.array.reshape(-1), y.array.reshape(-1), mode))  # type: ignore[call-overload]
    longer, shorter = (x, y) if x.size >= y.size else (y, x)
    n, m = longer.size, shorter.size
    if mode == "valid":
        before = after = 0
    elif mode == "same":
        before, after = m // 2, (m - 1) // 2
    else:
        before = after = m - 1
    row = pad(reshape(longer, (1, 1, n)), ((0, 0), (0, 0), (before, after)))
    return reshape(conv1d(row, reshape(flip(reshape(shorter, (-1,))), (1, 1, m))), (-1,))


@composed(numpy=[np.correlate], method=False)
def correlate(x: Any, y: Any, mode: str = "valid") -> Tensor:
    """The sums of products of one vector with another that slides along it; `mode` as in convolve()."""
    x, y = as_tensor(x), as_tensor(y)
    if mode == "same" and y.size > x.size:  # of the longer vector, but in the other order
        return flip(convolve(y, flip(x), mode))
    return convolve(x, flip(y), mode)


# --- running sums, angles, counts -------------------------------------------------------------------------------------


def _running(name: str, run: Any, start: int, x: Any, axis: int | None, include_initial: bool) -> Tensor:
    x = as_tensor(x)
    if axis is None and x.ndim != 1:
        raise ShapeError(f"{name}() of shape {x.shape} needs an axis: only a vector has but one")
    place = axis_of(x, 0 if axis is None else axis)
    out = run(x, place)
    if not include_initial:
        return out
    return concat([np.full((*x.shape[:place], 1, *x.shape[place + 1 :]), start, out.dtype), out], axis=place)


@composed(numpy=[np.cumulative_sum] if hasattr(np, "cumulative_sum") else [])
def cumulative_sum(x: Any, axis: int | None = None, include_initial: bool = False) -> Tensor:
    """The sum of the elements up to each along `axis`, which a vector need not name; with 0 before them if asked."""
    return _running("cumulative_sum", cumsum, 0, x, axis, include_initial)


@composed(numpy=[np.cumulative_prod] if hasattr(np, "cumulative_prod") else [])
def cumulative_prod(x: Any, axis: int | None = None, include_initial: bool = False) -> Tensor:
    """The product of the elements up to each one along `axis`, as cumulative_sum(); with 1 before them if asked."""
    return _running("cumulative_prod", cumprod, 1, x, axis, include_initial)


@composed(numpy=[np.unwrap], method=False)
def unwrap(x: Any, discont: float | None = None, axis: int = -1, period: float = 2 * math.pi) -> Tensor:
    """Angles along `axis`, with whole periods added to each so that it is near the one before."""
    x = floating(x)
    turns = np.unwrap(x.array, discont, axis_of(x, axis), period=period) - x.array
    return x + turns.astype(x.dtype, copy=False)


@composed(numpy=[np.bincount], method=False, half="same")
def bincount(x: Any, weights: Any = None, minlength: int = 0) -> Tensor:
    """How often each whole number from 0 on occurs in the vector x; with weights, the sum of those of its places."""
    numbers = np.asarray(values(x))
    if weights is None:
        return as_tensor(np.bincount(numbers, minlength=minlength))
    weights = as_tensor(weights)
    if numbers.ndim != 1 or weights.shape != numbers.shape or numbers.dtype.kind not in "iu" or (numbers < 0).any():
        raise ShapeError(
            f"bincount() takes a vector of whole numbers from 0 on, with a weight for each, got {numbers.dtype} of "
            f"shape {numbers.shape} and weights of shape {weights.shape}"
        )
    empty = np.zeros(max(int(numbers.max(initial=-1)) + 1, minlength), np.float64)
    return index_add(empty, 0, numbers, weights.astype(np.float64))
