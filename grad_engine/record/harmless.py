"""Names from a record as text that can be shown anywhere: nothing moves a cursor, hides text or reorders it."""

from __future__ import annotations

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
