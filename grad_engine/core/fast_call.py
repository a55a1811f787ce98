"""The calls of ops of one or two operands, which most are: what `call.general` does, in half the time.

They are written out. To a product of small arrays, a function that unpacks operands would add 9 %, one that fills the
node 3 %, `Node.__init__` 15 %.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from numpy import asarray, ndarray, ufunc

from grad_engine.core.arguments import arguments, wider
from grad_engine.core.call import operand
from grad_engine.core.conversion import COMPLEX, ComplexOperandError
from grad_engine.core.grad_mode import current_mode
from grad_engine.core.node import BinaryNode, UnaryNode, next_sequence_nr
from grad_engine.core.numpy_errors import REFUSED, refuse
from grad_engine.core.op import Op
from grad_engine.core.outside_memory import READS, SHARED, keep_operands, keep_pair, note_view, share_view
from grad_engine.core.precision import F32, F64, HALF, fitted_operands, single
from grad_engine.core.tensor import Tensor

_new = Tensor.__new__
operand_of_two = operand  # another while a function is traced (program/entering.py): a node keeps what it was then


def unary(op: Op) -> Callable[..., Tensor]:
    """The call of an op of one operand, x, which has a rule."""
    forward, defaults = op.forward, tuple(op.static.values())
    needed = inspect.Parameter.empty in defaults
    casts = "dtype" in op.static  # to whole numbers too, which have no slope and never require grad

    def call(x: Any, *static: Any, **named: Any) -> Tensor:
        asked = static or named or needed
        if asked:
            if named and (other := wider(op.name, named, op.static)) is not None:
                return other(x, *static, **named)
            rest = arguments(op, static, named)
        else:
            rest = defaults
        given = x
        if type(x) is Tensor:
            x, edge = x.array, x.node
        else:
            x, edge = asarray(operand(x)), None
        kind = x.dtype
        if kind is F64 or kind is F32:
            meant, run = op, forward
        else:
            meant, run, x = _fitted(op, x)
        try:
            out = run(x, *rest) if asked else run(x)
        except REFUSED as error:
            out = refuse(op, error, (x,), rest)
        if type(out) is not ndarray:  # 0-d results arrive as NumPy scalars
            out = asarray(out)
        if casts and out.dtype.kind != "f":
            edge = None
        made = _new(Tensor)
        made.array = out
        if edge is not None and (mode := current_mode()).record:
            made.node = node = UnaryNode()
            node.sequence_nr, node.op = next_sequence_nr(), meant
            node.x, node.out = x, out
            node.edge, node.rest = edge, rest
            node.extra = None
            if mode.watch is not None:
                mode.watch(node)
            if SHARED and id(x) in SHARED:
                keep_operands(node, (given,))
                share_view(out, x)
        else:
            made.node = None
            if out.base is not None and current_mode().record:
                note_view(made, call, (given, *rest))
        return made

    return call


def binary(op: Op) -> Callable[..., Tensor]:
    """The call of an op of two operands, x and y, which both have rules, and of nothing else."""
    forward = op.forward
    rounds_once = isinstance(forward, ufunc) and forward.signature is None  # also in float16
    reads = READS[op]

    def call(x: Any, y: Any) -> Tensor:
        if type(x) is Tensor:
            a, x_edge = x.array, x.node
        else:
            try:
                a, x_edge = operand_of_two(x), None
            except ComplexOperandError:
                return COMPLEX[0](forward, x, y)
        if type(y) is Tensor:
            b, y_edge = y.array, y.node
        else:
            try:
                b, y_edge = operand_of_two(y), None
            except ComplexOperandError:
                return COMPLEX[0](forward, x, y)
        try:
            out = forward(a, b)
        except REFUSED as error:
            out = refuse(op, error, (a, b), ())
        if type(out) is not ndarray:  # 0-d results arrive as NumPy scalars
            out = asarray(out)
        meant, kind = op, out.dtype
        if kind is not F64 and kind is not F32 and kind == HALF:  # not `is`: of a pickled array the dtype is another
            meant = single(op)
            if not rounds_once or type(a) is not ndarray or type(b) is not ndarray:  # 1e5 is no float16 number
                out = asarray(meant.forward(a, b))
        made = _new(Tensor)
        made.array = out
        if (x_edge is not None or y_edge is not None) and (mode := current_mode()).record:
            made.node = node = BinaryNode()
            node.sequence_nr, node.op = next_sequence_nr(), meant
            node.x, node.y = a, b
            node.x_edge, node.y_edge = x_edge, y_edge
            node.out, node.extra = out, None
            if mode.watch is not None:
                mode.watch(node)
            if (
                (x_edge is None and type(a) is ndarray and type(x) is not Tensor)
                or (y_edge is None and type(b) is ndarray and type(y) is not Tensor)
                or (SHARED and (id(a) in SHARED or id(b) in SHARED))
            ) and reads[(x_edge is None) + 2 * (y_edge is None)]:
                keep_pair(node, x, y, reads)
        else:
            made.node = None
        return made

    return call


def _fitted(op: Op, x: ndarray) -> tuple[Op, Callable[..., Any], ndarray]:
    """The op, its forward and x for an x that is neither float64 nor float32."""
    if op.floats:
        (x,) = fitted_operands(op, (x,))
    meant = single(op) if x.dtype == HALF else op
    return meant, meant.forward, x
