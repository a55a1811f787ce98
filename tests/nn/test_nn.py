"""Modules: what they hold, where their ops stand in a record, what goes to a file and comes back, PyTorch's numbers."""

from __future__ import annotations

import copy
import math
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine import nn, optim
from grad_engine.errors import ArgumentError, GradEngineError, InPlaceError, ShapeError
from tests.support import normal


class Net(nn.Module):
    """A shared layer, a list of layers, a buffer, and a layer inside a layer."""

    def __init__(self, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.body = nn.MLP([4, 6, 6], nn.Tanh, seed=rng)
        self.layers = nn.ModuleList([nn.Linear(6, 6, seed=rng), nn.Sequential(nn.Linear(6, 2, seed=rng), nn.ReLU())])
        self.again = self.body[2]
        self.scale = nn.Parameter(2, name="how much")
        self.register_buffer("shift", [0.5, -0.5])

    def forward(self, x: Any) -> Any:
        x = self.again(self.body(x))
        for layer in self.layers:
            x = layer(x)
        return x * self.scale + self.shift  # type: ignore[attr-defined]


NAMES = [
    *("scale", "body.0.weight", "body.0.bias", "body.2.weight", "body.2.bias"),
    *("layers.0.weight", "layers.0.bias", "layers.1.0.weight", "layers.1.0.bias"),
]


def test_holds_its_parameters_once_each_by_dotted_name() -> None:
    net = Net()
    assert [name for name, _ in net.named_parameters()] == NAMES
    assert [name for name, _ in net.named_buffers()] == ["shift"]
    assert [name for name, _ in net.named_children()] == ["body", "layers", "again"]
    assert [name for name, _ in net.named_modules()] == [
        *("", "body", "body.0", "body.1", "body.2", "layers", "layers.0", "layers.1", "layers.1.0", "layers.1.1")
    ]
    assert {*net.state_dict()} == {*NAMES, "shift", "again.weight", "again.bias"}
    assert [p.name for p in net.parameters()] == ["how much", *NAMES[1:]]
    assert all(p.requires_grad and p.is_leaf for p in net.parameters())


def test_attributes_come_and_go() -> None:
    layer = nn.Linear(2, 3)
    layer.bias = None
    assert [name for name, _ in layer.named_parameters()] == ["weight"]
    assert layer(ge.ones((1, 2))).shape == (1, 3)
    layer.bias = nn.Parameter(np.zeros(3))
    del layer.weight
    assert [name for name, _ in layer.named_parameters()] == ["bias"]
    net = nn.Sequential(nn.ReLU())
    net.note = "a word"
    net.seen = ge.ones(2)  # a result that someone keeps is not part of the state
    assert net.state_dict() == {}
    net.register_buffer("mean", ge.ones(2))
    net.mean = [3.0, 4.0]
    assert net.state_dict()["mean"].tolist() == [3.0, 4.0]


def test_a_subclass_may_forget_to_call_the_base_class() -> None:
    class Forgetful(nn.Linear):
        def __init__(self) -> None:
            self.weight, self.bias = nn.Parameter([[1.0, 2.0]]), None

    assert Forgetful()(ge.ones(2)).tolist() == [3.0]
    assert [name for name, _ in Forgetful().named_parameters()] == ["weight"]


def test_a_module_inside_itself_is_met_once() -> None:
    outer = nn.Sequential(nn.Linear(2, 2))
    outer.me = outer
    assert len([*outer.modules()]) == 2
    assert {*outer.state_dict()} == {"0.weight", "0.bias"}


# --- scopes -----------------------------------------------------------------------------------------------------------


def scopes(z: ge.Tensor) -> list[str]:
    return [node.scope for node in ge.record_graph(z, names={}).nodes]


def test_ops_stand_in_the_scope_of_their_module() -> None:
    loss = Net()(ge.randn(3, 4, seed=0)).sum()
    loss.backward(retain_graph=True)
    assert scopes(loss) == [
        *("body.0", "body.1", "body.2", "body.2", "layers.0", "layers.1.0", "layers.1.1", "", "", "")
    ]
    record = ge.record_graph(loss, names={})
    assert {group.scope for group in record.groups} == {*scopes(loss)} - {""}
    leaves = {record.by_id[each.leaf].name for each in record.accumulators}
    assert leaves == {"how much", *NAMES[1:]}


def test_scopes_join_those_around_them_and_end_where_they_end() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Tanh()))
    x = ge.ones((1, 2))
    with ge.scope("encoder"):
        inside = net(x) + 1
    outside = net(x) + 1
    with ge.record_source():
        noted = net(x) + 1
    assert scopes(inside) == ["encoder.0", "encoder.1.0", "encoder"]
    assert scopes(outside) == ["0", "1.0", ""]
    record = ge.record_graph(noted, names={})
    assert [node.scope for node in record.nodes] == ["0", "1.0", ""]
    assert all(node.source is not None for node in record.nodes)


