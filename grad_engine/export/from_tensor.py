"""Tensor -> GraphRecord -> file or terminal: what the engine kept, written down for the readers."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from hashlib import sha256
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from grad_engine import formula
from grad_engine.core.chain_rule import newest_first
from grad_engine.core.names import name_of
from grad_engine.core.node import Edge, Extra, GradAccum, Node, Output, node_of, output_index_of
from grad_engine.core.run_log import Ran, Run
from grad_engine.core.tensor import Tensor, array_of
from grad_engine.core.versions import WRITES
from grad_engine.errors import ArgumentError, GraphError
from grad_engine.export.explain import explain_graph
from grad_engine.files import save
from grad_engine.formula import Tree
from grad_engine.record import (
    BackwardRecord,
    FileRecord,
    FormulaRecord,
    GraphRecord,
    InputRecord,
    LeafChangeRecord,
    NodeRecord,
    RootRecord,
    SourceRecord,
    TensorRecord,
    save_graph,
)
from grad_engine.record.arrays import array_data
from grad_engine.record.draft import STRETCHES, Draft, RunDraft, attribute, formula_record
from grad_engine.record.files import DEFAULT_PATH
from grad_engine.record.strict import MAX_NODES

EXPRESSION_PARTS = 40  # names and operators of a sub-expression; a larger one is shown by its name
EXPRESSION_LENGTH = 160

Names = Mapping[str, Any]
Roots = Tensor | Sequence[Tensor]


def export_graph(
    roots: Roots,
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

    path: `output/graph_acyclic.json` in the current folder by default. Replaced whole or not at all.
    names: what to call the tensors, such as `locals()`; by default the variables of the caller. Names given to
        `tensor()` come first.
    title: the program's name by default. expression: printed from the graph by default.
    max_elements: tensors up to this size are written in full, larger ones as statistics and a sample.
    runs: "last" for the latest backward run of each root, "all" for every one that is kept.
    full_data: write larger tensors in full to a `.npz` of the same name beside the record, where `tensor_data` of
        `grad_engine.record` finds them.
    explain: also nudge one entry of one leaf, run the graph again with it (in memory: nothing of yours changes), and
        write down what that does, the paths of its gradient, the curves of the ops and one step against the gradients.
        "W1[0,4]" names the entry. Left out for graphs of more than 1,000 ops.

    Raises GraphError when no op produced a root, when backward has freed the values (run it with retain_graph=True),
    and when the graph has more than `max_nodes` ops; OSError when the file cannot be written.
    """
    found = _names_in(names if names is not None else sys._getframe(1).f_locals)
    recorder = _Recorder(roots, found, title, max_elements, max_nodes, runs)
    record = _explained(recorder.record(expression), recorder.roots, explain)
    target = DEFAULT_PATH if path is None else Path(path)
    return save_graph(_with_file(record, recorder.sampled, target) if full_data else record, target)


