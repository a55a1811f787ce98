"""What the engine writes down is what happened: values, order, shares, sums, names."""

from __future__ import annotations

import io
import json
import re
from importlib.resources import files
from typing import Any

import jsonschema
import numpy as np
import pytest

import grad_engine as ge
from grad_engine.core.tensor import Tensor
from grad_engine.record import AccumulateEvent, GraphRecord, RunEvent, SendEvent, from_json, tensor_data, to_json
from grad_engine.tree import print_tree
from tests.records import calls

SCHEMA = jsonschema.Draft202012Validator(json.loads((files("grad_engine.record") / "schema.json").read_text("utf-8")))


def leaf(values: Any) -> Tensor:
    return ge.tensor(values, requires_grad=True, dtype=float)


def large() -> tuple[Tensor, dict[str, Tensor]]:
    x1, x2, x3 = leaf([[1, 2], [3, 4], [5, 6], [7, 8]]), leaf([[1, 2, 3, 4], [5, 6, 7, 8]]), leaf([3, 3, 3, 3])
    x4, x5 = x1 + 3, x2 - x3
    x6 = ge.matmul(x4, x5) - x3
    x7 = ge.ones_like(x6, requires_grad=True)
    with np.errstate(invalid="ignore"):
        z = ge.ln(x6) + ge.exp(x7)
    z.backward(ge.ones_like(z), retain_graph=True)
    return z, {key: value for key, value in locals().items() if isinstance(value, Tensor)}


def validated(record: GraphRecord) -> GraphRecord:
    """The record, having survived a trip through JSON and the schema."""
    text = to_json(record)
    SCHEMA.validate(json.loads(text))
    assert from_json(text) == record
    return record


def values(record: GraphRecord, tensor: str) -> np.ndarray:
    part = record.by_id[tensor]
    return np.array(part.data.values).reshape(part.shape)


def test_the_large_example_is_recorded_as_it_happened() -> None:
    z, names = large()
    record = validated(ge.record_graph(z, names=names, title="large"))
    assert record.expression == "z = ln((x1 + 3) @ (x2 − x3) − x3) + exp(x7)"
    assert [node.name for node in record.nodes] == [
        "AddBackward", "SubBackward", "MatmulBackward", "SubBackward", "LnBackward", "ExpBackward", "AddBackward",
    ]  # fmt: skip
    steps = [record.by_id[step.id].name if step.kind == "leaf" else step.id for step in record.forward]
    assert steps == ["x1", "x2", "x3", "n0", "n1", "n2", "n3", "x7", "n4", "n5", "n6"]
    (run,) = record.runs
    assert [event.node for event in run.events if isinstance(event, RunEvent)] == [f"n{k}" for k in range(6, -1, -1)]
    assert record.counts.ops == 7 and record.counts.leaves == 4 and record.counts.edges == 11
    assert record.counts.constants == 1 and len(record.counts.nonfinite) == 2
    x3 = next(a for a in record.accumulators if record.by_id[a.leaf].name == "x3")
    arrivals = [e for e in run.events if isinstance(e, AccumulateEvent) and e.receiver == x3.id]
    assert [(e.k, e.of) for e in arrivals] == [(1, 2), (2, 2)]
    np.testing.assert_allclose(values(record, arrivals[0].partial), [4, -0.3208, -0.1535, -0.1009], atol=1e-4)
    np.testing.assert_allclose(values(record, arrivals[1].partial), [64, -4.6417, -2.2303, -1.4679], atol=1e-4)
    edge = record.by_id[arrivals[0].edge]
    assert edge.raw_shape == (4, 4) and edge.reduced_axes == (0,)
    assert [i.broadcast_from for i in record.nodes[1].inputs] == [None, (4,)]
    assert record.nodes[4].saved == (record.nodes[4].inputs[0].tensor,)
    assert record.nodes[5].saved == record.nodes[5].outputs
    assert [rule.text for rule in record.nodes[2].formula.vjp] == ["g @ yᵀ", "xᵀ @ g"]
    assert all(change.before is None for change in run.leaves)


