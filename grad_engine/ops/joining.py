"""Ops that put several tensors together, and functions that take one apart or compare its neighbours."""

from __future__ import annotations

import contextlib
import itertools
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.define import composed, define, in_rules
from grad_engine.core.op import case
from grad_engine.core.tensor import Tensor
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.ops.shape import (
    atleast_1d,
    atleast_2d,
    atleast_3d,
    axis_of,
    broadcast_tensors,
    broadcast_to,
    pad,
    reshape,
)

_PART = "the part of {g} that came from {xs}"


def _at(axis: int, ndim: int, part: Any) -> tuple[Any, ...]:
    return (*(slice(None),) * (axis % ndim), part)


def _unstack(g: Any, out: Any, xs: Any, axis: int, wanted: Any) -> list[Any]:
    return [g[_at(axis, out.ndim, i)] if want else None for i, want in enumerate(wanted)]


def _cut(g: Any, out: Any, xs: Any, axis: int | None, wanted: Any) -> list[Any]:
    shares, start = [], 0
    for x, want in zip(xs, wanted, strict=True):
        if axis is None:
            shares.append(g[start : start + x.size].reshape(x.shape) if want else None)
            start += x.size
            continue
        end = start + x.shape[axis]
        shares.append(g[_at(axis, out.ndim, slice(start, end))] if want else None)
        start = end
    return shares


stack = define(
    lambda xs, axis=0: np.stack(xs, axis=axis), name="stack", symbol="stack", category="joining", inputs=("*xs",),
    numpy=[np.stack], method=False, cases=[case([(2, 3), (2, 3)]), case([(2,), (2,), (2,)], axis=-1), case([(), ()])],
    half="same",
    sentence="Each tensor gets the part of the gradient at the place where it was put.",
    summary="Tensors of one shape, joined along a new axis.",
    vjp=_unstack, formula={"xs": _PART},
)  # fmt: skip
concat = define(
    lambda xs, axis=0: np.concatenate(xs, axis=axis), name="concat", half="same", symbol="concat", category="joining",
    inputs=("*xs",), numpy=[np.concatenate], aliases=["concatenate", "cat"], method=False,
    cases=[case([(2, 3), (1, 3)]), case([(2, 1), (2, 3), (2, 0)], axis=-1), case([(2, 1), (3,), ()], axis=None)],
    sentence="Each tensor gets the part of the gradient at the place where it was put.",
    summary="Tensors joined end to end along an existing axis; flattened first if axis is None.",
    vjp=_cut, formula={"xs": _PART},
)  # fmt: skip
joined, stacked = in_rules(concat), in_rules(stack)  # for use in rules


@composed(numpy=[np.hstack], method=False, half="same")
def hstack(xs: Sequence[Any]) -> Tensor:
    """Tensors side by side: joined along their second axis, vectors along their only one."""
    parts = [atleast_1d(x) for x in xs]
    return concat(parts, axis=0 if parts and parts[0].ndim == 1 else 1)


@composed(numpy=[np.vstack], aliases=["row_stack"], method=False, half="same")
def vstack(xs: Sequence[Any]) -> Tensor:
    """Tensors on top of each other: joined along their first axis, each vector being one row."""
    return concat([atleast_2d(x) for x in xs], axis=0)


@composed(numpy=[np.dstack], method=False, half="same")
def dstack(xs: Sequence[Any]) -> Tensor:
    """Tensors behind each other: joined along their third axis, (m, n) and (n,) counting as (m, n, 1) and (1, n, 1)."""
    return concat([atleast_3d(x) for x in xs], axis=2)


@composed(numpy=[np.column_stack], method=False, half="same")
def column_stack(xs: Sequence[Any]) -> Tensor:
    """Tensors side by side, each vector being one column."""
    parts = [as_tensor(x) for x in xs]
    return concat([x if x.ndim > 1 else reshape(x, (x.size, 1)) for x in parts], axis=1)


