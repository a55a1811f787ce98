"""What is shown is what was computed: formulas give the recorded numbers, and name every value that a rule reads."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.core.broadcasting import fitted
from grad_engine.core.define import DEFINED
from grad_engine.core.node import Node, Output
from grad_engine.core.op import OPS, Op
from grad_engine.errors import FormulaError, GradEngineError
from grad_engine.export.op_functions import op_functions
from grad_engine.formula.evaluate import agrees, evaluate
from tests.samples import cases, is_free, operands

KINDS = ("random", "whole", "zeros", "ones")  # whole numbers, zeros and ones make ties, kinks and poles
CASES = [(op, i) for op in OPS.values() if op.differentiable for i in range(len(cases(op)))]
NAMES = [f"{op.name}-{i}" for op, i in CASES]


@pytest.fixture(autouse=True)
def silent() -> Iterator[None]:
    with np.errstate(all="ignore"):
        yield


def changed(value: Any, kind: str) -> Any:
    if isinstance(value, list):
        return [changed(part, kind) for part in value]
    if not is_free(value) or kind == "random":
        return value
    return {"whole": np.round, "zeros": np.zeros_like, "ones": np.ones_like}[kind](value)


def recorded(op: Op, i: int, kind: str = "random") -> Node | None:
    """The node of one case of an op, its numbers changed as `kind` says; None where it has no gradient."""
    each = cases(op)[i]
    given = [changed(value, kind) for value in operands(op, each)]
    args: list[Any] = [
        [ge.tensor(part, requires_grad=is_free(part)) for part in value]
        if op.variadic
        else ge.tensor(value, requires_grad=True)
        if is_free(value) and op.ruled(slot)
        else value
        for slot, value in enumerate(given)
    ]
    out = DEFINED[op.name](*args, **each.static)
    nodes = [part.node for part in (out if isinstance(out, tuple) else (out,)) if part.node is not None]
    return None if not nodes else nodes[0].node if isinstance(nodes[0], Output) else nodes[0]


def incoming(node: Any) -> Any:
    """Random gradients of the results of a node."""
    rng = np.random.default_rng(zlib.crc32(node.op.name.encode()))
    if node.op.multi_output:
        return tuple(rng.standard_normal(part.shape) for part in node.out)
    return rng.standard_normal(node.out.shape)


def share(node: Any, slot: int, g: Any, out: Any, arrays: Any) -> np.ndarray | None:
    """What the rule of `node` sends to one operand, from these values."""
    op = node.op
    asked = (g, out, arrays, *node.rest) if op.variadic else (g, out, *arrays, *node.rest)
    if op.joint is not None:
        raw = op.joint(*asked, wanted=[edge is not None for edge in node.edges])[slot]
    else:
        raw = op.rules[0 if op.variadic else slot](*asked)
    return None if raw is None else np.asarray(fitted(np.asarray(raw), node.arrays[slot]))


def values(node: Any, g: Any) -> dict[str, Any]:
    """The values of every name that a formula of this call may hold."""
    named = dict(zip(node.op.parameters(len(node.arrays)), node.arrays, strict=True))
    if node.op.multi_output:
        for i, (part, own) in enumerate(zip(node.out, g, strict=True)):
            named[f"out[{i}]"], named[f"g[{i}]"] = part, own
    named.update(g=g, out=node.out)
    return named | dict(zip(node.op.saves, node.rest[len(node.op.static) :], strict=True))


def has_words(tree: Any) -> bool:
    return isinstance(tree, list | tuple) and (tree[0] == "say" or any(map(has_words, tree[1:])))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("op", "i"), CASES, ids=NAMES)
def test_a_formula_gives_what_was_computed(op: Op, i: int, kind: str) -> None:
    """Also at ties, at zeros and where operands broadcast. What a formula cannot say is said in words."""
    try:
        node: Any = recorded(op, i, kind)
    except GradEngineError:  # singular matrices, probabilities above 1
        assert kind != "random"
        return
    if node is None:
        return
    g = incoming(node)
    known = values(node, g)
    formulas = [("the result", op.forward_tree(node.arrays, node.rest), node.out)]
    wanted = [edge is not None for edge in node.edges]
    for slot, tree in enumerate(op.rule_trees(node.out, node.arrays, node.rest, wanted)):
        if wanted[slot]:
            try:
                found = share(node, slot, g, node.out, node.arrays)
            except GradEngineError:
                assert kind != "random"
                continue
            formulas.append((op.parameters(len(node.arrays))[slot], tree, found))
    for what, tree, expected in formulas:
        if expected is None:
            continue
        shown = ge.formula.text(tree)
        try:
            result = evaluate(tree, known, op_functions())
        except FormulaError:
            if has_words(tree):
                continue
            raise
        several = isinstance(expected, tuple)
        for mine, theirs in zip(result if several else [result], expected if several else [expected], strict=True):
            assert agrees(mine, np.asarray(theirs)), f"{what} of {op.name}: {shown} is {mine}, not {theirs}"


def disturbed(array: Any, way: int) -> Any:
    """Another array of the same kind."""
    if array.dtype.kind == "f" and way == 0:
        return array + np.random.default_rng(3).uniform(0.01, 0.05, array.shape)
    if array.dtype.kind == "f":
        return np.flip(array) * 1.01
    return ~array if array.dtype == bool else np.flip(array)


@pytest.mark.parametrize(("op", "i"), CASES, ids=NAMES)
def test_a_formula_names_all_that_its_rule_reads(op: Op, i: int) -> None:
    """A value that a formula does not name may be changed in place before backward: the share may not depend on it."""
    node: Any = recorded(op, i)
    if node is None:
        return
    g, names = incoming(node), op.parameters(len(node.arrays))
    wanted = [edge is not None for edge in node.edges]
    for slot, tree in enumerate(op.rule_trees(node.out, node.arrays, node.rest, wanted)):
        if not wanted[slot] or (plain := share(node, slot, g, node.out, node.arrays)) is None:
            continue
        named = op.reads(tree)
        for place, (name, array) in enumerate(zip(names, node.arrays, strict=True)):
            for way in (0, 1) if isinstance(array, np.ndarray) and name not in named else ():
                arrays = tuple(disturbed(a, way) if k == place else a for k, a in enumerate(node.arrays))
                other = share(node, slot, g, node.out, arrays)
                np.testing.assert_array_equal(other, plain, err_msg=f"{op.name}: {name} is read for {names[slot]}")
        if not op.multi_output and "out" not in named:
            for way in (0, 1):
                other = share(node, slot, g, disturbed(np.asarray(node.out), way), node.arrays)
                np.testing.assert_array_equal(other, plain, err_msg=f"{op.name}: the result is read for {names[slot]}")


@pytest.mark.parametrize("name", ["logaddexp", "logaddexp2"])
def test_a_changed_operand_of_logaddexp_is_found(name: str) -> None:
    """Its rule reads both operands; the formula named one of them and the result, and the change went unnoticed."""
    x, y = ge.tensor([1.0], requires_grad=True), ge.tensor([2.0])
    out = getattr(ge, name)(x, y)
    y += 3.0
    with pytest.raises(ge.InPlaceError):
        out.backward()


@pytest.mark.parametrize(
    ("f", "shown"),
    [
        (lambda x: ge.maximum(x, np.array([2.0, 2.0])), "where(x > y, g, where(x = y, g / 2, 0))"),
        (lambda x: ge.prod(x), "g times the product of the other elements"),
        (lambda x: ge.max(x), "g in equal parts to the elements of x that are out, 0 to the others"),
        (lambda x: ge.mean(x), "g / 2"),
        (lambda x: ge.softmax(x), "out · (g − sum(g · out, axis=−1))"),
        (
            lambda x: ge.cross_entropy(x, np.array(1)),
            "g · (softmax(x) − 1 at the right class) / how many targets count",
        ),
        (lambda x: ge.clip(x, None, np.array(1.5)), "where(x ≤ max, g, 0)"),
    ],
)  # fmt: skip
def test_rules_that_once_said_something_else(f: Any, shown: str) -> None:
    x = ge.tensor([2.0, 1.0], requires_grad=True, name="x")
    node = ge.record_graph(f(x)).nodes[0]
    assert node.formula is not None
    assert [rule.text for rule in node.formula.vjp] == [shown]
