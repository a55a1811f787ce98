"""Value: the derivatives of the smallest engines, held to central differences."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

import grad_engine as ge
from grad_engine.errors import ArgumentError

FUNCTIONS: dict[str, Callable[..., ge.Value]] = {
    "sum": lambda a, b: a + b + 1,
    "difference": lambda a, b: 2 - a - b,
    "product": lambda a, b: a * b * 3,
    "quotient": lambda a, b: a / b + 1 / a,
    "power": lambda a, b: a**3 + a**b + 2**b,
    "neg": lambda a, b: -(a * b),
    "relu": lambda a, b: (a - b).relu() + (b - a).relu(),
    "tanh": lambda a, b: (a * b).tanh(),
    "exp": lambda a, b: (a - b).exp() * a,
    "log": lambda a, b: (a * b).log(),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_are_those_of_central_differences(name: str) -> None:
    f, at, step = FUNCTIONS[name], (1.3, 0.7), 1e-6
    a, b = ge.Value(at[0]), ge.Value(at[1])
    f(a, b).backward()
    for k, value in enumerate((a, b)):
        up, down = ([x + sign * step * (i == k) for i, x in enumerate(at)] for sign in (1, -1))
        slope = (f(*map(ge.Value, up)).data - f(*map(ge.Value, down)).data) / (2 * step)
        assert math.isclose(value.grad, slope, rel_tol=1e-6, abs_tol=1e-8)


def test_results_keep_their_gradient_and_gradients_add_up_until_set_to_zero() -> None:
    a, b = ge.Value(2), ge.Value(-3)
    c = a * b
    d = c + a
    d.backward()
    assert (d.grad, c.grad, a.grad, b.grad) == (1.0, 1.0, -2.0, 2.0)
    d.backward()
    assert a.grad == -4.0
    a.grad = 0
    assert a.grad == 0.0


def test_a_value_can_be_trained_in_a_plain_loop() -> None:
    w = ge.Value(0)
    for _ in range(50):
        w.grad = 0
        loss = (w * 2 - 3) ** 2
        loss.backward()
        w.data -= 0.05 * w.grad
    assert math.isclose(w.data, 1.5, rel_tol=1e-4)


def test_what_is_no_number_is_refused() -> None:
    for data in ([1.0], "1", None, True):
        with pytest.raises(ArgumentError, match="a Value holds one int or float"):
            ge.Value(data)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        ge.Value(1) + "1"  # type: ignore[operator]


def test_a_value_is_shown_as_a_tensor_is() -> None:
    a = ge.Value(2, name="a")
    z = a * a
    z.backward()
    record = ge.record_graph(z.tensor)
    assert [record.by_id[each.leaf].name for each in record.accumulators] == ["a"]
