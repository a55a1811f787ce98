"""Lazy layers, parametrizations, and parameters by name: what a lesson of PyTorch's does with them."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine import nn, optim
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.nn.utils import parametrizations, parametrize
from tests.support import normal

LAZY = {
    "LazyLinear": ((4,), {"bias": False}, (5, 3)), "LazyConv1d": ((4, 3), {"groups": 2}, (2, 6, 7)),
    "LazyConv2d": ((4, 3), {"padding": 1}, (2, 3, 5, 5)), "LazyConv3d": ((4, 2), {}, (1, 2, 3, 3, 3)),
    "LazyConvTranspose1d": ((4, 3), {}, (2, 3, 5)), "LazyConvTranspose2d": ((4, 3), {"stride": 2}, (2, 3, 4, 4)),
    "LazyBatchNorm1d": ((), {}, (6, 3)), "LazyBatchNorm2d": ((), {"eps": 1e-3}, (2, 3, 4, 4)),
    "LazyBatchNorm3d": ((), {}, (2, 3, 2, 2, 2)),
    "LazyInstanceNorm1d": ((), {"affine": True, "track_running_stats": True}, (2, 3, 5)),
    "LazyInstanceNorm2d": ((), {"affine": False, "track_running_stats": False}, (2, 3, 4, 4)),
}  # fmt: skip


@pytest.mark.parametrize("name", LAZY)
def test_a_lazy_layer_becomes_the_layer_it_stands_for(name: str) -> None:
    args, named, shape = LAZY[name]
    x = ge.tensor(normal(*shape))
    lazy = getattr(nn, name)(*args, **named)
    held = [*lazy.parameters()]
    assert "=?" in repr(lazy) and lazy.has_uninitialized_params()
    ge.manual_seed(1)
    out = lazy(x)
    ge.manual_seed(1)
    plain = getattr(nn, name.removeprefix("Lazy"))(shape[-1] if name == "LazyLinear" else shape[1], *args, **named)
    assert type(lazy) is type(plain) and repr(lazy) == repr(plain)
    np.testing.assert_array_equal(out.detach().numpy(), plain(x).detach().numpy())
    assert all(one is other for one, other in zip(held, lazy.parameters(), strict=True))  # as an optimizer has them
    assert {key: value.shape for key, value in lazy.state_dict().items()} == {
        key: value.shape for key, value in plain.state_dict().items()
    }


@pytest.mark.parametrize("name", LAZY)
def test_a_lazy_layer_takes_its_shapes_from_a_state(name: str) -> None:
    args, named, shape = LAZY[name]
    x = ge.tensor(normal(*shape))
    first, second = (getattr(nn, name)(*args, **named) for _ in range(2))
    first(x)
    if not first.state_dict():
        return  # InstanceNorm keeps nothing
    second.load_state_dict(first.state_dict())
    np.testing.assert_array_equal(first.eval()(x).detach().numpy(), second.eval()(x).detach().numpy())


def test_a_net_of_lazy_layers_trains_copies_and_changes_dtype() -> None:
    net = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2)).float()
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    x = ge.tensor(normal(3, 1, 5, 5), dtype=np.float32)
    copied = copy.deepcopy(net)
    net(x).sum().backward()
    before = net[4].weight.detach().numpy().copy()
    optimizer.step()
    assert net[4].weight.dtype == np.float32 and (net[4].weight.detach().numpy() != before).any()
    assert copied(x).shape == (3, 2)


def test_lazy_layers_refuse_in_words() -> None:
    with pytest.raises(ArgumentError, match="out_features"):
        nn.LazyLinear()
    with pytest.raises(ShapeError, match="reshape"):
        nn.LazyConv2d(4, 3)(ge.tensor([1.0]))
    with pytest.raises(ArgumentError, match="CPU"):
        nn.LazyLinear(3, device="cuda")


class Symmetric(nn.Module):
    def forward(self, x: Any) -> Any:
        return x.triu() + x.triu(1).T

    def right_inverse(self, x: Any) -> Any:
        return x.triu()


class Doubled(nn.Module):
    def forward(self, x: Any) -> Any:
        return 2 * x


class Longer(nn.Module):
    def forward(self, x: Any) -> Any:
        return ge.concat([x, x])


def test_a_parametrized_weight_is_computed_at_each_look() -> None:
    layer = nn.Linear(3, 3)
    first = np.triu(layer.weight.detach().numpy())
    parametrize.register_parametrization(layer, "weight", Symmetric())
    assert [name for name, _ in layer.named_parameters()] == ["bias", "parametrizations.weight.original"]
    assert isinstance(layer, nn.Linear) and parametrize.is_parametrized(layer, "weight")
    np.testing.assert_allclose(layer.weight.detach().numpy(), first + np.triu(first, 1).T)
    layer(ge.tensor(normal(2, 3))).sum().backward()
    assert layer.parametrizations.weight.original.grad is not None
    layer.weight = ge.tensor(np.eye(3))
    np.testing.assert_array_equal(layer.parametrizations.weight.original.detach().numpy(), np.eye(3))
    parametrize.register_parametrization(layer, "weight", Doubled())
    np.testing.assert_array_equal(layer.weight.detach().numpy(), 2 * np.eye(3))
    with parametrize.cached():
        assert layer.weight is layer.weight
    assert layer.weight is not layer.weight
    with pytest.raises(ArgumentError, match="right_inverse"):
        layer.weight = ge.tensor(np.eye(3))
    parametrize.remove_parametrizations(layer, "weight")
    assert type(layer) is nn.Linear and [name for name, _ in layer.named_parameters()] == ["bias", "weight"]
    np.testing.assert_array_equal(layer.weight.detach().numpy(), 2 * np.eye(3))


def test_a_parametrization_is_saved_copied_and_can_be_taken_off_unchanged() -> None:
    layer = nn.Linear(3, 3)
    plain = layer.weight.detach().numpy().copy()
    parametrize.register_parametrization(layer, "weight", Doubled())
    other = parametrize.register_parametrization(nn.Linear(3, 3), "weight", Doubled())
    other.load_state_dict(layer.state_dict())
    np.testing.assert_array_equal(other.weight.detach().numpy(), 2 * plain)
    np.testing.assert_array_equal(copy.deepcopy(layer).weight.detach().numpy(), 2 * plain)
    parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
    np.testing.assert_array_equal(layer.weight.detach().numpy(), plain)


def test_parametrizations_refuse_in_words() -> None:
    layer = nn.Linear(2, 2)
    with pytest.raises(ArgumentError, match="named_parameters"):
        parametrize.register_parametrization(layer, "weigth", Doubled())
    with pytest.raises(ArgumentError, match="takes a module"):
        parametrize.register_parametrization(layer, "weight", lambda x: x)  # type: ignore[arg-type]
    with pytest.raises(ShapeError, match="unsafe=True"):
        parametrize.register_parametrization(layer, "weight", Longer())
    assert not parametrize.is_parametrized(layer) and type(layer) is nn.Linear
    with pytest.raises(ArgumentError, match="not parametrized"):
        parametrize.remove_parametrizations(layer, "weight")
    with pytest.raises(ArgumentError, match="matrix_exp"):
        parametrizations.orthogonal(layer, orthogonal_map="householder")


def test_norms_and_rotations_are_what_they_say() -> None:
    weight = parametrizations.weight_norm(nn.Linear(4, 3))
    lengths = np.linalg.norm(weight.weight.detach().numpy(), axis=1)
    np.testing.assert_allclose(weight.parametrizations.weight.original0.detach().numpy()[:, 0], lengths)
    spectral = parametrizations.spectral_norm(nn.Linear(4, 3), n_power_iterations=50)
    np.testing.assert_allclose(np.linalg.norm(spectral.weight.detach().numpy(), 2), 1, rtol=1e-6)
    for shape in ((4, 4), (3, 5), (5, 3)):
        for way in ("matrix_exp", "cayley"):
            layer = parametrizations.orthogonal(nn.Linear(shape[1], shape[0]), orthogonal_map=way)
            optimizer = optim.SGD(layer.parameters(), lr=0.5)
            before = layer.weight.detach().numpy()
            (layer.weight * normal(*shape)).sum().backward()
            optimizer.step()
            after = layer.weight.detach().numpy()
            tall = after if shape[0] >= shape[1] else after.T
            np.testing.assert_allclose(tall.T @ tall, np.eye(min(shape)), atol=1e-10)
            assert np.abs(after - before).max() > 1e-3


@pytest.mark.torch
def test_parametrized_states_are_pytorchs() -> None:
    torch = pytest.importorskip("torch")
    theirs = torch.nn.utils.parametrizations
    mine = parametrizations.weight_norm(parametrizations.spectral_norm(nn.Linear(4, 3), "bias"), "weight")
    other = theirs.weight_norm(theirs.spectral_norm(torch.nn.Linear(4, 3), "bias"), "weight").double()
    assert sorted(mine.state_dict()) == sorted(other.state_dict())
    mine.load_state_dict(other.state_dict())
    x = normal(2, 4)
    np.testing.assert_allclose(
        mine.eval()(ge.tensor(x)).detach().numpy(), other.eval()(torch.tensor(x)).detach().numpy(), rtol=1e-9
    )


def test_parameters_by_name_and_in_a_row() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            self.scales = nn.ParameterDict({"left": nn.Parameter(ge.ones(2)), "right": ge.zeros(3)})
            self.rows = nn.ParameterList([nn.Parameter(ge.ones(2)), ge.zeros(3)])

    model = Model()
    names = ["scales.left", "scales.right", "rows.0", "rows.1"]
    assert [name for name, _ in model.named_parameters()] == names
    model.scales["up"] = ge.ones(1)
    assert [*model.scales] == ["left", "right", "up"] and "up" in model.scales and len(model.scales) == 3
    assert model.scales["up"].requires_grad and model.scales.get("down") is None
    assert model.scales.pop("up").shape == (1,) and [*model.scales.keys()] == ["left", "right"]
    assert [name for name, _ in model.scales.items()] == ["left", "right"]
    model.rows += [ge.zeros(4)]
    model.rows[0] = ge.zeros(5)
    assert [each.shape for each in model.rows] == [(5,), (3,), (4,)]
    assert [each.shape for each in model.rows[1:]] == [(3,), (4,)] and model.rows[-1].shape == (4,)
    assert "left" in repr(model.scales) and "(5,)" in repr(model.rows)
    with pytest.raises(ArgumentError, match="no parameter is called 'down'"):
        model.scales["down"]
    for wrong in ("a.b", "items", ""):
        with pytest.raises(ArgumentError, match="without dots"):
            model.scales[wrong] = ge.ones(1)
