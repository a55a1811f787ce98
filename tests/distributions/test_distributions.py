"""Distributions: densities, moments and divergences are PyTorch's, and draws have the moments they promise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine import distributions as D
from grad_engine.errors import ArgumentError, ShapeError

NORMALS = {"loc": [0.3, -1.0], "scale": [0.5, 2.0]}
MATRIX = [[2.0, 0.3], [0.3, 1.0]]
# (name, arguments, values): each is made in both engines.
CASES: list[tuple[str, dict[str, Any], Any]] = [
    ("Normal", NORMALS, [0.1, 2.0]),
    ("Laplace", NORMALS, [0.1, 2.0]),
    ("Cauchy", NORMALS, [0.1, 2.0]),
    ("Gumbel", NORMALS, [0.1, 2.0]),
    ("LogNormal", NORMALS, [0.1, 2.0]),
    ("Uniform", {"low": [0.0, -1.0], "high": [1.0, 3.0]}, [0.5, 2.0]),
    ("Exponential", {"rate": [0.5, 2.0]}, [0.1, 2.0]),
    ("HalfNormal", {"scale": [0.5, 2.0]}, [0.1, 2.0]),
    ("StudentT", {"df": [3.0, 5.0], "loc": [0.0, 1.0], "scale": [1.0, 2.0]}, [0.1, 2.0]),
    ("Gamma", {"concentration": [0.7, 3.0], "rate": [0.5, 2.0]}, [0.1, 2.0]),
    ("Chi2", {"df": [3.0, 5.0]}, [0.1, 2.0]),
    ("Beta", {"concentration1": [0.7, 3.0], "concentration0": [0.5, 2.0]}, [0.1, 0.9]),
    ("Dirichlet", {"concentration": [[0.7, 3.0, 1.0], [2.0, 2.0, 5.0]]}, [[0.1, 0.7, 0.2], [0.3, 0.3, 0.4]]),
    ("MultivariateNormal", {"loc": [0.3, -1.0], "covariance_matrix": MATRIX}, [[0.1, 2.0], [1.0, 0.0], [3.0, 3.0]]),
    ("MultivariateNormal", {"loc": [0.3, -1.0], "precision_matrix": MATRIX}, [0.1, 2.0]),
    ("MultivariateNormal", {"loc": [0.3, -1.0], "scale_tril": [[1.0, 0.0], [0.5, 2.0]]}, [0.1, 2.0]),
    ("Bernoulli", {"probs": [0.2, 0.9]}, [1.0, 0.0]),
    ("Bernoulli", {"logits": [-3.0, 0.4]}, [1.0, 0.0]),
    ("Geometric", {"probs": [0.2, 0.9]}, [3.0, 0.0]),
    ("Binomial", {"total_count": 5, "probs": [0.2, 0.9]}, [3.0, 0.0]),
    ("Poisson", {"rate": [0.5, 4.0]}, [3.0, 0.0]),
    ("Categorical", {"probs": [[1.0, 2.0, 3.0], [0.5, 0.0, 0.5]]}, [2, 0]),
    ("Categorical", {"logits": [[1.0, 2.0, 3.0], [0.5, 0.0, 0.5]]}, [2, 0]),
    ("OneHotCategorical", {"logits": [[1.0, 2.0, 3.0], [0.5, 0.0, 0.5]]}, [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]),
    ("Multinomial", {"total_count": 4, "probs": [0.2, 0.3, 0.5]}, [1.0, 1.0, 2.0]),
    ("HalfCauchy", {"scale": [0.5, 2.0]}, [0.1, 2.0]),
    ("Pareto", {"scale": [0.05, 1.0], "alpha": [3.0, 5.0]}, [0.1, 2.0]),
    ("Weibull", {"scale": [0.5, 2.0], "concentration": [0.8, 2.0]}, [0.1, 2.0]),
    ("InverseGamma", {"concentration": [7.0, 9.0], "rate": [0.5, 2.0]}, [0.1, 2.0]),
    ("Kumaraswamy", {"concentration1": [0.7, 3.0], "concentration0": [0.5, 2.0]}, [0.1, 0.9]),
    ("NegativeBinomial", {"total_count": 5, "probs": [0.2, 0.6]}, [3.0, 0.0]),
    ("NegativeBinomial", {"total_count": [2.0, 5.0], "logits": [-0.2, 0.3]}, [3.0, 0.0]),
    ("RelaxedBernoulli", {"temperature": 0.7, "probs": [0.2, 0.9]}, [0.3, 0.6]),
    ("RelaxedOneHotCategorical", {"temperature": 0.7, "probs": [0.2, 0.3, 0.5]}, [0.3, 0.3, 0.4]),
]  # fmt: skip
IDS = [f"{name}-{'-'.join(given)}" for name, given, _ in CASES]


def made(engine: Any, name: str, given: dict[str, Any], grad: bool = False) -> tuple[Any, list[Any]]:
    """The distribution, and its parameters as tensors."""
    tensors = {key: value if isinstance(value, int) else engine.tensor(value) for key, value in given.items()}
    leaves = [each for each in tensors.values() if not isinstance(each, int)]
    for each in leaves:
        each.requires_grad_(grad)
    return getattr(engine.distributions, name)(**tensors), leaves


@pytest.fixture
def both() -> Any:
    torch = pytest.importorskip("torch")
    pytest.importorskip("scipy")
    pytest.importorskip("torch.distributions")
    torch.set_default_dtype(torch.float64)
    yield ge, torch
    torch.set_default_dtype(torch.float32)


@pytest.mark.torch
@pytest.mark.parametrize(("name", "given", "value"), CASES, ids=IDS)
def test_density_and_its_gradients_are_pytorchs(both: Any, name: str, given: dict[str, Any], value: Any) -> None:
    found = []
    for engine in both:
        distribution, leaves = made(engine, name, given, grad=True)
        x = engine.tensor(value)
        logs = distribution.log_prob(x)
        assert tuple(distribution.batch_shape + distribution.event_shape) == tuple(distribution.sample().shape)
        assert tuple(distribution.sample((4, 1)).shape) == (4, 1, *distribution.batch_shape, *distribution.event_shape)
        assert distribution.has_rsample or not distribution.sample().requires_grad
        finite = logs[np.isfinite(logs.detach().numpy())] if logs.ndim else logs
        finite.sum().backward()
        found.append([logs.detach().numpy(), *(leaf.grad.numpy() for leaf in leaves if leaf.grad is not None)])
    for mine, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.torch
@pytest.mark.parametrize(("name", "given", "value"), CASES, ids=IDS)
@pytest.mark.parametrize("what", ["mean", "variance", "stddev", "entropy", "cdf", "icdf", "mode"])
def test_what_is_known_of_it_is_pytorchs(both: Any, name: str, given: dict[str, Any], value: Any, what: str) -> None:
    """Where both have it; where it is not here, the error says what to write."""
    theirs, _ = made(both[1], name, given)
    mine, _ = made(ge, name, given)

    def asked(distribution: Any, engine: Any) -> Any:
        found = getattr(distribution, what)
        arguments = {"cdf": [engine.tensor(value)], "icdf": [engine.tensor([0.3, 0.6])], "entropy": []}
        return found(*arguments[what]) if what in arguments else found

    try:
        expected = asked(theirs, both[1])
    except (NotImplementedError, AttributeError, ValueError):
        return
    try:
        got = asked(mine, ge)
    except (ArgumentError, AttributeError):
        assert what in ("entropy", "icdf", "mode")
        return
    np.testing.assert_allclose(got.numpy(), expected.numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("name", "given", "value"), CASES, ids=IDS)
def test_draws_have_its_mean_and_spread(name: str, given: dict[str, Any], value: Any) -> None:
    if name in ("Cauchy", "HalfCauchy", "Categorical", "RelaxedBernoulli", "RelaxedOneHotCategorical"):
        return  # no moments of their own
    ge.manual_seed(5)
    distribution, _ = made(ge, name, given)
    draws = distribution.sample((40_000,)).numpy()
    mean, spread = distribution.mean.numpy(), distribution.stddev.numpy()
    np.testing.assert_allclose(draws.mean(0), mean, atol=0.04 * spread.max())
    np.testing.assert_allclose(draws.std(0), spread, rtol=0.25 if name in ("StudentT", "LogNormal", "Pareto") else 0.06)


def test_draws_of_a_choice_come_as_often_as_it_is_likely() -> None:
    ge.manual_seed(5)
    probs = np.array([[0.2, 0.0, 0.8], [0.5, 0.25, 0.25]])
    draws = D.Categorical(ge.tensor(probs)).sample((20_000,)).numpy()
    assert draws.dtype == np.int64
    shares = (draws[..., None] == np.arange(3)).mean(0)
    np.testing.assert_allclose(shares, probs, atol=0.02)
    assert not (draws[:, 0] == 1).any()


@pytest.mark.parametrize(("name", "given", "value"), CASES, ids=IDS)
def test_rsample_has_a_gradient_or_says_what_to_write(name: str, given: dict[str, Any], value: Any) -> None:
    distribution, leaves = made(ge, name, given, grad=True)
    if not distribution.has_rsample:
        with pytest.raises(ArgumentError, match="differentiate log_prob"):
            distribution.rsample()
        return
    distribution.rsample((3,)).sum().backward()
    assert all(leaf.grad is not None for leaf in leaves)


# Parameters of two of each kind, for divergences of each from each.
KINDS: dict[str, tuple[list[Any], list[Any]]] = {
    "Normal": ([[0.3, 1.0], [1.2, 2.0]], [0.5, 0.9]), "Laplace": ([0.4, 0.7], [0.1, 0.9]),
    "Gumbel": ([0.2, 1.3], [0.4, 1.1]), "Cauchy": ([0.1, 0.8], [0.3, 1.8]), "Uniform": ([0.2, 0.9], [-0.2, 1.9]),
    "Exponential": ([1.4], [0.8]), "Gamma": ([1.3, 0.8], [2.3, 1.8]), "Chi2": ([3.0], [2.0]),
    "Beta": ([1.4, 2.2], [2.4, 1.2]), "HalfNormal": ([0.8], [1.8]), "LogNormal": ([0.1, 0.9], [0.4, 0.6]),
    "Pareto": ([0.1, 3.3], [0.05, 2.3]), "HalfCauchy": ([0.7], [0.4]), "InverseGamma": ([2.1, 1.3], [1.1, 2.3]),
    "Bernoulli": ([0.3], [0.6]), "Geometric": ([0.4], [0.2]), "Poisson": ([2.1], [1.1]),
    "Binomial": ([5, 0.4], [5, 0.7]), "Dirichlet": ([[1.0, 2.0]], [[2.5, 0.4]]),
    "Categorical": ([[[0.3, 0.7], [0.0, 1.0]]], [[0.4, 0.6]]), "OneHotCategorical": ([[0.3, 0.7]], [[0.4, 0.6]]),
    "MultivariateNormal": ([[0.0, 1.0], MATRIX], [[[0.5, 0.0]], [[1.0, 0.5], [0.5, 2.0]]]),
}  # fmt: skip


def one_of(engine: Any, name: str, second: bool) -> Any:
    given = [part if isinstance(part, int) else engine.tensor(part) for part in KINDS[name][second]]
    return getattr(engine.distributions, name)(*given)


@pytest.mark.torch
@pytest.mark.parametrize("first", KINDS)
def test_every_divergence_that_pytorch_knows_is_known(both: Any, first: str) -> None:
    """Of each kind from each, those too that are infinite because the second never gives what the first does."""
    for second in KINDS:
        try:
            expected = both[1].distributions.kl_divergence(one_of(both[1], first, False), one_of(both[1], second, True))
        except NotImplementedError:
            continue
        found = D.kl_divergence(one_of(ge, first, False), one_of(ge, second, True))
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-9, atol=1e-12, err_msg=second)


@pytest.mark.torch
def test_divergences_of_events_are_pytorchs(both: Any) -> None:
    found = []
    for engine in both:
        d, t = engine.distributions, engine.tensor
        p, q = d.Normal(t([0.0, 1.0]), t([1.0, 2.0])), d.Normal(t([1.0, 1.0]), t([1.0, 1.0]))
        squash = [d.transforms.ExpTransform()]
        found.append([
            d.kl_divergence(d.Independent(p, 1), d.Independent(q, 1)),
            d.kl_divergence(d.TransformedDistribution(p, squash), d.TransformedDistribution(q, squash)),
            d.kl_divergence(d.Uniform(t(-1.0), t(2.0)), d.Gamma(t(1.0), t(2.0))),
            d.kl_divergence(d.Uniform(t(-1.0), t(2.0)), d.Beta(t(1.0), t(2.0))),
        ])  # fmt: skip
    for mine, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=1e-9)


CONCENTRATIONS = [0.02, 0.3, 1.0, 2.5, 30.0, 4e3]


@pytest.mark.parametrize("a", CONCENTRATIONS)
def test_a_gamma_draw_moves_with_its_concentration_as_its_quantile_does(a: float) -> None:
    """Against central differences of SciPy's quantiles, and with the slope of the slope."""
    special = pytest.importorskip("scipy.special")
    ge.manual_seed(3)
    concentration = ge.tensor(np.full(200, a), requires_grad=True)
    draws = D.Gamma(concentration, 2.0).rsample()
    (slope,) = ge.autograd.grad(draws.sum(), concentration, create_graph=True)
    below, h = special.gammainc(a, 2.0 * draws.detach().numpy()), 1e-4 * a
    keep = draws.detach().numpy() > 1e-290  # others are the least number there is
    rounds = [special.gammaincinv(a + k * h, below) / 2 for k in (-2, -1, 0, 1, 2)]
    expected = (rounds[0] - 8 * rounds[1] + 8 * rounds[3] - rounds[4]) / (12 * h)
    np.testing.assert_allclose(slope.detach().numpy()[keep], expected[keep], rtol=1e-6, atol=1e-10)
    (second,) = ge.autograd.grad(slope.sum(), concentration)
    h = 3e-3 * a
    rounds = [special.gammaincinv(a + k * h, below) / 2 for k in (-2, -1, 0, 1, 2)]
    expected = (-rounds[0] + 16 * rounds[1] - 30 * rounds[2] + 16 * rounds[3] - rounds[4]) / (12 * h * h)
    size = np.abs(expected[keep]).max(initial=1e-6)
    np.testing.assert_allclose(second.numpy()[keep], expected[keep], rtol=1e-2, atol=1e-4 * size)


