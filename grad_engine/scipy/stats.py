"""Densities and distribution functions of scipy.stats on tensors: those of 30 distributions.

`norm.logpdf(x, loc, scale)` and the like take SciPy's arguments in SciPy's order, and `norm(loc, scale).logpdf(x)`
freezes them. Gradients flow to x and to every parameter; those of distribution functions by a shape parameter are found
by interpolation (ops/scipy_parameters.py). Other distributions and tests are SciPy's own, for numbers and arrays.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

import numpy as np

from grad_engine.core.tensor import Tensor, array_of
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.ops import linalg, scipy_more, scipy_special, special
from grad_engine.ops.activation import logsigmoid, sigmoid
from grad_engine.ops.elementwise import (
    arctan2,
    cos,
    exp,
    expm1,
    ln,
    log1p,
    logit,
    sqrt,
    square,
    tan,
    where,
    xlogy,
)  # fmt: skip
from grad_engine.ops.joining import concat
from grad_engine.ops.shape import diagonal
from grad_engine.scipy._theirs import as_tensor, of_scipy

_LOG_ROOT_TAU = 0.5 * math.log(2 * math.pi)


class Distribution:
    """A distribution of scipy.stats with its parameters still to be given, or given: `norm`, `norm(0, 2)`.

    What it does not have itself, such as `rvs` and `mean`, is SciPy's, and takes numbers and arrays.
    """

    shapes: tuple[str, ...] = ()  # the parameters before loc and scale
    scales = True  # whether it has a parameter `scale`: those of whole numbers have none

    def __init__(self, name: str) -> None:
        self.name = name
        self._given: dict[str, Any] | None = None

    def __call__(self, *parameters: Any, **named: Any) -> Distribution:
        """This distribution with its parameters given, so that its functions take x alone."""
        frozen = copy(self)
        frozen._given = self._bound(parameters, named)
        return frozen

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        theirs = getattr(importlib.import_module("scipy.stats"), self.name)
        given = self.__dict__.get("_given")
        return getattr(theirs if given is None else theirs(**given), name)

    def _bound(self, parameters: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
        names = (*self.shapes, "loc", "scale") if self.scales else (*self.shapes, "loc")
        if len(parameters) > len(names) or not named.keys() <= {*names[len(parameters) :]}:
            raise ArgumentError(
                f"{self.name} takes {', '.join(names)}, got {len(parameters)} by place and {', '.join(named) or 'none'}"
                " by name"
            )
        values = {"loc": 0.0, **({"scale": 1.0} if self.scales else {})}
        values |= {**dict(zip(names, parameters, strict=False)), **named}
        if missing := [name for name in self.shapes if name not in values]:
            raise ArgumentError(f"{self.name} needs its parameter {missing[0]}")
        return {name: as_tensor(each) if isinstance(each, list | tuple) else each for name, each in values.items()}

    def _of(self, x: Any, parameters: tuple[Any, ...], named: dict[str, Any]) -> tuple[Tensor, Any, tuple[Any, ...]]:
        """(x less loc, in units of scale; scale; the shape parameters)."""
        values = self._values(parameters, named)
        scale = as_tensor(values.get("scale", 1.0))
        z = (as_tensor(x) - values["loc"]) / scale if self.scales else as_tensor(x) - values["loc"]
        return z, scale, tuple(as_tensor(values[name]) for name in self.shapes)

    def _values(self, parameters: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
        if self._given is not None and (parameters or named):
            raise ArgumentError("the parameters of this distribution were given when it was made; pass x alone")
        return self._given if self._given is not None else self._bound(parameters, named)

    # Each is a function of z = (x - loc)/scale and the shape parameters.

    def _cdf(self, z: Tensor, *shapes: Any) -> Tensor:
        raise NotImplementedError

    def _sf(self, z: Tensor, *shapes: Any) -> Tensor:
        return 1 - self._cdf(z, *shapes)

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


Formula = Callable[..., Any]


class _Continuous(Distribution):
    """A distribution given by formulas in z and its shape parameters, true between two ends."""

    def __init__(
        self, name: str, logpdf: Formula, cdf: Formula | None = None, sf: Formula | None = None,
        shapes: str = "", ends: tuple[float, float] = (-np.inf, np.inf), without_first: bool = False,
        ppf: Formula | None = None, logcdf: Formula | None = None, logsf: Formula | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name)
        self.shapes, self.ends, self.without_first = tuple(shapes.split()), ends, without_first
        low, high = ends
        self.middle = 0.5 * (low + high) if np.isfinite(high) else low + 1.0 if np.isfinite(low) else 0.0
        self.__doc__ = f"The distribution scipy.stats.{name}, of {', '.join((*self.shapes, 'loc', 'scale'))}."
        self.formulas = {"logpdf": logpdf, "cdf": cdf, "sf": sf, "ppf": ppf, "logcdf": logcdf, "logsf": logsf}

    def _logpdf(self, z: Tensor, *shapes: Any) -> Tensor:
        low, high = self.ends
        inside = (z.array > low if self.without_first else z.array >= low) & (z.array <= high)
        return self._inside(z, inside, "logpdf", shapes, -np.inf)

    def _cdf(self, z: Tensor, *shapes: Any) -> Tensor:
        low, high = self.ends
        return self._inside(z, (z.array > low) & (z.array < high), "cdf", shapes, 1.0 * (z.array >= high))

    def _sf(self, z: Tensor, *shapes: Any) -> Tensor:
        if self.formulas["sf"] is None:
            return super()._sf(z, *shapes)
        low, high = self.ends
        return self._inside(z, (z.array > low) & (z.array < high), "sf", shapes, 1.0 * (z.array <= low))

    def logpdf(self, x: Any, *parameters: Any, **named: Any) -> Tensor:
        """The logarithm of the density at each x, -inf outside the support."""
        z, scale, shapes = self._of(x, parameters, named)
        return self._logpdf(z, *shapes) - ln(scale)

    def pdf(self, x: Any, *parameters: Any, **named: Any) -> Tensor:
        """The density at each x."""
        z, scale, shapes = self._of(x, parameters, named)
        return exp(self._logpdf(z, *shapes)) / scale

    def ppf(self, q: Any, *parameters: Any, **named: Any) -> Tensor:
        """The x at which the distribution function is q."""
        if self.formulas["ppf"] is None:
            raise ArgumentError(f"{self.name}.ppf() has no gradient here; detach() its arguments, and call SciPy's")
        values = self._values(parameters, named)
        z = self.formulas["ppf"](as_tensor(q), *(as_tensor(values[name]) for name in self.shapes))
        return as_tensor(z * as_tensor(values["scale"]) + values["loc"])

    def logcdf(self, x: Any, *parameters: Any, **named: Any) -> Tensor:
        """The logarithm of the distribution function at each x, without underflow where there is a formula."""
        if self.formulas["logcdf"] is None:
            return super().logcdf(x, *parameters, **named)
        z, _, shapes = self._of(x, parameters, named)
        return as_tensor(self.formulas["logcdf"](z, *shapes))

    def logsf(self, x: Any, *parameters: Any, **named: Any) -> Tensor:
        """The logarithm of 1 - cdf at each x, without underflow where there is a formula."""
        if self.formulas["logsf"] is None:
            return super().logsf(x, *parameters, **named)
        z, _, shapes = self._of(x, parameters, named)
        low, high = self.ends
        return self._inside(
            z, (z.array > low) & (z.array < high), "logsf", shapes, np.where(z.array <= low, 0.0, -np.inf)
        )

    def _inside(self, z: Tensor, inside: np.ndarray, what: str, shapes: Sequence[Any], outside: Any) -> Tensor:
        """The formula where z is inside the support, else `outside`; no NaN of outside enters a gradient."""
        formula = self.formulas[what]
        if formula is None:
            raise ArgumentError(f"{self.name}.{what}() has no gradient here; detach() its arguments, and call SciPy's")
        if inside.all():
            return as_tensor(formula(z, *shapes))
        return where(inside, formula(where(inside, z, self.middle), *shapes), outside)


def _laplace(z: Any) -> Tensor:
    """The distribution function of Laplace's distribution, which is half an exponential on each side."""
    side = 0.5 * exp(-abs(z))
    return where(z.array < 0, side, 1 - side)


