"""The beats of the page: what is told of a record op by op, in which order, with which words and numbers."""

from __future__ import annotations

import cProfile
import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from grad_engine import formula
from grad_engine.export.from_tensor import record_graph
from grad_engine.page.captions import Beat, Build, Close, Formula, Gather, Numbers, Run, Turn, Words
from grad_engine.page.forward_steps import ROOM, TOGETHER
from grad_engine.page.steps import beats as beats_of
from grad_engine.record import GraphRecord, RunEvent, SendEvent, index_of
from grad_engine.story.names import bar, spoken
from grad_engine.story.values import matrix, norm, shape_text, values
from tests import records
from tests.programs import branches, example, head, heads, long_names, network, perceptron


def told(beat: Beat) -> str:
    """All words of a beat's caption."""
    return " | ".join(
        piece.text for column in beat.columns for piece in (*column.rule, *column.notes, *column.did) if piece.text
    )


def named(beats: Sequence[Beat], name: str) -> Beat:
    return next(beat for beat in beats if beat.name == name)


STORIES = {
    "large": lambda: example("large"),
    "blog": lambda: example("blog"),
    "perceptron": perceptron,
    "long_names": long_names,
    "head": head,
    "heads": heads,
    "branches": branches,
    "network": lambda: network(5, scoped=True),
    "neuron": records.neuron,
    "square": records.square,
    "everything": records.everything,
    "diamond": lambda: records.diamond(6),
    "fan": lambda: records.fan(9),
    **{f"dense {seed}": lambda seed=seed: records.dense(20, seed, (2,)) for seed in range(6)},
}


@pytest.fixture(scope="module")
def large() -> list[Beat]:
    return beats_of(example("large"))


@pytest.mark.parametrize("name", STORIES)
def test_every_leaf_and_op_appears_once_and_after_what_it_reads(name: str) -> None:
    record = STORIES[name]()
    index = index_of(record)
    shown: list[str] = []
    for beat in beats_of(record):
        if isinstance(beat, Build):
            shown += beat.items
            for op in (item for item in beat.items if item in index.nodes):
                assert set(index.sources(op)) <= set(shown), (beat.name, op)
    assert len(shown) == len(set(shown))
    assert {*index.nodes, *index.accumulators} <= set(shown)


@pytest.mark.parametrize("name", STORIES)
def test_the_numbers_of_a_rule_are_what_was_sent(name: str) -> None:
    """A share shown is the record's share; g is the gradient that the run brought to the op."""
    record = STORIES[name]()
    index = index_of(record)
    for beat in beats_of(record):
        if isinstance(beat, Run):
            assert {sent.edge: sent.share.id for sent in beat.sent} == {
                edge.id: index.shares[edge.id]
                for node in beat.nodes
                for edge in index.outgoing(node)
                if edge.id in index.shares
            }
            known = {sent.share.id for sent in beat.sent} | {g for node in beat.nodes for g in index.gradients(node)}
            numbers = [piece for column in beat.columns for piece in column.did if isinstance(piece, Numbers)]
            assert {piece.tensor.id for piece in numbers} <= known, beat.name


@pytest.mark.parametrize("name", STORIES)
def test_the_summands_shown_make_the_sum_shown(name: str) -> None:
    for beat in beats_of(STORIES[name]()):
        if isinstance(beat, Gather) and not beat.more:
            parts = [values(part.tensor) for part in beat.parts]
            total = values(beat.total.tensor)
            if total is not None and all(part is not None for part in parts):
                assert np.allclose(sum(parts), total, equal_nan=True), beat.name  # type: ignore[arg-type]


