"""The record's file format: what is written is read back the same, and what a stranger wrote is never trusted."""

from __future__ import annotations

import copy
import errno
import importlib.resources
import json
import math
import os
import random
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from grad_engine.errors import ArgumentError, MissingRecordError, RecordError
from grad_engine.record import (
    DataRecord,
    GraphRecord,
    NodeRecord,
    array_data,
    check,
    from_json,
    load_graph,
    save_graph,
    to_json,
)
from tests.records import chain, dense, diamond, everything, fan, neuron, square

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads(importlib.resources.files("grad_engine.record").joinpath("schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
RECORDS = {
    "everything": everything(),
    "square": square(),
    "neuron": neuron(),
    "chain": chain(20, (2, 3)),
    "diamond": diamond(30),
    "fan": fan(12),
    "dense": dense(60, seed=3, shape=(0, 4)),
}
Document = dict[str, Any]


def document(record: GraphRecord) -> Document:
    return json.loads(to_json(record))


@pytest.fixture
def sample() -> Document:
    return document(everything())


def outcome(source: str | bytes, **limits: int) -> GraphRecord | RecordError:
    """What reading gives; any exception but RecordError, and any fault without its place, fails the test."""
    try:
        record = from_json(source, **limits)
    except RecordError as error:
        fault = error
    else:
        check(record)
        return record
    assert re.match(r'\$([^ "]|"[^"]*")*: expected .+, got .', str(fault)), fault
    assert len(str(fault)) < 600
    return fault


# Written and read back


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_what_is_written_is_read_back(record: GraphRecord) -> None:
    text = to_json(record)
    assert from_json(text) == record
    assert from_json(text.encode()) == from_json(memoryview(text.encode())) == record
    assert to_json(from_json(text)) == text


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_text_is_strict_json_that_the_schema_accepts(record: GraphRecord) -> None:
    def refuse(word: str) -> None:
        pytest.fail(f"{word} is no JSON")

    VALIDATOR.validate(json.loads(to_json(record), parse_constant=refuse))


def test_schema_is_sound() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


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
    assert len(seen) == 34


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


# Read from a stranger


def places(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every value inside a document, with the keys and indices that lead to it."""
    steps = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for step, value in steps:
        yield (*path, step), value
        yield from places(value, (*path, step))


def at(document: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        document = document[step]
    return document


STRANGE = (None, True, -1, 1.5, 10**18, 10**30, "", "NaN", "e1", "t1", "n1", "a1", [], {}, [[0]])


@pytest.mark.parametrize(
    "part", ["roots", "tensors", "nodes", "edges", "accumulators", "forward", "runs", "groups", ""]
)
def test_every_field_damaged_in_turn(part: str) -> None:
    """Each value of a real record removed, doubled and replaced by whatever else JSON can say."""
    whole = document(everything())
    top = [part] if part else ["format", "version", "producer", "title", "expression", "counts"]
    harmless = faults = 0
    for key in top:
        for path in [(key,), *[path for path, _ in places(whole[key], (key,))]]:
            parent, step = at(whole, path[:-1]), path[-1]
            kept = copy.deepcopy(parent)
            for new in STRANGE:
                parent[step] = new
                result = outcome(json.dumps(whole))
                harmless, faults = harmless + isinstance(result, GraphRecord), faults + isinstance(result, RecordError)
            if isinstance(parent, list):
                parent[:] = [*kept[: step + 1], *kept[step:]]
                outcome(json.dumps(whole))
                parent[:] = [*kept[:step], *kept[step + 1 :]]
                outcome(json.dumps(whole))
                parent[:] = kept
            else:
                del parent[step]
                outcome(json.dumps(whole))
                parent.clear()
                parent.update(kept)
    assert faults > harmless
    assert from_json(json.dumps(whole)) == everything()


def damage(path: str, value: Any) -> Callable[[Document], None]:
    """The change that puts `value` (or, for a function, what it makes of the old one) at a JSON path."""
    steps = [int(step) if step.isdigit() else step for step in re.findall(r"\w+", path)]

    def apply(document: Document) -> None:
        parent = at(document, tuple(steps[:-1]))
        parent[steps[-1]] = value(parent[steps[-1]]) if callable(value) else value

    return apply


FAULTS = [
    # (where, what is put there, where the fault is seen, what the message says)
    ("format", "other", "format", "expected 'grad_engine.graph', got 'other'"),
    ("version", "2.0", "version", "a version that this reader knows"),
    ("version", "1", "version", "another 1.x"),
    ("version", 1.0, "version", "expected a string, got 1.0"),
    ("title", 7, "title", "expected a string, got 7"),
    ("roots", [], "roots", "at least one root"),
    ("roots[0].node", "n9", "roots[0].node", "expected the id of a node, got 'n9', which is not there"),
    ("roots[0].tensor", "t4", "roots[0].tensor", "expected 't5', output 0 of 'n2', got 't4'"),
    ("roots[1].output", 2, "roots[1].output", "an output below 2"),
    ("tensors[3].id", "t0", "tensors[3].id", "an id of its own, got 't0' for the second time"),
    ("tensors[3].id", "t03", "tensors[3].id", "the id of a tensor"),
    ("tensors[3].id", "x", "tensors[3].id", "expected the id of a tensor, such as 't0', got 'x'"),
    ("tensors[0].role", "leaf", "tensors[0].role", "one of constant, gradient, seed, share, value"),
    ("tensors[0].dtype", "<script>", "tensors[0].dtype", "the name of a dtype"),
    ("tensors[0].shape", [3], "tensors[0].data.values", "3 values for the shape [3], got 2"),
    ("tensors[0].shape", [10**9], "tensors[0].data.values", "1,000,000,000 values"),
    ("tensors[0].shape", [10**9] * 40, "tensors[0].shape", "fewer than 2^63 elements"),
    ("tensors[0].shape", [1] * 65, "tensors[0].shape", "at most 64 axes"),
    ("tensors[0].shape", [2.0], "tensors[0].shape[0]", "a whole number, 0 or more, got 2.0"),
    ("tensors[0].shape", [True], "tensors[0].shape[0]", "got true"),
    ("tensors[0].data.values[1]", "nan", "tensors[0].data.values[1]", '"NaN", "Infinity" or "-Infinity", got \'nan\''),
    ("tensors[0].data.values[1]", None, "tensors[0].data.values[1]", "a number"),
    ("tensors[0].data.values[1]", True, "tensors[0].data.values[1]", "a number"),
    ("tensors[11].data.sample.shape", [3, 2], "tensors[11].data.sample.shape", "at most 1 entries from both ends"),
    ("tensors[11].data.sample.shape", [2], "tensors[11].data.sample.shape", "of each axis of [10, 10], got [2]"),
    ("tensors[11].data.sample.shape", [2, 1], "tensors[11].data.sample.values", "2 values"),
    ("tensors[11].data.file.name", "../x.npz", "tensors[11].data.file.name", "the bare name of an .npz file"),
    ("tensors[11].data.file.name", "/etc/x.npz", "tensors[11].data.file.name", "the bare name of an .npz file"),
    ("tensors[11].data.file.name", "C:x.npz", "tensors[11].data.file.name", "the bare name of an .npz file"),
    ("tensors[11].data.file.sha256", "0f", "tensors[11].data.file.sha256", "64 hexadecimal digits"),
    ("tensors[11].stats.nan", 99, "tensors[11].stats", "sum to at most 100"),
    ("tensors[11].stats.first_nonfinite", None, "tensors[11].stats.first_nonfinite", "an index, got None"),
    ("tensors[11].stats.first_nonfinite", [0, 10], "tensors[11].stats.first_nonfinite", "into the shape [10, 10]"),
    ("tensors[11].stats.min", None, "tensors[11].stats.min", "exactly where an entry is finite"),
    ("tensors[11].stats.max", -2.0, "tensors[11].stats.max", "at least the minimum"),
    ("tensors[11].stats.histogram.low", 9.0, "tensors[11].stats.histogram", "97 counts"),
    ("tensors[12].data.values[2]", 128, "tensors[12].data.values[2]", "a number that int8 holds, got 128"),
    ("tensors[12].data.values[2]", 1.0, "tensors[12].data.values[2]", "a number that int8 holds"),
    ("tensors[13].data.values[0]", 1, "tensors[13].data.values[0]", "true or false, got 1"),
    ("nodes[1].age", 0, "nodes[1].age", "more than 0, for nodes are listed by age, got 0"),
    ("nodes[1].op", "<b>", "nodes[1].op", "the name of an op"),
    ("nodes[1].outputs", [], "nodes[1].outputs", "at least one tensor"),
    ("nodes[1].outputs[0]", "t99", "nodes[1].outputs[0]", "expected the id of a tensor, got 't99'"),
    ("nodes[1].saved[0]", "t99", "nodes[1].saved[0]", "expected the id of a tensor, got 't99'"),
    ("nodes[1].inputs[0].tensor", "e0", "nodes[1].inputs[0].tensor", "the id of a tensor, such as 't0', got 'e0'"),
    ("nodes[1].inputs[0].tensor", "t5", "nodes[1].inputs[0].tensor", "before 'n1' ran, got 't5', which came after"),
    ("nodes[1].inputs[1].slot", 0, "nodes[1].inputs[1].slot", "more than 0, for inputs are listed by slot, got 0"),
    ("nodes[1].inputs[0].edge", "e2", "nodes[1].inputs[0].edge", "an edge from slot 0 of 'n1'"),
    ("nodes[1].inputs[0].parameter", "x y", "nodes[1].inputs[0].parameter", "the name of a parameter"),
    ("nodes[2].inputs[1].broadcast_from", [], "nodes[2].inputs[1].broadcast_from", "the shape [2] of the tensor"),
    ("nodes[0].attributes.axis", {}, "nodes[0].attributes.axis", "a number, a word, null, or a list"),
    ("nodes[0].formula.forward.tree", ["+", "x"], "nodes[0].formula.forward.tree", "operands for '+'"),
    ("nodes[0].formula.forward.tree", "<b>", "nodes[0].formula.forward.tree", "a name in a formula"),
    ("nodes[0].formula.vjp[0].tree", ["a" for _ in range(3)] + [{}], "nodes[0].formula.vjp[0].tree", "not dict"),
    ("nodes[0].formula.vjp[0].slot", 1, "nodes[0].formula.vjp[0].slot", "the slot of an input, got 1"),
    ("nodes[0].source.line", -1, "nodes[0].source.line", "a whole number"),
    ("edges[0].sender", "a0", "edges[0].sender", "the id of a node"),
    ("edges[0].sender", "n2", "nodes[0].inputs[0].edge", "got 'e0' from slot 0 of 'n2'"),
    ("edges[2].receiver", "n2", "edges[2].receiver", "a node older than 'n2', for a graph without cycles"),
    ("edges[2].receiver", "t0", "edges[2].receiver", "the id of a node"),
    ("edges[2].receiver", "a7", "edges[2].receiver", "a node or an accumulator, got 'a7'"),
    ("edges[2].output", 2, "edges[2].output", "an output below 2"),
    ("edges[0].slot", 5, "nodes[0].inputs[0].edge", "an edge from slot 0 of 'n0'"),
    ("edges[0].reduced_axes", [2], "edges[0].reduced_axes", "different axes below 2"),
    ("edges[0].reduced_axes", [0, 0], "edges[0].reduced_axes", "different axes"),
    ("edges[0].raw_shape", [10**18] * 9, "edges[0].raw_shape", "fewer than 2^63"),
    ("accumulators[0].leaf", "t1", "accumulators[0].leaf", "is_leaf true"),
    ("accumulators[1].leaf", "t0", "accumulators[1].leaf", "a leaf without another accumulator"),
    ("forward[1].leaf", "t0", "forward[1].leaf", "each leaf once"),
    ("forward[2].op", "n1", "forward[2].op", "'n0', the next op by age, got 'n1'"),
    ("forward", lambda steps: steps[:-1], "forward", "every op, got no 'n2'"),
    ("forward", lambda steps: [*steps, {"op": "n2"}], "forward[5].op", "no further op"),
    ("forward[0]", {"kind": "leaf"}, "forward[0]", "the key 'leaf' or 'op'"),
    ("runs[0].root", "a0", "runs[0].root", "the id of a node"),
    ("runs[0].output", 1, "runs[0].output", "an output below 1"),
    ("runs[0].seed", "t90", "runs[0].seed", "of the shape [2] of the root, got 't90' of shape [10, 10]"),
    ("runs[0].events[0]", {"walk": "n2"}, "runs[0].events[0]", "'run', 'send' or 'accumulate'"),
    ("runs[0].events[0]", {"run": "n1"}, "runs[0].events[1].send", "an edge whose sender has run"),
    ("runs[0].events[2]", {"run": "n2"}, "runs[0].events[2].run", "each node once"),
    ("runs[0].events[2].send", "e2", "runs[0].events[2].send", "each edge once"),
    ("runs[0].events[1].share", "t99", "runs[0].events[1].share", "the id of a tensor"),
    ("runs[0].events[5].accumulate", "a0", "runs[0].events[5].accumulate", "'a1', the receiver of 'e1'"),
    ("runs[0].events[5].edge", "e0", "runs[0].events[5].edge", "a share not yet added"),
    ("runs[0].events[5].k", 2, "runs[0].events[5].k", "1, and at most 1"),
    ("runs[0].events[5].of", 2, "runs[0].events[5].of", "1 to 1"),
    ("runs[0].events[5].partial", "t99", "runs[0].events[5].partial", "the id of a tensor"),
    ("runs[0].gradients.n1", [], "runs[0].gradients.n1", "for each of 1 outputs, got 0"),
    ("runs[0].gradients.n1[0]", "n1", "runs[0].gradients.n1[0]", "the id of a tensor, or null"),
    ("runs[0].gradients.n7", ["t0"], "runs[0].gradients.n7", "the id of a node"),
    ("runs[0].leaves[0].accumulator", "a1", "runs[0].leaves[1].accumulator", "each accumulator once"),
    ("runs[0].leaves[0].after", None, "runs[0].leaves[0].after", "the id of a tensor, such as 't0', got null"),
    ("runs[0].leaves[0].before", "t99", "runs[0].leaves[0].before", "the id of a tensor"),
    ("runs[0].complete", 1, "runs[0].complete", "true or false, got 1"),
    ("groups[0].members[0]", "n9", "groups[0].members[0]", "the id of a node"),
    ("nodes[1].inputs[0].tensor", "t99", "nodes[1].inputs[0].tensor", "got 't99', which is not there"),
    ("nodes[1].inputs[0].edge", "e9", "nodes[1].inputs[0].edge", "the id of an edge, got 'e9'"),
    ("nodes[1].inputs[0].edge", None, "edges[1].slot", "a slot of 'n1' whose edge is 'e1', got 0"),
    ("nodes[1].inputs[0]", 7, "nodes[1].inputs[0]", "an object, got 7"),
    ("nodes[1].outputs", [7], "nodes[1].outputs[0]", "the id of a tensor"),
    ("nodes[0].formula.vjp[0]", {"slot": 0, "text": "g"}, "nodes[0].formula.vjp[0].tree", "a formula, got nothing"),
    ("edges", lambda edges: [*edges, {**edges[0], "id": "e9", "sender": "n9"}], "edges[4].sender", "a node, got 'n9'"),
    (
        "edges",
        lambda edges: [*edges, {**edges[0], "id": "e9", "slot": 5}],
        "edges[4].slot",
        "a slot of 'n0' whose edge is 'e9', got 5",
    ),
    ("edges", {}, "edges", "a list, got an object of 0 keys"),
    ("counts", 7, "counts", "an object, got 7"),
    ("tensors[11].stats.min", True, "tensors[11].stats.min", "a number"),
    ("runs[0].leaves[0].accumulator", "a9", "runs[0].leaves[0].accumulator", "the id of an accumulator, got 'a9'"),
    ("counts.ops", 4, "counts.ops", "3, the number of nodes, got 4"),
    ("counts.leaves", 4, "counts.leaves", "2, the number of accumulators"),
    ("counts.constants", 4, "counts.constants", "1, the number of tensors with the role 'constant'"),
    ("counts.edges", 5, "counts.edges", "4, the number of edges"),
    ("counts.nonfinite", ["t0"], "counts.nonfinite[0]", "holds a NaN or an infinity, got 't0'"),
    ("counts.nonfinite", [], "counts.nonfinite", "'t1' among them"),
]


@pytest.mark.parametrize(
    ("where", "value", "seen", "message"), FAULTS, ids=[f"{f[0]}-{n}" for n, f in enumerate(FAULTS)]
)
def test_first_fault_is_named(sample: Document, where: str, value: Any, seen: str, message: str) -> None:
    damage(where, value)(sample)
    with pytest.raises(RecordError) as fault:
        from_json(json.dumps(sample))
    assert str(fault.value).startswith(f"$.{seen}: expected "), fault.value
    assert message in str(fault.value)


def test_a_missing_key_is_named(sample: Document) -> None:
    del sample["nodes"][2]["inputs"][1]["tensor"]
    with pytest.raises(
        RecordError, match=re.escape("$.nodes[2].inputs[1].tensor: expected the id of a tensor")
    ) as fault:
        from_json(json.dumps(sample))
    assert str(fault.value).endswith("got nothing")


GOOD = to_json(square())
MALFORMED: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "expected JSON"),
    "only spaces": (" " * 10_000_000, "expected JSON"),
    "a number": ("7", "expected an object, got 7"),
    "a list": ("[]", "expected an object, got a list of 0"),
    "cut short": (GOOD[: len(GOOD) // 2], "expected JSON"),
    "trailing bytes": (GOOD + "{}", "Extra data"),
    "trailing null byte": (GOOD + "\0", "Extra data"),
    "NaN as a literal": (
        GOOD.replace("[3.0]", "[NaN]"),
        '$.tensors[0].data.values[0]: expected a number or the string "NaN"',
    ),
    "infinity as a literal": (
        GOOD.replace("[3.0]", "[-Infinity]"),
        "$.tensors[0].data.values[0]: expected a number or the",
    ),
    "NaN where nobody looks": (
        GOOD.replace('"title"', '"extra":{"deep":[1,NaN]},"title"'),
        "$.extra.deep[1]: expected",
    ),
    "overflow": (GOOD.replace("[3.0]", "[1e400]"), "$.tensors[0].data.values[0]: expected a number"),
    "overflow in a count": (GOOD.replace('"age":0', '"age":-1e400'), "$.nodes[0].age: expected a whole number"),
    "overflow in a formula": (
        GOOD.replace('["*","g","y"]', '["*","g",1e999]'),
        "$.nodes[0].formula.vjp[0].tree: expected",
    ),
    "thousands of digits": (
        GOOD.replace("[3.0]", f"[{'7' * 5000}]"),
        "$.tensors[0].data.values[0]: expected an integer of",
    ),
    "millions of digits": (GOOD.replace('"slot":0', '"slot":' + "7" * 5_000_000), ".slot: expected an integer of"),
    "millions of decimals": (GOOD.replace('"slot":0', '"slot":0.' + "7" * 5_000_000), ".slot: expected a whole number"),
    "key twice": (GOOD.replace('"age":0', '"age":0,"age":0'), "$.nodes[0].age: expected each key once"),
    "key twice at the top": (GOOD.replace('"title"', '"format":"x","title"'), "$.format: expected each key once"),
    "key twice in what is ignored": (
        GOOD.replace('"title"', '"x":[{"a":1,"a":2}],"title"'),
        "$.x[0].a: expected each key",
    ),
    "two keys twice, one lost": ('{"a":{"b":1,"b":2},"a":0}', "$.a: expected each key once"),
    "nested 100,000 deep": ("[" * 100_000 + "]" * 100_000, "at most 64 deep"),
    "nested, never closed": ('{"a":' * 3_000_000, "at most 64 deep"),
    "nested behind quotes": ('{"\\\\":"\\"", "a":' + "[" * 100_000, "at most 64 deep"),
    "nested in what is ignored": (GOOD.replace('"title"', f'"x":{"[" * 80}{"]" * 80},"title"'), "at most 64 deep"),
    "countless lists": ("[" + "[]," * 10_000_001 + "[]]", "at most 10,000,000 lists and objects"),
    "byte order mark": (b"\xef\xbb\xbf" + GOOD.encode(), "without a byte order mark"),
    "UTF-16": (GOOD.encode("utf-16"), "text in UTF-8"),
    "UTF-16 without a mark": (GOOD.encode("utf-16-le"), "text in UTF-8"),
    "Latin-1": (GOOD.encode("latin-1", "replace").replace(b"square", b"squ\xe4re"), "text in UTF-8"),
    "binary": (bytes(range(256)) * 40, "text in UTF-8"),
    "half a surrogate, escaped": (GOOD.replace('"square"', '"\\ud800"'), "$.title: expected whole characters"),
    "half a surrogate in a key": (
        GOOD.replace('"title"', '"x":{"\\uDFFF":1},"title"'),
        "$.x: expected whole characters",
    ),
    "half a surrogate, raw": (GOOD.replace("square", "\ud800"), "text in UTF-8"),
    "half a surrogate in bytes": (GOOD.replace("square", "\ud800").encode("utf-8", "surrogatepass"), "text in UTF-8"),
    "control character": (GOOD.replace("square", "a\nb"), "Invalid control character"),
    "not a record": ('{"nodes": [], "edges": []}', "$.format: expected 'grad_engine.graph', got nothing"),
    "a key that is no word": (
        GOOD.replace('"gradients":{', '"gradients":{"a b":[],'),
        '$.runs[0].gradients["a b"]: expected',
    ),
}


@pytest.mark.parametrize(("source", "message"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_text_fails_fast(source: str | bytes, message: str) -> None:
    start = time.process_time()
    error = outcome(source)
    assert isinstance(error, RecordError)
    assert message in str(error)
    assert time.process_time() - start < 5


def test_quotes_and_brackets_in_strings_are_not_nesting() -> None:
    title = '\\"[[[{{{' * 100 + "\\"
    assert from_json(to_json(replace(square(), title=title))).title == title


@pytest.mark.parametrize("source", [7, None, Path("graph.json"), {}])
def test_neither_text_nor_bytes(source: Any) -> None:
    with pytest.raises(ArgumentError, match=r"a record is read from text or bytes, got .+; load_graph reads a file"):
        from_json(source)


def test_limits_are_arguments() -> None:
    text = to_json(chain(10))
    size = len(text.encode())
    assert from_json(text, max_bytes=size, max_nodes=10) == chain(10)
    assert f"at most {size - 1:,} bytes" in str(outcome(text, max_bytes=size - 1))
    assert "$.nodes: expected at most 9 nodes, got 10" in str(outcome(text, max_nodes=9))
    assert "at most 3 deep" in str(outcome(text, max_depth=3))
    deep = text.replace('"title"', '"x":' + "[" * 100_000 + "]" * 100_000 + ',"title"')
    assert "nesting too deep for Python" in str(outcome(deep, max_depth=1_000_000))


def test_a_formula_too_deep_for_python_is_refused(sample: Document) -> None:
    sample["nodes"][0]["formula"]["forward"]["tree"] = "deep"
    text = json.dumps(sample).replace('"deep"', '["neg", ' * 900 + '"x"' + "]" * 900)
    assert isinstance(outcome(text, max_depth=2000), RecordError)


def test_a_file_full_of_faults_names_the_first() -> None:
    text = GOOD.replace("[3.0]", "[3.0," + "NaN," * 100_000 + "1]")
    assert str(outcome(text)).startswith("$.tensors[0].data.values[1]: expected a number")
    text = GOOD.replace("[3.0]", "[3.0," + "NaN," * 1_000_001 + "1]")
    assert str(outcome(text)).startswith("$: expected a number")


def test_numbers_of_an_unknown_dtype_are_taken_as_they_are(sample: Document) -> None:
    sample["tensors"][13] |= {"dtype": "float8_e4m3", "data": {"values": [1, "Infinity"]}}
    sample["counts"]["nonfinite"].append("t92")
    sample["tensors"][12] |= {"dtype": "posit16", "data": {"values": [1, "NaN", True]}}
    sample["counts"]["nonfinite"].append("t91")
    record = from_json(json.dumps(sample))
    assert record.by_id["t92"].data == DataRecord((1.0, math.inf))
    assert record.by_id["t91"].data == DataRecord((1, math.nan, True))


def test_graph_without_edges_or_runs() -> None:
    """A graph of constants alone is nothing to differentiate, and still a record."""
    record = square()
    node = replace(record.nodes[0], inputs=tuple(replace(each, edge=None) for each in record.nodes[0].inputs))
    counts = replace(record.counts, leaves=0, edges=0)
    alone = replace(record, nodes=(node,), edges=(), accumulators=(), runs=(), counts=counts)
    assert from_json(to_json(alone)) == alone
    VALIDATOR.validate(document(alone))


def test_a_formula_that_is_too_deep_is_refused(sample: Document) -> None:
    for depth, kind in ((31, GraphRecord), (32, RecordError)):
        tree: Any = "x"
        for _ in range(depth):
            tree = ["neg", tree]
        sample["nodes"][0]["formula"]["forward"]["tree"] = tree
        assert isinstance(outcome(json.dumps(sample)), kind)


TEXTS = [to_json(record).encode() for record in (everything(), neuron())]
EDITS = st.lists(
    st.tuples(
        st.integers(0, 10_000),
        st.integers(0, 40),
        st.sampled_from([b"", b"0", b"]", b"}", b'"', b",", b"null", b"\xff"]),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=400)
@given(st.sampled_from(TEXTS), EDITS)
def test_damaged_bytes_are_a_record_or_an_error(text: bytes, edits: list[tuple[int, int, bytes]]) -> None:
    for place, length, new in edits:
        place %= len(text)
        text = text[:place] + new + text[place + length :]
    outcome(text)


@settings(max_examples=300)
@given(st.randoms(use_true_random=False))
def test_reader_is_no_laxer_than_the_schema(dice: random.Random) -> None:
    """Values of a real record exchanged among each other: right types in wrong places."""
    damaged = document(everything() if dice.random() < 0.7 else neuron())
    for _ in range(dice.randint(1, 3)):
        (first, _), (_, value) = (dice.choice(list(places(damaged))) for _ in range(2))
        at(damaged, first[:-1])[first[-1]] = copy.deepcopy(value)
    result = outcome(json.dumps(damaged))
    if isinstance(result, GraphRecord):
        assert VALIDATOR.is_valid(damaged)
        assert from_json(to_json(result)) == result


def test_collector_works_again_after_a_fault() -> None:
    import gc

    assert gc.isenabled()
    outcome("{}")
    to_json(square())
    assert gc.isenabled()


def test_ten_thousand_nodes_are_quick() -> None:
    record = chain(10_000)
    start = time.process_time()
    text = to_json(record)
    written = time.process_time()
    assert from_json(text) == record
    assert written - start < 1
    assert time.process_time() - written < 2


# Checked in memory


def test_check_accepts_what_readers_may_meet() -> None:
    for record in RECORDS.values():
        check(record)


def test_operand_that_was_left_out_leaves_a_gap() -> None:
    record = square()
    first, second = record.nodes[0].inputs
    node = replace(record.nodes[0], inputs=(first, replace(second, slot=2)))
    rule = replace(node.formula.vjp[1], slot=2)
    node = replace(node, formula=replace(node.formula, vjp=(node.formula.vjp[0], rule)))
    gap = replace(record, nodes=(node,), edges=(record.edges[0], replace(record.edges[1], slot=2)))
    assert from_json(to_json(gap)) == gap


def test_check_refuses_ids_used_for_two_kinds() -> None:
    record = square()
    node = replace(record.nodes[0], id="t0")
    with pytest.raises(
        RecordError, match=re.escape("$.nodes[0].id: expected an id of its own, got 't0' for the second")
    ):
        check(replace(record, nodes=(node,)))


def test_by_id_finds_every_part() -> None:
    record = everything()
    assert isinstance(record.by_id["n1"], NodeRecord)
    assert set(record.by_id) == {
        part.id for part in (*record.tensors, *record.nodes, *record.edges, *record.accumulators)
    }
    assert all(record.by_id[id].id == id for id in record.by_id)


# Saved and loaded


def test_save_and_load(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folders" / "graph.json"
    assert save_graph(everything(), path) == path
    assert load_graph(path) == load_graph(str(path)) == everything()
    assert path.read_text(encoding="utf-8") == to_json(everything())
    save_graph(square(), str(path))
    assert load_graph(path) == square()
    assert [each.name for each in path.parent.iterdir()] == ["graph.json"]


def test_save_relative_to_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert save_graph(square(), "graph.json") == Path("graph.json")
    assert load_graph("graph.json") == square()


def test_nothing_else_in_the_folder_is_touched(tmp_path: Path) -> None:
    others = ["notes.txt", "graph_acyclic.json.bak", ".grad_engine-0.tmp", "video.mp4"]
    for name in others:
        (tmp_path / name).write_text(name)
    save_graph(square(), tmp_path / "graph_acyclic.json")
    assert {each.name for each in tmp_path.iterdir()} == {*others, "graph_acyclic.json"}
    assert all((tmp_path / name).read_text() == name for name in others)


@pytest.mark.parametrize("failing", ["write", "fsync", "replace"])
def test_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    path = save_graph(square(), tmp_path / "graph.json")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    if failing == "write":
        monkeypatch.setattr("builtins.open", lambda *a, **k: Full(a[0]))
    else:
        monkeypatch.setattr(os, failing, full)
    with pytest.raises(OSError, match="No space left"):
        save_graph(everything(), path)
    monkeypatch.undo()
    assert load_graph(path) == square()
    assert list(tmp_path.iterdir()) == [path]


class Full:
    """A file on a full disk."""

    def __init__(self, path: Path) -> None:
        Path(path).touch()

    def __enter__(self) -> Full:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def write(self, _: bytes) -> None:
        raise OSError(28, "No space left on device")


@pytest.mark.skipif(os.name != "posix", reason="modes and links as POSIX has them")
def test_mode_is_as_the_umask_says(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        path = save_graph(square(), tmp_path / "graph.json")
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.skipif(os.name != "posix", reason="modes and links as POSIX has them")
def test_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere" / "real.json"
    link = tmp_path / "graph.json"
    link.symlink_to(target)  # its folder is not there yet
    for record in (square(), neuron()):
        assert save_graph(record, link) == link
        assert link.is_symlink()
        assert load_graph(target) == load_graph(link) == record
    assert list(target.parent.iterdir()) == [target]


def test_read_only_file_system_is_told_by_the_name_that_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: object, *_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), os.fspath(path))

    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(OSError, match="Read-only") as told:
        save_graph(square(), tmp_path / "graph.json")
    assert told.value.filename == str(tmp_path / "graph.json")


def test_folder_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="the name of a file to write to"):
        save_graph(square(), tmp_path)
    if os.name == "posix":
        with pytest.raises(RecordError, match="the name of a file to write to"):
            save_graph(square(), os.devnull)
    assert not list(tmp_path.iterdir())


def test_record_that_no_reader_would_take_is_not_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grad_engine.record.files.MAX_NODES", 5)
    with pytest.raises(RecordError, match="at most 5 nodes, this one 6: export a part"):
        save_graph(chain(6), tmp_path / "graph.json")
    monkeypatch.setattr("grad_engine.record.files.MAX_BYTES", 500)
    with pytest.raises(RecordError, match="at most 500 bytes"):
        save_graph(chain(5), tmp_path / "graph.json")
    assert not list(tmp_path.iterdir())


WRITER = """
import sys
from tests.records import chain
from grad_engine.record import save_graph
records = [chain(int(size)) for size in sys.argv[2:]]
print("ready", flush=True)
while True:
    for record in records:
        save_graph(record, sys.argv[1])
"""


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_killed_writer_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "graph.json"
    dice = random.Random(0)
    for _ in range(4):
        command = [sys.executable, "-c", WRITER, str(path), "3", "300"]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
            while not path.exists():
                time.sleep(0.005)
            time.sleep(dice.uniform(0, 0.1))
            writer.send_signal(signal.SIGKILL)
        assert len(load_graph(path).nodes) in (3, 300)


def test_eight_writers_at_once_leave_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "graph.json"
    records = [chain(size) for size in (1, 50, 100, 150, 200, 250, 300, 350)]
    save_graph(records[0], path)
    sizes = {len(record.nodes) for record in records}

    def write(record: GraphRecord) -> None:
        for _ in range(6):
            save_graph(record, path)

    writers = [threading.Thread(target=write, args=(record,)) for record in records]
    for writer in writers:
        writer.start()
    seen = {len(load_graph(path).nodes)}
    while any(writer.is_alive() for writer in writers):
        seen.add(len(load_graph(path).nodes))
    for writer in writers:
        writer.join()
    assert seen <= sizes
    assert list(tmp_path.iterdir()) == [path]


def test_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    for kind in (RecordError, FileNotFoundError, MissingRecordError):
        with pytest.raises(kind, match=r"graph\.json: there is no such file; export_graph\(z\) writes a record"):
            load_graph(tmp_path / "graph.json")


def test_fault_in_a_file_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "graph.json"
    path.write_text(GOOD.replace('"age":0', '"age":-3'))
    with pytest.raises(RecordError) as fault:
        load_graph(path)
    expected = f"{path}: $.nodes[0].age: expected a whole number, 0 or more, got -3; export_graph(z) writes a record"
    assert str(fault.value).startswith(expected)


def test_file_beyond_the_limit_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "graph.json"
    with open(path, "wb") as file:
        file.truncate(50 * 2**30)  # takes no room on disk, and would take 50 GB to read
    with pytest.raises(RecordError, match=r"at most 1,000 bytes"):
        load_graph(path, max_bytes=1000)


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000, os.devnull])
def test_odd_paths_are_record_errors(path: str) -> None:
    with pytest.raises(RecordError):
        load_graph(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(RecordError, match="expected a file"):
        load_graph(tmp_path / "pipe")


# Numbers of an array


FLOATS = [np.float16, np.float32, np.float64]


@settings(max_examples=150)
@given(st.data(), st.sampled_from([*FLOATS, np.int8, np.uint64, np.int64, np.bool_]))
def test_small_arrays_read_back_exactly(data: st.DataObject, dtype: type) -> None:
    array = data.draw(arrays.arrays(dtype, arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)))
    numbers, stats = array_data(array)
    assert numbers is not None
    assert numbers.values is not None
    assert stats is None
    assert all(type(value) in (int, float, bool) for value in numbers.values)
    back = np.array(numbers.values, dtype).reshape(array.shape)
    np.testing.assert_array_equal(back, array)
    if array.dtype.kind == "f":
        np.testing.assert_array_equal(np.signbit(back[back == 0]), np.signbit(array[array == 0]))
        assert all(value is math.nan for value in numbers.values if value != value)


def test_floats_are_as_short_as_their_dtype_allows() -> None:
    assert array_data(np.full(2, 0.1, np.float16)) == (DataRecord((0.1, 0.1)), None)
    assert array_data(np.full(2, 0.1, np.float32)) == (DataRecord((0.1, 0.1)), None)
    assert array_data(np.float64(1 / 3)) == (DataRecord((1 / 3,)), None)


def test_limit_says_how_much_is_written_in_full() -> None:
    array = np.arange(100.0)
    assert array_data(array, limit=100) == (DataRecord(tuple(array.tolist())), None)
    numbers, stats = array_data(array, limit=99)
    assert numbers is not None
    assert numbers.values is None
    assert stats is not None
    assert array_data(np.arange(64.0))[1] is None
    assert array_data(np.arange(65.0))[1] is not None


def test_statistics_agree_with_numpy() -> None:
    array = np.random.default_rng(0).normal(size=(40, 50)).astype(np.float32)
    array[3, 4], array[5, 6], array[7, 8], array[9, 9] = np.nan, np.inf, -np.inf, 0
    _, stats = array_data(array)
    assert stats is not None
    finite = array[np.isfinite(array)].astype(np.float64)
    expected = [finite.min(), finite.max(), finite.mean(), finite.std(), np.linalg.norm(finite), abs(finite).max()]
    got = [stats.min, stats.max, stats.mean, stats.std, stats.norm, stats.absmax]
    np.testing.assert_allclose(got, expected, rtol=1e-6)
    assert (stats.zeros, stats.nan, stats.posinf, stats.neginf, stats.first_nonfinite) == (1, 1, 1, 1, (3, 4))
    assert stats.histogram is not None
    np.testing.assert_array_equal(stats.histogram.counts, np.histogram(finite, bins=20)[0])


HARD = {
    "all NaN": np.full(100, np.nan),
    "both infinities": np.array([np.inf, -np.inf] * 50),
    "1e300": np.full(100, 1e300),
    "ends of the range": np.array([-1.7e308, 1.7e308] * 50),
    "denormal": np.arange(100) * 5e-324,
    "neighbours": np.array([1.0, np.nextafter(1.0, 2)] * 50),
    "zeros": np.zeros((2,) * 10),
    "rank 30": np.ones((1,) * 23 + (2,) * 7),
    "float16 at its end": np.full(100, 65504, np.float16),
    "float16 denormal": np.full(100, 6e-8, np.float16),
    "uint64": np.full(100, 2**64 - 1, np.uint64),
    "int64": np.array([-(2**63), 2**63 - 1] * 50),
    "bool": np.arange(100) % 3 == 0,
    "long double": np.full(100, np.finfo(np.longdouble).max),
    "long double, small": np.ones(3, np.longdouble) / 3,
    "strided": np.arange(1000.0).reshape(10, 100)[::2, ::-3],
    "broadcast": np.broadcast_to(np.float32(0.1), (20, 20)),
    "big-endian": np.arange(100, dtype=">f8"),
    "empty": np.zeros((0, 1000)),
    "long": np.arange(1_000_000.0),
    "thin": np.ones((1, 1000, 1)),
}


@pytest.mark.parametrize("array", HARD.values(), ids=HARD)
def test_hard_arrays_make_sound_records(array: np.ndarray) -> None:
    with np.errstate(all="raise"):
        numbers, stats = array_data(array)
    assert numbers is not None
    written = numbers.values if numbers.sample is None else numbers.sample.values
    assert written is not None
    assert len(written) <= 64
    record = square()
    odd = stats is not None and stats.nan + stats.posinf + stats.neginf > 0
    extra = replace(
        record.tensors[0],
        id="t50",
        is_leaf=False,
        shape=array.shape,
        dtype=array.dtype.name.replace("longdouble", "float128"),
        data=numbers,
        stats=stats,
    )
    counts = replace(record.counts, nonfinite=("t50",) if odd else ())
    record = replace(record, counts=counts, tensors=(*record.tensors, extra))
    assert from_json(to_json(record)) == record
    if stats is not None and stats.mean is not None:
        assert stats.min <= stats.mean + 0.01 * stats.absmax  # a mean has fewer digits than the entries
        assert sum(stats.histogram.counts) == array.size - stats.nan - stats.posinf - stats.neginf


def test_statistics_beyond_the_range_of_squares() -> None:
    _, stats = array_data(np.array([3e300, -4e300] * 50))
    assert stats is not None
    assert stats.norm == pytest.approx(5e300 * math.sqrt(50))
    assert stats.std == pytest.approx(3.5e300)
    _, stats = array_data(np.full(100, 1e-200))
    assert stats is not None
    assert stats.norm == pytest.approx(1e-199)


def test_sample_takes_both_ends_of_every_axis() -> None:
    numbers, _ = array_data(np.arange(10_000).reshape(100, 100))
    assert numbers is not None
    assert numbers.sample is not None
    assert (numbers.sample.edge, numbers.sample.shape) == (4, (8, 8))
    first_row = numbers.sample.values[:8]
    assert first_row == (0, 1, 2, 3, 96, 97, 98, 99)
    assert numbers.sample.values[-1] == 9999


def test_arrays_without_real_numbers_have_no_record() -> None:
    assert array_data(np.ones(3, complex)) == (None, None)
    assert array_data(np.array(["a", "b"])) == (None, None)
    assert array_data(np.array([object()])) == (None, None)


def test_arrays_are_left_alone() -> None:
    array = np.random.default_rng(0).normal(size=(30, 30))
    array[0, 0] = np.nan
    before = array.copy()
    array.flags.writeable = False
    array_data(array)
    np.testing.assert_array_equal(array, before)


# The older layout in three parts


class RustFolder:
    """What the Rust engine would export: every edge of a node again for each path that leads to the node."""

    def __init__(self, folder: Path, edges: dict[str, list[str]], root: str) -> None:
        self.folder = folder
        self.edges = edges
        self.ids: dict[str, str] = {}
        self.pairs: list[tuple[str, str]] = []
        for part in ("nodes", "tensors"):
            (folder / part).mkdir(parents=True)
        self.visit(root)
        self.write("graph_acyclic.json", self.pairs)
        for n, (name, id) in enumerate(self.ids.items()):
            kind = "GradAccum" if not edges.get(name) else name.rstrip("0123456789")
            self.write(f"nodes/{id}.json", {"name": kind, "origin": f"t-{2 * n}", "gradient": f"g-{2 * n + 1}"})
            self.write(f"tensors/t-{2 * n}.json", {"data": [1.0 + n, 2.5], "offset": 0, "shape": [2]})
            self.write(f"tensors/g-{2 * n + 1}.json", {"data": [0.5, None], "offset": 0, "shape": [2]})

    def id(self, name: str) -> str:
        return self.ids.setdefault(name, f"n-{len(self.ids)}")

    def visit(self, name: str) -> None:
        self.id(name)
        for receiver in self.edges.get(name, []):
            self.pairs.append((self.id(name), self.id(receiver)))
            self.visit(receiver)

    def write(self, name: str, content: Any) -> None:
        (self.folder / name).write_text(json.dumps(content))


def slots(record: GraphRecord) -> dict[str, list[str]]:
    """The names of what each op sends to, slot by slot."""
    names = {part.id: part.name for part in (*record.nodes, *record.accumulators)}
    return {
        node.name: [names[edge.receiver] for edge in record.edges if edge.sender == node.id] for node in record.nodes
    }


def test_rust_diamond(tmp_path: Path) -> None:
    """y = x * x; z = y + ln(y): y is reached twice, so the layout lists its two edges twice."""
    edges = {"AddBackward": ["MulBackward", "LnBackward"], "LnBackward": ["MulBackward"], "MulBackward": ["x", "x"]}
    rust = RustFolder(tmp_path / "out", edges, "AddBackward")
    assert rust.pairs.count(("n-1", "n-2")) == 4
    record = load_graph(rust.folder)
    assert [node.name for node in record.nodes] == ["MulBackward", "LnBackward", "AddBackward"]
    assert slots(record) == {
        "MulBackward": ["GradAccum", "GradAccum"],
        "LnBackward": ["MulBackward"],
        "AddBackward": ["MulBackward", "LnBackward"],
    }
    assert record.counts.edges == 5
    add = record.nodes[2]
    assert (add.op, add.category, add.symbol) == ("add", "arithmetic", "+")
    assert add.formula is not None
    assert add.formula.forward.text == "x + y"
    assert [step.kind for step in record.forward] == ["leaf", "op", "op", "op"]
    tensor = record.by_id[record.nodes[0].outputs[0]]
    assert tensor.data == DataRecord((2.0, 2.5))
    assert from_json(to_json(record)) == record
    VALIDATOR.validate(document(record))


def test_rust_run_tells_what_is_known(tmp_path: Path) -> None:
    """A share that comes alone is the gradient of its receiver; of several, only their sum is recorded."""
    rust = RustFolder(tmp_path / "out", {"MulBackward": ["ExpBackward", "x"], "ExpBackward": ["x"]}, "MulBackward")
    record = load_graph(rust.folder)
    (run,) = record.runs
    text = [json.dumps(event) for event in document(record)["runs"][0]["events"]]
    assert [line.split('"')[1] for line in text] == ["run", "send", "send", "accumulate", "run", "send", "accumulate"]
    shares = [record.by_id[event.share] for event in run.events if hasattr(event, "share")]
    assert [share.data is not None for share in shares] == [True, False, False]
    assert record.by_id[run.events[-1].partial].data == DataRecord((0.5, math.nan))
    assert record.by_id[run.leaves[0].after].data == DataRecord((0.5, math.nan))
    assert run.gradients.keys() == {"n0", "n1"}


def test_rust_square_has_two_edges(tmp_path: Path) -> None:
    record = load_graph(RustFolder(tmp_path / "out", {"MulBackward": ["x", "x"]}, "MulBackward").folder)
    assert [(edge.sender, edge.receiver, edge.slot) for edge in record.edges] == [("n0", "a0", 0), ("n0", "a0", 1)]
    assert [each.parameter for each in record.nodes[0].inputs] == ["x", "y"]


def test_rust_stack_of_shared_nodes(tmp_path: Path) -> None:
    """Multiplicities divide out however many paths there are."""
    edges = {f"AddBackward{n}": [f"AddBackward{n + 1}"] * 2 for n in range(8)} | {"AddBackward8": ["x", "y"]}
    record = load_graph(RustFolder(tmp_path / "out", edges, "AddBackward0").folder)
    assert (record.counts.ops, record.counts.leaves, record.counts.edges) == (9, 2, 18)


def test_rust_edges_listed_once_are_taken_as_they_are(tmp_path: Path) -> None:
    edges = {"AddBackward": ["MulBackward", "LnBackward"], "LnBackward": ["MulBackward"], "MulBackward": ["x", "y"]}
    rust = RustFolder(tmp_path / "out", edges, "AddBackward")
    rust.write("graph_acyclic.json", list(dict.fromkeys(rust.pairs)))
    assert slots(load_graph(rust.folder))["MulBackward"] == ["GradAccum", "GradAccum"]


def test_rust_tensor_that_was_sliced_is_not_recorded(tmp_path: Path) -> None:
    rust = RustFolder(tmp_path / "out", {"MulBackward": ["x", "y"]}, "MulBackward")
    rust.write("tensors/t-2.json", {"data": [1.0, 2.0, 3.0, 4.0], "offset": 1, "shape": [2]})
    rust.write("tensors/t-4.json", {"data": [], "offset": None, "shape": [2]})
    x, y = (record_leaf for record_leaf in load_graph(rust.folder).tensors if record_leaf.is_leaf)
    assert (x.shape, x.data) == ((2,), None)
    assert (y.shape, y.data) == ((2,), None)


def test_rust_transpose_keeps_its_numbers_to_itself(tmp_path: Path) -> None:
    """The layout writes memory as it lies and drops the strides: as many numbers as the shape has, in another order."""
    rust = RustFolder(tmp_path / "out", {"TransposeBackward": ["x"]}, "TransposeBackward")
    rust.write("tensors/t-0.json", {"data": [1, 2, 3, 4, 5, 6], "offset": 0, "shape": [3, 2]})
    rust.write("tensors/t-2.json", {"data": [1, 2, 3, 4, 5, 6], "offset": 0, "shape": [2, 3]})
    record = load_graph(rust.folder)
    assert record.by_id[record.nodes[0].outputs[0]].data is None
    leaf = record.by_id[record.accumulators[0].leaf]
    assert (leaf.dtype, leaf.data) == ("int64", DataRecord((1, 2, 3, 4, 5, 6)))
    rust.write("tensors/t-2.json", {"data": [1, 10**40], "shape": [2]})
    leaf = (record := load_graph(rust.folder)).by_id[record.accumulators[0].leaf]
    assert (leaf.dtype, leaf.data) == ("float64", DataRecord((1.0, 1e40)))


def test_rust_constant_operand_leaves_the_formula_open(tmp_path: Path) -> None:
    node = load_graph(RustFolder(tmp_path / "out", {"SubBackward": ["x"]}, "SubBackward").folder).nodes[0]
    assert node.formula is None
    other = load_graph(
        RustFolder(tmp_path / "other", {"Log SoftmaxBackward": ["x"]}, "Log SoftmaxBackward").folder
    ).nodes[0]
    assert (other.op, other.name, other.category) == ("log_softmax", "Log SoftmaxBackward", "other")


RUST_FAULTS: dict[str, tuple[str, Any, str]] = {
    "not a list": ("graph_acyclic.json", {"edges": []}, "graph_acyclic.json: $: expected a list of [sender, receiver]"),
    "no pairs": ("graph_acyclic.json", [], "graph_acyclic.json: $: expected a list of [sender, receiver]"),
    "a triple": ("graph_acyclic.json", [["n-0", "n-1", "n-2"]], "graph_acyclic.json: $[0]: expected a pair of ids"),
    "a path": ("graph_acyclic.json", [["n-0", "../../x"]], "graph_acyclic.json: $[0]: expected a pair of ids"),
    "a cycle": ("graph_acyclic.json", [["n-0", "n-1"], ["n-1", "n-2"], ["n-2", "n-1"]], "a graph without cycles"),
    "a cycle alone": ("graph_acyclic.json", [["n-0", "n-1"], ["n-1", "n-0"]], "without cycles, got 0 of them"),
    "a cycle apart": (
        "graph_acyclic.json",
        [["n-0", "n-1"], ["n-2", "n-3"], ["n-3", "n-2"]],
        "got nodes that the root does not lead to",
    ),
    "two roots": ("graph_acyclic.json", [["n-0", "n-1"], ["n-2", "n-1"]], "one node that no other sends to"),
    "a node that is not there": ("graph_acyclic.json", [["n-0", "n-7"]], "n-7.json: there is no such file"),
    "a node without a name": ("nodes/n-1.json", {"origin": "t-0"}, "nodes/n-1.json: $.name: expected a string"),
    "a node that is a list": ("nodes/n-1.json", [], "nodes/n-1.json: $.name: expected a string in an object"),
    "a tensor by path": (
        "nodes/n-1.json",
        {"name": "x", "origin": "../t-0", "gradient": "g-1"},
        "nodes/n-1.json: $.origin: expected an id such as 't-0', got '../t-0'",
    ),
    "an op's tensor in a leaf": ("nodes/n-1.json", {"name": "x", "origin": "t-4", "gradient": "g-1"}, "expected"),
    "a shape of words": (
        "tensors/t-2.json",
        {"data": [], "shape": ["2"]},
        "tensors/t-2.json: $.shape: expected a list",
    ),
    "a huge shape": ("tensors/t-2.json", {"data": [], "shape": [10**9] * 9}, "fewer than 2^63 elements"),
    "data of words": (
        "tensors/t-2.json",
        {"data": ["1"], "shape": [1]},
        "tensors/t-2.json: $.data[0]: expected a number",
    ),
    "no data": ("tensors/t-2.json", {"shape": [1]}, "tensors/t-2.json: $.data: expected a list"),
    "a tensor that is a number": ("tensors/t-2.json", 3, "tensors/t-2.json: $: expected an object, got 3"),
}


@pytest.mark.parametrize(("name", "content", "message"), RUST_FAULTS.values(), ids=RUST_FAULTS)
def test_rust_faults_name_the_file(tmp_path: Path, name: str, content: Any, message: str) -> None:
    rust = RustFolder(tmp_path / "out", {"MulBackward": ["x", "y"]}, "MulBackward")
    rust.write(name, content)
    with pytest.raises(RecordError) as fault:
        load_graph(rust.folder)
    assert message in str(fault.value)


def test_rust_faults_of_the_file_system(tmp_path: Path) -> None:
    with pytest.raises(MissingRecordError, match=r"graph_acyclic\.json: there is no such file"):
        load_graph(tmp_path)
    rust = RustFolder(tmp_path / "out", {"MulBackward": ["x", "y"]}, "MulBackward")
    with pytest.raises(RecordError, match=r"expected at most \d+ bytes"):
        load_graph(rust.folder, max_bytes=200)
    with pytest.raises(RecordError, match="expected at most 2 nodes"):
        load_graph(rust.folder, max_nodes=2)
    (rust.folder / "nodes" / "n-1.json").write_text("[NaN]")
    with pytest.raises(RecordError, match=r"nodes/n-1\.json: \$\[0\]: expected a number"):
        load_graph(rust.folder)
    (rust.folder / "nodes" / "n-1.json").unlink()
    (rust.folder / "nodes" / "n-1.json").mkdir()
    with pytest.raises(RecordError, match="expected a file, got a folder"):
        load_graph(rust.folder)
