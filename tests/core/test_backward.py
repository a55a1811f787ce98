"""backward(): what it writes to .grad, what it frees, what it keeps."""

from __future__ import annotations

import weakref

import numpy as np
import pytest

import grad_engine as ge
from tests.core.graphs import leaf


def test_backward_on_a_leaf_adds_the_seed() -> None:
    x = leaf(5.0)
    x.backward()
    x.backward(2.0)
    assert x.grad.item() == 3.0


@pytest.mark.parametrize("retain", [False, True])
def test_grad_never_aliases(retain: bool) -> None:
    x, y, seed = leaf([1.0, 2.0]), leaf([3.0, 4.0]), np.ones(2)
    z = (x + y) * 1.0
    z.backward(seed, retain_graph=retain)
    x.grad.data[0] = 99
    assert y.grad.data[0] == 1
    assert seed[0] == 1
    s = leaf([5.0, 6.0])
    s.broadcast_to((3, 2)).sum().backward(retain_graph=retain)
    s.grad.data[:] += 1  # a view of a broadcast array would refuse
    k = leaf([1.0, 2.0])
    ge.exp(k).backward(np.ones(2))
    assert not np.shares_memory(k.grad.data, seed)


def test_grad_accumulates_over_calls_without_touching_what_was_handed_out() -> None:
    x = leaf([1.0, 2.0])
    (x * 2).sum().backward()
    first = x.grad
    (x * 3).sum().backward()
    np.testing.assert_array_equal(first.data, [2, 2])
    np.testing.assert_array_equal(x.grad.data, [5, 5])
    x.zero_grad()
    assert x.grad is None


def test_leaf_gradients_are_sums_of_their_own() -> None:
    x = leaf(np.ones(3))
    shared = np.full(3, 2.0)
    (x * shared + x * shared + x * shared).sum().backward()
    np.testing.assert_array_equal(x.grad.data, [6, 6, 6])
    np.testing.assert_array_equal(shared, [2, 2, 2])


@pytest.mark.parametrize("shape", [(), (2,)])
def test_a_leaf_among_several_outputs_leaves_its_weight_alone(shape: tuple[int, ...]) -> None:
    x, weight = leaf(np.full(shape, 3.0)), np.full(shape, 10.0)
    for outputs, slope in (([x, x * 2], 30), ([x, x * 2, x], 40)):
        found = ge.grad(outputs, x, [weight] * len(outputs))
        np.testing.assert_array_equal(found.data, np.full(shape, slope))
        np.testing.assert_array_equal(weight, np.full(shape, 10))
    if not shape:
        assert ge.grad([x, x * 2], x).item() == 3  # nor is the 1 that stands for no weight written to


def test_a_retained_gradient_with_history_is_in_memory_of_its_own() -> None:
    x, seed = leaf([1.0, 2.0]), ge.tensor([1.0, 1.0])
    h = x + 0
    h.retain_grad()
    (h + 0).backward(seed, create_graph=True)
    with ge.no_grad():
        h.grad[0] = 99.0
    assert x.grad.tolist() == seed.tolist() == [1.0, 1.0]


def test_values_are_freed_and_said_to_be() -> None:
    x = leaf([1.0, 2.0])
    h = ge.exp(x)
    kept = weakref.ref(h.data)
    z = (h * h).sum()
    del h
    z.backward()
    assert kept() is None
    with pytest.raises(ge.GraphError, match="retain_graph=True"):
        z.backward()
    np.testing.assert_allclose(x.grad.data, 2 * np.exp(2 * x.data))
    with pytest.raises(ge.GraphError, match="retain_graph=True"):
        ge.export_graph(z)


def test_retained_graph_runs_again_and_create_graph_implies_it() -> None:
    x = leaf(2.0)
    z = x**3
    z.backward(retain_graph=True)
    z.backward(create_graph=True)
    z.backward()
    assert x.grad.item() == 36.0


def test_training_by_hand() -> None:
    w = leaf([1.0, 2.0])
    for _ in range(3):
        w.zero_grad()
        (w * w).sum().backward()
        with ge.no_grad():
            w -= 0.1 * w.grad
    np.testing.assert_allclose(w.data, np.array([1.0, 2.0]) * 0.8**3)
    w.data -= 0.1 * w.grad.data
    assert w.requires_grad


def test_a_step_of_training_inside_backward() -> None:
    x = leaf([1.0, 2.0])
    x.register_post_accumulate_grad_hook(lambda g: x.__isub__(0.1 * g))
    (x * x).sum().backward()
    np.testing.assert_allclose(x.data, [0.8, 1.6])


def test_a_gradient_with_history_belongs_to_its_leaf_alone() -> None:
    x, y, seed = leaf([1.0, 2.0]), leaf([1.0, 2.0]), ge.ones((2,))
    (x + y).backward(seed, create_graph=True)
    with ge.no_grad():
        x.grad *= 5
    np.testing.assert_array_equal([y.grad.data, seed.data], [[1, 1], [1, 1]])
    z = leaf([1.0], np.float32)
    (z * 1).backward(ge.ones((1,)), create_graph=True)
    assert z.grad.dtype == np.float32
    assert ge.grad(z, z, ge.ones((1,)), create_graph=True).dtype == np.float32
