"""How well predictions tell classes apart: losses whose targets are classes, or probabilities of them.

As in loss.py each takes `reduction`: "mean" of all elements, "sum", or "none".
"""

from __future__ import annotations

import math
import warnings
from functools import lru_cache
from typing import Any

import numpy as np

from grad_engine.core.broadcasting import dot_of, ones_row
from grad_engine.core.call import as_tensor
from grad_engine.core.caller import caller_level
from grad_engine.core.define import composed, define, in_front
from grad_engine.core.op import case
from grad_engine.core.stand_ins import asks
from grad_engine.core.tensor import Tensor
from grad_engine.errors import ArgumentError, IndexingError, ShapeError
from grad_engine.ops.activation import log_softmax, log_softmax_of, sigmoid, sigmoid_of, softmax, softmax_of
from grad_engine.ops.elementwise import kinked, masked_fill, values, where
from grad_engine.ops.indexing import take_along_axis
from grad_engine.ops.joining import concat, stack
from grad_engine.ops.loss import PAIR, reduced, reduced_tensor, shape_of, unreduced, with_one
from grad_engine.ops.reduction import array_sum, logsumexp, mean, total
from grad_engine.ops.reduction import sum as sum_of
from grad_engine.ops.shape import reshaped

_SOFTMAX = softmax.op.name  # type: ignore[attr-defined]
_SHORT = 2048  # classes whose probabilities BLAS may add one after another
_IGNORED = -100  # the class that means "no class", as in PyTorch


# --- classes ----------------------------------------------------------------------------------------------------------
#
# Both losses are minus a weighted sum of log-probabilities, -sum(q * logp). For given classes q has one entry for each
# element (more with label smoothing), for given probabilities it is those.


def _class_axis(name: str, x: Any, target: Any) -> int:
    axis = 0 if x.ndim == 1 else 1
    if not x.ndim or target.shape not in (x.shape, (*x.shape[:axis], *x.shape[axis + 1 :])):
        raise ShapeError(
            f"{name}() takes x (batch, classes, ...) and target (batch, ...) or, for probabilities, the shape of x; "
            f"got {x.shape} and {target.shape}"
        )
    return axis


def _along_classes(weight: Any, x: Any, axis: int) -> Any:
    weight = np.asarray(weight)
    if weight.shape != (x.shape[axis],):
        raise ShapeError(f"weight has one number for each of the {x.shape[axis]} classes, got shape {weight.shape}")
    return weight.astype(x.dtype, copy=False).reshape(-1, *(1,) * (x.ndim - axis - 1))


@asks("is a class below 0, or above the last one?")
def _checked_classes(name: str, x: Any, target: Any, axis: int, ignore_index: int) -> tuple[Any, Any]:
    """The class of each element, 0 where it is ignored, and whether it counts; both with length 1 along the classes."""
    if target.dtype.kind not in "iu" or target.shape == x.shape:
        raise ShapeError(
            f"{name}() takes whole numbers of shape (batch, ...) as classes, got {target.dtype} of shape "
            f"{target.shape} for x of shape {x.shape}"
        )
    if not isinstance(ignore_index, int | np.integer):
        raise ArgumentError(f"ignore_index of {name}() is a whole number, got {ignore_index!r}")
    count = x.shape[axis]
    target = np.expand_dims(target, axis)
    valid = target != ignore_index
    wrong = valid & ((target < 0) | (target >= count))
    if wrong.any():
        raise IndexingError(
            f"{name}() takes classes from 0 to {count - 1} (and ignore_index={ignore_index}), got "
            f"{int(target[wrong][0])}; x has too few classes, or the target is wrong"
        )
    return np.where(valid, target, 0), valid


def _each_weight(x: Any, classes: Any, valid: Any, weight: Any, axis: int) -> Any:
    """What each element counts for, with length 1 along the classes."""
    if weight is None:
        return valid.astype(x.dtype)
    return np.where(valid, _along_classes(weight, x, axis).ravel()[classes], x.dtype.type(0))


