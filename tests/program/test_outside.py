"""What a compiled function reads from outside is read at each run, and it leaves there what eager mode leaves."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

import grad_engine as ge
from grad_engine import nn

X = np.linspace(-1.0, 1.0, 6)
TABLE = np.arange(6.0)
DEFAULT = np.arange(6.0)
SCALE = 2.0
FLAGS = {"double": True}
RNG = np.random.default_rng(5)


def by_table(x: Any) -> Any:
    return x * (TABLE * 2.0) + TABLE[1:4].sum()


def by_scale(x: Any) -> Any:
    return x * SCALE


def by_scale_of_another(x: Any) -> Any:
    return by_scale(x) + 1.0


def by_flag(x: Any) -> Any:
    return x * 2.0 if FLAGS["double"] else x


def test_a_global_array_is_read_by_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what is computed of it alone, and parts of it."""
    table = np.arange(6.0)
    monkeypatch.setitem(globals(), "TABLE", table)
    compiled = ge.compile(by_table)
    for _ in range(2):
        np.testing.assert_array_equal(compiled(X), by_table(X))
        table += 3.0
    monkeypatch.setitem(globals(), "TABLE", np.ones(6))
    np.testing.assert_array_equal(compiled(X), by_table(X))


@pytest.mark.filterwarnings("ignore:.*was traced 8 times")
@pytest.mark.parametrize("f", [by_scale, by_scale_of_another])
def test_a_global_number_is_looked_at_again(f: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = ge.compile(f)
    for scale in (2.0, 3.0, 3, True, 0.0, -0.0, np.float32(2)):
        monkeypatch.setitem(globals(), "SCALE", scale)
        found, expected = compiled(X), f(X)
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))
    narrow = X.astype(np.float32)
    for scale, dtype in ((1, np.float32), (np.float64(1.0), np.float64)):
        monkeypatch.setitem(globals(), "SCALE", scale)
        assert compiled(narrow).dtype == dtype


def test_flags_and_attributes_are_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = ge.compile(by_flag)
    for double in (True, False, True):
        monkeypatch.setitem(FLAGS, "double", double)
        np.testing.assert_array_equal(compiled(X), by_flag(X))
    settings = SimpleNamespace(power=2, deep=SimpleNamespace(shift=1.0))
    f = lambda x: x**settings.power + settings.deep.shift  # noqa: E731
    compiled = ge.compile(f)
    for power, shift in ((2, 1.0), (3, 1.0), (3, 2.0)):
        settings.power, settings.deep.shift = power, shift
        np.testing.assert_allclose(compiled(X), f(X))


def test_a_variable_of_the_enclosing_function_may_be_bound_anew() -> None:
    weight = np.ones(6)

    def f(x: Any) -> Any:
        return x * weight

    compiled = ge.compile(f)
    compiled(X)
    weight = np.full(6, 4.0)
    np.testing.assert_array_equal(compiled(X), X * 4.0)
    weight = np.full((2, 1), 3.0)
    np.testing.assert_array_equal(compiled(X), X * weight)


def test_default_arguments_are_read_too() -> None:
    def f(x: Any, by: Any = DEFAULT, times: float = 2.0) -> Any:
        return x * by * times

    compiled = ge.compile(f)
    compiled(X)
    DEFAULT[:] = 7.0
    np.testing.assert_array_equal(compiled(X), f(X))
    np.testing.assert_array_equal(compiled(X, times=3.0), f(X, times=3.0))


# --- random numbers -------------------------------------------------------------------------------------------------


def drawing(x: Any) -> Any:
    return x + RNG.normal(size=6) * RNG.random()


