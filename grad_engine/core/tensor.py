"""Tensor: a handle on an array and on the node that made it. This file names no op.

An operation in place gives its Tensor a new node, while the edges of older nodes stay as they were.
"""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn, final

import numpy as np

from grad_engine.core.node import Edge, GradAccum, output_index_of
from grad_engine.errors import ArgumentError, GraphError, NotDifferentiableError, ShapeError

if TYPE_CHECKING:
    from grad_engine.core.op_methods import OpMethods  # generated: the methods and operators that come from the table
else:
    OpMethods = object


# --- names ----------------------------------------------------------------------------------------------------------

# A name belongs to the array, so that a record finds it again from a node, which holds arrays only.
_NAMES: dict[int, tuple[weakref.ref[np.ndarray], str]] = {}


def name_of(array: Any) -> str | None:
    """The name the user gave to the tensor whose data is `array`."""
    found = _NAMES.get(id(array))
    return found[1] if found is not None and found[0]() is array else None


def _set_name(array: np.ndarray, name: str | None) -> None:
    key = id(array)
    if name is None:
        _NAMES.pop(key, None)
    elif isinstance(name, str):
        _NAMES[key] = (weakref.ref(array, lambda _, key=key: _NAMES.pop(key, None)), name)  # type: ignore[misc]
    else:
        raise ArgumentError(f"a tensor's name is a str, got {type(name).__name__}")


# --- the tensor -----------------------------------------------------------------------------------------------------


