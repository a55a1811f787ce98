"""The three-part layout of the Rust engine of the same name -> GraphRecord.

`graph_acyclic.json` is a list of [sender, receiver] ids of nodes, `nodes/<id>.json` an object {name, origin, gradient}
with the ids of two tensors, `tensors/<id>.json` an object {data, offset, shape} with null for NaN (and for infinities,
which cannot be told apart). A node without receivers is a leaf.

What the layout does not hold is derived where edges and names of ops allow it, and is otherwise not recorded: ops come
in the order in which the expression would be evaluated, left to right; a share is known where it is the only one that
its receiver gets.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from math import isfinite, nan, prod
from typing import Any

from grad_engine.formula import Tree
from grad_engine.record.check import check
from grad_engine.record.draft import Draft, RunDraft, formula_record
from grad_engine.record.parts import (
    BackwardRecord,
    DataRecord,
    EdgeRecord,
    GraphRecord,
    InputRecord,
    LeafChangeRecord,
    NodeRecord,
    Number,
    RootRecord,
    Shape,
    TensorRecord,
)
from grad_engine.record.spelling import MAX_RANK
from grad_engine.record.strict import parsed, shown, wrong

PAIRS = "graph_acyclic.json"

_ID = re.compile(r"[A-Za-z]-[0-9]{1,9}\Z")
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_VIEW = re.compile("transpose|permute|swap|slice|index")

# What the names of its ops say: category, symbol, formula, rule for each operand.
_KNOWN: dict[str, tuple[str, str, Tree, tuple[Tree, ...]]] = {
    "add": ("arithmetic", "+", ["+", "x", "y"], ("g", "g")),
    "sub": ("arithmetic", "−", ["-", "x", "y"], ("g", ["neg", "g"])),
    "mul": ("arithmetic", "×", ["*", "x", "y"], (["*", "g", "y"], ["*", "g", "x"])),
    "div": (
        "arithmetic",
        "÷",
        ["/", "x", "y"],
        (["/", "g", "y"], ["neg", ["/", ["*", "g", "x"], ["**", "y", 2]]]),
    ),
    "neg": ("arithmetic", "−", ["neg", "x"], (["neg", "g"],)),
    "matmul": ("linalg", "@", ["@", "x", "y"], (["@", "g", ["T", "y"]], ["@", ["T", "x"], "g"])),
    "ln": ("elementwise", "ln", ["ln", "x"], (["/", "g", "x"],)),
    "exp": ("elementwise", "exp", ["exp", "x"], (["*", "g", "out"],)),
    "sin": ("elementwise", "sin", ["sin", "x"], (["*", "g", ["cos", "x"]],)),
    "cos": ("elementwise", "cos", ["cos", "x"], (["neg", ["*", "g", ["sin", "x"]]],)),
    "tanh": ("elementwise", "tanh", ["tanh", "x"], (["*", "g", ["-", 1, ["**", "out", 2]]],)),
}

Read = Callable[[str], bytes]


def graph_from_parts(read: Read, *, max_bytes: int, max_depth: int, max_nodes: int) -> GraphRecord:
    """The record that a folder in the Rust layout amounts to; `read` gives the content of a file in it by name.

    Raises:
        RecordError: the name of the file at fault, the JSON path in it, what was expected there and what was found.
    """
    parts = _Parts(read, max_bytes, max_depth)
    receivers = _receivers(parts.document(PAIRS), max_nodes)
    order = _evaluation_order(receivers)
    record = _Builder(parts, receivers, order).record()
    check(record)
    return record


class _Parts:
    """The files of the folder, each read once, within one limit for all."""

    def __init__(self, read: Read, max_bytes: int, max_depth: int) -> None:
        self.read = read
        self.left = max_bytes
        self.max_bytes = max_bytes
        self.max_depth = max_depth

    def document(self, name: str) -> Any:
        data = self.read(name)
        self.left -= len(data)
        if self.left < 0:
            raise wrong(f"{name}: $", f"at most {self.max_bytes:,} bytes in all files", "more")
        return parsed(data, f"{name}: $", max_bytes=self.max_bytes, max_depth=self.max_depth)

    def node(self, id: str) -> tuple[str, str, str]:
        """The name of a node, and the ids of its value and gradient."""
        path, item = f"nodes/{id}.json", self.document(f"nodes/{id}.json")
        if type(item) is not dict or type(item.get("name")) is not str:
            raise wrong(f"{path}: $.name", "a string in an object", shown(item))
        for key in ("origin", "gradient"):
            if not _is_id(item.get(key)):
                raise wrong(f"{path}: $.{key}", "an id such as 't-0'", shown(item.get(key)))
        return item["name"], item["origin"], item["gradient"]

    def tensor(self, id: str) -> tuple[Shape, str, DataRecord | None]:
        """Shape, dtype and values of a tensor; no values where they are not simply those of the shape, in C order."""
        path, item = f"tensors/{id}.json", self.document(f"tensors/{id}.json")
        if type(item) is not dict:
            raise wrong(f"{path}: $", "an object", shown(item))
        shape, data = item.get("shape"), item.get("data")
        if (
            type(shape) is not list
            or len(shape) > MAX_RANK
            or not all(type(n) is int and 0 <= n < 2**63 for n in shape)
        ):
            raise wrong(f"{path}: $.shape", "a list of whole numbers", shown(shape))
        if type(data) is not list:
            raise wrong(f"{path}: $.data", "a list of numbers", shown(data))
        for n, value in enumerate(data):
            if value is not None and type(value) is not int and not (type(value) is float and isfinite(value)):
                raise wrong(f"{path}: $.data[{n}]", "a number or null", shown(value))
        values: tuple[Number, ...] = tuple([nan if value is None else value for value in data])
        dtype = "int64" if set(map(type, values)) == {int} else "float64"
        if dtype == "int64" and not -(2**63) <= min(values) <= max(values) < 2**63:
            dtype = "float64"
        if dtype == "float64":
            values = tuple(map(float, values))
        whole = len(values) == prod(shape) and item.get("offset") in (None, 0)
        return tuple(shape), dtype, DataRecord(values) if whole else None


def _is_id(value: Any) -> bool:
    return type(value) is str and _ID.match(value) is not None


def _receivers(pairs: Any, max_nodes: int) -> dict[str, list[str]]:
    """For each node, by id, what it sends to, slot by slot; leaves have nothing there."""
    path = f"{PAIRS}: $"
    if type(pairs) is not list or not pairs:
        raise wrong(path, "a list of [sender, receiver] pairs", shown(pairs))
    told: dict[str, list[str]] = {}
    for n, pair in enumerate(pairs):
        if type(pair) is not list or len(pair) != 2 or not all(map(_is_id, pair)):
            raise wrong(f"{path}[{n}]", "a pair of ids such as 'n-0'", shown(pair))
        sender, receiver = pair
        told.setdefault(sender, []).append(receiver)
        told.setdefault(receiver, [])
        if len(told) > max_nodes:
            raise wrong(path, f"at most {max_nodes:,} nodes", "more")
    # That exporter lists the edges of a node again for each path that leads to it, a root having one: a node that was
    # visited v times has each of its edges v times. Where the counts do not divide, each edge is listed once.
    visits = Counter(receiver for each in told.values() for receiver in each)
    counts = {sender: Counter(each) for sender, each in told.items()}
    if any(count % max(1, visits[sender]) for sender, each in counts.items() for count in each.values()):
        return told
    return {sender: each[: len(each) // max(1, visits[sender])] for sender, each in told.items()}


def _evaluation_order(receivers: dict[str, list[str]]) -> list[str]:
    """Every node after all it sends to: the order in which the expression is evaluated, operands left to right."""
    reached = {receiver for each in receivers.values() for receiver in each}
    roots = [id for id in receivers if id not in reached]
    if len(roots) != 1:
        expected = "one node that no other sends to, for a graph without cycles"
        raise wrong(f"{PAIRS}: $", expected, f"{len(roots):,} of them")
    order: list[str] = []
    open_nodes: set[str] = set()
    done: set[str] = set()
    pending = [(roots[0], False)]
    while pending:
        id, finished = pending.pop()
        if finished:
            open_nodes.discard(id)
            done.add(id)
            order.append(id)
        elif id in open_nodes:
            raise wrong(f"{PAIRS}: $", "a graph without cycles", f"one through {id!r}")
        elif id not in done:
            open_nodes.add(id)
            pending.append((id, True))
            pending.extend((receiver, False) for receiver in reversed(receivers[id]))
    if len(order) < len(receivers):
        raise wrong(f"{PAIRS}: $", "a graph without cycles", "nodes that the root does not lead to")
    return order


class _Builder(Draft):
    """Puts the parts of a record together, node by node in evaluation order; tensors go by id of the layout."""

    def __init__(self, parts: _Parts, receivers: dict[str, list[str]], order: list[str]) -> None:
        self.parts = parts
        self.receivers = receivers
        self.order = order
        self.ops = [id for id in order if receivers[id]]
        self.leaves = [id for id in order if not receivers[id]]
        super().__init__(self.ops, self.leaves)
        self.told = {id: parts.node(id) for id in order}

    def record(self) -> GraphRecord:
        for id in self.order:
            name, origin, _ = self.told[id]
            leaf = not self.receivers[id]
            self.tensor(origin, "value", leaf, not leaf and _VIEW.search(name.lower()) is not None)
        for id in self.order:
            if self.receivers[id]:
                self.add_node(self.node(id))
            else:
                self.add_leaf(id, self.value(id))
        root = self.order[-1]
        ends = [RootRecord(self.ids[root], self.value(root).id)]
        return self.graph(ends, [self.run(root)], {"name": "grad_engine (Rust)"}, title="graph_acyclic")

    def tensor(self, id: str, role: str, leaf: bool = False, shuffled: bool = False) -> TensorRecord:
        """The tensor with an id of the layout; where its entries may be `shuffled`, they count as not recorded."""
        if id not in self.tensors:
            shape, dtype, data = self.parts.tensor(id)
            data = None if shuffled and len(shape) > 1 else data
            self.add(id, role, shape, dtype, data, leaf)
        return self.tensors[id]

    def add(
        self, key: object, role: str, shape: Shape, dtype: str, data: DataRecord | None = None, leaf: bool = False
    ) -> TensorRecord:
        id, wants = f"t{len(self.tensors)}", role == "value"
        self.tensors[key] = TensorRecord(id, role, shape, dtype, requires_grad=wants, is_leaf=leaf, data=data)
        return self.tensors[key]

    def value(self, id: str) -> TensorRecord:
        return self.tensors[self.told[id][1]]

    def gradient(self, id: str) -> TensorRecord:
        return self.tensor(self.told[id][2], "gradient")

    def node(self, id: str) -> NodeRecord:
        name, output = self.told[id][0], self.value(id)
        words = _WORD_START.sub("_", name.removesuffix("Backward").strip())
        op = re.sub(r"\W+", "_", words).lower().strip("_")
        op = op if re.match("[a-z]", op) else "op"
        category, symbol, tree, rules = _KNOWN.get(op, ("other", op, None, ()))
        receivers = self.receivers[id]
        parameters = "xy" if rules and len(receivers) <= 2 else [f"xs[{slot}]" for slot in range(len(receivers))]
        inputs = []
        for slot, receiver in enumerate(receivers):
            operand, edge = self.value(receiver), self.connect(id, slot, receiver, slot)
            stretched = category == "arithmetic" and operand.shape != output.shape
            own_shape = operand.shape if stretched else None
            inputs.append(InputRecord(slot, parameters[slot], operand.id, edge.id, own_shape))
        # An op that lacks an operand read a constant, and which operand that was is not told.
        formula = formula_record(tree, dict(enumerate(rules))) if len(rules) == len(receivers) else None
        age, outputs = len(self.nodes), (output.id,)
        return NodeRecord(self.ids[id], age, op, name, category, symbol, tuple(inputs), outputs, formula=formula)

    def run(self, root: str) -> BackwardRecord:
        value, seed = self.value(root), self.gradient(root)
        if seed.shape != value.shape:
            seed = self.add(object(), "seed", value.shape, seed.dtype)
        draft = RunDraft(self.edges.values())
        for id in reversed(self.ops):
            draft.ran(self.ids[id], (self.gradient(id).id,))
            for slot, receiver in enumerate(self.receivers[id]):
                self.step(draft, self.edges[id, slot], self.gradient(receiver))
        changes = [LeafChangeRecord(self.ids[id], None, self.gradient(id).id) for id in self.leaves]
        return draft.run(self.ids[root], seed.id, changes)

    def step(self, draft: RunDraft, edge: EdgeRecord, total: TensorRecord) -> None:
        """A share is sent, and added where that is told; it and the sums before the last are known by shape alone."""
        first, alone = not draft.arrived[edge.receiver, 0], draft.expected[edge.receiver, 0] == 1
        share = total if alone else self.add(object(), "share", total.shape, total.dtype)
        if draft.sent(edge, share.id):
            if draft.complete(edge):
                partial = total
            else:
                partial = share if first else self.add(object(), "gradient", total.shape, total.dtype)
            draft.added(edge, partial.id)
