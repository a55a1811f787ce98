"""ge.scipy.stats: SciPy's densities and distribution functions, with gradients by x and every parameter."""

from __future__ import annotations

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.testing import check_gradients

theirs = pytest.importorskip("scipy.stats")
ours = ge.scipy.stats

X = np.array([0.3, 0.55, 0.9])
PARAMETERS: dict[str, tuple[float, ...]] = {
    "norm": (0.2, 1.7),
    "gamma": (2.3, 0.1, 1.4),
    "beta": (2.5, 1.6, -0.2, 1.5),
    "t": (3.4, 0.1, 1.2),
}
METHODS = ["logpdf", "pdf", "cdf", "sf", "logcdf", "logsf"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", PARAMETERS)
def test_values_and_gradients(name: str, method: str) -> None:
    parameters = PARAMETERS[name]
    mine, other = getattr(ours, name), getattr(theirs, name)
    for args in (parameters, parameters[: len(mine.shapes)]):
        np.testing.assert_allclose(getattr(mine, method)(X, *args).data, getattr(other, method)(X, *args), rtol=1e-10)
        frozen = getattr(mine(*args), method)(X)
        np.testing.assert_allclose(frozen.data, getattr(other(*args), method)(X), rtol=1e-10)
    named = dict(zip([*mine.shapes, "loc", "scale"], parameters, strict=True))
    np.testing.assert_allclose(getattr(mine, method)(X, **named).data, getattr(other, method)(X, **named), rtol=1e-10)
    check_gradients(getattr(mine, method), [X, *map(np.float64, parameters)], 2)


def test_outside_the_support() -> None:
    x = np.array([-1.0, -0.0, 0.5, 1.0, 2.0])
    with np.errstate(divide="ignore"):
        for name in ("gamma", "beta"):
            mine, other, shapes = getattr(ours, name), getattr(theirs, name), PARAMETERS[name][:-2]
            for method in METHODS:
                np.testing.assert_allclose(getattr(mine, method)(x, *shapes).data, getattr(other, method)(x, *shapes))
            frozen = mine(*shapes)
            slope = ge.grad(lambda x, d=frozen: d.pdf(x).sum())(x[[0, 2]])
            assert slope[0] == 0 and np.isfinite(slope).all()


def test_the_tails_of_the_normal_distribution_do_not_underflow() -> None:
    x = np.array([-40.0, 40.0])
    np.testing.assert_allclose(ours.norm.logcdf(x).data, theirs.norm.logcdf(x))
    assert ge.grad(lambda x: ours.norm.logsf(x))(40.0) == pytest.approx(-40.025, rel=1e-5)
    np.testing.assert_allclose(ours.norm.ppf([0.1, 0.7], 1.0, 2.0).data, theirs.norm.ppf([0.1, 0.7], 1.0, 2.0))


@pytest.mark.parametrize("lead", [(), (4,), (2, 3)])
def test_multivariate_normal(lead: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    x, mean, root = rng.standard_normal((*lead, 3)), rng.standard_normal(3), rng.standard_normal((3, 3)) + 2 * np.eye(3)
    cov = root @ root.T
    for method in ("logpdf", "pdf"):
        mine, other = getattr(ours.multivariate_normal, method), getattr(theirs.multivariate_normal, method)
        np.testing.assert_allclose(mine(x, mean, cov).data, other(x, mean, cov))
        np.testing.assert_allclose(getattr(ours.multivariate_normal(mean, cov), method)(x).data, other(x, mean, cov))
        np.testing.assert_allclose(mine(x, mean).data, other(x, mean))
        np.testing.assert_allclose(mine(x, mean, [1.0, 2.0, 3.0]).data, other(x, mean, [1.0, 2.0, 3.0]))
        check_gradients(lambda x, mean, root, f=mine: f(x, mean, root @ root.T), [x, mean, root], 2, rtol=1e-5)
    np.testing.assert_allclose(ours.multivariate_normal.logpdf(0.5).data, theirs.multivariate_normal.logpdf(0.5))
    numbers = np.array([0.1, 0.2, 0.3])
    np.testing.assert_allclose(
        ours.multivariate_normal.logpdf(numbers, 0.0, 2.0).data, theirs.multivariate_normal.logpdf(numbers, 0.0, 2.0)
    )


def test_misuse() -> None:
    for call in (
        lambda: ours.gamma.logpdf(X), lambda: ours.norm.pdf(X, 0, 1, 2), lambda: ours.norm(0, 1).pdf(X, 0),
        lambda: ours.t.cdf(X, nu=3), lambda: ours.multivariate_normal.pdf(X, np.zeros(2), np.eye(2)),
    ):  # fmt: skip
        with pytest.raises(ge.GradEngineError):
            call()
