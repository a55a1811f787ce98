"""The words and numbers of each scene of a lesson, read from the record; nothing is computed that it does not hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isclose, prod
from operator import mul

import numpy as np

from grad_engine import formula
from grad_engine.errors import FormulaError
from grad_engine.formula import Tree, number
from grad_engine.formula.evaluate import evaluate
from grad_engine.record import GraphRecord, NodeRecord, TensorRecord
from grad_engine.record.explained import result_parts
from grad_engine.record.index import index_of, is_plain_number
from grad_engine.record.parts import PathRecord, PathStepRecord
from grad_engine.story.names import bar
from grad_engine.story.scenes import Scene
from grad_engine.story.units import Unit
from grad_engine.story.values import is_number, number_text, values
from grad_engine.story.wording import axes_text, filled, listed, some_of

SWEEP = 2.0  # seconds for ops that are swept between told ones
SWEEP_FORWARD, SWEEP_BACKWARD = 4.0, 6.0  # seconds for equal units that are swept
MOST_NUMBERS = 6  # on the stage in one scene
MOST_FACTORS = 9  # of a path that are written out
FADING, VANISHED, STEADY = 10.0, 1000.0, 2.0  # ratios of gradients that a headline names
DIGITS = 3  # of numbers in equations
INFIX = "+−×÷/@"  # signs that stand between operands
SHORT = 4  # characters of a formula that stands for an op
APART = 0.005  # part of a gradient by which a measured ratio may differ from it and still agree
COUNTS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]


class LessonWords:
    """What is said of one record, or of a part of one.

    whole: the record that a part was cut from. It names the tensors and says what L is. elsewhere: how many shares
        reach an op or a leaf from what is not shown.
    """

    def __init__(
        self, record: GraphRecord, whole: GraphRecord | None = None, elsewhere: Mapping[str, int] | None = None
    ) -> None:
        self.record = record
        self.index = index_of(record)
        self.whole = index_of(whole or record)
        self.elsewhere = elsewhere or {}
        # A part also has accumulators for results that ops outside of it made; these are no leaves.
        self.leaf_ids = [id for id in self.index.accumulators if id in self.whole.accumulators]
        self.border = [id for id in self.index.accumulators if id not in self.whole.accumulators]
        self.explain = record.explain
        self.probe = record.explain.probe if record.explain is not None else None
        self.paths_found: tuple[PathRecord, ...] = record.explain.paths if record.explain is not None else ()
        self.steps: dict[
            str, PathStepRecord
        ] = {}  # edge -> the step of a path over it, of the first path if of several
        self.numbers: dict[str, float] = {}  # tensor -> its number at the entry of a path
        for path in reversed(self.paths_found):
            self.steps |= {step.edge: step for step in path.steps}
            self.numbers |= {self.index.target(step.edge): step.value for step in path.steps}
        self.rules_told: dict[tuple[str, bool], Scene] = {}
        self.passing_ops: dict[str, bool] = {}
        self.on_path = {self.index.edges[edge].sender for edge in self.steps}
        self.result, self.meaning = result_parts(whole or record)
        runs = self.index.run, self.whole.run
        self.at_root = runs[0] is None or runs[1] is None or runs[0].root == runs[1].root

    # small pieces

    def name(self, tensor: str) -> str:
        """What a tensor is called; a nameless result is called by its op."""
        return self.whole.label(tensor) or number_text(self.index.tensors[tensor])

    def sign(self, op: str) -> str:
        """What an op is called: its sign if it stands between operands, `x²` with a constant put in, else its name."""
        node = self.index.nodes[op]
        if node.symbol and node.symbol in INFIX:
            return node.symbol
        known = {i.parameter: t for i in node.inputs if is_plain_number(t := self.index.tensors[i.tensor])}
        others = [i.parameter for i in node.inputs if i.parameter not in known]
        if known and len(others) == 1 and node.formula is not None:
            short = formula.text(filled(node.formula.forward.tree, known), {others[0]: "x"})
            if len(short) <= SHORT:
                return short
        return node.op

    def signs(self, ops: Sequence[str]) -> str:
        """The signs of some ops in a list, each once."""
        some = list(dict.fromkeys(map(self.sign, ops)))
        return listed(some if len(some) <= 4 else [*some[:3], f"{len(some) - 3} more"])

    def value(self, tensor: str) -> str | None:
        """The number of a tensor, or its number on the path; None where there is neither."""
        record = self.index.tensors[tensor]
        if is_number(record):
            return number_text(record)
        return number(self.numbers[tensor], DIGITS) if tensor in self.numbers else None

    def followed(self) -> str:
        """The leaf and the entry that the lesson follows: `x2`, `W1[0,4]`."""
        if self.probe is None:
            return ""
        entry = f"[{','.join(map(str, self.probe.index))}]" if self.probe.index else ""
        return self.name(self.index.accumulators[self.probe.accumulator].leaf) + entry

    def gradient_name(self, accumulator: str) -> str:
        """The name of the gradient of a leaf."""
        return bar(self.name(self.index.accumulators[accumulator].leaf))

    def passes(self, op: str) -> bool:
        """Whether an op passes on numbers of the gradient that reaches it as they are: its rules read no value.

        Sums over what broadcasting repeated still count; the scene says so in a remark.
        """
        if op not in self.passing_ops:
            self.passing_ops[op] = self.hands_on(op)
        return self.passing_ops[op]

    def hands_on(self, op: str) -> bool:
        """The same, worked out anew."""
        node, edges = self.index.nodes[op], self.index.outgoing(op)
        trees = [rule.tree for edge in edges if (rule := self.index.rules.get(edge.id)) is not None]
        if edges and len(trees) == len(edges) and all(tree == "g" for tree in trees):
            return True
        g = self.index.gradient_tensor(op)
        known = values(g) if g is not None else None
        shares = [self.index.tensors[self.index.shares[edge.id]] for edge in edges if edge.id in self.index.shares]
        if node.saved or known is None or not shares:
            return False
        found = [values(share) for share in shares]
        return all(some is not None and bool(np.isin(some, known).all()) for some in found)

    def summed(self, ops: Sequence[str]) -> str:
        """A remark on the shares of some ops that were summed over what broadcasting had repeated."""
        for op in ops:
            for edge in self.index.outgoing(op):
                if edge.reduced_axes and edge.id in self.index.shares:
                    return f"{bar(self.name(self.index.target(edge.id)))} sums over {axes_text(edge)}."
        return ""

    def norm(self, op: str) -> float | None:
        """The norm of the gradient that reached an op."""
        found = self.index.gradient(op)
        return None if found is None else found.norm

    # forward

    def leaves(self, units: Sequence[Unit]) -> Scene:
        """The leaves, and what is asked of them."""
        leaves = self.leaf_ids
        several = [unit for unit in units if unit.kind >= 0]
        many = in_words(len(leaves)).capitalize()
        noun = "leaf" if len(leaves) == 1 else "leaves"
        if several:
            said = f"{len(self.index.nodes)} ops, {len(several)} equal parts. {many} {noun}."
        elif self.probe is not None and self.probe.index:
            said = f"{many} {noun}. We follow one number, {self.followed()}."
        elif leaves:
            target = f"{self.result}, {self.meaning}" if self.meaning else self.result or "the result"
            said = f"{many} {noun}. How far does {'it' if len(leaves) == 1 else 'each one'} move {target}?"
        else:
            said = "No leaf is shown."
        shown: list[str] = []
        for id in [*leaves, *self.border][:MOST_NUMBERS]:
            tensor = self.index.leaf(id)
            face = number_text(tensor) if is_number(tensor) else "×".join(map(str, tensor.shape))
            shown.append(f"{self.name(tensor.id)} {face}")
        remark = ""
        if self.border:
            names = [self.name(self.index.leaf(id).id) for id in self.border]
            remark = f"{some_of(names)} {'comes' if len(names) == 1 else 'come'} from what is not shown."
        on_stage = tuple(shown)
        return Scene("leaves", "Forward", said, (), remark, on_stage, leaves=tuple(leaves), moves=(10,))

    def asked_of_all(self, units: Sequence[Unit]) -> bool:
        """Whether the first scene asks how far leaves move the result, and so says what the result is."""
        followed = self.probe is not None and bool(self.probe.index)
        return bool(self.leaf_ids) and not followed and all(unit.kind < 0 for unit in units)

    def forward(self, units: Sequence[Unit], in_ranks: bool) -> list[Scene]:
        """The forward pass: rank by rank, at once, or with one of the equal units opened."""
        kinds = [unit for unit in units if unit.kind >= 0]
        if kinds:
            return self.forward_units(units, kinds)
        ops = list(self.index.nodes)
        if not in_ranks:
            return [self.written(ops, "Forward: every op writes its value.", root=True)]
        depth: dict[str, int] = {}
        for op in ops:
            depth[op] = 1 + max((depth[part] for part in self.index.sources(op) if part in depth), default=0)
        ranks: dict[int, list[str]] = {}
        for op in ops:
            ranks.setdefault(depth[op], []).append(op)
        groups = list(ranks.values())
        while len(groups) > 3:  # the ranks with fewest ops share a scene
            k = min(range(len(groups) - 1), key=lambda k: len(groups[k]) + len(groups[k + 1]))
            groups[k : k + 2] = [groups[k] + groups[k + 1]]
        scenes = []
        for k, some in enumerate(groups):
            said = f"Forward: {self.signs(some)} first." if k == 0 else f"Then {self.signs(some)}."
            scenes.append(self.written(some, said, root=k == len(groups) - 1))
        return scenes

    def written(self, ops: Sequence[str], said: str, root: bool) -> Scene:
        """Ops that write their values."""
        shown: list[str] = []
        for op in ops:
            tensor = self.index.nodes[op].outputs[0]
            found = self.value(tensor)
            if found is not None and len(shown) < MOST_NUMBERS:
                name = self.index.tensors[tensor].name
                shown.append(f"{name} {found}" if name else found)
        if root and self.at_root and self.result and self.result not in {text.split()[0] for text in shown}:
            shown.append(self.result)
        return Scene("forward", "Forward", said, remark=self.born(ops), on_stage=tuple(shown), ops=tuple(ops))

    def born(self, ops: Sequence[str]) -> str:
        """A remark on the first of some ops that makes what is not finite."""
        for origin in self.index.value_origins:
            if origin.part in ops:
                word = "NaN" if origin.measure.nan else "∞"
                some = f" in {origin.measure.bad} of {origin.measure.size}" if origin.measure.size > 1 else ""
                return f"{self.sign(origin.part)} makes {word}{some}."
        return ""

    def forward_units(self, units: Sequence[Unit], kinds: Sequence[Unit]) -> list[Scene]:
        """One of the equal units opened, the others swept, and what comes after them."""
        first = kinds[-1]
        same = [unit for unit in kinds if unit.kind == first.kind]
        opened = self.written(first.ops, f"One part: {self.signs(first.ops)}.", root=False)
        rest = [op for unit in units if unit.kind < 0 for op in unit.ops]
        said = f"And {len(same) - 1} more like this."
        scenes = [
            Scene("unit", "Forward", opened.sentence, on_stage=opened.on_stage, ops=first.ops, moves=(6,), motion=3.0),
            Scene("sweep", "Forward", said, ops=tuple(op for unit in same for op in unit.ops), motion=SWEEP_FORWARD),
        ]
        if rest:
            scenes.append(self.written(rest, f"Around them {self.signs(rest)}.", root=True))
        return scenes

    # the nudge, the seed, the check

    def nudge(self, units: Sequence[Unit]) -> list[Scene]:
        """The followed entry is nudged; without a probe only the question is asked."""
        probe = self.probe
        remark = f"{self.result} is {self.meaning}." if self.meaning and not self.asked_of_all(units) else ""
        if probe is None:
            asked = f"How far does {self.result} move when a leaf moves a little?"
            return [Scene("nudge", "A nudge", asked, (), remark, moves=(3,))]
        changes = [number(change.change, 1) for change in probe.changes[:4]]
        said = (
            f"Nudge {self.followed()} by {number(probe.delta)}: {self.result} moves"
            f" {number(probe.root_change, DIGITS)}, {number(probe.ratio, DIGITS)} times the nudge."
        )
        on_stage = tuple(changes)
        return [Scene("nudge", "A nudge", said, (), remark, on_stage, leaves=(probe.accumulator,), moves=(3,))]

    def seed(self, units: Sequence[Unit]) -> list[Scene]:
        """The gradient that backward starts with."""
        run = self.index.run
        assert run is not None
        root = self.index.nodes[run.root].outputs[run.output]
        tensor, seed = self.index.tensors[root], values(self.index.tensors[run.seed])
        name = self.name(root)
        ones = seed is not None and bool((seed == 1).all())
        if not self.at_root:
            said = f"{bar(name)} comes from what is not shown."
        elif tensor.shape == () and ones:
            seeded = number_text(self.index.tensors[run.seed])
            said = f"Backward finds the ratio of every leaf in one pass. Seed: {seeded}."
        elif ones and not self.asked_of_all(units):  # the scene before has just said what L is
            said = f"So backward starts with 1 at each entry of {name}."
        elif ones:
            said = f"{self.result} is {self.meaning}, so backward starts with 1 at each entry."
        else:
            said = f"{self.result} is {self.meaning}, so backward starts with the seed."
        return [Scene("seed", "Backward", said, ops=(run.root,), motion=2.6)]

    def check(self) -> list[Scene]:
        """What was measured beside the gradient."""
        probe = self.probe
        if probe is None:
            return []
        measured, gradient = number(probe.ratio), number(probe.gradient)
        if probe.below is not None and probe.above is not None:
            said = (
                f"{self.followed()} is at a kink: {number(probe.below + 0.0)} to one side,"
                f" {number(probe.above + 0.0)} to the other; the rule says {gradient}."
            )
        else:
            said = f"Does it hold? {self.followed()}: measured {measured}, gradient {gradient}: {self.agreement()}."
        hidden = ""
        if probe.skipped:
            some = probe.skipped[0]
            entry = f"[{','.join(map(str, some.index))}]" if some.index else ""
            hidden = f"{self.gradient_name(some.accumulator)}{entry} = {number(some.gradient)} cannot be checked."
        return [Scene("check", "Check", said, remark=hidden, leaves=(probe.accumulator,), moves=(3,), motion=2.6)]

    def agreement(self) -> str:
        """Whether the measured ratio is the gradient: they agree, are so far apart and likely why, or do not agree."""
        assert self.probe is not None
        ratio, gradient = self.probe.ratio, self.probe.gradient
        if not self.probe.agrees:
            return "they do not agree"
        apart = abs(ratio - gradient) / (max(abs(ratio), abs(gradient)) or 1.0)
        if apart <= APART:
            return "they agree"
        assert self.whole.run is not None
        dtype = self.whole.tensors[self.whole.nodes[self.whole.run.root].outputs[self.whole.run.output]].dtype
        cause = "the size of the nudge" if dtype == "float64" else f"{dtype} rounding"
        return f"{number(100 * apart, 2)} % apart, likely by {cause}"

    # backward

    def rule(self, op: str, row: bool) -> Scene:
        """The rule of one op, with numbers where its formula gives the share that was sent."""
        if (op, row) not in self.rules_told:
            self.rules_told[op, row] = self.worked_out(op, row)
        return self.rules_told[op, row]

    def worked_out(self, op: str, row: bool) -> Scene:
        """The same, worked out anew."""
        node = self.index.nodes[op]
        steps = [step for edge in self.index.outgoing(op) if (step := self.steps.get(edge.id)) is not None]
        spot = self.spot(op) if row else None
        if spot is not None:
            return spot
        equations = self.equations(node) or [found for step in steps[:1] if (found := self.slope(step))]
        said = node.sentence or f"{node.op} runs its rule."
        moves: tuple[int, ...] = (1,)
        if steps and self.curve(node):
            said = (
                f"At {number(steps[0].value, DIGITS)} the slope of {self.sign(op)} is {number(steps[0].slope, DIGITS)}."
            )
            moves = (1, 5)
        return Scene(
            "rule", "Backward", said, tuple(equations[:2]), self.summed([op]), ops=(op,), moves=moves, motion=2.6
        )

    def equations(self, node: NodeRecord) -> list[str]:
        """The rules of an op as equations between numbers; only those that hold for the numbers as they are shown."""
        found = []
        for edge in self.index.outgoing(node.id):
            rule, share = self.index.rules.get(edge.id), self.index.shares.get(edge.id)
            if rule is None or share is None or not is_number(self.index.tensors[share]):
                continue
            if self.explain is None or not (self.explain.holds or {}).get(edge.id):
                continue
            known = {i.parameter: t for i in node.inputs if is_plain_number(t := self.index.tensors[i.tensor])}
            tree = filled(rule.tree, known)
            numbers = self.numbers_of(node)
            target = bar(self.name(self.index.target(edge.id)))
            total = number_text(self.index.tensors[share])
            spelled = {i.parameter: self.name(i.tensor) for i in node.inputs} | {"out": self.name(node.outputs[0])}
            letters = formula.text(tree, spelled)
            shown = formula.text(tree, {key: number(value) for key, value in numbers.items()})
            middle = f" = {shown}" if shown != total and self.true(tree, numbers, total) else ""
            found.append(f"{target} = {letters}{middle} = {total}")
        return found

    def numbers_of(self, node: NodeRecord) -> dict[str, float]:
        """The numbers that stand for the names in the rules of an op, where all of them are single numbers."""
        tensors: dict[str, TensorRecord] = {i.parameter: self.index.tensors[i.tensor] for i in node.inputs}
        tensors["out"] = self.index.tensors[node.outputs[0]]
        if (g := self.index.gradient_tensor(node.id)) is not None:
            tensors["g"] = g
        return {
            name: float(found.item())
            for name, tensor in tensors.items()
            if tensor.shape == () and (found := values(tensor)) is not None
        }

    def true(self, tree: Tree, numbers: dict[str, float], total: str) -> bool:
        """Whether a formula, evaluated with the numbers as they are written, gives the number that is written."""
        written = {name: float(number(value).replace("−", "-").replace("NaN", "nan").replace("∞", "inf"))
                   for name, value in numbers.items()}  # fmt: skip
        try:
            result = float(evaluate(tree, written))
        except (FormulaError, TypeError, ValueError):
            return False
        return number(result + 0.0) == total or isclose(result, float(total.replace("−", "-")), rel_tol=2e-4)

    def slope(self, step: PathStepRecord) -> str:
        """g times slope at one entry, as an equation; only the slope where rounding would show."""
        for digits in (DIGITS, 4):
            g, slope = (float(f"{part:.{digits}g}") for part in (step.gradient, step.slope))
            if number(g * slope, digits) == number(step.gradient * step.slope, digits):
                shown = number(step.gradient * step.slope + 0.0, digits)
                return f"g · slope = {number(g, digits)} · {number(slope, digits)} = {shown}"
        return f"slope = {number(step.slope, DIGITS)}"

    def curve(self, node: NodeRecord) -> bool:
        """Whether the record holds a curve for this op."""
        return any(curve.op == node.op for curve in (self.explain.curves if self.explain is not None else ()))

    def spot(self, op: str) -> Scene | None:
        """One entry of a product of matrices on the path: one row times one column."""
        mine = {edge.id for edge in self.index.outgoing(op)}
        for spot in self.explain.spots if self.explain is not None else ():
            if spot.edge in mine and spot.edge in self.steps:
                factors = [factor for term in spot.terms[:4] for factor in term]
                rest = spot.total - sum(a * b for a, b in zip(factors[::2], factors[1::2], strict=True))
                small = abs(rest) <= 1e-9 * max(abs(spot.total), 1e-300)
                shown = spelled(factors, spot.total - rest, lambda some: sum(map(mul, some[::2], some[1::2])))
                terms = [f"{a} · {b}" for a, b in zip(shown[::2], shown[1::2], strict=True)]
                sum_text = " + ".join([*terms, *([] if small else ["the rest"])]).replace("+ −", "− ")
                said = "One entry is one row times one column."
                equation = f"{sum_text} = {number(spot.total, DIGITS)}"
                return Scene("row", "Backward", said, (equation,), ops=(op,), moves=(7,), motion=3.0)
        return None

    def passing(self, ops: Sequence[str]) -> Scene:
        """Ops that pass g on as it is."""
        said = f"{self.signs(ops)} {'passes' if len(set(map(self.sign, ops))) == 1 else 'pass'} g on unchanged."
        shown: list[str] = []
        for op in ops:
            for edge in self.index.outgoing(op):
                share = self.index.shares.get(edge.id)
                if share is not None and is_number(self.index.tensors[share]) and len(shown) < MOST_NUMBERS:
                    shown.append(number_text(self.index.tensors[share]))
        remark = self.summed(ops)
        return Scene("passing", "Backward", said, (), remark, tuple(shown), ops=tuple(ops), moves=(1,))

    def sweep(self, ops: Sequence[str]) -> Scene:
        """Ops that run without being told of one by one."""
        said = f"{self.signs(ops)} {'runs its rule' if len(set(map(self.sign, ops))) == 1 else 'run their rules'}."
        return Scene("sweep", "Backward", said, ops=tuple(ops), motion=SWEEP)

    def sweep_units(self, units: Sequence[Unit], strays: Sequence[str]) -> Scene:
        """Equal units that run one after the other, with the single ops between them."""
        norms = [self.norm(unit.ops[-1]) for unit in units]
        shown = [number(norm, 2) for norm in norms if norm is not None][:MOST_NUMBERS]
        said = f"And {len(units)} more like this."
        ops = (*(op for unit in units for op in unit.ops), *strays)
        motion = min(SWEEP_BACKWARD, SWEEP + len(units))
        return Scene("sweep", "Backward", said, on_stage=tuple(shown), ops=ops, moves=(6, 9), motion=motion)

    def headline(self, units: Sequence[Unit]) -> list[Scene]:
        """How the gradient changes from the first equal unit that backward reaches to the last."""
        kinds: dict[int, list[Unit]] = {}
        for unit in reversed(units):
            if unit.kind >= 0:
                kinds.setdefault(unit.kind, []).append(unit)
        parts = max(kinds.values(), key=len, default=[])
        ends = [part.ops[-1] for part in parts] or list(self.index.nodes)[::-1]
        norms = [norm for op in ends if (norm := self.norm(op)) is not None and norm > 0]
        if len(norms) < 2:
            return []
        first, last = norms[0], norms[-1]
        ratio = first / last
        steps = f"{len(norms) - 1} {'parts' if parts else 'ops'} back"
        change = f"{number(first, DIGITS)} → {number(last, DIGITS)}"
        if ratio >= FADING:
            word = "Vanished" if ratio >= VANISHED else "Fading"
            said = f"{word}: {steps}, the gradient is {number(ratio, DIGITS)} times smaller, {change}"
        elif ratio <= 1 / FADING:
            word = "Exploded" if ratio <= 1 / VANISHED else "Growing"
            said = f"{word}: {steps}, the gradient is {number(1 / ratio, DIGITS)} times larger, {change}"
        elif 1 / STEADY <= ratio <= STEADY:
            said = f"Steady: {steps}, the gradient is about as large, {change}"
        else:
            return []
        return [Scene("headline", "Backward", said, ops=tuple(ends), moves=(9,), motion=3.0)]

    # paths, sums, step, end

    def paths(self) -> list[Scene]:
        """The products along the paths of the followed entry, and their sum."""
        if not self.paths_found or self.probe is None:
            return []
        gradient = self.probe.gradient
        products = [path.steps[-1].product for path in self.paths_found]
        written = [self.product(path) for path in self.paths_found]
        others = gradient - sum(products)
        exact = abs(others) <= 1e-9 * max(abs(gradient), *map(abs, products))
        target = bar(self.name(self.index.accumulators[self.probe.accumulator].leaf))
        entry = f"[{','.join(map(str, self.probe.index))}]" if self.probe.index else ""
        sums = " + ".join(spelled([*products, *([] if exact else [others])], gradient, sum))
        total = f"{target}{entry} = {sums} = {number(gradient, DIGITS)}".replace("+ −", "− ")
        if len(products) == 1 and exact:
            said, equations = "Multiply along the path.", written[:1]
        elif len(products) == 1:
            said = f"{'The strongest path' if self.record is self.whole.record else 'A path'}, then all the others."
            equations = [*written[:1], total]
        elif exact:
            said, equations = "Multiply along a path, add over paths.", [*written[:2], total]
        else:
            said = "Multiply along a path; add over uses and over other paths."
            equations = [written[max(range(len(products)), key=lambda k: abs(products[k]))], total]
        return [
            Scene("paths", "Backward", said, tuple(equations), leaves=(self.probe.accumulator,), moves=(2,), motion=4.0)
        ]

    def product(self, path: PathRecord) -> str:
        """The factors of a path and their product; factors of 1 are left out of a long one."""
        first = path.steps[0]
        start = first.product / first.slope if first.slope else 1.0
        factors = [*([] if start == 1 else [start]), *(step.slope for step in path.steps)]
        if len(factors) > MOST_FACTORS:
            factors = [factor for factor in factors if factor != 1]
        product = path.steps[-1].product
        if len(factors) > MOST_FACTORS:
            shown = [number(factor, DIGITS) for factor in factors]
            return f"{' · '.join([*shown[:4], '…', *shown[-4:]])} = {number(product, DIGITS)}"
        return f"{' · '.join(spelled(factors, product, prod))} = {number(product, DIGITS)}"

    def other_leaves(self) -> list[Scene]:
        """The sums at leaves that are not followed, and leaves that no gradient reached."""
        found: list[Scene] = []
        for id in self.leaf_ids:
            shares = [self.index.tensors[self.index.shares[edge]] for edge in self.index.arrivals.get(id, ())]
            if (self.probe is not None and id == self.probe.accumulator) or len(shares) < 2 or len(found) == 2:
                continue
            if id in self.elsewhere:  # the shares that are shown are not all
                continue
            name = self.name(self.index.accumulators[id].leaf)
            total = self.index.tensors[self.index.passed[id]]
            equations: tuple[str, ...] = ()
            if all(map(is_number, shares)) and len(shares) <= 4:
                sums = " + ".join(map(number_text, shares)).replace("+ −", "− ")
                equations = (f"{bar(name)} = {sums} = {number_text(total)}",)
            said = f"{name} the same: {in_words(len(shares))} shares add."
            found.append(Scene("sum", "Backward", said, equations, leaves=(id,), moves=(2,)))
        nothing = [self.name(self.index.leaf(id).id) for id in self.leaf_ids if id not in self.index.changes]
        if nothing:
            said = f"{listed(nothing[:3])} {'gets' if len(nothing) == 1 else 'get'} no gradient."
            found.append(Scene("none", "Backward", said))
        return found

    def step(self) -> list[Scene]:
        """All leaves move against their gradients."""
        step = self.explain.step if self.explain is not None else None
        if step is None:
            return []
        said = (
            f"Step against the gradient: each leaf − {number(step.rate)} times its gradient. {self.result} falls from"
            f" {number(step.before)} to {number(step.after)}; the slopes promised {number(step.promised)}."
        )
        return [Scene("step", "One step", said, leaves=tuple(self.leaf_ids), moves=(8,), motion=4.0)]

    def end(self) -> Scene:
        """The finished graph."""
        leaves = self.leaf_ids
        gradients = {id: self.whole.tensors[tensor] for id, tensor in self.whole.passed.items() if id in leaves}
        if gradients and len(leaves) <= 4 and all(id in gradients and is_number(gradients[id]) for id in leaves):
            shown = [f"{self.gradient_name(id)} = {number_text(gradients[id])}" for id in leaves]
            return Scene("end", "Check", f"One backward pass: {', '.join(shown)}.", leaves=tuple(leaves), moves=(10,))
        noun = "leaf" if len(leaves) == 1 else "leaves"
        said = f"{in_words(len(leaves)).capitalize()} {noun}, one pass."
        return Scene("end", "Check", said, leaves=tuple(leaves), moves=(10,))


def spelled(parts: Sequence[float], total: float, combined: Callable[[Sequence[float]], float]) -> list[str]:
    """The numbers with as few digits, from three on, as make their product or sum the total to three digits."""
    found: list[str] = []
    for digits in range(DIGITS, 8):
        found = [number(part + 0.0, digits) for part in parts]
        written = [float(f"{part:.{digits}g}") for part in parts]
        if number(combined(written) + 0.0, DIGITS) == number(total + 0.0, DIGITS):
            return found
    return found


def in_words(count: int) -> str:
    """A small count as a word, a larger one in figures."""
    return COUNTS[count] if count < len(COUNTS) else str(count)
