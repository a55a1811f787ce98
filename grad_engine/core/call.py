"""One call of an op: unpack the operands, run forward, and make a Node where a gradient will flow."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from numpy import asarray, ndarray

from grad_engine.core.grad_mode import MODE
from grad_engine.core.node import GeneralNode, Output
from grad_engine.core.numpy_errors import REFUSED, no_argument, refuse
from grad_engine.core.precision import F32, F64, HALF, fitted_operands, single
from grad_engine.core.stand_ins import STAND_INS
from grad_engine.core.tensor import Tensor, numeric, unmasked, wrap
from grad_engine.core.versions import WRITES
from grad_engine.errors import ArgumentError

if TYPE_CHECKING:
    from grad_engine.core.op import Op

_NUMBERS = frozenset({float, int, bool})
_CHANGEABLE = frozenset({Tensor, ndarray, list})


def as_tensor(value: Any) -> Tensor:
    """`value` itself when it is a Tensor, else a Tensor around it without history; shares memory with an array."""
    return value if type(value) is Tensor else wrap(asarray(operand(value)), None)


def operand(value: Any) -> Any:
    """A value that is not a Tensor, ready for an op: a Python number as it is (a weak dtype), else an array."""
    kind = type(value)
    if kind is float or kind is int or kind is bool:
        return value
    if kind is ndarray:
        return numeric(value)
    if kind in STAND_INS:
        return value
    if value is None or isinstance(value, str):
        raise ArgumentError(f"an op takes tensors, arrays and numbers, got {value!r}")
    if isinstance(value, list | tuple) and any(type(part) is Tensor for part in value):
        raise ArgumentError(
            "an op takes tensors, arrays and numbers, got a list of tensors; join them with stack([...])"
        )
    try:
        return numeric(asarray(unmasked(value)))
    except ValueError as error:
        raise ArgumentError(f"an op takes tensors, arrays and numbers, got {kind.__name__}: {error}") from None


def general(op: Op) -> Callable[..., Any]:
    """The call of any op: operands that are optional, without a rule or in a list, several results, kept values."""
    forward, variadic, saves, multi_output = op.forward, op.variadic, op.saves, op.multi_output
    arity, defaults = len(op.inputs), tuple(op.static.values())
    needed = inspect.Parameter.empty in defaults
    ruled = tuple(op.joint is not None or rule is not None for rule in op.rules)
    whole, arrayed = bool(op.floats), not op.numbers

    def call(*args: Any, **named: Any) -> Any:
        if named or len(args) < arity:
            args = _with_operands(op, args, named)
        static: Any = args[arity:]
        static = arguments(op, static, named) if static or named or needed else defaults
        given = _sequence(op, args[0]) if variadic else args[:arity]
        arrays = []
        edges: list[Any] = []
        recorded = half = unfit = False
        for slot, value in enumerate(given):
            edge = None
            if type(value) is Tensor:
                if value.node is not None and ruled[0 if variadic else slot]:
                    edge = value.node
                    recorded = True
                value = value.array
            elif value is not None or variadic:
                value = asarray(operand(value)) if arity == 1 and not variadic else operand(value)
            if type(value) is ndarray:
                kind = value.dtype
                if kind is not F64 and kind is not F32:
                    half = half or kind is HALF
                    unfit = unfit or whole
            elif arrayed and type(value) in _NUMBERS:
                unfit = True
            arrays.append(value)
            edges.append(edge)
        meant, run = op, forward
        if unfit:
            arrays = fitted_operands(op, arrays)
            half = half or any(type(value) is ndarray and value.dtype is HALF for value in arrays)
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
        if not (recorded and MODE.record):
            if multi_output:
                return tuple(wrap(part, None) for part in out)
            made = wrap(out, None)
            if out.base is not None and MODE.record:
                WRITES.taken(made, call, (*args[:arity], *static))
            return made
        node = GeneralNode(meant, out, tuple(arrays), tuple(edges), rest)
        if MODE.watch is not None:
            MODE.watch(node)
        if multi_output:
            floats = (part.dtype.kind == "f" for part in out)
            return tuple(
                wrap(part, Output(node, i) if real else None)
                for i, (part, real) in enumerate(zip(out, floats, strict=True))
            )
        return wrap(out, node)

    return call


def _sequence(op: Op, value: Any) -> Sequence[Any]:
    if isinstance(value, list | tuple):
        return value
    if isinstance(value, Tensor | ndarray) and value.ndim:
        return list(value)
    raise ArgumentError(f"{op.name}() takes a list of tensors, got {type(value).__name__}; write {op.name}([x, y])")


def _with_operands(op: Op, args: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
    """`args` with every operand in its place: those given by keyword, and None for optional ones left out."""
    operands = list(args)
    for name in op.inputs[len(args) :]:
        if name in named:
            operands.append(named.pop(name))
        elif len(operands) >= op.required:
            operands.append(None)
        else:
            raise ArgumentError(f"{op.name}() needs {', '.join(op.inputs[: op.required])}; {name} is missing")
    return tuple(operands)


def arguments(op: Op, static: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
    """Every static argument in the order of the declaration. Raises ArgumentError."""
    if not named and len(static) == len(op.static) and _CHANGEABLE.isdisjoint(map(type, static)):
        return static
    names = tuple(op.static)
    if op.varargs and len(static) > 1 and all(type(part) is int for part in static):
        static = (static,)
    if len(static) > len(names):
        raise ArgumentError(
            f"{op.name}() takes {len(op.inputs)} operand{'s' * (len(op.inputs) != 1)} and {len(names)} "
            f"argument{'s' * (len(names) != 1)} ({', '.join(names) or 'none'}); got {len(static)} arguments"
        )
    values = {**op.static, **dict(zip(names, static, strict=False))}
    for name, value in named.items():
        if name not in values:
            raise no_argument(op.name, name, names)
        if name in names[: len(static)]:
            raise ArgumentError(f"{op.name}() got {name!r} twice")
        values[name] = value
    for name, value in values.items():
        if value is inspect.Parameter.empty:
            raise ArgumentError(f"{op.name}() needs {name}=")
        if type(value) in _CHANGEABLE:
            if type(value) is Tensor and value.node is not None:
                raise ArgumentError(f"{op.name}() sends no gradient to {name}=; pass {name}.detach()")
            values[name] = own(value)
    return tuple(values.values())


def own(value: Any) -> Any:
    """`value`, a static argument, as it stays: arrays and lists are copied, since a rule may read them much later."""
    if type(value) is list:
        return [own(part) for part in value]
    array = value.array if type(value) is Tensor else value
    if isinstance(array, ndarray) and (array.base is not None or array.flags.writeable):
        array = array.copy()
        array.setflags(write=False)
    return array