def test_shares_of_each_node_add_up_to_what_ran() -> None:
    """A node's gradient is the sum of the shares sent to it; a leaf's last partial sum is its .grad."""
    x = leaf([[0.1, 0.2], [0.3, 0.4]])
    h = ge.tanh(x @ x)
    z = (h * h + h / (1 + ge.exp(-h)) + ge.stack([h, x])[0]).sum()
    z.backward(retain_graph=True)
    record = validated(ge.record_graph(z))
    (run,) = record.runs
    sums: dict[str, Any] = {}
    for event in run.events:
        if isinstance(event, SendEvent):
            edge = record.by_id[event.edge]
            sums[edge.receiver] = sums.get(edge.receiver, 0) + values(record, event.share)
    for node, (gradient,) in run.gradients.items():
        if node != run.root:
            np.testing.assert_allclose(values(record, gradient), sums[node])
    np.testing.assert_allclose(sums["a0"], x.grad.data)


def test_names_are_given_then_passed_then_inferred_then_none() -> None:
    given = ge.tensor(1.0, requires_grad=True, name="[red]")
    mine = leaf(2.0)
    z = given * mine + leaf(3.0) * ge.tensor(4.0)
    found = {t.name: t.name_source for t in ge.record_graph(z).tensors}
    assert found == {"[red]": "given", "mine": "inferred", "z": "inferred", None: "none"}
    assert {t.name for t in ge.record_graph(z, names={"w": mine}).tensors} == {"[red]", "w", None}


def test_data_that_requires_no_grad_keeps_its_name() -> None:
    data, w = ge.tensor([[1.0, 2.0]]), leaf([[3.0], [4.0]])
    record = validated(ge.record_graph(data @ w))
    assert [(t.name, t.role) for t in record.tensors][:2] == [("w", "value"), ("data", "constant")]


def test_a_second_backward_says_what_was_there_before() -> None:
    x = leaf([1.0, 2.0])
    z = (x * x).sum()
    z.backward(retain_graph=True)
    z.backward(retain_graph=True)
    (run,) = validated(ge.record_graph(z)).runs
    (change,) = run.leaves
    record = ge.record_graph(z)
    np.testing.assert_array_equal(values(record, change.before), [2, 4])
    np.testing.assert_array_equal(values(record, change.after), [4, 8])
    assert len(validated(ge.record_graph(z, runs="all")).runs) == 2


def test_several_roots_share_one_record() -> None:
    x = leaf([1.0, 2.0])
    h = x * 2
    a, b = h.sum(), (h * h).mean()
    a.backward(retain_graph=True)
    b.backward(retain_graph=True)
    record = validated(ge.record_graph([a, b]))
    assert len(record.roots) == 2 and len(record.runs) == 2 and record.counts.ops == 4
    assert record.expression == "a = sum(x · 2); b = mean(x · 2 · x · 2)"


