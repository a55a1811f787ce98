"""What becomes the array of a tensor: numbers, lists, arrays; and the errors for what cannot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from grad_engine.core.array_behavior import ArrayBehavior
from grad_engine.errors import ArgumentError, GraphError, ShapeError


class ComplexPair:
    """What ops/complex_numbers.py makes of complex numbers: a pair of tensors."""

    __slots__ = ()


class ComplexOperandError(ArgumentError):
    """An op was given complex numbers; one of two operands leaves them to COMPLEX."""


COMPLEX: list[Callable[..., Any]] = []  # what NumPy's function is on complex operands: one function, from ops


def as_array(data: Any, dtype: Any = None) -> np.ndarray:
    """A fresh array of numbers from nested lists, scalars or arrays. Raises ArgumentError or ShapeError."""
    if isinstance(data, ArrayBehavior):
        if data.node is not None:
            raise GraphError("a new tensor from one that requires grad would lose its history; use clone() or detach()")
        data = data.array
    unmasked(data)
    if isinstance(data, list | tuple) and (found := _tensors_in(data)):
        if any(each.node is not None or each.array.ndim for each in found):
            raise ArgumentError("a list of tensors would lose their history; use stack([...]) or concat([...])")
        data = _as_numbers(data)
    try:
        kind = None if dtype is None else np.dtype(dtype)
    except TypeError:
        raise ArgumentError(f"dtype is one of NumPy's, such as float or np.float32, got {dtype!r}") from None
    try:
        array = np.array(data, dtype=kind)
    except (ValueError, TypeError, OverflowError) as error:
        why = "its rows differ in length" if "inhomogeneous" in str(error) else str(error)
        raise ShapeError(f"no array of numbers can be made of this {type(data).__name__}: {why}") from None
    return numeric(array)


def unmasked(value: Any) -> Any:
    """`value` itself; raises ArgumentError for a masked array, whose mask a tensor would silently lose."""
    if isinstance(value, np.ndarray) and hasattr(value, "filled"):
        raise ArgumentError(
            "a tensor has no mask, got a masked array; pass values.filled(0.0), and a mask of its own to where()"
        )
    return value


_OWN = {char: np.dtype(char) for char in "efd"}


def numeric(array: np.ndarray) -> np.ndarray:
    """`array` itself when it holds real numbers or booleans; raises ArgumentError otherwise.

    An array that was pickled has a dtype object of its own; of such it is a view with NumPy's, which ops ask for.
    """
    dtype = array.dtype
    if dtype.kind not in "fiub":
        if dtype.kind == "O" and not array.ndim and hasattr(array.item(), "tocoo"):
            raise ArgumentError(
                "a sparse matrix takes a tensor on its right, as in A @ t; write (A.T @ t.T).T for t @ A, and "
                "A.toarray() for all else"
            )
        if dtype.kind == "c":
            raise ComplexOperandError(
                f"a tensor holds real numbers or booleans, got dtype {dtype}; complex numbers go through NumPy's "
                "functions (np.exp(1j * t), np.fft.rfft(t)), or keep z.real and z.imag as two tensors"
            )
        raise ArgumentError(f"a tensor holds real numbers or booleans, got dtype {dtype}")
    own = _OWN.get(dtype.char, dtype)
    return array if dtype is own or dtype != own else array.view(own)


def _tensors_in(data: Any) -> list[ArrayBehavior]:
    """Every tensor in nested lists."""
    pending, found = [data], []
    for part in pending:
        if isinstance(part, ArrayBehavior):
            found.append(part)
        elif isinstance(part, list | tuple):
            pending.extend(part)
    return found


def _as_numbers(data: Any) -> Any:
    """Nested lists with the values of their tensors, all of which are single numbers."""
    if isinstance(data, ArrayBehavior):
        return data.array[()]
    return [_as_numbers(part) for part in data] if isinstance(data, list | tuple) else data