@pytest.mark.torch
def test_slopes_of_gamma_and_beta_draws_are_pytorchs(both: Any) -> None:
    """PyTorch's are approximations, three digits in the worst case."""
    torch = both[1]
    ge.manual_seed(3)
    for a, b in ((0.4, 0.7), (2.0, 5.0), (30.0, 3.0)):
        first, second = (ge.tensor(np.full(300, each), requires_grad=True) for each in (a, b))
        draws = D.Gamma(first, 1.0).rsample()
        draws.sum().backward()
        x = torch.tensor(draws.detach().numpy())
        np.testing.assert_allclose(first.grad.numpy(), torch._standard_gamma_grad(torch.full((300,), a), x), rtol=5e-3)
        first.grad = None
        draws = D.Beta(first, second).rsample()
        draws.sum().backward()
        x, total = torch.tensor(draws.detach().numpy()), torch.full((300,), a + b)
        by_a = torch._dirichlet_grad(x, torch.full((300,), a), total) * (1 - x)
        by_b = torch._dirichlet_grad(1 - x, torch.full((300,), b), total) * x
        np.testing.assert_allclose(first.grad.numpy(), by_a, rtol=5e-3, atol=1e-6)
        np.testing.assert_allclose(second.grad.numpy(), -by_b, rtol=5e-3, atol=1e-6)


