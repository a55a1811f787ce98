"""check_gradients: silent where derivatives are right, and helpful where they are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import grad_engine as ge


class Wrong(ge.Function):
    """x * x * y, whose backward is what `rules` make of g, x and y."""

    rules: tuple[Any, Any]

    @staticmethod
    def forward(ctx: Any, x: Any, y: Any) -> Any:
        ctx.save_for_backward(x, y)
        return x * x * y

    @classmethod
    def backward(cls, ctx: Any, g: Any) -> Any:
        return tuple(rule(g, *ctx.saved_tensors) for rule in cls.rules)


def right_x(g: Any, x: Any, y: Any) -> Any:
    return g * 2 * x * y


def right_y(g: Any, x: Any, y: Any) -> Any:
    return g * x * x


XS = np.linspace(0.5, 2.0, 6).reshape(2, 3), np.linspace(-1.0, 3.0, 6).reshape(2, 3)


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (
            (lambda g, x, y: g * x * y, right_y),
            r"by input 0 \(shape \(2, 3\)\) is wrong: .* 6 of its 6 entries are off by a factor of 0.5,",
        ),
        ((right_x, lambda g, x, y: -g * x * x), r"by input 1 .* by a factor of -1"),
        (
            (right_x, lambda g, x, y: g * ge.where(ge.arange(6).reshape(2, 3) == 4, 0.0, x * x)),
            r"by input 1 .* 1 of its 6 entries is off by a factor of -?0, most at \[1, 1\]: -?0 instead",
        ),
        ((lambda g, x, y: g * y, lambda g, x, y: g * x), r"by input 0 .*; so is that by input 1\Z"),
        ((lambda g, x, y: (g * 2 * x * y).detach(), right_y), r"the second derivative by input 0 .* is wrong"),
        ((lambda g, x, y: None, right_y), r"by input 0 .* by a factor of 0"),
        (
            (lambda g, x, y: g * np.nan, right_y),
            r"by input 0 .* is nan, .* 6 of its 6 entries are off, most at \[0, 0\]",
        ),
    ],
    ids=["factor", "sign", "one entry", "both", "second order", "nothing", "NaN"],
)
def test_what_is_wrong_is_said_and_where(rules: Any, words: str) -> None:
    wrong = type("Wrong", (Wrong,), {"rules": rules})
    with pytest.raises(AssertionError, match=words):
        ge.check_gradients(wrong.apply, XS, order=2)


def test_what_is_right_passes_to_any_order() -> None:
    right = type("Right", (Wrong,), {"rules": (right_x, right_y)})
    ge.check_gradients(right.apply, XS, order=3)
    ge.check_gradients(lambda x: ge.tensor(2.0) + 0 * x.sum(), [np.ones(3)], order=3)
    ge.check_gradients(lambda x: ge.tensor([1.0, 2.0]), [np.ones(3)], order=2)


def test_large_and_lone_inputs_are_told_without_entries() -> None:
    wrong = type("Wrong", (Wrong,), {"rules": (lambda g, x, y: g * x * y, right_y)})
    for shape in ((), (1001,)):
        with pytest.raises(AssertionError, match=r"by input 0 .* central differences give [\d.e+-]+\Z"):
            ge.check_gradients(wrong.apply, [np.full(shape, 1.5), np.full(shape, 2.0)])


@pytest.mark.parametrize("kind", [tuple, list, lambda parts: {"out": [*parts]}])
def test_functions_of_several_results_are_checked_as_a_whole(kind: Any) -> None:
    right = type("Right", (Wrong,), {"rules": (right_x, right_y)})
    wrong = type("Wrong", (Wrong,), {"rules": (right_x, lambda g, x, y: g * x)})
    ge.check_gradients(lambda x, y: kind([x.sum(), right.apply(x, y), x.argmax(), 3.0]), XS, order=2)
    with pytest.raises(AssertionError, match="by input 1"):
        ge.check_gradients(lambda x, y: kind([x.sum(), wrong.apply(x, y)]), XS)
    ge.check_gradients(ge.linalg.lu, [np.array([[2.0, 1.0], [1.0, 3.0]])], order=2)
    with pytest.raises(ge.ArgumentError, match="without a floating-point number"):
        ge.check_gradients(lambda x: (x.argmax(),), [np.ones(2)])


@pytest.mark.parametrize("second", [np.ones(2), 2.0, [1.0]])
def test_inputs_that_are_no_list_are_refused_in_words(second: Any) -> None:
    with pytest.raises(ge.ArgumentError, match=r"takes all inputs as one list, check_gradients\(f, \[a, b\]\)"):
        ge.check_gradients(lambda x, y: x * y, np.ones(2), second)
