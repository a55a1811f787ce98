"""Ops, cards and moving values by themselves."""

from __future__ import annotations

import numpy as np
import pytest

from animation.picture.card import Arrivals, CardView, card, card_size
from animation.picture.detail import Look
from animation.picture.moving_value import MovingValue
from animation.picture.op import Label, OpView, op, op_size
from animation.render.primitives import rgb
from grad_engine.draw.layout import Box
from grad_engine.draw.palette import theme as palette
from grad_engine.record import DataRecord, TensorRecord
from grad_engine.story.values import Cells, number_texts
from tests.animation.support import extent

pytestmark = pytest.mark.film


@pytest.mark.parametrize("symbol", ["+", "ln", "softmax", "+ 0.1235"])
def test_a_symbol_lies_inside_the_shape_of_its_category(symbol: str) -> None:
    from grad_engine.core.op import OPS

    for category in {each.category for each in OPS.values()}:
        for look in (Look(1.0, 3), Look(0.8, 2), Look(0.6, 1)):
            view = OpView("n0", category, symbol, "#0", Label("", "v0", None), None, (), 1, False, (0,), True)
            width, height = op_size(view, look)
            part = op(view, "made", look, Box(0.0, 0.0, width, height), palette("dark"))
            shape = next(primitive for primitive in part.primitives if not primitive.text)
            (letters,) = [primitive for primitive in part.primitives if primitive.text == symbol]
            left, _, right, _ = extent(letters)
            middle = shape.points[np.abs(shape.points[:, 1]) < 0.3 * np.ptp(shape.points[:, 1]), 0]
            assert middle.min() < left and right < middle.max(), (category, look)


def test_a_name_that_was_given_wins_over_a_shape_in_a_tight_label() -> None:
    look = Look(0.8, 2)
    for name, shown in (("", "(4, 4)"), ("h", "h (4, 4)"), ("weights", "weights"), ("hidden_state_of", "hidde")):
        view = OpView("n0", "arithmetic", "+", "#0", Label(name, "(4, 4)", None), None, (), 2, False)
        width, height = op_size(view, look)
        texts = [
            primitive.text
            for primitive in op(view, "made", look, Box(0.0, 0.0, width, height), palette("dark")).primitives
        ]
        assert any(text.startswith(shown) for text in texts), (name, texts)


def test_a_nan_on_its_way_is_magenta_and_says_so() -> None:
    colours = palette("dark")
    wrong = rgb(colours.nonfinite)
    number = MovingValue(colours, "gradient", "NaN", "NaN", not_finite="NaN")
    picture = MovingValue(colours, "gradient", Cells(1, 2, (1.0, 1.0), (True, False)), "", not_finite="NaN")
    for moving in (number, picture):
        assert moving.plate.stroke == wrong
        assert [primitive.fill for primitive in moving.primitives if primitive.text] == [wrong]
    assert [primitive.fill for primitive in picture.squares] == [wrong, rgb(colours.gradient)]


def test_a_card_shows_what_fits_of_its_numbers() -> None:
    view, look = CardView("a0", "x", "= 1", None, True), Look(1.0, 3)
    width, height = card_size(view, look)
    for value in (-0.123456, 1.23456e-12, -98765.4321, float("-inf")):
        figure = number_texts(TensorRecord("t0", "gradient", (), "float64", data=DataRecord(values=(value,))))
        for arrivals in (Arrivals(1, 2, (figure,)), Arrivals(2, 2, (figure, ("1",))), Arrivals(1, 1, (), figure)):
            part = card(view, arrivals, look, Box(0.0, 0.0, width, height), palette("dark"))
            assert any(text in [primitive.text for primitive in part.primitives] for text in figure)