@pytest.mark.parametrize(("name", "given", "moment"), [
    ("Gamma", {"concentration": 1.7, "rate": 0.6}, lambda a, r: a / r + a * (a + 1) / r**2),
    ("Chi2", {"df": 3.0}, lambda df: df + df * (df + 2)),
    ("InverseGamma", {"concentration": 9.0, "rate": 2.0}, lambda a, r: r / (a - 1) + r * r / ((a - 1) * (a - 2))),
    ("Beta", {"concentration1": 0.8, "concentration0": 2.1},
     lambda a, b: a / (a + b) + a * (a + 1) / ((a + b) * (a + b + 1))),
    ("StudentT", {"df": 9.0, "loc": 0.3, "scale": 1.2}, lambda df, m, s: m + m * m + s * s * df / (df - 2)),
    ("Dirichlet", {"concentration": [0.7, 3.0, 1.0]},
     lambda a: (a[0] / a.sum() + a[0] * (a[0] + 1) / (a.sum() * (a.sum() + 1)))),
])  # fmt: skip
def test_the_mean_slope_of_draws_is_the_slope_of_the_mean(name: str, given: dict[str, Any], moment: Any) -> None:
    """d E[x + x²] by each parameter, from 40,000 draws, against the formula."""
    pytest.importorskip("scipy")
    ge.manual_seed(11)
    distribution, leaves = made(ge, name, given, grad=True)
    draws = distribution.rsample((40_000,))
    first = draws[:, 0] if name == "Dirichlet" else draws
    (first + first**2).mean(0).sum().backward()
    found = [leaf.grad.numpy() for leaf in leaves]
    for leaf in leaves:
        leaf.grad = None
    moment(*leaves).backward()
    for one, leaf in zip(found, leaves, strict=True):
        np.testing.assert_allclose(one, leaf.grad.numpy(), rtol=0.08, atol=0.012)


