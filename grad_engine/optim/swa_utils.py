"""PyTorch's `torch.optim.swa_utils`: a model whose weights are the mean of another's, and its schedule."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from grad_engine.core.grad_mode import no_grad
from grad_engine.core.tensor import array_of
from grad_engine.core.torch_words import missing
from grad_engine.errors import ArgumentError
from grad_engine.optim.lr_scheduler import LRScheduler
from grad_engine.optim.optimizers import Optimizer

__all__ = ["SWALR", "AveragedModel", "get_ema_avg_fn", "get_ema_multi_avg_fn", "get_swa_avg_fn", "update_bn"]

Averaging = Callable[[Any, Any, int], Any]


def get_ema_avg_fn(decay: float = 0.999) -> Averaging:
    """A function of (mean, value, count) that gives decay · mean + (1 − decay) · value, for AveragedModel(avg_fn=)."""
    if not 0 <= decay <= 1:
        raise ArgumentError(f"a decay is a number from 0 to 1, got {decay!r}")
    return lambda mean, value, count: decay * mean + (1 - decay) * value


def get_swa_avg_fn() -> Averaging:
    """A function of (mean, value, count) that gives the mean of count + 1 values, for AveragedModel(avg_fn=)."""
    return lambda mean, value, count: mean + (value - mean) / (count + 1)


def get_ema_multi_avg_fn(decay: float = 0.999) -> Averaging:
    """get_ema_avg_fn(), under the name by which AveragedModel(multi_avg_fn=) takes it."""
    return get_ema_avg_fn(decay)


def averaged(model: Any) -> Any:
    """A copy of a module, for AveragedModel."""
    return copy.deepcopy(model)


class AveragedModel:
    """A copy of `model` whose parameters are means of those that update_parameters() was shown: SWA, or EMA.

    avg_fn, multi_avg_fn: from (mean, value, count) to the new mean; by default the mean of all. use_buffers: average
    buffers as well, else they are those of the last model shown. Called, it calls the copy, which is `.module`.
    """

    def __init__(
        self, model: Any, device: Any = None, avg_fn: Averaging | None = None, multi_avg_fn: Averaging | None = None,
        use_buffers: bool = False,
    ) -> None:  # fmt: skip
        if avg_fn is not None and multi_avg_fn is not None:
            raise ArgumentError("AveragedModel() takes avg_fn or multi_avg_fn, got both")
        self.module = averaged(model)
        self.n_averaged = 0
        self.use_buffers = use_buffers
        self._average = avg_fn or multi_avg_fn or get_swa_avg_fn()

    def __call__(self, *args: Any, **named: Any) -> Any:
        return self.module(*args, **named)

    def update_parameters(self, model: Any) -> None:
        """Take the parameters of `model`, as they are now, into the means."""
        mine, theirs = dict(self.module.named_parameters()), dict(model.named_parameters())
        buffers, shown = dict(self.module.named_buffers()), dict(model.named_buffers())
        with no_grad():
            pairs = [(mine[name], theirs[name], True) for name in mine]
            pairs += [(buffers[name], shown[name], self.use_buffers) for name in buffers]
            for mean, value, counts in pairs:
                new = value.array
                if counts and self.n_averaged and new.dtype.kind == "f":
                    new = array_of(self._average(mean.array, new, self.n_averaged))
                mean.copy_(np.asarray(new))
        self.n_averaged += 1

    def __getattr__(self, name: str) -> Any:
        """What the copy has: parameters(), state_dict(), eval() and so on."""
        if name.startswith("__") or name == "module":
            raise AttributeError(f"AveragedModel has no {name!r}")
        return getattr(self.module, name)


def update_bn(loader: Iterable[Any], model: Any, device: Any = None) -> None:
    """Set the running means and variances of batch norms to those of the whole of `loader`, in one pass.

    Of batches that are a tuple or list, the first part goes into the model.
    """
    norms = [each for each in model.modules() if hasattr(each, "reset_running_stats")]
    before = [(each, each.momentum) for each in norms]
    was_training = model.training
    for each in norms:
        each.reset_running_stats()
        each.momentum = None
    model.train()
    with no_grad():
        for batch in loader:
            model(batch[0] if isinstance(batch, tuple | list) else batch)
    for each, momentum in before:
        each.momentum = momentum
    model.train(was_training)


class SWALR(LRScheduler):
    """From each group's rate to swa_lr within anneal_epochs steps, and then constant; along a cosine or a line."""

    def __init__(
        self, optimizer: Optimizer, swa_lr: float, anneal_epochs: int = 10, anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:  # fmt: skip
        if anneal_strategy not in ("cos", "linear"):
            raise ArgumentError(f"anneal_strategy of SWALR is 'cos' or 'linear', got {anneal_strategy!r}")
        self.swa_lr, self.anneal_epochs, self.anneal_strategy = swa_lr, anneal_epochs, anneal_strategy
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, steps: int) -> float:
        done = min(1.0, steps / max(1, self.anneal_epochs))
        if self.anneal_strategy == "cos":
            done = (1 - math.cos(math.pi * done)) / 2
        return base + (self.swa_lr - base) * done


__path__: list[str] = []  # no files: `from` asks for a submodule then, and the error has the words of __getattr__


def __getattr__(name: str) -> Any:
    """An error that says what to write."""
    raise AttributeError(missing("grad_engine.optim.swa_utils", name, __all__))
