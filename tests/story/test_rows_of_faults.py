"""What the first film did wrong, row by row, and the tests that hold the rule against each.

Every row names tests that exist (checked here); those that were missing stand below the table.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import grad_engine as ge
from grad_engine.export.from_tensor import record_graph
from grad_engine.record import index_of
from grad_engine.story import as_table, lesson
from grad_engine.story.insets import Lens, RowColumn, ShareBars
from grad_engine.story.names import spoken
from grad_engine.story.units import SMALL
from tests.story.lessons import LESSONS, leaf, lesson_of, record_of

TESTS = Path(__file__).parents[1]
LESSON, FAULTS, STAGE, HERE = (
    "story/test_lesson.py",
    "story/test_lesson_faults.py",
    "animation/test_stage.py",
    "story/test_rows_of_faults.py",
)
# What was seen -> the tests against it, by file.
ROWS: dict[str, dict[str, tuple[str, ...]]] = {
    "backward twice, slopes over an accumulated .grad, an optimiser stepped before export": {
        FAULTS: (
            "test_what_this_pass_sent_and_what_grad_holds_are_two_numbers",
            "test_a_gradient_that_is_told_is_what_this_pass_sent",
            "test_values_that_were_changed_since_are_not_used",
        ),
    },
    "ties, max, a product of zero, an index array as a number": {
        FAULTS: (
            "test_a_rule_that_chooses_is_told_in_words_and_not_in_numbers",
            "test_a_share_is_the_one_that_was_recorded",
        ),
        LESSON: ("test_an_equation_holds_for_the_numbers_that_it_shows",),
    },
    "a share that is summed down, without the sum": {FAULTS: ("test_a_sum_over_repeated_numbers_has_its_terms",)},
    "a leaf called g or L": {
        FAULTS: (
            "test_g_and_l_mean_one_thing_where_tensors_have_these_names",
            "test_g_is_introduced_before_it_is_used",
        ),
        LESSON: ("test_l_is_what_the_tree_says_it_is_and_is_said_where_it_is_first_named",),
    },
    "−inf called inf, 'scalar' as a value": {
        FAULTS: ("test_minus_infinity_keeps_its_sign", "test_numbers_have_their_sign_and_none_is_missing"),
    },
    "lists that leave something out, statements on all that hold for some": {
        FAULTS: (
            "test_a_list_is_complete_or_says_how_many_more",
            "test_a_leaf_without_gradient_is_not_counted_among_those_with_one",
        ),
    },
    "two users for one op with two uses": {FAULTS: ("test_operands_are_counted_and_not_ops",)},
    "a sum announced without numbers, zeros shown whose sum is none": {
        FAULTS: ("test_a_sum_at_a_leaf_has_numbers_and_is_told_where_it_is_large",),
        HERE: ("test_shares_that_are_said_to_be_added_are_shown",),
    },
    "rounding as a number, numbers with two spellings, + −": {
        FAULTS: ("test_what_cancels_is_told_as_nothing", "test_one_number_has_one_spelling"),
        LESSON: ("test_a_slope_is_written_in_its_sentence_as_in_the_lens_and_the_equations",),
    },
    "two ops with two g in a scene": {FAULTS: ("test_an_op_with_a_rule_of_its_own_has_a_scene_of_its_own",)},
    "three axes shown as a matrix": {HERE: ("test_a_page_of_a_tensor_of_three_axes_is_named",)},
    "a tape with holes, #3 before #1": {
        LESSON: ("test_every_op_of_backward_is_in_exactly_one_scene_in_its_order",),
        FAULTS: ("test_scenes_come_in_the_order_of_their_parts",),
        HERE: ("test_no_op_is_told_of_by_its_number_alone",),
    },
    "unlabelled boxes, lines through boxes, colours without a key": {
        STAGE: (
            "test_a_shape_is_never_crossed_by_the_way_of_another",
            "test_every_box_of_a_row_has_a_whole_label",
            "test_the_line_over_the_skyline_has_a_key_an_axis_and_its_dots_below_their_boxes",
            "test_every_text_can_be_read_at_the_end_of_every_scene",
        ),
        "animation/test_captions.py": ("test_a_sentence_names_only_what_is_drawn",),
    },
    "signs with two meanings, bars over numbers": {
        FAULTS: ("test_a_bar_stands_over_names_only",),
        HERE: ("test_an_op_has_a_name_or_a_sign_of_school_mathematics",),
    },
    "never said: sqrt of a negative number, why zeros, that the graph is a derivative": {
        FAULTS: ("test_nan_is_told_where_it_is_born", "test_a_gradient_that_is_not_finite_is_a_headline"),
        HERE: (
            "test_a_zero_is_traced_to_what_made_it",
            "test_the_title_says_that_a_result_is_a_derivative",
        ),
    },
    "scalar ops without a number, an empty stage, a chain in one box": {
        LESSON: ("test_a_small_graph_is_never_folded",),
        FAULTS: ("test_a_large_graph_is_never_mute",),
        STAGE: ("test_a_small_graph_fills_the_stage",),
        HERE: ("test_every_op_of_single_numbers_has_its_value_and_its_gradient",),
    },
    "numbers that fly over words": {
        STAGE: (
            "test_numbers_that_wait_to_be_read_lie_apart_and_on_no_op_or_card",
            "test_values_stay_above_and_gradients_come_below_and_nothing_is_overwritten",
        ),
    },
    "titles and names cut with room left, definitions as remarks": {
        "animation/test_text.py": (
            "test_text_is_shortened_to_its_room_and_measured_as_it_is_drawn",
            "test_of_a_name_that_is_too_wide_the_last_parts_are_kept",
            "test_a_long_expression_is_shortened_in_the_middle_and_a_missing_one_is_made_up_for",
        ),
        LESSON: ("test_l_is_what_the_tree_says_it_is_and_is_said_where_it_is_first_named",),
    },
    "several notations for products and powers of ten, words of a private language": {
        HERE: ("test_there_is_one_notation_and_no_word_that_must_be_learnt",),
    },
    "too many words a second, a table at the end": {
        LESSON: ("test_a_story_stays_within_its_time_and_nobody_has_to_hurry",),
        FAULTS: ("test_there_is_no_table_at_the_end",),
    },
}


@pytest.mark.parametrize("row", ROWS)
def test_every_row_is_held_by_tests_that_exist(row: str) -> None:
    for file, names in ROWS[row].items():
        there = re.findall(r"^def (test_\w+)", (TESTS / file).read_text("utf-8"), re.MULTILINE)
        assert set(names) <= set(there), file


def said_in(name: str) -> str:
    return "\n".join(spoken(" ".join((s.sentence, *s.equations, s.remark))) for s in lesson_of(name))


@pytest.mark.parametrize("name", LESSONS)
def test_shares_that_are_said_to_be_added_are_shown(name: str) -> None:
    """As an equation, or as bars with their numbers; of leaves beside the followed one their largest."""
    for scene in lesson_of(name):
        if "gradients are added" in scene.sentence and scene.name == "paths":
            assert scene.lines or isinstance(scene.inset, ShareBars), scene


def test_a_page_of_a_tensor_of_three_axes_is_named() -> None:
    x, w = leaf([[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]], "x"), leaf([[1.0, -1.0], [0.5, 2.0]], "w")
    z = ((x @ w) ** 2).sum()
    z.backward(retain_graph=True)
    drawn = [scene.inset for scene in lesson(record_graph(z, names={"z": z}, explain="x[1,0,1]"), length=200)]
    pages = [inset for inset in drawn if isinstance(inset, RowColumn)]
    assert pages and all(re.search(r"\[\d, :, :\]$", inset.result.name) for inset in pages)
    assert "x[0, :, 1]" in str("".join(t.text for t in lesson_of("three_dimensions").expression))


@pytest.mark.parametrize("name", [name for name in LESSONS if name != "long_names"])  # in which # is part of a name
def test_no_op_is_told_of_by_its_number_alone(name: str) -> None:
    """Numbers of ops are names of boxes and of nameless results; no sentence tells what #3 does."""
    for scene in lesson_of(name):
        assert not re.search(r"#\d+ (sends|passes|runs|gets|makes|is)\b", scene.sentence), scene


