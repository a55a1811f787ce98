"""`watch`: the record of a training step that runs as it always does."""

from __future__ import annotations

import functools
import gc
import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cache, wraps
from math import isfinite
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from grad_engine.core.chain_rule import newest_first
from grad_engine.core.checks import edge_of
from grad_engine.core.grad_mode import is_grad_enabled
from grad_engine.core.observe import handed_runs
from grad_engine.core.tensor import Tensor
from grad_engine.errors import ArgumentError, GraphError
from grad_engine.export.from_tensor import record_graph
from grad_engine.export.page import PageFrame, show_page
from grad_engine.health import History, Report, report_of
from grad_engine.interop.remarks import Remarks, evaluation_in_training, training_in_evaluation
from grad_engine.nn import Module
from grad_engine.nn.layers import Dropout, _BatchNorm
from grad_engine.record import GraphRecord, ParameterRecord
from grad_engine.record.arrays import norm_of
from grad_engine.record.collector import collection_paused
from grad_engine.record.index import measure
from grad_engine.record.parts import FROZEN, UNREACHED, UNREAD
from grad_engine.record.strict import MAX_NODES

if TYPE_CHECKING:
    import torch  # type: ignore[import-not-found, unused-ignore]  # it need not be there

    from grad_engine.export.torch_graph import TorchGraph

MOST_RUNS = 16  # of one record
SMALL = 10_000  # parameters of a model that is recorded with all that there is to know

NOTHING = (
    "no backward run was recorded in the block of watch(): call loss.backward() or watched.backward(loss) inside it, "
    "on a loss that depends on a parameter of the model"
)


