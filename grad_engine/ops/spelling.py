"""Functions whose call PyTorch reads otherwise: what NumPy means is done, and a warning says so where it matters.

Each stands in front of the function of the same name, as users call it: by `ge.` and as a method. NumPy's own call
(`np.split(t, 3)`) means NumPy, and so do its keywords; only what is given by place alone may be meant for PyTorch.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.caller import is_called_torch
from grad_engine.core.define import CALLS, composed, in_front
from grad_engine.core.numpy_errors import warn_of_spelling
from grad_engine.core.tensor import Tensor
from grad_engine.errors import ArgumentError, AxisError, ShapeError
from grad_engine.ops import joining, norms, shape
from grad_engine.ops.reduction import vector_norm
from grad_engine.ops.shape import axis_of


def _whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _at_most(name: str, given: tuple[Any, ...], names: tuple[str, ...], way_out: str) -> None:
    if len(given) > len(names):
        raise ArgumentError(f"{name}() takes {', '.join(names)} after x, got {len(given)} arguments; {way_out}")


@composed(
    before=shape.transpose,
    half="same",
    torch="PyTorch's transpose(0, 1) exchanges two axes, as swapaxes(0, 1) does here; write x.T or x.mT for a matrix",
)
def transpose(x: Any, *order: Any, axes: Any = None, dim0: Any = None, dim1: Any = None) -> Tensor:
    """x with its axes in another order, reversed when none is given.

    Two numbers exchange two axes where x has more than two, for which NumPy has no meaning: x.transpose(-2, -1).
    """
    if dim0 is not None and dim1 is not None:
        return shape.swapaxes(x, dim0, dim1)
    if not order:
        return shape.transpose(x, axes)
    if len(order) == 1:
        return shape.transpose(x, order[0])
    x = as_tensor(x)
    if len(order) == 2 < x.ndim and all(map(_whole, order)):
        return shape.swapaxes(x, *order)
    if x.ndim == 2 and [axis_of(x, axis) for axis in order] == [0, 1]:
        raise ArgumentError(
            f"transpose{order} of a matrix leaves it as it is in NumPy and exchanges its axes in PyTorch; "
            f"write x.T or swapaxes{order} to exchange them"
        )
    return shape.transpose(x, order)


@composed(
    before=shape.repeat,
    half="same",
    torch="PyTorch's x.repeat(2) lays x out twice, as x.tile(2) does here; its repeat_interleave is repeat() here",
)
def repeat(x: Any, *given: Any, repeats: Any = None, axis: Any = ...) -> Tensor:
    """Each element of x `repeats` times in a row, along `axis` or of all.

    Where NumPy has no meaning, for three numbers or an axis that x has not, x is laid out so often, as in PyTorch.
    """
    if len(given) > 1 and all(map(_whole, given)) and (len(given) > 2 or given[1] >= as_tensor(x).ndim):
        return shape.tile(x, given)  # for which NumPy has no meaning
    _at_most("repeat", given, ("repeats", "axis"), "PyTorch's repeat(2, 1, 3) is tile((2, 1, 3)) here")
    by_place = bool(given) and axis is ...
    if given:
        repeats, axis = given[0], given[1] if len(given) > 1 else None if axis is ... else axis
    if repeats is None:
        raise ArgumentError("repeat() needs repeats=, how often each element is repeated")
    axis = None if axis is ... else axis
    try:
        out = shape.repeat(x, repeats, axis)
    except AxisError as error:
        raise AxisError(f"{error}; PyTorch's x.repeat{given} is tile(x, {given}) here") from None
    theirs_too = _whole(repeats) or (len(given) == 1 and isinstance(repeats, tuple | list))
    if by_place and theirs_too and as_tensor(x).size > 1 and {*np.ravel(repeats)} != {1}:
        shown, theirs = ", ".join(map(repr, given)), given if len(given) > 1 else repeats
        warn_of_spelling(
            f"repeat({shown}) repeats each element, as in NumPy, where PyTorch lays out the whole: write "
            f"repeat(repeats={repeats!r}, axis={axis!r}) for this, tile({theirs!r}) for that"
        )
    return out


def _define_spread(name: str) -> None:
    """With PyTorch's words for the axis, var and std divide by count − 1, as PyTorch's do.

    Without them they are NumPy's, with a warning in a file that has `import grad_engine as torch`.
    """
    plain = CALLS[name]

    @in_front(plain)
    def call(x: Any, *given: Any, **named: Any) -> Any:
        if len(given) < 2 and named.keys().isdisjoint(_SETTLING):
            if not named.keys().isdisjoint(_PYTORCHS):
                named["ddof"] = 1
            elif is_called_torch():
                warn_of_spelling(
                    f"{name}() divides by the count, as in NumPy, where PyTorch divides by the count − 1: write "
                    f"{name}(ddof=0) for this, {name}(ddof=1) for that"
                )
        return plain(x, *given, **named)


_PYTORCHS = frozenset({"dim", "keepdim"})
_SETTLING = frozenset({"ddof", "unbiased", "correction", "axis", "keepdims"})
for _name in ("var", "std", "var_mean", "std_mean"):
    _define_spread(_name)


def _of_lengths(x: Tensor, lengths: Any, dim: int) -> tuple[Tensor, ...]:
    """x in parts of one length, the last one shorter, or of the given lengths."""
    whole = x.shape[axis_of(x, dim)]
    if _whole(lengths):
        if lengths < 1:
            raise ArgumentError(f"split() takes parts of length 1 and more, got {lengths}")
        return joining.split(x, range(int(lengths), whole, int(lengths)), dim)
    if sum(lengths) != whole:
        raise ShapeError(f"split() takes lengths whose sum is {whole}, that of axis {dim}, got {list(lengths)}")
    return joining.split(x, np.cumsum(lengths)[:-1].tolist(), dim)


@composed(
    before=joining.split,
    half="same",
    torch="PyTorch's split(x, 2) makes parts of length 2, NumPy's makes 2 parts, and a list has lengths there, the "
    "places to cut here; write split(x, range(2, len(x), 2)) for parts of length 2, or chunk(x, n) for n parts",
)
def split(
    x: Any, *given: Any, indices_or_sections: Any = None, axis: Any = ..., dim: int | None = None,
    split_size_or_sections: Any = None, split_size: Any = None,
) -> tuple[Tensor, ...]:  # fmt: skip
    """x cut along `axis` before each index given, or into a number of equal parts, as in NumPy.

    With PyTorch's words, split_size_or_sections and dim, it has PyTorch's meaning: parts of a length, or of lengths.
    """
    size = split_size if split_size_or_sections is None else split_size_or_sections
    if dim is not None or size is not None:
        _at_most("split", given, ("split_size_or_sections", "dim"), "write split(x, 2, dim=1)")
        rest = given if size is None else (size, *given)
        return _of_lengths(as_tensor(x), rest[0], rest[1] if len(rest) > 1 else 0 if dim is None else dim)
    _at_most("split", given, ("indices_or_sections", "axis"), "write split(x, 3, axis=1)")
    by_place = bool(given) and axis is ...
    if given:
        indices_or_sections, axis = given[0], given[1] if len(given) > 1 else 0 if axis is ... else axis
    if indices_or_sections is None:
        raise ArgumentError("split() needs indices_or_sections=, a number of parts or the places to cut")
    axis = 0 if axis is ... else axis
    out = joining.split(x, indices_or_sections, axis)
    if not by_place:
        return out
    length, asked = as_tensor(x).shape[axis_of(as_tensor(x), axis)], indices_or_sections
    if _whole(asked):
        theirs = [min(int(asked), length - start) for start in range(0, length, int(asked))]
    elif isinstance(asked, list | tuple) and all(map(_whole, asked)) and sum(asked) == length and min(asked) >= 0:
        theirs = [int(each) for each in asked]
    else:
        return out
    lengths = [part.shape[axis] for part in out]
    if lengths != theirs:
        cuts = np.cumsum(theirs)[:-1].tolist()
        warn_of_spelling(
            f"split(x, {asked!r}) makes parts of lengths {lengths}, as in NumPy, where PyTorch makes {theirs}: write "
            f"split(x, indices_or_sections={asked!r}) for these, split(x, {cuts}, axis={axis}) for those"
        )
    return out


@composed(
    before=joining.meshgrid,
    method=False,
    half="same",
    torch="PyTorch's meshgrid() is indexing='ij', NumPy's is 'xy'; write which",
)
def meshgrid(*xs: Any, indexing: str | None = None) -> tuple[Tensor, ...]:
    """The coordinates of every point of the grid that several vectors span, as one tensor for each of them.

    indexing: "xy" has the first vector along the second axis, as in pictures; "ij" along the first, as in matrices.
    """
    if len(xs) == 1 and isinstance(xs[0], list | tuple) and any(isinstance(x, Tensor | np.ndarray) for x in xs[0]):
        xs = tuple(xs[0])
    if indexing is None and len(xs) > 1:
        warn_of_spelling(
            "meshgrid() without indexing= means 'xy', as in NumPy, where PyTorch means 'ij': write indexing='xy' for "
            "the first vector along the second axis, indexing='ij' for the first"
        )
    return joining.meshgrid(*xs, indexing="xy" if indexing is None else indexing)


@composed(
    before=norms.norm,
    torch="PyTorch's norm(x, p) is that of all elements as one vector, NumPy's norm(x, ord) that of a matrix; write "
    "vector_norm(x, ord=p) for the first",
)
def norm(
    x: Any, *given: Any, ord: Any = None, axis: Any = None, keepdims: bool = False, p: Any = None, dim: Any = None,
    keepdim: bool = False,
) -> Tensor:  # fmt: skip
    """The length of x, or of the vectors or matrices along `axis`; the gradient at length 0 is 0.

    ord: None (the square root of the sum of squares), for vectors any number, inf or -inf, for matrices 'fro', 'nuc',
        1, -1, 2, -2, inf or -inf. Without an axis, ord is that of a vector or a matrix by the number of axes of x.
    p, dim, keepdim: PyTorch's words, and with them its meaning: the norm of the elements along dim as one vector.
    """
    if p is not None or dim is not None or keepdim:
        _at_most("norm", given, ("p",), "write norm(x, p=1, dim=0)")
        p = given[0] if given else ord if p is None else p
        if p == "nuc":
            return norms.norm(x, p, dim, keepdim or keepdims)
        places = tuple(dim) if isinstance(dim, list) else dim
        return vector_norm(x, places, keepdim or keepdims, 2 if p is None or p == "fro" else p)
    _at_most("norm", given, ("ord", "axis", "keepdims"), "see help(grad_engine.norm)")
    if given:
        rest: tuple[Any, ...] = (ord, axis, keepdims)
        ord, axis, keepdims = given + rest[len(given) :]
    out = norms.norm(x, ord, axis, keepdims)
    if given and axis is None and isinstance(ord, int | float) and as_tensor(x).ndim == 2:
        shown = repr(ord) if math.isfinite(ord) else f"{'-' * (ord < 0)}np.inf"
        warn_of_spelling(
            f"norm(x, {shown}) of a matrix is its matrix norm, as in NumPy, where PyTorch takes that of its elements "
            f"as one vector: write norm(x, ord={shown}) for this, vector_norm(x, ord={shown}) for that"
        )
    return out


def _define_norm(plain: Any, name: str, names: tuple[str, ...]) -> None:
    """By place come PyTorch's arguments: np.linalg's function of this name takes them by keyword alone."""

    @in_front(plain)
    def call(x: Any, *given: Any, **named: Any) -> Tensor:
        _at_most(name, given, names, f"see help(grad_engine.{name})")
        return plain(x, **dict(zip(names, given, strict=False)), **named)


_plain_svd, _plain_cross = CALLS["svd"], CALLS["cross"]


@in_front(_plain_svd)
def _svd(x: Any, *given: Any, some: bool | None = None, **named: Any) -> Any:
    if some is not None:
        left, values, right = _plain_svd(x, full_matrices=not some)
        return left, values, right.mT
    if not given and not named and is_called_torch():
        warn_of_spelling(
            "svd(x) gives U, S, Vh with square U and Vh, as np.linalg.svd and torch.linalg.svd do, where torch.svd(x) "
            "gives V in the place of Vh, and as many columns as x has values: write svd(x, full_matrices=True) for "
            "this, svd(x, some=True) for that"
        )
    return _plain_svd(x, *given, **named)


@in_front(_plain_cross)
def _cross(x: Any, y: Any, *given: Any, **named: Any) -> Tensor:
    if given:
        warn_of_spelling(
            f"cross(x, y, {given[0]!r}) takes it as axisa, as np.cross does, where PyTorch takes it as dim: write "
            f"axisa={given[0]!r} for this, dim={given[0]!r} for that"
        )
    elif not named and is_called_torch():
        shape_, last = as_tensor(x).shape, as_tensor(x).ndim - 1
        first = shape_.index(3) if 3 in shape_ else last
        if first != last:
            warn_of_spelling(
                f"cross(x, y) takes the vectors along the last axis, as np.cross does, where torch.cross takes the "
                f"first axis of length 3, here {first}: write dim=-1 for this, dim={first} for that"
            )
    return _plain_cross(x, y, *given, **named)


_define_norm(vector_norm, "vector_norm", ("ord", "axis", "keepdims"))
_define_norm(norms.matrix_norm, "matrix_norm", ("ord",))
