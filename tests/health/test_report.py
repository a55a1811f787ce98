"""The report: rows are exact or not known, findings are true of the record, healthy models have none."""

from __future__ import annotations

import importlib
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.cli.details import details
from grad_engine.cli.show_pages import page
from grad_engine.health import Report, report_of
from grad_engine.health.rows import ParameterRow
from grad_engine.record import save_graph
from grad_engine.record.index import index_of
from grad_engine.record.parts import FROZEN, ParameterRecord
from grad_engine.record.read import from_json
from grad_engine.record.write import to_json
from grad_engine.tree import tree
from grad_engine.tree.text import Script
from tests.programs import example
from tests.records import everything


def row(report: Report, name: str) -> ParameterRow:
    return next(each for each in report.rows if each.name == name)


def chain(layers: int, scale: float) -> ge.Tensor:
    """A product of matrices, each in a module of its own, after backward."""
    h = ge.ones((3, 4))
    for k in range(layers):
        with ge.scope(f"layer{k}"):
            h = h @ ge.full((4, 4), scale, requires_grad=True, name=f"w{k}")
    loss = h.sum()
    loss.backward(retain_graph=True)
    return loss


@pytest.mark.parametrize("size", [3, 100])  # held in full, and as statistics
def test_rows_are_what_numpy_computes(size: int) -> None:
    rng = np.random.default_rng(0)
    w = ge.tensor(rng.standard_normal(size), requires_grad=True)
    keep = np.arange(size) % 3 > 0
    loss = (w * w * keep).sum()
    loss.backward(retain_graph=True)
    found = row(ge.report(loss), "w")
    assert w.grad is not None
    grad = np.asarray(w.grad)
    assert found.value_norm == pytest.approx(np.linalg.norm(np.asarray(w.data)), rel=1e-11)
    assert found.gradient_norm == pytest.approx(np.linalg.norm(grad), rel=1e-11)
    assert found.gradient_norm is not None and found.value_norm is not None
    assert found.ratio == pytest.approx(found.gradient_norm / found.value_norm)
    assert (found.value_zeros, found.gradient_zeros) == (0, np.mean(grad == 0))
    assert (found.value_nonfinite, found.gradient_nonfinite, found.shape) == (0, 0, (size,))


@pytest.mark.parametrize("name", ["small", "blog"])
def test_a_healthy_example_has_no_finding(name: str) -> None:
    found = report_of(example(name))
    assert found.healthy and found.findings == ()


@pytest.mark.torch
@pytest.mark.parametrize("name", ["gpt", "resnet", "unet", "grucell", "lstm"])
def test_a_healthy_model_has_no_finding(name: str) -> None:
    pytest.importorskip("torch")
    found = report_of(importlib.import_module("tests.torch_models").model_record(name))
    assert found.findings == ()
    assert len(found.modules) <= 24
    assert all(each.value_norm is not None and each.gradient_norm is not None for each in found.rows)


def test_the_op_in_which_a_nan_begins_is_told_with_its_module_and_line() -> None:
    x = ge.tensor([1.0, -1.0], requires_grad=True)
    with ge.record_source(), ge.scope("head"), np.errstate(all="ignore"):
        loss = (ge.ln(x) * 2).sum()
        loss.backward(retain_graph=True)
    first = ge.report(loss).findings[0]
    assert "NaN begins in the result of #0 Ln (1 of 2 values, in head, at " in first and "test_report.py" in first


def test_the_share_in_which_an_infinity_begins_is_told() -> None:
    x = ge.tensor([0.0, 1.0], requires_grad=True)
    with np.errstate(all="ignore"):
        loss = ge.sqrt(x).sum()
        loss.backward(retain_graph=True)
    found = ge.report(loss)
    assert found.findings == (
        (
            "In backward, infinity begins in the gradient that #0 Sqrt sends to x (1 of 2 values). "
            "It read numbers from 0 to 1.00."
        ),
    )
    assert found.notes == ("NaN or infinity reached the gradient of x.",)


def test_a_mask_of_infinities_that_reaches_nothing_is_no_finding() -> None:
    x = ge.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    scores = ge.where(np.tri(2, dtype=bool), x, -math.inf)
    loss = (ge.softmax(scores) * np.array([1.0, 3.0])).sum()
    loss.backward(retain_graph=True)
    found = ge.report(loss)
    assert found.healthy
    assert not any("begins" in note for note in found.notes)


