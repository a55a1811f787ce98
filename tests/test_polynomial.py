"""ge.polynomial: NumPy's names, values and defaults, with gradients by coefficients too."""

from __future__ import annotations

import numpy as np
import numpy.polynomial as theirs
import pytest

import grad_engine as ge
from grad_engine.testing import check_gradients

FAMILIES = {
    "poly": theirs.polynomial, "cheb": theirs.chebyshev, "leg": theirs.legendre, "herm": theirs.hermite,
    "herme": theirs.hermite_e, "lag": theirs.laguerre,
}  # fmt: skip
RNG = np.random.default_rng(8)
X, Y = RNG.uniform(-1, 1, 6), RNG.uniform(-1, 1, 6)


@pytest.mark.parametrize("family", FAMILIES)
def test_series_are_numpys_and_gradients_right(family: str) -> None:
    numpy, ours = FAMILIES[family], ge.polynomial
    val, fit, vander = f"{family}val", f"{family}fit", f"{family}vander"
    for n in (1, 2, 5):
        for c in (RNG.uniform(-1, 1, n), RNG.uniform(-1, 1, (n, 2))):
            np.testing.assert_allclose(getattr(ours, val)(X, c).data, getattr(numpy, val)(X, c), rtol=1e-12)
            check_gradients(getattr(ours, val), [X, c], 2)
        np.testing.assert_allclose(getattr(ours, vander)(X, n).data, getattr(numpy, vander)(X, n), rtol=1e-12)
    for deg in (2, [0, 3]):
        np.testing.assert_allclose(getattr(ours, fit)(X, Y, deg).data, getattr(numpy, fit)(X, Y, deg), atol=1e-12)
        check_gradients(lambda x, y, d=deg: getattr(ours, fit)(x, y, d, w=X + 2), [X, Y], 1)
    with pytest.raises(ge.ShapeError, match="degree"):
        getattr(ours, vander)(X, -1)


def test_derivatives_and_integrals_of_polynomials() -> None:
    c = RNG.uniform(-1, 1, (4, 2))
    for m in (0, 1, 2, 5):
        np.testing.assert_allclose(ge.polynomial.polyder(c, m, 2.0).data, theirs.polynomial.polyder(c, m, 2.0))
    np.testing.assert_allclose(
        ge.polynomial.polyint(c[:, 0], 2, [1.0, 2.0], 0.5, 2.0).data,
        theirs.polynomial.polyint(c[:, 0], 2, [1.0, 2.0], 0.5, 2.0),
    )
    np.testing.assert_allclose(ge.polynomial.polyint(c, axis=1).data, theirs.polynomial.polyint(c, axis=1))
    check_gradients(lambda c: ge.polynomial.polyint(c, 2, [1.0], 0.5), c[:, 0], 2)
    check_gradients(lambda c: ge.polynomial.polyder(c), c, 2)
