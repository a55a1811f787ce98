"""A graph on the stage, op by op: what appears, runs, is nudged and is followed in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from grad_engine.draw.layout import Box
from grad_engine.draw.palette import Palette as Colours
from grad_engine.folding.items import Link, drawn
from grad_engine.record import GraphRecord
from grad_engine.record.index import index_of
from grad_engine.story.insets import LeafMove, Walk, Walks
from grad_engine.story.values import is_number, number_text

from .. import theme
from ..render.primitives import Part, Points
from . import marks
from .callout import FARTHEST, NEAR, callout, free_place, size_of
from .edge import line
from .facts import NORM, Facts
from .flight import Flight, along, flight, room
from .marks import CardState, Token
from .motion import Shot
from .parts import Parts
from .place import CardView, OpView, arranged, shape_size
from .text import text_width

RESULT = "L"  # the id of the box behind a root that is no single number
SHORTEST = 0.28  # seconds of an op in which a number can be seen to fly
MOST_FLIGHTS = 6  # of one op
ROOMY = 0.7  # of its size can a number have that stays on its way
LEAST = 0.85  # of its size is what a moving number keeps
MOST_CALLOUTS = 4  # ops of a scene whose numbers may stand away from them
WIDEST_CALLOUT = 3.2
HOLD = 0.52  # where on its way a number stays to be read


class Progress:
    """What has happened so far, wherever on the stage it is drawn."""

    def __init__(self) -> None:
        self.made: set[str] = set()  # ops, leaves and constants
        self.backward = False  # the edges have turned
        self.seeded = False  # the gradient that backward starts with has come
        self.sent: set[str] = set()  # edges whose shares have been sent


class Graph:
    """A graph in a zone of the stage. Raises Unreadable where there is too much in it."""

    def __init__(
        self,
        record: GraphRecord,
        facts: Facts,
        colours: Colours,
        parts: Parts,
        zone: theme.Zone,
        progress: Progress,
        labels: Mapping[str, str] | None = None,
        prefix: str = "",
    ) -> None:
        self.record, self.facts, self.colours, self.parts = record, facts, colours, parts
        self.index = index_of(record)
        self.progress, self.zone = progress, zone
        self.seen = True
        self.called: dict[str, theme.Zone] = {}  # op -> where its callout stands, or stood
        self.prefix = prefix  # of names, that is left out here
        self.labels = {id: label.removeprefix(prefix) for id, label in (labels or {}).items()}  # of several ops
        items, links = drawn(record)
        slots: dict[str, int] = {}
        for link in links:
            slots[link.target] = slots.get(link.target, 0) + 1
        self.ops = {id: self._op_view(id, slots.get(id, 0)) for id in items if id in self.index.nodes}
        self.cards = {id: self._card_view(id) for id in items if id not in self.index.nodes}
        run = facts.index.run
        self.root = run.root if run is not None else facts.index.roots[0]
        if facts.total and self.root in self.ops:
            wide = max(text_width(text, theme.BODY, True) for text in (facts.total, facts.root_increment))
            self.cards[RESULT] = CardView(RESULT, "", "", leaf=False, least=max(0.9, wide + 0.3))
            links = (*links, Link(RESULT, self.root, RESULT))
        self.links = {link.id: link for link in links}
        self.into: dict[str, list[Link]] = {}
        self.read: dict[str, set[str]] = {id: set() for id in self.cards}  # card -> the ops that read it
        for link in links:
            self.into.setdefault(link.target, []).append(link)
            if link.source in self.read:
                self.read[link.source].add(link.target)
        placed = arranged(self.cards, self.ops, links, zone)
        self.look, self.boxes, self.curves, self.named = placed.look, placed.boxes, placed.curves, placed.named

    # what there is

    def _op_view(self, id: str, slots: int) -> OpView:
        face, node = self.facts.op(id), self.index.nodes[id]
        texts = (self.facts.value(id), self.facts.increment(id), f"{face.badge}   " if face.badge else "")
        sign, shown = self.labels.get(id, face.sign), tuple(filter(None, texts))
        return OpView(id, sign, node.category, slots, shown, self.facts.gradient(id), bool(face.badge))

    def _card_view(self, id: str) -> CardView:
        face = self.facts.leaves.get(id)
        if face is not None:
            shown = face.shape or face.value
            entry = self.facts.entry(id)
            value = f"{entry} {face.value}" if entry else f"{face.value} {face.increment}" if face.increment else shown
            texts = [text for _, text in face.shares]
            of = f"{entry} " if entry and any((*texts, face.gradient)) else ""
            summed = of + " + ".join(texts) if 1 < len(texts) <= 3 else ""
            longest = of + max((*texts, face.gradient), key=len, default="")
            counted = f"{longest} 1 of {len(texts)}" if len(texts) > 1 else f"{longest} ✓"
            size = self.facts.size(id)
            return CardView(
                id,
                face.name.removeprefix(self.prefix),
                value,
                True,
                (counted, summed, "0 of 1"),
                f"{NORM} {size} ✓" if size else "",
            )
        accumulator = self.index.accumulators.get(id)
        tensor = self.index.tensors[id if accumulator is None else accumulator.leaf]
        name = self.facts.name(tensor.id)
        value = number_text(tensor) if is_number(tensor) else "×".join(map(str, tensor.shape))
        return CardView(id, name if name != value else "", value, False)

    def _gradient(self, id: str) -> str:
        return self.look.gradient(self.facts.gradient(id), id in self.named)

    def hue(self, id: str) -> str:
        """The hue of a leaf; "" for what has none."""
        return self.facts.hues.get(id, "")

    # parts

    def op_part(self, id: str, edge: str = "") -> Part:
        """An op as it is drawn."""
        return marks.op(self.ops[id], self.look, self.boxes[id], self.colours, edge)

    def value_part(self, id: str) -> Part:
        """The value above an op."""
        at = marks.above(self.ops[id], self.look, self.boxes[id])
        return marks.text_at(self.facts.value(id), self.colours.value, at, self.colours)

    def gradient_part(self, id: str) -> Part:
        """The gradient below an op."""
        text = self._gradient(id)
        return marks.text_at(text, self.colours.gradient, self.under(id), self.colours)

    def factor_part(self, id: str, factors: Sequence[str], hue: str) -> Part:
        """By what an op multiplies g on a path, in place of its gradient."""
        texts = [f"· {', · '.join(factors)}", ", ".join(factors)]
        text = next((text for text in texts if text_width(text, theme.SMALLEST, True) <= self.boxes[id].width), "")
        text = text or factors[0]
        return marks.plate(text, self._gradient(id), hue, self.under(id), self.colours)

    def under(self, id: str) -> tuple[float, float]:
        """The middle of a text below an op."""
        return marks.below(self.ops[id], self.look, self.boxes[id])

    def badge_part(self, id: str) -> Part:
        """What is not finite about an op."""
        x, y = self.under(id)
        return marks.badge(self.facts.op(id).badge, (x, y - 0.32), self.colours)

    def card_part(self, id: str, nudged: bool = False, sum_up: bool = False, moved: str = "") -> Part:
        """A card as it now is; `moved` is the value after a step."""
        if id == RESULT:
            more = self.facts.root_increment if nudged else ""
            return marks.result(self.facts.total, more, self.boxes[id], self.colours)
        view, box = self.cards[id], self.boxes[id]
        face = self.facts.leaves.get(id)
        if face is None:
            return marks.card(view, CardState(view.value), self.look, box, self.colours)
        shares = [text for edge, text in face.shares if edge in self.progress.sent]
        of = len(face.shares)
        done = bool(of) and len(shares) == of
        counter = "Σ" if done and of > 1 else "✓" if done else f"{len(shares)} of {of}" if of else ""
        size = self.facts.size(id)
        gradient = (face.gradient or size,) if done else tuple(shares) if all(shares) else ()
        if sum_up and len(shares) > 1 and all(shares):
            gradient, counter = tuple(shares), ""
        if not self.progress.backward:
            gradient, counter = (), ""
        entry = self.facts.entry(id)
        numbered = "" if not gradient else entry if face.gradient else NORM if size[:1].isdigit() else ""
        value = f"{entry} {face.value}" if entry and nudged and face.increment else face.shape or face.value
        value = " ".join(filter(None, (entry, moved))) if moved else value
        more = face.increment if nudged else ""
        state = CardState(value, numbered, more, tuple(filter(None, gradient)), counter, done)
        return marks.card(view, state, self.look, box, self.colours, self.hue(id))

    def edge_part(self, id: str, colour: str = "", width: float = 0.0) -> Part:
        """An edge as it lies at rest, or in a colour."""
        backward = self.progress.backward and (id in self.facts.index.edges or id == RESULT)
        return line(
            self.curves[id], colour or self.colours.idle, width or theme.EDGE - 0.6, backward=backward, dashed=backward
        )

    def now(self) -> dict[tuple[str, str], Part]:
        """Everything that is there at this moment of the story."""
        there = self.progress.made
        found: dict[tuple[str, str], Part] = {}
        for id, link in self.links.items():
            if self.is_made(link.source) and self.is_made(link.target):
                found["edge", id] = self.edge_part(id)
        for id in self.ops:
            if id in there:
                found["op", id] = self.op_part(id)
                found |= self.written(id)
                if self.is_complete(id) and self.look.shows(self._gradient(id)):
                    found["gradient", id] = self.gradient_part(id)
        for id in self.cards:
            if self.is_made(id):
                found["card", id] = self.card_part(id)
        return found

    def written(self, id: str) -> dict[tuple[str, str], Part]:
        """What stands above an op once it is made, and its badge."""
        found: dict[tuple[str, str], Part] = {}
        if self.look.shows(self.facts.value(id)):
            found["value", id] = self.value_part(id)
        if self.look.shows(self.facts.op(id).badge):
            found["badge", id] = self.badge_part(id)
        return found

    def is_made(self, id: str) -> bool:
        """Whether an op or a card is on the stage."""
        if id == RESULT:
            return self.root in self.progress.made
        return id in self.progress.made or (id in self.read and not self.read[id].isdisjoint(self.progress.made))

    def is_complete(self, id: str) -> bool:
        """Whether all of the gradient of an op has come."""
        run = self.facts.index.run
        if run is not None and id == run.root and not self.progress.seeded:
            return False
        arrivals = self.facts.index.arrivals.get(id, ())
        if not arrivals:
            return run is not None and self.progress.seeded and id == run.root
        return self.progress.sent.issuperset(arrivals)

    def unwritten(self, id: str, gradient: bool) -> list[tuple[str, str]]:
        """The numbers of an op that the graph has no room for, each with its colour: its value, and its gradient."""
        value, number = self.facts.value(id), self.facts.gradient(id) if gradient else ""
        texts = [(value, value, self.colours.value)]
        texts.append(
            (self._gradient(id) if number else "", self.look.gradient(number, named=True), self.colours.gradient)
        )
        return [
            (text, tone)
            for drawn, text, tone in texts
            if drawn and not self.look.shows(drawn) and text_width(text, theme.SMALLEST, True) < WIDEST_CALLOUT
        ]

    def call_out(
        self, shot: Shot, id: str, texts: Sequence[tuple[str, str]], start: float, stop: float, farthest: float
    ) -> None:
        """Writes texts, each with its colour, into a free place beside an op."""
        if not texts or not self.seen or id not in self.ops:
            return
        solid = [box_of(box) for other in self.boxes if other != id for box in self._solid(other)]
        solid += [zone for other, zone in self.called.items() if other != id and ("callout", other) in self.parts.all]
        solid += [
            primitive.extent
            for (layer, _), part in self.parts.all.items()
            for primitive in part.primitives
            if layer in ("value", "gradient", "increment", "badge")
        ]
        about, size = self._solid(id)[0], size_of([text for text, _ in texts])
        at = free_place(size, about, solid, self._line_points, self.zone, farthest)
        if at is None:
            return
        self.called[id] = (at[0] - size[0] / 2, at[1] - size[1] / 2, at[0] + size[0] / 2, at[1] + size[1] / 2)
        tone = texts[-1][1]
        self.parts.add(shot, ("callout", id), callout(texts, at, about, tone, self.colours), start, stop)

    @cached_property
    def _line_points(self) -> Points:
        """Points of all edges."""
        places = [along(way) for way in self.curves.values()]
        return np.concatenate(places) if places else np.zeros((0, 2))

    def place_of(self, part: str, kind: str) -> tuple[float, float] | None:
        """Where a number of an op, a leaf or an edge stands on the stage; None where it does not."""
        if part in self.ops:
            if not self.look.numbers:
                return self.boxes[part].x, self.boxes[part].y
            if kind == "value":
                return marks.above(self.ops[part], self.look, self.boxes[part])
            return self.under(part)
        if part in self.cards:
            box = self.boxes[part]
            side = 0.25 * box.height if self.cards[part].leaf and self.look.cards != "name" else 0.0
            return box.x + 0.2 * box.width, box.y + (side if kind == "value" else -side)
        if part in self.curves:
            return self.curves[part].at(0.5)
        return None

    # forward

    def appear_leaves(self, shot: Shot, ids: Sequence[str], start: float, stop: float) -> None:
        """The cards of leaves appear one after the other."""
        new = [id for id in ids if id in self.cards and id not in self.progress.made]
        for k, id in enumerate(new):
            self.progress.made.add(id)
            at = start + (stop - start) * k / len(new)
            part = self.card_part(id)
            self.parts.add(shot, ("card", id), part, at, at + 0.18, self.centre(id))

    def centre(self, id: str) -> tuple[float, float]:
        """The middle of an op or a card."""
        return self.boxes[id].x, self.boxes[id].y

    def build(self, shot: Shot, ops: Sequence[str], start: float, stop: float) -> None:
        """Ops appear in creation order, each with its edges, then its value."""
        wanted = {id for id in ops if id in self.ops and id not in self.progress.made}
        for id in reversed(list(self.ops)):  # what an op reads is there before it
            if id in wanted:
                sources = {link.source for link in self.into.get(id, ())}
                wanted |= {other for other in sources if other in self.ops and other not in self.progress.made}
        new = [id for id in self.ops if id in wanted]
        for k, id in enumerate(new):
            a = start + (stop - start) * k / len(new)
            b = start + (stop - start) * (k + 1) / len(new)
            self._build_op(shot, id, a, b)
            self._call_in_turn(shot, id, a, b, k, len(new), gradient=False)
        if self.root in new and RESULT in self.cards:
            self._grow(shot, RESULT, stop - 0.1, stop)
            self.parts.add(shot, ("card", RESULT), self.card_part(RESULT), stop - 0.05, stop + 0.08)

    def _build_op(self, shot: Shot, id: str, a: float, b: float) -> None:
        self.progress.made.add(id)
        into = self.into.get(id, [])
        for link in into:
            if link.source not in self.progress.made:  # a constant, or a leaf that no scene has named
                self.progress.made.add(link.source)
                self.parts.add(shot, ("card", link.source), self.card_part(link.source), a, a + 0.1)
            self._grow(shot, link.id, a, a + 0.45 * (b - a))
        self.parts.add(shot, ("op", id), self.op_part(id), a + 0.1 * (b - a), a + 0.5 * (b - a), self.centre(id))
        if (b - a) * shot.seconds > 2.4 * SHORTEST:
            for link in into[:MOST_FLIGHTS]:
                text = self._source_text(link.source)
                if text:
                    token = Token([text], self.colours, self.colours.value)
                    self._fly(shot, token, link.id, a + 0.3 * (b - a), a + 0.8 * (b - a), backward=False)
        for key, part in self.written(id).items():
            self.parts.add(shot, key, part, a + 0.72 * (b - a), b)

    def _source_text(self, id: str) -> str:
        if id in self.ops:
            return self.facts.op(id).value
        face = self.facts.leaves.get(id)
        return face.value if face is not None and not face.shape else ""

    def _grow(self, shot: Shot, link: str, start: float, stop: float) -> None:
        """A line grows along its way, then it has its point."""
        part = self.edge_part(link)
        self.parts.keep(shot, ("edge", link), part)
        course, *tips = part.primitives
        rest, length = course.dash, self.curves[link].length

        def act(u: float) -> None:
            course.dash = rest if u >= 1.0 else (max(u * length, 1e-3), 2 * length)
            part.fade_to(1.0 if u > 0 else 0.0)
            for one in tips:
                one.fade_to(1.0 if u >= 0.95 else 0.0)

        act(0.0)
        shot.over(start, stop, act, part)

    def _fly(
        self,
        shot: Shot,
        token: Token,
        link: str,
        start: float,
        stop: float,
        backward: bool,
        held: list[theme.Zone] | None = None,
    ) -> None:
        """A number moves along an edge; it may stay on its way to be read, clear of others that are `held`."""
        ends = (self.links[link].source, self.links[link].target)
        near = [box for id in ends for box in self._solid(id)]
        others = [box for id in self.boxes if id not in ends and self.is_made(id) for box in self._solid(id)]
        way = flight(along(self.curves[link], backward), (token.wide, token.high + 0.2), near, others)
        fullest = float(way.scale.max())
        roomy = fullest > ROOMY
        if not roomy and backward and self.look.numbers and all(id in self.ops for id in ends):
            self._step(shot, token, ends, start, stop)
            return
        hold = held is not None and roomy
        stay = _resting(way, held) if held is not None and roomy else HOLD

        def act(u: float) -> None:
            if hold:
                u = stay * min(1.0, u / 0.3) if u < 0.7 else stay + (1 - stay) * (u - 0.7) / 0.3
            # It is seen where there is room; between two ops that stand close it hops over their rims.
            free = min(1.0, max(0.0, (way.size(u) / fullest - 0.55) / 0.25)) if roomy else min(1.0, 8 * u, 8 - 8 * u)
            token.pose(*way.place(u), max(way.size(u), LEAST), free if 0 < u < 1 else 0.0)

        act(0.0)
        shot.moving.append(token)
        shot.over(start, stop, act, token, ease=_steady if hold else _smooth)

    def _shapes(self, id: str) -> list[Box]:
        """An op without its numbers, or a card."""
        box = self.boxes[id]
        return [box] if id in self.cards else [type(box)(box.x, box.y, *shape_size(self.ops[id], self.look))]

    def _step(self, shot: Shot, token: Token, ends: tuple[str, str], start: float, stop: float) -> None:
        """A gradient goes to the next op below both, where it will stand: between them it would cover their signs."""
        (x0, y0), (x1, y1) = (self.under(id) for id in reversed(ends))

        def act(u: float) -> None:
            token.pose(x0 + (x1 - x0) * u, y0 + (y1 - y0) * u, opacity=min(1.0, max(0.0, 4 * u - 1)) if u < 1 else 0.0)

        act(0.0)
        shot.moving.append(token)
        shot.over(start, stop, act, token)

    def _solid(self, id: str) -> list[Box]:
        box = self.boxes[id]
        if id in self.cards:
            return [box]
        width, height = shape_size(self.ops[id], self.look)
        return [box if self.look.numbers else type(box)(box.x, box.y, width, height)]

    # a nudge

    def nudge(self, shot: Shot, leaf: str) -> None:
        """The value of a leaf is nudged; what changes by it runs forward along the edges."""
        if leaf in self.cards:
            self.parts.swap(shot, ("card", leaf), self.card_part(leaf, nudged=True), 0.06, 0.14)
        felt = [id for id in self.ops if self.facts.op(id).increment]
        ranks: dict[str, int] = {leaf: 0}
        for id in felt:
            before = [ranks[link.source] for link in self.into.get(id, ()) if link.source in ranks]
            ranks[id] = 1 + max(before, default=0)
        last = max(ranks.values(), default=0) + 1
        if RESULT in self.cards and self.root in ranks:
            ranks[RESULT] = last
        for id, rank in ranks.items():
            if not rank:
                continue
            a, b = 0.16 + 0.6 * (rank - 1) / last, 0.16 + 0.6 * rank / last
            for link in self.into.get(id, ()):
                if link.source in ranks and ("edge", link.id) in self.parts.all:
                    self._flow(shot, link.id, a, b, self.colours.value)
            if id == RESULT:
                self.parts.swap(shot, ("card", RESULT), self.card_part(RESULT, nudged=True), b, b + 0.1)
                continue
            self.parts.cut(shot, ("op", id), self.op_part(id, self.colours.value), b)
            if self.look.shows(said := self.facts.increment(id)):
                text = marks.text_at(said, self.colours.ink, self.under(id), self.colours, bold=True)
                self.parts.add(shot, ("increment", id), text, b, b + 0.08)
            else:
                near = NEAR if len(felt) > MOST_CALLOUTS else FARTHEST
                self.call_out(shot, id, [(said, self.colours.ink)], b, b + 0.08, near)

    def _flow(self, shot: Shot, link: str, start: float, stop: float, colour: str) -> None:
        """A line takes a colour along its way."""
        old = self.parts.all[("edge", link)]
        part = self.edge_part(link, colour, theme.EDGE + 0.4)
        course, *tips = part.primitives
        rest, length = course.dash, self.curves[link].length
        self.parts.all["edge", link] = part
        shot.moving.append(part)
        shot.leaving.append((old, 0))
        shot.moving.append(old)

        def act(u: float) -> None:
            course.fade_to(1.0 if u > 0 else 0.0)
            if not rest:
                course.dash = () if u >= 1.0 else (max(u * length, 1e-3), 2 * length)
            for one in tips:
                one.fade_to(1.0 if u >= 0.95 else 0.0)
            if u >= 0.95:
                old.fade_to(0.0)

        act(0.0)
        shot.over(start, stop, act, part, old)

    def calm(self, shot: Shot) -> None:
        """What a scene has marked is as it was: the next scene begins."""
        for key in [key for key in self.parts.all if key[0] in ("ring", "veil", "walk", "top", "factor", "callout")]:
            self.parts.drop(shot, key, 0.0, 0.1)
        for key, part in self.now().items():
            old = self.parts.all.get(key)
            if old is None or not same(old, part):
                self.parts.swap(shot, key, part, 0.0, 0.1)
        for key in [key for key in self.parts.all if key[0] == "increment"]:
            self.parts.drop(shot, key, 0.0, 0.1)

    # backward

    def turn(self, shot: Shot, start: float, stop: float) -> None:
        """Every edge turns round: dashed, its point at the other end."""
        self.progress.backward = True
        for id in self.links:
            if ("edge", id) in self.parts.all:
                self.parts.swap(shot, ("edge", id), self.edge_part(id), start, stop)
        for id in self.facts.leaves:
            if ("card", id) in self.parts.all:
                self.parts.swap(shot, ("card", id), self.card_part(id), start, stop)

    def seed(self, shot: Shot, start: float, stop: float) -> None:
        """The gradient that backward starts with comes to the root."""
        self.progress.seeded = True
        if self.root not in self.ops:
            return
        if RESULT in self.cards and (text := self.facts.op(self.root).gradient):
            token = Token([text], self.colours, self.colours.gradient)
            self._fly(shot, token, RESULT, start, stop + 0.1, backward=True)
        self._gradient_appears(shot, self.root, stop, stop + 0.15)
        ring = marks.ring(self.ops[self.root], self.look, self.boxes[self.root], self.colours.gradient)
        self.parts.add(shot, ("ring", self.root), ring, start, stop)

    def _gradient_appears(self, shot: Shot, id: str, start: float, stop: float) -> None:
        if id in self.ops and self.look.shows(self._gradient(id)) and ("gradient", id) not in self.parts.all:
            self.parts.add(shot, ("gradient", id), self.gradient_part(id), start, stop)

    def run(self, shot: Shot, ops: Sequence[str], start: float, stop: float, seen: bool = True) -> None:
        """Ops run their rules one after the other: shares go along their edges and are summed where they arrive.

        seen: whether the graph can be seen meanwhile; if not, no numbers move.
        """
        self.seen = seen
        for k, id in enumerate(ops):
            a = start + (stop - start) * k / len(ops)
            b = start + (stop - start) * (k + 1) / len(ops)
            self._run_op(shot, id, a, b, last=k == len(ops) - 1, alone=len(ops) == 1)
            self._call_in_turn(shot, id, a, b, k, len(ops), gradient=True)

    def _call_in_turn(self, shot: Shot, id: str, a: float, b: float, k: int, many: int, gradient: bool) -> None:
        """A callout of the k-th of many ops: until the scene ends, if it is one of few or has room at its side.

        Else while it has its turn, if that can be read.
        """
        texts = self.unwritten(id, gradient)
        near = many > MOST_CALLOUTS and k < many - 1
        self.call_out(shot, id, texts, a, a + 0.15 * (b - a), NEAR if near else FARTHEST)
        if near and ("callout", id) not in self.parts.all and (b - a) * shot.seconds >= 2 * SHORTEST:
            self.call_out(shot, id, texts, a, a + 0.15 * (b - a), FARTHEST)
            self.parts.drop(shot, ("callout", id), b - 0.05 * (b - a), b)

    def _run_op(self, shot: Shot, id: str, a: float, b: float, last: bool, alone: bool) -> None:
        whole = self.facts.index
        sent = [edge for edge in whole.outgoing(id) if edge.id in whole.shares]
        here = [edge for edge in sent if edge.id in self.curves]
        if id in self.ops:
            ring = marks.ring(self.ops[id], self.look, self.boxes[id], self.colours.gradient)
            self.parts.add(shot, ("ring", id), ring, a, a + 0.12 * (b - a))
            self._gradient_appears(shot, id, a, a + 0.1 * (b - a))
        fast = (b - a) * shot.seconds < SHORTEST
        self.progress.sent.update(edge.id for edge in sent)
        held: list[theme.Zone] = [*self.called.values()]
        for edge in here:
            colour = self.colours.gradient
            self.parts.cut(shot, ("edge", edge.id), self.edge_part(edge.id, colour, theme.EDGE), a + 0.1 * (b - a))
            text = self.facts.share(edge.id)
            if text and self.seen and not fast and len(here) <= MOST_FLIGHTS:
                token = Token([text], self.colours, self.colours.gradient, self.hue(edge.receiver))
                start, stop = a + 0.12 * (b - a), a + 0.9 * (b - a)
                self._fly(shot, token, edge.id, start, stop, backward=True, held=held if alone else None)
            if not last:
                self.parts.cut(shot, ("edge", edge.id), self.edge_part(edge.id), b)
        for receiver in dict.fromkeys(self.links[edge.id].source for edge in here):
            if receiver in self.cards:
                self.parts.swap(shot, ("card", receiver), self.card_part(receiver), a + 0.88 * (b - a), b)
            elif self.is_complete(receiver):
                self._gradient_appears(shot, receiver, a + 0.88 * (b - a), b)
        if id in self.ops and not last:
            self.parts.drop(shot, ("ring", id), b - 0.05 * (b - a), b)

    # paths and sums

    def paths(self, shot: Shot, walks: Walks) -> None:
        """The rest dims; a number walks every path from the root to the leaf, and the product grows."""
        hue = self.hue(walks.leaf) or self.colours.ink
        self.parts.add(shot, ("veil", "paths"), marks.veil(self.colours, 0.68, self.veiled), 0.0, 0.1)
        shown = [path for path in walks.paths if all(hop.edge in self.curves for hop in path.hops)][:2]
        on_path: dict[str, dict[str, None]] = {}  # op -> its factors
        for k, path in enumerate(shown):
            for hop in path.hops:
                factors = on_path.setdefault(self.links[hop.edge].target, {})
                factors[hop.factor] = None
                if k and any(hop.edge == other.edge for other in shown[0].hops):
                    continue
                between = self.colours.background if k else ""
                way = line(self.curves[hop.edge], hue, theme.PATH, backward=True, between=between)
                self.parts.add(shot, ("walk", f"{k} {hop.edge}"), way, 0.06, 0.16)
        for id, factors in on_path.items():
            self.parts.add(shot, ("top", id), self.op_part(id, hue), 0.06, 0.16)
            if self.look.numbers and all(factors):
                self.parts.add(shot, ("factor", id), self.factor_part(id, list(factors), hue), 0.06, 0.16)
        if walks.leaf in self.cards:
            self.parts.add(shot, ("top", walks.leaf), self.card_part(walks.leaf, sum_up=True), 0.06, 0.16)
        for k, path in enumerate(shown):
            a, b = 0.16 + 0.6 * k / len(shown), 0.16 + 0.6 * (k + 1) / len(shown)
            self._walk(shot, path, a, b, hue)

    def _walk(self, shot: Shot, path: Walk, a: float, b: float, hue: str) -> None:
        token = Token([hop.product for hop in path.hops], self.colours, self.colours.gradient, hue)
        ways = [along(self.curves[hop.edge], backward=True) for hop in path.hops]
        solid = [box for id in self.boxes for box in self._shapes(id)]
        size = (token.wide, token.high)
        lift = max(shape_size(self.ops[id], self.look)[1] for id in self.ops) / 2 + token.high / 2 + 0.06
        # Where two ops stand close it rides above them.
        ways = [way + (0.0, lift if float(room(way, size, solid).max()) < ROOMY else 0.0) for way in ways]
        lengths = np.array([self.curves[hop.edge].length + 0.8 for hop in path.hops])
        ends = np.concatenate([[0.0], np.cumsum(lengths / lengths.sum())])

        def act(u: float) -> None:
            k = min(int(np.searchsorted(ends, u, side="right")) - 1, len(ways) - 1)
            t = min(1.0, max(0.0, (u - ends[k]) / (ends[k + 1] - ends[k])))
            places = ways[k]
            at = t * (len(places) - 1)
            x, y = (float(np.interp(at, np.arange(len(places)), places[:, i])) for i in (0, 1))
            token.pose(x, y, opacity=1.0 if 0 < u < 1 else 0.0, shown=k)

        act(0.0)
        shot.moving.append(token)
        shot.over(a, b, act, token, ease=_steady)

    @property
    def veiled(self) -> theme.Zone:
        """The part of the stage that dims: all that the graph may reach."""
        left, bottom, right, top = self.zone
        return left - 0.1, bottom - 0.06, right + 0.1, top + 0.06

    def sum_at(self, shot: Shot, leaf: str) -> None:
        """The shares that have come to a leaf stand beside each other, then their sum."""
        if leaf not in self.cards:
            return
        hue = self.hue(leaf) or self.colours.ink
        for edge in self.facts.index.arrivals.get(leaf, ()):
            if edge in self.curves and edge in self.progress.sent:
                way = line(self.curves[edge], hue, theme.EDGE + 1.4, backward=True, dashed=True)
                self.parts.add(shot, ("walk", edge), way, 0.05, 0.15)
        self.parts.swap(shot, ("card", leaf), self.card_part(leaf, sum_up=True), 0.1, 0.2)
        self.parts.swap(shot, ("card", leaf), self.card_part(leaf), 0.75, 0.85)

    def step(self, shot: Shot, moves: Sequence[LeafMove], start: float, stop: float) -> None:
        """The values of leaves change on their cards: the old one slides out, and the new one takes its place."""
        for move in moves:
            if move.accumulator in self.cards and move.accumulator in self.facts.leaves:
                key = ("card", move.accumulator)
                shown = start + 0.3 * (stop - start)
                self.parts.swap(shot, key, self.card_part(move.accumulator, moved=move.before_text), start, shown)
                part = self.card_part(move.accumulator, moved=move.after_text)
                self.parts.slide(shot, key, part, shown + 0.2 * (stop - start), stop)

    def sweep_forward(self, shot: Shot, start: float, stop: float) -> None:
        """The graph runs again: its lines light up from left to right."""
        order = [id for id in self.ops if id in self.progress.made]
        for k, id in enumerate(order):
            a = start + (stop - start) * k / len(order)
            b = start + (stop - start) * (k + 1) / len(order)
            ring = marks.ring(self.ops[id], self.look, self.boxes[id], self.colours.value)
            self.parts.add(shot, ("ring", id), ring, a, b)
            self.parts.drop(shot, ("ring", id), b, min(1.0, b + 0.08))


def box_of(box: Box) -> theme.Zone:
    """Left, bottom, right and top of a box."""
    return box.x - box.width / 2, box.y - box.height / 2, box.x + box.width / 2, box.y + box.height / 2


def same(one: Part, other: Part) -> bool:
    """Whether two parts look the same, when both are at rest."""
    if len(one.primitives) != len(other.primitives):
        return False
    return all(
        a.text == b.text
        and a.fill == b.fill
        and a.stroke == b.stroke
        and a.width == b.width
        and bool(a.dash) == bool(b.dash)
        and a.shape.points.shape == b.shape.points.shape
        and np.allclose(a.points, b.points, atol=1e-6)
        for a, b in zip(one.primitives, other.primitives, strict=True)
    )


def _resting(way: Flight, held: list[theme.Zone]) -> float:
    """The part of a way at which what flies stays: in its full size, near the middle, clear of what stays already."""
    steps = np.linspace(0, 1, len(way.scale))
    boxes = way.at(steps)
    free = np.ones(len(steps), dtype=bool)
    for left, bottom, right, top in held:
        apart = (boxes[:, 2] < left) | (boxes[:, 0] > right) | (boxes[:, 3] < bottom) | (boxes[:, 1] > top)
        free &= apart
    free[[0, -1]] = False
    size = np.where(free, way.scale, 0.0) if free.any() else way.scale
    good = size >= size.max() - 1e-9
    k = int(np.flatnonzero(good)[np.argmin(np.abs(steps[good] - HOLD))])
    left, bottom, right, top = (float(side) for side in boxes[k])
    held.append((left - 0.05, bottom - 0.05, right + 0.05, top + 0.05))
    return float(steps[k])


def _steady(u: float) -> float:
    return u


def _smooth(u: float) -> float:
    return u * u * (3 - 2 * u)
