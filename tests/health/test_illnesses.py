"""Models with an illness that was planted: the report names what is wrong, and where."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import pytest

import grad_engine as ge
from grad_engine.errors import GraphError

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
pytestmark = pytest.mark.torch
HERE = r"test_illnesses\.py:\d+"


class Model(nn.Module):
    """Layers `a`, `skip` and `b`, and a function that is their forward pass."""

    def __init__(self, forward: Callable[[Any, Any], Any], classes: int = 3) -> None:
        super().__init__()
        self.a, self.skip, self.b = nn.Linear(4, 8), nn.Linear(4, 8), nn.Linear(8, classes)
        self.run = forward

    def forward(self, x: Any) -> Any:
        return self.run(self, x)


def classified(out: Any) -> Any:
    return F.cross_entropy(out, torch.arange(len(out)) % out.shape[-1])


def plain(m: Any, x: Any) -> Any:
    return m.b(F.relu(m.a(x)) + 0 * m.skip(x))


def distance(m: Any, x: Any) -> Any:
    return torch.sqrt((m.b(m.a(x * 0) * 0 + m.skip(x) * 0) - m.b.bias).square().sum(1))


def without_graph(m: Any, x: Any) -> Any:
    with torch.no_grad():
        h = m.a(x)
    return m.b(h + m.skip(x))


def unused(m: Any, x: Any) -> Any:
    return m.b(F.relu(m.a(x)))


def dropped(m: Any, x: Any) -> Any:
    m.seen = m.skip(x).mean()
    return m.b(F.relu(m.a(x)))


def repeated(m: Any, x: Any) -> Any:
    h = m.a(x)
    for _ in range(40):
        h = h * 3
    return m.b(h + m.skip(x))


def deep() -> Any:
    layers = (layer for _ in range(30) for layer in (nn.Linear(8, 8), nn.Sigmoid()))
    return nn.Sequential(*layers, nn.Linear(8, 3))


def stack(change: Callable[[Any], Any], function: Any = nn.ReLU) -> Any:
    model = nn.Sequential(nn.Linear(4, 16), function(), nn.Linear(16, 16), function(), nn.Linear(16, 3))
    with torch.no_grad():
        change(model)
    return model


def hooked(change: Callable[[Any], Any]) -> Any:
    model = stack(lambda m: None, nn.Tanh)
    model[0].weight.register_hook(change)
    return model


def no_graph(layer: Any) -> Callable[[Any], Any]:
    return torch.no_grad()(layer)


def fading(m: Any, x: Any) -> Any:
    h = 0 * m.a(x)
    for _ in range(40):
        h = torch.tanh(m.skip(x) + h * 0.1)
    return m.b(h)


LISTED = [nn.Linear(8, 8)]


class Root(torch.autograd.Function):
    """A root whose rule divides by 0."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x.sqrt()

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g / ctx.saved_tensors[0].sqrt()


class Unseen(nn.Module):
    """Adds 0 in a function of C++, whose result nobody keeps."""

    def forward(self, x: Any) -> Any:
        return torch.addmm(x, torch.zeros(len(x), 1), torch.zeros(1, x.shape[1])).mul(1).add(0)


def halved() -> Any:
    model = stack(lambda m: m[2].weight.mul_(2e5)).half()
    return nn.Sequential(model, nn.Softmax(dim=-1))


def x() -> Any:
    return torch.randn(64, 4)