def _student(z: Any, df: Any) -> Tensor:
    scale = special.lgamma((df + 1) / 2) - special.lgamma(df / 2) - 0.5 * ln(df * math.pi)
    return as_tensor(scale - (df + 1) / 2 * log1p(z * z / df))


def _of_f(z: Any, n: Any, m: Any) -> Any:
    scale = n / 2 * ln(n) + m / 2 * ln(m) - scipy_special.betaln(n / 2, m / 2)
    return scale + xlogy(n / 2 - 1, z) - (n + m) / 2 * ln(m + n * z)


_HALF_LINE, _UNIT = (0.0, np.inf), (0.0, 1.0)
_LOG_2_OVER_PI = math.log(2 / math.pi)
_ROOT_2 = math.sqrt(2)

norm = _Continuous(
    "norm", lambda z: -0.5 * z * z - _LOG_ROOT_TAU, special.ndtr, lambda z: special.ndtr(-z), ppf=special.ndtri,
    logcdf=special.log_ndtr, logsf=lambda z: special.log_ndtr(-z),
)  # fmt: skip
uniform = _Continuous("uniform", lambda z: 0.0 * z, lambda z: z, lambda z: 1 - z, ends=_UNIT, ppf=lambda q: q)
expon = _Continuous(
    "expon", lambda z: -z, lambda z: -expm1(-z), lambda z: exp(-z), ends=_HALF_LINE, ppf=lambda q: -log1p(-q),
    logsf=lambda z: -z,
)  # fmt: skip
laplace = _Continuous("laplace", lambda z: -abs(z) - math.log(2), _laplace, lambda z: _laplace(-z))
logistic = _Continuous(
    "logistic", lambda z: -abs(z) - 2 * log1p(exp(-abs(z))), sigmoid, lambda z: sigmoid(-z), ppf=logit,
    logcdf=logsigmoid, logsf=lambda z: logsigmoid(-z),
)  # fmt: skip
cauchy = _Continuous(
    "cauchy", lambda z: -math.log(math.pi) - log1p(z * z), lambda z: arctan2(1.0, -z) / math.pi,
    lambda z: arctan2(1.0, z) / math.pi, ppf=lambda q: tan(math.pi * (q - 0.5)),
)  # fmt: skip
gumbel_r = _Continuous(
    "gumbel_r", lambda z: -z - exp(-z), lambda z: exp(-exp(-z)), lambda z: -expm1(-exp(-z)),
    ppf=lambda q: -ln(-ln(q)), logcdf=lambda z: -exp(-z),
)  # fmt: skip
gumbel_l = _Continuous(
    "gumbel_l", lambda z: z - exp(z), lambda z: -expm1(-exp(z)), lambda z: exp(-exp(z)), logsf=lambda z: -exp(z),
    ppf=lambda q: ln(-log1p(-q)),
)  # fmt: skip
lognorm = _Continuous(
    "lognorm", lambda z, s: -ln(s * z) - _LOG_ROOT_TAU - 0.5 * square(ln(z) / s), lambda z, s: special.ndtr(ln(z) / s),
    lambda z, s: special.ndtr(-ln(z) / s), "s", _HALF_LINE, True, lambda q, s: exp(s * special.ndtri(q)),
)  # fmt: skip
weibull_min = _Continuous(
    "weibull_min", lambda z, c: ln(c) + xlogy(c - 1, z) - z**c, lambda z, c: -expm1(-(z**c)), lambda z, c: exp(-(z**c)),
    "c", _HALF_LINE, ppf=lambda q, c: (-log1p(-q)) ** (1 / c), logsf=lambda z, c: -(z**c),
)  # fmt: skip
fisk = _Continuous(
    "fisk", lambda z, c: ln(c) + (c - 1) * ln(z) - 2 * log1p(z**c), lambda z, c: sigmoid(c * ln(z)),
    lambda z, c: sigmoid(-c * ln(z)), "c", _HALF_LINE, True, lambda q, c: exp(logit(q) / c),
)  # fmt: skip
pareto = _Continuous(
    "pareto", lambda z, b: ln(b) - (b + 1) * ln(z), lambda z, b: -expm1(-b * ln(z)), lambda z, b: z**-b, "b",
    (1.0, np.inf), ppf=lambda q, b: (1 - q) ** (-1 / b), logsf=lambda z, b: -b * ln(z),
)  # fmt: skip
powerlaw = _Continuous(
    "powerlaw", lambda z, a: ln(a) + xlogy(a - 1, z), lambda z, a: z**a, shapes="a", ends=_UNIT,
    ppf=lambda q, a: q ** (1 / a),
)  # fmt: skip
rayleigh = _Continuous(
    "rayleigh", lambda z: ln(z) - 0.5 * z * z, lambda z: -expm1(-0.5 * z * z), lambda z: exp(-0.5 * z * z),
    ends=_HALF_LINE, without_first=True, ppf=lambda q: sqrt(-2 * log1p(-q)), logsf=lambda z: -0.5 * z * z,
)  # fmt: skip
maxwell = _Continuous(
    "maxwell", lambda z: 0.5 * _LOG_2_OVER_PI + 2 * ln(z) - 0.5 * z * z,
    lambda z: scipy_special.gammainc(1.5, 0.5 * z * z), lambda z: scipy_special.gammaincc(1.5, 0.5 * z * z),
    ends=_HALF_LINE, without_first=True,
)  # fmt: skip
halfnorm = _Continuous(
    "halfnorm", lambda z: 0.5 * _LOG_2_OVER_PI - 0.5 * z * z, lambda z: special.erf(z / _ROOT_2),
    lambda z: special.erfc(z / _ROOT_2), ends=_HALF_LINE, ppf=lambda q: special.ndtri((1 + q) / 2),
)  # fmt: skip
halfcauchy = _Continuous(
    "halfcauchy", lambda z: _LOG_2_OVER_PI - log1p(z * z), lambda z: 2 / math.pi * arctan2(z, 1.0),
    lambda z: 2 / math.pi * arctan2(1.0, z), ends=_HALF_LINE, ppf=lambda q: tan(math.pi / 2 * q),
)  # fmt: skip
gamma = _Continuous(
    "gamma", lambda z, a: xlogy(a - 1, z) - z - special.lgamma(a), lambda z, a: scipy_special.gammainc(a, z),
    lambda z, a: scipy_special.gammaincc(a, z), "a", _HALF_LINE, ppf=lambda q, a: scipy_special.gammaincinv(a, q),
)  # fmt: skip
chi2 = _Continuous(
    "chi2", lambda z, df: xlogy(df / 2 - 1, z) - z / 2 - special.lgamma(df / 2) - math.log(2) * df / 2,
    lambda z, df: scipy_special.chdtr(df, z), lambda z, df: scipy_special.chdtrc(df, z), "df", _HALF_LINE,
    ppf=lambda q, df: 2 * scipy_special.gammaincinv(df / 2, q),
)  # fmt: skip
invgamma = _Continuous(
    "invgamma", lambda z, a: -(a + 1) * ln(z) - special.lgamma(a) - 1 / z,
    lambda z, a: scipy_special.gammaincc(a, 1 / z), lambda z, a: scipy_special.gammainc(a, 1 / z), "a", _HALF_LINE,
    True, lambda q, a: 1 / scipy_special.gammainccinv(a, q),
)  # fmt: skip
beta = _Continuous(
    "beta", lambda z, a, b: xlogy(a - 1, z) + special.xlog1py(b - 1, -z) - scipy_special.betaln(a, b),
    lambda z, a, b: scipy_special.betainc(a, b, z), lambda z, a, b: scipy_special.betaincc(a, b, z), "a b", _UNIT,
    ppf=lambda q, a, b: scipy_special.betaincinv(a, b, q),
)  # fmt: skip
t = _Continuous(
    "t", _student, lambda z, df: scipy_special.stdtr(df, z), lambda z, df: scipy_special.stdtr(df, -z), "df",
    ppf=lambda q, df: scipy_special.stdtrit(df, q),
)  # fmt: skip
f = _Continuous(
    "f", _of_f, lambda z, n, m: scipy_special.fdtr(n, m, z), lambda z, n, m: scipy_more.fdtrc(n, m, z), "dfn dfd",
    _HALF_LINE,
)  # fmt: skip
skewnorm = _Continuous(
    "skewnorm", lambda z, a: math.log(2) - 0.5 * z * z - _LOG_ROOT_TAU + special.log_ndtr(a * z),
    lambda z, a: special.ndtr(z) - 2 * scipy_special.owens_t(z, a), shapes="a",
)  # fmt: skip
vonmises = _Continuous(
    "vonmises", lambda z, kappa: kappa * (cos(z) - 1) - math.log(2 * math.pi) - ln(special.i0e(kappa)), shapes="kappa"
)


