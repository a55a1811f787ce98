"""Reading and writing parts of a tensor, with every form of index NumPy has."""

from __future__ import annotations

import contextlib
import math
from typing import Any, NamedTuple

import numpy as np

from grad_engine.core.arguments import own
from grad_engine.core.array_behavior import Pairs
from grad_engine.core.call import as_tensor, operand
from grad_engine.core.caller import calling_frame, drops_result, line_of
from grad_engine.core.define import composed, define, in_rules
from grad_engine.core.grad_mode import current_mode
from grad_engine.core.inplace import check_writable, overwrite
from grad_engine.core.left_out import leave_out_nan
from grad_engine.core.node import next_sequence_nr
from grad_engine.core.numpy_errors import REFUSED, refuse
from grad_engine.core.numpy_protocol import NUMPY_TO_OP
from grad_engine.core.op import case
from grad_engine.core.tensor import Tensor, array_of
from grad_engine.core.versions import WRITES
from grad_engine.errors import ArgumentError, AxisError, NotDifferentiableError, ShapeError
from grad_engine.formula.symbol import index_tree
from grad_engine.ops.elementwise import masked_fill, selected

_MASK = np.array([[True, False, True], [False, True, False]])
_INDICES: list[Any] = [
    0, -1, slice(1, None), (slice(None), slice(None, None, -2)), None, Ellipsis, (Ellipsis, 0), (1, 2), _MASK,
    np.array([0, 0, 1]), (np.array([0, 1, 1]), np.array([2, 0, 0])), (slice(None), np.array([1, 1])), _MASK[0, :2],
]  # fmt: skip


def _repeats(index: Any) -> bool:
    """Whether an index may name an element twice: only one with an array of integers in it can."""
    if type(index) is int:
        return False
    parts = index if type(index) is tuple else (index,)
    once = (int, slice, type(None), type(Ellipsis))
    return any(not isinstance(part, once) and np.asarray(part).dtype != bool for part in parts)


def _add_at(out: Any, index: Any, x: Any) -> Any:
    """`out` with x added at `index`, as often as the index names each element; `out` itself is changed."""
    if out.dtype.kind != "f" or out.ndim == 1 or x.size * 8 < out.size:
        np.add.at(out, index, x)
        return out
    places = np.arange(out.size).reshape(out.shape)[index]  # np.add.at is slow beyond one axis, bincount is not
    weights = x.ravel() if x.shape == places.shape else np.broadcast_to(x, places.shape).ravel()
    out += np.bincount(places.ravel(), weights, out.size).reshape(out.shape).astype(out.dtype, copy=False)
    return out


def _scatter(x: Any, index: Any, shape: tuple[int, ...]) -> Any:
    out = np.zeros(shape, x.dtype)
    if _repeats(index):
        return _add_at(out, index, x)
    out[index] = x
    return out


index = define(
    lambda x, index: x[index], name="index", symbol="[ ]", category="indexing", inputs=("x",), method=False,
    forward_formula=lambda x, index: ["index", x, index_tree(index)], cases=[case((2, 3), index=i) for i in _INDICES],
    half="same",
    sentence="The gradient goes back to the elements that were read; one read twice gets both.",
    summary="x[index], as in NumPy. An element that is read twice gets both gradients.",
    vjp={"x": lambda g, out, x, index: scattered(g, index, x.shape)},
    formula={"x": "{g} added where it was read, 0 elsewhere"},
)  # fmt: skip
indexed = in_rules(index)

scatter_index = define(
    _scatter, name="scatter_index", symbol="[ ]", category="indexing", inputs=("x",), public=False,
    cases=[case((3,), index=np.array([0, 0, 1]), shape=(4,)), case((2,), index=slice(1, 3), shape=(4,))],
    summary="Zeros of `shape` to which x was added at `index`; undoes index().",
    vjp={"x": lambda g, out, x, index, shape: g[index]},
)  # fmt: skip
scattered = in_rules(scatter_index)


def _check_fits(x: Any, values: Any) -> None:
    """Raise if writing `values` into x would cut them to whole numbers and lose their gradient."""
    kind = np.asarray(values).dtype.kind
    if kind not in "fiub":
        raise ArgumentError(f"only numbers can be put into a tensor, got {values!r}")
    if kind == "f" and x.dtype.kind != "f":
        raise ArgumentError(f"floating-point numbers do not go into {x.dtype}; use astype(float) on what they go into")