# name -> model, loss, a pattern in what is wrong (or in the notes, where nothing is)
ILL: dict[str, tuple[Callable[[], Any], Callable[[Any], Any], str]] = {
    "NaN of a logarithm": (
        lambda: Model(lambda m, x: torch.log(plain(m, x))),
        lambda m: m(x()).mean(),
        rf"^NaN begins in the result of #\d+ Ln \(\d+ of 192 values, at .*{HERE}: .*\. It read numbers from −",
    ),
    "slope of a root at 0": (
        lambda: Model(distance),
        lambda m: m(x()).mean(),
        rf"^In backward, (NaN|infinity) begins in the gradient that #\d+ Sqrt sends .*{HERE}.* It read 0\.$",
    ),
    "0 / 0": (
        lambda: Model(lambda m, x: (y := F.relu(plain(m, x) - 100)) / y.sum(1, keepdim=True)),
        lambda m: m(x()).mean(),
        r"^NaN begins in the result of #\d+ Div .* It read 0 and 0\.$",
    ),
    "overflow of half precision": (
        halved,
        lambda m: m(x().half()).float().mean(),
        r"^Infinity begins in the result of #\d+ Addmm \(\d+ of 1024 values, in 0\.2, ",
    ),
    "NaN in a parameter": (
        lambda: stack(lambda m: m[2].weight[1, 2].fill_(float("nan"))),
        lambda m: classified(m(x())),
        rf"^The parameter 2\.weight has NaN at \[1, 2\] \(1 of 256 values\), .*: #\d+ Addmm in 2 \({HERE}\)",
    ),
    "NaN in the data": (
        lambda: stack(lambda m: None),
        lambda m: classified(m(torch.full((64, 4), float("nan")))),
        rf"^The input has NaN at \[0, 0\] \(256 of 256 values\): #\d+ Addmm in 0 \({HERE}\) reads it\.",
    ),
    "vanishing": (
        deep,
        lambda m: classified(m(torch.randn(64, 8))),
        (
            rf"^Gradients vanish: the norm falls from [\d.]+ at module 60 to [\d.]+e−\d+ at module 0\. The 30 "
            rf"calls of Sigmoid on the way make it [\d.]+ times smaller each, #\d+ Sigmoid in \d+ \({HERE}\) most"
        ),
    ),
    "exploding": (
        lambda: Model(repeated),
        lambda m: m(x()).mean(),
        rf"^Values explode: from [\d.]+ at most in .* to [\d.]+e\d+ in the result of .*\({HERE}\) is the first above",
    ),
    "dead units": (
        lambda: stack(lambda m: m[2].bias[:7].fill_(-50)),
        lambda m: classified(m(x())),
        rf"^\d of 16 units of #\d+ Relu in 3 \({HERE}\) are 0 for the whole batch\.$",
    ),
    "a dead layer": (
        lambda: stack(lambda m: m[2].bias.fill_(-50)),
        lambda m: classified(m(x())),
        rf"^The result of #\d+ Relu in 3 \({HERE}\) is 0 in every entry: no gradient passes\.$",
    ),
    "saturated": (
        lambda: stack(lambda m: m[2].weight.mul_(50), nn.Tanh),
        lambda m: classified(m(x())),
        rf"^\d+ % of tanh #\d+'s outputs in 3 \({HERE}\) are at its ends: hardly any gradient passes\. It read numbers",
    ),
    "never used": (
        lambda: Model(unused),
        lambda m: classified(m(x())),
        r"^No gradient for skip\.weight, skip\.bias: no op of this graph reads it\.$",
    ),
    "detached": (
        lambda: Model(lambda m, x: m.b(F.relu(m.a(x)).detach() + m.skip(x))),
        lambda m: classified(m(x())),
        rf"^No gradient for a\.weight, a\.bias: detach \({HERE}\) cuts it off from the loss",
    ),
    "without a graph": (
        lambda: Model(without_graph),
        lambda m: classified(m(x())),
        rf"^No gradient for a\.weight, a\.bias: only linear \({HERE}\) reads it, .*torch\.no_grad\(\)",
    ),
    "no path to the loss": (
        lambda: Model(dropped),
        lambda m: classified(m(x())),
        rf"^No gradient for skip\.weight, skip\.bias: the loss does not depend on what linear \({HERE}\) makes of it",
    ),
    "in evaluation mode": (
        lambda: nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3)).eval(),
        lambda m: classified(m(x())),
        r"^The model is in evaluation mode, in which BatchNorm1d uses .* and Dropout .*: call model\.train\(\)",
    ),
    "softmax twice": (
        lambda: Model(lambda m, x: torch.softmax(plain(m, x), -1)),
        lambda m: classified(m(x())),
        rf"^The loss of #\d+ NllLoss is computed from probabilities \(.*#\d+ Softmax \({HERE}\) made them\)",
    ),
    "first weights too large": (
        lambda: stack(lambda m: m[4].weight.mul_(200)),
        lambda m: classified(m(x())),
        rf"^The loss of #\d+ NllLoss \({HERE}\) is [\d.]+, and even .* Its scores, from .*, come from #\d+ Addmm in 4",
    ),
    "a row that is masked as a whole": (
        lambda: Model(lambda m, x: torch.softmax(plain(m, x).masked_fill(x[:, :1] > 9, float("-inf")), -1)),
        lambda m: m(torch.cat((x(), torch.tensor([[10.0, 0, 0, 0]])))).square().mean(),
        rf"^NaN begins in the result of #\d+ Softmax \(3 of 195 .* It read the −infinity that #\d+ MaskedFill \({HERE}",
    ),
    "0 / 0 that where leaves out": (
        lambda: Model(lambda m, x: torch.where((y := F.relu(plain(m, x))) > 0, y / y, 0 * y)),
        lambda m: m(x()).sum(),
        r"^NaN begins in the result of #\d+ Div .* The result is finite, .* in the gradient that #\d+ Div sends to",
    ),
    "a rule of one's own": (
        lambda: Model(lambda m, x: Root.apply(F.relu(plain(m, x)))),
        lambda m: m(x()).sum(),
        rf"^In backward, (NaN|infinity) begins in the gradient that #\d+ Root sends .*{HERE}: def backward\)",
    ),
    "NaN behind a value that is not known": (
        lambda: nn.Sequential(stack(lambda m: m[2].weight[1, 2].fill_(float("nan"))), Unseen()),
        lambda m: classified(m(x())),
        r"^The parameter 0\.2\.weight has NaN at \[1, 2\]",
    ),
    "a sigmoid too many": (
        lambda: Model(lambda m, x: torch.sigmoid(plain(m, x))),
        lambda m: F.binary_cross_entropy_with_logits(m(x()), torch.ones(64, 3)),
        rf"computed from probabilities \(they are between 0 and 1; #\d+ Sigmoid \({HERE}\) made them\)",
    ),
    "each with each": (
        lambda: Model(plain, 1),
        lambda m: (m(x()) - torch.ones(64)).square().mean(),
        rf"^sub \({HERE}\) reads the shapes \(64, 1\) and \(64,\), and compares each of 64 with each: 64 × 64",
    ),
    "each with each in a loss": (
        lambda: Model(plain, 1),
        lambda m: F.smooth_l1_loss(m(x()), torch.ones(64)),
        rf"^smooth_l1_loss \({HERE}\) reads the shapes \(64, 1\) and \(64,\)",
    ),
    "note: no activation": (
        lambda: nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3)),
        lambda m: classified(m(x())),
        rf"^#\d+ Addmm in 0 \({HERE}\) and #\d+ Addmm in 1 \({HERE}\) are two linear layers .* of 4 to 8",
    ),
    "note: no activation, in texts": (
        lambda: nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 8, bias=False), nn.ReLU(), nn.Linear(8, 3)),
        lambda m: m(torch.randn(4, 5, 4)).square().mean(),
        r"are two linear layers with no activation between them: together they are one linear map of 4 to 8",
    ),
    "a hook that divides by 0": (
        lambda: hooked(lambda g: g / 0),
        lambda m: classified(m(x())),
        r"^There is NaN or infinity in the gradient of 0\.weight, and no share that backward sent has any: a hook",
    ),
    "read without a graph by several calls": (
        lambda: Model(lambda m, x: m.b(F.relu(no_graph(m.a)(x)) + no_graph(m.skip)(x))),
        lambda m: classified(m(x())),
        r"^No gradient for a\.weight, a\.bias, skip\.weight, skip\.bias: only linear .*torch\.no_grad\(\)\)",
    ),
    "note: a cell through which nothing comes back": (
        lambda: Model(fading),
        lambda m: classified(m(x())),
        r"^The gradient fades through the 40 calls of skip: its norm falls from [\d.e−]+ at the last to [\d.e−]+ at",
    ),
    "note: modules in a plain list": (
        lambda: Model(lambda m, x: m.b(torch.tanh(LISTED[0](F.relu(m.a(x) + m.skip(x)))))),
        lambda m: classified(m(x())),
        r"^2 leaves of the graph, such as a\d+ \(8×8\), which .* reads, are no parameters of this model: of another",
    ),
    "note: frozen": (
        lambda: stack(lambda m: m[0].requires_grad_(False), nn.Tanh),
        lambda m: classified(m(x())),
        r"^No gradient for 0\.weight, 0\.bias: it does not require a gradient \(requires_grad=False\)\.$",
    ),
    "note: rows that are never looked up": (
        lambda: nn.Sequential(nn.Embedding(50, 8), nn.Flatten(), nn.Linear(32, 3)),
        lambda m: classified(m(torch.arange(64).reshape(16, 4) % 10)),
        r"^80 % of the gradient of 0\.weight is 0: rows that no index named in this step\.$",
    ),
    "note: a mask": (
        lambda: Model(lambda m, x: torch.softmax(plain(m, x).masked_fill(x[:, :3] > 9, float("-inf")), -1)),
        lambda m: m(torch.cat((x(), torch.tensor([[10.0, 0, 0, 0]])))).square().mean(),
        rf"^#\d+ MaskedFill \({HERE}\) holds infinity \(1 of 195 values\), as a mask does: what reads it is finite\.$",
    ),
}


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize("name", ILL)
def test_an_illness_is_named_with_its_place(name: str) -> None:
    make, loss, pattern = ILL[name]
    torch.manual_seed(0)
    model = make()
    with ge.watch(model, shares="norms") as watched:
        loss(model).backward()
    report = watched.report()
    told = report.notes if name.startswith("note") else report.findings
    assert any(re.search(pattern, each) for each in told), "\n".join((*report.findings, *report.notes))
    assert report.healthy == name.startswith("note")


