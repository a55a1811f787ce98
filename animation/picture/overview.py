"""A graph from afar: every op and leaf is a dot in its place, which its gradient makes strong and large."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from grad_engine.draw.glyph import outline
from grad_engine.draw.layout import Box
from grad_engine.draw.palette import Palette as Colours
from grad_engine.folding.items import Link
from grad_engine.folding.views import View
from grad_engine.record import GraphRecord
from grad_engine.story.beats import Build, Gather, Outlook, Run, Seed, Turn
from grad_engine.story.values import norm

from .. import theme
from ..render.primitives import Part, Points, Primitive
from .base import TITLES, Picture
from .frame import pointer
from .motion import Shot
from .shapes import card_points, circle_points, line_points, polygon
from .tape import TAPE_LABELS, tape_label
from .text import drawable, text_width, words

LEVELS = 8  # of brightness and size
BINS = 260  # cells of the strip, at most
LARGEST = 0.60  # a dot
SMALLEST = 0.7  # of a dot, where its gradient is the smallest
SWEEPS = 4  # through the columns, to bring linked dots near each other


class Overview(Picture):
    """A graph of which only the whole can be seen."""

    legend = "stronger and larger: a larger gradient"

    def __init__(self, shown: GraphRecord | View, colours: Colours, longest_name: int = 14) -> None:
        super().__init__(shown, colours, longest_name)
        self.boxes = placed(self.items, self.links)
        self.ends = {link.id: (link.source, link.target) for link in self.links}
        self.level = self.levels()
        self.running: list[str] = []
        self.ran: list[str] = []
        self.batches = 0
        bins = min(BINS, max(len(self.chips), 1))
        self.cell = {id: k * bins // max(len(self.chips), 1) for id, k in self.chips.items()}
        self.bins = bins

    def centre(self, id: str) -> tuple[float, float]:
        """The middle of an item."""
        return self.boxes[id].x, self.boxes[id].y

    def levels(self) -> dict[str, int]:
        """How large the gradient of each item is, from 0 to LEVELS - 1 on a logarithmic scale; -1: not finite."""
        if not self.record.runs:
            return {}
        run = self.record.runs[-1]
        found = {id: next((g for g in ids if g is not None), None) for id, ids in run.gradients.items()}
        found |= {change.accumulator: change.after for change in run.leaves}
        sizes = {id: norm(self.tensors[g]) for id, g in found.items() if g is not None}
        logs = {id: math.log10(s) for id, s in sizes.items() if s is not None and math.isfinite(s) and s > 0}
        # A single tiny gradient would leave all others in one colour.
        low, high = np.quantile(list(logs.values()), (0.03, 0.97)).tolist() if logs else (0.0, 1.0)
        reach = max(high - low, 1e-9)
        levels = {id: min(LEVELS - 1, max(0, int(LEVELS * (log - low) / reach))) for id, log in logs.items()}
        not_finite = {id: -1 for id, s in sizes.items() if s is not None and not math.isfinite(s)}
        return dict.fromkeys(sizes, 0) | levels | not_finite

    def tone(self, level: int) -> str:
        """The colour of a level: grey, then the gradient's, then that of ink."""
        if level < 0:
            return self.colours.nonfinite
        part = level / (LEVELS - 1)
        if part < 0.6:
            faint = mixed(self.colours.idle, self.colours.muted, 0.3)  # a sign has to be read on it
            return mixed(faint, self.colours.gradient, part / 0.6)
        return mixed(self.colours.gradient, self.colours.ink, 0.75 * (part - 0.6) / 0.4)

    # what is drawn

    def dots(self, items: Iterable[str], colour: str, fill: bool, scale: float = 1.0) -> list[Primitive]:
        """Some items in one colour."""
        shapes = [self.shape(id, scale) for id in items if id in self.boxes]
        if not shapes:
            return []
        points = np.concatenate(shapes)
        if fill:
            return [Primitive(points, fill=colour)]
        return [Primitive(points, fill=self.colours.panel, stroke=colour, width=1.8)]

    def shape(self, id: str, scale: float) -> Points:
        """The outline of an item."""
        box = self.boxes[id]
        category = self.nodes[id].category if id in self.nodes else "leaf" if id in self.leaf_of else "constant"
        high = box.height * (0.62 if category in ("leaf", "constant") else 1.0)
        if box.width < 0.1 and category == "arithmetic":
            return circle_points(0.5 * box.width * scale, (box.x, box.y))
        return polygon(outline(category, box.width * scale, high * scale, corner=0.0) + (box.x, box.y))

    def signs(self, items: Iterable[str], colour: str) -> list[Primitive]:
        """The signs of those ops, and the names of those leaves, in which there is room for them."""
        primitives = []
        for id in items:
            sign = self.nodes[id].symbol if id in self.nodes else self.names[self.leaf_of.get(id, id)]
            room = SMALLEST * self.boxes[id].width
            if sign and drawable(sign) and text_width(sign, theme.SMALLEST, True) <= room:
                primitives.append(words(sign, theme.SMALLEST, colour, self.centre(id), bold=True))
        return primitives

    def lines(self, links: Iterable[str], colour: str, width: float, alpha: float) -> Part:
        """Some edges, from dot to dot."""
        places = [line_points([self.centre(end) for end in self.ends[id]]) for id in links if id in self.ends]
        if not places:
            return Part()
        return Part(Primitive(np.concatenate(places), stroke=colour, width=width, stroke_alpha=alpha))

    def strip(self, nodes: Iterable[str], colour: str, fill: bool = True) -> list[Primitive]:
        """The cells of some ops on the strip below the graph."""
        left = -theme.GRAPH_WIDTH / 2 + 1.12
        pitch = (theme.GRAPH_WIDTH / 2 - left) / self.bins
        cells = sorted({self.cell[id] for id in nodes if id in self.cell})
        shapes, first = [], 0
        for k in range(1, len(cells) + 1):
            if k == len(cells) or cells[k] != cells[k - 1] + 1:
                wide = pitch * (cells[k - 1] + 1 - cells[first])
                at = (left + pitch * cells[first] + wide / 2, theme.TAPE_MIDDLE)
                shapes.append(card_points(wide, theme.TAPE_HEIGHT, 0.0, at))
                first = k
        if not shapes:
            return []
        points = np.concatenate(shapes)
        return [
            Primitive(points, fill=colour)
            if fill
            else Primitive(points, fill=self.colours.panel, stroke=colour, width=1.6)
        ]

    def by_level(self, items: Iterable[str]) -> dict[int, list[str]]:
        """Items by the size of their gradient, small ones first."""
        found: dict[int, list[str]] = {}
        for id in items:
            found.setdefault(self.level.get(id, 0), []).append(id)
        return dict(sorted(found.items(), key=lambda pair: pair[0] if pair[0] >= 0 else LEVELS))

    # the beats

    def build(self, shot: Shot, beat: Build) -> None:
        """Dots and lines appear."""
        if ("title", "") not in self.parts:
            self.head(shot, "1", TITLES[0], "value")
            self.appear(shot, ("label", ""), tape_label(TAPE_LABELS[0], "muted", self.colours), 0.1, 0.4)
        key, primitive = str(self.batches), self.colours.ink
        self.batches += 1
        arriving = set(beat.items)
        links = [link.id for link in self.links if link.target in arriving]
        ops = [id for id in beat.items if id in self.nodes]
        cards = [id for id in beat.items if id not in self.nodes]
        self.appear(shot, ("edge", key), self.lines(links, self.colours.value, 1.4, self.faint()), 0.2, 0.8)
        dots = [*self.dots(cards, self.colours.value, True), *self.dots(ops, self.colours.value, False)]
        self.appear(
            shot,
            ("item", key),
            Part(*dots, *self.signs(ops, primitive), *self.signs(cards, self.colours.background)),
            0.1,
            0.6,
        )
        self.appear(shot, ("chip", key), Part(*self.strip(ops, self.colours.value)), 0.3, 0.8)

    def faint(self) -> float:
        """The opacity of lines: the more there are, the fainter."""
        return min(0.6, max(0.2, 7 / math.sqrt(len(self.links) + 1)))

    def turn(self, shot: Shot, beat: Turn) -> None:
        """Turns everything from the colour of values to grey, which waits for gradients."""
        self.head(shot, "2", TITLES[1], "gradient")
        self.swap(shot, ("label", ""), tape_label(TAPE_LABELS[1], "gradient", self.colours), 0.0, 0.3)
        for key in [key for key in self.parts if key[0] in ("edge", "item", "chip")]:
            self.vanish(shot, key, 0.2, 0.7)
        self.appear(shot, ("edge", "idle"), self.lines(self.ends, self.colours.idle, 1.2, 0.7 * self.faint()), 0.2, 0.7)
        quiet = [*self.dots(self.items, self.colours.idle, False), *self.signs(self.items, self.colours.muted)]
        self.appear(shot, ("item", "idle"), Part(*quiet), 0.2, 0.7)
        self.appear(shot, ("chip", "idle"), Part(*self.strip(self.nodes, self.colours.idle, False)), 0.2, 0.7)

    def seed(self, shot: Shot, beat: Seed) -> None:
        """The root lights up."""
        self.running = [beat.root]
        self.light(shot, [], 0.3)

    def light(self, shot: Shot, links: Sequence[str], at: float) -> None:
        """Shows what runs now."""
        edges = self.lines(links, self.colours.gradient, 2.2, min(1.0, 2.5 * self.faint()))
        self.appear(shot, ("edge", "hot"), edges, at, at + 0.3)
        hot = [
            *self.dots(self.running, self.colours.gradient, True),
            *self.signs(self.running, self.colours.background),
        ]
        self.appear(shot, ("item", "hot"), Part(*hot), 0.1, 0.4)
        self.appear(shot, ("chip", "hot"), Part(*self.strip(self.running, self.colours.gradient)), 0.1, 0.4)

    def settle(self, shot: Shot) -> None:
        """What ran shows how large its gradient is."""
        for kind in ("edge", "item", "chip"):
            self.vanish(shot, (kind, "hot"), 0.0, 0.3)
        self.cool(shot, self.running)
        self.running = []

    def cool(self, shot: Shot, items: Sequence[str]) -> None:
        """Items take the colour and the size of their gradient for good."""
        if not items:
            return
        key = f"ran{self.batches}"
        self.batches += 1
        primitives: list[Primitive] = self.dots(items, self.colours.background, True, 1.12)  # wipes out what was there
        cells: list[Primitive] = []
        for level, some in self.by_level(items).items():
            scale = 1.0 if level < 0 else SMALLEST + (1.0 - SMALLEST) * level / (LEVELS - 1)
            primitives += self.dots(some, self.tone(level), True, scale)
            cells += self.strip(some, self.tone(level))
        primitives += self.signs(items, self.colours.background)
        self.appear(shot, ("item", key), Part(*primitives), 0.0, 0.3)
        self.appear(shot, ("chip", key), Part(*cells), 0.0, 0.3)

    def run(self, shot: Shot, beat: Run) -> None:
        """Ops light up, and so do the lines that their shares take; leaves that are complete show it."""
        self.settle(shot)
        self.running = list(beat.nodes)
        self.light(shot, [sent.edge for sent in beat.sent], 0.25)
        self.cool(shot, [sent.receiver for sent in beat.sent if sent.receiver in self.leaf_of and sent.k == sent.of])

    def gather(self, shot: Shot, beat: Gather) -> None:
        """Sums are not shown one by one."""
        self.settle(shot)

    def outlook(self, shot: Shot, beat: Outlook) -> None:
        """Rings close around what is pointed at, with its number beside."""
        self.settle(shot)
        for k, mark in enumerate(beat.marks):
            part = pointer(str(k + 1), self.boxes[mark], self.colours)
            self.appear(shot, ("mark", mark), part, 0.2 + 0.2 * k, 0.4 + 0.2 * k)


