"""Inverses, determinants and factors of matrices; leading axes are a batch of them. For norms see norms.py.

Gradients after Giles (2008), "Collected matrix derivative results", unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, overload

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.define import composed, define, in_rules
from grad_engine.core.numpy_protocol import NUMPY_TO_OP
from grad_engine.core.op import case
from grad_engine.core.stand_ins import asks
from grad_engine.core.tensor import Tensor
from grad_engine.errors import ArgumentError, NotDifferentiableError, ShapeError, SingularError
from grad_engine.ops.elementwise import values, where
from grad_engine.ops.product import matmul
from grad_engine.ops.reduction import total
from grad_engine.ops.shape import (
    matrix_transpose,
    reshaped,
    tril,
    triu,
)


def _checked(function: Callable[..., Any], name: str, x: Any, *others: Any, square: bool = True, way_out: str) -> Any:
    """`function(x, *others)`; an error of NumPy is raised as an error of this package."""
    if x.ndim < 2 or (square and x.shape[-1] != x.shape[-2]):
        raise ShapeError(f"{name}() takes {'square ' * square}matrices, got shape {x.shape}; reshape it")
    try:
        return function(x, *others)
    except np.linalg.LinAlgError as error:
        raise SingularError(f"{name}() of a matrix of shape {x.shape} failed: {error}; {way_out}") from None


def _eye(x: Any, n: int) -> Any:
    return np.eye(n, dtype=x.dtype)


def _symmetric(x: Any) -> Any:
    return (x + x.mT) / 2


@asks("does the matrix differ from its transpose?")
def _nearly_symmetric(name: str, x: Any) -> Any:
    """(x + xᵀ) / 2 of an x that is symmetric but for rounding."""
    if (
        np.absolute(x - x.mT) > 1e-3 * np.maximum.reduce(np.absolute(x), axis=(-2, -1), keepdims=True, initial=0)
    ).any():
        raise ShapeError(
            f"{name}() takes symmetric matrices, and x differs from its transpose; pass (x + x.mT) / 2, or build x "
            "from the triangle that counts"
        )
    return _symmetric(x)


def _scaled_columns(x: Any, scale: Any) -> Any:
    """Each column of x times its number in `scale`: x @ diag(scale)."""
    return x * reshaped(scale, (*scale.shape[:-1], 1, scale.shape[-1]))


def _as_column(scale: Any) -> Any:
    """`scale` as a matrix of one column, which as a factor scales rows."""
    return reshaped(scale, (*scale.shape, 1))


_SQUARE = np.array([[2.0, 0.5, -0.3], [0.1, -1.5, 0.7], [0.4, 0.2, 1.0]])
_DEFINITE = np.array([[2.0, 0.3, -0.1], [0.3, 1.5, 0.4], [-0.1, 0.4, 1.0]])
_REAL_SPECTRUM = np.array([[2.0, 1.0, 0.5], [0.3, 5.0, 0.2], [0.1, 0.4, 9.0]])
_BATCH = np.stack([_SQUARE, _SQUARE.T + _DEFINITE])
_TALL = np.array([[1.0, 0.2], [-0.5, 2.0], [0.3, 0.7]])
_WIDE = np.stack([_TALL.T, _TALL.T[:, ::-1] * 1.5])


# --- inverse and solution ---------------------------------------------------------------------------------------------

inv = define(
    lambda x: _checked(np.linalg.inv, "inv", x, way_out="use pinv"), name="inv", symbol="x⁻¹",
    category="linear algebra", inputs=("x",), numpy=[np.linalg.inv], cases=[case(_SQUARE), case(_BATCH), case((0, 0))],
    sentence="The gradient g is put between two transposed inverses, with a minus.",
    summary="The inverse of each square matrix.",
    vjp={"x": lambda g, out, x: -(out.mT @ g @ out.mT)},
)  # fmt: skip
inverted = in_rules(inv)


def _solve(x: Any, y: Any) -> Any:
    if not y.ndim or y.shape[0 if y.ndim == 1 else -2] != x.shape[-1]:
        raise ShapeError(
            f"solve() takes x (..., n, n) and y (n) or (..., n, m), got {x.shape} and {y.shape}; reshape y"
        )
    return _checked(np.linalg.solve, "solve", x, y, way_out="use pinv(x) @ y")


def _solve_y(g: Any, out: Any, x: Any, y: Any) -> Any:
    if y.ndim > 1 or x.ndim == 2:
        return solved(x.mT, g)
    return reshaped(solved(x.mT, _as_column(g)), g.shape)  # one vector for a batch of matrices


def _solve_x(g: Any, out: Any, x: Any, y: Any) -> Any:
    share = -_solve_y(g, out, x, y)
    return share @ out.mT if y.ndim > 1 else _as_column(share) * reshaped(out, (*out.shape[:-1], 1, out.shape[-1]))


def _solve_x_formula(g: Any, out: Any, x: Any, y: Any) -> Any:
    if y.ndim == 1 and x.ndim == 2:
        return ["neg", ["outer", ["solve", ["T", "x"], "g"], "out"]]
    share = ["neg", ["@", ["solve", ["T", "x"], "g"], ["T", "out"]]]
    return share if y.ndim > 1 else "minus each column of solve({x}ᵀ, {g}) times the row {out}"


def _solve_y_formula(g: Any, out: Any, x: Any, y: Any) -> Any:
    return ["solve", ["T", "x"], "g"] if y.ndim > 1 or x.ndim == 2 else "solve({x}ᵀ, {g}), summed over the batch"


solve = define(
    _solve, name="solve", symbol="x\\y", category="linear algebra", inputs=("x", "y"), numpy=[np.linalg.solve],
    cases=[
        case(_SQUARE, (3,)), case(_SQUARE, (3, 2)), case(_BATCH, (3,)), case(_BATCH, (3, 2)), case(_SQUARE, (2, 3, 1)),
    ],
    sentence="y gets the solution of the transposed system for g; x gets minus that times the result.",
    summary="The solution of x @ out = y, without computing the inverse of x. A 1-D y is one vector.",
    vjp={"x": _solve_x, "y": _solve_y}, reads=("x", "y", "out"),
    formula={"x": _solve_x_formula, "y": _solve_y_formula},
)  # fmt: skip
solved: Callable[..., Any] = in_rules(solve)


@composed(method=False)
def solve_triangular(
    x: Any, y: Any, upper: bool = True, left: bool = True, unitriangular: bool = False
) -> Tensor:  # fmt: skip
    """The solution of triangle(x) @ out = y (..., n, m); the other triangle of x is not read.

    upper: which triangle. left: False solves out @ x = y. unitriangular: the diagonal counts as ones.
    """
    x, y = as_tensor(x), as_tensor(y)
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise ShapeError(f"solve_triangular() takes square matrices, got shape {x.shape}")
    beside = int(unitriangular)
    triangle = triu(x, beside) if upper else tril(x, -beside)
    if unitriangular:
        triangle = triangle + np.eye(x.shape[-1], dtype=x.dtype)
    return solve(triangle, y) if left else matrix_transpose(solve(triangle.mT, y.mT))


@composed(method=False)
def cholesky_solve(y: Any, factor: Any, upper: bool = False) -> Tensor:
    """The solution of L @ Lᵀ @ out = y, for a Cholesky factor L (its transpose with `upper`)."""
    factor = as_tensor(factor)
    lower, higher = (factor.mT, factor) if upper else (factor, factor.mT)
    return solve(higher, solve(lower, y))


def _pinv(x: Any, rcond: Any = None, hermitian: bool = False, rtol: Any = None) -> Any:
    rcond = rtol if rcond is None else rcond
    return _checked(np.linalg.pinv, "pinv", x, rcond, hermitian, square=hermitian, way_out="look for NaN or inf in it")


def _cut_off(x: np.ndarray, rcond: Any) -> np.ndarray | None:
    """The singular values, where rcond makes 0 of some that are more than rounding; None where it does not."""
    if rcond is None or x.size == 0 or np.max(rcond) <= 1e3 * float(np.finfo(x.dtype).eps):
        return None
    levels = np.linalg.svd(x, compute_uv=False)
    top = levels.max(axis=-1, keepdims=True)
    cut = levels <= np.asarray(rcond)[..., None] * top
    return levels if (cut & (levels > 1e3 * float(np.finfo(x.dtype).eps) * top)).any() else None


def _pinv_cut_off(g: Any, x: Any, rcond: Any) -> Any:
    """The rule of pinv() where it drops singular values that are not 0: 1/σ above the bound, 0 below.

    The derivative of a function of singular values, by differences of it over differences of them (Daleckii & Krein
    1965), in the planes of two vectors, turned with and against one another; and what lies outside of all vectors.
    """
    left, levels, right = np.linalg.svd(x, full_matrices=False)
    sizes = values(levels)
    kept = sizes > np.asarray(rcond)[..., None] * sizes.max(axis=-1, keepdims=True)
    some = np.where(sizes > 0, levels, 1.0)
    inverses = np.where(kept, 1 / some, 0.0)
    up, down = levels[..., :, None], levels[..., None, :]
    high, low = inverses[..., :, None], inverses[..., None, :]
    same = np.abs(values(up) - values(down)) <= 1e-9 * (values(up) + values(down))
    slopes = np.where(kept, -1 / (some * some), 0.0)[..., :, None]
    apart = np.where(same, slopes, (high - low) / np.where(same, 1.0, up - down))
    inner = left.mT @ g.mT @ right.mT
    middle = apart * (inner + inner.mT) / 2 + (high + low) / (up + down) * (inner - inner.mT) / 2
    ratio = (inverses / some)[..., None]
    beyond_rows = (g.mT - left @ (left.mT @ g.mT)) @ right.mT @ (ratio * right)
    beyond_columns = left @ (ratio * left.mT) @ (g.mT - (g.mT @ right.mT) @ right)
    return left @ middle @ right + beyond_rows + beyond_columns


def _pinv_x(g: Any, out: Any, x: Any, rcond: Any, hermitian: bool, rtol: Any) -> Any:
    """Golub & Pereyra (1973), theorem 4.3: where the rank does not change nearby."""
    rcond = rtol if rcond is None else rcond
    if rcond is not None and _cut_off(values(x), rcond) is not None:
        return _pinv_cut_off(g, x, rcond)
    left, right = g.mT @ out @ out.mT, out.mT @ out @ g.mT
    return (left - x @ (out @ left)) + (right - (right @ out) @ x) - out.mT @ g @ out.mT


pinv = define(
    _pinv, name="pinv", symbol="x⁺", category="linear algebra", inputs=("x",), numpy=[np.linalg.pinv],
    cases=[case(_SQUARE), case(_TALL), case(_WIDE)],
    sentence="Like an inverse, with two more terms where rows or columns are dependent.",
    summary="The Moore-Penrose inverse of each matrix, of any shape; singular values below rcond (or rtol) times the "
    "largest count as 0.",
    vjp={"x": _pinv_x}, reads=("x", "out"),
    formula={"x": "−{out}ᵀ @ {g} @ {out}ᵀ, and two terms for what {g} has outside the rows and columns of {x}"},
)  # fmt: skip


@composed(numpy=[np.linalg.matrix_power])
def matrix_power(x: Any, n: int) -> Tensor:
    """Each square matrix times itself, n factors in all, by repeated squaring; of the inverse where n is negative."""
    x = as_tensor(x)
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise ShapeError(f"matrix_power() takes square matrices, got shape {x.shape}; reshape it")
    if not isinstance(n, int | np.integer):
        raise ArgumentError(f"matrix_power() takes a whole number as the power, got {n!r}")
    if n == 0:
        return x * 0.0 + np.eye(x.shape[-1], dtype=x.dtype)
    base, power = (x, int(n)) if n > 0 else (inv(x), -int(n))
    result = None
    while power:
        if power & 1:
            result = base if result is None else matmul(result, base)
        power >>= 1
        if power:
            base = matmul(base, base)
    assert result is not None
    return result


# --- determinants -----------------------------------------------------------------------------------------------------


def _others(s: Any, times: int) -> Any:
    """For numbers s, the products of all but one of them; with times=2, of all but two of them, as a matrix."""
    n = s.shape[-1]
    rows = np.where(np.eye(n, dtype=bool), 1, s[..., None, :])
    if times == 1:
        return np.multiply.reduce(rows, axis=-1)
    left = np.eye(n, dtype=bool)
    return np.multiply.reduce(np.where(left[:, None] | left[None], 1, s[..., None, None, :]), axis=-1)


_WELL = 1e5  # a condition number, in the Frobenius norm, that costs an inverse no more than five digits


@asks("is the matrix far from singular?")
def _good_inverse(x: Any) -> Any:
    """The inverse of each matrix of an array; None where one of them is singular or nearly so."""
    try:
        back = np.linalg.inv(x)
    except np.linalg.LinAlgError:
        return None
    size = np.add.reduce(x * x, axis=(-2, -1)) * np.add.reduce(back * back, axis=(-2, -1))
    return back if (size < _WELL * _WELL).all() else None


def _cofactor(x: Any) -> Any:
    back = _good_inverse(x)
    if back is not None:  # five times as fast as singular values
        return np.linalg.det(x)[..., None, None] * back.mT
    u, s, vh = np.linalg.svd(x)
    sign = (np.linalg.det(u) * np.linalg.det(vh))[..., None, None]
    return sign * ((u * _others(s, 1)[..., None, :]) @ vh)


def _cofactor_x(g: Any, out: Any, x: Any) -> Any:
    """(trace(gᵀ out) out − out gᵀ out) / det(x); on arrays by singular values, none of which it divides by."""
    if type(g) is Tensor or type(x) is Tensor or type(out) is Tensor:
        straight = inverted(x).mT
        scale = total(g * straight, axis=(-2, -1), keepdims=True)
        return scale * out - out @ g.mT @ straight
    u, s, vh = np.linalg.svd(x)
    sign = (np.linalg.det(u) * np.linalg.det(vh))[..., None, None]
    turned = u.mT @ g @ vh.mT
    rest = np.where(np.eye(s.shape[-1], dtype=bool), 0, _others(s, 2))
    levels = (rest @ np.diagonal(turned, axis1=-2, axis2=-1)[..., None])[..., 0]
    inner = -turned.mT * rest
    inner[..., range(s.shape[-1]), range(s.shape[-1])] = levels
    return sign * (u @ inner @ vh)


cofactor = define(
    lambda x: _checked(_cofactor, "cofactor", x, way_out="look for NaN or inf in it"), name="cofactor", symbol="cof",
    category="linear algebra", inputs=("x",), public=False, cases=[case(_SQUARE), case(_BATCH)],
    summary="det(x) · x⁻¹ᵀ, the gradient of det(x), from the singular values: exact for singular matrices too.",
    vjp={"x": _cofactor_x}, reads=("x", "out"),
    formula={"x": "how much each cofactor changes with each element of {x}, weighed by {g} and summed"},
)  # fmt: skip
_cofactors = in_rules(cofactor)


def cofactors(x: Any) -> Any:
    """The cofactors of x, for use in rules; of a singular Tensor in a form that has derivatives of every order.

    The derivative of cofactor() divides by the determinant. Where that is 0, each cofactor is written as the
    determinant of x without one row and one column.
    """
    if type(x) is not Tensor or _good_inverse(x.array) is not None:
        return _cofactors(x)
    n = x.shape[-1]
    others = np.array([[k for k in range(n) if k != i] for i in range(n)], int).reshape(n, n - 1)
    sign = np.where(np.add.outer(np.arange(n), np.arange(n)) % 2, -1.0, 1.0).astype(x.dtype)
    return det(x[..., others[:, None, :, None], others[None, :, None, :]]) * sign


def _matrix_scale(g: Any) -> Any:
    return reshaped(g, (*g.shape, 1, 1))


det = define(
    lambda x: _checked(np.linalg.det, "det", x, way_out="look for NaN or inf in it"), name="det", symbol="det",
    category="linear algebra", inputs=("x",), numpy=[np.linalg.det], cases=[case(_SQUARE), case(_BATCH)],
    sentence="Each element gets g times its cofactor, the determinant without its row and column, signed.",
    summary="The determinant of each square matrix.",
    vjp={"x": lambda g, out, x: _matrix_scale(g) * cofactors(x)},
    formula={"x": lambda g, out, x: (_matrix_scale(g) if x.ndim > 2 else g) * cofactors(x)},
)  # fmt: skip


def _slogdet_x(g: Any, out: Any, x: Any) -> Any:
    return None if g[1] is None else _matrix_scale(g[1]) * inverted(x).mT


slogdet = define(
    lambda x: tuple(_checked(np.linalg.slogdet, "slogdet", x, way_out="look for NaN or inf in it")), name="slogdet",
    symbol="ln|det|", category="linear algebra", inputs=("x",), numpy=[np.linalg.slogdet], multi_output=True,
    cases=[case(_SQUARE), case(_BATCH)],
    sentence="The logarithm sends g times the transposed inverse of x; the sign sends nothing.",
    summary="(sign, logarithm of the absolute value) of the determinant of each square matrix.",
    vjp={"x": _slogdet_x},
    formula={"x": lambda g, out, x: (_matrix_scale(g[1]) if x.ndim > 2 else g[1]) * inverted(x).mT},
)  # fmt: skip


@composed()
def logdet(x: Any) -> Tensor:
    """Natural logarithm of the determinant of each square matrix; NaN, with slope 0, where that is negative."""
    sign, size = slogdet(x)
    return where(sign.array >= 0, size, np.nan)


def _matrix_exp(x: Any) -> Any:
    """Scaling and squaring of the [13/13] Padé approximant (Higham 2005)."""
    if not x.size:
        return x.copy()
    size = float(np.absolute(x).sum(axis=-2).max())
    if not np.isfinite(size):
        return np.full(x.shape, np.nan, x.dtype)
    halvings = max(int(np.ceil(np.log2(size / _PADE_REACH))), 0) if size else 0
    x = x / x.dtype.type(2.0**halvings)
    one = np.eye(x.shape[-1], dtype=x.dtype)
    square = x @ x
    fourth = square @ square
    sixth = fourth @ square
    b = _PADE
    odd = sixth @ (b[13] * sixth + b[11] * fourth + b[9] * square)
    odd = x @ (odd + b[7] * sixth + b[5] * fourth + b[3] * square + b[1] * one)
    even = sixth @ (b[12] * sixth + b[10] * fourth + b[8] * square)
    even = even + b[6] * sixth + b[4] * fourth + b[2] * square + b[0] * one
    out = np.linalg.solve(even - odd, even + odd)
    for _ in range(halvings):
        out = out @ out
    return out


_PADE_REACH = 5.371920351148152
_PADE = (
    64764752532480000.0, 32382376266240000.0, 7771770303897600.0, 1187353796428800.0, 129060195264000.0,
    10559470521600.0, 670442572800.0, 33522128640.0, 1323241920.0, 40840800.0, 960960.0, 16380.0, 182.0, 1.0,
)  # fmt: skip


def _matrix_exp_x(g: Any, out: Any, x: Any) -> Any:
    """The upper right block of exp([[xᵀ, g], [0, xᵀ]]) (Mathias 1996)."""
    n = x.shape[-1]
    turned = x.mT
    above = np.concatenate([turned, g], axis=-1)
    below = np.concatenate([np.zeros(x.shape, x.dtype), turned], axis=-1)
    return _exponential(np.concatenate([above, below], axis=-2))[..., :n, n:]


matrix_exp = define(
    lambda x: _checked(_matrix_exp, "matrix_exp", x, way_out="look for NaN or inf in it"), name="matrix_exp",
    symbol="eˣ", category="linear algebra", inputs=("x",), cases=[case(_SQUARE), case(_BATCH), case((0, 0))],
    sentence="Each element gets g times how fast the exponential changes with it.",
    summary="The exponential of each square matrix: 1 + x + x @ x / 2 + ...",
    vjp={"x": _matrix_exp_x}, reads=("x",),
    formula={"x": "the upper right block of matrix_exp([[{x}ᵀ, {g}], [0, {x}ᵀ]])"},
)  # fmt: skip
_exponential: Callable[..., Any] = in_rules(matrix_exp)


# --- factors ----------------------------------------------------------------------------------------------------------


def _lower_half(x: Any) -> Any:
    """The lower triangle of x with half its diagonal."""
    n = x.shape[-1]
    return x * (np.tri(n, dtype=x.dtype) - _eye(x, n) / 2)


def _cholesky(x: Any, upper: bool = False) -> Any:
    factor = _checked(
        lambda a: np.linalg.cholesky(_nearly_symmetric("cholesky", a)),
        "cholesky",
        x,
        way_out="add a small multiple of the identity",
    )
    return factor.mT if upper else factor


def _cholesky_x(g: Any, out: Any, x: Any, upper: bool) -> Any:
    """Murray (2016), "Differentiation of the Cholesky decomposition", equation 10."""
    lower, g = (out.mT, g.mT) if upper else (out, g)
    back = inverted(lower)
    return _symmetric(back.mT @ _lower_half(lower.mT @ g) @ back)


cholesky = define(
    _cholesky, name="cholesky", symbol="L", category="linear algebra", inputs=("x",), numpy=[np.linalg.cholesky],
    cases=[case(_DEFINITE), case(np.stack([_DEFINITE, _DEFINITE + np.eye(3)])), case(_DEFINITE, upper=True)],
    sentence="Each element gets g times how fast the factor changes with it.",
    summary="The lower triangular L with L @ Lᵀ = x (its transpose with upper) of each symmetric positive definite x.",
    vjp={"x": _cholesky_x}, reads=("out",),
    formula={"x": "L⁻ᵀ @ Φ(Lᵀ @ {g}) @ L⁻¹, made symmetric; Φ: lower triangle, half the diagonal"},
)  # fmt: skip


@asks("are two of the values equal?")
def _gaps(levels: Any, name: str, what: str) -> Any:
    """1 / (level_j − level_i) off the diagonal and 0 on it. Raises SingularError where two values are equal."""
    n = levels.shape[-1]
    eye = _eye(levels, n)
    difference = reshaped(levels, (*levels.shape[:-1], 1, n)) - reshaped(levels, (*levels.shape, 1))
    data = values(levels)
    bound = np.finfo(data.dtype).eps * n * np.maximum.reduce(np.absolute(data), axis=-1, initial=0)[..., None, None]
    if ((np.absolute(values(difference)) <= bound) & (eye == 0)).any():
        raise SingularError(
            f"{name}() has no gradient through its {what} where two of the values are equal, because any rotation "
            f"among them is as good; use the values alone, or move {what} that belong together apart"
        )
    return (1 - eye) / (difference + eye)


def _eigh(x: Any, UPLO: str = "L") -> tuple[Any, Any]:
    if UPLO not in ("L", "U", "l", "u"):
        raise ArgumentError(f"UPLO of eigh() is 'L' or 'U', got {UPLO!r}")
    return tuple(
        _checked(lambda a: np.linalg.eigh(_nearly_symmetric("eigh", a)), "eigh", x, way_out="look for NaN or inf in it")
    )


def _eigh_x(g: Any, out: Any, x: Any, UPLO: str) -> Any:
    levels, vectors = out
    share = None
    if g[0] is not None:
        share = _scaled_columns(vectors, g[0]) @ vectors.mT
    if g[1] is not None:
        turned = (vectors.mT @ g[1]) * _gaps(levels, "eigh", "eigenvectors")
        turned = _symmetric(vectors @ turned @ vectors.mT)
        share = turned if share is None else share + turned
    return share


eigh = define(
    _eigh, name="eigh", symbol="λ, v", category="linear algebra", inputs=("x",), numpy=[np.linalg.eigh],
    multi_output=True,
    cases=[case(_DEFINITE), case(np.stack([_DEFINITE, _DEFINITE * _DEFINITE.T - np.eye(3)]))],
    sentence="Eigenvalues send g along their vectors; vectors send theirs by the gaps between values.",
    summary="(eigenvalues in ascending order, eigenvectors as columns) of each symmetric matrix.",
    vjp={"x": _eigh_x}, reads=("out",),
    formula={"x": "v @ (diag of g[0] + (vᵀ @ g[1]) / (λⱼ − λᵢ)) @ vᵀ"},
)  # fmt: skip


@asks("is an eigenvalue complex?")
def _eig(x: Any) -> tuple[Any, Any]:
    levels, vectors = _checked(np.linalg.eig, "eig", x, way_out="look for NaN or inf in it")
    if np.imag(levels).any():  # NumPy gives complex numbers from 2.5 on, also where all are real
        raise NotDifferentiableError(
            f"eig() of a matrix of shape {x.shape} has complex eigenvalues, which have no gradient here; call eigh() "
            "of a symmetric matrix, or np.linalg.eig(t.detach()) where no gradient is meant"
        )
    return np.ascontiguousarray(np.real(levels)), np.ascontiguousarray(np.real(vectors))


def _eig_x(g: Any, out: Any, x: Any) -> Any:
    """Boeddeker, Hanebrink, Drude, Heymann & Haeb-Umbach (2017), eq. 4.77, for vectors of length 1."""
    levels, vectors = out
    n = levels.shape[-1]
    eye = _eye(levels, n)
    inner = 0.0
    if g[0] is not None:
        inner = eye * _as_column(g[0])
    if g[1] is not None:
        turned = vectors.mT @ g[1]
        along = np.add.reduce(turned * eye, axis=-2)  # the change of length, which is taken away again
        inner = inner + (turned - _scaled_columns(vectors.mT @ vectors, along)) * _gaps(levels, "eig", "eigenvectors")
    return inverted(vectors).mT @ inner @ vectors.mT


eig = define(
    _eig, name="eig", symbol="λ, v", category="linear algebra", inputs=("x",), multi_output=True, floats=("x",),
    cases=[case(_REAL_SPECTRUM), case(np.stack([_REAL_SPECTRUM, _REAL_SPECTRUM.T + np.eye(3)]))],
    sentence="Eigenvalues send g along their vectors; vectors send theirs by the gaps between values.",
    summary="(eigenvalues, eigenvectors as columns of length 1) of each square matrix whose eigenvalues are real.",
    vjp={"x": _eig_x}, reads=("out",),
    formula={"x": "v⁻ᵀ @ (diag of g[0] + (vᵀ @ g[1] − vᵀv · diag of vᵀ @ g[1]) / (λⱼ − λᵢ)) @ vᵀ"},
)  # fmt: skip


@composed()
def eigvals(x: Any) -> Tensor:
    """The eigenvalues of each square matrix whose eigenvalues are real, in no order."""
    return eig(x)[0]


def _eig_of_numpy(a: Any) -> Any:
    """NumPy's eig: also of complex spectra, where no gradient is asked for."""
    x = as_tensor(a)
    return eig(x) if x.node is not None else np.linalg.eig(x.array)


