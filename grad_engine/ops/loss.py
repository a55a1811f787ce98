"""How far predictions are from targets; for targets that are classes see classification.py.

Each loss takes `reduction`: "mean" of all elements, "sum", or "none".
"""

from __future__ import annotations

import functools
import math
import warnings
from typing import Any

import numpy as np

from grad_engine.core.broadcasting import summed_to
from grad_engine.core.call import as_tensor
from grad_engine.core.caller import caller_level
from grad_engine.core.define import composed, define
from grad_engine.core.op import case
from grad_engine.core.stand_ins import asks
from grad_engine.core.tensor import Tensor
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.formula.symbol import Symbol
from grad_engine.ops.elementwise import clip, kinked, minimum, sqrt, values, varies, where
from grad_engine.ops.reduction import mean, over, total, vector_norm
from grad_engine.ops.reduction import sum as sum_of
from grad_engine.ops.shape import reshaped

_mean = mean.op.forward  # type: ignore[attr-defined]  # half of np.mean's time on small arrays


def shape_of(x: Any) -> tuple[int, ...]:
    """The shape of x; () of a number."""
    return getattr(x, "shape", ())


def reduced(lost: Any, reduction: str) -> Any:
    """The mean of all elements, their sum, or each."""
    if reduction == "mean":
        return _mean(lost)
    if reduction == "sum":
        return np.add.reduce(lost, axis=None)
    if reduction == "none":
        return lost
    raise ArgumentError(f"reduction must be 'mean', 'sum' or 'none', got {reduction!r}")


