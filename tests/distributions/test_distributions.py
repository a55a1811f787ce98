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
        assert what in ("entropy", "cdf", "icdf", "mode")
        return
    np.testing.assert_allclose(got.numpy(), expected.numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("name", "given", "value"), CASES, ids=IDS)
def test_draws_have_its_mean_and_spread(name: str, given: dict[str, Any], value: Any) -> None:
    if name in ("Cauchy", "Categorical", "RelaxedBernoulli", "RelaxedOneHotCategorical"):
        return  # no moments of their own
    ge.manual_seed(5)
    distribution, _ = made(ge, name, given)
    draws = distribution.sample((40_000,)).numpy()
    mean, spread = distribution.mean.numpy(), distribution.stddev.numpy()
    np.testing.assert_allclose(draws.mean(0), mean, atol=0.04 * spread.max())
    np.testing.assert_allclose(draws.std(0), spread, rtol=0.25 if name in ("StudentT", "LogNormal") else 0.06)


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


def pairs(engine: Any) -> dict[str, Any]:
    d, t = engine.distributions, engine.tensor
    return {
        "Normal": [d.Normal(t([0.0, 1.0]), t([1.0, 2.0])), d.Normal(t(0.5), t(1.5))],
        "LogNormal": [d.LogNormal(t(0.0), t(1.0)), d.LogNormal(t(0.5), t(1.5))],
        "HalfNormal": [d.HalfNormal(t(1.0)), d.HalfNormal(t(1.5))],
        "Laplace": [d.Laplace(t(0.0), t(1.0)), d.Laplace(t(0.5), t(1.5))],
        "Uniform": [d.Uniform(t([0.0, 0.0]), t([1.0, 5.0])), d.Uniform(t(-1.0), t(2.0))],
        "Exponential": [d.Exponential(t(1.0)), d.Exponential(t(2.5))],
        "Gamma": [d.Gamma(t(1.0), t(2.0)), d.Gamma(t(2.5), t(0.4))],
        "Beta": [d.Beta(t(1.0), t(2.0)), d.Beta(t(2.5), t(0.4))],
        "Dirichlet": [d.Dirichlet(t([1.0, 2.0])), d.Dirichlet(t([2.5, 0.4]))],
        "Bernoulli": [d.Bernoulli(t(0.3)), d.Bernoulli(logits=t(0.4))],
        "Binomial": [d.Binomial(4, t(0.3)), d.Binomial(4, t(0.4))],
        "Geometric": [d.Geometric(t(0.3)), d.Geometric(t(0.4))],
        "Poisson": [d.Poisson(t(0.3)), d.Poisson(t(4.0))],
        "Categorical": [d.Categorical(t([[0.3, 0.7], [0.0, 1.0]])), d.Categorical(logits=t([0.4, 1.0]))],
        "MultivariateNormal": [
            d.MultivariateNormal(t([0.0, 1.0]), t(MATRIX)),
            d.MultivariateNormal(t([[0.5, 0.0]]), scale_tril=t([[1.0, 0.0], [0.5, 2.0]])),
        ],
        "Independent": [
            d.Independent(d.Normal(t([0.0, 1.0]), t([1.0, 2.0])), 1), d.Independent(d.Normal(t([1.0, 1.0]), t(1.0)), 1),
        ],
    }  # fmt: skip


@pytest.mark.torch
def test_divergences_are_pytorchs(both: Any) -> None:
    mine, theirs = pairs(ge), pairs(both[1])
    for name, two in mine.items():
        found, expected = D.kl_divergence(*two), both[1].distributions.kl_divergence(*theirs[name])
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-9, atol=1e-12, err_msg=name)


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
    with pytest.raises(AttributeError, match="VonMises"):
        _ = D.VonMises


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
