"""Distributions of real numbers and of vectors of them. Densities are those of any textbook of statistics."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.grad_mode import is_grad_enabled
from grad_engine.core.tensor import Tensor, wrap
from grad_engine.distributions.distribution import (
    Distribution,
    LocationScale,
    Shape,
    check,
    drawn,
    numbers,
    positive,
    together,
)
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.ops.elementwise import abs, arctan, exp, expm1, ln, log1p, sqrt, tan, where, xlogy
from grad_engine.ops.linalg import cholesky, inv, solve_triangular
from grad_engine.ops.reduction import sum
from grad_engine.ops.scipy_special import betaincinv, gammainc, gammaincinv
from grad_engine.ops.shape import broadcast_to
from grad_engine.ops.special import digamma, erf, erfinv, kernel, lgamma

_HALF_LOG_TAU = 0.5 * math.log(2 * math.pi)
_EULER = 0.5772156649015329


def _follows(*parameters: Tensor) -> bool:
    """Whether a draw is to have a gradient by one of these parameters."""
    return is_grad_enabled() and any(each.requires_grad for each in parameters)


def gamma_drawn(concentration: Tensor, shape: Shape, rng: np.random.Generator) -> Tensor:
    """Draws of Gamma(concentration, 1).

    With a gradient they are the quantiles of uniform numbers, which is implicit reparameterisation (Figurnov et al.
    2018): dx/da = -(dP(a, x)/da) / density(x), as gammaincinv() has it.
    """
    tiny = float(np.finfo(concentration.dtype).tiny)
    if not _follows(concentration):
        return drawn(np.maximum(rng.standard_gamma(numbers(concentration), shape), tiny), concentration)
    least = kernel("gammainc")(numbers(concentration), tiny)
    quantiles = np.maximum(rng.random(shape), least)
    return gammaincinv(concentration.astype(np.float64), quantiles).astype(concentration.dtype)


def _full(value: float, like: Tensor) -> Tensor:
    return wrap(np.full(like.shape, value, like.dtype), None)


class Normal(LocationScale):
    """The normal distribution with mean `loc` and standard deviation `scale`."""

    def log_prob(self, value: Any) -> Tensor:
        return -0.5 * self._standard(value) ** 2 - ln(self.scale) - _HALF_LOG_TAU

    def entropy(self) -> Tensor:
        return 0.5 + _HALF_LOG_TAU + ln(self.scale)

    def cdf(self, value: Any) -> Tensor:
        return 0.5 * (1 + erf(self._standard(value) / math.sqrt(2)))

    def icdf(self, value: Any) -> Tensor:
        return self.loc + self.scale * erfinv(2 * as_tensor(value) - 1) * math.sqrt(2)

    @property
    def stddev(self) -> Tensor:
        return self.scale

    @property
    def variance(self) -> Tensor:
        return self.scale**2


class Laplace(LocationScale):
    """The distribution with density exp(-|x - loc| / scale) / (2 scale)."""

    def _noise(self, shape: Shape, rng: np.random.Generator) -> np.ndarray:
        return rng.laplace(size=shape)

    def log_prob(self, value: Any) -> Tensor:
        return -abs(self._standard(value)) - ln(2 * self.scale)

    def entropy(self) -> Tensor:
        return 1 + ln(2 * self.scale)

    def cdf(self, value: Any) -> Tensor:
        z = self._standard(value)
        return where(z.array < 0, 0.5 * exp(-abs(z)), 1 - 0.5 * exp(-abs(z)))

    def icdf(self, value: Any) -> Tensor:
        away = as_tensor(value) - 0.5
        return self.loc - self.scale * away.sign() * log1p(-2 * abs(away))

    @property
    def variance(self) -> Tensor:
        return 2 * self.scale**2


class Cauchy(LocationScale):
    """The distribution of the ratio of two normal ones; it has no mean and no variance."""

    def _noise(self, shape: Shape, rng: np.random.Generator) -> np.ndarray:
        return rng.standard_cauchy(shape)

    def log_prob(self, value: Any) -> Tensor:
        return -math.log(math.pi) - ln(self.scale) - log1p(self._standard(value) ** 2)

    def entropy(self) -> Tensor:
        return math.log(4 * math.pi) + ln(self.scale)

    def cdf(self, value: Any) -> Tensor:
        return arctan(self._standard(value)) / math.pi + 0.5

    def icdf(self, value: Any) -> Tensor:
        return tan(math.pi * (as_tensor(value) - 0.5)) * self.scale + self.loc

    @property
    def mean(self) -> Tensor:
        return _full(math.nan, self.loc)

    @property
    def variance(self) -> Tensor:
        return _full(math.inf, self.loc)


class Gumbel(LocationScale):
    """The distribution of the largest of many numbers: loc - scale · ln(-ln(uniform))."""

    def _noise(self, shape: Shape, rng: np.random.Generator) -> np.ndarray:
        return rng.gumbel(size=shape)

    def log_prob(self, value: Any) -> Tensor:
        z = self._standard(value)
        return -(z + exp(-z)) - ln(self.scale)

    def entropy(self) -> Tensor:
        return ln(self.scale) + (1 + _EULER)

    def cdf(self, value: Any) -> Tensor:
        return exp(-exp(-self._standard(value)))

    @property
    def mean(self) -> Tensor:
        return self.loc + self.scale * _EULER

    @property
    def variance(self) -> Tensor:
        return (math.pi**2 / 6) * self.scale**2


class Uniform(Distribution):
    """Every number from `low` to below `high` with the same density."""

    has_rsample = True
    arguments = ("low", "high")

    def __init__(self, low: Any, high: Any, validate_args: bool | None = None) -> None:
        self.low, self.high = together(low, high)
        if validate_args is not False:
            check("Uniform", self.high - self.low, positive, "a high above low")
        super().__init__(self.low.shape)

    def _drawn(self, shape: Shape, rng: np.random.Generator) -> Tensor:
        return self.low + drawn(rng.random(shape), self.low) * (self.high - self.low)

    def log_prob(self, value: Any) -> Tensor:
        x = as_tensor(value)
        inside = (x.array >= self.low.array) & (x.array < self.high.array)
        return where(inside, -ln(self.high - self.low), -math.inf)

    def entropy(self) -> Tensor:
        return ln(self.high - self.low)

    def cdf(self, value: Any) -> Tensor:
        part = (as_tensor(value) - self.low) / (self.high - self.low)
        return where(part.array < 0, 0.0, where(part.array > 1, 1.0, part))

    def icdf(self, value: Any) -> Tensor:
        return as_tensor(value) * (self.high - self.low) + self.low

    @property
    def mean(self) -> Tensor:
        return (self.low + self.high) / 2

    @property
    def variance(self) -> Tensor:
        return (self.high - self.low) ** 2 / 12


class Exponential(Distribution):
    """Waiting times where `rate` events happen in a unit of time."""

    has_rsample = True
    arguments = ("rate",)

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = together(rate)
        if validate_args is not False:
            check("Exponential", self.rate, positive, "a rate above 0")
        super().__init__(self.rate.shape)

    def _drawn(self, shape: Shape, rng: np.random.Generator) -> Tensor:
        return drawn(rng.exponential(size=shape), self.rate) / self.rate

    def log_prob(self, value: Any) -> Tensor:
        return ln(self.rate) - self.rate * as_tensor(value)

    def entropy(self) -> Tensor:
        return 1 - ln(self.rate)

    def cdf(self, value: Any) -> Tensor:
        return -expm1(-self.rate * as_tensor(value))

    def icdf(self, value: Any) -> Tensor:
        return -log1p(-as_tensor(value)) / self.rate

    @property
    def mean(self) -> Tensor:
        return 1 / self.rate

    @property
    def variance(self) -> Tensor:
        return 1 / self.rate**2


class HalfNormal(Distribution):
    """The magnitude of a normal number with mean 0."""

    has_rsample = True
    arguments = ("scale",)

    def __init__(self, scale: Any, validate_args: bool | None = None) -> None:
        (self.scale,) = together(scale)
        if validate_args is not False:
            check("HalfNormal", self.scale, positive, "a scale above 0")
        super().__init__(self.scale.shape)

    def _drawn(self, shape: Shape, rng: np.random.Generator) -> Tensor:
        return self.scale * drawn(np.abs(rng.standard_normal(shape)), self.scale)

    def log_prob(self, value: Any) -> Tensor:
        x = as_tensor(value)
        found = 0.5 * math.log(2 / math.pi) - ln(self.scale) - 0.5 * (x / self.scale) ** 2
        return where(x.array >= 0, found, -math.inf)

    def entropy(self) -> Tensor:
        return 0.5 * math.log(math.pi / 2) + 0.5 + ln(self.scale)

    def cdf(self, value: Any) -> Tensor:
        return erf(as_tensor(value) / (self.scale * math.sqrt(2)))

    def icdf(self, value: Any) -> Tensor:
        return self.scale * math.sqrt(2) * erfinv(as_tensor(value))

    @property
    def mean(self) -> Tensor:
        return self.scale * math.sqrt(2 / math.pi)

    @property
    def variance(self) -> Tensor:
        return self.scale**2 * (1 - 2 / math.pi)


class LogNormal(Distribution):
    """exp of a normal number with mean `loc` and standard deviation `scale`."""

    has_rsample = True
    arguments = ("loc", "scale")

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.base_dist = Normal(loc, scale, validate_args)
        self.loc, self.scale = self.base_dist.loc, self.base_dist.scale
        super().__init__(self.loc.shape)

    def _drawn(self, shape: Shape, rng: np.random.Generator) -> Tensor:
        return exp(self.base_dist._drawn(shape, rng))

    def log_prob(self, value: Any) -> Tensor:
        x = ln(as_tensor(value))
        return self.base_dist.log_prob(x) - x

    def entropy(self) -> Tensor:
        return self.base_dist.entropy() + self.loc

    def cdf(self, value: Any) -> Tensor:
        return self.base_dist.cdf(ln(as_tensor(value)))

    def icdf(self, value: Any) -> Tensor:
        return exp(self.base_dist.icdf(value))

    @property
    def mean(self) -> Tensor:
        return exp(self.loc + self.scale**2 / 2)

    @property
    def variance(self) -> Tensor:
        return expm1(self.scale**2) * exp(2 * self.loc + self.scale**2)


class StudentT(Distribution):
    """Student's distribution with `df` degrees of freedom. Its density and its rsample() by df need SciPy."""

    has_rsample = True
    arguments = ("df", "loc", "scale")

    def __init__(self, df: Any, loc: Any = 0.0, scale: Any = 1.0, validate_args: bool | None = None) -> None:
        self.df, self.loc, self.scale = together(df, loc, scale)
        if validate_args is not False:
            check("StudentT", self.df, positive, "a df above 0")
            check("StudentT", self.scale, positive, "a scale above 0")
        super().__init__(self.df.shape)

    def _drawn(self, shape: Shape, rng: np.random.Generator) -> Tensor:
        if not _follows(self.df):
            return self.loc + self.scale * drawn(rng.standard_t(numbers(self.df), shape), self.loc)
        noise = drawn(rng.standard_normal(shape), self.loc)
        return self.loc + self.scale * noise * sqrt(0.5 * self.df / gamma_drawn(0.5 * self.df, shape, rng))

    def log_prob(self, value: Any) -> Tensor:
        z = (as_tensor(value) - self.loc) / self.scale
        half = self.df / 2
        return (
            lgamma(half + 0.5) - lgamma(half) - ln(self.scale) - 0.5 * ln(self.df * math.pi)
            - (half + 0.5) * log1p(z**2 / self.df)
        )  # fmt: skip

    @property
    def mean(self) -> Tensor:
        return where(self.df.array > 1, self.loc, math.nan)

    @property
    def variance(self) -> Tensor:
        df = self.df
        found = where(df.array > 2, self.scale**2 * df / where(df.array > 2, df - 2, 1.0), math.inf)
        return where(df.array > 1, found, math.nan)


