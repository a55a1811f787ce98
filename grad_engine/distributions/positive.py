"""More distributions of positive numbers, of counts and of directions. Densities are those of textbooks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.tensor import Tensor, wrap
from grad_engine.distributions.continuous import gamma_drawn
from grad_engine.distributions.distribution import (
    Distribution,
    LocationScale,
    OneProbability,
    Shape,
    check,
    drawn,
    numbers,
    positive,
    together,
)
from grad_engine.errors import ArgumentError
from grad_engine.ops.activation import logsigmoid
from grad_engine.ops.elementwise import arctan, cos, exp, expm1, ln, log1p, tan, where
from grad_engine.ops.scipy_special import gammaincc
from grad_engine.ops.special import digamma, i0e, i1e, lgamma

_EULER = 0.5772156649015329


class HalfCauchy(Distribution):
    """The magnitude of a Cauchy number around 0."""

    has_rsample = True
    arguments = ("scale",)

    def __init__(self, scale: Any = 1.0, validate_args: bool | None = None) -> None:
        (self.scale,) = together(scale)
        if validate_args is not False:
            check("HalfCauchy", self.scale, positive, "a scale above 0")
        super().__init__(self.scale.shape)

    def _drawn(self, shape: Shape, rng: np.random.Generator) -> Tensor:
        return self.scale * drawn(np.abs(rng.standard_cauchy(shape)), self.scale)

    def log_prob(self, value: Any) -> Tensor:
        x = as_tensor(value)
        found = math.log(2 / math.pi) - ln(self.scale) - log1p((x / self.scale) ** 2)
        return where(x.array >= 0, found, -math.inf)

    def entropy(self) -> Tensor:
        return math.log(2 * math.pi) + ln(self.scale)

    def cdf(self, value: Any) -> Tensor:
        return 2 / math.pi * arctan(as_tensor(value) / self.scale)

    def icdf(self, value: Any) -> Tensor:
        return self.scale * tan(math.pi / 2 * as_tensor(value))

    @property
    def mean(self) -> Tensor:
        return wrap(np.full(self.scale.shape, math.inf, self.scale.dtype), None)

    variance = mean


class Pareto(Distribution):
    """Numbers above `scale` whose tail falls as x^-alpha."""

    has_rsample = True
    arguments = ("scale", "alpha")

    def __init__(self, scale: Any, alpha: Any, validate_args: bool | None = None) -> None:
        self.scale, self.alpha = together(scale, alpha)
        if validate_args is not False:
            check("Pareto", self.scale, positive, "a scale above 0")
            check("Pareto", self.alpha, positive, "an alpha above 0")
        super().__init__(self.scale.shape)

    def _drawn(self, shape: Shape, rng: np.random.Generator) -> Tensor:
        return self.scale * exp(drawn(rng.exponential(size=shape), self.scale) / self.alpha)

    def log_prob(self, value: Any) -> Tensor:
        x = as_tensor(value)
        found = ln(self.alpha) + self.alpha * ln(self.scale) - (self.alpha + 1) * ln(x)
        return where(x.array >= self.scale.array, found, -math.inf)

    def entropy(self) -> Tensor:
        return ln(self.scale / self.alpha) + 1 + 1 / self.alpha

    def cdf(self, value: Any) -> Tensor:
        return -expm1(self.alpha * ln(self.scale / as_tensor(value)))

    def icdf(self, value: Any) -> Tensor:
        return self.scale * exp(-log1p(-as_tensor(value)) / self.alpha)

    @property
    def mean(self) -> Tensor:
        a = self.alpha
        return where(a.array > 1, a * self.scale / where(a.array > 1, a - 1, 1.0), math.inf)

    @property
    def mode(self) -> Tensor:
        """The value of the highest density."""
        return self.scale

    @property
    def variance(self) -> Tensor:
        a = self.alpha
        rest = where(a.array > 2, (a - 1) ** 2 * (a - 2), 1.0)
        return where(a.array > 2, self.scale**2 * a / rest, math.inf)


class Weibull(Distribution):
    """scale times an exponential number to the power 1 / concentration."""

    has_rsample = True
    arguments = ("scale", "concentration")

    def __init__(self, scale: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.scale, self.concentration = together(scale, concentration)
        if validate_args is not False:
            check("Weibull", self.scale, positive, "a scale above 0")
            check("Weibull", self.concentration, positive, "a concentration above 0")
        super().__init__(self.scale.shape)

    def _drawn(self, shape: Shape, rng: np.random.Generator) -> Tensor:
        return self.scale * drawn(rng.exponential(size=shape), self.scale) ** (1 / self.concentration)

    def log_prob(self, value: Any) -> Tensor:
        k, z = self.concentration, as_tensor(value) / self.scale
        return ln(k / self.scale) + (k - 1) * ln(z) - z**k

    def entropy(self) -> Tensor:
        return _EULER * (1 - 1 / self.concentration) + ln(self.scale / self.concentration) + 1

    def cdf(self, value: Any) -> Tensor:
        return -expm1(-((as_tensor(value) / self.scale) ** self.concentration))

    def icdf(self, value: Any) -> Tensor:
        return self.scale * (-log1p(-as_tensor(value))) ** (1 / self.concentration)

    @property
    def mean(self) -> Tensor:
        return self.scale * exp(lgamma(1 + 1 / self.concentration))

    @property
    def variance(self) -> Tensor:
        k = self.concentration
        return self.scale**2 * (exp(lgamma(1 + 2 / k)) - exp(2 * lgamma(1 + 1 / k)))


class InverseGamma(Distribution):
    """1 over a Gamma number of this concentration and rate. Its density needs SciPy."""

    has_rsample = True
    arguments = ("concentration", "rate")

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None) -> None:
        self.concentration, self.rate = together(concentration, rate)
        if validate_args is not False:
            check("InverseGamma", self.concentration, positive, "a concentration above 0")
            check("InverseGamma", self.rate, positive, "a rate above 0")
        super().__init__(self.rate.shape)

    def _drawn(self, shape: Shape, rng: np.random.Generator) -> Tensor:
        return self.rate / gamma_drawn(self.concentration, shape, rng)

    def log_prob(self, value: Any) -> Tensor:
        a, x = self.concentration, as_tensor(value)
        return a * ln(self.rate) - (a + 1) * ln(x) - self.rate / x - lgamma(a)

    def entropy(self) -> Tensor:
        a = self.concentration
        return a + ln(self.rate) + lgamma(a) - (1 + a) * digamma(a)

    def cdf(self, value: Any) -> Tensor:
        return gammaincc(self.concentration, self.rate / as_tensor(value))

    @property
    def mean(self) -> Tensor:
        a = self.concentration
        return where(a.array > 1, self.rate / where(a.array > 1, a - 1, 1.0), math.inf)

    @property
    def mode(self) -> Tensor:
        """The value of the highest density."""
        return self.rate / (self.concentration + 1)

    @property
    def variance(self) -> Tensor:
        a = self.concentration
        rest = where(a.array > 2, (a - 1) ** 2 * (a - 2), 1.0)
        return where(a.array > 2, self.rate**2 / rest, math.inf)


class Kumaraswamy(Distribution):
    """Shares from 0 to 1, much like Beta's, with a distribution function in closed form."""

    has_rsample = True
    arguments = ("concentration1", "concentration0")

    def __init__(self, concentration1: Any, concentration0: Any, validate_args: bool | None = None) -> None:
        self.concentration1, self.concentration0 = together(concentration1, concentration0)
        if validate_args is not False:
            for each in (self.concentration1, self.concentration0):
                check("Kumaraswamy", each, positive, "concentrations above 0")
        super().__init__(self.concentration1.shape)

    def _drawn(self, shape: Shape, rng: np.random.Generator) -> Tensor:
        below = ln(drawn(np.maximum(rng.random(shape), np.finfo(self.concentration1.dtype).tiny), self.concentration1))
        return (-expm1(below / self.concentration0)) ** (1 / self.concentration1)

    def log_prob(self, value: Any) -> Tensor:
        a, b, x = self.concentration1, self.concentration0, as_tensor(value)
        return ln(a) + ln(b) + (a - 1) * ln(x) + (b - 1) * log1p(-(x**a))

    def cdf(self, value: Any) -> Tensor:
        return -expm1(self.concentration0 * log1p(-(as_tensor(value) ** self.concentration1)))

    def entropy(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        return 1 - 1 / b + (1 - 1 / a) * (digamma(b + 1) + _EULER) - ln(a) - ln(b)

    def _moment(self, n: int) -> Tensor:
        a, b = self.concentration1, self.concentration0
        return b * exp(lgamma(1 + n / a) + lgamma(b) - lgamma(1 + n / a + b))

    @property
    def mean(self) -> Tensor:
        return self._moment(1)

    @property
    def variance(self) -> Tensor:
        return self._moment(2) - self._moment(1) ** 2


class VonMises(LocationScale):
    """Angles from -pi to pi around `loc`, the more so the larger the `concentration`. Its density needs SciPy."""

    has_rsample = False
    arguments = ("loc", "concentration")

    def __init__(self, loc: Any, concentration: Any, validate_args: bool | None = None) -> None:
        super().__init__(loc, concentration, validate_args)
        self.concentration = self.scale

    def _drawn(self, shape: Shape, rng: np.random.Generator) -> Tensor:
        return drawn(rng.vonmises(numbers(self.loc), numbers(self.concentration), shape), self.loc)

    def log_prob(self, value: Any) -> Tensor:
        k = self.concentration
        return k * (cos(as_tensor(value) - self.loc) - 1) - math.log(2 * math.pi) - ln(i0e(k))

    @property
    def variance(self) -> Tensor:
        """1 minus the length of the mean direction."""
        return 1 - i1e(self.concentration) / i0e(self.concentration)


class NegativeBinomial(OneProbability):
    """How many successes, each with probability `probs`, come before `total_count` failures."""

    arguments = ("total_count", "probs")

    def __init__(
        self, total_count: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        super().__init__(probs, logits, validate_args)
        given = self.logits if probs is None else self.probs
        self.total_count, given = together(total_count, given)
        setattr(self, "logits" if probs is None else "probs", given)
        if validate_args is not False and (np.asarray(self.total_count.array) <= 0).any():
            raise ArgumentError("NegativeBinomial takes a total_count above 0")
        self.batch_shape = self.total_count.shape

    def _drawn(self, shape: Shape, rng: np.random.Generator) -> Tensor:
        rate = rng.standard_gamma(numbers(self.total_count), shape) * np.exp(numbers(self.logits))
        return drawn(rng.poisson(rate), self.probs)

    def log_prob(self, value: Any) -> Tensor:
        n, x = self.total_count, as_tensor(value)
        likely = n * logsigmoid(-self.logits) + x * logsigmoid(self.logits)
        return likely + lgamma(n + x) - lgamma(1.0 + x) - lgamma(n)

    @property
    def mean(self) -> Tensor:
        return self.total_count * exp(self.logits)

    @property
    def variance(self) -> Tensor:
        return self.mean / (1 - self.probs)
