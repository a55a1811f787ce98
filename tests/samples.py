"""Sample calls of every op in the table, for the law tests and the generated documents."""

from __future__ import annotations

from typing import Any

import numpy as np

import grad_engine as ge
from grad_engine.core.define import DEFINED
from grad_engine.core.op import Case, Op, case


def cases(op: Op) -> list[Case]:
    """The declared cases of an op, or small shapes for one that takes its operands element by element."""
    return list(op.cases) or [case(*[shape] * len(op.inputs)) for shape in [(2, 3), (), (0,)]]


def numbers(op: Op, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Random numbers from the op's domain, all different, and clear of the kinks at whole and half numbers."""
    low, high = op.domain
    size = int(np.prod(shape))
    spread = low + (high - low) * (np.arange(size) + 0.5) / max(size, 1)
    values = rng.permutation(spread) + rng.uniform(-0.1, 0.1, size) * (high - low) / max(size, 1)
    near = np.abs(values * 2 - np.round(values * 2)) < 0.05
    return (values + np.where(near, 0.04, 0.0)).reshape(shape)


def operands(op: Op, each: Case) -> list[Any]:
    """Arrays for one case: what is given as an array stays, a shape is filled, a list is a variadic operand."""
    rng = np.random.default_rng(7)

    def filled(spec: Any) -> Any:
        if isinstance(spec, list):
            return [filled(part) for part in spec]
        return spec if spec is None or isinstance(spec, np.ndarray) else numbers(op, spec, rng)

    return [filled(spec) for spec in each.operands]


def is_free(value: Any) -> bool:
    """Whether an operand is one to differentiate by."""
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def as_function(op: Op, each: Case) -> tuple[Any, list[np.ndarray]]:
    """One case as a function of its floating-point operands, and those operands."""
    given = operands(op, each)
    call = DEFINED[op.name]
    if op.variadic:
        return (lambda *xs: call(list(xs), **each.static)), given[0]
    free = [i for i, value in enumerate(given) if is_free(value) and (op.joint or op.rules[i])]

    def f(*xs: Any) -> Any:
        full = list(given)
        for i, x in zip(free, xs, strict=True):
            full[i] = x
        return call(*full, **each.static)

    return f, [given[i] for i in free]


def one_output(f: Any) -> Any:
    """`f` with several outputs weighted together into one."""

    def g(*xs: Any) -> Any:
        out = f(*xs)
        if not isinstance(out, tuple):
            return out
        total = ge.tensor(0.0)
        for k, part in enumerate(out):
            if part.dtype.kind == "f":
                total = total + (part * (k + 1.5)).sum()
        return total

    return g
