"""The forward pass in motion: leaves and ops appear, values run along links into the ops."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from manim.utils.rate_functions import smooth

from grad_engine.story.backward import SHARES
from grad_engine.story.beats import Build, Flow
from grad_engine.story.forward import TOGETHER
from grad_engine.story.values import (
    Cells,
    cells,
    cells_of,
    number_text,
)

from .. import theme
from ..render.primitives import Part, Primitive
from .base import TITLES
from .card import Arrivals
from .edge import edge, stretch, under_tip
from .flight import Flight, timed
from .motion import Shot
from .moving_value import MovingValue
from .placed import PlacedGraph
from .tape import TAPE_LABELS, chip, tape_label


class Building(PlacedGraph):
    """A graph that is built op by op."""

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


def pose(moving: MovingValue, place: tuple[float, float], turned: float, size: float) -> None:
    """Puts a moving value at a place, at a size that fits there; nearly without room it fades out."""
    moving.pose(*place, turned, min(1.0, 4 * size), size)
    if isinstance(moving.first, Cells):  # words beside a picture fade out before they become too small to read
        legible = float(np.clip(5 * size * moving.size_of_type / theme.SMALLEST - 4, 0, 1))
        for text in moving.texts:
            text.fade_to(text.opacity * legible)


def steady(u: float) -> float:
    """A motion that begins and ends gently, and keeps its pace between."""
    return 0.5 * u + 0.5 * smooth(u)


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
