"""What a lesson knows of a record: names, the followed number, and the numbers of every op at its entry."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from unicodedata import category

import numpy as np

from grad_engine import formula
from grad_engine.formula import Tree, number
from grad_engine.record import GraphRecord, NodeRecord
from grad_engine.record.explained import result_parts
from grad_engine.record.expression import replaced
from grad_engine.record.index import index_of, is_plain_number
from grad_engine.record.parts import ChangeRecord, PathRecord, PathStepRecord, TensorRecord
from grad_engine.story.boxes import RowBox, parts_of
from grad_engine.story.names import bar, headline
from grad_engine.story.scenes import Followed, LeafFace, Line, OpFace, Token
from grad_engine.story.spelling import FEW, SOME, Spelling
from grad_engine.story.units import SMALL, Unit, noun_of
from grad_engine.story.values import Values, nonfinite, nonfinite_word, values
from grad_engine.story.wording import filled, listed, some_of

INFIX = "+−×÷/@"  # signs that stand between operands
SHORT = 4  # characters of a formula that stands for an op
LONGEST_TITLE = 64  # signs of the expression
MOST_EXPANDED = 24  # ops of a graph whose result is written out
MOST_DEPTH = 16  # levels of it
MOST_PARTS = 60  # names and signs of it
SHORT_VECTOR = 3  # numbers of a vector that is written out at an op
INCREMENT = 3  # digits of what a nudge adds
MOST_HUES = 4  # leaves with a hue of their own
FEW_OPS = 12  # of a graph that is told without hurry
RESERVED = "g"  # what the gradient that reaches an op is called in rules

Entry = tuple[int, ...]


class LessonFacts:
    """Names and numbers of one record, or of a part of one.

    whole: the record that a part was cut from. It names the tensors and says what L is. elsewhere: how many shares
        reach an op or a leaf from what is not shown.
    """

    def __init__(
        self,
        record: GraphRecord,
        whole: GraphRecord | None = None,
        elsewhere: Mapping[str, int] | None = None,
        follow: tuple[str, Entry] | None = None,
    ) -> None:
        self.record = record
        self.index = index_of(record)
        self.whole = index_of(whole or record)
        self.elsewhere = elsewhere or {}
        # A part also has accumulators for results that ops outside of it made; these are no leaves.
        self.leaf_ids = [id for id in self.index.accumulators if id in self.whole.accumulators]
        self.leaf_set = frozenset(self.leaf_ids)
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
            self.numbers |= {self.index.target(step.edge): step.value for step in path.steps if step.value is not None}
        self.on_path = {self.index.edges[edge].sender for edge in self.steps}
        # Of an op with several results the path tells an entry of one of them; no number stands for the whole.
        self.at = {
            op: step.of
            for edge, step in self.steps.items()
            if len(self.index.nodes[op := self.index.edges[edge].sender].outputs) == 1
        }
        self.result, self.meaning = self._result()
        runs = self.index.run, self.whole.run
        self.at_root = runs[0] is None or runs[1] is None or runs[0].root == runs[1].root
        self._arrays: dict[str, Values | None] = {}
        self._passing: dict[str, bool] = {}
        self._constants: dict[str, Mapping[str, TensorRecord]] = {}
        self.row: tuple[RowBox, ...] = ()  # boxes that the graph is drawn as; () where every op is drawn
        self.home: dict[str, int] = {}  # op -> its box
        self._parts: dict[int, dict[str, str]] = {}
        self.followed = self._followed(follow)
        self.spelling = Spelling(FEW if self.followed is not None and self.followed.index else SOME)

    def _result(self) -> tuple[str, str]:
        """What the gradients are of, and what that means; L is said in words where a tensor has that name."""
        name, meaning = result_parts(self.whole.record)
        run = self.whole.run
        root = self.whole.nodes[run.root].outputs[run.output] if run is not None else ""
        if root and not self.whole.tensors[root].name:
            nameless = self.whole.label(root) or root
            name = "the result" if name == nameless else name
            meaning = meaning.replace(nameless, "the result")
        taken = {tensor.name for tensor in self.whole.record.tensors}
        return (meaning, "") if meaning and name in taken else (name, meaning)

    # names

    def name(self, tensor: str) -> str:
        """What a tensor is called; the nameless result of an op is called by its number."""
        return self.whole.label(tensor) or self.single(tensor)

    def single(self, tensor: str) -> str:
        """The number of a tensor that is a single one, or `?`."""
        found = self.number_at(tensor, ())
        return "?" if found is None else self.spelling.text(found)

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of all tensors."""
        return frozenset(tensor.name for tensor in self.whole.record.tensors if tensor.name)

    @cached_property
    def g(self) -> str:
        """What the gradient that reaches an op is called: a name that no tensor has."""
        return RESERVED if RESERVED not in self.names else "incoming"

    def token(self, tensor: str, barred: bool = False, suffix: str = "") -> Token:
        """The name of a tensor, or of its gradient, in the hue of its leaf."""
        name = self.name(tensor)
        leaf = self.index.accumulator_of.get(tensor, "")
        leaf = leaf if leaf in self.leaf_set else ""
        tone = "ink" if leaf else "gradient" if barred else "value"
        return Token((bar(name) if barred else name) + suffix, tone if barred else "ink", leaf, strong=bool(leaf))

    def leaf_token(self, accumulator: str, barred: bool = False) -> Token:
        """The name of a leaf, or of its gradient."""
        return self.token(self.index.accumulators[accumulator].leaf, barred)

    def sign(self, op: str) -> str:
        """What an op is called: its sign if it stands between operands, `x²` with a constant put in, else its name."""
        node = self.index.nodes[op]
        if node.symbol and node.symbol in INFIX:
            return node.symbol
        known = self.constants(node)
        others = [i.parameter for i in node.inputs if i.parameter not in known]
        if known and len(others) == 1 and node.formula is not None:
            short = formula.text(filled(node.formula.forward.tree, known), {others[0]: "x"})
            if len(short) <= SHORT:
                return short
        return node.op

    # what is drawn

    def draw_as(self, row: Sequence[RowBox]) -> None:
        """Says that the graph is drawn as a row of boxes, of which one is opened at a time."""
        self.row = tuple(row)
        self.home = {op: k for k, box in enumerate(row) for op in box.ops}

    def box_name(self, k: int) -> str:
        """What a box is called in a sentence: `block 3`, or what stands in it."""
        box = self.row[k]
        if box.equal:
            return box.title
        return listed(box.label.split())

    def box_names(self, ops: Sequence[str]) -> str:
        """The boxes in which some ops are, in a list."""
        found = list(dict.fromkeys(self.home[op] for op in ops))
        if len(found) == 1:
            return self.box_name(found[0])
        return some_of([box.title if (box := self.row[k]).equal else box.label for k in found])

    def module_of(self, op: str) -> str:
        """The module that an op is drawn in while its box is opened; "" where it is drawn by itself."""
        k = self.home.get(op)
        if k is None:
            return ""
        if k not in self._parts:
            self._parts[k] = parts_of(self.record, self.row[k], self.sign)
        return self._parts[k].get(op, self.box_name(k))

    def in_equal_box(self, op: str) -> bool:
        """Whether an op is drawn in a box that is one of several equal ones."""
        return op in self.home and self.row[self.home[op]].equal

    def reads_nothing(self, op: str) -> bool:
        """Whether an op has one operand, of which its rule reads nothing: it moves numbers, and makes no new ones."""
        node = self.index.nodes[op]
        return not node.saved and len(node.inputs) == 1 and not node.elementwise

    def closed(self, op: str) -> bool:
        """Whether an op is in a box of which no part is drawn even when it is opened."""
        return op in self.home and bool(self.module_of(op)) and not self._parts[self.home[op]]

    def called(self, op: str, near: str = "") -> str:
        """What is drawn of an op while the box of `near` is opened: its sign, the module or the box that hides it."""
        if near and self.home.get(op) != self.home.get(near):
            return self.box_name(self.home[op]) if op in self.home else self.sign(op)
        return self.module_of(op) or self.sign(op)

    def constants(self, node: NodeRecord) -> Mapping[str, TensorRecord]:
        """The constant numbers that an op read, by the names of its operands."""
        if node.id not in self._constants:  # asked for every edge, and an op may have thousands
            self._constants[node.id] = {
                i.parameter: t for i in node.inputs if is_plain_number(t := self.index.tensors[i.tensor])
            }
        return self._constants[node.id]

    # the followed number

    def _followed(self, follow: tuple[str, Entry] | None) -> Followed | None:
        if self.probe is not None:
            return self._entry(self.probe.accumulator, self.probe.index)
        if self.paths_found:
            last = self.paths_found[0].steps[-1]
            return self._entry(self.index.edges[last.edge].receiver, last.to)
        if follow is not None and follow[0] in self.leaf_set:
            return self._entry(*follow)
        return self._largest()

    def _entry(self, accumulator: str, entry: Entry) -> Followed:
        suffix = f"[{','.join(map(str, entry))}]" if entry else ""
        return Followed(accumulator, entry, self.name(self.index.accumulators[accumulator].leaf) + suffix)

    def _largest(self) -> Followed | None:
        """The largest known gradient of the leaf with most shares; of several the oldest."""
        found = None
        for id in sorted(self.leaf_ids, key=lambda id: -len(self.index.arrivals.get(id, ()))):
            known = self.array(self.index.passed[id]) if id in self.index.passed else None
            if known is None or not known.size or known.shape != self.index.tensors[self.index.passed[id]].shape:
                continue
            sizes = np.where(np.isfinite(known), np.abs(known), -1.0)
            found = self._entry(id, tuple(map(int, np.unravel_index(int(sizes.argmax()), sizes.shape))))
            break
        return found

    @cached_property
    def total(self) -> float | None:
        """The gradient of the followed number; None where it is not recorded."""
        if self.probe is not None:
            return self.probe.gradient
        passed = self.index.passed.get(self.followed.accumulator) if self.followed is not None else None
        return self.number_at(passed, self.followed.index) if passed is not None and self.followed is not None else None

    def entry_text(self, tensor: str, entry: Entry, barred: bool = False) -> str:
        """A tensor with one of its entries."""
        name = self.name(tensor)
        return (bar(name) if barred else name) + (f"[{','.join(map(str, entry))}]" if entry else "")

    # numbers

    def array(self, tensor: str) -> Values | None:
        """The numbers of a tensor that the record holds, from its first entries on."""
        if tensor not in self._arrays:
            self._arrays[tensor] = values(self.index.tensors[tensor])
        return self._arrays[tensor]

    def whole_array(self, tensor: str) -> Values | None:
        """All numbers of a tensor; None where the record does not hold all."""
        found = self.array(tensor)
        return found if found is not None and found.shape == self.index.tensors[tensor].shape else None

    def number_at(self, tensor: str, entry: Entry | None) -> float | None:
        """One number of a tensor; None where it is not recorded. A single number needs no entry."""
        found = self.array(tensor)
        shape = self.index.tensors[tensor].shape
        if found is not None and found.size == 1 and all(n == 1 for n in shape):
            return float(found.reshape(()))
        if found is None or entry is None or len(entry) != found.ndim:
            return None
        return float(found[entry]) if all(0 <= k < n for k, n in zip(entry, found.shape, strict=True)) else None

    def operand_at(self, tensor: str, entry: Entry | None) -> float | None:
        """The number of an operand that goes into an entry of a result to whose shape it is stretched."""
        shape = self.index.tensors[tensor].shape
        if entry is not None:
            entry = tuple(0 if n == 1 else k for k, n in zip(entry[len(entry) - len(shape) :], shape, strict=True))
        return self.number_at(tensor, entry)

    def entry_of(self, op: str) -> Entry | None:
        """The entry of the result of an op that is told of: that on the path, or the only one."""
        if op in self.at:
            return self.at[op]
        if len(self.index.nodes[op].outputs) > 1:
            return None
        shape = self.index.tensors[self.index.nodes[op].outputs[0]].shape
        return (0,) * len(shape) if all(n == 1 for n in shape) else None

    def largest_entry(self, op: str) -> Entry | None:
        """The entry of an op's result with the largest gradient; None where not all are recorded."""
        g = self.index.gradient_tensor(op)
        known = self.whole_array(g.id) if g is not None and len(self.index.nodes[op].outputs) == 1 else None
        if known is None or not known.size:
            return None
        sizes = np.where(np.isfinite(known), np.abs(known), -1.0)
        return tuple(map(int, np.unravel_index(int(sizes.argmax()), sizes.shape)))

    def value_of(self, op: str, entry: Entry | None = None) -> float | None:
        """The number of an op's result that is told of, or at an entry."""
        out = self.index.nodes[op].outputs[0]
        found = self.number_at(out, self.entry_of(op) if entry is None else entry)
        told = entry in (None, self.at.get(op)) and len(self.index.nodes[op].outputs) == 1
        return self.numbers.get(out) if found is None and told else found

    def gradient_of(self, op: str, entry: Entry | None = None) -> float | None:
        """The gradient at the number of an op's result that is told of, or at an entry."""
        g = self.index.gradient_tensor(op)
        found = None if g is None else self.number_at(g.id, self.entry_of(op) if entry is None else entry)
        if entry not in (None, self.at.get(op)) or len(self.index.nodes[op].outputs) > 1:
            return found
        if found is None:
            found = next((s.gradient for e in self.index.outgoing(op) if (s := self.steps.get(e.id)) is not None), None)
        return found

    def share_of(self, edge: str) -> float | None:
        """The number of a share that is told of: at the entry of the path, or the only one."""
        tensor = self.index.shares.get(edge)
        if tensor is None:
            return None
        step = self.steps.get(edge)
        entry = step.to if step is not None else None
        if entry is None and self.followed is not None and self.index.edges[edge].receiver == self.followed.accumulator:
            entry = self.followed.index
        return self.number_at(tensor, entry)

    def even(self, tensor: str) -> float | None:
        """The number that all entries of a tensor are; None where they differ, or are not all recorded."""
        found = self.whole_array(tensor)
        return float(found.flat[0]) if found is not None and found.size and (found == found.flat[0]).all() else None

    def shown(self, tensor: str, known: float | None) -> str:
        """What is written at an op for a tensor: its number that is told of, a short vector, or nothing."""
        found = self.whole_array(tensor)
        if found is not None and found.ndim == 1 and 1 < found.size <= SHORT_VECTOR:
            text = f"[{' '.join(map(self.spelling.text, found.tolist()))}]"
            if len(text) <= 12:
                return text
        if known is None:
            known = self.even(tensor)
        return "" if known is None else self.spelling.text(known)

    def passes(self, op: str) -> bool:
        """Whether an op passes on numbers of the gradient that reaches it as they are: its rules read no value.

        Sums over what broadcasting repeated still count; the scene says so in a remark.
        """
        if op not in self._passing:
            self._passing[op] = self._hands_on(op)
        return self._passing[op]

    def literal(self, op: str) -> bool:
        """Whether the rules of an op are g itself."""
        edges = self.index.outgoing(op)
        trees = [rule.tree for edge in edges if (rule := self.index.rules.get(edge.id)) is not None]
        return bool(edges) and len(trees) == len(edges) and all(tree == "g" for tree in trees)

    def _hands_on(self, op: str) -> bool:
        node, edges = self.index.nodes[op], self.index.outgoing(op)
        if self.literal(op):
            return True
        if node.elementwise:  # then another operand happens to be 1
            return False
        g = self.index.gradient_tensor(op)
        known = self.array(g.id) if g is not None else None
        shares = [self.index.shares[edge.id] for edge in edges if edge.id in self.index.shares]
        if node.saved or known is None or not shares:
            return False
        found = [self.array(share) for share in shares]
        return all(some is not None and bool(np.isin(some, known).all()) for some in found)

    def norm(self, op: str) -> float | None:
        """The norm of the gradient that reached an op."""
        found = self.index.gradient(op)
        return None if found is None else found.norm

    def curve(self, node: NodeRecord) -> bool:
        """Whether the record holds a curve for this op."""
        return any(curve.op == node.op for curve in (self.explain.curves if self.explain is not None else ()))

    # what stays on the stage

    def expression(self, several: Sequence[Unit] = ()) -> Line:
        """What is computed, with the names of leaves in their hues; as much of it as a title holds.

        several: equal units, which are counted instead.
        """
        if several:
            most = max(len(unit.ops) for unit in several)
            counted = f"{len(several)} {noun_of(several[0])}s of {most} op{'s' if most > 1 else ''}"
            name = self.root_name()
            return self.marked(f"{counted}, then {name}" if name else counted, "muted")
        return self.marked(self.expanded() or headline(self.whole.record), "muted")

    def root_name(self) -> str:
        """The name of the result; "" where it has none."""
        run, roots = self.whole.run, self.whole.record.roots
        tensor = self.whole.nodes[run.root].outputs[run.output] if run is not None else roots[0].tensor if roots else ""
        return (self.whole.tensors[tensor].name or "") if tensor in self.whole.makers else ""

    def expanded(self) -> str:
        """The result written out in leaves; where that is too long, named results, and then `…`, stand for parts."""
        given = self.whole.record.expression
        if given and len(given) <= LONGEST_TITLE:
            return given
        run, roots = self.whole.run, self.whole.record.roots
        tensor = self.whole.nodes[run.root].outputs[run.output] if run is not None else roots[0].tensor if roots else ""
        name = self.whole.tensors[tensor].name if tensor in self.whole.makers else None
        if name is None or len(self.whole.nodes) > MOST_EXPANDED:
            return given if len(given) <= 2 * LONGEST_TITLE else ""
        derivative = re.match(r"derivative[^:=]*: ", given)
        before = derivative[0] if derivative is not None else ""
        for stop, depth in ((False, MOST_DEPTH), *((True, depth) for depth in range(MOST_DEPTH, 0, -1))):
            atoms: dict[str, str] = {}
            tree, _ = self._written(tensor, stop, depth, atoms, first=True)
            text = f"{before}{name} = {formula.text(tree, {atom: shown for shown, atom in atoms.items()})}"
            if len(text) <= LONGEST_TITLE:
                return text
        return ""

    def _written(
        self, tensor: str, stop: bool, depth: int, atoms: dict[str, str], first: bool = False
    ) -> tuple[Tree, int]:
        """A tensor as a formula of what made it, `depth` levels deep, and its size. `stop`: up to named results."""
        record, node = self.whole.tensors[tensor], self.whole.makers.get(tensor)

        def atom(shown: str) -> tuple[Tree, int]:
            return atoms.setdefault(shown, f"v{len(atoms)}"), 1

        if node is None:
            return atom(record.name or (self.single(tensor) if is_plain_number(record) else "…"))
        tree = self.whole.formula(node.id) if len(node.outputs) == 1 else None
        if tree is None or not depth or (stop and record.name and not first):
            return atom(record.name or "…")
        plain = {i.parameter: t for i in node.inputs if is_plain_number(t := self.whole.tensors[i.tensor])}
        parts: dict[str, Tree] = {}
        size = 1
        for operand in node.inputs:
            if operand.parameter not in plain:
                parts[operand.parameter], more = self._written(operand.tensor, stop, depth - 1, atoms)
                size += more
                if size > MOST_PARTS:
                    return atom(record.name or "…")
        return replaced(filled(tree, plain), parts), size

    def marked(self, text: str, tone: str = "ink") -> Line:
        """A text with the names of leaves in their hues."""
        names = {self.name(self.index.accumulators[id].leaf): id for id in self.leaf_ids}
        found: list[Token] = []
        start = at = 0
        while at < len(text):
            stop = at + 1
            if _in_word(text[at]):
                while stop < len(text) and (
                    _in_word(text[stop]) or (text[stop] == "." and _in_word(text[stop + 1 : stop + 2]))
                ):
                    stop += 1
                leaf = names.get(text[at:stop])
                if leaf is not None:
                    if start < at:
                        found.append(Token(text[start:at], tone))
                    found.append(Token(text[at:stop], tone, leaf, strong=True))
                    start = stop
            at = stop
        if start < len(text):
            found.append(Token(text[start:], tone))
        return tuple(found)

    def hues(self) -> tuple[str, ...]:
        """The leaves with a hue of their own: the followed one, then those with most shares, then the oldest."""
        order = sorted(self.leaf_ids, key=lambda id: -len(self.index.arrivals.get(id, ())))
        first = [self.followed.accumulator] if self.followed is not None else []
        return tuple(dict.fromkeys([*first, *order]))[:MOST_HUES]

    def increments(self, tensor: str) -> str:
        """What the nudge adds to a tensor at the entries that are told of, in a graph that is drawn op by op."""
        if self.probe is None or len(self.index.nodes) > SMALL:
            return ""
        changes = self.changes.get(tensor, ())
        maker = self.index.makers.get(tensor)
        at = self.at.get(maker.id) if maker is not None else None
        if len(changes) > 1 and at is not None and self.whole_shape(tensor) > SHORT_VECTOR:
            changes = [change for change in changes if change.index == at] or changes[:1]
        texts = [(("−" if change.change < 0 else "+"), number(abs(change.change), INCREMENT)) for change in changes]
        if len(texts) > 1:
            return f"[{' '.join(map(''.join, texts))}]"
        return " ".join(texts[0]) if texts else ""

    def whole_shape(self, tensor: str) -> int:
        """How many numbers a tensor has."""
        return int(np.prod(self.index.tensors[tensor].shape, dtype=np.int64))

    @cached_property
    def changes(self) -> Mapping[str, Sequence[ChangeRecord]]:
        """Tensor -> what the nudge changed in it, where that can be told apart at its op."""
        found: dict[str, list[ChangeRecord]] = {}
        for change in self.probe.changes if self.probe is not None else ():
            found.setdefault(change.tensor, []).append(change)
        return found

    def op_faces(self) -> dict[str, OpFace]:
        """What stands at each op."""
        found = {}
        for id, node in self.index.nodes.items():
            out = node.outputs[0]
            tensor = self.index.tensors[out]
            g = self.index.gradient_tensor(id)
            bad = nonfinite(tensor)
            word = nonfinite_word(tensor) if bad else ""
            size = int(np.prod(tensor.shape, dtype=np.int64))
            entry = self.entry_of(id)
            if entry is None and len(self.index.nodes) <= SMALL:  # beside the path: where its gradient is largest
                entry = self.largest_entry(id)
            found[id] = OpFace(
                op=id,
                sign=self.sign(id),
                name=tensor.name or "",
                value=self.shown(out, self.value_of(id, entry)),
                gradient=self.shown(g.id, self.gradient_of(id, entry)) if g is not None else "",
                increment=self.increments(out),
                backward=node.name,
                badge=(f"{word.replace(' and ', ' or ')} in {bad} of {size}" if size > 1 else word) if bad else "",
            )
        return found

    def leaf_faces(self) -> dict[str, LeafFace]:
        """What stands on each card."""
        found = {}
        for id, accumulator in self.index.accumulators.items():
            tensor = self.index.tensors[accumulator.leaf]
            mine = self.followed is not None and self.followed.accumulator == id
            entry = self.followed.index if mine and self.followed is not None else None
            value = self.number_at(tensor.id, entry)
            passed = self.index.passed.get(id)
            total = self.number_at(passed, entry) if passed is not None else None
            change = self.index.changes.get(id)
            before = self.number_at(change.before, entry) if change is not None and change.before is not None else None
            after = self.number_at(change.after, entry) if change is not None and before is not None else None
            write = self.spelling.text
            found[id] = LeafFace(
                accumulator=id,
                name=self.name(tensor.id),
                shape=shape_text(tensor.shape),
                entry=f"[{','.join(map(str, entry))}]" if entry else "",
                value="" if value is None else write(value),
                gradient="" if total is None else write(total),
                increment=f"+ {number(self.probe.delta)}" if mine and self.probe is not None else "",
                shares=tuple(
                    (edge, "" if (share := self.share_of(edge)) is None else write(share))
                    for edge in self.index.arrivals.get(id, ())
                ),
                held="" if before is None else write(before),
                now="" if after is None else write(after),
            )
        return found


def shape_text(shape: Sequence[int]) -> str:
    """A shape as it is written beside a name: `4×2`, and `(3,)` for a vector, which is no number 3."""
    return f"({shape[0]},)" if len(shape) == 1 else "×".join(map(str, shape))


def _in_word(sign: str) -> bool:
    """Whether a sign can be part of a name; raised digits and letters such as ² and ᵀ are none."""
    return sign == "_" or category(sign) in ("Ll", "Lu", "Lt", "Lo", "Nd")


def filled_rule(node: NodeRecord, tree: Tree, facts: LessonFacts) -> Tree:
    """A rule with the constant numbers that the op read put in."""
    return filled(tree, facts.constants(node))
