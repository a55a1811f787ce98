"""The rest of NumPy's grammar on tensors: keywords of reductions, methods of ufuncs, functions that write, and others.

All are written in ops. `where=`, `initial=`, `dtype=` of reductions come here only where one of them is given, so that
plain calls pay nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from grad_engine.core.arguments import WIDER
from grad_engine.core.broadcasting import astype
from grad_engine.core.call import as_tensor
from grad_engine.core.define import CALLS, DEFINED, composed, method
from grad_engine.core.inplace import overwrite
from grad_engine.core.left_out import leave_out_nan
from grad_engine.core.numpy_protocol import NUMPY_TO_OP, UFUNC_METHODS, WRITING
from grad_engine.core.tensor import Tensor, array_of, wrap
from grad_engine.errors import ArgumentError, NotDifferentiableError, ShapeError
from grad_engine.ops import elementwise as el
from grad_engine.ops.arithmetic import floor_divide, mul, neg, positive, remainder
from grad_engine.ops.elementwise import exp, ln, maximum, minimum, sqrt, trunc, where
from grad_engine.ops.indexing import along_axis, index_put
from grad_engine.ops.joining import stack
from grad_engine.ops.reduction import sum as sum_of
from grad_engine.ops.shape import broadcast_to, moveaxis, reshape, roll
from grad_engine.ops.statistics import nanquantile, quantile

_ABSENT: Any = np._NoValue  # what NumPy's functions pass on for a keyword that was left out

# --- reductions ------------------------------------------------------------------------------------------------------


def _given(value: Any) -> bool:
    return value is not None and value is not _ABSENT


def _in(x: Any, dtype: Any) -> Tensor:
    return astype(x, dtype) if _given(dtype) else as_tensor(x)


def _kept(x: Tensor, mask: Any, fill: float) -> Tensor:
    """x, with `fill` where the mask is False."""
    if mask is True or not _given(mask):
        return x
    if type(mask) is not Tensor and not isinstance(mask, np.ndarray | np.bool_ | bool | list):
        raise ArgumentError(f"where= is a mask of booleans, got {type(mask).__name__}")
    flags = np.asarray(array_of(mask))
    if flags.dtype != bool:
        raise ArgumentError(f"where= is a mask of booleans, got {flags.dtype}; compare first, as in x > 0")
    leave_out_nan([x])
    return where(flags, x, np.asarray(fill, x.dtype))


def _folding(name: str, neutral: float, join: Callable[[Any, Any], Tensor]) -> None:
    """Give the reduction `name` the keywords where, initial and dtype."""
    plain = DEFINED[name]

    def wide(
        x: Any, axis: Any = None, keepdims: Any = False, *, dtype: Any = None, initial: Any = None, where: Any = True
    ) -> Tensor:
        x = _in(x, dtype)
        extreme = not np.isfinite(neutral)
        if extreme and _given(where) and where is not True and not _given(initial):
            raise ShapeError(f"{name}() with where= needs initial=, the value of no elements at all")
        if x.dtype.kind in "iu":
            initial = int(array_of(initial)) if _given(initial) else initial  # as NumPy cuts it
            bounds = np.iinfo(x.dtype)
            x = _kept(x, where, (bounds.min if neutral < 0 else bounds.max) if extreme else neutral)
        else:
            x = _kept(x, where, neutral)
        if extreme and _given(initial) and not _length(x, axis):
            shape = np.sum(x.array, axis=axis, keepdims=keepdims is True).shape
            return broadcast_to(astype(as_tensor(initial), x.dtype), shape)
        out = plain(x, axis, keepdims is True)
        return join(out, initial) if _given(initial) else out

    WIDER[name] = frozenset({"dtype", "initial", "where"}), wide


def _length(x: Tensor, axis: Any) -> int:
    """How many elements are folded into one."""
    axes = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    return int(np.prod([x.shape[a] for a in axes]))


_folding("sum", 0.0, lambda out, initial: out + initial)
_folding("prod", 1.0, lambda out, initial: out * initial)
for _name, _worst, _join in (("max", -np.inf, maximum), ("min", np.inf, minimum)):
    _folding(_name, _worst, _join)
    _folding("a" + _name, _worst, _join)


def _mean(x: Any, axis: Any = None, keepdims: Any = False, *, dtype: Any = None, where: Any = True) -> Tensor:
    x = _in(x, dtype)
    if where is True or not _given(where):
        return DEFINED["mean"](x, axis, keepdims is True)
    return sum_of(_kept(x, where, 0.0), axis, keepdims is True) / _count(x, where, axis, keepdims is True)


def _count(x: Tensor, mask: Any, axis: Any, keepdims: bool) -> Any:
    flags = np.broadcast_to(np.asarray(array_of(mask)), x.shape)
    kind: Any = x.dtype if x.dtype.kind == "f" else float
    return np.sum(flags, axis=axis, keepdims=keepdims, dtype=kind)


def _var(
    x: Any, axis: Any = None, ddof: Any = 0, keepdims: Any = False, *, dtype: Any = None, where: Any = True,
    mean: Any = None, correction: Any = None,
) -> Tensor:  # fmt: skip
    x = _in(x, dtype)
    ddof = correction if _given(correction) else ddof
    keepdims = keepdims is True
    masked = where is not True and _given(where)
    if not masked and not _given(mean):
        return DEFINED["var"](x, axis, ddof, keepdims)
    center = mean if _given(mean) else _mean(x, axis, True, where=where)
    away = _kept(x - center, where, 0.0) if masked else x - center
    count = _count(x, where if masked else True, axis, keepdims)
    return sum_of(away * away, axis, keepdims) / np.maximum(count - ddof, 0)


def _std(x: Any, axis: Any = None, ddof: Any = 0, keepdims: Any = False, **more: Any) -> Tensor:
    if more.keys() <= {"dtype", "correction"}:  # std itself has the slope 0 where all elements are equal
        ddof = more["correction"] if _given(more.get("correction")) else ddof
        return DEFINED["std"](_in(x, more.get("dtype")), axis, ddof, keepdims is True)
    spread = _var(x, axis, ddof, keepdims, **more)
    return where(spread.array == 0, 0.0, sqrt(where(spread.array == 0, 1.0, spread)))


WIDER["mean"] = frozenset({"dtype", "where"}), _mean
WIDER["var"] = frozenset({"dtype", "where", "mean", "correction"}), _var
WIDER["std"] = WIDER["var"][0], _std


def _without_nan(name: str, join: Callable[[Any, Any], Tensor] | None) -> None:
    """Give a reduction that leaves NaN out the keywords where, initial and dtype: what is masked becomes NaN."""

    def wide(x: Any, *args: Any, dtype: Any = None, initial: Any = None, where: Any = True, **more: Any) -> Tensor:
        if _given(initial) and join is None:
            raise ArgumentError(f"{name}() takes no initial=; it takes axis, keepdims, dtype and where")
        x = _in(x, dtype)
        if x.dtype.kind != "f":  # whole numbers are never NaN
            given = {"where": where, "initial": initial}
            return CALLS[name.removeprefix("nan")](
                x, *args, **more, **{key: value for key, value in given.items() if _given(value) and value is not True}
            )
        out = CALLS[name](_kept(x, where, np.nan), *args, **more)
        return join(out, initial) if _given(initial) and join is not None else out

    WIDER[name] = frozenset({"dtype", "initial", "where"}), wide


_WITHOUT_NAN: dict[str, Any] = {
    "nansum": lambda out, initial: out + initial, "nanprod": lambda out, initial: out * initial,
    "nanmean": None, "nanvar": None, "nanstd": None, "nanmax": maximum, "nanmin": minimum,
}  # fmt: skip
for _name, _join_of in _WITHOUT_NAN.items():
    _without_nan(_name, _join_of)


def _running(name: str) -> None:
    def wide(x: Any, axis: Any = None, *, dtype: Any = None) -> Tensor:
        return CALLS[name](_in(x, dtype), axis)

    WIDER[name] = frozenset({"dtype"}), wide


for _name in ("cumsum", "cumprod", "nancumsum", "nancumprod"):
    _running(_name)


def _median_of_numpy(a: Any, axis: Any = None, overwrite_input: bool = False, keepdims: Any = False) -> Tensor:
    """NumPy's median: of an even count the mean of the two in the middle, where ge.median takes the lower one."""
    return quantile(a, 0.5, axis, keepdims=keepdims is True)


