"""`watch` around more than one lone loss: several runs, a run every so often, a forward pass that raises, reasons."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.errors import ArgumentError
from grad_engine.record import check, from_json, to_json

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
pytestmark = pytest.mark.torch


def rows(watched: Any) -> dict[str, Any]:
    return {row.name: row for row in watched.report().rows}


def test_both_losses_of_a_gan_are_in_one_record() -> None:
    torch.manual_seed(0)
    maker = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    critic = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))
    model = nn.ModuleDict({"maker": maker, "critic": critic})
    steps = [torch.optim.SGD(part.parameters(), 0.1) for part in (critic, maker)]
    with ge.watch(model) as watched:
        fake = maker(torch.randn(5, 4))
        (critic(fake.detach()).mean() - critic(torch.randn(5, 2)).mean()).backward()
        first = critic[0].weight.grad.clone()
        steps[0].step()
        steps[0].zero_grad()
        (-critic(fake).mean()).backward()
        steps[1].step()
    record = watched.record
    assert (len(record.runs), len(record.roots)) == (2, 2)
    assert from_json(to_json(record)) == record
    by_name = {
        (record.by_id[change.accumulator].leaf, k): change.after
        for k, run in enumerate(record.runs)
        for change in run.leaves
    }
    leaf = next(tensor.id for tensor in record.tensors if tensor.name == "critic.0.weight")
    held = record.by_id[by_name[leaf, 0]].data.values
    np.testing.assert_array_equal(np.float32(held).reshape(8, 2), first.numpy())
    assert rows(watched)["maker.0.weight"].gradient_norm == pytest.approx(maker[0].weight.grad.norm().item(), rel=1e-5)
    assert watched.report().healthy


def test_two_losses_over_one_trunk_share_its_nodes() -> None:
    model = nn.ModuleDict({"trunk": nn.Linear(3, 4), "one": nn.Linear(4, 1), "two": nn.Linear(4, 1)})
    with ge.watch(model) as watched:
        h = model["trunk"](torch.randn(6, 3)).tanh()
        model["one"](h).sum().backward(retain_graph=True)
        model["two"](h).square().sum().backward()
    record = watched.record
    assert [node.scope for node in record.nodes].count("trunk") == 2
    assert [root.node for root in record.roots] == [run.root for run in record.runs]
    assert rows(watched)["trunk.weight"].gradient_norm == pytest.approx(
        model["trunk"].weight.grad.norm().item(), rel=1e-5
    )
    assert not watched.report().notes  # the second run adds to what the first left: that is no news


def test_after_sixteen_runs_a_record_begins_anew() -> None:
    model = nn.Linear(2, 1)
    with ge.watch(model) as watched:
        for _ in range(18):
            model(torch.ones(1, 2)).sum().backward()
    assert len(watched.record.runs) == 2


class Stops(nn.Module):
    """Its second layer gets what does not fit."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.rest = nn.Linear(3, 3), nn.Sequential(nn.Linear(3, 3), nn.Linear(4, 4))

    def forward(self, x: Any) -> Any:
        return self.rest(self.first(x).relu())


def test_a_forward_pass_that_raises_leaves_what_ran_and_where_it_stopped() -> None:
    model = Stops()
    with pytest.raises(RuntimeError), ge.watch(model) as watched:
        model(torch.randn(2, 3)).sum().backward()
    record = watched.record
    assert [node.scope for node in record.nodes if node.op == "addmm"] == ["first", "rest.0"]
    assert not record.runs
    assert record.stopped.startswith("RuntimeError in rest.1 at test_watching_steps.py:")
    assert from_json(to_json(record)) == record
    report = watched.report()
    assert not report.healthy
    assert report.findings == (f"The program stopped: {record.stopped}.",)


def test_a_block_that_raises_before_any_op_has_no_record() -> None:
    with pytest.raises(KeyError), ge.watch(nn.Linear(1, 1)) as watched:
        raise KeyError
    with pytest.raises(ge.GradEngineError, match="no backward run"):
        watched.report()


def test_a_backward_run_that_raises_is_recorded_as_far_as_it_came() -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1))

    def stop(g: Any) -> None:
        raise ValueError("no more")

    def step() -> None:
        h = model[:2](torch.randn(4, 3))
        h.register_hook(stop)
        model[2](h).sum().backward()

    with pytest.raises(ValueError, match="no more"), ge.watch(model) as watched:
        step()
    (run,) = watched.record.runs
    assert not run.complete
    assert "interrupted" in " ".join(watched.report().findings)


