"""Tensor -> GraphRecord -> file or terminal: what the engine kept, written down for the readers."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from os import PathLike
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np

from grad_engine.core.chain_rule import newest_first
from grad_engine.core.names import name_of
from grad_engine.core.node import Extra, GradAccum, Node, Output, node_of, output_index_of
from grad_engine.core.outside_memory import COPIED, fingerprint
from grad_engine.core.run_log import Ran, Run
from grad_engine.core.tensor import Tensor, array_of
from grad_engine.core.versions import WRITES
from grad_engine.errors import ArgumentError, GraphError
from grad_engine.export.explain import explain_graph
from grad_engine.record import FormulaRecord, GraphRecord, SourceRecord, save_graph
from grad_engine.record.builder import Formula, GraphBuilder, Operand, RunFacts, Value, dtype_name
from grad_engine.record.collector import collection_paused
from grad_engine.record.expression import expression_of
from grad_engine.record.files import DEFAULT_PATH
from grad_engine.record.index import index_of
from grad_engine.record.strict import MAX_NODES
from grad_engine.version import VERSION

Names = Mapping[str, Any]
Roots = Tensor | Sequence[Tensor]


class Recorded(Protocol):
    """What has a record already, as `watch` has after its block."""

    @property
    def record(self) -> GraphRecord: ...


Graph = Roots | GraphRecord | Recorded  # what every function that shows or writes a graph takes


def export_graph(
    roots: Graph,
    path: str | PathLike[str] | None = None,
    *,
    names: Names | None = None,
    title: str | None = None,
    expression: str | None = None,
    max_elements: int = 64,
    max_nodes: int = MAX_NODES,
    runs: str = "last",
    full_data: bool = False,
    explain: bool | str = True,
) -> Path:
    """Write the graph behind `roots` and what backward did in it to a JSON file; return its path.

    roots: a tensor or several; or a record, or what `ge.watch(model)` gave, which is written as it is (with another
        `title` or `expression`).
    path: `output/graph_acyclic.json` in the current folder by default. Replaced whole or not at all.
    names: what to call the tensors, such as `locals()`; by default the variables of the caller. Names given to
        `tensor()` come first.
    title: the program's name by default. expression: printed from the graph by default.
    max_elements: tensors up to this size are written in full, larger ones as statistics and a sample.
    runs: "last" for the latest backward run of each root, "all" for every one that is kept.
    full_data: write larger tensors in full to a `.npz` beside the record, where `tensor_data` of `grad_engine.record`
        finds them.
    explain: also nudge one entry of one leaf, run the graph again with it (in memory: nothing of yours changes), and
        write down what that does, the paths of its gradient, the curves of the ops and one step against the gradients.
        "W1[0,4]" names the entry. Left out for graphs of more than 1,000 ops.

    Raises GraphError when no op produced a root, when backward has freed the values (run it with retain_graph=True),
    and when the graph has more than `max_nodes` ops; OSError when the file cannot be written.
    """
    _check_options(max_elements, max_nodes, runs)
    target = DEFAULT_PATH if path is None else Path(path)
    if (kept := kept_record(roots)) is not None:
        if full_data:
            raise ArgumentError("full_data=True is asked of a tensor; this record holds statistics and samples only")
        return save_graph(_entitled(kept, title, expression), target)
    found = _names_in(names if names is not None else sys._getframe(1).f_locals)
    walk = _Walk(cast(Roots, roots), found, max_elements, max_nodes)
    record = _explained(walk.record(title, expression, runs), walk.roots, explain)
    return save_graph(record, target, arrays=walk.builder.arrays if full_data else None)


def record_graph(
    roots: Graph,
    *,
    names: Names | None = None,
    title: str | None = None,
    expression: str | None = None,
    max_elements: int = 64,
    max_nodes: int = MAX_NODES,
    runs: str = "last",
    explain: bool | str = True,
) -> GraphRecord:
    """The GraphRecord that `export_graph` would write; its arguments and errors are the same."""
    _check_options(max_elements, max_nodes, runs)
    if (kept := kept_record(roots)) is not None:
        return _entitled(kept, title, expression)
    found = _names_in(names if names is not None else sys._getframe(1).f_locals)
    walk = _Walk(cast(Roots, roots), found, max_elements, max_nodes)
    return _explained(walk.record(title, expression, runs), walk.roots, explain)


def visualize_graph(
    roots: Graph,
    *,
    names: Names | None = None,
    max_nodes: int = MAX_NODES,
    explain: bool | str = True,
    **options: Any,
) -> None:
    """Print the backward graph behind `roots` as a tree; `options` are those of `grad_engine.tree.print_tree`.

    roots: a tensor or several, a record, or what `ge.watch(model)` gave. Works before backward (no gradients yet) and
    after one that freed the values (structure only), and says so.
    explain: as in `export_graph`: a line says what a nudge of one entry does, beside its gradient.
    """
    from grad_engine.tree import print_tree

    if (kept := kept_record(roots)) is not None:
        print_tree(kept, **options)
        return
    found = _names_in(names if names is not None else sys._getframe(1).f_locals)
    _check_options(0, max_nodes, "last")
    walk = _Walk(cast(Roots, roots), found, 64, max_nodes, structure_only=True)
    print_tree(_explained(walk.record(None, None, "last"), walk.roots, explain), **options)


def kept_record(graph: object) -> GraphRecord | None:
    """The record that `graph` is, or that it has, as `watch` has after its block; None for tensors."""
    if isinstance(graph, GraphRecord):
        return graph
    if isinstance(graph, Tensor | Sequence):
        return None
    kept = getattr(graph, "record", None)
    return kept if isinstance(kept, GraphRecord) else None


def _entitled(record: GraphRecord, title: str | None, expression: str | None) -> GraphRecord:
    said = {"title": title, "expression": expression}
    changed: dict[str, Any] = {field: text for field, text in said.items() if text is not None}
    return replace(record, **changed) if changed else record


def _explained(record: GraphRecord, roots: Sequence[Tensor], explain: bool | str) -> GraphRecord:
    """The record with what explains its last run, where there is one."""
    if explain is False:
        return record
    if not isinstance(explain, bool | str):
        raise ArgumentError(f'explain is True, False or an entry such as "W1[0,4]", got {type(explain).__name__}')
    found = explain_graph(roots, record, "" if explain is True else explain)
    return record if found is None else replace(record, explain=found)


def _names_in(variables: Names) -> dict[Any, str]:
    """What each variable that holds a tensor calls it: by the node that made it, or by its array."""
    if not isinstance(variables, Mapping):
        raise ArgumentError(f'names is a dict such as locals() or {{"w": w}}, got {type(variables).__name__}')
    found: dict[Any, str] = {}
    for name, value in variables.items():
        if not isinstance(name, str):
            raise ArgumentError(f"names is a dict from names to tensors, got the key {name!r}; write it as a str")
        if type(value) is Tensor and not name.startswith("_"):
            found.setdefault(value.node if value.node is not None else id(value.array), name)
    return found


def _checked_roots(roots: Roots) -> list[Tensor]:
    """The tensors whose graph is asked for. Raises ArgumentError, or GraphError for a tensor without one."""
    given: list[Any] = list(roots) if isinstance(roots, list | tuple) else [roots]
    for root in given:
        if isinstance(root, GraphRecord):
            raise ArgumentError("a record stands alone, got it in a list; call the function once for each record")
        if type(root) is not Tensor:
            way = (
                "; load_graph(path) reads a record, which this function takes too"
                if isinstance(root, str | os.PathLike)
                else "; grad_engine.interop.from_torch(loss) records a graph of PyTorch"
                if type(root).__module__.partition(".")[0] == "torch"
                else ""
            )
            raise ArgumentError(
                f"a graph is exported from a tensor or a list of tensors, got {type(root).__name__}{way}"
            )
        if root.is_leaf:
            raise GraphError(
                "no op produced this tensor, so there is no graph to show; export the result of a computation on "
                "leaves with requires_grad=True, made outside no_grad()"
            )
    if not given:
        raise ArgumentError("a graph is exported from at least one tensor, got an empty list")
    return given


def _check_options(max_elements: float, max_nodes: float, runs: str) -> None:
    for asked, limit in (("max_elements", max_elements), ("max_nodes", max_nodes)):
        if not isinstance(limit, int | float):
            raise ArgumentError(f"{asked} is a number, got {limit!r}; pass math.inf for no limit")
    if max_elements < 0:
        raise ArgumentError(f"max_elements is a count from 0 on, got {max_elements}")
    if runs not in ("last", "all"):
        raise ArgumentError(f'runs is "last" or "all", got {runs!r}')


class _Walk:
    """Our graph, told to a builder. Ops and leaves go by node, values by the edge to them, other arrays by id()."""

    def __init__(
        self, roots: Roots, names: dict[Any, str], max_elements: float, max_nodes: float, structure_only: bool = False
    ) -> None:
        self.roots = _checked_roots(roots)
        self.names = names
        self.nodes = newest_first([root.node for root in self.roots])[::-1]
        if len(self.nodes) > max_nodes:
            raise GraphError(
                f"the graph has {len(self.nodes)} ops and a record holds at most {max_nodes}; "
                "pass max_nodes= to raise the limit, or export a smaller part"
            )
        if not structure_only and any(node.out is None for node in self.nodes):
            raise GraphError(
                "the values of this graph are gone, because backward ran without retain_graph=True; "
                "call backward(..., retain_graph=True) and export after it"
            )
        self.builder = GraphBuilder(lambda array: Value(_as_array(array)), max_elements)
        self.slots: dict[Node, list[int]] = {}  # of each operand: those left out move the others up
        self.parts: dict[int, Node | GradAccum] = {}  # by sequence number, by which a run knows them
        self.changed: set[tuple[Node, int]] = set()  # operands that the program wrote to behind the engine's back
        self.used: dict[Node, int] = {}  # how many outputs of a released node the graph reads
        self.reads: dict[GradAccum, tuple[Any, int]] = {}  # leaf -> its array, and when the oldest op read it
        for node in reversed(self.nodes):
            for array, edge in zip(node.arrays or (None,) * len(node.edges), node.edges, strict=True):
                if type(edge) is GradAccum:
                    self.reads[edge] = array, node.sequence_nr
                elif type(edge) is Output:
                    self.used[edge.node] = max(self.used.get(edge.node, 0), edge.index + 1)
            if node.extra is not None and node.out is not None:
                prints = ((slot, node.arrays[slot], told) for slot, told in node.extra.prints)
                self.changed.update((node, slot) for slot, array, told in prints if fingerprint(array) != told)
        ends = (node.edges[slot] for node, slot in self.changed)
        self.changed_leaves = {end for end in ends if type(end) is GradAccum}

    def record(self, title: str | None, expression: str | None, runs: str) -> GraphRecord:
        """The record of all of it."""
        with collection_paused():
            return self._told(title, expression, runs)

    def _told(self, title: str | None, expression: str | None, runs: str) -> GraphRecord:
        steps: list[Node | GradAccum] = [*self.nodes, *self.reads]
        for step in sorted(steps, key=lambda part: part.sequence_nr):
            self.parts[step.sequence_nr] = step
            if isinstance(step, GradAccum):
                self.leaf(step)
            else:
                self.op(step)
        for root, run in self.runs(runs == "all"):
            self.run(root, run)
        ends = [(node_of(root.node), output_index_of(root.node)) for root in self.roots]
        record = self.builder.graph(
            [self.builder.root(node, output) for node, output in ends],
            {"name": "grad_engine", "version": VERSION, "numpy": np.__version__},
            title,
            "" if expression is None else expression,
        )
        if expression is not None:
            return record
        parts = [part for part in (self.derivative(record), expression_of(record)) if part]
        return replace(record, expression=": ".join(parts))

    def derivative(self, record: GraphRecord) -> str:
        """`derivative of y by x` where the last root is a gradient that was recorded itself; else nothing."""
        node = node_of(self.roots[-1].node)
        if not isinstance(node, Node) or node.extra is None or node.extra.derivative is None:
            return ""
        ends = ((node_of(key), name) for key, name in self.names.items() if not isinstance(key, int))
        names = {end.sequence_nr: name for end, name in ends if end is not None}
        index = index_of(record)
        leaves = {leaf.sequence_nr: index.label(index.leaf(self.builder.ids[leaf]).id) for leaf in self.reads}
        of, by = (leaves.get(number) or names.get(number, "") for number in node.extra.derivative)
        return " ".join(["derivative", *(["of", of] if of else []), *(["by", by] if by else [])])

    def leaf(self, leaf: GradAccum) -> None:
        array, read = self.reads[leaf]
        value = self.value(leaf, array, read, leaf in self.changed_leaves)
        if array is None and leaf.grad is not None:  # the values are gone, but `.grad` has the same shape
            value.shape, value.dtype = leaf.grad.shape, dtype_name(leaf.grad.dtype)
        self.builder.leaf(leaf, value)

    def op(self, node: Node) -> None:
        op, gone, extra = node.op, node.out is None, node.extra or Extra()
        arrays = node.arrays or (None,) * len(node.edges)
        operands: list[Operand] = []
        # Backward frees values and keeps edges; an optional operand that was left out has neither.
        there = (array is not None or edge is not None for array, edge in zip(arrays, node.edges, strict=True))
        slots = self.slots[node] = list(accumulate(there, initial=0))[:-1]
        for position, (parameter, array, edge) in enumerate(
            zip(op.parameters(len(arrays)), arrays, node.edges, strict=True)
        ):
            slot = slots[position]
            if edge is not None:
                operands.append(Operand(slot, parameter, node_of(edge), output_index_of(edge)))
            elif array is not None:  # None: an optional operand that was left out; those after it move up
                plain = not isinstance(array, np.ndarray)
                value = self.value(id(array), array, node.sequence_nr, (node, position) in self.changed)
                key = (node, position) if plain else _constant_key(array, value)
                operands.append(Operand(slot, parameter, constant=key, value=value, plain=plain))
        width = 1 if not op.multi_output else len(node.out) if not gone else self.used_outputs(node)
        keys: list[Any] = [Output(node, k) for k in range(width)] if op.multi_output else [node]
        outs = (None,) * width if gone else node.out if op.multi_output else (node.out,)
        record, formula = (None, None) if gone else self.formula(node)
        self.builder.op(
            node,
            op,
            operands,
            {key: self.value(key, out, node.sequence_nr) for key, out in zip(keys, outs, strict=True)},
            formula=record,
            reads=frozenset() if formula is None else formula.reads,
            attributes=dict(zip(op.static, node.rest, strict=False)),
            scope=extra.scope,
            call=getattr(extra, "call", None),
            source=None if extra.source is None else SourceRecord(*extra.source),
        )

    def used_outputs(self, node: Node) -> int:
        """How many outputs of a released node the graph still uses."""
        ends = [edge.index + 1 for root in self.roots if type(edge := root.node) is Output and edge.node is node]
        return max([self.used.get(node, 1), *ends])

    def formula(self, node: Node) -> tuple[FormulaRecord, Formula]:
        """The formulas of one call; those of calls that look alike are traced once."""
        op, arrays = node.op, node.arrays
        wanted = tuple(edge is not None for edge in node.edges)
        looks = tuple((a.shape, a.dtype.char) if isinstance(a, np.ndarray) else (type(a), a) for a in arrays)

        def trace() -> Formula:
            trees = op.rule_trees(node.out, arrays, node.rest, wanted)
            rules = {slot: tree for slot, tree, want in zip(self.slots[node], trees, wanted, strict=True) if want}
            reads = frozenset[str]().union(*map(op.reads, rules.values()))
            return Formula(op.forward_tree(arrays, node.rest), rules, reads)

        return self.builder.formula((op, looks, wanted, repr(node.rest[: len(op.static)])), trace)

    def runs(self, every: bool) -> list[tuple[Node, Run]]:
        """The last backward run of each root, or every one that is kept, in their order."""
        found: list[tuple[Node, Run]] = []
        for node in dict.fromkeys(node_of(root.node) for root in self.roots):
            assert isinstance(node, Node)
            runs = (node.extra and node.extra.runs) or ()
            found.extend((node, run) for run in (runs if every else [*runs][-1:]))
        return sorted(found, key=lambda pair: pair[1].sequence_nr)

    def run(self, root: Node, run: Run) -> None:
        told = RunFacts(root, run.seed, run.output, run.complete)
        totals: dict[Any, Any] = {}  # the sum so far at each leaf
        for event in run.events:
            node = self.parts[event.sequence_nr]
            assert isinstance(node, Node)
            if isinstance(event, Ran):
                told.ran(node, event.g if isinstance(event.g, tuple) else (event.g,))
                continue
            edge, share = node.edges[event.slot], array_of(event.share)
            total = totals[edge] = array_of(event.total)
            told.sent(node, self.slots[node][event.slot], event.raw_shape, np.shape(share), share, total)
        for change in run.leaves:
            leaf, after = self.parts.get(change.sequence_nr), change.after
            if leaf is None:
                continue
            total = totals.get(leaf)
            if change.before is None and total is not None and np.array_equal(total, after, equal_nan=True):
                after = total  # the same numbers, which have their id already
            told.changed(leaf, change.before, after)
        self.builder.run(told)

    def value(self, key: Any, array: Any, number: int, changed: bool = False) -> Value:
        """What is known of a value; `number` is when the graph read or made it, for it may have been changed since."""
        if array is None:
            return Value(name=self.names.get(key), name_source="inferred", absent="freed")
        made = _as_array(array)
        name, source = name_of(array), "given"
        if name is None:
            name, source = self.names.get(key), "inferred"
        if changed or WRITES.latest_of(array) > number:
            return Value(None, made.shape, dtype_name(made.dtype), name, source, "changed")
        return Value(made, None, None, name, source)


def _constant_key(array: np.ndarray, value: Value) -> Any:
    """What tells constants apart: their numbers where they are small and nameless, for ops keep copies of these."""
    if value.name is not None or value.absent or array.nbytes > COPIED:
        return id(array)
    return array.dtype.str, array.shape, array.tobytes()


def _as_array(value: Any) -> Any:
    return value if isinstance(value, np.ndarray | np.generic) else np.asarray(value)
