"""The story as data: what is told of a record, in which order, with which words and numbers."""

from __future__ import annotations

import importlib
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

from grad_engine import formula
from grad_engine.errors import GradEngineError
from grad_engine.export.from_tensor import record_graph
from grad_engine.folding.groups import MOST_OPS
from grad_engine.folding.view import View, view
from grad_engine.record import GraphRecord, RunEvent, SendEvent
from grad_engine.story.beats import FRAME, Beat, Build, Close, Formula, Gather, Numbers, Outlook, Run, Seed, Turn, Words
from grad_engine.story.names import bar, spoken
from grad_engine.story.telling import LONGEST, ROOM, TOGETHER, story
from grad_engine.story.values import matrix, norm
from tests import records


def example(name: str) -> GraphRecord:
    """The record of an example, as its export would write it."""
    module = importlib.import_module(f"examples.{name}")
    return record_graph(module.z, names=vars(module), title=name)


@pytest.fixture(scope="module")
def large() -> tuple[Beat, ...]:
    return story(example("large"))


def told(beat: Beat) -> str:
    """All words of a beat's caption."""
    return " | ".join(
        piece.text for column in beat.columns for piece in (*column.rule, *column.notes, *column.did) if piece.text
    )


def named(beats: tuple[Beat, ...], name: str) -> Beat:
    return next(beat for beat in beats if beat.name == name)


def test_the_beats_of_large_follow_the_storyboard(large: tuple[Beat, ...]) -> None:
    assert [beat.name for beat in large] == [
        *("leaf-a0", "forward-n0", "forward-n1", "forward-n2", "forward-n3", "leaf-a3"),
        *("forward-n4", "forward-n5", "forward-n6", "turn", "seed", "backward-n6", "backward-n5", "backward-n4"),
        *("backward-n3", "backward-n2", "backward-n1", "sum-a2", "backward-n0", "close"),
    ]
    kinds = [Build] * 9 + [Turn, Seed] + [Run] * 6 + [Gather, Run, Close]
    assert [type(beat) for beat in large] == kinds


@pytest.mark.parametrize(
    ("beat", "words"),
    [
        ("leaf-a0", ["7 operations, 4 leaf tensors", "x1 = [[1 2] [3 4] …]", "x3 = [3 3 3 3]"]),
        ("forward-n0", ["x4 = x1 + 3", "recorded as AddBackward", "0/1: gradient shares", "x4 = [[4 5] [6 7] …]"]),
        ("forward-n1", ["x5 = x2 − x3", "x3 is broadcast (4,) → (2, 4)"]),
        ("forward-n2", ["#2 = x4 @ x5", "keeps x4 and x5 for backward"]),
        ("forward-n3", ["x6 = #2 − x3", "x3 is broadcast (4,) → (4, 4)", "x3 now has two users"]),
        ("leaf-a3", ["A new leaf, created here: x7 (4, 4)"]),
        ("forward-n4", ["#4 = ln(x6)", "NaN in 4 of 16 entries: carried on, not hidden"]),
        ("forward-n6", ["z = #4 + #5", "the root: forward is done, the graph is kept", "travels on"]),
        (
            "turn",
            ["the same edges are read the other way, from z to the leaves", "z holds NaN, and so would its sum L"],
        ),
        (
            "seed",
            ["∂L/∂z", "all ones: L is the sum of z", f"A bar means gradient: {bar('x')} = ∂L/∂x, by", "✓ complete"],
        ),
        ("backward-n5", [f"{bar('x7')} = g · #5", "[[2.718 2.718 2.718 2.718]"]),
        ("backward-n4", [f"{bar('x6')} = g / x6", "[[−1 0.125 0.05882 0.03846]"]),
        (
            "backward-n3",
            [f"{bar('x3')} += −g", "so Σ over axis 0: (4, 4) → (4,)", "waits, 1 of 2", "[4 −0.3208 −0.1535"],
        ),
        ("backward-n2", [f"{bar('x4')} = g @ x5ᵀ", f"{bar('x5')} = x4ᵀ @ g"]),
        ("backward-n1", [f"{bar('x2')} = g", f"{bar('x3')} += −g", "(2, 4) → (4,)", "[60 −4.321 −2.077 −1.367]"]),
        ("sum-a2", ["x3 was used twice", "from #3 [4 −0.3208", "from #1 [60 −4.321", "[64 −4.642 −2.23 −1.468]"]),
        ("backward-n0", [f"{bar('x1')} = g", "[[1.913 −1.197] [1.943 −1.458] …]"]),
        (
            "close",
            ["z holds 4 NaN, yet every leaf gradient is finite", "g / x6 reads x6, which is finite, so a number"],
        ),
    ],
)
def test_large_is_told_with_these_words_and_numbers(large: tuple[Beat, ...], beat: str, words: list[str]) -> None:
    said = told(named(large, beat))
    for some in words:
        assert some in said


