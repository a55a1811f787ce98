"""Puts quicker calls in the place of slow ones: the few that are worth it, measured on shapes of 500x8 and the like.

- np.maximum(x, 0) broadcasts its number one element at a time; beside an array of that number it takes vector
  instructions (13 µs against 2).
- A column times a row is a matrix product, which BLAS does in half the time.
- A sum over the first axis of a tall matrix is a row of ones times that matrix (6 µs against 2). The order of the sum
  is another one, so its last bit may be too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from grad_engine.program.passes.rewriting import Rewriting
from grad_engine.program.steps import FUNCTION, REDUCE, UFUNC, Program, Step, Value, single_number

LEVEL = 1 << 14  # numbers of an array that is made to hold one number everywhere
TALL = 16  # rows from which on a matrix product pays
WIDE = 64  # columns up to which the product of a column and a row pays


def quickened(program: Program) -> Program:
    """The program with quicker calls where there are some."""
    return _Quickening(program).rewritten()


class _Quickening(Rewriting):
    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.consts: dict[Any, Value] = {}

    def visit(self, step: Step) -> None:
        rule = _RULES.get((step.kind, step.fn))
        found = rule(self, step) if rule is not None and not step.several else None
        self.keep(step if found is None else found)

    def const(self, key: Any, name: str, make: Callable[[], Any]) -> Value:
        if key not in self.consts:
            data = make()
            data.flags.writeable = False
            self.consts[key] = Value(data, name, data=data)
        return self.consts[key]


def _level(self: _Quickening, step: Step) -> Step | None:
    out = step.out
    if step.named or out.ndim == 0 or not 1 < out.size <= LEVEL or out.dtype.char not in "fd":
        return None
    for place in (0, 1):
        x, number = step.args[1 - place], single_number(step.args[place])
        if number is None or number != number or type(x) is not Value or not x.like(out):
            continue
        if type(step.args[place]) is Value and not step.args[place].number and step.args[place].dtype != out.dtype:
            continue
        key = ("level", number, out.shape, out.dtype.char, out.strides)
        level = self.const(key, "level", functools.partial(_filled, out, number))
        return step.replaced((x, level) if place else (level, x))
    return None


def _filled(like: Value, number: Any) -> Any:
    """An array of the layout of `like` that holds `number` everywhere."""
    order = sorted(range(like.ndim), key=lambda axis: -like.strides[axis])
    made = np.full([like.shape[axis] for axis in order], number, like.dtype)
    return made.transpose(np.argsort(order))


def _outer(self: _Quickening, step: Step) -> Step | None:
    x, y = step.args
    out = step.out
    if step.named or out.ndim != 2 or out.dtype.char not in "fd" or not out.c_contiguous():
        return None
    for column, row in ((x, y), (y, x)):
        if type(column) is not Value or type(row) is not Value or column.dtype != out.dtype or row.dtype != out.dtype:
            continue
        fits = column.shape == (out.shape[0], 1) and row.shape == (1, out.shape[1])
        if fits and out.shape[0] > TALL and 1 < out.shape[1] <= WIDE:
            return Step(FUNCTION, np.dot, (column, row), {}, step.outs, False, step.line)
    return None


def _total(self: _Quickening, step: Step) -> Step | None:
    x, *rest = step.args
    axis = rest[0] if rest else step.named.get("axis", 0)
    keepdims = step.named.get("keepdims", rest[3] if len(rest) > 3 else False)
    plain = set(step.named) <= {"axis", "keepdims"} and all(each is None for each in rest[1:3])
    if not plain or type(x) is not Value or x.ndim != 2 or x.dtype.char not in "fd" or axis not in (0, (0,)):
        return None
    if x.shape[0] < TALL or not x.c_contiguous() or step.out.dtype != x.dtype or not x.shape[1]:
        return None
    shape = (1, x.shape[0]) if keepdims else (x.shape[0],)
    ones = self.const(("ones", shape, x.dtype.char), "ones", lambda: np.ones(shape, x.dtype))
    return Step(UFUNC, np.matmul, (ones, x), {}, step.outs, False, step.line)


_RULES: dict[Any, Callable[[_Quickening, Step], Step | None]] = {
    (UFUNC, np.maximum): _level, (UFUNC, np.minimum): _level, (UFUNC, np.multiply): _outer, (REDUCE, np.add): _total,
}  # fmt: skip
