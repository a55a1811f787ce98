"""The functions of scipy.linalg on tensors, under SciPy's names and with its defaults, as far as ops express them.

Where SciPy's defaults differ from NumPy's they are SciPy's: `cholesky` gives the upper factor, `qr` the full one.
What only tunes SciPy (overwrite_a, check_finite, lapack_driver) is left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from grad_engine.core.numpy_protocol import NUMPY_TO_OP
from grad_engine.core.tensor import Tensor, array_of
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.ops import joining as _joining
from grad_engine.ops import linalg as _linalg
from grad_engine.ops import norms as _norms
from grad_engine.ops.elementwise import where
from grad_engine.ops.indexing import take
from grad_engine.ops.joining import concat
from grad_engine.ops.linalg import det, inv, pinv, svdvals
from grad_engine.ops.norms import norm
from grad_engine.ops.scipy_linalg import logm, sqrtm
from grad_engine.ops.shape import broadcast_to, flip, reshape, tril, triu
from grad_engine.scipy._theirs import as_tensor, of_scipy

__all__ = [
    "block_diag",
    "cho_factor",
    "cho_solve",
    "cholesky",
    "circulant",
    "det",
    "eigh",
    "eigvalsh",
    "expm",
    "hankel",
    "inv",
    "logm",
    "lstsq",
    "lu",
    "lu_factor",
    "lu_solve",
    "norm",
    "pinv",
    "polar",
    "qr",
    "solve",
    "solve_banded",
    "solve_circulant",
    "solve_continuous_lyapunov",
    "solve_discrete_lyapunov",
    "solve_sylvester",
    "solve_toeplitz",
    "solve_triangular",
    "solveh_banded",
    "sqrtm",
    "svd",
    "svdvals",
    "toeplitz",
]


def block_diag(*arrs: Any) -> Tensor:
    """Matrices along the diagonal of a larger one that is 0 elsewhere; a vector counts as one row."""
    return _joining.block_diag(*map(as_tensor, arrs))


def expm(A: Any) -> Tensor:
    """The exponential of a square matrix, or of each of a stack (..., n, n)."""
    return _linalg.matrix_exp(as_tensor(A))


def cholesky(a: Any, lower: bool = False) -> Tensor:
    """The Cholesky factor of a symmetric positive definite matrix: U with Uᵀ @ U = a, or L with `lower`."""
    return _linalg.cholesky(a, upper=not _flag(lower))


def _flag(lower: Any) -> bool:
    if np.ndim(lower) or not isinstance(lower, bool | int | np.bool_):
        raise ArgumentError(f"lower is True or False, got {type(lower).__name__}")
    return bool(lower)


def cho_factor(a: Any, lower: bool = False) -> tuple[Tensor, bool]:
    """(Cholesky factor, whether it is the lower one), for cho_solve(). The other triangle holds zeros."""
    return cholesky(a, lower), lower


def cho_solve(c_and_lower: tuple[Any, bool], b: Any) -> Tensor:
    """What a must be multiplied with to give b, for a = the matrix whose (factor, lower) cho_factor() gave."""
    factor, lower = c_and_lower
    first = solve_triangular(factor, b, trans=0 if lower else 1, lower=lower)
    return solve_triangular(factor, first, trans=1 if lower else 0, lower=lower)


def solve_triangular(a: Any, b: Any, trans: int | str = 0, lower: bool = False, unit_diagonal: bool = False) -> Tensor:
    """What the triangle of a (with trans=1: its transpose) must be multiplied with to give b (n) or (n, m)."""
    if trans not in (0, 1, "N", "T"):
        raise ArgumentError(f"solve_triangular() takes trans 0 or 1, N or T, got {trans!r}")
    a, b = as_tensor(a), as_tensor(b)
    turned = trans in (1, "T")
    columns = b.reshape(-1, 1) if b.ndim == 1 else b
    out = _linalg.solve_triangular(a.mT if turned else a, columns, lower == turned, unitriangular=unit_diagonal)
    return out.reshape(-1) if b.ndim == 1 else out


def solve(a: Any, b: Any, lower: bool = False, assume_a: str | None = None, transposed: bool = False) -> Tensor:
    """What a must be multiplied with to give b; `assume_a` and `lower` say what SciPy may use, and change nothing."""
    a = as_tensor(a)
    if assume_a in ("sym", "her", "pos", "symmetric", "hermitian", "positive definite"):
        a = _symmetric(a, lower)
    elif assume_a in ("upper triangular", "lower triangular"):
        a = triu(a) if assume_a.startswith("upper") else tril(a)
    return _linalg.solve(a.mT if transposed else a, b)


def _symmetric(a: Any, lower: bool) -> Tensor:
    """The symmetric matrix of which one triangle is given."""
    a = as_tensor(a)
    return tril(a) + tril(a, -1).mT if _flag(lower) else triu(a) + triu(a, 1).mT


def lu(a: Any, permute_l: bool = False) -> tuple[Tensor, ...]:
    """(P, L, U) with a = P @ L @ U, or (P @ L, U)."""
    turned, lower, upper = _linalg.lu(a)
    return (turned @ lower, upper) if permute_l else (turned, lower, upper)


def lu_factor(a: Any) -> tuple[Tensor, np.ndarray]:
    """(L below the diagonal and U in one matrix, which row was swapped with each row), for lu_solve()."""
    turned, lower, upper = _linalg.lu(a)
    if lower.ndim != 2 or lower.shape[0] != lower.shape[1]:
        raise ShapeError(f"lu_factor() takes one square matrix here, got shape {as_tensor(a).shape}")
    order = np.argmax(turned.data, axis=0)  # row i of L @ U is row order[i] of a
    rows = [*range(len(order))]
    swaps = []
    for i, wanted in enumerate(order):
        j = rows.index(wanted)
        rows[i], rows[j] = rows[j], rows[i]
        swaps.append(j)
    return tril(lower, -1) + upper, np.array(swaps, np.int32)


def lu_solve(lu_and_piv: tuple[Any, Any], b: Any, trans: int = 0) -> Tensor:
    """What a (with trans=1: its transpose) must be multiplied with to give b, for what lu_factor(a) gave."""
    factors, swaps = as_tensor(lu_and_piv[0]), np.asarray(array_of(lu_and_piv[1]))
    if trans not in (0, 1):
        raise ArgumentError(f"lu_solve() takes trans 0 or 1 for real matrices, got {trans!r}")
    order = np.arange(len(swaps))
    for i, j in enumerate(swaps):
        order[[i, j]] = order[[j, i]]
    b = as_tensor(b)
    if trans == 0:
        first = solve_triangular(factors, take(b, order, 0), lower=True, unit_diagonal=True)
        return solve_triangular(factors, first)
    first = solve_triangular(factors, b, trans=1)
    return take(solve_triangular(factors, first, trans=1, lower=True, unit_diagonal=True), np.argsort(order), 0)


def qr(a: Any, mode: str = "full") -> Any:
    """(Q, R) with a = Q @ R; "economic" has as many columns of Q as a has, "r" gives R alone."""
    ours = {"full": "complete", "economic": "reduced", "r": "r"}
    if mode not in ours:
        raise ArgumentError(f'qr() takes mode "full", "economic" or "r", got {mode!r}')
    return (_linalg.qr(a, "complete")[1],) if mode == "r" else _linalg.qr(a, ours[mode])


def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """(U, s, Vᵀ), or s alone without compute_uv."""
    return _linalg.svd(a, full_matrices, compute_uv)


def eigh(a: Any, b: Any = None, *, lower: bool = True, eigvals_only: bool = False) -> Any:
    """(eigenvalues in growing order, eigenvectors in columns) of a symmetric matrix, of which one triangle is read.

    With b, symmetric and positive definite, of a @ v = w · b @ v, where vectors have v @ b @ v = 1.
    """
    whole = _symmetric(a, lower)
    if b is None:
        return _linalg.eigvalsh(whole) if eigvals_only else _linalg.eigh(whole)
    factor = _linalg.cholesky(_symmetric(b, lower))
    half = _linalg.solve_triangular(factor, whole, upper=False)
    inner = _linalg.solve_triangular(factor, half.mT, upper=False)
    inner = (inner + inner.mT) / 2
    if eigvals_only:
        return _linalg.eigvalsh(inner)
    values, vectors = _linalg.eigh(inner)
    return values, _linalg.solve_triangular(factor.mT, vectors, upper=True)


def eigvalsh(a: Any, b: Any = None, *, lower: bool = True) -> Tensor:
    """The eigenvalues that eigh() gives, in growing order."""
    values: Tensor = eigh(a, b, lower=lower, eigvals_only=True)
    return values


def polar(a: Any, side: str = "right") -> tuple[Tensor, Tensor]:
    """(u, p) with a = u @ p, or p @ u for side "left": u has orthonormal columns or rows, p no negative eigenvalue."""
    if side not in ("left", "right"):
        raise ArgumentError(f'side is "right" or "left", got {side!r}')
    left, sizes, right = _linalg.svd(as_tensor(a), full_matrices=False)
    inner = (right.mT * sizes) @ right if side == "right" else (left * sizes) @ left.mT
    return left @ right, inner


def lstsq(a: Any, b: Any, cond: float | None = None) -> Any:
    """(the x for which a @ x is nearest to b, squared distances, rank, singular values)."""
    return _norms.lstsq(a, b, cond)


def toeplitz(c: Any, r: Any = None) -> Tensor:
    """The matrix with c as first column, r (c, where it is left out) as first row, and equal diagonals.

    Leading axes of c and r are a batch.
    """
    c = np.atleast_1d(as_tensor(c))
    r = c if r is None else np.atleast_1d(as_tensor(r))
    batch = np.broadcast_shapes(c.shape[:-1], r.shape[:-1])
    c, r = (broadcast_to(each, (*batch, each.shape[-1])) for each in (c, r))
    values = concat([flip(c, -1), r[..., 1:]], -1)
    rows, columns = c.shape[-1], r.shape[-1]
    return values[..., rows - 1 - np.arange(rows)[:, None] + np.arange(columns)]


def hankel(c: Any, r: Any = None) -> Tensor:
    """The matrix with c as first column, r as last row (zeros, where it is left out), and equal antidiagonals."""
    c = reshape(as_tensor(c), (-1,))
    r = as_tensor(np.zeros(c.shape, c.dtype)) if r is None else reshape(as_tensor(r), (-1,))
    values = concat([c, r[1:]])
    return values[np.arange(c.shape[0])[:, None] + np.arange(r.shape[0])]


def circulant(c: Any) -> Tensor:
    """The square matrix with c as first column, each further column turned down by one; leading axes are a batch."""
    c = np.atleast_1d(as_tensor(c))
    places = np.arange(c.shape[-1])
    return c[..., (places[:, None] - places) % max(c.shape[-1], 1)]


def solve_banded(l_and_u: tuple[int, int], ab: Any, b: Any) -> Tensor:
    """The x with A @ x = b, of a matrix A of which ab holds the diagonals: ab[u + i - j, j] is A[i, j]."""
    lower, upper = l_and_u
    ab = as_tensor(ab)
    if ab.ndim != 2 or ab.shape[0] != lower + upper + 1:
        raise ShapeError(f"solve_banded() takes {lower + upper + 1} diagonals, one a row, got shape {ab.shape}")
    return _linalg.solve(_from_diagonals(ab, lower, upper), b)


def solveh_banded(ab: Any, b: Any, lower: bool = False) -> Tensor:
    """solve_banded() of a symmetric matrix, of which ab holds the upper diagonals, or with `lower` the lower ones."""
    ab = as_tensor(ab)
    if ab.ndim != 2:
        raise ShapeError(f"solveh_banded() takes diagonals, one a row, got shape {ab.shape}")
    count = ab.shape[0] - 1
    half = _from_diagonals(ab, count, 0) if lower else _from_diagonals(ab, 0, count)
    return _linalg.solve(half + half.mT - np.diag(np.ones(ab.shape[1], ab.dtype)) * half, b)


def _from_diagonals(ab: Tensor, lower: int, upper: int) -> Tensor:
    i, j = np.indices((ab.shape[1], ab.shape[1]))
    inside = (i - j <= lower) & (j - i <= upper)
    return where(inside, ab[np.clip(upper + i - j, 0, lower + upper), j], 0.0)


def solve_toeplitz(c_or_cr: Any, b: Any) -> Tensor:
    """The x with toeplitz(c, r) @ x = b; r is c, where it is left out."""
    return _linalg.solve(toeplitz(*c_or_cr) if isinstance(c_or_cr, tuple) else toeplitz(c_or_cr), b)


def solve_circulant(c: Any, b: Any) -> Tensor:
    """The x with circulant(c) @ x = b, of a vector c."""
    c = as_tensor(c)
    if c.ndim != 1:
        raise ShapeError(f"solve_circulant() takes a vector as first column, got shape {c.shape}")
    return _linalg.solve(circulant(c), b)


_kron = NUMPY_TO_OP[np.kron]


def solve_sylvester(a: Any, b: Any, q: Any) -> Tensor:
    """The X with a @ X + X @ b = q, from one linear system for all its elements."""
    a, b, q = as_tensor(a), as_tensor(b), as_tensor(q)
    n, m = q.shape
    whole = _kron(a, np.eye(m, dtype=b.dtype)) + _kron(np.eye(n, dtype=a.dtype), b.mT)
    return reshape(_linalg.solve(whole, reshape(q, (-1,))), (n, m))


def solve_continuous_lyapunov(a: Any, q: Any) -> Tensor:
    """The X with a @ X + X @ aᵀ = q."""
    return solve_sylvester(a, as_tensor(a).mT, q)


def solve_discrete_lyapunov(a: Any, q: Any) -> Tensor:
    """The X with a @ X @ aᵀ − X + q = 0, from one linear system for all its elements."""
    a, q = as_tensor(a), as_tensor(q)
    whole = np.eye(q.size, dtype=a.dtype) - _kron(a, a)
    return reshape(_linalg.solve(whole, reshape(q, (-1,))), q.shape)


__getattr__ = of_scipy("scipy.linalg")
