"""The nonlinearities of neural networks. At a kink each has PyTorch's slope."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy import ndarray

from grad_engine.core.define import define, in_rules
from grad_engine.core.op import case
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.ops.elementwise import bounded, in_parts, level, selected, times
from grad_engine.ops.joining import joined
from grad_engine.ops.reduction import array_sum, total
from grad_engine.ops.shape import reshaped
from grad_engine.ops.special import erf_of

# --- rectifiers: straight pieces --------------------------------------------------------------------------------------

relu = define(
    lambda x: bounded(np.maximum, x, 0), name="relu", symbol="relu", category="activation", inputs=("x",),
    elementwise=True,
    sentence="Positive inputs pass the gradient on; all others pass 0.",
    summary="max(x, 0) of each element. Where x is 0 or negative the gradient is 0, even if g is inf or NaN.",
    vjp={"x": lambda g, out, x: selected(g, out != level((), x.dtype))},  # out is positive, 0, or NaN, which passes
    formula={"x": ["where", [">", "out", 0], "g", 0]},
)  # fmt: skip
relu6 = define(
    lambda x: bounded(np.minimum, bounded(np.maximum, x, 0), 6), name="relu6", symbol="relu6",
    category="activation", inputs=("x",),
    elementwise=True,
    sentence="Inputs strictly between 0 and 6 pass the gradient on; all others pass 0.",
    summary="Each element clipped to lie between 0 and 6; slope 0 at both.",
    vjp={"x": lambda g, out, x: selected(g, (out != 0) & (out != 6))},
)  # fmt: skip


def _leaky_relu(x: Any, negative_slope: float = 0.01) -> Any:
    if 0 < negative_slope <= 1:  # three times faster than choosing
        return np.maximum(x, x * negative_slope)
    return np.where(x > 0, x, x * negative_slope)


def _leaky_relu_x(g: Any, out: Any, x: Any, negative_slope: float) -> Any:
    if not 0 < negative_slope <= 1:
        return np.where(x > 0, g, g * negative_slope)
    slopes = (x > 0).astype(x.dtype)
    slopes = np.maximum(slopes, negative_slope, out=slopes if x.ndim else None)
    return np.multiply(g, slopes, out=slopes) if isinstance(g, ndarray) and x.ndim else g * slopes


leaky_relu = define(
    _leaky_relu, name="leaky_relu", symbol="leaky relu", category="activation", inputs=("x",),
    cases=[case((2, 3)), case((2, 3), negative_slope=0.2), case((2, 3), negative_slope=1.5), case(())],
    floats=("x",),
    elementwise=True,
    sentence="Positive inputs pass the gradient on; all others pass it times a fixed slope.",
    summary="x where positive, elsewhere x times `negative_slope`, which is the slope at 0 too.",
    vjp={"x": _leaky_relu_x},
    formula={"x": lambda g, out, x, negative_slope: np.where(x > 0, g, g * negative_slope)},
)  # fmt: skip


def _per_channel(weight: Any, x: Any) -> Any:
    """One slope for all, or one for each channel, which is axis 1, in a shape that broadcasts with x."""
    if weight.ndim > 1 or weight.size not in (1, x.shape[1] if x.ndim > 1 else 1):
        raise ShapeError(
            f"prelu() takes one weight, or one for each channel (axis 1) of x {x.shape}, got weight {weight.shape}"
        )
    return reshaped(weight, (1, weight.size, *(1,) * (x.ndim - 2)) if weight.size > 1 else ())


def _prelu(x: Any, weight: Any) -> Any:
    x, weight = np.asarray(x), np.asarray(weight)
    return np.where(x > 0, x, x * _per_channel(weight, x))


def _prelu_weight(g: Any, out: Any, x: Any, weight: Any) -> Any:
    share = np.where(x > 0, 0.0, g) * np.where(x > 0, 0.0, x)
    if weight.size == 1:
        return reshaped(total(share), weight.shape)
    return total(share, axis=(0, *range(2, x.ndim)))


prelu = define(
    _prelu, name="prelu", symbol="prelu", category="activation", inputs=("x", "weight"),
    cases=[case((2, 3), (3,)), case((2, 3), (1,)), case((3,), ()), case((2, 3, 2, 2), (3,)), case((), (1,))],
    floats=("x", "weight"),
    sentence="Positive inputs pass g on; others pass g · weight, and the weight gets g · x.",
    summary="x where positive, elsewhere x times `weight`: one number, or one for each channel, which is axis 1.",
    vjp={
        "x": lambda g, out, x, weight: np.where(x > 0, g, g * _per_channel(weight, x)),
        "weight": _prelu_weight,
    },
    formula={
        "x": lambda g, out, x, weight: np.where(x > 0, g, g * (_per_channel(weight, x) if weight.size > 1 else weight)),
        "weight": lambda g, out, x, weight: total(
            np.where(x > 0, 0, g * x), axis=(0, *range(2, x.ndim)) if weight.size > 1 else None
        ),
    },
)  # fmt: skip


def _hardtanh(x: Any, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    if not min_val <= max_val:
        raise ArgumentError(f"min_val of hardtanh() is at most max_val, got {min_val!r} and {max_val!r}")
    if not {type(min_val), type(max_val)} <= {int, float}:  # a NumPy number takes part in the dtype of the result
        return np.minimum(np.maximum(x, min_val), max_val)
    return bounded(np.minimum, bounded(np.maximum, x, min_val), max_val)


hardtanh = define(
    _hardtanh, name="hardtanh", symbol="hardtanh", category="activation", inputs=("x",),
    cases=[case((2, 3)), case((), min_val=-0.7, max_val=1.3)],
    elementwise=True,
    sentence="Inputs strictly between the bounds pass the gradient on; all others pass 0.",
    summary="Each element clipped to lie between `min_val` and `max_val`; slope 0 at both.",
    vjp={"x": lambda g, out, x, min_val, max_val: selected(g, (out != min_val) & (out != max_val))},
)  # fmt: skip


def _six(x: Any) -> Any:
    return bounded(np.minimum, bounded(np.maximum, x + 3, 0), 6)


hardsigmoid = define(
    lambda x: _six(x) / 6, name="hardsigmoid",
    symbol="hardsigmoid", category="activation", inputs=("x",), domain=(-5.0, 5.0), ends=(0, 1),
    floats=("x",),
    elementwise=True,
    sentence="Inputs between −3 and 3 pass a sixth of the gradient; all others pass 0.",
    summary="x/6 + 1/2 clipped to lie between 0 and 1, a sigmoid of straight lines; slope 0 at -3 and 3.",
    vjp={"x": lambda g, out, x: selected(g / 6, (x > -3) & (x < 3))},
)  # fmt: skip


def _hardswish_x(g: Any, out: Any, x: Any) -> Any:
    return selected(g, ~(x <= -3)) * np.where(x < 3, np.where(x > -3, x, 0.0) / 3 + 0.5, 1.0)


hardswish = define(
    lambda x: x * (_six(x) / 6), name="hardswish",
    symbol="hardswish", category="activation", inputs=("x",), domain=(-5.0, 5.0),
    floats=("x",),
    elementwise=True,
    sentence="The slope is 0 up to −3, 1 from 3 on, and x / 3 + 1/2 between.",
    summary="x times hardsigmoid(x); slope 0 at -3 and 1 at 3.",
    vjp={"x": _hardswish_x},
    formula={
        "x": ["where", [">", "x", -3], ["where", ["<", "x", 3], ["*", "g", ["+", ["/", "x", 3], 0.5]], "g"], 0]
    },
)  # fmt: skip


def _softshrink(x: Any, lambd: float = 0.5) -> Any:
    if not lambd >= 0:
        raise ArgumentError(f"lambd of softshrink() is a number from 0 on, got {lambd!r}")
    return x - np.minimum(np.maximum(x, -lambd), lambd)


softshrink = define(
    _softshrink, name="softshrink", symbol="softshrink", category="activation", inputs=("x",),
    cases=[case((2, 3)), case((), lambd=0.3)],
    floats=("x",),
    elementwise=True,
    sentence="Elements that were not set to 0 pass the gradient on; the others pass 0.",
    summary="Each element moved towards 0 by `lambd`, and 0 if that would cross it; slope 0 there.",
    vjp={"x": lambda g, out, x, lambd: selected(g, out != 0)},
)  # fmt: skip
hardshrink = define(
    lambda x, lambd=0.5: np.where(np.abs(x) <= lambd, x.dtype.type(0), x), name="hardshrink", symbol="hardshrink",
    category="activation", inputs=("x",), cases=[case((2, 3)), case((), lambd=0.3)],
    elementwise=True,
    sentence="Elements that were not set to 0 pass the gradient on; the others pass 0.",
    summary="x, but 0 from -`lambd` to `lambd`; slope 0 there.",
    vjp={"x": lambda g, out, x, lambd: selected(g, out != 0)},
)  # fmt: skip


def _threshold(x: Any, threshold: float, value: float) -> Any:
    if not isinstance(value, int | float | np.generic):
        raise ArgumentError(f"value of threshold() is a number, got {value!r}")
    return np.where(x <= threshold, value, x)


threshold = define(
    _threshold, name="threshold", symbol="threshold",
    category="activation", inputs=("x",), cases=[case((2, 3), threshold=0.2, value=-7.0)],
    elementwise=True,
    sentence="Inputs above the threshold pass the gradient on; replaced ones pass 0.",
    summary="x where it is above `threshold`, `value` elsewhere, with slope 0.",
    vjp={"x": lambda g, out, x, threshold, value: selected(g, ~(x <= threshold))},  # NaN passes
    formula={"x": lambda g, out, x, threshold, value: np.where(x > threshold, g, 0)},
)  # fmt: skip

# --- smooth rectifiers ------------------------------------------------------------------------------------------------

SELU_ALPHA = 1.6732632423543772848170429916717  # Klambauer et al. 2017, as the scale below
SELU_SCALE = 1.0507009873554804934193349852946


def _elu(x: Any, alpha: float = 1.0, scale: float = 1.0, width: float = 1.0) -> Any:
    """scale * x where x is positive, scale * alpha * (exp(x / width) - 1) elsewhere."""
    bend = np.minimum(x, x.dtype.type(0))
    return scale * np.maximum(x, x.dtype.type(0)) + scale * alpha * np.expm1(bend if width == 1 else bend / width)


elu = define(
    lambda x, alpha=1.0: _elu(x, alpha), name="elu", symbol="elu", category="activation", inputs=("x",),
    cases=[case((2, 3)), case((2, 3), alpha=0.4), case((0,)), case(())],
    floats=("x",),
    elementwise=True,
    sentence="Positive inputs pass g on; all others pass g · alpha · exp(x).",
    summary="x where positive, elsewhere alpha (exp(x) - 1); the slope at 0 is `alpha`.",
    vjp={"x": lambda g, out, x, alpha: g * np.where(x <= 0, out + alpha, 1.0)},
)  # fmt: skip
celu = define(
    lambda x, alpha=1.0: _elu(x, alpha, width=alpha), name="celu", symbol="celu", category="activation", inputs=("x",),
    cases=[case((2, 3)), case((2, 3), alpha=0.4)],
    floats=("x",),
    elementwise=True,
    sentence="Positive inputs pass g on; all others pass g · exp(x / alpha).",
    summary="x where positive, elsewhere alpha (exp(x / alpha) - 1); the slope at 0 is 1.",
    vjp={"x": lambda g, out, x, alpha: g * np.where(x <= 0, (out if alpha == 1 else out / alpha) + 1, 1.0)},
)  # fmt: skip
selu = define(
    lambda x: _elu(x, SELU_ALPHA, SELU_SCALE), name="selu", symbol="selu", category="activation", inputs=("x",),
    floats=("x",),
    elementwise=True,
    sentence="Positive inputs pass 1.0507 · g; all others pass 1.7581 · g · exp(x).",
    summary="elu with alpha 1.67326, times 1.0507: it keeps a layer's mean 0 and variance 1.",
    vjp={"x": lambda g, out, x: g * np.where(x <= 0, out + SELU_SCALE * SELU_ALPHA, SELU_SCALE)},
)  # fmt: skip


def _sigmoid(x: Any) -> Any:
    """exp(min(x, 0)) / (1 + exp(-|x|)), which never overflows."""
    if not x.ndim or x.dtype.kind != "f":
        return np.exp(np.minimum(x, 0.0)) / (1 + np.exp(-np.abs(x)))
    below = np.abs(x)
    np.negative(below, out=below)
    np.exp(below, out=below)
    below += 1
    out = np.minimum(x, x.dtype.type(0))
    np.exp(out, out=out)
    out /= below
    return out


sigmoid = define(
    _sigmoid, name="sigmoid", symbol="σ", category="activation", inputs=("x",), ends=(0, 1),
    floats=("x",),
    elementwise=True,
    sentence="The slope is result · (1 − result), at most a quarter, and g is multiplied by it.",
    summary="1 / (1 + exp(-x)) of each element, from 0 to 1.",
    vjp={"x": lambda g, out, x: g * (out * (1 - out))},
)  # fmt: skip
sigmoid_of = in_rules(sigmoid)
logsigmoid = define(
    lambda x: np.minimum(x, 0.0) - np.log1p(np.exp(-np.abs(x))), name="logsigmoid", symbol="ln σ",
    category="activation", inputs=("x",),
    floats=("x",),
    elementwise=True,
    sentence="The slope is sigmoid(−x), and g is multiplied by it.",
    summary="ln of sigmoid of each element, without its underflow.",
    vjp={"x": lambda g, out, x: g * sigmoid_of(-x)},
)  # fmt: skip


def _softplus(x: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    z = x if beta == 1 else x * beta
    soft = np.maximum(z, 0.0) + np.log1p(np.exp(-np.abs(z)))
    return np.where(z > threshold, x, soft if beta == 1 else soft / beta)


def _softplus_formula(g: Any, out: Any, x: Any, beta: float, threshold: float) -> Any:
    z = x if beta == 1 else x * beta
    soft = g * sigmoid_of(z)
    return soft if threshold >= 20 else np.where(z > threshold, g, soft)  # sigmoid(20) is 1 but for 2e-9


softplus = define(
    _softplus, name="softplus", symbol="softplus", category="activation", inputs=("x",),
    cases=[case((2, 3)), case((), beta=2.0), case((2, 3), beta=0.5, threshold=0.25)],
    floats=("x",),
    elementwise=True,
    sentence="The slope is sigmoid(beta · x), or 1 above the threshold; g is multiplied by it.",
    summary="ln(1 + exp(beta x)) / beta of each element, and x itself where beta x is above `threshold`.",
    vjp={
        "x": lambda g, out, x, beta, threshold: np.where(
            x * beta > threshold, g, g * sigmoid_of(x if beta == 1 else x * beta)
        )
    },
    formula={"x": _softplus_formula},
)  # fmt: skip
_softplus_of = in_rules(softplus)


def _silu_x(g: Any, out: Any, x: Any) -> Any:
    gate = sigmoid_of(x)
    return g * (gate + out * (1 - gate))


silu = define(
    lambda x: x * _sigmoid(x), name="silu", symbol="silu", category="activation", inputs=("x",), aliases=["swish"],
    floats=("x",),
    elementwise=True,
    sentence="The slope is s + result · (1 − s) with s = sigmoid(x), and g is multiplied by it.",
    summary="x times sigmoid(x).",
    vjp={"x": _silu_x},
)  # fmt: skip


def _mish_x(g: Any, out: Any, x: Any) -> Any:
    t = np.tanh(_softplus_of(x))
    return g * (t + x * (1 - np.square(t)) * sigmoid_of(x))


mish = define(
    lambda x: x * np.tanh(_softplus(x)), name="mish", symbol="mish", category="activation", inputs=("x",),
    floats=("x",),
    elementwise=True,
    sentence="The gradient g is multiplied by the slope of x · tanh(softplus(x)).",
    summary="x times tanh(softplus(x)).",
    vjp={"x": _mish_x},
)  # fmt: skip

ROOT_2_OVER_PI = math.sqrt(2 / math.pi)
GELU_CUBE = 0.044715  # Hendrycks & Gimpel 2016


# Q with Φ(x) = (1 + tanh(x · Q(x²))) / 2: fitted for |x| up to 5.9, where Φ is 1 in float32, to 1e-7 of erf(x / √2) by
# least squares with growing weights. SciPy's erf branches at 1, which a processor guesses wrong: six times as slow.
_TO_NORMAL = (0.79788464, 0.036334347, -3.3911136e-05, -5.4781776e-05, 3.8730655e-06, -1.2525732e-07, 1.567275e-09)
_MANY = 1 << 11  # elements, from which on the longer way is the faster


def _normal_cdf(x: Any) -> Any:
    """The normal distribution function at x, as a new array."""
    if not isinstance(x, ndarray) or x.dtype != np.float32 or x.size < _MANY:
        return 0.5 * (1 + erf_of(x * math.sqrt(0.5)))
    bound = np.clip(x, -5.9, 5.9)
    square = bound * bound
    out = square * _TO_NORMAL[-1]
    for coefficient in _TO_NORMAL[-2:0:-1]:
        out += coefficient
        out *= square
    out += _TO_NORMAL[0]
    out *= bound
    out = np.tanh(out, out=out)
    out += 1
    out *= 0.5
    return out


def _gelu_bend(x: Any) -> Any:
    """The tanh t for which (1 + t) / 2 approximates the normal distribution function."""
    return np.tanh(x * (ROOT_2_OVER_PI + ROOT_2_OVER_PI * GELU_CUBE * np.square(x)))


def _exact(approximate: str) -> bool:
    if approximate not in ("none", "tanh"):
        raise ArgumentError(f"gelu() takes approximate='none' or 'tanh', got {approximate!r}")
    return approximate == "none"


def _gelu(x: Any, approximate: str = "none") -> Any:
    if _exact(approximate):
        return in_parts(lambda x: x * _normal_cdf(x), x)
    return in_parts(lambda x: 0.5 * x * (1 + _gelu_bend(x)), x)


def _gelu_slope(x: Any, approximate: str) -> Any:
    if _exact(approximate):
        density = np.exp(-0.5 * np.square(x)) * (0.5 * ROOT_2_OVER_PI)
        return _normal_cdf(x) + x * density
    t = _gelu_bend(x)
    slope = ROOT_2_OVER_PI * (1 + 3 * GELU_CUBE * np.square(x))
    return 0.5 * (1 + t) + 0.5 * x * (1 - np.square(t)) * slope


def _gelu_x(g: Any, out: Any, x: Any, approximate: str) -> Any:
    return in_parts(lambda g, x: g * _gelu_slope(x, approximate), g, x)


def _gelu_formula(g: Any, out: Any, x: Any, approximate: str) -> Any:
    if approximate == "none":
        return ["*", "g", ["+", ["normal_cdf", "x"], ["*", "x", ["normal_pdf", "x"]]]]
    return _gelu_x(g, out, x, approximate)


gelu = define(
    _gelu, name="gelu", symbol="gelu", category="activation", inputs=("x",),
    cases=[case((2, 3)), case(()), case((2, 3), approximate="tanh")],
    floats=("x",),
    elementwise=True,
    sentence="The slope goes from 0, far left, to 1, far right; g is multiplied by it.",
    summary="x times the normal distribution function at x; with approximate='tanh' its tanh formula.",
    vjp={"x": _gelu_x},
    formula={"x": _gelu_formula},
)  # fmt: skip
softsign = define(
    lambda x: x / (1 + np.abs(x)), name="softsign", symbol="softsign", category="activation", inputs=("x",),
    ends=(-1, 1),
    floats=("x",),
    elementwise=True,
    sentence="The gradient g is divided by the square of 1 + |x|.",
    summary="x / (1 + |x|) of each element, from -1 to 1.",
    vjp={"x": lambda g, out, x: g / np.square(1 + np.abs(x))},
)  # fmt: skip
tanhshrink = define(
    lambda x: x - np.tanh(x), name="tanhshrink", symbol="tanhshrink", category="activation", inputs=("x",),
    floats=("x",),
    elementwise=True,
    sentence="The slope is the square of tanh(x), and g is multiplied by it.",
    summary="x minus tanh(x).",
    vjp={"x": lambda g, out, x: g * np.square(np.tanh(x))},
)  # fmt: skip

# --- along an axis ----------------------------------------------------------------------------------------------------

_ALONG = [case((2, 3)), case((2, 3), axis=0), case((2, 3, 2), axis=1), case((2, 0)), case((2, 3), axis=None)]


def _shifted(x: Any, axis: Any) -> Any:
    """x minus its largest element along `axis`, so that exp cannot overflow."""
    return x - np.maximum.reduce(x, axis=axis, keepdims=True)


def _raised(x: Any, axis: Any) -> ndarray:
    """exp(x) times a factor for each line along `axis` that keeps it from overflowing, as a new array."""
    if x.size > 1000 and x.dtype.char in "fd" and np.maximum.reduce(x, None) < 50 and np.minimum.reduce(x, None) > -50:
        return np.exp(x)  # nothing can overflow or vanish; to check that is faster than to shift each line
    e = _shifted(x, axis)
    return np.exp(e, e) if type(e) is ndarray else np.asarray(np.exp(e))


def _softmax(x: Any, axis: int | None = -1) -> Any:
    if not x.size:
        return x - np.add.reduce(x, axis=axis, keepdims=True)  # x, once the axis is known to be one of its own
    e = _raised(x, axis)
    e /= array_sum(e, axis, True)
    return e


def _log_softmax(x: Any, axis: int | None = -1) -> Any:
    if not x.size:
        return x - np.add.reduce(x, axis=axis, keepdims=True)  # x, once the axis is known to be one of its own
    shifted = _shifted(x, axis)
    shifted -= np.log(array_sum(np.exp(shifted), axis, True))
    return shifted


def _along(g: Any, out: Any, axis: Any) -> Any:
    """The sum of g times out along `axis`, which stays with length 1."""
    if axis == -1 and isinstance(g, ndarray) and g.ndim:
        return np.vecdot(g, out)[..., None]
    return total(g * out, axis=axis, keepdims=True)


def _log_softmax_x(g: Any, out: Any, x: Any, axis: Any) -> Any:
    whole = total(g, axis=axis, keepdims=True)
    if isinstance(out, ndarray) and isinstance(g, ndarray) and out.ndim:
        share = np.exp(out)
        share *= whole
        return np.subtract(g, share, out=share)
    return g - np.exp(out) * whole


def _softmax_formula(g: Any, out: Any, x: Any, axis: Any) -> Any:
    return out * (g - total(g * out, axis=axis, keepdims=True))


softmax = define(
    _softmax, name="softmax", symbol="softmax", category="activation", inputs=("x",), cases=_ALONG,
    floats=("x",),
    sentence="Each input gets its probability times how far its g is from their weighted mean.",
    summary="exp(x) over its sum along `axis`: positive numbers that add up to 1.",
    vjp={"x": lambda g, out, x, axis: times(g - _along(g, out, axis), out)},
    formula={"x": _softmax_formula},
)  # fmt: skip
softmin = define(
    lambda x, axis=-1: _softmax(-x, axis), name="softmin", symbol="softmin", category="activation", inputs=("x",),
    cases=_ALONG,
    floats=("x",),
    sentence="Each input gets its probability times how far the weighted mean of g is from its own.",
    summary="softmax of -x along `axis`.",
    vjp={"x": lambda g, out, x, axis: times(_along(g, out, axis) - g, out)},
    formula={"x": lambda g, out, x, axis: -_softmax_formula(g, out, x, axis)},
)  # fmt: skip
log_softmax = define(
    _log_softmax, name="log_softmax", symbol="log softmax", category="activation", inputs=("x",), cases=_ALONG,
    floats=("x",),
    sentence="Each input gets its own g minus its probability times the sum of all g.",
    summary="ln of softmax along `axis`, without its overflow.",
    vjp={"x": _log_softmax_x},
)  # fmt: skip
softmax_of, log_softmax_of = in_rules(softmax), in_rules(log_softmax)


def _halves(x: Any, axis: int) -> tuple[Any, Any]:
    """The first and the second half of x along `axis`."""
    if not x.ndim or x.shape[axis] % 2:
        raise ShapeError(f"glu() halves axis {axis} of shape {x.shape}, whose length must be even")
    before, half = (slice(None),) * (axis % x.ndim), x.shape[axis] // 2
    return x[(*before, slice(half))], x[(*before, slice(half, None))]


def _glu(x: Any, axis: int = -1) -> Any:
    a, b = _halves(x, axis)
    return a * _sigmoid(b)


def _glu_x(g: Any, out: Any, x: Any, axis: int) -> Any:
    a, b = _halves(x, axis)
    gate = sigmoid_of(b)
    return joined([g * gate, g * (a * gate * (1 - gate))], axis=axis)


glu = define(
    _glu, name="glu", symbol="glu", category="activation", inputs=("x",), cases=[case((2, 4)), case((4, 3), axis=0)],
    floats=("x",),
    sentence="The first half gets g times the gate; the second half gets g · first · slope of the gate.",
    summary="The first half of x along `axis`, each element times sigmoid of its partner in the second half.",
    vjp={"x": _glu_x}, formula={"x": "[{g} · σ(b), {g} · a · σ(b) · (1 − σ(b))] for {x} = [a, b]"}, reads=("x",),
)  # fmt: skip
