"""Images, (batch, channel, ...): patches as columns, other sizes, other places, channels as pixels. Written in ops."""

from __future__ import annotations

import functools
import itertools
import math
import operator
from typing import Any

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.define import composed
from grad_engine.core.tensor import Tensor, array_of
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.ops.convolution import per_axis
from grad_engine.ops.elementwise import where
from grad_engine.ops.indexing import scatter_index, take
from grad_engine.ops.joining import stack
from grad_engine.ops.pooling import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d
from grad_engine.ops.reduction import sum as sum_of
from grad_engine.ops.shape import moveaxis, pad, reshape, transpose

# --- patches ----------------------------------------------------------------------------------------------------------


def _patches(
    size: tuple[int, ...], kernel_size: Any, dilation: Any, padding: Any, stride: Any
) -> tuple[tuple[int, ...], tuple[Any, ...], tuple[int, ...], tuple[int, ...]]:
    """The kernel, where its elements stand in the padded image at each place, the number of places, the padding."""
    kernel, step = per_axis(kernel_size, 2, "kernel_size", 1), per_axis(stride, 2, "stride", 1)
    spread, around = per_axis(dilation, 2, "dilation", 1), per_axis(padding, 2, "padding", 0)
    places = tuple(
        (n + 2 * p - d * (k - 1) - 1) // s + 1 for n, p, d, k, s in zip(size, around, spread, kernel, step, strict=True)
    )
    if min(places) < 1:
        raise ShapeError(f"a kernel of {kernel} does not fit into an image of {size} with padding {around}")
    rows, columns = (
        np.arange(k)[:, None] * d + np.arange(n) * s for k, d, n, s in zip(kernel, spread, places, step, strict=True)
    )
    return kernel, (..., rows[:, None, :, None], columns[None, :, None, :]), places, around


