"""What every picture of a graph has in common: parts that stay, a caption, a title, the closing table; and shots."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from manim.utils.rate_functions import linear, smooth

from animation import caption, lettering, theme
from animation.folding import View
from animation.glyphs import expression, panel, title, title_width
from animation.ink import Ink, Part
from animation.names import Names, headline
from animation.story import Beat, Build, Close, Gather, Outlook, Run, Seed, Turn
from grad_engine.draw.layout import drawn
from grad_engine.draw.palette import Palette as Colours
from grad_engine.errors import GradEngineError
from grad_engine.record import GraphRecord

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


class Shot:
    """One beat in motion: what moves, in draw order, and what becomes of it as the seconds pass."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.moving: list[Part] = []
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

    def land(self, time: float) -> list[Ink]:
        """What has come to rest since the last call, and lies under everything that still moves."""
        first = self.landed
        while self.landed < len(self.moving) and time >= self.until.get(id(self.moving[self.landed]), 0.0):
            self.landed += 1
        return seen(self.moving[first : self.landed])

    def flying(self) -> list[Ink]:
        """What is still in motion and can be seen."""
        return seen(self.moving[self.landed :])

    def fade(self, part: Part, start: float, stop: float, rising: bool = True) -> None:
        """Lets a part appear or vanish."""
        if rising:
            part.strength(0.0)
        self.over(start, stop, part.strength if rising else lambda u: part.strength(1.0 - u), part)

    def exchange(self, old: Part, new: Part, start: float, stop: float) -> None:
        """Lets a part turn into another; words that differ follow each other, so that they never lie on one another."""

        def written(part: Part) -> list[object]:  # nearly in the same place, after a motion, is the same
            return [(ink.text, *(round(x, 4) for x in ink.place)) if ink.text else None for ink in part.inks]

        both = (old, written(old)), (new, written(new))
        stay = {None} | ({*both[0][1]} & {*both[1][1]})
        new.strength(0.0)

        def act(u: float) -> None:
            for (part, texts), shown in zip(both, (1.0 - u, u), strict=True):
                for ink, text in zip(part.inks, texts, strict=True):
                    ink.strength(shown if text in stay else max(0.0, 2.0 * shown - 1.0))

        self.over(start, stop, act, old, new)

    def pop(self, part: Part, start: float, stop: float, centre: tuple[float, float]) -> None:
        """Lets a part appear growing from its centre, a little beyond its size and back."""
        rest = part.places
        part.strength(0.0)

        def act(u: float) -> None:
            scale = 1.0 if u >= 1 else 0.6 + 0.4 * (1 + 2.2 * (u - 1) ** 3 + 1.2 * (u - 1) ** 2)
            part.put(rest, scale, centre, centre)
            part.strength(min(1.0, 2.5 * u))

        self.over(start, stop, act, part, ease=linear)


class Board(ABC):
    """Everything that can be seen, and how each beat changes it. Knows nothing of Manim's scenes."""

    legend = ""  # how the size of a gradient is seen

    def __init__(self, shown: GraphRecord | View, colours: Colours, longest_name: int = 14) -> None:
        self.view = shown if isinstance(shown, View) else View(shown, shown)
        self.record = record = self.view.record
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

    def still(self, shot: Shot | None = None) -> list[Ink]:
        """What can be seen and does not move in a shot, in draw order."""
        moving = set(map(id, shot.moving)) if shot is not None else set()
        order = sorted(self.parts, key=lambda key: LAYERS.index(key[0]))
        return seen([self.parts[key] for key in order if id(self.parts[key]) not in moving])

    def appear(
        self, shot: Shot, key: tuple[str, str], part: Part, start: float, stop: float, pop: bool = False
    ) -> None:
        """A new part comes to stay."""
        self.parts[key] = part
        shot.moving.append(part)
        if pop:
            shot.pop(part, start, stop, self.centre(key[1]))
        else:
            shot.fade(part, start, stop)

    def vanish(self, shot: Shot, key: tuple[str, str], start: float, stop: float) -> None:
        """A part goes for good."""
        part = self.parts.pop(key, None)
        if part is not None:
            shot.moving.append(part)
            shot.fade(part, start, stop, rising=False)

    def swap(self, shot: Shot, key: tuple[str, str], part: Part, start: float, stop: float) -> None:
        """A part takes the place of the one that was there."""
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
        self.appear(shot, ("caption", ""), caption.caption(beat, self.colours), middle, min(0.35, 2.2 * middle))

    def head(self, shot: Shot, number: str, text: str, tone: str) -> None:
        """The phase gets its title: the first words of it where what is computed needs the room."""
        longest = max(TITLES, key=title_width)
        room = theme.GRAPH_WIDTH - 0.7 - title_width(longest)
        computed = headline(self.view.whole or self.view.source)
        if lettering.width(computed, theme.BODY) > room:
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
        """How many of its seconds things move in a beat; the rest is for reading."""
        share = {Gather: 0.80, Close: 0.36, Run: 0.74, Seed: 0.66, Turn: 0.75}.get(type(beat), 0.70)
        frames = max(2, min(round(seconds / theme.FRAME) - 1, round(seconds * share / theme.FRAME)))
        return frames * theme.FRAME

    def close(self, shot: Shot, beat: Close) -> None:
        """The graph gives way to the table of what every leaf has."""
        if beat.finished:
            self.head(shot, "✓", "The gradients", "done")
        gone = [key for key in self.parts if key[0] in ("edge", "item", "mark", "chip", "label", "key", "mask")]
        for key in gone:
            self.vanish(shot, key, 0.0, 0.3)
        head, *rows = caption.table(beat, self.colours)
        self.appear(shot, ("row", "head"), head, 0.3, 0.5)
        for k, row in enumerate(rows):
            at = 0.4 + 0.5 * k / len(rows)
            self.appear(shot, ("row", str(k)), row, at, min(1.0, at + 0.2))


def seen(parts: Sequence[Part]) -> list[Ink]:
    """The inks of some parts that are not fully transparent."""
    return [ink for part in parts for ink in part.inks if ink.amount > 0]
