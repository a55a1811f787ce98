"""Which module of a PyTorch model an op belongs to: noted while the model runs, or read off its graph afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any

from grad_engine.export.torch_ops import RESHAPES, short_name

if TYPE_CHECKING:
    import torch  # type: ignore[import-not-found, unused-ignore]  # it need not be there

Node = Any  # torch.autograd.graph.Node

NOTE = "grad_engine scope"  # the key under which a node's own dictionary holds its scope


@contextmanager
def module_scopes(model: torch.nn.Module) -> Iterator[None]:
    """A context in which every op that `model` records is marked with the module that ran it, for `from_torch`.

    Scopes are the dotted names of `model.named_modules()`; ops outside of any child have none. Without this context
    `from_torch(..., model=model)` finds out as much as the graph tells.
    """
    with ExitStack() as hooks:
        for name, module in model.named_modules():
            if name:
                hooks.enter_context(_noting(name, module))
        yield


@contextmanager
def _noting(name: str, module: Any) -> Iterator[None]:
    outside: list[set[Node]] = []  # what was there before, one entry per call that is under way
    calls = count()

    def enter(module: Any, args: Any, kwargs: Any) -> None:
        outside.append({tensor.grad_fn for tensor in _tensors((args, kwargs)) if tensor.grad_fn is not None})

    def leave(module: Any, args: Any, kwargs: Any, output: Any) -> None:
        seen, number = outside.pop(), next(calls)
        pending = [tensor.grad_fn for tensor in _tensors(output)]
        while pending:
            node = pending.pop()
            if node is None or node in seen or hasattr(node, "variable"):
                continue
            seen.add(node)
            node.metadata.setdefault(NOTE, (name, number))  # modules inside this one have left before, and noted theirs
            pending += [below for below, _ in node.next_functions]

    hooks = (
        module.register_forward_pre_hook(enter, with_kwargs=True),
        module.register_forward_hook(leave, with_kwargs=True),
    )
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _tensors(value: Any) -> Iterator[Any]:
    """The tensors in what a module takes or gives: alone, or in tuples, lists and dictionaries."""
    if hasattr(value, "grad_fn"):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _tensors(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _tensors(part)


def scopes(nodes: Sequence[Node], leaves: Mapping[Node, str], model: Any) -> dict[Node, tuple[str, int | None]]:
    """The module of each op by its dotted name, and which call of it, where that was noted; others are left out.

    nodes: in creation order. leaves: the module that owns each parameter. What was noted counts. Else an op that reads
    parameters is in the module that owns them, and an op that ran between two of these is in the innermost module that
    holds both, for a module runs from its first op to its last without a break; where that is a Sequential and one of
    its children stands between theirs, in that child. A parameter read for the second time says that some module was
    called again, and what ran just before it could be anywhere.
    """
    noted = {node: node.metadata[NOTE] for node in nodes if NOTE in node.metadata}
    if noted:
        return noted
    owners: dict[Node, str] = {}
    prepared: dict[Node, tuple[str, set[Node]]] = {leaf: (scope, {leaf}) for leaf, scope in leaves.items()}
    read: set[Node] = set()  # parameters
    last: str | None = None
    waiting: list[Node] = []
    for node in nodes:
        below = [each for each, _ in node.next_functions]
        found = [prepared[each] for each in below if each in prepared]
        if not found:
            waiting.append(node)
            continue
        owner, parameters = _common([scope for scope, _ in found]), set().union(*(some for _, some in found))
        direct = {each for each in below if each in leaves}
        if len(found) == len(below):  # it reads nothing else: a transposed weight is still that weight
            prepared[node] = owner, parameters
        owners[node] = owner
        if last is not None and not direct & read:
            for each in waiting:
                owners[each] = _between(each, last, owner, model)
        read |= direct
        last, waiting = owner, []
    # A reshape is part of a Linear on three axes as well as of a Flatten: see _between.
    return {node: (scope, None) for node, scope in owners.items() if scope}


def _between(node: Node, before: str, after: str, model: Any) -> str:
    shared = _common([before, after])
    parent = model.get_submodule(shared)
    children = {f"{shared}.{name}".lstrip("."): k for k, (name, _) in enumerate(parent.named_children())}
    if type(parent).__name__ != "Sequential" or before not in children or after not in children:
        return shared
    between = [name for name, k in children.items() if children[before] < k < children[after]]
    return between[0] if len(between) == 1 and short_name(node.name()) not in RESHAPES else shared


def _common(scopes: Sequence[str]) -> str:
    """The innermost module that holds all of these."""
    first, *others = (scope.split(".") for scope in scopes)
    for other in others:
        same = next((k for k, (a, b) in enumerate(zip(first, other, strict=False)) if a != b), None)
        first = first[: min(len(first), len(other)) if same is None else same]
    return ".".join(first)
