"""One scene in motion: which parts move, appear or turn into others, and when."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from manim.utils.rate_functions import linear, smooth

from ..render.primitives import Part, Primitive


class Shot:
    """One scene in motion: what moves, in draw order, and what becomes of it as the seconds pass."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.moving: list[Part] = []
        self.leaving: list[tuple[Part, int]] = []  # what is not there any more after the shot, and its layer
        self.tracks: list[tuple[float, float, Callable[[float], float], Callable[[float], None]]] = []
        self.until: dict[int, float] = {}  # id of a part -> when the last track that changes it ends
        self.landed = 0  # so many of the moving parts are at rest and painted into the background

    def over(
        self,
        start: float,
        stop: float,
        act: Callable[[float], None],
        *parts: Part,
        ease: Callable[[float], float] = smooth,
    ) -> None:
        """Lets `act` change `parts`, from 0 to 1, between two moments given as fractions of the shot."""
        stop = min(1.0, max(stop, start + 1e-6))
        self.tracks.append((start * self.seconds, stop * self.seconds, ease, act))
        for part in parts:
            self.until[id(part)] = max(self.until.get(id(part), 0.0), stop * self.seconds)

    def rests(self, part: Part) -> float:
        """The moment after which no motion so far changes a part, as a fraction of the shot.

        What ends a part must last as long, or what was to bring it would have the last word.
        """
        return self.until.get(id(part), 0.0) / self.seconds

    def at(self, time: float) -> None:
        """Shows the moment `time`."""
        to_come = []
        for track in self.tracks:
            start, stop, ease, act = track
            if time >= start:
                done = min(1.0, (time - start) / (stop - start))
                act(ease(done) if done < 1.0 else 1.0)
            if time < stop:
                to_come.append(track)
        self.tracks = to_come

    def land(self, time: float) -> list[Primitive]:
        """What has come to rest since the last call, and lies under everything that still moves."""
        first = self.landed
        while self.landed < len(self.moving) and time >= self.until.get(id(self.moving[self.landed]), 0.0):
            self.landed += 1
        return seen(self.moving[first : self.landed])

    def flying(self) -> list[Primitive]:
        """What is still in motion and can be seen."""
        return seen(self.moving[self.landed :])

    def fade(self, part: Part, start: float, stop: float, rising: bool = True) -> None:
        """Lets a part appear or vanish."""
        if rising:
            part.fade_to(0.0)
        self.over(start, stop, part.fade_to if rising else lambda u: part.fade_to(1.0 - u), part)

    def exchange(self, old: Part, new: Part, start: float, stop: float) -> None:
        """Lets a part turn into another; words that differ follow each other, so that they never lie on one another."""

        def written(part: Part) -> list[object]:  # nearly in the same place, after a motion, is the same
            return [
                (primitive.text, *(round(x, 4) for x in primitive.place)) if primitive.text else None
                for primitive in part.primitives
            ]

        both = (old, written(old)), (new, written(new))
        stay = {None} | ({*both[0][1]} & {*both[1][1]})
        new.fade_to(0.0)

        def act(u: float) -> None:
            for (part, texts), shown in zip(both, (1.0 - u, u), strict=True):
                for primitive, text in zip(part.primitives, texts, strict=True):
                    primitive.fade_to(shown if text in stay else max(0.0, 2.0 * shown - 1.0))

        self.over(start, stop, act, old, new)

    def pop(self, part: Part, start: float, stop: float, centre: tuple[float, float]) -> None:
        """Lets a part appear growing from its centre, a little beyond its size and back."""
        rest = part.places
        part.fade_to(0.0)

        def act(u: float) -> None:
            scale = 1.0 if u >= 1 else 0.6 + 0.4 * (1 + 2.2 * (u - 1) ** 3 + 1.2 * (u - 1) ** 2)
            part.put(rest, scale, centre, centre)
            part.fade_to(min(1.0, 2.5 * u))

        self.over(start, stop, act, part, ease=linear)


def seen(parts: Sequence[Part]) -> list[Primitive]:
    """The primitives of some parts that are not fully transparent."""
    return [primitive for part in parts for primitive in part.primitives if primitive.opacity > 0]