class Gamma(Distribution):
    """The gamma distribution: density x^(concentration - 1) exp(-rate x), normalized.

    Its density, and rsample() where the concentration requires grad, need SciPy.
    """

    has_rsample = True
    arguments: ClassVar[tuple[str, ...]] = ("concentration", "rate")

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None) -> None:
        self.concentration, self.rate = together(concentration, rate)
        if validate_args is not False:
            check(type(self).__name__, self.concentration, positive, "a concentration above 0")
            check(type(self).__name__, self.rate, positive, "a rate above 0")
        super().__init__(self.rate.shape)

    def _drawn(self, shape: Shape, rng: np.random.Generator) -> Tensor:
        return gamma_drawn(self.concentration, shape, rng) / self.rate

    def log_prob(self, value: Any) -> Tensor:
        a, x = self.concentration, as_tensor(value)
        return a * ln(self.rate) + xlogy(a - 1, x) - self.rate * x - lgamma(a)

    def entropy(self) -> Tensor:
        a = self.concentration
        return a - ln(self.rate) + lgamma(a) + (1 - a) * digamma(a)

    def cdf(self, value: Any) -> Tensor:
        return gammainc(self.concentration, self.rate * as_tensor(value))

    @property
    def mean(self) -> Tensor:
        return self.concentration / self.rate

    @property
    def variance(self) -> Tensor:
        return self.concentration / self.rate**2