@pytest.mark.parametrize("name", STORIES)
def test_broadcasting_is_said_forward_and_undone_backward(name: str) -> None:
    record = STORIES[name]()
    index = index_of(record)
    for beat in beats_of(record):
        if isinstance(beat, Build) and len(beat.columns) == 1:
            stretched = [flow for flow in beat.flows if flow.stretched is not None and flow.tensor.shape]
            to = {shape_text(flow.stretched) for flow in stretched}  # type: ignore[arg-type]  # not None
            assert not to or any(f"→ {shape}" in told(beat) for shape in to), beat.name
        if isinstance(beat, Run) and len(beat.nodes) == 1:
            for sent in beat.sent[:2]:
                assert (sent.raw is not None) == bool(index.edges[sent.edge].reduced_axes), beat.name
                assert sent.raw is None or "stretched, so Σ over" in told(beat), beat.name


@pytest.mark.parametrize("name", STORIES)
def test_the_closing_table_holds_what_the_run_left_at_each_leaf(name: str) -> None:
    record = STORIES[name]()
    index = index_of(record)
    close = beats_of(record)[-1]
    assert isinstance(close, Close)
    assert [row.accumulator for row in close.rows] == list(index.accumulators)[: len(close.rows)]
    assert len(close.rows) + close.more == len(index.accumulators)
    for row in close.rows:
        change = index.changes.get(row.accumulator)
        assert row.shares == len(index.arrivals.get(row.accumulator, ()))
        assert (row.gradient.id if row.gradient is not None else None) == (change.after if change else None)
        measured = index.measured(change.after) if change else None
        if measured is not None and measured.norm is not None:
            assert row.norm == formula.number(measured.norm)


@pytest.mark.parametrize("name", STORIES)
def test_what_is_not_finite_is_said_where_it_is_made(name: str) -> None:
    record = STORIES[name]()
    index = index_of(record)
    for beat in beats_of(record):
        if isinstance(beat, Build):
            for item in beat.items:
                measured = index.measured(index.nodes[item].outputs[0]) if item in index.nodes else None
                if measured is not None and measured.bad:
                    assert "NaN" in told(beat) or "∞" in told(beat), beat.name


def test_the_words_of_large_tell_its_story(large: list[Beat]) -> None:
    """One example read in full: what a viewer is told of it, in words that rules cannot check."""
    said = [told(beat) for beat in large]
    assert "x4 = [[4 5] [6 7] …]" in said[1] and "recorded as AddBackward" in said[1]
    wanted = ["x6 = #2 − x3", "NaN in 4 of 16 entries: carried on, not hidden", "all ones: L is the sum of z"]
    wanted += [f"{bar('x6')} = g / x6", "x3 was used twice", "z holds 4 NaN, yet every leaf gradient is finite"]
    for words in wanted:
        assert any(words in each for each in said), words


def test_values_stretch_where_an_op_broadcasts_them(large: list[Beat]) -> None:
    flows = {flow.link: flow for beat in large if isinstance(beat, Build) for flow in beat.flows}
    assert flows["e2"].stretched == (2, 4)
    assert flows["e6"].stretched == (4, 4)
    assert flows["e1"].stretched is None


def test_every_beat_has_a_subtitle_that_can_be_read_aloud(large: list[Beat]) -> None:
    for beat in large:
        assert beat.subtitle
        assert beat.subtitle.isprintable()
        assert not set(beat.subtitle) & {"\u0304", "\u0305"}
    assert spoken(f"{bar('x3')} += {bar('loss')}") == "grad x3 += grad loss"


def test_a_forward_record_says_that_backward_was_not_run() -> None:
    plain = records.neuron()
    forward = GraphRecord(
        plain.title, plain.expression, plain.counts, plain.roots, plain.tensors, plain.nodes, plain.edges,
        plain.accumulators, plain.forward,
    )  # fmt: skip
    beats = beats_of(forward)
    assert not any(isinstance(beat, Turn | Run) for beat in beats)
    close = beats[-1]
    assert isinstance(close, Close)
    assert not close.finished
    assert "Backward has not been run" in told(close)
    assert all(row.gradient is None for row in close.rows)


