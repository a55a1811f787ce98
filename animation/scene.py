"""Plays the story of a record: every beat is one animation and a pause to read."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from manim import Animation, Camera, Group, ManimColor, Mobject, Scene, config
from manim.utils.rate_functions import linear

from animation import theme
from animation.arrangement import CROWD
from animation.glyphs import Ink, Part
from animation.stage import Shot, Stage, seen
from animation.story import PHASES, story
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
    """Plays a shot: one animation for everything that moves in a beat."""

    def __init__(self, shot: Shot, scene: GraphScene) -> None:
        self.shot = shot
        self.scene = scene
        super().__init__(Group(*shot.moving), run_time=shot.seconds, rate_func=linear)

    def begin(self) -> None:
        """Nothing; shows the first moment. (Manim would copy everything here, for animations that compare.)"""
        self.shot.at(0.0)

    def interpolate(self, alpha: float) -> None:
        """Nothing; shows a moment. What has come to rest is painted into the background, and not drawn again."""
        time = alpha * self.shot.seconds
        self.shot.at(time)
        self.scene.paint(self.shot.land(time))
        flying: list[Mobject] = [*self.shot.flying()]
        self.scene.moving_mobjects = flying

    def finish(self) -> None:
        """Nothing; shows the last moment."""
        self.shot.at(self.shot.seconds)
        self.scene.paint(self.shot.land(self.shot.seconds))


class GraphScene(Scene):
    """Plays the record that the environment names. `animation/main.py` defines the scene that Manim is asked for."""

    def setup(self) -> None:
        """Nothing; reads the record, or ends with one sentence that says what is wrong."""
        logging.getLogger("manim").addFilter(_quiet)
        self.cached = not config.disable_caching
        config.disable_caching = True  # what is baked into the background is not part of Manim's cache keys
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
        if not isinstance(self.camera, Camera):
            raise SystemExit(
                f"{type(self).__name__} needs the Cairo renderer, not {config.renderer.value}: leave out --renderer."
            )
        self.canvas = self.camera
        self.canvas.background_color = ManimColor(self.colours.background)
        self.plain = np.array(self.canvas.background)

    def construct(self) -> None:
        """Nothing; plays one beat after the other."""
        for beat in self.beats:
            self.next_section(beat.name)
            self.add_subcaption(beat.subtitle, duration=beat.seconds)
            rest = beat.seconds
            pan = self.stage.follow(beat)
            if pan is not None:
                self.film(pan)
                rest -= pan.seconds
            shot = self.stage.shot(beat, rest)
            self.film(shot)
            if len(self.stage.parts) <= CROWD * 4:
                self.bake(self.stage.still())  # in a large graph, what the shot has painted will do
            rest -= shot.seconds
            if rest > 0.5 * theme.FRAME:
                self.wait(round(rest / theme.FRAME) * theme.FRAME)

    def film(self, shot: Shot) -> None:
        """Nothing; plays a shot before what does not move in it."""
        self.bake(self.stage.still(shot))
        self.play(Performance(shot, self))
        self.clear()

    def tear_down(self) -> None:
        """Nothing; leaves Manim's settings as they were, for the next scene of a notebook."""
        config.disable_caching = not self.cached

    def bake(self, parts: Sequence[Part]) -> None:
        """Nothing; paints what does not move into the background, so that a frame costs the same in any graph."""
        self.canvas.set_background(self.plain)
        self.paint(seen(parts), True)

    def paint(self, inks: Sequence[Ink], always: bool = False) -> None:
        """Nothing; paints inks over what is in the background already."""
        if inks or always:
            self.canvas.reset()
            self.canvas.capture_mobjects(inks)
            self.canvas.set_background(self.canvas.pixel_array.copy())


def _quiet(entry: logging.LogRecord) -> bool:
    return not entry.getMessage().startswith("Caching disabled")
