"""Findings in the making: sentences with what they are about, so that each cause is told once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from pathlib import PurePath

from grad_engine.record import NodeRecord, TensorRecord
from grad_engine.record.index import Measure, RecordIndex, mark, short_name
from grad_engine.record.words import many

MOST_NAMED = 6


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence, and what it is about without the numbers of ops: of another run or call it is not told again."""

    words: str
    about: tuple[object, ...] = ()
    ops: tuple[str, ...] = ()
    is_wrong: bool = True


def once(found: Iterable[tuple[int, Told]], of: int) -> list[Told]:
    """What was found in runs, each with the number of its run: every cause once, and in how many of `of` runs it is."""
    groups: dict[tuple[object, ...], list[tuple[int, Told]]] = {}
    for run, told in found:
        groups.setdefault(told.about or (told.words,), []).append((run, told))
    first = sorted(groups.values(), key=lambda group: group[0][0])  # what began first stands first
    return [_with(group[0][1], _in_runs({run for run, _ in group}, of)) for group in first]


def alike(found: Iterable[Told], runs: Sequence[Collection[str]]) -> list[Told]:
    """What was found of ops: every cause once, and in how many calls or runs it is. runs: the ops of each run."""
    groups: dict[tuple[object, ...], list[Told]] = {}
    for told in found:
        groups.setdefault((told.about or told.words, told.is_wrong), []).append(told)
    result = []
    for group in groups.values():
        ops = {op for told in group for op in told.ops}
        inside = {k for k, run in enumerate(runs) if not ops.isdisjoint(run)}
        more = _in_runs(inside, len(runs)) if len(inside) > 1 else f"{len(group)} calls" if len(group) > 1 else ""
        result.append(_with(group[0], more))
    return result


def _in_runs(some: Collection[int], of: int) -> str:
    """In how many of several runs, and from which on, where all after it are among them."""
    if of < 2:
        return ""
    start, last = min(some, default=0), max(some, default=0)
    since = f", from run {start + 1} on" if start and len(some) == last - start + 1 > 1 else ""
    return f"{len(some)} of {of} backward runs{since}"


def _with(told: Told, more: str) -> Told:
    if not more:
        return told
    return Told(f"{told.words} This is so in {more}.", told.about, told.ops, told.is_wrong)


# words


def called(index: RecordIndex, part: str) -> str:
    """#3 Relu, or the name of a leaf."""
    if part in index.nodes:
        return f"{mark(part)} {short_name(index.nodes[part])}"
    return index.leaf(part).name or part


def placed(index: RecordIndex, node: NodeRecord, line: bool = False) -> str:
    """An op with its module, and the line of the program that called it, where that is recorded and asked for."""
    at = f" ({line_of(node)})" if line and node.source is not None else ""
    return f"{called(index, node.id)}{f' in {node.scope}' if node.scope else ''}{at}"


def line_of(node: NodeRecord) -> str:
    """model.py:12; nothing where no line is recorded."""
    return f"{PurePath(node.source.file).name}:{node.source.line}" if node.source is not None else ""


def same_place(node: NodeRecord) -> tuple[object, ...]:
    """What calls of one line of the program in one module have in common."""
    source = node.source
    return (node.op, node.scope, *((source.file, source.line) if source is not None else ()))


def some(names: Sequence[str]) -> str:
    """The first of these names, and how many more there are."""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def kind(size: Measure) -> str:
    """NaN, infinity, or both."""
    return "NaN and infinity" if size.nan and size.infinite else "NaN" if size.nan else "infinity"


def share_of(size: Measure) -> str:
    """3 of 48 values."""
    return f"{size.bad} of {many(size.size, 'value')}"


# numbers of a tensor


def ends_of(tensor: TensorRecord) -> tuple[float, float] | None:
    """The least and the largest of the finite entries, where they are recorded."""
    if tensor.stats is not None:
        low, high = tensor.stats.min, tensor.stats.max
        return None if low is None or high is None else (float(low), float(high))
    values = tensor.data.values if tensor.data is not None else None
    finite = [float(value) for value in values or () if isfinite(value)]
    return (min(finite), max(finite)) if finite else None


def largest(tensor: TensorRecord) -> float | None:
    """The largest absolute value of the finite entries, where it is recorded."""
    ends = ends_of(tensor)
    return None if ends is None else max(abs(ends[0]), abs(ends[1]))


def signs(tensor: TensorRecord) -> tuple[int, int]:
    """How many entries are minus infinity, and plus infinity."""
    if tensor.stats is not None:
        return tensor.stats.neginf, tensor.stats.posinf
    values = (tensor.data.values if tensor.data is not None else None) or ()
    return sum(value == -inf for value in values), sum(value == inf for value in values)


def first_bad(tensor: TensorRecord) -> str:
    """The place of the first entry that is not finite: [3, 2, 1]; nothing for a single number or an unknown place."""
    if tensor.stats is not None:
        place = tensor.stats.first_nonfinite
    else:
        values = (tensor.data.values if tensor.data is not None else None) or ()
        flat = next((k for k, value in enumerate(values) if not isfinite(value)), None)
        place = None
        if flat is not None:
            found = []
            for length in reversed(tensor.shape):
                flat, k = divmod(flat, length)
                found.append(k)
            place = tuple(reversed(found))
    return f"[{', '.join(map(str, place))}]" if place else ""