def test_a_square_reaches_its_leaf_twice() -> None:
    beats = beats_of(records.square())
    (run,) = [beat for beat in beats if isinstance(beat, Run)]
    assert [(s.k, s.of) for s in run.sent] == [(1, 2), (2, 2)]
    (gather,) = [beat for beat in beats if isinstance(beat, Gather)]
    assert "x was used twice" in told(gather)
    assert gather.total.text == f"{bar('x')} 6"


def test_a_second_backward_adds_to_what_the_leaf_held() -> None:
    module = importlib.import_module("grad_engine")
    x = module.tensor([1.0, 2.0], requires_grad=True, name="x")
    y = module.tensor(3.0, requires_grad=True, name="y")
    loss = (x * y).sum()
    loss.backward(retain_graph=True)
    loss.backward(retain_graph=True)
    beats = beats_of(record_graph(loss, names={"loss": loss}))
    gather = [beat for beat in beats if isinstance(beat, Gather)]
    assert {beat.receiver for beat in gather} == {"a0", "a1"}
    for beat in gather:
        assert "already held a gradient" in told(beat)
        assert beat.parts[0].label == "held before"


def test_several_roots_and_what_a_run_does_not_reach() -> None:
    ge = importlib.import_module("grad_engine")
    a = ge.tensor([1.0, 2.0], requires_grad=True)
    b = ge.tensor([3.0, 4.0], requires_grad=True)
    first, second = (a * b).sum(), b.exp().sum()
    second.backward(retain_graph=True)
    beats = beats_of(record_graph([first, second], names={"a": a, "b": b, "first": first, "second": second}))
    close = beats[-1]
    assert isinstance(close, Close)
    assert {row.name: row.gradient is not None for row in close.rows} == {"a": False, "b": True}
    assert "second does not depend on a" in told(close)


def test_constants_appear_with_the_op_that_reads_them() -> None:
    ge = importlib.import_module("grad_engine")
    given, wanted = ge.ones((2, 2), name="given"), ge.tensor([1.0, 2.0], name="wanted")
    w = ge.tensor([[1.0], [2.0]], requires_grad=True, name="w")
    loss = (given @ w - wanted).sum()
    loss.backward(retain_graph=True)
    record = record_graph(loss, names={})
    names = {tensor.id: tensor.name for tensor in record.tensors}
    shown = [[names.get(item, item) for item in beat.items] for beat in beats_of(record) if isinstance(beat, Build)]
    assert shown == [["a0"], ["given", "n0"], ["wanted", "n1"], ["n2"]]


def test_numbers_among_the_operands_stand_in_the_rules() -> None:
    beats = beats_of(example("blog"))
    rules = [p.text for b in beats for c in b.columns for p in c.rule if isinstance(p, Formula)]
    assert f"{bar('x1')} += g · 2 · x1" in rules  # x ** (2 - 1) is x
    assert "#0 = x1²" in rules


@pytest.mark.parametrize(
    ("numbers", "seed", "said"),
    [
        ([-1.0, 1.0], None, "#1 sqrt made the first NaN, #1 SqrtBackward sent the first NaN gradient."),
        ([0.0, 1.0], None, "#1 SqrtBackward sent the first ∞ gradient."),
        ([float("nan"), 1.0], None, "NaN came in with w, #1 SqrtBackward sent the first NaN gradient."),
        ([4.0, 1.0], float("inf"), "∞ came in with the seed."),
    ],
)
def test_where_the_first_nan_came_from_is_said_in_the_end(numbers: list[float], seed: float | None, said: str) -> None:
    ge = importlib.import_module("grad_engine")
    w = ge.tensor(numbers, requires_grad=True, name="w")
    with np.errstate(divide="ignore", invalid="ignore"):
        out = (w * 1.0).sqrt().sum()
        out.backward(seed, retain_graph=True)
    close = beats_of(record_graph(out, names={}))[-1]
    assert "The gradient of w is not finite" in told(close)
    assert said in told(close)


