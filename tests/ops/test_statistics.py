"""NumPy's functions that are written in ops: they are reached by NumPy's own names, with NumPy's values and dtypes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.testing import check_gradients

X = np.random.default_rng(3).uniform(0.3, 2.5, (4, 5))
GAPS = np.where(np.random.default_rng(4).random((4, 5)) < 0.3, np.nan, X)
SQUARE = X[:, :4] + 3 * np.eye(4)
VECTOR, PLACES = X[0], np.array([0.0, 0.4, 1.1, 1.5, 3.0])

CALLS: list[tuple[Callable[[Any], Any], np.ndarray]] = [
    (lambda x: np.quantile(x, 0.3), X), (lambda x: np.quantile(x, [0.0, 0.25, 1.0], axis=1), X),
    (lambda x: np.quantile(x, [[0.1], [0.9]], axis=(0, 1), keepdims=True), X), (lambda x: np.percentile(x, 40, 0), X),
    *((lambda x, m=m: np.quantile(x, [0.1, 0.5, 0.77], axis=0, method=m), X) for m in (
        "lower", "higher", "nearest", "midpoint", "hazen", "weibull", "median_unbiased", "normal_unbiased",
        "interpolated_inverted_cdf",
    )),
    (lambda x: np.nanquantile(x, [0.2, 0.5], axis=0), GAPS), (lambda x: np.nanpercentile(x, 70, axis=1), GAPS),
    (np.nanmax, GAPS), (lambda x: np.nanmin(x, axis=0, keepdims=True), GAPS),
    (lambda x: np.fmax.reduce(x, axis=1), GAPS),
    (np.nanprod, GAPS), (lambda x: np.nancumsum(x, axis=0), GAPS), (np.nancumprod, GAPS),
    (np.nanvar, GAPS), (lambda x: np.nanvar(x, axis=1, ddof=1), GAPS),
    (lambda x: np.nanstd(x, axis=0, keepdims=True), GAPS),
    (np.average, X), (lambda x: np.average(x, weights=X[::-1]), X),
    (lambda x: np.average(x, axis=1, weights=VECTOR), X),
    (lambda x: np.average(x, axis=-2, weights=VECTOR[:4]), X),
    (np.cov, X), (lambda x: np.cov(x, X[::-1] ** 2), X), (lambda x: np.cov(x, rowvar=False, bias=True), X),
    (lambda x: np.cov(x, fweights=np.array([1, 2, 1, 3, 1]), aweights=PLACES), X), (np.cov, VECTOR),
    (np.corrcoef, X), (lambda x: np.corrcoef(x, rowvar=False), X),
    (np.trapezoid, X), (lambda x: np.trapezoid(x, PLACES), X), (lambda x: np.trapezoid(x, dx=0.5, axis=0), X),
    (lambda x: np.trapezoid(x, X * 2, axis=0), X),
    (lambda x: np.gradient(x)[0], X), (lambda x: np.gradient(x, 0.5, axis=1), X),
    (lambda x: np.gradient(x, PLACES), VECTOR),
    (lambda x: np.gradient(x, 2.0, PLACES, edge_order=2)[1], X),
    (lambda x: np.gradient(x, axis=(1, 0), edge_order=2)[1], X),
    (lambda x: np.diff(x, 2, prepend=0.5, append=X[:, :2]), X), (lambda x: np.append(x, X[:1], axis=0), X),
    (lambda x: np.append(x, 1.5), X), (lambda x: np.meshgrid(x, PLACES)[0], VECTOR),
    (lambda x: np.meshgrid(PLACES, x, indexing="ij")[1], VECTOR), (lambda x: np.diagflat(x, 1), X[:2, :2]),
    (lambda x: np.maximum.accumulate(x, axis=1), X), (np.minimum.accumulate, X),
    (lambda x: np.logaddexp.accumulate(x, axis=1), X),
    (lambda x: np.lib.stride_tricks.sliding_window_view(x, (2, 3)), X),
    (lambda x: np.vecdot(x, X, axis=0), X), (lambda x: np.linalg.vecdot(x, VECTOR), X),
    (lambda x: np.linalg.cond(x), SQUARE), (lambda x: np.linalg.cond(x, 1), SQUARE),
    (lambda x: np.linalg.cond(x, -2), X),
    (lambda x: np.linalg.lstsq(x.T, VECTOR, rcond=None)[0], X), (lambda x: np.linalg.lstsq(x.T, X.T, rcond=None)[1], X),
    (lambda x: np.linalg.lstsq(X.T, x)[0], VECTOR),
    (lambda x: np.linalg.tensorinv(x.reshape(2, 2, 4)), SQUARE),
    (lambda x: np.linalg.tensorsolve(x.reshape(2, 2, 4), SQUARE[:2, :2]), SQUARE),
    (lambda x: np.vander(x), VECTOR), (lambda x: np.vander(x, 3, increasing=True), VECTOR),
    (lambda x: np.interp(x, PLACES, VECTOR), X[:, :3] + 0.01), (lambda x: np.interp(X * 2 - 1, PLACES, x), VECTOR),
    (lambda x: np.interp(X * 2 - 1, PLACES, x, left=-1.0, right=9.0), VECTOR),
    *((lambda x, m=m, k=k: np.convolve(x, X.ravel()[:k], m), VECTOR)
      for m in ("full", "same", "valid") for k in (1, 2, 3, 8)),
    *((lambda x, m=m, k=k: np.correlate(x, X.ravel()[:k], m), VECTOR)
      for m in ("full", "same", "valid") for k in (1, 2, 3, 4, 5, 6, 7, 8)),
    (lambda x: np.correlate(x, X.ravel()[:7], "full"), VECTOR[:4]),
    (lambda x: np.block([[x, 2 * x[:, :1]], [np.ones((1, 6))]]), X), (lambda x: np.block([x[0], x[1, :2], 3.0]), X),
    (lambda x: np.block([[x[0]], [x[1]]]), X), (lambda x: np.block([[[x]], [[x]]]), X), (lambda x: np.block(x), X),
    (np.ediff1d, X), (lambda x: np.ediff1d(x, to_end=x[:2], to_begin=X[:1]), VECTOR),
    (np.cumulative_sum, VECTOR), (lambda x: np.cumulative_sum(x, axis=1, include_initial=True), X),
    (lambda x: np.cumulative_prod(x, axis=-2, include_initial=True), X), (np.cumulative_prod, VECTOR),
    (lambda x: np.unwrap(x * 9), X), (lambda x: np.unwrap(x * 9, 4.0, 0, period=3.5), X),
    (lambda x: np.bincount([3, 0, 0, 5, 3], x), VECTOR.astype(float)),
    (lambda x: np.polyval(VECTOR, x), X), (lambda x: np.polyval(x, X), VECTOR), (lambda x: np.polyval(x, 2.0), VECTOR),
    (lambda x: np.polyfit(x, PLACES**2, 2), VECTOR), (lambda x: np.polyfit(PLACES, x, 3), VECTOR),
    (lambda x: np.polyfit(PLACES, x.T, 1, w=X[0]), X),
    (lambda x: np.polyadd(x, [1.0, 2.0]), VECTOR), (lambda x: np.polysub([1.0, 2.0], x), VECTOR),
    (lambda x: np.polymul(x, x[:2]), VECTOR), (lambda x: np.polymul(x, [0.0, 1.0]), VECTOR),
    (lambda x: np.trapezoid(PLACES, x), X), (lambda x: np.polydiv(x, [2.0, 0.5, 1.0])[0], VECTOR),
    (lambda x: np.polydiv(x, x[:2])[1], VECTOR), (np.polyder, VECTOR), (lambda x: np.polyder(x, 3), VECTOR),
    (np.polyint, VECTOR), (lambda x: np.polyint(x, 2, [1.0, 3.0]), VECTOR),
    (np.poly, VECTOR), (np.poly, SQUARE), (lambda x: np.roots(np.poly(x)), VECTOR),
    (lambda x: np.poly1d(x)(2.0), VECTOR), (lambda x: (np.poly1d(x) * [1, 2]).deriv()(0.5), VECTOR),
    (lambda x: (np.poly1d(x) ** 2 - np.poly1d([1.0, 2.0])).integ(k=2)(x), VECTOR),
    (lambda x: np.poly1d([1.0, 2.0, 3.0])(x), X),
    (lambda x: np.poly1d(x)[2], VECTOR),
    (lambda x: np.polynomial.Polynomial([1.0, 2.0, 3.0], domain=[0, 3])(x), X),
    (lambda x: np.polynomial.Chebyshev([1.0, 2.0, 3.0]).deriv()(x), X),
    (lambda x: np.polynomial.legendre.legval(x, [1.0, 2.0, 3.0]), X),
    (lambda x: np.r_[x[0], x, 5.0, 0:3, [1, 2], x.reshape(-1)[:2]], VECTOR), (lambda x: np.r_[x, X], X),
    (lambda x: np.r_["1", x, X], X), (lambda x: np.r_["0,2", x, 2 * x], VECTOR), (lambda x: np.r_["-1", x, x], X),
    (lambda x: np.c_[x, np.ones(5), x**2], VECTOR), (lambda x: np.c_[x, X], X), (lambda x: np.r_["0,3,1", x, x], X),
    (np.unique, X), (lambda x: np.unique(x, return_counts=True)[0], X),
    (lambda x: np.unique(x, axis=1), X), (lambda x: np.union1d(x, X[0]), X[1]), (lambda x: np.setdiff1d(x, X[0]), X[1]),
    (lambda x: np.setxor1d(x, X[0]), X[1]),
    (lambda x: np.trim_zeros(x * [0, 1, 1, 0, 0]), VECTOR), (lambda x: np.trim_zeros(x * [0, 1, 0, 1, 0], "f"), VECTOR),
    (lambda x: np.delete(x, 3), X), (lambda x: np.delete(x, [0, -1], 1), X),
    (lambda x: np.delete(x, slice(1, 3), 0), X),
    (lambda x: np.delete(x, X[0] > 1, axis=1), X),
    (lambda x: np.insert(x, 2, x[0, 0]), X), (lambda x: np.insert(x, [1, 3], 9, axis=1), X),
    (lambda x: np.insert(x, 1, x[0] * 2, axis=0), X), (lambda x: np.insert(x, [0, 2], x[:, :2] * 3, axis=1), X),
    (lambda x: np.resize(x, (3, 11)), X), (lambda x: np.resize(x, 3), X),
    (lambda x: np.compress([False, True, True], x, axis=0), X), (lambda x: np.compress([0, 1, 1], x), X),
    (lambda x: np.extract(X > 1, x), X), (lambda x: np.partition(x, 2), X), (lambda x: np.partition(x, 3, axis=0), X),
    (lambda x: np.partition(x, (4, 9), None), X),
    (lambda x: np.choose([[0, 1, 0, 2, 1]] * 4, [x, x * 2, x[:1]]), X),
    (lambda x: np.choose([0, 5, -1, 2, 1], [x, -x, 1.0], mode="wrap"), VECTOR),
    (lambda x: np.select([X > 2, X > 1], [x * 2, x**2]), X), (lambda x: np.select([X > 2, X < 1], [0, x], x[0]), X),
    (lambda x: np.piecewise(x, [X > 2, X < 1], [lambda v: v * v, 3.0, np.sin]), X),
    (lambda x: np.piecewise(x, VECTOR > 1, [lambda v, k, n: v * k + n, lambda v, k, n: v[:1] * n], 3, n=2), VECTOR),
    (lambda x: np.linalg.diagonal(x[None], offset=1), X), (lambda x: np.linalg.trace(x.reshape(2, 2, 5)), X),
    (lambda x: np.linalg.cross(x[:, :3], X[:, 1:4]), X),
    *([(lambda x: np.matvec(x.reshape(2, 2, 5), VECTOR), X), (lambda x: np.vecmat(x[:, None, :4], SQUARE), X),
       (lambda x: np.matvec(X, x), VECTOR)] if hasattr(np, "matvec") else []),
    (np.conj, X), (np.real, X), (lambda x: np.copysign(x, -X), X), (np.i0, X),
]  # fmt: skip


@pytest.mark.parametrize("i", range(len(CALLS)))
def test_numpy_reaches_it(i: int) -> None:
    """With NumPy's values, shape and dtype, and a gradient."""
    call, x = CALLS[i]
    for dtype, tolerance in ((np.float64, 1e-11), (np.float32, 1e-3)):
        expected, got = call(x.astype(dtype)), call(ge.tensor(x, dtype=dtype, requires_grad=True))
        assert type(got) is ge.Tensor and got.requires_grad and got.shape == np.shape(expected)
        assert dtype == np.float32 or got.dtype == np.asarray(expected).dtype
        np.testing.assert_allclose(got.data, expected, rtol=tolerance, atol=tolerance / 100)
    numbers = ~np.isnan(x)
    full = np.where(numbers, x, 0.0)

    def f(*xs: Any) -> Any:
        return call(ge.where(numbers, xs[0], np.nan) if not numbers.all() else xs[0])

    check_gradients(f, [full])


