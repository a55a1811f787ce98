"""Leaves out what changes nothing: products with 1, double transposes, numbers spread out to be added to an array.

With exact, only what keeps every bit. Without, terms of 0 go as well: x + 0 is x, 0 - x is -x, which differ from what
eager mode gives in the sign of a zero at most. 0 * x stays whatever x is: where x is infinite or NaN it is NaN in eager
mode, and no program knows that it is not. (passes/small.py, which checks that its numbers are finite, leaves it out.)
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from grad_engine.program.passes.rewriting import Rewriting, tells_zeros_apart
from grad_engine.program.steps import (
    FUNCTION,
    GET_ITEM,
    METHOD,
    NUMBER,
    SET_ITEM,
    UFUNC,
    Kind,
    Program,
    Step,
    Value,
    single_number,
    values_in,
)

_POWERS = range(1, 17)  # exponents for which a power is a few products
_OF_TWO = (2.0, 4.0, 0.5, 0.25)
_LAST_TWO = (-1, -2), (-2, -1)


def folded(program: Program, exact: bool = False) -> Program:
    """The program without steps that give back what they got."""
    return _Folding(program, exact).rewritten()


class _Folding(Rewriting):
    def __init__(self, program: Program, exact: bool) -> None:
        super().__init__(program)
        self.exact = exact
        self.signed = tells_zeros_apart(program)
        self._ends = {end for end in [*program.ends(), *program.hidden] if type(end) is Value}
        self._readers: dict[Value, list[Step]] | None = None
        self._turned: set[Value] = set()  # for which values of another layout stand

    def visit(self, step: Step) -> None:
        rule = _RULES.get(step.kind)
        if rule is not None and not step.several:
            found = rule(self, step)
            if type(found) is Value:
                if self._may_stand(found, step.out):
                    self.replace(step.out, found)
                    return
            elif found is not None:
                step = found
        self.keep(step)

    def _may_stand(self, found: Value, out: Value) -> bool:
        """Whether `found` may stand for `out` as far as the layout goes.

        Where it lies otherwise in memory, a view of it could become a copy, or a copy a view, and a result would have
        another layout than in eager mode. It does not matter to a ufunc whose other operand decides for its result.
        """
        if found.strides == out.strides:
            return True
        if out in self._ends:
            return False
        if self._readers is None:
            self._readers = {value: [self.program.steps[i] for i in at] for value, at in self.program.uses().items()}
        for step in self._readers.get(out, ()):
            if step.kind is SET_ITEM and step.args[2] is out and step.args[0] is not out:
                continue
            if step.kind is not UFUNC or step.several or step.fn.signature is not None:
                return False
            others = [each for each in step.values() if each is not out and each not in self._turned]
            if not any(each.shape == step.out.shape and each.strides == step.out.strides for each in others):
                return False
        self._turned.add(out)
        return True


def weak(value: Value, beside: Value) -> Value:
    """A constant of one number as a Python number, where that has the same meaning beside `beside`; else itself."""
    number = single_number(value)
    if number is None or value.number or beside.number or type(number) is bool or number != number:
        return value
    same = value.dtype == beside.dtype
    if value.dtype.kind in "iu" and beside.dtype.kind == "f":
        same = np.result_type(beside.dtype, value.dtype) == beside.dtype
    return Value(number, data=number) if same else value


def _made_by(value: Any, fn: Any) -> Step | None:
    """The step that made `value`, where it calls the ufunc `fn` without options."""
    step = value.step if type(value) is Value else None
    return step if step is not None and step.kind is UFUNC and step.fn is fn and not step.named else None


def _ufunc(self: _Folding, step: Step) -> Any:
    if step.named or step.several:
        return None
    fn, out = step.fn, step.out
    if fn is np.positive:
        return step.args[0] if type(step.args[0]) is Value and step.args[0].like(out) else None
    if fn is np.negative:
        inner = _made_by(step.args[0], np.negative)
        return inner.args[0] if inner is not None else None
    if len(step.args) != 2:
        return None
    x, y = _unspread(step) if fn.signature is None else step.args  # a product of matrices takes no numbers
    found = None
    if fn in (np.multiply, np.true_divide):
        found = _product(self, fn, x, y, out)
    elif fn in (np.add, np.subtract):
        found = _sum(self, x, y, step)
    elif fn is np.power:
        found = _power(self, x, y, out)
    if found is not None:
        return found
    same = x is step.args[0] and y is step.args[1]
    return None if same else step.replaced((x, y))


def _unspread(step: Step) -> tuple[Any, Any]:
    """The two operands, without broadcasting that the ufunc does itself, and with numbers in place of constants."""
    args: list[Any] = list(step.args)
    out = step.out
    for place in (0, 1):
        x, y = args[place], args[1 - place]
        if type(x) is not Value or type(y) is not Value:
            continue
        if y.ndim and x.dtype == y.dtype == out.dtype and (scalar := _of_scalar(x)) is not None:
            args[place] = scalar
        if y.shape == out.shape and x.dtype == y.dtype == out.dtype and (scalar := _spread_by_ones(x)) is not None:
            args[place] = scalar
            continue
        if x.number:
            continue
        if x.is_const:
            if x.ndim == 0 or (y.shape == out.shape and (y.strides == out.strides or out.ndim < 2)):
                args[place] = weak(x, y)
            continue
        spread = x.step.args[0] if x.step is not None and x.step.fn is np.broadcast_to else None
        if type(spread) is not Value or spread.number or y.shape != out.shape or step.fn is np.matmul:
            continue
        if np.broadcast_shapes(spread.shape, y.shape) == out.shape:
            args[place] = spread
    return args[0], args[1]


def _spread_by_ones(x: Value) -> Value | None:
    """The scalar that was multiplied by ones, as a gradient of ones is."""
    inner = _made_by(x, np.multiply) if x.ndim else None
    for ones, scalar in (inner.args, inner.args[::-1]) if inner is not None else ():
        if type(scalar) is Value and scalar.ndim == 0 and scalar.dtype == x.dtype and single_number(ones) == 1:
            return scalar if type(ones) is Value and ones.like(x) else None
    return None


def _of_scalar(x: Value) -> Value | None:
    """The NumPy scalar that was made a Python number, which makes no difference beside arrays of its own dtype."""
    step = x.step
    if x.number is float and step is not None and step.kind is NUMBER and step.fn is float:
        return step.args[0] if type(step.args[0]) is Value else None
    return None


def _product(self: _Folding, fn: Any, x: Any, y: Any, out: Value) -> Any:
    for value, other in ((x, y), (y, x)) if fn is np.multiply else ((x, y),):
        number = single_number(other)
        if number is None or type(value) is not Value or not value.like(out):
            continue
        if number == 1:
            return value
        if self.exact or fn is not np.multiply or out.dtype.kind != "f":
            continue
        inner = _made_by(value, np.multiply)
        for one, two in (inner.args, inner.args[::-1]) if inner is not None else ():
            scale = single_number(two)  # a power of two changes no bit of the product, but where it over- or underflows
            two_fold = scale is not None and (number in _OF_TWO or scale in _OF_TWO)
            if two_fold and type(one) is Value and one.like(out):
                both = float(scale) * float(number)
                return self.make(UFUNC, np.multiply, (Value(both, data=both), one), out)
    return None


def _sum(self: _Folding, x: Any, y: Any, step: Step) -> Any:
    fn, out = step.fn, step.out
    if fn is np.add and x is y and type(x) is Value and x.like(out) and out.dtype.kind == "f":
        return self.make(UFUNC, np.multiply, (Value(2.0, data=2.0), x), out)
    plain = not self.exact and out.dtype.kind == "f"
    if fn is np.subtract and plain and single_number(x) == 0 and type(y) is Value and y.like(out):
        return self.make(UFUNC, np.negative, (y,), out) if y.strides == out.strides else None
    for one, other in ((x, y), (y, x)) if fn is np.add else ((x, y),):
        if not self.exact and not self.signed and single_number(other) == 0 and type(one) is Value and one.like(out):
            return one  # but for the sign of a zero
        inner = _made_by(other, np.negative)
        if inner is not None:
            changed = step.replaced((one, inner.args[0]))
            changed.fn = np.subtract if fn is np.add else np.add
            return changed
    return None


def _power(self: _Folding, x: Any, y: Any, out: Value) -> Any:
    number = single_number(y)
    if number is None or number not in _POWERS or out.dtype.kind != "f" or not (type(x) is Value and x.like(out)):
        return None
    if self.exact and number > 2:  # NumPy squares itself
        return None
    result, square, exponent = None, x, int(number)
    while True:
        if exponent & 1:
            result = square if result is None else self.make(UFUNC, np.multiply, (result, square), out)
        exponent >>= 1
        if not exponent:
            return result
        square = self.make(UFUNC, np.multiply, (square, square), out)


def _method(self: _Folding, step: Step) -> Any:
    x, *rest = step.args
    if type(x) is not Value or x.number or step.named:
        return None
    inner = x.step if x.step is not None and x.step.kind is METHOD and not x.step.named else None
    if step.fn == "reshape":
        if x.shape == step.out.shape:
            return x
        return step.replaced((inner.args[0], step.args[1])) if inner is not None and inner.fn == "reshape" else None
    if step.fn == "copy" and x.strides == step.out.strides:  # nothing is written over: copies are for the user alone
        return x
    if step.fn in ("astype", "view") and len(rest) == 1 and x.dtype == step.out.dtype:
        return x
    if step.fn == "swapaxes" and x.ndim == 2 and tuple(rest) in _LAST_TWO:
        turned = step.replaced((x,))
        turned.fn = "transpose"
        return _method(self, turned) or turned
    if step.fn == "transpose" and not rest and inner is not None and inner.fn == "transpose" and len(inner.args) == 1:
        return inner.args[0]
    return None


def _function(self: _Folding, step: Step) -> Any:
    args, out = step.args, step.out
    if step.fn is operator.pow and not self.exact and out.dtype.kind == "f":
        power = Step(UFUNC, np.power, args, {}, step.outs, False, step.line)
        return _ufunc(self, power)
    if step.fn is np.broadcast_to and type(args[0]) is Value and args[0].like(out):
        return args[0]
    if step.fn is np.asarray and len(args) == 1 and type(args[0]) is Value and args[0].like(out):
        return args[0]
    if step.fn is np.where and len(args) == 3 and (truth := single_number(args[0])) is not None:
        chosen = args[1] if truth else args[2]
        return chosen if type(chosen) is Value and chosen.like(out) else None
    return None


def _is_whole(key: Any, shape: tuple[int, ...]) -> bool:
    """Whether a key of slices and an ellipsis chooses every element, in order."""
    parts = key if type(key) is tuple else (key,)
    if not parts or not all(type(part) is slice or part is Ellipsis for part in parts) or values_in(parts):
        return False
    if Ellipsis in parts:
        at = parts.index(Ellipsis)
        parts = (*parts[:at], *(slice(None),) * (len(shape) - len(parts) + 1), *parts[at + 1 :])
    return all(part.indices(length) == (0, length, 1) for part, length in zip(parts, shape, strict=False))


def _item(self: _Folding, step: Step) -> Any:
    """x[i] of an array that was just stacked from parts, or written to; x[()] of a number."""
    x, key = step.args
    if type(x) is Value and x.is_const and not values_in(key):
        return Value(part := x.data[key], data=part)
    whole = type(x) is Value and x.like(step.out) and x.strides == step.out.strides and _is_whole(key, x.shape)
    if whole and step.out not in self._ends:
        return x
    if type(key) is tuple and key == () and type(x) is Value and (x.scalar or x.ndim == 0):
        return x
    inner = x.step if type(x) is Value else None
    if inner is None or type(key) is not int:
        return None
    found = None
    if inner.fn is np.stack and inner.named.get("axis", 0) == 0 and len(inner.args) == 1:
        found = inner.args[0][key] if isinstance(inner.args[0], tuple | list) else None
    elif inner.kind is SET_ITEM and type(inner.args[1]) is int:
        if inner.args[1] % x.shape[0] != key % x.shape[0]:
            return self.make(GET_ITEM, None, (inner.args[0], key), step.out)
        found = inner.args[2]
    return found if type(found) is Value and found.like(step.out) else None


def _spread(self: _Folding, value: Value, out: Value) -> Value:
    """`value` spread out to the shape of `out`, where it takes no memory of its own."""
    made = Value.alike(out)
    made.owner = value.memory
    lengths = [*zip(value.shape, value.strides, strict=True)]
    made.strides = (0,) * (out.ndim - value.ndim) + tuple(0 if length == 1 else stride for length, stride in lengths)
    made.step = Step(FUNCTION, np.broadcast_to, (value, out.shape), {}, [made], False, self.line)
    self.keep(made.step)
    return made


def _turned_whole(self: _Folding, step: Step) -> Step | None:
    """x.transpose(...), for zeros into which x is written element by element in the order of other axes."""
    if step.kind is not SET_ITEM or type(step.args[1]) is not tuple:
        return None
    zeros, key, x = step.args
    known = type(zeros) is Value and zeros.is_const and type(x) is Value and x.dtype == zeros.dtype
    if not known or x.size != zeros.size or not 1 < x.ndim == zeros.ndim == len(key) or not step.out.c_contiguous():
        return None
    order: list[int | None] = []
    for index, length in zip(key, zeros.shape, strict=True):
        if type(index) is not Value or not index.is_const or index.dtype.kind not in "iu":
            return None
        axis = None if length == 1 else _axis_counted(np.broadcast_to(index.data, x.shape), length)
        if length > 1 and (axis is None or axis in order):
            return None
        order.append(axis)
    rest = iter(axis for axis in range(x.ndim) if axis not in order)
    axes = tuple(next(rest) if axis is None else axis for axis in order)
    if tuple(x.shape[axis] for axis in axes) != zeros.shape:
        return None
    shown = Value.alike(x)
    shown.shape, shown.strides = zeros.shape, tuple(x.strides[axis] for axis in axes)
    shown.owner = x.memory
    turned = self.make(METHOD, "transpose", (x, axes), shown)
    return Step(METHOD, "copy", (turned,), {}, step.outs, False, step.line)  # it has memory of its own


def _axis_counted(index: Any, length: int) -> int | None:
    """The axis along which an array of indices is 0, 1, 2, ..., being the same along all others."""
    for axis, size in enumerate(index.shape):
        shape = tuple(length if each == axis else 1 for each in range(index.ndim))
        if size == length and np.array_equal(index, np.broadcast_to(np.arange(length).reshape(shape), index.shape)):
            return axis
    return None


def _written(self: _Folding, step: Step) -> Any:
    """x[...] = value, which leaves nothing of x; x[key] = value twice, as x[key] += value asks for in Python."""
    x, key, value = step.args
    if (turned := _turned_whole(self, step)) is not None:
        return turned
    plain = type(value) is Value and type(x) is Value and not value.number and value.dtype == x.dtype
    if plain and _is_whole(key, x.shape):
        if value.like(x) and not self._may_stand(value, step.out) and step.out.c_contiguous():
            return Step(METHOD, "copy", (value,), {}, step.outs, False, step.line)
        if value.like(x):
            return value
        if value.ndim <= x.ndim:
            return _spread(self, value, step.out)
    inner = x.step if type(x) is Value else None
    if inner is None or inner.kind is not SET_ITEM or values_in((key, inner.args[1])):
        return None
    return x if inner.args[2] is value and repr(inner.args[1]) == repr(key) else None


_RULES: dict[Kind, Callable[[_Folding, Step], Any]] = {
    UFUNC: _ufunc, METHOD: _method, FUNCTION: _function, GET_ITEM: _item, SET_ITEM: _written,
}  # fmt: skip
