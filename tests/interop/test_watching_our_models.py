"""`watch` around a step of our own modules, without PyTorch."""

from __future__ import annotations

import numpy as np

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
