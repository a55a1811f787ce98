"""What changes between two calls is seen: hooks, settings of the engine, generators, modules, orders, code.

Each case is a function that makes a fresh thing: (a function of an array, what changes between its calls). Eager mode
and the compiled function each get one, and have to agree before and after every change.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine import nn

X = np.array([0.5, -1.0, 2.0])
Made = tuple[Callable[[Any], Any], list[Callable[[], Any]]]


def forward_hook() -> Made:
    layer, handles = nn.Linear(3, 2, seed=0), []
    add = lambda: handles.append(layer.register_forward_hook(lambda module, x, out: out * 10.0))  # noqa: E731
    return (lambda x: layer(x).detach()), [add, lambda: handles[0].remove()]


def hook_before() -> Made:
    layer, handles = nn.Linear(3, 2, seed=0), []
    add = lambda: handles.append(layer.register_forward_pre_hook(lambda module, x: (x[0] * 10.0,)))  # noqa: E731
    return (lambda x: layer(x).detach()), [add, lambda: handles[0].remove()]


def hook_of_a_leaf() -> Made:
    w, handles = ge.tensor(np.ones(3), requires_grad=True), []
    scale = np.array(10.0)

    def f(x: Any) -> Any:
        w.grad = None
        (w * w * x).sum().backward()
        return w.grad

    add = lambda: handles.append(w.register_hook(lambda g: g * scale))  # noqa: E731
    return f, [add, lambda: scale.fill(3.0), lambda: handles[0].remove()]


def hook_of_a_layer() -> Made:
    layer, handles = nn.Linear(3, 2, seed=0), []

    def f(x: Any) -> Any:
        layer.zero_grad()
        x = ge.tensor(x, requires_grad=True)
        (layer(x) ** 2).sum().backward()
        return x.grad

    def add() -> None:
        handles.append(layer.register_full_backward_hook(lambda module, given, out: (given[0] * 10.0,)))

    return f, [add, lambda: handles[0].remove()]


def default_dtype() -> Made:
    f = lambda x: ge.zeros(3) + ge.tensor([1.0, 2.0, 3.0])  # noqa: E731
    return f, [lambda: ge.set_default_dtype(np.float32), lambda: ge.set_default_dtype(np.float64)]


def random_tensors() -> Made:
    ge.manual_seed(1)
    f = lambda x: [ge.randn(3) * x, ge.rand(2), ge.randint(0, 9, (4,)), ge.bernoulli(ge.tensor([0.5] * 4))]  # noqa: E731
    return f, [lambda: None, lambda: ge.manual_seed(1), lambda: None]


def random_tensors_of_a_generator() -> Made:
    generator = ge.Generator().manual_seed(1)
    f = lambda x: ge.randn(3, generator=generator) * x  # noqa: E731
    return f, [lambda: None, lambda: generator.manual_seed(1), lambda: None]


def module_in_a_closure() -> Made:
    module: Any = ModuleType("settings_of_mine")
    module.rate, module.w = 2.0, np.ones(3)
    f = lambda x: x * module.rate + module.w  # noqa: E731
    return f, [lambda: setattr(module, "rate", 3.0), lambda: module.w.fill(7.0), lambda: setattr(module, "w", X)]


IMPORTING = """
def f(x):
    import settings_of_this_test as settings
    from settings_of_this_test import rate
    return x * rate + settings.w