def _eigvals_of_numpy(a: Any) -> Any:
    """NumPy's eigvals: also of complex spectra, where no gradient is asked for."""
    x = as_tensor(a)
    return eigvals(x) if x.node is not None else np.linalg.eigvals(x.array)


NUMPY_TO_OP[np.linalg.eig], NUMPY_TO_OP[np.linalg.eigvals] = _eig_of_numpy, _eigvals_of_numpy


@composed(numpy=[np.linalg.eigvalsh])
def eigvalsh(x: Any, UPLO: str = "L") -> Tensor:
    """The eigenvalues of each symmetric matrix, in ascending order."""
    return eigh(x, UPLO=UPLO)[0]


def _svd(x: Any, full_matrices: bool = True, hermitian: bool = False) -> tuple[Any, Any, Any]:
    return tuple(
        _checked(
            lambda a: np.linalg.svd(a, full_matrices, hermitian=hermitian), "svd", x, square=hermitian,
            way_out="look for NaN or inf in it",
        )
    )  # fmt: skip


def _part(g: Any, where: Any) -> Any:
    return None if g is None else g[where]


@asks("is a singular value 0?")
def _svd_x(g: Any, out: Any, x: Any, full_matrices: bool, hermitian: bool) -> Any:
    """Townsend (2016), "Differentiating the singular value decomposition"."""
    (gu, gs, gvh), (u, s, vh) = g, out
    m, n = x.shape[-2:]
    k = min(m, n)
    for side, length, what in ((gu, m, "U"), (gvh, n, "Vh")):
        if side is not None and length > k:
            if full_matrices and values(side[..., k:] if what == "U" else side[..., k:, :]).any():
                raise SingularError(
                    f"svd() of shape {x.shape} has no gradient through the {length - k} columns that complete {what}, "
                    "because any rotation of them is as good; pass full_matrices=False"
                )
            if (values(s) == 0).any():
                raise SingularError(
                    "svd() has no gradient through its vectors where a singular value is 0; use the values"
                )
    if full_matrices and m != n:
        u, vh, gu, gvh = (
            u[..., :k],
            vh[..., :k, :],
            _part(gu, (..., slice(k))),
            _part(gvh, (..., slice(k), slice(None))),
        )
    core = None if gs is None else _eye(s, k) * reshaped(gs, (*gs.shape[:-1], 1, k))
    gaps = None if gu is None and gvh is None else _gaps(s * s, "svd", "vectors")
    if gu is not None:
        turned = u.mT @ gu
        part = _scaled_columns((turned - turned.mT) * gaps, s)
        core = part if core is None else core + part
    if gvh is not None:
        turned = vh @ gvh.mT
        part = _as_column(s) * ((turned - turned.mT) * gaps)
        core = part if core is None else core + part
    share = u @ core @ vh
    if gu is not None and m > k:
        share = share + _scaled_columns(gu - u @ (u.mT @ gu), 1 / s) @ vh
    if gvh is not None and n > k:
        share = share + _scaled_columns(u, 1 / s) @ (gvh - (gvh @ vh.mT) @ vh)
    return share


