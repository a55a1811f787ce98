"""Which values of a trace are gradients, and of what: for the names of what people read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from grad_engine.core.stand_ins import TRACING
from grad_engine.program.steps import UFUNC, BackwardLine, Step, Value
from grad_engine.program.traced import Traced


def find_gradients(steps: Iterable[Step], shares: Iterable[tuple[Value, Value]]) -> None:
    """Tell each value whose whole gradient it is.

    shares: pairs of a gradient, or a part of one, and the value that it belongs to. Where a step adds two parts of one
    gradient, its result is the gradient and they are not.
    """
    found: dict[Value, list[Value]] = {}
    for share, of in shares:
        belongs = found.setdefault(share, [])
        if of not in belongs:
            belongs.append(of)
    for step in steps:
        if step.kind is UFUNC and step.fn is np.add and not step.named and len(step.args) == 2:
            one, other = step.args
            if type(one) is not Value or type(other) is not Value or one is other:
                continue
            common = [of for of in found.get(one, ()) if of in found.get(other, ())]
            if not common:
                continue
            for part in (one, other):
                found[part] = [of for of in found[part] if of not in common]
        elif (step.fn == "copy" or step.fn is np.asarray) and found.get(step.args[0]):
            common, found[step.args[0]] = found[step.args[0]], []
        else:
            continue
        belongs = found.setdefault(step.out, [])
        belongs += [of for of in common if of not in belongs]
    for value, belongs in found.items():
        value.gradient_of = tuple(belongs)


def note_share(g: Any, of: Any) -> None:
    """Note that `g` is the gradient of `of`, or one of those that add up to it."""
    if type(g) is tuple and type(of) is tuple:
        for each, part in zip(g, of, strict=False):
            note_share(each, part)
    elif type(g) is Traced and type(of) is Traced and g.shape == of.shape:
        TRACING.trace.shares.append((g._value, of._value))


def is_of_backward(value: Value) -> bool:
    """Whether a step of the chain rule made it."""
    return value.step is not None and type(value.step.line) is BackwardLine
