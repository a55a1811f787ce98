"""Convolution over one, two and three axes. Channels come after the batch axis, as in PyTorch: (batch, channel, ...).

Three bilinear maps, each the gradient of the other two: conv (x, weight -> y), conv_transpose (y, weight -> x) and
conv_weight (x, y -> weight). Each copies the windows of x into the columns of a matrix and leaves the sums to BLAS
(Chellapilla, Puri & Simard 2006), in one product for as many images as stay in the cache with their columns. Where each
channel has one filter of its own, these would be products of vectors, and the windows are summed where they are.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view as sliding_windows

from grad_engine.core.define import define, in_rules
from grad_engine.core.op import case
from grad_engine.core.stand_ins import STAND_INS
from grad_engine.errors import ArgumentError, ShapeError, TraceError
from grad_engine.formula.symbol import tree_of
from grad_engine.ops.reduction import total

COLUMNS = 1 << 18  # elements of the column matrix: 2 MiB of float64
WRITTEN_OUT = 4  # parts of a batch that a program has for one convolution
SMALL, SHORT = 256, 64  # places of the kernel in an image, and in a row of it, below which the image counts as small


def per_axis(value: Any, n: int, name: str, least: int) -> tuple[int, ...]:
    """One whole number for each of `n` axes, from a number or a sequence of them."""
    if type(value) is int and value >= least:
        return (value,) * n
    if type(value) is tuple and len(value) == n and {*map(type, value)} == {int} and min(value) >= least:
        return value
    given = (value,) if isinstance(value, int | np.integer) else tuple(value) if np.ndim(value) == 1 else ()
    given = given * n if len(given) == 1 else given
    if len(given) != n or not all(isinstance(part, int | np.integer) and part >= least for part in given):
        raise ArgumentError(f"{name} must be a whole number of at least {least}, or {n} of them, got {value!r}")
    return tuple(map(int, given))


def _pads(padding: Any, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]) -> Any:
    """(before, after) for each axis."""
    n = len(kernel)
    if type(padding) is int and padding >= 0:
        return ((padding, padding),) * n
    if isinstance(padding, str):
        if padding == "valid":
            return ((0, 0),) * n
        if padding != "same":
            raise ArgumentError(f"padding must be 'same', 'valid', a number or one for each axis, got {padding!r}")
        if any(step != 1 for step in stride):
            raise ArgumentError(f"padding='same' needs stride 1, got stride {stride}; give the padding as numbers")
        spare = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        return tuple((each // 2, each - each // 2) for each in spare)
    if (type(padding) is tuple and padding and type(padding[0]) is tuple) or np.ndim(padding) == 2:
        return tuple(per_axis(pair, 2, "padding before and after", 0) for pair in padding)
    return tuple((each, each) for each in per_axis(padding, n, "padding", 0))


class _Plan:
    """The shapes of one convolution, x (batch, channels, *size) with weight (filters, channels / groups, *kernel).

    Matrices of large images stand side by side along a first axis. Small images are worked on with the batch as the
    last axis, which makes for long rows to copy and for one product instead of many small ones.
    """

    __slots__ = (
        "alone", "batch_first", "channels", "dilation", "filters", "groups", "inner", "kernel", "last", "padded",
        "place_count", "places", "result", "rows", "seen", "size", "stride",
    )  # fmt: skip

    def __init__(
        self, size: tuple[int, ...], places: tuple[int, ...] | None, weight: tuple[int, ...], stride: tuple[int, ...],
        pads: tuple[tuple[int, int], ...], dilation: tuple[int, ...], groups: int,
    ) -> None:  # fmt: skip
        self.kernel, self.stride, self.dilation, self.groups = weight[2:], stride, dilation, groups
        self.filters, self.channels = weight[0], weight[1] * groups
        if self.filters % groups:
            raise ShapeError(f"groups={groups} does not divide the {self.filters} filters of weight {weight}")
        self.size = size
        self.inner: Any = (..., *(slice(a, a + length) for length, (a, _) in zip(size, pads, strict=True)))
        self.padded = tuple(length + a + b for length, (a, b) in zip(size, pads, strict=True))
        reach = [d * (k - 1) + 1 for d, k in zip(dilation, self.kernel, strict=True)]
        if any(r > p for r, p in zip(reach, self.padded, strict=True)):
            raise ShapeError(
                f"a kernel that reaches over {tuple(reach)} does not fit into {self.padded}, the padded size of x; "
                "use a smaller kernel or more padding"
            )
        fit = tuple((p - r) // s + 1 for p, r, s in zip(self.padded, reach, stride, strict=True))
        self.places = fit if places is None else places
        if any(p > most for p, most in zip(self.places, fit, strict=True)):
            raise ShapeError(f"a result of size {self.places} was given where a kernel has {fit} places; crop it")
        self.place_count = math.prod(self.places)
        self.rows = weight[1] * math.prod(self.kernel)
        self.alone = weight[1] == 1 < self.filters == groups and max(stride) == 1 and min(self.places) > 0
        small = self.place_count < SMALL and self.places[-1] < SHORT
        self.last = self.alone or (small and math.prod(self.kernel) > 1)
        self.result: Any = (..., *map(slice, self.places))
        self.batch_first = (len(size) + 1, *range(len(size) + 1))
        self.seen: dict[tuple[int, int], tuple[Any, ...]] = {}

    def parts(self, batch: int, *operands: Any) -> list[slice]:
        """The batch in slices of about equal size, whose columns stay in the cache.

        Raises TraceError for stand-ins among `operands` if there are many: each would stand in the program, which has
        one call of the convolution then.
        """
        most = COLUMNS // max(self.groups * self.rows * self.place_count, 1)
        if 0 < batch <= most:
            return [slice(0, batch)]
        count = -(-batch // -(-batch // max(most, 1))) if batch else 1
        if batch > count * WRITTEN_OUT and any(type(each) in STAND_INS for each in operands):
            raise TraceError(
                f"a convolution of {batch} images works on {count} at a time, too many parts for a program"
            )
        return [slice(start, start + count) for start in range(0, batch, count)]

    def memory(self, lead: tuple[int, ...], size: tuple[int, ...], count: int, dtype: Any) -> np.ndarray:
        """Memory for that many images: (*lead, *size, count) of small ones, (count, *lead, *size) of large ones."""
        return np.empty((*lead, *size, count) if self.last else (count, *lead, *size), dtype)

    def images(self, memory: np.ndarray) -> np.ndarray:
        """A view of memory with one leading axis as (count, channels, *size)."""
        return memory.transpose(self.batch_first) if self.last else memory

    def matrix(self, memory: np.ndarray, rows: int, count: int) -> np.ndarray:
        """`memory` as (groups, rows, places · count) or (count, groups, rows, places)."""
        places, groups = self.place_count, self.groups
        return memory.reshape((groups, rows, places * count) if self.last else (count, groups, rows, places))

    def taken(self, images: np.ndarray, size: tuple[int, ...], dtype: Any) -> np.ndarray:
        """Memory with these images, and zeros around them where `size` is the padded one."""
        if images.shape[2:] == size and not self.last:
            return np.ascontiguousarray(images, dtype)
        memory = self.memory((images.shape[1],), size, len(images), dtype)
        inside = self.images(memory)
        if images.shape[2:] != size:
            memory.fill(0)
            inside = inside[self.inner]
        inside[...] = images
        return memory

    def columns(self, images: np.ndarray, dtype: Any) -> np.ndarray:
        """What the kernel sees at each place of the images, as a matrix."""
        padded = self.taken(images, self.padded, dtype)
        if type(padded) is not np.ndarray:
            return self.matrix(self.windows(padded), self.rows, len(images))
        key = len(images), padded.itemsize
        if (layout := self.seen.get(key)) is None:
            layout = self.seen[key] = self.layout(padded, len(images))
        shape, strides = layout
        return self.matrix(np.ndarray(shape, dtype, padded, 0, strides), self.rows, len(images))

    def layout(self, padded: np.ndarray, count: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Shape and strides of what the kernel sees at each place, in memory with padded images."""
        lead, strides = (self.channels, *self.kernel), [*padded.strides]
        batch = strides.pop(-1 if self.last else 0)
        channel, *along = strides
        kernel = [step * each for step, each in zip(self.dilation, along, strict=True)]
        places = [step * each for step, each in zip(self.stride, along, strict=True)]
        if self.last:
            return (*lead, *self.places, count), (channel, *kernel, *places, batch)
        return (count, *lead, *self.places), (batch, channel, *kernel, *places)

    def windows(self, padded: np.ndarray) -> np.ndarray:
        """The same view of what stands for an array while a function is traced, in words that NumPy has for it."""
        n, first = len(self.kernel), 1 if self.last else 2
        reach = tuple(d * (k - 1) + 1 for d, k in zip(self.dilation, self.kernel, strict=True))
        seen = sliding_windows(padded, reach, (*range(first, first + n),))
        starts = (slice(0, (p - 1) * s + 1, s) for p, s in zip(self.places, self.stride, strict=True))
        key: Any = (*(slice(None),) * first, *starts, ..., *(slice(None, None, d) for d in self.dilation))
        seen = seen[key]
        return seen.transpose((*range(first), *range(seen.ndim - n, seen.ndim), *range(first, seen.ndim - n)))

    def results(self, images: np.ndarray, dtype: Any) -> np.ndarray:
        """Images of the result's size as a matrix."""
        return self.matrix(self.taken(images, self.places, dtype), self.filters // self.groups, len(images))

    def laid(self, columns: np.ndarray, count: int) -> np.ndarray:
        """The sums, at each place of x, of the columns that look at it: (count, channels, *size)."""
        lead = (self.channels, *self.kernel)
        columns = columns.reshape((*lead, *self.places, count) if self.last else (count, *lead, *self.places))
        padded = self.memory((self.channels,), self.padded, count, columns.dtype)
        padded.fill(0)
        for seen, offset in _offsets(self.kernel, self.dilation, self.stride, self.places, self.last):
            place = padded[seen]
            np.add(place, columns[offset], out=place)
        return self.images(padded)[self.inner]

    # --- a filter for each channel, in steps of 1 -------------------------------------------------------------------
    #
    # In memory (channels, *padded, batch) the places that an element of the kernel sees are one run of numbers, which
    # starts where the element stands, if results have rows as long as those of the padded images. What such a row has
    # more is left out in the end.

    def runs(self, images: np.ndarray, dtype: Any) -> np.ndarray:
        """What each element of the kernel sees, as (channels, *kernel, places · batch): a view of padded images."""
        padded = self.taken(images, self.padded, dtype)
        if type(padded) is not np.ndarray:  # while a function is traced: then the op stays one call
            raise TypeError("a filter for each channel sums runs of memory, for which NumPy has no function")
        channel, *along, _ = padded.strides
        kernel = [step * each for step, each in zip(self.dilation, along, strict=True)]
        beyond = sum((p - 1) * each for p, each in zip(self.places, along, strict=True)) // padded.itemsize
        shape = (self.channels, *self.kernel, beyond + len(images))
        return np.ndarray(shape, dtype, padded, strides=[channel, *kernel, padded.itemsize])

    def seen_alone(self, images: np.ndarray, weight: np.ndarray, dtype: Any) -> np.ndarray:
        """The results (count, channels, *places): the sum over the kernel of its elements times what they see."""
        runs, kernel = self.runs(images, dtype), "ijk"[: len(self.kernel)]
        out = np.empty((self.channels, self.places[0], *self.padded[1:], len(images)), dtype)
        flat = out.reshape(self.channels, -1)[:, : runs.shape[-1]]
        np.einsum(f"c{kernel}p,c{kernel}->cp", runs, weight.reshape(runs.shape[:-1]), out=flat)
        found: np.ndarray = self.images(out)[self.result]
        return found

    def weighed_alone(self, images: np.ndarray, results: np.ndarray, dtype: Any) -> np.ndarray:
        """The share of the weight (channels, *kernel): for each element the sum of the results times what it sees."""
        runs, kernel = self.runs(images, dtype), "ijk"[: len(self.kernel)]
        wide = np.zeros((self.channels, self.places[0], *self.padded[1:], len(images)), dtype)
        self.images(wide)[self.result] = results
        flat = wide.reshape(self.channels, -1)[:, : runs.shape[-1]]
        return np.asarray(np.einsum(f"c{kernel}p,cp->c{kernel}", runs, flat))

    def turned(self) -> _Plan | None:
        """The plan by which the results give the images' share: a convolution with the kernel turned around."""
        reach = [d * (k - 1) for d, k in zip(self.dilation, self.kernel, strict=True)]
        before = [r - part.start for r, part in zip(reach, self.inner[1:], strict=True)]
        sizes = zip(before, self.size, reach, self.places, strict=True)
        pads = tuple((a, length + r - p - a) for a, length, r, p in sizes)
        if min(map(min, pads)) < 0:  # the padding of the images is wider than the kernel
            return None
        weight = (self.filters, 1, *self.kernel)
        return _planned(self.places, None, weight, self.stride, pads, self.dilation, self.groups)


_planned = lru_cache(1024)(_Plan)


@lru_cache(256)
def _offsets(
    kernel: tuple[int, ...], dilation: tuple[int, ...], stride: tuple[int, ...], places: tuple[int, ...], last: bool
) -> list[tuple[Any, Any]]:
    """For each element of the kernel: the index, in padded memory, of where it stands, and its own in the columns."""
    lead = (slice(None),) if last else (slice(None), slice(None))
    found = []
    for offset in np.ndindex(kernel):
        each = zip(offset, dilation, stride, places, strict=True)
        found.append(((*lead, *(slice(o * d, o * d + s * (p - 1) + 1, s) for o, d, s, p in each)), (*lead, *offset)))
    return found


def _settings(kernel: tuple[int, ...], stride: Any, padding: Any, dilation: Any) -> tuple[Any, Any, Any]:
    """(stride, pads, dilation), one for each axis."""
    try:
        return _settled(kernel, stride, padding, dilation)
    except TypeError:  # a list, or an array
        return _settled.__wrapped__(kernel, stride, padding, dilation)


@lru_cache(1024, typed=True)
def _settled(kernel: tuple[int, ...], stride: Any, padding: Any, dilation: Any) -> tuple[Any, Any, Any]:
    if 0 in kernel:
        raise ShapeError(f"a kernel is at least 1 long along each axis, got one of shape {kernel}; leave no axis empty")
    n = len(kernel)
    steps, apart = per_axis(stride, n, "stride", 1), per_axis(dilation, n, "dilation", 1)
    return steps, _pads(padding, kernel, steps, apart), apart


def _size_from(
    places: tuple[int, ...], kernel: tuple[int, ...], stride: tuple[int, ...], pads: Any, dilation: tuple[int, ...],
    output_padding: tuple[int, ...],
) -> tuple[int, ...]:  # fmt: skip
    """The size that a transposed convolution gives from `places`."""
    parts = zip(places, kernel, stride, dilation, pads, output_padding, strict=True)
    size = tuple((p - 1) * s + d * (k - 1) + 1 - a - b + extra for p, k, s, d, (a, b), extra in parts)
    if any(length < 1 for length in size):
        raise ShapeError(f"a transposed convolution of size {places} would give size {size}; use less padding")
    if any(e >= max(s, d) for e, s, d in zip(output_padding, stride, dilation, strict=True)):
        raise ArgumentError(
            f"output_padding={output_padding} must be smaller than the stride {stride} or the dilation {dilation}; "
            "pad the result instead"
        )
    return size


def way_to_batch(what: str, shape: tuple[int, ...], axes: int) -> str:
    """The reshape to write for images that came without batch and channels, in words."""
    if 0 < axes - len(shape) <= 2:
        return f"write {what}.reshape{(*(1,) * (axes - len(shape)), *shape)} for one image of one channel"
    return "reshape it"


def _batched(name: str, x: Any, weight_ndim: int, what: str = "x") -> Any:
    """`x` with a batch axis, which a single image may leave out."""
    if x.ndim == weight_ndim - 1:
        return x[None]
    if x.ndim != weight_ndim:
        raise ShapeError(
            f"{name}() takes {what} with {weight_ndim} axes (batch, channels, ...) or {weight_ndim - 1} without the "
            f"batch, got shape {x.shape}; {way_to_batch(what, x.shape, weight_ndim)}"
        )
    return x


def _checked_bias(name: str, bias: Any, filters: int, n: int) -> Any:
    """`bias` with an axis for each of an image's, or None."""
    if bias is None:
        return None
    if np.shape(bias) != (filters,):
        raise ShapeError(f"{name}() takes a bias of shape ({filters},), one for each filter, got {np.shape(bias)}")
    return bias.reshape(-1, *(1,) * n)


def _put(out: np.ndarray, values: np.ndarray, bias: Any) -> None:
    """Copy `values` into `out`, unless they are there, with the bias if there is one."""
    if bias is not None:
        np.add(values, bias, out=out)
    elif values is not out:
        out[...] = values


def _named(**settings: Any) -> list[Any]:
    """Those settings of a convolution that are not the default, as keywords of a formula: one number for equal axes."""
    shown = []
    for name, value in settings.items():
        if name == "padding" and all(before == after for before, after in value):
            value = tuple(before for before, _ in value)
        if isinstance(value, tuple) and type(value[0]) is int and len(set(value)) == 1:
            value = value[0]
        if value != (0 if "padding" in name else 1):
            shown.append(["kw", name, tree_of(value)])
    return shown


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
        settings = _settings(weight.shape[2:], stride, padding, dilation)
        plan = _planned(images.shape[2:], None, weight.shape, *settings, per_axis(groups, 1, "groups", 1)[0])
        if images.shape[1] != plan.channels:
            raise ShapeError(
                f"{name}() with weight {weight.shape} and groups={groups} takes {plan.channels} channels, "
                f"got x of shape {x.shape}"
            )
        added = _checked_bias(name, bias, plan.filters, n)
        dtype = x.dtype if x.dtype is weight.dtype else np.result_type(x, weight)
        matrix = weight.reshape(plan.groups, plan.filters // plan.groups, plan.rows)
        out = np.empty(
            (len(images), plan.filters, *plan.places), dtype if bias is None else np.result_type(dtype, bias)
        )
        if plan.alone:
            _put(out, plan.seen_alone(images, weight, dtype), added)
            return out if images is x else out[0]
        for part in plan.parts(len(images), images, weight):
            columns, target = plan.columns(images[part], dtype), out[part]
            results = target
            if plan.last or out.dtype != dtype:
                results = plan.memory((plan.filters,), plan.places, len(target), dtype)
            np.matmul(matrix, columns, out=plan.matrix(results, matrix.shape[1], len(target)))
            _put(target, plan.images(results), added)
        return out if images is x else out[0]

    def conv_transpose(
        x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
        groups: int = 1, dilation: Any = 1,
    ) -> Any:  # fmt: skip
        checked(transposed_name, x, weight)
        images = _batched(transposed_name, x, n + 2)
        if isinstance(padding, str) and padding == "same":
            raise ArgumentError(f"{transposed_name}() takes its padding as numbers, got 'same'")
        places = images.shape[2:]
        settings = _settings(weight.shape[2:], stride, padding, dilation)
        size = _size_from(places, weight.shape[2:], *settings, per_axis(output_padding, n, "output_padding", 0))
        plan = _planned(size, places, weight.shape, *settings, per_axis(groups, 1, "groups", 1)[0])
        if images.shape[1] != plan.filters:
            raise ShapeError(
                f"{transposed_name}() with weight {weight.shape} takes {plan.filters} channels, got x of shape "
                f"{x.shape}"
            )
        out = spread(plan, images, weight, bias, _checked_bias(transposed_name, bias, plan.channels, n))
        return out if images is x else out[0]

    def spread(plan: _Plan, images: Any, weight: Any, bias: Any = None, added: Any = None) -> Any:
        dtype = images.dtype if images.dtype is weight.dtype else np.result_type(images, weight)
        matrix = weight.reshape(plan.groups, plan.filters // plan.groups, plan.rows).mT
        out = np.empty((len(images), plan.channels, *plan.size), dtype if bias is None else np.result_type(dtype, bias))
        if plan.alone and (turned := plan.turned()) is not None:
            _put(out, turned.seen_alone(images, np.flip(weight, tuple(range(2, n + 2))), dtype), added)
            return out
        for part in plan.parts(len(images), images, weight):
            columns = np.matmul(matrix, plan.results(images[part], dtype))
            _put(out[part], plan.laid(columns, len(images[part])), added)
        return out

    def conv_weight(
        x: Any, y: Any, shape: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
    ) -> Any:
        images, results = _batched(weight_name, x, n + 2), _batched(weight_name, y, n + 2, "y")
        places = results.shape[2:]  # fewer than fit where an output_padding went beyond the stride
        settings = _settings(tuple(shape[2:]), stride, padding, dilation)
        plan = _planned(images.shape[2:], places, tuple(shape), *settings, per_axis(groups, 1, "groups", 1)[0])
        if images.shape[:2] != (len(results), plan.channels) or results.shape[1] != plan.filters:
            raise ShapeError(
                f"{weight_name}() for a weight {tuple(shape)} with groups={groups} takes as many images of "
                f"{plan.channels} channels as results of {plan.filters}, got {x.shape} and {y.shape}"
            )
        dtype = x.dtype if x.dtype is y.dtype else np.result_type(x, y)
        if plan.alone:
            return plan.weighed_alone(images, results, dtype).reshape(shape)
        sums = np.zeros((plan.groups, plan.rows, plan.filters // plan.groups), dtype)
        for part in plan.parts(
            len(images), images, results
        ):  # BLAS takes a fifth less for this product than for its transpose
            product = np.matmul(plan.columns(images[part], dtype), plan.results(results[part], dtype).mT)
            sums += product if plan.last else np.add.reduce(product, axis=0)
        return np.ascontiguousarray(sums.mT).reshape(shape)

    def back_to_x(g: Any, weight: Any, x: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
        size, places = x.shape[x.ndim - n :], g.shape[g.ndim - n :]
        steps, pads, apart = _settings(weight.shape[2:], stride, padding, dilation)
        if type(g) is type(weight) is np.ndarray:  # their shapes are known to fit: there has been a forward pass
            plan = _planned(size, places, weight.shape, steps, pads, apart, groups)
            return spread(plan, g, weight) if g.ndim == n + 2 else spread(plan, g[None], weight)[0]
        parts = zip(size, places, weight.shape[2:], steps, apart, pads, strict=True)
        extra = tuple(length - ((p - 1) * s + d * (k - 1) + 1 - a - b) for length, p, k, s, d, (a, b) in parts)
        return transposed(g, weight, None, steps, pads, extra, groups, apart)

    def cropped(g: Any, x: Any) -> Any:
        inner = x.shape[x.ndim - n :]
        return g if g.shape[g.ndim - n :] == inner else g[(..., *map(slice, inner))]

    def over_places(g: Any) -> Any:
        return total(g, axis=(*range(g.ndim - n - 1), *range(g.ndim - n, g.ndim)))

    def back_to_x_formula(g: Any, weight: Any, x: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
        size, places = x.shape[x.ndim - n :], g.shape[g.ndim - n :]
        steps, pads, apart = _settings(weight.shape[2:], stride, padding, dilation)
        parts = zip(size, places, weight.shape[2:], steps, apart, pads, strict=True)
        extra = tuple(length - ((p - 1) * s + d * (k - 1) + 1 - a - b) for length, p, k, s, d, (a, b) in parts)
        named = _named(stride=steps, padding=pads, output_padding=extra, groups=groups, dilation=apart)
        return [transposed_name, g.tree, weight.tree, *named]

    def conv_formula(x: Any, weight: Any, to: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
        steps, pads, apart = _settings(weight.shape[2:], stride, padding, dilation)
        reach = zip(x.shape[x.ndim - n :], weight.shape[2:], steps, apart, pads, strict=True)
        fit = tuple((length + a + b - d * (k - 1) - 1) // s + 1 for length, k, s, d, (a, b) in reach)
        if fit != to.shape[to.ndim - n :]:
            return f"{name}({{{x.tree}}}, {{{weight.tree}}}), cropped to the size of {{{to.tree}}}"
        return [name, x.tree, weight.tree, *_named(stride=steps, padding=pads, dilation=apart, groups=groups)]

    def bias_formula(g: Any) -> Any:
        return ["sum", "g", ["kw", "axis", ["tuple", *range(g.ndim - n - 1), *range(g.ndim - n, g.ndim)]]]

    filters_of_x = "{x} summed under {g}, at each place of the kernel"
    small, odd, line = (5,) * n, tuple(range(5, 5 + n)), (1,) * (n - 1)
    call = define(
        conv, name=name, symbol="✱", category="neural", inputs=("x", "weight", "bias"),
        floats=("x", "weight", "bias"),
        multiply_adds=lambda out, x, weight, bias=None: math.prod(out) * math.prod(weight[1:]),
        cases=[
            case((2, 2, *small), (3, 2, *(3,) * n), (3,), padding=1),
            case((1, 4, *odd), (2, 2, *line, 2), stride=2, groups=2),
            case((2, *small), (2, 2, *(2,) * n), dilation=2), case((1, 1, *small), (1, 1, *(2,) * n), padding="same"),
            case((2, 3, *small), (2, 3, *(1,) * n), (2,), padding="valid", stride=3),
        ],
        sentence="x gets the filters laid back, times g; a filter gets the patches that it saw, times g.",
        summary=f"The products of each filter of weight (filters, channels / groups, {axes}) with x (batch, channels, "
        f"{axes}) at each place, summed, plus bias. The filter is not flipped. padding: a number, one per axis, 'same' "
        "or 'valid'.",
        vjp={
            "x": lambda g, out, x, weight, bias, stride, padding, dilation, groups: back_to_x(
                g, weight, x, stride, padding, dilation, groups
            ),
            "weight": lambda g, out, x, weight, bias, stride, padding, dilation, groups: weighed(
                x, g, weight.shape, stride, padding, dilation, groups
            ),
            "bias": lambda g, out, x, weight, bias, stride, padding, dilation, groups: over_places(g),
        },
        formula={
            "x": lambda g, out, x, weight, bias, stride, padding, dilation, groups: back_to_x_formula(
                g, weight, x, stride, padding, dilation, groups
            ),
            "weight": filters_of_x,
            "bias": lambda g, out, x, weight, bias, stride, padding, dilation, groups: bias_formula(g),
        }, reads=("x",),
    )  # fmt: skip
    transposed_call = define(
        conv_transpose, name=transposed_name, symbol="✱ᵀ", category="neural", inputs=("x", "weight", "bias"),
        floats=("x", "weight", "bias"),
        multiply_adds=lambda out, x, weight, bias=None: math.prod(x) * math.prod(weight[1:]),
        cases=[
            case((2, 3, *small), (3, 2, *(3,) * n), (2,), padding=1, stride=2, output_padding=1),
            case((1, 4, *(3,) * n), (4, 1, *line, 2), groups=2),
            case((2, *(3,) * n), (2, 2, *(2,) * n), dilation=3, stride=2, padding=1, output_padding=2),
        ],
        sentence="x gets what the filters see in g; a filter gets the products of x and g that it made.",
        summary=f"Each element of x times its filter of weight (channels, results / groups, {axes}), added up where "
        f"conv{n}d would read it, plus bias: the gradient of conv{n}d with respect to its input.",
        vjp={
            "x": lambda g, out, x, weight, bias, stride, padding, output_padding, groups, dilation: cropped(
                convolved(g, weight, None, stride, padding, dilation, groups), x
            ),
            "weight": lambda g, out, x, weight, bias, stride, padding, output_padding, groups, dilation: weighed(
                g, x, weight.shape, stride, padding, dilation, groups
            ),
            "bias": lambda g, out, x, weight, bias, stride, padding, output_padding, groups, dilation: over_places(g),
        },
        formula={
            "x": lambda g, out, x, weight, bias, stride, padding, output_padding, groups, dilation: conv_formula(
                g, weight, x, stride, padding, dilation, groups
            ),
            "weight": filters_of_x,
            "bias": lambda g, out, x, weight, bias, stride, padding, output_padding, groups, dilation: bias_formula(g),
        }, reads=("x", "weight"),
    )  # fmt: skip
    weight_call = define(
        conv_weight, name=weight_name, symbol="✱", category="neural", inputs=("x", "y"), public=False,
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
        formula={
            "x": lambda g, out, x, y, shape, stride, padding, dilation, groups: back_to_x_formula(
                y, g, x, stride, padding, dilation, groups
            ),
            "y": lambda g, out, x, y, shape, stride, padding, dilation, groups: conv_formula(
                x, g, y, stride, padding, dilation, groups
            ),
        },
    )  # fmt: skip
    convolved, transposed, weighed = in_rules(call), in_rules(transposed_call), in_rules(weight_call)
    return call, transposed_call, weight_call


conv1d, conv_transpose1d, conv1d_weight = _define_convolutions(1)
conv2d, conv_transpose2d, conv2d_weight = _define_convolutions(2)
conv3d, conv_transpose3d, conv3d_weight = _define_convolutions(3)