def test_a_loss_of_several_numbers_is_told_what_to_do() -> None:
    model = Model(plain)
    with pytest.raises(RuntimeError), ge.watch(model) as watched:
        F.cross_entropy(model(x()), torch.arange(64) % 3, reduction="none").backward()
    assert re.search(r"the loss has the shape \(64,\): take its mean\(\) or sum\(\)", watched.report().findings[0])


def test_a_loss_without_a_graph_is_told_why() -> None:
    model = Model(plain)
    with pytest.raises(RuntimeError), ge.watch(model) as watched, torch.no_grad():
        classified(model(x())).backward()
    with pytest.raises(GraphError, match=rf"a\.weight, for only linear \({HERE}\) reads it, .*no_grad"):
        watched.report()


def two(out: int = 3) -> Any:
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, out))


@pytest.mark.parametrize("place", ["data", "parameter", "target", "logarithm", "overflow"])
def test_one_cause_is_one_finding(place: str) -> None:
    model, data, target = two(1), x(), torch.randn(64, 1)
    if place == "parameter":
        model[0].weight.data[0, 0] = float("nan")
    (data if place == "data" else target if place == "target" else torch.zeros(1, 1))[0, 0] = float("nan")
    with ge.watch(model) as watched:
        out = model(data)
        if place == "logarithm":
            out = torch.log(out - out.detach())
        F.mse_loss((out * 100).exp().exp() if place == "overflow" else out, target).backward()
    found = watched.report()
    assert len(found.findings) == 1, found.findings
    assert any("reached the gradient of 0.weight" in each for each in found.notes)