def _put(x: Any, values: Any, index: Any, accumulate: bool = False) -> Any:
    _check_fits(x, values)
    out = np.array(x)
    if accumulate:
        _add_at(out, index, np.asarray(values))
    else:
        out[index] = values
    return out


def _put_values(g: Any, out: Any, x: Any, values: Any, index: Any, accumulate: bool) -> Any:
    """g where `values` was written; of several writes to one element only the last was kept, unless they add up."""
    share = indexed(g, index)
    if _repeats(index) and not accumulate:
        writer = np.empty(x.shape, dtype=np.int64)
        order = np.arange(share.size).reshape(share.shape)
        writer[index] = order
        share = selected(share, writer[index] == order)
    return share[(None,) * (values.ndim - share.ndim)] if values.ndim > share.ndim else share


index_put = define(
    _put, name="index_put", symbol="[ ]=", category="indexing", inputs=("x", "values"), method=False,
    cases=[
        case((2, 3), (3,), index=1), case((2, 3), (), index=_MASK), case((4,), (2,), index=np.array([3, 0])),
        case((2, 3), (3,), index=(0, np.array([1, 2, 1]))), case((2, 3), (1, 1, 3), index=0),
        case((4,), (3,), index=np.array([3, 0, 3]), accumulate=True),
    ],
    forward_formula=lambda x, values, index, accumulate: [
        "index_put", x, values, ["kw", "index", index_tree(index)], *[["kw", "accumulate", True]] * accumulate
    ],
    sentence="The values get the gradient of what they wrote; x gets it where it still counts.",
    summary="x with the part that x[index] means replaced by `values`, as a new tensor; with accumulate, added to it.",
    vjp={
        "x": lambda g, out, x, values, index, accumulate: g if accumulate else put(g, 0.0, index),
        "values": _put_values,
    },
    formula={
        "x": lambda g, out, x, values, index, accumulate: g if accumulate else "{g}, but 0 where {x} was replaced",
        "values": lambda g, out, x, values, index, accumulate: (
            "{g} where {values} was added" if accumulate else "{g} where {values} stayed written, 0 where written over"
        ),
    },
)  # fmt: skip
put = in_rules(index_put)


def _plain(index: Any) -> Any:
    """The index with its arrays copied, so that later changes of what was given do not change it."""
    return tuple(map(_part, index)) if type(index) is tuple else _part(index)


def _part(index: Any) -> Any:
    if isinstance(index, list | tuple | range):
        with contextlib.suppress(ValueError):  # of rows that differ in length; NumPy finds the words
            return np.array(index, dtype=None if len(index) else int)
    return own(index)


def part(whole: Tensor, key: Any) -> Tensor:
    """What `whole[key]` is: the tensor that index() gives, which remembers what it looks into."""
    if type(key) is not int:
        key = _plain(key)
        if type(key) is np.ndarray and key.dtype.char == "?":
            leave_out_nan((whole,))  # r[~np.isnan(r)]
    elif Pairs.made and key in (0, 1) and (axis := getattr(whole, "pair", None)) is not None:
        axis.warn(f"[{key}]")
    made = index(whole, key)
    if made.array.base is not None:
        made.window = whole, key
    return made


def write_part(self: Tensor, key: Any, values: Any) -> None:
    """What `self[key] = values` does: in place, with the history of both."""
    key = _plain(key)
    array = values.array if type(values) is Tensor else operand(values)
    if current_mode().record and (self.node is not None or getattr(values, "node", None) is not None):
        if _is_part(values, self, key):
            return
        if self.array.dtype.kind != "f":
            raise NotDifferentiableError(
                f"a result that requires grad was to be written into a {self.dtype} tensor, which carries no gradient; "
                "make that one of floating point"
            )
        overwrite(self, index_put(self, values, key, False))
        return
    check_writable(self)
    try:
        self.array[key] = array
    except REFUSED as error:
        refuse(index_put.op, error, (self.array, array), (key,))  # type: ignore[attr-defined]
    WRITES.stamp(self.array, next_sequence_nr())


