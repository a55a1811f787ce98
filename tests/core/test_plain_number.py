"""A tensor with a history that becomes a plain number: an error inside a derivative, a warning outside."""

from __future__ import annotations

import array
import cmath
import contextlib
import logging
import math
import struct
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.core.tensor import Tensor
from tests.core.graphs import leaf


def into(write: Callable[[np.ndarray, Any], Any]) -> Callable[[Tensor], Any]:
    """A program that writes a number of its argument into a NumPy array."""

    def program(p: Tensor) -> Any:
        res = np.zeros(3)
        write(res, p[1] * p[0])
        return ge.tensor(res).sum() + p.sum()

    return program


# Each turns a tensor into a number, in the hands of Python or of NumPy.
NUMBERS: dict[str, Callable[[Tensor], Any]] = {
    "an element": into(lambda res, t: res.__setitem__(1, t)),
    "an element of a matrix": into(lambda res, t: res.reshape(1, 3).__setitem__((0, 1), t)),
    "an element by flat": into(lambda res, t: res.flat.__setitem__(1, t)),
    "fill": into(lambda res, t: res.fill(t)),
    "fromiter": lambda p: np.fromiter((x for x in p), float).sum() * p.sum(),
    "float": lambda p: float(p[0]) * p.sum(),
    "int": lambda p: int(p[0]) * p.sum(),
    "complex": lambda p: complex(p[0]).real * p.sum(),
    "math": lambda p: math.exp(p[0]) * p.sum(),
    "math of two": lambda p: math.hypot(p[0], 2.0) * p.sum(),
    "math.floor": lambda p: math.floor(p[0]) * p.sum(),
    "math.fsum": lambda p: math.fsum(p) * p.sum(),
    "cmath": lambda p: cmath.exp(p[0]).real * p.sum(),
    "struct": lambda p: struct.unpack("d", struct.pack("d", p[0]))[0] * p.sum(),
    "array.array": lambda p: array.array("d", p)[0] * p.sum(),
    "int array": lambda p: np.zeros(2, int).__setitem__(0, p[0]) or p.sum(),
}
# These were errors before, and their text puts the ways first that keep the gradient.
ARRAYS: dict[str, Callable[[Tensor], Any]] = {
    "slice": into(lambda res, t: res.__setitem__(slice(0, 1), t)),
    "mask": into(lambda res, t: res.__setitem__(res == 0, t)),
    "put": into(lambda res, t: res.put(0, t)),
    "np.put": into(lambda res, t: np.put(res, 0, t)),
    "copyto": into(np.copyto),
    "place": into(lambda res, t: np.place(res, res == 0, t)),
    "full": lambda p: np.full(3, p[0]),
    "float64": lambda p: np.float64(p[0]),
    "array of a list": lambda p: np.array([p[0], p[1]]),
    "asarray": lambda p: np.asarray(p),
    "appended": lambda p: np.array([x * 2 for x in p]).sum(),
    "tensor of a list": lambda p: ge.tensor([p[0], p[1]]),
}
SILENT: dict[str, Callable[[Tensor], Any]] = {
    "item": lambda p: p[0].item(),
    "list of a detached tensor": lambda p: p.detach().tolist(),
    "f-string": lambda p: f"{p[0]:.3f} {p}",
    "percent": lambda p: "%.3f %d %s" % (p[0], p[1], p),  # noqa: UP031
    "percent of bytes": lambda p: b"%.1f" % p[0],
    "format": lambda p: "{:.2f}".format(p[0]),  # noqa: UP032
    "logging": lambda p: logging.getLogger("x").makeRecord("x", 20, "f", 1, "%.2f", (p[0],), None).getMessage(),
    "str": str,
    "comparison": lambda p: p[0] < 1 or bool(p[0] > 2) or max(p) is p[2],
    "truth": lambda p: bool(p[0]),
    "round": lambda p: round(p[0], 1),
    "detached": lambda p: float(p[0].detach()),
    "without recording": lambda p: float_without_recording(p),
}
DERIVATIVES: dict[str, Callable[..., Any]] = {
    "grad": ge.grad,
    "value_and_grad": ge.value_and_grad,
    "jacobian": ge.jacobian,
    "jacobian by columns": lambda f, x: ge.jacobian(f, x, by="columns"),
    "hessian": ge.hessian,
    "vjp": ge.vjp,
    "jvp": lambda f, x: ge.jvp(f, x, np.ones(3)),
    "hvp": lambda f, x: ge.hvp(f, x, np.ones(3)),
    "grad, curried": lambda f, x: ge.grad(f)(x),
}