class _Discrete(Distribution):
    """A distribution of whole numbers k, by which there is no gradient, given by formulas in k and its parameters."""

    scales = False

    def __init__(
        self, name: str, shapes: str, logpmf: Formula, cdf: Formula | None = None, sf: Formula | None = None,
        first: int = 0, last: Callable[..., Any] = lambda *shapes: np.inf,
    ) -> None:  # fmt: skip
        super().__init__(name)
        self.shapes, self.first, self.last = tuple(shapes.split()), first, last
        self.__doc__ = f"The distribution scipy.stats.{name} of whole numbers, of {', '.join((*self.shapes, 'loc'))}."
        self.formulas = {"logpmf": logpmf, "cdf": cdf, "sf": sf}

    def _call(self, what: str, k: Any, parameters: tuple[Any, ...], named: dict[str, Any], outside: Any) -> Tensor:
        z, _, shapes = self._of(k, parameters, named)
        k = np.asarray(array_of(z))
        last = array_of(self.last(*shapes))
        inside = (k >= self.first) & (k <= last if what == "logpmf" else k < last)
        if what == "logpmf":
            inside &= k == np.floor(k)
        formula = self.formulas[what]
        if formula is None:
            raise ArgumentError(f"{self.name}.{what}() has no gradient here; detach() its arguments, and call SciPy's")
        out = formula(np.floor(np.where(inside, k, self.first)), *shapes)
        return as_tensor(out) if np.all(inside) else where(inside, out, outside(k, last))

    def logpmf(self, k: Any, *parameters: Any, **named: Any) -> Tensor:
        """The logarithm of the probability of each k, -inf where that is 0."""
        return self._call("logpmf", k, parameters, named, lambda k, last: -np.inf)

    def pmf(self, k: Any, *parameters: Any, **named: Any) -> Tensor:
        """The probability of each k."""
        return exp(self.logpmf(k, *parameters, **named))

    def cdf(self, x: Any, *parameters: Any, **named: Any) -> Tensor:
        """The probability of at most each x."""
        return self._call("cdf", x, parameters, named, lambda k, last: 1.0 * (k >= last))

    def sf(self, x: Any, *parameters: Any, **named: Any) -> Tensor:
        """The probability of more than each x."""
        return self._call("sf", x, parameters, named, lambda k, last: 1.0 * (k < self.first))


