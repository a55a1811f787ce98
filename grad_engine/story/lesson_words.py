"""The words and numbers of each scene of a lesson, read from the record; nothing is computed that it does not hold."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace

from grad_engine.formula import number
from grad_engine.record import EdgeRecord
from grad_engine.record.index import Measure, is_plain_number
from grad_engine.record.parts import PathRecord, SpotRecord, TensorRecord
from grad_engine.story.equations import Equations, of_two
from grad_engine.story.insets import Lens, Walks
from grad_engine.story.lesson_facts import FEW_OPS, LessonFacts, shape_text
from grad_engine.story.lesson_insets import Insets
from grad_engine.story.names import bar
from grad_engine.story.scenes import LAST, Line, Place, Scene, Token, line
from grad_engine.story.spelling import figure
from grad_engine.story.units import SMALL, Unit, noun_of
from grad_engine.story.values import nonfinite, nonfinite_word, number_text
from grad_engine.story.wording import axes_text, listed, some_of

SWEEP = 2.0  # seconds for ops that are swept between told ones
SWEEP_FORWARD, SWEEP_BACKWARD = 3.2, 6.0  # seconds for equal units that are swept
MOST_NUMBERS = 6  # on the stage in one scene
MOST_SIGNS = 4  # in a list of ops
AGREE = "they agree"
TOO_SMALL = "too small to measure"
FADING, VANISHED, STEADY = 10.0, 1000.0, 2.0  # ratios of gradients that a headline names
LIKE = 0.8  # from this ratio to its inverse a size is told as unchanged
PLAIN = 99999.0  # how many times smaller that is still said
APART = 0.005  # part of a gradient by which a measured ratio may differ from it and still agree
FEWEST_OPS = 6  # of a graph whose forward pass takes two scenes
MOST_SENDING = 2  # swept ops of which each says what it sends
MOST_REACHED = 3  # leaves that swept ops reach and that are named
MOST_ENDS = 4  # gradients that the last scene names
MOST_NAMED = 4  # leaves in a list
MOST_MODULES = 6  # of an opened unit that are named
MOST_DEAD = 0.25  # part of the ops, the last ones, whose gradient may be 0 before it is called vanished
ALIKE = 0.1  # part of a change by which it may differ from slope times nudge because the curve bends
ORDINALS = ["", "first", "second", "third", "fourth", "fifth"]
COUNTS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
SHARES = {"one": "both", "two": "both", "three": "all three", "four": "all four"}

EQUALS, DOT = Token(" = ", "muted"), Token(" · ", "muted")
PLUS, MINUS = Token(" + ", "muted"), Token(" − ", "muted")


class LessonWords:
    """What is said of one record, or of a part of one."""

    def __init__(self, facts: LessonFacts, units: Sequence[Unit]) -> None:
        self.facts = facts
        self.index = facts.index
        self.explain = facts.explain
        self.probe = facts.probe
        self.equations = Equations(facts)
        self.insets = Insets(facts, units)
        self._sweeps: dict[tuple[str, ...], Scene] = {}
        self._rules_told: dict[tuple[str, bool], Scene] = {}
        self._arrived: dict[str, int] = {}  # edge -> which of the shares of its receiver it is, from 1
        for edges in self.index.arrivals.values():
            self._arrived |= {edge: k for k, edge in enumerate(edges, 1)}

    # forward

    def leaves(self, units: Sequence[Unit], asks: bool) -> Scene:
        """The leaves, and what is asked of them; `asks`: whether what follows gives the answer."""
        facts = self.facts
        several = [unit for unit in units if unit.kind >= 0]
        leaves = facts.leaf_ids
        many = in_words(len(leaves)).capitalize()
        noun = "leaf" if len(leaves) == 1 else "leaves"
        said: Line
        if several:
            said = line(
                f"{len(self.index.nodes)} ops: {self.parts(several)}. ", *(self.we_follow() or [f"{many} {noun}."])
            )
        elif facts.followed is not None and facts.followed.index:
            value = facts.number_at(self.index.accumulators[facts.followed.accumulator].leaf, facts.followed.index)
            equal = "" if value is None else f" = {facts.spelling.text(value)}"
            said = line(f"{many} {noun}. We follow ", *self.followed(), f"{equal}.")
        elif leaves and not (asks and self.index.changes):
            known = [facts.leaf_token(id) for id in leaves[:MOST_NAMED]]
            said = line(f"{many} {noun}: ", *self.tokens(known, len(leaves) - len(known)), ".")
        elif leaves:
            target = f"{facts.result}, {facts.meaning}" if facts.meaning else facts.result or "the result"
            target += "," if facts.meaning else ""
            one: str | Token = "it" if len(leaves) == 1 else "one"
            if self.probe is None and facts.followed is not None and len(leaves) > MOST_ENDS:
                one = facts.leaf_token(facts.followed.accumulator)  # the only one whose gradient is told at the end
            said = line(f"{many} {noun}. If ", one, f" grows a little, how many times that does {target} grow?")
        else:
            said = line("No leaf is shown.")
        shown: list[str] = []
        cards = [*leaves, *facts.border]
        for id in cards[:MOST_NUMBERS]:
            tensor = self.index.leaf(id)
            face = facts.single(tensor.id) if tensor.shape == () else shape_text(tensor.shape)
            # Of many leaves the cards have names alone.
            told = face != "?" and len(cards) <= MOST_NUMBERS
            shown.append(f"{facts.name(tensor.id)} {face}" if told else facts.name(tensor.id))
        if len(cards) > MOST_NUMBERS:
            shown.append(f"and {len(cards) - MOST_NUMBERS} more")
        remark = ""
        if facts.border:
            names = [facts.name(self.index.leaf(id).id) for id in facts.border]
            remark = f"{some_of(names)} {'comes' if len(names) == 1 else 'come'} from what is not shown."
        return Scene("leaves", "Forward", said, (), line(remark), tuple(shown), leaves=tuple(leaves), moves=(10,))

    def we_follow(self) -> list[str | Token]:
        """That a number is followed, and how often its leaf is used; [] where none is."""
        if self.facts.followed is None:
            return []
        uses = len(self.index.arrivals.get(self.facts.followed.accumulator, ()))
        return ["We follow ", *self.followed(), f", used {times(uses)}." if uses > 1 else "."]

    def tokens(self, names: Sequence[Token], more: int = 0) -> list[str | Token]:
        """Names in a list, with how many more there are."""
        found: list[str | Token] = []
        for k, name in enumerate(names):
            last = k == len(names) - 1 and not more
            found += ["" if k == 0 else " and " if last else ", ", name]
        return [*found, f" and {more} more"] if more else found

    def parts(self, several: Sequence[Unit]) -> str:
        """How many equal units there are, and how large they are: `six steps of the same ten`."""
        noun = noun_of(several[0])
        sizes = {len(unit.ops) for unit in several}
        count = in_words(len(several))
        each = f"{in_words(max(sizes))} each" if len(sizes) == 1 else f"up to {in_words(max(sizes))}"
        return f"{count} {noun}s of {each}"

    def followed(self) -> Line:
        """The followed number in a sentence, in the hue of its leaf."""
        followed = self.facts.followed
        assert followed is not None
        name = self.facts.leaf_token(followed.accumulator)
        return (name, Token(followed.text[len(name.text) :]))

    def asked_of_all(self, units: Sequence[Unit]) -> bool:
        """Whether the first scene asks how far leaves move the result, and so says what the result is."""
        followed = self.facts.followed is not None and bool(self.facts.followed.index)
        known = bool(self.facts.leaf_ids and self.index.changes)
        return known and not followed and all(unit.kind < 0 for unit in units)

    def forward(self, units: Sequence[Unit], in_ranks: bool, opened: Unit | None) -> list[Scene]:
        """The forward pass: rank by rank, at once, or with one of the equal units opened."""
        kinds = [unit for unit in units if unit.kind >= 0]
        if opened is not None:
            return self.forward_units(units, kinds, opened)
        ops = list(self.index.nodes)
        if self.facts.row:
            return [self.written(ops, f"Forward: {len(ops)} ops, drawn in {len(self.facts.row)} boxes.", root=True)]
        if not in_ranks:
            return [self.written(ops, self.writes(ops), root=True)]
        depth: dict[str, int] = {}
        for op in ops:
            depth[op] = 1 + max((depth[part] for part in self.index.sources(op) if part in depth), default=0)
        ranks: dict[int, list[str]] = {}
        for op in ops:
            ranks.setdefault(depth[op], []).append(op)
        groups = list(ranks.values())
        most = 2 if len(ops) <= FEWEST_OPS else 3
        while len(groups) > most:  # the ranks with fewest ops share a scene
            k = min(range(len(groups) - 1), key=lambda k: len(groups[k]) + len(groups[k + 1]))
            groups[k : k + 2] = [groups[k] + groups[k + 1]]
        scenes = []
        for k, some in enumerate(groups):
            said = self.writes(some) if k == 0 else self.then(some)
            scenes.append(self.written(some, said, root=k == len(groups) - 1))
        return scenes

    def writes(self, ops: Sequence[str]) -> str:
        """What an op writes; in a graph of tensors the number at one entry."""
        at = self.first_entry(ops)
        if not at:
            return "Forward: every op writes its value."
        return f"Blue: each op's value at one entry, first [{','.join(map(str, at))}]."

    def first_entry(self, ops: Sequence[str]) -> tuple[int, ...]:
        """The first entry whose number stands for a tensor; () in a graph of single numbers."""
        if self.facts.followed is None or not self.facts.followed.index:
            return ()
        return next((at for op in ops if (at := self.facts.at.get(op))), ())

    def then(self, ops: Sequence[str]) -> str:
        """A sentence on some ops of the forward pass: `Next: +, relu, @ and +.`"""
        return f"Next: {self.signs(ops, each=True)}."

    def written(self, ops: Sequence[str], said: str, root: bool) -> Scene:
        """Ops that write their values."""
        facts = self.facts
        shown: list[str] = []
        open_box = len({facts.home.get(op) for op in ops}) == 1  # else the numbers of its ops cannot be seen
        for op in ops if open_box else ():
            out = self.index.nodes[op].outputs[0]
            found = facts.shown(out, facts.value_of(op))
            if found and len(shown) < MOST_NUMBERS and not facts.module_of(op):
                name = self.index.tensors[out].name
                shown.append(f"{name} {found}" if name else found)
        if root and facts.at_root and facts.meaning:
            total = self.total()
            shown.append(f"{facts.result} {total}" if total else facts.result)
        off, inset = self.off_domain(ops)
        remark = ("Blue: one entry." if self.first_entry(ops) else "") if off else self.born(ops)
        return Scene(
            "forward", "Forward", line(off or said), remarked=line(remark), on_stage=tuple(shown), ops=tuple(ops),
            inset=inset,
        )  # fmt: skip

    def total(self) -> str:
        """The number of L: the sum of seed times root over what is finite; "" where it is not recorded."""
        run = self.index.run
        if run is None or not self.facts.at_root:
            return ""
        root = self.facts.whole_array(self.index.nodes[run.root].outputs[run.output])
        seed = self.facts.whole_array(run.seed)
        if root is None or seed is None or root.shape != seed.shape:
            return ""
        terms = [x * s for x, s in zip(root.ravel().tolist(), seed.ravel().tolist(), strict=True) if math.isfinite(x)]
        return self.facts.spelling.text(math.fsum(terms)) if terms else ""

    def off_domain(self, ops: Sequence[str]) -> tuple[str, Lens | None]:
        """A sentence on the first of some ops that reads numbers where it has no value, and its curve."""
        for origin in self.index.value_origins:
            if origin.part in ops and origin.part in self.index.nodes:
                lens = self.insets.lens(origin.part)
                if lens is not None and lens.off_text and origin.measure.nan:
                    some = f" in {origin.measure.bad} of {origin.measure.size}" if origin.measure.size > 1 else ""
                    word = self.bad_word(origin.part)
                    return f"{self.where(origin.part)} has {lens.off_text}: {word}{some}.", lens
        return "", None

    def bad_word(self, op: str) -> str:
        """What is not finite in the value of an op."""
        origin = next(each for each in self.index.value_origins if each.part == op)
        found = self.facts.array(self.index.nodes[op].outputs[0])
        if origin.measure.nan or found is None:
            return bad_word(origin.measure)
        return "∞" if (found == math.inf).any() else "−∞"

    def born(self, ops: Sequence[str]) -> str:
        """A remark on the first of some ops that makes what is not finite."""
        for origin in self.index.value_origins:
            if origin.part in ops:
                some = f" in {origin.measure.bad} of {origin.measure.size}" if origin.measure.size > 1 else ""
                return f"{self.where(origin.part)} makes {self.bad_word(origin.part)}{some}."
        return ""

    def where(self, op: str) -> str:
        """An op by its sign, with the box in which it is where the graph is drawn as boxes."""
        facts = self.facts
        return f"{facts.sign(op)} in {facts.box_name(facts.home[op])}" if op in facts.home else facts.sign(op)

    def forward_units(self, units: Sequence[Unit], kinds: Sequence[Unit], first: Unit) -> list[Scene]:
        """One of the equal units opened, the others swept, and what comes after them."""
        same = [unit for unit in kinds if unit.kind == first.kind]
        noun = noun_of(first)
        inside = self.signs(first.ops)
        if any(map(self.facts.module_of, first.ops)):
            # Beside modules, ops that only put the numbers into another shape are not worth a word.
            worth = [op for op in first.ops if self.facts.module_of(op) or not self.facts.reads_nothing(op)]
            names = list(dict.fromkeys(map(self.facts.called, worth)))
            more = len(names) - MOST_MODULES
            inside = listed(names if more <= 0 else [*names[:MOST_MODULES], f"{more} more"])
        if self.facts.closed(first.ops[0]):
            inside = f"{in_words(len(first.ops))} ops"
        opened = self.written(first.ops, f"One {noun}: {inside}.", root=False)
        if opened.on_stage and self.first_entry(first.ops):
            opened = replace(opened, said=line(f"One {noun}: {inside}. Blue: one entry."))
        rest = [op for unit in units if unit.kind != first.kind for op in unit.ops]
        scenes = [
            Scene("unit", "Forward", opened.said, on_stage=opened.on_stage, ops=first.ops, moves=(6,), motion=3.0),
            Scene(
                "sweep", "Forward", line(the_others(len(same) - 1, noun)),
                ops=tuple(op for unit in same if unit is not first for op in unit.ops), moves=(6,),
                motion=SWEEP_FORWARD,
            ),
        ]  # fmt: skip
        if rest:
            apart = [op for op in rest if not self.facts.in_equal_box(op)]  # what lies between two is drawn with one
            first_age, last_age = (f(self.index.nodes[op].age for unit in same for op in unit.ops) for f in (min, max))
            before = [op for op in apart if self.index.nodes[op].age < first_age]
            after = [op for op in apart if self.index.nodes[op].age > last_age]
            ends = [(word, some) for word, some in (("before them", before), ("after them", after)) if some]
            if not apart:
                said = "Between them a few ops."
            elif ends == [("after them", apart)]:
                said = f"Then {self.drawn(apart)}."
            elif len(before) + len(after) == len(apart):
                said = capital_first(", ".join(f"{word} {self.drawn(some)}" for word, some in ends)) + "."
            else:
                said = f"Beside them {self.drawn(apart)}."
            scenes.append(self.written(rest, said, root=True))
        return scenes

    def drawn(self, ops: Sequence[str]) -> str:
        """What is drawn of some ops: their boxes, or their signs."""
        return self.facts.box_names(ops) if self.facts.row else self.signs(ops)

    def signs(self, ops: Sequence[str], each: bool = False) -> str:
        """The signs of some ops in a list, each once, or of `each` op if these are few."""
        some = list(map(self.facts.sign, ops))
        some = some if each and len(some) <= MOST_SIGNS else list(dict.fromkeys(some))
        return listed(
            some if len(some) <= MOST_SIGNS else [*some[: MOST_SIGNS - 1], f"{len(some) - MOST_SIGNS + 1} more"]
        )

    # the nudge, the seed, the check

    def nudge(self, units: Sequence[Unit]) -> list[Scene]:
        """The followed entry is nudged; nothing without a probe, for what is not measured is not asked."""
        facts, probe = self.facts, self.probe
        who = f"{facts.result}, {facts.meaning}," if facts.meaning and not self.asked_of_all(units) else facts.result
        remark = ""
        if probe is None:
            return [self.not_moved()] if self.cannot_move() else []
        if who == facts.result and self.others_add():  # else there is enough to read
            remark = "Other entries change too."
        # In a graph of tensors the increments run along the path, and are no numbers to read one by one.
        counted = self.index.nodes.values() if not probe.index and len(self.index.nodes) <= FEW_OPS else ()
        texts = [facts.increments(op.outputs[0]) for op in counted]
        on_stage = tuple(
            part.strip("[+").removesuffix("]")
            for text in texts
            for part in text.replace("+ ", "").replace("− ", "−").split()
        )
        change, ratio = figure(probe.root_change, 3), figure(probe.ratio, 3)
        uses = len(self.index.arrivals.get(probe.accumulator, ()))
        leaves = (probe.accumulator,)
        if (
            uses > 1
            and not probe.index
            and len(self.index.nodes) <= FEW_OPS
            and probe.accumulator not in facts.elsewhere
        ):
            places = "both" if uses == 2 else f"all {in_words(uses)}"
            used = f": it is used {times(uses)}, and {places} places change."
            first = line("Nudge ", *self.followed(), f" by {figure(probe.delta, 3)}", used)
            answer = f"{capital(who)} moves {change}: {ratio} times the nudge. Backward finds that for every leaf."
            return [
                Scene("nudge", "A nudge", first, (), line(remark), on_stage, leaves=leaves, moves=(3,)),
                Scene("answer", "A nudge", line(answer), leaves=leaves, moves=(3,)),
            ]
        moved = f" by {figure(probe.delta, 3)}: {who} moves {change}, {ratio} times the nudge."
        said = line("Nudge ", *self.followed(), moved)
        return [Scene("nudge", "A nudge", said, (), line(remark), on_stage, leaves=leaves, moves=(3,), motion=2.6)]

    def cannot_move(self) -> bool:
        """Whether the result is a number that is not finite, which no nudge can change."""
        run = self.index.run
        return run is not None and self.facts.at_root and self.root.shape == () and bool(nonfinite(self.root))

    def not_moved(self) -> Scene:
        """Why nothing is nudged where the result is not finite."""
        said = line(f"{capital(self.facts.result)} is {self.root_word()}, so no nudge can move it.")
        return Scene("nudge", "A nudge", said, moves=(3,))

    def others_add(self) -> bool:
        """Whether entries beside the path of the nudge change what lies on it too: then increments do not multiply."""
        facts = self.facts
        if (
            self.probe is None
            or not self.probe.index
            or not self.probe.root_change
            or len(self.index.nodes) > SMALL
            or not facts.paths_found
        ):
            return False
        change = {(each.tensor, each.index): each.change for each in self.probe.changes}
        came: dict[tuple[str, tuple[int, ...]], float] = {}  # what the paths bring to an entry of a result
        for edge, step in {(step.edge, step.of): step for path in facts.paths_found for step in path.steps}.items():
            sender = self.index.nodes[self.index.edges[edge[0]].sender]
            read = change.get((self.index.target(edge[0]), step.to))
            if read is not None:
                place = sender.outputs[0], step.of
                came[place] = came.get(place, 0.0) + read * step.slope
        return any(
            abs(change[place] - sum_) > ALIKE * abs(change[place]) for place, sum_ in came.items() if place in change
        )

    def seed(self, units: Sequence[Unit]) -> list[Scene]:
        """The gradient that backward starts with."""
        run = self.index.run
        assert run is not None
        facts = self.facts
        root = self.index.nodes[run.root].outputs[run.output]
        tensor, seed = self.index.tensors[root], facts.array(run.seed)
        name = facts.name(root) if tensor.name else "the result"
        ones = seed is not None and bool((seed == 1).all())
        if not facts.at_root:
            said = f"{bar(name)} comes from what is not shown."
        elif tensor.shape == () and ones:
            said = f"{facts.g} is how much {facts.result} grows per unit: 1 at {facts.result}."
        elif tensor.shape == ():
            said = f"Backward starts with the seed, {facts.g} = {facts.single(run.seed)}."
        elif ones:
            said = f"{facts.g} is how much {facts.result} grows per unit: 1 at each entry of {name}."
        else:
            what = f"{capital(facts.result)} is {facts.meaning or facts.result}"
            said = f"{what}, so backward starts with the seed as {facts.g}."
        return [Scene("seed", "Backward", line(said), ops=(run.root,), motion=2.6)]

    def check(self) -> list[Scene]:
        """What was measured beside the gradient."""
        probe, facts = self.probe, self.facts
        if probe is None:
            return []
        gradient = facts.spelling.text(probe.gradient)
        measured = figure(probe.ratio, facts.spelling.digits(probe.gradient))
        if probe.below is not None and probe.above is not None:
            said = line(
                *self.followed(),
                f" is at a kink: {number(probe.below + 0.0)} to one side, {number(probe.above + 0.0)} to the other;"
                f" the rule says {gradient}.",
            )
        else:
            both = f": the nudge measured {measured}, gradient {gradient}: {self.agreement()}."
            said = line(*self.followed(), both)
        hidden: Line = ()
        if probe.skipped:
            some = probe.skipped[0]
            entry = f"[{','.join(map(str, some.index))}]" if some.index else ""
            name = facts.leaf_token(some.accumulator, barred=True)
            there = f"there {self.root_name()} is {self.root_word()}"
            hidden = line(name, f"{entry} = {figure(some.gradient)} cannot be checked: {there}.")
        elif (
            measured != gradient
            and (self.agreement(), self.root_dtype()) == (AGREE, "float64")
            and not probe.index
            and probe.below is None
        ):
            hidden = line("A smaller nudge would come closer.")
        return [
            Scene(
                "check", "Check", said, remarked=hidden, leaves=(probe.accumulator,), moves=(3,), motion=2.6,
                inset=self.insets.check(self.agreement()),
            )
        ]  # fmt: skip

    def agreement(self) -> str:
        """Whether the measured ratio is the gradient: they agree, are so far apart and likely why, or do not agree."""
        assert self.probe is not None
        ratio, gradient = self.probe.ratio, self.probe.gradient
        if not self.probe.agrees:
            return "they do not agree"
        if not ratio and self.facts.spelling.text(gradient) != "0":
            return TOO_SMALL
        apart = abs(ratio - gradient) / (max(abs(ratio), abs(gradient)) or 1.0)
        if apart <= APART or (not ratio and self.facts.spelling.text(gradient) == "0"):
            return AGREE
        dtype = self.root_dtype()
        cause = "the size of the nudge" if dtype == "float64" else f"{dtype} rounding"
        return f"{number(100 * apart, 2)} % apart, likely by {cause}"

    @property
    def root(self) -> TensorRecord:
        """The result that backward starts from."""
        whole = self.facts.whole
        assert whole.run is not None
        return whole.tensors[whole.nodes[whole.run.root].outputs[whole.run.output]]

    def root_name(self) -> str:
        """What the result is called that backward starts from."""
        return self.root.name or "the result"

    def root_word(self) -> str:
        """What of the result is not finite."""
        return nonfinite_word(self.root) or "not finite"

    def root_dtype(self) -> str:
        """The type of the numbers of the result."""
        return self.root.dtype

    # backward

    def rule(self, op: str, again: bool) -> Scene:
        """The rule of one op, with numbers where its formula gives the share that was sent.

        again: whether the rule of such an op has been told before, so that its sentence is not said twice.
        """
        if (op, again) not in self._rules_told:
            scene = self.worked_out(op, again)
            told = scene.said if scene.name == "passing" else self.inside([op], scene.said)
            self._rules_told[op, again] = replace(scene, said=told)
        return self._rules_told[op, again]

    def inside(self, ops: Sequence[str], said: Line) -> Line:
        """A sentence on ops that are drawn as a module says so: `In attn: softmax again.`"""
        hidden = list(dict.fromkeys(filter(None, map(self.facts.module_of, ops))))
        if not hidden or hidden == list(dict.fromkeys(map(self.facts.sign, ops))):
            return said
        first = replace(said[0], text=lower_first(said[0].text)) if not said[0].leaf else said[0]
        return line(f"In {listed(hidden)}: ", first, *said[1:])

    def worked_out(self, op: str, again: bool) -> Scene:
        """The same, worked out anew."""
        facts = self.facts
        if facts.literal(op):
            return self.passing([op])
        spot = self.spot(op, again)
        if spot is not None:
            return spot
        name = "rule"
        found = self.equations.of(op, letters=not again)[:2]
        # A sentence of its own says what the letters would.
        slope = self.equations.slope(op, letters=not self.index.nodes[op].sentence) if not found else None
        lines = found or ([slope] if slope is not None else [])
        said = line(self.sentence(op))
        if again and found:
            said = line(self.again(op))
        moves: tuple[int, ...] = (1,)
        lens = self.insets.lens(op)
        remark: Line = line(self.summed([op]))
        if (nothing := self.nothing_moves(op)) is not None:
            said, name = nothing, "zero"
        elif lens is not None and lens.points:
            point = lens.points[0]
            at, slope_there = facts.spelling.text(point.x), facts.spelling.text(point.slope)
            said = line(f"At {at}, {facts.sign(op)} has slope {slope_there}.")
            moves = (1, 5)
        gate = self.insets.gate(op)
        if gate is not None:
            said = line(f"{facts.sign(op)} is a gate: {self.gate_words(op)}.")
            if again:
                said = line(self.again(op))
            lines = self.gate_lines(op) or lines
        if lens is not None and not lens.points:
            lens = None
        sums = [edge for edge in self.index.outgoing(op) if edge.id in self._sums_told(lines)]
        if len(lines) == len(sums) == 1 and self.is_repeated(sums[0]):
            said = self.served(sums[0])  # the sentence of the op would leave the numbers of the sum unexplained
        summed = self.sum_at(op)
        if summed is not None and len(lines) < 2:
            lines = [*lines, summed]
        return Scene(
            name, "Backward", said, tuple(lines), remark, ops=(op,), moves=moves, motion=2.6,
            sent=self.sent([op]), inset=lens,
        )  # fmt: skip

    def _sums_told(self, lines: Sequence[Line]) -> set[str]:
        """The edges with summed axes whose sum is one of some lines."""
        last = [token.source.part for some in lines for token in some[-1:] if token.source is not None]
        return {id for id in last if id in self.index.edges and self.index.edges[id].reduced_axes}

    def again(self, op: str) -> str:
        """A sentence on an op of a kind whose rule has been told: `The other ×:`"""
        kind = self.index.nodes[op].op
        same = sum(node.op == kind for node in self.index.nodes.values())
        return f"{'The other' if same == 2 else 'Another'} {self.facts.sign(op)}, the same rule."

    def nothing_moves(self, op: str) -> Line | None:
        """`x2 is 0, so w2 moves nothing`, for a leaf that gets nothing because its factor is 0."""
        facts = self.facts
        for edge in self.index.outgoing(op):
            rule = self.equations.rule(edge)
            if rule is None or rule.share != 0 or edge.receiver not in facts.leaf_set:
                continue
            zeros = [
                term
                for key, term in rule.terms.items()
                if key != "g" and term.value == 0 and term.name.text and term.name.leaf != edge.receiver
            ]
            if len(zeros) == 1 and len(rule.terms) == 2 and rule.terms.get("g") and rule.terms["g"].value:
                return line(zeros[0].name, " is 0, so ", facts.leaf_token(edge.receiver), " moves nothing.")
        return None

    def sentence(self, op: str) -> str:
        """The sentence of an op; where a tensor is called g, the gradient is called otherwise."""
        node = self.index.nodes[op]
        said = node.sentence or f"{node.op} runs its rule."
        return said if self.facts.g == "g" else re.sub(r"\bg\b", self.facts.g, said)

    def sum_at(self, op: str) -> Line | None:
        """The sum at a leaf that is not followed, where this op sends it the last of its shares."""
        facts = self.facts
        for edge in self.index.outgoing(op):
            arrivals = self.index.arrivals.get(edge.receiver, ())
            mine = facts.followed is not None and edge.receiver == facts.followed.accumulator
            if edge.receiver not in facts.leaf_set or mine or len(arrivals) < 2 or arrivals[-1] != edge.id:
                continue
            if self.index.tensors[self.index.accumulators[edge.receiver].leaf].shape:
                continue
            return self.total_of(edge.receiver)
        return None

    def total_of(self, accumulator: str) -> Line | None:
        """The shares of a leaf, added, at one entry; None where they are not recorded."""
        found = self.equations.shares_at(accumulator)
        if found is None:
            return None
        entry, shares, total = found
        name = self.facts.leaf_token(accumulator, barred=True)
        suffix = Token(f"[{','.join(map(str, entry))}]" if entry else "")
        return self.equations.sum_line((name, suffix), shares, total, Place(accumulator, "gradient"))

    def gate_words(self, op: str) -> str:
        """Where a gate is open: `where its input was above 0, g passes; below 0, nothing`."""
        gate, g = self.insets.gate(op), self.facts.g
        if gate is None or gate.border is None:
            return f"where it is open {g} passes, where it is shut nothing"
        border = number(gate.border)
        opens, shuts = ("above", "below") if gate.above else ("below", "above")
        return f"where its input was {opens} {border}, {g} passes; {shuts} {border}, nothing"

    def gate_lines(self, op: str) -> list[Line]:
        """What a gate passes on where it is open, and where it is shut."""
        gate = self.insets.gate(op)
        found: list[Line] = []
        if gate is None:
            return []
        for is_open, point, read, entry in (
            (True, gate.open, gate.open_at, gate.open_entry),
            (False, gate.closed, gate.closed_at, gate.closed_entry),
        ):
            if point is None or read is None:
                continue
            g, slope = point
            times = f" · {number(slope)}"
            at = f"[{','.join(map(str, entry))}] " if entry else ""
            place = Place(op, "gradient") if is_open else None
            came = Token(self.facts.spelling.text(g), "gradient", source=place)
            left = Token(self.facts.spelling.text(g * slope), "gradient", strong=True)
            reads = Token(self.facts.spelling.text(read), "value")
            found.append(line(f"{at}input ", reads, ": ", came, times, EQUALS, left))
        return found

    def summed(self, ops: Sequence[str]) -> str:
        """A remark on the shares of some ops that were summed over what broadcasting had repeated."""
        for op in ops:
            for edge in self.index.outgoing(op):
                if edge.reduced_axes and edge.id in self.index.shares and self.equations.summed(edge) is None:
                    target = self.index.target(edge.id)
                    named = self.index.tensors[target].name or target in self.index.accumulator_of
                    name = self.facts.name(target) if named else "An operand"
                    return (
                        f"{name} was repeated along {axes_text(edge)}: its share is the sum of {self.facts.g} along it."
                    )
        return ""

    def sent(self, ops: Sequence[str]) -> tuple[tuple[str, str], ...]:
        """The shares that some ops send, in order, with their numbers where these are told of."""
        facts = self.facts
        found = []
        for op in ops:
            for edge in self.index.outgoing(op):
                if edge.id in self.index.shares:
                    share = facts.share_of(edge.id)
                    if share is None:
                        share = facts.even(self.index.shares[edge.id])
                    found.append((edge.id, "" if share is None else facts.spelling.text(share)))
        return tuple(found)

    def spot(self, op: str, again: bool) -> Scene | None:
        """One entry of a product of matrices on the path: one row times one column."""
        mine = {edge.id for edge in self.index.outgoing(op)}
        for spot in self.explain.spots if self.explain is not None else ():
            if spot.edge in mine and spot.edge in self.facts.steps and of_two(spot):
                if self.facts.spelling.text(self.facts.steps[spot.edge].gradient) == "0" and spot.total:
                    return None  # nothing but rounding
                found = self.spot_line(spot)
                said = line("Again one row times one column." if again else "One entry is one row times one column.")
                if self.followed_spot(spot):
                    many = len(spot.terms)
                    uses = f"{'both' if many == 2 else f'all {many}'} {self.insets.summed_over(spot.edge)}"
                    said = line(*self.followed(), f" is used for {uses}: their products add.")
                lines = () if found is None else (found,)
                return Scene(
                    "row", "Backward", said, lines, ops=(op,), moves=(7,), motion=3.0,
                    sent=self.sent([op]), inset=self.insets.row_column(spot),
                )  # fmt: skip
        return None

    def followed_spot(self, spot: SpotRecord) -> bool:
        """Whether a spot is the sum that makes the gradient of the followed number, or a share of it."""
        followed, edge = self.facts.followed, self.index.edges[spot.edge]
        mine = followed is not None and (edge.receiver, spot.index) == (followed.accumulator, followed.index)
        return mine and len(spot.terms) > 1 and not spot.rest and of_two(spot)

    def makes_followed(self, op: str) -> bool:
        """Whether an op is the product of matrices that makes the gradient of the followed number."""
        spots = self.explain.spots if self.explain is not None else ()
        mine = {edge.id for edge in self.index.outgoing(op)}
        return any(spot.edge in mine and self.followed_spot(spot) for spot in spots)

    def spot_line(self, spot: SpotRecord) -> Line | None:
        """The products of a row and a column, and their sum; None where no digits make it hold."""
        facts = self.facts
        equation, shown, exact = self.equations.spot(spot)
        if not facts.spelling.holds(equation):
            return None
        target = self.index.target(spot.edge)
        found: list[Token] = []
        if self.index.tensors[target].name or target in self.index.accumulator_of:
            found = self.equations.head(self.index.edges[spot.edge], f"[{','.join(map(str, spot.index))}]")
        tones = self.insets.tones(spot.edge)
        for k, term in enumerate(shown):
            texts = [facts.spelling.text(x) for x in term]
            if k and texts[0].startswith("−"):
                found.append(MINUS)
                texts[0] = texts[0][1:]
            elif k:
                found.append(PLUS)
            found += [Token(texts[0], tones[0]), DOT, Token(texts[1], tones[1])]
        if not exact:
            rest = facts.spelling.text(equation.operands[-1])
            sign = MINUS if rest.startswith("−") else PLUS
            found += [sign, Token(rest.removeprefix("−"), "gradient"), Token(" (the rest)", "muted")]
        total = Token(facts.spelling.text(spot.total), "gradient", source=Place(spot.edge, "share"), strong=True)
        return (*found, EQUALS, total)

    def passing(self, ops: Sequence[str], again: bool = False) -> Scene:
        """Ops that pass g on as it is."""
        alone = len(set(map(self.facts.sign, ops))) == 1
        if again:
            said = self.passing_again(ops)
        elif alone and not self.facts.literal(ops[0]) and self.index.nodes[ops[0]].sentence:
            said = self.sentence(ops[0])
        else:
            said = self.passed_on(ops)
        sent = self.sent(ops)
        shown = tuple(text for _, text in sent if text)[:MOST_NUMBERS]
        waits = [
            (text, self.index.edges[edge].receiver)
            for edge, text in sent
            if text
            and self.index.edges[edge].receiver in self.facts.leaf_set
            and self._arrived.get(edge, 0) == 1 < len(self.index.arrivals[self.index.edges[edge].receiver])
        ]
        parts: list[str | Token] = [said]
        lines: tuple[Line, ...] = ()
        if len(waits) == 1 and len(self.index.nodes) <= FEW_OPS and not again:
            text, leaf = waits[0]
            parts += [" ", self.facts.leaf_token(leaf), f" has its first share: {text}."]
        for op in ops:
            for edge in self.index.outgoing(op):
                if not lines and (found := self.equations.summed(edge)) is not None:
                    lines = (found,)
                    parts += [" ", *self.served(edge)]
            if not lines and (total := self.sum_at(op)) is not None:
                lines = (total,)
        return Scene(
            "passing", "Backward", self.inside(ops, line(*parts)), lines, line(self.summed(ops)), shown,
            ops=tuple(ops), moves=(1,), sent=sent,
        )  # fmt: skip

    def served(self, edge: EdgeRecord) -> Line:
        """Why a share is a sum: `b3 was added to all 4 rows: their g add.`"""
        terms = self.equations.terms_of(edge)
        assert terms is not None
        rows = len(edge.raw_shape or ()) == 2 and tuple(edge.reduced_axes) == (0,)
        target = self.index.target(edge.id)
        known = bool(self.index.tensors[target].name) or target in self.index.accumulator_of
        name = self.facts.token(target) if known else Token("One number")
        many = len(terms[1])
        all_of = f"{'both' if many == 2 else f'all {many}'} {'rows' if rows else 'entries'}"
        return line(name, f" was {self.joined(edge)} {all_of}: their {self.facts.g} add.")

    def joined(self, edge: EdgeRecord) -> str:
        """How a repeated operand was used: `added to`; else `used for`."""
        rule = self.index.rules.get(edge.id)
        others = [self.index.rules.get(other.id) for other in self.index.outgoing(edge.sender)]
        minus = any(other is not None and list(other.tree) == ["neg", "g"] for other in others)
        return "added to" if rule is not None and rule.tree == "g" and not minus else "used for"

    def passed_on(self, ops: Sequence[str]) -> str:
        """A sentence on ops that pass g on: `− passes g to its first input, + to both.`"""
        g, some = self.facts.g, list(dict.fromkeys(map(self.facts.sign, ops)))
        places = [self.place_of_input(op) for op in ops]
        summed = any(edge.reduced_axes for op in ops for edge in self.index.outgoing(op))
        if any(places) and len(some) == len(ops) <= MOST_SENDING and not summed:
            to = [
                f"to its {place} input" if place else "to both" if len(self.index.outgoing(op)) == 2 else "on"
                for op, place in zip(ops, places, strict=True)
            ]
            more = f", {some[1]} {to[1]}" if len(some) == 2 else ""
            return f"{some[0]} passes {g} {to[0]}{more}."
        unchanged = "" if summed else " unchanged"  # what broadcasting repeated gets a sum
        return f"{self.signs(ops)} {'passes' if len(some) == 1 else 'pass'} {g} on{unchanged}{self.two_ways(ops)}."

    def place_of_input(self, op: str) -> str:
        """Which of two inputs an op passes g on to, where it would not pass on the same to the other one."""
        node, edges = self.index.nodes[op], self.index.outgoing(op)
        inputs = [i for i in node.inputs if not is_plain_number(self.index.tensors[i.tensor])]
        if len(edges) != 1 or len(inputs) != 2 or self.index.commutes(op):
            return ""
        return next((ORDINALS[k] for k, i in enumerate(inputs, 1) if i.edge == edges[0].id), "")

    def passing_again(self, ops: Sequence[str]) -> str:
        """A sentence on ops that pass g on as others did before: `The other + passes g = 1 to both inputs.`"""
        g = self.facts.g
        numbers = {text for _, text in self.sent(ops)}
        if len(ops) > 1 or len(self.index.nodes) > FEW_OPS:
            return f"{self.signs(ops)} again: {g} unchanged."
        op = ops[0]
        same = [each for each, node in self.index.nodes.items() if node.op == self.index.nodes[op].op]
        both = " to both inputs" if len(self.index.outgoing(op)) == 2 else " on"
        which = "The other" if len(same) == 2 else "Another"
        if len(numbers) != 1 or "" in numbers:
            return f"{which} {self.facts.sign(op)} also passes {g} on."
        return f"{which} {self.facts.sign(op)} passes {g} = {numbers.pop()}{both}."

    def two_ways(self, ops: Sequence[str]) -> str:
        """Where an op of a large graph sends g: `, to + and to addmm`."""
        if len(ops) > 1 or len(self.index.nodes) <= SMALL:
            return ""
        reached = dict.fromkeys(edge.receiver for edge in self.index.outgoing(ops[0]))
        signs = [self.facts.called(id, near=ops[0]) for id in reached if id in self.index.nodes]
        return f", to {signs[0]} and to {signs[1]}" if len(set(signs)) == len(reached) == 2 else ""

    def sweep(self, ops: Sequence[str]) -> Scene:
        """Ops that run without being told of one by one: what they send, or which leaves get something."""
        key = tuple(ops)
        if key not in self._sweeps:
            self._sweeps[key] = self.swept_over(key)
        return self._sweeps[key]

    def swept_over(self, ops: Sequence[str]) -> Scene:
        """The same, worked out anew."""
        boxes = {self.facts.home[op] for op in ops} if self.facts.row else set()
        if len(boxes) > 1 or any(not self.facts.row[k].few for k in boxes):
            return self.swept(ops, self.through_boxes(ops))
        alone = len(set(map(self.facts.sign, ops))) == 1
        both = len(ops) <= MOST_SENDING and not alone and len(self.index.nodes) <= SMALL  # a larger one lacks the time
        if len(ops) == 1 or both:
            said = [part for op in ops for part in ("; ", *self.sends(op))][1:]
            return self.swept(ops, line(*said, "."))
        if alone and self.facts.sign(ops[0]) == self.index.nodes[ops[0]].op and self.index.nodes[ops[0]].sentence:
            return self.swept(ops, line(f"{self.signs(ops)}: {lower_first(self.sentence(ops[0]))}"))
        leaves = self.reached(ops)
        if not leaves:
            return self.swept(ops, line(f"{self.signs(ops)} {'runs its rule' if alone else 'run their rules'}."))
        scene = self.swept(ops, line())
        who = "" if len(scene.lines) > 1 else f"{self.signs(ops)}: "  # lines name the ops that they are about
        told = self.get_shares(leaves, MOST_REACHED)
        if not who and isinstance(told[0], str):
            told[0] = capital_first(told[0])
        return replace(scene, said=line(who, *told))

    def is_repeated(self, edge: EdgeRecord) -> bool:
        """Whether a leaf was added to several rows, so that its gradient is a sum of g as they are."""
        rule = self.index.rules.get(edge.id)
        mine = edge.receiver in self.facts.leaf_set and bool(edge.reduced_axes) and rule is not None
        return mine and rule is not None and rule.tree == "g" and self.equations.terms_of(edge) is not None

    def reached(self, ops: Sequence[str]) -> list[str]:
        """The leaves to which some ops send shares."""
        reached = dict.fromkeys(edge.receiver for op in ops for edge in self.index.outgoing(op))
        return [id for id in reached if id in self.facts.leaf_set]

    def get_shares(self, leaves: Sequence[str], most: int) -> list[str | Token]:
        """That leaves get their shares, by name if they are few."""
        get = "gets its share" if len(leaves) == 1 else "get their shares"
        if len(leaves) > most:
            return [f"{in_words(len(leaves))} {'leaf' if len(leaves) == 1 else 'leaves'} {get}."]
        return [*self.tokens([self.facts.leaf_token(id) for id in leaves]), f" {get}."]

    def through_boxes(self, ops: Sequence[str]) -> Line:
        """A sentence on ops that run in boxes which are closed: it names the boxes, and leaves that have a hue."""
        leaves = self.reached(ops)
        seen = set(leaves) <= set(self.facts.hues())
        boxes = self.facts.box_names(ops)
        if not leaves:
            return line(f"{self.facts.g} goes on through {boxes}.")
        return line(f"Through {boxes}: ", *self.get_shares(leaves, MOST_REACHED if seen else 0))

    def swept(self, ops: Sequence[str], said: Line) -> Scene:
        """The scene of ops that are swept."""
        sent = self.sent(ops) if len(ops) <= SMALL else ()  # of more no share can be seen by itself
        lines = self.along_path(ops) if len(self.index.nodes) <= SMALL else []
        return Scene("sweep", "Backward", said, tuple(lines[-2:]), ops=tuple(ops), motion=SWEEP, sent=sent)

    def along_path(self, ops: Sequence[str]) -> list[Line]:
        """Where g at the entry of the path becomes another number in swept ops that the next ones read."""
        found = []
        for op in ops:
            for edge in self.index.outgoing(op):
                step = self.facts.steps.get(edge.id)
                if step is None or not step.slope:
                    continue
                name = self.facts.called(op)
                told = self.equations.others(edge.id) or (self.equations.summed(edge) if edge.reduced_axes else None)
                if told is None and step.slope != 1 and len(self.index.nodes) <= FEW_OPS:
                    told = self.equations.slope(op, letters=False)
                if told is not None:
                    first = told[0].text
                    if first.startswith("along the path"):
                        told = (Token(f"through {name}, {first}", "muted"), *told[1:])
                    elif not first.startswith("sent to ") and not told[0].leaf:
                        told = (Token(f"through {name}: ", "muted"), *told)
                    found.append(told)
        return found

    def sends(self, op: str) -> list[str | Token]:
        """What an op sends to whom: `− sends g to x2 and −g to x3`."""
        edges = [edge for edge in self.index.outgoing(op) if edge.id in self.index.shares]
        if not edges:
            return [f"{self.facts.sign(op)} sends nothing"]
        what = [self.sent_as(edge) for edge in edges]
        differ = len(set(what)) > 1
        found: list[str | Token] = [f"{self.facts.sign(op)} sends "]
        for k, edge in enumerate(edges):
            target = self.index.target(edge.id)
            named = bool(self.index.tensors[target].name) or target in self.index.accumulator_of
            last = k == len(edges) - 1
            found.append((" and " if last else ", ") if k else "")
            if k == 0 or differ:
                found.append(f"{what[k] or ('a share' if differ or len(edges) == 1 else 'shares')} to ")
            found.append(self.facts.token(target) if named else self.facts.called(edge.receiver, near=op))
        return found

    def sent_as(self, edge: EdgeRecord) -> str:
        """g or −g, where that is what an edge carries; "" for other shares."""
        rule = self.index.rules.get(edge.id)
        tree = list(rule.tree) if rule is not None and isinstance(rule.tree, list | tuple) else rule and rule.tree
        return self.facts.g if tree == "g" else f"−{self.facts.g}" if tree == ["neg", "g"] else ""

    def sweep_units(self, units: Sequence[Unit], strays: Sequence[str]) -> Scene:
        """Equal units that run one after the other, with the single ops between them."""
        norms = [self.facts.norm(unit.ops[-1]) for unit in units]
        shown = [number(norm, 2) for norm in norms if norm is not None][:MOST_NUMBERS]
        kinds = {unit.kind for unit in units}
        said = the_others(len(units), noun_of(units[0]) if len(kinds) == 1 else "part")
        ops = (*(op for unit in units for op in unit.ops), *strays)
        motion = min(SWEEP_BACKWARD, SWEEP + len(units))
        return Scene(
            "sweep", "Backward", line(said), on_stage=tuple(shown), ops=ops, moves=(6, 9), motion=motion,
            inset=self.insets.skyline(),
        )  # fmt: skip

    def headline(self, units: Sequence[Unit]) -> list[Scene]:
        """How the gradient changes from the first equal unit that backward reaches to the last."""
        kinds: dict[int, list[Unit]] = {}
        for unit in reversed(units):
            if unit.kind >= 0:
                kinds.setdefault(unit.kind, []).append(unit)
        parts = max(kinds.values(), key=len, default=[])
        ends = [part.ops[-1] for part in parts] or self.longest_chain()
        origin = self.index.gradient_origin
        inset = self.insets.skyline()
        if origin is not None:
            m = origin.measure
            word = bad_word(m)
            where = f", in {m.bad} of {m.size} entries" if m.size > 1 else ""
            said = f"{word} born at {self.where(origin.part)}: its share is {word}{where}."
            if origin.edge is None:
                said = f"{word} came in with the seed{where}."
        elif dead := self.last_alive():
            said = f"Vanished: after {self.where(dead)} the gradient is 0."
        elif sizes := [norm for op in ends if (norm := self.facts.norm(op)) is not None and norm > 0][:: len(ends) - 1]:
            names = [part.label for part in (parts[0], parts[-1])] if parts else []
            said = self.compared(sizes[0], sizes[-1], names, len(ends)) if len(sizes) > 1 else ""
        else:
            said = ""
        if not said:
            return []
        return [Scene("headline", "Backward", line(said), ops=tuple(ends), moves=(9,), motion=3.0, inset=inset)]

    def longest_chain(self) -> list[str]:
        """The ops of the longest way from the root, in the order of backward."""
        best: dict[str, tuple[int, str]] = {}  # op -> how many ops lead to it from the root, and the one before it
        ran = [turn.node for turn in self.index.turns]
        for op in ran:
            many = best.setdefault(op, (1, ""))[0]
            for edge in self.index.outgoing(op):
                if edge.receiver in self.index.nodes and best.get(edge.receiver, (0, ""))[0] <= many:
                    best[edge.receiver] = many + 1, op
        found: list[str] = []
        op = max(ran, key=lambda op: best[op][0], default="")
        while op:
            found.append(op)
            op = best[op][1]
        return found[::-1]

    def last_alive(self) -> str:
        """The op after which every gradient is 0; "" where some is not."""
        norms = [self.facts.norm(turn.node) for turn in self.index.turns]
        alive = [k for k, norm in enumerate(norms) if norm != 0]
        k = alive[-1] if alive else -1
        # A branch that ends in a product with 0 is no gradient that vanishes.
        return self.index.turns[k].node if 0 <= k < len(norms) - max(1, MOST_DEAD * len(norms)) else ""

    def compared(self, first: float, last: float, names: Sequence[str], many: int) -> str:
        """How the size of the gradient changes from the first of some parts that backward reaches to the last."""
        ratio = first / last
        way = f"From {names[0]} back to {names[1]}" if names else f"Over {many} ops, last to first,"
        sizes = f"{figure(first, 3)} to {figure(last, 3)}"
        most = max(ratio, 1 / ratio)
        times = f", {figure(float(f'{most:.2g}'), 3)} times" if most < PLAIN else ""
        if ratio >= FADING:
            how = f"{times} smaller" if times else ""
            return f"{way} the gradient {'vanishes' if ratio >= VANISHED else 'fades'}: {sizes}{how}."
        if ratio <= 1 / FADING:
            how = f"{times} larger" if times else ""
            return f"{way} the gradient {'explodes' if ratio <= 1 / VANISHED else 'grows'}: {sizes}{how}."
        if figure(first, 3) == figure(last, 3):
            return f"{way} the gradient's size stays {figure(first, 3)}: it does not fade."
        if 1 / STEADY <= ratio <= STEADY:
            how = "grows a little" if ratio < LIKE else "shrinks a little" if ratio > 1 / LIKE else "does not fade"
            return f"{way} the gradient's size goes {sizes}: it {how}."
        return f"{way} the gradient {'shrinks' if ratio > 1 else 'grows'}: {sizes}."

    # paths, sums, step, end

    def paths(self) -> list[Scene]:
        """Why the followed number is what it is: the products along its paths and their sum, or the sum of its shares.

        The shares of a leaf that is used several times are told where paths alone do not make up the gradient.
        """
        facts = self.facts
        if not facts.paths_found or facts.followed is None:
            return []
        equation = self.equations.paths_sum()
        exact = equation is not None and self.equations.all_paths()
        several = len(facts.paths_found) > 1
        name, place = self.followed_gradient(), Place(facts.followed.accumulator, "gradient")
        leaves = (facts.followed.accumulator,)
        shares = self.equations.shares_at(facts.followed.accumulator)
        if shares is not None and (len(shares[1]) > 2 or not exact):
            added = self.equations.sum_line(name, shares[1], shares[2], place)
            leaf = self.facts.leaf_token(facts.followed.accumulator)
            many = len(shares[1])
            said = line(leaf, f" is used {times(many)}: its {in_words(many)} gradients are added.")
            sums = () if added is None else (added,)
            bars = self.insets.shares()
            return [Scene("paths", "Backward", said, sums, leaves=leaves, moves=(2,), motion=4.0, inset=bars)]
        note = "" if exact else " (other paths)"
        total = None
        if equation is not None:
            total = self.equations.sum_line(name, equation.operands, equation.total, place, note)
        shown: list[Line | None]
        if exact and not several:
            said, shown = line("Multiply along the path."), [self.product(self.strongest())]
        elif exact:
            said, shown = line("Multiply along a path, add over paths."), [*map(self.product, facts.paths_found), total]
        else:
            said = line("One path of many: multiply its slopes.")
            if (many := len(self.index.arrivals.get(facts.followed.accumulator, ()))) > 1:
                leaf = self.facts.leaf_token(facts.followed.accumulator)
                said = line(leaf, f" is used {times(many)}: its {in_words(many)} gradients are added.")
                said = line(*said, " One path of many:")
            shown = [self.product(self.strongest()), total]
        lines = tuple(each for each in shown if each is not None)
        walks = self.insets.walks(exact)
        return [Scene("paths", "Backward", said, lines, leaves=leaves, moves=(2,), motion=4.0, inset=walks)]

    def path(self) -> list[Scene]:
        """One path by itself, where the other scene adds shares; nothing where that tells paths."""
        facts = self.facts
        told = self.paths()
        if not told or isinstance(told[0].inset, Walks) or facts.followed is None:
            return []
        product = self.product(self.strongest())
        shares = self.equations.shares_at(facts.followed.accumulator)
        whole = self.strongest().steps[-1].product
        # Else the path brings a part of a share, which is no number of the sum.
        if (
            product is None
            or not told[0].lines
            or shares is None
            or all(abs(s - whole) > 1e-9 * abs(s) for s in shares[1])
        ):
            return []
        return [
            Scene(
                "path", "Backward", line("Multiply along one path."), (product,),
                leaves=(facts.followed.accumulator,), moves=(2,), motion=3.6,
                inset=self.insets.walks(False, [self.strongest()]),
            )
        ]  # fmt: skip

    def strongest(self) -> PathRecord:
        """The path with the largest product."""
        return max(self.facts.paths_found, key=lambda path: abs(path.steps[-1].product))

    def followed_gradient(self) -> Line:
        """The name of the gradient of the followed number."""
        followed = self.facts.followed
        assert followed is not None
        name = self.facts.leaf_token(followed.accumulator, barred=True)
        entry = f"[{','.join(map(str, followed.index))}]" if followed.index else ""
        return (name, Token(entry)) if entry else (name,)

    def product(self, path: PathRecord) -> Line | None:
        """The factors of a path and their product; factors of 1 are left out of a long one."""
        equation, notes, fewer = self.equations.product(path)
        write = self.facts.spelling.text
        if not self.facts.spelling.holds(equation):
            return None
        found: list[Token] = []
        for k, (factor, note) in enumerate(zip(equation.operands, notes, strict=True)):
            found += [*([DOT] if k else []), Token(write(factor), "gradient")]
            found += [Token(f" ({note})", "muted")] if note else []
        if fewer:
            found.append(Token(" (1s left out)", "muted"))
        if len(equation.operands) == 1 and not notes[0]:
            return tuple(found)  # a way of one step: its slope is all
        return (*found, EQUALS, Token(write(equation.total), "gradient", strong=True))

    def other_leaves(self, told: set[str]) -> list[Scene]:
        """The sums at leaves that are not followed, and leaves that no gradient reached."""
        found: list[Scene] = []
        facts = self.facts
        first = [facts.followed.accumulator] if facts.followed is not None else []
        for id in dict.fromkeys([*first, *facts.leaf_ids]):
            shares = self.index.arrivals.get(id, ())
            followed = facts.followed is not None and id == facts.followed.accumulator and bool(facts.paths_found)
            if followed or len(shares) < 2 or len(found) == 2 or id in facts.elsewhere or id in told:
                continue
            total = self.total_of(id)
            many = in_words(len(shares))
            said = line(facts.leaf_token(id), f" is used {times(len(shares))}: its {many} gradients are added.")
            lines = () if total is None else (total,)
            known = self.equations.shares_at(id)
            if known is not None and len(self.index.nodes) > SMALL:
                largest = max(known[1], key=abs)
                said = line(facts.leaf_token(id), f" adds {many} too: largest {facts.spelling.text(largest)}.")
                lines = ()
            found.append(Scene("sum", "Backward", said, lines, leaves=(id,), moves=(2,)))
        found += self.held()
        nothing = [facts.name(self.index.leaf(id).id) for id in facts.leaf_ids if id not in self.index.changes]
        if nothing:
            said = line(
                f"{some_of(nothing)} {'gets' if len(nothing) == 1 else 'get'} no gradient: no path leads there."
            )
            found.append(Scene("none", "Backward", said))
        return found

    def held(self) -> list[Scene]:
        """What the first leaf held before, which is another number than what this pass sent."""
        facts = self.facts
        for id in facts.hues():
            change, passed = self.index.changes.get(id), self.index.passed.get(id)
            entry = facts.followed.index if facts.followed is not None and facts.followed.accumulator == id else None
            if change is None or change.before is None or passed is None:
                continue
            parts = [facts.number_at(tensor, entry) for tensor in (change.before, passed, change.after)]
            before, sent, after = parts
            if before is None or sent is None or after is None or not before:
                continue
            held, now = (Token(facts.spelling.text(value), "gradient") for value in (before, after))
            this = Token(facts.spelling.text(sent), "gradient")
            name = facts.entry_text(self.index.accumulators[id].leaf, entry or ())
            added = line("held ", held, ", this pass ", this, ", now ", now)
            said = line(f"The grad of {name} held a number before; this pass adds to it.")
            return [Scene("held", "Backward", said, (added,), leaves=(id,), moves=(2,))]
        return []

    def step(self) -> list[Scene]:
        """All leaves move against their gradients."""
        step, facts = self.explain.step if self.explain is not None else None, self.facts
        run = self.index.run
        if step is None or run is None or self.index.tensors[self.index.nodes[run.root].outputs[run.output]].shape:
            return []
        said = line(f"Step: new leaf = leaf − {figure(step.rate)} · its gradient.")
        after = line(
            facts.result, " ", Token(figure(step.before), "value"), " → ", Token(figure(step.after), "done"),
            Token(f"; the gradients predicted {figure(step.predicted)}", "muted"),
        )  # fmt: skip
        return [
            Scene(
                "step", "One step", said, (after,), leaves=tuple(facts.leaf_ids), moves=(8,), motion=4.0,
                inset=self.insets.step(),
            )
        ]  # fmt: skip

    def end(self) -> Scene:
        """The finished graph."""
        facts = self.facts
        leaves = tuple(facts.leaf_ids)
        passed = {
            id: self.facts.whole.tensors[tensor] for id, tensor in facts.whole.passed.items() if id in facts.leaf_set
        }
        scalars = all(id in passed and passed[id].shape == () and passed[id].data is not None for id in leaves)
        parts: list[str | Token] = []
        if passed and len(leaves) <= MOST_ENDS and scalars:
            for k, id in enumerate(leaves):
                parts += [", "] if k else []
                total = number_text(passed[id])
                found = self.whole_number(passed[id].id)
                total = total if found is None else facts.spelling.text(found)
                parts += [facts.leaf_token(id, barred=True), f" = {total}"]
            said = line("One backward pass: ", *parts, ".")
        elif passed and (op := self.log_like()):
            origin = next(each for each in self.index.value_origins if each.part == op)
            where = f"at {origin.measure.bad} of {origin.measure.size} entries" if origin.measure.size > 1 else "there"
            said = line(f"Finite gradients, though {facts.sign(op)} has no slope {where}.")
        elif passed and (bad := [tensor for tensor in passed.values() if nonfinite(tensor)]):
            words = max(map(nonfinite_word, bad), key=len)
            every = {1: "the only gradient", 2: "both gradients"}.get(
                len(passed), f"all {in_words(len(passed))} gradients"
            )
            some = f"{in_words(len(bad))} of {in_words(len(passed))} gradients"
            said = line(f"One backward pass: {words} in {every if len(bad) == len(passed) else some}.")
        elif self.probe is not None and self.agreement() == AGREE and facts.followed is not None and passed:
            counted = f"{in_words(len(passed))} gradients" if len(passed) > 1 else "one gradient"
            said = line(f"One backward pass: {counted}.")
        elif passed:
            many = len(passed)
            said = line(f"One backward pass gave {in_words(many)} gradient{'s' if many > 1 else ''}.")
            if (mine := facts.total) is not None:
                said = line(*said, " ", *self.followed_gradient(), f" = {facts.spelling.text(mine)}.")
        else:
            said = line(f"{in_words(len(leaves)).capitalize()} {'leaf' if len(leaves) == 1 else 'leaves'}, one graph.")
        return Scene("end", LAST, said, leaves=leaves, moves=(10,))

    def whole_number(self, tensor: str) -> float | None:
        """The number of a tensor of the whole record."""
        data = self.facts.whole.tensors[tensor].data
        return float(data.values[0]) if data is not None and data.values is not None and len(data.values) == 1 else None

    def log_like(self) -> str:
        """The op that reads numbers where it has no value, if all gradients are finite all the same."""
        gradients = [self.facts.whole.tensors[tensor] for tensor in self.facts.whole.passed.values()]
        if any(nonfinite(tensor) for tensor in gradients):
            return ""
        for origin in self.index.value_origins:
            if origin.part in self.index.nodes and (lens := self.insets.lens(origin.part)) and lens.off:
                return origin.part
        return ""


def the_others(many: int, noun: str) -> str:
    """A sentence on equal units that are swept: `The other 11 blocks do the same.`"""
    return f"The other {noun} does the same." if many == 1 else f"The other {many} {noun}s do the same."


def capital_first(words: str) -> str:
    """Words with a capital at their beginning."""
    return words[:1].upper() + words[1:]


def lower_first(words: str) -> str:
    """A sentence that stands after a colon; one that begins with a name or a sign stays as it is."""
    return words[:1].lower() + words[1:] if re.match(r"[A-Z]([a-z]+ |[a-z]+$| )", words) else words


def capital(words: str) -> str:
    """Words at the beginning of a sentence; a name stays as it is."""
    return words[0].upper() + words[1:] if " " in words else words


def times(count: int) -> str:
    """How often: `twice`, `six times`."""
    return "twice" if count == 2 else f"{in_words(count)} times"


def in_words(count: int) -> str:
    """A small count as a word, a larger one in figures."""
    return COUNTS[count] if count < len(COUNTS) else str(count)


def bad_word(size: Measure) -> str:
    """What the entries are that `size.bad` counts: NaN, ∞, or either."""
    return "NaN or ∞" if size.nan and size.infinite else "NaN" if size.nan else "∞"
