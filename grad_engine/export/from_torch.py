"""PyTorch autograd graph -> GraphRecord, so that tree, scene and the other readers show models written in PyTorch."""

from __future__ import annotations

import heapq
import re
import sys
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from grad_engine.core.define import BY_NAME
from grad_engine.core.op import Op
from grad_engine.errors import ArgumentError, GraphError, MissingPackageError
from grad_engine.export.torch_explain import explain_torch
from grad_engine.export.torch_ops import Call, Step, as_our_call, plain_name, short_name, snake, stand_in, trace
from grad_engine.export.torch_scopes import scopes
from grad_engine.export.torch_values import (
    Key,
    Node,
    TorchValues,
    argument_names,
    array_of,
    is_leaf,
    outputs_of,
    tensors_in,
)
from grad_engine.record import FormulaRecord, GraphRecord, ParameterRecord, SourceRecord, check
from grad_engine.record.builder import Formula, GraphBuilder, Operand, PlainOp, RunFacts, Value
from grad_engine.record.parts import FROZEN
from grad_engine.record.strict import MAX_NODES

if TYPE_CHECKING:
    import torch  # type: ignore[import-not-found, unused-ignore]  # it need not be there

TRACE_LINE = re.compile(r'  File "(?P<file>.*)", line (?P<line>\d+), in .*\n\s*(?P<code>.*)')


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
        `model` and the random state are put back. explain: False leaves it out, "fc.weight[0,4]" names the entry.

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
    called = _names(torch, names, model, sys._getframe(1).f_locals if names is None else {})
    walk = _Walk(torch, output, called, model, max_elements, max_nodes)
    record = walk.record(title, output, gradient, backward)
    if rerun is not None and backward and explain is not False:
        leaves = [leaf.variable for leaf in walk.leaves]
        follow = "" if explain is True else explain
        found = explain_torch(torch, output, gradient, leaves, record, rerun, model, follow)
        record = replace(record, explain=found)
    check(record)
    return record


def record_own_run(
    output: torch.Tensor,
    run: Callable[[], object],
    *,
    model: torch.nn.Module,
    gradient: torch.Tensor | None = None,
    max_nodes: int = MAX_NODES,
) -> GraphRecord | None:
    """The record of the graph behind `output` and of `run()`, which calls backward on it; None without a parameter.

    The run is the program's own, done once: every `.grad` is what it leaves there. Where the graph reads no parameter
    of `model`, `run()` is called and nothing recorded. Other arguments and errors are those of `from_torch`.
    """
    torch = _torch()
    walk = _Walk(torch, output, _names(torch, {}, model, {}), model, 64, max_nodes)
    if not any(id(parameter) in walk.by_tensor for parameter in model.parameters()):
        run()
        return None
    record = walk.record(None, output, gradient, True, run)
    check(record)
    return record


def _torch() -> Any:
    try:
        return import_module("torch")
    except ImportError:
        raise MissingPackageError("from_torch() needs PyTorch, which is not installed: pip install torch") from None


