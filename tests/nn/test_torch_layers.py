"""Layers with PyTorch's parameters give PyTorch's results and gradients, and take its states."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine import nn
from tests.support import normal

torch = pytest.importorskip("torch")


def same_state(mine: nn.Module, theirs: Any) -> None:
    """PyTorch's state into ours, by the same names, and back."""
    theirs.double()
    mine.load_state_dict({name: value.detach().numpy() for name, value in theirs.state_dict().items()})
    theirs.load_state_dict({name: torch.tensor(value.data) for name, value in mine.state_dict().items()})


def flat(value: Any) -> list[Any]:
    if isinstance(value, tuple):
        return [part for each in value for part in flat(each)]
    return [] if value is None else [value]


def agree(mine: nn.Module, theirs: Any, *inputs: np.ndarray, **named: Any) -> None:
    """Results, and the gradients of the inputs and of every parameter, weighted alike."""
    same_state(mine, theirs)
    xs = [ge.tensor(x, requires_grad=x.dtype.kind == "f") for x in inputs]
    ts = [torch.tensor(x, requires_grad=x.dtype.kind == "f") for x in inputs]
    outs = flat(mine(*xs, **named))
    others = flat(theirs(*ts, **{key: torch.tensor(v) if isinstance(v, np.ndarray) else v for key, v in named.items()}))
    assert [out.shape for out in outs] == [tuple(other.shape) for other in others]
    for out, other in zip(outs, others, strict=True):
        np.testing.assert_allclose(out.data, other.detach().numpy(), rtol=1e-9, atol=1e-9)
    weights = [normal(*out.shape, seed=k + 3) for k, out in enumerate(outs)]
    total = sum((out * w).sum() for out, w in zip(outs, weights, strict=True))
    total.backward()
    sum((other * torch.tensor(w)).sum() for other, w in zip(others, weights, strict=True)).backward()
    for x, t in zip(xs, ts, strict=True):
        if x.requires_grad:
            np.testing.assert_allclose(x.grad.data, t.grad.numpy(), rtol=1e-8, atol=1e-9)
    grads = dict(theirs.named_parameters())
    for name, parameter in mine.named_parameters():
        np.testing.assert_allclose(parameter.grad.data, grads[name].grad.numpy(), rtol=1e-8, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
@pytest.mark.parametrize(
    "settings",
    [
        {}, {"num_layers": 2}, {"bidirectional": True}, {"batch_first": True, "num_layers": 2, "bidirectional": True},
        {"bias": False},
    ],
    ids=lambda settings: "-".join(settings) or "plain",
)  # fmt: skip
def test_recurrent_layers(kind: str, settings: dict[str, Any]) -> None:
    mine, theirs = getattr(nn, kind)(3, 4, **settings), getattr(torch.nn, kind)(3, 4, **settings)
    agree(mine, theirs, normal(5, 2, 3))


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_recurrent_layers_take_states_and_single_sequences(kind: str) -> None:
    mine, theirs = getattr(nn, kind)(3, 4), getattr(torch.nn, kind)(3, 4)
    agree(mine, theirs, normal(5, 3))
    same_state(mine, theirs)
    h, c = normal(1, 2, 4), normal(1, 2, 4, seed=2)
    state: Any = (h, c) if kind == "LSTM" else h
    out, _ = mine(normal(5, 2, 3), state)
    other, _ = theirs(
        torch.tensor(normal(5, 2, 3)), tuple(map(torch.tensor, state)) if kind == "LSTM" else torch.tensor(h)
    )
    np.testing.assert_allclose(out.data, other.detach().numpy(), rtol=1e-9)
    with pytest.raises(ge.ShapeError, match="3 features"):
        mine(normal(5, 2, 4))


def test_a_sequence_is_one_node() -> None:
    """However long it is: the steps are inside the op."""
    layer = nn.LSTM(3, 4)
    out, (h, c) = layer(normal(50, 2, 3))
    record = ge.record_graph((out.sum() + h.sum() + c.sum()), names={})
    assert [node.op for node in record.nodes].count("lstm_layer") == 1 and len(record.nodes) < 20


RELU_RNN = {"nonlinearity": "relu"}
LAYERS: list[tuple[str, dict[str, Any], tuple[Any, ...], tuple[int, ...]]] = [
    ("RNN", RELU_RNN, (3, 4), (5, 2, 3)),
    ("GroupNorm", {}, (2, 4), (2, 4, 3)),
    ("ConvTranspose2d", {"stride": 2, "padding": 1}, (2, 3, 3), (1, 2, 4, 4)),
    ("AdaptiveAvgPool2d", {}, (2,), (1, 2, 5, 4)),
    ("MaxPool1d", {}, (2,), (1, 2, 6)),
    ("AvgPool1d", {}, (2,), (1, 2, 6)),
    ("Identity", {}, (7,), (2, 3)),
    ("Unflatten", {}, (1, (2, 2)), (3, 4)),
    ("ELU", {}, (0.5,), (2, 3)),
    ("Softplus", {}, (2.0,), (2, 3)),
    ("Hardtanh", {}, (), (2, 3)),
    ("LogSigmoid", {}, (), (2, 3)),
    ("Softmax", {"dim": 1}, (), (2, 3)),
    ("LogSoftmax", {"dim": 0}, (), (2, 3)),
    ("Flatten", {"start_dim": 0}, (), (2, 3)),
]


@pytest.mark.parametrize(("kind", "settings", "args", "shape"), LAYERS, ids=[kind for kind, *_ in LAYERS])
def test_layers(kind: str, settings: dict[str, Any], args: tuple[Any, ...], shape: tuple[int, ...]) -> None:
    agree(getattr(nn, kind)(*args, **settings), getattr(torch.nn, kind)(*args, **settings), normal(*shape))


@pytest.mark.parametrize("batch_first", [False, True])
def test_multihead_attention(batch_first: bool) -> None:
    mine = nn.MultiheadAttention(6, 2, batch_first=batch_first)
    theirs = torch.nn.MultiheadAttention(6, 2, batch_first=batch_first)
    agree(mine, theirs, normal(3, 3, 6), normal(3, 3, 6, seed=2), normal(3, 3, 6, seed=5))
    hidden = np.triu(np.ones((3, 3), bool), 1)
    agree(mine, theirs, *[normal(3, 3, 6)] * 3, attn_mask=hidden)
    padded = np.array([[False, False, True]] * 3)
    agree(mine, theirs, *[normal(3, 3, 6)] * 3, key_padding_mask=padded)
    agree(mine, theirs, *[normal(3, 3, 6)] * 3, attn_mask=normal(3, 3))
    agree(mine, theirs, *[normal(3, 6)] * 3)


@pytest.mark.parametrize("settings", [{}, {"norm_first": True, "activation": "gelu", "batch_first": True}])
def test_transformer_encoder_layer(settings: dict[str, Any]) -> None:
    mine = nn.TransformerEncoderLayer(6, 2, 8, dropout=0.0, **settings)
    agree(mine, torch.nn.TransformerEncoderLayer(6, 2, 8, dropout=0.0, **settings), normal(3, 2, 6))


def test_module_dict_and_casts() -> None:
    heads = nn.ModuleDict({"one": nn.Linear(2, 3), "two": nn.ReLU()})
    assert [*heads] == ["one", "two"] and "one" in heads and len(heads) == 2
    assert [name for name, _ in heads.named_parameters()] == ["one.weight", "one.bias"]
    assert heads["one"](ge.ones(4, 2)).shape == (4, 3)
    with pytest.raises(ge.ArgumentError, match="there are one, two"):
        heads["three"]
    assert {p.dtype for p in heads.float().parameters()} == {np.dtype(np.float32)}
    assert heads["one"].weight.name == "one.weight"
    with pytest.raises(ge.ArgumentError, match="on the CPU"):
        heads.to("cuda")


IMAGE = (2, 4, 6, 6)
PLAIN: dict[str, tuple[tuple[int, ...], tuple[Any, ...], dict[str, Any]]] = {  # layer -> shape of x, arguments
    "SELU": ((3, 4), (), {}), "Mish": ((3, 4), (), {}), "ReLU6": ((3, 4), (), {}),
    "Hardswish": ((3, 4), (), {}), "Hardshrink": ((3, 4), (), {}),
    "Softshrink": ((3, 4), (0.3,), {}), "Softsign": ((3, 4), (), {}), "Tanhshrink": ((3, 4), (), {}),
    "Threshold": ((3, 4), (0.1, 20.0), {}), "Softmin": ((3, 4), (), {"dim": 0}), "GLU": ((3, 4), (), {}),
    "LeakyReLU": ((3, 4), (0.2,), {}), "PReLU": (IMAGE, (4,), {}),
    "MaxPool2d": (IMAGE, (3, 2, 1), {"ceil_mode": True}), "AvgPool2d": (IMAGE, (3, 2, 1), {"count_include_pad": False}),
    "MaxPool1d": ((2, 4, 7), (2,), {}), "AvgPool1d": ((2, 4, 7), (3, 2), {}), "MaxPool3d": ((2, 1, 4, 4, 4), (2,), {}),
    "AvgPool3d": ((2, 1, 4, 4, 4), (2,), {}), "AdaptiveAvgPool1d": ((2, 4, 7), (3,), {}),
    "AdaptiveAvgPool2d": (IMAGE, (1,), {}), "AdaptiveMaxPool2d": (IMAGE, ((2, 3),), {}),
    "PixelShuffle": (IMAGE, (2,), {}), "PixelUnshuffle": (IMAGE, (2,), {}), "ChannelShuffle": (IMAGE, (2,), {}),
    "Upsample": (IMAGE, (), {"scale_factor": 2, "mode": "bilinear", "align_corners": True}),
    "Unfold": (IMAGE, (3,), {"padding": 1}), "Fold": ((2, 8, 9), ((4, 4), 2), {}),
    "LocalResponseNorm": (IMAGE, (3,), {}), "ConstantPad1d": ((2, 4, 7), (2, 1.5), {}),
    "ConstantPad2d": (IMAGE, ((1, 2, 0, 1), -1.0), {}), "ZeroPad2d": (IMAGE, (1,), {}),
    "ReflectionPad1d": ((2, 4, 7), (2,), {}), "ReflectionPad2d": (IMAGE, (2,), {}),
    "ReplicationPad2d": (IMAGE, ((1, 0, 2, 1),), {}), "CircularPad2d": (IMAGE, (2,), {}),
    "BatchNorm3d": ((2, 3, 2, 2, 2), (3,), {}), "InstanceNorm1d": ((2, 3, 5), (3,), {"affine": True}),
    "InstanceNorm2d": (IMAGE, (4,), {"track_running_stats": True}), "RMSNorm": ((3, 4), (4,), {"eps": 1e-3}),
    "LayerNorm": ((3, 4), (4,), {"bias": False}), "BatchNorm2d": (IMAGE, (4,), {"track_running_stats": False}),
    "Conv2d": (IMAGE, (4, 3, 3), {"padding": "same", "padding_mode": "reflect"}),
    "Conv1d": ((2, 4, 7), (4, 6, 3), {"padding": 2, "padding_mode": "circular", "groups": 2}),
    "Conv3d": ((1, 2, 3, 4, 4), (2, 3, 2), {}), "ConvTranspose1d": ((2, 4, 5), (4, 3, 3), {"stride": 2}),
}  # fmt: skip


@pytest.mark.parametrize("name", PLAIN)
def test_a_layer_made_as_in_pytorch_agrees(name: str) -> None:
    shape, args, named = PLAIN[name]
    agree(getattr(nn, name)(*args, **named), getattr(torch.nn, name)(*args, **named), 2 * normal(*shape))


LOSSES: dict[str, tuple[int, dict[str, Any]]] = {  # loss -> how many tensors of shape (4, 5), settings
    "TripletMarginLoss": (3, {"margin": 0.5, "swap": True}), "PoissonNLLLoss": (2, {"full": False}),
    "CosineSimilarity": (2, {"dim": 1}), "PairwiseDistance": (2, {"p": 1}),
}  # fmt: skip


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_of_alike_tensors_agrees(name: str) -> None:
    count, named = LOSSES[name]
    agree(
        getattr(nn, name)(**named), getattr(torch.nn, name)(**named), *(normal(4, 5, seed=k + 1) for k in range(count))
    )


@pytest.mark.parametrize("name", ["RNNCell", "GRUCell", "LSTMCell"])
def test_a_cell_agrees(name: str) -> None:
    mine, theirs = getattr(nn, name)(3, 4), getattr(torch.nn, name)(3, 4)
    agree(mine, theirs, normal(2, 3))
    agree(mine, theirs, normal(3))
    state = mine(ge.tensor(normal(2, 3)))
    assert mine(ge.tensor(normal(2, 3)), state)[0].shape == ((2, 4) if name == "LSTMCell" else (4,))


def test_bilinear_agrees() -> None:
    agree(nn.Bilinear(3, 2, 4), torch.nn.Bilinear(3, 2, 4), normal(5, 3), normal(5, 2))
