"""The builder turns plain facts into a sound record: ids, sharing, marks, counts and sums are its own work."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

import grad_engine as ge
from grad_engine.record import AccumulateEvent, DataRecord, GraphRecord, check, from_json, to_json
from grad_engine.record.builder import (
    Formula,
    GraphBuilder,
    Operand,
    PlainOp,
    RunFacts,
    Value,
    attribute,
)
from grad_engine.record.index import index_of

ADD = PlainOp("add", "AddBackward", "+", "arithmetic", elementwise=True, broadcasts=True, commutes=True)
MUL = PlainOp("mul", "MulBackward", "×", "arithmetic", elementwise=True, broadcasts=True, commutes=True)
PRODUCT = Formula(["*", "x", "y"], {0: ["*", "g", "y"], 1: ["*", "g", "x"]}, frozenset({"x", "y"}))


def told() -> tuple[GraphBuilder, GraphRecord]:
    """y = (x · c) · x + 2 · c, with a run of ones; c is one constant, read twice."""
    x, c, g = np.array([3.0, 4.0]), np.array([[1.0], [2.0], [5.0]]), np.ones((3, 2))
    builder = GraphBuilder(Value)
    builder.leaf("x", Value(x, name="x"))
    formula, traced = builder.formula("a product", lambda: PRODUCT)
    two = Value(np.asarray(2.0))
    inner, outer, last = x * c, x * c * x, x * c * x + 2 * c
    builder.op(
        "inner", MUL, [Operand(0, "x", "x"), Operand(1, "y", constant=id(c), value=Value(c))], {"m": Value(inner)},
        formula=formula, reads=traced.reads, scope="net", call="first",
    )  # fmt: skip
    builder.op(
        "outer", MUL, [Operand(0, "x", "inner"), Operand(1, "y", "x")], {"n": Value(outer, name="n")},
        formula=builder.formula("a product", lambda: PRODUCT)[0], reads=traced.reads, scope="net", call="second",
    )  # fmt: skip
    builder.op(
        "last", ADD,
        [Operand(0, "x", "outer"), Operand(1, "y", constant=id(c)), Operand(2, "z", constant=2, value=two, plain=True)],
        {"o": Value(last)}, attributes={"alpha": 2.0, "axis": None},
    )  # fmt: skip
    run = RunFacts("last", g)
    run.ran("last", [g])
    run.sent("last", 0, (3, 2), (3, 2), g, g)
    run.ran("outer", [g])
    share, first = g * x, (g * inner).sum(0)
    run.sent("outer", 0, (3, 2), (3, 2), share, share)
    run.sent("outer", 1, (3, 2), (2,), first, first)
    run.ran("inner", [share])
    second = (share * c).sum(0)
    run.sent("inner", 0, (3, 2), (2,), second, first + second)
    run.changed("x", None, first + second)
    builder.run(run)
    return builder, builder.graph([builder.root("last")], {"name": "a test"}, "told")


def test_facts_become_a_sound_record() -> None:
    _, record = told()
    check(record)
    assert from_json(to_json(record)) == record
    assert (record.counts.ops, record.counts.leaves, record.counts.constants, record.counts.edges) == (3, 1, 2, 4)
    assert [step.id for step in record.forward] == ["t0", "n0", "n1", "n2"]
    assert [edge.id for edge in record.edges] == ["e0", "e1", "e2", "e3"]


def test_one_constant_is_one_tensor() -> None:
    _, record = told()
    inner, _, last = record.nodes
    assert inner.inputs[1].tensor == last.inputs[1].tensor
    assert record.by_id[inner.inputs[1].tensor].role == "constant"


def test_what_the_rules_read_is_saved_once() -> None:
    _, record = told()
    inner, outer, _ = record.nodes
    assert inner.saved == (inner.inputs[0].tensor, inner.inputs[1].tensor)
    assert outer.saved == (outer.inputs[0].tensor, outer.inputs[1].tensor)


def test_stretched_operands_are_marked_and_numbers_are_not() -> None:
    _, record = told()
    inner, outer, last = record.nodes
    assert [each.broadcast_from for each in inner.inputs] == [(2,), (3, 1)]
    assert [each.broadcast_from for each in outer.inputs] == [None, (2,)]
    assert [each.broadcast_from for each in last.inputs] == [None, (3, 1), None]
    assert record.edges[0].reduced_axes == (0,)
    assert record.edges[0].raw_shape == (3, 2)


def test_shares_are_counted_and_gradients_that_are_one_array_are_one_tensor() -> None:
    _, record = told()
    (run,) = record.runs
    sums = [event for event in run.events if isinstance(event, AccumulateEvent)]
    assert [(event.receiver, event.k, event.of) for event in sums] == [("a0", 1, 2), ("a0", 2, 2)]
    assert run.gradients["n2"] == run.gradients["n1"] == (run.seed,)
    assert run.leaves[0].after != sums[-1].partial  # another array with the same numbers


def test_calls_of_a_scope_are_numbered() -> None:
    _, record = told()
    assert [(node.scope, node.call) for node in record.nodes] == [("net", 0), ("net", 1), ("", 0)]
    assert record.groups[0].members == ("n0", "n1")


def test_formulas_that_look_alike_are_traced_once() -> None:
    builder, record = told()
    assert record.nodes[0].formula is record.nodes[1].formula
    assert builder.formula("a product", lambda: replace(PRODUCT, forward="never"))[1] is PRODUCT


def test_large_arrays_are_kept_for_the_file_of_full_data() -> None:
    builder = GraphBuilder(Value, max_elements=4)
    builder.leaf("x", Value(np.arange(5.0)))
    builder.leaf("y", Value(np.arange(4.0)))
    assert list(builder.arrays) == ["t0"]


def test_a_tensor_without_numbers_says_why() -> None:
    builder = GraphBuilder(Value)
    builder.leaf("x", Value(None, (2,), "float64", absent="changed"))
    builder.leaf("y", Value(np.ones(2), absent="unknown"))
    builder.leaf("z", Value(None, (1,), "int64", data=DataRecord((3,)), absent="unknown"))
    x, y, z = builder.tensors.values()
    assert (x.absent, y.absent, z.absent) == ("changed", "", "")
    assert x.requires_grad and not z.requires_grad


def test_static_arguments_become_words_and_numbers() -> None:
    assert attribute((1, slice(None, 3), ..., None)) == (1, ":3:", "...", None)
    assert attribute(np.arange(3)) == (0, 1, 2)
    assert attribute(np.zeros((9, 9))) == "float64 array of shape (9, 9)"
    assert attribute(np.float32(0.5)) == 0.5
    assert attribute(float("nan")) is math.nan
    assert attribute((np.float64("nan"), float("nan"))) == (math.nan, math.nan)
    assert attribute(np.dtype("float32")) == "float32"


def test_leaves_constants_and_results_that_share_a_name_are_told_apart() -> None:
    one, other = (ge.Tensor(value, requires_grad=True, name="w") for value in (2.0, 4.0))
    taken = ge.Tensor(3.0, requires_grad=True, name="w_2")
    fixed = ge.Tensor(np.array([5.0, 6.0]), name="w")
    inner = ge.mul(one, other)
    inner.name = "w"
    z = ge.sum(inner * taken * fixed)
    z.backward(retain_graph=True)
    record = ge.record_graph(z, names={"z": z}, explain=True)
    index = index_of(record)
    assert [index.leaf(each.id).name for each in record.accumulators] == ["w", "w_3", "w_2"]
    names = [each.name for each in record.tensors if each.name]
    assert len(set(names)) == len(names), names
    assert record.expression.startswith("z = ") and "w · w_3" in record.expression
    assert all(len(index.find(name)) <= 1 for name in names)
    assert one.name == other.name == "w", "the tensors keep the names they were given"


def test_rounds_of_a_loop_may_give_one_name_to_what_each_makes() -> None:
    h = ge.Tensor(0.5, requires_grad=True, name="x")
    for _ in range(3):
        h = ge.tanh(h)
        h.name = "h"
    record = ge.record_graph(h, names={})
    assert [index_of(record).tensors[node.outputs[0]].name for node in record.nodes] == ["h", "h", "h"]
