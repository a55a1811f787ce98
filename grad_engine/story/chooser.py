"""A record -> the scenes of the story that explains it: chosen by their worth until the time that is given is used.

The backbone is always there: leaves, forward, a nudge, the seed, every op of backward in exactly one scene, a check,
the end. Extras are taken in order of their worth as long as the whole stays within the budget: paths at the followed
leaf, a headline, the rule with numbers of the first op of each kind, the forward pass in detail, a row times a column,
a step of the leaves, sums at other leaves, later ops of a kind. What does not fit is left out whole; none is hurried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby, pairwise

from grad_engine.errors import GradEngineError
from grad_engine.folding.views import view
from grad_engine.record import GraphRecord
from grad_engine.record.index import index_of
from grad_engine.story.lesson_words import LessonWords
from grad_engine.story.scenes import Scene
from grad_engine.story.units import SMALL, Unit, units

SHORT, LONG = 60.0, 75.0  # seconds for graphs of up to SMALL ops, and for larger ones
MOST_REFUSED = 30  # extras in a row that do not fit, after which no other is tried
FEW = 12  # ops of a graph whose forward pass is told rank by rank
PHASES = ("both", "forward", "backward")


def lesson(record: GraphRecord, *, length: float | None = None, phase: str = "both", focus: str = "") -> list[Scene]:
    """The scenes of the last run of a record, in order.

    length: seconds that all may take together; by default 60, or 75 for more than 24 ops. The backbone alone may take
        longer. phase: "both", or one half of the story. focus: only what leads to and from an op or a leaf.

    Raises GradEngineError for another phase, a length that is not positive, or a focus that is not there.
    """
    if phase not in PHASES:
        raise GradEngineError(f"phase is {phase!r}, but it must be one of {', '.join(PHASES)}.")
    if length is not None and not length > 0:
        raise GradEngineError(f"length is {length}, but a story needs a positive number of seconds.")
    part = view(record, focus=focus) if focus else None
    shown = _explained_part(record, part.record) if part is not None else record
    words = LessonWords(shown, record, part.elsewhere if part is not None else None)
    budget = length if length is not None else SHORT if len(shown.nodes) <= SMALL else LONG
    return _Chooser(words, budget, "forward" if index_of(shown).run is None else phase).chosen()


def _explained_part(record: GraphRecord, part: GraphRecord) -> GraphRecord:
    """The part of a record, with what explains it only as far as that lies inside the part."""
    explain, index = record.explain, index_of(part)
    if explain is None:
        return part
    probe = explain.probe if explain.probe is not None and explain.probe.accumulator in index.accumulators else None
    if probe is not None:
        skipped = tuple(spot for spot in probe.skipped if spot.accumulator in index.accumulators)
        seen = {tensor for node in part.nodes for tensor in (*node.outputs, *(i.tensor for i in node.inputs))}
        changes = tuple(change for change in probe.changes if change.tensor in seen)
        probe = replace(probe, skipped=skipped, changes=changes)
    whole = {edge.id for edge in part.edges if edge.id in index.shares}
    paths = tuple(path for path in explain.paths if probe is not None and {step.edge for step in path.steps} <= whole)
    spots = tuple(spot for spot in explain.spots if spot.edge in whole)
    holds = {edge: held for edge, held in (explain.holds or {}).items() if edge in whole}
    return replace(part, explain=replace(explain, probe=probe, paths=paths, spots=spots, step=None, holds=holds))


class _Chooser:
    """Chooses the scenes of one record, or of a part of one."""

    def __init__(self, words: LessonWords, budget: float, phase: str) -> None:
        self.index = words.index
        self.words = words
        self.budget, self.phase = budget, phase
        self.units = units(self.index)
        self.unit_of = {op: unit for unit in self.units for op in unit.ops}
        self.turns = [turn.node for turn in self.index.turns]
        place = {op: k for k, op in enumerate(self.turns)}
        # Of equal units the one that backward reaches first is opened; the others are swept.
        opened: dict[int, Unit] = {}
        for op in self.turns:
            unit = self.unit_of[op]
            if unit.kind >= 0:
                opened.setdefault(unit.kind, unit)
        self.opened = {unit for unit in self.units if unit.kind < 0 or opened.get(unit.kind) is unit}
        self.place = place

    def chosen(self) -> list[Scene]:
        """The backbone, and every extra that the budget leaves room for, in order of worth."""
        told: set[str] = set()
        extras: set[str] = set()
        refused = 0
        for name, op in self.extras():
            if refused == MOST_REFUSED:
                break
            more_told = told | {op} if op else told
            more_extras = extras if op else extras | {name}
            if sum(scene.seconds for scene in self.scenes(more_told, more_extras)) <= self.budget:
                told, extras, refused = more_told, more_extras, 0
            else:
                refused += 1
        return self.scenes(told, extras)

    def extras(self) -> list[tuple[str, str]]:
        """The names of extra scenes, and the ops whose rule may be told by itself, in order of worth."""
        first, later = self.kinds()
        return [
            ("paths", ""),
            *([("headline", "")] if len(self.index.nodes) > SMALL else []),
            *(("rule", op) for op in first),
            ("forward", ""),
            ("row", ""),
            ("step", ""),
            ("leaves", ""),
            *(("rule", op) for op in later),
        ]

    def kinds(self) -> tuple[list[str], list[str]]:
        """The first op of each kind that does more than pass g on, the one on the path if there is one; the others."""
        kinds: dict[str, list[str]] = {}
        for op in self.turns:
            if self.unit_of[op] in self.opened and not self.words.passes(op):
                kinds.setdefault(self.index.nodes[op].op, []).append(op)
        first = [next((op for op in some if op in self.words.on_path), some[0]) for some in kinds.values()]
        first.sort(key=self.place.__getitem__)
        later = [op for some in kinds.values() for op in some if op not in first]
        return first, sorted(later, key=self.place.__getitem__)

    def scenes(self, told: set[str], extras: set[str]) -> list[Scene]:
        """All scenes, with these ops told by themselves and these extras."""
        words = self.words
        found: list[Scene] = [words.leaves(self.units)]
        if self.phase != "backward":
            found += words.forward(self.units, in_ranks="forward" in extras and len(self.index.nodes) <= FEW)
        if self.phase != "forward":
            found += words.nudge(self.units)
            found += words.seed(self.units)
            found += self.backward(told, "row" in extras)
            found += words.headline(self.units) if "headline" in extras else []
            found += words.paths() if "paths" in extras else []
            found += words.other_leaves() if "leaves" in extras else []
            found += words.check()
            found += words.step() if "step" in extras else []
        return [*found, words.end()]

    def told_finely(self, unit: Unit) -> bool:
        """Whether ops of a unit that only pass g on are told of apart from those that are swept."""
        return len(self.index.nodes) <= SMALL or (unit.kind >= 0 and len(unit.ops) <= FEW)

    def backward(self, told: set[str], row: bool) -> list[Scene]:
        """Every op of backward in one scene: told by itself, with others that pass g on, or swept."""
        ways = [self.way(op, told) for op in self.turns]
        # What runs between equal units that are swept is swept with them.
        swept = [k for k, way in enumerate(ways) if way == "units"]
        for before, after in pairwise(swept):
            if set(ways[before + 1 : after]) == {"swept"}:
                ways[before + 1 : after] = ["units"] * (after - before - 1)
        found: list[Scene] = []
        for way, pairs in groupby(zip(ways, self.turns, strict=True), lambda pair: pair[0]):
            ops = [op for _, op in pairs]
            if way == "told":
                found += [self.words.rule(op, row) for op in ops]
            elif way == "passing":
                found.append(self.words.passing(ops))
            elif way == "swept":
                found.append(self.words.sweep(ops))
            else:
                passed = dict.fromkeys(self.unit_of[op] for op in ops if self.unit_of[op] not in self.opened)
                strays = [op for op in ops if self.unit_of[op] in self.opened]
                found.append(self.words.sweep_units(list(passed), strays))
        return found

    def way(self, op: str, told: set[str]) -> str:
        """How an op is told of: "told" by itself, "units" (in an equal unit that is swept), "passing", or "swept"."""
        unit = self.unit_of[op]
        if op in told:
            return "told"
        if unit not in self.opened:
            return "units"
        return "passing" if self.words.passes(op) and self.told_finely(unit) else "swept"


HEADS = f"{'at':>5} {'seconds':>7} {'words':>5}  {'scene':<8}  what is said"
INDENT = " " * HEADS.index("what")  # of what stands below the sentence of a scene


def as_table(scenes: Sequence[Scene]) -> str:
    """A lesson as a table in text: when a scene starts, its seconds, its words, its name, and what is said.

    Equations, a remark, and what appears in the graph have lines of their own.
    """
    lines = [HEADS]
    at = 0.0
    for scene in scenes:
        below = [*scene.equations, *([scene.remark] if scene.remark else [])]
        if scene.on_stage:
            below.append(f"in the graph: {', '.join(scene.on_stage)}")
        lines.append(f"{at:5.1f} {scene.seconds:7.1f} {scene.words:5d}  {scene.name:<8}  {scene.sentence}")
        lines += [INDENT + line for line in below]
        at += scene.seconds
    return "\n".join([*lines, f"{at:.1f} s in {len(scenes)} scenes, {sum(scene.words for scene in scenes)} words"])
