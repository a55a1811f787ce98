"""The gradient that starts a backward pass."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from grad_engine.core.broadcasting import cast
from grad_engine.core.tensor import Tensor, wrap
from grad_engine.errors import ArgumentError, GraphError, ShapeError


def seed_of(root: Tensor, gradient: Any) -> np.ndarray:
    """`gradient` as an array of the root's shape and dtype; 1 where there is none and the root has one element."""
    array = root.array
    given = gradient.array if type(gradient) is Tensor else gradient
    if type(given) is np.ndarray and given.dtype is array.dtype and given.shape == array.shape:
        return given
    if given is None:
        if array.size != 1:
            raise GraphError(
                f"backward without a gradient needs a result of one element, got shape {array.shape}; "
                "call .sum() first, or pass a gradient of that shape such as ones_like(z)"
            )
        one = _one(array.dtype)
        return one.reshape(array.shape) if array.ndim else one
    if not isinstance(given, np.ndarray | np.generic | int | float) or isinstance(given, bool):
        raise ArgumentError(f"the gradient must be a tensor or an array, got {type(given).__name__}")
    seed = np.asarray(given)
    if seed.dtype.kind != "f" and not isinstance(given, int):
        raise ArgumentError(f"the gradient must hold floating-point numbers, got {seed.dtype}; use astype(float)")
    if seed.shape != array.shape:
        raise ShapeError(f"the gradient must have the result's shape {array.shape}, got {seed.shape}; use broadcast_to")
    return seed.astype(array.dtype, copy=False)


def seed_with_history(seed: np.ndarray, gradient: Any) -> Tensor:
    """`seed` as a tensor that depends on what `gradient`, of which it was made, depends on."""
    if type(gradient) is not Tensor:
        return wrap(seed.copy(), None)
    return gradient if gradient.array is seed else cast(gradient, seed.dtype)


@functools.lru_cache
def _one(dtype: np.dtype[Any]) -> np.ndarray:
    """A read-only 1, from which every backward() without a gradient starts."""
    one = np.ones((), dtype)
    one.flags.writeable = False
    return one