def test_parameters_that_the_loss_does_not_see_have_their_reason() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for name in ("used", "detached", "outside", "unread", "dropped", "data"):
                setattr(self, name, nn.Linear(3, 3, bias=False))

        def forward(self, x: Any) -> Any:
            kept = self.used(x) + self.detached(x).relu().detach() + self.data(x).data
            with torch.no_grad():
                outside = self.outside(x)
            self.dropped(x)
            return kept + outside

    model = Model()
    with ge.watch(model) as watched:
        model(torch.randn(2, 3)).sum().backward()
    reasons = {name: row.reason for name, row in rows(watched).items()}
    here = r"test_watching_steps\.py:\d+"
    for name, words in {
        "used": "",
        "detached": rf"detach \({here}\) cuts it off from the loss: the result carries no gradient",
        "outside": rf"only linear \({here}\) reads it, where no graph is recorded \(torch\.no_grad\(\)\)",
        "unread": "no op of this graph reads it",
        "dropped": rf"the loss does not depend on what linear \({here}\) makes of it",
        "data": rf"\.data \({here}\) cuts it off from the loss: the result carries no gradient",
    }.items():
        assert re.fullmatch(words, reasons[f"{name}.weight"])


def test_every_so_many_runs_are_kept_as_a_history() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    step = torch.optim.SGD(model.parameters(), 0.05)
    x, y = torch.randn(8, 3), torch.randn(8, 1)
    norms, losses = [], []
    with ge.watch(model, every=4) as watched:
        for _ in range(10):
            step.zero_grad()
            loss = (model(x) - y).square().mean()
            loss.backward()
            norms.append(model[0].weight.grad.norm().item())
            losses.append(loss.item())
            step.step()
    history = watched.history
    assert [row.step for row in history] == [0, 4, 8]
    assert [row.loss for row in history] == pytest.approx([losses[k] for k in (0, 4, 8)])
    assert [row.report.rows[0].gradient_norm for row in history] == pytest.approx(
        [norms[k] for k in (0, 4, 8)], rel=1e-5
    )
    assert len(watched.record.runs) == 1
    assert {node.scope for node in watched.record.nodes} == {"0", "1", "2", ""}
    shown = str(history)
    assert max(map(len, shown.splitlines())) <= 80
    assert "3 recorded steps, 0 to 8" in shown and "loss" in shown
    drawn = ElementTree.fromstring(history.to_svg())
    words = {text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")}
    assert {"0", "2", "step 0", "step 8", "loss"} <= words


def test_a_training_between_recorded_runs_is_left_alone() -> None:
    model = nn.Linear(2, 1)
    with ge.watch(model, every=5):
        model(torch.ones(1, 2)).sum().backward()
        assert not model._forward_hooks and not model._forward_pre_hooks


def test_a_nan_in_the_middle_of_a_training_is_in_its_history() -> None:
    model = nn.Linear(2, 1)
    with ge.watch(model, every=2) as watched:
        for k in range(6):
            model.zero_grad()
            (model(torch.ones(1, 2)) * (float("nan") if k == 2 else 1.0)).sum().backward()
    assert [row.report.healthy for row in watched.history] == [True, False, True]
    assert "Step 2: " in str(watched.history) and "!" in str(watched.history)
    assert "×" in watched.history.to_svg()


def test_our_own_modules_have_a_history_too() -> None:
    model = ge.nn.Linear(2, 1)
    x = ge.tensor(np.ones((3, 2)))
    with ge.watch(model, every=2) as watched:
        for _ in range(3):
            watched.backward((model(x) ** 2).mean())
    assert [row.step for row in watched.history] == [0, 2]


@pytest.mark.parametrize("shares", ["all", "norms"])
def test_what_is_measured_is_the_same_in_both_ways(shares: str) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(30, 40), nn.ReLU(), nn.Linear(40, 20))
    x = torch.randn(10, 30)
    with ge.watch(model, shares=shares) as watched:
        loss = F.cross_entropy(model(x), torch.arange(10))
        loss.backward()
    for name, parameter in model.named_parameters():
        row = rows(watched)[name]
        assert row.value_norm == pytest.approx(parameter.detach().norm().item(), rel=1e-5)
        assert row.gradient_norm == pytest.approx(parameter.grad.norm().item(), rel=1e-5)
        assert row.gradient_zeros == pytest.approx((parameter.grad == 0).double().mean().item())
    large = [tensor for tensor in watched.record.tensors if tensor.stats is not None]
    assert large and all((tensor.stats.histogram is None) == (shares == "norms") for tensor in large)


def test_options_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ArgumentError, match="shares is"):
        ge.watch(nn.Linear(1, 1), shares="some")
    for wrong in (0, -1, True, 1.5):
        with pytest.raises(ArgumentError, match="from 1 on"):
            ge.watch(nn.Linear(1, 1), every=wrong)  # type: ignore[arg-type]


def two_losses(model: Any) -> tuple[Any, Any]:
    h = model["trunk"](torch.arange(18.0).reshape(6, 3) / 9).tanh()
    return model["one"](h).sum(), model["two"](h).square()


def take(model: Any, grads: Any) -> None:
    for parameter, g in zip(model.parameters(), grads, strict=True):
        parameter.grad = g


def both(model: Any) -> None:
    one, two = two_losses(model)
    torch.autograd.backward([one, two], [None, torch.full_like(two, 2.0)])


