"""Functions with an inverse and a known change of volume, through which a distribution becomes another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.tensor import Tensor, wrap
from grad_engine.core.torch_words import missing
from grad_engine.errors import ArgumentError
from grad_engine.ops.activation import logsigmoid, sigmoid, softplus
from grad_engine.ops.elementwise import abs, arctanh, exp, expm1, ln, logit, tanh
from grad_engine.ops.reduction import sum
from grad_engine.ops.shape import broadcast_to

_LOG_2 = math.log(2)


class Transform:
    """A function y = f(x) with an inverse; `event_dim` axes of x belong to one value."""

    bijective: ClassVar[bool] = True
    event_dim: int = 0

    def __call__(self, x: Any) -> Tensor:
        """f(x)."""
        raise ArgumentError(f"{type(self).__name__} has no __call__(); define the function and its inverse")

    def inverse(self, y: Any) -> Tensor:
        """The x whose f(x) is y."""
        raise ArgumentError(f"{type(self).__name__} has no inverse here")

    @property
    def inv(self) -> Transform:
        """The inverse, as a transform."""
        return _Inverse(self)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Tensor:
        """ln |dy/dx|; for event_dim axes that of the determinant."""
        raise ArgumentError(f"{type(self).__name__} has no log_abs_det_jacobian(); define it")

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class _Inverse(Transform):
    def __init__(self, plain: Transform) -> None:
        self.plain, self.event_dim = plain, plain.event_dim

    def __call__(self, x: Any) -> Tensor:
        return self.plain.inverse(x)

    def inverse(self, y: Any) -> Tensor:
        return self.plain(y)

    @property
    def inv(self) -> Transform:
        return self.plain

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Tensor:
        return -self.plain.log_abs_det_jacobian(y, x)


class ExpTransform(Transform):
    """y = exp(x)."""

    def __call__(self, x: Any) -> Tensor:
        return exp(as_tensor(x))

    def inverse(self, y: Any) -> Tensor:
        return ln(as_tensor(y))

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Tensor:
        return as_tensor(x)


class AffineTransform(Transform):
    """y = loc + scale * x."""

    def __init__(self, loc: Any, scale: Any, event_dim: int = 0) -> None:
        self.loc, self.scale, self.event_dim = as_tensor(loc), as_tensor(scale), event_dim

    def __call__(self, x: Any) -> Tensor:
        return self.loc + self.scale * as_tensor(x)

    def inverse(self, y: Any) -> Tensor:
        return (as_tensor(y) - self.loc) / self.scale

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Tensor:
        found = broadcast_to(ln(abs(self.scale)), as_tensor(x).shape)
        return sum(found, tuple(range(-self.event_dim, 0))) if self.event_dim else found


class SigmoidTransform(Transform):
    """y = 1 / (1 + exp(-x))."""

    def __call__(self, x: Any) -> Tensor:
        return sigmoid(as_tensor(x))

    def inverse(self, y: Any) -> Tensor:
        return logit(as_tensor(y))

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Tensor:
        x = as_tensor(x)
        return logsigmoid(x) + logsigmoid(-x)


class TanhTransform(Transform):
    """y = tanh(x)."""

    def __init__(self, cache_size: int = 0) -> None:
        del cache_size  # PyTorch's, which keeps the last x for its y

    def __call__(self, x: Any) -> Tensor:
        return tanh(as_tensor(x))

    def inverse(self, y: Any) -> Tensor:
        return arctanh(as_tensor(y))

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Tensor:
        x = as_tensor(x)
        return 2 * (_LOG_2 - x - softplus(-2 * x))


class SoftplusTransform(Transform):
    """y = ln(1 + exp(x))."""

    def __call__(self, x: Any) -> Tensor:
        return softplus(as_tensor(x))

    def inverse(self, y: Any) -> Tensor:
        y = as_tensor(y)
        return ln(-expm1(-y)) + y

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Tensor:
        return -softplus(-as_tensor(x))


class PowerTransform(Transform):
    """y = x ** exponent, for x above 0."""

    def __init__(self, exponent: Any) -> None:
        self.exponent = as_tensor(exponent)

    def __call__(self, x: Any) -> Tensor:
        return as_tensor(x) ** self.exponent

    def inverse(self, y: Any) -> Tensor:
        return as_tensor(y) ** (1 / self.exponent)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Tensor:
        return ln(abs(self.exponent * as_tensor(y) / as_tensor(x)))


class ComposeTransform(Transform):
    """The transforms one after the other, the first one first."""

    def __init__(self, parts: Sequence[Transform]) -> None:
        self.parts = [*parts]
        self.event_dim = max((part.event_dim for part in self.parts), default=0)

    def __call__(self, x: Any) -> Tensor:
        for part in self.parts:
            x = part(x)
        return as_tensor(x)

    def inverse(self, y: Any) -> Tensor:
        for part in reversed(self.parts):
            y = part.inverse(y)
        return as_tensor(y)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Tensor:
        x = as_tensor(x)
        total = wrap(np.zeros((), x.dtype), None)
        for part in self.parts:
            after = part(x)
            found = part.log_abs_det_jacobian(x, after)
            beyond = self.event_dim - part.event_dim
            total = total + (sum(found, tuple(range(-beyond, 0))) if beyond else found)
            x = after
        return total


identity_transform = ComposeTransform([])

__all__ = [
    "AffineTransform", "ComposeTransform", "ExpTransform", "PowerTransform", "SigmoidTransform", "SoftplusTransform",
    "TanhTransform", "Transform", "identity_transform",
]  # fmt: skip


__path__: list[str] = []  # no files: `from` asks for a submodule then, and the error has the words of __getattr__


def __getattr__(name: str) -> Any:
    """An error that says what to write."""
    raise AttributeError(missing("grad_engine.distributions.transforms", name, __all__))