def test_shares_of_large_travel_in_true_order_and_are_counted(large: tuple[Beat, ...]) -> None:
    sent = [(s.edge, s.receiver, s.k, s.of, s.raw) for beat in large if isinstance(beat, Run) for s in beat.sent]
    assert sent == [
        ("e9", "n4", 1, 1, None),
        ("e10", "n5", 1, 1, None),
        ("e8", "a3", 1, 1, None),
        ("e7", "n3", 1, 1, None),
        ("e5", "n2", 1, 1, None),
        ("e6", "a2", 1, 2, (4, 4)),
        ("e3", "n0", 1, 1, None),
        ("e4", "n1", 1, 1, None),
        ("e1", "a1", 1, 1, None),
        ("e2", "a2", 2, 2, (2, 4)),
        ("e0", "a0", 1, 1, None),
    ]


def test_large_ends_with_a_table_of_its_leaves(large: tuple[Beat, ...]) -> None:
    close = large[-1]
    assert isinstance(close, Close)
    assert [(row.name, row.leaf.shape, row.shares, row.norm) for row in close.rows] == [
        ("x1", (4, 2), 1, "4.901"),
        ("x2", (2, 4), 1, "42.67"),
        ("x3", (4,), 2, "64.22"),
        ("x7", (4, 4), 1, "10.87"),
    ]


def test_values_stretch_and_leaves_count_their_users(large: tuple[Beat, ...]) -> None:
    flows = {flow.link: flow for beat in large if isinstance(beat, Build) for flow in beat.flows}
    assert flows["e2"].stretched == (2, 4)
    assert flows["e6"].stretched == (4, 4)
    assert flows["e1"].stretched is None
    last = named(large, "forward-n6")
    assert isinstance(last, Build)
    assert last.users == {"a0": 1, "a1": 1, "a2": 2, "a3": 1}


def test_durations_are_whole_frames_within_the_limit(large: tuple[Beat, ...]) -> None:
    total = 0.0
    for beat in large:
        frames = beat.seconds / FRAME
        assert frames == pytest.approx(round(frames))
        total += beat.seconds
    assert 40 < total <= LONGEST
    half = story(example("large"), speed=2.0)
    assert sum(beat.seconds for beat in half) == pytest.approx(total / 2, rel=0.05)


def test_every_beat_has_a_subtitle_that_can_be_read_aloud(large: tuple[Beat, ...]) -> None:
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
    beats = story(forward)
    assert not any(isinstance(beat, Turn | Run) for beat in beats)
    close = beats[-1]
    assert isinstance(close, Close)
    assert not close.finished
    assert "Backward has not been run" in told(close)
    assert all(row.gradient is None for row in close.rows)


@pytest.mark.parametrize("phase", ["forward", "backward"])
def test_a_phase_can_be_left_out(phase: str) -> None:
    beats = story(example("large"), phase=phase)
    assert any(isinstance(beat, Run) for beat in beats) == (phase == "backward")
    building = [beat for beat in beats if isinstance(beat, Build)]
    assert len(building) == (1 if phase == "backward" else 9)
    assert {item for beat in building for item in beat.items} == {f"n{k}" for k in range(7)} | {
        f"a{k}" for k in range(4)
    }


def test_a_square_reaches_its_leaf_twice() -> None:
    beats = story(records.square())
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
    beats = story(record_graph(loss, names={"loss": loss}))
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
    beats = story(record_graph([first, second], names={"a": a, "b": b, "first": first, "second": second}))
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
    shown = [[names.get(item, item) for item in beat.items] for beat in story(record) if isinstance(beat, Build)]
    assert shown == [["a0"], ["given", "n0"], ["wanted", "n1"], ["n2"]]


def test_numbers_among_the_operands_stand_in_the_rules() -> None:
    beats = story(example("blog"))
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
    for shown in (record_graph(out, names={}), view(record_graph(out, names={}), focus="#0")):
        close = story(shown)[-1]
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
    beats = story(record_graph(z, names={"z": z}))
    assert asked in told(named(beats, "turn"))
    assert "yet every leaf gradient is finite" in told(beats[-1])
    assert said in told(beats[-1])