def _nanmedian_of_numpy(a: Any, axis: Any = None, overwrite_input: bool = False, keepdims: Any = False) -> Tensor:
    """NumPy's nanmedian: of an even count the mean of the two in the middle."""
    return nanquantile(a, 0.5, axis, keepdims=keepdims is True)


# --- methods of ufuncs -----------------------------------------------------------------------------------------------


def _outer(ufunc: Any, x: Any, y: Any, **more: Any) -> Tensor:
    """ufunc of each element of x with each of y, in the shape of x, then that of y."""
    _no_more(ufunc, "outer", more)
    x = as_tensor(x)
    return NUMPY_TO_OP[ufunc](reshape(x, (*x.shape, *(1,) * np.ndim(array_of(y)))), y)


def _reduceat(ufunc: Any, x: Any, indices: Any, axis: int = 0, **more: Any) -> Tensor:
    """For each index, ufunc.reduce from there to the next one, or the element there where the next is not behind it."""
    _no_more(ufunc, "reduceat", more)
    fold = NUMPY_TO_OP[ufunc, "reduce"]
    x, places = moveaxis(as_tensor(x), axis, 0), np.asarray(array_of(indices)).tolist()
    ends = [*places[1:], x.shape[0]]
    last = len(places) - 1
    parts = [
        fold(x[start:end], axis=0) if end > start or k == last else x[start]
        for k, (start, end) in enumerate(zip(places, ends, strict=True))
    ]
    return moveaxis(stack(parts), 0, axis)


