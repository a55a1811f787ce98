"""Where each kind of inset stands, and what draws it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from grad_engine.draw.palette import Palette as Colours
from grad_engine.story.insets import CheckBars, Lens, RowColumn, ShareBars, Skyline, StepBars

from . import inset_check, inset_lens, inset_row_column, inset_shares, inset_skyline, inset_step
from .inset import Box, Drawn

Draw = Callable[[Any, Box, Colours, Mapping[str, str]], Drawn]

# "lens" is beside the words, "bars" under the sentence in place of equations, "graph" in place of the graph, and
# "skyline" in its lower part.
INSETS: Mapping[type, tuple[str, Draw]] = {
    Lens: ("lens", inset_lens.draw),
    StepBars: ("lens", inset_step.draw),
    CheckBars: ("bars", inset_check.draw),
    RowColumn: ("graph", inset_row_column.draw),
    Skyline: ("skyline", inset_skyline.draw),
    ShareBars: ("skyline", inset_shares.draw),
}
