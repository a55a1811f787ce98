"""Normalization: each group of numbers minus its mean, over its standard deviation, then scaled and shifted.

x̂ = (x − mean) · rate with rate = 1 / √(variance + eps). A gradient h that arrives at x̂ gives x the share
rate · (h − mean(h) − x̂ · mean(h · x̂)) (Ioffe & Szegedy 2015, section 3), which is what Tensors take. Arrays take the
same in fewer passes over memory: rows are summed by BLAS, and numbers of which there is one for each row or channel are
multiplied with each other first.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from grad_engine.core.broadcasting import cast, dot_of, ones_row, summed_to
from grad_engine.core.call import as_tensor
from grad_engine.core.define import composed, define
from grad_engine.core.node import next_sequence_nr
from grad_engine.core.op import case
from grad_engine.core.tensor import Tensor, array_of
from grad_engine.core.versions import WRITES
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.ops.elementwise import clip, times, values, where
from grad_engine.ops.reduction import total, vector_norm
from grad_engine.ops.shape import axis_of, reshaped

_LONGEST_ROW = 1 << 12  # in BLAS, of numbers added one after the other
_LARGE, _PART = 1 << 23, 1 << 18  # bytes of the arrays that are made, from which on parts are faster, and of a part


def _wide(x: Any) -> Any:
    """x, with float16 as float32: the sum of a few hundred squares may be more than float16 holds."""
    return cast(x, np.float32) if x.dtype.char == "e" else x


def _standardized(x: Any, axes: tuple[int, ...], eps: float) -> tuple[Any, Any, int]:
    """x with mean 0 and variance 1 along `axes`, the rate 1 / sqrt(variance + eps), and how many elements share it."""
    x, count = _wide(x), max(math.prod(x.shape[axis] for axis in axes), 1)
    centred = x - _total(x, axes) / count
    rate = 1 / np.sqrt(_total_product(centred, centred, axes) / count + eps)
    return times(centred, rate), rate, count


def _in_rows(x: Any, axes: tuple[int, ...]) -> int:
    """How many of the last axes of an array are among `axes`: each row of them is summed by BLAS. 0 where it is not."""
    last = 0
    if isinstance(x, np.ndarray) and x.flags.c_contiguous and x.dtype.kind == "f":
        while last < x.ndim and x.ndim - 1 - last in axes:
            last += 1
    return last


def _in_columns(x: Any, axes: tuple[int, ...]) -> bool:
    """Whether the columns of a matrix are summed, in which a row is added to the sums of all columns at once."""
    return isinstance(x, np.ndarray) and axes == (0,) and x.ndim == 2 and x.flags.c_contiguous and x.dtype.char in "fd"


def _total(x: Any, axes: tuple[int, ...]) -> Any:
    """The sum of x along `axes`, which stay with length 1."""
    last = _in_rows(x, axes)
    while last > 1 and math.prod(x.shape[x.ndim - last :]) > _LONGEST_ROW:
        last -= 1
    lead, length = x.shape[: x.ndim - last], math.prod(x.shape[x.ndim - last :])
    if not last or not 8 <= length <= _LONGEST_ROW:
        if _in_columns(x, axes):
            return dot_of(ones_row(len(x), x.dtype), x).reshape(1, -1)
        return total(x, axis=axes, keepdims=True)
    rows = (x.reshape(-1, length) @ ones_row(length, x.dtype)).reshape(*lead, *(1,) * last)
    rest = tuple(axis for axis in axes if axis < len(lead))
    return np.add.reduce(rows, axis=rest, keepdims=True) if rest else rows


def _total_product(x: Any, y: Any, axes: tuple[int, ...]) -> Any:
    """The sum of x * y along `axes`, which stay with length 1; of arrays without an array for the product."""
    last = min(_in_rows(x, axes), _in_rows(y, axes))
    if not last:
        if _in_columns(x, axes) and _in_columns(y, axes):
            return np.einsum("ij,ij->j", x, y).reshape(1, -1)
        return total(x * y, axis=axes, keepdims=True)
    lead = x.shape[: x.ndim - last]
    row = (*lead, math.prod(x.shape[x.ndim - last :]))
    rows = np.vecdot(x.reshape(row), y.reshape(row)).reshape(*lead, *(1,) * last)
    rest = tuple(axis for axis in axes if axis < len(lead))
    return np.add.reduce(rows, axis=rest, keepdims=True) if rest else rows


def _row_length(x: Any, count: int, *others: Any) -> int:
    """How long the rows are that the last `count` axes of an array make, each of which is standardized by itself.

    0 where they are too long for BLAS, and where the arrays are not of one dtype: those take the general form.
    """
    if not isinstance(x, np.ndarray) or x.dtype.char not in "fd" or not x.flags.c_contiguous:
        return 0
    for other in others:
        if other is not None and not (isinstance(other, np.ndarray) and other.dtype is x.dtype):
            return 0
    length = math.prod(x.shape[x.ndim - count :])
    return length if 8 <= length <= _LONGEST_ROW and x.size > length else 0


def _centred_rows(rows: Any, eps: float, out: Any = None) -> tuple[Any, Any]:
    """The rows with mean 0, and the column by which they have to be multiplied to have variance 1."""
    length = rows.shape[1]
    centred = np.subtract(rows, (dot_of(rows, ones_row(length, rows.dtype)) / length).reshape(-1, 1), out=out)
    return centred, (1 / np.sqrt(np.vecdot(centred, centred) / length + eps)).reshape(-1, 1)


def _parts(rows: Any, arrays: int) -> list[slice]:
    """The rows in parts that stay in the cache; none where `arrays` of them are not large, or while they are traced.

    Each but the last has a number of rows that BLAS takes in the same steps, so that the bits are those of one part.
    """
    if arrays * rows.nbytes < _LARGE or type(rows) is not np.ndarray:
        return []
    step = max(_PART // rows[0].nbytes // 16, 1) * 16
    return [slice(start, start + step) for start in range(0, len(rows), step)]


def _layer_norm_of_rows(x: Any, weight: Any, bias: Any, length: int, eps: float) -> Any:
    """layer_norm() of an array. BLAS multiplies column and row for less than NumPy goes over all rows once more."""
    rows = x.reshape(-1, length)
    weight = None if weight is None else weight.reshape(1, -1)
    bias = None if bias is None else bias.reshape(-1)
    if not (parts := _parts(rows, 1)):
        return _standard_rows(rows, weight, bias, eps).reshape(x.shape)
    out = np.empty(rows.shape, x.dtype)
    for part in parts:
        _standard_rows(rows[part], weight, bias, eps, out[part])
    return out.reshape(x.shape)


def _standard_rows(rows: Any, weight: Any, bias: Any, eps: float, out: Any = None) -> Any:
    out, rate = _centred_rows(rows, eps, out)
    out *= rate if weight is None else dot_of(rate, weight)
    if bias is not None:
        out += bias
    return out


def _layer_norm_shares_of_rows(g: Any, x: Any, weight: Any, bias: Any, length: int, eps: float, wanted: Any) -> Any:
    """The shares of x, weight and bias: with c = x − mean of a row and n numbers in it,

    bias: Σ g over the rows; weight: Σ rate · g · c over the rows, a product of a row with a matrix;
    x: rate · weight · g − c · (rate³ / n) Σ(weight · g · c) − (rate / n) Σ(weight · g), whose two sums over a row are
    products of a matrix with the weight.
    """
    g, rows = g.reshape(-1, length), x.reshape(-1, length)
    shares = [None, None, dot_of(ones_row(len(g), x.dtype), g).reshape(bias.shape) if wanted[2] else None]
    if not (wanted[0] or wanted[1]):
        return shares
    row = ones_row(length, x.dtype) if weight is None else weight.reshape(-1)
    if not (parts := _parts(rows, 4)):
        share, product, rate = _share_of_rows(g, rows, row, eps, wanted[0])
    else:
        share, product = np.empty(rows.shape, x.dtype) if wanted[0] else None, np.empty(rows.shape, x.dtype)
        rate = np.empty((len(rows), 1), x.dtype)
        for part in parts:
            into = None if share is None else share[part]
            rate[part] = _share_of_rows(g[part], rows[part], row, eps, wanted[0], into, product[part])[2]
    if wanted[1]:
        shares[1] = dot_of(rate.reshape(-1), product).reshape(weight.shape)
    if wanted[0]:
        shares[0] = share.reshape(x.shape)
    return shares


def _share_of_rows(
    g: Any, rows: Any, weight: Any, eps: float, wanted: bool, share: Any = None, product: Any = None
) -> tuple[Any, Any, Any]:
    """The share of x, g · c and the rate of each row; `share` and `product` are memory for the first two."""
    length = rows.shape[1]
    centred, rate = _centred_rows(rows, eps)
    product = np.multiply(g, centred, out=product)
    if not wanted:
        return None, product, rate
    share = np.multiply(g, dot_of(rate, weight.reshape(1, -1)), out=share)
    centred *= dot_of(product, weight).reshape(-1, 1) * rate * rate * rate / length
    share -= centred
    share -= dot_of(g, weight).reshape(-1, 1) * rate / length
    return share, product, rate


def _check_sizes(size: int, weight: Any, bias: Any) -> None:
    for value, name in ((weight, "weight"), (bias, "bias")):
        if value is not None and (not isinstance(value, np.ndarray) or value.size != size):
            raise ShapeError(f"{name} must have {size} elements, got shape {np.shape(value)}; reshape it")


def _scaled(x: Any, normal: Any, weight: Any, bias: Any, own: tuple[int, ...]) -> Any:
    """`normal` times weight, plus bias, both in the shape `own`, which broadcasts with x."""
    _check_sizes(math.prod(own), weight, bias)
    if weight is not None:
        weight = weight.reshape(own)
        normal = times(normal, weight) if np.can_cast(weight.dtype, normal.dtype) else normal * weight
    if bias is not None:
        bias = bias.reshape(own)
        normal = np.add(normal, bias, out=normal) if np.can_cast(bias.dtype, normal.dtype) else normal + bias
    if x.dtype.char != "e":
        return normal
    return normal.astype(np.result_type(x, *(each for each in (weight, bias) if each is not None)), copy=False)


def _normalization_shares(
    g: Any, x: Any, weight: Any, bias: Any, groups: tuple[int, ...], axes: tuple[int, ...], own: tuple[int, ...],
    eps: float, wanted: Any,
) -> list[Any]:  # fmt: skip
    """The gradients of x, weight and bias (Ioffe & Szegedy 2015, section 3), x standardized in the shape `groups`."""
    g = _wide(g)
    shares = [None, None, g if wanted[2] else None]
    if wanted[2]:
        shares[2] = reshaped(summed_to(g, own), bias.shape)
    if not (wanted[0] or wanted[1]):
        return shares
    normal, rate, count = _standardized(reshaped(x, groups), axes, eps)
    if wanted[1]:
        shares[1] = reshaped(summed_to(g * reshaped(normal, x.shape), own), weight.shape)
    if wanted[0]:
        slope = reshaped(g if weight is None else g * reshaped(weight, own), groups)
        mean_slope = total(slope, axis=axes, keepdims=True) / count
        along = _total_product(slope, normal, axes) / count
        if isinstance(slope, np.ndarray) and isinstance(normal, np.ndarray):  # the same, in two arrays instead of four
            normal *= along
            slope = slope - mean_slope
            slope -= normal
            shares[0] = reshaped(times(slope, rate), x.shape)
        else:
            shares[0] = reshaped(rate * (slope - mean_slope - normal * along), x.shape)
    return shares


def _normalization_formula(of: str, kind: str) -> Any:
    """The rule of a normalization for one operand, as a function that says it in one sentence."""
    standard = "x̂ = {x} / rms" if kind == "rms" else "x̂ = ({x} − mean({x})) / std"
    if of == "bias":
        return "{g}, summed to the shape of {bias}"
    if of == "weight":
        return f"{{g}} · x̂, summed to the shape of {{weight}}, with {standard}"

    def rule(g: Any, out: Any, x: Any, weight: Any, *others: Any) -> str:
        h = "{g}" if weight is None else "{g} · {weight}"
        if kind == "batch" and others[1] is not None:
            return f"{h} / std, with the std that was given"
        slope = "(h − x̂ · mean(h · x̂)) / rms" if kind == "rms" else "(h − mean(h) − x̂ · mean(h · x̂)) / std"
        return f"{slope}, with h = {h} and {standard}"

    return rule


def _normalization_formulas(kind: str = "") -> dict[str, Any]:
    names = ("x", "weight") if kind == "rms" else ("x", "weight", "bias")
    return {name: _normalization_formula(name, kind) for name in names}


def _trailing(x: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(range(x.ndim - len(shape), x.ndim))


def _layer_norm(x: Any, weight: Any = None, bias: Any = None, normalized_shape: Any = None, eps: float = 1e-5) -> Any:
    if x.shape[x.ndim - len(normalized_shape) :] != normalized_shape or not normalized_shape:
        raise ShapeError(f"layer_norm() over {normalized_shape} takes x that ends in that shape, got {x.shape}")
    if length := _row_length(x, len(normalized_shape), weight, bias):
        return _layer_norm_of_rows(x, weight, bias, length, eps)
    return _scaled(x, _standardized(x, _trailing(x, normalized_shape), eps)[0], weight, bias, normalized_shape)


def _layer_norm_shares(
    g: Any, out: Any, x: Any, weight: Any, bias: Any, normalized_shape: Any, eps: float, wanted: Any
) -> list[Any]:
    if length := _row_length(x, len(normalized_shape), g, weight, bias):
        return _layer_norm_shares_of_rows(g, x, weight, bias, length, eps, wanted)
    axes = _trailing(x, normalized_shape)
    return _normalization_shares(g, x, weight, bias, x.shape, axes, normalized_shape, eps, wanted)


_layer_norm_op = define(
    _layer_norm, name="layer_norm", symbol="norm", category="neural", inputs=("x", "weight", "bias"), method=False,
    cases=[
        case((2, 4), (4,), (4,), normalized_shape=(4,)), case((2, 3, 2), None, None, normalized_shape=(3, 2)),
        case((2, 3), (3,), None, normalized_shape=(3,), eps=0.1),
    ],
    floats=("x", "weight", "bias"),
    sentence="The gradient loses what would only shift or stretch the group, then it is scaled.",
    summary="x minus its mean, divided by its standard deviation, over the last axes, normalized_shape; times weight, "
    "plus bias.",
    vjp=_layer_norm_shares, formula=_normalization_formulas(), reads=("x", "weight"),
)  # fmt: skip


def _own_shape(name: str, shape: tuple[int, ...], *parameters: Any) -> None:
    for each in parameters:
        if each is not None and np.shape(values(each)) != shape:
            raise ShapeError(
                f"{name}() takes weight and bias of normalized_shape, {shape}, got {np.shape(values(each))}"
            )


@composed(before=_layer_norm_op)
def layer_norm(x: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Tensor:
    """x minus its mean, divided by its standard deviation, over the last axes; times weight, plus bias."""
    shape = (normalized_shape,) if isinstance(normalized_shape, int | np.integer) else tuple(normalized_shape)
    _own_shape("layer_norm", shape, weight, bias)
    return _layer_norm_op(x, weight, bias, shape, eps)


def _by_group(name: str, x: Any, num_groups: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shape in which each group of channels is one axis, and that of the weight laid along x."""
    if x.ndim < 2 or num_groups < 1 or x.shape[1] % num_groups:
        raise ShapeError(
            f"{name}() takes x (batch, channels, ...) with channels in {num_groups} equal groups, got {x.shape}"
        )
    channels = x.shape[1]
    inside = channels // num_groups * math.prod(x.shape[2:])
    return (x.shape[0], num_groups, inside), (channels, *(1,) * (x.ndim - 2))


