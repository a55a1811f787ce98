"""Reductions over axes. `axis` is None (all), an int or a tuple; `keepdims` leaves reduced axes with length 1."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy import ndarray

from grad_engine.core.broadcasting import ones_row
from grad_engine.core.define import composed, define, in_rules
from grad_engine.core.numpy_protocol import NUMPY_TO_OP
from grad_engine.core.op import case
from grad_engine.core.stand_ins import asks
from grad_engine.core.tensor import Tensor
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.formula.symbol import tree_of
from grad_engine.ops.elementwise import kinked, nothing, selected, values, varies
from grad_engine.ops.joining import joined, stacked
from grad_engine.ops.shape import axis_of, on_diagonal, reshaped, transposed

_AXES = [
    case((2, 3)), case((2, 3), axis=0), case((2, 3), axis=-1, keepdims=True), case((2, 3, 2), axis=(0, 2)),
    case((2, 3), axis=()), case(()),
]  # fmt: skip


_HALVES = 65504  # the largest float16
_ROW = 512  # numbers that BLAS adds one after another; the sums of rows are then added in pairs


# --- between the shape of an operand and that of its reduction ------------------------------------------------------


def folded_axes(x: Any, axis: Any) -> tuple[int, ...]:
    """The axes that `axis` means, counted from 0, in order."""
    if axis is None:
        return tuple(range(x.ndim))
    given = axis if isinstance(axis, tuple) else (axis,)
    return tuple(sorted(a % x.ndim for a in given)) if x.ndim else ()


def aligned(g: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """A reduction's result or gradient with the folded axes of `x` back at length 1, so that it broadcasts with x."""
    if keepdims or not x.ndim:
        return g
    folded = folded_axes(x, axis)
    return reshaped(g, tuple(1 if i in folded else n for i, n in enumerate(x.shape)))


