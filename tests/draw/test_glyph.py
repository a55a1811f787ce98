"""Outlines as points."""

from __future__ import annotations

import math

import numpy as np
import pytest

from grad_engine.draw.glyph import SHAPES, outline, reach
from grad_engine.errors import GradEngineError


@pytest.mark.parametrize("size", [(1.0, 1.0), (2.5, 1.0), (0.8, 3.0)], ids=str)
@pytest.mark.parametrize("category", [*SHAPES, "something new"])
def test_an_outline_fills_its_box(category: str, size: tuple[float, float]) -> None:
    width, height = size
    sharp = outline(category, width, height, corner=0.0)
    assert np.ptp(sharp, axis=0) == pytest.approx(size)
    for points in (sharp, outline(category, width, height)):
        assert (np.abs(points).max(axis=0) <= (width / 2 + 1e-12, height / 2 + 1e-12)).all()
        assert (np.ptp(points, axis=0) >= (0.9 * width, 0.9 * height)).all()
        x, y = points.T
        area = 0.5 * float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))
        assert 0.4 * width * height < area <= width * height, "anticlockwise, and most of the box"
        assert np.linalg.norm(points - np.roll(points, 1, axis=0), axis=1).min() > 0, "no point twice"
        for up in (-0.3, 0.0, 0.3):
            left, right = reach(points, up * height, "left"), reach(points, up * height, "right")
            assert -width / 2 <= left < right <= width / 2


def test_shapes_point_with_the_flow() -> None:
    trapezoid = outline("reduction", 1.0, 1.0, corner=0.0)
    assert np.ptp(trapezoid[trapezoid[:, 0] < 0, 1]) > np.ptp(trapezoid[trapezoid[:, 0] > 0, 1])
    assert reach(outline("joining", 1.0, 1.0), 0.0, "left") > -0.4, "the mouth is at the side of the many"
    assert reach(outline("indexing", 1.0, 1.0), 0.0, "right") < 0.4
    assert np.hypot(*outline("arithmetic", 2.0, 2.0).T) == pytest.approx(1.0)


@pytest.mark.parametrize("size", [(0.0, 1.0), (1.0, -1.0), (math.nan, 1.0), (1.0, math.inf)], ids=str)
def test_an_outline_needs_a_size(size: tuple[float, float]) -> None:
    with pytest.raises(GradEngineError, match="needs a positive width and height"):
        outline("leaf", *size)