def _is_part(values: Any, whole: Tensor, key: Any) -> bool:
    """Whether `values` is already whole[key]: `whole[key] += y` writes back what it has changed in place."""
    window = getattr(values, "window", None)
    if window is None or window[0] is not whole or values.node is None or whole.node not in values.node.edges:
        return False
    one, other = values.array, whole.array[key]
    return one.shape == other.shape and one.strides == other.strides and one.ctypes.data == other.ctypes.data


# --- by name ----------------------------------------------------------------------------------------------------------


def _take_x(g: Any, out: Any, x: Any, indices: Any, axis: Any) -> Any:
    if axis is None:
        share = scattered(g, (np.asarray(indices),), (x.size,))
        return share if x.ndim == 1 else share.reshape(x.shape)
    return scattered(g, (*(slice(None),) * (axis % x.ndim), np.asarray(indices)), x.shape)


take = define(
    lambda x, indices, axis=None: np.take(x, indices, axis), name="take", symbol="[ ]", category="indexing",
    half="same", inputs=("x", "indices"), numpy=[np.take],
    cases=[
        case((2, 3), np.array([0, 5, 5])), case((2, 3), np.array([[1, 0], [1, 1]]), axis=0),
        case((2, 3), np.array(-1), axis=1), case((4,), np.array([3, 0, 3])), case((2, 3), np.array([], int), axis=1),
    ],
    sentence="The gradient goes back to the elements that were taken; one taken twice gets both.",
    summary="The elements of x at `indices` along `axis`, or of x in C order without an axis.",
    vjp={"x": _take_x}, formula={"x": "{g} added where it was taken from, 0 elsewhere"}, reads=("indices",),
)  # fmt: skip


def along_axis(shape: tuple[int, ...], indices: Any, axis: int) -> tuple[Any, ...]:
    """An index that pairs `indices` along `axis` with the same place on every other axis."""
    if indices.dtype.kind not in "iu" or indices.ndim != len(shape):
        raise ShapeError(
            f"indices of {indices.dtype} and shape {indices.shape} do not go along an axis of shape {shape}; "
            "they must be whole numbers with as many axes"
        )
    if not -len(shape) <= axis < len(shape):
        raise AxisError(f"axis {axis} is out of range for shape {shape}; it must be from {-len(shape)} on")
    place = axis % len(shape)
    ranges = (np.arange(n).reshape(-1, *(1,) * (len(shape) - 1 - k)) for k, n in enumerate(shape))
    return tuple(indices if k == place else each for k, each in enumerate(ranges))


def _add_along_axis(x: Any, indices: Any, values: Any, axis: int = -1) -> Any:
    _check_fits(x, values)
    indices = np.asarray(indices)
    return _add_at(np.array(x), along_axis(x.shape, indices, axis), values)


add_along_axis = define(
    _add_along_axis, name="add_along_axis", symbol="[ ]+", category="indexing", inputs=("x", "indices", "values"),
    cases=[
        case((2, 3), np.array([[0, 2, 2], [1, 1, 1]]), (2, 3)), case((3,), np.array([1, 1]), ()),
        case((4, 2), np.array([[3, 0], [3, 1]]), (2, 2), axis=0),
    ],
    sentence="x gets the gradient unchanged, and each value that of the place it was added to.",
    summary="x with `values` added at `indices` along `axis`, as often as an element is named.",
    vjp={
        "x": lambda g, out, x, indices, values, axis: g,
        "values": lambda g, out, x, indices, values, axis: _taken_along(g, indices, axis=axis),
    },
)  # fmt: skip
_added_along = in_rules(add_along_axis)


def _take_along_axis(x: Any, indices: Any, axis: int | None = -1) -> Any:
    indices = np.asarray(indices)
    if axis is None:
        return x.reshape(-1)[along_axis((x.size,), indices, 0)]
    return x[along_axis(x.shape, indices, axis)]


def _take_along_axis_x(g: Any, out: Any, x: Any, indices: Any, axis: Any) -> Any:
    if axis is None:
        return _added_along(np.zeros(x.size, x.dtype), indices, g).reshape(x.shape)
    return _added_along(np.zeros(x.shape, x.dtype), indices, g, axis=axis)