def _at(ufunc: Any, x: Any, index: Any, *values: Any) -> None:
    """x[index] = ufunc(x[index], values), in place and recorded; add and subtract do so for each of equal indices."""
    if type(x) is not Tensor:
        raise NotDifferentiableError(
            f"np.{ufunc.__name__}.at writes a tensor that requires grad into an array, which would lose its history; "
            "make the array a tensor first"
        )
    index = tuple(map(array_of, index)) if isinstance(index, tuple) else array_of(index)
    if ufunc in (np.add, np.subtract):
        share = values[0] if ufunc is np.add else neg(as_tensor(values[0]))
        overwrite(x, index_put(x, share, index, accumulate=True))
        return
    count = np.zeros(x.shape, int)
    np.add.at(count, index, 1)
    if count.max(initial=0) > 1:
        raise NotDifferentiableError(
            f"np.{ufunc.__name__}.at with an index twice has no gradient here; add.at and subtract.at do"
        )
    overwrite(x, index_put(x, NUMPY_TO_OP[ufunc](positive(x[index]), *values), index))


def _no_more(ufunc: Any, method: str, more: dict[str, Any]) -> None:
    if any(map(_given, more.values())):
        raise ArgumentError(f"np.{ufunc.__name__}.{method} takes no {', '.join(more)} on tensors; leave it out")


UFUNC_METHODS.update(outer=_outer, reduceat=_reduceat, at=_at)

# --- functions that write in place -----------------------------------------------------------------------------------


def _repeated(values: Any, count: int) -> Tensor:
    """`count` elements of the values, from the beginning again where there are fewer."""
    flat = reshape(as_tensor(values), (-1,))
    return flat[np.arange(count) % max(flat.shape[0], 1)]


def _put(a: Tensor, ind: Any, v: Any, mode: str = "raise") -> None:
    places = np.asarray(array_of(ind)).reshape(-1)
    if mode != "raise":
        places = places % a.size if mode == "wrap" else np.clip(places, 0, a.size - 1)
    out = index_put(reshape(a, (-1,)), _repeated(v, places.size), places)
    overwrite(a, reshape(out, a.shape))


def _put_along_axis(arr: Tensor, indices: Any, values: Any, axis: Any = -1) -> None:
    places = np.asarray(array_of(indices))
    if axis is None:
        _put(arr, places, values)
        return
    index = along_axis(arr.shape, places, axis)
    overwrite(arr, index_put(arr, broadcast_to(as_tensor(values), np.broadcast_shapes(*map(np.shape, index))), index))


def _copyto(dst: Tensor, src: Any, casting: Any = "same_kind", where: Any = True) -> None:
    source = as_tensor(src)
    if not np.can_cast(source.dtype, dst.dtype, casting) and type(src) is Tensor:
        raise ArgumentError(f"copyto() cannot cast {source.dtype} to {dst.dtype} by {casting!r}; use astype()")
    source = source if source.dtype == dst.dtype else astype(source, dst.dtype)
    if where is not True:
        source = el.where(np.asarray(array_of(where), bool), source, dst)
    overwrite(dst, broadcast_to(positive(source), dst.shape))  # a node of its own: dst is not the leaf src


