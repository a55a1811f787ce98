"""The rules of recording and walking the graph: who gets a gradient, who owns it, what is refused."""

from __future__ import annotations

import copy
import gc
import pickle
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.core.chain_rule import newest_first, pull_back
from grad_engine.core.define import CALLS, define
from grad_engine.core.numpy_protocol import NUMPY_TO_OP
from grad_engine.core.op import OPS
from grad_engine.core.tensor import Tensor


def leaf(values: Any, dtype: Any = float) -> Tensor:
    return ge.tensor(values, requires_grad=True, dtype=dtype)


@pytest.fixture
def own_op(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """define(), for ops that go again after the test."""
    for table in (OPS, CALLS, NUMPY_TO_OP):
        for key, value in list(table.items()):
            monkeypatch.setitem(table, key, value)

    def declare(*args: Any, **more: Any) -> Any:
        call = define(*args, **more, method=False)
        monkeypatch.delitem(OPS, more["name"])
        monkeypatch.delitem(CALLS, more["name"])
        return call

    return declare


# --- gradients ------------------------------------------------------------------------------------------------------


def test_known_answers_of_the_large_example() -> None:
    x1, x2, x3 = leaf([[1, 2], [3, 4], [5, 6], [7, 8]]), leaf([[1, 2, 3, 4], [5, 6, 7, 8]]), leaf([3, 3, 3, 3])
    x6 = ge.matmul(x1 + 3, x2 - x3) - x3
    x7 = ge.ones_like(x6, requires_grad=True)
    with np.errstate(invalid="ignore"):
        z = ge.ln(x6) + ge.exp(x7)
    z.backward(ge.ones_like(z), retain_graph=True)
    assert np.isnan(z.data).sum() == 4
    expected = [[1.9135, -1.1974], [1.9430, -1.4584], [1.9575, -1.5913], [1.9661, -1.6718]]
    np.testing.assert_allclose(x1.grad.data, expected, atol=1e-4)
    np.testing.assert_allclose(x3.grad.data, [64, -4.6417, -2.2303, -1.4679], atol=1e-4)
    np.testing.assert_allclose(x7.grad.data, np.full((4, 4), np.e))


def test_a_tensor_used_twice_by_one_op_has_two_edges() -> None:
    x = leaf([2.0, 3.0])
    (x * x).sum().backward()
    np.testing.assert_array_equal(x.grad.data, [4, 6])
    m, one = leaf([[1.0, 2.0], [3.0, 4.0]]), np.ones((2, 2))
    (m @ m).sum().backward()
    np.testing.assert_array_equal(m.grad.data, one @ m.data.T + m.data.T @ one)


def test_diamonds_are_walked_once_per_node(own_op: Callable[..., Any]) -> None:
    calls: list[int] = []

    def rule(g: Any, out: Any, x: Any) -> Any:
        calls.append(1)
        return g

    counted = own_op(
        lambda x: x.copy(), name="counted", symbol="c", category="shape", summary="Counts.", vjp={"x": rule}
    )
    y = x = leaf(1.0)
    for _ in range(30):
        y = counted(y)
        y = y + y
    y.backward()
    assert x.grad.item() == 2.0**30
    assert len(calls) == 30


def test_shares_sum_in_broadcast_and_mixed_dtypes() -> None:
    x, y = leaf([[1.0], [2.0]], np.float32), leaf([1.0, 2.0, 3.0])
    (x * y + x).sum().backward()
    np.testing.assert_array_equal(x.grad.data, [[9], [9]])
    assert x.grad.dtype == np.float32
    np.testing.assert_array_equal(y.grad.data, [3, 3, 3])


def test_python_numbers_are_weak_and_have_no_edge() -> None:
    x = leaf([1.0], np.float32)
    for y in (x * 2.0, 2 / x, x**2, 1 - x, x + True):
        assert y.dtype == np.float32
        assert y.node.edges.count(None) == 1
    for y in (x * np.float64(2), np.float64(2) * x, x / np.sqrt(3)):  # what NumPy's functions give of numbers
        assert y.dtype == np.float32
    assert (x * np.array(2.0)).dtype == np.float64


def test_every_order_of_derivative() -> None:
    x = leaf([0.5, 1.5])
    value, expected = ge.exp(x * 2).sum(), np.exp(x.data * 2)
    for order in range(1, 5):
        value = ge.grad(value, x, create_graph=True).sum()
        np.testing.assert_allclose(value.item(), (expected * 2**order).sum())


def test_several_numbered_outputs(own_op: Callable[..., Any]) -> None:
    """A node with two outputs: either may be used, or both, or one of them twice; and it differentiates again."""
    sincos = own_op(
        lambda x: (np.sin(x), np.cos(x)), name="sincos", symbol="sc", category="elementwise", summary="Both.",
        multi_output=True, inputs=("x",),
        vjp=lambda g, out, x, wanted: [
            sum(part for part in (None if g[0] is None else g[0] * out[1], None if g[1] is None else -g[1] * out[0])
                if part is not None)
        ],
        formula={"x": "{g} times the other output"}, reads=("out",),
    )  # fmt: skip
    x = leaf([0.3, 0.7])
    for use, slope in [
        (lambda s, c: s.sum(), np.cos(x.data)),
        (lambda s, c: c.sum(), -np.sin(x.data)),
        (lambda s, c: (s * s * c).sum(), 2 * np.sin(x.data) * np.cos(x.data) ** 2 - np.sin(x.data) ** 3),
    ]:
        x.zero_grad()
        z = use(*sincos(x))
        z.backward(retain_graph=True)
        np.testing.assert_allclose(x.grad.data, slope)
        record = ge.record_graph(z, names=locals())
        assert ge.record.from_json(ge.record.to_json(record)) == record
    s, c = sincos(x)
    np.testing.assert_allclose(ge.grad((s * c).sum(), c).data, s.data)
    s, c = sincos(x)
    first = ge.grad(s.sum(), x, create_graph=True)
    np.testing.assert_allclose(ge.grad(first.sum(), x).data, -np.sin(x.data))


def test_grad_answers_for_intermediates_and_leaves_grad_alone() -> None:
    x = leaf(3.0)
    h = x * x
    z = h * h
    dh, dx = ge.grad(z, [h, x])
    assert (dh.item(), dx.item()) == (18.0, 108.0)
    assert x.grad is None
    assert ge.grad(x * 2, x, grad_outputs=5.0).item() == 10.0
    a, b = x * 2, x * 3
    assert ge.grad([a, b], x, grad_outputs=[1.0, 10.0]).item() == 32.0


def test_backward_on_a_leaf_adds_the_seed() -> None:
    x = leaf(5.0)
    x.backward()
    x.backward(2.0)
    assert x.grad.item() == 3.0


def test_grad_computes_only_what_leads_to_the_targets(own_op: Callable[..., Any]) -> None:
    def refuse(g: Any, out: Any, x: Any) -> Any:
        raise AssertionError("not asked for")

    trap = own_op(lambda x: x.copy(), name="trap", symbol="t", category="shape", summary="T.", vjp={"x": refuse})
    x, y = leaf(2.0), leaf(3.0)
    assert ge.grad(trap(x) * y, y).item() == 2.0


# --- ownership ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("retain", [False, True])
def test_grad_never_aliases(retain: bool) -> None:
    x, y, seed = leaf([1.0, 2.0]), leaf([3.0, 4.0]), np.ones(2)
    z = (x + y) * 1.0
    z.backward(seed, retain_graph=retain)
    x.grad.data[0] = 99
    assert y.grad.data[0] == 1
    assert seed[0] == 1
    s = leaf([5.0, 6.0])
    s.broadcast_to((3, 2)).sum().backward(retain_graph=retain)
    s.grad.data[:] += 1  # a view of a broadcast array would refuse
    k = leaf([1.0, 2.0])
    ge.exp(k).backward(np.ones(2))
    assert not np.shares_memory(k.grad.data, seed)


def test_grad_accumulates_over_calls_without_touching_what_was_handed_out() -> None:
    x = leaf([1.0, 2.0])
    (x * 2).sum().backward()
    first = x.grad
    (x * 3).sum().backward()
    np.testing.assert_array_equal(first.data, [2, 2])
    np.testing.assert_array_equal(x.grad.data, [5, 5])
    x.zero_grad()
    assert x.grad is None


def test_leaf_gradients_are_sums_of_their_own() -> None:
    x = leaf(np.ones(3))
    shared = np.full(3, 2.0)
    (x * shared + x * shared + x * shared).sum().backward()
    np.testing.assert_array_equal(x.grad.data, [6, 6, 6])
    np.testing.assert_array_equal(shared, [2, 2, 2])


@pytest.mark.parametrize("shape", [(), (2,)])
def test_a_leaf_among_several_outputs_leaves_its_weight_alone(shape: tuple[int, ...]) -> None:
    x, weight = leaf(np.full(shape, 3.0)), np.full(shape, 10.0)
    for outputs, slope in (([x, x * 2], 30), ([x, x * 2, x], 40)):
        found = ge.grad(outputs, x, [weight] * len(outputs))
        np.testing.assert_array_equal(found.data, np.full(shape, slope))
        np.testing.assert_array_equal(weight, np.full(shape, 10))
    if not shape:
        assert ge.grad([x, x * 2], x).item() == 3  # nor is the 1 that stands for no weight written to


def test_a_retained_gradient_with_history_is_in_memory_of_its_own() -> None:
    x, seed = leaf([1.0, 2.0]), ge.tensor([1.0, 1.0])
    h = x + 0
    h.retain_grad()
    (h + 0).backward(seed, create_graph=True)
    with ge.no_grad():
        h.grad[0] = 99.0
    assert x.grad.tolist() == seed.tolist() == [1.0, 1.0]


# --- the life of a graph --------------------------------------------------------------------------------------------


def test_values_are_freed_and_said_to_be() -> None:
    x = leaf([1.0, 2.0])
    h = ge.exp(x)
    kept = weakref.ref(h.data)
    z = (h * h).sum()
    del h
    z.backward()
    assert kept() is None
    with pytest.raises(ge.GraphError, match="retain_graph=True"):
        z.backward()
    np.testing.assert_allclose(x.grad.data, 2 * np.exp(2 * x.data))
    with pytest.raises(ge.GraphError, match="retain_graph=True"):
        ge.export_graph(z)


def test_retained_graph_runs_again_and_create_graph_implies_it() -> None:
    x = leaf(2.0)
    z = x**3
    z.backward(retain_graph=True)
    z.backward(create_graph=True)
    z.backward()
    assert x.grad.item() == 36.0


def test_a_failing_rule_names_its_op(own_op: Callable[..., Any]) -> None:
    def broken(g: Any, out: Any, x: Any) -> Any:
        raise ZeroDivisionError("boom")

    bad = own_op(lambda x: x.copy(), name="bad_rule", symbol="b", category="shape", summary="B.", vjp={"x": broken})
    with pytest.raises(ZeroDivisionError, match="boom") as caught:
        bad(leaf(1.0)).backward(retain_graph=True)
    assert "BadRuleBackward" in caught.value.__notes__[0]


def test_million_op_chain_needs_no_recursion() -> None:
    h = x = leaf(1.0)
    for _ in range(200_000):
        h = h + 1.0
    h.backward()
    assert x.grad.item() == 1.0
    with pytest.raises(ge.GraphError):
        ge.export_graph(h)
    del h


def test_graphs_make_no_reference_cycles() -> None:
    gc.collect()
    gc.disable()
    try:
        x = leaf([1.0, 2.0])
        z = ge.softmax(ge.stack([x * 2, x.sum() + x]), axis=0).sum()
        z.backward(retain_graph=True)
        node = z.node
        alive = weakref.ref(z)
        del z, node
        assert alive() is None
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_older_edges_stay_when_a_tensor_is_changed_in_place() -> None:
    x = leaf([1.0, 2.0])
    h = x * x
    y = h * 3
    h += y
    h.sum().backward()
    np.testing.assert_array_equal(x.grad.data, 8 * x.data)


# --- in place -------------------------------------------------------------------------------------------------------


def test_harmless_changes_stay_legal() -> None:
    x = leaf([1.0, 2.0])
    h = x * 1.0
    y = h + 1
    h += 5  # the rules of add read nothing
    (y + h).sum().backward()
    np.testing.assert_array_equal(x.grad.data, [2, 2])


def _changed_output() -> None:
    y = leaf([1.0]).exp()
    y += 1
    y.sum().backward()


def _changed_input() -> None:
    h, w = leaf([1.0]) * 1, leaf([2.0])
    z = h * w
    h += 1
    z.sum().backward()


def _changed_as_the_oldest_node() -> None:
    buffer, w = ge.tensor([1.0]), leaf([2.0])
    z = w * buffer
    buffer += 1.0
    z.sum().backward()


def _changed_parameter() -> None:
    w = leaf([1.0])
    z = (w * w).sum()
    with ge.no_grad():
        w -= 0.1
    z.backward()


def _changed_through_out() -> None:
    w = leaf([1.0])
    z = (w * w).sum()
    np.add(w.detach(), 1.0, out=w.detach())
    z.backward()


NUMPY_WRITES: dict[str, Callable[[Any], Any]] = {
    "copyto": lambda w: np.copyto(w, [9.0, 9.0]),
    "copyto by name": lambda w: np.copyto(src=[9.0, 9.0], dst=w),
    "put": lambda w: np.put(w, [0], [9.0]),
    "place": lambda w: np.place(w, [True, False], [9.0]),
    "putmask": lambda w: np.putmask(w, [True, False], [9.0]),
    "put_along_axis": lambda w: np.put_along_axis(w, np.array([0]), 9.0, 0),
    "fill_diagonal": lambda w: np.fill_diagonal(w.reshape(2, 1), 9.0),
    "add.at": lambda w: np.add.at(w, [0], 8.0),
    "exp": lambda w: np.exp(w, out=w),
    "clip": lambda w: np.clip(w, 9.0, 9.0, out=w),
    "cumsum": lambda w: np.cumsum([9.0, 1.0], out=w),
    "a part": lambda w: w[:1].__iadd__(8.0),
}


@pytest.mark.parametrize("write", NUMPY_WRITES.values(), ids=NUMPY_WRITES)
def test_what_numpy_writes_into_a_tensor_is_seen(write: Callable[[Any], Any]) -> None:
    w = leaf([1.0, 2.0])
    z = (w * w).sum()
    with ge.no_grad():
        write(w)
    assert w.tolist() != [1.0, 2.0]
    with pytest.raises(ge.InPlaceError):
        z.backward()


def _changed_behind_a_window() -> None:
    h = leaf([1.0, 2.0, 3.0]) * 1
    w = ge.sliding_window_view(h, 2)
    z = (w * w).sum()
    with ge.no_grad():
        h += 1
    z.backward()


def _stale_view() -> None:
    h = leaf([1.0, 2.0, 3.0]) * 1
    v = h[:2]
    h *= 5.0
    (v * 2).sum().backward()


@pytest.mark.parametrize(
    "program",
    [
        _changed_output,
        _changed_input,
        _changed_as_the_oldest_node,
        _changed_parameter,
        _changed_through_out,
        _changed_behind_a_window,
        _stale_view,
    ],
)
def test_a_value_that_backward_needs_and_that_was_changed_is_refused(program: Callable[[], None]) -> None:
    with pytest.raises(ge.InPlaceError, match=r"MulBackward|ExpBackward|of mul"):
        program()


def test_setitem_cuts_and_adds_history() -> None:
    x = leaf([1.0, 2.0, 3.0])
    h = x * 2
    h[0] = 7.0
    h[1:] = x[0]
    (h * h).sum().backward()
    np.testing.assert_array_equal(x.grad.data, [4, 0, 0])


IN_PLACE: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], list[float], list[float]]] = {}