take_along_axis = define(
    _take_along_axis, name="take_along_axis", half="same", symbol="[ ]", category="indexing", inputs=("x", "indices"),
    numpy=[np.take_along_axis],
    cases=[
        case((2, 3), np.array([[0, 2, 2], [1, 1, 1]])), case((4, 2), np.array([[3, 0]]), axis=0),
        case((2, 3), np.array([5, 0, 5]), axis=None), case((1, 3), np.array([[1], [0]]), axis=1),
    ],
    sentence="The gradient goes back to the elements that were taken; one taken twice gets both.",
    summary="The elements of x at `indices` along `axis`, one for each place on the other axes, as argsort returns.",
    vjp={"x": _take_along_axis_x}, formula={"x": "{g} added where it was taken from, 0 elsewhere"}, reads=("indices",),
)  # fmt: skip
_taken_along = in_rules(take_along_axis)


def _cropped(x: Tensor, index: np.ndarray, axis: int, what: str) -> Tensor:
    """x cut to the lengths of `index` on every axis but one, which is how PyTorch pairs the two."""
    room = (*x.shape[:axis], math.inf, *x.shape[axis + 1 :])
    if index.ndim != x.ndim or any(n > m for n, m in zip(index.shape, room, strict=True)):
        raise ShapeError(f"{what} of shape {x.shape} has no place for each of index {index.shape}; give it fewer")
    lengths = (*index.shape[:axis], x.shape[axis], *index.shape[axis + 1 :])
    return x if x.shape == lengths else x[tuple(map(slice, lengths))]


def _whole_numbers(index: Any, what: str) -> np.ndarray:
    array = as_tensor(index).array
    if array.dtype.kind not in "iu":
        raise ArgumentError(f"{what} takes an axis and then an index of whole numbers, got an index of {array.dtype}")
    return array


def _place(x: Tensor, axis: Any, what: str) -> int:
    if not isinstance(axis, int | np.integer):
        raise ArgumentError(f"{what} takes an axis, a whole number, before an index, got {type(axis).__name__}")
    if not -x.ndim <= axis < x.ndim:
        raise ShapeError(f"{what} was asked along axis {axis} of shape {x.shape}, which has {x.ndim} axes")
    return int(axis) % x.ndim


@composed(half="same")
def gather(x: Any, axis: int, index: Any) -> Tensor:
    """The elements of x at `index` along `axis`, as PyTorch's gather: the index may be shorter on the other axes."""
    x, index = as_tensor(x), _whole_numbers(index, "gather()")
    place = _place(x, axis, "gather()")
    return take_along_axis(_cropped(x, index, place, "gather()"), index, place)


@composed()
def scatter_add(x: Any, axis: int, index: Any, src: Any) -> Tensor:
    """x with `src` added at `index` along `axis`, as PyTorch's scatter_add, as a new tensor."""
    x, index, src = as_tensor(x), _whole_numbers(index, "scatter_add()"), as_tensor(src)
    place = _place(x, axis, "scatter_add()")
    if src.ndim != index.ndim or any(n > m for n, m in zip(index.shape, src.shape, strict=True)):
        raise ShapeError(f"scatter_add() has index {index.shape} for src {src.shape}; give a value for each index")
    values = src if src.shape == index.shape else src[tuple(slice(n) for n in index.shape)]
    if _cropped(x, index, place, "scatter_add()") is x:
        return add_along_axis(x, index, values, place)
    ranges = np.ix_(*(np.arange(n) for n in index.shape))
    return x + scatter_index(values, tuple(index if k == place else r for k, r in enumerate(ranges)), x.shape)


def _paired(x: Tensor, axis: Any, index: Any, src: Any, what: str) -> tuple[tuple[Any, ...], Any]:
    """An index of x that pairs `index` along `axis` with the same place on every other axis, and src cut to it."""
    index = _whole_numbers(index, what)
    place = _place(x, axis, what)
    _cropped(x, index, place, what)
    if np.ndim(array_of(src)):
        src = as_tensor(src)
        if src.ndim != index.ndim or any(n > m for n, m in zip(index.shape, src.shape, strict=True)):
            raise ShapeError(f"{what} has index {index.shape} for src {src.shape}; give a value for each index")
        src = src if src.shape == index.shape else src[tuple(slice(n) for n in index.shape)]
    return along_axis(index.shape, index, place), src


