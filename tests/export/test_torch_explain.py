"""The nudge and the step of PyTorch graphs, by running the program's forward pass again."""

from __future__ import annotations

from typing import Any

import pytest

from grad_engine.interop import from_torch
from grad_engine.record import from_json, index_of, to_json
from grad_engine.record.explained import nudge_words
from grad_engine.story import as_table, lesson

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch


def net(*extra: Any) -> Any:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(3, 5), *extra, torch.nn.Tanh(), torch.nn.Linear(5, 2))


def state(model: Any) -> list[bytes]:
    tensors = [*model.parameters(), *model.buffers()]
    return [tensor.detach().numpy().tobytes() for tensor in tensors] + [torch.get_rng_state().numpy().tobytes()]


def test_a_nudge_agrees_with_the_gradient_and_nothing_changes() -> None:
    model, x = net(), torch.randn(4, 3)
    loss = (model(x) ** 2).mean()
    before = state(model)
    record = from_torch(loss, model=model, rerun=lambda: (model(x) ** 2).mean())
    assert state(model) == before
    assert all(parameter.grad is None for parameter in model.parameters())
    explain = from_json(to_json(record)).explain
    assert explain is not None and explain.probe is not None and explain.probe.agrees and explain.reason == ""
    assert explain.probe.ratio == pytest.approx(explain.probe.gradient, rel=0.02)
    assert explain.step is not None and explain.step.after < explain.step.before
    loss.backward()
    name = index_of(record).leaf(explain.probe.accumulator).name
    parameter = dict(model.named_parameters())[name]
    assert float(parameter.grad[explain.probe.index]) == pytest.approx(explain.probe.gradient)
    assert "its gradient is" in (nudge_words(record) or "")
    assert "they agree" in as_table(lesson(record))


def test_the_entry_can_be_chosen_and_a_record_without_rerun_is_as_before() -> None:
    model, x = net(), torch.randn(4, 3)
    record = from_torch(model(x).sum(), model=model, rerun=lambda: model(x).sum(), explain="0.weight[2,1]")
    assert record.explain is not None and record.explain.probe is not None
    assert record.explain.probe.index == (2, 1)
    assert from_torch(model(x).sum(), model=model).explain is None
    assert from_torch(model(x).sum(), model=model, rerun=lambda: model(x).sum(), explain=False).explain is None


def test_batch_norm_keeps_its_statistics() -> None:
    model, x = net(torch.nn.BatchNorm1d(5)), torch.randn(8, 3)
    loss = (model(x) ** 2).mean()
    before = state(model)
    record = from_torch(loss, model=model, rerun=lambda: (model(x) ** 2).mean())
    assert state(model) == before
    assert record.explain is not None and record.explain.probe is not None
    loss.backward()  # no version counter moved


@pytest.mark.parametrize(
    ("rerun", "said"),
    [
        (lambda model, x: model(x).sum() + torch.rand(()), "other numbers than were recorded"),
        (lambda model, x: model(x), "a tensor of shape"),
        (lambda model, x: model(x[:, :2]), "raised RuntimeError"),
    ],
)
def test_what_cannot_be_repeated_has_no_nudge_and_says_why(rerun: Any, said: str) -> None:
    model, x = net(), torch.randn(4, 3)
    record = from_torch(model(x).sum(), model=model, rerun=lambda: rerun(model, x))
    assert record.explain is not None and record.explain.probe is None
    assert said in record.explain.reason


def test_dropout_has_another_mask() -> None:
    model, x = net(torch.nn.Dropout(0.5)), torch.randn(4, 3)
    torch.manual_seed(3)
    record = from_torch(model(x).sum(), model=model, rerun=lambda: model(x).sum())
    assert record.explain is not None and "another dropout mask" in record.explain.reason
