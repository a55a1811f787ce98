"""Python's `math` as traced code sees it: on stand-ins its functions become steps of Python's own arithmetic."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

from grad_engine.core.stand_ins import STAND_INS, TRACING
from grad_engine.program.steps import NUMBER, leaves


def _traced(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **named: Any) -> Any:
        if TRACING.trace is None or not any(type(leaf) in STAND_INS for leaf in leaves((args, named))):
            return function(*args, **named)
        if named or any(getattr(leaf, "size", 1) != 1 for leaf in leaves(args)):
            return function(*args, **named)  # which asks for the numbers, and is told the way out
        return TRACING.trace.record(NUMBER, function, args)

    return call


def _made() -> ModuleType:
    made = ModuleType("math", math.__doc__)
    vars(made).update({name: _traced(held) if callable(held) else held for name, held in vars(math).items()})
    return made


MATH = _made()
MATH_STAND_INS: dict[int, Any] = {
    id(math): MATH,
    **{id(held): vars(MATH)[name] for name, held in vars(math).items() if callable(held)},
}
