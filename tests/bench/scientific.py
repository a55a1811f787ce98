"""Five scripts of NumPy people: gradients by us, by hand, and by autograd, PyTorch and JAX where they are installed.

Logistic regression (50,000 x 50), the Jacobian of a curve fit (1,000 points, 3 parameters), Runge and Kutta's method
(60 steps), the marginal likelihood of a Gaussian process (100 points) and a Kalman filter (100 measurements).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import grad_engine as ge
from tests.bench.timing import Table, arguments, interleaved, report, torch, with_threads


class Script(NamedTuple):
    """A function of a library, its data and the parameters; the data, the parameters, and the derivative by hand."""

    function: Callable[..., Any]
    data: tuple[Any, ...]
    parameters: np.ndarray
    by_hand: Callable[..., Any] | None = None
    jacobian: bool = False


def logistic(np: Any, x: Any, y: Any, w: Any) -> Any:
    """Mean cross entropy of a linear model."""
    z = x @ w
    return np.mean(np.log(1 + np.exp(z)) - y * z)


def logistic_by_hand(x: Any, y: Any, w: Any) -> Any:
    """Value and gradient of logistic()."""
    z = x @ w
    rise = np.exp(z)
    return np.mean(np.log(1 + rise) - y * z), x.T @ (rise / (1 + rise) - y) / len(y)


def curve(np: Any, t: Any, p: Any) -> Any:
    """A decaying exponential at many points."""
    return p[0] * np.exp(-p[1] * t) + p[2]


def curve_by_hand(t: Any, p: Any) -> Any:
    """The Jacobian of curve()."""
    fall = np.exp(-p[1] * t)
    return np.stack([fall, -p[0] * t * fall, np.ones_like(t)], axis=1)


def runge_kutta(np: Any, goal: Any, rates: Any) -> Any:
    """How far predators and prey end from a goal, by the classical method of fourth order."""

    def slope(state: Any) -> Any:
        prey, predators = state[0], state[1]
        return np.stack([prey * (rates[0] - rates[1] * predators), predators * (rates[2] * prey - rates[3])])

    state = goal * 2.0
    for _ in range(60):
        a = slope(state)
        b = slope(state + 0.05 * a)
        c = slope(state + 0.05 * b)
        d = slope(state + 0.1 * c)
        state = state + (a + 2 * b + 2 * c + d) * (0.1 / 6)
    return np.sum(np.square(state - goal))


def gaussian_process(np: Any, squares: Any, one: Any, y: Any, p: Any) -> Any:
    """Minus the logarithm of the marginal likelihood; parameters are logarithms of height, length and noise."""
    whole = np.exp(2 * p[0] - 0.5 * squares * np.exp(-2 * p[1])) + np.exp(2 * p[2]) * one
    factor = np.linalg.cholesky(whole)
    scaled = np.linalg.solve(factor, y)
    return 0.5 * np.sum(scaled * scaled) + np.sum(np.log(np.sum(factor * one, 1)))


def gaussian_process_by_hand(squares: Any, one: Any, y: Any, p: Any) -> Any:
    """Value and gradient of gaussian_process() (Rasmussen & Williams 2006, eq. 5.9)."""
    smooth, noise = np.exp(2 * p[0] - 0.5 * squares * np.exp(-2 * p[1])), np.exp(2 * p[2]) * one
    inverse = np.linalg.inv(smooth + noise)
    alpha = inverse @ y[:, 0]
    inner = inverse - np.outer(alpha, alpha)
    value = 0.5 * y[:, 0] @ alpha - 0.5 * np.linalg.slogdet(inverse)[1]
    slopes = (2 * smooth, smooth * squares * np.exp(-2 * p[1]), 2 * noise)
    return value, np.array([0.5 * np.sum(inner * slope) for slope in slopes])


def kalman(np: Any, move: Any, push: Any, start: Any, measured: Any, logs: Any) -> Any:
    """Minus the logarithm of the likelihood of measurements of a moving thing."""
    strength, noise = np.exp(logs[0]), np.exp(logs[1])
    state, spread, total = start[0], start * 100.0, 0.0
    for i in range(len(measured)):  # by place: JAX cannot iterate over an array while it compiles
        z = measured[i]
        state, spread = move @ state, move @ spread @ move.T + strength * push
        error, variance = z - state[0], spread[0, 0] + noise
        gain = spread[:, 0] / variance
        state, spread = state + gain * error, spread - np.outer(gain, spread[0])
        total = total + 0.5 * (np.log(variance) + error * error / variance)
    return total


def scripts(quick: bool) -> dict[str, Script]:
    """The five, by name."""
    rng = np.random.default_rng(0)
    rows, points, steps = (500, 50, 10) if quick else (50_000, 1_000, 100)
    x = rng.standard_normal((rows, 50))
    y = (x @ rng.standard_normal(50) > 0).astype(float)
    places = np.sort(rng.uniform(-3, 3, steps))
    squares, wave = np.square(places[:, None] - places), np.sin(2 * places)[:, None]
    move, push = np.array([[1.0, 1.0], [0.0, 1.0]]), np.array([[0.25, 0.5], [0.5, 1.0]])
    return {
        "logistic regression": Script(logistic, (x, y), 0.1 * rng.standard_normal(50), logistic_by_hand),
        "curve fit, Jacobian": Script(
            curve, (np.linspace(0, 4, points),), np.array([2.0, 1.0, 0.5]), curve_by_hand, True
        ),
        "Runge-Kutta": Script(runge_kutta, (np.array([5.0, 2.5]),), np.array([1.1, 0.4, 0.1, 0.4])),
        "Gaussian process": Script(
            gaussian_process, (squares, np.eye(steps), wave), np.array([0.3, -0.5, -1.0]), gaussian_process_by_hand
        ),
        "Kalman filter": Script(
            kalman, (move, push, np.eye(2), rng.standard_normal(steps).cumsum()), np.array([0.1, 0.2])
        ),
    }


def contenders(script: Script) -> dict[str, Callable[[], Any]]:
    """Value and gradient, or the Jacobian, by everyone who is there: name -> call."""
    f, data, p = script.function, script.data, script.parameters

    def with_numpy(library: Any, convert: Callable[[Any], Any] = lambda x: x) -> Callable[[Any], Any]:
        own = [convert(each) for each in data]
        return lambda p: f(library, *own, p)

    ours = (ge.jacobian if script.jacobian else ge.value_and_grad)(with_numpy(np))
    found = {"ours": lambda: ours(p)}
    if script.by_hand is not None:
        by_hand = script.by_hand
        found["by hand"] = lambda: by_hand(*data, p)
    if (autograd := _installed("autograd")) is not None:
        theirs = with_numpy(importlib.import_module("autograd.numpy"))
        hips = autograd.jacobian(theirs) if script.jacobian else autograd.value_and_grad(theirs)
        found["autograd"] = lambda: hips(p)
    if torch is not None:
        found["PyTorch"] = _by_torch(with_numpy(torch, torch.tensor), p, script.jacobian)
    if (jax := _installed("jax")) is not None:
        jax.config.update("jax_enable_x64", True)
        own = with_numpy(importlib.import_module("jax.numpy"), jax.numpy.asarray)
        derivative = jax.jacfwd(own) if script.jacobian else jax.value_and_grad(own)
        found["JAX"] = lambda: jax.block_until_ready(derivative(p))
        jitted = jax.jit(derivative)
        found["JAX jit"] = lambda: jax.block_until_ready(jitted(p))
    return found


def _by_torch(f: Callable[[Any], Any], p: np.ndarray, jacobian: bool) -> Callable[[], Any]:
    if jacobian:
        derivative = torch.func.jacfwd(f)
        return lambda: derivative(torch.tensor(p))

    def run() -> Any:
        leaf = torch.tensor(p, requires_grad=True)
        value = f(leaf)
        value.backward()
        return value.detach(), leaf.grad

    return run


def _installed(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def agree(found: dict[str, Callable[[], Any]]) -> None:
    """Raise AssertionError unless all of them give one derivative."""
    expected = _listed(found["ours"]())
    for name, call in found.items():
        for mine, theirs in zip(expected, _listed(call()), strict=True):
            assert np.allclose(mine, np.asarray(theirs), rtol=1e-6, atol=1e-9), f"{name} gives another derivative"


def _listed(answer: Any) -> list[Any]:
    return list(answer) if isinstance(answer, tuple) else [answer]


def main() -> None:
    """Measure all five, interleaved, one thread."""
    wanted = arguments(__doc__)
    if torch is not None:
        with_threads(1)()
    rows: list[list[Any]] = []
    for title, script in scripts(wanted.quick).items():
        found = contenders(script)
        agree(found)
        times = interleaved(found, rounds=2 if wanted.quick else 15, seconds=0.002 if wanted.quick else 0.02)
        rows += [
            [f"{title}, {who}", time * 1e6, time / times["ours"].least, spread] for who, (time, spread) in times.items()
        ]
    report(wanted.json, Table("Scripts of NumPy people, float64", ["", "µs", "/ ours", "spread"], rows))


if __name__ == "__main__":
    main()
