"""Products of vectors and matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from grad_engine.op import case, define, in_rules
from grad_engine.ops.shape import reshaped


def _row(x: Any) -> Any:
    return reshaped(x, (*x.shape[:-1], 1, x.shape[-1]))


def _column(x: Any) -> Any:
    return reshaped(x, (*x.shape, 1))


def _matmul_x(g: Any, out: Any, x: Any, y: Any) -> Any:
    if x.ndim > 1 and y.ndim > 1:
        return g @ y.mT
    if y.ndim == 1:  # out lacks the column axis
        return _column(g) * y if x.ndim > 1 else g * y
    return reshaped(y @ _column(g), y.shape[:-1])  # x is one row, g lacks the row axis


def _matmul_y(g: Any, out: Any, x: Any, y: Any) -> Any:
    if x.ndim > 1 and y.ndim > 1:
        return x.mT @ g
    if x.ndim == 1:
        return _column(x) * _row(g) if y.ndim > 1 else g * x
    return reshaped(x.mT @ _column(g), (*x.shape[:-2], x.shape[-1]))


_MATRIX_RULES: dict[str, Any] = {"x": ["@", "g", ["T", "y"]], "y": ["@", ["T", "x"], "g"]}

matmul = define(
    np.matmul, name="matmul", symbol="@", category="linear algebra", operator="matmul",
    cases=[
        case((2, 3), (3, 4)), case((3,), (3,)), case((3,), (3, 4)), case((2, 3), (3,)), case((5, 2, 3), (3, 4)),
        case((2, 3), (5, 3, 4)), case((5, 1, 2, 3), (4, 3, 2)), case((3,), (5, 3, 4)), case((5, 2, 3), (3,)),
        case((2, 0), (0, 3)),
    ],
    summary="Matrix product; 1-D operands are a row on the left and a column on the right, leading axes broadcast.",
    vjp={"x": _matmul_x, "y": _matmul_y}, formula=_MATRIX_RULES, reads=("x", "y"),
)  # fmt: skip


def _axes(x: Any, y: Any, axes: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The contracted axes of each operand, counted from 0."""
    if isinstance(axes, int | np.integer):
        return tuple(range(x.ndim - axes, x.ndim)), tuple(range(axes))
    left, right = ((part,) if isinstance(part, int | np.integer) else tuple(part) for part in axes)
    return tuple(a % x.ndim for a in left), tuple(a % y.ndim for a in right)


def _tensordot_x(g: Any, out: Any, x: Any, y: Any, axes: Any) -> Any:
    left, right = _axes(x, y, axes)
    rest = [a for a in range(y.ndim) if a not in right]
    share = np.tensordot(g, y, axes=(list(range(g.ndim - len(rest), g.ndim)), rest))  # free axes of x, then right sorted
    order = [a for a in range(x.ndim) if a not in left] + [a for _, a in sorted(zip(right, left, strict=True))]
    return np.transpose(share, tuple(np.argsort(order).tolist()))


def _tensordot_y(g: Any, out: Any, x: Any, y: Any, axes: Any) -> Any:
    left, right = _axes(x, y, axes)
    rest = [a for a in range(x.ndim) if a not in left]
    share = np.tensordot(x, g, axes=(rest, list(range(len(rest)))))  # left sorted, then free axes of y
    order = [a for _, a in sorted(zip(left, right, strict=True))] + [a for a in range(y.ndim) if a not in right]
    return np.transpose(share, tuple(np.argsort(order).tolist()))


tensordot = define(
    lambda x, y, axes=2: np.tensordot(x, y, axes), name="tensordot", symbol="⊗", category="linear algebra",
    inputs=("x", "y"), numpy=[np.tensordot],
    cases=[
        case((2, 3), (3, 4), axes=1), case((2, 3, 4), (4, 3, 2), axes=((1, 2), (1, 0))), case((2, 3), (2, 3)),
        case((2,), (3,), axes=0), case((2, 3, 4), (3, 5), axes=(1, 0)),
    ],
    summary="Sum of products over `axes`: the last of x with the first of y for a number, else a pair of axis lists.",
    vjp={"x": _tensordot_x, "y": _tensordot_y},
    formula={"x": "{g} contracted with {y}", "y": "{x} contracted with {g}"}, reads=("x", "y"),
)  # fmt: skip
_contracted = in_rules(tensordot)


def _dot_x(g: Any, out: Any, x: Any, y: Any) -> Any:
    if not x.ndim or not y.ndim:
        return g * y
    return _tensordot_x(g, out, x, y, (x.ndim - 1, max(y.ndim - 2, 0)))


def _dot_y(g: Any, out: Any, x: Any, y: Any) -> Any:
    if not x.ndim or not y.ndim:
        return g * x
    return _tensordot_y(g, out, x, y, (x.ndim - 1, max(y.ndim - 2, 0)))


dot = define(
    lambda x, y: np.dot(x, y), name="dot", symbol="·", category="linear algebra", inputs=("x", "y"), numpy=[np.dot],
    cases=[case((3,), (3,)), case((2, 3), (3, 4)), case((2, 3), (3,)), case((), (2, 3)), case((2, 4, 3), (5, 3, 2))],
    summary="np.dot: the inner product of vectors, the matrix product of matrices, last axis with second to last beyond.",
    vjp={"x": _dot_x, "y": _dot_y}, formula=_MATRIX_RULES, reads=("x", "y"),
)  # fmt: skip
