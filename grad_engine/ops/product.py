"""Products of vectors, matrices and tensors."""

from __future__ import annotations

import math
import string
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from grad_engine.core.broadcasting import dot_of
from grad_engine.core.call import as_tensor
from grad_engine.core.define import composed, define, in_rules
from grad_engine.core.numpy_protocol import NUMPY_TO_OP
from grad_engine.core.op import case
from grad_engine.core.tensor import Tensor
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.formula import Tree
from grad_engine.formula.symbol import Symbol, traced
from grad_engine.ops.indexing import scattered
from grad_engine.ops.reduction import total
from grad_engine.ops.shape import moveaxis, reshaped


def _row(x: Any) -> Any:
    return reshaped(x, (*x.shape[:-1], 1, x.shape[-1]))


def _column(x: Any) -> Any:
    return reshaped(x, (*x.shape, 1))


def matrix_product(x: Any, y: Any) -> Any:
    """x @ y, for use in rules: of matrices and batches of them, or of a matrix and a vector."""
    kinds = {type(x), type(y)}
    if Symbol in kinds:
        return x @ y
    if Tensor not in kinds and x.ndim == 2 >= y.ndim:
        return dot_of(x, y)
    return x * y if x.shape[-1] == 1 and y.ndim > 1 else x @ y  # BLAS is slow at a column times a row


def _matmul_x(g: Any, out: Any, x: Any, y: Any) -> Any:
    if x.ndim > 1 and y.ndim > 1:
        return matrix_product(g, y.mT)
    if y.ndim == 1:  # out lacks the column axis
        return _column(g) * y if x.ndim > 1 else g * y
    return reshaped(y @ _column(g), y.shape[:-1])  # x is one row, g lacks the row axis


def _matmul_y(g: Any, out: Any, x: Any, y: Any) -> Any:
    if x.ndim > 1 and y.ndim > 1:
        if x.ndim > 2 == y.ndim and x.size and y.size:  # one matrix for a batch: one product, not many and a sum
            return matrix_product(reshaped(x, (-1, x.shape[-1])).mT, reshaped(g, (-1, g.shape[-1])))
        return matrix_product(x.mT, g)
    if x.ndim == 1:
        return _column(x) * _row(g) if y.ndim > 1 else g * x
    if x.ndim == 2:
        return matrix_product(x.mT, g)
    return reshaped(x.mT @ _column(g), (*x.shape[:-2], x.shape[-1]))


def _matmul_x_formula(g: Any, out: Any, x: Any, y: Any) -> Any:
    if x.ndim > 1 and y.ndim > 1:
        return g @ y.mT
    if x.ndim == y.ndim == 1:
        return g * y
    if x.ndim == 1:
        return y @ g if y.ndim == 2 else "{y} @ {g}, summed over the batch"
    return ["outer", "g", "y"] if x.ndim == 2 else _matmul_x(g, out, x, y)


def _matmul_y_formula(g: Any, out: Any, x: Any, y: Any) -> Any:
    if x.ndim > 1 and y.ndim > 1:
        return x.mT @ g
    if x.ndim == y.ndim == 1:
        return g * x
    if y.ndim == 1:
        return x.mT @ g if x.ndim == 2 else "{x}ᵀ @ {g}, summed over the batch"
    return ["outer", "x", "g"] if y.ndim == 2 else _matmul_y(g, out, x, y)


matmul = define(
    np.matmul, name="matmul", symbol="@", category="linear algebra", operator="matmul", numpy=[np.linalg.matmul],
    numbers=True, multiply_adds=lambda out, x, y: math.prod(out) * x[-1],
    cases=[
        case((2, 3), (3, 4)), case((3,), (3,)), case((3,), (3, 4)), case((2, 3), (3,)), case((5, 2, 3), (3, 4)),
        case((2, 3), (5, 3, 4)), case((5, 1, 2, 3), (4, 3, 2)), case((3,), (5, 3, 4)), case((5, 2, 3), (3,)),
        case((2, 0), (0, 3)),
    ],
    sentence="Each matrix gets g multiplied by the other one, transposed.",
    summary="Matrix product. A 1-D operand is a row on the left and a column on the right; leading axes broadcast.",
    vjp={"x": _matmul_x, "y": _matmul_y}, formula={"x": _matmul_x_formula, "y": _matmul_y_formula}, reads=("x", "y"),
)  # fmt: skip