@composed(half="same")
def scatter(x: Any, axis: int, index: Any, src: Any) -> Tensor:
    """x with `src` (or one number) written at `index` along `axis`, as PyTorch's scatter, as a new tensor."""
    x = as_tensor(x)
    where, src = _paired(x, axis, index, src, "scatter()")
    return index_put(x, src, where)


@composed()
def scatter_reduce(x: Any, axis: int, index: Any, src: Any, reduce: str, include_self: bool = True) -> Tensor:
    """x with all of `src` that goes to one place folded together there, as PyTorch's scatter_reduce, as a new tensor.

    reduce: "sum", "prod", "mean", "amax" or "amin". include_self: whether what x has at such a place counts too.
    """
    x = as_tensor(x)
    where, src = _paired(x, axis, index, as_tensor(src), "scatter_reduce()")
    return _folded_at(x, where, src, reduce, include_self, "scatter_reduce()")


def _folded_at(x: Tensor, index: Any, src: Tensor, reduce: str, include_self: bool, what: str) -> Tensor:
    kind = x.dtype if x.dtype.kind == "f" else np.dtype(float)  # in which elements are counted, and means are
    count = _put(np.zeros(x.shape, kind), 1, index, True)
    if reduce == "mean" and x.dtype != kind:
        x, src = x.astype(kind), src.astype(kind)
    if reduce in ("sum", "mean"):
        start = x if include_self else index_put(x, 0.0, index)
        out = index_put(start, src, index, accumulate=True)
        return out if reduce == "sum" else out / (count + 1 if include_self else np.maximum(count, 1))
    own = np.full(x.shape, True) if include_self else count == 0
    if reduce == "prod":  # the factors of each place below each other, because one of them may be 0
        place = np.arange(x.size).reshape(x.shape)[index].reshape(-1)
        order = np.argsort(place, kind="stable")
        rank = np.empty_like(place)
        rank[order] = np.arange(place.size) - np.searchsorted(place[order], place[order])
        table = np.ones((int(rank.max(initial=-1)) + 1, x.size), x.dtype)
        factors = index_put(table, src.reshape(-1), (rank, place)).reshape(-1, *x.shape)
        return (x if include_self else masked_fill(x, ~own, 1.0)) * factors.prod(axis=0)
    if reduce not in ("amax", "amin"):
        raise ArgumentError(f"reduce of {what} is 'sum', 'prod', 'mean', 'amax' or 'amin', got {reduce!r}")
    ufunc, least = (np.maximum, -math.inf) if reduce == "amax" else (np.minimum, math.inf)
    best = np.where(own, x.array, least)
    ufunc.at(best, index, src.array)
    lost = np.isnan(best)
    mine, theirs = own & ((x.array == best) | lost), (src.array == best[index]) | lost[index]  # equals share
    ties = _put(mine.astype(kind), theirs.astype(kind), index, True)
    chosen = index_put(masked_fill(x, ~mine, 0.0), masked_fill(src, ~theirs, 0.0), index, accumulate=True)
    return chosen / np.where(lost, kind.type(math.nan), np.maximum(ties, 1))  # NaN passes NaN to all, as in amax


def _at(x: Tensor, axis: Any, index: Any, what: str, source: Tensor | None = None) -> tuple[Any, ...]:
    """The index of the slices of x along `axis` that a vector names, for each of which `source` has a slice."""
    index = _whole_numbers(index, what)
    if index.ndim > 1:
        raise ShapeError(f"{what} takes a vector of indices, got shape {index.shape}; reshape it")
    place = _place(x, axis, what)
    wanted = (*x.shape[:place], index.size, *x.shape[place + 1 :])
    if source is not None and source.shape != wanted:
        raise ShapeError(f"{what} takes a slice for each of {index.size} indices, {wanted} in all, got {source.shape}")
    return (*(slice(None),) * place, index.reshape(-1))