@final
class Tensor(OpMethods):
    """An array of numbers that remembers how it was made, so that gradients can flow back through it.

    Make one with `tensor(...)`. Leaves that require grad collect their gradient in `.grad`.
    """

    __slots__ = ("__weakref__", "again", "array", "node", "window")

    array: np.ndarray
    node: Edge
    again: tuple[Callable[..., Tensor], tuple[Any, ...]]  # of a view of memory without history: how it was taken
    window: tuple[Tensor, Any]  # of a part that shares memory: the tensor it was indexed from, and the index

    def __init_subclass__(cls, **_: Any) -> NoReturn:
        raise ArgumentError("Tensor is final; hold one in an attribute of your class instead")

    def __init__(self, data: Any, requires_grad: bool = False, dtype: Any = None, name: str | None = None) -> None:
        self.array = as_array(data, dtype)
        self.node = None
        if requires_grad is not False:
            self.requires_grad_(requires_grad)
        if name is not None:
            self.name = name

    # what it is

    @property
    def data(self) -> np.ndarray:
        """The values as a NumPy array that shares memory; writes through it are not seen by backward."""
        return self.array

    @data.setter
    def data(self, values: Any) -> None:
        array = values.array if type(values) is Tensor else np.asarray(values)
        if array is self.array:
            return
        if array.shape != self.array.shape or array.dtype != self.array.dtype:
            raise ShapeError(
                f".data of shape {self.array.shape} and dtype {self.array.dtype} was given shape {array.shape} and "
                f"dtype {array.dtype}; make a new tensor for other shapes or dtypes"
            )
        name = self.name
        self.array = array
        _set_name(array, name)

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
    def name(self) -> str | None:
        """The name shown in trees and pictures."""
        return name_of(self.array)

    @name.setter
    def name(self, name: str | None) -> None:
        _set_name(self.array, name)

    # how it was made

    @property
    def requires_grad(self) -> bool:
        return self.node is not None

    @requires_grad.setter
    def requires_grad(self, flag: bool) -> None:
        self.requires_grad_(flag)

    def requires_grad_(self, flag: bool = True) -> Tensor:
        """This tensor, now a leaf that collects a gradient (or, with False, no longer one).

        Raises NotDifferentiableError for integers and booleans, GraphError for the result of an op, ArgumentError for a
        flag that is neither True nor False.
        """
        if not isinstance(flag, bool | np.bool_):  # zeros(2, 3) and tensor(rows, np.float32) would end up here
            raise ArgumentError(
                f"requires_grad is True or False, got {flag!r}; give a shape as one tuple, zeros((2, 3)), "
                "and dtype= and name= by keyword"
            )
        if flag and self.node is None:
            if self.array.dtype.kind != "f":
                raise NotDifferentiableError(
                    f"only floating-point tensors can require grad, got {self.array.dtype}; "
                    "pass dtype=float, or write 1.0 instead of 1"
                )
            self.node = GradAccum()
        elif not flag and self.node is not None:
            if not self.is_leaf:
                raise GraphError("only a leaf can stop requiring grad; use detach() on the result of an op")
            self.node = None
        return self

    @property
    def is_leaf(self) -> bool:
        return self.node is None or type(self.node) is GradAccum

    @property
    def grad_fn(self) -> Edge:
        """The node that made this tensor, by name `AddBackward` and so on; a leaf's is its GradAccum."""
        return self.node

    @property
    def grad(self) -> Tensor | None:
        """The gradient collected so far, a Tensor of this tensor's shape and dtype; None before any backward."""
        node = self.node
        if type(node) is GradAccum:
            return node.grad
        if node is None:
            return None
        retained = (node.extra or {}).get("retained", {})
        place = output_index_of(node)
        if place not in retained:
            warnings.warn(
                ".grad of the result of an op is not kept; call retain_grad() on it before backward",
                stacklevel=2,
            )
        return retained.get(place)

    @grad.setter
    def grad(self, value: Any) -> None:
        if type(self.node) is not GradAccum:
            if value is None:
                retained = {} if self.node is None else (self.node.extra or {}).get("retained", {})
                if (place := output_index_of(self.node)) in retained:
                    retained[place] = None
                return
            raise GraphError(".grad can only be set on a leaf that requires grad; call requires_grad_() first")
        if value is None:
            self.node.grad = None
            return
        if type(value) is not Tensor:
            value = Tensor(value, dtype=self.array.dtype)
        if value.array.shape != self.array.shape or value.array.dtype != self.array.dtype:
            raise ShapeError(
                f".grad must have the tensor's shape {self.array.shape} and dtype {self.array.dtype}, "
                f"got {value.array.shape} and {value.array.dtype}"
            )
        self.node.grad = value

    def zero_grad(self) -> None:
        """Forget the collected gradient: `.grad` becomes None."""
        self.grad = None

    def detach(self) -> Tensor:
        """The same values, shared in memory, without history."""
        return wrap(self.array, None)

    # out of the engine

    def numpy(self) -> np.ndarray:
        """The values as a NumPy array that shares memory. Raises GraphError while a gradient is required."""
        if self.node is not None:
            raise GraphError("numpy() on a tensor that requires grad would lose its history; write t.detach().numpy()")
        return self.array

    def item(self) -> float | int | bool:
        """The value of a one-element tensor as a Python number."""
        if self.array.size != 1:
            raise ShapeError(f"item() needs exactly one element, got shape {self.array.shape}; use tolist()")
        return self.array.item()

    def tolist(self) -> Any:
        """The values as nested Python lists (a number for shape ())."""
        return self.array.tolist()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if self.node is not None:
            raise GraphError(
                "a tensor that requires grad would silently lose its history as a NumPy array; "
                "write np.asarray(t.detach()), or stack([...]) to join tensors"
            )
        return np.array(self.array, dtype=dtype, copy=copy)

    def __dlpack__(self, **keywords: Any) -> Any:
        if self.node is not None:
            raise GraphError("a tensor that requires grad would lose its history in another library; pass t.detach()")
        return self.array.__dlpack__(**keywords)

    def __dlpack_device__(self) -> tuple[Any, int]:
        return self.array.__dlpack_device__()

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self.array.dtype.kind not in "iu" or self.array.ndim:
            raise ArgumentError(f"only an integer of shape () can be an index, got {self.dtype} of shape {self.shape}")
        return int(self.array)

    def __bool__(self) -> bool:
        if self.array.size != 1:
            raise ShapeError(
                f"a tensor of shape {self.array.shape} has no single truth value; use (x > 0).all() or .any()"
            )
        return bool(self.array)

    def __len__(self) -> int:
        if not self.array.ndim:
            raise ArgumentError("a tensor of shape () has no length")
        return len(self.array)

    def __iter__(self) -> Iterator[Tensor]:
        if not self.array.ndim:
            raise ArgumentError("a tensor of shape () cannot be iterated over")
        return (self[index] for index in range(len(self.array)))

    def __contains__(self, value: Any) -> bool:
        return bool((self.array == array_of(value)).any())

    def __hash__(self) -> int:
        return id(self)

    def __format__(self, spec: str) -> str:
        if self.array.ndim == 0:
            return format(self.item(), spec)
        try:
            return format(str(self), spec)
        except ValueError:
            raise ShapeError(
                f"only a tensor of a single number takes the format {spec!r}, got {self.array.shape}; use tolist()"
            ) from None

    def __repr__(self) -> str:
        body = np.array2string(self.array, separator=", ", prefix="tensor(")
        facts = [body]
        if self.array.dtype not in (np.float64, np.int64, np.bool_):
            facts.append(f"dtype={self.array.dtype}")
        if (name := self.name) is not None:
            facts.append(f"name={name!r}")
        if type(self.node) is GradAccum:
            facts.append("requires_grad=True")
        elif self.node is not None:
            facts.append(f"grad_fn=<{self.node.name}>")
        return f"tensor({', '.join(facts)})"

    # copies and pickles: leaves only, a graph is a record of one run in one process

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if not self.is_leaf:
            raise GraphError("only leaves can be copied deeply, this tensor is the result of an op; use detach()")
        copy = wrap(self.array.copy(), None)
        memo[id(self)] = copy
        copy.__setstate__((copy.array, self.requires_grad, self.name, self.grad))
        return copy

    def __reduce__(self) -> Any:
        if not self.is_leaf:
            raise GraphError("only leaves can be pickled, this tensor is the result of an op; use detach()")
        return _empty, (), (self.array, self.requires_grad, self.name, self.grad)

    def __setstate__(self, state: tuple[np.ndarray, bool, str | None, Tensor | None]) -> None:
        self.array, requires_grad, name, grad = state
        self.node = None
        self.requires_grad_(requires_grad)
        if name is not None:
            self.name = name
        if grad is not None:
            self.grad = wrap(grad.array.copy(), None)


