"""Reductions against PyTorch: values, first and second derivatives, ties, NaN, zeros, empty and 0-d operands."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from tests.against_torch import agree
from tests.support import normal

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings(r"ignore:(var|std)\(\). degrees of freedom is <= 0:UserWarning")
nan, inf = math.nan, math.inf
Row = tuple[Callable[..., Any], Callable[..., Any]]
TIES = np.array([[2.0, 1.0, 2.0], [2.0, 2.0, 0.5], [0.5, 1.0, 0.5]])
ZEROS = np.array([[2.0, 0.0, 3.0], [0.0, 0.0, 1.5], [0.5, 1.5, 2.5]])
NANS = np.array([[nan, 1.0, nan], [2.0, nan, 0.5], [0.5, 1.0, 0.7]])


def same(name: str, **static: Any) -> Row:
    """An op that both call by one name; axis and keepdims are dim and keepdim in PyTorch."""
    theirs = {{"axis": "dim", "keepdims": "keepdim", "ddof": "correction"}.get(k, k): v for k, v in static.items()}
    return (lambda x: getattr(x, name)(**static)), (lambda t: getattr(torch, name)(t, **theirs))


AXES = [{"axis": 0}, {"axis": -1, "keepdims": True}, {"axis": (0, 1)}, {"axis": (0, -1), "keepdims": True}]
EVERYWHERE: list[Row] = [
    *(same(name) for name in ("sum", "mean", "nansum", "nanmean")),
    *(same(name, **where) for name in ("sum", "mean", "nansum", "nanmean") for where in AXES),
    *(same(name, **where) for name in ("amax", "amin", "logsumexp") for where in AXES),
    *(same(name, **where) for name in ("var", "std") for where in ({"ddof": 0}, {"axis": 1, "ddof": 1}, *(
        {**where, "ddof": 0.5} for where in AXES))),
    *(same(name) for name in ("max", "min", "prod", "median")),
    *(same("prod", **where) for where in AXES[:2]),
    *(same(name, axis=axis) for name in ("cumsum", "cumprod") for axis in (0, 1)),
    (lambda x: x.max(axis=1), lambda t: t.max(1)[0]),
    (lambda x: x.min(axis=0, keepdims=True), lambda t: t.min(0, keepdim=True)[0]),
    (lambda x: x.logsumexp(), lambda t: t.logsumexp(tuple(range(t.ndim)))),
    (lambda x: x.var(ddof=1), lambda t: t.var()),
    (lambda x: x.std(), lambda t: t.std(correction=0)),
    (lambda x: x.cumsum(), lambda t: t.reshape(-1).cumsum(0)),
    (lambda x: x.cumprod(), lambda t: t.reshape(-1).cumprod(0)),
]  # fmt: skip
IDS = range(len(EVERYWHERE))


@pytest.mark.parametrize("i", IDS)
@np.errstate(all="ignore")
def test_random_numbers(i: int) -> None:
    mine, theirs = EVERYWHERE[i]
    for shape in [(3, 4), (2, 3, 4), (1, 2)]:
        agree(mine, theirs, normal(*shape))


@pytest.mark.parametrize("i", IDS)
def test_zeros(i: int) -> None:
    mine, theirs = EVERYWHERE[i]
    agree(mine, theirs, ZEROS)
    agree(mine, theirs, -ZEROS.T)


@pytest.mark.parametrize("x", [TIES, NANS, np.array([[inf, 1.0], [-inf, inf]])], ids=["ties", "nan", "inf"])
@pytest.mark.parametrize("i", IDS)
@np.errstate(all="ignore")
def test_ties_nan_and_inf(i: int, x: np.ndarray) -> None:
    mine, theirs = EVERYWHERE[i]
    agree(mine, theirs, x, order=1)


FLAT: list[Row] = [same(name) for name in ("sum", "mean", "prod", "max", "min", "amax", "amin", "median", "nansum")]


@pytest.mark.parametrize("i", range(len(FLAT)))
def test_0d(i: int) -> None:
    agree(*FLAT[i], normal())


EMPTY: list[tuple[Row, tuple[int, ...]]] = [
    (same("sum"), (0,)), (same("prod"), (0, 2)), (same("sum", axis=1), (2, 0)), (same("prod", axis=1), (2, 0)),
    (same("sum", axis=0), (2, 0)), (same("mean", axis=0), (2, 0)), (same("amax", axis=0), (2, 0)),
    (same("logsumexp", axis=1), (2, 0)), (same("logsumexp", axis=0), (2, 0)), (same("cumsum", axis=0), (0, 3)),
    (same("cumprod", axis=1), (2, 0)), (same("var", axis=0), (2, 0)),
]  # fmt: skip


@pytest.mark.parametrize("i", range(len(EMPTY)))
def test_empty(i: int) -> None:
    (mine, theirs), shape = EMPTY[i]
    agree(mine, theirs, np.zeros(shape))


def test_empty_means_and_extremes() -> None:
    with pytest.warns(RuntimeWarning):
        assert math.isnan(ge.mean(np.zeros(0)))
    for name in ("max", "min", "amax", "amin", "median"):
        with pytest.raises(ValueError, match=r"empty tensor of shape \(2, 0\) has no \w+ along axis 1; check its size"):
            getattr(ge, name)(np.zeros((2, 0)), axis=1)


ORDERS = [0, 0.5, 1, 1.5, 2, 2.5, 3, 4, -1, inf, -inf]


@pytest.mark.parametrize("ord", ORDERS)
@pytest.mark.parametrize("where", [{}, {"axis": 1}, {"axis": (0, 1), "keepdims": True}])
def test_norms(ord: float, where: dict[str, Any]) -> None:
    def mine(x: Any) -> Any:
        return ge.vector_norm(x, ord=ord, **where)

    def theirs(t: Any) -> Any:
        return torch.linalg.vector_norm(t, ord, where.get("axis"), where.get("keepdims", False))

    agree(mine, theirs, normal(3, 4))
    if ord > 0 or math.isinf(ord):
        agree(mine, theirs, np.zeros((2, 3)), order=1)
        agree(mine, theirs, ZEROS, order=1)
    agree(mine, theirs, np.array([[1.0, -1.0], [1.0, 0.5]]))


def test_middle_elements() -> None:
    """Along an axis one index takes the gradient; which of equals is PyTorch's secret, so none are equal here."""
    x = np.random.default_rng(2).permutation(24).reshape(2, 3, 4).astype(float)
    for axis in (0, 1, -1):
        agree(lambda a, axis=axis: a.median(axis=axis), lambda t, axis=axis: t.median(axis)[0], x)
    t = ge.tensor([1.0, 4.0, 2.0, 3.0], requires_grad=True)
    assert t.median().item() == 2.0
    assert np.median(t).item() == 2.5


