"""Special functions. SciPy computes them; it is imported by the first call, and only erf and erfc do without it."""

from __future__ import annotations

import functools
import importlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.define import composed, define, in_rules
from grad_engine.core.op import case
from grad_engine.core.tensor import Tensor
from grad_engine.errors import ArgumentError, MissingPackageError
from grad_engine.ops.elementwise import kinked, values

_LIBM: dict[str, Callable[[float], float]] = {"erf": math.erf, "erfc": math.erfc}  # as exact as SciPy's, but slow
_TWO_OVER_ROOT_PI = 2 / math.sqrt(math.pi)
_ROOT_TAU = math.sqrt(2 * math.pi)


@functools.cache
def kernel(name: str) -> Callable[..., Any]:
    """The function of scipy.special, or of the C library, that computes `name` on arrays."""
    try:
        return getattr(importlib.import_module("scipy.special"), name)
    except ImportError:
        if name not in _LIBM:
            raise MissingPackageError(
                f"{name}() needs SciPy, which is not installed; install it with pip install scipy"
            ) from None
    each = np.frompyfunc(_LIBM[name], 1, 1)
    return lambda x: np.asarray(each(x), dtype=np.result_type(x.dtype, np.float16))


def in_dtype_of(x: Any, out: Any) -> Any:
    """`out` in x's dtype where that is a floating-point one: SciPy has no half precision."""
    return out.astype(x.dtype, copy=False) if x.dtype.kind == "f" else out


erf = define(
    lambda x: in_dtype_of(x, kernel("erf")(x)), name="erf", symbol="erf", category="elementwise", inputs=("x",),
    elementwise=True, ends=(-1, 1),
    sentence="The slope is the bell curve 2/√π · exp(−x²), and g is multiplied by it.",
    summary="The error function of each element, from -1 to 1.",
    vjp={"x": lambda g, out, x: g * (_TWO_OVER_ROOT_PI * np.exp(-np.square(x)))},
    formula={"x": ["*", "g", ["*", ["/", 2, ["sqrt", "pi"]], ["exp", ["neg", ["**", "x", 2]]]]]},
)  # fmt: skip
erf_of = in_rules(erf)
erfc = define(
    lambda x: in_dtype_of(x, kernel("erfc")(x)), name="erfc", symbol="erfc", category="elementwise", inputs=("x",),
    elementwise=True,
    sentence="The slope is minus the bell curve 2/√π · exp(−x²), and g is multiplied by it.",
    summary="1 - erf of each element, exact also where that is tiny.",
    vjp={"x": lambda g, out, x: g * (-_TWO_OVER_ROOT_PI * np.exp(-np.square(x)))},
    formula={"x": ["*", ["neg", "g"], ["*", ["/", 2, ["sqrt", "pi"]], ["exp", ["neg", ["**", "x", 2]]]]]},
)  # fmt: skip
lgamma = define(
    lambda x: in_dtype_of(x, kernel("gammaln")(x)), name="lgamma", symbol="ln|Γ|", category="elementwise",
    inputs=("x",), domain=(0.3, 3.0), aliases=["gammaln"],
    elementwise=True,
    sentence="The slope is the digamma function at x, and g is multiplied by it.",
    summary="Natural logarithm of the absolute value of the gamma function of each element. Needs SciPy.",
    vjp={"x": lambda g, out, x: g * _digamma_of(x)},
)  # fmt: skip
digamma = define(
    lambda x: in_dtype_of(x, kernel("digamma")(x)), name="digamma", symbol="ψ", category="elementwise",
    inputs=("x",), domain=(0.3, 3.0),
    elementwise=True,
    sentence="The slope is the trigamma function at x, and g is multiplied by it.",
    summary="The slope of lgamma at each element. Needs SciPy.",
    vjp={"x": lambda g, out, x: g * _polygamma_of(x, 1)},
)  # fmt: skip
_digamma_of = in_rules(digamma)


def _polygamma(x: Any, n: int) -> Any:
    if not isinstance(n, int | np.integer) or n < 1:
        raise ArgumentError(f"polygamma() takes a whole number n of at least 1, got {n!r}; for n = 0 call digamma()")
    return in_dtype_of(x, kernel("polygamma")(n, x))


