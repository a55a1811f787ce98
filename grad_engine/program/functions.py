"""What NumPy's functions do on stand-ins: become a step, answer from shapes alone, write in place, or refuse."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from grad_engine.core.tensor import Tensor
from grad_engine.errors import TraceError
from grad_engine.program import views
from grad_engine.program.steps import FUNCTION, METHOD, leaves, mapped
from grad_engine.program.trace import Trace
from grad_engine.program.traced import Traced, TracedNumber

# Answered from shape and dtype, without a step.
_OF_SHAPE = frozenset({
    np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.iscomplexobj, np.isrealobj, np.broadcast_shapes,
    np.may_share_memory, np.shares_memory, np.einsum_path, np.common_type, np.min_scalar_type, np.diag_indices_from,
    np.tril_indices_from, np.triu_indices_from,
})  # fmt: skip
_FILLED = frozenset({np.zeros_like, np.empty_like, np.ones_like, np.full_like})
# The shape of their result depends on numbers. Others of that kind are found when the program runs (see source.py).
_SHAPE_OF_NUMBERS = frozenset({
    np.nonzero, np.argwhere, np.flatnonzero, np.unique, np.unique_all, np.unique_counts, np.unique_inverse,
    np.unique_values, np.compress, np.extract, np.trim_zeros, np.union1d, np.intersect1d, np.setdiff1d, np.setxor1d,
    np.delete,
})  # fmt: skip
# The shape of their result follows from the shapes of their arguments; that of others is looked at when a program runs.
STATIC_SHAPE = frozenset({
    np.where, np.stack, np.concatenate, np.broadcast_to, np.cumsum, np.cumprod, np.sort, np.argsort, np.dot, np.einsum,
    np.take_along_axis, np.expand_dims, np.squeeze, np.moveaxis, np.swapaxes, np.flip, np.roll, np.tril, np.triu,
    np.diagonal, np.trace, np.clip, np.round, np.mean, np.var, np.std, np.prod, np.sum, np.max, np.min, np.any, np.all,
    np.argmax, np.argmin, np.linalg.inv, np.linalg.solve, np.linalg.cholesky, np.linalg.det, np.linalg.slogdet,
    np.linalg.eigh, np.linalg.svd, np.linalg.qr, np.tensordot, np.inner, np.outer, np.vdot, np.kron, np.cross,
    np.searchsorted, np.diff, np.nan_to_num, np.real, np.isclose, np.atleast_1d, np.atleast_2d, np.linalg.norm,
    np.array, np.asarray, np.float64, np.lib.stride_tricks.sliding_window_view,
})  # fmt: skip
_SHOWN = frozenset({np.array2string, np.array_repr, np.array_str})


def called(trace: Trace, func: Any, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """The result of NumPy's `func` on stand-ins."""
    special = _SPECIAL.get(func)
    if special is not None:
        return special(trace, *args, **named)
    if func in _OF_SHAPE:
        plain: Callable[[Any], Any] = lambda x: x.current.now if type(x) in (Traced, TracedNumber) else x  # noqa: E731
        return func(*mapped(plain, args), **mapped(plain, named))
    if func in _SHOWN:
        args[0].numbers("a text", "return it and print it outside")
    if func in _FILLED and type(args[0]) is Traced and not _any_traced((args[1:], named)):
        return _filled(trace, func, args, named)
    if func in _SHAPE_OF_NUMBERS or (func is np.where and len(args) + len(named) == 1):
        made = trace.record(FUNCTION, func, args, named)
        part = made[0] if isinstance(made, tuple) else made
        trace.check_count(trace.record(FUNCTION, np.size, (part,)))
        return made
    out = named.pop("out", None)
    made = trace.record(FUNCTION, func, args, named)
    if out is not None:
        views.check_cast(func, args, made, out)
        views.write(trace, out, made)
        return out
    return _connected(made, func, args, named)


def _any_traced(tree: Any) -> bool:
    return any(type(leaf) in (Traced, TracedNumber, Tensor) for leaf in leaves(tree))


