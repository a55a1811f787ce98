"""Ops with a backward of their own: Function, and checkpoint()."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.core.chain_rule import newest_first
from grad_engine.core.tensor import Tensor


def leaf(values: Any, dtype: Any = float) -> Tensor:
    return ge.tensor(values, requires_grad=True, dtype=dtype)


class Cube(ge.Function):
    """k times the third power."""

    symbol = "x³"

    @staticmethod
    def forward(ctx: Any, x: Any, k: float = 1.0) -> Any:
        ctx.save_for_backward(x)
        ctx.k = k
        return x * x * x * k

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        return 3 * ctx.k * g * x * x, None


class SinCos(ge.Function):
    """Two outputs, each the other's slope."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        s, c = np.sin(x.data), np.cos(x.data)
        ctx.save_for_backward(s, c)
        return s, c

    @staticmethod
    def backward(ctx: Any, gs: Any, gc: Any) -> Any:
        s, c = ctx.saved_tensors
        return gs * c - gc * s


class Mix(ge.Function):
    """x * y, with either gradient made only where it is asked for."""

    asked: list[tuple[bool, ...]]

    @staticmethod
    def forward(ctx: Any, x: Any, y: Any) -> Any:
        ctx.save_for_backward(x, y)
        return x * y

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        x, y = ctx.saved_tensors
        Mix.asked.append(ctx.needs_input_grad)
        return (g * y if ctx.needs_input_grad[0] else None, g * x if ctx.needs_input_grad[1] else None)


def function(forward: Callable[..., Any], backward: Callable[..., Any] | None) -> Callable[..., Any]:
    """apply() of a Function of two plain functions."""
    return type("Own", (ge.Function,), {"forward": forward, "backward": backward}).apply


# --- Function -------------------------------------------------------------------------------------------------------


def test_derivatives_of_every_order() -> None:
    ge.check_gradients(Cube.apply, [np.array([0.5, -1.5, 2.0])], order=3)
    ge.check_gradients(lambda x: Cube.apply(x, 2.5), [np.array(0.7)], order=2)
    ge.check_gradients(lambda x: (lambda s, c: s * s * c)(*SinCos.apply(x)), [np.array([0.3, 0.7])], order=3)
    ge.check_gradients(lambda x: SinCos.apply(x)[1], [np.array([0.3, 0.7])], order=2)


def test_one_call_is_one_node() -> None:
    x = leaf([1.0, 2.0])
    y = Cube.apply(x, 2.0)
    assert y.grad_fn.name == "CubeBackward" and y.node.edges == (x.node,)
    z = y.sum()
    z.backward(retain_graph=True)
    record = ge.record_graph(z)
    node = record.nodes[0]
    assert (node.op, node.name, node.symbol, node.category) == ("Cube", "CubeBackward", "x³", "function")
    assert node.inputs[0].parameter == "x" and node.attributes == {"k": 2.0} and node.saved == (node.inputs[0].tensor,)
    assert node.formula is not None and node.formula.forward.text == "Cube(x, k=2)"
    assert record.expression == "z = sum(Cube(x, k=2))"
    assert ge.record.from_json(ge.record.to_json(record)) == record
    assert [each.name for each in SinCos.apply(x)[0].node.node.edges] == ["GradAccum"]


def test_only_shares_that_are_asked_for() -> None:
    Mix.asked = []
    x, y = leaf(2.0), leaf(3.0)
    assert ge.grad(Mix.apply(x, y), y).item() == 2.0
    Mix.apply(x, ge.tensor(5.0)).backward()
    Mix.apply(x, y).backward()
    assert Mix.asked == [(False, True), (True, False), (True, True)]
    assert (x.grad.item(), y.grad.item()) == (8.0, 2.0)
    assert ge.grad(Mix.apply(x, x), x).item() == 4.0


def test_outputs_that_nothing_reached_bring_zeros_or_none() -> None:
    seen: list[Any] = []

    def build(flag: bool) -> Callable[..., Any]:
        def forward(ctx: Any, x: Any) -> Any:
            ctx.set_materialize_grads(flag)
            return x * 2, x * 3

        def backward(ctx: Any, g: Any, h: Any) -> Any:
            seen.append(h)
            return g * 2

        return function(forward, backward)

    for flag in (True, False):
        ge.grad(build(flag)(leaf([1.0, 2.0]))[0].sum(), [], allow_unused=True)
        x = leaf([1.0, 2.0])
        build(flag)(x)[0].sum().backward()
        np.testing.assert_array_equal(x.grad.data, [2, 2])
    zeros, none = seen
    np.testing.assert_array_equal(zeros.data, [0, 0])
    assert none is None


