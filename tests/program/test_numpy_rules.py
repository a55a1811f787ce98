"""A compiled function keeps NumPy's rules of casting, rounding and warning, and refuses what a program cannot keep."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import grad_engine as ge

X = np.array([0.5, -1.25, 3.0, -0.75, 2.0, 1.5])


def outcome(f: Callable[..., Any], *given: Any) -> tuple[Any, list[tuple[str, str]]]:
    """What f gives or raises, and what it warns of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = f(*given)
        except (TypeError, ValueError) as error:
            result = type(error)
    return result, [(each.category.__name__, str(each.message)) for each in caught]


# --- casting --------------------------------------------------------------------------------------------------------

CASTS: dict[str, Callable[[Any, Any], Any]] = {
    "+=": lambda n, x: n.__iadd__(x),
    "-= of a mean": lambda n, x: n.__isub__(n.mean()),
    "/=": lambda n, x: n.__itruediv__(2),
    "*= of a number": lambda n, x: n.__imul__(1.5),
    "out=": lambda n, x: np.add(n, x, out=n),
    "out= with casting": lambda n, x: np.multiply(n, x, out=n, casting="safe"),
    "copyto": lambda n, x: np.copyto(n, x),
    "copyto where": lambda n, x: np.copyto(n, x, where=x > 0),
    "astype": lambda n, x: x.astype(int, casting="safe"),
}
ALLOWED: dict[str, Callable[[Any, Any], Any]] = {
    "an element": lambda n, x: n.__setitem__(0, x[2]),
    "all elements": lambda n, x: n.__setitem__(..., x),
    "a number": lambda n, x: n.__iadd__(2),
    "unsafe": lambda n, x: np.multiply(n, x, out=n, casting="unsafe"),
    "copyto, unsafe": lambda n, x: np.copyto(n, x, casting="unsafe"),
    "narrower floats": lambda n, x: [y := x.astype(np.float32), np.multiply(x, 3.1, out=y)][-1],
    "put": lambda n, x: np.put(n, [0, 1, 2], [7, 8]),
    "flat": lambda n, x: setattr(x, "flat", [1.0, 2.0]),
    "real": lambda n, x: setattr(x, "real", n),
}


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint8])
@pytest.mark.parametrize("f", [*CASTS.values(), *ALLOWED.values()], ids=[*CASTS, *ALLOWED])
def test_what_may_be_written_into_integers_is_numpys_affair(f: Callable[[Any, Any], Any], kind: Any) -> None:
    compiled = ge.compile(f)
    for _ in range(2):
        given, other = [(np.arange(6).astype(kind), X.copy()) for _ in range(2)]
        (found, _), (expected, _) = outcome(compiled, *given), outcome(f, *other)
        kinds = [isinstance(each, type) and issubclass(each, TypeError) for each in (found, expected)]
        assert kinds[0] == kinds[1], (found, expected)
        for one, two in zip(given, other, strict=True):
            np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(
    "f",
    [
        lambda n, x: np.add.reduce(np.outer(x, x), axis=0, out=n),
        lambda n, x: x.cumsum(out=n),
        lambda n, x: np.cumsum(x, out=n),
        lambda n, x: np.sum(np.outer(x, x), axis=0, out=x.astype(np.float32)),
    ],
)
def test_sums_that_numpy_makes_in_the_dtype_of_out_are_refused(f: Callable[[Any, Any], Any]) -> None:
    with pytest.raises(ge.TraceError, match="in the dtype of its result"):
        ge.compile(f)(np.arange(6), X)


def test_booleans_take_no_sums() -> None:
    for f in (lambda b: b.__iadd__(1), lambda b: b.__imul__(2)):
        with pytest.raises(TypeError, match="Cannot cast"):
            ge.compile(f)(np.array([True, False]))


# --- rounding -------------------------------------------------------------------------------------------------------

