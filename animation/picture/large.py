"""A large graph on the stage: a row of boxes, of which one is opened, and how large the gradient is at each."""

from __future__ import annotations

import math
from collections.abc import Sequence

from grad_engine.draw.layout import Box
from grad_engine.errors import GradEngineError
from grad_engine.folding.groups import folded
from grad_engine.folding.views import around
from grad_engine.formula import number
from grad_engine.record import GraphRecord
from grad_engine.story.boxes import RowBox, last_part, opened
from grad_engine.story.insets import LeafMove, ShareBars, Skyline, StepBars, Walks
from grad_engine.story.scenes import Scene
from grad_engine.story.units import noun_of

from .. import theme
from ..render.primitives import Part, Primitive
from . import marks
from .edge import straight, tip
from .graph import Graph
from .inset import Box as Room
from .inset import Drawn
from .inset_shares import draw as draw_shares
from .inset_skyline import BROAD, Cell, levels, share_of_height
from .inset_skyline import draw as draw_skyline
from .marks import CardState, Token
from .motion import Shot
from .parts import Key
from .place import CardView, Look, Unreadable, card_size
from .shapes import card_points, line_points
from .stage import Stage
from .text import tail, text_width, words

ROW = (theme.BOXES[1] + theme.BOXES[3]) / 2  # middle of the row
HIGH = theme.BOXES[3] - theme.BOXES[1]
TAGS = 2.23  # middle of the names of leaves below it, or of the words above what is opened
MOST_TAGS = 2  # leaves of a box that are named below it
MOST_CARDS = 6  # leaves that are shown in the first scene
BAR_FLOOR, BAR_TOP, BAR_HEAD = -1.13, 1.10, 1.71  # of the bars that show how large something is
AIR = 0.30  # between two boxes
NARROWEST, WIDEST = 0.50, 1.5  # box, where there is room
DECADES = 2.0  # of sizes that the bars can show, at least
INNER = ("edge", "op", "card", "value", "gradient", "badge", "increment", "frame", "ring", "veil", "walk", "top",
         "callout")  # fmt: skip


def forms(chunk: RowBox) -> list[str]:
    """What a box may be called, the best first; the last, the number of its first op, is short."""
    first, last = chunk.ops[0][1:], chunk.ops[-1][1:]
    span = f"#{first}–{last}" if first != last else f"#{first}"
    return list(dict.fromkeys([chunk.title, *chunk.labels, span, first]))


def row_of(chunks: Sequence[RowBox]) -> list[Box]:
    """Where the boxes of the row lie: each as wide as what it is called, shorter forms where all have no room."""
    left, _, right, _ = theme.BOXES
    room = right - left - AIR * (len(chunks) - 1)
    ways = []  # how each box may be written, the best first: what is lost, and its width
    for chunk in chunks:
        small = text_width(chunk.small, theme.SMALLEST)
        found = [
            (loss, max(NARROWEST, text_width(text, size, True) + 0.14, under + 0.14))
            for k, text in enumerate(forms(chunk))
            for loss, size, under in (
                (3 * k, theme.BODY, small),
                (3 * k, theme.BODY, 0.0),
                (3 * k + 1, theme.SMALLEST, 0.0),
            )
        ]
        ways.append([way for k, way in enumerate(found) if not k or way[1] < min(width for _, width in found[:k])])
    # Equal units are equally wide; the one that stands for many between them is none of them.
    equal = [k for k, chunk in enumerate(chunks) if chunk.equal and chunk.label.rpartition(" ")[2].isdecimal()]
    groups = [*([equal] if equal else []), *([k] for k in range(len(chunks)) if k not in equal)]
    at = [0] * len(groups)

    def way(i: int, k: int, more: int = 0) -> tuple[int, float]:
        return ways[k][min(at[i] + more, len(ways[k]) - 1)]

    def wide(i: int) -> float:
        return max(way(i, k)[1] for k in groups[i])

    while sum(wide(i) * len(groups[i]) for i in range(len(groups))) > room:
        open_ones = [i for i in range(len(groups)) if any(at[i] + 1 < len(ways[k]) for k in groups[i])]
        if not open_ones:
            break
        # The next shorter form is taken where least is lost by it.
        at[min(open_ones, key=lambda i: (max(way(i, k, 1)[0] for k in groups[i]), -wide(i) * len(groups[i])))] += 1
    widths = [0.0] * len(chunks)
    for i, group in enumerate(groups):
        for k in group:
            widths[k] = wide(i)
    spare = (room - sum(widths)) / len(chunks)
    widths = [max(width, min(width + spare, WIDEST)) if spare > 0 else width * room / sum(widths) for width in widths]
    start = (left + right - sum(widths) - AIR * (len(chunks) - 1)) / 2
    boxes = []
    for width in widths:
        boxes.append(Box(start + width / 2, ROW, width, HIGH))
        start += width + AIR
    return boxes