def in_place(w: list[float], u: list[float]) -> Callable[[Callable[[Tensor, Tensor], Tensor]], None]:
    """Enter a program of w = [1, 2, 3] and u = [4, 5, 6] under its name, with its gradients, which are PyTorch's."""

    def enter(program: Callable[[Tensor, Tensor], Tensor]) -> None:
        IN_PLACE[program.__name__] = program, w, u

    return enter


@in_place([4, 5, 6], [1, 2, 3])
def the_value_a_rule_reads_is_kept(w: Tensor, u: Tensor) -> Tensor:
    h = w * 1
    h *= u
    return h


@in_place([5, 5, 5], [0, 0, 0])
def the_first_node_of_all_changes_what_it_reads(w: Tensor, u: Tensor) -> Tensor:
    buffer = ge.tensor([5.0, 5.0, 5.0])
    buffer *= w
    return buffer


@in_place([2, 4, 6], [0, 0, 0])
def a_tensor_times_itself(w: Tensor, u: Tensor) -> Tensor:
    h = w * 1
    h *= h
    return h


@in_place([1, 3, 1], [0, 2, 0])
def one_element_is_added_to(w: Tensor, u: Tensor) -> Tensor:
    h = w * 1
    h[1] += 2 * (w[1] + u[1])
    return h


