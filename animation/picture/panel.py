"""The words: the title line above the graph, and the panel below it with a sentence, equations and a remark."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from grad_engine.draw.palette import Palette as Colours
from grad_engine.story.scenes import PARTS

from .. import theme
from ..render.primitives import Part, Primitive
from .edge import BETWEEN, DOUBLE
from .facts import Bit
from .shapes import card_points, circle_points, line_points
from .text import middle_out, shortened, tail, text_width, words

LINES = 2  # that a sentence may take
NUMBER = re.compile(r"[−+-]?[\d.,]+(e[−-]?\d+)?")
NAMES = (5.0, 3.4, 2.4, 1.6)  # the widest that a name may be in a line, where there is less and less room
FULL = 0.92  # of its lines is what a sentence can be sure to fill
SAMPLE = 0.7  # length of a line that stands for a path
STEP = 0.38  # between them
TITLE_TONES = dict(zip(PARTS, ("value", "value", "gradient", "done", "done"), strict=True))


def panel(colours: Colours) -> Part:
    """The plate that the words lie on."""
    left, bottom, right, top = theme.PANEL
    points = card_points(right - left, top - bottom, 0.16, ((left + right) / 2, (top + bottom) / 2))
    return Part(Primitive(points, fill=colours.panel))


def numbered(part: str, number: int, colours: Colours) -> Part:
    """The number of a part of the film, in a disc with the colour of what moves in it."""
    at = (theme.TITLE[0] + 0.22, theme.TOP)
    if not number:
        return Part()
    return Part(
        Primitive(circle_points(0.22, at), fill=getattr(colours, TITLE_TONES[part])),
        words(str(number), theme.BODY, colours.background, at, bold=True),
    )


def heading(text: str, number: int, colours: Colours) -> Part:
    """The word of a part of the film."""
    left = theme.TITLE[0] + (0.62 if number else 0.0)
    return Part(words(text, theme.LARGE, colours.ink, (left, theme.TOP), anchor="left", bold=True))


def heading_end(text: str, number: int) -> float:
    """Where the word of a part ends."""
    return theme.TITLE[0] + (0.62 if number else 0.0) + text_width(text, theme.LARGE, True)


def running(text: str, left: float, room: float, colours: Colours, tone: str = "") -> Part:
    """The name of the backward node that runs, or another short text beside the word of the part."""
    if text_width(text, theme.SMALLEST, True) > room:
        return Part()
    return Part(
        words(text, theme.SMALLEST, tone or colours.gradient, (left, theme.TOP - 0.03), anchor="left", bold=True)
    )


def width(bits: Sequence[Bit], size: float) -> float:
    """How wide a line is."""
    return sum(text_width(bit.text, size, bit.strong) for bit in bits)


def line(bits: Sequence[Bit], size: float, left: float, y: float) -> list[Primitive]:
    """The primitives of a line, one for each of its bits, from its left end."""
    found = []
    for bit in bits:
        found.append(words(bit.text, size, bit.colour, (left, y), anchor="left", bold=bit.strong))
        left += text_width(bit.text, size, bit.strong)
    return found


def sample(colour: str, between: str, at: tuple[float, float]) -> list[Primitive]:
    """A line like that of a path in the graph, from its left end; with a colour `between` a double one."""
    points = line_points([at, (at[0] + SAMPLE, at[1])])
    if not between:
        return [Primitive(points, stroke=colour, width=theme.PATH)]
    width = theme.PATH * DOUBLE
    return [Primitive(points, stroke=colour, width=width), Primitive(points, stroke=between, width=width * BETWEEN)]


def fitted(bits: Sequence[Bit], size: float, room: float) -> list[Bit]:
    """The line if it fits, else as much of it as does, with dots: the type never shrinks."""
    found: list[Bit] = []
    left = room
    for bit in bits:
        wide = text_width(bit.text, size, bit.strong)
        if wide > left or (bit is not bits[-1] and wide > left - text_width("…", size)):
            rest = shortened(bit.text + "…", size, left, bit.strong) if wide > left else bit.text + "…"
            return [*found, replace(bit, text=rest)]
        found.append(bit)
        left -= wide
    return found


def wrapped(bits: Sequence[Bit], size: float, room: float, most: int = LINES) -> list[list[Bit]]:
    """A sentence in lines that are broken between words, with shorter names where it does not fit else."""
    for cap in NAMES:
        bits = named(bits, size, cap)
        if width(bits, size) <= FULL * room * most:
            break
    lines: list[list[Bit]] = [[]]
    left = room
    for bit in bits:
        for k, word in enumerate(_pieces(bit.text)):
            wide = text_width(word, size, bit.strong)
            if text_width(word.rstrip(), size, bit.strong) > left and lines[-1] and len(lines) < most:
                lines.append([])
                left = room
                word = word.lstrip()
            piece = replace(bit, text=word)
            if k and lines[-1]:
                lines[-1][-1] = replace(lines[-1][-1], text=lines[-1][-1].text + word)
            elif word:
                lines[-1].append(piece)
            left -= wide
    return [*lines[:-1], fitted(lines[-1], size, room)]


def _pieces(text: str) -> list[str]:
    """The words of a text, each with the space after it."""
    found, start = [], 0
    for k in range(1, len(text)):
        if text[k - 1] == " " and text[k] != " ":
            found.append(text[start:k])
            start = k
    return [*found, text[start:]]


def equations(lines: Sequence[Sequence[Bit]], rooms: Sequence[float]) -> list[tuple[list[Bit], float]]:
    """The equations of a scene, each with its type size, which is the same for all."""
    found = [equation(bits, room) for bits, room in zip(lines, rooms, strict=True)]
    smallest = min((size for _, size in found), default=theme.LARGE)
    return [equation(bits, room, (smallest,)) for bits, room in zip(lines, rooms, strict=True)]


def equation(
    bits: Sequence[Bit], room: float, sizes: Sequence[float] = (theme.LARGE, theme.BODY)
) -> tuple[list[Bit], float]:
    """An equation that fits, and its type size.

    What is too wide has shorter names, then loses what stands in letters between its first and its last terms, then has
    smaller type. In the end terms are left out in its middle: what it is of and its result always stand there.
    """
    for size in sizes:
        for cap in NAMES:
            sides = _sides(named(bits, size, cap))
            while len(sides) > 2 and _wide(sides, size) > room:  # x̄ = g · y = 1 · 3 = 3 -> x̄ = 1 · 3 = 3
                del sides[1]
            if _wide(sides, size) <= room:
                return [bit for side in sides for bit in side], size
    *before, result = sides
    some = [bit for side in before for bit in side]
    left = room - width(result, size) - text_width(" … ", size)
    kept: list[Bit] = []
    for bit in some:
        if (left := left - text_width(bit.text, size, bit.strong)) < 0:
            break
        kept.append(bit)
    return [*kept, replace(some[0], text=" … ", strong=False), *result], size


def _sides(bits: Sequence[Bit]) -> list[list[Bit]]:
    """An equation in parts, of which all but the first begin with =."""
    sides: list[list[Bit]] = [[]]
    for bit in bits:
        if bit.text.strip() == "=":
            sides.append([])
        sides[-1].append(bit)
    return sides


def _wide(sides: Sequence[Sequence[Bit]], size: float) -> float:
    return sum(width(side, size) for side in sides)


def named(bits: Sequence[Bit], size: float, cap: float) -> list[Bit]:
    """A line in which no name is wider than `cap`: long ones keep their last parts."""
    return [replace(bit, text=tail(bit.text, size, cap, bit.strong)) if _is_name(bit.text) else bit for bit in bits]


def _is_name(text: str) -> bool:
    """Whether a piece of a line is a name: one word that is no number."""
    return " " not in text.strip() and not NUMBER.fullmatch(text.strip())


def expression(bits: Sequence[Bit], room: float) -> list[Bit]:
    """What is computed, in the room beside the title; cut by its measured width, innermost part first."""
    if width(bits, theme.BODY) <= room:
        return list(bits)
    whole = "".join(bit.text for bit in bits)
    cut = middle_out(whole, theme.BODY * 1.03, room)
    before, _, after = cut.partition("…")
    found: list[Bit] = []
    count = 0
    for bit in bits:  # the same bits as far as they remain
        if count + len(bit.text) <= len(before):
            found.append(bit)
        elif count < len(before):
            found.append(replace(bit, text=before[count:]))
        count += len(bit.text)
    found.append(Bit("…", bits[0].colour))
    count = 0
    for bit in bits:
        start = len(whole) - len(after)
        if count + len(bit.text) > start:
            found.append(replace(bit, text=bit.text[max(0, start - count) :]))
        count += len(bit.text)
    return found
