"""PyTorch autograd graph -> GraphRecord, so that tree, scene and the other readers show models written in PyTorch."""

from __future__ import annotations

import contextlib
import heapq
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from grad_engine.core.define import BY_NAME
from grad_engine.errors import ArgumentError, GraphError, MissingPackageError
from grad_engine.export.torch_ops import (
    Call,
    Step,
    as_our_call,
    plain_name,
    short_name,
    signed,
    snake,
    stand_in,
    trace,
)
from grad_engine.export.torch_scopes import scopes
from grad_engine.record import (
    BackwardRecord,
    FormulaRecord,
    GraphRecord,
    InputRecord,
    LeafChangeRecord,
    NodeRecord,
    RootRecord,
    SourceRecord,
    TensorRecord,
    array_data,
    check,
)
from grad_engine.record.draft import STRETCHES, Draft, RunDraft, attribute, formula_record
from grad_engine.record.strict import MAX_NODES

if TYPE_CHECKING:
    import torch  # type: ignore[import-not-found, unused-ignore]  # it need not be there

Node = Any  # torch.autograd.graph.Node
Key = tuple[Node, int]  # a node and which of its outputs
RESHAPES = ("View", "UnsafeView", "ReshapeAlias")  # the same numbers in the same order
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
    recorder = _Recorder(torch, output, called, model, max_elements, max_nodes)
    record = recorder.record(title, output, gradient, backward)
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


def _is_leaf(node: Node) -> bool:
    return hasattr(node, "variable")  # AccumulateGrad, and nothing else


