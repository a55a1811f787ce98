"""Ops that put several tensors together."""

from __future__ import annotations

from typing import Any

import numpy as np

from grad_engine.op import case, define

_PART = "the part of {g} that came from {xs}"


def _at(axis: int, ndim: int, part: Any) -> tuple[Any, ...]:
    return (*(slice(None),) * (axis % ndim), part)


def _unstack(g: Any, out: Any, xs: Any, axis: int, wanted: Any) -> list[Any]:
    return [g[_at(axis, out.ndim, i)] if want else None for i, want in enumerate(wanted)]


def _split(g: Any, out: Any, xs: Any, axis: int, wanted: Any) -> list[Any]:
    shares, start = [], 0
    for x, want in zip(xs, wanted, strict=True):
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
    inputs=("*xs",), numpy=[np.concatenate], aliases=["concatenate"], method=False,
    cases=[case([(2, 3), (1, 3)]), case([(2, 1), (2, 3), (2, 0)], axis=-1)],
    summary="Tensors joined end to end along an axis they have; the other lengths agree.",
    vjp=_split, formula={"xs": _PART},
)  # fmt: skip
