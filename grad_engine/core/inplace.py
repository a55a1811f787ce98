"""Writes in place: what is refused, and what a tensor's history is afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from grad_engine.core.grad_mode import current_mode
from grad_engine.core.node import GradAccum, Node, next_sequence_nr, node_of
from grad_engine.core.retain_grad import move_retained_grad
from grad_engine.core.tensor import Tensor
from grad_engine.core.versions import WRITES, owner_of
from grad_engine.errors import InPlaceError, NotDifferentiableError, ShapeError
from grad_engine.formula.symbol import OPERATORS


def overwrite(target: Tensor, result: Tensor) -> Tensor:
    """`target` after its memory took the values of `result`, and with them the history of `result`.

    What is written into a part that was indexed from a tensor is written into that tensor.

    Raises InPlaceError for a leaf that requires grad (outside no_grad), for any other view of recorded memory and for
    read-only memory, ShapeError for another shape, NotDifferentiableError for a dtype that cannot be kept.
    """
    array, old = target.array, target.node
    if result.array.shape != array.shape:
        raise ShapeError(
            f"the result of shape {result.array.shape} does not fit in place into shape {array.shape}; "
            "write x = x + y instead of x += y"
        )
    if not np.can_cast(result.array.dtype, array.dtype, "same_kind"):
        raise NotDifferentiableError(
            f"a {result.array.dtype} result cannot be kept in place in a {array.dtype} tensor; "
            "write x = x + y instead of x += y"
        )
    recorded = current_mode().record and (old is not None or result.node is not None)
    if recorded and type(old) is GradAccum:
        derivative = current_mode().differentiating
        such = "" if derivative is None else f", such as an input of {derivative},"
        sign = getattr(getattr(result.node, "op", None), "head", "")
        ways_out = (
            f"write x = x {sign} y instead of x {sign}= y"
            if sign in OPERATORS.values()
            else "write x = x.copy() first, and then x[0] = 5"
        )
        raise InPlaceError(
            f"a leaf that requires grad{such} was to be changed in place, which would lose its history; {ways_out}, or "
            "do it inside no_grad()"
        )
    check_writable(target)
    if recorded and _looks_into_another(target):
        return _overwrite_part(target, result)
    array[...] = result.array
    if recorded:
        target.node = result.node
        move_retained_grad(old, result.node)
    WRITES.stamp(
        array, next_sequence_nr() if result.node is None or not recorded else result.node.sequence_nr, recorded
    )
    if recorded and old is None:
        WRITES.connect_views(array)
    return target


def _looks_into_another(target: Tensor) -> bool:
    """Whether `target` may share memory with another tensor. (Some ops return a view of an array that they made.)"""
    array = target.array
    if array.base is None:
        return False
    node = node_of(target.node)
    if isinstance(node, Node) and node.out is not None:
        sources: Iterable[Any] = node.arrays
    elif node is None and hasattr(target, "again"):
        sources = (getattr(each, "array", each) for each in target.again[1])
    else:
        return True
    return any(
        isinstance(each, np.ndarray) and each is not array and owner_of(each) is owner_of(array) for each in sources
    )


def _overwrite_part(target: Tensor, result: Tensor) -> Tensor:
    window = getattr(target, "window", None)
    if window is None:
        raise InPlaceError(
            "a view was to be changed in place while gradients are recorded, and the tensor it looks into would "
            "not know; index the tensor itself (x[0] = v), or clone() the view first"
        )
    old, (whole, key) = target.node, window
    whole[key] = result
    target.node = whole[key].node
    move_retained_grad(old, target.node)
    return target


def check_writable(target: Tensor) -> None:
    """Raise InPlaceError for read-only memory, and for a view whose base has got another history since it was made."""
    array = target.array
    if not array.flags.writeable:
        raise InPlaceError("a tensor in read-only memory was to be changed in place; change a clone() instead")
    if (
        current_mode().record
        and target.node is not None
        and WRITES.recorded_between(array, target.node.sequence_nr) is not None
    ):
        raise InPlaceError(
            "a view was to be changed in place whose base had been changed in place after the view was taken; "
            "take the view again"
        )
