"""What a room of grad_engine.scipy does not have is SciPy's own: `from grad_engine.scipy import stats` is enough.

Such a function takes arrays and numbers, and refuses a tensor that requires grad in words, as it does anywhere.
What the rooms do have takes lists, as SciPy does, also of tensors.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from grad_engine.core import call
from grad_engine.core.tensor import Tensor
from grad_engine.numpy import asarray


def of_scipy(room: str) -> Callable[[str], Any]:
    """The `__getattr__` of a module that stands for this one of SciPy's."""

    def find(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"grad_engine.{room} has no {name}")
        try:
            found = getattr(importlib.import_module(room), name, None)
            return importlib.import_module(f"{room}.{name}") if found is None else found
        except ImportError:
            raise AttributeError(f"neither grad_engine.{room} nor {room} has {name}, or SciPy is missing") from None

    return find


def as_tensor(value: Any) -> Tensor:
    """`value` as a Tensor; nested lists too, in which tensors may stand."""
    return call.as_tensor(asarray(value) if isinstance(value, list | tuple) else value)
