"""grad_engine.numpy: NumPy's own, but for arrays that a function makes while it is differentiated."""

from __future__ import annotations

from typing import Any

import numpy
import pytest

import grad_engine as ge
from grad_engine import numpy as np
from grad_engine.testing import check_gradients


def test_lists_of_tensors_become_tensors() -> None:
    x = numpy.array([0.4, 1.3])
    check_gradients(lambda x: np.array([[x[0], 2.0], [x[1] ** 2, x[0] * x[1]]]), x, 2)
    check_gradients(lambda x: np.array([x, (x[1], 3.0)]) @ np.asarray([x[0], 1]), x, 2)
    made = np.array([ge.tensor(1.0, requires_grad=True), 2.0], dtype="float32", ndmin=2)
    assert made.shape == (1, 2) and made.dtype == numpy.float32
    t = ge.tensor(x, requires_grad=True)
    assert np.asarray(t) is t and np.asarray(t, float) is t and np.array(t) is not t
    assert np.array(t).requires_grad
    with pytest.raises(ge.GradEngineError, match=r"joins parts of one shape, got \(2,\), \(\)"):
        np.array([t, 1.0])


def test_arrays_to_write_into() -> None:
    def recursion(x: Any) -> Any:
        variance = np.zeros(4)
        variance[0] = x[0]
        for i in range(1, 4):
            variance[i] = 0.1 + x[1] * variance[i - 1] ** 2
        table = np.full((2, 2), 0.5)
        table[0, 1] *= x[1]
        whole = np.eye(2)
        whole[0, 0] = np.sin(x[0])
        return np.sum(np.log(variance)) + np.linalg.det(table @ whole) + np.ones(2)[0] * np.identity(2)[1, 1]

    check_gradients(lambda x: ge.value_and_grad(recursion, x)[0], numpy.array([0.7, 1.3]), 1)
    slope = ge.grad(recursion)(numpy.array([0.7, 1.3]))
    steps = numpy.eye(2) * 1e-6
    ahead = [float(recursion(numpy.array([0.7, 1.3]) + step)) for step in steps]
    behind = [float(recursion(numpy.array([0.7, 1.3]) - step)) for step in steps]
    numpy.testing.assert_allclose(slope, (numpy.array(ahead) - behind) / 2e-6, rtol=1e-7)


def test_all_else_is_numpys() -> None:
    assert np.sin is numpy.sin and np.linalg is numpy.linalg and np.ndarray is numpy.ndarray and np.pi == numpy.pi
    assert type(np.zeros(2)) is type(np.array([1, 2])) is type(np.asarray([[1.0]])) is numpy.ndarray
    assert np.zeros(3, int).dtype == int
    assert ge.grad(lambda x: x * np.zeros(2, int).sum() + x)(2.0) == 1.0
    assert "sin" in dir(np)
    with pytest.raises(AttributeError):
        _ = np.no_such_function
    assert np.vectorize(lambda a: a * a)(ge.tensor([1.0, 2.0])).data.tolist() == [1.0, 4.0]


FAMILIES = {
    "polynomial": "polyval",
    "chebyshev": "chebval",
    "legendre": "legval",
    "hermite": "hermval",
    "hermite_e": "hermeval",
    "laguerre": "lagval",
}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("more", [{}, {"tensor": False}], ids=["each by each", "pairs"])
def test_series_have_the_layout_of_numpys(family: str, more: dict[str, Any]) -> None:
    """numpy.polynomial asks whether x is an array, so a tensor there got the layout of a number."""
    x, table = numpy.array([0.1, 0.4, 0.7]), numpy.random.default_rng(0).standard_normal((4, 3))
    ours = getattr(getattr(np.polynomial, family), FAMILIES[family])
    theirs = getattr(getattr(numpy.polynomial, family), FAMILIES[family])
    expected = theirs(x, table, **more)
    got = ours(ge.tensor(x, requires_grad=True), table, **more)
    assert got.shape == expected.shape
    numpy.testing.assert_allclose(got.detach().numpy(), expected)
    assert type(ours(x, table, **more)) is numpy.ndarray
    check_gradients(lambda x, c: ours(x, [c[0], c[1] * 2.0, 1.5]), [x, numpy.array([0.3, -1.2])], 1)
    assert np.polynomial.Polynomial is numpy.polynomial.Polynomial and "chebyshev" in dir(np.polynomial)