def test_before_backward_and_after_a_failed_one() -> None:
    x = leaf(1.0)
    z = ge.exp(x)
    assert validated(ge.record_graph(z)).runs == ()
    y = ge.exp(z)
    z.register_hook(lambda g: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        y.backward(retain_graph=True)
    (run,) = validated(ge.record_graph(y)).runs
    assert not run.complete and [e.node for e in run.events if isinstance(e, RunEvent)] == ["n1"]


def test_a_value_written_in_place_since_is_not_recorded() -> None:
    w, h = leaf([1.0]), leaf([1.0]) * 1
    y = h + w
    z = y.sum()
    z.backward(retain_graph=True)
    with ge.no_grad():
        w -= 1.0
    record = validated(ge.record_graph(z))
    assert next(t for t in record.tensors if t.name == "w").data is None
    assert next(t for t in record.tensors if t.name == "y").data is not None


def test_higher_order_graphs_are_recorded_too() -> None:
    x = leaf([1.0, 2.0])
    first = ge.grad((x**3).sum(), x, create_graph=True)
    total = first.sum()
    total.backward(retain_graph=True)
    record = validated(ge.record_graph(total))
    np.testing.assert_allclose(x.grad.data, 6 * x.data)
    assert record.counts.ops > 3
    z = (x**3).sum()
    z.backward(create_graph=True, retain_graph=True)
    validated(ge.record_graph(z))


def test_large_tensors_and_limits() -> None:
    x = leaf(np.linspace(-1, 1, 400).reshape(20, 20))
    z = (x * 2).sum()
    z.backward(retain_graph=True)
    record = validated(ge.record_graph(z))
    tensor = record.tensors[0]
    assert tensor.data.values is None and tensor.data.sample is not None and tensor.stats.max == 1
    assert ge.record_graph(z, max_elements=400).tensors[0].data.values is not None
    with pytest.raises(ge.GraphError, match="2 ops and a record holds at most 1; pass max_nodes="):
        ge.record_graph(z, max_nodes=1)


def test_full_data_lies_beside_the_record(tmp_path: Any) -> None:
    x = ge.tensor(np.linspace(-1, 1, 400).reshape(20, 20), requires_grad=True, dtype=np.float32)
    z = (x * 2).sum()
    z.backward(retain_graph=True)
    path = ge.export_graph(z, tmp_path / "g.json", full_data=True)
    record = validated(ge.load_graph(path))
    (side,) = tmp_path.glob("*.npz")
    assert re.fullmatch(r"g-[0-9a-f]{16}\.npz", side.name)
    assert sorted(part.name for part in tmp_path.iterdir()) == [side.name, "g.json"]
    np.testing.assert_array_equal(tensor_data(record.tensors[0], path), x.data)
    assert tensor_data(record.tensors[0], path).dtype == np.float32
    small = next(t for t in record.tensors if t.shape == ())
    assert tensor_data(small, path).shape == ()
    with pytest.raises(ge.RecordError, match="full_data=True"):
        tensor_data(ge.record_graph(z).tensors[0], path)
    content = side.read_bytes()
    side.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ge.RecordError, match="not the file that the record was written with"):
        tensor_data(record.tensors[0], path)
    side.unlink()
    with pytest.raises(ge.RecordError, match="should be here"):
        tensor_data(record.tensors[0], path)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"names": {1: None}}, "got the key 1"), ({"max_elements": None}, "max_elements is a number, got None"),
     ({"max_nodes": "9"}, "max_nodes is a number"), ({"runs": 3}, "runs is"), ({"names": ["x"]}, "names is a dict")],
)  # fmt: skip
def test_options_of_another_kind_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ge.ArgumentError, match=words):
        ge.record_graph(leaf(1.0) * 2, **options)


def test_values_kept_for_the_rules_are_recorded_as_they_were() -> None:
    x = leaf([1.0, 2.0])
    h = x * 2
    h *= h
    h[0] += 1.0
    z = h.sum()
    z.backward(retain_graph=True)
    record = validated(ge.record_graph(z))
    squared = next(node for node in record.nodes if node.op == "mul" and len({i.tensor for i in node.inputs}) == 1)
    np.testing.assert_array_equal(values(record, squared.outputs[0]), [4, 16])
    np.testing.assert_array_equal(values(record, record.runs[0].gradients[squared.id][0]), [1, 1])
    np.testing.assert_array_equal(x.grad.data, 8 * x.data)


def test_thirty_doublings() -> None:
    y = x = leaf(1.0)
    for _ in range(30):
        y = y + y
    y.backward(retain_graph=True)
    record = validated(ge.record_graph(y))
    assert record.counts.ops == 30 and record.counts.edges == 60 and x.grad.item() == 2.0**30


