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
