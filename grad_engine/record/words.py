"""Names, sizes and counts from a record as short words that can stand anywhere: terminal, picture, subtitle, page."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from grad_engine.record.index import Measure, Origin, RecordIndex

# Why there are no numbers of a tensor, as `TensorRecord.absent` says.
ABSENT = {
    "": "not recorded",
    "changed": "changed since it was read",
    "freed": "freed by backward",
    "unknown": "not seen",
}
LONGEST_CODE = 80  # characters of a line of a program in a sentence
LONGEST_NAME = 1_000  # characters of a name that are looked at before it is shortened
STACKED = 2  # combining marks on one letter; more of them climb into other lines


@lru_cache(maxsize=4096)
def harmless(name: str) -> str:
    """The name with an escape in place of each character that would move the cursor, hide or reorder text."""
    if name.isascii() and name.isprintable() and len(name) <= LONGEST_NAME:
        return name
    out: list[str] = []
    stacked = STACKED  # a name that begins with a mark would put it on what stands before
    for character in name[:LONGEST_NAME]:
        if unicodedata.category(character) in ("Mn", "Me"):
            stacked += 1
        else:
            stacked = 0
        safe = character.isprintable() and stacked <= STACKED
        out.append(character if safe else character.encode("unicode_escape").decode("ascii"))
    return "".join(out)


def brief(value: float) -> str:
    """A norm to about three digits, in at most seven characters: 0, 0.012, 4.00, 64.2, 12345, 1.2e−5."""
    if value == math.inf:
        return ">1e308"
    if value == 0:
        return "0"
    if 0.00995 <= value < 99999.5:
        return f"{value:#.3g}".rstrip(".") if value < 999.5 else f"{value:.0f}"
    mantissa, _, exponent = f"{value:.1e}".partition("e")
    return f"{mantissa}e{int(exponent)}".replace("-", "−")


def count(value: int) -> str:
    """A count in at most five characters: 950, 12.3k, 4.2M."""
    if value < 10_000:
        return str(value)
    for unit in ("k", "M", "G", "T"):
        value_in = value / 1000
        if value_in < 999.5 or unit == "T":
            return f"{value_in:.3g}{unit}"
        value = round(value_in)
    raise AssertionError("the last unit returns")


def percent(share: float) -> str:
    """A share in percent, rounded away from 0 % and 100 %."""
    if 0 < share < 0.01:
        return "<1 %"
    return ">99 %" if 0.99 < share < 1 else f"{share:.0%}".replace("%", " %")


def many(number_of: int, one: str, several: str | None = None) -> str:
    """1 op, 2 ops; `several` where the plural is not made with an s."""
    return f"{number_of} {one if number_of == 1 else several or one + 's'}"


def fit(text: str, room: int) -> str:
    """The text, or its beginning and end around an ellipsis where it is longer than `room` characters."""
    if len(text) <= room:
        return text
    tail = max(room, 0) // 3
    return f"{text[: max(room - 1 - tail, 0)]}…{text[len(text) - tail :]}"


def fit_path(path: str, room: int) -> str:
    """The path of a module, or its end behind an ellipsis where it is longer than `room` characters.

    The end tells modules apart: `….3.mlp.c_fc`. It begins with a whole part where one fits.
    """
    if len(path) <= room:
        return path
    end = path[len(path) - max(room - 1, 1) :]
    dot = end.find(".")
    return "…" + (end[dot:] if 0 <= dot < len(end) // 2 else end)


def shape_words(shape: Sequence[int] | None) -> str:
    """4×2, or the word scalar; nothing where the shape is not known."""
    if shape is None:
        return ""
    return "×".join(map(str, shape)) if shape else "scalar"


def not_finite(size: Measure | None) -> str:
    """4 NaN, 2 Inf, or 6 NaN/Inf; nothing where every entry is finite or unknown."""
    if size is None or not size.bad:
        return ""
    kinds = "NaN" if not size.infinite else "Inf" if not size.nan else "NaN/Inf"
    return f"{count(size.bad)} {kinds}"


def origin_words(index: RecordIndex, origin: Origin) -> str:
    """How much of a tensor is not finite, in which module, and on which line of the program."""
    size = origin.measure
    words = f"{size.bad} of {size.size} {'value' if size.size == 1 else 'values'}"
    node = index.nodes.get(origin.part)
    if node is None:
        return words
    module = f", in {node.scope}" if node.scope else ""
    if (source := node.source) is None:
        return f"{words}{module}"
    file = source.file.replace("\\", "/").rpartition("/site-packages/")[2]
    return f"{words}{module}, at {file}:{source.line}: {fit(source.code, LONGEST_CODE)}"
