"""Layers: modules that hold the parameters of an op and call it. The op has the gradient."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from grad_engine.core.defaults import generator_of, get_default_dtype
from grad_engine.core.tensor import Tensor, array_of
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.nn import init
from grad_engine.nn.module import Layer, Module, Parameter, Sequential
from grad_engine.ops import activation, convolution, neural, pooling
from grad_engine.ops.convolution import per_axis
from grad_engine.ops.elementwise import tanh
from grad_engine.ops.shape import flatten, unflatten

Seed = int | np.random.Generator | None


def _whole(name: str, least: int = 1, **numbers: Any) -> None:
    """Raise ArgumentError unless every number is a whole one of at least `least`."""
    for key, number in numbers.items():
        if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < least:
            raise ArgumentError(f"{name} takes a whole number from {least} up as {key}, got {number!r}")


def _affine(
    weight_shape: tuple[int, ...], fan_in: int, bias: bool, dtype: Any, seed: Seed
) -> tuple[Tensor, Tensor | None]:
    """Weight and bias, both uniform within 1 / sqrt(fan-in), as PyTorch draws them for Linear and convolutions."""
    rng, dtype = generator_of(seed), dtype or get_default_dtype()
    bound = 1 / math.sqrt(fan_in)
    weight = init.uniform_(Parameter(np.empty(weight_shape, dtype)), -bound, bound, rng)
    return weight, init.uniform_(Parameter(np.empty(weight_shape[0], dtype)), -bound, bound, rng) if bias else None


# --- affine maps ------------------------------------------------------------------------------------------------------


class Linear(Layer):
    """x (..., in_features) @ weightᵀ + bias -> (..., out_features): every input reaches every result.

    weight: (out_features, in_features). bias: (out_features), or None with bias=False. Both start uniform within
    1 / sqrt(in_features).
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, *, dtype: Any = None, seed: Seed = None
    ) -> None:
        _whole("Linear", in_features=in_features, out_features=out_features)
        self.in_features, self.out_features = in_features, out_features
        self.weight, self.bias = _affine((out_features, in_features), in_features, bias, dtype, seed)

    def forward(self, x: Any) -> Tensor:
        try:
            return neural.linear(x, self.weight, self.bias)
        except ShapeError:
            shape, (results, features) = np.shape(array_of(x)), self.weight.shape
            if shape and shape[-1] == features:
                raise
            raise ShapeError(
                f"Linear({features}, {results}) expects {features} features along the last axis of x, got "
                f"{shape[-1] if shape else 'none'} (shape {shape})"
            ) from None

    def extra_repr(self) -> str:
        return f"{self.in_features}, {self.out_features}" + (", bias=False" if self.bias is None else "")


