"""First values of parameters, written into their memory: uniform, normal, Xavier, Kaiming.

Each function takes a tensor, fills it in place, recorded by nothing, and returns it. `seed` is a number, or a NumPy
generator that several calls share.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from grad_engine.core.defaults import generator_of
from grad_engine.core.grad_mode import no_grad
from grad_engine.core.inplace import overwrite
from grad_engine.core.tensor import Tensor, wrap
from grad_engine.errors import ArgumentError, ShapeError

Seed = int | np.random.Generator | None
GAINS = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 0.75}


def calculate_gain(nonlinearity: str, slope: float = 0.01) -> float:
    """How much larger weights should be in front of this function, so that the spread of values stays what it was.

    nonlinearity: linear, sigmoid, tanh, relu, selu, or leaky_relu, whose slope below 0 is `slope`.
    """
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + slope**2))
    if nonlinearity not in GAINS:
        raise ArgumentError(f"no gain is known for {nonlinearity!r}; choose one of {', '.join(GAINS)}, leaky_relu")
    return GAINS[nonlinearity]


def fans(tensor: Tensor) -> tuple[int, int]:
    """(how many inputs one result reads, how many results one input reaches) for a weight (results, inputs, ...)."""
    if tensor.ndim < 2:
        raise ShapeError(
            f"fan-in and fan-out are those of a weight (results, inputs, ...), got shape {tensor.shape}; use uniform_()"
        )
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


def uniform_(
    tensor: Tensor, low: float = 0.0, high: float = 1.0, seed: Seed = None, *, a: float | None = None,
    b: float | None = None,
) -> Tensor:  # fmt: skip
    """`tensor`, now uniform in [low, high), which PyTorch calls a and b."""
    low, high = low if a is None else a, high if b is None else b
    return _filled(tensor, generator_of(seed).uniform(low, high, tensor.shape))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, seed: Seed = None) -> Tensor:
    """`tensor`, now normal with this mean and standard deviation."""
    return _filled(tensor, generator_of(seed).normal(mean, std, tensor.shape))


def constant_(tensor: Tensor, value: float) -> Tensor:
    """`tensor`, now with every element `value`."""
    return _filled(tensor, np.full(tensor.shape, float(value)))


def zeros_(tensor: Tensor) -> Tensor:
    """`tensor`, now 0 everywhere."""
    return constant_(tensor, 0)


def ones_(tensor: Tensor) -> Tensor:
    """`tensor`, now 1 everywhere."""
    return constant_(tensor, 1)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, seed: Seed = None) -> Tensor:
    """`tensor`, now uniform, with variance 2 gain² / (fan-in + fan-out) (Glorot & Bengio 2010)."""
    bound = gain * math.sqrt(6 / _positive(sum(fans(tensor))))
    return uniform_(tensor, -bound, bound, seed)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, seed: Seed = None) -> Tensor:
    """`tensor`, now normal, with variance 2 gain² / (fan-in + fan-out) (Glorot & Bengio 2010)."""
    return normal_(tensor, 0, gain * math.sqrt(2 / _positive(sum(fans(tensor)))), seed)


def kaiming_uniform_(
    tensor: Tensor, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", seed: Seed = None
) -> Tensor:
    """`tensor`, now uniform, with variance gain² / fan (He et al. 2015); `a` is the slope of leaky_relu below 0."""
    bound = math.sqrt(3) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, seed)


def kaiming_normal_(
    tensor: Tensor, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", seed: Seed = None
) -> Tensor:
    """`tensor`, now normal, with variance gain² / fan (He et al. 2015); `a` is the slope of leaky_relu below 0."""
    return normal_(tensor, 0, _kaiming_std(tensor, a, mode, nonlinearity), seed)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ArgumentError(f"mode must be 'fan_in' or 'fan_out', got {mode!r}")
    fan = fans(tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(_positive(fan))


def _positive(fan: int) -> int:
    """`fan`, or 1 for a weight without elements, of which nothing is drawn anyway."""
    return max(fan, 1)


def _filled(tensor: Any, values: np.ndarray) -> Tensor:
    if type(tensor) is not Tensor:
        raise ArgumentError(f"an initialiser fills a tensor in place, got {type(tensor).__name__}; use Parameter(...)")
    with no_grad():
        return overwrite(tensor, wrap(values, None))
