"""Layers of neural networks: affine maps, look-ups, normalization, dropout, attention."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from grad_engine.core.broadcasting import cast, dot_of, ones_row, summed_to
from grad_engine.core.call import as_tensor
from grad_engine.core.defaults import generator_of
from grad_engine.core.define import composed, define, in_rules
from grad_engine.core.node import next_sequence_nr
from grad_engine.core.op import case
from grad_engine.core.tensor import Tensor, array_of
from grad_engine.core.versions import WRITES
from grad_engine.errors import ArgumentError, IndexingError, ShapeError
from grad_engine.formula import number
from grad_engine.ops.activation import softmax_of
from grad_engine.ops.elementwise import clip, times, values, where
from grad_engine.ops.indexing import index_put
from grad_engine.ops.joining import stack
from grad_engine.ops.product import contracted, matrix_product
from grad_engine.ops.reduction import total, vector_norm
from grad_engine.ops.shape import axis_of, reshaped

# --- affine maps ------------------------------------------------------------------------------------------------------


def _linear(x: Any, weight: Any, bias: Any = None) -> Any:
    if weight.ndim not in (1, 2) or not x.ndim or x.shape[-1] != weight.shape[-1]:
        raise ShapeError(
            f"linear() takes x (..., features) and weight (results, features), got {x.shape} and {weight.shape}; "
            "transpose the weight or reshape x"
        )
    if x.ndim > 2 and weight.ndim == 2 and isinstance(x, np.ndarray) and x.size:
        out = (x.reshape(-1, x.shape[-1]) @ weight.T).reshape(*x.shape[:-1], len(weight))  # one product, not a batch
    else:
        out = np.matmul(x, weight.T)
    if bias is None:
        return out
    if isinstance(bias, np.ndarray) and bias.shape not in (weight.shape[:-1], ()):
        raise ShapeError(
            f"linear() takes a bias of shape {weight.shape[:-1]} with weight {weight.shape}, got {bias.shape}"
        )
    if type(bias) is np.ndarray and out.ndim and (bias.dtype is out.dtype or np.can_cast(bias.dtype, out.dtype)):
        out += bias
        return out
    return out + bias


def _linear_x(g: Any, out: Any, x: Any, weight: Any, bias: Any) -> Any:
    if weight.ndim == 1:
        return reshaped(g, (*g.shape, 1)) * weight
    return matrix_product(g, weight)


def _linear_weight(g: Any, out: Any, x: Any, weight: Any, bias: Any) -> Any:
    if x.ndim == 2 == weight.ndim:
        return matrix_product(g.T, x)
    rows, features = math.prod(x.shape[:-1]), x.shape[-1]
    results = g.size // rows if rows else weight.size // features
    return reshaped(matrix_product(reshaped(g, (rows, results)).T, reshaped(x, (rows, features))), weight.shape)


def _linear_x_formula(g: Any, out: Any, x: Any, weight: Any, bias: Any) -> Any:
    return g @ weight if weight.ndim == 2 else _linear_x(g, out, x, weight, bias)


def _linear_weight_formula(g: Any, out: Any, x: Any, weight: Any, bias: Any) -> Any:
    if x.ndim == 1:
        return ["outer", "g", "x"] if weight.ndim == 2 else g * x
    return g.T @ x if x.ndim == 2 and weight.ndim == 2 else _linear_weight(g, out, x, weight, bias)


linear = define(
    _linear, name="linear", symbol="W", category="neural", inputs=("x", "weight", "bias"),
    multiply_adds=lambda out, x, weight, bias=None: math.prod(out) * x[-1],
    cases=[
        case((2, 3), (4, 3), (4,)), case((3,), (4, 3)), case((2, 2, 3), (4, 3), (4,)), case((2, 3), (3,), ()),
        case((0, 3), (4, 3), (4,)),
    ],
    floats=("x", "weight", "bias"),
    sentence="x gets g times the weight, the weight gets g times x, and the bias gets g.",
    summary="x (..., features) @ weightᵀ (results, features) + bias (results): a fully connected layer.",
    vjp={"x": _linear_x, "weight": _linear_weight, "bias": lambda g, out, x, weight, bias: g},
    formula={"x": _linear_x_formula, "weight": _linear_weight_formula},
)  # fmt: skip


def _bilinear(x: Any, y: Any, weight: Any, bias: Any = None) -> Any:
    if weight.ndim != 3 or not x.ndim or not y.ndim or (x.shape[-1], y.shape[-1]) != weight.shape[1:]:
        raise ShapeError(
            f"bilinear() takes x (..., m), y (..., n) and weight (results, m, n), got {x.shape}, {y.shape} and "
            f"{weight.shape}; reshape one"
        )
    out = np.einsum("...i,kij,...j->...k", x, weight, y, optimize=True)
    return out if bias is None else out + bias


bilinear = define(
    _bilinear, name="bilinear", symbol="xWy", category="neural", inputs=("x", "y", "weight", "bias"),
    cases=[case((2, 3), (2, 2), (4, 3, 2), (4,)), case((3,), (2,), (4, 3, 2)), case((2, 2, 3), (2, 2, 2), (1, 3, 2))],
    floats=("x", "y", "weight", "bias"),
    sentence="x, y and the weight each get g times the other two; the bias gets g.",
    summary="x (..., m) @ weight (results, m, n) @ y (..., n) + bias (results), a number for each result.",
    vjp={
        "x": lambda g, out, x, y, weight, bias: contracted("...k,kij,...j->...i", g, weight, y),
        "y": lambda g, out, x, y, weight, bias: contracted("...k,kij,...i->...j", g, weight, x),
        "weight": lambda g, out, x, y, weight, bias: contracted("...k,...i,...j->kij", g, x, y),
        "bias": lambda g, out, x, y, weight, bias: g,
    },
)  # fmt: skip


# --- look-ups ---------------------------------------------------------------------------------------------------------


def _checked_indices(name: str, indices: Any, rows: int) -> Any:
    if not isinstance(indices, np.ndarray) or indices.dtype.kind not in "iu":
        raise ArgumentError(
            f"{name}() takes whole numbers as indices, got {getattr(indices, 'dtype', indices)}; use astype(int)"
        )
    if indices.size and (indices.min() < 0 or indices.max() >= rows):
        raise IndexingError(
            f"{name}() takes indices from 0 to {rows - 1}, got some from {indices.min()} to {indices.max()}; "
            "clip or remap them"
        )
    return indices


def _embedding(indices: Any, weight: Any, padding_idx: int | None = None) -> Any:
    if weight.ndim != 2:
        raise ShapeError(f"embedding() takes a weight (rows, features), got shape {weight.shape}; reshape it")
    return weight[_checked_indices("embedding", indices, len(weight))]


def _embedding_weight(y: Any, indices: Any, shape: tuple[int, int], padding_idx: int | None = None) -> Any:
    out = np.zeros(shape, y.dtype)
    flat, rows = indices.reshape(-1), y.reshape(indices.size, shape[1])
    if flat.size:  # np.add.at is fast along one axis only
        order = np.argsort(flat, kind="stable")
        ordered = flat[order]
        starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
        if starts.size > flat.size // 3:  # few are equal
            places = flat[:, None] * shape[1] + np.arange(shape[1])
            np.add.at(out.reshape(-1), places.reshape(-1), rows.reshape(-1))
        else:  # equal indices side by side, then one sum for each
            out[ordered[starts]] = np.add.reduceat(rows[order], starts, axis=0)
    if padding_idx is not None:
        out[padding_idx] = 0
    return out


def _looked_up(g: Any, out: Any, y: Any, indices: Any, shape: Any, padding_idx: int | None) -> Any:
    rows = embedded(indices, g)
    if padding_idx is None:
        return rows
    return np.where((indices == padding_idx % shape[0])[..., None], 0.0, rows)


def _embedding_formula(g: Any, out: Any, indices: Any, weight: Any, padding_idx: int | None) -> str:
    left_out = "" if padding_idx is None else f", 0 in row {padding_idx}"
    return f"for each row the sum of {{g}} wherever {{indices}} names it{left_out}"


embedding = define(
    _embedding, name="embedding", symbol="[ ]", category="neural", inputs=("indices", "weight"), method=False,
    cases=[
        case(np.array([[0, 2], [2, 1]]), (4, 3)), case(np.array(1), (3, 2)), case(np.zeros((2, 0), int), (3, 2)),
        case(np.array([2, 1, 2]), (3, 2), padding_idx=0),
    ],
    sentence="Each row gets the sum of the gradients of all places where it was looked up.",
    summary="The row of weight for each index; the row padding_idx gets no gradient.",
    vjp={
        "weight": lambda g, out, indices, weight, padding_idx: summed_rows(g, indices, weight.shape, padding_idx)
    },
    formula={"weight": _embedding_formula}, reads=("indices",),
)  # fmt: skip
embedding_weight = define(
    _embedding_weight, name="embedding_weight", symbol="[ ]", category="neural", inputs=("y", "indices"), public=False,
    cases=[
        case((2, 2, 3), np.array([[0, 2], [2, 1]]), shape=(4, 3)),
        case((3, 2), np.array([2, 0, 2]), shape=(3, 2), padding_idx=0),
    ],
    summary="Zeros of `shape` to which each row of y was added at its index: the gradient of embedding.",
    vjp={"y": _looked_up}, formula={"y": "the row of {g} for each index"}, reads=("indices",),
)  # fmt: skip
embedded: Callable[..., Any] = in_rules(embedding)
summed_rows: Callable[..., Any] = in_rules(embedding_weight)


@composed(method=False, floats=("weight",))
def embedding_bag(
    indices: Any, weight: Any, offsets: Any = None, mode: str = "mean", per_sample_weights: Any = None,
    include_last_offset: bool = False, padding_idx: int | None = None,
) -> Tensor:  # fmt: skip
    """The mean ("sum", "max") of the rows of weight that each bag of indices names; 0 for an empty bag.

    indices: (bags, length), or a vector in which `offsets` says where each bag begins (and where the last one ends,
        with include_last_offset). Indices padding_idx do not count. per_sample_weights: with "sum", what each counts.
    """
    indices, weight = as_tensor(indices).array, as_tensor(weight)
    if mode not in ("sum", "mean", "max") or (per_sample_weights is not None and mode != "sum"):
        raise ArgumentError(
            f"mode of embedding_bag() is 'sum', 'mean' or 'max', and 'sum' with per_sample_weights, got {mode!r}"
        )
    if indices.ndim == 2 and offsets is None:
        starts = np.arange(len(indices) + 1) * indices.shape[1]
    elif indices.ndim == 1 and offsets is not None:
        starts = as_tensor(offsets).array
        if starts.ndim != 1 or starts.dtype.kind not in "iu" or starts[:1].any() or (np.diff(starts) < 0).any():
            raise ArgumentError(f"offsets of embedding_bag() are whole numbers that ascend from 0, got {starts}")
        if starts.size and starts[-1] > len(indices):
            raise IndexingError(f"offsets of embedding_bag() go up to {len(indices)}, the indices, got {starts[-1]}")
        starts = starts if include_last_offset else np.append(starts, len(indices))
    else:
        raise ShapeError(
            f"embedding_bag() takes indices (bags, length), or a vector with offsets=, got shape {indices.shape}"
        )
    flat = indices.reshape(-1)
    bag = np.searchsorted(starts, np.arange(flat.size), side="right") - 1
    counts = np.ones(flat.size, bool) if padding_idx is None else flat != padding_idx % len(weight)
    counts &= (bag >= 0) & (bag < len(starts) - 1)
    rows = embedding(flat[counts], weight)
    bag = bag[counts]
    if per_sample_weights is not None:
        rows = rows * as_tensor(per_sample_weights).reshape(-1)[counts].reshape(-1, 1)
    blank = np.zeros((len(starts) - 1, weight.shape[1]), weight.dtype)
    if mode == "max":
        parts = [rows[bag == k].max(axis=0) if (bag == k).any() else as_tensor(blank[k]) for k in range(len(blank))]
        return stack(parts) if parts else as_tensor(blank)
    out = index_put(blank, rows, bag, accumulate=True)
    if mode == "sum":
        return out
    return out / np.maximum(np.bincount(bag, minlength=len(blank)), 1).astype(weight.dtype)[:, None]


def _one_hot(x: Any, num_classes: int = -1) -> Any:
    if not isinstance(x, np.ndarray) or x.dtype.kind not in "iu":
        raise ArgumentError(f"one_hot() takes whole numbers, got {getattr(x, 'dtype', x)}; use astype(int)")
    if num_classes == -1:
        if not x.size:
            raise ShapeError("one_hot() of an empty tensor cannot tell how many classes there are; pass num_classes=")
        num_classes = int(x.max()) + 1
    _checked_indices("one_hot", x, num_classes)
    return (x[..., None] == np.arange(num_classes)).astype(np.int64)


one_hot = define(
    _one_hot, name="one_hot", symbol="01", category="neural", inputs=("x",),
    cases=[case(np.array([[0, 2], [1, 0]])), case(np.array([1]), num_classes=4)],
    summary="1 at the place each whole number names and 0 elsewhere, along a new last axis. No gradient.",
)  # fmt: skip


# --- normalization ----------------------------------------------------------------------------------------------------


_LONGEST_ROW = 1 << 12  # in BLAS, of numbers added one after the other


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


def _total(x: Any, axes: tuple[int, ...]) -> Any:
    """The sum of x along `axes`, which stay with length 1."""
    last = _in_rows(x, axes)
    lead, length = x.shape[: x.ndim - last], math.prod(x.shape[x.ndim - last :])
    if not last or not 8 <= length <= _LONGEST_ROW:
        return total(x, axis=axes, keepdims=True)
    rows = (x.reshape(-1, length) @ ones_row(length, x.dtype)).reshape(*lead, *(1,) * last)
    rest = tuple(axis for axis in axes if axis < len(lead))
    return np.add.reduce(rows, axis=rest, keepdims=True) if rest else rows


def _total_product(x: Any, y: Any, axes: tuple[int, ...]) -> Any:
    """The sum of x * y along `axes`, which stay with length 1; of arrays without an array for the product."""
    last = min(_in_rows(x, axes), _in_rows(y, axes))
    if not last:
        return total(x * y, axis=axes, keepdims=True)
    lead = x.shape[: x.ndim - last]
    row = (*lead, math.prod(x.shape[x.ndim - last :]))
    rows = np.vecdot(x.reshape(row), y.reshape(row)).reshape(*lead, *(1,) * last)
    rest = tuple(axis for axis in axes if axis < len(lead))
    return np.add.reduce(rows, axis=rest, keepdims=True) if rest else rows


def _of_rows(x: Any, axes: tuple[int, ...]) -> int:
    """How long the rows of an array are of which each is standardized by itself; 0 where they are too long for BLAS."""
    if not axes or len(axes) != _in_rows(x, axes) or x.dtype.char not in "fd":
        return 0
    length = math.prod(x.shape[axes[0] :])
    return length if 8 <= length <= _LONGEST_ROW and x.size > length else 0


def _centred_rows(x: Any, length: int, eps: float) -> tuple[Any, Any]:
    """The rows of x with mean 0, and the column by which they have to be multiplied to have variance 1."""
    rows = x.reshape(-1, length)
    centred = rows - (dot_of(rows, ones_row(length, x.dtype)) / length).reshape(-1, 1)
    return centred, (1 / np.sqrt(np.vecdot(centred, centred) / length + eps)).reshape(-1, 1)


def _layer_norm_of_rows(x: Any, weight: Any, bias: Any, length: int, eps: float) -> Any:
    """layer_norm() of an array. BLAS multiplies column and row for less than NumPy goes over all rows once more."""
    out, rate = _centred_rows(x, length, eps)
    out *= rate if weight is None else dot_of(rate, weight.reshape(1, -1))
    if bias is not None:
        out += bias.reshape(-1)
    return out.reshape(x.shape)


def _layer_norm_shares_of_rows(g: Any, x: Any, weight: Any, bias: Any, length: int, eps: float, wanted: Any) -> Any:
    """_normalization_shares() of layer_norm() on an array: weight and rate come in by products with vectors."""
    g = g.reshape(-1, length)
    shares = [None, None, dot_of(ones_row(len(g), x.dtype), g).reshape(bias.shape) if wanted[2] else None]
    if not (wanted[0] or wanted[1]):
        return shares
    centred, rate = _centred_rows(x, length, eps)
    product = g * centred
    if wanted[1]:
        shares[1] = dot_of(rate.reshape(-1), product).reshape(weight.shape)
    if wanted[0]:
        row = ones_row(length, x.dtype) if weight is None else weight.reshape(-1)
        share = g * dot_of(rate, row.reshape(1, -1))
        centred *= dot_of(product, row).reshape(-1, 1) * rate * rate * rate / length
        share -= centred
        share -= dot_of(g, row).reshape(-1, 1) * rate / length
        shares[0] = share.reshape(x.shape)
    return shares


def _scaled(x: Any, normal: Any, weight: Any, bias: Any, own: tuple[int, ...]) -> Any:
    """`normal` times weight, plus bias, both in the shape `own`, which broadcasts with x."""
    for value, name in ((weight, "weight"), (bias, "bias")):
        if value is not None and (not isinstance(value, np.ndarray) or value.size != math.prod(own)):
            raise ShapeError(f"{name} must have {math.prod(own)} elements, got shape {np.shape(value)}; reshape it")
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
    if _alike(x, weight, bias) and (length := _of_rows(x, _trailing(x, normalized_shape))):
        return _layer_norm_of_rows(x, weight, bias, length, eps)
    return _scaled(x, _standardized(x, _trailing(x, normalized_shape), eps)[0], weight, bias, normalized_shape)


def _alike(x: Any, *others: Any) -> bool:
    """Whether these are arrays of one dtype; some may be None."""
    return all(each is None or (isinstance(each, np.ndarray) and each.dtype is x.dtype) for each in (x, *others))


def _layer_norm_shares(
    g: Any, out: Any, x: Any, weight: Any, bias: Any, normalized_shape: Any, eps: float, wanted: Any
) -> list[Any]:
    axes = _trailing(x, normalized_shape)
    if _alike(x, g, weight, bias) and (length := _of_rows(x, axes)):
        return _layer_norm_shares_of_rows(g, x, weight, bias, length, eps, wanted)
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
    return _layer_norm_op(x, weight, bias, normalized_shape=shape, eps=eps)


def _by_group(name: str, x: Any, num_groups: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shape in which each group of channels is one axis, and that of the weight laid along x."""
    if x.ndim < 2 or num_groups < 1 or x.shape[1] % num_groups:
        raise ShapeError(
            f"{name}() takes x (batch, channels, ...) with channels in {num_groups} equal groups, got {x.shape}"
        )
    channels = x.shape[1]
    inside = channels // num_groups * math.prod(x.shape[2:])
    return (x.shape[0], num_groups, inside), (channels, *(1,) * (x.ndim - 2))


