"""Products and linear algebra against PyTorch: values, first and second derivatives, every combination of shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from tests.against_torch import agree
from tests.support import normal

torch = pytest.importorskip("torch")
LA = torch.linalg

MATMUL = [
    ((3,), (3,)), ((3,), (3, 4)), ((2, 3), (3,)), ((2, 3), (3, 4)), ((3,), (5, 3, 4)), ((5, 2, 3), (3,)),
    ((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 4)), ((5, 2, 3), (5, 3, 4)), ((5, 1, 2, 3), (4, 3, 2)), ((1, 2, 3), (5, 3, 2)),
    ((4, 5, 2, 3), (3, 2)), ((3,), (4, 1, 3, 2)), ((4, 1, 2, 3), (3,)), ((0, 3), (3, 2)), ((2, 0), (0, 3)),
    ((2, 3), (3, 0)), ((0,), (0,)), ((5, 0, 3), (3, 2)), ((0, 2, 3), (3, 2)), ((0, 2, 3), (3,)), ((2, 3), (0, 3, 4)),
    ((4, 1, 0), (0,)),
]  # fmt: skip


@pytest.mark.parametrize(("x", "y"), MATMUL)
def test_matmul(x: Any, y: Any) -> None:
    agree(ge.matmul, torch.matmul, normal(*x), normal(*y, seed=2))
    agree(lambda a: ge.matmul(a, normal(*y)), lambda a: torch.matmul(a, torch.tensor(normal(*y))), normal(*x))


def test_a_matrix_with_itself() -> None:
    agree(lambda x: x @ x, lambda x: x @ x, normal(3, 3))
    agree(lambda x: ge.einsum("ij,jk,kl->il", x, x, x), lambda x: x @ x @ x, normal(3, 3))


TENSORDOT: list[tuple[Any, Any, Any]] = [
    ((2, 3), (3, 4), 1), ((2, 3, 4), (3, 4, 2), 2), ((2, 3), (4, 5), 0), ((2, 3, 4), (4, 3, 5), ([1, 2], [1, 0])),
    ((2, 3, 4), (5, 2), ([0], [1])), ((2, 3, 4), (4, 3, 2), ([2, 0, 1], [0, 2, 1])),
    ((2, 3, 4), (5, 4, 2), ([-1, 0], [1, -1])),
    ((2, 0), (0, 3), 1), ((0, 3), (3, 2), 1), ((2, 3, 2), (2, 2, 5), ([0, 2], [1, 0])),
]  # fmt: skip


@pytest.mark.parametrize(("x", "y", "axes"), TENSORDOT)
def test_tensordot(x: Any, y: Any, axes: Any) -> None:
    agree(
        lambda a, b: ge.tensordot(a, b, axes), lambda a, b: torch.tensordot(a, b, axes), normal(*x), normal(*y, seed=2)
    )  # fmt: skip


EINSUM = [
    ("ij,jk->ik", (2, 3), (3, 4)), ("ij,jk", (2, 3), (3, 4)), ("ij,jk->ki", (2, 3), (3, 4)), ("i,i->", (3,), (3,)),
    ("i,j->ij", (2,), (3,)), ("ii->i", (3, 3)), ("ii", (3, 3)), ("ii->", (3, 3)),
    ("iij->j", (3, 3, 2)), ("iii->i", (2, 2, 2)), ("ij->ji", (2, 3)), ("ba", (2, 3)), ("ij->", (2, 3)),
    ("ij->i", (2, 3)), ("...ij,...jk->...ik", (2, 3, 4), (4, 5)),
    ("...ij,...jk", (5, 1, 2, 3), (4, 3, 2)), ("...->...", (2, 3)),
    ("i...->...i", (2, 3, 4)), ("...,...->...", (2, 3), (3,)), ("bhid,bhjd->bhij", (2, 2, 3, 4), (2, 2, 5, 4)),
    ("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)),
    ("i,ij,j->", (2,), (2, 3), (3,)),    ("ij,ij,ij->ij", (2, 3), (2, 3), (2, 3)), (",ij->ij", (), (2, 3)),
    ("ij,jj->i", (2, 3), (3, 3)), ("ij,k->i", (2, 3), (4,)), (" i j , j -> i ", (2, 3), (3,)),
    ("iji,jkk->k", (2, 3, 2), (3, 4, 4)), ("aB,Bc->ac", (2, 3), (3, 4)),
    ("ij,jk->ik", (0, 3), (3, 2)), ("ij,jk->ik", (2, 0), (0, 3)),
]  # fmt: skip


@pytest.mark.parametrize("each", EINSUM, ids=lambda each: each[0])
def test_einsum(each: Any) -> None:
    subscripts, *shapes = each
    agree(
        lambda *xs: ge.einsum(subscripts, *xs), lambda *ts: torch.einsum(subscripts, *ts),
        *(normal(*shape, seed=i) for i, shape in enumerate(shapes)),
    )  # fmt: skip


def test_einsum_in_its_other_forms() -> None:
    x, y = normal(2, 3), normal(3, 4)
    agree(lambda a, b: ge.einsum(a, [0, 1], b, [1, 2], [2, 0]), lambda a, b: (a @ b).T, x, y)
    agree(lambda a, b: ge.einsum(a, [5, 1], b, [1, 2]), lambda a, b: (a @ b).T, x, y)
    agree(lambda a: ge.einsum(a, [..., 0], [0, ...]), lambda a: a.T, x)
    agree(lambda a, b: ge.einsum("ij,jk", [a, b]), lambda a, b: a @ b, x, y)
    agree(lambda a, b: np.einsum("ij,jk->ik", a, b, optimize=True), lambda a, b: a @ b, x, y)
    # NumPy also stretches an index of length 1, which PyTorch does only for an ellipsis.
    agree(lambda a, b: ge.einsum("ij,ij->ij", a, b), lambda a, b: a * b, normal(1, 3), normal(2, 3))
    agree(lambda a, b: ge.einsum("ij,ij->", a, b), lambda a, b: (a * b).sum(), normal(2, 1), normal(2, 3))
    with pytest.raises(ge.ArgumentError, match="needs 2 operands, got 1"):
        ge.einsum("ij,jk", x)
    with pytest.raises(ge.ShapeError, match="einsum"):
        ge.einsum("ij,jk", ge.tensor(x), ge.tensor(x))
    with pytest.raises(ge.ArgumentError, match="list of its indices"):
        ge.einsum(ge.tensor(x), ge.tensor(y))


DEFINITE = np.eye(3) * 2 + (lambda m: m @ m.T / 3)(normal(3, 3))
BATCH = normal(2, 3, 3)
SINGULAR = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 0.0, 1.0]])


def symmetric(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` of x + xᵀ, for those whose gradient is only defined up to symmetry."""
    return lambda x, *rest: function(x + x.mT, *rest)


