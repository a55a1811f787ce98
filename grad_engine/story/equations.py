"""Rules as equations between numbers, each of which holds for the numbers as they are written."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from grad_engine import formula
from grad_engine.errors import FormulaError
from grad_engine.formula import Tree
from grad_engine.formula.evaluate import agrees, evaluate
from grad_engine.record import EdgeRecord, NodeRecord
from grad_engine.record.index import is_plain_number
from grad_engine.story.lesson_facts import STAND_INS, Entry, LessonFacts, filled_rule
from grad_engine.story.scenes import Line, Place, Token
from grad_engine.story.spelling import NOISE
from grad_engine.story.values import Values

MOST_TERMS = 6  # of a sum that are written out
MOST_FITTED = 64  # ops of which the digits of all rules are brought into agreement
MOST_ENTRIES = 4096  # numbers of an operand up to which a rule is evaluated in full
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


class Equations:
    """The equations of the rules of one record."""

    def __init__(self, facts: LessonFacts) -> None:
        self.facts = facts
        self.index = facts.index
        self._rules: dict[str, Rule | None] = {}
        self._fit: set[str] = set()  # edges whose equations hold
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
        if entry is None or not (node.elementwise or self._single(node)):
            return None
        if facts.explain is not None and facts.explain.holds is not None and facts.explain.holds.get(edge.id) is False:
            return None
        g = facts.gradient_of(node.id)
        share = facts.share_of(edge.id)
        step = facts.steps.get(edge.id)
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
        return Rule(edge, tree, terms, share) if agrees(np.asarray(found), np.asarray(share)) else None

    def _single(self, node: NodeRecord) -> bool:
        """Whether all that an op reads and makes are single numbers."""
        tensors = [*node.outputs, *(operand.tensor for operand in node.inputs)]
        return all(self.index.tensors[tensor].shape == () for tensor in tensors)

    def terms(self, node: NodeRecord, tree: Tree, entry: Entry) -> dict[str, Term] | None:
        """The numbers for the names in a rule; None where one is not recorded."""
        facts = self.facts
        wanted = set(_names(tree))
        found: dict[str, Term] = {}
        if "g" in wanted:
            g = facts.gradient_of(node.id)
            if g is None:
                return None
            found["g"] = Term(Token(facts.g, "gradient"), g, Place(node.id, "gradient"), "gradient")
        if "out" in wanted:
            out = node.outputs[0]
            value = facts.value_of(node.id)
            if value is None:
                return None
            name = facts.token(out) if self.index.tensors[out].name else Token("out")
            found["out"] = Term(name, value, Place(node.id, "value"), "value")
        free = iter([letter for letter in STAND_INS if letter not in facts.names])
        for operand in node.inputs:
            if operand.parameter not in wanted:
                continue
            tensor = self.index.tensors[operand.tensor]
            value = facts.operand_at(operand.tensor, entry)
            if value is None and operand.tensor in facts.numbers and operand.edge in facts.steps:
                value = facts.numbers[operand.tensor]
            if value is None:
                return None
            if tensor.name:
                name = facts.token(operand.tensor)
            elif is_plain_number(tensor):
                name = Token(facts.spelling.text(value))
            else:
                name = Token(next(free, operand.parameter))
            producer = self.index.producer(operand.tensor)
            found[operand.parameter] = Term(
                name, value, Place(producer, "value") if producer is not None else None, "value"
            )
        return found if wanted <= set(found) else None

    # digits

    def agree(self) -> None:
        """Brings the digits of all rules that may be told into agreement, from the leaves towards the root."""
        facts = self.facts
        turns = [turn.node for turn in self.index.turns]
        chosen = [op for op in turns if op in facts.on_path] if len(turns) > MOST_FITTED else turns
        rules = [
            rule
            for op in reversed(chosen[:MOST_FITTED])
            for edge in self.index.outgoing(op)
            if (rule := self.rule(edge)) is not None
        ]
        steps = [
            step
            for edge, step in reversed(facts.steps.items())
            if self._rules.get(edge) is None and len(facts.steps) <= 2 * MOST_FITTED
        ]
        for _ in range(3):  # a number that gets more digits in one equation stands in others too
            before = dict(facts.spelling.noted)
            self._fit = {rule.edge.id for rule in rules if self.fits(rule)}
            for step in steps:
                facts.spelling.fit(
                    [step.gradient, step.slope], step.gradient * step.slope, lambda some: some[0] * some[1]
                )
            if facts.spelling.noted == before:
                break

    def fits(self, rule: Rule, more: bool = True) -> bool:
        """Whether the rule gives the share for the numbers as they are written; notes digits that make it so."""
        names = list(rule.terms)

        def combined(numbers: Sequence[float]) -> float | None:
            try:
                return float(evaluate(rule.tree, dict(zip(names, numbers, strict=True))))
            except (FormulaError, TypeError, ValueError):
                return None

        operands = [term.value for term in rule.terms.values()]
        spelling = self.facts.spelling
        return spelling.fit(operands, rule.share, combined) if more else spelling.holds(operands, rule.share, combined)

    # lines

    def of(self, op: str) -> list[Line]:
        """The rules of an op as lines; only those that hold for the numbers as they are written."""
        found = []
        for edge in self.index.outgoing(op):
            rule = self.rule(edge)
            if rule is not None:
                found.append(self.line(rule))
            elif (summed := self.summed(edge)) is not None:
                found.append(summed)
        return found

    def line(self, rule: Rule) -> Line:
        """A rule in letters, in numbers, and the share."""
        facts = self.facts
        target = self.index.target(rule.edge.id)
        letters = written(rule.tree, {name: term.name for name, term in rule.terms.items()})
        share = facts.spelling.text(rule.share)
        total = Token(share, tone_of(rule.share, "gradient"), source=Place(rule.edge.id, "share"), strong=True)
        found: list[Token] = []
        if self.index.tensors[target].name or target in self.index.accumulator_of:
            step = facts.steps.get(rule.edge.id)
            entry = f"[{','.join(map(str, step.to))}]" if step is not None and step.to else ""
            found += [facts.token(target, barred=True), Token(entry), Token(" = ", "muted")]
        found += letters
        if self.fits(rule, more=False):
            numbers = {
                name: Token(facts.spelling.text(term.value), tone_of(term.value, term.tone), source=term.source)
                for name, term in rule.terms.items()
            }
            shown = written(rule.tree, numbers, {name for name, term in rule.terms.items() if term.value < 0})
            texts = ["".join(token.text for token in some) for some in (letters, shown)]
            if texts[1] not in (share, texts[0]):
                found += [Token(" = ", "muted"), *shown]
        return tuple(token for token in (*found, Token(" = ", "muted"), total) if token.text)

    def slope(self, op: str) -> Line | None:
        """g times the slope at the entry of the path, where that holds as it is written."""
        facts = self.facts
        for edge in self.index.outgoing(op):
            step = facts.steps.get(edge.id)
            if step is None:
                continue
            product = step.gradient * step.slope
            write = facts.spelling.text
            slope = Token(write(step.slope))
            if facts.spelling.holds([step.gradient, step.slope], product, lambda some: some[0] * some[1]):
                g = Token(write(step.gradient), "gradient", source=Place(op, "gradient"))
                total = Token(write(product), "gradient", source=Place(edge.id, "share"), strong=True)
                equal = Token(" = ", "muted")
                return (Token(facts.g, "gradient"), Token(" · slope"), equal, g, Token(" · "), slope, equal, total)
            return (Token("slope = "), slope)
        return None

    def summed(self, edge: EdgeRecord) -> Line | None:
        """A share that was summed over what broadcasting had repeated, with its terms."""
        facts, node = self.facts, self.index.nodes[edge.sender]
        given, share = self.index.rules.get(edge.id), facts.share_of(edge.id)
        tensor = self.index.shares.get(edge.id)
        if given is None or share is None or tensor is None or not edge.reduced_axes or edge.raw_shape is None:
            return None
        entry = facts.steps[edge.id].to if edge.id in facts.steps else None
        if entry is None and facts.followed is not None and edge.receiver == facts.followed.accumulator:
            entry = facts.followed.index
        shape = self.index.tensors[tensor].shape
        entry = (0,) * len(shape) if entry is None and all(n == 1 for n in shape) else entry
        raw = self.raw(node, filled_rule(node, given.tree, facts), edge.raw_shape)
        if entry is None or raw is None:
            return None
        lead = raw.ndim - len(shape)
        at = tuple(
            slice(None) if k in edge.reduced_axes else entry[k - lead] if k >= lead else slice(None)
            for k in range(raw.ndim)
        )
        terms = raw[at].ravel().tolist()
        if len(terms) < 2 or not agrees(np.asarray(math.fsum(terms)), np.asarray(share), 1e-6):
            return None
        target = self.index.target(edge.id)
        name = facts.token(target, barred=True)
        suffix = f"[{','.join(map(str, entry))}]" if entry else ""
        return self.sum_line((name, Token(suffix)), terms, share, Place(edge.id, "share"))

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

    def sum_line(self, name: Sequence[Token], terms: Sequence[float], total: float, place: Place | None) -> Line | None:
        """A sum with its terms; of many the largest, and the others together. None where no digits make it hold."""
        facts = self.facts
        shown = list(terms)
        others = 0
        if len(shown) > MOST_TERMS:
            kept = sorted(sorted(range(len(shown)), key=lambda k: -abs(shown[k]))[: MOST_TERMS - 2])
            others = len(shown) - len(kept)
            shown = [*(shown[k] for k in kept), math.fsum(x for k, x in enumerate(shown) if k not in kept)]
        largest = max(map(abs, shown), default=0.0)
        vanishes = math.isfinite(largest) and largest > 0 and abs(total) <= NOISE * largest
        if not vanishes and not facts.spelling.fit(shown, total, _sum):
            return None
        found = [*name, Token(" = ", "muted")] if name else []
        for k, value in enumerate(shown):
            text = facts.spelling.text(value)
            if k and text.startswith("−"):
                found.append(Token(" − "))
                text = text[1:]
            elif k:
                found.append(Token(" + "))
            found.append(Token(text, tone_of(value, "gradient")))
        if others:
            found.append(Token(f" ({others} others)", "muted"))
        text = "0, up to rounding" if vanishes else facts.spelling.text(total)
        return (*found, Token(" = ", "muted"), Token(text, tone_of(total, "done"), source=place, strong=True))


def _sum(some: Sequence[float]) -> float | None:
    return float(sum(some))


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
