"""What of a large graph is drawn: the ops made last, and of very many operands the first and the last.

A picture of one op with 20,000 operands says no more than one of some of them and a box that counts the others, and
the layout library takes hours for it. So the number of things and of lines has a limit, whatever is recorded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from grad_engine.folding import Link
from grad_engine.record import GraphRecord

LINES = 2  # for each thing that may be drawn
AT_EACH_END = 8  # operands of one op that are drawn, before and after the box for the others

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rest:
    """Operands of one op that are drawn as one box."""

    id: str
    target: str
    links: tuple[Link, ...]  # of the operands, in their order; the first one's id is that of the line from the box


@dataclass(frozen=True, slots=True)
class Crowd:
    """What is drawn of a graph."""

    ops: frozenset[str]  # ids of items that are drawn with their operands; all items where nothing is left out
    links: tuple[Link, ...]
    rests: Mapping[str, Rest]  # by id


def crowd(record: GraphRecord, ids: Sequence[str], links: Sequence[Link], most: int) -> Crowd:
    """All of a graph with at most `most` things and twice as many lines; else the newest ops, as many as fit.

    Where it has too many, an op of more than 16 operands has the first and the last 8 and one box for the others. An
    op that only such boxes read is not drawn.
    """
    most_lines = LINES * most
    if len(ids) <= most and len(links) <= most_lines:
        return Crowd(frozenset(ids), tuple(links), {})
    into: dict[str, list[Link]] = {}
    has_readers = {link.source for link in links}
    for link in links:
        into.setdefault(link.target, []).append(link)
    kept: dict[str, list[Link]] = {}  # by the op they lead to
    shown: set[str] = set()
    read: set[str] = set()  # what a line leads from
    drawn = 0
    rests: dict[str, Rest] = {}
    for node in sorted(record.nodes, key=lambda node: node.age, reverse=True):
        if node.id in has_readers and node.id not in read:
            continue
        lines, rest = _few(node.id, into.get(node.id, []))
        shown |= {node.id, *(link.source for link in lines)}
        drawn += len(lines)
        if kept and (len(shown) > most or drawn > most_lines):
            break
        kept[node.id] = lines
        read |= {link.source for link in lines}
        if rest is not None:
            rests[rest.id] = rest
    ordered = [link for node in record.nodes for link in kept.get(node.id, ())]
    return Crowd(frozenset(kept), tuple(ordered), rests)


def _few(target: str, links: Sequence[Link]) -> tuple[list[Link], Rest | None]:
    """The lines to one op that are drawn, and what one of them stands for."""
    if len(links) <= 2 * AT_EACH_END + 1:
        return [*links], None
    rest = Rest(f"{target}:rest", target, tuple(links[AT_EACH_END:-AT_EACH_END]))
    lines = few(links, replace(rest.links[0], source=rest.id))
    return [replace(link, slot=slot, slots=len(lines)) for slot, link in enumerate(lines)], rest


def few(parts: Sequence[T], other: T) -> list[T]:
    """The first and the last of many parts, and `other` for those between."""
    return [*parts[:AT_EACH_END], other, *parts[-AT_EACH_END:]]