@pytest.mark.parametrize(("shape", "offset"), [((3, 3), 0), ((2, 4), 1), ((4, 2), -1), ((2, 2), 5)])
def test_trace_and_diagonal(shape: tuple[int, ...], offset: int) -> None:
    agree(lambda x: x.trace(offset), lambda t: t.diagonal(offset).sum(), normal(*shape))
    agree(lambda x: x.diagonal(offset), lambda t: t.diagonal(offset), normal(*shape))
    x = normal(shape[0], 2, shape[1])
    agree(lambda x: x.diagonal(offset, axis1=2, axis2=0), lambda t: t.diagonal(offset, 2, 0), x)


@np.errstate(divide="ignore")
def test_counts_and_truth() -> None:
    x = np.array([[0.0, 1.0, nan], [0.0, 0.0, 2.0]])
    t = ge.tensor(x, requires_grad=True)
    for where in ({}, {"axis": 0}, {"axis": -1, "keepdims": True}, {"axis": (0, 1)}):
        for name in ("all", "any", "count_nonzero"):
            out = getattr(t, name)(**where)
            assert not out.requires_grad
            np.testing.assert_array_equal(out.data, getattr(np, name)(x, **where))


def test_an_axis_is_a_whole_number_at_every_size() -> None:
    for side in (4, 100):
        with pytest.raises(ge.ArgumentError, match="whole number"):
            ge.sum(np.ones((side, side)), axis=1.0)


def test_a_mean_of_more_halves_than_a_half_can_count() -> None:
    x = ge.tensor(np.ones(70_000, np.float16), requires_grad=True)
    for mean in (ge.mean, lambda x: ge.l1_loss(x, np.zeros(70_000, np.float16))):
        (slope,) = ge.grad(mean(x) * 1000, [x])
        assert slope.dtype == np.float16
        np.testing.assert_allclose(slope.data[:2], 1 / 70, rtol=1e-3)
