"""The insets of a lesson, from the record: curves, bars, matrices, the skyline, paths."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grad_engine.errors import FormulaError
from grad_engine.formula import Tree, number, text
from grad_engine.formula.evaluate import evaluate
from grad_engine.record import EdgeRecord
from grad_engine.record.parts import CurveRecord, PathRecord, SpotRecord
from grad_engine.story.insets import (
    CheckBars,
    Hop,
    LeafMove,
    Lens,
    LensPoint,
    RowColumn,
    ShareBar,
    ShareBars,
    Sheet,
    SkyBar,
    Skyline,
    StepBars,
    Walk,
    Walks,
)
from grad_engine.story.lesson_facts import LessonFacts
from grad_engine.story.names import bar
from grad_engine.story.spelling import figure
from grad_engine.story.units import Unit, noun_of
from grad_engine.story.values import Values

Flags = NDArray[np.bool_]

MOST_ROWS, MOST_COLUMNS = 5, 8  # of a matrix that is drawn
MOST_MOVES = 4  # leaves whose numbers a step tells
MOST_BARS = 64  # of the skyline
LEVEL = 1e-9  # slope, beside the steepest of a curve, that counts as 0
DECADES = 6.0  # of sizes that the skyline shows at most
LEAST_DECADES = 1.0  # and at least, so that sizes that are nearly equal look so


@dataclass(frozen=True, slots=True)
class Gate:
    """An op whose curve has slope 0 on one side and 1 on the other: what it did with the gradient."""

    open: tuple[float, float] | None  # gradient and slope at an entry that it passed on
    closed: tuple[float, float] | None
    open_at: float | None  # where on the curve these entries are
    closed_at: float | None
    open_entry: tuple[int, ...]  # which entries these are
    closed_entry: tuple[int, ...]
    border: float | None  # between the two sides, where the curve says it
    above: bool  # whether it is open above the border
    shut: int  # entries that passed nothing on
    size: int


class Insets:
    """The insets of the scenes of one record."""

    def __init__(self, facts: LessonFacts, units: Sequence[Unit]) -> None:
        self.facts = facts
        self.units = units
        self.index = facts.index
        self._gates: dict[str, Gate | None] = {}

    # the slope lens

    def curve_of(self, op: str) -> CurveRecord | None:
        """The curve of an op, with the same arguments."""
        node = self.index.nodes[op]
        explain = self.facts.explain
        same = [
            curve
            for curve in (explain.curves if explain is not None else ())
            if curve.op == node.op and (curve.attributes or {}) == (node.attributes or {})
        ]
        mine = self.constants(op)
        return next((curve for curve in same if self.constants(curve.node) == mine), None)

    def constants(self, op: str) -> list[tuple[str, float | None]]:
        """The constant operands of an op, which its curve depends on."""
        node = self.index.nodes.get(op)
        operands = node.inputs if node is not None else ()
        return [(each.parameter, self.facts.number_at(each.tensor, ())) for each in operands if each.edge is None]

    def lens(self, op: str) -> Lens | None:
        """The curve of an op with the point that is told of; None where the record has no curve."""
        facts, curve = self.facts, self.curve_of(op)
        if curve is None:
            return None
        edge = next(iter(self.index.outgoing(op)), None)
        if edge is None:
            return None
        points = []
        point = self.point(edge)
        if point is not None and self.on_curve(curve, point):
            points.append(point)
        gate = self.gate(op)
        if gate is not None:
            for at, slope in ((gate.open_at, gate.open), (gate.closed_at, gate.closed)):
                if at is not None and slope is not None and not any(p.slope == slope[1] for p in points):
                    value = at if slope[1] else self.level(curve)
                    points.append(LensPoint(at, value, slope[1], f"slope {facts.spelling.text(slope[1])}"))
        off = self.off(curve)
        word = ""
        if off:
            side = self.side(curve, off)
            word = f"no value {side}" if side else "no value here"
        return Lens(facts.sign(op), (curve.x[0], curve.x[1]), curve.y, tuple(points), off, word)

    def point(self, edge: EdgeRecord) -> LensPoint | None:
        """The point on the curve at the entry that is told of."""
        facts = self.facts
        step, value = facts.steps.get(edge.id), facts.value_of(edge.sender)
        if step is not None:
            if step.value is None:
                return None
            x, slope = step.value, step.slope
        else:
            read, g, share = (
                facts.number_at(self.index.target(edge.id), facts.entry_of(edge.sender)),
                facts.gradient_of(edge.sender),
                facts.share_of(edge.id),
            )
            if read is None or g is None or share is None or not g:
                return None
            x, slope = read, share / g
        if value is None or not all(map(math.isfinite, (x, slope, value))):
            return None
        return LensPoint(x, value, slope, f"slope {facts.spelling.text(slope)}")

    def on_curve(self, curve: CurveRecord, point: LensPoint) -> bool:
        """Whether a point lies where the curve is drawn."""
        return curve.x[0] <= point.x <= curve.x[1]

    def level(self, curve: CurveRecord) -> float:
        """The height of the flat part of a gate's curve."""
        known = [y for y in curve.y if y is not None]
        return min(known, key=abs) if known else 0.0

    def off(self, curve: CurveRecord) -> tuple[tuple[float, float], ...]:
        """The stretches in which the op has no value."""
        step = (curve.x[1] - curve.x[0]) / (len(curve.y) - 1)
        found: list[tuple[float, float]] = []
        start: float | None = None
        for k, y in enumerate((*curve.y, 0.0)):
            if y is None and start is None:
                start = curve.x[0] + step * k
            elif y is not None and start is not None:
                stop = min(curve.x[0] + step * k, curve.x[1])
                # The border lies between two of the points; 0 is where it is for logarithms and roots.
                stop = 0.0 if stop - step <= 0.0 <= stop else stop
                found.append((start, stop))
                start = None
        return tuple(each for each in found if each[1] > each[0])

    def side(self, curve: CurveRecord, off: Sequence[tuple[float, float]]) -> str:
        """On which side of 0 an op has no value; "" where the border is not known to be 0."""
        if len(off) == 1 and off[0][0] == curve.x[0] and off[0][1] == 0.0:
            return "left of 0"
        return ""

    def gate(self, op: str) -> Gate | None:
        """What an op did whose curve is flat on one side and has slope 1 on the other; None for others."""
        if op not in self._gates:
            self._gates[op] = self._gate(op)
        return self._gates[op]

    def _gate(self, op: str) -> Gate | None:
        curve, facts = self.curve_of(op), self.facts
        edge = next(iter(self.index.outgoing(op)), None)
        if curve is None or edge is None or edge.id not in self.index.shares or any(y is None for y in curve.y):
            return None
        y = np.array([each for each in curve.y if each is not None])
        step = (curve.x[1] - curve.x[0]) / (len(y) - 1)
        slopes = np.diff(y) / step
        flat, steep = np.abs(slopes) <= LEVEL, np.abs(slopes - 1) <= 1e-6
        if not flat.any() or not steep.any() or (~(flat | steep)).sum() > 1:
            return None
        g = self.index.gradient_tensor(op)
        sent = facts.whole_array(self.index.shares[edge.id])
        came = facts.whole_array(g.id) if g is not None else None
        read = facts.whole_array(self.index.target(edge.id))
        if (
            sent is None
            or came is None
            or read is None
            or not (sent.shape == came.shape == read.shape)
            or not sent.size
        ):
            return None
        passed = (sent == came) & (came != 0)
        shut = (sent == 0) & (came != 0)
        if not ((sent == came) | (sent == 0)).all():
            return None

        def largest(where: Values) -> tuple[int, ...] | None:
            if not where.any():
                return None
            entry = facts.entry_of(op)
            if entry is not None and len(entry) == where.ndim and where[entry]:
                return entry
            k = int(np.argmax(np.where(where, np.abs(came), -1.0)))
            return tuple(map(int, np.unravel_index(k, where.shape)))

        one, other = largest(passed), largest(shut)
        if one is None and other is None:
            return None
        closed = int(((sent == 0) & (read <= 0)).sum())
        return Gate(
            None if one is None else (float(came[one]), 1.0),
            None if other is None else (float(came[other]), 0.0),
            None if one is None else float(read[one]),
            None if other is None else float(read[other]),
            one or (),
            other or (),
            self.border(curve, y, flat, steep),
            bool(steep[-1]),
            closed,
            int(sent.size),
        )

    def border(self, curve: CurveRecord, y: Values, flat: Flags, steep: Flags) -> float | None:
        """Where the flat side of a gate's curve meets the other one; None if they do not meet between the two."""
        k = int(np.argmax(np.diff(flat.astype(int)) != 0))
        x = np.linspace(curve.x[0], curve.x[1], len(y))
        flat_y, shift = y[:-1][flat][0], (y - x)[:-1][steep][0]
        met = float(flat_y - shift)
        met = 0.0 if abs(met) <= LEVEL * (curve.x[1] - curve.x[0]) else met
        return met if x[k] - LEVEL <= met <= x[min(k + 3, len(x) - 1)] + LEVEL else None

    # check, step

    def check(self, verdict: str) -> CheckBars | None:
        """Two bars: measured and gradient."""
        probe = self.facts.probe
        if probe is None or probe.below is not None:
            return None
        digits = self.facts.spelling.digits(probe.gradient)
        texts = figure(probe.ratio, digits), self.facts.spelling.text(probe.gradient)
        seen = probe.agrees and bool(probe.ratio or texts[1] == "0")
        return CheckBars(probe.ratio, probe.gradient, *texts, verdict, seen)

    def step(self) -> StepBars | None:
        """The result before and after a step, and how leaves moved."""
        explain, facts = self.facts.explain, self.facts
        step = explain.step if explain is not None else None
        if step is None:
            return None
        moves: list[LeafMove] = []
        for id in facts.leaf_ids:
            mine = facts.followed is not None and id == facts.followed.accumulator
            entry = facts.followed.index if mine and facts.followed is not None else ()
            tensor, passed = self.index.leaf(id), self.index.passed.get(id)
            before = facts.number_at(tensor.id, entry)
            g = facts.number_at(passed, entry) if passed is not None else None
            if before is None or g is None or len(moves) == MOST_MOVES:
                continue
            after = before - step.rate * g
            name = facts.entry_text(tensor.id, entry)
            moves.append(LeafMove(id, name, before, after, figure(before), figure(after)))
        return StepBars(
            tuple(moves), step.before, step.after, step.predicted,
            figure(step.before), figure(step.after), figure(step.predicted),
        )  # fmt: skip

    # row times column

    def tones(self, edge: str) -> tuple[str, str]:
        """The tones of the two factors of a product: which of them is the gradient."""
        tree = self.product(edge)
        if tree is None:
            return "gradient", "value"
        return ("gradient" if _reads_g(tree[1]) else "value", "gradient" if _reads_g(tree[2]) else "value")

    def summed_over(self, edge: str) -> str:
        """What a product of matrices adds up for one entry: rows or columns of the gradient that reached it."""
        tree = self.product(edge)
        if tree is None:
            return "rows"
        first = _reads_g(tree[1])
        factor = tree[1 if first else 2]
        turned = isinstance(factor, list | tuple)  # gᵀ, whose columns are rows of g
        return "columns" if first != turned else "rows"

    def product(self, edge: str) -> Tree | None:
        """The rule of an edge, if it is a product of matrices."""
        rule = self.index.rules.get(edge)
        tree = rule.tree if rule is not None else None
        return tree if isinstance(tree, list | tuple) and len(tree) == 3 and tree[0] == "@" else None

    def row_column(self, spot: SpotRecord) -> RowColumn | None:
        """The two matrices of a product and the result; None where the record does not hold them."""
        facts, edge = self.facts, self.index.edges[spot.edge]
        node, tree = self.index.nodes[edge.sender], self.product(spot.edge)
        share = facts.whole_array(self.index.shares[spot.edge])
        if tree is None or len(spot.index) < 2:
            return None
        tensors = {operand.parameter: operand.tensor for operand in node.inputs} | {"out": node.outputs[0]}
        names = {parameter: facts.name(tensor) for parameter, tensor in tensors.items()} | {"g": facts.g}
        if (g := self.index.gradient_tensor(node.id)) is not None:
            tensors["g"] = g.id
        known = {name: found for name, id in tensors.items() if (found := facts.whole_array(id)) is not None}
        titles = [self.page_of(text(part, names), part, tensors, spot) for part in tree[1:]]
        if share is None or not _letters(tree) & tensors.keys() <= known.keys():
            return self.row_alone(spot, tree, titles, tensors)
        try:
            left, right = (np.asarray(evaluate(part, known), dtype=np.float64) for part in tree[1:])
        except (FormulaError, TypeError, ValueError):
            return None
        *page, row, column = spot.index
        at = tuple(page)
        left, right, share = (each[at] if each.ndim > 2 else each for each in (left, right, share))
        if left.ndim != 2 or right.ndim != 2 or left.shape[1] != right.shape[0]:
            return None
        if row >= left.shape[0] or column >= right.shape[1]:
            return None
        write, target = facts.spelling.text, self.index.target(spot.edge)
        tones = self.tones(spot.edge)
        hues = [self.leaf_of(part, tensors) for part in tree[1:]]
        # Of large matrices the rows and columns about the followed ones are drawn, and the largest products.
        inner = _largest(np.abs(left[row] * right[:, column]), MOST_ROWS)
        rows, columns = _about(row, left.shape[0], MOST_ROWS), _about(column, right.shape[1], MOST_COLUMNS)
        cut = len(inner) < left.shape[1]
        here, there = rows.index(row), columns.index(column)
        last = len(inner) - 1 + cut
        first = _sheet(titles[0], tones[0], _part(left, rows, inner, right=cut),
                       [*((here, k, write(float(left[row, at]))) for k, at in enumerate(inner)),
                        *([(here, last, "…")] if cut else [])], (here, here, 0, last), hues[0])  # fmt: skip
        second = _sheet(titles[1], tones[1], _part(right, inner, columns, below=cut),
                        [*((k, there, write(float(right[at, column]))) for k, at in enumerate(inner)),
                         *([(last, there, "…")] if cut else [])], (0, last, there, there), hues[1])  # fmt: skip
        leaf = self.index.accumulator_of.get(target, "")
        title = self.title_of(spot)
        result = _sheet(title, "gradient", _part(share, rows, columns), [(here, there, write(spot.total))],
                        (here, here, there, there), leaf)  # fmt: skip
        return RowColumn(first, second, result, row, column)

    def title_of(self, spot: SpotRecord) -> str:
        """What a share is called: the gradient of a named tensor that gets no other, else by what it is sent to."""
        target, edge = self.index.target(spot.edge), self.index.edges[spot.edge]
        if not self.index.tensors[target].name and target not in self.index.accumulator_of:
            return f"to {self.facts.called(edge.receiver, near=edge.sender)}"
        alone = len(self.index.arrivals.get(edge.receiver, ())) < 2 and edge.receiver not in self.facts.elsewhere
        name = bar(self.facts.name(target)) if alone else f"to {self.facts.name(target)}"
        return name + _slice(spot.index[:-2])

    def page_of(self, title: str, part: Tree, tensors: Mapping[str, str], spot: SpotRecord) -> str:
        """A factor with the page of it that is drawn, where it has more than two axes: `x[0, :, :]`."""
        axes = max(
            (len(self.index.tensors[tensors[name]].shape) for name in _letters(part) if name in tensors), default=0
        )
        return title + (_slice(spot.index[:-2]) if axes > 2 else "")

    def row_alone(self, spot: SpotRecord, tree: Tree, titles: Sequence[str], tensors: Mapping[str, str]) -> RowColumn:
        """One row, one column and one entry of matrices of which the record holds no more."""
        write, tones = self.facts.spelling.text, self.tones(spot.edge)
        target = self.index.target(spot.edge)
        many, more = len(spot.terms), bool(spot.rest)
        texts = [[*(write(term[side]) for term in spot.terms), *(["…"] if more else [])] for side in (0, 1)]
        last = many - 1 + more
        hues = [self.leaf_of(part, tensors) for part in tree[1:]]
        blank = np.zeros((1, last + 1))
        first = _sheet(titles[0], tones[0], blank, [(0, k, one) for k, one in enumerate(texts[0])],
                       (0, 0, 0, last), hues[0])  # fmt: skip
        second = _sheet(titles[1], tones[1], blank.T, [(k, 0, one) for k, one in enumerate(texts[1])],
                        (0, last, 0, 0), hues[1])  # fmt: skip
        leaf = self.index.accumulator_of.get(target, "")
        title = self.title_of(spot)
        result = _sheet(title, "gradient", np.zeros((1, 1)), [(0, 0, write(spot.total))], (0, 0, 0, 0), leaf)
        return RowColumn(first, second, result, *spot.index[-2:])

    def leaf_of(self, tree: Tree, tensors: Mapping[str, str]) -> str:
        """The accumulator of the leaf that a factor is, maybe transposed; "" where it is another tensor."""
        if isinstance(tree, list | tuple) and len(tree) == 2 and tree[0] == "T":
            tree = tree[1]
        return self.index.accumulator_of.get(tensors.get(tree, ""), "") if isinstance(tree, str) else ""

    # skyline, shares, paths

    def skyline(self) -> Skyline | None:
        """The sizes of the gradient at all ops in the order of backward; of many ops at the units or stretches."""
        turns = [turn.node for turn in self.index.turns]
        if len(turns) < 2:
            return None
        groups: list[tuple[str, ...]] = [(op,) for op in turns]
        if len(groups) > MOST_BARS:
            many = -(-len(turns) // MOST_BARS)
            groups = [tuple(turns[k : k + many]) for k in range(0, len(turns), many)]
        ends = {unit.ops[-1]: unit for unit in self.units if unit.kind >= 0}
        # Of several ops the first counts, or the result of a unit.
        sizes = [self.facts.norm(next((op for op in some if op in ends), some[0])) for some in groups]
        finite = [math.log10(size) for size in sizes if size is not None and size > 0]
        if not finite:
            return None
        top = max(finite)
        low = min(max(min(finite), top - DECADES), top - LEAST_DECADES)
        span = top - low
        bars, marked = [], []
        for k, (ops, size) in enumerate(zip(groups, sizes, strict=True)):
            height = 0.0 if not size else 0.12 + 0.88 * min(max((math.log10(size) - low) / span, 0.0), 1.0)
            unit = next((ends[op] for op in ops if op in ends), None)
            if unit is not None and size:
                marked.append(k)
            bars.append(
                SkyBar(
                    ops, size, 1.0 if size is None else height, unit.label if unit is not None else "",
                    "" if size is None else number(size, 3),
                )
            )  # fmt: skip
        where = "each op" if len(turns) <= MOST_BARS else f"every {len(groups[0])}th op"
        return Skyline(tuple(bars), tuple(marked), f"size of the gradient at {where}, log scale", low, top)

    def shares(self) -> ShareBars | None:
        """The shares that are summed at the followed number."""
        facts = self.facts
        if facts.followed is None:
            return None
        id = facts.followed.accumulator
        edges = self.index.arrivals.get(id, ())
        found = [(edge, facts.share_of(edge)) for edge in edges]
        total = facts.number_at(self.index.passed[id], facts.followed.index) if id in self.index.passed else None
        if total is None or len(found) < 2 or any(share is None for _, share in found):
            return None
        labels = {op: unit.label for unit in self.units if unit.kind >= 0 for op in unit.ops}
        return ShareBars(
            id,
            facts.followed.text,
            tuple(
                ShareBar(
                    edge, labels.get(self.index.edges[edge].sender, ""), share or 0.0, facts.spelling.text(share or 0.0)
                )
                for edge, share in found
            ),
            facts.spelling.text(total),
            noun_of(unit) if (unit := self.unit_of(edges[0])) is not None else "use",
        )

    def unit_of(self, edge: str) -> Unit | None:
        """The one of equal units that sends a share."""
        sender = self.index.edges[edge].sender
        return next((unit for unit in self.units if unit.kind >= 0 and sender in unit.ops), None)

    def walks(self, exact: bool, some: Sequence[PathRecord] | None = None) -> Walks | None:
        """The paths of the followed number, or some of them."""
        facts = self.facts
        if facts.followed is None or not facts.paths_found:
            return None
        write = facts.spelling.text
        paths = tuple(
            Walk(
                tuple(Hop(step.edge, write(step.slope), write(step.product)) for step in path.steps),
                write(path.steps[-1].product),
            )
            for path in (facts.paths_found if some is None else some)
        )
        return Walks(facts.followed.accumulator, paths, write(facts.total) if exact and facts.total is not None else "")


def _letters(tree: Tree) -> set[str]:
    return {tree} if isinstance(tree, str) else set().union(*map(_letters, tree[1:])) if tree else set()


def _reads_g(tree: Tree) -> bool:
    return tree == "g" or (isinstance(tree, list | tuple) and any(map(_reads_g, tree[1:])))


def _slice(page: Sequence[int]) -> str:
    """A page of a tensor of more than two axes: `[0, :, :]`; nothing for a matrix."""
    return f"[{', '.join(map(str, page))}, :, :]" if page else ""


def _largest(sizes: Values, most: int) -> list[int]:
    """The places of the largest of some sizes, in their order."""
    found = sorted(range(len(sizes)), key=lambda k: -float(sizes[k]))[:most]
    return sorted(found)


def _about(place: int, many: int, most: int) -> list[int]:
    """At most `most` neighbours of a place among so many, with it."""
    start = min(max(0, place - most // 2), max(0, many - most))
    return list(range(start, min(start + most, many)))


def _part(
    array: Values, rows: Sequence[int], columns: Sequence[int], right: bool = False, below: bool = False
) -> Values:
    """Some rows and columns of a matrix, with a column or a row of nothing where it goes on."""
    return np.pad(array[np.ix_(rows, columns)], ((0, int(below)), (0, int(right))))


def _sheet(
    name: str,
    tone: str,
    array: Values,
    numbers: Sequence[tuple[int, int, str]],
    framed: tuple[int, int, int, int],
    leaf: str = "",
) -> Sheet:
    size = np.abs(np.where(np.isfinite(array), array, 0.0))
    most = float(size.max(initial=0.0)) or 1.0
    return Sheet(
        name, tone, leaf, array.shape[0], array.shape[1], tuple((size / most).ravel().tolist()), tuple(numbers), framed
    )
