"""No value is written over while a part of it is still read: passes know which results show whose memory.

The plan of buffers rests on what each value says of its memory: its owner, and how it lies there. A law runs the
programs of many functions after each pass, step by step, and compares both with the arrays that NumPy gives.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine import nn
from grad_engine.program import passes
from grad_engine.program.compiled import Compiled
from grad_engine.program.steps import CHECK, OPAQUE, UNPACK, Program, Value, leaves, mapped
from tests.program.random_functions import RandomFunction

SHAPE = (4, 6)
BEFORE_BUFFERS = [name for name in passes.RUNNING if name not in ("flat", "buffers")]


def churned(q: Any) -> Any:
    """Something that takes buffers, and would write over one that is held to be free."""
    z = q * 1.5
    for _ in range(4):
        z = np.tanh(z * 0.7 + q)
    return z


def filled(like: Any, order: Any) -> Any:
    y = np.zeros(like.shape, order=order)
    y[...] = like
    return y


def with_row(y: Any, row: Any, order: Any = "C") -> Any:
    whole = np.zeros((3, *row.shape), order=order)
    whole[1] = row
    return whole[1]


def with_last(y: Any) -> Any:
    y[-1] *= 2.0
    return y


# Parts of a result, all of which a pass once took, or could take, for something that lies elsewhere.
PARTS: dict[str, Callable[[Any], Any]] = {
    "a row, after another row was written": lambda y: with_last(y)[0],
    "two rows, after another row was written": lambda y: with_last(y)[:2],
    "a turned array, shaped twice": lambda y: y.reshape(2, 3, 4).transpose(0, 2, 1).reshape(6, 4).reshape(-1),
    "a turned array, shaped three times": lambda y: y.T.reshape(-1).reshape(3, 8).reshape(8, 3),
    "a turned product, shaped twice": lambda y: (y @ y.T).T.reshape(2, 8).reshape(-1),
    "an array filled column by column": lambda y: filled(y, "F").reshape(-1),
    "an array filled row by row": lambda y: filled(y.T, "C").reshape(-1, order="F"),
    "a row of an array that lies otherwise": lambda y: with_row(y, y, "F").reshape(-1),
    "a turned row of an array that lies otherwise": lambda y: with_row(y, y.T, "F").T.reshape(-1),
    "a part times one": lambda y: (y[:, ::2] * 1.0).reshape(-1),
    "a part and nothing": lambda y: (y[:, ::2] + 0.0).reshape(-1, order="F"),
    "a copied part": lambda y: y[:, ::2].copy().reshape(-1),
    "minus of minus": lambda y: np.negative(-y.T).reshape(-1),
    "where it holds": lambda y: np.where(True, y.T, 0.0).reshape(-1),
    "stacked": lambda y: np.stack([y.T, y.T * 2.0])[0].reshape(-1),
    "a number spread out": lambda y: filled(np.broadcast_to(y.sum(), (5,)), "C"),
    "a row spread out": lambda y: filled(np.broadcast_to(y[0], (3, 6)), "F").reshape(-1),
}


def attention(q: Any) -> Any:
    heads = [(q @ np.eye(6) * scale).reshape(1, 4, 2, 3).transpose(0, 2, 1, 3) for scale in (1.0, 0.5, 2.0)]
    scores = heads[0] * 0.7 @ heads[1].swapaxes(-1, -2)
    out = (ge.softmax(scores) @ heads[2]).transpose(0, 2, 1, 3).reshape(1, 4, 6).reshape(4, 6)
    return (np.tanh(out @ np.ones((6, 6))) * q).sum()


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    **{name: lambda q, part=part: (churned(q), np.exp(part(np.tanh(q)))) for name, part in PARTS.items()},
    "attention": lambda q: ge.value_and_grad(attention)(q),
}


@pytest.mark.parametrize("exact", [False, True], ids=["quick", "exact"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("f", FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_part_keeps_its_numbers_until_it_is_read(f: Callable[[Any], Any], order: Any, exact: bool) -> None:
    compiled = ge.compile(f, exact=exact)
    for seed in (0, 1):
        q = np.asarray(np.random.default_rng(seed).normal(size=SHAPE), order=order)
        for one, other in zip(leaves(compiled(q)), leaves(f(q)), strict=True):
            np.testing.assert_allclose(one, other, rtol=0 if exact else 1e-12, atol=0 if exact else 1e-14)


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
def test_what_is_returned_may_be_written_to(part: Callable[[Any], Any]) -> None:
    """It is as large in memory as in eager mode, and lies there in the same order."""
    f = lambda q: part(np.tanh(q))  # noqa: E731
    q = np.random.default_rng(2).normal(size=(4, 6))
    found, expected = ge.compile(f)(q), f(q)
    assert found.strides == expected.strides and found.flags.writeable
    found += 1.0
    np.testing.assert_allclose(found, expected + 1.0, rtol=1e-12)


LAYERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "attention": (lambda: nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, batch_first=True, seed=0), (2, 3, 4)),
    "attention, norm first": (
        lambda: nn.TransformerEncoderLayer(
            4, 2, 8, dropout=0.0, batch_first=True, norm_first=True, activation="gelu", seed=0
        ),
        (2, 3, 4),
    ),
    "convolution": (lambda: nn.Conv2d(2, 3, 3, padding=1, seed=0), (2, 2, 4, 4)),
    "LSTM": (lambda: nn.LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True, seed=0), (2, 4, 3)),
    "GRU": (lambda: nn.GRU(3, 4, seed=0), (4, 2, 3)),
    "batch norm": (lambda: nn.BatchNorm2d(3), (4, 3, 2, 2)),
    "group norm": (lambda: nn.GroupNorm(2, 4), (3, 4, 5)),
    "bilinear upsampling": (lambda: nn.Upsample(scale_factor=2, mode="bilinear"), (1, 2, 3, 3)),
}


def step_of(make: Callable[[], nn.Module]) -> Callable[[Any], Any]:
    """A step that gives the loss, and the gradients by the input and by all parameters."""
    layer = make()

    def step(x: Any) -> Any:
        layer.zero_grad()
        x = ge.tensor(x, requires_grad=True)
        out = layer(x)
        out = out[0] if isinstance(out, tuple) else out
        loss = (out * out * 0.5 + out).mean()
        loss.backward()
        return [loss, x.grad, *(parameter.grad for parameter in layer.parameters())]

    return step


@pytest.mark.parametrize("exact", [False, True], ids=["quick", "exact"])
@pytest.mark.parametrize(("make", "shape"), LAYERS.values(), ids=LAYERS)
def test_layers_give_what_eager_mode_gives(make: Callable[[], nn.Module], shape: tuple[int, ...], exact: bool) -> None:
    eager, compiled = step_of(make), ge.compile(step_of(make), exact=exact)
    for seed in (0, 1):
        x = np.random.default_rng(seed).normal(size=shape)
        for one, other in zip(compiled(x), eager(x), strict=True):
            np.testing.assert_allclose(one.array, other.array, rtol=0 if exact else 1e-9, atol=0 if exact else 1e-12)


# --- the law --------------------------------------------------------------------------------------------------------


def untruths(program: Program) -> Iterator[str]:
    """What a program says of the memory of its values that is not so for the arrays that its steps give."""
    arrays: dict[Value, Any] = {value: value.now for value in program.inputs}
    known = lambda leaf: arrays.get(leaf, leaf.data) if type(leaf) is Value else leaf  # noqa: E731
    for step in program.steps:
        if step.kind is CHECK:
            continue
        if step.kind is OPAQUE:
            return
        result = step.kind.run(step.fn, mapped(known, step.args), mapped(known, dict(step.named)))
        made = list(result) if step.several or step.kind is UNPACK else [result]
        for out, array in zip(step.outs, made, strict=True):
            arrays[out] = array
            if not isinstance(array, np.ndarray) or not array.ndim or not array.size:
                continue
            for value in step.values():
                shared = isinstance(known(value), np.ndarray) and np.may_share_memory(array, known(value))
                if shared and not value.is_const and out.memory is not value.memory:
                    yield f"{step} gives {out}, which shows memory of {value}, and takes it for {out.memory}'s"
            if step.fn is not np.array and any(
                has != said for has, said, length in zip(array.strides, out.strides, array.shape, strict=True)
                if length > 1
            ):  # fmt: skip
                yield f"{step} gives {out} with strides {array.strides}, and not {out.strides}"


def check_memory(f: Callable[..., Any], *args: Any) -> None:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        program = Compiled(f).lower(*args).call.program
        assert not [*untruths(program)], "as traced"
        for name in BEFORE_BUFFERS:
            program = passes.run(program, [name])
            assert not [*untruths(program)], name


@pytest.mark.parametrize("f", FUNCTIONS.values(), ids=FUNCTIONS)
def test_passes_know_whose_memory_a_value_shows(f: Callable[[Any], Any]) -> None:
    for order in ("C", "F"):
        check_memory(f, np.asarray(np.random.default_rng(0).normal(size=SHAPE), order=order))


@pytest.mark.parametrize(("make", "shape"), LAYERS.values(), ids=LAYERS)
def test_passes_know_whose_memory_a_value_of_a_layer_shows(
    make: Callable[[], nn.Module], shape: tuple[int, ...]
) -> None:
    check_memory(step_of(make), np.random.default_rng(0).normal(size=shape))


@pytest.mark.parametrize("start", range(0, 200, 20))
def test_passes_know_whose_memory_a_value_of_a_random_function_shows(start: int) -> None:
    for seed in range(start, start + 20):
        random = RandomFunction(seed)
        try:
            check_memory(random.function(), *random.arguments(0), np.random.default_rng(0), random.n)
        except (ge.TraceError, ge.GraphError, ge.InPlaceError, ArithmeticError, ValueError, TypeError, IndexError):
            continue  # eager mode, or the trace, refuses it


def _shifted(x: Any) -> Any:
    y = np.exp(x) * 1.0
    y[1:] = y[:-1] + y[1:]
    return y.copy()


def _scattered(x: Any) -> Any:
    y = np.zeros((6, 5))
    y[0:4] += x[:4]
    y[2:6, ::2] += x[2:6, ::2] * 2.0
    y[...] += 1.0
    return y * 1.0


def _read_between(x: Any) -> Any:
    y = np.exp(x) * 1.0
    t = x[0] + 1.0
    before = y[0] * 3.0
    y[0] = t
    return y + before


def _kept(x: Any) -> Any:
    y = np.exp(x) * 1.0
    t = y[0] + 1.0
    y[0] = t
    return y * 1.0, t


def _of_integers(x: Any) -> Any:
    y = np.floor(x).astype(np.int64)
    y[0] = y[1] * 2
    z = x * 1.0
    z[0] = y[0] + y[1]
    return z + y


def _turned(x: Any) -> Any:
    y = np.exp(x)
    z = np.empty((5, 6))
    z[:, 0:6] = y.T
    z = z.reshape(-1) + 1.0
    return z.reshape(6, 5).T.copy() * 2.0


def _spread_over(x: Any) -> Any:
    y = np.exp(x) * 1.0
    y[2:4] = x[0] + 1.0
    return y * 2.0


@pytest.mark.parametrize(
    "f", [_shifted, _scattered, _read_between, _kept, _of_integers, _turned, _spread_over], ids=lambda f: f.__name__
)
def test_parts_are_computed_in_their_place(f: Callable[[Any], Any]) -> None:
    """x[key] = a + b is computed in the memory of x, where nobody reads there any more; other numbers, other runs."""
    rng = np.random.default_rng(0)
    compiled, exact = ge.compile(f), ge.compile(f, exact=True)
    kept = []
    for _ in range(3):
        x = rng.normal(size=(6, 5))
        expected = f(x)
        kept += [(compiled(x), expected), (exact(x), expected)]
    for found, expected in kept:  # what an earlier run gave is not written over
        for one, other in zip(_each(found), _each(expected), strict=True):
            np.testing.assert_array_equal(one, other)


def _each(found: Any) -> tuple[Any, ...]:
    return found if type(found) is tuple else (found,)