polygamma = define(
    _polygamma, name="polygamma", symbol="ψ⁽ⁿ⁾", category="elementwise", inputs=("x",), domain=(0.5, 3.0),
    cases=[case((2, 3), n=1), case((), n=2)],
    elementwise=True,
    sentence="The slope is the next polygamma function at x, and g is multiplied by it.",
    summary="The n-th derivative of digamma at each element. Needs SciPy.",
    vjp={"x": lambda g, out, x, n: g * _polygamma_of(x, n + 1)},
)  # fmt: skip
_polygamma_of = in_rules(polygamma)


@composed(floats=("x",))
def mvlgamma(x: Any, p: int) -> Tensor:
    """Natural logarithm of the multivariate gamma function of dimension `p` of each element. Needs SciPy."""
    if not isinstance(p, int | np.integer) or p < 1:
        raise ArgumentError(f"mvlgamma() takes a whole number p of at least 1, got {p!r}")
    x = as_tensor(x)
    out = lgamma(x) + p * (p - 1) / 4 * math.log(math.pi)
    for j in range(1, p):
        out = out + lgamma(x - j / 2)
    return out


# --- of the normal distribution ---------------------------------------------------------------------------------------


def _define_special(name: str, symbol: str, summary: str, rule: Callable[..., Any], formula: Any, **more: Any) -> Any:
    """An op of one operand that SciPy computes under the same name."""
    return define(
        lambda x: in_dtype_of(x, kernel(name)(x)), name=name, symbol=symbol, category="elementwise", inputs=("x",),
        elementwise=True, summary=f"{summary} Needs SciPy.", vjp={"x": rule}, formula={"x": formula}, **more,
    )  # fmt: skip


erfinv = _define_special(
    "erfinv", "erf⁻¹", "The number whose erf is each element, ±inf for ±1.",
    lambda g, out, x: g * (np.exp(np.square(out)) / _TWO_OVER_ROOT_PI),
    ["*", "g", ["*", ["/", ["sqrt", "pi"], 2], ["exp", ["**", "out", 2]]]], domain=(-0.9, 0.9),
    sentence="The slope is √π/2 · exp(result²), and g is multiplied by it.",
)  # fmt: skip
erfcx = _define_special(
    "erfcx", "erfcx", "exp(x²) · erfc(x) of each element, which does not vanish where erfc does.",
    lambda g, out, x: g * (2 * x * out - _TWO_OVER_ROOT_PI),
    ["*", "g", ["-", ["*", ["*", 2, "x"], "out"], ["/", 2, ["sqrt", "pi"]]]],
    sentence="The slope is 2 · x · result − 2/√π, and g is multiplied by it.",
)  # fmt: skip
_erfcx_of = in_rules(erfcx)
ndtr = _define_special(
    "ndtr", "Φ", "The normal distribution function at each element.",
    lambda g, out, x: g * (np.exp(-0.5 * np.square(x)) / _ROOT_TAU), ["*", "g", ["normal_pdf", "x"]],
    sentence="The slope is the normal density at x, and g is multiplied by it.",
)  # fmt: skip
ndtri = _define_special(
    "ndtri", "Φ⁻¹", "The number at which the normal distribution function is each element: its quantile.",
    lambda g, out, x: g * (_ROOT_TAU * np.exp(0.5 * np.square(out))), ["/", "g", ["normal_pdf", "out"]],
    domain=(0.1, 0.9),
    sentence="The gradient g is divided by the normal density at the result.",
)  # fmt: skip
_ndtr_of = in_rules(ndtr)


def _log_ndtr_x(g: Any, out: Any, x: Any) -> Any:
    """g times the normal density over its integral, in a form that neither overflows nor vanishes on each side of 0."""
    above = values(x) > 0
    high, low = np.where(above, x, 0.0), np.where(above, 0.0, x)
    falling = np.exp(-0.5 * np.square(high)) / (_ROOT_TAU * _ndtr_of(high))
    return g * np.where(above, falling, math.sqrt(2 / math.pi) / _erfcx_of(low * -math.sqrt(0.5)))


log_ndtr = _define_special(
    "log_ndtr", "ln Φ", "Natural logarithm of the normal distribution function at each element, without underflow.",
    _log_ndtr_x,
    ["*", "g", ["/", ["normal_pdf", "x"], ["normal_cdf", "x"]]],
    sentence="The slope is the normal density over the area below x, and g is multiplied by it.",
)  # fmt: skip

