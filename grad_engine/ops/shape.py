"""Ops that move or copy elements without changing them."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view as sliding_windows

from grad_engine.core.arguments import WIDER
from grad_engine.core.broadcasting import astype
from grad_engine.core.call import as_tensor
from grad_engine.core.define import composed, define, in_rules
from grad_engine.core.numpy_protocol import NUMPY_TO_OP
from grad_engine.core.op import case
from grad_engine.core.tensor import Tensor
from grad_engine.errors import ArgumentError, AxisError, ShapeError
from grad_engine.formula import Tree
from grad_engine.formula.symbol import Symbol, traced, tree_of
from grad_engine.ops.indexing import scattered

_BACK = "{g} in the shape of {x}"

clone = define(
    lambda x: x.copy(), name="clone", half="same", symbol="copy", category="shape", inputs=("x",), numpy=[np.copy],
    elementwise=True,
    sentence="A copy passes the gradient on unchanged.",
    summary="The same values in memory of their own; gradients flow through.",
    vjp={"x": lambda g, out, x: g},
)  # fmt: skip


if hasattr(np, "astype"):
    NUMPY_TO_OP[np.astype] = lambda x, dtype, copy=True: astype(x, dtype)


def _reshape(x: Any, shape: Any) -> Any:
    out = x.reshape(shape)
    plain = (type(shape) is int and shape >= -1) or (type(shape) is tuple and (not shape or min(shape) >= -1))
    if not plain and np.min(shape, initial=0) < -1:
        raise ShapeError(f"only one length of a new shape may be left open, by -1, got {shape}")
    return out


reshape = define(
    _reshape, name="reshape", half="same", symbol="▭", category="shape", inputs=("x",), varargs=True,
    numpy=[np.reshape], cases=[case((2, 3), shape=(3, 2)), case((2, 3), shape=(-1,)), case((), shape=(1, 1))],
    sentence="The numbers are the same, so the gradient goes back into the old shape.",
    summary="The same elements in C order in another shape; one length may be -1.",
    vjp={"x": lambda g, out, x, shape: reshaped(g, x.shape)}, formula={"x": _BACK},
)  # fmt: skip


def reshaped(x: Any, shape: tuple[int, ...]) -> Any:
    """x in another shape, for use in rules."""
    return traced("reshape", x, shape) if type(x) is Symbol else x.reshape(shape)


def _transpose_back(g: Any, out: Any, x: Any, axes: Any) -> Any:
    if axes is None or x.ndim < 2:
        return g.T
    return transposed(g, tuple(np.argsort([a % x.ndim for a in axes]).tolist()))


def _transpose_written(x: Tree, axes: Any) -> Tree:
    return ["T", x] if axes is None else ["transpose", x, tree_of(tuple(np.atleast_1d(axes).tolist()))]


transpose = define(
    lambda x, axes=None: np.transpose(x, axes), name="transpose", symbol="ᵀ", category="shape", inputs=("x",),
    half="same", varargs=True, numpy=[np.transpose], aliases=["permute"], forward_formula=_transpose_written,
    cases=[case((2, 3)), case((2, 3, 4), axes=(2, 0, 1)), case((2, 3, 4), axes=(-1, 0, 1))],
    sentence="The axes of the gradient are put back into their old order.",
    summary="x with its axes in another order, reversed when none is given.",
    vjp={"x": _transpose_back}, attribute="T",
)  # fmt: skip
transposed = in_rules(transpose)

matrix_transpose = define(
    lambda x: x.mT, name="matrix_transpose", symbol="ᵀ", category="shape", inputs=("x",), numpy=[np.matrix_transpose],
    half="same", forward_formula=lambda x: ["T", x], cases=[case((2, 3)), case((2, 3, 4))],
    sentence="The gradient is transposed back.",
    summary="x with its last two axes exchanged.",
    vjp={"x": lambda g, out, x: g.mT}, attribute="mT",
)  # fmt: skip

squeeze = define(
    lambda x, axis=None: np.squeeze(x, axis=axis)[...],  # a view also where no axis goes
    name="squeeze", half="same", symbol="▭", category="shape", inputs=("x",),
    numpy=[np.squeeze], cases=[case((1, 3, 1)), case((1, 3, 1), axis=0), case((1, 3, 1), axis=(0, -1))],
    sentence="The gradient gets the axes of length 1 back.",
    summary="x without its axes of length 1 (or without those given, which must have length 1).",
    vjp={"x": lambda g, out, x, axis: reshaped(g, x.shape)}, formula={"x": _BACK},
)  # fmt: skip
unsqueeze = define(
    lambda x, axis: np.expand_dims(x, axis), name="unsqueeze", half="same", symbol="▭", category="shape", inputs=("x",),
    numpy=[np.expand_dims], aliases=["expand_dims"], cases=[case((2, 3), axis=0), case((3,), axis=(0, -1))],
    sentence="The gradient loses the axes of length 1 that were added.",
    summary="x with a new axis of length 1 at each place given.",
    vjp={"x": lambda g, out, x, axis: reshaped(g, x.shape)}, formula={"x": _BACK},
)  # fmt: skip
broadcast_to = define(
    lambda x, shape: np.broadcast_to(x, shape), name="broadcast_to", symbol="⇉", category="shape", inputs=("x",),
    half="same", varargs=True, numpy=[np.broadcast_to], aliases=["broadcast"],
    cases=[case((1, 3), shape=(2, 3)), case((), shape=(2,))],
    sentence="Each element was copied, so it gets the sum of the gradients of its copies.",
    summary="x repeated to fill a larger shape, as in arithmetic with a tensor of that shape.",
    vjp={"x": lambda g, out, x, shape: g},  # every share is summed back to its operand's shape
)  # fmt: skip


def axis_of(x: Any, axis: Any) -> int:
    """`axis` counted from 0. Raises ShapeError where x has no such axis, ArgumentError for what is no whole number."""
    try:
        place = operator.index(axis)
    except TypeError:
        raise ArgumentError(f"an axis is a whole number, got {axis!r}") from None
    if not -x.ndim <= place < x.ndim:
        raise AxisError(
            f"axis {place} is out of range for shape {x.shape}; it must be from {-x.ndim} to {x.ndim - 1}"
            if x.ndim
            else f"axis {place} was asked of a tensor of shape (), which has none; reshape it first"
        )
    return place % x.ndim


def _axes_of(x: Any, axes: Any) -> list[int]:
    """Several axes counted from 0, none of them twice."""
    found = [axis_of(x, axis) for axis in (axes if isinstance(axes, tuple | list) else (axes,))]
    if len(set(found)) < len(found):
        raise ShapeError(f"axes {axes} of shape {x.shape} name one axis twice; name each once")
    return found


# --- the same elements in another shape or order --------------------------------------------------------------------


@composed(numpy=[np.ravel], half="same")
def ravel(x: Any, order: str = "C") -> Tensor:
    """The elements of x along one axis, in C order or, with "F", in that of columns."""
    return in_order(as_tensor(x), (-1,), order)


def in_order(x: Tensor, shape: Any, order: str) -> Tensor:
    """x in another shape, its elements read and laid out in C order or in that of columns ("F")."""
    if order not in ("C", "F", "A", "K"):
        raise ArgumentError(f'order is "C" or "F", "A" or "K", got {order!r}')
    if order != "F" and not (order == "A" and x.array.flags.fnc):
        return reshape(x, shape)
    lengths = (shape,) if isinstance(shape, int | np.integer) else tuple(shape)
    return transpose(reshape(transpose(x), lengths[::-1]))


def _reshape_in_order(x: Any, *shape: Any, order: str = "C") -> Tensor:
    return in_order(as_tensor(x), shape[0] if len(shape) == 1 else shape, order)


WIDER["reshape"] = frozenset({"order"}), _reshape_in_order


@composed(half="same")
def flatten(x: Any, start_axis: Any = 0, end_axis: int = -1, order: str = "C") -> Tensor:
    """x with its axes from `start_axis` to `end_axis` merged into one; by default all of them.

    order: "F" reads the elements in the order of columns; NumPy's `x.flatten("F")` means it too.
    """
    x = as_tensor(x)
    if isinstance(start_axis, str) or order != "C":
        return in_order(x, (-1,), start_axis if isinstance(start_axis, str) else order)
    if not x.ndim:
        return reshape(x, (1,))
    start, end = axis_of(x, start_axis), axis_of(x, end_axis)
    if start > end:
        raise ShapeError(f"flatten() was asked from axis {start} to {end} of {x.shape}; put the smaller one first")
    return reshape(x, (*x.shape[:start], math.prod(x.shape[start : end + 1]), *x.shape[end + 1 :]))


@composed(half="same")
def unflatten(x: Any, axis: int, shape: Sequence[int]) -> Tensor:
    """x with `axis` split into several of lengths `shape`, one of which may be -1."""
    x = as_tensor(x)
    place = axis_of(x, axis)
    if math.prod(shape) != x.shape[place] and -1 not in shape:
        raise ShapeError(f"axis {axis} of length {x.shape[place]} cannot be split into {tuple(shape)}; one may be -1")
    return reshape(x, (*x.shape[:place], *shape, *x.shape[place + 1 :]))


@composed(numpy=[np.swapaxes], aliases=["swapdims"], half="same")
def swapaxes(x: Any, axis1: int, axis2: int) -> Tensor:
    """x with two axes exchanged."""
    x = as_tensor(x)
    order = list(range(x.ndim))
    i, j = axis_of(x, axis1), axis_of(x, axis2)
    order[i], order[j] = j, i
    return transpose(x, tuple(order))


@composed(numpy=[np.moveaxis], aliases=["movedim"], half="same")
def moveaxis(x: Any, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """x with the axes `source` moved to the places `destination`; the others keep their order."""
    x = as_tensor(x)
    given, wanted = _axes_of(x, source), _axes_of(x, destination)
    if len(given) != len(wanted):
        raise ShapeError(f"moveaxis() was given {len(given)} axes and {len(wanted)} places for them; give as many")
    order = [axis for axis in range(x.ndim) if axis not in given]
    for place, axis in sorted(zip(wanted, given, strict=True)):
        order.insert(place, axis)
    return transpose(x, tuple(order))


@composed(half="same")
def expand(x: Any, *shape: Any) -> Tensor:
    """x repeated along its axes of length 1, and along new ones in front, to fill `shape`; -1 keeps a length."""
    x = as_tensor(x)
    lengths = tuple(shape[0]) if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
    own = (*(-1,) * (len(lengths) - x.ndim), *x.shape)
    if len(lengths) < x.ndim or any(n == old == -1 for n, old in zip(lengths, own, strict=True)):
        raise ShapeError(f"expand() cannot keep a length of shape {x.shape} that it has not, for {lengths}")
    return broadcast_to(x, tuple(old if n == -1 else n for n, old in zip(lengths, own, strict=True)))


@composed(numpy=[np.atleast_1d], half="same")
def atleast_1d(*xs: Any) -> Any:
    """x, as shape (1,) if it had none; a tuple of several."""
    return _each(lambda x: x if x.ndim else reshape(x, (1,)), xs)


@composed(numpy=[np.atleast_2d], half="same")
def atleast_2d(*xs: Any) -> Any:
    """x with axes of length 1 in front until it has two; a tuple of several."""
    return _each(lambda x: x if x.ndim > 1 else reshape(x, (1, x.size)), xs)


@composed(numpy=[np.atleast_3d], half="same")
def atleast_3d(*xs: Any) -> Any:
    """x with axes of length 1 until it has three: (n,) becomes (1, n, 1) and (m, n) becomes (m, n, 1)."""
    return _each(
        lambda x: x if x.ndim > 2 else reshape(x, (*x.shape, 1) if x.ndim == 2 else (1, x.size, 1)), xs
    )  # fmt: skip


def _each(function: Any, xs: tuple[Any, ...]) -> Any:
    made = tuple(function(as_tensor(x)) for x in xs)
    return made[0] if len(made) == 1 else made


@composed(numpy=[np.broadcast_arrays], half="same")
def broadcast_tensors(*xs: Any) -> tuple[Tensor, ...]:
    """Each of several tensors repeated to the shape they have together."""
    tensors = [as_tensor(x) for x in xs]
    try:
        shape = np.broadcast_shapes(*(x.shape for x in tensors))
    except ValueError:
        raise ShapeError(
            f"shapes {', '.join(str(x.shape) for x in tensors)} do not broadcast; make trailing axes equal or 1"
        ) from None
    return tuple(broadcast_to(x, shape) for x in tensors)


flip = define(
    lambda x, axis=None: np.flip(x, axis), name="flip", symbol="⇄", category="shape", inputs=("x",), numpy=[np.flip],
    half="same", cases=[case((2, 3)), case((2, 3), axis=1), case((2, 3, 2), axis=(0, -1))],
    sentence="The gradient is reversed back.",
    summary="x with the order of its elements reversed along `axis`, or along all.",
    vjp={"x": lambda g, out, x, axis: np.flip(g) if axis is None else np.flip(g, axis)},
)  # fmt: skip


@composed(numpy=[np.fliplr], half="same")
def fliplr(x: Any) -> Tensor:
    """x with its second axis reversed."""
    return flip(x, axis=1)


@composed(numpy=[np.flipud], half="same")
def flipud(x: Any) -> Tensor:
    """x with its first axis reversed."""
    return flip(x, axis=0)


def _roll_x(g: Any, out: Any, x: Any, shift: Any, axis: Any) -> Any:
    back = tuple(-s for s in shift) if isinstance(shift, tuple | list) else -shift
    return np.roll(g, back) if axis is None else np.roll(g, back, axis)


def _roll(x: Any, shift: Any, axis: Any = None) -> Any:
    if np.asarray(shift).dtype.kind not in "iu":
        raise ArgumentError(f"shift of roll() is a whole number, or one for each axis, got {shift!r}")
    return np.roll(x, shift, axis)


roll = define(
    _roll, name="roll", half="same", symbol="↻", category="shape", inputs=("x",),
    numpy=[np.roll],
    cases=[case((2, 3), shift=2), case((2, 3), shift=-1, axis=1), case((2, 3), shift=(1, 2), axis=(0, 1))],
    sentence="The gradient is moved back by as many places.",
    summary="x with its elements moved `shift` places along `axis`, those at the end to the front.",
    vjp={"x": _roll_x},
)  # fmt: skip
rot90 = define(
    lambda x, k=1, axes=(0, 1): np.rot90(x, operator.index(k), axes), name="rot90", half="same", symbol="↺",
    category="shape", inputs=("x",), numpy=[np.rot90],
    cases=[case((2, 3)), case((2, 3), k=2), case((2, 3, 4), k=-1, axes=(2, 0))],
    sentence="The gradient is turned back.",
    summary="x turned by `k` quarters in the plane of `axes`, from the first towards the second.",
    vjp={"x": lambda g, out, x, k, axes: np.rot90(g, -k, axes)},
)  # fmt: skip


# --- copies ---------------------------------------------------------------------------------------------------------


def _repeat_x(g: Any, out: Any, x: Any, repeats: Any, axis: Any) -> Any:
    lengths = (x.size,) if axis is None or not x.ndim else x.shape
    place = 0 if axis is None else axis % len(lengths)
    if np.size(repeats) == 1:
        times = int(np.reshape(repeats, ()))
        folded = np.add.reduce(reshaped(g, (*lengths[: place + 1], times, *lengths[place + 1 :])), axis=place + 1)
    else:
        came_from = np.repeat(np.arange(lengths[place]), repeats)
        folded = scattered(g, (*(slice(None),) * place, came_from), lengths)
    return reshaped(folded, x.shape)


def _repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
    if np.asarray(repeats).dtype.kind not in "iub":
        raise ArgumentError(f"repeats of repeat() is a whole number, or one for each element, got {repeats!r}")
    return np.repeat(x, repeats, axis)


repeat = define(
    _repeat, name="repeat", half="same", symbol="⇉", category="shape",
    inputs=("x",), numpy=[np.repeat],
    cases=[
        case((2, 3), repeats=2), case((2, 3), repeats=2, axis=0), case((2, 3), repeats=np.array([2, 0, 1]), axis=-1),
        case((3,), repeats=np.array([2])), case((), repeats=3), case((0, 2), repeats=2, axis=1), case((2,), repeats=0),
    ],
    sentence="Each element was copied, so it gets the sum of the gradients of its copies.",
    summary="Each element of x `repeats` times in a row, along `axis` or of all; torch.repeat() is tile() here.",
    vjp={"x": _repeat_x}, formula={"x": "{g} summed over the copies of each element of {x}"},
)  # fmt: skip


def _tile_x(g: Any, out: Any, x: Any, reps: Any) -> Any:
    times = tuple(reps) if np.ndim(reps) else (reps,)
    times = (1,) * (x.ndim - len(times)) + times
    lengths = (1,) * (len(times) - x.ndim) + x.shape
    split = tuple(n for pair in zip(times, lengths, strict=True) for n in pair)
    return reshaped(np.add.reduce(reshaped(g, split), axis=tuple(range(0, len(split), 2))), x.shape)


tile = define(
    lambda x, reps: np.tile(x, reps), name="tile", symbol="⇉", category="shape", inputs=("x",), numpy=[np.tile],
    half="same", cases=[
        case((2, 3), reps=2), case((2, 3), reps=(2, 1)), case((3,), reps=(2, 2)), case((2, 3), reps=(2, 1, 2)),
        case((), reps=2),
    ],
    sentence="Each element was copied, so it gets the sum of the gradients of its copies.",
    summary="x laid out `reps` times along each axis, like tiles.",
    vjp={"x": _tile_x}, formula={"x": "{g} summed over the copies of {x}"},
)  # fmt: skip
_PAD_MODES = ("constant", "edge", "reflect", "symmetric", "wrap")


def _pad(x: Any, pad_width: Any, mode: Any = "constant", constant_values: Any = 0) -> Any:
    if mode not in _PAD_MODES:
        other = {"replicate": "edge", "circular": "wrap"}.get(mode)
        hint = f"; it is called {other!r} here, as in NumPy" if other else f"; there are {', '.join(_PAD_MODES)}"
        raise ArgumentError(f"pad() has no mode {mode!r}{hint}")
    more: Any = {"constant_values": constant_values} if mode == "constant" else {}
    return np.pad(x, pad_width, mode, **more)


def _pairs(x: Any, pad_width: Any) -> list[list[int]]:
    """How many elements pad() puts before and after along each axis of x."""
    return np.broadcast_to(pad_width, (x.ndim, 2)).tolist()


def _pad_x(g: Any, out: Any, x: Any, pad_width: Any, mode: str, constant_values: Any) -> Any:
    if mode != "constant":
        return _unpadded(g, pad_width=pad_width, mode=mode, shape=x.shape)
    return g[tuple(slice(a, a + n) for (a, _), n in zip(_pairs(x, pad_width), x.shape, strict=True))]


def _unpad(x: Any, pad_width: Any, mode: Any, shape: tuple[int, ...]) -> Any:
    for axis, ((before, after), length) in enumerate(zip(_pairs(x, pad_width), shape, strict=True)):
        if not before and not after:
            continue
        lines = np.moveaxis(x, axis, 0)
        inner = lines[before : before + length].copy()
        came_from = np.pad(np.arange(length), (before, after), mode)
        for k in (*range(before), *range(before + length, before + length + after)):
            inner[came_from[k]] += lines[k]
        x = np.moveaxis(inner, 0, axis)
    return x if x.flags.owndata else x.copy()


unpad = define(
    _unpad, name="unpad", symbol="▣", category="shape", inputs=("x",), public=False,
    cases=[
        case((4, 7), pad_width=((1, 1), (2, 3)), mode="reflect", shape=(2, 2)),
        case((6,), pad_width=2, mode="wrap", shape=(2,)), case((3,), pad_width=0, mode="edge", shape=(3,)),
    ],
    summary="x of a padded shape, each element added to the one of `shape` that pad() had copied.",
    vjp={"x": lambda g, out, x, pad_width, mode, shape: _padded(g, pad_width=pad_width, mode=mode)},
    formula={"x": "{g} copied to where pad() copies each element"},
)  # fmt: skip
_unpadded = in_rules(unpad)
pad = define(
    _pad, name="pad", symbol="▣", category="shape", inputs=("x",), numpy=[np.pad],
    cases=[
        case((2, 3), pad_width=1), case((2, 3), pad_width=((1, 0), (0, 2)), constant_values=7.0),
        case((3, 4), pad_width=((2, 1), (1, 3)), mode="reflect"), case((3,), pad_width=(2, 5), mode="symmetric"),
        case((2, 3), pad_width=(1, 2), mode="edge"), case((2, 3), pad_width=2, mode="wrap"), case((2,), pad_width=0),
    ],
    sentence="Each element gets the sum of the gradients of all places it was put.",
    summary="x with elements put around it: zeros or `constant_values`, or copies of its own, by mode.",
    vjp={"x": _pad_x}, formula={"x": "{g} summed where each element of {x} went"},
)  # fmt: skip
_padded = in_rules(pad)


def _windows(x: Any, window_shape: Any, axis: Any = None) -> Any:
    return sliding_windows(x, window_shape, axis=axis)


def _windows_x(g: Any, out: Any, x: Any, window_shape: Any, axis: Any) -> Any:
    places = sliding_windows(np.arange(x.size).reshape(x.shape), window_shape, axis=axis)
    return reshaped(scattered(reshaped(g, (g.size,)), (places.reshape(-1),), (x.size,)), x.shape)


sliding_window_view = define(
    _windows, name="sliding_window_view", symbol="▤", category="shape", inputs=("x",), numpy=[sliding_windows],
    half="same", cases=[
        case((5,), window_shape=3), case((3, 4), window_shape=(2, 2)), case((3, 4), window_shape=2, axis=1),
        case((4, 2, 3), window_shape=(2, 3), axis=(0, 2)),
    ],
    sentence="Each element gets the sum of the gradients of all windows that hold it.",
    summary="Every window of `window_shape` that fits into x (along `axis`, else all axes), its elements as last axes.",
    vjp={"x": _windows_x}, formula={"x": "{g} summed over the windows that hold each element of {x}"},
)  # fmt: skip

# --- triangles and diagonals ----------------------------------------------------------------------------------------

tril = define(
    lambda x, k=0: np.tril(x, operator.index(k)), name="tril", half="same", symbol="◺", category="shape", inputs=("x",),
    numpy=[np.tril],
    cases=[case((3, 3)), case((2, 3, 2), k=-1)],
    sentence="Elements that were kept pass their gradient on; those set to 0 pass 0.",
    summary="x with 0 above the k-th diagonal of its last two axes.",
    vjp={"x": lambda g, out, x, k: np.tril(g, k)},
)  # fmt: skip
triu = define(
    lambda x, k=0: np.triu(x, operator.index(k)), name="triu", half="same", symbol="◹", category="shape", inputs=("x",),
    numpy=[np.triu],
    cases=[case((3, 3)), case((2, 3, 2), k=1)],
    sentence="Elements that were kept pass their gradient on; those set to 0 pass 0.",
    summary="x with 0 below the k-th diagonal of its last two axes.",
    vjp={"x": lambda g, out, x, k: np.triu(g, k)},
)  # fmt: skip


def _scatter_diagonal(x: Any, shape: tuple[int, ...], offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    out = np.zeros(shape, x.dtype)
    diagonal = np.diagonal(out, offset, axis1, axis2)
    diagonal.flags.writeable = True  # a view of `out`, which was made here
    diagonal[...] = x
    return out


scatter_diagonal = define(
    _scatter_diagonal, name="scatter_diagonal", symbol="╲", category="shape", inputs=("x",), public=False,
    cases=[case((2,), shape=(2, 3)), case((2, 3), shape=(3, 2, 4), offset=1, axis2=2), case((1,), shape=(2, 3))],
    summary="Zeros of `shape` with x on the diagonal; undoes diagonal().",
    vjp={
        "x": lambda g, out, x, shape, offset, axis1, axis2: _diagonal_of(g, offset=offset, axis1=axis1, axis2=axis2)
    },
)  # fmt: skip
on_diagonal = in_rules(scatter_diagonal)
diagonal = define(
    lambda x, offset=0, axis1=0, axis2=1: np.diagonal(x, offset, axis1, axis2), name="diagonal", symbol="╲",
    half="same", category="shape", inputs=("x",), numpy=[np.diagonal],
    cases=[case((2, 3)), case((3, 3), offset=-1), case((2, 3, 4), offset=1, axis1=2, axis2=0), case((2, 2), offset=5)],
    sentence="The gradient goes back onto the diagonal; all other elements get 0.",
    summary="The diagonal of the plane of `axis1` and `axis2`, `offset` places to the right, as a new last axis.",
    vjp={
        "x": lambda g, out, x, offset, axis1, axis2: on_diagonal(
            g, shape=x.shape, offset=offset, axis1=axis1, axis2=axis2
        )
    },
    formula={"x": "{g} on the diagonal, 0 elsewhere"},
)  # fmt: skip
_diagonal_of = in_rules(diagonal)


def _diag_embed(x: Any, offset: int = 0, axis1: int = -2, axis2: int = -1) -> Any:
    if not x.ndim:
        raise ShapeError("diag_embed() puts the last axis on a diagonal, and a tensor of shape () has none")
    ndim = x.ndim + 1
    if not all(-ndim <= axis < ndim for axis in (axis1, axis2)) or axis1 % ndim == axis2 % ndim:
        raise ShapeError(f"diag_embed() of shape {x.shape} needs two axes of the result, got {axis1} and {axis2}")
    side = x.shape[-1] + (offset if offset > 0 else -offset)
    rest = iter(x.shape[:-1])
    shape = tuple(side if axis in (axis1 % ndim, axis2 % ndim) else next(rest) for axis in range(ndim))
    return _scatter_diagonal(x, shape, offset, axis1, axis2)


diag_embed = define(
    _diag_embed, name="diag_embed", half="same", symbol="╲", category="shape", inputs=("x",),
    cases=[case((3,)), case((2, 3), offset=1), case((2, 3), offset=-1, axis1=0, axis2=2)],
    sentence="The gradient is read from the diagonal.",
    summary="Zeros with the last axis of x on the diagonal of a new plane of `axis1` and `axis2`.",
    vjp={"x": lambda g, out, x, offset, axis1, axis2: _diagonal_of(g, offset=offset, axis1=axis1, axis2=axis2)},
)  # fmt: skip


@composed(numpy=[np.diag], half="same")
def diag(x: Any, k: int = 0) -> Tensor:
    """The k-th diagonal of a matrix, or the matrix with the vector x on its k-th diagonal."""
    x = as_tensor(x)
    if x.ndim not in (1, 2):
        raise ShapeError(f"diag() takes a vector or a matrix, got shape {x.shape}; see diagonal() and diag_embed()")
    return diag_embed(x, k) if x.ndim == 1 else diagonal(x, k)


@composed(numpy=[np.diagflat], half="same")
def diagflat(x: Any, k: int = 0) -> Tensor:
    """A matrix with the elements of x, in C order, on its k-th diagonal."""
    return diag_embed(reshape(x, (-1,)), k)
