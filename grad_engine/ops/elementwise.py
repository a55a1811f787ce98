"""Functions applied to each element alone. Where a function has a kink, the slope there is PyTorch's.

The second derivative at a kink is that of the side whose slope was taken. Where the slope is that of neither side, as
of |x| at 0, the second derivative is NaN once the arriving gradient varies (see `kinked`). Of equals in maximum() each
takes half, and these shares count as constants, so that what is smooth in spite of a tie stays right: a logaddexp by
hand.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy import ndarray

from grad_engine.core.call import as_tensor
from grad_engine.core.define import composed, define, in_rules
from grad_engine.core.numpy_protocol import NUMPY_TO_OP
from grad_engine.core.op import case
from grad_engine.core.stand_ins import TRACING
from grad_engine.core.tensor import Tensor
from grad_engine.errors import ArgumentError
from grad_engine.formula import Tree
from grad_engine.formula.symbol import Symbol, traced

LN2 = math.log(2.0)
LN10 = math.log(10.0)
_PAIRS = [case((2, 3), (2, 3)), case((2, 3), (3,)), case((), (2, 1)), case((1, 3), (2, 1)), case((0, 3), (1, 3))]
BITS: dict[Any, Any] = {np.dtype(np.float64): np.dtype(np.int64), np.dtype(np.float32): np.dtype(np.int32)}


# --- comparing with a number ------------------------------------------------------------------------------------------

_BLOCK = 1 << 14  # elements of an array of equal numbers that is kept


@lru_cache(maxsize=64)
def level(shape: tuple[int, ...], dtype: Any, value: float = 0.0) -> ndarray:
    """A read-only array of `shape` that holds `value` everywhere."""
    array = np.full(shape, value, dtype)
    array.flags.writeable = False
    return array


def bounded(choose: np.ufunc, x: Any, bound: float) -> Any:
    """np.maximum or np.minimum of an array and a number, made an array too, which is 3 times as fast."""
    if type(x) is not ndarray or x.dtype.kind != "f":
        if isinstance(x, ndarray) and x.dtype.kind == "f" and x.size <= _BLOCK and not x.flags.c_contiguous:
            return choose(x, level(x.shape, x.dtype, bound))  # for a stand-in too: the result has the level's layout
        return choose(x, bound)
    if x.size <= _BLOCK:
        return choose(x, level(x.shape, x.dtype, bound))
    if not x.flags.c_contiguous:
        return choose(x, x.dtype.type(bound))
    out = np.empty_like(x)
    flat, to = x.reshape(-1), out.reshape(-1)
    whole = x.size - x.size % _BLOCK
    row = level((_BLOCK,), x.dtype, bound)
    choose(flat[:whole].reshape(-1, _BLOCK), row, out=to[:whole].reshape(-1, _BLOCK))
    choose(flat[whole:], row[: x.size - whole], out=to[whole:])
    return out


# --- choosing ---------------------------------------------------------------------------------------------------------


def _select(x: Any, mask: Any) -> Any:
    """x where mask holds, else 0. Multiplying the bits as integers also clears NaN, 10 times as fast as np.where."""
    if x.size > 256 and x.shape == mask.shape and (bits := BITS.get(x.dtype)) is not None:
        if type(x) is not ndarray:  # a stand-in, of whose product with the mask a program makes what is quick there
            return np.multiply(x.view(bits), mask).view(x.dtype)
        ones = mask.astype(bits)
        return np.multiply(x.view(bits), ones, ones).view(x.dtype)
    return np.where(mask, x, level((), x.dtype))


select = define(
    _select, name="select", half="same", symbol="▣", category="elementwise", inputs=("x",), public=False,
    cases=[case((2, 3), mask=np.array([[True, False, True], [False, True, True]]))],
    elementwise=True,
    summary="x where mask holds, else 0, even where x is inf or NaN.",
    vjp={"x": lambda g, out, x, mask: selected(g, mask)},
)  # fmt: skip


def selected(x: Any, mask: Any) -> Any:
    """x where mask (an array of booleans) holds, else 0, for use in rules."""
    if type(x) is Tensor:
        return select(x, mask)
    return traced("where", mask, x, 0) if type(mask) is Symbol or type(x) is Symbol else _select(x, mask)


PART = 1 << 15  # elements


def in_parts(function: Callable[..., Any], *arrays: Any) -> Any:
    """What an elementwise function gives for these; of large arrays part by part, all of which stays in the cache."""
    first = arrays[0]
    for each in arrays:
        if type(each) is not np.ndarray or each.size < 4 * PART or each.shape != first.shape:
            return function(*arrays)
        if not each.flags.c_contiguous:
            return function(*arrays)
    out = np.empty(first.shape, np.result_type(*arrays))
    flat, rows = out.reshape(-1), [each.reshape(-1) for each in arrays]
    for start in range(0, out.size, PART):
        part = slice(start, start + PART)
        flat[part] = function(*(row[part] for row in rows))
    return out


def times(fresh: Any, x: Any) -> Any:
    """`fresh` times x, for use in rules: written into `fresh`, which the rule has just made, if that is an array."""
    return np.multiply(fresh, x, fresh) if isinstance(fresh, ndarray) and isinstance(x, ndarray) else fresh * x


def nothing(g: Any) -> Any:
    """Zeros in the shape of g, also where g is NaN or inf, for use in rules."""
    return np.where(False, g, 0.0)


def values(x: Any) -> Any:
    """The array of x, for rules that take it as a constant: no gradient flows back through it."""
    return x.array if type(x) is Tensor else x


kink = define(
    lambda x, mask: np.zeros_like(x), name="kink", half="same", symbol="∠", category="elementwise", inputs=("x",),
    public=False,
    elementwise=True, cases=[case((2, 3), mask=np.zeros((2, 3), bool))],
    summary="Zeros in the shape of x, whose slope is NaN where `mask` holds and 0 elsewhere.",
    vjp={"x": lambda g, out, x, mask: np.where(mask, math.nan, nothing(g))},
    formula={"x": "NaN at a kink of the slope, else 0"},
)  # fmt: skip


def kinked(share: Any, mask: Any, *operands: Any) -> Any:
    """`share` with a slope of NaN by each of `operands` where `mask`, of their shape, holds; for use in rules.

    A rule may give a number where a function has a kink. That number has no slope of its own there, and the formula
    that gave it would make one up: the Hessian of |x|² at 0 would be 0, not 2. Only the gradient by `operands` is lost:
    as a function of g the share is linear, kink or not, so products with the Jacobian stay finite.
    """
    for x in operands:
        if type(x) is Tensor and mask.any():
            share = share + kink(x, mask)
    return share


def _where(condition: Any, x: Any, y: Any) -> Any:
    out = np.where(condition, x, y)
    if type(out) is np.ndarray and out.dtype.kind in "OUS":
        raise ArgumentError(f"where() chooses between numbers, got {x!r} and {y!r}")
    return out


where = define(
    _where, name="where", symbol="?", category="elementwise", inputs=("condition", "x", "y"), numpy=[np.where],
    numbers=True, half="same", method=False,
    cases=[case(np.array([[True, False, True]]), (2, 3), (1, 3)), case(np.array([True, False, False]), (3,), ())],
    elementwise=True, broadcasts=True,
    sentence="Each result came from one branch, and its gradient goes to that branch alone.",
    summary="x where condition holds, y elsewhere; the gradient of the branch not taken is 0, even beside a NaN.",
    vjp={
        "x": lambda g, out, condition, x, y: np.where(condition, g, 0.0),
        "y": lambda g, out, condition, x, y: np.where(condition, 0.0, g),
    },
)  # fmt: skip


def _masked_fill(x: Any, mask: Any, value: Any) -> Any:
    if isinstance(mask, np.ndarray | np.generic) and mask.dtype != bool:
        raise ArgumentError(f"masked_fill() takes a mask of booleans, got {mask.dtype}; write mask != 0")
    if value is None:
        raise ArgumentError("masked_fill() fills with a number, got None")
    return np.where(mask, value, x)


masked_fill = define(
    _masked_fill, name="masked_fill", half="same", symbol="▣", category="elementwise", inputs=("x", "mask", "value"),
    numbers=True,
    cases=[case((2, 3), np.array([[True, False, True]]), np.array(0.7)), case((3,), np.array([True, False, True]), ())],
    elementwise=True, broadcasts=True,
    sentence="Filled places send their gradient to the value, all others to x.",
    summary="x with `value` wherever mask holds; mask and value broadcast to the shape of x.",
    vjp={
        "x": lambda g, out, x, mask, value: np.where(mask, 0.0, g),
        "value": lambda g, out, x, mask, value: np.where(mask, g, 0.0),
    },
)  # fmt: skip


def _clip(x: Any, min: Any = None, max: Any = None) -> Any:
    if min is None and max is None:
        raise ArgumentError("clip() needs a bound; pass min=, max= or both")
    if min is not None:
        x = np.maximum(x, min)
    return x if max is None else np.minimum(x, max)


def _clip_x(g: Any, out: Any, x: Any, min: Any, max: Any) -> Any:
    return selected(g, x <= max if min is None else x >= min if max is None else (x >= min) & (x <= max))


def _clip_min(g: Any, out: Any, x: Any, min: Any, max: Any) -> Any:
    return selected(g, x < min if max is None else (x < min) & (min < max))


def _clip_max(g: Any, out: Any, x: Any, min: Any, max: Any) -> Any:
    return selected(g, x > max if min is None else (x > max) | (max < min))


clip = define(
    _clip, name="clip", symbol="⊓⊔", category="elementwise", inputs=("x", "min", "max"), aliases=["clamp"],
    numbers=True, cases=[
        case((2, 3), np.array(-0.7), np.array(0.9)), case((2, 3), None, (3,)), case((2, 3), (2, 1)),
        case((3,), (2, 1), (2, 3)),
    ],
    elementwise=True, broadcasts=True,
    sentence="Whichever became the result gets the gradient: x, or the bound that cut it off.",
    summary="Each element clipped to lie between `min` and `max`, one of which may be left out; slope 1 at the bounds.",
    vjp={"x": _clip_x, "min": _clip_min, "max": _clip_max},
)  # fmt: skip


def _numpy_clip(
    x: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None, **of_ufuncs: Any
) -> Tensor:
    if of_ufuncs:
        raise ArgumentError(f"np.clip takes no {', '.join(of_ufuncs)} on tensors; choose with np.where(mask, a, b)")
    return clip(x, a_min if min is None else min, a_max if max is None else max)


NUMPY_TO_OP[np.clip] = _numpy_clip


def _extreme_share(g: Any, mine: Any, other: Any) -> Any:
    """g where `mine` is the larger, half of it where both are equal, all of it where one is NaN."""
    share = selected(g, ~(mine < other))
    tie = mine == other
    if TRACING.trace is None and not tie.any():  # a program asks when it runs (program/passes/kernels.py)
        return share
    return np.where(tie, share * 0.5, share)


def _extreme_formula(mine: str, sign: str, other: str) -> Tree:
    return ["where", [sign, mine, other], "g", ["where", ["==", mine, other], ["/", "g", 2], 0]]


_LARGER = {"x": _extreme_formula("x", ">", "y"), "y": _extreme_formula("y", ">", "x")}
_SMALLER = {"x": _extreme_formula("x", "<", "y"), "y": _extreme_formula("y", "<", "x")}

maximum = define(
    np.maximum, name="maximum", symbol="max", category="elementwise", cases=_PAIRS,
    commutes=True,
    sentence="The larger operand gets the gradient; where both are equal, each gets half.",
    summary="The larger of x and y, element by element; equals share the gradient, NaN wins.",
    vjp={"x": lambda g, out, x, y: _extreme_share(g, x, y), "y": lambda g, out, x, y: _extreme_share(g, y, x)},
    formula=_LARGER,
)  # fmt: skip
minimum = define(
    np.minimum, name="minimum", symbol="min", category="elementwise", cases=_PAIRS,
    commutes=True,
    sentence="The smaller operand gets the gradient; where both are equal, each gets half.",
    summary="The smaller of x and y, element by element; equals share the gradient, NaN wins.",
    vjp={"x": lambda g, out, x, y: _extreme_share(g, y, x), "y": lambda g, out, x, y: _extreme_share(g, x, y)},
    formula=_SMALLER,
)  # fmt: skip
fmax = define(
    np.fmax, name="fmax", symbol="max", category="elementwise", cases=_PAIRS,
    commutes=True, leaves_out_nan=True,
    sentence="The larger operand gets the gradient; where both are equal, x gets all of it.",
    summary="The larger of x and y, element by element, NaN only where both are; of equals x takes the gradient.",
    vjp={
        "x": lambda g, out, x, y: selected(g, (x >= y) | np.isnan(values(y))),
        "y": lambda g, out, x, y: selected(g, ~((x >= y) | np.isnan(values(y)))),
    },
)  # fmt: skip
fmin = define(
    np.fmin, name="fmin", symbol="min", category="elementwise", cases=_PAIRS,
    commutes=True, leaves_out_nan=True,
    sentence="The smaller operand gets the gradient; where both are equal, x gets all of it.",
    summary="The smaller of x and y, element by element, NaN only where both are; of equals x takes the gradient.",
    vjp={
        "x": lambda g, out, x, y: selected(g, (x <= y) | np.isnan(values(y))),
        "y": lambda g, out, x, y: selected(g, ~((x <= y) | np.isnan(values(y)))),
    },
)  # fmt: skip


def _nan_to_num(x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Any:
    if isinstance(nan, bool):
        raise ArgumentError("nan_to_num() always makes a copy; its first argument is the number to put for NaN")
    return np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


nan_to_num = define(
    _nan_to_num, name="nan_to_num", symbol="¬NaN", category="elementwise", inputs=("x",), numpy=[np.nan_to_num],
    elementwise=True, leaves_out_nan=True,
    sentence="Ordinary numbers pass the gradient on; replaced NaN and infinities pass 0.",
    summary="x with NaN and ±inf replaced by numbers (by default 0 and the largest there are), whose slope is 0.",
    vjp={"x": lambda g, out, x, nan, posinf, neginf: selected(g, np.isfinite(values(x)))},
)  # fmt: skip

# --- exponentials and logarithms --------------------------------------------------------------------------------------

exp = define(
    np.exp, name="exp", symbol="eˣ", category="elementwise",
    sentence="The slope of exp is its own result, and g is multiplied by it.",
    summary="e to the power of each element.",
    vjp={"x": lambda g, out, x: g * out},
)  # fmt: skip
exp2 = define(
    np.exp2, name="exp2", symbol="2ˣ", category="elementwise",
    sentence="The slope is the result times ln 2, and g is multiplied by it.",
    summary="2 to the power of each element.",
    vjp={"x": lambda g, out, x: g * (out * LN2)}, formula={"x": ["*", "g", ["*", "out", ["ln", 2]]]},
)  # fmt: skip
expm1 = define(
    np.expm1, name="expm1", symbol="eˣ−1", category="elementwise",
    sentence="The slope is the result plus 1, and g is multiplied by it.",
    summary="e to the power of each element, minus 1, exact also for tiny elements.",
    vjp={"x": lambda g, out, x: g * (out + 1)},
)  # fmt: skip
ln = define(
    np.log, name="ln", symbol="ln", category="elementwise", domain=(0.1, 3.0),
    sentence="The slope of the logarithm is 1 over x, so g is divided by x.",
    summary="Natural logarithm of each element; ln(0) is -inf, ln of a negative number NaN, slope 1/x all the same.",
    vjp={"x": lambda g, out, x: g / x},
)  # fmt: skip
log2 = define(
    np.log2, name="log2", symbol="log₂", category="elementwise", domain=(0.1, 3.0),
    sentence="The gradient g is divided by x and by ln 2.",
    summary="Logarithm of each element to base 2.",
    vjp={"x": lambda g, out, x: g / (x * LN2)}, formula={"x": ["/", "g", ["*", "x", ["ln", 2]]]},
)  # fmt: skip
log10 = define(
    np.log10, name="log10", symbol="log₁₀", category="elementwise", domain=(0.1, 3.0),
    sentence="The gradient g is divided by x and by ln 10.",
    summary="Logarithm of each element to base 10.",
    vjp={"x": lambda g, out, x: g / (x * LN10)}, formula={"x": ["/", "g", ["*", "x", ["ln", 10]]]},
)  # fmt: skip
log1p = define(
    np.log1p, name="log1p", symbol="ln(1+x)", category="elementwise", domain=(-0.9, 3.0),
    sentence="The gradient g is divided by 1 + x.",
    summary="Natural logarithm of 1 plus each element, exact also for tiny elements.",
    vjp={"x": lambda g, out, x: g / (1 + x)},
)  # fmt: skip


def _log_base(x: Any, base: float) -> Any:
    if not isinstance(base, int | float | np.number):
        raise ArgumentError(f"log() takes a number as its base, got {type(base).__name__}; write ln(x) / ln(base)")
    return np.log(x) / float(np.log(base))


_log = define(
    _log_base, name="log", symbol="log", category="elementwise", inputs=("x",), domain=(0.1, 3.0),
    cases=[case((2, 3), base=2.0), case((3,), base=10)],
    elementwise=True,
    sentence="The gradient g is divided by x and by the natural logarithm of the base.",
    summary="Logarithm of each element to `base`; without a base it is ln.",
    vjp={"x": lambda g, out, x, base: g / (x * float(np.log(base)))},
    formula={"x": lambda g, out, x, base: ["/", "g", ["*", "x", ["ln", float(base)]]]},
)  # fmt: skip


@composed(before=_log)
def log(x: Any, base: float | None = None) -> Tensor:
    """Logarithm of each element to `base`; the natural one, ln, without a base."""
    return ln(x) if base is None else _log(x, base)


# exp(-logaddexp(0, y - x)) is 1 / (1 + exp(y - x)) without its overflow.
logaddexp = define(
    np.logaddexp, name="logaddexp", symbol="ln(eˣ+eʸ)", category="elementwise", cases=_PAIRS,
    commutes=True,
    sentence="Each operand gets the part of g that its exponential has in the sum.",
    summary="ln(exp(x) + exp(y)), element by element, without overflow.",
    vjp={
        "x": lambda g, out, x, y: g * np.exp(-np.logaddexp(0, y - x)),
        "y": lambda g, out, x, y: g * np.exp(-np.logaddexp(0, x - y)),
    },
    formula={"x": ["*", "g", ["sigmoid", ["-", "x", "y"]]], "y": ["*", "g", ["sigmoid", ["-", "y", "x"]]]},
)  # fmt: skip
logaddexp2 = define(
    np.logaddexp2, name="logaddexp2", symbol="log₂(2ˣ+2ʸ)", category="elementwise", cases=_PAIRS,
    commutes=True,
    sentence="Each operand gets the part of g that its power of 2 has in the sum.",
    summary="log2(2**x + 2**y), element by element, without overflow.",
    vjp={
        "x": lambda g, out, x, y: g * np.exp2(-np.logaddexp2(0, y - x)),
        "y": lambda g, out, x, y: g * np.exp2(-np.logaddexp2(0, x - y)),
    },
    formula={
        "x": ["/", "g", ["+", 1, ["exp2", ["-", "y", "x"]]]], "y": ["/", "g", ["+", 1, ["exp2", ["-", "x", "y"]]]],
    },
)  # fmt: skip


def _xlogy(x: Any, y: Any) -> Any:
    zero = (x == 0) & ~np.isnan(y)
    return np.where(zero, 0.0, x * np.log(np.where(zero, 1.0, y)))


xlogy = define(
    _xlogy, name="xlogy", symbol="x·ln y", category="elementwise", inputs=("x", "y"), domain=(0.3, 3.0), cases=_PAIRS,
    numbers=True, floats=("x", "y"),
    elementwise=True, broadcasts=True,
    sentence="x gets g · ln y, or 0 at 0 · ln 0; y gets g · x / y.",
    summary="x times ln(y), element by element; 0 where x is 0, whatever the logarithm.",
    vjp={
        "x": lambda g, out, x, y: selected(_weighted_log(g, y), ~((x == 0) & (y <= 0))),
        "y": lambda g, out, x, y: g * (x / y),
    },
    formula={"x": ["where", ["&", ["==", "x", 0], ["<=", "y", 0]], 0, ["*", "g", ["ln", "y"]]]},
)  # fmt: skip
_weighted_log = in_rules(xlogy)

# --- powers -----------------------------------------------------------------------------------------------------------

sqrt = define(
    np.sqrt, name="sqrt", symbol="√", category="elementwise", domain=(0.1, 3.0),
    sentence="The slope is 1 over twice the root, so g is divided by twice the root.",
    summary="Square root of each element; the slope at 0 is inf.",
    vjp={"x": lambda g, out, x: g / (2 * out)},
)  # fmt: skip
rsqrt = define(
    lambda x: 1 / np.sqrt(x), name="rsqrt", symbol="1/√x", category="elementwise", inputs=("x",), domain=(0.1, 3.0),
    floats=("x",),
    elementwise=True,
    sentence="The slope is minus half the cubed result, and g is multiplied by it.",
    summary="1 over the square root of each element.",
    vjp={"x": lambda g, out, x: -0.5 * g * (out * np.square(out))},
    formula={"x": ["*", ["*", -0.5, "g"], ["**", "out", 3]]},
)  # fmt: skip
cbrt = define(
    np.cbrt, name="cbrt", symbol="∛", category="elementwise", domain=(0.1, 3.0),
    sentence="The gradient g is divided by three times the squared root.",
    summary="Cube root of each element, also of negative ones.",
    vjp={"x": lambda g, out, x: g / (3 * np.square(out))},
)  # fmt: skip
square = define(
    np.square, name="square", symbol="x²", category="elementwise",
    sentence="The slope of a square is twice x, and g is multiplied by it.",
    summary="Each element times itself.",
    vjp={"x": lambda g, out, x: g * (2 * x)},
)  # fmt: skip
reciprocal = define(
    np.reciprocal, name="reciprocal", symbol="1/x", category="elementwise", domain=(0.3, 3.0),
    floats=("x",),
    sentence="The slope is minus the squared result, and g is multiplied by it.",
    summary="1 over each element.",
    vjp={"x": lambda g, out, x: -g * np.square(out)},
)  # fmt: skip
hypot = define(
    np.hypot, name="hypot", symbol="√(x²+y²)", category="elementwise", cases=_PAIRS,
    commutes=True,
    sentence="Each leg gets g times its length over that of the hypotenuse.",
    summary="Length of the hypotenuse over the legs x and y, element by element.",
    vjp={"x": lambda g, out, x, y: g * (x / out), "y": lambda g, out, x, y: g * (y / out)},
)  # fmt: skip


def _logit_x(g: Any, out: Any, x: Any, eps: float | None) -> Any:
    if eps is None:
        return g / np.where((x < 0) | (x > 1), math.nan, x * (1 - x))
    outside = (x < eps) | (x > 1 - eps)
    return np.where(outside, 0.0, g) / np.where(outside, 1.0, x * (1 - x))


def _logit_formula(g: Any, out: Any, x: Any, eps: float | None) -> Any:
    inside = g / (x * (1 - x))
    return inside if eps is None else np.where((x < eps) | (x > 1 - eps), 0, inside)


def _logit(x: Any, eps: float | None = None) -> Any:
    if eps is not None:
        x = np.minimum(np.maximum(x, eps), 1 - eps)
    return np.log(x / (1 - x))


logit = define(
    _logit, name="logit", symbol="logit", category="elementwise", inputs=("x",), domain=(0.1, 0.9),
    cases=[case((2, 3)), case((), eps=0.2), case((2, 3), eps=0.3)],
    floats=("x",),
    elementwise=True,
    sentence="The gradient g is divided by x · (1 − x); elements that eps cut off pass 0.",
    summary="ln(x / (1 − x)) of each element, the inverse of sigmoid; with `eps`, x is first clipped to eps … 1 − eps.",
    vjp={"x": _logit_x}, formula={"x": _logit_formula},
)  # fmt: skip
lerp = define(
    lambda x, y, weight: x + weight * (y - x), name="lerp", numbers=True, symbol="x→y", category="elementwise",
    inputs=("x", "y", "weight"), cases=[case((2, 3), (3,), ()), case((2, 3), (2, 3), (2, 3)), case((), (2,), (2, 1))],
    floats=("x", "y", "weight"),
    elementwise=True, broadcasts=True,
    sentence="x gets g · (1 − weight), y gets g · weight, and the weight gets g · (y − x).",
    summary="x + weight · (y − x), element by element: x where the weight is 0, y where it is 1.",
    vjp={
        "x": lambda g, out, x, y, weight: g * (1 - weight), "y": lambda g, out, x, y, weight: g * weight,
        "weight": lambda g, out, x, y, weight: g * (y - x),
    },
)  # fmt: skip

# --- trigonometry -----------------------------------------------------------------------------------------------------

sin = define(
    np.sin, name="sin", symbol="sin", category="elementwise",
    sentence="The slope of the sine is the cosine, and g is multiplied by it.",
    summary="Sine of each element, in radians.",
    vjp={"x": lambda g, out, x: g * np.cos(x)},
)  # fmt: skip
cos = define(
    np.cos, name="cos", symbol="cos", category="elementwise",
    sentence="The slope of the cosine is minus the sine, and g is multiplied by it.",
    summary="Cosine of each element, in radians.",
    vjp={"x": lambda g, out, x: -g * np.sin(x)},
)  # fmt: skip
tan = define(
    np.tan, name="tan", symbol="tan", category="elementwise", domain=(-1.2, 1.2),
    sentence="The slope is 1 plus the squared tangent, and g is multiplied by it.",
    summary="Tangent of each element, in radians.",
    vjp={"x": lambda g, out, x: g * (1 + np.square(out))},
)  # fmt: skip
arcsin = define(
    np.arcsin, name="arcsin", symbol="arcsin", category="elementwise", aliases=["asin"], domain=(-0.9, 0.9),
    sentence="The gradient g is divided by the square root of 1 − x².",
    summary="Angle in radians, from -π/2 to π/2, whose sine is each element; the slope at ±1 is inf.",
    vjp={"x": lambda g, out, x: g / np.sqrt(1 - np.square(x))},
)  # fmt: skip
arccos = define(
    np.arccos, name="arccos", symbol="arccos", category="elementwise", aliases=["acos"], domain=(-0.9, 0.9),
    sentence="Minus g is divided by the square root of 1 − x².",
    summary="Angle in radians, from 0 to π, whose cosine is each element; the slope at ±1 is -inf.",
    vjp={"x": lambda g, out, x: -g / np.sqrt(1 - np.square(x))},
)  # fmt: skip
arctan = define(
    np.arctan, name="arctan", symbol="arctan", category="elementwise", aliases=["atan"],
    sentence="The gradient g is divided by 1 + x².",
    summary="Angle in radians, from -π/2 to π/2, whose tangent is each element.",
    vjp={"x": lambda g, out, x: g / (1 + np.square(x))},
)  # fmt: skip


def _arctan2_share(g: Any, leg: Any, y: Any, x: Any) -> Any:
    """g · leg / (x² + y²); 0 at the origin, where the angle has no slope."""
    r = np.square(x) + np.square(y)
    origin = values(r) == 0
    return kinked(g * (leg / np.where(origin, math.inf, r)), origin, r)


_RADIUS = ["+", ["**", "x", 2], ["**", "y", 2]]
arctan2 = define(
    np.arctan2, name="arctan2", symbol="arctan2", category="elementwise", aliases=["atan2"], cases=_PAIRS,
    floats=("y", "x"),
    sentence="Each gets g times the other over the squared distance, x negated; the origin gives 0.",
    summary="Angle in radians, from -π to π, of the point (x, y) seen from the origin; the order is arctan2(y, x).",
    vjp={
        "y": lambda g, out, y, x: _arctan2_share(g, x, y, x), "x": lambda g, out, y, x: _arctan2_share(g, -y, y, x),
    },
    formula={
        "y": ["where", ["==", _RADIUS, 0], 0, ["/", ["*", "g", "x"], _RADIUS]],
        "x": ["where", ["==", _RADIUS, 0], 0, ["/", ["neg", ["*", "g", "y"]], _RADIUS]],
    },
)  # fmt: skip


def _sinc_slope(x: Any, order: int) -> Any:
    """The derivative of sin(u) / u of that order by u = πx, times π to the order, exact also near 0.

    sin(u) / u is the integral of cos(ut) over t from 0 to 1: near 0 its power series is derived term by term, beyond
    u * s⁽ᵏ⁾ = sin⁽ᵏ⁾(u) - k * s⁽ᵏ⁻¹⁾ gives each derivative from the one before.
    """
    u = np.asarray(x * math.pi)
    near = np.abs(u) < order + 1
    small = np.where(near, u, 0.0)
    series = np.zeros_like(u)
    for power in range(order % 2, 40, 2):
        series += (-1.0) ** ((order + power) // 2) / (math.factorial(power) * (order + power + 1)) * small**power
    large = np.where(near, u.dtype.type(1), u)
    far = np.sin(large) / large
    for k in range(1, order + 1):
        far = (np.sin(large + k * (math.pi / 2)) - k * far) / large
    return np.where(near, series, far) * math.pi**order


sinc_slope = define(
    _sinc_slope, name="sinc_slope", symbol="sinc′", category="elementwise", inputs=("x",), public=False,
    cases=[case((2, 3), order=1), case((), order=3)],
    elementwise=True,
    summary="The derivative of sinc of that order at each element.",
    vjp={"x": lambda g, out, x, order: g * _slope_of_sinc(x, order + 1)},
)  # fmt: skip
_slope_of_sinc = in_rules(sinc_slope)
sinc = define(
    lambda x: np.sinc(x), name="sinc", symbol="sinc", category="elementwise", inputs=("x",), numpy=[np.sinc],
    elementwise=True,
    sentence="The gradient g is multiplied by the slope of sin(πx) / (πx), which is 0 at 0.",
    summary="sin(πx) / (πx) of each element, 1 at 0.",
    vjp={"x": lambda g, out, x: g * _slope_of_sinc(x, 1)},
    formula={
        "x": ["where", ["==", "x", 0], 0, ["/", ["*", "g", ["-", ["cos", ["*", "pi", "x"]], ["sinc", "x"]]], "x"]]
    },
)  # fmt: skip
deg2rad = define(
    np.deg2rad, name="deg2rad", symbol="rad", category="elementwise", numpy=[np.radians],
    sentence="Degrees become radians by the factor π / 180, and g is multiplied by it.",
    summary="Each element, in degrees, as radians.",
    vjp={"x": lambda g, out, x: g * (math.pi / 180)}, formula={"x": ["*", "g", ["/", "pi", 180]]},
)  # fmt: skip
rad2deg = define(
    np.rad2deg, name="rad2deg", symbol="deg", category="elementwise", numpy=[np.degrees],
    sentence="Radians become degrees by the factor 180 / π, and g is multiplied by it.",
    summary="Each element, in radians, as degrees.",
    vjp={"x": lambda g, out, x: g * (180 / math.pi)}, formula={"x": ["*", "g", ["/", 180, "pi"]]},
)  # fmt: skip

# --- hyperbolic functions ---------------------------------------------------------------------------------------------

sinh = define(
    np.sinh, name="sinh", symbol="sinh", category="elementwise",
    sentence="The slope of sinh is cosh, and g is multiplied by it.",
    summary="Hyperbolic sine of each element.",
    vjp={"x": lambda g, out, x: g * np.cosh(x)},
)  # fmt: skip
cosh = define(
    np.cosh, name="cosh", symbol="cosh", category="elementwise",
    sentence="The slope of cosh is sinh, and g is multiplied by it.",
    summary="Hyperbolic cosine of each element.",
    vjp={"x": lambda g, out, x: g * np.sinh(x)},
)  # fmt: skip
tanh = define(
    np.tanh, name="tanh", symbol="tanh", category="elementwise", ends=(-1, 1),
    sentence="The slope is 1 minus the squared result, and g is multiplied by it.",
    summary="Hyperbolic tangent of each element, from -1 to 1.",
    vjp={"x": lambda g, out, x: g * (1 - np.square(out))},
)  # fmt: skip
arcsinh = define(
    np.arcsinh, name="arcsinh", symbol="arcsinh", category="elementwise", aliases=["asinh"],
    sentence="The gradient g is divided by the square root of x² + 1.",
    summary="The number whose hyperbolic sine is each element.",
    vjp={"x": lambda g, out, x: g / np.sqrt(np.square(x) + 1)},
)  # fmt: skip
arccosh = define(
    np.arccosh, name="arccosh", symbol="arccosh", category="elementwise", aliases=["acosh"], domain=(1.2, 3.0),
    sentence="The gradient g is divided by the square root of x² − 1.",
    summary="The number, 0 or more, whose hyperbolic cosine is each element; the slope at 1 is inf.",
    vjp={"x": lambda g, out, x: g / np.sqrt(np.square(x) - 1)},
)  # fmt: skip
arctanh = define(
    np.arctanh, name="arctanh", symbol="arctanh", category="elementwise", aliases=["atanh"], domain=(-0.9, 0.9),
    sentence="The gradient g is divided by 1 − x².",
    summary="The number whose hyperbolic tangent is each element, ±inf for ±1.",
    vjp={"x": lambda g, out, x: g / (1 - np.square(x))},
)  # fmt: skip


@composed(numpy=[np.conjugate], aliases=["conjugate"], half="same")
def conj(x: Any) -> Tensor:
    """x itself, for code that is written for complex numbers too: there are only real ones here."""
    return as_tensor(x)


@composed(numpy=[np.real], method=False, half="same")
def real(x: Any) -> Tensor:
    """x itself, as `x.real` is: there are only real numbers here."""
    return as_tensor(x)


# --- signs, steps and remainders --------------------------------------------------------------------------------------


def varies(g: Any) -> bool:
    """Whether g has a history, so that a second derivative can go through it."""
    return type(g) is Tensor and g.node is not None


def _abs_x(g: Any, out: Any, x: Any) -> Any:
    share = g * np.sign(x)
    return kinked(share, values(x) == 0, x) if varies(g) else share


def _copysign_x(g: Any, out: Any, x: Any, y: Any) -> Any:
    share = g * (np.sign(x) * np.sign(out))
    return kinked(share, values(x) == 0, x) if varies(g) else share


abs = define(
    np.absolute, name="abs", symbol="|x|", category="elementwise", operator="abs", numpy=[np.fabs],
    aliases=["absolute"],
    sentence="The gradient is g where x is positive, −g where it is negative, and 0 at 0.",
    summary="Absolute value of each element; slope 0 at 0.",
    vjp={"x": _abs_x},
)  # fmt: skip


_FLAT = "A staircase is flat between its steps, so the gradient is 0."


def _define_step(forward: Any, name: str, symbol: str, summary: str, **more: Any) -> Any:
    return define(
        forward, name=name, symbol=symbol, category="elementwise", summary=f"{summary}; slope 0 everywhere.",
        sentence=_FLAT, vjp={"x": lambda g, out, x: nothing(g)}, formula={"x": 0}, **more,
    )  # fmt: skip


sign = _define_step(np.sign, "sign", "±", "-1, 0 or 1 by the sign of each element")
floor = _define_step(np.floor, "floor", "⌊x⌋", "The largest whole number not above each element")
ceil = _define_step(np.ceil, "ceil", "⌈x⌉", "The smallest whole number not below each element")
trunc = _define_step(np.trunc, "trunc", "⌊|x|⌋", "Each element without its fraction", aliases=["fix"], numpy=[np.fix])
rint = _define_step(np.rint, "rint", "⌊x⌉", "Each element rounded to a whole number, halves to the even one")
round = define(
    lambda x, decimals=0: np.round(x, decimals), name="round", symbol="⌊x⌉", category="elementwise", inputs=("x",),
    numpy=[np.round, np.around],
    elementwise=True,
    sentence=_FLAT,
    summary="Each element rounded to `decimals` decimal places, halves to the even digit; slope 0 everywhere.",
    vjp={"x": lambda g, out, x, decimals: nothing(g)}, formula={"x": 0},
)  # fmt: skip
copysign = define(
    np.copysign, name="copysign", symbol="±|x|", category="elementwise", cases=_PAIRS,
    sentence="x gets g, −g where its sign was changed, and 0 at 0; y gets 0.",
    summary="x with the sign of y, element by element; slope 0 where x is 0, and by y.",
    vjp={"x": _copysign_x, "y": lambda g, out, x, y: nothing(g)}, formula={"y": 0},
)  # fmt: skip
heaviside = define(
    np.heaviside, name="heaviside", symbol="H", category="elementwise", cases=_PAIRS,
    sentence="A step is flat, so x gets 0; y gets g where x is 0.",
    summary="0 where x is negative, 1 where positive, y where x is 0; slope 0 by x.",
    vjp={"x": lambda g, out, x, y: nothing(g), "y": lambda g, out, x, y: selected(g, x == 0)}, formula={"x": 0},
)  # fmt: skip

# --- tests of each element --------------------------------------------------------------------------------------------

isnan, isinf, isfinite = (
    define(
        ufunc, name=ufunc.__name__, symbol="?", category="elementwise", inputs=("x",), elementwise=True,
        summary=f"Whether each element is {words}. No gradient.",
    )
    for ufunc, words in ((np.isnan, "NaN"), (np.isinf, "inf or -inf"), (np.isfinite, "neither NaN nor infinite"))
)  # fmt: skip
