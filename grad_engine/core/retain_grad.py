"""retain_grad(): the gradient of the result of an op, kept in its `.grad`."""

from __future__ import annotations

import warnings
from typing import Any

from grad_engine.core.checks import edge_of
from grad_engine.core.node import Edge, Extra, GradAccum, Node, Output, node_of, output_index_of
from grad_engine.core.tensor import Tensor


def retain_grad(tensor: Tensor) -> None:
    """Keep the gradient of this result of an op in its `.grad`, as a leaf does anyway."""
    if type(tensor.node) is not GradAccum:
        extra = extra_of(tensor)
        extra.retained = extra.retained or {}
        extra.retained.setdefault(output_index_of(tensor.node), None)


def retained_grad(tensor: Tensor) -> Tensor | None:
    """The `.grad` of what is no leaf: None, with a warning, unless retain_grad() was called."""
    edge = tensor.node
    if edge is None:
        return None
    retained = edge.extra.retained if edge.extra is not None else None
    index = output_index_of(edge)
    if not retained or index not in retained:
        warnings.warn(
            ".grad of the result of an op is not kept; call retain_grad() on it before backward", stacklevel=3
        )
        return None
    return retained[index]


def forget_retained_grad(tensor: Tensor) -> None:
    """Let the `.grad` that retain_grad() kept be None again."""
    edge = tensor.node
    if edge is not None and edge.extra is not None and edge.extra.retained:
        index = output_index_of(edge)
        if index in edge.extra.retained:
            edge.extra.retained[index] = None


def move_retained_grad(old: Edge, new: Edge) -> None:
    """Let retain_grad() of a tensor go on after it was changed in place, and so has another node."""
    if not isinstance(old, Node | Output) or old.extra is None or not old.extra.retained:
        return
    index = output_index_of(old)
    if index in old.extra.retained and isinstance(new, Node):
        new.extra = new.extra or Extra()
        new.extra.retained = {0: old.extra.retained.pop(index)}


def extra_of(tensor: Tensor) -> Extra:
    """What hangs on the node of `tensor`. Raises GraphError where there is none."""
    node: Any = node_of(edge_of(tensor, "a tensor with hooks"))
    if node.extra is None:
        node.extra = Extra()
    return node.extra
