"""A record as one still picture: SVG text without scripts, styles, ids or references, so it can stand in any page.

Values flow to the right along solid lines; where a backward run is recorded, gradients flow back beside them, dashed.
What is written above a thing is its value, what is written below it its gradient.
"""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from grad_engine.draw.glyph import Points, outline, reach
from grad_engine.draw.layout import Box, Item, Route, docked, lay_out, rounded, tagged
from grad_engine.draw.palette import Palette
from grad_engine.draw.palette import theme as palette_of
from grad_engine.folding.items import Link, drawn
from grad_engine.formula import INFIX, number
from grad_engine.formula import text as formula_text
from grad_engine.record import AccumulateEvent, GraphRecord, NodeRecord, SendEvent, TensorRecord

FAMILY = """font-family="'Source Sans 3', 'Source Sans Pro', 'Segoe UI', 'Helvetica Neue', Arial, sans-serif\""""
SYMBOL, NAME, LABEL, SMALL, TITLE = 21.0, 16.0, 13.5, 11.0, 20.0  # type sizes, px
LINE = 18.0  # height of a line of labels, px
USER = 17.0  # height of a card for each line that leaves it, px
LANE = 2.6  # how far values and gradients run from the middle of their link, px
ARROW = 8.0  # length of an arrow head, px
CORNER = 9.0
RING = 4.5  # from an outline to the second one, around a result, px
MARGIN = 28.0
LONGEST = 18  # characters of a name
LONG_SYMBOL = 8  # characters; from here on a symbol is set smaller
BOLD = ' font-weight="600"'
NO_GRADIENT = "no grad yet"


@dataclass(frozen=True, slots=True)
class _Look:
    """How one item is drawn: its box for the layout and the words in, above and below it."""

    item: Item
    glyph: float  # how wide its outline is
    category: str
    within: tuple[str, ...]  # the symbol, then small lines
    above: str = ""  # its value
    below: str = ""  # its gradient
    badge: str = ""  # NaN or infinity, and in how many entries
    sums: str = ""  # Σ and how many shares were added
    name: str = ""  # a tensor's, before what is above
    root: bool = False
    ports: tuple[str, ...] = ()  # operand names, where their order matters
    tip: str = ""


