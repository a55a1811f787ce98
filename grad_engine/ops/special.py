"""Special functions. SciPy computes them; it is imported by the first call, and only erf and erfc do without it."""

from __future__ import annotations

import functools
import importlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from grad_engine.errors import ArgumentError, MissingPackageError
from grad_engine.op import case, define, in_rules

_LIBM: dict[str, Callable[[float], float]] = {"erf": math.erf, "erfc": math.erfc}  # as exact as SciPy's, but slow
_TWO_OVER_ROOT_PI = 2 / math.sqrt(math.pi)


@functools.cache
def _kernel(name: str) -> Callable[..., Any]:
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


def _in_dtype_of(x: Any, out: Any) -> Any:
    """`out` in x's dtype where that is a floating-point one: SciPy has no half precision."""
    return out.astype(x.dtype, copy=False) if x.dtype.kind == "f" else out


erf = define(
    lambda x: _in_dtype_of(x, _kernel("erf")(x)), name="erf", symbol="erf", category="elementwise", inputs=("x",),
    summary="The error function of each element, from -1 to 1.",
    vjp={"x": lambda g, out, x: g * (_TWO_OVER_ROOT_PI * np.exp(-np.square(x)))},
    formula={"x": ["*", "g", ["*", ["/", 2, ["sqrt", "pi"]], ["exp", ["neg", ["**", "x", 2]]]]]}, reads=("x",),
)  # fmt: skip
erf_of = in_rules(erf)
erfc = define(
    lambda x: _in_dtype_of(x, _kernel("erfc")(x)), name="erfc", symbol="erfc", category="elementwise", inputs=("x",),
    summary="1 - erf of each element, exact also where that is tiny.",
    vjp={"x": lambda g, out, x: g * (-_TWO_OVER_ROOT_PI * np.exp(-np.square(x)))},
    formula={"x": ["*", ["neg", "g"], ["*", ["/", 2, ["sqrt", "pi"]], ["exp", ["neg", ["**", "x", 2]]]]]}, reads=("x",),
)  # fmt: skip
lgamma = define(
    lambda x: _in_dtype_of(x, _kernel("gammaln")(x)), name="lgamma", symbol="ln|Γ|", category="elementwise",
    inputs=("x",), domain=(0.3, 3.0), aliases=["gammaln"],
    summary="Natural logarithm of the absolute value of the gamma function of each element. Needs SciPy.",
    vjp={"x": lambda g, out, x: g * _digamma_of(x)},
)  # fmt: skip
digamma = define(
    lambda x: _in_dtype_of(x, _kernel("digamma")(x)), name="digamma", symbol="ψ", category="elementwise",
    inputs=("x",), domain=(0.3, 3.0),
    summary="The slope of lgamma at each element. Needs SciPy.",
    vjp={"x": lambda g, out, x: g * _polygamma_of(x, 1)},
)  # fmt: skip
_digamma_of = in_rules(digamma)


def _polygamma(x: Any, n: int) -> Any:
    if not isinstance(n, int | np.integer) or n < 1:
        raise ArgumentError(f"polygamma() takes a whole number n of at least 1, got {n!r}; for n = 0 call digamma()")
    return _in_dtype_of(x, _kernel("polygamma")(n, x))


polygamma = define(
    _polygamma, name="polygamma", symbol="ψ⁽ⁿ⁾", category="elementwise", inputs=("x",), domain=(0.5, 3.0),
    cases=[case((2, 3), n=1), case((), n=2)],
    summary="The n-th derivative of digamma at each element. Needs SciPy.",
    vjp={"x": lambda g, out, x, n: g * _polygamma_of(x, n + 1)},
)  # fmt: skip
_polygamma_of = in_rules(polygamma)
