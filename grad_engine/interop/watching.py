"""`watch`: the record of a training step that runs as it always does."""

from __future__ import annotations

import importlib
import sys
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any

from grad_engine.core.tensor import Tensor
from grad_engine.errors import ArgumentError, GraphError
from grad_engine.export.from_tensor import record_graph
from grad_engine.export.page import PageFrame, show_page
from grad_engine.health import Report, report_of
from grad_engine.nn import Module
from grad_engine.record import GraphRecord

if TYPE_CHECKING:
    import torch  # type: ignore[import-not-found, unused-ignore]  # it need not be there

NOTHING = (
    "no backward run was recorded in the block of watch(): call loss.backward() or watched.backward(loss) inside it, "
    "on a loss that depends on a parameter of the model (torch.autograd.backward() is not seen)"
)
NOTHING_OF_OURS = (
    "no backward run was recorded in the block of watch(): call watched.backward(loss) inside it, in the place of "
    "loss.backward()"
)


class watch:
    """A context in which backward is recorded: `with ge.watch(model) as watched:` around forward and backward.

    model: a torch.nn.Module or a module of `grad_engine.nn`. With PyTorch, `loss.backward()` inside the block is
    recorded, and so is `watched.backward(loss)`; `torch.autograd.backward()` is not seen. With `grad_engine.nn`, write
    `watched.backward(loss)` in the place of `loss.backward()`. Of several runs that reach a parameter of the model, the
    last one is kept. Parameters have their names in the model; other tensors have none.

    Afterwards `watched.record` is the record, `watched.report()` says what is wrong, `watched.page()` shows it in a
    notebook, and `ge.export_graph(watched)` writes it to a file. Every gradient is bitwise what it is outside: the run
    is the program's own, done once. The one exception: PyTorch computes frozen attention layers in evaluation mode by
    another way, the fast path, which is off in the block, so that results may differ by rounding. After the block no
    hook is left on the model, also where forward raised. What PyTorch keeps for backward and all shares of gradients
    are held in memory until the run has ended.

    Raises ArgumentError for another model; GraphError at the end of a block without a recorded run, and for a graph
    that is larger than a record holds.
    """

    def __init__(self, model: torch.nn.Module | Module) -> None:
        self._torch: Any = None if isinstance(model, Module) else _torch_of(model)
        self._model: Any = model
        self._record: GraphRecord | None = None
        self._inside = ExitStack()
        self._open = False
        self._running = False

    def __enter__(self) -> watch:
        if self._open or self._model is None:
            raise ArgumentError("this watch() has been entered before; write another ge.watch(model) for another block")
        self._open = True
        if self._torch is not None:
            from grad_engine.export.torch_scopes import module_scopes

            self._inside.enter_context(module_scopes(self._model))
            self._inside.enter_context(_catching(self._torch, self))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open, self._model = False, None
        self._inside.close()
        if kind is None and self._record is None:
            raise GraphError(NOTHING if self._torch is not None else NOTHING_OF_OURS)

    @property
    def record(self) -> GraphRecord:
        """The record of the last backward run. Raises GraphError where there was none."""
        if self._record is None:
            raise GraphError(NOTHING if self._torch is not None else NOTHING_OF_OURS)
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
        if self._torch is not None:
            if not isinstance(loss, self._torch.Tensor):
                raise ArgumentError(f"watched.backward() takes a tensor of PyTorch, got {type(loss).__name__}")
            self._run(loss, gradient, lambda: loss.backward(gradient, **options))
            return
        if type(loss) is not Tensor:
            raise ArgumentError(f"watched.backward() takes a tensor of grad_engine, got {type(loss).__name__}")
        loss.backward(gradient, **{**options, "retain_graph": True})
        self._record = record_graph(loss, names=dict(self._model.named_parameters()), explain=False)

    def _run(self, loss: Any, gradient: Any, run: Any) -> None:
        """Run backward and record it, unless it is under way already."""
        from grad_engine.export.from_torch import record_own_run

        if self._running or loss.grad_fn is None:
            run()
            return
        self._running = True
        try:
            found = record_own_run(loss, run, model=self._model, gradient=gradient)
        finally:
            self._running = False
        self._record = self._record if found is None else found


def _torch_of(model: Any) -> Any:
    """PyTorch, where `model` is a module of it."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(model, torch.nn.Module):
        raise ArgumentError(
            f"watch() takes a torch.nn.Module or a module of grad_engine.nn, got {type(model).__name__}; "
            "record_graph(loss) and interop.from_torch(loss) record a graph without a model"
        )
    return torch


def _catching(torch: Any, watched: watch) -> Any:
    """PyTorch's own way to see calls on tensors, in this thread and block alone: tells `watched` of each backward."""
    overrides = importlib.import_module("torch.overrides")

    class Catching(overrides.TorchFunctionMode):  # type: ignore[misc, name-defined, unused-ignore]
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            if func is not torch.Tensor.backward:
                return func(*args, **kwargs)
            gradient = args[1] if len(args) > 1 else kwargs.get("gradient")
            watched._run(args[0], gradient, lambda: func(*args, **kwargs))
            return None

    return Catching()
