"""Curves of a training as an SVG picture: the loss above, norms of gradients below on a logarithmic axis."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from grad_engine.draw.palette import Palette, theme
from grad_engine.record.words import brief, harmless

WIDTH = 720  # pixels
LEFT, RIGHT = 64, 170  # room for the numbers of the axis, and for the names of the curves
HIGH, LOW = 90, 260  # heights of the two parts
GAP = 34
LETTER = 12  # pixels of type
MOST = 16  # curves that are drawn; of more, every n-th
LONGEST = 24  # characters of a name


@dataclass(frozen=True, slots=True)
class Curve:
    """A number at some steps; None where it is NaN, infinite or not known."""

    name: str
    points: tuple[tuple[int, float | None], ...]
    logarithmic: bool


def chart(curves: Sequence[Curve], colours: str = "light") -> str:
    """The SVG text of the curves, 720 pixels wide."""
    palette = theme(colours)
    above = [curve for curve in curves if not curve.logarithmic]
    below = [curve for curve in curves if curve.logarithmic]
    drawn, every = below[:: math.ceil(len(below) / MOST) or 1], math.ceil(len(below) / MOST)
    parts: list[str] = []
    top = 30.0
    for some, height, title in ((above, HIGH, "loss"), (drawn, LOW, "norm of the gradient, by module")):
        if not some:
            continue
        more = f", every {every}th" if some is drawn and every > 1 else ""
        parts += [_text(LEFT, top - 10, title + more, palette.muted), *_panel(some, top, height, palette)]
        top += height + GAP
    steps = [step for curve in curves for step, _ in curve.points]
    if steps:
        parts.append(_text(LEFT, top - 12, f"step {min(steps)}", palette.muted))
        parts.append(_text(WIDTH - RIGHT, top - 12, f"step {max(steps)}", palette.muted, "end"))
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top:g}" viewBox="0 0 {WIDTH} {top:g}" '
        f'font-family="sans-serif" font-size="{LETTER}">\n'
        f'<rect width="100%" height="100%" fill="{palette.background}"/>\n{body}\n</svg>\n'
    )


def _panel(curves: Sequence[Curve], top: float, height: float, palette: Palette) -> Iterator[str]:
    """The curves of one part, with an axis of two or three numbers and a name at the end of each."""
    logarithmic = curves[0].logarithmic
    known = [v for curve in curves for _, value in curve.points if (v := _height(value, logarithmic)) is not None]
    steps = [step for curve in curves for step, _ in curve.points]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    if logarithmic:
        low, high = math.floor(low), math.ceil(high)
    high += (high == low) * 1.0
    right = WIDTH - RIGHT
    across = (right - LEFT) / max(max(steps) - min(steps), 1)

    def y(value: float) -> float:
        return top + height * (1 - (value - low) / (high - low))

    def x(step: int) -> float:
        return LEFT + (step - min(steps)) * across

    for mark in _marks(low, high, logarithmic):
        yield (
            f'<line x1="{LEFT}" y1="{y(mark):.1f}" x2="{right}" y2="{y(mark):.1f}" stroke="{palette.idle}" '
            'stroke-width="0.5" stroke-dasharray="2 3"/>'
        )
        shown = brief(10.0**mark) if logarithmic else f"{'−' if mark < 0 else ''}{brief(abs(mark))}"
        yield _text(LEFT - 6, y(mark) + 4, shown, palette.muted, "end")
    ends: list[tuple[float, str, str]] = []
    for k, curve in enumerate(curves):
        colour = palette.ink if not logarithmic else _between(palette.value, palette.gradient, k, len(curves))
        pieces: list[list[tuple[float, float]]] = [[]]
        for step, value in curve.points:
            placed = _height(value, logarithmic)
            if placed is not None:
                pieces[-1].append((x(step), y(placed)))
                continue
            if pieces[-1]:
                pieces.append([])
            if value is None:  # a cross where the number is no number
                yield _text(x(step), top + height - 2, "×", palette.nonfinite, "middle")
        for piece in pieces:
            path = " ".join(f"{'L' if n else 'M'}{a:.1f} {b:.1f}" for n, (a, b) in enumerate(piece))
            if len(piece) == 1:
                yield f'<circle cx="{piece[0][0]:.1f}" cy="{piece[0][1]:.1f}" r="2" fill="{colour}"/>'
            elif piece:
                yield f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>'
        last = next((piece[-1][1] for piece in reversed(pieces) if piece), top + height)
        ends.append((last, curve.name, colour))
    yield from _names(ends, right + 8, top, top + height, palette)


def _height(value: float | None, logarithmic: bool) -> float | None:
    if value is None or not math.isfinite(value) or (logarithmic and value <= 0):
        return None
    return math.log10(value) if logarithmic else value


def _marks(low: float, high: float, logarithmic: bool) -> list[float]:
    if not logarithmic:
        return [low, high]
    step = max(1, math.ceil((high - low) / 5))
    return [float(k) for k in range(int(low), int(high) + 1, step)]


def _names(ends: list[tuple[float, str, str]], x: float, top: float, bottom: float, palette: Palette) -> Iterator[str]:
    """The names of the curves at their ends, moved apart so that none covers another."""
    ends.sort(key=lambda end: end[0])
    room = LETTER + 2.0
    places = [end[0] for end in ends]
    for k in range(1, len(places)):
        places[k] = max(places[k], places[k - 1] + room)
    over = max(0.0, places[-1] - max(bottom, top + room * (len(places) - 1)))
    places[-1] -= over
    for k in range(len(places) - 2, -1, -1):
        places[k] = min(places[k], places[k + 1] - room)
    for (end, name, colour), place in zip(ends, places, strict=True):
        shown = harmless(name)
        shown = shown if len(shown) <= LONGEST else f"…{shown[1 - LONGEST :]}"
        yield f'<path d="M{x - 8:g} {end:.1f} L{x:g} {place:.1f}" stroke="{colour}" stroke-width="0.8" fill="none"/>'
        yield _text(x + 3, place + 4, shown, palette.ink)


def _text(x: float, y: float, words: str, colour: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}">{escape(words)}</text>'


def _between(one: str, other: str, k: int, count: int) -> str:
    """The k-th of so many colours from one to the other."""
    part = k / max(count - 1, 1)
    pairs = zip((one[1:3], one[3:5], one[5:7]), (other[1:3], other[3:5], other[5:7]), strict=True)
    return "#" + "".join(f"{round(int(a, 16) + (int(b, 16) - int(a, 16)) * part):02X}" for a, b in pairs)