class _Recorder(Draft):
    """The record of PyTorch's graph: leaves, then ops by age, then the run.

    Values go by node and output, other tensors by id().
    """

    def __init__(
        self, torch: Any, output: Any, names: list[tuple[str, Any, str]], model: Any, max_elements: int, max_nodes: int
    ) -> None:
        self.torch, self.max_elements = torch, max_elements
        self.walk, self.leaves = _walked(output.grad_fn, max_nodes)
        met = set(self.walk)
        self.known: dict[Key, Any] = {}  # the value of a node's output
        self.called: dict[Key | int, tuple[str, str]] = {}  # by node and output, or by id() of a tensor
        order: dict[Node, int] = {}  # leaves that have names are listed as the names are
        self.held: list[Any] = [leaf.variable for leaf in self.leaves]  # keeps alive what is known by id()
        self.by_tensor = {id(leaf.variable): leaf for leaf in self.leaves}
        for name, tensor, source in names:
            made = tensor.grad_fn, tensor.output_nr
            self.called.setdefault(id(tensor) if tensor.grad_fn is None else made, (name, source))
            if tensor.grad_fn in met:
                self.known[made] = tensor
            elif id(tensor) in self.by_tensor:
                order.setdefault(self.by_tensor[id(tensor)], len(order))
        self.known[output.grad_fn, output.output_nr] = output
        self.leaves.sort(key=lambda leaf: order.get(leaf, len(order)))  # stable: the others stay as they were met
        super().__init__(self.walk, self.leaves)
        self.formulas: dict[Any, FormulaRecord] = {}
        owners = {id(tensor): name.rpartition(".")[0] for name, tensor in model.named_parameters()} if model else {}
        leaf_scopes = {leaf: owners[id(leaf.variable)] for leaf in self.leaves if id(leaf.variable) in owners}
        self.scopes = scopes(self.walk, leaf_scopes, model)

    def record(self, title: str | None, output: Any, gradient: Any, backward: bool) -> GraphRecord:
        self.backward = backward
        for leaf in self.leaves:
            self.add_leaf(leaf, self._add((leaf, 0), leaf.variable, "value", requires_grad=True, is_leaf=True))
        kept = [_kept(node) for node in self.walk]
        self._learn(kept)
        for node, each in zip(self.walk, kept, strict=True):
            self.add_node(self._node(node, each))
        end = output.grad_fn, output.output_nr
        return self.graph(
            [RootRecord(self.ids[end[0]], self.tensors[end].id, end[1])],
            [self._run(output, gradient)] if backward else [],
            {"name": "torch", "version": str(self.torch.__version__)},
            title,
        )

    # values

    def _learn(self, kept: Sequence[Mapping[str, Any]]) -> None:
        """Finds the values of results: kept by the op or by one that read it, else worked out again from operands."""
        for each in kept:
            for tensor in _tensors_in(self.torch, each.values()):
                if tensor.grad_fn is not None:
                    self.known.setdefault((tensor.grad_fn, tensor.output_nr), tensor)
        for node in reversed(self.walk):  # what only had its shape changed is known from the other side as well
            below = node.next_functions[0] if node.next_functions else (None, 0)
            if short_name(node.name()) in RESHAPES and below[0] in self.ids and (node, 0) in self.known:
                self.known.setdefault(below, self.known[node, 0].detach().reshape(_outputs(below[0])[below[1]][0]))
        for node, each in zip(self.walk, kept, strict=True):
            if any((node, k) not in self.known for k in range(len(_outputs(node)))):
                for k, tensor in enumerate(self._again(node, each)):
                    self.known.setdefault((node, k), tensor)

    def _again(self, node: Node, kept: Mapping[str, Any]) -> Sequence[Any]:
        """The results of running an op again on the same operands, where all that it was called with is known."""
        shapes = [shape for shape, _ in _outputs(node)]
        if short_name(node.name()) in (*RESHAPES, "Expand"):
            value = self._value(node.next_functions[0])
            if value is None:
                return ()
            with self.torch.no_grad():
                again = value.detach()
                return [again.expand(shapes[0]) if short_name(node.name()) == "Expand" else again.reshape(shapes[0])]
        for overload in _overloads(self.torch, short_name(node.name()), len(node.next_functions)):
            given = self._arguments(overload, node, kept)
            if given is None or self.torch.Tag.nondeterministic_seeded in overload.tags:
                continue
            try:
                with self.torch.no_grad():
                    results = overload(**given)
            except (RuntimeError, TypeError, NotImplementedError):  # not what this overload takes
                continue
            found = [results] if isinstance(results, self.torch.Tensor) else list(results)[: len(shapes)]
            if [tuple(tensor.shape) for tensor in found] == shapes:
                return found
        return ()

    def _arguments(self, overload: Any, node: Node, kept: Mapping[str, Any]) -> dict[str, Any] | None:
        given: dict[str, Any] = {}
        slots = iter(node.next_functions)
        for argument in overload._schema.arguments:
            kind = str(argument.type)
            if "Tensor" in kind:
                value = self._value(next(slots))
                value = kept.get(argument.name) if value is None else value
                if value is None:
                    return None
                given[argument.name] = value.detach()
            elif argument.name in kept:
                given[argument.name] = kept[argument.name]
            elif argument.name not in ("dtype", "memory_format"):  # another dtype is another step, a layout no value
                return None
        return given

    def _value(self, edge: Key) -> Any:
        node = edge[0]
        return node.variable if node is not None and _is_leaf(node) else self.known.get(edge)

    # the forward pass

    def _node(self, node: Node, kept: Mapping[str, Any]) -> NodeRecord:
        name = short_name(node.name())
        outputs = _outputs(node)
        shape = outputs[0][0]
        call = as_our_call(Step(name, len(node.next_functions), kept, shape))
        op = call.op if call is not None else BY_NAME.get(snake(name))
        operands = list(call.operands) if call is not None else list(range(len(node.next_functions)))
        arguments = _argument_names(self.torch, name, len(node.next_functions))
        parameters = call.op.parameters(len(operands)) if call is not None else _parameters(arguments, len(operands))
        inputs: list[InputRecord] = []
        stand_ins: list[Any] = []
        for slot, (parameter, operand) in enumerate(zip(parameters, operands, strict=False)):
            edge, value = self._operand(node, kept, operand, arguments)
            link = None
            if edge is not None:
                link = self.connect(node, operand, edge[0], slot, edge[1]).id
                size = _outputs(edge[0])[edge[1]][0]
                tensor = self.tensors[edge].id
            elif value is not None:
                size = tuple(value.shape) if isinstance(value, self.torch.Tensor) else ()
                tensor = self._seen(value, "constant", is_leaf=True)
            else:
                stand_ins.append(None if call is not None and slot >= call.op.required else stand_in(()))
                continue  # known to PyTorch alone: a gap among the slots
            stretched = op is not None and op.category in STRETCHES and size != shape
            inputs.append(InputRecord(slot, parameter, tensor, link, size if stretched else None))
            stand_ins.append(stand_in(size) if isinstance(value, self.torch.Tensor) or value is None else value)
        keys = [(node, k) for k in range(len(outputs))]
        results = tuple(self._add(key, self.known.get(key), "value", requires_grad=True).id for key in keys)
        saved = dict.fromkeys(self._kept_tensor(tensor) for tensor in _tensors_in(self.torch, kept.values()))
        static = {key: kept[key] for key in kept if "_sym_" not in key}
        if call is not None:
            static = {key: value for key, value in call.static.items() if value != call.op.static.get(key)}
        attributes = {key: attribute(value) for key, value in static.items() if value is not None and _is_plain(value)}
        own = call.op.label.removesuffix("Backward") if call is not None else plain_name(name)
        op_name = call.op.name if call is not None else re.sub(r"\W", "_", snake(own))
        return NodeRecord(
            id=self.ids[node],
            age=len(self.nodes),
            op=op_name,
            name=f"{own.removesuffix('Backward')}Backward" if self.backward else own,
            category=op.category if op is not None else "other",
            symbol=op.symbol if op is not None else op_name.replace("_", " "),
            inputs=tuple(inputs),
            outputs=results,
            saved=tuple(saved),
            attributes=attributes or None,
            scope=self.scopes.get(node, ""),
            formula=self._formula(call, stand_ins, shape, inputs) if call is not None else None,
            source=_source(node),
        )

    def _operand(
        self, node: Node, kept: Mapping[str, Any], operand: int | str, arguments: Sequence[str]
    ) -> tuple[Any, Any]:
        """The edge of an operand, or its value where no gradient flows to it; neither where PyTorch did not keep it."""
        if isinstance(operand, str):
            value = kept.get(operand)
            return None, value if isinstance(value, self.torch.Tensor | int | float) else None
        if operand >= len(node.next_functions):
            return None, None
        receiver, output = node.next_functions[operand]
        if receiver is not None and receiver in self.ids:
            return (receiver, output), None
        value = kept.get(arguments[operand]) if operand < len(arguments) else None
        return None, value if isinstance(value, self.torch.Tensor) else None

    def _kept_tensor(self, tensor: Any) -> str:
        """The id of a tensor that an op kept: an operand's, a result's, or a new one for what is neither."""
        leaf = self.by_tensor.get(id(tensor))
        known = self.tensors.get((tensor.grad_fn, tensor.output_nr) if leaf is None else (leaf, 0))
        return known.id if known is not None else self._seen(tensor, "constant", is_leaf=True)

    def _formula(
        self, call: Call, arrays: Sequence[Any], shape: tuple[int, ...], inputs: Sequence[InputRecord]
    ) -> FormulaRecord:
        """The formulas of one call; calls that look alike share them."""
        edges = {each.slot for each in inputs if each.edge is not None}
        wanted = tuple(slot in edges for slot in range(len(arrays)))
        looks = tuple(array.shape if isinstance(array, np.ndarray) else array for array in arrays)
        key = call.op.name, looks, shape, wanted, repr(call.static)
        if key not in self.formulas:
            tree, rules = trace(call, arrays, stand_in(shape), wanted)
            self.formulas[key] = formula_record(tree, {slot: rule for slot, rule in enumerate(rules) if wanted[slot]})
        return self.formulas[key]

    # the backward run

    def _run(self, output: Any, gradient: Any) -> BackwardRecord:
        seed = self.torch.ones_like(output) if gradient is None else gradient
        happened, gathered = self._happened(output, seed)
        complete: dict[Key, Any] = {(leaf, 0): gathered[leaf] for leaf in gathered}
        complete |= {(node, k): g for node, _, received in happened for k, g in enumerate(received)}
        draft = RunDraft(self.edges[node, slot] for node, shares, _ in happened for slot in shares)
        sums: dict[Key, Any] = {}
        seed_id = self._seen(seed, "seed")
        for node, shares, received in happened:
            draft.ran(self.ids[node], tuple(None if g is None else self._seen(g, "gradient") for g in received))
            for slot, share in shares.items():
                receiver = node.next_functions[slot]
                edge = self.sent(node, slot, _raw_shape(node, tuple(share.shape)), tuple(share.shape))
                told = draft.sent(edge, self._seen(share, "share"))
                sums[receiver] = sums[receiver] + share if receiver in sums else share
                if draft.complete(edge) and complete.get(receiver) is not None:
                    sums[receiver] = complete[receiver]  # PyTorch's own sum
                if told:
                    draft.added(edge, self._seen(sums[receiver], "gradient"))
        changes = [
            LeafChangeRecord(self.ids[leaf], None, self._seen(gathered[leaf], "gradient"))
            for leaf in self.leaves
            if leaf in gathered
        ]
        return draft.run(self.ids[output.grad_fn], seed_id, changes, output.output_nr)

    def _happened(self, output: Any, seed: Any) -> tuple[list[tuple[Node, dict[int, Any], Any]], dict[Node, Any]]:
        """Each node as it ran, with the shares it sent by slot and what it had received; what each leaf gathered."""
        happened: list[tuple[Node, dict[int, Any], Any]] = []

        def noting(node: Node) -> Any:
            def note(shares: Any, received: Any) -> None:
                sent = {slot: share for slot, share in enumerate(shares) if share is not None}
                happened.append((node, {slot: sent[slot] for slot in sent if (node, slot) in self.edges}, received))

            return note

        hooks = [node.register_hook(noting(node)) for node in self.walk]
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
        finally:
            for hook in hooks:
                hook.remove()
        return happened, {leaf: g for leaf, g in zip(self.leaves, found, strict=True) if g is not None}

    # tensors

    def _seen(self, value: Any, role: str, is_leaf: bool = False) -> str:
        """The id of a tensor or number; a tensor met before keeps its own."""
        key = id(value) if isinstance(value, self.torch.Tensor) else object()
        if key not in self.tensors:
            self.held.append(value)
            self._add(key, value, role, is_leaf=is_leaf)
        return self.tensors[key].id

    def _add(self, key: Any, value: Any, role: str, requires_grad: bool = False, is_leaf: bool = False) -> TensorRecord:
        shape, dtype = (), "int64" if isinstance(value, int) else "float64"
        if isinstance(value, self.torch.Tensor):
            shape, dtype = tuple(value.shape), _dtype_name(value.dtype)
        elif value is None:
            (node, k) = key
            shape, kind = _outputs(node)[k]
            dtype = _dtype_name(kind)
        array = _array(self.torch, value)
        data, stats = (None, None) if array is None else array_data(array, self.max_elements)
        of_leaf = isinstance(key, tuple) and _is_leaf(key[0])
        name, source = self.called.get(id(value) if of_leaf or not isinstance(key, tuple) else key, (None, "none"))
        if role not in ("value", "constant"):
            name, source = None, "none"
        self.tensors[key] = TensorRecord(
            f"t{len(self.tensors)}",
            role,
            shape,
            dtype,
            name,
            source,
            requires_grad,
            is_leaf,
            data,
            stats,
            "unknown" if data is None else "",
        )
        return self.tensors[key]


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
            if _is_leaf(below):
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


