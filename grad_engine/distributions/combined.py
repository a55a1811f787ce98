"""Distributions made of others: independent parts as one event, mixtures, transformed and relaxed ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.tensor import Tensor
from grad_engine.distributions.discrete import Bernoulli, Categorical
from grad_engine.distributions.distribution import Distribution, Shape, drawn, together
from grad_engine.distributions.transforms import ComposeTransform, Transform
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.ops.activation import log_softmax, sigmoid, softplus
from grad_engine.ops.elementwise import exp, ln, log1p
from grad_engine.ops.indexing import gather
from grad_engine.ops.reduction import logsumexp, sum
from grad_engine.ops.shape import broadcast_to
from grad_engine.ops.special import lgamma


def over_last(value: Tensor, count: int) -> Tensor:
    """The sum over the last `count` axes."""
    return sum(value, tuple(range(-count, 0))) if count else value


class Independent(Distribution):
    """The last axes of a batch as one event: log_prob adds up over them."""

    def __init__(
        self, base_distribution: Distribution, reinterpreted_batch_ndims: int, validate_args: bool | None = None
    ) -> None:
        base, count = base_distribution, reinterpreted_batch_ndims
        if count > len(base.batch_shape):
            raise ShapeError(
                f"Independent() makes an event of {count} axes of the batch, which has {len(base.batch_shape)}"
            )
        self.base_dist, self.reinterpreted_batch_ndims = base, count
        shape = base.batch_shape + base.event_shape
        place = len(base.batch_shape) - count
        super().__init__(shape[:place], shape[place:])

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        """Whether its draws have a gradient."""
        return self.base_dist.has_rsample

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self.base_dist.sample(sample_shape)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self.base_dist.rsample(sample_shape)

    def log_prob(self, value: Any) -> Tensor:
        return over_last(self.base_dist.log_prob(value), self.reinterpreted_batch_ndims)

    def entropy(self) -> Tensor:
        return over_last(self.base_dist.entropy(), self.reinterpreted_batch_ndims)

    def expand(self, batch_shape: Sequence[int]) -> Independent:
        inner = self.event_shape[: self.reinterpreted_batch_ndims]
        return Independent(self.base_dist.expand((*batch_shape, *inner)), self.reinterpreted_batch_ndims)

    @property
    def mean(self) -> Tensor:
        return self.base_dist.mean

    @property
    def mode(self) -> Any:
        """The value of the highest density."""
        return self.base_dist.mode

    @property
    def variance(self) -> Tensor:
        return self.base_dist.variance

    def __repr__(self) -> str:
        return f"Independent({self.base_dist!r}, {self.reinterpreted_batch_ndims})"


class MixtureSameFamily(Distribution):
    """One of the components, which stand along the last axis of their batch, chosen by a Categorical."""

    def __init__(
        self, mixture_distribution: Categorical, component_distribution: Distribution,
        validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        mixture, parts = mixture_distribution, component_distribution
        if not isinstance(mixture, Categorical):
            raise ArgumentError(f"a mixture is chosen by a Categorical, got {type(mixture).__name__}")
        if not parts.batch_shape or parts.batch_shape[-1] != mixture.param_shape[-1]:
            raise ShapeError(
                f"a mixture of {mixture.param_shape[-1]} has so many components along the last axis of their batch, "
                f"got {parts.batch_shape}"
            )
        self.mixture_distribution, self.component_distribution = mixture, parts
        super().__init__(parts.batch_shape[:-1], parts.event_shape)

    def _beside(self, probs: Tensor) -> Tensor:
        """What belongs to each component, with an axis for each of the event's."""
        return probs.reshape((*probs.shape, *(1,) * len(self.event_shape)))

    def _drawn(self, shape: Shape, rng: np.random.Generator) -> Tensor:
        events = len(self.event_shape)
        outer = shape[: len(shape) - events]
        extra = outer[: len(outer) - len(self.batch_shape)]
        all_parts = self.component_distribution.sample(extra)  # (*outer, components, *event)
        chosen = self.mixture_distribution.sample(outer[: len(outer) - len(self.mixture_distribution.batch_shape)])
        places = chosen.reshape((*chosen.shape, *(1,) * (events + 1)))
        places = broadcast_to(places, (*outer, 1, *self.event_shape))
        axis = len(outer)
        return gather(all_parts, axis, places).reshape(shape)

    def log_prob(self, value: Any) -> Tensor:
        x = as_tensor(value)
        place = x.ndim - len(self.event_shape)
        x = x.reshape((*x.shape[:place], 1, *x.shape[place:]))
        return logsumexp(self.component_distribution.log_prob(x) + log_softmax(self.mixture_distribution.logits), -1)

    def cdf(self, value: Any) -> Tensor:
        x = as_tensor(value)[..., None]
        return sum(self.component_distribution.cdf(x) * self.mixture_distribution.probs, -1)

    @property
    def mean(self) -> Tensor:
        weights = self._beside(self.mixture_distribution.probs)
        return sum(weights * self.component_distribution.mean, -1 - len(self.event_shape))

    @property
    def variance(self) -> Tensor:
        weights, axis = self._beside(self.mixture_distribution.probs), -1 - len(self.event_shape)
        means = self.component_distribution.mean
        center = sum(weights * means, axis, True)
        return sum(weights * (self.component_distribution.variance + (means - center) ** 2), axis)

    def __repr__(self) -> str:
        return f"MixtureSameFamily({self.mixture_distribution!r}, {self.component_distribution!r})"


