"""A share in the shape and dtype of its operand: summed where that had been broadcast, cast where it differs."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from grad_engine.core.conversion import numeric
from grad_engine.core.define import define, in_rules
from grad_engine.core.op import case
from grad_engine.errors import ShapeError

_LONGEST = 1 << 16  # a row of ones longer than this is not kept
_IN_A_ROW = 1 << 11  # numbers that BLAS may add one after another; of more, NumPy adds parts in pairs


@lru_cache(maxsize=64)
def ones_row(length: int, dtype: Any) -> np.ndarray:
    """A row of ones, shared by all who multiply by it to add things up."""
    return np.ones(length, dtype)


def dot_of(x: Any, y: Any) -> Any:
    """np.dot of arrays of one or two axes: as a method of an array it takes 0.2 us less, and `@`, a ufunc, 0.6 more."""
    return x.dot(y) if type(x) is type(y) is np.ndarray else np.dot(x, y)


def _sum_to(x: Any, shape: tuple[int, ...]) -> Any:
    """Sum `x` over the axes that broadcasting added or stretched, so that the result has `shape`."""
    lead = x.ndim - len(shape)
    if lead == 1 and x.shape[1:] == shape and 1 < len(x) <= _LONGEST and x.dtype.char in "fd" and x.flags.c_contiguous:
        if x.size > len(x):  # as of a bias: BLAS sums rows four times as fast
            return dot_of(ones_row(len(x), x.dtype), x if x.ndim == 2 else x.reshape(len(x), -1)).reshape(shape)
        if len(x) == x.size <= _IN_A_ROW:
            return np.asarray(dot_of(ones_row(len(x), x.dtype), x.reshape(-1))).reshape(shape)
    folded = lead
    while folded - lead < len(shape) and shape[folded - lead] == 1 != x.shape[folded]:
        folded += 1
    if folded and shape[folded - lead :] == x.shape[folded:] and x.dtype.char in "fd" and x.flags.c_contiguous:
        rows = math.prod(x.shape[:folded])
        if 1 < rows <= _LONGEST and x.size > rows:  # as of a bias: BLAS sums rows four times as fast
            return (ones_row(rows, x.dtype) @ x.reshape(rows, -1)).reshape(shape)
    stretched = tuple(i + lead for i, n in enumerate(shape) if n == 1 != x.shape[i + lead])
    if not stretched:
        return np.add.reduce(x, axis=tuple(range(lead)))
    return np.add.reduce(x, axis=(*range(lead), *stretched), keepdims=True).reshape(shape)


sum_to = define(
    _sum_to, name="sum_to", symbol="Σ", category="reduction", inputs=("x",), public=False,
    cases=[case((2, 3), shape=(1, 3)), case((4, 2, 3), shape=(3,)), case((2, 3), shape=())],
    summary="x summed down to `shape`, from which it could have been broadcast.",
    vjp={"x": lambda g, out, x, shape: np.broadcast_to(g, x.shape)},
    formula={"x": "{g} copied to the shape of {x}"},
)  # fmt: skip


def _astype(x: Any, dtype: Any) -> Any:
    return numeric(x.astype(np.dtype(dtype)))


def _cast_back(g: Any, out: Any, x: Any, dtype: Any) -> Any:
    return cast(g, x.dtype)


astype = define(
    _astype, name="astype", symbol="dtype", category="shape", inputs=("x",), cases=[case((2, 3), dtype=np.float64)],
    half="same", forward_formula=lambda x, dtype: ["astype", x, ["say", str(np.dtype(dtype))]],
    elementwise=True,
    sentence="Another dtype has the same slope, so the gradient passes and is cast back.",
    summary="x with another dtype. Between floating-point dtypes the gradient is cast back; whole numbers have none.",
    vjp={"x": _cast_back}, formula={"x": "{g} in the dtype of {x}"},
)  # fmt: skip
summed_to, cast = in_rules(sum_to), in_rules(astype)


def fitted(share: Any, array: Any) -> Any:
    """`share` in the shape and dtype of the operand it belongs to: summed where that had been broadcast."""
    shape = array.shape
    if (given := share.shape) != shape:
        lead = len(given) - len(shape)
        if lead < 0 or (
            given[lead:] != shape and not all(n == m or n == 1 for n, m in zip(shape, given[lead:], strict=True))
        ):
            raise ShapeError(
                f"a rule gave a share of shape {given} to an operand of shape {shape}; it has to return "
                "that shape, or one that the operand was broadcast to"
            )
        share = _sum_to(share, shape) if type(share) is np.ndarray else summed_to(share, shape)
    if share.dtype is not array.dtype and share.dtype != array.dtype:
        share = cast(share, array.dtype)
    return share