def placed(items: Sequence[str], links: Sequence[Link]) -> dict[str, Box]:
    """A box for every item, as large as there is room for.

    Ranks lie from left to right, as inputs lie before what is computed from them. Where there are so many ranks that
    this would waste the room, items follow each other line by line instead, as words do.
    """
    columns = ranked(items, links)
    wide, high = theme.GRAPH_WIDTH - 0.3, theme.GRAPH_TOP - theme.GRAPH_BOTTOM - 0.3
    middle = (theme.GRAPH_TOP + theme.GRAPH_BOTTOM) / 2

    def needed(rows: int) -> int:
        return sum(-(-len(column) // rows) for column in columns)

    best = max(range(1, len(items) + 1), key=lambda rows: min(wide / needed(rows), high / rows))
    pitch = min(wide / needed(best), high / best)
    dense = max(range(1, len(items) + 1), key=lambda rows: min(wide / -(-len(items) // rows), high / rows))
    close = min(wide / -(-len(items) // dense), high / dense)
    boxes: dict[str, Box] = {}
    if pitch >= 0.55 * close:
        size = min(LARGEST, 0.66 * pitch)
        across = min(wide / needed(best), 2.2 * pitch)
        x = -across * (needed(best) - 1) / 2
        for column in columns:
            pieces = np.array_split(np.arange(len(column)), -(-len(column) // best))
            for piece in pieces:
                up = min(high / max(len(piece), 1), 1.6 * pitch)
                for k, at in enumerate(piece):
                    boxes[column[at]] = Box(x, middle + up * ((len(piece) - 1) / 2 - k), size, size)
                x += across
        return boxes
    size = min(LARGEST, 0.66 * close)
    long = -(-len(items) // dense)
    for k, id in enumerate(id for column in columns for id in column):
        row, place = divmod(k, long)
        x, y = (place - (long - 1) / 2) * wide / long, ((dense - 1) / 2 - row) * high / dense
        boxes[id] = Box(x, middle + y, size, size)
    return boxes


def ranked(items: Sequence[str], links: Sequence[Link]) -> list[list[str]]:
    """The items in ranks, each after all that it reads; what reads nothing lies just before what first reads it."""
    sources: dict[str, list[str]] = {}
    targets: dict[str, list[str]] = {}
    for link in links:
        sources.setdefault(link.target, []).append(link.source)
        targets.setdefault(link.source, []).append(link.target)
    depth: dict[str, int] = {}
    waits = {id: len(sources.get(id, ())) for id in items}
    ready = [id for id in items if not waits[id]]
    depth |= dict.fromkeys(ready, 0)
    firsts = set(ready)
    while ready:
        id = ready.pop()
        for target in targets.get(id, ()):
            depth[target] = max(depth.get(target, 0), depth[id] + 1)
            waits[target] -= 1
            if not waits[target]:
                ready.append(target)
    for id in firsts:
        if id in targets:
            depth[id] = min(depth[target] for target in targets[id]) - 1
    columns: list[list[str]] = [[] for _ in range(max(depth.values(), default=0) + 1)]
    for id in items:
        columns[depth[id]].append(id)
    columns = [column for column in columns if column]
    height = {id: k / len(column) for column in columns for k, id in enumerate(column)}
    for sweep in range(SWEEPS):  # each dot goes to the mean height of those it is linked with
        ways: Mapping[str, list[str]] = sources if sweep % 2 == 0 else targets
        for column in columns if sweep % 2 == 0 else reversed(columns):
            wanted = {
                id: sum(height[o] for o in ways[id]) / len(ways[id]) if ways.get(id) else height[id] for id in column
            }
            column.sort(key=lambda id: wanted[id])
            height |= {id: (k + 0.5) / len(column) for k, id in enumerate(column)}
    return columns


def mixed(one: str, other: str, part: float) -> str:
    """A colour between two."""
    pairs = [(int(one[k : k + 2], 16), int(other[k : k + 2], 16)) for k in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * part):02X}" for a, b in pairs)
