"""Writes in place: what keeps its history, and what backward refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.core.chain_rule import newest_first
from grad_engine.core.tensor import Tensor
from tests.core.graphs import leaf


def test_older_edges_stay_when_a_tensor_is_changed_in_place() -> None:
    x = leaf([1.0, 2.0])
    h = x * x
    y = h * 3
    h += y
    h.sum().backward()
    np.testing.assert_array_equal(x.grad.data, 8 * x.data)


def test_harmless_changes_stay_legal() -> None:
    x = leaf([1.0, 2.0])
    h = x * 1.0
    y = h + 1
    h += 5  # the rules of add read nothing
    (y + h).sum().backward()
    np.testing.assert_array_equal(x.grad.data, [2, 2])


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


A = np.array([[0.1, 0.25], [0.4, 0.65]])
NORMALIZED: dict[str, Callable[[Any], Any]] = {
    "over its sum": lambda p: p.__itruediv__(p.sum()),
    "over its norm": lambda p: p.__itruediv__(np.linalg.norm(p)),
    "over a longer way": lambda p: p.__itruediv__(np.sqrt((p**2).sum(axis=1, keepdims=True))),
    "less its mean, over its spread": lambda p: p.__isub__(p.mean(axis=0)).__itruediv__(p.std(axis=0) + 1.0),
    "by itself": lambda p: p.__imul__(p),
    "plus itself, to a power": lambda p: p.__iadd__(p).__ipow__(1.5),
    "times what is left": lambda p: p.__imul__(1 - p),
    "a row": lambda p: p.__setitem__(0, 0.0),
    "a row by rows": lambda p: p.__setitem__(0, p[0] * p[1] ** 2),
    "a column over a column": lambda p: p.__setitem__((slice(None), 0), p[:, 0] / p[:, 1]),
    "a mask": lambda p: p.__setitem__(p > 0.33, p[p > 0.33] ** 2),
    "the diagonal": lambda p: np.fill_diagonal(p, 0.0),
    "added at": lambda p: np.add.at(p, [0, 0], p[1]),
    "one after another": lambda p: [p.__setitem__(1, p[0] * p[1]), p.__setitem__(0, p[0] * p[1]), p.__imul__(p[0, 0])],
}
MADE_BY: dict[str, Callable[[Any], Any]] = {
    "exp": np.exp,
    "sqrt": np.sqrt,
    "tanh": np.tanh,
    "softmax": lambda x: ge.softmax(x, axis=0),
    "1 / (1 + exp(-x))": lambda x: 1 / (1 + np.exp(-x)),
    "a product": lambda x: x @ x,
    "cholesky": lambda x: np.linalg.cholesky(x @ x.T + np.eye(2)),
    "qr": lambda x: np.linalg.qr(x)[0],
    "inv": lambda x: np.linalg.inv(x + np.eye(2)),
    "copy": lambda x: x.copy(),
}


@pytest.mark.parametrize("change", NORMALIZED)
@pytest.mark.parametrize("make", MADE_BY)
def test_what_the_rules_of_a_changed_result_read_is_kept(make: str, change: str) -> None:
    """`p = np.exp(x); p /= p.sum()`, as NumPy's people write it: exp's rule reads its result."""

    def f(x: Any) -> Any:
        p = MADE_BY[make](x)
        NORMALIZED[change](p)
        return np.sum(np.sin(p) * A)

    with np.errstate(invalid="ignore", divide="ignore"):
        if not np.isfinite(f(A.copy())):
            return
        numeric = np.zeros_like(A)
        for place in np.ndindex(A.shape):
            step = np.zeros_like(A)
            step[place] = 1e-6
            numeric[place] = (f(A + step) - f(A - step)) / 2e-6
        got = ge.grad(f)(A)
        np.testing.assert_allclose(got, numeric, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(ge.compile(ge.grad(f))(A), got, rtol=1e-12, atol=1e-14)


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
