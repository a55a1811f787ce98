"""Elementwise ops and activations against PyTorch: values, first and second derivatives, random inputs, hard points."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from tests.against_torch import agree
from tests.support import normal

torch = pytest.importorskip("torch")
F = torch.nn.functional
nan, inf = math.nan, math.inf
NUMBERS = [inf, -inf, 0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1e-300, 30.0, -30.0, 800.0, -800.0]
EVERYWHERE = [nan, *NUMBERS]


def each(*names: str) -> list[Any]:
    return [under(name, name) for name in names]


def under(mine: str, theirs: Any, *hard: float, order: int = 2, tolerance: float = 1e-10) -> Any:
    return pytest.param(mine, theirs, [*hard] or EVERYWHERE, order, tolerance, id=mine)


UNARY = [
    *each("exp", "exp2", "expm1", "log2", "log10", "log1p", "rsqrt", "reciprocal", "square", "sqrt"),
    *each("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh"),
    *each("deg2rad", "rad2deg", "floor", "ceil", "trunc", "round", "nan_to_num", "sigmoid", "relu", "neg", "positive"),
    *each("erf", "erfc"),
    under("ln", "log"),
    # PyTorch's own trigamma is good to 1e-9 only, and its hardsigmoid divides by a float32 constant.
    under("lgamma", "lgamma", 0.5, 1.0, 2.0, 3.7, -0.5, -1.3, inf, tolerance=1e-8),
    under("digamma", "digamma", 0.5, 1.0, 2.0, 3.7, tolerance=1e-8),
    under("hardsigmoid", F.hardsigmoid, inf, -inf, 0.0, 3.0, -3.0, 2.9, -2.9, order=1, tolerance=1e-7),
    under("abs", "abs", 0.0, -0.0, 1.0, -2.0, inf, -inf),
    under("sign", "sign", 0.0, -0.0, 1.0, -2.0, inf, -inf),
    under("sinc", "sinc", 1.0, -2.0, 0.5, 2.0, 7.3),
    *(under(name, getattr(F, name)) for name in ("leaky_relu", "silu", "softplus", "logsigmoid", "gelu", "tanhshrink")),
    # At NaN the slope of these depends, in PyTorch, on where in the array it stands.
    *(under(name, getattr(F, name), *NUMBERS) for name in ("relu6", "hardtanh", "softshrink", "hardshrink")),
    *(under(name, getattr(F, name), nan, 1.0, -1.0, 800.0, -800.0, inf, -inf) for name in ("elu", "selu", "celu")),
    under("softsign", F.softsign, nan, 0.0, 1.0, -1.0, 1e300),
    under("mish", F.mish, nan, 0.0, 1.0, -1.0, 19.0, 30.0, -30.0, -700.0, inf, -inf),
    under("hardswish", F.hardswish, inf, 0.0, 3.0, -3.0, 2.9, -2.9, -4.0),
]


@pytest.mark.parametrize(("mine", "theirs", "hard", "order", "tolerance"), UNARY)
@np.errstate(all="ignore")
def test_functions_of_one_operand(mine: str, theirs: Any, hard: list[float], order: int, tolerance: float) -> None:
    theirs = getattr(torch, theirs) if isinstance(theirs, str) else theirs
    inside = 0.05 + 0.9 * np.random.default_rng(3).random((2, 3))
    if mine == "acosh":
        inside += 1.0
    for x in (inside, np.array(hard), np.zeros((0, 2)), inside[0, 0], np.zeros((2, 0, 3))):
        agree(getattr(ge, mine), theirs, x, order=order, tolerance=tolerance)


STATIC: list[tuple[Callable[..., Any], Callable[..., Any], list[float]]] = [
    (lambda x: ge.log(x, 2.0), lambda t: t.log() / math.log(2.0), [0.5, 3.0, 0.0, -1.0, inf]),
    (lambda x: ge.leaky_relu(x, 0.2), lambda t: F.leaky_relu(t, 0.2), EVERYWHERE),
    (lambda x: ge.leaky_relu(x, negative_slope=0.0), lambda t: F.leaky_relu(t, 0.0), [0.0, 1.0, -1.0]),
    (lambda x: ge.elu(x, alpha=2.0), lambda t: F.elu(t, 2.0), [nan, 1.0, -1.0, 800.0]),
    (lambda x: ge.celu(x, alpha=2.0), lambda t: F.celu(t, 2.0), [nan, 1.0, -1.0, 800.0]),
    (lambda x: ge.gelu(x, approximate="tanh"), lambda t: F.gelu(t, approximate="tanh"), [nan, 0.0, 1.0, -1.0, 9.0]),
    (lambda x: ge.softplus(x, 2.0, 3.0), lambda t: F.softplus(t, 2.0, 3.0), EVERYWHERE),
    (lambda x: ge.hardtanh(x, 0.0, 2.0), lambda t: F.hardtanh(t, 0.0, 2.0), [0.0, 1.0, 2.0, 3.0, -1.0]),
    (lambda x: ge.softshrink(x, 1.0), lambda t: F.softshrink(t, 1.0), NUMBERS),
    (lambda x: ge.hardshrink(x, lambd=1.0), lambda t: F.hardshrink(t, 1.0), NUMBERS),
    (lambda x: ge.threshold(x, 0.5, 9.0), lambda t: F.threshold(t, 0.5, 9.0), EVERYWHERE),
    (lambda x: ge.round(x, 1), lambda t: torch.round(t, decimals=1), [0.25, 0.35, 1.0]),
    (lambda x: x.clip(0.0, 1.0), lambda t: t.clamp(0.0, 1.0), EVERYWHERE),
    (lambda x: x.clip(min=0.5), lambda t: t.clamp(min=0.5), EVERYWHERE),
    (lambda x: x.clip(max=0.5), lambda t: t.clamp(max=0.5), EVERYWHERE),
    (lambda x: x.nan_to_num(nan=3.0, posinf=1.0), lambda t: t.nan_to_num(nan=3.0, posinf=1.0), EVERYWHERE),
    (lambda x: x**0.0, lambda t: t**0.0, [nan, 0.0, 2.0]),
    (lambda x: x**1, lambda t: t**1, EVERYWHERE),
    (lambda x: x**2, lambda t: t**2, EVERYWHERE),
    (lambda x: x**3.0, lambda t: t**3.0, [nan, 0.0, -0.0, 2.0, -2.0, inf]),
    (lambda x: x**0.5, lambda t: t**0.5, [0.0, -2.0, 4.0]),
    (lambda x: x**-1, lambda t: t**-1, [0.0, -2.0, 4.0]),
    (lambda x: x**2.5, lambda t: t**2.5, [0.0, -2.0, 4.0]),
    (lambda x: 2.0**x, lambda t: 2.0**t, [0.0, -2.0, 4.0, inf, nan]),
    (lambda x: (-2.0) ** x, lambda t: (-2.0) ** t, [0.0, 1.0, 2.0]),
    (lambda x: 2.0 - x, lambda t: 2.0 - t, EVERYWHERE),
    (lambda x: 2.0 / x, lambda t: 2.0 / t, EVERYWHERE),
    (lambda x: 0.0 / x, lambda t: 0.0 / t, [0.0, 1.0]),
    (lambda x: x / 0.0, lambda t: t / 0.0, [0.0, 1.0]),
    (lambda x: x % 3, lambda t: t % 3, [5.0, -5.0, 6.0]),
    (lambda x: 7.0 % x, lambda t: torch.tensor(7.0).remainder(t), [5.0, -5.0, 6.0]),
    (lambda x: ge.maximum(x, 0.5), lambda t: torch.maximum(t, torch.tensor(0.5)), EVERYWHERE),
    (lambda x: x.softmax(axis=0), lambda t: t.softmax(0), [-inf, 0.0]),
    (lambda x: x.softmax(axis=0), lambda t: t.softmax(0), [-inf, -inf]),
    (lambda x: x.softmax(axis=0), lambda t: t.softmax(0), [1000.0, 0.0, 999.0]),
    (lambda x: x.log_softmax(axis=0), lambda t: t.log_softmax(0), [-inf, 0.0]),
    (lambda x: x.log_softmax(axis=0), lambda t: t.log_softmax(0), [-inf, -inf]),
    (lambda x: x.log_softmax(axis=0), lambda t: t.log_softmax(0), [1000.0, 0.0, 999.0]),
    (lambda x: x.softmin(axis=0), lambda t: F.softmin(t, 0), [inf, 0.0]),
    (lambda x: x.glu(axis=0), lambda t: F.glu(t, 0), [1.0, 2.0, -800.0, 3.0]),
]


@pytest.mark.parametrize("i", range(len(STATIC)))
@np.errstate(all="ignore")
def test_functions_with_arguments(i: int) -> None:
    mine, theirs, hard = STATIC[i]
    agree(mine, theirs, np.array(hard))
    agree(mine, theirs, np.random.default_rng(i).random((2, 3)) + 0.05)


AXES: list[tuple[Callable[..., Any], Callable[..., Any]]] = [
    (lambda x: x.softmax(axis=1), lambda t: t.softmax(1)),
    (lambda x: x.log_softmax(axis=-1), lambda t: t.log_softmax(-1)),
    (lambda x: x.softmin(axis=0), lambda t: F.softmin(t, 0)),
    (lambda x: x.glu(axis=1), lambda t: F.glu(t, 1)),
]


@pytest.mark.parametrize("i", range(len(AXES)))
@pytest.mark.parametrize("shape", [(2, 4, 3), (3, 2, 1), (0, 2, 2)])
def test_functions_along_an_axis(i: int, shape: tuple[int, ...]) -> None:
    agree(*AXES[i], normal(*shape))


def pairs(*rows: tuple[float, float]) -> list[tuple[float, float]]:
    return [*rows]


BINARY: list[tuple[str, Any, list[tuple[float, float]]]] = [
    ("add", torch.add, pairs((inf, -inf), (nan, 1))),
    ("sub", torch.sub, pairs((inf, inf), (nan, 1))),
    ("mul", torch.mul, pairs((inf, 0), (nan, 1))),
    ("div", torch.div, pairs((1, 0), (0, 0), (-1, 0), (inf, inf), (3, -2))),
    ("pow", torch.pow, pairs((0, 0), (0, -1), (-2, 2), (2, 3), (-2, 0.5))),
    ("maximum", torch.maximum, pairs((nan, 1), (1, nan), (0, 0), (2, 3), (inf, inf), (-inf, 0))),
    ("minimum", torch.minimum, pairs((nan, 1), (1, nan), (0, 0), (2, 3), (inf, inf), (-inf, 0))),
    ("fmax", torch.fmax, pairs((nan, 1), (1, nan), (0, 0), (2, 3), (nan, nan))),
    ("fmin", torch.fmin, pairs((nan, 1), (1, nan), (0, 0), (2, 3), (nan, nan))),
    ("atan2", torch.atan2, pairs((3, 4), (inf, 1), (1, 0), (0, 1), (-0.0, -1))),
    ("hypot", torch.hypot, pairs((0, 0), (3, 4), (inf, 1), (0, 2))),
    ("logaddexp", torch.logaddexp, pairs((3, 4), (1000, 1000), (nan, 1))),
    ("logaddexp2", torch.logaddexp2, pairs((3, 4), (1000, 1000), (nan, 1))),
    ("xlogy", torch.xlogy, pairs((3, 4), (0, 4), (-1, 2), (2, -1))),
    ("fmod", torch.fmod, pairs((5, 3), (-5, 3), (5, -3), (6, 3), (1, 0), (nan, 1), (inf, 2))),
    ("remainder", torch.remainder, pairs((5, 3), (-5, 3), (5, -3), (6, 3), (nan, 1), (inf, 2))),
]


@pytest.mark.parametrize(("mine", "theirs", "hard"), BINARY, ids=[row[0] for row in BINARY])
@np.errstate(all="ignore")
def test_functions_of_two_operands(mine: str, theirs: Any, hard: list[tuple[float, float]]) -> None:
    ours = getattr(ge, mine)
    agree(ours, theirs, *np.array(hard, dtype=float).T)
    rng = np.random.default_rng(4)
    shapes: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
        ((2, 3), (2, 3)), ((), (2, 3)), ((1, 4), (3, 2, 4)), ((1, 5), (1, 4, 1)), ((0, 3), (1, 3)), ((), ()),
    ]  # fmt: skip
    for x, y in shapes:
        agree(ours, theirs, 0.3 + rng.random(x), 0.3 + rng.random(y))
    agree(lambda x: ours(x, x), lambda t: theirs(t, t), np.array([0.7, 1.3]))


# The first derivative alone: beyond it PyTorch differentiates the branch it did not take, and gets NaN.
FIRST: list[tuple[Callable[..., Any], Callable[..., Any], list[tuple[float, ...]]]] = [
    (ge.arctan2, torch.atan2, [(0.0, 0.0)]),
    (ge.sinc, torch.sinc, [(0.0,), (1e-4,)]),
    (ge.logaddexp, torch.logaddexp, [(inf, 1.0), (-inf, 1.0), (1.0, 1000.0), (1000.0, 1.0), (-inf, -inf), (inf, inf)]),
    (ge.logaddexp2, torch.logaddexp2, [(inf, 1.0), (-inf, 1.0), (1.0, 2000.0), (inf, inf)]),
    (ge.xlogy, torch.xlogy, [(0.0, 0.0), (0.0, nan), (0.0, -1.0)]),
    (ge.pow, torch.pow, [(0.0, 0.0), (0.0, 2.0), (0.0, -1.0), (0.0, 0.5), (2.0, 0.0)]),
    (lambda x: 0.0**x, lambda t: 0.0**t, [(0.0,), (1.0,), (2.0,), (-1.0,)]),
    (ge.elu, F.elu, [(0.0,), (-0.0,)]),
    (ge.selu, F.selu, [(0.0,), (-0.0,)]),
    (ge.celu, F.celu, [(0.0,), (-0.0,)]),
    (lambda x: ge.elu(x, 2.0), lambda t: F.elu(t, 2.0), [(0.0,)]),
    (ge.mish, F.mish, [(800.0,), (-800.0,)]),
    (ge.clip, torch.clamp, [(nan, 0, 1), (0, 0, 1), (1, 0, 1), (2, 0, 1), (-1, 0, 1), (0.5, 0, -1), (0.5, nan, 1)]),
    (ge.prelu, F.prelu, [(nan, 0.25), (0.0, 0.25), (1.0, 0.25), (-1.0, 0.25)]),
]


@pytest.mark.parametrize("i", range(len(FIRST)))
@np.errstate(all="ignore")
def test_first_derivative_where_the_second_differs(i: int) -> None:
    mine, theirs, hard = FIRST[i]
    for row in hard:
        agree(mine, theirs, *(np.array([value], dtype=float) for value in row), order=1)


@np.errstate(all="ignore")
def test_second_derivatives_that_torch_loses() -> None:
    """Where the mathematics is plain and PyTorch says NaN, or something else on the other side of a kink."""

    def second(f: Callable[..., Any], at: float) -> float:
        x = ge.tensor(at, requires_grad=True)
        return float(ge.grad(ge.grad(f(x), x, create_graph=True), x))

    assert second(ge.sinc, 0.0) == pytest.approx(-(math.pi**2) / 3, rel=1e-14)
    assert second(ge.elu, 0.0) == 1.0  # the slope at 0 is the left one, so is the slope's slope
    assert second(lambda x: ge.logaddexp(x, 1.0), -inf) == 0.0
    assert second(lambda x: ge.logaddexp(x, 1.0), 900.0) == 0.0


def test_an_inactive_unit_passes_nothing() -> None:
    """Selecting, not multiplying: where the slope is 0, an infinite or undefined gradient stops."""
    for name in ("relu", "relu6", "hardtanh", "hardsigmoid", "hardswish", "sign", "floor", "round"):
        x = ge.tensor([-4.0, -4.0], requires_grad=True)
        getattr(ge, name)(x).backward(np.array([inf, nan]))
        assert x.grad.tolist() == [0.0, 0.0], name


def test_bounds_with_a_dtype() -> None:
    x = ge.tensor([-3.0, 0.05, 0.2], requires_grad=True, dtype=np.float32)
    for low, high in ((0.1, 0.3), (np.float64(0.1), np.float64(0.3)), (ge.tensor(0.1), ge.tensor(0.3))):
        (slope,) = ge.grad(ge.hardtanh(x, low, high).sum(), [x])
        assert slope.tolist() == [0.0, 0.0, 1.0]


def test_masks_and_branches() -> None:
    mask = np.array([[True, False, True], [False, False, True]])
    choice = torch.tensor(mask)
    agree(lambda x, v: x.masked_fill(mask, v), lambda t, v: t.masked_fill(choice, v), normal(2, 3), 0.5)
    agree(lambda x, y: ge.where(mask, x, y), lambda t, u: torch.where(choice, t, u), normal(2, 3), normal(3))
    x = ge.tensor([0.0, 4.0], requires_grad=True)
    y = ge.tensor([nan, inf], requires_grad=True)
    ge.where(np.array([True, False]), x, y).backward(np.array([nan, inf]))
    assert x.grad.tolist()[1] == 0 and y.grad.tolist()[0] == 0


def test_prelu_by_channel() -> None:
    for shape, weight in [((2, 3), (3,)), ((2, 3, 2, 2), (3,)), ((2, 3, 4), (1,)), ((0, 3), (3,))]:
        agree(ge.prelu, F.prelu, normal(*shape), np.abs(normal(*weight)))


def test_heaviside_has_the_value_of_torch() -> None:
    x, y = [1.0, 0.0, -0.0, -2.0], [2.0, 3.0, 4.0, 5.0]
    expected = torch.heaviside(torch.tensor(x), torch.tensor(y))
    np.testing.assert_array_equal(ge.heaviside(x, y).data, expected.numpy())