def one_within_the_other(model: Any) -> None:
    one, two = two_losses(model)
    torch.autograd.backward((one, one * 2 + two.sum()))


def after_another(model: Any) -> None:
    one, two = two_losses(model)
    torch.autograd.backward(one, retain_graph=True)
    torch.autograd.backward(tensors=two.sum())


def for_some(model: Any) -> None:
    torch.autograd.backward(two_losses(model)[1].sum(), inputs=list(model["trunk"].parameters()))


def returned(model: Any) -> None:
    one, two = two_losses(model)
    take(model, torch.autograd.grad(one + two.sum(), list(model.parameters())))


def returned_of_both(model: Any) -> None:
    one, two = two_losses(model)
    seeds = [torch.tensor(2.0), torch.tensor(3.0)]
    take(model, torch.autograd.grad([one, two.sum()], tuple(model.parameters()), seeds))


def penalised(model: Any) -> None:
    x = torch.ones(6, 3, requires_grad=True)
    h = model["trunk"](x).tanh()
    (g,) = torch.autograd.grad(model["one"](h).sum(), x, create_graph=True)
    (g.square().sum() + model["two"](h).sum()).backward()


def in_a_batch(model: Any) -> None:
    one, two = two_losses(model)
    rows = torch.stack([torch.ones_like(two)] * 3)
    torch.autograd.grad(two, model["two"].weight, rows, is_grads_batched=True, retain_graph=True)
    one.backward()


@pytest.mark.parametrize("whole", [True, False], ids=["small", "large"])
@pytest.mark.parametrize(
    "run",
    [both, one_within_the_other, after_another, for_some, returned, returned_of_both, penalised, in_a_batch],
    ids=lambda run: run.__name__,
)
def test_every_function_that_runs_backward_is_seen(run: Any, whole: bool) -> None:
    def trained(watched: bool) -> tuple[Any, Any]:
        torch.manual_seed(0)
        model = nn.ModuleDict({"trunk": nn.Linear(3, 4), "one": nn.Linear(4, 1), "two": nn.Linear(4, 2)})
        if not watched:
            run(model)
            return model, None
        with ge.watch(model, shares="all" if whole else "norms") as watching:
            run(model)
        return model, watching

    outside, _ = trained(False)
    inside, watched = trained(True)
    record = watched.record
    check(record)
    assert from_json(to_json(record)) == record
    assert len(record.runs) == (2 if run in (after_another, penalised) else 1)
    found = rows(watched)
    for (name, one), other in zip(inside.named_parameters(), outside.parameters(), strict=True):
        assert one.grad is other.grad is None or torch.equal(one.grad, other.grad)
        known = found[name].gradient_norm
        assert known is None if one.grad is None else known == pytest.approx(one.grad.norm().item(), rel=1e-5)
    several = [len(node.inputs) for node in record.nodes if node.op == "several_roots"]
    assert several == ([2] if run in (both, one_within_the_other, returned_of_both) else [])
    assert watched.report().healthy == (run not in (penalised, in_a_batch, for_some))
    if run is for_some:
        assert "backward was asked for the gradients of other tensors alone" in watched.report().notes[0]
    if run is in_a_batch:
        assert "the loss does not depend on what linear" in watched.report().findings[0]


@pytest.mark.parametrize("how", ["inputs", "a hook", "a hook after it", "taken away", "create_graph"])
@pytest.mark.filterwarnings("ignore:Using backward:UserWarning")
def test_a_gradient_is_what_the_program_left(how: str) -> None:
    """Hooks of the program's own change gradients after they were sent; the row has what `.grad` holds in the end."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(30, 40), nn.Tanh(), nn.Linear(40, 1))
    x, weight = torch.randn(5, 30), model[0].weight

    def after(parameter: Any) -> None:
        if how == "taken away":
            parameter.grad = None
        elif how == "a hook after it":
            parameter.grad.mul_(3)

    weight.register_post_accumulate_grad_hook(after)
    if how == "a hook":
        weight.register_hook(lambda g: g * 2)
    options = {"inputs": {"inputs": [weight]}, "create_graph": {"create_graph": True}}.get(how, {})
    with ge.watch(model) as watched:
        model(x).sum().backward(**options)
    row = rows(watched)["0.weight"]
    if weight.grad is not None:
        assert row.gradient_norm == pytest.approx(weight.grad.detach().norm().item(), rel=1e-5)
    assert row.has_gradient
    assert (rows(watched)["2.weight"].gradient_norm is None) == (how == "inputs")
    model.zero_grad()


def test_warnings_of_pytorch_name_the_line_of_the_program() -> None:
    model = nn.Linear(4, 1)

    def loss() -> Any:
        return F.mse_loss(model(torch.ones(5, 4)), torch.ones(5))

    with pytest.warns(UserWarning, match="target size") as outside:
        loss()
    with pytest.warns(UserWarning, match="target size") as inside, ge.watch(model):
        loss().backward()
    (before,), (after,) = outside.list, inside.list
    assert (after.filename, after.lineno) == (before.filename, before.lineno)