def _filled(trace: Trace, func: Any, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """A constant: of the array given, shape, dtype and layout alone are read."""
    return trace.stand_in(trace.const(func(args[0].current.now, *args[1:], **named)))


def _connected(made: Any, func: Any, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """`made`, joined to the stand-in whose memory it shows, if it does, so that writes are followed."""
    if type(made) is Traced and made._value.owner is not None and type(args[0]) is Traced:
        made._view = views.View(args[0], FUNCTION, func, args[1:], named)
    return made


def _copied(trace: Trace, a: Any, order: str = "K", subok: bool = False) -> Any:
    return np.array(a)


def _copyto(trace: Trace, dst: Any, src: Any, casting: Any = "same_kind", where: Any = True) -> None:
    if not np.can_cast(getattr(src, "dtype", type(src)), dst.dtype, casting) and np.ndim(src):
        raise TypeError(f"Cannot cast array data from {src.dtype!r} to {dst.dtype!r} according to the rule {casting!r}")
    if where is True:
        made: Any = np.asarray(src)
        made = made if type(made) is Traced else trace.stand_in(trace.value_of(made))
    else:
        made = np.where(where, src, dst)
    views.write(trace, dst, made)


def _fill_diagonal(trace: Trace, a: Any, val: Any, wrap: bool = False) -> None:
    if a.ndim != 2 or wrap:
        raise TraceError(f"np.fill_diagonal is traced on matrices without wrap, got {a.ndim} axes{trace.at()}")
    places = np.arange(min(a.shape))
    a[places, places] = val


def _put_along_axis(trace: Trace, arr: Any, indices: Any, values: Any, axis: Any = -1) -> None:
    if axis is None:
        arr.flat[indices] = values
        return
    place = axis % arr.ndim
    grid: list[Any] = [np.arange(n).reshape((-1,) + (1,) * (arr.ndim - dim - 1)) for dim, n in enumerate(arr.shape)]
    grid[place] = indices
    arr[tuple(grid)] = values


def _place(trace: Trace, arr: Any, mask: Any, vals: Any) -> None:
    count: Any = np.count_nonzero(mask)
    trace.check_count(count)
    number = count.current.now if type(count) in (Traced, TracedNumber) else count
    arr[np.asarray(mask, bool)] = np.resize(vals, int(number))


def _splitting(split: Callable[..., Any], axis_of: Callable[[int], int] | None = None) -> Callable[..., Any]:
    """np.split() and its like, whose parts are views into which one may write."""

    def parts(trace: Trace, ary: Any, indices_or_sections: Any, axis: Any = 0) -> list[Any]:
        axis = operator.index(axis if axis_of is None else axis_of(ary.ndim)) % max(ary.ndim, 1)
        numbered = split(np.arange(ary.shape[axis]), indices_or_sections)
        ends = [(int(part[0]), int(part[-1]) + 1) if len(part) else (0, 0) for part in numbered]
        return [ary[(slice(None),) * axis + (slice(start, end),)] for start, end in ends]

    return parts


def _unstacked(trace: Trace, x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    before = (slice(None),) * (axis % x.ndim)
    return tuple(x[(*before, number)] for number in range(x.shape[axis]))


def _put(trace: Trace, a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    if mode != "raise":
        raise TraceError(f"np.put is traced with mode='raise', got {mode!r}{trace.at()}; use take and where")
    count, given = np.size(ind), np.size(v)
    a.flat[ind] = v if given in (1, count) else np.resize(v, count)  # NumPy repeats what is too short


def _putmask(trace: Trace, a: Any, mask: Any, values: Any) -> None:
    if np.ndim(values) and np.shape(values) != a.shape:
        raise TraceError(f"np.putmask is traced with values of the array's shape{trace.at()}; write np.where()")
    views.write(trace, a, np.where(mask, values, a))


def _transposed(trace: Trace, a: Any, axes: Any = None) -> Any:
    if axes is None:
        return a.T if a.ndim > 1 else a
    return a.transpose(axes)


def _reshaped(trace: Trace, a: Any, /, shape: Any = None, order: str = "C", **named: Any) -> Any:
    shape = named.pop("newshape", shape)
    array: Any = np.asanyarray(a)
    return array.reshape(*(shape if isinstance(shape, tuple | list) else (shape,)), order=order)


def _ravelled(trace: Trace, a: Any, order: str = "C") -> Any:
    array: Any = np.asanyarray(a)
    return array.ravel(order)


def _as_type(trace: Trace, x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
    return trace.record(METHOD, "astype", (x, np.dtype(dtype)))


_SPECIAL: dict[Any, Callable[..., Any]] = {
    np.copy: _copied, np.copyto: _copyto, np.fill_diagonal: _fill_diagonal, np.put_along_axis: _put_along_axis,
    np.put: _put, np.putmask: _putmask, np.transpose: _transposed, np.reshape: _reshaped, np.ravel: _ravelled,
    np.place: _place, np.split: _splitting(np.split), np.array_split: _splitting(np.array_split),
    np.vsplit: _splitting(np.split, lambda ndim: 0), np.hsplit: _splitting(np.split, lambda ndim: min(ndim - 1, 1)),
    np.dsplit: _splitting(np.split, lambda ndim: 2),
}  # fmt: skip
if hasattr(np, "unstack"):  # from NumPy 2.1 on
    _SPECIAL[np.unstack] = _unstacked
if hasattr(np, "astype"):  # from NumPy 2.1 on
    _SPECIAL[np.astype] = _as_type