class _Conv(Layer):
    """Filters of `axes` axes that slide over x, with torch's arguments and first values."""

    axes: ClassVar[int]
    convolve: ClassVar[Callable[..., Tensor]]

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int | tuple[int, ...],
        stride: int | tuple[int, ...] = 1, padding: int | str | tuple[int, ...] = 0,
        dilation: int | tuple[int, ...] = 1, groups: int = 1, bias: bool = True, *, dtype: Any = None,
        seed: Seed = None,
    ) -> None:  # fmt: skip
        name = type(self).__name__
        _whole(name, in_channels=in_channels, out_channels=out_channels, groups=groups)
        if in_channels % groups or out_channels % groups:
            raise ArgumentError(
                f"{name} divides its channels evenly, got in_channels={in_channels} and out_channels={out_channels} "
                f"for groups={groups}"
            )
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size = per_axis(kernel_size, self.axes, "kernel_size", 1)
        self.stride, self.padding, self.dilation, self.groups = stride, padding, dilation, groups
        shape = (out_channels, in_channels // groups, *self.kernel_size)
        self.weight, self.bias = _affine(shape, math.prod(shape[1:]), bias, dtype, seed)

    def forward(self, x: Any) -> Tensor:
        return type(self).convolve(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)

    def extra_repr(self) -> str:
        usual = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
        changed = [f"{name}={value!r}" for name in usual if (value := getattr(self, name)) != usual[name]]
        size = self.kernel_size[0] if len({*self.kernel_size}) == 1 else self.kernel_size
        parts = [str(self.in_channels), str(self.out_channels), f"kernel_size={size}", *changed]
        return ", ".join(parts) + (", bias=False" if self.bias is None else "")


class Conv1d(_Conv):
    """x (batch, in_channels, length) under each of out_channels filters of kernel_size, plus bias.

    Weight and bias start uniform within 1 / sqrt(in_channels / groups · elements of the kernel).
    """

    axes = 1
    convolve = staticmethod(convolution.conv1d)


class Conv2d(_Conv):
    """x (batch, in_channels, height, width) under each of out_channels filters of kernel_size, plus bias.

    Weight and bias start uniform within 1 / sqrt(in_channels / groups · elements of the kernel).
    """

    axes = 2
    convolve = staticmethod(convolution.conv2d)


class ConvTranspose2d(Layer):
    """The transpose of Conv2d: x (batch, in_channels, height, width) spread by filters of kernel_size, plus bias.

    Weight (in_channels, out_channels / groups, *kernel_size) and bias start uniform within 1 / sqrt(out_channels /
    groups · elements of the kernel), as in PyTorch.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int | tuple[int, ...],
        stride: int | tuple[int, ...] = 1, padding: int | tuple[int, ...] = 0,
        output_padding: int | tuple[int, ...] = 0, groups: int = 1, bias: bool = True,
        dilation: int | tuple[int, ...] = 1, *, dtype: Any = None, seed: Seed = None,
    ) -> None:  # fmt: skip
        _whole("ConvTranspose2d", in_channels=in_channels, out_channels=out_channels, groups=groups)
        if in_channels % groups or out_channels % groups:
            raise ArgumentError(
                f"ConvTranspose2d divides its channels evenly, got in_channels={in_channels} and "
                f"out_channels={out_channels} for groups={groups}"
            )
        self.kernel_size = per_axis(kernel_size, 2, "kernel_size", 1)
        self.stride, self.padding, self.output_padding = stride, padding, output_padding
        self.groups, self.dilation = groups, dilation
        shape = (in_channels, out_channels // groups, *self.kernel_size)
        rng, kind, bound = generator_of(seed), dtype or get_default_dtype(), 1 / math.sqrt(math.prod(shape[1:]))
        self.weight = init.uniform_(Parameter(np.empty(shape, kind)), -bound, bound, rng)
        self.bias = init.uniform_(Parameter(np.empty(out_channels, kind)), -bound, bound, rng) if bias else None

    def forward(self, x: Any) -> Tensor:
        return convolution.conv_transpose2d(
            x, self.weight, self.bias, self.stride, self.padding, self.output_padding, self.groups, self.dilation
        )

    def extra_repr(self) -> str:
        return f"{self.weight.shape[0]}, {self.weight.shape[1] * self.groups}, kernel_size={self.kernel_size}"


class _Pool(Layer):
    pool: ClassVar[Callable[..., Tensor]]

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def forward(self, x: Any) -> Tensor:
        return type(self).pool(x, self.kernel_size, self.stride, self.padding)

    def extra_repr(self) -> str:
        return f"{self.kernel_size}, stride={self.kernel_size if self.stride is None else self.stride}"


class MaxPool2d(_Pool):
    """The largest element in each window of x (batch, channels, height, width); windows side by side by default."""

    pool = staticmethod(pooling.max_pool2d)


class AvgPool2d(_Pool):
    """The mean of each window of x (batch, channels, height, width); windows side by side by default."""

    pool = staticmethod(pooling.avg_pool2d)


class MaxPool1d(_Pool):
    """The largest element in each window of x (batch, channels, length); windows side by side by default."""

    pool = staticmethod(pooling.max_pool1d)


class AvgPool1d(_Pool):
    """The mean of each window of x (batch, channels, length); windows side by side by default."""

    pool = staticmethod(pooling.avg_pool1d)


class AdaptiveAvgPool2d(Layer):
    """The means of x (batch, channels, height, width) over windows that make images of output_size."""

    def __init__(self, output_size: Any) -> None:
        self.output_size = output_size

    def forward(self, x: Any) -> Tensor:
        return pooling.adaptive_avg_pool2d(x, self.output_size)

    def extra_repr(self) -> str:
        return f"{self.output_size}"


class Identity(Layer):
    """x as it is; takes, and forgets, any arguments."""

    def __init__(self, *args: Any, **keywords: Any) -> None:
        pass

    def forward(self, x: Any) -> Any:
        return x


class Unflatten(Layer):
    """x with one axis split into several of lengths `shape`."""

    def __init__(self, axis: int, shape: Sequence[int]) -> None:
        self.axis, self.shape = axis, tuple(shape)

    def forward(self, x: Any) -> Tensor:
        return unflatten(x, self.axis, self.shape)

    def extra_repr(self) -> str:
        return f"{self.axis}, {self.shape}"


class Flatten(Layer):
    """x with its axes from start_axis to end_axis joined into one; by default all but the batch.

    start_dim and end_dim are PyTorch's names of these.
    """

    def __init__(
        self, start_axis: int = 1, end_axis: int = -1, *, start_dim: int | None = None, end_dim: int | None = None
    ) -> None:
        self.start_axis = start_axis if start_dim is None else start_dim
        self.end_axis = end_axis if end_dim is None else end_dim

    def forward(self, x: Any) -> Tensor:
        return flatten(x, self.start_axis, self.end_axis)


class Embedding(Layer):
    """A row of `weight` (rows, features) for each whole number in x; rows start normal.

    padding_idx: a row that starts as zeros and gets no gradient.
    """

    def __init__(
        self, rows: int, features: int, padding_idx: int | None = None, *, dtype: Any = None, seed: Seed = None
    ) -> None:
        _whole("Embedding", rows=rows, features=features)
        if padding_idx is not None and not -rows <= padding_idx < rows:
            raise ArgumentError(f"padding_idx={padding_idx} is not one of the {rows} rows; choose 0 to {rows - 1}")
        self.rows, self.features = rows, features
        self.padding_idx = None if padding_idx is None else padding_idx % rows
        self.weight = init.normal_(Parameter(np.empty((rows, features), dtype or get_default_dtype())), seed=seed)
        if self.padding_idx is not None:
            self.weight.data[self.padding_idx] = 0

    def forward(self, x: Any) -> Tensor:
        return neural.embedding(x, self.weight, padding_idx=self.padding_idx)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.rows}, {self.features}{padding}"


# --- normalization and dropout ----------------------------------------------------------------------------------------


class _BatchNorm(Layer):
    """Each channel minus its mean, divided by its standard deviation: the batch's in training, else running ones."""

    axes: ClassVar[tuple[int, ...]]
    shapes: ClassVar[str]
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(
        self, channels: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True, *,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        _whole(type(self).__name__, channels=channels)
        self.channels, self.eps, self.momentum = channels, eps, momentum
        dtype = dtype or get_default_dtype()
        self.weight = Parameter(np.ones(channels, dtype)) if affine else None
        self.bias = Parameter(np.zeros(channels, dtype)) if affine else None
        self.register_buffer("running_mean", np.zeros(channels, dtype))
        self.register_buffer("running_var", np.ones(channels, dtype))
        self.register_buffer("num_batches_tracked", 0)

    def forward(self, x: Any) -> Tensor:
        shape = np.shape(array_of(x))
        if len(shape) not in self.axes or shape[1] != self.channels:
            raise ShapeError(
                f"{type(self).__name__}({self.channels}) takes x {self.shapes} with {self.channels} channels, got "
                f"shape {shape}; reshape it"
            )
        momentum = self.momentum
        if self.training:
            self.num_batches_tracked.data += 1
            momentum = 1 / self.num_batches_tracked.item() if momentum is None else momentum
        return neural.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias,
            training=self.training, momentum=momentum, eps=self.eps,
        )  # fmt: skip

    def extra_repr(self) -> str:
        return f"{self.channels}, eps={self.eps}, momentum={self.momentum}"


class BatchNorm1d(_BatchNorm):
    """x (batch, channels) or (batch, channels, length) with each channel standardized; times weight, plus bias.

    In training by the batch's own mean and variance, towards which the running ones move by `momentum` (None: they are
    the means over all batches so far); after eval() by the running ones.
    """

    axes = (2, 3)
    shapes = "(batch, channels) or (batch, channels, length)"


class BatchNorm2d(_BatchNorm):
    """x (batch, channels, height, width) with each channel standardized; times weight, plus bias.

    In training by the batch's own mean and variance, towards which the running ones move by `momentum` (None: they are
    the means over all batches so far); after eval() by the running ones.
    """

    axes = (4,)
    shapes = "(batch, channels, height, width)"


class LayerNorm(Layer):
    """x minus its mean, divided by its standard deviation, over the axes normalized_shape; times weight, plus bias."""

    def __init__(
        self, normalized_shape: int | Sequence[int], eps: float = 1e-5, affine: bool = True, *, dtype: Any = None
    ) -> None:
        shape = (normalized_shape,) if isinstance(normalized_shape, int | np.integer) else tuple(normalized_shape)
        _whole("LayerNorm", **{f"normalized_shape[{axis}]": length for axis, length in enumerate(shape)})
        self.normalized_shape, self.eps = shape, eps
        dtype = dtype or get_default_dtype()
        self.weight = Parameter(np.ones(shape, dtype)) if affine else None
        self.bias = Parameter(np.zeros(shape, dtype)) if affine else None

    def forward(self, x: Any) -> Tensor:
        return neural.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}"