def float_without_recording(p: Tensor) -> float:
    with ge.no_grad():
        return float(p[0])


@pytest.mark.parametrize("derivative", DERIVATIVES.values(), ids=DERIVATIVES)
@pytest.mark.parametrize("program", NUMBERS.values(), ids=NUMBERS)
def test_a_number_of_a_tensor_is_an_error_where_a_derivative_is_taken(
    program: Callable[[Tensor], Any], derivative: Callable[..., Any]
) -> None:
    with pytest.raises(ge.GraphError) as caught:
        derivative(program, np.array([0.5, 1.5, 2.5]))
    text = str(caught.value)
    assert "test_plain_number.py:" in text
    assert all(way in text for way in ("stack(", "concat(", "ge.zeros(", "np.exp(t)"))
    assert float(ge.tensor(1.0)) == 1.0  # and the mode is as it was
    assert ge.core.grad_mode.current_mode().differentiating is None


@pytest.mark.filterwarnings("always::grad_engine.LostHistoryWarning")
@pytest.mark.parametrize("program", NUMBERS.values(), ids=NUMBERS)
def test_a_number_of_a_tensor_is_a_warning_elsewhere(program: Callable[[Tensor], Any]) -> None:
    with pytest.warns(ge.LostHistoryWarning, match="stack") as seen:
        program(leaf([0.5, 1.5, 2.5]))
    assert all(each.filename == __file__ for each in seen)


@pytest.mark.parametrize("program", ARRAYS.values(), ids=ARRAYS)
def test_what_would_be_an_array_is_an_error_that_names_what_keeps_the_gradient_first(
    program: Callable[[Tensor], Any],
) -> None:
    with pytest.raises(ge.GradEngineError) as caught:
        program(leaf([0.5, 1.5, 2.5]))
    text = str(caught.value)
    assert "stack(" in text and text.find("stack(") < (text.find("detach") % 10_000)


@pytest.mark.parametrize("program", SILENT.values(), ids=SILENT)
def test_what_says_what_it_does_is_silent_everywhere(program: Callable[[Tensor], Any]) -> None:
    program(leaf([0.5, 1.5, 2.5]))

    def f(p: Tensor) -> Tensor:
        program(p)
        return (p * p).sum()

    np.testing.assert_array_equal(ge.grad(f, np.array([0.5, 1.5, 2.5])), [1.0, 3.0, 5.0])


def test_it_warns_once_a_line() -> None:
    x = leaf(1.0)
    with warnings.catch_warnings(record=True) as seen:
        warnings.resetwarnings()
        for _ in range(3):
            float(x)
        float(x)
    assert len(seen) == 2 and len({each.lineno for each in seen}) == 2


def test_a_program_may_fall_back_on_a_number_itself() -> None:
    def f(p: Tensor) -> Tensor:
        try:
            factor = math.exp(p[0])
        except ge.GraphError:
            factor = math.exp(p[0].item())
        return p.sum() * factor

    np.testing.assert_array_equal(ge.grad(f, np.zeros(2)), [1.0, 1.0])


def test_an_error_that_has_nothing_to_do_with_it_is_not_replaced() -> None:
    def f(p: Tensor) -> Tensor:
        with contextlib.suppress(ge.GraphError):
            math.exp(p[0])
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ge.grad(f, np.zeros(2))


@pytest.mark.parametrize("sign", ["+", "-", "*", "/", "@", "**"])
def test_an_array_changed_in_place_by_a_tensor_is_told_the_operator(sign: str) -> None:
    y, t = np.eye(3), leaf(np.eye(3))
    with pytest.raises(ge.ArgumentError, match="write y = y ") as caught:
        exec(f"y {sign}= t")
    assert f"write y = y {sign} t" in str(caught.value) and "t.data" in str(caught.value)
    y += t.data
    np.testing.assert_array_equal(y, 2 * np.eye(3))


@pytest.mark.parametrize("keyword", ["dtype", "where", "casting", "order"])
def test_keywords_of_ufuncs_are_refused_by_name(keyword: str) -> None:
    value: Any = {"dtype": np.float32, "where": np.array([True, False]), "casting": "unsafe", "order": "F"}[keyword]
    with pytest.raises(ge.ArgumentError, match=f"np.multiply cannot take {keyword}="):
        np.multiply(leaf([1.0, 2.0]), 2, **{keyword: value})
