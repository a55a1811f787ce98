"""The calls of ops of one or two operands, which most are: what `call.general` does, in half the time.

They are written out. To a product of small arrays, a function that unpacks operands would add 9 %, one that fills the
node 3 %, `Node.__init__` 15 %.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from numpy import asarray, ndarray

from grad_engine.core.call import arguments, operand
from grad_engine.core.grad_mode import MODE
from grad_engine.core.node import BinaryNode, UnaryNode, next_sequence_nr
from grad_engine.core.numpy_errors import REFUSED, refuse
from grad_engine.core.tensor import Tensor
from grad_engine.core.versions import WRITES

if TYPE_CHECKING:
    from grad_engine.core.op import Op

_new = Tensor.__new__


def unary(op: Op) -> Callable[..., Tensor]:
    """The call of an op of one operand, x, which has a rule."""
    forward, defaults = op.forward, tuple(op.static.values())
    needed = inspect.Parameter.empty in defaults

    def call(x: Any, *static: Any, **named: Any) -> Tensor:
        asked = static or named or needed
        rest = arguments(op, static, named) if asked else defaults
        given = x
        if type(x) is Tensor:
            x, edge = x.array, x.node
        else:
            x, edge = asarray(operand(x)), None
        try:
            out = forward(x, *rest) if asked else forward(x)
        except REFUSED as error:
            out = refuse(op, error, (x,), rest)
        if type(out) is not ndarray:  # 0-d results arrive as NumPy scalars
            out = asarray(out)
        made = _new(Tensor)
        made.array = out
        if edge is not None and MODE.record:
            made.node = node = UnaryNode()
            node.sequence_nr, node.op = next_sequence_nr(), op
            node.x, node.out = x, out
            node.edge, node.rest = edge, rest
            node.extra = None
            if MODE.watch is not None:
                MODE.watch(node)
        else:
            made.node = None
            if out.base is not None and MODE.record and type(given) is Tensor:  # a view, whose memory may get a history
                WRITES.taken(made, call, (given, *rest))
        return made

    return call


def binary(op: Op) -> Callable[..., Tensor]:
    """The call of an op of two operands, x and y, which both have rules, and of nothing else."""
    forward = op.forward

    def call(x: Any, y: Any) -> Tensor:
        if type(x) is Tensor:
            x, x_edge = x.array, x.node
        else:
            x, x_edge = operand(x), None
        if type(y) is Tensor:
            y, y_edge = y.array, y.node
        else:
            y, y_edge = operand(y), None
        try:
            out = forward(x, y)
        except REFUSED as error:
            out = refuse(op, error, (x, y), ())
        if type(out) is not ndarray:  # 0-d results arrive as NumPy scalars
            out = asarray(out)
        made = _new(Tensor)
        made.array = out
        if (x_edge is not None or y_edge is not None) and MODE.record:
            made.node = node = BinaryNode()
            node.sequence_nr, node.op = next_sequence_nr(), op
            node.x, node.y = x, y
            node.x_edge, node.y_edge = x_edge, y_edge
            node.out, node.extra = out, None
            if MODE.watch is not None:
                MODE.watch(node)
        else:
            made.node = None
        return made

    return call
