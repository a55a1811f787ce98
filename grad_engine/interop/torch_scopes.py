"""Which module of a PyTorch model an op belongs to, as far as its graph tells: the scopes of a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Node = Any  # torch.autograd.graph.Node


def scopes(nodes: Sequence[Node], leaves: Mapping[Node, str], model: Any) -> dict[Node, str]:
    """The module of each op, by its dotted name; ops that belong to none are left out.

    nodes: in creation order. leaves: the module that owns each parameter. An op that reads parameters is in the module
    that owns them. Any other lies between such ops, and is in the innermost module that holds those before and after
    it; where that is a Sequential with one child between theirs, in that child.
    """
    owners: dict[Node, str] = {}  # of ops that read parameters
    prepared: dict[Node, str] = {}  # of ops that read nothing else: a transposed weight is still that weight
    for node in nodes:
        read = [(leaves.get(below, prepared.get(below)), below) for below, _ in node.next_functions]
        found = [owner for owner, _ in read if owner is not None]
        if found:
            owners[node] = _common(found)
            if len(found) == len(read):
                prepared[node] = owners[node]
    before: dict[Node, str] = {}
    after: dict[Node, str] = {}
    for node in nodes:
        reached = [
            owners[below] if below in owners else before[below]
            for below, _ in node.next_functions
            if below in before or (below in owners and below not in prepared)
        ]
        if reached:
            before[node] = _common(reached)
    for node in reversed(nodes):
        own = owners.get(node, after.get(node))
        if own is None:
            continue
        for below, _ in node.next_functions:
            if below is not None:
                after[below] = _common([own, after[below]]) if below in after else own
    for node in nodes:
        if node not in owners and node in before and node in after:
            owners[node] = _between(before[node], after[node], model)
    return {node: scope for node, scope in owners.items() if scope}


def _between(before: str, after: str, model: Any) -> str:
    shared = _common([before, after])
    if model is None or before == after or shared in (before, after):
        return shared
    parent = model.get_submodule(shared)
    if type(parent).__name__ != "Sequential":
        return shared
    children = [name for name, _ in parent.named_children()]
    depth = len(shared.split(".")) if shared else 0
    start, stop = (children.index(scope.split(".")[depth]) for scope in (before, after))
    if stop != start + 2:
        return shared
    return f"{shared}.{children[start + 1]}" if shared else children[start + 1]


def _common(scopes: Sequence[str]) -> str:
    """The innermost module that holds all of these."""
    first, *others = (scope.split(".") for scope in scopes)
    for other in others:
        same = next((k for k, (a, b) in enumerate(zip(first, other, strict=False)) if a != b), len(other))
        first = first[:same]
    return ".".join(first)
