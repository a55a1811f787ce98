"""walk() and next_functions: what happened, step by step, with values, gradients and edges."""

from __future__ import annotations

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.errors import ArgumentError, GraphError


def diamond() -> tuple[ge.Tensor, ge.Tensor, ge.Tensor]:
    x = ge.tensor(3.0, requires_grad=True, name="x")
    y = ge.tensor(2.0, requires_grad=True, name="y")
    return x, y, x * y + x


def test_steps_come_in_the_order_of_execution_with_values_and_edges() -> None:
    _, _, z = diamond()
    steps = list(ge.walk(z))
    assert [step.operation or step.name for step in steps] == ["x", "y", "mul", "add"]
    x, y, product, total = steps
    assert product.edges == (x, y) and total.edges == (product, x)
    assert [float(step.value) for step in steps] == [3.0, 2.0, 6.0, 9.0]
    assert product.operands == (3.0, 2.0) and total.node is z.grad_fn


def test_gradients_are_those_of_the_last_recorded_pass_and_of_the_leaves() -> None:
    _, _, z = diamond()
    assert [step.gradient for step in ge.walk(z)] == [None] * 4
    z.backward(retain_graph=True)
    assert [float(step.gradient) for step in ge.walk(z)] == [3.0, 3.0, 1.0, 1.0]
    z.backward(ge.tensor(2.0), retain_graph=True)
    assert [float(step.gradient) for step in ge.walk(z)] == [9.0, 9.0, 2.0, 2.0], "of the pass; leaves add up"


def test_after_the_values_are_gone_the_structure_stays() -> None:
    _, _, z = diamond()
    z.backward()
    steps = list(ge.walk(z))
    assert [step.operation for step in steps] == [None, None, "mul", "add"]
    assert [step.value for step in steps] == [None] * 4 and [step.operands for step in steps] == [()] * 4


def test_numbers_and_constants_are_operands_without_an_edge() -> None:
    x = ge.tensor([1.0, 2.0], requires_grad=True)
    *_, last = ge.walk(x * np.array([3.0, 4.0]) + 1)
    assert last.operands[1] == 1 and last.edges[1] is None


def test_several_outputs_are_one_step() -> None:
    x = ge.tensor([[2.0, 0.0], [0.0, 1.0]], requires_grad=True)
    values, _ = ge.linalg.eigh(x)
    *_, last = ge.walk(values.sum())
    (eigen,) = (edge for edge in last.edges if edge is not None)
    assert eigen.operation == "eigh" and isinstance(eigen.value, tuple) and len(eigen.value) == 2


def test_a_leaf_and_what_has_no_graph() -> None:
    x = ge.tensor(1.5, requires_grad=True)
    (only,) = ge.walk(x)
    assert only.operation is None and float(only.value) == 1.5
    with pytest.raises(GraphError, match="the tensor to walk from does not require grad"):
        list(ge.walk(ge.tensor(1.0)))
    with pytest.raises(ArgumentError, match="must be a tensor, got float"):
        list(ge.walk(1.0))  # type: ignore[arg-type]


def test_next_functions_lead_as_in_pytorch() -> None:
    x, _, z = diamond()
    product, leaf = z.grad_fn.next_functions
    assert (product[0].name, product[1]) == ("MulBackward", 0)
    assert leaf == (x.grad_fn, 0) and leaf[0].next_functions == ()
    assert (x * 2).grad_fn.next_functions == ((x.grad_fn, 0), (None, 0))


def test_a_deep_graph_is_walked_without_recursion() -> None:
    x = ge.tensor(1.0, requires_grad=True)
    z = x
    for _ in range(20_000):
        z = z + 1
    assert sum(1 for _ in ge.walk(z)) == 20_001


@pytest.mark.parametrize("draw", [ge.to_svg, ge.to_dot])
def test_pictures_take_a_tensor_or_a_record_and_name_variables(draw: object) -> None:
    pytest.importorskip("graphlay")
    weight = ge.tensor([1.0, 2.0], requires_grad=True)
    z = (weight * 2).sum()
    text = draw(z)  # type: ignore[operator]
    assert "weight" in text and text == draw(ge.record_graph(z))  # type: ignore[operator]
