"""Which module of a PyTorch model an op belongs to: noted while the model runs, or read off its graph afterwards.

Every node of a graph has a number, which counts up in each thread. A module that ran from number 40 to number 52 made
the nodes 40 to 51, but for those that modules inside of it made: whatever it was given and whatever it returned.
"""

from __future__ import annotations

import sys
import threading
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grad_engine.export.torch_ops import RESHAPES, short_name

if TYPE_CHECKING:
    import torch  # type: ignore[import-not-found, unused-ignore]  # it need not be there

Node = Any  # torch.autograd.graph.Node
COMPILED = "_compiled_call_impl"  # the attribute of a module that holds what module.compile() made
OPEN = 2**63  # the end of a call that is under way
MOST_CONTEXTS = 32  # whose notes are kept for from_torch(), in each thread


@dataclass(slots=True)
class Called:
    """One call of a module: the numbers of the nodes that were made in it, from `start` up to `end`."""

    start: int
    name: str
    number: int  # which call of the module it was, from 0
    outer: Called | None
    end: int = OPEN


@dataclass(slots=True)
class _Thread:
    starts: list[int] = field(default_factory=list)
    calls: list[Called] = field(default_factory=list)  # in the order of their starts
    current: Called | None = None


class ModuleCalls:
    """The calls of the modules of a model while `noting` was on, in every thread."""

    def __init__(self) -> None:
        self.threads: dict[int, _Thread] = {}
        self.counts = Counter[str]()

    @contextmanager
    def noting(
        self, model: torch.nn.Module, compiled: Callable[[Callable[[], Any]], Any] | None = None
    ) -> Iterator[None]:
        """A context in which the calls of the modules of `model` are noted. No hook is left on it afterwards.

        compiled: runs the call of a module that was compiled in place, by `module.compile()`, which takes no hooks.
        """
        with ExitStack() as hooks:
            for name, module in _compiled_modules(model) if compiled is not None else ():
                hooks.callback(setattr, module, COMPILED, getattr(module, COMPILED))
                setattr(module, COMPILED, self._run_compiled(name, getattr(module, COMPILED), compiled))
            for name, module in open_modules(model):
                if name:
                    enter, leave = self._hooks(name)
                    hooks.callback(module.register_forward_pre_hook(enter).remove)
                    hooks.callback(module.register_forward_hook(leave).remove)
            yield

    def _run_compiled(self, name: str, call: Any, compiled: Callable[[Callable[[], Any]], Any] | None) -> Any:
        enter, leave = self._hooks(name) if name else (None, None)

        def run(*args: Any, **kwargs: Any) -> Any:
            if enter is not None:
                enter(None, args)
            assert compiled is not None
            result = compiled(lambda: call(*args, **kwargs))
            if leave is not None:
                leave(None, args, result)
            return result

        return run

    def _hooks(self, name: str) -> tuple[Any, Any]:
        torch = sys.modules["torch"]
        number, compiling = torch._C._autograd._get_sequence_nr, torch.compiler.is_compiling
        threads, counts, ident = self.threads, self.counts, threading.get_ident

        def enter(module: Any, args: Any) -> None:
            if compiling():  # what is compiled is the program alone
                return
            thread = threads.get(ident())
            if thread is None:
                thread = threads[ident()] = _Thread()
            thread.current = Called(number(), name, counts[name], thread.current)
            counts[name] += 1
            thread.starts.append(thread.current.start)
            thread.calls.append(thread.current)

        def leave(module: Any, args: Any, output: Any) -> None:
            if compiling():
                return
            thread = threads.get(ident())
            while thread is not None and (call := thread.current) is not None:
                call.end, thread.current = number(), call.outer
                if call.name == name:  # a module inside that raised has not left
                    return

        return enter, leave

    @property
    def under_way(self) -> str:
        """The module that is running in this thread; "" for none."""
        thread = self.threads.get(threading.get_ident())
        return "" if thread is None or thread.current is None else thread.current.name

    def forget(self) -> None:
        """Let go of the calls that are over."""
        for thread in self.threads.values():
            if thread.current is None:
                thread.starts.clear()
                thread.calls.clear()
        self.counts.clear()

    def scope(self, sequence: int) -> tuple[str, int] | None:
        """The innermost module that made the node of this number, and which call of it; None where none did."""
        mine = self.threads.get(threading.get_ident())
        if mine is not None and len(self.threads) == 1:
            call = _innermost(mine, sequence)
            return None if call is None else (call.name, call.number)
        others = [thread for thread in self.threads.values() if thread is not mine]
        found = [call for thread in ([mine] if mine else []) + others if (call := _innermost(thread, sequence))]
        if not found:
            return None
        if mine is None and len(found) > 1:  # each thread counts its own nodes: it could be that of any
            return _common([call.name for call in found]), 0
        return found[0].name, found[0].number


