"""A record -> its beats: what happens, in order, with caption, subtitle and duration. Pure: no drawing.

Nothing is computed here that the record does not say: the order is that of its event lists, the numbers are its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from grad_engine.folding.views import View
from grad_engine.record import (
    GraphRecord,
)
from grad_engine.story.backward import Backward
from grad_engine.story.beats import (
    FRAME,
    Beat,
    Close,
)
from grad_engine.story.closing import Closing
from grad_engine.story.facts import ONE_BY_ONE
from grad_engine.story.forward import Forward

LONGEST = 45.0  # seconds of a whole film at default speed
SHORTEST_BEAT = 0.6  # seconds
PHASES = ("both", "forward", "backward")
UNRUSHED = 0.85  # part of its natural length that a beat needs so that it can be read


def story(
    shown: GraphRecord | View,
    *,
    phase: str = "both",
    speed: float = 1.0,
    longest_name: int = 14,
    legend: str = "",
    one_by_one: int = ONE_BY_ONE,
    longest: float = LONGEST,
) -> tuple[Beat, ...]:
    """The beats of a record, or of a view of one, in order; at default speed at most `longest` seconds in all.

    `phase` is one of PHASES, `speed` divides every duration, names are cut at `longest_name` characters;
    `legend` says how gradients look where many ops share a beat. A graph of up to `one_by_one` ops is told op by op.
    """
    shown = shown if isinstance(shown, View) else View(shown, shown)
    beats = Storyteller(shown, longest_name, legend, one_by_one, hurried=False).story(phase)
    if UNRUSHED * sum(beat.seconds for beat in beats) > longest:
        beats = Storyteller(shown, longest_name, legend, one_by_one, hurried=True).story(phase)
    return tuple(_timed(beats, speed, longest))


def _timed(beats: Sequence[Beat], speed: float, longest: float) -> Iterable[Beat]:
    total = sum(beat.seconds for beat in beats)
    limit = min(longest, 14 + 4 * len(beats)) if longest < math.inf else math.inf
    # To shorten, every beat gives up the same part of what it has above the shortest. The last beat keeps its length.
    floors = [beat.seconds if isinstance(beat, Close) else SHORTEST_BEAT for beat in beats]
    floor = sum(floors)
    shrink = 1.0 if total <= limit else max(0.0, (limit - floor) / max(total - floor, 1e-9))
    for beat, least in zip(beats, floors, strict=True):
        seconds = least + (beat.seconds - least) * shrink
        yield replace(beat, seconds=max(3, int(seconds / speed / FRAME + 1e-6)) * FRAME)


class Storyteller(Forward, Backward, Closing):
    """Turns one record into beats."""

    def story(self, phase: str) -> list[Beat]:
        """All beats, as long as they would be if there were time enough."""
        run = self.record.runs[-1] if self.record.runs else None
        beats = self.everything() if phase == "backward" and run is not None else self.forward()
        if phase != "forward" and run is not None:
            beats += self.backward(run)
        return [*beats, self.close(run if phase != "forward" else None)]
