"""`watch` takes the right numbers of every kind of tensor, each once, and leaves nothing behind however a step ends."""

from __future__ import annotations

import copy
import gc
import math
import pickle
from collections.abc import Callable, Iterator
from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.record.index import index_of
from grad_engine.record.parts import StatsRecord

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
pytestmark = pytest.mark.torch
SHARES = ("norms", "all")


class Function(nn.Module):
    """Some parameters or modules, `p0`, `p1`, ..., and a function that is their forward pass."""

    def __init__(self, forward: Callable[..., Any], *parts: Any) -> None:
        super().__init__()
        for k, part in enumerate(parts):
            setattr(self, f"p{k}", part)
        self.run = forward

    def forward(self, x: Any) -> Any:
        return self.run(self, x)


def square(x: Any) -> Any:
    return x.abs().square().sum()


def complex_layer(size: int) -> Any:
    w, b = (nn.Parameter(torch.randn(*shape, dtype=torch.complex64)) for shape in ((size, size), (size,)))
    return Function(lambda m, x: x @ m.p0 + m.p1, w, b)


def through(dtype: Any) -> Any:
    return Function(lambda m, x: m.p0(x).to(dtype).float(), nn.Linear(20, 20))


# name -> model, its input
NUMBERS: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "complex": (lambda: complex_layer(3), lambda: torch.randn(5, 3, dtype=torch.complex64)),
    "many complex": (lambda: complex_layer(40), lambda: torch.randn(5, 40, dtype=torch.complex64)),
    "sparse gradient": (lambda: nn.Embedding(100, 4, sparse=True), lambda: torch.tensor([1, 2, 2, 5])),
    "float8_e4m3fn": (lambda: through(torch.float8_e4m3fn), lambda: torch.randn(8, 20)),
    "float8_e5m2": (lambda: through(torch.float8_e5m2), lambda: torch.randn(8, 20)),
    "bfloat16": (lambda: nn.Linear(30, 30).bfloat16(), lambda: torch.randn(8, 30).bfloat16()),
    "float16": (lambda: nn.Linear(30, 30).half(), lambda: torch.randn(8, 30).half()),
    "float64": (lambda: nn.Linear(40, 20).double(), lambda: torch.randn(3, 40).double()),
    "no entries": (
        lambda: Function(lambda m, x: (x @ m.p0).sum() + m.p1(x).sum() + m.p2.sum(), nn.Parameter(torch.empty(4, 0)),
                         nn.Linear(4, 2), nn.Parameter(torch.empty(0, 3))),
        lambda: torch.randn(3, 4),
    ),
    "no rows": (lambda: nn.Linear(4, 2), lambda: torch.randn(0, 4)),
    "no numbers": (lambda: nn.Linear(4, 2, device="meta"), lambda: torch.randn(3, 4, device="meta")),
    "large numbers": (lambda: Function(lambda m, x: x @ m.p0, nn.Parameter(torch.full((30, 30), 1e15))),
                      lambda: torch.randn(8, 30)),
    "many numbers": (lambda: nn.Linear(700, 900), lambda: torch.randn(8, 700)),
}  # fmt: skip


def norm(tensor: Any) -> float | None:
    if tensor is None or tensor.is_meta:
        return None
    tensor = tensor.detach().to_dense() if tensor.layout != torch.strided else tensor.detach()
    return float(tensor.to(torch.complex128 if tensor.is_complex() else torch.float64).norm())


@pytest.mark.parametrize("shares", SHARES)
@pytest.mark.parametrize("name", NUMBERS)
def test_norms_are_those_of_pytorch_for_every_kind_of_number(name: str, shares: str) -> None:
    torch.manual_seed(0)
    make, given = NUMBERS[name]
    model, x = make(), given()
    with ge.watch(model, shares=shares) as watched:
        square(model(x)).backward()
    rows = {row.name: row for row in watched.report().rows}
    assert rows.keys() == dict(model.named_parameters()).keys()
    for called, parameter in model.named_parameters():
        for found, tensor in ((rows[called].value_norm, parameter), (rows[called].gradient_norm, parameter.grad)):
            expected = norm(tensor)
            if expected is None:
                assert found is None
            else:
                assert found == pytest.approx(expected, rel=2e-3, abs=1e-7)