def test_what_every_step_has_is_told_once() -> None:
    model = two(1)
    with ge.watch(model) as watched:
        for _ in range(5):
            model.zero_grad()
            torch.sqrt((model(x()) * 0).square()).mean().backward()
    (told,) = watched.report().findings
    assert re.match(
        rf"In backward, infinity begins .* #\d+ Sqrt .*{HERE}.* This is so in 5 of 5 backward runs\.$", told
    )


def test_what_some_steps_have_is_told_with_their_number() -> None:
    model = two(1)
    with ge.watch(model) as watched:
        for k in range(3):
            model.zero_grad()
            (model(x()) / (k % 2)).mean().backward()
    assert watched.report().findings[0].endswith("This is so in 2 of 3 backward runs.")


def test_a_training_that_diverges_is_told_by_its_first_cause() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    optimizer = torch.optim.SGD(model.parameters(), 5.0)
    with ge.watch(model) as watched:
        for _ in range(12):
            optimizer.zero_grad()
            F.mse_loss(model(3 * x()), torch.randn(64, 1)).backward()
            optimizer.step()
    first, second, *rest = watched.report().findings
    assert re.match(rf"Values explode: .*{HERE}.* from run \d+ on\.$", first)
    assert "the steps of the optimizer are too large" in second and not any("begins" in each for each in rest)
    assert any("a step of the optimizer before this run made it so" in each for each in watched.report().notes)


def penalty(model: Any) -> None:
    data = x().requires_grad_()
    (g,) = torch.autograd.grad(model(data).sum(), data, create_graph=True)
    (model(data).mean() + (g.norm(dim=1) - 1).square().mean()).backward()


def test_a_gradient_penalty_is_one_step() -> None:
    model = two(1)
    with ge.watch(model) as watched:
        penalty(model)
    assert watched.report().healthy
    assert any("Double backward: 1 of 2 runs" in each and "one step" in each for each in watched.report().notes)
    with ge.watch(model, every=2) as watched:
        for _ in range(5):
            model.zero_grad()
            penalty(model)
    assert [row.step for row in watched.history] == [0, 2, 4]
    assert [run.create_graph for run in watched.record.runs] == [True, False]