def _choices(n: Any, k: Any) -> Any:
    """The logarithm of the number of ways to take k of n."""
    return special.lgamma(n + 1) - special.lgamma(as_tensor(k + 1)) - special.lgamma(n - k + 1)


poisson = _Discrete(
    "poisson", "mu", lambda k, mu: xlogy(k, mu) - special.lgamma(as_tensor(k + 1)) - mu, scipy_special.pdtr,
    scipy_more.pdtrc,
)  # fmt: skip
binom = _Discrete(
    "binom", "n p", lambda k, n, p: _choices(n, k) + xlogy(k, p) + special.xlog1py(n - k, -p),
    lambda k, n, p: scipy_special.bdtr(k, n, p), lambda k, n, p: scipy_more.bdtrc(k, n, p), last=lambda n, p: n,
)  # fmt: skip
bernoulli = _Discrete(
    "bernoulli", "p", lambda k, p: xlogy(k, p) + special.xlog1py(1 - k, -p), lambda k, p: 1 - p, lambda k, p: p,
    last=lambda p: 1,
)  # fmt: skip
geom = _Discrete(
    "geom", "p", lambda k, p: special.xlog1py(k - 1, -p) + ln(p), lambda k, p: -expm1(log1p(-p) * k),
    lambda k, p: exp(log1p(-p) * k), first=1,
)  # fmt: skip
nbinom = _Discrete(
    "nbinom", "n p",
    lambda k, n, p: special.lgamma(n + k) - special.lgamma(as_tensor(k + 1)) - special.lgamma(n) + n * ln(p)
    + special.xlog1py(k, -p),
    lambda k, n, p: scipy_special.betainc(n, k + 1, p), lambda k, n, p: scipy_special.betaincc(n, k + 1, p),
)  # fmt: skip
betabinom = _Discrete(
    "betabinom", "n a b",
    lambda k, n, a, b: _choices(n, k) + scipy_special.betaln(k + a, n - k + b) - scipy_special.betaln(a, b),
    last=lambda n, a, b: n,
)  # fmt: skip


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


