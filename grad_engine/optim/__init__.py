"""Optimisers, gradient clipping and learning-rate schedules.

Everything here writes into the memory of parameters and gradients, recorded by nothing; a graph that still needs the
values of before is refused by backward, as after any write in place. Each update is PyTorch's.
"""

import functools
from typing import Any

from grad_engine.core.torch_words import missing
from grad_engine.errors import ArgumentError
from grad_engine.optim import lr_scheduler, swa_utils
from grad_engine.optim.lbfgs import LBFGS
from grad_engine.optim.lr_scheduler import (
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    MultiplicativeLR,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)
from grad_engine.optim.optimizers import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    NAdam,
    Optimizer,
    RAdam,
    RMSprop,
    clip_grad_norm_,
    clip_grad_value_,
)

__all__ = [
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "NAdam",
    "OneCycleLR",
    "Optimizer",
    "PolynomialLR",
    "RAdam",
    "RMSprop",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
    "clip_grad_norm_",
    "clip_grad_value_",
    "lr_scheduler",
    "swa_utils",
]


def _take_ways(optimiser: type) -> None:
    """Let an optimiser be made with PyTorch's words for how it computes its steps, which change no number."""
    plain = optimiser.__init__  # type: ignore[misc]

    @functools.wraps(plain)
    def __init__(self: Any, *args: Any, **named: Any) -> None:
        for word in _WAYS.intersection(named):
            del named[word]
        if named.pop("maximize", False):
            raise ArgumentError(f"{type(self).__name__} goes down; leave maximize out, and write (-loss).backward()")
        plain(self, *args, **named)

    optimiser.__init__ = __init__  # type: ignore[misc]


_WAYS = frozenset({"foreach", "fused", "capturable", "differentiable"})
for _name in __all__:
    _thing = globals()[_name]
    if (
        isinstance(_thing, type)
        and issubclass(_thing, Optimizer)
        and _thing is not Optimizer
        and "__init__" in vars(_thing)
    ):
        _take_ways(_thing)


def __getattr__(name: str) -> Any:
    """An error that says what to do without an optimiser that is not here."""
    words = missing("grad_engine.optim", name, __all__)
    raise AttributeError(f"{words}; or subclass Optimizer, with update(self, group, steps, p, g, *kept)")
