"""Lines of the user's program as the comments of what people read."""

from __future__ import annotations

import ast
import functools
import linecache
import re
from collections.abc import Collection

_LONGEST = 88  # characters of a comment


def statement_at(file: str, number: int) -> tuple[str, str | None]:
    """(the statement that stands on a line, on one line; the name of the function whose `return` it is, or None).

    Of a statement with a body, such as a loop, only the line itself; empty where no source is known.
    """
    line = linecache.getline(file, number).strip()
    found = _statements(file, len(linecache.getlines(file))).get(number)
    if not line or found is None:
        return line, None
    first, last, function = found
    text = " ".join(" ".join(linecache.getlines(file)[first - 1 : last]).split())
    text = re.sub(r"(?<=[(\[{]) | (?=[)\]}])", "", re.sub(r",(?= [)\]}])", "", text))
    return text, function


@functools.lru_cache(maxsize=64)
def _statements(file: str, lines: int) -> dict[int, tuple[int, int, str | None]]:
    """Number of a line -> first and last line of its statement, and the function that it returns from.

    lines: of the file, since a cell of a notebook or an edited file is another one by the same name.
    """
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError, RecursionError):
        return {}
    found: dict[int, tuple[int, int, str | None]] = {}
    pending: list[tuple[ast.AST, str | None]] = [(tree, None)]
    while pending:
        node, function = pending.pop()
        inner = node.name if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else function
        pending.extend((child, inner) for child in ast.iter_child_nodes(node))
        if not isinstance(node, ast.stmt) or hasattr(node, "body") or node.end_lineno is None:
            continue
        returns = function if isinstance(node, ast.Return) else None
        for number in range(node.lineno, node.end_lineno + 1):
            found.setdefault(number, (node.lineno, node.end_lineno, returns))
    return found


def comment_of(file: str, number: int, names: Collection[str], before: str) -> str:
    """A line of the user's program as a comment; empty where no source is known.

    names: those of the program; an item of a dictionary, p["w"], is written as the program calls it.
    before: what the steps have to do with the line, as "backward of"; empty where they are the line itself.
    """
    text, function = statement_at(file, number)
    if len(text) > _LONGEST:  # of a long statement the line that is meant
        line = linecache.getline(file, number).strip()
        text, function = (line, function if line.startswith("return ") else None) if line != text else (text, function)
    if function is not None and text.startswith("return "):  # which would say that the program ends here
        text = text[7:] if before else f"in {function}(): {text[7:]}"
    if before and text:
        text = f"{before}: {text}"
    text = re.sub(r"""\b\w+\[(["'])(\w+)\1\]""", lambda m: m[2] if m[2] in names else m[0], text)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 4] + " ..."
