"""LBFGS: step by step what PyTorch's does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine import optim
from grad_engine.errors import ArgumentError
from tests.support import normal

SETTINGS: list[dict[str, Any]] = [
    {"lr": 0.1},
    {"lr": 0.05, "history_size": 2, "max_iter": 7},
    {"lr": 1.0, "line_search_fn": "strong_wolfe", "max_iter": 8},
    {"lr": 0.5, "line_search_fn": "strong_wolfe", "history_size": 3, "max_eval": 9},
    {"lr": 0.1, "tolerance_change": 1e-2},
]


def losses(engine: Any, settings: dict[str, Any]) -> list[float]:
    """What each call of the closure gave, for the fit of two layers."""
    x, y = engine.tensor(normal(12, 3)), engine.tensor(normal(12, 1))
    weights = [engine.tensor(0.5 * normal(*shape), requires_grad=True) for shape in ((3, 4), (4,), (4, 1))]
    optimizer = engine.optim.LBFGS(weights, **settings)
    found = []

    def closure() -> Any:
        optimizer.zero_grad()
        loss = ((engine.tanh(x @ weights[0] + weights[1]) @ weights[2] - y) ** 2).mean()
        loss.backward()
        found.append(loss.item())
        return loss

    for _ in range(3):
        optimizer.step(closure)
    return found


@pytest.mark.torch
@pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: "-".join(settings))
def test_every_loss_is_pytorchs(settings: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    mine, theirs = losses(ge, settings), losses(torch, settings)
    assert len(mine) == len(theirs) > 3 and mine[-1] < mine[0]
    np.testing.assert_allclose(mine, theirs, rtol=1e-8)


def test_it_finds_the_minimum_of_rosenbrocks_valley() -> None:
    at = ge.tensor([-1.2, 1.0], requires_grad=True)
    optimizer = optim.LBFGS([at], max_iter=60, line_search_fn="strong_wolfe")

    def closure() -> Any:
        optimizer.zero_grad()
        loss = (1 - at[0]) ** 2 + 100 * (at[1] - at[0] ** 2) ** 2
        loss.backward()
        return loss

    assert optimizer.step(closure).item() > 20  # the first loss
    np.testing.assert_allclose(at.tolist(), [1, 1], atol=1e-4)


def test_misuse_says_what_to_write() -> None:
    weight = ge.ones(2).requires_grad_()
    with pytest.raises(ArgumentError, match=r"write step\(closure\)"):
        optim.LBFGS([weight]).step()
    with pytest.raises(ArgumentError, match="'strong_wolfe'"):
        optim.LBFGS([weight], line_search_fn="armijo")
    with pytest.raises(ArgumentError, match="one group"):
        optim.LBFGS([{"params": [weight]}, {"params": [ge.ones(1).requires_grad_()]}])
    with pytest.raises(ArgumentError, match="keeps no state"):
        optim.LBFGS([weight]).state_dict()