def test_float_power_is_in_float64() -> None:
    for call in (np.float_power, ge.float_power):
        x = ge.tensor([2.0, 3.0], dtype=np.float32, requires_grad=True)
        out = call(x, 2)
        assert out.dtype == np.float64
        out.sum().backward()
        assert x.grad is not None and x.grad.dtype == np.float32 and x.grad.tolist() == [4.0, 6.0]


def test_quantiles_of_nan() -> None:
    """NaN is the answer wherever there is one; nanquantile passes over it, unless there is nothing else."""
    x = np.array([[1.0, np.nan, 3.0], [4.0, 5.0, 6.0], [np.nan] * 3])
    t = ge.tensor(x, requires_grad=True)
    np.testing.assert_array_equal(ge.quantile(t, 0.5, axis=1).data, [np.nan, 5.0, np.nan])
    np.testing.assert_array_equal(ge.nanquantile(t, 0.5, axis=1).data, [2.0, 5.0, np.nan])
    np.testing.assert_array_equal(ge.nanmedian(t, axis=1).data, [1.0, 5.0, np.nan])
    ge.nanquantile(t, 0.5, axis=1)[:2].sum().backward()
    assert t.grad is not None
    np.testing.assert_array_equal(t.grad.data, [[0.5, 0, 0.5], [0, 1, 0], [0, 0, 0]])


