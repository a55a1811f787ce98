"""Convolutions give the same however many images are taken at a time and however they lie in memory meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.ops import convolution

SETTINGS = [
    {},
    {"padding": 1, "stride": 2},
    {"dilation": 2, "padding": ((0, 1), (2, 0))},
    {"padding": "same", "groups": 2},
]


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """What takes so many elements of columns at a time, and counts images with fewer places as small."""

    def choose(columns: int, small: int) -> None:
        monkeypatch.setattr(convolution, "COLUMNS", columns)
        monkeypatch.setattr(convolution, "SMALL", small)
        convolution._planned.cache_clear()

    yield choose
    convolution._planned.cache_clear()


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("op", [ge.conv2d, ge.conv_transpose2d], ids=["conv", "transpose"])
def test_every_way_gives_the_same(op: Any, settings: dict[str, Any], ways: Any) -> None:
    if op is ge.conv_transpose2d and settings.get("padding") == "same":
        settings = settings | {"padding": 1}
    rng = np.random.default_rng(0)
    filters = 4 if op is ge.conv_transpose2d else 6
    weight = rng.normal(size=(filters, 4 // settings.get("groups", 1), 3, 2))
    x, g = rng.normal(size=(7, 4, 9, 8)), None
    answers = []
    for columns, small in [(1, 0), (1, 1 << 30), (4000, 0), (4000, 1 << 30), (1 << 20, 0), (1 << 20, 1 << 30)]:
        ways(columns, small)
        leaves = [ge.tensor(value, requires_grad=True) for value in (x, weight)]
        out = op(*leaves, **settings)
        g = rng.normal(size=out.shape) if g is None else g
        out.backward(g)
        answers.append([out.data, *(leaf.grad.data for leaf in leaves)])
    for answer in answers[1:]:
        for one, other in zip(answers[0], answer, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("small", [0, 1 << 30], ids=["large", "small"])
def test_what_is_not_finite_reaches_only_what_looks_at_it(small: int, ways: Any) -> None:
    ways(1 << 18, small)
    images = np.ones((3, 1, 5, 5))
    images[1, 0, 0, 4] = np.inf
    x, weight = ge.tensor(images, requires_grad=True), ge.tensor(np.ones((1, 1, 3, 3)), requires_grad=True)
    out = ge.conv2d(x, weight)
    out.backward(np.ones(out.shape))
    assert np.argwhere(~np.isfinite(out.data)).tolist() == [[1, 0, 0, 2]]
    assert np.argwhere(~np.isfinite(weight.grad.data)).tolist() == [[0, 0, 0, 2]]
    assert np.isfinite(x.grad.data).all()


def test_gradient_of_a_weight_is_asked_for_results_that_fit() -> None:
    x = np.ones((2, 3, 5, 5))
    for y, words in [((2, 4, 9, 9), "crop it"), ((2, 1, 3, 3), "results of 4"), ((1, 4, 3, 3), "as many images")]:
        with pytest.raises(ge.ShapeError, match=words):
            convolution.conv2d_weight(x, np.ones(y), shape=(4, 3, 3, 3))


def test_no_channels_and_no_images_give_zeros_and_nothing() -> None:
    weight = ge.tensor(np.zeros((3, 0, 2, 2)), requires_grad=True)
    out = ge.conv2d(np.zeros((2, 0, 4, 4)), weight)
    assert (out.shape, out.data.any()) == ((2, 3, 3, 3), False)
    assert ge.conv2d(np.zeros((0, 2, 4, 4)), np.zeros((3, 2, 2, 2))).shape == (0, 3, 3, 3)
