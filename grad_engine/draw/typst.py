"""Formula trees as Typst mathematics: fractions, powers, transposes, products; a bar over what is a gradient.

Only what this module writes is ever markup. Every name that comes from a record is put in quotation marks with all but
letters, digits and blanks as code points, so no file can say anything to Typst (nor to the `{{ }}` that Manim reads).
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Collection, Mapping

from grad_engine.errors import GradEngineError
from grad_engine.formula import ASSOCIATIVE, ATOM, INFIX, PLACEHOLDER, Tree, fault, number

LONGEST_NAME = 24  # characters; a longer name is cut in the middle
LONGEST_SENTENCE = 120  # between two names of a described formula
MOST_ARGUMENTS = 8  # of a call or list; more are counted, not shown
FRACTIONS_IN = 2  # fractions within fractions; deeper ones are written with a slash

GREEK = {
    **{name: name for name in ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa")},
    **{name: name for name in ("mu", "nu", "xi", "pi", "rho", "sigma", "tau", "phi", "chi", "psi", "omega")},
    "lambda": "lambda",
    "lambda_": "lambda",
    "lam": "lambda",
}
SIGNS = {
    "|": "or",
    "&": "and",
    "==": "=",
    "!=": "eq.not",
    "<": "lt",
    "<=": "lt.eq",
    ">": "gt",
    ">=": "gt.eq",
    "+": "+",
    "-": "minus",
    "@": "thin",  # a matrix product is written as in a book, without a sign
}
WORD = "italic("
INDEXED = re.compile(r"([^\W\d_]+)(?:_?(\d+)|\[(\d+)\]|_([^\W\d_]{1,8}))?\Z")  # x, x1, x_1, xs[2], x_train


class _Writer:
    """Writes one formula: what stands for which name, and which of them are single numbers."""

    def __init__(self, names: Mapping[str, str], bars: Collection[str], scalars: Collection[str]) -> None:
        self.names, self.bars, self.scalars = names, bars, scalars

    def write(self, tree: Tree, fractions: int = 0) -> tuple[str, int]:
        """Typst source, and how tightly it binds (see `formula.INFIX`)."""
        if isinstance(tree, str):
            shown = self.names.get(tree, tree)
            source = named(shown)
            return (f"overline({source})", ATOM) if tree in self.bars else (source, 1 if " " in shown else ATOM)
        if not isinstance(tree, list | tuple):
            negative = isinstance(tree, int | float) and tree < 0
            return figure(tree), 6 if negative or (isinstance(tree, int | float) and "dot.c" in figure(tree)) else ATOM
        head, *arguments = tree
        if head in ("neg", "not"):
            sign, rank = "minus" if head == "neg" else "not", INFIX[head][1]
            return f"{sign} {self.bracketed(arguments[0], rank, fractions)}", rank
        if head in INFIX:
            return self.infix(head, arguments[0], arguments[1], fractions)
        if head == "T":
            return f"{self.bracketed(arguments[0], ATOM, fractions)}^upright(T)", 9
        if head == "sqrt" and len(arguments) == 1:
            return f"sqrt({self.write(arguments[0], fractions)[0]})", ATOM
        if head == "abs" and len(arguments) == 1:
            return f"abs({self.write(arguments[0], fractions)[0]})", ATOM
        if head == "say":
            return self.words(arguments[0]), 0
        if head == "kw":
            return f'{quoted(arguments[0])} "=" {self.write(arguments[1], fractions)[0]}', 0
        if head == "attr":
            return f"{self.bracketed(arguments[0], ATOM, fractions)}{quoted('.' + arguments[1])}", ATOM
        if head == "index":
            inside = arguments[1]
            several = isinstance(inside, list | tuple) and inside[:1] and inside[0] == "tuple" and len(inside) > 1
            shown = self.list(inside[1:], fractions) if several else self.write(inside, fractions)[0]
            return f"{self.bracketed(arguments[0], ATOM, fractions)}[{shown}]", ATOM
        shown = self.list(arguments, fractions)
        if head == "list":
            return f"[{shown}]", ATOM
        if head == "tuple":
            return f"({shown},)" if len(arguments) == 1 else f"({shown})", ATOM
        return f"{quoted(head)}({shown})", ATOM

    def infix(self, head: str, left: Tree, right: Tree, fractions: int) -> tuple[str, int]:
        rank = INFIX[head][1]
        if head == "**":
            above = self.write(right, FRACTIONS_IN)[0]
            return f"{self.bracketed(left, ATOM, fractions)}^({above})", 8
        if head == "/" and fractions < FRACTIONS_IN:
            return f"frac({self.write(left, fractions + 1)[0]}, {self.write(right, fractions + 1)[0]})", 8
        before = self.bracketed(left, rank, fractions)
        after = self.bracketed(right, rank if head in ASSOCIATIVE else rank + 1, fractions)
        if after.startswith("minus"):
            after = f"({after})"
        if head == "/":
            return f"{before} slash {after}", rank
        if head == "*":
            sign = "dot.c" if self.single(left) or self.single(right) else "dot.o"
            return f"{before} {sign} {after}", rank
        if head == "@" and WORD in before + after:  # words side by side would be read as one
            return f'{before} class("binary", "@") {after}', rank
        return f"{before} {SIGNS[head]} {after}", rank

    def single(self, tree: Tree) -> bool:
        """Whether a tree is known to stand for a single number."""
        if isinstance(tree, list | tuple):
            return tree[0] not in ("list", "tuple", "say") and all(map(self.single, tree[1:]))
        return not isinstance(tree, str) or tree in self.scalars

    def bracketed(self, tree: Tree, rank: int, fractions: int) -> str:
        shown, own = self.write(tree, fractions)
        return shown if own >= rank else f"({shown})"

    def list(self, parts: Collection[Tree], fractions: int) -> str:
        shown = [self.write(part, fractions)[0] for part in [*parts][:MOST_ARGUMENTS]]
        if len(parts) > MOST_ARGUMENTS:
            shown[-2:] = ["dots.c", self.write([*parts][-1], fractions)[0]]
        return ", ".join(shown)

    def words(self, sentence: str) -> str:
        pieces = PLACEHOLDER.split(sentence)  # words, name, words, name, ..., words
        shown = []
        for k, piece in enumerate(pieces):
            if k % 2:
                shown.append(self.write(piece)[0])
            elif piece:
                # A blank inside the quotation marks and one outside would both be seen.
                before, after = " " * piece.startswith(" "), " " * piece.endswith(" ")
                shown.append(before + quoted(piece.strip(" "), LONGEST_SENTENCE) + after if piece.strip(" ") else " ")
        return "".join(shown).strip(" ")


def formula_typst(
    tree: Tree, names: Mapping[str, str] | None = None, *, bars: Collection[str] = (), scalars: Collection[str] = ()
) -> str:
    """Typst source of a formula, to be set between dollar signs (Manim: `MathTypst(source)`).

    `names` puts tensor names in the place of parameters: `x1` becomes a letter with an index, `weight` a word in
    italics. What stands for a parameter in `bars` gets a bar, the sign of a gradient. Arrays are multiplied element by
    element with ⊙; beside a number, or a parameter in `scalars`, that is no more than a product.

    Raises GradEngineError for a tree that does not keep the grammar.
    """
    if (expected := fault(tree)) is not None:
        raise GradEngineError(f"this is no formula: expected {expected}.")
    return _Writer(names or {}, bars, scalars).write(tree)[0]


def named(name: str) -> str:
    """Typst source of a tensor's name: a letter with its index, a Greek letter, or a word in italics."""
    shape = INDEXED.match(name)
    if not shape:
        return f"{WORD}{quoted(name)})"
    stem, *indices = shape.groups()
    index = next((index for index in indices if index), "")
    if len(stem) == 1 and stem.isascii():
        source = stem
    else:
        source = GREEK.get(stem) or f"{WORD}{quoted(stem)})"
    return f"{source}_{quoted(index)}" if index else source


