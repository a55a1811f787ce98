"""The index of a record answers what a slow search through the record would answer."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

import grad_engine as ge
from grad_engine.record import AccumulateEvent, DataRecord, GraphRecord, RunEvent, SendEvent, TensorRecord, index_of
from grad_engine.record.index import is_plain_number, mark, measure, short_name, single_number, together
from tests.records import calls, chain, dense, diamond, everything, fan, neuron, square

RECORDS = {
    "everything": everything(),
    "square": square(),
    "neuron": neuron(),
    "diamond": diamond(10),
    "dense": dense(80, seed=5),
    "without a run": replace(dense(40, seed=6), runs=()),
}


@pytest.fixture(params=RECORDS.values(), ids=RECORDS)
def record(request: pytest.FixtureRequest) -> GraphRecord:
    return request.param


def two_passes() -> GraphRecord:
    """The record of a second backward pass into leaves that still hold the first gradient: 3 + 3 = 6."""
    x = ge.tensor(2.0, requires_grad=True, name="x")
    y = x * 3.0
    y.backward(retain_graph=True)
    y.backward(retain_graph=True)
    return ge.record_graph(y)


def test_one_record_has_one_index_and_a_changed_copy_has_its_own(record: GraphRecord) -> None:
    first = index_of(record)
    assert index_of(record) is first
    copy = replace(record, title="another")
    assert index_of(copy) is not first
    assert index_of(copy).record is copy
    assert replace(record) == record


def test_parts_are_found_by_their_ids(record: GraphRecord) -> None:
    index = index_of(record)
    sections = (record.tensors, record.nodes, record.edges, record.accumulators)
    tables = (index.tensors, index.nodes, index.edges, index.accumulators)
    for parts, table in zip(sections, tables, strict=True):
        assert list(table.values()) == list(parts)
        assert all(table[part.id] is part for part in parts)


def test_producers_and_readers_agree_with_a_search(record: GraphRecord) -> None:
    index = index_of(record)
    for tensor in record.tensors:
        made = [node.id for node in record.nodes if tensor.id in node.outputs]
        made += [leaf.id for leaf in record.accumulators if leaf.leaf == tensor.id]
        assert index.producer(tensor.id) == (made[0] if made else None)
        uses = [(node.id, each.slot) for node in record.nodes for each in node.inputs if each.tensor == tensor.id]
        assert [(use.node.id, use.operand.slot) for use in index.uses.get(tensor.id, ())] == uses
    for part in (*index.nodes, *index.accumulators):
        outputs = index.outputs(part)
        readers = [node.id for node in record.nodes if any(each.tensor in outputs for each in node.inputs)]
        assert index.readers(part) == readers
        assert all(part in index.sources(reader) for reader in readers)


def test_edges_know_their_operand_their_rule_and_the_tensor_at_their_end(record: GraphRecord) -> None:
    index = index_of(record)
    for edge in record.edges:
        sender = index.nodes[edge.sender]
        operand = next(each for each in sender.inputs if each.edge == edge.id)
        assert index.operands[edge.id] is operand
        if edge.output == 0:  # one record of these tests has an edge to an output that its sender does not read
            assert index.target(edge.id) == operand.tensor
        rules = sender.formula.vjp if sender.formula is not None else ()
        assert index.rules.get(edge.id) is next((rule for rule in rules if rule.slot == edge.slot), None)
        assert edge in index.incoming[edge.receiver]
        assert edge in index.outgoing(edge.sender)
        assert (edge.receiver, edge) in [(end, each) for end, edges in index.receivers(edge.sender) for each in edges]


def test_a_run_is_told_in_turns_that_hold_every_event(record: GraphRecord) -> None:
    index = index_of(record)
    if not record.runs:
        assert not index.turns and not index.steps and not index.shares and not index.changes
        return
    told = [event for turn in index.turns for event in (RunEvent(turn.node), *turn.events)]
    assert told == list(record.runs[-1].events)
    assert list(index.steps.values()) == list(range(1, len(index.turns) + 1))
    for event in record.runs[-1].events:
        if isinstance(event, SendEvent):
            assert index.shares[event.edge] == event.share
        elif isinstance(event, AccumulateEvent):
            assert index.places[event.edge] == (event.k, event.of)
            assert index.sums[event.receiver][event.k - 1] == event.edge


def test_without_a_run_shares_have_the_places_that_they_will_have() -> None:
    with_run = dense(40, seed=6)
    before, after = index_of(replace(with_run, runs=())), index_of(with_run)
    for part, edges in after.sums.items():
        assert list(before.sums[part]) == list(edges)
    for edge, place in after.places.items():
        assert before.places[edge] == place


def test_what_a_pass_sent_and_what_a_leaf_held_are_two_numbers() -> None:
    index = index_of(two_passes())
    change = index.changes["a0"]
    assert change.before is not None
    held, sent, now = (single_number(index.tensors[id]) for id in (change.before, index.passed["a0"], change.after))
    assert (held, sent, now) == (3.0, 3.0, 6.0)


def test_names_numbers_ids_and_module_paths_are_found() -> None:
    with ge.scope("net"):
        x = ge.tensor([1.0, 2.0], requires_grad=True, name="x")
        with ge.scope("first"):
            y = x * 2.0
        with ge.scope("second"):
            z = ge.sum(ge.exp(y))
    record = ge.record_graph(z, names={})
    index = index_of(record)
    assert index.find("x") == ["a0"] == index.find("a0")
    assert index.find("#1") == index.find(1) == index.find("1") == index.find("n1") == index.find("#1[0]") == ["n1"]
    assert index.find("net.second") == ["n1", "n2"]
    assert index.find("net") == ["n0", "n1", "n2"]
    assert index.find("ne") == index.find("net.") == index.find("#9") == index.find("") == index.find("t0") == []
    assert index.names() == ["x"]
    assert index.scopes["net.first"] == ["n0"]


def test_a_name_that_looks_like_a_number_means_the_tensor_that_bears_it() -> None:
    program = dense(10, seed=1)
    tensors = tuple(
        replace(each, name="#1") if each.id == program.nodes[0].outputs[0] else each for each in program.tensors
    )
    assert index_of(replace(program, tensors=tensors)).find("#1") == ["n0"]


def test_labels_say_where_a_nameless_tensor_comes_from() -> None:
    x = ge.tensor([3.0, 1.0, 2.0])
    x.requires_grad_()
    q, _ = ge.linalg.qr(ge.reshape(x, (3, 1)) + [[1.0], [2.0], [3.0]])
    z = ge.sum(q * [[2.0], [1.0], [0.5]]) * 4.0
    index = index_of(ge.record_graph(z, names={}))
    assert index.label("t0") == "a0"
    labels = {index.label(operand.tensor) for node in index.record.nodes for operand in node.inputs}
    assert {"a0", "#0", "c1", "c2", None} <= labels
    qr = next(node for node in index.record.nodes if node.op == "qr")
    assert [index.label(out) for out in qr.outputs] == [f"{mark(qr.id)}[0]", f"{mark(qr.id)}[1]"]
    numbers = [tensor for tensor in index.record.tensors if is_plain_number(tensor)]
    assert [single_number(tensor) for tensor in numbers] == [4.0]
    assert index.label(numbers[0].id) is None


def test_ops_commute_only_where_operands_may_change_places() -> None:
    x, y = (ge.tensor([[2.0, 1.0], [3.0, 1.0]], requires_grad=True, name=name) for name in "xy")
    for made, expected in ((x + y, True), (x * y, True), (x - y, False), (x / y, False), (x @ y, False)):
        record = ge.record_graph(made)
        assert index_of(record).commutes("n0") is expected
        old = replace(record, version="1.0", nodes=tuple(replace(node, commutes=False) for node in record.nodes))
        assert index_of(old).commutes("n0") is expected
    assert index_of(neuron()).formula("n0") == ["*", "x", "y"]
    assert index_of(replace(square(), nodes=(replace(square().nodes[0], formula=None),))).formula("n0") is None


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((3.0, 4.0), (5.0, 0, 0, 2)),
        ((), (0.0, 0, 0, 0)),
        ((math.nan, 1.0, math.nan), (None, 2, 0, 3)),
        ((math.inf, -math.inf, math.nan), (None, 1, 2, 3)),
        ((1e308, 1e308), (1.414213562373095e308, 0, 0, 2)),
        ((1.7e308, 1.7e308), (math.inf, 0, 0, 2)),
    ],
)
def test_a_measure_counts_what_is_not_finite(values: tuple[float, ...], expected: tuple[object, ...]) -> None:
    found = measure(TensorRecord("t0", "value", (len(values),), "float64", data=DataRecord(values)))
    assert found is not None
    assert found[1:] == expected[1:]
    assert found.norm == (expected[0] if expected[0] is None else pytest.approx(expected[0]))
    assert measure(TensorRecord("t0", "value", (2,), "float64")) is None


def test_several_tensors_are_measured_as_one() -> None:
    one, two = (measure(TensorRecord("t0", "value", (1,), "float64", data=DataRecord((x,)))) for x in (3.0, 4.0))
    assert one is not None and two is not None
    assert together([one, two]) == (5.0, 0, 0, 2)
    assert together([]) is None


def test_the_first_nonfinite_value_and_gradient_are_found() -> None:
    x = ge.tensor([-1.0, 2.0], requires_grad=True, name="x")
    w = ge.tensor([1.0, 1.0], requires_grad=True, name="w")
    with pytest.warns(RuntimeWarning):
        z = ge.sum(ge.ln(x * w))
    z.backward(retain_graph=True)
    index = index_of(ge.record_graph(z))
    assert [origin.part for origin in index.value_origins] == ["n1"]
    assert index.value_origins[0].measure.nan == 1
    assert index.gradient_origin is None
    broken = index_of(two_passes())
    assert list(broken.value_origins) == []


def test_short_names_drop_the_ending_of_the_family() -> None:
    assert short_name(neuron().nodes[0]) == "Mul"
    assert mark("n12") == "#12"
    assert mark("a0") == "a0"


def test_an_index_of_ten_times_the_ops_takes_ten_times_as_many_calls() -> None:
    """A quadratic table would take a hundred times as many."""

    def asked(record: GraphRecord) -> None:
        index = index_of(replace(record))
        for name in ("makers", "uses", "incoming", "operands", "rules", "turns", "places", "passed", "scopes"):
            getattr(index, name)
        for tensor in record.tensors:
            index.label(tensor.id)
            index.measured(tensor.id)
        for node in record.nodes:
            index.find(node.id), index.readers(node.id), index.gradient(node.id)
        _ = index.value_origins, index.gradient_origin

    for make in (chain, fan):
        small, large = make(200), make(2000)
        assert calls(lambda record=large: asked(record)) < 12 * calls(lambda record=small: asked(record))
