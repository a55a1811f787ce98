"""What is wrong with how a program calls a model, which its graph alone does not show, in sentences."""

from __future__ import annotations

import importlib
import inspect
import sys
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from grad_engine.export.torch_scopes import open_modules
from grad_engine.health.findings import ADDS_UP
from grad_engine.health.losses import each_with_each_words

if TYPE_CHECKING:
    from grad_engine.export.torch_notes import ForwardNotes

AGAIN = "a second time"  # what PyTorch says of a graph whose values are freed
WRITTEN = "modified by an inplace operation"
STATE = (
    "; a state that is kept from one step to the next brings the graph of the step before with it: h = h.detach() at "
    "the start of a step cuts it off"
)
IN_PLACE = "; write the new value to a new tensor (y = x + 1, not x += 1), or call backward() before the write"


@dataclass(slots=True)
class _Used:
    """The gradient of one parameter, which a step of an optimizer has used; it holds neither of them."""

    parameter: weakref.ref[Any]
    gradient: weakref.ref[Any]
    version: int  # of the gradient, after all backward runs since the step
    is_added: bool = False  # whether such a run was added to it
    value_version: int = 0  # of the parameter, after the last run
    steps: int = 0  # that changed the parameter between runs

    @classmethod
    def of(cls, parameter: Any) -> _Used:
        """What is known of a parameter that has a gradient."""
        gradient, version = parameter.grad, parameter.grad._version
        return cls(weakref.ref(parameter), weakref.ref(gradient), version, value_version=parameter._version)

    def is_changed(self) -> bool:
        """Whether somebody has written to the gradient since then, or taken it away."""
        parameter, gradient = self.parameter(), self.gradient()
        return (
            gradient is None or parameter is None or parameter.grad is not gradient or gradient._version != self.version
        )

    def run(self) -> None:
        """A backward run is over: see whether it was added."""
        self.is_added = self.is_added or self.is_changed()
        self.value_version = parameter._version if (parameter := self.parameter()) is not None else 0
        self.version = gradient._version if (gradient := self.gradient()) is not None else 0


# By optimizer, for the next block of watch() may hold the next step of it. It goes with its optimizer.
_USED: weakref.WeakKeyDictionary[Any, _Used] = weakref.WeakKeyDictionary()
# By model, for the steps of an optimizer may stand after each block of watch(), where nothing sees them but the
# version of the parameter. Two such steps prove it: after one, the gradient may still be cleared, as that of a critic.
_GIVEN: weakref.WeakKeyDictionary[Any, _Used] = weakref.WeakKeyDictionary()


