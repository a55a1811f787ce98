"""The paths along which a gradient reaches one entry of a leaf, slope by slope; and curves and products on the way."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from math import isfinite
from typing import Any

import numpy as np

from grad_engine.core.broadcasting import fitted
from grad_engine.core.node import GradAccum, Node
from grad_engine.errors import FormulaError
from grad_engine.export.op_functions import op_functions
from grad_engine.export.rerun import Array, Place, RecordedRun, forward, place_of, results
from grad_engine.formula import Tree
from grad_engine.formula.evaluate import evaluate
from grad_engine.record.parts import CurveRecord, PathRecord, PathStepRecord, SpotRecord

MOST_PATHS = 6
LONGEST_PATH = 64  # steps
POINTS = 33  # of a curve
MOST_SPOTS = 32  # in graphs of up to SMALL ops
SMALL = 24
FEW_SPOTS = 8  # in larger ones, those on the paths first
MOST_TERMS = 6  # products of a spot that are told one by one
TRIED = 1e-3  # by how much an entry is changed to see which results depend on it most

Index = tuple[int, ...]
Hop = tuple[Node, int, int, Index, Index]  # sender, slot, output, entry of the result, entry of the operand


def paths_to(run: RecordedRun, leaf: GradAccum, index: Index, proved: bool) -> tuple[PathRecord, ...]:
    """For each share of the entry of a leaf the path by which most of it came, from the root on, in order of arrival.

    Of more than MOST_PATHS shares the largest. At each op the path takes the entry of the result that contributed most;
    its slope is what the op's own rule gives for a gradient of 1 there, so the product along the path is exact.

    proved: whether the values are known to be those that the run saw. Else every rule is run again on the path, and one
    that does not give the share that was sent (a value was changed in place since) ends it.
    """
    arrived = [(node, slot) for node, slot in run.readers.get(place_of(leaf), ()) if _sent(run, node, slot)]
    size = {(n.sequence_nr, slot): abs(float(run.shares[n.sequence_nr, slot][index])) for n, slot in arrived}
    largest = sorted(arrived, key=lambda each: -size[each[0].sequence_nr, each[1]])[:MOST_PATHS]
    order = {key: k for k, key in enumerate(run.shares)}
    largest.sort(key=lambda each: order[each[0].sequence_nr, each[1]])
    known: dict[tuple[Place, Index], Hop | None] = {}
    found = (_path(run, _hop(run, node, slot, index), known, proved) for node, slot in largest)
    return tuple(path for path in found if path is not None)


def _sent(run: RecordedRun, node: Node, slot: int) -> bool:
    return (node.sequence_nr, slot) in run.shares


def _path(
    run: RecordedRun, first: Hop | None, known: dict[tuple[Place, Index], Hop | None], proved: bool
) -> PathRecord | None:
    """The path whose last hop, to the leaf, is `first`; None where it is too long or not finite."""
    hops: list[Hop] = []
    hop = first
    while hop is not None and len(hops) < LONGEST_PATH:
        hops.append(hop)
        node, _, output, entry, _ = hop
        place = (node.sequence_nr, output)
        if place == place_of(run.root):
            return _told(run, hops[::-1]) if proved or all(_stands(run, *hop) for hop in hops) else None
        if (place, entry) not in known:
            senders = [each for each in run.readers.get(place, ()) if _sent(run, *each)]
            best = max(senders, key=lambda each: _size(run.shares[each[0].sequence_nr, each[1]][entry]), default=None)
            known[place, entry] = None if best is None else _hop(run, *best, entry)
        hop = known[place, entry]
    return None


def _hop(run: RecordedRun, node: Node, slot: int, index: Index) -> Hop | None:
    """The step from a node to an entry of its operand, from the entry of its result that contributes most to it."""
    outs = results(node)
    gradients = [run.gradients.get((node.sequence_nr, k)) for k in range(len(outs))]
    if len(outs) == 1 and outs[0].size == 1:
        return node, slot, 0, (0,) * outs[0].ndim, index
    if len(outs) == 1 and node.op.elementwise and outs[0].shape == node.arrays[slot].shape:
        return node, slot, 0, index, index
    nudged = np.array(node.arrays[slot])
    nudged[index] += TRIED * max(1.0, abs(float(nudged[index])))
    try:
        after = forward(node, (*node.arrays[:slot], nudged, *node.arrays[slot + 1 :]))
    except Exception:  # outside the domain of the op: then there is no path to show
        return None
    best: tuple[float, int, Index] | None = None
    with np.errstate(all="ignore"):
        for k, (before, now, g) in enumerate(zip(outs, after, gradients, strict=True)):
            if g is None or before.dtype.kind != "f" or now.shape != before.shape:
                continue
            part = np.abs((now - before) * g)
            part = np.where(np.isfinite(part), part, -1.0)
            at = np.unravel_index(int(np.argmax(part)), part.shape) if part.size else ()
            if part.size and (best is None or part[at] > best[0]):
                best = float(part[at]), k, tuple(map(int, at))
    return None if best is None else (node, slot, best[1], best[2], index)


def _told(run: RecordedRun, hops: list[Hop]) -> PathRecord | None:
    """The hops with their numbers; None where one is not finite."""
    product = float(run.run.seed[hops[0][3]])
    steps = []
    for node, slot, output, entry, index in hops:
        slope = slope_of(node, slot, output, entry, index)
        gradient = run.gradients.get((node.sequence_nr, output))
        if slope is None or gradient is None:
            return None
        product *= slope
        value, g = float(node.arrays[slot][index]), float(gradient[entry])
        if not all(map(isfinite, (slope, product, value, g))):
            return None
        edge = run.operands[node.sequence_nr, slot].edge
        assert edge is not None
        steps.append(PathStepRecord(edge, entry, index, slope, value, g, product))
    return PathRecord(tuple(steps))


def _stands(run: RecordedRun, node: Node, slot: int, output: int, entry: Index, index: Index) -> bool:
    """Whether the rule of a node still gives the share that it sent to an entry."""
    gs = tuple(run.gradients.get((node.sequence_nr, k)) for k in range(len(results(node))))
    with np.errstate(all="ignore"):
        for place, _, share, array in node.shares(gs if node.op.multi_output else gs[0], None):
            if place == slot:
                again = float(np.asarray(fitted(share, array))[index])
                return bool(np.isclose(again, float(run.shares[node.sequence_nr, slot][index]), rtol=1e-5, atol=0.0))
    return False


def slope_of(node: Node, slot: int, output: int, entry: Index, index: Index) -> float | None:
    """The slope of one entry of a result in one entry of an operand, by the op's own rule; None where it has none."""
    outs = results(node)
    gs = [np.zeros_like(out) for out in outs]
    gs[output][entry] = 1
    with np.errstate(all="ignore"):
        for place, _, share, array in node.shares(tuple(gs) if node.op.multi_output else gs[0], None):
            if place == slot:
                return float(np.asarray(fitted(share, array))[index])
    return None