class TransformedDistribution(Distribution):
    """What a distribution becomes through transforms, the first one first."""

    def __init__(
        self, base_distribution: Distribution, transforms: Transform | Sequence[Transform],
        validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        self.base_dist = base_distribution
        self.transforms = [transforms] if isinstance(transforms, Transform) else [*transforms]
        self._whole = ComposeTransform(self.transforms)
        shape = base_distribution.batch_shape + base_distribution.event_shape
        events = max(len(base_distribution.event_shape), self._whole.event_dim)
        super().__init__(shape[: len(shape) - events], shape[len(shape) - events :])

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        """Whether its draws have a gradient."""
        return self.base_dist.has_rsample

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self._whole(self.base_dist.sample(sample_shape)).detach()

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self._whole(self.base_dist.rsample(sample_shape))

    def log_prob(self, value: Any) -> Tensor:
        y, events = as_tensor(value), len(self.event_shape)
        change: Any = 0.0
        for each in reversed(self.transforms):
            x = each.inverse(y)
            change = change - over_last(each.log_abs_det_jacobian(x, y), events - each.event_dim)
            y = x
        beyond = events - len(self.base_dist.event_shape)
        return over_last(self.base_dist.log_prob(y), beyond) + change

    def expand(self, batch_shape: Sequence[int]) -> TransformedDistribution:
        return TransformedDistribution(self.base_dist.expand(batch_shape), self.transforms)

    def cdf(self, value: Any) -> Tensor:
        """The probability of a draw of at most `value`, through transforms that grow."""
        return self.base_dist.cdf(self._whole.inverse(value))


class RelaxedBernoulli(Distribution):
    """A number between 0 and 1 in place of a draw of Bernoulli's, with a gradient (Maddison et al. 2017)."""

    has_rsample = True

    def __init__(
        self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self.temperature, self._hard = as_tensor(temperature), Bernoulli(probs, logits, validate_args)
        self.probs, self.logits = self._hard.probs, self._hard.logits
        super().__init__(self._hard.batch_shape)

    def _drawn(self, shape: Shape, rng: np.random.Generator) -> Tensor:
        return sigmoid((self.logits + drawn(rng.logistic(size=shape), self.logits)) / self.temperature)

    def log_prob(self, value: Any) -> Tensor:
        x = as_tensor(value)
        y = ln(x) - log1p(-x)
        z = self.logits - y * self.temperature
        return ln(self.temperature) + z - 2 * softplus(z) - y + 2 * softplus(y)


class RelaxedOneHotCategorical(Distribution):
    """Shares in place of one choice of a Categorical, with a gradient (Jang et al. 2017). log_prob needs SciPy."""

    has_rsample = True

    def __init__(
        self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self.temperature, self._hard = as_tensor(temperature), Categorical(probs, logits, validate_args)
        self.probs, self.logits = self._hard.probs, self._hard.logits
        super().__init__(self._hard.batch_shape, self.probs.shape[-1:])

    def _drawn(self, shape: Shape, rng: np.random.Generator) -> Tensor:
        scores = (self.logits + drawn(rng.gumbel(size=shape), self.logits)) / self.temperature
        return exp(scores - logsumexp(scores, -1, True))

    def log_prob(self, value: Any) -> Tensor:
        logits, x = together(self.logits, value)
        count = logits.shape[-1]
        scores = logits - ln(x) * self.temperature
        scores = scores - logsumexp(scores, -1, True)
        scale = lgamma(as_tensor(float(count))) + (count - 1) * ln(self.temperature)
        return sum(scores - ln(x), -1) + scale