def _chosen(
    name: str, x: Any, target: Any, axis: int, weight: Any, ignore_index: int, smoothing: float = 0.0
) -> tuple[Any, Any]:
    """q for given classes, in the shape of x, and each element's weight, with length 1 along the classes."""
    classes, valid = _checked_classes(name, x, target, axis, ignore_index)
    each = _each_weight(x, classes, valid, weight, axis)
    q = np.zeros(x.shape, x.dtype)
    np.put_along_axis(q, classes, each * (1 - smoothing), axis=axis)
    if smoothing:
        even = valid * np.asarray(smoothing / x.shape[axis], x.dtype)
        q += even if weight is None else even * _along_classes(weight, x, axis)
    return q, each


def _folded(each: Any, reduction: str, count: Any) -> Any:
    if reduction == "mean":
        return np.divide(np.add.reduce(each, axis=None), count)
    return reduced(each, reduction)


@asks("is there a class that counts?")
def _unfolded(g: Any, reduction: str, count: Any, shape: tuple[int, ...]) -> Any:
    """The gradient that reaches each element's loss, with length 1 along the classes."""
    if reduction == "mean":
        return g / count if count else g * 0.0  # nothing counted: the value is NaN, nothing can change it
    return g if reduction == "sum" else reshaped(g, shape)


@asks("is a class below 0, above the last one, or one to be ignored?")
def _rows_of_classes(x: Any, target: Any, weight: Any, ignore_index: Any, reduction: str) -> Any:
    """0, 1, 2, ... where x is a table and each of its rows has a class that counts as much as any; else None.

    That is nearly every call, and it needs none of the care below.
    """
    plain = x.ndim == 2 and target.ndim == 1 and weight is None and reduction == "mean" and type(ignore_index) is int
    if not plain or target.dtype.kind not in "iu" or len(target) != len(x) or not x.size:
        return None
    low = np.minimum.reduce(target)
    if low < 0 or low == ignore_index or np.maximum.reduce(target) >= x.shape[1]:
        return None
    return None if ignore_index > 0 and (target == ignore_index).any() else _counted(len(x))


@lru_cache(64)
def _counted(count: int) -> Any:
    rows = np.arange(count)
    rows.flags.writeable = False
    return rows


def _nll(x: Any, target: Any, weight: Any = None, ignore_index: int = _IGNORED, reduction: str = "mean") -> Any:
    if (rows := _rows_of_classes(x, target, weight, ignore_index, reduction)) is not None:
        return np.add.reduce(x[rows, target]) / x.dtype.type(-len(x))
    axis = _class_axis("nll_loss", x, target)
    classes, valid = _checked_classes("nll_loss", x, target, axis, ignore_index)
    each = _each_weight(x, classes, valid, weight, axis)
    lost = np.where(valid, -np.take_along_axis(x, classes, axis) * each, x.dtype.type(0))
    return _folded(lost.reshape(target.shape), reduction, np.add.reduce(each, axis=None))


def _nll_x(g: Any, out: Any, x: Any, target: Any, weight: Any, ignore_index: int, reduction: str) -> Any:
    if type(x) is np.ndarray and isinstance(g, np.ndarray | np.generic):
        rows = _rows_of_classes(x, target, weight, ignore_index, reduction)
        if rows is not None:
            share = np.zeros(x.shape, x.dtype)
            share[rows, target] = g / x.dtype.type(-len(x))
            return share
    axis = _class_axis("nll_loss", x, target)
    q, each = _chosen("nll_loss", x, target, axis, weight, ignore_index)
    return -_unfolded(g, reduction, np.add.reduce(each, axis=None), each.shape) * q


def _times_each(words: str, weight: Any, reduction: str) -> str:
    """The gradient of each element's loss, weighed and averaged, times `words`, as a sentence."""
    share = f"{'{g}' if weight is None else '{g} · its weight'} · {words}"
    if reduction != "mean":
        return share
    return f"{share} / {'how many targets count' if weight is None else 'the sum of the weights'}"


def _nll_formula(g: Any, out: Any, x: Any, target: Any, weight: Any, ignore_index: int, reduction: str) -> str:
    return _times_each("(−1 at the right class, 0 elsewhere)", weight, reduction)


def _at(x: Any, classes: Any, axis: int) -> Any:
    """The element of x at each class, with length 1 along the classes."""
    if x.ndim == 2 and axis == 1:  # what take_along_axis does, in a third of the time
        return x[np.arange(len(x)), classes[:, 0]][:, None]
    return np.take_along_axis(x, classes, axis)


