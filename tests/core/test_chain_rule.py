"""The chain rule over recorded graphs: known answers, sums, orders, sizes."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.core.chain_rule import newest_first, pull_back
from grad_engine.core.tensor import Tensor
from tests.core.graphs import leaf


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


@pytest.mark.parametrize(
    ("share", "words"), [(None, "returned None: it may have no return"), (3.0, "returned float 3.0"), ("a", "str 'a'")]
)
@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize(
    ("forward", "rule"),
    [
        (np.sinh, lambda share: lambda g, out, x: share),
        (lambda x, factor=2.0: factor * x, lambda share: lambda g, out, x, factor: share),
        (lambda x, *, y=1.0: x * y, lambda share: lambda g, out, x, y: share),
    ],
    ids=["unary", "static", "keyword"],
)
def test_a_rule_that_returns_no_array_is_named(
    own_op: Any, forward: Any, rule: Any, create_graph: bool, share: Any, words: str
) -> None:
    odd = own_op(
        forward, name="odd", symbol="o", category="elementwise", summary="S.", inputs=("x",), vjp={"x": rule(share)}
    )
    x = ge.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(ge.ArgumentError, match=f"a rule of odd has to return an array.*{words}"):
        ge.grad((odd(x) * x).sum(), [x], create_graph=create_graph)


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_rule_for_one_of_two_operands_that_returns_nothing_is_named(own_op: Any, create_graph: bool) -> None:
    odd = own_op(
        lambda x, y: x * y, name="odd", symbol="o", category="arithmetic", summary="S.",
        vjp={"x": lambda g, out, x, y: g * y, "y": lambda g, out, x, y: None},
    )  # fmt: skip
    x = ge.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(ge.ArgumentError, match="a rule of odd has to return an array"):
        ge.grad(odd(x, x).sum(), [x], create_graph=create_graph)


def test_an_op_without_rules_says_that_it_has_none(own_op: Any) -> None:
    odd = own_op(lambda x: 2 * x, name="odd", symbol="o", category="elementwise", summary="S.")
    with pytest.raises(ge.ArgumentError, match=r"defined without vjp=; give define\(\) a rule, vjp=\{'x': rule\}"):
        odd(ge.tensor(1.0, requires_grad=True))


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_joint_rule_that_returns_nothing_is_named(own_op: Any, create_graph: bool) -> None:
    odd = own_op(
        lambda x, y: x * y, name="odd", symbol="o", category="arithmetic", summary="S.", inputs=("x", "y"),
        vjp=lambda g, out, x, y, wanted: None,
    )  # fmt: skip
    x = ge.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(ge.ArgumentError, match="the joint rule of odd has to return a list of shares; it returned N"):
        ge.grad(odd(x, x).sum(), [x], create_graph=create_graph)
