"""What Python looks at cannot be compiled: TraceError says what was asked, on which line, and the way out."""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import grad_engine as ge

V = np.linspace(0.1, 1.0, 6)
KEPT: list[Any] = []


class Counter:
    def __init__(self) -> None:
        self.count = 0
        self.last: Any = None

    def step(self, x: Any) -> Any:
        self.count += 1
        return x * 2.0


class Remembering:
    def step(self, x: Any) -> Any:
        self.hidden = x * 2.0
        return x


def until_small(x: Any) -> Any:
    while np.abs(x).max() > 0.01:
        x = x * 0.5
    return x


def into_an_array(x: Any) -> Any:
    out = V.copy()
    out[0] = x[0]
    return out


@functools.cache
def cached(x: Any) -> Any:
    return x * 2


def keeps(x: Any) -> Any:
    KEPT.append(x * 2.0)
    return x


# what Python is asked for -> (a function of an array, what the message says)
LOOKED_AT: dict[str, tuple[Callable[[Any], Any], str]] = {
    "if": (lambda x: x * 2 if x.sum() > 0 else x, r"np\.where"),
    "while": (until_small, r"ge\.scan"),
    "if of a loss": (lambda x: ge.value_and_grad(lambda x: (x * x).sum() if x[0] > 0 else x.sum(), x), r"np\.where"),
    "float": (lambda x: float(x.sum()), "leave it an array"),
    "int": (lambda x: x[: int(x[0])], "leave it an array"),
    "index": (lambda x: x[x.argmax() :], "static_argnames"),
    "item": (lambda x: x.sum().item(), "return it and call item"),
    "tolist": (lambda x: x.tolist(), "return it and call tolist"),
    "format": (lambda x: f"{x.sum():.2f}", "format it outside"),
    "range": (lambda x: list(range(x.argmax())), "static_argnames"),
    "math": (lambda x: math.sin(x), "leave it an array"),
    "if of a number made of an array": (lambda x: x if math.sin(x[0]) > 0 else -x, r"np\.where"),
    "sorted": (lambda x: sorted(x), r"np\.where"),
    "max": (lambda x: max(x[0], x[1]), r"np\.where"),
    "and": (lambda x: x[0] > 0 and x[1], r"np\.where"),
    "a key": (lambda x: {x.sum(): 1}, "static_argnames"),
    "a cache": (lambda x: cached(x.sum()), "static_argnames"),
    "a seeded shuffle": (lambda x: np.random.default_rng(0).shuffle(x * 2), "make the generator outside"),
    "a seeded draw": (lambda x: np.random.default_rng(0).normal(x), "make the generator outside"),
    "objects": (lambda x: np.frompyfunc(abs, 1, 1)(x), "no program of arrays can hold"),
    "a loss compared": (lambda x: ge.tensor(x).sum() < 1 and x, r"np\.where"),
    "bool of a tensor": (lambda x: x if bool(ge.from_numpy(x).sum()) else -x, r"np\.where"),
}  # fmt: skip


@pytest.mark.parametrize(("f", "way_out"), LOOKED_AT.values(), ids=LOOKED_AT)
def test_a_value_that_python_looks_at_is_refused(f: Callable[[Any], Any], way_out: str) -> None:
    with pytest.raises(ge.TraceError, match=way_out):
        ge.compile(f)(V)
    assert not isinstance(V, ge.Tensor) and V.flags.writeable  # and nothing is left changed


def test_the_message_names_the_line_of_the_user() -> None:
    with pytest.raises(ge.TraceError) as caught:
        ge.compile(until_small)(V)
    line = until_small.__code__.co_firstlineno + 1
    assert f"at line {line} of test_refusals.py" in str(caught.value)


def generator_states() -> Any:
    """What the process's own generators would draw next."""
    numpy = np.random.get_state(legacy=False)  # noqa: NPY002
    return numpy["state"]["key"].tolist(), numpy["state"]["pos"], random.getstate()  # type: ignore[call-overload]


def unseeded(x: Any) -> Any:
    return x + np.random.default_rng().normal(size=6)


def global_numpy(x: Any) -> Any:
    return x + np.random.normal(size=6)  # noqa: NPY002


def global_python(x: Any) -> Any:
    return x + random.random()


@pytest.mark.parametrize("f", [unseeded, global_numpy, global_python], ids=lambda f: f.__name__)
def test_random_numbers_without_a_generator_are_refused(f: Callable[[Any], Any]) -> None:
    before = generator_states()
    with pytest.raises(ge.TraceError, match="outside"):
        ge.compile(f)(V)
    assert generator_states() == before


def test_what_a_function_changes_outside_is_refused() -> None:
    counter = Counter()
    with pytest.raises(ge.TraceError, match="count"):
        ge.compile(counter.step)(V)
    assert counter.count == 0
    with pytest.raises(ge.TraceError, match="hidden"):
        ge.compile(Remembering().step)(V)
    with pytest.raises(ge.TraceError, match="return what is to be kept"):
        ge.compile(keeps)(V)


def test_writing_traced_values_into_an_array_that_was_not_traced_is_refused() -> None:
    with pytest.raises(ge.TraceError, match=r"write y = "):
        ge.compile(lambda x: np.add(x, 1, out=np.frombuffer(bytearray(48))))(V)


def test_a_value_that_outlives_its_trace_is_refused() -> None:
    held: list[Any] = [None]

    def f(x: Any) -> Any:
        held[0] = x * 2.0
        return x

    compiled = ge.compile(f)
    compiled(V)  # replaced in the list at each run
    np.testing.assert_array_equal(held[0], V * 2.0)
    compiled(V * 3.0)
    np.testing.assert_array_equal(held[0], V * 6.0)


def test_a_tensor_with_history_from_outside_is_refused() -> None:
    x = ge.tensor(V, requires_grad=True)
    hidden = x * 2
    with pytest.raises(ge.TraceError, match="hidden"):
        ge.compile(lambda y: y + hidden)(V)


def test_the_type_of_what_stands_for_an_array_is_that_of_the_array() -> None:
    """type() is a builtin, which a stand-in cannot answer: the trace has one of its own for the user's functions."""

    def f(x: Any, k: Any) -> Any:
        kinds = (type(x) is np.ndarray, type(x[0]) is np.float64, type(k) is float, int is int)
        made: Any = type("Made", (), {"factor": 2.0})
        assert isinstance(int, type) and isinstance(made, type) and not isinstance(x, type)
        return x * k * made.factor if all(kinds) else x

    np.testing.assert_array_equal(ge.compile(f)(V, 2.0), V * 4.0)
    assert "type" not in globals() and type(V) is np.ndarray


def test_names_that_are_no_arguments_are_refused() -> None:
    with pytest.raises(ge.ArgumentError, match="'m'"):
        ge.compile(lambda x, n: x * n, static_argnames="m")
    with pytest.raises(ge.ArgumentError, match="takes a function"):
        ge.compile(3.0)