_svd_op = define(
    _svd, name="svd", symbol="U S V", category="linear algebra", inputs=("x",), multi_output=True, method=False,
    cases=[case(_SQUARE), case(_TALL, full_matrices=False), case(_WIDE, full_matrices=False)],
    sentence="Singular values send g along their vectors; vectors send theirs by the gaps between values.",
    summary="(U, the singular values in descending order, Vh) with x = U @ diag(S) @ Vh.",
    vjp={"x": _svd_x}, reads=("x", "out"),
    formula={"x": "U @ (diag of g[1] + the turns of g[0] and g[2] / (Sⱼ² − Sᵢ²)) @ Vh"},
)  # fmt: skip


def _svdvals_x(g: Any, out: Any, x: Any) -> Any:
    u, _, vh = _svd_op(x, full_matrices=False) if type(x) is Tensor else _svd(x, False)
    return _scaled_columns(u, g) @ vh


svdvals = define(
    lambda x: _checked(
        lambda a: np.linalg.svd(a, compute_uv=False), "svdvals", x, square=False, way_out="look for NaN or inf in it"
    ),
    name="svdvals", symbol="S", category="linear algebra", inputs=("x",), numpy=[np.linalg.svdvals],
    cases=[case(_SQUARE), case(_TALL), case(_WIDE)],
    sentence="Each singular value sends its g along its two singular vectors.",
    summary="The singular values of each matrix, in descending order.",
    vjp={"x": _svdvals_x}, formula={"x": "U @ diag({g}) @ Vh"}, reads=("x",),
)  # fmt: skip