class _Facts:
    """What a picture says about the tensors of a record and about its last backward run."""

    def __init__(self, record: GraphRecord) -> None:
        self.tensors = {tensor.id: tensor for tensor in record.tensors}
        self.gradients: dict[str, TensorRecord] = {}  # of op nodes and accumulators
        self.sums: dict[str, int] = {}  # how many shares were added at each
        self.sent: set[str] = set()  # edges on which a share travelled
        run = record.runs[-1] if record.runs else None
        if run is None:
            return
        for node, gradients in run.gradients.items():
            for gradient in gradients:
                if gradient is not None:
                    self.gradients.setdefault(node, self.tensors[gradient])
        for change in run.leaves:
            self.gradients[change.accumulator] = self.tensors[change.after]
        for event in run.events:
            if isinstance(event, SendEvent):
                self.sent.add(event.edge)
            elif isinstance(event, AccumulateEvent) and event.of > 1:
                self.sums[event.receiver] = event.k

    def value(self, tensor: TensorRecord) -> str:
        """The number of a tensor that is one, else its shape."""
        values = tensor.data.values if tensor.data is not None else None
        if values is not None and len(values) == 1 and math.prod(tensor.shape) == 1:
            return number(values[0])
        return shortened(shape_text(tensor.shape), 24)

    def gradient(self, key: str) -> str:
        """The number of a gradient that is one, else its norm, else its shape; "" where there is none."""
        tensor = self.gradients.get(key)
        if tensor is None:
            return ""
        values = tensor.data.values if tensor.data is not None else None
        if values is not None and len(values) == 1:
            return f"grad {number(values[0])}"
        norm = None
        if values is not None and all(math.isfinite(value) for value in values):
            norm = math.hypot(*values)
        elif tensor.stats is not None and not (tensor.stats.nan or tensor.stats.posinf or tensor.stats.neginf):
            norm = tensor.stats.norm
        return f"grad {shape_text(tensor.shape)}" if norm is None else f"‖grad‖ {number(norm)}"

    def badge(self, tensors: Iterable[TensorRecord]) -> str:
        """Which entries of these tensors are not finite, and how many: "NaN 4/16", "Inf 1/16"; "" when all are."""
        for tensor in tensors:
            values = tensor.data.values if tensor.data is not None else None
            if values is not None:
                nan = sum(value != value for value in values)
                infinite = sum(math.isinf(value) for value in values)
            elif tensor.stats is not None:
                nan, infinite = tensor.stats.nan, tensor.stats.posinf + tensor.stats.neginf
            else:
                continue
            if nan or infinite:
                return f"{'NaN' if nan else 'Inf'} {nan or infinite}/{math.prod(tensor.shape)}"
        return ""

    def look_of_leaf(self, key: str, leaf: TensorRecord, users: int) -> _Look:
        above, name = self.value(leaf), shortened(leaf.name or key)
        below = self.gradient(key) or NO_GRADIENT
        sums = f"Σ {self.sums[key]}/{self.sums[key]}" if key in self.sums else ""
        width = max(
            width_of(name, NAME) + 8 * bool(name) + width_of(above, LABEL),
            width_of(below, LABEL) + 10 * bool(sums) + width_of(sums, LABEL),
        )
        gradient = self.gradients.get(key)
        badge = self.badge([leaf, *([gradient] if gradient else [])])
        room, body = 2 * LINE * bool(badge), max(60.0, USER * users)
        width = max(92.0, width + 30)
        return _Look(
            Item(key, width, body + room, body), width, "leaf", (), above, below, badge, sums, name,
            tip=f"leaf {leaf.name or key}, {leaf.dtype} {shape_text(leaf.shape)}",
        )  # fmt: skip

    def look_of_constant(self, tensor: TensorRecord, users: int) -> _Look:
        above, name = self.value(tensor), shortened(tensor.name or "")
        width = width_of(name, LABEL) + 8 * bool(name) + width_of(above, LABEL)
        width, badge = max(56.0, width + 24), self.badge([tensor])
        room, body = 2 * LINE * bool(badge), max(34.0, USER * users)
        return _Look(
            Item(tensor.id, width, body + room, body), width, "constant", (), above, name=name, badge=badge,
            tip=f"constant {tensor.name or tensor.id}, {tensor.dtype} {shape_text(tensor.shape)}",
        )  # fmt: skip

    def look_of_op(self, node: NodeRecord, ports: Sequence[str], root: bool) -> _Look:
        outputs = [self.tensors[tensor] for tensor in node.outputs]
        name = shortened(outputs[0].name or f"#{node.age}") if len(outputs) == 1 else f"#{node.age}"
        above = self.value(outputs[0]) if len(outputs) == 1 else f"{len(outputs)} outputs"
        below = self.gradient(node.id)
        sums = f"Σ {self.sums[node.id]}/{self.sums[node.id]}" if node.id in self.sums else ""
        badge = self.badge(outputs)
        within = self.inside(node, ports)
        ordered = ports if len(ports) > 1 and not commutes(node) else ()

        body = max(54.0, 20.0 * len(ports) + 14, SYMBOL + 16 + 2 * SMALL * (len(within) - 1) + 12)
        beside = max((width_of(port, SMALL) for port in ordered), default=0.0)
        words = max([width_of(within[0], SYMBOL), *(width_of(line, SMALL) for line in within[1:])])
        glyph = max(body if body < 70 else 54.0, words + (2 * beside + 20 if ordered else 30))
        if node.category not in ("arithmetic", "linalg", "linear algebra"):
            glyph += 0.3 * min(body, 60)  # its sides slant, or it has a mouth
        labels = max(
            width_of(name, LABEL) + 7 * bool(name) + width_of(above, LABEL),
            width_of(below, LABEL) + 9 * bool(sums) + width_of(sums, LABEL),
            width_of(badge, LABEL) + 12,
        )
        pad = max(LINE * (1 + bool(badge)), LINE * bool(below or sums)) + 5
        source = "" if node.source is None else f"\n{node.source.file}:{node.source.line}: {node.source.code}"
        formula = "" if node.formula is None else f": {node.formula.forward.text}"
        item = Item(node.id, max(glyph, labels), body + 2 * pad, body)
        tip = f"#{node.age} {node.name}{formula}{source}"
        return _Look(item, glyph, node.category, within, above, below, badge, sums, name, root, tuple(ordered), tip)

    def inside(self, node: NodeRecord, ports: Sequence[str]) -> tuple[str, ...]:
        """The symbol of an op, or what it does with the numbers that have no card; then its static arguments."""
        numbers = {}
        for operand in node.inputs:
            tensor = self.tensors[operand.tensor]
            values = tensor.data.values if tensor.data is not None else None
            if operand.parameter not in ports and values is not None and len(values) == 1:
                numbers[operand.parameter] = number(values[0])
        symbol = shortened(node.symbol or node.op, 12)
        if numbers and node.formula is not None:
            symbol = shortened(formula_text(node.formula.forward.tree, numbers), 14)
        elif numbers:
            symbol = shortened(f"{symbol} {', '.join(numbers.values())}", 14)
        statics = [
            f"{key}={number(value) if isinstance(value, int | float) else value}"
            for key, value in (node.attributes or {}).items()
            if value is not None and value is not False
        ]
        return (symbol, *(shortened(line, LONGEST) for line in statics[:1]))


