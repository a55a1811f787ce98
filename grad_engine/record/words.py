"""Names, sizes and counts from a record as short words that can stand anywhere: terminal, picture, subtitle, page."""

from __future__ import annotations

import math
import unicodedata
from functools import lru_cache

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


def many(number_of: int, one: str, several: str | None = None) -> str:
    """1 op, 2 ops; `several` where the plural is not made with an s."""
    return f"{number_of} {one if number_of == 1 else several or one + 's'}"