@overload
def svd(
    x: Any, full_matrices: bool = ..., compute_uv: Literal[True] = ..., hermitian: bool = ...
) -> tuple[Tensor, Tensor, Tensor]: ...
@overload
def svd(x: Any, full_matrices: bool = ..., *, compute_uv: Literal[False], hermitian: bool = ...) -> Tensor: ...
@overload
def svd(x: Any, full_matrices: bool = ..., compute_uv: bool = ..., hermitian: bool = ...) -> Any: ...
@composed(
    numpy=[np.linalg.svd],
    before=_svd_op,
    torch="PyTorch's torch.svd(x) gives V, not Vh, and as many columns as x has values, as svd(x, some=True) does; "
    "its torch.linalg.svd is svd here",
)
def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """(U, the singular values in descending order, Vh) with x = U @ diag(S) @ Vh; without compute_uv the values alone.

    full_matrices: complete U and Vh to square matrices. There is no gradient through what completes them.
    """
    return _svd_op(x, full_matrices=full_matrices, hermitian=hermitian) if compute_uv else svdvals(x)


def _lu(x: Any) -> tuple[Any, Any, Any]:
    """Gaussian elimination by rows, the largest element of each column first, of all matrices at once."""
    if x.ndim < 2:
        raise ShapeError(f"lu() takes matrices, got shape {x.shape}; reshape it")
    m, n = x.shape[-2:]
    left = np.array(x if x.dtype.kind == "f" else x.astype(float))
    order = np.broadcast_to(np.arange(m), x.shape[:-1]).copy()
    for j in range(min(m, n)):
        best = np.argmax(np.absolute(left[..., j:, j]), axis=-1)[..., None] + j
        rows = np.broadcast_to(np.arange(m), order.shape).copy()
        np.put_along_axis(rows, best, j, axis=-1)
        rows[..., j : j + 1] = best
        left, order = np.take_along_axis(left, rows[..., None], axis=-2), np.take_along_axis(order, rows, axis=-1)
        pivot = left[..., j : j + 1, j]
        left[..., j + 1 :, j] /= np.where(pivot == 0, 1, pivot)
        left[..., j + 1 :, j + 1 :] -= left[..., j + 1 :, j : j + 1] * left[..., j : j + 1, j + 1 :]
    k = min(m, n)
    turned = (order[..., None, :] == np.arange(m)[:, None]).astype(left.dtype)
    return turned, np.tril(left[..., :k], -1) + np.eye(m, k, dtype=left.dtype), np.triu(left[..., :k, :])


