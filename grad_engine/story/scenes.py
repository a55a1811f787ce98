"""A scene: one idea of a story that explains, with its words and how long they take to read; a lesson: all of them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import overload

from grad_engine.story.boxes import RowBox
from grad_engine.story.insets import Inset
from grad_engine.story.units import Unit

WORDS_A_SECOND = 4.0
FADING = 0.4  # seconds of a scene in which words come and go
STEP = 0.2  # seconds; lengths are rounded up to it
PARTS = ("Forward", "A nudge", "Backward", "Check", "One step")  # which are numbered
LAST = "The end"  # which is not

_WORD = re.compile(r"\w")


def words_in(text: str) -> int:
    """How many words a viewer has to read: words, names and numbers; signs such as = and · are none."""
    return sum(bool(_WORD.search(part)) or part in ("∞", "−∞") for part in text.split())


@dataclass(frozen=True, slots=True)
class Place:
    """Where a number stands in the picture of the graph: the value or gradient of a part, or the share of an edge."""

    part: str  # id of an op, an accumulator or an edge
    kind: str  # "value", "gradient" or "share"


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a line of text. Bars over names are in the text, as combining signs."""

    text: str
    tone: str = "ink"  # "ink", "muted", "value", "gradient", "done", "nonfinite"
    leaf: str = ""  # accumulator whose name, or whose gradient's name, this is: it has the hue of that leaf
    source: Place | None = None  # the place in the graph where this number stands as well
    strong: bool = False


Line = tuple[Token, ...]


def line(*parts: str | Token) -> Line:
    """Words and tokens as one line; words have the colour of ink."""
    tokens = (Token(part) if isinstance(part, str) else part for part in parts)
    return tuple(token for token in tokens if token.text)


def plain(some: Line) -> str:
    """A line as text."""
    return "".join(token.text for token in some)


@dataclass(frozen=True, slots=True)
class Scene:
    """One idea: at most one sentence with two equations and a remark, and what is new on the stage beside them."""

    name: str  # "leaves", "forward", "nudge", "seed", "rule", "sweep", "paths", "sum", "headline", "check", ...
    part: str  # one of PARTS, or LAST
    said: Line
    lines: tuple[Line, ...] = ()  # equations
    remarked: Line = ()
    on_stage: tuple[str, ...] = ()  # words and numbers that appear in the graph
    ops: tuple[str, ...] = ()  # ids of the ops that it is about
    leaves: tuple[str, ...] = ()  # ids of accumulators
    sent: tuple[tuple[str, str], ...] = ()  # shares that travel, in order: id of the edge, and the number, or ""
    inset: Inset | None = None
    moves: tuple[
        int, ...
    ] = ()  # of FILM: 1 a rule with numbers, 2 paths, 3 nudge, 5 slope, 6 repeats, 7 row and column
    motion: float = 2.0  # seconds that what moves needs at least
    number: int = 0  # of the part, from 1; 0 where it is not numbered

    @property
    def sentence(self) -> str:
        """The sentence as text."""
        return plain(self.said)

    @property
    def equations(self) -> tuple[str, ...]:
        """The equations as text."""
        return tuple(map(plain, self.lines))

    @property
    def remark(self) -> str:
        """The remark as text."""
        return plain(self.remarked)

    @property
    def words(self) -> int:
        """How many words and numbers are new to the eye: what stands several times in the graph is read once."""
        read = (self.sentence, *self.equations, self.remark)
        known = {word.strip("−,.:;()") for text in read for word in text.split()}
        new = [text for text in dict.fromkeys(self.on_stage) if text.removeprefix("−") not in known]
        return sum(map(words_in, (*read, *new)))

    @property
    def seconds(self) -> float:
        """Long enough to read all of it, and for what moves."""
        needed = max(self.motion, self.words / WORDS_A_SECOND + FADING)
        return round(math.ceil(needed / STEP - 1e-9) * STEP, 6)


@dataclass(frozen=True, slots=True)
class Followed:
    """The one number that a lesson follows."""

    accumulator: str
    index: tuple[int, ...]
    text: str  # "W1[0,4]"


@dataclass(frozen=True, slots=True)
class OpFace:
    """What stands in, above and below an op in the picture; "" where there is nothing to show."""

    op: str
    sign: str  # in its shape
    name: str  # of its result
    value: str  # at the followed entry, or of a single number
    gradient: str
    increment: str  # what the nudge adds
    backward: str  # name of its backward node
    badge: str = ""  # what is not finite in its value


@dataclass(frozen=True, slots=True)
class LeafFace:
    """What stands on the card of a leaf."""

    accumulator: str
    name: str
    shape: str  # "3×5"; "" for a single number
    entry: str  # "[0,4]" where a number of it is followed
    value: str
    gradient: str  # what this pass sent
    increment: str
    shares: tuple[tuple[str, str], ...]  # in the order of arrival: edge, and the number, or ""
    held: str = ""  # what `.grad` held before, where that is a number
    now: str = ""  # what `.grad` holds then


@dataclass(frozen=True)
class Lesson(Sequence[Scene]):
    """The scenes of a story, and what stays on the stage all the time."""

    scenes: tuple[Scene, ...]
    expression: Line = ()
    hues: tuple[str, ...] = ()  # accumulators with a hue of their own, the followed one first
    followed: Followed | None = None
    ops: Mapping[str, OpFace] = field(default_factory=dict)
    leaves: Mapping[str, LeafFace] = field(default_factory=dict)
    units: tuple[Unit, ...] = ()
    opened: int | None = None  # which of the units the forward pass opens
    row: tuple[RowBox, ...] = ()  # boxes that the graph is drawn as; () where every op is drawn
    result: str = ""  # what the gradients are gradients of: the root, or L, which is no tensor
    meaning: str = ""  # of L; "" where the result is the root
    total: str = ""  # the number of L
    increment: str = ""  # what the nudge adds to the result

    @property
    def seconds(self) -> float:
        """How long all scenes take together."""
        return sum(scene.seconds for scene in self.scenes)

    def __len__(self) -> int:
        return len(self.scenes)

    def __iter__(self) -> Iterator[Scene]:
        return iter(self.scenes)

    @overload
    def __getitem__(self, k: int) -> Scene: ...
    @overload
    def __getitem__(self, k: slice) -> Sequence[Scene]: ...
    def __getitem__(self, k: int | slice) -> Scene | Sequence[Scene]:
        return self.scenes[k]
