"""One call of an op: unpack the operands, run forward, and make a Node where a gradient will flow."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from numpy import asarray, matrix, ndarray

from grad_engine.core.arguments import WIDER, arguments, sequence, wider, with_operands
from grad_engine.core.conversion import ComplexOperandError, ComplexPair, numeric, unmasked
from grad_engine.core.grad_mode import current_mode
from grad_engine.core.node import GeneralNode, Output
from grad_engine.core.numpy_errors import REFUSED, refuse
from grad_engine.core.op import Op
from grad_engine.core.outside_memory import SHARED, keep_operands, note_view, share, share_view
from grad_engine.core.precision import F32, F64, HALF, fitted_operands, single
from grad_engine.core.stand_ins import STAND_INS
from grad_engine.core.tensor import Tensor, wrap
from grad_engine.errors import ArgumentError

_NUMBERS = frozenset({float, int, bool})


def as_tensor(value: Any) -> Tensor:
    """`value` itself when it is a Tensor, else a Tensor around it without history; shares memory with an array."""
    if type(value) is Tensor:
        return value
    array = asarray(operand(value))
    return wrap(share(array) if array is value else array, None)


def operand(value: Any) -> Any:
    """A value that is not a Tensor, ready for an op: a number as it is, else an array.

    Python's numbers are weak, and so are NumPy's float64 numbers, which `np.sqrt(3)` gives: beside a tensor they take
    its dtype.
    """
    kind = type(value)
    if kind is float or kind is int or kind is bool:
        return value
    if kind is ndarray:
        return numeric(value)
    if kind in STAND_INS:
        return value.as_operand()
    if value is None or isinstance(value, str):
        raise ArgumentError(f"an op takes tensors, arrays and numbers, got {value!r}")
    if isinstance(value, list | tuple) and any(type(part) is Tensor for part in value):
        raise ArgumentError(
            "an op takes tensors, arrays and numbers, got a list of tensors; join them with stack([...])"
        )
    if isinstance(value, matrix):
        raise ArgumentError(
            "a np.matrix multiplies in another way than arrays do; pass np.asarray(M), and write M @ t for a product"
        )
    if isinstance(value, ComplexPair):
        raise ComplexOperandError("an op takes real numbers, got complex ones; call NumPy's function of that name")
    if isinstance(value, float):  # np.float64, which np.sqrt(3) gives, must not make float64 of a float32 tensor
        return float(value)
    try:
        return numeric(asarray(unmasked(value)))
    except ValueError as error:
        raise ArgumentError(f"an op takes tensors, arrays and numbers, got {kind.__name__}: {error}") from None


def general(op: Op) -> Callable[..., Any]:
    """The call of any op: operands that are optional, without a rule or in a list, several results, saved values."""
    forward, variadic, saves, multi_output = op.forward, op.variadic, op.saves, op.multi_output
    arity, defaults = len(op.inputs), tuple(op.static.values())
    needed = inspect.Parameter.empty in defaults
    ruled = tuple(op.joint is not None or rule is not None for rule in op.rules)
    floated, arrayed = tuple(part in op.floats for part in op.inputs), not op.numbers

    def call(*args: Any, **named: Any) -> Any:
        if named and op.name in WIDER and (other := wider(op.name, named, (*op.inputs, *op.static))) is not None:
            return other(*args, **named)
        if named or len(args) < arity:
            args = with_operands(op, args, named)
        static: Any = args[arity:]
        static = arguments(op, static, named) if static or named or needed else defaults
        given = sequence(op, args[0]) if variadic else args[:arity]
        arrays = []
        edges: list[Any] = []
        recorded = raw = half = unfit = False
        for slot, value in enumerate(given):
            edge = None
            if type(value) is Tensor:
                if value.node is not None and ruled[0 if variadic else slot]:
                    edge = value.node
                    recorded = True
                value = value.array
                if SHARED and id(value) in SHARED:
                    raw = True
            elif value is not None or variadic:
                raw = True
                value = asarray(operand(value)) if arity == 1 and not variadic else operand(value)
            if type(value) is ndarray:
                kind = value.dtype
                if kind is not F64 and kind is not F32:
                    half = half or kind.char == "e"  # not `is HALF`: of a pickled array the dtype is another object
                    unfit = unfit or floated[0 if variadic else slot]
            elif arrayed and type(value) in _NUMBERS:
                unfit = True
            elif type(value) in STAND_INS:
                number = not isinstance(value, ndarray)
                half = half or (not number and value.dtype == HALF)
                unfit = unfit or (arrayed if number else floated[0 if variadic else slot] and value.dtype.kind != "f")
            arrays.append(value)
            edges.append(edge)
        meant, run = op, forward
        if unfit:
            arrays = fitted_operands(op, arrays)
            half = half or any(isinstance(value, ndarray) and value.dtype == HALF for value in arrays)
        if half:
            meant = single(op)
            run = meant.forward
        try:
            out = run(arrays, *static) if variadic else run(*arrays, *static)
        except REFUSED as error:
            out = refuse(op, error, arrays, static)
        rest = static
        if saves:
            out, *kept = out
            rest = (*static, *kept)
        if multi_output:
            out = tuple(map(asarray, out))
        elif type(out) is not ndarray:
            out = asarray(out)
        mode = current_mode()
        if not (recorded and mode.record):
            if multi_output:
                return tuple(wrap(part, None) for part in out)
            made = wrap(out, None)
            if out.base is not None and mode.record:
                note_view(made, call, (*args[:arity], *static))
            return made
        node = GeneralNode(meant, out, tuple(arrays), tuple(edges), rest)
        if mode.watch is not None:
            mode.watch(node)
        if raw:
            keep_operands(node, given)
            if not multi_output and arrays and type(arrays[0]) is ndarray:
                share_view(out, arrays[0])
        if multi_output:
            floats = (part.dtype.kind == "f" for part in out)
            return tuple(
                wrap(part, Output(node, i) if real else None)
                for i, (part, real) in enumerate(zip(out, floats, strict=True))
            )
        return wrap(out, node)

    return call