def test_a_scope_inside_a_module_stands_between_it_and_its_parts() -> None:
    class Head(nn.Module):
        def __init__(self) -> None:
            self.query = nn.Linear(2, 2)

        def forward(self, x: Any) -> Any:
            with ge.scope("scores"):
                return self.query(x) * 2

    net = nn.Sequential(nn.Tanh(), Head())
    with ge.scope("encoder"):
        z = net(ge.ones((1, 2), requires_grad=True))
    assert scopes(z) == ["encoder.0", "encoder.1.scores.query", "encoder.1.scores"]


def test_a_module_that_fails_leaves_its_scope() -> None:
    net = nn.Sequential(nn.Linear(2, 2))
    with pytest.raises(ShapeError):
        net(ge.ones((1, 3)))
    assert scopes(ge.tensor(1.0, requires_grad=True) * 2) == [""]


def test_lists_name_their_modules_whenever_they_come() -> None:
    class Late(nn.Module):
        def __init__(self) -> None:
            self.rows = nn.ModuleList()
            self.rows.append(nn.ModuleList([nn.Linear(2, 2)]))
            self.rows.append(nn.Linear(2, 2))

        def forward(self, x: Any) -> Any:
            return self.rows[1](self.rows[0][0](x))  # type: ignore[index]

    net = Late()
    assert scopes(net(ge.ones(2))) == ["rows.0.0", "rows.1"]
    assert [name for name, _ in net.named_parameters()] == [
        *("rows.0.0.weight", "rows.0.0.bias", "rows.1.weight", "rows.1.bias")
    ]


# --- behaviour --------------------------------------------------------------------------------------------------------


def test_training_and_use() -> None:
    net = nn.Sequential(nn.Dropout(0.5, seed=3), nn.Sequential(nn.BatchNorm1d(4)))
    x = ge.randn(64, 4, seed=1)
    assert net.training and (net[0](x).data == 0).mean() == pytest.approx(0.5, abs=0.1)
    assert (net[0](x).data != net[0](x).data).any(), "every call draws anew"
    assert net.eval() is net and not any(module.training for module in net.modules())
    np.testing.assert_array_equal(net[0](x).data, x.data)
    before = net.state_dict()
    net(x)
    assert all((value.data == before[name].data).all() for name, value in net.state_dict().items())
    net.train()
    net(x)
    assert net.state_dict()["1.0.num_batches_tracked"].item() == 1
    twins = [nn.Dropout(seed=5), nn.Dropout(seed=5)]
    for _ in range(2):
        np.testing.assert_array_equal(twins[0](x).data, twins[1](x).data)


def test_freezing_forgetting_and_applying() -> None:
    net = Net()
    net(ge.ones((2, 4))).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())
    net.requires_grad_(False)
    assert not net(ge.ones((2, 4))).requires_grad
    assert [name for name, _ in net.named_parameters()] == NAMES, "frozen ones are parameters still"
    met: list[nn.Module] = []
    assert net.requires_grad_().apply(met.append) is net
    assert met[-1] is net and len(met) == len([*net.modules()])
    assert met[0] is net.body[0], "in the order of modules(), the inner ones first"


def test_copies_are_of_their_own() -> None:
    net = Net()
    x = ge.randn(3, 4, seed=0)
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        np.testing.assert_array_equal(twin(x).data, net(x).data)
        assert twin.again is twin.body[2] and [p.name for p in twin.parameters()] == ["how much", *NAMES[1:]]
        twin.scale.data += 1
        assert (twin(x).data != net(x).data).any()


# --- state ------------------------------------------------------------------------------------------------------------


