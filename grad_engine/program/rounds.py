"""The rounds of scan() one by one, as eager mode runs them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from grad_engine.core.tensor import Tensor, array_of
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.ops.joining import stack
from grad_engine.pytree import Structure, taken_apart


def looped(
    body: Callable[..., Any], carry: Any, leaves: Sequence[Any], structure: Structure, length: int, reverse: bool
) -> tuple[Any, Any]:
    """(the last carry, the results of all rounds, stacked)."""
    ys: list[Any] = []
    shape: Structure | None = None
    start = carry_shapes(carry)
    for row in reversed(range(length)) if reverse else range(length):
        carry, y = one_round(body, carry, structure.with_leaves([leaf[row] for leaf in leaves]))
        check_carry(start, carry)
        parts, shape = taken_apart(y)
        ys.append(parts)
    if reverse:
        ys.reverse()
    assert shape is not None
    return carry, shape.with_leaves([_stacked([parts[i] for parts in ys]) for i in range(len(ys[0]))])


def one_round(body: Callable[..., Any], carry: Any, x: Any) -> tuple[Any, Any]:
    """What the body returns. Raises ArgumentError where that is no pair."""
    result = body(carry, x)
    if not isinstance(result, tuple) or len(result) != 2:
        raise ArgumentError(
            f"the body of scan() returns (carry, y), got {type(result).__name__}; return (carry, None) where there is "
            "no result"
        )
    return result


def _stacked(parts: list[Any]) -> Any:
    return stack(parts) if any(type(part) is Tensor for part in parts) else np.stack(parts)


def carry_shapes(carry: Any) -> list[tuple[int, ...]]:
    """The shape of each part of a carry."""
    return [np.shape(array_of(leaf)) for leaf in taken_apart(carry)[0]]


def check_carry(start: list[tuple[int, ...]], carry: Any) -> None:
    """Raise ShapeError where a carry has other shapes than the first one."""
    now = carry_shapes(carry)
    if now != start:
        raise ShapeError(
            f"the body of scan() was given a carry of shapes {start} and returned {now}; return one of the same shapes"
        )