def test_running_extremes_give_the_last_of_equals() -> None:
    values, places = ge.cummax(ge.tensor([1.0, 3.0, 2.0, 3.0, np.nan, 9.0]), 0)
    np.testing.assert_array_equal(values.data, [1, 3, 3, 3, np.nan, np.nan])
    assert places.tolist() == [0, 1, 1, 3, 4, 4]


def test_numbers_take_the_dtype_of_the_tensors() -> None:
    x = ge.tensor([1.0, 5.0], dtype=np.float32, requires_grad=True)
    for out in (
        np.select([x.data > 2], [x]), ge.first_where([x.data > 2, x.data > 9], [x, 1.5], default=2),
        np.choose([0, 1], [x, 2.0]), np.insert(x, 0, np.float64(3)),
        np.piecewise(x, x.data > 2, [np.exp, np.float64(2)]),
        np.astype(x, np.float16, copy=True).astype(np.float32),
    ):  # fmt: skip
        assert out.dtype == np.float32 and out.requires_grad
    assert np.bincount(ge.tensor([1, 1, 4])).tolist() == [0, 2, 0, 0, 1]


def test_what_is_no_float_needs_no_gradient() -> None:
    t = ge.tensor(SQUARE, requires_grad=True)
    assert np.linalg.matrix_rank(t) == 4 and np.common_type(t) is np.float64
    for f in (np.diag_indices_from, np.triu_indices_from, np.tril_indices_from):
        np.testing.assert_array_equal(f(t), f(SQUARE))


