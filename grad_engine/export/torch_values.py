"""The values of PyTorch's results: noted as they were made, kept by a step, or worked out again from what is known."""

from __future__ import annotations

import contextlib
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

import numpy as np

from grad_engine.export.torch_ops import EXPANSIONS, RESHAPES, SAME_NUMBERS, like_ours, short_name, signed, snake
from grad_engine.record.arrays import Taken, copied, measure_all, taken, written
from grad_engine.record.builder import Value

SMALL = 4096  # bytes of a tensor that is copied at first, and measured with others
MOST_WAITING = 64  # of these

Node = Any  # torch.autograd.graph.Node
Key = tuple[Node, int]  # a node and which of its outputs


Place = tuple[Any, ...]  # where the numbers of a tensor lie: equal for tensors that hold the same at the same time


def place_of(tensor: Any) -> Place | None:
    """Where the numbers of a tensor lie, and what they were written by; None where that is not to be known."""
    try:
        return tensor.data_ptr(), tensor._version, tensor.shape, tensor.stride(), tensor.dtype
    except (RuntimeError, AttributeError, NotImplementedError):  # sparse, jagged, of inference mode; or no tensor
        return None


@cache
def dtype_name(dtype: Any) -> str:
    """The name of a dtype of PyTorch."""
    return str(dtype).removeprefix("torch.")


@dataclass(slots=True)
class Numbers:
    """Takes the numbers of tensors at once, so that these can be let go. `whole`: with histograms and large samples."""

    torch: Any
    max_elements: float = 64
    whole: bool = True
    waiting: list[Taken] = field(default_factory=list)  # small ones, which are measured together
    kind: Any = None  # the class of tensors

    def __post_init__(self) -> None:
        self.kind = self.torch.Tensor

    def __call__(
        self,
        thing: Any,
        like: Mapping[Place | None, Value] | None = None,
        place: Place | None = None,
        same: Value | None = None,
    ) -> Value:
        """What is known of a tensor or number, each measured once.

        like: tensors that may hold the same numbers in another shape, if they lie where `place` says that these lie.
        same: a tensor that holds the same numbers in another shape or order.
        """
        if not isinstance(thing, self.kind):
            array = None if thing is None else np.asarray(thing)
            return Value(array, (), "int64" if isinstance(thing, int) else "float64")
        array, dtype = array_of(self.torch, thing), dtype_name(thing.dtype)
        if array is None:
            return Value(None, () if thing.is_nested else tuple(thing.shape), dtype, absent="unknown")
        return Value(
            None, array.shape, dtype, None, "given", "unknown", None, self._taken(thing, array, like, place, same)
        )

    def _taken(
        self,
        thing: Any,
        array: Any,
        like: Mapping[Place | None, Value] | None,
        place: Place | None,
        same: Value | None,
    ) -> Taken:
        if array.size <= self.max_elements:
            return taken(array, self.max_elements)
        maker = thing.grad_fn
        ends = maker is None or _has_ends(maker.name())
        if self.whole:
            return written(array, self.max_elements, ends=ends)
        if array.nbytes <= SMALL and array.dtype.kind in "fiub":
            return self._waiting(array, ends)
        known = same.taken.brief() if same is not None and same.taken is not None else None
        if known is None and like and place is not None:
            known = _stats_of(place, like)
        return taken(array, self.max_elements, known, ends=ends)

    def _waiting(self, array: Any, ends: bool) -> Taken:
        if len(self.waiting) >= MOST_WAITING:
            waiting, self.waiting = self.waiting, []
            measure_all(waiting)
        found = copied(array, ends=ends)
        self.waiting.append(found)
        return found

    def named(
        self,
        thing: Any,
        name: str | None,
        source: str,
        like: Mapping[Place | None, Value] | None = None,
        place: Place | None = None,
        same: Value | None = None,
    ) -> Value:
        """The same with a name."""
        value = self(thing, like, place, same)
        value.name, value.name_source = name, source
        return value


def _stats_of(place: Place, like: Mapping[Place | None, Value]) -> Any:
    """The statistics of another tensor that holds the same numbers, each once."""
    address, version, shape, strides, dtype = place
    for other, value in like.items():
        if (
            other is not None
            and other[0] == address
            and other[1] == version
            and other[4] is dtype
            and value.taken is not None
            and _region(shape, strides) == _region(*other[2:4])
            and (stats := value.taken.brief()) is not None
        ):
            return stats
    return None


@cache
def _has_ends(name: str) -> bool:
    """Whether the results of a step of this name lie between two ends, as tanh's do."""
    op = like_ours(short_name(name))
    return op is not None and bool(op.ends)


