"""How formula trees read, and which the grammar refuses."""

from __future__ import annotations

from typing import Any

import pytest

from grad_engine.formula import MAX_DEPTH, fault, number, text


@pytest.mark.parametrize(
    ("tree", "shown"),
    [
        (["+", ["ln", ["-", ["@", ["+", "x1", 3], ["-", "x2", "x3"]], "x3"]], ["exp", "x7"]],
         "ln((x1 + 3) @ (x2 − x3) − x3) + exp(x7)"),
        (["-", "a", ["-", "b", "c"]], "a − (b − c)"),
        (["+", "a", ["+", "b", "c"]], "a + b + c"),
        (["*", "a", ["@", "b", "c"]], "a · (b @ c)"),
        (["*", ["@", "a", "b"], "c"], "(a @ b) · c"),
        (["@", ["*", "a", "b"], "c"], "(a · b) @ c"),
        (["*", "a", ["/", "b", "c"]], "a · (b / c)"),
        (["/", ["*", "a", "b"], "c"], "a · b / c"),
        (["/", "a", ["*", "b", "c"]], "a / (b · c)"),
        (["/", ["neg", ["*", "g", "out"]], "y"], "−(g · out) / y"),
        (["**", "x", 2], "x²"),
        (["**", ["neg", "x"], -1], "(−x)⁻¹"),
        (["**", "x", 0.5], "x^0.5"),
        (["**", "x", ["+", "y", 1]], "x^(y + 1)"),
        (["*", -2, "x"], "−2 · x"),
        (["@", ["T", "x"], "g"], "xᵀ @ g"),
        (["T", ["+", "x", "y"]], "(x + y)ᵀ"),
        (["sum", "x", ["kw", "axis", ["tuple", 0]]], "sum(x, axis=(0,))"),
        (["stack", ["list", "xs[0]", "xs[1]"]], "stack([xs[0], xs[1]])"),
        (["index", "x", ["say", "0, :"]], "x[0, :]"),
        (["where", [">", "out", 0], "g", 0], "where(out > 0, g, 0)"),
        (["not", ["&", "a", ["|", "b", "c"]]], "¬(a & (b | c))"),
        (["attr", "x", "shape"], "x.shape"),
        (["say", "{g} copied to the shape of {x}"], "g copied to the shape of x"),
    ],
)  # fmt: skip
def test_reads_as_people_write_it(tree: Any, shown: str) -> None:
    assert fault(tree) is None
    assert text(tree) == shown


def test_tensor_names_take_the_place_of_parameters() -> None:
    assert text(["*", "x", ["T", "y"]], {"x": "[red]", "y": "a + b"}) == "[red] · (a + b)ᵀ"
    assert text(["say", "{g} like {x}"], {"x": "{g}"}) == "g like {g}"


@pytest.mark.parametrize(
    "tree",
    ["", "a b", "x.y", [], [1], ["+", 1], ["neg", 1, 2], ["T"], ["say", 3], ["say"], ["kw", 3, 4], ["attr", "x", 3],
     ["<script>", "x"], {"a": 1}, ["f", ["g", ["bad head", 1]]]],
)  # fmt: skip
def test_grammar_refuses(tree: Any) -> None:
    assert isinstance(fault(tree), str)


def test_depth_is_bounded() -> None:
    tree: Any = "x"
    for _ in range(MAX_DEPTH - 1):
        tree = ["neg", tree]
    assert fault(tree) is None
    assert "levels" in (fault(["neg", tree]) or "")


@pytest.mark.parametrize(
    ("value", "shown"),
    [(2.718281828, "2.718"), (-0.32083333, "−0.3208"), (1e-7, "1e−7"), (1.5e20, "1.5e20"), (float("nan"), "NaN"),
     (float("-inf"), "−∞"), (3, "3"), (64.0, "64"), (0.0, "0"), (True, "True"), (None, "None"), (-7, "−7")],
)  # fmt: skip
def test_numbers(value: Any, shown: str) -> None:
    assert number(value) == shown
