"""Functions of NumPy that select and move elements: NumPy moves their positions, then one gather moves the elements."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.define import composed
from grad_engine.core.tensor import Tensor
from grad_engine.errors import ArgumentError, IndexingError, ShapeError
from grad_engine.ops.elementwise import values, where
from grad_engine.ops.indexing import take, take_along_axis
from grad_engine.ops.joining import concat


def _moved(name: str, place: Callable[..., Any], *xs: Tensor) -> Tensor:
    """The tensors as `place` arranges them, which is called on the positions of the elements instead."""
    ends = itertools.accumulate((x.size for x in xs), initial=0)
    numbered = [start + np.arange(x.size).reshape(x.shape) for start, x in zip(ends, xs, strict=False)]
    try:
        places = place(*numbered)
    except IndexError as error:
        raise IndexingError(f"{name}() of shapes {', '.join(str(x.shape) for x in xs)}: {error}") from None
    except (ValueError, TypeError) as error:
        raise ShapeError(f"{name}() of shapes {', '.join(str(x.shape) for x in xs)}: {error}") from None
    return take(xs[0] if len(xs) == 1 else concat(xs, axis=None), places)


def _alike(*xs: Any) -> list[Tensor]:
    """Tensors and numbers as tensors, of which Python's own numbers take the dtype of the others."""
    kind = np.result_type(*(x if isinstance(x, int | float) else as_tensor(x).dtype for x in xs))
    return [as_tensor(np.asarray(x, kind) if isinstance(x, int | float) else x) for x in xs]


_plain = values  # where a parameter has that name


@composed(numpy=[np.delete], method=False, half="same")
def delete(x: Any, obj: Any, axis: int | None = None) -> Tensor:
    """x without the slices along `axis` that `obj` names: indices, a slice, a mask; of x flattened without an axis."""
    return _moved("delete", lambda n: np.delete(n, values(obj), axis), as_tensor(x))


@composed(numpy=[np.insert], method=False, half="same")
def insert(x: Any, obj: Any, values: Any, axis: int | None = None) -> Tensor:
    """x with `values` put in before the indices `obj` along `axis`, as in NumPy; flattened without an axis."""
    x, added, places = as_tensor(x), as_tensor(values), _plain(obj)
    added = added if added.dtype == x.dtype else added.astype(x.dtype)
    return _moved("insert", lambda n, m: np.insert(n, places, m, axis), x, added)


@composed(numpy=[np.resize], method=False, half="same")
def resize(x: Any, new_shape: int | Sequence[int]) -> Tensor:
    """The elements of x in C order in a new shape of any size, over and over until it is full."""
    x = as_tensor(x)
    if not x.size:
        raise ShapeError(f"resize() has nothing to fill {new_shape} with: x is empty, of shape {x.shape}")
    return _moved("resize", lambda n: np.resize(n, new_shape), x)


@composed(numpy=[np.compress], method=False, half="same")
def compress(condition: Any, x: Any, axis: int | None = None) -> Tensor:
    """The slices of x along `axis` for which a vector of booleans holds; of x flattened without an axis."""
    chosen = np.asarray(values(condition))
    if chosen.ndim != 1:
        raise ShapeError(f"compress() takes a vector of booleans, got shape {chosen.shape}; extract() takes any shape")
    return take(x, np.flatnonzero(chosen), axis)


@composed(numpy=[np.extract], method=False, half="same")
def extract(condition: Any, x: Any) -> Tensor:
    """The elements of x for which `condition`, of the same shape, holds, as a vector."""
    return take(x, np.flatnonzero(values(condition)))


@composed(numpy=[np.partition], method=False, half="same")
def partition(x: Any, kth: int | Sequence[int], axis: int | None = -1) -> Tensor:
    """x with its kth smallest element along `axis` in its sorted place, smaller ones before and larger ones after."""
    x = as_tensor(x)
    try:
        order = np.argpartition(x.array, kth, axis)
    except ValueError as error:
        raise IndexingError(f"partition() of shape {x.shape} at {kth} along axis {axis}: {error}") from None
    return take(x, order) if axis is None else take_along_axis(x, order, axis)


# --- one of several ---------------------------------------------------------------------------------------------------


@composed(numpy=[np.choose], method=False, half="same")
def choose(index: Any, choices: Any, mode: str = "raise") -> Tensor:
    """For each whole number in `index`, the element at the same place of the tensor of that number.

    mode: what an index beyond the choices does: "raise", "wrap" around, or "clip" to the last.
    """
    return _moved("choose", lambda *n: np.choose(values(index), n, mode=mode), *_alike(*choices))  # type: ignore[call-overload]


@composed(numpy=[np.select], method=False, half="same")
def first_where(conditions: Sequence[Any], choices: Sequence[Any], default: Any = 0) -> Tensor:
    """For each element that of the choice whose condition is the first to hold, `default` where none does: np.select.

    Every choice is computed everywhere, and a NaN in the slope of one that is not taken spoils the gradient: where one
    has poles, piecewise() computes each only where it is taken.
    """
    if len(conditions) != len(choices) or not len(choices):
        raise ArgumentError(
            f"select() takes a choice for each condition, got {len(conditions)} conditions and {len(choices)} choices"
        )
    *parts, out = _alike(*choices, default)
    for each, part in reversed([*zip(conditions, parts, strict=True)]):
        held = np.asarray(values(each))
        if held.dtype != bool:
            raise ArgumentError(f"select() takes conditions that are booleans, got {held.dtype}; write c != 0")
        out = where(held, part, out)
    return out


@composed(numpy=[np.piecewise], method=False, half="same")
def piecewise(x: Any, conditions: Any, functions: Sequence[Any], *args: Any, **named: Any) -> Tensor:
    """Each function of the elements of x for which its condition holds: the last that does, and 0 where none does.

    A function takes a vector of these elements, and args and named; a number may stand in its place. One function more
    than there are conditions is for the elements where none holds. Unlike with where(), a function never sees the
    elements that it is not for, so no pole among these reaches the gradient.
    """
    x = as_tensor(x)
    held = np.asarray(values(conditions) if not isinstance(conditions, list | tuple) else [*map(values, conditions)])
    if held.shape == x.shape:
        held = held[None]
    if held.shape[1:] != x.shape or held.dtype != bool:
        raise ShapeError(f"piecewise() takes booleans of the shape of x, {x.shape}, got {held.dtype} {held.shape[1:]}")
    if len(functions) == len(held) + 1:
        held = np.concatenate([held, ~held.any(axis=0, keepdims=True)])
    if len(functions) != len(held):
        raise ArgumentError(
            f"piecewise() takes a function for each of {len(held)} conditions, and perhaps one more, "
            f"got {len(functions)}"
        )
    pieces, places, start = [as_tensor(np.zeros(1, x.dtype))], np.zeros(x.shape, int), 1
    for mask, function in zip(held, functions, strict=True):
        piece = as_tensor(function(x[mask], *args, **named) if callable(function) else function)
        count = int(np.count_nonzero(mask))
        if piece.shape not in ((), (1,), (count,)):
            raise ShapeError(f"a function of piecewise() made shape {piece.shape} of a vector of {count} elements")
        places[mask] = start + (np.arange(count) if piece.shape == (count,) else 0)
        pieces.append(piece if piece.dtype == x.dtype else piece.astype(x.dtype))
        start += piece.size
    return take(concat(pieces, axis=None), places)