def to_svg(record: GraphRecord, *, theme: str = "dark", title: bool = True, max_items: int = 300) -> str:
    """The picture of a record as SVG text: a graph from left to right, with its numbers, in a "dark" or "light" theme.

    Of a graph with more than `max_items` things to draw, the last of them are drawn, and the picture says so. Where
    lines would pass very many ranks, a tag with the tensor's name stands at their end instead. `title` puts the
    record's title and expression above the graph, and what the lines mean below.

    Raises GradEngineError for another theme, or when the layout library is missing.
    """
    colours = palette_of(theme)
    facts = _Facts(record)
    ids, links = drawn(record)
    kept = newest(record, ids, links, max_items)
    links, tags = tagged([link for link in links if link.target in kept])
    looks = {look.item.id: look for look in _looks(record, facts, links, tags, kept)}
    layout = lay_out([look.item for look in looks.values()], links, rank_gap=62.0, item_gap=22.0, lane_gap=15.0)

    head = _heading(record, colours, len(kept.intersection(node.id for node in record.nodes))) if title else []
    foot = _legend(colours, bool(facts.sent), bool(facts.sums)) if title else []
    top = MARGIN + (sum(size * 1.35 for _, size, _ in head) + 12 if head else 0.0)
    width = (
        max([layout.width, *(width_of(words, size) for words, size, _ in head), 330.0 if foot else 0.0]) + 2 * MARGIN
    )
    height = top + layout.height + MARGIN + (34.0 if foot else 0.0)

    said = f"{plural(record.counts.ops, 'operation')}, {plural(record.counts.leaves, 'leaf tensor')}"
    area = f'width="{_n(width)}" height="{_n(height)}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {area} viewBox="0 0 {_n(width)} {_n(height)}" role="img" {FAMILY}>',
        f"<title>{clean(record.title)}</title><desc>{clean(f'Computation graph: {said}. {record.expression}')}</desc>",
        f'<rect {area} fill="{colours.background}"/>',
    ]
    y = MARGIN
    for words, size, colour in head:
        y += size * 1.35
        parts.append(_text(words, MARGIN, y - 0.35 * size, size, colour, anchor="start", bold=size == TITLE))
    parts.append(f'<g transform="translate({_n(width / 2)} {_n(top + layout.height / 2)})">')
    shapes = {key: _shape(look, layout.boxes[key], grown=RING * look.root) for key, look in looks.items()}
    for link in links:
        parts += _lines(
            layout.routes[link.id], shapes[link.source], shapes[link.target], link.id in facts.sent, colours
        )
    for key, look in looks.items():
        parts += _thing(look, layout.boxes[key], colours)
    parts.append("</g>")
    if foot:
        parts.append(f'<g transform="translate({_n(MARGIN)} {_n(height - 24)})">{"".join(foot)}</g>')
    parts.append("</svg>")
    return "\n".join(parts)


def newest(record: GraphRecord, ids: Sequence[str], links: Sequence[Link], most: int) -> set[str]:
    """The items to draw: all when there are few enough, else the ops made last, as many as fit with their inputs."""
    if len(ids) <= most:
        return set(ids)
    into: dict[str, list[str]] = {}
    for link in links:
        into.setdefault(link.target, []).append(link.source)
    kept: set[str] = set()
    shown: set[str] = set()
    for node in sorted(record.nodes, key=lambda node: node.age, reverse=True):
        shown |= {node.id, *into.get(node.id, ())}
        if kept and len(shown) > most:
            break
        kept.add(node.id)
    return kept


