"""PyTorch autograd graph -> GraphRecord, so that tree, scene and the other readers show models written in PyTorch."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from grad_engine.core.op import Op
from grad_engine.errors import ArgumentError, GraphError, MissingPackageError
from grad_engine.export.explain import MOST_OPS
from grad_engine.export.torch_explain import explain_torch
from grad_engine.export.torch_graph import SEVERAL, Kept, ParameterFacts, StepFacts, TorchGraph
from grad_engine.export.torch_ops import (
    MULTIPLY_ADDS,
    Call,
    Step,
    as_our_call,
    like_ours,
    plain_name,
    snake,
    stand_in,
    trace,
)
from grad_engine.export.torch_paths import Gradients
from grad_engine.export.torch_values import Numbers, argument_names, tensors_in
from grad_engine.record import FormulaRecord, GraphRecord, ParameterRecord, check
from grad_engine.record.arrays import write_all
from grad_engine.record.builder import Formula, GraphBuilder, Operand, PlainOp, Value
from grad_engine.record.collector import collection_paused
from grad_engine.record.parts import FROZEN, UNASKED, UNREACHED, UNREAD
from grad_engine.record.strict import MAX_NODES

INDEXING = ("int", "uint", "bool")  # how the names of the dtypes of indices and masks begin
MOST_FORMULAS = 4096
FORMULAS: dict[Hashable, FormulaRecord] = {}  # of calls that looked alike, in this record or in an earlier one
MADE = ("result", "output")  # how PyTorch calls the results that a step keeps
SENTENCES = {
    SEVERAL: "No op of the program: backward starts from several results at once, as if from the sum of them.",
    "CompiledFunction": "A part of the program that torch.compile() made into one function; what is in it is not told.",
    "CheckpointFunction": "A part of the model that runs again in backward, with a run of its own; it is not told.",
}

if TYPE_CHECKING:
    import torch  # type: ignore[import-not-found, unused-ignore]  # it need not be there


def from_torch(
    output: torch.Tensor,
    *,
    names: Mapping[str, Any] | None = None,
    model: torch.nn.Module | None = None,
    gradient: torch.Tensor | None = None,
    backward: bool = True,
    title: str | None = None,
    max_elements: int = 64,
    max_nodes: int = MAX_NODES,
    rerun: Callable[[], torch.Tensor] | None = None,
    explain: bool | str = True,
) -> GraphRecord:
    """The record of the PyTorch graph behind `output`, and of one backward run through it.

    names: what to call the tensors, such as `dict(model.named_parameters())` or `locals()`; by default the variables of
        the caller, and the parameters of modules among them.
    model: names its parameters, and its modules are the scopes of the ops, as far as the graph tells: an op that reads
        parameters is in the module that owns them, one between two of these in the innermost that holds both. A forward
        pass under `module_scopes(model)` tells it all.
    gradient: what backward starts from, of the shape of `output`; ones by default.
    backward: whether to run backward. The run leaves every `.grad` as it is and keeps the graph; hooks of your own run.
    max_elements: tensors up to this size are written in full, larger ones as statistics and a sample.
    rerun: computes `output` again, such as `lambda: loss_fn(model(x), y)`. With it one entry of one leaf is nudged, and
        all leaves take one step: what that does stands in the record beside the gradient. Parameters, buffers of
        `model` and the random state are put back.
    explain: follow one entry of one leaf along its paths, with the slopes of the ops on them. False leaves this and
        what `rerun` measures out; "fc.weight[0,4]" names the entry. Left out for graphs of more than 1,000 ops.

    The values of intermediate results are those that PyTorch kept for backward, those of tensors in `names`, and what
    follows from these; others are not recorded. So call it before an optimizer changes the parameters. Source lines are
    there where the forward pass ran under `torch.autograd.detect_anomaly()`.

    Raises ArgumentError for anything but a tensor, GraphError for one without a graph, when an earlier backward has
    freed the graph, or when it has more than `max_nodes` ops, MissingPackageError without PyTorch.
    """
    torch = _torch()
    if not isinstance(output, torch.Tensor):
        raise ArgumentError(
            f"from_torch() takes a PyTorch tensor, got {type(output).__name__}: record_graph() takes ours"
        )
    if output.grad_fn is None:
        raise GraphError(
            "no op produced this tensor, so there is no graph to show; pass the result of a computation on leaves with "
            "requires_grad=True, made outside torch.no_grad()"
        )
    called = names_of(torch, names, model, sys._getframe(1).f_locals if names is None else {})
    graph = TorchGraph(torch, called, model, Numbers(torch, max_elements), max_nodes)
    graph.add_all([output])
    wanted = explain is not False and len(graph.steps) <= MOST_OPS
    kept = Gradients()
    if backward:
        graph.run(
            [(output, torch.ones_like(output) if gradient is None else gradient)],
            lambda: _gathered(graph, output, gradient, kept if wanted else None),
        )
    record = make_record(graph, title, backward, max_elements)
    check(record)
    if backward and wanted:
        leaves = [graph.variables[key] for key, _ in sorted(graph.leaves.items(), key=lambda item: item[1].place)]
        follow = explain if isinstance(explain, str) else ""
        found = explain_torch(torch, output, gradient, leaves, record, rerun, graph, kept, model, follow)
        record = replace(record, explain=found)
        check(record)
    return record


def _gathered(graph: TorchGraph, output: Any, gradient: Any, kept: Gradients | None) -> dict[int, Any]:
    """What each leaf gathers in a run of our own, which leaves every `.grad` as it is; `kept` gets all gradients."""
    torch, leaves = graph.torch, list(graph.variables.values())
    seed = torch.ones_like(output) if gradient is None else gradient
    nodes = [node for node, key in graph.keys.items() if key in graph.steps]
    try:
        with kept.keeping(nodes) if kept is not None else nullcontext():
            found = torch.autograd.grad(output, leaves, seed, retain_graph=True, allow_unused=True) if leaves else ()
    except RuntimeError as error:
        raise GraphError(
            f"PyTorch could not run backward: {str(error).splitlines()[0]} Call from_torch() before backward, or "
            "after backward(retain_graph=True), or with backward=False to see the structure alone"
        ) from error
    if kept is not None:
        kept.gathered = dict(zip(graph.variables, found, strict=True))
    return {key: g for key, g in zip(graph.variables, found, strict=True) if g is not None}


def _torch() -> Any:
    try:
        return import_module("torch")
    except ImportError:
        raise MissingPackageError("from_torch() needs PyTorch, which is not installed: pip install torch") from None


def names_of(
    torch: Any, names: Mapping[str, Any] | None, model: Any, variables: Mapping[str, Any]
) -> list[tuple[str, Any, str]]:
    """Every name, the tensor that bears it, and where the name is from; the first one of a tensor counts."""
    given = list((names or {}).items())
    if model is not None:
        given += [*model.named_parameters(), *model.named_buffers()]
    inferred = [(name, value) for name, value in variables.items() if not name.startswith("_")]
    for name, value in tuple(inferred):
        if isinstance(value, torch.nn.Module) and value is not model:
            inferred += [(f"{name}.{inner}", parameter) for inner, parameter in value.named_parameters()]
    found = [(name, value, "given") for name, value in given] + [(name, value, "inferred") for name, value in inferred]
    return [each for each in found if isinstance(each[1], torch.Tensor)]


def make_record(
    graph: TorchGraph,
    title: str | None = None,
    backward: bool = True,
    max_elements: float = 64,
    reason: Callable[[str], str | None] = lambda name: None,
) -> GraphRecord:
    """The record of what was read of PyTorch's graphs. reason: why a parameter, by its name, is not read by them."""
    with collection_paused():
        write_all([value.taken for value in graph.values() if value.taken is not None])
        return _Writing(graph, max_elements).record(title, backward, reason)


