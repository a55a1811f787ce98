"""The JSON Schema of a record, made from its dataclasses; `make stubs` writes it to schema.json."""

from __future__ import annotations

from grad_engine.record.parts import FORMAT, GraphRecord
from grad_engine.record.spelling import Json, object_schema, part_spelling


def schema() -> Json:
    """The JSON Schema (2020-12) of version 1 of the format."""
    own = object_schema(GraphRecord)
    definitions = dict(part_spelling(GraphRecord).definitions())
    del definitions["graph"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:grad_engine:graph:1",
        "title": "grad_engine graph record, version 1",
        "description": "One graph and what happened in it. Keys that are not named here may stand in any object and "
        "are ignored. What a schema cannot say (references, order, counts, sizes) is checked by grad_engine.record.",
        "type": "object",
        "required": ["format", "version", *own["required"]],
        "properties": {"format": {"const": FORMAT}, **own["properties"]},
        "$defs": dict(sorted(definitions.items())),
    }
