"""What every picture of a graph has in common: parts that stay, a caption, a title, the closing table."""

from __future__ import annotations

from abc import ABC, abstractmethod

from grad_engine.draw.palette import Palette as Colours
from grad_engine.errors import GradEngineError
from grad_engine.folding.items import drawn
from grad_engine.folding.views import View
from grad_engine.record import GraphRecord, index_of
from grad_engine.story.beats import FRAME, Beat, Build, Close, Gather, Outlook, Run, Seed, Turn
from grad_engine.story.names import Names, headline

from .. import theme
from ..render.primitives import Part, Primitive
from .caption import caption
from .closing_table import table
from .frame import expression, panel, title, title_width
from .motion import Shot, seen
from .text import text_width

TITLES = ("Forward: building the graph", "Backward: the same edges, the other way")
LAYERS = (
    "panel",
    "title",
    "expression",
    "label",
    "key",
    "chip",
    "edge",
    "item",
    "mark",
    "mask",
    "caption",
    "sum",
    "row",
)


class Picture(ABC):
    """Everything that can be seen, and how each beat changes it. Knows nothing of Manim's scenes."""

    legend = ""  # a sentence on how this picture shows the size of a gradient

    def __init__(self, shown: GraphRecord | View, colours: Colours, longest_name: int = 14) -> None:
        self.view = shown if isinstance(shown, View) else View(shown, shown)
        self.record = record = self.view.record
        self.index = index_of(record)
        self.colours = colours
        self.names = Names(self.view.whole or self.view.source, longest_name)
        self.tensors = {tensor.id: tensor for tensor in record.tensors}
        self.nodes = {node.id: node for node in record.nodes}
        self.leaf_of = {accumulator.id: accumulator.leaf for accumulator in record.accumulators}
        self.roots = {(root.node, root.output) for root in record.roots}
        self.edges = {edge.id: edge for edge in record.edges}
        self.items, self.links = drawn(record)
        if not self.items:
            raise GradEngineError("The record holds no graph: export a tensor that was computed from others.")
        self.chips = {node.id: k for k, node in enumerate(record.nodes)}
        self.parts: dict[tuple[str, str], Part] = {("panel", ""): panel(colours)}

    @abstractmethod
    def centre(self, id: str) -> tuple[float, float]:
        """The middle of an item."""

    @abstractmethod
    def build(self, shot: Shot, beat: Build) -> None:
        """Leaves and ops appear, values flow into the ops."""

    @abstractmethod
    def turn(self, shot: Shot, beat: Turn) -> None:
        """Values dim, and every edge turns round."""

    @abstractmethod
    def seed(self, shot: Shot, beat: Seed) -> None:
        """The gradient that the run starts with comes to the root."""

    @abstractmethod
    def run(self, shot: Shot, beat: Run) -> None:
        """Rules run, shares travel to their receivers."""

    @abstractmethod
    def gather(self, shot: Shot, beat: Gather) -> None:
        """Shares that waited become their sum."""

    @abstractmethod
    def outlook(self, shot: Shot, beat: Outlook) -> None:
        """What is remarkable in a large graph is pointed at."""

    @abstractmethod
    def settle(self, shot: Shot) -> None:
        """What ran in the last beat is done."""

    def follow(self, beat: Beat) -> Shot | None:
        """The motion that brings what a beat is about into view, if it is not."""
        return None

    def still(self, shot: Shot | None = None) -> list[Primitive]:
        """What can be seen and does not move in a shot, in draw order."""
        moving = set(map(id, shot.moving)) if shot is not None else set()
        order = sorted(self.parts, key=lambda key: LAYERS.index(key[0]))
        return seen([self.parts[key] for key in order if id(self.parts[key]) not in moving])

    def appear(
        self, shot: Shot, key: tuple[str, str], part: Part, start: float, stop: float, pop: bool = False
    ) -> None:
        """Adds a part, which fades in or grows."""
        self.parts[key] = part
        shot.moving.append(part)
        if pop:
            shot.pop(part, start, stop, self.centre(key[1]))
        else:
            shot.fade(part, start, stop)

    def vanish(self, shot: Shot, key: tuple[str, str], start: float, stop: float) -> None:
        """Removes a part, which fades out."""
        part = self.parts.pop(key, None)
        if part is not None:
            shot.moving.append(part)
            shot.fade(part, start, stop, rising=False)

    def swap(self, shot: Shot, key: tuple[str, str], part: Part, start: float, stop: float) -> None:
        """Replaces a part by another."""
        old = self.parts.get(key, Part())
        self.parts[key] = part
        shot.moving += [old, part]
        shot.exchange(old, part, start, stop)

    def say(self, shot: Shot, beat: Beat) -> None:
        """The caption panel changes."""
        middle = min(0.15, 0.2 / shot.seconds)
        for key in [key for key in self.parts if key[0] == "sum"]:
            self.vanish(shot, key, 0.0, middle)
        self.vanish(shot, ("caption", ""), 0.0, middle)
        self.appear(shot, ("caption", ""), caption(beat, self.colours), middle, min(0.35, 2.2 * middle))

    def head(self, shot: Shot, number: str, text: str, tone: str) -> None:
        """Shows the title of a phase, shortened where the expression beside it needs the room."""
        longest = max(TITLES, key=title_width)
        room = theme.GRAPH_WIDTH - 0.7 - title_width(longest)
        computed = headline(self.view.whole or self.view.source)
        if text_width(computed, theme.BODY) > room:
            text = text.split(":")[0]
            room = theme.GRAPH_WIDTH - 0.7 - title_width("The gradients")
        self.swap(shot, ("title", ""), title(number, text, tone, self.colours), 0.0, 0.3)
        if ("expression", "") not in self.parts and computed:
            self.appear(shot, ("expression", ""), expression(computed, room, self.colours), 0.0, 0.3)

    def shot(self, beat: Beat, seconds: float | None = None) -> Shot:
        """The motion of a beat that has this many seconds; `parts` is then what is seen when it has come to rest."""
        shot = Shot(self.motion(beat, beat.seconds if seconds is None else seconds))
        self.say(shot, beat)
        match beat:
            case Build():
                self.build(shot, beat)
            case Turn():
                self.turn(shot, beat)
            case Seed():
                self.seed(shot, beat)
            case Run():
                self.run(shot, beat)
            case Gather():
                self.gather(shot, beat)
            case Outlook():
                self.outlook(shot, beat)
            case Close():
                self.close(shot, beat)
        if ("mask", "") in self.parts:
            shot.moving.append(self.parts["mask", ""])
        return shot

    def motion(self, beat: Beat, seconds: float) -> float:
        """The seconds of a beat in which things move; the rest is for reading."""
        share = {Gather: 0.80, Close: 0.36, Run: 0.74, Seed: 0.66, Turn: 0.75}.get(type(beat), 0.70)
        frames = max(2, min(round(seconds / FRAME) - 1, round(seconds * share / FRAME)))
        return frames * FRAME

    def close(self, shot: Shot, beat: Close) -> None:
        """The graph gives way to the table of what every leaf has."""
        if beat.finished:
            self.head(shot, "✓", "The gradients", "done")
        gone = [key for key in self.parts if key[0] in ("edge", "item", "mark", "chip", "label", "key", "mask")]
        for key in gone:
            self.vanish(shot, key, 0.0, 0.3)
        head, *rows = table(beat, self.colours)
        self.appear(shot, ("row", "head"), head, 0.3, 0.5)
        for k, row in enumerate(rows):
            at = 0.4 + 0.5 * k / len(rows)
            self.appear(shot, ("row", str(k)), row, at, min(1.0, at + 0.2))