def test_integers_and_marked_outputs_carry_no_gradient() -> None:
    def forward(ctx: Any, x: Any) -> Any:
        rounded = x * 0 + 1
        ctx.mark_non_differentiable(rounded)
        return x * 2, np.argsort(x.data), rounded

    double, order, rounded = function(forward, lambda ctx, g, *_: g * 2)(leaf([3.0, 1.0]))
    assert double.requires_grad and not order.requires_grad and not rounded.requires_grad
    assert order.tolist() == [1, 0]


def test_nothing_is_recorded_inside_and_outside_no_grad() -> None:
    inner: list[bool] = []

    def forward(ctx: Any, x: Any) -> Any:
        inner.append((x * 2).requires_grad)
        return x * 2

    double = function(forward, lambda ctx, g: g * 2)
    assert double(leaf(1.0)).requires_grad
    with ge.no_grad():
        assert not double(leaf(1.0)).requires_grad
    assert not double(ge.tensor(1.0)).requires_grad
    assert inner == [False] * 3


def test_gradients_are_never_aliased() -> None:
    """One array returned for two inputs, or kept by ctx, is not handed to a leaf, which would add to it in place."""
    kept = ge.tensor([1.0, 1.0])

    def forward(ctx: Any, x: Any, y: Any) -> Any:
        return x + y

    add = function(forward, lambda ctx, g: (kept, kept))
    x, y = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    z = add(x, y) + x + x + y
    z.sum().backward(retain_graph=True)
    np.testing.assert_array_equal(x.grad.data, [3, 3])
    np.testing.assert_array_equal(y.grad.data, [2, 2])
    np.testing.assert_array_equal(kept.data, [1, 1])


