"""What a lesson must never say again: one law for each fault that was seen, over many records."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.record import index_of
from grad_engine.record.parts import AccumulateEvent
from grad_engine.story import Lesson, as_table, lesson
from grad_engine.story.names import spoken
from grad_engine.story.scenes import Place, Scene
from tests.story.faults import FAULTS
from tests.story.lessons import LESSONS, leaf, lesson_of, record_of, told, untrue

EXPLAINED = [name for name in LESSONS if name not in ("everything", "square")]  # others are made up by hand


def words_of(scene: Scene) -> str:
    return spoken(" | ".join((scene.sentence, *scene.equations, scene.remark, *scene.on_stage)))


def everything_said(told: Lesson) -> str:
    return "\n".join(map(words_of, told))


def scene_named(name: str, scene: str) -> Scene:
    return next(each for each in lesson_of(name) if each.name == scene)


@pytest.mark.parametrize("name", LESSONS)
def test_a_share_is_the_one_that_was_recorded(name: str) -> None:
    """Every number that stands for a share, a value or a gradient is one of that tensor, as it is written."""
    record = record_of(name)
    index = index_of(record)
    for scene in lesson_of(name):
        for line in scene.lines:
            for token in line:
                if token.source is None or token.source.kind != "share":
                    continue
                share = index.tensors[index.shares[token.source.part]]
                if share.data is None or share.data.values is None:
                    continue
                shown = token.text.replace("−", "-").replace("∞", "inf").removesuffix(", up to rounding")
                values = np.array(share.data.values, dtype=float)
                with np.errstate(all="ignore"):
                    near = np.isclose(
                        values, float(shown), rtol=5e-3, atol=1e-11 * max(1.0, float(np.abs(values).max()))
                    )
                same = near | (values == float(shown)) | (np.isnan(values) & np.isnan(float(shown)))
                assert same.any(), (scene, token)


def test_what_this_pass_sent_and_what_grad_holds_are_two_numbers() -> None:
    held = scene_named("backward_twice", "held")
    assert held.equations == ("held −1, this pass −1, now −2",)
    assert (
        "= −1, " in scene_named("backward_twice", "end").equations[0]
        if scene_named("backward_twice", "end").equations
        else "x̄ = −1" in spoken(scene_named("backward_twice", "end").sentence).replace("grad x", "x̄")
    )
    face = next(each for each in lesson_of("backward_twice").leaves.values() if each.name == "x")
    assert (face.gradient, face.held, face.now) == ("−1", "−1", "−2")


@pytest.mark.parametrize("name", LESSONS)
def test_a_gradient_that_is_told_is_what_this_pass_sent(name: str) -> None:
    """Never the accumulated `.grad`, which may hold more."""
    index = index_of(record_of(name))
    told = lesson_of(name)
    sent = {event.receiver: event.partial for event in (index.run.events if index.run else ())
            if isinstance(event, AccumulateEvent)}  # fmt: skip
    for id, face in told.leaves.items():
        if face.gradient and id in sent and index.tensors[sent[id]].shape == ():
            value = index.tensors[sent[id]].data.values[0]  # type: ignore[union-attr, index]
            shown = float(face.gradient.replace("−", "-").replace("∞", "inf"))
            assert np.isclose(shown, value, rtol=5e-3, atol=1e-11, equal_nan=True)


def test_values_that_were_changed_since_are_not_used() -> None:
    said = everything_said(lesson_of("optimiser_stepped"))
    assert "measured" not in said and "Step: new leaf" not in said and "We follow w[1,0]." in said


@pytest.mark.parametrize("name", ["ties", "zero_norm", "product_with_zero", "kink"])
def test_a_rule_that_chooses_is_told_in_words_and_not_in_numbers(name: str) -> None:
    said = everything_said(lesson_of(name))
    assert not re.search(r"[<>≤≥≠]|where\(", said)


@pytest.mark.parametrize("name", LESSONS)
def test_a_sum_over_repeated_numbers_has_its_terms(name: str) -> None:
    index = index_of(record_of(name))
    for scene in lesson_of(name):
        for line in scene.lines:
            edge = index.edges.get(line[-1].source.part) if line[-1].source is not None else None
            if edge is not None and edge.reduced_axes and line[-1].source == Place(edge.id, "share"):
                assert re.search(r" [+−] ", "".join(token.text for token in line)), scene


@pytest.mark.parametrize("name", ["reserved_names", "reserved_scalars"])
def test_g_and_l_mean_one_thing_where_tensors_have_these_names(name: str) -> None:
    said = everything_said(lesson_of(name))
    assert "incoming" in said and not re.search(r"\bg unchanged|passes g|times g\b(?! =)|slope of g\b", said)
    assert "L is the sum" not in said and "L, the sum" not in said and not re.search(r"\bL moves|\bL grows", said)


@pytest.mark.parametrize("name", LESSONS)
def test_g_is_introduced_before_it_is_used(name: str) -> None:
    scenes = [scene for scene in lesson_of(name) if scene.part == "Backward"]
    if scenes and scenes[0].name == "seed" and "what is not shown" not in scenes[0].sentence:
        assert re.search(r"\b(g|incoming)\b", scenes[0].sentence), scenes[0]


@pytest.mark.parametrize("name", LESSONS)
def test_numbers_have_their_sign_and_none_is_missing(name: str) -> None:
    told = lesson_of(name)
    said = everything_said(told)
    assert "?" not in said.replace("move z?", "").replace("hold?", "") or all(
        "?" not in equation for scene in told for equation in scene.equations
    )
    assert "scalar" not in said and "None" not in said
    assert not re.search(r"(?<!\w)-\d|\+ −|− −\d|e-\d|\binf\b|\bnan\b", said), said


def test_minus_infinity_keeps_its_sign() -> None:
    said = everything_said(lesson_of("minus_infinity"))
    assert "−∞ in 1 of 3" in said and "left of 0: −∞" not in said


@pytest.mark.parametrize("name", LESSONS)
def test_a_list_is_complete_or_says_how_many_more(name: str) -> None:
    told, index = lesson_of(name), index_of(record_of(name))
    first = told[0]
    if first.name == "leaves":
        shown = [text for text in first.on_stage if not text.startswith("and ")]
        more = [int(text.split()[1]) for text in first.on_stage if text.startswith("and ")]
        assert len(shown) + sum(more) == len(index.accumulators)
    end = told[-1]
    reached = sum(id in index.passed for id in index.accumulators)
    if " pass." in end.sentence and reached:
        count = re.findall(r"(\w+) gradients?, one pass", end.sentence)[0].lower()
        assert count in (str(reached), COUNTS.get(reached, "")), end


COUNTS = dict(
    enumerate(["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"])
)


def test_a_leaf_without_gradient_is_not_counted_among_those_with_one() -> None:
    x, y, v = leaf(2.0, "x"), leaf(-1.0, "y"), leaf([1.0, 2.0], "v")
    total = ge.where(ge.tensor([False, False], name="mask"), v, 0.0).sum() + x * y
    told_of = lesson(told(total, "z"))
    assert told_of[-1].sentence != "Three gradients, one pass." or len(index_of(told(total, "z")).passed) == 3


def test_operands_are_counted_and_not_ops() -> None:
    assert "used three times, and all three places change" in everything_said(lesson_of("used_twice"))
    x = leaf(3.0, "x")
    assert "used twice, and both places change" in everything_said(lesson(told(x * x, "z")))


@pytest.mark.parametrize("name", EXPLAINED)
def test_a_sum_at_a_leaf_has_numbers_and_is_told_where_it_is_large(name: str) -> None:
    index = index_of(record_of(name))
    told = lesson_of(name)
    for scene in told:
        if scene.name != "sum" or not scene.lines:
            continue
        (id,) = scene.leaves
        total = index.tensors[index.passed[id]].data
        if total is not None and total.values is not None:
            largest = max(map(abs, total.values))
            shown = float(scene.lines[0][-1].text.replace("−", "-").removesuffix(", up to rounding"))
            assert np.isclose(abs(shown), largest, rtol=5e-3, atol=1e-11), scene


def test_what_cancels_is_told_as_nothing() -> None:
    for name in ("cancellation", "cancelled_to_rounding", "three_axes"):
        said = everything_said(lesson_of(name))
        assert name == "cancellation" or "0, up to rounding" in said, as_table(lesson_of(name))
        for scene in lesson_of(name):
            assert not re.search(r"\de−1[4-9]", " ".join((scene.sentence, *scene.equations))), scene
        assert "kink" not in said


@pytest.mark.parametrize("name", LESSONS)
def test_one_number_has_one_spelling(name: str) -> None:
    """A number of the record is written alike in every equation and at its op."""
    told = lesson_of(name)
    spelled: dict[Place, str] = {}
    for scene in told:
        for line in (scene.said, *scene.lines):
            for token in line:
                if token.source is not None and re.match(r"−?\d", token.text):
                    text = token.text.removesuffix(", up to rounding")
                    assert spelled.setdefault(token.source, text) == text, (scene, token)
    for place, text in spelled.items():
        face = (told.ops | told.leaves).get(place.part)
        shown = "" if face is None else face.value if place.kind == "value" else face.gradient
        assert not shown or shown.startswith("[") or shown == text


@pytest.mark.parametrize("name", LESSONS)
def test_an_op_with_a_rule_of_its_own_has_a_scene_of_its_own(name: str) -> None:
    for scene in lesson_of(name):
        if scene.name in ("rule", "zero", "row"):
            assert len(scene.ops) == 1


@pytest.mark.parametrize("name", [name for name in LESSONS if name != "long_names"])  # in which # is part of a name
def test_a_bar_stands_over_names_only(name: str) -> None:
    for scene in lesson_of(name):
        for text in (scene.sentence, *scene.equations, scene.remark):
            assert not re.search(r"#̅|#̄", text), text


@pytest.mark.parametrize("name", LESSONS)
def test_there_is_no_table_at_the_end(name: str) -> None:
    end = lesson_of(name)[-1]
    assert end.name == "end" and end.words <= 20 and not end.lines and end.seconds <= 5.4


@pytest.mark.parametrize("name", LESSONS)
def test_a_large_graph_is_never_mute(name: str) -> None:
    """At least three rules with numbers where the record has them, the followed number, and a headline."""
    record, told = record_of(name), lesson_of(name)
    if len(record.nodes) < 20 or index_of(record).run is None:
        return
    numbers = [scene for scene in told if scene.name in ("rule", "row", "zero") and scene.lines]
    assert len(numbers) >= 3 or {node.op for node in record.nodes} <= {"add", "sum"}, as_table(told)
    assert any(scene.name == "headline" for scene in told), as_table(told)
    assert told.followed is not None and told.followed.text.split("[")[0] in everything_said(told)


def test_nan_is_told_where_it_is_born() -> None:
    said = everything_said(lesson_of("nan_in_the_middle"))
    assert "sqrt has no value left of 0: NaN in 1 of 3." in said
    lens = next(scene.inset for scene in lesson_of("nan_in_the_middle") if "no value" in scene.sentence)
    assert lens is not None and lens.off  # type: ignore[union-attr]


def test_a_gradient_that_is_not_finite_is_a_headline() -> None:
    assert scene_named("infinite_slope", "headline").sentence == "∞ born at sqrt: its share is ∞, in 1 of 2 entries."
    assert scene_named("hidden_nan", "headline").sentence == "NaN born at sqrt: its share is NaN, in 1 of 2 entries."


SCALAR_OPS: tuple[Callable[[Any, Any], Any], ...] = (
    lambda a, b: a * b, lambda a, b: a + b, lambda a, b: a - b, lambda a, b: ge.tanh(a), lambda a, b: a**2,
    lambda a, b: ge.sigmoid(a) * b, lambda a, b: ge.relu(a) + b, lambda a, b: a / (b * b + 1),
    lambda a, b: ge.sin(a * 1.5),
)  # fmt: skip
TENSOR_OPS: tuple[Callable[[Any, Any], Any], ...] = (
    lambda h, b: ge.tanh(h), lambda h, b: h * b, lambda h, b: ge.relu(h), lambda h, b: h - h.mean(),
    lambda h, b: ge.exp(h * 0.1), lambda h, b: ge.softmax(h, axis=-1),
)  # fmt: skip


def scalar_program(seed: int) -> Any:
    rng = np.random.default_rng(seed)
    known = [leaf(round(float(rng.normal()) * 2, 3), f"p{k}") for k in range(int(rng.integers(2, 5)))]
    for _ in range(int(rng.integers(3, 18))):
        a, b = (known[int(k)] for k in rng.integers(0, len(known), 2))
        known.append(SCALAR_OPS[int(rng.integers(0, len(SCALAR_OPS)))](a, b))
    return known[-1] + known[-2] * known[-3]


def tensor_program(seed: int) -> Any:
    rng = np.random.default_rng(seed)
    rows, inner, columns = (int(k) for k in rng.integers(1, 5, 3))
    x = ge.tensor(rng.normal(size=(rows, inner)), name="x")
    w, b = leaf(rng.normal(size=(inner, columns)), "w"), leaf(rng.normal(size=columns), "b")
    h = x @ w + b
    for _ in range(int(rng.integers(1, 5))):
        h = TENSOR_OPS[int(rng.integers(0, len(TENSOR_OPS)))](h, b)
    return (h**2).sum() if seed % 2 else h.mean()


@pytest.mark.parametrize("made", [scalar_program, tensor_program])
def test_equations_of_programs_that_nobody_chose_hold_to_their_last_digit(made: Callable[[int], Any]) -> None:
    for seed in range(20):
        story = lesson(told(made(seed), "z"))
        assert untrue(story) == [], seed
        for scene in story:
            assert scene.words <= 4.0 * (scene.seconds - 0.4) + 1e-9
            text = words_of(scene)
            assert not re.search(r"\+ −|− −\d|#̅|\?\?|None", text), (seed, text)


def test_scenes_come_in_the_order_of_their_parts() -> None:
    order = ["Forward", "A nudge", "Backward", "Check", "One step", "The end"]
    for name in FAULTS:
        parts = [order.index(scene.part) for scene in lesson_of(name)]
        assert all(a <= b for a, b in pairwise(parts))
