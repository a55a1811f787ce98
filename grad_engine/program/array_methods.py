"""What NumPy does with stand-ins for arrays: the two protocols by which it asks them, indexing, and methods."""

from __future__ import annotations

import operator
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from grad_engine.core.stand_ins import TRACING
from grad_engine.core.tensor import Tensor
from grad_engine.errors import TraceError
from grad_engine.program import functions, views
from grad_engine.program.steps import GET_ITEM, METHOD, NUMBER, SET_ITEM, UFUNC_METHODS, leaves, mapped
from grad_engine.program.traced import Traced, TracedNumber, asked_outside


class _ArrayMethods:
    """What Traced gets here, so that the class itself need not know of views and functions."""

    def __array_ufunc__(self: Any, ufunc: Any, method: str, *inputs: Any, out: Any = None, **named: Any) -> Any:
        trace = TRACING.trace
        if trace is None:
            return getattr(ufunc, method)(*map(_outside, inputs), **_outside_out(out), **named)
        if out is None and any(type(each) is Tensor for each in inputs):
            tensor = next(each for each in inputs if type(each) is Tensor)
            return tensor.__array_ufunc__(ufunc, method, *inputs, **named)
        if method == "at":
            return views.write_at(trace, ufunc, inputs)
        kind = UFUNC_METHODS[method]
        if out is None:
            return trace.record(kind, ufunc, inputs, named)
        inputs = tuple(map(views.without_history, inputs))
        targets = out if isinstance(out, tuple) else (out,)
        casting = named.pop("casting", "same_kind")
        where = named.pop("where", True) if kind is UFUNC_METHODS["__call__"] else True
        if where is not True:
            inputs = _harmless(ufunc, inputs, where)
        made = trace.record(kind, ufunc, inputs, named)
        for target, part in zip(targets, made if isinstance(made, tuple) else (made,), strict=True):
            if target is None:
                continue
            if casting == "same_kind":
                views.check_cast(ufunc if kind is UFUNC_METHODS["__call__"] else ufunc.__name__, inputs, part, target)
            elif not np.can_cast(part.dtype, target.dtype, casting):
                raise TypeError(f"Cannot cast ufunc {ufunc.__name__!r} output from {part.dtype!r} to {target.dtype!r}")
            views.write(trace, target, part if where is True else np.where(where, part, target))
        return targets[0] if len(targets) == 1 else targets

    def __array_function__(self: Any, func: Any, types: Any, args: Any, named: Any) -> Any:
        if TRACING.trace is None:
            return func(*_outside(args), **_outside(dict(named)))
        tensors = [leaf for leaf in leaves((args, named)) if type(leaf) is Tensor]
        if tensors and Tensor in types:
            return tensors[0].__array_function__(func, types, args, named)
        if tensors:  # where NumPy asks nobody, as at the indices of np.take(): an array
            args, named = mapped(views.without_history, args), mapped(views.without_history, dict(named))
        return functions.called(TRACING.trace, func, args, dict(named))

    def as_operand(self: Any) -> Any:
        """Itself; a NumPy scalar as what it is to an op in eager mode (core/call.py): a number, or an array."""
        if not self._value.scalar or TRACING.trace is None:
            return self
        return TRACING.trace.record(NUMBER, float, (self,)) if self.dtype == np.float64 else views.as_array(self)

    # indexing and methods

    def __getitem__(self: Any, key: Any) -> Any:
        if TRACING.trace is None:
            return self.numbers("an index")[_outside(key)]
        key = views.checked_key(self, key)
        return views.taken(self, GET_ITEM, None, (key,))

    def __setitem__(self: Any, key: Any, value: Any) -> None:
        if self._value.scalar:
            raise TypeError(f"'{self.dtype.type.__module__}.{self.dtype.type.__name__}' object is not assignable")
        key = views.checked_key(self, key, writing=True)
        made = TRACING.trace.record(SET_ITEM, None, (self, key, views.without_history(value)))
        self.assign(made)

    @property
    def T(self: Any) -> Any:
        return views.taken(self, METHOD, "transpose", ()) if self.ndim > 1 else self

    @property
    def mT(self: Any) -> Any:
        return views.taken(self, METHOD, "swapaxes", (-1, -2))

    @property
    def flat(self: Any) -> Any:
        return _Flat(self)

    @flat.setter
    def flat(self: Any, value: Any) -> None:
        size = np.size(value)
        self[...] = value if size == 1 else np.resize(value, self.shape)

    @property
    def real(self: Any) -> Any:
        return self

    @real.setter
    def real(self: Any, value: Any) -> None:
        self[...] = value

    def reshape(self: Any, *shape: Any, order: str = "C", copy: Any = None) -> Any:
        if order != "C":
            return views.taken(self, METHOD, "reshape", shape, {"order": order})
        wanted = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
        target = np.empty(0).reshape(0).shape if self.size == 0 and wanted == (0,) else None
        lengths = [operator.index(length) for length in wanted] if target is None else [0]
        if lengths.count(-1) == 1:
            known = 1
            for length in lengths:
                known *= 1 if length == -1 else length
            if known and self.size % known == 0:
                lengths[lengths.index(-1)] = self.size // known
        return views.taken(self, METHOD, "reshape", (tuple(lengths),))

    def ravel(self: Any, order: str = "C") -> Any:
        there = self.flags.f_contiguous if order == "F" else self.flags.c_contiguous
        return (self if there else self.copy(order)).reshape(-1, order=order)

    def flatten(self: Any, order: str = "C") -> Any:
        return self.copy(order).reshape(-1, order=order)

    def astype(
        self: Any, dtype: Any, order: str = "K", casting: Any = "unsafe", subok: bool = True, copy: bool = True
    ) -> Any:
        kind = np.dtype(dtype)
        if not np.can_cast(self.dtype, kind, casting):
            raise TypeError(f"Cannot cast array data from {self.dtype!r} to {kind!r} according to the rule {casting!r}")
        made = TRACING.trace.record(METHOD, "astype", (self, kind)) if kind != self.dtype else None
        lies = self if made is None else made
        there = order in ("K", "A") or (lies.flags.c_contiguous if order == "C" else lies.flags.f_contiguous)
        if made is None:
            return self if there and copy is False else self.copy(order)
        return made if there else made.copy(order)

    def copy(self: Any, order: str = "C") -> Any:
        return TRACING.trace.record(METHOD, "copy", (self, order))

    def __copy__(self: Any) -> Any:
        return self.copy("K")

    def __deepcopy__(self: Any, memo: Any) -> Any:
        return self.copy("K")

    def __reduce_ex__(self: Any, protocol: Any) -> Any:
        return self.numbers("pickling", "return it and pickle it outside").__reduce_ex__(protocol)

    def setflags(self: Any, write: Any = None, align: Any = None, uic: Any = None) -> None:
        """Nothing, where it may be written. Raises TraceError where it may not: a program does not keep that."""
        if write is not None and not write and asked_outside(sys._getframe(1)):
            raise TraceError(
                f"setflags(write=False) of an array is not traced{self.within.at()}; return the array, and set its "
                "flags outside"
            )

    def fill(self: Any, number: Any) -> None:
        if not self._value.scalar:  # NumPy fills a copy of a scalar
            self[...] = number

    def put(self: Any, indices: Any, values: Any, mode: Any = "raise") -> None:
        np.put(self, indices, values, mode)

    def sort(self: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> None:
        self[...] = np.sort(self, axis, kind)

    def sum(
        self: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False, **named: Any
    ) -> Any:  # fmt: skip
        return _reduced(np.add, self, axis, dtype, out, keepdims, **named)

    def prod(
        self: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False, **named: Any
    ) -> Any:  # fmt: skip
        return _reduced(np.multiply, self, axis, dtype, out, keepdims, **named)

    def max(self: Any, axis: Any = None, out: Any = None, keepdims: bool = False, **named: Any) -> Any:
        return _reduced(np.maximum, self, axis, None, out, keepdims, **named)

    def min(self: Any, axis: Any = None, out: Any = None, keepdims: bool = False, **named: Any) -> Any:
        return _reduced(np.minimum, self, axis, None, out, keepdims, **named)

    def any(self: Any, axis: Any = None, out: Any = None, keepdims: bool = False, **named: Any) -> Any:
        return _reduced(np.logical_or, self, axis, None, out, keepdims, **named)

    def all(self: Any, axis: Any = None, out: Any = None, keepdims: bool = False, **named: Any) -> Any:
        return _reduced(np.logical_and, self, axis, None, out, keepdims, **named)


class _Flat:
    """The elements of an array in C order, as x.flat gives them: a write shows in the array, whatever its layout."""

    def __init__(self, array: Any) -> None:
        self.array = array

    def __len__(self) -> int:
        return int(self.array.size)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.array.reshape(-1))

    def __getitem__(self, key: Any) -> Any:
        part = self.array.reshape(-1)[key]
        return part.copy() if part.ndim else part

    def __setitem__(self, key: Any, value: Any) -> None:
        if self.array._value.scalar:  # NumPy writes to a copy of a scalar
            return
        flat = self.array.copy().reshape(-1)
        flat[key] = value
        self.array[...] = flat.reshape(self.array.shape)


