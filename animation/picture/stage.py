"""The stage: title, graph and words, and what every scene of a lesson does on it."""

from __future__ import annotations

from collections.abc import Sequence

from grad_engine.draw.palette import Palette as Colours
from grad_engine.record import GraphRecord
from grad_engine.story.insets import StepBars, Walks
from grad_engine.story.scenes import Lesson, Scene

from .. import theme
from ..render.primitives import Part, Primitive
from . import marks, panel
from .facts import Facts
from .graph import Graph, Progress
from .inset import Box, Drawn
from .insets import INSETS
from .motion import Shot
from .parts import Parts

SOON = 0.4  # seconds in which words come and go
GLIDE = (0.12, 0.42)  # of a scene, in which numbers come from the graph into the words
BEFORE = "at the ops: before the step"
MOST_RUNNING = 6  # names of backward nodes that follow one another in the title


class Stage:
    """Everything that can be seen, and how each scene changes it. Knows nothing of Manim's scenes."""

    def __init__(
        self, record: GraphRecord, whole: GraphRecord, lesson: Lesson, colours: Colours, phase: str = "both"
    ) -> None:
        self.record, self.lesson, self.colours, self.phase = record, lesson, colours, phase
        self.facts = Facts(record, whole, lesson, colours)
        self.parts = Parts()
        self.parts.all["panel", ""] = panel.panel(colours)
        self.progress = Progress()
        heads = {(scene.part, scene.number) for scene in lesson}
        self.longest = max(panel.heading_end(*head) for head in heads)
        self.heading = ("", 0)
        self.show_graph()

    def show_graph(self) -> None:
        """Finds out where the graph lies. Raises Unreadable where there is too much in it."""
        self.graph = Graph(self.record, self.facts, self.colours, self.parts, theme.GRAPH, self.progress)

    def still(self, shot: Shot | None = None) -> list[Primitive]:
        """What can be seen and does not move in a shot, in draw order."""
        return self.parts.still(shot)

    def shot(self, scene: Scene, seconds: float) -> Shot:
        """The motion of a scene that takes this many seconds; `parts` is then what is seen when it is at rest."""
        shot = Shot(seconds)
        self.calm(shot, scene)
        self.head(shot, scene)
        self.say(shot, scene)
        getattr(self, f"play_{scene.name}", self.play_other)(shot, scene)
        self.show_inset(shot, scene)
        self.parts.order(shot)
        return shot

    def place(self, part: str, kind: str) -> tuple[float, float] | None:
        """Where a number of an op, a leaf or an edge stands; None where it does not."""
        return self.graph.place_of(part, kind)

    def calm(self, shot: Shot, scene: Scene) -> None:
        """What the scene before has marked is as it was; an answer leaves the nudge on the stage."""
        if scene.name != "answer":
            self.graph.calm(shot)

    # title and words

    def head(self, shot: Shot, scene: Scene) -> None:
        """The title: the number and the word of the part, the backward nodes that run, what is computed."""
        number = scene.number
        stop = min(0.3, SOON / shot.seconds)
        if (scene.part, number) != self.heading:
            self.heading = (scene.part, number)
            self.parts.swap(shot, ("number", ""), panel.numbered(scene.part, number, self.colours), 0.0, stop)
            self.parts.swap(shot, ("part", ""), panel.heading(scene.part, number, self.colours), 0.0, stop)
        end = theme.TITLE[2]
        bits = self.facts.title()
        if bits:
            bits = panel.expression(bits, end - self.longest - 0.6)
            if ("expression", "") not in self.parts.all:
                size = theme.BODY
                made = panel.line(bits, size, end - panel.width(bits, size), theme.TOP)
                self.parts.add(shot, ("expression", ""), Part(*made), 0.0, stop)
        self.parts.drop(shot, ("running", ""), 0.0, 0.05)

    def name_running(self, shot: Shot, ops: Sequence[str], start: float, stop: float) -> None:
        """The names of the backward nodes that run, one after the other, in the title."""
        names = [self.facts.op(id).backward for id in ops]
        end = panel.heading_end(*self.heading) + 0.3
        bits = panel.expression(self.facts.title(), theme.TITLE[2] - end - 0.4)
        room = theme.TITLE[2] - panel.width(bits, theme.BODY) - end - 0.3
        runs = [(k, name) for k, name in enumerate(names) if not k or names[k - 1] != name]
        if len(names) > MOST_RUNNING * 4:
            return
        for k, name in runs:
            at = start + (stop - start) * k / len(names)
            self.parts.cut(shot, ("running", ""), panel.running(name, end, room, self.colours), at)

    def say(self, shot: Shot, scene: Scene) -> None:
        """The words of the panel change; numbers that stand in the graph come from there."""
        gone = min(0.12, 0.5 * SOON / shot.seconds)
        shown = min(0.3, 2 * gone)
        self.parts.drop_all(shot, lambda key: key[0] in ("words", "inset", "curtain"), 0.0, gone)
        where = INSETS[type(scene.inset)][0] if type(scene.inset) in INSETS else ""
        left, room = theme.WORDS[0], theme.WORDS[2] - theme.WORDS[0]
        if where == "lens":
            room = theme.BESIDE
        primitives: list[Primitive] = []
        lines = self.facts.lines(scene) if where != "bars" else []
        size = theme.BODY if lines or where in ("bars", "lens") else theme.LARGE  # alone it may be large
        said = panel.wrapped(self.facts.said(scene), size, room)
        for k, bits in enumerate(said):
            y = theme.SENTENCE - panel.STEP * k * size / theme.BODY - 0.5 * (size - theme.BODY)
            primitives += panel.line(bits, size, left, y)
        remark = self.facts.remark(scene)
        down = 0.5 * panel.STEP * (len(said) - 1)
        heights = {1: (theme.FIRST - down,), 2: (theme.FIRST - down, theme.SECOND - down)}
        ys = heights.get(len(lines), (-2.35 - down, -2.90 - down, -3.45 - 0.3 * down))
        samples = self.samples(scene)
        starts = [left + (panel.SAMPLE + 0.25 if k < samples else 0.0) for k in range(min(len(lines), len(ys)))]
        fitted = panel.equations(lines[: len(ys)], [left + room - start for start in starts])
        for k, ((bits, type_size), start, y) in enumerate(zip(fitted, starts, ys, strict=False)):
            if k < samples:
                hue = self.facts.hues.get(scene.inset.leaf, self.colours.ink) if isinstance(scene.inset, Walks) else ""
                primitives += panel.sample(hue, self.colours.panel if k else "", (left, y))
            made = panel.line(bits, type_size, start, y)
            for one, bit in zip(made, bits, strict=True):
                if bit.source is not None and (at := self.place(*bit.source)) is not None:
                    self.glide(shot, one, at)
                else:
                    primitives.append(one)
        if remark and len(lines) < 3 and panel.width(remark, theme.SMALLEST) <= room:
            free = theme.SECOND if not lines and where != "bars" else theme.REMARK
            primitives += panel.line(remark, theme.SMALLEST, left, free)
        self.parts.add(shot, ("words", ""), Part(*primitives), gone, shown)

    def samples(self, scene: Scene) -> int:
        """How many equations are of a path that is drawn in the graph: a line like that stands before them."""
        if not isinstance(scene.inset, Walks) or not scene.inset.leaf:
            return 0
        return min(2, len(scene.inset.paths), max(1, len(scene.lines) - 1))

    def show_inset(self, shot: Shot, scene: Scene) -> None:
        """What a scene draws beside its words, or in place of the graph."""
        if type(scene.inset) not in INSETS:
            return
        where = INSETS[type(scene.inset)][0]
        zone = {"lens": theme.LENS, "bars": self.bars_zone(scene)}.get(where, self.inset_zone)
        if self.hides(scene):
            self.make_room(shot)
        drawn = self.drawn(scene, zone)
        growing = {id(growth.part) for growth in drawn.grow}
        for k, part in enumerate(drawn.parts):
            self.parts.keep(shot, ("inset", f"{k:03}"), part)
            if id(part) not in growing:
                shot.fade(part, 0.1, 0.2)
        for growth in drawn.grow:
            growth.act(0.0)
            shot.over(growth.start, growth.stop, growth.act, growth.part)

    def drawn(self, scene: Scene, zone: theme.Zone) -> Drawn:
        """The inset of a scene in a zone."""
        return INSETS[type(scene.inset)][1](scene.inset, Box(*zone), self.colours, self.facts.hues)

    def hides(self, scene: Scene) -> bool:
        """Whether an inset takes the place of the graph."""
        return INSETS[type(scene.inset)][0] in ("graph", "skyline") if type(scene.inset) in INSETS else False

    def bars_zone(self, scene: Scene) -> theme.Zone:
        """The room under the sentence, without that for a remark."""
        left, bottom, right, top = theme.BARS
        lines = len(panel.wrapped(self.facts.said(scene), theme.BODY, theme.WORDS[2] - theme.WORDS[0]))
        return left, bottom + (0.24 if scene.remarked else 0.0), right, top - 0.8 * panel.STEP * (lines - 1)

    @property
    def inset_zone(self) -> theme.Zone:
        """Where an inset stands that takes the place of the graph."""
        return theme.STEAD

    def make_room(self, shot: Shot) -> None:
        """The graph gives way to an inset until the next scene."""
        left, bottom, right, top = theme.GRAPH
        curtain = marks.veil(self.colours, 1.0, (left - 0.4, bottom - 0.08, right + 0.4, top + 0.1))
        self.parts.add(shot, ("curtain", ""), curtain, 0.0, 0.1)

    def glide(self, shot: Shot, one: Primitive, at: tuple[float, float]) -> None:
        """A number comes from the graph into the words."""
        part = Part(one)
        rest = part.places
        middle = part.middle
        self.parts.keep(shot, ("words", f"{id(one)}"), part)

        def act(u: float) -> None:
            x, y = (a + (b - a) * u for a, b in zip(at, middle, strict=True))
            part.put(rest, 0.7 + 0.3 * u, middle, (x, y))
            part.fade_to(min(1.0, 4 * u))

        act(0.0)
        shot.over(*GLIDE, act, part)

    # scenes

    def play_leaves(self, shot: Shot, scene: Scene) -> None:
        """The cards appear; where the forward pass is not told, all of the graph."""
        if self.phase == "backward":
            self.progress.made |= {*self.graph.ops, *self.graph.cards}
            for key, part in self.graph.now().items():
                self.parts.add(shot, key, part, 0.1, 0.4)
            return
        self.graph.appear_leaves(shot, list(self.graph.cards) if not scene.leaves else scene.leaves, 0.1, 0.7)

    def play_forward(self, shot: Shot, scene: Scene) -> None:
        """Ops appear and write their values."""
        self.graph.build(shot, scene.ops, 0.08, 0.85)

    play_unit = play_forward

    def play_nudge(self, shot: Shot, scene: Scene) -> None:
        """A leaf is nudged."""
        for leaf in scene.leaves[:1]:
            self.graph.nudge(shot, leaf)

    def play_seed(self, shot: Shot, scene: Scene) -> None:
        """The edges turn, and backward begins."""
        self.graph.turn(shot, 0.1, 0.4)
        self.graph.seed(shot, 0.45, 0.7)

    def play_rule(self, shot: Shot, scene: Scene) -> None:
        """Rules run."""
        self.name_running(shot, scene.ops, 0.05, 0.92)
        self.graph.run(shot, scene.ops, 0.05, 0.92, seen=not self.hides(scene))

    play_passing = play_row = play_zero = play_rule

    def play_sweep(self, shot: Shot, scene: Scene) -> None:
        """Ops run one after the other, forward or backward."""
        (self.play_rule if self.progress.backward else self.play_forward)(shot, scene)

    def play_paths(self, shot: Shot, scene: Scene) -> None:
        """A number walks the paths to the followed leaf."""
        if isinstance(scene.inset, Walks):
            self.graph.paths(shot, scene.inset)

    def play_path(self, shot: Shot, scene: Scene) -> None:
        """A number walks a path."""
        self.play_paths(shot, scene)

    def play_sum(self, shot: Shot, scene: Scene) -> None:
        """The shares at a leaf are added."""
        for leaf in scene.leaves[:1]:
            self.graph.sum_at(shot, leaf)

    def play_step(self, shot: Shot, scene: Scene) -> None:
        """Leaves take their new values, and the graph runs again; what it has written stays as it was before."""
        if isinstance(scene.inset, StepBars):
            self.graph.step(shot, scene.inset.moves, 0.05, 0.32)
        if self.graph.look.numbers:
            end = panel.heading_end(*self.heading) + 0.3
            bits = panel.expression(self.facts.title(), theme.TITLE[2] - end - 0.4)
            room = theme.TITLE[2] - panel.width(bits, theme.BODY) - end - 0.3
            note = panel.running(BEFORE, end, room, self.colours, self.colours.muted)
            self.parts.add(shot, ("running", ""), note, 0.05, 0.15)
        self.graph.sweep_forward(shot, 0.32, 0.8)

    def play_other(self, shot: Shot, scene: Scene) -> None:
        """Words, and in backward the ops whose rules run."""
        if self.progress.backward and not self.progress.sent.issuperset(self.edges_of(scene)):
            self.play_rule(shot, scene)

    def edges_of(self, scene: Scene) -> list[str]:
        """The edges along which the ops of a scene send shares."""
        shares = self.facts.index.shares
        return [edge.id for op in scene.ops for edge in self.facts.index.outgoing(op) if edge.id in shares]
