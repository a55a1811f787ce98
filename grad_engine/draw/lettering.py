"""Words in a picture: how wide they are, cut to a length, escaped for XML; numbers as SVG has them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from html import escape

from grad_engine.record.words import fit

FAMILY = """font-family="'Source Sans 3', 'Source Sans Pro', 'Segoe UI', 'Helvetica Neue', Arial, sans-serif\""""
SYMBOL, NAME, LABEL, SMALL, TITLE = 21.0, 16.0, 13.5, 11.0, 20.0  # type sizes, px
LONGEST = 18  # characters of a name
REPLACEMENT = "\ufffd"


def plural(count: int, thing: str) -> str:
    """ "1 operation", "7 operations"."""
    return f"{count} {thing}{'s' * (count != 1)}"


def shape_text(shape: Sequence[int]) -> str:
    """A shape as Python writes it: "(4, 2)", "(4,)"; "scalar" for ()."""
    return "scalar" if not shape else f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def shortened(words: str, longest: int = LONGEST) -> str:
    """The words on one line, with an ellipsis in the middle where they are too long."""
    return fit(" ".join(fit(words, 200).split()), longest)


def width_of(words: str, size: float) -> float:
    """About how wide a sans-serif font sets these words in bold: room enough in any usual one."""
    return size * sum(_advance(character) for character in words)


@lru_cache(maxsize=1_000)
def _advance(character: str) -> float:
    if unicodedata.combining(character):
        return 0.0
    if unicodedata.east_asian_width(character) in "WF":
        return 1.1
    if character in "iljtfr.,:;|!'()[] ":
        return 0.38
    if character in "mwMW@%‖…⋯∞<>+=−×÷~":
        return 0.9
    return 0.72 if character.isupper() else 0.61


def clean(words: str) -> str:
    """The words as XML text: markup escaped, and what XML refuses, hides, reorders or breaks lines replaced."""
    if not words.isprintable():
        words = "".join(c if c.isprintable() or c == "\n" else _shown(c) for c in words)
    return escape(words)


def _shown(character: str) -> str:
    return " " if character == "\t" or unicodedata.category(character) == "Zs" else REPLACEMENT


def figure(value: float) -> str:
    """A number as SVG takes it, to hundredths of a pixel."""
    return f"{round(value, 2) + 0.0:.2f}".rstrip("0").rstrip(".")
