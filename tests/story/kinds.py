"""Programs of kinds that people write, as records: networks, losses, fits, indexing, numbers of every size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import grad_engine as ge
from grad_engine import nn
from grad_engine.export.from_tensor import record_graph
from grad_engine.record import GraphRecord
from tests.story.faults import leaf, told


def rows(rng: np.random.Generator, shape: tuple[int, ...], name: str) -> Any:
    return ge.tensor(rng.normal(size=shape), name=name)


def convolution() -> GraphRecord:
    rng = np.random.default_rng(20)
    kernel, bias = leaf(rng.normal(size=(2, 1, 3, 3)) * 0.5, "kernel"), leaf(np.zeros(2), "bias")
    seen = ge.relu(nn.functional.conv2d(rows(rng, (2, 1, 6, 6), "images"), kernel, bias))
    scores = nn.functional.max_pool2d(seen, 2).reshape(2, 8) @ leaf(rng.normal(size=(8, 3)), "W")
    return told(nn.functional.cross_entropy(scores, np.array([0, 2])), "loss")


def batch_norm() -> GraphRecord:
    rng = np.random.default_rng(21)
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 1))
    for parameter in net.parameters():
        parameter.data = rng.normal(size=parameter.shape)
    return told(((net(rows(rng, (5, 3), "X")) - rows(rng, (5, 1), "y")) ** 2).mean(), "loss")


def attention() -> GraphRecord:
    rng = np.random.default_rng(22)
    x = rows(rng, (3, 4), "X")
    queries, keys, values = (leaf(rng.normal(size=(4, 4)) * 0.5, name) for name in ("Wq", "Wk", "Wv"))
    later = ge.tensor(np.triu(np.ones((3, 3), dtype=bool), 1), name="later")
    scores = ge.where(later, -np.inf, (x @ queries) @ (x @ keys).T / 2.0)
    return told(((ge.softmax(scores, axis=-1) @ (x @ values)) ** 2).sum(), "loss")


def lstm() -> GraphRecord:
    rng = np.random.default_rng(23)
    w, b = leaf(rng.normal(size=(5, 8)) * 0.7, "W"), leaf(np.zeros(8), "b")
    h, c = ge.tensor(np.zeros((1, 2))), ge.tensor(np.zeros((1, 2)))
    for _ in range(3):
        gates = ge.concatenate([ge.tensor(rng.normal(size=(1, 3))), h], axis=1) @ w + b
        i, f, o, n = (gates[:, 2 * k : 2 * k + 2] for k in range(4))
        c = ge.sigmoid(f) * c + ge.sigmoid(i) * ge.tanh(n)
        h = ge.sigmoid(o) * ge.tanh(c)
    return told((h**2).sum(), "loss")


def huber_with_ties() -> GraphRecord:
    predicted, target = leaf([0.5, 1.0, 2.0, -1.0], "pred"), ge.tensor([0.5, 0.0, 0.0, -1.0], name="target")
    apart = ge.abs(predicted - target)
    huber = ge.where(apart <= 1.0, 0.5 * apart**2, apart - 0.5)
    worst = ge.maximum(huber, 0.0).max()
    return told(huber.mean() + 0.1 * worst + ge.clip(predicted, -1.0, 1.0).sum(), "loss")


def pole_in_the_middle() -> GraphRecord:
    x, w = leaf([[1.0, 0.0], [2.0, 3.0]], "x"), leaf([[0.5, -0.5], [1.0, 2.0]], "w")
    with np.errstate(all="ignore"):
        return told((ge.sigmoid(ge.ln(x / (x @ w - 0.5))) * 2).mean(), "loss")


def nan_loss() -> GraphRecord:
    x, w = leaf([0.5, 1.0, 2.0], "x"), leaf([2.0, 1.0, -1.0], "w")
    with np.errstate(all="ignore"):
        return told(ge.ln(x * w - 0.5).sum(), "loss")


def two_losses() -> GraphRecord:
    rng = np.random.default_rng(24)
    h = ge.tanh(rows(rng, (2, 3), "X") @ leaf(rng.normal(size=(3, 2)), "W"))
    fit, penalty = (h**2).mean(), ge.abs(h).sum()
    fit.backward(retain_graph=True)
    penalty.backward(retain_graph=True)
    return record_graph([fit, penalty], names={"fit": fit, "penalty": penalty})


def einsum() -> GraphRecord:
    rng = np.random.default_rng(25)
    a, b, c = (leaf(rng.normal(size=shape), name) for shape, name in (((2, 3), "A"), ((3, 4), "B"), ((4, 2), "C")))
    return told(ge.einsum("ij,jk,ki->", a, b, c) + ge.einsum("ij->j", a).sum(), "z")


def repeated_rows() -> GraphRecord:
    t = leaf([1.0, 2.0, 3.0, 4.0], "t")
    weight = ge.tensor([1.0, 2.0, 3.0, 4.0], name="weight")
    return told((t[np.array([0, 2, 2, 2])] * weight).sum() + t[1:].sum(), "z")


def running_sum() -> GraphRecord:
    return told((ge.cumsum(leaf([1.0, -2.0, 3.0, 0.5], "x")) ** 2).mean(), "z")


def sorting() -> GraphRecord:
    x = leaf([3.0, 1.0, 2.0, 1.0], "x")
    rank = ge.tensor([1.0, 10.0, 100.0, 1000.0], name="rank")
    return told((ge.sort(x) * rank).sum() + ge.median(x), "z")


def cross_entropy_by_hand() -> GraphRecord:
    w, b = leaf([[0.2, -0.5, 0.1], [1.0, 0.3, -0.7]], "W"), leaf([0.0, 0.1, -0.1], "b")
    x, target = ge.tensor([[1.0, 2.0], [0.5, -1.0]], name="X"), ge.tensor([[0, 1.0, 0], [1.0, 0, 0]], name="target")
    return told(-(ge.ln(ge.softmax(x @ w + b, axis=-1)) * target).sum(), "loss")


def adversaries() -> GraphRecord:
    rng = np.random.default_rng(26)
    noise, real = rows(rng, (3, 2), "noise"), rows(rng, (3, 2), "real")
    made, judge = leaf(rng.normal(size=(2, 2)), "G"), leaf(rng.normal(size=(2, 1)), "D")
    fake = ge.tanh(noise @ made)
    d_loss = -(ge.ln(ge.sigmoid(real @ judge)) + ge.ln(1 - ge.sigmoid(fake @ judge))).mean()
    g_loss = -ge.ln(ge.sigmoid(fake @ judge)).mean()
    d_loss.backward(retain_graph=True)
    g_loss.backward(retain_graph=True)
    return record_graph([d_loss, g_loss], names={"d_loss": d_loss, "g_loss": g_loss})


def curve_fit() -> GraphRecord:
    t = np.linspace(0, 2, 9)
    p = leaf([2.0, 1.0, 0.0], "p")
    residual = p[0] * ge.exp(-p[1] * ge.tensor(t, name="t")) + p[2] - ge.tensor(2.5 * np.exp(-1.3 * t) + 0.5, name="y")
    return told(0.5 * (residual**2).sum(), "cost")


def dropout_layer() -> GraphRecord:
    rng = np.random.default_rng(27)
    ge.manual_seed(1)
    w, v = leaf(rng.normal(size=(4, 5)), "W"), leaf(rng.normal(size=(5, 1)), "v")
    hidden = nn.functional.dropout(ge.relu(rows(rng, (3, 4), "X") @ w), 0.5)
    return told(ge.sigmoid(hidden @ v).mean(), "loss")


def scalars_41() -> GraphRecord:
    a, b = leaf(0.8, "a"), leaf(-1.2, "b")
    x, y = a, b
    for k in range(10):
        x, y = ge.sin(x * y) + a, (ge.tanh(y) if k % 2 else y * 0.9)
    return told(x + y, "z")


def three_dimensions() -> GraphRecord:
    rng = np.random.default_rng(28)
    x, w = leaf(rng.normal(size=(2, 3, 4)), "x"), leaf(rng.normal(size=(4, 2)), "w")
    return told(ge.relu((x @ w).transpose(0, 2, 1).sum(axis=0)).mean() + x[0, :, 1].sum(), "z")


def tiny_and_huge() -> GraphRecord:
    x, y = leaf([1e-30, 2e-30], "tiny"), leaf([1e30, 3e30], "huge")
    return told((x * y).sum() + ge.sqrt(y).mean() * 1e-16 + (x / 1e-30).sum(), "z")


def wide_network() -> GraphRecord:
    rng = np.random.default_rng(29)
    first, second = leaf(rng.normal(size=(20, 30)) * 0.2, "W1"), leaf(rng.normal(size=(30, 10)) * 0.2, "W2")
    hidden = ge.tanh(rows(rng, (16, 20), "X") @ first)
    return told(nn.functional.cross_entropy(hidden @ second, rng.integers(0, 10, 16)), "loss")


def length_and_spread() -> GraphRecord:
    a = leaf([1.0, 2.0, 3.0], "a")
    return told(ge.logsumexp(a) - a[2] + ge.var(a) + ge.linalg.vector_norm(a), "z")


def linear_system() -> GraphRecord:
    a, b = leaf([[4.0, 1.0], [2.0, 3.0]], "A"), leaf([1.0, 2.0], "b")
    return told((ge.linalg.solve(a, b) ** 2).sum() + ge.linalg.det(a), "z")


class Block(nn.Module):
    """Attention and two layers, each added to what came in."""

    def __init__(self, width: int) -> None:
        self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.q, self.k, self.v, self.out = (nn.Linear(width, width) for _ in range(4))
        self.fc1, self.fc2 = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x: ge.Tensor) -> ge.Tensor:
        h = self.ln1(x)
        weights = ge.softmax(self.q(h) @ self.k(h).T * 0.5, axis=-1)
        x = x + self.out(weights @ self.v(h))
        return x + self.fc2(ge.tanh(self.fc1(self.ln2(x))))


class Transformer(nn.Module):
    """Blocks, with the rows of one table read at the beginning and compared at the end."""

    def __init__(self, blocks: int = 5, width: int = 4) -> None:
        self.table = nn.Embedding(6, width)
        self.blocks = nn.Sequential(*(Block(width) for _ in range(blocks)))

    def forward(self, x: Any) -> ge.Tensor:
        return self.blocks(self.table(x)) @ self.table.weight.T


def transformer() -> GraphRecord:
    ge.manual_seed(4)
    model = Transformer()
    return told(nn.functional.cross_entropy(model(np.array([1, 4, 1, 2])), np.array([4, 1, 2, 0])), "loss")


KINDS: Mapping[str, Callable[[], GraphRecord]] = {
    made.__name__: made
    for made in (
        convolution,
        batch_norm,
        attention,
        lstm,
        huber_with_ties,
        pole_in_the_middle,
        nan_loss,
        two_losses,
        einsum,
        repeated_rows,
        running_sum,
        sorting,
        cross_entropy_by_hand,
        adversaries,
        curve_fit,
        dropout_layer,
        scalars_41,
        three_dimensions,
        tiny_and_huge,
        wide_network,
        length_and_spread,
        linear_system,
        transformer,
    )
}