class _Writing:
    """What was read of PyTorch's graphs, told to a builder: leaves, then ops by age, then the runs."""

    def __init__(self, graph: TorchGraph, max_elements: float) -> None:
        self.graph = graph
        self.builder = GraphBuilder(lambda value: value, max_elements)
        self.kinds: dict[Hashable, _Kind] = {}
        self.slots: dict[int, dict[int, int]] = {}  # of each step, position of an edge -> slot of the operand

    def record(self, title: str | None, backward: bool, reason: Callable[[str], str | None]) -> GraphRecord:
        graph, builder = self.graph, self.builder
        for key, leaf in sorted(graph.leaves.items(), key=lambda item: item[1].place):  # stable: the others as met
            builder.leaf(key, leaf.value)
        for key in graph.ordered():
            self.op(key, graph.steps[key], backward)
        for run in graph.runs:
            builder.run(run.facts(self.slots))
        reached = {leaf for run in graph.runs for leaf, _, _ in run.changes} if graph.runs else None
        roots = dict.fromkeys(graph.roots)
        return builder.graph(
            [builder.root(*root) for root in roots],
            {"name": "torch", "version": graph.version},
            title,
            parameters=[self.parameter(each, reached, reason) for each in graph.parameters],
        )

    def parameter(
        self, facts: ParameterFacts, reached: Collection[Hashable] | None, why: Callable[[str], str | None]
    ) -> ParameterRecord:
        """A parameter of the model, and why no gradient reached it."""
        if facts.leaf is None:
            reason = (why(facts.name) or UNREAD) if facts.wanted else FROZEN
        else:
            missed = UNASKED if all(run.limited for run in self.graph.runs) else UNREACHED
            reason = "" if reached is None or facts.leaf in reached else missed
        accumulator = None if facts.leaf is None else self.builder.ids[facts.leaf]
        size = facts.size(self.graph.torch) if facts.leaf is None else (None, None)
        return ParameterRecord(facts.name, facts.shape, facts.dtype, accumulator, reason, None, *size)

    def op(self, key: int, facts: StepFacts, backward: bool) -> None:
        kind, kept = self.kind(facts, backward), facts.kept
        call = kind.call
        operands: list[Operand] = []
        slots: dict[int, int] = {}
        self.slots[key] = slots
        stand_ins: list[Any] = []  # what the formula is traced with
        for slot, parameter, position in kind.slots:
            operand, size = self.operand(facts, slot, parameter, position, kind.arguments)
            if operand is None:  # known to PyTorch alone: a gap among the slots
                stand_ins.append(None if call is not None and slot >= call.op.required else stand_in(()))
                continue
            operands.append(operand)
            if operand.source is not None and isinstance(position, int):
                slots[position] = slot
            stand_ins.append(size)
        if call is None:
            operands += _indices(kept, len(operands) and operands[-1].slot + 1)
        self.builder.op(
            key,
            kind.facts,
            operands,
            {(key, k): value for k, value in enumerate(facts.values)},
            formula=self.formula(kind, call, stand_ins, facts, operands) if call is not None else None,
            saved=[(each.key, partial(_value, each)) for each in tensors_in(Kept, kept.values())] if kept else (),
            attributes=kind.attributes,
            scope=facts.scope,
            call=facts.number,
            source=facts.source,
        )

    def kind(self, facts: StepFacts, backward: bool) -> _Kind:
        """What a step has in common with all that were called alike, as those of many equal layers are."""
        looks = facts.name, len(facts.edges), facts.outputs[0][0], _looks(tuple(facts.kept.items()))
        if (known := self.kinds.get(looks)) is None:
            known = self.kinds[looks] = _kind(self.graph.torch, facts, backward)
        return known

    def operand(
        self, facts: StepFacts, slot: int, parameter: str, position: int | str, arguments: Sequence[str]
    ) -> tuple[Operand | None, Any]:
        """An operand with what stands for it when its op is traced; nothing where PyTorch did not keep it."""
        if isinstance(position, int) and position < len(facts.edges):
            receiver, output = facts.edges[position]
            if receiver is not None:
                return Operand(slot, parameter, receiver, output), stand_in(self.shape(receiver, output))
            value = facts.kept.get(arguments[position]) if position < len(arguments) else None
            value = value if isinstance(value, Kept) else None
        else:
            value = facts.kept.get(str(position))
        if isinstance(value, Kept):
            held = value.value if value.value is not None else Value(None, value.shape, absent="unknown")
            return Operand(slot, parameter, constant=value.key, value=held), stand_in(value.shape)
        if isinstance(value, int | float):
            held = Value(np.asarray(value), (), "int64" if isinstance(value, int) else "float64")
            return Operand(slot, parameter, constant=object(), value=held, plain=True), value
        return None, None

    def shape(self, receiver: int, output: int) -> tuple[int, ...]:
        leaf = self.graph.leaves.get(receiver)
        return self.graph.steps[receiver].outputs[output][0] if leaf is None else leaf.value.shape or ()

    def formula(
        self, kind: _Kind, call: Call, arrays: Sequence[Any], facts: StepFacts, operands: Sequence[Operand]
    ) -> FormulaRecord:
        """The formulas of one call; those of calls that look alike are traced once."""
        shape, slots = facts.outputs[0][0], {operand.slot for operand in operands if operand.source is not None}
        wanted = tuple([slot in slots for slot in range(len(arrays))])
        looks = tuple([array.shape if isinstance(array, np.ndarray) else array for array in arrays])

        def traced() -> Formula:
            tree, rules = trace(call, arrays, stand_in(shape), wanted)
            return Formula(tree, {slot: rule for slot, rule in enumerate(rules) if wanted[slot]})

        key = call.op.name, looks, shape, wanted, kind.static
        if (found := FORMULAS.get(key)) is None:
            if len(FORMULAS) >= MOST_FORMULAS:
                FORMULAS.clear()
            found = FORMULAS[key] = self.builder.formula(key, traced)[0]
        return found