def _place(arr: Tensor, mask: Any, vals: Any) -> None:
    flags = np.asarray(array_of(mask), bool).reshape(arr.shape)
    overwrite(arr, index_put(arr, _repeated(vals, int(flags.sum())), flags))


def _putmask(a: Tensor, mask: Any, values: Any) -> None:
    flags = np.broadcast_to(np.asarray(array_of(mask), bool), a.shape)
    overwrite(a, where(flags, reshape(_repeated(values, a.size), a.shape), a))


def _fill_diagonal(a: Tensor, val: Any, wrap: bool = False) -> None:
    flags = np.zeros(a.shape, bool)
    np.fill_diagonal(flags, True, wrap)
    _place(a, flags, val)


class Flat:
    """The elements of a tensor in C order, to be read and written in place: `x.flat[::n + 1] += 1`, as in NumPy."""

    __slots__ = ("base",)

    def __init__(self, base: Tensor) -> None:
        self.base = base

    def __getitem__(self, key: Any) -> Tensor:
        return positive(reshape(self.base, (-1,))[key])

    def __setitem__(self, key: Any, values: Any) -> None:
        _put(self.base, np.arange(self.base.size)[key], values)

    def __iter__(self) -> Iterator[Tensor]:
        return iter(reshape(self.base, (-1,)))

    def __len__(self) -> int:
        return int(self.base.size)


method("flat", property(
    Flat, lambda x, values: _put(x, np.arange(x.size), values),
    doc="The elements in C order, to be read and written in place: x.flat[::n + 1] += 1, as in NumPy.",
))  # fmt: skip
WRITING.update({
    np.put: _put, np.put_along_axis: _put_along_axis, np.copyto: _copyto, np.place: _place, np.putmask: _putmask,
    np.fill_diagonal: _fill_diagonal,
})  # fmt: skip


def _astype(
    x: Any, dtype: Any, *, order: Any = "K", casting: Any = "unsafe", subok: bool = True, copy: bool = True
) -> Tensor:
    x = as_tensor(x)
    if not np.can_cast(x.dtype, dtype, casting):
        raise ArgumentError(f"astype() cannot cast {x.dtype} to {np.dtype(dtype)} by {casting!r}; leave casting out")
    return astype(x, dtype)


WIDER["astype"] = frozenset({"order", "casting", "subok", "copy"}), _astype

# --- new arrays like a tensor ----------------------------------------------------------------------------------------


def _like(function: Any) -> Callable[..., Tensor]:
    """np.zeros_like and the like as tensors, so that what is written into them keeps its history."""

    def make(prototype: Any, *args: Any, **named: Any) -> Tensor:
        return wrap(np.asarray(function(array_of(prototype), *args, **named)), None)

    return make


def _full_like(
    a: Any, fill_value: Any, dtype: Any = None, order: Any = "K", subok: bool = True, shape: Any = None, **more: Any
) -> Tensor:
    like = np.empty_like(array_of(a), dtype, order, subok, shape, **more)
    return positive(broadcast_to(astype(as_tensor(fill_value), like.dtype), like.shape))


NUMPY_TO_OP.update({
    np.zeros_like: _like(np.zeros_like), np.ones_like: _like(np.ones_like), np.empty_like: _like(np.empty_like),
    np.full_like: _full_like,
})  # fmt: skip

# --- ranges ----------------------------------------------------------------------------------------------------------


def linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None, axis: int = 0
) -> Any:
    """`num` numbers at equal distances from start to stop, which may be tensors; they lie along a new axis."""
    start, stop = as_tensor(start), as_tensor(stop)
    steps = max(num - 1 if endpoint else num, 1)
    shape = np.broadcast_shapes(start.shape, stop.shape)
    part = (np.arange(num) / steps).reshape(num, *(1,) * len(shape))
    out = start * (1 - part) + stop * part
    out = moveaxis(out, 0, axis) if axis else out
    out = astype(out, dtype) if dtype is not None else out
    return (out, (stop - start) / steps) if retstep else out


