"""The operators of stand-ins: NumPy's ufuncs on arrays, Python's own arithmetic among Python numbers."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from grad_engine.core.stand_ins import TRACING
from grad_engine.core.tensor import Tensor
from grad_engine.program import views
from grad_engine.program.steps import FUNCTION, METHOD, NUMBER
from grad_engine.program.traced import Traced, TracedNumber

_BINARY: dict[str, tuple[Any, Callable[[Any, Any], Any]]] = {
    "add": (np.add, operator.add), "sub": (np.subtract, operator.sub), "mul": (np.multiply, operator.mul),
    "truediv": (np.true_divide, operator.truediv), "floordiv": (np.floor_divide, operator.floordiv),
    "mod": (np.remainder, operator.mod), "pow": (np.power, operator.pow), "matmul": (np.matmul, operator.matmul),
    "and": (np.bitwise_and, operator.and_), "or": (np.bitwise_or, operator.or_), "xor": (np.bitwise_xor, operator.xor),
    "lshift": (np.left_shift, operator.lshift), "rshift": (np.right_shift, operator.rshift),
}  # fmt: skip
_COMPARISONS: dict[str, tuple[Any, Callable[[Any, Any], Any]]] = {
    "lt": (np.less, operator.lt), "le": (np.less_equal, operator.le), "gt": (np.greater, operator.gt),
    "ge": (np.greater_equal, operator.ge), "eq": (np.equal, operator.eq), "ne": (np.not_equal, operator.ne),
}  # fmt: skip
_PLAIN = (int, float, bool)
# Methods whose result may be a view, or a new array, of the array alone.
_METHODS = (
    "transpose", "swapaxes", "squeeze", "diagonal", "view", "mean", "var", "std", "argmax", "argmin", "cumsum",
    "cumprod", "clip", "repeat", "take", "trace", "dot", "argsort", "round", "conj", "searchsorted", "choose",
)  # fmt: skip


def _number_step(fn: Callable[..., Any], *args: Any) -> Any:
    trace = TRACING.trace
    if trace is None:
        return fn(*(each.numbers("arithmetic") if type(each) is TracedNumber else each for each in args))
    return trace.record(NUMBER, fn, args)


def _binary(
    ufunc: Any, python: Callable[[Any, Any], Any], reflected: bool, compares: bool = False
) -> Callable[[Any, Any], Any]:
    def apply(self: Any, other: Any) -> Any:
        kind = type(other)
        if other is None and ufunc in (np.equal, np.not_equal) and type(self) is Traced and not self._value.scalar:
            return np.full(self.shape, ufunc is np.not_equal)  # no element is None
        if other is None or (kind is Tensor and not compares):
            return NotImplemented
        if type(self) is TracedNumber and (kind is TracedNumber or kind in _PLAIN):
            return _number_step(python, *((other, self) if reflected else (self, other)))
        if ufunc is np.power and TRACING.trace is not None:
            if _powers_otherwise(self, other, reflected):
                return TRACING.trace.record(FUNCTION, operator.pow, (other, self) if reflected else (self, other))
            if not reflected and (quick := _quick_power(self, other)) is not None:
                return quick(self)
        return ufunc(other, self) if reflected else ufunc(self, other)

    return apply


def _powers_otherwise(x: Any, other: Any, reflected: bool) -> bool:
    """Whether ** is not np.power(): of booleans, which have another dtype, and of NumPy's numbers, in the last bit."""
    if x.dtype == bool and not reflected:
        return True
    alone = isinstance(other, int | float | np.generic)
    return type(x) is Traced and x._value.scalar and alone


def _quick_power(x: Any, exponent: Any) -> Any:
    """np.sqrt for x ** 0.5 and np.reciprocal for x ** -1, as NumPy itself has it for arrays of floats."""
    if type(x) is not Traced or x._value.scalar or x.dtype.kind != "f":
        return None
    if type(exponent) is float and exponent == 0.5:
        return np.sqrt
    return np.reciprocal if type(exponent) is int and exponent == -1 else None


def _in_place(ufunc: Any) -> Callable[[Any, Any], Any]:
    def apply(self: Traced, other: Any) -> Any:
        if self._value.scalar:  # as of any number, what comes of it is another one
            return NotImplemented
        other = views.without_history(other)
        quick = _quick_power(self, other) if ufunc is np.power else None
        made = ufunc(self, other) if quick is None else quick(self)
        views.check_cast(ufunc, (self, other), made, self)
        self.assign(views.fitted(made, self))
        return self

    return apply


def _method(name: str) -> Callable[..., Any]:
    def call(self: Traced, *args: Any, out: Any = None, **named: Any) -> Any:
        if TRACING.trace is None:
            return getattr(self.numbers(f"{name}()"), name)(*args, **named)
        if name == "clip" and any(type(each) is Tensor for each in (*args, *named.values())):
            return np.clip(self, *args, out=out, **named)  # a ufunc, which knows what to do with tensors
        made = views.taken(self, METHOD, name, args, named)
        if out is None:
            return made
        views.check_cast(name, (self,), made, out)
        views.write(self.within, out, made)
        return out

    return call


def _rounded_number(self: TracedNumber, digits: Any = None) -> Any:
    return _number_step(round, self) if digits is None else _number_step(round, self, digits)


def _rounded(self: Traced, digits: Any = None) -> Any:
    if self.ndim or digits is None:  # an array has no round(), and a whole number of Python is wanted
        return round(self.numbers("round() to a whole number", "use np.round()"))
    return np.round(self, digits)


def _divided(self: Any, other: Any) -> Any:
    return self // other, self % other


def _dividing(self: Any, other: Any) -> Any:
    return other // self, other % self


def attach() -> None:
    """Give both stand-ins their operators and methods."""
    for name, (ufunc, python) in _BINARY.items():
        for kind in (Traced, TracedNumber):
            setattr(kind, f"__{name}__", _binary(ufunc, python, False))
            setattr(kind, f"__r{name}__", _binary(ufunc, python, True))
        setattr(Traced, f"__i{name}__", _in_place(ufunc))
    for name, (ufunc, python) in _COMPARISONS.items():
        for kind in (Traced, TracedNumber):
            setattr(kind, f"__{name}__", _binary(ufunc, python, False, kind is Traced))
    for name, ufunc, python_unary in (
        ("neg", np.negative, operator.neg), ("pos", np.positive, operator.pos), ("abs", np.absolute, operator.abs),
        ("invert", np.invert, operator.invert),
    ):  # fmt: skip
        setattr(Traced, f"__{name}__", lambda self, ufunc=ufunc: ufunc(self))
        setattr(TracedNumber, f"__{name}__", lambda self, fn=python_unary: _number_step(fn, self))
    for stand_in, rounded in [(Traced, _rounded), (TracedNumber, _rounded_number)]:
        for name, method in (("round", rounded), ("divmod", _divided), ("rdivmod", _dividing)):
            setattr(stand_in, f"__{name}__", method)
    for fn in (math.floor, math.ceil, math.trunc):
        setattr(TracedNumber, f"__{fn.__name__}__", lambda self, fn=fn: _number_step(fn, self))
    for name in _METHODS:
        setattr(Traced, name, _method(name))


attach()
