"""The tables around the tree: the leaves with their gradients, and, for a large graph, its ops by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from grad_engine.record import NodeRecord
from grad_engine.record.index import Measure, RecordIndex, together
from grad_engine.record.words import ABSENT, count, many, not_finite
from grad_engine.tree.notes import called, kind, leaf_name
from grad_engine.tree.text import Script, width

Span = tuple[str, str]  # text, key of its style
Line = list[Span]

NAME = 32  # columns of the name of a leaf
GAP = 2  # columns between columns
NARROWEST, WIDEST = 12, 64  # columns below which first values say nothing, and above which they say no more
LEAVES_SHOWN = 24  # leaves in their table, unless everything was asked for
OPS_SHOWN = 12  # kinds of op in theirs
SENDERS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a table: its cells are texts, or made to measure for the room that is left."""

    title: str
    style: str
    cells: Sequence[str] | Callable[[int], Sequence[str]]
    left: bool = True


def leaves(index: RecordIndex, script: Script, room: int, shown: Sequence[str], most: int | None) -> list[Line]:
    """The table of leaves: name, shape, first values and norm of `.grad`, and who sent the shares it is the sum of."""
    reached = set(shown)
    everyone = [change for change in index.leaf_gradients() if change[0] in reached]
    if not everyone:
        return []
    ran = index.run is not None
    sizes = {part: index.measured(after) for part, _, after in everyone}
    chosen = everyone
    if most is not None and len(everyone) > most:
        ranked = sorted(everyone, key=lambda change: -_weight(sizes[change[0]]))
        kept = {change[0] for change in ranked[:most]}
        chosen = [change for change in everyone if change[0] in kept]
    tensors = {part: index.tensors[after] if after else None for part, _, after in chosen}
    if not ran:
        tensors = {part: index.leaf(part) for part, _, _ in chosen}

    def glimpse(part: str, space: int) -> str:
        tensor = tensors[part]
        if tensor is not None and tensor.absent == "changed":
            return script.cut(ABSENT["changed"], space)
        return script.glimpse(tensor, min(space, WIDEST))

    def glimpses(space: int) -> list[str]:
        return [glimpse(part, space) for part, _, _ in chosen]

    fields = [
        Field("name", "value", [script.name(leaf_name(index, part), NAME) for part, _, _ in chosen]),
    ]
    shapes = [script.shape(index.shape(index.accumulators[part].leaf)) for part, _, _ in chosen]
    if any(shapes):
        fields.append(Field("shape", "muted", shapes, False))
    if any(
        tensor is not None and (tensor.data is not None or tensor.absent == "changed") for tensor in tensors.values()
    ):
        fields.append(Field("gradient" if ran else "value", "gradient" if ran else "value", glimpses))
    if ran:
        norms = [not_finite(sizes[part]) or script.norm(sizes[part]) for part, _, _ in chosen]
        fields.append(Field(script.say("‖grad‖"), "gradient", norms, False))
    senders = [_senders(index, script, part, before, after) for part, before, after in chosen]
    fields.append(Field("from" if ran else "used by", "muted", senders))
    heading = script.cut("## Leaf gradients ##" if ran else "## Leaves ##", room)
    out: list[Line] = [[], [(heading, "header")], *columns(fields, room, script)]
    if len(chosen) < len(everyone):
        names = {change[0] for change in chosen}
        rest = max((_weight(sizes[change[0]]) for change in everyone if change[0] not in names), default=0.0)
        largest = f", no gradient larger than {script.norm(Measure(rest, 0, 0, 1))}" if 0 < rest < math.inf else ""
        text = f"⋯ {len(everyone) - len(chosen)} more of {many(len(everyone), 'leaf', 'leaves')}{largest}"
        out.append([(script.cut(script.say(text), room), "muted")])
    return out


def _weight(size: Measure | None) -> float:
    return -1.0 if size is None else math.inf if size.norm is None else size.norm