def _outputs(node: Node) -> list[tuple[tuple[int, ...], Any]]:
    """Shape and dtype of each result of a node."""
    return [(tuple(each.shape), each.dtype) for each in node._input_metadata]


def _raw_shape(node: Node, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a share before PyTorch summed it down to the operand's."""
    op = BY_NAME.get(snake(short_name(node.name())))
    whole: tuple[int, ...] = _outputs(node)[0][0]
    return whole if op is not None and op.category in STRETCHES and len(whole) >= len(shape) else shape


def _kept(node: Node) -> dict[str, Any]:
    """What a node kept for backward, by name; what it will not show (freed, or changed in place since) is left out."""
    kept: dict[str, Any] = {}
    for name in dir(node):
        if name.startswith("_saved_"):
            with contextlib.suppress(RuntimeError):
                kept[name.removeprefix("_saved_")] = signed(getattr(node, name))
    if hasattr(node, "saved_tensors"):  # of a torch.autograd.Function
        with contextlib.suppress(RuntimeError):
            kept |= {f"saved[{k}]": tensor for k, tensor in enumerate(node.saved_tensors)}
    return kept


def _tensors_in(torch: Any, values: Any) -> Iterator[Any]:
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, tuple):
            yield from (part for part in value if isinstance(part, torch.Tensor))