class Dropout(Layer):
    """x with each element set to 0 with probability p, the others times 1 / (1 - p); x itself after eval().

    Each call draws anew, in an order that `seed` fixes. state_dict() does not say how far the draws have come, as in
    PyTorch; a run that is to go on to the bit keeps `dropout.rng.bit_generator.state` as well, and sets it again.
    """

    def __init__(self, p: float = 0.5, inplace: bool = False, *, seed: Seed = None) -> None:
        if not 0 <= p <= 1:
            raise ArgumentError(f"Dropout takes a probability from 0 to 1, got {p!r}")
        self.p = p
        self.rng = generator_of(seed)

    def forward(self, x: Any) -> Tensor:
        # A number, so that the record of the call says all that is needed to make it again.
        seed = self.rng.integers(2**32) if self.training else None
        return neural.dropout(x, self.p, self.training, seed)

    def extra_repr(self) -> str:
        return f"p={self.p}"


class Dropout2d(Dropout):
    """Dropout of whole channels of x (batch, channels, height, width): each is kept or set to 0 with all its places."""

    def forward(self, x: Any) -> Tensor:
        return neural.dropout2d(x, self.p, self.training, self.rng.integers(2**32) if self.training else None)


class GroupNorm(Layer):
    """x (batch, channels, ...) minus its mean, divided by its standard deviation, in each group of channels.

    Times weight, plus bias; num_groups divides the channels evenly.
    """

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, *, dtype: Any = None
    ) -> None:
        _whole("GroupNorm", num_groups=num_groups, num_channels=num_channels)
        if num_channels % num_groups:
            raise ArgumentError(f"num_channels={num_channels} is not divided evenly by num_groups={num_groups}")
        self.num_groups, self.num_channels, self.eps = num_groups, num_channels, eps
        dtype = dtype or get_default_dtype()
        self.weight = Parameter(np.ones(num_channels, dtype)) if affine else None
        self.bias = Parameter(np.zeros(num_channels, dtype)) if affine else None

    def forward(self, x: Any) -> Tensor:
        return neural.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}"


