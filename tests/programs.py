"""Records of real programs, made with the engine."""

from __future__ import annotations

import importlib
from contextlib import nullcontext

import numpy as np

from grad_engine.export.from_tensor import record_graph
from grad_engine.record import GraphRecord


def example(name: str) -> GraphRecord:
    """The record of an example, as its export would write it."""
    module = importlib.import_module(f"examples.{name}")
    return record_graph(module.z, names=vars(module), title=name)


# ops that share a beat


def heads() -> GraphRecord:
    """Three projections of one input, then their product, as in attention; made one after the other."""
    ge = importlib.import_module("grad_engine")
    x = ge.ones((2, 3), name="x")
    given = {
        name: ge.full((3, 3) if name[-1] == "w" else (3,), 0.1 * k, requires_grad=True, name=name)
        for k, name in enumerate(("query_w", "query_b", "key_w", "key_b", "value_w", "value_b"))
    }
    query = ge.linear(x, given["query_w"], given["query_b"])
    looks = ge.softmax(query @ ge.linear(x, given["key_w"], given["key_b"]).mT)
    out = (looks @ ge.linear(x, given["value_w"], given["value_b"])).sum()
    out.backward(retain_graph=True)
    return record_graph(out, names={"out": out})


def branches() -> GraphRecord:
    """Two ways from one leaf to one result."""
    ge = importlib.import_module("grad_engine")
    x = ge.tensor([1.0, 2.0], requires_grad=True, name="x")
    out = (x.exp() * x.tanh()).sum()
    out.backward(retain_graph=True)
    return record_graph(out, names={"out": out})


# several ops as one box, and one op with what lies around it


def network(layers: int, scoped: bool) -> GraphRecord:
    """Equal layers one after the other: a product, a sum, an activation."""
    ge = importlib.import_module("grad_engine")
    h = ge.ones((5, 4), name="x")
    for k in range(layers):
        with ge.scope(f"layer{k}") if scoped else nullcontext():
            w = ge.full((4, 4), 0.1, requires_grad=True, name=f"w{k}")
            b = ge.full((4,), 0.1, requires_grad=True, name=f"b{k}")
            h = ge.tanh(h @ w + b)
    loss = (h * h).mean()
    loss.backward(retain_graph=True)
    return record_graph(loss, names={"loss": loss}, title="network")


def perceptron() -> GraphRecord:
    """Two layers, constants, broadcast biases, and a difference whose square reads it twice."""
    ge = importlib.import_module("grad_engine")
    inputs, wanted = ge.arange(15).reshape(5, 3) / 7 - 1, ge.ones((5, 2))
    w1 = ge.tensor(np.linspace(-1, 1, 12).reshape(3, 4), requires_grad=True)
    b1, b2 = (ge.tensor(np.full(n, 0.1), requires_grad=True) for n in (4, 2))
    w2 = ge.tensor(np.linspace(1, -1, 8).reshape(4, 2), requires_grad=True)
    hidden = ge.relu(inputs @ w1 + b1)
    away = hidden @ w2 + b2 - wanted
    loss = (away * away).mean()
    loss.backward(retain_graph=True)
    return record_graph(loss, names=locals(), title="perceptron")


def long_names() -> GraphRecord:
    """Names that do not fit anywhere, and signs that the font does not have."""
    ge = importlib.import_module("grad_engine")
    first = ge.tensor([1.5e-12, -2e30, 3.0], requires_grad=True, name="the_first_weight_of_the_second_layer")
    other = ge.tensor([[1.0], [-123456.789]], requires_grad=True, name="变量⊛<b>#1</b>")
    with np.errstate(over="ignore", invalid="ignore"):  # infinities have to be shown too
        out = (first * other).sum(axis=0).exp().sum()
        out.backward(retain_graph=True)
    return record_graph(out, names={}, title="names")


def head() -> GraphRecord:
    """Layers with the names that modules give them, whose shares are summed over their batch."""
    ge = importlib.import_module("grad_engine")
    x = ge.arange(12).reshape(1, 3, 4) / 10
    parts = {}
    for name in ("query", "key"):
        weight = ge.tensor(np.linspace(-1, 1, 8).reshape(2, 4), requires_grad=True, name=f"{name}.weight")
        parts[name] = ge.linear(x, weight, ge.tensor([0.1, -0.2], requires_grad=True, name=f"{name}.bias"))
    loss = ge.softmax(parts["query"] @ parts["key"].mT, axis=-1).sum()
    loss.backward(retain_graph=True)
    return record_graph(loss, names={"loss": loss}, title="head")


def deep_names() -> GraphRecord:
    """Leaves with the long names that nested modules give them, which are alike at both ends."""
    ge = importlib.import_module("grad_engine")
    h = ge.arange(6).reshape(2, 3) / 10
    for k in range(4):
        for part in ("self_attention_projection", "feed_forward_expansion"):
            path = f"model.transformer.encoder.layers.{k}.{part}"
            weight = ge.full((3, 3), 0.3 - 0.1 * k, requires_grad=True, name=f"{path}.kernel_weight")
            h = ge.tanh(h @ weight + ge.full((3,), 0.1, requires_grad=True, name=f"{path}.bias_vector"))
    out = h.sum()
    out.backward(retain_graph=True)
    return record_graph(out, names={"output_of_the_encoder": out})
