"""New tensors: from numbers, filled, in ranges, at random."""

from __future__ import annotations

from typing import Any

import numpy as np

from grad_engine.core.conversion import as_array, numeric
from grad_engine.core.defaults import Generator, check_device, generator_of, get_default_dtype
from grad_engine.core.outside_memory import share
from grad_engine.core.stand_ins import STAND_INS
from grad_engine.core.tensor import Tensor, array_of, wrap
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.ops import numpy_grammar

Seed = int | np.random.Generator | Generator | None


def tensor(
    data: Any, requires_grad: bool = False, dtype: Any = None, name: str | None = None, device: Any = None
) -> Tensor:
    """A tensor with a copy of `data`: a number, nested lists of numbers of any depth, or an array.

    requires_grad: make it a leaf that collects a gradient; floating point only.
    dtype: any real NumPy dtype; by default what NumPy takes `data` for, and set_default_dtype() for Python's floats.
    name: how trees and pictures call it; without one they infer it from the variable.

    Raises ShapeError for ragged lists, ArgumentError for what is not numbers, NotDifferentiableError for integers that
    should require grad.
    """
    check_device(device)
    if dtype is None and isinstance(data, list | tuple | float) and get_default_dtype().itemsize < 8:
        array = as_array(data)
        if array.dtype == float:  # Python's floats, or so NumPy took them for
            dtype = get_default_dtype()
    return Tensor(data, requires_grad, dtype, name)


def full(
    shape: Any, value: float, requires_grad: bool = False, dtype: Any = None, name: str | None = None,
    device: Any = None,
) -> Tensor:  # fmt: skip
    """A tensor of `shape` with every element `value`."""
    kind = get_default_dtype() if dtype is None and type(value) is float else dtype
    return _made(np.full, shape, value, dtype=kind, requires_grad=requires_grad, name=name, device=device)


def zeros(
    *shape: Any, requires_grad: bool = False, dtype: Any = None, name: str | None = None, device: Any = None
) -> Tensor:
    """A tensor of `shape` filled with 0: `zeros((2, 3))` or `zeros(2, 3)`."""
    kind = dtype or get_default_dtype()
    return _made(np.zeros, shape_of(shape), dtype=kind, requires_grad=requires_grad, name=name, device=device)


def ones(
    *shape: Any, requires_grad: bool = False, dtype: Any = None, name: str | None = None, device: Any = None
) -> Tensor:
    """A tensor of `shape` filled with 1: `ones((2, 3))` or `ones(2, 3)`."""
    kind = dtype or get_default_dtype()
    return _made(np.ones, shape_of(shape), dtype=kind, requires_grad=requires_grad, name=name, device=device)


def empty(
    *shape: Any, requires_grad: bool = False, dtype: Any = None, name: str | None = None, device: Any = None
) -> Tensor:
    """A tensor of `shape` filled with 0, which takes no longer than leaving it unfilled: `empty(2, 3)`."""
    return zeros(*shape, requires_grad=requires_grad, dtype=dtype, name=name, device=device)


def arange(
    start: float, stop: float | None = None, step: float = 1, requires_grad: bool = False, dtype: Any = None,
    name: str | None = None, device: Any = None,
) -> Tensor:  # fmt: skip
    """The numbers from `start` (0 when only one bound is given) up to, not including, `stop`."""
    bounds = (0, start) if stop is None else (start, stop)
    if dtype is None and any(type(each) is float for each in (*bounds, step)):
        dtype = get_default_dtype()
    return _made(np.arange, *bounds, step, dtype=dtype, requires_grad=requires_grad, name=name, device=device)


def linspace(
    start: Any, stop: Any, num: int = 50, requires_grad: bool = False, dtype: Any = None, name: str | None = None,
    steps: int | None = None, device: Any = None,
) -> Tensor:  # fmt: skip
    """`num` numbers at equal distances from `start` to `stop`, both included; the ends may be tensors.

    steps: PyTorch's word for num.
    """
    num, kind = num if steps is None else steps, dtype or get_default_dtype()
    if type(start) is Tensor or type(stop) is Tensor:
        made = numpy_grammar.linspace(start, stop, num, dtype=dtype)
        return made.requires_grad_(True) if requires_grad and made.node is None else made
    return _made(np.linspace, start, stop, num, dtype=kind, requires_grad=requires_grad, name=name, device=device)


def logspace(
    start: float, stop: float, num: int = 50, base: float = 10.0, requires_grad: bool = False, dtype: Any = None,
    steps: int | None = None, device: Any = None,
) -> Tensor:  # fmt: skip
    """`num` powers of `base`, whose exponents are at equal distances from `start` to `stop`, both included."""
    found = linspace(start, stop, num, dtype=float, steps=steps, device=device)
    return Tensor(base**found.array, requires_grad, dtype or get_default_dtype())


