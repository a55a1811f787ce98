"""grad(): gradients by chosen tensors, leaving .grad alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grad_engine as ge
from tests.core.graphs import leaf


def test_grad_answers_for_intermediates_and_leaves_grad_alone() -> None:
    x = leaf(3.0)
    h = x * x
    z = h * h
    dh, dx = ge.grad(z, [h, x])
    assert (dh.item(), dx.item()) == (18.0, 108.0)
    assert x.grad is None
    assert ge.grad(x * 2, x, grad_outputs=5.0).item() == 10.0
    a, b = x * 2, x * 3
    assert ge.grad([a, b], x, grad_outputs=[1.0, 10.0]).item() == 32.0


def test_grad_computes_only_what_leads_to_the_targets(own_op: Callable[..., Any]) -> None:
    def refuse(g: Any, out: Any, x: Any) -> Any:
        raise AssertionError("not asked for")

    trap = own_op(lambda x: x.copy(), name="trap", symbol="t", category="shape", summary="T.", vjp={"x": refuse})
    x, y = leaf(2.0), leaf(3.0)
    assert ge.grad(trap(x) * y, y).item() == 2.0


def test_grad_takes_any_series_of_tensors() -> None:
    x = leaf([1.0, 2.0])
    h = x * 2
    y = (h * h).sum()
    found = ge.grad((t for t in (y, h)), iter([x, h, x]), [None, ge.ones((2,))])
    assert [t.tolist() for t in found] == [[10, 18], [5, 9], [10, 18]]