def _logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0, dtype: Any = None, axis: int = 0
) -> Tensor:
    scale = ln(as_tensor(base))
    out = exp(linspace(as_tensor(start) * scale, as_tensor(stop) * scale, num, endpoint, axis=axis))
    return astype(out, dtype) if dtype is not None else out


def _geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Tensor:
    start, stop = as_tensor(start), as_tensor(stop)
    sign = np.sign(start.array)
    if not (sign * np.sign(stop.array) > 0).all():
        raise ShapeError("geomspace() goes between numbers of one sign, not 0; got 0 or both signs")
    out = exp(linspace(ln(start * sign), ln(stop * sign), num, endpoint, axis=axis))
    out = out * (np.expand_dims(sign, axis) if np.ndim(sign) else sign)
    return astype(out, dtype) if dtype is not None else out


# --- the rest --------------------------------------------------------------------------------------------------------


def _apply_along_axis(func1d: Callable[..., Any], axis: int, arr: Any, *args: Any, **more: Any) -> Tensor:
    x = as_tensor(arr)
    place = normalize_axis_index(axis, x.ndim)
    lines = moveaxis(x, place, -1)
    parts = [as_tensor(func1d(lines[at], *args, **more)) for at in np.ndindex(lines.shape[:-1])]
    if not parts:
        raise ShapeError(f"apply_along_axis() has no line to call the function on in shape {x.shape}")
    out = reshape(stack(parts), (*lines.shape[:-1], *parts[0].shape))
    rest = lines.ndim - 1
    return (
        moveaxis(out, (*range(rest, out.ndim),), (*range(place, place + out.ndim - rest),)) if out.ndim > rest else out
    )


@composed(method=False)
def vectorize(pyfunc: Any, excluded: Any = None) -> Any:
    """A function that calls `pyfunc` for each element of its arguments, broadcast, and joins what comes back.

    The twin of np.vectorize for tensors. excluded: places or names of arguments that are passed as they are.
    """
    whole = set(excluded or ())

    @functools.wraps(pyfunc)
    def by_element(*args: Any, **named: Any) -> Tensor:
        given: dict[Any, Any] = {**dict(enumerate(args)), **named}
        loose = {key: as_tensor(value) for key, value in given.items() if key not in whole}
        shape = np.broadcast_shapes(*[each.shape for each in loose.values()])
        spread = {key: broadcast_to(each, shape) for key, each in loose.items()}
        parts = []
        for at in np.ndindex(shape):
            now = given | {key: each[at] for key, each in spread.items()}
            parts.append(as_tensor(pyfunc(*[now[i] for i in range(len(args))], **{key: now[key] for key in named})))
        if not parts:
            raise ShapeError(f"vectorize() has no element to call the function on in shape {shape}")
        if any(part.shape for part in parts):
            raise ShapeError(f"vectorize() needs a function that returns one number, got shape {parts[0].shape}")
        return reshape(stack(parts), shape)

    return by_element


def _apply_over_axes(func: Callable[..., Any], a: Any, axes: Any) -> Tensor:
    x = as_tensor(a)
    for axis in np.atleast_1d(axes).tolist():
        out = as_tensor(func(x, axis))
        x = out if out.ndim == x.ndim else reshape(out, np.expand_dims(out.array, axis).shape)
    return x


def _rollaxis(a: Any, axis: int, start: int = 0) -> Tensor:
    x = as_tensor(a)
    place = normalize_axis_index(axis, x.ndim)
    start = start + x.ndim if start < 0 else start
    return moveaxis(x, place, start - 1 if place < start else start)


def _angle(z: Any, deg: bool = False) -> Tensor:
    """0 of positive numbers, π (180) of negative ones; the slope is 0."""
    out = el.arctan2(0.0, z)
    return out * (180 / np.pi) if deg else out


def _imag(val: Any) -> Tensor:
    x = as_tensor(val).array
    return wrap(np.zeros(x.shape, x.dtype), None)


def _real_if_close(a: Any, tol: float = 100) -> Tensor:
    return as_tensor(a)


def _shifted(x: Any, axes: Any, back: bool) -> Tensor:
    x = as_tensor(x)
    places = range(x.ndim) if axes is None else (axes,) if isinstance(axes, int) else axes
    for axis in places:
        half = x.shape[axis] // 2
        x = roll(x, -half if back else half, axis)
    return x


def _fftshift(x: Any, axes: Any = None) -> Tensor:
    return _shifted(x, axes, False)


