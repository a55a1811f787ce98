"""Plays a lesson on a canvas: what is to be seen at any moment of a scene."""

from __future__ import annotations

from dataclasses import dataclass

from grad_engine.draw.palette import THEMES, Palette
from grad_engine.folding.views import view
from grad_engine.record import GraphRecord
from grad_engine.story import lesson
from grad_engine.story.names import spoken
from grad_engine.story.scenes import Lesson, Scene

from . import theme
from .picture.large import LargeStage
from .picture.motion import Shot
from .picture.place import Unreadable
from .picture.stage import Stage
from .render.canvas import Canvas
from .settings import Settings


@dataclass(frozen=True)
class Beat:
    """A scene with the time that it has in this film."""

    scene: Scene
    name: str  # of its section and its picture
    seconds: float

    @property
    def subtitle(self) -> str:
        """Everything that is said, without sound."""
        parts = (self.scene.sentence, *self.scene.equations, self.scene.remark)
        return " ".join(spoken(part) for part in parts if part)


class Player:
    """Plays scenes, one after the other, each from its first moment to its last."""

    def __init__(self, record: GraphRecord, asked: Settings) -> None:
        self.colours = THEMES[asked.theme]
        self.stage = stage_of(record, self.colours, asked)
        told = self.stage.lesson
        self.beats = [
            Beat(scene, name_of(scene), max(2, round(scene.seconds / asked.speed / theme.FRAME)) * theme.FRAME)
            for scene in told
        ]
        self.shot: Shot | None = None

    def begin(self, beat: Beat, canvas: Canvas) -> None:
        """Shows the first moment of a scene."""
        self.shot = self.stage.shot(beat.scene, beat.seconds - theme.FRAME)
        canvas.bake(self.stage.still(self.shot))
        self.show(0.0, canvas)

    def show(self, time: float, canvas: Canvas) -> None:
        """Shows a later moment of the scene. What has come to rest is not drawn again."""
        assert self.shot is not None
        self.shot.at(time)
        if time >= self.shot.seconds:
            self.shot.at(self.shot.seconds)
        canvas.land(self.shot.land(time))
        canvas.show(self.shot.flying())


def stage_of(record: GraphRecord, colours: Palette, asked: Settings) -> Stage:
    """The stage of a record: every op, where each can be read; else boxes, of which one is opened.

    Its lesson names what is drawn, so it is told anew where the ops turn out to be too many.
    """

    def told(boxed: bool | None) -> Lesson:
        return lesson(
            record, phase=asked.phase, focus=asked.focus, length=asked.length, follow=asked.follow, boxed=boxed
        )

    shown = view(record, focus=asked.focus).record if asked.focus else record
    found = told({"none": False, "max": True}.get(asked.fold))
    if not found.row:
        try:
            return Stage(shown, record, found, colours, asked.phase)
        except Unreadable:
            found = told(True)
    return LargeStage(shown, record, found, colours, asked.phase)


def name_of(scene: Scene) -> str:
    """A scene's name with the op or the leaf that it is about, if that is one."""
    about = [*scene.ops, *scene.leaves]
    return f"{scene.name}-{about[0]}" if len(about) == 1 else scene.name
