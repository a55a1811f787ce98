"""Functions that pass over NaN: what made the NaN gets the gradient 0 for it, and never 0 · NaN."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.core.define import DEFINED
from grad_engine.core.op import OPS, Op
from tests.samples import cases, operands

Function = Callable[[Any], Any]
PASSING_OVER: dict[str, Function] = {
    "nansum": np.nansum,
    "nansum(axis=0)": lambda x: np.nansum(x, axis=0),
    "nanmean": np.nanmean,
    "nanmean(axis=1)": lambda x: np.nanmean(x, axis=1),
    "nanprod": np.nanprod,
    "nanvar": np.nanvar,
    "nanstd": lambda x: np.nanstd(x, axis=0),
    "nanmax": np.nanmax,
    "nanmin": lambda x: np.nanmin(x, axis=0),
    "nanmedian": np.nanmedian,
    "nanquantile": lambda x: np.nanquantile(x, [0.2, 0.7]),
    "nanpercentile": lambda x: np.nanpercentile(x, 30, axis=1),
    "nancumsum": lambda x: np.nancumsum(x, axis=1),
    "nancumprod": np.nancumprod,
    "nan_to_num": np.nan_to_num,
    "fmax": lambda x: np.fmax(x, 0.1),
    "fmin": lambda x: np.fmin(0.2, x),
    "fmax.reduce": lambda x: np.fmax.reduce(x, axis=0),
    "sum(where=)": lambda x: np.sum(x, where=~np.isnan(plain(x))),
    "mean(where=)": lambda x: np.mean(x, axis=1, where=~np.isnan(plain(x))),
    "var(where=)": lambda x: np.var(x, where=~np.isnan(plain(x))),
    "x[mask]": lambda x: x[~np.isnan(plain(x))],
    "interp of what is there": lambda x: np.where(np.isnan(plain(x)), 0.0, np.nan_to_num(x)) ** 2,
}
A = np.array([[0.35, np.nan, 1.7], [0.9, 1.4, np.nan], [1.05, 0.5, 0.45]])
ROWS = np.array([[0.3, np.nan], [0.95, 1.45], [1.15, 0.65]])
MAKING: dict[str, Function] = {
    "a * t": lambda t: A * t,
    "t * a": lambda t: t[0] * A,
    "t / a": lambda t: t.reshape(3, 1) / A,
    "a / t": lambda t: A / t,
    "(t - a)²": lambda t: (t - A) ** 2,
    "square": lambda t: np.square(A - t),
    "exp(a · t)": lambda t: np.exp(-A * t),
    "a ** t": lambda t: A**t,
    "log(a) · t": lambda t: np.log(A * t) * t,
    "chain": lambda t: np.tanh(np.sqrt(A * t + 1) * np.sin(t)) / (1 + A**2 * t),
    "rows @ t": lambda t: (ROWS @ t[:2]) ** 2,
    "t @ rows": lambda t: np.exp(t[:2] @ ROWS.T),
    "of its own": lambda t: np.sqrt(t - np.array([0.1, 5.0, 0.2])),
    "logarithm": lambda t: np.log(t - np.array([[0.1, 5.0, 0.2], [0.3, 0.1, 9.0], [0.5, 0.2, 0.1]])) * t,
    "norm of rows": lambda t: np.linalg.norm(ROWS * t[:2], axis=1),
    "spread of rows": lambda t: np.std(ROWS * t[:2], axis=1),
    "logsumexp of rows": lambda t: ge.logsumexp(ROWS * t[:2], axis=1),
    "product of rows": lambda t: np.prod(ROWS * t[:2], axis=1) * t,
    "softmax of rows": lambda t: ge.softmax(ROWS * t[:2], axis=1),
    "einsum": lambda t: np.einsum("ij,j->i", ROWS, t[:2]) ** 2,
    "stacked": lambda t: np.stack([A[0] * t, A[1] / t, A[2] + t]) * t,
    "taken": lambda t: (A * t)[:, [2, 1, 0]] * t,
    "turned": lambda t: (A * t).T[::-1] ** 2,
    "huber": lambda t: ge.huber_loss(t * np.full((3, 1), 3.0), A, reduction="none"),
    "arctan2": lambda t: np.arctan2(A, t),
    "hypot": lambda t: np.hypot(t, A),
}
T = np.array([0.813, 1.327, 0.591])
ROWWISE = {"nanmean(axis=1)", "nanpercentile", "nancumsum", "mean(where=)"}
WEIGHTS = np.cos(np.arange(20)) + 1.5


def plain(x: Any) -> Any:
    return x.array if isinstance(x, ge.Tensor) else x


def numeric(f: Function, t: np.ndarray, step: float = 1e-6) -> np.ndarray:
    return np.array([(f(t + e) - f(t - e)) / (2 * step) for e in np.eye(t.size) * step])


@pytest.fixture(autouse=True)
def silent() -> Iterator[None]:
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        yield


@pytest.mark.parametrize("making", MAKING)
@pytest.mark.parametrize("name", PASSING_OVER)
def test_what_is_left_out_sends_nothing_back(name: str, making: str) -> None:
    if name in ROWWISE and np.ndim(MAKING[making](ge.tensor(T))) < 2:
        return

    def f(t: Any) -> Any:
        out = PASSING_OVER[name](MAKING[making](t))
        return np.sum(out * WEIGHTS[: out.size].reshape(out.shape))

    if not np.isfinite(f(ge.tensor(T)).item()):
        return  # nothing but NaN to reduce
    expected = numeric(lambda t: float(f(ge.tensor(t))), T)
    np.testing.assert_allclose(ge.grad(f)(T), expected, rtol=2e-5, atol=1e-7)
    curvature = numeric(lambda t: float(ge.grad(f)(t) @ T), T)
    np.testing.assert_allclose(ge.hvp(f)(T, T), curvature, rtol=2e-5, atol=1e-6)


def replaced(r: Any) -> Any:
    r = r.copy()
    r[np.isnan(plain(r))] = 0.0
    return r


CHOOSING_LATE: dict[str, Function] = {
    "where": lambda r: np.where(np.isnan(plain(r)), 0.0, r),
    "where, the mask of what is there": lambda r: np.where(np.isfinite(plain(r)), r, 0.0),
    "select": lambda r: np.select([~np.isnan(plain(r))], [r]),
    "choose": lambda r: np.choose(np.isnan(plain(r)).astype(int), [r, np.zeros(r.shape)]),
    "places": lambda r: r[np.nonzero(~np.isnan(plain(r)))],
    "take": lambda r: np.take(r, np.flatnonzero(~np.isnan(plain(r)))),
    "compress": lambda r: np.compress(~np.isnan(plain(r)).ravel(), r),
    "extract": lambda r: np.extract(~np.isnan(plain(r)), r),
    "sort": lambda r: np.sort(r, axis=None)[:7],
    "written": replaced,
}


@pytest.mark.parametrize("name", CHOOSING_LATE)
def test_what_is_chosen_after_an_op_that_made_nan_is_told(name: str) -> None:
    """The other ways have PyTorch's NaN; gotchas.md lists them, and both it and the error say what to write."""

    def late(t: Any) -> Any:
        return np.sum(CHOOSING_LATE[name]((A * t) ** 2))

    def early(t: Any) -> Any:
        return np.sum(CHOOSING_LATE[name](A - t) ** 2)

    assert np.isfinite(late(ge.tensor(T)).item()) and np.isnan(ge.grad(late)(T)).any()
    told = r"0 times a slope that is not finite .* choose the operand before the op"
    with ge.detect_anomaly(), pytest.raises(ge.AnomalyError, match=told):
        ge.grad(late)(T)
    np.testing.assert_allclose(ge.grad(early)(T), numeric(lambda t: float(early(ge.tensor(t))), T), rtol=2e-5)


