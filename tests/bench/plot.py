"""Figures as a picture: one small plot for each thing measured, both axes logarithmic, all on the same scale."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

from grad_engine.draw.palette import DARK, Palette

Lines = Mapping[str, Sequence[tuple[float, float]]]  # what was measured -> (N, microseconds), N ascending

COLUMNS = 5
WIDTH, HEIGHT = 224, 150  # of one plot, without what is written around it
GAP, TOP, LEFT, RIGHT, BELOW = 22, 84, 64, 30, 44
FONT = "font-family='Inter, Helvetica, Arial, sans-serif'"


class Stroke(NamedTuple):
    """How a line looks; no two differ in colour alone."""

    colour: str
    width: float
    dashes: str


class Scale(NamedTuple):
    """From a number to a place, by its logarithm."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        part = math.log(value / self.low) / math.log(self.high / self.low)
        return self.start + part * (self.end - self.start)


def small_multiples(title: str, plots: Mapping[str, Lines], colours: Palette = DARK) -> str:
    """An SVG with a plot for each entry, whose lines have the same look everywhere; the first line stands out."""
    points = [point for lines in plots.values() for line in lines.values() for point in line]
    sizes, times = zip(*points, strict=True)
    across = Scale(min(sizes), max(sizes), 8, WIDTH - 8)
    down = Scale(10 ** math.floor(math.log10(min(times))), 10 ** math.ceil(math.log10(max(times))), HEIGHT, 0)
    names = [name for name, line in next(iter(plots.values())).items() if line]
    looks = dict(zip(names, _strokes(colours), strict=False))
    rows = -(-len(plots) // COLUMNS)
    wide = LEFT + COLUMNS * WIDTH + (COLUMNS - 1) * GAP + RIGHT
    high = TOP + rows * (HEIGHT + BELOW)
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {wide} {high:g}' width='{wide}' {FONT}>",
        f"<rect width='100%' height='100%' fill='{colours.background}'/>",
        _text(LEFT, 36, title, colours.ink, 19),
        *_legend(looks, colours),
    ]
    for number, (name, lines) in enumerate(plots.items()):
        x, y = LEFT + number % COLUMNS * (WIDTH + GAP), TOP + number // COLUMNS * (HEIGHT + BELOW)
        parts.append(f"<g transform='translate({x} {y})'>")
        parts += _plot(name, lines, looks, across, down, colours, labelled=number % COLUMNS == 0)
        parts.append("</g>")
    return "\n".join([*parts, "</svg>"]) + "\n"


def _strokes(colours: Palette) -> list[Stroke]:
    return [
        Stroke(colours.value, 2.6, ""),
        Stroke(colours.muted, 1.6, "1 4"),
        Stroke(colours.gradient, 1.8, "7 4"),
        Stroke(colours.nonfinite, 1.5, "2 3"),
    ]


def _legend(looks: Mapping[str, Stroke], colours: Palette) -> list[str]:
    parts, x = [], float(LEFT)
    for name, look in looks.items():
        parts += [_line([(x, 60), (x + 34, 60)], look), _text(x + 42, 64, name, colours.ink, 13)]
        x += 74 + 7 * len(name)
    return parts


def _plot(
    name: str, lines: Lines, looks: Mapping[str, Stroke], across: Scale, down: Scale, colours: Palette, *,
    labelled: bool,
) -> list[str]:  # fmt: skip
    parts = [f"<rect width='{WIDTH}' height='{HEIGHT}' rx='8' fill='{colours.panel}'/>"]
    for power in range(round(math.log10(down.low)), round(math.log10(down.high)) + 1):
        y = down(10.0**power)
        if 0 < y < HEIGHT:
            parts.append(_line([(0, y), (WIDTH, y)], Stroke(colours.idle, 0.5, ""), 0.45))
        if labelled:
            parts.append(_text(-8, y + 3, _time(10.0**power), colours.muted, 10, "end"))
    sizes = [n for n, _ in next(iter(lines.values()))]
    shown = [n for n in sizes if n in (sizes[0], sizes[-1]) or math.log10(n) % 1 == 0]
    parts += [_text(across(n), HEIGHT + 13, f"{n:g}", colours.muted, 10, "middle") for n in shown]
    for line, look in reversed(looks.items()):  # the first on top
        places = [(across(n), down(time)) for n, time in lines[line]]
        parts.append(_line(places, look))
    first = next(iter(looks))
    parts += [
        f"<circle cx='{across(n):.1f}' cy='{down(time):.1f}' r='2.6' fill='{looks[first].colour}'/>"
        for n, time in lines[first]
    ]
    return [*parts, _text(10, 19, name, colours.ink, 13)]


def _time(microseconds: float) -> str:
    for unit, size in (("s", 1e6), ("ms", 1e3)):
        if microseconds >= size:
            return f"{microseconds / size:g} {unit}"
    return f"{microseconds:g} µs"


def _line(places: Sequence[tuple[float, float]], look: Stroke, opacity: float = 1) -> str:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return (
        f"<polyline points='{points}' fill='none' stroke='{look.colour}' stroke-width='{look.width}' "
        f"stroke-linecap='round' stroke-linejoin='round' stroke-dasharray='{look.dashes}' opacity='{opacity}'/>"
    )


def _text(x: float, y: float, words: str, colour: str, size: float, anchor: str = "start") -> str:
    return f"<text x='{x:g}' y='{y:g}' fill='{colour}' font-size='{size}' text-anchor='{anchor}'>{escape(words)}</text>"