def test_a_leaf_of_a_freed_graph_is_as_large_as_its_gradient(capsys: pytest.CaptureFixture[str]) -> None:
    x = ge.ones((2, 3), requires_grad=True)
    y = (x * 2).sum()
    y.backward()
    ge.visualize_graph(y)
    (leaf,) = [line for line in capsys.readouterr().out.splitlines() if "GradAccum x" in line]
    assert leaf.endswith(" 2×3")


def test_export_writes_where_asked_and_by_default(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    z, names = large()
    path = ge.export_graph(z, names=names)
    assert path.as_posix().endswith("output/graph_acyclic.json")
    assert ge.load_graph(path) == ge.record_graph(z, names=names)
    other = ge.export_graph(z, tmp_path / "deep" / "folder" / "g.json", title="mine")
    assert ge.load_graph(other).title == "mine"
    first = other.read_bytes()
    ge.export_graph(z, other, title="mine")
    assert other.read_bytes() == first


def test_visualize_prints_at_every_stage(capsys: pytest.CaptureFixture[str]) -> None:
    x = leaf([1.0, 2.0])
    z = ge.exp(x).sum()
    ge.visualize_graph(z)
    assert "GradAccum x" in capsys.readouterr().out
    z.backward()
    ge.visualize_graph(z)
    out = capsys.readouterr().out
    assert "SumBackward" in out and "gone" in out


def test_index_and_joins_survive_the_trip() -> None:
    x, mask = leaf(np.arange(6.0).reshape(2, 3)), np.array([[True, False, True], [False, True, False]])
    y = ge.concat([x[0], x[:, 1], x[mask], x[..., None][0, ::2, 0], x[np.array([1, 1]), [0, 2]]])
    y.backward(ge.ones_like(y), retain_graph=True)
    record = validated(ge.record_graph(y))
    texts = [node.formula.forward.text for node in record.nodes]
    assert texts[:2] == ["x[0]", "x[:, 1]"]
    assert texts[-1].startswith("concat([xs[0], xs[1]")


def printed(root: Tensor) -> str:
    out = io.StringIO()
    print_tree(ge.record_graph(root), file=out, width=120)
    return out.getvalue()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_where_nan_begins_in_the_program() -> None:
    x = ge.tensor([0.0, 1.0], requires_grad=True)
    with ge.record_source():
        z = (x * ge.ln(x)).sum()
    z.backward(retain_graph=True)
    text = printed(z)
    assert re.search(r"Inf begins in LnBackward #0 \(tests/export/test_from_tensor\.py:\d+\): 1 of 2 values", text)


def test_a_table_where_a_difference_was_meant_is_pointed_out() -> None:
    prediction, target = ge.tensor(np.ones((4, 1)), requires_grad=True), np.zeros(4)
    note = "SubBackward #0 stretches both operands, 4×1 and 4, to 4×4: reshape one if each entry was to meet its own."
    assert note in printed(((prediction - target) ** 2).mean())
    others = (prediction - target) * (prediction * target)
    assert "SubBackward #0 (and 1 other) stretches" in printed(others)
    for meant in (
        prediction - np.zeros((4, 1)),
        prediction + 1,
        prediction * np.zeros((1, 4)),
        prediction - np.ones(3),
    ):
        assert "stretches" not in printed(meant)


def changed(record: GraphRecord) -> dict[str | None, str]:
    """Why tensors without numbers have none, by name, else by role."""
    return {tensor.name or tensor.role: tensor.absent for tensor in record.tensors if tensor.absent}


def test_what_was_changed_since_it_was_read_says_so() -> None:
    w = ge.tensor([1.0, 2.0], requires_grad=True, name="w")
    loss = (w * w).sum()
    loss.backward(retain_graph=True)
    ge.optim.SGD([w], lr=0.1).step()
    record = validated(ge.record_graph(loss, names={}))
    assert changed(record) == {"w": "changed"}
    np.testing.assert_array_equal(values(record, record.nodes[0].outputs[0]), [1, 4])  # what was computed is kept
    np.testing.assert_array_equal(values(record, record.runs[0].leaves[0].after), [2, 4])

    large = np.ones((100, 100))
    x = ge.tensor(np.ones((100, 100)), requires_grad=True, name="x")
    total = (x * large).sum()
    large[:] = 3.0  # NumPy tells nobody
    assert changed(ge.record_graph(total, names={})) == {"constant": "changed"}

    shared = np.ones(3)
    leaf = ge.from_numpy(shared)
    leaf.requires_grad_()
    square = (leaf * leaf).sum()
    shared[:] = 4.0
    assert changed(ge.record_graph(square, names={"leaf": leaf})) == {"leaf": "changed"}


def test_values_that_backward_freed_say_so() -> None:
    from grad_engine.export.from_tensor import _Walk

    x = leaf([1.0, 2.0])
    z = (x * x).sum()
    z.backward()
    record = _Walk(z, {}, 64, 100, structure_only=True).record(None, None, "last")
    assert {tensor.absent for tensor in record.tensors} == {"freed"}
    assert ge.record.index_of(record).gone


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * x + x,
        lambda x: 2 - x * np.arange(2.0),
        lambda x: ge.concat([np.ones(2), x, x * 2]),
        lambda x: ge.where(np.array([True, False]), x, x * x),
        lambda x: ge.clip(x, x * 0.5, None),
        lambda x: ge.layer_norm(x, (2,), None, x),
        lambda x: ge.mse_loss(x, x * x),
        lambda x: (x @ x + 1) * 2,
    ],
)
def test_a_freed_graph_has_the_edges_that_it_had(f: Any, capsys: pytest.CaptureFixture[str]) -> None:
    from grad_engine.export.from_tensor import _Walk

    def edges(record: GraphRecord) -> list[tuple[str, str]]:
        return [(edge.sender, edge.receiver) for edge in record.edges]

    z = f(leaf([1.0, 2.0])).sum()
    kept = edges(ge.record_graph(z, explain=False))
    z.backward()
    assert edges(_Walk(z, {}, 64, 100, structure_only=True).record(None, None, "last")) == kept
    ge.visualize_graph(z)
    assert capsys.readouterr().out.count("Gradient accumulation") == len([e for e in kept if e[1].startswith("a")])


