"""NumPy as traced code sees it: the same module, but for the few functions that stand-ins cannot go through.

np.asarray() would ask a stand-in for its numbers, np.zeros() would make an array into which no stand-in can be written,
and np.random.normal() would draw once for all runs. NumPy itself is left alone: code written in C calls these functions
too, and takes what they return for an array.
"""

from __future__ import annotations

import functools
import itertools
import os
import sys
from collections.abc import Callable
from types import FrameType, ModuleType
from typing import Any

import numpy as np
from numpy import ndarray

from grad_engine.core.caller import INSIDE
from grad_engine.core.stand_ins import TRACING
from grad_engine.core.tensor import Tensor
from grad_engine.errors import TraceError
from grad_engine.program.generators import traced_default_rng
from grad_engine.program.steps import FUNCTION, METHOD, leaves
from grad_engine.program.trace import OPS_FOLDER, STAND_INS
from grad_engine.program.traced import Traced
from grad_engine.program.traced_math import MATH_STAND_INS
from grad_engine.program.traced_scipy import seen_of_scipy, vectorized
from grad_engine.program.views import as_array, without_history

_CREATING = (
    "zeros", "ones", "empty", "arange", "linspace", "eye", "identity", "zeros_like", "ones_like", "empty_like",
    "full_like",
)  # fmt: skip
_SWAPPED = (
    "asarray", "array", "asanyarray", "full", "broadcast", "fromiter", "r_", "c_", "ascontiguousarray",
    "asfortranarray", *_CREATING,
)  # fmt: skip
# This file is swapped like all others.
_asarray, _array, _filled, _empty = np.asarray, np.array, np.full, np.empty
_broadcasting, _fromiter = np.broadcast, np.fromiter
_EMPTY: dict[Any, Any] = {np.empty: np.zeros, np.empty_like: np.zeros_like}  # so that a program is no accident
# Where the engine makes arrays to keep them: nodes, parameters, states.
_KEEPING = (*(os.path.join(INSIDE[0], each) for each in ("core", "nn", "program", "optim", "data")), *INSIDE[1:])
_MAKING_GENERATORS = frozenset({"default_rng", "Generator", "RandomState", "SeedSequence", "BitGenerator"})


def asarray(a: Any, dtype: Any = None, *args: Any, **named: Any) -> Any:
    """np.asarray() that lets stand-ins through."""
    if TRACING.trace is None or not _holds_stand_in(a):
        return _asarray(a, dtype, *args, **named)
    return _as_array(a, dtype, args[0] if args else named.get("order"))


def _as_any_array(a: Any, dtype: Any = None, *args: Any, **named: Any) -> Any:
    """np.asanyarray() that lets stand-ins through."""
    if TRACING.trace is None or not _holds_stand_in(a):
        return np.asanyarray(a, dtype, *args, **named)
    return _as_array(a, dtype, args[0] if args else named.get("order"), subok=True)


def array(a: Any, dtype: Any = None, **named: Any) -> Any:
    """np.array() that lets stand-ins through."""
    if TRACING.trace is None or not _holds_stand_in(a):
        return _array(a, dtype, **named)
    if sys._getframe(1).f_code is Tensor.__array__.__code__:  # asked by code in C, which takes no stand-in
        return a.__array__()
    copy, order = named.get("copy", True), named.get("order") or "K"
    made = _as_array(a, dtype, order, named.get("subok", False))
    given = a.array if type(a) is Tensor else a
    if copy and type(given) is Traced and (made is given or made._value.owner is not None):
        made = made.copy(order)
    fewest = named.get("ndmin", 0)
    return made if made.ndim >= fewest else made.reshape((1,) * (fewest - made.ndim) + made.shape)


def _as_array(a: Any, dtype: Any, order: Any = None, subok: bool = False) -> Any:
    """Stand-ins, alone or in lists, as one array, which is the same one where that is possible."""
    a = without_history(a)
    made = as_array(a) if type(a) is Traced else _gathered(a)
    if made._value.array_type is not ndarray and not subok:
        made = made.view(ndarray)
    if dtype is not None:
        made = made.astype(dtype, copy=False)
    if order in ("C", "F") and not (made.flags.c_contiguous if order == "C" else made.flags.f_contiguous):
        made = made.copy(order)
    return made