FUNCTIONS: dict[str, tuple[Any, Any, list[Any]]] = {
    "outer": (ge.outer, torch.outer, [normal(3), normal(4)]),
    "inner": (ge.inner, torch.inner, [normal(2, 3), normal(4, 3)]),
    "inner of vectors": (ge.inner, torch.inner, [normal(3), normal(3, seed=2)]),
    "vdot": (ge.vdot, torch.vdot, [normal(3), normal(3, seed=2)]),
    "dot": (ge.dot, torch.dot, [normal(3), normal(3, seed=2)]),
    "vecdot": (ge.vecdot, LA.vecdot, [normal(2, 1, 3), normal(4, 3)]),
    "kron": (ge.kron, torch.kron, [normal(2, 3), normal(3, 2)]),
    "kron of ranks": (ge.kron, torch.kron, [normal(2), normal(2, 3, 2)]),
    "cross": (ge.cross, LA.cross, [normal(2, 3), normal(2, 3, seed=2)]),
    "cross along": (
        lambda x, y: ge.cross(x, y, axis=0), lambda x, y: LA.cross(x, y, dim=0), [normal(3, 2), normal(3, 2, seed=2)]
    ),
    "addmm": (
        lambda x, y, z: ge.addmm(x, y, z, beta=0.5, alpha=2.0),
        lambda x, y, z: torch.addmm(x, y, z, beta=0.5, alpha=2.0),
        [normal(2, 4), normal(2, 3), normal(3, 4)],
    ),
    "bmm": (ge.bmm, torch.bmm, [normal(5, 2, 3), normal(5, 3, 4)]),
    "mv": (ge.mv, torch.mv, [normal(2, 3), normal(3)]),
    "multi_dot": (
        lambda *xs: ge.multi_dot(xs), lambda *ts: LA.multi_dot(ts),
        [normal(4), normal(4, 2), normal(2, 5), normal(5, 3)],
    ),
    "inv": (ge.inv, torch.inverse, [DEFINITE]),
    "inv of a batch": (ge.inv, torch.inverse, [BATCH]),
    "solve": (ge.solve, LA.solve, [DEFINITE, normal(3)]),
    "solve for a matrix": (ge.solve, LA.solve, [BATCH, normal(2, 3, 2)]),
    "solve for many": (ge.solve, LA.solve, [DEFINITE, normal(2, 3, 1)]),
    "pinv": (ge.pinv, LA.pinv, [normal(4, 2)]),
    "pinv of wide": (ge.pinv, LA.pinv, [normal(2, 2, 3)]),
    "det": (ge.det, LA.det, [BATCH]),
    "det of one": (ge.det, LA.det, [normal(1, 1)]),
    "slogdet": (lambda x: ge.slogdet(x)[1], lambda x: LA.slogdet(x)[1], [BATCH]),
    "cholesky": (symmetric(ge.cholesky), symmetric(LA.cholesky), [DEFINITE]),
    "cholesky, upper": (
        symmetric(lambda x: ge.cholesky(x, upper=True)), symmetric(lambda x: LA.cholesky(x, upper=True)), [DEFINITE]
    ),
    "eigenvalues": (symmetric(lambda x: ge.eigh(x)[0]), symmetric(lambda x: LA.eigh(x)[0]), [BATCH]),
    "eigvalsh of equals": (ge.eigvalsh, LA.eigvalsh, [np.eye(3)]),
    "eigenvectors": (
        symmetric(lambda x: ge.eigh(x)[1] ** 2), symmetric(lambda x: LA.eigh(x)[1] ** 2), [BATCH]
    ),
    "eigh": (
        symmetric(lambda x: ge.eigh(x)[1] ** 2 * ge.eigh(x)[0].sum()),
        symmetric(lambda x: LA.eigh(x)[1] ** 2 * LA.eigh(x)[0].sum()),
        [DEFINITE],
    ),
    "svdvals": (ge.svdvals, LA.svdvals, [normal(2, 3, 4)]),
    "svd": (
        lambda x: ge.svd(x, full_matrices=False)[0] ** 2 @ ge.svd(x, full_matrices=False)[2] ** 2,
        lambda x: LA.svd(x, full_matrices=False)[0] ** 2 @ LA.svd(x, full_matrices=False)[2] ** 2, [normal(2, 4, 3)],
    ),
    "svd of wide": (
        lambda x: ge.svd(x, full_matrices=False)[0] ** 2 @ ge.svd(x, full_matrices=False)[2] ** 2,
        lambda x: LA.svd(x, full_matrices=False)[0] ** 2 @ LA.svd(x, full_matrices=False)[2] ** 2, [normal(3, 4)],
    ),
    "full svd": (lambda x: ge.svd(x)[1], lambda x: LA.svd(x)[1], [normal(4, 3)]),
    "q": (lambda x: ge.qr(x)[0], lambda x: LA.qr(x)[0], [normal(4, 3)]),
    "r": (lambda x: ge.qr(x)[1], lambda x: LA.qr(x)[1], [normal(2, 4, 3)]),
    "q of wide": (lambda x: ge.qr(x)[0], lambda x: LA.qr(x)[0], [normal(3, 4)]),
    "r of wide": (lambda x: ge.qr(x, mode="r"), lambda x: LA.qr(x)[1], [normal(3, 5)]),
    "matrix_power": (lambda x: ge.matrix_power(x, 5), lambda x: LA.matrix_power(x, 5), [DEFINITE / 4]),
    "matrix_power down": (lambda x: ge.matrix_power(x, -3), lambda x: LA.matrix_power(x, -3), [DEFINITE]),
    "matrix_power 0": (lambda x: ge.matrix_power(x, 0), lambda x: LA.matrix_power(x, 0), [DEFINITE]),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name: str) -> None:
    mine, theirs, arrays = FUNCTIONS[name]
    agree(mine, theirs, *arrays, order=1 if "equals" in name else 2)


