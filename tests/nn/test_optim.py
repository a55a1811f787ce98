"""Optimisers, clipping and schedules: PyTorch's numbers step by step, states that go on bit for bit, bad settings."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided

import grad_engine as ge
from grad_engine import optim
from grad_engine.errors import ArgumentError, InPlaceError, ShapeError
from grad_engine.optim import optimizers
from tests.layouts import LAYOUTS
from tests.support import normal

STEPS = 50
SHAPES = [(3, 4), (4,), (), (2, 3, 2)]
MAKERS: dict[str, dict[str, Any]] = {
    "SGD": {"lr": 0.1},
    "SGD momentum": {"lr": 0.05, "momentum": 0.9},
    "SGD dampening": {"lr": 0.05, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.02},
    "SGD nesterov": {"lr": 0.05, "momentum": 0.8, "nesterov": True, "weight_decay": 0.01},
    "Adam": {"lr": 0.05},
    "Adam decay": {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-4, "weight_decay": 0.1},
    "AdamW": {"lr": 0.05},
    "AdamW amsgrad": {"lr": 0.05, "amsgrad": True},
    "AdamW decay": {"lr": 0.03, "weight_decay": 0.3},
    "RMSprop": {"lr": 0.02},
    "RMSprop centered": {"lr": 0.02, "alpha": 0.9, "centered": True, "momentum": 0.7, "weight_decay": 0.05},
}


def first_values() -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [np.asarray(rng.standard_normal(shape)) for shape in SHAPES]


def gradients() -> Iterator[list[np.ndarray]]:
    """The same for every run, and on a step now and then none for one of the parameters."""
    rng = np.random.default_rng(2)
    while True:
        yield [np.asarray(rng.standard_normal(shape)) for shape in SHAPES]


def leaves(values: list[np.ndarray]) -> list[ge.Tensor]:
    return [ge.tensor(value, requires_grad=True) for value in values]


def made(name: str, params: Any, module: Any = optim, **changes: Any) -> Any:
    return getattr(module, name.split()[0])(params, **(MAKERS[name] | changes))


def run(optimizer: optim.Optimizer, params: list[ge.Tensor], steps: int, source: Iterator[list[np.ndarray]]) -> None:
    for _ in range(steps):
        for p, g in zip(params, next(source), strict=True):
            p.grad = g
        optimizer.step()


@pytest.mark.parametrize("block", [optimizers.BLOCK, 5], ids=["whole", "in blocks"])
@pytest.mark.parametrize("name", MAKERS)
def test_each_update_is_that_of_torch(name: str, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(optimizers, "BLOCK", block)
    mine = leaves(first_values())
    theirs = [torch.tensor(value, requires_grad=True) for value in first_values()]
    ours, torchs = made(name, mine), made(name, theirs, torch.optim)
    source = gradients()
    for step in range(STEPS):
        for k, (p, t, g) in enumerate(zip(mine, theirs, next(source), strict=True)):
            p.grad = None if (step + k) % 7 == 3 else g
            t.grad = None if (step + k) % 7 == 3 else torch.tensor(g)
        ours.step()
        torchs.step()
        for p, t in zip(mine, theirs, strict=True):
            np.testing.assert_allclose(p.data, t.detach().numpy(), rtol=0, atol=1e-10, err_msg=f"step {step}")


@pytest.mark.parametrize("name", MAKERS)
def test_single_precision_stays_single(name: str) -> None:
    params = leaves([value.astype(np.float32) for value in first_values()])
    double = leaves(first_values())
    one, other = made(name, params), made(name, double)
    run(one, params, 5, ([g.astype(np.float32) for g in each] for each in gradients()))
    run(other, double, 5, gradients())
    for p, d in zip(params, double, strict=True):
        assert p.dtype == np.float32
        np.testing.assert_allclose(p.data, d.data, rtol=1e-4, atol=1e-5)
    assert {t.dtype for n, t in one.state_dict().items() if n.startswith("parameter") and "steps" not in n} <= {
        np.dtype(np.float32)
    }


@pytest.mark.parametrize("turn", [np.asfortranarray, lambda a: a[::-1], lambda a: a.T], ids=["F", "reversed", "T"])
@pytest.mark.parametrize("of", ["parameter", "gradient"])
def test_any_layout_in_memory(of: str, turn: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimizers, "BLOCK", 5)
    rng = np.random.default_rng(0)
    value, g = rng.standard_normal((4, 4)), rng.standard_normal((4, 4))
    plain, turned = ge.from_numpy(turn(value).copy("C"), True), ge.from_numpy(turn(value.copy()), True)
    for p, is_turned in ((plain, False), (turned, True)):
        if of == "gradient":
            p.data[...] = value
        p.grad = ge.from_numpy(turn(g)) if is_turned or of == "parameter" else ge.from_numpy(turn(g).copy("C"))
        optim.AdamW([p], lr=0.1).step()
    np.testing.assert_array_equal(plain.data, turned.data)


def test_groups_have_settings_of_their_own() -> None:
    torch = pytest.importorskip("torch")
    mine, theirs = leaves(first_values()), [torch.tensor(value, requires_grad=True) for value in first_values()]
    ours = optim.AdamW([{"params": mine[:2], "weight_decay": 0.0}, {"params": mine[2:], "lr": 0.5}], lr=0.1)
    torchs = torch.optim.AdamW([{"params": theirs[:2], "weight_decay": 0.0}, {"params": theirs[2:], "lr": 0.5}], lr=0.1)
    source = gradients()
    for _ in range(5):
        for p, t, g in zip(mine, theirs, next(source), strict=True):
            p.grad, t.grad = g, torch.tensor(g)
        ours.step()
        torchs.step()
    for p, t in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(p.data, t.detach().numpy(), rtol=0, atol=1e-12)
    assert ours.lr == 0.1
    ours.lr = 0.2
    assert [group["lr"] for group in ours.param_groups] == [0.2, 0.2]


@pytest.mark.parametrize("name", MAKERS)
def test_goes_on_from_its_saved_state_bit_for_bit(name: str, tmp_path: Path) -> None:
    straight, first = leaves(first_values()), leaves(first_values())
    run(made(name, straight), straight, 12, gradients())
    source = gradients()
    before = made(name, first)
    run(before, first, 5, source)
    path = ge.save(before.state_dict(), tmp_path / "optimizer.npz")
    second = leaves([p.data for p in first])
    after = made(name, second, lr=123.0)
    after.load_state_dict(ge.load(path))
    run(before, first, 7, gradients())  # what was saved is a copy
    run(after, second, 7, source)
    for p, q in zip(straight, second, strict=True):
        assert p.data.tobytes() == q.data.tobytes()


def test_a_deep_copy_goes_on_too() -> None:
    params = leaves(first_values())
    optimizer = made("Adam", params)
    run(optimizer, params, 3, gradients())
    twins, twin = copy.deepcopy((params, optimizer))
    for each, members in ((optimizer, params), (twin, twins)):
        run(each, members, 3, gradients())
    for p, q in zip(params, twins, strict=True):
        assert p is not q and p.data.tobytes() == q.data.tobytes()


def test_a_step_is_not_recorded_and_a_stale_graph_is_refused() -> None:
    w = ge.tensor([1.0, 2.0], requires_grad=True)
    memory = w.array
    loss = (w * w).sum()
    loss.backward(retain_graph=True)
    optim.SGD([w], lr=0.1).step()
    assert w.is_leaf and w.array is memory and w.data.tolist() == [0.8, 1.6]
    with pytest.raises(InPlaceError, match="MulBackward"):
        loss.backward()
    w.zero_grad()
    (w * w).sum().backward()


def test_parameters_without_gradient_and_frozen_ones_stay() -> None:
    w, frozen, idle = leaves([np.ones(2), np.ones(2), np.ones(2)])
    frozen.requires_grad_(False)
    optimizer = optim.Adam([w, frozen, idle], lr=0.1)
    w.grad = np.ones(2)
    optimizer.step()
    assert frozen.tolist() == idle.tolist() == [1.0, 1.0] != w.tolist()
    optimizer.zero_grad()
    assert w.grad is None
    assert repr(optimizer).startswith("Adam(3 parameters, lr=0.1, betas=(0.9, 0.999)")


# --- clipping ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("norm_type", [2.0, 1.0, 3.0, math.inf])
@pytest.mark.parametrize("max_norm", [0.5, 1e3])
def test_clipping_by_norm_is_that_of_torch(norm_type: float, max_norm: float) -> None:
    torch = pytest.importorskip("torch")
    mine, theirs = leaves(first_values()), [torch.tensor(value, requires_grad=True) for value in first_values()]
    for p, t, g in zip(mine, theirs, next(gradients()), strict=True):
        p.grad, t.grad = g, torch.tensor(g)
    norm = optim.clip_grad_norm_(mine, max_norm, norm_type)
    expected = torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type)
    assert norm == pytest.approx(float(expected), rel=1e-12)
    for p, t in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(p.grad.data, t.grad.numpy(), rtol=1e-12)  # type: ignore[union-attr]


def test_clipping_by_value() -> None:
    x, without = ge.tensor([1.0, 2.0, 3.0], requires_grad=True), ge.tensor(1.0, requires_grad=True)
    x.grad = [-3.0, 0.5, 2.0]
    optim.clip_grad_value_([x, without], 1.0)
    assert x.grad.tolist() == [-1.0, 0.5, 1.0] and without.grad is None
    optim.clip_grad_value_(x, 0.25)
    assert x.grad.tolist() == [-0.25, 0.25, 0.25]
    assert optim.clip_grad_norm_([without], 1.0) == 0.0


# --- schedules --------------------------------------------------------------------------------------------------------

SCHEDULES: dict[str, Callable[[Any, Any], Any]] = {
    "step": lambda m, o: m.StepLR(o, 7, gamma=0.3),
    "cosine": lambda m, o: m.CosineAnnealingLR(o, T_max=20, eta_min=0.01),
    "warm-up": lambda m, o: m.LinearLR(o, start_factor=0.1, total_iters=8),
    "any": lambda m, o: m.LambdaLR(o, lambda steps: 0.97**steps),
    "in turn": lambda m, o: m.SequentialLR(
        o, [m.LinearLR(o), m.CosineAnnealingLR(o, 25), m.StepLR(o, 3)], milestones=[5, 30]
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.filterwarnings("ignore:.*lr_scheduler:UserWarning", "ignore:.*epoch parameter:UserWarning")
def test_rates_are_those_of_torch(name: str) -> None:
    torch = pytest.importorskip("torch")
    rates = []
    for module, schedules, leaf in (
        (optim, optim, ge.tensor(1.0, requires_grad=True)),
        (torch.optim, torch.optim.lr_scheduler, torch.tensor(1.0, requires_grad=True)),
    ):
        optimizer = module.SGD([{"params": [leaf], "lr": 0.4}], lr=1.0)
        schedule = SCHEDULES[name](schedules, optimizer)
        rates.append([])
        for _ in range(STEPS):
            rates[-1].append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step()
    np.testing.assert_allclose(rates[0], rates[1], rtol=0, atol=1e-10)
    assert len({round(rate, 6) for rate in rates[0]}) > 5


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_goes_on_from_its_saved_state(name: str) -> None:
    def start() -> tuple[optim.Optimizer, Any]:
        optimizer = optim.SGD([ge.tensor(1.0, requires_grad=True)], lr=0.4)
        return optimizer, SCHEDULES[name](optim, optimizer)

    (one, before), (other, after) = start(), start()
    for _ in range(9):
        before.step()
    after.load_state_dict(before.state_dict())
    for _ in range(9):
        assert one.lr == other.lr
        before.step()
        after.step()


# --- what is refused --------------------------------------------------------------------------------------------------


def leaf(*shape: int) -> ge.Tensor:
    return ge.zeros(shape, requires_grad=True)


SHARED = leaf(2)


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda: optim.SGD([]), "no parameters"),
        (lambda: optim.SGD([leaf(2) * 2]), "the result of an op"),
        (lambda: optim.SGD([np.ones(2)]), "ndarray"),
        (lambda: optim.SGD([ge.ones(2)]), "requires_grad=True"),
        (lambda: optim.SGD([SHARED, SHARED]), "twice"),
        (lambda: optim.SGD([{"params": [leaf(2)], "rate": 1}]), "rate"),
        (lambda: optim.SGD([leaf(2)], lr=-1), "lr from 0 up"),
        (lambda: optim.Adam([leaf(2)], lr=math.nan), "lr from 0 up"),
        (lambda: optim.Adam([leaf(2)], lr="a"), "Adam takes lr from 0 up, got 'a'"),  # type: ignore[arg-type]
        (lambda: optim.SGD([leaf(2)], momentum=None), "momentum from 0 up, got None"),  # type: ignore[arg-type]
        (lambda: optim.SGD([{"params": [leaf(2)], "lr": [0.1]}]), r"lr from 0 up, got \[0.1\]"),
        (lambda: optim.Adam([leaf(2)], betas="ab"), "betas from 0 to below 1, got 'ab'"),  # type: ignore[arg-type]
        (lambda: optim.RMSprop([leaf(2)], alpha=None), "alpha from 0 to below 1, got None"),  # type: ignore[arg-type]
        (lambda: optim.Adam([leaf(2)], betas=(0.9, 1.0)), "betas"),
        (lambda: optim.RMSprop([leaf(2)], alpha=1.5), "alpha"),
        (lambda: optim.SGD([leaf(2)], nesterov=True), "momentum above 0"),
        (lambda: optim.clip_grad_norm_([leaf(2)], -1.0), "max_norm"),
        (lambda: optim.clip_grad_value_([leaf(2)], math.nan), "clip_value"),
        (lambda: optim.StepLR(optim.SGD([leaf(2)]), 0), "step_size"),
        (lambda: optim.CosineAnnealingLR(leaf(2), 5), "optimiser"),  # type: ignore[arg-type]
        (lambda: optim.SequentialLR(o := optim.SGD([leaf(2)]), [optim.StepLR(o, 2)], [3]), "milestone"),
        (lambda: optim.StepLR(optim.SGD([leaf(2)]), 2).load_state_dict({"steps": 1}), "base_lrs"),
        (lambda: optim.SGD([leaf(2)]).load_state_dict({}), "'0.lr' is missing"),
        (lambda: optim.SGD([leaf(2)]).load_state_dict({**optim.SGD([leaf(2)]).state_dict(), "x": 1}), "'x'"),
        (lambda: optim.Optimizer([leaf(2)]).state_dict() or stepped(optim.Optimizer([SHARED])), "no update"),
    ],
)
def test_what_makes_no_sense_is_refused(call: Callable[[], Any], complaint: str) -> None:
    with pytest.raises(ArgumentError, match=complaint):
        call()


def stepped(optimizer: optim.Optimizer) -> None:
    for parameter in optimizer.parameters():
        parameter.grad = np.zeros(parameter.shape)
    optimizer.step()


def test_a_state_of_other_shapes_is_refused_and_nothing_changes() -> None:
    small, large = optim.Adam([leaf(2)], lr=0.5), optim.Adam([leaf(3)], lr=0.1)
    stepped(small)
    with pytest.raises(ShapeError, match=r"exp_avg has shape \(2,\) where \(3,\) is needed"):
        large.load_state_dict(small.state_dict())
    assert large.lr == 0.1 and large.state_dict().keys() == optim.Adam([leaf(3)]).state_dict().keys()


# --- memory and precision -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", MAKERS)
def test_a_step_does_not_depend_on_the_memory_layout(name: str, layout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimizers, "BLOCK", 5)  # so that small parameters are moved in blocks too
    lay = LAYOUTS[layout]
    values, source = first_values(), [next(grads) for grads in [gradients()] for _ in range(3)]
    plain = leaves(values)
    run(made(name, plain), plain, 3, iter([[lay(g).copy(order="C") for g in row] for row in source]))
    fixed = layout in ("stride 0", "read-only")  # no memory to write into, but gradients may lie like that
    other = [ge.from_numpy(v.copy() if fixed else lay(v), requires_grad=True) for v in values]
    optimizer = made(name, other)
    for row in source:
        for p, g in zip(other, row, strict=True):
            p.grad = ge.from_numpy(lay(g))
        optimizer.step()
    for mine, theirs in zip(other, plain, strict=True):
        np.testing.assert_allclose(mine.data, theirs.data, rtol=1e-14)


@pytest.mark.parametrize(
    "clip", [lambda ps: optim.clip_grad_norm_(ps, 0.5), lambda ps: optim.clip_grad_value_(ps, 0.1)]
)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_clipping_does_not_depend_on_the_memory_layout(clip: Any, layout: str) -> None:
    grads = [LAYOUTS[layout](g) for g in next(gradients())]
    plain, other = leaves(grads), leaves(grads)
    for p, q, g in zip(plain, other, grads, strict=True):
        p.grad, q.grad = g.copy(), ge.from_numpy(g)
    clip(plain), clip(other)
    for p, q in zip(plain, other, strict=True):
        np.testing.assert_allclose(p.grad.data, q.grad.data, rtol=1e-14)


@pytest.mark.parametrize("repeat", [np.broadcast_to, lambda one, shape: as_strided(one, shape, (0,))])
def test_a_parameter_that_cannot_be_written_is_refused(repeat: Callable[..., np.ndarray]) -> None:
    p = ge.from_numpy(repeat(np.ones(1), (3,)), requires_grad=True)
    p.grad = np.ones(3)
    with pytest.raises(InPlaceError, match="its memory repeats one number"):
        optim.SGD([p]).step()
    memory = np.ones(3)
    memory.setflags(write=False)
    p = ge.from_numpy(memory, requires_grad=True)
    p.grad = np.ones(3)
    with pytest.raises(InPlaceError, match="read-only"):
        optim.SGD([p]).step()


@pytest.mark.parametrize("size", [1e-4, 1.0, 300.0, 3e4])
@pytest.mark.parametrize("name", MAKERS)
def test_float16_is_moved_in_float32_and_rounded_once(name: str, size: float) -> None:
    g = np.float16([size, -size, size / 2])
    half = ge.tensor([1.0, 2.0, -1.0], dtype=np.float16, requires_grad=True)
    single = ge.tensor([1.0, 2.0, -1.0], dtype=np.float32, requires_grad=True)
    a, b = made(name, [half], lr=1e-3), made(name, [single], lr=1e-3)
    for _ in range(3):
        half.grad, single.grad = g, g.astype(np.float32)
        single.data[...] = half.data  # each step is rounded once
        a.step()
        b.step()
        np.testing.assert_array_equal(half.data, single.data.astype(np.float16))
    again = made(name, [half], lr=1e-3)
    again.load_state_dict(a.state_dict())
    assert {s.dtype for s in again._state[half].arrays.values()} <= {np.dtype(np.float32)}
    half.grad = np.float16([size, -size, size / 2])
    norm = optim.clip_grad_norm_([half], 1.0)
    assert norm == pytest.approx(1.5 * size, rel=1e-3) and np.isfinite(half.grad.data).all()
    assert float(np.linalg.norm(half.grad.data.astype(float))) == pytest.approx(min(1.0, norm), rel=1e-2)


def test_a_norm_that_is_not_finite_is_an_error_when_asked() -> None:
    p = leaves([np.ones(2)])[0]
    p.grad = np.array([np.nan, 1.0])
    with pytest.raises(ge.GraphError, match="norm of nan"):
        optim.clip_grad_norm_([p], 1.0, error_if_nonfinite=True)
    assert p.grad.data[1] == 1.0
    assert math.isnan(optim.clip_grad_norm_([p], 1.0))


# --- against PyTorch --------------------------------------------------------------------------------------------------

MOVERS = [
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}), ("Adam", {"amsgrad": True}), ("AdamW", {}),
    ("RMSprop", {"centered": True, "momentum": 0.5}), ("Adagrad", {"lr_decay": 0.1, "weight_decay": 0.01}),
    ("Adagrad", {"initial_accumulator_value": 0.1}), ("Adadelta", {"weight_decay": 0.1}), ("Adamax", {}),
    ("NAdam", {"weight_decay": 0.1}), ("RAdam", {"betas": (0.9, 0.9), "lr": 0.1}), ("RAdam", {}),
]  # fmt: skip


@pytest.mark.torch
@pytest.mark.parametrize(("name", "settings"), MOVERS, ids=[f"{name} {[*kw]}" for name, kw in MOVERS])
def test_an_optimiser_moves_as_pytorchs(name: str, settings: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    found = []
    for engine in (ge, torch):
        w = engine.tensor(normal(3, 4), requires_grad=True)
        optimiser = getattr(engine.optim, name)([w], **settings)
        for step in range(10):
            w.grad = engine.tensor(normal(3, 4, seed=step + 1))
            optimiser.step()
        found.append(w.detach().numpy())
    # NAdam of PyTorch keeps one of its factors in float32.
    np.testing.assert_allclose(*found, rtol=1e-7 if name == "NAdam" else 1e-12)


RATES: list[tuple[str, dict[str, Any]]] = [
    ("ConstantLR", {}), ("PolynomialLR", {"total_iters": 6, "power": 2.0}), ("LinearLR", {}),
    ("MultiplicativeLR", {"lr_lambda": lambda step: 1 - 0.01 * step}), ("ExponentialLR", {"gamma": 0.9}),
    ("CosineAnnealingWarmRestarts", {"T_0": 3, "T_mult": 2}), ("CosineAnnealingLR", {"T_max": 5, "eta_min": 0.01}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 14}), ("StepLR", {"step_size": 2}),
    ("OneCycleLR", {"max_lr": 0.5, "epochs": 7, "steps_per_epoch": 2, "anneal_strategy": "linear"}),
    ("MultiStepLR", {"milestones": [2, 5]}), ("LambdaLR", {"lr_lambda": lambda step: 0.95**step}),
]  # fmt: skip


@pytest.mark.torch
@pytest.mark.parametrize(("name", "settings"), RATES, ids=[f"{name} {[*kw]}" for name, kw in RATES])
def test_a_schedule_sets_pytorchs_rates(name: str, settings: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    found = []
    for engine in (ge, torch):
        w = engine.tensor(normal(2), requires_grad=True)
        optimiser = engine.optim.SGD([w], lr=0.1, momentum=0.9)
        schedule = getattr(engine.optim.lr_scheduler, name)(optimiser, **settings)
        rates = []
        for _ in range(13):
            rates.append((schedule.get_last_lr()[0], optimiser.param_groups[0]["momentum"]))
            w.grad = engine.tensor(normal(2))
            optimiser.step()
            schedule.step()
        found.append(rates)
    np.testing.assert_allclose(*found, rtol=1e-12)


@pytest.mark.torch
@pytest.mark.parametrize("mode", ["min", "max"])
def test_a_plateau_lowers_the_rate_as_pytorchs(mode: str) -> None:
    torch = pytest.importorskip("torch")
    found = []
    for engine in (ge, torch):
        optimiser = engine.optim.SGD([engine.tensor(normal(2), requires_grad=True)], lr=0.1)
        schedule = engine.optim.lr_scheduler.ReduceLROnPlateau(optimiser, mode, 0.5, 1, cooldown=mode == "max")
        rates = []
        for measure in [1, 0.9, 0.95, 0.93, 0.9, 0.91, 0.5, 0.6, 0.7, 0.8, 0.9, -1, -1.1, -1.05, -1]:
            schedule.step(measure)
            rates.append(optimiser.param_groups[0]["lr"])
        found.append(rates)
    np.testing.assert_allclose(*found)


def test_a_group_is_added_later() -> None:
    a, b = (ge.tensor(normal(2), requires_grad=True) for _ in range(2))
    optimiser = optim.SGD([a], lr=0.1, momentum=0.9)
    optimiser.add_param_group({"params": [b], "lr": 0.01})
    assert [group["lr"] for group in optimiser.param_groups] == [0.1, 0.01]
    assert optimiser.param_groups[1]["momentum"] == 0.9
    with pytest.raises(ge.ArgumentError, match="moves one of these parameters already"):
        optimiser.add_param_group({"params": [a]})
    with pytest.raises(AttributeError, match="write AdamW"):
        optim.Muon  # noqa: B018
