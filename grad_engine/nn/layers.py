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
from grad_engine.nn import functional, init
from grad_engine.nn.module import Layer, Module, Parameter, Sequential
from grad_engine.ops import activation, convolution, neural, normalization
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
        dilation: int | tuple[int, ...] = 1, groups: int = 1, bias: bool = True, padding_mode: str = "zeros", *,
        dtype: Any = None, seed: Seed = None,
    ) -> None:  # fmt: skip
        name = type(self).__name__
        if padding_mode not in ("zeros", "reflect", "replicate", "circular"):
            raise ArgumentError(
                f"padding_mode of {name} is 'zeros', 'reflect', 'replicate' or 'circular', got {padding_mode!r}"
            )
        self.padding_mode = padding_mode
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
        padding = self.padding
        if self.padding_mode != "zeros":
            x, padding = functional.pad(x, self._widths(), self.padding_mode), 0
        return type(self).convolve(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)

    def _widths(self) -> list[int]:
        """How many places to add before and after each axis, the last one first."""
        if self.padding == "valid":
            return [0] * (2 * self.axes)
        apart = per_axis(self.dilation, self.axes, "dilation", 1)
        if self.padding == "same":
            reach = [d * (k - 1) for d, k in zip(apart, self.kernel_size, strict=True)]
            return [part for each in reversed(reach) for part in (each // 2, each - each // 2)]
        return [each for each in reversed(per_axis(self.padding, self.axes, "padding", 0)) for _ in range(2)]

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


class Conv3d(_Conv):
    """x (batch, in_channels, depth, height, width) under each of out_channels filters of kernel_size, plus bias."""

    axes = 3
    convolve = staticmethod(convolution.conv3d)


class _ConvTranspose(Layer):
    """Filters of `axes` axes that x spreads, with torch's arguments and first values.

    Weight (in_channels, out_channels / groups, *kernel_size) and bias start uniform within 1 / sqrt(out_channels /
    groups · elements of the kernel), as in PyTorch.
    """

    axes: ClassVar[int]
    convolve: ClassVar[Callable[..., Tensor]]

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int | tuple[int, ...],
        stride: int | tuple[int, ...] = 1, padding: int | tuple[int, ...] = 0,
        output_padding: int | tuple[int, ...] = 0, groups: int = 1, bias: bool = True,
        dilation: int | tuple[int, ...] = 1, *, dtype: Any = None, seed: Seed = None,
    ) -> None:  # fmt: skip
        _whole(type(self).__name__, in_channels=in_channels, out_channels=out_channels, groups=groups)
        if in_channels % groups or out_channels % groups:
            raise ArgumentError(
                f"{type(self).__name__} divides its channels evenly, got in_channels={in_channels} and "
                f"out_channels={out_channels} for groups={groups}"
            )
        self.kernel_size = per_axis(kernel_size, self.axes, "kernel_size", 1)
        self.stride, self.padding, self.output_padding = stride, padding, output_padding
        self.groups, self.dilation = groups, dilation
        shape = (in_channels, out_channels // groups, *self.kernel_size)
        rng, kind, bound = generator_of(seed), dtype or get_default_dtype(), 1 / math.sqrt(math.prod(shape[1:]))
        self.weight = init.uniform_(Parameter(np.empty(shape, kind)), -bound, bound, rng)
        self.bias = init.uniform_(Parameter(np.empty(out_channels, kind)), -bound, bound, rng) if bias else None

    def forward(self, x: Any) -> Tensor:
        return type(self).convolve(
            x, self.weight, self.bias, self.stride, self.padding, self.output_padding, self.groups, self.dilation
        )

    def extra_repr(self) -> str:
        return f"{self.weight.shape[0]}, {self.weight.shape[1] * self.groups}, kernel_size={self.kernel_size}"


class ConvTranspose1d(_ConvTranspose):
    """The transpose of Conv1d: x (batch, in_channels, length) spread by filters of kernel_size, plus bias."""

    axes = 1
    convolve = staticmethod(convolution.conv_transpose1d)


class ConvTranspose2d(_ConvTranspose):
    """The transpose of Conv2d: x (batch, in_channels, height, width) spread by filters of kernel_size, plus bias."""

    axes = 2
    convolve = staticmethod(convolution.conv_transpose2d)


class Bilinear(Layer):
    """x (..., in1_features) @ weight @ y (..., in2_features), plus bias: a number for each of out_features.

    Weight (out_features, in1_features, in2_features) and bias start uniform within 1 / sqrt(in1_features).
    """

    def __init__(
        self, in1_features: int, in2_features: int, out_features: int, bias: bool = True, *, dtype: Any = None,
        seed: Seed = None,
    ) -> None:  # fmt: skip
        _whole("Bilinear", in1_features=in1_features, in2_features=in2_features, out_features=out_features)
        shape = (out_features, in1_features, in2_features)
        self.weight, self.bias = _affine(shape, in1_features, bias, dtype, seed)

    def forward(self, x: Any, y: Any) -> Tensor:
        return neural.bilinear(x, y, self.weight, self.bias)


class Identity(Layer):
    """x as it is; takes, and forgets, any arguments."""

    def __init__(self, *args: Any, **keywords: Any) -> None:
        pass

    def forward(self, x: Any) -> Any:
        return x


class Unflatten(Layer):
    """x with axis `dim` split into several of lengths unflattened_size."""

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        self.axis, self.shape = dim, tuple(unflattened_size)

    def forward(self, x: Any) -> Tensor:
        return unflatten(x, self.axis, self.shape)

    def extra_repr(self) -> str:
        return f"{self.axis}, {self.shape}"


class Flatten(Layer):
    """x with its axes from start_dim to end_dim joined into one; by default all but the batch."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x: Any) -> Tensor:
        return flatten(x, self.start_dim, self.end_dim)


class Embedding(Layer):
    """A row of `weight` (num_embeddings, embedding_dim) for each whole number in x; rows start normal.

    padding_idx: a row that starts as zeros and gets no gradient.
    """

    def __init__(
        self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None, max_norm: float | None = None,
        norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False, *, dtype: Any = None,
        seed: Seed = None,
    ) -> None:  # fmt: skip
        if max_norm is not None or scale_grad_by_freq:
            raise ArgumentError(
                "the rows of an Embedding keep their length, and gradients are sums; leave max_norm and "
                "scale_grad_by_freq out"
            )
        del norm_type, sparse  # of max_norm, and of how PyTorch keeps gradients, which are dense here
        _whole("Embedding", num_embeddings=num_embeddings, embedding_dim=embedding_dim)
        rows = self.num_embeddings = num_embeddings
        if padding_idx is not None and not -rows <= padding_idx < rows:
            raise ArgumentError(f"padding_idx={padding_idx} is not one of the {rows} rows; choose 0 to {rows - 1}")
        self.embedding_dim = embedding_dim
        self.padding_idx = None if padding_idx is None else padding_idx % rows
        self.weight = init.normal_(Parameter(np.empty((rows, embedding_dim), dtype or get_default_dtype())), seed=seed)
        if self.padding_idx is not None:
            self.weight.array[self.padding_idx] = 0

    @classmethod
    def from_pretrained(cls, embeddings: Any, freeze: bool = True, padding_idx: int | None = None) -> Embedding:
        """An Embedding whose rows are these, a copy; frozen unless freeze=False."""
        rows = array_of(embeddings)
        made = cls(rows.shape[0], rows.shape[1], padding_idx, dtype=rows.dtype)
        made.weight.array[...] = rows
        made.weight.requires_grad_(not freeze)
        return made

    def forward(self, x: Any) -> Tensor:
        return neural.embedding(x, self.weight, padding_idx=self.padding_idx)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"


class EmbeddingBag(Layer):
    """The mean, sum or maximum of the rows of `weight` that each bag of whole numbers names; 0 for an empty bag.

    x (bags, length), or a vector with the place in it where each bag begins.
    """

    def __init__(
        self, num_embeddings: int, embedding_dim: int, max_norm: float | None = None, norm_type: float = 2.0,
        scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False, _weight: Any = None,
        include_last_offset: bool = False, padding_idx: int | None = None, *, dtype: Any = None, seed: Seed = None,
    ) -> None:  # fmt: skip
        rows = Embedding(
            num_embeddings, embedding_dim, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, dtype=dtype,
            seed=seed,
        )  # fmt: skip
        self.num_embeddings, self.embedding_dim, self.padding_idx = num_embeddings, embedding_dim, rows.padding_idx
        self.mode, self.include_last_offset = mode, include_last_offset
        self.weight = rows.weight if _weight is None else Parameter(_weight)

    def forward(self, input: Any, offsets: Any = None, per_sample_weights: Any = None) -> Tensor:
        return neural.embedding_bag(
            input, self.weight, offsets, self.mode, per_sample_weights, self.include_last_offset, self.padding_idx
        )

    def extra_repr(self) -> str:
        return f"{self.num_embeddings}, {self.embedding_dim}, mode={self.mode!r}"


# --- normalization and dropout ----------------------------------------------------------------------------------------


class _BatchNorm(Layer):
    """Each channel minus its mean, divided by its standard deviation: the batch's in training, else running ones."""

    axes: ClassVar[tuple[int, ...]]
    shapes: ClassVar[str]
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
        track_running_stats: bool = True, bias: bool = True, *, dtype: Any = None,
    ) -> None:  # fmt: skip
        _whole(type(self).__name__, num_features=num_features)
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        dtype = dtype or get_default_dtype()
        self.weight = Parameter(np.ones(num_features, dtype)) if affine else None
        self.bias = Parameter(np.zeros(num_features, dtype)) if affine and bias else None
        if track_running_stats:
            self.register_buffer("running_mean", np.zeros(num_features, dtype))
            self.register_buffer("running_var", np.ones(num_features, dtype))
            self.register_buffer("num_batches_tracked", 0)

    def _check(self, x: Any) -> None:
        shape = np.shape(array_of(x))
        if len(shape) not in self.axes or shape[1] != self.num_features:
            raise ShapeError(
                f"{type(self).__name__}({self.num_features}) takes x {self.shapes} with {self.num_features} channels, "
                f"got shape {shape}; reshape it"
            )

    def forward(self, x: Any) -> Tensor:
        self._check(x)
        if not self.track_running_stats:
            return normalization.batch_norm(x, None, None, self.weight, self.bias, training=True, eps=self.eps)
        momentum: Any = self.momentum
        if self.training:
            self.num_batches_tracked.array += 1
            momentum = 1 / self.num_batches_tracked.array if momentum is None else momentum
        return normalization.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias,
            training=self.training, momentum=momentum, eps=self.eps,
        )  # fmt: skip

    def reset_running_stats(self) -> None:
        """Begin anew with running means 0 and variances 1."""
        if self.track_running_stats:
            self.running_mean.array[...], self.running_var.array[...] = 0, 1
            self.num_batches_tracked.array[...] = 0

    def extra_repr(self) -> str:
        return f"{self.num_features}, eps={self.eps}, momentum={self.momentum}"


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