def spread_back(g: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """A reduction's gradient `g`, copied back along the folded axes to the shape of `x`; a view of an array."""
    if axis is not None:
        g = aligned(g, x, axis, keepdims)
    if isinstance(g, np.generic):  # what arithmetic on 0-d arrays gives
        g = np.asarray(g)
    if type(g) is not ndarray or not g.flags.c_contiguous:
        return np.broadcast_to(g, x.shape)
    if g.size == 1:
        strides: tuple[int, ...] = (0,) * x.ndim
    else:
        strides = tuple(0 if n == 1 else s for n, s in zip(g.shape, g.strides, strict=True))
    return ndarray(x.shape, g.dtype, g, 0, strides)  # broadcast_to by hand, ten times faster


def count_folded(x: Any, out: Any) -> int:
    """How many elements of `x` went into each element of `out`."""
    return x.size // out.size if out.size else 0


def over(g: Any, count: int) -> Any:
    """g / count; NaN where nothing was counted."""
    if count > _HALVES and g.dtype == np.float16:
        return g / np.float32(count)
    return g / (count or math.nan)


# --- sums and means -------------------------------------------------------------------------------------------------

_COPIED = "{g} copied to the shape of {x}"


def reduction_formula(formula: str, tree: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """`tree` where g and out broadcast with x as they are, else `formula` with a word on how they are copied."""
    folded = folded_axes(x, axis)
    if keepdims or folded == tuple(range(len(folded))):
        return tree
    copied = "{g} and {out}" if "{out}" in formula else "{g}"
    return f"{formula}, {copied} copied along axis {axis}"


def array_sum(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    """np.add.reduce; of many numbers in a row by BLAS, as a product with ones, which takes a third of the time."""
    if x.size > 1000 and x.dtype.char in "fd" and x.flags.c_contiguous:
        if axis is None and not keepdims and x.size > 64 * _ROW:
            whole = x.size - x.size % _ROW
            flat = x.reshape(-1)
            rows = flat[:whole].reshape(-1, _ROW) @ ones_row(_ROW, x.dtype)
            return np.add.reduce(rows) + np.add.reduce(flat[whole:])
        if type(axis) is int and (axis == -1 or axis == x.ndim - 1) and 16 <= x.shape[-1] <= 4 * _ROW:
            out = x.reshape(-1, x.shape[-1]) @ ones_row(x.shape[-1], x.dtype)
            return out.reshape((*x.shape[:-1], 1) if keepdims else x.shape[:-1])
    return np.add.reduce(x, axis=axis, keepdims=keepdims)


sum = define(
    array_sum,
    name="sum", symbol="Σ", category="reduction", inputs=("x",), numpy=[np.sum, (np.add, "reduce")], cases=_AXES,
    sentence="A sum hands g to each of its entries.",
    summary="Sum of the elements along `axis`; 0 when there are none.",
    vjp={"x": lambda g, out, x, axis, keepdims: spread_back(g, x, axis, keepdims)}, formula={"x": _COPIED},
)  # fmt: skip


def total(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    """The sum of x along `axis`, for use in rules."""
    return array_sum(x, axis, keepdims) if isinstance(x, ndarray) else np.add.reduce(x, axis=axis, keepdims=keepdims)


nansum = define(
    lambda x, axis=None, keepdims=False: np.nansum(x, axis=axis, keepdims=keepdims),
    name="nansum", symbol="Σ", category="reduction", inputs=("x",), numpy=[np.nansum], cases=_AXES,
    leaves_out_nan=True,
    sentence="Each number in the sum gets g unchanged; NaN gets 0.",
    summary="Sum of the elements along `axis` that are not NaN; the others have slope 0.",
    vjp={"x": lambda g, out, x, axis, keepdims: selected(spread_back(g, x, axis, keepdims), ~np.isnan(values(x)))},
    formula={"x": "{g} where {x} is not NaN, else 0"}, reads=("x",),
)  # fmt: skip


def _mean(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    if x.dtype.kind != "f" or x.itemsize < 4:  # whole numbers give floats, halves are summed in float32
        return np.mean(x, axis=axis, keepdims=keepdims)
    out = array_sum(x, axis, keepdims)
    out /= count_folded(x, out)
    return out


mean = define(
    _mean, name="mean", symbol="mean", category="reduction", inputs=("x",), numpy=[np.mean], cases=_AXES,
    sentence="A mean shares g equally among all its elements.",
    summary="Mean of the elements along `axis`; NaN when there are none.",
    vjp={
        "x": lambda g, out, x, axis, keepdims: spread_back(over(g, count_folded(x, out)), x, axis, keepdims)
    },
    formula={
        "x": lambda g, out, x, axis, keepdims: reduction_formula(
            f"{{g}} / {count_folded(x, out)}", ["/", "g", count_folded(x, out)], x, axis, keepdims
        )
    },
)  # fmt: skip
_mean_of = in_rules(mean)


def _nanmean_x(g: Any, out: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    numbers = ~np.isnan(values(x))
    counts = np.add.reduce(numbers, axis=axis, keepdims=True, dtype=x.dtype)
    return selected(np.broadcast_to(aligned(g, x, axis, keepdims) / counts, x.shape), numbers)


nanmean = define(
    lambda x, axis=None, keepdims=False: np.nanmean(x, axis=axis, keepdims=keepdims),
    name="nanmean", symbol="mean", category="reduction", inputs=("x",), numpy=[np.nanmean], cases=_AXES,
    leaves_out_nan=True,
    sentence="Each number gets g divided by how many there are; NaN gets 0.",
    summary="Mean of the elements along `axis` that are not NaN; the others have slope 0.",
    vjp={"x": _nanmean_x}, reads=("x",),
    formula={"x": "{g} / (how many were averaged) where {x} is not NaN, else 0"},
)  # fmt: skip


def _var(x: Any, axis: Any = None, ddof: float = 0, keepdims: Any = False) -> Any:
    if x.dtype.kind != "f" or x.itemsize < 4:
        return np.var(x, axis=axis, ddof=ddof, keepdims=keepdims)
    apart = np.asarray(x - _mean(x, axis, True))
    apart *= apart
    out = np.add.reduce(apart, axis=axis, keepdims=keepdims)
    free = count_folded(x, out) - ddof
    out /= free * (free > 0)
    return out


def _apart(x: Any, out: Any, axis: Any, ddof: float, factor: float) -> Any:
    """factor * (x - mean) / (count - ddof)."""
    free = count_folded(x, out) - ddof
    return (x - _mean_of(x, axis=axis, keepdims=True)) * (factor / free if free else math.inf)


def _mean_formula(axis: Any) -> Any:
    return ["mean", "x"] if axis is None else ["mean", "x", ["kw", "axis", tree_of(axis)], ["kw", "keepdims", 1]]


def _var_formula(g: Any, out: Any, x: Any, axis: Any, ddof: float, keepdims: bool) -> Any:
    free = count_folded(x, out) - ddof
    tree = ["/", ["*", ["*", 2, "g"], ["-", "x", _mean_formula(axis)]], free]
    return reduction_formula(f"2 · {{g}} · ({{x}} − mean({{x}})) / {free:g}", tree, x, axis, keepdims)


def _std_formula(g: Any, out: Any, x: Any, axis: Any, ddof: float, keepdims: bool) -> Any:
    free = count_folded(x, out) - ddof
    tree = ["/", ["*", "g", ["-", "x", _mean_formula(axis)]], ["*", free, "out"]]
    words = f"{{g}} · ({{x}} − mean({{x}})) / ({free:g} · {{out}}), 0 where {{out}} is 0"
    return reduction_formula(words, ["where", ["==", "out", 0], 0, tree], x, axis, keepdims)


var = define(
    _var, name="var", symbol="σ²", category="reduction", inputs=("x",), numpy=[np.var],
    cases=[*_AXES[:4], case((2, 3), ddof=1), case((2, 3), axis=1, ddof=1, keepdims=True)],
    torch="PyTorch divides by count − 1, NumPy by count; write ddof=1 for the first",
    sentence="Each element gets 2 · g times its distance from the mean, over the divisor.",
    summary="Variance of the elements along `axis`: the sum of squared distances from the mean over count - `ddof`.",
    vjp={
        "x": lambda g, out, x, axis, ddof, keepdims: aligned(g, x, axis, keepdims) * _apart(x, out, axis, ddof, 2.0)
    },
    formula={"x": _var_formula}, reads=("x",),
)  # fmt: skip


def _over_length(g: Any, out: Any) -> Any:
    """g / out; 0 where `out`, a norm or a standard deviation, is 0: it has a kink there."""
    none = values(out) == 0
    return kinked(g / np.where(none, math.inf, out), none, out)


def _std_x(g: Any, out: Any, x: Any, axis: Any, ddof: float, keepdims: bool) -> Any:
    slope = _over_length(g, out if count_folded(x, out) > 1 else values(out))  # of one element it is 0 everywhere
    return aligned(slope, x, axis, keepdims) * _apart(x, out, axis, ddof, 1.0)


std = define(
    lambda x, axis=None, ddof=0, keepdims=False: np.sqrt(_var(x, axis, ddof, keepdims)),
    name="std", symbol="σ", category="reduction", inputs=("x",), numpy=[np.std],
    cases=[*_AXES[:4], case((2, 3), ddof=1), case((2, 3), axis=1, ddof=1, keepdims=True)],
    torch="PyTorch divides by count − 1, NumPy by count; write ddof=1 for the first",
    sentence="Each element gets g · (its distance from the mean) / (divisor · result), 0 where all are equal.",
    summary="Standard deviation of the elements along `axis`, the root of var; slope 0 where all are equal.",
    vjp={"x": _std_x}, formula={"x": _std_formula}, reads=("x", "out"),
)  # fmt: skip


def _logsumexp(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    if x.dtype.kind != "f":
        x = x.astype(float)
    top = np.maximum.reduce(x, axis=axis, keepdims=True, initial=-math.inf)
    if not x.size:
        return np.maximum.reduce(x, axis=axis, keepdims=keepdims, initial=-math.inf)
    top = np.where(np.isfinite(top), top, x.dtype.type(0))
    out = np.log(np.add.reduce(np.exp(x - top), axis=axis, keepdims=True)) + top
    return out if keepdims else np.squeeze(out, axis=folded_axes(x, axis))


logsumexp = define(
    _logsumexp, name="logsumexp", symbol="ln Σ exp", category="reduction", inputs=("x",), cases=_AXES,
    numpy=[(np.logaddexp, "reduce")],
    sentence="Each element gets the part of g that its exponential has in the sum.",
    summary="ln of the sum of exp(x) along `axis`, without overflow; -inf when there are no elements.",
    vjp={
        "x": lambda g, out, x, axis, keepdims: (
            aligned(g, x, axis, keepdims) * np.exp(x - aligned(out, x, axis, keepdims))
        )
    },
    formula={
        "x": lambda g, out, x, axis, keepdims: reduction_formula(
            "{g} · exp({x} − {out})", ["*", "g", ["exp", ["-", "x", "out"]]], x, axis, keepdims
        )
    }, reads=("x", "out"),
)  # fmt: skip
trace = define(
    lambda x, offset=0, axis1=0, axis2=1: np.trace(x, offset, axis1, axis2),
    name="trace", symbol="tr", category="reduction", inputs=("x",), numpy=[np.trace],
    cases=[case((3, 3)), case((2, 3), offset=1), case((2, 3, 4), offset=-1, axis1=2, axis2=0), case((2, 2), offset=5)],
    sentence="Each element on the diagonal gets g, all others get 0.",
    summary="Sum along the diagonal of the plane of `axis1` and `axis2`.",
    vjp={
        "x": lambda g, out, x, offset, axis1, axis2: on_diagonal(
            reshaped(g, (*g.shape, 1)), shape=x.shape, offset=offset, axis1=axis1, axis2=axis2
        )
    },
    formula={"x": "{g} on the diagonal, 0 elsewhere"},
)  # fmt: skip

# --- norms ----------------------------------------------------------------------------------------------------------


def _vector_norm(x: Any, axis: Any = None, keepdims: Any = False, ord: float = 2) -> Any:
    if not isinstance(ord, int | float | np.number):
        raise ArgumentError(f"vector_norm() takes a number or inf as ord, got {ord!r}")
    if x.dtype.kind != "f":
        x = x.astype(float)
    if ord == 2:
        return np.sqrt(np.add.reduce(x * x, axis=axis, keepdims=keepdims))
    if ord == 0:
        return np.add.reduce(x != 0, axis=axis, keepdims=keepdims, dtype=x.dtype)
    size = np.abs(x)
    if ord == 1:
        return np.add.reduce(size, axis=axis, keepdims=keepdims)
    if math.isinf(ord):
        return (_largest if ord > 0 else _smallest)(size, axis, keepdims)
    return np.add.reduce(size**ord, axis=axis, keepdims=keepdims) ** (1 / ord)


def _vector_norm_x(g: Any, out: Any, x: Any, axis: Any, keepdims: bool, ord: float) -> Any:
    if ord == 0:
        return np.broadcast_to(nothing(aligned(g, x, axis, keepdims)), x.shape)
    if ord == 2:
        return aligned(_over_length(g, out), x, axis, keepdims) * x
    # The slope is 0 where the norm is 0, and at an element that is 0. It need not have a slope of its own there.
    none, zero, sign = values(out) == 0, values(x) == 0, np.sign(values(x))
    if ord == 1:
        share = aligned(g, x, axis, keepdims) * sign
        share = kinked(share, zero, x) if varies(g) else share
    elif math.isinf(ord):
        share = _shared(g, values(out), np.abs(values(x)), axis, keepdims) * sign
    else:
        size = np.where(zero, 0.0, sign * np.where(zero, 1.0, np.abs(x)) ** (ord - 1))
        scale = np.where(none, 0.0, np.where(none, 1.0, out) ** (1 - ord))
        share = aligned(g * scale, x, axis, keepdims) * size
        share = kinked(share, zero, x) if ord < 2 else share
    return kinked(share, aligned(none, x, axis, keepdims), aligned(out, x, axis, keepdims))


def _norm_formula(g: Any, out: Any, x: Any, axis: Any, keepdims: bool, ord: float) -> Any:
    ord = float(ord)
    if ord == 0:
        return 0
    if math.isinf(ord):
        return "{g} · sign({x}), shared evenly where |{x}| is {out}, 0 elsewhere"
    if ord == 1:
        return reduction_formula("{g} · sign({x})", ["*", "g", ["sign", "x"]], x, axis, keepdims)
    if ord == 2:
        words, ratio = "{g} · {x} / {out}", ["/", ["*", "g", "x"], "out"]
        return reduction_formula(
            f"{words}, 0 where {{out}} is 0", ["where", ["==", "out", 0], 0, ratio], x, axis, keepdims
        )
    words = f"{{g}} · sign({{x}}) · (|{{x}}| / {{out}})^{ord - 1:g}, 0 where {{x}} is 0"
    power = ["**", ["/", ["abs", "x"], "out"], ord - 1]
    tree = ["where", ["==", "x", 0], 0, ["*", ["*", "g", ["sign", "x"]], power]]
    return reduction_formula(words, tree, x, axis, keepdims)


vector_norm = define(
    _vector_norm, name="vector_norm", symbol="‖x‖", category="reduction", inputs=("x",), numpy=[np.linalg.vector_norm],
    cases=[
        *_AXES[:4], *(case((2, 3), ord=ord) for ord in (0, 1, 3, 0.5, 1.5, -1, math.inf, -math.inf)),
        case((2, 3, 2), axis=(0, 2), ord=3, keepdims=True), case((2, 3), axis=1, ord=math.inf), case((0, 3), axis=0),
    ],
    sentence="Each element gets g times how fast the length grows with it; length 0 gives 0.",
    summary="The `ord`-norm of the vectors along `axis`: (Σ|x|^ord)^(1/ord), for inf the largest |x|; slope 0 at 0.",
    vjp={"x": _vector_norm_x},
    formula={"x": _norm_formula}, reads=("x", "out"),
)  # fmt: skip

# --- products and running sums --------------------------------------------------------------------------------------


def _reversed(x: Any, axis: int) -> Any:
    return x[(*(slice(None),) * axis, slice(None, None, -1))]


def _sum_of_later(g: Any, axis: int) -> Any:
    """For each place along `axis` the sum of g from there on."""
    return _reversed(_running_sum(_reversed(g, axis), axis=axis), axis)


def _line(x: Any, axis: Any) -> tuple[Any, int]:
    """x and the axis along which a running operation goes: all of x in a row when none is given."""
    return (x, axis % x.ndim) if axis is not None and x.ndim else (reshaped(x, (-1,)), 0)


cumsum = define(
    lambda x, axis=None: np.cumsum(x, axis=axis), name="cumsum", symbol="Σ…", category="reduction", inputs=("x",),
    numpy=[np.cumsum], cases=[case((2, 3)), case((2, 3), axis=0), case((2, 3, 2), axis=-2), case(())],
    sentence="Each element is in its own and all later sums, and gets all their gradients.",
    summary="Running sum along `axis`; of all elements in C order without an axis.",
    vjp={"x": lambda g, out, x, axis: reshaped(_sum_of_later(g, _line(x, axis)[1]), x.shape)},
    formula={"x": "for each place the sum of {g} from there on"},
)  # fmt: skip
_running_sum = in_rules(cumsum)


@asks("do all elements differ from 0?")
def _cumprod_x(g: Any, out: Any, x: Any, axis: Any) -> Any:
    line, along = _line(x, axis)
    if (values(x) != 0).all():
        return reshaped(_sum_of_later(g * out, along) / line, x.shape)
    before = (*(slice(None),) * along,)
    one = np.ones_like(values(line)[(*before, slice(1))])
    earlier = joined([one, out[(*before, slice(-1))]], axis=along)  # the product of all elements before each place
    later = [g[(*before, -1)]]  # Horner's rule from the end: g[k] + x[k+1] * (g[k+1] + x[k+2] * ...)
    for k in range(line.shape[along] - 1, 0, -1):
        later.append(g[(*before, k - 1)] + line[(*before, k)] * later[-1])
    return reshaped(earlier * stacked(later[::-1], axis=along), x.shape)


cumprod = define(
    lambda x, axis=None: np.cumprod(x, axis=axis), name="cumprod", symbol="Π…", category="reduction", inputs=("x",),
    numpy=[np.cumprod],
    cases=[
        case((2, 3)), case((2, 3), axis=0), case((2, 3, 2), axis=-2), case(()), case((0, 2), axis=0),
        case(np.array([[2.0, 0.0, 3.0, 0.5], [0.0, 1.5, 0.0, 0.7]]), axis=1), case(np.array([2.0, 0.0, 3.0])),
    ],
    sentence="Each element gets, from its own and all later products, g times the other factors.",
    summary="Running product along `axis`; of all elements in C order without an axis. Exact with zeros.",
    vjp={"x": _cumprod_x}, reads=("x", "out"),
    formula={"x": "for each place the sum, from there on, of {g} times the product of the other elements"},
)  # fmt: skip
_running_product = in_rules(cumprod)


def _decay(x: Any, axis: int, k: int) -> Any:
    """exp(x[k] − x[k + 1]) along `axis` of a running logarithm, which is at most 1."""
    before = (*(slice(None),) * axis,)
    return np.exp(x[(*before, k)] - x[(*before, k + 1)])


def _logcumsumexp_x(g: Any, out: Any, x: Any, axis: Any) -> Any:
    line, along = _line(x, axis)
    before = (*(slice(None),) * along,)
    if not line.shape[along]:
        return reshaped(g, x.shape)
    later = [g[(*before, -1)]]  # Horner's rule from the end, with factors that cannot overflow
    for k in range(line.shape[along] - 2, -1, -1):
        later.append(g[(*before, k)] + _decay(out, along, k) * later[-1])
    return reshaped(stacked(later[::-1], axis=along) * np.exp(line - out), x.shape)


def _logcumsumexp(x: Any, axis: Any = None) -> Any:
    if axis is not None and (x.ndim or axis not in (0, -1)):
        axis_of(x, axis)
    line, along = _line(x if x.dtype.kind == "f" else x.astype(float), axis)
    return np.logaddexp.accumulate(line, axis=along)


logcumsumexp = define(
    _logcumsumexp, name="logcumsumexp", symbol="ln Σ exp…", category="reduction", inputs=("x",),
    cases=[case((2, 3)), case((2, 3), axis=0), case((2, 3, 2), axis=-2), case(()), case((0, 2), axis=0)],
    sentence="Each element gets, from its own and all later sums, its part of their gradients.",
    summary="ln of the running sum of exp(x) along `axis`, without overflow; of all elements in C order without an "
    "axis.",
    vjp={"x": _logcumsumexp_x}, reads=("x", "out"),
    formula={"x": "exp({x}) times, for each place, the sum of {g} · exp(−{out}) from there on"},
)  # fmt: skip


def _product_of_others(x: Any, axis: Any) -> Any:
    """For each element the product of all others that are folded with it, zeros or not."""
    folded = folded_axes(x, axis)
    order = (*(a for a in range(x.ndim) if a not in folded), *folded)
    lines = transposed(x, order)
    shape = lines.shape
    lines = reshaped(lines, (*shape[: x.ndim - len(folded)], math.prod(shape[x.ndim - len(folded) :])))
    one = np.ones_like(values(lines)[..., :1])
    before = _running_product(joined([one, lines[..., :-1]], axis=-1), axis=-1)
    after = _running_product(joined([one, lines[..., :0:-1]], axis=-1), axis=-1)[..., ::-1]
    return transposed(reshaped(before * after, shape), tuple(np.argsort(order).tolist()))


@asks("do all elements differ from 0?")
def _prod_x(g: Any, out: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    if (values(x) != 0).all():
        return aligned(g * out, x, axis, keepdims) / x
    return aligned(g, x, axis, keepdims) * _product_of_others(x, axis)


prod = define(
    lambda x, axis=None, keepdims=False: np.multiply.reduce(x, axis=axis, keepdims=keepdims),
    name="prod", symbol="Π", category="reduction", inputs=("x",), numpy=[np.prod, (np.multiply, "reduce")],
    cases=[
        *_AXES, case(np.array([2.0, 0.0, 3.0])), case(np.array([[2.0, 0.0, 3.0], [0.0, 0.0, 1.5]]), axis=1),
        case(np.array([[[2.0, 0.0], [1.3, 3.0]], [[0.0, 1.1], [0.5, 1.5]]]), axis=(0, 2), keepdims=True), case((0, 2)),
    ],
    sentence="Each factor gets g times the product of all the others.",
    summary="Product of the elements along `axis`; 1 when there are none. Exact with zeros.",
    vjp={"x": _prod_x}, formula={"x": "{g} times the product of the other elements"}, reads=("x", "out"),
)  # fmt: skip
NUMPY_TO_OP[np.logaddexp, "accumulate"] = lambda x, axis=0: logcumsumexp(x, axis)
NUMPY_TO_OP[np.add, "accumulate"] = lambda x, axis=0: cumsum(x, axis)
NUMPY_TO_OP[np.multiply, "accumulate"] = lambda x, axis=0: cumprod(x, axis)

# --- extremes and the middle ----------------------------------------------------------------------------------------


def _empty(x: Any, axis: Any, what: str) -> ShapeError:
    return ShapeError(f"an empty tensor of shape {x.shape} has no {what} along axis {axis}; check its size first")


def _extreme(ufunc: np.ufunc) -> Any:
    def forward(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
        try:
            return ufunc.reduce(x, axis=axis, keepdims=keepdims)
        except ValueError as error:
            if "zero-size" in str(error):
                raise _empty(x, axis, ufunc.__name__) from None
            raise

    return forward


_largest, _smallest = _extreme(np.maximum), _extreme(np.minimum)


@asks("is the result NaN?")
def _hits(out: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """Where an element of the array x is the one in `out`, or NaN as it is."""
    mine = out if axis is None else aligned(out, x, axis, keepdims)
    hits = x == mine
    odd = mine != mine
    if odd if odd.size == 1 else odd.any():
        hits |= (x != x) & odd
    return hits


@asks("does an element equal the result?")
def _among(g: Any, hits: Any, axis: Any, keepdims: bool) -> Any:
    """g in equal parts at the hits along `axis`, 0 elsewhere."""
    if axis is None:
        return selected(spread_back(g / (np.count_nonzero(hits) or math.nan), hits, axis, keepdims), hits)
    counts = np.add.reduce(hits, axis=axis, keepdims=True, dtype=g.dtype)
    return selected(np.broadcast_to(aligned(g, hits, axis, keepdims) / counts, hits.shape), hits)


def _shared(g: Any, out: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """g in equal parts to the elements that are equal to `out`; several NaNs share it too."""
    return _among(g, _hits(out, x, axis, keepdims), axis, keepdims)


@asks("is the result NaN?")
def _evenly(g: Any, out: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """Equals share the gradient; where the extreme is NaN, no element equals it and all get NaN."""
    x, out = values(x), values(out)
    share = _shared(g, out, x, axis, keepdims)
    lost = out != out
    if lost.any():
        return np.where(aligned(lost, x, axis, keepdims), math.nan, share)
    return share


def _to_first(g: Any, out: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """Along one axis the first of equals takes the whole gradient, as in torch.max(dim); otherwise they share it."""
    hits = _hits(values(out), values(x), axis, keepdims)
    if not isinstance(axis, int | np.integer) or not x.ndim:
        return _among(g, hits, axis, keepdims)
    places = np.arange(x.shape[axis]).reshape(-1, *(1,) * (x.ndim - 1 - axis % x.ndim))
    first = places == np.argmax(hits, axis=axis, keepdims=True)
    return selected(spread_back(g, x, axis, keepdims), first)


def _shared_formula(g: Any, out: Any, x: Any, axis: Any, keepdims: bool) -> str:
    return "{g} in equal parts to the elements of {x} that are {out}, 0 to the others"


def _first_formula(g: Any, out: Any, x: Any, axis: Any, keepdims: bool) -> str:
    if not isinstance(axis, int | np.integer) or not x.ndim:
        return _shared_formula(g, out, x, axis, keepdims)
    return f"{{g}} to the first element of {{x}} along axis {axis} that is {{out}}, 0 to the others"


def _define_extreme(
    name: str, forward: Any, numpy: list[Any], rule: Any, summary: str, sentence: str, torch: str = "", **more: Any
) -> Any:  # fmt: skip
    return define(
        forward, name=name, symbol=name[-3:], category="reduction", inputs=("x",), numpy=numpy, cases=_AXES,
        summary=summary, sentence=sentence, vjp={"x": rule}, reads=("x", "out"), torch=torch,
        formula={"x": _shared_formula if rule is _evenly else _first_formula}, **more,
    )  # fmt: skip


_FIRST = "Ties along one axis: the first takes the gradient; along all or several axes they share it evenly."
max = _define_extreme(
    "max", _largest, [np.max, (np.maximum, "reduce")], _to_first, f"Largest element along `axis`. {_FIRST}",
    "The largest element gets the gradient; equals share it, along one axis the first takes it.",
    "PyTorch's max(x, 1) gives (values, indices), as max(x, dim=1) does here, and its max(x, y) is maximum(x, y)",
)  # fmt: skip
min = _define_extreme(
    "min", _smallest, [np.min, (np.minimum, "reduce")], _to_first, f"Smallest element along `axis`. {_FIRST}",
    "The smallest element gets the gradient; equals share it, along one axis the first takes it.",
    "PyTorch's min(x, 1) gives (values, indices), as min(x, dim=1) does here, and its min(x, y) is minimum(x, y)",
)  # fmt: skip
amax = _define_extreme(
    "amax", _largest, [np.amax], _evenly, "Largest element along `axis`; ties share the gradient evenly.",
    "The largest element gets the gradient; equals share it evenly, all others get 0.",
)  # fmt: skip
amin = _define_extreme(
    "amin", _smallest, [np.amin], _evenly, "Smallest element along `axis`; ties share the gradient evenly.",
    "The smallest element gets the gradient; equals share it evenly, all others get 0.",
)  # fmt: skip


nanmax = _define_extreme(
    "nanmax", _extreme(np.fmax), [np.nanmax, (np.fmax, "reduce")], _to_first,
    f"Largest element along `axis` that is not NaN, NaN where all are. {_FIRST}",
    "The largest number gets the gradient; equals share it, along one axis the first takes it.", leaves_out_nan=True,
)  # fmt: skip
nanmin = _define_extreme(
    "nanmin", _extreme(np.fmin), [np.nanmin, (np.fmin, "reduce")], _to_first,
    f"Smallest element along `axis` that is not NaN, NaN where all are. {_FIRST}",
    "The smallest number gets the gradient; equals share it, along one axis the first takes it.", leaves_out_nan=True,
)  # fmt: skip


@composed(numpy=[np.ptp])
def ptp(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The range of the elements along `axis`: the largest minus the smallest."""
    return max(x, axis, keepdims) - min(x, axis, keepdims)


def lines_of(x: Any, axis: Any, what: str) -> tuple[Any, tuple[int, ...]]:
    """x with the folded axes together as its last one, and the shape of the result with them at length 1."""
    if axis is not None and (x.ndim or axis not in (0, -1)):  # PyTorch's axis 0 of a tensor without axes
        places = [axis_of(x, each) for each in (axis if isinstance(axis, tuple) else (axis,))]
        if len(set(places)) < len(places):
            raise ShapeError(f"{what} along axes {axis} names one of them twice")
    folded = folded_axes(x, axis)
    rest = tuple(a for a in range(x.ndim) if a not in folded)
    if not x.size:
        raise _empty(x, axis, what)
    lines = reshaped(transposed(x, (*rest, *folded)), (*(x.shape[a] for a in rest), -1))
    return lines, tuple(1 if a in folded else n for a, n in enumerate(x.shape))


def _median(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    lines, kept = lines_of(x, axis, "median")
    place = (lines.shape[-1] - 1) // 2
    out = np.partition(lines, place, axis=-1)[..., place]
    if x.dtype.kind == "f":
        out = np.where(np.isnan(lines).any(axis=-1), x.dtype.type(math.nan), out)
    return out.reshape(kept) if keepdims else out


def _nanmedian(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    lines, kept = lines_of(x, axis, "median")
    lines = np.sort(lines, axis=-1)  # NaN goes to the end
    count = np.add.reduce(~np.isnan(lines), axis=-1, keepdims=True)
    out = np.take_along_axis(lines, np.maximum(count - 1, 0) // 2, axis=-1)[..., 0]
    return out.reshape(kept) if keepdims else out


median = define(
    _median, name="median", symbol="median", category="reduction", inputs=("x",), cases=_AXES[:4],
    torch="PyTorch's median(x, 1) gives (values, indices), as median(x, dim=1) does here",
    sentence="The middle element gets the gradient; equals share it, along one axis the first takes it.",
    summary=f"The middle element along `axis` in order of size, of an even count the lower one as in PyTorch. {_FIRST}",
    vjp={"x": _to_first}, formula={"x": _first_formula}, reads=("x", "out"),
)  # fmt: skip
nanmedian = define(
    _nanmedian, name="nanmedian", symbol="median", category="reduction", inputs=("x",), cases=_AXES[:4],
    leaves_out_nan=True,
    torch="PyTorch's nanmedian(x, 1) gives (values, indices), as nanmedian(x, dim=1) does here",
    sentence="The middle number gets the gradient; equals share it, along one axis the first takes it.",
    summary=f"The median of the elements along `axis` that are not NaN, NaN where all are. {_FIRST}",
    vjp={"x": _to_first}, formula={"x": _first_formula}, reads=("x", "out"),
)  # fmt: skip


# --- without a gradient ---------------------------------------------------------------------------------------------

argmax = define(
    lambda x, axis=None, keepdims=False: np.argmax(x, axis=axis, keepdims=keepdims), name="argmax", symbol="argmax",
    category="reduction", inputs=("x",), numpy=[np.argmax], cases=_AXES[:3],
    summary="Index of the largest element along `axis`, the first of equals; in C order without an axis. No gradient.",
)  # fmt: skip
argmin = define(
    lambda x, axis=None, keepdims=False: np.argmin(x, axis=axis, keepdims=keepdims), name="argmin", symbol="argmin",
    category="reduction", inputs=("x",), numpy=[np.argmin], cases=_AXES[:3],
    summary="Index of the smallest element along `axis`, the first of equals; in C order without an axis. No gradient.",
)  # fmt: skip
all = define(
    lambda x, axis=None, keepdims=False: np.logical_and.reduce(x, axis=axis, keepdims=keepdims), name="all",
    symbol="∀", category="reduction", inputs=("x",), cases=_AXES,
    summary="Whether every element along `axis` is true or not 0; true when there are none. No gradient.",
)  # fmt: skip
any = define(
    lambda x, axis=None, keepdims=False: np.logical_or.reduce(x, axis=axis, keepdims=keepdims), name="any",
    symbol="∃", category="reduction", inputs=("x",), cases=_AXES,
    summary="Whether some element along `axis` is true or not 0; false when there are none. No gradient.",
)  # fmt: skip


def _count_nonzero(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    if not isinstance(keepdims, bool | np.bool_):
        raise ArgumentError(
            f"count_nonzero({axis}, {keepdims}) is asked along one axis, and keepdims is True or False; write "
            f"axis=({axis}, {keepdims}) for both axes, as PyTorch counts them"
        )
    return np.count_nonzero(x, axis=axis, keepdims=keepdims)


count_nonzero = define(
    _count_nonzero, name="count_nonzero",
    symbol="≠0", category="reduction", inputs=("x",), cases=_AXES,
    summary="How many elements along `axis` are not 0. No gradient.",
)  # fmt: skip
