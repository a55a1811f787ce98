"""The film on one sheet: the end of every beat, in a grid."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import cairo
import numpy as np
from manim import ManimColor

from grad_engine.errors import GradEngineError
from grad_engine.record.atomic_write import replaced

from . import theme
from .playback import Beat, Player
from .render.canvas import Canvas, Pixels

PICTURE = (640, 360)  # px of one beat on the sheet
GAP = 12


def canvas_of(player: Player, width: int, height: int) -> Canvas:
    """An empty canvas for the pictures of a player."""
    canvas = Canvas(
        pixel_width=width, pixel_height=height, frame_width=theme.FRAME_WIDTH, frame_height=theme.FRAME_HEIGHT
    )
    canvas.background_color = ManimColor(player.colours.background)
    canvas.fill()
    return canvas


def stills(player: Player, width: int, height: int, seen: Callable[[Beat], None] = lambda beat: None) -> list[Pixels]:
    """The last picture of every beat, (height, width, 4): red, green, blue, alpha."""
    canvas = canvas_of(player, width, height)
    found = []
    for beat in player.beats:
        player.begin(beat, canvas)
        player.show(beat.seconds + theme.FRAME, canvas)
        found.append(canvas.pixel_array.copy())
        seen(beat)
    return found


def contact_sheet(player: Player, path: Path, seen: Callable[[Beat], None] = lambda beat: None) -> None:
    """Writes the sheet as a PNG."""
    width, height = PICTURE
    pictures = stills(player, 2 * width, 2 * height, seen)  # twice as large, so that thin lines stay even
    columns = min(len(pictures), max(2, math.ceil(math.sqrt(len(pictures) * 0.8))))
    rows = -(-len(pictures) // columns)
    sheet = np.zeros((rows * (height + GAP) + GAP, columns * (width + GAP) + GAP, 4), dtype=np.uint8)
    sheet[:] = ManimColor(player.colours.idle).to_int_rgba()
    for k, picture in enumerate(pictures):
        small = picture.reshape(height, 2, width, 2, 4).mean(axis=(1, 3)).round().astype(np.uint8)
        top, left = GAP + (k // columns) * (height + GAP), GAP + (k % columns) * (width + GAP)
        sheet[top : top + height, left : left + width] = small
    sheet = np.ascontiguousarray(sheet[..., [2, 1, 0, 3]])  # as cairo has them
    surface = cairo.ImageSurface.create_for_data(sheet.data, cairo.FORMAT_RGB24, sheet.shape[1], sheet.shape[0])
    with replaced(path, GradEngineError) as file:
        surface.write_to_png(file)
