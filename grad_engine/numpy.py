"""NumPy, for functions that make arrays of their own: `from grad_engine import numpy as np`.

Everything here is NumPy's own, which runs on tensors by itself, except for what NumPy offers no hook for:

- `array` and its like join lists in which tensors stand: `np.array([u[1], -np.sin(u[0])])`;
- `zeros`, `ones`, `full`, `empty`, `eye`, `identity` give tensors while a function is differentiated, so that results
  can be written into them: `y = np.zeros(3); y[0] = x**2`. Elsewhere, and of whole numbers, they give arrays;
- `vectorize` is that of grad_engine, and so are the functions of `polynomial` that take tensors.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy

from grad_engine import polynomial as _series
from grad_engine.core.call import as_tensor
from grad_engine.core.grad_mode import current_mode
from grad_engine.core.tensor import Tensor
from grad_engine.errors import ShapeError
from grad_engine.ops.arithmetic import positive
from grad_engine.ops.joining import stack
from grad_engine.ops.numpy_grammar import vectorize

__all__ = [
    "array", "asanyarray", "asarray", "ascontiguousarray", "empty", "eye", "full", "identity", "ones", "polynomial",
    "vectorize", "zeros",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    return getattr(numpy, name)


def __dir__() -> list[str]:
    return dir(numpy)


def array(object: Any, dtype: Any = None, **more: Any) -> Any:
    """An array of nested lists; a tensor with its history, where tensors stand in them. Raises ShapeError if ragged."""
    made = _joined(object)
    if type(made) is not Tensor:
        return numpy.array(made, dtype, **more)
    made = positive(made) if made is object else made
    for _ in range(more.get("ndmin", 0) - made.ndim):
        made = made[None]
    return made if dtype is None else made.astype(dtype)


def asarray(a: Any, dtype: Any = None, **more: Any) -> Any:
    """A tensor as it is, else what array() makes of it; an array is not copied."""
    made = _joined(a)
    if type(made) is not Tensor:
        return numpy.asarray(made, dtype, **more)
    return made if dtype is None or made.dtype == numpy.dtype(dtype) else made.astype(dtype)


asanyarray = ascontiguousarray = asarray


def _joined(value: Any) -> Any:
    """Nested lists with tensors in them as one tensor; anything else as it is."""
    if not isinstance(value, list | tuple):
        return value
    parts = [_joined(part) for part in value]
    if not any(type(part) is Tensor for part in parts):
        return value
    tensors = [as_tensor(numpy.asarray(part) if isinstance(part, list | tuple) else part) for part in parts]
    if len({part.shape for part in tensors}) > 1:
        shapes = ", ".join(str(part.shape) for part in tensors)
        raise ShapeError(f"array() joins parts of one shape, got {shapes}; concatenate them, or reshape some")
    return stack(tensors)


def _to_write_into(function: Callable[..., Any]) -> Callable[..., Any]:
    def made(*args: Any, **named: Any) -> Any:
        out = function(*args, **named)
        return as_tensor(out) if current_mode().differentiating is not None and out.dtype.kind == "f" else out

    made.__name__, made.__qualname__ = function.__name__, function.__name__
    made.__doc__ = f"numpy.{function.__name__}(), which gives a tensor while a function is differentiated."
    return made


zeros, ones, full = _to_write_into(numpy.zeros), _to_write_into(numpy.ones), _to_write_into(numpy.full)
empty, eye, identity = _to_write_into(numpy.empty), _to_write_into(numpy.eye), _to_write_into(numpy.identity)


class _Polynomial:
    """numpy.polynomial, or a module in it; where a tensor takes part, functions are those of grad_engine.polynomial."""

    def __init__(self, module: ModuleType) -> None:
        self.__module = module

    def __getattr__(self, name: str) -> Any:
        theirs = getattr(self.__module, name)
        if isinstance(theirs, ModuleType):
            return _Polynomial(theirs)
        ours = getattr(_series, name, None)
        if isinstance(theirs, type) or not callable(theirs) or not callable(ours):
            return theirs

        @functools.wraps(theirs)
        def either(*args: Any, **named: Any) -> Any:
            args, named = tuple(map(_joined, args)), {key: _joined(value) for key, value in named.items()}
            with_tensors = any(type(value) is Tensor for value in (*args, *named.values()))
            return (ours if with_tensors else theirs)(*args, **named)

        return either

    def __dir__(self) -> list[str]:
        return dir(self.__module)


polynomial = _Polynomial(numpy.polynomial)
