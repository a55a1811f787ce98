"""Functions that PyTorch has and NumPy has not, or calls otherwise: a line or two of other ops each.

Those that end in `_` write into the memory of their tensor, as those of methods.py do.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from grad_engine.core.array_kinds import Truth
from grad_engine.core.broadcasting import astype
from grad_engine.core.call import as_tensor
from grad_engine.core.defaults import generator_of
from grad_engine.core.define import CALLS, composed, method
from grad_engine.core.inplace import overwrite
from grad_engine.core.tensor import Tensor, array_of, wrap
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.ops import indexing, joining, product, reduction, shape
from grad_engine.ops.indexing import Pair
from grad_engine.ops.methods import on_tensor

# --- bounds and products ----------------------------------------------------------------------------------------------


@composed()
def clamp_min(x: Any, min: Any) -> Tensor:
    """x where it is above `min`, else min."""
    return CALLS["clamp"](x, min, None)


@composed()
def clamp_max(x: Any, max: Any) -> Tensor:
    """x where it is below `max`, else max."""
    return CALLS["clamp"](x, None, max)


@composed(floats=("x", "mat", "vec"))
def addmv(x: Any, mat: Any, vec: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * x + alpha * (mat @ vec)."""
    return beta * as_tensor(x) + alpha * product.matmul(mat, vec)