@composed(numpy=[np.block], method=False, half="same")
def block(arrays: Any) -> Tensor:
    """Tensors in nested lists as the blocks of one: innermost lists are joined along the last axis, and so on up."""
    depths: set[int] = set()
    flat: list[Tensor] = []

    def entered(part: Any, depth: int) -> Any:
        if isinstance(part, tuple):
            raise ArgumentError("block() takes lists of blocks, not tuples, which look like shapes; write [x, y]")
        if isinstance(part, list):
            if not part:
                raise ArgumentError("block() got an empty list; leave it out")
            return [entered(each, depth + 1) for each in part]
        depths.add(depth)
        flat.append(as_tensor(part))
        return flat[-1]

    nested = entered(arrays, 0)
    if len(depths) != 1:
        raise ArgumentError(f"block() takes all blocks at one depth of lists, got depths {sorted(depths)}")
    (depth,) = depths
    ndim = max(depth, *(x.ndim for x in flat))

    def joined(part: Any, axis: int) -> Tensor:
        if isinstance(part, list):
            return concat([joined(each, axis + 1) for each in part], axis=axis)
        return part if part.ndim == ndim else reshape(part, (*(1,) * (ndim - part.ndim), *part.shape))

    return joined(nested, -depth)


# --- apart ------------------------------------------------------------------------------------------------------------


def _pieces(x: Tensor, axis: int, bounds: Sequence[int]) -> tuple[Tensor, ...]:
    """The parts of x along `axis` between each bound and the next."""
    ends = itertools.pairwise(bounds)
    return tuple(x[_at(axis, x.ndim, slice(start, end))] for start, end in ends)


@composed(numpy=[np.array_split], half="same")
def array_split(x: Any, indices_or_sections: int | Sequence[int], axis: int = 0) -> tuple[Tensor, ...]:
    """x cut along `axis` before each index given, or into a number of parts whose lengths differ by 1 at most."""
    x = as_tensor(x)
    place = axis_of(x, axis)
    length = x.shape[place]
    if np.ndim(indices_or_sections):
        try:
            given: Any = indices_or_sections
            cuts = [slice(operator.index(cut)).indices(length)[1] for cut in given]
        except TypeError:
            raise ArgumentError(f"x is cut before whole indices, got {indices_or_sections!r}") from None
        return _pieces(x, place, [0, *cuts, length])
    with contextlib.suppress(TypeError):
        indices_or_sections = operator.index(indices_or_sections)  # type: ignore[arg-type]
    if not isinstance(indices_or_sections, int) or indices_or_sections < 1:
        raise ArgumentError(f"a number of sections, or a list of indices, was expected, got {indices_or_sections!r}")
    short, longer = divmod(length, indices_or_sections)
    lengths = [short + 1] * longer + [short] * (indices_or_sections - longer)
    return _pieces(x, place, np.cumsum([0, *lengths]).tolist())


@composed(numpy=[np.split], half="same")
def split(x: Any, indices_or_sections: int | Sequence[int], axis: int = 0) -> tuple[Tensor, ...]:
    """x cut along `axis` before each index given, or into a number of equal parts, as in NumPy."""
    x = as_tensor(x)
    length = x.shape[axis_of(x, axis)]
    many = indices_or_sections
    if isinstance(many, int | np.integer) and many and length % many:
        raise ShapeError(
            f"axis {axis} of length {length} does not split into {indices_or_sections} equal parts; "
            "array_split() makes parts that differ by 1, and a list gives the places to cut"
        )
    return array_split(x, indices_or_sections, axis)


