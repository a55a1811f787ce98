"""Formula trees: the grammar in which a rule is written down, and how it reads as a line of text.

A tree is an atom or a list `[head, argument, ...]`.

- Atoms: a name (`"g"`, `"out"`, a parameter of the op such as `"x"` or `"xs[2]"`), a number, True, False, None.
- Operators: `["+", a, b]` and `- * / ** @ == != < <= > >= & |`; `["neg", a]`, `["not", a]`.
- Functions: `["cos", a, ...]`, any identifier that is not one of the other heads.
- `["T", a]` the transpose of the last two axes; `["index", a, b]` is `a[b]`; `["list", ...]`, `["tuple", ...]`;
  `["kw", "axis", a]` is `axis=a`, and `["kw", "keepdims", 1]` is not shown; `["attr", a, "shape"]` is `a.shape`;
  `["say", "{g} copied to the shape of {x}"]` is plain words, with names in braces.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

Tree = Any  # str | int | float | bool | None | list[Tree]

MAX_DEPTH = 32
ATOM = 10

# head -> (text between the operands, how tightly it binds); a right operand of equal rank gets brackets
INFIX: dict[str, tuple[str, int]] = {
    "|": (" | ", 1),
    "&": (" & ", 2),
    "==": (" = ", 3),
    "!=": (" ≠ ", 3),
    "<": (" < ", 3),
    "<=": (" ≤ ", 3),
    ">": (" > ", 3),
    ">=": (" ≥ ", 3),
    "+": (" + ", 4),
    "-": (" − ", 4),
    "*": (" · ", 5),
    "/": (" / ", 5),
    "@": (" @ ", 5),
    "neg": ("−", 6),
    "not": ("¬", 6),
    "**": ("^", 8),
}
ASSOCIATIVE = {"+", "*", "&", "|"}
SUPERSCRIPT = str.maketrans("0123456789−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
CONSTANTS = {"pi": math.pi}  # names that stand for a number in every formula
NAME = re.compile(r"[A-Za-z_]\w*(\[\d+\])?\Z")
PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w*(?:\[\d+\])?)\}")


def fault(tree: Tree) -> str | None:
    """What was expected where a tree that came from outside breaks the grammar, as one phrase; None if it keeps it."""
    pending = [(tree, 1)]
    while pending:
        part, depth = pending.pop()
        if depth > MAX_DEPTH:
            return f"a formula at most {MAX_DEPTH} levels deep"
        if isinstance(part, str):
            if not NAME.match(part):
                return f"a name in a formula, not {part[:40]!r}"
        elif isinstance(part, list | tuple):
            if not part or not isinstance(part[0], str):
                return "a formula [head, argument, ...] whose head is a word"
            head, *arguments = part
            if head == "say":
                if len(arguments) != 1 or not isinstance(arguments[0], str):
                    return "['say', text]"
                continue
            if head in INFIX and len(arguments) != (1 if head in ("neg", "not") else 2):
                return f"the right number of operands for {head!r}"
            if head in ("T", "attr", "index", "kw") and len(arguments) != (1 if head == "T" else 2):
                return f"the right number of arguments for {head!r}"
            if head == "attr" and not isinstance(arguments[1], str):
                return "['attr', formula, name]"
            if head == "kw" and not isinstance(arguments[0], str):
                return "['kw', name, formula]"
            if head not in INFIX and not NAME.match(head):
                return f"an operator or a function name, not {head[:40]!r}"
            pending.extend((argument, depth + 1) for argument in arguments)
        elif part is not None and not isinstance(part, bool | int | float):
            return f"a formula, not {type(part).__name__}"
    return None


def sound(tree: Tree) -> Tree:
    """`tree` if a reader would take it, else words in its place."""
    return tree if fault(tree) is None else ["say", "a formula too long to show"]


def text(tree: Tree, names: Mapping[str, str] | None = None) -> str:
    """The tree as one line of text, such as `g · cos(x)`; `names` puts tensor names in place of parameters.

    A name in `names` may itself be an expression: one that holds a space is bracketed where that is needed.
    """
    return _text(tree, names or {})[0]


def _text(tree: Tree, names: Mapping[str, str]) -> tuple[str, int]:
    if isinstance(tree, str):
        name = names.get(tree, "π" if tree == "pi" else tree)
        return name, (1 if " " in name else ATOM)
    if not isinstance(tree, list | tuple):
        return number(tree), (6 if isinstance(tree, int | float) and tree < 0 else ATOM)
    head, *arguments = tree
    if head == "say":
        return PLACEHOLDER.sub(lambda m: names.get(m[1], m[1]), arguments[0]), ATOM
    if head in ("neg", "not"):
        sign, rank = INFIX[head]
        return sign + _bracketed(arguments[0], rank, names), rank
    if head == "**":
        return _power(arguments[0], arguments[1], names)
    if head in INFIX:
        between, rank = INFIX[head]
        left, right = arguments
        before = _bracketed(left, rank + _mixes(head, left), names)
        grows = head in ASSOCIATIVE and not _mixes(head, right) and not _is(right, "/")
        return before + between + _bracketed(right, rank if grows else rank + 1, names), rank
    if head == "T":
        return _bracketed(arguments[0], 9, names) + "ᵀ", 9
    if head == "index":
        inner = arguments[1]
        shown = ", ".join(_text(i, names)[0] for i in inner[1:]) if _is(inner, "tuple") else _text(inner, names)[0]
        return f"{_bracketed(arguments[0], ATOM, names)}[{shown}]", ATOM
    if head == "attr":
        return f"{_bracketed(arguments[0], ATOM, names)}.{arguments[1]}", ATOM
    if head == "kw":
        return f"{arguments[0]}={_text(arguments[1], names)[0]}", 0
    inner = ", ".join(_text(argument, names)[0] for argument in arguments if not _is_unsaid(argument))
    if head == "list":
        return f"[{inner}]", ATOM
    if head == "tuple":
        return f"({inner},)" if len(arguments) == 1 else f"({inner})", ATOM
    return f"{head}({inner})", ATOM


def _power(base: Tree, exponent: Tree, names: Mapping[str, str]) -> tuple[str, int]:
    below = _bracketed(base, 9, names)
    above, rank = _text(exponent, names)
    if set(above) <= set("0123456789−"):
        return below + above.translate(SUPERSCRIPT), 8
    return f"{below}^{above if rank >= ATOM else f'({above})'}", 8


def _bracketed(tree: Tree, rank: int, names: Mapping[str, str]) -> str:
    shown, own = _text(tree, names)
    return shown if own >= rank else f"({shown})"


def _mixes(head: str, operand: Tree) -> bool:
    """Whether a matrix product stands beside · or /, where brackets save the reader a doubt."""
    return (_is(operand, "@") and head in ("*", "/")) or (head == "@" and (_is(operand, "*") or _is(operand, "/")))


def _is(tree: Tree, head: str) -> bool:
    return isinstance(tree, list | tuple) and bool(tree) and tree[0] == head


def _is_unsaid(argument: Tree) -> bool:
    """Whether an argument is there for those who compute a rule, and would only distract those who read it."""
    return _is(argument, "kw") and argument[1] == "keepdims" and type(argument[2]) is int


def number(value: Any, digits: int = 4) -> str:
    """A number as people write it: at most `digits` significant digits, a true minus, NaN and ±∞ as words."""
    if value is None or isinstance(value, bool | str):
        return str(value)
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "∞" if value > 0 else "−∞"
    shown = str(value) if isinstance(value, int) else f"{value:.{digits}g}"
    return shown.replace("-", "−").replace("e+0", "e").replace("e+", "e").replace("e−0", "e−")
