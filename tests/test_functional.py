"""Derivatives of functions: against formulas, central differences, one another, and PyTorch where it is installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.core.tensor import Tensor, array_of
from tests.layouts import LAYOUTS

RNG = np.random.default_rng(5)
A, B = RNG.standard_normal((3, 4)), RNG.standard_normal(4)
VA, VB = RNG.standard_normal((3, 4)), RNG.standard_normal(4)


def leaf(values: Any) -> Tensor:
    return ge.tensor(values, requires_grad=True, dtype=float)


def pair(a: Any, b: Any) -> Any:
    """Two outputs of two inputs."""
    return ge.tanh(a @ b), (a * b).sum(axis=0) * b


def energy(a: Any, b: Any) -> Any:
    return (ge.sin(a @ b) * (a * a).sum(axis=1)).sum() + (b**3).sum()


def differences(f: Callable[..., Any], inputs: list[np.ndarray], eps: float = 1e-6) -> list[list[np.ndarray]]:
    """The Jacobian of each output by each input, by central differences."""

    def values(xs: list[np.ndarray]) -> list[np.ndarray]:
        out = f(*map(ge.tensor, xs))
        return [each.data for each in (out if isinstance(out, tuple) else (out,))]

    found = [[np.zeros(y.shape + x.shape) for x in inputs] for y in values(inputs)]
    for j, x in enumerate(inputs):
        for place in np.ndindex(x.shape):
            step = np.zeros(x.shape)
            step[place] = eps
            ahead, behind = (values([*inputs[:j], x + s * step, *inputs[j + 1 :]]) for s in (1, -1))
            for i, (up, down) in enumerate(zip(ahead, behind, strict=True)):
                found[i][j][(..., *place)] = (up - down) / (2 * eps)
    return found


# --- what comes back ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["rows", "columns", None])
def test_jacobian(by: Any) -> None:
    got = ge.jacobian(pair, (A, B), by=by)
    for row, expected in zip(got, differences(pair, [A, B]), strict=True):
        for mine, numeric in zip(row, expected, strict=True):
            assert mine.shape == numeric.shape and not mine.requires_grad
            np.testing.assert_allclose(mine.data, numeric, atol=1e-8)


def test_vjp_and_jvp_are_products_with_the_jacobian() -> None:
    jacobian = ge.jacobian(pair, (A, B))
    weights = RNG.standard_normal(3), RNG.standard_normal(4)
    value, shares = ge.vjp(pair, (A, B), weights)
    moved_value, moved = ge.jvp(pair, (A, B), (VA, VB))
    for mine, again, plain in zip(value, moved_value, pair(ge.tensor(A), ge.tensor(B)), strict=True):
        np.testing.assert_array_equal(mine.data, plain.data)
        np.testing.assert_array_equal(again.data, plain.data)
    for j, share in enumerate(shares):
        expected = sum(np.tensordot(weights[i], jacobian[i][j].data, 1) for i in range(2))
        np.testing.assert_allclose(share.data, expected)
    for i, part in enumerate(moved):
        expected = np.tensordot(jacobian[i][0].data, VA, 2) + np.tensordot(jacobian[i][1].data, VB, 1)
        np.testing.assert_allclose(part.data, expected)


def test_hessian_and_hvp() -> None:
    hessian = ge.hessian(energy, (A, B))
    slopes = differences(lambda a, b: ge.value_and_grad(energy, (a, b))[1], [A, B])
    for row, expected in zip(hessian, slopes, strict=True):
        for mine, numeric in zip(row, expected, strict=True):
            np.testing.assert_allclose(mine.data, numeric, atol=1e-7)
    value, products = ge.hvp(energy, (A, B), (VA, VB))
    np.testing.assert_allclose(value.data, energy(ge.tensor(A), ge.tensor(B)).data)
    for row, product in zip(hessian, products, strict=True):
        expected = np.tensordot(row[0].data, VA, 2) + np.tensordot(row[1].data, VB, 1)
        np.testing.assert_allclose(product.data, expected)


def test_value_and_grad() -> None:
    value, slopes = ge.value_and_grad(energy, (A, B))
    a, b = leaf(A), leaf(B)
    z = energy(a, b)
    z.backward()
    assert value.item() == z.item() and not value.requires_grad
    np.testing.assert_array_equal(slopes[0].data, a.grad.data)
    np.testing.assert_array_equal(slopes[1].data, b.grad.data)


def test_one_input_gives_one_and_several_give_several() -> None:
    cube = ge.value_and_grad(lambda x: x**3, 2.0)
    assert [part.item() for part in cube] == [8.0, 12.0]
    assert [part.item() for part in ge.vjp(lambda x: x**3, 2.0)] == [8.0, 12.0]
    assert [part.item() for part in ge.jvp(lambda x: x**3, 2.0)] == [8.0, 12.0]
    assert [part.item() for part in ge.hvp(lambda x: x**3, 2.0)] == [8.0, 12.0]
    assert ge.hessian(lambda x: x**3, 2.0).item() == 12.0
    assert ge.jacobian(lambda x: x**3, [2.0])[0].item() == 12.0
    assert ge.jacobian(lambda x: (x**3,), 2.0)[0].item() == 12.0
    assert ge.value_and_grad(lambda x: x**3, [2.0])[1][0].item() == 12.0
    assert ge.jacobian(lambda x: x * 1, np.zeros((0, 2))).shape == (0, 2, 0, 2)
    assert ge.jacobian(lambda x: x[0] * 1, np.zeros((1, 0)), by="columns").shape == (0, 1, 0)


def test_what_does_not_depend_has_derivative_zero() -> None:
    x, y = np.ones(2), np.ones(3)
    constant = ge.tensor(1.0)
    assert ge.value_and_grad(lambda x, y: x.sum(), (x, y))[1][1].tolist() == [0, 0, 0]
    assert ge.jacobian(lambda x: constant, x).tolist() == [0, 0]
    assert ge.jacobian(lambda x: ge.stack([constant] * 9), x).shape == (9, 2)
    assert ge.jvp(lambda x: constant, x, x)[1].item() == 0
    assert ge.hessian(lambda x: (3 * x).sum(), x).tolist() == [[0, 0], [0, 0]]
    assert ge.hvp(lambda x: (3 * x).sum(), x, x)[1].tolist() == [0, 0]
    assert ge.jacobian(lambda x: x, x).tolist() == [[1, 0], [0, 1]]


def test_no_grad_is_written_and_closures_are_no_inputs() -> None:
    x = leaf([1.0, 2.0])
    _, slope = ge.value_and_grad(lambda t: (t * x).sum(), x)
    assert slope.tolist() == [1.0, 2.0]
    assert x.grad is None
    outer = leaf([3.0, 4.0])
    _, slope = ge.value_and_grad(lambda t: (t * outer).sum(), outer, create_graph=True)
    assert ge.grad(slope.sum(), outer, allow_unused=True).tolist() == [1.0, 1.0]
    with ge.no_grad():
        assert ge.value_and_grad(lambda t: (t * t).sum(), x)[1].tolist() == [2.0, 4.0]


@pytest.mark.parametrize(
    "derivative",
    [
        lambda x, more: ge.value_and_grad(lambda t: (ge.sin(t) * t).sum(), x, **more)[1],
        lambda x, more: ge.vjp(lambda t: ge.sin(t) * t, x, np.array([1.0, 2.0]), **more)[1],
        lambda x, more: ge.jvp(lambda t: ge.sin(t) * t, x, np.array([1.0, 2.0]), **more)[1],
        lambda x, more: ge.jacobian(lambda t: ge.sin(t) * t.sum(), x, by="rows", **more),
        lambda x, more: ge.jacobian(lambda t: ge.sin(t) * t.sum(), x, by="columns", **more),
        lambda x, more: ge.jacobian(lambda t: ge.sin(t) * t, x, batched=True, **more),
        lambda x, more: ge.hessian(lambda t: (ge.sin(t) * t.sum()).sum(), x, **more),
        lambda x, more: ge.hessian(lambda t: ge.sin(t) * t, x, batched=True, **more),
        lambda x, more: ge.hvp(lambda t: (ge.sin(t) * t.sum()).sum(), x, np.array([1.0, 2.0]), **more)[1],
    ],
)
def test_what_comes_back_can_be_differentiated_again_when_asked(derivative: Callable[..., Any]) -> None:
    x = np.array([0.4, 1.3])
    plain = derivative(ge.tensor(x), {})
    assert not plain.requires_grad
    np.testing.assert_allclose(derivative(ge.tensor(x), {"create_graph": True}).data, plain.data, rtol=1e-12)
    ge.check_gradients(lambda t: derivative(t * 1.0, {"create_graph": True}), x)


# --- batches --------------------------------------------------------------------------------------------------------


def test_batched_jacobian_and_hessian_are_those_of_each_row() -> None:
    x, w = RNG.standard_normal((5, 4)), RNG.standard_normal((4, 3))

    def model(rows: Any) -> Any:
        return ge.tanh(rows @ w).reshape(-1, 3, 1) * np.ones((1, 1, 2))

    def loss(rows: Any) -> Any:
        return (ge.tanh(rows @ w) ** 2).sum(axis=-1)

    got = ge.jacobian(model, x, batched=True)
    assert got.shape == (5, 3, 2, 4)
    for k in range(5):
        np.testing.assert_allclose(got.data[k], ge.jacobian(lambda r: model(r.reshape(1, 4))[0], x[k]).data)
    curved = ge.hessian(loss, x, batched=True)
    assert curved.shape == (5, 4, 4)
    for k in range(5):
        np.testing.assert_allclose(curved.data[k], ge.hessian(loss, x[k]).data)


def test_a_batch_takes_a_pass_for_each_element_of_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[int] = []

    def counted(*args: Any, **more: Any) -> Any:
        passes.append(1)
        return ge.grad(*args, **more)

    monkeypatch.setattr("grad_engine.functional.grad", counted)
    x = RNG.standard_normal((50, 3))
    ge.jacobian(lambda rows: ge.sin(rows)[:, :2], x, batched=True)
    assert len(passes) == 2 + 1
    passes.clear()
    ge.jacobian(lambda rows: ge.sin(rows), x[:4])
    assert len(passes) == 12
    passes.clear()
    ge.jacobian(lambda rows: rows.sum() * np.ones(100), x[:1])
    assert len(passes) == 3 + 1  # three columns are cheaper than a hundred rows


@pytest.mark.parametrize(
    "mixed",
    [
        lambda x: ((x - x.mean(axis=0)) ** 2).sum(axis=1),
        lambda x: (ge.concat([x[1:], x[:1]]) ** 2).sum(axis=1),
        lambda x: (x * x.sum(axis=0)).sum(axis=1),
    ],
)
def test_rows_that_mix_are_no_batch(mixed: Callable[..., Any]) -> None:
    x = RNG.standard_normal((4, 3))
    for derivative in (ge.jacobian, ge.hessian):
        with pytest.raises(ge.GraphError, match="depends on other rows"):
            derivative(mixed, x, batched=True)


# --- misuse ---------------------------------------------------------------------------------------------------------

MISUSE: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "value of several": (lambda: ge.value_and_grad(lambda x: x * 2, B), RuntimeError, r"got shape \(4,\); sum it up"),
    "hessian of several": (lambda: ge.hessian(lambda x: x * 2, B), RuntimeError, r"got shape \(4,\); use jacobian"),
    "hvp of several": (lambda: ge.hvp(lambda x: x * 2, B, B), RuntimeError, "one number"),
    "vjp without v": (lambda: ge.vjp(lambda x: x * 2, B), RuntimeError, "one element"),
    "jvp without v": (lambda: ge.jvp(lambda x: x * 2, B), RuntimeError, "pass a direction"),
    "hvp without v": (lambda: ge.hvp(lambda x: x.sum(), B), RuntimeError, "pass a direction"),
    "count of v": (lambda: ge.jvp(lambda x: x, B, (B, B)), TypeError, "2 parts for 1 inputs"),
    "shape of v": (lambda: ge.jvp(lambda x: x, B, B[:2]), ValueError, r"shape \(2,\), its input \(4,\)"),
    "weights": (lambda: ge.vjp(lambda x: x, B, B[:2]), ValueError, r"shape \(2,\), its output \(4,\)"),
    "integers": (lambda: ge.jacobian(lambda x: x, np.arange(3)), TypeError, "input 0 holds int64"),
    "integer results": (lambda: ge.jacobian(lambda x: x.argmax(), B), TypeError, "returned int64"),
    "a number": (lambda: ge.value_and_grad(lambda x: x.sum().item(), B), TypeError, "got float; leave out item"),
    "by": (lambda: ge.jacobian(lambda x: x, B, by="diagonals"), TypeError, "got 'diagonals'"),
    "columns of a batch": (lambda: ge.jacobian(lambda x: x, B, by="columns", batched=True), TypeError, "not batched"),
    "batch of a number": (lambda: ge.jacobian(lambda x: x.sum(), B, batched=True), ValueError, "one first axis"),
    "batch of another": (lambda: ge.jacobian(lambda x: x[1:], B, batched=True), ValueError, "one first axis"),
    "hessian of a batch": (lambda: ge.hessian(lambda x: x.sum(), B, batched=True), RuntimeError, "for each row"),
}


@pytest.mark.parametrize(("program", "kind", "words"), MISUSE.values(), ids=MISUSE)
def test_misuse(program: Callable[[], Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words) as caught:
        program()
    assert isinstance(caught.value, ge.GradEngineError)


def test_agrees_with_pytorch() -> None:
    torch = pytest.importorskip("torch")
    theirs = torch.autograd.functional
    given = torch.tensor(A), torch.tensor(B)

    def t_energy(a: Any, b: Any) -> Any:
        return (torch.sin(a @ b) * (a * a).sum(dim=1)).sum() + (b**3).sum()

    for mine, other in zip(ge.hessian(energy, (A, B)), theirs.hessian(t_energy, given), strict=True):
        for x, t in zip(mine, other, strict=True):
            np.testing.assert_allclose(x.data, t.numpy(), rtol=1e-10)
    _, mine = ge.hvp(energy, (A, B), (VA, VB))
    _, other = theirs.hvp(t_energy, given, (torch.tensor(VA), torch.tensor(VB)))
    for x, t in zip(mine, other, strict=True):
        np.testing.assert_allclose(x.data, t.numpy(), rtol=1e-10)


# --- memory layout --------------------------------------------------------------------------------------------------

SQUARE = RNG.standard_normal((3, 3))


def shifted_det(t: Any) -> Any:
    return np.linalg.det(t + 2 * np.eye(3))


DERIVATIVES: dict[str, Callable[..., Any]] = {
    "value_and_grad": lambda x, v, more: ge.value_and_grad(lambda t: (np.sin(t) * t.T).sum(), x, **more),
    "vjp": lambda x, v, more: ge.vjp(lambda t: np.sin(t.T) @ t, x, v, **more),
    "jvp": lambda x, v, more: ge.jvp(lambda t: np.sin(t.T) @ t, x, v, **more),
    "jvp of a view": lambda x, v, more: ge.jvp(lambda t: t.T, x, v, **more),
    "jacobian by rows": lambda x, v, more: ge.jacobian(lambda t: np.sin(t.T), x, by="rows", **more),
    "jacobian by columns": lambda x, v, more: ge.jacobian(lambda t: np.sin(t.T), x, by="columns", **more),
    "jacobian of a view": lambda x, v, more: ge.jacobian(lambda t: t.T, x, **more),
    "jacobian of a batch": lambda x, v, more: ge.jacobian(lambda t: np.sin(t)[:, ::-1], x, batched=True, **more),
    "hessian": lambda x, v, more: ge.hessian(shifted_det, x, **more),
    "hessian of a batch": lambda x, v, more: ge.hessian(lambda t: np.sin(t[:, 0]) * t[:, 1], x, batched=True, **more),
    "hvp": lambda x, v, more: ge.hvp(shifted_det, x, v, **more),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", DERIVATIVES)
def test_derivatives_do_not_depend_on_the_memory_layout(name: str, layout: str) -> None:
    x, v = LAYOUTS[layout](SQUARE), LAYOUTS[layout](SQUARE + 1)
    for more in ({}, {"create_graph": True}):
        got = DERIVATIVES[name](x, v, more)
        expected = DERIVATIVES[name](x.copy(order="C"), v.copy(order="C"), more)
        several = isinstance(got, tuple)
        for mine, theirs in zip(got if several else [got], expected if several else [expected], strict=True):
            np.testing.assert_allclose(array_of(mine), array_of(theirs), rtol=1e-12, atol=1e-14)
            assert np.any(array_of(mine))
