"""First values of parameters, written into their memory: uniform, normal, Xavier, Kaiming.

Each function takes a tensor, fills it in place, recorded by nothing, and returns it. `generator`, or `seed`, is a
number, or a NumPy generator that several calls share.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from grad_engine.core.array_kinds import Data
from grad_engine.core.defaults import generator_of
from grad_engine.core.grad_mode import no_grad
from grad_engine.core.inplace import overwrite
from grad_engine.core.tensor import Tensor, wrap
from grad_engine.core.torch_words import missing
from grad_engine.errors import ArgumentError, ShapeError

Seed = int | np.random.Generator | None
GAINS = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 0.75}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """How much larger weights should be in front of this function, so that the spread of values stays what it was.

    nonlinearity: linear, sigmoid, tanh, relu, selu, or leaky_relu, whose slope below 0 is `param`, by default 0.01.
    """
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity.startswith("conv"):
        return 1.0
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


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Seed = None, *, seed: Seed = None) -> Tensor:
    """`tensor`, now uniform in [a, b)."""
    return _filled(tensor, generator_of(generator if seed is None else seed).uniform(a, b, tensor.shape))


def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Seed = None, *, seed: Seed = None
) -> Tensor:
    """`tensor`, now normal with this mean and standard deviation."""
    return _filled(tensor, generator_of(generator if seed is None else seed).normal(mean, std, tensor.shape))


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Seed = None,
    *,
    seed: Seed = None,
) -> Tensor:
    """`tensor`, now normal, with what falls outside of [a, b] drawn again."""
    rng = generator_of(generator if seed is None else seed)
    if not (mean - 6 * std < b and mean + 6 * std > a and a < b):
        raise ArgumentError(f"trunc_normal_() takes bounds a < b near mean={mean}, got a={a} and b={b}")
    drawn = rng.normal(mean, std, tensor.shape)
    while (outside := (drawn < a) | (drawn > b)).any():
        drawn[outside] = rng.normal(mean, std, int(outside.sum()))
    return _filled(tensor, drawn)


def orthogonal_(tensor: Tensor, gain: float = 1.0, generator: Seed = None, *, seed: Seed = None) -> Tensor:
    """`tensor`, its first axis against all others now a matrix with orthonormal rows or columns, times gain.

    Saxe et al. 2014.
    """
    fans(tensor)
    rows = tensor.shape[0]
    drawn = generator_of(generator if seed is None else seed).standard_normal((rows, tensor.size // max(rows, 1)))
    q, r = np.linalg.qr(drawn if drawn.shape[0] >= drawn.shape[1] else drawn.T)
    q *= np.sign(np.diagonal(r))  # so that every such matrix is equally likely
    return _filled(tensor, gain * (q if drawn.shape[0] >= drawn.shape[1] else q.T).reshape(tensor.shape))


def eye_(tensor: Tensor) -> Tensor:
    """`tensor`, a matrix, now 1 on its diagonal and 0 elsewhere."""
    if tensor.ndim != 2:
        raise ShapeError(f"eye_() fills a matrix, got shape {tensor.shape}; use constant_()")
    return _filled(tensor, np.eye(tensor.shape[0], tensor.shape[1]))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """`tensor`, now with every element `val`."""
    return _filled(tensor, np.full(tensor.shape, float(val)))


def zeros_(tensor: Tensor) -> Tensor:
    """`tensor`, now 0 everywhere."""
    return constant_(tensor, 0)


def ones_(tensor: Tensor) -> Tensor:
    """`tensor`, now 1 everywhere."""
    return constant_(tensor, 1)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Seed = None, *, seed: Seed = None) -> Tensor:
    """`tensor`, now uniform, with variance 2 gain² / (fan-in + fan-out) (Glorot & Bengio 2010)."""
    bound = gain * math.sqrt(6 / _positive(sum(fans(tensor))))
    return uniform_(tensor, -bound, bound, generator, seed=seed)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Seed = None, *, seed: Seed = None) -> Tensor:
    """`tensor`, now normal, with variance 2 gain² / (fan-in + fan-out) (Glorot & Bengio 2010)."""
    return normal_(tensor, 0, gain * math.sqrt(2 / _positive(sum(fans(tensor)))), generator, seed=seed)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Seed = None,
    *,
    seed: Seed = None,
) -> Tensor:
    """`tensor`, now uniform, with variance gain² / fan (He et al. 2015); `a` is the slope of leaky_relu below 0."""
    bound = math.sqrt(3) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator, seed=seed)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Seed = None,
    *,
    seed: Seed = None,
) -> Tensor:
    """`tensor`, now normal, with variance gain² / fan (He et al. 2015); `a` is the slope of leaky_relu below 0."""
    return normal_(tensor, 0, _kaiming_std(tensor, a, mode, nonlinearity), generator, seed=seed)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ArgumentError(f"mode must be 'fan_in' or 'fan_out', got {mode!r}")
    fan = fans(tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(_positive(fan))


def _positive(fan: int) -> int:
    """`fan`, or 1 for a weight without elements, of which nothing is drawn anyway."""
    return max(fan, 1)


def _filled(tensor: Any, values: np.ndarray) -> Tensor:
    if type(tensor) is Data:  # the .data of a parameter
        tensor[...] = values
        return tensor  # type: ignore[return-value]
    if type(tensor) is not Tensor:
        raise ArgumentError(f"an initialiser fills a tensor in place, got {type(tensor).__name__}; use Parameter(...)")
    with no_grad():
        return overwrite(tensor, wrap(values, None))


__path__: list[str] = []  # no files: `from` asks for a submodule then, and the error has the words of __getattr__


def __getattr__(name: str) -> Any:
    """An error that says what to write."""
    raise AttributeError(missing("grad_engine.nn.init", name, globals()))