def test_a_complex_number_that_is_not_finite_is_counted() -> None:
    w = torch.zeros(100, dtype=torch.complex64)
    w[3], w[50] = complex(math.nan, math.inf), complex(0, math.inf)
    model = Function(lambda m, x: m.p0 * x, nn.Parameter(w))
    with ge.watch(model) as watched:
        square(model(2.0)).backward()
    (leaf,) = (tensor for tensor in watched.record.tensors if tensor.name == "p0")
    assert (leaf.stats.nan, leaf.stats.posinf, leaf.stats.zeros) == (1, 1, 98)
    assert leaf.stats.first_nonfinite == (3,)


CUTS: dict[str, Callable[[Any], Any]] = {
    "heads": lambda h: h.split(32, 2)[1].view(4, 50, 4, 8).transpose(1, 2),
    "copied heads": lambda h: h.split(32, 2)[2].view(4, 50, 4, 8).transpose(1, 2).reshape(4, 4, 400),
    "turned": lambda h: h.permute(2, 0, 1),
    "every other": lambda h: h[:, ::2],
    "stretched": lambda h: h[:1].expand(4, 50, 96),
    "a clone": lambda h: h.clone().view(-1),
}


@pytest.mark.parametrize("name", CUTS)
def test_numbers_that_are_cut_and_turned_are_measured_as_they_are(name: str) -> None:
    """What is the same in another shape is measured once; what only lies in the same memory is not the same."""
    torch.manual_seed(0)
    model = nn.Linear(24, 96)
    results: list[Any] = []

    def cut(h: Any) -> Any:
        results.append(CUTS[name](h))
        return results[0]

    whole = Function(lambda m, x: cut(m.p0(x)).square().sum(), model)
    with ge.watch(whole, shares="norms") as watched:
        whole(torch.randn(4, 50, 24)).backward()
    expected = results[0].detach().double()
    record = watched.record
    alike = [record.by_id[output] for node in record.nodes for output in node.outputs]
    alike = [tensor for tensor in alike if tensor.shape == tuple(expected.shape)]
    assert alike
    stats = alike[-2].stats if len(alike) > 1 else alike[-1].stats  # the last one is the square
    found = (stats.min, stats.max, stats.mean, stats.std, stats.norm)
    numbers = expected.numpy()
    assert found == pytest.approx(
        (numbers.min(), numbers.max(), numbers.mean(), numbers.std(), np.linalg.norm(numbers)), rel=1e-4, abs=1e-6
    )


@pytest.mark.parametrize("shares", SHARES)
def test_scores_inside_an_attention_are_told(shares: str) -> None:
    """PyTorch tells of the attention as one call, and keeps no scores; they are worked out from what it kept."""
    torch.manual_seed(0)
    model = nn.Linear(8, 24)

    def attend(m: Any, x: Any) -> Any:
        q, k, v = (part.view(2, 5, 2, 4).transpose(1, 2) for part in m.p0(x).chunk(3, -1))
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
            return F.scaled_dot_product_attention(q, k, v)

    whole = Function(attend, model)
    with ge.watch(whole, shares=shares) as watched:
        square(whole(torch.randn(2, 5, 8))).backward()
    record, index = watched.record, index_of(watched.record)
    assert any(node.op == "softmax" for node in record.nodes)
    assert [node.op for node in record.nodes if any(index.measured(out) is None for out in node.outputs)] == []


# steps that end early


class Stop(BaseException):
    """What is raised; like KeyboardInterrupt no Exception."""


def untouched(model: Any) -> None:
    """Nothing that a block has put there is left."""
    assert not torch.overrides._get_current_function_mode_stack()
    assert gc.isenabled()
    for module in model.modules():
        assert not (module._forward_hooks or module._forward_pre_hooks or module._backward_hooks)
    for parameter in model.parameters():
        assert not (parameter._backward_hooks or parameter._post_accumulate_grad_hooks)


def stops(*args: Any) -> Any:
    raise Stop("here")


def in_forward(model: Any, x: Any) -> None:
    model[1].register_forward_hook(stops)
    model(x)


def in_backward(model: Any, x: Any) -> None:
    h = model[0](x)
    h.register_hook(stops)
    square(model[1:](h)).backward()


def in_the_loss(model: Any, x: Any) -> None:
    stops(model(x))


