"""Puts quicker calls in the place of slow ones: the few that are worth it, measured on shapes of 500x8 and the like.

- np.maximum(x, 0) broadcasts its number one element at a time; beside an array of that number it takes vector
  instructions (13 µs against 2).
- A column times a row is a matrix product, which BLAS does in half the time.
- A sum over the first axis of a tall matrix is a row of ones times that matrix (6 µs against 2). The order of the sum
  is another one, so its last bit may be too.
- Adding a short row to each of many rows goes by rows; the row as a product of a column of ones and itself is added in
  one go (3.9 µs against 2.5). One number beside a column is quicker beside a flat array.
- np.stack() copies in a loop of Python; copies to the rows of one array take a third of its time.
- Where only the mask of a relu is wanted, np.maximum() need not be computed (92 µs of 250,000 elements).
- A sum of squares is a product of a flat array with itself (1.5 µs against 0.5).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from grad_engine.program.passes.dead import alive
from grad_engine.program.passes.rewriting import Rewriting
from grad_engine.program.steps import (
    FUNCTION,
    METHOD,
    NO_NAMED,
    PACK,
    REDUCE,
    UFUNC,
    Kind,
    Program,
    Step,
    Value,
    packed,
    single_number,
)

LEVEL = 1 << 14  # numbers of an array that is made to hold one number everywhere
TALL = 16  # rows from which on a matrix product pays
SHORT = 8  # columns up to which adding a row goes by way of a product
WIDE = 256  # columns up to which the product of a column and a row pays


def quickened(program: Program) -> Program:
    """The program with quicker calls where there are some."""
    return alive(_Quickening(program).rewritten())


class _Quickening(Rewriting):
    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.consts: dict[Any, Value] = {}
        self.uses = program.uses()
        self.ends = {end for end in program.ends() if type(end) is Value}

    def visit(self, step: Step) -> None:
        rule = _RULES.get((step.kind, step.fn))
        found = rule(self, step) if rule is not None and not step.several else None
        if isinstance(found, Value):
            self.replace(step.out, found)
        else:
            self.keep(step if found is None else found)

    def step(self, kind: Kind, fn: Any, args: tuple[Any, ...], shape: tuple[int, ...], like: Value) -> Value:
        """The result, in C order, of a step that is put before the present one."""
        made = Value(np.empty(shape, like.dtype))
        made.step = Step(kind, fn, args, NO_NAMED, [made], False, self.line)
        made.step.errors = self.errors
        if kind is METHOD:
            made.owner = args[0].memory
        self.steps.append(made.step)
        return made

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


def _where_positive(self: _Quickening, step: Step) -> Step | None:
    """np.maximum(x, 0) != 0, of which only the mask is wanted: not x <= 0, also where x is NaN."""
    if step.named or single_number(step.args[1]) != 0 or type(step.args[0]) is not Value:
        return None
    inner = step.args[0].step
    if inner is None or inner.kind is not UFUNC or inner.fn is not np.maximum or inner.named:
        return None
    alone = len(self.uses.get(step.args[0], ())) == 1 and step.args[0] not in self.ends
    x, number = inner.args
    if not alone or single_number(number) != 0 or type(x) is not Value or not x.like(step.args[0]):
        return None
    made = Value.alike(step.out)
    made.step = Step(UFUNC, np.less_equal, (x, 0), NO_NAMED, [made], False, self.line)
    self.steps.append(made.step)
    return Step(UFUNC, np.logical_not, (made,), NO_NAMED, step.outs, False, step.line)


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


def _row(self: _Quickening, step: Step) -> Step | Value | None:
    """x + row, or a column with one number."""
    out = step.out
    if step.named or out.ndim != 2 or out.dtype.char not in "fd" or not out.c_contiguous() or out.size > LEVEL:
        return None
    rows, columns = out.shape
    for place in (0, 1):
        x, row = step.args[1 - place], step.args[place]
        if type(x) is not Value or type(row) is not Value or not x.like(out) or not x.c_contiguous():
            continue
        if row.dtype != out.dtype or row.is_const or row.shape not in ((columns,), (1, columns)):
            continue
        if columns == 1 and rows > 1 and row.ndim == 1:
            flat = self.step(METHOD, "reshape", (x, (rows,)), (rows,), x)
            made = self.step(UFUNC, step.fn, (flat, row) if place else (row, flat), (rows,), x)
            return self.step(METHOD, "reshape", (made, out.shape), out.shape, x)
        if step.fn is np.add and 1 < columns <= SHORT and rows >= 4 * TALL:
            flat = row if row.ndim == 2 else self.step(METHOD, "reshape", (row, (1, columns)), (1, columns), row)
            ones = self.const(("ones", (rows, 1), x.dtype.char), "ones", functools.partial(np.ones, (rows, 1), x.dtype))
            return step.replaced((x, self.step(FUNCTION, np.dot, (ones, flat), out.shape, x)))
    return None


def _squares(self: _Quickening, step: Step) -> Step | None:
    """The sum of the squares of all elements."""
    product, *rest = step.args
    axis = rest[0] if rest else step.named.get("axis", 0)
    if type(product) is not Value or product.step is None or set(step.named) - {"axis", "keepdims"} or rest[1:]:
        return None
    whole = axis is None or (product.ndim == 1 and axis in (0, (0,)))
    inner = product.step
    if not whole or not step.out.scalar or inner.kind is not UFUNC or inner.named or product in self.ends:
        return None
    x = inner.args[0]
    square = inner.fn is np.square or (inner.fn is np.multiply and inner.args[1] is x)
    if not square or type(x) is not Value or not x.like(product) or x.is_const or x.dtype != np.float64:
        return None
    if not TALL <= x.size <= LEVEL or not x.c_contiguous() or len(self.uses.get(product, ())) > 1:
        return None
    flat = x if x.ndim == 1 else self.step(METHOD, "reshape", (x, (x.size,)), (x.size,), x)
    return Step(FUNCTION, np.dot, (flat, flat), NO_NAMED, step.outs, False, step.line)


def _stacked(self: _Quickening, step: Step) -> Value | None:
    """np.stack() of alike arrays along the first axis."""
    parts, out = step.args[0], step.out
    if len(step.args) > 1 or set(step.named) - {"axis"} or step.named.get("axis", 0) != 0 or out.size > LEVEL:
        return None
    if not isinstance(parts, tuple | list) or not all(type(x) is Value and x.ndim and not x.number for x in parts):
        return None
    if not out.size or not out.c_contiguous() or any(x.dtype != out.dtype for x in parts):
        return None
    flat = self.step(PACK, packed, (tuple(parts),), (out.size,), out)
    return self.step(METHOD, "reshape", (flat, out.shape), out.shape, out)


def halved(tie: Any, share: Any) -> Any:
    """share, half of it where `tie` holds: it seldom does anywhere, which is quicker to find out."""
    return np.where(tie, share * 0.5, share) if tie.any() else share


def _tie(self: _Quickening, step: Step) -> Value | None:
    tie, half, share = step.args if len(step.args) == 3 else (Value(0), None, None)
    inner = half.step if type(half) is Value else None
    if inner is None or inner.kind is not UFUNC or inner.fn is not np.multiply or inner.named or step.named:
        return None
    if inner.args[0] is not share or single_number(inner.args[1]) != 0.5 or not share.like(step.out) or not tie.ndim:
        return None
    made = Value.alike(step.out, name=step.out.name)
    made.step = Step(FUNCTION, halved, (tie, share), NO_NAMED, [made], False, step.line)
    made.owner = share.memory
    self.steps.append(made.step)
    return made


def _total(self: _Quickening, step: Step) -> Step | None:
    """A sum over the first axis, or of squares."""
    if (squares := _squares(self, step)) is not None:
        return squares
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


_RULES: dict[Any, Callable[[_Quickening, Step], Step | Value | None]] = {
    (UFUNC, np.not_equal): _where_positive, (UFUNC, np.maximum): _level, (UFUNC, np.minimum): _level,
    (UFUNC, np.multiply): _outer, (FUNCTION, np.where): _tie, (FUNCTION, np.stack): _stacked,
    (UFUNC, np.add): _row, (UFUNC, np.subtract): _row, (REDUCE, np.add): _total,
}  # fmt: skip
