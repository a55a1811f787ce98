"""SciPy as traced code sees it: on stand-ins for arrays a call becomes one step, whatever it does inside.

That goes for functions, for methods of its objects (`norm.logpdf(x)`), for objects that are made of arrays
(`CubicSpline(x, y)(0.5)`), for functions that are given one of the user's (`quad(lambda u: x[0] * u, 0, 1)`: it is made
anew at each run, with arrays in the place of the stand-ins that it closes over), and for np.vectorize().

Functions of scipy.special are NumPy's ufuncs, and need nothing of this. A tensor goes where it goes in eager mode.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Iterator
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

import numpy as np

from grad_engine.core.stand_ins import STAND_INS, TRACING
from grad_engine.core.tensor import Tensor
from grad_engine.program.steps import FUNCTION, OPAQUE, leaves, mapped

_FUNCTIONS = (FunctionType, BuiltinFunctionType)
_vectorize = np.vectorize  # np is another one while a function is traced


def _is_of_scipy(held: Any) -> bool:
    name = held.__name__ if isinstance(held, ModuleType) else getattr(held, "__module__", None)
    return isinstance(name, str) and (name == "scipy" or name.startswith("scipy."))


# --- functions of the user ------------------------------------------------------------------------------------------


class Closure(NamedTuple):
    """A function of the user among the arguments of a call: `make` makes it of these values at each run."""

    make: _Maker
    values: tuple[Any, ...]


class _Maker:
    """Makes a function anew, with other things in its closure and its defaults."""

    def __init__(self, function: FunctionType) -> None:
        self.function = function
        self.__name__ = "function" if function.__name__ == "<lambda>" else function.__name__
        self.cells = len(function.__closure__ or ())

    def __call__(self, *values: Any) -> FunctionType:
        f = self.function
        made = [each.make(*each.values) if type(each) is Closure else each for each in values]
        cells = tuple(each if type(each) is types.CellType else types.CellType(each) for each in made[: self.cells])
        defaults = tuple(made[self.cells :]) or None
        function = FunctionType(f.__code__, f.__globals__, f.__name__, defaults, cells or None)
        function.__kwdefaults__ = f.__kwdefaults__
        return function


def _closed_over(x: Any, seen: frozenset[int] = frozenset()) -> Any:
    """A function that leads to stand-ins as a Closure, anything else as it is."""
    if type(x) is not FunctionType or id(x) in seen:
        return x
    values: list[Any] = []
    for cell in x.__closure__ or ():
        try:
            held = _closed_over(cell.cell_contents, seen | {id(x)})
        except ValueError:  # a variable that has no value yet
            held = None
        known = type(held) not in (*STAND_INS, Closure, Tensor)
        values.append(cell if known else held)
    defaults = [_closed_over(each, seen | {id(x)}) for each in x.__defaults__ or ()]
    reaches = any(type(each) in (*STAND_INS, Closure, Tensor) for each in (*values, *defaults))
    return Closure(_Maker(x), (*values, *defaults)) if reaches else x


# --- calls ----------------------------------------------------------------------------------------------------------


class Opaque:
    """A call that may give a dict of results, as scipy.optimize.minimize() does: of that it gives the arrays."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.__name__ = getattr(function, "__name__", type(function).__name__)
        self.kind: Any = None
        self.keys: list[str] = []

    def __call__(self, *args: Any, **named: Any) -> Any:
        found = self.function(*args, **named)
        if not isinstance(found, dict):
            return found
        if self.kind is None:
            self.kind = type(found)
            self.keys = [key for key, part in found.items() if _is_numeric(part)]
        return tuple(found[key] for key in self.keys)


def _is_numeric(x: Any) -> bool:
    return (isinstance(x, np.ndarray | np.generic) and x.dtype.kind in "fiub") or type(x) in (int, float, bool)


