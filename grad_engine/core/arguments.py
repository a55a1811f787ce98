"""The arguments of a call of an op, put in the order of its declaration; and the errors for what does not fit."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

from numpy import ndarray

from grad_engine.core.numpy_errors import TORCH_TO_NUMPY, renamed
from grad_engine.core.op import Op
from grad_engine.core.tensor import Tensor
from grad_engine.errors import ArgumentError

# Name of a function -> keywords beyond its own, such as where= of sum, and what takes them (ops/numpy_grammar.py).
WIDER: dict[str, tuple[frozenset[str], Callable[..., Any]]] = {}
_CHANGEABLE = frozenset({Tensor, ndarray, list})


def sequence(op: Op, value: Any) -> Sequence[Any]:
    """The operands of a variadic op, from a list or from the rows of a tensor. Raises ArgumentError."""
    if isinstance(value, list | tuple):
        return value
    if isinstance(value, Tensor | ndarray) and value.ndim:
        return list(value)
    raise ArgumentError(f"{op.name}() takes a list of tensors, got {type(value).__name__}; write {op.name}([x, y])")


def with_operands(op: Op, args: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
    """`args` with every operand in its place: those given by keyword, and None for optional ones left out."""
    operands = list(args)
    for name in op.inputs[len(args) :]:
        if name in named:
            operands.append(named.pop(name))
        elif theirs := [each for each in named if name in TORCH_TO_NUMPY.get(each, ())]:  # input=, other=
            operands.append(named.pop(theirs[0]))
        elif len(operands) >= op.required:
            operands.append(None)
        else:
            raise ArgumentError(f"{op.name}() needs {', '.join(op.inputs[: op.required])}; {name} is missing")
    return tuple(operands)


def wider(name: str, named: Iterable[str], own: Iterable[str]) -> Callable[..., Any] | None:
    """What takes the call of a function with these keywords, where some are not its own; None where nothing does."""
    if name not in WIDER:
        return None
    keywords, call = WIDER[name]
    beyond = {*named} - {*own}
    return call if beyond and beyond <= keywords else None


def arguments(op: Op, static: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
    """Every static argument in the order of the declaration. Raises ArgumentError."""
    if not named and len(static) == len(op.static):
        if _CHANGEABLE.isdisjoint(map(type, static)):
            return static
        if len(static) == 1 and type(static[0]) is ndarray:  # x[index]
            return (own(static[0]),)
    if (named or len(static) < len(op.static)) and (plan := _plan(op, len(static), tuple(named))) is not None:
        places, rest = plan
        found = [*static, *rest]
        if named:
            for place, value in zip(places, named.values(), strict=True):
                found[place] = value
        if _CHANGEABLE.isdisjoint(map(type, found)):
            return tuple(found)
    elif op.varargs and len(op.static) == 1 < len(static) and {*map(type, static)} == {int}:
        return (static,)
    names = tuple(op.static)
    if op.varargs and len(static) > 1 and all(type(part) is int for part in static):
        static = (static,)
    if len(static) > len(names):
        raise ArgumentError(
            f"{op.name}() takes {len(op.inputs)} operand{'s' * (len(op.inputs) != 1)} and {len(names)} "
            f"argument{'s' * (len(names) != 1)} ({', '.join(names) or 'none'}); got {len(static)} arguments"
        )
    values = {**op.static, **dict(zip(names, static, strict=False))}
    if not named.keys() <= values.keys():
        named = renamed(op.name, named, names, op.torch)
    for name, value in named.items():
        if name in names[: len(static)]:
            raise ArgumentError(f"{op.name}() got {name!r} twice")
        values[name] = value
    for name, value in values.items():
        if value is inspect.Parameter.empty:
            raise ArgumentError(f"{op.name}() needs {name}=")
        if type(value) in _CHANGEABLE:
            if type(value) is Tensor and value.node is not None:
                hint = op.torch or f"pass {name}.detach()"
                if not op.inputs:
                    hint = f"it was defined without vjp=; give define() a rule, vjp={{{name!r}: rule}}, or {hint}"
                raise ArgumentError(f"{op.name}() sends no gradient to {name}=; {hint}")
            values[name] = tuple(value) if name == "axis" and type(value) is list else own(value)
    return tuple(values.values())


@lru_cache(maxsize=1024)
def _plan(op: Op, count: int, named: tuple[str, ...]) -> tuple[tuple[int, ...], tuple[Any, ...]] | None:
    """Where each keyword of a call goes among the static arguments, `count` of which were given by place, and the rest.

    None where the call needs a closer look.
    """
    names, defaults = tuple(op.static), tuple(op.static.values())
    if "unbiased" in named or count > len(names) or (op.varargs and count > 1):
        return None
    same = {name: name for name in named}
    ours = same if same.keys() <= op.static.keys() else renamed(op.name, same, names, op.torch)
    by_theirs = {theirs: names.index(name) for name, theirs in ours.items()}
    places = tuple(by_theirs[name] for name in named)
    missing = [k for k in range(count, len(names)) if defaults[k] is inspect.Parameter.empty and k not in places]
    return None if missing or any(place < count for place in places) else (places, defaults[count:])


def own(value: Any) -> Any:
    """`value`, a static argument, as it stays: arrays and lists are copied, since a rule may read them much later."""
    if type(value) is list:
        return [own(part) for part in value]
    array = value.array if type(value) is Tensor else value
    if isinstance(array, ndarray) and (array.base is not None or array.flags.writeable):
        array = array.copy()
        array.setflags(write=False)
    return array