@composed()
def index_add(x: Any, axis: int, index: Any, source: Any, alpha: float = 1) -> Tensor:
    """x with the slices of `source` along `axis`, times alpha, added at those of x that a vector of indices names."""
    x, source = as_tensor(x), as_tensor(source)
    at = _at(x, axis, index, "index_add()", source)
    return index_put(x, source if alpha == 1 else source * alpha, at, accumulate=True)


@composed(half="same")
def index_copy(x: Any, axis: int, index: Any, source: Any) -> Tensor:
    """x with the slices of `source` along `axis` in the place of those of x that a vector of indices names."""
    x, source = as_tensor(x), as_tensor(source)
    return index_put(x, source, _at(x, axis, index, "index_copy()", source))


@composed(half="same")
def index_fill(x: Any, axis: int, index: Any, value: Any) -> Tensor:
    """x with one number in all its slices along `axis` that a vector of indices names."""
    x = as_tensor(x)
    return index_put(x, value, _at(x, axis, index, "index_fill()"))


@composed()
def index_reduce(x: Any, axis: int, index: Any, source: Any, reduce: str, include_self: bool = True) -> Tensor:
    """x with all slices of `source` along `axis` that go to one index folded together there: "prod", "mean", ..."""
    x, source = as_tensor(x), as_tensor(source)
    place, index = _place(x, axis, "index_reduce()"), _at(x, axis, index, "index_reduce()", source)[-1]
    ranges = [np.arange(n) for n in source.shape]
    ranges[place] = index
    return _folded_at(x, np.ix_(*ranges), source, reduce, include_self, "index_reduce()")


@composed(half="same")
def masked_scatter(x: Any, mask: Any, source: Any) -> Tensor:
    """x with the elements of `source`, in C order, wherever mask holds; the two broadcast."""
    x, mask, source = as_tensor(x), as_tensor(mask).array, as_tensor(source)
    shape = np.broadcast_shapes(x.shape, mask.shape)
    mask = np.broadcast_to(mask, shape)
    count = int(np.count_nonzero(mask))
    if mask.dtype != bool or source.size < count:
        raise ArgumentError(
            f"masked_scatter() takes a mask of booleans and a number for each that holds, got {mask.dtype}, "
            f"{count} of which hold, and {source.size} numbers"
        )
    return index_put(x if x.shape == shape else x.broadcast_to(shape), source.reshape(-1)[:count], mask)


@composed(half="same")
def index_select(x: Any, axis: int, index: Any) -> Tensor:
    """The slices of x along `axis` that a vector of whole numbers names, as PyTorch's index_select."""
    x, index = as_tensor(x), _whole_numbers(index, "index_select()")
    if index.ndim > 1:
        raise ShapeError(f"index_select() takes a vector of indices, got shape {index.shape}; see take()")
    return take(x, index.reshape(-1), _place(x, axis, "index_select()"))


@composed(half="same")
def masked_select(x: Any, mask: Any) -> Tensor:
    """The elements of x where mask holds, in C order along one axis; the two broadcast."""
    x, mask = as_tensor(x), as_tensor(mask).array
    if mask.dtype != bool:
        raise ArgumentError(f"masked_select() takes a mask of booleans, got {mask.dtype}; write mask != 0")
    shape = np.broadcast_shapes(x.shape, mask.shape)
    return index(x if x.shape == shape else x.broadcast_to(shape), np.broadcast_to(mask, shape))


class Pair(NamedTuple):
    """Elements of a tensor, and where they were."""

    values: Tensor
    indices: Tensor


# --- by size ----------------------------------------------------------------------------------------------------------


def _argsort(x: Any, axis: int | None = -1, descending: bool = False, stable: bool = True) -> Any:
    if not descending:
        return np.argsort(x, axis=axis, kind="stable")
    if axis is None:
        x, axis = x.reshape(-1), 0
    last = x.shape[axis] - 1 if x.ndim else 0
    return last - np.flip(np.argsort(np.flip(x, axis), axis=axis, kind="stable"), axis)  # equals keep their order


argsort = define(
    _argsort, name="argsort", symbol="sort", category="indexing", inputs=("x",), numpy=[np.argsort],
    cases=[case((2, 3)), case((2, 3), axis=0), case((2, 3), axis=None)],
    summary="The indices along `axis` that would sort x; equals keep their order, NaN counts as largest. No gradient.",
)  # fmt: skip