def _lu_x(g: Any, out: Any, x: Any) -> Any:
    """de Hoog, Anderssen & Lukas (2011), "Differentiation of matrix functionals using triangular factorization"."""
    (_, gl, gu), (turned, lower, upper) = g, out
    if gl is None and gu is None:
        return None
    m, n = x.shape[-2:]
    k = min(m, n)
    gl = np.zeros(lower.shape, lower.dtype) if gl is None else gl
    gu = np.zeros(upper.shape, upper.dtype) if gu is None else gu
    square, left = lower[..., :k, :], upper[..., :k]
    below, above = square.mT @ gl[..., :k, :], gu[..., :k] @ left.mT
    if n > k:  # what stands right of the square follows from L alone
        below = below - gu[..., k:] @ upper[..., k:].mT
    if m > k:  # and what stands below it from U
        above = above - lower[..., k:, :].mT @ gl[..., k:, :]
    inner = np.tril(below, -1) + np.triu(above)
    back = inverted(square).mT
    share = back @ inner @ inverted(left).mT
    if n > k:
        share = np.concatenate([share, back @ gu[..., k:]], axis=-1)
    if m > k:
        share = np.concatenate([share, gl[..., k:, :] @ inverted(left).mT], axis=-2)
    return turned @ share


lu = define(
    _lu, name="lu", symbol="P L U", category="linear algebra", inputs=("x",), multi_output=True,
    cases=[case(_SQUARE), case(_BATCH), case(_TALL), case(_WIDE)],
    sentence="Each element gets g times how fast the factors change with it.",
    summary="(permutation P, L lower triangular with ones on the diagonal, U upper triangular) with x = P @ L @ U.",
    vjp={"x": _lu_x}, reads=("out",),
    formula={"x": "P @ L⁻ᵀ @ (lower part of Lᵀ @ g[1] + upper part of g[2] @ Uᵀ) @ U⁻ᵀ"},
)  # fmt: skip


