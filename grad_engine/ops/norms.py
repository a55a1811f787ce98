"""Norms, distances, equations of tensors: linear algebra written in other ops, without rules of its own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.define import composed
from grad_engine.core.tensor import Tensor
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.ops.elementwise import abs as absolute
from grad_engine.ops.linalg import inv, pinv, solve, svdvals
from grad_engine.ops.product import matmul
from grad_engine.ops.reduction import amax, amin, trace, vector_norm
from grad_engine.ops.reduction import sum as sum_of
from grad_engine.ops.shape import axis_of, diagonal, moveaxis, reshape, reshaped, transpose

# --- norms ------------------------------------------------------------------------------------------------------------


def _of_matrix(x: Tensor, order: Any, axes: tuple[int, int], keepdims: bool) -> Tensor:
    if order in (None, "fro", "f"):
        return vector_norm(x, axis=axes, keepdims=keepdims)
    rows, columns = (axis_of(x, axis) for axis in axes)
    if rows == columns:
        raise ShapeError(f"norm() of a matrix takes two different axes, got {axes}")
    if order in (1, -1, np.inf, -np.inf):
        along, across = (rows, columns) if order in (1, -1) else (columns, rows)
        folded = sum_of(absolute(x), axis=along, keepdims=True)
        out = (amax if order > 0 else amin)(folded, axis=across, keepdims=True)
    elif order in (2, -2, "nuc"):
        rest = [axis for axis in range(x.ndim) if axis not in (rows, columns)]
        levels = svdvals(transpose(x, (*rest, rows, columns)))
        out = sum_of(levels, axis=-1) if order == "nuc" else (amax if order == 2 else amin)(levels, axis=-1)
        out = reshaped(out, tuple(1 if axis in (rows, columns) else n for axis, n in enumerate(x.shape)))
    else:
        raise ArgumentError(
            f"norm() of a matrix takes ord None, 'fro', 'nuc', 1, -1, 2, -2, inf or -inf, got {order!r}"
        )
    if keepdims:
        return out
    return reshaped(out, tuple(n for axis, n in enumerate(x.shape) if axis not in (rows, columns)))


@composed(numpy=[np.linalg.norm])
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The length of x, or of the vectors or matrices along `axis`; the gradient at length 0 is 0.

    ord: None (the square root of the sum of squares), for vectors any number, inf or -inf, for matrices 'fro', 'nuc',
        1, -1, 2, -2, inf or -inf. Without an axis, ord is that of a vector or a matrix by the number of axes of x.
    """
    x = as_tensor(x)
    if axis is None:
        if ord is None or x.ndim == 1:
            return vector_norm(x, keepdims=keepdims, ord=2 if ord is None else ord)
        if x.ndim != 2:
            raise ShapeError(f"norm() with ord={ord!r} takes a vector or a matrix, got shape {x.shape}; pass axis=")
        axis = (0, 1)
    axes = tuple(axis) if isinstance(axis, tuple | list) else (axis,)
    if len(axes) == 2:
        return _of_matrix(x, ord, axes, keepdims)
    if len(axes) != 1:
        raise ArgumentError(f"axis of norm() is one axis for vectors or two for matrices, got {axis!r}")
    return vector_norm(x, axis=axes[0], keepdims=keepdims, ord=2 if ord is None else ord)


@composed(numpy=[np.linalg.matrix_norm])
def matrix_norm(x: Any, keepdims: bool = False, ord: Any = "fro") -> Tensor:
    """The norm of each matrix of x, whose last two axes they are."""
    x = as_tensor(x)
    if x.ndim < 2:
        raise ShapeError(f"matrix_norm() takes matrices, got shape {x.shape}; use vector_norm")
    return _of_matrix(x, ord, (-2, -1), keepdims)


@composed(numpy=[np.linalg.cond], method=False)
def cond(x: Any, p: Any = None) -> Tensor:
    """The condition number of each matrix: its norm times that of its inverse, by default the 2-norm."""
    x = as_tensor(x)
    if p in (None, 2, -2):
        levels = svdvals(x)
        largest, least = levels[..., 0], levels[..., -1]
        return least / largest if p == -2 else largest / least
    return matrix_norm(x, ord=p) * matrix_norm(inv(x), ord=p)


# --- equations of tensors ---------------------------------------------------------------------------------------------


@composed(numpy=[np.linalg.tensorinv], method=False)
def tensorinv(x: Any, ind: int = 2) -> Tensor:
    """The inverse of x under tensordot over `ind` axes: x is a square matrix once its first `ind` axes are joined."""
    x = as_tensor(x)
    if ind < 1:
        raise ArgumentError(f"ind of tensorinv() is at least 1, got {ind!r}")
    rows = math.prod(x.shape[:ind])
    return reshape(inv(reshape(x, (rows, -1))), (*x.shape[ind:], *x.shape[:ind]))


