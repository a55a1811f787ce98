"""A graph of which every op can be seen and read, and how each beat changes it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from grad_engine.story.beats import Gather, Numbers, Outlook, Run, Seed, Sent, Turn
from grad_engine.story.forward import TOGETHER
from grad_engine.story.values import (
    Cells,
    cells,
    cells_of,
    nonfinite_word,
    number_text,
    number_texts,
    shape_text,
)

from .. import theme
from ..render.primitives import Part, Primitive
from .base import TITLES
from .building import Building, pose, steady
from .card import Arrivals, Figure
from .edge import dashes, edge, stretch, under_tip
from .flight import STEPS, Flight, flight, timed
from .frame import pointer, veil
from .motion import Shot
from .moving_value import MovingValue
from .sum_row import sum_parts
from .tape import TAPE_LABELS, chip, tape_label

FLYING = 1.4  # how large a summand's picture is on its way to the panel and back


class GraphPicture(Building):
    """A graph of which every op can be seen and read."""

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
        """Draws the edges of shares one after the other, then updates all receivers at once."""
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
        """Adds a share to the card of a leaf."""
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
        """Shows how the shares that arrived become their sum."""
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


def _between(a: tuple[float, float], b: tuple[float, float], u: float) -> tuple[float, float]:
    return a[0] + (b[0] - a[0]) * u, a[1] + (b[1] - a[1]) * u
