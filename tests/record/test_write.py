"""What is written is strict JSON that reads back the same, with no more in it than is needed."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from grad_engine.errors import RecordError
from grad_engine.record import (
    GraphRecord,
    from_json,
    to_json,
)
from tests.records import (
    ALL,
    Document,
    chain,
    document,
    everything,
    places,
    square,
)


@pytest.fixture
def sample() -> Document:
    return document(everything())


@pytest.mark.parametrize("record", ALL.values(), ids=ALL)
def test_what_is_written_is_read_back(record: GraphRecord) -> None:
    text = to_json(record)
    assert from_json(text) == record
    assert from_json(text.encode()) == from_json(memoryview(text.encode())) == record
    assert to_json(from_json(text)) == text


def test_everything_leaves_no_field_out() -> None:
    """What the round trips prove depends on it: each field of each part holds something but its default somewhere."""
    seen: dict[type, set[str]] = {}
    pending: list[Any] = [everything()]
    while pending:
        part = pending.pop()
        if isinstance(part, tuple | list):
            pending.extend(part)
        elif hasattr(part, "__dataclass_fields__"):
            fields = part.__dataclass_fields__.values()
            seen.setdefault(type(part), set()).update(f.name for f in fields if getattr(part, f.name) != f.default)
            pending.extend(getattr(part, f.name) for f in fields)
    missing = {kind.__name__: set(kind.__dataclass_fields__) - names for kind, names in seen.items()}
    assert {name: fields for name, fields in missing.items() if fields} == {}
    assert len(seen) == 35


def test_one_line_for_each_part() -> None:
    record = everything()
    lines = to_json(record).split("\n")
    for part in (*record.tensors, *record.nodes, *record.edges, *record.accumulators):
        assert sum(line.startswith(f'{{"id":"{part.id}",') for line in lines) == 1
    for run in record.runs:
        assert sum(line.startswith('{"run":') for line in lines) >= len(run.events) // 4
    json.loads(next(line for line in lines if line.startswith('{"id":"n0"')).rstrip(","))


def test_defaults_are_left_out() -> None:
    tensor, *_ = document(chain(1))["tensors"]
    assert tensor.keys() == {"id", "role", "shape", "dtype", "name", "name_source", "requires_grad", "is_leaf", "data"}
    edge, *_ = document(square())["edges"]
    assert edge.keys() == {"id", "sender", "receiver", "slot", "raw_shape"}


def test_nonfinite_numbers_are_words(sample: Document) -> None:
    values = {tensor["id"]: tensor.get("data", {}).get("values") for tensor in sample["tensors"]}
    assert values["t1"] == ["NaN", "NaN"]
    assert values["t95"] == ["-Infinity", -0.0]
    assert math.copysign(1, values["t95"][1]) == -1
    assert sample["nodes"][0]["attributes"]["limit"] == "Infinity"


def test_half_a_surrogate_is_replaced_in_writing() -> None:
    """A file name whose bytes are no text reaches Python with such halves in it; the record can still be exported."""
    record = from_json(to_json(replace(square(), title="a\udcffb\ud83d\ude00")))
    assert record.title == "a\ufffdb😀"


def test_numpy_scalars_are_written_as_numbers() -> None:
    record = everything()
    attributes = {"axis": np.int64(1), "p": np.float32(0.5), "keep": np.True_, "limit": np.float16("inf")}
    first = replace(record.nodes[0], attributes=attributes)
    back = from_json(to_json(replace(record, nodes=(first, *record.nodes[1:]))))
    assert back.nodes[0].attributes == {"axis": 1, "p": 0.5, "keep": True, "limit": math.inf}


@pytest.mark.parametrize("value", [slice(1), object(), {1, 2}, 1j, b"x"])
def test_what_json_cannot_hold_is_refused_in_writing(value: object) -> None:
    record = square()
    node = replace(record.nodes[0], attributes={"axis": value})
    with pytest.raises(RecordError, match="holds numbers, words and lists of them, and got "):
        to_json(replace(record, nodes=(node,)))


def test_unknown_keys_are_ignored(sample: Document) -> None:
    for path, part in [((), sample), *list(places(sample))]:
        if isinstance(part, dict) and path[-1:] not in [("producer",), ("attributes",), ("gradients",), ("holds",)]:
            part["new in 1.9"] = [{"anything": -1}]
    sample["version"] = "1.9"
    assert from_json(json.dumps(sample)) == replace(everything(), version="1.9")


def test_gradients_keep_their_order() -> None:
    assert list(from_json(to_json(chain(12))).runs[0].gradients) == [f"n{k}" for k in range(11, -1, -1)]
