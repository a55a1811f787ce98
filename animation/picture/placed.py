"""A graph of which every op can be seen and read: what is written where, and the curve of every edge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from grad_engine import formula
from grad_engine.draw.glyph import outline, reach
from grad_engine.draw.layout import Box
from grad_engine.draw.palette import Palette as Colours
from grad_engine.folding.items import Link
from grad_engine.folding.views import View
from grad_engine.record import GraphRecord, InputRecord, NodeRecord, Shape, TensorRecord
from grad_engine.record.index import is_plain_number
from grad_engine.story.beats import FRAME, Beat, Build, Gather, Outlook, Run, Seed, Turn
from grad_engine.story.names import bar
from grad_engine.story.values import (
    Cells,
    cells,
    is_number,
    nonfinite,
    nonfinite_word,
    number_text,
    shape_text,
)
from grad_engine.story.wording import filled

from .. import theme
from ..render.primitives import Part
from .base import Picture
from .card import Arrivals, CardView, card
from .edge import Curve, curve
from .fit import arranged
from .flight import Flight, along, flight
from .frame import key, mask
from .motion import Shot
from .moving_value import MovingValue
from .op import Label, OpView, op, port_room, shape_size
from .tape import tape
from .text import drawable

PAN = 6  # frames that it takes to move the view
END_OF_VIEW = theme.GRAPH_WIDTH / 2 - 0.62  # where a graph that is wider than the frame begins to fade out
LEGIBLE = 0.2  # of its way is how long something must be read
TOUCHING = 0.16  # nearer, the points of two arrows would touch
INFIX = frozenset("+−×/÷@")  # signs that a number can stand beside
SHORT = 7  # signs of a formula that is written inside an op


class PlacedGraph(Picture):
    """A graph with the place and the look of everything in it. Its subclasses move it."""

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

    def key(self) -> Part:
        """What the marks in this graph mean."""
        ops = self.ops.values()
        read = self.look.detail >= 2  # there are pins and pictures
        pictures = self.look.detail >= 3 and any(view.label.cells is not None for view in ops)
        pins = read and any(view.kept or view.keeps_result for view in ops)
        order = any(any(view.ports) and port_room(view, self.look) for view in ops)
        return key(list(dict.fromkeys(view.category for view in ops)), pins, pictures, order, self.colours)

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


def face(tensor: TensorRecord) -> str:
    """What stands for a tensor in small type: its number if it is one, else its shape."""
    return f"= {number_text(tensor)}" if is_number(tensor) else shape_text(tensor.shape)


def _badge(tensor: TensorRecord) -> str:
    """What is not finite about a tensor, and how much of it: "NaN 4/16"; "" where all is."""
    bad = nonfinite(tensor)
    if not bad or is_number(tensor):
        return nonfinite_word(tensor) if bad else ""
    return f"{nonfinite_word(tensor)} {bad}/{int(np.prod(tensor.shape))}"