def _qr(x: Any, mode: str = "reduced") -> tuple[Any, Any]:
    if mode not in ("reduced", "complete"):
        raise ArgumentError(f"mode of qr() is 'reduced', 'complete' or 'r', got {mode!r}")
    return tuple(_checked(np.linalg.qr, "qr", x, mode, square=False, way_out="look for NaN or inf in it"))


@asks("does a column depend on those before it?")
def _qr_x(g: Any, out: Any, x: Any, mode: str) -> Any:
    """Walter & Lehmann (2018), "Algorithmic differentiation of linear algebra functions"; Roberts & Roberts (2020)."""
    q, r = out
    m, n = x.shape[-2:]
    if mode == "complete" and m > n:
        raise SingularError(
            f"qr() of shape {x.shape} has no gradient through the {m - n} columns that complete Q, because any "
            "rotation of them is as good; use mode='reduced'"
        )
    gq, gr = (np.zeros_like(values(part)) if share is None else share for share, part in zip(g, out, strict=True))
    rest = None
    if m < n:  # the columns beyond the square follow from Q: x2 = Q @ r2
        rest = q @ gr[..., m:]
        gq = gq + x[..., m:] @ gr[..., m:].mT
        r, gr = r[..., :m], gr[..., :m]
    pivots = np.absolute(np.diagonal(values(r), axis1=-2, axis2=-1))
    if (
        pivots <= np.finfo(x.dtype).eps * max(m, n) * np.maximum.reduce(pivots, axis=-1, keepdims=True, initial=0)
    ).any():
        raise SingularError(
            f"qr() of shape {x.shape} has no gradient where one of the first {min(m, n)} columns depends on those "
            "before it, because its direction in Q is then left to chance; use svd(), or move the columns apart"
        )
    half = _lower_half(r @ gr.mT - gq.mT @ q)
    share = solved(r, (gq + q @ (half + half.mT)).mT).mT
    return share if rest is None else np.concatenate([share, rest], axis=-1)


