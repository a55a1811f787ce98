"""What stands for arrays and numbers while a function is traced: NumPy's calls are noted, numbers are not shown.

Whatever asks for the numbers (`if`, float(), a conversion) raises TraceError, unless they are the same at each run.
"""

from __future__ import annotations

import operator
import os
import sys
from collections.abc import Iterator
from types import FrameType, MethodType
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy import ndarray

from grad_engine.core.caller import INSIDE
from grad_engine.core.stand_ins import TRACING
from grad_engine.errors import TraceError
from grad_engine.program.steps import LEAF_KINDS, Value

# A Tensor asks in core for whoever looks at it; elsewhere in the engine it is the engine that branches.
_ASKING = tuple(os.path.join(INSIDE[0], each, "") for each in ("core", "program"))
_CHOOSE = "choose with np.where(condition, x, y), loop with ge.scan(), or name the argument in static_argnames"


_KEY = "a key of a dict or a set, or of a cache,"
_TEXT, _NO_TEXT = "a text, as of print() and str(),", "return it and print it outside"
_NO_KEY = "name the argument in static_argnames"


def asked_outside(frame: FrameType) -> bool:
    """Whether the user's program asks, and not the engine."""
    return not frame.f_code.co_filename.startswith(INSIDE)


class _Flags:
    """Flags of a stand-in: it may always be written, since a write only makes another value."""

    __slots__ = ("c_contiguous", "contiguous", "f_contiguous", "owndata", "writeable")

    def __init__(self, array: Any) -> None:
        self.c_contiguous = self.contiguous = array.flags.c_contiguous
        self.f_contiguous = array.flags.f_contiguous
        self.writeable = self.owndata = True


class _Address(NamedTuple):
    data: tuple[int, int]


class View(Protocol):
    """How a stand-in shows memory of another one (views.py)."""

    parent: Traced
    start: Value  # what the parent stood for when it was taken

    def refreshed(self, value: Value) -> Value:
        """The part as it is now, `value` where nothing was written since."""
        ...

    def write_through(self, new: Any) -> None:
        """Write `new` to what the part shows."""
        ...


