"""What an op says of itself is true: elementwise, broadcasts, commutes. Readers choose by these, never by a name."""

from __future__ import annotations

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.core.define import DEFINED
from grad_engine.core.op import OPS, Op
from tests.samples import cases, operands


def result(op: Op, *arrays: object, **static: object) -> np.ndarray:
    with ge.no_grad(), np.errstate(all="ignore"):
        return np.asarray(DEFINED[op.name](*arrays, **static))


@pytest.mark.parametrize("op", [op for op in OPS.values() if op.commutes and op.public], ids=lambda op: op.name)
def test_operands_of_an_op_that_commutes_may_change_places(op: Op) -> None:
    x, y = np.array([[0.5, 2.0], [-1.5, 0.25]]), np.array([[1.5, -0.75], [0.5, 3.0]])
    np.testing.assert_array_equal(result(op, x, y), result(op, y, x))


@pytest.mark.parametrize("name", ["sub", "div", "matmul", "pow", "arctan2", "where", "floor_divide"])
def test_an_op_that_does_not_commute_does_not_say_so(name: str) -> None:
    assert not OPS[name].commutes


@pytest.mark.parametrize("op", [op for op in OPS.values() if op.broadcasts and op.public], ids=lambda op: op.name)
def test_an_op_that_broadcasts_stretches_its_operands(op: Op) -> None:
    given = operands(op, cases(op)[0])[: max(op.required, 2)]
    last = np.asarray(given[0]).ravel()[:1]
    shapes = [(3, 1), *[(2,)] * (len(given) - 1)]
    arrays = [
        np.resize(np.asarray(last if each is None else each), shape) for each, shape in zip(given, shapes, strict=True)
    ]
    assert result(op, *arrays).shape == (3, 2)


@pytest.mark.parametrize(
    "op", [op for op in OPS.values() if op.elementwise and op.public and not op.variadic], ids=lambda op: op.name
)
def test_an_entry_of_an_elementwise_op_depends_on_the_same_entries_alone(op: Op) -> None:
    given = operands(op, cases(op)[0])
    shape = np.broadcast_shapes(*(np.shape(each) for each in given if each is not None))
    if not shape or 0 in shape:
        shape = (4,)
    arrays = [None if each is None else np.resize(np.asarray(each), shape) for each in given]
    changed = [None if each is None else each.copy() for each in arrays]
    place = (0,) * len(shape)
    for each in changed:
        if each is not None:
            each[place] = each[tuple(n - 1 for n in shape)]
    static = cases(op)[0].static
    before, after = result(op, *arrays, **static), result(op, *changed, **static)
    assert before.shape == shape
    others = np.ones(shape, bool)
    others[place] = False
    np.testing.assert_array_equal(before[others], after[others])
