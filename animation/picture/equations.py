"""Formulas as outlines: Typst sets them, and its answer is read here, in memory, in a few milliseconds each."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from xml.etree import ElementTree

import numpy as np

from ..render.primitives import Points, Shape
from .shapes import polygon
from .text import Outline

Segment = tuple[complex, complex, complex, complex]
TYPE = 100.0  # type size, in points, at which formulas are set: large, because Typst rounds to hundredths
PAGE = "#set page(width: auto, height: auto, margin: 0pt, fill: none)\n#set text(size: {size}pt)\n$ {source} $"
THINNEST = 0.045  # of a bar, in type sizes: Typst's own are too thin for a video of 480 lines
LINK = "{http://www.w3.org/1999/xlink}href"
TOKEN = re.compile(r"([MmLlHhVvCcQqZz])|(-?\d*\.?\d+(?:e-?\d+)?)")


@cache
def typesetter() -> ModuleType | None:
    """The Typst compiler where it is installed; without it formulas are written as text."""
    return import_module("typst") if find_spec("typst") is not None else None


@lru_cache(maxsize=2048)
def equation_outline(source: str, size: float) -> Outline | None:
    """A Typst formula at a type size, from its left end on the baseline; None if it cannot be set."""
    points = compiled(source)
    if points is None:
        return None
    points = points * size
    return Outline(Shape(points), float(points[:, 0].max()), float(points[:, 1].max()), float(points[:, 1].min()))


@lru_cache(maxsize=2048)
def compiled(source: str) -> Points | None:
    """The outlines of a Typst formula at type size 1; None if it cannot be set."""
    typst = typesetter()
    if typst is None:
        return None
    # The letter at the end stands on the baseline, which is known by nothing else; it is not drawn.
    page = PAGE.format(size=TYPE, source=f'{source} quad upright("H")')
    try:
        answer = typst.compile(page.encode(), format="svg", ignore_system_fonts=True)
    except typst.TypstError:
        return None
    *parts, letter = outlines(ElementTree.fromstring(answer))
    points = np.concatenate([part for part in parts if len(part)] or [np.zeros((0, 3))])
    if not len(points):
        return None
    start = np.array([points[:, 0].min(), letter[:, 1].min(), 0.0])
    return (points - start) / TYPE


def outlines(page: ElementTree.Element) -> list[Points]:
    """What Typst drew, in order: glyphs, and bars as thin rectangles; as cubic Béziers, y up."""
    glyphs: dict[str, list[Segment]] = {}
    for symbol in page.iter():
        if symbol.tag.endswith("}symbol"):
            glyphs["#" + symbol.get("id", "")] = [s for shape in symbol for s in segments(shape.get("d", ""))]
    found: list[Points] = []
    pending = [(child, np.eye(3)) for child in reversed(page)]
    while pending:
        element, frame = pending.pop()
        kind = element.tag.rpartition("}")[2]
        if kind == "defs":
            continue
        frame = frame @ matrix(element.get("transform", ""))
        pending += [(child, frame) for child in reversed(element)]
        if kind == "use":
            shift = np.array(
                [[1.0, 0.0, float(element.get("x", 0))], [0.0, 1.0, float(element.get("y", 0))], [0.0, 0.0, 1.0]]
            )
            found.append(placed(glyphs.get(element.get(LINK, ""), []), frame @ shift))
        elif kind == "path" and element.get("stroke", "none") == "none":
            found.append(placed(segments(element.get("d", "")), frame))
        elif kind == "path":
            thick = max(float(element.get("stroke-width", 0)), THINNEST * TYPE) / 2
            for first, *_, last in segments(element.get("d", "")):
                (a, b), (c, d) = placed([(first,) * 4, (last,) * 4], frame)[::4, :2]
                found.append(polygon([(a, b - thick), (c, d - thick), (c, d + thick), (a, b + thick)]))
    return found


def placed(shape: list[Segment], frame: Points) -> Points:
    """Segments in a frame, as points (4k, 3) with y up: SVG counts it downwards."""
    flat = np.array(shape, dtype=complex).reshape(-1)
    points = np.zeros((len(flat), 3))
    points[:, 0] = frame[0, 0] * flat.real + frame[0, 1] * flat.imag + frame[0, 2]
    points[:, 1] = -(frame[1, 0] * flat.real + frame[1, 1] * flat.imag + frame[1, 2])
    return points


def matrix(transform: str) -> Points:
    """The matrix of an SVG transform: `matrix(...)`, `translate(...)`, `scale(...)`, or none."""
    numbers = [float(number) for number in re.findall(r"-?\d*\.?\d+(?:e-?\d+)?", transform)]
    if transform.startswith("matrix"):
        a, b, c, d, e, f = numbers
    elif transform.startswith("translate"):
        a, b, c, d, e, f = 1.0, 0.0, 0.0, 1.0, numbers[0], numbers[1] if len(numbers) > 1 else 0.0
    elif transform.startswith("scale"):
        a, b, c, d, e, f = numbers[0], 0.0, 0.0, numbers[-1], 0.0, 0.0
    else:
        a, b, c, d, e, f = 1.0, 0.0, 0.0, 1.0, 0.0, 0.0
    return np.array([[a, c, e], [b, d, f], [0.0, 0.0, 1.0]])


def segments(path: str) -> list[Segment]:
    """The cubic Béziers of an SVG path, whose letters are any of M L H V C Q Z, large or small."""
    found: list[Segment] = []
    here = first = 0j
    letter = ""
    numbers: list[float] = []
    takes = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "Q": 4}

    def straight(to: complex) -> None:
        found.append((here, here + (to - here) / 3, here + (to - here) * 2 / 3, to))

    for word, number in TOKEN.findall(path):
        if word:
            letter, numbers = word, []
            if letter in "Zz":
                if here != first:
                    straight(first)
                here = first
            continue
        numbers.append(float(number))
        big = letter.upper()
        if len(numbers) < takes[big]:
            continue
        from_here = here if letter.islower() else 0j
        if big == "H":
            places = [complex(numbers[0] + from_here.real, here.imag)]
        elif big == "V":
            places = [complex(here.real, numbers[0] + from_here.imag)]
        else:
            places = [from_here + complex(*numbers[k : k + 2]) for k in range(0, len(numbers), 2)]
        if big == "M":
            first = places[-1]
            letter = "l" if letter == "m" else "L"  # what follows a move without a letter are lines
        elif big == "C":
            found.append((here, *places))  # type: ignore[arg-type]  # three places
        elif big == "Q":
            control, to = places
            found.append((here, here + (control - here) * 2 / 3, to + (control - to) * 2 / 3, to))
        else:
            straight(places[-1])
        here, numbers = places[-1], []
    return found