class LargeStage(Stage):
    """A graph in boxes."""

    graph: Graph  # of the box that is opened

    def show_graph(self) -> None:
        """Finds out what the boxes are and where they lie."""
        index = self.facts.index
        self.chunks = self.lesson.row
        self.home = {op: k for k, chunk in enumerate(self.chunks) for op in chunk.ops}
        self.boxes = row_of(self.chunks)
        self.arrows = [
            k
            for k in range(1, len(self.chunks))
            if any(self.home.get(source) == k - 1 for op in self.chunks[k].ops for source in index.sources(op))
        ]
        self.opened: int | None = None
        self.graphs: dict[RowBox, Graph | None] = {}
        self.built: set[int] = set()  # boxes that the forward pass has built
        self.done: set[int] = set()  # boxes through which backward has run
        self.tags = [self.tag_leaves(chunk) for chunk in self.chunks]
        self.bars = ""  # what they show: "value" or "gradient"
        self.sky = next((scene.inset for scene in self.lesson if isinstance(scene.inset, Skyline)), None)

    def tag_leaves(self, chunk: RowBox) -> list[str]:
        """The leaves that stand by name below a box."""
        index = self.facts.index
        read = dict.fromkeys(source for op in chunk.ops for source in index.sources(op) if source in self.facts.leaves)
        if len(read) <= MOST_TAGS:
            return list(read)
        return [leaf for leaf in read if leaf in self.facts.hues][:MOST_TAGS]

    def norm(self, k: int, what: str) -> float | None:
        """The size of what a box makes, or of the gradient that comes to it; None where it is not finite or unknown."""
        op = self.chunks[k].end
        found = self.facts.index.value(op) if what == "value" else self.facts.index.gradient(op)
        return found.norm if found is not None else None

    def cells(self) -> list[Cell]:
        """The room below every box, with the gradient that enters it."""
        found = []
        for k, (chunk, box) in enumerate(zip(self.chunks, self.boxes, strict=True)):
            left, right = box.x - box.width / 2 - AIR / 2, box.x + box.width / 2 + AIR / 2
            m = self.facts.index.gradient(chunk.end)
            found.append(Cell(left, right, box.x, chunk.ops, self.norm(k, "gradient"), m is not None, chunk.equal))
        return found

    @property
    def noun(self) -> str:
        """What one of the equal boxes is called."""
        equal = next((unit for unit in self.lesson.units if unit.kind >= 0), None)
        return noun_of(equal) if equal is not None else "box"

    def scale(self, what: str) -> tuple[float, float]:
        """The powers of ten at the lower and the upper end of the bars."""
        if what == "gradient" and self.sky is not None:
            return self.sky.low, self.sky.high
        norms = [norm for k in range(len(self.chunks)) if (norm := self.norm(k, what))]
        low, high = math.log10(min(norms, default=1.0)), math.log10(max(norms, default=1.0))
        return min(high - DECADES, low), high

    # parts

    def box_part(self, k: int, edge: str = "", thick: bool = False) -> Part:
        """A box of the row."""
        chunk = self.chunks[k]
        return marks.unit(
            forms(chunk), chunk.small, self.boxes[k], self.colours, edge or self.colours.idle,
            marks.SHEETS if chunk.equal else 0, thick,
        )  # fmt: skip

    def arrow_part(self, k: int, live: bool = False) -> Part:
        """The arrow between a box and the one before it."""
        a, b = self.boxes[k - 1], self.boxes[k]
        left, right = a.x + a.width / 2 + 0.14, b.x - b.width / 2 - 0.02
        backward = self.progress.backward
        colour = self.colours.idle if not live else self.colours.gradient if backward else self.colours.value
        dash = (0.10, 0.07) if backward else ()
        size = 0.8
        ends = (right, left + 0.1) if backward else (left, right - 0.1)
        line = line_points([(ends[0], ROW), (ends[1], ROW)])
        return Part(
            Primitive(line, stroke=colour, width=theme.EDGE, dash=dash),
            Primitive(tip(straight((left, ROW), (right, ROW)), 0.0 if backward else 1.0, backward, size), fill=colour),
        )

    def tag_part(self, k: int) -> Part:
        """The names of leaves below a box."""
        box, found = self.boxes[k], []
        names = [(leaf, self.facts.leaves[leaf].name) for leaf in self.tags[k]]
        room = (box.width + 0.24) / max(len(names), 1)
        for i, (leaf, name) in enumerate(names):
            wide = text_width(name, theme.SMALLEST, True) + 0.16
            if wide > room:
                continue
            x = box.x + room * (i - (len(names) - 1) / 2)
            hue = self.facts.hues.get(leaf, self.colours.ink)
            points = card_points(wide, 0.30, 0.06, (x, TAGS))
            found.append(Part(
                Primitive(points, fill=self.colours.panel, stroke=self.colours.value, width=1.8),
                words(name, theme.SMALLEST, hue, (x, TAGS), bold=True),
            ))  # fmt: skip
        return Part(*found)

    def bar_part(self, k: int) -> Part:
        """How large something is at a box, on a scale of powers of ten."""
        norm, box, tone = self.norm(k, self.bars), self.boxes[k], getattr(self.colours, self.bars)
        low, high = self.scale(self.bars)
        if norm is None:
            m = self.facts.index.gradient(self.chunks[k].end)
            text = "NaN" if m is not None and m.nan else "∞" if m is not None and m.infinite else ""
            return Part(words(text, theme.SMALLEST, self.colours.nonfinite, (box.x, BAR_FLOOR + 0.16), bold=True))
        tall = max(0.02, share_of_height(norm, low, high) * (BAR_TOP - BAR_FLOOR))
        points = card_points(BROAD * (box.width + AIR), tall, 0.0, (box.x, BAR_FLOOR + tall / 2))
        found = [Primitive(points, fill=tone)]
        texts = [number(norm, digits) for digits in (3, 2)]
        room = box.width + AIR - 0.06
        text = next((text for text in texts if text_width(text, theme.SMALLEST) <= room), "")
        found.append(words(text, theme.SMALLEST, tone, (box.x, BAR_FLOOR + tall + 0.18)))
        return Part(*found)

    def bars_head(self) -> Part:
        """What the bars show."""
        what = "what each box makes" if self.bars == "value" else f"the gradient that enters each {self.noun}"
        cells = self.cells()
        left, right = cells[0].left, cells[-1].right
        low, high = self.scale(self.bars)
        ticks: list[Primitive] = []
        for value in levels(low, high):
            y = BAR_FLOOR + share_of_height(value, low, high) * (BAR_TOP - BAR_FLOOR)
            ticks.append(Primitive(line_points([(left, y), (left + 0.1, y)]), stroke=self.colours.idle, width=1.4))
            ticks.append(words(number(value, 2), theme.SMALLEST, self.colours.muted, (left - 0.08, y), anchor="right"))
        return Part(
            words(f"size of {what}, log scale", theme.SMALLEST, self.colours.muted, (left, BAR_HEAD), anchor="left"),
            Primitive(line_points([(left, BAR_FLOOR), (right, BAR_FLOOR)]), stroke=self.colours.idle, width=2.4),
            *ticks,
        )

    # what is opened

    def open(self, shot: Shot, k: int, start: float, stop: float) -> None:
        """Opens a box: what it holds is drawn below the row."""
        if self.opened == k:
            return
        self.clear(shot, 0.0, max(0.02, start))
        chunk = self.chunks[k]
        if chunk not in self.graphs:
            self.graphs[chunk] = self.graph_of(chunk)
        graph = self.graphs[chunk]
        if graph is None:
            return
        self.graph, self.opened = graph, k
        self.parts.drop_all(shot, lambda key: key[0] == "tag", 0.0, start)
        for key, part in {**self.frame(k), **graph.now()}.items():
            self.parts.add(shot, key, part, start, stop)
        self.parts.swap(shot, ("unit", str(k)), self.box_part(k, self.tone, thick=True), start, stop)

    @property
    def tone(self) -> str:
        """The colour of what runs."""
        return self.colours.gradient if self.progress.backward else self.colours.value

    def graph_of(self, chunk: RowBox) -> Graph | None:
        """What a box holds, as a graph; None where it cannot be read."""
        leaves = {accumulator.id for accumulator in around(self.record, set(chunk.ops)).record.accumulators}
        prefix = common_module([face.name for leaf, face in self.facts.leaves.items() if leaf in leaves])
        for make in (
            lambda: opened(self.record, chunk, lambda op: self.facts.op(op).sign),
            lambda: self.smallest(chunk),
        ):
            try:
                shown, labels = make()
                return Graph(shown, self.facts, self.colours, self.parts, theme.OPENED, self.progress, labels, prefix)
            except (Unreadable, GradEngineError):
                continue
        return None

    def smallest(self, chunk: RowBox) -> tuple[GraphRecord, dict[str, str]]:
        """What a box holds in as few parts as possible."""
        shown, folds = folded(around(self.record, set(chunk.ops)).record, most=True)
        return shown, {id: last_part(fold.label) for id, fold in folds.items() if len(fold.ops) > 1}

    def frame(self, k: int) -> dict[Key, Part]:
        """The frame around what is opened, hanging from its box."""
        left, bottom, right, top = theme.FRAMED
        box, chunk = self.boxes[k], self.chunks[k]
        points = card_points(right - left, top - bottom, 0.12, ((left + right) / 2, (top + bottom) / 2))
        low = box.y - box.height / 2
        sides = [box.x - box.width / 2 + 0.1, box.x + box.width / 2 - 0.1]
        said = f"{chunk.title} opened" + (f" ({chunk.small})" if chunk.small else "")
        far = box.x - box.width / 2 - left > text_width(said, theme.SMALLEST) + 0.4
        at = (left + 0.2, TAGS) if far else (box.x + box.width / 2 + 0.2, TAGS)
        return {
            ("frame", ""): Part(
                Primitive(points, stroke=self.colours.idle, width=1.6),
                *(Primitive(line_points([(x, low), (x, top)]), stroke=self.colours.idle, width=1.6) for x in sides),
                words(said, theme.SMALLEST, self.colours.muted, at, anchor="left", room=right - at[0] - 0.2),
            )
        }

    def clear(self, shot: Shot, start: float, stop: float) -> None:
        """The room below the row is empty again."""
        self.parts.drop_all(shot, lambda key: key[0] in ("bars", "sky"), start, stop)
        self.bars = ""
        if self.opened is None:
            return
        k, self.opened = self.opened, None
        self.parts.drop_all(shot, lambda key: key[0] in INNER, start, stop)
        self.parts.swap(shot, ("unit", str(k)), self.box_part(k), start, stop)
        for k in range(len(self.chunks)):
            if self.tags[k]:
                self.parts.add(shot, ("tag", str(k)), self.tag_part(k), start, stop)

    def show_bars(self, shot: Shot, start: float, stop: float, what: str = "gradient") -> None:
        """The bars of all boxes that have run."""
        if self.bars == what or ("sky", "") in self.parts.all:
            return
        self.clear(shot, 0.0, 0.05)
        self.bars = what
        self.parts.add(shot, ("bars", "head"), self.bars_head(), start, stop)
        for k in sorted(self.done if what == "gradient" else self.built):
            self.parts.add(shot, ("bars", str(k)), self.bar_part(k), start, stop)

    # scenes

    def calm(self, shot: Shot, scene: Scene) -> None:
        """What the scene before has marked is as it was."""
        if self.opened is not None:
            self.graph.calm(shot)
        if scene.name == "answer":
            return
        for k in range(len(self.chunks)):
            if ("unit", str(k)) in self.parts.all and k != self.opened:
                self.parts.cut(shot, ("unit", str(k)), self.box_part(k), 0.0)
        self.parts.drop_all(shot, lambda key: key[0] in ("ring", "note", "walk", "top", "veil"), 0.0, 0.08)

    def place(self, part: str, kind: str) -> tuple[float, float] | None:
        """Where a number stands; None where it does not."""
        return self.graph.place_of(part, kind) if self.opened is not None else None

    @property
    def inset_zone(self) -> theme.Zone:
        """Where an inset stands that takes the place of what is opened."""
        return theme.BELOW

    def drawn(self, scene: Scene, zone: theme.Zone) -> Drawn:
        """The inset of a scene; bars of boxes stand below their boxes."""
        if isinstance(scene.inset, Skyline):
            return draw_skyline(scene.inset, Room(*zone), self.colours, self.facts.hues, self.cells(), self.noun)
        if isinstance(scene.inset, ShareBars):
            senders = [self.facts.index.edges[one.edge].sender for one in scene.inset.bars if one.edge]
            at = [self.boxes[self.home[op]].x for op in senders if op in self.home]
            if len(set(at)) == len(scene.inset.bars):  # each below the box that sends it
                return draw_shares(scene.inset, Room(*zone), self.colours, self.facts.hues, at)
        return super().drawn(scene, zone)

    def make_room(self, shot: Shot) -> None:
        """The room below the row is for an inset."""
        self.clear(shot, 0.0, 0.1)

    def play_leaves(self, shot: Shot, scene: Scene) -> None:
        """The boxes appear, and some leaves."""
        for k in range(len(self.chunks)):
            a = 0.08 + 0.4 * k / len(self.chunks)
            self.parts.add(shot, ("unit", str(k)), self.box_part(k), a, a + 0.12)
            if k in self.arrows:
                self.parts.add(shot, ("edge_row", str(k)), self.arrow_part(k), a, a + 0.12)
            if self.tags[k]:
                self.parts.add(shot, ("tag", str(k)), self.tag_part(k), 0.52, 0.66)
        if self.phase == "backward":
            self.progress.made |= {*self.facts.index.nodes, *self.facts.leaves}
        self.show_leaves(shot)

    def show_leaves(self, shot: Shot) -> None:
        """The cards of some leaves, those with a hue first: in one row, or in two where their names are long."""
        order = [*self.facts.hues, *(leaf for leaf in self.facts.leaves if leaf not in self.facts.hues)]
        faces = [self.facts.leaves[leaf] for leaf in order[:MOST_CARDS]]
        prefix = common_module([face.name for face in faces])
        if not faces:
            return
        views = [
            CardView(
                face.accumulator,
                face.name.removeprefix(prefix),
                f"{face.entry} {face.value}" if face.entry and face.value else face.shape or face.value,
            )
            for face in faces
        ]
        look, (left, _, right, top) = Look(0.72, "wide"), theme.BELOW
        needed = max((card_size(view, look)[0] for view in views), default=0.0)
        rows = 1 if needed <= (right - left) / len(views) - AIR else 2
        columns = math.ceil(len(views) / rows)
        wide = min(needed, (right - left) / columns - AIR)
        pitch = min((right - left) / columns, wide + AIR)
        for i, view in enumerate(views):
            row, column = divmod(i, columns)
            x = pitch * (column - (columns - 1) / 2)
            y = 0.5 if rows == 1 else top - 0.5 * theme.CARD[1] - (theme.CARD[1] + 0.2) * row
            box = Box(x, y, wide, theme.CARD[1])
            hue = self.facts.hues.get(view.id, "")
            part = marks.card(view, CardState(view.value), look, box, self.colours, hue)
            self.parts.add(shot, ("note", view.id), part, 0.5 + 0.03 * i, 0.66 + 0.03 * i)
        notes = [f"and {len(order) - len(faces)} more leaves"] if len(order) > len(faces) else []
        notes += [f"all of {prefix.rstrip('.')}"] if prefix else []
        if notes:
            text = words(", ".join(notes), theme.SMALLEST, self.colours.muted, (0.0, -0.4 if rows == 1 else -0.85))
            self.parts.add(shot, ("note", ""), Part(text), 0.7, 0.8)

    def boxes_of(self, ops: Sequence[str]) -> list[int]:
        """The boxes that hold some ops, each once, in the order of the ops."""
        return list(dict.fromkeys(self.home[op] for op in ops if op in self.home))

    def through(self, shot: Shot, order: Sequence[int], start: float, stop: float, stay: bool = False) -> None:
        """Boxes light up one after the other."""
        for i, k in enumerate(order):
            a = start + (stop - start) * i / len(order)
            b = start + (stop - start) * (i + 1) / len(order)
            self.parts.cut(shot, ("unit", str(k)), self.box_part(k, self.tone, thick=True), a)
            if i + 1 < len(order) and not stay:
                self.parts.cut(shot, ("unit", str(k)), self.box_part(k), b)

    def play_unit(self, shot: Shot, scene: Scene) -> None:
        """A box is opened, and its ops write their values."""
        where = self.boxes_of(scene.ops)
        if len(where) == 1:
            self.open(shot, where[0], 0.08, 0.2)
        if len(where) == 1 and self.opened == where[0]:
            self.graph.appear_leaves(shot, list(self.graph.cards), 0.15, 0.3)
            self.graph.build(shot, scene.ops, 0.25, 0.9)
        else:
            self.forward(shot, where)
        self.built.update(where)
        self.make(scene.ops)

    play_forward = play_unit

    def make(self, ops: Sequence[str]) -> None:
        """Ops, and the leaves that they read, are there from now on."""
        self.progress.made.update(ops)
        for op in ops:
            self.progress.made.update(self.facts.index.sources(op))

    def forward(self, shot: Shot, where: Sequence[int]) -> None:
        """Boxes run forward one after the other."""
        self.show_bars(shot, 0.04, 0.1, "value")
        order = sorted(where)
        self.through(shot, order, 0.12, 0.9)
        for i, k in enumerate(order):
            a = 0.12 + 0.78 * i / len(order)
            if ("bars", str(k)) not in self.parts.all:
                self.parts.add(shot, ("bars", str(k)), self.bar_part(k), a, a + 0.06)
        self.built.update(order)

    def play_sweep(self, shot: Shot, scene: Scene) -> None:
        """Boxes run one after the other."""
        if self.progress.backward:
            self.run(shot, scene)
            return
        self.forward(shot, self.boxes_of(scene.ops))
        self.make(scene.ops)

    def play_nudge(self, shot: Shot, scene: Scene) -> None:
        """A leaf is nudged; the boxes through which the change runs light up."""
        self.show_bars(shot, 0.04, 0.1, "value")
        changed = [id for id in self.facts.index.nodes if self.facts.op(id).increment]
        for leaf in scene.leaves[:1]:
            order = sorted(set(self.boxes_of(changed or self.after(leaf))))
            self.through(shot, order, 0.15, 0.8, stay=True)

    def after(self, leaf: str) -> list[str]:
        """The ops that a leaf changes."""
        reached = {leaf}
        found = []
        for id in self.facts.index.nodes:
            if not reached.isdisjoint(self.facts.index.sources(id)):
                reached.add(id)
                found.append(id)
        return found

    def play_seed(self, shot: Shot, scene: Scene) -> None:
        """The arrows turn, and backward begins."""
        self.clear(shot, 0.0, 0.1)
        self.progress.backward = self.progress.seeded = True
        for k in self.arrows:
            self.parts.swap(shot, ("edge_row", str(k)), self.arrow_part(k), 0.15, 0.5)
        where = self.boxes_of(scene.ops)
        if where and self.phase != "backward":
            self.open(shot, where[0], 0.3, 0.5)

    def run(self, shot: Shot, scene: Scene) -> None:
        """Rules run: in the box that is opened, or in one box after the other."""
        where = self.boxes_of(scene.ops)
        self.name_running(shot, scene.ops, 0.05, 0.92)
        if self.hides(scene) and len(where) == 1:  # an inset takes the place of what is opened
            self.progress.sent.update(self.edges_of(scene))
            self.done.add(where[0])
            self.through(shot, where, 0.05, 0.9)
            return
        if len(where) == 1 and (scene.name != "sweep" or self.chunks[where[0]].few):
            self.open(shot, where[0], 0.06, 0.16)
        if len(where) == 1 and self.opened == where[0]:
            self.graph.run(shot, scene.ops, 0.18, 0.92)
            self.done.add(where[0])
            return
        for op in scene.ops:
            self.progress.sent.update(edge.id for edge in self.facts.index.outgoing(op))
        if not isinstance(scene.inset, Skyline):
            self.show_bars(shot, 0.06, 0.14)
        self.through(shot, where, 0.15, 0.9)
        for i, k in enumerate(where):
            a = 0.15 + 0.75 * i / len(where)
            self.done.add(k)
            if self.bars and ("bars", str(k)) not in self.parts.all:
                self.parts.add(shot, ("bars", str(k)), self.bar_part(k), a, a + 0.06)

    play_rule = play_passing = play_row = play_zero = run

    def play_paths(self, shot: Shot, scene: Scene) -> None:
        """The boxes on the first path to the followed leaf light up in its hue, and the product grows."""
        walks = scene.inset
        if not isinstance(walks, Walks) or not walks.paths:
            return
        index = self.facts.index
        hue = self.facts.hues.get(walks.leaf, self.colours.ink)
        inside = {self.home[index.edges[hop.edge].sender] for path in walks.paths for hop in path.hops}
        if len(inside) == 1 and self.opened in inside:
            self.graph.paths(shot, walks)
            return
        self.show_bars(shot, 0.05, 0.12)
        product = {self.home[index.edges[hop.edge].sender]: hop.product for hop in walks.paths[0].hops}
        order = list(product)
        for i, k in enumerate(order):
            a = 0.1 + 0.7 * i / len(order)
            self.parts.cut(shot, ("unit", str(k)), self.box_part(k, hue, thick=True), a)
        token = Token(list(product.values()), self.colours, self.colours.gradient, hue)
        xs = [self.boxes[k].x for k in order]

        def act(u: float) -> None:
            at = u * (len(xs) - 1)
            k = min(int(at), len(xs) - 1)
            x = xs[k] + (xs[min(k + 1, len(xs) - 1)] - xs[k]) * (at - k)
            token.pose(x, 1.5, opacity=1.0 if 0 < u < 1 else 0.0, shown=k)

        act(0.0)
        shot.moving.append(token)
        shot.over(0.12, 0.82, act, token)

    def play_sum(self, shot: Shot, scene: Scene) -> None:
        """The boxes that read a leaf light up in its hue: each has sent it a share."""
        for leaf in scene.leaves[:1]:
            hue = self.facts.hues.get(leaf, self.colours.ink)
            self.show_bars(shot, 0.05, 0.12)
            order = [k for k in range(len(self.chunks)) if self.reads(k, leaf)]
            for i, k in enumerate(reversed(order)):
                self.parts.cut(shot, ("unit", str(k)), self.box_part(k, hue, thick=True), 0.1 + 0.6 * i / len(order))

    def reads(self, k: int, leaf: str) -> bool:
        """Whether an op of a box reads a leaf."""
        return any(leaf in self.facts.index.sources(op) for op in self.chunks[k].ops)

    def play_headline(self, shot: Shot, scene: Scene) -> None:
        """The bars of all boxes."""
        self.done = set(range(len(self.chunks)))
        if not isinstance(scene.inset, Skyline):
            self.show_bars(shot, 0.1, 0.3)

    def play_check(self, shot: Shot, scene: Scene) -> None:
        """The row at rest."""
        self.show_bars(shot, 0.05, 0.15)

    def play_end(self, shot: Shot, scene: Scene) -> None:
        """The row at rest; after a forward pass alone there are no bars."""
        if self.progress.backward:
            self.show_bars(shot, 0.05, 0.15)
        else:
            self.show_bars(shot, 0.05, 0.15, "value")

    def play_step(self, shot: Shot, scene: Scene) -> None:
        """Leaves take their new values, and the graph runs again."""
        if isinstance(scene.inset, StepBars) and scene.inset.moves:
            self.clear(shot, 0.0, 0.05)
            self.move_leaves(shot, scene.inset.moves)
        else:
            self.show_bars(shot, 0.05, 0.12)
        order = range(len(self.chunks))
        for i, k in enumerate(order):
            a = 0.3 + 0.55 * i / len(order)
            box = self.box_part(k, self.colours.value, thick=True)
            self.parts.cut(shot, ("unit", str(k)), box, a)

    def move_leaves(self, shot: Shot, moves: Sequence[LeafMove]) -> None:
        """The cards of leaves, on which the value before the step slides out and that after it takes its place."""
        look, (left, _, right, _) = Look(0.72, "wide"), theme.BELOW
        pitch = (right - left) / len(moves)
        for i, move in enumerate(moves):
            face = self.facts.leaves[move.accumulator]
            entry = move.name.removeprefix(face.name)
            texts = [" ".join(filter(None, (entry, text))) for text in (move.before_text, move.after_text)]
            room = pitch - AIR - 0.62 - max(text_width(text, theme.SMALLEST, True) for text in texts)
            below = f"{entry} {face.gradient}   "
            view = CardView(
                move.accumulator, tail(face.name, theme.BODY, room, True), max(texts, key=len), True, (below,)
            )
            box = Box(pitch * (i - (len(moves) - 1) / 2), 0.5, card_size(view, look)[0], theme.CARD[1])
            hue = self.facts.hues.get(move.accumulator, "")
            of = entry if face.gradient else ""
            states = [CardState(text, of, "", (face.gradient,) if face.gradient else (), "", True) for text in texts]
            before, after = (marks.card(view, state, look, box, self.colours, hue) for state in states)
            self.parts.add(shot, ("note", move.accumulator), before, 0.05, 0.12)
            self.parts.slide(shot, ("note", move.accumulator), after, 0.16, 0.32)


def common_module(names: Sequence[str]) -> str:
    """The path of the module that all these names begin with, with its last dot; "" where there is none."""
    if len(names) < 2:
        return ""
    parts = [name.split(".")[:-1] for name in names]
    same = 0
    while all(len(part) > same and part[same] == parts[0][same] for part in parts):
        same += 1
    return "".join(f"{part}." for part in parts[0][:same])