def _noted(function: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """The result of a call as one step; raises TraceError where it is nothing that a program can hold."""
    trace = TRACING.trace
    if not any(type(leaf) is _Maker for leaf in leaves((args, named))) and not _gives_dicts(function):
        return trace.record(FUNCTION, function, args, named)
    opaque = Opaque(function)
    made = trace.record(OPAQUE, opaque, args, named)
    if opaque.kind is None:
        return made
    parts = {key: trace.check(part) if _is_flag(part) else part for key, part in zip(opaque.keys, made, strict=True)}
    return opaque.kind(parts)


def _is_flag(part: Any) -> bool:
    return bool(part._value.number is bool or (part._value.dtype == bool and not part._value.ndim))


def _gives_dicts(function: Any) -> bool:
    return (getattr(function, "__module__", None) or "").startswith(("scipy.optimize", "scipy.integrate"))


def _calling(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` on stand-ins as one step; where there are none, or tensors, the function itself."""

    @functools.wraps(function)
    def call(*args: Any, **named: Any) -> Any:
        if TRACING.trace is None or any(type(leaf) is Tensor for leaf in _reached(args, named)):
            return function(*args, **named)
        closed, closed_named = mapped(_closed_over, args), mapped(_closed_over, named)
        if {type(leaf) for leaf in leaves((closed, closed_named))}.isdisjoint((*STAND_INS, _Maker)):
            return function(*args, **named)
        return _noted(function, closed, closed_named)

    return call


@functools.cache
def _traced(function: Any) -> Any:
    return _calling(function)


def _reached(args: Any, named: Any) -> Iterator[Any]:
    for leaf in leaves((args, named)):
        yield leaf
        closure = _closed_over(leaf)
        if type(closure) is Closure:
            yield from leaves(closure.values)


class _Object:
    """An object of SciPy from outside, such as a distribution: its methods can be called on stand-ins."""

    def __init__(self, held: Any) -> None:
        self._held = held

    __class__ = property(lambda self: type(self._held))

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._held, name)
        return _calling(found) if isinstance(found, MethodType) else found

    def __call__(self, *args: Any, **named: Any) -> Any:
        return _made_or_called(self._held, args, named)


def _made_or_called(callable_: Any, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """What a class of SciPy, or an object of it, gives: a Made where that is an object made of stand-ins."""
    kinds = {type(leaf) for leaf in leaves((args, named))}
    if TRACING.trace is None or kinds.isdisjoint(STAND_INS) or Tensor in kinds:
        return callable_(*args, **named)
    now: Any = lambda x: x.current.now if type(x) in STAND_INS else x  # noqa: E731
    trace, TRACING.trace = TRACING.trace, None
    try:
        example = callable_(*mapped(now, args), **mapped(now, named))
    finally:
        TRACING.trace = trace
    if _is_numeric(example) or isinstance(example, tuple | dict):
        return _noted(callable_, args, named)
    return Made(callable_, args, named, example)


class Made:
    """An object of SciPy that is made of stand-ins: each call of one of its methods makes it anew."""

    def __init__(self, maker: Any, args: tuple[Any, ...], named: dict[str, Any], example: Any) -> None:
        self._maker, self._args, self._named, self._example = maker, args, named, example

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._example, name)
        if callable(found):
            return functools.partial(self._called, name)
        return self._called(name) if _is_numeric(found) else found

    def __call__(self, *args: Any, **named: Any) -> Any:
        return self._called("__call__", *args, **named)

    def _called(self, name: str, *args: Any, **named: Any) -> Any:
        step = OfMade(self._maker, name)
        return TRACING.trace.record(FUNCTION, step, (self._args, self._named, args, named))


class OfMade:
    """A method, or an attribute, of an object that is made for it."""

    def __init__(self, maker: Any, name: str) -> None:
        self.maker, self.name = maker, name
        self.__name__ = f"{getattr(maker, '__name__', 'made')}_{name.strip('_')}"

    def __call__(self, args: Any, named: Any, more: Any, more_named: Any) -> Any:
        found = getattr(self.maker(*args, **named), self.name)
        return found(*more, **more_named) if callable(found) else found


class _Class:
    """A class of SciPy: called with stand-ins it gives a Made."""

    def __init__(self, kind: type) -> None:
        self._kind = kind
        self.__name__, self.__module__ = kind.__name__, kind.__module__

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kind, name)

    def __call__(self, *args: Any, **named: Any) -> Any:
        return _made_or_called(self._kind, args, named)

    def __instancecheck__(self, instance: Any) -> bool:
        return isinstance(instance, self._kind)


class _Module(ModuleType):
    """A module of SciPy, whose functions can be called on stand-ins."""

    def __init__(self, module: ModuleType) -> None:
        super().__init__(module.__name__, module.__doc__)
        self._module = module

    def __getattr__(self, name: str) -> Any:
        held = getattr(self._module, name)
        return held if (seen := seen_of_scipy(held)) is None else seen


@functools.cache
def _module(module: ModuleType) -> _Module:
    return _Module(module)


def vectorized(*args: Any, **named: Any) -> Any:
    """np.vectorize(), whose result can be called on stand-ins: the function then runs at each run, on numbers."""
    made = _vectorize(*args, **named)
    return _called_as_a_whole(made) if TRACING.trace is not None else made


def _called_as_a_whole(made: Any) -> Callable[..., Any]:
    closure = _closed_over(made.pyfunc)

    def call(*args: Any, **named: Any) -> Any:
        kinds = {type(leaf) for leaf in leaves((args, named))}
        if TRACING.trace is None or (kinds.isdisjoint(STAND_INS) and type(closure) is not Closure) or Tensor in kinds:
            return made(*args, **named)
        return TRACING.trace.record(OPAQUE, Opaque(Vectorized(made)), (closure, *args), named)

    return call


class Vectorized:
    """np.vectorize() of the function that it is given first."""

    def __init__(self, made: Any) -> None:
        self.settings = {"otypes": made.otypes, "excluded": made.excluded, "signature": made.signature}
        self.__name__ = "vectorized"

    def __call__(self, function: Any, *args: Any, **named: Any) -> Any:
        return _vectorize(function, **self.settings)(*args, **named)


def seen_of_scipy(held: Any) -> Any:
    """What stands for something of SciPy, or np.vectorize(f), while a function is traced; None for anything else."""
    known = _SEEN.get(id(held))
    if known is None or known[0] is not held:
        known = held, _seen(held)
        if known[1] is not None:
            _SEEN[id(held)] = known
    return known[1]


_SEEN: dict[int, tuple[Any, Any]] = {}  # by id: what it is, which this keeps alive, and what stands for it


def _seen(held: Any) -> Any:
    if type(held) is _vectorize:
        return _called_as_a_whole(held)
    if isinstance(held, np.ufunc):
        return None
    if isinstance(held, (*_FUNCTIONS, ModuleType)):
        if not _is_of_scipy(held):
            return None
        return _module(held) if isinstance(held, ModuleType) else _traced(held)
    if isinstance(held, type):
        return _Class(held) if _is_of_scipy(held) and not issubclass(held, BaseException) else None
    return _Object(held) if _is_of_scipy(type(held)) and not isinstance(held, dict) else None