def eye(
    rows: int, columns: int | None = None, requires_grad: bool = False, dtype: Any = None, device: Any = None
) -> Tensor:
    """The identity matrix: 1 on the diagonal, 0 elsewhere."""
    kind = dtype or get_default_dtype()
    return _made(np.eye, rows, columns, dtype=kind, requires_grad=requires_grad, name=None, device=device)


# --- at random --------------------------------------------------------------------------------------------------------


def rand(
    *shape: Any, seed: Seed = None, generator: Any = None, requires_grad: bool = False, dtype: Any = None,
    name: str | None = None, device: Any = None,
) -> Tensor:  # fmt: skip
    """Random numbers, uniform in [0, 1); the same for the same seed. `rand(2, 3)` has shape (2, 3)."""
    return _random("random", shape, seed, generator, requires_grad, dtype, name, device)


def randn(
    *shape: Any, seed: Seed = None, generator: Any = None, requires_grad: bool = False, dtype: Any = None,
    name: str | None = None, device: Any = None,
) -> Tensor:  # fmt: skip
    """Random numbers, normal with mean 0 and standard deviation 1; the same for the same seed."""
    return _random("standard_normal", shape, seed, generator, requires_grad, dtype, name, device)


def randint(
    low: int, high: Any = None, size: Any = None, *, seed: Seed = None, generator: Any = None, dtype: Any = np.int64,
    device: Any = None,
) -> Tensor:  # fmt: skip
    """Random whole numbers from `low` (0 if there is one bound) up to, not including, `high`, of shape `size`."""
    if isinstance(high, tuple | list):  # randint(5, (2, 3))
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    check_device(device)
    if size is None:
        raise ArgumentError("randint() needs the shape of what it makes; write randint(0, 10, (3,))")
    try:
        return Tensor(generator_of(seed, generator).integers(low, high, size), dtype=dtype)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"randint() cannot draw from {low!r} to {high!r} in shape {size!r}: {error}") from None


def randperm(n: int, *, seed: Seed = None, generator: Any = None, dtype: Any = np.int64, device: Any = None) -> Tensor:
    """The whole numbers from 0 to n - 1 in random order."""
    check_device(device)
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 0:
        raise ArgumentError(f"randperm() takes a whole number from 0 up, got {n!r}")
    return Tensor(generator_of(seed, generator).permutation(int(n)), dtype=dtype)


def normal(
    mean: Any, std: Any = 1.0, size: Any = None, *, seed: Seed = None, generator: Any = None, dtype: Any = None,
    device: Any = None,
) -> Tensor:  # fmt: skip
    """Random numbers, normal with these means and standard deviations: of shape `size`, or of theirs."""
    check_device(device)
    mean, std = array_of(mean), array_of(std)
    if np.any(np.less(std, 0)):
        raise ArgumentError(f"normal() takes a standard deviation from 0 up, got {std!r}")
    try:
        made = generator_of(seed, generator).normal(mean, std, size)
    except (TypeError, ValueError) as error:
        raise ShapeError(f"normal() cannot draw shape {size!r} from these means and deviations: {error}") from None
    given = [each.dtype for each in (mean, std) if isinstance(each, np.ndarray) and each.dtype.kind == "f"]
    return Tensor(made, dtype=dtype or (np.result_type(*given) if given else get_default_dtype()))


def multinomial(
    weights: Any, num_samples: int, replacement: bool = False, *, seed: Seed = None, generator: Any = None
) -> Tensor:
    """Indices drawn with the probabilities that `weights` (n) or (rows, n) are in proportion to; a row for each row.

    replacement: whether an index may be drawn again.
    """
    table = np.asarray(array_of(weights), float)
    if table.ndim not in (1, 2) or not (table >= 0).all() or not (table.sum(axis=-1) > 0).all():
        raise ArgumentError(
            f"multinomial() takes weights (n) or (rows, n), from 0 up and not all 0, got shape {table.shape}"
        )
    rng = generator_of(seed, generator)
    share = table / table.sum(axis=-1, keepdims=True)
    if not replacement and num_samples > np.count_nonzero(share, axis=-1).min():
        raise ArgumentError(
            f"multinomial() cannot draw {num_samples} different indices of {np.count_nonzero(share, axis=-1).min()}; "
            "pass replacement=True"
        )
    rows = [rng.choice(share.shape[-1], num_samples, replacement, row) for row in share.reshape(-1, share.shape[-1])]
    return Tensor(np.array(rows).reshape((*share.shape[:-1], num_samples)), dtype=np.int64)