class Doubled(ge.Function):
    """Twice x, with a backward that writes into the gradient it was given."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x * 2

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        g *= 2
        return g


@pytest.mark.parametrize("create_graph", [False, True])
def test_backward_may_change_the_gradient_it_gets(create_graph: bool) -> None:
    x, y, seed = leaf([1.0, 2.0]), leaf([1.0, 2.0]), np.ones(2)
    (Doubled.apply(x) + y).backward(seed, create_graph=create_graph)
    assert (x.grad.tolist(), y.grad.tolist(), seed.tolist()) == ([2.0, 2.0], [1.0, 1.0], [1.0, 1.0])
    for z in (Doubled.apply(x), Doubled.apply(x).sum()):
        assert ge.grad(z[0] if z.ndim else z, x, create_graph=create_graph).tolist()[0] == 2.0
    one = leaf(3.0)
    Doubled.apply(one).backward(create_graph=create_graph)
    assert one.grad.item() == 2.0


def test_an_input_returned_unchanged_is_a_view_of_it() -> None:
    x = leaf([1.0, 2.0]) * 1
    same = function(lambda ctx, x: x, lambda ctx, g: g * 5)(x)
    assert ge.grad(same.sum(), x).tolist() == [5, 5]
    with pytest.raises(ge.InPlaceError, match="view"):
        same += 1


def test_saved_tensors_changed_in_place_are_refused() -> None:
    for change in ("input", "value"):
        held: list[Tensor] = []

        def forward(ctx: Any, x: Any, held: Any = held, change: str = change) -> Any:
            y, own = x * 2, x * 3
            held.append(own)
            ctx.save_for_backward({"input": x, "value": own}[change])
            return y

        def backward(ctx: Any, g: Any) -> Any:
            return g * ctx.saved_tensors[0]

        h = leaf([1.0]) * 1
        y = function(forward, backward)(h)
        {"input": h, "value": held[0]}[change][0] = 7.0
        with pytest.raises(ge.InPlaceError, match=r"change a clone|x = x.clone\(\) before"):
            y.sum().backward()


def test_a_saved_result_that_is_changed_in_place_is_kept() -> None:
    def forward(ctx: Any, x: Any) -> Any:
        y = x * 2
        ctx.save_for_backward(y)
        return y

    x = leaf([1.5])
    y = function(forward, lambda ctx, g: g * ctx.saved_tensors[0])(x)
    y *= 5.0
    y.sum().backward()
    assert x.grad is not None and x.grad.tolist() == [15.0]


def test_a_saved_value_of_its_own_has_a_first_derivative_only() -> None:
    def forward(ctx: Any, x: Any) -> Any:
        e = np.exp(x)
        ctx.save_for_backward(e, None)
        return e * 2

    def backward(ctx: Any, g: Any) -> Any:
        e, nothing = ctx.saved_tensors
        assert nothing is None
        return g * e * 2

    x = leaf([1.0])
    twice = function(forward, backward)
    np.testing.assert_allclose(ge.grad(twice(x).sum(), x).data, 2 * np.exp(1))
    with pytest.raises(ge.GraphError, match="second derivative"):
        ge.grad(twice(x).sum(), x, create_graph=True)


def _returning(share: Any, **more: Any) -> Callable[[], Any]:
    def program() -> Any:
        x = leaf([1.0, 2.0])
        y = function(lambda ctx, x, k=None: x * 2, lambda ctx, g: share)(x, *more.get("args", ()))
        return ge.grad(y.sum(), x, create_graph=more.get("create_graph", False))

    return program


MISUSE: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "made, not called": (lambda: Cube(leaf(1.0)), TypeError, r"Cube.apply\(x\)"),
    "tensors in a list": (lambda: Cube.apply([leaf(1.0)]), TypeError, "pass each as an argument"),
    "no backward": (
        lambda: type("Half", (ge.Function,), {"forward": staticmethod(lambda ctx, x: x)}).apply(leaf(1.0)),
        TypeError, "Half has no backward",
    ),
    "too many shares": (_returning((1.0, 2.0, 3.0)), TypeError, "returned 3 shares for the 1 argument"),
    "too few shares": (_returning(np.ones(2), args=[3]), TypeError, "returned 1 shares for the 2 arguments"),
    "share for no tensor": (_returning((np.ones(2), 1.0), args=[3]), TypeError, "no tensor; return None"),
    "shape of a share": (_returning(np.ones(3)), ValueError, r"shape \(3,\) for an input of shape \(2,\)"),
    "nothing differentiable": (_returning(np.ones(2), create_graph=True), RuntimeError, "with ops on tensors"),
    "forward of nothing": (
        lambda: function(lambda ctx, x: None, lambda ctx, g: g)(leaf(1.0)), TypeError, "returned None",
    ),
    "saving a word": (
        lambda: function(lambda ctx, x: ctx.save_for_backward("a"), None)(leaf(1.0)), TypeError, "ctx.alpha",
    ),
    "saved tensors in forward": (
        lambda: function(lambda ctx, x: ctx.saved_tensors, None)(leaf(1.0)), RuntimeError, "during backward",
    ),
    "freed": (lambda: [y := Cube.apply(leaf(1.0)), y.backward(), y.backward()], RuntimeError, "retain_graph=True"),
}  # fmt: skip


@pytest.mark.parametrize(("program", "kind", "words"), MISUSE.values(), ids=MISUSE)
def test_misuse(program: Callable[[], Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words) as caught:
        program()
    assert isinstance(caught.value, ge.GradEngineError)


def test_a_broadcast_share_is_summed_as_anywhere() -> None:
    x = leaf([1.0, 2.0])
    function(lambda ctx, x: np.ones((3, 2)), lambda ctx, g: g)(x).sum().backward()
    np.testing.assert_array_equal(x.grad.data, [3, 3])


def test_names_of_arguments() -> None:
    """Starred arguments are numbered, and what would be taken for the gradient or the result is renamed."""
    x, y = leaf(1.0), leaf(2.0)

    def forward(ctx: Any, g: Any, *out: Any) -> Any:
        return g + out[1]

    z = function(forward, lambda ctx, g: (g, None, g))(x, 3.0, y)
    z.backward(retain_graph=True)
    record = ge.record_graph(z)
    assert [each.parameter for each in record.nodes[0].inputs] == ["g_", "out[1]"]
    assert ge.record.from_json(ge.record.to_json(record)) == record
    assert (x.grad.item(), y.grad.item()) == (1.0, 1.0)


def test_no_cycles_and_values_are_freed() -> None:
    gc.collect()
    gc.disable()
    try:
        x = leaf([1.0, 2.0])
        y = Cube.apply(x) + SinCos.apply(x)[0] + ge.checkpoint(ge.tanh, x)
        ge.grad(y.sum(), x, create_graph=True)
        kept = weakref.ref(y.node.x)
        y.sum().backward()
        assert kept() is None
        del y
        assert gc.collect() == 0
    finally:
        gc.enable()


# --- checkpoint -----------------------------------------------------------------------------------------------------

RNG = np.random.default_rng(3)
W, B, X = RNG.standard_normal((4, 4)), RNG.standard_normal(4), RNG.standard_normal((5, 4))


def network(x: Tensor, w: Tensor, b: Tensor, saving: bool) -> Tensor:
    """Three layers that use their weights by closing over them, and one that returns two results."""

    def layer(h: Tensor, scale: float = 1.0) -> Tensor:
        return ge.tanh(h @ w * scale) + b * h

    def fork(h: Any, more: Any) -> Any:
        return h * more, ge.exp(-h)

    def through(f: Any, *xs: Any, **named: Any) -> Any:
        return ge.checkpoint(f, *xs, **named) if saving else f(*xs, **named)

    h = x * 1.0
    for _ in range(2):
        h = through(layer, h, scale=0.3)
    up, down = through(fork, h, h)
    return (through(layer, up) * down * through(lambda: h * w[0])).sum()


@pytest.mark.parametrize("order", [1, 2, 3])
def test_checkpoint_changes_no_derivative(order: int) -> None:
    answers = []
    for saving in (False, True):
        leaves = [leaf(X), leaf(W), leaf(B)]
        z = network(*leaves, saving)
        for _ in range(order - 1):
            parts = ge.grad(z, leaves, create_graph=True)
            z = ge.stack([(part * part).sum() for part in parts]).sum()
        z.backward()
        answers.append([each.grad.data for each in leaves])
    for plain, saved in zip(*answers, strict=True):
        np.testing.assert_allclose(saved, plain, rtol=1e-11)


def test_checkpoint_saves_its_inputs_alone() -> None:
    alive: list[weakref.ref[np.ndarray]] = []

    def deep(h: Tensor) -> Tensor:
        for _ in range(5):
            h = ge.exp(-h)
            alive.append(weakref.ref(h.data))
        return h * 2

    x = leaf([0.5, 1.0])
    y = ge.checkpoint(deep, x)
    assert [ref() for ref in alive] == [None] * 5
    assert y.grad_fn.name == "CheckpointBackward" and len(y.node.edges) == 1
    y.sum().backward(retain_graph=True)
    assert len(alive) == 10 and alive[-1]() is None
    record = ge.record_graph(y, names={"x": x, "y": y})
    assert record.nodes[0].formula is not None and record.nodes[0].formula.forward.text == "deep(xs[0])"
    assert record.expression == "y = deep(x)"
    assert ge.record.from_json(ge.record.to_json(record)) == record


def test_checkpoints_within_checkpoints() -> None:
    def inner(h: Tensor) -> Tensor:
        return ge.sin(h * w)

    def outer(h: Tensor) -> Tensor:
        return ge.checkpoint(inner, ge.checkpoint(inner, h)) * h

    answers = []
    for f in (outer, lambda h: ge.checkpoint(outer, h), lambda h: inner(inner(h)) * h):
        x, w = leaf([0.3, 0.7]), leaf([1.5, -0.5])
        first = ge.grad(f(x).sum(), [x, w], create_graph=True)
        second = ge.grad(first[0].sum() + first[1].sum(), [x, w])
        answers.append([part.data for part in (*first, *second)])
    for answer in answers[:2]:
        for mine, plain in zip(answer, answers[2], strict=True):
            np.testing.assert_allclose(mine, plain, rtol=1e-12)


def test_hooks_outside_run_once_and_on_the_whole_gradient() -> None:
    seen: list[float] = []
    w, x = leaf(2.0), leaf(3.0)
    h = x * 1.0
    w.register_hook(lambda g: seen.append(g.item()))
    h.register_hook(lambda g: g * 10)
    h.retain_grad()
    (ge.checkpoint(lambda a: a * w * h, h) + w).backward()
    assert seen == [10.0]
    assert (h.grad.item(), x.grad.item()) == (120.0, 120.0)


def test_a_gradient_taken_inside_a_checkpoint() -> None:
    def penalty(x: Tensor) -> Tensor:
        own = x * 1
        return ge.grad((w * own * own * own).sum(), own, create_graph=True)

    x, w = leaf([1.0, 2.0]), leaf([0.5, -1.0])
    z = ge.checkpoint(penalty, x).sum()  # 3 w x²
    first = ge.grad(z, [x, w], create_graph=True)
    np.testing.assert_allclose(first[0].data, 6 * w.data * x.data)
    np.testing.assert_allclose(first[1].data, 3 * x.data**2)
    np.testing.assert_allclose(ge.grad(first[0].sum(), w).data, 6 * x.data)
    ge.checkpoint(penalty, x).sum().backward()
    np.testing.assert_allclose(x.grad.data, first[0].data)


def test_results_that_are_inputs_or_the_same_twice() -> None:
    x = leaf([1.0, 2.0]) * 1
    a, b, c = ge.checkpoint(lambda h: (h, h * 2, h), x)
    assert ge.grad((a * 3 + b + c * c).sum(), x).tolist() == [7.0, 9.0]
    d, e = ge.checkpoint(lambda h: (h.detach(), h * 2), x)
    assert not d.requires_grad and e.requires_grad
    assert not ge.checkpoint(lambda h: h.detach() * 2, x).requires_grad


def test_checkpoint_without_recording_is_a_plain_call() -> None:
    with ge.no_grad():
        assert not ge.checkpoint(lambda h: h * 2, leaf(1.0)).requires_grad
    assert not ge.checkpoint(lambda h: h * 2, ge.tensor(1.0)).requires_grad


def test_a_function_that_gives_something_else_the_second_time_is_refused() -> None:
    rng = np.random.default_rng(0)
    x = leaf([1.0, 2.0])
    with pytest.raises(ge.GraphError, match="give what is random in it a seed"):
        ge.checkpoint(lambda h: h * rng.random(2), x).sum().backward()
    ge.checkpoint(lambda h: h.dropout(0.5, seed=1), x).sum().backward()

    def unsteady(h: Tensor) -> Tensor:
        return h * weights[0]

    weights = [leaf(1.0)]
    y = ge.checkpoint(unsteady, x)
    weights[0] = leaf(1.0)  # the same number, and another leaf
    with pytest.raises(ge.GraphError, match="leave the tensors it uses as they are"):
        y.sum().backward()


def test_an_input_changed_before_backward_is_refused_and_a_result_is_not() -> None:
    w = leaf([1.0])
    y = ge.checkpoint(lambda h: h * w, leaf([2.0]))
    with ge.no_grad():
        w -= 0.5
    with pytest.raises(ge.InPlaceError, match="needs its input"):
        y.sum().backward()
    x = leaf([2.0])
    y = ge.checkpoint(lambda h: h * h, x)
    y += 1
    y.sum().backward()
    assert x.grad.item() == 4.0
    h = leaf([2.0]) * 1

    def changes(h: Tensor) -> Tensor:
        h += 1
        return h * h

    with pytest.raises(ge.InPlaceError):
        ge.checkpoint(changes, h).sum().backward()


def test_checkpoint_takes_functions_of_tensors_to_tensors() -> None:
    with pytest.raises(ge.ArgumentError, match="got float"):
        ge.checkpoint(lambda h: 2.0, leaf(1.0))


def test_a_chain_of_checkpoints_is_linear(monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies before a checkpoint is not walked again by it."""
    visited: list[int] = []

    def counted(roots: Any) -> Any:
        nodes = newest_first(roots)
        visited.append(len(nodes))
        return nodes

    h = x = leaf(1.0)
    for _ in range(300):
        h = ge.checkpoint(lambda h: h * 1.001 + 0.001, h)
    monkeypatch.setattr("grad_engine.core.chain_rule.newest_first", counted)
    h.backward()
    np.testing.assert_allclose(x.grad.item(), 1.001**300)
    assert sum(visited) == 300 + 300 * 2


class Adjoint(ge.Function):
    """A derivative that backward takes by itself of what forward saved, as adjoint methods of ODEs do."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor) -> Tensor:
        ctx.save_for_backward(x, w)
        return (x * w).sin()

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        x, w = ctx.saved_tensors
        assert w.requires_grad and x.requires_grad
        with ge.enable_grad():
            h = x.detach().requires_grad_()
            return ge.autograd.grad((h * w).sin(), (h, w), g)


def test_saved_inputs_require_grad_as_they_did() -> None:
    x, w = leaf([0.3, 1.2]), leaf([2.0, -1.0])
    Adjoint.apply(x * 1.0, w).sum().backward()
    ours = x.grad.array, w.grad.array
    x.grad = w.grad = None
    (x * w).sin().sum().backward()
    for one, other in zip(ours, (x.grad, w.grad), strict=True):
        np.testing.assert_allclose(one, other.array)