class Traced:
    """Stands for an array of known shape, dtype and strides, whose numbers are known only when the program runs."""

    __slots__ = ("__weakref__", "_origin", "_value", "_view", "version", "within")
    __array_priority__ = 1000.0
    __class__ = property(  # for isinstance()
        lambda self: self._value.dtype.type if self._value.scalar else self._value.array_type
    )

    def __init__(self, value: Value, trace: Any, view: View | None = None) -> None:
        self._value = self._origin = value  # what it stands for now, and stood for first
        self.within = trace
        self.version = 0  # how often it was written in place
        self._view = view  # of which stand-in it shows a part, and how that part is taken

    @property
    def current(self) -> Value:
        """The value it stands for now, after all writes through it, through what it shows and through views of that."""
        if self._view is not None:
            self._value = self._view.refreshed(self._value)
        return self._value

    def as_it_is(self) -> Any:
        """A stand-in for the same numbers, which later writes do not reach."""
        return Traced(self.current, self.within)

    def assign(self, new: Any) -> None:
        """A write in place: from now on this stands for the value of `new`."""
        if new.within is not self.within:
            raise TraceError(
                f"the body of a loop wrote in place to an array outside of it{new.within.at()}; carry it from round to "
                "round instead"
            )
        kind = self._value.array_type
        if new._value.array_type is not kind:  # what `.data` gives stays of its kind
            new = new.view(kind)
        new = new.current
        if self._view is not None:
            self._view.write_through(self.within.stand_in(new))
        self._value = new
        self.version += 1

    # what is known

    @property
    def shape(self) -> tuple[int, ...]:
        return self._value.shape

    @shape.setter
    def shape(self, shape: Any) -> None:
        raise TraceError(f"an array was given another shape in place{self.within.at()}; write y = x.reshape(...)")

    @property
    def base(self) -> Any:
        """The stand-in whose memory it shows, itself no view; None where it has its own."""
        base: Any = None
        view = self._view
        while view is not None:
            base, view = view.parent, view.parent._view
        return base

    @property
    def ctypes(self) -> _Address:
        """Where it lies in the memory of what it shows, for comparisons of addresses."""
        part: Any = self
        offset = 0
        while part._view is not None:
            offset += part._origin.now.ctypes.data - part._view.start.now.ctypes.data
            part = part._view.parent
        return _Address((id(part), offset))

    @property
    def ndim(self) -> int:
        return self._value.ndim

    @property
    def size(self) -> int:
        kind: Any = self._value.array_type
        return self._value.size if kind is ndarray else kind.size.fget(self)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._value.dtype

    @property
    def strides(self) -> tuple[int, ...]:
        return self._value.strides

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self._value.nbytes

    @property
    def flags(self) -> _Flags:
        return _Flags(self.current.now)

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __hash__(self) -> int:
        if asked_outside(sys._getframe(1)):
            if not self._value.scalar:
                raise TypeError("unhashable type: 'numpy.ndarray'")
            self.within.refuse(_KEY, self, _NO_KEY)
        return id(self)

    def __repr__(self) -> str:
        if TRACING.trace is not None and asked_outside(sys._getframe(1)):
            self.within.refuse(_TEXT, self, _NO_TEXT)
        return f"<traced {self.dtype} array of shape {self.shape}>"

    def __iter__(self) -> Iterator[Any]:
        if not self.ndim:
            raise TypeError("iteration over a 0-d array")
        whole: Any = self
        return (whole[index] for index in range(len(self)))

    # what asks for its numbers

    def numbers(self, what: str, way_out: str = _CHOOSE) -> Any:
        """The array itself where it is the same at each run; raises TraceError otherwise."""
        if self.within.is_of_another_thread():  # for which this is an array
            return self.current.now
        value = self.current
        if value in self.within.outside and TRACING.trace is self.within:
            return self.within.check_numbers(self)
        if self.within.closed or not value.is_const:
            self.within.refuse(what, self, way_out)
        return np.asarray(value.data)

    def __bool__(self) -> bool:
        trace = TRACING.trace
        file = sys._getframe(1).f_code.co_filename
        if trace is not None and self.size == 1 and self.current in self.within.outside:
            return trace.check(self)
        if trace is not None and self.size == 1 and file.startswith(INSIDE[0]) and not file.startswith(_ASKING):
            return trace.check(self)
        return bool(self.numbers("a truth value, as in `if` and `while`,"))

    def __float__(self) -> float:
        return float(self.numbers("float()", "leave it an array, or return it and convert it outside"))

    def __int__(self) -> int:
        return int(self.numbers("int()", "leave it an array, or name the argument in static_argnames"))

    def __complex__(self) -> complex:
        return complex(self.numbers("complex()", "a program has real numbers only"))

    def __index__(self) -> int:
        return operator.index(self.numbers("a size or an index", "name the argument in static_argnames"))

    def __format__(self, spec: str) -> str:
        return format(self.numbers("a format", "return it and format it outside"), spec)

    def __array__(self, dtype: Any = None, copy: Any = None) -> ndarray:
        numbers = self.numbers(
            "a conversion to a NumPy array",
            "where an array made by np.arange() or np.zeros_like() is written to, write y = np.where(...) or join "
            "parts with np.stack([...]); a function that is not NumPy's cannot be compiled",
        )
        return np.array(numbers, dtype=dtype)

    def item(self, *args: Any) -> Any:
        """As of an array, where its numbers are the same at each run."""
        return self.numbers("item()", "return it and call item() outside").item(*args)

    def tolist(self) -> Any:
        """As of an array, where its numbers are the same at each run."""
        return self.numbers("tolist()", "return it and call tolist() outside").tolist()

    def tobytes(self, order: Any = "C") -> bytes:
        """As of an array, where its numbers are the same at each run."""
        return self.numbers("tobytes()", "return it and call tobytes() outside").tobytes(order)

    def nonzero(self) -> Any:
        """As of an array, where its numbers are the same at each run."""
        return self.numbers("nonzero(), whose shape depends on numbers,").nonzero()

    def __getattr__(self, name: str) -> Any:
        kind = self._value.array_type
        if kind is not ndarray and not name.startswith("__"):  # it has the methods of tensors too
            member: Any = getattr(kind, name, None)
            if member is not getattr(ndarray, name, None):
                return MethodType(member, self)
            if member is None:
                return kind.__getattr__(self, name)
        known = hasattr(ndarray, name) or (self._value.scalar and hasattr(self.dtype.type, name))
        if name.startswith("__") or not known:
            raise AttributeError(f"a traced array has no attribute {name!r}")
        raise TraceError(f"the attribute .{name} of an array is not traced{self.within.at()}; use NumPy's function")