def _holds_stand_in(a: Any) -> bool:
    kind = type(a)
    if kind in STAND_INS or (kind is Tensor and type(a.array) in STAND_INS):
        return True
    return isinstance(a, list | tuple) and any(_holds_stand_in(leaf) for leaf in leaves(a))


def _gathered(a: Any) -> Any:
    """An array of nested lists in which stand-ins are, or of a stand-in for a Python number."""
    made: Any
    a = without_history(a)
    if isinstance(a, list | tuple):
        made = np.stack([_gathered(part) for part in a])
    elif type(a) is Traced:
        made = a
    elif type(a) in STAND_INS:
        made = as_array(TRACING.trace.record(FUNCTION, np.dtype(a.current.number).type, (a,)))
    else:
        made = _asarray(a)
    return made


def _creating(create: Callable[..., ndarray]) -> Callable[..., Any]:
    """np.zeros() and its like: what they make is a stand-in for a constant, into which traced values can be written."""

    made: Any = _EMPTY.get(create, create)
    return lambda *args, **named: _writable(made(*args, **named), sys._getframe(1))


def _in_order(order: str) -> Callable[..., Any]:
    """np.ascontiguousarray() and np.asfortranarray(), in C or Fortran order."""
    make = np.ascontiguousarray if order == "C" else np.asfortranarray

    def ordered(a: Any, dtype: Any = None, **named: Any) -> Any:
        if TRACING.trace is None or not _holds_stand_in(a):
            return make(a, dtype, **named)
        x: Any = asarray(a, dtype)
        x = x if x.ndim else x.reshape(1)
        there = x.flags.c_contiguous if order == "C" else x.flags.f_contiguous
        return x if there else TRACING.trace.record(METHOD, "copy", (x,), {"order": order})

    return ordered


def _from_iterable(iter: Any, dtype: Any, count: int = -1, **named: Any) -> Any:
    """np.fromiter() of items among which are stand-ins."""
    if TRACING.trace is None:
        return _fromiter(iter, dtype, count, **named)
    items = [*iter] if count < 0 else [*itertools.islice(iter, count)]
    return _as_array(items, dtype) if _holds_stand_in(items) else _fromiter(items, dtype, **named)


class _Joining:
    """np.r_ and np.c_, between whose brackets stand-ins may stand among arrays, numbers and ranges."""

    def __init__(self, plain: Any, columns: bool) -> None:
        self.plain, self.columns = plain, columns

    def __getitem__(self, key: Any) -> Any:
        parts = key if isinstance(key, tuple) else (key,)
        if TRACING.trace is None or not any(_holds_stand_in(part) for part in parts):
            return self.plain[key]
        if any(isinstance(part, str) for part in parts):
            raise TraceError("np.r_ and np.c_ with a string are not traced; write np.concatenate() or np.stack()")
        arrays: list[Any] = [asarray(np.r_[part] if isinstance(part, slice) else part) for part in parts]
        arrays = [x.reshape(1) if x.ndim == 0 else x for x in arrays]
        if not self.columns:
            return np.concatenate(arrays)
        return np.concatenate([x[:, None] if x.ndim == 1 else x for x in arrays], axis=-1)


def _broadcast(*arrays: Any) -> Any:
    """np.broadcast(), of which shapes are read."""
    return _broadcasting(*(_empty(x.shape) if type(x) in STAND_INS else x for x in arrays))


def _writable(made: Any, frame: FrameType) -> Any:
    trace = TRACING.trace
    if trace is None or type(made) is not ndarray or made.dtype.kind not in "fiub" or _is_kept(frame):
        return made
    return trace.stand_in(trace.const(made))


def _full(shape: Any, fill_value: Any, dtype: Any = None, *args: Any, **named: Any) -> Any:
    """np.full() of a traced number."""
    if TRACING.trace is None or not _holds_stand_in(fill_value):
        return _writable(_filled(shape, fill_value, dtype, *args, **named), sys._getframe(1))
    return asarray(NUMPY.broadcast_to(asarray(fill_value), shape), dtype).copy()


