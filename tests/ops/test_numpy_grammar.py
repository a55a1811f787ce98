"""NumPy's grammar on tensors: keywords of reductions, methods of ufuncs, functions that write, ranges and others.

Each call is NumPy's value on plain arrays, and its first and second derivatives are those of central differences.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.core.tensor import Tensor, array_of
from grad_engine.errors import ArgumentError
from grad_engine.testing import check_gradients

X = np.array([[0.5, 1.5, -2.0], [3.0, 0.25, 1.0]])
V = np.array([0.6, 1.5, 2.4])
MASK = X > 0.4
with warnings.catch_warnings(action="ignore"):
    MATRIX = np.matrix(X)
EVEN = np.array([[4.0, 1.0, 3.0, 2.0], [0.5, 7.0, 5.0, 6.0]])

CALLS: dict[str, tuple[Callable[[Any], Any], np.ndarray]] = {
    "sum where": (lambda x: np.sum(x, where=MASK), X),
    "sum where axis initial": (lambda x: np.sum(x, axis=0, where=MASK, initial=2.0), X),
    "sum where broadcast": (lambda x: np.sum(x, axis=1, keepdims=True, where=MASK[0]), X),
    "sum initial": (lambda x: np.sum(x, initial=x[0, 0]), X),
    "prod where": (lambda x: np.prod(x, axis=1, where=MASK), X),
    "prod initial": (lambda x: np.prod(x, initial=3.0), X),
    "mean where": (lambda x: np.mean(x, where=MASK), X),
    "mean where axis": (lambda x: np.mean(x, axis=0, where=MASK, keepdims=True), X),
    "var where": (lambda x: np.var(x, axis=1, where=MASK), X),
    "var where ddof": (lambda x: np.var(x, where=MASK, ddof=1), X),
    "var of a mean": (lambda x: np.var(x, axis=1, mean=np.mean(x, axis=1, keepdims=True)), X),
    "var correction": (lambda x: np.var(x, correction=1), X),
    "std where": (lambda x: np.std(x, where=MASK), X),
    "std correction": (lambda x: np.std(x, axis=1, correction=1), X),
    "max where": (lambda x: np.max(x, axis=0, where=MASK, initial=-9.0), X),
    "max initial": (lambda x: np.max(x, axis=1, initial=2.0), X),
    "min where": (lambda x: np.min(x, where=MASK, initial=9.0), X),
    "amax initial": (lambda x: np.amax(x, initial=0.1), X),
    "nansum where": (lambda x: np.nansum(x, axis=1, where=MASK), X),
    "nanmean where": (lambda x: np.nanmean(x, where=MASK), X),
    "nanvar where": (lambda x: np.nanvar(x, where=MASK), X),
    "nanmax initial": (lambda x: np.nanmax(x, axis=0, initial=1.2), X),
    "add.reduce where": (lambda x: np.add.reduce(x, where=MASK), X),
    "multiply.reduce initial": (lambda x: np.multiply.reduce(x, axis=1, initial=2.0), X),
    "maximum.reduce initial": (lambda x: np.maximum.reduce(x, axis=1, initial=2.0), X),
    "method where": (lambda x: x.sum(axis=0, where=MASK), X),
    "method mean where": (lambda x: x.mean(where=MASK), X),
    "add.outer": (lambda x: np.add.outer(x, V), X),
    "multiply.outer": (lambda x: np.multiply.outer(x, x), V),
    "subtract.outer of an array": (lambda x: np.subtract.outer(V, x), V),
    "power.outer of a number": (lambda x: np.power.outer(x, 2.0), V),
    "hypot.outer": (lambda x: np.hypot.outer(x, V), V),
    "add.accumulate": (lambda x: np.add.accumulate(x, axis=1), X),
    "multiply.accumulate": (lambda x: np.multiply.accumulate(x), V),
    "add.reduceat": (lambda x: np.add.reduceat(x, [0, 2, 1]), V),
    "add.reduceat axis": (lambda x: np.add.reduceat(x, [0, 2], axis=1), X),
    "multiply.reduceat": (lambda x: np.multiply.reduceat(x, [0, 1, 0]), V),
    "maximum.reduceat": (lambda x: np.maximum.reduceat(x, [0, 2]), V),
    "median": (np.median, EVEN),
    "median axis": (lambda x: np.median(x, axis=1, keepdims=True), EVEN),
    "median of an odd count": (lambda x: np.median(x, axis=-1), X),
    "median of two axes": (lambda x: np.median(x, axis=(0, 1)), X),
    "nanmedian": (lambda x: np.nanmedian(x, axis=1), EVEN),
    "linspace": (lambda x: np.linspace(x[0], x[1], 5), V),
    "linspace to a tensor": (lambda x: np.linspace(0.0, x, 4, endpoint=False, axis=-1), V),
    "linspace from a tensor": (lambda x: np.linspace(x, X, 3), V),
    "linspace and step": (lambda x: list(np.linspace(x[0], 2.0, 3, retstep=True)), V),
    "logspace": (lambda x: np.logspace(x[0], x[1], 4), V),
    "logspace base": (lambda x: np.logspace(x[0], x[1], 4, base=x[2]), V),
    "geomspace": (lambda x: np.geomspace(x[0], x[2], 4), V),
    "geomspace below 0": (lambda x: np.geomspace(-x, -2.0, 4, axis=1), V),
    "apply_along_axis": (lambda x: np.apply_along_axis(lambda r: (r * r).sum(), 1, x), X),
    "apply_along_axis of vectors": (lambda x: np.apply_along_axis(lambda r: np.outer(r, r), 0, x), X),
    "apply_over_axes": (lambda x: np.apply_over_axes(np.sum, x, [0, 1]), X),
    "rollaxis": (lambda x: np.rollaxis(x, 1), X),
    "rollaxis start": (lambda x: np.rollaxis(x, 0, 2), X),
    "angle": (lambda x: np.angle(x, deg=True), X),
    "real": (np.real, X),
    "real_if_close": (np.real_if_close, X),
    "fftshift": (np.fft.fftshift, X),
    "ifftshift axes": (lambda x: np.fft.ifftshift(x, axes=1), X),
    "divmod": (lambda x: list(np.divmod(x, 0.7)), V),
    "operator divmod": (lambda x: list(divmod(x, 0.7)), V),
    "reflected divmod": (lambda x: list(divmod(5.0, x)), V),
    "modf": (lambda x: list(np.modf(x - 1.0)), V),
    "frexp": (lambda x: np.frexp(x)[0], V),
    "ldexp": (lambda x: np.ldexp(x, [1, -2, 3]), V),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_calls_are_numpys(name: str) -> None:
    call, x = CALLS[name]
    found, expected = call(ge.tensor(x, requires_grad=True)), call(x)
    several = isinstance(expected, list)
    for mine, theirs in zip(found if several else [found], expected if several else [expected], strict=True):
        assert type(mine) is Tensor and mine.requires_grad and mine.shape == np.shape(theirs)
        np.testing.assert_allclose(mine.data, theirs, rtol=1e-12, atol=1e-15)
    check_gradients(call, x, 2)


@pytest.mark.parametrize("name", ["sum", "prod", "mean", "std", "var", "cumsum", "cumprod", "nansum"])
def test_reductions_take_a_dtype(name: str) -> None:
    function = getattr(np, name)
    out = function(ge.tensor(X, requires_grad=True), axis=0, dtype=np.float32)
    assert out.dtype == np.float32 and out.requires_grad
    np.testing.assert_allclose(out.data, function(X, axis=0, dtype=np.float32), rtol=1e-6)


WRITES: dict[str, Callable[[Any, Any], Any]] = {
    "put": lambda y, v: np.put(y, [0, 4, 0], v),
    "put fewer": lambda y, v: np.put(y, [0, 1, 2, 3, 5], v[:2]),
    "put wrapped": lambda y, v: np.put(y, [-7, 8], v[0], mode="wrap"),
    "put clipped": lambda y, v: np.put(y, [-7, 80], v[1], mode="clip"),
    "put_along_axis": lambda y, v: np.put_along_axis(y, np.array([[0], [2]]), v[0], 1),
    "put_along_axis many": lambda y, v: np.put_along_axis(y, np.array([[1, 0, 1]]), v, 0),
    "copyto": lambda y, v: np.copyto(y, v),
    "copyto where": lambda y, v: np.copyto(y, v, where=MASK),
    "place": lambda y, v: np.place(y, MASK, v[:2]),
    "putmask": lambda y, v: np.putmask(y, MASK, v[:2]),
    "fill_diagonal": lambda y, v: np.fill_diagonal(y, v[1]),
    "fill_diagonal with several": lambda y, v: np.fill_diagonal(y, v[:2]),
    "add.at": lambda y, v: np.add.at(y, ([0, 0, 1], [1, 1, 2]), v),
    "subtract.at": lambda y, v: np.subtract.at(y, 0, v),
    "multiply.at": lambda y, v: np.multiply.at(y, ([0, 1], [1, 1]), v[:2]),
    "maximum.at": lambda y, v: np.maximum.at(y, 1, v),
    "square.at": lambda y, v: np.square.at(y, ([0], [2])),
}  # fmt: skip


@pytest.mark.parametrize("name", WRITES)
def test_functions_that_write_are_recorded(name: str) -> None:
    expected = X * 1.0
    assert WRITES[name](expected, V) is None

    def f(x: Any, v: Any) -> Any:
        y = x * 1.0
        assert WRITES[name](y, v) is None
        return y

    np.testing.assert_allclose(f(ge.tensor(X, requires_grad=True), ge.tensor(V, requires_grad=True)).data, expected)
    check_gradients(lambda x, v: f(x, v) ** 2, [X, V], 2)
    leaf = ge.tensor(X, requires_grad=True)
    with pytest.raises(ge.InPlaceError):
        WRITES[name](leaf, ge.tensor(V, requires_grad=True))


REFUSED: dict[str, tuple[Callable[[Any], Any], type[Exception], str]] = {
    "write into an array": (lambda t: np.copyto(X.copy(), t), TypeError, "numpy.copyto has no gradient"),
    "add into an array": (lambda t: np.add.at(X.copy(), 0, t[0]), TypeError, r"np\.add\.at writes a tensor"),
    "an index twice": (lambda t: np.multiply.at(t * 1, ([0, 0], [1, 1]), 2.0), TypeError, "index twice"),
    "max where": (lambda t: np.max(t, where=MASK), ValueError, "needs initial="),
    "a mask of numbers": (lambda t: np.sum(t, where=X), TypeError, "mask of booleans, got float64"),
    "accumulate": (lambda t: np.subtract.accumulate(t), TypeError, r"np\.subtract\.accumulate"),
    "reduceat": (lambda t: np.subtract.reduceat(t, [0]), TypeError, r"np\.subtract\.reduceat"),
    "eig": (lambda t: np.linalg.eig(t[0, 0] * np.array([[0.0, 9.0], [-9.0, 0.0]])), TypeError, r"eig\(\) .* complex"),
    "dtype of a ufunc": (lambda t: np.multiply(t, 2, dtype=np.float32), TypeError, r"np\.multiply .* dtype=.* astype"),
    "where of a ufunc": (lambda t: np.multiply(t, 2, where=MASK), TypeError, r"where=.* np\.where"),
    "an array on the left": (lambda t: X.copy().__iadd__(t), TypeError, r"np\.add .*write y = y \+ t"),
    "vectorize": (lambda t: np.vectorize(lambda a: a)(t), RuntimeError, r"call grad_engine\.vectorize\(f\) on tensors"),
    "complex roots": (lambda t: np.roots(t[0, 1] * np.array([1.0, 0.0, 1.0])), TypeError, "complex"),
    "polynomial": (lambda t: np.polynomial.Polynomial(t[0]), RuntimeError, r"no twin in grad_engine\.polynomial"),
    "chebval": (
        lambda t: np.polynomial.chebyshev.chebval(0.5, t[0]), RuntimeError, r"grad_engine\.polynomial\.chebval\(\)"
    ),
    "matrix on the left": (lambda t: MATRIX * t, TypeError, r"np\.asarray\(M\)"),
    "matrix on the right": (lambda t: t * MATRIX, TypeError, r"np\.asarray\(M\)"),
    "product with a matrix": (lambda t: t @ MATRIX.T, TypeError, r"np\.asarray\(M\)"),
    "by a matrix": (lambda t: ge.grad(lambda m: (m * m).sum())(MATRIX), TypeError, "is a np.matrix"),
    "clip where": (lambda t: np.clip(t, 0.0, 1.0, where=MASK), TypeError, r"np\.where"),
    "frompyfunc": (lambda t: np.frompyfunc(lambda a: a * a, 1, 1)(t), TypeError, "has no gradient here"),
    "nested lists": (lambda t: np.sum([t[0], t[1]]), RuntimeError, "stack"),
    "an array of objects": (lambda t: np.array([t[0, 0], t[0, 1]], dtype=object).mean(), RuntimeError, "history"),
    "objects": (lambda t: t * np.array([[None, 1.0, 2.0]]), TypeError, "dtype object"),
    "masked": (lambda t: t + np.ma.masked_array(X, MASK), TypeError, "masked array"),
    "both signs": (lambda t: np.geomspace(t[0, 0], -1.0), ValueError, "one sign"),
    "shift of floats": (lambda t: t << 1, TypeError, "whole numbers"),
}  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "words"), REFUSED.values(), ids=REFUSED)
def test_what_has_no_gradient_is_refused(call: Callable[[Any], Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words) as caught:
        call(ge.tensor(X, requires_grad=True))
    assert isinstance(caught.value, ge.GradEngineError)


def test_eigenvalues_that_are_real() -> None:
    a = np.array([[2.0, 1.0, 0.5], [0.3, 5.0, 0.2], [0.1, 0.4, 9.0]])
    values, vectors = np.linalg.eig(ge.tensor(a, requires_grad=True))
    np.testing.assert_allclose(values.data, np.linalg.eig(a)[0])
    np.testing.assert_allclose(vectors.data, np.linalg.eig(a)[1])
    check_gradients(lambda x: list(ge.linalg.eig(x)), a, 2, rtol=1e-5)
    check_gradients(ge.linalg.eigvals, a, 2, rtol=1e-5)
    turn = np.array([[0.0, 1.0], [-1.0, 0.0]])
    assert np.iscomplexobj(np.linalg.eigvals(ge.tensor(turn)))  # no gradient is asked for: NumPy's own answer


def test_special_points() -> None:
    t = ge.tensor([np.inf, -np.inf, np.nan, -1.5], requires_grad=True)
    part, whole = np.modf(t)
    np.testing.assert_array_equal(part.data, np.modf(t.data)[0])
    np.testing.assert_array_equal(whole.data, np.modf(t.data)[1])
    assert np.max(ge.tensor(np.zeros((0, 2)), requires_grad=True), axis=0, initial=3.0).tolist() == [3.0, 3.0]
    t = ge.tensor(V, requires_grad=True)
    assert np.imag(t).tolist() == t.imag.tolist() == [0, 0, 0] and t.real is t and ge.real(t) is t
    for same in (np.ones(3), np.ones((2, 3))):
        t = ge.tensor(same, requires_grad=True)
        assert not np.any(ge.grad(np.std(t, where=np.arange(3) < 2), t).data)
    ends = ge.tensor([0.5, 2.0], requires_grad=True)
    assert ge.grad(ge.linspace(ends[0], ends[1], 3).sum(), ends).tolist() == [1.5, 1.5]
    assert (ge.tensor([1, 2]) << 2).tolist() == [4, 8] and (8 >> ge.tensor([1, 2])).tolist() == [4, 2]
    assert np.ldexp(ge.tensor(2.0**-1070, requires_grad=True), 2000).item() == 2.0**930
    assert np.frexp(ge.tensor(2.0**-1070, requires_grad=True))[0].item() == 0.5
    x = ge.tensor([1.0, 2.0], requires_grad=True)
    y = ge.zeros(2) * 1
    np.copyto(y, x)
    (y * y).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [2.0, 4.0]  # y did not become the leaf x


def test_errors_are_of_numpys_classes_too() -> None:
    t = ge.tensor(X, requires_grad=True)
    for call in (lambda: t.sum(axis=5), lambda: np.flip(t, 4), lambda: ge.take_along_axis(t, np.zeros((1, 1), int), 3)):
        with pytest.raises(np.exceptions.AxisError) as caught:
            call()
        assert isinstance(caught.value, ge.AxisError)
    with pytest.raises(np.linalg.LinAlgError) as singular:
        np.linalg.inv(ge.tensor(np.zeros((2, 2)), requires_grad=True))
    assert isinstance(singular.value, ge.SingularError)
    with pytest.raises(ValueError, match="broadcast"):
        t + np.ones(7)


def test_arrays_like_a_tensor_keep_what_is_written_into_them() -> None:
    def f(x: Any) -> Any:
        out, whole = np.zeros_like(x), np.empty_like(x, shape=(2, 2))
        out[0] = x[1] ** 2
        out[1:] += x[:2]
        whole[np.tril_indices(2)] = x
        whole[0, 1] = np.full_like(x, x[0])[2]
        return np.sum(out**2) + np.sum(whole @ whole.T * np.ones_like(x, shape=(2, 2)))

    assert f(ge.tensor(V, requires_grad=True)).item() == pytest.approx(f(V))
    check_gradients(f, V, 2)
    assert np.zeros_like(ge.tensor(V), dtype=bool).dtype == bool and not np.zeros_like(ge.tensor(V)).requires_grad


def test_a_mask_may_be_a_tensor() -> None:
    t = ge.tensor(X, requires_grad=True)
    assert np.sum(t, where=ge.tensor(MASK)).item() == X[MASK].sum()
    assert array_of(np.mean(t, where=ge.tensor(MASK))) == X[MASK].mean()


ORDERED: dict[str, Callable[[Any], Any]] = {
    "reshape": lambda x: x.reshape(3, 2, order="F"), "reshape of a tuple": lambda x: x.reshape((3, 2), order="F"),
    "np.reshape": lambda x: np.reshape(x, (3, -1), order="F"), "ravel": lambda x: x.ravel("F"),
    "np.ravel": lambda x: np.ravel(x, order="F"), "flatten": lambda x: x.flatten("F"),
    "flatten order": lambda x: x.flatten(order="F"), "in C": lambda x: x.reshape(3, 2, order="C"),
    "copy": lambda x: x.copy(order="F"), "astype": lambda x: x.astype(np.float64, copy=False),
}  # fmt: skip


@pytest.mark.parametrize("name", ORDERED)
def test_elements_may_be_read_in_the_order_of_columns(name: str) -> None:
    out = ORDERED[name](ge.tensor(X, requires_grad=True))
    np.testing.assert_array_equal(out.data, ORDERED[name](X))
    check_gradients(lambda x: ORDERED[name](x) ** 2, X)
    with pytest.raises(ge.ArgumentError, match="casting"):
        ge.tensor(X).astype(np.int64, casting="safe")
    assert ge.tensor(X).item(1, 2) == X[1, 2] == ge.tensor(X).item(5) and ge.tensor(X).nbytes == X.nbytes


def test_an_inverse_that_drops_singular_values_has_the_right_slope() -> None:
    """Golub and Pereyra's formula holds only where what is dropped is 0."""
    rng = np.random.default_rng(7)
    for shape in ((3, 3), (4, 3), (3, 4), (2, 4, 3)):
        x = rng.uniform(0.2, 0.9, shape)
        for rcond in (0.2, 0.5, 1e-15):
            check_gradients(lambda t, r=rcond: np.linalg.pinv(t, r), x, 2, rtol=1e-5)
    b = rng.standard_normal(4)
    check_gradients(lambda t: np.linalg.lstsq(t, b, rcond=0.4)[0], rng.uniform(0.2, 0.9, (4, 3)))
    ones = np.ones((3, 3))
    np.testing.assert_allclose(
        np.linalg.lstsq(ones, ge.tensor(X[:, :1].repeat(2, 0)[:3, 0], requires_grad=True), 1.0)[0].data,
        np.linalg.lstsq(ones, X[:, :1].repeat(2, 0)[:3, 0], 1.0)[0],
    )  # LAPACK takes rcond from 0 to 1 only, and its own otherwise


