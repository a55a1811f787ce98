"""Plays the story of a record: every beat is one animation and a pause to read."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manim import Animation, ManimColor, Mobject, Scene, config
from manim.constants import RendererType
from manim.renderer.cairo_renderer import CairoRenderer
from manim.utils.rate_functions import linear

from animation import theme
from animation.canvas import Canvas
from animation.film import Renderer
from animation.stage import Shot, Stage
from animation.story import PHASES, Beat, story
from grad_engine.draw.palette import THEMES
from grad_engine.errors import GradEngineError
from grad_engine.record import load_graph

DEFAULT_RECORD = Path("output", "graph_acyclic.json")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the environment asks for."""

    graph: Path
    theme: str = "dark"
    speed: float = 1.0
    phase: str = "both"
    longest_name: int = 14


def wishes(environment: Mapping[str, str], here: Path) -> Wishes:
    """What the `GRAD_ENGINE_*` variables ask for; raises GradEngineError with one sentence for a value that is none."""

    def choice(name: str, allowed: Sequence[str]) -> str:
        value = environment.get(name) or allowed[0]
        if value not in allowed:
            raise GradEngineError(f"{name} is {value!r}, but it must be one of {', '.join(allowed)}.")
        return value

    def amount(name: str, usual: float, low: float, high: float) -> float:
        value = environment.get(name) or str(usual)
        try:
            found = float(value)
        except ValueError:
            found = float("nan")
        if not low <= found <= high:
            raise GradEngineError(f"{name} is {value!r}, but it must be a number from {low:g} to {high:g}.")
        return found

    given = environment.get("GRAD_ENGINE_GRAPH")
    places = (
        [Path(given).expanduser()]
        if given
        else [here / DEFAULT_RECORD, Path(__file__).resolve().parents[1] / DEFAULT_RECORD]
    )
    found = next((place for place in places if place.exists()), None)
    if found is None:
        raise GradEngineError(
            f"There is no record at {places[0]}: write one with `python -m examples.large --export`,"
            " or point GRAD_ENGINE_GRAPH at one."
        )
    return Wishes(
        found,
        choice("GRAD_ENGINE_THEME", tuple(THEMES)),
        amount("GRAD_ENGINE_SPEED", 1.0, 0.1, 10.0),
        choice("GRAD_ENGINE_PHASE", PHASES),
        int(amount("GRAD_ENGINE_MAXLABEL", 14, 3, 40)),
    )


class Performance(Animation):
    """Plays a beat: the view moves to where it happens, it happens, and there is time to read."""

    def __init__(self, scene: GraphScene, beat: Beat) -> None:
        self.scene = scene
        self.beat = beat
        super().__init__(Mobject(), run_time=beat.seconds, rate_func=linear)

    def begin(self) -> None:
        """Nothing; shows the first moment. (Manim would copy everything here, for animations that compare.)"""
        self.shots = self.scene.shots(self.beat)
        self.shot: Shot | None = None
        self.past = 0.0  # when the shot that is shown began
        self.follow(0.0)

    def interpolate(self, alpha: float) -> None:
        """Nothing; shows a moment."""
        self.follow(alpha * self.beat.seconds)

    def finish(self) -> None:
        """Nothing; shows the last moment."""
        self.follow(self.beat.seconds + theme.FRAME)

    def follow(self, time: float) -> None:
        """Nothing; shows what is to be seen at a time. What has come to rest is not drawn again."""
        canvas = self.scene.canvas
        while self.shot is None or time >= self.past + self.shot.seconds:
            if self.shot is not None:
                self.shot.at(self.shot.seconds)
                canvas.land(self.shot.land(self.shot.seconds))
                self.past += self.shot.seconds
            self.shot = next(self.shots, None)
            if self.shot is None:
                canvas.bake(self.scene.stage.still_inks())
                canvas.show(())
                self.shot = Shot(float("inf"))
            else:
                canvas.bake(self.scene.stage.still_inks(self.shot))
        self.shot.at(time - self.past)
        canvas.land(self.shot.land(time - self.past))
        canvas.show(self.shot.flying())


class GraphScene(Scene):
    """Plays the record that the environment names. `animation/main.py` defines the scene that Manim is asked for."""

    def __init__(self, renderer: CairoRenderer | None = None, **settings: Any) -> None:
        if config.renderer is not RendererType.CAIRO:
            raise SystemExit(f"{type(self).__name__} needs the Cairo renderer: leave out --renderer.")
        super().__init__(renderer or Renderer(), **settings)

    def setup(self) -> None:
        """Nothing; reads the record, or ends with one sentence that says what is wrong."""
        logging.getLogger("manim").addFilter(_quiet)
        self.cached = not config.disable_caching
        config.disable_caching = True  # what is drawn is no mobject, and so not part of Manim's cache keys
        try:
            self.wishes = wishes(os.environ, Path.cwd())
            record = load_graph(self.wishes.graph)
            self.colours = THEMES[self.wishes.theme]
            self.stage = Stage(record, self.colours, self.wishes.longest_name)
        except GradEngineError as error:
            raise SystemExit(f"{type(self).__name__}: {error}") from None
        self.beats = story(
            record, phase=self.wishes.phase, speed=self.wishes.speed, longest_name=self.wishes.longest_name
        )
        assert isinstance(self.camera, Canvas)
        self.canvas = self.camera
        self.canvas.background_color = ManimColor(self.colours.background)
        self.canvas.fill()

    def construct(self) -> None:
        """Nothing; plays one beat after the other."""
        for beat in self.beats:
            self.next_section(beat.name)
            self.add_subcaption(beat.subtitle, duration=beat.seconds)
            self.play(Performance(self, beat))
            self.clear()

    def shots(self, beat: Beat) -> Iterator[Shot]:
        """The shots of a beat, each made when the one before is over."""
        rest = beat.seconds
        pan = self.stage.follow(beat)
        if pan is not None:
            yield pan
            rest -= pan.seconds
        yield self.stage.shot(beat, rest)

    def tear_down(self) -> None:
        """Nothing; leaves Manim's settings as they were, for the next scene of a notebook."""
        config.disable_caching = not self.cached


def _quiet(entry: logging.LogRecord) -> bool:
    return not entry.getMessage().startswith("Caching disabled")