@in_place([2, 8, 12], [2, 0, 0])
def a_part_is_changed_through_the_part(w: Tensor, u: Tensor) -> Tensor:
    h = w * 2
    part = h[1:]
    part *= w[1:]
    h[:1] += u[:1] * 2
    return h


@in_place([4, 4, 0], [0, 0, 3])
def a_view_of_a_view_and_a_row_in_a_loop(w: Tensor, u: Tensor) -> Tensor:
    table = ge.zeros((2, 3))
    for row in table:
        row[:2] += w[:2]
    table[1][2] += 3 * u[2]
    return table * np.array([[1.0], [1.0]]) + table * np.array([[1.0], [1.0]]) * np.array([1.0, 1.0, 0.0])


@in_place([3, 3, 1], [0, 0, 0])
def views_taken_before_there_was_a_history(w: Tensor, u: Tensor) -> Tensor:
    buffer = ge.zeros((3,))
    part, turned = buffer[:2], buffer.T
    buffer += w
    return ge.concat([part * 2, turned])


@in_place([2, 5, 3], [0, 0, 0])
def views_that_look_like_the_whole(w: Tensor, u: Tensor) -> Tensor:
    buffer = ge.zeros((3,))
    same, windows = buffer.squeeze(), ge.sliding_window_view(buffer, 2)
    buffer += w
    return ge.concat([same, windows * np.array([[1.0, 2.0], [2.0, 2.0]])], axis=None)