@pytest.mark.parametrize("power", [1.5, [1.5, 2.0], None, "two"], ids=repr)
def test_ldexp_takes_whole_powers_alone(power: Any) -> None:
    with pytest.raises(ArgumentError, match=r"np\.ldexp\(x, i\) takes whole numbers"):
        np.ldexp(ge.tensor([1.0, 2.0], requires_grad=True), power)


def test_ldexp_takes_every_kind_of_whole_number() -> None:
    for power in (2, True, np.uint8(3), np.array([-1, 4])):
        found = np.ldexp(ge.tensor([1.0, 2.5], requires_grad=True), power)
        assert array_of(found).tolist() == np.ldexp([1.0, 2.5], power).tolist()


def test_flat_reads_and_writes_in_c_order() -> None:
    def spoilt(x: Any) -> Any:
        y = np.sin(x) if isinstance(x, np.ndarray) else x.sin()
        y.flat[::4] += x[0, 0] ** 2
        y.flat[1] = y.flat[-2] * 3
        return y

    x = np.arange(9.0).reshape(3, 3) / 5
    np.testing.assert_allclose(spoilt(ge.tensor(x)).data, spoilt(x))
    check_gradients(spoilt, x, 2)
    t = ge.tensor(x)
    t.flat = [1.0, 2.0, 3.0]
    assert t.data.tolist() == [[1.0, 2.0, 3.0]] * 3
    assert [each.item() for each in t[0].flat] == [1.0, 2.0, 3.0] and len(t.flat) == 9


