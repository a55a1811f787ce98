"""Which values of a trace are gradients, and of what: for the names of what people read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from grad_engine.core.stand_ins import TRACING
from grad_engine.core.tensor import Tensor
from grad_engine.program.steps import UFUNC, BackwardLine, Step, Value
from grad_engine.program.traced import Traced

_add, _asarray, _stack = np.add, np.asarray, np.stack  # np is another one while a function is traced


def find_gradients(steps: Iterable[Step], shares: Iterable[tuple[Value, Value]], rows: Collection[Value] = ()) -> None:
    """Tell each value whose whole gradient it is.

    shares: pairs of a gradient, or a part of one, and the value that it belongs to. Where a step adds two parts of one
    gradient, its result is the gradient and they are not. rows: gradients that have names as rows of a matrix.
    """
    found: dict[Value, list[Value]] = {}
    for share, of in shares:
        belongs = found.setdefault(share, [])
        if of not in belongs:
            belongs.append(of)
    for step in steps:
        if step.kind is UFUNC and step.fn is _add and not step.named and len(step.args) == 2:
            common = _belonging(step, found)
            for part in step.args if common else ():
                if part in found:
                    found[part] = [of for of in found[part] if of not in common]
        elif (step.fn == "copy" or step.fn is _asarray) and found.get(step.args[0]):
            common, found[step.args[0]] = found[step.args[0]], []
        else:
            continue
        if common:
            belongs = found.setdefault(step.out, [])
            belongs += [of for of in common if of not in belongs]
    for value, belongs in found.items():
        value.gradient_of = () if value in rows else tuple(belongs)


def _belonging(step: Step, found: dict[Value, list[Value]]) -> list[Value]:
    """The values of whose gradients a step adds two parts; in the chain rule, one may be the same at each run."""
    one, other = step.args
    if type(one) is not Value or type(other) is not Value or one is other:
        return []
    if isinstance(step.line, BackwardLine) and (one.is_const or other.is_const):
        part = other if one.is_const else one
        return list(found.get(part, ())) if part.like(step.out) else []
    return [of for of in found.get(one, ()) if of in found.get(other, ())]


def of_copies(steps: Sequence[Step], standing_for: Callable[[Value], Any]) -> set[tuple[Value, Value]]:
    """Pairs of a gradient and what it belongs to, where that is a copy of something, whose gradient it only adds to.

    As of speed in `place, speed = state`, for which the very speed stands that went into state.
    standing_for: what passes put in the place of a value.
    """
    numbers = {out: number for number, step in enumerate(steps) for out in step.outs}
    known: dict[Any, list[tuple[Value, Value]]] = {}
    found: set[tuple[Value, Value]] = set()
    for step in steps:
        for out in step.outs:
            for of in out.gradient_of:
                earlier = known.setdefault(standing_for(of), [])
                others = {g: belongs for g, belongs in earlier if belongs is not of}
                if others:
                    found.update((g, others[g]) for g in _read_on_the_way(out, others, steps, numbers))
                earlier.append((out, of))
    return found


def _read_on_the_way(
    value: Value, sought: Collection[Value], steps: Sequence[Step], numbers: Mapping[Value, int]
) -> set[Value]:
    """Which of the sought values `value` is computed from."""
    found: set[Value] = set()
    first = min(numbers[each] for each in sought)  # steps before it read none of them
    pending, seen = [value], {value}
    while pending and len(found) < len(sought):
        for read in steps[numbers[pending.pop()]].values():
            if read in sought:
                found.add(read)
            if read not in seen and numbers.get(read, -1) > first:
                seen.add(read)
                pending.append(read)
    return found


def note_share(g: Any, of: Any) -> None:
    """Note that `g` is the gradient of `of`, or one of those that add up to it."""
    g, of = (each.array if type(each) is Tensor else each for each in (g, of))
    if type(g) is tuple and type(of) is tuple:
        for each, part in zip(g, of, strict=False):
            note_share(each, part)
    elif type(g) is Traced and type(of) is Traced and g.shape == of.shape:
        TRACING.trace.shares.append((g._value, of._value))


def is_of_backward(value: Value) -> bool:
    """Whether a step of the chain rule made it."""
    return value.step is not None and isinstance(value.step.line, BackwardLine)


def name_matrix(y: Any, x: Any, block: Any, several: bool) -> None:
    """Call the derivative of y by x J, or H where y is a gradient itself, and its rows J_0, J_1, ...

    several: whether there are derivatives by others; it is J_x then.
    """
    trace = TRACING.trace
    value, of = getattr(block.array, "_value", None), getattr(x.array, "_value", None)
    if type(value) is not Value or value.step is None or value.name is not None:
        return
    origin = getattr(y.array, "_value", None)
    name = "H" if type(origin) is Value and is_of_backward(origin) else "J"
    if several and type(of) is Value and of.name is not None:
        name = f"{name}_{of.name}"
    while value.name is None and value.step is not None:
        value.name = name
        step = value.step
        if step.fn in ("reshape", "transpose") and type(step.args[0]) is Value:
            value, name = step.args[0], f"{name}_T" if step.fn == "transpose" else name
            continue
        if step.fn is _stack:
            parts = [part for part in step.args[0] if type(part) is Value and part.step is not None]
            for number, part in enumerate(parts):
                part.name = f"{name}_{number}"
            trace.rows.update(parts)
        break


def name_product(ys: Iterable[Any], xs: Collection[Any], products: Iterable[Any]) -> None:
    """Call the gradient of a gradient times a vector Hv, or Jv where it is by a direction."""
    origins = [getattr(y.array, "_value", None) for y in ys]
    if not any(type(origin) is Value and is_of_backward(origin) for origin in origins):
        return
    for x, product in zip(xs, products, strict=True):
        value, of = getattr(product.array, "_value", None), getattr(x.array, "_value", None)
        if type(value) is not Value or value.step is None or value.name is not None:
            continue
        if type(of) is not Value or of.is_const:
            value.name = "Jv"
        else:
            value.name = f"Hv_{of.name}" if len(xs) > 1 and of.name else "Hv"
        TRACING.trace.rows.add(value)