class watch:
    """A context in which backward is recorded: `with ge.watch(model) as watched:` around forward and backward.

    model: a torch.nn.Module or a module of `grad_engine.nn`. With PyTorch, every run inside the block is recorded:
    `loss.backward()`, `torch.autograd.backward()`, `torch.autograd.grad()`; with `grad_engine.nn`, every
    `loss.backward()` of the block's own thread. All runs of the block that reach a parameter of the model are in one
    record, up to sixteen; after these it begins anew. Parameters have their names in the model. A run
    from several results at once starts, in the record, from a step `several_roots` that stands for their sum.

    shares: "norms" measures large tensors (norm, range, zeros, NaN, a few entries) as they come by and lets them go;
    "all" adds histograms, larger samples and partial sums, which takes ten times as long. By default small models, of
    up to 10,000 parameters, are recorded with "all". Tensors of up to 64 elements are always recorded in full.

    optimizer: the one whose `step()` is called in the block. Then the report tells too how far the step after the
    last recorded run moved each parameter, ‖change‖ / ‖value‖; about 0.001 is healthy. It copies them for the time.

    every: record only each so many-th run, for a block around a whole training: `watched.history` keeps the report of
    each of them, and `watched.record` is that of the last one. The first run counts as 0 and is recorded.

    Afterwards `watched.record` is the record, `watched.report()` says what is wrong, `watched.page()` shows it in a
    notebook, and `ge.export_graph(watched)` writes it to a file. The record is made when it is first asked for. Where
    the block raised, it holds what ran until then, and its `stopped` says where that was.

    Every gradient is bitwise what it is outside: the run is the program's own, done once. The one exception: PyTorch
    computes frozen attention layers in evaluation mode by another way, the fast path, which is off in the block, so
    that results may differ by rounding. After the block no hook is left on the model, also where forward raised.

    Raises ArgumentError for another model or option; GraphError at the end of a block without a recorded run, and for
    a graph that is larger than a record holds.
    """

    def __init__(
        self,
        model: torch.nn.Module | Module,
        *,
        optimizer: Any = None,
        shares: str | None = None,
        every: int | None = None,
    ) -> None:
        if shares not in (None, "all", "norms"):
            raise ArgumentError(f'shares is "all", "norms" or None, got {shares!r}')
        if every is not None and (not isinstance(every, int) or isinstance(every, bool) or every < 1):
            raise ArgumentError(f"every is a number of runs from 1 on, got {every!r}")
        if optimizer is not None and not callable(getattr(optimizer, "step", None)):
            raise ArgumentError(f"optimizer is an optimizer with a step(), got {type(optimizer).__name__}")
        self.history = History()
        self._optimizer = optimizer
        self._updates: dict[str, float] = {}  # of the last step that was measured
        self._is_due = False  # whether the next step is to be measured
        self._is_told = True  # whether the record has these updates
        self._model: Any = model
        self._every = every
        self._count = 0  # runs that reached the model
        self._record: GraphRecord | None = None
        self._inside = ExitStack()
        self._open = False
        self._step = _OurStep(model) if isinstance(model, Module) else _TorchStep(_torch_of(model), model, shares)

    def __enter__(self) -> watch:
        if self._open or self._model is None:
            raise ArgumentError("this watch() has been entered before; write another ge.watch(model) for another block")
        self._open = True
        self._inside.enter_context(self._step.noting(self._backward))
        if self._optimizer is not None:
            self._inside.enter_context(_around_step(self._optimizer, self._measure))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open, self._model = False, None
        self._inside.close()
        self._optimizer = None
        self._step.end(error)
        if error is None and not self._has_record():
            raise GraphError(self._step.nothing)

    def _has_record(self) -> bool:
        return self._record is not None or self._step.runs > 0

    @property
    def record(self) -> GraphRecord:
        """The record of the backward runs of the block. Raises GraphError where there is none."""
        if self._step.changed:
            self._record, self._step.changed, self._is_told = self._step.record(), False, not self._updates
        if self._record is None:
            raise GraphError(self._step.nothing)
        if not self._is_told:
            told = (replace(each, update=self._updates.get(each.name)) for each in self._record.parameters)
            self._record, self._is_told = replace(self._record, parameters=tuple(told)), True
        return self._record

    def report(self) -> Report:
        """What is wrong, in sentences, and the norms of parameters and gradients, as `ge.report` tells it."""
        return report_of(self.record)

    def page(self, **options: Any) -> PageFrame:
        """The page of the record, as the last line of a notebook cell; options are those of `ge.show_page`."""
        return show_page(self.record, **options)

    def backward(self, loss: Any, gradient: Any = None, **options: Any) -> None:
        """Run `loss.backward(gradient, **options)` and record it. Raises ArgumentError for what has no such run."""
        if not self._open:
            raise ArgumentError("watched.backward(loss) is called inside the block of watch()")
        self._step.check(loss)
        if isinstance(self._step, _OurStep):
            loss.backward(gradient, **options)  # as every run of the block it is recorded
        else:
            self._backward(_Start((loss,), (gradient,), options), lambda: loss.backward(gradient, **options))

    def _backward(self, start: _Start, run: Callable[[], Any]) -> Any:
        """What a backward run returns; it is recorded where its turn has come."""
        if not self._step.reaches(start):
            return run()
        self._updates = {}
        number, due = self._count, self._every is None or self._count % self._every == 0
        if start.options.get("create_graph"):  # a part of the step, which a later run differentiates
            return self._step.run(start, run) if due else run()
        self._count += 1
        try:
            return self._step.run(start, run) if due else run()
        finally:
            self._is_due = due
            if self._every is not None:
                if due and self._step.runs:
                    self.history.add(number, self.record)
                self._step.rest(self._count % self._every != 0)

    def _measure(self, step: Callable[[], Any]) -> Any:
        """Run a step of the optimizer, and measure how far it moved each parameter that has a gradient."""
        if not self._is_due:
            return step()
        before = self._step.copies()
        result = step()
        self._is_due, self._is_told = False, False
        self._updates = self._step.updates(before)
        if len(self.history):
            self.history.renew(self.record)
        return result


