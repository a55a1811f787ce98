"""Views of stand-ins: a write to an array shows in its views, and a write through a view in the array."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

import numpy as np

from grad_engine.core.stand_ins import TRACING
from grad_engine.core.tensor import Tensor
from grad_engine.errors import TraceError
from grad_engine.program import traced
from grad_engine.program.steps import AT, FUNCTION, GET_ITEM, METHOD, NO_NAMED, SET_ITEM, Kind, Value, mapped

_asarray, _empty = np.asarray, np.empty  # np is another one while a function is traced


class View:
    """How a stand-in was taken of another one, whose memory it shows."""

    __slots__ = ("fn", "kind", "named", "parent", "rest", "seen", "start")

    def __init__(self, parent: traced.Traced, kind: Kind, fn: Any, rest: tuple[Any, ...], named: Mapping[str, Any]):
        self.parent, self.kind, self.fn, self.rest, self.named = parent, kind, fn, rest, named
        self.seen = self.start = parent.current

    def refreshed(self, value: Value) -> Value:
        """The part of the parent as it is now; `value` where nothing was written since."""
        now = self.parent.current
        if now is self.seen:
            return value
        self.seen = now
        part = self.parent.within.record(self.kind, self.fn, (self.parent, *self.rest), self.named)
        return part.current

    def write_through(self, new: Any) -> None:
        """Write `new`, the whole of the part, to the parent."""
        parent, trace = self.parent, self.parent.within
        if self.fn == "view" and parent.dtype == new.dtype:  # as another kind of array
            made = new
        elif self.kind is GET_ITEM:
            made = trace.record(SET_ITEM, None, (parent, self.rest[0], new))
        elif (self.fn == "reshape" and not self.named) or not parent.ndim:
            made = trace.record(METHOD, "reshape", (new, parent.shape))
        elif self.fn == "transpose" and not self.rest:
            made = trace.record(METHOD, "transpose", (new,))
        elif self.fn == "swapaxes":
            made = trace.record(METHOD, "swapaxes", (new, *self.rest))
        else:
            made = trace.record(SET_ITEM, None, (parent, self._places(), new))
        parent.assign(made)
        self.seen = parent.current

    def _places(self) -> tuple[Any, ...]:
        """Where the elements of the part lie in the parent. Raises TraceError where two of them lie in one place."""
        numbers = np.arange(self.parent.size).reshape(self.parent.shape)
        rest = mapped(lambda leaf: leaf.numbers("a view") if type(leaf) is traced.Traced else leaf, self.rest)
        places = self.kind.run(self.fn, (numbers, *rest), self.named)
        if len(np.unique(places)) != places.size:
            raise TraceError("a view in which an element appears twice was written to; write to the array itself")
        return tuple(np.unravel_index(places, self.parent.shape))


class Unfollowed:
    """Of a part that shows memory of a stand-in in a way that writes are not followed through: they are refused."""

    __slots__ = ("parent", "seen", "start")

    def __init__(self, parent: traced.Traced) -> None:
        self.parent = parent
        self.seen = self.start = parent.current

    def refreshed(self, value: Value) -> Value:
        """`value`; raises TraceError where what it shows was written since."""
        if self.parent.current is not self.seen:
            self.write_through(None)
        return value

    def write_through(self, new: Any) -> None:
        """Raise TraceError."""
        raise TraceError(
            f"an array was written in place of which another shows a part that was not made by indexing or "
            f"reshaping{self.parent.within.at()}; write to a copy() instead"
        )


def taken(
    parent: traced.Traced, kind: Kind, fn: Any, rest: tuple[Any, ...], named: Mapping[str, Any] = NO_NAMED
) -> Any:
    """The result of a call that may give a view of `parent`, connected to it where it does."""
    trace = TRACING.trace or parent.within
    made = trace.record(kind, fn, (parent, *rest), named)
    if type(made) is traced.Traced and made._value.owner is not None and trace is parent.within:
        made._view = View(parent, kind, fn, rest, named)
    return made


def checked_key(x: traced.Traced, key: Any, writing: bool = False) -> Any:
    """`key` as a step can keep it. A mask of traced values has to choose as many elements at each run."""
    if type(key) is tuple:
        return tuple([checked_key(x, part, writing) for part in key])
    if type(key) is Tensor:
        key = key.array
    if type(key) is slice:
        return slice(*[part if part is None else operator.index(part) for part in (key.start, key.stop, key.step)])
    if type(key) is traced.TracedNumber:
        if key.current.number is float:
            raise IndexError("a float is no index of an array; make it a whole number outside")
        return np.asarray(key) if key.current.number is bool else key
    if type(key) is list:
        key = np.array(key) if any(type(part) in (traced.Traced, Tensor) for part in key) else key
    if type(key) is traced.Traced and not writing and key.dtype == bool:
        TRACING.trace.check_count(TRACING.trace.record(FUNCTION, np.count_nonzero, (key,)))
    return key


def without_history(x: Any) -> Any:
    """A tensor as its array, any other value itself. Raises GraphError where a history would be lost."""
    if type(x) is not Tensor:
        return x
    if x.node is not None:
        x.__array__()  # which says so
    return x.array


def as_array(x: traced.Traced) -> traced.Traced:
    """A NumPy scalar as an array of shape (), into which one may write; any other array as it is."""
    if not x._value.scalar:
        return x
    made: traced.Traced = TRACING.trace.record(FUNCTION, _asarray, (x,))
    return made


def check_cast(function: Any, inputs: tuple[Any, ...], made: Any, target: Any) -> None:
    """Raise NumPy's error where a result may not be written into an array of another kind, as floats into integers.

    Raises TraceError where NumPy would compute in the dtype of `target`, as sums do that are given out=.
    """
    made, target = (part.array if type(part) is Tensor else part for part in (made, target))
    if type(target) is not traced.Traced or made.dtype == target.dtype:
        return
    if not isinstance(function, np.ufunc):
        raise TraceError(
            f"{getattr(function, '__name__', function)}() is traced with out= in the dtype of its result, "
            f"{made.dtype}, got {target.dtype}{target.within.at()}; write out[...] = the result"
        )
    if np.can_cast(made.dtype, target.dtype, "same_kind"):
        return
    given = [part.current.now if hasattr(part, "current") else part for part in inputs]
    out = _empty(np.broadcast_shapes(*map(np.shape, given)), target.dtype)
    before, TRACING.trace = TRACING.trace, None
    try:
        function(*given, out=(out,) * function.nout)  # which says so
    finally:
        TRACING.trace = before


def fitted(made: Any, target: Any) -> Any:
    """`made` as it stands after a write into `target`, in its shape, dtype and layout."""
    if type(made) is traced.Traced and made.shape == () == target.shape:
        made = as_array(made)
    if made.shape != target.shape:
        made = np.broadcast_to(made, target.shape)
    if made.dtype != target.dtype:
        made = TRACING.trace.record(METHOD, "astype", (made, target.dtype))
    if target.ndim > 1 and made.strides != target.strides:
        flags = target.flags
        for order, there in (("C", flags.c_contiguous), ("F", flags.f_contiguous)):
            if there and not (made.flags.c_contiguous if order == "C" else made.flags.f_contiguous):
                return TRACING.trace.record(METHOD, "copy", (made, order))
    return made


def write(trace: Any, target: Any, made: Any) -> None:
    """Let `target`, given as out=, stand for `made`. Raises TraceError where it is no stand-in."""
    target = target.array if type(target) is Tensor else target
    if target is None:
        return
    if type(target) is not traced.Traced:
        raise TraceError(
            f"a traced value was to be written into an array made outside of the trace{trace.at()}; make it with "
            "np.zeros_like(x), or write y = x + 1 instead of np.add(x, 1, out=y)"
        )
    if type(made) is traced.TracedNumber:
        made = np.asarray(made)
    target.assign(fitted(without_history(made), target))


def write_at(trace: Any, ufunc: Any, inputs: tuple[Any, ...]) -> None:
    """ufunc.at(target, indices, values)."""
    target, key, *rest = inputs
    if type(target) is not traced.Traced:
        write(trace, target, None)
        return
    key = checked_key(target, key, writing=True)
    target.assign(trace.record(AT, ufunc, (target, key, *map(without_history, rest))))
