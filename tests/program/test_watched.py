"""No value from outside is frozen in silence: it is watched, or it is refused."""

from __future__ import annotations

import datetime
import functools
import inspect
import itertools
import os
import re
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import grad_engine as ge

X = np.ones(2)
INNER = ModuleType("settings.inner")
SETTINGS = ModuleType("settings")
vars(INNER)["rate"] = 0.5
vars(SETTINGS).update(inner=INNER)


class Base:
    lr: Any = 0.1

    def step(self, x: Any) -> Any:
        return x * self.lr


class Model(Base):
    pass


def _instance(o: Any) -> None:
    o.lr = 1.0


def _subclass(o: Any) -> None:
    type(o).lr = 1.0


def _method(o: Any) -> None:
    type(o).step = lambda self, x: x * 7.0


def _late(o: Any) -> None:
    o.late = 3.0


def _late_in_class(o: Any) -> None:
    type(o).late = 3.0


CHANGES: dict[str, tuple[Callable[[Any, Any], Any], Callable[[Any], None]]] = {
    "a default of the class, hidden by the instance": (lambda o, x: x * o.lr, _instance),
    "a default of the base, hidden by the class": (lambda o, x: x * o.lr, _subclass),
    "a method": (lambda o, x: o.step(x), _method),
    "getattr with a default": (lambda o, x: x * getattr(o, "late", 1.0), _late),
    "getattr, found in the class": (lambda o, x: x * getattr(o, "late", 1.0), _late_in_class),
    "hasattr": (lambda o, x: x * (2.0 if hasattr(o, "late") else 1.0), _late),
    "a set": (lambda o, x: x * sum(o.numbers), lambda o: o.numbers.add(5.0)),
    "a set of as many": (lambda o, x: x * sum(o.numbers), lambda o: (o.numbers.clear(), o.numbers.update({8.0, 9.0}))),
    "a deleted attribute": (lambda o, x: x * getattr(o, "there", 1.0), lambda o: delattr(o, "there")),
    "an item whose key is a tuple": (lambda o, x: x * o.table["a", 1], lambda o: o.table.update({("a", 1): 8.0})),
    "an object of the class": (lambda o, x: x * o.part.lr, lambda o: setattr(o.part, "lr", 4.0)),
}


@pytest.mark.parametrize(("f", "change"), CHANGES.values(), ids=CHANGES)
def test_what_hides_or_replaces_a_value_is_seen(f: Callable[[Any, Any], Any], change: Callable[[Any], None]) -> None:
    kind: Any = type("Fresh", (Model,), {"part": Base()})
    o = kind()
    o.numbers, o.there, o.table = {1.0, 2.0}, 6.0, {("a", 1): 2.0}
    compiled = ge.compile(lambda x: f(o, x))
    before = compiled(X)
    np.testing.assert_array_equal(before, f(o, X))
    change(o)
    np.testing.assert_array_equal(compiled(X), f(o, X))
    assert not np.array_equal(before, f(o, X))


def by_inner_module(x: Any) -> Any:
    return x * SETTINGS.inner.rate


def test_a_module_inside_a_module_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = ge.compile(by_inner_module)
    compiled(X)
    monkeypatch.setitem(vars(INNER), "rate", 2.0)
    np.testing.assert_array_equal(compiled(X), X * 2.0)


def test_an_array_bound_by_partial_is_read_at_each_run() -> None:
    w = np.ones(2)
    compiled = ge.compile(functools.partial(lambda w, x: w * x, w))
    compiled(X)
    w[:] = 5.0
    np.testing.assert_array_equal(compiled(X), w)


def test_an_attribute_of_a_function_is_watched() -> None:
    def f(x: Any) -> Any:
        return x * f.scale  # type: ignore[attr-defined]

    f.scale = 1.0  # type: ignore[attr-defined]
    compiled = ge.compile(f)
    compiled(X)
    f.scale = 3.0  # type: ignore[attr-defined]
    np.testing.assert_array_equal(compiled(X), X * 3.0)


DROPOUT = ge.nn.Dropout()
COUNT = itertools.count(1)
NUMBERS = iter([1.0, 2.0, 3.0])
MADE = (number for number in (1.0, 2.0, 3.0))
REFUSED: dict[str, Callable[[Any], Any]] = {
    "count": lambda x: x * next(COUNT),
    "iterator": lambda x: x * next(NUMBERS),
    "generator": lambda x: x * next(MADE),
    "for": lambda x: sum(x * number for number in NUMBERS),
    "time": lambda x: x * time.time(),
    "perf_counter": lambda x: x * perf_counter(),
    "now": lambda x: x * datetime.datetime.now().second,
    "today": lambda x: x * datetime.date.today().day,
    "environ": lambda x: x * float(os.environ.get("A_RATE", "1")),
    "getenv": lambda x: x * float(os.getenv("A_RATE") or 1),
    "in environ": lambda x: x * ("A_RATE" in os.environ),
    "open": lambda x: x * len(open(__file__, encoding="utf-8").read()),  # noqa: SIM115
    "read_text": lambda x: x * len(Path(__file__).read_text("utf-8")),
    "np.loadtxt": lambda x: x * np.loadtxt(__file__),
    "np.fromfile": lambda x: x * np.fromfile(__file__, np.uint8)[0],
    "urandom": lambda x: x * os.urandom(1)[0],
    "secrets": lambda x: x * secrets.randbelow(5),
    "exists": lambda x: x * os.path.exists("a_file"),
    "is_file": lambda x: x * Path("a_file").is_file(),
    "listdir": lambda x: x * len(os.listdir(".")),
    "getcwd": lambda x: x * len(os.getcwd()),
}