def test_det_where_there_is_no_inverse() -> None:
    """The gradient of det is the matrix of cofactors, and exact for singular matrices."""
    for matrix in (SINGULAR, np.zeros((3, 3)), np.zeros((2, 2)), np.outer([1.0, 2.0], [3.0, 4.0])):
        x = ge.tensor(matrix, requires_grad=True)
        (first,) = ge.grad(ge.det(x), [x], create_graph=True)
        n = len(matrix)
        minors = [[np.linalg.det(np.delete(np.delete(matrix, i, 0), j, 1)) for j in range(n)] for i in range(n)]
        np.testing.assert_allclose(first.data, minors * (-1.0) ** np.add.outer(range(n), range(n)), atol=1e-12)
        weight = normal(n, n)
        (second,) = ge.grad((first * weight).sum(), [x])
        step = 1e-6 * normal(n, n, seed=3)
        ahead, behind = (ge.ops.linalg.cofactor(matrix + s * step).data for s in (1, -1))
        slope = ((ahead - behind) * weight).sum() / 2
        np.testing.assert_allclose((second.data * step).sum(), slope, rtol=1e-6, atol=1e-15)


ORDERS: list[Any] = [None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf]


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_matrix_norms(order: Any) -> None:
    x = normal(2, 4, 3)
    for static in ({}, {"keepdims": True}):
        theirs = {"keepdim" if key == "keepdims" else key: value for key, value in static.items()}
        agree(
            lambda a, s=static: ge.norm(a, ord=order, axis=(-2, -1), **s),
            lambda a, s=theirs: LA.matrix_norm(a, order or "fro", **s), x,
        )  # fmt: skip
    agree(lambda a: ge.norm(a, ord=order, axis=(2, 0)), lambda a: LA.norm(a, order or "fro", dim=(2, 0)), x)
    agree(lambda a: ge.norm(a, ord=order), lambda a: LA.norm(a, order), x[0])
    np.testing.assert_allclose(np.linalg.norm(ge.tensor(x[0]), order).data, np.linalg.norm(x[0], order))