def test_a_nan_behind_a_mask_of_infinities_is_not_blamed_on_the_mask() -> None:
    x = ge.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    scores = ge.where(np.tri(2, dtype=bool), x, -math.inf)
    with np.errstate(all="ignore"):
        loss = ge.ln(ge.softmax(scores).sum() - 3).sum()
        loss.backward(retain_graph=True)
    assert "begins in the result of #" in ge.report(loss).findings[0] and " Ln " in ge.report(loss).findings[0]


def test_vanishing_names_the_modules_between_which_it_happens() -> None:
    h = ge.ones((1, 1))
    with ge.scope("first"):
        h = h * ge.tensor(1.0, requires_grad=True, name="a")
    h = h * 1e-9 + 1.0
    with ge.scope("last"):
        h = h * ge.tensor(2.0, requires_grad=True, name="b")
    loss = h.sum()
    loss.backward(retain_graph=True)
    assert ge.report(loss).findings == (
        "Gradients vanish: the norm falls from 1.00 at last to 2.0e−9 at first. #1 Mul makes it 1.0e9 times smaller.",
    )


def test_a_small_gradient_beside_the_way_is_not_vanishing() -> None:
    a = ge.tensor(1.0, requires_grad=True)
    b = ge.tensor(1.0, requires_grad=True)
    c = ge.tensor(1.0, requires_grad=True)
    loss = (a * 3.0 + b * 1e-9) * c  # a lies behind nothing that b is behind of
    loss.backward(retain_graph=True)
    with_other = ge.report(loss)
    assert with_other.findings == ("Gradients vanish: the norm falls from 3.00 at c to 1.0e−9 at b.",)
    noise = (a * 3.0) + b * 1e-9
    noise.backward(retain_graph=True)
    assert ge.report(noise).healthy, "neither leaf is behind the other"


def test_explosion_is_told_with_both_ends() -> None:
    h = ge.ones(())
    with ge.scope("first"):
        h = h * ge.tensor(1.0, requires_grad=True, name="a")
    h = h * 1e8
    with ge.scope("last"):
        h = (h * 1e-8) * ge.tensor(1e8, requires_grad=True, name="b")
    h.backward(retain_graph=True)
    assert ge.report(h).findings == (
        ("Gradients explode: the norm grows from 1.00 at last to 1.0e8 at first. #1 Mul makes it 1.0e8 times larger."),
    )


def test_parameters_without_a_gradient_are_told_with_the_reason() -> None:
    record = example("blog")
    unused = ParameterRecord("head.weight", (2, 3), "float64", None, "no op of this graph reads it")
    frozen = ParameterRecord("body.weight", (2, 3), "float64", None, FROZEN)
    found = report_of(replace(record, parameters=(unused, frozen)))
    assert found.findings == ("No gradient for head.weight: no op of this graph reads it.",)
    assert f"No gradient for body.weight: {FROZEN}." in found.notes
    assert row(found, "head.weight").value_norm is None and not row(found, "head.weight").has_gradient
    assert "not known" in str(found) and "none" in str(found)
    assert report_of(replace(record, parameters=(frozen,))).healthy


def test_a_relu_that_passes_nothing_is_told() -> None:
    x = ge.tensor([-1.0, -2.0], requires_grad=True)
    loss = ge.relu(x).sum()
    loss.backward(retain_graph=True)
    assert ge.report(loss).findings == ("The result of #0 Relu is 0 in every entry: no gradient passes.",)


def test_one_number_that_relu_makes_zero_is_no_finding() -> None:
    x = ge.tensor(-1.0, requires_grad=True)
    loss = ge.relu(x) + x
    loss.backward(retain_graph=True)
    assert ge.report(loss).healthy


def test_finite_shares_whose_sum_overflows_are_told() -> None:
    x = ge.tensor(1.0, requires_grad=True)
    y = x * 1.0
    with np.errstate(all="ignore"):
        loss = y * 1e308 - y * -1e308
        loss.backward(retain_graph=True)
    findings = ge.report(loss).findings
    assert any(
        "begins in the gradient that reached #0 Mul (1 of 1 value), and in no share" in each for each in findings
    )


