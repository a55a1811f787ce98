"""NumPy functions on tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from grad_engine.core.tensor import Tensor
from tests.core.graphs import leaf


def test_numpy_functions_without_gradient_run_on_the_data() -> None:
    x = leaf([1.0, np.nan])
    np.testing.assert_array_equal(np.isnan(x), [False, True])
    assert np.allclose(x, x, equal_nan=True) and np.shape(x) == (2,) and np.argmax(leaf([1.0, 3.0])).item() == 1
    np.testing.assert_array_equal(np.zeros_like(x), [0, 0])
    assert np.add.reduce(leaf([[1.0, 2.0], [3.0, 4.0]])).tolist() == [4.0, 6.0]
    np.testing.assert_allclose(np.fft.fft(x.detach()).shape, (2,))


def test_numpy_functions_mean_by_position_what_numpy_means() -> None:
    x = np.array([[3.0, 1.0], [2.0, 5.0]])
    t = leaf(x)
    calls: list[Callable[[Any], Any]] = [
        lambda x: np.sum(x, 0, None, None, True), lambda x: np.std(x, 0, None, None, 1), lambda x: np.sort(x, 0, None),
        lambda x: np.max(x, 1, None, True), lambda x: np.nan_to_num(x, True, 5.0), lambda x: np.clip(x, 1, 2, None),
        lambda x: np.sum(x, axis=0, dtype=None, out=None), lambda x: np.quantile(x, 0.5, 0, None, False, "linear"),
        lambda x: np.einsum("ij,ij->i", x, x), lambda x: np.concatenate([x, x], 1, None), lambda x: np.trace(x, 1),
    ]  # fmt: skip
    for call in calls:
        out = call(t)
        assert type(out) is Tensor and out.requires_grad
        np.testing.assert_allclose(out.data, call(x))
