"""scan(): a plain loop in eager mode, a body that is traced once in a compiled function, with the same gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from tests.support import normal

STEPS, W, Y0 = normal(12, 3), 0.3 * normal(3, 3), normal(3)


def body(w: Any) -> Callable[[Any, Any], tuple[Any, Any]]:
    def step(h: Any, x: Any) -> tuple[Any, Any]:
        h = np.tanh(h @ w + x)
        return h, (h * h).sum()

    return step


def loss(w: Any, start: Any, xs: Any, reverse: bool = False) -> Any:
    h, parts = ge.scan(body(w), start, xs, reverse=reverse)
    return (parts * np.arange(len(STEPS))).sum() + h.sum()


DIFFERENTIATED: dict[str, Callable[..., Any]] = {
    "by what the body closes over": lambda w, y, xs: ge.value_and_grad(lambda w: loss(w, y, xs), w),
    "by the first carry": lambda w, y, xs: ge.value_and_grad(lambda y: loss(w, y, xs), y),
    "by the rows": lambda w, y, xs: ge.value_and_grad(lambda xs: loss(w, y, xs), xs),
    "by all of them": lambda w, y, xs: ge.value_and_grad(loss, (w, y, xs)),
    "from the last row on": lambda w, y, xs: ge.value_and_grad(lambda w, y, xs: loss(w, y, xs, True), (w, y, xs)),
    "not at all": loss,
    "twice": lambda w, y, xs: ge.hessian(lambda y: loss(w, y, xs[:3] * 1.0) if False else loss(w, y, xs), y),
    "along a vector": lambda w, y, xs: ge.hvp(lambda y: loss(w, y, xs), y, np.ones(3)),
}


def flat(tree: Any) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in ge.program.steps.leaves(tree)]


@pytest.mark.parametrize("f", DIFFERENTIATED.values(), ids=DIFFERENTIATED)
def test_compiled_scan_equals_eager_scan(f: Callable[..., Any]) -> None:
    compiled = ge.compile(f)
    for scale in (1.0, -0.7):
        expected = flat(f(scale * W, Y0, STEPS))
        for found, wanted in zip(flat(compiled(scale * W, Y0, STEPS)), expected, strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-12)


def test_eager_scan_is_the_loop_it_stands_for() -> None:
    h, expected = Y0, []
    for x in STEPS:
        h, y = body(W)(h, x)
        expected.append(y)
    last, ys = ge.scan(body(W), Y0, STEPS)
    np.testing.assert_array_equal(last, h)
    np.testing.assert_array_equal(ys, expected)


def test_carry_and_results_are_structures() -> None:
    def step(carry: dict[str, Any], x: tuple[Any, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        a, b = x
        return {"sum": carry["sum"] + a * b, "count": carry["count"] + 1.0}, {"product": a * b}

    def run(a: Any, b: Any) -> Any:
        return ge.scan(step, {"sum": 0.0, "count": 0.0}, (a, b))

    carry, ys = ge.compile(run)(np.arange(4.0), np.arange(4.0))
    assert float(carry["sum"]) == 14.0 and float(carry["count"]) == 4.0
    assert ys["product"].tolist() == [0.0, 1.0, 4.0, 9.0]


def test_the_body_stands_in_the_source_once() -> None:
    compiled = ge.compile(lambda w, y, xs: ge.value_and_grad(lambda w: loss(w, y, xs), w))
    compiled(W, Y0, STEPS)
    lines = [line.partition("#")[0] for line in compiled.source.splitlines()]
    assert sum(line.count("np.tanh") for line in lines) == 2  # once forward, once backward
    assert sum(line.startswith("    for ") for line in lines) == 2


def test_a_carry_of_another_shape_or_dtype_is_refused() -> None:
    with pytest.raises(ge.ShapeError, match="same shapes"):
        ge.scan(lambda c, x: (np.stack([c, c]), x), 1.0, np.ones(3))
    with pytest.raises(ge.TraceError, match="start with an array of float64"):
        ge.compile(lambda x: ge.scan(lambda c, x: (c + x, None), np.zeros((), np.float32), x))(np.ones(3))
    with pytest.raises(ge.ShapeError, match="at least one row"):
        ge.scan(lambda c, x: (c, x), 1.0, np.ones((0, 2)))
    with pytest.raises(ge.ArgumentError, match=r"returns \(carry, y\)"):
        ge.scan(lambda c, x: c, 1.0, np.ones(3))


def test_a_body_that_writes_outside_is_refused() -> None:
    def run(x: Any) -> Any:
        total = np.zeros(1)

        def step(c: Any, row: Any) -> tuple[Any, Any]:
            total[0] += row
            return c, None

        ge.scan(step, 0.0, x)
        return total

    with pytest.raises(ge.TraceError, match="carry it from round to round"):
        ge.compile(run)(np.ones(3))


def test_numbers_beyond_python_s_arithmetic_give_what_numpy_gives() -> None:
    """A loop over Python floats would raise where NumPy warns, or say nothing where it overflows."""
    run = lambda x: ge.scan(lambda c, row: (c * c * 1e200, c / (row - 1.0)), 1.0, x)  # noqa: E731
    compiled, x = ge.compile(run), np.array([1.0, 2.0, 3.0, 1.0])
    with np.errstate(all="ignore"):
        expected, found = flat(run(x)), flat(compiled(x))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_rounds_of_small_arrays_are_arithmetic_of_python_whatever_sums_the_engine_uses() -> None:
    def likelihood(logs: Any) -> Any:
        move, push = np.array([[1.0, 1.0], [0.0, 1.0]]), np.exp(logs[0])

        def one(carry: Any, z: Any) -> Any:
            state, spread = carry
            state, spread = move @ state, move @ spread @ move.T + push * np.eye(2)
            gain = spread[:, 0] / (spread[0, 0] + np.exp(logs[1]))
            return (state + gain * (z - state[0]), spread - gain[:, None] * spread[0]), (z - state[0]) ** 2

        return ge.scan(one, (np.zeros(2), np.eye(2)), np.linspace(0, 3, 30))[1].sum()

    compiled = ge.compile(ge.value_and_grad(likelihood))
    x = np.array([-1.0, 0.3])
    for one, other in zip(compiled(x), ge.value_and_grad(likelihood)(x), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10)
    loops = [step.fn for step in compiled._ready[1][0].code.program.steps if step.kind.name == "loop"]
    assert len(loops) == 2
    for loop in loops:
        rounds = loop._code.source.partition("        for ")[2].partition("        r0")[0]
        assert "dot(" not in rounds and "matmul(" not in rounds and "add(" not in rounds


def test_the_jacobian_of_a_loop_keeps_the_loop() -> None:
    def f(p: Any) -> Any:
        _, ys = ge.scan(lambda y, t: ((y + 0.1 * (p[0] * y - p[1])), y * t), np.ones(2), np.arange(60.0))
        return ys.reshape(-1)

    compiled = ge.compile(ge.jacobian(f))
    p = np.array([0.3, 0.2])
    np.testing.assert_allclose(compiled(p), ge.jacobian(f)(p), rtol=1e-10)
    assert len(compiled._latest.call.program.steps) < 60 * 2 * 10


def _both(x: Any) -> Any:
    return ge.scan(lambda c, t: (c * t, c), x, np.stack([ROW, x]))[0].sum()


def _captured(x: Any) -> Any:
    scale = x * x
    return ge.scan(lambda c, t: (np.tanh(c * t * scale), c * scale), x * scale, np.stack([ROW, x, scale]))[0].sum()


def _inside(x: Any) -> Any:
    inner = lambda c, t: ge.scan(lambda d, u: (d * u, d), c, np.stack([t, x]))[0]  # noqa: E731
    return ge.scan(lambda c, t: (inner(c, t), c), x, np.stack([ROW, x]))[0].sum()


ROW = np.array([1.2, 0.7])


@pytest.mark.parametrize("f", [_both, _captured, _inside], ids=lambda f: f.__name__.strip("_"))
def test_a_second_derivative_counts_each_way_once(f: Any) -> None:
    """The carry, the rows and what the body reads may be computed from one another."""
    v = np.array([1.0, -2.0])
    for x in (np.array([0.3, -0.5]), np.array([0.9, 0.4])):
        expected = ge.hessian(f, x)
        np.testing.assert_allclose(ge.compile(lambda x: ge.hessian(f, x))(x), expected, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(ge.hessian(ge.compile(f), x), expected, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(ge.compile(lambda x: ge.hvp(f, x, v))(x)[1], expected @ v, rtol=1e-10, atol=1e-12)