class BatchNorm3d(_BatchNorm):
    """x (batch, channels, depth, height, width) with each channel standardized, as in BatchNorm2d."""

    axes = (5,)
    shapes = "(batch, channels, depth, height, width)"


class _InstanceNorm(_BatchNorm):
    """Each channel of each image minus its mean, divided by its standard deviation."""

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = False,
        track_running_stats: bool = False, bias: bool = True, *, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(num_features, eps, momentum, affine, track_running_stats, bias, dtype=dtype)

    def forward(self, x: Any) -> Tensor:
        self._check(x)
        own = self.training or not self.track_running_stats
        kept = (self.running_mean, self.running_var) if self.track_running_stats else (None, None)
        return normalization.instance_norm(x, *kept, self.weight, self.bias, own, self.momentum, self.eps)


class InstanceNorm1d(_InstanceNorm):
    """x (batch, channels, length) with each channel of each row standardized; times weight, plus bias if affine."""

    axes, shapes = (3,), "(batch, channels, length)"


class InstanceNorm2d(_InstanceNorm):
    """x (batch, channels, height, width) with each channel of each image standardized."""

    axes, shapes = (4,), "(batch, channels, height, width)"


class InstanceNorm3d(_InstanceNorm):
    """x (batch, channels, depth, height, width) with each channel of each image standardized."""

    axes, shapes = (5,), "(batch, channels, depth, height, width)"


