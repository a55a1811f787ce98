"""Every op in the table, checked the same way: a new op brings its tests with its declaration."""

from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine import formula
from grad_engine.core.define import DEFINED
from grad_engine.core.numpy_protocol import NUMPY_TO_OP
from grad_engine.core.op import OPS, Op
from grad_engine.testing import check_gradients
from tests.samples import as_function, cases, is_free, one_output, operands

DIFFERENTIABLE = {name: op for name, op in OPS.items() if op.differentiable}
NUMPY_OF: dict[str, list[Any]] = {}
for _function, _call in NUMPY_TO_OP.items():
    if hasattr(_call, "op"):
        NUMPY_OF.setdefault(_call.op.name, []).append(_function)

INTEGERS = {np.dtype(np.int64), np.dtype(bool)}
ALL_CASES = [(op, i) for op in OPS.values() for i in range(len(cases(op)))]
GRADIENT_CASES = [(op, i) for op, i in ALL_CASES if op.differentiable]


def ids(pairs: list[tuple[Op, int]]) -> Iterator[str]:
    return (f"{op.name}-{i}" for op, i in pairs)


@pytest.mark.parametrize("order", [1, 2], ids=["grad", "gradgrad"])
@pytest.mark.parametrize(("op", "i"), GRADIENT_CASES, ids=ids(GRADIENT_CASES))
def test_gradient_matches_central_differences(op: Op, i: int, order: int) -> None:
    """One formula serves both orders, so both are checked, for every op in the table."""
    f, xs = as_function(op, cases(op)[i])
    if xs:
        check_gradients(one_output(f), xs, order)


