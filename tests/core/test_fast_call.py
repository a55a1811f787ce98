"""The quick calls of ops of one or two operands mean what the general call means."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.core.call import general
from grad_engine.core.define import DEFINED
from grad_engine.core.node import BinaryNode, GeneralNode, UnaryNode
from grad_engine.core.op import OPS, Op
from grad_engine.core.tensor import Tensor
from tests.core.graphs import leaf
from tests.samples import cases, is_free, operands

SIMPLE = {
    name: op
    for name, op in OPS.items()
    if op.joint is None and not op.variadic and not op.saves and not op.multi_output and op.inputs and all(op.rules)
    if (op.inputs == ("x",) and op.required)
    or (op.inputs == ("x", "y") and not op.static and op.numbers and not op.floats)
}


def called(call: Any, given: list[Any], static: Any) -> tuple[Tensor, list[Tensor]]:
    operands = [leaf(value.astype(value.dtype), value.dtype) if is_free(value) else value for value in given]
    return call(*operands, **static), [each for each in operands if isinstance(each, Tensor)]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("op", SIMPLE.values(), ids=SIMPLE)
def test_quick_and_general_calls_give_the_same_bits(op: Op, dtype: Any) -> None:
    for each in cases(op):
        given = [value.astype(dtype) if is_free(value) else value for value in operands(op, each)]
        quick, mine = called(DEFINED[op.name], given, each.static)
        slow, theirs = called(general(op), given, each.static)
        np.testing.assert_array_equal(quick.data, slow.data)
        assert quick.dtype == slow.dtype and quick.requires_grad == slow.requires_grad
        if not quick.requires_grad:
            continue
        assert isinstance(quick.node, UnaryNode | BinaryNode) and isinstance(slow.node, GeneralNode)
        assert quick.node.op.name == slow.node.op.name and repr(quick.node.rest) == repr(slow.node.rest)
        for create_graph in (False, True):
            found = [
                ge.grad(z.sum(), xs, retain_graph=True, create_graph=create_graph, allow_unused=True)
                for z, xs in ((quick, mine), (slow, theirs))
            ]
            for one, other in zip(*found, strict=True):
                np.testing.assert_array_equal(one.data, other.data)
                assert one.dtype == other.dtype


def test_most_ops_have_a_quick_call() -> None:
    x = leaf([0.5, 0.25])
    assert type((x * x).node) is BinaryNode and type(ge.sin(x).node) is UnaryNode
