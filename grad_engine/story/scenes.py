"""A scene: one idea of a story that explains, with its words and how long they take to read."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

WORDS_A_SECOND = 4.0
FADING = 0.4  # seconds of a scene in which words come and go
STEP = 0.2  # seconds; lengths are rounded up to it

_WORD = re.compile(r"\w")


def words_in(text: str) -> int:
    """How many words a viewer has to read: words, names and numbers; signs such as = and · are none."""
    return sum(bool(_WORD.search(part)) or part in ("∞", "−∞") for part in text.split())


@dataclass(frozen=True, slots=True)
class Scene:
    """One idea: at most one sentence with two equations and a remark, and what is new on the stage beside them."""

    name: str  # "leaves", "forward", "nudge", "seed", "backward", "sweep", "paths", "sum", "headline", "check", ...
    part: str  # of the story: "Forward", "A nudge", "Backward", "Check", "One step"
    sentence: str
    equations: tuple[str, ...] = ()
    remark: str = ""
    on_stage: tuple[str, ...] = ()  # words and numbers that appear in the graph
    ops: tuple[str, ...] = ()  # ids of the ops that it is about
    leaves: tuple[str, ...] = ()  # ids of accumulators
    moves: tuple[
        int, ...
    ] = ()  # of FILM: 1 a rule with numbers, 2 paths, 3 nudge, 5 slope, 6 repeats, 7 row and column
    motion: float = 2.0  # seconds that what moves needs at least

    @property
    def words(self) -> int:
        """How many words and numbers are new to the eye."""
        return sum(map(words_in, (self.sentence, *self.equations, self.remark, *self.on_stage)))

    @property
    def seconds(self) -> float:
        """Long enough to read all of it, and for what moves."""
        needed = max(self.motion, self.words / WORDS_A_SECOND + FADING)
        return round(math.ceil(needed / STEP - 1e-9) * STEP, 6)
