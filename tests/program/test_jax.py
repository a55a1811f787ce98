"""Programs under jax.jit: the same numbers, on one device and on a mesh of four."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from tests.support import ROOT, normal

pytestmark = pytest.mark.jax
jax = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)


def mlp(w1: Any, b1: Any, w2: Any, x: Any, y: Any) -> Any:
    def loss_of(w1: Any, b1: Any, w2: Any) -> Any:
        return (((ge.relu(x @ w1 + b1)) @ w2 - y) ** 2).mean()

    loss, (g1, gb, g2) = ge.value_and_grad(loss_of, (w1, b1, w2))
    return loss, w1 - 0.01 * g1, b1 - 0.01 * gb, w2 - 0.01 * g2


def regression(w: Any, x: Any, y: Any) -> Any:
    return ge.value_and_grad(lambda w: np.logaddexp(0.0, -y * (x @ w)).sum() + (w * w).sum(), w)


def process(logs: Any, x: Any, y: Any) -> Any:
    def loss_of(logs: Any) -> Any:
        p = np.exp(logs)
        k = p[0] * np.exp(-0.5 * (x[:, None] - x[None, :]) ** 2 / p[1] ** 2) + p[2] * np.eye(len(x))
        half = np.linalg.cholesky(k)
        a = np.linalg.solve(half, y)
        return 0.5 * (a * a).sum() + np.log(np.diagonal(half)).sum()

    return ge.value_and_grad(loss_of, logs)


def hessian(x: Any) -> Any:
    return ge.hessian(lambda x: (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum(), x)


def attention(q: Any, k: Any, v: Any) -> Any:
    def loss_of(q: Any, k: Any, v: Any) -> Any:
        return ((ge.softmax(q @ k.mT / 4.0, axis=-1) @ v) ** 2).mean()

    return ge.value_and_grad(loss_of, (q, k, v))


def rounds(p: Any, xs: Any) -> Any:
    def loss_of(p: Any) -> Any:
        def body(h: Any, x: Any) -> Any:
            h = np.tanh(h * p + x)
            return h, h.sum()

        return ge.scan(body, np.zeros(3), xs)[1].sum()

    return ge.value_and_grad(loss_of, p)


def convolution(k: Any, x: Any) -> Any:
    return ge.value_and_grad(lambda k: (ge.conv2d(x, k, padding=1) ** 2).sum(), k)


def curve(p: Any, t: Any) -> Any:
    return ge.jacobian(lambda p: p[0] * np.exp(-p[1] * t) + p[2], p)


CASES: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "mlp": (mlp, (normal(13, 8), np.zeros((1, 8)), normal(8, 1), normal(64, 13), normal(64, 1))),
    "regression": (regression, (normal(5), normal(50, 5), np.sign(normal(50)))),
    "process": (process, (np.zeros(3), np.linspace(0, 4, 20), normal(20))),
    "hessian": (hessian, (np.linspace(-1, 1, 8),)),
    "attention": (attention, (normal(2, 6, 8), normal(2, 6, 8), normal(2, 6, 8))),
    "convolution": (convolution, (normal(3, 2, 3, 3), normal(2, 2, 6, 6))),
    "curve": (curve, (np.array([2.0, 1.0, 0.5]), np.linspace(0, 4, 30))),
    "rounds": (rounds, (normal(3), normal(7, 3))),
}


def flat(tree: Any) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in ge.program.steps.leaves(tree)]


@pytest.mark.parametrize(("f", "args"), CASES.values(), ids=CASES)
def test_a_program_under_jit_gives_the_same(f: Callable[..., Any], args: tuple[Any, ...]) -> None:
    compiled = ge.compile(f)
    expected = flat(compiled(*args))
    found = flat(jax.jit(compiled.to("jax"))(*args))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12 * np.abs(other).max())


MESH = """
import numpy as np, jax, grad_engine as ge
from jax.sharding import Mesh, NamedSharding, PartitionSpec as P
from tests.program.test_jax import CASES, mlp
mesh = Mesh(np.array(jax.devices()), ("batch",))
shared, split = NamedSharding(mesh, P()), NamedSharding(mesh, P("batch"))
compiled, args = ge.compile(mlp), CASES["mlp"][1]
expected = compiled(*args)
placed = [jax.device_put(a, shared) for a in args[:3]] + [jax.device_put(a, split) for a in args[3:]]
run = jax.jit(compiled.to("jax"), out_shardings=shared)
found = run(*placed)
assert len(jax.devices()) == 4 and "all-reduce" in run.lower(*placed).compile().as_text()
for one, other in zip(found, expected, strict=True):
    np.testing.assert_allclose(np.asarray(one), other, rtol=1e-12, atol=1e-12)
"""


def test_a_batch_may_be_split_over_four_devices() -> None:
    """XLA puts in the sum over devices that the gradient of a split batch needs."""
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=4", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", MESH], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_numbers_that_go_another_way_are_refused() -> None:
    """Where they are known: not while JAX traces the program."""
    compiled = ge.compile(lambda x, k: x * k if k > 0 else x - k)
    compiled(np.ones(3), 2.0)
    on_jax = compiled.to("jax")
    np.testing.assert_allclose(on_jax(np.ones(3), 3.0), 3.0)
    with pytest.raises(ValueError, match="another way"):
        on_jax(np.ones(3), -1.0)
    np.testing.assert_allclose(jax.jit(on_jax)(np.ones(3), 3.0), 3.0)
