"""What people read of a program, word for word: two steps and a fit whose likelihood is a loop.

After a change that is meant, `python -m tests.program.test_listings` writes the texts in tests/golden anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine import nn, optim

GOLDEN = Path(__file__).parents[1] / "golden"
RNG = np.random.default_rng(0)
MODEL = nn.Sequential(nn.Linear(13, 8, seed=0), nn.ReLU(), nn.Linear(8, 1, seed=1))
OPTIMIZER = optim.Adam(MODEL.parameters(), lr=0.01)
OBSERVED = RNG.normal(size=(20, 3))


def layers_adam(x: Any, y: Any) -> Any:
    OPTIMIZER.zero_grad()
    loss = nn.functional.mse_loss(MODEL(x), y)
    loss.backward()
    OPTIMIZER.step()
    return loss


def logistic(w: Any, b: Any, X: Any, y: Any) -> Any:
    def loss_of(w: Any, b: Any) -> Any:
        p = 1 / (1 + np.exp(-(X @ w + b)))
        return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)) + 0.01 * np.sum(w**2)

    loss, (g_w, g_b) = ge.value_and_grad(loss_of, argnums=(0, 1))(w, b)
    return loss, w - 0.5 * g_w, b - 0.5 * g_b


def recurrent(params: Any) -> Any:
    def loss_of(p: Any) -> Any:
        def cell(h: Any, x: Any) -> Any:
            h = np.tanh(p["w"] @ h + p["u"] @ x + p["b"])
            return h, h

        last, _ = ge.scan(cell, np.zeros(4), OBSERVED)
        return np.sum((last - 1.0) ** 2)

    return ge.value_and_grad(loss_of)(params)


LISTINGS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "layers_adam": (layers_adam, (RNG.normal(size=(64, 13)), RNG.normal(size=(64, 1)))),
    "logistic": (logistic, (RNG.normal(size=3), 0.1, RNG.normal(size=(100, 3)), (RNG.normal(size=100) > 0) * 1.0)),
    "recurrent": (recurrent, ({"w": np.eye(4) / 2, "u": RNG.normal(size=(4, 3)), "b": np.zeros(4)},)),
}


def listing(name: str) -> str:
    """The source of one of them."""
    function, args = LISTINGS[name]
    return str(ge.compile(function).lower(*args).source)


@pytest.mark.parametrize("name", LISTINGS)
def test_listings(name: str) -> None:
    assert listing(name) == (GOLDEN / f"program_{name}.txt").read_text("utf-8")


if __name__ == "__main__":
    for each in LISTINGS:
        (GOLDEN / f"program_{each}.txt").write_text(listing(each), "utf-8")
