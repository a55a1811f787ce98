"""The 13-8-1 ReLU network, full batch of 506, mean squared error, SGD by hand: 1,000 steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import grad_engine as ge
from tests.bench.timing import arguments, interleaved, report, torch

RATE = 0.01


def parts(dtype: Any) -> list[np.ndarray]:
    """Inputs (506, 13), targets (506, 1), and the weights: 13 x 8, a bias of 8, 8 x 1."""
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((506, 13)), rng.standard_normal((13, 1))
    y = np.tanh(x @ w) + 0.1 * rng.standard_normal((506, 1))
    weights = rng.uniform(-0.3, 0.3, (13, 8)), np.zeros(8), rng.uniform(-0.3, 0.3, (8, 1))
    return [part.astype(dtype) for part in (x, y, *weights)]


def with_numpy(steps: int, dtype: Any) -> Callable[[], Any]:
    def train() -> Any:
        x, y, w1, b1, w2 = parts(dtype)
        rate, two = dtype(RATE), dtype(2 / len(x))
        for _ in range(steps):
            h = x @ w1 + b1
            a = np.maximum(h, 0)
            error = a @ w2 - y
            g = error * two
            back = (g @ w2.T) * (h > 0)
            w2 -= rate * (a.T @ g)
            w1 -= rate * (x.T @ back)
            b1 -= rate * back.sum(0)
        return float((error * error).mean())

    return train


def with_ours(steps: int, dtype: Any) -> Callable[[], Any]:
    def train() -> Any:
        x, y, *weights = parts(dtype)
        x, y = ge.from_numpy(x), ge.from_numpy(y)
        w1, b1, w2 = leaves = [ge.from_numpy(w, requires_grad=True) for w in weights]
        for _ in range(steps):
            error = ge.relu(x @ w1 + b1) @ w2 - y
            loss = ge.mean(error * error)
            loss.backward()
            with ge.no_grad():
                for w in leaves:
                    w -= RATE * w.grad
                    w.grad = None
        return loss.item()

    return train


def with_torch(steps: int, dtype: Any) -> Callable[[], Any]:
    def train() -> Any:
        x, y, *weights = (torch.from_numpy(part) for part in parts(dtype))
        w1, b1, w2 = leaves = [w.requires_grad_() for w in weights]
        for _ in range(steps):
            error = (x @ w1 + b1).relu() @ w2 - y
            loss = (error * error).mean()
            loss.backward()
            with torch.no_grad():
                for w in leaves:
                    w -= RATE * w.grad
                    w.grad = None
        return loss.item()

    return train


def main() -> None:
    """Measure in both precisions."""
    wanted = arguments(__doc__)
    steps, rounds = (5, 1) if wanted.quick else (1000, 5)
    if torch is not None:
        torch.set_num_threads(1)
    rows = []
    for dtype in (np.float64, np.float32):
        contenders = {"numpy": with_numpy(steps, dtype), "ours": with_ours(steps, dtype)}
        if torch is not None:
            contenders["torch"] = with_torch(steps, dtype)
        losses = {name: train() for name, train in contenders.items()}
        assert np.ptp(list(losses.values())) < 1e-4, losses
        found = interleaved(contenders, rounds=rounds, seconds=0)
        base, theirs = found["numpy"][0], found.get("torch", (float("nan"),))[0]
        rows += [
            [f"{name} {dtype.__name__}", time * 1e3, time / base, time / theirs, spread, losses[name]]
            for name, (time, spread) in found.items()
        ]
    columns = ["", "ms", "/ numpy", "/ torch", "spread", "loss"]
    report(f"MLP 506x13-8-1, {steps} steps", columns, rows, wanted.json)


if __name__ == "__main__":
    main()