class _Dirichlet:
    """The Dirichlet distribution, with or without its parameter given."""

    def __init__(self, alpha: Any = None) -> None:
        self.alpha = alpha

    def __call__(self, alpha: Any) -> _Dirichlet:
        """This distribution with its parameter given, so that its functions take x alone."""
        return _Dirichlet(alpha)

    def logpdf(self, x: Any, alpha: Any = None) -> Tensor:
        """The logarithm of the density at shares x that add up to 1: (n,), or (n, m) for m points; or without the last.

        Raises ArgumentError where the shares do not add up to 1, ShapeError where x and alpha do not match.
        """
        x, alpha = as_tensor(x), as_tensor(self.alpha if alpha is None else alpha)
        n = alpha.shape[0] if alpha.ndim == 1 else -1
        if x.ndim not in (1, 2) or x.shape[0] not in (n, n - 1):
            raise ShapeError(f"x has a share for each of the numbers in alpha, got {x.shape} and {alpha.shape}")
        if x.shape[0] == n - 1:
            x = concat([x, (1 - x.sum(axis=0)).reshape(1, *x.shape[1:])])
        if not np.all(np.abs(x.data.sum(axis=0) - 1) <= 1e-9) or np.any(x.data < 0):
            raise ArgumentError("dirichlet takes shares that are not negative and add up to 1 along the first axis")
        powers = alpha.reshape(n, *(1,) * (x.ndim - 1)) - 1
        size = special.lgamma(alpha).sum() - special.lgamma(alpha.sum())
        return xlogy(powers, x).sum(axis=0) - size

    def pdf(self, x: Any, alpha: Any = None) -> Tensor:
        """The density at x."""
        return exp(self.logpdf(x, alpha))


