"""Text and equations as outlines."""

from __future__ import annotations

import cProfile
from dataclasses import replace

import numpy as np
import pytest

from animation.picture.equations import compiled, equation_outline, segments
from animation.picture.tensor import numbers, numbers_size
from animation.picture.text import drawable, middle_out, text_outline, text_width, words
from animation.playback import picture_of
from grad_engine.draw.palette import theme as palette
from grad_engine.record import TensorRecord
from grad_engine.story import story
from grad_engine.story.names import bar, headline
from grad_engine.story.values import Matrix, matrix
from tests.animation.support import RECORDS, legible
from tests.programs import perceptron

pytestmark = pytest.mark.film


def test_text_is_shortened_to_its_room_and_measured_as_it_is_drawn() -> None:
    for room in (0.0, 0.2, 0.7, 1.5, 9.0):
        primitive = words("gradient of the first weight", 0.25, "#FFFFFF", (0.0, 0.0), anchor="left", room=room)
        assert not len(primitive.points) or primitive.points[:, 0].max() <= room
    assert words("x", 0.25, "#FFFFFF", (0, 0), room=1).text == "x"
    shown = matrix(TensorRecord("t0", "value", (3,), "float64"))
    assert shown is None
    full = Matrix((("1", "NaN"), ("−2.5", "3")), ((False, True), (False, False)), False, True, True)
    part = numbers(full, 0.3, palette("dark"), "value", (1.0, 2.0))
    wide, high = numbers_size(full, 0.3)
    points = np.concatenate([primitive.points for primitive in part.primitives])
    assert points[:, 0].min() >= 1.0 and points[:, 0].max() <= 1.0 + wide + 1e-9
    assert np.ptp(points[:, 1]) <= high + 1e-9


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


def test_formulas_are_typeset_on_the_baseline_or_written_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    letter, lower = equation_outline("H", 1.0), equation_outline("p", 1.0)
    assert letter is not None and lower is not None
    assert letter.bottom == pytest.approx(0.0, abs=0.01) and letter.top == pytest.approx(0.68, abs=0.02)
    assert lower.bottom < -0.1
    bars = equation_outline("overline(x)", 1.0)
    assert bars is not None and bars.top > 0.45
    assert equation_outline("this is (not closed", 1.0) is None
    monkeypatch.setattr("animation.picture.equations.typesetter", lambda: None)
    for made in (equation_outline, compiled):
        made.cache_clear()
    try:
        assert equation_outline("H", 1.0) is None
        record = RECORDS["large"]()
        legible(picture_of(record, palette("dark")), story(record))
    finally:
        for made in (equation_outline, compiled):
            made.cache_clear()


def test_paths_of_all_letters_are_read() -> None:
    small = segments("M 1 1 h 2 v 2 l -2 0 z")
    large = segments("M 1 1 H 3 V 3 L 1 3 Z")
    assert small == large
    assert [round(abs(s[3] - s[0]), 6) for s in small] == [2.0, 2.0, 2.0, 2.0]
    (curve,) = segments("m 0 0 q 1 2 2 0")
    assert curve[1] == pytest.approx(complex(2 / 3, 4 / 3)) and curve[3] == 2


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