def _senders(index: RecordIndex, script: Script, part: str, before: str | None, after: str | None) -> str:
    edges = index.sums.get(part, [])
    if index.run is not None and after is None:
        return "nothing reached it"
    times: dict[str, int] = {}
    for edge in edges:
        sender = index.edges[edge].sender
        times[sender] = times.get(sender, 0) + 1
    words = [
        called(index, script, sender, brief=True) + (script.say(f" ×{n}") if n > 1 else "")
        for sender, n in list(times.items())[:SENDERS_SHOWN]
    ]
    if len(times) > SENDERS_SHOWN:
        words.append(f"{len(times) - SENDERS_SHOWN} more")
    if before is not None:
        words.insert(0, "earlier .grad")
    return (" + " if index.run is not None else ", ").join(words)


def by_op(index: RecordIndex, script: Script, room: int) -> list[Line]:
    """The table of a large graph: each kind of op, how often, how many elements it computed, its largest gradient."""
    groups: dict[str, list[NodeRecord]] = {}
    for node in index.record.nodes:
        groups.setdefault(node.name, []).append(node)
    ranked = sorted(groups.items(), key=lambda group: -len(group[1]))
    shown = ranked[:OPS_SHOWN]
    gradients = [[m for node in nodes if (m := index.gradient(node.id)) is not None] for _, nodes in shown]
    norms = [[m.norm for m in measures if m.norm is not None] for measures in gradients]
    bad = []
    for (_, nodes), measures in zip(shown, gradients, strict=True):
        values = [m for node in nodes if node.id in index.broken and (m := index.value(node.id)) is not None]
        broken = [m for m in (together(values), together(measures)) if m is not None and m.bad]
        bad.append(", ".join(f"{count(m.bad)} {kind(m)}" for m in broken[:1]))
    elements = [sum(math.prod(index.tensors[t].shape) for node in nodes for t in node.outputs) for _, nodes in shown]
    fields = [
        Field("op", "", [script.name(name, 40) for name, _ in shown]),
        Field("count", "muted", [count(len(nodes)) for _, nodes in shown], False),
        Field("elements", "value", [count(n) for n in elements], False),
    ]
    if index.run is not None:
        largest = [script.norm(Measure(max(some), 0, 0, 1)) if some else "" for some in norms]
        fields.append(Field(script.say("largest ‖grad‖"), "gradient", largest, False))
    if any(bad):
        fields.append(Field("not finite", "bad", bad, False))
    out: list[Line] = [[], *columns(fields, room, script)]
    if rest := ranked[OPS_SHOWN:]:
        text = f"⋯ {many(len(rest), 'more kind')}: {count(sum(len(nodes) for _, nodes in rest))} ops"
        out.append([(script.cut(script.say(text), room), "muted")])
    return [*out, []]


def columns(fields: list[Field], room: int, script: Script) -> list[Line]:
    """The fields side by side; as room narrows the last ones go, so that first values keep theirs."""
    while True:
        fixed = {i: _widest(field, field.cells) for i, field in enumerate(fields) if not callable(field.cells)}
        spare = room - sum(fixed.values()) - GAP * (len(fields) - 1)
        if len(fields) == 1 or spare >= (NARROWEST if len(fixed) < len(fields) else 0):
            break
        fields = fields[:-1]
    columns_of = []
    for i, field in enumerate(fields):
        cells = field.cells(max(0, spare)) if callable(field.cells) else field.cells
        columns_of.append((field, cells, min(fixed.get(i, _widest(field, cells)), room)))
    out: list[Line] = []
    for n in range(-1, len(columns_of[0][1])):
        line: Line = []
        for i, (field, cells, space) in enumerate(columns_of):
            text = script.cut(field.title if n < 0 else cells[n], space)
            pad = " " * (space - width(text))
            style = (
                "muted"
                if n < 0
                else "bad"
                if text.endswith(("NaN", "Inf")) and field.style == "gradient"
                else field.style
            )
            gap = " " * GAP if i else ""
            if field.left:
                line += [(gap, ""), (text, style), (pad if i < len(columns_of) - 1 else "", "")]
            else:
                line += [(gap + pad, ""), (text, style)]
        out.append(line)
    return out


def _widest(field: Field, cells: Sequence[str]) -> int:
    return max(width(field.title), max(map(width, cells), default=0))
