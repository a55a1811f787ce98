"""Gradients that vanish or explode on their way through a model, and values that explode."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from math import inf

from grad_engine.health.rows import ParameterRow
from grad_engine.health.told import Told, called, ends_of, largest, placed, same_place
from grad_engine.record import NodeRecord
from grad_engine.record.index import RecordIndex, short_name, together
from grad_engine.record.words import brief

EXPLODED = ("values explode",)  # what a finding is about where results are too large
FADED = 1e6  # times by which a gradient shrinks through the calls of one module before it is worth a note
LEAST_CALLS = 8
APART = 1e6  # times by which gradients shrink or grow along the model before it is said
LARGE = 1e3  # norm of a gradient from which on growth is said
MOST_TRIED = 20  # modules with a small gradient that are looked at
MOST_OF_IT = 0.5  # part of a loss, in powers of ten, that one kind of op has where it is named
SAME = 1.01  # times by which results differ that are not the same numbers passed on


@dataclass(frozen=True, slots=True)
class _Unit:
    """A module with parameters of its own, or a leaf outside of modules: the norm of its gradients, and its ops."""

    name: str
    norm: float
    step: int  # the first in which one of its ops ran
    ops: frozenset[str]  # that read its parameters


def scale(index: RecordIndex, rows: Sequence[ParameterRow]) -> Iterator[Told]:
    """Gradients of the last run that shrink or grow by more than APART on the way from one module to another."""
    units = _units(index, rows)
    greatest = max((unit.norm for unit in units), default=0.0)
    small = sorted((unit for unit in units if unit.norm * APART < greatest), key=lambda unit: unit.norm)
    for low in small[:MOST_TRIED]:
        above = _reached(index, low.ops, up=True) - low.ops
        high = max((unit for unit in units if unit.ops & above), key=lambda unit: unit.norm, default=None)
        # What lies beyond it must be as small: a gradient that is 0 by its formula (of a bias before a softmax or
        # a normalization) is only noise, and stops nothing.
        below = _reached(index, low.ops, up=False) - low.ops
        beyond = [unit.norm for unit in units if unit.ops & below]
        if high is not None and max([low.norm, *beyond]) * APART < high.norm:
            yield Told(
                f"Gradients vanish: the norm falls from {brief(high.norm)} at {_module(high.name)} to "
                f"{brief(low.norm)} at {_module(low.name)}.{_where(index, high.ops, above, low.ops, -1)}",
                ("vanish", high.name, low.name),
            )
            break
    values = list(_large_values(index))
    if units and not values:
        high = max(units, key=lambda unit: unit.norm)
        above = _reached(index, high.ops, up=True) - high.ops
        near = min((unit for unit in units if unit.ops & above), key=lambda unit: unit.step, default=None)
        if near is not None and high.norm > max(LARGE, near.norm * APART):
            yield Told(
                f"Gradients explode: the norm grows from {brief(near.norm)} at {_module(near.name)} to "
                f"{brief(high.norm)} at {_module(high.name)}.{_where(index, near.ops, above, high.ops, 1)}",
                ("explode", near.name, high.name),
            )
            return
    growth = index.growth
    if values:  # the slopes of ops that read them are as large: one cause
        more = f" The gradients grow with them, to {brief(growth[1])}." if growth is not None else ""
        yield Told(values[0].words + more, values[0].about, values[0].ops)
    elif growth is not None:
        seed, norm, part = growth
        at = placed(index, index.nodes[part], line=True) if part in index.nodes else called(index, part)
        yield Told(
            f"Gradients explode: the norm grows from {brief(seed)}, where backward starts, to {brief(norm)} at {at}.",
            ("explode", *(same_place(index.nodes[part]) if part in index.nodes else (part,))),
        )


def faded(index: RecordIndex) -> Iterator[str]:
    """Modules that are called again and again, through whose calls the gradient fades, as through those of a cell."""
    calls: dict[str, dict[int, str]] = defaultdict(dict)
    for node in index.record.nodes:
        if node.scope:
            calls[node.scope][node.call] = node.id  # its newest op
    for scope, ends in calls.items():
        if len(ends) < LEAST_CALLS:
            continue
        first, last = (index.gradient(ends[call]) for call in (min(ends), max(ends)))
        if first is None or last is None or first.norm is None or not last.norm or first.norm * FADED > last.norm:
            continue
        yield (
            f"The gradient fades through the {len(ends)} calls of {scope}: its norm falls from {brief(last.norm)} at "
            f"the last to {brief(first.norm)} at the first, so hardly anything is learnt from what was read first."
        )


def _where(index: RecordIndex, high: Collection[str], above: set[str], low: Collection[str], sign: int) -> str:
    """Which kind of op, on the way from some ops to others, shrinks or grows the gradient most: a sentence, or ""."""
    between = (above & _reached(index, high, up=False)) | set(low)
    calls: dict[str, list[tuple[float, NodeRecord]]] = defaultdict(list)  # powers of ten, towards `sign`
    for op in sorted(between - set(low), key=lambda each: index.nodes[each].age):
        arrived = index.gradient(op)
        onwards = [edge for edge in index.outgoing(op) if edge.receiver in between]
        sent = [m.norm for edge in onwards if (m := index.share(edge.id)) is not None and m.norm]
        if arrived is not None and arrived.norm and sent:
            node = index.nodes[op]
            calls[node.op].append((sign * math.log10(max(sent) / arrived.norm), node))
    powers = {name: sum(power for power, _ in some) for name, some in calls.items()}
    total = sum(powers.values())
    if total <= 0:
        return ""
    smaller = "smaller" if sign < 0 else "larger"
    power, worst = max((one for some in calls.values() for one in some), key=lambda one: one[0])
    where = placed(index, worst, line=True)
    if power >= MOST_OF_IT * total:
        return f" {where} makes it {brief(10**power)} times {smaller}."
    kind = max(powers, key=powers.__getitem__)
    if powers[kind] < MOST_OF_IT * total:
        return ""
    power, worst = max(calls[kind], key=lambda one: one[0])
    each, most = brief(10 ** (powers[kind] / len(calls[kind]))), brief(10**power)
    return (
        f" The {len(calls[kind])} calls of {short_name(worst)} on the way make it {each} times {smaller} each, "
        f"{placed(index, worst, line=True)} most, {most} times."
    )


def _large_values(index: RecordIndex) -> Iterator[Told]:
    """Results that are larger by more than APART than anything that the graph was given."""
    given = [largest(tensor) for tensor in index.record.tensors if tensor.is_leaf or tensor.role == "constant"]
    start = max([1.0, *(size for size in given if size is not None and size < inf)])
    ran = index.steps if index.run is not None else index.nodes
    nodes = [node for node in index.record.nodes if node.id in ran]
    made = [(largest(index.tensors[output]), node) for node in nodes for output in node.outputs]
    known = [(size, node) for size, node in made if size is not None and size < inf]
    size, node = max(known, key=lambda one: one[0], default=(0.0, None))
    if node is None or size <= APART * start:
        return
    above = [(bound, other) for bound, other in known if bound > APART * start]
    if not _grows(index, above):
        return
    first = above[0][1]
    where = f"{placed(index, first, line=True)} is the first above {brief(APART * start)}"
    yield Told(
        f"Values explode: from {brief(start)} at most in inputs and parameters to {brief(size)} in the result of "
        f"{placed(index, node)}; {where}.",
        EXPLODED,
        (node.id,),
    )


def _grows(index: RecordIndex, above: Sequence[tuple[float, NodeRecord]]) -> bool:
    """Whether large results come from growth: not where a large negative number was put in by a mask and passed on."""
    roots = {root.node for root in index.record.roots}
    if any(node.id in roots for _, node in above):
        return True
    sizes = [size for size, _ in above]
    positive = any((ends := ends_of(index.tensors[node.outputs[0]])) and ends[1] >= min(sizes) for _, node in above)
    return positive and max(sizes) > SAME * min(sizes)


def _module(name: str) -> str:
    """The name of a module in a sentence: a number alone could be taken for a norm."""
    return f"module {name}" if name.replace(".", "").isdecimal() else name


def _units(index: RecordIndex, rows: Sequence[ParameterRow]) -> list[_Unit]:
    groups: dict[str, list[ParameterRow]] = {}
    for row in rows:
        groups.setdefault(row.module or row.name, []).append(row)
    found = []
    for name, inside in groups.items():
        sizes = [m for row in inside if row.part is not None and (m := index.measured(index.passed.get(row.part)))]
        size = together(sizes)
        norm = size.norm if size is not None else None
        ops = frozenset(edge.sender for row in inside if row.part for edge in index.incoming.get(row.part, ()))
        ran = [index.steps[op] for op in ops if op in index.steps]
        if norm and ran:
            found.append(_Unit(name, norm, min(ran), ops))
    return found


def _reached(index: RecordIndex, ops: Collection[str], up: bool) -> set[str]:
    """The ops that a gradient passes on its way to these, or after them; these among them."""
    seen, pending = set(ops), list(ops)
    while pending:
        op = pending.pop()
        edges = index.incoming.get(op, ()) if up else index.outgoing(op)
        others = {edge.sender if up else edge.receiver for edge in edges}
        pending += (fresh := [each for each in others if each not in seen and each in index.nodes])
        seen.update(fresh)
    return seen
