"""GraphRecord -> JSON text: strict, deterministic, one line per tensor, node, edge and event.

A key whose value is the default of its dataclass field is left out; the reader supplies it.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from grad_engine.errors import RecordError
from grad_engine.record.collector import collection_paused
from grad_engine.record.parts import FORMAT, GraphRecord
from grad_engine.record.spelling import number_to_json, part_spelling

Json = dict[str, Any]

# The first key of the objects in each list that gets a line per object, where it is not "id".
FIRST_KEYS = {"roots": "node", "forward": "", "events": "", "leaves": "", "groups": "scope", "parameters": "name"}


def to_json(record: GraphRecord) -> str:
    """The record as strict JSON text ending in a newline; the same record always gives the same text.

    Raises:
        RecordError: a value that JSON has no word for, such as a slice among the attributes of a node.
    """
    write = part_spelling(GraphRecord).write
    assert write is not None
    with collection_paused():
        try:
            document = {"format": FORMAT, "version": record.version, **write(record)}
        except RecursionError as error:
            raise _unwritable(error) from error
        lines = [_member(key, value) for key, value in document.items()]
        text = "{\n" + ",\n".join(lines) + "\n}\n"
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate, as in a file name whose bytes are no text
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _member(key: str, value: Any) -> str:
    """One key of the document with its value, and the line breaks in it."""
    if key == "runs":
        return '"runs":[\n' + ",\n".join([_run(run) for run in value]) + "\n]"
    if key == "explain":
        return '"explain":{\n' + ",\n".join([f'"{each}":{_encoded(part)}' for each, part in value.items()]) + "\n}"
    if isinstance(value, list) and key != "nonfinite":
        return _section(key, value)
    return f'"{key}":{_encoded(value)}'


def _section(key: str, items: list[Json]) -> str:
    """One list of the document, a line per item.

    The whole list is encoded by one call of the C encoder, and the lines are broken afterwards, before the first key of
    an item. That is safe: a quote inside a string is escaped, so `},{"` stands only between two objects, where white
    space changes nothing.
    """
    if not items:
        return f'"{key}":[]'
    name = FIRST_KEYS.get(key, "id")
    first = f'"{name}":' if name else '"'
    return f'"{key}":[\n' + _encoded(items)[1:-1].replace("},{" + first, "},\n{" + first) + "\n]"


def _run(run: Json) -> str:
    head = {key: value for key, value in run.items() if key not in ("events", "gradients", "leaves")}
    lines = [
        _encoded(head)[1:-1],
        _section("events", run["events"]),
        '"gradients":' + _encoded(run["gradients"]).replace('],"', '],\n"'),
        _section("leaves", run["leaves"]),
    ]
    return "{" + ",\n".join(lines) + "}"


def _encoded(value: Any) -> str:
    try:
        return _ENCODER.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise _unwritable(error) from error


def _unwritable(error: Exception) -> RecordError:
    return RecordError(f"a record holds numbers, words and lists of them, and got {error}: say it with these")


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return number_to_json(value.item())
    raise TypeError(f"{value!r:.80}, a {type(value).__name__}")


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain)