_qr_op = define(
    _qr, name="qr", symbol="Q R", category="linear algebra", inputs=("x",), multi_output=True, method=False,
    cases=[case(_SQUARE), case(_TALL), case(_WIDE), case(_SQUARE, mode="complete")],
    sentence="Each element gets g times how fast the factors change with it.",
    summary="(Q with orthonormal columns, R upper triangular) with x = Q @ R.",
    vjp={"x": _qr_x}, reads=("x", "out"),
    formula={"x": "(g[0] + Q @ sym(R @ g[1]ᵀ − g[0]ᵀ @ Q)) @ R⁻ᵀ; sym: from the lower triangle"},
)  # fmt: skip


@overload
def qr(x: Any, mode: Literal["reduced", "complete"] = ...) -> tuple[Tensor, Tensor]: ...
@overload
def qr(x: Any, mode: Literal["r"]) -> Tensor: ...
@overload
def qr(x: Any, mode: str) -> Any: ...
@composed(numpy=[np.linalg.qr], before=_qr_op)
def qr(x: Any, mode: str = "reduced") -> Any:
    """(Q with orthonormal columns, R upper triangular) with x = Q @ R; R alone with mode 'r'."""
    return _qr_op(x, mode="reduced")[1] if mode == "r" else _qr_op(x, mode=mode)