@pytest.mark.parametrize(
    ("made", "asked", "said"),
    [
        (
            lambda ge, w: ge.log(w - 3),
            "z holds NaN, and so would",
            "rule g / #0 reads #0, which is finite, so a number",
        ),
        (lambda ge, w: 1e307 * w + 1.7e308, "z holds ∞, so L is not finite either", "its rule g reads no value"),
        (lambda ge, w: 1 / ge.relu(w - 5), "z holds ∞", "a rule cut off what is not finite"),
        (lambda ge, w: w + np.array([np.nan, 1.0]), "z holds NaN", "No rule passed on what is not finite."),
        (lambda ge, w: (w + 1e200) * np.array([1e200, 1.0]), "z holds ∞", "reads const, which is finite"),
        (
            lambda ge, w: ge.log(w - 3).sum(),
            "z is NaN: each rule runs all the same",
            "made it; its rule g / #0 reads #0",
        ),
    ],
)
def test_a_finite_gradient_of_what_is_not_is_no_claim_of_a_slope(made: Any, asked: str, said: str) -> None:
    ge = importlib.import_module("grad_engine")
    w = ge.tensor([1.0, 2.0], requires_grad=True, name="w")
    with np.errstate(all="ignore"):
        z = made(ge, w)
        z.backward(ge.ones_like(z), retain_graph=True)
    beats = beats_of(record_graph(z, names={"z": z}))
    assert asked in told(named(beats, "turn"))
    assert "yet every leaf gradient is finite" in told(beats[-1])
    assert said in told(beats[-1])


def test_what_has_no_name_is_called_by_the_number_of_its_op_and_by_the_id_of_its_leaf() -> None:
    ge = importlib.import_module("grad_engine")
    q, r = ge.qr(ge.tensor([[2.0, 1.0], [0.5, 3.0]], requires_grad=True))
    out = (q * r).sum()
    out.backward(retain_graph=True)
    beats = beats_of(record_graph(out, names={}))
    assert told(named(beats, "forward-n0")).startswith("#0[0] = qr(a0)")
    assert told(named(beats, "forward-n1")).startswith("#1 = #0[0] · #0[1]")
    assert f"g = {bar('#1')} =" in told(named(beats, "backward-n1"))
    assert spoken(bar("#0")) == "grad #0"


def test_what_was_not_recorded_is_shown_by_its_shape() -> None:
    ge = importlib.import_module("grad_engine")
    x = ge.ones((50, 40), requires_grad=True)
    y = (x * 2).sum()
    y.backward(retain_graph=True)
    record = record_graph(y, names={"x": x, "y": y}, max_elements=4)
    x_record = next(tensor for tensor in record.tensors if tensor.name == "x")
    assert x_record.data is None or x_record.data.values is None
    close = beats_of(record)[-1]
    assert isinstance(close, Close)
    assert close.rows[0].norm == formula.number(norm(close.rows[0].gradient))  # type: ignore[arg-type]
    shown = matrix(x_record)
    assert shown is None or shown.more_below
    pieces = [p for b in beats_of(record) for c in b.columns for p in c.did if isinstance(p, Numbers)]
    assert all(piece.text for piece in pieces)


def test_tones_are_roles_of_the_palette() -> None:
    from grad_engine.draw.palette import DARK

    for record in (example("large"), records.everything(), records.square()):
        for beat in beats_of(record):
            for column in beat.columns:
                for piece in (*column.rule, *column.notes, *column.did):
                    assert not isinstance(piece, Words | Numbers) or hasattr(DARK, piece.tone)


def test_the_branches_of_a_diamond_share_their_beats() -> None:
    names = [beat.name for beat in beats_of(branches())]
    assert names == [
        *("leaf-a0", "forward-n0-n1", "forward-n2", "forward-n3", "turn", "seed"),
        *("backward-n3", "backward-n2", "backward-n1-n0", "sum-a0", "close"),
    ]
    shared = named(beats_of(branches()), "forward-n0-n1")
    assert isinstance(shared, Build)
    assert [column.rule[-1].text for column in shared.columns] == ["#0 = exp(x)", "#1 = tanh(x)"]
    assert [flow.source for flow in shared.flows] == ["a0", "a0"]
    run = named(beats_of(branches()), "backward-n1-n0")
    assert isinstance(run, Run)
    assert [(s.edge, s.receiver, s.k, s.of) for s in run.sent] == [("e1", "a0", 1, 2), ("e0", "a0", 2, 2)]
    assert "waits, 1 of 2" in told(run)


