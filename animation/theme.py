"""Sizes (scene units: the frame is 14.22 by 8, 60 px a unit at 480p) and durations (seconds). Colours: the palette."""

from __future__ import annotations

FRAME_WIDTH, FRAME_HEIGHT = 128 / 9, 8.0
FRAME = 1 / 15  # seconds; beats are multiples of it, so that every quality shows the same

# type: cap heights of 9.1, 10.7, 14.2 and 19.8 px at 480p
CAP = 0.66  # cap height of the font, as a fraction of its size
SMALLEST = 0.23
BODY = 0.27
LARGE = 0.36
HUGE = 0.50

# zones: left, bottom, right, top
Zone = tuple[float, float, float, float]
TITLE: Zone = (-6.60, 3.36, 6.70, 3.80)
GRAPH: Zone = (-6.70, -1.20, 6.70, 3.22)
STEAD: Zone = (-6.30, -0.90, 6.30, 2.70)  # what is drawn instead of the graph
BOXES: Zone = (-5.85, 2.45, 6.58, 3.15)  # the row of boxes of a large graph; on its left an axis has room
FRAMED: Zone = (-6.70, -1.26, 6.70, 2.08)  # what one of them holds
OPENED: Zone = (-6.48, -1.19, 6.48, 2.04)  # and its graph
BELOW: Zone = (-6.55, -1.16, 6.55, 1.86)  # what is drawn below the row otherwise
PANEL: Zone = (-6.79, -3.82, 6.79, -1.32)
WORDS: Zone = (-6.49, -3.70, 6.49, -1.50)
LENS: Zone = (2.55, -3.55, 6.55, -1.62)
BARS: Zone = (-6.49, -3.66, 6.49, -2.06)  # under the sentence
SENTENCE, FIRST, SECOND, THIRD, REMARK = -1.72, -2.45, -3.05, -3.52, -3.52  # middles of the lines in the panel
BESIDE = 8.6  # width of the words beside a lens

TOP = (TITLE[1] + TITLE[3]) / 2  # middle of the title line
GRAPH_WIDTH = GRAPH[2] - GRAPH[0]

# ops and cards
GLYPH = 0.72  # side of an op's shape
LINE = 0.29  # height of a line of small type with its air
CARD = (1.96, 1.0)
NARROW = (1.06, 0.86)
CORNER = 0.16  # radius of a bend in a route

EDGE = 2.6  # stroke widths, in hundredths of a unit
PATH = 6.0
OUTLINE = 3.0
TIP = 0.17
