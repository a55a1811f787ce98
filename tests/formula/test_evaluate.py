"""A formula tree gives the numbers that the same NumPy expression gives, or one error."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from grad_engine.errors import FormulaError
from grad_engine.formula.evaluate import FUNCTIONS, agrees, evaluate

X = np.array([[0.5, -1.5, 2.0], [1.0, 0.25, -0.75]])
G = np.array([[1.0, 2.0, 3.0], [-1.0, 0.5, 4.0]])
VALUES = {"x": X, "g": G, "y": X.T, "xs[1]": 3.0, "i": np.array([0, 1, 1])}

TREES: list[tuple[Any, Any]] = [
    ("x", X),
    (2, 2),
    (["*", "g", ["cos", "x"]], G * np.cos(X)),
    (["-", ["neg", "x"], ["/", 1, "g"]], -X - 1 / G),
    (["**", "x", 2], X**2),
    (["@", "g", "y"], G @ X.T),
    (["@", ["T", "x"], "g"], X.T @ G),
    (["where", [">", "x", 0], "g", 0.0], np.where(X > 0, G, 0.0)),
    (["where", ["&", [">", "x", 0], ["not", ["==", "x", 2.0]]], 1, 0], ((X > 0) & ~(X == 2.0)).astype(int)),
    (["sum", "x", ["kw", "axis", ["tuple", 0, 1]], ["kw", "keepdims", True]], X.sum(keepdims=True)),
    (["index", "x", ["say", ":, 1:"]], X[:, 1:]),
    (["index", "x", ["say", "…, -1"]], X[..., -1]),
    (["index", "x", ["say", "None, [1, 0], ::2"]], X[None, [1, 0], ::2]),
    (["index", "x", ["say", ":, i"]], X[:, [0, 1, 1]]),
    (["index", "x", ["tuple", 1, 0]], X[1, 0]),
    (["+", "x", "xs[1]"], X + 3.0),
    (["*", ["attr", "x", "ndim"], 2], 4),
    (["list", "x", 1], [X, 1]),
    (["softmax", "x", ["kw", "axis", 0]], np.exp(X) / np.exp(X).sum(0)),
    (["ln", ["neg", ["abs", "x"]]], np.full((2, 3), np.nan)),
]


@pytest.mark.parametrize(("tree", "expected"), TREES, ids=str)
def test_a_tree_gives_what_numpy_gives(tree: Any, expected: Any) -> None:
    found = evaluate(tree, VALUES)
    if isinstance(expected, list):
        assert isinstance(found, list)
        np.testing.assert_array_equal(found[0], expected[0])
    else:
        np.testing.assert_allclose(found, expected, rtol=1e-14)


NORMAL = {"normal_cdf": [0.8413447460685429, 0.5], "normal_pdf": [0.24197072451914337, 0.3989422804014327]}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_agrees_with_the_op_of_that_name(name: str) -> None:
    import grad_engine as ge
    from grad_engine.core.define import DEFINED

    if name in NORMAL:
        np.testing.assert_allclose(FUNCTIONS[name](np.array([1.0, 0.0])), NORMAL[name], rtol=1e-15)
        return
    if name not in DEFINED:
        assert hasattr(np, name)  # isnan and the like
        return
    op, x = DEFINED[name].op, np.array([0.5, 0.25, 0.75]) + (1.0 if name == "arccosh" else 0.0)
    operands = [x, x[::-1].copy(), np.array([1.0, 0.0, 2.0])][: max(op.required, 1)]
    if name == "where":
        operands[0] = operands[0] > 0.4
    if name == "clip":
        operands = [x, 0.3, 0.6]
    expected = ge.no_grad()(DEFINED[name])(*operands)
    np.testing.assert_allclose(FUNCTIONS[name](*operands), np.asarray(expected), rtol=1e-12)


@pytest.mark.parametrize(
    ("tree", "reason"),
    [
        ("z", "needs the value of z"),
        (["say", "{g} copied to the shape of {x}"], "given in words"),
        (["*", "g", ["say", "the rest"]], "given in words"),
        (["load", ["say", "/etc/passwd"]], "load is not known"),
        (["attr", "x", "tofile"], "attr is not known"),
        (["index", "x", ["say", "mask (2, 3)"]], "cannot be evaluated"),
        (["index", "x", ["say", "0] + open('/etc/passwd')[0"]], "given in words"),
        (["index", "x", ["say", "__import__('os')"]], "cannot be evaluated"),
        (["index", "x", ["say", "[" * 400]], "given in words"),
        (["index", "x", ["say", "7, 7"]], "out of bounds"),
        (["@", "x", "g"], "matmul"),
        (["sum", "x", ["kw", "axis", ["say", "array (3,)"]]], "given in words"),
        (["cos"], "cannot be evaluated"),
        (["cos", "x", "x", "x", "x"], "cannot be evaluated"),
    ],
    ids=str,
)
def test_what_cannot_be_evaluated_is_one_error(tree: Any, reason: str) -> None:
    with pytest.raises(FormulaError, match="cannot be evaluated") as told:
        evaluate(tree, VALUES)
    assert reason in str(told.value)


def test_a_tree_that_is_too_deep_is_refused() -> None:
    tree: Any = "x"
    for _ in range(500):
        tree = ["neg", tree]
    with pytest.raises(FormulaError, match="32 levels deep"):
        evaluate(tree, VALUES)


def test_functions_of_the_caller_come_first() -> None:
    assert evaluate(["twice", 3], {}, {"twice": lambda x: 2 * x}) == 6
    assert evaluate(["cos", 3], {}, {"cos": lambda x: x}) == 3
    assert (
        evaluate(["loss", 3, ["kw", "reduction", ["say", "sum"]]], {}, {"loss": lambda x, reduction: reduction})
        == "sum"
    )


def test_shares_are_compared_once_they_are_summed_down() -> None:
    share = (G * X).sum(axis=0)
    assert agrees(G * X, share)
    assert agrees(G * X, (G * X).sum(axis=1, keepdims=True))
    assert not agrees(G * X * (1 + 1e-5), share)
    assert agrees(G * X * (1 + 1e-5), share.astype(np.float32))
    assert not agrees(G, np.zeros((3, 3)))
    assert agrees(3.0, np.float64(3.0).reshape(()))
    assert not agrees("words", share)


def test_what_is_not_finite_has_to_stand_in_the_same_places() -> None:
    share = np.array([1.0, math.nan, math.inf])
    assert agrees(np.array([1.0, math.nan, math.inf]), share)
    assert not agrees(np.array([1.0, math.nan, -math.inf]), share)
    assert not agrees(np.array([1.0, 2.0, math.inf]), share)
    assert not agrees(np.array([math.nan, math.nan, math.inf]), share)
    assert agrees(np.zeros(2), np.zeros(2))
