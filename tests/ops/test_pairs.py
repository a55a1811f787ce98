"""PyTorch's (values, indices) and its `.data`: what is told apart, what warns, what is the same."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import grad_engine as ge
from tests.support import normal


@pytest.mark.parametrize("name", ["max", "min", "median"])
def test_torch_keywords_give_the_pair(name: str) -> None:
    x = ge.tensor(normal(3, 4), requires_grad=True)
    values, places = getattr(x, name)(dim=1)
    np.testing.assert_array_equal(values.data, getattr(x, name)(axis=1).data)
    np.testing.assert_array_equal(np.take_along_axis(x.data, places.data[:, None], 1)[:, 0], values.data)
    kept = getattr(x, name)(1, keepdim=True)
    assert kept.values.shape == kept.indices.shape == (3, 1) and kept.values.requires_grad
    found = getattr(x, name)(1)
    assert found.values is found and found.indices.tolist() == places.tolist()


def test_sort_by_torch_keywords_gives_the_pair() -> None:
    x = ge.tensor(normal(3, 4))
    values, places = ge.sort(x, dim=0, descending=True)
    np.testing.assert_array_equal(values.data, -np.sort(-x.data, axis=0))
    np.testing.assert_array_equal(np.take_along_axis(x.data, places.data, 0), values.data)
    assert x.sort().indices.tolist() == np.argsort(x.data).tolist()


def test_taking_values_apart_as_a_pair_warns_with_both_meanings() -> None:
    x = ge.tensor(normal(2, 3))
    with pytest.warns(ge.SpellingWarning, match=r"max\(axis=1\) for these values, max\(dim=1\) for the pair"):
        values, indices = x.max(1)
    assert (values.tolist(), indices.tolist()) == (x.data.max(1).tolist(), x.data.argmax(1).tolist())
    with pytest.warns(ge.SpellingWarning, match=r"\[1\] of what min\(0\) gave"):
        x.min(0)[1]
    with pytest.warns(ge.SpellingWarning, match="two names for what sort"):
        _values, _indices = x.sort()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _first, _second = x.max(axis=1)
        x.max(axis=1)[0], np.sort(x[0])[0], x[0].sort(axis=0)[0], x[0].sort()[-1]
        assert [float(each) for each in x[0].sort()] == sorted(x[0].tolist())
    with pytest.raises(AttributeError, match=r"write max\(dim=1\)"):
        x.indices  # noqa: B018


def test_two_names_for_what_an_axis_by_place_gave_are_the_pair() -> None:
    """NumPy has no meaning for it, unless there are two values."""
    x = ge.tensor(normal(5, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, predicted = x.max(1)
        values, place = x[0].min(0)
        ordered, places = x.sort(1)
        first, *_others = x.max(1)
        assert len([row for row in x.max(1)]) == 5  # noqa: C416
    assert predicted.tolist() == x.data.argmax(1).tolist() and first.shape == ()
    assert (values.item(), place.item()) == (x.data[0].min(), x.data[0].argmin())
    assert ordered.tolist() == np.sort(x.data, 1).tolist() and places.tolist() == np.argsort(x.data, 1).tolist()
    with pytest.raises(ValueError, match="unpack"):
        _first, _second = x.max(axis=1)


def test_a_comparison_refuses_the_identity_that_pytorch_takes_for_the_transpose() -> None:
    mask = ge.ones(3, 3).triu() == 1
    with pytest.raises(ge.ArgumentError, match=r"write x\.T or swapaxes"):
        mask.transpose(0, 1)
    assert mask.T.tolist() == (~mask | np.eye(3, dtype=bool)).tolist() and mask.size(0) == 3 and mask.size == 9
    assert np.transpose(mask, (1, 0)).tolist() == mask.T.tolist()


def test_var_and_std_with_words_of_pytorch_or_under_its_name() -> None:
    x = ge.tensor(normal(4, 3))
    for name in ("var", "std"):
        plain, free = getattr(np, name)(x.array, 0), getattr(np, name)(x.array, 0, ddof=1)
        np.testing.assert_allclose(getattr(x, name)(dim=0).array, free)
        np.testing.assert_allclose(getattr(x, name)(0, keepdim=True).array, free[None])
        np.testing.assert_allclose(getattr(x, name)(axis=0, keepdims=True).array, plain[None])
        np.testing.assert_allclose(getattr(x, name)(dim=0, unbiased=False).array, plain)
        np.testing.assert_allclose(getattr(x, name)(0).array, plain)
        np.testing.assert_allclose(getattr(ge, f"{name}_mean")(x, dim=0)[0].array, free)
        with pytest.warns(ge.SpellingWarning, match=rf"{name}\(ddof=0\) for this, {name}\(ddof=1\) for that"):
            exec(f"x.{name}(0)", {"torch": ge, "x": x})


def test_data_is_outside_of_history() -> None:
    w = ge.tensor([1.0, 2.0], requires_grad=True)
    memory = w.array
    (w * w).sum().backward()
    assert w.grad is not None
    w.data -= 0.1 * (w.grad + 0.5 * w)  # which requires grad
    assert w.is_leaf and w.array is memory
    np.testing.assert_allclose(w.array, [0.75, 1.5])
    w.data.mul_(2).add_(w.grad.data, alpha=-0.5)
    np.testing.assert_allclose(w.array, [0.5, 1.0])
    w.data.clamp_(-0.7, 0.7)
    w.data[0] = 3
    assert w.tolist() == [3.0, 0.7] and w.array is memory
    w.data = w.data - 0.1 * w.grad.data
    np.testing.assert_allclose(w.array, [2.8, 0.3])
    w.data.zero_()
    assert w.tolist() == [0, 0] and w.requires_grad


def test_arrays_of_comparisons_and_data_know_the_words_of_torch() -> None:
    x = ge.tensor(normal(2, 3))
    truth = x > 0
    assert truth.to(ge.float32).dtype == np.float32
    assert truth.sum(dim=1, keepdim=True).shape == (2, 1) and truth.any(dim=0).shape == (3,)
    assert truth.view(-1).shape == (6,) and truth.unsqueeze(0).shape == (1, 2, 3)
    assert type(truth & ~truth) is type(truth) and type(truth + 1) is np.ndarray
    assert repr(x.data) == repr(x.array) and type(x.data * 2) is type(x.data)
    with pytest.raises(AttributeError, match="neither an array nor a tensor has 'foo'"):
        x.data.foo  # noqa: B018


def test_descending_is_a_word_of_pytorchs_and_gives_the_pair() -> None:
    x = ge.tensor([3.0, 1.0, 2.0])
    for pair in (x.sort(descending=True), ge.sort(x, descending=True), x.sort(0, descending=True)):
        assert pair.values.tolist() == [3, 2, 1] and pair.indices.tolist() == [0, 2, 1]
    values, places = ge.tensor([[1.0, 2.0], [4.0, 3.0]]).sort(descending=True)  # two rows are no two names
    assert values.tolist() == [[2, 1], [4, 3]] and places.tolist() == [[1, 0], [0, 1]]
    assert x.sort(axis=0, descending=True).tolist() == [3, 2, 1] and np.sort(x).tolist() == [1, 2, 3]
    assert x.argsort(descending=True).tolist() == [0, 2, 1] and x.topk(2).values.tolist() == [3, 2]
