"""Programs beside eager mode, NumPy by hand, PyTorch and JAX (each where it is installed), in interleaved rounds.

`python -m tests.bench.compiled` prints microseconds a call; --quick runs each a few times.
"""

from __future__ import annotations

import importlib
import importlib.util
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

import grad_engine as ge
from grad_engine import nn, optim
from tests.bench.timing import Table, arguments, interleaved, report

try:
    import torch

    torch.set_num_threads(1)
except ImportError:  # the comparison is left out
    torch = None  # type: ignore[assignment]

JAX = importlib.util.find_spec("jax") is not None
COLUMNS = (
    "case",
    "eager",
    "compiled",
    "exact",
    "by hand",
    "torch",
    "jax.jit",
    "÷ eager",
    "÷ by hand",
    "÷ torch",
    "trace",
    "spread",
)
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(506, 13)), RNG.normal(size=(506, 1))
W1, B1, W2 = RNG.normal(size=(13, 8)), np.zeros((1, 8)), RNG.normal(size=(8, 1))
Contenders = Mapping[str, Callable[[], Any]]


def mlp(w1: Any, b1: Any, w2: Any, x: Any, y: Any) -> Any:
    """A step of two layers by gradient descent."""

    def loss_of(w1: Any, b1: Any, w2: Any) -> Any:
        e = ge.relu(x @ w1 + b1) @ w2 - y
        return (e * e).mean()

    loss, (g1, gb, g2) = ge.value_and_grad(loss_of, (w1, b1, w2))
    return loss, w1 - 0.01 * g1, b1 - 0.01 * gb, w2 - 0.01 * g2


def mlp_by_hand(w1: Any, b1: Any, w2: Any, x: Any, y: Any) -> Any:
    """The same, worked out on paper."""
    h = x @ w1 + b1
    r = np.maximum(h, 0)
    e = r @ w2 - y
    g = (2 / e.size) * e
    back = (g @ w2.T) * (h > 0)
    new = w1 - 0.01 * (x.T @ back), b1 - 0.01 * back.sum(0, keepdims=True), w2 - 0.01 * (r.T @ g)
    return (e * e).mean(), *new


def mlp_torch() -> Callable[[], Any]:
    """The same in PyTorch."""
    x, y = torch.tensor(X), torch.tensor(Y)
    leaves = [torch.tensor(a, requires_grad=True) for a in (W1, B1, W2)]

    def run() -> Any:
        e = (x @ leaves[0] + leaves[1]).relu() @ leaves[2] - y
        slopes = torch.autograd.grad((e * e).mean(), leaves)
        with torch.no_grad():
            return [p - 0.01 * g for p, g in zip(leaves, slopes, strict=True)]

    return run


def step_of(model: nn.Module, loss_of: nn.Module, moving: optim.Optimizer) -> Callable[[Any, Any], Any]:
    """One training step, as a function of a batch."""

    def step(x: Any, y: Any) -> Any:
        moving.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        moving.step()
        return loss

    return step


def trainer(rate: str) -> Callable[[Any, Any], Any]:
    """A training step of layers, a loss and an optimiser."""
    model, loss_of = nn.Sequential(nn.Linear(13, 8, seed=0), nn.ReLU(), nn.Linear(8, 1, seed=1)), nn.MSELoss()
    moving = getattr(optim, rate)(model.parameters(), lr=0.01)

    return step_of(model, loss_of, moving)


def trainer_torch(rate: str) -> Callable[[], Any]:
    """The same in PyTorch."""
    model = torch.nn.Sequential(torch.nn.Linear(13, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1)).double()
    moving, loss_of, x, y = (
        getattr(torch.optim, rate)(model.parameters(), lr=0.01),
        torch.nn.MSELoss(),
        *map(torch.tensor, (X, Y)),
    )

    def run() -> Any:
        moving.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        moving.step()

    return run


T = np.linspace(0, 3, 200)


def curve(p: Any) -> Any:
    """Two decays and a level."""
    return p[0] * np.exp(-p[1] * T) + p[2] * np.exp(-p[3] * T) + p[4]