@pytest.mark.parametrize("name", ["sum", "prod", "max", "min", "nansum", "nanprod", "nanmax", "nanmin"])
def test_whole_numbers_with_a_mask_and_a_first_value(name: str) -> None:
    x, mask = np.arange(6).reshape(2, 3) + 1, np.array([[True, False, True], [False, False, True]])
    function: Any = getattr(np, name)
    for more in ({"initial": 2.7}, {"where": mask, "initial": 2}, {"where": mask, "initial": 1, "axis": 0}):
        mine, theirs = function(ge.tensor(x), **more), function(x, **more)
        assert mine.dtype == np.asarray(theirs).dtype
        np.testing.assert_array_equal(mine.data, theirs)


@pytest.mark.parametrize("name", ["cumsum", "cumprod", "nancumsum", "nancumprod"])
def test_running_sums_take_a_dtype(name: str) -> None:
    x = np.array([1.5, 2.5, -1.0], np.float32)
    mine = getattr(np, name)(ge.tensor(x), dtype=float)
    np.testing.assert_array_equal(mine.data, getattr(np, name)(x, dtype=float))
    assert mine.dtype == float


# Methods of arrays that change the array, and give nothing.
CHANGING = {
    "sort": lambda a: a.sort(),
    "partition": lambda a: a.partition(1),
    "fill": lambda a: a.fill(2.0),
    "put": lambda a: a.put([0, 2], [9.0, 8.0]),
    "resize": lambda a: a.resize(2, refcheck=False),
    "byteswap": lambda a: a.byteswap(True),
    "setfield": lambda a: a.setfield(1.0, float),
}


