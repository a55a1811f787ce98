"""Formulas as trees: their grammar and text (`grammar.py`), and the stand-in that writes one down (`symbol.py`)."""

from grad_engine.formula.grammar import (
    ASSOCIATIVE,
    ATOM,
    CONSTANTS,
    INFIX,
    MAX_DEPTH,
    NAME,
    PLACEHOLDER,
    Tree,
    fault,
    number,
    sound,
    text,
)

__all__ = [
    "ASSOCIATIVE",
    "ATOM",
    "CONSTANTS",
    "INFIX",
    "MAX_DEPTH",
    "NAME",
    "PLACEHOLDER",
    "Tree",
    "fault",
    "number",
    "sound",
    "text",
]