def test_state_goes_to_a_file_and_comes_back_bit_for_bit(tmp_path: Path) -> None:
    one, other = Net(0), Net(1)
    memory = [p.array for p in other.parameters()]
    kept = one.state_dict()
    assert other.load(one.save(tmp_path / "deep" / "net.npz")) == ((), ())
    x = ge.randn(3, 4, seed=0)
    assert one(x).data.tobytes() == other(x).data.tobytes()
    assert all(p.array is array for p, array in zip(other.parameters(), memory, strict=True)), "in its own memory"
    one.scale.data *= 0
    assert kept["scale"].item() == 2, "a copy"


def test_training_resumes_bit_for_bit(tmp_path: Path) -> None:
    x, y = ge.randn(32, 4, seed=1), ge.randn(32, 2, seed=2)

    def train(net: nn.Module, optimizer: optim.Optimizer, schedule: optim.LRScheduler, steps: int) -> None:
        for _ in range(steps):
            optimizer.zero_grad()
            ge.mse_loss(net(x), y).backward()
            optimizer.step()
            schedule.step()

    def start(seed: int) -> tuple[nn.Module, optim.Optimizer, optim.LRScheduler]:
        net = nn.Sequential(nn.Linear(4, 8, seed=seed), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 2, seed=seed))
        optimizer = optim.AdamW(net.parameters(), lr=0.01)
        return net, optimizer, optim.CosineAnnealingLR(optimizer, 30)

    straight, stopped, resumed = start(0), start(0), start(7)
    train(*straight, 20)
    train(*stopped, 8)
    for number, (old, new) in enumerate(zip(stopped, resumed, strict=True)):
        new.load_state_dict(ge.load(ge.save(old.state_dict(), tmp_path / f"{number}.npz")))
    train(*resumed, 12)
    ends = [{name: value.data.tobytes() for name, value in run[0].state_dict().items()} for run in (straight, resumed)]
    assert ends[0] == ends[1]


def test_a_foreign_state_is_refused_with_every_fault_and_nothing_is_written() -> None:
    net = nn.MLP([2, 3, 1], seed=0)
    before = net.state_dict()
    state = {**before, "0.weight": np.ones((2, 3)), "extra": 1.0}
    del state["2.bias"]
    with pytest.raises(ShapeError) as caught:
        net.load_state_dict(state)
    for words in (r"0.weight has shape (2, 3) where (3, 2)", "missing: 2.bias", "unexpected: extra", "MLP", "strict"):
        assert words in str(caught.value)
    with pytest.raises(ArgumentError, match=r"missing: 2\.bias"):
        net.load_state_dict({name: value for name, value in before.items() if name != "2.bias"})
    assert all((value.data == before[name].data).all() for name, value in net.state_dict().items())
    del state["0.weight"]
    assert net.load_state_dict({**state, "0.bias": [1.0, 2.0, 3.0]}, strict=False) == (
        ("0.weight", "2.bias"),
        ("extra",),
    )
    assert net[0].bias.tolist() == [1.0, 2.0, 3.0]
    counted = nn.BatchNorm1d(2)
    with pytest.raises(ArgumentError, match="num_batches_tracked has dtype float64 where int64"):
        counted.load_state_dict({**counted.state_dict(), "num_batches_tracked": 1.5})


def test_loading_makes_an_older_graph_stale() -> None:
    net = nn.MLP([2, 3, 1], seed=0)
    loss = net(ge.ones((1, 2))).sum()
    net.load_state_dict(net.state_dict())
    with pytest.raises(InPlaceError):
        loss.backward()


# --- looks ------------------------------------------------------------------------------------------------------------


def test_repr_says_what_is_inside() -> None:
    net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.ModuleList([nn.Embedding(5, 2, 0)]), nn.Dropout())
    assert repr(net) == (
        "Sequential(\n  (0): Conv2d(1, 4, kernel_size=3, padding=1, bias=False)\n  (1): ModuleList(\n"
        "    (0): Embedding(5, 2, padding_idx=0)\n  )\n  (2): Dropout(p=0.5)\n)"
    )


def test_public_classes_all_have_their_word() -> None:
    for name in nn.__all__:
        assert getattr(nn, name).__doc__, name


# --- against PyTorch --------------------------------------------------------------------------------------------------