class _Step(Protocol):
    """What watches the runs of one library."""

    nothing: str  # what to say where no run was recorded
    changed: bool  # whether there is more than was in the last record
    runs: int  # how many the next record holds

    def noting(self, backward: _Backward) -> AbstractContextManager[None]:
        """A context in which calls are noted, and each backward run is handed to `backward`."""

    def check(self, loss: Any) -> None:
        """Raise ArgumentError for what is no tensor."""

    def reaches(self, start: _Start) -> bool:
        """Whether a run from here is to be recorded."""

    def run(self, start: _Start, run: Callable[[], Any]) -> Any:
        """What the run returns, which is recorded."""

    def record(self) -> GraphRecord | None:
        """The record of all runs since the last rest."""

    def copies(self) -> dict[str, Any]:
        """A copy of each parameter that has a gradient, by name."""

    def updates(self, before: dict[str, Any]) -> dict[str, float]:
        """‖change‖ / ‖value‖ of each parameter since its copy was made; those that were 0 are left out."""

    def rest(self, idle: bool) -> None:
        """A recorded step is over: let go of it, and note nothing while `idle`."""

    def end(self, error: BaseException | None) -> None:
        """The block is over: let go of model and graphs."""


@dataclass(frozen=True, slots=True)
class _Start:
    """Where a backward run starts, and what it was called with."""

    roots: tuple[Any, ...]
    seeds: tuple[Any, ...]  # of each root; None for ones
    options: Mapping[str, Any]
    inputs: tuple[Any, ...] | None = None  # whose gradients are returned; None where they are added to `.grad`


_Backward = Callable[[_Start, Callable[[], Any]], Any]


class _OurStep:
    """Runs of our own tensors."""

    nothing = NOTHING

    def __init__(self, model: Module) -> None:
        self.model: Module | None = model
        self.changed, self.runs = False, 0
        self.is_first = True
        self.losses: list[Tensor] = []
        self.kept: GraphRecord | None = None
        self.running = False
        self.remarks: dict[str, None] = {}

    @contextmanager
    def noting(self, backward: _Backward) -> Iterator[None]:
        def handed(root: Tensor, gradient: Any, options: Mapping[str, bool], run: Callable[..., None]) -> None:
            if self.running:  # this is the run that is recorded, or that watched.backward() leaves out
                run(**options)
                return
            self.running = True
            try:
                backward(_Start((root,), (gradient,), options), functools.partial(run, **options))
            finally:
                self.running = False

        assert self.model is not None
        hooks = self.model._hooks  # None, where it never had one, which is the shorter way
        called = self.model.register_forward_pre_hook(self._called)
        try:
            with handed_runs(handed):
                yield
        finally:
            called.remove()
            if hooks is None:
                vars(self.model)["_hooks"] = None

    def _called(self, model: Module, args: Any) -> None:
        """The whole model is called: in training mode, where no graph is recorded?"""
        if model.training and not is_grad_enabled():
            self._remark(training_in_evaluation(model.modules(), Dropout, _BatchNorm))

    def _remark(self, words: str) -> None:
        if words:
            self.remarks[words] = None
            self.changed = self.changed or self.kept is not None

    def check(self, loss: Any) -> None:
        if type(loss) is not Tensor:
            raise ArgumentError(f"watched.backward() takes a tensor of grad_engine, got {type(loss).__name__}")

    def reaches(self, start: _Start) -> bool:
        assert self.model is not None
        wanted = {id(parameter.node) for parameter in self.model.parameters()}
        edge = edge_of(start.roots[0])
        return id(edge) in wanted or any(
            id(each) in wanted for node in newest_first([edge]) for each in (node, *node.edges)
        )

    def run(self, start: _Start, run: Callable[[], Any]) -> Any:
        (loss,), (gradient,) = start.roots, start.seeds
        loss.backward(gradient, **{**start.options, "retain_graph": True})
        if all(loss is not other for other in self.losses):
            self.losses = [*self.losses[1 - MOST_RUNS :], loss]
        assert self.model is not None
        if not self.model.training:
            self._remark(evaluation_in_training(self.model.modules(), Dropout, _BatchNorm))
        # At once, for an optimizer changes the parameters next.
        named = dict(self.model.named_parameters())
        # A nudge is tried at the first run alone: in a training it would take longer than the step.
        first, self.is_first = self.is_first, False
        kept = record_graph(self.losses if len(self.losses) > 1 else loss, names=named, explain=first)
        self.kept = replace(kept, parameters=tuple(_parameters(kept, named)))
        self.changed, self.runs = True, len(self.losses)

    def record(self) -> GraphRecord | None:
        return None if self.kept is None else replace(self.kept, remarks=tuple(self.remarks))

    def copies(self) -> dict[str, Any]:
        named = self.model.named_parameters() if self.model is not None else ()
        return {name: each.array.copy() for name, each in named if each.grad is not None}

    def updates(self, before: dict[str, Any]) -> dict[str, float]:
        assert self.model is not None
        named = dict(self.model.named_parameters())
        changes = ((name, _norm(old), _norm(named[name].array - old)) for name, old in before.items())
        return {name: change / size for name, size, change in changes if size > 0 and isfinite(change / size)}

    def rest(self, idle: bool) -> None:
        self.losses, self.runs = [], 0

    def end(self, error: BaseException | None) -> None:
        self.model, self.losses = None, []