def test_nan_that_counts_stays_nan() -> None:
    def both(t: Any) -> Any:
        r = A * t
        return np.nanmean(r) + np.sum(r[0])

    share = ge.grad(both)(T)
    assert np.isnan(share[1])
    assert np.isfinite(share[[0, 2]]).all()


def test_a_kept_gradient_of_a_step_between_is_0_where_it_is_left_out() -> None:
    t = ge.tensor(T, requires_grad=True)
    r = A * t
    r.retain_grad()
    np.nansum(r**2).backward()
    assert r.grad is not None
    np.testing.assert_array_equal(r.grad.numpy()[np.isnan(A)], 0.0)
    assert t.grad is not None
    np.testing.assert_allclose(t.grad.numpy(), np.nansum(2 * A * A * T, axis=0))


ELEMENTWISE = [op for op in OPS.values() if op.elementwise and op.differentiable]


@pytest.mark.parametrize("op", ELEMENTWISE, ids=[op.name for op in ELEMENTWISE])
def test_an_op_on_elements_passes_0_to_each_operand_beside_nan(op: Op) -> None:
    for each in () if op.variadic else cases(op):
        given = operands(op, each)
        if (
            len(given) != len(op.inputs)
            or any(np.shape(x) != np.shape(given[0]) for x in given)
            or np.size(given[0]) < 2
        ):
            continue
        spoilt = given[0].copy()
        spoilt.reshape(-1)[-1] = np.nan
        leaves = [ge.tensor(x, requires_grad=True) if x.dtype.kind == "f" else x for x in (spoilt, *given[1:])]
        out = DEFINED[op.name](*leaves, **each.static)
        if not np.isnan(out.array).any():
            continue
        tensors = [x for x in leaves if isinstance(x, ge.Tensor)]
        for share in ge.grad(np.nansum(out), tensors, allow_unused=True):
            assert share is None or share.array.reshape(-1)[-1] == 0


@pytest.mark.parametrize("making", MAKING)
def test_a_compiled_function_passes_over_the_same(making: str) -> None:
    def f(t: Any) -> Any:
        return np.nansum(MAKING[making](t) ** 2)

    np.testing.assert_allclose(ge.compile(ge.grad(f))(T), ge.grad(f)(T), rtol=1e-12, atol=1e-14)