@in_place([3, 3, 3], [2, 2, 2])
def what_an_op_made_in_memory_of_its_own(w: Tensor, u: Tensor) -> Tensor:
    one = np.ones((1, 1, 1))
    h = ge.conv1d(w.reshape(1, 1, 3), one)
    h += u
    h += u
    free = ge.conv1d(np.zeros((1, 1, 3)), one)
    free += w
    picked = w.reshape(1, 3)[:, [0, 1, 2]]
    picked *= 1
    return h + free + picked


@in_place([1, 1, 1], [0, 0, 0])
def a_part_of_what_was_detached_has_no_history(w: Tensor, u: Tensor) -> Tensor:
    buffer = ge.zeros((3,))
    part = buffer.detach()[:2]
    buffer += w
    return buffer + part.sum()


@in_place([4, 4, 4], [0, 0, 0])
def changed_without_history_and_used_again(w: Tensor, u: Tensor) -> Tensor:
    h = w * 2
    with ge.no_grad():
        h += 1
    h.detach()[0] = 7.0
    return h[:] * 2


@pytest.mark.parametrize(("program", "w_grad", "u_grad"), IN_PLACE.values(), ids=IN_PLACE)
def test_what_is_changed_in_place_keeps_its_history(
    program: Callable[[Tensor, Tensor], Tensor], w_grad: list[float], u_grad: list[float]
) -> None:
    w, u = leaf([1.0, 2.0, 3.0]), leaf([4.0, 5.0, 6.0])
    found = ge.grad(program(w, u).sum(), [w, u], allow_unused=True)
    for share, expected in zip(found, (w_grad, u_grad), strict=True):
        np.testing.assert_array_equal(np.zeros(3) if share is None else share.data, expected)


def test_a_write_into_a_part_is_one_node() -> None:
    h = leaf([[1.0, 2.0], [3.0, 4.0]]) * 1
    h[0] += 1.0
    assert [node.name for node in newest_first([h.node])] == [
        "IndexPutBackward", "AddBackward", "IndexBackward", "MulBackward",
    ]  # fmt: skip
    assert h.tolist() == [[2.0, 3.0], [3.0, 4.0]]


def test_a_tensor_that_cannot_be_changed_says_so() -> None:
    fixed = ge.from_numpy(np.broadcast_to(1.0, (3,)))
    for change in (lambda: fixed.__iadd__(1.0), lambda: fixed.__setitem__(0, 2.0)):
        with pytest.raises(ge.InPlaceError, match="read-only"):
            change()
    h = leaf([1.0, 2.0]) * 1
    stale, turned = h[:1], h.T
    h += 1
    with pytest.raises(ge.InPlaceError, match="take the view again"):
        stale += 1
    with pytest.raises(ge.InPlaceError, match=r"take the view again"):
        turned += 1
    with pytest.raises(ge.InPlaceError, match=r"take the view again"):
        turned.backward(np.ones(2))
    with pytest.raises(ge.NotDifferentiableError, match="int64 tensor"):
        ge.tensor([1, 2])[0] = leaf(1.5)


def test_training_by_hand() -> None:
    w = leaf([1.0, 2.0])
    for _ in range(3):
        w.zero_grad()
        (w * w).sum().backward()
        with ge.no_grad():
            w -= 0.1 * w.grad
    np.testing.assert_allclose(w.data, np.array([1.0, 2.0]) * 0.8**3)
    w.data -= 0.1 * w.grad.data
    assert w.requires_grad


@pytest.mark.parametrize("kind", [np.array, ge.tensor, list])
def test_static_arguments_are_copied(kind: Callable[[Any], Any]) -> None:
    """As an index is: what a rule reads much later is what the op was called with."""
    x, counts, pads = leaf([1.0, 2.0]), kind([1, 2]), kind([0, 2])
    y = x.repeat(counts) if kind is not list else x.repeat(repeats=counts)
    z = ge.pad(x, pads) if kind is not ge.tensor else ge.pad(x, pad_width=pads)
    counts[0], counts[1] = 2, 1
    pads[0], pads[1] = 2, 0
    for out, expected in ((y, [1.0, 110.0]), (z, [1.0, 10.0])):
        (share,) = ge.grad(out, [x], 10.0 ** np.arange(out.size))
        assert share.tolist() == expected


def test_index_is_copied() -> None:
    """The index is part of the program: changing the array it came from later changes nothing."""
    x, where = leaf([1.0, 2.0, 3.0]), np.array([0, 0, 1])
    y = x[where]
    where[:] = 2
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.data, [2, 1, 0])


