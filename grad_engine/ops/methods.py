"""PyTorch's names for what is here under another: methods of Tensor, and functions of one line.

Each is an alias, or a line or two of other ops. Those that end in `_` write into the memory of their tensor, as
`x += y` does: refused for a leaf that requires grad, unless inside no_grad().
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from grad_engine.core.array_kinds import Truth
from grad_engine.core.broadcasting import astype
from grad_engine.core.call import as_tensor, operand
from grad_engine.core.caller import is_called_torch
from grad_engine.core.defaults import CPU, check_device, generator_of
from grad_engine.core.define import CALLS, composed, in_front, method
from grad_engine.core.inplace import overwrite
from grad_engine.core.numpy_errors import warn_of_spelling
from grad_engine.core.tensor import Tensor, array_of, wrap
from grad_engine.errors import ArgumentError, GraphError, ShapeError
from grad_engine.ops import activation, elementwise, indexing, linalg, product, reduction, shape
from grad_engine.ops.arithmetic import add, div, mul, pow, sub

DTYPES = {
    "float16": np.float16, "half": np.float16, "float32": np.float32, "float": np.float32, "float64": np.float64,
    "double": np.float64, "int8": np.int8, "int16": np.int16, "short": np.int16, "int32": np.int32, "int": np.int32,
    "int64": np.int64, "long": np.int64, "uint8": np.uint8, "byte": np.uint8, "bool": np.bool_,
}  # fmt: skip


def on_tensor(function: Callable[..., Any]) -> Callable[..., Any]:
    """Put `function` on Tensor under its own name, less a trailing "_of"."""
    method(function.__name__.removesuffix("_of"), function)
    return function


@on_tensor
def copy_of(self: Tensor, order: str = "C") -> Tensor:
    """A copy of x with memory of its own, as np.copy(x) makes; recorded. order: how NumPy lays it out, taken as "C"."""
    return shape.clone(self)


# --- dtypes -----------------------------------------------------------------------------------------------------------


def dtype_of(value: Any) -> np.dtype[Any]:
    """The NumPy dtype that a name, a type or a dtype means; "torch.float32", "FloatTensor" and "float32" alike."""
    if inspect.isfunction(value):  # torch.LongTensor, which is a function here
        value = value.__name__
    if isinstance(value, str):
        plain = value.rpartition(".")[2].lower().removesuffix("tensor")
        if plain in DTYPES:
            return np.dtype(DTYPES[plain])
    try:
        return np.dtype(value)
    except TypeError:
        raise ArgumentError(f"a dtype is one of NumPy's, such as np.float32, got {value!r}") from None


def _define_cast(name: str) -> None:
    kind = np.dtype(DTYPES[name])

    def call(self: Tensor) -> Tensor:
        return self if self.dtype == kind else astype(self, kind)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"x as {kind}; itself where it is that already."
    method(name, call)


for _name in ("half", "float", "double", "short", "int", "long", "bool"):
    _define_cast(_name)


@on_tensor
def type_of(self: Tensor, dtype: Any = None) -> Any:
    """x as another dtype, or without one the name of its own."""
    return str(self.dtype) if dtype is None else astype(self, dtype_of(dtype))


@on_tensor
def type_as(self: Tensor, other: Any) -> Tensor:
    """x in the dtype of another tensor."""
    return astype(self, as_tensor(other).dtype)


@on_tensor
def to(self: Tensor, *wanted: Any, dtype: Any = None, device: Any = None, **ignored: Any) -> Tensor:
    """x as another dtype, or like another tensor; the device can only be the CPU."""
    for each in wanted:
        if isinstance(each, Tensor | np.ndarray):
            dtype = each.dtype
        elif isinstance(each, str) and each.rpartition(".")[2] not in DTYPES:
            device = each
        elif not isinstance(each, bool):
            dtype = each
    check_device(device)
    return self if dtype is None or dtype_of(dtype) == self.dtype else astype(self, dtype_of(dtype))


@on_tensor
def cpu(self: Tensor) -> Tensor:
    """x itself: every tensor is on the CPU."""
    return self


@on_tensor
def cuda(self: Tensor, device: Any = None) -> Tensor:
    """Always an ArgumentError: there is only the CPU."""
    check_device("cuda" if device is None else f"cuda:{device}")
    return self


@on_tensor
def is_floating_point(self: Tensor) -> Any:
    """Whether the dtype is a floating-point one."""
    return self.dtype.kind == "f"


method("device", property(lambda self: CPU, doc="Always the CPU."))
method("is_cuda", property(lambda self: False, doc="Always False."))

# --- shapes -----------------------------------------------------------------------------------------------------------


class Count(int):
    """How many elements a tensor has: a number, and for those who come from PyTorch its shape when it is called."""

    shape: tuple[int, ...]

    def __new__(cls, shape: tuple[int, ...]) -> Count:
        self = super().__new__(cls, math.prod(shape))
        self.shape = shape
        return self

    def __call__(self, dim: int | None = None) -> Any:
        """The shape, or the length of one axis."""
        if dim is None:
            return self.shape
        if not -len(self.shape) <= dim < len(self.shape):
            raise ShapeError(f"axis {dim} is out of range for shape {self.shape}")
        return self.shape[dim]


method(
    "size",
    property(
        lambda self: Count(self.array.shape), doc="How many elements there are; x.size(0) is x.shape[0], as in PyTorch."
    ),
)


@composed(half="same")
def numel(x: Any) -> int:
    """How many elements x has."""
    return as_tensor(x).array.size


@on_tensor
def nelement(self: Tensor) -> int:
    """How many elements x has."""
    return self.array.size


@on_tensor
def dim(self: Tensor) -> int:
    """How many axes x has."""
    return self.array.ndim


@on_tensor
def ndimension(self: Tensor) -> int:
    """How many axes x has."""
    return self.array.ndim


@composed(half="same")
def t(x: Any) -> Tensor:
    """The transpose of a matrix; vectors and numbers stay as they are."""
    x = as_tensor(x)
    if x.ndim > 2:
        raise ShapeError(f"t() takes a matrix at most, got shape {x.shape}; x.mT turns every matrix of a batch")
    return shape.transpose(x) if x.ndim == 2 else x


@on_tensor
def view(self: Tensor, *size: Any) -> Tensor:
    """The same elements in another shape, as reshape(); or, given one dtype, x in that."""
    if len(size) == 1 and not isinstance(size[0], int | np.integer | tuple | list):
        raise ArgumentError(f"view() takes a shape, got {size[0]!r}; astype() changes the dtype")
    return shape.reshape(self, *size)


@on_tensor
def view_as(self: Tensor, other: Any) -> Tensor:
    """The same elements in the shape of another tensor."""
    return shape.reshape(self, as_tensor(other).shape)


@on_tensor
def reshape_as(self: Tensor, other: Any) -> Tensor:
    """The same elements in the shape of another tensor."""
    return shape.reshape(self, as_tensor(other).shape)


@on_tensor
def expand_as(self: Tensor, other: Any) -> Tensor:
    """x repeated to the shape of another tensor."""
    return shape.broadcast_to(self, as_tensor(other).shape)


@on_tensor
def contiguous(self: Tensor) -> Tensor:
    """x with its elements in C order in memory: itself where they are."""
    return self if self.array.flags.c_contiguous else shape.clone(self)


@composed(half="same")
def select(x: Any, axis: int, index: int) -> Tensor:
    """The part of x at one place of an axis, without that axis: np.select is first_where()."""
    x = as_tensor(x)
    return x[(*(slice(None),) * shape.axis_of(x, axis), index)]


@composed(half="same")
def narrow(x: Any, axis: int, start: int, length: int) -> Tensor:
    """`length` places of an axis of x, from `start` on."""
    x = as_tensor(x)
    place = shape.axis_of(x, axis)
    if start < 0 or length < 0 or start + length > x.shape[place]:
        raise ShapeError(f"narrow() takes places of axis {axis} of shape {x.shape}, got {start} to {start + length}")
    return x[(*(slice(None),) * place, slice(start, start + length))]


# --- products, comparisons and the like -------------------------------------------------------------------------------


def _scaled(name: str, plain: Callable[..., Any], words: str) -> None:
    def call(x: Any, y: Any, alpha: float = 1) -> Tensor:
        return plain(x, y if alpha == 1 else as_tensor(y) * alpha)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"x {words} y, element by element; y times alpha first."
    composed(before=plain)(call)


_scaled("add", add, "plus")
_scaled("sub", sub, "minus")


def _divided(x: Any, y: Any, rounding_mode: str | None = None) -> Tensor:
    """x over y, element by element; rounding_mode: "floor" down, or "trunc" towards 0, to a whole number."""
    if rounding_mode not in (None, "floor", "trunc"):
        raise ArgumentError(f"rounding_mode of div() is None, 'floor' or 'trunc', got {rounding_mode!r}")
    if rounding_mode is not None and all(np.asarray(array_of(each)).dtype.kind in "iu" for each in (x, y)):
        a, b = np.asarray(array_of(x)), np.asarray(array_of(y))
        down = np.floor_divide(a, b)
        return wrap(down if rounding_mode == "floor" else down + ((down < 0) & (down * b != a)), None)
    out = div(x, y)
    return out if rounding_mode is None else (elementwise.floor if rounding_mode == "floor" else elementwise.trunc)(out)


_divided.__name__ = _divided.__qualname__ = "div"
composed(before=div)(_divided)


@composed(floats=("x", "y"))
def dist(x: Any, y: Any, p: float = 2) -> Tensor:
    """The p-norm of all elements of x − y as one vector."""
    return reduction.vector_norm(sub(x, y), ord=p)


@composed()
def true_divide(x: Any, y: Any) -> Tensor:
    """x over y, element by element."""
    return div(x, y)


@composed(half="same")
def repeat_interleave(x: Any, repeats: Any, axis: int | None = None) -> Tensor:
    """Each element of x `repeats` times in a row, along `axis` or of all: NumPy's repeat()."""
    return shape.repeat(x, repeats, axis)