def test_a_graph_without_a_backward_run_is_not_called_healthy() -> None:
    x = ge.tensor([1.0], requires_grad=True)
    found = ge.report((x * x).sum())
    assert not found.healthy and found.rows[0].gradient_norm is None


def test_the_print_fits_eighty_columns(tmp_path: Path) -> None:
    for record in (everything(), example("large"), example("blog")):
        assert all(len(line) <= 80 for line in str(report_of(record)).splitlines())
    path = save_graph(example("blog"), tmp_path / "blog.json")
    assert str(ge.report(path)) == str(ge.report(str(path))) == str(ge.report(example("blog")))


def test_modules_are_rows_at_the_depth_that_fits() -> None:
    found = ge.report(chain(5, 0.3))
    assert [each.module for each in found.modules] == [f"layer{k}" for k in range(5)]
    assert [each.gradient_norm for each in found.modules] == [each.gradient_norm for each in found.rows]
    assert ge.report(chain(30, 0.3)).modules == ()


def test_units_that_are_never_on_are_told() -> None:
    rng = np.random.default_rng(0)
    x = ge.tensor(rng.standard_normal((64, 5)))
    w = ge.tensor(rng.standard_normal((5, 10)), requires_grad=True)
    off = np.where(np.arange(10) % 3 < 2, -100.0, 0.0)  # seven of ten
    loss = ge.relu(x @ w + off).sum()
    loss.backward(retain_graph=True)
    assert ge.report(loss).findings == ("7 of 10 units of #2 Relu are 0 for the whole batch.",)
    few = ge.relu(x[:6] @ w + off).sum()
    few.backward(retain_graph=True)
    found = ge.report(few)
    assert found.healthy and any(
        "10 units of #" in note and "Relu are 0 for the whole batch" in note for note in found.notes
    )


@pytest.mark.parametrize("shape", [(8, 6), (8, 6, 5), (8, 5, 6), (8, 6, 4, 4)])
def test_dead_units_are_counted_along_their_axis(shape: tuple[int, ...]) -> None:
    axis = shape.index(6)
    x = np.abs(np.random.default_rng(0).standard_normal(shape)) + 0.1
    x[(slice(None),) * axis + ([1, 4],)] = -1.0
    t = ge.tensor(x, requires_grad=True)
    loss = ge.relu(t).sum()
    loss.backward(retain_graph=True)
    counted = "2 units" if len(shape) == 3 else "2 of 6 units"
    assert any(f"{counted} of #0 Relu are 0" in each for each in (*ge.report(loss).findings, *ge.report(loss).notes))


@pytest.mark.parametrize("name", ["tanh", "sigmoid"])
def test_a_saturated_function_is_told(name: str) -> None:
    x = ge.tensor(np.linspace(8.0, 12.0, 10), requires_grad=True)
    loss = getattr(ge, name)(x).sum()
    loss.backward(retain_graph=True)
    assert ge.report(loss).findings == (
        f"100 % of {name} #0's outputs are at its ends: hardly any gradient passes. It read numbers from 8.00 to 12.0.",
    )
    healthy = getattr(ge, name)(x * 0.1).sum()
    healthy.backward(retain_graph=True)
    assert ge.report(healthy).healthy


def test_parameters_and_products_are_counted() -> None:
    model = ge.nn.Sequential(ge.nn.Linear(5, 7), ge.nn.Tanh(), ge.nn.Linear(7, 2))
    with ge.watch(model) as watched:
        watched.backward(model(ge.ones((3, 5))).sum())
    found = watched.report()
    assert (found.parameters, found.multiply_adds) == (5 * 7 + 7 + 7 * 2 + 2, 3 * 5 * 7 + 3 * 7 * 2)
    assert "58 parameters, 147 multiply-adds in the forward pass" in str(found)


@pytest.mark.torch
@pytest.mark.parametrize("name", ["resnet", "gpt", "unet"])
def test_products_are_those_that_pytorch_counts(name: str) -> None:
    torch = pytest.importorskip("torch")
    models = importlib.import_module("tests.torch_models")
    model, x = {
        "resnet": lambda: (models.ResNet(), torch.randn(2, 3, 64, 64)),
        "gpt": lambda: (models.GPT(2), torch.arange(16).reshape(2, 8)),
        "unet": lambda: (models.UNet(), torch.randn(1, 1, 16, 16)),
    }[name]()
    counter = importlib.import_module("torch.utils.flop_counter")
    with counter.FlopCounterMode(display=False) as counted:
        model(x)
    with ge.watch(model) as watched:
        model(x).square().mean().backward()
    found = watched.report()
    assert found.multiply_adds * 2 == counted.get_total_flops()
    assert found.parameters == sum(parameter.numel() for parameter in model.parameters())


