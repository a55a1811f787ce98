"""Random graphs of up to 200 ops: values, gradients and Hessian-vector products equal those of PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.core.op import OPS, Op

torch = pytest.importorskip("torch")

SIZE = 64  # elements of one tensor, at most
LARGEST = 4.0  # numbers are scaled down when they outgrow this, so that no graph overflows
JUMPS = {"floor", "ceil", "trunc", "round", "rint", "sign", "heaviside", "floor_divide", "remainder", "fmod"}
NEEDS_SCIPY = {"lgamma", "digamma", "polygamma", "erfinv", "i0"}
NAN_THERE = {"sinc"}  # PyTorch's second derivative of it is NaN at 0, and inexact nearby


def alike(count: int) -> list[Op]:
    """The ops of `count` operands that go element by element and that PyTorch has under the same name."""
    return [
        op
        for op in OPS.values()
        if op.category in ("arithmetic", "elementwise", *(["activation"] if count == 1 else []))
        and len(op.inputs) == count
        and op.differentiable
        and not op.static
        and not op.saves
        and op.name not in JUMPS | NEEDS_SCIPY | NAN_THERE
        and (hasattr(torch, op.name) or op.name == "ln")
    ]


def theirs_of(op: Op) -> Callable[..., Any]:
    return torch.log if op.name == "ln" else getattr(torch, op.name)


UNARY, BINARY = alike(1), alike(2)

# Along one axis: ours, theirs.
REDUCTIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "sum": (lambda x, k: x.sum(axis=k), lambda t, k: t.sum(dim=k)),
    "mean": (lambda x, k: x.mean(axis=k, keepdims=True), lambda t, k: t.mean(dim=k, keepdim=True)),
    "var": (lambda x, k: x.var(axis=k), lambda t, k: t.var(dim=k, correction=0)),
    "prod": (lambda x, k: _clear(x).prod(axis=k), lambda t, k: _t_clear(t).prod(dim=k)),
    "amax": (lambda x, k: x.amax(axis=k), lambda t, k: t.amax(dim=k)),
    "amin": (lambda x, k: x.amin(axis=k), lambda t, k: t.amin(dim=k)),
    "logsumexp": (lambda x, k: ge.logsumexp(x, axis=k), lambda t, k: t.logsumexp(dim=k)),
    "cumsum": (lambda x, k: x.cumsum(axis=k), lambda t, k: t.cumsum(dim=k)),
    "cumprod": (lambda x, k: _clear(x).cumprod(axis=k), lambda t, k: _t_clear(t).cumprod(dim=k)),
    "softmax": (lambda x, k: x.softmax(axis=k), lambda t, k: t.softmax(dim=k)),
    "log_softmax": (lambda x, k: x.log_softmax(axis=k), lambda t, k: t.log_softmax(dim=k)),
    "flip": (lambda x, k: x.flip(axis=k), lambda t, k: t.flip(k)),
    "roll": (lambda x, k: ge.roll(x, 1, axis=k), lambda t, k: t.roll(1, k)),
    "unsqueeze": (lambda x, k: x.unsqueeze(k), lambda t, k: t.unsqueeze(k)),
    "stack": (lambda x, k: ge.stack([x, -x], axis=k), lambda t, k: torch.stack([t, -t], dim=k)),
    "concat": (lambda x, k: ge.concat([x, x], axis=k), lambda t, k: torch.cat([t, t], dim=k)),
    "index": (lambda x, k: ge.take(x, [0, 0, -1], axis=k), lambda t, k: t.index_select(k, _ends(t, k))),
}
# Of matrices. The product of one with itself transposed, and more on the diagonal, has an inverse.
MATRICES: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "transpose": (lambda x: x.T * 1, lambda t: t.T * 1),
    "reshape": (lambda x: x.reshape(-1), lambda t: t.reshape(-1)),
    "tril": (lambda x: ge.tril(x), lambda t: t.tril()),
    "triu": (lambda x: ge.triu(x, 1), lambda t: t.triu(1)),
    "diagonal": (lambda x: ge.diagonal(x), lambda t: t.diagonal()),
    "matmul": (lambda x: x @ x.T, lambda t: t @ t.T),
    "inv": (lambda x: ge.inv(_gram(x)), lambda t: torch.linalg.inv(_t_gram(t))),
    "det": (lambda x: ge.ln(ge.det(_gram(x))), lambda t: torch.log(torch.linalg.det(_t_gram(t)))),
    "solve": (lambda x: ge.solve(_gram(x), x), lambda t: torch.linalg.solve(_t_gram(t), t)),
    "cholesky": (lambda x: ge.cholesky(_gram(x)), lambda t: torch.linalg.cholesky(_t_gram(t))),
    "kron": (lambda x: ge.kron(x[:2, :2], x[:2]), lambda t: torch.kron(t[:2, :2].contiguous(), t[:2].contiguous())),
}


def _ends(t: Any, k: int) -> Any:
    return torch.tensor([0, 0, t.shape[k] - 1])


def _clear(x: Any) -> Any:
    """Away from 0, where both libraries divide by what they multiplied and so lose digits."""
    return ge.sigmoid(x) + 0.5


def _t_clear(t: Any) -> Any:
    return torch.sigmoid(t) + 0.5


def _gram(x: Any) -> Any:
    return x @ x.T + 2 * np.eye(x.shape[0])


def _t_gram(t: Any) -> Any:
    return t @ t.T + 2 * torch.eye(t.shape[0], dtype=t.dtype)


class Pair:
    """The same graph built twice, ours and theirs, one random step at a time."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.ops: list[str] = []
        arrays = [self.rng.uniform(-1.5, 1.5, shape) for shape in [(3, 4), (4,), (4, 3), (), (2, 1, 4)]]
        self.leaves = [ge.tensor(a, requires_grad=True) for a in arrays]
        self.t_leaves = [torch.tensor(a, requires_grad=True) for a in arrays]
        self.made: list[tuple[Any, Any]] = list(zip(self.leaves, self.t_leaves, strict=True))

    def grow(self, count: int) -> None:
        while len(self.ops) < count:
            kind = self.rng.choice(["unary", "binary", "axis", "matrix"], p=[0.35, 0.35, 0.2, 0.1])
            getattr(self, kind)()

    def pick(self) -> tuple[Any, Any]:
        """Any tensor so far; the latest most often, so that graphs get deep."""
        back = min(int(self.rng.exponential(6.0)), len(self.made) - 1)
        return self.made[-1 - back]

    def keep(self, name: str, x: Any, t: Any) -> None:
        self.ops.append(name)
        size = float(np.abs(x.data).max(initial=0.0))
        if size > LARGEST:
            self.ops.append("mul")
            x, t = x * (1 / size), t * (1 / size)
        self.made.append((x, t))

    def inside(self, op: Op, x: Any, t: Any) -> tuple[Any, Any]:
        """Operands brought into the op's domain."""
        low, high = op.domain
        if x.size and (x.data.min() < low or x.data.max() > high):
            self.ops += ["sigmoid", "mul", "add"]
            x, t = ge.sigmoid(x) * (high - low) + low, torch.sigmoid(t) * (high - low) + low
        return x, t

    def unary(self) -> None:
        op = UNARY[self.rng.integers(len(UNARY))]
        x, t = self.pick()
        if clear(x.data):
            x, t = self.inside(op, x, t)
            self.keep(op.name, getattr(ge, op.name)(x), theirs_of(op)(t))

    def binary(self) -> None:
        op = BINARY[self.rng.integers(len(BINARY))]
        (x, t), (y, u) = self.pick(), self.pick()
        try:
            shape = np.broadcast_shapes(x.shape, y.shape)
        except ValueError:
            return
        if int(np.prod(shape)) <= SIZE and clear(x.data) and clear(y.data) and clear(x.data - y.data):
            (x, t), (y, u) = self.inside(op, x, t), self.inside(op, y, u)
            self.keep(op.name, getattr(ge, op.name)(x, y), theirs_of(op)(t, u))

    def axis(self) -> None:
        x, t = self.pick()
        if x.ndim and x.size <= SIZE // 2 and x.ndim < 4:
            name = str(self.rng.choice(list(REDUCTIONS)))
            mine, theirs = REDUCTIONS[name]
            axis = int(self.rng.integers(x.ndim))
            if name in ("amax", "amin") and not clear(np.diff(np.sort(x.data, axis=axis), axis=axis)):
                return
            self.keep(name, mine(x, axis), theirs(t, axis))

    def matrix(self) -> None:
        x, t = self.pick()
        if x.ndim == 2 and min(x.shape) >= 2 and x.size <= SIZE // 4:
            name = str(self.rng.choice(list(MATRICES)))
            mine, theirs = MATRICES[name]
            self.keep(name, mine(x), theirs(t))

    def ended(self) -> tuple[Any, Any]:
        """Everything that was made, weighted and summed: every op counts."""
        z, u = ge.tensor(0.0), torch.tensor(0.0, dtype=torch.float64)
        for x, t in self.made:
            weight = self.rng.standard_normal(x.shape)
            z, u = z + (x * weight).sum(), u + (t * torch.tensor(weight)).sum()
        return z, u