@composed(half="same", method=False)
def unfold(x: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """Every patch that a kernel sees of an image (batch, channels, height, width), as a column: (batch, rows, places).

    The rows are the channels times the elements of the kernel. An image may come without the batch.
    """
    x = as_tensor(x)
    if x.ndim not in (3, 4):
        raise ShapeError(
            f"unfold() takes x (batch, channels, height, width), or without the batch, got shape {x.shape}; windows of "
            "any tensor are sliding_window_view()"
        )
    kernel, index, places, around = _patches(x.shape[-2:], kernel_size, dilation, padding, stride)
    patches = pad(x, ((0, 0),) * (x.ndim - 2) + tuple((p, p) for p in around))[index]
    return reshape(patches, (*x.shape[:-3], x.shape[-3] * math.prod(kernel), math.prod(places)))


@composed()
def fold(
    x: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:  # fmt: skip
    """The image of that height and width to which every column of x was added at its place: the gradient of unfold."""
    x = as_tensor(x)
    size = per_axis(output_size, 2, "output_size", 1)
    kernel, index, places, around = _patches(size, kernel_size, dilation, padding, stride)
    if x.ndim not in (2, 3) or x.shape[-2] % math.prod(kernel) or x.shape[-1] != math.prod(places):
        raise ShapeError(
            f"fold() takes x (batch, channels times {math.prod(kernel)}, {math.prod(places)} places), or without the "
            f"batch, got shape {x.shape}"
        )
    lead = (*x.shape[:-2], x.shape[-2] // math.prod(kernel))
    padded = tuple(n + 2 * p for n, p in zip(size, around, strict=True))
    image = scatter_index(reshape(x, (*lead, *kernel, *places)), index, (*lead, *padded))
    return image[(..., *(slice(p, p + n) for p, n in zip(around, size, strict=True)))]


# --- other sizes ------------------------------------------------------------------------------------------------------

_MODES = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3}  # how many axes behind the channels each is for
_SHARPNESS = -0.75  # of the cubic (Keys 1981), as PyTorch has it


def _cubic(t: Any) -> list[Any]:
    """What the four neighbours count for at a distance t, from 0 to 1, behind the second one."""
    a = _SHARPNESS

    def far(s: Any) -> Any:
        return ((a * s - 5 * a) * s + 8 * a) * s - 4 * a

    def near(s: Any) -> Any:
        return ((a + 2) * s - (a + 3)) * s * s + 1

    return [far(t + 1), near(t), near(1 - t), far(2 - t)]


def _stretched(x: Tensor, axis: int, count: int, mode: str, align_corners: bool, factor: float | None) -> Tensor:
    """x with another length along one axis."""
    length = x.shape[axis]
    places = np.arange(count)
    step = 1 / factor if factor else length / count
    if mode in ("nearest", "nearest-exact"):
        half = np.float32(0.5 if mode == "nearest-exact" else 0)  # PyTorch finds the nearest in single precision
        found = np.floor((places.astype(np.float32) + half) * np.float32(step)).astype(int)
        return take(x, np.minimum(found, length - 1), axis)
    if align_corners:
        at = places * ((length - 1) / (count - 1) if count > 1 else 0.0)
    else:
        at = (places + 0.5) * step - 0.5
    if mode != "bicubic":
        at = np.maximum(at, 0)
    low = np.floor(at).astype(int)
    low = low if mode == "bicubic" else np.minimum(low, length - 1)
    t = at - low
    weights = _cubic(t) if mode == "bicubic" else [1 - t, t]
    laid = (-1, *(1,) * (x.ndim - 1 - axis))
    parts = [
        take(x, np.clip(low + k - (mode == "bicubic"), 0, length - 1), axis) * w.astype(x.dtype).reshape(laid)
        for k, w in enumerate(weights)
    ]
    return sum(parts[1:], parts[0])


@composed(method=False, floats=("x",))
def interpolate(
    x: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
) -> Tensor:  # fmt: skip
    """x (batch, channels, ...) with the axes behind the channels in another size, or `scale_factor` times as long.

    mode: "nearest", "nearest-exact", "linear" for one such axis, "bilinear" and "bicubic" for two, "trilinear" for
        three, or "area", the mean.
    align_corners: whether the first and last elements stand at the ends, or each in the middle of its own cell.
    recompute_scale_factor: whether the places follow from the sizes, which are whole numbers, not from the factor.
    """
    x = as_tensor(x)
    n = x.ndim - 2
    if n < 1 or (mode in _MODES and n != _MODES[mode]):
        wanted = f"with {_MODES[mode]} axes behind the channels " if mode in _MODES else ""
        raise ShapeError(f"interpolate() takes x (batch, channels, ...) {wanted}for mode {mode!r}, got shape {x.shape}")
    if mode not in (*_MODES, "nearest", "nearest-exact", "area"):
        raise ArgumentError(f"mode of interpolate() is nearest, nearest-exact, area, {', '.join(_MODES)}, got {mode!r}")
    if (size is None) == (scale_factor is None):
        raise ArgumentError("interpolate() takes either size= or scale_factor=")
    if size is not None:
        counts, factors = per_axis(size, n, "size", 1), (None,) * n
    else:
        each = (scale_factor,) * n if np.ndim(scale_factor) == 0 else tuple(scale_factor)
        if len(each) != n or not all(isinstance(f, int | float | np.number) and f > 0 for f in each):
            raise ArgumentError(
                f"scale_factor of interpolate() is a number above 0 or {n} of them, got {scale_factor!r}"
            )
        counts = tuple(math.floor(length * f) for length, f in zip(x.shape[2:], each, strict=True))
        factors = (None,) * n if recompute_scale_factor else each
    if min(*x.shape[2:], *counts) < 1:
        raise ShapeError(f"interpolate() makes at least one element of at least one, not {counts} of {x.shape[2:]}")
    if mode == "area":
        return (adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d)[n - 1](x, counts)
    for axis, (count, factor) in enumerate(zip(counts, factors, strict=True), 2):
        x = _stretched(x, axis, count, mode, bool(align_corners), factor)
    return x


# --- other places -----------------------------------------------------------------------------------------------------


def _brought_inside(at: Any, length: int, padding_mode: str, align_corners: bool) -> Any:
    """Places along an axis, folded or moved to where there are elements; those at the ends and beyond have slope 0."""
    if padding_mode == "zeros":
        return at
    data = array_of(at)
    if padding_mode == "reflection":
        low, span = (0.0, length - 1.0) if align_corners else (-0.5, float(length))
        if span == 0:
            return at * 0
        side = np.where(data < low, -1.0, 1.0).astype(data.dtype)
        turns = np.floor((data - low) * side / span)
        even = turns % 2 == 0
        at = at * np.where(even, side, -side)
        at = at + (np.where(even, -low * side - turns * span, low * side + (turns + 1) * span) + low).astype(data.dtype)
        data = array_of(at)
    inside = (data > 0) & (data < length - 1)
    ends = np.clip(data, 0, length - 1)
    return where(inside, at, ends) if type(at) is Tensor else ends


@composed(method=False, floats=("x", "grid"))
def grid_sample(
    x: Any, grid: Any, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool = False
) -> Tensor:  # fmt: skip
    """What x (batch, channels, [depth,] height, width) has at the places `grid` (batch, ..., 2 or 3), between elements.

    grid: along its last axis the place along width, height (and depth), from -1 to 1 across x.
    mode: "bilinear" (in three axes too), "nearest", or for two axes "bicubic".
    padding_mode: what is beyond x: "zeros", the "border", or its "reflection".
    align_corners: whether -1 and 1 are the middles of the outermost elements, or their outer ends.
    """
    x, grid = as_tensor(x), as_tensor(grid)
    n = x.ndim - 2
    if n not in (2, 3) or grid.ndim != x.ndim or grid.shape[-1] != n or grid.shape[0] != x.shape[0]:
        raise ShapeError(
            "grid_sample() takes x (batch, channels, height, width) and grid (batch, rows, columns, 2), or both with "
            f"a depth and 3, got {x.shape} and {grid.shape}"
        )
    if mode not in ("bilinear", "nearest", "bicubic") or (mode == "bicubic" and n == 3):
        raise ArgumentError(f"mode of grid_sample() is bilinear, nearest or, for images, bicubic, got {mode!r}")
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ArgumentError(f"padding_mode of grid_sample() is zeros, border or reflection, got {padding_mode!r}")
    taps: list[list[tuple[Any, Any]]] = []  # for each axis the elements that count, and how much
    for axis, length in enumerate(x.shape[2:]):
        at = grid[..., n - 1 - axis]
        at = (at + 1) * ((length - 1) / 2) if align_corners else ((at + 1) * length - 1) / 2
        if mode != "bicubic":
            at = _brought_inside(at, length, padding_mode, align_corners)
        if mode == "nearest":
            taps.append([(np.rint(at.array), None)])
            continue
        low = np.floor(at.array)
        t = at - low
        weights = _cubic(t) if mode == "bicubic" else [1 - t, t]
        first = low - (mode == "bicubic")
        places = [first + k for k in range(len(weights))]
        if mode == "bicubic":
            places = [_brought_inside(place, length, padding_mode, align_corners) for place in places]
        taps.append(list(zip(places, weights, strict=True)))
    corners = list(itertools.product(*taps))
    index: list[Any] = [np.arange(x.shape[0]).reshape(-1, *(1,) * n), slice(None)]
    inside = np.full((len(corners), *grid.shape[:-1]), True)
    for axis, length in enumerate(x.shape[2:]):
        seen = np.stack([corner[axis][0] for corner in corners])
        there = (seen >= 0) & (seen < length)
        inside &= there
        index.append(np.where(there, seen, 0).astype(int))
    parts = x[tuple(index)]  # (corners, batch, ..., channels), all read at once: one scatter in the backward pass
    if mode != "nearest":
        shares = stack([functools.reduce(operator.mul, (share for _, share in corner)) for corner in corners])
        parts = parts * reshape(shares, (*shares.shape, 1))
    if not inside.all():
        parts = where(inside[..., None], parts, 0.0)
    return moveaxis(sum_of(parts, axis=0), -1, 1)


# --- channels and pixels ----------------------------------------------------------------------------------------------


@composed(method=False, half="same")
def pixel_shuffle(x: Any, upscale_factor: int) -> Tensor:
    """x (..., channels, height, width) with every r² channels laid out as r by r pixels, r being upscale_factor."""
    x, r = as_tensor(x), upscale_factor
    if x.ndim < 3 or r < 1 or x.shape[-3] % (r * r):
        raise ShapeError(f"pixel_shuffle() by {r} takes x (..., {r * r} times channels, height, width), got {x.shape}")
    *lead, channels, height, width = x.shape
    k = len(lead)
    apart = reshape(x, (*lead, channels // (r * r), r, r, height, width))
    mixed = transpose(apart, (*range(k), k, k + 3, k + 1, k + 4, k + 2))
    return reshape(mixed, (*lead, channels // (r * r), height * r, width * r))


@composed(method=False, half="same")
def pixel_unshuffle(x: Any, downscale_factor: int) -> Tensor:
    """x (..., channels, height, width) with every r by r pixels as r² channels; undoes pixel_shuffle."""
    x, r = as_tensor(x), downscale_factor
    if x.ndim < 3 or r < 1 or x.shape[-2] % r or x.shape[-1] % r:
        raise ShapeError(f"pixel_unshuffle() by {r} takes x whose height and width {r} divides, got shape {x.shape}")
    *lead, channels, height, width = x.shape
    k = len(lead)
    apart = reshape(x, (*lead, channels, height // r, r, width // r, r))
    mixed = transpose(apart, (*range(k), k, k + 2, k + 4, k + 1, k + 3))
    return reshape(mixed, (*lead, channels * r * r, height // r, width // r))


@composed(method=False, half="same")
def channel_shuffle(x: Any, groups: int) -> Tensor:
    """x (batch, channels, ...) with the channels taken in turn from each of several groups of them."""
    x = as_tensor(x)
    if x.ndim < 3 or groups < 1 or x.shape[1] % groups:
        raise ShapeError(f"channel_shuffle() takes x (batch, channels, ...) in {groups} equal groups, got {x.shape}")
    apart = reshape(x, (x.shape[0], groups, x.shape[1] // groups, *x.shape[2:]))
    return reshape(transpose(apart, (0, 2, 1, *range(3, apart.ndim))), x.shape)


@composed(method=False, floats=("x",))
def local_response_norm(x: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """x over (k + alpha · the mean square of `size` neighbouring channels) to the power beta (Krizhevsky 2012)."""
    x = as_tensor(x)
    if x.ndim < 3 or size < 1:
        raise ShapeError(f"local_response_norm() takes x (batch, channels, ...) and size >= 1, got {x.shape}, {size!r}")
    channels = x.shape[1]
    around = ((0, 0), (size // 2, (size - 1) // 2), *((0, 0),) * (x.ndim - 2))
    squares = pad(x * x, around)
    near = [squares[:, i : i + channels] for i in range(size)]
    return x / (sum(near[1:], near[0]) * (alpha / size) + k) ** beta
