"""Random programs: value and gradient of each, compiled, are those of eager mode, on three sets of numbers.

`python -m tests.program.test_random_programs 100000` tries as many as that.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.program import passes
from grad_engine.program.compiled import Compiled

UNARY: list[Callable[[Any], Any]] = [
    np.tanh, np.sin, np.exp, lambda a: a * a, lambda a: a**3, ge.relu, ge.sigmoid, lambda a: -a, lambda a: a.T.T,
    np.abs,
    lambda a: a - a.mean(axis=0, keepdims=True), lambda a: a / (1 + a * a), lambda a: ge.softmax(a, axis=-1),
    lambda a: a.reshape(-1).reshape(a.shape), lambda a: np.cumsum(a, axis=0), lambda a: np.where(a > 0.2, a, 0.1 * a),
    lambda a: np.maximum(a, 0.3), lambda a: np.sort(a, axis=0), lambda a: np.concatenate([a[1:], a[:1]]),
    lambda a: np.flip(a, axis=1), lambda a: a.T.reshape(a.shape), lambda a: 0.5 * a + 0.25 * a, lambda a: a / 4.0 * 2.0,
    lambda a: np.stack([a, a + 1.0])[1], lambda a: a[::-1] * np.arange(a.shape[1]),
    lambda a: a.sum(axis=1)[:, None] + a,
    lambda a: np.minimum(a, a.max()), lambda a: np.clip(a, -0.5, 0.5), lambda a: np.log1p(a * a),
    lambda a: a[:, [0]] * a,
]  # fmt: skip
BINARY: list[Callable[[Any, Any], Any]] = [
    lambda a, b: a + b, lambda a, b: a * b, lambda a, b: a - b, lambda a, b: a / (2 + np.abs(b)), np.maximum,
    lambda a, b: (a @ b.T) @ a, lambda a, b: a + b.sum(axis=0), lambda a, b: a * b[0], lambda a, b: a[0, 0] * b,
    lambda a, b: np.stack([a, b]).mean(axis=0), lambda a, b: a @ (b.T @ a) / 10.0, lambda a, b: a + b[:1].mean(),
]  # fmt: skip
SHAPES = [(3, 2), (4, 4), (20, 3), (1, 5), (300, 8), (2, 1)]
WAYS = [
    {}, {"exact": True}, *({"passes_on": [name for name in passes.RUNNING if name != out]} for out in passes.RUNNING),
]  # fmt: skip


def random_program(seed: int) -> tuple[Callable[..., Any], tuple[int, ...]]:
    """(a function of two arrays that returns one number, their shape)"""
    rng = np.random.default_rng(seed)
    plan = [
        (rng.integers(2), rng.integers(len(UNARY)), rng.integers(len(BINARY)), rng.integers(100), rng.integers(100))
        for _ in range(rng.integers(2, 14))
    ]
    writes = rng.random() < 0.3

    def f(a: Any, b: Any) -> Any:
        values = [a, b]
        for unary, u, v, i, j in plan:
            x, y = values[i % len(values)], values[j % len(values)]
            values.append(UNARY[u](x) if unary else BINARY[v](x, y))
        out = np.tanh(values[-1] * 0.5)
        if writes:
            out = out * 1.0
            out[0] = out[-1] * 2.0
            out += values[len(values) // 2]
        return (np.tanh(out) * 0.5).sum() + (np.tanh(values[len(values) // 2]) ** 2).mean()

    return f, SHAPES[seed % len(SHAPES)]


def check(seed: int) -> None:
    """Raise AssertionError where a compiled random program differs from the eager one."""
    f, shape = random_program(seed)
    run = lambda a, b: ge.value_and_grad(f, (a, b))  # noqa: E731
    way: dict[str, Any] = WAYS[seed // len(SHAPES) % len(WAYS)]
    rng = np.random.default_rng([seed, 1])
    a, b = rng.normal(size=shape) * 0.5, rng.normal(size=shape) * 0.5
    compiled = Compiled(run, **way)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for scale in (1.0, 0.7, -1.1):
            expected, found = run(a * scale, b * scale), compiled(a * scale, b * scale)
            compare([found[0], *found[1]], [expected[0], *expected[1]], "exact" in way, f"program {seed}, {way}")


def compare(found: Sequence[Any], expected: Sequence[Any], exact: bool, what: str) -> None:
    for one, other in zip(found, expected, strict=True):
        if exact:
            np.testing.assert_array_equal(one, other, err_msg=what)
        else:
            np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-9, err_msg=what)


@pytest.mark.parametrize("start", range(0, 1000, 50))
def test_random_programs(start: int) -> None:
    for seed in range(start, start + 50):
        check(seed)


if __name__ == "__main__":
    failed = 0
    for seed in range(int(sys.argv[1])):
        try:
            check(seed)
        except Exception as error:
            failed += 1
            sys.stdout.write(f"{seed}: {type(error).__name__} {str(error)[:300]}\n")
    sys.stdout.write(f"{sys.argv[1]} programs, {failed} wrong\n")