def test_a_forgotten_zero_grad_is_told() -> None:
    model = two()
    optimizer = torch.optim.SGD(model.parameters(), 1e-3)
    with ge.watch(model) as watched:
        for _ in range(3):
            classified(model(x())).backward()
            optimizer.step()
    assert sum("no zero_grad() came between them" in each for each in watched.report().findings) == 1


@pytest.mark.parametrize("step_is_inside", [True, False])
@pytest.mark.parametrize("clears", [True, False])
def test_a_forgotten_zero_grad_is_told_where_each_step_has_a_block(step_is_inside: bool, clears: bool) -> None:
    model = two()
    optimizer = torch.optim.SGD(model.parameters(), 1e-3)
    for _ in range(3):
        if clears:
            optimizer.zero_grad()
        with ge.watch(model) as watched:
            classified(model(x())).backward()
            if step_is_inside:
                optimizer.step()
        if not step_is_inside:
            optimizer.step()
    report = watched.report()
    assert report.healthy == clears
    assert sum("no zero_grad() came between them" in each for each in report.findings) == (not clears)
    assert not any("added to what was there before" in each for each in report.notes)  # the finding says so


def test_gradients_of_several_forward_passes_without_a_step_are_a_remark() -> None:
    model = two()
    with ge.watch(model) as watched:
        for _ in range(3):
            classified(model(x())).backward()
    report = watched.report()
    assert report.healthy
    assert "of 3 forward passes are added up in" in report.notes[-1]
    assert " multiply-adds in 3 forward passes\n" in str(report)
    text = str(report).splitlines()
    assert text[text.index("Nothing wrong was found.") + 1] == "Remarks:"


@pytest.mark.parametrize("count", [3, 10])
def test_linear_layers_in_a_row_are_one_remark(count: int) -> None:
    model = nn.Sequential(*(nn.Linear(4, 4) for _ in range(count)))
    with ge.watch(model) as watched:
        model(x()).square().mean().backward()
    (note,) = (each for each in watched.report().notes if "one linear map" in each)
    assert f"are {count} linear layers in a row" in note
    assert " in 0 (" in note and f" in {count - 1} (" in note


def test_tables_hide_no_nan_behind_numbers_of_the_finite_entries() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    with torch.no_grad():
        model[2].weight.fill_(math.nan)
    with ge.watch(model) as watched:
        model(x()).square().sum().backward()
    by_name = {line.split()[0]: line for line in str(watched.report()).splitlines() if line.startswith(("0", "2"))}
    assert by_name["0.weight"].endswith("NaN/Inf")  # and no share of zeros
    modules = [line for line in str(watched.report()).splitlines() if line.startswith("2 ")]
    assert "24 NaN/Inf" in modules[0] and "not known" not in modules[0]
    layers = [line for line in str(watched.report()).splitlines() if line.startswith("0 addmm")]
    assert layers[0].count("NaN/Inf") == 2  # mean and std of its gradient


def test_parameters_that_the_graph_does_not_hold_have_their_norms() -> None:
    model = nn.ModuleDict({name: nn.Linear(4, 4) for name in ("used", "unused", "cut", "frozen")})
    model["frozen"].requires_grad_(False)
    with torch.no_grad():
        model["unused"].bias[1] = math.nan
    with ge.watch(model) as watched:
        (model["frozen"](model["used"](x())) + model["cut"](x()).detach()).square().sum().backward()
    report = watched.report()
    for row in report.rows:
        value = model.get_parameter(row.name).detach()
        if row.name == "unused.bias":
            assert (row.value_norm, row.value_nonfinite) == (None, 1)
        else:
            assert row.value_norm == pytest.approx(value.norm().item(), rel=1e-6)
    assert "not known" not in str(report)


@pytest.mark.parametrize("to_none", [True, False])
def test_gradients_of_several_parts_of_a_step_are_no_finding(to_none: bool) -> None:
    model = two()
    optimizer = torch.optim.SGD(model.parameters(), 1e-3)
    with ge.watch(model) as watched:
        for _ in range(2):
            optimizer.zero_grad(set_to_none=to_none)
            for _ in range(2):
                classified(model(x())).backward()
            optimizer.step()
    assert watched.report().healthy


