"""Text as outlines: measured, shortened to a width, and the same on every machine.

The outlines come straight from the font file of a package, so no font of the system is ever used, a line costs
microseconds, and its exact size is known without drawing it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from typing import Any
from unicodedata import category, normalize

import numpy as np
from fontTools.pens.basePen import BasePen
from fontTools.ttLib import TTFont

from grad_engine.draw.palette import Palette as Colours

from .. import theme
from ..render.primitives import Points, Primitive, Shape
from .shapes import polygon

FILES = {False: "SourceSansPro", True: "SourceSansProSemibold"}
# Signs that the font lacks, as other signs: which, how large, how far above the baseline (both in type sizes).
STAND_INS = {
    "ᵀ": ("T", 0.62, 0.34),
    "⁻": ("−", 0.62, 0.34),
    "⋯": ("…", 1.0, 0.22),
    "∗": ("*", 1.0, 0.0),
    "◌": ("○", 1.0, 0.0),
}

UNSEEN = ("Mn", "Me", "Cf")  # categories of signs that change others: accents, joiners, variation selectors
BARS = "\u0304\u0305"  # combining macron, combining overline
BAR_THICKNESS = 0.055
JOINTS = "._-/ "  # between the parts of a name
OVERLINE_HEIGHT = 0.80  # above every letter, so that the bar over a word is straight


@dataclass(frozen=True, slots=True)
class Outline:
    """A line of type, from its left end on the baseline, with its width."""

    shape: Shape
    width: float
    top: float  # highest point above the baseline
    bottom: float  # lowest point, negative below the baseline

    @property
    def points(self) -> Points:
        """Its outlines as cubic Béziers, (4k, 3)."""
        return self.shape.points


class _Cubics(BasePen):
    """Collects what a glyph draws as cubic Béziers."""

    def __init__(self, glyphs: Any) -> None:
        super().__init__(glyphs)
        self.found: list[tuple[tuple[float, float], ...]] = []
        self.first: tuple[float, float] = (0.0, 0.0)

    def _moveTo(self, point: tuple[float, float]) -> None:
        self.first = point

    def _lineTo(self, point: tuple[float, float]) -> None:
        a, b = self._getCurrentPoint(), point
        self.found.append((a, _between(a, b, 1 / 3), _between(a, b, 2 / 3), b))

    def _curveToOne(self, p: tuple[float, float], q: tuple[float, float], r: tuple[float, float]) -> None:
        self.found.append((self._getCurrentPoint(), p, q, r))

    def _closePath(self) -> None:
        if self._getCurrentPoint() != self.first:
            self._lineTo(self.first)


class Face:
    """One font file, read glyph by glyph as they are needed."""

    def __init__(self, name: str) -> None:
        import font_source_sans_pro

        self.file = TTFont(font_source_sans_pro.font_files_ttf[name], lazy=True)
        self.names: dict[int, str] = self.file.getBestCmap()
        self.glyphs = self.file.getGlyphSet()
        self.unit = 1 / float(self.file["head"].unitsPerEm)

    def has(self, sign: str) -> bool:
        """Whether the font, or a stand-in, can draw this sign."""
        return ord(sign) in self.names or sign in STAND_INS or sign in BARS

    @cache  # noqa: B019  # one face per font file lives as long as the program
    def glyph(self, sign: str) -> tuple[Points, float]:
        """The outline of a sign at type size 1, and how far it moves the line on; an empty box if there is none."""
        if sign in STAND_INS:
            other, size, up = STAND_INS[sign]
            points, advance = self.glyph(other)
            return points * size + np.array([0.0, up, 0.0]), advance * size
        name = self.names.get(ord(sign), ".notdef")
        pen = _Cubics(self.glyphs)
        self.glyphs[name].draw(pen)
        points = np.zeros((4 * len(pen.found), 3))
        points[:, :2] = np.array(pen.found, dtype=float).reshape(-1, 2) * self.unit
        return points, float(self.glyphs[name].width) * self.unit


@cache
def face(bold: bool) -> Face:
    """The regular or the semibold font."""
    return Face(FILES[bold])


def legible(text: str, bold: bool = False) -> str:
    """The text, with each sign that no font here can draw written as its number in Unicode: U+1F600."""
    known = face(bold).has
    if all(map(known, text)):
        return text
    signs = [sign for sign in normalize("NFC", text) if known(sign) or category(sign) not in UNSEEN]
    numbers = ["" if known(sign) else f"U+{ord(sign):04X}" for sign in signs]
    for k, (number, after) in enumerate(zip(numbers, [*signs[1:], ""], strict=True)):
        if number and after == BARS[1]:  # an overline covers all of the number
            numbers[k] = after.join(number)
    gaps = [" " if one and other else "" for one, other in pairwise(["", *numbers])]
    return "".join(gap + (number or sign) for gap, number, sign in zip(gaps, numbers, signs, strict=True))


@lru_cache(maxsize=4096)
def _set(text: str, bold: bool) -> Outline:
    at, parts, last = 0.0, [], (np.zeros((0, 3)), 0.0, 0.0)
    for sign in legible(text, bold):
        if sign in BARS:
            points, start, advance = last
            if len(points):
                top = max(float(points[:, 1].max(initial=0.0)), 0.486) + 0.10
                left, right = start, start + advance  # an overline joins that of the next sign; a macron is its sign's
                if sign == BARS[1]:
                    top = OVERLINE_HEIGHT
                else:
                    left, right = float(points[:, 0].min()) + 0.02, float(points[:, 0].max()) - 0.02
                over = top + BAR_THICKNESS
                parts.append(polygon([(left, top), (right, top), (right, over), (left, over)]))
            continue
        points, advance = face(bold).glyph(sign)
        last = (points + np.array([at, 0.0, 0.0]), at, advance)
        parts.append(last[0])
        at += advance
    points = np.concatenate(parts) if parts else np.zeros((0, 3))
    return Outline(Shape(points), at, float(points[:, 1].max(initial=0.0)), float(points[:, 1].min(initial=0.0)))


@lru_cache(maxsize=4096)
def text_outline(text: str, size: float, bold: bool = False) -> Outline:
    """A line of text at a type size in scene units."""
    plain = _set(" ".join(text.split()) if "\n" in text else text, bold)
    return Outline(Shape(plain.points * size), plain.width * size, plain.top * size, plain.bottom * size)


def text_width(text: str, size: float, bold: bool = False) -> float:
    """How wide a line of text is."""
    return _set(text, bold).width * size


def shortened(text: str, size: float, room: float, bold: bool = False) -> str:
    """The text if it fits into `room`, else as much of its beginning as does, with dots; empty if nothing does."""
    if text_width(text, size, bold) <= room:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if text_width(text[:middle].rstrip() + "…", size, bold) <= room:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + "…" if low else ""


def tail(text: str, size: float, room: float, bold: bool = False) -> str:
    """The name if it fits into `room`, else its last parts after dots: `…mlp.weight`, `…weight`; parts at _ come next.

    A last part that is wider than the room loses its middle.
    """
    if text_width(text, size, bold) <= room:
        return text
    last = 0
    for signs in (".", JOINTS):
        found = ""
        for k in range(len(text) - 1, 0, -1):
            if _joint(text, k) in signs:
                last = max(last, k)
                shown = "…" + text[k:]
                if text_width(shown, size, bold) > room:
                    break
                found = shown
        if found:
            return found
    return middle_out(text[last:], size, room, bold)


def _joint(text: str, k: int) -> str:
    """The sign between two parts of a name, if a part begins at `k`; else a sign that is none."""
    before = text[k - 1] if text[k - 1] not in BARS else text[k - 2 : k - 1]
    return before if before and before in JOINTS and text[k] not in JOINTS + BARS else "\0"


def middle_out(text: str, size: float, room: float, bold: bool = False) -> str:
    """The text if it fits into `room`, else its beginning and its end, from a whole word on, with dots between."""
    if text_width(text, size, bold) <= room:
        return text
    kept = 1  # signs; more than this many cannot fit, since their beginning alone is too wide
    while kept < len(text) and text_width(text[: kept - kept // 3].rstrip(), size, bold) <= room:
        kept *= 2
    shown, kept = text, min(kept, len(text))
    while kept and text_width(shown, size, bold) > room:
        kept -= 1
        last = len(text) - kept // 3
        if text[last - 1].isalnum():
            last = next((k for k in range(last, len(text)) if not text[k].isalnum()), last)
        shown = f"{text[: kept - kept // 3].rstrip()}…{text[last:]}"
    return shown if kept else ""


def drawable(text: str) -> bool:
    """Whether every sign of a text can be drawn."""
    return all(face(False).has(sign) for sign in text)


def cap_height(size: float) -> float:
    """How high a capital is at a type size."""
    return theme.CAP * size


def _between(a: tuple[float, float], b: tuple[float, float], t: float) -> tuple[float, float]:
    return a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t


def words(
    text: str,
    size: float,
    colour: str,
    at: tuple[float, float],
    *,
    anchor: str = "middle",
    bold: bool = False,
    room: float | None = None,
    alpha: float = 1.0,
) -> Primitive:
    """A line of text; `at` is its left end, middle or right end, half the height of a capital above the baseline.

    room: how wide it may be at most. What is wider is taken for a name and keeps its last parts.
    """
    text = text if room is None else tail(text, size, room, bold)
    made = text_outline(text, size, bold)
    left = at[0] - {"left": 0.0, "middle": 0.5, "right": 1.0}[anchor] * made.width
    place = (left, at[1] - cap_height(size) / 2)
    return Primitive(made.shape, fill=colour, fill_alpha=alpha, at=place, text=text, size=size)


def toned(text: str, colour: str, colours: Colours) -> str:
    """The colour of a text, magenta where the number at its end is not finite."""
    return colours.nonfinite if text.endswith(("NaN", "∞")) else colour
