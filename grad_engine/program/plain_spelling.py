"""How values and calls are written for people: short numbers, known matrices, no arguments that are defaults."""

from __future__ import annotations

import functools
import inspect
import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from grad_engine.program.spelling import ATOM, Names, Spelling, path_of
from grad_engine.program.steps import FUNCTION, METHOD, Step, Value, single_number, values_in
from grad_engine.program.traced_scipy import Opaque

_LONG = 8  # characters of a number from which on a shorter way to write it is looked for
_FEW = 16  # numbers of an array that is written out
_LARGEST = 1 << 20
_SUM, _PRODUCT = 5, 6  # how strongly these bind


class PlainSpelling(Spelling):
    """Values and calls as one would write them by hand."""

    few = _FEW

    def __init__(self, names: Names, sizes: set[int]) -> None:
        super().__init__(names)
        self._calls: dict[Any, Step] = {}
        self.sizes = sizes  # of arrays of the program, by which a mean divides

    def number(self, number: Any) -> str:
        text = super().number(number)
        if type(number) is not float or len(text) <= 5 or not math.isfinite(number):
            return text
        for top in (1, 2):
            if (below := round(top / abs(number))) in self.sizes and below > 8 and top / below == abs(number):
                return f"{'-' if number < 0 else ''}{top} / {below}"
        return short(number) if len(text) > _LONG else text

    def binds(self, number: str) -> float:
        return 6 if " / " in number or " * " in number else 5 if " - " in number else 8 if "**" in number else ATOM

    def const(self, value: Value) -> str:
        name = (value.name or "").removesuffix("_T")
        known = self.environment.get(name) if name != value.name else None
        if isinstance(known, np.ndarray) and known.dtype == value.dtype and np.array_equal(known.T, value.data):
            return f"{name}.T"
        return super().const(value)

    def array(self, value: Value) -> str | None:
        known = _known_array(value) if single_number(value) is None else None
        if known is not None and (sign := re.search(r" [-*] np\.", known)):  # no call, but a product or a sum of two
            self.precedence[value] = _SUM if sign[0].startswith(" -") or " - " in known else _PRODUCT
        return known or super().array(value)

    def named_call(self, step: Step) -> str:
        fn = step.fn
        key = id(getattr(fn, "function", fn)), repr(getattr(fn, "places", None))
        known = self._calls.setdefault(key, step)  # one name for all calls of one rule
        return super().named_call(known)

    def with_keywords(self, step: Step) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        """What comes from the first setting on by its names, without what is a default."""
        args, known = step.args, _defaults(getattr(step.fn, "function", step.fn))
        first = min((place for place, arg in enumerate(args) if values_in(arg)), default=0)
        start = next((place for place in range(first, len(args)) if not values_in(args[place])), len(args))
        names = [*known][start : len(args)]
        if len(known) < len(args) or not set(step.named) <= set(known) or _BY_PLACE & {*map(known.get, names)}:
            return args, step.named
        named = {name: arg for name, arg in zip(names, args[start:], strict=True) if not _is_default(known[name], arg)}
        return args[:start], {**named, **step.named}

    def function(self, function: Any) -> str:
        whole = type(function) is Opaque and function.kind is None  # and not taken apart: then it is what it calls
        return super().function(function.function if whole else function)

    def call(self, step: Step) -> tuple[str, float]:
        if step.kind is METHOD and step.fn == "reshape" and not step.named and (key := _one_more_axis(step)):
            return f"{self.inside(step.args[0], ATOM - 1)}[{key}]", ATOM
        if step.kind is FUNCTION and (path_of(step.fn) or "").startswith("np."):
            args, named = _without_defaults(step.fn, step.args, step.named)
            step = step.replaced(args, named)
        return super().call(step)


def short(number: float) -> str:
    """A float as a short expression with exactly this value, or as Python writes it."""
    text = repr(number)
    if not math.isfinite(number):
        return text
    if number == int(number) and len(text) > _LONG:
        mantissa, _, exponent = f"{number:e}".partition("e")
        brief = f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
        return brief if float(brief) == number and len(brief) < len(text) - 2 else text
    if not 1e-9 < abs(number) < 1e9:
        return text
    sign, size = ("-", -number) if number < 0 else ("", number)
    for top in (1, 2, 4):
        below = round(top / size)
        if below > 1 and top / below == size:
            return f"{sign}{top} / {below}"
    less = round(1 - number, 9)
    if 1 - less == number and len(repr(less)) < _LONG:
        return f"1 - {less!r}"
    if 1 < size < 2 and (below := round(1 / (size - 1))) and (below + 1) / below == size:
        return f"{sign}{below + 1} / {below}"
    square = round(size * size)
    if square > 1 and square**0.5 == size and not sign:
        return f"{square}**0.5"
    for top in (1, 2, 3, 4):
        for below in (1, 2, 3, 4, 6):
            if top * math.pi / below == size:
                return sign + (f"{top} * " if top > 1 else "") + "np.pi" + (f" / {below}" if below > 1 else "")
    return text