def _size(share: Any) -> float:
    """How large a share is; one that is not finite counts as none."""
    size = abs(float(share))
    return size if isfinite(size) else -1.0


def curves(run: RecordedRun) -> tuple[CurveRecord, ...]:
    """The curve of every op of one operand, over the numbers that its calls read, 0, and a quarter more."""
    calls: dict[Hashable, list[tuple[Node, int]]] = {}
    for node in run.walk:
        if len(places := run.places[node.sequence_nr]) != 1 or node.op.multi_output:
            continue
        slot, arrays = places[0][0], node.arrays
        if arrays[slot].shape != node.out.shape:
            continue
        others = [each for k, each in enumerate(arrays) if k != slot and each is not None]
        if all(np.ndim(other) == 0 for other in others):
            static = node.rest[: len(node.op.static)]
            key = node.op.name, slot, tuple(map(float, others)), repr(static) if static else ""
            calls.setdefault(key, []).append((node, slot))
    found = (_curve(run, some) for some in calls.values())
    return tuple(curve for curve in found if curve is not None)


def _curve(run: RecordedRun, calls: list[tuple[Node, int]]) -> CurveRecord | None:
    node, slot = calls[0]
    read = np.concatenate([call.arrays[k].ravel() for call, k in calls])
    read = read[np.isfinite(read)]
    low, high = min(0.0, float(read.min(initial=0.0))), max(0.0, float(read.max(initial=0.0)))
    margin = (high - low) / 4 or 1.0
    points = np.linspace(low - margin, high + margin, POINTS)
    if not np.isfinite(points).all():
        return None
    operand = points.astype(node.arrays[slot].dtype)
    before, after = node.arrays[:slot], node.arrays[slot + 1 :]
    try:
        (y,) = forward(node, (*before, operand, *after))
        (some,) = forward(node, (*before, operand[::-2], *after))
    except Exception:  # an argument that fits the shape of the call alone: then there is no curve
        return None
    if y.shape != (POINTS,) or not np.allclose(some, y[::-2], equal_nan=True) or is_straight(y):
        return None  # a number of the result must depend on its own number of the operand alone
    record = run.records[node.sequence_nr]
    numbers = tuple(float(each) if isfinite(each) else None for each in y)
    return CurveRecord(record.op, record.id, record.attributes or {}, (float(points[0]), float(points[-1])), numbers)


