"""All that is on the stage: parts under keys, in layers, and how they come and go in a shot."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy

from ..render.primitives import Part, Primitive
from .motion import Shot, seen

Key = tuple[str, str]  # a layer, and what of it

LAYERS = (
    "panel", "number", "part", "running", "expression", "bars", "sky", "frame", "edge_row", "edge", "op", "unit", "tag",
    "card", "value",
    "gradient", "badge", "increment", "note", "ring", "veil", "walk", "factor", "top", "callout", "curtain",
    "inset", "words", "token",
)  # fmt: skip
SLIDE = 0.24  # how far a text slides: more than its height
PLACE = {layer: k for k, layer in enumerate(LAYERS)}


class Parts:
    """What can be seen when all motion has come to rest."""

    def __init__(self) -> None:
        self.all: dict[Key, Part] = {}

    def still(self, shot: Shot | None = None) -> list[Primitive]:
        """What can be seen and does not move in a shot, in draw order."""
        moving = set(map(id, shot.moving)) if shot is not None else set()
        order = sorted(self.all, key=lambda key: PLACE[key[0]])
        return seen([self.all[key] for key in order if id(self.all[key]) not in moving])

    def order(self, shot: Shot) -> None:
        """Brings what moves into the order of its layers; what belongs to none stays above."""
        layer = {id(part): PLACE[key[0]] for key, part in self.all.items()}
        for part, k in shot.leaving:
            layer[id(part)] = k
        shot.moving = sorted(dict.fromkeys(shot.moving), key=lambda part: layer.get(id(part), len(LAYERS)))

    def keep(self, shot: Shot, key: Key, part: Part) -> None:
        """Adds a part that the shot moves."""
        self.all[key] = part
        shot.moving.append(part)

    def add(
        self,
        shot: Shot,
        key: Key,
        part: Part,
        start: float,
        stop: float,
        centre: tuple[float, float] | None = None,
    ) -> None:
        """Adds a part, which fades in, or grows from its centre."""
        old = self.all.get(key)
        if old is not None:
            self.swap(shot, key, part, start, stop)
            return
        self.keep(shot, key, part)
        if centre is None:
            shot.fade(part, start, stop)
        else:
            shot.pop(part, start, stop, centre)

    def drop(self, shot: Shot, key: Key, start: float, stop: float) -> None:
        """Removes a part, which fades out."""
        part = self.all.pop(key, None)
        if part is not None:
            self._leave(shot, part, key)
            shot.fade(part, start, max(stop, shot.rests(part)), rising=False)

    def swap(self, shot: Shot, key: Key, part: Part, start: float, stop: float) -> None:
        """Replaces a part by another."""
        old = self.all.get(key)
        if old is None:
            self.add(shot, key, part, start, stop)
            return
        self.all[key] = part
        self._leave(shot, old, key)
        shot.moving.append(part)
        shot.exchange(old, part, start, max(stop, shot.rests(old)))

    def cut(self, shot: Shot, key: Key, part: Part, at: float) -> None:
        """Replaces a part by another at a moment, without a change between."""
        old = self.all.get(key)
        self.all[key] = part
        shot.moving.append(part)
        part.fade_to(0.0)
        if old is not None:
            self._leave(shot, old, key)
        changed = [part] if old is None else [old, part]

        def act(u: float) -> None:
            part.fade_to(1.0 if u > 0 else 0.0)
            if old is not None:
                old.fade_to(0.0 if u > 0 else 1.0)

        shot.over(at, at if old is None else max(at, shot.rests(old)), act, *changed)

    def slide(self, shot: Shot, key: Key, part: Part, start: float, stop: float) -> None:
        """Replaces a part by another; texts that differ slide: the old ones go up, the new ones come from below."""
        old = self.all[key]
        ways = []
        for one, other in ((old, part), (part, old)):
            stays = {(primitive.text, primitive.place) for primitive in other.primitives}
            ways.append([each for each in one.primitives if each.text and (each.text, each.place) not in stays])
        gone = Part(*map(copy, ways[0]))  # above the new part, which covers the old one
        rest, come = gone.places, [(each, each.place) for each in ways[1]]
        self.all[key] = part
        for each in (old, part, gone):
            self._leave(shot, each, key)
        part.fade_to(0.0)
        gone.fade_to(0.0)

        def act(u: float) -> None:
            if not u:
                return
            old.fade_to(0.0)
            part.fade_to(1.0)
            gone.fade_to(1 - u)
            gone.put(rest, 1.0, (0.0, 0.0), (0.0, SLIDE * u))
            for each, (size, x, y) in come:
                each.fade_to(u)
                each.place = (size, x, y + SLIDE * (u - 1))

        shot.over(start, stop, act, old, part, gone)

    def _leave(self, shot: Shot, part: Part, key: Key) -> None:
        shot.moving.append(part)
        shot.leaving.append((part, PLACE[key[0]]))

    def drop_all(self, shot: Shot, wanted: Callable[[Key], bool], start: float, stop: float) -> None:
        """Removes every part whose key is wanted."""
        for key in [key for key in self.all if wanted(key)]:
            self.drop(shot, key, start, stop)