@pytest.mark.torch
def test_mixtures_and_transforms_are_pytorchs(both: Any) -> None:
    found = []
    for engine in both:
        d, t = engine.distributions, engine.tensor
        weights = d.Categorical(t([[0.2, 0.8], [0.5, 0.5]]))
        mixture = d.MixtureSameFamily(weights, d.Normal(t([[0.0, 1.0], [2.0, 3.0]]), t([[1.0, 0.5], [2.0, 1.0]])))
        planes = d.MixtureSameFamily(
            d.Categorical(t([0.2, 0.8])), d.Independent(d.Normal(t([[0.0, 1.0], [2.0, 3.0]]), t([1.0, 0.5])), 1)
        )
        squashed = d.TransformedDistribution(
            d.Normal(t([0.2, 0.0]), t([1.0, 2.0])), [d.transforms.AffineTransform(t(0.1), t(2.0)),
                                                     d.transforms.TanhTransform()],
        )  # fmt: skip
        odds = d.TransformedDistribution(d.Uniform(t(0.0), t(1.0)), d.transforms.SigmoidTransform().inv)
        assert tuple(mixture.sample((5,)).shape) == (5, 2) and tuple(planes.sample((5,)).shape) == (5, 2)
        found.append([
            mixture.log_prob(t([[0.3, 0.4], [1.0, 2.0]])), mixture.mean, mixture.variance, mixture.cdf(t([0.1, 0.2])),
            planes.log_prob(t([[0.3, 0.4], [1.0, 2.0], [0.0, 0.0]])), planes.mean, planes.variance,
            squashed.log_prob(t([0.5, -0.9])), odds.log_prob(t([0.5, -3.0])),
            d.Normal(t(0.0), t(1.0)).expand((2, 3)).log_prob(t(0.4)),
        ])  # fmt: skip
    for mine, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=1e-9)