def _is_kept(frame: FrameType | None) -> bool:
    """Whether the engine may keep an array beyond the call that makes it: in a cached function, or in an object."""
    if frame is not None and frame.f_code.co_filename.startswith(_KEEPING):
        return True
    while frame is not None and frame.f_code.co_filename.startswith(OPS_FOLDER):
        name = frame.f_code.co_name
        if name == "__init__" or hasattr(frame.f_globals.get(name), "cache_info"):
            return True
        frame = frame.f_back
    return False


def _drawing(name: str, draw: Callable[..., Any]) -> Callable[..., Any]:
    """A function of np.random, which is refused in a compiled function."""

    def refused(*args: Any, **named: Any) -> Any:
        if TRACING.trace is not None:
            raise TraceError(
                f"np.random.{name}() was called in a compiled function{TRACING.trace.at()}, and its numbers would be "
                "the same at each run; make rng = np.random.default_rng(seed) outside and draw from it inside"
            )
        return draw(*args, **named)

    return refused


def _with_lists(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of NumPy on lists of stand-ins, np.median([x, y]), of which NumPy makes arrays without asking them."""

    @functools.wraps(function)
    def call(*args: Any, **named: Any) -> Any:
        if TRACING.trace is None or not any(isinstance(x, list | tuple) and _holds_stand_in(x) for x in args):
            return function(*args, **named)
        try:
            return function(*args, **named)
        except (TraceError, ValueError):
            gathered = [_gathered_lists(x, function in _JOINING) for x in args]
            if all(new is old for new, old in zip(gathered, args, strict=True)):
                raise
        return function(*gathered, **named)

    return call


def _gathered_lists(x: Any, inside: bool) -> Any:
    """A list in which stand-ins are, as one array; inside: as a list of arrays."""
    if not isinstance(x, list | tuple) or not _holds_stand_in(x):
        return x
    if not inside:
        return _as_array(x, None)
    parts = [_gathered_lists(part, False) for part in x]
    return x if all(new is old for new, old in zip(parts, x, strict=True)) else parts


def _copy_of(module: ModuleType, **changed: Any) -> ModuleType:
    made = ModuleType(module.__name__, module.__doc__)
    vars(made).update(vars(module))
    vars(made).update(changed)
    return made


def _random() -> ModuleType:
    names = [name for name in dir(np.random) if name[0].islower() and callable(getattr(np.random, name))]
    drawing = {name: _drawing(name, getattr(np.random, name)) for name in names if name not in _MAKING_GENERATORS}
    return _copy_of(np.random, **drawing, default_rng=traced_default_rng(np.random.default_rng))


_RANDOM = _random()
_JOINING = frozenset({
    np.concatenate, np.stack, np.vstack, np.hstack, np.dstack, np.column_stack, np.block, np.select, np.piecewise,
})  # fmt: skip
NUMPY: Any = _copy_of(
    np, asarray=asarray, array=array, asanyarray=_as_any_array, random=_RANDOM, full=_full, broadcast=_broadcast,
    fromiter=_from_iterable, r_=_Joining(np.r_, False), c_=_Joining(np.c_, True),
    ascontiguousarray=_in_order("C"), asfortranarray=_in_order("F"),
    **{name: _creating(getattr(np, name)) for name in _CREATING},
)  # fmt: skip
_TAKING_LISTS: dict[str, Any] = {
    name: _with_lists(held) for name, held in vars(np).items()
    if hasattr(held, "_implementation") and getattr(NUMPY, name) is held
}  # fmt: skip
NUMPY_FOR_USERS: Any = _copy_of(NUMPY, **_TAKING_LISTS, vectorize=vectorized)  # the engine itself gives no lists
_REPLACED: dict[int, Any] = {
    id(np.vectorize): vectorized, id(np): NUMPY_FOR_USERS, id(np.random): _RANDOM,
    **{id(getattr(np, name)): made for name, made in _TAKING_LISTS.items()},
    **{id(getattr(np, name)): getattr(NUMPY, name) for name in _SWAPPED},
    **{id(getattr(np.random, name)): each for name, each in vars(_RANDOM).items() if name[0].islower()},
}  # fmt: skip


def seen_in_traces(held: Any) -> Any:
    """What stands for a module or function of NumPy, SciPy or math while a function is traced; None for others."""
    found = _REPLACED.get(id(held), MATH_STAND_INS.get(id(held)))
    found = seen_of_scipy(held) if found is None else found
    return None if found is held else found
