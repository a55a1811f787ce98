"""Layers of neural networks: affine maps, look-ups, normalization, dropout, attention."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.defaults import generator_of
from grad_engine.core.define import composed, define, in_rules
from grad_engine.core.op import case
from grad_engine.core.stand_ins import asks
from grad_engine.core.tensor import Tensor
from grad_engine.errors import ArgumentError, IndexingError, ShapeError
from grad_engine.formula import number
from grad_engine.ops.activation import softmax_of
from grad_engine.ops.elementwise import values
from grad_engine.ops.indexing import index_put
from grad_engine.ops.joining import stack
from grad_engine.ops.product import contracted, matrix_product
from grad_engine.ops.reduction import total
from grad_engine.ops.shape import reshaped

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


@asks("is an index below 0, or above the last row?")
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


@asks("are the indices as many different ones?")
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


@asks("is there a query that may attend to no key?")
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
