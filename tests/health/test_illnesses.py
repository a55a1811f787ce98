"""Models with an illness that was planted: the report names what is wrong, and where."""

from __future__ import annotations

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
        r"^infinity begins in the result of #\d+ Addmm \(\d+ of 1024 values, in 0\.2, ",
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