class _AskedType(type):
    """What makes Type behave as type() does."""

    def __call__(cls, *args: Any, **named: Any) -> Any:
        if len(args) == 1 and not named and type(args[0]) in (Traced, TracedNumber):
            return args[0].__class__
        return type(*args, **named)

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, type)

    def __subclasscheck__(cls, subclass: Any) -> bool:
        return issubclass(subclass, type)

    def __getitem__(cls, item: Any) -> Any:
        return type[item]


class Type(metaclass=_AskedType):
    """type() as traced code sees it: of a stand-in, the type of what it stands for."""


class TracedNumber:
    """Stands for a Python number (an argument, a learning rate, a count of steps): Python's arithmetic, weak dtype."""

    __slots__ = ("__weakref__", "_value", "within")
    __array_priority__ = 1001.0
    shape = ()
    ndim = 0

    def __init__(self, value: Value, trace: Any) -> None:
        self._value = value
        self.within = trace

    @property
    def current(self) -> Value:
        return self._value

    def as_operand(self) -> TracedNumber:
        """Itself, as an operand of an op."""
        return self

    as_it_is = as_operand

    __class__ = property(lambda self: self._value.number)

    def __hash__(self) -> int:
        if asked_outside(sys._getframe(1)):
            self.within.refuse(_KEY, self, _NO_KEY)
        return id(self)

    def __repr__(self) -> str:
        if TRACING.trace is not None and asked_outside(sys._getframe(1)):
            self.within.refuse(_TEXT, self, _NO_TEXT)
        return f"<traced {self._value.number.__name__}>"  # type: ignore[union-attr]

    def numbers(self, what: str) -> Any:
        """The number itself where it is the same at each run; raises TraceError otherwise."""
        if self.within.is_of_another_thread():
            return self._value.now
        if self.within.closed or not self._value.is_const:
            self.within.refuse(what, self, "name the argument in static_argnames, and use np.sqrt() for math.sqrt()")
        return self._value.data

    def __bool__(self) -> bool:
        of_arrays = self._value in self.within.of_arrays and not self._value.is_const
        if of_arrays and asked_outside(sys._getframe(1)):
            self.within.refuse("a truth value, as in `if` and `while`,", self, _CHOOSE)
        if TRACING.trace is not None:  # it depends on numbers alone, so it is known before the program runs
            return TRACING.trace.check(self)
        return bool(self.numbers("a truth value"))

    def __float__(self) -> float:
        return float(self.numbers("float()"))

    def __int__(self) -> int:
        return int(self.numbers("int()"))

    def __index__(self) -> int:
        value, trace = self._value, TRACING.trace
        if trace is not None and value.number is int and not value.is_const and value not in self.within.of_arrays:
            trace.check(self == value.now, f"is the count {value.now}?")  # of steps: the program is for this one
            return int(value.now)
        return operator.index(self.numbers("a size or an index"))

    def __format__(self, spec: str) -> str:
        return format(self.numbers("a format"), spec)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or not hasattr(self._value.number, name):
            raise AttributeError(f"a traced number has no attribute {name!r}")
        return getattr(self.numbers(f".{name}"), name)


LEAF_KINDS.update((Traced, TracedNumber))