@pytest.mark.parametrize("error", [Stop, KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize("where", [in_forward, in_backward, in_the_loss], ids=lambda each: each.__name__)
def test_a_step_that_raises_leaves_nothing_behind(where: Any, error: type, monkeypatch: Any) -> None:
    def stop(*args: Any) -> Any:
        raise error("here")

    monkeypatch.setitem(globals(), "stops", stop)
    torch.manual_seed(0)
    model, x = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)), torch.randn(5, 4)
    with pytest.raises(error, match="here"), ge.watch(model) as watched:
        where(model, x)
    model[1]._forward_hooks.clear()  # that of this test
    untouched(model)
    assert error.__name__ in watched.record.stopped
    model.zero_grad()
    square(model(x)).backward()
    expected = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()
    with ge.watch(model):
        square(model(x)).backward()
    assert all(torch.equal(p.grad, g) for p, g in zip(model.parameters(), expected, strict=True))


def steps(model: Any, batches: Any) -> Iterator[Any]:
    """A training that is a generator: what it is asked for it computes."""
    with ge.watch(model, every=2) as watched:
        for x in batches:
            model.zero_grad()
            square(model(x)).backward()
            yield watched


def test_a_block_in_a_generator_ends_with_it() -> None:
    torch.manual_seed(0)
    model = nn.Linear(4, 3)
    training = steps(model, torch.randn(6, 5, 4))
    watched = [next(training) for _ in range(3)][-1]
    training.close()
    untouched(model)
    assert [entry.step for entry in watched.history] == [0, 2]


def test_steps_that_every_leaves_out_have_no_hooks() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    seen = []
    with ge.watch(model, every=3) as watched:
        for x in torch.randn(7, 5, 4):
            model.zero_grad()
            seen.append(sum(len(module._forward_hooks) for module in model.modules()))
            square(model(x)).backward()
            expected = torch.autograd.grad(square(model(x)), list(model.parameters()))
            assert all(torch.equal(p.grad, g) for p, g in zip(model.parameters(), expected, strict=True))
    untouched(model)
    assert 0 in seen and max(seen) > 0
    assert len(watched.history) > 1


def test_blocks_inside_one_another_record_each_its_model() -> None:
    torch.manual_seed(0)
    one, other = nn.Linear(4, 3), nn.Linear(3, 2)
    x = torch.randn(5, 4)
    square(other(one(x))).backward()
    expected = [each.grad.clone() for model in (one, other) for each in model.parameters()]
    one.zero_grad()
    other.zero_grad()
    with ge.watch(one) as outer:
        with ge.watch(other) as inner:
            square(other(one(x))).backward()
        untold = torch.overrides._get_current_function_mode_stack()
        assert len(untold) == 1
    untouched(one)
    untouched(other)
    found = [each.grad for model in (one, other) for each in model.parameters()]
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    for watched, model in ((inner, other), (outer, one)):
        assert [each.name for each in watched.record.parameters] == ["weight", "bias"]
        assert [each.shape for each in watched.record.parameters] == [tuple(p.shape) for p in model.parameters()]
        assert all(not each.reason for each in watched.record.parameters)


class Rows(torch.utils.data.Dataset):  # type: ignore[misc, name-defined, unused-ignore]
    """Eight rows of four numbers."""

    def __len__(self) -> int:
        return 8

    def __getitem__(self, k: int) -> Any:
        return torch.arange(4.0) + k


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_batches_of_worker_processes_are_trained_on_in_a_block() -> None:
    torch.manual_seed(0)
    model = nn.Linear(4, 3)
    with ge.watch(model, every=2) as watched:
        for x in torch.utils.data.DataLoader(Rows(), batch_size=2, num_workers=1):
            square(model(x)).backward()
    untouched(model)
    assert [entry.step for entry in watched.history] == [0, 2]


# parts of a record, which are made in a way of their own


def test_parts_are_frozen_equal_copied_and_pickled_as_other_dataclasses() -> None:
    part = StatsRecord(0.0, 1.0, 0.5, 0.1, 2.0, 1.0, 3, 0, 0, 0, None, None)
    assert (part.dead, part.ends) == (0, None)
    assert part == replace(part) == copy.deepcopy(part) == pickle.loads(pickle.dumps(part))
    assert hash(part) == hash(replace(part))
    assert replace(part, dead=2) != part
    assert type(part) is StatsRecord
    with pytest.raises(FrozenInstanceError):
        part.min = 1.0  # type: ignore[misc]
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'histogram'"):
        StatsRecord(0.0, 1.0, 0.5, 0.1, 2.0, 1.0, 3, 0, 0, 0, None)  # type: ignore[call-arg]