POWERS = (0.5, -1, 2, 3, 1.5, -0.5, 0.3, 2.0, np.float64(0.7), np.float32(0.7))


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("power", POWERS, ids=repr)
def test_powers_are_those_of_the_operator_to_the_last_bit(power: Any, kind: Any) -> None:
    """x ** 0.5 is sqrt(x) in NumPy, and ** of one number of NumPy's is not np.power()."""
    f = lambda x: [x**power, *[each**power for each in x[:40]], *[2.0**each for each in x[:10]]]  # noqa: E731
    x = np.random.default_rng(0).uniform(0.1, 3.0, 200).astype(kind)
    for one, other in zip(ge.compile(f, exact=True)(x), f(x), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def test_a_root_of_a_negative_number_is_refused() -> None:
    compiled = ge.compile(lambda k: k**0.5)
    assert compiled(2.25) == 1.5
    with pytest.raises(ge.TraceError, match="complex"):
        compiled(-2.0)


# --- warnings -------------------------------------------------------------------------------------------------------

WARNING: dict[str, tuple[Callable[..., Any], Any]] = {
    "a mean of nothing": (lambda x: x.mean(), np.zeros(0)),
    "a deviation of nothing": (lambda x: (x.std(), np.var(x)), np.zeros(0)),
    "a division": (lambda x: 1.0 / x, np.zeros(3)),
    "a division of a sum": (lambda x: x / x.sum(), np.zeros(12)),
    "a logarithm": (lambda x: np.log(x), np.array([0.0, -1.0] * 6)),
    "a root": (lambda x: x**0.5, -np.ones(12)),
    "a power": (lambda x: x**0.3, -np.ones(12)),
    "a power of a number": (lambda x: x.sum() ** 0.3, -np.ones(12)),
    "a remainder of a number": (lambda x: x.sum() // x.max(), np.zeros(12)),
    "an overflow": (lambda x: np.exp(x) * 1e300, np.full(12, 800.0)),
    "a cast": (lambda x: x.astype(np.float32), np.full(12, 1e300)),
    "only where it is asked": (lambda x: np.divide(1.0, x, out=np.ones_like(x), where=x != 0), np.zeros(12)),
    "a logarithm where it is asked": (lambda x: np.log(x, out=np.zeros(3), where=x > 0), np.array([1.0, 0.0, -1.0])),
    "an arc where it is asked": (
        lambda x: np.arctanh(x, out=np.zeros(3), where=np.abs(x) < 1), np.array([0.5, 1.0, -3.0]),
    ),
    "a gradient": (lambda x: ge.value_and_grad(lambda x: np.log(x).sum())(x), np.zeros(12)),
    "a gradient of a root": (lambda x: ge.value_and_grad(lambda x: np.sqrt(x).sum())(x), np.zeros(3)),
}  # fmt: skip


@pytest.mark.parametrize("exact", [False, True], ids=["quick", "exact"])
@pytest.mark.parametrize(("f", "x"), WARNING.values(), ids=WARNING)
def test_warnings_are_those_of_eager_mode_as_often(f: Callable[..., Any], x: Any, exact: bool) -> None:
    """At the first call too, which runs the function on stand-ins before."""
    compiled, (expected, warned) = ge.compile(f, exact=exact), outcome(f, x)
    for _ in range(2):
        found, said = outcome(compiled, x)
        assert said == warned
        last = [each[-1] if isinstance(each, tuple) else each for each in (found, expected)]
        np.testing.assert_array_equal(*last)


def test_a_warning_of_the_user_comes_from_the_users_line() -> None:
    def f(x: Any) -> Any:
        warnings.warn("to be seen", UserWarning, stacklevel=1)
        return x * 2.0

    with pytest.warns(UserWarning, match="to be seen") as caught:
        ge.compile(f)(X)
    assert caught[0].filename == __file__


# --- what a program cannot keep -------------------------------------------------------------------------------------

TEXTS: dict[str, Callable[[Any], Any]] = {
    "str": lambda x: str(x),
    "repr": lambda x: repr(x.sum()),
    "print": lambda x: print(x),  # noqa: T201
    "print of a list": lambda x: print([x]),  # noqa: T201
    "percent": lambda x: "%s" % x.sum(),  # noqa: UP031
    "array2string": lambda x: np.array2string(x),
    "a tensor": lambda x: str(ge.tensor(x) * 2.0),
    "pickle": lambda x: pickle.dumps(x),
}


@pytest.mark.parametrize("f", TEXTS.values(), ids=TEXTS)
def test_a_text_of_numbers_is_refused(f: Callable[[Any], Any]) -> None:
    with pytest.raises(ge.TraceError, match="return it and") as caught:
        ge.compile(f)(X)
    assert "test_numpy_rules.py" in str(caught.value)


def test_flags_and_shapes_are_not_set() -> None:
    for f, way_out in (
        (lambda x: x.setflags(write=False), "outside"),
        (lambda x: setattr(x, "shape", (2, 3)), "reshape"),
    ):
        with pytest.raises(ge.TraceError, match=way_out):
            ge.compile(f)(X.copy())


def test_no_element_is_none() -> None:
    found = ge.compile(lambda x: (x == None, x != None, x.sum() == None))(X)  # noqa: E711
    np.testing.assert_array_equal(found[0], np.zeros(6, bool))
    np.testing.assert_array_equal(found[1], np.ones(6, bool))
    assert found[2] is False


def test_copies_are_arrays_of_their_own() -> None:
    f = lambda x: [copy.copy(x), copy.deepcopy(x), x.astype(float, order="F"), x]  # noqa: E731
    x = X.reshape(2, 3)
    found, expected = ge.compile(f)(x), f(x)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.strides == other.strides and np.shares_memory(one, x) == np.shares_memory(other, x)


def test_an_array_of_constants_that_is_returned_twice_is_one_array() -> None:
    def f(x: Any) -> Any:
        made, alike = np.zeros(3), np.zeros(3)
        return made, made, alike, x * 0.0

    for _ in range(2):
        first, second, third, _ = ge.compile(f)(X)
        assert first is second and first is not third and not np.shares_memory(first, third)


SIGNS: dict[str, Callable[[Any], Any]] = {
    "arctan2": lambda x: np.arctan2(x + 0.0, -1.0),
    "arctan2 of a product": lambda x: np.arctan2(x * 0.0, -1.0 - np.abs(x)),
    "copysign": lambda x: np.copysign(3.0, x * 0.0),
    "signbit": lambda x: np.signbit(x * 0.0 + 0.0) * 2.0,
    "of a sum": lambda x: np.arctan2((x * 0.0).sum() - 0.0, -1.0),
}


@pytest.mark.parametrize("shape", [(3,), (200, 3)], ids=str)
@pytest.mark.parametrize("f", SIGNS.values(), ids=SIGNS)
def test_the_sign_of_a_zero_is_kept_where_it_is_asked_for(f: Callable[[Any], Any], shape: tuple[int, ...]) -> None:
    compiled = ge.compile(f)
    for x in (np.resize([0.0, -0.0, -2.0], shape), np.full(shape, -0.0), np.full(shape, -1.5)):
        np.testing.assert_array_equal(compiled(x), f(x))