def test_projections_of_one_input_share_a_beat_and_name_what_there_is_room_for() -> None:
    (shared,) = [b for b in beats_of(heads()) if isinstance(b, Build) and len(b.columns) == 3]
    assert [item for item in shared.items if item in ("n0", "n1", "n5")] == ["n0", "n1", "n5"]
    for column in shared.columns:
        assert column.rule[-1].text.endswith("= linear(x, …)")


CROWDED = {
    "branches": branches,
    "heads": heads,
    "blog": lambda: example("blog"),
    "neuron": records.neuron,
    "diamond": lambda: records.diamond(6),
    "fan": lambda: records.fan(9),
    **{f"dense {seed}": lambda seed=seed: records.dense(20, seed, (2,)) for seed in range(8)},
}


@pytest.mark.parametrize("name", CROWDED)
def test_shared_beats_keep_what_the_record_says(name: str) -> None:
    """Nothing is read before it is told of; backward is told in its order, and a sum when its last share has come."""
    record = CROWDED[name]()
    beats = beats_of(record)
    there: set[str] = set()
    for beat in beats:
        if isinstance(beat, Build):
            ops = [item for item in beat.items if item in {node.id for node in record.nodes}]
            assert len(ops) <= TOGETHER and len(beat.columns) == max(len(ops), 1)
            for flow in beat.flows:
                assert flow.source in there or flow.source not in ops
            there |= set(beat.items)
    assert there >= {node.id for node in record.nodes}
    (run,) = record.runs
    told_of = [node for beat in beats if isinstance(beat, Run) for node in beat.nodes]
    assert told_of == [event.node for event in run.events if isinstance(event, RunEvent)]
    sent = [share.edge for beat in beats if isinstance(beat, Run) for share in beat.sent]
    assert sent == [event.edge for event in run.events if isinstance(event, SendEvent)]
    waits: set[str] = set()
    for beat in beats:
        if isinstance(beat, Gather):
            assert beat.receiver in waits
            waits.remove(beat.receiver)
        else:
            assert not waits, beat.name  # sums come before anything else happens
        if isinstance(beat, Run):
            assert not {share.receiver for share in beat.sent} & set(beat.nodes)
            waits |= {share.receiver for share in beat.sent if share.k == share.of > 1}
    for beat in beats:
        if len(beat.columns) > 1 and isinstance(beat, Build):
            assert max(len(column.rule[-1].text) for column in beat.columns) <= ROOM[len(beat.columns)]


def test_names_cannot_begin_a_line_of_the_subtitles() -> None:
    ge = importlib.import_module("grad_engine")
    x = ge.tensor(2.0, requires_grad=True, name="x\n\n2\n00:00:01,000 --> 00:00:09,000\x1b[31m")
    result = x * x
    result.backward(retain_graph=True)
    for beat in beats_of(record_graph(result, explain=False)):
        assert beat.subtitle.isprintable()


def test_the_work_grows_with_the_operands_of_an_op_and_not_with_their_square() -> None:
    few, many = (_work(_stacked(operands)) for operands in (1000, 2000))
    assert many < 2.5 * few


def _stacked(operands: int) -> GraphRecord:
    """One op of many leaves."""
    ge = importlib.import_module("grad_engine")
    result = ge.stack([ge.tensor(float(number), requires_grad=True) for number in range(operands)]).sum()
    result.backward(retain_graph=True)
    return record_graph(result, explain=False)


def _work(record: GraphRecord) -> int:
    """How many functions are called to tell a record."""
    calls = cProfile.Profile()
    calls.runcall(beats_of, record)
    return sum(each.callcount for each in calls.getstats())
