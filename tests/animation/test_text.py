"""Text and equations as outlines."""

from __future__ import annotations

import cProfile
from dataclasses import replace

import pytest

from animation import theme
from animation.picture.facts import Bit
from animation.picture.panel import equation, width
from animation.picture.text import drawable, legible, middle_out, tail, text_outline, text_width, words
from grad_engine.story.names import bar, headline
from tests.programs import perceptron

pytestmark = pytest.mark.film


def test_text_is_shortened_to_its_room_and_measured_as_it_is_drawn() -> None:
    for room in (0.0, 0.2, 0.7, 1.5, 9.0):
        primitive = words("gradient of the first weight", 0.25, "#FFFFFF", (0.0, 0.0), anchor="left", room=room)
        assert not len(primitive.points) or primitive.points[:, 0].max() <= room
    assert words("x", 0.25, "#FFFFFF", (0, 0), room=1).text == "x"


@pytest.mark.parametrize("room", [0.4, 0.8, 1.4, 2.6, 9.0])
def test_of_a_name_that_is_too_wide_the_last_parts_are_kept(room: float) -> None:
    for name in ("blocks.0.ln_1.weight", "model.layers.11.kernel_weight", bar("blocks.0.ln_1.weight"), "h.0.w"):
        shown = tail(name, 0.27, room, True)
        assert text_width(shown, 0.27, True) <= room
        cut = shown.removeprefix("…")
        assert shown == name or (name.endswith(cut) and "…" not in cut) or text_width("…weight", 0.27, True) > room


@pytest.mark.parametrize("name", ["x", "a.very_long.name_of.some_module.with_a.weight"])
@pytest.mark.parametrize("terms", [1, 6, 40])
def test_an_equation_keeps_what_it_is_of_and_its_result(name: str, terms: int) -> None:
    """Whatever is too wide: letters go first, then type becomes smaller, then terms in the middle are left out."""
    sum_of = [
        bit for k in range(terms) for bit in (Bit(" + " if k else "", "#FFFFFF"), Bit(f"{k}.25 · 0.125", "#FFFFFF"))
    ]
    bits = [Bit(bar(name), "#FFFFFF"), Bit(" = ", "#FFFFFF"), *sum_of, Bit(" = ", "#FFFFFF"), Bit("12.5", "#FFFFFF")]
    for room in (13.0, 8.6):
        made, size = equation(bits, room)
        assert width(made, size) <= room and size in (theme.LARGE, theme.BODY)
        assert made[-1].text == "12.5" and made[0].text.endswith((bar("x"), bar("weight")))


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
