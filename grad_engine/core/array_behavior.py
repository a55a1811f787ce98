"""What a tensor does as its array does: it compares, becomes a number, prints, is copied. The base class of Tensor."""

from __future__ import annotations

import opcode
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from grad_engine.core.array_kinds import Truth
from grad_engine.core.array_requests import array_for
from grad_engine.core.caller import calling_frame, line_of
from grad_engine.core.defaults import get_default_dtype
from grad_engine.core.names import name_of, rename
from grad_engine.core.node import Edge, GradAccum
from grad_engine.core.plain_number import WAYS_OUT, check_list, check_plain_number, noted
from grad_engine.core.scipy_names import twin_of_caller
from grad_engine.core.torch_words import Missing
from grad_engine.errors import ArgumentError, GraphError, ShapeError

_INTO_TWO = bytes((opcode.opmap["UNPACK_SEQUENCE"], 2))  # the instruction of `a, b = x`


class Pairs:
    """Whether there ever was a tensor that may be taken for PyTorch's pair: before, no index is checked."""

    made = False


class ArrayBehavior:
    """The methods of Tensor that give no tensor with a history."""

    __slots__ = ()
    __pandas_priority__ = 10_000  # above Series and DataFrame, which leave their operators to us then

    array: np.ndarray
    node: Edge

    # what it is

    def __dir__(self) -> list[str]:
        """What an editor offers: without PyTorch's names that are not here."""
        return [name for name in object.__dir__(self) if type(vars(type(self)).get(name)) is not Missing]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    @property
    def ndim(self) -> int:
        return self.array.ndim

    @property
    def size(self) -> int:
        return self.array.size

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.array.dtype

    @property
    def nbytes(self) -> int:
        return self.array.nbytes

    @property
    def itemsize(self) -> int:
        return self.array.itemsize

    @property
    def name(self) -> str | None:
        """The name shown in trees and pictures."""
        return name_of(self.array)

    @name.setter
    def name(self, name: str | None) -> None:
        rename(self.array, name)

    # out of the engine

    def numpy(self) -> np.ndarray:
        """The values as a NumPy array that shares memory. Raises GraphError while a gradient is required."""
        if self.node is not None:
            raise GraphError("numpy() on a tensor that requires grad would lose its history; write t.detach().numpy()")
        return self.array

    def item(self, *place: Any) -> float | int | bool:
        """The value of a one-element tensor, or of the element in a place, as a Python number."""
        if place:
            return self.array.item(*place)
        if self.array.size != 1:
            raise ShapeError(f"item() needs exactly one element, got shape {self.array.shape}; use tolist()")
        return self.array.item()

    def tolist(self) -> Any:
        """The values as nested Python lists (a number for shape ()).

        Raises GraphError where a derivative is taken of what this tensor depends on: `a, b = p` unpacks a tensor.
        """
        if self.node is not None:
            check_list()
        return self.array.tolist()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if (given := array_for(self, sys._getframe(1))) is not None:
            return given
        if self.node is not None:
            twin, place, ways_out = twin_of_caller(), "", ""
            if not twin:
                ways_out = f"{WAYS_OUT}, leave out np.asarray(t) and np.array(t), or "
                if (frame := calling_frame()) is not None:
                    file, number, text = line_of(frame)
                    place = f" at {file}:{number}" + (text and f" ({text})")
            raise noted(
                GraphError(
                    f"{twin}a tensor that requires grad would silently lose its history as a NumPy array{place}; "
                    f"{ways_out}pass t.detach() where no gradient is meant"
                )
            )
        return np.array(self.array, dtype=dtype, copy=copy)

    def __dlpack__(self, **keywords: Any) -> Any:
        if self.node is not None:
            raise GraphError("a tensor that requires grad would lose its history in another library; pass t.detach()")
        return self.array.__dlpack__(**keywords)

    def __dlpack_device__(self) -> tuple[Any, int]:
        return self.array.__dlpack_device__()

    def __float__(self) -> float:
        number = self.item()
        if self.node is not None:
            check_plain_number("a float")
        return float(number)

    def __int__(self) -> int:
        number = self.item()
        if self.node is not None:
            check_plain_number("an int")
        return int(number)

    def __complex__(self) -> complex:
        number = self.item()
        if self.node is not None:
            check_plain_number("a complex number")
        return complex(number)

    def __round__(self, ndigits: int | None = None) -> Any:
        return self.round(ndigits or 0)  # type: ignore[attr-defined]  # the op, which keeps the history

    def __index__(self) -> int:
        if self.array.dtype.kind not in "iu" or self.array.ndim:
            raise ArgumentError(
                f"only an integer of shape () can be an index, got {self.array.dtype} of shape {self.array.shape}"
            )
        return int(self.array)

    def __bool__(self) -> bool:
        if self.array.size != 1:
            raise ShapeError(
                f"a tensor of shape {self.array.shape} has no single truth value; use (x > 0).all() or .any()"
            )
        return bool(self.array)

    # as a container and as text

    def __len__(self) -> int:
        if not self.array.ndim:
            raise ArgumentError("a tensor of shape () has no length")
        return len(self.array)

    def __iter__(self) -> Iterator[Any]:
        if (axis := getattr(self, "pair", None)) is not None:
            caller = sys._getframe(1)
            if caller.f_code.co_code[caller.f_lasti : caller.f_lasti + 2] == _INTO_TWO:
                return axis.unpacked(self)
            axis.has_warned = True  # the rows that follow are not meant as a pair
        if not self.array.ndim:
            raise ArgumentError("a tensor of shape () cannot be iterated over")
        return (self[index] for index in range(len(self.array)))  # type: ignore[index]  # Tensor defines it

    def __contains__(self, value: Any) -> bool:
        return bool((self.array == _plain(self, value)).any())

    def __format__(self, spec: str) -> str:
        if self.array.ndim == 0:
            return format(self.array.item(), spec)
        try:
            return format(str(self), spec)
        except ValueError:
            raise ShapeError(
                f"only a tensor of a single number takes the format {spec!r}, got {self.array.shape}; use tolist()"
            ) from None

    def __repr__(self) -> str:
        facts = [np.array2string(self.array, separator=", ", prefix="tensor(")]
        if not self.array.size and self.array.shape != (0,):
            facts.append(f"shape={self.array.shape}")
        if self.array.dtype not in (get_default_dtype(), np.int64, np.bool_):
            facts.append(f"dtype={self.array.dtype}")
        if (name := name_of(self.array)) is not None:
            facts.append(f"name={name!r}")
        if type(self.node) is GradAccum:
            facts.append("requires_grad=True")
        elif self.node is not None:
            facts.append(f"grad_fn=<{self.node.name}>")
        return f"tensor({', '.join(facts)})"