def _cross_entropy(
    x: Any, target: Any, weight: Any = None, ignore_index: int = _IGNORED, reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:  # fmt: skip
    if not 0 <= label_smoothing <= 1:
        raise ArgumentError(f"label_smoothing of cross_entropy() is from 0 to 1, got {label_smoothing}")
    if (rows := _rows_of_classes(x, target, weight, ignore_index, reduction)) is not None:
        top = np.maximum.reduce(x, axis=1, keepdims=True)
        e = x - top
        chosen = e[rows, target]
        if label_smoothing:
            chosen *= 1 - label_smoothing
            chosen += np.add.reduce(e, axis=1) * (label_smoothing / x.shape[1])
        np.exp(e, out=e)
        sums = dot_of(e, ones_row(x.shape[1], e.dtype)) if x.shape[1] <= _SHORT else array_sum(e, 1)
        return np.add.reduce(np.log(sums) - chosen) / x.dtype.type(len(x))
    axis = _class_axis("cross_entropy", x, target)
    if target.dtype.kind == "f":
        q, count = _expected(x, target, axis, weight, ignore_index, label_smoothing)
        logp = log_softmax.op.forward(x, axis)  # type: ignore[attr-defined]
        return _folded(-np.add.reduce(q * logp, axis=axis), reduction, count)
    classes, valid = _checked_classes("cross_entropy", x, target, axis, ignore_index)
    each = _each_weight(x, classes, valid, weight, axis)
    top = np.maximum.reduce(x, axis=axis, keepdims=True)
    e = x - top
    norm = np.log(array_sum(np.exp(e, out=e), axis, True))
    lost = (norm - (_at(x, classes, axis) - top)) * each
    if label_smoothing:
        scale = None if weight is None else _along_classes(weight, x, axis)
        spread = norm - (x - top) if scale is None else (norm - (x - top)) * scale
        even = np.add.reduce(spread, axis=axis, keepdims=True) * (label_smoothing / x.shape[axis])
        lost = lost * (1 - label_smoothing) + even
    lost = np.where(valid, lost, x.dtype.type(0)).reshape(target.shape)
    return _folded(lost, reduction, np.add.reduce(each, axis=None))


def _expected(x: Any, target: Any, axis: int, weight: Any, ignore_index: int, smoothing: float) -> tuple[Any, Any]:
    """q, and what the sum over all elements is divided by for their mean."""
    if target.dtype.kind != "f":
        q, each = _chosen("cross_entropy", x, target, axis, weight, ignore_index, smoothing)
        return q, np.add.reduce(each, axis=None)
    if target.shape != x.shape:
        raise ShapeError(
            f"cross_entropy() takes probabilities of x's shape {x.shape} or whole numbers, got {target.shape}"
        )
    q = target if not smoothing else target * (1 - smoothing) + smoothing / max(x.shape[axis], 1)
    return (q if weight is None else q * _along_classes(weight, x, axis)), x.size // max(x.shape[axis], 1)


def _cross_entropy_x(
    g: Any, out: Any, x: Any, target: Any, weight: Any, ignore_index: int, reduction: str, label_smoothing: float
) -> Any:
    if type(x) is np.ndarray and isinstance(g, np.ndarray | np.generic):
        rows = _rows_of_classes(x, target, weight, ignore_index, reduction)
        if rows is not None:
            p = softmax_of(x, 1)
            p[rows, target] -= 1 - label_smoothing
            if label_smoothing:
                p -= label_smoothing / x.shape[1]
            p *= g / x.dtype.type(len(x))
            return p
    axis = _class_axis("cross_entropy", x, target)
    shape = with_one(x.shape, axis)
    p = softmax_of(x, axis)
    if isinstance(p, np.ndarray) and target.dtype.kind != "f" and not label_smoothing:  # the same, without a table of q
        classes, valid = _checked_classes("cross_entropy", x, target, axis, ignore_index)
        each = _each_weight(x, classes, valid, weight, axis)
        each = _unfolded(g, reduction, np.add.reduce(each, axis=None), shape) * each
        p *= each
        if p.ndim == 2 and axis == 1:
            p[np.arange(len(p)), classes[:, 0]] -= each[:, 0]
        else:
            np.put_along_axis(p, classes, np.take_along_axis(p, classes, axis) - each, axis)
        return p
    q, count = _expected(x, target, axis, weight, ignore_index, label_smoothing)
    return _unfolded(g, reduction, count, shape) * (p * total(q, axis=axis, keepdims=True) - q)


def _cross_entropy_target(
    g: Any, out: Any, x: Any, target: Any, weight: Any, ignore_index: int, reduction: str, label_smoothing: float
) -> Any:
    axis = _class_axis("cross_entropy", x, target)
    g = _unfolded(g, reduction, x.size // max(x.shape[axis], 1), with_one(x.shape, axis)) * (label_smoothing - 1)
    return (g if weight is None else g * _along_classes(weight, x, axis)) * log_softmax_of(x, axis)


def _cross_entropy_x_formula(
    g: Any, out: Any, x: Any, target: Any, weight: Any, ignore_index: int, reduction: str, label_smoothing: float
) -> Any:
    if target.dtype.kind == "f":
        return _cross_entropy_x(g, out, x, target, weight, ignore_index, reduction, label_smoothing)
    wanted = "1 at the right class" if not label_smoothing else "the smoothed target"
    return _times_each(f"(softmax({{x}}) − {wanted})", weight, reduction)


def _cross_entropy_target_formula(
    g: Any, out: Any, x: Any, target: Any, weight: Any, ignore_index: int, reduction: str, label_smoothing: float
) -> Any:
    if weight is not None or label_smoothing:
        return _cross_entropy_target(g, out, x, target, weight, ignore_index, reduction, label_smoothing)
    axis = _class_axis("cross_entropy", x, target)
    count = x.size // max(x.shape[axis], 1)
    return -_unfolded(g, reduction, count, with_one(x.shape, axis)) * log_softmax_of(x, axis)


_CLASSES, _GRID = np.array([1, 0, _IGNORED]), np.array([[1, 0], [_IGNORED, 2]])
_WEIGHT = np.array([0.5, 2.0, 1.0])


def _of_even_chances(out: tuple[int, ...], x: tuple[int, ...], *others: tuple[int, ...]) -> float:
    return math.log(max(x[1] if len(x) > 1 else x[0], 1))


nll_loss = define(
    _nll, name="nll_loss", symbol="−ln p", category="loss", inputs=("x", "target"), even_chances=_of_even_chances,
    takes_scores=True,
    cases=[
        case((3, 2), _CLASSES), case((2, 3, 2), _GRID, weight=_WEIGHT), case((3,), np.array(2), reduction="sum"),
        case((2, 3, 2), _GRID, weight=_WEIGHT, reduction="none"),
    ],
    floats=("x",),
    sentence="The right class gets −g / n (−g in a sum), the others 0.",
    summary="Minus the log-probability x (batch, classes, ...) of each target class (batch, ...), weighted by class; "
    "elements of class ignore_index do not count.",
    vjp={"x": _nll_x}, formula={"x": _nll_formula}, reads=("target",),
)  # fmt: skip
_cross_entropy_op = define(
    _cross_entropy, name="cross_entropy", symbol="H", category="loss", inputs=("x", "target"),
    even_chances=_of_even_chances, takes_scores=True,
    cases=[
        case((3, 2), _CLASSES), case((2, 3, 2), _GRID, weight=_WEIGHT), case((3,), np.array(2), reduction="sum"),
        case((2, 3, 2), _GRID, weight=_WEIGHT, label_smoothing=0.2), case((2, 3), (2, 3), reduction="none"),
        case((2, 3), (2, 3), weight=_WEIGHT, label_smoothing=0.1),
    ],
    floats=("x",),
    sentence="Each class gets g · (its probability − its target), divided by n for a mean loss.",
    summary="Minus the logarithm of the softmax of x (batch, classes, ...) at each target class (batch, ...), or its "
    "mean under target probabilities of x's shape.",
    vjp={"x": _cross_entropy_x, "target": _cross_entropy_target}, reads=("x", "target"),
    formula={"x": _cross_entropy_x_formula, "target": _cross_entropy_target_formula},
)  # fmt: skip


def _warn_after(x: Any, maker: str, words: str) -> None:
    """Warn where x is straight from the op of this name."""
    if type(x) is Tensor and getattr(getattr(x.node, "op", None), "name", "") == maker:
        warnings.warn(words, stacklevel=caller_level())


@in_front(_cross_entropy_op)
def cross_entropy(x: Any, target: Any, *rest: Any, **named: Any) -> Any:
    """cross_entropy of x, after a warning where x has been through softmax already."""
    _warn_after(
        x,
        _SOFTMAX,
        "cross_entropy() takes the softmax of x itself, and x is one already: pass what went into softmax()",
    )
    return _cross_entropy_op(x, target, *rest, **named)


_nll_loss_op = nll_loss


@in_front(_nll_loss_op)
def warned_nll_loss(x: Any, target: Any, *rest: Any, **named: Any) -> Any:
    """nll_loss of x, after a warning where x are probabilities."""
    _warn_after(
        x, _SOFTMAX, "nll_loss() takes logarithms of probabilities, and x are probabilities: write log_softmax() for "
        "softmax()"
    )  # fmt: skip
    return _nll_loss_op(x, target, *rest, **named)


# --- two classes ------------------------------------------------------------------------------------------------------

_LEAST = float(np.float32(1e-12))  # PyTorch's bound on x (1 - x), with its rounding


def _weighted(each: Any, weight: Any, x: Any) -> Any:
    return each if weight is None else each * _beside(weight, x)


def _beside(weight: Any, x: Any) -> Any:
    """A weight that broadcasts to the shape of x, in its dtype."""
    weight = np.asarray(weight, x.dtype)
    lead = weight.ndim - x.ndim
    if lead > 0 or not all(n in (1, m) for n, m in zip(weight.shape[::-1], x.shape[::-1], strict=False)):
        raise ShapeError(f"a weight must broadcast to the shape {x.shape} of x, got {weight.shape}; reshape one")
    return weight


def _same_shape(name: str, x: Any, target: Any) -> None:
    one, other = shape_of(x), shape_of(target)
    if one != other:
        raise ShapeError(f"{name}() takes x and target of one shape, got {one} and {other}; reshape one")


def _log_at_least(x: Any) -> Any:
    """ln(x), not below -100."""
    zero = x == 0
    return np.where(zero, -100.0, np.maximum(np.log(x + zero), -100.0))


@asks("are all probabilities from 0 to 1?")
def _bce(x: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Any:
    _same_shape("binary_cross_entropy", x, target)
    if not ((x >= 0) & (x <= 1)).all():
        raise ArgumentError(
            "binary_cross_entropy() takes probabilities from 0 to 1, got others; "
            "use binary_cross_entropy_with_logits for the values before the sigmoid"
        )
    return reduced(_weighted((target - 1) * _log_at_least(1 - x) - target * _log_at_least(x), weight, x), reduction)


def _bce_x(g: Any, out: Any, x: Any, target: Any, weight: Any, reduction: str) -> Any:
    spread = (1 - x) * x
    share = _weighted(unreduced(g, reduction, x), weight, x) * (x - target) / np.maximum(spread, _LEAST)
    return kinked(share, values(spread) < _LEAST, x)


binary_cross_entropy = define(
    _bce, name="binary_cross_entropy", symbol="H₂", category="loss", inputs=("x", "target"), domain=(0.1, 0.9),
    even_chances=lambda out, *operands: math.log(2),
    cases=[case((2, 3), (2, 3)), case((2, 3), (2, 3), weight=_WEIGHT, reduction="sum"), case((), (), reduction="none")],
    floats=("x", "target"),
    sentence="x gets g · (x − target) / (x · (1 − x)), divided by n for a mean loss.",
    summary="−t ln(x) − (1 − t) ln(1 − x) for probabilities x; the logarithms are not let below −100.",
    vjp={
        "x": _bce_x,
        "target": lambda g, out, x, target, weight, reduction: (
            _weighted(unreduced(g, reduction, x), weight, x) * (np.log(1 - x) - np.log(x))
        ),
    },
)  # fmt: skip


def _softplus(x: Any) -> Any:
    """ln(1 + exp(x)); on arrays in a form ten times as fast, which has no second derivative at 0."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))) if isinstance(x, np.ndarray) else np.logaddexp(x, 0)


def _bce_logits(x: Any, target: Any, weight: Any = None, reduction: str = "mean", pos_weight: Any = None) -> Any:
    _same_shape("binary_cross_entropy_with_logits", x, target)
    lost = _softplus(-x)
    if pos_weight is not None:
        lost = lost * (1 + (_beside(pos_weight, x) - 1) * target)
    return reduced(_weighted((1 - target) * x + lost, weight, x), reduction)


def _bce_logits_x(g: Any, out: Any, x: Any, target: Any, weight: Any, reduction: str, pos_weight: Any) -> Any:
    g = _weighted(unreduced(g, reduction, x), weight, x)
    if pos_weight is None:
        return g * (sigmoid_of(x) - target)
    return g * (1 - target - (1 + (_beside(pos_weight, x) - 1) * target) * sigmoid_of(-x))


def _bce_logits_target(g: Any, out: Any, x: Any, target: Any, weight: Any, reduction: str, pos_weight: Any) -> Any:
    g = _weighted(unreduced(g, reduction, x), weight, x)
    return -g * x if pos_weight is None else g * ((_beside(pos_weight, x) - 1) * _softplus(-x) - x)


binary_cross_entropy_with_logits = define(
    _bce_logits, name="binary_cross_entropy_with_logits", symbol="H₂σ", category="loss", inputs=("x", "target"),
    even_chances=lambda out, *operands: math.log(2), takes_scores=True,
    cases=[
        case((2, 3), (2, 3)), case((2, 3), (2, 3), weight=_WEIGHT, reduction="sum"), case((), (), reduction="none"),
        case((2, 3), (2, 3), pos_weight=_WEIGHT),
    ],
    floats=("x", "target"),
    sentence="x gets g · (sigmoid(x) − target), divided by n for a mean loss.",
    summary="binary_cross_entropy of sigmoid(x), without its overflow; pos_weight weighs the positive class.",
    vjp={"x": _bce_logits_x, "target": _bce_logits_target},
)  # fmt: skip


def _soft_margin(x: Any, target: Any, reduction: str = "mean") -> Any:
    return reduced(_softplus(-target * x), reduction)


soft_margin_loss = define(
    _soft_margin, name="soft_margin_loss", symbol="ln(1+e⁻ᵗˣ)", category="loss", inputs=("x", "target"), cases=PAIR,
    floats=("x", "target"),
    sentence="x gets −g · target · sigmoid(−target · x): little where the sign is right by far.",
    summary="ln(1 + exp(−t x)) for targets t of −1 or 1, without its overflow.",
    vjp={
        "x": lambda g, out, x, target, reduction: (
            -unreduced(g, reduction, x, target) * target * sigmoid_of(-target * x)
        ),
        "target": lambda g, out, x, target, reduction: (
            -unreduced(g, reduction, x, target) * x * sigmoid_of(-target * x)
        ),
    },
)  # fmt: skip


# --- margins between classes ------------------------------------------------------------------------------------------


@asks("is a class below 0, or above the last one?")
def _margins(x: Any, target: Any, margin: float) -> tuple[Any, Any, Any]:
    """max(0, margin − x of the class + x of another), where it counts, and which class is the right one."""
    if x.ndim not in (1, 2) or target.shape != x.shape[:-1] or target.dtype.kind not in "iu":
        raise ShapeError(
            "multi_margin_loss() takes x (batch, classes) and whole numbers (batch) as classes, "
            f"got {x.shape} and {target.dtype} {target.shape}"
        )
    if target.size and (target.min() < 0 or target.max() >= x.shape[-1]):
        raise IndexingError(
            f"multi_margin_loss() takes classes from 0 to {x.shape[-1] - 1}, got others; check the target"
        )
    right = target[..., None] == np.arange(x.shape[-1])
    gap = margin - total(np.where(right, x, 0.0), axis=-1, keepdims=True) + x
    return gap, (values(gap) > 0) & ~right, right


def _row_classes(x: Any, target: Any) -> Any:
    return target.reshape(()) if x.ndim == 1 and target.shape == (1,) else target


def _row_weight(weight: Any, target: Any, x: Any) -> Any:
    scale = 1 / x.shape[-1]
    return scale if weight is None else (np.asarray(weight, x.dtype)[target] * scale)[..., None]


def _multi_margin(
    x: Any, target: Any, p: int = 1, margin: float = 1.0, weight: Any = None, reduction: str = "mean"
) -> Any:
    if p not in (1, 2):
        raise ArgumentError(f"p of multi_margin_loss() is 1 or 2, got {p!r}")
    target = _row_classes(x, target)
    if weight is not None and np.shape(weight) != x.shape[-1:]:
        raise ShapeError(
            f"weight of multi_margin_loss() has a number for each of {x.shape[-1]} classes, got {np.shape(weight)}"
        )
    gap, counts, _ = _margins(x, target, margin)
    lost = np.where(counts, gap if p == 1 else gap * gap, 0.0) * _row_weight(weight, target, x)
    return reduced(np.add.reduce(lost, axis=-1), reduction)


def _multi_margin_x(g: Any, out: Any, x: Any, target: Any, p: int, margin: float, weight: Any, reduction: str) -> Any:
    target = _row_classes(x, target)
    gap, counts, right = _margins(x, target, margin)
    g = unreduced(g, reduction, target)
    g = reshaped(g, (*target.shape, 1)) if reduction == "none" else g
    slope = np.where(counts, 1.0 if p == 1 else 2 * gap, 0.0) * (g * _row_weight(weight, target, x))
    return np.where(right, -total(slope, axis=-1, keepdims=True), slope)


multi_margin_loss = define(
    _multi_margin, name="multi_margin_loss", symbol="⟍_", category="loss", inputs=("x", "target"),
    cases=[
        case((3, 3), np.array([1, 0, 2])), case((3, 3), np.array([1, 0, 2]), p=2, weight=_WEIGHT, reduction="sum"),
        case((3,), np.array(1), margin=0.4), case((2, 3), np.array([1, 0]), reduction="none", p=2),
    ],
    floats=("x",),
    sentence="Wrong classes within the margin push up their own score and the right one's down.",
    summary="Mean over the classes of max(0, margin − x of the right class + x of the other) to the power p.",
    vjp={"x": _multi_margin_x}, reads=("x", "target"),
    formula={"x": "the slope of each wrong class within the margin, and minus their sum at the right class"},
)  # fmt: skip


# --- several classes at once -----------------------------------------------------------------------------------------


@composed(method=False, floats=("x", "target"))
def multilabel_soft_margin_loss(x: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Tensor:
    """binary_cross_entropy_with_logits averaged over the classes, the last axis."""
    each = binary_cross_entropy_with_logits(x, as_tensor(target), weight=weight, reduction="none")
    return reduced_tensor(mean(each, axis=-1), reduction)


@composed(method=False, floats=("x",))
def multilabel_margin_loss(x: Any, target: Any, reduction: str = "mean") -> Tensor:
    """The sum of max(0, 1 − x of a right class + x of a wrong one) over all such pairs, over the number of classes.

    target: in the shape of x, the right classes, after the last of which comes −1.
    """
    x, classes = as_tensor(x), as_tensor(target).array
    if classes.shape != x.shape or x.ndim > 2 or classes.dtype.kind not in "iu":
        raise ShapeError(
            "multilabel_margin_loss() takes x (batch, classes) and whole numbers of the same shape, "
            f"got {x.shape} and {classes.dtype} {classes.shape}"
        )
    if (classes >= (x.shape[-1] if x.ndim else 1)).any() or (classes < -1).any():
        raise IndexingError("multilabel_margin_loss() takes classes of x, then −1; check the target")
    lead = x.shape[:-1]
    x, classes = (part.reshape((*lead, x.shape[-1] if x.ndim else 1)) for part in (x, classes))
    there = np.logical_and.accumulate(classes >= 0, axis=-1)
    named = np.where(there, classes, 0)
    right = ((named[..., None] == np.arange(x.shape[-1])) & there[..., None]).any(axis=-2)
    gap = 1 - take_along_axis(x, named)[..., None] + x[..., None, :]
    counts = there[..., None] & ~right[..., None, :] & (gap.array > 0)
    lost = sum_of(where(counts, gap, 0.0), axis=(-2, -1)) / max(x.shape[-1], 1)
    return reduced_tensor(lost, reduction)


# --- spelling ---------------------------------------------------------------------------------------------------------

_NEVER = -1e30  # the logarithm of an impossible event; with -inf the rules would give 0 · inf = NaN


@composed(method=False, floats=("log_probs",))
def ctc_loss(
    log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int = 0, reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:  # fmt: skip
    """Minus the log-probability of each target by every way to spell it out in time (Graves et al. 2006).

    log_probs: (time, batch, classes), or without the batch: log_softmax over the classes.
    targets: (batch, length), or all in a row. The mean is of each loss over the length of its target.
    zero_infinity: whether a target that its time is too short for counts 0 instead of inf.
    """
    log_probs = as_tensor(log_probs)
    if log_probs.ndim not in (2, 3):
        raise ShapeError(f"ctc_loss() takes log_probs (time, batch, classes), got shape {log_probs.shape}")
    single = log_probs.ndim == 2
    if single:
        log_probs = log_probs.reshape((log_probs.shape[0], 1, log_probs.shape[1]))
    steps, batch, _ = log_probs.shape
    times, sizes = (np.atleast_1d(as_tensor(part).array) for part in (input_lengths, target_lengths))
    if times.shape != (batch,) or sizes.shape != (batch,) or (times > steps).any():
        raise ShapeError(
            f"ctc_loss() takes one length of at most {steps} for each of {batch} inputs, and one for each target; got "
            f"{times.tolist()} and {sizes.tolist()}"
        )
    spelled = _with_blanks(as_tensor(targets).array, sizes, blank)
    emitted = log_probs[:, np.arange(batch)[:, None], spelled]
    width = spelled.shape[1]
    jump = np.zeros(spelled.shape, bool)  # over the blank between two letters that differ
    jump[:, 2:] = (spelled[:, 2:] != blank) & (spelled[:, 2:] != spelled[:, :-2])
    never = np.full((batch, 2), _NEVER, log_probs.dtype)
    far = (np.arange(width) < 2) & (np.arange(width) < 2 * sizes[:, None] + 1)
    ways = where(far, emitted[0], _NEVER)
    for step in range(1, steps):
        back = concat([never, ways], axis=1)
        arrived = stack([ways, back[:, 1:-1], where(jump, back[:, :-2], _NEVER)])
        on = logsumexp(arrived, axis=0) + emitted[step]
        ways = on if (times > step).all() else where((times > step)[:, None], on, ways)
    rows = np.arange(batch)
    last = ways[rows, 2 * sizes]
    before = where(sizes > 0, ways[rows, np.maximum(2 * sizes - 1, 0)], _NEVER)
    lost = -logsumexp(stack([last, before]), axis=0)
    short = lost.array > -_NEVER / 2
    if short.any():
        lost = (
            masked_fill(lost, short, 0.0) if zero_infinity else lost * np.where(short, lost.dtype.type(math.inf), 1.0)
        )
    if reduction == "mean":
        lost = lost / np.maximum(sizes, 1).astype(log_probs.dtype)
    return lost.reshape(()) if single and reduction == "none" else reduced_tensor(lost, reduction)


def _with_blanks(targets: Any, sizes: Any, blank: int) -> Any:
    """Each target with a blank before, between and after its letters, in rows of one length."""
    width = int(sizes.max(initial=0))
    out = np.full((len(sizes), 2 * width + 1), blank)
    starts = np.cumsum(sizes) - sizes
    for k, size in enumerate(sizes):
        out[k, 1 : 2 * size : 2] = targets[k, :size] if targets.ndim == 2 else targets[starts[k] : starts[k] + size]
    return out


_with_logits_op, _SIGMOID = binary_cross_entropy_with_logits, sigmoid.op.name  # type: ignore[attr-defined]


@in_front(_with_logits_op)
def warned_with_logits(x: Any, target: Any, *rest: Any, **named: Any) -> Any:
    """binary_cross_entropy_with_logits of x, after a warning where x has been through sigmoid already."""
    _warn_after(
        x, _SIGMOID,
        "binary_cross_entropy_with_logits() takes the sigmoid of x itself, and x is one already: pass what went "
        "into sigmoid(), or write binary_cross_entropy()"
    )  # fmt: skip
    return _with_logits_op(x, target, *rest, **named)