def _known_array(value: Value) -> str | None:
    """np.eye(n, m, k), a row of it, np.tri(n), np.arange(n), or one of them times a number."""
    data = value.data
    if not 1 < value.size <= _LARGEST or value.ndim > 2 or value.dtype.char not in "dl?":
        return None
    if value.ndim == 2:
        return _known_matrix(np.asarray(data))
    n = value.size
    if value.dtype == np.int64:
        start = int(data[0])
        same = np.array_equal(data, np.arange(start, start + n))
        return (f"np.arange({n})" if start == 0 else f"np.arange({start}, {start + n})") if same else None
    if value.dtype == bool:
        return None
    (places,) = np.nonzero(data)
    if len(places) == 1 and data[places[0]] == 1 and n > 2:
        return f"np.eye({n})[{places[0]}]"
    return None


def _known_matrix(data: Any) -> str | None:
    n, m = data.shape
    square = f"{n}" if n == m else f"{n}, {m}"
    if data.dtype == bool:
        return f"np.tri({square}, dtype=bool)" if n > 2 and m > 2 and (data == np.tri(n, m)).all() else None
    if data.dtype != np.float64:
        return None
    rows, columns = np.nonzero(data[:2])
    if len(rows) == 0:
        rows, columns = np.nonzero(data)
    if len(rows) == 0 or n < 2:
        return None
    diagonal, number = int(columns[0] - rows[0]), data[rows[0], columns[0]]
    size = f"{n}, {m}, {diagonal}" if diagonal else square
    if (data == number * np.eye(n, m, diagonal)).all():
        text = repr(float(number))
        factor = short(float(number)) if len(text) > _LONG else text
        factor = f"({factor})" if " " in factor else factor
        return f"np.eye({size})" if number == 1 else f"{'-' if number == -1 else f'{factor} * '}np.eye({size})"
    if n == m <= _FEW and (data == np.diag(np.diagonal(data))).all() and np.isfinite(data).all():
        return f"np.diag(np.array({np.diagonal(data).tolist()}))"
    if n <= _LONG and m > 2 and (data == data[:, :1]).all() and np.isfinite(data).all():
        return f"np.repeat(np.array({data[:, :1].tolist()}), {m}, axis=1)"
    if n > 2 and (data == np.tri(n, m)).all():
        return f"np.tri({square})"
    if n > 2 and (data == np.tri(n, m) - 0.5 * np.eye(n, m)).all():  # of the gradient of cholesky()
        return f"np.tri({square}) - 0.5 * np.eye({square})"
    return None


def _one_more_axis(step: Step) -> str | None:
    """The index that a reshape is which adds one axis of length 1, or takes one away."""
    x, out = step.args[0], step.out
    if type(x) is not Value or x.number or x.scalar or not 1 <= x.ndim <= 2 or not x.size:
        return None
    if x.ndim == 1 and out.shape == (x.size, 1):
        return ":, None"
    if x.ndim == 1 and out.shape == (1, x.size):
        return "None"
    if x.ndim == 2 and x.shape[1] == 1 and out.shape == x.shape[:1]:
        return ":, 0"
    if x.ndim == 2 and x.shape[0] == 1 and out.shape == x.shape[1:]:
        return "0"
    return None


class _ByPlace:
    """Stands for the default of a parameter that cannot be given by name."""


_BY_PLACE = {_ByPlace}


@functools.cache
def _defaults(function: Any) -> dict[str, Any]:
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return {}
    by_place = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return {name: _ByPlace if each.kind in by_place else each.default for name, each in parameters.items()}


def _is_default(default: Any, given: Any) -> bool:
    """Whether a setting is what a function would take anyway."""
    return type(given) in (int, float, bool, str, type(None)) and type(given) is type(default) and given == default


def _without_defaults(
    function: Any, args: tuple[Any, ...], named: Mapping[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call of NumPy, without those that it would take anyway."""
    defaults = _defaults(function)
    listed = [*defaults]

    def is_default(name: str, given: Any) -> bool:
        return (name == "keepdims" and given is False) or _is_default(defaults.get(name), given)

    kept = {name: part for name, part in named.items() if not is_default(name, part)}
    while len(args) > 1 and len(args) <= len(listed) and is_default(listed[len(args) - 1], args[-1]):
        args = args[:-1]
    return args, kept
