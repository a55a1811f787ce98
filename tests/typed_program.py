"""A program as users write it, for type checkers: `make lint` has mypy read it, and test_types.py runs it.

`assert_type` says what a checker must find. An ignored error is one that it must find: mypy complains of an ignore that
is not needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, assert_type

import numpy as np

import grad_engine as ge
from grad_engine import Tensor, data, nn, optim


class Net(nn.Module):
    """Two layers with a residual."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Linear(2, width, seed=0)
        self.outer = nn.Linear(width, 1, seed=1)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.inner(x).tanh()
        return self.outer(hidden) + ge.sum(x, axis=1, keepdims=True)


def train(steps: int) -> float:
    rng = np.random.default_rng(0)
    points = rng.uniform(-1, 1, (64, 2))
    answers = points[:, :1] * points[:, 1:]
    model, loss_of = Net(8), nn.MSELoss()
    optimizer = optim.Adam(model.parameters(), lr=0.05)
    loss = ge.tensor(0.0)
    for x, y in data.DataLoader(points, answers, batch_size=16, seed=0).repeated(steps):
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()
    return loss.item()


def derivatives() -> None:
    def f(p: Any) -> Any:
        return np.square(p).sum()

    start = np.array([1.0, 2.0])
    value, slope = ge.value_and_grad(f, start)
    assert_type(slope, np.ndarray)
    assert_type(ge.hessian(f, ge.tensor(start)), Tensor)
    assert float(value) == 5.0 and np.asarray(slope).tolist() == [2.0, 4.0]
    assert np.asarray(ge.hessian(f)(start)).shape == (2, 2)


def graphs(folder: Path) -> None:
    x = ge.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    u, s, vt = ge.svd(x)
    assert_type(ge.svd(x, compute_uv=False), Tensor)
    assert_type(ge.qr(x), tuple[Tensor, Tensor])
    z = (u @ (s * vt)).mean() + ge.softmax(x, axis=-1).max() + np.exp(x).sum()
    z.backward(retain_graph=True)
    assert_type(ge.exp(x), Tensor)
    assert_type(x + 1, Tensor)
    assert_type(x.sum(axis=0), Tensor)
    assert_type(x.grad, Tensor | None)
    assert_type(x.shape, tuple[int, ...])
    assert_type(ge.export_graph(z, folder / "z.json"), Path)
    record = ge.load_graph(folder / "z.json")
    assert_type(record, ge.GraphRecord)
    names: Mapping[str, Any] = {"x": x}
    assert_type(ge.record_graph(z, names=names), ge.GraphRecord)
    assert_type(nn.Linear(2, 3)(x), Tensor)
    with ge.no_grad():
        assert not (x * 2).requires_grad


def mistakes(x: Tensor) -> None:
    """What a checker must refuse; never called."""
    ge.sum(x, axis="a")  # type: ignore[arg-type]
    x.softmax(axis="a")  # type: ignore[arg-type]
    x.backward(retain_graph="yes")  # type: ignore[arg-type]
    ge.softmaxx(x)  # type: ignore[attr-defined]
    nn.Linear(2, 3).wight(x)  # type: ignore[attr-defined]
