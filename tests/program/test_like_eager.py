"""A compiled function gives what eager mode gives: values, types, dtypes, and what it left in its arguments.

Each case was once wrong, or refused, in a compiled function.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import grad_engine as ge

linalg: Any = None
special: Any = None
stats: Any = None


def alias_of_a_scalar(x: Any) -> Any:
    total = x.sum()
    before = total
    total += 1.0
    return before, total


def array_added_to_a_scalar(x: Any) -> Any:
    total = np.float64(2.0) * x[0]
    total += x
    return total


def zero_dimensional(x: Any) -> Any:
    mean = np.array(x.mean())
    mean **= 2
    mean.reshape(-1)[0] += 7
    return mean, isinstance(mean, np.ndarray), isinstance(x.mean(), np.ndarray), isinstance(x.mean(), float)


def in_place_on_an_item(x: Any) -> Any:
    y = x // 0.3
    y[-1] *= 2
    y[0].fill(9.0)  # of a copy, as NumPy has it
    return y


def written_parts(x: Any) -> Any:
    y = x * 1.0
    first, second = np.split(y, 2)
    first += 1.0
    y[-1] = 5.0
    return y, first, second, np.array_split(y, 4), np.hsplit(y, [1, -2])


def written_columns(x: Any) -> Any:
    y = np.outer(x, x)
    left, right = np.hsplit(y, 2)
    np.vsplit(y, 3)[1][...] = 0.0
    right *= left
    return y


def filled(x: Any) -> Any:
    return np.full(3, x[0]), np.full((2, 2), x.sum(), np.float32), np.full((2, x.size), x)


def masked(x: Any) -> Any:
    chosen = x[x > 0]
    return chosen, chosen.mean(), np.extract(x < 0, x), np.compress(x > 0.1, x), np.nonzero(x > 0), np.unique(x > 0)


def masked_gradient(x: Any) -> Any:
    return ge.value_and_grad(lambda x: (x[x > 0] ** 2).mean())(x)


def placed(x: Any) -> Any:
    np.place(x, x > 0, [3.0, 4.0])
    return x.copy()


def sorted_in_place(x: Any) -> Any:
    y = x[::-1].copy()
    y.sort()
    return y


def chosen_by_a_number(x: Any) -> Any:
    x = x.copy()
    x[x.sum() > 0] = 1.0
    return x


def of_scipy(x: Any) -> Any:
    matrix = np.diag(x * x + 1.0)
    return linalg.solve(matrix, x), special.logsumexp(x), stats.skew(x), linalg.norm(x)


def written_flat(x: Any) -> Any:
    y = np.outer(x, x).T
    y.flat[1] = 9.0
    np.put(y, [2, 3], 7.0)
    return y, y.flat[3:5]


def flags(x: Any) -> Any:
    return (x > 0) ** 2, np.stack([x, x]), np.array_split(np.outer(x, x)[:1], 2)[1]


def joined(x: Any) -> Any:
    return np.r_[x, 1.0, 0:3], np.c_[x, x * 2], np.fromiter((each * 2 for each in x), float)


CASES: dict[str, Callable[[Any], Any]] = {
    f.__name__: f
    for f in (
        alias_of_a_scalar, array_added_to_a_scalar, zero_dimensional, in_place_on_an_item, written_parts,
        written_columns, filled, masked, masked_gradient, placed, joined, written_flat, flags,
        sorted_in_place, chosen_by_a_number,
    )
}  # fmt: skip
NUMBERS: dict[str, Callable[[Any, Any], Any]] = {
    "round": lambda x, k: (round(k, 2), round(k), x * round(k, 1), round(x.sum(), 2)),
    "floor": lambda x, k: (math.floor(k), math.ceil(k), math.trunc(k), x * math.floor(k)),
    "divmod": lambda x, k: (divmod(k, 0.3), divmod(7, k), divmod(x, k)),
    "full": lambda x, k: (np.full(3, k), np.full((2, 2), k, np.float32)),
    "eye": lambda x, k: (np.eye(1) * k, x),
    "a product with zeros that nobody reads": lambda x, k: x * 2 if (np.eye(2) * k).ndim == 2 else x,
    "a float64 number beside float32": lambda x, k: ge.value_and_grad(
        lambda t: (t * np.sqrt(k) + np.tanh(np.zeros(2)).sum()).sum()
    )(x.astype(np.float32)),
    "asarray": lambda x, k: (np.asarray(k), np.array(k), np.array([k, 1.0])),
    "copies": lambda x, k: [
        copy(np.outer(x, x + k).T[::2]).sum() for copy in (np.copy, np.array, np.ascontiguousarray, lambda x: x.copy())
    ],
    "math": lambda x, k: (math.sin(k), x * math.hypot(k, x[0]), math.modf(k), math.fsum([k, x[1]]), math.exp(x.max())),
    "an index": lambda x, k: np.where(k > 0, x, -x),
}


# What a write through a view leaves in the array and in its gradient.
WRITTEN_VIEWS: dict[str, Callable[[Any, Any], Any]] = {
    "a part is scaled": lambda y, x: y[1:].__imul__(2.0),
    "a part of a part grows": lambda y, x: y[1:][1:].__iadd__(x[:4]),
    "a part is filled": lambda y, x: y[1:4].fill_(0.3),
    "a turned part is filled": lambda y, x: y[::-1][:2].fill_(0.3),
    "halves": lambda y, x: np.split(y, 2)[1].__imul__(x[0]),
    "an element": lambda y, x: y[1:].__setitem__(0, x[3] * x[4]),
    "chosen elements": lambda y, x: y[1:].__setitem__(x[1:] > 3.0, 0.5),
    "the whole, and a view made before": lambda y, x: y.__setitem__(slice(0, 2), x[4:] * x[:2]),
    "data": lambda y, x: y.data.mul_(2.0),
}
REFUSED_VIEWS: dict[str, Callable[[Any], Any]] = {
    "a view is read after its array changed": lambda x: [y := x * 1.0, z := y[1:], y.__imul__(x), z**2][-1].sum(),
    "a value that a rule reads is written": lambda x: [y := x * 1.0, z := y * y, y.__imul__(2.0), z.sum()][-1],
    "a reshaped view is written": lambda x: [y := x * 1.0, y.reshape(2, 3).__imul__(2.0), y.sum()][-1],
}


def compare(found: Any, expected: Any) -> None:
    assert type(found) is type(expected)
    if isinstance(expected, tuple | list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            compare(one, other)
        return
    if isinstance(expected, np.ndarray | np.generic):
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-7 if np.result_type(expected) == np.float32 else 1e-12)


def test_functions_of_scipy_are_steps(tmp_path: Path) -> None:
    global linalg, special, stats
    linalg, special, stats = (pytest.importorskip(f"scipy.{name}") for name in ("linalg", "special", "stats"))
    compiled = ge.compile(of_scipy)
    x = np.array([0.5, -0.2, 0.9, 1.4])
    for given in (x, x[::-1] * 2):
        compare(compiled(given), of_scipy(given))
    inside: dict[str, Any] = {}
    exec(compiled.save(tmp_path / "step.py").read_text("utf-8"), inside)
    compare(inside["of_scipy"](x), of_scipy(x))


LIMITS = np.array([0.5, 1.5, 2.5])


def branches_on_an_array_outside(x: Any) -> Any:
    total = 0.0
    for limit in LIMITS:
        total = total + (x.sum() * limit if limit < 2 else x.max())
    return total, x * float(LIMITS[0]), x[: int(LIMITS[2])]


def test_python_may_look_at_arrays_outside_and_the_program_looks_again() -> None:
    compiled = ge.compile(branches_on_an_array_outside)
    x = np.array([0.5, -0.2, 0.9])
    for scale in (1.0, 1.0, 0.75, 1.2):
        LIMITS[:] = np.array([0.5, 1.5, 2.5]) * scale
        for given in (x, x * 2):
            compare(compiled(given), branches_on_an_array_outside(given))
    assert compiled._traces == 3


def test_vectorized_functions_are_called_at_each_run() -> None:
    outside = np.vectorize(lambda u: u * 2 if u > 0 else 0.0)

    def f(x: Any) -> Any:
        limit = x.mean()
        return np.vectorize(lambda u: u if u > limit else -u)(x) + outside(x)

    compiled = ge.compile(f)
    for numbers in ([0.5, -0.2, 0.9], [-0.5, 3.0, 0.1]):
        compare(compiled(np.array(numbers)), f(np.array(numbers)))
    assert compiled._traces == 1


def test_scipy_calls_functions_of_the_user_and_makes_objects_of_arrays() -> None:
    integrate, interpolate, optimize, distributions = (
        pytest.importorskip(f"scipy.{name}") for name in ("integrate", "interpolate", "optimize", "stats")
    )
    norm = distributions.norm

    def area(x: Any) -> Any:
        rate = x[0]
        return integrate.quad(lambda u: rate * u**2 + x[1], 0, 1)[0]

    def decay(x: Any) -> Any:
        return integrate.solve_ivp(lambda t, y: -x[0] * y, (0, 1), x[1:], rtol=1e-8).y[:, -1]

    def smallest(x: Any) -> Any:
        found = optimize.minimize(lambda p: ((p - x) ** 2).sum(), np.zeros(3))
        return found.x if found.success else x * 0

    def likelihood(x: Any) -> Any:
        return norm.logpdf(x, loc=x.mean(), scale=2.0).sum() + norm(x[0], 1.0).cdf(x[1])

    def spline(x: Any) -> Any:
        return interpolate.CubicSpline(np.arange(3.0), x)(1.5)

    for f in (area, decay, smallest, likelihood, spline):
        compiled = ge.compile(f)
        for numbers in ([0.5, 0.2, 0.9], [0.7, 1.1, 0.3]):
            compare(compiled(np.array(numbers)), f(np.array(numbers)))
        assert compiled._traces == 1
    assert "scipy.stats.norm.logpdf(x, loc=x.mean(), scale=2.0)" in ge.compile(likelihood).lower(np.ones(3)).source


class Soft:
    rate = 2.0


class Hard:
    rate = 3.0


def test_the_class_of_an_object_is_watched() -> None:
    held: Any = Soft()
    compiled = ge.compile(lambda x: x * (held.rate if type(held) is Soft else -held.rate))
    assert compiled(2.0) == 4.0
    held.__class__ = Hard
    assert compiled(2.0) == -6.0


def test_a_refused_function_leaves_nothing_behind() -> None:
    kept: list[Any] = [1]
    named: dict[str, Any] = {"a": 1}
    chosen = {1}
    held: Any = Soft()

    def f(x: Any) -> Any:
        kept.append(x * 2)
        named["b"] = x
        chosen.add(2)
        held.last = x
        return x

    with pytest.raises(ge.TraceError):
        ge.compile(f)(np.ones(2))
    assert kept == [1] and named == {"a": 1} and chosen == {1} and not vars(held)


@pytest.mark.parametrize("exact", [False, True], ids=["quick", "exact"])
@pytest.mark.parametrize("f", CASES.values(), ids=CASES)
def test_arrays(f: Callable[[Any], Any], exact: bool) -> None:
    compiled = ge.compile(f, exact=exact)
    for numbers in (
        [0.5, -0.2, 0.9, 1.4, -2.0, 0.3],
        [-0.5, -0.7, 0.3, 1.1, -1.0, 2.0],
        [0.1, 0.2, 0.3, 0.4, 0.6, 0.5],
    ):
        given, other = np.array(numbers), np.array(numbers)
        compare(compiled(given), f(other))
        np.testing.assert_array_equal(given, other)


@pytest.mark.parametrize("exact", [False, True], ids=["quick", "exact"])
@pytest.mark.parametrize("f", NUMBERS.values(), ids=NUMBERS)
def test_numbers(f: Callable[[Any, Any], Any], exact: bool) -> None:
    compiled = ge.compile(f, exact=exact)
    for number in (0.625, 2.375, 1.5):
        x = np.array([0.5, -0.2, 0.9])
        compare(compiled(x, number), f(x, number))


@pytest.mark.parametrize("exact", [False, True], ids=["quick", "exact"])
@pytest.mark.parametrize("write", WRITTEN_VIEWS.values(), ids=WRITTEN_VIEWS)
def test_gradients_where_a_view_is_written(write: Callable[[Any, Any], Any], exact: bool) -> None:
    """A stand-in is a view of another where its array would be; so the engine connects histories as in eager mode."""

    def f(x: Any) -> Any:
        y = x * 1.0
        before = y[2:]
        write(y, x)
        return (y * y * x).sum() + before[0] * 0.0

    def without_view(x: Any) -> Any:
        y = x * 1.0
        write(y, x)
        return (y * y * x).sum()

    x = np.arange(1.0, 7.0)
    for each in (f, without_view):
        try:
            expected = ge.value_and_grad(each)(x)
        except ge.InPlaceError:
            with pytest.raises(ge.InPlaceError):
                ge.compile(ge.value_and_grad(each), exact=exact)(x)
        else:
            compare(ge.compile(ge.value_and_grad(each), exact=exact)(x), expected)


@pytest.mark.parametrize("f", REFUSED_VIEWS.values(), ids=REFUSED_VIEWS)
def test_writes_that_eager_mode_refuses_are_refused(f: Callable[[Any], Any]) -> None:
    x = np.arange(1.0, 7.0)
    for each in (ge.value_and_grad(f), ge.compile(ge.value_and_grad(f))):
        with pytest.raises(ge.InPlaceError):
            each(x)


def test_a_history_that_a_write_in_place_gives_to_a_tensor_outside_is_refused() -> None:
    kept = ge.tensor([1.0, 2.0])

    def into_argument(b: Any, w: Any) -> None:
        b += w

    def into_closure(w: Any) -> Any:
        kept.add_(w)
        return w.sum()

    w = ge.tensor([3.0, 4.0], requires_grad=True)
    with pytest.raises(ge.TraceError, match="history"):
        ge.compile(into_argument)(ge.tensor([1.0, 2.0]), w)
    with pytest.raises(ge.TraceError, match="history"):
        ge.compile(into_closure)(w)
    assert not kept.requires_grad and kept.tolist() == [1.0, 2.0]


def test_backward_reads_what_a_write_in_place_replaced_as_it_was() -> None:
    def f(x: Any, w: Any) -> Any:
        y = np.exp(w) * x
        x *= 0.0
        return y

    for run in (f, ge.compile(f)):
        x, w = np.array([1.0, 2.0]), ge.tensor([0.5, 0.7], requires_grad=True)
        run(x, w).sum().backward()
        np.testing.assert_allclose(w.grad.array, np.exp([0.5, 0.7]) * [1.0, 2.0])
        np.testing.assert_array_equal(x, 0.0)


def test_comparisons_and_data_have_the_methods_of_tensors() -> None:
    def f(t: Any) -> Any:
        mask = t > 0.2
        t.data.add_(1.0)
        return mask, ~mask, mask[1:], mask.float(), mask.sum(dim=0), mask * 2, np.ravel(mask), t.data

    def of_array(x: Any) -> Any:
        return x > ge.tensor([0.1, 0.2, 0.3]), np.take(x, ge.tensor([0, 2])), np.median([x[0], x[1]]), np.sum((x, x))

    t = ge.tensor([0.1, 0.3, 0.5])
    expected, found = f(t.clone()), ge.compile(f)(t.clone())
    for one, other in zip(found, expected, strict=True):
        assert type(one) is type(other)
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))
    compare(ge.compile(of_array)(t.array), of_array(t.array))


def test_float16_is_computed_in_float32_as_in_eager_mode() -> None:
    x = np.linspace(-3, 3, 64, dtype=np.float16)
    for f in (ge.softmax, ge.sigmoid, ge.gelu, ge.logsumexp, lambda x: ge.mse_loss(x, x * 0.5), ge.var):
        g = lambda x, f=f: ge.value_and_grad(lambda x: (f(x) * 1.0).sum())(x)  # noqa: E731
        for one, other in zip(ge.compile(g, exact=True)(x), g(x), strict=True):
            assert np.asarray(one).dtype == np.asarray(other).dtype
            np.testing.assert_array_equal(one, other)


def test_an_index_that_was_an_array_of_no_axes_still_gives_a_copy() -> None:
    """The passes put a number in its place, which gives a view: of a buffer that is written over."""

    def f(x: Any) -> Any:
        y = x + 1.0
        row = y[np.asarray(np.argmax(x[:, 0])).copy()]
        y = y * 2.0
        y = np.tanh(y)
        return y.sum(), np.exp(row)

    for exact in (False, True):
        compiled = ge.compile(f, exact=exact)
        for seed in (0, 1):
            x = np.random.default_rng(seed).normal(size=(30, 4))
            compare(compiled(x), f(x))


def test_the_source_reads_before_it_writes() -> None:
    def swapped(a: Any, b: Any) -> Any:
        before, part = a.copy(), a[1:].copy()
        a[...] = b
        b[...] = before * 2.0
        return before, part, a + b, b.sum()

    inside: dict[str, Any] = {"np": np}
    compiled = ge.compile(swapped)
    a, b = np.arange(3.0), np.ones(3)
    compare(compiled(a.copy(), b.copy()), swapped(a.copy(), b.copy()))
    exec(compiled.source, inside)
    compare(inside["swapped"](a.copy(), b.copy()), swapped(a.copy(), b.copy()))


def test_a_view_of_another_argument_that_is_written_is_refused() -> None:
    """Eager mode changes both; the program has read one of them before."""

    def f(a: Any, b: Any) -> Any:
        b *= 2
        return a + 1

    x = np.arange(4.0)
    with pytest.raises(ge.InPlaceError, match=r"copy\(\)"):
        ge.compile(f)(x, x[1:])
    np.testing.assert_array_equal(ge.compile(f)(x, x.copy()), np.arange(4.0) + 1)


def test_a_part_that_is_chosen_by_a_mask_is_traced_once_for_each_number_of_elements() -> None:
    compiled = ge.compile(lambda x: x[x > 0].sum())
    for sign in (1.0, 2.0, 3.0):
        assert compiled(sign * np.array([1.0, -1.0, 2.0])) == 3.0 * sign
    assert compiled._traces == 1
    assert compiled(np.array([1.0, 1.0, 2.0])) == 4.0
    assert compiled._traces == 2


# Functions of NumPy that give views of their argument, all that this version has.
GIVE_VIEWS: dict[str, Callable[[Any, Any], Any]] = {
    "broadcast_arrays": lambda x, q: np.broadcast_arrays(x, q),
    "broadcast_arrays of a row": lambda x, q: np.broadcast_arrays(x, q[0]),
    "broadcast_to": lambda x, q: np.broadcast_to(q[0], (3, *q.shape)),
    "meshgrid": lambda x, q: np.meshgrid(x[0], q[:, 0], copy=False, sparse=True),
    "sliding_window_view": lambda x, q: np.lib.stride_tricks.sliding_window_view(q, 2, axis=0),
    "diagonal": lambda x, q: np.diagonal(q),
    "moveaxis": lambda x, q: np.moveaxis(q, 0, 1),
    "rollaxis": lambda x, q: np.rollaxis(q, 1),
    "swapaxes": lambda x, q: np.swapaxes(q, 0, 1),
    "transpose": lambda x, q: (np.transpose(q), q.T, q.mT, np.matrix_transpose(q), np.linalg.matrix_transpose(q)),
    "permute_dims": lambda x, q: np.permute_dims(q, (1, 0)),
    "expand_dims": lambda x, q: np.expand_dims(q, 1),
    "squeeze": lambda x, q: np.squeeze(q[:, None]),
    "atleast": lambda x, q: (np.atleast_1d(q[0]), np.atleast_2d(q[0]), np.atleast_3d(q), *np.atleast_2d(x, q)),
    "reshape": lambda x, q: (np.reshape(q, (2, -1)), q.reshape(-1), np.ravel(q), q.ravel(), q.view()),
    "flip": lambda x, q: (np.flip(q, 0), np.flipud(q), np.fliplr(q), np.rot90(q), q[::-1, ::2]),
    "split": lambda x, q: [*np.split(q, 2), *np.array_split(q, 3, axis=1), *np.hsplit(q, 2), *np.vsplit(q, 2)],
    "unstack": lambda x, q: np.unstack(q, axis=1),
    "asarray": lambda x, q: (
        np.asarray(q),
        np.asanyarray(q),
        np.ascontiguousarray(q),
        np.real(q),
        q.real,
    ),
    "nan_to_num": lambda x, q: np.nan_to_num(q, copy=False),
    "astype": lambda x, q: (q.astype(float, copy=False), np.astype(q, float, copy=False), np.array(q, copy=None)),
    "take": lambda x, q: (q.take([0, 1], axis=0), np.compress([True, False, True], q, axis=0), np.choose(0, [q, x])),
    "iteration": lambda x, q: list(q),
    "index": lambda x, q: (q[1], q[1:], q[..., 0], q[None], q[:, [0]], q[np.asarray(1)], q[()]),
}


@pytest.mark.parametrize("exact", [False, True], ids=["quick", "exact"])
@pytest.mark.parametrize("give", GIVE_VIEWS.values(), ids=GIVE_VIEWS)
def test_what_a_view_shows_is_not_written_over(give: Callable[[Any, Any], Any], exact: bool) -> None:
    """The memory of q + 1 is free only when no part of it is read any more, whatever the part is called."""

    def f(x: Any, q: Any) -> Any:
        made = give(x, q + 1.0)
        made = [*made] if isinstance(made, tuple | list) else [made]
        z = np.tanh(q * 2.0)
        for _ in range(3):
            z = np.sqrt(z * z + 1.0) * 0.5
        return z, [np.exp(part) for part in made], made

    x, q = np.arange(24.0).reshape(4, 6) / 7, np.linspace(-1, 1, 24).reshape(4, 6)
    try:
        f(x, q)
    except AttributeError:
        pytest.skip("this version of NumPy has no such function")
    compiled = ge.compile(f, exact=exact)
    for scale in (1.0, -0.5):
        z, grown, parts = compiled(x, q * scale)
        expected = f(x, q * scale)
        for one, other in zip([z, *grown, *parts], [expected[0], *expected[1], *expected[2]], strict=True):
            np.testing.assert_allclose(one, other, rtol=0 if exact else 1e-12)