@dataclass(frozen=True, slots=True)
class _Kind:
    """What steps have in common that have one name, one shape, and were called with the same static arguments."""

    call: Call | None
    arguments: tuple[str, ...]  # what PyTorch calls the operands
    slots: tuple[tuple[int, str, int | str], ...]  # slot, parameter, and where the operand is: an edge, or what is kept
    facts: PlainOp
    attributes: dict[str, Any]
    static: str


def _kind(torch: Any, facts: StepFacts, backward: bool) -> _Kind:
    count, kept = len(facts.edges), facts.kept
    call = as_our_call(Step(facts.name, count, kept, facts.outputs[0][0]))
    arguments = argument_names(torch, facts.name, count)
    ours = call.op if call is not None else like_ours(facts.name)
    positions = call.operands if call is not None else range(count)
    parameters = call.op.parameters(len(positions)) if call is not None else _parameters(arguments, count)
    static: Mapping[str, Any] = kept
    if call is not None:
        static = {name: value for name, value in call.static.items() if value != call.op.static.get(name)}
    return _Kind(
        call,
        arguments,
        tuple((k, *each) for k, each in enumerate(zip(parameters, positions, strict=False))),
        _facts(facts.name, call, ours, backward),
        {name: value for name, value in static.items() if value is not None and _is_plain(value)},
        "" if call is None else repr(call.static),
    )