@composed(half="same")
def chunk(x: Any, chunks: int, axis: int = 0) -> tuple[Tensor, ...]:
    """x cut along `axis` into parts of equal length, the last one perhaps shorter: `chunks` of them, or fewer."""
    x = as_tensor(x)
    place = axis_of(x, axis)
    if not isinstance(chunks, int | np.integer) or chunks < 1:
        raise ArgumentError(f"chunk() takes a number of parts of at least 1, got {chunks!r}")
    length = x.shape[place]
    if not length:
        return (x,) * int(chunks)
    step = -(-length // int(chunks))
    return _pieces(x, place, [*range(0, length, step), length])


@composed(numpy=[np.unstack] if hasattr(np, "unstack") else [], aliases=["unstack"], half="same")
def unbind(x: Any, axis: int = 0) -> tuple[Tensor, ...]:
    """The parts of x along `axis`, each without that axis; undoes stack()."""
    x = as_tensor(x)
    place = axis_of(x, axis)
    return tuple(x[_at(place, x.ndim, k)] for k in range(x.shape[place]))


@composed(numpy=[np.hsplit], half="same")
def hsplit(x: Any, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """x cut along its second axis, a vector along its only one, as split() does."""
    x = as_tensor(x)
    return split(x, indices_or_sections, axis=0 if x.ndim == 1 else 1)


@composed(numpy=[np.vsplit], half="same")
def vsplit(x: Any, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """x cut along its first axis, as split() does."""
    return split(x, indices_or_sections, axis=0)


@composed(numpy=[np.dsplit], half="same")
def dsplit(x: Any, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """x cut along its third axis, as split() does."""
    return split(x, indices_or_sections, axis=2)


@composed(numpy=[np.diff])
def diff(x: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Tensor:
    """Each element along `axis` minus the one before it, `n` times over; first joined to `prepend` and `append`."""
    x = as_tensor(x)
    place = axis_of(x, axis)
    if not isinstance(n, int | np.integer) or n < 0:
        raise ArgumentError(f"diff() takes differences n times, from 0 on, got n={n!r}")
    if n and not (prepend is None and append is None):
        one = (*x.shape[:place], 1, *x.shape[place + 1 :])
        ends = [part if part is None or as_tensor(part).ndim else broadcast_to(part, one) for part in (prepend, append)]
        x = concat([part for part in (ends[0], x, ends[1]) if part is not None], axis=place)
    for _ in range(n):
        x = x[_at(place, x.ndim, slice(1, None))] - x[_at(place, x.ndim, slice(None, -1))]
    return x


@composed(numpy=[np.ediff1d], method=False)
def ediff1d(x: Any, to_end: Any = None, to_begin: Any = None) -> Tensor:
    """Each element of x, in C order, minus the one before it, with `to_begin` in front and `to_end` behind."""
    steps = diff(reshape(as_tensor(x), (-1,)))
    return concat([part for part in (to_begin, steps, to_end) if part is not None], axis=None)


@composed(numpy=[np.append], method=False, half="same")
def append(x: Any, values: Any, axis: int | None = None) -> Tensor:
    """x with `values` after it along `axis`; both flattened without an axis."""
    return concat([as_tensor(x), as_tensor(values)], axis=axis)


@composed(numpy=[np.meshgrid], method=False, half="same")
def meshgrid(*xs: Any, indexing: str = "xy") -> tuple[Tensor, ...]:
    """The coordinates of every point of the grid that several vectors span, as one tensor for each of them.

    indexing: "xy" has the first vector along the second axis, as in pictures; "ij" along the first, as in matrices.
    """
    if indexing not in ("xy", "ij"):
        raise ArgumentError(f"indexing of meshgrid() is 'xy' or 'ij', got {indexing!r}")
    axes = list(range(len(xs)))
    if indexing == "xy" and len(xs) > 1:
        axes[:2] = [1, 0]
    laid = [
        reshape(as_tensor(x), (*(1,) * axis, -1, *(1,) * (len(xs) - 1 - axis)))
        for axis, x in zip(axes, xs, strict=True)
    ]  # fmt: skip
    return broadcast_tensors(*laid) if laid else ()


@composed(method=False, half="same")
def cartesian_prod(*xs: Any) -> Tensor:
    """Every way to take one element from each of several vectors, in order, one way in each row."""
    if len(xs) == 1:
        return reshape(as_tensor(xs[0]), (-1,))
    return stack([reshape(x, (-1,)) for x in meshgrid(*xs, indexing="ij")], axis=1)


@composed(method=False, half="same")
def combinations(x: Any, r: int = 2, with_replacement: bool = False) -> Tensor:
    """Every way to take `r` elements of a vector, in order, one way in each row."""
    x = as_tensor(x)
    if x.ndim != 1 or not isinstance(r, int | np.integer) or r < 0:
        raise ShapeError(f"combinations() takes a vector and r of at least 0, got shape {x.shape} and {r!r}")
    ways = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    return x[np.array(list(ways(range(x.size), r)), int).reshape(-1, r)]


@composed(method=False, half="same")
def block_diag(*xs: Any) -> Tensor:
    """Matrices along the diagonal of a larger one that is 0 elsewhere; a vector counts as one row."""
    blocks = [atleast_2d(x) for x in xs]
    if any(block.ndim > 2 for block in blocks):
        raise ShapeError(f"block_diag() takes matrices, got shapes {', '.join(str(block.shape) for block in blocks)}")
    before, rows = 0, []
    width = sum(block.shape[1] for block in blocks)
    for block in blocks:
        rows.append(pad(block, ((0, 0), (before, width - before - block.shape[1]))))
        before += block.shape[1]
    return concat(rows, axis=0)
