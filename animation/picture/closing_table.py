"""The closing table: what every leaf has in the end."""

from __future__ import annotations

from grad_engine.draw.palette import Palette as Colours
from grad_engine.story.beats import Close, Numbers, Row, Words
from grad_engine.story.values import shape_text

from .. import theme
from ..render.primitives import Part, Primitive
from .pieces import draw_piece, piece_height, piece_width
from .shapes import line_points
from .text import text_width, words

LEAST_GAP = 0.5  # between the columns of the table
# Rows of each matrix in the closing table, and the size of their type: the first that fits is taken.
TYPES = (*((2, size) for size in (0.40, 0.37, 0.34, 0.31, 0.29, 0.27)), *((1, size) for size in (0.36, 0.31, 0.27)))


def table(beat: Close, colours: Colours) -> list[Part]:
    """The closing table: its head, then a part for every line."""
    top, pitch = _grid(beat)
    for lines, type_size in TYPES:
        size = max(theme.BODY, min(0.40, 0.5 * pitch, 1.15 * type_size))
        heads, cells_ = _cells(beat, lines)
        widths = [
            max([text_width(head, theme.BODY), *(_cell_size(row[k], size, type_size)[0] for row in cells_)])
            for k, head in enumerate(heads)
        ]
        high = max((_cell_size(cell, size, type_size)[1] for row in cells_ for cell in row), default=0.0)
        if high <= 0.94 * pitch and sum(widths) + LEAST_GAP * (len(widths) - 1) <= theme.GRAPH_WIDTH:
            break
    gap = min(1.2, (theme.GRAPH_WIDTH - sum(widths)) / (len(widths) - 1))
    used = min(sum(widths) + gap * (len(widths) - 1), theme.GRAPH_WIDTH)
    stops = [-used / 2 + sum(widths[:k]) + gap * k for k in range(len(widths))]
    rule = [(-used / 2, top - 0.28), (used / 2, top - 0.28)]
    head = [
        words(text, theme.BODY, colours.muted, (x, top), anchor="left") for text, x in zip(heads, stops, strict=True)
    ]
    parts = [Part(*head, Primitive(line_points(rule), stroke=colours.idle, width=1.8))]
    for k, row in enumerate(cells_):
        y = top - 0.40 - (k + 0.5) * pitch
        primitives: list[Primitive | Part] = []
        for x, cell in zip(stops, row, strict=True):
            room = used / 2 - x + 0.01
            if isinstance(cell, Numbers):
                kind = size if cell.tensor.shape == () else type_size
                primitives.append(draw_piece(cell, (x, y), room, kind, _fit(cell, room, kind), colours))
            elif cell is not None:
                primitives.append(
                    words(
                        cell.text, size, getattr(colours, cell.tone), (x, y), anchor="left", bold=cell.strong, room=room
                    )
                )
        parts.append(Part(*primitives))
    if beat.more:
        y = top - 0.40 - (len(cells_) + 0.5) * pitch
        more = f"… and {beat.more} more {'leaf' if beat.more == 1 else 'leaves'}"
        parts.append(Part(words(more, size, colours.muted, (stops[0], y), anchor="left")))
    return parts


def _grid(beat: Close) -> tuple[float, float]:
    """Where the head of the table stands, and how far its lines are apart."""
    many = len(beat.rows) + (1 if beat.more else 0)
    high, low = theme.GRAPH_TOP - 0.15, theme.PANEL_MIDDLE + theme.PANEL_HEIGHT / 2 + 0.2
    pitch = min(1.3, (high - low - 0.40) / max(many, 1))
    return high - max(0.0, (high - low - 0.40 - pitch * many) / 2) * 0.8, pitch


def _cells(beat: Close, lines: int) -> tuple[tuple[str, ...], list[tuple[Words | Numbers | None, ...]]]:
    """What stands in the table: numbers need neither a shape nor a norm."""
    single = all(row.leaf.shape == () for row in beat.rows)
    heads = ("leaf", "value", "shares", "gradient") if single else ("leaf", "shape", "shares", "‖grad‖", "gradient")
    found: list[tuple[Words | Numbers | None, ...]] = []
    for row in beat.rows:
        name = Words(row.name, "ink", True)
        value = Numbers(row.leaf, "", "value") if single else Words(shape_text(row.leaf.shape), "value")
        if row.gradient is None:
            rest: tuple[Words | Numbers | None, ...] = (
                Words("not reached" if beat.finished else "not run yet", "muted"),
                None,
            )
        else:
            rest = Words(_arrived(row), "done", True), Numbers(row.gradient, "", "done", lines)
        if not single:
            tone = "nonfinite" if row.norm in ("NaN", "∞") else "ink"
            rest = (rest[0], Words(row.norm, tone) if row.norm else None, rest[1])
        found.append((name, value, *rest))
    return heads, found


def _cell_size(cell: Words | Numbers | None, size: float, type_size: float) -> tuple[float, float]:
    """How wide and high a cell is, with words and numbers of these sizes."""
    if cell is None:
        return 0.0, 0.0
    if isinstance(cell, Words):
        return text_width(cell.text, size, cell.strong), size
    kind = size if cell.tensor.shape == () else type_size
    return piece_width(cell, kind, 4), piece_height(cell, kind, 4)


def _arrived(row: Row) -> str:
    if not row.shares:  # it has a gradient all the same
        return "held"
    held = "held + " if row.held else ""
    return f"{'Σ' if row.shares > 1 or row.held else '✓'} {held}{row.shares}/{row.shares}"


def _fit(cell: Numbers, room: float, size: float) -> int:
    return next((columns for columns in (4, 3, 2) if piece_width(cell, size, columns) <= room), 0)
