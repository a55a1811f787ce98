"""The story as data: what is told of a record, in which order, with which words and numbers."""

from __future__ import annotations

import importlib

import pytest

from animation import theme
from animation.figures import matrix, norm
from animation.names import bar, spoken
from animation.story import Beat, Build, Close, Formula, Gather, Numbers, Run, Seed, Turn, Words, story
from grad_engine import formula
from grad_engine.export import record_graph
from grad_engine.record import GraphRecord
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
        ("forward-n0", ["x4 = x1 + 3", "recorded as AddBackward", "x4 = [[4 5] [6 7] …]"]),
        ("forward-n1", ["x5 = x2 − x3", "x3 is broadcast (4,) → (2, 4)"]),
        ("forward-n2", ["v2 = x4 @ x5", "keeps x4 and x5 for backward"]),
        ("forward-n3", ["x6 = v2 − x3", "x3 is broadcast (4,) → (4, 4)", "x3 now has two users"]),
        ("leaf-a3", ["A new leaf, created here: x7 (4, 4)"]),
        ("forward-n4", ["v4 = ln(x6)", "NaN in 4 of 16 entries: carried on, not hidden"]),
        ("forward-n6", ["z = v4 + v5", "the root: forward is done, the graph is kept", "travels on"]),
        ("turn", ["the same edges are read the other way, from z to the leaves", "the sum of z"]),
        ("seed", ["∂L/∂z", "all ones"]),
        ("backward-n5", [f"{bar('x7')} = g · v5", "[[2.718 2.718 2.718 2.718]"]),
        ("backward-n4", [f"{bar('x6')} = g / x6", "[[−1 0.125 0.05882 0.03846]"]),
        ("backward-n3", [f"{bar('x3')} += −g", "Σ over axis 0: (4, 4) → (4,)", "waits, 1 of 2", "[4 −0.3208 −0.1535"]),
        ("backward-n2", [f"{bar('x4')} = g @ x5ᵀ", f"{bar('x5')} = x4ᵀ @ g"]),
        ("backward-n1", [f"{bar('x2')} = g", f"{bar('x3')} += −g", "(2, 4) → (4,)", "[60 −4.321 −2.077 −1.367]"]),
        ("sum-a2", ["x3 was used twice", "from #3 [4 −0.3208", "from #1 [60 −4.321", "[64 −4.642 −2.23 −1.468]"]),
        ("backward-n0", [f"{bar('x1')} = g", "[[1.913 −1.197] [1.943 −1.458] …]"]),
        ("close", ["z holds 4 NaN, yet every leaf gradient is finite", "g / x6"]),
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
        frames = beat.seconds / theme.FRAME
        assert frames == pytest.approx(round(frames))
        total += beat.seconds
    assert 40 < total <= theme.LONGEST
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
    assert "v0 = x1²" in rules


def test_names_come_from_the_record_and_never_collide() -> None:
    ge = importlib.import_module("grad_engine")
    v1 = ge.tensor(2.0, requires_grad=True, name="v1")
    out = (v1 * v1).exp() + v1
    out.backward(retain_graph=True)
    beats = story(record_graph(out, names={"v1": v1}))
    assert "u1 = exp(u0)" in told(named(beats, "forward-n1"))


@pytest.mark.parametrize("ops", [40, 300])
def test_a_larger_graph_is_told_in_few_beats(ops: int) -> None:
    record = records.dense(ops, 5)
    beats = story(record)
    assert len(beats) < 40
    assert sum(beat.seconds for beat in beats) <= theme.LONGEST
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
