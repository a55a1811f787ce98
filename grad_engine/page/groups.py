"""The group that every item of a page is in: ops in that of their module, leaves and constants in their readers'."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grad_engine.folding import Link, module_view
from grad_engine.folding.module_tree import Group, hierarchy
from grad_engine.record import GraphRecord


def grouped(record: GraphRecord, items: Sequence[str], links: Sequence[Link]) -> tuple[list[Group], dict[str, str]]:
    """The groups of a record, parents first, and the id of the group of each item that is in one."""
    groups, home = hierarchy(record)
    parents = {group.id: group.parent for group in groups}
    ops = {node.id for node in record.nodes}
    shared: dict[str, list[str]] = {}  # item -> the groups that hold all its readers, from the outermost
    for link in links:
        if link.source in ops:
            continue
        way = _way(home.get(link.target), parents)
        shared[link.source] = _common(shared.get(link.source, way), way)
    return groups, home | {item: shared[item][-1] for item in items if shared.get(item)}


def closed_at_first(record: GraphRecord, groups: Sequence[Group], home: Mapping[str, str], most: int) -> set[str]:
    """The ids of the groups that a picture of about `most` boxes shows as one box, or as a part of one."""
    boxes = module_view(record, most).folds
    box_of = {op.id: box for box, fold in boxes.items() for op in fold.ops}
    parents = {group.id: group.parent for group in groups}
    held: dict[str, set[str]] = {}  # group -> the boxes, or single ops, that its ops are in
    for node in record.nodes:
        for group in _way(home.get(node.id), parents):
            held.setdefault(group, set()).add(box_of.get(node.id, ""))
    return {group for group, found in held.items() if len(found) == 1 and "" not in found}


def _way(group: str | None, parents: Mapping[str, str | None]) -> list[str]:
    """The groups around a group and itself, from the outermost."""
    way = []
    while group is not None:
        way.append(group)
        group = parents[group]
    return way[::-1]


def _common(one: Sequence[str], other: Sequence[str]) -> list[str]:
    """The beginning that two ways share."""
    same = []
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        same.append(left)
    return same
