"""GraphRecord -> what its roots compute, as one line: `z = ln(x1 @ w) + b`."""

from __future__ import annotations

from collections.abc import Mapping

from grad_engine.formula import MAX_DEPTH, Tree, text
from grad_engine.record.index import index_of
from grad_engine.record.parts import GraphRecord, InputRecord

MOST_OPS = 400
MOST_PARTS = 40  # names and operators of a sub-expression; a larger one is shown by its name
LONGEST = 160  # characters

Part = tuple[Tree, int, int]  # a tree, the count of its parts, its depth


def expression_of(record: GraphRecord) -> str:
    """The roots as formulas of their leaves, with shared and large parts by name; "" where that gets too long."""
    if len(record.nodes) > MOST_OPS or any(node.formula is None for node in record.nodes):
        return ""
    index, atoms = index_of(record), _Atoms()
    trees: dict[str, Part] = {}  # by tensor

    def part(operand: InputRecord) -> Part:
        made = trees.get(operand.tensor) if operand.edge is not None else None
        if made is None:
            tensor = index.tensors[operand.tensor]
            return atoms[tensor.name or index.accumulator_of.get(tensor.id, "const")], 1, 1
        _, size, depth = made
        if size > MOST_PARTS or depth > MAX_DEPTH - 12:
            return atoms[index.tensors[operand.tensor].name or "…"], 1, 1
        return made

    whole: dict[str, Tree] = {}  # by op
    for node in record.nodes:
        assert node.formula is not None
        own = node.formula.forward.tree
        read = _names(own)  # a Python number stands in the tree itself
        parts = {operand.parameter: part(operand) for operand in node.inputs if operand.parameter in read}
        tree = whole[node.id] = replaced(own, {name: found[0] for name, found in parts.items()})
        size = 1 + sum(found[1] for found in parts.values())
        depth = 4 + max((found[2] for found in parts.values()), default=0)
        for k, tensor in enumerate(node.outputs):
            one = len(node.outputs) == 1
            trees[tensor] = (tree, size, depth) if one else (["index", tree, ["say", str(k)]], size, depth + 1)
    lines: dict[str, None] = {}
    for root in record.roots:
        shown = text(whole[root.node], atoms.names())
        if "…" in shown or len(shown) > LONGEST:
            return ""
        name = index.tensors[root.tensor].name
        lines[f"{name} = {shown}" if name else shown] = None
    found = "; ".join(lines)
    return found if len(found) <= LONGEST else ""


class _Atoms(dict[str, str]):
    """What stands in a tree for each name; a name may be any text, and a tree holds identifiers."""

    def __missing__(self, name: str) -> str:
        self[name] = f"v{len(self)}"
        return self[name]

    def names(self) -> dict[str, str]:
        return {atom: name for name, atom in self.items()}


def _names(tree: Tree) -> set[str]:
    found, pending = set(), [tree]
    while pending:
        part = pending.pop()
        if isinstance(part, str):
            found.add(part)
        elif isinstance(part, list) and part[0] != "say":
            pending.extend(part[2:] if part[0] == "kw" else part[1:])
    return found


def replaced(tree: Tree, parts: Mapping[str, Tree]) -> Tree:
    """`tree` with each parameter replaced by its part."""
    if isinstance(tree, str):
        return parts.get(tree, tree)
    if not isinstance(tree, list) or tree[0] == "say":
        return tree
    skip = 2 if tree[0] == "kw" else 1
    return [*tree[:skip], *(replaced(part, parts) for part in tree[skip:])]
