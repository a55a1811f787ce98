"""Training steps: after a compiled step, parameters, gradients, buffers and optimiser state are those of eager mode."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine import nn, optim

X, Y = np.random.default_rng(0).normal(size=(40, 5)), np.random.default_rng(1).normal(size=(40, 1))

OPTIMIZERS: dict[str, Callable[[Any], optim.Optimizer]] = {
    "SGD": lambda parameters: optim.SGD(parameters, lr=0.05),
    "momentum": lambda parameters: optim.SGD(parameters, lr=0.05, momentum=0.9, nesterov=True),
    "dampening": lambda parameters: optim.SGD(parameters, lr=0.05, momentum=0.9, dampening=0.5, weight_decay=0.1),
    "Adam": lambda parameters: optim.Adam(parameters, lr=0.05),
    "AdamW": lambda parameters: optim.AdamW(parameters, lr=0.05),
    "RMSprop": lambda parameters: optim.RMSprop(parameters, lr=0.05, centered=True, momentum=0.5),
}


def trainer(layers: Callable[[], list[nn.Module]], optimizer: Callable[[Any], optim.Optimizer]) -> Any:
    """(model, optimiser, one training step)"""
    model = nn.Sequential(*layers())
    loss_of, moving = nn.MSELoss(), optimizer(model.parameters())

    def step(x: np.ndarray, y: np.ndarray) -> ge.Tensor:
        moving.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        moving.step()
        return loss

    return model, moving, step


def plain() -> list[nn.Module]:
    return [nn.Linear(5, 4, seed=0), nn.ReLU(), nn.Linear(4, 1, seed=1)]


def with_buffers() -> list[nn.Module]:
    return [nn.Linear(5, 4, seed=0), nn.BatchNorm1d(4), nn.Tanh(), nn.Dropout(0.3, seed=3), nn.Linear(4, 1, seed=1)]


def assert_same_state(one: Any, other: Any) -> None:
    theirs = other.state_dict()
    for name, value in one.state_dict().items():
        np.testing.assert_array_equal(value.data, theirs[name].data, err_msg=name)


@pytest.mark.parametrize("layers", [plain, with_buffers], ids=["layers", "buffers"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_a_compiled_step_leaves_what_an_eager_one_leaves(
    layers: Callable[[], list[nn.Module]], optimizer: Callable[[Any], optim.Optimizer]
) -> None:
    model, moving, eager = trainer(layers, optimizer)
    twin, twin_moving, step = trainer(layers, optimizer)
    compiled = ge.compile(step, exact=True)
    for turn in range(6):
        if turn == 4:  # the learning rate is read at each run
            moving.lr = twin_moving.lr = 0.01
        assert compiled(X, Y).item() == eager(X, Y).item()
        assert_same_state(model, twin)
        assert_same_state(moving, twin_moving)
        for one, other in zip(model.parameters(), twin.parameters(), strict=True):
            np.testing.assert_array_equal(one.grad.data, other.grad.data)


def test_clipped_gradients_are_those_of_eager_mode() -> None:
    """Whether the norm is above the bound is asked at each run."""
    model, moving, _ = trainer(plain, OPTIMIZERS["SGD"])
    twin, twin_moving, _ = trainer(plain, OPTIMIZERS["SGD"])

    def step_of(model: Any, moving: Any) -> Callable[[np.ndarray, np.ndarray], Any]:
        def step(x: np.ndarray, y: np.ndarray) -> Any:
            moving.zero_grad()
            ((model(x) - y) ** 2).mean().backward()
            norm = optim.clip_grad_norm_(model.parameters(), 1.0)
            moving.step()
            return norm

        return step

    compiled, eager = ge.compile(step_of(twin, twin_moving), exact=True), step_of(model, moving)
    norms = []
    for scale in (1.0, 0.01, 5.0, 0.02, 3.0):
        norms.append(float(compiled(X, scale * Y)))
        assert norms[-1] == eager(X, scale * Y)
        assert_same_state(model, twin)
    assert min(norms) < 1.0 < max(norms)


MOVING = ["momentum", "dampening", "Adam", "AdamW", "RMSprop"]


@pytest.mark.parametrize("exact", [False, True], ids=["quick", "exact"])
@pytest.mark.parametrize("name", MOVING)
def test_programs_for_two_batches_share_what_an_optimiser_keeps(name: str, exact: bool) -> None:
    """What is kept for small parameters moves to one flat array: whoever comes next finds it there."""
    model, moving, eager = trainer(plain, OPTIMIZERS[name])
    twin, twin_moving, other = trainer(plain, OPTIMIZERS[name])
    compiled = ge.compile(other, exact=exact)
    for rows in (40, 40, 40, 7, 7, 40, 7):
        eager(X[:rows], Y[:rows])
        compiled(X[:rows], Y[:rows])
    eager(X[:9], Y[:9])
    other(X[:9], Y[:9])
    for rows in (7, 40):
        eager(X[:rows], Y[:rows])
        compiled(X[:rows], Y[:rows])
    for one, another in ((model, twin), (moving, twin_moving)):
        theirs = another.state_dict()
        for key, value in one.state_dict().items():
            np.testing.assert_allclose(theirs[key].data, value.data, rtol=0 if exact else 1e-12, err_msg=key)
    if name == "Adam":  # together in one flat array, whatever the number of programs
        first, *rest = [state.arrays["exp_avg"].base for state in twin_moving._state.values()]
        assert first is not None and all(each is first for each in rest)


@pytest.mark.parametrize("name", MOVING)
def test_a_compiled_step_goes_on_from_a_state_that_was_loaded(name: str) -> None:
    model, moving, eager = trainer(plain, OPTIMIZERS[name])
    twin, twin_moving, other = trainer(plain, OPTIMIZERS[name])
    compiled = ge.compile(other, exact=True)
    kept = []
    for number in range(6):
        eager(X, Y)
        compiled(X, Y)
        if number == 2:
            kept = [moving.state_dict(), twin_moving.state_dict()]
    moving.load_state_dict(kept[0])
    twin_moving.load_state_dict(kept[1])
    for _ in range(3):
        eager(X, Y)
        compiled(X, Y)
    assert_same_state(model, twin)
    assert_same_state(moving, twin_moving)


def test_parameters_that_join_later_have_steps_of_their_own() -> None:
    def build() -> Any:
        a, b, c = (ge.tensor(np.full(3, value), requires_grad=True) for value in (1.0, 2.0, 3.0))
        moving = optim.Adam([a, b, c], lr=0.1)

        def step(x: np.ndarray, number: int) -> ge.Tensor:
            moving.zero_grad()
            loss = ge.sum(a * x + b * b) if number < 2 else ge.sum(a * b * c * x)
            loss.backward()
            moving.step()
            return loss

        return moving, [a, b, c], step

    moving, leaves, eager = build()
    twin_moving, twins, other = build()
    compiled = ge.compile(other, exact=True)
    for number in range(6):
        eager(np.arange(3.0), number)
        compiled(np.arange(3.0), number)
    for leaf, twin in zip(leaves, twins, strict=True):
        np.testing.assert_array_equal(leaf.data, twin.data)
    assert_same_state(moving, twin_moving)


SCHEDULES: dict[str, Callable[[optim.Optimizer], optim.LRScheduler]] = {
    "StepLR": lambda moving: optim.StepLR(moving, 3),
    "MultiStepLR": lambda moving: optim.MultiStepLR(moving, [2, 4]),
    "ExponentialLR": lambda moving: optim.ExponentialLR(moving, 0.9),
    "CosineAnnealingLR": lambda moving: optim.CosineAnnealingLR(moving, 7),
    "LinearLR": lambda moving: optim.LinearLR(moving, total_iters=4),
    "LambdaLR": lambda moving: optim.LambdaLR(moving, lambda steps: min(1.0, (steps + 1) / 4) * math.sqrt(1 + steps)),
    "SequentialLR": lambda moving: optim.SequentialLR(
        moving, [optim.LinearLR(moving), optim.CosineAnnealingLR(moving, 9)], milestones=[3]
    ),
}


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
def test_a_schedule_may_step_inside(schedule: Callable[[optim.Optimizer], optim.LRScheduler]) -> None:
    def build() -> Any:
        model, moving, step = trainer(plain, OPTIMIZERS["Adam"])
        slowing = schedule(moving)

        def scheduled(x: np.ndarray, y: np.ndarray) -> ge.Tensor:
            loss = step(x, y)
            slowing.step()
            return loss

        return model, moving, slowing, scheduled

    model, moving, slowing, eager = build()
    twin, twin_moving, twin_slowing, other = build()
    compiled = ge.compile(other, exact=True)
    for _ in range(10):
        np.testing.assert_array_equal(eager(X, Y).data, compiled(X, Y).data)
        assert moving.lr == twin_moving.lr and type(twin_moving.lr) is float
    assert slowing.steps == twin_slowing.steps and type(twin_slowing.steps) is int
    assert_same_state(model, twin)
    assert_same_state(moving, twin_moving)
    assert compiled._traces <= 4


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_a_step_that_forgets_the_gradients_first_is_traced_once(name: str) -> None:
    """.grad is None before the first step and an array before the others: nothing reads it before it is written."""
    model, _, eager = trainer(plain, OPTIMIZERS[name])
    twin, _, step = trainer(plain, OPTIMIZERS[name])
    compiled = ge.compile(step, exact=True)
    for _ in range(3):
        assert compiled(X, Y).item() == eager(X, Y).item()
    assert compiled._traces == 1
    for one, other in zip(model.parameters(), twin.parameters(), strict=True):
        np.testing.assert_array_equal(one.grad.data, other.grad.data)


def _forgets(leaf: ge.Tensor, x: Any) -> Any:
    leaf.grad = None
    return (leaf * x).detach()


def _forgets_after(leaf: ge.Tensor, x: Any) -> Any:
    (leaf * x).sum().backward()
    leaf.grad = None
    return x * 2.0


def _adds(leaf: ge.Tensor, x: Any) -> Any:
    (leaf * leaf * x).sum().backward()
    return x * 2.0


def _asks(leaf: ge.Tensor, x: Any) -> Any:
    found = x * 1.0 if leaf.grad is None else x * 3.0
    leaf.grad = None
    (leaf * x).sum().backward()
    return found


def _leaves_alone(leaf: ge.Tensor, x: Any) -> Any:
    return (leaf * x).detach()


def _forgets_and_adds(leaf: ge.Tensor, x: Any) -> Any:
    leaf.grad = None
    (leaf * leaf * x).sum().backward()
    return x * 2.0


@pytest.mark.parametrize("outside", [True, False], ids=["outside", "argument"])
@pytest.mark.parametrize(
    "act", [_forgets, _forgets_after, _adds, _asks, _leaves_alone, _forgets_and_adds], ids=lambda act: act.__name__
)
def test_grad_is_what_eager_mode_leaves_whatever_it_was_before(act: Callable[..., Any], outside: bool) -> None:
    leaf, twin = (ge.tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
    if outside:
        compiled = ge.compile(lambda x: act(leaf, x), exact=True)
    else:
        whole = ge.compile(act, exact=True)
        compiled = lambda x: whole(leaf, x)  # noqa: E731
    for before in (None, [5.0, 7.0], None, [1.0, 1.0], [2.0, 3.0]):
        for each in (leaf, twin):
            each.grad = None if before is None else ge.tensor(before)
        x = np.array([0.5, 0.25])
        np.testing.assert_array_equal(compiled(x), act(twin, x))
        if twin.grad is None:
            assert leaf.grad is None
        else:
            np.testing.assert_array_equal(leaf.grad.data, twin.grad.data)


def test_a_program_for_other_numbers_draws_the_same() -> None:
    """Whether the norm is above the bound is known after the draw, and the program for the other case draws anew."""

    def build() -> Callable[[Any], Any]:
        rng = np.random.default_rng(0)

        def clipped(x: Any) -> Any:
            leaf = ge.tensor(x, requires_grad=True)
            loss = (leaf * leaf * rng.normal(size=3)).sum()
            loss.backward()
            nn.utils.clip_grad_norm_([leaf], 1.0)
            return loss.detach(), leaf.grad

        return clipped

    eager, compiled = build(), ge.compile(build(), exact=True)
    for size in (0.01, 10.0, 0.01, 10.0, 10.0):
        for one, other in zip(eager(np.full(3, size)), compiled(np.full(3, size)), strict=True):
            np.testing.assert_array_equal(one.data, other.data)


@pytest.mark.filterwarnings("ignore:.*was traced 8 times")
@pytest.mark.parametrize("exact", [False, True], ids=["quick", "exact"])
@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_parameters_may_be_frozen_and_set_free_between_calls(name: str, exact: bool) -> None:
    """A frozen parameter has no leaf, and another one afterwards: it stays, and it moves again."""
    (model, _, eager), (twin, _, other) = (trainer(plain, OPTIMIZERS[name]) for _ in range(2))
    compiled = ge.compile(other, exact=exact)
    for frozen in ([], [0], [0, 1], [2], [2], [], [0], [], []):
        before = [parameter.data.copy() for parameter in twin.parameters()]
        for each in (model, twin):
            for number, parameter in enumerate(each.parameters()):
                parameter.requires_grad_(number not in frozen)
        eager(X, Y)
        compiled(X, Y)
        for number, (one, old) in enumerate(zip(twin.parameters(), before, strict=True)):
            assert np.array_equal(one.data, old) == (number in frozen)
        for one, two in zip(model.parameters(), twin.parameters(), strict=True):
            np.testing.assert_allclose(two.data, one.data, rtol=0 if exact else 1e-12)
            assert (one.grad is None) == (two.grad is None)


DRAWING: dict[str, Callable[[], nn.Module]] = {
    "dropout": lambda: nn.Sequential(nn.Linear(5, 4, seed=0), nn.Dropout(0.3, seed=1), nn.Linear(4, 1, seed=2)),
    "attention": lambda: nn.Sequential(
        nn.Unflatten(1, (1, 5)), nn.TransformerEncoderLayer(5, 1, 8, batch_first=True, seed=0)
    ),
}


@pytest.mark.parametrize("make", DRAWING.values(), ids=DRAWING)
def test_a_model_that_draws_takes_part_in_the_graph_outside(make: Callable[[], nn.Module]) -> None:
    """Backward reads the numbers that forward has drawn, and the generator is where eager mode leaves it."""
    model, twin = make(), make()
    compiled = ge.compile(twin, exact=True)
    for turn in range(4):
        x, y = (ge.tensor(X * (turn + 1.0), requires_grad=True) for _ in range(2))
        out, found = model(x), compiled(y)
        np.testing.assert_array_equal(found.data, out.data)
        (out * out).sum().backward()
        (found * found).sum().backward()
        pairs = [(x, y), *zip(model.parameters(), twin.parameters(), strict=True)]
        for one, other in pairs:
            np.testing.assert_allclose(other.grad.data, one.grad.data, rtol=1e-9, atol=1e-10)
        assert compiled(y).data.tobytes() == model(x).data.tobytes() != found.data.tobytes()
        if turn == 2:
            model.eval(), twin.eval()
            assert compiled(y).data.tobytes() == model(x).data.tobytes()
            model.train(), twin.train()


def test_a_second_derivative_of_what_draws_is_refused() -> None:
    layer = nn.Dropout(0.5, seed=0)
    x = ge.tensor(np.ones(6), requires_grad=True)
    out = ge.compile(lambda x: layer(x * x))(x)
    with pytest.raises(ge.GraphError, match="would draw other random numbers"):
        ge.grad(out.sum(), [x], create_graph=True)


def test_batch_norm_may_average_over_all_batches() -> None:
    """With momentum=None it divides by a count of its own, which grows at each run."""
    layer, twin = nn.BatchNorm1d(5, momentum=None), nn.BatchNorm1d(5, momentum=None)
    compiled = ge.compile(twin, exact=True)
    for turn in range(4):
        np.testing.assert_array_equal(compiled(X * turn).data, layer(X * turn).data)
        for key, value in layer.state_dict().items():
            np.testing.assert_array_equal(twin.state_dict()[key].data, value.data, err_msg=key)


def test_an_optimiser_moves_small_parameters_together_however_many_there_are() -> None:
    """What it keeps for them lies in one flat array, in one chain of calls, and the bits are those of eager mode."""

    def deep() -> list[nn.Module]:
        middle = [part for seed in range(12) for part in (nn.Linear(5, 5, seed=seed), nn.Tanh())]
        return [*middle, nn.Linear(5, 1, seed=12)]

    model, moving, eager = trainer(deep, OPTIMIZERS["Adam"])
    twin, twin_moving, step = trainer(deep, OPTIMIZERS["Adam"])
    compiled = ge.compile(step, exact=True)
    for _ in range(3):
        assert compiled(X, Y).item() == eager(X, Y).item()
    assert_same_state(model, twin)
    assert_same_state(moving, twin_moving)
    kept = [state.arrays["exp_avg"] for state in twin_moving._state.values()]
    assert len({id(array.base) for array in kept}) == 1


def test_parameters_with_one_gradient_are_moved_beside_others() -> None:
    """The two biases of a recurrent layer share a gradient, so they are moved in another way than other parameters."""

    def made() -> tuple[Any, Any]:
        model = nn.LSTM(3, 4, seed=0)
        optimizer = optim.Adam(model.parameters(), lr=0.1)

        def step(x: Any) -> Any:
            optimizer.zero_grad()
            loss = (model(x)[0] ** 2).sum()
            loss.backward()
            optimizer.step()
            return loss

        return model, step

    x = np.random.default_rng(0).normal(size=(2, 3, 3))
    (model, step), (other, same) = made(), made()
    compiled = ge.compile(same)
    for _ in range(3):
        np.testing.assert_allclose(compiled(x).item(), step(x).item(), rtol=1e-12)
    for one, two in zip(model.parameters(), other.parameters(), strict=True):
        np.testing.assert_allclose(one.data, two.data, rtol=1e-10)
