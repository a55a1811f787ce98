"""Derivatives by orders, shapes and degrees of freedom: against mpmath, and refused where there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.testing import check_gradients

special = pytest.importorskip("scipy.special")
mpmath = pytest.importorskip("mpmath")


def lower_gamma(a: Any, x: Any) -> Any:
    return mpmath.gammainc(a, 0, x, regularized=True)


def upper_gamma(a: Any, x: Any) -> Any:
    return mpmath.gammainc(a, x, mpmath.inf, regularized=True)


def lower_beta(a: Any, b: Any, x: Any) -> Any:
    return mpmath.betainc(a, b, 0, x, regularized=True)


def student(df: Any, t: Any) -> Any:
    tail = mpmath.betainc(df / 2, mpmath.mpf(1) / 2, 0, df / (df + t * t), regularized=True) / 2
    return tail if t < 0 else 1 - tail


ORDERS = [(0.0, 0.3), (0.5, 2.0), (2.0, 1e-3), (3.7, 10.0), (10.0, 3.0), (1.0, 40.0)]
GAMMAS = [(1e-2, 0.1), (0.3, 1e-3), (1.0, 3.0), (2.5, 30.0), (10.0, 1.0), (100.0, 90.0), (1000.0, 1100.0)]
BETAS = [(0.3, 2.0, 0.2), (1.0, 0.5, 0.6), (3.0, 30.0, 0.01), (40.0, 2.0, 0.95), (40.0, 30.0, 0.6)]
TIMES = [(0.5, -1.0), (3.0, 0.2), (10.0, -8.0), (200.0, 1.0)]
HYPER = [(0.5, 0.7, -5.0), (2.0, 3.0, 0.3), (-1.5, -0.4, 4.0)]
GAUSS = [(0.5, 0.7, 0.9, -0.8), (2.0, 1.5, 3.0, 0.3), (0.5, 1.5, 3.0, 0.9)]
# Name -> (the same in mpmath, points, places of parameters, how many digits are wanted).
KNOWN: dict[str, tuple[Callable[..., Any], list[Any], tuple[int, ...], float]] = {
    "jv": (mpmath.besselj, ORDERS, (0,), 1e-11), "yv": (mpmath.bessely, ORDERS, (0,), 1e-11),
    "iv": (mpmath.besseli, ORDERS, (0,), 1e-11), "kv": (mpmath.besselk, ORDERS[1:], (0,), 1e-11),
    "gammainc": (lower_gamma, GAMMAS, (0,), 1e-11), "gammaincc": (upper_gamma, GAMMAS, (0,), 1e-11),
    "betainc": (lower_beta, BETAS, (0, 1), 1e-11), "betaincc": (lambda *p: 1 - lower_beta(*p), BETAS, (0, 1), 1e-11),
    "stdtr": (student, TIMES, (0,), 1e-9), "hyp0f1": (lambda v, x: mpmath.hyper([], [v], x), ORDERS[1:4], (0,), 1e-11),
    "hyp1f1": (mpmath.hyp1f1, HYPER, (0, 1), 1e-11), "hyp2f1": (mpmath.hyp2f1, GAUSS, (0, 1, 2), 1e-10),
    "zeta": (mpmath.zeta, [(1.1, 0.3), (2.0, 1.0), (20.0, 1.0), (5.0, 7.0)], (0,), 1e-11),
}  # fmt: skip


@pytest.mark.parametrize("name", KNOWN)
def test_slopes_by_parameters_are_mpmaths(name: str) -> None:
    exact, points, places, digits = KNOWN[name]
    for place in places:
        for point in points:
            with mpmath.workdps(40):
                at = [mpmath.mpf(part) for part in point]
                slope = float(mpmath.diff(exact, at, tuple(int(i == place) for i in range(len(at))), h=1e-15))
                value = float(exact(*at))
            found = ge.grad(getattr(special, name), argnums=place)(*point)
            # Where the slope is tiny beside the value, no digits of it are in the value.
            assert abs(found - slope) <= digits * abs(slope) + 1e-15 * abs(value), (point, found, slope)


def test_inverse_functions_and_distributions() -> None:
    for name, args in {
        "gammaincinv": (1.7, 0.3), "gammainccinv": (1.7, 0.3), "betaincinv": (1.7, 2.2, 0.4), "stdtrit": (3.3, 0.8),
        "betainccinv": (1.7, 2.2, 0.4), "chdtr": (3.0, 2.0), "gdtr": (1.2, 2.0, 0.7), "fdtr": (3.0, 5.0, 1.2),
        "ive": (0.7, 1.2), "kve": (0.7, 1.2), "pdtr": (3, 1.2),
    }.items():  # fmt: skip
        free = [i for i, arg in enumerate(args) if isinstance(arg, float)]

        def f(*xs: Any, name: str = name, args: Any = args, free: Any = free) -> Any:
            full = dict(enumerate(args)) | dict(zip(free, xs, strict=True))
            return getattr(special, name)(*full.values())

        check_gradients(f, [np.array([args[i], args[i] * 1.05]) for i in free], 2, rtol=1e-5)


def test_a_slope_that_does_not_exist_is_refused_and_never_zero_or_nan() -> None:
    for name, args in {"jv": (2.0, -1.0), "iv": (0.0, 0.0), "gammainc": (0.0, 1.0), "zeta": (2.0, -0.5)}.items():
        with (
            np.errstate(all="ignore"),
            pytest.raises(ge.NotDifferentiableError, match=rf"scipy\.special\.{name} has (no|a) derivative by"),
        ):
            ge.grad(getattr(special, name))(*args)
    with np.errstate(divide="ignore"):
        assert ge.grad(special.iv)(0.5, 0.0) == 0.0 and ge.grad(special.gammaincinv)(2.0, 0.0) == 0.0
    with pytest.raises(ge.ArgumentError, match="x > 1"):
        ge.grad(special.zeta)(0.5)
    assert ge.grad(special.zeta)(2.0) == pytest.approx(-0.9375482543158438, rel=1e-12)
    assert ge.grad(special.gammainc)(2.0, 0.0) == 0.0


def test_a_mixed_derivative_is_that_of_differences() -> None:
    hessian = ge.hessian(lambda p: special.betainc(p[0], p[1], p[2]))(np.array([1.5, 2.5, 0.4]))
    np.testing.assert_allclose(hessian, hessian.T, rtol=1e-8)
    single = ge.grad(lambda a: special.gammainc(a, np.float32(0.7)))(np.float32(1.5))
    assert single.dtype == np.float32
