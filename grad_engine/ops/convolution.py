"""Convolution over one, two and three axes. Channels come after the batch axis, as in PyTorch: (batch, channel, ...).

Three bilinear maps, each the gradient of the other two: conv (x, weight -> y), conv_transpose (y, weight -> x) and
conv_weight (x, y -> weight). Each copies the windows of x into the columns of a matrix and leaves the sums to BLAS
(Chellapilla, Puri & Simard 2006), a few images at a time, so that the columns stay in cache.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.op import case, define, in_rules
from grad_engine.ops.reduction import total

COLUMNS = 1 << 18  # elements of the column matrix: 2 MiB of float64


def per_axis(value: Any, n: int, name: str, least: int) -> tuple[int, ...]:
    """One whole number for each of `n` axes, from a number or a sequence of them."""
    given = (value,) if isinstance(value, int | np.integer) else tuple(value) if np.ndim(value) == 1 else ()
    given = given * n if len(given) == 1 else given
    if len(given) != n or not all(isinstance(part, int | np.integer) and part >= least for part in given):
        raise ArgumentError(f"{name} must be a whole number of at least {least}, or {n} of them, got {value!r}")
    return tuple(map(int, given))


def _pads(padding: Any, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]) -> Any:
    """(before, after) for each axis."""
    n = len(kernel)
    if isinstance(padding, str):
        if padding == "valid":
            return ((0, 0),) * n
        if padding != "same":
            raise ArgumentError(f"padding must be 'same', 'valid', a number or one for each axis, got {padding!r}")
        if any(step != 1 for step in stride):
            raise ArgumentError(f"padding='same' needs stride 1, got stride {stride}; give the padding as numbers")
        spare = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        return tuple((each // 2, each - each // 2) for each in spare)
    if np.ndim(padding) == 2:
        return tuple(per_axis(pair, 2, "padding before and after", 0) for pair in padding)
    return tuple((each, each) for each in per_axis(padding, n, "padding", 0))


class _Plan:
    """The shapes of one convolution: x (batch, channels, *size) with weight (filters, channels / groups, *kernel)."""

    __slots__ = ("channels", "dilation", "groups", "kernel", "padded", "pads", "places", "size", "stride")

    def __init__(
        self,
        size: tuple[int, ...] | None,
        weight: tuple[int, ...],
        stride: Any,
        padding: Any,
        dilation: Any,
        groups: Any,
    ) -> None:
        n = len(weight) - 2
        self.kernel = weight[2:]
        if 0 in self.kernel:
            raise ShapeError(f"a kernel is at least 1 long along each axis, got weight of shape {weight}")
        self.stride = per_axis(stride, n, "stride", 1)
        self.dilation = per_axis(dilation, n, "dilation", 1)
        self.pads = _pads(padding, self.kernel, self.stride, self.dilation)
        self.groups = per_axis(groups, 1, "groups", 1)[0]
        self.channels = weight[1] * self.groups
        if weight[0] % self.groups:
            raise ShapeError(f"groups={self.groups} does not divide the {weight[0]} filters of weight {weight}")
        if size is not None:
            self._fit(size)

    def _fit(self, size: tuple[int, ...]) -> None:
        self.size = size
        self.padded = tuple(length + a + b for length, (a, b) in zip(size, self.pads, strict=True))
        reach = [d * (k - 1) + 1 for d, k in zip(self.dilation, self.kernel, strict=True)]
        if any(r > p for r, p in zip(reach, self.padded, strict=True)):
            raise ShapeError(
                f"a kernel that reaches over {tuple(reach)} does not fit into {self.padded}, the padded size of x; "
                "use a smaller kernel or more padding"
            )
        self.places = tuple((p - r) // s + 1 for p, r, s in zip(self.padded, reach, self.stride, strict=True))

    def from_places(self, places: tuple[int, ...], output_padding: tuple[int, ...]) -> None:
        """Fit the size that a transposed convolution gives from `places`."""
        parts = zip(places, self.kernel, self.stride, self.dilation, self.pads, output_padding, strict=True)
        size = tuple((p - 1) * s + d * (k - 1) + 1 - a - b + extra for p, k, s, d, (a, b), extra in parts)
        if any(length < 1 for length in size):
            raise ShapeError(f"a transposed convolution of size {places} would give size {size}; use less padding")
        if any(e >= max(s, d) for e, s, d in zip(output_padding, self.stride, self.dilation, strict=True)):
            raise ArgumentError(
                f"output_padding={output_padding} must be smaller than the stride {self.stride} or the dilation "
                f"{self.dilation}; pad the result instead"
            )
        self._fit(size)
        self.places = places

    def windows(self, x: np.ndarray) -> np.ndarray:
        """What the kernel sees at each place, as a view: (batch, channels, *kernel, *places)."""
        if any(a or b for a, b in self.pads):
            inner = tuple(slice(a, a + length) for (a, _), length in zip(self.pads, self.size, strict=True))
            padded = np.zeros((*x.shape[:2], *self.padded), x.dtype)
            padded[(slice(None), slice(None), *inner)] = x
            x = padded
        batch, channel, *along = x.strides
        return as_strided(
            x, (*x.shape[:2], *self.kernel, *self.places),
            (batch, channel, *(d * a for d, a in zip(self.dilation, along, strict=True)),
             *(s * a for s, a in zip(self.stride, along, strict=True))), writeable=False,
        )  # fmt: skip

    def columns(self, x: np.ndarray) -> Any:
        """(slice of the batch, its windows as matrices (batch, groups, rows, places)), a few images at a time."""
        windows = self.windows(x)
        rows, places = self.channels // self.groups * math.prod(self.kernel), math.prod(self.places)
        for part in self.parts(len(x)):
            several = windows[part]
            yield part, several.reshape(len(several), self.groups, rows, places)

    def parts(self, batch: int) -> list[slice]:
        each = self.channels * math.prod(self.kernel) * math.prod(self.places)
        step = max(COLUMNS // max(each, 1), 1)
        return [slice(start, start + step) for start in range(0, batch, step)]


def _batched(name: str, x: Any, weight_ndim: int, what: str = "x") -> Any:
    """`x` with a batch axis, which a single image may leave out."""
    if x.ndim == weight_ndim - 1:
        return x[None]
    if x.ndim != weight_ndim:
        raise ShapeError(
            f"{name}() takes {what} with {weight_ndim} axes (batch, channels, ...) or {weight_ndim - 1} without the "
            f"batch, got shape {x.shape}; reshape it"
        )
    return x


def _with_bias(name: str, out: Any, bias: Any, filters: int) -> Any:
    if bias is None:
        return out
    if np.shape(bias) != (filters,):
        raise ShapeError(f"{name}() takes a bias of shape ({filters},), one for each filter, got {np.shape(bias)}")
    if np.can_cast(bias.dtype, out.dtype):
        out += bias.reshape(-1, *(1,) * (out.ndim - 2))
        return out
    return out + bias.reshape(-1, *(1,) * (out.ndim - 2))


def _define_convolutions(n: int) -> tuple[Any, Any, Any]:
    """conv, conv_transpose and conv_weight over `n` axes."""
    name, transposed_name, weight_name = f"conv{n}d", f"conv_transpose{n}d", f"conv{n}d_weight"
    axes = ", ".join(("depth", "height", "width")[3 - n :])

    def checked(what: str, x: Any, weight: Any) -> None:
        if not isinstance(weight, np.ndarray) or weight.ndim != n + 2:
            raise ShapeError(f"{what}() takes a weight with {n + 2} axes, got shape {np.shape(weight)}; reshape it")

    def conv(
        x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
    ) -> Any:
        checked(name, x, weight)
        images = _batched(name, x, n + 2)
        plan = _Plan(images.shape[2:], weight.shape, stride, padding, dilation, groups)
        if images.shape[1] != plan.channels:
            raise ShapeError(
                f"{name}() with weight {weight.shape} and groups={groups} takes {plan.channels} channels, "
                f"got x of shape {x.shape}"
            )
        filters = weight.shape[0]
        matrix = weight.reshape(plan.groups, filters // plan.groups, math.prod(weight.shape[1:]))
        out = np.empty(
            (len(images), plan.groups, filters // plan.groups, math.prod(plan.places)), np.result_type(x, weight)
        )
        for part, columns in plan.columns(images):
            np.matmul(matrix, columns, out=out[part])
        out = _with_bias(name, out.reshape(len(images), filters, *plan.places), bias, filters)
        return out if images is x else out[0]

    def conv_transpose(
        x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
        groups: int = 1, dilation: Any = 1,
    ) -> Any:  # fmt: skip
        checked(transposed_name, x, weight)
        images = _batched(transposed_name, x, n + 2)
        if isinstance(padding, str) and padding == "same":
            raise ArgumentError(f"{transposed_name}() takes its padding as numbers, got 'same'")
        plan = _Plan(None, weight.shape, stride, padding, dilation, groups)
        plan.from_places(images.shape[2:], per_axis(output_padding, n, "output_padding", 0))
        batch, filters = len(images), weight.shape[0]
        if images.shape[1] != filters:
            raise ShapeError(
                f"{transposed_name}() with weight {weight.shape} takes {filters} channels, got x of shape {x.shape}"
            )
        matrix = weight.reshape(plan.groups, filters // plan.groups, math.prod(weight.shape[1:])).mT
        images = images.reshape(batch, plan.groups, filters // plan.groups, math.prod(plan.places))
        padded = np.zeros((batch, plan.channels, *plan.padded), np.result_type(x, weight))
        for part in plan.parts(batch):
            columns = np.matmul(matrix, images[part])
            columns = columns.reshape(len(columns), plan.channels, *plan.kernel, *plan.places)
            for offset in np.ndindex(plan.kernel):
                steps = zip(offset, plan.dilation, plan.stride, plan.places, strict=True)
                seen = tuple(slice(o * d, o * d + s * (p - 1) + 1, s) for o, d, s, p in steps)
                padded[(part, slice(None), *seen)] += columns[(slice(None), slice(None), *offset)]
        inner = tuple(slice(a, a + length) for (a, _), length in zip(plan.pads, plan.size, strict=True))
        out = _with_bias(transposed_name, padded[(slice(None), slice(None), *inner)], bias, plan.channels)
        return out if x.ndim == n + 2 else out[0]

    def conv_weight(
        x: Any, y: Any, shape: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
    ) -> Any:
        images, results = _batched(weight_name, x, n + 2), _batched(weight_name, y, n + 2, "y")
        plan = _Plan(images.shape[2:], shape, stride, padding, dilation, groups)
        plan.places = results.shape[2:]  # fewer than fit where an output_padding went beyond the stride
        results = results.reshape(len(images), plan.groups, shape[0] // plan.groups, math.prod(plan.places))
        out = np.zeros((plan.groups, shape[0] // plan.groups, math.prod(shape[1:])), np.result_type(x, y))
        for part, columns in plan.columns(images):
            out += np.add.reduce(np.matmul(results[part], columns.mT), axis=0)
        return out.reshape(shape)

    def back_to_x(g: Any, weight: Any, x: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
        size = x.shape[x.ndim - n :]
        plan = _Plan(size, weight.shape, stride, padding, dilation, groups)
        parts = zip(size, g.shape[g.ndim - n :], plan.kernel, plan.stride, plan.dilation, plan.pads, strict=True)
        extra = tuple(length - ((p - 1) * s + d * (k - 1) + 1 - a - b) for length, p, k, s, d, (a, b) in parts)
        return transposed(g, weight, None, plan.stride, plan.pads, extra, groups, plan.dilation)

    def cropped(g: Any, x: Any) -> Any:
        inner = x.shape[x.ndim - n :]
        return g if g.shape[g.ndim - n :] == inner else g[(..., *map(slice, inner))]

    def over_places(g: Any) -> Any:
        return total(g, axis=(*range(g.ndim - n - 1), *range(g.ndim - n, g.ndim)))

    filters_of_x = "{x} summed under {g}, at each place of the kernel"
    small, odd, line = (5,) * n, tuple(range(5, 5 + n)), (1,) * (n - 1)
    call = define(
        conv, name=name, symbol="✱", category="neural", inputs=("x", "weight", "bias"),
        cases=[
            case((2, 2, *small), (3, 2, *(3,) * n), (3,), padding=1),
            case((1, 4, *odd), (2, 2, *line, 2), stride=2, groups=2),
            case((2, *small), (2, 2, *(2,) * n), dilation=2), case((1, 1, *small), (1, 1, *(2,) * n), padding="same"),
            case((2, 3, *small), (2, 3, *(1,) * n), (2,), padding="valid", stride=3),
        ],
        summary=f"x (batch, channels, {axes}) summed under each filter of weight (filters, channels / groups, "
        f"{axes}), which slides over it unflipped, plus bias; padding: a number, one per axis, 'same' or 'valid'.",
        vjp={
            "x": lambda g, out, x, weight, bias, stride, padding, dilation, groups: back_to_x(
                g, weight, x, stride, padding, dilation, groups
            ),
            "weight": lambda g, out, x, weight, bias, stride, padding, dilation, groups: weighed(
                x, g, weight.shape, stride, padding, dilation, groups
            ),
            "bias": lambda g, out, x, weight, bias, stride, padding, dilation, groups: over_places(g),
        },
        formula={"x": [transposed_name, "g", "weight"], "weight": filters_of_x, "bias": ["sum", "g"]}, reads=("x",),
    )  # fmt: skip
    transposed_call = define(
        conv_transpose, name=transposed_name, symbol="✱ᵀ", category="neural", inputs=("x", "weight", "bias"),
        cases=[
            case((2, 3, *small), (3, 2, *(3,) * n), (2,), padding=1, stride=2, output_padding=1),
            case((1, 4, *(3,) * n), (4, 1, *line, 2), groups=2),
            case((2, *(3,) * n), (2, 2, *(2,) * n), dilation=3, stride=2, padding=1, output_padding=2),
        ],
        summary=f"Each element of x times its filter of weight (channels, results / groups, {axes}), laid where "
        f"conv{n}d would read it and summed, plus bias: the gradient of conv{n}d with respect to its input.",
        vjp={
            "x": lambda g, out, x, weight, bias, stride, padding, output_padding, groups, dilation: cropped(
                convolved(g, weight, None, stride, padding, dilation, groups), x
            ),
            "weight": lambda g, out, x, weight, bias, stride, padding, output_padding, groups, dilation: weighed(
                g, x, weight.shape, stride, padding, dilation, groups
            ),
            "bias": lambda g, out, x, weight, bias, stride, padding, output_padding, groups, dilation: over_places(g),
        },
        formula={"x": [name, "g", "weight"], "weight": filters_of_x, "bias": ["sum", "g"]}, reads=("x",),
    )  # fmt: skip
    weight_call = define(
        conv_weight, name=weight_name, symbol="✱", category="neural", inputs=("x", "y"), method=False,
        cases=[case((2, 2, *small), (2, 3, *(2,) * n), shape=(3, 2, *(3,) * n), stride=2)],
        summary=f"The gradient of conv{n}d with respect to its weight of the given shape, y being that of its result.",
        vjp={
            "x": lambda g, out, x, y, shape, stride, padding, dilation, groups: back_to_x(
                y, g, x, stride, padding, dilation, groups
            ),
            "y": lambda g, out, x, y, shape, stride, padding, dilation, groups: cropped(
                convolved(x, g, None, stride, padding, dilation, groups), y
            ),
        },
        formula={"x": [transposed_name, "y", "g"], "y": [name, "x", "g"]},
    )  # fmt: skip
    convolved, transposed, weighed = in_rules(call), in_rules(transposed_call), in_rules(weight_call)
    return call, transposed_call, weight_call


conv1d, conv_transpose1d, conv1d_weight = _define_convolutions(1)
conv2d, conv_transpose2d, conv2d_weight = _define_convolutions(2)
conv3d, conv_transpose3d, conv3d_weight = _define_convolutions(3)