@pytest.mark.parametrize(("op", "i"), ALL_CASES, ids=ids(ALL_CASES))
def test_leaves_read_only_inputs_alone(op: Op, i: int) -> None:
    """Forward and backward write to no array they were given."""
    f, xs = as_function(op, cases(op)[i])
    before = [x.copy() for x in xs]
    for x in xs:
        x.flags.writeable = False
    leaves = [ge.from_numpy(x, requires_grad=True) for x in xs]
    out = one_output(f)(*leaves)
    if out.requires_grad:
        seed = np.ones_like(out.data)
        seed.flags.writeable = False
        out.backward(seed)
    for x, y in zip(xs, before, strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize(("op", "i"), GRADIENT_CASES, ids=ids(GRADIENT_CASES))
def test_keeps_the_dtype(op: Op, i: int, dtype: Any) -> None:
    """float32 in, float32 out, float32 gradient: Python numbers inside forward and rules are weak."""
    if op.name == "astype":
        pytest.skip("astype is there to change the dtype")
    f, xs = as_function(op, cases(op)[i])
    given = [o for o in operands(op, cases(op)[i]) if is_free(o)]
    leaves = [ge.tensor(x, dtype=dtype, requires_grad=True) for x in xs]
    with np.errstate(all="ignore"):
        out = f(*leaves)
        if op.variadic or len(given) == len(xs):  # no float64 operand beside the leaves
            assert {part.dtype for part in (out if isinstance(out, tuple) else (out,))} <= {np.dtype(dtype), *INTEGERS}
        one_output(f)(*leaves).sum().backward()
    for leaf in leaves:
        assert leaf.grad is None or (leaf.grad.dtype == dtype and leaf.grad.shape == leaf.shape)


@pytest.mark.parametrize(("op", "i"), ALL_CASES, ids=ids(ALL_CASES))
def test_formulas_are_written(op: Op, i: int) -> None:
    """Every call has a formula for what it computes and for each rule, in the grammar, and says what the rules read."""
    f, xs = as_function(op, cases(op)[i])
    leaves = [ge.tensor(x, requires_grad=True, name=f"x{k}") for k, x in enumerate(xs)]
    out = one_output(f)(*leaves)
    if not out.requires_grad:
        return
    out.backward(ge.ones_like(out), retain_graph=True)
    record = ge.record_graph(out, names={"z": out})
    node = next(node for node in record.nodes if node.op == op.name)
    assert node.formula is not None and node.formula.forward.text
    assert [each.slot for each in node.inputs] == list(range(len(node.inputs)))
    assert {rule.slot for rule in node.formula.vjp} == {each.slot for each in node.inputs if each.edge is not None}
    for written in (node.formula.forward, *node.formula.vjp):
        assert formula.fault(written.tree) is None
        assert "object at" not in written.text and len(written.text) < 200, written.text
    for rule in node.formula.vjp:
        assert "True" not in rule.text and "False" not in rule.text, rule.text
    assert ge.record.from_json(ge.record.to_json(record)) == record


@pytest.mark.parametrize("op", [op for op in OPS.values() if op.name in NUMPY_OF], ids=lambda op: op.name)
@pytest.mark.filterwarnings("ignore:numpy.fix is deprecated")  # from NumPy 2.5 on; it is np.trunc
def test_numpy_functions_reach_the_op(op: Op) -> None:
    """NumPy called on Tensors gives NumPy's values, in a Tensor that remembers."""
    for function in NUMPY_OF[op.name]:
        if isinstance(function, tuple):
            continue
        for each in cases(op):
            given = operands(op, each)
            free = [i for i, value in enumerate(given) if is_free(value)]
            call = (lambda x, dtype: np.astype(x, dtype)) if function is np.astype else function  # takes it by place
            expected = call(*given, **each.static)
            got = call(
                *[
                    [ge.tensor(part, requires_grad=True) for part in value]
                    if op.variadic
                    else ge.tensor(value, requires_grad=op.differentiable)
                    if i in free
                    else value
                    for i, value in enumerate(given)
                ],
                **each.static,
            )
            several = isinstance(got, tuple)
            for mine, theirs in zip(got if several else [got], expected if several else [expected], strict=True):
                np.testing.assert_allclose(mine.data, theirs, rtol=1e-12)
                assert not op.differentiable or not free or mine.requires_grad or mine.dtype.kind != "f"


@pytest.mark.parametrize("size", [10, 32768, 40000])
def test_a_bound_holds_in_arrays_of_any_size(size: int) -> None:
    """Large arrays are compared with their bound block by block, with a rest or without."""
    x = np.random.default_rng(size).standard_normal(size)
    assert (ge.relu(ge.tensor(x)).numpy() == np.maximum(x, 0)).all()


@pytest.mark.parametrize("op", OPS.values(), ids=OPS)
def test_declaration(op: Op) -> None:
    """Pickles by name, has words for people, is published under each of its names, refuses an unknown keyword."""
    assert pickle.loads(pickle.dumps(op)) is op and copy.copy(op) is op
    assert op.summary.endswith(".") and op.symbol
    for name in (op.name, *op.aliases):
        call = getattr(ge, name, None)
        assert call.__doc__ if op.public else getattr(call, "op", None) is not op
    with pytest.raises(TypeError, match="no_such"):
        DEFINED[op.name](*operands(op, cases(op)[0]), **cases(op)[0].static, no_such=1)


TOLD = [op for op in DIFFERENTIABLE.values() if op.public or op.forward.__module__.startswith("grad_engine.ops.scipy_")]


@pytest.mark.parametrize("op", TOLD, ids=lambda op: op.name)
def test_backward_is_told_in_one_short_sentence(op: Op) -> None:
    """Read by help(), tree, film and page: at most 16 words, numbers and signs not counted."""
    assert op.sentence[:1].isalnum() and op.sentence.endswith(".") and op.sentence.count(". ") == 0
    assert len(re.findall(r"[^\W\d_]{2,}", op.sentence)) <= 16 and len(op.sentence) <= 100
    assert op.sentence in " ".join(str(DEFINED[op.name].__doc__).split())


@pytest.mark.parametrize(
    ("name", "category", "rule", "words"),
    [
        ("odd", "elementwise", lambda g, x: g, r"it must take \['g', 'out', 'x'\]"),
        ("add", "elementwise", lambda g, out, x: g, "already declared"),
        ("expand_dims", "elementwise", lambda g, out, x: g, "already declared"),
        ("shape", "elementwise", lambda g, out, x: g, "already an attribute"),
        ("odd", "strange", lambda g, out, x: g, "categories are"),
        ("my op", "elementwise", lambda g, out, x: g, "such as my_op; got 'my op'"),
        ("class", "elementwise", lambda g, out, x: g, "got 'class'"),
        ("", "elementwise", lambda g, out, x: g, "got ''"),
    ],
)
def test_define_refuses_what_would_go_wrong_later(name: str, category: str, rule: Any, words: str) -> None:
    with pytest.raises(ge.ArgumentError, match=words):
        ge.define(np.sinh, name=name, symbol="o", category=category, summary="S.", vjp={"x": rule})
    assert "odd" not in OPS
