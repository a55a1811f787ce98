"""A record in the making, for every producer: plain facts in, GraphRecord out.

A producer walks over its graph in the order in which leaves and ops came into being and tells what it meets: `leaf`,
`op`, and for each backward run `start`, `ran`, `sent`, `changed`. It names things by keys of its own choice (objects,
ids of files, whatever can be a key) and hands over arrays as they are. Ids, which tensors are one, names, formulas that
look alike, saved values, marks of broadcasting, counts and sums are the builder's business alone.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from inspect import signature
from itertools import count
from math import nan
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from grad_engine.formula import Tree, sound, text
from grad_engine.record.arrays import Taken, array_data
from grad_engine.record.check import holds_nonfinite
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
    GroupRecord,
    InputRecord,
    LeafChangeRecord,
    NodeRecord,
    ParameterRecord,
    RootRecord,
    RuleRecord,
    RunEvent,
    SendEvent,
    Shape,
    SourceRecord,
    TensorRecord,
)

Key = Hashable
LONGEST_ATTRIBUTE = 64  # entries of an array among the static arguments


class OpFacts(Protocol):
    """What the builder asks of an op; the engine's own Op is one."""

    @property
    def name(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def category(self) -> str: ...
    @property
    def symbol(self) -> str: ...
    @property
    def elementwise(self) -> bool: ...
    @property
    def broadcasts(self) -> bool: ...
    @property
    def commutes(self) -> bool: ...
    @property
    def sentence(self) -> str: ...
    @property
    def multiply_adds(self) -> Callable[..., int] | None: ...
    @property
    def ends(self) -> tuple[float, float] | tuple[()]: ...
    @property
    def even_chances(self) -> Callable[..., float] | None: ...
    @property
    def takes_scores(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class PlainOp:
    """What an op is, from a producer that has no Op of ours for it."""

    name: str
    label: str
    symbol: str
    category: str = "other"
    elementwise: bool = False
    broadcasts: bool = False
    commutes: bool = False
    sentence: str = ""
    multiply_adds: Callable[..., int] | None = None
    ends: tuple[float, float] | tuple[()] = ()
    even_chances: Callable[..., float] | None = None
    takes_scores: bool = False


@dataclass(slots=True)  # not frozen: a record of 10,000 ops needs 100,000 of these, and they take a third of the time
class Value:
    """What is known of one tensor: its array, or its shape and dtype alone and the reason why (`absent`)."""

    array: np.ndarray | np.generic | None = None
    shape: Shape | None = None  # where it is not that of the array
    dtype: str | None = None
    name: str | None = None
    name_source: str = "given"
    absent: str = ""
    # In place of an array: numbers that are in a record's form already, or that were taken from it before it changed.
    data: DataRecord | None = None
    taken: Taken | None = None


@dataclass(slots=True)
class Operand:
    """One operand of an op: made by an op or leaf (`source`, and which output of it), or a constant (`constant`)."""

    slot: int
    parameter: str  # the name that stands for it in the formulas
    source: Key | None = None  # key of the op or leaf
    output: int = 0
    constant: Key | None = None  # key of the tensor; constants with one key are one tensor
    value: Value | None = None  # of a constant that has not been met
    plain: bool = False  # a Python number, which is never marked as stretched


@dataclass(frozen=True, slots=True)
class Formula:
    """The formula trees of a call: what it computes, and the rule of each slot that a gradient reaches."""

    forward: Tree
    rules: Mapping[int, Tree]
    reads: frozenset[str] = frozenset()  # the parameters, and "out", whose values the rules need


class GraphBuilder:
    """One record in the making. `describe` says what is known of an array that a backward run hands over."""

    def __init__(self, describe: Callable[[Any], Value], max_elements: float = 64) -> None:
        self.describe = describe
        self.max_elements = max_elements
        self.ids: dict[Key, str] = {}  # of ops and accumulators
        self.tensors: dict[Key, TensorRecord] = {}
        self.arrays: dict[str, np.ndarray] = {}  # tensor id -> an array too large to be written in full
        self.nodes: list[NodeRecord] = []
        self._accumulators: list[AccumulatorRecord] = []
        self._edges: dict[tuple[Key, int], EdgeRecord] = {}  # by the sender and one of its slots
        self._outputs: dict[Key, Sequence[Key]] = {}  # op or leaf -> keys of its tensors
        self._forward: list[ForwardRecord] = []
        self._runs: list[BackwardRecord] = []
        self._formulas: dict[Hashable, tuple[FormulaRecord, Formula]] = {}
        self._known_attributes: dict[int, tuple[Any, Mapping[str, object]]] = {}  # by id() of what was given
        self._calls: dict[str, dict[Hashable, int]] = {}  # scope -> number of each call of it
        self._held: list[Any] = []  # keeps alive what is known by id()

    # the forward pass

    def leaf(self, key: Key, value: Value, tensor_key: Key | None = None) -> None:
        """The next thing that came into being is a leaf; its tensor goes by the same key unless another is given."""
        self.ids[key] = f"a{len(self._accumulators)}"
        tensor_key = key if tensor_key is None else tensor_key
        tensor = self.tensor(tensor_key, value, "value", requires_grad=True, is_leaf=True)
        self._outputs[key] = (tensor_key,)
        self._accumulators.append(AccumulatorRecord(self.ids[key], tensor))
        self._forward.append(ForwardRecord("leaf", tensor))

    def op(
        self,
        key: Key,
        op: OpFacts,
        operands: Sequence[Operand],
        outputs: Mapping[Key, Value],
        *,
        formula: FormulaRecord | None = None,
        reads: frozenset[str] = frozenset(),
        saved: Sequence[tuple[Key, Callable[[], Value]]] = (),
        attributes: Mapping[str, Any] | None = None,
        scope: str = "",
        call: Hashable = None,
        source: SourceRecord | None = None,
    ) -> None:
        """The next thing that came into being is a call of `op`.

        `outputs` has a value for each tensor that it made. What backward reads is told by parameter (`reads`, with
        "out" for the result) or by key (`saved`; one that has not been met is a constant). `call` tells the calls of
        one scope apart; any key will do.
        """
        id = self.ids[key] = f"n{len(self.nodes)}"
        made = next(iter(outputs.values()))
        shape = None if made.absent == "freed" else _shape_of(made)
        inputs = [self._operand(key, operand, op, shape) for operand in operands]
        ends = bool(op.ends)
        results = [
            self.tensor(output, value, "value", requires_grad=True, ends=ends) for output, value in outputs.items()
        ]
        self._outputs[key] = tuple(outputs)
        kept: list[str] = []
        if reads:
            by_name = {each.parameter: each.tensor for each in inputs} | {"out": results[0]}
            kept = [tensor for name, tensor in by_name.items() if name in reads]
        if saved:
            kept += [self._constant(each, value) for each, value in saved]
        self.nodes.append(
            NodeRecord(
                id=id,
                age=len(self.nodes),
                op=op.name,
                name=op.label,
                category=op.category,
                symbol=op.symbol,
                scope=scope,
                call=self._call(scope, call),
                attributes=self._attributes(attributes) if attributes else None,
                inputs=tuple(inputs),
                outputs=tuple(results),
                saved=tuple(dict.fromkeys(kept)) if kept else (),
                formula=formula,
                source=source,
                elementwise=op.elementwise,
                broadcasts=op.broadcasts,
                commutes=op.commutes,
                sentence=op.sentence,
                multiply_adds=int(self._by_shapes(op.multiply_adds, operands, shape)) if op.multiply_adds else 0,
                ends=op.ends,
                even_chances=self._by_shapes(op.even_chances, operands, shape)
                if op.even_chances and _is_plain_mean(made, attributes)
                else 0.0,
                takes_scores=op.takes_scores,
            )
        )
        self._forward.append(ForwardRecord("op", id))

    def _operand(self, key: Key, operand: Operand, op: OpFacts, result: Shape | None) -> InputRecord:
        if operand.source is not None:
            edge = EdgeRecord(
                f"e{len(self._edges)}", self.ids[key], self.ids[operand.source], operand.slot, operand.output
            )
            self._edges[key, operand.slot] = edge
            tensor, link = self.tensors[self._outputs[operand.source][operand.output]], edge.id
        else:
            assert operand.constant is not None
            if operand.constant not in self.tensors:
                assert operand.value is not None
                self.tensor(operand.constant, operand.value, "constant", is_leaf=True)
            tensor, link = self.tensors[operand.constant], None
        stretched = op.broadcasts and not operand.plain and result is not None and tensor.shape != result
        return InputRecord(operand.slot, operand.parameter, tensor.id, link, tensor.shape if stretched else None)

    def _by_shapes(self, count: Callable[..., float], operands: Sequence[Operand], result: Shape | None) -> float:
        """What an op works out of the shapes of result and operands; 0 where one of them is not known."""
        if result is None or [operand.slot for operand in operands] != list(range(len(operands))):
            return 0
        keys = (each.constant if each.source is None else self._outputs[each.source][each.output] for each in operands)
        shapes = [self.tensors[key].shape for key in keys if key is not None]
        return count(result, *shapes) if _takes(count, 1 + len(shapes)) else 0

    def _constant(self, key: Key, value: Callable[[], Value]) -> str:
        known = self.tensors.get(key)
        return self.tensor(key, value(), "constant", is_leaf=True) if known is None else known.id

    def _attributes(self, given: Mapping[str, Any]) -> Mapping[str, object]:
        """Static arguments as JSON can hold them; one object for all calls that were given one object."""
        if (known := self._known_attributes.get(id(given))) is None:
            known = given, {name: attribute(value) for name, value in given.items()}
            self._known_attributes[id(given)] = known
        return known[1]

    def _call(self, scope: str, call: Hashable) -> int:
        if not scope or call is None:
            return 0
        known = self._calls.setdefault(scope, {})
        return known.setdefault(call, len(known))

    def formula(self, looks: Hashable, trace: Callable[[], Formula]) -> tuple[FormulaRecord, Formula]:
        """The formulas of a call, as a record holds them and as they were traced; calls that look alike share them."""
        if looks not in self._formulas:
            traced = trace()
            self._formulas[looks] = formula_record(traced), traced
        return self._formulas[looks]

    # tensors

    def tensor(
        self,
        key: Key,
        value: Value,
        role: str,
        *,
        requires_grad: bool = False,
        is_leaf: bool = False,
        ends: bool = False,
    ) -> str:
        """The id of a new tensor, known by `key` from now on. ends: whether to say how much of it is at its ends."""
        id = f"t{len(self.tensors)}"
        array, data, stats = value.array, value.data, None
        if value.taken is not None:
            data, stats = value.taken.record()
        elif array is not None:
            data, stats = array_data(array, self.max_elements, ends=ends)
            if data is not None and data.sample is not None:
                self.arrays[id] = np.asarray(array)
        if stats is not None and stats.ends is not None and not ends:
            stats = replace(stats, ends=None)
        dtype = value.dtype
        if dtype is None:
            dtype = "unknown" if array is None else dtype_name(array.dtype)
        self.tensors[key] = TensorRecord(
            id=id,
            role=role,
            shape=_shape_of(value),
            dtype=dtype,
            name=value.name,
            name_source="none" if value.name is None else value.name_source,
            requires_grad=requires_grad and not dtype.startswith(("int", "uint", "bool")),
            is_leaf=is_leaf,
            data=data,
            stats=stats,
            absent=value.absent if data is None and stats is None else "",
        )
        return id

    def met(self, thing: Any, role: str) -> str:
        """The id of what a backward run hands over; the same object, or key, met before keeps its id."""
        key = thing if isinstance(thing, str) else id(thing)
        if key not in self.tensors:
            self._held.append(thing)
            value = thing if isinstance(thing, Value) else self.describe(thing)
            value.name = None
            self.tensor(key, value, role)
        return self.tensors[key].id

    # backward runs

    def run(self, run: RunFacts) -> None:
        """A backward run took place; runs are told in their order."""
        self._runs.append(run.record(self))

    def has_edge(self, sender: Key, slot: int) -> bool:
        """Whether a gradient flows from a slot of an op."""
        return (sender, slot) in self._edges

    def sent(self, sender: Key, slot: int, raw: Shape | None, shape: Shape) -> EdgeRecord:
        """The edge, now with the shape that its share had before it was summed down to the operand's `shape`."""
        edge = self._edges[sender, slot]
        if edge.raw_shape is None and raw is not None:
            lead = len(raw) - len(shape)
            stretched = (lead + i for i, n in enumerate(shape) if n == 1 != raw[lead + i])
            reduced = (*range(lead), *stretched) if raw != shape else ()
            # The fields one by one: `replace` takes four times as long, and every edge comes by here.
            edge = EdgeRecord(edge.id, edge.sender, edge.receiver, edge.slot, edge.output, raw, reduced)
            self._edges[sender, slot] = edge
        return edge

    # the whole

    def root(self, key: Key, output: int = 0) -> RootRecord:
        """A root: an op, and which of its outputs."""
        return RootRecord(self.ids[key], self.tensors[self._outputs[key][output]].id, output)

    def graph(
        self,
        roots: Sequence[RootRecord],
        producer: Mapping[str, str],
        title: str | None = None,
        expression: str = "",
        parameters: Sequence[ParameterRecord] = (),
    ) -> GraphRecord:
        """The record of all that was told; its title is the name of the running program unless one is given."""
        tensors = self._with_names_apart()
        scopes: dict[str, list[str]] = {}
        for node in self.nodes:
            if node.scope:
                scopes.setdefault(node.scope, []).append(node.id)
        return GraphRecord(
            title=_program() if title is None else title,
            expression=expression,
            counts=CountsRecord(
                ops=len(self.nodes),
                leaves=len(self._accumulators),
                constants=sum(tensor.role == "constant" for tensor in tensors),
                edges=len(self._edges),
                nonfinite=tuple(tensor.id for tensor in tensors if holds_nonfinite(tensor)),
            ),
            roots=tuple(roots),
            tensors=tensors,
            nodes=tuple(self.nodes),
            edges=tuple(self._edges.values()),
            accumulators=tuple(self._accumulators),
            forward=tuple(self._forward),
            runs=tuple(self._runs),
            groups=tuple(GroupRecord(scope, tuple(ids)) for scope, ids in scopes.items()),
            parameters=tuple(parameters),
            producer=producer,
        )

    def _with_names_apart(self) -> tuple[TensorRecord, ...]:
        """All tensors, no two leaves or constants by one name, and no result by that of a leaf or constant.

        Leaves that share a name, such as weights of layers, have that of their module before it; what still shares one
        is w, w_2, w_3. Results may share a name: a loop gives one to what each of its rounds makes.
        """
        leaves = {each.leaf for each in self._accumulators}
        tensors = list(self.tensors.values())
        made = {tensor for node in self.nodes for tensor in node.outputs}
        read = {operand.tensor for node in self.nodes for operand in node.inputs} | leaves
        given = Counter(each.name for each in tensors if each.name and each.id in read and each.id not in made)
        results = {each.name for each in tensors if each.name and each.id in made}
        if max(given.values(), default=1) < 2 and results.isdisjoint(given):
            return tuple(tensors)
        scopes: dict[str, set[str]] = {}  # of the ops that read a leaf
        for node in self.nodes:
            for operand in node.inputs:
                if operand.tensor in leaves:
                    scopes.setdefault(operand.tensor, set()).add(node.scope)
        for k, each in enumerate(tensors):
            if each.id in leaves and each.name and given[each.name] > 1 and len(scopes.get(each.id, ())) == 1:
                (scope,) = scopes[each.id]
                if scope:
                    tensors[k] = replace(each, name=f"{scope}.{each.name}")
        known = {each.name for each in tensors if each.name}
        apart: set[str] = set()  # names of leaves and constants
        for of_results in (False, True):
            for k, each in enumerate(tensors):
                if (
                    not each.name
                    or (each.id in made) is not of_results
                    or each.id not in (made if of_results else read)
                ):
                    continue
                name = each.name
                if name in apart:
                    name = next(tried for n in count(2) if (tried := f"{each.name}_{n}") not in known)
                    tensors[k] = replace(each, name=name)
                    known.add(name)
                if not of_results:
                    apart.add(name)
        return tuple(tensors)


class RunFacts:
    """A backward run in the making: what happened, in its order. Arrays are told as they are, or as a Value."""

    def __init__(
        self, root: Key, seed: Any, output: int = 0, complete: bool = True, create_graph: bool = False
    ) -> None:
        self.root, self.seed, self.output, self.complete = root, seed, output, complete
        self.create_graph = create_graph
        self._facts: list[tuple[Any, ...]] = []  # (node, gradients), or what `sent` was told
        self._changes: list[tuple[Key, Any, Any]] = []

    def ran(self, node: Key, gradients: Sequence[Any]) -> None:
        """The gradient of an op is complete, one array (or None) for each of its outputs, and its rules run."""
        self._facts.append((node, gradients))

    def sent(self, node: Key, slot: int, raw: Shape | None, shape: Shape, share: Any, total: Any) -> None:
        """An op sent a share; `raw` was its shape before it was summed down to `shape`, None where that is not known.

        `total` is the sum at the receiver with it, of this run alone, whatever a leaf held before.
        """
        self._facts.append((node, slot, raw, shape, share, total))

    def changed(self, leaf: Key, before: Any, after: Any) -> None:
        """The run changed the `.grad` of a leaf; `before` is None where it was unset."""
        self._changes.append((leaf, before, after))

    def leaves(self) -> set[Key]:
        """The leaves whose `.grad` the run changed."""
        return {leaf for leaf, _, _ in self._changes}

    def record(self, builder: GraphBuilder) -> BackwardRecord:
        """The run as a part of the builder's record."""
        seed = builder.met(self.seed, "seed")
        edges = [builder.sent(*fact[:4]) if len(fact) > 2 else None for fact in self._facts]
        places = [None if edge is None else (edge.receiver, edge.output) for edge in edges]
        expected = Counter(places)
        arrived = Counter[tuple[str, int]]()
        events: list[Event] = []
        gradients: dict[str, tuple[str | None, ...]] = {}
        for fact, edge, place in zip(self._facts, edges, places, strict=True):
            if edge is None or place is None:
                id = builder.ids[fact[0]]
                gradients[id] = tuple([None if g is None else builder.met(g, "gradient") for g in fact[1]])
                events.append(RunEvent(id))
                continue
            events.append(SendEvent(edge.id, builder.met(fact[4], "share")))
            if expected[place] > 1 or place[0].startswith("a"):
                arrived[place] += 1
                partial = builder.met(fact[5], "gradient")
                events.append(AccumulateEvent(place[0], edge.id, arrived[place], expected[place], partial))
        changes = [
            LeafChangeRecord(
                builder.ids[leaf],
                None if before is None else builder.met(before, "gradient"),
                builder.met(after, "gradient"),
            )
            for leaf, before, after in self._changes
        ]
        changes.sort(key=lambda change: int(change.accumulator[1:]))
        return BackwardRecord(
            builder.ids[self.root],
            seed,
            tuple(events),
            gradients,
            tuple(changes),
            output=self.output,
            complete=self.complete,
            create_graph=self.create_graph,
        )


@cache
def _takes(function: Callable[..., Any], count: int) -> bool:
    """Whether a function takes so many arguments."""
    try:
        signature(function).bind(*range(count))
    except TypeError:
        return False
    return True


def _is_plain_mean(made: Value, attributes: Mapping[str, Any] | None) -> bool:
    """Whether a loss is the mean of all, none of which weighs more than another."""
    given = attributes or {}
    weights = (given.get(name) for name in ("weight", "pos_weight"))
    return _shape_of(made) == () and given.get("reduction", "mean") == "mean" and all(each is None for each in weights)


def _shape_of(value: Value) -> Shape:
    return value.shape if value.shape is not None else () if value.array is None else value.array.shape


def formula_record(formula: Formula) -> FormulaRecord:
    """Formula trees with their lines of text; what a reader would refuse becomes words."""
    forward = _with_one_nan(sound(formula.forward))
    rules = {slot: _with_one_nan(sound(rule)) for slot, rule in formula.rules.items()}
    return FormulaRecord(
        Expression(text(forward), forward), tuple(RuleRecord(slot, text(rule), rule) for slot, rule in rules.items())
    )


def _with_one_nan(tree: Tree) -> Tree:
    if isinstance(tree, list):
        return [_with_one_nan(part) for part in tree]
    return nan if isinstance(tree, float) and tree != tree else tree


def attribute(value: Any) -> object:
    """A static argument as JSON can hold it."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and value != value:
        return nan  # itself, so that records compare equal
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, tuple | list):
        return tuple(attribute(part) for part in value)
    if isinstance(value, slice):
        return ":".join("" if end is None else str(end) for end in (value.start, value.stop, value.step))
    if value is Ellipsis:
        return "..."
    if isinstance(value, np.ndarray):
        small = value.size <= LONGEST_ATTRIBUTE
        return attribute(value.tolist()) if small else f"{value.dtype} array of shape {value.shape}"
    return str(value)


@cache  # NumPy takes longer to spell a dtype than everything else about a small tensor takes
def dtype_name(dtype: np.dtype[Any]) -> str:
    """The name of a dtype."""
    return dtype.name


def _program() -> str:
    """The name of the running program's file."""
    path = getattr(sys.modules.get("__main__"), "__file__", None)
    return Path(path).stem if path else "graph"
