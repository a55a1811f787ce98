"""Programs whose stories once said something wrong, as records."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import grad_engine as ge
from grad_engine import nn, optim
from grad_engine.export.from_tensor import record_graph
from grad_engine.record import GraphRecord


def leaf(values: Any, name: str) -> Any:
    return ge.tensor(np.asarray(values, dtype=float), requires_grad=True, name=name)


def told(root: Any, name: str = "z") -> GraphRecord:
    root.backward(np.ones(root.shape), retain_graph=True)
    return record_graph(root, names={name: root})


def backward_twice() -> GraphRecord:
    x, y = leaf(2.0, "x"), leaf(3.0, "y")
    z = x * y - x**2
    z.backward(retain_graph=True)
    return told(z)


def optimiser_stepped() -> GraphRecord:
    w, b = leaf([[1.0, -2.0], [0.5, 0.25]], "w"), leaf([0.5, -0.5], "b")
    steps = optim.SGD([w, b], lr=0.1)
    loss = ((ge.tensor([[1.0, 2.0], [3.0, 4.0]], name="X") @ w + b) ** 2).mean()
    loss.backward(retain_graph=True)
    steps.step()
    return record_graph(loss, names={"loss": loss})


def ties() -> GraphRecord:
    x = leaf([2.0, 2.0, 1.0], "x")
    most = x.max()
    where = ge.where(x <= 2, x * 3, x * 5)
    return told(most * where.sum() + ge.maximum(x, 2.0).sum())


def zero_norm() -> GraphRecord:
    x = leaf([0.0, 0.0], "x")
    return told(ge.linalg.vector_norm(x) + (x * 2).sum())


def product_with_zero() -> GraphRecord:
    x = leaf([0.0, 2.0, 3.0], "x")
    return told(ge.prod(x) + x.sum())


def classes() -> GraphRecord:
    rng = np.random.default_rng(4)
    w = leaf(rng.normal(size=(4, 3)), "W")
    x = ge.tensor(rng.normal(size=(5, 4)), name="X")
    return told(nn.functional.cross_entropy(x @ w, np.array([0, 2, 1, 0, 2])), "loss")


def reserved_names() -> GraphRecord:
    g, big = leaf(2.0, "g"), leaf([3.0, 4.0], "L")
    return told(g * big + big**2)


def reserved_scalars() -> GraphRecord:
    g, big, x = leaf(2.0, "g"), leaf(3.0, "L"), leaf(-1.5, "x")
    return told(ge.tanh(g * x) * big + g / big)


def minus_infinity() -> GraphRecord:
    x = leaf([0.0, 1.0, 4.0], "x")
    with np.errstate(all="ignore"):
        return told(ge.ln(x) * 2)


def used_twice() -> GraphRecord:
    x = leaf(3.0, "x")
    y = x * x
    return told(y * y + x)


def no_gradient() -> GraphRecord:
    x, y, v = leaf(2.0, "x"), leaf(-1.0, "y"), leaf([1.0, 2.0], "v")
    z = ge.stack([x * y, ge.relu(y) + x])
    total = z.sum() + (v.detach() * 2).sum()
    index = ge.where(v > 5, v, 0.0).sum()
    return told(total + index)


def broadcast_sums() -> GraphRecord:
    rng = np.random.default_rng(5)
    encoder = leaf(rng.normal(size=2), "encoder")
    scale = leaf(1.5, "scale")
    x = ge.tensor(rng.normal(size=(4, 2)), name="x")
    return told(ge.sigmoid(x * encoder + scale).sum())


def many_rows() -> GraphRecord:
    rng = np.random.default_rng(6)
    bias = leaf(rng.normal(size=3), "bias")
    x = ge.tensor(rng.normal(size=(20, 3)), name="x")
    return told(((x + bias) ** 2).mean())


def three_axes() -> GraphRecord:
    rng = np.random.default_rng(7)
    q, k = leaf(rng.normal(size=(2, 3, 4)), "q"), leaf(rng.normal(size=(2, 3, 4)), "k")
    return told((ge.softmax(q @ k.mT, axis=-1) * 2).sum())


def four_axes() -> GraphRecord:
    rng = np.random.default_rng(8)
    image, kernel = leaf(rng.normal(size=(1, 2, 5, 5)), "image"), leaf(rng.normal(size=(3, 2, 3, 3)), "kernel")
    return told(ge.relu(nn.functional.conv2d(image, kernel)).mean())


def extremes() -> GraphRecord:
    small, large = leaf(1e-30, "small"), leaf(1e30, "large")
    return told(small * large + ge.sqrt(large) * small)


def extreme_tensor() -> GraphRecord:
    x = leaf([1e-30, 1e-3, 1.0, 1e12, 1e30], "x")
    return told((x * 3).sum() + ge.sqrt(x).sum())


def cancellation() -> GraphRecord:
    x, y = leaf(2.449489742783178, "x"), leaf(1.0, "y")
    return told(x * y - x * (y + 7.4e-6) + x * 0.0)


def cancelled_to_rounding() -> GraphRecord:
    x = leaf([0.1, 0.2, 0.7], "x")
    return told(ge.softmax(x).sum() + (x * 0.1 - x * 0.3 + x * 0.2).sum())


def long_scalar_names() -> GraphRecord:
    first = leaf(1.5, "the_first_weight_of_the_second_layer_of_the_network")
    other = leaf(-0.5, "another_name_that_is_far_too_long_for_any_card")
    return told(ge.tanh(first * other) + first**2, "the_objective_that_is_minimised")


def fan() -> GraphRecord:
    x = leaf(1.25, "x")
    total = x * 1.0
    for k in range(1, 12):
        total = total + x * float(k)
    return told(total)


def scalars_24() -> GraphRecord:
    x, y = leaf(0.7, "x"), leaf(-0.4, "y")
    a = x
    for k in range(8):
        a = ge.tanh(a * y + x) if k % 2 else ge.sin(a) * y - x
    return told(a)


def chain_28() -> GraphRecord:
    x = leaf(0.9, "x")
    a = x
    for k in range(14):
        a = ge.sin(a) * 1.1 if k % 3 else ge.exp(a) * 0.2
    return told(a)


def residual_blocks() -> GraphRecord:
    rng = np.random.default_rng(9)
    h = ge.tensor(rng.normal(size=(3, 4)), name="x")
    for k in range(6):
        w1, w2 = leaf(rng.normal(size=(4, 4)) * 0.3, f"a{k}"), leaf(rng.normal(size=(4, 4)) * 0.3, f"b{k}")
        h = h + ge.relu(h @ w1) @ w2
    return told((h**2).mean(), "loss")


def skips_between_scopes() -> GraphRecord:
    rng = np.random.default_rng(12)
    h = ge.tensor(rng.normal(size=(3, 4)), name="x")
    for k in range(9):
        with ge.scope(f"blocks.{k}"):
            branch = ge.tanh(h @ leaf(rng.normal(size=(4, 4)) * 0.3, f"a{k}")) @ leaf(rng.normal(size=(4, 4)), f"b{k}")
        h = h + branch
    return told((h**2).mean(), "loss")


def nan_in_the_middle() -> GraphRecord:
    x, y = leaf([-1.0, 4.0, 9.0], "x"), leaf([1.0, 2.0, 3.0], "y")
    with np.errstate(all="ignore"):
        return told(ge.exp(ge.sqrt(x) * y) + y)


def two_roots() -> GraphRecord:
    x, y = leaf(2.0, "x"), leaf(5.0, "y")
    shared = x * y
    first, second = ge.sin(shared), shared**2 + x
    second.backward(retain_graph=True)
    first.backward(retain_graph=True)
    return record_graph([first, second], names={"first": first, "second": second})


def second_order() -> GraphRecord:
    x = leaf(0.5, "x")
    y = ge.sin(x) * x**2
    (slope,) = ge.grad(y, [x], create_graph=True)
    slope.backward(retain_graph=True)
    return record_graph(slope, names={"slope": slope})


def dropout() -> GraphRecord:
    rng = np.random.default_rng(10)
    w = leaf(rng.normal(size=(4, 3)), "W")
    x = ge.tensor(rng.normal(size=(2, 4)), name="X")
    ge.manual_seed(3)
    return told((nn.functional.dropout(ge.tanh(x @ w), 0.5) ** 2).sum(), "loss")


def kink() -> GraphRecord:
    x, y = leaf(0.0, "x"), leaf(2.0, "y")
    return told(ge.relu(x) * y + ge.abs(x))


def scalar_gate() -> GraphRecord:
    x, y = leaf(-1.5, "x"), leaf(2.0, "y")
    return told(ge.relu(x * y) + ge.relu(y) * x)


def divisions() -> GraphRecord:
    a, b, c = leaf(1 / 3, "a"), leaf(-2 / 7, "b"), leaf(5 / 11, "c")
    return told(ge.exp(a / b) / (c - b) + (a * b * c) ** 3)


def negative_powers() -> GraphRecord:
    x, y = leaf(-1.7, "x"), leaf(-0.3, "y")
    return told((x * y) ** -2 - x**3 + 1 / y)


def weighted_seed() -> GraphRecord:
    root = leaf([1.0, 2.0], "x") * leaf([3.0, 4.0], "y")
    root.backward(np.array([1.0, 3.0]), retain_graph=True)
    return record_graph(root, names={"z": root})


def single_precision() -> GraphRecord:
    x = ge.tensor(np.float32([0.1, -0.7, 1.3]), requires_grad=True, name="x")
    return told((ge.tanh(x) * x).sum())


def embedding() -> GraphRecord:
    rng = np.random.default_rng(11)
    table, w = leaf(rng.normal(size=(6, 3)), "table"), leaf(rng.normal(size=(3, 2)), "w")
    rows = nn.functional.embedding(np.array([1, 4, 1, 1]), table)
    return told(ge.tanh(rows @ w).sum())


def infinite_slope() -> GraphRecord:
    x = leaf([0.0, 4.0], "x")
    with np.errstate(all="ignore"):
        return told(ge.sqrt(x).sum())


def hidden_nan() -> GraphRecord:
    x = leaf([0.0, 4.0], "x")
    with np.errstate(all="ignore"):
        return told((ge.sqrt(x) * 0).sum() + x.sum())


def newton() -> GraphRecord:
    x = leaf(2.0, "x")
    y = x
    for _ in range(7):
        y = (y + x / y) * 0.5
    return told(y, "root")


def two_outputs() -> GraphRecord:
    q, r = ge.linalg.qr(leaf(np.random.default_rng(3).normal(size=(3, 3)), "A"))
    return told(q.sum() + (r**2).sum())


FAULTS: Mapping[str, Callable[[], GraphRecord]] = {
    made.__name__: made
    for made in (
        backward_twice,
        optimiser_stepped,
        ties,
        zero_norm,
        product_with_zero,
        classes,
        reserved_names,
        reserved_scalars,
        minus_infinity,
        used_twice,
        no_gradient,
        broadcast_sums,
        many_rows,
        three_axes,
        four_axes,
        extremes,
        extreme_tensor,
        cancellation,
        cancelled_to_rounding,
        long_scalar_names,
        fan,
        scalars_24,
        chain_28,
        residual_blocks,
        nan_in_the_middle,
        two_roots,
        second_order,
        dropout,
        kink,
        scalar_gate,
        divisions,
        negative_powers,
        skips_between_scopes,
        weighted_seed,
        single_precision,
        embedding,
        infinite_slope,
        hidden_nan,
        newton,
        two_outputs,
    )
}