"""


def module_imported_inside() -> Made:
    module: Any = ModuleType("settings_of_this_test")
    module.rate, module.w = 2.0, np.ones(3)
    sys.modules["settings_of_this_test"] = module
    made: dict[str, Any] = {}
    exec(IMPORTING, made)
    return made["f"], [
        lambda: setattr(module, "rate", 3.0),
        lambda: module.w.fill(7.0),
        lambda: setattr(module, "w", X),
    ]


def order_of_a_dict() -> Made:
    rates = {"a": 1.0, "b": 2.0}
    return (lambda x: x * next(iter(rates.values()))), [lambda: rates.update(a=rates.pop("a"))] * 3


def names_of_a_dict() -> Made:
    rates = {"a": 1.0, "b": 2.0}
    return (lambda x: x * len([key for key in rates if key < "b"])), [lambda: rates.update(c=rates.pop("a"))]


def code_of_a_function() -> Made:
    def by(x: Any) -> Any:
        return x * 2.0

    return (lambda x: by(x)), [lambda: setattr(by, "__code__", (lambda x: x - 5.0).__code__)]


CHANGING: dict[str, Callable[[], Made]] = {
    f.__name__: f
    for f in (
        forward_hook, hook_before, hook_of_a_leaf, hook_of_a_layer, default_dtype, random_tensors,
        random_tensors_of_a_generator, module_in_a_closure, module_imported_inside, order_of_a_dict, names_of_a_dict,
        code_of_a_function,
    )
}  # fmt: skip


def outputs(make: Callable[[], Made], compiled: bool) -> list[Any]:
    f, changes = make()
    f = ge.compile(f, exact=True) if compiled else f
    found = [f(X)]
    try:
        for change in changes:
            change()
            found += [f(X), f(X)]
    finally:
        ge.set_default_dtype(np.float64)
        sys.modules.pop("settings_of_this_test", None)
    return [part for each in found for part in (each if isinstance(each, list) else [each])]


@pytest.mark.parametrize("make", CHANGING.values(), ids=CHANGING)
def test_what_changes_between_calls_is_seen(make: Callable[[], Made]) -> None:
    expected = outputs(make, False)
    for one, other in zip(outputs(make, True), expected, strict=True):
        assert type(one) is type(other)
        one, other = (np.asarray(each.detach() if isinstance(each, ge.Tensor) else each) for each in (one, other))
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def test_seeding_inside_is_refused() -> None:
    with pytest.raises(ge.TraceError, match="a program does not seed"):
        ge.compile(lambda x: [ge.manual_seed(0), ge.randn(3) * x][1])(X)


# --- errors that are caught, and np.errstate() ----------------------------------------------------------------------


def factor_or_zeros(x: Any) -> Any:
    try:
        return np.linalg.cholesky(np.diag(x))
    except np.linalg.LinAlgError:
        return np.zeros((3, 3))


def inverse_or_zeros(x: Any) -> Any:
    try:
        with np.errstate(divide="raise"):
            return 1.0 / x
    except FloatingPointError:
        return x * 0.0


def test_an_error_of_numbers_that_is_caught_does_not_choose_the_way() -> None:
    """Where the first numbers raise it is refused; where later ones do, eager mode answers."""
    good, bad = np.array([1.0, 2.0, 3.0]), np.array([1.0, -2.0, 3.0])
    compiled = ge.compile(factor_or_zeros)
    for x in (good, bad, good * 2.0):
        np.testing.assert_array_equal(compiled(x), factor_or_zeros(x))
    with pytest.raises(ge.TraceError, match=r"caught the LinAlgError of cholesky\(\), at line \d+ of test_between"):
        ge.compile(factor_or_zeros)(bad)
    compiled = ge.compile(inverse_or_zeros)
    for x in (np.zeros(3), good, np.zeros(3), bad):
        np.testing.assert_array_equal(compiled(x), inverse_or_zeros(x))


@pytest.mark.filterwarnings("always")
@pytest.mark.parametrize("size", [3, 200])
@pytest.mark.parametrize("exact", [False, True], ids=["quick", "exact"])
def test_errstate_inside_holds_for_what_stands_under_it(size: int, exact: bool) -> None:
    def f(x: Any) -> Any:
        with np.errstate(divide="ignore"):
            quiet = 1.0 / x
        return quiet, np.log(x)

    @np.errstate(all="ignore")
    def silent(x: Any) -> Any:
        return np.log(x) / x

    x = np.zeros(size)
    compiled, quiet = ge.compile(f, exact=exact), ge.compile(silent, exact=exact)
    for _ in range(2):
        with pytest.warns(RuntimeWarning) as caught:
            found = compiled(x)
        assert [str(each.message) for each in caught] == ["divide by zero encountered in log"]
        assert np.isposinf(found[0]).all() and np.isneginf(found[1]).all()
        assert np.isneginf(quiet(x)).all() or np.isnan(quiet(x)).all()