def _looks(
    record: GraphRecord, facts: _Facts, links: Sequence[Link], tags: Mapping[str, str], kept: set[str]
) -> Iterable[_Look]:
    roots = {root.node for root in record.roots}
    leaves = {accumulator.id: facts.tensors[accumulator.leaf] for accumulator in record.accumulators}
    nodes = {node.id: node for node in record.nodes}
    users = Counter(link.source for link in links)
    ports: dict[str, set[str]] = {}
    for link in links:
        ports.setdefault(link.target, set()).add(link.id)
    wanted = {*(tags.get(link.source, link.source) for link in links), *kept}
    for key in drawn(record)[0]:
        if key not in wanted:
            continue
        if key in leaves:
            yield facts.look_of_leaf(key, leaves[key], users[key])
        elif key not in nodes:
            yield facts.look_of_constant(facts.tensors[key], users[key])
        elif key in kept:
            node, own = nodes[key], ports.get(key, set())
            operands = [part for part in node.inputs if (part.edge or f"{key}:{part.slot}") in own]
            yield facts.look_of_op(node, [part.parameter for part in operands], key in roots)
        else:
            tip = f"{nodes[key].name} and what came before it"
            yield _Look(Item(key, 40.0, 34.0), 40.0, "constant", ("⋯",), tip=tip)
    for tag, key in tags.items():
        tensor = leaves.get(key) or facts.tensors[nodes[key].outputs[0] if key in nodes else key]
        name = shortened(tensor.name or (f"#{nodes[key].age}" if key in nodes else key))
        width, height = max(44.0, width_of(name, LABEL) + 30), max(28.0, USER * users[tag])
        yield _Look(Item(tag, width, height), width, "tag", (), name=name, tip=f"{name}, which is drawn farther left")


def commutes(node: NodeRecord) -> bool:
    """Whether the order of the operands does not matter: sums, products, and where no formula tells."""
    tree = node.formula.forward.tree if node.formula is not None else "x"
    return not isinstance(tree, list | tuple) or tree[0] not in INFIX or tree[0] in ("+", "*", "&", "|", "==", "!=")


def plural(count: int, thing: str) -> str:
    """ "1 operation", "7 operations"."""
    return f"{count} {thing}{'s' * (count != 1)}"


def shape_text(shape: Sequence[int]) -> str:
    """A shape as Python writes it: "(4, 2)", "(4,)"; "scalar" for ()."""
    return "scalar" if not shape else f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def shortened(words: str, longest: int = LONGEST) -> str:
    """The words on one line, with an ellipsis in the middle where they are too long."""
    if len(words) > 200:
        words = f"{words[:100]}…{words[-100:]}"
    words = " ".join(words.split())
    if len(words) <= longest:
        return words
    return f"{words[: longest - longest // 3 - 1]}…{words[len(words) - longest // 3 :]}"


def width_of(words: str, size: float) -> float:
    """About how wide a sans-serif font sets these words in bold: room enough in any usual one."""
    return size * sum(_advance(character) for character in words)


def _advance(character: str) -> float:
    if unicodedata.combining(character):
        return 0.0
    if unicodedata.east_asian_width(character) in "WF":
        return 1.1
    if character in "iljtfr.,:;|!'()[] ":
        return 0.38
    if character in "mwMW@%‖…⋯∞<>+=−×÷~":
        return 0.9
    return 0.72 if character.isupper() else 0.61


def clean(words: str) -> str:
    """The words as XML text: markup escaped, and what XML does not allow replaced."""
    allowed = (c if c in "\t\n" or 0x20 <= ord(c) < 0xD800 or 0xE000 <= ord(c) != 0xFFFE else "�" for c in words)
    return escape("".join("�" if ord(c) in (0xFFFF, *range(0x7F, 0xA0)) else c for c in allowed))


def _n(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}".rstrip("0").rstrip(".")


def _text(
    words: str, x: float, y: float, size: float, colour: str, *, anchor: str = "middle", bold: bool = False
) -> str:
    return (
        f'<text x="{_n(x)}" y="{_n(y)}" font-size="{_n(size)}" fill="{colour}" text-anchor="{anchor}"{bold * BOLD} '
        f'unicode-bidi="isolate">{clean(words)}</text>'
    )