@composed(half="same")
def take_along_dim(x: Any, indices: Any, axis: int | None = None) -> Tensor:
    """The elements of x at `indices` along `axis`: NumPy's take_along_axis()."""
    return indexing.take_along_axis(x, indices, axis)


@composed(torch="PyTorch divides by count − 1, NumPy by count; write ddof=1 for the first")
def var_mean(x: Any, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> tuple[Tensor, Tensor]:
    """(the variance, the mean) of the elements along `axis`."""
    return reduction.var(x, axis, ddof, keepdims), reduction.mean(x, axis, keepdims)


@composed(torch="PyTorch divides by count − 1, NumPy by count; write ddof=1 for the first")
def std_mean(x: Any, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> tuple[Tensor, Tensor]:
    """(the standard deviation, the mean) of the elements along `axis`."""
    return reduction.std(x, axis, ddof, keepdims), reduction.mean(x, axis, keepdims)


@composed()
def inverse(x: Any) -> Tensor:
    """The inverse of each matrix."""
    return linalg.inv(x)


@composed(half="same")
def bucketize(x: Any, boundaries: Any, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """The place of each element of x among ascending boundaries; before equals, and after them with right=True."""
    return searchsorted(boundaries, x, out_int32=out_int32, right=right)


@on_tensor
def where_of(self: Tensor, condition: Any, other: Any) -> Tensor:
    """x where condition holds, `other` elsewhere."""
    return elementwise.where(condition, self, other)


@composed()
def mm(x: Any, y: Any) -> Tensor:
    """The product of two matrices."""
    x, y = as_tensor(x), as_tensor(y)
    if x.ndim != 2 or y.ndim != 2:
        raise ShapeError(f"mm() takes two matrices, got shapes {x.shape} and {y.shape}; matmul() takes batches")
    return product.matmul(x, y)


@composed(floats=("x", "y", "z"))
def baddbmm(x: Any, y: Any, z: Any, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta · x + alpha · (y @ z) for batches of matrices."""
    return beta * as_tensor(x) + alpha * product.bmm(y, z)


@composed(floats=("x", "y", "z"))
def addcmul(x: Any, y: Any, z: Any, value: float = 1) -> Tensor:
    """x + value · y · z, element by element."""
    return as_tensor(x) + value * (as_tensor(y) * z)


@composed(floats=("x", "y", "z"))
def addcdiv(x: Any, y: Any, z: Any, value: float = 1) -> Tensor:
    """x + value · y / z, element by element."""
    return as_tensor(x) + value * (as_tensor(y) / z)


@composed()
def frac(x: Any) -> Tensor:
    """What is left of each element of x without its whole part, with its sign."""
    x = as_tensor(x)
    return x - elementwise.trunc(x)


@composed(half="same")
def aminmax(x: Any, axis: Any = None, keepdims: bool = False) -> tuple[Tensor, Tensor]:
    """(the smallest, the largest) element along `axis`."""
    return reduction.amin(x, axis, keepdims), reduction.amax(x, axis, keepdims)


def _define_comparison(name: str, ufunc: np.ufunc) -> None:
    def call(x: Any, y: Any) -> Any:
        made = ufunc(array_of(x), array_of(y))
        return made.view(Truth) if isinstance(made, np.ndarray) else made

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"Whether it holds for each pair of elements: x {ufunc.__name__.replace('_', ' ')} y. No gradient."
    call.__annotations__ = {"x": "Any", "y": "Any", "return": "Any"}
    composed(half="same")(call)


for _name, _ufunc in {
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
    "logical_and": np.logical_and, "logical_or": np.logical_or, "logical_xor": np.logical_xor,
}.items():  # fmt: skip
    _define_comparison(_name, _ufunc)
for _name, _other in {
    "greater": "gt", "greater_equal": "ge", "less": "lt", "less_equal": "le", "not_equal": "ne",
}.items():  # fmt: skip
    CALLS[_name] = CALLS[_other]
    method(_name, CALLS[_other])


@composed(half="same")
def logical_not(x: Any) -> Any:
    """Whether each element of x is 0. No gradient."""
    return np.asarray(np.logical_not(array_of(x))).view(Truth)


@composed(half="same")
def equal(x: Any, y: Any) -> bool:
    """Whether two tensors have the same shape and elements."""
    return bool(np.array_equal(array_of(x), array_of(y)))


@composed(half="same")
def allclose(x: Any, y: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether all elements of two tensors are within atol + rtol · |y| of each other."""
    return bool(np.allclose(array_of(x), array_of(y), rtol, atol, equal_nan))


@composed(half="same")
def isclose(x: Any, y: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Whether each two elements are within atol + rtol · |y| of each other. No gradient."""
    return np.asarray(np.isclose(array_of(x), array_of(y), rtol, atol, equal_nan)).view(Truth)


@composed(
    half="same",
    torch="PyTorch's nonzero() is a row for each place, which is argwhere() here; as_tuple=True means the same in both",
)
def nonzero(x: Any, as_tuple: bool | None = None) -> Any:
    """Where x is not 0, as NumPy's nonzero(): for each axis the indices along it."""
    array = np.asarray(array_of(x))
    if not array.ndim and as_tuple is False:
        return wrap(np.zeros((int(bool(array)), 0), np.int64), None)
    found = np.nonzero(np.atleast_1d(array))
    if as_tuple is None and is_called_torch():
        warn_of_spelling(
            "nonzero() gives the indices along each axis, as in NumPy, where PyTorch gives a row for each place: write "
            "nonzero(as_tuple=True) for this, nonzero(as_tuple=False) for that"
        )
    if as_tuple is False:
        return wrap(np.stack(found, axis=-1), None)
    return tuple(wrap(each, None) for each in found)


_plain_where = CALLS["where"]


@in_front(_plain_where)
def _where(condition: Any, *rest: Any, **named: Any) -> Any:
    return _plain_where(condition, *rest, **named) if rest or named else nonzero(condition, True)


@composed(half="same")
def argwhere(x: Any) -> Tensor:
    """Where x is not 0: a row of indices for each such element."""
    return wrap(np.argwhere(array_of(x)), None)


@composed(half="same")
def unique(
    x: Any, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, axis: int | None = None
) -> Any:
    """The different elements of x, or slices along `axis`, in order; with what is asked for, places and counts.

    Each is the first of its equals, which alone gets its gradient.
    """
    x = as_tensor(x)
    find: Any = np.unique
    _, first, *more = find(x.array, return_index=True, return_inverse=True, return_counts=True, axis=axis)
    values = indexing.take(shape.reshape(x, (-1,)) if axis is None else x, first, 0 if axis is None else axis)
    asked = [wrap(each, None) for each, wanted in zip(more, (return_inverse, return_counts), strict=True) if wanted]
    return (values, *asked) if asked else values


@composed(half="same")
def histc(x: Any, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """How many elements of x are in each of `bins` equal steps from min to max, by default its own ends."""
    array = np.asarray(array_of(x))
    ends = (float(array.min()), float(array.max())) if min == max else (min, max)
    return wrap(np.histogram(array, bins, ends)[0].astype(array.dtype), None)


@composed(half="same")
def bitwise_not(x: Any) -> Tensor:
    """The bits of each whole number, or each boolean, turned round. No gradient."""
    return ~as_tensor(x)


@composed(half="same")
def searchsorted(
    x: Any, values: Any, *, out_int32: bool = False, right: bool = False, side: str | None = None, sorter: Any = None
) -> Tensor:
    """The places in ascending x before which each of `values` belongs; after equals with right=True or side="right".

    x is a vector, or has the leading axes of `values`: then each row of one is looked up in that of the other.
    """
    if side not in (None, "left", "right") or (side == "left" and right):
        raise ArgumentError(f"side of searchsorted() is 'left' or 'right', got {side!r} and right={right}")
    rows, wanted = np.asarray(array_of(x)), np.asarray(array_of(values))
    if sorter is not None:
        rows = np.take_along_axis(rows, np.asarray(array_of(sorter)), -1)
    where: Any = "right" if right or side == "right" else "left"
    kind = np.int32 if out_int32 else np.int64
    if rows.ndim == 1:
        return wrap(np.asarray(np.searchsorted(rows, wanted, where)).astype(kind), None)
    if not rows.ndim or wanted.ndim != rows.ndim or wanted.shape[:-1] != rows.shape[:-1]:
        raise ShapeError(f"searchsorted() takes a vector, or rows for rows, got shapes {rows.shape} and {wanted.shape}")
    found = np.empty(wanted.shape, kind)
    for place in np.ndindex(rows.shape[:-1]):
        found[place] = np.searchsorted(rows[place], wanted[place], where)
    return wrap(found, None)


# --- new ones like this -----------------------------------------------------------------------------------------------


def _filled(self: Tensor, size: tuple[Any, ...], value: float, dtype: Any, requires_grad: bool) -> Tensor:
    wanted = size[0] if len(size) == 1 and isinstance(size[0], tuple | list) else size
    kind = self.dtype if dtype is None else dtype_of(dtype)
    return wrap(np.full(wanted, value, kind), None).requires_grad_(requires_grad)


@on_tensor
def new_zeros(self: Tensor, *size: Any, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """A tensor of another shape in x's dtype, filled with 0."""
    check_device(device)
    return _filled(self, size, 0, dtype, requires_grad)


@on_tensor
def new_ones(self: Tensor, *size: Any, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """A tensor of another shape in x's dtype, filled with 1."""
    check_device(device)
    return _filled(self, size, 1, dtype, requires_grad)


@on_tensor
def new_empty(self: Tensor, *size: Any, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """A tensor of another shape in x's dtype, filled with 0."""
    check_device(device)
    return _filled(self, size, 0, dtype, requires_grad)


@on_tensor
def new_full(
    self: Tensor, size: Any, fill_value: float, dtype: Any = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """A tensor of another shape in x's dtype, filled with a number."""
    check_device(device)
    return _filled(self, (size,), fill_value, dtype, requires_grad)


@on_tensor
def new_tensor(self: Tensor, data: Any, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """A tensor of other numbers in x's dtype."""
    check_device(device)
    return Tensor(data, requires_grad, self.dtype if dtype is None else dtype_of(dtype))


# --- in place ---------------------------------------------------------------------------------------------------------


def _define_in_place(name: str, call: Callable[..., Any], words: str) -> None:
    def change(self: Tensor, *args: Any, **named: Any) -> Tensor:
        return overwrite(self, as_tensor(call(self, *args, **named)))

    change.__name__ = change.__qualname__ = name
    change.__doc__ = f"x, its elements now {words}."
    method(name, change)


def _same(x: Tensor, values: Any) -> Tensor:
    """`values` in the shape of x, with their history."""
    made = as_tensor(operand(values) if type(values) is not Tensor else values)
    made = made if made.dtype == x.dtype else astype(made, x.dtype)
    return shape.clone(shape.broadcast_to(made, x.shape)) if made.shape != x.shape else made


_IN_PLACE: dict[str, tuple[Callable[..., Any], str]] = {
    "zero_": (lambda x: _same(x, 0), "all 0"),
    "fill_": (_same, "all one number"),
    "copy_": (lambda x, source, non_blocking=False: _same(x, source), "those of another tensor, repeated to its shape"),
    "add_": (CALLS["add"], "increased by another tensor, times alpha"),
    "sub_": (CALLS["sub"], "lessened by another tensor, times alpha"),
    "mul_": (mul, "multiplied by another tensor"),
    "div_": (CALLS["div"], "divided by another tensor"),
    "pow_": (pow, "raised to a power"),
    "neg_": (CALLS["neg"], "of the other sign"),
    "exp_": (elementwise.exp, "e to their power"),
    "log_": (elementwise.ln, "their logarithms"),
    "sqrt_": (elementwise.sqrt, "their square roots"),
    "abs_": (elementwise.abs, "without their sign"),
    "clamp_": (elementwise.clip, "brought between two bounds"),
    "relu_": (activation.relu, "0 where they were negative"),
    "sigmoid_": (activation.sigmoid, "their sigmoid"),
    "tanh_": (elementwise.tanh, "their hyperbolic tangent"),
    "addcmul_": (addcmul, "increased by value · y · z"),
    "addcdiv_": (addcdiv, "increased by value · y / z"),
    "lerp_": (elementwise.lerp, "moved towards another tensor"),
    "masked_fill_": (elementwise.masked_fill, "one number where a mask holds"),
    "index_add_": (indexing.index_add, "increased where a vector of indices says"),
    "scatter_": (indexing.scatter, "replaced where an index says"),
    "scatter_add_": (indexing.scatter_add, "increased where an index says"),
}
for _name, (_call, _words) in _IN_PLACE.items():
    _define_in_place(_name, _call, _words)
_MORE_IN_PLACE = (
    "absolute", "acos", "acosh", "addbmm", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2",
    "arctanh", "asin", "asinh", "atan", "atan2", "atanh", "copysign", "cosh", "cumprod", "deg2rad", "digamma",
    "erfc", "erfinv", "exp2", "expm1", "fix", "float_power", "frac", "hypot", "index_reduce", "lgamma", "log10",
    "log1p", "log2", "logit", "mvlgamma", "negative", "polygamma", "rad2deg", "sgn", "sinc", "xlogy",
)  # fmt: skip
for _name in _MORE_IN_PLACE:
    if _name in CALLS and f"{_name}_" not in vars(Tensor):
        _define_in_place(f"{_name}_", CALLS[_name], f"those of {_name}()")


def _drawn(self: Tensor, made: np.ndarray) -> Tensor:
    return overwrite(self, wrap(np.asarray(made).astype(self.dtype), None))


@on_tensor
def normal_(self: Tensor, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Tensor:
    """x, its elements drawn anew from a normal distribution."""
    return _drawn(self, generator_of(generator).normal(mean, std, self.shape))


@on_tensor
def uniform_(self: Tensor, low: float = 0.0, high: float = 1.0, generator: Any = None) -> Tensor:
    """x, its elements drawn anew from low up to, not including, high."""
    return _drawn(self, generator_of(generator).uniform(low, high, self.shape))


@on_tensor
def bernoulli_(self: Tensor, p: float = 0.5, generator: Any = None) -> Tensor:
    """x, its elements drawn anew: 1 with probability p, else 0."""
    return _drawn(self, generator_of(generator).random(self.shape) < p)


@on_tensor
def random_(self: Tensor, low: int, high: int | None = None, generator: Any = None) -> Tensor:
    """x, its elements drawn anew from the whole numbers from low up to, not including, high."""
    first, last = (0, low) if high is None else (low, high)
    return _drawn(self, generator_of(generator).integers(first, last, self.shape))


@on_tensor
def detach_(self: Tensor) -> Tensor:
    """x, now a leaf without history that does not require grad. Raises GraphError for a leaf that does."""
    if self.is_leaf and self.requires_grad:
        raise GraphError("detach_() is for results of ops; write x.requires_grad_(False) for a leaf")
    self.node = None
    return self


@on_tensor
def unfold_of(self: Tensor, dimension: int, size: int, step: int = 1) -> Tensor:
    """Every window of `size` places along an axis, `step` apart, the windows' places as a new last axis.

    That is PyTorch's method; its function of the same name, for patches of images, is nn.functional.unfold().
    """
    axis = shape.axis_of(self, dimension)
    length = self.array.shape[axis]
    if not 1 <= size <= length or step < 1:
        raise ShapeError(f"unfold() takes windows of 1 to {length} places, a step apart, got size={size}, step={step}")
    places = np.arange(0, length - size + 1, step)[:, None] + np.arange(size)
    return shape.moveaxis(self[(*(slice(None),) * axis, places)], axis + 1, -1)


@on_tensor
def fill_diagonal_(self: Tensor, fill_value: float, wrap: bool = False) -> Tensor:
    """x, its main diagonal all one number; of more than two axes, which are equally long, where all indices agree."""
    if self.ndim < 2 or (self.ndim > 2 and len({*self.shape}) > 1):
        raise ShapeError(f"fill_diagonal_() takes a matrix, or equally long axes, got shape {self.shape}")
    mask = np.zeros(self.shape, bool)
    np.fill_diagonal(mask, True, wrap)
    return overwrite(self, elementwise.where(mask, fill_value, self))


def _define_itself(name: str) -> None:
    def call(self: Tensor) -> Tensor:
        return self

    call.__name__ = call.__qualname__ = name
    call.__doc__ = "x itself: every tensor is dense."
    method(name, call)


for _name in ("to_sparse", "to_dense", "coalesce"):
    _define_itself(_name)
method("is_sparse", property(lambda self: False, doc="Always False."))