def curve_by_hand(p: Any) -> Any:
    """Its Jacobian, worked out on paper."""
    first, second = np.exp(-p[1] * T), np.exp(-p[3] * T)
    return np.stack([first, -p[0] * T * first, second, -p[2] * T * second, np.ones_like(T)], axis=1)


def rosenbrock(x: Any) -> Any:
    """A valley in 8 dimensions."""
    return (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


MOVE, SEEN = np.array([[1.0, 1.0], [0.0, 1.0]]), RNG.normal(size=60).cumsum()
PUSH = np.array([[0.25, 0.5], [0.5, 1.0]])


def kalman(logs: Any, scanned: bool = False) -> Any:
    """Minus the log-likelihood of 60 measurements."""
    push, noise = np.exp(logs[0]), np.exp(logs[1])

    def one(carry: Any, z: Any) -> Any:
        state, spread = carry
        state, spread = MOVE @ state, MOVE @ spread @ MOVE.T + push * PUSH
        error, variance = z - state[0], spread[0, 0] + noise
        gain = spread[:, 0] / variance
        part = np.log(variance) + error * error / variance
        return (state + gain * error, spread - gain[:, None] * spread[0]), part

    carry = np.zeros(2) * push, 100 * np.eye(2) * np.exp(logs[0] - logs[0])
    if scanned:
        return ge.scan(one, carry, SEEN)[1].sum()
    total = 0.0
    for z in SEEN:
        carry, part = one(carry, z)
        total = total + part
    return total


DATA = RNG.normal(size=(100, 2)) + 2.0


def runge_kutta(p: Any, scanned: bool = False) -> Any:
    """Squares of the distance of 100 steps of hunters and hunted from data."""

    def rate(y: Any) -> Any:
        return np.stack([p[0] * y[0] - p[1] * y[0] * y[1], p[3] * y[0] * y[1] - p[2] * y[1]])

    def one(y: Any, seen: Any) -> Any:
        k1 = rate(y)
        k2 = rate(y + 0.025 * k1)
        k3 = rate(y + 0.025 * k2)
        y = y + 0.05 / 6 * (k1 + 2 * k2 + 2 * k3 + rate(y + 0.05 * k3))
        return y, ((y - seen) ** 2).sum()

    start = np.array([1.0, 0.5])
    if scanned:
        return ge.scan(one, start, DATA)[1].sum()
    y, total = start, 0.0
    for seen in DATA:
        y, part = one(y, seen)
        total = total + part
    return total


PLACES, VALUES = np.linspace(0, 10, 100), RNG.normal(size=100)
SQUARES = (PLACES[:, None] - PLACES[None, :]) ** 2


def process(logs: Any) -> Any:
    """Minus the log-likelihood of a Gaussian process on 100 points."""
    p = np.exp(logs)
    half = np.linalg.cholesky(p[1] * p[1] * np.exp(-0.5 * SQUARES / (p[0] * p[0])) + p[2] * p[2] * np.eye(100))
    a = np.linalg.solve(half, VALUES)
    return 0.5 * (a * a).sum() + np.log(np.diagonal(half)).sum()


ATTENDED = [RNG.normal(size=(4, 32, 64)) for _ in range(3)]


def attention(q: Any, k: Any, v: Any) -> Any:
    """The mean square of one head."""
    return ((ge.softmax(q @ k.mT / 8.0, axis=-1) @ v) ** 2).mean()


def big(n: int, d: int, h: int) -> tuple[Callable[..., Any], Any, Any]:
    """(a step of layers with Adam in float32, inputs, targets)"""
    f4 = np.float32
    model = nn.Sequential(
        nn.Linear(d, h, dtype=f4, seed=0), nn.Tanh(), nn.Linear(h, h, dtype=f4, seed=1), nn.Tanh(),
        nn.Linear(h, 1, dtype=f4, seed=2),
    )  # fmt: skip
    moving, loss_of = optim.Adam(model.parameters(), lr=1e-3), nn.MSELoss()

    return step_of(model, loss_of, moving), RNG.normal(size=(n, d)).astype(f4), RNG.normal(size=(n, 1)).astype(f4)


def cases(quick: bool) -> Iterator[tuple[str, Callable[..., Any], Callable[..., Any], tuple[Any, ...], Contenders]]:
    """(name, eager function, function to compile, arguments, other contenders)"""
    given = (W1, B1, W2, X, Y)
    others: dict[str, Callable[[], Any]] = {"by hand": lambda: mlp_by_hand(*given)}
    if torch is not None:
        others["torch"] = mlp_torch()
    if JAX:
        others["jax.jit"] = under_jax(given)
    yield "MLP step 506x13-8-1", mlp, mlp, given, others
    for rate in ("SGD", "Adam"):
        yield (
            f"layers + {rate}",
            trainer(rate),
            trainer(rate),
            (X, Y),
            {} if torch is None else {"torch": trainer_torch(rate)},
        )
    p = np.array([1.0, 2.0, 0.5, 0.3, 0.1])
    jacobian = ge.jacobian(curve)
    yield "curve-fit Jacobian 200x5", jacobian, ge.jacobian(curve), (p,), {"by hand": lambda: curve_by_hand(p)}
    yield "Rosenbrock Hessian, 8", ge.hessian(rosenbrock), ge.hessian(rosenbrock), (np.linspace(-1, 1, 8),), {}
    logs, rates = np.array([-1.0, 0.3]), np.array([1.5, 1.0, 3.0, 1.0])
    yield ("Kalman, 60", ge.value_and_grad(kalman), ge.value_and_grad(lambda logs: kalman(logs, True)), (logs,), {})
    yield (
        "Runge-Kutta, 100",
        ge.value_and_grad(runge_kutta),
        ge.value_and_grad(lambda p: runge_kutta(p, True)),
        (rates,),
        {},
    )
    yield "Gaussian process, 100", ge.value_and_grad(process), ge.value_and_grad(process), (np.zeros(3),), {}
    both = ge.value_and_grad(attention, argnums=(0, 1, 2))
    yield "attention 4x32x64", both, both, tuple(ATTENDED), {}
    if not quick:
        step, x, y = big(4096, 256, 256)
        yield "Adam float32 4096x256x256", step, big(4096, 256, 256)[0], (x, y), {}


def under_jax(given: tuple[Any, ...]) -> Callable[[], Any]:
    """The MLP step written for jax, under jit, on NumPy arrays."""
    jax, jnp = importlib.import_module("jax"), importlib.import_module("jax.numpy")
    jax.config.update("jax_enable_x64", True)

    @jax.jit
    def run(w1: Any, b1: Any, w2: Any, x: Any, y: Any) -> Any:
        def loss_of(p: Any) -> Any:
            e = jnp.maximum(x @ p[0] + p[1], 0) @ p[2] - y
            return (e * e).mean()

        loss, slopes = jax.value_and_grad(loss_of)((w1, b1, w2))
        return loss, [p - 0.01 * g for p, g in zip((w1, b1, w2), slopes, strict=True)]

    return lambda: jax.block_until_ready(run(*given))


def main() -> None:
    """Print the table."""
    options = arguments(__doc__)
    rounds, seconds = (2, 0.002) if options.quick else (15, 0.02)
    rows = []
    for name, eager, function, args, others in cases(options.quick):
        compiled, exact = ge.compile(function), ge.compile(eager if name.startswith("layers") else function, exact=True)
        start = time.perf_counter()
        compiled(*args)
        trace = time.perf_counter() - start
        contenders: dict[str, Callable[[], Any]] = {
            "eager": lambda eager=eager, args=args: eager(*args),
            "compiled": lambda compiled=compiled, args=args: compiled(*args),
            **others,
        }
        if not name.startswith(("layers", "Adam")):
            contenders["exact"] = lambda exact=exact, args=args: exact(*args)
        found = interleaved(contenders, rounds=rounds, seconds=seconds)
        times = {key: timing.least * 1e6 for key, timing in found.items()}
        ratio = [times["compiled"] / times[key] if key in times else None for key in ("eager", "by hand", "torch")]
        shown = [times.get(key) for key in ("eager", "compiled", "exact", "by hand", "torch", "jax.jit")]
        rows.append([name, *shown, *ratio, trace * 1e6 / times["eager"], found["compiled"].spread])
    report(options.json, Table("microseconds a call; trace in eager calls", COLUMNS, rows))


if __name__ == "__main__":
    main()
