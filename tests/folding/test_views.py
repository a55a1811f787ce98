"""What of a record is shown: several ops as one box, one op with what lies around it."""

from __future__ import annotations

import pytest

from grad_engine.errors import GradEngineError
from grad_engine.folding.groups import MOST_OPS
from grad_engine.folding.views import view
from grad_engine.record import RunEvent, SendEvent
from grad_engine.story import as_table, lesson
from tests import records
from tests.programs import example, network

FOLDED = {
    "chain": lambda: records.chain(60, (3,)),
    "diamond": lambda: records.diamond(30),
    "fan": lambda: records.fan(40),
    "network": lambda: network(12, scoped=False),
    "scopes": lambda: network(12, scoped=True),
    **{f"dense {seed}": lambda seed=seed: records.dense(70, seed, (2,)) for seed in range(6)},
}


@pytest.mark.parametrize("how", ["auto", "max"])
@pytest.mark.parametrize("name", FOLDED)
def test_a_fold_shows_no_more_and_no_less(name: str, how: str) -> None:
    """Every op is in one box, nothing is read before it is made, and what leaves a box is what its ops send out."""
    record = FOLDED[name]()
    shown = view(record, how)
    inside = [op.id for fold in shown.folds.values() for op in fold.ops]
    alone = [node.id for node in shown.record.nodes if node.id not in shown.folds]
    assert sorted([*inside, *alone]) == sorted(node.id for node in record.nodes)
    hidden = sum(fold.leaves for fold in shown.folds.values())
    assert len(shown.record.accumulators) + hidden == len(record.accumulators)
    home = {op.id: id for id, fold in shown.folds.items() for op in fold.ops} | {id: id for id in alone}
    made = {tensor.id for tensor in record.tensors} - {out for node in record.nodes for out in node.outputs}
    for node in shown.record.nodes:
        assert {operand.tensor for operand in node.inputs} <= made
        made |= set(node.outputs)
    there = {node.id for node in shown.record.nodes} | {a.id for a in shown.record.accumulators}
    for edge in shown.record.edges:
        assert {edge.sender, edge.receiver} <= there and edge.sender != edge.receiver
    (run,) = shown.record.runs
    (whole,) = record.runs
    ran = [event.node for event in run.events if isinstance(event, RunEvent)]
    assert sorted(ran) == sorted({home[event.node] for event in whole.events if isinstance(event, RunEvent)})
    came = {ran[0]}
    edges = {edge.id: edge for edge in shown.record.edges}
    for event in run.events:
        if isinstance(event, RunEvent):
            assert event.node in came  # a box runs when something has reached it
        elif isinstance(event, SendEvent):
            assert (
                ran.index(edges[event.edge].sender) < ran.index(receiver)
                if (receiver := edges[event.edge].receiver) in ran
                else True
            )
            came.add(edges[event.edge].receiver)
    sent = {event.edge: event.share for event in whole.events if isinstance(event, SendEvent)}
    assert {e.edge: e.share for e in run.events if isinstance(e, SendEvent)} == {id: sent[id] for id in edges}


def test_equal_layers_become_one_box_with_their_number() -> None:
    plain = view(network(12, scoped=False), "auto")
    assert [fold.label for fold in plain.folds.values()] == ["(matmul → add → tanh) ×12"]
    (box,) = plain.folds
    assert plain.folds[box].times == 12
    assert plain.folds[box].size == "36 ops, 24 leaves"
    scoped = view(network(12, scoped=True), "auto")
    assert [fold.label for fold in scoped.folds.values()] == [f"layer{k}" for k in range(12)]
    most = view(network(12, scoped=True), "max")
    assert "layer0 … layer11 ×12" in {node.op for node in most.record.nodes}


def test_folding_can_be_switched_off_and_leaves_small_graphs_alone() -> None:
    record = network(12, scoped=True)
    assert view(record, "none").record is record
    assert view(example("large"), "auto").folds == {}
    assert len(view(record, "auto").record.nodes) <= MOST_OPS


def test_a_focus_shows_what_leads_to_and_from_it() -> None:
    shown = view(example("large"), focus="x5")
    assert [node.id for node in shown.record.nodes] == ["n1", "n2", "n3", "n4", "n6"]
    assert shown.centres == {"n1"}
    assert shown.note == "Only what leads to and from x5; the graph has 7 ops"
    said = as_table(lesson(example("large"), focus="x5"))
    assert "x4" in said and "x1 " not in said  # what others made is there, how they did is not
    assert view(example("large"), focus="#1").record == shown.record
    assert view(example("large"), focus="n1").record == view(example("large"), focus="1").record == shown.record
    assert view(example("large"), focus="#1[0]").record == shown.record


def test_a_focus_counts_the_shares_that_come_from_elsewhere() -> None:
    shown = view(records.fan(12), focus="n1", most=3)
    assert len(shown.record.nodes) == 3
    assert shown.elsewhere["a0"] > 0


def test_a_focus_may_be_a_leaf_and_must_be_there() -> None:
    assert [node.id for node in view(example("large"), focus="x7").record.nodes] == ["n5", "n6"]
    with pytest.raises(GradEngineError, match=r"No op or leaf is called 'x9': focus on another, such as x4, x5"):
        view(example("large"), focus="x9")


def test_a_graph_too_large_for_a_picture_points_elsewhere() -> None:
    record = records.chain(5001)
    with pytest.raises(GradEngineError, match=r"5,001 operations.*focus.*tree"):
        view(record, "none")
    assert len(view(record, "auto").record.nodes) < 10
    assert len(view(record, "none", "#2500").record.nodes) == MOST_OPS