def _ifftshift(x: Any, axes: Any = None) -> Tensor:
    return _shifted(x, axes, True)


def divmod_of(x: Any, y: Any) -> tuple[Tensor, Tensor]:
    """(x // y, x % y)."""
    return floor_divide(x, y), remainder(x, y)


def _modf(x: Any) -> tuple[Tensor, Tensor]:
    """(what is behind the point, the whole part), both with x's sign."""
    x = as_tensor(x)
    whole = trunc(x)
    finite = np.isfinite(x.array)
    if finite.all():
        return x - whole, whole
    return where(finite | np.isnan(x.array), x - where(finite, whole, 0.0), 0.0), whole


def _frexp(x: Any) -> tuple[Tensor, np.ndarray]:
    """(mantissa from 0.5 to below 1, the power of 2 as whole numbers): x is mantissa · 2**power."""
    x = as_tensor(x)
    _, power = np.frexp(x.array)
    return mul(mul(x, np.ldexp(1.0, -(power // 2))), np.ldexp(1.0, -(power - power // 2))), power


def _ldexp(x: Any, i: Any) -> Tensor:
    powers = np.asarray(array_of(i))
    if powers.dtype.kind not in "iub":
        raise ArgumentError(
            f"np.ldexp(x, i) takes whole numbers as powers of 2, got {powers.dtype}: np.exp2(i) * x takes others"
        )
    powers = powers + 0  # a truth value counts as 0 or 1
    return mul(mul(as_tensor(x), np.ldexp(1.0, powers // 2)), np.ldexp(1.0, powers - powers // 2))


NUMPY_TO_OP.update({
    np.median: _median_of_numpy, np.nanmedian: _nanmedian_of_numpy,
    np.linspace: linspace, np.logspace: _logspace, np.geomspace: _geomspace,
    np.apply_along_axis: _apply_along_axis, np.apply_over_axes: _apply_over_axes, np.rollaxis: _rollaxis,
    np.angle: _angle, np.imag: _imag, np.real_if_close: _real_if_close,
    np.fft.fftshift: _fftshift, np.fft.ifftshift: _ifftshift,
    np.divmod: divmod_of, np.modf: _modf, np.frexp: _frexp, np.ldexp: _ldexp,
})  # fmt: skip


# --- results with names, keywords that choose an algorithm, methods of arrays ---------------------------------------


def _with_names(function: Callable[..., Any]) -> None:
    """Let NumPy's `function` give its own kind of tuple, whose parts have names, of tensors too."""
    call, kind = NUMPY_TO_OP[function], type(function(np.eye(1)))

    @functools.wraps(call)
    def named(*args: Any, **keywords: Any) -> Any:
        out = call(*args, **keywords)
        return kind(*out) if isinstance(out, tuple) and len(out) == len(kind._fields) else out

    NUMPY_TO_OP[function] = named


for _function in (np.linalg.eig, np.linalg.eigh, np.linalg.qr, np.linalg.slogdet, np.linalg.svd):
    _with_names(_function)


def _of_any_kind(function: Callable[..., Any]) -> None:
    """Let NumPy's `function` take kind= and stable=, which choose how it sorts: here equals always keep their order."""
    call = NUMPY_TO_OP[function]

    @functools.wraps(call)
    def sorted_anyhow(*args: Any, kind: Any = None, stable: Any = None, **keywords: Any) -> Any:
        return call(*args, **keywords)

    NUMPY_TO_OP[function] = sorted_anyhow


_of_any_kind(np.sort)
_of_any_kind(np.argsort)


def method_of_numpy(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, published as a method of tensors under its name."""
    method(function.__name__, function)
    return function


@method_of_numpy
def fill(self: Tensor, value: Any) -> None:
    """Write one number into all elements of x, as NumPy's method does."""
    self[...] = value


@method_of_numpy
def put(self: Tensor, indices: Any, values: Any, mode: str = "raise") -> None:
    """Write values at places counted in C order, as NumPy's method does."""
    WRITING[np.put](self, indices, values, mode)


@method_of_numpy
def compress(self: Tensor, condition: Any, axis: Any = None) -> Tensor:
    """The parts of x along an axis where the condition holds, as NumPy's method gives them."""
    return NUMPY_TO_OP[np.compress](condition, self, axis)
