"""Mistakes of lessons that can be told: each gets one warning that says what to write."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import grad_engine as ge
from grad_engine import nn, optim
from grad_engine.data import DataLoader, TensorDataset
from tests.support import normal


def test_softmax_before_cross_entropy() -> None:
    x = ge.tensor(normal(3, 4), requires_grad=True)
    with pytest.warns(UserWarning, match="pass what went into softmax"):
        ge.cross_entropy(ge.softmax(x), np.array([0, 1, 2]))
    with pytest.warns(UserWarning, match="pass what went into softmax"):
        nn.CrossEntropyLoss()(ge.softmax(x), np.array([0, 1, 2]))
    ge.cross_entropy(x, np.array([0, 1, 2]))


def test_probabilities_where_logarithms_or_scores_are_meant() -> None:
    x, target = ge.tensor(normal(3, 4), requires_grad=True), np.array([0, 1, 2])
    with pytest.warns(UserWarning, match="write log_softmax"):
        ge.nn.functional.nll_loss(ge.softmax(x), target)
    with pytest.warns(UserWarning, match="write log_softmax"):
        nn.NLLLoss()(nn.Softmax(dim=1)(x), target)
    for loss in (nn.BCEWithLogitsLoss(), ge.nn.functional.binary_cross_entropy_with_logits):
        with pytest.warns(UserWarning, match="went into sigmoid"):
            loss(ge.sigmoid(x), np.ones((3, 4)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.NLLLoss()(ge.log_softmax(x), target)
        nn.BCEWithLogitsLoss()(x, np.ones((3, 4)))
        nn.BCELoss()(ge.sigmoid(x), np.ones((3, 4)))


def test_a_forgotten_zero_grad() -> None:
    w = ge.tensor(normal(3), requires_grad=True)
    optimiser = optim.SGD([w], 0.1)
    for _ in range(3):  # two losses added up are no mistake
        (w * w).sum().backward()
        (w * 2).sum().backward()
        optimiser.step()
        w.grad = None
    (w * w).sum().backward()
    optimiser.step()
    optimiser.zero_grad(set_to_none=False)
    (w * w).sum().backward()
    optimiser.step()
    (w * w).sum().backward()  # no mistake yet: a discriminator collects gradients that its next round forgets
    with pytest.warns(UserWarning, match="call zero_grad"):
        optimiser.step()
    (w * w).sum().backward()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimiser.step()  # once


def test_a_loader_of_a_dataset_says_that_it_shuffles() -> None:
    rows = TensorDataset(normal(6, 2), np.arange(6))
    with pytest.warns(ge.SpellingWarning, match="shuffle=True or False"):
        DataLoader(rows, batch_size=2)
    loader = DataLoader(rows, batch_size=2, shuffle=False)
    assert [y.tolist() for _, y in loader] == [[0, 1], [2, 3], [4, 5]]
    assert len(loader.dataset) == 6 and loader.dataset[2][1].item() == 2


def test_a_layer_says_how_many_features_it_expects() -> None:
    with pytest.raises(ge.ShapeError, match=r"Linear\(5, 2\) expects 5 features along the last axis of x, got 3"):
        nn.Linear(5, 2)(ge.zeros(4, 3))


def test_schedules_and_amsgrad() -> None:
    w = ge.tensor(normal(3), requires_grad=True)
    optimiser = optim.Adam([w], 1.0, amsgrad=True)
    schedule = optim.lr_scheduler.ExponentialLR(optimiser, gamma=0.5)
    for _ in range(2):
        optimiser.zero_grad()
        (w * w).sum().backward()
        optimiser.step()
        schedule.step()
    assert schedule.get_last_lr() == [0.25]
    assert "parameter 0.max_exp_avg_sq" in optimiser.state_dict()
    rates = []
    schedule = optim.lr_scheduler.MultiStepLR(optim.SGD([w], 1.0), milestones=[1, 3], gamma=0.1)
    for _ in range(4):
        rates.append(schedule.get_last_lr()[0])
        schedule.step()
    assert rates == pytest.approx([1.0, 0.1, 0.1, 0.01])
