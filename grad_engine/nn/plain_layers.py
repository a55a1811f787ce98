"""Layers without parameters: each calls a function with the settings it was made with, which are the function's own."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

from grad_engine.core.define import CALLS
from grad_engine.core.numpy_errors import renamed
from grad_engine.core.tensor import Tensor
from grad_engine.errors import ArgumentError
from grad_engine.nn.functional import pad, softmin
from grad_engine.nn.module import Layer


class _Call(Layer):
    """A function of `inputs` tensors; made with its other arguments, which become attributes."""

    function: ClassVar[Callable[..., Any]]
    inputs: ClassVar[int] = 1
    settings: dict[str, Any]

    def __init_subclass__(cls, inplace: bool = False) -> None:
        if "function" not in vars(cls):
            return
        settings = [*inspect.signature(cls.function).parameters.values()][cls.inputs :]
        settings = [each for each in settings if not each.name.startswith("_") and each.name != "dtype"]
        if {"ceil_mode", "return_indices"} <= {each.name for each in settings}:  # PyTorch's layers have them this way
            settings[-2:] = settings[:-3:-1]
        if inplace:  # accepted as PyTorch's: x keeps its numbers all the same
            settings.append(inspect.Parameter("inplace", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=False))
        cls.__signature__ = inspect.Signature(settings)  # type: ignore[attr-defined]

    def __init__(self, *args: Any, **named: Any) -> None:
        signature: inspect.Signature = type(self).__signature__  # type: ignore[attr-defined]
        name = type(self).__name__
        named = renamed(name, named, tuple(signature.parameters), "")
        try:
            bound = signature.bind(*args, **named)
        except TypeError as error:
            raise ArgumentError(f"{name}{signature} does not take this call: {error}") from None
        bound.apply_defaults()
        self.settings = dict(bound.arguments)
        for key, value in self.settings.items():
            setattr(self, key, value)

    def forward(self, *xs: Any) -> Tensor:
        """The function of these tensors."""
        return type(self).function(*xs, **{key: value for key, value in self.settings.items() if key != "inplace"})

    def extra_repr(self) -> str:
        return ", ".join(f"{key}={value!r}" for key, value in self.settings.items() if key != "inplace")


# --- functions of each element ----------------------------------------------------------------------------------------


class CELU(_Call, inplace=True):
    """x where it is positive, else alpha · (exp(x / alpha) − 1)."""

    function = staticmethod(CALLS["celu"])


class SELU(_Call, inplace=True):
    """ELU with the two numbers that keep mean and variance (Klambauer et al. 2017)."""

    function = staticmethod(CALLS["selu"])


class Mish(_Call, inplace=True):
    """x · tanh(softplus(x)) of each element."""

    function = staticmethod(CALLS["mish"])


class ReLU6(_Call, inplace=True):
    """Each element brought between 0 and 6."""

    function = staticmethod(CALLS["relu6"])


class Hardsigmoid(_Call, inplace=True):
    """A sigmoid of three straight lines: (x + 3) / 6 between 0 and 1."""

    function = staticmethod(CALLS["hardsigmoid"])


class Hardswish(_Call, inplace=True):
    """x times its hardsigmoid."""

    function = staticmethod(CALLS["hardswish"])


class Hardshrink(_Call):
    """x where it is beyond lambd on either side of 0, else 0."""

    function = staticmethod(CALLS["hardshrink"])


class Softshrink(_Call):
    """x brought nearer to 0 by lambd, to 0 where it is within."""

    function = staticmethod(CALLS["softshrink"])


class Softsign(_Call):
    """x / (1 + |x|) of each element."""

    function = staticmethod(CALLS["softsign"])


class Tanhshrink(_Call):
    """x minus tanh(x)."""

    function = staticmethod(CALLS["tanhshrink"])


class Threshold(_Call, inplace=True):
    """x where it is above threshold, else value."""

    function = staticmethod(CALLS["threshold"])


class Softmin(_Call):
    """The softmax of −x along axis `dim`, which is chosen as by Softmax where it is not given."""

    function = staticmethod(softmin)


class Softmax2d(Layer):
    """The softmax over the channels of x (batch, channels, height, width), at each place."""

    def forward(self, x: Any) -> Tensor:
        return CALLS["softmax"](x, -3)


class GLU(_Call):
    """The first half of x along an axis times the sigmoid of the second."""

    function = staticmethod(CALLS["glu"])


# --- pools ------------------------------------------------------------------------------------------------------------


class MaxPool1d(_Call):
    """The largest element in each window of x (batch, channels, length); windows side by side by default."""

    function = staticmethod(CALLS["max_pool1d"])


class MaxPool2d(_Call):
    """The largest element in each window of x (batch, channels, height, width); windows side by side by default."""

    function = staticmethod(CALLS["max_pool2d"])


class MaxPool3d(_Call):
    """The largest element in each window of x (batch, channels, depth, height, width)."""

    function = staticmethod(CALLS["max_pool3d"])


class AvgPool1d(_Call):
    """The mean of each window of x (batch, channels, length); windows side by side by default."""

    function = staticmethod(CALLS["avg_pool1d"])


class AvgPool2d(_Call):
    """The mean of each window of x (batch, channels, height, width); windows side by side by default."""

    function = staticmethod(CALLS["avg_pool2d"])


class AvgPool3d(_Call):
    """The mean of each window of x (batch, channels, depth, height, width)."""

    function = staticmethod(CALLS["avg_pool3d"])


class AdaptiveAvgPool1d(_Call):
    """The means of x (batch, channels, length) over output_size windows."""

    function = staticmethod(CALLS["adaptive_avg_pool1d"])


class AdaptiveAvgPool2d(_Call):
    """The means of x (batch, channels, height, width) over windows that make images of output_size."""

    function = staticmethod(CALLS["adaptive_avg_pool2d"])


class AdaptiveAvgPool3d(_Call):
    """The means of x (batch, channels, depth, height, width) over windows that make output_size."""

    function = staticmethod(CALLS["adaptive_avg_pool3d"])


class AdaptiveMaxPool1d(_Call):
    """The largest elements of x (batch, channels, length) in output_size windows."""

    function = staticmethod(CALLS["adaptive_max_pool1d"])


class AdaptiveMaxPool2d(_Call):
    """The largest elements of x (batch, channels, height, width) in windows that make images of output_size."""

    function = staticmethod(CALLS["adaptive_max_pool2d"])


# --- places -----------------------------------------------------------------------------------------------------------


class PixelShuffle(_Call):
    """x (batch, channels · factor², height, width) as an image `upscale_factor` times as large."""

    function = staticmethod(CALLS["pixel_shuffle"])


class PixelUnshuffle(_Call):
    """The reverse of PixelShuffle."""

    function = staticmethod(CALLS["pixel_unshuffle"])


class ChannelShuffle(_Call):
    """x (batch, channels, ...) with the channels of its groups taken in turns."""

    function = staticmethod(CALLS["channel_shuffle"])


class Upsample(_Call):
    """x (batch, channels, ...) enlarged to `size`, or by `scale_factor`; mode: "nearest", "bilinear", ..."""

    function = staticmethod(CALLS["interpolate"])


class UpsamplingNearest2d(Layer):
    """x (batch, channels, height, width) enlarged by repeating pixels: Upsample of the mode "nearest"."""

    mode: ClassVar[str] = "nearest"
    align_corners: ClassVar[bool | None] = None

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        self.size, self.scale_factor = size, scale_factor

    def forward(self, x: Any) -> Tensor:
        found: Tensor = CALLS["interpolate"](
            x, size=self.size, scale_factor=self.scale_factor, mode=self.mode, align_corners=self.align_corners
        )
        return found


class UpsamplingBilinear2d(UpsamplingNearest2d):
    """x (batch, channels, height, width) enlarged by lines between pixels, whose corners stay where they are."""

    mode, align_corners = "bilinear", True


class MaxUnpool1d(Layer):
    """x with each element back where max_pool1d(return_indices=True) found it, and 0 elsewhere."""

    unpool: ClassVar[Callable[..., Any]] = staticmethod(CALLS["max_unpool1d"])

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def forward(self, x: Any, indices: Any, output_size: Any = None) -> Tensor:
        found: Tensor = type(self).unpool(x, indices, self.kernel_size, self.stride, self.padding, output_size)
        return found


class MaxUnpool2d(MaxUnpool1d):
    """x with each element back where max_pool2d(return_indices=True) found it, and 0 elsewhere."""

    unpool = staticmethod(CALLS["max_unpool2d"])


class MaxUnpool3d(MaxUnpool1d):
    """x with each element back where max_pool3d(return_indices=True) found it, and 0 elsewhere."""

    unpool = staticmethod(CALLS["max_unpool3d"])


class Fold(_Call):
    """The patches that Unfold took, added up where they were."""

    function = staticmethod(CALLS["fold"])


class Unfold(_Call):
    """Every patch of x (batch, channels, height, width) as a column."""

    function = staticmethod(CALLS["unfold"])


class LocalResponseNorm(_Call):
    """x over a power of the squares in neighbouring channels (Krizhevsky et al. 2012)."""

    function = staticmethod(CALLS["local_response_norm"])


class _Pad(Layer):
    """x with `padding` more places on each side of its last `axes` axes; a number, or PyTorch's (left, right, ...)."""

    axes: ClassVar[int]
    mode: ClassVar[str] = "constant"
    value: float | None = None

    def __init__(self, padding: Any) -> None:
        self.padding = (padding,) * (2 * self.axes) if isinstance(padding, int) else tuple(padding)
        if len(self.padding) != 2 * self.axes:
            raise ArgumentError(f"{type(self).__name__} takes a number or {2 * self.axes} of them, got {padding!r}")

    def forward(self, x: Any) -> Tensor:
        return pad(x, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        return f"{self.padding}" + ("" if not self.value else f", value={self.value}")


class _ConstantPad(_Pad):
    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value


class ConstantPad1d(_ConstantPad):
    """x (..., length) with places that hold `value` before and after."""

    axes = 1


class ConstantPad2d(_ConstantPad):
    """x (..., height, width) with places that hold `value` around it."""

    axes = 2


class ConstantPad3d(_ConstantPad):
    """x (..., depth, height, width) with places that hold `value` around it."""

    axes = 3


class ZeroPad1d(_Pad):
    """x (..., length) with zeros before and after."""

    axes = 1


class ZeroPad2d(_Pad):
    """x (..., height, width) with zeros around it."""

    axes = 2


class ZeroPad3d(_Pad):
    """x (..., depth, height, width) with zeros around it."""

    axes = 3


class ReflectionPad1d(_Pad):
    """x (..., length) mirrored at its ends."""

    axes, mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """x (..., height, width) mirrored at its edges."""

    axes, mode = 2, "reflect"


class ReflectionPad3d(_Pad):
    """x (..., depth, height, width) mirrored at its faces."""

    axes, mode = 3, "reflect"


class ReplicationPad1d(_Pad):
    """x (..., length) with its ends repeated."""

    axes, mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """x (..., height, width) with its edges repeated."""

    axes, mode = 2, "replicate"


class ReplicationPad3d(_Pad):
    """x (..., depth, height, width) with its faces repeated."""

    axes, mode = 3, "replicate"


class CircularPad1d(_Pad):
    """x (..., length) going round."""

    axes, mode = 1, "circular"


class CircularPad2d(_Pad):
    """x (..., height, width) going round on both axes."""

    axes, mode = 2, "circular"


class CircularPad3d(_Pad):
    """x (..., depth, height, width) going round on all axes."""

    axes, mode = 3, "circular"


# --- how alike two are, and losses ------------------------------------------------------------------------------------


class CosineSimilarity(_Call):
    """The cosine of the angle between x and y along an axis."""

    function, inputs = staticmethod(CALLS["cosine_similarity"]), 2


class PairwiseDistance(_Call):
    """The p-norm of x − y + eps along the last axis."""

    function, inputs = staticmethod(CALLS["pairwise_distance"]), 2


class CosineEmbeddingLoss(_Call):
    """How far the cosine of x and y is from 1, or above margin where the target is −1; reduced."""

    function, inputs = staticmethod(CALLS["cosine_embedding_loss"]), 3


class MarginRankingLoss(_Call):
    """What is missing of margin in target · (x − y), reduced."""

    function, inputs = staticmethod(CALLS["margin_ranking_loss"]), 3


class TripletMarginLoss(_Call):
    """By how much the anchor is not `margin` nearer to the positive than to the negative, reduced."""

    function, inputs = staticmethod(CALLS["triplet_margin_loss"]), 3


class HingeEmbeddingLoss(_Call):
    """x where the target is 1, and what it is short of margin where that is −1; reduced."""

    function, inputs = staticmethod(CALLS["hinge_embedding_loss"]), 2


class SoftMarginLoss(_Call):
    """ln(1 + exp(−target · x)), reduced."""

    function, inputs = staticmethod(CALLS["soft_margin_loss"]), 2


class MultiMarginLoss(_Call):
    """By how much other classes come within margin of the target's score, reduced."""

    function, inputs = staticmethod(CALLS["multi_margin_loss"]), 2


class MultiLabelMarginLoss(_Call):
    """By how much classes that are no target come within 1 of those that are, reduced."""

    function, inputs = staticmethod(CALLS["multilabel_margin_loss"]), 2


class MultiLabelSoftMarginLoss(_Call):
    """The binary cross-entropy of each class, averaged over the classes, reduced."""

    function, inputs = staticmethod(CALLS["multilabel_soft_margin_loss"]), 2


class PoissonNLLLoss(_Call):
    """Minus the log-probability of counts under Poisson distributions, reduced."""

    function, inputs = staticmethod(CALLS["poisson_nll_loss"]), 2


class GaussianNLLLoss(_Call):
    """Minus the log-probability of the target under normal distributions of mean x and this variance, reduced."""

    function, inputs = staticmethod(CALLS["gaussian_nll_loss"]), 3


class CTCLoss(_Call):
    """Minus the log-probability of label sequences without alignment (Graves et al. 2006), reduced."""

    function, inputs = staticmethod(CALLS["ctc_loss"]), 4

    def __init__(self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False) -> None:
        super().__init__(blank, reduction, zero_infinity)