def with_one(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    """`shape` with length 1 along `axis`."""
    return (*shape[:axis], 1, *shape[axis + 1 :])


def unreduced(g: Any, reduction: str, *operands: Any) -> Any:
    """The gradient that reaches each element before the reduction; there is one for each of the broadcast operands."""
    if reduction != "mean":
        return g
    shapes = {shape_of(each) for each in operands}
    return over(g, math.prod(shapes.pop() if len(shapes) == 1 else np.broadcast_shapes(*shapes)))


def laid_out(g: Any, *operands: Any) -> Any:
    """g in the shape of the broadcast operands, for a rule that would otherwise give that of one of them."""
    shapes = {shape_of(each) for each in operands}
    return g if type(g) is Symbol or len(shapes) == 1 else np.broadcast_to(g, np.broadcast_shapes(*shapes))


def _paired(name: str, x: Any, target: Any) -> None:
    """Warn where two shapes would broadcast into a table of all pairs, which is hardly ever meant."""
    one, other = shape_of(x), shape_of(target)
    if one != other and one != () != other:
        try:
            both = np.broadcast_shapes(one, other)
        except ValueError:
            raise ShapeError(f"{name}() takes x and target of one shape, got {one} and {other}") from None
        warnings.warn(
            f"{name}() got shapes {one} and {other}, which differ and are broadcast to {both}; "
            "reshape one if that is not meant",
            stacklevel=caller_level(),
        )


def _slope_of_abs(d: Any) -> Any:
    """-1, 0 or 1 by the sign of d, and 0 at NaN; a constant."""
    if type(d) is Symbol:
        return np.sign(d)
    slope = np.asarray(np.sign(values(d)))
    np.copyto(slope, 0, where=slope != slope)
    return slope


def _l1_share(g: Any, d: Any) -> Any:
    """g with the sign of the difference d; |d| has a kink where d is 0."""
    share = g * _slope_of_abs(d)
    return kinked(share, values(d) == 0, d) if varies(g) else share


PAIR = [case((2, 3), (2, 3)), case((2, 3), (2, 3), reduction="sum"), case((2, 3), (), reduction="none"), case((), ())]


# --- distances --------------------------------------------------------------------------------------------------------


def _mse(x: Any, target: Any, reduction: str = "mean") -> Any:
    _paired("mse_loss", x, target)
    d = np.asarray(x - target)
    return reduced(np.multiply(d, d, out=d), reduction)


def _l1(x: Any, target: Any, reduction: str = "mean") -> Any:
    _paired("l1_loss", x, target)
    return reduced(np.absolute(x - target), reduction)


def _smooth_l1(x: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> Any:
    _paired("smooth_l1_loss", x, target)
    if beta < 0:
        raise ArgumentError(f"beta of smooth_l1_loss() must not be negative, got {beta}")
    size = np.absolute(x - target)
    if beta == 0:
        return reduced(size, reduction)
    return reduced(np.where(size < beta, 0.5 / beta * size * size, size - 0.5 * beta), reduction)


def _smooth_share(g: Any, d: Any, beta: float) -> Any:
    return g * np.where(np.abs(d) < beta, d / beta, np.sign(d)) if beta else _l1_share(g, d)


def _huber(x: Any, target: Any, reduction: str = "mean", delta: float = 1.0) -> Any:
    _paired("huber_loss", x, target)
    if delta <= 0:
        raise ArgumentError(f"delta of huber_loss() must be positive, got {delta}")
    size = np.absolute(x - target)
    return reduced(np.where(size <= delta, 0.5 * size * size, delta * (size - 0.5 * delta)), reduction)


def _huber_slope(d: Any, delta: float) -> Any:
    return np.where(np.abs(d) <= delta, d, delta * np.sign(d))


mse_loss = define(
    _mse, name="mse_loss", symbol="(x−t)²", category="loss", inputs=("x", "target"), cases=PAIR,
    floats=("x", "target"),
    sentence="x gets 2 · g · (x − target), divided by n for a mean loss; the target gets the opposite.",
    summary="Squared difference of x and target: the mean of all elements, their sum, or each.",
    vjp={
        "x": lambda g, out, x, target, reduction: unreduced(g, reduction, x, target) * 2 * (x - target),
        "target": lambda g, out, x, target, reduction: unreduced(g, reduction, x, target) * 2 * (target - x),
    },
)  # fmt: skip
l1_loss = define(
    _l1, name="l1_loss", symbol="|x−t|", category="loss", inputs=("x", "target"), cases=PAIR,
    floats=("x", "target"),
    sentence="x gets g with the sign of x − target, divided by n for a mean loss; the target the opposite.",
    summary="Absolute difference of x and target; slope 0 where they are equal.",
    vjp={
        "x": lambda g, out, x, target, reduction: _l1_share(unreduced(g, reduction, x, target), x - target),
        "target": lambda g, out, x, target, reduction: _l1_share(unreduced(g, reduction, x, target), target - x),
    },
)  # fmt: skip
smooth_l1_loss = define(
    _smooth_l1, name="smooth_l1_loss", symbol="⌣", category="loss", inputs=("x", "target"),
    cases=[*PAIR, case((2, 3), (2, 3), beta=0.6), case((2, 3), (2, 3), beta=0)],
    floats=("x", "target"),
    sentence="The gradient grows with the difference up to beta and is constant beyond.",
    summary="Half the squared difference over beta where that is less than beta, else the absolute one less beta / 2.",
    vjp={
        "x": lambda g, out, x, target, reduction, beta: (
            _smooth_share(unreduced(g, reduction, x, target), x - target, beta)
        ),
        "target": lambda g, out, x, target, reduction, beta: (
            _smooth_share(unreduced(g, reduction, x, target), target - x, beta)
        ),
    },
)  # fmt: skip
huber_loss = define(
    _huber, name="huber_loss", symbol="⌣", category="loss", inputs=("x", "target"),
    cases=[*PAIR, case((2, 3), (2, 3), delta=0.6)],
    floats=("x", "target"),
    sentence="The gradient grows with the difference up to delta and is constant beyond.",
    summary="Half the squared difference up to delta, from there on growing straight (Huber 1964).",
    vjp={
        "x": lambda g, out, x, target, reduction, delta: (
            unreduced(g, reduction, x, target) * _huber_slope(x - target, delta)
        ),
        "target": lambda g, out, x, target, reduction, delta: (
            unreduced(g, reduction, x, target) * _huber_slope(target - x, delta)
        ),
    },
)  # fmt: skip


# --- distributions ----------------------------------------------------------------------------------------------------


def _x_ln_x(x: Any) -> Any:
    return x * np.log(x + (x == 0))


def _kl_div(x: Any, target: Any, reduction: str = "mean", log_target: bool = False) -> Any:
    lost = np.exp(target) * (target - x) if log_target else _x_ln_x(target) - target * x
    if reduction == "batchmean":
        return np.add.reduce(lost, axis=None) / (lost.shape[0] if lost.ndim else 1)
    return reduced(lost, reduction)


def _kl_each(g: Any, reduction: str, x: Any, target: Any) -> Any:
    g = laid_out(g, x, target)
    if reduction != "batchmean":
        return unreduced(g, reduction, x, target)
    shape = np.broadcast_shapes(shape_of(x), shape_of(target))
    return g / (shape[0] if shape else 1)


def _kl_x(g: Any, out: Any, x: Any, target: Any, reduction: str, log_target: bool) -> Any:
    return -_kl_each(g, reduction, x, target) * (np.exp(target) if log_target else target)


def _kl_target(g: Any, out: Any, x: Any, target: Any, reduction: str, log_target: bool) -> Any:
    g = _kl_each(g, reduction, x, target)
    if log_target:
        return g * (np.exp(target) * (target - x + 1))
    return g * (np.log(target) + target / target - x)  # 0 / 0: NaN at 0, as in PyTorch


kl_div = define(
    _kl_div, name="kl_div", symbol="KL", category="loss", inputs=("x", "target"), domain=(0.1, 1.5),
    cases=[
        case((2, 3), (2, 3)), case((2, 3), (2, 3), reduction="batchmean"), case((3,), (3,), reduction="none"),
        case((2, 3), (2, 3), log_target=True, reduction="sum"),
    ],
    floats=("x", "target"),
    sentence="x gets −g times the target's probability, divided by the count for a mean loss.",
    summary="target · (ln(target) − x): the divergence of log-probabilities x from the target (or its logarithm, "
    "with log_target). reduction='batchmean' divides the sum by the batch, as the definition does.",
    vjp={"x": _kl_x, "target": _kl_target},
)  # fmt: skip


def _poisson(
    x: Any, target: Any, log_input: bool = True, full: bool = False, eps: float = 1e-8, reduction: str = "mean"
) -> Any:
    lost = np.exp(x) - target * x if log_input else x - target * np.log(x + eps)
    if full:
        t = np.where(target > 1, target, 1.0)
        lost = lost + np.where(target > 1, t * np.log(t) - t + 0.5 * np.log(2 * math.pi * t), 0.0)
    return reduced(lost, reduction)


def _poisson_x(g: Any, out: Any, x: Any, target: Any, log_input: bool, full: bool, eps: float, reduction: str) -> Any:
    return unreduced(laid_out(g, x, target), reduction, x, target) * (
        np.exp(x) - target if log_input else 1 - target / (x + eps)
    )


def _poisson_target(
    g: Any, out: Any, x: Any, target: Any, log_input: bool, full: bool, eps: float, reduction: str
) -> Any:
    slope = -x if log_input else -np.log(x + eps)
    if full:
        slope = slope + (target > 1) * (np.log(target) + 0.5 / target)  # NaN at 0, as in PyTorch
    return unreduced(laid_out(g, x, target), reduction, x, target) * slope


poisson_nll_loss = define(
    _poisson, name="poisson_nll_loss", symbol="Pois", category="loss", inputs=("x", "target"), domain=(0.1, 3.0),
    cases=[
        case((2, 3), (2, 3)), case((2, 3), (2, 3), log_input=False, reduction="sum"),
        case((2, 3), (2, 3), full=True, reduction="none"),
    ],
    floats=("x", "target"),
    sentence="x gets g times the expected count minus the observed one; without log_input, relative to it.",
    summary="exp(x) − t x (or x − t ln(x) without log_input): minus the log-likelihood of counts t, with "
    "Stirling's term when full.",
    vjp={"x": _poisson_x, "target": _poisson_target},
)  # fmt: skip


def _variance(x: Any, var: Any, eps: float) -> Any:
    """The variance laid along x, at least `eps`; below that its slope is that at eps."""
    shape = shape_of(var)
    if shape != x.shape and shape == x.shape[:-1] and x.ndim:
        var = reshaped(var, (*shape, 1))
    low = values(var) < eps
    return var + np.where(low, eps - values(var), 0.0)


@asks("is a variance negative?")
def _gaussian(x: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> Any:
    if np.any(np.less(var, 0)):
        raise ArgumentError("gaussian_nll_loss() takes variances, which are not negative; got a negative one")
    var, d = _variance(x, var, eps), x - target
    lost = 0.5 * (np.log(var) + d * d / var)
    return reduced(lost + 0.5 * math.log(2 * math.pi) if full else lost, reduction)


def _gaussian_x(g: Any, out: Any, x: Any, target: Any, var: Any, full: bool, eps: float, reduction: str) -> Any:
    v = _variance(x, var, eps)
    return unreduced(g, reduction, x, target, v) * ((x - target) / v)


def _gaussian_target(g: Any, out: Any, x: Any, target: Any, var: Any, full: bool, eps: float, reduction: str) -> Any:
    v = _variance(x, var, eps)
    return unreduced(g, reduction, x, target, v) * ((target - x) / v)


def _gaussian_var(g: Any, out: Any, x: Any, target: Any, var: Any, full: bool, eps: float, reduction: str) -> Any:
    v, d = _variance(x, var, eps), x - target
    share = unreduced(g, reduction, x, target, v) * (0.5 / v * (1 - d * d / v))
    return reshaped(summed_to(share, shape=v.shape), var.shape) if v.ndim > var.ndim else share


def _gaussian_formula(
    of: str, g: Any, out: Any, x: Any, target: Any, var: Any, full: bool, eps: float, reduction: str
) -> Any:  # fmt: skip
    """The rules with the variance as the largest of var and eps, which has the same value."""
    rows = var.shape == x.shape[:-1] != x.shape
    v = np.maximum(reshaped(var, (*var.shape, 1)) if rows else var, eps)
    g = unreduced(g, reduction, x, target)
    if of != "var":
        return g * ((x - target if of == "x" else target - x) / v)
    share = g * (0.5 / v * (1 - np.square(x - target) / v))
    return total(share, axis=-1) if rows else share


gaussian_nll_loss = define(
    _gaussian, name="gaussian_nll_loss", symbol="𝒩", category="loss", inputs=("x", "target", "var"),
    domain=(0.3, 2.0),
    cases=[
        case((2, 3), (2, 3), (2, 3)), case((2, 3), (2, 3), (2,), full=True),
        case((2, 3), (2, 3), (2, 1), reduction="sum"), case((2, 3), (2, 3), (2, 3), reduction="none"),
    ],
    floats=("x", "target", "var"),
    sentence="x gets g times its distance from the target over the variance, divided by n for a mean loss.",
    summary="½ (ln(var) + (x − t)² / var): minus the log-likelihood of t under a normal distribution of mean x; var "
    "has the shape of x, or one number for each row.",
    vjp={"x": _gaussian_x, "target": _gaussian_target, "var": _gaussian_var},
    formula={name: functools.partial(_gaussian_formula, name) for name in ("x", "target", "var")},
)  # fmt: skip


# --- margins ----------------------------------------------------------------------------------------------------------


def _margin_ranking(x: Any, y: Any, target: Any, margin: float = 0.0, reduction: str = "mean") -> Any:
    return reduced(np.maximum(margin - target * (x - y), 0), reduction)


def _active(g: Any, x: Any, y: Any, target: Any, margin: float, reduction: str) -> Any:
    """g for pairs in the wrong order or within the margin, which counts as within, as in PyTorch; else 0."""
    return np.where(margin - target * (x - y) >= 0, unreduced(g, reduction, x, y, target), 0.0)


margin_ranking_loss = define(
    _margin_ranking, name="margin_ranking_loss", symbol="x>y", category="loss", inputs=("x", "y", "target"),
    cases=[
        case((5,), (5,), (5,)), case((2, 3), (2, 3), (2, 3), margin=0.4, reduction="sum"),
        case((3,), (3,), (), margin=1.0),
    ],
    floats=("x", "y", "target"),
    sentence="Pairs in the wrong order, or within the margin, pass g to both with opposite signs.",
    summary="max(0, margin − t (x − y)): whether x ranks above y where t is 1, below where it is −1.",
    vjp={
        "x": lambda g, out, x, y, target, margin, reduction: -_active(g, x, y, target, margin, reduction) * target,
        "y": lambda g, out, x, y, target, margin, reduction: _active(g, x, y, target, margin, reduction) * target,
        "target": lambda g, out, x, y, target, margin, reduction: (
            _active(g, x, y, target, margin, reduction) * (y - x)
        ),
    },
)  # fmt: skip


def _hinge(x: Any, target: Any, margin: float = 1.0, reduction: str = "mean") -> Any:
    return reduced(np.maximum(margin - target * x, 0), reduction)


def _hinge_slope(g: Any, x: Any, target: Any, margin: float, reduction: str) -> Any:
    return np.where(margin - target * x >= 0, -unreduced(g, reduction, x, target), 0.0)


hinge_loss = define(
    _hinge, name="hinge_loss", symbol="⟍_", category="loss", inputs=("x", "target"),
    cases=[case((2, 3), (2, 3)), case((3,), (3,), margin=0.6, reduction="none"), case((3,), (3,), reduction="sum")],
    floats=("x", "target"),
    sentence="Predictions within the margin get −g · target, divided by n for a mean loss; the others 0.",
    summary="max(0, margin − t x) for targets t of −1 or 1, as support vector machines have it.",
    vjp={
        "x": lambda g, out, x, target, margin, reduction: _hinge_slope(g, x, target, margin, reduction) * target,
        "target": lambda g, out, x, target, margin, reduction: _hinge_slope(g, x, target, margin, reduction) * x,
    },
)  # fmt: skip


def _hinge_embedding(x: Any, target: Any, margin: float = 1.0, reduction: str = "mean") -> Any:
    near, far = np.where(target != -1, x, 0.0), np.where(target != 1, np.maximum(margin - x, 0), 0.0)
    return reduced(near + far, reduction)


def _hinge_embedding_x(g: Any, out: Any, x: Any, target: Any, margin: float, reduction: str) -> Any:
    g = unreduced(g, reduction, x, target)
    return np.where(target != -1, g, 0.0) - np.where((target != 1) & (margin - x >= 0), g, 0.0)


_SIGNS = np.array([1.0, -1.0, 1.0])

hinge_embedding_loss = define(
    _hinge_embedding, name="hinge_embedding_loss", symbol="⟍_", category="loss", inputs=("x", "target"),
    cases=[
        case((2, 3), _SIGNS), case((2, 3), _SIGNS, margin=0.6, reduction="sum"),
        case((3,), _SIGNS, reduction="none"),
    ],
    floats=("x", "target"),
    sentence="Similar pairs get g; dissimilar ones within the margin get −g, the others 0.",
    summary="The distance x where the target is 1, max(0, margin − x) where it is −1.",
    vjp={"x": _hinge_embedding_x},
)  # fmt: skip


# --- angles -----------------------------------------------------------------------------------------------------------


def _length(x: Any, axis: int) -> Any:
    return np.sqrt(total(x * x, axis=axis, keepdims=True))


def _cosine(x: Any, y: Any, axis: int = 1, eps: float = 1e-8) -> Any:
    x, y = np.broadcast_arrays(*np.atleast_1d(x, y))
    unit = x / np.maximum(_length(x, axis), eps) * (y / np.maximum(_length(y, axis), eps))
    return np.add.reduce(unit, axis=axis)


def _broadcast(x: Any, shape: tuple[int, ...]) -> Any:
    return x if x.shape == shape else np.broadcast_to(x, shape)


def _cosine_share(g: Any, out: Any, x: Any, y: Any, axis: int, eps: float) -> Any:
    """The gradient of x: the part of y's direction perpendicular to x, divided by the length of x."""
    shape = np.broadcast_shapes(x.shape, y.shape) or (1,)
    x, y = _broadcast(x, shape), _broadcast(y, shape)
    g, cosine = (reshaped(part, with_one(shape, axis % len(shape))) for part in (g, out))
    length, other = _length(x, axis), np.maximum(_length(y, axis), eps)
    clamped = np.maximum(length, eps)
    nothing = values(length) == 0
    own = x / np.where(nothing, 1.0, length)  # a vector of length 0 has no direction
    return g / clamped * (y / other - cosine * own)


cosine_similarity = define(
    _cosine, name="cosine_similarity", symbol="cos∠", category="loss", inputs=("x", "y"),
    cases=[case((2, 3), (2, 3)), case((3,), (3,), axis=0), case((2, 3, 2), (3, 1), axis=-2)],
    floats=("x", "y"),
    sentence="x gets g times the part of y's direction across x, divided by x's length.",
    summary="The cosine of the angle between the vectors of x and y along `axis`; lengths count as at least eps.",
    vjp={
        "x": lambda g, out, x, y, axis, eps: _cosine_share(g, out, x, y, axis, eps),
        "y": lambda g, out, x, y, axis, eps: _cosine_share(g, out, y, x, axis, eps),
    },
    formula={
        "x": "{g} · (the direction of {y} − {out} · the direction of {x}) / the length of {x}, at least eps",
        "y": "{g} · (the direction of {x} − {out} · the direction of {y}) / the length of {y}, at least eps",
    },
    reads=("x", "y", "out"),
)  # fmt: skip


# --- composed of ops --------------------------------------------------------------------------------------------------


def reduced_tensor(lost: Tensor, reduction: str) -> Tensor:
    """reduced() of a tensor, as ops."""
    if reduction == "none":
        return lost
    if reduction not in ("mean", "sum"):
        raise ArgumentError(f"reduction must be 'mean', 'sum' or 'none', got {reduction!r}")
    return mean(lost) if reduction == "mean" else sum_of(lost)


@composed(method=False, floats=("x", "y"))
def pairwise_distance(x: Any, y: Any, p: float = 2.0, eps: float = 1e-6, keepdims: bool = False) -> Tensor:
    """The p-norm of x - y + eps along the last axis."""
    return vector_norm(as_tensor(x) - y + eps, axis=-1, keepdims=keepdims, ord=p)


@composed(method=False, floats=("anchor", "positive", "negative"))
def triplet_margin_loss(
    anchor: Any, positive: Any, negative: Any, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6,
    swap: bool = False, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """max(0, margin + distance of anchor and positive − distance of anchor and negative), along the last axis.

    swap: the negative's distance is the smaller one of those from the anchor and from the positive.
    """

    def distance(x: Any, y: Any) -> Tensor:
        return pairwise_distance(x, y, p, eps)

    return triplet_margin_with_distance_loss(anchor, positive, negative, distance, margin, swap, reduction)


@composed(method=False, floats=("x", "y"))
def cosine_embedding_loss(x: Any, y: Any, target: Any, margin: float = 0.0, reduction: str = "mean") -> Tensor:
    """1 − cos of the angle between x and y where the target is 1, max(0, cos − margin) where it is −1."""
    x, y, target = as_tensor(x), as_tensor(y), values(target)
    if x.ndim != y.ndim or x.ndim - 1 != np.ndim(target) or x.ndim not in (1, 2):
        raise ShapeError(
            f"cosine_embedding_loss() takes x and y (batch, features) and a target (batch), or all without the batch; "
            f"got {x.shape}, {y.shape} and {np.shape(target)}"
        )
    tiny = 1e-12
    lengths = sqrt((sum_of(x * x, axis=-1) + tiny) * (sum_of(y * y, axis=-1) + tiny))
    cosine = sum_of(x * y, axis=-1) / lengths
    return reduced_tensor(
        where(target == 1, 1 - cosine, 0.0) + where(target == -1, clip(cosine - margin, 0, None), 0.0), reduction
    )


@composed(method=False, floats=("anchor", "positive", "negative"))
def triplet_margin_with_distance_loss(
    anchor: Any, positive: Any, negative: Any, distance_function: Any = None, margin: float = 1.0, swap: bool = False,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """triplet_margin_loss() by any function of two tensors that gives their distance; pairwise_distance by default."""
    if not margin > 0:
        raise ArgumentError(f"margin of a triplet loss is above 0, got {margin!r}")
    distance = pairwise_distance if distance_function is None else distance_function
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = minimum(far, distance(positive, negative))
    return reduced_tensor(clip(near - far + margin, 0, None), reduction)