def _innermost(thread: _Thread, sequence: int) -> Called | None:
    k = bisect_right(thread.starts, sequence)
    call: Called | None = thread.calls[k - 1] if k else None
    while call is not None and call.end <= sequence:
        call = call.outer
    return call


def open_modules(model: Any) -> Iterator[tuple[str, Any]]:
    """The modules of a model by name, without those inside a compiled one, whose hooks would be compiled as well."""
    closed: list[str] = []
    for name, module in model.named_modules():
        if any(name.startswith(outer) for outer in closed):
            continue
        if is_closed(module):
            closed.append(f"{name}." if name else "")
            if not hasattr(module, "_orig_mod"):  # it takes no hooks, or compiles them
                continue
        yield name, module


def _compiled_modules(model: Any) -> Iterator[tuple[str, Any]]:
    """The outermost modules that were compiled in place, by name."""
    closed: list[str] = []
    for name, module in model.named_modules():
        if any(name.startswith(outer) for outer in closed):
            continue
        if is_closed(module):
            closed.append(f"{name}." if name else "")
            if getattr(module, COMPILED, None) is not None:
                yield name, module


def is_closed(module: Any) -> bool:
    """Whether torch.compile() or torch.jit has taken a module over."""
    return (
        isinstance(module, sys.modules["torch"].jit.ScriptModule)
        or getattr(module, COMPILED, None) is not None
        or ("dynamo_ctx" in vars(module) and hasattr(module, "_orig_mod"))  # hasattr of what a module lacks is slow
    )


class _Noted(threading.local):
    """The notes of the last contexts of this thread, for from_torch()."""

    def __init__(self) -> None:
        self.calls: deque[ModuleCalls] = deque(maxlen=MOST_CONTEXTS)


NOTED = _Noted()


@contextmanager
def module_scopes(model: torch.nn.Module) -> Iterator[None]:
    """A context in which it is noted which module of `model` makes which op, for `from_torch` in the same thread.

    Scopes are the dotted names of `model.named_modules()`; ops outside of any child have none. Without this context
    `from_torch(..., model=model)` finds out as much as the graph tells.
    """
    NOTED.calls.append(ModuleCalls())
    with NOTED.calls[-1].noting(model):
        yield


def scopes(
    nodes: Sequence[Node],
    leaves: Mapping[Node, str],
    model: Any,
    calls: ModuleCalls | None = None,
    data: Callable[[Node], bool] = lambda node: False,
) -> dict[Node, tuple[str, int | None]]:
    """The module of each op by its dotted name, and which call of it, where that was noted; others are left out.

    nodes: in creation order. leaves: the module that owns each parameter. data: whether a node reads more than its
    edges lead to, as an embedding reads indices: what it makes is no parameter.

    What was noted counts, in `calls` or else in the contexts of `module_scopes`. Else an op that reads parameters is in
    the module that owns them, and an op that ran between two of these is in the innermost module that holds both, for a
    module runs from its first op to its last without a break; where that is a Sequential and one of its children stands
    between theirs, in that child. A parameter read for the second time says that some module was called again, and what
    ran just before it could be anywhere.
    """
    noted: dict[Node, tuple[str, int | None]] = {}
    contexts = [calls] if calls is not None else list(NOTED.calls)[::-1]
    for node in nodes:
        number = node._sequence_nr()
        for context in contexts:
            if (home := context.scope(number)) is not None:
                noted[node] = home
                break
    if noted or calls is not None:
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
        # It reads nothing else: a transposed weight is still that weight.
        if len(found) == len(below) and not data(node):
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
