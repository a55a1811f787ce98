"""The largest element or the mean of each window of an image, (batch, channel, ...) or (channel, ...)."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.define import composed, define, in_rules
from grad_engine.core.op import case
from grad_engine.core.stand_ins import asks
from grad_engine.core.tensor import Tensor
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.formula import Tree
from grad_engine.ops.convolution import per_axis, way_to_batch
from grad_engine.ops.elementwise import BITS, values
from grad_engine.ops.indexing import index_put, scattered, take_along_axis
from grad_engine.ops.reduction import array_sum
from grad_engine.ops.shape import reshaped


def _counts(
    size: tuple[int, ...], kernel: tuple[int, ...], stride: tuple[int, ...], padding: tuple[int, ...],
    dilation: tuple[int, ...], ceil_mode: bool,
) -> tuple[int, ...]:  # fmt: skip
    """How many windows fit along each axis; with `ceil_mode` also those that begin inside and end beyond."""
    counts = []
    for length, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True):
        if not length:
            raise ShapeError(f"windows over size {size} hold no element; x is empty along an axis that is pooled")
        if 2 * p > d * (k - 1) + 1:
            raise ArgumentError(
                f"padding={p} must be at most half the kernel's reach, {d * (k - 1) + 1}; pad() x first"
            )
        room = length + 2 * p - d * (k - 1) - 1
        count = (-(-room // s) if ceil_mode else room // s) + 1
        if ceil_mode and (count - 1) * s >= length + p:
            count -= 1
        if count < 1:
            raise ShapeError(
                f"a window of {kernel} does not fit into size {size} with padding {padding}; use a smaller one"
            )
        counts.append(count)
    return tuple(counts)


def _size(name: str, x: Any, n: int) -> tuple[int, ...]:
    if x.ndim not in (n + 1, n + 2):
        raise ShapeError(
            f"{name}() takes x with {n + 2} axes (batch, channels, ...) or {n + 1} without the batch, got shape "
            f"{x.shape}; {way_to_batch('x', x.shape, n + 2)}"
        )
    return x.shape[x.ndim - n :]


# --- the largest ------------------------------------------------------------------------------------------------------


class _Slots:
    """The windows of one max_pool call: for each place in the window, the part of the padded x that stands there."""

    __slots__ = ("before", "counts", "dilation", "kernel", "lengths", "offsets", "size", "stride")

    def __init__(
        self, name: str, size: tuple[int, ...], kernel_size: Any, stride: Any, padding: Any, dilation: Any,
        ceil_mode: bool,
    ) -> None:  # fmt: skip
        self.size, n = size, len(size)
        self.kernel = per_axis(kernel_size, n, "kernel_size", 1)
        self.stride = self.kernel if stride is None or stride == () else per_axis(stride, n, "stride", 1)
        self.before = per_axis(padding, n, "padding", 0)
        self.dilation = per_axis(dilation, n, "dilation", 1)
        self.counts = _counts(self.size, self.kernel, self.stride, self.before, self.dilation, ceil_mode)
        for length, k, s, p, d, c in zip(
            self.size, self.kernel, self.stride, self.before, self.dilation, self.counts, strict=True
        ):
            if d > 1 and any(not 0 <= i * s - p + max(-(-(p - i * s) // d), 0) * d < length for i in range(c)):
                raise ShapeError(
                    f"{name}() with kernel_size={k}, padding={p} and dilation={d} has windows that miss the {length} "
                    "elements of an axis; use less padding"
                )
        each = zip(self.size, self.kernel, self.stride, self.before, self.dilation, self.counts, strict=True)
        self.lengths = tuple(max((c - 1) * s + d * (k - 1) + 1, p + length) for length, k, s, p, d, c in each)
        self.offsets = [(offset, self.seen(offset)) for offset in np.ndindex(self.kernel)]  # and what is seen there

    def padded(self, x: Any) -> Any:
        """x with -inf around it, where windows reach beyond it."""
        if self.lengths == self.size:
            return x
        lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
        out = np.full((*x.shape[: x.ndim - len(self.size)], *self.lengths), lowest, x.dtype)
        out[self.inner] = x
        return out

    @property
    def inner(self) -> Any:
        """The index of x in the padded x."""
        return (..., *(slice(p, p + length) for p, length in zip(self.before, self.size, strict=True)))

    @property
    def apart(self) -> bool:
        """Whether no two windows share an element."""
        return all(s >= k and d == 1 for s, k, d in zip(self.stride, self.kernel, self.dilation, strict=True))

    def seen(self, offset: tuple[int, ...]) -> Any:
        """The index of what each window has at `offset`."""
        each = zip(offset, self.dilation, self.stride, self.counts, strict=True)
        return (..., *(slice(o * d, o * d + s * (c - 1) + 1, s) for o, d, s, c in each))

    def place(self, offset: tuple[int, ...]) -> Any:
        """Where that stands in an image of x, counted in C order."""
        place = np.zeros((), np.intp)
        each = zip(offset, self.dilation, self.stride, self.counts, self.before, self.size, strict=True)
        for o, d, s, c, p, length in each:
            along = o * d - p + s * np.arange(c)
            along[along < 0] %= d  # only reached where all of the window is -inf: the first inside x
            place = place[..., None] * length + along
        return place


_cached_slots = lru_cache(64, typed=True)(_Slots)


def _slots(name: str, x: Any, n: int, *settings: Any) -> _Slots:
    """The windows of a call, as looked up where an earlier one was of the same size."""
    size = _size(name, x, n)
    try:
        return _cached_slots(name, size, *settings)
    except TypeError:  # a list, or an array
        return _Slots(name, size, *settings)


def _define_max_pool(n: int) -> Any:
    name = f"max_pool{n}d"

    def max_pool(
        x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
    ) -> Any:
        slots = _slots(name, x, n, kernel_size, stride, padding, dilation, ceil_mode)
        padded = slots.padded(x)
        (_, first), *others = slots.offsets
        out = np.array(padded[first])
        for _, seen in others:
            np.maximum(out, padded[seen], out=out)
        return out

    @asks("is there NaN in a window?")
    def winners(slots: _Slots, largest: Any, x: Any) -> Any:
        """Where the largest element of each window stands in an image of x, counted in C order."""
        padded = slots.padded(x)
        at = np.empty(largest.shape, np.intp)
        at[...] = slots.place(slots.offsets[0][0])
        for offset, seen in reversed(slots.offsets):  # in reverse, so that of equals the first is kept
            np.copyto(at, slots.place(offset), where=padded[seen] == largest)
        if (largest != largest).any():  # of several NaNs the last takes the gradient, as in PyTorch
            for offset, seen in slots.offsets:
                part = padded[seen]
                np.copyto(at, slots.place(offset), where=part != part)
        return at

    def handed_back(g: Any, slots: _Slots, largest: Any, x: Any) -> Any:
        """The gradient of windows that share no element: g to the first that is the largest, place by place."""
        padded = slots.padded(x)
        out = np.zeros(padded.shape, g.dtype)
        whole = BITS[g.dtype]  # g in whole numbers, times 0 or 1: np.where and np.copyto take three times as long
        bits, left = out.view(whole), np.array(g, order="C").view(whole)  # left: what no element has taken yet
        for _, seen in slots.offsets:
            taken = np.equal(padded[seen], largest).astype(whole)
            taken *= left
            bits[seen] = taken
            left ^= taken
        return out if out.shape == x.shape else out[slots.inner]

    def back(
        g: Any, out: Any, x: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
    ) -> Any:
        slots = _slots(name, x, n, kernel_size, stride, padding, dilation, ceil_mode)
        plain = type(g) is np.ndarray and g.dtype in BITS
        if plain and slots.apart and (out > -np.inf).all():  # no NaN, no lone padding
            return handed_back(g, slots, out, x)
        at = winners(slots, values(out), values(x))
        images = x.shape[: x.ndim - n]
        step = math.prod(slots.size)
        at += np.arange(0, math.prod(images) * step, max(step, 1)).reshape(*images, *(1,) * n)
        return reshaped(scattered(reshaped(g, (g.size,)), at.ravel(), (x.size,)), x.shape)

    op = define(
        max_pool, name=name, symbol="⊤", category="neural", inputs=("x",), vjp={"x": back},
        cases=[
            case((2, 2, *(4,) * n), kernel_size=2), case((2, *(5,) * n), kernel_size=3, stride=2, padding=1),
            case((1, 1, *(5,) * n), kernel_size=2, dilation=2, stride=1),
            case((1, 1, *(5,) * n), kernel_size=2, ceil_mode=True),
        ],
        sentence="The largest element of each window gets its gradient; of equals the first one.",
        summary="Largest element of each window; the stride is the window's size unless given. The first of equals "
        "takes the gradient.",
        formula={"x": "{g} added to the first largest element of each window of {x}, 0 elsewhere"}, reads=("x", "out"),
    )  # fmt: skip

    def call(
        x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Any:  # fmt: skip
        out = op(x, kernel_size, stride, padding, dilation, ceil_mode)
        if not return_indices:
            return out
        array = as_tensor(x).array
        slots = _slots(name, array, n, kernel_size, stride, padding, dilation, ceil_mode)
        return out, as_tensor(winners(slots, out.array, array))

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"""{op.__doc__}

    return_indices: give also where each stands in its image, counted in C order.
    """
    return composed(before=op)(call)


max_pool1d, max_pool2d, max_pool3d = map(_define_max_pool, (1, 2, 3))


def _define_adaptive_max(n: int) -> Any:
    name = f"adaptive_max_pool{n}d"

    def call(x: Any, output_size: Any, return_indices: bool = False) -> Any:
        x = as_tensor(x)
        size = _size(name, x, n)
        wanted = _wanted(name, size, output_size)
        spans = [_adaptive_bounds(length, count) for length, count in zip(size, wanted, strict=True)]
        places, images = np.arange(math.prod(size)).reshape(size), x.shape[: x.ndim - n]
        at = np.empty((*images, *wanted), np.intp)
        for cell in np.ndindex(*wanted):
            window = tuple(slice(*span[i]) for span, i in zip(spans, cell, strict=True))
            at[(..., *cell)] = places[window].ravel()[
                _last_or_largest(x.array[(..., *window)].reshape(*images, places[window].size))
            ]
        out = take_along_axis(x.reshape((*images, math.prod(size))), at.reshape(*images, math.prod(wanted)))
        out = out.reshape(at.shape)
        return (out, as_tensor(at)) if return_indices else out

    call.__name__ = call.__qualname__ = name
    call.__doc__ = """Largest element of each of as many windows as output_size says; None keeps an axis.

    return_indices: give also where each stands in its image, counted in C order.
    """
    return composed()(call)


def _last_or_largest(x: Any) -> Any:
    """Where the largest element stands along the last axis, the first of equals; of NaNs the last."""
    found, lost = np.argmax(x, axis=-1), np.isnan(x)
    if lost.any():
        found = np.where(lost.any(axis=-1), x.shape[-1] - 1 - np.argmax(lost[..., ::-1], axis=-1), found)
    return found


def _define_max_unpool(n: int) -> Any:
    name = f"max_unpool{n}d"

    def call(
        x: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
    ) -> Tensor:
        x, places = as_tensor(x), as_tensor(indices).array
        size = _size(name, x, n)
        kernel = per_axis(kernel_size, n, "kernel_size", 1)
        step = kernel if stride is None or stride == () else per_axis(stride, n, "stride", 1)
        around = per_axis(padding, n, "padding", 0)
        wanted = least = tuple((c - 1) * s - 2 * p + k for c, k, s, p in zip(size, kernel, step, around, strict=True))
        if output_size is not None:
            wanted = tuple(output_size)[-n:]
            near = all(abs(one - other) < s for one, other, s in zip(wanted, least, step, strict=False))
            if len(output_size) not in (n, x.ndim) or not near:
                raise ShapeError(
                    f"output_size of {name}() is a length for each of {n} axes, less than stride={step} away from "
                    f"{least}, got {output_size!r}"
                )
        if places.shape != x.shape or places.dtype.kind not in "iu":
            raise ShapeError(f"{name}() takes as many whole numbers as x {x.shape} has elements, got {places.shape}")
        if places.size and not (places.min() >= 0 and places.max() < math.prod(wanted)):
            raise ShapeError(f"{name}() has indices beyond an image of {wanted}; pass the output_size that was pooled")
        images = x.shape[: x.ndim - n]
        count = math.prod(images)
        rows = np.arange(count)[:, None]
        blank = np.zeros((count, math.prod(wanted)), x.dtype)
        flat = index_put(blank, x.reshape((count, math.prod(size))), (rows, places.reshape(count, math.prod(size))))
        return flat.reshape((*images, *wanted))

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"""Zeros with each element of x where `indices` of max_pool{n}d say it came from."""
    return composed(method=False)(call)


# --- the mean ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows along one axis of `size`: `count` of them, and what each sum is divided by."""

    size: int
    count: int
    divisors: tuple[float, ...]
    regular: tuple[int, int, int] | None  # (first start, length, step); None where `bounds` lists the windows
    bounds: tuple[tuple[int, int], ...]

    def __str__(self) -> str:
        return f"{self.count} of {self.size}"

    def offsets(self) -> Iterator[tuple[slice, slice]]:
        """Of regular windows, for the first, second, ... element: (windows that have it inside, where it stands)."""
        assert self.regular is not None
        start, length, step = self.regular
        for position in range(start, start + length):
            low = max(-(position // step), 0)
            high = min((self.size - 1 - position) // step + 1, self.count)
            if low < high:
                yield slice(low, high), slice(position + low * step, position + (high - 1) * step + 1, step)


@lru_cache(256)
def _regular(
    size: int, kernel: int, stride: int, padding: int, count: int, include_pad: bool, override: float | None
) -> Windows:
    starts = [i * stride - padding for i in range(count)]
    stops = [min(start + kernel, size + padding) for start in starts]
    inside = [
        stop - start if include_pad else min(stop, size) - max(start, 0)
        for start, stop in zip(starts, stops, strict=True)
    ]
    divisors = [1.0] * count if override is not None else [float(length) for length in inside]
    return Windows(size, count, tuple(divisors), (-padding, kernel, stride), ())


def _adaptive_bounds(size: int, count: int) -> tuple[tuple[int, int], ...]:
    return tuple((i * size // count, -(-(i + 1) * size // count)) for i in range(count))


@lru_cache(256)
def _adaptive(size: int, count: int) -> Windows:
    if count and size % count == 0:
        step = size // count
        return Windows(size, count, (float(step),) * count, (0, step, step), ())
    bounds = _adaptive_bounds(size, count)
    return Windows(size, count, tuple(float(b - a) for a, b in bounds), None, bounds)


def _divided(x: Any, windows: tuple[Windows, ...], override: float) -> Any:
    """`x` divided in place by the divisor of each window."""
    scale = np.asarray(override, x.dtype)
    for each in windows:
        scale = scale[..., None] * np.asarray(each.divisors, x.dtype)
    if scale.size and (scale == scale.flat[0]).all():
        return np.divide(x, scale.flat[0], out=x)
    return np.divide(x, scale, out=x)


def _along(axis: int, part: Any) -> tuple[Any, ...]:
    return (..., part, *(slice(None),) * (-1 - axis))


def _whole(windows: tuple[Windows, ...]) -> bool:
    """Whether there is one window, over all of each axis."""
    return all(each.count == 1 and each.regular == (0, each.size, each.size) for each in windows)


def _means(x: Any, windows: tuple[Windows, ...], override: float = 1.0) -> Any:
    if _whole(windows) and x.flags.c_contiguous:
        rows = x.reshape(*x.shape[: x.ndim - len(windows)], -1)
        out = np.array(array_sum(rows, -1))
        return _divided(out.reshape(*out.shape, *(1,) * len(windows)), windows, override)
    for axis, each in enumerate(windows, -len(windows)):  # sums are separable: axis by axis
        shape = list(x.shape)
        shape[axis] = each.count
        out = np.zeros(shape, x.dtype)
        if each.regular is not None:
            for inside, where in each.offsets():
                out[_along(axis, inside)] += x[_along(axis, where)]
        for i, (start, stop) in enumerate(each.bounds):
            np.add.reduce(x[_along(axis, slice(start, stop))], axis=axis, out=out[_along(axis, i)])
        x = out
    return _divided(x, windows, override)


def _spread(x: Any, windows: tuple[Windows, ...], override: float = 1.0) -> Any:
    x = _divided(np.array(x), windows, override)
    if _whole(windows):
        return np.array(np.broadcast_to(x, (*x.shape[: x.ndim - len(windows)], *(each.size for each in windows))))
    for axis, each in enumerate(windows, -len(windows)):
        shape = list(x.shape)
        shape[axis] = each.size
        out = np.zeros(shape, x.dtype)
        if each.regular is not None:
            for inside, where in each.offsets():
                out[_along(axis, where)] += x[_along(axis, inside)]
        for i, (start, stop) in enumerate(each.bounds):
            out[_along(axis, slice(start, stop))] += x[_along(axis, slice(i, i + 1))]
        x = out
    return x


_SAMPLE = (_adaptive(5, 2), _regular(4, 3, 2, 1, 2, False, None))


def _window_formula(name: str, x: Tree, windows: tuple[Windows, ...], override: float) -> Tree:
    return [name, x, ["kw", "windows", ["say", ", ".join(map(str, windows))]]]


window_mean = define(
    _means, name="window_mean", symbol="mean", category="neural", inputs=("x",), public=False,
    cases=[case((2, 5, 4), windows=_SAMPLE)], forward_formula=functools.partial(_window_formula, "window_mean"),
    summary="The sum of each window over its divisor, for the windows of the last axes.",
    vjp={"x": lambda g, out, x, windows, override: spread_out(g, windows, override)},
    formula={"x": "each element of {g} / the divisor of its window, added to all of the window"},
)  # fmt: skip
window_spread = define(
    _spread, name="window_spread", symbol="⇉", category="neural", inputs=("x",), public=False,
    cases=[case((2, 2, 2), windows=_SAMPLE)], forward_formula=functools.partial(_window_formula, "window_spread"),
    summary="Each element over its window's divisor, added to every place of its window: the gradient of window_mean.",
    vjp={"x": lambda g, out, x, windows, override: averaged(g, windows, override)},
    formula={"x": "the sum of {g} over each window / its divisor"},
)  # fmt: skip
averaged: Callable[..., Any] = in_rules(window_mean)
spread_out: Callable[..., Any] = in_rules(window_spread)


def _define_avg_pool(n: int) -> Any:
    name = f"avg_pool{n}d"

    def windows(
        x: Any, kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool, include: bool, override: Any
    ) -> tuple[Windows, ...]:
        size, kernel = _size(name, x, n), per_axis(kernel_size, n, "kernel_size", 1)
        step = kernel if stride is None or stride == () else per_axis(stride, n, "stride", 1)
        before = per_axis(padding, n, "padding", 0)
        counts = _counts(size, kernel, step, before, (1,) * n, ceil_mode)
        each = zip(size, kernel, step, before, counts, strict=True)
        return tuple(_regular(*axis, bool(include), override) for axis in each)

    def avg_pool(
        x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
        count_include_pad: bool = True, divisor_override: float | None = None,
    ) -> Any:  # fmt: skip
        if divisor_override == 0:
            raise ArgumentError(f"divisor_override of {name}() must not be 0")
        return _means(
            x,
            windows(x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override),
            divisor_override or 1,
        )

    def back(
        g: Any, out: Any, x: Any, kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool, count_include_pad: bool,
        divisor_override: Any,
    ) -> Any:  # fmt: skip
        each = windows(x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
        return spread_out(g, each, divisor_override or 1)

    return define(
        avg_pool, name=name, symbol="mean", category="neural", inputs=("x",), vjp={"x": back},
        cases=[
            case((2, 2, *(4,) * n), kernel_size=2), case((2, *(5,) * n), kernel_size=3, stride=2, padding=1),
            case((1, 1, *(5,) * n), kernel_size=3, padding=1, count_include_pad=False, ceil_mode=True, stride=2),
            case((1, 1, *(4,) * n), kernel_size=2, divisor_override=3),
        ],
        sentence="Each element gets an equal part of the gradient of every window it is in.",
        summary="Mean of each window; the stride is the window's size unless given. Padding counts as zeros, or not at "
        "all without count_include_pad.",
        formula={"x": "each element of {g} / the divisor of its window, added to all of the window"},
    )  # fmt: skip


def _wanted(name: str, size: tuple[int, ...], output_size: Any) -> tuple[int, ...]:
    """The size that an adaptive pool is to give."""
    n = len(size)
    given = (output_size,) * n if output_size is None or np.ndim(output_size) == 0 else tuple(output_size)
    if len(given) != n:
        raise ArgumentError(f"output_size of {name}() is a number or {n} of them, got {output_size!r}")
    wanted = per_axis([s if each is None else each for s, each in zip(size, given, strict=True)], n, "output_size", 1)
    if 0 in size:
        raise ShapeError(f"{name}() has no windows to take from size {size}; x must not be empty")
    return wanted


def _define_adaptive(n: int) -> Any:
    name = f"adaptive_avg_pool{n}d"

    def windows(x: Any, output_size: Any) -> tuple[Windows, ...]:
        size = _size(name, x, n)
        return tuple(map(_adaptive, size, _wanted(name, size, output_size)))

    return define(
        lambda x, output_size: _means(x, windows(x, output_size)), name=name, symbol="mean", category="neural",
        inputs=("x",), vjp={"x": lambda g, out, x, output_size: spread_out(g, windows(x, output_size))},
        cases=[
            case((2, 2, *(4,) * n), output_size=2), case((2, *(5,) * n), output_size=3),
            case((1, *(2,) * n), output_size=3),
        ],
        sentence="Each element gets an equal part of the gradient of every window it is in.",
        summary="Mean of each of output_size windows, whose lengths are as equal as can be; None keeps an axis.",
        formula={"x": "each element of {g} / the divisor of its window, added to all of the window"},
    )  # fmt: skip


avg_pool1d, avg_pool2d, avg_pool3d = map(_define_avg_pool, (1, 2, 3))
adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = map(_define_adaptive, (1, 2, 3))
adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d = map(_define_adaptive_max, (1, 2, 3))
max_unpool1d, max_unpool2d, max_unpool3d = map(_define_max_unpool, (1, 2, 3))
