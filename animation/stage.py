"""Everything that can be seen, and how each beat changes it: the story in motion, without Manim's scenes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from manim.utils.rate_functions import linear, smooth

from animation import caption, lettering, theme
from animation.arrangement import CROWD, arranged
from animation.figures import Cells, cells, is_number, nonfinite, nonfinite_word, number_text, picture, shape_text
from animation.folding import View
from animation.glyphs import (
    TAPE_LABELS,
    Arrivals,
    CardView,
    Label,
    OpView,
    Parcel,
    card,
    chip,
    dashes,
    edge,
    expression,
    inset,
    mask,
    op,
    panel,
    path,
    port_room,
    shape_size,
    stretch,
    tape,
    tape_label,
    title,
    title_width,
    veil,
)
from animation.glyphs import Path as Way
from animation.ink import Ink, Part
from animation.names import Names, bar, plain
from animation.story import Beat, Build, Close, Gather, Run, Seed, Sent, Turn
from grad_engine.draw.glyph import outline, reach
from grad_engine.draw.layout import Link, drawn
from grad_engine.draw.palette import Palette as Colours
from grad_engine.errors import GradEngineError
from grad_engine.record import GraphRecord, InputRecord, NodeRecord, TensorRecord

TITLES = ("Forward: building the graph", "Backward: the same edges, the other way")
PAN = 6  # frames that it takes to move the view
END_OF_VIEW = theme.GRAPH_WIDTH / 2 - 0.62  # where a graph that is wider than the frame begins to fade out
LAYERS = ("panel", "title", "expression", "label", "chip", "edge", "item", "mask", "caption", "sum", "row")


class Shot:
    """One beat in motion: what moves, in draw order, and what becomes of it as the seconds pass."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.moving: list[Part] = []
        self.tracks: list[tuple[float, float, Callable[[float], float], Callable[[float], None]]] = []
        self.until: dict[int, float] = {}  # id of a part -> when the last track that changes it ends
        self.cut = False  # changes come at once, not in motion: for those of a thousand parts together
        self.landed = 0  # so many of the moving parts are at rest and painted into the background

    def over(
        self,
        start: float,
        stop: float,
        act: Callable[[float], None],
        *parts: Part,
        ease: Callable[[float], float] = smooth,
    ) -> None:
        """Nothing; lets `act` change `parts`, from 0 to 1, between two moments given as fractions of the shot."""
        stop = max(stop, start + 1e-6)
        self.tracks.append((start * self.seconds, stop * self.seconds, ease, act))
        for part in parts:
            self.until[id(part)] = max(self.until.get(id(part), 0.0), stop * self.seconds)

    def at(self, time: float) -> None:
        """Nothing; shows the moment `time`."""
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
        """Nothing; lets a part appear or vanish."""
        if rising:
            part.strength(0.0)
        self.over(start, stop, part.strength if rising else lambda u: part.strength(1.0 - u), part)

    def pop(self, part: Part, start: float, stop: float, centre: tuple[float, float]) -> None:
        """Nothing; lets a part appear growing from its centre, a little beyond its size and back."""
        rest = part.places
        part.strength(0.0)

        def act(u: float) -> None:
            scale = 1.0 if u >= 1 else 0.6 + 0.4 * (1 + 2.2 * (u - 1) ** 3 + 1.2 * (u - 1) ** 2)
            part.put(rest, scale, centre, centre)
            part.strength(min(1.0, 2.5 * u))

        self.over(start, stop, act, part, ease=linear)


def seen(parts: Sequence[Part]) -> list[Ink]:
    """The inks of some parts that are not fully transparent."""
    return [ink for part in parts for ink in part.inks if ink.amount > 0]


