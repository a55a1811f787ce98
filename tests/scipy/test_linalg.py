"""ge.scipy.linalg: SciPy's names, defaults and values, with gradients to second order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.testing import check_gradients

theirs = pytest.importorskip("scipy.linalg")
ours = ge.scipy.linalg

RNG = np.random.default_rng(4)
A = RNG.standard_normal((3, 3)) + 3 * np.eye(3)
S = A @ A.T
B, V = RNG.standard_normal((3, 2)), RNG.standard_normal(3)

CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "cholesky": lambda m, a: m.cholesky(a @ a.T),
    "cholesky lower": lambda m, a: m.cholesky(a @ a.T, lower=True),
    "cho_solve": lambda m, a: m.cho_solve(m.cho_factor(a @ a.T), B),
    "cho_solve lower": lambda m, a: m.cho_solve(m.cho_factor(a @ a.T, lower=True), V),
    "solve_triangular": lambda m, a: m.solve_triangular(a, B),
    "solve_triangular lower": lambda m, a: m.solve_triangular(a, V, lower=True, unit_diagonal=True),
    "solve_triangular turned": lambda m, a: m.solve_triangular(a, V, trans=1),
    "solve_triangular turned lower": lambda m, a: m.solve_triangular(a, B, trans="T", lower=True),
    "solve": lambda m, a: m.solve(a, B),
    "solve symmetric": lambda m, a: m.solve(a, B, assume_a="sym"),
    "solve transposed": lambda m, a: m.solve(a, V, transposed=True),
    "lu": lambda m, a: m.lu(a),
    "lu permuted": lambda m, a: m.lu(a, permute_l=True),
    "lu_solve": lambda m, a: m.lu_solve(m.lu_factor(a[[2, 0, 1]]), B),
    "lu_solve turned": lambda m, a: m.lu_solve(m.lu_factor(a[[1, 2, 0]]), V, trans=1),
    "qr": lambda m, a: m.qr(a),
    "qr economic": lambda m, a: m.qr(a[:, :2], mode="economic"),
    "svd values": lambda m, a: m.svd(a, compute_uv=False),
    "svdvals": lambda m, a: m.svdvals(a),
    "eigvalsh": lambda m, a: m.eigvalsh(a),
    "eigh values": lambda m, a: m.eigh(a, eigvals_only=True),
    "det": lambda m, a: m.det(a),
    "inv": lambda m, a: m.inv(a),
    "pinv": lambda m, a: m.pinv(a[:, :2]),
    "norm": lambda m, a: m.norm(a, 2),
    "expm": lambda m, a: m.expm(a / 3),
    "logm": lambda m, a: m.logm(a @ a.T),
    "sqrtm": lambda m, a: m.sqrtm(a @ a.T),
    "block_diag": lambda m, a: m.block_diag(a, a[:1], a[0]),
    "toeplitz": lambda m, a: m.toeplitz(a[0]),
    "toeplitz with a row": lambda m, a: m.toeplitz(a[0], a[:, 1][:2]),
    "hankel": lambda m, a: m.hankel(a[0], a[1]),
    "hankel of a column": lambda m, a: m.hankel(a[0]),
    "circulant": lambda m, a: m.circulant(a[0]),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_values_are_scipys_and_gradients_right(name: str) -> None:
    found, expected = CALLS[name](ours, ge.tensor(A)), CALLS[name](theirs, A)
    several = isinstance(expected, tuple)
    for mine, other in zip(found if several else [found], expected if several else [expected], strict=True):
        if name.startswith("qr"):  # columns of Q may have either sign
            np.testing.assert_allclose(np.abs(mine.data), np.abs(other), rtol=1e-9, atol=1e-12)
        else:
            np.testing.assert_allclose(mine.data, other, rtol=1e-9, atol=1e-12)
    check_gradients(lambda a: CALLS[name](ours, a), A, 2, rtol=1e-5)


def test_factors_of_lu_are_scipys() -> None:
    for rows in ([0, 1, 2], [2, 0, 1], [1, 2, 0], [2, 1, 0]):
        a = A[rows] * [[1.0], [0.1], [3.0]]
        (mine, swaps), (factors, piv) = ours.lu_factor(a), theirs.lu_factor(a)
        np.testing.assert_allclose(mine.data, factors, rtol=1e-12)
        np.testing.assert_array_equal(swaps, piv)


def test_what_has_no_real_result_or_no_such_mode_is_refused() -> None:
    for call, kind, words in [
        (
            lambda: ours.logm(ge.tensor(np.diag([-1.0, 2.0, 3.0]), requires_grad=True)),
            ValueError,
            "negative eigenvalue",
        ),
        (lambda: ours.qr(A, "raw"), TypeError, "mode"),
        (lambda: ours.solve_triangular(A, B, trans=2), TypeError, "trans"),
        (lambda: ours.sqrtm(np.ones((2, 3))), ValueError, "square matrix"),
    ]:
        with pytest.raises(kind, match=words) as caught:
            call()
        assert isinstance(caught.value, ge.GradEngineError)
