"""Optimisers, gradient clipping and learning-rate schedules.

Everything here writes into the memory of parameters and gradients, recorded by nothing; a graph that still needs the
values of before is refused by backward, as after any write in place. Each update is PyTorch's.
"""

from typing import Any

from grad_engine.core.torch_words import missing
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


def __getattr__(name: str) -> Any:
    """An error that says what to do without an optimiser that is not here."""
    words = missing("grad_engine.optim", name, __all__)
    raise AttributeError(f"{words}; or subclass Optimizer, with update(self, group, steps, p, g, *kept)")
