"""Why a gradient is what it is, tried at export: one entry of a leaf is nudged and the graph run again, in memory.

Beside the nudge stand the paths that its gradient took, the curves of the ops, entries of matrix products, and one step
of all leaves against their gradients. Readers show them; `grad_engine.record` describes the format.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import floor, isfinite, log10
from typing import Any, Protocol

import numpy as np

from grad_engine.core.chain_rule import newest_first
from grad_engine.core.node import GradAccum, Node, node_of
from grad_engine.core.run_log import Run
from grad_engine.core.tensor import Tensor
from grad_engine.export.holds import holds
from grad_engine.export.paths import Index, curves, paths_to, spots
from grad_engine.export.rerun import Array, Place, RecordedRun, place_of, random_state_kept
from grad_engine.record import GraphRecord
from grad_engine.record.collector import collection_paused
from grad_engine.record.explained import entry_named
from grad_engine.record.index import index_of
from grad_engine.record.parts import (
    ChangeRecord,
    ExplainRecord,
    PathRecord,
    ProbeRecord,
    SkippedRecord,
    StepRecord,
)

MOST_OPS = 1000  # of a graph that is explained
TOLERANCE = 0.02  # within which a measured ratio agrees with the gradient
NUDGE = 1e-3  # of the power of ten at or below the entry
SMALLER = 4  # nudges of one entry, each a tenth of the one before
MOST_TRIES = 8  # entries
PER_LEAF = 3  # entries of one leaf
STEPS = 10  # halvings of the rate
MOST_CHANGES = 256  # results of which the change is told, besides those on the paths
FEW_ENTRIES = 3  # of a result all of whose changes are told
ROUNDINGS = 8  # of the result, within which two results count as the same
KEPT = 2.0  # how much more or less than predicted a step may do
FARTHEST = 10.0  # times the largest number of a leaf, plus 1, that a step may move one
SHARE_OF_STEP = 0.1  # of the result that the first rate promises to take away


def explain_graph(roots: Sequence[Tensor], record: GraphRecord, follow: str = "") -> ExplainRecord | None:
    """What explains the last run of a record of these roots; None where there is none, or for more than 1,000 ops.

    follow: the entry to nudge, such as "x2" or "W1[0,4]"; by default one that many paths lead to.

    Raises ArgumentError for a name or an index that the record does not have.
    """
    chosen = entry_named(record, follow) if follow else None
    ends = list(dict.fromkeys(node_of(root.node) for root in roots))
    runs = [(node, run) for node in ends if isinstance(node, Node) for run in _last_run(node)]
    if not runs or len(record.nodes) > MOST_OPS:
        return None
    node, run = max(runs, key=lambda pair: pair[1].sequence_nr)
    walk = newest_first(ends)[::-1]
    if any(each.out is None for each in walk):
        return None
    leaves = {edge.sequence_nr for each in walk for edge in each.edges if type(edge) is GradAccum}
    ids = {each.sequence_nr: f"n{k}" for k, each in enumerate(walk)}
    ids |= {number: f"a{k}" for k, number in enumerate(sorted(leaves))}
    root = next(root.node for root in roots if node_of(root.node) is node)
    with collection_paused(), random_state_kept(walk):
        return _whole(RecordedRun(root, run, record, ids), chosen)


def _last_run(node: Node) -> Sequence[Run]:
    runs = node.extra.runs if node.extra is not None else None
    return [*runs][-1:] if runs else ()


@dataclass(frozen=True, slots=True)
class Nudge:
    """One entry that was nudged, and what came of it."""

    leaf: Any
    index: Index
    gradient: float
    delta: float
    change: float
    ratio: float
    agrees: bool
    values: Mapping[Place, Array]
    below: float | None = None
    above: float | None = None

    @property
    def kink(self) -> bool:
        return self.below is not None


def _whole(run: RecordedRun, chosen: tuple[str, Index] | None) -> ExplainRecord:
    """Nudge, paths, curves, products, step and whether the rules hold; `chosen` is the entry that was asked for."""
    tried = Explanation(run)
    probe, nudge, step, reason = tried.found(chosen)
    if run.too_large:  # rules on arrays of this size take as long as backward
        return ExplainRecord(curves=curves(run), reason=reason)
    followed = (nudge.leaf, nudge.index) if nudge is not None else next(tried.candidates(chosen), None)
    paths = () if followed is None else paths_to(run, *followed, proved=tried.runs_again)
    if probe is not None and nudge is not None:
        with np.errstate(all="ignore"):
            probe = replace(probe, changes=_changes(run, nudge, paths))
    return ExplainRecord(
        probe=probe, paths=paths, curves=curves(run), spots=spots(run, paths), step=step, holds=holds(run, paths),
        reason=reason,
    )  # fmt: skip


def _changes(run: RecordedRun, nudge: Nudge, paths: Sequence[PathRecord]) -> tuple[ChangeRecord, ...]:
    """By how much one entry of each result changed: the one on the path, else the one that changed most.

    Of a result with few entries, all that changed.
    """
    index = index_of(run.record)
    entries: dict[str, Index] = {}
    for path in reversed(paths):  # the first path has the last word
        entries[run.tensors[place_of(run.root)]] = path.steps[0].of
        entries |= {index.target(step.edge): step.to for step in path.steps}
    entries[run.tensors[place_of(nudge.leaf)]] = nudge.index
    found: list[ChangeRecord] = []
    for place, after in nudge.values.items():
        before = run.values.get(place)
        if len(found) >= MOST_CHANGES and run.tensors[place] not in entries:
            continue
        if before is None or before.dtype.kind != "f" or after.shape != before.shape or not before.size:
            continue
        tensor = run.tensors[place]
        at = entries.get(tensor)
        if before.size <= FEW_ENTRIES:
            every = [tuple(map(int, each)) for each in np.argwhere(before != after)]
            found += [
                ChangeRecord(tensor, each, moved) for each in every if (moved := _moved(before[each], after[each]))
            ]
            continue
        if at is None or not _moved(before[at], after[at]):
            at = _largest(before, after)
        if moved := _moved(before[at], after[at]):
            found.append(ChangeRecord(tensor, at, moved))
    return tuple(found)


class Rerunnable(Protocol):
    """A run that can be repeated with other numbers in its leaves: ours (`rerun.RecordedRun`), or PyTorch's."""

    leaves: dict[Any, Array]  # the value of each leaf
    gathered: dict[Any, Array]  # what this run sent to each leaf that it reached
    ids: Mapping[int, str]  # number of a leaf -> its id in the record
    seed: Array

    @property
    def root_value(self) -> Array:
        """The value that the run started from."""

    def number(self, leaf: Any) -> int:
        """The number of a leaf, which says how old it is."""

    def shares_at(self, leaf: Any) -> int:
        """How many shares reached a leaf."""

    def distances(self) -> Mapping[int, int]:
        """Number of a leaf -> how many ops lie on the longest way from it to the root."""

    def reason_against(self) -> str:
        """Why the run cannot be repeated; "" where it can."""

    def changed(self, leaves: Mapping[Any, Array]) -> dict[Place, Array]:
        """The results that change with other values in these leaves."""

    def root_of(self, values: Mapping[Place, Array]) -> Array | None:
        """The root among changed results."""

    def root_change(self, values: Mapping[Place, Array]) -> float:
        """By how much the sum of seed times root changed, over the entries that are finite before and after."""


