"""kl_divergence(p, q): the mean of ln(p / q) under p, in closed form for pairs of distributions of one kind."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from grad_engine.core.tensor import Tensor, wrap
from grad_engine.distributions.combined import Independent, TransformedDistribution, over_last
from grad_engine.distributions.continuous import (
    Beta,
    Cauchy,
    Dirichlet,
    Exponential,
    Gamma,
    Gumbel,
    HalfNormal,
    Laplace,
    LogNormal,
    MultivariateNormal,
    Normal,
    Uniform,
)  # fmt: skip
from grad_engine.distributions.discrete import Bernoulli, Binomial, Categorical, Geometric, Poisson
from grad_engine.distributions.distribution import Distribution
from grad_engine.distributions.positive import HalfCauchy, InverseGamma, Pareto
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.ops.activation import softplus
from grad_engine.ops.elementwise import abs, exp, ln, log1p, where, xlogy
from grad_engine.ops.linalg import solve_triangular
from grad_engine.ops.reduction import sum
from grad_engine.ops.shape import broadcast_to
from grad_engine.ops.special import digamma, erf, lgamma

_RULES: dict[tuple[type, type], Callable[[Any, Any], Tensor]] = {}


def register_kl(type_p: type, type_q: type) -> Callable[..., Any]:
    """A decorator: what it stands over is the divergence of a `type_p` from a `type_q`, as a function of both."""

    def register(function: Callable[[Any, Any], Tensor]) -> Callable[[Any, Any], Tensor]:
        _RULES[type_p, type_q] = function
        return function

    return register


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    """The Kullback-Leibler divergence of p from q, for each distribution of the batch. Raises ArgumentError."""
    for mine in type(p).__mro__:
        for theirs in type(q).__mro__:
            if (mine, theirs) in _RULES:
                return _RULES[mine, theirs](p, q)
    raise ArgumentError(
        f"no closed form is known here of kl_divergence({type(p).__name__}, {type(q).__name__}); write "
        "(p.log_prob(x) - q.log_prob(x)).mean(0) with x = p.sample((n,)), or register_kl()"
    )


@register_kl(Normal, Normal)
def _normal(p: Normal, q: Normal) -> Tensor:
    ratio = (p.scale / q.scale) ** 2
    away = ((p.loc - q.loc) / q.scale) ** 2
    return 0.5 * (ratio + away - 1 - ln(ratio))


@register_kl(LogNormal, LogNormal)
def _lognormal(p: LogNormal, q: LogNormal) -> Tensor:
    return _normal(p.base_dist, q.base_dist)


@register_kl(HalfNormal, HalfNormal)
def _half_normal(p: HalfNormal, q: HalfNormal) -> Tensor:
    ratio = (p.scale / q.scale) ** 2
    return 0.5 * (ratio - 1 - ln(ratio))


@register_kl(Laplace, Laplace)
def _laplace(p: Laplace, q: Laplace) -> Tensor:
    ratio, away = p.scale / q.scale, abs(p.loc - q.loc)
    return -ln(ratio) + away / q.scale + ratio * exp(-away / p.scale) - 1


@register_kl(Uniform, Uniform)
def _uniform(p: Uniform, q: Uniform) -> Tensor:
    outside = (q.low.array > p.low.array) | (q.high.array < p.high.array)
    return where(outside, math.inf, ln((q.high - q.low) / (p.high - p.low)))


@register_kl(Exponential, Exponential)
def _exponential(p: Exponential, q: Exponential) -> Tensor:
    ratio = q.rate / p.rate
    return -ln(ratio) + ratio - 1


@register_kl(Gamma, Gamma)
def _gamma(p: Gamma, q: Gamma) -> Tensor:
    a, b = p.concentration, q.concentration
    return (
        b * ln(p.rate / q.rate) + lgamma(b) - lgamma(a) + (a - b) * digamma(a) + (q.rate - p.rate) * (a / p.rate)
    )  # fmt: skip


@register_kl(Beta, Beta)
def _beta(p: Beta, q: Beta) -> Tensor:
    a, b = p.concentration1, p.concentration0
    total = a + b
    return (
        q._log_norm() - p._log_norm() + (a - q.concentration1) * digamma(a) + (b - q.concentration0) * digamma(b)
        + (q.concentration1 + q.concentration0 - total) * digamma(total)
    )  # fmt: skip


@register_kl(Dirichlet, Dirichlet)
def _dirichlet(p: Dirichlet, q: Dirichlet) -> Tensor:
    a, b = p.concentration, q.concentration
    total = sum(a, -1, True)
    norms = lgamma(sum(a, -1)) - lgamma(sum(b, -1)) - sum(lgamma(a) - lgamma(b), -1)
    return norms + sum((a - b) * (digamma(a) - digamma(total)), -1)


@register_kl(MultivariateNormal, MultivariateNormal)
def _multivariate(p: MultivariateNormal, q: MultivariateNormal) -> Tensor:
    if p.event_shape != q.event_shape:
        raise ShapeError(f"kl_divergence() of vectors of {p.event_shape[0]} and {q.event_shape[0]} numbers")
    n, shape = p.event_shape[0], np.broadcast_shapes(p.batch_shape, q.batch_shape)
    theirs = broadcast_to(q.scale_tril, (*shape, n, n))
    mine = broadcast_to(p.scale_tril, (*shape, n, n))
    away = broadcast_to(q.loc - p.loc, (*shape, n))[..., None]
    spread = solve_triangular(theirs, mine, upper=False)
    moved = solve_triangular(theirs, away, upper=False)[..., 0]
    return (
        q._half_log_det() - p._half_log_det() + 0.5 * (sum(spread**2, (-2, -1)) + sum(moved**2, -1) - n)
    )  # fmt: skip


# --- of two kinds -----------------------------------------------------------------------------------------------------

_kind: type
_other: type
_EULER = 0.5772156649015329
_HALF_LOG_TAU = 0.5 * math.log(2 * math.pi)


def _squared_away(p: Any, q: Normal) -> Tensor:
    """The mean, under p, of -ln of the normal density q."""
    return ln(q.scale) + _HALF_LOG_TAU + (p.variance + (p.mean - q.loc) ** 2) / (2 * q.scale**2)


def _to_normal(p: Any, q: Normal) -> Tensor:
    return _squared_away(p, q) - p.entropy()


for _kind in (Beta, Exponential, Gamma, Gumbel, Laplace, Pareto, Uniform):
    register_kl(_kind, Normal)(_to_normal)


def _to_exponential(p: Any, q: Exponential) -> Tensor:
    return q.rate * p.mean - ln(q.rate) - p.entropy()


for _kind in (Beta, Gamma, Pareto):
    register_kl(_kind, Exponential)(_to_exponential)


@register_kl(Exponential, Gamma)
def _exponential_gamma(p: Exponential, q: Gamma) -> Tensor:
    a, ratio = q.concentration, q.rate / p.rate
    return -a * ln(ratio) + ratio + lgamma(a) + a * _EULER - (1 + _EULER)


@register_kl(Beta, Uniform)
def _beta_uniform(p: Beta, q: Uniform) -> Tensor:
    outside = (q.low.array > 0) | (q.high.array < 1)
    return where(outside, math.inf, ln(q.high - q.low) - p.entropy())


@register_kl(Uniform, Exponential)
def _uniform_exponential(p: Uniform, q: Exponential) -> Tensor:
    return where(p.low.array < 0, math.inf, _to_exponential(p, q))


@register_kl(Uniform, Gumbel)
def _uniform_gumbel(p: Uniform, q: Gumbel) -> Tensor:
    low, high = (p.low - q.loc) / q.scale, (p.high - q.loc) / q.scale
    return ln(q.scale / (p.high - p.low)) + 0.5 * (high + low) - (exp(-high) - exp(-low)) / (high - low)


@register_kl(Uniform, Pareto)
def _uniform_pareto(p: Uniform, q: Pareto) -> Tensor:
    found = _mean_of_ln(p) * (q.alpha + 1) - ln(q.alpha * q.scale**q.alpha * (p.high - p.low))
    return where(p.low.array < q.scale.array, math.inf, found)


def _mean_of_ln(p: Any) -> Tensor:
    if isinstance(p, Uniform):
        return (xlogy(p.high, p.high) - xlogy(p.low, p.low)) / (p.high - p.low) - 1
    if isinstance(p, Beta):
        return digamma(p.concentration1) - digamma(p.concentration1 + p.concentration0)
    return ln(p.scale) + 1 / p.alpha  # of Pareto


def _to_gamma(p: Any, q: Gamma) -> Tensor:
    a = q.concentration
    likely = a * ln(q.rate) + (a - 1) * _mean_of_ln(p) - q.rate * p.mean - lgamma(a)
    return -likely - p.entropy()


register_kl(Beta, Gamma)(_to_gamma)
register_kl(Pareto, Gamma)(_to_gamma)


@register_kl(Uniform, Gamma)
def _uniform_gamma(p: Uniform, q: Gamma) -> Tensor:
    inside = p.low.array >= 0
    within = Uniform(where(inside, p.low, 0.0), where(inside, p.high, 1.0), validate_args=False)
    return where(inside, _to_gamma(within, q), math.inf)


@register_kl(Uniform, Beta)
def _uniform_beta(p: Uniform, q: Beta) -> Tensor:
    inside = (p.low.array >= 0) & (p.high.array <= 1)
    low, high = where(inside, p.low, 0.0), where(inside, p.high, 1.0)
    near = _mean_of_ln(Uniform(low, high, validate_args=False))
    far = _mean_of_ln(Uniform(1 - high, 1 - low, validate_args=False))
    likely = (q.concentration1 - 1) * near + (q.concentration0 - 1) * far - q._log_norm()
    return where(inside, -likely - ln(high - low), math.inf)


def _outside(p: Any, q: Any) -> Tensor:
    """p has draws that q never gives."""
    shape = np.broadcast_shapes(p.batch_shape, q.batch_shape)
    return wrap(np.full(shape, math.inf, p.mean.dtype), None)


for _kind in (Normal, Laplace, Gumbel):
    for _other in (Uniform, Beta, Pareto, Exponential, Gamma):
        register_kl(_kind, _other)(_outside)
for _kind in (Exponential, Gamma, Pareto):
    for _other in (Uniform, Beta):
        register_kl(_kind, _other)(_outside)
for _kind in (Exponential, Gamma, Beta):
    register_kl(_kind, Pareto)(_outside)


@register_kl(Normal, Gumbel)
def _normal_gumbel(p: Normal, q: Gumbel) -> Tensor:
    away, ratio = (p.loc - q.loc) / q.scale, (p.scale / q.scale) ** 2
    return away + exp(-away + 0.5 * ratio) + ln(q.scale) - p.entropy()


@register_kl(Normal, Laplace)
def _normal_laplace(p: Normal, q: Laplace) -> Tensor:
    away = (p.loc - q.loc) / p.scale
    near = math.sqrt(2 / math.pi) * p.scale * exp(-0.5 * away**2) + (p.loc - q.loc) * erf(away / math.sqrt(2))
    return ln(2 * q.scale) + near / q.scale - p.entropy()


@register_kl(Gumbel, Gumbel)
def _gumbel(p: Gumbel, q: Gumbel) -> Tensor:
    ratio, away = p.scale / q.scale, (q.loc - p.loc) / q.scale
    return -ln(ratio) - away + ratio * _EULER + exp(away + lgamma(1 + ratio)) - (1 + _EULER)


@register_kl(Exponential, Gumbel)
def _exponential_gumbel(p: Exponential, q: Gumbel) -> Tensor:
    spread, away = p.rate * q.scale, q.loc / q.scale
    return ln(spread) - 1 - away + 1 / spread + exp(away) * spread / (spread + 1)


@register_kl(Gamma, Gumbel)
def _gamma_gumbel(p: Gamma, q: Gumbel) -> Tensor:
    spread, away = p.rate * q.scale, q.loc / q.scale
    return p.mean / q.scale - away + ln(q.scale) + exp(away - p.concentration * log1p(1 / spread)) - p.entropy()


@register_kl(Cauchy, Cauchy)
def _cauchy(p: Cauchy, q: Cauchy) -> Tensor:
    """Chyzak and Nielsen (2019)."""
    return ln((p.scale + q.scale) ** 2 + (p.loc - q.loc) ** 2) - ln(4 * p.scale * q.scale)


@register_kl(HalfCauchy, HalfCauchy)
def _half_cauchy(p: HalfCauchy, q: HalfCauchy) -> Tensor:
    ratio = p.scale / q.scale
    return 2 * ln((1 + ratio) / 2) - ln(ratio)


@register_kl(InverseGamma, InverseGamma)
def _inverse_gamma(p: InverseGamma, q: InverseGamma) -> Tensor:
    return _gamma(Gamma(p.concentration, p.rate, False), Gamma(q.concentration, q.rate, False))


@register_kl(Pareto, Pareto)
def _pareto(p: Pareto, q: Pareto) -> Tensor:
    ratio, powers = p.scale / q.scale, q.alpha / p.alpha
    return where(p.scale.array < q.scale.array, math.inf, q.alpha * ln(ratio) - ln(powers) + powers - 1)


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p: TransformedDistribution, q: TransformedDistribution) -> Tensor:
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise ArgumentError("kl_divergence() of two TransformedDistribution takes the same transforms in both")
    beyond = len(p.event_shape) - len(p.base_dist.event_shape)
    return over_last(kl_divergence(p.base_dist, q.base_dist), beyond)


# --- of whole numbers and choices -------------------------------------------------------------------------------------


@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p: Bernoulli, q: Bernoulli) -> Tensor:
    return p.probs * (softplus(-q.logits) - softplus(-p.logits)) + (1 - p.probs) * (
        softplus(q.logits) - softplus(p.logits)
    )


@register_kl(Binomial, Binomial)
def _binomial(p: Binomial, q: Binomial) -> Tensor:
    if (p.total_count.array != q.total_count.array).any():
        raise ArgumentError("kl_divergence() of two Binomial takes the same total_count in both")
    return p.total_count * (p.probs * (p.logits - q.logits) + log1p(-p.probs) - log1p(-q.probs))


@register_kl(Geometric, Geometric)
def _geometric(p: Geometric, q: Geometric) -> Tensor:
    return -p.entropy() - log1p(-q.probs) / p.probs - q.logits


@register_kl(Bernoulli, Poisson)
def _bernoulli_poisson(p: Bernoulli, q: Poisson) -> Tensor:
    return -p.entropy() - (p.probs * ln(q.rate) - q.rate)


for _other in (Bernoulli, Binomial):
    register_kl(Poisson, _other)(_outside)


@register_kl(Poisson, Poisson)
def _poisson(p: Poisson, q: Poisson) -> Tensor:
    return p.rate * (ln(p.rate) - ln(q.rate)) - (p.rate - q.rate)


@register_kl(Categorical, Categorical)
def _categorical(p: Categorical, q: Categorical) -> Tensor:
    terms = p.probs * (p.logits - q.logits)
    terms = where(q.probs.array == 0, math.inf, terms)
    return sum(where(broadcast_to(p.probs, terms.shape).array == 0, 0.0, terms), -1)


@register_kl(Independent, Independent)
def _independent(p: Independent, q: Independent) -> Tensor:
    count = p.reinterpreted_batch_ndims
    if count != q.reinterpreted_batch_ndims:
        raise ShapeError("kl_divergence() of two Independent takes events of as many axes in both")
    return over_last(kl_divergence(p.base_dist, q.base_dist), count)