LAYERS: dict[str, tuple[Callable[[Any], Any], tuple[int, ...]]] = {
    "Linear": (lambda m: m.Linear(3, 4), (2, 5, 3)),
    "Linear without bias": (lambda m: m.Linear(3, 4, bias=False), (2, 3)),
    "Conv1d": (lambda m: m.Conv1d(2, 4, 3, stride=2, padding=1), (2, 2, 7)),
    "Conv2d": (lambda m: m.Conv2d(2, 4, (3, 2), padding=1), (2, 2, 5, 6)),
    "Conv2d groups": (lambda m: m.Conv2d(4, 6, 3, 2, dilation=2, groups=2, bias=False), (1, 4, 9, 8)),
    "MaxPool2d": (lambda m: m.MaxPool2d(2), (2, 3, 4, 6)),
    "AvgPool2d": (lambda m: m.AvgPool2d(3, 2, 1), (2, 3, 5, 6)),
    "Flatten": (lambda m: m.Flatten(), (2, 3, 4)),
    "ReLU": (lambda m: m.ReLU(), (3, 4)),
    "LeakyReLU": (lambda m: m.LeakyReLU(0.2), (3, 4)),
    "Tanh": (lambda m: m.Tanh(), (3, 4)),
    "Sigmoid": (lambda m: m.Sigmoid(), (3, 4)),
    "SiLU": (lambda m: m.SiLU(), (3, 4)),
    "GELU": (lambda m: m.GELU(), (3, 4)),
    "GELU tanh": (lambda m: m.GELU("tanh"), (3, 4)),
    "Softmax": (lambda m: m.Softmax(-1), (3, 4)),
    "LogSoftmax": (lambda m: m.LogSoftmax(-1), (3, 4)),
    "Dropout in use": (lambda m: m.Dropout(0.3).eval(), (3, 4)),
    "BatchNorm1d": (lambda m: m.BatchNorm1d(3), (5, 3)),
    "BatchNorm1d length": (lambda m: m.BatchNorm1d(3, momentum=None), (5, 3, 4)),
    "BatchNorm2d": (lambda m: m.BatchNorm2d(3, eps=0.1, momentum=0.3), (2, 3, 4, 2)),
    "BatchNorm2d in use": (lambda m: m.BatchNorm2d(3, affine=False).eval(), (2, 3, 4, 2)),
    "LayerNorm": (lambda m: m.LayerNorm((3, 4)), (2, 3, 4)),
    "Sequential": (lambda m: m.Sequential(m.Linear(3, 4), m.Tanh(), m.Linear(4, 2)), (5, 3)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_those_of_torch(name: str) -> None:
    """Values, gradients and buffers of three calls, from torch's weights under torch's names."""
    torch = pytest.importorskip("torch")
    make, shape = LAYERS[name]
    mine, theirs = make(nn), make(torch.nn).double()
    for value in theirs.parameters():
        torch.nn.init.normal_(value)
    assert {key: tuple(value.shape) for key, value in theirs.state_dict().items()} == {
        key: value.shape for key, value in mine.state_dict().items()
    }
    mine.load_state_dict(theirs.state_dict())
    for seed in range(3):
        x, t = ge.tensor(normal(*shape, seed=seed), True), torch.tensor(normal(*shape, seed=seed), requires_grad=True)
        x_out, t_out = mine(x), theirs(t)
        np.testing.assert_allclose(x_out.data, t_out.detach().numpy(), rtol=1e-10, atol=1e-12)
        weight = normal(*x_out.shape)
        x_out.backward(weight)
        t_out.backward(torch.tensor(weight))
        np.testing.assert_allclose(x.grad.data, t.grad.numpy(), rtol=1e-9, atol=1e-11)  # type: ignore[union-attr]
    for (key, p), q in zip(mine.named_parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.grad.data, q.grad.numpy(), rtol=1e-9, atol=1e-11, err_msg=key)
    for (key, p), q in zip(mine.named_buffers(), theirs.buffers(), strict=True):
        np.testing.assert_allclose(p.data, q.numpy(), rtol=1e-12, err_msg=key)


def test_embedding_is_that_of_torch() -> None:
    torch = pytest.importorskip("torch")
    mine, theirs = nn.Embedding(5, 3, padding_idx=-1), torch.nn.Embedding(5, 3, padding_idx=-1).double()
    assert (mine.weight.data[4] == 0).all()
    mine.load_state_dict(theirs.state_dict())
    rows = np.array([[0, 4, 2], [2, 2, 1]])
    weight = normal(2, 3, 3)
    x_out, t_out = mine(rows), theirs(torch.tensor(rows))
    np.testing.assert_array_equal(x_out.data, t_out.detach().numpy())
    x_out.backward(weight)
    t_out.backward(torch.tensor(weight))
    np.testing.assert_allclose(mine.weight.grad.data, theirs.weight.grad.numpy(), rtol=1e-12)  # type: ignore[union-attr]


CLASSES = np.array([2, 0, 1])
LOSSES: dict[str, tuple[Callable[[Any], Any], np.ndarray, np.ndarray]] = {
    "MSELoss": (lambda m: m.MSELoss(), normal(3, 4), normal(3, 4, seed=2)),
    "L1Loss": (lambda m: m.L1Loss(reduction="sum"), normal(3, 4), normal(3, 4, seed=2)),
    "SmoothL1Loss": (lambda m: m.SmoothL1Loss(beta=0.5), normal(3, 4), normal(3, 4, seed=2)),
    "HuberLoss": (lambda m: m.HuberLoss(delta=0.5), normal(3, 4), normal(3, 4, seed=2)),
    "CrossEntropyLoss": (lambda m: m.CrossEntropyLoss(), normal(3, 4), CLASSES),
    "NLLLoss": (lambda m: m.NLLLoss(reduction="sum"), normal(3, 4), CLASSES),
    "BCELoss": (lambda m: m.BCELoss(), np.array([0.2, 0.7, 0.5]), np.array([0.0, 1.0, 0.5])),
    "BCEWithLogitsLoss": (lambda m: m.BCEWithLogitsLoss(), normal(3, 4), (normal(3, 4, seed=2) > 0).astype(float)),
    "KLDivLoss": (lambda m: m.KLDivLoss("batchmean", log_target=True), normal(3, 4), normal(3, 4, seed=2)),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_those_of_torch(name: str) -> None:
    torch = pytest.importorskip("torch")
    make, x, y = LOSSES[name]
    if name == "KLDivLoss":
        theirs: Any = torch.nn.KLDivLoss(reduction="batchmean", log_target=True)
    else:
        theirs = make(torch.nn)
    leaf, other = ge.tensor(x, True), torch.tensor(x, requires_grad=True)
    mine, expected = make(nn)(leaf, y), theirs(other, torch.tensor(y))
    assert mine.item() == pytest.approx(expected.item(), rel=1e-12)
    mine.backward()
    expected.backward()
    np.testing.assert_allclose(leaf.grad.data, other.grad.numpy(), rtol=1e-10, atol=1e-14)  # type: ignore[union-attr]


def test_weighted_losses_keep_their_weights_with_the_state() -> None:
    torch = pytest.importorskip("torch")
    weights = np.array([1.0, 2.0, 0.5, 3.0])
    for mine, theirs in (
        (nn.CrossEntropyLoss(weights, label_smoothing=0.1), torch.nn.CrossEntropyLoss(torch.tensor(weights),
                                                                                     label_smoothing=0.1)),
        (nn.NLLLoss(weights, ignore_index=1), torch.nn.NLLLoss(torch.tensor(weights), ignore_index=1)),
    ):  # fmt: skip
        expected = theirs(torch.tensor(normal(3, 4)), torch.tensor(CLASSES))
        assert mine(ge.tensor(normal(3, 4)), CLASSES).item() == pytest.approx(expected.item(), rel=1e-12)
        assert mine.state_dict()["weight"].tolist() == weights.tolist()
    positive = nn.BCEWithLogitsLoss(pos_weight=weights)
    expected = torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor(weights))(
        torch.tensor(normal(3, 4)), torch.ones(3, 4, dtype=torch.float64)
    )
    assert positive(normal(3, 4), np.ones((3, 4))).item() == pytest.approx(expected.item(), rel=1e-12)


# --- first values -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("xavier_uniform_", {"gain": 1.5}),
        ("xavier_normal_", {}),
        ("kaiming_uniform_", {"a": math.sqrt(5)}),
        ("kaiming_uniform_", {"mode": "fan_out", "nonlinearity": "relu"}),
        ("kaiming_normal_", {"nonlinearity": "tanh"}),
        ("kaiming_normal_", {"mode": "fan_out", "a": 0.3}),
    ],
)
@pytest.mark.parametrize("shape", [(200, 300), (60, 40, 5, 3)])
def test_initialisers_have_the_spread_of_torch(name: str, settings: dict[str, Any], shape: tuple[int, ...]) -> None:
    torch = pytest.importorskip("torch")
    mine = getattr(nn.init, name)(ge.zeros(shape), **settings, seed=1).data
    torch.manual_seed(1)
    theirs = getattr(torch.nn.init, name)(torch.zeros(shape, dtype=torch.float64), **settings).numpy()
    assert mine.std() == pytest.approx(theirs.std(), rel=0.02)
    assert abs(mine.mean()) < 0.02 * mine.std()
    if "uniform" in name:
        assert np.abs(mine).max() == pytest.approx(np.abs(theirs).max(), rel=1e-3)
    else:
        assert np.abs(mine).max() > 3 * mine.std()