def clear(numbers: np.ndarray) -> bool:
    """Whether all are clear of 0: at kinks and poles, the last digit would decide over everything that follows."""
    return bool(np.abs(numbers).min(initial=1.0) > 1e-6)


def assert_close(mine: Any, theirs: Any, what: str) -> None:
    expected = theirs.detach().numpy(force=True)  # PyTorch writes some zeros down as nothing
    assert mine.shape == expected.shape
    np.testing.assert_allclose(
        mine.data, expected, rtol=1e-9, atol=1e-9 * float(np.abs(expected).max(initial=1e-3)), err_msg=what
    )


SEEDS = [(seed, count) for count, many in [(5, 40), (25, 40), (80, 20), (200, 20)] for seed in range(many)]


@pytest.mark.parametrize(("seed", "count"), SEEDS)
def test_random_graphs_agree(seed: int, count: int) -> None:
    graph = Pair(1000 * count + seed)
    graph.grow(count)
    z, u = graph.ended()
    words = " ".join(graph.ops)
    for (x, t), k in zip(graph.made, range(len(graph.made)), strict=True):
        assert_close(x, t, f"value {k} of {words}")
    slopes = ge.grad(z, graph.leaves, create_graph=True)
    t_slopes = torch.autograd.grad(u, graph.t_leaves, create_graph=True)
    for x, t in zip(slopes, t_slopes, strict=True):
        assert_close(x, t, f"gradient of {words}")
    along = [graph.rng.standard_normal(x.shape) for x in slopes]
    product = ge.stack([(x * v).sum() for x, v in zip(slopes, along, strict=True)]).sum()
    t_product = torch.stack([(t * torch.tensor(v)).sum() for t, v in zip(t_slopes, along, strict=True)]).sum()
    assert product.requires_grad == t_product.requires_grad, words
    if not t_product.requires_grad:  # z is linear in every leaf
        return
    curved = ge.grad(product, graph.leaves, allow_unused=True)
    t_curved = torch.autograd.grad(t_product, graph.t_leaves, allow_unused=True)
    for x, t, leaf in zip(curved, t_curved, graph.t_leaves, strict=True):
        expected = torch.zeros_like(leaf) if t is None else t
        assert_close(ge.zeros(tuple(leaf.shape)) if x is None else x, expected, f"Hessian-vector product of {words}")


def test_the_graphs_are_varied() -> None:
    """Most of what is alike is met, so agreement means something."""
    met: set[str] = set()
    for seed, count in SEEDS:
        graph = Pair(1000 * count + seed)
        graph.grow(count)
        assert len(graph.ops) >= count
        met.update(graph.ops)
    expected = {op.name for op in (*UNARY, *BINARY)} | set(REDUCTIONS) | set(MATRICES)
    assert len(expected) > 60
    assert not expected - met