def test_piecewise_keeps_poles_out_of_the_gradient() -> None:
    """What where() cannot: 0 times the infinite slope of the branch that is not taken is NaN."""
    x = ge.tensor([0.0, 4.0], requires_grad=True)
    np.piecewise(x, x.data > 0, [np.sqrt, 0.0]).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [0.0, 0.25]


def test_errors_of_a_function_that_is_passed_in_stay_as_they_are() -> None:
    def broken(_: Any) -> Any:
        raise ValueError("of the caller")

    x = ge.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(ValueError, match=r"^of the caller$") as caught:
        np.piecewise(x, x.data > 1, [broken])
    assert type(caught.value) is ValueError
    with pytest.raises(
        ge.ShapeError, match=r"masked_select\(\) cannot broadcast shape \(2,\) and shape \(3,\)"
    ) as ours:
        ge.masked_select(x, np.ones(3, bool))
    assert isinstance(ours.value.__cause__, ValueError)


REFUSED: list[tuple[Callable[[Any], Any], str]] = [
    (lambda x: ge.quantile(x, 1.5), "numbers from 0 to 1"),
    (lambda x: ge.quantile(x, 0.5, method="middle"), "method of quantile"),
    (lambda x: ge.quantile(x[:0], 0.5), "has no quantile"),
    (lambda x: ge.average(x, weights=np.ones(4)), "a vector along one axis"),
    (lambda x: ge.cov(x, fweights=np.ones(3)), "one weight for each of the 5 observations"),
    (lambda x: ge.gradient(x, 1.0, 2.0, 3.0), "one for each of 2 axes"),
    (lambda x: ge.gradient(x, np.ones(3), axis=0), "4 places along axis 0"),
    (lambda x: ge.gradient(x[:1], axis=0), "at least 2 elements"),
    (lambda x: ge.gradient(x, edge_order=3), "is 1 or 2"),
    (lambda x: ge.kthvalue(x, 6), "k from 1 to"),
    (lambda x: ge.meshgrid(x[0], indexing="yx"), "'xy' or 'ij'"),
    (lambda x: ge.combinations(x), "takes a vector"),
    (lambda x: ge.block_diag(x[None]), "takes matrices"),
    (lambda x: ge.scatter(x, 0, [[0]], x[0]), "a value for each index"),
    (lambda x: ge.scatter_reduce(x, 0, [[0]], x, "max"), "'amax' or 'amin'"),
    (lambda x: ge.masked_scatter(x, x.data > 0, [1.0]), "a number for each that holds"),
    (lambda x: ge.index_add(x, 0, [[0]], x), "a vector of indices"),
    (lambda x: ge.interpolate(x, 2), "takes x"),
    (lambda x: ge.interpolate(x[None, None], 2, mode="linear"), "with 1 axes behind the channels"),
    (lambda x: ge.interpolate(x[None, None]), "either size= or scale_factor="),
    (lambda x: ge.unfold(x, 2), "sliding_window_view"),
    (lambda x: ge.fold(x, (3, 3), 2), "takes x"),
    (lambda x: ge.grid_sample(x[None, None], x), "grid"),
    (lambda x: ge.pixel_shuffle(x[None], 2), "4 times channels"),
    (lambda x: ge.max_unpool2d(x[None], np.full((1, 4, 5), 99), 2), "beyond an image"),
    (lambda x: ge.embedding_bag([0, 1], x), "with offsets="),
    (lambda x: ge.ctc_loss(x[:, None], [[1]], [9], [1]), "at most 4"),
    (lambda x: ge.multilabel_margin_loss(x, np.zeros(4, int)), "of the same shape"),
    (lambda x: ge.linalg.lstsq(x, np.ones(3)), "lstsq"),
    (lambda x: ge.linalg.tensorinv(x, 0), "at least 1"),
    (lambda x: ge.cdist(x, x[:, :2]), "rows of one length"),
    (lambda x: ge.matrix_exp(x), "square matrices"),
    (lambda x: ge.lu(x[0]), "takes matrices"),
    (lambda x: ge.mvlgamma(x, 0), "at least 1"),
    (lambda x: ge.quantile(x, 0.5, nearest=1), "it takes x, q, axis"),
    (lambda x: ge.dropout2d(x), "dropout2d"),
    (lambda x: ge.convolve(x, x), "two vectors"),
    (lambda x: ge.interp(x, x[0], x[0, :2]), "of one length"),
    (lambda x: np.block([x, [x]]), "at one depth"),
    (lambda x: ge.block([x, []]), "empty list"),
    (lambda x: ge.block([(x, x)]), "not tuples"),
    (lambda x: np.block([[x], [x[:, :1]]]), "concat"),
    (lambda x: np.delete(x, 9, 0), r"delete\(\) of shapes \(4, 5\): index 9 is out of bounds"),
    (lambda x: np.insert(x, 1, np.ones(3), 0), r"insert\(\) of shapes \(4, 5\), \(3,\): could not broadcast"),
    (lambda x: np.resize(x[:0], 3), "nothing to fill"),
    (lambda x: np.compress(x > 1, x), "vector of booleans"),
    (lambda x: np.partition(x, 7), r"partition\(\) of shape \(4, 5\) at 7"),
    (lambda x: np.choose([0, 2], [x[0, 0], 1.0]), r"choose\(\) of shapes \(\), \(\): invalid entry"),
    (lambda x: np.select([x > 1], [x, x]), "1 conditions and 2 choices"),
    (lambda x: np.select([X], [x]), "select.*bool"),
    (lambda x: np.piecewise(x, [X > 1], [1, 2, 3]), "each of 1 conditions"),
    (lambda x: np.piecewise(x, [X[0] > 1], [1]), "booleans of the shape"),
    (lambda x: np.piecewise(x, X > 1, [lambda v: v[:2]]), "made shape"),
    (lambda x: ge.cumulative_sum(x), r"cumulative_sum\(\) of shape \(4, 5\) needs an axis"),
    (lambda x: np.bincount([0, -1], x[0, :2]), "whole numbers"),
    (lambda x: np.polyval(x, 1.0), "vector of coefficients"),
    (lambda x: np.polyfit(x[0], x, 2), "of one length"),
]


@pytest.mark.parametrize("i", range(len(REFUSED)))
def test_what_does_not_fit_is_refused(i: int) -> None:
    call, message = REFUSED[i]
    with pytest.raises(ge.GradEngineError, match=message):
        call(ge.tensor(X, requires_grad=True))