def _harmless(ufunc: Any, inputs: tuple[Any, ...], where: Any) -> tuple[Any, ...]:
    """`inputs` with numbers in the places that are not asked for of which `ufunc` says nothing, as it does of 1 / 0."""
    for number in (1, 0.5, 0, 2):
        try:
            with np.errstate(all="raise"):
                ufunc(*[np.array(number, each.dtype if hasattr(each, "dtype") else type(each)) for each in inputs])
        except (FloatingPointError, TypeError, ValueError):
            continue
        return tuple(
            np.where(where, each, each.dtype.type(number)) if hasattr(each, "dtype") and np.ndim(each) else each
            for each in inputs
        )
    return inputs


def _outside(tree: Any) -> Any:
    """Arrays in place of stand-ins, for a thread that traces nothing and met those of another."""
    if isinstance(tree, tuple | list) and type(tree) in (tuple, list):
        return type(tree)(map(_outside, tree))
    if type(tree) is dict:
        return {key: _outside(part) for key, part in tree.items()}
    return tree.numbers("NumPy") if type(tree) in (Traced, TracedNumber) else tree


def _outside_out(out: Any) -> dict[str, Any]:
    return {} if out is None else {"out": _outside(out)}


def _reduced(ufunc: Any, *args: Any, **named: Any) -> Any:
    return ufunc.reduce(*args, **named)


def attach() -> None:
    """Give the stand-ins what stands above."""
    for name, member in vars(_ArrayMethods).items():
        if name not in ("__module__", "__dict__", "__weakref__", "__doc__", "__qualname__"):
            setattr(Traced, name, member)
    for name in ("__array_ufunc__", "__array_function__"):
        setattr(TracedNumber, name, vars(_ArrayMethods)[name])


attach()
