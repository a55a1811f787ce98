"""A graph of which every op can be seen and read, and how each beat changes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from manim.utils.rate_functions import smooth

from animation import theme
from animation.picture.base import TITLES, Picture
from animation.picture.card import Arrivals, CardView, Figure, card
from animation.picture.edge import Curve, curve, dashes, edge, stretch, under_tip
from animation.picture.fit import arranged
from animation.picture.flight import STEPS, Flight, along, flight, timed
from animation.picture.frame import key, mask, pointer, veil
from animation.picture.motion import Shot
from animation.picture.moving_value import MovingValue
from animation.picture.op import Label, OpView, op, port_room, shape_size
from animation.picture.sum_row import sum_parts
from animation.picture.tape import TAPE_LABELS, chip, tape, tape_label
from animation.picture.text import drawable
from animation.render.primitives import Part, Primitive
from grad_engine import formula
from grad_engine.draw.glyph import outline, reach
from grad_engine.draw.layout import Box
from grad_engine.draw.palette import Palette as Colours
from grad_engine.folding.items import Link
from grad_engine.folding.view import View
from grad_engine.record import GraphRecord, InputRecord, NodeRecord, Shape, TensorRecord
from grad_engine.record.index import is_plain_number
from grad_engine.story.backward import SHARES
from grad_engine.story.beats import FRAME, Beat, Build, Flow, Gather, Numbers, Outlook, Run, Seed, Sent, Turn
from grad_engine.story.forward import TOGETHER
from grad_engine.story.names import bar
from grad_engine.story.values import (
    Cells,
    cells,
    cells_of,
    is_number,
    nonfinite,
    nonfinite_word,
    number_text,
    number_texts,
    shape_text,
)
from grad_engine.story.wording import filled

PAN = 6  # frames that it takes to move the view
END_OF_VIEW = theme.GRAPH_WIDTH / 2 - 0.62  # where a graph that is wider than the frame begins to fade out
FLYING = 1.4  # how large a summand's picture is on its way to the panel and back
LEGIBLE = 0.2  # of its way is how long something must be read
TOUCHING = 0.16  # nearer, the points of two arrows would touch
INFIX = frozenset("+−×/÷@")  # signs that a number can stand beside
SHORT = 7  # signs of a formula that is written inside an op


class GraphPicture(Picture):
    """A graph of which every op can be seen and read."""

    def __init__(self, shown: GraphRecord | View, colours: Colours, longest_name: int = 14) -> None:
        super().__init__(shown, colours, longest_name)
        self.arriving: dict[str, list[Link]] = {}
        for link in self.links:
            self.arriving.setdefault(link.target, []).append(link)
        self.cards = {id: self.card_view(id) for id in self.items if id not in self.nodes}
        self.ops = {id: self.op_view(self.nodes[id]) for id in self.items if id in self.nodes}
        self.look, self.layout = arranged(self.cards, self.ops, self.links)
        self.link_of = {link.id: link for link in self.links}
        self.curves = {link.id: self.curve_of(link) for link in self.links}
        self.wide = self.layout.width > theme.GRAPH_WIDTH + 1e-6  # than the frame: the view has to follow
        self.arrivals: dict[str, Arrivals] = {id: Arrivals() for id, view in self.cards.items() if view.leaf}
        self.running: list[str] = []
        self.tape = tape([self.chip_names(node) for node in self.record.nodes])
        if self.wide:
            self.parts["mask", ""] = mask(colours)
            self.slide(-END_OF_VIEW - self.span()[0])

    # what there is to see

    def card_view(self, id: str) -> CardView:
        """What is written on the card of a leaf or a constant."""
        leaf = id in self.leaf_of
        tensor = self.tensors[self.leaf_of[id] if leaf else id]
        changes = self.record.runs[-1].leaves if self.record.runs else ()
        not_finite = any(nonfinite(self.tensors[change.after]) for change in changes if change.accumulator == id)
        return CardView(id, self.names[tensor.id], face(tensor), cells(tensor), leaf, not_finite)

    def op_view(self, node: NodeRecord) -> OpView:
        """What is written in and at the shape of an op."""
        out = self.tensors[node.outputs[0]]
        # What has no name goes by the number of its op, which stands above it, but not above a box of several.
        name = self.names[out.id] if out.name or node.id in self.view.folds else ""
        slots = self.arriving.get(node.id, [])
        ports = tuple("" for _ in slots)
        if len(slots) > 1 and node.id not in self.view.folds and not self.index.commutes(node.id):
            ports = tuple(str(self.operand(node, link).slot + 1) for link in slots)
        return OpView(
            node.id,
            node.category,
            self.symbol(node),
            self.view.folds[node.id].size if node.id in self.view.folds else f"#{node.age}",
            Label(name, face(out), cells(out), _badge(out)),
            self.gradient(node),
            ports,
            max(len(slots), 1),
            any(root == node.id for root, _ in self.roots),
            tuple(k for k, link in enumerate(slots) if self.operand(node, link).tensor in node.saved),
            bool(set(node.saved) & set(node.outputs)),
            node.id in self.view.centres,
        )

    def gradient(self, node: NodeRecord) -> Label | None:
        """What is written below an op when its gradient is complete."""
        if not self.record.runs:
            return None
        for out, id in zip(node.outputs, self.record.runs[-1].gradients.get(node.id, ()), strict=False):
            if id is not None:
                found = self.tensors[id]
                return Label(bar(self.names[out]), face(found), cells(found), _badge(found))
        return None

    def operand(self, node: NodeRecord, link: Link) -> InputRecord:
        """The operand that a link brings to a node."""
        return next(operand for operand in node.inputs if link.id in (operand.edge, f"{node.id}:{operand.slot}"))

    def symbol(self, node: NodeRecord) -> str:
        """The sign of an op, with the numbers among its operands written where they stand."""
        sign = node.symbol if node.symbol and drawable(node.symbol) else node.op
        before: list[str] = []
        after: list[str] = []
        others: list[str] = []
        known: dict[str, TensorRecord] = {}
        for operand in node.inputs:
            tensor = self.tensors[operand.tensor]
            if is_plain_number(tensor) and operand.edge is None:
                (before if operand.slot == 0 else after).append(number_text(tensor))
                known[operand.parameter] = tensor
            else:
                others.append(operand.parameter)
        if known and len(others) == 1 and sign not in INFIX and node.formula is not None:
            short = formula.text(filled(node.formula.forward.tree, known), {others[0]: "x"})
            short = short.replace("^x", "ˣ")
            if len(short) <= SHORT and drawable(short):
                return short
        return " ".join([*before, sign, *after])

    def chip_names(self, node: NodeRecord) -> tuple[str, ...]:
        """What an op can be called on the tape, longest first."""
        sign = self.ops[node.id].symbol
        if node.id in self.view.folds:
            return f"{sign}, {self.view.folds[node.id].size}", sign, f"{len(self.view.folds[node.id].ops)} ops"
        return f"#{node.age} {node.name}", f"#{node.age} {node.op}", f"#{node.age} {sign}", f"#{node.age}"

    def curve_of(self, link: Link) -> Curve:
        """The way of a link from shape to shape."""
        route = self.layout.routes[link.id]
        (_, y), (_, last) = route[0], route[-1]
        stop = self.border(link.target, last, "left")
        if (within := self.leaving(link)) != y:
            # The route leaves the box of an op above or below its shape: it starts at the shape, and steps aside.
            aside = route[0][0]  # past what is written above and below the shape
            route = ((0.0, within), (aside, within), (aside, y), *route[1:])
            y = within
        return curve(route, self.border(link.source, y, "right"), stop)

    def leaving(self, link: Link) -> float:
        """How high a link leaves its source: within the shape of an op, and apart from another or together with it."""
        y = self.layout.routes[link.id][0][1]
        if link.source in self.cards:
            return y
        middle, half = self.layout.boxes[link.source].y, 0.4 * shape_size(self.ops[link.source], self.look)[1]
        if abs(y - middle) <= half:
            return y
        others = (self.layout.routes[other.id][0][1] for other in self.links if other.source == link.source)
        within = middle + half if y > middle else middle - half
        near = [other for other in others if abs(other - middle) <= half and abs(other - within) < TOUCHING]
        return near[0] if near else within

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

    def span(self, *items: str) -> tuple[float, float]:
        """How far some items, or all, reach to the left and to the right."""
        boxes = [self.layout.boxes[item] for item in items] or list(self.layout.boxes.values())
        return min(box.x - box.width / 2 for box in boxes), max(box.x + box.width / 2 for box in boxes)

    def slide(self, by: float) -> None:
        """Moves the place of everything to the side. What is drawn already is left to the caller."""
        self.layout = replace(
            self.layout,
            boxes={id: replace(box, x=box.x + by) for id, box in self.layout.boxes.items()},
            routes={id: tuple((x + by, y) for x, y in way) for id, way in self.layout.routes.items()},
        )
        self.curves = {id: way.beside(by) for id, way in self.curves.items()}

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
        shot = Shot(PAN * FRAME)
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
            case Outlook():
                return beat.marks[:1], beat.marks, False
        return [], [], False

    def build(self, shot: Shot, beat: Build) -> None:
        """Leaves and ops appear, values flow into the ops."""
        new_cards = [item for item in beat.items if item in self.cards]
        new_ops = [item for item in beat.items if item in self.ops]
        if ("title", "") not in self.parts:
            self.head(shot, "1", TITLES[0], "value")
            if not new_ops:
                self.appear(shot, ("key", ""), self.key(), 0.1, 0.4)
        if new_ops and ("label", "") not in self.parts:
            self.vanish(shot, ("key", ""), 0.0, 0.2)
            self.appear(shot, ("label", ""), tape_label(TAPE_LABELS[0], "muted", self.colours), 0.1, 0.4)
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
        if len(new_ops) > TOGETHER or any(flow.source in new_ops for flow in beat.flows):
            self.drawn(shot, beat.flows)
            pops = {item: 0.1 + 0.6 * k / len(new_ops) for k, item in enumerate(new_ops)}
        else:
            pops = dict.fromkeys(new_ops, 0.4) | self.flow(shot, beat.flows, 0.2 if new_cards else 0.06)
        for item, at in pops.items():
            self.appear(shot, ("item", item), self.op_part(item, "made"), at, at + 0.25, pop=True)
            self.appear(
                shot, ("chip", item), chip(self.tape, self.chips[item], "recorded", self.colours), at + 0.1, at + 0.25
            )
        for item, of in beat.users.items():
            if item not in new_cards and ("item", item) in self.parts and self.arrivals[item].of != of:
                self.arrivals[item] = Arrivals(0, of)
                self.swap(shot, ("item", item), self.card_part(item), 0.55, 0.8)

    def key(self) -> Part:
        """What the marks in this graph mean."""
        ops = self.ops.values()
        read = self.look.detail >= 2  # there are pins and pictures
        pictures = self.look.detail >= 3 and any(view.label.cells is not None for view in ops)
        pins = read and any(view.kept or view.keeps_result for view in ops)
        order = any(any(view.ports) and port_room(view, self.look) for view in ops)
        return key(list(dict.fromkeys(view.category for view in ops)), pins, pictures, order, self.colours)

    def drawn(self, shot: Shot, flows: Sequence[Flow]) -> None:
        """Links appear, one after the other."""
        for k, flow in enumerate(flows):
            at = 0.1 + 0.6 * k / len(flows)
            part = edge(self.curves[flow.link], "value", self.colours, self.look.pen)
            self.appear(shot, ("edge", flow.link), part, at, at + 0.2)

    def flow(self, shot: Shot, flows: Sequence[Flow], first: float) -> dict[str, float]:
        """Values run along links and draw them; op -> when all that it reads has come to it."""
        targets = dict.fromkeys(self.link_of[flow.link].target for flow in flows)
        rounds = [flows]
        if len(flows) > SHARES:  # too many to be followed: one op after the other
            rounds = [[flow for flow in flows if self.link_of[flow.link].target == target] for target in targets]
        come: dict[str, float] = {}
        each = (0.78 - first) / len(rounds)
        for k, some in enumerate(rounds):
            come |= self.flown(shot, some, first + k * each, first + (k + 1) * each)
        return come

    def flown(self, shot: Shot, flows: Sequence[Flow], first: float, last: float) -> dict[str, float]:
        """Values run along links between two moments; op -> when all that it reads has come to it."""
        loads = []
        for flow in flows:
            content: Cells | str = cells(flow.tensor) or number_text(flow.tensor)
            if flow.stretched:
                then = cells_of(flow.stretched, None)
                then = _repeated(content, then) if isinstance(content, Cells) else then
                loads.append(self.load(flow.link, flow.tensor, content, then, (flow.tensor.shape, flow.stretched)))
            else:
                loads.append(self.load(flow.link, flow.tensor, content))
        starts, long = timed([one for _, one in loads], first, last)
        come: dict[str, float] = {}
        for flow, (moving, one), at in zip(flows, loads, starts, strict=True):
            self.carry(shot, flow.link, moving, one, at, at + long)
            target = self.link_of[flow.link].target
            come[target] = max(come.get(target, 0.0), at + long - 0.04)
        return come

    def load(
        self,
        link: str,
        tensor: TensorRecord,
        first: Cells | str,
        then: Cells | None = None,
        shapes: tuple[Shape, Shape] | None = None,
        backward: bool = False,
    ) -> tuple[MovingValue, Flight]:
        """A tensor on its way, as a picture or a number; where its shape changes and there is room, that is written."""
        tone, scale = "gradient" if backward else "value", self.look.scale
        ends = (self.link_of[link].source, self.link_of[link].target)
        near = [box for id in ends for box in self.solid(id)]
        others = [box for id in self.items if id not in ends and ("item", id) in self.parts for box in self.solid(id)]
        texts = ("", "") if shapes is None else (shape_text(shapes[0]), shape_text(shapes[1]))
        for before, after in (texts, ("", "")):
            text = first if isinstance(first, str) else before
            moving = MovingValue(self.colours, tone, first, text, then, after, scale, nonfinite_word(tensor))
            one = flight(along(self.curves[link], backward), moving.room, near, others)
            if (one.scale * moving.size_of_type > theme.SMALLEST).mean() > LEGIBLE:
                break
        return moving, one

    def solid(self, id: str) -> list[Box]:
        """What of an item must not be covered: a card, or a shape with what is written above and below it."""
        box = self.layout.boxes[id]
        if id in self.cards:
            return [box]
        width, height = shape_size(self.ops[id], self.look)
        shape = Box(box.x, box.y, width + port_room(self.ops[id], self.look), height)
        line = self.look.line
        lines = [Box(box.x, box.y + side * (box.height - line) / 2, box.width, line) for side in (1, -1) if line]
        return [shape, *lines]

    def carry(self, shot: Shot, link: str, moving: MovingValue, one: Flight, start: float, stop: float) -> None:
        """A value flies along a link and draws it."""
        way = self.curves[link]
        done = edge(way, "value", self.colours, self.look.pen)
        shown = stretch(way, 0.0, 1.0 - under_tip(way, self.look.pen))
        line = Part(Primitive(shown, stroke=self.colours.value, width=theme.EDGE * self.look.pen))
        self.parts["edge", link] = done
        shot.moving += [line, done, moving]
        done.fade_to(0.0)
        changes = moving.then is not None

        def act(u: float) -> None:
            line.primitives[0].dash = (u * way.length, 2 * way.length)
            line.fade_to(0.9 if u < 1 else 0.0)
            done.fade_to(1.0 if u >= 1 else 0.0)
            turned = float(np.clip((u - 0.35) / 0.4, 0, 1)) if changes else 0.0
            pose(moving, one.place(u), turned, one.size(u))

        pose(moving, way.at(0.0), 0.0, 0.0)
        line.fade_to(0.0)
        shot.over(start, stop, act, line, done, moving, ease=steady)

    def turn(self, shot: Shot, beat: Turn) -> None:
        """Values dim, and every edge turns round in one sweep from the root."""
        self.head(shot, "2", TITLES[1], "gradient")
        self.swap(shot, ("label", ""), tape_label(TAPE_LABELS[1], "gradient", self.colours), 0.0, 0.3)
        last = max(len(self.layout.ranks) - 1, 1)
        rank = {id: k / last for k, ids in enumerate(self.layout.ranks) for id in ids}
        expected: dict[str, int] = {}
        for id in beat.reached:
            expected[self.edges[id].receiver] = expected.get(self.edges[id].receiver, 0) + 1
        before = {c.accumulator: c.before for c in self.record.runs[-1].leaves if c.before is not None}

        def moment(*ends: str) -> float:
            return 0.12 + 0.55 * (1 - sum(rank[id] for id in ends) / len(ends))

        for link in self.links:
            if ("edge", link.id) in self.parts:
                at = moment(link.source, link.target)
                state = "due" if link.id in beat.reached else "idle"
                self.swap(
                    shot,
                    ("edge", link.id),
                    edge(self.curves[link.id], state, self.colours, self.look.pen),
                    at,
                    at + 0.2,
                )
        for id in self.ops:
            at = moment(id)
            self.swap(shot, ("item", id), self.op_part(id, "quiet"), at, at + 0.2)
        for id in self.arrivals:
            self.arrivals[id] = Arrivals(0, expected.get(id, 0), held=id in before)
            at = moment(id)
            self.swap(shot, ("item", id), self.card_part(id), at, at + 0.2)

    def seed(self, shot: Shot, beat: Seed) -> None:
        """The gradient that the run starts with comes to the root."""
        x, y = self.centre(beat.root)
        first: Cells | str = cells(beat.tensor) or number_text(beat.tensor)
        text = shape_text(beat.tensor.shape) if isinstance(first, Cells) else first
        not_finite = nonfinite_word(beat.tensor)
        moving = MovingValue(self.colours, "gradient", first, text, scale=self.look.scale, not_finite=not_finite)
        shot.moving.append(moving)
        # It comes out of the caption panel, where its numbers stand.
        start = min(x, theme.GRAPH_WIDTH / 2 - 0.9), theme.PANEL_MIDDLE + theme.PANEL_HEIGHT / 2
        others = [box for id in self.items if id != beat.root for box in self.solid(id)]
        one = flight(np.linspace(start, (x, y), STEPS + 1), moving.room, self.solid(beat.root), others)

        def act(u: float) -> None:
            pose(moving, one.place(u), 0.0, min(5 * u, one.size(u)))

        pose(moving, start, 0.0, 0.0)
        shot.over(0.15, 0.75, act, moving)
        self.swap(shot, ("item", beat.root), self.op_part(beat.root, "ready"), 0.65, 0.9)

    def settle(self, shot: Shot) -> None:
        """What ran in the last beat is done."""
        for id in self.running:
            self.swap(shot, ("item", id), self.op_part(id, "ran"), 0.0, 0.2)
            self.swap(shot, ("chip", id), chip(self.tape, self.chips[id], "ran", self.colours), 0.0, 0.2)
        self.running = []

    def run(self, shot: Shot, beat: Run) -> None:
        """Rules run, shares travel to their receivers."""
        self.settle(shot)
        for id in beat.nodes:
            self.swap(shot, ("item", id), self.op_part(id, "running"), 0.0, 0.2)
            self.swap(shot, ("chip", id), chip(self.tape, self.chips[id], "running", self.colours), 0.0, 0.2)
        self.running = list(beat.nodes)
        if len(beat.nodes) > TOGETHER or any(sent.receiver in beat.nodes for sent in beat.sent):
            self.paid(shot, beat.sent)
            return
        loads = []
        for sent in beat.sent:
            final: Cells | str = cells(sent.share) or number_text(sent.share)
            if sent.raw is None:
                loads.append(self.load(sent.edge, sent.share, final, backward=True))
            else:
                then = final if isinstance(final, Cells) else Cells(1, 1, (1.0,), (False,))
                shapes = (sent.raw, sent.share.shape)
                loads.append(self.load(sent.edge, sent.share, cells_of(sent.raw, None), then, shapes, backward=True))
        starts, long = timed([one for _, one in loads], 0.16, 0.88)
        for sent, (moving, one), at in zip(beat.sent, loads, starts, strict=True):
            stop = at + long
            self.travel(shot, sent, moving, one, at, stop)
            self.arrive(sent)
            if sent.receiver in self.arrivals:
                self.swap(shot, ("item", sent.receiver), self.card_part(sent.receiver), stop - 0.02, stop + 0.12)
            else:
                waits = sent.of > 1
                after = self.op_part(
                    sent.receiver, "waiting" if waits else "ready", f"{sent.k}/{sent.of}" if waits else ""
                )
                self.swap(shot, ("item", sent.receiver), after, stop - 0.02, stop + 0.12)

    def paid(self, shot: Shot, shares: Sequence[Sent]) -> None:
        """Edges are paid, one after the other, and receivers told at once."""
        for k, sent in enumerate(shares):
            at = 0.1 + 0.6 * k / len(shares)
            part = edge(self.curves[sent.edge], "paid", self.colours, self.look.pen)
            self.swap(shot, ("edge", sent.edge), part, at, at + 0.2)
            self.arrive(sent)
        for receiver in dict.fromkeys(sent.receiver for sent in shares):
            if receiver in self.arrivals:
                self.swap(shot, ("item", receiver), self.card_part(receiver), 0.75, 0.95)

    def travel(self, shot: Shot, sent: Sent, moving: MovingValue, one: Flight, start: float, stop: float) -> None:
        """A share flies along an edge, from sender to receiver, and leaves it drawn in full."""
        way = self.curves[sent.edge]
        due = self.parts.pop(("edge", sent.edge))
        done = edge(way, "paid", self.colours, self.look.pen)
        shown = stretch(way, 1.0, under_tip(way, self.look.pen))
        line = Part(Primitive(shown, stroke=self.colours.gradient, width=theme.EDGE * self.look.pen))
        self.parts["edge", sent.edge] = done
        shot.moving += [due, line, done, moving]
        done.fade_to(0.0)
        line.fade_to(0.0)
        changes = moving.then is not None

        def act(u: float) -> None:
            line.primitives[0].dash = dashes(way, u)
            line.fade_to(1.0 if u < 1 else 0.0)
            done.fade_to(1.0 if u >= 1 else 0.0)
            due.fade_to(1.0 if u < 1 else 0.0)
            turned = float(np.clip((u - 0.35) / 0.35, 0, 1)) if changes else 0.0
            pose(moving, one.place(u), turned, one.size(u))

        pose(moving, way.at(1.0), 0.0, 0.0)
        shot.over(start, stop, act, due, line, done, moving, ease=steady)

    def arrive(self, sent: Sent) -> None:
        """A leaf's card is told of a share."""
        before = self.arrivals.get(sent.receiver)
        if before is None:
            return
        shown: Figure = cells(sent.share) or number_texts(sent.share)
        total = shown if sent.settles else None
        self.arrivals[sent.receiver] = Arrivals(
            sent.k,
            sent.of,
            (*before.shares, shown),
            total,
            nonfinite_word(sent.share) or before.not_finite,
            before.held,
        )

    def gather(self, shot: Shot, beat: Gather) -> None:
        """Shares that waited become their sum, before the eyes of everyone if it is at a leaf."""
        self.settle(shot)
        leaf = beat.receiver in self.arrivals
        if leaf:
            now = self.arrivals[beat.receiver]
            total_seen: Figure = cells(beat.total.tensor) or number_texts(beat.total.tensor)
            self.arrivals[beat.receiver] = Arrivals(
                beat.of, beat.of, now.shares, total_seen, nonfinite_word(beat.total.tensor), now.held
            )
            after = self.card_part(beat.receiver)
        else:
            after = self.op_part(beat.receiver, "ready", f"Σ {beat.of}/{beat.of}")
        film = Part(veil(self.colours, 0.55))
        shot.moving.append(film)
        shot.fade(film, 0.0, 0.12)
        shot.over(0.88, 0.98, lambda u: film.fade_to(1.0 - u), film)
        # What the sum is about shines through the film: the place, the edges that lead to it, and who sent the shares.
        shot.moving += [edge(self.curves[id], "paid", self.colours, self.look.pen) for id in beat.edges]
        for sender in [self.op_part(id, "ran") for id in beat.senders]:
            shot.moving.append(sender)
            shot.fade(sender, 0.10, 0.20)
        old = self.parts.pop(("item", beat.receiver))
        self.parts["item", beat.receiver] = after
        shot.moving += [old, after]
        after.fade_to(0.0)
        summands, total = sum_parts(beat, self.colours)
        home = self.centre(beat.receiver)
        # Numbers appear where they are read; what flies between the place and the panel is a picture of them.
        for k, (part, share) in enumerate(zip(summands, beat.parts, strict=True)):
            at = 0.14 + 0.12 * k
            self.fly(shot, share, home, part.middle, at, at + 0.18)
            self.appear(shot, ("sum", str(k)), part, at + 0.15, at + 0.24)
        self.appear(shot, ("sum", "total"), total, 0.56, 0.68)
        self.fly(shot, beat.total, total.middle, home, 0.72, 0.90)
        shot.exchange(old, after, 0.82, 0.92)

    def outlook(self, shot: Shot, beat: Outlook) -> None:
        """Rings close around what is pointed at, with its number beside."""
        self.settle(shot)
        for k, mark in enumerate(beat.marks):
            part = pointer(str(k + 1), self.layout.boxes[mark], self.colours)
            self.appear(shot, ("mark", mark), part, 0.2 + 0.2 * k, 0.4 + 0.2 * k)

    def fly(
        self,
        shot: Shot,
        what: Numbers,
        source: tuple[float, float],
        target: tuple[float, float],
        start: float,
        stop: float,
    ) -> None:
        """A picture of a tensor, or its number, comes out of one place and goes into another."""
        content: Cells | str = cells(what.tensor) or number_text(what.tensor)
        text = content if isinstance(content, str) else ""
        moving = MovingValue(
            self.colours, what.tone, content, text, scale=FLYING, not_finite=nonfinite_word(what.tensor)
        )
        shot.moving.append(moving)

        def act(u: float) -> None:
            moving.pose(*_between(source, target, u), opacity=min(1.0, 6 * u, 6 * (1 - u)))

        act(0.0)
        shot.over(start, stop, act, moving)


