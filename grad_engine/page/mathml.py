"""Formula trees as MathML Core. A name is left open (`<mi data-name="x">`): the page puts names or numbers in.

Only what this module writes is markup. Whatever comes from a record is escaped here, or put in as text by the page, so
a name cannot say anything to a browser.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from grad_engine.formula import ASSOCIATIVE, ATOM, INFIX, PLACEHOLDER, Tree, number

MOST_ARGUMENTS = 8  # of a call or list; more are not shown
FRACTIONS_IN = 2  # fractions within fractions; deeper ones are written with a slash
SIGNS = {"*": "·", "-": "−", "==": "=", "!=": "≠", "<=": "≤", ">=": "≥", "|": "∨", "&": "∧", "neg": "−", "not": "¬"}


def mathml(tree: Tree) -> str:
    """The inside of a `<math>` element for a formula tree."""
    return _write(tree, 0)[0]


def _row(*parts: str) -> str:
    return f"<mrow>{''.join(parts)}</mrow>"


def _sign(sign: str) -> str:
    return f"<mo>{escape(SIGNS.get(sign, sign))}</mo>"


def _text(words: str) -> str:
    return f"<mtext>{escape(words).replace(' ', chr(160))}</mtext>" if words else ""


def _name(name: str) -> str:
    return f'<mi data-name="{escape(name)}"></mi>'


def _write(tree: Tree, fractions: int) -> tuple[str, int]:
    """Markup, and how tightly it binds (see `formula.INFIX`)."""
    if isinstance(tree, str):
        return _name(tree), ATOM
    if not isinstance(tree, list | tuple):
        negative = isinstance(tree, int | float) and not isinstance(tree, bool) and tree < 0
        return f"<mn>{escape(number(tree))}</mn>", INFIX["neg"][1] if negative else ATOM
    head, *arguments = tree
    if head in ("neg", "not"):
        rank = INFIX[head][1]
        return _row(_sign(head), _bracketed(arguments[0], rank, fractions)), rank
    if head in INFIX:
        return _infix(head, arguments[0], arguments[1], fractions)
    if head == "T":
        return f'<msup>{_bracketed(arguments[0], ATOM, fractions)}<mi mathvariant="normal">T</mi></msup>', ATOM
    if head == "sqrt" and len(arguments) == 1:
        return f"<msqrt>{_write(arguments[0], fractions)[0]}</msqrt>", ATOM
    if head == "abs" and len(arguments) == 1:
        return _row(_sign("|"), _write(arguments[0], fractions)[0], "<mo>|</mo>"), ATOM
    if head == "say":
        return _words(arguments[0]), 0
    if head == "kw":
        return _row(_text(arguments[0]), _sign("="), _write(arguments[1], fractions)[0]), 0
    if head == "attr":
        return _row(_bracketed(arguments[0], ATOM, fractions), _text(f".{arguments[1]}")), ATOM
    if head == "index":
        inside = arguments[1]
        several = isinstance(inside, list | tuple) and inside[:1] and inside[0] == "tuple"
        shown = _listed(inside[1:], fractions) if several else _write(inside, fractions)[0]
        return _row(_bracketed(arguments[0], ATOM, fractions), _sign("["), shown, _sign("]")), ATOM
    opening, closing = ("[", "]") if head == "list" else ("(", ")")
    called = "" if head in ("list", "tuple") else f"<mi>{escape(head)}</mi>"
    return _row(called, _sign(opening), _listed(arguments, fractions), _sign(closing)), ATOM


def _infix(head: str, left: Tree, right: Tree, fractions: int) -> tuple[str, int]:
    rank = INFIX[head][1]
    if head == "**":
        return f"<msup>{_bracketed(left, ATOM, fractions)}{_row(_write(right, FRACTIONS_IN)[0])}</msup>", rank
    if head == "/" and fractions < FRACTIONS_IN:
        above, below = (_row(_write(part, fractions + 1)[0]) for part in (left, right))
        return f"<mfrac>{above}{below}</mfrac>", ATOM - 1
    after = _bracketed(right, rank if head in ASSOCIATIVE else rank + 1, fractions)
    return _row(_bracketed(left, rank, fractions), _sign(head), after), rank


def _words(sentence: str) -> str:
    """Described formulas: words, and names between braces."""
    pieces = PLACEHOLDER.split(sentence)  # words, name, words, name, ..., words
    return _row(*(_name(piece) if k % 2 else _text(piece) for k, piece in enumerate(pieces)))


def _listed(parts: Sequence[Tree], fractions: int) -> str:
    shown = [_write(part, fractions)[0] for part in parts[:MOST_ARGUMENTS]]
    if len(parts) > MOST_ARGUMENTS:
        shown.append("<mo>…</mo>")
    return "<mo>,</mo>".join(shown)


def _bracketed(tree: Tree, rank: int, fractions: int) -> str:
    shown, own = _write(tree, fractions)
    return shown if own >= rank else _row(_sign("("), shown, _sign(")"))