def _names(
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


class _Walk:
    """PyTorch's graph, told to a builder: leaves, then ops by age, then the run.

    Leaves go by node, values by node and output, other tensors by id().
    """

    def __init__(
        self, torch: Any, output: Any, names: list[tuple[str, Any, str]], model: Any, max_elements: int, max_nodes: int
    ) -> None:
        self.torch = torch
        self.nodes, self.leaves = _walked(output.grad_fn, max_nodes)
        self.builder = GraphBuilder(self.value, max_elements)
        self.by_tensor = {id(leaf.variable): leaf for leaf in self.leaves}
        self.slots: dict[tuple[Node, int], int] = {}  # an edge of PyTorch's node -> the slot it has in the record
        self.held: list[Any] = [leaf.variable for leaf in self.leaves]  # keeps alive what is known by id()
        self.called: dict[Key | int, tuple[str, str]] = {}  # by node and output, or by id() of a tensor
        known: dict[Key, Any] = {}
        order: dict[Node, int] = {}  # leaves that have names are listed as the names are
        met = set(self.nodes)
        for name, tensor, source in names:
            made = tensor.grad_fn, tensor.output_nr
            self.called.setdefault(id(tensor) if tensor.grad_fn is None else made, (name, source))
            if tensor.grad_fn in met:
                known[made] = tensor
            elif id(tensor) in self.by_tensor:
                order.setdefault(self.by_tensor[id(tensor)], len(order))
        known[output.grad_fn, output.output_nr] = output
        self.leaves.sort(key=lambda leaf: order.get(leaf, len(order)))  # stable: the others stay as they were met
        self.values = TorchValues(torch, self.nodes, known)
        self.parameters = [] if model is None else list(model.named_parameters())
        owners = {id(tensor): name.rpartition(".")[0] for name, tensor in self.parameters}
        leaf_scopes = {leaf: owners[id(leaf.variable)] for leaf in self.leaves if id(leaf.variable) in owners}
        self.scopes = scopes(self.nodes, leaf_scopes, model)

    def record(
        self,
        title: str | None,
        output: Any,
        gradient: Any,
        backward: bool,
        own_run: Callable[[], object] | None = None,
    ) -> GraphRecord:
        """The record of all of it, and of a backward run where one is asked for: of `own_run`, where there is one."""
        for leaf in self.leaves:
            self.builder.leaf(leaf, self.value(leaf.variable, id(leaf.variable)))
        for node in self.nodes:
            self.op(node, backward)
        run = self.run(output, gradient, own_run) if backward else None
        if run is not None:
            self.builder.run(run)
        reached = None if run is None else run.leaves()
        root = self.builder.root(output.grad_fn, output.output_nr)
        return self.builder.graph(
            [root],
            {"name": "torch", "version": str(self.torch.__version__)},
            title,
            parameters=[self.parameter(name, each, reached) for name, each in self.parameters],
        )

    def parameter(self, name: str, tensor: Any, reached: Collection[Hashable] | None) -> ParameterRecord:
        """A parameter of the model, and why no gradient reached it."""
        leaf = self.by_tensor.get(id(tensor))
        if leaf is None:
            reason = "no op of this graph reads it" if tensor.requires_grad else FROZEN
        else:
            reason = "" if reached is None or leaf in reached else "backward sent it nothing"
        accumulator = None if leaf is None else self.builder.ids[leaf]
        return ParameterRecord(name, tuple(tensor.shape), _dtype_name(tensor.dtype), accumulator, reason)

    # the forward pass

    def op(self, node: Node, backward: bool) -> None:
        name, kept, shape = short_name(node.name()), self.values.kept[node], outputs_of(node)[0][0]
        count = len(node.next_functions)
        call = as_our_call(Step(name, count, kept, shape))
        ours = call.op if call is not None else BY_NAME.get(snake(name))
        arguments = argument_names(self.torch, name, count)
        positions = call.operands if call is not None else range(count)
        parameters = call.op.parameters(len(positions)) if call is not None else _parameters(arguments, count)
        operands: list[Operand] = []
        stand_ins: list[Any] = []  # what the formula is traced with
        for slot, (parameter, position) in enumerate(zip(parameters, positions, strict=False)):
            operand, size = self.operand(node, slot, parameter, position, arguments)
            if operand is None:  # known to PyTorch alone: a gap among the slots
                stand_ins.append(None if call is not None and slot >= call.op.required else stand_in(()))
                continue
            operands.append(operand)
            stand_ins.append(size)
        wanted = {operand.slot for operand in operands if operand.source is not None}
        static = {key: kept[key] for key in kept if "_sym_" not in key}
        if call is not None:
            static = {key: value for key, value in call.static.items() if value != call.op.static.get(key)}
        scope, number = self.scopes.get(node, ("", None))
        saved = tensors_in(self.torch, kept.values())
        self.builder.op(
            node,
            _facts(name, call, ours, backward),
            operands,
            {(node, k): self.result(node, k) for k in range(len(outputs_of(node)))},
            formula=self.formula(call, stand_ins, shape, wanted) if call is not None else None,
            saved=[(self.key(tensor), partial(self.value, tensor, id(tensor))) for tensor in saved],
            attributes={key: value for key, value in static.items() if value is not None and _is_plain(value)},
            scope=scope,
            call=number,
            source=_source(node),
        )

    def operand(
        self, node: Node, slot: int, parameter: str, position: int | str, arguments: Sequence[str]
    ) -> tuple[Operand | None, Any]:
        """An operand with what stands for it when its op is traced; nothing where PyTorch did not keep it."""
        kept = self.values.kept[node]
        if isinstance(position, int) and position < len(node.next_functions):
            receiver, output = node.next_functions[position]
            if receiver is not None and receiver in self.builder.ids:
                self.slots[node, position] = slot
                return Operand(slot, parameter, receiver, output), stand_in(outputs_of(receiver)[output][0])
            value = kept.get(arguments[position]) if position < len(arguments) else None
            value = value if isinstance(value, self.torch.Tensor) else None
        else:
            value = kept.get(str(position))
        if isinstance(value, self.torch.Tensor):
            key = self.key(value)
            return Operand(slot, parameter, constant=key, value=self.value(value, key)), stand_in(tuple(value.shape))
        if isinstance(value, int | float):
            key = object()
            return Operand(slot, parameter, constant=key, value=self.value(value, key), plain=True), value
        return None, None

    def formula(
        self, call: Call, arrays: Sequence[Any], shape: tuple[int, ...], slots: Collection[int]
    ) -> FormulaRecord:
        """The formulas of one call; those of calls that look alike are traced once."""
        wanted = tuple(slot in slots for slot in range(len(arrays)))
        looks = tuple(array.shape if isinstance(array, np.ndarray) else array for array in arrays)

        def traced() -> Formula:
            tree, rules = trace(call, arrays, stand_in(shape), wanted)
            return Formula(tree, {slot: rule for slot, rule in enumerate(rules) if wanted[slot]})

        return self.builder.formula((call.op.name, looks, shape, wanted, repr(call.static)), traced)[0]

    # tensors

    def key(self, tensor: Any) -> Hashable:
        """What the builder knows a tensor by: that of a leaf or result, else its id()."""
        if (leaf := self.by_tensor.get(id(tensor))) is not None:
            return leaf
        if tensor.grad_fn in self.values.kept:
            return tensor.grad_fn, tensor.output_nr
        self.held.append(tensor)
        return id(tensor)

    def result(self, node: Node, k: int) -> Value:
        """What is known of a result of a node."""
        shape, dtype = outputs_of(node)[k]
        tensor = self.values.known.get((node, k))
        name, source = self.called.get((node, k), (None, "none"))
        if tensor is None:
            return Value(None, shape, _dtype_name(dtype), name, source, "unknown")
        return self.value(tensor, (node, k))

    def value(self, thing: Any, key: Any = None) -> Value:
        """What is known of a tensor or number; `key` is what its name goes by."""
        name, source = self.called.get(key, (None, "none")) if key is not None else (None, "none")
        array = array_of(self.torch, thing)
        if isinstance(thing, self.torch.Tensor):
            return Value(array, tuple(thing.shape), _dtype_name(thing.dtype), name, source, "unknown")
        return Value(array, (), "int64" if isinstance(thing, int) else "float64", name, source)

    # the backward run

    def run(self, output: Any, gradient: Any, own_run: Callable[[], object] | None = None) -> RunFacts:
        seed = self.torch.ones_like(output) if gradient is None else gradient
        before: dict[Node, Any] = {}
        with self.noting() as happened:
            if own_run is None:
                gathered = self.gathered(output, seed)
            else:
                held = {leaf: leaf.variable.grad for leaf in self.leaves if leaf.variable.grad is not None}
                before = {leaf: grad.detach().clone() for leaf, grad in held.items()}  # a run adds to it in place
                gathered = self.gathered_by(own_run)
        complete: dict[Key, Any] = {(leaf, 0): gathered[leaf] for leaf in gathered}
        complete |= {(node, k): g for node, _, received in happened for k, g in enumerate(received)}
        waiting = Counter(node.next_functions[position] for node, shares, _ in happened for position in shares)
        sums: dict[Key, Any] = {}
        run = RunFacts(output.grad_fn, seed, output.output_nr)
        for node, shares, received in happened:
            run.ran(node, received)
            for position, share in shares.items():
                receiver, shape = node.next_functions[position], tuple(share.shape)
                waiting[receiver] -= 1
                sums[receiver] = sums[receiver] + share if receiver in sums else share
                if not waiting[receiver] and complete.get(receiver) is not None:
                    sums[receiver] = complete[receiver]  # PyTorch's own sum
                raw = _raw_shape(node, shape)
                run.sent(node, self.slots[node, position], raw, shape, share, sums[receiver])
        for leaf in self.leaves:
            if leaf in gathered:
                after = leaf.variable.grad if own_run is not None else gathered[leaf]
                run.changed(leaf, before.get(leaf), gathered[leaf] if after is None else after)
        return run

    @contextmanager
    def noting(self) -> Iterator[list[tuple[Node, dict[int, Any], Any]]]:
        """A list that fills with each node as it runs, with the shares it sent and what it had received."""
        happened: list[tuple[Node, dict[int, Any], Any]] = []

        def noting(node: Node) -> Any:
            def note(shares: Any, received: Any) -> None:
                sent = {slot: share for slot, share in enumerate(shares) if share is not None}
                happened.append((node, {slot: sent[slot] for slot in sent if (node, slot) in self.slots}, received))

            return note

        hooks = [node.register_hook(noting(node)) for node in self.nodes]
        try:
            yield happened
        finally:
            for hook in hooks:
                hook.remove()

    def gathered(self, output: Any, seed: Any) -> dict[Node, Any]:
        """What each leaf gathers in a run of our own, which leaves every `.grad` as it is."""
        leaves = [leaf.variable for leaf in self.leaves]
        try:
            found = (
                self.torch.autograd.grad(output, leaves, seed, retain_graph=True, allow_unused=True) if leaves else ()
            )
        except RuntimeError as error:
            raise GraphError(
                f"PyTorch could not run backward: {str(error).splitlines()[0]} Call from_torch() before backward, or "
                "after backward(retain_graph=True), or with backward=False to see the structure alone"
            ) from error
        return {leaf: g for leaf, g in zip(self.leaves, found, strict=True) if g is not None}

    def gathered_by(self, own_run: Callable[[], object]) -> dict[Node, Any]:
        """What each leaf gathers in a run of the program's own."""
        found: dict[Node, Any] = {}

        def noting(leaf: Node) -> Any:
            def note(received: Any) -> None:
                if received[0] is not None:
                    found[leaf] = received[0]

            return note

        hooks = [leaf.register_prehook(noting(leaf)) for leaf in self.leaves]
        try:
            own_run()
        finally:
            for hook in hooks:
                hook.remove()
        return found


def _walked(root: Node, max_nodes: int) -> tuple[list[Node], list[Node]]:
    """The op nodes in creation order, and the leaves as they are met from there.

    Sequence numbers count per thread, so they only decide where the edges leave a choice.
    """
    users: dict[Node, int] = {root: 0}  # how many edges lead to a node
    leaves: dict[Node, None] = {}
    pending = [root]
    while pending:
        for below, _ in pending.pop().next_functions:
            if below is None:
                continue
            if is_leaf(below):
                leaves[below] = None
                continue
            if below not in users:
                users[below] = 0
                pending.append(below)
            users[below] += 1
        if len(users) > max_nodes:
            raise GraphError(
                f"the graph has more than {max_nodes:,} ops, which is what a record holds at most; pass max_nodes= to "
                "raise the limit, or a tensor from further down"
            )
    newest = [(-node._sequence_nr(), k, node) for k, node in enumerate(users) if not users[node]]
    places = {node: k for k, node in enumerate(users)}
    nodes = []
    while newest:
        node = heapq.heappop(newest)[2]
        nodes.append(node)
        for below, _ in node.next_functions:
            if below in users:
                users[below] -= 1
                if not users[below]:
                    heapq.heappush(newest, (-below._sequence_nr(), places[below], below))
    nodes.reverse()
    order = dict.fromkeys(below for node in nodes for below, _ in node.next_functions if below in leaves)
    return nodes, list(order)


def _facts(name: str, call: Call | None, op: Op | None, backward: bool) -> PlainOp:
    """What the record says of a step: what our op is, where it is one, under the name that PyTorch's users know."""
    own = call.op.label.removesuffix("Backward") if call is not None else plain_name(name)
    op_name = call.op.name if call is not None else re.sub(r"\W", "_", snake(own))
    label = f"{own.removesuffix('Backward')}Backward" if backward else own
    if op is None:
        return PlainOp(op_name, label, op_name.replace("_", " "))
    return PlainOp(op_name, label, op.symbol, op.category, op.elementwise, op.broadcasts, op.commutes, op.sentence)


def _raw_shape(node: Node, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a share before PyTorch summed it down to the operand's."""
    op = BY_NAME.get(snake(short_name(node.name())))
    whole: tuple[int, ...] = outputs_of(node)[0][0]
    return whole if op is not None and op.broadcasts and len(whole) >= len(shape) else shape


def _parameters(arguments: Sequence[str], count: int) -> tuple[str, ...]:
    if len(arguments) == count:
        return tuple(arguments)
    return ("x", "y", "z")[:count] if count <= 3 else tuple(f"xs[{k}]" for k in range(count))


def _dtype_name(dtype: Any) -> str:
    return str(dtype).removeprefix("torch.")


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str | slice)


def _source(node: Node) -> SourceRecord | None:
    """The last line of the program itself that led to the op, where anomaly detection noted how it was called."""
    notes = node.metadata.get("traceback_")
    lines = [
        found for note in notes or () if (found := TRACE_LINE.match(note)) and "torch" not in Path(found["file"]).parts
    ]
    if not lines:
        return None
    return SourceRecord(lines[-1]["file"], int(lines[-1]["line"]), lines[-1]["code"].strip())