@pytest.mark.parametrize("name", CHANGING)
def test_a_method_that_changes_an_array_changes_a_tensor_or_is_refused(name: str) -> None:
    """`y.sort()` gave another tensor, which the statement dropped: the script went on with what was not sorted."""

    def f(x: Any) -> Any:
        y = x * 1.0
        if name == "sort":
            y.sort()
        else:
            CHANGING[name](y)
        return (y * np.arange(1.0, 1 + len(y))).sum()

    x = np.array([3.0, 1.0, 2.0])
    if name == "sort" or not hasattr(ge.Tensor, name):
        with pytest.raises((ge.GradEngineError, AttributeError), match=name):
            ge.grad(f)(x)
        return
    value, slope = ge.value_and_grad(f)(x)
    assert value == f(x)
    steps = 1e-6 * np.eye(3)
    np.testing.assert_allclose(slope, [(f(x + e) - f(x - e)) / 2e-6 for e in steps], atol=1e-8)


def test_results_of_several_parts_have_numpys_names() -> None:
    x = np.array([[2.0, 0.3], [0.3, 1.0]])
    for function in (np.linalg.eig, np.linalg.eigh, np.linalg.qr, np.linalg.slogdet, np.linalg.svd):
        expected, got = function(x), function(ge.tensor(x, requires_grad=True))
        assert type(got) is type(expected)
        for one, other in zip(got, expected, strict=True):
            np.testing.assert_allclose(np.abs(one.data), np.abs(other), atol=1e-15)
    check_gradients(lambda x: np.linalg.slogdet(x).logabsdet * np.linalg.svd(x).S, [x], 1)


def test_how_numpy_sorts_may_be_said() -> None:
    t = ge.tensor([3.0, 1.0, 2.0], requires_grad=True)
    assert np.sort(t, kind="stable").tolist() == [1.0, 2.0, 3.0]
    assert np.argsort(t, stable=True).tolist() == [1, 2, 0]