# --- activations ------------------------------------------------------------------------------------------------------


class ReLU(Layer):
    """x where it is positive, else 0. With inplace=True too x keeps its numbers."""

    def __init__(self, inplace: bool = False) -> None:
        self.inplace = inplace

    def forward(self, x: Any) -> Tensor:
        return activation.relu(x)


class Tanh(Layer):
    """The hyperbolic tangent of each element, between -1 and 1."""

    def forward(self, x: Any) -> Tensor:
        return tanh(x)


class Sigmoid(Layer):
    """1 / (1 + exp(-x)) of each element, between 0 and 1."""

    def forward(self, x: Any) -> Tensor:
        return activation.sigmoid(x)


class SiLU(Layer):
    """x · sigmoid(x) of each element."""

    def __init__(self, inplace: bool = False) -> None:
        self.inplace = inplace

    def forward(self, x: Any) -> Tensor:
        return activation.silu(x)


class GELU(Layer):
    """x times the chance that a normal number is below x; approximate="tanh" for the usual approximation."""

    def __init__(self, approximate: str = "none") -> None:
        self.approximate = approximate

    def forward(self, x: Any) -> Tensor:
        return activation.gelu(x, self.approximate)


class ELU(Layer):
    """x where it is positive, else alpha · (exp(x) − 1)."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        self.alpha = alpha

    def forward(self, x: Any) -> Tensor:
        return activation.elu(x, self.alpha)


class Softplus(Layer):
    """ln(1 + exp(beta · x)) / beta of each element, and x itself where beta · x is above threshold."""

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        self.beta, self.threshold = beta, threshold

    def forward(self, x: Any) -> Tensor:
        return activation.softplus(x, self.beta, self.threshold)


class Hardtanh(Layer):
    """Each element brought between min_val and max_val."""

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        self.min_val, self.max_val = min_val, max_val

    def forward(self, x: Any) -> Tensor:
        return activation.hardtanh(x, self.min_val, self.max_val)


class LogSigmoid(Layer):
    """The logarithm of the sigmoid of each element."""

    def forward(self, x: Any) -> Tensor:
        return activation.logsigmoid(x)


class LeakyReLU(Layer):
    """x where it is positive, else x times negative_slope."""

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        self.negative_slope = negative_slope

    def forward(self, x: Any) -> Tensor:
        return activation.leaky_relu(x, self.negative_slope)


class Softmax(Layer):
    """exp(x) along `axis`, or `dim`, over its sum: positive numbers that add up to 1."""

    def __init__(self, axis: int = -1, *, dim: int | None = None) -> None:
        self.axis = axis if dim is None else dim

    def forward(self, x: Any) -> Tensor:
        return activation.softmax(x, self.axis)

    def extra_repr(self) -> str:
        return f"axis={self.axis}"


class LogSoftmax(Layer):
    """The logarithm of the softmax along `axis`, or `dim`."""

    def __init__(self, axis: int = -1, *, dim: int | None = None) -> None:
        self.axis = axis if dim is None else dim

    def forward(self, x: Any) -> Tensor:
        return activation.log_softmax(x, self.axis)

    def extra_repr(self) -> str:
        return f"axis={self.axis}"


# --- networks ---------------------------------------------------------------------------------------------------------


class MLP(Sequential):
    """Linear layers from each of `sizes` to the next, with an activation between them: `MLP([13, 8, 1])`.

    activation: makes a module, once for each place between two layers.
    """

    def __init__(
        self, sizes: Sequence[int], activation: Callable[[], Module] = ReLU, *, bias: bool = True, dtype: Any = None,
        seed: Seed = None,
    ) -> None:  # fmt: skip
        if not isinstance(sizes, Sequence) or len(sizes) < 2:
            raise ArgumentError(f"MLP takes two sizes or more, from inputs to results, got {sizes!r}; write [13, 8, 1]")
        rng = generator_of(seed)
        modules: list[Module] = []
        for inputs, results in pairwise(sizes):
            if modules:
                modules.append(activation())
            modules.append(Linear(inputs, results, bias, dtype=dtype, seed=rng))
        super().__init__(*modules)
