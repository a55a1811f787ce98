"""What the page shows, as JSON: items, lines, groups, tensors, formulas, steps and findings of a record.

All that is worked out is worked out here; the client lays out, draws and steps. `client/` reads exactly these keys.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from grad_engine.draw.glyph import outline
from grad_engine.draw.layout import lay_out
from grad_engine.draw.looks import Look, Looks
from grad_engine.draw.svg import CORNER, MOST_BOXES, RING
from grad_engine.folding import Link, drawn
from grad_engine.folding.module_tree import Group
from grad_engine.formula import Tree
from grad_engine.page.findings import findings
from grad_engine.page.groups import closed_at_first, grouped
from grad_engine.page.mathml import mathml
from grad_engine.page.steps import steps
from grad_engine.record import GraphRecord, NodeRecord, TensorRecord
from grad_engine.record.index import RecordIndex, index_of
from grad_engine.record.words import many
from grad_engine.story.names import Names, headline

MOST_ENTRIES = 4096  # of a tensor, sent in full
LAID_OUT_HERE = 80  # items, and half as many lines; the page then looks as the picture. More: in the browser
LONGEST_NAME = 60  # characters


class Store:
    """What items and steps refer to, each thing once: formulas by number, tensors by id."""

    def __init__(self, index: RecordIndex, names: Names) -> None:
        self.index = index
        self.names = names
        self.formulas: dict[str, int] = {}
        self.shapes: dict[str, int] = {}
        self.tensors: dict[str, dict[str, Any]] = {}

    def formula(self, tree: Tree) -> int:
        """The number of the template of a formula."""
        return self.formulas.setdefault(mathml(tree), len(self.formulas))

    def shape(self, path: str) -> int:
        """The number of an outline."""
        return self.shapes.setdefault(path, len(self.shapes))

    def name(self, tensor: str) -> str:
        """What a tensor is called; gradients, shares and what an op kept for itself have no name."""
        has_name = self.index.tensors[tensor].shape == () or self.index.label(tensor) is not None
        return self.names[tensor] if has_name else ""

    def tensor(self, tensor: str | None) -> str | None:
        """The id of a tensor, whose numbers are now among those that are sent."""
        if tensor is not None and tensor not in self.tensors:
            self.tensors[tensor] = described(self.index.tensors[tensor], self.name(tensor))
        return tensor


def payload(
    record: GraphRecord, title: str | None = None, changes: Mapping[str, Sequence[str]] | None = None
) -> dict[str, Any]:
    """Everything the page needs to know of a record; `changes` says in words what moved at items since another one."""
    index = index_of(record)
    names = Names(record, LONGEST_NAME)
    ids, links = drawn(record)
    store = Store(index, names)
    looks = {look.item.id: look for look in Looks(index, {}, index).all(ids, links, {}, set(ids))}
    groups, home = grouped(record, ids, links)
    closed = closed_at_first(record, groups, home, MOST_BOXES)
    items = [_item(store, looks[key], home.get(key)) for key in ids]
    for item in items:
        if item["id"] in (changes or {}):
            item["changes"] = list((changes or {})[item["id"]])
    layout = _layout(looks, links) if not groups and max(len(ids), len(links) // 2) <= LAID_OUT_HERE else None
    told = steps(record, store)
    return {
        "title": title or record.title or "computation graph",
        "headline": headline(record),
        "size": f"{many(record.counts.ops, 'op')}, {many(record.counts.leaves, 'leaf', 'leaves')}",
        "counts": {"ops": record.counts.ops, "leaves": record.counts.leaves},
        "items": items,
        "links": [_link(index, link) for link in links],
        "groups": [_group(group, group.id in closed) for group in groups],
        "beats": told,
        "findings": findings(index, changes),
        "shapes": list(store.shapes),
        "formulas": list(store.formulas),
        "tensors": store.tensors,
        "layout": layout,
    }


def described(tensor: TensorRecord, name: str) -> dict[str, Any]:
    """A tensor with its recorded numbers: six digits, which is more than any picture shows."""
    found: dict[str, Any] = {"name": name, "shape": list(tensor.shape), "dtype": tensor.dtype}
    data, stats = tensor.data, tensor.stats
    if data is not None and data.values is not None and len(data.values) <= MOST_ENTRIES:
        found["values"] = [plain(value) for value in data.values]
    elif data is not None and data.sample is not None:
        sample = [plain(value) for value in data.sample.values]
        found["sample"] = {"shape": list(data.sample.shape), "values": sample}
    if stats is not None:
        parts = ("min", "max", "mean", "std", "norm")
        found["stats"] = {part: plain(getattr(stats, part)) for part in parts} | {
            "zeros": stats.zeros, "nan": stats.nan, "inf": stats.posinf + stats.neginf,
        }  # fmt: skip
        if stats.histogram is not None:
            bins = stats.histogram
            found["histogram"] = [plain(bins.low), plain(bins.high), list(bins.counts)]
    return found


def plain(value: float | int | bool | None) -> Any:
    """A number that JSON can hold: NaN and infinities as words."""
    if value is None or isinstance(value, bool | int):
        return value
    if math.isfinite(value):
        return float(f"{value:.6g}")
    return "NaN" if value != value else "∞" if value > 0 else "−∞"


def _group(group: Group, closed: bool) -> dict[str, Any]:
    called = f"{group.label} (call {group.call + 1})" if group.call else group.label
    return {
        "id": group.id, "parent": group.parent, "label": called, "path": group.path, "times": group.times,
        "closed": closed,
    }  # fmt: skip


def _item(store: Store, look: Look, group: str | None) -> dict[str, Any]:
    index = store.index
    key = look.item.id
    body = look.item.body or look.item.height
    outlined = store.shape(_outline(look.category, round(look.glyph), round(body), look.root))
    found: dict[str, Any] = {
        "id": key, "kind": look.kind, "group": group, "shape": outlined,
        "width": round(look.item.width), "height": round(look.item.height), "body": round(body),
        "glyph": round(look.glyph), "symbol": list(look.within), "name": look.name, "value": look.above,
        "gradient": look.below, "badge": look.badge, "sum": look.sums, "ports": list(look.ports),
    }  # fmt: skip
    if (size := index.gradient(key)) is not None:
        found["size"] = plain(float(f"{size.norm:.4g}")) if size.norm is not None else "NaN" if size.nan else "∞"
    if arrivals := _arrivals(store, key):
        found["arrivals"] = arrivals
    if look.kind == "op":
        return found | _op(store, index.nodes[key])
    tensor = index.leaf(key) if key in index.accumulators else index.tensors[key]
    value = index.measured(tensor.id)
    if look.badge and not (value is not None and value.bad):
        found["badgeOfGradient"] = True
    found |= {"tensor": store.tensor(tensor.id), "title": tensor.name or key}
    if (gradient := index.gradient_tensor(key)) is not None:
        found["gradientTensor"] = store.tensor(gradient.id)
    return found


def _op(store: Store, node: NodeRecord) -> dict[str, Any]:
    """What only ops have: formulas, operands, the shares they send."""
    index = store.index
    rules = {}
    if node.formula is not None:
        rules = {rule.slot: store.formula(rule.tree) for rule in node.formula.vjp}
    found: dict[str, Any] = {
        "op": node.op, "label": node.name, "number": node.age, "scope": node.scope,
        "step": index.steps.get(node.id), "outputs": [store.tensor(output) for output in node.outputs],
        "gradients": [store.tensor(each) for each in index.gradients(node.id)],
        "saved": [name for tensor in node.saved if (name := store.name(tensor))],
        "arguments": [[name, str(value)] for name, value in (node.attributes or {}).items() if value is not None],
        "rules": rules, "operands": _operands(store, node), "quiet": node.category == "shape",
    }  # fmt: skip
    if node.formula is not None:
        found["formula"] = store.formula(node.formula.forward.tree)
    if node.source is not None:
        found["source"] = [node.source.file, node.source.line, node.source.code]
    if sentence := getattr(node, "sentence", None):
        found["sentence"] = sentence
    return found


def _operands(store: Store, node: NodeRecord) -> list[dict[str, Any]]:
    index = store.index
    explain = index.record.explain
    holds = (explain.holds if explain is not None else None) or {}
    found = []
    for operand in node.inputs:
        edge = index.edges.get(operand.edge or "")
        share = index.shares.get(operand.edge or "")
        place = index.places.get(operand.edge or "")
        found.append({
            "parameter": operand.parameter, "tensor": store.tensor(operand.tensor), "slot": operand.slot,
            "receiver": edge.receiver if edge is not None else None, "share": store.tensor(share),
            "summed": list(edge.reduced_axes) if edge is not None else [], "arrivals": place.of if place else 1,
            "holds": holds.get(operand.edge or "", True),
        })  # fmt: skip
    return found


def _arrivals(store: Store, part: str) -> list[dict[str, Any]]:
    """The shares that came to an op or a leaf, in the order in which they were added."""
    index = store.index
    found = []
    for edge in index.incoming.get(part, ()):
        share, place = index.shares.get(edge.id), index.places.get(edge.id)
        if share is not None:
            k, of = place or (1, 1)
            found.append({"sender": edge.sender, "share": store.tensor(share), "k": k, "of": of})
    return sorted(found, key=lambda each: each["k"])


def _link(index: RecordIndex, link: Link) -> dict[str, Any]:
    share, operand = index.shares.get(link.id), index.operands.get(link.id)
    found: dict[str, Any] = {
        "id": link.id, "from": link.source, "to": link.target, "slot": _slot(index, link), "port": link.slot,
        "slots": link.slots, "sent": share is not None,
    }  # fmt: skip
    for key, tensor in (("badShare", share), ("badValue", operand.tensor if operand is not None else None)):
        size = index.measured(tensor)
        if size is not None and size.bad:
            found[key] = True
    return found


def _slot(index: RecordIndex, link: Link) -> int:
    """The operand that a link leads to; its port counts only operands that have a line."""
    operand = index.operands.get(link.id)
    return operand.slot if operand is not None else int(link.id.rpartition(":")[2])


@lru_cache(maxsize=1_000)  # most ops of a graph have one of a few outlines
def _outline(category: str, width: int, height: int, root: bool) -> str:
    corner = CORNER if category in ("leaf", "constant") else None
    path = _path(outline(category, width, height, corner=corner))
    if root:
        path += _path(outline(category, width + 2 * RING, height + 2 * RING, corner=corner))
    return path


def _path(points: Iterable[Sequence[float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {-y:.1f}" for x, y in points) + "Z"


def _layout(looks: Mapping[str, Look], links: Sequence[Link]) -> dict[str, Any]:
    """The layout of the still picture, with y downwards."""
    layout = lay_out([look.item for look in looks.values()], links, rank_gap=62.0, item_gap=22.0, lane_gap=15.0)
    return {
        "boxes": {key: [round(box.x, 1), round(-box.y, 1)] for key, box in layout.boxes.items()},
        "routes": {
            key: [[round(float(x), 1), round(-float(y), 1)] for x, y in route] for key, route in layout.routes.items()
        },
        "width": layout.width,
        "height": layout.height,
    }