_new = Tensor.__new__


def wrap(array: np.ndarray, node: Edge) -> Tensor:
    """A Tensor around an array that is known to be good; no copy, no check."""
    made = _new(Tensor)
    made.array = array
    made.node = node
    return made


def array_of(value: Any) -> Any:
    """The array of a Tensor; any other value itself."""
    return value.array if type(value) is Tensor else value


def _empty() -> Tensor:
    return wrap(np.empty(0), None)


def as_array(data: Any, dtype: Any = None) -> np.ndarray:
    """A fresh array of numbers from nested lists, scalars or arrays. Raises ArgumentError or ShapeError."""
    if type(data) is Tensor:
        if data.node is not None:
            raise GraphError("a new tensor from one that requires grad would lose its history; use clone() or detach()")
        data = data.array
    unmasked(data)
    if isinstance(data, list | tuple) and _holds_tensor(data):
        raise ArgumentError("a list of tensors would lose their history; use stack([...]) or concat([...])")
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


def numeric(array: np.ndarray) -> np.ndarray:
    """`array` itself when it holds real numbers or booleans; raises ArgumentError otherwise."""
    if array.dtype.kind not in "fiub":
        raise ArgumentError(f"a tensor holds real numbers or booleans, got dtype {array.dtype}")
    return array


def _holds_tensor(data: Any) -> bool:
    pending = [data]
    for part in pending:
        if type(part) is Tensor:
            return True
        if isinstance(part, list | tuple):
            pending.extend(part)
    return False


def attach(name: str, value: Any) -> None:
    """Put a method, operator or property on Tensor that is defined further down the house."""
    setattr(Tensor, name, value)


def _comparison(ufunc: Any) -> Callable[[Tensor, Any], Any]:
    def compare(self: Tensor, other: Any) -> Any:
        try:
            return ufunc(self.array, other.array if type(other) is Tensor else other)
        except TypeError:
            return NotImplemented
        except ValueError as error:
            raise ShapeError(f"shapes {self.shape} and {np.shape(other)} cannot be compared: {error}") from None

    return compare


def _logic(ufunc: Any) -> Callable[[Tensor, Any], Any]:
    def combine(self: Tensor, other: Any) -> Any:
        try:
            return wrap(np.asarray(ufunc(self.array, other.array if type(other) is Tensor else other)), None)
        except TypeError:
            kind = getattr(other, "dtype", type(other).__name__)
            raise ArgumentError(
                f"&, |, ^ and ~ take booleans and whole numbers, got {self.dtype} and {kind}; compare first, "
                "as in (x > 0) & (y > 0)"
            ) from None
        except ValueError as error:
            raise ShapeError(f"shapes {self.shape} and {np.shape(other)} cannot be combined: {error}") from None

    return combine


_COMPARISONS = {
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
}  # fmt: skip
for _dunder, _compare in _COMPARISONS.items():
    attach(f"__{_dunder}__", _comparison(_compare))
for _dunder, _combine in {"and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor}.items():
    attach(f"__{_dunder}__", _logic(_combine))
    attach(f"__r{_dunder}__", _logic(_combine))
attach("__invert__", lambda self: _logic(lambda x, _: np.invert(x))(self, None))