def test_two_players_who_clear_their_own_gradients_are_no_finding() -> None:
    players = nn.ModuleDict({"maker": two(4), "judge": two(1)})
    steps = {name: torch.optim.SGD(each.parameters(), 1e-3) for name, each in players.items()}
    with ge.watch(players) as watched:
        for _ in range(2):
            steps["judge"].zero_grad()
            (players["judge"](players["maker"](x()).detach()).mean() - players["judge"](x()).mean()).backward()
            steps["judge"].step()
            steps["maker"].zero_grad()
            (-players["judge"](players["maker"](x())).mean()).backward()
            steps["maker"].step()
    assert watched.report().healthy, watched.report().findings


def moded() -> Any:
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3))


def test_an_evaluation_in_training_mode_is_told() -> None:
    model = moded()
    with ge.watch(model) as watched:
        classified(model(x())).backward()
        with torch.no_grad():
            model(x())
    (told,) = watched.report().findings
    assert re.match(rf"The model runs in training mode where no graph is recorded \({HERE}\)", told)
    assert "BatchNorm1d" in told and "Dropout" in told and "model.eval()" in told


def test_an_evaluation_in_evaluation_mode_is_no_finding() -> None:
    model = moded()
    with ge.watch(model) as watched:
        classified(model(x())).backward()
        model.eval()
        with torch.no_grad():
            model(x())
        model.train()
    assert watched.report().healthy


def test_a_checkpoint_of_the_whole_model_is_no_evaluation() -> None:
    model = moded()
    with ge.watch(model) as watched:
        out = torch.utils.checkpoint.checkpoint(model, x().requires_grad_(), use_reentrant=True)
        (classified(out) + classified(model(x()))).backward()
    assert watched.report().healthy


def test_a_state_that_was_not_detached_is_told() -> None:
    cell = nn.GRUCell(4, 8)

    def steps() -> None:
        h = torch.zeros(64, 8)
        for _ in range(2):
            h = cell(x(), h)
            h.sum().backward()

    with pytest.raises(RuntimeError, match="second time"), ge.watch(cell) as watched:
        steps()
    told = watched.report().findings[0]
    assert "h = h.detach() at the start of a step" in told and "A backward run was interrupted" in told


# name -> model, loss: what looks like an illness and is none
WELL: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "a large negative mask": (
        lambda: Model(lambda m, x: torch.softmax(plain(m, x).masked_fill(x[:, :3] > 1, -1e9).view(-1, 3) + 1, -1)),
        lambda m: m(x()).square().mean(),
    ),
    "the least number as a mask": (
        lambda: Model(lambda m, x: torch.where(x[:, :3] > 1, torch.finfo(torch.float32).min, plain(m, x)).softmax(-1)),
        lambda m: m(x()).square().mean(),
    ),
    "a large mask of a minimum": (
        lambda: Model(lambda m, x: torch.where(x[:, :3] > 1, 1e12, m.b(torch.tanh(m.a(x)) + m.skip(x))).amin(1)),
        lambda m: m(x() / 3).mean(),
    ),
    "binary cross entropy of a softmax": (
        lambda: Model(lambda m, x: torch.softmax(plain(m, x), -1)),
        lambda m: F.binary_cross_entropy(m(x()), F.one_hot(torch.arange(64) % 3, 3).float()),
    ),
    "every pair of scores": (
        lambda: Model(plain, 1),
        lambda m: F.softplus((s := m(x())) - s.T).mean(),
    ),
    "a column beside a row of weights": (
        lambda: Model(lambda m, x: plain(m, x) * nn.Parameter(torch.ones(64)), 1),
        lambda m: (m(x()) @ torch.ones(64, 2)).square().mean(),
    ),
    "factors of low rank": (
        lambda: nn.Sequential(nn.Linear(4, 1, bias=False), nn.Linear(1, 8, bias=False), nn.ReLU(), nn.Linear(8, 3)),
        lambda m: classified(m(x())),
    ),
    "a few small pictures": (
        lambda: nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 3)),
        lambda m: classified(m(torch.randn(4, 1, 8, 8))),
    ),
}


@pytest.mark.parametrize("name", WELL)
def test_what_is_no_illness_is_no_finding(name: str) -> None:
    make, loss = WELL[name]
    torch.manual_seed(0)
    model = make()
    with ge.watch(model, shares="norms") as watched:
        loss(model).backward()
    found = watched.report()
    assert found.healthy, found.findings
    assert not any("one linear map" in each for each in found.notes)