def noise_of(root: Array, seed: Array) -> float:
    """How far the sum of seed times root may be off by rounding alone."""
    if root.dtype.kind != "f":
        return 0.0
    finite = np.isfinite(root)
    with np.errstate(all="ignore"):
        size = float(np.abs(root[finite].astype(np.float64) * seed[finite].astype(np.float64)).sum())
    return ROUNDINGS * float(np.finfo(root.dtype).eps) * size if isfinite(size) else 0.0


class Explanation:
    """The nudge and the step of one run."""

    def __init__(self, run: Rerunnable) -> None:
        self.run = run
        self.runs_again = False
        self.noise = noise_of(run.root_value, run.seed)

    def found(
        self, chosen: tuple[str, Index] | None
    ) -> tuple[ProbeRecord | None, Nudge | None, StepRecord | None, str]:
        """The probe without changes, the nudge behind it, the step, and why there is no probe."""
        reason = self.run.reason_against()
        self.runs_again = not reason
        skipped: list[SkippedRecord] = []
        nudge: Nudge | None = None
        if self.runs_again:
            nudge, reason = self.nudge(chosen, skipped)
        probe = None if nudge is None else self.probe(nudge, skipped)
        return probe, nudge, self.step() if self.runs_again else None, reason

    # the nudge

    def candidates(self, chosen: tuple[str, Index] | None) -> Iterator[tuple[Any, Index]]:
        """The entries to follow, best first: of leaves with several shares, far from the root, with large gradients."""
        run = self.run
        if chosen is not None:
            yield from ((leaf, chosen[1]) for leaf in run.gathered if run.ids[run.number(leaf)] == chosen[0])
            return
        far = run.distances()
        ranked = []
        for leaf, g in run.gathered.items():
            sizes = np.where(np.isfinite(g), np.abs(g), -1.0)
            if g.size and run.leaves[leaf].dtype.kind == "f" and g.shape == run.leaves[leaf].shape:
                number = run.number(leaf)
                worth = (run.shares_at(leaf) < 2, -far.get(number, 0), -float(sizes.max()), number)
                ranked.append((worth, leaf, sizes))
        for _, leaf, sizes in sorted(ranked, key=lambda each: each[0]):
            flat = sizes.ravel()
            for _ in range(min(PER_LEAF, flat.size)):  # one after the other: the first nearly always agrees
                k = int(flat.argmax())
                if flat[k] < 0:
                    break
                yield leaf, tuple(map(int, np.unravel_index(k, sizes.shape)))
                flat[k] = -1.0

    def nudge(self, chosen: tuple[str, Index] | None, skipped: list[SkippedRecord]) -> tuple[Nudge | None, str]:
        """The first nudge whose ratio agrees with the gradient, else one at a kink; without either the reason why."""
        run = self.run
        if not np.isfinite(run.root_value).any():
            return None, "the result holds no finite number, so nothing can be compared before and after a nudge"
        kink: Nudge | None = None
        silent: Nudge | None = None  # moves the result by less than its rounding, as its gradient says
        last: Nudge | None = None
        for tries, (leaf, index) in enumerate(self.candidates(chosen)):
            if tries == MOST_TRIES:
                break
            last = self.tried(leaf, index)
            if last is not None and last.agrees and (last.change or chosen is not None):
                return last, ""
            silent = silent or (last if last is not None and last.agrees else None)
            kink = kink or (last if last is not None and last.kink else None)
            if not np.isfinite(run.root_value).all() and not (last is not None and last.agrees):
                gradient = float(run.gathered[leaf][index])
                words = "the result is not finite where it acts"
                skipped.append(SkippedRecord(run.ids[run.number(leaf)], index, gradient, words))
        if kink is not None or silent is not None or (chosen is not None and last is not None):
            return kink or silent or last, ""
        if chosen is not None:
            return None, "no gradient reached the entry, or the ops cannot compute with the entry nudged"
        return None, "no entry that was tried changes the result as its gradient says"

    def tried(self, leaf: Any, index: Index) -> Nudge | None:
        """An entry nudged by less and less, until ratio and gradient agree; None where the ops refuse the new value."""
        value, gradient = self.run.leaves[leaf][index], float(self.run.gathered[leaf][index])
        if not isfinite(value):
            return None
        delta = NUDGE * 10.0 ** floor(log10(max(abs(float(value)), 1.0)))
        found: Nudge | None = None
        for _ in range(SMALLER):
            found = self.nudged(leaf, index, delta, gradient) or found
            if found is None or found.agrees:
                return found
            delta /= 10
        above = found.ratio if found is not None else 0.0
        back = self.nudged(leaf, index, -10 * delta, gradient)
        if found is None or back is None:
            return found
        low, high = min(above, back.ratio), max(above, back.ratio)
        apart = high - low > TOLERANCE * max(abs(low), abs(high))
        slack = TOLERANCE * (high - low)
        if apart and low - slack <= gradient <= high + slack:
            return replace(found, below=back.ratio, above=above)
        return found

    def nudged(self, leaf: Any, index: Index, delta: float, gradient: float) -> Nudge | None:
        """What one nudge of an entry does; None where it changes nothing in its dtype, or where an op raises."""
        array = np.array(self.run.leaves[leaf])
        before = float(array[index])
        array[index] += delta
        moved = float(array[index]) - before
        if not moved or not isfinite(moved):
            return None
        try:
            values = self.run.changed({leaf: array})
        except Exception:  # the op has no value there: this entry cannot be nudged
            return None
        change = self.run.root_change(values)
        if abs(change) <= self.noise and abs(gradient * moved) <= self.noise:
            change = 0.0  # nothing but rounding, here and there
        ratio = change / moved
        close = abs(ratio - gradient) <= TOLERANCE * max(abs(ratio), abs(gradient))
        agrees = isfinite(ratio) and (close or (not change and abs(gradient * moved) <= self.noise))
        exact = delta if abs(moved - delta) <= 1e-6 * abs(delta) else moved
        return Nudge(leaf, index, gradient, exact, change, ratio, agrees, values) if isfinite(ratio) else None

    def probe(self, nudge: Nudge, skipped: Sequence[SkippedRecord]) -> ProbeRecord:
        """The nudge as the record holds it."""
        run = self.run
        return ProbeRecord(
            accumulator=run.ids[run.number(nudge.leaf)],
            index=nudge.index,
            value=float(run.leaves[nudge.leaf][nudge.index]),
            delta=nudge.delta,
            root_change=nudge.change,
            ratio=nudge.ratio,
            gradient=nudge.gradient,
            agrees=nudge.agrees,
            below=nudge.below,
            above=nudge.above,
            skipped=tuple(skipped),
        )

    # the step

    def step(self) -> StepRecord | None:
        """All leaves moved against their gradients by a small rate; None where the result is not finite or stays."""
        run = self.run
        gathered = {leaf: g for leaf, g in run.gathered.items() if run.leaves[leaf].dtype.kind == "f"}
        with np.errstate(all="ignore"):
            before = float((run.seed.astype(np.float64) * run.root_value).sum())
            slope = sum(float((g.astype(np.float64) ** 2).sum()) for g in gathered.values())
        if not isfinite(before) or not before or not isfinite(slope) or not slope:
            return None
        rate = _round_down(SHARE_OF_STEP * abs(before) / slope)
        while any(_too_far(run.leaves[leaf], rate * g) for leaf, g in gathered.items()):
            rate /= 10
        for _ in range(STEPS):
            moved = {leaf: (run.leaves[leaf] - rate * g).astype(g.dtype) for leaf, g in gathered.items()}
            try:
                values = run.changed(moved)
            except Exception:  # the op has no value there: a smaller step may stay within its domain
                values = {}
            change = run.root_change(values)
            root = run.root_of(values)
            kept = rate * slope / KEPT <= -change <= rate * slope * KEPT
            if root is not None and np.isfinite(root).all() and -change > self.noise and kept:
                return StepRecord(rate, before, before + change, before - rate * slope)
            rate /= 2
        return None


def _too_far(leaf: Array, step: Array) -> bool:
    """Whether a step would move a leaf out of all proportion, as it does where gradients are next to nothing."""
    return bool(np.abs(step).max(initial=0.0) > FARTHEST * (float(np.abs(leaf).max(initial=0.0)) + 1.0))


def _moved(before: Any, after: Any) -> float:
    """The change of one number; 0 where it is not finite."""
    change = float(after) - float(before)
    return change if isfinite(change) else 0.0


def _largest(before: Array, after: Array) -> Index:
    """The entry of a result that changed most."""
    if before.size == 1:
        return (0,) * before.ndim
    sizes = np.abs(after - before)
    k = int(sizes.argmax())
    if not isfinite(sizes.flat[k]):
        k = int(np.where(np.isfinite(sizes), sizes, -1.0).argmax())
    return tuple(map(int, np.unravel_index(k, sizes.shape))) if before.ndim > 1 else (k,)


def _round_down(rate: float) -> float:
    """The largest of 1, 2, 5, 10, ... times a power of ten that is not larger."""
    power = 10.0 ** floor(log10(rate))
    return max(each for each in (1, 2, 5, 10) if each * power <= rate * (1 + 1e-12)) * power
