"""The story that explains: which scenes are chosen, how long they take to read, and whether what they say is true."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.errors import GradEngineError
from grad_engine.export.from_tensor import record_graph
from grad_engine.folding.views import view
from grad_engine.record import GraphRecord, index_of
from grad_engine.record.explained import nudge_words, result_parts
from grad_engine.story.chooser import LONG, PHASES, SHORT, as_table, lesson
from grad_engine.story.insets import Lens
from grad_engine.story.scenes import LAST, Scene, words_in
from grad_engine.story.units import SMALL, units
from tests import records
from tests.programs import example
from tests.story.lessons import BOARDS, LESSONS, gated, leaf, lesson_of, mlp, neuron, record_of, recurrent, told, untrue

RAN = ("rule", "zero", "row", "passing", "sweep")  # scenes of ops whose rules run


def seconds(scenes: Sequence[Scene]) -> float:
    return sum(scene.seconds for scene in scenes)


@pytest.mark.parametrize("name", BOARDS)
def test_a_story_is_about_as_long_as_it_was_planned(name: str) -> None:
    assert lesson_of(name).seconds == pytest.approx(BOARDS[name][1], abs=3.0)


# The moves of the plan by their numbers: rules with numbers, paths, nudge, slopes, repeats, row and column, step,
# skyline, hues.
MOVES = {
    "blog": {1, 2, 3, 5, 10},
    "neuron": {1, 2, 3, 5, 8, 10},
    "large": {1, 2, 3, 5, 7, 10},
    "mlp": {1, 2, 3, 5, 7, 8, 10},
    "recurrent": {1, 2, 3, 5, 6, 7, 8, 9, 10},
}


@pytest.mark.parametrize("name", MOVES)
def test_a_story_makes_the_moves_that_were_planned(name: str) -> None:
    made = {move for scene in lesson_of(name) for move in scene.moves}
    lens = {5} if any(isinstance(scene.inset, Lens) for scene in lesson_of(name)) else set()
    assert MOVES[name] <= made | lens


@pytest.mark.parametrize("name", LESSONS)
def test_a_story_stays_within_its_time_and_nobody_has_to_hurry(name: str) -> None:
    record, scenes = record_of(name), lesson_of(name)
    assert seconds(scenes) <= (SHORT if len(record.nodes) <= SMALL else LONG) + 1e-9
    for scene in scenes:
        assert scene.words / (scene.seconds - 0.4) <= 4.0 + 1e-9, scene
        assert scene.seconds == pytest.approx(round(scene.seconds / 0.2) * 0.2)
        assert len(scene.equations) <= 3 and scene.sentence.count(". ") <= 1, scene


@pytest.mark.parametrize("name", LESSONS)
def test_every_op_of_backward_is_in_exactly_one_scene_in_its_order(name: str) -> None:
    record = record_of(name)
    index = index_of(record)
    ops = [
        op
        for s in lesson_of(name)
        if s.name in ("rule", "zero", "row", "passing", "sweep") and s.part == "Backward"
        for op in s.ops
    ]
    assert sorted(ops) == sorted(turn.node for turn in index.turns)
    opened = {op for unit in units(index) if unit.kind < 0 for op in unit.ops}
    place = {turn.node: k for k, turn in enumerate(index.turns)}
    alone = [op for op in ops if op in opened]
    assert alone == sorted(alone, key=place.__getitem__)


@pytest.mark.parametrize("name", LESSONS)
def test_an_equation_holds_for_the_numbers_that_it_shows(name: str) -> None:
    """To the last digit that is written."""
    assert untrue(lesson_of(name)) == []


@pytest.mark.parametrize("name", ["blog", "mlp", "recurrent", "dense"])
def test_with_less_time_scenes_are_left_out_whole_and_the_backbone_stays(name: str) -> None:
    record = record_of(name)
    before: Sequence[Scene] = lesson(record, length=200)
    for length in (75, 60, 45, 30, 15):
        scenes = lesson(record, length=length)
        assert seconds(scenes) <= seconds(before) + 1e-9
        names = [scene.name for scene in scenes]
        probed = record.explain is not None and record.explain.probe is not None
        for name_of in ("leaves", *(("nudge",) if probed else ()), "seed", "end"):
            assert name_of in names
        assert seconds(scenes) <= length + 1e-9 or not {"paths", "rule", "step", "headline"} & set(names)
        before = scenes


def test_equal_parts_are_told_once_and_swept() -> None:
    for name, times in (("recurrent", 6), ("gated", 6), ("scopes", 12)):
        scenes = lesson_of(name)
        swept = [scene for scene in scenes if scene.name == "sweep" and "do the same" in scene.sentence]
        assert len(swept) >= 2, as_table(scenes)
        assert any(f"The other {times - 1} steps do the same." == scene.sentence or times == 12 for scene in swept)
    assert any(scene.name == "headline" for scene in lesson(gated()))
    kinds = [unit.kind for unit in units(index_of(recurrent())) if unit.kind >= 0]
    assert len(kinds) == 6 and len(set(kinds)) == 1


def test_a_small_graph_is_never_folded() -> None:
    assert all(unit.kind < 0 for unit in units(index_of(mlp())))
    assert all(unit.kind < 0 for unit in units(index_of(records.chain(24))))


def test_half_a_story_and_a_story_around_one_op() -> None:
    record = example("blog")
    assert {scene.part for scene in lesson(record, phase="forward")} == {"Forward", LAST}
    assert not any(scene.name == "forward" for scene in lesson(record, phase="backward"))
    for whole, focus in ((records.dense(90, 2), "#40"), (gated(), "w3"), (example("large"), "x5"), (mlp(), "#4")):
        around = lesson(whole, focus=focus)
        assert seconds(around) <= SHORT
        assert around[0].name == "leaves" and around[-1].name == "end"
    with pytest.raises(GradEngineError, match="phase is 'sideways'"):
        lesson(record, phase="sideways")
    with pytest.raises(GradEngineError, match="positive number of seconds"):
        lesson(record, length=0)


def test_a_record_without_a_run_or_an_explanation_is_told_all_the_same() -> None:
    forward = lesson(record_graph(ge.exp(leaf(1.0, "x")), names={}))
    assert [scene.name for scene in forward] == ["leaves", "forward", "end"]
    plain = lesson(records.square())
    assert not any(scene.name in ("nudge", "check", "paths", "step") for scene in plain)
    assert {scene.number: scene.part for scene in plain} == {1: "Forward", 2: "Backward", 0: LAST}


@pytest.mark.parametrize("name", LESSONS)
@pytest.mark.parametrize("phase", PHASES)
def test_a_question_is_asked_only_where_the_answer_follows(name: str, phase: str) -> None:
    """The gradient of a leaf is the answer to how far it moves the result; where there is none nothing is asked."""
    record = record_of(name)
    scenes = lesson(record, phase=phase)
    index = index_of(record)
    for k, scene in enumerate(scenes):
        if "?" in scene.sentence:
            later = [*scenes][k + 1 :]
            told = any("\u0304" in text or "sent to" in text for each in later for text in words_of(each))
            assert told and index.passed and phase != "forward", scene


def words_of(scene: Scene) -> tuple[str, ...]:
    return (scene.sentence, *scene.equations, scene.remark)


def test_what_is_said_of_blog() -> None:
    said = as_table(lesson(example("blog")))
    for words in (
        "Nudge x2 by 0.001: it is used twice, and both places change.",
        "L moves 0.007: 7 times the nudge. Backward finds that for every leaf.",
        "At 2, x² has slope 4.",
        "sent to x2: g · 2 · x2 = 1 · 2 · 2 = 4",
        "stack and + pass g on unchanged.",
        "sent to x2: g · x3 = 1 · 3 = 3",
        "x̄2 = 4 + 3 = 7",
        "x2: the nudge measured 7.001, gradient 7: they agree.",
        "One backward pass: x̄1 = 3, x̄2 = 7, x̄3 = 2.",
    ):
        assert words in said.replace("x\u0304", "x̄"), said


LESSONS_WITH_L = [name for name in LESSONS if not name.startswith("reserved")]  # in which L is a tensor


def weighted() -> GraphRecord:
    root = leaf([1.0, 2.0], "x") * leaf([3.0, 4.0], "y")
    root.backward(np.array([1.0, 3.0]), retain_graph=True)
    return record_graph(root, names={"z": root})


@pytest.mark.parametrize("name", [*LESSONS_WITH_L, "weighted"])
def test_l_is_what_the_tree_says_it_is_and_is_said_where_it_is_first_named(name: str) -> None:
    record = weighted() if name == "weighted" else LESSONS[name]()
    result, meaning = result_parts(record)
    said = [text for scene in lesson(record) for text in (f"{scene.sentence} {scene.remark}",)]
    if meaning:
        first = next(text for text in said if re.search(rf"\b{result}\b", text))
        here = re.sub(r"#\d+(\[\d\])?", "the result", meaning)  # where it has no name
        assert f"{result}, {here}" in first  # in a sentence, and no remark
        assert not any("sum of z" in text and "finite part" in meaning for text in said)
    words = nudge_words(record)
    assert words is None or f"{result}, {meaning}," in words or not meaning or "no nudge" in words


@pytest.mark.parametrize("name", ["large", "blog", "neuron", "mlp", "gated", "heads", "everything"])
def test_what_a_part_cuts_off_is_named_as_in_the_whole_and_is_no_leaf(name: str) -> None:
    record = record_of(name)
    index = index_of(record)
    for focus in (*index.nodes, *index.accumulators):
        part = view(record, focus=focus)
        scenes = lesson(record, focus=focus)
        table = as_table(scenes)
        assert not re.search(r"\bn\d+\b", table), table
        leaves = [a for a in part.record.accumulators if a.id in index.accumulators]
        cut = [index.label(a.leaf) or "" for a in part.record.accumulators if a.id not in index.accumulators]
        first, last = scenes[0], scenes[-1]
        assert set(first.leaves) == {a.id for a in leaves} == set(last.leaves)
        assert ("from what is not shown" in first.remark) == bool(cut)
        assert all(label in first.remark for label in cut[:3])
        assert untrue(scenes) == [], focus


def test_the_gradients_of_a_part_are_those_of_the_whole() -> None:
    x, y = leaf(2.0, "x"), leaf(3.0, "y")
    record = told(x * y + ge.exp(x), "z")
    assert "= 10.39, " in lesson(record)[-1].sentence  # 3 + exp(2), of which the part shows only 3
    assert lesson(record, focus="y")[-1].sentence == lesson(record)[-1].sentence


def test_a_lonely_leaf_is_not_called_each_one() -> None:
    first = lesson(told(ge.exp(leaf(1.0, "x")), "z"))[0]
    assert first.sentence == "One leaf. If it grows a little, how many times that does z grow?"


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("percent", [0.0, 0.1, 0.6, 1.5, 1.9, 3.0])
def test_only_what_is_close_is_said_to_agree(dtype: str, percent: float) -> None:
    record = neuron()
    assert record.explain is not None and record.explain.probe is not None
    gradient = record.explain.probe.gradient
    probe = replace(record.explain.probe, ratio=gradient * (1 - percent / 100), agrees=percent < 2)
    tensors = tuple(replace(tensor, dtype=dtype) for tensor in record.tensors)
    record = replace(record, tensors=tensors, explain=replace(record.explain, probe=probe))
    said = next(scene.sentence for scene in lesson(record) if scene.name == "check")
    if percent >= 2:
        assert said.endswith("they do not agree.")
    elif percent > 0.5:
        cause = "the size of the nudge" if dtype == "float64" else "float32 rounding"
        assert said.endswith(f"{percent} % apart, likely by {cause}.")
    else:
        assert said.endswith(": they agree.")


def test_words_are_words_names_and_numbers_and_no_signs() -> None:
    assert words_in("At 2 the slope of x² is 4.") == 8
    assert words_in("x̄2 = g · 2 · x2 = 1 · 2 · 2 = 4, waits") == 9
    assert words_in("") == 0


def test_parts_are_numbered_only_where_the_whole_story_is_told() -> None:
    record = example("blog")
    assert {(s.number, s.part) for s in lesson(record)} == {
        (1, "Forward"),
        (2, "A nudge"),
        (3, "Backward"),
        (4, "Check"),
        (0, LAST),
    }
    assert {s.number for s in lesson(record, phase="backward")} == {0}


@pytest.mark.parametrize("name", LESSONS)
def test_tokens_are_the_words_and_say_where_their_numbers_stand(name: str) -> None:
    told = lesson_of(name)
    for scene in told:
        for line in (scene.said, *scene.lines, scene.remarked):
            for token in line:
                assert token.text and token.tone in ("ink", "muted", "value", "gradient", "done", "nonfinite")
                assert not token.leaf or token.leaf in told.leaves
                if token.source is None or token.source.kind == "share":
                    continue
                faces = told.ops | told.leaves
                face = faces[token.source.part]
                shown = face.value if token.source.kind == "value" else face.gradient
                if shown and shown[0] != "[":
                    assert shown == token.text.removesuffix(", up to rounding"), (scene.name, token)


def test_a_lesson_follows_the_number_that_the_record_explains() -> None:
    record = mlp()
    told = lesson(record)
    assert told.followed is not None
    assert lesson(record, follow=told.followed.text) == told
    with pytest.raises(GradEngineError, match=r"this record explains W1\[0,1\]; to follow W2\[0,0\], export it with"):
        lesson(record, follow="W2[0,0]")
    with pytest.raises(GradEngineError, match=r"follow='W2\[7,0\]' is no entry of W2"):
        lesson(record, follow="W2[7,0]")
    with pytest.raises(GradEngineError, match="leaves are W1"):
        lesson(record, follow="Q")


@pytest.mark.parametrize("name", LESSONS)
def test_a_share_is_called_the_gradient_only_where_it_is_all_that_arrives(name: str) -> None:
    """Two equations never give two numbers to one gradient."""
    found: dict[str, set[str]] = {}
    for scene in lesson_of(name):
        for equation in scene.equations:
            first, total = equation.split(" = ")[0], equation.split(" = ")[-1]
            if "\u0304" in first and "held" not in first:
                found.setdefault(first, set()).add(total)
    assert all(len(totals) == 1 for totals in found.values()), found


def test_the_product_that_makes_the_followed_gradient_is_told_with_all_its_terms() -> None:
    said = as_table(lesson_of("mlp")).replace("W\u0304", "W̄")
    assert "W1[0,1] is used for all 4 rows: their products add." in said
    row = next(scene for scene in lesson_of("mlp") if scene.name == "row" and "is used for" in scene.sentence)
    assert row.equations[0].count(" · ") == 4 and row.equations[0].endswith("= 1.425")
    check = next(scene.sentence for scene in lesson_of("mlp") if scene.name == "check")
    assert "measured 1.428, gradient 1.425" in check


def test_of_g_that_is_a_sum_the_product_on_the_path_and_the_others_are_shown() -> None:
    lines = [equation for scene in lesson_of("mlp") for equation in scene.equations]
    assert any("(3 others) = 1.288" in line for line in lines), lines
    assert any("(1s left out)" in line for line in lines)


def test_a_gate_names_the_entries_that_it_is_told_for() -> None:
    gate = next(scene for scene in lesson(mlp(), length=75) if "is a gate" in scene.sentence)
    assert gate.sentence == "relu is a gate: where its input was above 0, g passes; below 0, nothing."
    opened, shut = gate.equations
    assert (
        re.match(r"\[2,1\] input 1\.33\d?: ", opened) and re.match(r"\[2,\d\] input −", shut) and shut.endswith("= 0")
    )


@pytest.mark.parametrize("name", ["mlp", "neuron", "recurrent"])
def test_a_slope_is_written_in_its_sentence_as_in_the_lens_and_the_equations(name: str) -> None:
    scenes = lesson_of(name)
    record = record_of(name)
    assert record.explain is not None
    index = index_of(record)
    slopes = {index.edges[step.edge].sender: step.slope for step in record.explain.paths[0].steps}
    told = [scene for scene in scenes if "has slope" in scene.sentence and scene.ops[0] in slopes]
    assert told
    for scene in told:
        shown = scene.sentence.rsplit(" ", 1)[1].removesuffix(".")
        assert isinstance(scene.inset, Lens) and scene.inset.points[0].text == f"slope {shown}"
        assert abs(float(shown.replace("−", "-")) - slopes[scene.ops[0]]) <= 5e-4 * max(1.0, abs(slopes[scene.ops[0]]))
    if name == "mlp":
        path = next(scene for scene in scenes if scene.name == "paths")
        assert "has slope −3.201." in told[0].sentence and "· −3.201 ·" in path.equations[0]


def operands(count: int) -> GraphRecord:
    """One op of many operands, each a leaf."""
    result = ge.stack([ge.tensor([k / count, 1.0], requires_grad=True) for k in range(count)]).sum()
    result.backward(retain_graph=True)
    return record_graph(result)


def calls_of(record: GraphRecord) -> int:
    """How many functions are called, and generators resumed, to tell of a record."""
    calls = 0

    def seen(frame: object, event: str, _: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(seen)
    try:
        lesson(record)
    finally:
        sys.setprofile(before)
    return calls


def test_the_work_grows_with_the_operands_of_an_op() -> None:
    lesson(operands(10))  # what is read once is read before it is counted
    assert calls_of(operands(800)) < 2.5 * calls_of(operands(400))
