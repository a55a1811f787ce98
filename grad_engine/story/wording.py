"""Words and formulas that lessons and the page share: lists, counts, a formula with numbers put in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grad_engine.formula import Tree
from grad_engine.record import EdgeRecord, TensorRecord
from grad_engine.story.values import values

MOST_NAMES = 4  # in a list of leaves within a sentence


def filled(tree: Tree, known: Mapping[str, TensorRecord]) -> Tree:
    """A formula with known numbers put in and simplified: x ** (3 - 1) becomes x ** 2, x * 1 becomes x."""
    numbers = {name: found.item() for name, t in known.items() if (found := values(t)) is not None}
    return _folded(tree, {name: int(n) if n == int(n) else n for name, n in numbers.items() if abs(n) < 1e15})


def _folded(tree: Tree, numbers: Mapping[str, float]) -> Tree:
    if isinstance(tree, str):
        return numbers.get(tree, tree)
    if not isinstance(tree, list | tuple) or tree[0] == "say":
        return tree
    head, *arguments = [tree[0], *(_folded(argument, numbers) for argument in tree[1:])]
    if len(arguments) == 2 and isinstance(arguments[1], int | float) and not isinstance(arguments[1], bool):
        first, second = arguments
        if isinstance(first, int | float) and head in ("+", "-"):
            return first + second if head == "+" else first - second
        if head in ("**", "*", "/") and second == 1:
            return first
    return [head, *arguments]


def letters_in(tree: Tree) -> set[str]:
    """All words in a formula: operands and heads."""
    if isinstance(tree, list | tuple):
        return set().union(*map(letters_in, tree))
    return {tree} if isinstance(tree, str) else set()


def axes_text(edge: EdgeRecord) -> str:
    """The axes over which a share is summed, such as `axis 0` or `axes 0 and 2`."""
    many = edge.reduced_axes
    return f"axis {many[0]}" if len(many) == 1 else f"axes {listed([str(axis) for axis in many])}"


def count_text(many: int, one: str, more: str | None = None) -> str:
    """A count with its noun: `1 op`, `3 ops`; `more` is a plural that does not end in s."""
    return f"{many} {one if many == 1 else more or one + 's'}"


def number_word(many: int) -> str:
    """A small number as a word, a larger one in figures."""
    return {2: "two", 3: "three", 4: "four", 5: "five"}.get(many, str(many))


def times_word(many: int) -> str:
    """`twice`, `three times`, ..."""
    return "twice" if many == 2 else f"{number_word(many)} times"


def listed(words: Sequence[str]) -> str:
    """Words as a list in a sentence: `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def some_of(words: Sequence[str]) -> str:
    """Like `listed`, with the first names only where there are many: `a, b, c, d and 12 more`."""
    more = len(words) - MOST_NAMES
    return listed(words) if more <= 0 else f"{', '.join(words[:MOST_NAMES])} and {more} more"
