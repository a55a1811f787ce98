"""`watch`: a step is recorded as it ran, nothing stays on the model, and no gradient is another one."""

from __future__ import annotations

import gc
import sys
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.errors import ArgumentError, GraphError
from grad_engine.record import load_graph
from tests.torch_models import GPT, ResNet, Unrolled

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
pytestmark = pytest.mark.torch


class Checkpointed(nn.Module):
    """Two layers, the first of them computed again in backward."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.drop = nn.Linear(4, 8), nn.Linear(8, 3), nn.Dropout(0.5)

    def forward(self, x: Any) -> Any:
        again = torch.utils.checkpoint.checkpoint(lambda x: self.drop(self.one(x).tanh()), x, use_reentrant=False)
        return self.two(again)


MODELS = {
    "mlp": lambda: (nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 3)), torch.randn(5, 4)),
    "gpt": lambda: (GPT(layers=2), torch.arange(16).reshape(2, 8)),
    "resnet": lambda: (ResNet(), torch.randn(2, 3, 64, 64)),
    "cell": lambda: (Unrolled(5), torch.randn(5, 2, 4)),
    "encoder": lambda: (nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), torch.randn(2, 3, 4)),
    "sparse": lambda: (nn.Sequential(nn.Embedding(9, 4, sparse=True), nn.Linear(4, 3)), torch.arange(6)),
    "checkpoint": lambda: (Checkpointed(), torch.randn(5, 4)),
}


def step(model: Any, x: Any) -> Any:
    out = model(x)
    out = out.reshape(-1, out.shape[-1])
    return F.cross_entropy(out, torch.arange(len(out)) % out.shape[-1])


def state(model: Any) -> dict[str, Any]:
    """Everything that a model and its modules hold, hooks and flags too, without tensors."""
    found = {}
    for name, module in model.named_modules():
        for key, value in vars(module).items():
            if key not in ("_parameters", "_buffers", "_modules"):
                found[f"{name}.{key}"] = repr(value)
    for name, parameter in model.named_parameters():
        found[name] = parameter.requires_grad, parameter.is_leaf, repr(parameter._backward_hooks), type(parameter)
    return found


def trained(name: str, watched: bool, runs: int = 1) -> tuple[list[Any], Any]:
    torch.manual_seed(0)
    model, x = MODELS[name]()
    before = state(model)
    torch.manual_seed(1)
    watching = None
    if watched:
        with ge.watch(model) as watching:
            for _ in range(runs):
                step(model, x).backward()
    else:
        for _ in range(runs):
            step(model, x).backward()
    assert state(model) == before
    grads = [each.grad for each in model.parameters()]
    return [*(None if g is None else g.to_dense() for g in grads), *model.buffers(), torch.rand(3)], watching


@pytest.mark.parametrize("runs", [1, 2])
@pytest.mark.parametrize("name", MODELS)
def test_gradients_buffers_and_random_numbers_are_bitwise_those_outside(name: str, runs: int) -> None:
    inside, watched = trained(name, True, runs)
    outside, _ = trained(name, False, runs)
    for one, other in zip(inside, outside, strict=True):
        assert one is other is None or torch.equal(one, other)
    named = {row.name: row for row in watched.report().rows}
    torch.manual_seed(0)
    for (key, _), grad in zip(MODELS[name]()[0].named_parameters(), outside, strict=False):
        if grad is not None:
            assert named[key].gradient_norm == pytest.approx(grad.double().norm().item(), rel=1e-4)


def test_what_is_recorded_is_what_ran_with_modules_and_names() -> None:
    torch.manual_seed(0)
    model, x = MODELS["gpt"]()
    with ge.watch(model) as watched:
        loss = step(model, x)
        loss.backward()
    record = watched.record
    assert {"h.0.attn.c_attn", "h.1.mlp.act", "ln_f"} <= {node.scope for node in record.nodes}
    assert len(record.parameters) == len(list(model.parameters()))
    root = next(tensor for tensor in record.tensors if tensor.id == record.roots[0].tensor)
    assert root.data is not None and root.data.values is not None
    assert root.data.values[0] == pytest.approx(loss.item())
    assert watched.report().healthy
    assert "<iframe" in watched.page()._repr_html_()


def test_the_record_is_exported_as_it_is(tmp_path: Path) -> None:
    model, x = MODELS["mlp"]()
    with ge.watch(model) as watched:
        watched.backward(step(model, x))
    assert load_graph(ge.export_graph(watched, tmp_path / "step.json")) == watched.record
    assert load_graph(ge.export_graph(watched, tmp_path / "step.json", title="one step")).title == "one step"
    with pytest.raises(ArgumentError, match="full_data"):
        ge.export_graph(watched, tmp_path / "step.json", full_data=True)


@pytest.mark.parametrize("how", ["method", "keywords", "watched"])
def test_every_spelling_of_backward_is_seen(how: str) -> None:
    model = nn.Linear(3, 2)
    x, g = torch.randn(4, 3), torch.randn(4, 2)
    with ge.watch(model) as watched:
        out = model(x)
        if how == "method":
            out.backward(g, True)
        elif how == "keywords":
            out.backward(gradient=g, retain_graph=True)
        else:
            watched.backward(out, g, retain_graph=True)
        assert model.weight.grad is not None
        first = model.weight.grad.clone()
        out.backward(g)
    assert torch.equal(first, g.T @ x) and torch.equal(model.weight.grad, first + first)
    report = watched.report()
    assert report.rows[0].gradient_norm == pytest.approx(2 * first.norm().item(), rel=1e-5)
    assert len(watched.record.runs) == 2
    assert not any("added to what was there before" in note for note in report.notes)  # it is in the record itself
    with ge.watch(model) as watched:
        model(x).backward(g)
    assert any("added to what was there before" in note for note in watched.report().notes)


@pytest.mark.parametrize("where", ["forward", "backward", "block"])
def test_nothing_stays_on_the_model_when_something_raises(where: str) -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.Tanh())
    before, x = state(model), torch.randn(4, 3)

    def wrong() -> None:
        if where == "forward":
            model(torch.randn(4, 5))
        if where == "backward":
            loss = model(x).sum()
            loss.backward()
            loss.backward()  # freed
        raise KeyError

    with pytest.raises((RuntimeError, KeyError)), ge.watch(model):
        wrong()
    assert state(model) == before
    assert torch.overrides._get_current_function_mode_stack() == []
    model(x).sum().backward()


def test_no_reference_to_model_or_graph_stays() -> None:
    model, x = MODELS["mlp"]()
    counts = [sys.getrefcount(each) for each in (model, model[0], model[0].weight, x)]
    with ge.watch(model) as watched:
        out = model(x)
        loss = out.square().sum()
        loss.backward()
    seen = weakref.ref(loss), weakref.ref(out)
    del loss, out
    gc.collect()
    assert [each() for each in seen] == [None, None]
    assert watched.record and [sys.getrefcount(each) for each in (model, model[0], model[0].weight, x)] == counts
    with pytest.raises(ArgumentError, match="another block"):
        watched.__enter__()


def test_what_was_watched_goes_without_the_collector() -> None:
    model, x = MODELS["mlp"]()
    gc.collect()
    gc.disable()
    try:
        with ge.watch(model) as watched:
            step(model, x).backward()
        held = [weakref.ref(each) for each in (watched._step.graph, watched._step.notes, watched._step)]
        del watched
        assert [each() for each in held] == [None] * 3
    finally:
        gc.enable()


def test_a_block_without_a_run_says_what_to_call() -> None:
    model = nn.Linear(3, 2)
    with pytest.raises(GraphError, match=r"watched\.backward\(loss\)"), ge.watch(model) as watched:
        model(torch.randn(4, 3)).sum()
    with pytest.raises(GraphError, match=r"watched\.backward\(loss\)"):
        watched.report()


def test_a_run_of_another_model_is_not_taken_for_one_of_this() -> None:
    model, other = nn.Linear(3, 2), nn.Linear(3, 2)
    x = torch.randn(4, 3)
    with ge.watch(model) as watched:
        model(x).sum().backward()
        other(x).sum().backward()
    assert {row.name for row in watched.report().rows} == {"weight", "bias"}
    assert other.weight.grad is not None


def test_two_models_are_watched_at_once() -> None:
    maker, critic = nn.Linear(3, 2), nn.Linear(2, 1)
    x = torch.randn(4, 3)
    with ge.watch(maker) as first, ge.watch(critic) as second:
        critic(maker(x)).sum().backward()
    assert [row.gradient_norm for row in first.report().rows[:2]] == pytest.approx(
        [maker.weight.grad.norm().item(), maker.bias.grad.norm().item()], rel=1e-5
    )
    assert [row.gradient_norm for row in second.report().rows[:2]] == pytest.approx(
        [critic.weight.grad.norm().item(), critic.bias.grad.norm().item()], rel=1e-5
    )


def test_where_a_nan_begins_is_told_with_its_module() -> None:
    class Log(nn.Module):
        """The logarithm of each entry."""

        def forward(self, x: Any) -> Any:
            return x.log()

    model = nn.Sequential(nn.Linear(1, 2, bias=False), Log())
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0], [-1.0]]))
    with ge.watch(model) as watched:
        model(torch.ones(1, 1)).sum().backward()
    findings = watched.report().findings
    assert "NaN begins in the result of #2 Ln (1 of 2 values, in 1, at " in findings[0]
    assert "test_watching.py" in findings[0] and "return x.log()" in findings[0]


def test_parameters_without_a_gradient_have_their_reason() -> None:
    model = nn.ModuleDict({"used": nn.Linear(3, 2), "unused": nn.Linear(3, 2), "frozen": nn.Linear(3, 3)})
    model["frozen"].requires_grad_(False)
    with ge.watch(model) as watched:
        model["used"](model["frozen"](torch.randn(4, 3))).sum().backward()
    report = watched.report()
    assert report.findings == ("No gradient for unused.weight, unused.bias: no op of this graph reads it.",)
    assert any(note.startswith("No gradient for frozen.weight, frozen.bias: it does not") for note in report.notes)


def test_a_module_of_ours_is_watched() -> None:
    model = ge.nn.Sequential(ge.nn.Linear(3, 4), ge.nn.Tanh(), ge.nn.Linear(4, 1))
    x = ge.tensor(np.ones((2, 3)))
    with ge.watch(model) as watched:
        watched.backward((model(x) ** 2).mean())
    inside = [np.array(each.grad) for each in model.parameters()]
    model.zero_grad()
    (model(x) ** 2).mean().backward()
    for one, other in zip(inside, model.parameters(), strict=True):
        assert np.array_equal(one, np.asarray(other.grad))
    assert {row.module for row in watched.report().rows} == {"0", "2"}
    assert {row.name for row in watched.report().rows} == {"0.weight", "0.bias", "2.weight", "2.bias"}
    with pytest.raises(GraphError, match="no backward run"), ge.watch(model):
        (x * ge.tensor(1.0, requires_grad=True)).sum().backward()


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(ArgumentError, match="got Tensor"):
        ge.watch(torch.ones(3))
    with pytest.raises(ArgumentError, match="inside the block"):
        ge.watch(nn.Linear(1, 1)).backward(torch.ones(1))