BOUNDED = {"tanh": (-1, 1), "sigmoid": (0, 1), "softsign": (-1, 1), "erf": (-1, 1), "hardsigmoid": (0, 1)}


@pytest.mark.parametrize("spread", [0.1, 3.0, 40.0, 1000.0])
@pytest.mark.parametrize("shape", [(6, 5), (40, 6), (8, 5, 6), (4, 6, 3, 3)])  # in full, and as statistics
@pytest.mark.parametrize("name", BOUNDED)
def test_entries_at_the_ends_are_those_that_numpy_counts(name: str, shape: tuple[int, ...], spread: float) -> None:
    x = ge.tensor(np.random.default_rng(0).standard_normal(shape) * spread, requires_grad=True)
    y = getattr(ge, name)(x)
    y.sum().backward(retain_graph=True)
    low, high = BOUNDED[name]
    near = (y.array < low + 0.03) | (y.array > high - 0.03)
    axes = {1, len(shape) - 1} if len(shape) == 3 else {1}
    stuck = max(near.all(axis=tuple(k for k in range(len(shape)) if k != axis)).sum() for axis in axes)
    (layer,) = ge.report(y.sum()).layers[:1]
    assert (layer.op, layer.at_ends, layer.stuck) == (name, pytest.approx(near.mean()), stuck)
    assert layer.mean == pytest.approx(y.array.mean()) and layer.std == pytest.approx(y.array.std())
    said = any("at its ends: hardly any gradient passes" in each for each in ge.report(y.sum()).findings)
    assert said is bool(near.mean() > 0.5)


def test_positive_results_of_tanh_near_zero_are_not_at_its_ends() -> None:
    x = ge.tensor(np.linspace(0.0, 0.02, 100), requires_grad=True)
    loss = ge.tanh(x).sum()
    loss.backward(retain_graph=True)
    assert ge.report(loss).layers[0].at_ends == 0 and ge.report(loss).healthy


def test_a_probability_that_a_loss_reads_may_be_near_its_ends() -> None:
    x = ge.tensor(np.repeat([-9.0, 9.0], 40), requires_grad=True)
    loss = ge.binary_cross_entropy(ge.sigmoid(x), np.repeat([0.0, 1.0], 40))
    loss.backward(retain_graph=True)
    assert not any("ends" in finding for finding in ge.report(loss).findings)


