"""The scene that Manim plays: every beat of the story of a record is one animation."""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from manim import Animation, ManimColor, Mobject, Scene, config
from manim.constants import RendererType
from manim.renderer.cairo_renderer import CairoRenderer
from manim.utils.rate_functions import linear

from grad_engine.errors import GradEngineError
from grad_engine.record import load_graph
from grad_engine.record.words import harmless

from . import theme
from .playback import Beat, Player
from .render.canvas import Canvas
from .render.encoder import Renderer
from .settings import settings

Told = Callable[[float], None]


class Performance(Animation):
    """Plays a beat."""

    def __init__(self, player: Player, beat: Beat, canvas: Canvas) -> None:
        self.player = player
        self.beat = beat
        self.canvas = canvas
        super().__init__(Mobject(), run_time=beat.seconds, rate_func=linear, name=beat.name)

    def begin(self) -> None:
        """Shows the first moment. Does not call super: Manim would copy every mobject, which nothing here needs."""
        self.player.begin(self.beat, self.canvas)

    def interpolate(self, alpha: float) -> None:
        """Shows a moment."""
        self.player.show(alpha * self.beat.seconds, self.canvas)

    def finish(self) -> None:
        """Shows the last moment."""
        self.player.show(self.beat.seconds + theme.FRAME, self.canvas)


class GraphScene(Scene):
    """Plays the record that the environment names. `animation/main.py` defines the scene that Manim is asked for."""

    def __init__(self, renderer: CairoRenderer | None = None, **settings: Any) -> None:
        if config.renderer is not RendererType.CAIRO:
            raise SystemExit(f"{type(self).__name__} needs the Cairo renderer: leave out --renderer.")
        super().__init__(renderer or Renderer(), **settings)

    def opened(self) -> Player:
        """The player of the record that is to be seen."""
        asked = settings(os.environ, Path.cwd())
        if asked.note:
            logging.getLogger("manim").warning(asked.note)
        return Player(load_graph(asked.graph), asked)

    def setup(self) -> None:
        """Reads the record, or ends with one sentence that says what is wrong."""
        logging.getLogger("manim").addFilter(shown_plainly)
        self.cached = not config.disable_caching
        config.disable_caching = True  # Manim's cache keys hold mobjects, and nothing drawn here is one
        try:
            self.player = self.opened()
        except GradEngineError as error:
            raise SystemExit(f"{type(self).__name__}: {error}") from None
        assert isinstance(self.camera, Canvas)
        self.canvas = self.camera
        self.canvas.background_color = ManimColor(self.player.colours.background)
        self.canvas.fill()

    def construct(self) -> None:
        """Plays one beat after the other."""
        for beat in self.player.beats:
            self.next_section(beat.name)
            self.add_subcaption(beat.subtitle, duration=beat.seconds)
            self.play(Performance(self.player, beat, self.canvas))
            self.clear()

    def tear_down(self) -> None:
        """Leaves Manim's settings as they were, for the next scene of a notebook."""
        config.disable_caching = not self.cached


def watched(
    scene: type[GraphScene], player: Player, watch: Callable[[Sequence[float]], AbstractContextManager[Told]]
) -> GraphScene:
    """The scene with a player of its own; `watch` is given the length of every beat, and told of each played."""

    class Watched(scene):  # type: ignore[misc, valid-type]
        def opened(self) -> Player:
            return player

        def construct(self) -> None:
            with watch([beat.seconds for beat in self.player.beats]) as self.told:
                super().construct()

        def play(self, *animations: Any, **settings: Any) -> None:
            super().play(*animations, **settings)
            self.told(animations[0].beat.seconds)

    Watched.__name__ = scene.__name__  # which the file is called
    return Watched()


def has_display() -> bool:
    """Whether a film can be shown here."""
    there = shutil.which("xdg-open") and (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return bool(there) or not sys.platform.startswith("linux")


def shown_plainly(entry: logging.LogRecord) -> bool:
    """Whether a line of Manim's log is shown; what it names, such as a file, can then do nothing to the terminal."""
    text = entry.getMessage()
    words = text.strip("\n")  # Manim sets some lines apart
    lead = text[: len(text) - len(text.lstrip("\n"))]
    entry.msg, entry.args = f"{lead}{harmless(words)}{text[len(lead) + len(words) :]}", None
    return not words.startswith("Caching disabled")
