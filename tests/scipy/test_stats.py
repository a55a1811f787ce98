"""ge.scipy.stats: SciPy's densities and distribution functions, with gradients by x and every parameter."""

from __future__ import annotations

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.core.tensor import array_of
from grad_engine.testing import check_gradients

theirs = pytest.importorskip("scipy.stats")
ours = ge.scipy.stats

X = np.array([0.3, 0.55, 0.9])
PARAMETERS: dict[str, tuple[float, ...]] = {
    "norm": (0.2, 1.7),
    "gamma": (2.3, 0.1, 1.4),
    "beta": (2.5, 1.6, -0.2, 1.5),
    "t": (3.4, 0.1, 1.2),
    **dict.fromkeys(
        ("uniform", "expon", "laplace", "logistic", "cauchy", "gumbel_r", "gumbel_l", "rayleigh", "maxwell", "halfnorm",
         "halfcauchy"), (0.05, 1.7),
    ),
    "lognorm": (0.8, 0.1, 1.3), "weibull_min": (1.6, 0.1, 1.3), "fisk": (2.2, 0.1, 1.3), "pareto": (2.4, -1.1, 1.2),
    "powerlaw": (1.7, 0.1, 1.3), "chi2": (3.3, 0.1, 1.3), "invgamma": (2.6, 0.1, 1.3), "f": (3.2, 4.5, 0.1, 1.3),
    "skewnorm": (1.4, 0.1, 1.3), "vonmises": (1.4, 0.1, 1.3),
}  # fmt: skip
METHODS = ["logpdf", "pdf", "cdf", "sf", "logcdf", "logsf"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", PARAMETERS)
def test_values_and_gradients(name: str, method: str) -> None:
    parameters = PARAMETERS[name]
    mine, other = getattr(ours, name), getattr(theirs, name)
    if name == "vonmises" and "pdf" not in method:
        with pytest.raises(ge.GradEngineError, match="no gradient here"):
            getattr(mine, method)(X, *parameters)
        return
    x = X + (1.0 if name == "pareto" else 0.0)  # inside the support
    for args in (parameters, parameters[: len(mine.shapes)]):
        np.testing.assert_allclose(getattr(mine, method)(x, *args).data, getattr(other, method)(x, *args), rtol=1e-10)
        frozen = getattr(mine(*args), method)(x)
        np.testing.assert_allclose(frozen.data, getattr(other(*args), method)(x), rtol=1e-10)
    named = dict(zip([*mine.shapes, "loc", "scale"], parameters, strict=True))
    np.testing.assert_allclose(getattr(mine, method)(x, **named).data, getattr(other, method)(x, **named), rtol=1e-10)
    check_gradients(getattr(mine, method), [x, *map(np.float64, parameters)], 2)


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


def test_shares_and_counts() -> None:
    alpha, x, p = np.array([0.7, 2.0, 3.1]), np.array([0.2, 0.3, 0.5]), np.array([0.2, 0.5, 0.3])
    many = np.stack([x, x[::-1]], axis=1)
    for points in (x, x[:-1], many):
        for method in ("logpdf", "pdf"):
            mine, other = getattr(ours.dirichlet, method), getattr(theirs.dirichlet, method)
            np.testing.assert_allclose(mine(points, alpha).data, other(points, alpha))
            np.testing.assert_allclose(getattr(ours.dirichlet(alpha), method)(points).data, other(points, alpha))
    check_gradients(lambda x, alpha: ours.dirichlet.logpdf(x, alpha), [x[:-1], alpha], 2, rtol=1e-5)
    counts = np.array([[1, 2, 3], [0, 6, 0], [1, 1, 1], [-1, 4, 3]])
    for method in ("logpmf", "pmf"):
        mine, other = getattr(ours.multinomial, method), getattr(theirs.multinomial, method)
        np.testing.assert_allclose(mine(counts, 6, p).data, other(counts, 6, p))
        np.testing.assert_allclose(getattr(ours.multinomial(6, p), method)(counts[0]).data, other(counts[0], 6, p))
    check_gradients(lambda p: ours.multinomial.logpmf(counts[:2], 6, p), [p], 2, rtol=1e-5)
    for call in (
        lambda: ours.dirichlet.logpdf(x * 2, alpha), lambda: ours.dirichlet.logpdf(x, alpha[:1]),
        lambda: ours.multinomial.logpmf(counts, 6, p[:2]),
    ):  # fmt: skip
        with pytest.raises(ge.GradEngineError):
            call()


LISTS = {
    "norm": lambda c: ours.norm.logpdf([1.0, 2.0], loc=[c[0], c[1]], scale=[1.0, np.exp(c[0])]),
    "multivariate_normal": lambda c: ours.multivariate_normal.logpdf([0.1, 0.2], [c[0], 1.0], [[2.0, c[1]], [c[1], 2]]),
    "dirichlet": lambda c: ours.dirichlet.logpdf([0.3, 0.7], [c[0], c[1]]),
    "logsumexp": lambda c: ge.scipy.special.logsumexp([c[0], c[1], 1.0]),
    "expm": lambda c: ge.scipy.linalg.expm([[0.0, c[0]], [-c[1], 0.0]]),
    "block_diag": lambda c: ge.scipy.linalg.block_diag([[c[0]]], [[1.0, c[1]], [0.3, 2.0]]) ** 2,
    "solve_triangular": lambda c: ge.scipy.linalg.solve_triangular([[1.0, 0.0], [c[0], c[1]]], [1.0, 2.0], lower=True),
    "lfilter": lambda c: ge.scipy.signal.lfilter([1.0, c[0]], [1.0, -c[1]], X),
    "sosfilt": lambda c: ge.scipy.signal.sosfilt([[1.0, c[0], 0.1, 1.0, -c[1], 0.05]], X),
    "CubicSpline": lambda c: ge.scipy.interpolate.CubicSpline([0, 1, 2.0], [c[0], c[1], 1.0])(1.3),
    "cdist": lambda c: ge.scipy.spatial.distance.cdist([[c[0], c[1]]], [[0.0, 1.0], [2.0, 3.0]]),
}


@pytest.mark.parametrize("name", LISTS)
def test_lists_may_hold_tensors_as_they_hold_numbers(name: str) -> None:
    c = np.array([0.3, 0.4])
    check_gradients(lambda c: LISTS[name]([c[0], c[1]]), [c], 1)
    np.testing.assert_allclose(LISTS[name](ge.tensor(c, requires_grad=True)).data, array_of(LISTS[name](c)))


def test_misuse() -> None:
    for call in (
        lambda: ours.gamma.logpdf(X), lambda: ours.norm.pdf(X, 0, 1, 2), lambda: ours.norm(0, 1).pdf(X, 0),
        lambda: ours.t.cdf(X, nu=3), lambda: ours.multivariate_normal.pdf(X, np.zeros(2), np.eye(2)),
    ):  # fmt: skip
        with pytest.raises(ge.GradEngineError):
            call()


@pytest.mark.parametrize("name", [name for name in PARAMETERS if ours and getattr(ours, name).formulas["ppf"]])
def test_quantiles(name: str) -> None:
    parameters, q = PARAMETERS[name], np.array([0.15, 0.5, 0.83])
    mine = getattr(ours, name)
    np.testing.assert_allclose(mine.ppf(q, *parameters).data, getattr(theirs, name).ppf(q, *parameters), rtol=1e-9)
    np.testing.assert_allclose(mine(*parameters).ppf(q).data, getattr(theirs, name).ppf(q, *parameters), rtol=1e-9)
    check_gradients(mine.ppf, [q, *map(np.float64, parameters)], 1)


DISCRETE: dict[str, tuple[float, ...]] = {
    "poisson": (2.3,), "binom": (5, 0.3), "bernoulli": (0.3,), "geom": (0.3,), "nbinom": (3.4, 0.6),
    "betabinom": (5, 1.3, 2.1),
}  # fmt: skip


@pytest.mark.parametrize("method", ["logpmf", "pmf", "cdf", "sf"])
@pytest.mark.parametrize("name", DISCRETE)
def test_whole_numbers(name: str, method: str) -> None:
    mine, other, parameters = getattr(ours, name), getattr(theirs, name), DISCRETE[name]
    k = np.array([-1.0, 0, 1, 2, 3.5, 5, 9])
    if name == "betabinom" and "pmf" not in method:
        with pytest.raises(ge.GradEngineError, match="no gradient here"):
            getattr(mine, method)(k, *parameters)
        return
    with np.errstate(divide="ignore"):
        for args in (parameters, (*parameters, 1)):
            np.testing.assert_allclose(
                getattr(mine, method)(k, *args).data, getattr(other, method)(k, *args), rtol=1e-9, atol=1e-14
            )
    free = [np.float64(each) for each in parameters[name in ("binom", "betabinom") :]]
    fixed = parameters[: len(parameters) - len(free)]
    inside = np.array([1.0, 2, 4]) if name != "bernoulli" else np.array([0.0, 1])
    if name != "nbinom" or "pmf" in method:
        check_gradients(lambda *free: getattr(mine, method)(inside, *fixed, *free), free, 1)
    with pytest.raises(AttributeError, match="logpdf"):
        _ = mine.logpdf


def test_what_is_not_ours_is_scipys() -> None:
    assert ours.norm.rvs(0, 1, size=3, random_state=1).shape == (3,)
    assert ours.gamma(2.0, scale=3.0).mean() == theirs.gamma(2.0, scale=3.0).mean()
    assert ours.ttest_1samp is theirs.ttest_1samp