class Chi2(Gamma):
    """The sum of the squares of `df` normal numbers."""

    arguments = ("df",)

    def __init__(self, df: Any, validate_args: bool | None = None) -> None:
        self.df = as_tensor(df)
        super().__init__(0.5 * self.df, 0.5, validate_args)


class Dirichlet(Distribution):
    """Vectors of shares that add up to 1; `concentration` has them along its last axis.

    Its density and rsample() need SciPy. The gradient of a draw is that of gamma numbers over their sum: its mean is
    PyTorch's, that of a single draw is another.
    """

    has_rsample = True
    arguments = ("concentration",)

    def __init__(self, concentration: Any, validate_args: bool | None = None) -> None:
        (self.concentration,) = together(concentration)
        if not self.concentration.ndim:
            raise ShapeError("Dirichlet() takes a vector of concentrations, got a single number")
        if validate_args is not False:
            check("Dirichlet", self.concentration, positive, "concentrations above 0")
        super().__init__(self.concentration.shape[:-1], self.concentration.shape[-1:])

    def _drawn(self, shape: Shape, rng: np.random.Generator) -> Tensor:
        parts = gamma_drawn(self.concentration, shape, rng)
        return parts / sum(parts, -1, True)

    def log_prob(self, value: Any) -> Tensor:
        a = self.concentration
        return sum(xlogy(a - 1, as_tensor(value)), -1) + lgamma(sum(a, -1)) - sum(lgamma(a), -1)

    def entropy(self) -> Tensor:
        a, k = self.concentration, self.concentration.shape[-1]
        total = sum(a, -1)
        return (
            sum(lgamma(a), -1) - lgamma(total) - (k - total) * digamma(total) - sum((a - 1) * digamma(a), -1)
        )  # fmt: skip

    @property
    def mean(self) -> Tensor:
        return self.concentration / sum(self.concentration, -1, True)

    @property
    def variance(self) -> Tensor:
        total = sum(self.concentration, -1, True)
        return self.concentration * (total - self.concentration) / (total**2 * (total + 1))


