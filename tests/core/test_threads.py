"""Graphs in parallel threads give what they give one after the other."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

import grad_engine as ge

THREADS, GRAPHS = 8, 1000


class Twice(ge.Function):
    """An op with its own backward, so that its context is there in every thread."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        return g * 2 * x


def small_graph(k: int, shared: ge.Tensor) -> tuple[Any, ...]:
    """Numbers from one small graph; which features it uses depends on k."""
    x = ge.tensor([0.1 * (k % 17), 1.0 + k % 5], requires_grad=True)
    h = ge.tanh(x * shared) + x
    if k % 3 == 0:
        h = Twice.apply(h)
    if k % 7 == 0:
        h = ge.checkpoint(lambda h: ge.exp(-h) * x, h)
    if k % 5 == 0:
        h *= 2.0
    with ge.no_grad():
        assert not (h * 2).requires_grad
    with ge.scope(f"part{k % 4}"):
        z = (h * h).sum()
    assert z.node.extra.scope == f"part{k % 4}"
    (g,) = ge.grad(z, [x], create_graph=True)
    curved = ge.grad(g.sum(), x, retain_graph=True)
    z.backward(retain_graph=k % 50 == 0)
    nodes = len(ge.record_graph(z).nodes) if k % 50 == 0 else 0
    return (z.item(), *x.grad.tolist(), *curved.tolist(), nodes)


def in_threads(work: Callable[[int], None]) -> None:
    """Call `work` in eight threads at once, which take turns far more often than usual."""
    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)


def test_eight_threads_of_a_thousand_graphs() -> None:
    shared = ge.tensor([0.5, -0.3])
    serial = [small_graph(k, shared) for k in range(GRAPHS)]
    found: dict[int, Any] = {}
    start = threading.Barrier(THREADS)

    def work(number: int) -> None:
        start.wait()
        found[number] = [small_graph(k, shared) for k in range(GRAPHS)]

    in_threads(work)
    assert len(found) == THREADS
    for number in range(THREADS):
        np.testing.assert_array_equal(found[number], serial)


def test_no_gradient_of_a_shared_leaf_is_lost() -> None:
    x = ge.tensor([1.0, 2.0], requires_grad=True)

    def work(number: int) -> None:
        for _ in range(200):
            (x * 1.0).sum().backward()

    in_threads(work)
    assert x.grad.tolist() == [200.0 * THREADS] * 2