class _Multinomial:
    """The multinomial distribution, with or without its parameters given."""

    def __init__(self, n: Any = None, p: Any = None) -> None:
        self.n, self.p = n, p

    def __call__(self, n: Any, p: Any) -> _Multinomial:
        """This distribution with its parameters given, so that its functions take x alone."""
        return _Multinomial(n, p)

    def logpmf(self, x: Any, n: Any = None, p: Any = None) -> Tensor:
        """The logarithm of the chance of each row of counts x (..., k) in n draws with chances p (k,).

        As in SciPy the last chance is what the others leave. Counts that do not add up to n have no chance.
        """
        counts, n = np.asarray(array_of(x)), np.asarray(array_of(self.n if n is None else n))
        p = as_tensor(self.p if p is None else p)
        if p.ndim != 1 or counts.shape[-1:] != p.shape:
            raise ShapeError(f"x has a count for each chance in p, got shapes {counts.shape} and {p.shape}")
        p = concat([p[:-1], (1 - p[:-1].sum()).reshape(1)])
        found = xlogy(counts, p).sum(axis=-1) + special.lgamma(n + 1.0) - special.lgamma(counts + 1.0).sum(axis=-1)
        return where((counts.sum(axis=-1) == n) & (counts >= 0).all(axis=-1), found, -math.inf)

    def pmf(self, x: Any, n: Any = None, p: Any = None) -> Tensor:
        """The chance of each row of counts x."""
        return exp(self.logpmf(x, n, p))


