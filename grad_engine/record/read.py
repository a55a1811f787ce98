"""JSON text -> GraphRecord: every value gets the type that its field has; check.py then looks at the whole.

Unknown keys are ignored, so that a newer minor version can be read.
"""

from __future__ import annotations

from typing import Any, cast

from grad_engine.errors import ArgumentError
from grad_engine.record.check import check
from grad_engine.record.collector import collection_paused
from grad_engine.record.parts import FORMAT, GraphRecord
from grad_engine.record.spelling import NOTHING, fields_of, part_spelling, unlike
from grad_engine.record.strict import MAX_BYTES, MAX_DEPTH, MAX_NODES, parsed, shown, wrong


def from_json(
    source: str | bytes | bytearray | memoryview,
    *,
    max_bytes: int = MAX_BYTES,
    max_depth: int = MAX_DEPTH,
    max_nodes: int = MAX_NODES,
) -> GraphRecord:
    """The record that a JSON text holds, checked in every part.

    Time and memory grow with the length of the text and with nothing that is written in it. By default a text has at
    most 256 MB, lists and objects at most 64 deep, and 100,000 nodes.

    Raises:
        ArgumentError: neither text nor bytes.
        RecordError: the text does not keep the format; the message starts with the JSON path of the first fault, such
            as `$.nodes[3].inputs[0].tensor`.
    """
    if not isinstance(source, str | bytes | bytearray | memoryview):
        raise ArgumentError(
            f"a record is read from text or bytes, got {type(source).__name__}; load_graph reads a file"
        )
    with collection_paused():
        document = parsed(source, max_bytes=max_bytes, max_depth=max_depth)
        try:
            record = _graph(document, max_nodes)
        except RecursionError:  # only where the caller has raised max_depth
            raise wrong("$", "shallow lists and objects", "nesting too deep for Python") from None
        check(record)
    return record


def _graph(document: Any, max_nodes: int) -> GraphRecord:
    if type(document) is not dict:
        raise wrong("$", "an object", shown(document))
    if document.get("format") != FORMAT:
        raise unlike(document.get("format", NOTHING), "$", ".format", f"'{FORMAT}'")
    version = document.get("version", NOTHING)
    if type(version) is not str:
        raise unlike(version, "$", ".version", "a string")
    next(each for each in fields_of(GraphRecord) if each.name == "version").spelling.read(version, "$", ".version")
    nodes = document.get("nodes", NOTHING)
    if type(nodes) is not list:
        raise unlike(nodes, "$", ".nodes", "a list")
    if len(nodes) > max_nodes:
        raise wrong("$.nodes", f"at most {max_nodes:,} nodes", f"{len(nodes):,}")
    return cast(GraphRecord, part_spelling(GraphRecord).read(document, "$", ""))
