"""Text and equations as outlines."""

from __future__ import annotations

import cProfile
from dataclasses import replace

import pytest

from animation.picture.text import drawable, legible, middle_out, text_outline, text_width, words
from grad_engine.story.names import bar, headline
from tests.programs import perceptron

pytestmark = pytest.mark.film


def test_text_is_shortened_to_its_room_and_measured_as_it_is_drawn() -> None:
    for room in (0.0, 0.2, 0.7, 1.5, 9.0):
        primitive = words("gradient of the first weight", 0.25, "#FFFFFF", (0.0, 0.0), anchor="left", room=room)
        assert not len(primitive.points) or primitive.points[:, 0].max() <= room
    assert words("x", 0.25, "#FFFFFF", (0, 0), room=1).text == "x"


def test_the_font_has_every_sign_that_is_used() -> None:
    signs = set("0123456789abcxyzABCXYZ()[]{}+−×·/=<>≤≥≠#,.:;…→←✓Σ∂‖∞ᵀ⁻²³¬") | set(bar("x") + bar("loss"))
    assert drawable("".join(signs))
    from grad_engine.core.op import OPS

    readable = [op.symbol for op in OPS.values() if drawable(op.symbol)]
    assert len(readable) > len(OPS) / 2  # the others are written as their name
    assert all(drawable(name) for name in OPS)


def test_a_sign_without_a_glyph_is_a_box_and_never_nothing() -> None:
    assert len(text_outline("⊛", 0.3).points)


def test_a_bar_lies_over_its_letter() -> None:
    plain, barred = text_outline("x", 1.0), text_outline(bar("x"), 1.0)
    assert barred.width == plain.width
    assert barred.top > plain.top
    assert text_outline(bar("loss"), 1.0).width == text_outline("loss", 1.0).width


def test_a_long_expression_is_shortened_in_the_middle_and_a_missing_one_is_made_up_for() -> None:
    record = perceptron()
    assert record.expression == "" and headline(record) == "perceptron: loss = mean(…)"
    long = replace(record, expression="loss = mean((relu(inputs @ w1 + b1) @ w2 + b2 − wanted)²)")
    shown = middle_out(headline(long), 0.3, 4.0)
    assert text_width(shown, 0.3) <= 4.0 and shown.startswith("loss = mean(") and shown.endswith("wanted)²)")


def test_the_middle_of_a_long_text_is_left_out_in_linear_time() -> None:
    few, many = (_work("x1 + " * (signs // 5)) for signs in (4_000, 8_000))
    assert many < 2.5 * few


def _work(text: str) -> int:
    """How many functions are called to leave out the middle."""
    calls = cProfile.Profile()
    calls.runcall(middle_out, text, 0.3, 7.0)
    return sum(each.callcount for each in calls.getstats())


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("loss ∂", "loss ∂"), ("😀 x", "U+1F600 x"), ("中文", "U+4E2D U+6587"), ("n\u0303", "n\u0303"),
        ("e\u0301 ❤\ufe0f", "é U+2764"), ("👩\u200d👧", "U+1F469 U+1F467"), ("", ""),
    ],
    ids=["the font's own", "emoji", "another script", "one sign of two", "accents", "joined signs", "nothing"],
)  # fmt: skip
def test_signs_that_the_font_lacks_are_written_as_their_numbers(text: str, drawn: str) -> None:
    assert legible(text) == drawn
    assert text_width(text, 1.0) == text_width(drawn, 1.0)