@pytest.mark.parametrize(
    "read",
    [lambda x: x[(0, 0), (1, 1)], lambda x: x[((0, 0),)][:, 1], lambda x: x[(0, range(1, 2))] * 2,
     lambda x: ge.index(x, [0, 0])[:, 1]],
)  # fmt: skip
def test_an_element_read_twice_gets_both_gradients_however_the_index_is_written(
    read: Callable[[Tensor], Tensor],
) -> None:
    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    read(x).sum().backward()
    np.testing.assert_array_equal(x.grad.data, [[0, 2], [0, 0]])


# --- modes, hooks, threads ------------------------------------------------------------------------------------------


def test_no_grad_and_enable_grad() -> None:
    x = leaf(1.0)

    @ge.no_grad()
    def inside() -> Tensor:
        return x * 2

    @ge.no_grad
    def bare() -> Tensor:
        return x * 2

    assert not inside().requires_grad
    assert not bare().requires_grad
    with ge.no_grad():
        with ge.enable_grad():
            assert (x * 2).requires_grad
        assert not (x * 2).requires_grad
        assert not ge.is_grad_enabled()
    with ge.set_grad_enabled(False):
        assert not (x * 2).requires_grad
    ge.set_grad_enabled(False)
    try:
        assert not (x * 2).requires_grad
    finally:
        ge.set_grad_enabled(True)
    assert (x * 2).requires_grad
    assert not x.detach().requires_grad
    assert np.shares_memory(x.detach().data, x.data)


def test_hooks_see_the_complete_gradient_and_may_replace_it() -> None:
    x = leaf([1.0, 2.0])
    h = x * 2
    seen: list[Any] = []
    first = h.register_hook(lambda g: seen.append(g.data.copy()))
    second = h.register_hook(lambda g: g * 10)
    (h * 3 + h).sum().backward(retain_graph=True)
    np.testing.assert_array_equal(seen, [[4, 4]])
    np.testing.assert_array_equal(x.grad.data, [80, 80])
    first.remove()
    second.remove()
    x.zero_grad()
    late: list[Any] = []
    x.register_hook(lambda g: -g)
    x.register_post_accumulate_grad_hook(lambda g: late.append(g.data.copy()))
    (h * 1).sum().backward()
    assert len(seen) == 1
    np.testing.assert_array_equal(late, [[-2, -2]])
    x.register_hook(lambda g: g.sum())
    with pytest.raises(ge.ShapeError, match="hook must return None or a gradient of shape"):
        (x * 1).sum().backward()


def test_a_hook_changes_the_gradient_of_its_tensor_alone() -> None:
    """In place too: the array is on its way to the other operand, and it may be the caller's."""
    x, y, seed = leaf([1.0, 2.0]), leaf([1.0, 2.0]), np.ones(2)
    kept: list[Tensor] = []

    def tenfold(g: Tensor) -> None:
        kept.append(g)
        g *= 10

    h = x * 1
    h.register_hook(tenfold)
    x.register_hook(kept.append)
    (h + y).backward(seed)
    np.testing.assert_array_equal([x.grad.data, y.grad.data, seed], [[10, 10], [1, 1], [1, 1]])
    assert not any(np.shares_memory(x.grad.data, g.data) for g in kept)


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("made", [np.ones, lambda n: ge.ones(n), lambda n: ge.ones(n, dtype=np.float16)])
def test_what_a_hook_returns_takes_the_form_of_the_gradient(made: Callable[[int], Any], create_graph: bool) -> None:
    x = leaf([1.0, 2.0], np.float32)
    x.register_hook(lambda g: made(2))
    (x * 2).sum().backward(create_graph=create_graph)
    assert type(x.grad) is Tensor and x.grad.dtype == np.float32 and x.grad.tolist() == [1, 1]
    y = leaf(1.0)
    y.register_hook(lambda g: np.ones((), int))
    with pytest.raises(ge.ShapeError, match="got int64"):
        (y * 2).backward()


@pytest.mark.parametrize("create_graph", [False, True])
def test_hooks_record_where_backward_does(create_graph: bool) -> None:
    x, seen = leaf([1.0, 2.0]), list[bool]()
    (h := x * 2).register_hook(lambda g: seen.append(ge.is_grad_enabled()))
    x.register_post_accumulate_grad_hook(lambda g: seen.append(ge.is_grad_enabled()))
    h.sum().backward(create_graph=create_graph)
    assert seen == [create_graph, create_graph] and ge.is_grad_enabled()


def test_a_step_of_training_inside_backward() -> None:
    x = leaf([1.0, 2.0])
    x.register_post_accumulate_grad_hook(lambda g: x.__isub__(0.1 * g))
    (x * x).sum().backward()
    np.testing.assert_allclose(x.data, [0.8, 1.6])


def test_a_gradient_with_history_belongs_to_its_leaf_alone() -> None:
    x, y, seed = leaf([1.0, 2.0]), leaf([1.0, 2.0]), ge.ones((2,))
    (x + y).backward(seed, create_graph=True)
    with ge.no_grad():
        x.grad *= 5
    np.testing.assert_array_equal([y.grad.data, seed.data], [[1, 1], [1, 1]])
    z = leaf([1.0], np.float32)
    (z * 1).backward(ge.ones((1,)), create_graph=True)
    assert z.grad.dtype == np.float32
    assert ge.grad(z, z, ge.ones((1,)), create_graph=True).dtype == np.float32


def test_recorded_runs_of_higher_order_make_no_reference_cycles() -> None:
    gc.collect()
    gc.disable()
    try:
        x = leaf([1.0, 2.0])
        z = (ge.exp(x) * x).sum()
        z.backward(retain_graph=True, create_graph=True)
        x.zero_grad()
        del z
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_grad_takes_any_series_of_tensors() -> None:
    x = leaf([1.0, 2.0])
    h = x * 2
    y = (h * h).sum()
    found = ge.grad((t for t in (y, h)), iter([x, h, x]), [None, ge.ones((2,))])
    assert [t.tolist() for t in found] == [[10, 18], [5, 9], [10, 18]]


