"""Distribution: what all of them have, and how their parameters are brought to one shape."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.defaults import generator_of, get_default_dtype
from grad_engine.core.grad_mode import enable_grad, no_grad
from grad_engine.core.tensor import Tensor, array_of, wrap
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.ops.activation import sigmoid
from grad_engine.ops.elementwise import clip, exp, ln, log1p, sqrt
from grad_engine.ops.shape import broadcast_to

Self = TypeVar("Self", bound="Distribution")
Shape = tuple[int, ...]


def together(*values: Any) -> list[Tensor]:
    """The values as tensors of one shape; numbers take the dtype of the tensors beside them."""
    kinds = [each.dtype for each in values if isinstance(each, Tensor | np.ndarray) and each.dtype.kind == "f"]
    kind = np.result_type(*kinds) if kinds else get_default_dtype()
    tensors = [as_tensor(each) for each in values]
    tensors = [each if each.dtype.kind == "f" and kinds else each.astype(kind) for each in tensors]
    shape = np.broadcast_shapes(*(each.shape for each in tensors))
    return [each if each.shape == shape else broadcast_to(each, shape) for each in tensors]


def check(name: str, value: Tensor, fits: Callable[[np.ndarray], Any], wanted: str) -> None:
    """Raise ArgumentError for a parameter with elements that do not fit. A traced value is not looked at."""
    array = value.array
    if type(array) is not np.ndarray:
        return
    wrong = array[~np.asarray(fits(array), bool)]
    if wrong.size:
        raise ArgumentError(f"{name} takes {wanted}, got {wrong.reshape(-1)[0]} among its {array.size} values")


def positive(array: np.ndarray) -> Any:
    """Whether each element is above 0; NaN is not."""
    return array > 0


class Distribution:
    """Base class. `batch_shape` is that of the parameters, `event_shape` that of one draw of one of them.

    log_prob(value) has the batch_shape; sample(shape) has shape + batch_shape + event_shape and no gradient, which
    rsample(shape) has where the distribution can be written as a function of its parameters and of noise.
    """

    has_rsample: ClassVar[bool] = False
    arguments: ClassVar[tuple[str, ...]] = ()  # what __init__ takes and expand() makes larger, all in the batch's shape

    def __init__(self, batch_shape: Sequence[int] = (), event_shape: Sequence[int] = ()) -> None:
        self.batch_shape, self.event_shape = tuple(batch_shape), tuple(event_shape)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draws, as many as sample_shape says for each distribution of the batch; nothing is recorded."""
        with no_grad():
            return self._drawn(self._extended(sample_shape), generator_of())

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draws that are a function of the parameters, with a gradient. Raises ArgumentError where there is none."""
        if not self.has_rsample:
            raise ArgumentError(
                f"draws of {type(self).__name__} have no gradient by their parameters here; write sample() and "
                "differentiate log_prob() of what it gave"
            )
        return self._drawn(self._extended(sample_shape), generator_of())

    def sample_n(self, n: int) -> Tensor:
        """sample((n,))."""
        return self.sample((n,))

    def _drawn(self, shape: Shape, rng: np.random.Generator) -> Tensor:
        raise ArgumentError(f"{type(self).__name__} cannot be drawn from; define _drawn(self, shape, rng)")

    def log_prob(self, value: Any) -> Tensor:
        """The logarithm of the density, or of the probability, of each value."""
        raise ArgumentError(f"{type(self).__name__} has no log_prob(); define log_prob(self, value)")

    def entropy(self) -> Tensor:
        """The entropy of each distribution of the batch, in nats."""
        raise ArgumentError(f"the entropy of {type(self).__name__} has no closed form here; write -log_prob().mean()")

    def perplexity(self) -> Tensor:
        """exp(entropy())."""
        return exp(self.entropy())

    def cdf(self, value: Any) -> Tensor:
        """The probability of a draw of at most `value`."""
        raise ArgumentError(f"{type(self).__name__} has no cdf() here; see grad_engine.scipy.stats")

    def icdf(self, value: Any) -> Tensor:
        """The value below which draws are with this probability."""
        raise ArgumentError(f"{type(self).__name__} has no icdf() here; see grad_engine.scipy.stats")

    @property
    def mean(self) -> Tensor:
        """The mean of each distribution of the batch."""
        raise ArgumentError(f"the mean of {type(self).__name__} has no closed form here; write sample((n,)).mean(0)")

    @property
    def variance(self) -> Tensor:
        """The variance of each distribution of the batch."""
        raise ArgumentError(f"the variance of {type(self).__name__} has no closed form; write sample((n,)).var(0)")

    @property
    def mode(self) -> Tensor:
        """The value of the highest density, or probability."""
        raise ArgumentError(f"the mode of {type(self).__name__} is not known here; look for the largest log_prob()")

    @property
    def stddev(self) -> Tensor:
        """The standard deviation of each distribution of the batch."""
        return sqrt(self.variance)

    def expand(self: Self, batch_shape: Sequence[int]) -> Self:
        """The same distribution, repeated to a larger batch."""
        if not self.arguments:
            raise ArgumentError(f"{type(self).__name__} has no expand(); expand the parameters with broadcast_to()")
        shape, axes = tuple(batch_shape), len(self.batch_shape)
        given = [getattr(self, name) for name in self.arguments]
        make: Any = type(self)
        return make(*(broadcast_to(part, shape + part.shape[axes:]) for part in given))

    def _extended(self, sample_shape: Sequence[int]) -> Shape:
        if isinstance(sample_shape, int):
            raise ShapeError(f"sample() takes a shape such as ({sample_shape},), got {sample_shape}")
        return (*map(int, sample_shape), *self.batch_shape, *self.event_shape)

    def __repr__(self) -> str:
        parts = []
        for name in self.arguments:
            value = getattr(self, name)
            parts.append(f"{name}: {value.item() if not value.shape else value.shape}")
        return f"{type(self).__name__}({', '.join(parts)})"


def drawn(array: Any, like: Tensor) -> Tensor:
    """Random numbers as a tensor in the dtype of a parameter."""
    return wrap(np.asarray(array).astype(like.dtype, copy=False), None)


def numbers(value: Tensor) -> np.ndarray:
    """The array of a parameter, in float64, as NumPy's generators take it."""
    return np.asarray(array_of(value), np.float64)


