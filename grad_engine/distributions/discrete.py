"""Distributions of whole numbers and of choices, from probabilities or from logits."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.grad_mode import enable_grad
from grad_engine.core.tensor import Tensor, wrap
from grad_engine.distributions.distribution import (
    Distribution,
    OneProbability,
    Shape,
    check,
    clipped,
    drawn,
    numbers,
    positive,
    together,
)
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.ops.activation import softmax
from grad_engine.ops.classification import binary_cross_entropy_with_logits
from grad_engine.ops.elementwise import clip, ln, log1p, xlogy
from grad_engine.ops.indexing import gather
from grad_engine.ops.neural import one_hot
from grad_engine.ops.reduction import logsumexp, sum
from grad_engine.ops.shape import broadcast_to
from grad_engine.ops.special import lgamma


class Bernoulli(OneProbability):
    """1 with probability `probs`, else 0."""

    def _drawn(self, shape: Shape, rng: np.random.Generator) -> Tensor:
        return drawn(rng.random(shape) < self.probs.array, self.probs)

    def log_prob(self, value: Any) -> Tensor:
        logits, value = together(self.logits, value)
        return -binary_cross_entropy_with_logits(logits, value, reduction="none")

    def entropy(self) -> Tensor:
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)


class Geometric(OneProbability):
    """The number of failures before the first success, which comes with probability `probs` each time."""

    def _drawn(self, shape: Shape, rng: np.random.Generator) -> Tensor:
        return drawn(rng.geometric(numbers(self.probs), shape) - 1, self.probs)

    def log_prob(self, value: Any) -> Tensor:
        return as_tensor(value) * log1p(-self.probs) + ln(self.probs)

    def entropy(self) -> Tensor:
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none") / self.probs

    @property
    def mean(self) -> Tensor:
        return 1 / self.probs - 1

    @property
    def variance(self) -> Tensor:
        return (1 / self.probs - 1) / self.probs


class Binomial(OneProbability):
    """The number of successes among `total_count`, each with probability `probs`. log_prob needs SciPy."""

    def __init__(
        self, total_count: Any = 1, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        super().__init__(probs, logits, validate_args)
        self.total_count = as_tensor(total_count).astype(float)
        shape = np.broadcast_shapes(self.total_count.shape, self.batch_shape)
        self.batch_shape = tuple(shape)

    def expand(self, batch_shape: Sequence[int]) -> Binomial:
        return Binomial(self.total_count, broadcast_to(self.probs, tuple(batch_shape)))

    def _drawn(self, shape: Shape, rng: np.random.Generator) -> Tensor:
        return drawn(rng.binomial(self.total_count.array.astype(int), numbers(self.probs), shape), self.probs)

    def log_prob(self, value: Any) -> Tensor:
        n, k = self.total_count, as_tensor(value)
        ways = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
        return ways + xlogy(k, self.probs) + xlogy(n - k, 1 - self.probs)

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.probs

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1 - self.probs)


class Poisson(Distribution):
    """The number of events where `rate` are expected. log_prob needs SciPy."""

    arguments = ("rate",)

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = together(rate)
        if validate_args is not False:
            check("Poisson", self.rate, lambda array: array >= 0, "a rate from 0 up")
        super().__init__(self.rate.shape)

    def _drawn(self, shape: Shape, rng: np.random.Generator) -> Tensor:
        return drawn(rng.poisson(numbers(self.rate), shape), self.rate)

    def log_prob(self, value: Any) -> Tensor:
        x = as_tensor(value)
        return xlogy(x, self.rate) - self.rate - lgamma(x + 1)

    @property
    def mean(self) -> Tensor:
        return self.rate

    @property
    def variance(self) -> Tensor:
        return self.rate


class Categorical(Distribution):
    """One of n choices; `probs`, which need not add up to 1, or `logits` have the n along their last axis."""

    arguments = ("probs",)
    width: ClassVar[bool] = False  # whether a draw is a vector of the n choices

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        name = type(self).__name__
        if (probs is None) == (logits is None):
            raise ArgumentError(f"{name}() takes one of probs and logits, got {'none' if probs is None else 'both'}")
        (given,) = together(logits if probs is None else probs)
        if not given.ndim:
            raise ShapeError(f"{name}() takes a vector, or rows of them, of probabilities or logits, got one number")
        if probs is None:
            self.logits = given - logsumexp(given, -1, True)
            if validate_args is not False:
                check(name, given, lambda array: ~np.isnan(array), "logits that are numbers")
        else:
            if validate_args is not False:
                check(name, given, lambda array: array >= 0, "probabilities from 0 up (logits= takes any number)")
                check(name, sum(given, -1), positive, "probabilities whose sum is above 0")
            self.probs = given / sum(given, -1, True)
        self._n = given.shape[-1]
        super().__init__(given.shape[:-1], given.shape[-1:] if self.width else ())

    def expand(self, batch_shape: Sequence[int]) -> Any:
        return type(self)(broadcast_to(self.probs, (*batch_shape, self._n)))

    @functools.cached_property
    def probs(self) -> Tensor:
        """The probabilities, with sum 1."""
        with enable_grad():
            return softmax(self.logits)

    @functools.cached_property
    def logits(self) -> Tensor:
        """The logarithms of the probabilities."""
        with enable_grad():
            return ln(clipped(self.probs))

    @property
    def param_shape(self) -> Shape:
        """The shape of the probabilities."""
        return (*self.batch_shape, self._n)

    def _choices(self, shape: Shape, rng: np.random.Generator) -> np.ndarray:
        steps = np.cumsum(numbers(self.probs), axis=-1)
        found = (rng.random((*shape, 1)) * steps[..., -1:] >= steps).sum(-1)
        return np.minimum(found, self._n - 1)  # where rounding reached the end

    def _drawn(self, shape: Shape, rng: np.random.Generator) -> Tensor:
        return wrap(self._choices(shape, rng), None)

    def log_prob(self, value: Any) -> Tensor:
        places = as_tensor(value).astype(np.int64)
        shape = np.broadcast_shapes(places.shape, self.batch_shape)
        logits = broadcast_to(self.logits, (*shape, self._n))
        return gather(logits, -1, broadcast_to(places, shape)[..., None])[..., 0]

    def entropy(self) -> Tensor:
        lowest = float(np.finfo(self.logits.dtype).min)
        return -sum(clip(self.logits, lowest, None) * self.probs, -1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """Every choice, along a new first axis."""
        shape = (self._n, *(1,) * len(self.batch_shape))
        found = wrap(np.arange(self._n).reshape(shape), None)
        return broadcast_to(found, (self._n, *self.batch_shape)) if expand else found

    @property
    def mean(self) -> Tensor:
        return wrap(np.full(self.batch_shape, math.nan), None)

    @property
    def variance(self) -> Tensor:
        return wrap(np.full(self.batch_shape, math.nan), None)

    @property
    def mode(self) -> Tensor:
        """The likeliest choice."""
        return wrap(np.argmax(self.probs.array, axis=-1), None)


class OneHotCategorical(Categorical):
    """One of n choices, as a vector with 1 at its place and 0 elsewhere."""

    width = True

    def _drawn(self, shape: Shape, rng: np.random.Generator) -> Tensor:
        places = wrap(self._choices(shape[:-1], rng), None)
        return one_hot(places, self._n).astype(self.probs.dtype)

    def log_prob(self, value: Any) -> Tensor:
        return super().log_prob(np.argmax(as_tensor(value).array, axis=-1))

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    @property
    def mode(self) -> Tensor:
        """The likeliest choice, as a vector."""
        return one_hot(super().mode, self._n).astype(self.probs.dtype)


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """The same; rsample() has the gradient of the probabilities (Bengio et al. 2013)."""

    has_rsample = True

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """A draw, with the gradient of the probabilities."""
        return self.sample(sample_shape) + (self.probs - self.probs.detach())


class Multinomial(Distribution):
    """How often each of n choices comes among `total_count`. log_prob needs SciPy."""

    def __init__(
        self, total_count: int = 1, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self.total_count, self._each = int(total_count), Categorical(probs, logits, validate_args)
        self.probs, self.logits = self._each.probs, self._each.logits
        super().__init__(self._each.batch_shape, self.probs.shape[-1:])

    def _drawn(self, shape: Shape, rng: np.random.Generator) -> Tensor:
        return drawn(rng.multinomial(self.total_count, numbers(self.probs), shape[:-1]), self.probs)

    def log_prob(self, value: Any) -> Tensor:
        x = as_tensor(value)
        ways = lgamma(sum(x, -1) + 1) - sum(lgamma(x + 1), -1)
        return ways + sum(x * self.logits, -1)

    @property
    def mean(self) -> Tensor:
        return self.probs * self.total_count

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1 - self.probs)
