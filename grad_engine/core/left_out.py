"""Gradients beside NaN that is left out: an op that passes over an entry passes nothing back for it, not 0 · NaN.

In `np.nanmean((y - model) ** 2)` with NaN in y the mean does not depend on that entry, and hands it the gradient 0. The
rule of the square would multiply that 0 by NaN. So an op that leaves NaN out tells the ops that made the NaN: where
their result is NaN, and the gradient that arrives is 0, their rules run on other values, and pass 0 on.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from grad_engine.core.grad_mode import current_mode
from grad_engine.core.node import GradAccum, Node, Output
from grad_engine.core.op import Op, Rule
from grad_engine.core.tensor import Tensor
from grad_engine.formula.symbol import Symbol

_MARK = "leaves_out"  # the attribute of a rule that knows where its op's result is NaN


def leave_out_nan(values: Sequence[Any]) -> None:
    """Tell the ops that made NaN in `values` that entries without a gradient depend on nothing."""
    for value in values:
        if type(value) is Tensor and value.node is not None and current_mode().record and _may_hold_nan(value.array):
            _tell(value.node)


def _may_hold_nan(array: Any) -> bool:
    """Whether there is NaN in it. In a traced program that is known only when it runs."""
    return array.dtype.kind == "f" and (type(array) is not ndarray or bool(np.isnan(array).any()))


def leaving_out_nan(call: Callable[..., Any]) -> Callable[..., Any]:
    """`call`, a function that passes over NaN in its operands."""

    @functools.wraps(call)
    def told(*args: Any, **named: Any) -> Any:
        leave_out_nan(args)
        if named:
            leave_out_nan(tuple(named.values()))
        return call(*args, **named)

    return told


def _tell(edge: Any) -> None:
    """Give every node with NaN in its result, from this one back to the leaves, rules that know where."""
    pending, seen = [edge], {edge}
    for each in pending:
        node = each.node if type(each) is Output else each
        if not isinstance(node, Node) or node.out is None:
            continue
        if not node.op.multi_output:
            if not _may_hold_nan(node.out):
                continue
            if not any(hasattr(rule, _MARK) for rule in (*node.op.rules, node.op.joint)):
                node.op = _with_rules(node.op, np.isnan(node.out))
        for before in node.edges:
            if before is not None and type(before) is not GradAccum and before not in seen:
                seen.add(before)
                pending.append(before)


def _with_rules(op: Op, blank: Any) -> Op:
    rules = tuple(rule and _beside_nan(rule, op, blank) for rule in op.rules)
    return dataclasses.replace(op, rules=rules, joint=op.joint and _beside_nan(op.joint, op, blank))


def _beside_nan(rule: Rule, op: Op, blank: Any) -> Rule:
    """`rule`, but of entries that are `blank`, NaN in the result, and get no gradient nothing depends on anything.

    Of an op that takes elements apart, such an entry is computed with the operands of another one, whose result is
    finite. Of other ops, when no blank entry gets a gradient, NaN among the operands is taken as 1: whatever it is, it
    is multiplied by 0. A traced program does the same without looking, with 1 for every operand.
    """
    known = type(blank) is ndarray
    place = int(np.argmin(blank)) if known else None  # an entry that is a number, if one is

    @functools.wraps(rule)
    def beside(g: Any, out: Any, *args: Any, **named: Any) -> Any:
        if type(g) is Symbol:
            return rule(g, out, *args, **named)
        unused: Any = blank & (_array(g) == 0)
        only = True if op.elementwise else (unused == blank).all()  # whether no blank entry gets a gradient
        if known and not (only and unused.any()):
            return rule(g, out, *args, **named)

        def fitted(value: Any) -> Any:
            array = _array(value)
            if not hasattr(array, "dtype") or array.dtype.kind != "f":
                return value
            one = array.dtype.type(1)
            if not op.elementwise:
                return np.where(np.isnan(array) & only, one, value)
            if np.broadcast_shapes(array.shape, blank.shape) != blank.shape:
                return value
            if place is not None:
                other = np.broadcast_to(array, blank.shape).reshape(-1)[place]
                one = other if np.isfinite(other) else one
            return np.where(unused, one, value)

        count = 1 if op.variadic else len(op.inputs)
        operands = [[*map(fitted, args[0])]] if op.variadic else [*map(fitted, args[:count])]
        share = rule(g, fitted(out), *operands, *args[count:], **named)
        if not op.elementwise or op.joint is not None or np.shape(share) != blank.shape:
            return share
        return np.where(unused, _array(share).dtype.type(0), share)

    setattr(beside, _MARK, True)
    return beside


def _array(value: Any) -> Any:
    return value.array if type(value) is Tensor else value