class _TorchStep:
    """Runs of PyTorch's tensors."""

    nothing = NOTHING

    def __init__(self, torch: Any, model: Any, shares: str | None) -> None:
        from grad_engine.export.torch_notes import ForwardNotes
        from grad_engine.export.torch_scopes import ModuleCalls
        from grad_engine.export.torch_values import Numbers

        if shares is None:
            lazy = torch.nn.parameter.is_lazy  # of a size that the first call tells
            sizes = [SMALL + 1 if lazy(parameter) else parameter.numel() for parameter in model.parameters()]
            shares = "all" if sum(sizes) <= SMALL else "norms"
        self.torch, self.model = torch, model
        self.numbers = Numbers(torch, whole=shares == "all")
        self.notes = ForwardNotes(torch, model, self.numbers)
        self.calls = ModuleCalls()
        self.graph: TorchGraph | None = None
        self.hooks = ExitStack()
        self.changed, self.runs = False, 0
        self.idle = self.running = False
        self.stopped = self.hint = ""
        self.remarks = Remarks(torch, model, self.notes)

    @contextmanager
    def noting(self, backward: _Backward) -> Iterator[None]:
        with self.hooks:
            self._note()
            self.notes.mode = _catching(self.torch)(self, backward)
            with self.notes.mode:
                yield

    def _note(self) -> None:
        """Note the calls of modules, until the hooks are closed."""
        # A step makes tens of thousands of small objects that stay: the collector would visit them again and again.
        self.hooks.enter_context(collection_paused())
        self.hooks.enter_context(self.calls.noting(self.model, self.notes.unseen))
        self.hooks.enter_context(self.remarks.noting())

    def check(self, loss: Any) -> None:
        if not isinstance(loss, self.torch.Tensor):
            raise ArgumentError(f"watched.backward() takes a tensor of PyTorch, got {type(loss).__name__}")

    def reaches(self, start: _Start) -> bool:
        if self.running or self.torch._C._are_functorch_transforms_active():
            return False
        return any(root.grad_fn is not None and self.notes.reaches(root.grad_fn) for root in start.roots)

    def run(self, start: _Start, run: Callable[[], Any]) -> Any:
        if self.graph is None or self.runs == MOST_RUNS:
            self.graph, self.runs = self._fresh(), 0
        if self.runs:
            gc.collect(1)  # it is paused in the block, which may be long
        graph = self.graph
        ones = self.torch.ones_like
        roots = [
            (root, ones(root) if seed is None else seed)
            for root, seed in zip(start.roots, start.seeds, strict=True)
            if root.grad_fn is not None
        ]
        with graph.naming(self.remarks.given()):
            graph.add_all([root for root, _ in roots])
        result: Any = None

        def go() -> Mapping[int, Any] | None:
            nonlocal result
            result = run()
            return None if start.inputs is None else graph.by_leaf(start.inputs, result)

        self.running = True
        self.remarks.evaluating()
        create_graph = bool(start.options.get("create_graph"))
        self.hint = _not_one_number(start)
        try:
            limited = start.inputs is not None or start.options.get("inputs") is not None
            with self.remarks.running():
                graph.run(roots, go, limited, create_graph)
            self.hint = ""
            return result
        finally:
            self.running = False
            self.runs, self.changed = len(graph.runs), bool(graph.runs)
            self.notes.last = None

    def _fresh(self) -> TorchGraph:
        from grad_engine.export.from_torch import names_of
        from grad_engine.export.torch_graph import TorchGraph

        names = names_of(self.torch, {}, self.model, {})
        return TorchGraph(self.torch, names, self.model, self.numbers, MAX_NODES, self.calls, self.notes.source)

    def record(self) -> GraphRecord | None:
        from grad_engine.export.from_torch import make_record

        if self.graph is None:
            return None
        found = make_record(self.graph, backward=bool(self.graph.runs), reason=self.notes.reason)
        if self.model is None:  # the block is over: no other record is made of this
            self.graph = None
        return replace(found, stopped=self.stopped, remarks=tuple(self.remarks.found))

    def copies(self) -> dict[str, Any]:
        named = self.model.named_parameters()
        return {name: each.detach().clone() for name, each in named if each.grad is not None}

    def updates(self, before: dict[str, Any]) -> dict[str, float]:
        named = dict(self.model.named_parameters())
        norm = self.torch.linalg.vector_norm
        changes = ((name, norm(old).item(), norm(named[name].detach() - old).item()) for name, old in before.items())
        return {name: change / size for name, size, change in changes if size > 0 and isfinite(change / size)}

    def rest(self, idle: bool) -> None:
        if self.runs:
            self.graph, self.runs = None, 0
        self.notes.forget()
        self.calls.forget()
        if idle and not self.idle:
            self.hooks.close()
        elif self.idle and not idle:
            self._note()
        self.idle = idle

    def end(self, error: BaseException | None) -> None:
        if error is not None:
            hint = self.hint or self.remarks.hint(error)
            self.stopped = self.notes.place_of_error(error, self.calls.under_way) + hint
            last, self.changed = self.notes.last, True
            if self.graph is None and last is not None:
                self.graph = self._fresh()
                self.graph.add(*last)
        if self.graph is None:
            reasons = ((name, self.notes.reason(name)) for name, _ in self.model.named_parameters())
            self.nothing += next((f": no gradient for {name}, for {why}" for name, why in reasons if why), "")
        else:
            self.graph.let_go()
        self.notes.let_go()
        self.remarks.let_go()
        self.model = None