def _looks(value: Any) -> Hashable:
    """What tells arguments apart: of a tensor the shape, of a number its type too, for 2 and 2.0 are equal."""
    kind = type(value)
    if kind is tuple:
        return tuple([_looks(part) for part in value])
    if kind is Kept:
        return Kept, value.shape
    return value if kind is str else (kind, repr(value) if kind is float else value)


def _indices(kept: Mapping[str, Any], slot: int) -> list[Operand]:
    """The indices and masks that a step read, which have no edge: operands from `slot` on."""
    found: list[Operand] = []
    for name, value in kept.items():
        if name.startswith(MADE):
            continue
        for k, each in enumerate(value if isinstance(value, tuple) else (value,)):
            if isinstance(each, Kept) and each.value is not None and (each.value.dtype or "").startswith(INDEXING):
                called = f"{name}[{k}]" if isinstance(value, tuple) else name
                found.append(Operand(slot + len(found), called, constant=each.key, value=each.value))
    return found


def _value(kept: Kept) -> Value:
    assert kept.value is not None  # a leaf or result has been met
    return kept.value


def _facts(name: str, call: Call | None, op: Op | None, backward: bool) -> PlainOp:
    """What the record says of a step: what our op is, where it is one, under the name that PyTorch's users know."""
    own = call.op.label.removesuffix("Backward") if call is not None else plain_name(name)
    op_name = call.op.name if call is not None else re.sub(r"\W", "_", snake(own))
    label = f"{own.removesuffix('Backward')}Backward" if backward else own
    count = call.op.multiply_adds if call is not None else MULTIPLY_ADDS.get(name)
    if op is None:
        words = SENTENCES.get(name, "")
        return PlainOp(op_name, label, op_name.replace("_", " "), sentence=words, multiply_adds=count)
    return PlainOp(
        op_name,
        label,
        op.symbol,
        op.category,
        op.elementwise,
        op.broadcasts,
        op.commutes,
        op.sentence,
        count,
        op.ends,
        op.even_chances,
        op.takes_scores,
    )


def _parameters(arguments: Sequence[str], count: int) -> tuple[str, ...]:
    if len(arguments) == count:
        return tuple(arguments)
    return ("x", "y", "z")[:count] if count <= 3 else tuple(f"xs[{k}]" for k in range(count))


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str | slice)
