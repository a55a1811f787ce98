"""A record -> the scenes of the story that explains it: chosen by their worth until the time that is given is used.

The backbone is always there: leaves, forward, a nudge, the seed, every op of backward in exactly one scene, a check,
the end. Extras are taken in order of their worth as long as the whole stays within the budget: paths at the followed
leaf, a headline, the rule with numbers of the first op of each kind, the forward pass in detail,
a step of the leaves, sums at other leaves, later ops of a kind. What does not fit is left out whole; none is hurried.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby, pairwise

from grad_engine.errors import GradEngineError
from grad_engine.folding.structure import LEAST_ROUNDS
from grad_engine.folding.views import view
from grad_engine.formula import number
from grad_engine.record import GraphRecord
from grad_engine.record.explained import entry_named, entry_text
from grad_engine.record.index import index_of
from grad_engine.story.boxes import row_of
from grad_engine.story.lesson_facts import FEW_OPS, LessonFacts
from grad_engine.story.lesson_words import LessonWords
from grad_engine.story.scenes import PARTS, Lesson, Line, Scene
from grad_engine.story.units import SMALL, Unit, units

SHORT, LONG = 60.0, 75.0  # seconds for graphs of up to SMALL ops, and for larger ones
FEWEST_RULES = 3  # with numbers in a lesson, where the record has them
MOST_LATER = 60  # later ops of a kind that may be told of
MOST_REFUSED = 30  # extras in a row that do not fit, after which no other is tried
PHASES = ("both", "forward", "backward")


def lesson(
    record: GraphRecord,
    *,
    length: float | None = None,
    phase: str = "both",
    focus: str = "",
    follow: str = "",
    boxed: bool | None = None,
) -> Lesson:
    """The scenes of the last run of a record, in order, and what stays on the stage.

    length: seconds that all may take together; by default 60, or 75 for more than 24 ops. The backbone alone may take
        longer. phase: "both", or one half of the story. focus: only what leads to and from an op or a leaf.
        follow: the entry of a leaf that is followed, such as "W1[0,4]"; a record that explains itself follows the
        one that was chosen when it was written. boxed: whether the graph is drawn as a row of boxes of which one is
        opened at a time, so that sentences name boxes; by default where it has several equal parts.

    Raises GradEngineError for another phase, a length that is not positive, a focus or an entry that is not there, and
    where the record explains another entry than the one to follow.
    """
    if phase not in PHASES:
        raise GradEngineError(f"phase is {phase!r}, but it must be one of {', '.join(PHASES)}.")
    if length is not None and not length > 0:
        raise GradEngineError(f"length is {length}, but a story needs a positive number of seconds.")
    entry = _entry(record, follow) if follow else None
    part = view(record, focus=focus) if focus else None
    shown = _explained_part(record, part.record) if part is not None else record
    facts = LessonFacts(shown, record, part.elsewhere if part is not None else None, entry)
    budget = length if length is not None else SHORT if len(shown.nodes) <= SMALL else LONG
    return _Chooser(facts, budget, "forward" if index_of(shown).run is None else phase, boxed).chosen()


def _entry(record: GraphRecord, follow: str) -> tuple[str, tuple[int, ...]]:
    """The accumulator and the index to follow; raises where the record explains another entry."""
    found = entry_named(record, follow, "follow")
    probe = record.explain.probe if record.explain is not None else None
    if probe is not None and (probe.accumulator, probe.index) != found:
        index = index_of(record)
        names = [
            entry_text(index, index.accumulators[id].leaf, at) for id, at in ((probe.accumulator, probe.index), found)
        ]
        raise GradEngineError(
            f"this record explains {names[0]}; to follow {names[1]}, export it with explain={names[1]!r}."
        )
    return found


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

    def __init__(self, facts: LessonFacts, budget: float, phase: str, boxed: bool | None) -> None:
        self.index = facts.index
        self.facts = facts
        self.budget, self.phase = budget, phase
        self.units = units(self.index)
        if any(unit.kind >= 0 for unit in self.units) if boxed is None else boxed:
            facts.draw_as(row_of(self.units, self.index, {op: facts.sign(op) for op in self.index.nodes}))
        self.words = LessonWords(facts, self.units)
        self.unit_of = {op: unit for unit in self.units for op in unit.ops}
        self.turns = [turn.node for turn in self.index.turns]
        self.place = {op: k for k, op in enumerate(self.turns)}
        self.made: dict[str, list[Scene]] = {}
        self.opened = self.open()
        alone = sum(unit.kind < 0 for unit in self.units)
        finely = {unit: len(unit.ops) <= FEW_OPS if unit.kind >= 0 else alone <= SMALL for unit in self.opened}
        self.untold = [self.way(op, finely) for op in self.turns]
        self.runs = self.passing_runs()
        self.first = self.forward_opened()

    def open(self) -> set[Unit]:
        """Of equal units the one that backward reaches first, and more if its ops are few; the others are swept."""
        kinds: dict[int, dict[Unit, None]] = {}  # in the order of backward
        for op in self.turns:
            unit = self.unit_of[op]
            if unit.kind >= 0:
                kinds.setdefault(unit.kind, {})[unit] = None
        found = {unit for unit in self.units if unit.kind < 0}
        for same in map(list, kinds.values()):
            rules = sum(not self.facts.passes(op) for op in same[0].ops)
            many = min(-(-FEWEST_RULES // rules), len(same) - LEAST_ROUNDS + 1) if rules else 1
            found |= set(same[: max(many, 1)])
        return found

    def forward_opened(self) -> Unit | None:
        """The unit that the forward pass opens: that of the kind with most ops which backward opens too."""
        kinds: dict[int, list[Unit]] = {}
        for unit in self.units:
            if unit.kind >= 0:
                kinds.setdefault(unit.kind, []).append(unit)
        if not kinds:
            return None
        kind = max(kinds, key=lambda kind: sum(len(unit.ops) for unit in kinds[kind]))
        return next((unit for unit in reversed(kinds[kind]) if unit in self.opened), kinds[kind][-1])

    def chosen(self) -> Lesson:
        """The backbone, and every extra that the budget leaves room for, in order of worth."""
        told: set[str] = set()
        extras: set[str] = set()
        refused = 0
        for name, op in self.extras():
            if refused == MOST_REFUSED:
                break
            more_told = told | {*self.runs.get(op, (op,))} if op else told
            more_extras = extras if op else extras | {name}
            if sum(scene.seconds for scene in self.scenes(more_told, more_extras)) <= self.budget + 1e-9:
                told, extras, refused = more_told, more_extras, 0
            else:
                refused += 1
        scenes = self.scenes(told, extras)
        if self.phase == "both":
            there = {scene.part for scene in scenes}
            numbers = {part: k for k, part in enumerate((part for part in PARTS if part in there), 1)}
            scenes = [replace(scene, number=numbers.get(scene.part, 0)) for scene in scenes]
        facts = self.facts
        named = tuple(unit if unit.label else replace(unit, label=facts.sign(unit.ops[0])) for unit in self.units)
        probe = facts.probe
        change = "" if probe is None else number(abs(probe.root_change), 1)
        return Lesson(
            scenes=tuple(scenes),
            expression=facts.expression([unit for unit in self.units if unit.kind >= 0]),
            hues=facts.hues(),
            followed=facts.followed,
            ops=facts.op_faces(),
            leaves=facts.leaf_faces(),
            units=named,
            opened=self.units.index(self.first) if self.first is not None else None,
            row=facts.row,
            result=facts.result,
            meaning=facts.meaning,
            total=self.words.total() if facts.meaning else "",
            increment=f"{'−' if probe.root_change < 0 else '+'} {change}" if probe is not None else "",
        )

    def extras(self) -> list[tuple[str, str]]:
        """The names of extra scenes, and the ops whose rule may be told by itself, in order of worth."""
        first, later = self.kinds()
        small = len(self.index.nodes) <= SMALL
        numbered = [op for op in first if self.numbered(op)]
        # That which makes the followed gradient comes before all others, and curves before what has none.
        numbered.sort(key=lambda op: (not self.words.makes_followed(op), not self.facts.curve(self.index.nodes[op])))
        return [
            ("paths", ""),
            *([("headline", "")] if len(self.index.nodes) > FEW_OPS or self.index.gradient_origin is not None else []),
            *(("rule", op) for op in numbered[:FEWEST_RULES]),
            *(("rule", op) for op in self.branches()),
            ("step", ""),
            *(("rule", op) for op in numbered[FEWEST_RULES:]),
            *(("passing", op) for op in self.runs),
            ("path", ""),
            ("forward", ""),
            ("leaves", ""),
            *(("rule", op) for op in first if not self.numbered(op)),
            # A large graph has other things to tell than the same rule again.
            *(("rule", op) for op in later if small or len(numbered) < FEWEST_RULES if self.numbered(op)),
        ]

    def passing_runs(self) -> dict[str, list[str]]:
        """Ops one after the other that only pass g on, by the first of each run, that may be told of apart."""
        found: dict[str, list[str]] = {}
        home = self.facts.home
        pairs = zip(self.untold, self.turns, strict=True)
        for (way, _), some in groupby(pairs, lambda pair: (pair[0], home.get(pair[1]))):
            ops = [op for _, op in some]
            if way == "passing":
                found[ops[0]] = ops
        return found

    def kinds(self) -> tuple[list[str], list[str]]:
        """The first op of each kind that does more than pass g on, the one on the path if there is one; the others."""
        kinds: dict[str, list[str]] = {}
        for op in self.turns:
            if self.unit_of[op] in self.opened and not self.facts.passes(op):
                kinds.setdefault(self.index.nodes[op].op, []).append(op)
        makes, on_path = self.words.makes_followed, self.facts.on_path
        first = [min(some, key=lambda op: (not makes(op), op not in on_path)) for some in kinds.values()]
        first.sort(key=self.place.__getitem__)
        later = [op for some in kinds.values() for op in some if op not in first]
        return first, sorted(later, key=self.place.__getitem__)[:MOST_LATER]

    def branches(self) -> list[str]:
        """In a large graph the first op of each opened unit that passes g on to two others, as a skip does."""
        found: dict[Unit, str] = {}
        for op, way in zip(self.turns, self.untold, strict=True):
            unit = self.unit_of[op]
            receivers = {edge.receiver for edge in self.index.outgoing(op)}
            skips = self.facts.literal(op) and len(receivers & self.index.nodes.keys()) == 2
            if way == "swept" and unit.kind >= 0 and unit not in found and skips:
                found[unit] = op
        return list(found.values())

    def numbered(self, op: str) -> bool:
        """Whether the rule of an op is told with numbers."""
        return bool(self.words.rule(op, False).lines)

    def scenes(self, told: set[str], extras: set[str]) -> list[Scene]:
        """All scenes, with these ops told by themselves and these extras."""
        words = self.words
        found: list[Scene] = self.once("leaves", lambda: [words.leaves(self.units, self.phase != "forward")])
        if self.phase != "backward":
            in_ranks = "forward" in extras and len(self.index.nodes) <= FEW_OPS
            found = found + self.once(f"forward {in_ranks}", lambda: words.forward(self.units, in_ranks, self.first))
        if self.phase != "forward":
            found = found + self.once("nudge", lambda: words.nudge(self.units))
            found += self.once("seed", lambda: words.seed(self.units))
            ran = self.backward(told)
            headline = self.once("headline", lambda: words.headline(self.units)) if "headline" in extras else []
            paths = self.once("path", words.path) if "path" in extras else []
            paths = paths + (self.once("paths", words.paths) if "paths" in extras else [])
            found += self.with_paths(ran, headline, paths)
            if "leaves" in extras:
                found += words.other_leaves({id for scene in ran for line in scene.lines for id in self.summed(line)})
            found += self.once("check", words.check)
            found += self.once("step", words.step) if "step" in extras else []
        return [*found, words.end()]

    def once(self, name: str, made: Callable[[], list[Scene]]) -> list[Scene]:
        """Scenes that are the same whatever is told, made when they are first asked for."""
        if name not in self.made:
            self.made[name] = made()
        return self.made[name]

    def summed(self, line: Line) -> list[str]:
        """The leaves whose sum a line tells."""
        sources = [token.source for token in line]
        return [place.part for place in sources if place is not None and place.part in self.index.accumulators]

    def with_paths(self, ran: list[Scene], headline: list[Scene], paths: list[Scene]) -> list[Scene]:
        """The scenes of backward, with the paths of the followed leaf where its last share has arrived."""
        followed = self.facts.followed
        arrivals = self.index.arrivals.get(followed.accumulator, ()) if followed is not None else ()
        if not paths or not arrivals:
            return [*ran, *headline, *paths]
        # One path is walked while the unit that it leads through is open on the stage.
        if paths[0].name == "path":
            end = self.index.edges[self.words.strongest().steps[-1].edge].sender
            at = next((k for k, scene in enumerate(ran) if end in scene.ops and 6 not in scene.moves), None)
            if at is not None:
                ran, paths = [*ran[: at + 1], paths[0], *ran[at + 1 :]], paths[1:]
        last = self.index.edges[arrivals[-1]].sender
        k = next((k for k, scene in enumerate(ran) if last in scene.ops), len(ran) - 1)
        if 6 in ran[k].moves or k == len(ran) - 1:
            return [*ran, *headline, *paths]
        return [*ran[: k + 1], *paths, *ran[k + 1 :], *headline]

    def backward(self, told: set[str]) -> list[Scene]:
        """Every op of backward in one scene: told by itself, with others that pass g on, or swept."""
        ways = [
            ("passing" if way == "passing" else "told") if op in told else "swept" if way == "passing" else way
            for op, way in zip(self.turns, self.untold, strict=True)
        ]
        # What runs between equal units that are swept is swept with them.
        swept = [k for k, way in enumerate(ways) if way == "units"]
        for before, after in pairwise(swept):
            if before + 1 < after and set(ways[before + 1 : after]) <= {"swept", "passing"}:
                ways[before + 1 : after] = ["units"] * (after - before - 1)
        # What passes g on as an op before it did is swept with what lies beside it.
        passed: set[str] = set()
        for k, (way, op) in enumerate(zip(ways, self.turns, strict=True)):
            if way == "passing":
                sign = self.facts.sign(op)
                if sign in passed and "swept" in ways[max(k - 1, 0) : k + 2]:
                    ways[k] = "swept"
                passed.add(sign)
        found: list[Scene] = []
        passed, ran = set(), set()
        home = self.facts.home
        # Ops that pass g on are told of box by box, because one is opened at a time.
        alike = [(way, home.get(op) if way == "passing" else None) for way, op in zip(ways, self.turns, strict=True)]
        for (way, _), pairs in groupby(zip(alike, self.turns, strict=True), lambda pair: pair[0]):
            ops = [op for _, op in pairs]
            if way == "told":
                for op in ops:
                    kind = self.index.nodes[op].op
                    found.append(self.words.rule(op, kind in ran))
                    if found[-1].name != "zero":
                        ran.add(kind)
            elif way == "passing":
                signs = set(map(self.facts.sign, ops))
                found.append(self.words.passing(ops, again=signs <= passed))
                passed |= signs
            elif way == "swept":
                found.append(self.words.sweep(ops))
            else:
                parts = dict.fromkeys(self.unit_of[op] for op in ops if self.unit_of[op] not in self.opened)
                strays = [op for op in ops if self.unit_of[op] in self.opened]
                found.append(self.words.sweep_units(list(parts), strays))
        return found

    def way(self, op: str, finely: Mapping[Unit, bool]) -> str:
        """How an op is told of if not by itself: "units" (in an equal unit that is swept), "passing", or "swept".

        finely: whether the ops of an opened unit that only pass g on are told of apart from those that are swept.
        """
        unit = self.unit_of[op]
        if unit not in self.opened:
            return "units"
        aside = len(self.index.nodes) > SMALL and op not in self.facts.on_path and not self.facts.literal(op)
        return "passing" if finely[unit] and not aside and self.facts.passes(op) else "swept"


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
