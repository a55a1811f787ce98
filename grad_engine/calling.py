"""One call of an op, from operands to result: unpack them, run forward, and make a Node where a gradient will flow.

`general` can do it for every op. `unary` and `binary` do the same for most calls in half the time. That is why they are
written out: to a product of small arrays, a function that unpacks operands would add 9 %, one that fills the node 3 %,
`Node.__init__` 15 %.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from numpy import asarray, ndarray

from grad_engine.errors import ArgumentError
from grad_engine.node import BinaryNode, ManyNode, Output, UnaryNode, next_age
from grad_engine.recording import MODE
from grad_engine.refusal import REFUSED, no_argument, refuse
from grad_engine.tensor import Tensor, numeric, unmasked, wrap
from grad_engine.writes import WRITES

if TYPE_CHECKING:
    from grad_engine.op import Op

_CHANGEABLE = frozenset({Tensor, ndarray, list})
_new = Tensor.__new__


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


def unary(op: Op) -> Callable[..., Tensor]:
    """The call of an op of one operand, x, which has a rule."""
    forward, defaults = op.forward, tuple(op.static.values())
    needed = inspect.Parameter.empty in defaults

    def call(x: Any, *static: Any, **named: Any) -> Tensor:
        asked = static or named or needed
        rest = _static(op, static, named) if asked else defaults
        given = x
        if type(x) is Tensor:
            x, edge = x.array, x.node
        else:
            x, edge = asarray(operand(x)), None
        try:
            out = forward(x, *rest) if asked else forward(x)
        except REFUSED as error:
            refuse(op, error, (x,), rest)
        if type(out) is not ndarray:  # 0-d results arrive as NumPy scalars
            out = asarray(out)
        made = _new(Tensor)
        made.array = out
        if edge is not None and MODE.record:
            made.node = node = UnaryNode()
            node.age, node.op = next_age(), op
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
            refuse(op, error, (x, y), ())
        if type(out) is not ndarray:  # 0-d results arrive as NumPy scalars
            out = asarray(out)
        made = _new(Tensor)
        made.array = out
        if (x_edge is not None or y_edge is not None) and MODE.record:
            made.node = node = BinaryNode()
            node.age, node.op = next_age(), op
            node.x, node.y = x, y
            node.x_edge, node.y_edge = x_edge, y_edge
            node.out, node.extra = out, None
            if MODE.watch is not None:
                MODE.watch(node)
        else:
            made.node = None
        return made

    return call


def general(op: Op) -> Callable[..., Any]:
    """The call of any op: operands that are optional, without a rule or in a list, several results, kept values."""
    forward, variadic, keeps, several = op.forward, op.variadic, op.keeps, op.several
    arity, defaults = len(op.inputs), tuple(op.static.values())
    needed = inspect.Parameter.empty in defaults
    ruled = tuple(op.joint is not None or rule is not None for rule in op.rules)

    def call(*args: Any, **named: Any) -> Any:
        if named or len(args) < arity:
            args = _with_operands(op, args, named)
        static: Any = args[arity:]
        static = _static(op, static, named) if static or named or needed else defaults
        given = _sequence(op, args[0]) if variadic else args[:arity]
        arrays = []
        edges: list[Any] = []
        recorded = False
        for slot, value in enumerate(given):
            edge = None
            if type(value) is Tensor:
                if value.node is not None and ruled[0 if variadic else slot]:
                    edge = value.node
                    recorded = True
                value = value.array
            elif value is not None or variadic:
                value = asarray(operand(value)) if arity == 1 else operand(value)
            arrays.append(value)
            edges.append(edge)
        try:
            out = forward(arrays, *static) if variadic else forward(*arrays, *static)
        except REFUSED as error:
            refuse(op, error, arrays, static)
        rest = static
        if keeps:
            out, *kept = out
            rest = (*static, *kept)
        if several:
            out = tuple(map(asarray, out))
        elif type(out) is not ndarray:
            out = asarray(out)
        if not (recorded and MODE.record):
            if several:
                return tuple(wrap(part, None) for part in out)
            made = wrap(out, None)
            if out.base is not None and MODE.record:
                WRITES.taken(made, call, (*args[:arity], *static))
            return made
        node = ManyNode(op, out, tuple(arrays), tuple(edges), rest)
        if MODE.watch is not None:
            MODE.watch(node)
        if several:
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


def _static(op: Op, static: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
    """Every static argument in the order of the declaration. Raises ArgumentError."""
    if not named and len(static) == len(op.static) and _CHANGEABLE.isdisjoint(map(type, static)):
        return static
    names = tuple(op.static)
    if op.spread and len(static) > 1 and all(type(part) is int for part in static):
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
