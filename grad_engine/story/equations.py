"""Rules as equations between numbers, each of which holds for the numbers as they are written."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from unicodedata import combining

import numpy as np

from grad_engine import formula
from grad_engine.errors import FormulaError
from grad_engine.formula import Tree, number
from grad_engine.formula.evaluate import agrees, evaluate
from grad_engine.record import EdgeRecord, NodeRecord
from grad_engine.record.index import is_plain_number
from grad_engine.record.parts import InputRecord, PathRecord, PathStepRecord, SpotRecord
from grad_engine.story.lesson_facts import FEW_OPS, Entry, LessonFacts, filled_rule
from grad_engine.story.scenes import Line, Place, Token
from grad_engine.story.spelling import NOISE, SOME, Equation
from grad_engine.story.units import SMALL
from grad_engine.story.values import Values

MOST_TERMS = 6  # of a sum that are written out
MOST_FITTED = 64  # ops of which the digits of all rules are brought into agreement
MOST_FACTORS = 7  # of a path that are written out
MOST_BOXES = 5  # factors that are written out with the names of their boxes
MOST_SUMS = 200  # edges whose sums over repeated numbers are looked through
MOST_PRODUCTS = 4  # of a row and a column that are written out
LONGEST_LETTERS, LONGEST_NUMBERS = 26, 40  # signs of a rule in letters, and in numbers
SAME = 1e-9  # part of the larger of two numbers by which they may differ and be the same
STAND_IN = "x"  # for an operand without a name
NAMELESS = Token("")
EQUALS = Token(" = ", "muted")
COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">=", "&", "|", "not"})
FIRST = 0xE000  # private signs that stand for names while a formula is written


@dataclass(frozen=True, slots=True)
class Term:
    """A number in a rule: what it is called, and where it stands in the picture."""

    name: Token
    value: float
    source: Place | None
    tone: str


@dataclass(frozen=True, slots=True)
class Rule:
    """The rule of one edge at one entry: its formula, the numbers that go in, and the share."""

    edge: EdgeRecord
    tree: Tree
    terms: Mapping[str, Term]
    share: float
    entry: Entry  # of the result, for which the numbers are


class Equations:
    """The equations of the rules of one record."""

    def __init__(self, facts: LessonFacts) -> None:
        self.facts = facts
        self.index = facts.index
        self._rules: dict[str, Rule | None] = {}
        self._terms: dict[str, tuple[Entry, list[float], float] | None] = {}
        self._singles: dict[str, bool] = {}
        self._operands: dict[str, dict[str, InputRecord]] = {}
        self.agree()

    # which rules can be told in numbers

    def rule(self, edge: EdgeRecord) -> Rule | None:
        """The rule of an edge with numbers, where the record has all of them and they give the share."""
        if edge.id not in self._rules:
            self._rules[edge.id] = self._rule(edge)
        return self._rules[edge.id]

    def _rule(self, edge: EdgeRecord) -> Rule | None:
        facts, node = self.facts, self.index.nodes[edge.sender]
        given = self.index.rules.get(edge.id)
        if given is None or edge.reduced_axes or len(node.outputs) > 1:
            return None
        entry = facts.entry_of(node.id)
        if entry is None and node.elementwise:
            entry = facts.largest_entry(node.id)
        if entry is None or not (node.elementwise or self._single(node)):
            return None
        if facts.explain is not None and facts.explain.holds is not None and facts.explain.holds.get(edge.id) is False:
            return None
        g = facts.gradient_of(node.id, entry)
        share = facts.share_of(edge.id)
        step = facts.steps.get(edge.id)
        if share is None and edge.id in self.index.shares:
            share = facts.operand_at(self.index.shares[edge.id], entry)
        if share is None and step is not None:
            share = step.gradient * step.slope
        tree = filled_rule(node, given.tree, facts)
        terms = self.terms(node, tree, entry)
        if g is None or share is None or terms is None:
            return None
        try:
            found = float(evaluate(tree, {name: term.value for name, term in terms.items()}))
        except (FormulaError, TypeError, ValueError):
            return None
        return Rule(edge, tree, terms, share, entry) if agrees(np.asarray(found), np.asarray(share)) else None

    def _single(self, node: NodeRecord) -> bool:
        """Whether all that an op reads and makes are single numbers."""
        if node.id not in self._singles:  # asked for every edge, and an op may have thousands
            tensors = [*node.outputs, *(operand.tensor for operand in node.inputs)]
            self._singles[node.id] = all(self.index.tensors[tensor].shape == () for tensor in tensors)
        return self._singles[node.id]

    def operands(self, node: NodeRecord) -> dict[str, InputRecord]:
        """The operands of an op by the names that its rules call them."""
        if node.id not in self._operands:
            self._operands[node.id] = {operand.parameter: operand for operand in node.inputs}
        return self._operands[node.id]

    def terms(self, node: NodeRecord, tree: Tree, entry: Entry) -> dict[str, Term] | None:
        """The numbers for the names in a rule; None where one is not recorded."""
        facts = self.facts
        wanted = set(_names(tree))
        told = entry == facts.entry_of(node.id)  # else the numbers stand nowhere in the picture

        def here(kind: str) -> Place | None:
            return Place(node.id, kind) if told else None

        found: dict[str, Term] = {}
        if "g" in wanted:
            g = facts.gradient_of(node.id, entry)
            if g is None:
                return None
            found["g"] = Term(Token(facts.g, "gradient"), g, here("gradient"), "gradient")
        if "out" in wanted:
            out = node.outputs[0]
            value = facts.value_of(node.id, entry)
            if value is None:
                return None
            name = facts.token(out) if self.index.tensors[out].name else NAMELESS
            found["out"] = Term(name, value, here("value"), "value")
        # A nameless operand is called x, as in the sign of the op, if it is the only one and no tensor has that name.
        lonely = len(node.inputs) - len(facts.constants(node)) == 1
        nameless = Token(STAND_IN) if lonely and STAND_IN not in facts.names else NAMELESS
        operands = self.operands(node)
        for operand in sorted((operands[name] for name in wanted & operands.keys()), key=lambda each: each.slot):
            tensor = self.index.tensors[operand.tensor]
            value = facts.operand_at(operand.tensor, entry)
            if value is None and told and operand.tensor in facts.numbers and operand.edge in facts.steps:
                value = facts.numbers[operand.tensor]
            if value is None:
                return None
            if tensor.name:
                name = facts.token(operand.tensor)
            elif is_plain_number(tensor):
                name = Token(facts.spelling.text(value))
            else:
                name = nameless
            producer = self.index.producer(operand.tensor)
            if producer is not None and producer in self.index.nodes and len(self.index.nodes[producer].outputs) > 1:
                producer = None  # its number stands nowhere
            found[operand.parameter] = Term(
                name, value, Place(producer, "value") if producer is not None and told else None, "value"
            )
        return found if wanted <= set(found) else None

    # digits

    def agree(self) -> None:
        """Brings the digits of all equations that may be told into agreement."""
        facts = self.facts
        probe = facts.probe
        if probe is not None and facts.spelling.text(probe.gradient) != number(probe.ratio):
            facts.spelling.fix(probe.gradient, SOME)  # as many as the measured ratio that it is compared with
        turns = [turn.node for turn in self.index.turns]
        chosen = [op for op in turns if op in facts.on_path] if len(turns) > MOST_FITTED else turns
        found: list[Equation] = []
        self.call_zeros()
        for op in chosen[:MOST_FITTED]:
            for edge in self.index.outgoing(op):
                rule = self.rule(edge)
                if (terms := self.terms_of(edge)) is not None:
                    found.append(Equation(tuple(largest_of(terms[1])[0]), terms[2], _sum))
                if rule is not None:
                    found.append(self.equation(rule))
                step = facts.steps.get(edge.id)
                if step is not None and (rule is None or (len(turns) <= FEW_OPS and step.slope != 1)):
                    found.append(self.slope_equation(step))
        found += [self.product(path)[0] for path in facts.paths_found]
        if (total := self.paths_sum()) is not None:
            found.append(total)
        for id in facts.leaf_ids[:MOST_FITTED]:
            if (shares := self.shares_at(id)) is not None:
                found.append(Equation(tuple(largest_of(shares[1])[0]), shares[2], _sum))
        spots = facts.explain.spots if facts.explain is not None else ()
        found += [self.spot(spot)[0] for spot in spots if spot.edge in facts.steps and of_two(spot)]
        found += [self.part(spot) for spot in spots if spot.edge in facts.steps and of_two(spot)]
        followed = [total] if total is not None else []
        if facts.followed is not None and (shares := self.shares_at(facts.followed.accumulator)) is not None:
            followed.append(Equation(tuple(largest_of(shares[1])[0]), shares[2], _sum))
        facts.spelling.settle(found, again=len(turns) <= FEW_OPS)
        if probe is not None and not all(map(facts.spelling.holds, followed)):
            facts.spelling.loosen(probe.gradient)  # a sum that holds is worth more than a digit of the total
            facts.spelling.settle(found, again=len(turns) <= FEW_OPS)

    def call_zeros(self) -> None:
        """Finds gradients that are nothing but rounding: far below what was added up to them."""
        facts = self.facts
        for path in facts.paths_found:
            for before, step in pairwise(path.steps):
                if abs(step.gradient) <= NOISE * abs(before.product):
                    facts.spelling.call_zero(step.gradient)
                    facts.spelling.call_zero(step.gradient * step.slope)
            if facts.total is not None and abs(facts.total) <= NOISE * abs(path.steps[-1].product):
                facts.spelling.call_zero(facts.total)
        for id in facts.leaf_ids:
            shares = self.shares_at(id)
            if shares is not None and abs(shares[2]) <= NOISE * max(map(abs, shares[1])):
                facts.spelling.call_zero(shares[2])
        for terms in (self.terms_of(edge) for edge in self.index.record.edges[:MOST_SUMS] if edge.reduced_axes):
            if terms is not None and abs(terms[2]) <= NOISE * max(map(abs, terms[1])):
                facts.spelling.call_zero(terms[2])

    def equation(self, rule: Rule) -> Equation:
        """The rule as an equation between numbers."""
        names = list(rule.terms)

        def combined(numbers: Sequence[float]) -> float | None:
            try:
                return float(evaluate(rule.tree, dict(zip(names, numbers, strict=True))))
            except (FormulaError, TypeError, ValueError):
                return None

        return Equation(tuple(term.value for term in rule.terms.values()), rule.share, combined)

    def slope_equation(self, step: PathStepRecord) -> Equation:
        """g times slope."""
        return Equation((step.gradient, step.slope), step.gradient * step.slope, prod)

    def product(self, path: PathRecord) -> tuple[Equation, list[str], bool]:
        """The factors of a path, and their product. Of a long path the middle is one factor.

        Also what stands behind each factor: of how many it is the product, or the box that it is of where the graph is
        drawn as boxes. And whether factors of 1 are left out.
        """
        facts, first = self.facts, path.steps[0]
        start = first.product / first.slope if first.slope else 1.0
        factors = [*([] if start == 1 else [start]), *(step.slope for step in path.steps)]
        notes = [""] * len(factors)
        if facts.row and start == 1:
            boxes = [facts.home.get(self.index.edges[step.edge].sender, -1) for step in path.steps]
            by_box: dict[int, float] = {}
            for k, factor in zip(boxes, factors, strict=True):
                by_box[k] = by_box.get(k, 1.0) * factor
            if sum(factor != 1 for factor in by_box.values()) > 1:
                factors, notes = list(by_box.values()), [facts.box_name(k) if k >= 0 else "" for k in by_box]
        fewer = False
        if len(factors) > MOST_FACTORS or (facts.row and 1 in factors):
            kept = [k for k, factor in enumerate(factors) if factor != 1] or [0]
            fewer = len(kept) < len(factors)
            factors, notes = [factors[k] for k in kept], [notes[k] for k in kept]
        most = MOST_BOXES if any(notes) else MOST_FACTORS
        if len(factors) > most:
            ends = (most - 1) // 2
            many = len(factors) - 2 * ends
            factors = [*factors[:ends], prod(factors[ends:-ends]), *factors[-ends:]]
            notes = [*notes[:ends], f"product of {many}", *notes[-ends:]]
        return Equation(tuple(factors), path.steps[-1].product, prod), notes, fewer

    def paths_sum(self) -> Equation | None:
        """The products of the paths and the gradient of the followed number.

        Where paths that are not recorded brought more, the strongest and all others together.
        """
        facts = self.facts
        gradient = facts.total
        if not facts.paths_found or gradient is None:
            return None
        products = [path.steps[-1].product for path in facts.paths_found]
        if self.all_paths():
            return Equation(tuple(products), gradient, _sum)
        strongest = max(products, key=abs)  # the only one that is told of
        return Equation((strongest, gradient - strongest), gradient, _sum)

    def all_paths(self) -> bool:
        """Whether the recorded paths bring all of the gradient of the followed number."""
        gradient = self.facts.total
        products = [path.steps[-1].product for path in self.facts.paths_found]
        if gradient is None or not products:
            return False
        return abs(gradient - sum(products)) <= SAME * max(abs(gradient), *map(abs, products))

    def shares_at(self, accumulator: str) -> tuple[Entry, list[float], float] | None:
        """The shares of a leaf at the followed entry, else at that with the largest gradient, and their sum.

        None where one is not recorded, or where ops that are not shown sent others.
        """
        facts = self.facts
        edges, passed = self.index.arrivals.get(accumulator, ()), self.index.passed.get(accumulator)
        if passed is None or len(edges) < 2 or accumulator in facts.elsewhere or accumulator not in facts.leaf_set:
            return None
        if facts.followed is not None and facts.followed.accumulator == accumulator:
            entry: Entry | None = facts.followed.index
        else:
            known = facts.whole_array(passed)
            if known is None or not known.size:
                return None
            sizes = np.where(np.isfinite(known), np.abs(known), -1.0)
            entry = tuple(map(int, np.unravel_index(int(sizes.argmax()), sizes.shape)))
        total = facts.number_at(passed, entry)
        shares = [facts.number_at(self.index.shares[edge], entry) for edge in edges]
        if total is None or entry is None or any(share is None for share in shares):
            return None
        return entry, [share for share in shares if share is not None], total

    def spot(self, spot: SpotRecord) -> tuple[Equation, list[tuple[float, ...]], bool]:
        """A row times a column: the equation, the products that are written out, and whether these are all."""
        shown = list(spot.terms)
        if len(shown) > MOST_PRODUCTS or spot.rest:
            kept = sorted(sorted(range(len(shown)), key=lambda k: -abs(prod(shown[k])))[: MOST_PRODUCTS - 1])
            shown = [shown[k] for k in kept]
        factors = [factor for term in shown for factor in term]
        rest = spot.total - sum(map(prod, shown))
        exact = len(shown) == len(spot.terms) and not spot.rest
        last = len(factors)

        def combined(some: Sequence[float]) -> float:
            pairs = zip(some[0:last:2], some[1:last:2], strict=True)
            return sum(a * b for a, b in pairs) + (0.0 if exact else some[-1])

        return Equation((*factors, *([] if exact else [rest])), spot.total, combined), shown, exact

    def part(self, spot: SpotRecord) -> Equation:
        """One product of a row and a column, that on the path, and what the others bring."""
        step = self.facts.steps[spot.edge]
        return Equation((step.gradient, step.slope, spot.total - step.gradient * step.slope), spot.total, _one_and_rest)

    # lines

    def head(self, edge: EdgeRecord, suffix: str) -> list[Token]:
        """What stands before a share: `x̄2 =` where it is all that x2 gets, else `sent to x2:`."""
        target = self.index.target(edge.id)
        named = bool(self.index.tensors[target].name) or target in self.index.accumulator_of
        alone = len(self.index.arrivals.get(edge.receiver, ())) < 2 and edge.receiver not in self.facts.elsewhere
        if named and alone:
            return [self.facts.token(target, barred=True), Token(suffix), EQUALS]
        if named:
            return [Token("sent to ", "muted"), self.facts.token(target), Token(suffix), Token(": ", "muted")]
        at = f", at {suffix}" if suffix else ""
        return [Token(f"sent to {self.receiver(edge)}{at}: ", "muted")]

    def receiver(self, edge: EdgeRecord) -> str:
        """What an edge without a name leads to: `×`, or `one ×` and `the other ×` where an op sends to two of them."""
        name = self.facts.called(edge.receiver, near=edge.sender)
        edges = self.index.outgoing(edge.sender)
        alike = [
            id
            for id in dict.fromkeys(other.receiver for other in edges)
            if id in self.index.nodes and self.facts.called(id, near=edge.sender) == name
        ]
        return (
            name if len(alike) != 2 or " " in name else f"{'one' if edge.receiver == alike[0] else 'the other'} {name}"
        )

    def others(self, edge: str) -> Line | None:
        """`0.936 · 1.51 − 0.13 (3 others) = 1.288`: where a share is a sum to which the path brings one product."""
        facts = self.facts
        spots = facts.explain.spots if facts.explain is not None else ()
        spot = next((spot for spot in spots if spot.edge == edge and edge in facts.steps and of_two(spot)), None)
        if spot is None or len(spot.terms) < 2 or spot.rest:
            return None
        equation, step = self.part(spot), facts.steps[edge]
        if not facts.spelling.holds(equation):
            return None
        write = facts.spelling.text
        rest = write(equation.operands[-1])
        return (
            Token(write(step.gradient), "gradient"),
            Token(" · ", "muted"),
            Token(write(step.slope), "value"),
            Token(" − " if rest.startswith("−") else " + ", "muted"),
            Token(rest.removeprefix("−"), "gradient"),
            Token(f" ({len(spot.terms) - 1} other{'s' if len(spot.terms) > 2 else ''})", "muted"),
            EQUALS,
            Token(write(spot.total), "gradient", source=Place(edge, "share"), strong=True),
        )

    def of(self, op: str, letters: bool = True) -> list[Line]:
        """The rules of an op as lines; only those that hold for the numbers as they are written.

        letters: whether a rule is written in letters too.
        """
        found: list[Line] = []
        edges = self.index.outgoing(op)
        same: dict[tuple[str, int], list[EdgeRecord]] = {}
        for edge in edges:
            same.setdefault((edge.receiver, edge.output), []).append(edge)
        for edge in edges:
            rule = self.rule(edge)
            twins = same[edge.receiver, edge.output]
            if len(twins) > 1 and edge is not twins[0] and (both := self.both(twins)) is not None:
                found.append(both)
            elif rule is not None:
                found.append(self.line(rule, letters))
            elif (summed := self.summed(edge)) is not None:
                found.append(summed)
        return found

    def both(self, twins: Sequence[EdgeRecord]) -> Line | None:
        """The shares that an op which reads one result several times sends back to it, added."""
        facts, receiver = self.facts, twins[0].receiver
        if receiver in self.index.accumulators or len(self.index.arrivals.get(receiver, ())) != len(twins):
            return None
        rules = [rule for twin in twins if (rule := self.rule(twin)) is not None]
        g = facts.gradient_of(receiver, facts.entry_of(receiver))
        if len(rules) != len(twins) or g is None or rules[0].entry != facts.entry_of(twins[0].sender):
            return None
        if abs(g - sum(rule.share for rule in rules)) > SAME * abs(g):
            return None
        added = self.sum_line((), [rule.share for rule in rules], g, Place(receiver, "gradient"))
        all_of = "both" if len(twins) == 2 else f"all {len(twins)}"
        name = facts.called(receiver, near=twins[0].sender)
        return None if added is None else (Token(f"{all_of} to {name}: ", "muted"), *added)

    def line(self, rule: Rule, spoken: bool = True) -> Line:
        """A rule in letters, in numbers, and the share.

        Letters are left out where they were told before, an operand has no name or the formula is long, numbers where
        they do not hold.
        """
        facts = self.facts
        target = self.index.target(rule.edge.id)
        share = facts.spelling.text(rule.share)
        total = Token(share, tone_of(rule.share, "gradient"), source=Place(rule.edge.id, "share"), strong=True)
        sides: list[list[Token]] = []
        named = bool(self.index.tensors[target].name) or target in self.index.accumulator_of
        told = named or rule.entry != facts.entry_of(rule.edge.sender)
        before = self.head(rule.edge, self.suffix(rule) if told else "")
        name_first = before[-1] == EQUALS
        letters = written(rule.tree, {name: term.name for name, term in rule.terms.items()})
        flags = any(
            self.index.tensors[operand.tensor].dtype == "bool" and operand.parameter in rule.terms
            for operand in self.index.nodes[rule.edge.sender].inputs
        )
        plain = not flags and not _chooses(rule.tree)
        short = spoken and len(self.index.nodes) <= SMALL  # letters take time that a large graph does not have
        if (
            plain
            and short
            and all(term.name.text for term in rule.terms.values())
            and _length(letters) <= LONGEST_LETTERS
        ):
            sides.append(letters)
        if plain and facts.spelling.holds(self.equation(rule)):
            numbers = {
                name: Token(facts.spelling.text(term.value), tone_of(term.value, term.tone), source=term.source)
                for name, term in rule.terms.items()
            }
            shown = written(rule.tree, numbers, {name for name, token in numbers.items() if token.text.startswith("−")})
            if _length(shown) <= LONGEST_NUMBERS and _text(shown) != share:
                sides.append(shown)
            elif rule.tree == "g" and not sides:
                sides.append([Token(facts.g, "gradient")])
        elif plain and len(sides) + name_first < 2:
            sides.append([Token(facts.g, "gradient"), Token(" · slope")])
        sides.append([total])
        found = before
        for k, side in enumerate(sides):
            found += [*([Token(" = ", "muted")] if k else []), *side]
        return tuple(token for token in found if token.text)

    def suffix(self, rule: Rule) -> str:
        """The entry of the operand that a rule is told for, in brackets; "" where all entries are alike."""
        facts = self.facts
        step = facts.steps.get(rule.edge.id)
        shape = self.index.tensors[self.index.target(rule.edge.id)].shape
        entry = step.to if step is not None else rule.entry[len(rule.entry) - len(shape) :]
        share = self.index.shares.get(rule.edge.id)
        if step is None and (share is None or facts.even(share) is not None):
            return ""
        return f"[{','.join(map(str, entry))}]" if entry else ""

    def slope(self, op: str, letters: bool = True) -> Line | None:
        """g times the slope at the entry of the path, where that holds as it is written; in letters too, or not."""
        facts = self.facts
        for edge in self.index.outgoing(op):
            step = facts.steps.get(edge.id)
            if step is None or (step.slope == 1 and facts.reads_nothing(op)):
                continue  # g · 1 says nothing of an op that moves numbers to other places
            write = facts.spelling.text
            slope = Token(write(step.slope))
            equation = self.slope_equation(step)
            if facts.spelling.holds(equation):
                here = Place(op, "gradient") if facts.at.get(op) == step.of else None
                g = Token(write(step.gradient), "gradient", source=here)
                share = facts.share_of(edge.id)
                whole = share is None or abs(share - equation.total) <= 1e-6 * abs(share)
                place = Place(edge.id, "share") if whole else None
                total = Token(write(equation.total), "gradient", source=place, strong=True)
                equal = Token(" = ", "muted")
                # Else other entries of g bring their parts to this one as well.
                before = () if whole else (Token("along the path: ", "muted"),)
                said = (Token(facts.g, "gradient"), Token(f" · slope of {facts.sign(op)}"), equal) if letters else ()
                return (*before, *said, g, Token(" · "), slope, equal, total)
            return (Token(f"slope of {facts.sign(op)} = "), slope) if letters else None
        return None

    def summed(self, edge: EdgeRecord) -> Line | None:
        """A share that was summed over what broadcasting had repeated, with its terms."""
        found = self.terms_of(edge)
        if found is None:
            return None
        entry, terms, total = found
        name = self.head(edge, f"[{','.join(map(str, entry))}]" if entry else "")
        added = self.sum_line((), terms, total, Place(edge.id, "share"))
        return None if added is None else tuple(token for token in (*name, *added) if token.text)

    def terms_of(self, edge: EdgeRecord) -> tuple[Entry, list[float], float] | None:
        """The numbers that broadcasting made one, at the entry that is told of, and their sum."""
        if edge.id not in self._terms:
            self._terms[edge.id] = self._terms_of(edge)
        return self._terms[edge.id]

    def _terms_of(self, edge: EdgeRecord) -> tuple[Entry, list[float], float] | None:
        facts, node = self.facts, self.index.nodes[edge.sender]
        given, tensor = self.index.rules.get(edge.id), self.index.shares.get(edge.id)
        if given is None or tensor is None or not edge.reduced_axes or edge.raw_shape is None:
            return None
        shape = self.index.tensors[tensor].shape
        share = facts.whole_array(tensor)
        entry = facts.steps[edge.id].to if edge.id in facts.steps else None
        if entry is None and facts.followed is not None and edge.receiver == facts.followed.accumulator:
            entry = facts.followed.index
        if entry is None and share is not None and share.size and edge.receiver in facts.leaf_set:
            sizes = np.where(np.isfinite(share), np.abs(share), -1.0)
            entry = tuple(map(int, np.unravel_index(int(sizes.argmax()), shape)))
        raw = self.raw(node, filled_rule(node, given.tree, facts), edge.raw_shape)
        total = facts.number_at(tensor, entry)
        if entry is None or raw is None or total is None:
            return None
        lead = raw.ndim - len(shape)
        at = tuple(
            slice(None) if k in edge.reduced_axes else entry[k - lead] if k >= lead else slice(None)
            for k in range(raw.ndim)
        )
        terms = raw[at].ravel().tolist()
        if len(terms) < 2 or not agrees(np.asarray(math.fsum(terms)), np.asarray(total), 1e-6):
            return None
        return entry, terms, total

    def raw(self, node: NodeRecord, tree: Tree, shape: tuple[int, ...]) -> Values | None:
        """A share before it is summed down, evaluated from the recorded numbers."""
        values: dict[str, Values] = {}
        g = self.index.gradient_tensor(node.id)
        tensors = {operand.parameter: operand.tensor for operand in node.inputs} | {"out": node.outputs[0]}
        if g is not None:
            tensors["g"] = g.id
        for name in set(_names(tree)):
            if name not in tensors or (found := self.facts.whole_array(tensors[name])) is None:
                return None
            values[name] = found
        try:
            return np.broadcast_to(np.asarray(evaluate(tree, values), dtype=np.float64), shape)
        except (FormulaError, TypeError, ValueError):
            return None

    def sum_line(
        self, name: Sequence[Token], terms: Sequence[float], total: float, place: Place | None, last: str = ""
    ) -> Line | None:
        """A sum with its terms; of many the largest, and the others together. None where no digits make it hold.

        last: what the last term is, in brackets behind it.
        """
        facts = self.facts
        shown, others = largest_of(terms)
        if others and abs(shown[-1]) <= NOISE * max(map(abs, shown)):
            facts.spelling.call_zero(shown[-1])
        if not facts.spelling.holds(Equation(tuple(shown), total, _sum)):
            return None
        vanishes = total != 0 and facts.spelling.text(total) == "0"
        found = [*name, Token(" = ", "muted")] if name else []
        for k, value in enumerate(shown):
            text = facts.spelling.text(value)
            if k and text.startswith("−"):
                found.append(Token(" − "))
                text = text[1:]
            elif k:
                found.append(Token(" + "))
            found.append(Token(text, tone_of(value, "gradient")))
        if others and not last:
            found.append(Token(f" ({others} others)", "muted"))
        elif last:
            found.append(Token(last, "muted"))
        text = "0, up to rounding" if vanishes else facts.spelling.text(total)
        end = Token(text, tone_of(total, "done"), source=place, strong=True)
        return tuple(token for token in (*found, Token(" = ", "muted"), end) if token.text)


def of_two(spot: SpotRecord) -> bool:
    """Whether every product of a spot has two factors, as those of matrices have."""
    return all(len(term) == 2 for term in spot.terms)


def largest_of(terms: Sequence[float]) -> tuple[list[float], int]:
    """The terms of a sum; of many the largest, and the sum of how many others."""
    shown = list(terms)
    if len(shown) <= MOST_TERMS:
        return shown, 0
    floor = NOISE * max(map(abs, shown))
    matter = sum(not abs(term) <= floor for term in shown)  # the others are rounding, or 0
    kept = sorted(sorted(range(len(shown)), key=lambda k: -abs(shown[k]))[: min(max(matter, 1), MOST_TERMS - 2)])
    rest = math.fsum(x for k, x in enumerate(shown) if k not in kept)
    return [*(shown[k] for k in kept), rest], len(shown) - len(kept)


def _one_and_rest(some: Sequence[float]) -> float:
    return some[0] * some[1] + some[2]


def _sum(some: Sequence[float]) -> float:
    return float(sum(some))


def _text(some: Sequence[Token]) -> str:
    return "".join(token.text for token in some)


def _length(some: Sequence[Token]) -> int:
    """How many signs a line has; bars over letters are none."""
    return sum(not combining(sign) for sign in _text(some))


def _chooses(tree: Tree) -> bool:
    """Whether a rule chooses by comparing: then numbers put in would not read as arithmetic."""
    if not isinstance(tree, list | tuple) or not tree or tree[0] == "say":
        return False
    return tree[0] in COMPARISONS or any(map(_chooses, tree[1:]))


def tone_of(value: float, tone: str) -> str:
    """The tone of a number: another one where it is not finite."""
    return tone if math.isfinite(value) else "nonfinite"


def written(tree: Tree, tokens: Mapping[str, Token], negative: frozenset[str] | set[str] = frozenset()) -> list[Token]:
    """A formula as tokens, with these in place of its names; negative numbers get brackets where a sign goes before."""
    signs = {name: chr(FIRST + k) for k, name in enumerate(tokens)}
    text = formula.text(tree, signs)
    of = {sign: name for name, sign in signs.items()}
    found: list[Token] = []
    for piece in re.split(f"([{chr(FIRST)}-{chr(FIRST + max(len(signs), 1))}])", text):
        if piece in of:
            found.append(tokens[of[piece]])
            if of[piece] in negative:
                found[-1:] = [Token("\x00"), tokens[of[piece]], Token("\x00")]
        elif piece:
            found.append(Token(piece))
    out: list[Token] = []
    k = 0
    while k < len(found):
        if found[k].text != "\x00":
            out.append(found[k])
            k += 1
            continue
        before = out[-1].text.rstrip() if out else ""
        after = found[k + 3].text if k + 3 < len(found) else ""
        power = bool(re.match(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁻^]", after))
        guard = power or (bool(before) and before[-1] in "+−^")
        out += [Token("("), found[k + 1], Token(")")] if guard else [found[k + 1]]
        k += 3
    return out


def _names(tree: Tree) -> Iterator[str]:
    """The names of values in a formula; heads are none."""
    if isinstance(tree, str):
        if tree not in formula.CONSTANTS:
            yield tree
    elif isinstance(tree, list | tuple) and tree and tree[0] == "say":
        yield "\x00"  # words cannot be evaluated
    elif isinstance(tree, list | tuple):
        arguments = tree[2:] if tree[0] == "kw" else tree[1:2] if tree[0] == "attr" else tree[1:]
        for part in arguments:
            yield from _names(part)