class RMSNorm(Layer):
    """x over its root mean square over the axes normalized_shape; times weight (Zhang & Sennrich 2019)."""

    def __init__(
        self, normalized_shape: int | Sequence[int], eps: float | None = None, elementwise_affine: bool = True, *,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        shape = (normalized_shape,) if isinstance(normalized_shape, int | np.integer) else tuple(normalized_shape)
        _whole("RMSNorm", **{f"normalized_shape[{axis}]": length for axis, length in enumerate(shape)})
        self.normalized_shape, self.eps = shape, eps
        self.weight = Parameter(np.ones(shape, dtype or get_default_dtype())) if elementwise_affine else None

    def forward(self, x: Any) -> Tensor:
        return normalization.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}"


class LayerNorm(Layer):
    """x minus its mean, divided by its standard deviation, over the axes normalized_shape; times weight, plus bias."""

    def __init__(
        self, normalized_shape: int | Sequence[int], eps: float = 1e-5, elementwise_affine: bool = True,
        bias: bool = True, *, dtype: Any = None,
    ) -> None:  # fmt: skip
        shape = (normalized_shape,) if isinstance(normalized_shape, int | np.integer) else tuple(normalized_shape)
        _whole("LayerNorm", **{f"normalized_shape[{axis}]": length for axis, length in enumerate(shape)})
        self.normalized_shape, self.eps = shape, eps
        dtype = dtype or get_default_dtype()
        self.weight = Parameter(np.ones(shape, dtype)) if elementwise_affine else None
        self.bias = Parameter(np.zeros(shape, dtype)) if elementwise_affine and bias else None

    def forward(self, x: Any) -> Tensor:
        return normalization.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

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

    def _seed(self) -> Any:
        # A number, so that the record of the call says all that is needed to make it again; none where none is needed.
        return self.rng.integers(2**32) if self.training and self.p else None

    def forward(self, x: Any) -> Tensor:
        return neural.dropout(x, self.p, self.training, self._seed())

    def extra_repr(self) -> str:
        return f"p={self.p}"


