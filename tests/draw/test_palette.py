"""Colours as numbers."""

from __future__ import annotations

import pytest

from grad_engine.draw.palette import DEFICIENCIES, THEMES, Palette, contrast, difference, seen_with, theme
from grad_engine.errors import GradEngineError


@pytest.mark.parametrize("palette", THEMES.values(), ids=THEMES)
def test_colours_stand_out_from_every_ground(palette: Palette) -> None:
    for ground in (palette.background, palette.panel):
        for text in (palette.ink, palette.muted, palette.value, palette.gradient, palette.done, palette.nonfinite):
            assert contrast(text, ground) >= 5.0
        assert contrast(palette.idle, ground) >= 3.5


@pytest.mark.parametrize("palette", THEMES.values(), ids=THEMES)
@pytest.mark.parametrize("deficiency", [None, *DEFICIENCIES])
def test_value_and_gradient_differ_for_every_eye(palette: Palette, deficiency: str | None) -> None:
    colours = [palette.value, palette.gradient]
    one, other = colours if deficiency is None else [seen_with(colour, deficiency) for colour in colours]
    assert difference(one, other) > 60


def test_colour_arithmetic() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21.0)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)
    assert difference("#FFFFFF", "#000000") == pytest.approx(100.0, abs=0.1)
    assert seen_with("#808080", "protanopia") == "#808080", "grey is grey to everyone"
    assert difference(seen_with("#FF0000", "deuteranopia"), seen_with("#7A6C00", "deuteranopia")) < 40
    with pytest.raises(GradEngineError, match="no theme 'pink': choose one of dark, light"):
        theme("pink")
