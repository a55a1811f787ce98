"""compare_with_torch(): equal models agree, and of unequal ones the first parameter that parts is named."""

from __future__ import annotations

import re

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.errors import ArgumentError

torch = pytest.importorskip("torch")


def models() -> tuple[ge.nn.Module, torch.nn.Module]:
    ours = ge.nn.MLP([4, 5, 3], seed=0)
    return ours, torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3)).double()


def batches(count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(0)
    return [(rng.standard_normal((6, 4)), rng.integers(0, 3, 6)) for _ in range(count)]


def test_equal_models_agree_step_by_step() -> None:
    found = ge.compare_with_torch(*models(), batches(10), lr=0.1, momentum=0.9)
    assert found.agree and found.steps == 10 and found.largest < 1e-12
    assert found.compared == 10 * (4 * 5 + 5 + 5 * 3 + 3)
    np.testing.assert_allclose(*found.losses, rtol=1e-12)
    assert str(found).startswith("430 gradients compared in 10 steps; the largest difference is")


def test_the_first_gradient_that_parts_is_named() -> None:
    ours, theirs = models()
    theirs[2].bias.register_hook(lambda g: g * 1.001)
    found = ge.compare_with_torch(ours, theirs, batches(3))
    assert not found.agree and found.parted is not None and found.parted.startswith("2.bias at step 0: ")


def test_each_number_is_printed_once() -> None:
    said = str(ge.compare_with_torch(*models(), batches(2)))
    assert len(re.findall(r"\d\.\de[-+]\d\d", said)) == 1, said


def test_models_that_do_not_fit_are_refused() -> None:
    ours, _ = models()
    with pytest.raises(ArgumentError, match=r"0\.weight have the shapes"):
        ge.compare_with_torch(
            ours, torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.ReLU(), torch.nn.Linear(6, 3)), []
        )
    with pytest.raises(ArgumentError, match="have 4 and 2 parameters"):
        ge.compare_with_torch(ours, torch.nn.Linear(4, 5), [])


def test_neither_model_shares_memory_with_the_other() -> None:
    ours, theirs = models()
    ge.compare_with_torch(ours, theirs, batches(1))
    before = theirs[0].weight.detach().numpy().copy()
    next(ours.parameters()).data[...] = 0
    np.testing.assert_array_equal(theirs[0].weight.detach().numpy(), before)
