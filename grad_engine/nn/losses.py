"""Losses as modules: an op of `ops/loss.py` or `ops/classification.py` with its settings.

Each takes `reduction`: "mean", "sum" or "none".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from grad_engine.core.tensor import Tensor
from grad_engine.errors import ArgumentError
from grad_engine.nn.module import Layer
from grad_engine.ops import classification, loss


class _Loss(Layer):
    op: ClassVar[Callable[..., Tensor]]
    reductions: ClassVar[tuple[str, ...]] = ("mean", "sum", "none")

    def __init__(self, reduction: str = "mean", **settings: Any) -> None:
        if reduction not in self.reductions:
            wanted = ", ".join(map(repr, self.reductions))
            raise ArgumentError(f"reduction of {type(self).__name__} is one of {wanted}, got {reduction!r}")
        self.settings = {"reduction": reduction, **settings}

    def forward(self, x: Any, target: Any) -> Tensor:
        """How far x is from the target."""
        return type(self).op(x, target, *self.settings.values())  # they stand in the op's own order

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={value!r}" for name, value in self.settings.items())


class _Weighted(_Loss):
    """A loss whose op takes weights, which are buffers, before its settings."""

    def forward(self, x: Any, target: Any) -> Tensor:
        """How far x is from the target."""
        return type(self).op(x, target, **self.settings, **dict(self._own("buffer")))


class MSELoss(_Loss):
    """(x - target)² of each element, reduced."""

    op = staticmethod(loss.mse_loss)

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__(reduction)


class L1Loss(_Loss):
    """|x - target| of each element, reduced."""

    op = staticmethod(loss.l1_loss)

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__(reduction)


class SmoothL1Loss(_Loss):
    """(x - target)² / 2 beta where the distance is below beta, else the distance less beta / 2; reduced."""

    op = staticmethod(loss.smooth_l1_loss)

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction, beta=beta)


class HuberLoss(_Loss):
    """(x - target)² / 2 where the distance is below delta, else delta · (the distance less delta / 2); reduced."""

    op = staticmethod(loss.huber_loss)

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction, delta=delta)


class CrossEntropyLoss(_Weighted):
    """-ln softmax(x)[target] for scores x (batch, classes, ...), reduced; target: class numbers, or probabilities.

    weight: a number for each class. ignore_index: a class number that counts for nothing. label_smoothing: the part of
    the target that is spread over all classes.
    """

    op = staticmethod(classification.cross_entropy)

    def __init__(
        self, weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean", label_smoothing: float = 0.0
    ) -> None:
        super().__init__(reduction, ignore_index=ignore_index, label_smoothing=label_smoothing)
        if weight is not None:
            self.register_buffer("weight", weight)


class NLLLoss(_Weighted):
    """-x[target] for log-probabilities x (batch, classes, ...), reduced; weight: a number for each class."""

    op = staticmethod(classification.warned_nll_loss)

    def __init__(self, weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean") -> None:
        super().__init__(reduction, ignore_index=ignore_index)
        if weight is not None:
            self.register_buffer("weight", weight)


class BCELoss(_Weighted):
    """-(target ln x + (1 - target) ln(1 - x)) for probabilities x, reduced; weight: how much each element counts."""

    op = staticmethod(classification.binary_cross_entropy)

    def __init__(self, weight: Any = None, *, reduction: str = "mean") -> None:
        super().__init__(reduction)
        if weight is not None:
            self.register_buffer("weight", weight)


class BCEWithLogitsLoss(_Weighted):
    """The loss of BCELoss on sigmoid(x), computed without its rounding; reduced.

    weight: how much each element counts. pos_weight: how much more a positive target counts.
    """

    op = staticmethod(classification.warned_with_logits)

    def __init__(self, weight: Any = None, *, reduction: str = "mean", pos_weight: Any = None) -> None:
        super().__init__(reduction)
        if weight is not None:
            self.register_buffer("weight", weight)
        if pos_weight is not None:
            self.register_buffer("pos_weight", pos_weight)


class KLDivLoss(_Loss):
    """target · (ln target - x) for log-probabilities x, reduced; "batchmean" is the sum over the batch's length."""

    op = staticmethod(loss.kl_div)
    reductions = ("mean", "sum", "none", "batchmean")

    def __init__(self, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__(reduction, log_target=log_target)
