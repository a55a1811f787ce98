"""The names that users give to tensors. A name belongs to the array: a node holds arrays only, and finds it again."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from grad_engine.errors import ArgumentError

_NAMES: dict[int, tuple[weakref.ref[np.ndarray], str]] = {}


def name_of(array: Any) -> str | None:
    """The name the user gave to the tensor whose data is `array`."""
    found = _NAMES.get(id(array))
    return found[1] if found is not None and found[0]() is array else None


def rename(array: np.ndarray, name: str | None) -> None:
    """Give `array` this name, or take its name away with None. Raises ArgumentError for what is no str."""
    key = id(array)
    if name is None:
        _NAMES.pop(key, None)
    elif isinstance(name, str):
        _NAMES[key] = (weakref.ref(array, lambda _, key=key: _NAMES.pop(key, None)), name)  # type: ignore[misc]
    else:
        raise ArgumentError(f"a tensor's name is a str, got {type(name).__name__}")