class Beta(Distribution):
    """Shares from 0 to 1 with density x^(concentration1 - 1) (1 - x)^(concentration0 - 1), normalized; needs SciPy."""

    has_rsample = True
    arguments = ("concentration1", "concentration0")

    def __init__(self, concentration1: Any, concentration0: Any, validate_args: bool | None = None) -> None:
        self.concentration1, self.concentration0 = together(concentration1, concentration0)
        if validate_args is not False:
            for each in (self.concentration1, self.concentration0):
                check("Beta", each, positive, "concentrations above 0")
        super().__init__(self.concentration1.shape)

    def _drawn(self, shape: Shape, rng: np.random.Generator) -> Tensor:
        a, b = self.concentration1, self.concentration0
        if not _follows(a, b):
            return drawn(rng.beta(numbers(a), numbers(b), shape), a)
        # The quantiles of uniform numbers, kept off 0 and 1, where the density may be infinite.
        limits, below = np.finfo(a.dtype), kernel("betainc")
        least, most = (below(numbers(a), numbers(b), x) for x in (float(limits.tiny), 1 - float(limits.epsneg)))
        quantiles = np.clip(rng.random(shape), least, most)
        return betaincinv(a.astype(np.float64), b.astype(np.float64), quantiles).astype(a.dtype)

    def _log_norm(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        return lgamma(a) + lgamma(b) - lgamma(a + b)

    def log_prob(self, value: Any) -> Tensor:
        x = as_tensor(value)
        return xlogy(self.concentration1 - 1, x) + xlogy(self.concentration0 - 1, 1 - x) - self._log_norm()

    def entropy(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        return self._log_norm() - (a - 1) * digamma(a) - (b - 1) * digamma(b) + (a + b - 2) * digamma(a + b)

    @property
    def mean(self) -> Tensor:
        return self.concentration1 / (self.concentration1 + self.concentration0)

    @property
    def variance(self) -> Tensor:
        total = self.concentration1 + self.concentration0
        return self.concentration1 * self.concentration0 / (total**2 * (total + 1))


class MultivariateNormal(Distribution):
    """The normal distribution of vectors, with one of its covariance, the inverse of that, or its Cholesky factor."""

    has_rsample = True

    def __init__(
        self, loc: Any, covariance_matrix: Any = None, precision_matrix: Any = None, scale_tril: Any = None,
        validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        given = [each for each in (covariance_matrix, precision_matrix, scale_tril) if each is not None]
        if len(given) != 1:
            raise ArgumentError(
                "MultivariateNormal() takes one of covariance_matrix, precision_matrix and scale_tril, got "
                f"{len(given)} of them"
            )
        mean, matrix = as_tensor(loc), as_tensor(given[0])
        if mean.ndim < 1 or matrix.ndim < 2 or {*matrix.shape[-2:]} != {mean.shape[-1]}:
            raise ShapeError(
                f"MultivariateNormal() takes a mean (..., n) and a matrix (..., n, n), got {mean.shape} and "
                f"{matrix.shape}"
            )
        batch = np.broadcast_shapes(mean.shape[:-1], matrix.shape[:-2])
        event = mean.shape[-1:]
        self.loc = broadcast_to(mean, (*batch, *event))
        if scale_tril is not None:
            self.scale_tril = matrix
        else:
            self.scale_tril = cholesky(matrix if covariance_matrix is not None else inv(matrix))
        self.scale_tril = broadcast_to(self.scale_tril, (*batch, *event, *event))
        super().__init__(batch, event)

    def expand(self, batch_shape: Sequence[int]) -> MultivariateNormal:
        shape = (*batch_shape, *self.event_shape)
        return MultivariateNormal(
            broadcast_to(self.loc, shape), scale_tril=broadcast_to(self.scale_tril, (*shape, *self.event_shape))
        )

    def _drawn(self, shape: Shape, rng: np.random.Generator) -> Tensor:
        noise = drawn(rng.standard_normal((*shape, 1)), self.loc)
        return self.loc + (self.scale_tril @ noise)[..., 0]

    def _half_log_det(self) -> Tensor:
        places = np.arange(self.event_shape[0])
        return sum(ln(self.scale_tril[..., places, places]), -1)

    def log_prob(self, value: Any) -> Tensor:
        away = as_tensor(value) - self.loc
        factor = self.scale_tril
        if away.ndim > self.loc.ndim:
            factor = broadcast_to(factor, (*away.shape, away.shape[-1]))
        white = solve_triangular(factor, away[..., None], upper=False)[..., 0]
        return -0.5 * sum(white**2, -1) - self.event_shape[0] * _HALF_LOG_TAU - self._half_log_det()

    def entropy(self) -> Tensor:
        return self.event_shape[0] * (0.5 + _HALF_LOG_TAU) + self._half_log_det()

    @property
    def covariance_matrix(self) -> Tensor:
        """The matrix of covariances."""
        return self.scale_tril @ self.scale_tril.mT

    @property
    def precision_matrix(self) -> Tensor:
        """The inverse of the matrix of covariances."""
        return inv(self.covariance_matrix)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        """The value of the highest density."""
        return self.loc

    @property
    def variance(self) -> Tensor:
        return sum(self.scale_tril**2, -1)

    def __repr__(self) -> str:
        return f"MultivariateNormal(loc: {self.loc.shape}, scale_tril: {self.scale_tril.shape})"