def pose(moving: MovingValue, place: tuple[float, float], turned: float, size: float) -> None:
    """Puts a moving value at a place, as large as there is room for; where there is next to none, it is not seen."""
    moving.pose(*place, turned, min(1.0, 4 * size), size)
    if isinstance(moving.first, Cells):  # what stands beside a picture is left out rather than shrunk
        legible = float(np.clip(5 * size * moving.size_of_type / theme.SMALLEST - 4, 0, 1))
        for text in moving.texts:
            text.fade_to(text.opacity * legible)


def steady(u: float) -> float:
    """A motion that begins and ends gently, and keeps its pace between."""
    return 0.5 * u + 0.5 * smooth(u)


def face(tensor: TensorRecord) -> str:
    """What stands for a tensor in small type: its number if it is one, else its shape."""
    return f"= {number_text(tensor)}" if is_number(tensor) else shape_text(tensor.shape)


def _badge(tensor: TensorRecord) -> str:
    """What is not finite about a tensor, and how much of it: "NaN 4/16"; "" where all is."""
    bad = nonfinite(tensor)
    if not bad or is_number(tensor):
        return nonfinite_word(tensor) if bad else ""
    return f"{nonfinite_word(tensor)} {bad}/{int(np.prod(tensor.shape))}"


def _between(a: tuple[float, float], b: tuple[float, float], u: float) -> tuple[float, float]:
    return a[0] + (b[0] - a[0]) * u, a[1] + (b[1] - a[1]) * u


def _repeated(source: Cells, form: Cells) -> Cells:
    """The cells of `source`, repeated to fill `form`."""
    pick = [
        min(row, source.rows - 1) * source.columns + min(column, source.columns - 1)
        for row in range(form.rows)
        for column in range(form.columns)
    ]
    return Cells(
        form.rows, form.columns, tuple(source.magnitude[k] for k in pick), tuple(source.not_finite[k] for k in pick)
    )