class LocationScale(Distribution):
    """A distribution of loc + scale · noise."""

    has_rsample = True
    arguments = ("loc", "scale")

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = together(loc, scale)
        if validate_args is not False:
            check(type(self).__name__, self.scale, positive, "a scale above 0")
        super().__init__(self.loc.shape)

    def _noise(self, shape: Shape, rng: np.random.Generator) -> np.ndarray:
        return rng.standard_normal(shape)

    def _drawn(self, shape: Shape, rng: np.random.Generator) -> Tensor:
        return self.loc + self.scale * drawn(self._noise(shape, rng), self.loc)

    def _standard(self, value: Any) -> Tensor:
        return (as_tensor(value) - self.loc) / self.scale

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        """The value of the highest density."""
        return self.loc


def clipped(probs: Tensor) -> Tensor:
    """Probabilities with logarithms: the smallest step of the dtype away from 0 and 1."""
    eps = float(np.finfo(probs.dtype).eps)
    return clip(probs, eps, 1 - eps)


def _is_share(array: np.ndarray) -> Any:
    return (array >= 0) & (array <= 1)


class OneProbability(Distribution):
    """One probability, or its logit ln(p / (1 - p)), for each distribution of the batch; each is made of the other."""

    arguments: ClassVar[tuple[str, ...]] = ("probs",)

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        name = type(self).__name__
        if (probs is None) == (logits is None):
            raise ArgumentError(f"{name}() takes one of probs and logits, got {'none' if probs is None else 'both'}")
        (given,) = together(logits if probs is None else probs)
        if probs is None:
            self.logits = given
        else:
            self.probs = given
            if validate_args is not False:
                check(name, given, _is_share, "probabilities from 0 to 1 (logits= takes any number)")
        super().__init__(given.shape)

    @functools.cached_property
    def probs(self) -> Tensor:
        """The probabilities."""
        with enable_grad():
            return sigmoid(self.logits)

    @functools.cached_property
    def logits(self) -> Tensor:
        """ln(p / (1 - p)) of the probabilities."""
        with enable_grad():
            probs = clipped(self.probs)
            return ln(probs) - log1p(-probs)