def record_graph(
    roots: Roots,
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
    found = _names_in(names if names is not None else sys._getframe(1).f_locals)
    recorder = _Recorder(roots, found, title, max_elements, max_nodes, runs)
    return _explained(recorder.record(expression), recorder.roots, explain)


def visualize_graph(
    roots: Roots,
    *,
    names: Names | None = None,
    max_nodes: int = MAX_NODES,
    explain: bool | str = True,
    **options: Any,
) -> None:
    """Print the backward graph behind `roots` as a tree; `options` are those of `grad_engine.tree.print_tree`.

    Works before backward (no gradients yet) and after one that freed the values (structure only), and says so.
    explain: as in `export_graph`: a line says what a nudge of one entry does, beside its gradient.
    """
    from grad_engine.tree import print_tree

    found = _names_in(names if names is not None else sys._getframe(1).f_locals)
    recorder = _Recorder(roots, found, None, 64, max_nodes, "last", structure_only=True)
    print_tree(_explained(recorder.record(None), recorder.roots, explain), **options)


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
            raise ArgumentError(
                "this is a record already, not a tensor with a graph; save_graph(record, path) writes it, and "
                "print_tree(record) of grad_engine.tree prints it"
            )
        if type(root) is not Tensor:
            raise ArgumentError(f"a graph is exported from a tensor or a list of tensors, got {type(root).__name__}")
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


class _Recorder(Draft):
    """The record of our graph. Nodes and leaves go by age, values by the edge to them, other arrays by id()."""

    def __init__(
        self, roots: Roots, names: dict[Any, str], title: str | None, max_elements: int, max_nodes: int, runs: str,
        structure_only: bool = False,
    ) -> None:  # fmt: skip
        self.roots = _checked_roots(roots)
        _check_options(max_elements, max_nodes, runs)
        self.names, self.max_elements, self.all_runs = names, max_elements, runs == "all"
        self.title = title
        self.walk = newest_first([root.node for root in self.roots])[::-1]
        if len(self.walk) > max_nodes:
            raise GraphError(
                f"the graph has {len(self.walk)} ops and a record holds at most {max_nodes}; "
                "pass max_nodes= to raise the limit, or export a smaller part"
            )
        if not structure_only and any(node.out is None for node in self.walk):
            raise GraphError(
                "the values of this graph are gone, because backward ran without retain_graph=True; "
                "call backward(..., retain_graph=True) and export after it"
            )
        leaves = {edge.sequence_nr: edge for node in self.walk for edge in node.edges if type(edge) is GradAccum}
        self.leaves = [leaves[number] for number in sorted(leaves)]
        super().__init__([node.sequence_nr for node in self.walk], [leaf.sequence_nr for leaf in self.leaves])
        self.formulas: dict[Any, tuple[FormulaRecord, list[frozenset[str]]]] = {}
        self.held: list[Any] = []  # keeps alive what is known by id()
        self.sampled: dict[str, np.ndarray] = {}  # tensor id -> an array too large to be written in full

    def record(self, expression: str | None) -> GraphRecord:
        self._forward()
        ends = [root.node for root in self.roots if root.node is not None]
        return self.graph(
            [RootRecord(self.ids[edge.sequence_nr], self.tensors[edge].id, output_index_of(edge)) for edge in ends],
            [self._run(node, run) for node, run in self._runs()],
            {"name": "grad_engine", "version": _version(), "numpy": np.__version__},
            self.title,
            self._expression() if expression is None else expression,
        )

    # the forward pass

    def _forward(self) -> None:
        arrays = {
            edge: (array, node.sequence_nr)
            for node in reversed(self.walk)
            for array, edge in zip(node.arrays or (None,) * len(node.edges), node.edges, strict=True)
            if type(edge) is GradAccum
        }
        steps: list[Node | GradAccum] = [*self.walk, *self.leaves]
        for step in sorted(steps, key=lambda part: part.sequence_nr):
            if isinstance(step, GradAccum):
                array, age = arrays[step]
                leaf = self._add(step, array, "value", age, requires_grad=True, is_leaf=True)
                if array is None and step.grad is not None:  # the values are gone, but `.grad` has the same shape
                    leaf = replace(leaf, shape=step.grad.shape, dtype=_dtype_name(step.grad.dtype))
                    self.tensors[step] = leaf
                self.add_leaf(step.sequence_nr, leaf)
            else:
                self.add_node(self._node(step))

    def _node(self, node: Node) -> NodeRecord:
        op, gone = node.op, node.out is None
        operands = node.arrays or (None,) * len(node.edges)
        parameters = op.parameters(len(operands))
        inputs: list[InputRecord] = []
        key: Any
        for slot, (name, array, edge) in enumerate(zip(parameters, operands, node.edges, strict=True)):
            if edge is None and array is None:
                continue  # an optional operand that was left out: those after it move up
            if edge is None:
                key, link = id(array) if isinstance(array, np.ndarray) else (node.sequence_nr, slot), None
                if key not in self.tensors:
                    self._add(key, array, "constant", node.sequence_nr, is_leaf=True)
            else:
                key, link = (
                    edge,
                    self.connect(node.sequence_nr, slot, edge.sequence_nr, len(inputs), output_index_of(edge)).id,
                )
            stretched = not gone and op.category in STRETCHES and _stretched(array, node.out)
            own_shape = array.shape if stretched else None
            inputs.append(InputRecord(len(inputs), name, self.tensors[key].id, link, own_shape))
        keys: list[Edge] = [Output(node, i) for i in range(self._width(node))] if op.multi_output else [node]
        outs = (None,) * len(keys) if gone else node.out if op.multi_output else (node.out,)
        outputs = tuple(
            self._add(key, out, "value", node.sequence_nr, requires_grad=True).id
            for key, out in zip(keys, outs, strict=True)
        )
        found = None if gone else self._formula(node)
        saved: tuple[str, ...] = ()
        if found is not None:
            read = frozenset[str]().union(*found[1])
            by_name = {each.parameter: each.tensor for each in inputs} | {"out": outputs[0]}
            saved = tuple(dict.fromkeys(tensor for name, tensor in by_name.items() if name in read))
        extra = node.extra or Extra()
        static = dict(zip(op.static, node.rest, strict=False))
        return NodeRecord(
            id=self.ids[node.sequence_nr],
            age=len(self.nodes),
            op=op.name,
            name=op.label,
            category=op.category,
            symbol=op.symbol,
            elementwise=op.elementwise,
            broadcasts=op.broadcasts,
            commutes=op.commutes,
            sentence=op.sentence,
            inputs=tuple(inputs),
            outputs=outputs,
            saved=saved,
            attributes={name: attribute(value) for name, value in static.items()} or None,
            scope=extra.scope,
            formula=None if found is None else found[0],
            source=None if extra.source is None else SourceRecord(*extra.source),
        )

    def _width(self, node: Node) -> int:
        """How many outputs a node has; of a released one, as many as the graph still uses."""
        if node.out is not None:
            return len(node.out)
        used = [edge for user in self.walk for edge in user.edges] + [root.node for root in self.roots]
        return 1 + max(edge.index for edge in used if type(edge) is Output and edge.node is node)

    def _formula(self, node: Node) -> tuple[FormulaRecord, list[frozenset[str]]]:
        """The formulas of one call and what each rule reads; calls that look alike share them."""
        op = node.op
        wanted = tuple(edge is not None for edge in node.edges)
        looks = tuple((a.shape, a.dtype.char) if isinstance(a, np.ndarray) else (type(a), a) for a in node.arrays)
        key = (op, looks, wanted, repr(node.rest[: len(op.static)]))
        if key not in self.formulas:
            trees = op.rule_trees(node.out, node.arrays, node.rest, wanted)
            rules = {
                slot - sum(each is None for each in node.arrays[:slot]): tree
                for slot, tree in enumerate(trees)
                if wanted[slot]
            }
            found = formula_record(op.forward_tree(node.arrays, node.rest), rules)
            self.formulas[key] = found, [op.reads(tree) for tree in rules.values()]
        return self.formulas[key]

    # the backward runs

    def _runs(self) -> list[tuple[Node, Run]]:
        found: list[tuple[Node, Run]] = []
        for node in dict.fromkeys(node_of(root.node) for root in self.roots):
            assert isinstance(node, Node)
            runs = (node.extra and node.extra.runs) or ()
            found.extend((node, run) for run in (runs if self.all_runs else [*runs][-1:]))
        found.sort(key=lambda pair: pair[1].sequence_nr)
        return found

    def _run(self, root: Node, run: Run) -> BackwardRecord:
        seed = self._met(run.seed, "seed")
        draft = RunDraft(self.edges[event[0], event[1]] for event in run.events if not isinstance(event, Ran))
        totals: dict[str, Any] = {}  # the sum so far at each receiver
        for event in run.events:
            if isinstance(event, Ran):
                parts = event[1] if isinstance(event[1], tuple) else (event[1],)
                received = tuple(None if g is None else self._met(g, "gradient") for g in parts)
                draft.ran(self.ids[event[0]], received)
                continue
            age, slot, raw_shape, share, total = event
            edge = self.sent(age, slot, raw_shape, np.shape(share))
            if draft.sent(edge, self._met(share, "share")):
                draft.added(edge, self._met(total, "gradient"))
            totals[edge.receiver] = total
        changes = []
        for age, before, _, after in run.leaves:
            if age not in self.ids:
                continue
            leaf = self.ids[age]
            earlier = None if before is None else self._met(before, "gradient")
            if before is None and leaf in totals and np.array_equal(array_of(totals[leaf]), after, equal_nan=True):
                after = totals[leaf]  # the same numbers, which have their id already
            changes.append(LeafChangeRecord(leaf, earlier, self._met(after, "gradient")))
        changes.sort(key=lambda change: int(change.accumulator[1:]))
        return draft.run(self.ids[root.sequence_nr], seed, changes, run.output, run.complete)

    # tensors

    def _met(self, array: Any, role: str) -> str:
        """The id of a gradient, share or seed; an array object met before keeps its id."""
        array = array_of(array)
        known = self.tensors.get(id(array))
        if known is None:
            self.held.append(array)
            known = self._add(id(array), array, role, None)
        return known.id

    def _add(
        self, key: Any, array: Any, role: str, age: int | None, requires_grad: bool = False, is_leaf: bool = False
    ) -> TensorRecord:
        """A new tensor. `age` is when the graph read or made it: written in place since, its value is not recorded."""
        made = array if isinstance(array, np.ndarray | np.generic) else None if array is None else np.asarray(array)
        name = name_of(array)
        source = "given"
        if name is None:
            name = self.names.get(key) if role in ("value", "constant") else None
            source = "none" if name is None else "inferred"
        changed = made is None or (age is not None and WRITES.latest_of(array) > age)
        data, stats = (None, None) if changed or made is None else array_data(made, self.max_elements)
        id = f"t{len(self.tensors)}"
        if data is not None and data.sample is not None and made is not None:
            self.sampled[id] = np.asarray(made)
        self.tensors[key] = TensorRecord(
            id=id,
            role=role,
            shape=() if made is None else made.shape,
            dtype="unknown" if made is None else _dtype_name(made.dtype),
            name=name,
            name_source=source,
            requires_grad=requires_grad and (made is None or made.dtype.kind == "f"),
            is_leaf=is_leaf,
            data=data,
            stats=stats,
            absent="freed" if made is None else "changed" if changed else "",
        )
        return self.tensors[key]

    # the expression

    def _expression(self) -> str:
        """The roots as formulas of their leaves, shared and large parts by name; "" where that gets too long."""
        atoms: dict[str, str] = {}  # name, which may be any text -> what stands for it in a tree
        trees: dict[Edge, tuple[Tree, int, int]] = {}  # with the count of its parts, and its depth

        def atom(name: str) -> str:
            return atoms.setdefault(name, f"v{len(atoms)}")

        if len(self.walk) > 400 or any(node.out is None for node in self.walk):
            return ""
        for node in self.walk:
            parts: dict[str, tuple[Tree, int, int]] = {}
            names = node.op.parameters(len(node.arrays))
            for name, array, edge in zip(names, node.arrays, node.edges, strict=True):
                below = trees.get(node_of(edge))
                if edge is not None and below is not None:
                    tree, size, depth = below
                    if size > EXPRESSION_PARTS or depth > formula.MAX_DEPTH - 12:
                        tree, size, depth = atom(self.tensors[edge].name or "…"), 1, 1
                    elif type(edge) is Output:
                        tree, depth = ["index", tree, ["say", str(edge.index)]], depth + 1
                    parts[name] = tree, size, depth
                elif edge is not None or isinstance(array, np.ndarray):
                    key = edge if edge is not None else id(array)
                    fallback = self.ids[edge.sequence_nr] if edge is not None else "const"
                    parts[name] = atom(self.tensors[key].name or fallback), 1, 1
            own = formula.sound(node.op.forward_tree(node.arrays, node.rest))
            tree = _replaced(own, {name: part[0] for name, part in parts.items()})
            sizes = 1 + sum(part[1] for part in parts.values())
            trees[node] = tree, sizes, 4 + max((part[2] for part in parts.values()), default=0)
        shown, spelled = [], {key: name for name, key in atoms.items()}
        for root in self.roots:
            tree = trees[node_of(root.node)][0]
            called = self.tensors[root.node].name
            shown.append(f"{called} = {formula.text(tree, spelled)}" if called else formula.text(tree, spelled))
        text = "; ".join(dict.fromkeys(shown))
        return "" if "…" in text or len(text) > EXPRESSION_LENGTH else text


def _replaced(tree: Tree, parts: Mapping[str, Tree]) -> Tree:
    """`tree` with each parameter replaced by its part."""
    if isinstance(tree, str):
        return parts.get(tree, tree)
    if not isinstance(tree, list) or tree[0] == "say":
        return tree
    skip = 2 if tree[0] == "kw" else 1
    return [*tree[:skip], *(_replaced(part, parts) for part in tree[skip:])]


@cache  # NumPy takes longer to spell a dtype than everything else about a small tensor takes
def _dtype_name(dtype: np.dtype[Any]) -> str:
    return dtype.name


def _stretched(array: Any, out: Any) -> bool:
    return isinstance(array, np.ndarray) and isinstance(out, np.ndarray) and array.shape != out.shape


def _with_file(record: GraphRecord, sampled: Mapping[str, np.ndarray], path: Path) -> GraphRecord:
    """The record, whose sampled tensors now lie in full in a `.npz` beside `path`."""
    if path.suffix == ".npz":
        raise ArgumentError(
            f"{path} is to hold the record, and its full data goes to a .npz of that name; call it .json"
        )
    if not sampled:
        return record
    archive = save(sampled, path.with_suffix(".npz"))
    digest = sha256(archive.read_bytes()).hexdigest()
    tensors = tuple(
        replace(t, data=replace(t.data, file=FileRecord(archive.name, t.id, digest)))
        if t.id in sampled and t.data
        else t
        for t in record.tensors
    )
    return replace(record, tensors=tensors)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # a seventh of the time of `import grad_engine`

    try:
        return version("grad_engine")
    except PackageNotFoundError:
        return "unknown"