def bernoulli(p: Any, *, seed: Seed = None, generator: Any = None) -> Tensor:
    """For each probability in `p` 1 with that probability, else 0, in its dtype."""
    chance = np.asarray(array_of(p))
    if chance.dtype.kind != "f" or not ((chance >= 0) & (chance <= 1)).all():
        raise ArgumentError(f"bernoulli() takes probabilities from 0 to 1, got {chance.dtype} of shape {chance.shape}")
    return Tensor((generator_of(seed, generator).random(chance.shape) < chance).astype(chance.dtype))


# --- like others ------------------------------------------------------------------------------------------------------


def zeros_like(x: Any, requires_grad: bool = False, dtype: Any = None) -> Tensor:
    """A tensor of x's shape and dtype filled with 0."""
    return full_like(x, 0, requires_grad, dtype)


def ones_like(x: Any, requires_grad: bool = False, dtype: Any = None) -> Tensor:
    """A tensor of x's shape and dtype filled with 1."""
    return full_like(x, 1, requires_grad, dtype)


def empty_like(x: Any, requires_grad: bool = False, dtype: Any = None) -> Tensor:
    """A tensor of x's shape and dtype, filled with 0."""
    return full_like(x, 0, requires_grad, dtype)


def full_like(x: Any, value: float, requires_grad: bool = False, dtype: Any = None) -> Tensor:
    """A tensor of x's shape and dtype with every element `value`."""
    array = np.asarray(array_of(x))
    return full(array.shape, value, requires_grad, dtype or array.dtype)


def rand_like(
    x: Any, seed: Seed = None, requires_grad: bool = False, dtype: Any = None, generator: Any = None
) -> Tensor:
    """Random numbers, uniform in [0, 1), in x's shape and dtype."""
    array = np.asarray(array_of(x))
    return _random("random", array.shape, seed, generator, requires_grad, dtype or array.dtype, None, None)


def randn_like(
    x: Any, seed: Seed = None, requires_grad: bool = False, dtype: Any = None, generator: Any = None
) -> Tensor:
    """Random numbers, normal with mean 0 and standard deviation 1, in x's shape and dtype."""
    array = np.asarray(array_of(x))
    return _random("standard_normal", array.shape, seed, generator, requires_grad, dtype or array.dtype, None, None)


def randint_like(x: Any, low: int, high: int | None = None, *, seed: Seed = None, generator: Any = None) -> Tensor:
    """Random whole numbers from `low` up to, not including, `high`, in x's shape and dtype."""
    array = np.asarray(array_of(x))
    return randint(low, high, array.shape, seed=seed, generator=generator, dtype=array.dtype)


def from_numpy(array: np.ndarray, requires_grad: bool = False) -> Tensor:
    """A tensor that shares memory with `array`: a write to one is seen in the other.

    NumPy's writes are found when backward runs, and refused where a rule reads the values as they were.
    """
    if type(array) is not np.ndarray and type(array) not in STAND_INS:
        raise ArgumentError(f"from_numpy() takes a NumPy array, got {type(array).__name__}; use tensor()")
    return wrap(share(numeric(array)), None).requires_grad_(requires_grad)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """`data` itself if it is a Tensor of that dtype; a tensor that shares an array's memory, or one of the numbers."""
    check_device(device)
    if type(data) is Tensor:
        return data if dtype is None or data.dtype == dtype else data.astype(dtype)
    if type(data) is np.ndarray and (dtype is None or data.dtype == dtype):
        return from_numpy(data)
    return tensor(data, dtype=dtype)


def shape_of(given: tuple[Any, ...]) -> Any:
    """A shape that was given as one tuple or as several numbers."""
    return given[0] if len(given) == 1 else given


def _made(function: Any, *args: Any, dtype: Any, requires_grad: bool, name: str | None, device: Any = None) -> Tensor:
    check_device(device)
    try:
        array = function(*args, dtype=dtype)
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise ShapeError(
            f"{function.__name__}{args} cannot be made: {error}; a shape is an int or a tuple, and requires_grad= and "
            "dtype= go by keyword"
        ) from None
    return Tensor(array, requires_grad, name=name)


def _random(
    kind: str, shape: Any, seed: Any, generator: Any, requires_grad: bool, dtype: Any, name: str | None, device: Any
) -> Tensor:
    check_device(device)
    if len(shape) == 1 and isinstance(shape[0], list | tuple):
        (shape,) = shape
    rng = generator_of(seed, generator)
    try:
        array = getattr(rng, kind)(shape)
    except (TypeError, ValueError) as error:
        raise ShapeError(f"no random tensor of shape {shape}: {error}; a shape is whole numbers") from None
    return Tensor(array.astype(dtype or get_default_dtype(), copy=False), requires_grad, name=name)