def comparison(ufunc: Any) -> Callable[[Any, Any], Any]:
    """A comparison operator of tensors: it gives an array of booleans, or NotImplemented where NumPy knows none."""

    def compare(self: ArrayBehavior, other: Any) -> Any:
        try:
            made = ufunc(self.array, other.array if type(other) is type(self) else other)
            return made.view(Truth) if isinstance(made, np.ndarray) else made
        except TypeError:
            return NotImplemented
        except ValueError as error:
            raise ShapeError(f"shapes {self.array.shape} and {np.shape(other)} cannot be compared: {error}") from None

    return compare


def combined(ufunc: Any, x: ArrayBehavior, *others: Any) -> np.ndarray:
    """What &, |, ^ or ~ gives, as an array. Raises ArgumentError for floating-point numbers, ShapeError."""
    try:
        return np.asarray(ufunc(x.array, *(_plain(x, other) for other in others)))
    except TypeError:
        kinds = " and ".join(str(getattr(each, "dtype", type(each).__name__)) for each in (x.array, *others))
        raise ArgumentError(
            f"&, |, ^, ~, << and >> take booleans and whole numbers, got {kinds}; compare first, as in "
            "(x > 0) & (y > 0)"
        ) from None
    except ValueError as error:
        raise ShapeError(f"shapes {x.array.shape} and {np.shape(others[0])} cannot be combined: {error}") from None


def _plain(x: ArrayBehavior, other: Any) -> Any:
    """The array of another tensor; any other value itself."""
    return other.array if type(other) is type(x) else other