@pytest.mark.parametrize("loss_of", ["cross_entropy", "nll_loss", "binary_cross_entropy_with_logits"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_loss_above_that_of_even_chances_is_told(loss_of: str, reduction: str) -> None:
    rng = np.random.default_rng(0)
    target = rng.integers(0, 2, (50, 4)).astype(float) if "logits" in loss_of else rng.integers(0, 4, 50)
    for size, too_large in ((0.1, False), (20.0, True)):
        x = ge.tensor(rng.standard_normal((50, 4)) * size, requires_grad=True)
        given = ge.log_softmax(x, axis=1) if loss_of == "nll_loss" else x
        loss = getattr(ge, loss_of)(given, target, reduction=reduction)
        loss.backward(retain_graph=True)
        said = [each for each in ge.report(loss).findings if "even chances" in each]
        assert bool(said) is (too_large and reduction == "mean")
        chance = "0.693" if "logits" in loss_of else "1.39"
        assert all(f"even chances for every class give {chance}" in each for each in said)


@pytest.mark.parametrize(("rate", "said"), [(1e-2, ""), (50.0, "a tenth of its size"), (1e-9, "a millionth")])
def test_how_far_a_step_moves_weights_is_measured_and_told(rate: float, said: str) -> None:
    ge.manual_seed(0)
    model = ge.nn.Sequential(ge.nn.Linear(5, 8), ge.nn.Tanh(), ge.nn.Linear(8, 3))
    optimizer = ge.optim.SGD(model.parameters(), lr=rate)
    before = {name: each.array.copy() for name, each in model.named_parameters()}
    with ge.watch(model, optimizer=optimizer) as watched:
        watched.backward(ge.nn.functional.cross_entropy(model(ge.randn(20, 5)), ge.randint(0, 3, (20,))))
        optimizer.step()
    assert "step" not in vars(optimizer)
    for name, each in model.named_parameters():
        moved = np.linalg.norm(each.array - before[name]) / np.linalg.norm(before[name])
        assert row(watched.report(), name).update == pytest.approx(moved)
    findings = [each for each in watched.report().findings if each.startswith("A step changes")]
    assert [said in each for each in findings] == [True] * bool(said)
    assert from_json(to_json(watched.record)) == watched.record
    assert "  update  " in str(watched.report())


def test_the_updates_of_a_training_stand_in_its_history() -> None:
    ge.manual_seed(0)
    model = ge.nn.Linear(5, 3)
    optimizer = ge.optim.SGD(model.parameters(), lr=0.1)
    with ge.watch(model, optimizer=optimizer, every=2) as watched:
        for _ in range(4):
            optimizer.zero_grad()
            watched.backward((model(ge.ones((4, 5))) ** 2).mean())
            optimizer.step()
    updates = [row(each.report, "weight").update for each in watched.history]
    assert [each.step for each in watched.history] == [0, 2] and all(updates)
    with pytest.raises(ge.ArgumentError, match="with a step"):
        ge.watch(model, optimizer=model.parameters())


@pytest.mark.torch
def test_updates_of_pytorch_are_measured() -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(5, 40), torch.nn.Tanh(), torch.nn.Linear(40, 3))
    with torch.no_grad():
        model[0].weight *= 100
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
    before = {name: each.detach().clone() for name, each in model.named_parameters()}
    with ge.watch(model, optimizer=optimizer, shares="norms") as watched:
        torch.nn.functional.cross_entropy(model(torch.randn(64, 5)), torch.randint(0, 3, (64,))).backward()
        optimizer.step()
    schedule.step()
    for name, each in model.named_parameters():
        moved = (each.detach() - before[name]).norm() / before[name].norm()
        assert row(watched.report(), name).update == pytest.approx(moved.item(), rel=1e-5)
    assert any("outputs in 1 (" in each for each in watched.report().findings)


def test_the_tree_and_show_tell_the_health_of_layers() -> None:
    ge.manual_seed(0)
    model = ge.nn.Sequential(ge.nn.Linear(10, 32), ge.nn.Tanh(), ge.nn.Linear(32, 32), ge.nn.ReLU())
    model[0].weight.data *= 100
    model[2].bias.data[:3] = -1000
    optimizer = ge.optim.SGD(model.parameters(), lr=0.1)
    with ge.watch(model, optimizer=optimizer) as watched:
        watched.backward(model(ge.randn(64, 10)).mean())
        optimizer.step()
    for level in (None, 1):
        lines = str(tree(watched.record, health=True, level=level)).splitlines()
        assert max(map(len, lines)) <= 80
        assert any("% at ends" in line for line in lines) and any("3 stuck" in line for line in lines)
        assert level or any("update " in line for line in lines)
    assert "3 of 32 units of #3 Relu in 3 are 0 for the whole batch." in watched.report().findings
    index = index_of(watched.record)
    shown = page(index, details(index, "n1"), Script(), 80)
    assert any("█▁" in text and text.endswith("█") for line in shown for text, _ in line)


def test_layers_without_a_model_have_the_names_of_their_scopes_and_a_watched_model_is_nudged() -> None:
    h = ge.tensor(np.ones((2, 3)))
    for k in range(2):
        layer = ge.nn.Linear(3, 3, seed=k)
        with ge.scope(f"block.{k}"):
            h = ge.tanh(layer(h))
    loss = (h**2).mean()
    loss.backward(retain_graph=True)
    names = [row.name for row in ge.report(loss).rows]
    assert names == ["block.0.weight", "block.0.bias", "block.1.weight", "block.1.bias"]
    model = ge.nn.Linear(3, 1)
    with ge.watch(model) as watched:
        watched.backward((model(ge.ones((2, 3))) ** 2).mean())
    assert watched.record.explain is not None and watched.record.explain.probe is not None