def _not_one_number(start: _Start) -> str:
    """What to do about a loss of several numbers from which backward was started without a gradient."""
    for root, seed in zip(start.roots, start.seeds, strict=True):
        if seed is None and root.numel() != 1:
            shape = tuple(root.shape)
            return f"; the loss has the shape {shape}: take its mean() or sum(), or give backward() a gradient"
    return ""


def _norm(array: Any) -> float:
    return float(np.linalg.norm(array.astype(np.float64).ravel()))


def _parameters(record: GraphRecord, named: Mapping[str, Tensor]) -> Iterator[ParameterRecord]:
    """Each parameter of a model of ours: its accumulator, or why no gradient reached it."""
    leaves = {tensor.id: tensor.name for tensor in record.tensors if tensor.is_leaf}
    leaves_held = {tensor.name: measure(tensor) is not None for tensor in record.tensors if tensor.is_leaf}
    accumulators = {leaves[each.leaf]: each.id for each in record.accumulators}
    reached = {change.accumulator for run in record.runs for change in run.leaves}
    for name, parameter in named.items():
        part = accumulators.get(name)
        reason = "" if part in reached else UNREACHED if part is not None else UNREAD
        dtype = parameter.array.dtype.name
        # The optimizer has changed what an earlier run read, or no run has read it: what it holds now.
        size = (None, None) if leaves_held.get(name) else norm_of(parameter.array)
        why = reason if parameter.requires_grad else FROZEN
        yield ParameterRecord(name, parameter.shape, dtype, part, why, None, *size)


