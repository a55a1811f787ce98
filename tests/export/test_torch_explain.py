"""The nudge and the step of PyTorch graphs, by running the program's forward pass again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from grad_engine.core.define import BY_NAME
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


def test_the_entry_can_be_chosen_and_nothing_explained_on_request() -> None:
    model, x = net(), torch.randn(4, 3)
    record = from_torch(model(x).sum(), model=model, rerun=lambda: model(x).sum(), explain="0.weight[2,1]")
    assert record.explain is not None and record.explain.probe is not None
    assert record.explain.probe.index == (2, 1)
    assert from_torch(model(x).sum(), model=model, rerun=lambda: model(x).sum(), explain=False).explain is None


def test_without_rerun_a_record_has_all_but_the_nudge_and_the_step_and_says_how_to_get_them() -> None:
    model, x = net(), torch.randn(4, 3)
    loss = (model(x) ** 2).mean()
    full = from_torch(loss, model=model, rerun=lambda: (model(x) ** 2).mean()).explain
    record = from_torch(loss, model=model)
    bare = record.explain
    assert full is not None and bare is not None
    assert (bare.probe, bare.step) == (None, None) and full.probe is not None
    assert (bare.paths, bare.curves, bare.spots, bare.holds) == (full.paths, full.curves, full.spots, full.holds)
    assert "no nudge: pass rerun=lambda: loss_fn(model(x), y) to from_torch()" in (nudge_words(record) or "")
    said = as_table(lesson(record))
    assert "?" not in said and "multiply its slopes" in said and "measured" not in said
    # What is told of the followed number is what PyTorch gives.
    last = bare.paths[0].steps[-1]
    leaf = index_of(record).leaf(index_of(record).edges[last.edge].receiver)
    loss.backward()
    gradient = float(dict(model.named_parameters())[leaf.name].grad[last.to])
    shown = lesson(record)[-1].sentence.rsplit(" = ", 1)[1].removesuffix(".")
    assert float(shown.replace("−", "-")) == pytest.approx(gradient, rel=1e-2)


def test_hooks_of_the_program_run_once_and_no_gradient_is_written() -> None:
    model, x = net(), torch.randn(4, 3)
    hidden = model[0](x)
    calls: list[Any] = []
    hidden.register_hook(calls.append)
    record = from_torch((model[1:](hidden) ** 2).mean(), model=model)
    assert record.explain is not None and record.explain.paths
    assert len(calls) == 1 and all(parameter.grad is None for parameter in model.parameters())


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


def gradients_of(record: Any) -> tuple[Any, float]:
    explain = record.explain
    return explain.paths, explain.probe.gradient


def test_paths_multiply_to_shares_of_the_gradient() -> None:
    a, b = (torch.tensor(value, requires_grad=True) for value in (1.5, -0.5))

    def run() -> Any:
        return torch.tanh(a * b) * a + a**2

    record = from_torch(run(), names={"a": a, "b": b}, rerun=run)
    paths, gradient = gradients_of(record)
    assert sum(path.steps[-1].product for path in paths) == pytest.approx(gradient, rel=1e-5)
    index = index_of(record)
    for path in paths:
        product = 1.0
        for step in path.steps:
            product *= step.slope
            assert step.product == pytest.approx(product, rel=1e-5)
        assert index.edges[path.steps[-1].edge].receiver == record.explain.probe.accumulator
    assert all(record.explain.holds.values())
    assert {curve.op for curve in record.explain.curves} == {"tanh", "pow"}


def test_a_path_through_matrices_has_the_slopes_of_its_entries() -> None:
    model, x = net(torch.nn.LayerNorm(5)), torch.randn(4, 3)
    loss = (model(x) ** 2).mean()
    record = from_torch(loss, model=model, rerun=lambda: (model(x) ** 2).mean(), explain="0.weight[2,1]")
    (path,) = record.explain.paths
    index = index_of(record)
    for step in path.steps:  # the gradient at each entry is what backward brought there
        g = index.gradient_tensor(index.edges[step.edge].sender)
        shape = g.shape
        flat = sum(k * int(np.prod(shape[axis + 1 :])) for axis, k in enumerate(step.of))
        assert g.data.values[flat] == pytest.approx(step.gradient, rel=1e-4)
    last = path.steps[-1]
    assert last.to == (2, 1)
    assert record.explain.spots and all(spot.total == pytest.approx(spot.total) for spot in record.explain.spots)


def test_a_lesson_on_a_model_of_pytorch_has_rules_with_numbers() -> None:
    model, x = net(), torch.randn(4, 3)
    loss = (model(x) ** 2).mean()
    scenes = lesson(from_torch(loss, model=model, names={"loss": loss}, rerun=lambda: (model(x) ** 2).mean()))
    names = [scene.name for scene in scenes]
    assert "row" in names and any(scene.inset is not None and 5 in scene.moves for scene in scenes), as_table(scenes)
    assert any(name in ("path", "paths") for name in names)


FUNCTIONS = {
    "layer_norm": lambda h: torch.nn.functional.layer_norm(h, (4,)),
    "gelu": lambda h: torch.nn.functional.gelu(h),
    "group_norm": lambda h: torch.nn.functional.group_norm(h, 2),
    "cumsum": lambda h: torch.cumsum(h, 0),
    "scaled_dot_product_attention": lambda h: torch.nn.functional.scaled_dot_product_attention(*[h[None, None]] * 3),
    "addmm": lambda h: torch.baddbmm(torch.ones(1, 3, 3), h[None], torch.ones(1, 4, 3)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_ops_of_pytorch_have_the_sentence_of_ours(name: str) -> None:
    x = torch.randn(3, 4, requires_grad=True)
    node = from_torch(FUNCTIONS[name](x * 2).sum()).nodes[-2]
    assert node.sentence == BY_NAME[name].sentence != "", node