@composed(floats=("x", "vec1", "vec2"))
def addr(x: Any, vec1: Any, vec2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * x + alpha * (the outer product of two vectors)."""
    return beta * as_tensor(x) + alpha * product.outer(vec1, vec2)


@composed(floats=("x", "batch1", "batch2"))
def addbmm(x: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * x + alpha * (the sum of the products of the matrices of two batches)."""
    return beta * as_tensor(x) + alpha * reduction.sum(product.matmul(batch1, batch2), 0)


@composed()
def rsub(x: Any, y: Any, *, alpha: float = 1) -> Tensor:
    """y - alpha * x."""
    return as_tensor(y) - alpha * as_tensor(x)


@composed()
def sgn(x: Any) -> Tensor:
    """The sign of each element: -1, 0 or 1."""
    return CALLS["sign"](x)


# --- order ------------------------------------------------------------------------------------------------------------


@composed()
def msort(x: Any, descending: bool = False) -> Tensor:
    """x sorted along its first axis."""
    return indexing.sort(as_tensor(x), 0, descending)


@composed(half="same")
def mode(x: Any, dim: int = -1, keepdim: bool = False) -> Any:
    """(the commonest element along an axis, the smallest of several; where it comes last)."""
    x = as_tensor(x)
    if not x.ndim or not x.shape[shape.axis_of(x, dim)]:
        raise ShapeError(f"mode() takes an axis with elements, got shape {x.shape}")
    rows = np.moveaxis(x.array, dim, -1)
    ordered = np.sort(rows, axis=-1)
    counts = (rows[..., None, :] == ordered[..., :, None]).sum(-1)
    best = np.take_along_axis(ordered, np.argmax(counts, axis=-1)[..., None], -1)
    last = rows.shape[-1] - 1 - np.argmax((rows == best)[..., ::-1], axis=-1)
    places = wrap(np.moveaxis(last[..., None], -1, dim), None)
    values = indexing.take_along_axis(x, places, dim)
    return Pair(values, places) if keepdim else Pair(shape.squeeze(values, dim), shape.squeeze(places, dim))


@composed(half="same")
def unique_consecutive(
    x: Any, return_inverse: bool = False, return_counts: bool = False, axis: int | None = None
) -> Any:  # fmt: skip
    """x without the elements that equal the one before, of all of x or along an axis; no gradient."""
    array = np.asarray(array_of(x))
    rows = array.reshape(-1, 1) if axis is None else np.moveaxis(array, axis, 0).reshape(array.shape[axis], -1)
    fresh = np.ones(len(rows), bool)
    fresh[1:] = (rows[1:] != rows[:-1]).any(-1)
    kept = array.reshape(-1)[fresh] if axis is None else np.compress(fresh, array, axis)
    found = [wrap(kept, None)]
    if return_inverse:
        places = np.cumsum(fresh) - 1
        found.append(wrap(places.reshape(array.shape) if axis is None else places, None))
    if return_counts:
        found.append(wrap(np.diff(np.append(np.flatnonzero(fresh), len(rows))), None))
    return found[0] if len(found) == 1 else tuple(found)


@composed(half="same")
def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Any:
    """Whether each element is one of the others. No gradient."""
    found = np.isin(array_of(elements), array_of(test_elements), assume_unique, invert)
    return np.asarray(found).view(Truth)


# --- shapes and places ------------------------------------------------------------------------------------------------


@composed()
def tensor_split(x: Any, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """x cut into a number of parts, of which the first ones may be longer by one, or before each index given."""
    x, axis = as_tensor(x), shape.axis_of(as_tensor(x), dim)
    given = array_of(indices_or_sections)
    given = given.tolist() if isinstance(given, np.ndarray) else given
    if isinstance(given, int):
        size, longer = divmod(x.shape[axis], given)
        lengths = [size + 1] * longer + [size] * (given - longer)
        given = np.cumsum(lengths)[:-1].tolist()
    return joining.split(x, given, axis)


@composed()
def narrow_copy(x: Any, dim: int, start: int, length: int) -> Tensor:
    """The places start to start + length of an axis, in memory of their own."""
    return shape.clone(CALLS["narrow"](x, dim, start, length))


@composed()
def select_scatter(x: Any, src: Any, dim: int, index: int) -> Tensor:
    """x with the entry `index` of an axis replaced by src."""
    x = as_tensor(x)
    return slice_scatter(x, shape.unsqueeze(as_tensor(src), dim), dim, index % x.shape[dim], index % x.shape[dim] + 1)


@composed()
def slice_scatter(
    x: Any, src: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:  # fmt: skip
    """x with the places start to end of an axis, `step` apart, replaced by src."""
    x = as_tensor(x)
    axis = shape.axis_of(x, dim)
    places = np.arange(x.shape[axis])[slice(start, end, step)]
    return indexing.index_copy(x, axis, places, as_tensor(src))


@composed()
def pinverse(x: Any, rcond: float = 1e-15) -> Tensor:
    """The pseudo-inverse of a matrix."""
    return CALLS["pinv"](x, rcond)


# --- dtypes and numbers of one kind -----------------------------------------------------------------------------------


@composed(half="same")
def is_nonzero(x: Any) -> bool:
    """Whether the one element of x is not 0."""
    array = np.asarray(array_of(x))
    if array.size != 1:
        raise ShapeError(f"is_nonzero() takes one element, got shape {array.shape}; write any() or all()")
    return bool(array.reshape(-1)[0])


def _define_test(name: str, ufunc: Any, words: str) -> None:
    def call(x: Any) -> Any:
        return np.asarray(ufunc(array_of(x))).view(Truth)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"Whether each element is {words}. No gradient."
    globals()[name] = composed(half="same")(call)


for _name, _ufunc, _words in (
    ("isneginf", np.isneginf, "-inf"), ("isposinf", np.isposinf, "inf"), ("signbit", np.signbit, "negative, -0 too"),
    ("isreal", np.isreal, "a real number"),
):  # fmt: skip
    _define_test(_name, _ufunc, _words)


def _define_bits(name: str, ufunc: Any, words: str) -> None:
    def call(x: Any, y: Any) -> Any:
        found = np.asarray(ufunc(array_of(x), array_of(y)))
        return found.view(Truth) if found.dtype == bool else wrap(found, None)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"{words} of whole numbers, bit by bit, or of booleans. No gradient."
    globals()[name] = composed(half="same")(call)


_PAIRWISE: tuple[tuple[str, Any, str], ...] = (
    ("bitwise_and", np.bitwise_and, "and"), ("bitwise_or", np.bitwise_or, "or"),
    ("bitwise_xor", np.bitwise_xor, "exclusive or"), ("gcd", np.gcd, "The greatest common divisor"),
    ("lcm", np.lcm, "The least common multiple"),
)  # fmt: skip
for _bits in _PAIRWISE:
    _define_bits(*_bits)


# --- in place ---------------------------------------------------------------------------------------------------------

_IN_PLACE = {
    "ceil_": "ceil", "floor_": "floor", "round_": "round", "trunc_": "trunc", "sin_": "sin", "cos_": "cos",
    "tan_": "tan", "sinh_": "sinh", "erf_": "erf", "square_": "square", "rsqrt_": "rsqrt", "reciprocal_": "reciprocal",
    "sign_": "sign", "clip_": "clamp", "clamp_min_": "clamp_min", "clamp_max_": "clamp_max", "fmod_": "fmod",
    "remainder_": "remainder", "floor_divide_": "floor_divide", "true_divide_": "div", "divide_": "div",
    "multiply_": "mul", "subtract_": "sub", "cumsum_": "cumsum", "tril_": "tril", "triu_": "triu",
    "masked_scatter_": "masked_scatter", "index_copy_": "index_copy", "index_fill_": "index_fill",
    "scatter_reduce_": "scatter_reduce", "nan_to_num_": "nan_to_num",
    "baddbmm_": "baddbmm", "addmm_": "addmm", "addmv_": "addmv", "addr_": "addr", "softmax_": "softmax",
}  # fmt: skip


def _define_in_place(name: str, of: str) -> None:
    call = CALLS[of]

    def change(self: Tensor, *args: Any, **named: Any) -> Tensor:
        return overwrite(self, as_tensor(call(self, *args, **named)))

    change.__name__ = change.__qualname__ = name
    change.__doc__ = f"x, its elements now what {of}() makes of them. Refused as `x += y` is."
    method(name, change)


for _name, _of in _IN_PLACE.items():
    _define_in_place(_name, _of)


def _put(self: Tensor, indices: Any, values: Any, accumulate: bool = False) -> Tensor:
    """x with x[indices] replaced by `values`, as a new tensor; with accumulate, added to it."""
    if not isinstance(indices, tuple | list):
        raise ArgumentError(f"index_put() takes a tuple of indices, got {type(indices).__name__}; write (indices,)")
    places = tuple(np.asarray(array_of(each)) for each in indices)
    return indexing.index_put(self, values, places, accumulate)


def _put_here(self: Tensor, indices: Any, values: Any, accumulate: bool = False) -> Tensor:
    """x, its part x[indices] now `values`; with accumulate, these are added. Refused as `x += y` is."""
    return overwrite(self, _put(self, indices, values, accumulate))


method("index_put", _put)
method("index_put_", _put_here)


def _drawn(self: Tensor, made: Any) -> Tensor:
    return overwrite(self, wrap(np.asarray(made).astype(self.dtype), None))


@on_tensor
def exponential_(self: Tensor, lambd: float = 1.0, *, generator: Any = None) -> Tensor:
    """x, its elements drawn anew: waiting times where `lambd` events happen in a unit of time."""
    return _drawn(self, generator_of(generator).exponential(1 / lambd, self.shape))


@on_tensor
def geometric_(self: Tensor, p: float, *, generator: Any = None) -> Tensor:
    """x, its elements drawn anew: the number of the first success."""
    return _drawn(self, generator_of(generator).geometric(p, self.shape))


@on_tensor
def log_normal_(self: Tensor, mean: float = 1.0, std: float = 2.0, *, generator: Any = None) -> Tensor:
    """x, its elements drawn anew: exp of normal numbers."""
    return _drawn(self, generator_of(generator).lognormal(mean, std, self.shape))


@on_tensor
def cauchy_(self: Tensor, median: float = 0.0, sigma: float = 1.0, *, generator: Any = None) -> Tensor:
    """x, its elements drawn anew from a Cauchy distribution."""
    return _drawn(self, median + sigma * generator_of(generator).standard_cauchy(self.shape))


def _define_other_shape(name: str, way_out: str) -> None:
    def call(self: Tensor, *args: Any, **named: Any) -> Any:
        raise ArgumentError(f"a tensor keeps its shape; write {way_out} for {name}()")

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"Always an ArgumentError: write {way_out}."
    method(name, call)


for _name, _way_out in (
    ("unsqueeze_", "x = x.unsqueeze(dim)"), ("squeeze_", "x = x.squeeze(dim)"), ("t_", "x = x.t()"),
    ("transpose_", "x = x.swapaxes(dim0, dim1)"), ("swapaxes_", "x = x.swapaxes(dim0, dim1)"),
    ("resize_", "x = x.reshape(shape)"),
):  # fmt: skip
    _define_other_shape(_name, _way_out)


# --- what a tensor says of itself -------------------------------------------------------------------------------------


@on_tensor
def is_contiguous(self: Tensor, memory_format: Any = None) -> bool:
    """Whether the elements lie in C order in memory."""
    return self.array.flags.c_contiguous


@on_tensor
def stride(self: Tensor, dim: int | None = None) -> Any:
    """How many elements apart neighbours along each axis are in memory, or along one."""
    steps = tuple(step // self.array.itemsize for step in self.array.strides)
    return steps if dim is None else steps[dim]


@on_tensor
def element_size(self: Tensor) -> int:
    """How many bytes an element takes."""
    return self.array.itemsize


@on_tensor
def data_ptr(self: Tensor) -> int:
    """The address of the first element."""
    return self.array.ctypes.data


@on_tensor
def get_device(self: Tensor) -> int:
    """-1: the CPU."""
    return -1


@on_tensor
def is_signed(self: Tensor) -> bool:
    """Whether the dtype has numbers below 0."""
    return self.dtype.kind in "fi"


@on_tensor
def byte(self: Tensor) -> Tensor:
    """x as uint8."""
    return astype(self, np.dtype(np.uint8))


@on_tensor
def char(self: Tensor) -> Tensor:
    """x as int8."""
    return astype(self, np.dtype(np.int8))


@on_tensor
def is_complex_of(self: Tensor) -> bool:
    """False: a tensor holds real numbers."""
    return False


method("H", property(lambda self: shape.transpose(self), doc="The transpose of a matrix."))
method("mH", property(lambda self: self.mT, doc="Each matrix transposed."))