def test_retain_grad_goes_on_after_a_change_in_place_and_starts_again_from_none() -> None:
    x = leaf([1.0, 2.0])
    h = x * 2
    h.retain_grad()
    h *= 3.0
    y = (h * h).sum()
    y.backward(retain_graph=True)
    np.testing.assert_array_equal(h.grad.data, 12 * x.data)
    h.zero_grad()
    assert h.grad is None
    y.backward()
    np.testing.assert_array_equal(h.grad.data, 12 * x.data)


def test_no_grad_around_a_generator_ends_where_it_yields() -> None:
    x, seen = leaf(1.0), list[bool]()

    @ge.no_grad()
    def steps() -> Any:
        try:
            got = yield x * 2
            seen.append(ge.is_grad_enabled())
            try:
                yield got * x
            except ZeroDivisionError:
                yield ge.is_grad_enabled()
            return x * 3
        finally:
            seen.append(ge.is_grad_enabled())

    running = steps()
    assert not next(running).requires_grad and (x * 2).requires_grad
    assert not running.send(x).requires_grad and (x * 2).requires_grad
    assert running.throw(ZeroDivisionError()) is False
    with pytest.raises(StopIteration) as end:
        next(running)
    assert not end.value.value.requires_grad and seen == [False, False]
    other = steps()
    next(other)
    other.close()
    assert seen == [False] * 3 and ge.is_grad_enabled()

    async def later() -> Any:
        yield

    for given, words in ((later, "async generator later"), (3, "got int")):
        with pytest.raises(ge.ArgumentError, match=words):
            ge.no_grad()(given)


def test_set_grad_enabled_as_a_decorator_concerns_the_function_alone() -> None:
    @ge.set_grad_enabled(False)
    def inside() -> Tensor:
        return leaf(1.0) * 2

    assert ge.is_grad_enabled() and not inside().requires_grad and ge.is_grad_enabled()


def test_retain_grad_keeps_the_gradient_of_a_result() -> None:
    x = leaf([1.0, 2.0])
    h = x * 2
    with pytest.warns(UserWarning, match="retain_grad"):
        assert h.grad is None
    h.retain_grad()
    (h * h).sum().backward()
    np.testing.assert_array_equal(h.grad.data, 2 * h.data)