def figure(value: float | None) -> str:
    """Typst source of a number, of True, False or None: at most four significant digits, powers of ten as such."""
    if isinstance(value, bool) or value is None:
        return quoted(str(value))
    if isinstance(value, int) and abs(value) >= 10**9:
        # math.log10 takes integers of any length, which str and float do not.
        power = int(math.log10(abs(value)) + 1e-12)
        shown = f"{number(float(value // 10 ** (power - 6)) / 1e6)}e{power}"
    else:
        shown = number(value)
    digits, _, power_of_ten = shown.partition("e")
    source = digits.replace("−", "minus ").replace("∞", "infinity").replace("NaN", '"NaN"')
    return f"{source} dot.c 10^({power_of_ten.replace('−', 'minus ')})" if power_of_ten else source


def quoted(text: str, longest: int = LONGEST_NAME) -> str:
    """The text as a Typst string in which nothing but letters, digits and blanks is written as itself.

    What cannot be drawn (control characters, halves of surrogate pairs) becomes the replacement character.
    """
    if len(text) > longest:
        text = f"{text[: longest - longest // 3 - 1]}…{text[len(text) - longest // 3 :]}"
    shown = ("�" if unicodedata.category(c) in ("Cc", "Cs", "Co", "Cn") else c for c in text)
    return '"' + "".join(c if c == " " or (c.isascii() and c.isalnum()) else f"\\u{{{ord(c):x}}}" for c in shown) + '"'
