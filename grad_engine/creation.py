"""New tensors: from numbers, filled, in ranges, at random."""

from __future__ import annotations

from typing import Any

import numpy as np

from grad_engine.core.conversion import numeric
from grad_engine.core.tensor import Tensor, array_of, wrap
from grad_engine.errors import ArgumentError, ShapeError

Shape = int | tuple[int, ...]


def tensor(data: Any, requires_grad: bool = False, dtype: Any = None, name: str | None = None) -> Tensor:
    """A tensor with a copy of `data`: a number, nested lists of numbers of any depth, or an array.

    requires_grad: make it a leaf that collects a gradient; floating point only.
    dtype: any real NumPy dtype; by default what NumPy takes `data` for (float64 for floats).
    name: how trees and pictures call it; without one they infer it from the variable.

    Raises ShapeError for ragged lists, ArgumentError for what is not numbers, NotDifferentiableError for integers that
    should require grad.
    """
    return Tensor(data, requires_grad, dtype, name)


def full(shape: Shape, value: float, requires_grad: bool = False, dtype: Any = None, name: str | None = None) -> Tensor:
    """A tensor of `shape` with every element `value`."""
    return _made(np.full, shape, value, dtype=dtype, requires_grad=requires_grad, name=name)


def zeros(shape: Shape, requires_grad: bool = False, dtype: Any = None, name: str | None = None) -> Tensor:
    """A tensor of `shape` filled with 0."""
    return _made(np.zeros, shape, dtype=dtype or float, requires_grad=requires_grad, name=name)


def ones(shape: Shape, requires_grad: bool = False, dtype: Any = None, name: str | None = None) -> Tensor:
    """A tensor of `shape` filled with 1."""
    return _made(np.ones, shape, dtype=dtype or float, requires_grad=requires_grad, name=name)


def arange(
    start: float, stop: float | None = None, step: float = 1, requires_grad: bool = False, dtype: Any = None,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """The numbers from `start` (0 when only one bound is given) up to, not including, `stop`."""
    bounds = (0, start) if stop is None else (start, stop)
    return _made(np.arange, *bounds, step, dtype=dtype, requires_grad=requires_grad, name=name)


def linspace(
    start: float, stop: float, num: int = 50, requires_grad: bool = False, dtype: Any = None, name: str | None = None
) -> Tensor:
    """`num` numbers at equal distances from `start` to `stop`, both included."""
    return _made(np.linspace, start, stop, num, dtype=dtype, requires_grad=requires_grad, name=name)


def eye(rows: int, columns: int | None = None, requires_grad: bool = False, dtype: Any = None) -> Tensor:
    """The identity matrix: 1 on the diagonal, 0 elsewhere."""
    return _made(np.eye, rows, columns, dtype=dtype or float, requires_grad=requires_grad, name=None)


def rand(
    *shape: int, seed: int | np.random.Generator | None = None, requires_grad: bool = False, dtype: Any = float,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """Random numbers, uniform in [0, 1); the same for the same seed. `rand(2, 3)` has shape (2, 3)."""
    return _random("random", shape, seed, requires_grad, dtype, name)


def randn(
    *shape: int, seed: int | np.random.Generator | None = None, requires_grad: bool = False, dtype: Any = float,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """Random numbers, normal with mean 0 and standard deviation 1; the same for the same seed."""
    return _random("standard_normal", shape, seed, requires_grad, dtype, name)


def zeros_like(x: Any, requires_grad: bool = False, dtype: Any = None) -> Tensor:
    """A tensor of x's shape and dtype filled with 0."""
    return full_like(x, 0, requires_grad, dtype)


def ones_like(x: Any, requires_grad: bool = False, dtype: Any = None) -> Tensor:
    """A tensor of x's shape and dtype filled with 1."""
    return full_like(x, 1, requires_grad, dtype)


def full_like(x: Any, value: float, requires_grad: bool = False, dtype: Any = None) -> Tensor:
    """A tensor of x's shape and dtype with every element `value`."""
    array = np.asarray(array_of(x))
    return full(array.shape, value, requires_grad, dtype or array.dtype)


def rand_like(
    x: Any, seed: int | np.random.Generator | None = None, requires_grad: bool = False, dtype: Any = None
) -> Tensor:
    """Random numbers, uniform in [0, 1), in x's shape and dtype."""
    array = np.asarray(array_of(x))
    return _random("random", array.shape, seed, requires_grad, dtype or array.dtype, None)


def randn_like(
    x: Any, seed: int | np.random.Generator | None = None, requires_grad: bool = False, dtype: Any = None
) -> Tensor:
    """Random numbers, normal with mean 0 and standard deviation 1, in x's shape and dtype."""
    array = np.asarray(array_of(x))
    return _random("standard_normal", array.shape, seed, requires_grad, dtype or array.dtype, None)


def from_numpy(array: np.ndarray, requires_grad: bool = False) -> Tensor:
    """A tensor that shares memory with `array`: a write to one is seen in the other."""
    if type(array) is not np.ndarray:
        raise ArgumentError(f"from_numpy() takes a NumPy array, got {type(array).__name__}; use tensor()")
    return wrap(numeric(array), None).requires_grad_(requires_grad)


def _made(function: Any, *args: Any, dtype: Any, requires_grad: bool, name: str | None) -> Tensor:
    try:
        array = function(*args, dtype=dtype)
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise ShapeError(f"{function.__name__}{args} cannot be made: {error}; a shape is an int or a tuple") from None
    return Tensor(array, requires_grad, name=name)


def _random(kind: str, shape: Any, seed: Any, requires_grad: bool, dtype: Any, name: str | None) -> Tensor:
    if len(shape) == 1 and isinstance(shape[0], list | tuple):
        (shape,) = shape
    try:
        array = getattr(np.random.default_rng(seed), kind)(shape)
    except (TypeError, ValueError) as error:
        raise ShapeError(f"no random tensor of shape {shape}: {error}; a shape is whole numbers") from None
    return Tensor(array.astype(dtype, copy=False), requires_grad, name=name)
