"""Ops that put several tensors together, and functions that take one apart or compare its neighbours."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.op import as_tensor, case, composed, define
from grad_engine.ops.shape import atleast_1d, atleast_2d, atleast_3d, axis_of, reshape
from grad_engine.tensor import Tensor

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
    summary="Tensors of one shape, joined along a new axis.",
    vjp=_unstack, formula={"xs": _PART},
)  # fmt: skip
concat = define(
    lambda xs, axis=0: np.concatenate(xs, axis=axis), name="concat", symbol="concat", category="joining",
    inputs=("*xs",), numpy=[np.concatenate], aliases=["concatenate", "cat"], method=False,
    cases=[case([(2, 3), (1, 3)]), case([(2, 1), (2, 3), (2, 0)], axis=-1), case([(2, 1), (3,), ()], axis=None)],
    summary="Tensors joined end to end along an axis they have, the other lengths agreeing; flattened if axis is None.",
    vjp=_cut, formula={"xs": _PART},
)  # fmt: skip


@composed(numpy=[np.hstack], method=False)
def hstack(xs: Sequence[Any]) -> Tensor:
    """Tensors side by side: joined along their second axis, vectors along their only one."""
    parts = [atleast_1d(x) for x in xs]
    return concat(parts, axis=0 if parts and parts[0].ndim == 1 else 1)


@composed(numpy=[np.vstack], aliases=["row_stack"], method=False)
def vstack(xs: Sequence[Any]) -> Tensor:
    """Tensors on top of each other: joined along their first axis, each vector being one row."""
    return concat([atleast_2d(x) for x in xs], axis=0)


@composed(numpy=[np.dstack], method=False)
def dstack(xs: Sequence[Any]) -> Tensor:
    """Tensors behind each other: joined along their third axis, (m, n) and (n,) counting as (m, n, 1) and (1, n, 1)."""
    return concat([atleast_3d(x) for x in xs], axis=2)


@composed(numpy=[np.column_stack], method=False)
def column_stack(xs: Sequence[Any]) -> Tensor:
    """Tensors side by side, each vector being one column."""
    parts = [as_tensor(x) for x in xs]
    return concat([x if x.ndim > 1 else reshape(x, (x.size, 1)) for x in parts], axis=1)


# --- apart ------------------------------------------------------------------------------------------------------------


def _pieces(x: Tensor, axis: int, bounds: Sequence[int]) -> tuple[Tensor, ...]:
    """The parts of x along `axis` between each bound and the next."""
    ends = itertools.pairwise(bounds)
    return tuple(x[_at(axis, x.ndim, slice(start, end))] for start, end in ends)


@composed(numpy=[np.array_split])
def array_split(x: Any, indices_or_sections: int | Sequence[int], axis: int = 0) -> tuple[Tensor, ...]:
    """x cut along `axis` before each index given, or into a number of parts whose lengths differ by 1 at most."""
    x = as_tensor(x)
    place = axis_of(x, axis)
    length = x.shape[place]
    if np.ndim(indices_or_sections):
        cuts = [slice(int(cut)).indices(length)[1] for cut in indices_or_sections]  # type: ignore[union-attr]
        return _pieces(x, place, [0, *cuts, length])
    if not isinstance(indices_or_sections, int | np.integer) or indices_or_sections < 1:
        raise ArgumentError(f"a number of sections, or a list of indices, was expected, got {indices_or_sections!r}")
    short, longer = divmod(length, int(indices_or_sections))
    lengths = [short + 1] * longer + [short] * (int(indices_or_sections) - longer)
    return _pieces(x, place, np.cumsum([0, *lengths]).tolist())


@composed(numpy=[np.split])
def split(x: Any, indices_or_sections: int | Sequence[int], axis: int = 0) -> tuple[Tensor, ...]:
    """x cut along `axis` before each index given, or into a number of equal parts, as in NumPy."""
    x = as_tensor(x)
    length = x.shape[axis_of(x, axis)]
    if not np.ndim(indices_or_sections) and indices_or_sections and length % indices_or_sections:
        raise ShapeError(
            f"axis {axis} of length {length} does not split into {indices_or_sections} equal parts; "
            "array_split() makes parts that differ by 1, and a list gives the places to cut"
        )
    return array_split(x, indices_or_sections, axis)


@composed()
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


@composed(numpy=[np.unstack] if hasattr(np, "unstack") else [], aliases=["unstack"])
def unbind(x: Any, axis: int = 0) -> tuple[Tensor, ...]:
    """The parts of x along `axis`, each without that axis; undoes stack()."""
    x = as_tensor(x)
    place = axis_of(x, axis)
    return tuple(x[_at(place, x.ndim, k)] for k in range(x.shape[place]))


@composed(numpy=[np.hsplit])
def hsplit(x: Any, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """x cut along its second axis, a vector along its only one, as split() does."""
    x = as_tensor(x)
    return split(x, indices_or_sections, axis=0 if x.ndim == 1 else 1)


@composed(numpy=[np.vsplit])
def vsplit(x: Any, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """x cut along its first axis, as split() does."""
    return split(x, indices_or_sections, axis=0)


@composed(numpy=[np.dsplit])
def dsplit(x: Any, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """x cut along its third axis, as split() does."""
    return split(x, indices_or_sections, axis=2)


@composed(numpy=[np.diff])
def diff(x: Any, n: int = 1, axis: int = -1) -> Tensor:
    """Each element along `axis` minus the one before it, `n` times over."""
    x = as_tensor(x)
    place = axis_of(x, axis)
    for _ in range(n):
        x = x[_at(place, x.ndim, slice(1, None))] - x[_at(place, x.ndim, slice(None, -1))]
    return x
