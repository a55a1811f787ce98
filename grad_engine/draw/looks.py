"""What a picture says about each thing in it: the words in, above and below an op, a leaf, a constant or a box."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from grad_engine.draw.crowd import AT_EACH_END, Rest
from grad_engine.draw.glyph import leans
from grad_engine.draw.layout import Item
from grad_engine.draw.lettering import LABEL, LONGEST, NAME, SMALL, SYMBOL, shape_text, shortened, width_of
from grad_engine.folding import Fold, Link
from grad_engine.formula import number
from grad_engine.formula import text as formula_text
from grad_engine.record import NodeRecord, TensorRecord
from grad_engine.record.index import Measure, RecordIndex, mark, single_number, together
from grad_engine.record.words import ABSENT, fit, fit_path, many

LINE = 18.0  # height of a line of labels, px
USER = 17.0  # height of a card for each line that leaves it, px
PATH = 22  # characters of the path of a module
LETTER = 1  # length of x or y, which say nothing
LONGEST_TIP = 400  # characters of a formula in the tip of an op
LONG_SYMBOL = 8  # characters; from here on a symbol is set smaller
SHEET = 4.0  # from a box to the sheet behind it, which says that it stands for several, px
NO_GRADIENT = "no grad yet"


@dataclass(frozen=True, slots=True)
class Look:
    """How one item is drawn: its box for the layout and the words in, above and below it."""

    item: Item
    kind: str  # "op", "box" of several ops, "leaf", "constant", or "tag" in the place of something far away
    glyph: float  # how wide its outline is
    category: str  # whose outline it has
    within: tuple[str, ...] = ()  # the symbol, then small lines
    above: str = ""  # its value
    below: str = ""  # its gradient
    badge: str = ""  # NaN or infinity, and in how many entries
    sums: str = ""  # Σ and how many shares were added
    name: str = ""  # a tensor's, before what is above
    root: bool = False
    times: int = 1  # how often the same structure follows itself in a box
    ports: tuple[str, ...] = ()  # operand names, where their order matters
    tip: str = ""


class Looks:
    """Makes the looks of everything in one picture."""

    def __init__(self, index: RecordIndex, folds: Mapping[str, Fold], inside: RecordIndex) -> None:
        self.index = index  # of the record that is drawn
        self.folds = folds  # node id -> the ops that its box stands for
        self.inside = inside  # of the record that holds these ops

    def all(
        self,
        items: Iterable[str],
        links: Sequence[Link],
        tags: Mapping[str, str],
        kept: Collection[str],
        rests: Mapping[str, Rest] | None = None,
    ) -> Iterator[Look]:
        """The looks of the items that are drawn: those in `kept`, and what their links lead from."""
        index = self.index
        roots = {root.node for root in index.record.roots}
        users = Counter(link.source for link in links)
        ports: dict[str, set[str]] = {}
        for link in links:
            ports.setdefault(link.target, set()).add(link.id)
        wanted = {*(tags.get(link.source, link.source) for link in links), *kept}
        others = {rest.target: rest for rest in (rests or {}).values()}
        for key in items:
            if key not in wanted:
                continue
            if key in index.accumulators:
                yield self.leaf(key, users[key])
            elif key not in index.nodes:
                yield self.constant(index.tensors[key], users[key])
            elif key in kept:
                node, own = index.nodes[key], ports.get(key, set())
                operands = [part for part in node.inputs if (part.edge or f"{key}:{part.slot}") in own]
                if key in self.folds:
                    yield self.box(node, self.folds[key], len(operands), users[key], key in roots)
                else:
                    names = [part.parameter for part in operands]
                    if key in others:
                        names[AT_EACH_END] = "⋯"
                    hidden = {link.id for link in others[key].links} if key in others else set()
                    inside = [p.parameter for p in node.inputs if (p.edge or f"{key}:{p.slot}") in hidden]
                    yield self.op(node, names, inside, key in roots)
            else:
                tip = f"{index.nodes[key].name} and what came before it"
                yield Look(Item(key, 40.0, 34.0), "constant", 40.0, "constant", ("⋯",), tip=tip)
        yield from map(self.rest, others.values())
        for tag, key in tags.items():
            fold = self.folds.get(key)
            name = shortened(fold.label if fold is not None else index.label(self.tensor_of(key)) or key)
            width, height = max(44.0, width_of(name, LABEL) + 30), max(28.0, USER * users[tag])
            tip = f"{name}, which is drawn farther left"
            yield Look(Item(tag, width, height), "tag", width, "tag", name=name, tip=tip)

    # words

    def value(self, tensor: TensorRecord) -> str:
        """The number of a tensor that is one, else its shape, or that it was changed; "" where nothing is known."""
        value = single_number(tensor)
        shape = self.index.shape(tensor.id)
        if tensor.absent == "changed":
            return ABSENT["changed"]
        if value is not None:
            return number(value)
        return shortened(shape_text(shape), 24) if shape is not None else ""

    def gradient(self, part: str) -> str:
        """The number of a gradient that is one, else its norm, else its shape; "" where there is none."""
        tensor = self.index.gradient_tensor(part)
        if tensor is None:
            return ""
        value = single_number(tensor)
        if value is not None:
            return f"grad {number(value)}"
        size = self.index.measured(tensor.id)
        return f"‖grad‖ {number(size.norm)}" if size and size.norm is not None else f"grad {shape_text(tensor.shape)}"

    def leaf_name(self, key: str) -> str:
        """What a leaf is called: its name, or the end of a path; outside the focus the op that made it."""
        name = self.index.leaf(key).name
        if not name:
            return mark(key.partition(".")[0])
        return fit_path(name, LONGEST) if "." in name and " " not in name else shortened(name)

    def sum(self, part: str) -> str:
        """Σ 2/2, where several shares were added; "" elsewhere, and where no run is recorded."""
        edges = self.index.sums.get(part, ()) if self.index.run is not None else ()
        if not edges:
            return ""
        k, of = self.index.places[edges[-1]]
        return f"Σ {k}/{of}" if of > 1 else ""

    def badge(self, sizes: Iterable[Measure | None]) -> str:
        """Of the first size that is not finite, which entries: "NaN 4/16", "Inf 1/16"; "" when all are finite."""
        for size in sizes:
            if size is not None and size.bad:
                return f"{'NaN' if size.nan else 'Inf'} {size.nan or size.infinite}/{size.size}"
        return ""

    # items

    def leaf(self, key: str, users: int) -> Look:
        """A card in two halves: name and value above, gradient below."""
        index = self.index
        leaf = index.leaf(key)
        above, name = self.value(leaf), self.leaf_name(key)
        below = self.gradient(key) or NO_GRADIENT
        sums = self.sum(key)
        width = max(
            width_of(name, NAME) + 8 * bool(name) + width_of(above, LABEL),
            width_of(below, LABEL) + 10 * bool(sums) + width_of(sums, LABEL),
        )
        badge = self.badge([index.measured(leaf.id), index.gradient(key)])
        room, body = 2 * LINE * bool(badge), max(60.0, USER * users)
        width = max(92.0, width + 30)
        tip = f"leaf {leaf.name or key}, {leaf.dtype} {shape_text(leaf.shape)}"
        item = Item(key, width, body + room, body)
        return Look(item, "leaf", width, "leaf", (), above, below, badge, sums, name, tip=tip)

    def constant(self, tensor: TensorRecord, users: int) -> Look:
        """A card with name and value. Without a name it is called what its op calls that operand, such as target."""
        role = next((use.operand.parameter for use in self.inside.uses.get(tensor.id, ())), "")
        above, name = self.value(tensor), shortened(tensor.name or (role if len(role) > LETTER else ""))
        width = width_of(name, LABEL) + 8 * bool(name) + width_of(above, LABEL)
        width, badge = max(56.0, width + 24), self.badge([self.index.measured(tensor.id)])
        room, body = 2 * LINE * bool(badge), max(34.0, USER * users)
        tip = f"constant {tensor.name or tensor.id}, {tensor.dtype} {shape_text(tensor.shape)}"
        item = Item(tensor.id, width, body + room, body)
        return Look(item, "constant", width, "constant", (), above, badge=badge, name=name, tip=tip)

    def rest(self, rest: Rest) -> Look:
        """A card for operands of one op: how many, the first and the last name, and the range of their gradients."""
        index = self.index
        ids = list(dict.fromkeys(link.source for link in rest.links))
        gradients = [measure for key in ids if (measure := index.gradient(key)) is not None]
        values = [measure for key in ids if (measure := index.measured(self.tensor_of(key))) is not None]
        badge = self.badge([together([m for m in values if m.bad]), together([m for m in gradients if m.bad])])
        below = spread_words([m.norm for m in gradients if m.norm is not None])
        ends = [shortened(index.label(self.tensor_of(key)) or mark(key.partition(".")[0])) for key in (ids[0], ids[-1])]
        label = " … ".join(dict.fromkeys(ends))
        size = f"{len(rest.links):,} more operands"
        glyph = max(54.0, width_of(label, LABEL) + 24, width_of(size, SMALL) + 24)
        body, pad = 54.0, LINE * (1 + bool(badge)) + 5 + 2 * SHEET
        item = Item(rest.id, max(glyph, self.labels("", "", below, "", badge)), body + 2 * pad, body)
        return Look(item, "box", glyph, "group", (label, size), "", below, badge, times=2, tip=f"{label}: {size}")

    def tensor_of(self, key: str) -> str:
        """The tensor that an item stands for: what an op made, a leaf, a constant."""
        made = key in self.index.nodes or key in self.index.accumulators
        return self.index.outputs(key)[0] if made else key

    def op(self, node: NodeRecord, ports: Sequence[str], boxed: Sequence[str], root: bool) -> Look:
        """The outline of its category with its symbol; value above, gradient below. `boxed`: operands of one box."""
        index = self.index
        outputs = [index.tensors[tensor] for tensor in node.outputs]
        name = shortened(outputs[0].name or f"#{node.age}") if len(outputs) == 1 else f"#{node.age}"
        above = self.value(outputs[0]) if len(outputs) == 1 else f"{len(outputs)} outputs"
        below, sums = self.gradient(node.id), self.sum(node.id)
        badge = "" if node.id in index.masks else self.badge(index.measured(output) for output in node.outputs)
        within = self.symbol(node, {*ports, *boxed})
        ordered = tuple(ports) if len(ports) > 1 and not index.commutes(node.id) else ()

        body = max(54.0, 20.0 * len(ports) + 14, SYMBOL + 16 + 2 * SMALL * (len(within) - 1) + 12)
        beside = max((width_of(port, SMALL) for port in ordered), default=0.0)
        words = max([width_of(within[0], SYMBOL), *(width_of(line, SMALL) for line in within[1:])])
        glyph = max(body if body < 70 else 54.0, words + (2 * beside + 20 if ordered else 30))
        if leans(node.category):
            glyph += 0.3 * min(body, 60)
        labels = self.labels(name, above, below, sums, badge)
        pad = max(LINE * (1 + bool(badge)), LINE * bool(below or sums)) + 5
        source = "" if node.source is None else f"\n{node.source.file}:{node.source.line}: {node.source.code}"
        formula = "" if node.formula is None else f": {fit(node.formula.forward.text, LONGEST_TIP)}"
        item = Item(node.id, max(glyph, labels), body + 2 * pad, body)
        tip = f"#{node.age} {node.name}{formula}{source}"
        return Look(item, "op", glyph, node.category, within, above, below, badge, sums, name, root, 1, ordered, tip)

    def box(self, node: NodeRecord, fold: Fold, operands: int, users: int, root: bool) -> Look:
        """A card for several ops: the path of the module, how much is inside, and the range of the gradients there."""
        inside = self.inside
        values = together([m for op in fold.ops if (m := inside.broken_value(op.id)) is not None])
        gradients = [m for op in fold.ops if (m := inside.gradient(op.id)) is not None]
        badge = self.badge([values, together([m for m in gradients if m.bad])])
        below = spread_words([m.norm for m in gradients if m.norm is not None])
        outputs = [self.index.tensors[tensor] for tensor in node.outputs]
        above = self.value(outputs[0]) if len(outputs) == 1 else f"{len(outputs)} outputs"
        label = fit_path(" ".join(fold.label.split()), PATH)
        size = many(len(fold.ops), "op") if len(fold.ops) > 1 else shortened(fold.ops[0].op.replace("_", " "))
        within = (f"{label} ×{fold.times}" if fold.times > 1 else label, size)
        body = max(54.0, 14.0 * max(operands, users) + 14)
        glyph = max(54.0, width_of(within[0], LABEL) + 24, width_of(size, SMALL) + 24)
        pad = LINE * (1 + bool(badge)) + 5 + 2 * SHEET * (fold.times > 1)
        item = Item(node.id, max(glyph, self.labels("", above, below, "", badge)), body + 2 * pad, body)
        tip = f"{fold.label}{f' ×{fold.times}' * (fold.times > 1)}: {fold.size}"
        return Look(item, "box", glyph, "group", within, above, below, badge, "", "", root, fold.times, (), tip)

    def labels(self, name: str, above: str, below: str, sums: str, badge: str) -> float:
        """How wide the widest line of words above or below an item is."""
        return max(
            width_of(name, LABEL) + 7 * bool(name) + width_of(above, LABEL),
            width_of(below, LABEL) + 9 * bool(sums) + width_of(sums, LABEL),
            width_of(badge, LABEL) + 12,
        )

    def symbol(self, node: NodeRecord, with_cards: Collection[str]) -> tuple[str, ...]:
        """The symbol of an op, or what it does with the numbers that have no card; then its static arguments."""
        numbers = {}
        for operand in node.inputs:
            value = single_number(self.index.tensors[operand.tensor])
            if operand.parameter not in with_cards and value is not None:
                numbers[operand.parameter] = number(value)
        symbol = shortened(node.symbol or node.op, 12)
        tree = self.index.formula(node.id)
        if numbers and tree is not None:
            symbol = shortened(formula_text(tree, numbers), 14)
        elif numbers:
            symbol = shortened(f"{symbol} {', '.join(numbers.values())}", 14)
        statics = [
            f"{key}={number(value) if isinstance(value, int | float) else value}"
            for key, value in (node.attributes or {}).items()
            if value is not None and value is not False
        ]
        return (symbol, *(shortened(line, LONGEST) for line in statics[:1]))


def spread_words(norms: Sequence[float]) -> str:
    """‖grad‖ 0.01 … 2.5: the smallest and the largest of several norms; "" for none."""
    if not norms:
        return ""
    low, high = number(min(norms), 2), number(max(norms), 2)
    return f"‖grad‖ {high}" if low == high else f"‖grad‖ {low} … {high}"