@pytest.mark.parametrize("make", [lambda m, **s: m.Linear(400, 100, **s), lambda m, **s: m.Conv2d(16, 100, 5, **s)])
def test_layers_start_as_those_of_torch(make: Callable[..., Any]) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    mine, theirs = make(nn, seed=0), make(torch.nn)
    bound = 1 / 20  # both have a fan-in of 400
    for ours, torchs in ((mine.weight.data, theirs.weight), (mine.bias.data, theirs.bias)):
        torchs = torchs.detach().numpy()
        assert bound * 0.95 < np.abs(ours).max() <= bound and np.abs(torchs).max() <= bound
        assert ours.std() == pytest.approx(bound / math.sqrt(3), rel=0.15) == pytest.approx(torchs.std(), rel=0.3)


def test_gains_are_those_of_torch() -> None:
    torch = pytest.importorskip("torch")
    for name in (*nn.init.GAINS, "leaky_relu"):
        assert nn.init.calculate_gain(name) == pytest.approx(torch.nn.init.calculate_gain(name))
    assert nn.init.calculate_gain("leaky_relu", 0.3) == pytest.approx(torch.nn.init.calculate_gain("leaky_relu", 0.3))


def test_the_same_seed_gives_the_same_numbers() -> None:
    makers: list[Callable[[int], nn.Module]] = [
        lambda seed: nn.MLP([2, 3, 3, 1], seed=seed),
        lambda seed: nn.Conv2d(1, 2, 3, seed=seed),
        lambda seed: nn.Embedding(4, 2, seed=seed),
    ]
    for make in makers:
        one, same, other = ([p.data.tobytes() for p in make(seed).parameters()] for seed in (0, 0, 1))
        assert one == same != other
        assert len({*one}) == len(one), "each parameter has numbers of its own"
    x = ge.zeros((3, 2), requires_grad=True)
    assert nn.init.uniform_(x, 2, 3, seed=0) is x and x.is_leaf and 2 <= x.data.min() < x.data.max() <= 3
    assert nn.init.normal_(x, 5, 0.1, seed=0).data.mean() == pytest.approx(5, abs=0.2)
    assert nn.init.ones_(x).tolist() == [[1.0, 1.0]] * 3 and nn.init.zeros_(x).data.any() is np.False_