@composed(
    numpy=[np.sort],
    half="same",
    torch="PyTorch's sort() gives (values, indices), as sort(x, dim=-1) and sort(x, descending=True) do here",
)
def sort(x: Any, axis: int | None = -1, descending: bool = False) -> Tensor:
    """The elements of x in order of size along `axis`, or all of them without one; NaN counts as largest.

    With PyTorch's words and no axis=, as in x.sort(descending=True), it gives (values, indices), as PyTorch does.
    NumPy's method of arrays sorts in place instead. Raises ArgumentError where a function that is differentiated calls
    `x.sort()` and drops what it gives, which would sort nothing.
    """
    x = as_tensor(x)
    if current_mode().differentiating is not None and drops_result(frame := calling_frame()):
        file, number, text = line_of(frame)  # type: ignore[arg-type]
        raise ArgumentError(
            f"sort() of a tensor gives another tensor, got a call that drops it, at {file}:{number} ({text}); write "
            "x = np.sort(x) instead of x.sort()"
        )
    if axis is not None:
        axis = _place(x, axis, "sort()")
    return take_along_axis(x, _argsort(x.array, axis, descending), axis)


@composed(half="same")
def topk(x: Any, k: int, axis: int = -1, largest: bool = True, sorted: bool = True) -> tuple[Tensor, Tensor]:
    """The `k` largest (or smallest) elements of x along `axis` in order of size, and their indices."""
    x = as_tensor(x)
    place = _place(x, axis, "topk()")
    if not isinstance(k, int | np.integer) or not 0 <= k <= x.shape[place]:
        raise ShapeError(f"topk() takes k from 0 to {x.shape[place]}, the length of axis {axis}, got {k!r}")
    if k == 1 and largest:
        found = np.argmax(x.array, axis=place, keepdims=True)
    else:
        found = _argsort(x.array, place, descending=largest)[(*(slice(None),) * place, slice(int(k)))]
    return Pair(take_along_axis(x, found, place), as_tensor(found))


@composed(half="same")
def kthvalue(x: Any, k: int, axis: int = -1, keepdims: bool = False) -> tuple[Tensor, Tensor]:
    """The `k`-th smallest element of x along `axis`, counted from 1, and its index."""
    x = as_tensor(x)
    if not isinstance(k, int | np.integer) or not 1 <= k <= (x.shape[_place(x, axis, "kthvalue()")] if x.ndim else 1):
        raise ShapeError(f"kthvalue() takes k from 1 to the length of axis {axis} of shape {x.shape}, got {k!r}")
    place = _place(x, axis, "kthvalue()")
    found = np.expand_dims(np.take(_argsort(x.array, place), k - 1, place), place)
    out, at = take_along_axis(x, found, place), as_tensor(found)
    return Pair(out, at) if keepdims else Pair(out.squeeze(place), at.squeeze(place))


def _running(x: Any, axis: int, what: str, ufunc: np.ufunc) -> tuple[Tensor, Tensor]:
    x = as_tensor(x)
    place = _place(x, axis, what)
    best = ufunc.accumulate(x.array, axis=place)
    hits = (x.array == best) | (x.array != x.array)
    places = np.arange(x.shape[place]).reshape(-1, *(1,) * (x.ndim - 1 - place))
    found = np.maximum.accumulate(np.where(hits, places, 0), axis=place)
    return Pair(take_along_axis(x, found, place), as_tensor(found))


@composed(half="same")
def cummax(x: Any, axis: int) -> tuple[Tensor, Tensor]:
    """The largest element so far along `axis`, and its index: of equals the last. NaN wins."""
    return _running(x, axis, "cummax()", np.maximum)


@composed(half="same")
def cummin(x: Any, axis: int) -> tuple[Tensor, Tensor]:
    """The smallest element so far along `axis`, and its index: of equals the last. NaN wins."""
    return _running(x, axis, "cummin()", np.minimum)


NUMPY_TO_OP[np.maximum, "accumulate"] = lambda x, axis=0: cummax(x, axis)[0]
NUMPY_TO_OP[np.minimum, "accumulate"] = lambda x, axis=0: cummin(x, axis)[0]