# --- what describes samples, along an axis, or over all of them with axis=None ----------------------------------------


def zscore(a: Any, axis: int | None = 0, ddof: int = 0) -> Tensor:
    """Each number less its mean, over the standard deviation."""
    a = as_tensor(a)
    return (a - a.mean(axis=axis, keepdims=True)) / a.std(axis=axis, ddof=ddof, keepdims=True)


def moment(a: Any, order: int = 1, axis: int | None = 0) -> Tensor:
    """The mean of the powers of what is above the mean."""
    a = as_tensor(a)
    if not isinstance(order, int | np.integer):
        raise ArgumentError(f"moment() takes one whole number as order, got {order!r}")
    return ((a - a.mean(axis=axis, keepdims=True)) ** order).mean(axis=axis)


def skew(a: Any, axis: int | None = 0, bias: bool = True) -> Tensor:
    """The third moment over the second to 3/2; corrected for few samples unless `bias`."""
    a = as_tensor(a)
    out = moment(a, 3, axis) / moment(a, 2, axis) ** 1.5
    n = a.size // out.size
    return out if bias else out * math.sqrt(n * (n - 1)) / (n - 2)


def kurtosis(a: Any, axis: int | None = 0, fisher: bool = True, bias: bool = True) -> Tensor:
    """The fourth moment over the squared second; less 3 with `fisher`, corrected for few samples unless `bias`."""
    a = as_tensor(a)
    out = moment(a, 4, axis) / moment(a, 2, axis) ** 2
    n = a.size // out.size
    if not bias:
        out = ((n * n - 1) * out - 3 * (n - 1) ** 2) / ((n - 2) * (n - 3)) + 3
    return out - 3 if fisher else out


def gmean(a: Any, axis: int | None = 0) -> Tensor:
    """The geometric mean: exp of the mean of logarithms."""
    return exp(ln(as_tensor(a)).mean(axis=axis))


def hmean(a: Any, axis: int | None = 0) -> Tensor:
    """The harmonic mean: 1 over the mean of 1 over each."""
    return 1 / (1 / as_tensor(a)).mean(axis=axis)


def entropy(pk: Any, qk: Any = None, base: float | None = None, axis: int = 0) -> Tensor:
    """The entropy of chances pk along an axis, made to add up to 1; with qk, their Kullback-Leibler divergence."""
    p = as_tensor(pk)
    if qk is None:
        p = p / p.sum(axis=axis, keepdims=True)
        out = -xlogy(p, p).sum(axis=axis)
    else:
        p, q = (each / each.sum(axis=axis, keepdims=True) for each in np.broadcast_arrays(p, as_tensor(qk)))
        out = (xlogy(p, p) - xlogy(p, q)).sum(axis=axis)
    return out if base is None else out / math.log(base)


multivariate_normal, dirichlet, multinomial = _MultivariateNormal(), _Dirichlet(), _Multinomial()
__all__ = [
    *(name for name, value in list(globals().items()) if isinstance(value, Distribution)),
    "dirichlet", "entropy", "gmean", "hmean", "kurtosis", "moment", "multinomial", "multivariate_normal", "skew",
    "zscore",
]  # fmt: skip
__getattr__ = of_scipy("scipy.stats")
