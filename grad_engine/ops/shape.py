"""Ops that move or copy elements without changing them."""

from __future__ import annotations

from typing import Any

import numpy as np

from grad_engine.errors import ArgumentError
from grad_engine.formula import Tree
from grad_engine.op import case, define, in_rules
from grad_engine.symbol import tree_of
from grad_engine.tensor import Tensor

_BACK = "{g} in the shape of {x}"

clone = define(
    lambda x: x.copy(), name="clone", symbol="copy", category="shape", inputs=("x",),
    summary="The same values in memory of their own; gradients flow through.",
    vjp={"x": lambda g, out, x: g},
)  # fmt: skip


def _astype(x: Any, dtype: Any) -> Any:
    return x.astype(np.dtype(dtype))


def _cast_back(g: Any, out: Any, x: Any, dtype: Any) -> Any:
    if out.dtype.kind != "f":
        raise ArgumentError(f"no gradient flows through {out.dtype}; cast to a floating-point dtype, or detach() first")
    return cast(g, x.dtype)


astype = define(
    _astype, name="astype", symbol="dtype", category="shape", inputs=("x",), cases=[case((2, 3), dtype=np.float64)],
    written=lambda x, dtype: ["astype", x, ["say", str(np.dtype(dtype))]],
    summary="x with another dtype. Between floating-point dtypes the gradient is cast back.",
    vjp={"x": _cast_back}, formula={"x": "{g} in the dtype of {x}"},
)  # fmt: skip
cast = in_rules(astype)

reshape = define(
    lambda x, shape: np.reshape(x, shape), name="reshape", symbol="▭", category="shape", inputs=("x",), spread=True,
    numpy=[np.reshape], cases=[case((2, 3), shape=(3, 2)), case((2, 3), shape=(-1,)), case((), shape=(1, 1))],
    summary="The same elements in C order in another shape; one length may be -1.",
    vjp={"x": lambda g, out, x, shape: reshaped(g, x.shape)}, formula={"x": _BACK},
)  # fmt: skip
reshaped = in_rules(reshape)


def _transpose_back(g: Any, out: Any, x: Any, axes: Any) -> Any:
    return g.T if axes is None else transposed(g, tuple(np.argsort([a % x.ndim for a in axes]).tolist()))


def _transpose_written(x: Tree, axes: Any) -> Tree:
    return ["T", x] if axes is None else ["transpose", x, tree_of(tuple(axes))]


transpose = define(
    lambda x, axes=None: np.transpose(x, axes), name="transpose", symbol="ᵀ", category="shape", inputs=("x",),
    spread=True, numpy=[np.transpose], aliases=["permute"], written=_transpose_written,
    cases=[case((2, 3)), case((2, 3, 4), axes=(2, 0, 1)), case((2, 3, 4), axes=(-1, 0, 1))],
    summary="x with its axes in another order, reversed when none is given.",
    vjp={"x": _transpose_back},
)  # fmt: skip
transposed = in_rules(transpose)
Tensor.T = property(lambda self: transpose(self), doc="The tensor with its axes reversed.")  # type: ignore[attr-defined]

matrix_transpose = define(
    lambda x: x.mT, name="matrix_transpose", symbol="ᵀ", category="shape", inputs=("x",), numpy=[np.matrix_transpose],
    written=lambda x: ["T", x], cases=[case((2, 3)), case((2, 3, 4))],
    summary="x with its last two axes exchanged.",
    vjp={"x": lambda g, out, x: g.mT},
)  # fmt: skip
Tensor.mT = property(  # type: ignore[attr-defined]
    lambda self: matrix_transpose(self), doc="The tensor with its last two axes exchanged."
)

squeeze = define(
    lambda x, axis=None: np.squeeze(x, axis=axis), name="squeeze", symbol="▭", category="shape", inputs=("x",),
    numpy=[np.squeeze], cases=[case((1, 3, 1)), case((1, 3, 1), axis=0), case((1, 3, 1), axis=(0, -1))],
    summary="x without its axes of length 1 (or without those given, which must have length 1).",
    vjp={"x": lambda g, out, x, axis: reshaped(g, x.shape)}, formula={"x": _BACK},
)  # fmt: skip
unsqueeze = define(
    lambda x, axis: np.expand_dims(x, axis), name="unsqueeze", symbol="▭", category="shape", inputs=("x",),
    numpy=[np.expand_dims], aliases=["expand_dims"], cases=[case((2, 3), axis=0), case((3,), axis=(0, -1))],
    summary="x with a new axis of length 1 at each place given.",
    vjp={"x": lambda g, out, x, axis: reshaped(g, x.shape)}, formula={"x": _BACK},
)  # fmt: skip
broadcast_to = define(
    lambda x, shape: np.broadcast_to(x, shape), name="broadcast_to", symbol="⇉", category="shape", inputs=("x",),
    spread=True, numpy=[np.broadcast_to], aliases=["broadcast"],
    cases=[case((1, 3), shape=(2, 3)), case((), shape=(2,))],
    summary="x repeated to fill a larger shape, as in arithmetic with a tensor of that shape.",
    vjp={"x": lambda g, out, x, shape: g},  # every share is summed back to its operand's shape
)  # fmt: skip

# --- diagonals --------------------------------------------------------------------------------------------------------


def _scatter_diagonal(x: Any, shape: tuple[int, ...], offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    out = np.zeros(shape, x.dtype)
    diagonal = np.diagonal(out, offset, axis1, axis2)
    diagonal.flags.writeable = True  # a view of `out`, which is ours
    diagonal[...] = x
    return out


scatter_diagonal = define(
    _scatter_diagonal, name="scatter_diagonal", symbol="╲", category="shape", inputs=("x",), method=False,
    cases=[case((2,), shape=(2, 3)), case((2, 3), shape=(3, 2, 4), offset=1, axis1=0, axis2=2), case((1,), shape=(2, 3))],
    summary="Zeros of `shape` with x on the diagonal; undoes diagonal().",
    vjp={
        "x": lambda g, out, x, shape, offset, axis1, axis2: _diagonal_of(g, offset=offset, axis1=axis1, axis2=axis2)
    },
)  # fmt: skip
on_diagonal = in_rules(scatter_diagonal)
diagonal = define(
    lambda x, offset=0, axis1=0, axis2=1: np.diagonal(x, offset, axis1, axis2), name="diagonal", symbol="╲",
    category="shape", inputs=("x",), numpy=[np.diagonal],
    cases=[case((2, 3)), case((3, 3), offset=-1), case((2, 3, 4), offset=1, axis1=2, axis2=0), case((2, 2), offset=5)],
    summary="The diagonal of the plane of `axis1` and `axis2`, `offset` places to the right, as a new last axis.",
    vjp={
        "x": lambda g, out, x, offset, axis1, axis2: on_diagonal(
            g, shape=x.shape, offset=offset, axis1=axis1, axis2=axis2
        )
    },
    formula={"x": "{g} on the diagonal, 0 elsewhere"},
)  # fmt: skip
_diagonal_of = in_rules(diagonal)
