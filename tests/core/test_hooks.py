"""Hooks see complete gradients, and may replace them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.core.tensor import Tensor
from tests.core.graphs import leaf


def test_hooks_see_the_complete_gradient_and_may_replace_it() -> None:
    x = leaf([1.0, 2.0])
    h = x * 2
    seen: list[Any] = []
    first = h.register_hook(lambda g: seen.append(g.data.copy()))
    second = h.register_hook(lambda g: g * 10)
    (h * 3 + h).sum().backward(retain_graph=True)
    np.testing.assert_array_equal(seen, [[4, 4]])
    np.testing.assert_array_equal(x.grad.data, [80, 80])
    first.remove()
    second.remove()
    x.zero_grad()
    late: list[Any] = []
    x.register_hook(lambda g: -g)
    x.register_post_accumulate_grad_hook(lambda g: late.append(g.data.copy()))
    (h * 1).sum().backward()
    assert len(seen) == 1
    np.testing.assert_array_equal(late, [[-2, -2]])
    x.register_hook(lambda g: g.sum())
    with pytest.raises(ge.ShapeError, match="hook must return None or a gradient of shape"):
        (x * 1).sum().backward()


def test_a_hook_changes_the_gradient_of_its_tensor_alone() -> None:
    """In place too: the array is on its way to the other operand, and it may be the caller's."""
    x, y, seed = leaf([1.0, 2.0]), leaf([1.0, 2.0]), np.ones(2)
    kept: list[Tensor] = []

    def tenfold(g: Tensor) -> None:
        kept.append(g)
        g *= 10

    h = x * 1
    h.register_hook(tenfold)
    x.register_hook(kept.append)
    (h + y).backward(seed)
    np.testing.assert_array_equal([x.grad.data, y.grad.data, seed], [[10, 10], [1, 1], [1, 1]])
    assert not any(np.shares_memory(x.grad.data, g.data) for g in kept)


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("made", [np.ones, lambda n: ge.ones(n), lambda n: ge.ones(n, dtype=np.float16)])
def test_what_a_hook_returns_takes_the_form_of_the_gradient(made: Callable[[int], Any], create_graph: bool) -> None:
    x = leaf([1.0, 2.0], np.float32)
    x.register_hook(lambda g: made(2))
    (x * 2).sum().backward(create_graph=create_graph)
    assert type(x.grad) is Tensor and x.grad.dtype == np.float32 and x.grad.tolist() == [1, 1]
    y = leaf(1.0)
    y.register_hook(lambda g: np.ones((), int))
    with pytest.raises(ge.ShapeError, match="got int64"):
        (y * 2).backward()


@pytest.mark.parametrize("create_graph", [False, True])
def test_hooks_record_where_backward_does(create_graph: bool) -> None:
    x, seen = leaf([1.0, 2.0]), list[bool]()
    (h := x * 2).register_hook(lambda g: seen.append(ge.is_grad_enabled()))
    x.register_post_accumulate_grad_hook(lambda g: seen.append(ge.is_grad_enabled()))
    h.sum().backward(create_graph=create_graph)
    assert seen == [create_graph, create_graph] and ge.is_grad_enabled()