@contextmanager
def _around_step(optimizer: Any, measure: Callable[[Callable[[], Any]], Any]) -> Iterator[None]:
    """A context in which each `optimizer.step()` is run by `measure`."""
    step, own = optimizer.step, vars(optimizer).get("step")  # a schedule of PyTorch has put one of its own there

    @wraps(step)
    def measured(*args: Any, **kwargs: Any) -> Any:
        return measure(lambda: step(*args, **kwargs))

    optimizer.step = measured
    try:
        yield
    finally:
        if own is None:
            del optimizer.step
        else:
            optimizer.step = own


def _torch_of(model: Any) -> Any:
    """PyTorch, where `model` is a module of it."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(model, torch.nn.Module):
        raise ArgumentError(
            f"watch() takes a torch.nn.Module or a module of grad_engine.nn, got {type(model).__name__}; "
            "record_graph(loss) and interop.from_torch(loss) record a graph without a model"
        )
    return torch


def _of_method(args: Sequence[Any], kwargs: Mapping[str, Any]) -> _Start:
    """Where `loss.backward(...)` starts."""
    return _Start(tuple(args[:1]), (args[1] if len(args) > 1 else kwargs.get("gradient"),), kwargs)


def _of_function(roots: Sequence[Any], kwargs: Mapping[str, Any], seeds: str, inputs: Any) -> _Start | None:
    """Where a function of torch.autograd starts. None where that cannot be told."""
    given = kwargs.get(seeds)
    found = (given,) * len(roots) if given is None or hasattr(given, "grad_fn") else tuple(given)
    if (
        kwargs.get("is_grads_batched")  # many runs in one
        or len(found) != len(roots)
        or not all(hasattr(each, "grad_fn") for each in roots)
    ):
        return None
    return _Start(tuple(roots), found, kwargs, inputs)


@cache
def _catching(torch: Any) -> Any:
    """PyTorch's own way to see calls on tensors, in this thread and block alone: a class of modes.

    One class for all blocks: a class is a cycle, and would keep what it knows alive until the collector runs.
    """
    overrides, tensor = importlib.import_module("torch.overrides"), torch.Tensor
    is_compiling = torch.compiler.is_compiling
    starts: dict[Any, Callable[[Sequence[Any], Mapping[str, Any]], _Start | None]] = {
        torch.Tensor.backward: _of_method,
        torch.autograd.backward: lambda args, kwargs: _of_function(args[0], kwargs, "grad_tensors", None),
        torch.autograd.grad: lambda args, kwargs: _of_function(args[0], kwargs, "grad_outputs", args[1]),
    }

    class Catching(overrides.TorchFunctionMode):  # type: ignore[misc, name-defined, unused-ignore]
        is_watch = True

        def __init__(self, step: _TorchStep, backward: _Backward) -> None:
            super().__init__()
            self.step, self.backward = step, backward

        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            # What is compiled is the program alone. (Asked first: what is compiled need not look at `idle` then.)
            if is_compiling() or (self.step.idle and func not in starts):
                return func(*args, **kwargs) if kwargs else func(*args)
            kwargs, step, runs = kwargs or {}, self.step, func in starts

            def go() -> Any:
                if step.idle:
                    return func(*args, **kwargs)
                if len(args) == 2 and type(args[0]) is tensor is type(args[1]) and args[0].dim() + args[1].dim() == 3:
                    step.remarks.pair(func.__name__, args)
                return step.notes.call(func, args, kwargs, reads=not runs)

            start = starts[func](args, kwargs) if runs else None
            return go() if start is None else self.backward(start, go)

    return Catching
