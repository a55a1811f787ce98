"""The values of PyTorch's results: kept by a step for backward, or worked out again from what is known."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from grad_engine.export.torch_ops import EXPANSIONS, RESHAPES, short_name, signed, snake

Node = Any  # torch.autograd.graph.Node
Key = tuple[Node, int]  # a node and which of its outputs


class TorchValues:
    """What is known of the results of some nodes, by node and output, and what each node kept for backward, by name."""

    def __init__(self, torch: Any, nodes: Sequence[Node], known: Mapping[Key, Any]) -> None:
        """nodes: in creation order. known: results that somebody holds."""
        self.torch = torch
        self.known: dict[Key, Any] = dict(known)
        self.kept = {node: _kept(node) for node in nodes}
        self._learn()

    def _learn(self) -> None:
        """Find the values of results: kept by the op or by one that read it, else worked out again from operands."""
        for kept in self.kept.values():
            for tensor in tensors_in(self.torch, kept.values()):
                if tensor.grad_fn is not None:
                    self.known.setdefault((tensor.grad_fn, tensor.output_nr), tensor)
        for node in reversed(self.kept):  # what only had its shape changed is known from the other side as well
            below = node.next_functions[0] if node.next_functions else (None, 0)
            if short_name(node.name()) in RESHAPES and below[0] in self.kept and (node, 0) in self.known:
                self.known.setdefault(below, self.known[node, 0].detach().reshape(outputs_of(below[0])[below[1]][0]))
        for node, kept in self.kept.items():
            if any((node, k) not in self.known for k in range(len(outputs_of(node)))):
                for k, tensor in enumerate(self._again(node, kept)):
                    self.known.setdefault((node, k), tensor)

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
        return node.variable if node is not None and is_leaf(node) else self.known.get(edge)


def is_leaf(node: Node) -> bool:
    """Whether a node is where the gradient of a leaf is summed: AccumulateGrad, and nothing else."""
    return hasattr(node, "variable")


def outputs_of(node: Node) -> list[tuple[tuple[int, ...], Any]]:
    """Shape and dtype of each result of a node."""
    return [(tuple(each.shape), each.dtype) for each in node._input_metadata]


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


def tensors_in(torch: Any, values: Any) -> Iterator[Any]:
    """The tensors among kept values, alone or in tuples."""
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
def argument_names(torch: Any, name: str, slots: int) -> tuple[str, ...]:
    """What PyTorch calls the operands of a node, by slot; nothing where that is not certain."""
    found = {tuple(_tensor_arguments(each)) for each in _overloads(torch, name, slots)}
    return found.pop() if len(found) == 1 else ()


def array_of(torch: Any, value: Any) -> Any:
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
