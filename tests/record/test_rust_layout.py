"""The three-part layout of the Rust engine becomes a record, as far as it tells."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from grad_engine.errors import MissingRecordError, RecordError
from grad_engine.record import (
    DataRecord,
    GraphRecord,
    from_json,
    index_of,
    load_graph,
    to_json,
)
from tests.records import (
    VALIDATOR,
    document,
)


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


# Numbers that lie in memory in another order than their shape says


def permuted(folder: Path, edges: dict[str, list[str]], root: str, shapes: dict[str, list[int]]) -> GraphRecord:
    """The record of a graph whose tensors hold 1, 2, 3, ...: `shapes` of values by node; gradients have them too."""
    rust = RustFolder(folder, edges, root)
    for n, name in enumerate(rust.ids):
        shape = shapes[name]
        count = math.prod(shape)
        for id in (f"t-{2 * n}", f"g-{2 * n + 1}"):
            rust.write(f"tensors/{id}.json", {"data": list(range(1, count + 1)), "offset": 0, "shape": shape})
    return load_graph(rust.folder)


def known(record: GraphRecord) -> dict[str, tuple[bool, bool]]:
    """For each op and leaf by its name in the layout, whether the numbers of its value and gradient are recorded."""
    found = {}
    run = record.runs[-1]
    for node in record.nodes:
        gradient = run.gradients[node.id][0]
        assert gradient is not None
        found[node.name] = record.by_id[node.outputs[0]].data is not None, record.by_id[gradient].data is not None
    for change in run.leaves:
        leaf = record.by_id[change.accumulator].leaf
        found[change.accumulator] = record.by_id[leaf].data is not None, record.by_id[change.after].data is not None
    return found


def test_gradient_that_leaves_a_transpose_is_withheld(tmp_path: Path) -> None:
    edges = {"ExpBackward": ["TransposeBackward"], "TransposeBackward": ["LnBackward"], "LnBackward": ["x"]}
    shapes = {"ExpBackward": [3, 2], "TransposeBackward": [3, 2], "LnBackward": [2, 3], "x": [2, 3]}
    assert known(permuted(tmp_path / "out", edges, "ExpBackward", shapes)) == {
        "ExpBackward": (False, True),  # the result of a view; its gradient is what backward started with
        "TransposeBackward": (False, False),
        "LnBackward": (True, False),
        "a0": (True, False),
    }


def test_elementwise_results_of_views_are_withheld_as_the_views_are(tmp_path: Path) -> None:
    edges = {
        "AddBackward": ["MulBackward", "y"],
        "MulBackward": ["TransposeBackward", "y"],
        "TransposeBackward": ["x"],
    }
    shapes = {"AddBackward": [3, 2], "MulBackward": [3, 2], "TransposeBackward": [3, 2], "x": [2, 3], "y": [3, 2]}
    found = known(permuted(tmp_path / "out", edges, "AddBackward", shapes))
    assert [found[name][0] for name in ("AddBackward", "MulBackward", "TransposeBackward")] == [False] * 3
    assert found["a0"] == found["a1"] == (True, False)


@pytest.mark.parametrize("shape", [[1, 6], [6, 1], [6], [1, 1, 6], [1], []])
def test_views_whose_order_cannot_matter_are_shown(tmp_path: Path, shape: list[int]) -> None:
    edges = {"TransposeBackward": ["ExpBackward"], "ExpBackward": ["x"]}
    shapes = {"TransposeBackward": shape, "ExpBackward": shape[::-1], "x": shape[::-1]}
    found = known(permuted(tmp_path / "out", edges, "TransposeBackward", shapes))
    assert set(found.values()) == {(True, True)}


def test_equal_entries_are_shown_in_any_order(tmp_path: Path) -> None:
    rust = RustFolder(tmp_path / "out", {"TransposeBackward": ["x"]}, "TransposeBackward")
    for id, shape in (("t-0", [3, 2]), ("g-1", [3, 2]), ("t-2", [2, 3]), ("g-3", [2, 3])):
        rust.write(f"tensors/{id}.json", {"data": [1.0] * 6, "offset": 0, "shape": shape})
    assert set(known(load_graph(rust.folder)).values()) == {(True, True)}


def test_share_of_a_product_with_one_column_is_withheld(tmp_path: Path) -> None:
    """That engine lays g @ yᵀ out by columns where g has one column: read by rows the numbers would be permuted."""
    edges = {"MatmulBackward": ["x", "w"]}
    one = permuted(tmp_path / "one", edges, "MatmulBackward", {"MatmulBackward": [4, 1], "x": [4, 3], "w": [3, 1]})
    assert known(one) == {"MatmulBackward": (True, True), "a0": (True, False), "a1": (True, True)}
    two = permuted(tmp_path / "two", edges, "MatmulBackward", {"MatmulBackward": [4, 2], "x": [4, 3], "w": [3, 2]})
    assert set(known(two).values()) == {(True, True)}


NAMES = [
    *("Add", "Sub", "Mul", "Div", "Dot", "Ln", "Log", "Exp", "Pow", "Tanh", "Min", "Max", "Mean", "Sum", "Matmul"),
    *("Broadcast", "Unsqueeze", "Squeeze", "Transpose", "Reshape", "Stack", "Concat"),
]


@pytest.mark.parametrize("name", NAMES)
def test_every_op_of_that_engine_looks_like_ours(tmp_path: Path, name: str) -> None:
    from grad_engine.core.op import OPS

    record = load_graph(RustFolder(tmp_path / "out", {f"{name}Backward": ["x"]}, f"{name}Backward").folder)
    node = record.nodes[0]
    ours = OPS["broadcast_to" if name == "Broadcast" else name.lower()]
    assert (node.category, node.symbol) == (ours.category, ours.symbol)
    assert (node.elementwise, node.commutes) == (ours.elementwise, ours.commutes)
    assert node.category != "other"


def test_missing_numbers_are_not_said_to_be_freed(tmp_path: Path) -> None:
    edges = {"TransposeBackward": ["x"]}
    record = permuted(tmp_path / "out", edges, "TransposeBackward", {"TransposeBackward": [3, 2], "x": [2, 3]})
    assert record.by_id[record.nodes[0].outputs[0]].absent == "unknown"
    assert not index_of(record).gone


def test_what_known_rules_read_is_recorded(tmp_path: Path) -> None:
    edges = {"MulBackward": ["ExpBackward", "x"], "ExpBackward": ["AddBackward"], "AddBackward": ["x", "y"]}
    record = load_graph(RustFolder(tmp_path / "out", edges, "MulBackward").folder)
    saved = {node.op: node.saved for node in record.nodes}
    add, exp, mul = record.nodes
    assert saved == {"add": (), "exp": exp.outputs, "mul": (mul.inputs[0].tensor, mul.inputs[1].tensor)}
    assert add.formula is not None


def test_the_list_of_pairs_beside_its_folders_is_recognised(tmp_path: Path) -> None:
    rust = RustFolder(tmp_path / "output", {"MulBackward": ["x", "y"]}, "MulBackward")
    path = rust.folder / "graph_acyclic.json"
    assert load_graph(path) == load_graph(rust.folder)
    path.rename(rust.folder / "another.json")
    assert load_graph(rust.folder / "another.json") == load_graph(rust.folder / "another.json")
    (rust.folder / "nodes").rename(tmp_path / "nodes")
    with pytest.raises(RecordError, match="expected an object, got a list"):
        load_graph(rust.folder / "another.json")


def test_two_nodes_cannot_share_a_value(tmp_path: Path) -> None:
    rust = RustFolder(tmp_path / "out", {"MulBackward": ["x", "y"]}, "MulBackward")
    rust.write("nodes/n-1.json", {"name": "GradAccum", "origin": "t-0", "gradient": "g-3"})
    with pytest.raises(RecordError, match=r"nodes/n-\d\.json: \$\.origin: expected a tensor of its own"):
        load_graph(rust.folder)