def _axes(x: Any, y: Any, axes: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The contracted axes of each operand, counted from 0."""
    if isinstance(axes, int | np.integer):
        return tuple(range(x.ndim - axes, x.ndim)), tuple(range(axes))
    left, right = ((part,) if isinstance(part, int | np.integer) else tuple(part) for part in axes)
    return tuple(a % x.ndim for a in left), tuple(a % y.ndim for a in right)


def _tensordot_x(g: Any, out: Any, x: Any, y: Any, axes: Any) -> Any:
    left, right = _axes(x, y, axes)
    rest = [a for a in range(y.ndim) if a not in right]
    share = np.tensordot(g, y, axes=(list(range(g.ndim - len(rest), g.ndim)), rest))  # free axes of x, then right's
    order = [a for a in range(x.ndim) if a not in left] + [a for _, a in sorted(zip(right, left, strict=True))]
    return np.transpose(share, tuple(np.argsort(order).tolist()))


def _tensordot_y(g: Any, out: Any, x: Any, y: Any, axes: Any) -> Any:
    left, right = _axes(x, y, axes)
    rest = [a for a in range(x.ndim) if a not in left]
    share = np.tensordot(x, g, axes=(rest, list(range(len(rest)))))  # left's, in their order, then free axes of y
    order = [a for _, a in sorted(zip(left, right, strict=True))] + [a for a in range(y.ndim) if a not in right]
    return np.transpose(share, tuple(np.argsort(order).tolist()))


def _tensordot(x: Any, y: Any, axes: Any = 2) -> Any:
    if isinstance(axes, int | np.integer) and axes < 0:
        raise ArgumentError(f"tensordot() sums over a number of axes from 0 on, got {axes}; give them as two lists")
    try:
        return np.tensordot(x, y, axes)
    except (ValueError, IndexError):
        raise ShapeError(
            f"tensordot() sums over axes={axes}, which must be of one length in both; got shapes {x.shape} and "
            f"{y.shape}; give the axes as two lists"
        ) from None


tensordot = define(
    _tensordot, name="tensordot", symbol="⊗", category="linear algebra",
    inputs=("x", "y"), numpy=[np.tensordot, np.linalg.tensordot],
    cases=[
        case((2, 3), (3, 4), axes=1), case((2, 3, 4), (4, 3, 2), axes=((1, 2), (1, 0))), case((2, 3), (2, 3)),
        case((2,), (3,), axes=0), case((2, 3, 4), (3, 5), axes=(1, 0)),
    ],
    sentence="Each operand gets g times the other, summed over the axes that it lacks.",
    summary="Sum of products over `axes`: so many last axes of x and first axes of y, or a pair of lists of axes.",
    vjp={"x": _tensordot_x, "y": _tensordot_y},
    formula={"x": "{g} contracted with {y}", "y": "{x} contracted with {g}"}, reads=("x", "y"),
)  # fmt: skip


def _dot_x(g: Any, out: Any, x: Any, y: Any) -> Any:
    if not x.ndim or not y.ndim:
        return g * y
    return _tensordot_x(g, out, x, y, (x.ndim - 1, max(y.ndim - 2, 0)))


def _dot_y(g: Any, out: Any, x: Any, y: Any) -> Any:
    if not x.ndim or not y.ndim:
        return g * x
    return _tensordot_y(g, out, x, y, (x.ndim - 1, max(y.ndim - 2, 0)))


def _dot_x_formula(g: Any, out: Any, x: Any, y: Any) -> Any:
    if not x.ndim or not y.ndim:
        return g * y
    return _matmul_x_formula(g, out, x, y) if max(x.ndim, y.ndim) < 3 else "{g} contracted with {y}"


def _dot_y_formula(g: Any, out: Any, x: Any, y: Any) -> Any:
    if not x.ndim or not y.ndim:
        return g * x
    return _matmul_y_formula(g, out, x, y) if max(x.ndim, y.ndim) < 3 else "{x} contracted with {g}"


def _dot(x: Any, y: Any) -> Any:
    try:
        return np.dot(x, y)
    except ValueError:
        raise ShapeError(
            "dot() sums over the last axis of x and the second to last (or only) axis of y, which must be of one "
            f"length; got shapes {x.shape} and {y.shape}; transpose one"
        ) from None


dot = define(
    _dot, name="dot", symbol="·", category="linear algebra", inputs=("x", "y"), numpy=[np.dot],
    cases=[case((3,), (3,)), case((2, 3), (3, 4)), case((2, 3), (3,)), case((), (2, 3)), case((2, 4, 3), (5, 3, 2))],
    sentence="Each operand gets g times the other one, transposed where they are matrices.",
    summary="np.dot: inner product of vectors, matrix product of matrices, last axis with second to last beyond.",
    vjp={"x": _dot_x, "y": _dot_y}, formula={"x": _dot_x_formula, "y": _dot_y_formula}, reads=("x", "y"),
)  # fmt: skip


def _inner_axes(x: Any, y: Any) -> tuple[int, int]:
    return x.ndim - 1, y.ndim - 1


inner = define(
    lambda x, y: np.inner(x, y), name="inner", symbol="⟨,⟩", category="linear algebra", inputs=("x", "y"),
    numpy=[np.inner], cases=[case((3,), (3,)), case((2, 3), (4, 3)), case((3,), (2, 2, 3)), case((), (2,))],
    sentence="Each operand gets g times the other, summed over the axes that it lacks.",
    summary="Sums of products over the last axis of both.",
    vjp={
        "x": lambda g, out, x, y: _tensordot_x(g, out, x, y, _inner_axes(x, y)) if x.ndim and y.ndim else g * y,
        "y": lambda g, out, x, y: _tensordot_y(g, out, x, y, _inner_axes(x, y)) if x.ndim and y.ndim else g * x,
    },
    formula={"x": "{g} contracted with {y}", "y": "{g} contracted with {x}"}, reads=("x", "y"),
)  # fmt: skip
vdot = define(
    lambda x, y: np.vdot(x, y), name="vdot", symbol="·", category="linear algebra", inputs=("x", "y"), numpy=[np.vdot],
    cases=[case((3,), (3,)), case((2, 3), (2, 3)), case((2, 3), (6,)), case((), ())],
    commutes=True,
    sentence="Each vector gets the other one times g.",
    summary="Sum of the products of all elements in C order.",
    vjp={
        "x": lambda g, out, x, y: g * (y if x.shape == y.shape else reshaped(y, x.shape)),
        "y": lambda g, out, x, y: g * (x if x.shape == y.shape else reshaped(x, y.shape)),
    },
)  # fmt: skip
_vecdot = define(
    np.vecdot, name="vecdot", symbol="·", category="linear algebra",
    cases=[case((3,), (3,)), case((2, 3), (2, 3)), case((2, 1, 3), (4, 3))],
    commutes=True,
    sentence="Each vector gets the other one times its g.",
    summary="Sum of products over the last axis; the other axes broadcast.",
    vjp={"x": lambda g, out, x, y: _column(g) * y, "y": lambda g, out, x, y: _column(g) * x},
    formula={
        "x": lambda g, out, x, y: (g if x.ndim == y.ndim == 1 else _column(g)) * y,
        "y": lambda g, out, x, y: (g if x.ndim == y.ndim == 1 else _column(g)) * x,
    },
)  # fmt: skip


@composed(numpy=[np.vecdot, np.linalg.vecdot], before=_vecdot)
def vecdot(x: Any, y: Any, axis: int = -1) -> Tensor:
    """Sum of products along `axis`; the other axes broadcast."""
    if axis in (-1, None):
        return _vecdot(x, y)
    x, y = as_tensor(x), as_tensor(y)
    return _vecdot(*(moveaxis(part, axis if axis < 0 else axis - np.ndim(x) + part.ndim, -1) for part in (x, y)))


outer = define(
    lambda x, y: np.outer(x, y), name="outer", symbol="⊗", category="linear algebra", inputs=("x", "y"),
    numpy=[np.outer, np.linalg.outer], cases=[case((3,), (2,)), case((0,), (2,))],
    sentence="Each vector gets the matrix g times the other vector.",
    summary="The product of every element of x with every element of y: (size of x, size of y).",
    vjp={
        "x": lambda g, out, x, y: reshaped(g @ reshaped(y, (y.size,)), x.shape),
        "y": lambda g, out, x, y: reshaped(reshaped(x, (x.size,)) @ g, y.shape),
    },
    formula={
        "x": lambda g, out, x, y: g @ y if x.ndim == y.ndim == 1 else reshaped(g @ reshaped(y, (y.size,)), x.shape),
        "y": lambda g, out, x, y: x @ g if x.ndim == y.ndim == 1 else reshaped(reshaped(x, (x.size,)) @ g, y.shape),
    },
)  # fmt: skip


def _pieces(g: Any, x: Any, y: Any) -> tuple[Any, str, str, str]:
    """g with the axes of x and y apart, and the labels of g, x and y, all with as many axes as the larger."""
    n = g.ndim
    rows, columns = ((1,) * (n - part.ndim) + part.shape for part in (x, y))
    apart = reshaped(g, tuple(length for pair in zip(rows, columns, strict=True) for length in pair))
    labels = string.ascii_letters[: 2 * n]
    return apart, labels, labels[::2][n - x.ndim :], labels[1::2][n - y.ndim :]


def _kron_x(g: Any, out: Any, x: Any, y: Any) -> Any:
    apart, labels, mine, others = _pieces(g, x, y)
    return contracted(f"{labels},{others}->{mine}", apart, y)


def _kron_y(g: Any, out: Any, x: Any, y: Any) -> Any:
    apart, labels, others, mine = _pieces(g, x, y)
    return contracted(f"{labels},{others}->{mine}", apart, x)


kron = define(
    lambda x, y: np.kron(x, y), name="kron", symbol="⊗", category="linear algebra", inputs=("x", "y"),
    numpy=[np.kron],
    cases=[case((2, 3), (3, 2)), case((2,), (2, 3)), case((2, 1, 2), (2, 2)), case((), (2,)), case((2, 2), ())],
    sentence="Each operand gets g times the other, summed over the blocks.",
    summary="Kronecker product: each element of x times the whole of y, laid side by side.",
    vjp={"x": _kron_x, "y": _kron_y}, reads=("x", "y"),
    formula={"x": "{g} · {y}, summed over each block", "y": "{g} · {x}, summed over the blocks"},
)  # fmt: skip


def _from_end(axis: int, ndim: int) -> int:
    return axis - ndim if axis >= 0 else axis


def _cross(x: Any, y: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    if axis is not None:
        axisa = axisb = axisc = axis
    if not x.ndim or not y.ndim or x.shape[axisa] != 3 or y.shape[axisb] != 3:
        raise ShapeError(
            f"cross() takes vectors of length 3, got shapes {x.shape} and {y.shape}; append a 0 to 2-D ones"
        )
    return np.cross(x, y, axisa, axisb, axisc)


def _cross_x(g: Any, out: Any, x: Any, y: Any, axisa: int, axisb: int, axisc: int, axis: int | None) -> Any:
    a, b, c = (axisa, axisb, axisc) if axis is None else (axis,) * 3
    return crossed(y, g, b, c, _from_end(a, x.ndim))


def _cross_y(g: Any, out: Any, x: Any, y: Any, axisa: int, axisb: int, axisc: int, axis: int | None) -> Any:
    a, b, c = (axisa, axisb, axisc) if axis is None else (axis,) * 3
    return crossed(g, x, c, a, _from_end(b, y.ndim))


def _cross_x_formula(g: Any, out: Any, x: Any, y: Any, axisa: int, axisb: int, axisc: int, axis: int | None) -> Any:
    plain = (axisa, axisb, axisc, axis) == (-1, -1, -1, None)
    return ["cross", "y", "g"] if plain else _cross_x(g, out, x, y, axisa, axisb, axisc, axis)


def _cross_y_formula(g: Any, out: Any, x: Any, y: Any, axisa: int, axisb: int, axisc: int, axis: int | None) -> Any:
    plain = (axisa, axisb, axisc, axis) == (-1, -1, -1, None)
    return ["cross", "g", "x"] if plain else _cross_y(g, out, x, y, axisa, axisb, axisc, axis)


cross = define(
    _cross, name="cross", symbol="×", category="linear algebra", inputs=("x", "y"), numpy=[np.cross],
    cases=[
        case((3,), (3,)), case((2, 3), (3,)), case((3, 2), (3, 2), axis=0), case((3, 2), (2, 3), axisa=0, axisc=0),
        case((3,), (3, 2), axisb=0),
    ],
    sentence="x gets the cross product y × g, and y gets g × x.",
    summary="Cross product of vectors of length 3, along the last axes unless said otherwise.",
    vjp={"x": _cross_x, "y": _cross_y}, formula={"x": _cross_x_formula, "y": _cross_y_formula},
)  # fmt: skip
NUMPY_TO_OP[np.linalg.cross] = lambda x, y, axis=-1: cross(x, y, axis=axis)
crossed: Callable[..., Any] = in_rules(cross)


def _addmm(x: Any, y: Any, z: Any, beta: float = 1, alpha: float = 1) -> Any:
    if y.ndim != 2 or z.ndim != 2:
        raise ShapeError(f"addmm() takes two matrices after x, got shapes {y.shape} and {z.shape}; use x + y @ z")
    product = y @ z
    if np.broadcast_shapes(x.shape, product.shape) != product.shape:
        raise ShapeError(f"addmm() adds x to a product of shape {product.shape}, got shape {x.shape}; use x + y @ z")
    if alpha != 1:
        product = product * alpha
    if beta == 0:  # x is not used, so a NaN in it has no effect
        return product
    return product + (x if beta == 1 else x * beta)


def _addmm_written(x: Tree, y: Tree, z: Tree, beta: float, alpha: float) -> Tree:
    left = x if beta == 1 else ["*", beta, x]
    return ["+", left, ["@", y, z] if alpha == 1 else ["*", alpha, ["@", y, z]]]


addmm = define(
    _addmm, name="addmm", symbol="+@", category="linear algebra", inputs=("x", "y", "z"),
    floats=("x", "y", "z"), multiply_adds=lambda out, x, y, z: math.prod(out) * y[-1],
    cases=[
        case((2, 4), (2, 3), (3, 4)), case((4,), (2, 3), (3, 4), beta=0.5, alpha=2.0),
        case((), (2, 3), (3, 4), beta=0),
    ],
    forward_formula=_addmm_written,
    sentence="x gets g; each matrix gets g times the other one, transposed; beta and alpha scale them.",
    summary="beta · x + alpha · (y @ z).",
    vjp={
        "x": lambda g, out, x, y, z, beta, alpha: g if beta == 1 else g * beta,
        "y": lambda g, out, x, y, z, beta, alpha: (g if alpha == 1 else g * alpha) @ z.mT,
        "z": lambda g, out, x, y, z, beta, alpha: y.mT @ (g if alpha == 1 else g * alpha),
    },
)  # fmt: skip


@composed()
def bmm(x: Any, y: Any) -> Tensor:
    """The matrix product of each pair of matrices in two batches: (b, n, m) @ (b, m, p)."""
    x, y = as_tensor(x), as_tensor(y)
    if x.ndim != 3 or y.ndim != 3 or x.shape[0] != y.shape[0]:
        raise ShapeError(f"bmm() takes two batches of matrices of one length, got {x.shape} and {y.shape}; use matmul")
    return matmul(x, y)


@composed()
def mv(x: Any, y: Any) -> Tensor:
    """The product of a matrix and a vector: (n, m) @ (m)."""
    x, y = as_tensor(x), as_tensor(y)
    if x.ndim != 2 or y.ndim != 1:
        raise ShapeError(f"mv() takes a matrix and a vector, got {x.shape} and {y.shape}; use matmul")
    return matmul(x, y)


@composed(numpy=[np.matvec] if hasattr(np, "matvec") else [])
def matvec(x: Any, y: Any) -> Tensor:
    """The products of matrices and vectors (..., n, m) and (..., m), the axes before being a batch that broadcasts."""
    return matmul(as_tensor(x), as_tensor(y)[..., None])[..., 0]


@composed(numpy=[np.vecmat] if hasattr(np, "vecmat") else [])
def vecmat(x: Any, y: Any) -> Tensor:
    """The products of vectors and matrices (..., n) and (..., n, m), the axes before being a batch that broadcasts."""
    return matmul(as_tensor(x)[..., None, :], as_tensor(y))[..., 0, :]


@composed(numpy=[np.linalg.multi_dot], method=False)
def multi_dot(xs: Sequence[Any]) -> Tensor:
    """The matrix product of two or more matrices, in the order that takes fewest multiplications (Godbole 1973).

    The first and the last may be vectors: a row and a column.
    """
    chain = [as_tensor(x) for x in xs]
    if len(chain) < 2:
        raise ArgumentError(f"multi_dot() takes a list of at least two matrices, got {len(chain)}")
    wrong = [x.shape for i, x in enumerate(chain) if x.ndim != 2 and not (x.ndim == 1 and i in (0, len(chain) - 1))]
    if wrong:
        raise ShapeError(f"multi_dot() takes matrices, and vectors only at the ends, got shape {wrong[0]}; use matmul")
    rows = [x.shape[0] if x.ndim == 2 else (1 if i == 0 else x.shape[0]) for i, x in enumerate(chain)]
    sizes = [*rows, chain[-1].shape[1] if chain[-1].ndim == 2 else 1]

    @lru_cache(None)
    def best(i: int, j: int) -> tuple[int, int]:
        """The fewest multiplications for the product of i to j, and where the last one splits it."""
        if i == j:
            return 0, i
        return min((best(i, k)[0] + best(k + 1, j)[0] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j))

    def product(i: int, j: int) -> Tensor:
        if i == j:
            return chain[i]
        split = best(i, j)[1]
        return matmul(product(i, split), product(split + 1, j))

    return product(0, len(chain) - 1)


# --- einsum -----------------------------------------------------------------------------------------------------------

_LARGE = 1 << 17  # above this product of sizes it pays to look for a way through BLAS


@lru_cache(1024)
def _labels(subscripts: str, ndims: tuple[int, ...]) -> tuple[tuple[str, ...], str]:
    """The label of every axis of each operand and of the result, an ellipsis written out."""
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    unused = [letter for letter in string.ascii_letters if letter not in text]
    extra = [ndim - len(term) + 3 if "..." in term else 0 for term, ndim in zip(terms, ndims, strict=True)]
    dots = "".join(unused[: max(extra, default=0)])
    written = [term.replace("...", dots[len(dots) - n :]) for term, n in zip(terms, extra, strict=True)]
    if not arrow:
        once = sorted({label for label in left if label.isalpha() and left.count(label) == 1})
        right = ("..." if dots else "") + "".join(once)
    return tuple(written), right.replace("...", dots)


def _einsum(xs: Any, subscripts: str) -> Any:
    sizes = [np.size(x) for x in xs]
    return np.einsum(subscripts, *xs, optimize=len(xs) > 2 or (len(xs) == 2 and sizes[0] * sizes[1] > _LARGE))


def contracted(subscripts: str, *operands: Any) -> Any:
    """einsum inside rules."""
    if any(type(x) is Symbol for x in operands):
        return traced("einsum", f"'{subscripts}'", *operands)
    return _einsum_in_rules(list(operands), subscripts)


def _einsum_shares(g: Any, out: Any, xs: Any, subscripts: str, wanted: Any) -> list[Any]:
    """Each share is the einsum of g and the other operands, to the labels of the operand (Laue et al. 2018)."""
    terms, result = _labels(subscripts, tuple(np.ndim(x) if not isinstance(x, Symbol) else x.ndim for x in xs))
    shares: list[Any] = []
    for i, (x, term) in enumerate(zip(xs, terms, strict=True)):
        if not wanted[i]:
            shares.append(None)
            continue
        others = [j for j in range(len(xs)) if j != i]
        known = set(result).union(*(terms[j] for j in others))
        own = "".join(dict.fromkeys(term))
        have = "".join(label for label in own if label in known)
        inner = ",".join([result, *(terms[j] for j in others)]) + "->" + have
        share = contracted(inner, g, *(xs[j] for j in others))
        if type(share) is not Symbol:
            share = _laid_out(share, x, term, own, have)
        elif have != term:
            share = traced("laid_out", share, over=Symbol(["say", f"'{term}'"]))
        shares.append(share)
    return shares


def _laid_out(share: Any, x: Any, term: str, own: str, have: str) -> Any:
    """`share`, whose axes are `have`, in the shape of x, whose axes are `term`: spread, summed, put on diagonals."""
    lengths = dict(zip(term, x.shape, strict=True))
    stretched = tuple(i for i, label in enumerate(have) if lengths[label] == 1 != share.shape[i])
    if stretched:
        share = total(share, axis=stretched, keepdims=True)
    shape = tuple(lengths[label] for label in own)
    if share.shape != shape:  # an index that x has alone, or that has length 1 in all other operands
        found = dict(zip(have, share.shape, strict=True))
        share = np.broadcast_to(reshaped(share, tuple(found.get(label, 1) for label in own)), shape)
    if own == term:
        return share
    places = {label: np.arange(lengths[label]).reshape(-1, *(1,) * (len(own) - 1 - i)) for i, label in enumerate(own)}
    return scattered(share, tuple(places[label] for label in term), x.shape)


def _einsum_written(xs: Any, subscripts: str) -> Any:
    return ["einsum", ["say", f"'{subscripts}'"], *xs]


_einsum_op = define(
    _einsum, name="einsum", symbol="Σ", category="linear algebra", inputs=("*xs",), method=False,
    forward_formula=_einsum_written,
    cases=[
        case([(2, 3), (3, 4)], subscripts="ij,jk->ik"), case([(3, 3)], subscripts="ii->i"),
        case([(3, 3)], subscripts="ii"), case([(2, 3)], subscripts="ij->j"), case([(2, 2)], subscripts="ba"),
        case([(2, 3), (3,), (2,)], subscripts="ij,j,i"),
        case([(2, 2, 3), (1, 3, 2)], subscripts="...ij,...jk"), case([(2, 3), (3, 2)], subscripts="i...,...i->..."),
        case([(1, 2), (3, 2)], subscripts="ij,ij->ij"), case([(), (2,)], subscripts=",i->i"),
        case([(2, 3, 2, 3), (3,)], subscripts="ijij,j->i"),
    ],
    sentence="Each operand gets g times the others, summed over the indices that it lacks.",
    summary="Products of the operands, summed over every index that the result leaves out: Einstein's convention.",
    vjp=_einsum_shares,
)  # fmt: skip
_einsum_in_rules = in_rules(_einsum_op)


def _as_subscripts(operands: tuple[Any, ...]) -> tuple[str, list[Any]]:
    """The string form of einsum(x, [0, 1], y, [1, 2], [0, 2])."""
    pairs = len(operands) // 2 * 2
    xs, lists = list(operands[:pairs:2]), [*operands[1:pairs:2], *operands[pairs:]]
    labels = [label for each in lists if isinstance(each, list | tuple) for label in each if label is not Ellipsis]
    if not all(isinstance(each, list | tuple) for each in lists) or not all(
        isinstance(label, int | np.integer) and 0 <= label < 52 for label in labels
    ):
        raise ArgumentError(
            "einsum() takes subscripts and operands, as in einsum('ij,jk->ik', x, y), or each operand followed by the "
            "list of its indices, whole numbers below 52"
        )
    letters = string.ascii_uppercase + string.ascii_lowercase
    terms = ["".join("..." if label is Ellipsis else letters[label] for label in each) for each in lists]
    return ",".join(terms[: len(xs)]) + "".join(f"->{result}" for result in terms[len(xs) :]), xs


@composed(numpy=[np.einsum], method=False, before=_einsum_op)
def einsum(*operands: Any, optimize: Any = False) -> Tensor:
    """Products of the operands, summed over every index that the result leaves out: Einstein's convention.

    operands: `"ij,jk->ik", x, y`, in every form of np.einsum: implicit results, repeated indices, ellipses, and index
        lists after each operand. `optimize` is taken for NumPy's sake; three or more operands are always optimized.
    """
    if not operands:
        raise ArgumentError("einsum() takes subscripts and operands, as in einsum('ij,jk->ik', x, y)")
    subscripts, xs = (operands[0], list(operands[1:])) if isinstance(operands[0], str) else _as_subscripts(operands)
    if len(xs) == 1 and isinstance(xs[0], list | tuple) and any(type(x) is Tensor for x in xs[0]):
        xs = list(xs[0])
    if len(xs) != subscripts.count(",") + 1:
        raise ArgumentError(f"einsum('{subscripts}') needs {subscripts.count(',') + 1} operands, got {len(xs)}")
    return _einsum_op(xs, subscripts=subscripts)
