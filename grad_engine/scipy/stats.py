"""Densities and distribution functions of scipy.stats on tensors: norm, gamma, beta, t, multivariate_normal.

`norm.logpdf(x, loc, scale)` and the like take SciPy's arguments in SciPy's order, and `norm(loc, scale).logpdf(x)`
freezes them. Gradients flow to x and to every parameter; those of distribution functions by a shape parameter are found
by interpolation (ops/scipy_parameters.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.tensor import Tensor
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.ops import linalg, scipy_special, special
from grad_engine.ops.elementwise import exp, ln, log1p, where, xlogy
from grad_engine.ops.shape import diagonal

_LOG_ROOT_TAU = 0.5 * math.log(2 * math.pi)


class Distribution:
    """A distribution of scipy.stats with its parameters still to be given, or given: `norm`, `norm(0, 2)`."""

    shapes: tuple[str, ...] = ()  # the parameters before loc and scale

    def __init__(self, *parameters: Any, **named: Any) -> None:
        self._given: dict[str, Any] | None = self._bound(parameters, named) if parameters or named else None

    def __call__(self, *parameters: Any, **named: Any) -> Distribution:
        """This distribution with its parameters given, so that its functions take x alone."""
        frozen = type(self)()
        frozen._given = self._bound(parameters, named)
        return frozen

    def _bound(self, parameters: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
        names = (*self.shapes, "loc", "scale")
        what = type(self).__name__.lower()
        if len(parameters) > len(names) or not named.keys() <= {*names[len(parameters) :]}:
            raise ArgumentError(f"{what} takes {', '.join(names)}, got {len(parameters)} and {', '.join(named)}")
        values = {"loc": 0.0, "scale": 1.0, **dict(zip(names, parameters, strict=False)), **named}
        if missing := [name for name in self.shapes if name not in values]:
            raise ArgumentError(f"{what} needs its parameter {missing[0]}")
        return values

    def _of(self, x: Any, parameters: tuple[Any, ...], named: dict[str, Any]) -> tuple[Tensor, Any, tuple[Any, ...]]:
        """(x less loc, in units of scale; scale; the shape parameters)."""
        if self._given is not None and (parameters or named):
            raise ArgumentError("the parameters of this distribution were given when it was made; pass x alone")
        values = self._given if self._given is not None else self._bound(parameters, named)
        z = (as_tensor(x) - values["loc"]) / as_tensor(values["scale"])
        return z, as_tensor(values["scale"]), tuple(as_tensor(values[name]) for name in self.shapes)

    # Each is a function of z = (x - loc)/scale and the shape parameters.

    def _logpdf(self, z: Tensor, *shapes: Any) -> Tensor:
        raise NotImplementedError

    def _cdf(self, z: Tensor, *shapes: Any) -> Tensor:
        raise NotImplementedError

    def _sf(self, z: Tensor, *shapes: Any) -> Tensor:
        return 1 - self._cdf(z, *shapes)

    def logpdf(self, x: Any, *parameters: Any, **named: Any) -> Tensor:
        """The logarithm of the density at each x, -inf outside the support."""
        z, scale, shapes = self._of(x, parameters, named)
        return self._logpdf(z, *shapes) - ln(scale)

    def pdf(self, x: Any, *parameters: Any, **named: Any) -> Tensor:
        """The density at each x."""
        z, scale, shapes = self._of(x, parameters, named)
        return exp(self._logpdf(z, *shapes)) / scale

    def cdf(self, x: Any, *parameters: Any, **named: Any) -> Tensor:
        """The distribution function at each x."""
        z, _, shapes = self._of(x, parameters, named)
        return self._cdf(z, *shapes)

    def sf(self, x: Any, *parameters: Any, **named: Any) -> Tensor:
        """1 - cdf at each x, exact also where that is tiny."""
        z, _, shapes = self._of(x, parameters, named)
        return self._sf(z, *shapes)

    def logcdf(self, x: Any, *parameters: Any, **named: Any) -> Tensor:
        """The logarithm of the distribution function at each x."""
        return ln(self.cdf(x, *parameters, **named))

    def logsf(self, x: Any, *parameters: Any, **named: Any) -> Tensor:
        """The logarithm of 1 - cdf at each x."""
        return ln(self.sf(x, *parameters, **named))


def _inside(z: Tensor, inside: np.ndarray, middle: float, density: Callable[[Tensor], Tensor], outside: Any) -> Tensor:
    """`density` of z where z is inside the support, else `outside`; no NaN of outside enters a gradient."""
    if inside.all():
        return density(z)
    return where(inside, density(where(inside, z, middle)), outside)


class _Norm(Distribution):
    def _logpdf(self, z: Tensor, *shapes: Any) -> Tensor:
        return -0.5 * z * z - _LOG_ROOT_TAU

    def _cdf(self, z: Tensor, *shapes: Any) -> Tensor:
        return special.ndtr(z)

    def _sf(self, z: Tensor, *shapes: Any) -> Tensor:
        return special.ndtr(-z)

    def logcdf(self, x: Any, *parameters: Any, **named: Any) -> Tensor:
        """The logarithm of the distribution function at each x, without underflow."""
        return special.log_ndtr(self._of(x, parameters, named)[0])

    def logsf(self, x: Any, *parameters: Any, **named: Any) -> Tensor:
        """The logarithm of 1 - cdf at each x, without underflow."""
        return special.log_ndtr(-self._of(x, parameters, named)[0])

    def ppf(self, q: Any, loc: Any = 0.0, scale: Any = 1.0) -> Tensor:
        """The x at which the distribution function is q."""
        values = self._given or {"loc": loc, "scale": scale}
        return special.ndtri(q) * as_tensor(values["scale"]) + values["loc"]


class _Gamma(Distribution):
    shapes = ("a",)

    def _logpdf(self, z: Tensor, *shapes: Any) -> Tensor:
        (a,) = shapes
        return _inside(z, z.data >= 0, 1.0, lambda z: xlogy(a - 1, z) - z, -np.inf) - special.lgamma(a)

    def _cdf(self, z: Tensor, *shapes: Any) -> Tensor:
        return _inside(z, z.data >= 0, 1.0, lambda z: scipy_special.gammainc(*shapes, z), 0.0)

    def _sf(self, z: Tensor, *shapes: Any) -> Tensor:
        return _inside(z, z.data >= 0, 1.0, lambda z: scipy_special.gammaincc(*shapes, z), 1.0)


class _Beta(Distribution):
    shapes = ("a", "b")

    def _logpdf(self, z: Tensor, *shapes: Any) -> Tensor:
        a, b = shapes
        inside = (z.data >= 0) & (z.data <= 1)
        inner = _inside(z, inside, 0.5, lambda z: xlogy(a - 1, z) + special.xlog1py(b - 1, -z), -np.inf)
        return inner - scipy_special.betaln(a, b)

    def _cdf(self, z: Tensor, *shapes: Any) -> Tensor:
        z = where(z.data > 1, 1.0, z)
        return _inside(z, (z.data >= 0) & (z.data < 1), 0.5, lambda z: scipy_special.betainc(*shapes, z), z.data >= 1)

    def _sf(self, z: Tensor, *shapes: Any) -> Tensor:
        return _inside(
            z, (z.data >= 0) & (z.data <= 1), 0.5, lambda z: scipy_special.betaincc(*shapes, z), 1.0 * (z.data < 0)
        )


class _T(Distribution):
    shapes = ("df",)

    def _logpdf(self, z: Tensor, *shapes: Any) -> Tensor:
        (df,) = shapes
        scale = special.lgamma((df + 1) / 2) - special.lgamma(df / 2) - 0.5 * ln(df * math.pi)
        return scale - (df + 1) / 2 * log1p(z * z / df)

    def _cdf(self, z: Tensor, *shapes: Any) -> Tensor:
        return scipy_special.stdtr(*shapes, z)

    def _sf(self, z: Tensor, *shapes: Any) -> Tensor:
        return scipy_special.stdtr(*shapes, -z)


norm, gamma, beta, t = _Norm(), _Gamma(), _Beta(), _T()


class _MultivariateNormal:
    """The normal distribution of vectors, which lie along the last axis of x."""

    def __init__(self, mean: Any = None, cov: Any = 1.0) -> None:
        self.mean, self.cov = mean, cov

    def __call__(self, mean: Any = None, cov: Any = 1.0) -> _MultivariateNormal:
        """This distribution with its parameters given, so that its functions take x alone."""
        return _MultivariateNormal(mean, cov)

    def logpdf(self, x: Any, mean: Any = None, cov: Any = None) -> Tensor:
        """The logarithm of the density at each x (..., n), of mean (n) and covariance (n, n), (n) or a number.

        Raises SingularError for a covariance that is not positive definite.
        """
        x = as_tensor(x)
        mean = as_tensor(0.0 if (mean := self.mean if mean is None else mean) is None else mean)
        cov = as_tensor(self.cov if cov is None else cov)
        n = cov.shape[-1] if cov.ndim else mean.shape[-1] if mean.ndim else 1
        if cov.ndim > 2 or mean.ndim > 1 or (cov.ndim == 2 and cov.shape != (n, n)):
            raise ShapeError(f"mean is a vector and cov a matrix of its length, got {mean.shape} and {cov.shape}")
        if cov.ndim < 2:
            cov = cov * np.eye(n)
        lone = x.ndim == 0 or (n == 1 and x.ndim == 1 and x.shape != (1,))  # numbers count as vectors of length 1
        x = x.reshape(*x.shape, 1) if lone else x
        if x.shape[-1] != n:
            raise ShapeError(f"x has vectors of length {x.shape[-1]}, the distribution of {n}; make them equal")
        factor = linalg.cholesky(cov)
        away = (x - mean).reshape(-1, n)
        scaled = linalg.solve_triangular(factor, away.mT, upper=False)
        distance = (scaled * scaled).sum(axis=0)
        size = 2 * ln(diagonal(factor)).sum()
        return (-0.5 * (distance + size) - n * _LOG_ROOT_TAU).reshape(x.shape[:-1])

    def pdf(self, x: Any, mean: Any = None, cov: Any = None) -> Tensor:
        """The density at each x (..., n)."""
        return exp(self.logpdf(x, mean, cov))


multivariate_normal = _MultivariateNormal()