def _channel_rows(x: Any, *others: Any) -> bool:
    """Whether x is an array (batch, channels, ...) whose channels are rows that are long enough for BLAS."""
    return len(x.shape) > 2 and _row_length(x, x.ndim - 2, *others) > 0


def _centred_groups(x: Any, groups: tuple[int, ...], eps: float) -> tuple[Any, Any]:
    """x with mean 0 in each group, as (batch, groups, channels of one, places), and the rate (batch, groups, 1, 1)."""
    view = x.reshape(*groups[:2], x.shape[1] // groups[1], -1)
    centred = view - _total(view, (2, 3)) / groups[2]
    return centred, 1 / np.sqrt(_total_product(centred, centred, (2, 3)) / groups[2] + eps)


def _group_norm_of_channels(x: Any, weight: Any, bias: Any, groups: tuple[int, ...], eps: float) -> Any:
    """group_norm() of an array: rate · weight is one number for each channel."""
    _check_sizes(x.shape[1], weight, bias)
    out, rate = _centred_groups(x, groups, eps)
    own = (*out.shape[1:3], 1)
    out *= rate if weight is None else rate * weight.reshape(own)
    if bias is not None:
        out += bias.reshape(own)
    return out.reshape(x.shape)


def _group_norm_shares_of_channels(
    g: Any, x: Any, weight: Any, bias: Any, groups: tuple[int, ...], eps: float, wanted: Any
) -> list[Any]:
    """The shares of x, weight and bias: with c = x − mean of the group, n numbers in it, and w the weight of a channel,

    bias: Σ g of a channel; weight: Σ rate · Σ(g · c) of a channel;
    x: rate · w · g − c · (rate³ / n) A − (rate / n) B, with A = Σ w Σ(g · c) and B = Σ w Σ g over its channels.
    """
    centred, rate = _centred_groups(x, groups, eps)
    h, own = g.reshape(centred.shape), (*centred.shape[1:3], 1)
    plain, along = _total(h, (3,)), _total_product(h, centred, (3,))
    shares = [
        None, np.add.reduce(along * rate, axis=0).reshape(weight.shape) if wanted[1] else None,
        np.add.reduce(plain, axis=0).reshape(bias.shape) if wanted[2] else None,
    ]  # fmt: skip
    if wanted[0]:
        scale = rate
        if weight is not None:
            w = weight.reshape(own)
            scale, plain, along = rate * w, plain * w, along * w
        share = h * scale
        centred *= np.add.reduce(along, axis=2, keepdims=True) * rate * rate * rate / groups[2]
        share -= centred
        share -= np.add.reduce(plain, axis=2, keepdims=True) * rate / groups[2]
        shares[0] = share.reshape(x.shape)
    return shares


def _group_norm(x: Any, weight: Any = None, bias: Any = None, num_groups: int = 1, eps: float = 1e-5) -> Any:
    groups, own = _by_group("group_norm", x, num_groups)
    if _channel_rows(x, weight, bias):
        return _group_norm_of_channels(x, weight, bias, groups, eps)
    return _scaled(x, _standardized(x.reshape(groups), (2,), eps)[0].reshape(x.shape), weight, bias, own)


def _group_norm_shares(
    g: Any, out: Any, x: Any, weight: Any, bias: Any, num_groups: int, eps: float, wanted: Any
) -> list[Any]:
    groups, own = _by_group("group_norm", x, num_groups)
    if _channel_rows(x, g, weight, bias):
        return _group_norm_shares_of_channels(g, x, weight, bias, groups, eps, wanted)
    return _normalization_shares(g, x, weight, bias, groups, (2,), own, eps, wanted)


_group_norm_op = define(
    _group_norm, name="group_norm", symbol="norm", category="neural", inputs=("x", "weight", "bias"), method=False,
    cases=[case((2, 4, 3), (4,), (4,), num_groups=2), case((2, 4), None, None, num_groups=2), case((1, 2, 2, 2), (2,))],
    floats=("x", "weight", "bias"),
    sentence="The gradient loses what would only shift or stretch the group, then it is scaled.",
    summary="x minus its mean, divided by its standard deviation, in each group of channels; times weight, plus bias.",
    vjp=_group_norm_shares, formula=_normalization_formulas(), reads=("x", "weight"),
)  # fmt: skip


@composed(before=_group_norm_op)
def group_norm(x: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Tensor:
    """x minus its mean, divided by its standard deviation, in each group of channels; times weight, plus bias."""
    return _group_norm_op(x, weight, bias, num_groups, eps)


def _by_channel(x: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The axes other than the channels', and the shape of the weight laid along x."""
    if x.ndim < 2:
        raise ShapeError(f"batch_norm() takes x (batch, channels, ...), got shape {x.shape}; reshape it")
    return (0, *range(2, x.ndim)), (x.shape[1], *(1,) * (x.ndim - 2))


def _batch_norm(
    x: Any, weight: Any = None, bias: Any = None, mean: Any = None, var: Any = None, eps: float = 1e-5
) -> tuple[Any, Any, Any]:
    axes, own = _by_channel(x)
    if mean is not None:
        return _scaled(x, _shifted(x, mean, var, own, eps)[0], weight, bias, own), None, None
    if _whole_channels(x, weight, bias):
        return _batch_norm_of_channels(x, weight, bias, eps)
    return _scaled(x, _standardized(x, axes, eps)[0], weight, bias, own), None, None


def _whole_channels(x: Any, *others: Any) -> bool:
    """Whether x is an array (batch, channels), or (batch, channels, ...) with channels that are long rows."""
    if len(x.shape) == 2 and isinstance(x, np.ndarray) and x.size:
        return _in_columns(x, (0,)) and all(
            each is None or (isinstance(each, np.ndarray) and each.dtype is x.dtype) for each in others
        )
    return _channel_rows(x, *others)


def _batch_norm_of_channels(x: Any, weight: Any, bias: Any, eps: float) -> tuple[Any, Any, Any]:
    """batch_norm() of an array in training, and the mean and variance of each channel, which its rule takes too."""
    axes, own = _by_channel(x)
    _check_sizes(x.shape[1], weight, bias)
    count = x.size // x.shape[1]
    mean = _total(x, axes) / count
    out = x - mean
    var = _total_product(out, out, axes) / count
    rate = 1 / np.sqrt(var + eps)
    out *= rate if weight is None else rate * weight.reshape(own)
    if bias is not None:
        out += bias.reshape(own)
    return out, mean, var


def _batch_norm_shares_of_channels(
    g: Any, x: Any, weight: Any, bias: Any, eps: float, mean: Any, var: Any, wanted: Any
) -> list[Any]:
    """The shares of x, weight and bias: with c = x − mean, n numbers in a channel, and sums over a channel,

    bias: Σ g; weight: rate · Σ(g · c); x: rate · weight · (g − c · (rate² / n) Σ(g · c) − Σ g / n).
    """
    axes, own = _by_channel(x)
    count, plain = x.size // x.shape[1], _total(g, axes)
    shares = [None, None, plain.reshape(bias.shape) if wanted[2] else None]
    if not (wanted[0] or wanted[1]):
        return shares
    share = x - mean
    rate, along = 1 / np.sqrt(var + eps), _total_product(g, share, axes)
    if wanted[1]:
        shares[1] = (along * rate).reshape(weight.shape)
    if wanted[0]:
        share *= along * rate * rate / count
        share = np.subtract(g, share, out=share)
        share -= plain / count
        share *= rate if weight is None else rate * weight.reshape(own)
        shares[0] = share
    return shares


def _shifted(x: Any, mean: Any, var: Any, own: tuple[int, ...], eps: float) -> tuple[Any, Any]:
    """(x - mean) / sqrt(var + eps) with numbers given, and 1 / sqrt(var + eps)."""
    rate = (1 / np.sqrt(np.asarray(var) + eps)).reshape(own).astype(x.dtype, copy=False)
    return (x - np.asarray(mean).reshape(own).astype(x.dtype, copy=False)) * rate, rate


def _batch_norm_shares(
    g: Any, out: Any, x: Any, weight: Any, bias: Any, mean: Any, var: Any, eps: float, batch_mean: Any, batch_var: Any,
    wanted: Any,
) -> list[Any]:  # fmt: skip
    axes, own = _by_channel(x)
    if batch_mean is not None and _whole_channels(x, g, weight, bias):
        return _batch_norm_shares_of_channels(g, x, weight, bias, eps, batch_mean, batch_var, wanted)
    if mean is None:
        return _by_batch_shares(_wide(g), x, weight, bias, axes, own, eps, wanted)
    normal, rate = _shifted(x, mean, var, own, eps)
    return [
        (g * rate if weight is None else g * (reshaped(weight, own) * rate)) if wanted[0] else None,
        reshaped(summed_to(g * normal, own), weight.shape) if wanted[1] else None,
        reshaped(summed_to(g, own), bias.shape) if wanted[2] else None,
    ]


def _by_batch_shares(
    g: Any, x: Any, weight: Any, bias: Any, axes: tuple[int, ...], own: tuple[int, ...], eps: float, wanted: Any
) -> list[Any]:
    """_normalization_shares() where weight and bias are alike in all of a group, so that sums of g serve them all."""
    g_sum = _total(g, axes)
    shares = [None, None, reshaped(g_sum, bias.shape) if wanted[2] else None]
    if not (wanted[0] or wanted[1]):
        return shares
    normal, rate, count = _standardized(x, axes, eps)
    along = _total_product(g, normal, axes)
    if wanted[1]:
        shares[1] = reshaped(along, weight.shape)
    if wanted[0]:
        rate = rate if weight is None else rate * reshaped(weight, own)
        slope, lean = g - g_sum / count, times(normal, along / count)
        slope = np.subtract(slope, lean, out=slope) if isinstance(slope, np.ndarray) else slope - lean
        shares[0] = times(slope, rate)
    return shares


_batch_norm_op = define(
    _batch_norm, name="batch_norm", symbol="norm", category="neural", inputs=("x", "weight", "bias"), method=False,
    saves=("batch_mean", "batch_var"),
    cases=[
        case((3, 2), (2,), (2,)), case((2, 2, 3), None, None), case((2, 3, 2, 2), (3,), (3,), eps=0.1),
        case((3, 2), (2,), (2,), mean=np.array([0.5, -1.0]), var=np.array([2.0, 0.3])),
    ],
    floats=("x", "weight", "bias"),
    sentence="In training, g loses what would only shift or stretch a channel; then it is scaled.",
    summary="x minus its mean, divided by its standard deviation, in each channel, its own or given; times weight, "
    "plus bias.",
    vjp=_batch_norm_shares, formula=_normalization_formulas("batch"), reads=("x", "weight"),
)  # fmt: skip


def _buffer(value: Any, name: str) -> np.ndarray:
    """The memory of a running statistic."""
    array = array_of(value)
    if not isinstance(array, np.ndarray) or getattr(value, "node", None) is not None:
        raise ArgumentError(
            f"{name} of batch_norm() is an array or a tensor without gradient, got {type(value).__name__}"
        )
    return array


def _move(buffer: np.ndarray, towards: Any, momentum: float) -> None:
    if buffer.shape != towards.shape or buffer.dtype.kind != "f":
        raise ShapeError(
            f"a running statistic is a float for each of {towards.size} channels, got {buffer.dtype} of shape "
            f"{buffer.shape}"
        )
    buffer += momentum * (towards - buffer)
    WRITES.stamp(buffer, next_sequence_nr())  # so that a graph that read it notices the change


@composed(before=_batch_norm_op, half="same")
def batch_norm(
    x: Any, running_mean: Any = None, running_var: Any = None, weight: Any = None, bias: Any = None,
    training: bool = False, momentum: float = 0.1, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """x minus its mean, divided by its standard deviation, in each channel; times weight, plus bias.

    training: mean and variance are the batch's own, and running_mean and running_var, where given, are moved towards
        them in place by `momentum` (the variance unbiased). Otherwise they are the running ones.
    """
    if not training:
        if running_mean is None or running_var is None:
            raise ArgumentError("batch_norm() needs running_mean and running_var unless training=True")
        mean, var = _buffer(running_mean, "running_mean"), _buffer(running_var, "running_var")
        return _batch_norm_op(x, weight, bias, mean=mean, var=var, eps=eps)
    array = as_tensor(x).array
    axes, own = _by_channel(array)
    count = array.size // max(own[0], 1)
    if array.size and count == 1:
        raise ShapeError(
            f"batch_norm() in training needs more than one value for each channel, got shape {array.shape}"
        )
    out = _batch_norm_op(x, weight, bias, None, None, eps)
    if running_mean is not None or running_var is not None:
        mean, var = (None, None) if out.node is None else out.node.rest[-2:]  # type: ignore[union-attr]
        if mean is None:
            wide = _wide(array)
            mean = _total(wide, axes) / count
            centred = wide - mean
            var = _total_product(centred, centred, axes) / count
        if running_mean is not None:
            _move(_buffer(running_mean, "running_mean"), mean.reshape(-1), momentum)
        if running_var is not None:
            _move(_buffer(running_var, "running_var"), var.reshape(-1) * (count / (count - 1)), momentum)
    return out


@composed(half="same")
def instance_norm(
    x: Any, running_mean: Any = None, running_var: Any = None, weight: Any = None, bias: Any = None,
    use_input_stats: bool = True, momentum: float = 0.1, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """x minus its mean, divided by its standard deviation, in each channel of each image; times weight, plus bias.

    use_input_stats: mean and variance are each image's own, and running_mean and running_var, where given, are moved in
        place towards their means over the batch by `momentum`. Otherwise they are the running ones.
    """
    x = as_tensor(x)
    if x.ndim < 3:
        raise ShapeError(f"instance_norm() takes x (batch, channels, ...), got shape {x.shape}; reshape it")
    if not use_input_stats:
        return batch_norm(x, running_mean, running_var, weight, bias, False, momentum, eps)
    places = tuple(range(2, x.ndim))
    if x.size and math.prod(x.shape[2:]) == 1:
        raise ShapeError(f"instance_norm() needs more than one value for each channel, got shape {x.shape}")
    if running_mean is not None:
        _move(_buffer(running_mean, "running_mean"), np.mean(x.array, axis=(0, *places)), momentum)
    if running_var is not None:
        _move(
            _buffer(running_var, "running_var"), np.mean(np.var(_wide(x.array), axis=places, ddof=1), axis=0), momentum
        )
    return group_norm(x, x.shape[1], weight, bias, eps)


def _root_mean_square(x: Any, normalized_shape: tuple[int, ...], eps: float | None) -> tuple[Any, Any, int]:
    """x over its root mean square along the last axes, one over that, and how many elements share it."""
    axes, count = _trailing(x, normalized_shape), max(math.prod(normalized_shape), 1)
    least, x = np.finfo(x.dtype).eps.item() if eps is None else eps, _wide(x)
    rate = 1 / np.sqrt(_total_product(x, x, axes) / count + least)
    return x * rate, rate, count


def _rms_norm(x: Any, weight: Any = None, normalized_shape: Any = None, eps: float | None = None) -> Any:
    if x.shape[x.ndim - len(normalized_shape) :] != normalized_shape or not normalized_shape:
        raise ShapeError(f"rms_norm() over {normalized_shape} takes x that ends in that shape, got {x.shape}")
    return _scaled(x, _root_mean_square(x, normalized_shape, eps)[0], weight, None, normalized_shape)


def _rms_norm_shares(
    g: Any, out: Any, x: Any, weight: Any, normalized_shape: Any, eps: float | None, wanted: Any
) -> list[Any]:
    g, (normal, rate, count) = _wide(g), _root_mean_square(x, normalized_shape, eps)
    slope = g if weight is None else g * weight
    along = _total_product(slope, normal, _trailing(x, normalized_shape)) / count
    return [rate * (slope - normal * along) if wanted[0] else None, g * normal if wanted[1] else None]


_rms_norm_op = define(
    _rms_norm, name="rms_norm", symbol="norm", category="neural", inputs=("x", "weight"), method=False,
    cases=[case((2, 4), (4,), normalized_shape=(4,)), case((2, 3, 2), None, normalized_shape=(3, 2), eps=0.1)],
    floats=("x", "weight"),
    sentence="The gradient loses what would only stretch the vector, then it is scaled.",
    summary="x divided by its root mean square over the last axes (normalized_shape); times weight.",
    vjp=_rms_norm_shares, formula=_normalization_formulas("rms"), reads=("x", "weight"),
)  # fmt: skip


@composed(before=_rms_norm_op)
def rms_norm(x: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None) -> Tensor:
    """x divided by its root mean square over the last axes, normalized_shape; times weight."""
    shape = (normalized_shape,) if isinstance(normalized_shape, int | np.integer) else tuple(normalized_shape)
    _own_shape("rms_norm", shape, weight)
    return _rms_norm_op(x, weight, normalized_shape=shape, eps=eps)


@composed(floats=("x",))
def normalize(x: Any, p: float = 2.0, axis: Any = 1, eps: float = 1e-12) -> Tensor:
    """x over its p-norm along `axis`, or over eps where that is smaller."""
    x = as_tensor(x)
    return x / clip(_length(x, axis, p), eps, None)


def _length(x: Tensor, axis: Any, p: float) -> Tensor:
    """The p-norm along `axis`, a constant where it is 0: a norm of 0 has no second derivative.

    For use where the result does not depend on a length near 0.
    """
    none = np.linalg.vector_norm(x.array, axis=axis, keepdims=True, ord=p) == 0
    if not none.any():
        return vector_norm(x, axis=axis, keepdims=True, ord=p)
    return where(none, 0.0, vector_norm(where(none, 1.0, x), axis=axis, keepdims=True, ord=p))


@composed(floats=("x",))
def renorm(x: Any, p: float, axis: int, maxnorm: float) -> Tensor:
    """x with every slice along `axis` whose p-norm is above `maxnorm` scaled down to it."""
    x = as_tensor(x)
    if not (p > 0 and maxnorm >= 0):
        raise ArgumentError(f"renorm() takes p above 0 and maxnorm from 0 on, got {p!r} and {maxnorm!r}")
    place = axis_of(x, axis)
    size = _length(x, tuple(k for k in range(x.ndim) if k != place), p)
    return x * where(size.array > maxnorm, maxnorm / (size + 1e-7), 1.0)
