"""SciPy's sparse matrices times tensors, as scripts write it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.testing import check_gradients

sparse = pytest.importorskip("scipy.sparse")
FULL = np.array([[0.0, 2.0, 0.0], [1.0, 0.0, -3.0], [0.0, 0.0, 0.0], [4.0, 0.5, 0.0]])
PRODUCTS: dict[str, Callable[[Any, Any], Any]] = {
    "@": lambda a, x: a @ x, "dot": lambda a, x: a.dot(x), "of a part": lambda a, x: a[1:] @ (2 * x),
    "turned": lambda a, x: a.T @ (a @ x), "twice": lambda a, x: (a.T @ a) @ x,
}  # fmt: skip


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "lil", "dia"])
@pytest.mark.parametrize("name", PRODUCTS)
def test_products(name: str, kind: str) -> None:
    if kind in ("coo", "dia") and name in ("of a part", "dot"):
        pytest.skip("SciPy takes no part of these, and has a dot() of its own, which is refused")
    for make in (getattr(sparse, f"{kind}_array"), getattr(sparse, f"{kind}_matrix")):
        a = make(FULL)
        for x in (np.array([0.5, -1.0, 2.0]), np.array([[0.5, 1.0], [-1.0, 0.3], [2.0, 0.1]])):
            out = PRODUCTS[name](a, ge.tensor(x, requires_grad=True))
            np.testing.assert_allclose(out.data, PRODUCTS[name](a, x))
            check_gradients(lambda t, a=a: PRODUCTS[name](a, t) ** 2, x, 2)
            plain = PRODUCTS[name](a, ge.tensor(x))
            np.testing.assert_allclose(np.asarray(plain), PRODUCTS[name](a, x))
        with pytest.raises(ge.ShapeError, match="3 rows"):
            a @ ge.tensor(np.ones(4), requires_grad=True)
        with pytest.raises(ge.ArgumentError, match=r"A\.T @ t\.T"):
            ge.tensor(np.ones(4), requires_grad=True) @ a


def test_the_star_of_a_matrix_is_a_product_of_matrices_and_that_of_an_array_is_refused() -> None:
    t = ge.tensor([0.5, -1.0, 2.0], requires_grad=True)
    np.testing.assert_allclose((sparse.csr_matrix(FULL) * t).data, FULL @ t.data)
    with pytest.raises(ge.GradEngineError):
        sparse.csr_array(FULL) * t
    assert (sparse.csr_array(FULL.astype(np.float32)) @ t.astype(np.float32)).dtype == np.float32