def test_what_has_no_name_is_called_by_the_number_of_its_op_and_by_the_id_of_its_leaf() -> None:
    ge = importlib.import_module("grad_engine")
    q, r = ge.qr(ge.tensor([[2.0, 1.0], [0.5, 3.0]], requires_grad=True))
    out = (q * r).sum()
    out.backward(retain_graph=True)
    beats = story(record_graph(out, names={}))
    assert told(named(beats, "forward-n0")).startswith("#0[0] = qr(a0)")
    assert told(named(beats, "forward-n1")).startswith("#1 = #0[0] · #0[1]")
    assert f"g = {bar('#1')} =" in told(named(beats, "backward-n1"))
    assert spoken(bar("#0")) == "grad #0"


@pytest.mark.parametrize("ops", [40, 300])
def test_a_larger_graph_is_told_in_few_beats(ops: int) -> None:
    record = records.dense(ops, 5)
    beats = story(record)
    assert len(beats) < 40
    assert sum(beat.seconds for beat in beats) <= LONGEST
    assert {n for beat in beats if isinstance(beat, Run) for n in beat.nodes} == {node.id for node in record.nodes}
    sent = [s.edge for beat in beats if isinstance(beat, Run) for s in beat.sent]
    assert sorted(sent) == sorted(edge.id for edge in record.edges)


def test_what_was_not_recorded_is_shown_by_its_shape() -> None:
    ge = importlib.import_module("grad_engine")
    x = ge.ones((50, 40), requires_grad=True)
    y = (x * 2).sum()
    y.backward(retain_graph=True)
    record = record_graph(y, names={"x": x, "y": y}, max_elements=4)
    x_record = next(tensor for tensor in record.tensors if tensor.name == "x")
    assert x_record.data is None or x_record.data.values is None
    close = story(record)[-1]
    assert isinstance(close, Close)
    assert close.rows[0].norm == formula.number(norm(close.rows[0].gradient))  # type: ignore[arg-type]
    shown = matrix(x_record)
    assert shown is None or shown.more_below
    pieces = [p for b in story(record) for c in b.columns for p in c.did if isinstance(p, Numbers)]
    assert all(piece.text for piece in pieces)


def test_tones_are_roles_of_the_palette() -> None:
    from grad_engine.draw.palette import DARK

    for record in (example("large"), records.everything(), records.square()):
        for beat in story(record):
            for column in beat.columns:
                for piece in (*column.rule, *column.notes, *column.did):
                    assert not isinstance(piece, Words | Numbers) or hasattr(DARK, piece.tone)


# ops that share a beat


def heads() -> GraphRecord:
    """Three projections of one input, then their product, as in attention; made one after the other."""
    ge = importlib.import_module("grad_engine")
    x = ge.ones((2, 3), name="x")
    given = {
        name: ge.full((3, 3) if name[-1] == "w" else (3,), 0.1 * k, requires_grad=True, name=name)
        for k, name in enumerate(("query_w", "query_b", "key_w", "key_b", "value_w", "value_b"))
    }
    query = ge.linear(x, given["query_w"], given["query_b"])
    looks = ge.softmax(query @ ge.linear(x, given["key_w"], given["key_b"]).mT)
    out = (looks @ ge.linear(x, given["value_w"], given["value_b"])).sum()
    out.backward(retain_graph=True)
    return record_graph(out, names={"out": out})


def branches() -> GraphRecord:
    """Two ways from one leaf to one result."""
    ge = importlib.import_module("grad_engine")
    x = ge.tensor([1.0, 2.0], requires_grad=True, name="x")
    out = (x.exp() * x.tanh()).sum()
    out.backward(retain_graph=True)
    return record_graph(out, names={"out": out})


def test_the_branches_of_a_diamond_share_their_beats() -> None:
    names = [beat.name for beat in story(branches())]
    assert names == [
        *("leaf-a0", "forward-n0-n1", "forward-n2", "forward-n3", "turn", "seed"),
        *("backward-n3", "backward-n2", "backward-n1-n0", "sum-a0", "close"),
    ]
    shared = named(story(branches()), "forward-n0-n1")
    assert isinstance(shared, Build)
    assert [column.rule[-1].text for column in shared.columns] == ["#0 = exp(x)", "#1 = tanh(x)"]
    assert [flow.source for flow in shared.flows] == ["a0", "a0"]
    assert shared.users == {"a0": 2}
    run = named(story(branches()), "backward-n1-n0")
    assert isinstance(run, Run)
    assert [(s.edge, s.receiver, s.k, s.of) for s in run.sent] == [("e1", "a0", 1, 2), ("e0", "a0", 2, 2)]
    assert "waits, 1 of 2" in told(run)


