"""kl_divergence(p, q): the mean of ln(p / q) under p, in closed form for pairs of distributions of one kind."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from grad_engine.core.tensor import Tensor
from grad_engine.distributions.combined import Independent, over_last
from grad_engine.distributions.continuous import (
    Beta,
    Dirichlet,
    Exponential,
    Gamma,
    HalfNormal,
    Laplace,
    LogNormal,
    MultivariateNormal,
    Normal,
    Uniform,
)  # fmt: skip
from grad_engine.distributions.discrete import Bernoulli, Binomial, Categorical, Geometric, Poisson
from grad_engine.distributions.distribution import Distribution
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.ops.activation import softplus
from grad_engine.ops.elementwise import abs, exp, ln, log1p, where
from grad_engine.ops.linalg import solve_triangular
from grad_engine.ops.reduction import sum
from grad_engine.ops.shape import broadcast_to
from grad_engine.ops.special import digamma, lgamma

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