# --- of entropies -----------------------------------------------------------------------------------------------------

entr = _define_special(
    "entr", "−x ln x", "−x · ln(x) of each element, 0 at 0 and -inf below.",
    lambda g, out, x: kinked(g * (-np.log(x) - 1), values(x) < 0, x),
    ["*", "g", ["-", ["neg", ["ln", "x"]], 1]],
    domain=(0.1, 3.0),
    sentence="The slope is −ln x − 1, and g is multiplied by it.",
)  # fmt: skip


def _xlog1py(x: Any, y: Any) -> Any:
    dtype = np.result_type(x, y)
    out = kernel("xlog1py")(x, y)
    return out.astype(dtype, copy=False) if dtype.kind == "f" else out


def _xlog1py_x(g: Any, out: Any, x: Any, y: Any) -> Any:
    return g * np.where((x == 0) & (y <= -1), 0.0, np.log1p(y))


xlog1py = define(
    _xlog1py, name="xlog1py", symbol="x ln(1+y)", category="elementwise",
    inputs=("x", "y"), domain=(-0.7, 2.0), cases=[case((2, 3), (2, 3)), case((2, 1), (3,)), case((), (2,))],
    floats=("x", "y"), elementwise=True, broadcasts=True,
    sentence="x gets g · ln(1 + y), or 0 at 0 · ln 0; y gets g · x / (1 + y).",
    summary="x · ln(1 + y), element by element, 0 where x is 0 unless y is NaN. Needs SciPy.",
    vjp={"x": _xlog1py_x, "y": lambda g, out, x, y: g * (x / (1 + y))},
    formula={"x": ["where", ["&", ["==", "x", 0], ["<=", "y", -1]], 0, ["*", "g", ["log1p", "y"]]]},
)  # fmt: skip

# --- Bessel functions -------------------------------------------------------------------------------------------------


def over(y: Any, x: Any, limit: float) -> Any:
    """y / x, and its limit where x is 0."""
    return np.where(x == 0, limit, y / np.where(x == 0, 1.0, x))


i0 = _define_special(
    "i0", "I₀", "The modified Bessel function of order 0 at each element.", lambda g, out, x: g * _i1_of(x),
    ["*", "g", ["i1", "x"]], numpy=[np.i0],
    sentence="The slope is the Bessel function of order 1, and g is multiplied by it.",
)  # fmt: skip
i1 = _define_special(
    "i1", "I₁", "The modified Bessel function of order 1 at each element.",
    lambda g, out, x: g * (_i0_of(x) - over(out, x, 0.5)),
    ["where", ["==", "x", 0], ["/", "g", 2], ["*", "g", ["-", ["i0", "x"], ["/", "out", "x"]]]],
    sentence="The slope is i0(x) − i1(x) / x, one half at 0, and g is multiplied by it.",
)  # fmt: skip
_i0_of, _i1_of = in_rules(i0), in_rules(i1)
i0e = _define_special(
    "i0e", "e⁻|ˣ|I₀", "exp(−|x|) · i0(x) of each element, without overflow.",
    lambda g, out, x: kinked(g * (_i1e_of(x) - np.sign(x) * out), values(x) == 0, x),
    ["*", "g", ["-", ["i1e", "x"], ["*", ["sign", "x"], "out"]]],
    sentence="The slope is i1e(x) − sign(x) · i0e(x), and g is multiplied by it.",
)  # fmt: skip
i1e = _define_special(
    "i1e", "e⁻|ˣ|I₁", "exp(−|x|) · i1(x) of each element, without overflow.",
    lambda g, out, x: g * (_i0e_of(x) - np.sign(x) * out - over(out, x, 0.5)),
    [
        "where", ["==", "x", 0], ["/", "g", 2],
        ["*", "g", ["-", ["-", ["i0e", "x"], ["*", ["sign", "x"], "out"]], ["/", "out", "x"]]],
    ],
    sentence="The gradient g is multiplied by the slope of i1e, which is one half at 0.",
)  # fmt: skip
_i0e_of, _i1e_of = in_rules(i0e), in_rules(i1e)
