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

from grad_engine.formula import Tree, text
from grad_engine.record.check import MAX_RANK, check
from grad_engine.record.parts import (
    AccumulateEvent,
    AccumulatorRecord,
    BackwardRecord,
    CountsRecord,
    DataRecord,
    EdgeRecord,
    Event,
    Expression,
    FormulaRecord,
    ForwardRecord,
    GraphRecord,
    InputRecord,
    LeafChangeRecord,
    NodeRecord,
    Number,
    RootRecord,
    RuleRecord,
    RunEvent,
    SendEvent,
    Shape,
    TensorRecord,
)
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


class _Builder:
    """Puts the parts of a record together, node by node in evaluation order."""

    def __init__(self, parts: _Parts, receivers: dict[str, list[str]], order: list[str]) -> None:
        self.parts = parts
        self.receivers = receivers
        self.order = order
        self.ops = [id for id in order if receivers[id]]
        self.leaves = [id for id in order if not receivers[id]]
        self.ids = {id: f"n{age}" for age, id in enumerate(self.ops)} | {
            id: f"a{k}" for k, id in enumerate(self.leaves)
        }
        self.edges = {
            (id, slot): f"e{k}"
            for k, (id, slot) in enumerate((id, slot) for id in self.ops for slot in range(len(receivers[id])))
        }
        self.arrivals = Counter(receiver for each in receivers.values() for receiver in each)
        self.tensors: list[TensorRecord] = []
        self.known: dict[str, TensorRecord] = {}  # by id of the layout
        self.nodes = {id: parts.node(id) for id in order}

    def record(self) -> GraphRecord:
        leaves = set(self.leaves)
        for id in self.order:
            name, origin, _ = self.nodes[id]
            self.tensor(origin, "value", id in leaves, id not in leaves and _VIEW.search(name.lower()) is not None)
        root = self.order[-1]
        nodes = tuple(self.node(age, id) for age, id in enumerate(self.ops))
        runs = (self.run(root),)
        edges = tuple(
            EdgeRecord(edge, self.ids[id], self.ids[self.receivers[id][slot]], slot)
            for (id, slot), edge in self.edges.items()
        )
        odd = tuple(
            each.id
            for each in self.tensors
            if each.data and each.data.values and not all(map(isfinite, each.data.values))
        )
        return GraphRecord(
            title="graph_acyclic",
            expression="",
            counts=CountsRecord(len(nodes), len(self.leaves), 0, len(edges), odd),
            roots=(RootRecord(self.ids[root], self.value(root).id),),
            tensors=tuple(self.tensors),
            nodes=nodes,
            edges=edges,
            accumulators=tuple(AccumulatorRecord(self.ids[id], self.value(id).id) for id in self.leaves),
            forward=tuple(
                ForwardRecord("leaf", self.value(id).id) if id in leaves else ForwardRecord("op", self.ids[id])
                for id in self.order
            ),
            runs=runs,
            producer={"name": "grad_engine (Rust)"},
        )

    def tensor(self, id: str, role: str, leaf: bool = False, shuffled: bool = False) -> TensorRecord:
        """The tensor with an id of the layout; where its entries may be `shuffled`, they count as not recorded."""
        if id not in self.known:
            shape, dtype, data = self.parts.tensor(id)
            data = None if shuffled and len(shape) > 1 else data
            self.known[id] = self.add(role, shape, dtype, data, leaf)
        return self.known[id]

    def add(
        self, role: str, shape: Shape, dtype: str, data: DataRecord | None = None, leaf: bool = False
    ) -> TensorRecord:
        id, wants = f"t{len(self.tensors)}", role == "value"
        self.tensors.append(TensorRecord(id, role, shape, dtype, requires_grad=wants, is_leaf=leaf, data=data))
        return self.tensors[-1]

    def value(self, id: str) -> TensorRecord:
        return self.known[self.nodes[id][1]]

    def gradient(self, id: str) -> TensorRecord:
        return self.tensor(self.nodes[id][2], "gradient")

    def node(self, age: int, id: str) -> NodeRecord:
        name, output = self.nodes[id][0], self.value(id)
        words = _WORD_START.sub("_", name.removesuffix("Backward").strip())
        op = re.sub(r"\W+", "_", words).lower().strip("_")
        op = op if re.match("[a-z]", op) else "op"
        operands = [self.value(receiver) for receiver in self.receivers[id]]
        category, symbol, tree, rules = _KNOWN.get(op, ("other", op, None, ()))
        parameters = "xy" if rules and len(operands) <= 2 else [f"xs[{slot}]" for slot in range(len(operands))]
        inputs = tuple(
            InputRecord(
                slot,
                parameters[slot],
                each.id,
                self.edges[id, slot],
                each.shape if category == "arithmetic" and each.shape != output.shape else None,
            )
            for slot, each in enumerate(operands)
        )
        formula = None
        if len(rules) == len(operands):  # else one is a constant, and which one is not told
            vjp = tuple(RuleRecord(slot, text(rule), rule) for slot, rule in enumerate(rules))
            formula = FormulaRecord(Expression(text(tree), tree), vjp)
        outputs = (output.id,)
        return NodeRecord(f"n{age}", age, op, name, category, symbol, inputs, outputs, formula=formula)

    def run(self, root: str) -> BackwardRecord:
        value, seed = self.value(root), self.gradient(root)
        if seed.shape != value.shape:
            seed = self.add("seed", value.shape, seed.dtype)
        events: list[Event] = []
        arrived: Counter[str] = Counter()
        for id in reversed(self.ops):
            events.append(RunEvent(self.ids[id]))
            for slot, receiver in enumerate(self.receivers[id]):
                events += self.step(self.edges[id, slot], receiver, arrived)
        return BackwardRecord(
            self.ids[root],
            seed.id,
            tuple(events),
            {self.ids[id]: (self.gradient(id).id,) for id in reversed(self.ops)},
            tuple(LeafChangeRecord(self.ids[id], None, self.gradient(id).id) for id in self.leaves),
        )

    def step(self, edge: str, receiver: str, arrived: Counter[str]) -> list[Event]:
        """A share is sent, and added where that is told; it and the sums before the last are known by shape alone."""
        total, of = self.gradient(receiver), self.arrivals[receiver]
        share = total if of == 1 else self.add("share", total.shape, total.dtype)
        arrived[receiver] += 1
        k = arrived[receiver]
        events: list[Event] = [SendEvent(edge, share.id)]
        if of > 1 or not self.receivers[receiver]:
            partial = total if k == of else share if k == 1 else self.add("gradient", total.shape, total.dtype)
            events.append(AccumulateEvent(self.ids[receiver], edge, k, of, partial.id))
        return events
