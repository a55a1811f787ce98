"""Formulas as compiled Typst."""

from __future__ import annotations

import math
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grad_engine.draw.typst import figure, formula_typst, quoted
from grad_engine.errors import GradEngineError
from grad_engine.formula import INFIX, MAX_DEPTH
from tests.support import HOSTILE_NAMES

typst = pytest.importorskip("typst") if sys.version_info < (3, 15) else None


def compiled(*sources: str) -> bytes:
    page = "#set page(width: auto, height: auto)\n" + "\n\n".join(f"$ {source} $" for source in sources)
    return typst.compile(page.encode(), format="svg")


@pytest.mark.parametrize(
    ("tree", "source"),
    [
        (["/", "g", "x"], "frac(overline(g), x)"),
        (["*", "g", "y"], "overline(g) dot.o y"),
        (["*", 2, "y"], "2 dot.c y"),
        (["@", "g", ["T", "y"]], "overline(g) thin y^upright(T)"),
        (["**", ["+", "x", 1], -2], "(x + 1)^(minus 2)"),
        (["-", "x", ["-", "x", "y"]], "x minus (x minus y)"),
        (["+", "x", ["neg", "y"]], "x + (minus y)"),
        (["cos", "x"], '"cos"(x)'),
        (["sqrt", "x"], "sqrt(x)"),
        (["abs", ["neg", "x"]], "abs(minus x)"),
        (["sum", "x", ["kw", "axis", ["tuple", 0, 1]]], '"sum"(x, "axis" "=" (0, 1))'),
        (["index", "x", ["tuple", 0, -1]], "x[0, minus 1]"),
        (["index", "x", ["tuple"]], "x[()]"),
        (["attr", "x", "size"], 'x"\\u{2e}size"'),
        (["say", "{g} copied to the shape of {x}"], 'overline(g) "copied to the shape of" x'),
        (["**", "x", ["/", 1, 2]], "x^(1 slash 2)"),
        (["**", ["**", "x", 2], 3], "(x^(2))^(3)"),
        (["*", ["/", "g", "x"], ["/", "x", ["/", "y", ["/", "x", "g"]]]], None),
        (["stack", *[f"xs[{k}]" for k in range(40)]], None),
        ("xs[2]", 'italic("xs")_"2"'),
    ],
    ids=str,
)
def test_formulas_read_as_in_a_book(tree: object, source: str | None) -> None:
    found = formula_typst(tree, bars={"g"})
    assert source is None or found == source
    assert compiled(found)


def test_names_become_letters_with_an_index() -> None:
    names = {"x": "x1", "y": "weight", "g": "theta_12", "out": "x_train"}
    assert formula_typst("x", names) == 'x_"1"'
    assert formula_typst("y", names) == 'italic("weight")'
    assert formula_typst("g", names) == 'theta_"12"'
    assert formula_typst("out", names) == 'x_"train"'
    assert formula_typst(["*", "x", 2], {"x": "x1 + 3"}) == '(italic("x1 \\u{2b} 3")) dot.c 2'


def test_a_tuple_of_one_keeps_its_comma() -> None:
    assert formula_typst(["reshape", "x", ["kw", "shape", ["tuple", 2]]]) == '"reshape"(x, "shape" "=" (2,))'
    assert compiled(formula_typst(["tuple", "x"]))


def test_a_matrix_product_of_words_has_a_sign() -> None:
    assert formula_typst(["@", "g", "x"], {"x": "x4"}) == 'g thin x_"4"'
    assert formula_typst(["@", "g", "x"], {"x": "#4"}) == 'g class("binary", "@") italic("\\u{23}4")'


def test_a_product_with_a_single_number_is_no_product_of_elements() -> None:
    assert formula_typst(["*", "x", "y"]) == "x dot.o y"
    assert formula_typst(["*", "x", "y"], scalars={"y"}) == "x dot.c y"
    assert formula_typst(["*", ["*", ["/", "g", 4], 2], "x"], scalars={"g"}) == "frac(g, 4) dot.c 2 dot.c x"
    assert formula_typst(["*", ["exp", "g"], "x"], scalars={"g"}) == '"exp"(g) dot.c x'
    assert formula_typst(["*", ["exp", "x"], "y"], scalars={"g"}) == '"exp"(x) dot.o y'


def test_numbers_are_short_and_true() -> None:
    assert figure(3) == "3"
    assert figure(-2.5) == "minus 2.5"
    assert figure(2.5e-9) == "2.5 dot.c 10^(minus 9)"
    assert figure(10**400) == "1 dot.c 10^(400)"
    assert figure(-123_456_789_012) == "minus 1.235 dot.c 10^(11)"
    assert figure(math.inf) == "infinity"
    assert figure(math.nan) == '"NaN"'
    assert figure(True) == '"True"'
    assert formula_typst(["**", 1e-9, 2]) == "(1 dot.c 10^(minus 9))^(2)"


def test_what_is_no_formula_is_refused() -> None:
    with pytest.raises(GradEngineError, match="this is no formula"):
        formula_typst(["+", "x"])


@pytest.mark.parametrize("head", ["**", "/", "T", "sqrt", "cos", "neg", "+", "index", "list", "abs", "@"])
def test_the_deepest_formula_compiles(head: str) -> None:
    tree: object = "x"
    for _ in range(MAX_DEPTH - 1):
        tree = [head, "y", tree] if head != "neg" and head in {*INFIX, "index"} else [head, tree]
    assert compiled(formula_typst(tree))


NAMES = st.sampled_from(["x", "y", "g", "out", "xs[2]", "weight_1", "_a", "x_", "T", "let", "sum", "not", "pi"])
ATOMS = NAMES | st.none() | st.booleans() | st.integers() | st.floats() | st.just(10**300)


def trees() -> st.SearchStrategy[object]:
    def grown(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
        unary, binary = ("neg", "not"), [head for head in INFIX if head not in ("neg", "not")]
        return st.one_of(
            st.tuples(st.sampled_from(unary), inner),
            st.tuples(st.sampled_from(binary), inner, inner),
            st.tuples(st.sampled_from(["T", "sqrt", "abs", "frac", "let", "exp"]), inner),
            st.tuples(st.just("index"), inner, st.tuples(st.just("tuple"), inner) | inner),
            st.lists(inner, max_size=4).map(lambda parts: ["list", *parts]),
            st.tuples(st.just("say"), st.text(max_size=20).map(lambda text: text + "{x} to {y}" + text)),
            st.tuples(st.just("attr"), inner, st.just("shape")),
        )

    return st.recursive(ATOMS, grown, max_leaves=12)


@given(
    trees=st.lists(trees(), min_size=1, max_size=8),
    names=st.dictionaries(NAMES, st.sampled_from(HOSTILE_NAMES) | st.text(), max_size=6),
)
@settings(max_examples=60)
def test_any_formula_with_any_names_compiles(trees: list[object], names: dict[str, str]) -> None:
    sources = [formula_typst(tree, names, bars={"g"}) for tree in trees]
    assert not any("{{" in source for source in sources), "Manim would take it for a group"
    assert compiled(*sources)


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=ascii)
def test_no_name_is_markup(name: str) -> None:
    source = quoted(name)
    assert source[0] == source[-1] == '"'
    assert '"' not in source[1:-1]
    assert len(source) < 400
    plain = source[1:-1].replace("\\u{", "").replace("}", "")
    assert all(character.isascii() and (character.isalnum() or character == " ") for character in plain)
