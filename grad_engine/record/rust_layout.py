"""The three-part layout of the Rust engine of the same name -> GraphRecord.

`graph_acyclic.json` is a list of [sender, receiver] ids of nodes, `nodes/<id>.json` an object {name, origin, gradient}
with the ids of two tensors, `tensors/<id>.json` an object {data, offset, shape} with null for NaN (and for infinities,
which cannot be told apart). A node without receivers is a leaf.

What the layout does not hold is derived where edges and names of ops allow it, and is otherwise not recorded: ops come
in the order in which the expression would be evaluated, left to right; a share is known where it is the only one that
its receiver gets. Numbers are written as they lie in memory, without strides: behind a transpose or slice they may be
in another order than the shape says, so that they are not shown unless the order does not matter.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import isfinite, nan, prod
from typing import Any

from grad_engine.formula import Tree
from grad_engine.record.builder import Formula, GraphBuilder, Operand, PlainOp, RunFacts, Value
from grad_engine.record.check import check
from grad_engine.record.parts import DataRecord, GraphRecord, Number, Shape
from grad_engine.record.spelling import MAX_RANK
from grad_engine.record.strict import parsed, shown, wrong

PAIRS = "graph_acyclic.json"
FOLDERS = ("nodes", "tensors")  # that lie beside the list of pairs

_ID = re.compile(r"[A-Za-z]-[0-9]{1,9}\Z")
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class _Known:
    """What the name of an op says: how it is drawn, what it computes, the rule of each operand and what they read."""

    category: str
    symbol: str
    forward: Tree = None
    rules: tuple[Tree, ...] = ()
    reads: frozenset[str] = frozenset()
    elementwise: bool = False
    commutes: bool = False
    reorders: bool = False  # the result lies in memory in another order than its shape says
    product: bool = False  # of matrices

    def record(self, name: str, label: str) -> PlainOp:
        """The op for the builder."""
        stretches = self.elementwise and len(self.rules) == 2
        return PlainOp(name, label, self.symbol, self.category, self.elementwise, stretches, self.commutes)


_arithmetic = partial(_Known, "arithmetic", elementwise=True)
_function = partial(_Known, "elementwise", elementwise=True)
_reduction, _shape = partial(_Known, "reduction"), partial(_Known, "shape")
_X, _Y, _BOTH, _OUT = (frozenset(names) for names in ({"x"}, {"y"}, {"x", "y"}, {"out"}))

# All op names of that engine, and a few that it had before. What depends on an argument that the layout does not hold
# (an axis, a base, an exponent) has no formula.
_KNOWN: dict[str, _Known] = {
    "add": _arithmetic("+", ["+", "x", "y"], ("g", "g"), commutes=True),
    "sub": _arithmetic("−", ["-", "x", "y"], ("g", ["neg", "g"])),
    "mul": _arithmetic("×", ["*", "x", "y"], (["*", "g", "y"], ["*", "g", "x"]), _BOTH, commutes=True),
    "div": _arithmetic("÷", ["/", "x", "y"], (["/", "g", "y"], ["neg", ["/", ["*", "g", "x"], ["**", "y", 2]]]), _BOTH),
    "neg": _arithmetic("−", ["neg", "x"], (["neg", "g"],)),
    "pow": _arithmetic("xʸ"),
    "ln": _function("ln", ["ln", "x"], (["/", "g", "x"],), _X),
    "exp": _function("eˣ", ["exp", "x"], (["*", "g", "out"],), _OUT),
    "sin": _function("sin", ["sin", "x"], (["*", "g", ["cos", "x"]],), _X),
    "cos": _function("cos", ["cos", "x"], (["neg", ["*", "g", ["sin", "x"]]],), _X),
    "tanh": _function("tanh", ["tanh", "x"], (["*", "g", ["-", 1, ["**", "out", 2]]],), _OUT),
    "log": _function("log"),
    "matmul": _Known(
        "linear algebra", "@", ["@", "x", "y"], (["@", "g", ["T", "y"]], ["@", ["T", "x"], "g"]), _BOTH, product=True
    ),
    "dot": _Known("linear algebra", "·", product=True),
    "sum": _reduction("Σ"),
    "mean": _reduction("mean"),
    "max": _reduction("max"),
    "min": _reduction("min"),
    "broadcast": _shape("⇉"),
    "reshape": _shape("▭"),
    "squeeze": _shape("▭"),
    "unsqueeze": _shape("▭"),
    "transpose": _shape("ᵀ", reorders=True),
    "permute": _shape("ᵀ", reorders=True),
    "swapaxes": _shape("ᵀ", reorders=True),
    "slice": _Known("indexing", "[ ]", reorders=True),
    "index": _Known("indexing", "[ ]", reorders=True),
    "stack": _Known("joining", "stack"),
    "concat": _Known("joining", "concat"),
}

Read = Callable[[str], bytes]


def graph_from_parts(read: Read, pairs: str = PAIRS, *, max_bytes: int, max_depth: int, max_nodes: int) -> GraphRecord:
    """The record that a folder in the Rust layout amounts to; `read` gives the content of a file in it by name.

    Raises:
        RecordError: the name of the file at fault, the JSON path in it, what was expected there and what was found.
    """
    parts = _Parts(read, max_bytes, max_depth)
    receivers = _receivers(parts.document(pairs), max_nodes)
    order = _evaluation_order(receivers)
    record = _Walk(parts, receivers, order).record()
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


class _Walk:
    """The graph of the layout, told to a builder in evaluation order. Nodes and tensors go by their ids there."""

    def __init__(self, parts: _Parts, receivers: dict[str, list[str]], order: list[str]) -> None:
        self.parts, self.receivers, self.order = parts, receivers, order
        self.ops = [id for id in order if receivers[id]]
        self.told = {id: parts.node(id) for id in order}
        self.names = {id: _op_name(self.told[id][0]) for id in self.ops}
        self.builder = GraphBuilder(self.gradient)
        self._gradients: dict[str, tuple[Shape, str, DataRecord | None]] = {}
        self.values = {id: parts.tensor(self.told[id][1]) for id in order}
        self._refuse_shared_values()
        # In which nodes the numbers of the value, and of the gradient, may lie in another order than the shape says.
        self.value_reordered: set[str] = set()
        self.gradient_reordered: set[str] = set()
        for id in self.ops:
            if self.known(id).reorders or self.value_reordered.intersection(receivers[id]):
                self.value_reordered.add(id)
        for id in reversed(self.ops):
            self._follow_gradient(id)
        self.reordered = {self.told[id][2] for id in self.gradient_reordered}  # tensors

    def known(self, id: str) -> _Known:
        """What the name of an op says."""
        return _KNOWN.get(self.names[id]) or _Known("other", self.names[id])

    def _refuse_shared_values(self) -> None:
        seen: dict[str, str] = {}
        for id in self.order:
            if (other := seen.setdefault(self.told[id][1], id)) != id:
                expected = f"a tensor of its own, not that of {other!r}"
                raise wrong(f"nodes/{id}.json: $.origin", expected, f"{self.told[id][1]!r}")

    def _follow_gradient(self, id: str) -> None:
        """Note which receivers of an op may get a share that lies in another order in memory."""
        op, receivers = self.known(id), self.receivers[id]
        inherited = id in self.gradient_reordered or self.value_reordered.intersection((id, *receivers))
        shape = self.values[id][0]
        for slot, receiver in enumerate(receivers):
            # A product with a transposed matrix is laid out by columns where the other factor is one column.
            by_columns = op.product and slot == 0 and len(shape) == 2 and shape[1] == 1
            if op.reorders or inherited or by_columns:
                self.gradient_reordered.add(receiver)

    def record(self) -> GraphRecord:
        """The record of all of it."""
        for id in self.order:
            if self.receivers[id]:
                self.op(id)
            else:
                self.builder.leaf(id, self.value(id), self.told[id][1])
        root = self.order[-1]
        self.builder.run(self.run(root))
        return self.builder.graph([self.builder.root(root)], {"name": "grad_engine (Rust)"}, title="graph_acyclic")

    def op(self, id: str) -> None:
        op, receivers = self.known(id), self.receivers[id]
        parameters = "xy" if op.rules and len(receivers) <= 2 else [f"xs[{slot}]" for slot in range(len(receivers))]
        # An op that lacks an operand read a constant, and which operand that was is not told.
        complete = bool(op.rules) and len(op.rules) == len(receivers)
        formula = None
        if complete:
            looks = self.names[id]
            formula = self.builder.formula(looks, lambda: Formula(op.forward, dict(enumerate(op.rules))))[0]
        self.builder.op(
            id,
            op.record(self.names[id], self.told[id][0]),
            [Operand(slot, parameters[slot], receiver) for slot, receiver in enumerate(receivers)],
            {self.told[id][1]: self.value(id)},
            formula=formula,
            reads=op.reads if complete else frozenset(),
        )

    def value(self, id: str) -> Value:
        """What is known of the value of a node."""
        return _shown(*self.values[id], reordered=id in self.value_reordered)

    def gradient(self, tensor: str) -> Value:
        """What is known of a gradient, by the id of its tensor."""
        if tensor not in self._gradients:  # its file is read once
            self._gradients[tensor] = self.parts.tensor(tensor)
        return _shown(*self._gradients[tensor], reordered=tensor in self.reordered)

    def run(self, root: str) -> RunFacts:
        gradients = {id: self.told[id][2] for id in self.order}
        known = {id: self.gradient(gradients[id]) for id in self.order}
        seed: Any = gradients[root]
        if known[root].shape != self.values[root][0]:
            seed = Value(None, self.values[root][0], known[root].dtype, absent="unknown")
        expected = Counter(receiver for id in self.ops for receiver in self.receivers[id])
        arrived: Counter[str] = Counter()
        run = RunFacts(root, seed)
        for id in reversed(self.ops):
            run.ran(id, [gradients[id]])
            for slot, receiver in enumerate(self.receivers[id]):
                shape, dtype = known[receiver].shape or (), known[receiver].dtype
                arrived[receiver] += 1
                # A share, and a sum before the last, are known by shape alone where several come.
                alone, last = expected[receiver] == 1, arrived[receiver] == expected[receiver]
                share: Any = gradients[receiver] if alone else Value(None, shape, dtype, absent="unknown")
                total: Any = gradients[receiver] if last else share
                if not last and arrived[receiver] > 1:
                    total = Value(None, shape, dtype, absent="unknown")
                run.sent(id, slot, None, shape, share, total)
        for id in self.order:
            if not self.receivers[id]:
                run.changed(id, None, gradients[id])
        return run


def _shown(shape: Shape, dtype: str, data: DataRecord | None, reordered: bool) -> Value:
    """A tensor, without its numbers where these may be in another order and the order matters."""
    values = data.values if data is not None else None
    if reordered and values is not None and sum(n > 1 for n in shape) > 1 and len(set(values)) > 1:
        data = None
    return Value(None, shape, dtype, absent="unknown", data=data)


def _op_name(name: str) -> str:
    """log_softmax, from LogSoftmaxBackward."""
    words = _WORD_START.sub("_", name.removesuffix("Backward").strip())
    op = re.sub(r"\W+", "_", words).lower().strip("_")
    return op if re.match("[a-z]", op) else "op"
