"""retain_grad() keeps the gradient of the result of an op."""

from __future__ import annotations

import numpy as np
import pytest

from tests.core.graphs import leaf


def test_retain_grad_goes_on_after_a_change_in_place_and_starts_again_from_none() -> None:
    x = leaf([1.0, 2.0])
    h = x * 2
    h.retain_grad()
    h *= 3.0
    y = (h * h).sum()
    y.backward(retain_graph=True)
    np.testing.assert_array_equal(h.grad.data, 12 * x.data)
    h.zero_grad()
    assert h.grad is None
    y.backward()
    np.testing.assert_array_equal(h.grad.data, 12 * x.data)


def test_retain_grad_keeps_the_gradient_of_a_result() -> None:
    x = leaf([1.0, 2.0])
    h = x * 2
    with pytest.warns(UserWarning, match="retain_grad"):
        assert h.grad is None
    h.retain_grad()
    (h * h).sum().backward()
    np.testing.assert_array_equal(h.grad.data, 2 * h.data)