def test_one_constant_that_two_ops_read_is_one_tensor() -> None:
    x, c = leaf([1.0, 2.0]), np.array([3.0, 4.0])
    record = validated(ge.record_graph((x * c + c).sum(), names={}))
    assert record.counts.constants == 1
    other = validated(ge.record_graph((x * c + np.array([3.0, 5.0])).sum(), names={}))
    assert other.counts.constants == 2


def test_nodes_say_what_kind_of_op_they_are() -> None:
    x = leaf([1.0, 2.0])
    add, total = validated(ge.record_graph((x + 1.0).sum(), names={})).nodes
    assert add.elementwise and add.broadcasts and add.commutes and add.sentence
    assert not (total.elementwise or total.broadcasts or total.commutes)


def test_a_record_with_nan_among_its_arguments_equals_itself_after_a_round_trip() -> None:
    x = leaf([1.0, np.nan])
    record = ge.record_graph(ge.nan_to_num(x, nan=float("nan")).sum(), names={})
    assert from_json(to_json(record)) == record


def test_an_op_of_four_times_the_operands_takes_four_times_as_many_calls() -> None:
    """A step for each pair of operands would take sixteen times as many."""
    joined = [ge.concat([leaf([float(k)]) for k in range(count)]).sum() for count in (300, 1200)]
    small, large = (calls(lambda z=z: ge.record_graph(z, names={}, explain=False)) for z in joined)
    assert large < 5 * small