def test_projections_of_one_input_share_a_beat_and_name_what_there_is_room_for() -> None:
    (shared,) = [b for b in story(heads()) if isinstance(b, Build) and len(b.columns) == 3]
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
    beats = story(record)
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


def test_with_little_time_late_leaves_come_with_the_op_that_reads_them() -> None:
    beats = story(network(5, scoped=False))
    leaves = [beat for beat in beats if isinstance(beat, Build) and not any(item[0] == "n" for item in beat.items)]
    assert [beat.name for beat in leaves] == ["leaf-a0"]
    shown = [item for beat in beats if isinstance(beat, Build) for item in beat.items]
    assert len(shown) == len(set(shown))
    assert {item for item in shown if item[0] == "a"} == {f"a{k}" for k in range(10)}


def test_a_story_with_little_time_has_fewer_beats_and_large_has_enough() -> None:
    busy = story(records.dense(20, 3))
    assert sum(isinstance(b, Run | Build) for b in busy) < 2 * len(records.dense(20, 3).nodes)
    for beat in story(example("large")):
        assert not isinstance(beat, Run) or len(beat.nodes) == 1


# several ops as one box, and one op with what lies around it


def network(layers: int, scoped: bool) -> GraphRecord:
    """Equal layers one after the other: a product, a sum, an activation."""
    ge = importlib.import_module("grad_engine")
    h = ge.ones((5, 4), name="x")
    for k in range(layers):
        with ge.scope(f"layer{k}") if scoped else nullcontext():
            w = ge.full((4, 4), 0.1, requires_grad=True, name=f"w{k}")
            b = ge.full((4,), 0.1, requires_grad=True, name=f"b{k}")
            h = ge.tanh(h @ w + b)
    loss = (h * h).mean()
    loss.backward(retain_graph=True)
    return record_graph(loss, names={"loss": loss}, title="network")


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
    close = story(shown)[-1]
    assert isinstance(close, Close)
    assert len(close.rows) + close.more == len(record.accumulators)


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
    said = told(story(plain)[0])
    assert "38 operations, 24 leaf tensors, drawn as 3 boxes" in said


def test_folding_can_be_switched_off_and_leaves_small_graphs_alone() -> None:
    record = network(12, scoped=True)
    assert view(record, "none").record is record
    assert view(example("large"), "auto").folds == {}
    assert len(view(record, "auto").record.nodes) <= MOST_OPS


def test_a_focus_shows_what_leads_to_and_from_it() -> None:
    shown = view(example("large"), focus="x5")
    assert [node.id for node in shown.record.nodes] == ["n1", "n2", "n3", "n4", "n6"]
    assert shown.centres == {"n1"}
    said = " ".join(told(beat) for beat in story(shown))
    assert "Only what leads to and from x5; the graph has 7 ops" in said
    assert "x4" in said and "x1" not in said  # what others made is there, how they did is not
    assert "[64 −4.642 −2.23 −1.468]" in said
    assert view(example("large"), focus="#1").record == shown.record
    assert view(example("large"), focus="n1").record == view(example("large"), focus="1").record == shown.record
    assert view(example("large"), focus="#1[0]").record == shown.record


def test_a_focus_counts_the_shares_that_come_from_elsewhere() -> None:
    shown = view(records.fan(12), focus="n1", most=3)
    assert len(shown.record.nodes) == 3
    assert shown.elsewhere["a0"] > 0
    beats = story(shown)
    sums = [beat for beat in beats if isinstance(beat, Gather) and beat.receiver == "a0"]
    assert all(beat.more == 12 - len(beat.parts) for beat in sums)
    assert "of 12" in " ".join(told(beat) for beat in beats if isinstance(beat, Run))
    assert "from what is not shown" in told(beats[-1])


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


def test_a_large_graph_ends_with_what_stands_out() -> None:
    (beat,) = [beat for beat in story(records.dense(90, 4)) if isinstance(beat, Outlook)]
    said = told(beat)
    assert len(beat.marks) == 3
    assert "largest gradient" in said and "longest sum" in said and "smallest gradient" in said
    assert not any(isinstance(beat, Outlook) for beat in story(example("large")))


def test_a_whole_record_is_a_view_of_itself() -> None:
    record = example("blog")
    assert story(record) == story(View(record, record))