def _shape(look: _Look, box: Box, *, grown: float = 0.0) -> Points:
    """The outline of an item where it lies, larger by `grown` all round; labels above and below are outside of it."""
    height = box.height if look.item.body is None else look.item.body
    corner = CORNER if look.category in ("leaf", "constant") else None  # cards are of any height, and look alike
    return outline(look.category, look.glyph + 2 * grown, height + 2 * grown, corner=corner) + (box.x, box.y)


Piece = tuple[str, float, str, bool]  # words, type size, colour, bold


def _words(pieces: Sequence[Piece], x: float, y: float) -> str:
    """Several pieces of text on one line, together in the middle of x."""
    spans = " ".join(
        f'<tspan font-size="{_n(size)}" fill="{colour}"{bold * BOLD} unicode-bidi="isolate">{clean(words)}</tspan>'
        for words, size, colour, bold in pieces
        if words
    )
    return f'<text x="{_n(x)}" y="{_n(y)}" text-anchor="middle">{spans}</text>' if spans else ""


def _badge(words: str, x: float, y: float, colours: Palette) -> str:
    width, height = width_of(words, LABEL) + 12, LINE
    return (
        f'<rect x="{_n(x - width / 2)}" y="{_n(y - height / 2)}" width="{_n(width)}" height="{_n(height)}" rx="4" '
        f'fill="{colours.background}" stroke="{colours.nonfinite}" stroke-width="1.4"/>'
        + _text(words, x, y + 4.8, LABEL, colours.nonfinite, bold=True)
    )


def _path(curve: Points, colour: str, width: float, *, dashed: bool = False) -> str:
    """A line along cubic Béziers (4k, 3), y up."""
    steps = [f"M{_n(curve[0, 0])} {_n(-curve[0, 1])}"]
    for start, first, second, end in curve.reshape(-1, 4, 3)[..., :2]:
        (right, up), (x, y), (x2, y2) = end - start, first - start, second - start
        if abs(right * y - up * x) + abs(right * y2 - up * x2) < 1e-6:
            steps.append(f"L{_n(end[0])} {_n(-end[1])}")
        else:
            steps.append("C" + " ".join(f"{_n(x)} {_n(-y)}" for x, y in (first, second, end)))
    dashes = ' stroke-dasharray="7 5"' if dashed else ""
    return f'<path d="{"".join(steps)}" fill="none" stroke="{colour}" stroke-width="{_n(width)}"{dashes}/>'


def _polygon(points: Points, fill: str, stroke: str, width: float = 1.6) -> str:
    corners = " ".join(f"{_n(x)},{_n(-y)}" for x, y in points)
    drawn_with = f'fill="{fill}" stroke="{stroke}" stroke-width="{_n(width)}" stroke-linejoin="round"'
    return f'<polygon points="{corners}" {drawn_with}/>'


def beside(route: Route, by: float) -> Route:
    """The right-angled route moved `by` to the left of its direction, corner for corner."""
    points = np.array(route)
    ways = np.sign(np.diff(points, axis=0))
    aside = by * np.column_stack([-ways[:, 1], ways[:, 0]])
    moves = np.zeros_like(points)
    moves[:-1] += aside
    moves[1:] += aside
    return tuple((float(x), float(y)) for x, y in points + moves)


def _lines(route: Route, source: Points, target: Points, sent: bool, colours: Palette) -> list[str]:
    """The way of a value, and beside it the way back of the share of its gradient, each with its arrow."""
    *way, (x, y) = docked(beside(route, LANE if sent else 0.0), source, target)
    parts = [_path(rounded([*way, (x - ARROW, y)], CORNER), colours.value, 1.7), _arrow(x, y, -1, colours.value)]
    if sent:
        (x, y), *way = docked(beside(route, -LANE), source, target)
        back = [*reversed(way), (x + ARROW, y)]
        parts += [
            _path(rounded(back, CORNER), colours.gradient, 1.7, dashed=True),
            _arrow(x, y, 1, colours.gradient),
        ]
    return parts


def _arrow(x: float, y: float, to: int, colour: str) -> str:
    """An arrow head with its tip at x, y and its base towards the left (-1) or the right (1)."""
    base = x + to * ARROW
    return _polygon(np.array([(x, y), (base, y + 0.45 * ARROW), (base, y - 0.45 * ARROW)]), colour, colour, 0.5)