def test_random_numbers_are_those_of_eager_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawn at each run, from the same generator, which has come as far afterwards."""
    eager = []
    monkeypatch.setitem(globals(), "RNG", np.random.default_rng(11))
    eager = [drawing(X) for _ in range(3)] + [RNG.random()]
    monkeypatch.setitem(globals(), "RNG", np.random.default_rng(11))
    compiled = ge.compile(drawing)
    found = [compiled(X) for _ in range(3)] + [RNG.random()]
    for one, other in zip(found, eager, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_generator_may_be_an_argument_or_an_attribute() -> None:
    holder = SimpleNamespace(rng=np.random.default_rng(2))
    by_argument = ge.compile(lambda x, rng: x + rng.uniform(size=6))
    by_attribute = ge.compile(lambda x: x + holder.rng.uniform(size=6))
    twin, rng = np.random.default_rng(2), np.random.default_rng(2)
    for _ in range(3):
        expected = X + twin.uniform(size=6)
        np.testing.assert_array_equal(by_argument(X, rng), expected)
        np.testing.assert_array_equal(by_attribute(X), expected)


def test_a_seed_inside_gives_the_same_numbers_each_time() -> None:
    f = lambda x: x + np.random.default_rng(3).normal(size=6)  # noqa: E731
    compiled = ge.compile(f)
    for _ in range(2):
        np.testing.assert_array_equal(compiled(X), f(X))


def test_dropout_draws_anew_at_each_run() -> None:
    layer, twin = nn.Dropout(0.5, seed=4), nn.Dropout(0.5, seed=4)
    compiled = ge.compile(lambda x: layer(x) * 2)
    runs = [compiled(np.ones(50)).data for _ in range(4)]
    for found in runs:
        np.testing.assert_array_equal(found, (twin(np.ones(50)) * 2).data)
    assert len({run.tobytes() for run in runs}) == 4


# --- writes in place ------------------------------------------------------------------------------------------------


def test_an_argument_is_written_in_place() -> None:
    def f(x: Any, by: Any) -> Any:
        x += by
        x[0] = 5.0
        x.reshape(2, 3)[1] *= 2.0
        return x.sum()

    compiled = ge.compile(f)
    for start in (1.0, -2.0):
        one, other = np.full(6, start), np.full(6, start)
        assert compiled(one, X) == pytest.approx(f(other, X))
        np.testing.assert_array_equal(one, other)


def test_two_arrays_may_change_places() -> None:
    a, b = np.zeros(3), np.ones(3)

    def swap() -> None:
        kept = a.copy()
        a[:] = b
        b[:] = kept

    compiled = ge.compile(swap)
    for _ in range(3):
        before = a.copy(), b.copy()
        compiled()
        np.testing.assert_array_equal(a, before[1])
        np.testing.assert_array_equal(b, before[0])


def test_arguments_that_share_written_memory_are_refused() -> None:
    weight = np.ones(6)

    def f(x: Any) -> Any:
        weight[:] = weight + x
        return x * 2.0

    compiled = ge.compile(f)
    compiled(X)
    with pytest.raises(ge.InPlaceError, match="copy"):
        compiled(weight)
    with pytest.raises(ge.InPlaceError, match="copy"):
        compiled(weight[::-1])


def test_a_write_is_seen_by_a_graph_that_read_the_memory() -> None:
    weight = ge.tensor(np.ones(3), requires_grad=True)
    kept = (weight * weight).sum()

    @ge.compile
    @ge.no_grad()
    def move() -> None:
        nonlocal weight
        weight -= 0.5

    move()
    np.testing.assert_array_equal(weight.data, np.full(3, 0.5))
    with pytest.raises(ge.InPlaceError):
        kept.backward()


def aliases(x: np.ndarray) -> Any:
    y = x * 2
    z = np.empty(6)
    z[...] = y
    return x, x[1:3], y, y[::2], (x * 3)[::2], x * 2, y.copy(), np.array(y), z, x.copy(), np.zeros(6), y


def test_results_share_memory_where_those_of_eager_mode_do() -> None:
    """With the arguments and with one another; what is equal by chance, or was copied, stays apart."""
    compiled = ge.compile(aliases)
    x = X.copy()
    for _ in range(2):
        found, expected = [x, *compiled(x)], [x, *aliases(x)]
        for one, other in itertools.combinations(range(len(found)), 2):
            shared = np.shares_memory(found[one], found[other])
            assert shared == np.shares_memory(expected[one], expected[other]), (one, other)
        assert found[1] is x


def test_results_keep_their_numbers_when_the_program_runs_again() -> None:
    compiled = ge.compile(lambda x: (x * 2, (x * 3)[::2], x.sum()))
    first = compiled(X)
    kept = [part.copy() for part in first]
    compiled(X + 1.0)
    for part, before in zip(first, kept, strict=True):
        np.testing.assert_array_equal(part, before)


def test_equal_gradients_are_arrays_of_their_own() -> None:
    """Two leaves with one gradient: whoever scales one of them in place leaves the other alone."""
    a, b = (ge.tensor(X.copy(), requires_grad=True) for _ in range(2))

    def step(w: np.ndarray) -> ge.Tensor:
        loss = (a * w * w).sum() + (b * w * w).sum()
        loss.backward()
        return loss

    ge.compile(step)(X)
    assert not np.shares_memory(a.grad.array, b.grad.array)


# --- structures and calls -------------------------------------------------------------------------------------------


class Pair(NamedTuple):
    a: Any
    b: Any


@dataclasses.dataclass
class Box:
    w: Any
    pair: Pair


def test_arguments_and_results_are_structures() -> None:
    f = lambda box, d: {"s": Pair(box.w * 2, [box.pair.a, d["k"][0]]), "n": (box.pair.b, None)}  # noqa: E731
    box, d = Box(X, Pair(np.ones(2), 3)), {"k": (X + 1,)}
    found, expected = ge.compile(f)(box, d), f(box, d)
    assert type(found["s"]) is Pair and found["n"] == (3, None)
    np.testing.assert_array_equal(found["s"].a, expected["s"].a)
    np.testing.assert_array_equal(found["s"].b[1], expected["s"].b[1])


class Model:
    def __init__(self) -> None:
        self.w = np.ones(6)

    @ge.compile
    def predict(self, x: Any) -> Any:
        return x * self.w


def test_methods_and_keywords() -> None:
    one, other = Model(), Model()
    other.w = np.full(6, 2.0)
    np.testing.assert_array_equal(one.predict(X), X)
    np.testing.assert_array_equal(other.predict(X), 2 * X)
    one.w = one.w * 5
    np.testing.assert_array_equal(one.predict(x=X), 5 * X)
    assert Model.predict.__name__ == "predict"


def test_whole_numbers_are_static_and_floats_are_not() -> None:
    compiled = ge.compile(lambda x, n, scale: np.stack([x] * n) * scale)
    assert compiled(X, 2, 1.5).shape == (2, 6) and compiled(X, 3, 1.5).shape == (3, 6)
    np.testing.assert_array_equal(compiled(X, 2, 9.0)[0], X * 9.0)
    static = ge.compile(lambda x, scale: x * scale if scale > 1 else x, static_argnames="scale")
    np.testing.assert_array_equal(static(X, 3.0), X * 3.0)
    np.testing.assert_array_equal(static(X, 0.5), X)


def test_a_branch_on_a_float_argument_is_taken_at_each_call() -> None:
    f = lambda x, scale: x * scale if scale > 1 else x - scale  # noqa: E731
    compiled = ge.compile(f)
    for scale in (2.0, 0.5, 3.0, 1.0):
        np.testing.assert_array_equal(compiled(X, scale), f(X, scale))


@pytest.mark.filterwarnings("ignore:.*was traced 8 times")
def test_other_shapes_dtypes_and_layouts_are_traced_anew() -> None:
    f = lambda x: (x * 2).reshape(-1) + x.sum()  # noqa: E731
    compiled = ge.compile(f)
    wide = np.arange(12.0).reshape(3, 4)
    for x in (
        X,
        X[:3],
        X[::2],
        X.astype(np.float32),
        wide,
        wide.T,
        np.asfortranarray(wide),
        X.astype(int),
        np.float64(2.0),
    ):
        found, expected = compiled(x), f(x)
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype and type(found) is type(expected)


def test_tracing_again_and_again_is_said_once() -> None:
    compiled = ge.compile(lambda x: x * 2.0)
    for n in range(1, 8):
        compiled(np.ones(n))
    with pytest.warns(UserWarning, match="was traced 8 times"):
        compiled(np.ones(8))
    for n in range(9, 30):
        np.testing.assert_array_equal(compiled(np.ones(n)), np.full(n, 2.0))


def test_compiled_functions_call_one_another() -> None:
    inner = ge.compile(lambda x: np.tanh(x) * 2)
    outer = ge.compile(lambda x: ge.value_and_grad(lambda x: inner(x).sum(), x))
    value, slope = outer(X)
    assert value == pytest.approx(2 * np.tanh(X).sum())
    np.testing.assert_allclose(slope, 2 * (1 - np.tanh(X) ** 2))


FUNCTIONALS: dict[str, Callable[[Any], Any]] = {
    "grad": lambda x: ge.grad(lambda x: (np.sin(x) * x).sum())(x),
    "jacobian": lambda x: ge.jacobian(lambda x: np.outer(np.sin(x), x).sum(axis=0), x),
    "hessian": lambda x: ge.hessian(lambda x: (np.sin(x) * x[::-1] ** 2).sum(), x),
    "jvp": lambda x: ge.jvp(lambda x: np.sin(x) * x, x, np.ones(6)),
    "vjp": lambda x: ge.vjp(lambda x: np.sin(x) * x, x, np.ones(6)),
    "hvp": lambda x: ge.hvp(lambda x: (np.sin(x) * x).sum(), x, np.ones(6)),
    "checkpoint": lambda x: ge.value_and_grad(lambda x: ge.checkpoint(lambda z: np.sin(z) * z, x).sum(), x),
    "filled in a loop": lambda x: [out := np.zeros(6), [out.__setitem__(i, x[i] ** 2) for i in range(6)]][0],
    "an array of parts": lambda x: np.array([x[0], x[1] ** 2, 3.0]),
}


@pytest.mark.parametrize("f", FUNCTIONALS.values(), ids=FUNCTIONALS)
def test_what_eager_code_does_with_arrays_can_be_compiled(f: Callable[[Any], Any]) -> None:
    compiled = ge.compile(f, exact=True)
    for x in (X, 2.0 * X + 0.1):
        found, expected = ge.program.steps.leaves(compiled(x)), ge.program.steps.leaves(f(x))
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)
