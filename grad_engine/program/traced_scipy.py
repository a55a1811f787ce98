"""SciPy's functions as traced code sees them: on stand-ins for arrays a call becomes one step, whatever it does inside.

Functions of scipy.special are NumPy's ufuncs, and need nothing of this. A tensor goes where it goes in eager mode.
"""

from __future__ import annotations

import functools
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import numpy as np

from grad_engine.core.stand_ins import STAND_INS, TRACING
from grad_engine.core.tensor import Tensor
from grad_engine.program.steps import FUNCTION, leaves

_FUNCTIONS = (FunctionType, BuiltinFunctionType)


def _is_of_scipy(held: Any) -> bool:
    name = held.__name__ if isinstance(held, ModuleType) else getattr(held, "__module__", None)
    return isinstance(name, str) and (name == "scipy" or name.startswith("scipy."))


@functools.cache
def _traced(function: Any) -> Any:
    @functools.wraps(function)
    def call(*args: Any, **named: Any) -> Any:
        kinds = {type(leaf) for leaf in leaves((args, named))}
        if TRACING.trace is None or kinds.isdisjoint(STAND_INS) or Tensor in kinds:
            return function(*args, **named)
        return TRACING.trace.record(FUNCTION, function, args, named)

    return call


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


def seen_of_scipy(held: Any) -> Any:
    """What stands for a module or a function of SciPy while a function is traced; None for anything else."""
    if isinstance(held, np.ufunc) or not isinstance(held, (*_FUNCTIONS, ModuleType)) or not _is_of_scipy(held):
        return None
    return _module(held) if isinstance(held, ModuleType) else _traced(held)
