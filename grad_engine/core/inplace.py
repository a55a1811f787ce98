"""Writes in place: what is refused, and what a tensor's history is afterwards."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from grad_engine.core.grad_mode import current_mode
from grad_engine.core.node import (
    BinaryNode,
    Edge,
    GeneralNode,
    GradAccum,
    Node,
    Output,
    UnaryNode,
    next_sequence_nr,
    node_of,
)
from grad_engine.core.op import Op
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
    if recorded and isinstance(result.node, Node):
        _keep_for_rules(array, old, result.node)
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


# --- what rules read of memory that is about to be overwritten ------------------------------------------------------

_SEARCHED = 32  # nodes of a result that are looked at; what others hold, backward finds changed
_REFERENCES = (lambda array: sys.getrefcount(array))(np.ones(1))  # that such a count makes itself


def _keep_for_rules(array: np.ndarray, old: Edge, new: Node) -> None:
    """Copy what rules read of the memory of `array`, before the result of the node `new` is written into it.

    In `p = np.exp(x); p /= p.sum()` the rule of exp reads its result. Copied is what the node `old` reads that gave the
    memory its values, and what the nodes read that the new values were computed by; other nodes are not known here.
    """
    if isinstance(old, Node) and old.out is array and "out" in _read_by(old):
        old.out = array.copy()
    elif isinstance(old, Output) and old.node.out is not None:
        old.node.out = tuple(part.copy() if part is array else part for part in old.node.out)
    held = [each for each in (new, old) if isinstance(each, Node)]
    known = 1 + sum([each is array for node in held for each in (*node.arrays, node.out)])
    if array.base is None and new.op.elementwise and _references(array) <= known:
        return
    owner, oldest = owner_of(array), -1 if old is None else old.sequence_nr
    copies: dict[int, np.ndarray] = {}
    nodes: list[Any] = [new]
    for node in nodes:
        kind = type(node)  # the slots themselves: `arrays` and `edges` of most nodes are properties
        if kind is UnaryNode:
            arrays: Sequence[Any] = (node.x,)
            edges: Sequence[Edge] = (node.edge,)
        elif kind is BinaryNode:
            arrays, edges = (node.x, node.y), (node.x_edge, node.y_edge)
        else:
            arrays, edges = node.arrays, node.edges
        for each in arrays:
            if each is array or (getattr(each, "base", None) is not None and owner_of(each) is owner):
                _keep_operands(node, owner, copies)
                break
        for edge in edges:
            if edge is None or type(edge) is GradAccum or edge.sequence_nr <= oldest:
                continue
            before: Any = edge.node if type(edge) is Output else edge
            if before not in nodes and len(nodes) < _SEARCHED and before.out is not None:
                nodes.append(before)


def _references(array: np.ndarray) -> int:
    """How many hold `array`, besides the two functions above and the caller of theirs."""
    return sys.getrefcount(array) - _REFERENCES - 2


def _keep_operands(node: Node, owner: np.ndarray, copies: dict[int, np.ndarray]) -> None:
    """Give `node` copies of those operands that its rules read, and that look into the memory of `owner`."""
    read = _read_by(node)
    if read <= _NO_OPERAND:
        return
    names = node.op.parameters(len(node.arrays))
    kept = tuple(
        copies.setdefault(id(each), each.copy())
        if name in read and isinstance(each, np.ndarray) and owner_of(each) is owner
        else each
        for each, name in zip(node.arrays, names, strict=True)
    )
    if isinstance(node, BinaryNode):
        node.x, node.y = kept
    elif isinstance(node, UnaryNode):
        (node.x,) = kept
    elif isinstance(node, GeneralNode):
        node.arrays = kept


_NO_OPERAND = frozenset({"g", "out"})
_READ: dict[Op, frozenset[str]] = {}


def _read_by(node: Node) -> frozenset[str]:
    """The names of what the rules of a node's op read: its operands, and "out".

    As of the first node of that op: where another reads more, for its static arguments, backward finds the change.
    """
    op = node.op
    if (found := _READ.get(op)) is None:
        if len(_READ) > 1000:
            _READ.clear()
        wanted = [op.ruled(slot) for slot in range(len(node.arrays))]
        trees = op.rule_trees(node.out, node.arrays, node.rest, wanted)
        found = _READ[op] = frozenset().union(*(op.reads(tree) for tree in trees))
    return found
