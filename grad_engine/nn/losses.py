"""Losses as modules: an op of `ops/loss.py` with its settings. Each takes `reduction`: "mean", "sum" or "none"."""

from __future__ import annotations

from typing import Any

from grad_engine.errors import ArgumentError
from grad_engine.nn.module import Module
from grad_engine.ops import loss
from grad_engine.tensor import Tensor

REDUCTIONS = ("mean", "sum", "none")


class _Loss(Module):
    def __init__(self, reduction: str = "mean") -> None:
        if reduction not in REDUCTIONS:
            raise ArgumentError(f"reduction must be 'mean', 'sum' or 'none', got {reduction!r}")
        self.reduction = reduction

    def extra_repr(self) -> str:
        return "" if self.reduction == "mean" else f"reduction={self.reduction!r}"


class MSELoss(_Loss):
    """(x - target)² of each element, reduced."""

    def forward(self, x: Any, target: Any) -> Tensor:
        return loss.mse_loss(x, target, self.reduction)


class L1Loss(_Loss):
    """|x - target| of each element, reduced."""

    def forward(self, x: Any, target: Any) -> Tensor:
        return loss.l1_loss(x, target, self.reduction)


class SmoothL1Loss(_Loss):
    """(x - target)² / 2 beta where the distance is below beta, else the distance less beta / 2; reduced."""

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        self.beta = beta

    def forward(self, x: Any, target: Any) -> Tensor:
        return loss.smooth_l1_loss(x, target, self.reduction, self.beta)


class HuberLoss(_Loss):
    """(x - target)² / 2 where the distance is below delta, else delta · (the distance less delta / 2); reduced."""

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.delta = delta

    def forward(self, x: Any, target: Any) -> Tensor:
        return loss.huber_loss(x, target, self.reduction, self.delta)


class CrossEntropyLoss(_Loss):
    """-ln softmax(x)[target] for scores x (batch, classes, ...), reduced; target: class numbers, or probabilities.

    weight: a number for each class. ignore_index: a class number that counts for nothing. label_smoothing: the part of
    the target that is spread over all classes.
    """

    weight: Tensor | None = None

    def __init__(
        self, weight: Any = None, reduction: str = "mean", ignore_index: int = -100, label_smoothing: float = 0.0
    ) -> None:
        super().__init__(reduction)
        if weight is not None:
            self.register_buffer("weight", weight)
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing

    def forward(self, x: Any, target: Any) -> Tensor:
        return loss.cross_entropy(
            x, target, weight=self.weight, ignore_index=self.ignore_index, reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )  # fmt: skip


class NLLLoss(_Loss):
    """-x[target] for log-probabilities x (batch, classes, ...), reduced; weight: a number for each class."""

    weight: Tensor | None = None

    def __init__(self, weight: Any = None, reduction: str = "mean", ignore_index: int = -100) -> None:
        super().__init__(reduction)
        if weight is not None:
            self.register_buffer("weight", weight)
        self.ignore_index = ignore_index

    def forward(self, x: Any, target: Any) -> Tensor:
        return loss.nll_loss(x, target, weight=self.weight, ignore_index=self.ignore_index, reduction=self.reduction)


class BCELoss(_Loss):
    """-(target ln x + (1 - target) ln(1 - x)) for probabilities x, reduced."""

    def forward(self, x: Any, target: Any) -> Tensor:
        return loss.binary_cross_entropy(x, target, reduction=self.reduction)


class BCEWithLogitsLoss(_Loss):
    """The loss of BCELoss on sigmoid(x), computed without its rounding; reduced.

    pos_weight: how much more a positive target counts.
    """

    pos_weight: Tensor | None = None

    def __init__(self, reduction: str = "mean", pos_weight: Any = None) -> None:
        super().__init__(reduction)
        if pos_weight is not None:
            self.register_buffer("pos_weight", pos_weight)

    def forward(self, x: Any, target: Any) -> Tensor:
        return loss.binary_cross_entropy_with_logits(x, target, reduction=self.reduction, pos_weight=self.pos_weight)


class KLDivLoss(_Loss):
    """target · (ln target - x) for log-probabilities x, reduced; "batchmean" is the sum over the batch's length."""

    def __init__(self, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__("sum" if reduction == "batchmean" else reduction)
        self.reduction, self.log_target = reduction, log_target

    def forward(self, x: Any, target: Any) -> Tensor:
        return loss.kl_div(x, target, self.reduction, self.log_target)