def test_threads_do_not_disturb_one_another() -> None:
    def work(k: int, out: dict[int, float]) -> None:
        x = leaf(float(k))
        for _ in range(100):
            with ge.no_grad():
                assert not (x * 2).requires_grad
            x.zero_grad()
            (x * x * x).backward()
        out[k] = x.grad.item()

    out: dict[int, float] = {}
    threads = [threading.Thread(target=work, args=(k, out)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert out == {k: 3.0 * k * k for k in range(8)}


# --- tensors among Python and NumPy ---------------------------------------------------------------------------------


def test_a_tensor_behaves_like_the_number_or_array_it_holds() -> None:
    loss, x = leaf(0.5), leaf([1.0, 2.0, 3.0])
    assert loss < 1
    assert f"{loss:.4f}" == "0.5000"
    assert float(loss) == 0.5 and int(leaf(3.7)) == 3 and loss.item() == 0.5
    assert len(x) == 3 and [t.item() for t in x] == [1, 2, 3] and 2.0 in x
    assert list(range(5))[ge.tensor(2)] == 2
    assert x.tolist() == [1.0, 2.0, 3.0]
    np.testing.assert_array_equal(x > 1.5, [False, True, True])
    np.testing.assert_array_equal((x == x.data), [True] * 3)
    assert ((x > 1) & (x < 3)).tolist() == [False, True, False]
    assert sum([x, x]).requires_grad
    assert (np.float64(2) * x).requires_grad and (np.ones(3) * x).requires_grad
    assert (~ge.tensor([True, False])).tolist() == [False, True]
    assert {x: 1}[x] == 1
    assert x.T.shape == (3,) and x.shape == (3,) and x.ndim == 1 and x.size == 3 and x.dtype == np.float64


@pytest.mark.parametrize(
    ("made", "shown"),
    [
        (lambda: leaf([1.0, 2.5]), "tensor([1. , 2.5], requires_grad=True)"),
        (lambda: leaf([1.0]) + 1, "tensor([2.], grad_fn=<AddBackward>)"),
        (lambda: ge.tensor([1, 2]), "tensor([1, 2])"),
        (lambda: ge.tensor(1.0, dtype=np.float32), "tensor(1., dtype=float32)"),
        (lambda: ge.tensor(1.0, name="w"), "tensor(1., name='w')"),
    ],
)
def test_repr(made: Callable[[], Tensor], shown: str) -> None:
    assert repr(made()) == shown


def test_grad_fn_is_named_as_the_family_names_it() -> None:
    x = leaf([[1.0, -2.0]])
    names = {
        "AddBackward": x + 1, "LogSoftmaxBackward": x.log_softmax(), "MatmulBackward": x @ x.T, "GradAccum": x,
        "LnBackward": ge.log(x * x), "LogBackward": ge.log(x * x, 2), "StackBackward": ge.stack([x, x]),
    }  # fmt: skip
    for name, made in names.items():
        assert made.grad_fn.name == name


def test_leaves_are_copied_and_pickled() -> None:
    x = ge.tensor([1.0, 2.0], requires_grad=True, name="w")
    (x * 2).sum().backward()
    for twin in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert twin.requires_grad and twin.name == "w" and twin.node is not x.node
        np.testing.assert_array_equal(twin.grad.data, x.grad.data)
        assert not np.shares_memory(twin.data, x.data)


# --- misuse ---------------------------------------------------------------------------------------------------------

X = leaf([1.0, 2.0, 3.0])
MISUSE: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "no gradient": (lambda: (X * 2).backward(), RuntimeError, r"one element, got shape \(3,\); call .sum\(\) first"),
    "no graph": (lambda: ge.tensor([1.0]).backward(), RuntimeError, "requires_grad=True"),
    "gradient's shape": (lambda: (X * 2).backward(np.ones(2)), ValueError, r"shape \(3,\), got \(2,\)"),
    "gradient's type": (lambda: (X * 2).backward([1, 2, 3]), TypeError, "got list"),
    "gradient's dtype": (lambda: (X * 2).backward(np.array([1, 2, 3])), TypeError, "got int64"),
    "integer leaf": (lambda: ge.tensor([1, 2], requires_grad=True), TypeError, "got int64; pass dtype=float"),
    "leaf in place": (lambda: X.__iadd__(1), RuntimeError, r"y = x \+ 1 instead of x \+= 1"),
    "unused input": (lambda: ge.grad((X * 2).sum(), leaf(1.0)), RuntimeError, "allow_unused=True"),
    "grad of no tensor": (lambda: ge.grad([3.0], X), TypeError, "float"),
    "shapes": (lambda: X + leaf([1.0, 2.0]), ValueError, r"cannot broadcast shape \(3,\) and shape \(2,\)"),
    "second derivative": (lambda: ge.grad(ge.grad((X * X).sum(), X)[0].sum(), X), RuntimeError, "create_graph=True"),
    "nothing to join": (lambda: ge.concat([]), ValueError, "not possible on nothing"),
    "axis of a number": (lambda: leaf(1.0).sum(axis=1), ValueError, "it has none, so reshape"),
    "matrices": (lambda: leaf([[1, 2]]) @ leaf([[1, 2]]), ValueError, r"transpose one with .T"),
    "torch's keyword": (lambda: X.max(dim=0), TypeError, "called axis here"),
    "unknown keyword": (lambda: X.sum(foo=0), TypeError, "no argument 'foo'; it takes axis, keepdims"),
    "argument twice": (lambda: X.sum(0, axis=0), TypeError, "'axis' twice"),
    "too many arguments": (lambda: X.sum(0, True, 3), TypeError, "takes 1 operand and 2 arguments"),
    "missing argument": (lambda: X.unsqueeze(), TypeError, "needs axis="),
    "missing operand": (lambda: ge.tensordot(X), TypeError, "y is missing"),
    "static that requires grad": (lambda: X.sum(axis=leaf(0)), TypeError, "axis.detach"),
    "reshape": (lambda: X.reshape(2, 2), ValueError, r"size 3 into shape \(2,2\)"),
    "axis": (lambda: X.sum(axis=3), ValueError, "axis 3, which is out of range"),
    "repeated axis": (lambda: X.sum(axis=(0, 0)), ValueError, "duplicate"),
    "index": (lambda: X[7], IndexError, "out of bounds"),
    "words": (lambda: X + "a", TypeError, "got 'a'"),
    "nothing": (lambda: X + None, TypeError, "got None"),
    "complex": (lambda: X + 1j, TypeError, "complex"),
    "asarray": (lambda: np.asarray(X), RuntimeError, "detach"),
    "numpy()": (lambda: X.numpy(), RuntimeError, "detach"),
    "tensor of tensors": (lambda: ge.tensor([X, X]), TypeError, "stack"),
    "ragged": (lambda: ge.tensor([[1, 2], [3]]), ValueError, "rows differ in length"),
    "tensor of words": (lambda: ge.tensor("abc"), TypeError, "real numbers"),
    "numpy without an op": (lambda: np.fft.fft(X), TypeError, "numpy.fft.fft has no gradient here"),
    "copyto": (lambda: np.copyto(np.zeros(3), X), TypeError, "numpy.copyto has no gradient"),
    "out= of a function": (lambda: np.clip(X, 0, 1, out=np.zeros(3)), TypeError, "out="),
    "a mask": (lambda: X * np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0]), TypeError, "masked"),
    "tensor with a mask": (lambda: ge.tensor(np.ma.array([1.0], mask=[1])), TypeError, "masked"),
    "array of words": (lambda: ge.from_numpy(np.array(["a"])), TypeError, "real numbers"),
    "cast to complex": (lambda: X.astype(complex), TypeError, "complex128"),
    "number beyond float": (lambda: X * 10**400, TypeError, "beyond"),
    "axis beyond int": (lambda: X.sum(axis=10**30), TypeError, "beyond"),
    "set beyond": (lambda: ge.tensor([1.0]).__setitem__(5, 1.0), IndexError, "out of bounds"),
    "set a shape": (lambda: ge.tensor([1.0]).__setitem__(0, [1.0, 2.0]), ValueError, "index_put"),
    "set words": (lambda: ge.tensor([1.0]).__setitem__(0, "a"), TypeError, "got 'a'"),
    "set nothing": (lambda: ge.tensor([1.0]).__setitem__(0, None), TypeError, "got None"),
    "not a float": (lambda: ~X, TypeError, "booleans and whole numbers, got float64"),
    "and a float": (lambda: X & 1.0, TypeError, "compare first"),
    "subclass": (lambda: type("Mine", (Tensor,), {}), TypeError, "final"),
    "filled with a gradient": (lambda: np.full_like(ge.ones(3), X), TypeError, "fills with a number"),
    "NumPy's third argument": (lambda: np.sort(X, -1, "stable"), TypeError, "no argument 'kind'"),
    "dtype by position": (lambda: np.sum(X, 0, np.float32), TypeError, "no argument 'dtype'"),
    "ufunc method": (lambda: np.multiply.outer(X, X), TypeError, "np.multiply.outer has no gradient"),
    "out=": (lambda: np.exp(X, out=np.zeros(3)), TypeError, "out="),
    "dtype=": (lambda: np.sum(X, dtype=float), TypeError, "dtype"),
    "truth": (lambda: bool(X), ValueError, "no single truth value"),
    "float": (lambda: float(X), ValueError, "exactly one element"),
    "len of a scalar": (lambda: len(leaf(1.0)), TypeError, "no length"),
    "index by float": (lambda: [1, 2][leaf(1.0)], TypeError, "integer"),
    "pickle of a result": (lambda: pickle.dumps(X * 1), RuntimeError, "detach"),
    "copy of a result": (lambda: copy.deepcopy(X * 1), RuntimeError, "detach"),
    "max of nothing": (lambda: leaf([]).max(), ValueError, "empty"),
    "stack": (lambda: ge.stack([X, leaf([1.0])]), ValueError, "same shape"),
    "concat of a number": (lambda: ge.concat(3), TypeError, r"concat\(\[x, y\]\)"),
    "squeeze": (lambda: X.squeeze(0), ValueError, "size not equal to one"),
    "name": (lambda: ge.tensor(1.0, name=3), TypeError, "str"),
    "export of a leaf": (lambda: ge.export_graph(X), RuntimeError, "requires_grad=True"),
    "a flag in the shape": (lambda: ge.full((2, 3), 1.0, 5), TypeError, r"zeros\(\(2, 3\)\)"),
    "a dtype in the wrong place": (lambda: ge.tensor([1.0], np.float32), TypeError, "requires_grad is True or False"),
    "a name in the wrong place": (lambda: ge.tensor([1.0], "w"), TypeError, "requires_grad is True or False"),
    "no dtype": (lambda: ge.tensor([1.0], dtype="nonsense"), TypeError, "one of NumPy's"),
    "format of a vector": (lambda: f"{X:.2f}", ValueError, "a single number"),
    "grad of a function": (lambda: ge.grad(lambda v: v, X), RuntimeError, "returns one number"),
    "grad of what is no function": (lambda: ge.grad("x")(X), TypeError, "must be a tensor|write grad"),
    "grad by nothing": (lambda: ge.grad(X.sum()), TypeError, r"write grad\(z, x\)"),
    "save the wrong way round": (lambda: ge.save("w.npz", {"w": X}), TypeError, "takes a dict"),
    "record of a tensor": (lambda: ge.save_graph(X, "g.json"), TypeError, "export_graph"),
    "names in a list": (lambda: ge.record_graph(X * 2, names=["x"]), TypeError, "names is a dict"),
    "export of an array": (lambda: ge.export_graph(np.ones(2)), TypeError, "got ndarray"),
    "tree of a number": (lambda: ge.visualize_graph(3.0), TypeError, "got float"),
    "fewer than no elements": (lambda: ge.record_graph(X * 2, max_elements=-1), TypeError, "from 0 on"),
    "record over its own data": (lambda: ge.export_graph(X * 2, "g.npz", full_data=True), TypeError, "call it .json"),
    "export of nothing": (lambda: ge.export_graph([]), TypeError, "at least one"),
    "freezing a result": (lambda: (X * 2).requires_grad_(False), RuntimeError, "detach"),
    "grad of another shape": (lambda: setattr(X, "grad", np.ones(2)), ValueError, "shape"),
}


