"""The parts of a graph that a story opens or sweeps over: equal scopes, equal rounds of a loop, single ops."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from grad_engine.folding.module_tree import hierarchy
from grad_engine.folding.structure import LEAST_ROUNDS, repeats
from grad_engine.record.index import RecordIndex

SMALL = 24  # ops of a graph in which every op is a unit of its own
SHORTEST_NOUN = 3  # letters of a list of modules that names its modules; those of `h` are blocks
NEARLY = 0.8  # part of the ops of a unit that one beside it has at least, to count as one of them


@dataclass(frozen=True, slots=True)
class Unit:
    """Ops that are told of together: one op, or one of several equal groups."""

    ops: tuple[str, ...]  # by age
    kind: int = -1  # equal units have the same number; -1: it is alone
    label: str = ""  # of one of equal units: "step 3", "block 11"


def noun_of(unit: Unit) -> str:
    """What an equal unit is called: the word before its number."""
    return unit.label.rpartition(" ")[0] or "part"


def units(index: RecordIndex) -> list[Unit]:
    """All ops in units, in creation order: equal scopes, else equal rounds of a loop, else single ops."""
    found: list[Unit] = []
    if len(index.record.nodes) > SMALL:
        found = _scopes(index) or _rounds(index)
    grouped = {op: unit for unit in found for op in unit.ops}
    out: dict[Unit, None] = {}
    for op in index.nodes:
        out[grouped.get(op) or Unit((op,))] = None
    return list(out)


def _rounds(index: RecordIndex) -> list[Unit]:
    """Equal rounds of a loop, where they hold at least half of the ops: else they are not what the graph is about."""
    found = [
        Unit(ops, kind, f"step {k}")
        for kind, repeat in enumerate(repeats(index))
        for k, ops in enumerate(repeat.rounds, 1)
    ]
    found = [replace(unit, label=label) for unit, label in zip(found, _module_labels(found, index), strict=True)]
    return found if 2 * sum(len(unit.ops) for unit in found) >= len(index.record.nodes) else []


def _module_labels(found: Sequence[Unit], index: RecordIndex) -> list[str]:
    """What equal rounds are called: as the numbered modules that made their ops, if each has one of its own."""
    labels = []
    for unit in found:
        scopes = [index.nodes[op].scope.split(".") for op in unit.ops if index.nodes[op].scope]
        paths = {".".join(scope[:k]) for scope in scopes for k in range(1, len(scope) + 1)}
        shared = [path for path in paths if all(".".join(scope).startswith(path) for scope in scopes)]
        named = [label for path in sorted(shared, key=len) if re.fullmatch(r".+ \d+", label := _label(path))]
        labels.append(named[0] if named else "")
    nouns = {(unit.kind, label.rpartition(" ")[0]) for unit, label in zip(found, labels, strict=True)}
    good = all(labels) and len(set(labels)) == len(labels) and len(nouns) == len({unit.kind for unit in found})
    return labels if good else [unit.label for unit in found]


def _label(scope: str) -> str:
    """What a module is called: `block 3` for `model.blocks.3` and for `block3`, else the last part of its path."""
    path, _, last = scope.rpartition(".")
    if last.isdecimal() and path:
        noun = path.rpartition(".")[2]
        noun = noun.removesuffix("s")
        return f"{noun if len(noun) >= SHORTEST_NOUN else 'block'} {last}"
    numbered = re.fullmatch(r"(.*\D)[_ ]?(\d+)", last)
    return f"{numbered[1].rstrip('_ ')} {numbered[2]}" if numbered is not None else last


def _scopes(index: RecordIndex) -> list[Unit]:
    """The calls of the outermost modules of which at least LEAST_ROUNDS are equal.

    Modules beside them that have nearly as many ops belong to them too: the first block of a network often lacks some.
    """
    groups, home = hierarchy(index.record)
    parents = {group.id: group.parent for group in groups}
    ops: dict[str, list[str]] = {group.id: [] for group in groups}
    for op in index.nodes:
        at = home.get(op)
        while at is not None:
            ops[at].append(op)
            at = parents[at]
    found: list[Unit] = []
    taken: set[str] = set()
    for group in groups:  # parents before what they hold
        inner = [each for each in groups if each.parent == group.id]
        if group.times < LEAST_ROUNDS or len(inner) != group.times or taken & set(ops[group.id]):
            continue
        length = len(ops[inner[0].id])
        beside = [each for each in groups if each.parent == group.parent and each.times == 1]
        open_ones = [each for each in beside if NEARLY * length <= len(ops[each.id]) <= length]
        if length > 1:
            kind = len(found)
            members = sorted([*inner, *open_ones], key=lambda each: index.nodes[ops[each.id][0]].age)
            found += [Unit(tuple(ops[each.id]), kind, _label(each.label)) for each in members]
            taken |= {op for each in members for op in ops[each.id]}
    return found