def test_single_precision_stays_single() -> None:
    layers = [
        nn.Conv2d(1, 2, 3, dtype=np.float32), nn.BatchNorm2d(2, dtype=np.float32), nn.ReLU(), nn.Dropout(0.5, seed=0),
        nn.Flatten(), nn.LayerNorm(8, dtype=np.float32), nn.MLP([8, 4, 2], nn.GELU, dtype=np.float32),
    ]  # fmt: skip
    net = nn.Sequential(*layers)
    out = net(ge.randn(3, 1, 4, 4, seed=0, dtype=np.float32))
    assert out.dtype == np.float32
    out.sum().backward()
    assert {p.dtype for p in net.parameters()} == {p.grad.dtype for p in net.parameters()} == {np.dtype(np.float32)}  # type: ignore[union-attr]
    assert nn.Embedding(3, 2, dtype=np.float32)(np.array([1])).dtype == np.float32


# --- what is refused --------------------------------------------------------------------------------------------------


def assign(module: nn.Module, name: str, value: Any) -> None:
    setattr(module, name, value)


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda: nn.Module()(1.0), "no forward"),
        (lambda: nn.Sequential(nn.Linear(1, 1), ge.relu), "relu"),
        (lambda: nn.Sequential(nn.ReLU), "ReLU"),
        (lambda: assign(nn.Linear(2, 2), "weight", ge.ones((2, 2))), "'weight' is a parameter of Linear"),
        (lambda: assign(nn.Linear(2, 2), "weight", np.ones((2, 2))), "ndarray"),
        (lambda: nn.Linear(0, 2), "in_features"),
        (lambda: nn.Linear(2, 2.0), "out_features"),  # type: ignore[arg-type]
        (lambda: nn.Conv2d(3, 4, 2, groups=2), "groups=2"),
        (lambda: nn.Conv2d(2, 4, (2, 2, 2)), "kernel_size"),
        (lambda: nn.Dropout(1.5), "probability"),
        (lambda: nn.Embedding(3, 2, 3), "padding_idx=3"),
        (lambda: nn.BatchNorm2d(3)(ge.ones((2, 3))), r"\(batch, channels, height, width\)"),
        (lambda: nn.BatchNorm1d(3)(ge.ones((2, 4))), "3 channels"),
        (lambda: nn.LayerNorm((2, 0)), r"normalized_shape\[1\]"),
        (lambda: nn.MLP([3]), "two sizes"),
        (lambda: nn.MSELoss("average"), "average"),
        (lambda: nn.ReLU().register_buffer("a.b", 1), "without dots"),
        (lambda: nn.ReLU().register_buffer("training", 1), "'training'"),
        (lambda: nn.ReLU().register_buffer("w", nn.Parameter([1.0])), "requires grad"),
        (lambda: nn.ReLU().load_state_dict([1]), "list"),  # type: ignore[arg-type]
        (lambda: nn.init.xavier_normal_(ge.ones(3)), r"shape \(3,\)"),
        (lambda: nn.init.kaiming_normal_(ge.ones((3, 3)), mode="in"), "fan_in"),
        (lambda: nn.init.calculate_gain("cubic"), "cubic"),
        (lambda: nn.init.ones_(np.zeros(3)), "ndarray"),  # type: ignore[arg-type]
    ],
)
def test_misuse_is_refused_with_the_way_out(call: Callable[[], Any], complaint: str) -> None:
    with pytest.raises(GradEngineError, match=complaint):
        call()