def _group_norm(x: Any, weight: Any = None, bias: Any = None, num_groups: int = 1, eps: float = 1e-5) -> Any:
    groups, own = _by_group("group_norm", x, num_groups)
    return _scaled(x, _standardized(x.reshape(groups), (2,), eps)[0].reshape(x.shape), weight, bias, own)


def _group_norm_shares(
    g: Any, out: Any, x: Any, weight: Any, bias: Any, num_groups: int, eps: float, wanted: Any
) -> list[Any]:
    groups, own = _by_group("group_norm", x, num_groups)
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
    return _group_norm_op(x, weight, bias, num_groups=num_groups, eps=eps)


def _by_channel(x: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The axes other than the channels', and the shape of the weight laid along x."""
    if x.ndim < 2:
        raise ShapeError(f"batch_norm() takes x (batch, channels, ...), got shape {x.shape}; reshape it")
    return (0, *range(2, x.ndim)), (x.shape[1], *(1,) * (x.ndim - 2))


def _batch_norm(
    x: Any, weight: Any = None, bias: Any = None, mean: Any = None, var: Any = None, eps: float = 1e-5
) -> Any:
    axes, own = _by_channel(x)
    if mean is None:
        return _scaled(x, _standardized(x, axes, eps)[0], weight, bias, own)
    return _scaled(x, _shifted(x, mean, var, own, eps)[0], weight, bias, own)


def _shifted(x: Any, mean: Any, var: Any, own: tuple[int, ...], eps: float) -> tuple[Any, Any]:
    """(x - mean) / sqrt(var + eps) with numbers given, and 1 / sqrt(var + eps)."""
    rate = (1 / np.sqrt(np.asarray(var) + eps)).reshape(own).astype(x.dtype, copy=False)
    return (x - np.asarray(mean).reshape(own).astype(x.dtype, copy=False)) * rate, rate


def _batch_norm_shares(
    g: Any, out: Any, x: Any, weight: Any, bias: Any, mean: Any, var: Any, eps: float, wanted: Any
) -> list[Any]:
    axes, own = _by_channel(x)
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
    if running_mean is not None or running_var is not None:
        wide = _wide(array)
        mean = _total(wide, axes) / count
        if running_mean is not None:
            _move(_buffer(running_mean, "running_mean"), mean.reshape(-1), momentum)
        if running_var is not None:
            centred = wide - mean
            squares = _total_product(centred, centred, axes)
            _move(_buffer(running_var, "running_var"), squares.reshape(-1) / (count - 1), momentum)
    return _batch_norm_op(x, weight, bias, eps=eps)


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


# --- dropout and attention --------------------------------------------------------------------------------------------


def _probability(p: float, name: str) -> float:
    if not 0 <= p <= 1:
        raise ArgumentError(f"{name} is a probability from 0 to 1, got {p!r}")
    return 1 / (1 - p) if p < 1 else 0.0


def _dropout(x: Any, p: float = 0.5, training: bool = True, seed: Any = None) -> tuple[Any, Any]:
    scale = _probability(p, "p")
    if not training or p == 0:
        return np.array(x), None
    mask = generator_of(seed).random(x.shape, np.float32) >= p
    return x * mask * scale, mask


def _kept(g: Any, p: float, mask: Any) -> Any:
    return g if mask is None else g * mask * _probability(p, "p")


def _dropout_formula(g: Any, out: Any, x: Any, p: float, training: bool, seed: Any, mask: Any) -> Any:
    if not training or p == 0:
        return g
    return 0 if p == 1 else f"{number(_probability(p, 'p'))} · {{g}} where {{x}} was kept, 0 elsewhere"


dropout = define(
    _dropout, name="dropout", symbol="▒", category="neural", inputs=("x",), saves=("mask",),
    cases=[case((3, 4), seed=1), case((3, 4), p=0.2, seed=1), case((3,), training=False), case((3,), p=1.0)],
    elementwise=True,
    sentence="Elements that were kept pass the gradient on, scaled as they were; the others pass 0.",
    summary="x with each element set to 0 with probability p, the others times 1 / (1 - p); x itself unless training.",
    vjp={"x": lambda g, out, x, p, training, seed, mask: _kept(g, p, mask)},
    formula={"x": _dropout_formula},
)  # fmt: skip


def _define_dropout(n: int) -> Any:
    def call(x: Any, p: float = 0.5, training: bool = True, seed: Any = None) -> Tensor:
        x = as_tensor(x)
        if x.ndim not in (n + 1, n + 2):
            raise ShapeError(
                f"dropout{n}d() takes x with {n + 2} axes (batch, channels, ...) or {n + 1} without the batch, got "
                f"shape {x.shape}; dropout() takes any"
            )
        if not training or p == 0:
            return dropout(x, p, training, seed)
        return x * dropout(np.ones((*x.shape[: x.ndim - n], *(1,) * n), x.dtype), p, training, seed)

    call.__name__ = call.__qualname__ = f"dropout{n}d"
    call.__doc__ = "dropout() of whole channels: each is kept or set to 0 with all its places."
    return composed()(call)


dropout1d, dropout2d, dropout3d = map(_define_dropout, (1, 2, 3))


def _attention_weights(query: Any, key: Any, attn_mask: Any, is_causal: bool, scale: float | None) -> tuple[Any, float]:
    """How much each query attends to each key (a query that may attend to none: all 0), and the scale of the scores."""
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = (query * scale) @ key.mT
    if is_causal:
        attn_mask = np.tri(*scores.shape[-2:], dtype=bool)
    if attn_mask is not None:
        scores = np.where(attn_mask, scores, -math.inf) if attn_mask.dtype == bool else scores + attn_mask
        dead = np.isneginf(np.maximum.reduce(values(scores), axis=-1, keepdims=True, initial=-math.inf))
        if dead.any():  # softmax over nothing would be NaN
            return np.where(dead, 0.0, softmax_of(np.where(dead, 0.0, scores))), scale
    return softmax_of(scores), scale


def _attention(
    query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0, is_causal: bool = False,
    scale: float | None = None, seed: Any = None,
) -> tuple[Any, Any]:  # fmt: skip
    if (
        min(query.ndim, key.ndim, value.ndim) < 2
        or query.shape[-1] != key.shape[-1]
        or key.shape[-2] != value.shape[-2]
    ):
        raise ShapeError(
            "scaled_dot_product_attention() takes query (..., l, e), key (..., s, e) and value (..., s, v), "
            f"got {query.shape}, {key.shape} and {value.shape}"
        )
    if is_causal and attn_mask is not None:
        raise ArgumentError("scaled_dot_product_attention() takes is_causal=True or attn_mask, not both")
    weights, _ = _attention_weights(query, key, attn_mask, is_causal, scale)
    back = _probability(dropout_p, "dropout_p")
    mask = None
    if dropout_p:
        mask = generator_of(seed).random(weights.shape, np.float32) >= dropout_p
        weights = weights * mask * back
    return weights @ value, mask


def _attention_shares(
    g: Any, out: Any, query: Any, key: Any, value: Any, attn_mask: Any, dropout_p: float, is_causal: bool, scale: Any,
    seed: Any, mask: Any, wanted: Any,
) -> list[Any]:  # fmt: skip
    weights, factor = _attention_weights(query, key, attn_mask, is_causal, scale)
    shares = [None, None, None, None]
    if wanted[2]:
        shares[2] = _kept(weights, dropout_p, mask).mT @ g
    if wanted[0] or wanted[1] or wanted[3]:
        slope = weights * _kept(g @ value.mT, dropout_p, mask)
        slope = slope - weights * total(slope, axis=-1, keepdims=True)
        shares[0] = slope @ key * factor if wanted[0] else None
        shares[1] = slope.mT @ query * factor if wanted[1] else None
        shares[3] = slope if wanted[3] else None
    return shares


_SCORES = "with s = w · (h − sum(w · h)), h = {g} @ {value}ᵀ and w = the weights"
_BLIND = np.array([[True, False, True, True], [False, False, False, False], [True, True, True, False]])

scaled_dot_product_attention = define(
    _attention, name="scaled_dot_product_attention", symbol="attend", category="neural",
    inputs=("query", "key", "value", "attn_mask"), saves=("mask",), method=False,
    cases=[
        case((2, 3, 2), (2, 4, 2), (2, 4, 3)), case((3, 2), (4, 2), (4, 2), is_causal=True),
        case((2, 3, 2), (4, 2), (1, 4, 2), (3, 4)), case((3, 2), (4, 2), (4, 2), _BLIND, scale=0.7),
        case((3, 2), (4, 2), (4, 2), dropout_p=0.4, seed=3),
    ],
    floats=("query", "key", "value"),
    sentence="Values get g by their weights; queries and keys get how the weights should change.",
    summary="softmax(query @ keyᵀ · scale) @ value: for each query the mean of the values, weighted by how well their "
    "keys fit. attn_mask: True where a query may look, or numbers added to the scores.",
    vjp=_attention_shares, reads=("query", "key", "value", "attn_mask"),
    formula={
        "query": f"scale · s @ {{key}}, {_SCORES}", "key": f"scale · sᵀ @ {{query}}, {_SCORES}",
        "value": "wᵀ @ {g}, with w = the weights", "attn_mask": f"s, {_SCORES}",
    },
)  # fmt: skip
