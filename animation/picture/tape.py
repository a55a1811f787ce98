"""The tape below the graph: one chip per op, in the order in which they were recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grad_engine.draw.palette import Palette as Colours

from .. import theme
from ..render.primitives import Part, Primitive
from .shapes import card_points
from .text import text_width, words

TAPE_LABELS = ("recorded →", "replayed ←")


@dataclass(frozen=True, slots=True)
class Tape:
    """Where the chips of the tape lie, and how much is written on them."""

    left: float
    pitch: float
    texts: tuple[str, ...]


def tape(names: Sequence[tuple[str, ...]]) -> Tape:
    """The tape for ops that can be called by any of several names, longest first.

    All have the longest if it fits, else each the longest of its own that does.
    """
    left = -theme.GRAPH_WIDTH / 2 + 1.12
    room = theme.GRAPH_WIDTH / 2 - left
    pitch = min(2.3, room / max(len(names), 1))

    def fits(text: str, ticked: bool = True) -> bool:
        return text_width(f"✓ {text}" if ticked else text, theme.SMALLEST, True) <= pitch - 0.17

    if all(fits(options[0]) for options in names):
        return Tape(left, pitch, tuple(options[0] for options in names))
    # With no room for a tick beside the shortest name, the tick takes its place.
    last = all(fits(options[-1], False) for options in names)
    texts = (next((text for text in options[1:] if fits(text)), options[-1] if last else "") for options in names)
    return Tape(left, pitch, tuple(texts))


def chip(where: Tape, k: int, state: str, colours: Colours) -> Part:
    """The k-th chip of the tape: "recorded", "running" or "ran"."""
    gap = min(0.12, 0.25 * where.pitch)
    x = where.left + (k + 0.5) * where.pitch
    points = card_points(where.pitch - gap, theme.TAPE_HEIGHT, 0.1, (x, theme.TAPE_MIDDLE))
    text = where.texts[k]
    colour, paint = {"running": (colours.gradient, colours.background), "ran": (colours.done, colours.done)}.get(
        state, (colours.idle, colours.ink)
    )
    if state == "ran" and text:
        ticked = f"✓ {text}"
        text = ticked if text_width(ticked, theme.SMALLEST) <= where.pitch - gap - 0.05 else "✓"
    primitives = [
        Primitive(points, fill=colours.gradient if state == "running" else colours.panel, stroke=colour, width=1.6)
    ]
    if text:
        primitives.append(words(text, theme.SMALLEST, paint, (x, theme.TAPE_MIDDLE), bold=state == "running"))
    return Part(*primitives)


def tape_label(text: str, tone: str, colours: Colours) -> Part:
    """What the tape is, at its left end."""
    return Part(
        words(
            text,
            theme.SMALLEST,
            getattr(colours, tone),
            (-theme.GRAPH_WIDTH / 2 + 0.04, theme.TAPE_MIDDLE),
            anchor="left",
        )
    )