@composed(numpy=[np.linalg.tensorsolve], method=False)
def tensorsolve(x: Any, y: Any, axes: Any = None) -> Tensor:
    """The tensor whose tensordot with x over all its axes is y; `axes` of x are first moved to its end."""
    x, y = as_tensor(x), as_tensor(y)
    if axes is not None:
        x = moveaxis(x, tuple(axes), tuple(range(x.ndim - len(axes), x.ndim)))
    shape = x.shape[y.ndim :]
    return reshape(solve(reshape(x, (-1, math.prod(shape))), reshape(y, (-1,))), shape)


@composed(numpy=[np.linalg.lstsq], method=False)
def lstsq(x: Any, y: Any, rcond: float | None = None) -> tuple[Tensor, Tensor, Any, Tensor]:
    """(the solution of x @ out = y with the least squared error, that error, the rank of x, its singular values).

    The error is empty unless x (m, n) has rank n and m > n, as in NumPy. Leading axes are a batch.
    """
    x, y = as_tensor(x), as_tensor(y)
    if x.ndim < 2 or not y.ndim or y.shape[0 if y.ndim == 1 else -2] != x.shape[-2]:
        raise ShapeError(f"lstsq() takes x (..., m, n) and y (m) or (..., m, k), got {x.shape} and {y.shape}")
    m, n = x.shape[-2:]
    precision = float(np.finfo(x.dtype).eps)
    rcond = precision * max(m, n) if rcond is None else rcond if 0 < rcond < 1 else precision  # as LAPACK reads it
    levels = svdvals(x)
    rank = np.count_nonzero(levels.array > rcond * levels.array.max(axis=-1, keepdims=True, initial=0), axis=-1)
    out = matmul(pinv(x, rcond), y)
    if m > n and (rank == n).all():
        apart = y - matmul(x, out)
        error = sum_of(apart * apart, axis=-1 if y.ndim == 1 else -2, keepdims=y.ndim == 1)
    else:
        error = as_tensor(np.zeros(0, x.dtype))
    return out, error, rank[()], levels


@composed(numpy=[np.linalg.diagonal], half="same")
def matrix_diagonal(x: Any, offset: int = 0) -> Tensor:
    """The diagonal of each matrix (..., m, n), `offset` places to the right, as a new last axis."""
    return diagonal(x, offset, -2, -1)


@composed(numpy=[np.linalg.trace], half="same")
def matrix_trace(x: Any, offset: int = 0) -> Tensor:
    """The sum along the diagonal of each matrix (..., m, n), `offset` places to the right."""
    return trace(x, offset, -2, -1)


@composed(numpy=[np.vander], method=False)
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Tensor:
    """A row of powers for each element of x (..., n): x to the N - 1, ..., 1, 0, or the other way round."""
    x = as_tensor(x)
    if not x.ndim:
        raise ShapeError("vander() takes a vector, got shape (); reshape it to (1,)")
    count = x.shape[-1] if N is None else N
    if not isinstance(count, int | np.integer) or count < 0:
        raise ArgumentError(f"N of vander() is a number of columns from 0 on, got {N!r}")
    powers = np.arange(count) if increasing else np.arange(count)[::-1]
    return reshape(x, (*x.shape, 1)) ** powers.astype(x.dtype)


# --- distances --------------------------------------------------------------------------------------------------------


def _positive(p: float) -> None:
    if not p >= 0:
        raise ArgumentError(f"p of a distance is a number from 0 on, or inf, got {p!r}")


@composed(method=False, floats=("x", "y"))
def cdist(x: Any, y: Any, p: float = 2.0) -> Tensor:
    """The p-norm of every row of x (..., n, d) minus every row of y (..., m, d): (..., n, m)."""
    x, y = as_tensor(x), as_tensor(y)
    if x.ndim < 2 or y.ndim < 2 or x.shape[-1] != y.shape[-1]:
        raise ShapeError(f"cdist() takes rows of one length, x (..., n, d) and y (..., m, d), got {x.shape}, {y.shape}")
    _positive(p)
    return vector_norm(x[..., :, None, :] - y[..., None, :, :], axis=-1, ord=p)


@composed(method=False, floats=("x",))
def pdist(x: Any, p: float = 2.0) -> Tensor:
    """The p-norm of each row of x (n, d) minus each later one, in order: n (n − 1) / 2 numbers."""
    x = as_tensor(x)
    if x.ndim != 2:
        raise ShapeError(f"pdist() takes a matrix of rows, got shape {x.shape}; cdist() takes batches")
    _positive(p)
    first, second = np.triu_indices(x.shape[0], 1)
    return vector_norm(x[first] - x[second], axis=-1, ord=p)
