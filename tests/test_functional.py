"""Derivatives of functions: against formulas, central differences, one another, and PyTorch where it is installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.core.op import OPS, Op
from grad_engine.core.tensor import Tensor, array_of
from tests.layouts import LAYOUTS
from tests.samples import as_function, cases, one_output

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
            assert type(mine) is np.ndarray and mine.shape == numeric.shape
            np.testing.assert_allclose(mine, numeric, atol=1e-8)


def test_vjp_and_jvp_are_products_with_the_jacobian() -> None:
    jacobian = ge.jacobian(pair, (A, B))
    weights = RNG.standard_normal(3), RNG.standard_normal(4)
    value, shares = ge.vjp(pair, (A, B), weights)
    moved_value, moved = ge.jvp(pair, (A, B), (VA, VB))
    for mine, again, plain in zip(value, moved_value, pair(ge.tensor(A), ge.tensor(B)), strict=True):
        np.testing.assert_array_equal(mine, plain.data)
        np.testing.assert_array_equal(again, plain.data)
    for j, share in enumerate(shares):
        expected = sum(np.tensordot(weights[i], jacobian[i][j], 1) for i in range(2))
        np.testing.assert_allclose(share, expected)
    for i, part in enumerate(moved):
        expected = np.tensordot(jacobian[i][0], VA, 2) + np.tensordot(jacobian[i][1], VB, 1)
        np.testing.assert_allclose(part, expected)


def test_hessian_and_hvp() -> None:
    hessian = ge.hessian(energy, (A, B))
    slopes = differences(lambda a, b: ge.value_and_grad(energy, (a, b))[1], [A, B])
    for row, expected in zip(hessian, slopes, strict=True):
        for mine, numeric in zip(row, expected, strict=True):
            np.testing.assert_allclose(mine, numeric, atol=1e-7)
    value, products = ge.hvp(energy, (A, B), (VA, VB))
    np.testing.assert_allclose(value, energy(ge.tensor(A), ge.tensor(B)).data)
    for row, product in zip(hessian, products, strict=True):
        expected = np.tensordot(row[0], VA, 2) + np.tensordot(row[1], VB, 1)
        np.testing.assert_allclose(product, expected)


def test_value_and_grad() -> None:
    value, slopes = ge.value_and_grad(energy, (A, B))
    a, b = leaf(A), leaf(B)
    z = energy(a, b)
    z.backward()
    assert type(value) is np.float64 and value == z.item()
    np.testing.assert_array_equal(slopes[0], a.grad.data)
    np.testing.assert_array_equal(slopes[1], b.grad.data)


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
        np.testing.assert_allclose(got[k], ge.jacobian(lambda r: model(r.reshape(1, 4))[0], x[k]))
    curved = ge.hessian(loss, x, batched=True)
    assert curved.shape == (5, 4, 4)
    for k in range(5):
        np.testing.assert_allclose(curved[k], ge.hessian(loss, x[k]))


def test_a_batch_takes_a_pass_for_each_element_of_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[int] = []

    def counted(*args: Any, **more: Any) -> Any:
        passes.append(1)
        return ge.grad(*args, **more)

    monkeypatch.setattr("grad_engine.jacobians.grad", counted)
    x = RNG.standard_normal((50, 3))
    ge.jacobian(lambda rows: ge.sin(rows)[:, :2], x, batched=True)
    assert len(passes) == 2 + 1
    passes.clear()
    mix = RNG.standard_normal((3, 40))
    ge.jacobian(lambda rows: ge.sin(rows @ mix), x[:4])
    assert len(passes) == 12 + 1  # twelve columns are cheaper than 160 rows
    passes.clear()
    ge.jacobian(lambda rows: (rows @ mix).sum(axis=1), x[:4])
    assert len(passes) == 4
    passes.clear()
    ge.jacobian(lambda rows: ge.sin(rows) * rows.sum(), x[:1])
    ge.jacobian(lambda p: p[0] * np.exp(-p[1] * x), np.array([2.0, 0.5]))
    assert len(passes) == 3  # of the first, whose rows mix; the second takes one pass of its own, not one of grad()


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
    "count of v": (lambda: ge.jvp(lambda x: x, B, (B, B)), ValueError, r"shape \(2, 4\), its input \(4,\)"),
    "shape of v": (lambda: ge.jvp(lambda x: x, B, B[:2]), ValueError, r"shape \(2,\), its input \(4,\)"),
    "weights": (lambda: ge.vjp(lambda x: x, B, B[:2]), ValueError, r"shape \(2,\), its output \(4,\)"),
    "integers": (lambda: ge.jacobian(lambda x: x, np.arange(3)), TypeError, "x holds int64"),
    "a place": (lambda: ge.value_and_grad(np.sin, 0), TypeError, "or argnums=0 for the place of an argument"),
    "places": (lambda: ge.value_and_grad(np.add, (0, 1)), TypeError, r"write \(0\.0, 1\.0\), or argnums=\(0, 1\)"),
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
            np.testing.assert_allclose(x, t.numpy(), rtol=1e-10)
    _, mine = ge.hvp(energy, (A, B), (VA, VB))
    _, other = theirs.hvp(t_energy, given, (torch.tensor(VA), torch.tensor(VB)))
    for x, t in zip(mine, other, strict=True):
        np.testing.assert_allclose(x, t.numpy(), rtol=1e-10)


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


# --- of functions, and what has a history ---------------------------------------------------------------------------


def test_a_function_alone_gives_a_function_of_its_arguments() -> None:
    def f(x: Any, y: Any, power: int = 2) -> Any:
        """A bowl."""
        return (x**power * y).sum()

    assert ge.grad(f)(2.0, 3.0) == 12.0 and ge.grad(f, argnums=1)(2.0, 3.0) == 4.0
    assert ge.grad(f, argnums=(1, 0))(2.0, 3.0) == (4.0, 12.0) and ge.grad(f)(2.0, 3.0, power=1) == 3.0
    assert ge.value_and_grad(f)(2.0, 3.0) == (12.0, 12.0)
    assert ge.hvp(f)(2.0, 5.0, 3.0) == 30.0 and ge.hvp(f, argnums=(0, 1))(2.0, 3.0, (1.0, 0.0)) == (6.0, 4.0)
    assert ge.jvp(f)(2.0, 5.0, 3.0) == 60.0 and ge.vjp(f)(2.0, 5.0, 3.0) == 60.0
    assert ge.hessian(f, argnums=(0, 1))(2.0, 3.0) == ((6.0, 4.0), (4.0, 0.0))
    assert ge.jacobian(f, argnums=(0, 1))(2.0, 3.0) == (12.0, 4.0) and ge.grad(f, (2.0, 3.0)) == (12.0, 4.0)
    assert ge.grad(f).__name__ == "f" and ge.grad(f).__doc__ == "A bowl."
    assert all(type(each) is np.float64 for each in (ge.grad(f)(2.0, 3.0), ge.hvp(f)(2.0, 5.0, 3.0)))
    assert ge.grad(np.sin)(0.0) == 1.0  # a function without a signature, or with one of its own
    assert ge.hvp(f)(np.ones(2), [1.0, 2.0], 3.0).tolist() == [6.0, 12.0]

    @ge.grad
    def slope(x: Any) -> Any:
        return x**3

    assert slope(2.0) == 12.0 and ge.grad(slope)(2.0) == 12.0 and ge.grad(ge.grad(slope))(2.0) == 6.0


def test_what_else_the_function_returns_comes_back_too() -> None:
    def f(x: Any) -> Any:
        return (x * x).sum(), {"double": 2 * x, "name": "f"}

    x = np.array([1.0, 2.0])
    gradient, aux = ge.grad(f, has_aux=True)(x)
    assert gradient.tolist() == [2.0, 4.0] and type(aux["double"]) is np.ndarray and aux["name"] == "f"
    (value, aux), gradient = ge.value_and_grad(f, has_aux=True)(ge.tensor(x))
    assert value.item() == 5.0 and aux["double"].tolist() == [2.0, 4.0] and not aux["double"].requires_grad
    assert ge.hessian(f, has_aux=True)(x)[0].tolist() == [[2, 0], [0, 2]]
    assert ge.hvp(f, has_aux=True)(x, x)[0].tolist() == [2.0, 4.0]
    (value, aux), product = ge.jvp(f, x, x, has_aux=True)
    assert (value, product) == (5.0, 10.0)


EVERY: dict[str, Callable[..., Any]] = {
    "grad": lambda f, x, more: ge.grad(f, **more)(x),
    "value": lambda f, x, more: ge.value_and_grad(f, **more)(x)[0],
    "value_and_grad": lambda f, x, more: ge.value_and_grad(f, x, **more)[1],
    "vjp": lambda f, x, more: ge.vjp(f, **more)(x, 2.0),
    "jvp": lambda f, x, more: ge.jvp(f, **more)(x, np.array([1.0, 2.0])),
    "hvp": lambda f, x, more: ge.hvp(f, **more)(x, np.array([1.0, 2.0])),
    "jacobian by rows": lambda f, x, more: ge.jacobian(f, by="rows", **more)(x),
    "jacobian by columns": lambda f, x, more: ge.jacobian(f, by="columns", **more)(x),
    "hessian": lambda f, x, more: ge.hessian(f, **more)(x),
}


@pytest.mark.parametrize("name", EVERY)
def test_a_history_that_takes_part_is_never_lost(name: str) -> None:
    """By a weight that the function closes over, by an outer derivative, by an input that has a history itself."""
    of, x = EVERY[name], np.array([0.3, 0.8])
    weight = leaf([1.5, -0.5])

    def f(t: Any, w: Any) -> Any:
        return (np.sin(t * w) * t).sum()

    def total(w: Any) -> Any:
        """The derivative, weighted, as a function of the weight."""
        found = of(lambda t: f(t, w), x, {})
        return (found * np.arange(1.0, 1.0 + found.size).reshape(found.shape)).sum()

    plain = of(lambda t: f(t, weight.data), x, {})
    assert type(plain) is (np.ndarray if np.ndim(plain) else np.float64)
    recorded = of(lambda t: f(t, weight), x, {})
    assert type(recorded) is Tensor and recorded.requires_grad
    np.testing.assert_allclose(recorded.data, plain, rtol=1e-12)
    numeric = differences(lambda w: ge.tensor(total(w)), [weight.data])[0][0]
    np.testing.assert_allclose(ge.grad(total(weight), weight).data, numeric, atol=1e-7)
    np.testing.assert_allclose(ge.grad(total)(weight.data), numeric, atol=1e-7)
    np.testing.assert_allclose(ge.jacobian(total)(weight.data), numeric, atol=1e-7)

    outer = leaf(x)  # an input with a history
    found = of(lambda t: f(t, weight.data), outer, {})
    assert found.requires_grad
    first = (found * np.arange(1.0, 1.0 + found.size).reshape(found.shape)).sum()

    def again(t: Any) -> Any:
        made = of(lambda t: f(t, weight.data), array_of(t), {})
        return ge.tensor((made * np.arange(1.0, 1.0 + made.size).reshape(np.shape(made))).sum())

    np.testing.assert_allclose(ge.grad(first, outer).data, differences(again, [x])[0][0], atol=1e-7)
    assert outer.grad is None and weight.grad is None


@pytest.mark.parametrize("name", EVERY)
def test_nothing_is_recorded_where_nothing_would_be_lost(name: str) -> None:
    of, x = EVERY[name], np.array([0.3, 0.8])
    weight = leaf([1.5, -0.5])

    def f(t: Any) -> Any:
        return (np.sin(t * weight) * t).sum()

    def own(t: Any) -> Any:
        inner = leaf([1.5, -0.5])  # a leaf made inside the function is of no use outside
        return (np.sin(t * inner) * t).sum()

    for found in (of(f, x, {"create_graph": False}), of(own, x, {})):
        assert type(found) is (np.ndarray if np.ndim(found) else np.float64)
    with ge.no_grad():
        assert type(of(f, x, {})) in (np.ndarray, np.float64)
        assert not of(f, leaf(x), {}).requires_grad
    assert not of(f, leaf(x), {"create_graph": False}).requires_grad
    assert not of(own, ge.tensor(x), {}).requires_grad
    kept = of(own, x, {"create_graph": True})
    assert type(kept) is Tensor


def test_a_direction_with_a_history_keeps_it() -> None:
    v = leaf([1.0, 2.0])
    for product in (ge.jvp(lambda x: (x**3).sum())(np.ones(2), v), ge.hvp(lambda x: (x**3).sum())(np.ones(2), v).sum()):
        assert ge.grad(product, v).tolist() in ([3.0, 3.0], [6.0, 6.0])


def test_results_are_in_memory_of_their_own() -> None:
    x = np.ones((2, 2))
    for f in (lambda t: t, lambda t: t[0], lambda t: t.T):
        value, _ = ge.vjp(f, x, np.ones(f(x).shape))
        assert not np.shares_memory(value, x) and value.flags.writeable
    weights = np.ones((2, 2))
    _, share = ge.vjp(lambda t: t, x, weights)
    assert not np.shares_memory(share, weights)


def test_the_last_axis_may_count_samples() -> None:
    y, p = RNG.standard_normal((2, 6)), np.array([0.7, -1.2, 0.4])

    def ode(y: Any, p: Any) -> Any:
        return np.stack([y[1] * p[0], np.sin(y[0]) * p[1] + p[2]])

    by_y, by_p = ge.jacobian(ode, argnums=(0, 1), batched="last")(y, p)
    full_y, full_p = ge.jacobian(ode, argnums=(0, 1))(y, p)
    assert by_y.shape == (2, 2, 6) and by_p.shape == (2, 3, 6)
    for k in range(6):
        np.testing.assert_allclose(by_y[:, :, k], full_y[:, k, :, k])
        np.testing.assert_allclose(by_p[:, :, k], full_p[:, k])
    with pytest.raises(ge.GraphError, match="depends on other rows"):
        ge.jacobian(lambda y: y - y.mean(axis=1, keepdims=True), batched="last")(y)


def test_numbers_as_inputs_make_a_matrix() -> None:
    x = np.linspace(0, 1, 5)
    blocks = ge.jacobian(lambda a, b: a * np.exp(b * x), argnums=(0, 1))(2.0, 0.5)
    assert type(blocks[0]) is np.ndarray and np.asarray(blocks).shape == (5, 2)
    np.testing.assert_allclose(np.asarray(blocks)[:, 1], blocks[1])


def test_constants_may_stand_among_the_outputs() -> None:
    found = ge.jacobian(lambda x: [x[1], 0.0, np.ones(2)])(np.ones(2))
    assert [each.tolist() for each in found] == [[0, 1], [0, 0], [[0, 0], [0, 0]]]


# --- Jacobians in one pass ------------------------------------------------------------------------------------------

TIMES = np.linspace(0.1, 2.0, 12).reshape(3, 4)


def _less_its_mean(y: Any) -> Any:
    return y - y.mean()


def _over_its_norm(y: Any) -> Any:
    return y / np.linalg.norm(y)


def _squared(a: Any) -> Any:
    return a @ a


POINTWISE: dict[str, tuple[Callable[..., Any], list[Any]]] = {
    "curve": (lambda p: p[0] * np.exp(-p[1] * TIMES) + p[2], [np.array([2.0, 0.7, 0.1])]),
    "numbers": (lambda a, b: np.where(TIMES > 1, a * TIMES, b) ** 2, [1.5, 0.3]),
    "numbers and a structure": (
        lambda p, c: np.tanh(p["a"] * TIMES + c) / p["b"][1],
        [{"a": 0.5, "b": np.ones(2)}, 0.2],
    ),
    "elements": (lambda x: np.sin(x) * x - 3 / x, [TIMES]),
    "elements and a number": (lambda x, a: np.sin(a * x), [TIMES, 0.4]),
    "a small product before": (lambda p: np.exp(TIMES * (p @ p)) * p.sum(), [np.array([0.2, 0.3])]),
    "one input twice": (lambda a: a * TIMES + np.sqrt(a) * np.cos(a), [0.8]),
    "one not used": (lambda a, b: a * TIMES, [0.8, np.ones(2)]),
    "views": (lambda p: np.exp(p[0] * TIMES).T[::-1], [np.array([0.3])]),
    "an element and all": (lambda x: x * x[0, 0], [TIMES]),
    "a row for all": (lambda r: r * TIMES, [np.arange(1.0, 5.0)]),
    "a sum of all": (lambda x: np.exp(x) / np.exp(x).sum(), [TIMES]),
    "one array and its mean": (lambda x: _less_its_mean(np.sin(x)), [TIMES]),
    "one array and its norm": (lambda x, a: _over_its_norm(x * a), [TIMES, 0.4]),
    "a matrix squared": (lambda x: _squared(x @ x.T / 3), [TIMES]),
    "rows joined": (lambda x: np.stack([np.exp(x), x]).sum(axis=0), [np.linspace(0.1, 2.0, 9)]),
    "infinite slopes": (lambda p: np.sqrt(p[0] * np.maximum(TIMES - 1, 0)) + p[1], [np.array([0.0, 1.0])]),
    "single precision": (lambda p: p[0] * np.float32(TIMES) + p[1] * 2.0, [np.float32([0.5, 1.0])]),
}


@pytest.mark.parametrize("name", POINTWISE)
@np.errstate(divide="ignore", invalid="ignore")
def test_the_cheapest_way_gives_the_jacobian_by_rows(name: str) -> None:
    f, inputs = POINTWISE[name]
    places = tuple(range(len(inputs)))
    got, expected = (ge.jacobian(f, argnums=places, by=by)(*inputs) for by in (None, "rows"))
    for mine, theirs in zip(ge.pytree.taken_apart(got)[0], ge.pytree.taken_apart(expected)[0], strict=True):
        assert mine.shape == theirs.shape and mine.dtype == theirs.dtype
        np.testing.assert_allclose(mine, theirs, rtol=1e-6 if mine.dtype == np.float32 else 1e-12, atol=1e-15)


@pytest.mark.parametrize("op", OPS.values(), ids=OPS)
@np.errstate(all="ignore")
def test_the_cheapest_way_through_any_op_gives_the_jacobian_by_rows(op: Op) -> None:
    """By its operands, and by two numbers that all of its operands depend on, as in a curve fit."""
    for each in cases(op)[:4]:
        f, xs = as_function(op, each)
        f = one_output(f)
        if not xs or f(*map(ge.tensor, xs)).dtype.kind != "f":
            continue

        def curve(p: Any, f: Any = f, xs: Any = xs) -> Any:
            return f(*((p[0] * x - p[1] * x.dtype.type(0.25)).astype(x.dtype) for x in xs)) * 1.5

        numbers = np.array([1.0, 1e-3], xs[0].dtype)
        for g, inputs in ((f, xs), (curve, [numbers])):
            got, expected = (ge.jacobian(g, argnums=range(len(inputs)), by=by)(*inputs) for by in (None, "rows"))
            for mine, theirs in zip(got, expected, strict=True):
                assert mine.shape == theirs.shape and mine.dtype == theirs.dtype
                scale = np.abs(theirs[np.isfinite(theirs)]).max(initial=0.0)
                tolerance = 1e-10 if mine.dtype == np.float64 else 1e-4
                np.testing.assert_allclose(mine, theirs, rtol=tolerance, atol=tolerance * scale)


def test_products_and_columns_are_finite_where_the_gradient_is() -> None:
    def f(p: Any) -> Any:
        return np.sqrt(p[0] * np.array([1.0, 2.0])) + p[1] * np.ones(2)

    p = np.array([0.0, 1.0])
    with np.errstate(divide="ignore", invalid="ignore"):
        rows, columns = ge.jacobian(f, by="rows")(p), ge.jacobian(f, by="columns")(p)
        moved, beside = ge.jvp(f)(p, np.array([1.0, 1.0])), ge.jvp(f)(p, np.array([0.0, 1.0]))
        along = ge.jvp(lambda x: np.power(x, [0.0, 1.0, 2.0]))(np.zeros(3), np.ones(3))
    np.testing.assert_array_equal(columns, rows)
    assert np.isposinf(moved).all() and beside.tolist() == [1.0, 1.0] and along.tolist() == [0.0, 1.0, 0.0]


def test_hooks_and_leaves_outside_see_a_jacobian_as_before() -> None:
    seen = []

    def f(p: Any) -> Any:
        y = np.exp(p * TIMES)
        y.register_hook(lambda g: seen.append(g.shape))
        return y * 2

    np.testing.assert_allclose(ge.jacobian(f)(0.3), 2 * TIMES * np.exp(0.3 * TIMES))
    assert seen
    weight = leaf(1.5)
    assert ge.jacobian(lambda p: p * weight * TIMES)(0.3).requires_grad
