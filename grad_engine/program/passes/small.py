"""Computes arrays of a few float64 numbers as so many Python floats, which takes a tenth of the time of NumPy's calls.

Python's arithmetic raises where NumPy's warns (1 / 0, exp(1000)), and never warns of an overflow; the generated code
looks at what leaves this arithmetic, and the program without this pass takes over then (see code.py).
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from grad_engine.program.passes.dead import alive
from grad_engine.program.passes.rewriting import Rewriting, tells_zeros_apart
from grad_engine.program.steps import (
    AT,
    CHECK,
    DRAW,
    FUNCTION,
    GET_ITEM,
    LOOP,
    METHOD,
    NUMBER,
    REDUCE,
    SET_ITEM,
    UFUNC,
    UNPACK,
    Program,
    Step,
    Value,
    single_number,
    values_in,
)

FEW = 8  # numbers of an array that is computed apart
MOVED = 64  # numbers of an array that is only put together from such parts
# Microseconds, measured on arrays of a few numbers: Python's arithmetic, tolist(), np.array(), and any other call.
_TIMES, _PACKING, _CALL = {NUMBER: 0.03, UNPACK: 0.15, CHECK: 0.1, GET_ITEM: 0.1, LOOP: 0.0}, 0.9, 0.4
_PYTHON: dict[Any, Callable[..., Any]] = {
    np.add: operator.add, np.subtract: operator.sub, np.multiply: operator.mul, np.true_divide: operator.truediv,
    np.negative: operator.neg, np.absolute: operator.abs, np.exp: math.exp, np.log: math.log, np.sin: math.sin,
    np.cos: math.cos, np.sqrt: math.sqrt, np.tanh: math.tanh, np.power: math.pow, np.log1p: math.log1p,
    np.expm1: math.expm1, np.arctan: math.atan, np.sinh: math.sinh, np.cosh: math.cosh,
}  # fmt: skip
_MOVING: frozenset[Any] = frozenset({
    "reshape", "transpose", "swapaxes", "squeeze", "take", "repeat", "diagonal", np.broadcast_to, np.expand_dims,
    np.moveaxis, np.flip, np.roll, np.squeeze, np.take, np.diagonal, np.repeat, np.tile, np.atleast_1d, np.atleast_2d,
})  # fmt: skip


def unpacked(program: Program) -> Program:
    """The program with small arrays as Python floats."""
    if any(step.kind is DRAW for step in program.steps):  # it may have to run again, and must not draw twice
        return program
    program = alive(program)  # numbers that nobody reads need not be finite
    made = alive(_Unpacking(program).rewritten())
    if _time(made) < _time(program):
        return made
    loops = _Loops(program)
    return loops.rewritten()


def _time(program: Program) -> float:
    """About how many microseconds a program of small arrays takes."""
    return sum(_TIMES.get(step.kind, _CALL) if step.fn is not np.array else _PACKING for step in program.steps)


class _Loops(Rewriting):
    """Of the loops alone, the quick form: whatever they carry stays numbers from round to round."""

    def visit(self, step: Step) -> None:
        if step.kind is LOOP:
            step = step.replaced(step.args)
            step.fn = step.fn.as_quick()
        self.keep(step)


def as_numbers(
    program: Program, inputs: Iterable[Value], count: int
) -> tuple[Program, dict[Value, list[Value]], list[list[Any] | None]]:
    """The same for the body of a loop: (program, input -> the numbers it takes instead, numbers of the outputs).

    Small arrays among `inputs`, and among the first `count` outputs, are numbers from one round to the next.
    """
    pass_ = _Unpacking(program)
    taken: dict[Value, list[Value]] = {}
    for value in inputs:
        if value.dtype == np.float64 and value.size <= FEW:
            taken[value] = [Value(0.0, f"{value.name}_{number}") for number in range(value.size)]
            pass_.elements[value] = [*taken[value]]
            pass_._apart.add(value)
    pass_.steps_visited()
    numbers: list[list[Any] | None] = []
    for place, output in enumerate(program.outputs):
        small = type(output) is Value and output.dtype == np.float64 and output.size <= FEW
        wanted = place < count and program.inputs[place] in taken
        numbers.append(pass_.parts(output, output.shape) if small and (wanted or output in pass_.elements) else None)
        if numbers[-1] is None and wanted:
            numbers[-1] = pass_._unpack(pass_.now(output))
    made = program.with_steps(pass_.steps, lambda end: end if end in pass_._apart else pass_.dense(end))
    made.finite, made.hidden = [], [*dict.fromkeys(pass_._hidden)]
    return made, taken, numbers


class _Unpacking(Rewriting):
    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.elements: dict[Value, list[Any]] = {}  # value -> its numbers in C order
        self._apart: set[Value] = set()  # those of them that exist as numbers only
        self._packed: dict[Value, Value] = {}
        self._signed = tells_zeros_apart(program)
        self._finite: list[Value] = []
        self._hidden: list[Value] = []

    def steps_visited(self) -> None:
        for step in self.program.steps:
            self.line = step.line
            self.visit(step)

    def rewritten(self) -> Program:
        self.steps_visited()
        made = self.program.with_steps(self.steps, self.dense)
        made.finite, made.hidden = [*dict.fromkeys(self._finite)], [*dict.fromkeys(self._hidden)]
        return made

    def visit(self, step: Step) -> None:
        if step.kind is LOOP:
            step = step.replaced(step.args)
            step.fn = step.fn.as_quick()
        found = None
        if not step.several and step.kind is not CHECK and step.out.dtype == np.float64 and not step.out.number:
            rule = _RULES.get(step.kind)
            found = rule(self, step) if rule is not None and step.out.size else None
        if found is None:
            self.keep(_densely(self, step))
        else:
            self.elements[step.out] = found
            self._apart.add(step.out)

    # --- numbers and arrays ---------------------------------------------------------------------------------------

    def parts(self, x: Any, shape: tuple[int, ...]) -> list[Any] | None:
        """The numbers of x, broadcast to `shape`; None where it is not known, or not worth the while, to have them."""
        if type(x) in (int, float):
            return [float(x)] * math.prod(shape)
        if type(x) is not Value:
            return None
        if x.number:
            known = [float(x.data) if x.is_const else x]
        elif x not in self.elements:
            if x.dtype != np.float64 or x.size > FEW or x.owner in self._apart:
                return None
            if x.is_const:
                known = np.asarray(x.data, float).ravel().tolist()
            elif x.is_input or x.ndim == 0:
                known = self._unpack(x)
            else:
                return None
            self.elements[x] = known
        else:
            known = self.elements[x]
        if x.shape == shape:
            return known
        places = np.broadcast_to(np.arange(len(known)).reshape(x.shape), shape).ravel().tolist()
        return [known[place] for place in places]

    def _unpack(self, x: Value) -> list[Any]:
        step = Step(UNPACK, None, (x,), {}, [], True, self.line)
        places = ("_".join(map(str, index)) for index in np.ndindex(x.shape))
        step.outs = [Value(0.0, f"{x.name}_{place}".rstrip("_") if x.name else None, step) for place in places]
        self.steps.append(step)
        return [*step.outs]

    def dense(self, x: Any) -> Any:
        """x as an array again."""
        if type(x) is not Value or x not in self._apart:
            return x
        if x not in self._packed:
            numbers = [each if type(each) is Value else Value(each, data=each) for each in self.elements[x]]
            made = Value.alike(x, name=x.name)
            fn, arguments = (np.float64, tuple(numbers)) if x.ndim == 0 else (np.array, (_nested(numbers, x.shape),))
            step = Step(FUNCTION, fn, arguments, {}, [made], False, self.line)
            made.step = step
            self.steps.append(step)
            self._finite.extend(each for each in self.elements[x] if type(each) is Value)
            self._packed[x] = made
        return self._packed[x]

    def number(self, fn: Callable[..., Any], *args: Any) -> Any:
        """The number that fn gives for these numbers, some of them known."""
        if all(type(each) is float for each in args):
            try:
                return float(fn(*args))
            except (ArithmeticError, ValueError):
                pass  # left to the program, which then gives NumPy's answer
        elif (simple := self._simple(fn, args)) is not None:
            return simple
        made = Value(0.0)
        step = Step(NUMBER, fn, args, {}, [made], False, self.line)
        made.step = step
        self.steps.append(step)
        return made

    def _simple(self, fn: Any, args: tuple[Any, ...]) -> Any:
        """A sum with 0, or a product with 0 or 1, of a number that turns out to be finite."""
        if len(args) != 2:
            return None
        x, y = args
        for value, known in ((x, y), (y, x)):
            if type(known) is not float:
                continue
            if self._signed and known == 0.0:
                continue
            if fn is operator.mul and known == 0.0:
                self._hidden.append(value)
                return 0.0
            one = fn is operator.mul and known == 1.0
            if one or (known == 0.0 and (fn is operator.add or (fn is operator.sub and known is y))):
                return value
        return None


def _nested(numbers: list[Any], shape: tuple[int, ...]) -> list[Any]:
    if len(shape) == 1:
        return numbers
    width = len(numbers) // shape[0] if shape[0] else 0
    return [_nested(numbers[row * width : (row + 1) * width], shape[1:]) for row in range(shape[0])]


def _densely(self: _Unpacking, step: Step) -> Step:
    """`step` on arrays. Python floats are weak, so what stands for a float64 scalar is made one."""
    if self._apart.isdisjoint(step.values()):
        return step

    def convert(tree: Any) -> Any:
        if type(tree) is tuple:
            return tuple([convert(part) for part in tree])
        if type(tree) is list:
            return [convert(part) for part in tree]
        if beside and type(tree) is Value and tree in self._apart and not tree.ndim:
            (number,) = self.elements[tree]  # NumPy takes it beside an array as it is
            if type(number) is Value:
                self._finite.append(number)
            return number
        return self.dense(tree)

    beside = step.kind is UFUNC and not step.named and step.fn is not np.power and step.out.dtype == np.float64
    beside = beside and any(type(x) is Value and x.ndim and x.dtype == np.float64 for x in step.args)
    return step.replaced(convert(step.args), {name: convert(part) for name, part in step.named.items()})


# --- rules: the numbers of a step's result, or None -----------------------------------------------------------------


def _ufunc(self: _Unpacking, step: Step) -> list[Any] | None:
    out = step.out
    if step.named or out.size > FEW or not out.size:
        return None
    if step.fn is np.matmul:
        return _matmul(self, step)
    if step.fn is np.square:
        parts = [self.parts(step.args[0], out.shape)] * 2
        fn: Any = operator.mul
    else:
        fn = _PYTHON.get(step.fn)
        if fn is None or not _worth(self, step):
            return None
        parts = [self.parts(x, out.shape) for x in step.args]
    if any(part is None for part in parts):
        return None
    return [self.number(fn, *each) for each in zip(*parts, strict=True)]


def _worth(self: _Unpacking, step: Step) -> bool:
    """Whether the operands can be had as numbers: asked before any of them is unpacked."""
    for x in values_in(step.args):
        if not (x.number or x in self.elements or x.is_const or (x.size <= FEW and (x.is_input or x.ndim == 0))):
            return False
    return True


def _matmul(self: _Unpacking, step: Step) -> list[Any] | None:
    x, y = step.args
    if type(x) is not Value or type(y) is not Value or max(x.ndim, y.ndim) > 2 or max(x.size, y.size) > FEW:
        return None
    if not x.ndim or not y.ndim:
        return None
    if not _worth(self, step):
        return None
    p, q = self.parts(x, x.shape), self.parts(y, y.shape)
    if p is None or q is None:
        return None
    rows = np.arange(x.size).reshape(x.shape if x.ndim == 2 else (1, -1))
    columns = np.arange(y.size).reshape(y.shape if y.ndim == 2 else (-1, 1)).T
    made = []
    for row, column in itertools.product(rows.tolist(), columns.tolist()):
        products = [self.number(operator.mul, p[i], q[j]) for i, j in zip(row, column, strict=True)]
        made.append(_total(self, products))
    return made


def _total(self: _Unpacking, numbers: list[Any]) -> Any:
    total = numbers[0] if numbers else 0.0
    for each in numbers[1:]:
        total = self.number(operator.add, total, each)
    return total


def _reduce(self: _Unpacking, step: Step) -> list[Any] | None:
    x = step.args[0]
    if step.fn is not np.add or type(x) is not Value or x.ndim == 0 or not x.size or x.size > FEW:
        return None
    axis = step.args[1] if len(step.args) > 1 else step.named.get("axis", 0)
    if not set(step.named) <= {"axis", "keepdims"} or any(each is not None for each in step.args[2:4]):
        return None
    parts = self.parts(x, x.shape) if _worth(self, step) else None
    if parts is None:
        return None
    places = np.arange(x.size).reshape(x.shape)
    chosen = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    chosen = tuple(each % x.ndim for each in chosen)
    kept = [each for each in range(x.ndim) if each not in chosen]
    rows = places.transpose([*kept, *chosen]).reshape(step.out.size, -1)
    return [_total(self, [parts[place] for place in row]) for row in rows.tolist()]


def _moved(self: _Unpacking, step: Step) -> list[Any] | None:
    x = step.args[0]
    if step.fn is np.float64 and type(x) is Value and x.number:
        return self.parts(x, ())
    if step.fn is operator.pow:
        return _ufunc(self, Step(UFUNC, np.power, step.args, {}, step.outs, False, step.line))
    if step.fn in (np.stack, np.concatenate):
        return _joined(self, step)
    if step.fn is np.dot and len(step.args) == 2 and not step.named and step.out.size <= FEW:
        return _matmul(self, step)  # of one or two axes, where both mean the same
    moving = step.kind is GET_ITEM or step.fn in _MOVING
    if not moving or type(x) is not Value or step.out.size > MOVED or values_in((step.args[1:], step.named)):
        return None
    if x.is_input and x.ndim:
        self.parts(x, x.shape)  # which is left out again where nobody computes with these numbers
    if x not in self.elements:
        return None
    known = self.elements[x]
    places = np.arange(len(known)).reshape(x.shape)
    moved = step.kind.run(step.fn, (places, *step.args[1:]), step.named)
    found = [known[place] for place in np.ravel(moved).tolist()]
    if x not in self._apart:  # the array is there anyway: the step may stay, and is left out if nobody reads it
        self.elements[step.out] = found
        return None
    return found


def _joined(self: _Unpacking, step: Step) -> list[Any] | None:
    parts = step.args[0]
    if len(step.args) > 1 or step.out.size > MOVED or not isinstance(parts, tuple | list):
        return None
    if not any(each in self._apart for each in parts if type(each) is Value):
        return None
    known: list[list[Any]] = []
    for each in parts:
        numbers = self.parts(each, each.shape) if type(each) is Value else None
        if numbers is None:
            return None
        known.append(numbers)
    starts = itertools.accumulate((len(each) for each in known), initial=0)
    numbered = [start + np.arange(each.size).reshape(each.shape) for start, each in zip(starts, parts, strict=False)]
    every = list(itertools.chain.from_iterable(known))
    return [every[place] for place in np.ravel(step.fn(numbered, **step.named)).tolist()]


def _written(self: _Unpacking, step: Step) -> list[Any] | None:
    x, key, value = step.args
    if type(x) is not Value or x.size > MOVED or (step.kind is AT and step.fn is not np.add) or values_in(key):
        return None
    if not (x in self._apart or x.is_const or x in self.elements):
        return None
    given = value if type(value) is Value else None
    if given is not None and not (given in self.elements or given.number or given.ndim == 0 or single_number(given)):
        return None
    places = np.arange(x.size).reshape(x.shape)[key]
    if given is not None and given.ndim > np.ndim(places):
        return None
    written = np.ravel(places).tolist()
    if len(set(written)) != len(written):
        return None
    known = self.elements.get(x)
    known = np.asarray(x.data, float).ravel().tolist() if known is None else known
    parts = self.parts(value, np.shape(places))
    if parts is None:
        return None
    made = [*known]
    for place, each in zip(written, parts, strict=True):
        made[place] = each if step.kind is SET_ITEM else self.number(operator.add, made[place], each)
    return made


_RULES: dict[Any, Callable[[_Unpacking, Step], list[Any] | None]] = {
    UFUNC: _ufunc, REDUCE: _reduce, METHOD: _moved, FUNCTION: _moved, GET_ITEM: _moved, SET_ITEM: _written,
    AT: _written,
}  # fmt: skip
