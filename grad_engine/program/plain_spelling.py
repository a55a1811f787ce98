"""How values and calls are written for people: short numbers, known matrices, no arguments that are defaults."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from grad_engine.program.spelling import ATOM, Names, Spelling, path_of
from grad_engine.program.steps import FUNCTION, METHOD, Step, Value
from grad_engine.program.traced_scipy import Opaque

_LONG = 8  # characters of a number from which on a shorter way to write it is looked for
_FEW = 16  # numbers of an array that is written out
_LARGEST = 1 << 20


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

    def array(self, value: Value) -> str | None:
        return _known_array(value) or super().array(value)

    def named_call(self, step: Step) -> str:
        fn = step.fn
        key = id(getattr(fn, "function", fn)), repr(getattr(fn, "places", None))
        known = self._calls.setdefault(key, step)  # one name for all calls of one rule
        return super().named_call(known)

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
    if not math.isfinite(number) or not 1e-9 < abs(number) < 1e9:
        return text
    sign, size = ("-", -number) if number < 0 else ("", number)
    for top in (1, 2, 4):
        below = round(top / size)
        if below > 1 and top / below == size:
            return f"{sign}{top} / {below}"
    less = round(1 - number, 9)
    if 1 - less == number and len(repr(less)) < _LONG:
        return f"1 - {less!r}"
    square = round(size * size)
    if square > 1 and square**0.5 == size and not sign:
        return f"{square}**0.5"
    for top in (1, 2, 3, 4):
        for below in (1, 2, 3, 4, 6):
            if top * math.pi / below == size:
                return sign + (f"{top} * " if top > 1 else "") + "np.pi" + (f" / {below}" if below > 1 else "")
    return text


def _known_array(value: Value) -> str | None:
    """np.eye(n), a row of it, or np.arange(n)."""
    data = value.data
    if not 1 < value.size <= _LARGEST or value.ndim > 2 or value.dtype.char not in "dl":
        return None
    if value.ndim == 2:
        n, m = value.shape
        return f"np.eye({n})" if value.dtype == np.float64 and n == m and _same(data, np.eye(n)) else None
    n = value.size
    if value.dtype == np.int64:
        start = int(data[0])
        same = np.array_equal(data, np.arange(start, start + n))
        return (f"np.arange({n})" if start == 0 else f"np.arange({start}, {start + n})") if same else None
    (places,) = np.nonzero(data)
    if len(places) == 1 and data[places[0]] == 1 and n > 2:
        return f"np.eye({n})[{places[0]}]"
    return None


def _same(data: Any, other: Any) -> bool:
    return bool((np.asarray(data) == other).all())


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


@functools.cache
def _defaults(function: Any) -> dict[str, Any]:
    try:
        return {name: each.default for name, each in inspect.signature(function).parameters.items()}
    except (TypeError, ValueError):
        return {}


def _without_defaults(
    function: Any, args: tuple[Any, ...], named: Mapping[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call of NumPy, without those that it would take anyway."""
    defaults = _defaults(function)
    listed = [*defaults]

    def is_default(name: str, given: Any) -> bool:
        default = defaults.get(name, inspect.Parameter.empty)
        if name == "keepdims" and given is False:
            return True
        return type(given) in (int, bool, str, type(None)) and type(given) is type(default) and given == default

    kept = {name: part for name, part in named.items() if not is_default(name, part)}
    while len(args) > 1 and len(args) <= len(listed) and is_default(listed[len(args) - 1], args[-1]):
        args = args[:-1]
    return args, kept