@lru_cache(4096)
def _region(shape: tuple[int, ...], strides: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """Stride and length of the axes, joined where one goes on where another ends: equal for views of the same entries.

    A part of a batch, and the same part cut into heads and transposed, have one region.
    """
    found: list[tuple[int, int]] = []
    for stride, length in sorted(zip(strides, shape, strict=True)):
        if length == 1:
            continue
        if found and found[-1][0] and stride == found[-1][0] * found[-1][1]:
            found[-1] = found[-1][0], found[-1][1] * length
        else:
            found.append((stride, length))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Note:
    """What was noted of a result as it was made: its numbers, and where these lie."""

    value: Value
    place: Place | None


NOTE = "grad_engine result"  # the key under which a node's own dictionary holds its notes, by output


def notes_of(node: Node) -> Mapping[int, Note]:
    """What was noted of the results of a node as they were made, by output."""
    found: Mapping[int, Note] = node.metadata.get(NOTE, {})
    return found


class TorchValues:
    """What is known of the results of some nodes, by node and output, and what each node kept for backward, by name."""

    def __init__(self, torch: Any, nodes: Sequence[Node], known: Mapping[Key, Any], again: bool = True) -> None:
        """nodes: in creation order. known: results that somebody holds. again: whether to work out what is not."""
        self.torch = torch
        self.again = again
        self.known: dict[Key, Any] = dict(known)
        self.above: dict[Key, Node] = {}  # the node whose result is the same in another shape, of which these are known
        tensors: list[Any] = []
        self.kept = {node: _kept(node, tensors) for node in nodes}
        self._learn(tensors)

    def _learn(self, tensors: Sequence[Any]) -> None:
        """Find the values of results: kept by the op or by one that read it, else worked out again from operands."""
        known = self.known
        for tensor in tensors:
            if tensor.grad_fn is not None:
                known.setdefault((tensor.grad_fn, tensor.output_nr), tensor)
        for node in reversed(self.kept):  # what only had its shape changed is known from the other side as well
            if short_name(node.name()) not in RESHAPES or (node, 0) not in known:
                continue
            below, output = edge = node.next_functions[0]
            if below not in self.kept or edge in known:
                continue
            # What was noted is not looked up again, but for what lies further below.
            if output not in notes_of(below) or short_name(below.name()) in RESHAPES:
                known[edge] = known[node, 0].detach().reshape(outputs_of(below)[output][0])
                self.above[edge] = node
        wanted = self._wanted() if self.again else self._untold()
        for node, kept in self.kept.items() if wanted else ():
            if node in wanted:
                for k, tensor in enumerate(self._again(node, kept)):
                    known.setdefault((node, k), tensor)

    def _untold(self) -> set[Node]:
        """The nodes of which nothing was noted or kept, nor of what is the same in another shape or order.

        They are within one function of C++, and seldom: scores of an attention, say.
        """
        untold = {
            node
            for node in self.kept
            for k in range(len(node._input_metadata))
            if (node, k) not in self.known and k not in notes_of(node)
        }
        linked = [
            (node, node.next_functions[0][0])
            for node in self.kept
            if (name := short_name(node.name())) in SAME_NUMBERS or name in EXPANSIONS
        ]
        for node, below in linked:
            if below not in untold:
                untold.discard(node)
        for node, below in reversed(linked):
            if node not in untold:
                untold.discard(below)
        return untold

    def _wanted(self) -> set[Node]:
        """The nodes to run again: those of which a result was neither noted nor kept, and what they read."""
        known, wanted = self.known, set[Node]()
        for node in reversed(self.kept):
            notes = notes_of(node)
            unknown = [k for k in range(len(node._input_metadata)) if (node, k) not in known]
            if unknown and (node in wanted or any(k not in notes for k in unknown)):
                wanted.add(node)
                wanted.update(below for below, _ in node.next_functions if below in self.kept)
        return {node for node in wanted if any((node, k) not in known for k in range(len(node._input_metadata)))}

    def _again(self, node: Node, kept: Mapping[str, Any]) -> Sequence[Any]:
        """The results of running an op again on the same operands, where all that it was called with is known."""
        shapes = [shape for shape, _ in outputs_of(node)]
        name = short_name(node.name())
        if name in RESHAPES | EXPANSIONS:
            value = self._value(node.next_functions[0])
            if value is None:
                return ()
            with self.torch.no_grad():
                again = value.detach()
                return [again.expand(shapes[0]) if name in EXPANSIONS else again.reshape(shapes[0])]
        if name == "ToCopy":
            value = self._value(node.next_functions[0])
            return () if value is None else [value.detach().to(outputs_of(node)[0][1])]
        for overload in _overloads(self.torch, name, len(node.next_functions)):
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
        for name, is_list, is_tensor in _signature(overload):
            if is_list:
                if name not in kept:
                    return None
                given[name] = list(kept[name])
            elif is_tensor:
                value = self._value(next(slots))
                value = kept.get(name) if value is None else value
                if value is None:
                    return None
                given[name] = value.detach()
            elif name in kept:
                given[name] = kept[name]
            elif name not in ("dtype", "memory_format"):  # another dtype is another step, a layout no value
                return None
        return given

    def _value(self, edge: Key) -> Any:
        node = edge[0]
        return node.variable if node is not None and is_leaf(node) else self.known.get(edge)


def is_leaf(node: Node) -> bool:
    """Whether a node is where the gradient of a leaf is summed: AccumulateGrad, and nothing else."""
    return hasattr(node, "variable")


def outputs_of(node: Node) -> list[tuple[tuple[int, ...], Any]]:
    """Shape and dtype of each result of a node."""
    return [(tuple(each.shape), each.dtype) for each in node._input_metadata]


def _kept(node: Node, tensors: list[Any]) -> dict[str, Any]:
    """What a node kept for backward, by name; the tensors of it are added to `tensors`.

    What it will not show (freed, or changed in place since) is left out, and so is what hooks have packed: to unpack it
    may run a part of the model again (a checkpoint), or read a disk.
    """
    kept: dict[str, Any] = {}
    for name, shown, raw in _saved_names(node.__class__):
        try:  # suppress() takes longer than all the rest
            if raw is None:
                kept[shown] = signed(getattr(node, name))
            elif not _is_packed(getattr(node, raw)):
                value = getattr(node, name)
                if isinstance(value, tuple | list):
                    value = tuple(value)
                    tensors += [each for each in value if each is not None]
                elif value is not None:
                    tensors.append(value)
                kept[shown] = value
        except RuntimeError:
            continue
    if hasattr(node, "saved_tensors"):  # of a torch.autograd.Function
        with contextlib.suppress(RuntimeError):
            if not _is_packed(node._raw_saved_tensors):
                kept |= {f"saved[{k}]": tensor for k, tensor in enumerate(node.saved_tensors)}
                tensors += [each for each in node.saved_tensors if each is not None]
    return kept


@cache
def _saved_names(kind: Hashable) -> list[tuple[str, str, str | None]]:
    """The attributes of a kind of node that hold what it kept: name, its own part, that of the raw tensor, if any.

    Sizes and strides are left out: `_input_metadata` of the nodes below has them.
    """
    found = [name for name in dir(kind) if name.startswith("_saved_") and "_sym_" not in name]
    names = set(dir(kind))
    return [(name, name.removeprefix("_saved_"), f"_raw{name}" if f"_raw{name}" in names else None) for name in found]


def _is_packed(raw: Any) -> bool:
    if isinstance(raw, tuple):
        return any(map(_is_packed, raw))
    return getattr(raw, "unpack_hook", None) is not None


def tensors_in(kind: type, values: Any) -> Iterator[Any]:
    """The tensors among kept values, alone or in tuples. `kind`: their class."""
    for value in values:
        if isinstance(value, kind):
            yield value
        elif isinstance(value, tuple):
            yield from (part for part in value if isinstance(part, kind))


@cache
def _overloads(torch: Any, name: str, slots: int) -> list[Any]:
    """PyTorch's forward functions that a node may be of: those with a tensor per slot, the most arguments first."""
    packet = getattr(torch.ops.aten, snake(name), None)
    if packet is None:
        return []
    found = [getattr(packet, overload) for overload in packet.overloads() if not overload.endswith("out")]
    fitting = [each for each in found if len(_tensor_arguments(each)) == slots]
    return sorted(fitting, key=lambda each: -len(each._schema.arguments))


@cache
def _signature(overload: Any) -> list[tuple[str, bool, bool]]:
    """Each argument of a function of PyTorch: its name, whether it is a list of tensors, and whether it is a tensor."""
    kinds = [(argument.name, str(argument.type)) for argument in overload._schema.arguments]
    return [(name, kind.startswith("List") and "Tensor" in kind, "Tensor" in kind) for name, kind in kinds]


def _tensor_arguments(overload: Any) -> list[str]:
    kinds = ("Tensor", "Optional[Tensor]")
    return [argument.name for argument in overload._schema.arguments if str(argument.type) in kinds]


@cache
def argument_names(torch: Any, name: str, slots: int) -> tuple[str, ...]:
    """What PyTorch calls the operands of a node, by slot; nothing where that is not certain."""
    found = {tuple(_tensor_arguments(each)) for each in _overloads(torch, name, slots)}
    return found.pop() if len(found) == 1 else ()


def array_of(torch: Any, value: Any) -> Any:
    """A tensor or number as an array of NumPy; None where it holds no numbers that can be read."""
    if value is None or not isinstance(value, torch.Tensor):
        return None if value is None else np.asarray(value)
    try:
        return (value.detach() if value.requires_grad else value).numpy()
    except (RuntimeError, TypeError):
        value = value.detach()
    if value.is_meta or value.is_quantized or value.is_nested:
        return None
    try:
        if value.layout != torch.strided:
            value = value.to_dense()
        value = value.cpu().resolve_conj().resolve_neg()
        # bfloat16 and the 8-bit floats are exact in 32 bits.
        return value.numpy() if _has_numpy(torch, value.dtype) else value.float().numpy()
    except (RuntimeError, TypeError, NotImplementedError):  # a tensor that stands for others, as under torch.vmap
        return None


@cache
def _has_numpy(torch: Any, dtype: Any) -> bool:
    try:
        torch.empty(0, dtype=dtype).numpy()
    except TypeError:
        return False
    return True