def test_what_cannot_be_drawn_has_probability_0() -> None:
    assert D.Uniform(0.0, 1.0).log_prob([2.0, -1.0]).tolist() == [-np.inf, -np.inf]
    assert D.HalfNormal(1.0).log_prob(-1.0).item() == -np.inf
    assert D.Categorical(ge.tensor([0.0, 1.0])).log_prob(0).item() < -30


def test_wrong_parameters_are_refused_in_words() -> None:
    with pytest.raises(ArgumentError, match=r"Normal takes a scale above 0, got -1\.0"):
        D.Normal(0.0, ge.tensor([1.0, -1.0]))
    with pytest.raises(ArgumentError, match="got nan"):
        D.Normal(0.0, ge.tensor([1.0, np.nan]))
    D.Normal(0.0, ge.tensor([1.0, -1.0]), validate_args=False)
    with pytest.raises(ArgumentError, match="probabilities from 0 to 1"):
        D.Bernoulli(1.5)
    with pytest.raises(ArgumentError, match="one of probs and logits"):
        D.Categorical()
    with pytest.raises(ShapeError, match="a vector"):
        D.Categorical(0.5)
    with pytest.raises(ArgumentError, match="logits that are numbers"):
        D.Categorical(logits=ge.tensor([np.nan, 1.0]))
    with pytest.raises(ArgumentError, match="no closed form"):
        D.kl_divergence(D.Cauchy(0.0, 1.0), D.Normal(0.0, 1.0))
    with pytest.raises(ShapeError, match=r"\(3,\)"):
        D.Normal(0.0, 1.0).sample(3)  # type: ignore[arg-type]
    with pytest.raises(AttributeError, match="Wishart"):
        _ = D.Wishart


def test_a_policy_gradient_learns_which_arm_pays() -> None:
    ge.manual_seed(0)
    scores = ge.zeros(3).requires_grad_()
    optimiser = ge.optim.Adam([scores], lr=0.1)
    for _ in range(60):
        choice = D.Categorical(logits=scores)
        action = choice.sample((16,))
        reward = (action == 2).float()
        loss = -(choice.log_prob(action) * (reward - reward.mean())).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert int(scores.argmax()) == 2
