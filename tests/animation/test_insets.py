"""Insets: what is drawn stays in its box, can be read, and is whole in the end."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from animation import theme
from animation.picture.inset import Box, Drawn, lengths_of
from animation.picture.inset_lens import smooth
from animation.picture.inset_step import broken_lengths
from animation.picture.insets import INSETS
from animation.picture.text import cap_height
from animation.render.primitives import Primitive
from grad_engine.draw.palette import DARK, LIGHT, Palette
from grad_engine.formula import number
from grad_engine.story.insets import (
    CheckBars,
    Inset,
    Lens,
    LensPoint,
    RowColumn,
    ShareBar,
    ShareBars,
    Sheet,
    SkyBar,
    Skyline,
    StepBars,
)

BOXES = {
    "lens": Box(2.55, -3.55, 6.55, -1.62),
    "bars": Box(-6.49, -3.66, 6.49, -2.06),
    "graph": Box(-6.70, -1.20, 6.70, 3.22),
    "skyline": Box(-6.55, -1.16, 6.55, 0.55),
}


def curve(formula: str, low: float, high: float, at: list[float], slopes: list[float]) -> Lens:
    def y(x: float) -> float | None:
        try:
            return float(eval(formula, {"x": x, **vars(math)}))
        except ValueError:
            return None

    xs = [low + (high - low) * k / 32 for k in range(33)]
    points = tuple(LensPoint(x, y(x) or 0.0, s, f"slope {s:g}") for x, s in zip(at, slopes, strict=True))
    off = ((low, 0.0),) if "log" in formula or "sqrt" in formula else ()
    return Lens(formula[:4], (low, high), tuple(map(y, xs)), points, off, "no value left of 0" if off else "")


def sheet(name: str, rows: int, columns: int, numbers: list[tuple[int, int, str]], framed: tuple[int, ...]) -> Sheet:
    sizes = tuple((k % 7) / 6 for k in range(rows * columns))
    a, b, c, d = framed
    return Sheet(name, "value", "a0", rows, columns, sizes, tuple(numbers), (a, b, c, d))


def product(rows: int, inner: int, columns: int, text: str) -> RowColumn:
    last = columns - 1
    return RowColumn(
        sheet("Xᵀ", rows, inner, [(0, k, text) for k in range(inner)], (0, 0, 0, inner - 1)),
        sheet("g", inner, columns, [(k, last, text) for k in range(inner)], (0, inner - 1, last, last)),
        sheet("W1", rows, columns, [(0, last, text)], (0, 0, last, last)),
        0,
        last,
    )


def skyline(sizes: list[float | None], marked: tuple[int, ...] = ()) -> Skyline:
    return Skyline(
        tuple(SkyBar((f"n{k}",), size, 1.0 if size is None else size) for k, size in enumerate(sizes)), marked, "size"
    )


def shares(*values: float) -> ShareBars:
    return ShareBars(
        "a0", "W[0,2]", tuple(ShareBar(f"e{k}", f"step {k}", v, f"{v:.4g}") for k, v in enumerate(values)), "1"
    )


CASES: dict[str, Inset] = {
    "parabola": curve("x * x", -5, 5, [-3.96], [-7.92]),
    "tanh": curve("tanh(x)", -3, 3, [0.88], [0.5]),
    "steep": curve("exp(x)", -2, 20, [19.0], [math.exp(19)]),
    "log": curve("log(x)", -16.75, 77.75, [8.0], [0.125]),
    "log near 0": curve("log(x)", -1, 4, [0.01], [100.0]),
    "root": curve("sqrt(x)", -8, 2, [1.0], [0.5]),
    "gate": curve("max(x, 0.0)", -2, 3, [2.4, -1.2], [1.0, 0.0]),
    "flat": curve("0.0 * x", -1, 1, [0.5], [0.0]),
    "agree": CheckBars(7.001, 7.0, "7.001", "7", "they agree", True),
    "negative": CheckBars(-1.5, -1.503, "−1.5", "−1.503", "they agree", True),
    "apart": CheckBars(-1.5, 2.0, "−1.5", "2", "they do not agree", False),
    "long": CheckBars(1e-30, 1.2e-30, "1e−30", "1.2e−30", "0.6 % apart, likely by the size of the nudge", True),
    "step": StepBars((), 5.598, 5.218, 5.206, "5.598", "5.218", "5.206"),
    "step below 0": StepBars((), 0.2, -0.3, -0.4, "0.2", "−0.3", "−0.4"),
    "product": product(3, 4, 5, "−0.003"),
    "wide": product(5, 5, 8, "−0.00314"),
    "tall": product(5, 5, 1, "−2"),
    "one": product(1, 1, 1, "3"),
    "skyline": skyline([1 - k / 60 for k in range(58)], (0, 10, 20, 30)),
    "skyline with NaN": skyline([0.5, None, None, 0.0, 0.2]),
    "shares": shares(-0.5286, -0.0016, -0.0729, 0.0007, 0.0528, 0.0),
    "shares above": shares(1.0, 2.0),
    "shares below": shares(-1.0, -2.0, -1e-12),
}


def drawn(inset: Inset, colours: Palette = DARK) -> tuple[Drawn, Box]:
    place, draw = INSETS[type(inset)]
    return draw(inset, BOXES[place], colours, {"a0": "#BDFFBD"}), BOXES[place]


def primitives(made: Drawn) -> list[Primitive]:
    return [one for part in made.parts for one in part.primitives]


@pytest.mark.parametrize("colours", [DARK, LIGHT], ids=["dark", "light"])
@pytest.mark.parametrize("name", CASES)
def test_an_inset_stays_in_its_box_and_can_be_read(name: str, colours: Palette) -> None:
    made, box = drawn(CASES[name], colours)
    for one in primitives(made):
        left, bottom, right, top = one.extent
        assert box.left - 0.08 <= left and right <= box.right + 0.08, (one.text, one.extent)
        assert box.bottom - 0.08 <= bottom and top <= box.top + 0.08, (one.text, one.extent)
        if one.text:
            assert cap_height(one.size) >= 9 / 60 and one.size >= theme.SMALLEST
            assert "…" not in one.text
    texts = [one for one in primitives(made) if one.text]
    for a, b in itertools.combinations(texts, 2):
        (x0, y0, x1, y1), (u0, v0, u1, v1) = a.extent, b.extent
        assert x1 <= u0 or u1 <= x0 or y1 <= v0 or v1 <= y0, (a.text, b.text)


@pytest.mark.parametrize("inner", [1, 3, 7])
def test_the_frame_of_a_row_and_of_a_column_touches_no_number_in_a_low_box(inner: int) -> None:
    made = INSETS[RowColumn][1](product(1, inner, 1, "−0.0031"), Box(-6.55, -1.16, 6.55, 1.86), DARK, {})
    frames = [one.extent for one in primitives(made) if one.width == 3.4]
    numbers = [one.extent for one in primitives(made) if one.text == "−0.0031"]
    assert len(frames) == 3 and len(numbers) == 2 * inner + 1
    for left, bottom, right, top in numbers:
        assert any(
            x0 + 0.03 < left and right < x1 - 0.03 and y0 + 0.03 < bottom and top < y1 - 0.03
            for x0, y0, x1, y1 in frames
        )


@pytest.mark.parametrize("name", CASES)
def test_what_grows_begins_with_nothing_and_ends_whole(name: str) -> None:
    made, _ = drawn(CASES[name])
    whole = [(one.shape.points.tobytes(), one.place) for one in primitives(made)]
    for growth in made.grow:
        assert 0.0 <= growth.start < growth.stop <= 1.0
        growth.act(0.0)
        assert all(one.opacity == 0.0 for one in growth.part.primitives)
        for u in (0.1, 0.5, 0.9, 1.0):
            growth.act(u)
    assert [(one.shape.points.tobytes(), one.place) for one in primitives(made)] == whole
    assert {id(growth.part) for growth in made.grow} == {id(part) for part in made.parts}


def test_bars_of_numbers_are_as_long_as_the_numbers() -> None:
    assert lengths_of([2.0, 1.0], 4.0) == [(0.0, 4.0), (0.0, 2.0)]
    assert lengths_of([-2.0, -1.0], 4.0) == [(0.0, 4.0), (0.0, 2.0)]
    assert lengths_of([1.0, -3.0], 4.0) == [(3.0, 4.0), (0.0, 3.0)]
    assert lengths_of([math.nan, 1.0], 4.0) == [(0.0, 0.0), (0.0, 4.0)]


def test_a_curve_goes_through_its_points_and_never_beyond_them() -> None:
    run = [(-2.0, 0.0), (-1.0, 0.0), (0.0, 0.0), (1.0, 1.0), (2.0, 2.0), (3.0, 0.5)]
    found = smooth(run)
    assert np.allclose(found[::8], run)
    assert found[:, 1].min() >= 0.0 and found[:, 1].max() <= 2.0


def test_bars_of_a_step_show_a_difference_that_a_whole_scale_would_hide() -> None:
    spans = broken_lengths([1.283, 1.218, 1.216], 2.0)
    assert [start for start, _ in spans] == [0.0, 0.0, 0.0]
    (_, before), (_, after), (_, predicted) = spans
    assert predicted < after < before == pytest.approx(2.0)
    assert before - predicted > 0.3 * before
    assert broken_lengths([1.0, 0.4, 0.3], 2.0) == []  # seen from zero
    assert broken_lengths([0.2, -0.3, -0.4], 2.0) == broken_lengths([1.0, math.nan, 1.0], 2.0) == []
    assert broken_lengths([1.0, 1.0, 1.0], 2.0) == []


@pytest.mark.parametrize("name", ["step", "step below 0"])
def test_every_bar_of_a_step_has_its_number(name: str) -> None:
    made, _ = drawn(inset := CASES[name])
    assert isinstance(inset, StepBars)
    texts = [one.text for one in primitives(made)]
    assert {inset.before_text, inset.after_text, inset.predicted_text} <= set(texts)


@pytest.mark.parametrize("name", ["agree", "apart", "long"])
def test_the_verdict_of_a_check_is_left_to_the_sentence(name: str) -> None:
    made, _ = drawn(inset := CASES[name])
    assert isinstance(inset, CheckBars)
    texts = [one.text for one in primitives(made) if one.text.strip()]
    assert not any("agree" in text or "apart" in text for text in texts)
    assert ("✓" in texts) == inset.agrees


@pytest.mark.parametrize("name", ["parabola", "tanh", "gate", "log"])
def test_the_axis_of_a_lens_has_the_number_of_its_point(name: str) -> None:
    made, _ = drawn(inset := CASES[name])
    assert isinstance(inset, Lens)
    texts = [one.text for one in primitives(made)]
    assert number(inset.points[0].x, 3) in texts and (inset.off or len(inset.points) > 1 or "0" in texts)