def _thing(look: _Look, box: Box, colours: Palette) -> list[str]:
    """One item with its words, under a tip that a pointer brings up."""
    x, y, half = box.x, -box.y, (look.item.body or box.height) / 2
    shape = _shape(look, box)
    value: list[Piece] = [(look.name, LABEL, colours.ink, True), (look.above, LABEL, colours.muted, False)]
    below = colours.muted if look.below == NO_GRADIENT else colours.gradient
    gradient: list[Piece] = [(look.below, LABEL, below, False), (look.sums, LABEL, colours.done, True)]
    parts = [f"<g><title>{clean(look.tip)}</title>"]
    if look.category == "leaf":
        value[0] = (look.name, NAME, colours.ink, True)
        middle = rounded([(x - look.glyph / 2, box.y), (x + look.glyph / 2, box.y)], 0.0)
        parts += [_polygon(shape, colours.panel, colours.idle), _path(middle, colours.idle, 1.0)]
        parts += [_words(value, x, y - half / 2 + 5), _words(gradient, x, y + half / 2 + 5)]
    elif look.category in ("constant", "tag"):
        value += [(line, LABEL, colours.muted, False) for line in look.within]
        parts += [_polygon(shape, colours.panel, colours.idle, 1.2), _words(value, x, y + 5)]
    else:
        parts += _op(look, box, colours)
        parts += [_words(value, x, y - half - 9), _words(gradient, x, y + half + 18)]
    if look.badge:
        above = 0.6 * LINE if look.category in ("leaf", "constant") else 14 + LINE
        parts.append(_badge(look.badge, x, y - half - above, colours))
    return [*parts, "</g>"]


def _op(look: _Look, box: Box, colours: Palette) -> list[str]:
    """The shape of an op, doubled where it is a result, with what is written within."""
    x, y, body = box.x, -box.y, look.item.body or box.height
    shape = _shape(look, box)
    parts = [_polygon(_shape(look, box, grown=RING), "none", colours.ink, 1.2)] if look.root else []
    parts.append(_polygon(shape, colours.panel, colours.ink))
    x += (reach(shape, box.y, "left") + reach(shape, box.y, "right")) / 2 - box.x  # the middle of what is there
    symbol, *small = look.within
    size = SYMBOL if len(symbol) < LONG_SYMBOL else NAME
    line = y + 0.34 * size - 0.6 * SMALL * len(small)
    parts.append(_text(symbol, x, line, size, colours.ink))
    parts += [_text(words, x, line + 1.3 * SMALL * k, SMALL, colours.muted) for k, words in enumerate(small, 1)]
    for k, port in enumerate(look.ports, 1):
        up = body * (0.5 - k / (len(look.ports) + 1))
        left = reach(shape, box.y + up, "left") + 6
        parts.append(_text(port, left, y - up + 0.33 * SMALL, SMALL, colours.muted, anchor="start"))
    return parts


def _heading(record: GraphRecord, colours: Palette, drawn_ops: int) -> list[tuple[str, float, str]]:
    """The lines above the graph: words, type size, colour."""
    lines = [(shortened(record.title or "computation graph", 80), TITLE, colours.ink)]
    if record.expression:
        lines.append((shortened(record.expression, 120), NAME, colours.muted))
    if drawn_ops < record.counts.ops:
        lines.append((f"the last {drawn_ops} of {record.counts.ops} operations", NAME, colours.muted))
    return lines


def _legend(colours: Palette, run: bool, sums: bool) -> list[str]:
    """What the two kinds of line and the signs mean, on one line that begins at the origin."""
    parts, x = [], 0.0
    for words, colour, to in (("value", colours.value, 1), ("gradient", colours.gradient, -1))[: 1 + run]:
        ends = np.array([(x, 0.0), (x + 34, 0.0)])[::to]
        tip = ends[1, 0]
        line = rounded([ends[0], (tip - to * ARROW, 0.0)], 0.0)
        parts += [_path(line, colour, 1.7, dashed=to < 0), _arrow(tip, 0.0, -to, colour)]
        parts.append(_text(words, x + 42, 4.5, LABEL, colours.muted, anchor="start"))
        x += 42 + width_of(words, LABEL) + 26
    if sums:
        parts.append(_text("Σ", x, 4.5, LABEL, colours.done, anchor="start", bold=True))
        parts.append(_text("sum of shares", x + 16, 4.5, LABEL, colours.muted, anchor="start"))
    return parts
