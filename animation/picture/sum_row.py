"""The sum of shares in the caption panel: each summand with its sign, and the total."""

from __future__ import annotations

from dataclasses import replace

from grad_engine.draw.palette import Palette as Colours
from grad_engine.story.beats import Gather

from .. import theme
from ..render.primitives import Part, Primitive
from .pieces import draw_piece, piece_height, piece_width
from .text import text_width, words

SUM = theme.PANEL_MIDDLE - 0.44


def sum_parts(beat: Gather, colours: Colours) -> tuple[list[Part], Part]:
    """Each summand with its sign, and the sum, in the caption panel: as large as there is room."""
    everything = [*beat.parts, beat.total]
    signs = 0.62
    room = theme.GRAPH_WIDTH - 2 * theme.PANEL_PAD - signs * (len(everything) - 1) - (1.4 if beat.more else 0.0)
    sizes = (0.50,) if beat.total.tensor.shape == () else (0.34, 0.30, theme.BODY)
    choices = [(size, columns) for columns in (4, 3, 2) for size in sizes] + [(theme.BODY, 0)]
    for size, columns in choices:
        extents = [
            max(piece_width(replace(p, label=""), size, columns), text_width(p.label, theme.SMALLEST, True))
            for p in everything
        ]
        high = max(piece_height(piece, size, columns) for piece in everything)
        if sum(extents) <= room and high <= 0.80:
            break
    left = -theme.GRAPH_WIDTH / 2 + theme.PANEL_PAD
    parts = []
    for k, (piece, extent) in enumerate(zip(everything, extents, strict=True)):
        primitives: list[Primitive | Part] = []
        last = k == len(everything) - 1
        if last and beat.more:
            more = words(f"+ {beat.more} more", theme.BODY, colours.muted, (left - 0.3, SUM), anchor="left")
            primitives.append(more)
            left += 1.4
        if k:
            primitives.append(words("=" if last else "+", 0.44, colours.ink, (left - signs / 2, SUM), bold=True))
        tone = getattr(colours, piece.tone)
        bare = replace(piece, label="")
        wide = piece_width(bare, size, columns)
        primitives.append(
            words(piece.label, theme.SMALLEST, tone, (left + extent / 2, SUM + max(0.40, high / 2 + 0.18)), bold=True)
        )
        primitives.append(draw_piece(bare, (left + (extent - wide) / 2, SUM), wide + 0.01, size, columns, colours))
        parts.append(Part(*primitives))
        left += extent + signs
    return parts[:-1], parts[-1]