@pytest.mark.parametrize(("program", "kind", "words"), MISUSE.values(), ids=MISUSE)
def test_misuse_is_an_exception_that_says_what_to_do(
    program: Callable[[], Any], kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words) as caught:
        program()
    assert isinstance(caught.value, ge.GradEngineError)


def test_numpy_functions_without_gradient_run_on_the_data() -> None:
    x = leaf([1.0, np.nan])
    np.testing.assert_array_equal(np.isnan(x), [False, True])
    assert np.allclose(x, x, equal_nan=True) and np.shape(x) == (2,) and np.argmax(leaf([1.0, 3.0])).item() == 1
    np.testing.assert_array_equal(np.zeros_like(x), [0, 0])
    assert np.add.reduce(leaf([[1.0, 2.0], [3.0, 4.0]])).tolist() == [4.0, 6.0]
    np.testing.assert_allclose(np.fft.fft(x.detach()).shape, (2,))


def test_numpy_functions_mean_by_position_what_numpy_means() -> None:
    x = np.array([[3.0, 1.0], [2.0, 5.0]])
    t = leaf(x)
    calls: list[Callable[[Any], Any]] = [
        lambda x: np.sum(x, 0, None, None, True), lambda x: np.std(x, 0, None, None, 1), lambda x: np.sort(x, 0, None),
        lambda x: np.max(x, 1, None, True), lambda x: np.nan_to_num(x, True, 5.0), lambda x: np.clip(x, 1, 2, None),
        lambda x: np.sum(x, axis=0, dtype=None, out=None), lambda x: np.quantile(x, 0.5, 0, None, False, "linear"),
        lambda x: np.einsum("ij,ij->i", x, x), lambda x: np.concatenate([x, x], 1, None), lambda x: np.trace(x, 1),
    ]  # fmt: skip
    for call in calls:
        out = call(t)
        assert type(out) is Tensor and out.requires_grad
        np.testing.assert_allclose(out.data, call(x))


def test_the_chain_rule_is_a_pure_function() -> None:
    """pull_back only returns; it writes no .grad, so a gradient of a gradient cannot read its own leftovers."""
    x = leaf(2.0)
    z = x * x
    found = pull_back({z.node: np.float64(1.0)})
    assert found[x.node] == 4.0
    assert x.grad is None
    assert [node.name for node in newest_first([z.node])] == ["MulBackward"]


def test_operands_go_by_the_names_they_are_declared_with() -> None:
    assert ge.arctan2(y=1.0, x=2.0).item() == np.arctan2(1.0, 2.0)
    assert ge.mul(y=leaf(2.0), x=3.0).item() == 6.0
    assert ge.prelu(leaf([-2.0]), weight=leaf(0.5)).item() == -1.0
    assert ge.linspace(0, 1, 3).tolist() == [0.0, 0.5, 1.0]
    np.testing.assert_array_equal(np.logical_not(leaf([0.0, 1.0])), [True, False])