@pytest.mark.parametrize("order", [None, 0, 1, 2, 3, 0.5, -1, np.inf, -np.inf], ids=str)
def test_vector_norms(order: Any) -> None:
    agree(lambda a: ge.norm(a, ord=order), lambda a: LA.norm(a, order), normal(4))
    agree(lambda a: ge.norm(a, ord=order, axis=1), lambda a: LA.norm(a, order, dim=1), normal(2, 3))


def test_nothing_is_returned_where_there_is_no_gradient() -> None:
    def slope(f: Any, array: Any) -> Any:
        x = ge.tensor(array, requires_grad=True)
        return ge.grad(f(x), [x])

    with pytest.raises(ge.SingularError, match="eigenvectors where two of the values are equal"):
        slope(lambda x: ge.eigh(x)[1].sum(), np.eye(3))
    with pytest.raises(ge.SingularError, match="vectors where two of the values are equal"):
        slope(lambda x: ge.svd(x)[0].sum(), np.eye(3))
    with pytest.raises(ge.SingularError, match="full_matrices=False"):
        slope(lambda x: ge.svd(x)[0].sum(), normal(4, 3))
    with pytest.raises(ge.SingularError, match="mode='reduced'"):
        slope(lambda x: ge.qr(x, mode="complete")[0].sum(), normal(4, 3))
    for function in (ge.inv, lambda x: ge.solve(x, np.ones(3))):
        with pytest.raises(ge.SingularError, match="use pinv"):
            function(ge.tensor(np.zeros((3, 3))))
    with pytest.raises(ge.SingularError, match="identity"):
        ge.cholesky(-np.eye(2))
    for function in (ge.eigh, ge.eigvalsh, ge.cholesky):
        with pytest.raises(ge.ShapeError, match="differs from its transpose"):
            function(ge.tensor(normal(3, 3)))
    for function in (ge.inv, ge.det, ge.slogdet, ge.cholesky, ge.eigh):
        with pytest.raises(ge.ShapeError, match="takes square matrices, got shape"):
            function(ge.tensor(normal(2, 3)))