@cache
def _overloads(torch: Any, name: str, slots: int) -> list[Any]:
    """PyTorch's forward functions that a node may be of: those with a tensor per slot, the most arguments first."""
    packet = getattr(torch.ops.aten, snake(name), None)
    if packet is None:
        return []
    found = [getattr(packet, overload) for overload in packet.overloads() if not overload.endswith("out")]
    fitting = [each for each in found if len(_tensor_arguments(each)) == slots]
    return sorted(fitting, key=lambda each: -len(each._schema.arguments))


def _tensor_arguments(overload: Any) -> list[str]:
    kinds = ("Tensor", "Optional[Tensor]")
    return [argument.name for argument in overload._schema.arguments if str(argument.type) in kinds]


@cache
def _argument_names(torch: Any, name: str, slots: int) -> tuple[str, ...]:
    """What PyTorch calls the operands of a node, by slot; nothing where that is not certain."""
    found = {tuple(_tensor_arguments(each)) for each in _overloads(torch, name, slots)}
    return found.pop() if len(found) == 1 else ()


def _parameters(arguments: Sequence[str], count: int) -> tuple[str, ...]:
    if len(arguments) == count:
        return tuple(arguments)
    return ("x", "y", "z")[:count] if count <= 3 else tuple(f"xs[{k}]" for k in range(count))


def _array(torch: Any, value: Any) -> Any:
    """A tensor or number as an array of NumPy; None where it holds no numbers that can be read."""
    if value is None or not isinstance(value, torch.Tensor):
        return None if value is None else np.asarray(value)
    value = value.detach()
    if value.is_meta or value.is_quantized:
        return None
    if value.layout != torch.strided:
        value = value.to_dense()
    value = value.cpu().resolve_conj().resolve_neg()
    try:
        return value.numpy()
    except TypeError:  # bfloat16 and the 8-bit floats, which are exact in 32 bits
        return value.float().numpy()


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
