"""`watch` around a step of our own modules, without PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

import grad_engine as ge


def test_every_backward_of_the_block_is_recorded_for_our_own_models() -> None:
    """`loss.backward()` as a lesson has it, of several losses; a loss that no parameter has a part in is left alone."""
    model = ge.nn.Linear(3, 2, seed=0)
    x, other = ge.ones((4, 3)), ge.tensor(2.0, requires_grad=True)
    outside = [(model(x) ** 2).mean(), model(x).sum()]
    for loss in outside:
        loss.backward()
    expected = [each.grad.numpy().copy() for each in model.parameters() if each.grad is not None]
    model.zero_grad()
    with ge.watch(model) as watched:
        (other * other).backward()
        (model(x) ** 2).mean().backward()
        watched.backward(model(x).sum())
    assert len(watched.record.runs) == 2
    for parameter, grad in zip(model.parameters(), expected, strict=True):
        assert parameter.grad is not None
        np.testing.assert_array_equal(parameter.grad.numpy(), grad)
    assert other.grad is not None and other.grad.item() == 4.0
    model(x).sum().backward()
    assert len(watched.record.runs) == 2, "a run after the block is not recorded"


def test_of_a_long_training_of_ours_the_due_runs_are_recorded_once() -> None:
    model = ge.nn.Linear(3, 1, seed=0)
    with ge.watch(model, every=2) as watched:
        for _ in range(5):
            (model(ge.ones((4, 3))) ** 2).mean().backward()
    assert len(watched.history) == 3


def moded() -> ge.nn.Sequential:
    layers = ge.nn.Linear(3, 8, seed=0), ge.nn.BatchNorm1d(8), ge.nn.Dropout(0.5, seed=0), ge.nn.Linear(8, 2, seed=1)
    return ge.nn.Sequential(*layers)


def test_a_wrong_mode_of_our_own_models_is_told() -> None:
    x = ge.tensor(np.random.default_rng(0).standard_normal((40, 3)))
    model = moded()
    with ge.watch(model) as watched:
        (model(x) ** 2).mean().backward()
        with ge.no_grad():
            model(x)
    (told,) = watched.report().findings
    assert told.startswith(
        "The model runs in training mode where no graph is recorded, as in an evaluation: BatchNorm1d"
    )
    assert model._hooks is None
    model = moded().eval()
    with ge.watch(model) as watched:
        (model(x) ** 2).mean().backward()
    (told,) = watched.report().findings
    assert told.startswith("The model is in evaluation mode, in which BatchNorm1d uses") and "model.train()" in told


def test_a_right_mode_of_our_own_models_is_no_finding() -> None:
    x = ge.tensor(np.random.default_rng(0).standard_normal((40, 3)))
    model = moded()
    with ge.watch(model) as watched:
        (model(x) ** 2).mean().backward()
        model.eval()
        with ge.no_grad():
            model(x)
        model.train()
    assert watched.report().healthy, watched.report().findings


def test_predictions_against_targets_of_another_shape_are_told() -> None:
    x = ge.tensor(np.random.default_rng(0).standard_normal((40, 3)))
    model = ge.nn.Linear(3, 1, seed=0)
    with ge.watch(model) as watched:
        ((model(x) - ge.ones(40)) ** 2).mean().backward()
    (told,) = watched.report().findings
    assert "reads the shapes (40, 1) and (40,), and compares each of 40 with each" in told


def test_two_linear_layers_of_ours_in_a_row_are_a_note() -> None:
    x = ge.tensor(np.random.default_rng(0).standard_normal((40, 3)))
    model = ge.nn.Sequential(ge.nn.Linear(3, 8, seed=0), ge.nn.Linear(8, 2, seed=1))
    with ge.watch(model) as watched:
        (model(x) ** 2).mean().backward()
    assert watched.report().healthy
    assert any("two linear layers with no activation between them" in each for each in watched.report().notes)


def test_values_of_parameters_are_known_after_several_steps() -> None:
    model = ge.nn.Linear(4, 4, seed=0)
    optimizer = ge.optim.SGD(model.parameters(), 1e-3)
    with ge.watch(model, optimizer=optimizer) as watched:
        for _ in range(3):
            optimizer.zero_grad()
            (model(ge.ones((2, 4))) ** 2).sum().backward()
            read = np.linalg.norm(model.weight.array)
            optimizer.step()
    report = watched.report()
    assert report.rows[0].value_norm == pytest.approx(read, rel=1e-6)
    assert report.rows[0].ratio == pytest.approx(report.rows[0].gradient_norm / read, rel=1e-6)
    assert not any("not recorded" in each for each in report.notes)
