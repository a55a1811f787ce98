"""Plays a story on a canvas: what is to be seen at any moment of a beat."""

from __future__ import annotations

from collections.abc import Iterator

from grad_engine.draw.palette import THEMES, Palette
from grad_engine.folding.views import View, view
from grad_engine.record import GraphRecord
from grad_engine.story.beats import Beat
from grad_engine.story.telling import story

from .picture.base import Picture
from .picture.fit import Unreadable
from .picture.graph import GraphPicture
from .picture.motion import Shot
from .picture.overview import Overview
from .render.canvas import Canvas
from .settings import Settings

FEWER = (24, 18, 13, 9, 6)  # ops around a focus, until there is room for them


def picture_of(shown: GraphRecord | View, colours: Palette, longest_name: int = 14) -> Picture:
    """The picture of a record or of a view of one: every op if all can be read, else the overview."""
    try:
        return GraphPicture(shown, colours, longest_name)
    except Unreadable:
        return Overview(shown, colours, longest_name)


def framed(record: GraphRecord, asked: Settings) -> tuple[View, Picture]:
    """The view of a record and its picture; around a focus only as many ops as can be read."""
    colours = THEMES[asked.theme]
    for most in FEWER if asked.focus else ():
        shown = view(record, asked.fold, asked.focus, most)
        try:
            return shown, GraphPicture(shown, colours, asked.longest_name)
        except Unreadable:
            continue
    shown = view(record, asked.fold, asked.focus)
    return shown, picture_of(shown, colours, asked.longest_name)


class Player:
    """Plays beats, one after the other, each from its first moment to its last."""

    def __init__(self, record: GraphRecord, asked: Settings) -> None:
        self.colours = THEMES[asked.theme]
        shown, self.picture = framed(record, asked)
        self.beats = story(
            shown,
            phase=asked.phase,
            speed=asked.speed,
            longest_name=asked.longest_name,
            legend=self.picture.legend,
        )
        self.shots: Iterator[Shot] = iter(())
        self.shot: Shot | None = None
        self.past = 0.0  # seconds of the beat that earlier shots took

    def begin(self, beat: Beat, canvas: Canvas) -> None:
        """Shows the first moment of a beat."""
        self.shots, self.shot, self.past = self.cut(beat), None, 0.0
        self.show(0.0, canvas)

    def cut(self, beat: Beat) -> Iterator[Shot]:
        """The shots of a beat, each made when the one before is over: first the view moves, then the beat happens."""
        pan = self.picture.follow(beat)
        if pan is not None:
            yield pan
        yield self.picture.shot(beat, beat.seconds - (pan.seconds if pan is not None else 0.0))

    def show(self, time: float, canvas: Canvas) -> None:
        """Shows a later moment of the beat. What has come to rest is not drawn again."""
        while self.shot is None or time >= self.past + self.shot.seconds:
            if self.shot is not None:
                self.shot.at(self.shot.seconds)
                canvas.land(self.shot.land(self.shot.seconds))
                self.past += self.shot.seconds
            self.shot = next(self.shots, None)
            canvas.bake(self.picture.still(self.shot))
            if self.shot is None:
                self.shot = Shot(float("inf"))  # there is time to read
        self.shot.at(time - self.past)
        canvas.land(self.shot.land(time - self.past))
        canvas.show(self.shot.flying())
