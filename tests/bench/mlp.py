"""A network of 13 inputs, 8 ReLU units and 1 result: 1,000 steps of SGD on the mean squared error of a batch of 506.

Written out step by step, and with each library's layers, loss and optimiser.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import grad_engine as ge
from grad_engine import nn, optim
from tests.bench.timing import Call, Table, arguments, interleaved, report, torch, with_threads

RATE = 0.01
UNITS = 8


def data(path: Path | None) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets, (506, 13) and (506, 1): drawn, or a CSV's columns, each standardized, the last the target."""
    rng = np.random.default_rng(0)
    if path is None:
        x, w = rng.standard_normal((506, 13)), rng.standard_normal((13, 1))
        return x, np.tanh(x @ w) + 0.1 * rng.standard_normal((506, 1))
    table = np.genfromtxt(path, delimiter=",")
    table = table[~np.isnan(table).any(axis=1)]  # a line of names, and rows with a gap
    table = (table - table.mean(0)) / np.maximum(table.std(0), 1e-12)
    return table[:, :-1], table[:, -1:]


def parts(dtype: Any, path: Path | None = None) -> list[np.ndarray]:
    """Inputs, targets, and the weights: inputs x 8, a bias of 8, 8 x 1."""
    x, y = data(path)
    rng = np.random.default_rng(1)
    weights = rng.uniform(-0.3, 0.3, (x.shape[1], UNITS)), np.zeros(UNITS), rng.uniform(-0.3, 0.3, (UNITS, 1))
    return [part.astype(dtype) for part in (x, y, *weights)]


Trainer = Callable[[int, list[np.ndarray]], float]


def with_numpy(steps: int, given: list[np.ndarray]) -> float:
    """The loss before the last step, forward and backward being written out."""
    x, y, w1, b1, w2 = given
    rate, two = x.dtype.type(RATE), x.dtype.type(2 / len(x))
    for _ in range(steps):
        h = x @ w1 + b1
        a = np.maximum(h, 0)
        error = a @ w2 - y
        loss = (error * error).mean()
        g = error * two
        back = (g @ w2.T) * (h > 0)
        w2 -= rate * (a.T @ g)
        w1 -= rate * (x.T @ back)
        b1 -= rate * back.sum(0)
    return float(loss)


def with_ours(steps: int, given: list[np.ndarray]) -> float:
    """The same, with the gradients of this engine."""
    x, y = map(ge.from_numpy, given[:2])
    w1, b1, w2 = leaves = [ge.from_numpy(w, requires_grad=True) for w in given[2:]]
    for _ in range(steps):
        error = ge.relu(x @ w1 + b1) @ w2 - y
        loss = ge.mean(error * error)
        loss.backward()
        with ge.no_grad():
            for w in leaves:
                w -= RATE * w.grad
                w.grad = None
    return loss.item()


def with_torch(steps: int, given: list[np.ndarray]) -> float:
    """The same, with the gradients of PyTorch."""
    x, y, *weights = map(torch.from_numpy, given)
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


def with_our_layers(steps: int, given: list[np.ndarray]) -> float:
    """The same network of Linear, ReLU and MSELoss, moved by SGD."""
    x, y = map(ge.from_numpy, given[:2])
    dtype, features = x.dtype, x.shape[1]
    layers = nn.Linear(features, UNITS, dtype=dtype), nn.Linear(UNITS, 1, bias=False, dtype=dtype)
    model = nn.Sequential(layers[0], nn.ReLU(), layers[1])
    for parameter, value in zip(model.parameters(), given[2:], strict=True):
        parameter.data[...] = value.T
    criterion, optimizer = nn.MSELoss(), optim.SGD(model.parameters(), lr=RATE)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
    return loss.item()


def with_torch_layers(steps: int, given: list[np.ndarray]) -> float:
    """The same with those of PyTorch."""
    x, y = map(torch.from_numpy, given[:2])
    dtype, features = x.dtype, x.shape[1]
    layers = torch.nn.Linear(features, UNITS, dtype=dtype), torch.nn.Linear(UNITS, 1, bias=False, dtype=dtype)
    model = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1])
    for parameter, value in zip(model.parameters(), given[2:], strict=True):
        parameter.data = torch.from_numpy(np.ascontiguousarray(value.T))
    criterion, optimizer = torch.nn.MSELoss(), torch.optim.SGD(model.parameters(), lr=RATE)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
    return loss.item()


def keeping(dtype: Any, path: Path | None) -> dict[str, Call]:
    """One forward and backward pass, whose graph is let go, or kept with a record of all that happened."""
    x, y, *weights = parts(dtype, path)
    leaves = [ge.tensor(w, requires_grad=True) for w in weights]

    def step(retain: bool) -> Call:
        def run() -> None:
            w1, b1, w2 = leaves
            error = ge.relu(x @ w1 + b1) @ w2 - y
            ge.mean(error * error).backward(retain_graph=retain)
            for leaf in leaves:
                leaf.grad = None

        return run

    return {"let go": step(False), "kept": step(True)}


def training(dtype: Any, path: Path | None, steps: int, rounds: int) -> list[list[Any]]:
    """A row for each way to train, which must all come to the same loss."""
    trainers: dict[str, Trainer] = {"numpy by hand": with_numpy, "ours": with_ours, "our layers": with_our_layers}
    if torch is not None:
        with_threads(1)()
        trainers |= {"torch": with_torch, "torch layers": with_torch_layers}
    losses = {name: train(steps, parts(dtype, path)) for name, train in trainers.items()}
    assert np.ptp(list(losses.values())) < 1e-4, losses
    # Each starts from data of its own, so that none is handed numbers that another has moved.
    calls = {name: lambda train=train: train(steps, parts(dtype, path)) for name, train in trainers.items()}
    found = interleaved(calls, rounds=rounds, seconds=0)
    against = {"ours": "torch", "our layers": "torch layers"}
    return [
        [
            f"{name}, {np.dtype(dtype)}", time * 1e3, time / found["numpy by hand"].least,
            time / found[against[name]].least if against.get(name) in found else None, spread, losses[name],
        ]
        for name, (time, spread) in found.items()
    ]  # fmt: skip


def main() -> None:
    """Measure in both precisions, then what it costs to keep the graph."""
    wanted = arguments(__doc__, csv="data of your own: numbers, the last column being the target")
    steps, rounds = (5, 1) if wanted.quick else (1000, 11)
    rows = [row for dtype in (np.float64, np.float32) for row in training(dtype, wanted.csv, steps, rounds)]
    x, _ = data(wanted.csv)
    size = f"{len(x)} x {x.shape[1]}-{UNITS}-1"
    trained = Table(f"{size}, {steps} steps", ["", "ms", "/ by hand", "/ torch", "spread", "loss"], rows)
    rows = []
    for dtype in (np.float64, np.float32):
        calls = keeping(dtype, wanted.csv)
        found = interleaved(calls, rounds=2 if wanted.quick else 100, seconds=0.001 if wanted.quick else 0.005)
        rows += [
            [f"{name}, {np.dtype(dtype)}", each * 1e6, each / found["let go"].least, spread]
            for name, (each, spread) in found.items()
        ]
    report(wanted.json, trained, Table("The graph of one step", ["graph", "µs", "/ let go", "spread"], rows))


if __name__ == "__main__":
    main()
