"""JSON text from a stranger -> plain Python values, or a RecordError that names the place of the first fault.

Python's own parser is fast but trusting: it takes NaN and duplicate keys, fails with RecursionError on deep nesting,
and makes a list of 56 bytes out of two characters. This file looks for all that before and after it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from math import isfinite
from typing import Any

import numpy as np

from grad_engine.errors import RecordError

MAX_BYTES = 256 * 2**20
MAX_DEPTH = 64
MAX_NODES = 100_000
MAX_PARTS = 10_000_000  # objects and lists: memory then stays within a few times MAX_BYTES, whatever they hold
MAX_VALUES = 20_000_000  # of all kinds: 240 MB of "1," would take 3 GB as Python numbers
MOST_FAULTS = 1_000_000  # before reading stops; up to there, the first is named when all is read
MAX_DIGITS = 308  # so that every integer fits into a float

_KEY = re.compile(r"[A-Za-z_]\w{0,39}\Z")
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_STEP = np.zeros(256, np.int8)
_STEP[list(b"[{")] = 1
_STEP[list(b"]}")] = -1
_UNSEEN = bytes(set(range(256)) - set(b'"[]{},'))
_CHUNK = 2**20


def wrong(path: str, expected: str, got: str) -> RecordError:
    """The error for a fault at `path`."""
    return RecordError(f"{path}: expected {expected}, got {got}")


def parsed(
    source: str | bytes | bytearray | memoryview,
    root: str = "$",
    *,
    max_bytes: int = MAX_BYTES,
    max_depth: int = MAX_DEPTH,
) -> Any:
    """The value that a JSON text holds; `root` is what its place is called in errors.

    Raises:
        RecordError: not UTF-8, too large or too deep, not JSON, NaN written as a literal, a key twice in one object, an
            integer of more than 308 digits, or half of a surrogate pair.
    """
    data, text = _decoded(source, root, max_bytes)
    _refuse_nesting(data, root, max_depth)
    del data
    document, faults = _loaded(text, root)
    if faults:
        raise _first_of(faults, document, root)
    if _ESCAPED_SURROGATE.search(text):
        _refuse_surrogates(document, root)
    return document


def _decoded(source: str | bytes | bytearray | memoryview, root: str, max_bytes: int) -> tuple[bytes, str]:
    try:
        data = source.encode() if isinstance(source, str) else bytes(source)
        if len(data) > max_bytes:
            raise wrong(root, f"at most {max_bytes:,} bytes", f"{len(data):,}")
        text = source if isinstance(source, str) else data.decode()
    except (UnicodeEncodeError, UnicodeDecodeError) as error:
        raise wrong(root, "text in UTF-8", f"{error.reason} at {error.start:,}") from None
    if text.startswith("\ufeff"):
        raise wrong(root, "UTF-8 without a byte order mark", "a byte order mark")
    return data, text


def _refuse_nesting(data: bytes, root: str, max_depth: int) -> None:
    """Raise where brackets outside strings open too deep or too often, or commas separate too many values.

    It looks at a megabyte at a time: a loop over characters would take seconds for each.
    """
    if b"\\" in data:
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    marks = np.frombuffer(data.translate(None, _UNSEEN), np.uint8)
    depth, parts, values, inside = 0, 0, 1, False
    for start in range(0, len(marks), _CHUNK):
        chunk = marks[start : start + _CHUNK]
        in_string = np.logical_xor.accumulate(chunk == ord('"')) ^ inside
        steps = np.where(in_string, np.int8(0), _STEP[chunk])
        depths = depth + np.cumsum(steps, dtype=np.int64)
        if depths.max() > max_depth:
            raise wrong(root, f"lists and objects at most {max_depth} deep", "deeper nesting")
        parts += int(np.count_nonzero(steps == 1))
        if parts > MAX_PARTS:
            raise wrong(root, f"at most {MAX_PARTS:,} lists and objects", "more")
        values += int(np.count_nonzero((chunk == ord(",")) & ~in_string))
        if values > MAX_VALUES:
            raise wrong(root, f"at most {MAX_VALUES:,} values", "more")
        depth, inside = int(depths[-1]), bool(in_string[-1])


class _Odd:
    """Stands in a parsed document where something stood that JSON, or this reader, does not allow."""


Fault = tuple[object, str, str, str]  # the object that stands there, what follows its path, expected, got


def _loaded(text: str, root: str) -> tuple[Any, list[Fault]]:
    faults: list[Fault] = []

    def odd(expected: str, got: str, mark: object | None = None, tail: str = "") -> Any:
        mark = mark or _Odd()
        if len(faults) == MOST_FAULTS:
            raise wrong(root, expected, f"{got}, and {MOST_FAULTS:,} faults before it")
        faults.append((mark, tail, expected, got))
        return mark

    def constant(word: str) -> Any:
        return odd(f'a number or the string "{word}"', f"the literal {word}, which is not JSON")

    def integer(digits: str) -> Any:
        if len(digits) > MAX_DIGITS:
            return odd(f"an integer of at most {MAX_DIGITS} digits", f"{len(digits):,} digits")
        return int(digits)

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        item = dict(pairs)
        if len(item) < len(pairs):
            key = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
            odd("each key once", "the key twice", item, step(key))
        return item

    try:
        document = json.loads(text, parse_constant=constant, parse_int=integer, object_pairs_hook=members)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise wrong(root, "JSON", f"a text that breaks off or goes wrong at {place} ({error.msg})") from None
    except RecursionError:
        raise wrong(root, "shallow lists and objects", "nesting too deep for Python") from None
    return document, faults


def _first_of(faults: list[Fault], document: Any, root: str) -> RecordError:
    wanted = {id(mark): (tail, expected, got) for mark, tail, expected, got in reversed(faults)}
    # One is always met: a fault is lost only under a key that comes again, and that is a fault further out.
    path, value = next((path, value) for path, value in _walk(document, root) if id(value) in wanted)
    tail, expected, got = wanted[id(value)]
    return wrong("".join(path) + tail, expected, got)


def _refuse_surrogates(document: Any, root: str) -> None:
    for path, value in _walk(document, root):
        strings = value.keys() if isinstance(value, dict) else [value] if isinstance(value, str) else ()
        for string in strings:
            if _SURROGATE.search(string):
                raise wrong("".join(path), "whole characters", f"half of a surrogate pair in {string[:40]!a}")


def _walk(document: Any, root: str) -> Iterator[tuple[list[str], Any]]:
    """Every value in a document, in the order of the text, and the steps to it in a list that changes on the way."""
    path = [root]
    yield path, document
    pending = [_members(document)]
    while pending:
        for tail, value in pending[-1]:
            path[len(pending) :] = [tail]
            yield path, value
            if isinstance(value, dict | list):
                pending.append(_members(value))
                break
        else:
            pending.pop()


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        return ((step(key), part) for key, part in value.items())
    if isinstance(value, list):
        return ((f"[{n}]", part) for n, part in enumerate(value))
    return iter(())


def step(key: str) -> str:
    """What a path gains where it enters the member `key` of an object."""
    return f".{key}" if _KEY.match(key) else f"[{json.dumps(key[:40])}]"


def shown(value: Any) -> str:
    """A value from the file in a few words, whatever its size."""
    if isinstance(value, list):
        return f"a list of {len(value):,}"
    if isinstance(value, dict):
        return f"an object of {len(value):,} keys"
    if isinstance(value, float) and not isfinite(value):
        return "a number beyond the range of a float"
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else ascii(value)
    return text if len(text) <= 60 else text[:57] + "..."