class Remarks:
    """What was seen while the program ran: each remark once."""

    def __init__(self, torch: Any, model: Any, notes: ForwardNotes) -> None:
        self.torch, self.model, self.notes = torch, model, notes
        self.found: dict[str, None] = {}
        self._given: dict[int, tuple[str, weakref.ref[Any]]] = {}  # by id()
        self._lines: set[str] = set()  # where pairs were found

    @contextmanager
    def noting(self) -> Iterator[None]:
        """A context in which evaluation in training mode and steps of optimizers are seen; no hook is left after it."""
        optimizers = importlib.import_module(self.torch.optim.Optimizer.__module__)
        with ExitStack() as hooks:
            if any(module is self.model for _, module in open_modules(self.model)):
                hooks.callback(self.model.register_forward_pre_hook(self._called, with_kwargs=True).remove)
            hooks.callback(optimizers.register_optimizer_step_post_hook(self._stepped).remove)
            yield

    def let_go(self) -> None:
        """Let go of the model; what was found stays."""
        self.model, self._given = None, {}

    def given(self) -> list[tuple[str, Any]]:
        """The tensors that the model was called with and that are still there, under the names that forward() has."""
        found = [(name, known()) for name, known in self._given.values()]
        self._given = {}
        return [(name, tensor) for name, tensor in found if tensor is not None]

    # calls of functions

    def pair(self, name: str, args: Sequence[Any]) -> None:
        """Look at a function of two tensors: predictions (n, 1) and targets (n,), each compared with each."""
        one, other = args
        shapes = one.shape, other.shape
        row, column = shapes if one.dim() == 1 else (shapes[1], shapes[0])
        if len(row) != 1 or len(column) != 2 or column[1] != 1 or row[0] != column[0] or row[0] < 2:
            return
        # Predictions were computed, targets were not; a bias or a weight is a parameter, so neither.
        if (
            sorted((_is_computed(one), _is_computed(other))) != [False, True]
            or one.requires_grad == other.requires_grad
        ):
            return
        where = self.notes.place(name, 3)
        line = where.partition(" ")[2]
        if line and line in self._lines:  # a function that this one calls
            return
        self._lines.add(line)
        words = each_with_each_words(where, tuple(one.shape), tuple(other.shape), row[0])
        self.found[words] = None

    # the model's mode

    def _called(self, model: Any, args: Any, kwargs: Any) -> None:
        """The whole model is called: with what, and is it in training mode where no graph is recorded?"""
        for name, value in (*zip(_parameters(type(model).forward), args, strict=False), *kwargs.items()):
            if isinstance(value, self.torch.Tensor) and value.grad_fn is None:
                self._given[id(value)] = name, weakref.ref(value)
        if self.torch.is_grad_enabled() or not model.training or _in_checkpoint():
            return
        if words := training_in_evaluation(model.modules(), *self._kinds(), f" ({self.notes.place('', 2)})"):
            self.found[words] = None

    def evaluating(self) -> None:
        """Backward runs: is the whole model in evaluation mode, where some of it computes otherwise then?"""
        if words := "" if self.model.training else evaluation_in_training(self.model.modules(), *self._kinds()):
            self.found[words] = None

    def _kinds(self) -> tuple[Any, Any]:
        parts = self.torch.nn.modules
        return parts.dropout._DropoutNd, parts.batchnorm._NormBase

    # gradients

    def _stepped(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        before = _USED.get(optimizer)
        if before is not None and before.is_added and not before.is_changed():
            self.found[ADDS_UP] = None
        parameters = (each for group in optimizer.param_groups for each in group["params"])
        parameter = next((each for each in parameters if each.grad is not None), None)
        if parameter is None:
            _USED.pop(optimizer, None)
        else:
            _USED[optimizer] = _Used.of(parameter)

    @contextmanager
    def running(self) -> Iterator[None]:
        """A context around a backward run: is it added to gradients that a step has used already?"""
        for optimizer, used in list(_USED.items()):
            if used.is_changed():
                _USED.pop(optimizer, None)
        kept = list(_USED.values())
        given = _GIVEN.get(self.model)
        if given is not None and given.is_changed():
            _GIVEN.pop(self.model, None)
            given = None
        if given is not None:
            parameter = given.parameter()
            given.steps += parameter is not None and parameter._version != given.value_version
            if given.steps > 1:
                self.found[ADDS_UP] = None
        try:
            yield
        finally:
            for used in kept:
                used.run()
            if given is not None:
                given.run()
            else:
                parameter = next((each for each in self.model.parameters() if each.grad is not None), None)
                if parameter is not None:
                    _GIVEN[self.model] = _Used.of(parameter)

    def hint(self, error: BaseException) -> str:
        """What to do about an error of a backward run, as the end of a sentence; "" for others."""
        said = str(error)
        return STATE if AGAIN in said else IN_PLACE if WRITTEN in said else ""


def _is_computed(tensor: Any) -> bool:
    return tensor.grad_fn is not None


def training_in_evaluation(modules: Iterable[Any], dropout: Any, norm: Any, where: str = "") -> str:
    """That a model is in training mode where no graph is recorded; "" where none of its modules cares."""
    does = "drops entries", "normalizes by the batch and changes its running statistics"
    kinds = _in_words((module for module in modules if module.training), dropout, norm, *does)
    return kinds and (
        f"The model runs in training mode where no graph is recorded{where}, as in an evaluation: {kinds} then; call "
        "model.eval() before it, and model.train() after it."
    )


def evaluation_in_training(modules: Iterable[Any], dropout: Any, norm: Any) -> str:
    """That a model is in evaluation mode where backward runs; "" where none of its modules cares."""
    kinds = _in_words(modules, dropout, norm, "passes everything on", "uses its running statistics")
    return kinds and f"The model is in evaluation mode, in which {kinds}: call model.train() before training it."


def _in_words(modules: Iterable[Any], dropout: Any, norm: Any, drops: str, normalizes: str) -> str:
    """What modules of these two kinds do: Dropout drops entries and BatchNorm1d ..."""
    kinds: dict[str, str] = {}
    for module in modules:
        if isinstance(module, dropout) and module.p > 0:
            kinds[type(module).__name__] = drops
        elif isinstance(module, norm) and module.track_running_stats:
            kinds[type(module).__name__] = normalizes
    return " and ".join(f"{kind} {does}" for kind, does in kinds.items())


@cache
def _parameters(forward: Callable[..., Any]) -> tuple[str, ...]:
    """The names of what the forward() of a class of modules takes by position."""
    try:
        found = inspect.signature(forward).parameters.values()
    except (TypeError, ValueError):
        return ()
    return tuple(each.name for each in found if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD))[1:]


def _in_checkpoint() -> bool:
    """Whether PyTorch's checkpoint calls, which runs forward without a graph and then once more."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__") == "torch.utils.checkpoint":
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False