def test_forward_hooks_see_and_change_what_goes_through() -> None:
    layer, seen = nn.Linear(2, 2), []
    model = nn.Sequential(layer)
    before = layer.register_forward_pre_hook(lambda module, args: (args[0] * 2,))
    after = layer.register_forward_hook(lambda module, args, out: seen.append((module, args[0].tolist(), out.shape)))
    x = ge.ones(1, 2)
    doubled = model(x)
    assert seen == [(layer, [[2.0, 2.0]], (1, 2))]
    before.remove(), after.remove()
    np.testing.assert_allclose(model(x * 2).data, doubled.data)
    layer.register_forward_hook(lambda module, args, out: out * 0)
    assert model(x).tolist() == [[0.0, 0.0]] and len(seen) == 1


def test_states_go_to_safetensors_and_back(tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    layer, other, path = nn.LSTM(2, 3, seed=0), nn.LSTM(2, 3, seed=1), tmp_path / "state.safetensors"
    ge.interop.save_safetensors(layer.state_dict(), path)
    other.load_state_dict(ge.interop.load_safetensors(path))
    for one, two in zip(layer.parameters(), other.parameters(), strict=True):
        np.testing.assert_array_equal(one.data, two.data)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ge.TensorFileError, match="cannot be read as safetensors"):
        ge.interop.load_safetensors(path)
    with pytest.raises(ge.TensorFileError, match="no such file"):
        ge.interop.load_safetensors(tmp_path / "none.safetensors")


def test_safetensors_name_their_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    with pytest.raises(ge.MissingPackageError, match="pip install safetensors"):
        ge.interop.load_safetensors(tmp_path / "a.safetensors")
