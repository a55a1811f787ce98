"""Sizes (scene units: the frame is 14.22 by 8), fonts and durations (seconds). Colours come from the palette."""

from __future__ import annotations

FRAME_WIDTH, FRAME_HEIGHT = 128 / 9, 8.0
MARGIN = 0.42  # between the frame and whatever lies nearest to it

CAP = 0.66  # cap height of the font, as a fraction of its size
SMALLEST = 0.23  # type size: a cap height of 9 px where the frame is 480 px high
BODY = 0.27
LARGE = 0.34
TITLE = 0.36

TOP = FRAME_HEIGHT / 2 - 0.42  # middle of the title line
PANEL_HEIGHT = 1.82
PANEL_PAD = 0.30  # between what is written in the panel and its ends
PANEL_MIDDLE = -FRAME_HEIGHT / 2 + 0.18 + PANEL_HEIGHT / 2
TAPE_HEIGHT = 0.36
TAPE_MIDDLE = PANEL_MIDDLE + PANEL_HEIGHT / 2 + 0.14 + TAPE_HEIGHT / 2
GRAPH_TOP = TOP - 0.36
GRAPH_BOTTOM = TAPE_MIDDLE + TAPE_HEIGHT / 2 + 0.14
GRAPH_WIDTH = FRAME_WIDTH - 2 * MARGIN

# By detail, from 0 (nothing is written) to 3 (everything is)
GLYPH = (0.84, 0.84, 0.68, 0.84)  # side of an op's shape
LINE = (0.0, 0.0, 0.30, 0.34)  # height of a line of small type with its air
CARD_WIDTH = (0.62, 0.62, 1.50, 1.96)
CARD_HEIGHT = (0.50, 0.62, 0.80, 1.00)
CELL = 0.075  # side of a cell in the small picture of a tensor
MOVING_CELL = 0.13
CORNER = 0.16  # radius of a bend in a route

EDGE = 3.0  # stroke widths, in Manim's hundredths of a unit
OUTLINE = 3.0
BOLD = 5.0
TIP = 0.17