class Stage:
    """Everything that can be seen, and how each beat changes it. Knows nothing of Manim's scenes."""

    def __init__(self, shown: GraphRecord | View, colours: Colours, longest_name: int = 14) -> None:
        self.view = shown if isinstance(shown, View) else View(shown, shown)
        self.record = record = self.view.record
        self.colours = colours
        self.names = Names(self.view.source, longest_name)
        self.tensors = {tensor.id: tensor for tensor in record.tensors}
        self.nodes = {node.id: node for node in record.nodes}
        self.leaf_of = {accumulator.id: accumulator.leaf for accumulator in record.accumulators}
        self.roots = {(root.node, root.output) for root in record.roots}
        self.edges = {e.id: e for e in record.edges}
        items, self.links = drawn(record)
        if not items:
            raise GradEngineError("The record holds no graph: export a tensor that was computed from others.")
        self.cards = {id: self.card_view(id) for id in items if id not in self.nodes}
        self.ops = {id: self.op_view(self.nodes[id]) for id in items if id in self.nodes}
        self.look, self.layout = arranged(self.cards, self.ops, self.links)
        self.ways = {link.id: self.way(link) for link in self.links}
        self.wide = self.layout.width > theme.GRAPH_WIDTH + 1e-6  # than the frame: the view has to follow
        self.parts: dict[tuple[str, str], Part] = {}
        self.arrivals: dict[str, Arrivals] = {id: Arrivals() for id, view in self.cards.items() if view.leaf}
        self.running: list[str] = []
        self.tape = tape([self.chip_names(node) for node in record.nodes])
        self.chips = {node.id: k for k, node in enumerate(record.nodes)}
        self.parts["panel", ""] = panel(colours)
        if self.wide:
            self.parts["mask", ""] = mask(colours)
            self.slide(-END_OF_VIEW - self.span()[0])

    # what there is to see

    def card_view(self, id: str) -> CardView:
        """What is written on the card of a leaf or a constant."""
        leaf = id in self.leaf_of
        tensor = self.tensors[self.leaf_of[id] if leaf else id]
        return CardView(id, self.names[tensor.id], face(tensor), cells(tensor), leaf)

    def op_view(self, node: NodeRecord) -> OpView:
        """What is written in and at the shape of an op."""
        out = self.tensors[node.outputs[0]]
        name = self.names[out.id]
        bad = nonfinite(out)
        number = is_number(out)
        slots = [link for link in self.links if link.target == node.id]
        ports = tuple("" for _ in slots)
        if len(slots) > 1 and not _commutes(node):
            ports = tuple(str(self.operand(node, link).slot + 1) for link in slots)
        return OpView(
            node.id,
            node.category,
            self.symbol(node),
            self.view.folds[node.id].size if node.id in self.view.folds else f"#{node.age}",
            Label(f"{name} {face(out)}", face(out), cells(out)),
            self.gradient(node),
            f"{nonfinite_word(out)} {bad}/{int(np.prod(out.shape))}"
            if bad and not number
            else nonfinite_word(out)
            if bad
            else "",
            ports,
            max(len(slots), 1),
            any(root == node.id for root, _ in self.roots),
            tuple(k for k, link in enumerate(slots) if self.operand(node, link).tensor in node.saved),
            bool(set(node.saved) & set(node.outputs)),
        )

    def gradient(self, node: NodeRecord) -> Label | None:
        """What is written below an op when its gradient is complete."""
        if not self.record.runs:
            return None
        for out, id in zip(node.outputs, self.record.runs[-1].gradients.get(node.id, ()), strict=False):
            if id is not None:
                found = self.tensors[id]
                return Label(f"{bar(self.names[out])} {face(found)}", face(found), cells(found))
        return None

    def operand(self, node: NodeRecord, link: Link) -> InputRecord:
        """The operand that a link brings to a node."""
        return next(operand for operand in node.inputs if link.id in (operand.edge, f"{node.id}:{operand.slot}"))

    def symbol(self, node: NodeRecord) -> str:
        """The sign of an op, with the numbers among its operands written where they stand."""
        sign = node.symbol if node.symbol and lettering.drawable(node.symbol) else node.op
        before: list[str] = []
        after: list[str] = []
        for operand in node.inputs:
            tensor = self.tensors[operand.tensor]
            if plain(tensor) and operand.edge is None:
                (before if operand.slot == 0 else after).append(number_text(tensor))
        return " ".join([*before, sign, *after])

    def chip_names(self, node: NodeRecord) -> tuple[str, ...]:
        """What an op can be called on the tape, longest first."""
        sign = self.ops[node.id].symbol
        if node.id in self.view.folds:
            return f"{sign}, {self.view.folds[node.id].size}", sign, f"{len(self.view.folds[node.id].ops)} ops"
        return f"#{node.age} {node.name}", f"#{node.age} {node.op}", f"#{node.age} {sign}", f"#{node.age}"

    def way(self, link: Link) -> Way:
        """The way of a link from shape to shape."""
        route = self.layout.routes[link.id]
        (_, y), (_, last) = route[0], route[-1]
        stop = self.border(link.target, last, "left")
        if link.source in self.ops:
            # A route may leave the box of an op above or below its shape: it then starts at the shape, and steps aside.
            middle, half = self.layout.boxes[link.source].y, shape_size(self.ops[link.source], self.look)[1] / 2
            within = float(np.clip(y, middle - 0.8 * half, middle + 0.8 * half))
            if within != y:
                aside = self.border(link.source, middle, "right") + 0.1 * self.look.scale
                route = ((0.0, within), (aside, within), (aside, y), *route[1:])
                y = within
        return path(route, self.border(link.source, y, "right"), stop)

    def border(self, item: str, y: float, side: str) -> float:
        """The x at which a line at height `y` meets an item from one side."""
        box = self.layout.boxes[item]
        if item in self.cards:
            return box.x + (box.width / 2 if side == "right" else -box.width / 2)
        view = self.ops[item]
        grow = 0.16 * self.look.scale if view.root and self.look.detail else 0.0
        width, height = shape_size(view, self.look)
        return (
            box.x
            + port_room(view, self.look) / 2
            + reach(outline(view.category, width + grow, height + grow), y - box.y, side)
        )

    # parts

    def op_part(self, id: str, state: str, count: str = "") -> Part:
        """An op as it now looks."""
        return op(self.ops[id], state, self.look, self.layout.boxes[id], self.colours, count)

    def card_part(self, id: str) -> Part:
        """A card as it now looks."""
        return card(self.cards[id], self.arrivals.get(id, Arrivals()), self.look, self.layout.boxes[id], self.colours)

    def centre(self, id: str) -> tuple[float, float]:
        """The middle of an item."""
        box = self.layout.boxes[id]
        return box.x, box.y

    def still(self, shot: Shot | None = None) -> list[Ink]:
        """What can be seen and does not move in a shot, in draw order."""
        moving = set(map(id, shot.moving)) if shot is not None else set()
        order = sorted(self.parts, key=lambda key: LAYERS.index(key[0]))
        return seen([self.parts[key] for key in order if id(self.parts[key]) not in moving])

    # changes

    def appear(
        self, shot: Shot, key: tuple[str, str], part: Part, start: float, stop: float, pop: bool = False
    ) -> None:
        """Nothing; a new part comes to stay."""
        self.parts[key] = part
        shot.moving.append(part)
        if pop:
            shot.pop(part, start, stop, self.centre(key[1]))
        else:
            shot.fade(part, start, stop)

    def vanish(self, shot: Shot, key: tuple[str, str], start: float, stop: float) -> None:
        """Nothing; a part goes for good."""
        part = self.parts.pop(key, None)
        if part is not None and not shot.cut:
            shot.moving.append(part)
            shot.fade(part, start, stop, rising=False)

    def swap(self, shot: Shot, key: tuple[str, str], part: Part, start: float, stop: float) -> None:
        """Nothing; a part takes the place of the one that was there."""
        if shot.cut:
            self.parts[key] = part
            return
        self.vanish(shot, key, start, stop)
        self.appear(shot, key, part, start, stop)

    def say(self, shot: Shot, beat: Beat) -> None:
        """Nothing; the caption panel changes."""
        middle = min(0.15, 0.2 / shot.seconds)
        if not isinstance(beat, Gather):
            for key in [key for key in self.parts if key[0] == "sum"]:
                self.vanish(shot, key, 0.0, middle)
        self.vanish(shot, ("caption", ""), 0.0, middle)
        self.appear(shot, ("caption", ""), caption.caption(beat, self.colours), middle, min(0.35, 2.2 * middle))

    def head(self, shot: Shot, number: str, text: str, tone: str) -> None:
        """Nothing; the phase gets its title: the first words of it where what is computed needs the room."""
        longest = max(TITLES, key=title_width)
        room = theme.GRAPH_WIDTH - 0.7 - title_width(longest)
        if lettering.width(self.record.expression, theme.BODY) > room:
            text = text.split(":")[0]
            room = theme.GRAPH_WIDTH - 0.7 - title_width("The gradients")
        self.swap(shot, ("title", ""), title(number, text, tone, self.colours), 0.0, 0.3)
        if ("expression", "") not in self.parts and self.record.expression:
            self.appear(shot, ("expression", ""), expression(self.record.expression, room, self.colours), 0.0, 0.3)

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
            case Close():
                self.close(shot, beat)
        if ("mask", "") in self.parts:
            shot.moving.append(self.parts["mask", ""])
        return shot

    def span(self, *items: str) -> tuple[float, float]:
        """How far some items, or all, reach to the left and to the right."""
        boxes = [self.layout.boxes[item] for item in items] or list(self.layout.boxes.values())
        return min(box.x - box.width / 2 for box in boxes), max(box.x + box.width / 2 for box in boxes)

    def slide(self, by: float) -> None:
        """Nothing; moves the place of everything to the side. What is drawn already is left to the caller."""
        self.layout = replace(
            self.layout,
            boxes={id: replace(box, x=box.x + by) for id, box in self.layout.boxes.items()},
            routes={id: tuple((x + by, y) for x, y in way) for id, way in self.layout.routes.items()},
        )
        self.ways = {id: way.beside(by) for id, way in self.ways.items()}

    def follow(self, beat: Beat) -> Shot | None:
        """The motion that brings what a beat is about into view, if it is not."""
        main, others, forward = self.about(beat)
        if not self.wide or not main:
            return None
        edge_of_view = END_OF_VIEW + 0.01
        low, high = self.span(*main, *others)
        if high - low > 2 * edge_of_view:
            low, high = self.span(*main)
        if -edge_of_view <= low and high <= edge_of_view:
            return None
        left, right = self.span()
        # What comes next lies ahead, so that the view need not move again soon.
        wanted = -edge_of_view + 0.5 - low if forward else edge_of_view - 0.5 - high
        by = float(np.clip(wanted, END_OF_VIEW - right, -END_OF_VIEW - left))
        shot = Shot(PAN * theme.FRAME)
        graph = [part for key, part in self.parts.items() if key[0] == "edge"]
        graph += [part for key, part in self.parts.items() if key[0] == "item"]
        rest = [part.places for part in graph]

        def act(u: float) -> None:
            for part, places in zip(graph, rest, strict=True):
                part.put(places, 1.0, (0.0, 0.0), (by * u, 0.0))

        shot.moving += [*graph, self.parts["mask", ""]]
        shot.over(0.0, 1.0, act, *graph)
        self.slide(by)
        return shot

    def about(self, beat: Beat) -> tuple[Sequence[str], Sequence[str], bool]:
        """The items that a beat is about, those that it also touches, and whether it runs forward."""
        match beat:
            case Build():
                return beat.items, [flow.source for flow in beat.flows], True
            case Turn():
                return [self.record.runs[-1].root], [], False
            case Seed():
                return [beat.root], [], False
            case Run():
                return beat.nodes, [sent.receiver for sent in beat.sent], False
            case Gather():
                return [beat.receiver], beat.senders, False
        return [], [], False

    def motion(self, beat: Beat, seconds: float) -> float:
        """How many of its seconds things move in a beat; the rest is for reading."""
        share = {Gather: 0.80, Close: 0.36, Run: 0.74, Seed: 0.66, Turn: 0.75}.get(type(beat), 0.70)
        frames = max(2, min(round(seconds / theme.FRAME) - 1, round(seconds * share / theme.FRAME)))
        return frames * theme.FRAME

    def build(self, shot: Shot, beat: Build) -> None:
        """Nothing; leaves and ops appear, values flow into the ops."""
        if ("title", "") not in self.parts:
            self.head(shot, "1", TITLES[0], "value")
            self.appear(shot, ("label", ""), tape_label(TAPE_LABELS[0], "muted", self.colours), 0.1, 0.4)
        new_cards = [item for item in beat.items if item in self.cards]
        new_ops = [item for item in beat.items if item in self.ops]
        first = 0.05 if not new_ops else 0.0
        step = min(0.14, 0.5 / max(len(new_cards), 1))
        for k, item in enumerate(new_cards):
            if item in self.arrivals:
                self.arrivals[item] = Arrivals(0, beat.users.get(item, 0))
            self.appear(
                shot,
                ("item", item),
                self.card_part(item),
                first + k * step,
                min(1.0, first + k * step + 0.25),
                pop=True,
            )
        several = len(new_ops) > 1
        for k, flow in enumerate(beat.flows):
            if several:
                at = 0.1 + 0.6 * k / len(beat.flows)
                self.appear(
                    shot,
                    ("edge", flow.link),
                    edge(self.ways[flow.link], "value", self.colours, self.look.pen),
                    at,
                    at + 0.2,
                )
            else:
                self.flow(
                    shot, flow.link, flow.tensor, flow.stretched, 0.06 + 0.10 * min(k, 3), 0.60 + 0.05 * min(k, 2)
                )
        for k, item in enumerate(new_ops):
            at = 0.55 if not several else 0.1 + 0.6 * k / len(new_ops)
            self.appear(shot, ("item", item), self.op_part(item, "made"), at, at + 0.25, pop=True)
            self.appear(
                shot, ("chip", item), chip(self.tape, self.chips[item], "recorded", self.colours), at + 0.15, at + 0.3
            )
        for item, of in beat.users.items():
            if item not in new_cards and ("item", item) in self.parts and self.arrivals[item].of != of:
                self.arrivals[item] = Arrivals(0, of)
                self.swap(shot, ("item", item), self.card_part(item), 0.55, 0.8)

    def flow(
        self, shot: Shot, link: str, tensor: TensorRecord, stretched: tuple[int, ...] | None, start: float, stop: float
    ) -> None:
        """Nothing; a value runs along a link and draws it."""
        way = self.ways[link]
        first: Cells | str = cells(tensor) or number_text(tensor)
        then = picture(stretched, None) if stretched else None
        if then is not None and isinstance(first, Cells):
            then = _repeated(first, then)
        text = shape_text(tensor.shape) if tensor.shape else ""
        parcel = Parcel(
            self.colours,
            "value",
            first,
            text if isinstance(first, Cells) else first,
            then,
            shape_text(stretched) if stretched else "",
            self.look.scale,
        )
        done = edge(way, "value", self.colours, self.look.pen)
        shown = stretch(way, 0.0, 1.0 - inset(way, self.look.pen))
        line = Part(Ink(shown, stroke=self.colours.value, width=theme.EDGE * self.look.pen))
        self.parts["edge", link] = done
        shot.moving += [line, done, parcel]
        done.strength(0.0)

        def act(u: float) -> None:
            line.inks[0].dash = (u * way.length, 2 * way.length)
            line.strength(0.9 if u < 1 else 0.0)
            done.strength(1.0 if u >= 1 else 0.0)
            turned = float(np.clip((u - 0.35) / 0.4, 0, 1)) if then is not None else 0.0
            seen = min(1.0, 6 * u, 6 * (1 - u)) if u < 1 else 0.0
            parcel.pose(*way.at(u), turned, seen, 0.7 + 0.3 * min(1.0, seen))

        parcel.pose(*way.at(0.0), 0.0, 0.0)
        line.strength(0.0)
        shot.over(start, stop, act, line, done, parcel)

    def turn(self, shot: Shot, beat: Turn) -> None:
        """Nothing; values dim, and every edge turns round in one sweep from the root."""
        self.head(shot, "2", TITLES[1], "gradient")
        self.swap(shot, ("label", ""), tape_label(TAPE_LABELS[1], "gradient", self.colours), 0.0, 0.3)
        span = max(self.layout.width, 1e-6)
        expected: dict[str, int] = {}
        for id in beat.reached:
            expected[self.edges[id].receiver] = expected.get(self.edges[id].receiver, 0) + 1
        before = {c.accumulator: c.before for c in self.record.runs[-1].leaves if c.before is not None}

        def moment(x: float) -> float:
            return 0.12 + 0.55 * float(np.clip(0.5 - x / span, 0, 1))

        shot.cut = len(self.parts) > CROWD * 4
        for link in self.links:
            if ("edge", link.id) in self.parts:
                at = moment(self.ways[link.id].at(0.5)[0])
                state = "due" if link.id in beat.reached else "idle"
                self.swap(
                    shot, ("edge", link.id), edge(self.ways[link.id], state, self.colours, self.look.pen), at, at + 0.2
                )
        for id in self.ops:
            at = moment(self.centre(id)[0])
            self.swap(shot, ("item", id), self.op_part(id, "quiet"), at, at + 0.2)
        for id in self.arrivals:
            self.arrivals[id] = Arrivals(0, expected.get(id, 0), held=id in before)
            at = moment(self.centre(id)[0])
            self.swap(shot, ("item", id), self.card_part(id), at, at + 0.2)

    def seed(self, shot: Shot, beat: Seed) -> None:
        """Nothing; the gradient that the run starts with comes to the root."""
        x, y = self.centre(beat.root)
        first: Cells | str = cells(beat.tensor) or number_text(beat.tensor)
        text = shape_text(beat.tensor.shape) if isinstance(first, Cells) else first
        parcel = Parcel(self.colours, "gradient", first, text, scale=self.look.scale)
        shot.moving.append(parcel)
        # It comes out of the caption panel, where its numbers stand.
        start = min(x, theme.GRAPH_WIDTH / 2 - 0.9), theme.PANEL_MIDDLE + theme.PANEL_HEIGHT / 2

        def act(u: float) -> None:
            place = start[0] + (x - start[0]) * u, start[1] + (y - start[1]) * u
            parcel.pose(*place, 0.0, min(1.0, 5 * u, 6 * (1 - u)))

        parcel.pose(*start, 0.0, 0.0)
        shot.over(0.15, 0.75, act, parcel)
        self.swap(shot, ("item", beat.root), self.op_part(beat.root, "ready"), 0.65, 0.9)

    def settle(self, shot: Shot) -> None:
        """Nothing; what ran in the last beat is done."""
        for id in self.running:
            self.swap(shot, ("item", id), self.op_part(id, "ran"), 0.0, 0.2)
            self.swap(shot, ("chip", id), chip(self.tape, self.chips[id], "ran", self.colours), 0.0, 0.2)
        self.running = []

    def run(self, shot: Shot, beat: Run) -> None:
        """Nothing; rules run, shares travel to their receivers."""
        self.settle(shot)
        for id in beat.nodes:
            self.swap(shot, ("item", id), self.op_part(id, "running"), 0.0, 0.2)
            self.swap(shot, ("chip", id), chip(self.tape, self.chips[id], "running", self.colours), 0.0, 0.2)
        self.running = list(beat.nodes)
        several = len(beat.nodes) > 1
        counted: dict[str, Sent] = {}
        for k, sent in enumerate(beat.sent):
            if several:
                at = 0.1 + 0.6 * k / len(beat.sent)
                self.swap(
                    shot,
                    ("edge", sent.edge),
                    edge(self.ways[sent.edge], "paid", self.colours, self.look.pen),
                    at,
                    at + 0.2,
                )
                self.arrive(sent)
                counted[sent.receiver] = sent
                continue
            start = 0.16 + 0.12 * min(k, 2)
            stop = min(0.88, start + 0.62)
            self.travel(shot, sent, start, stop)
            self.arrive(sent)
            if sent.receiver in self.arrivals:
                self.swap(shot, ("item", sent.receiver), self.card_part(sent.receiver), stop - 0.02, stop + 0.12)
            elif sent.of > 1 and sent.receiver not in beat.nodes:
                self.swap(
                    shot,
                    ("item", sent.receiver),
                    self.op_part(sent.receiver, "waiting", f"{sent.k}/{sent.of}"),
                    stop - 0.02,
                    stop + 0.12,
                )
            else:
                self.swap(shot, ("item", sent.receiver), self.op_part(sent.receiver, "ready"), stop - 0.02, stop + 0.12)
        for receiver in counted:
            if receiver in self.arrivals:
                self.swap(shot, ("item", receiver), self.card_part(receiver), 0.75, 0.95)

    def travel(self, shot: Shot, sent: Sent, start: float, stop: float) -> None:
        """Nothing; a share runs along an edge, from sender to receiver, and leaves it drawn in full."""
        way = self.ways[sent.edge]
        due = self.parts.pop(("edge", sent.edge))
        done = edge(way, "paid", self.colours, self.look.pen)
        final: Cells | str = cells(sent.share) or number_text(sent.share)
        text = shape_text(sent.share.shape) if isinstance(final, Cells) else final
        first, first_text, then = final, text, None
        if sent.raw is not None:
            first, first_text = picture(sent.raw, None), shape_text(sent.raw)
            then = final if isinstance(final, Cells) else Cells(1, 1, (1.0,), (False,))
        parcel = Parcel(
            self.colours, "gradient", first, first_text, then, text if then is not None else "", self.look.scale
        )
        shown = stretch(way, 1.0, inset(way, self.look.pen))
        line = Part(Ink(shown, stroke=self.colours.gradient, width=theme.EDGE * self.look.pen))
        self.parts["edge", sent.edge] = done
        shot.moving += [due, line, done, parcel]
        done.strength(0.0)
        line.strength(0.0)

        def act(u: float) -> None:
            line.inks[0].dash = dashes(way, u)
            line.strength(1.0 if u < 1 else 0.0)
            done.strength(1.0 if u >= 1 else 0.0)
            due.strength(1.0 if u < 1 else 0.0)
            turned = float(np.clip((u - 0.35) / 0.35, 0, 1)) if then is not None else 0.0
            seen = min(1.0, 6 * u, 6 * (1 - u)) if u < 1 else 0.0
            parcel.pose(*way.at(1 - u), turned, seen, 0.7 + 0.3 * min(1.0, seen))

        parcel.pose(*way.at(1.0), 0.0, 0.0)
        shot.over(start, stop, act, due, line, done, parcel)

    def arrive(self, sent: Sent) -> None:
        """Nothing; a leaf's card is told of a share."""
        before = self.arrivals.get(sent.receiver)
        if before is None:
            return
        shown: Cells | str = cells(sent.share) or number_text(sent.share)
        total = shown if sent.settles else None
        self.arrivals[sent.receiver] = Arrivals(
            sent.k, sent.of, (*before.shares, shown), total, nonfinite_word(sent.share), before.held
        )

    def gather(self, shot: Shot, beat: Gather) -> None:
        """Nothing; shares that waited become their sum, before the eyes of everyone if it is at a leaf."""
        self.settle(shot)
        leaf = beat.receiver in self.arrivals
        if leaf:
            now = self.arrivals[beat.receiver]
            total_seen: Cells | str = cells(beat.total.tensor) or number_text(beat.total.tensor)
            self.arrivals[beat.receiver] = Arrivals(
                beat.of, beat.of, now.shares, total_seen, nonfinite_word(beat.total.tensor), now.held
            )
            after = self.card_part(beat.receiver)
        else:
            after = self.op_part(beat.receiver, "ready", f"Σ {beat.of}/{beat.of}")
        film = Part(veil(self.colours, 0.80))
        shot.moving.append(film)
        shot.fade(film, 0.0, 0.12)
        shot.over(0.88, 0.98, lambda u: film.strength(1.0 - u), film)
        # What the sum is about shines through the film: the place, the edges that lead to it, and who sent the shares.
        shot.moving += [edge(self.ways[id], "paid", self.colours, self.look.pen) for id in beat.edges]
        shot.moving += [self.op_part(id, "ran") for id in beat.senders]
        old = self.parts.pop(("item", beat.receiver))
        self.parts["item", beat.receiver] = after
        shot.moving += [old, after]
        after.strength(0.0)
        summands, total = caption.sum_parts(beat, self.colours)
        home = self.centre(beat.receiver)
        first = 0.14
        for k, part in enumerate(summands):
            self.parts["sum", str(k)] = part
            shot.moving.append(part)
            self.fly(shot, part, home, first + 0.12 * k, first + 0.22 + 0.12 * k)
        self.parts["sum", "total"] = total
        shot.moving.append(total)
        shot.fade(total, 0.56, 0.68)
        token = caption.sum_parts(beat, self.colours)[1]
        shot.moving.append(token)
        token.strength(0.0)
        rest, centre = token.places, total.middle

        def home_again(u: float) -> None:
            token.put(rest, 1 - 0.75 * u, centre, _between(centre, home, u))
            token.strength(min(1.0, 3 * (1 - u)))

        def close_ring(u: float) -> None:
            after.strength(u)
            old.strength(1.0 - u)

        shot.over(0.72, 0.90, home_again, token)
        shot.over(0.82, 0.92, close_ring, old, after)

    def fly(self, shot: Shot, part: Part, source: tuple[float, float], start: float, stop: float) -> None:
        """Nothing; a part comes out of a place and grows to where it belongs."""
        rest, centre = part.places, part.middle
        part.strength(0.0)

        def act(u: float) -> None:
            part.put(rest, 0.3 + 0.7 * u, centre, _between(source, centre, u))
            part.strength(min(1.0, 3 * u))

        shot.over(start, stop, act, part)

    def close(self, shot: Shot, beat: Close) -> None:
        """Nothing; the graph gives way to the table of what every leaf has."""
        self.settle(shot)
        if beat.finished:
            self.head(shot, "✓", "The gradients", "done")
        gone = [key for key in self.parts if key[0] in ("edge", "item", "chip", "label", "mask")]
        shot.cut = len(gone) > CROWD * 4
        for key in gone:
            self.vanish(shot, key, 0.0, 0.3)
        shot.cut = False
        head, *rows = caption.table(beat, self.colours)
        self.appear(shot, ("row", "head"), head, 0.3, 0.5)
        for k, row in enumerate(rows):
            at = 0.4 + 0.5 * k / len(rows)
            self.appear(shot, ("row", str(k)), row, at, min(1.0, at + 0.2))


def face(tensor: TensorRecord) -> str:
    """What stands for a tensor in small type: its number if it is one, else its shape."""
    return f"= {number_text(tensor)}" if is_number(tensor) else shape_text(tensor.shape)


def _commutes(node: NodeRecord) -> bool:
    tree = node.formula.forward.tree if node.formula is not None else None
    return isinstance(tree, list | tuple) and len(tree) == 3 and tree[0] in ("+", "*")


def _between(a: tuple[float, float], b: tuple[float, float], u: float) -> tuple[float, float]:
    return a[0] + (b[0] - a[0]) * u, a[1] + (b[1] - a[1]) * u


def _repeated(source: Cells, form: Cells) -> Cells:
    """The cells of `source`, repeated to fill `form`."""
    pick = [
        min(row, source.rows - 1) * source.columns + min(column, source.columns - 1)
        for row in range(form.rows)
        for column in range(form.columns)
    ]
    return Cells(form.rows, form.columns, tuple(source.strength[k] for k in pick), tuple(source.odd[k] for k in pick))
