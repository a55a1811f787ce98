"""NumPy's functions of sets of numbers: each gives elements of its operands, and their gradient goes back there."""

from __future__ import annotations

from typing import Any

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.define import composed
from grad_engine.core.numpy_protocol import NUMPY_TO_OP
from grad_engine.core.tensor import Tensor, array_of
from grad_engine.ops.indexing import take
from grad_engine.ops.joining import concat
from grad_engine.ops.shape import reshape


def _flat(x: Any) -> Tensor:
    return reshape(as_tensor(x), (-1,))


def _firsts(x: Tensor, **more: Any) -> Tensor:
    """The different elements of a vector in order, each the first of its equals."""
    return take(x, np.unique(x.array, return_index=True, **more)[1], 0)


def _unique_of_numpy(
    ar: Any, return_index: bool = False, return_inverse: bool = False, return_counts: bool = False, axis: Any = None,
    *, equal_nan: bool = True, sorted: bool = True,
) -> Any:  # fmt: skip
    """The different elements, or slices along `axis`, in order; each is the first of its equals."""
    x = as_tensor(ar)
    find: Any = np.unique
    _, places, inverse, counts = find(
        x.array, return_index=True, return_inverse=True, return_counts=True, axis=axis, equal_nan=equal_nan
    )
    values = take(_flat(x) if axis is None else x, places, 0 if axis is None else axis)
    more = [(places, return_index), (inverse, return_inverse), (counts, return_counts)]
    asked = [part for part, wanted in more if wanted]
    return (values, *asked) if asked else values


def _unique_values(x: Any) -> Tensor:
    return _firsts(_flat(x))


def _union1d(ar1: Any, ar2: Any) -> Tensor:
    return _firsts(concat([_flat(ar1), _flat(ar2)]))


def _intersect1d(ar1: Any, ar2: Any, assume_unique: bool = False, return_indices: bool = False) -> Any:
    first, second = _flat(ar1), _flat(ar2)
    _, ours, theirs = np.intersect1d(first.array, second.array, assume_unique, return_indices=True)
    values = take(first, ours, 0)
    return (values, ours, theirs) if return_indices else values


def _setdiff1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Tensor:
    first = _flat(ar1) if assume_unique else _firsts(_flat(ar1))
    return take(first, np.flatnonzero(~np.isin(first.array, array_of(ar2))), 0)


def _setxor1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Tensor:
    both = concat([_flat(each) if assume_unique else _firsts(_flat(each)) for each in (ar1, ar2)])
    _, places, counts = np.unique(both.array, return_index=True, return_counts=True)
    return take(both, places[counts == 1], 0)


@composed(numpy=[np.trim_zeros], half="same")
def trim_zeros(filt: Any, trim: str = "fb", axis: Any = None) -> Tensor:
    """x without the zeros in front ("f") and behind ("b"), along each axis or those of `axis`."""
    x, trim = as_tensor(filt), trim.lower()
    places = np.nonzero(x.array)
    axes = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    cut = [slice(None)] * x.ndim
    for each in axes:
        at = places[each]
        length = x.shape[each]
        start = (int(at.min()) if at.size else length) if "f" in trim else 0
        stop = (int(at.max()) + 1 if at.size else 0 if "f" not in trim else length) if "b" in trim else length
        cut[each] = slice(start, stop)
    return x[tuple(cut)]


NUMPY_TO_OP.update({
    np.unique: _unique_of_numpy, np.unique_values: _unique_values, np.union1d: _union1d,
    np.intersect1d: _intersect1d, np.setdiff1d: _setdiff1d, np.setxor1d: _setxor1d,
})  # fmt: skip
