"""What a stranger wrote is never trusted: a record, or one error that names the first fault."""

from __future__ import annotations

import copy
import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grad_engine.errors import ArgumentError, RecordError
from grad_engine.record import (
    DataRecord,
    GraphRecord,
    from_json,
    to_json,
)
from tests.records import (
    VALIDATOR,
    Document,
    at,
    chain,
    document,
    everything,
    neuron,
    outcome,
    places,
    square,
)


@pytest.fixture
def sample() -> Document:
    return document(everything())


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
    ("tensors[16].absent", "lost", "tensors[16].absent", "one of changed, freed, unknown"),
    ("tensors[0].absent", "freed", "tensors[0].absent", "no reason, for the numbers are there, got 'freed'"),
    ("nodes[2].call", -1, "nodes[2].call", "a whole number, 0 or more, got -1"),
    ("nodes[2].commutes", 1, "nodes[2].commutes", "true or false, got 1"),
    ("parameters[1].name", "layers.0.w", "parameters[1].name", "a name of its own, got 'layers.0.w'"),
    ("parameters[0].accumulator", "a9", "parameters[0].accumulator", "the id of an accumulator, got 'a9'"),
    ("explain.probe.accumulator", "a9", "explain.probe.accumulator", "the id of an accumulator, got 'a9'"),
    ("explain.probe.index", [2], "explain.probe.index", "an index into the shape [2], got [2]"),
    ("explain.probe.delta", 0, "explain.probe.delta", "a finite number other than 0, got 0"),
    ("explain.probe.value", "small", "explain.probe.value", "a number"),
    ("explain.probe.changes[0].tensor", "t99", "explain.probe.changes[0].tensor", "the id of a tensor, got 't99'"),
    ("explain.probe.skipped[0].index", [], "explain.probe.skipped[0].index", "an index into the shape [2], got []"),
    ("explain.paths[0].steps", [], "explain.paths[0].steps", "at least one step, got none"),
    ("explain.paths[0].steps[1].edge", "e0", "explain.paths[0].steps[1].edge", "an edge from 'n1'"),
    ("explain.paths[0].steps[1].from", [1], "explain.paths[0].steps[1].from", "[0], where the last step led, got [1]"),
    ("explain.paths[0].steps[1].to", [5], "explain.paths[0].steps[1].to", "an index into the shape [2]"),
    ("explain.curves[0].node", "n9", "explain.curves[0].node", "the id of a node, got 'n9'"),
    ("explain.curves[0].x", [3, 1], "explain.curves[0].x", "a first number and a larger last one, got [3, 1]"),
    ("explain.curves[0].y", [None], "explain.curves[0].y", "at least 2 numbers, got 1"),
    ("explain.spots[0].terms[0]", [], "explain.spots[0].terms[0]", "at least one factor"),
    ("explain.spots[0].index", [0, 0], "explain.spots[0].index", "an index into the shape [2]"),
    ("explain.holds", {"e77": True}, "explain.holds.e77", "the id of an edge, got 'e77'"),
    ("explain.step.rate", True, "explain.step.rate", "a number"),
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
def test_malformed_text_is_refused(source: str | bytes, message: str) -> None:
    error = outcome(source)
    assert isinstance(error, RecordError)
    assert message in str(error)


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


def test_collector_works_again_after_a_fault() -> None:
    import gc

    assert gc.isenabled()
    outcome("{}")
    to_json(square())
    assert gc.isenabled()


def test_ten_thousand_nodes_come_back() -> None:
    record = chain(10_000)
    assert from_json(to_json(record)) == record