@pytest.mark.parametrize("name", LESSONS)
def test_an_op_has_a_name_or_a_sign_of_school_mathematics(name: str) -> None:
    for face in lesson_of(name).ops.values():
        assert not re.search(r"[σΣ±∂∇]", face.sign) and face.sign != "H", face


def test_a_zero_is_traced_to_what_made_it() -> None:
    assert "x2 is 0, so w2 moves nothing." in said_in("neuron")
    gate = next(scene for scene in lesson_of("mlp") if "is a gate" in scene.sentence)
    assert gate.equations[1].endswith("· 0 = 0") and isinstance(gate.inset, Lens)
    assert "slope 0" in {point.text for point in gate.inset.points}


def test_the_title_says_that_a_result_is_a_derivative() -> None:
    x = leaf(0.5, "x")
    y = ge.sin(x * x)
    (slope,) = ge.grad(y, [x], create_graph=True)
    slope.backward(retain_graph=True)
    record = record_graph(slope, names={"y": y, "slope": slope})
    title = "".join(token.text for token in lesson(record).expression)
    assert record.expression.startswith("derivative of y by x: slope = ") and title.startswith("derivative of y by x: ")
    y.backward(create_graph=True)
    assert record_graph(x.grad, names={"y": y}).expression.startswith("derivative of y by x")
    plain = record_graph(y, names={"y": y})
    assert plain.expression.startswith("y = ")


@pytest.mark.parametrize("name", LESSONS)
def test_every_op_of_single_numbers_has_its_value_and_its_gradient(name: str) -> None:
    index, faces = index_of(record_of(name)), lesson_of(name).ops
    if len(index.nodes) > SMALL or index.run is None:
        return
    for turn in index.turns:
        tensor = index.tensors[index.nodes[turn.node].outputs[0]]
        if tensor.shape == () and tensor.data is not None:
            assert faces[turn.node].value and faces[turn.node].gradient, turn.node


@pytest.mark.parametrize("name", LESSONS)
def test_there_is_one_notation_and_no_word_that_must_be_learnt(name: str) -> None:
    said = said_in(name)
    assert not re.search(r"10\^|10⁻|· 10[⁰¹²³⁴⁵⁶⁷⁸⁹]|\d[eE]\+", said), as_table(lesson_of(name))
    assert not re.search(r"\b(keeps? \w+ for|is kept|lean|parcel|wishes|promised?|in a mean)\b", said)
    assert "Add over" not in said and "more like this" not in said