class Dropout2d(Dropout):
    """Dropout of whole channels of x (batch, channels, height, width): each is kept or set to 0 with all its places."""

    def forward(self, x: Any) -> Tensor:
        return neural.dropout2d(x, self.p, self.training, self._seed())


class Dropout1d(Dropout):
    """Dropout of whole channels of x (batch, channels, length)."""

    def forward(self, x: Any) -> Tensor:
        return neural.dropout1d(x, self.p, self.training, self._seed())


class Dropout3d(Dropout):
    """Dropout of whole channels of x (batch, channels, depth, height, width)."""

    def forward(self, x: Any) -> Tensor:
        return neural.dropout3d(x, self.p, self.training, self._seed())


class GroupNorm(Layer):
    """x (batch, channels, ...) minus its mean, divided by its standard deviation, in each group of channels.

    Times weight, plus bias; num_groups divides the channels evenly.
    """

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, bias: bool = True, *,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        _whole("GroupNorm", num_groups=num_groups, num_channels=num_channels)
        if num_channels % num_groups:
            raise ArgumentError(f"num_channels={num_channels} is not divided evenly by num_groups={num_groups}")
        self.num_groups, self.num_channels, self.eps = num_groups, num_channels, eps
        dtype = dtype or get_default_dtype()
        self.weight = Parameter(np.ones(num_channels, dtype)) if affine else None
        self.bias = Parameter(np.zeros(num_channels, dtype)) if affine and bias else None

    def forward(self, x: Any) -> Tensor:
        return normalization.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

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
    """exp(x) along axis `dim` over its sum: positive numbers that add up to 1.

    Without dim the axis is PyTorch's: 0 of one or three axes, else 1.
    """

    def __init__(self, dim: int | None = None) -> None:
        self.dim = dim

    def forward(self, x: Any) -> Tensor:
        return functional.softmax(x, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class LogSoftmax(Layer):
    """The logarithm of the softmax along axis `dim`, which is chosen as by Softmax where it is not given."""

    def __init__(self, dim: int | None = None) -> None:
        self.dim = dim

    def forward(self, x: Any) -> Tensor:
        return functional.log_softmax(x, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


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


class PReLU(Layer):
    """x where it is positive, else x times `weight`, which is trained: one number, or one for each channel."""

    def __init__(self, num_parameters: int = 1, init: float = 0.25, *, dtype: Any = None) -> None:
        _whole("PReLU", num_parameters=num_parameters)
        self.num_parameters = num_parameters
        self.weight = Parameter(np.full(num_parameters, init, dtype or get_default_dtype()))

    def forward(self, x: Any) -> Tensor:
        return activation.prelu(x, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"