def is_straight(y: Array) -> bool:
    """Whether a curve is a line, which needs no picture."""
    with np.errstate(all="ignore"):
        bends = np.abs(np.diff(y.astype(np.float64), 2))
    return bool((bends <= 1e-6 * np.ptp(y)).all()) if np.isfinite(y).all() else False


def spots(run: RecordedRun, paths: tuple[PathRecord, ...]) -> tuple[SpotRecord, ...]:
    """One entry of every share that is a product of two matrices: on a path its entry, else the largest finite one."""
    followed = {step.edge: step.to for path in reversed(paths) for step in path.steps}
    most = MOST_SPOTS if len(run.walk) <= SMALL else FEW_SPOTS
    found: list[SpotRecord] = []
    for on_path in (True, False):
        for node, slot, tree, edge in _products(run):
            if len(found) < most and (edge in followed) == on_path:
                spot = _spot(run, node, slot, tree, edge, followed.get(edge))
                found += [] if spot is None else [spot]
    return tuple(found)


def _products(run: RecordedRun) -> Iterator[tuple[Node, int, Tree, str]]:
    """The shares that are products of two matrices, newest first: node, slot, formula, edge."""
    products: dict[int, dict[int, Tree]] = {}  # id of a formula, which many nodes share -> slot -> its product
    for node in reversed(run.walk):
        if (formula := run.records[node.sequence_nr].formula) is None:
            continue
        if (trees := products.get(id(formula))) is None:
            trees = products[id(formula)] = {
                rule.slot: rule.tree
                for rule in formula.vjp
                if isinstance(rule.tree, list | tuple) and rule.tree[0] == "@"
            }
        for slot, _ in run.places[node.sequence_nr] if trees else ():
            operand = run.operands[node.sequence_nr, slot]
            if operand.slot in trees and operand.edge is not None and _sent(run, node, slot):
                yield node, slot, trees[operand.slot], operand.edge


def _spot(run: RecordedRun, node: Node, slot: int, tree: Tree, edge: str, index: Index | None) -> SpotRecord | None:
    values = dict(zip(node.op.parameters(len(node.arrays)), node.arrays, strict=True))
    values |= {"out": node.out, "g": run.gradients[node.sequence_nr, 0]}
    return spot_of(edge, tree, values, run.shares[node.sequence_nr, slot], index)


def spot_of(edge: str, tree: Tree, values: Mapping[str, Any], share: Array, index: Index | None) -> SpotRecord | None:
    """One entry of a share that is a product of two matrices: that at `index`, else the largest; None for others."""
    if not share.size or not isinstance(tree, list | tuple) or len(tree) != 3 or tree[0] != "@":
        return None
    try:
        first, second = (np.asarray(evaluate(part, values, op_functions())) for part in tree[1:])
    except FormulaError:
        return None
    if first.ndim < 2 or second.ndim < 2 or (*first.shape[:-1], second.shape[-1]) != share.shape:
        return None
    if second.shape[:-2] not in ((), first.shape[:-2]):
        return None
    if index is None:
        sizes = np.where(np.isfinite(share), np.abs(share), -1.0)
        index = tuple(map(int, np.unravel_index(int(np.argmax(sizes)), sizes.shape)))
    *lead, row, column = index
    page = tuple(lead)
    rows = first[page][row].astype(np.float64)
    columns = second[page if second.ndim > 2 else ()][:, column]
    products = rows * columns
    total = float(products.sum())
    if not isfinite(total) or not np.isclose(total, float(share[index]), rtol=1e-3, atol=1e-12):
        return None
    largest = sorted(range(len(products)), key=lambda k: (-abs(float(products[k])), k))[:MOST_TERMS]
    terms = tuple((float(rows[k]), float(columns[k])) for k in sorted(largest))
    rest = total - sum(a * b for a, b in terms)
    return SpotRecord(edge, index, terms, rest if len(products) > MOST_TERMS else 0.0, total)