@pytest.mark.parametrize("f", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_watched_is_refused(f: Callable[[Any], Any]) -> None:
    with pytest.raises(ge.TraceError, match="ask outside and pass the result as an argument"):
        ge.compile(f)(X)


def one_of_two(x: Any) -> Any:
    return x if COUNT is None else x * 2.0


def test_two_functions_may_read_one_iterator_that_neither_asks() -> None:
    np.testing.assert_array_equal(ge.compile(lambda x: one_of_two(x) if COUNT is not None else x)(X), X * 2.0)


def test_all_is_as_before_after_a_trace() -> None:
    before = (time.time, open, type(os.environ).__getitem__, datetime.datetime)
    ge.compile(lambda x: x * 2.0)(X)
    assert before == (time.time, open, type(os.environ).__getitem__, datetime.datetime)
    assert next(COUNT) == 1


def test_a_saved_step_says_what_it_writes_and_can_be_run(tmp_path: Path) -> None:
    """Three calls of the file, from 0 steps and zeros, leave the weights that eager mode leaves."""

    def made() -> tuple[Any, Any, Any]:
        model = ge.nn.Linear(2, 1, seed=0)
        optimizer, rng = ge.optim.Adam(model.parameters(), lr=0.1), np.random.default_rng(4)

        def step(x: Any) -> Any:
            optimizer.zero_grad()
            loss = ((model(x) + rng.normal(size=(3, 1))) ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss

        return model, step, rng

    x = np.arange(6.0).reshape(3, 2)
    model, step, _ = made()
    compiled = ge.compile(made()[1])
    compiled(x)
    compiled(x)
    text = compiled.save(tmp_path / "step.py").read_text("utf-8")
    scope: dict[str, Any] = {}
    exec(text, scope)
    assert "It writes in place: m" in scope["__doc__"] and "rng: a np.random.Generator" in scope["__doc__"]
    listed = "".join(line.partition(":")[0] for line in scope["__doc__"].splitlines() if line.startswith("  "))
    names = inspect.signature(scope["step"]).parameters
    assert [name for name in re.findall(r"\w+", listed) if name in names][: len(names)] == [*names]  # in their order
    fresh = made()[0]
    given: dict[str, Any] = {name: np.zeros((1, 2) if "weight" in name else 1) for name in names}
    given |= {"model_weight": fresh.weight.data.copy(), "model_bias": fresh.bias.data.copy()}
    given |= {"x": x, "lr": 0.1, "steps": 0, "rng": np.random.default_rng(4)}
    for _ in range(3):
        loss, given["steps"] = scope["step"](**given)
        np.testing.assert_allclose(loss, step(x).item(), rtol=1e-12)
    assert given["steps"] == 3
    np.testing.assert_allclose(given["model_weight"], model.weight.data, rtol=1e-12)


def test_the_reason_for_a_call_of_dropout_is_one_sentence(tmp_path: Path) -> None:
    compiled = ge.compile(lambda x: DROPOUT(x).sum())
    compiled(X)
    assert compiled.reasons["dropout"].startswith("a generator that is made from a seed of each run cannot be written")
    assert "<traced" not in compiled.reasons["dropout"] and "format" not in compiled.reasons["dropout"]
    assert "of grad_engine dropout" in compiled.save(tmp_path / "step.py").read_text("utf-8").splitlines()[0]


turn = 0


class Turning:
    turn = 2.0

    def turned(self, x: Any) -> Any:
        return (lambda: x * self.turn)()


def test_a_global_that_is_called_like_an_attribute_is_not_watched() -> None:
    """`for step in range(n): train(x, y)` around optimizer.step() was traced anew at each step."""
    global turn
    held = Turning()
    compiled = ge.compile(lambda x: held.turned(x) + x)
    for turn in range(4):  # noqa: B007
        np.testing.assert_array_equal(compiled(X), X * 3.0)
    assert compiled._traces == 1


def test_a_global_that_only_an_inner_function_reads_is_watched() -> None:
    global turn
    compiled = ge.compile(lambda x: (lambda: x * turn)())
    for turn in (1, 2, 3):
        np.testing.assert_array_equal(compiled(X), X * turn)
