"""Says what the engine's quick tricks mean: for the source that people read.

The engine sets elements to 0 by multiplying their bits by a mask, adds rows up as a product with ones, multiplies a
matrix by a column where a vector is meant, and lays the gradient of each part into zeros of its own. What one would
write instead is slower, and gives the same but for the last bit.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from grad_engine.program.passes.rewriting import Rewriting
from grad_engine.program.steps import (
    FUNCTION,
    GET_ITEM,
    METHOD,
    REDUCE,
    SET_ITEM,
    UFUNC,
    Program,
    Step,
    Value,
    single_number,
    values_in,
)


def said_plainly(program: Program) -> Program:
    """The program in the words of one who writes NumPy by hand."""
    return _Saying(program).rewritten()


class _Saying(Rewriting):
    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.uses = program.uses()
        self.ends = {end for end in program.ends() if type(end) is Value}

    def visit(self, step: Step) -> None:
        if not step.several and step.outs:
            for say in _SAYINGS:
                if (found := say(self, step)) is not None:
                    step = found
                    break
            number = _number(self, step) or _spread_number(self, step) or _unchanged(self, step)
            if number is not None:
                self.replace(step.out, number)
                return
        self.keep(step)

    def once(self, value: Value) -> bool:
        """Whether one step reads it, and nothing else."""
        return len(self.uses.get(value, ())) == 1 and value not in self.ends


def _selection(self: _Saying, step: Step) -> Step | None:
    """np.where(mask, x, 0) for (x.view(int) * mask).view(float)."""
    if step.kind is not METHOD or step.fn != "view" or step.out.dtype.kind != "f" or len(step.args) != 2:
        return None
    product = step.args[0].step
    if product is None or product.kind is not UFUNC or product.fn is not np.multiply or product.named:
        return None
    for bits, mask in (product.args, product.args[::-1]):
        x = _viewed(bits)
        if x is not None and type(mask) is Value and mask.dtype == bool and x.dtype == step.out.dtype:
            return Step(FUNCTION, np.where, (*_chosen(mask, x),), {}, step.outs, False, step.line)
    return None


def _chosen(mask: Value, x: Value) -> tuple[Any, Any, Any]:
    """The arguments of np.where(); ~mask chooses the other way round."""
    zero = Value(0.0, data=0.0)
    inner = mask.step
    if inner is not None and inner.kind is UFUNC and inner.fn in (np.invert, np.logical_not) and not inner.named:
        return inner.args[0], zero, x
    return mask, x, zero


def _viewed(bits: Any) -> Value | None:
    """The floats whose bits these are."""
    step = bits.step if type(bits) is Value else None
    if step is not None and step.kind is METHOD and step.fn == "view" and bits.dtype.kind in "iu":
        return step.args[0] if step.args[0].dtype.itemsize == bits.dtype.itemsize else None
    return None


def _sum(self: _Saying, step: Step) -> Step | None:
    """x.sum(axis=0) for ones @ x, x.sum(axis=1) for x @ ones."""
    if step.fn not in (np.matmul, np.dot) or step.named or len(step.args) != 2:
        return None
    for (ones, x), axis in ((step.args, 0), (step.args[::-1], 1)):
        known = type(ones) is Value and ones.ndim == 1 and single_number(ones) == 1
        if known and type(x) is Value and x.ndim in (1 + axis, 2) and x.dtype == step.out.dtype:
            return Step(REDUCE, np.add, (x,), {"axis": axis}, step.outs, False, step.line)
    return None


def _kept(self: _Saying, step: Step) -> Step | None:
    """x.sum(axis=0, keepdims=True) for x.sum(axis=0).reshape(1, n)."""
    inner = _made_by_reshape(step)
    if inner is None or inner.kind is not REDUCE or inner.named.get("keepdims") or len(inner.args) > 1:
        return None
    axis = inner.named.get("axis", 0)
    x = inner.args[0]
    if type(axis) is not int or type(x) is not Value or not self.once(inner.out):
        return None
    shape = tuple(1 if place == axis % x.ndim else length for place, length in enumerate(x.shape))
    if step.out.shape != shape:
        return None
    return Step(REDUCE, inner.fn, inner.args, {**inner.named, "keepdims": True}, step.outs, False, step.line)


def _not_kept(self: _Saying, step: Step) -> Step | None:
    """x.sum(axis=1) for x.sum(axis=1, keepdims=True).reshape(n)."""
    inner = _made_by_reshape(step)
    if inner is None or inner.kind is not REDUCE or not inner.named.get("keepdims") or not self.once(inner.out):
        return None
    axis, x = inner.named.get("axis", 0), inner.args[0]
    axes = axis if isinstance(axis, tuple) else (axis,)
    if type(x) is not Value or axis is None or len(inner.args) > 1:
        return None
    shape = tuple(n for place, n in enumerate(x.shape) if place not in {each % x.ndim for each in axes})
    named = {name: part for name, part in inner.named.items() if name != "keepdims"}
    return Step(REDUCE, inner.fn, inner.args, named, step.outs, False, step.line) if step.out.shape == shape else None


def _summed_rows(self: _Saying, step: Step) -> Step | None:
    """x.sum(axis=0) for x.reshape(n, m).sum(axis=0).reshape(the shape of a row)."""
    inner = _made_by_reshape(step)
    if inner is None or inner.kind is not REDUCE or inner.named.get("keepdims") or len(inner.args) > 1:
        return None
    flat = inner.args[0]
    made = flat.step if type(flat) is Value else None
    x = made.args[0] if made is not None and _is_reshape(made) else None
    if type(x) is not Value or x.ndim < 3 or flat.ndim != 2 or x.shape[0] != flat.shape[0]:
        return None
    if inner.named.get("axis", 0) != 0 or not self.once(inner.out):
        return None
    if step.out.shape == x.shape[1:]:
        return Step(REDUCE, inner.fn, (x,), {"axis": 0}, step.outs, False, step.line)
    if step.out.shape == (1, *x.shape[1:]):
        return Step(REDUCE, inner.fn, (x,), {"axis": 0, "keepdims": True}, step.outs, False, step.line)
    return None


def _laid_whole(self: _Saying, step: Step) -> Step | None:
    """A reshape, for zeros of which every element is written in order, as the gradient of x[:, None] is."""
    if step.kind is not SET_ITEM:
        return None
    x, key, value = step.args
    key = key if type(key) is tuple else (key,)
    whole = all(each is None or (type(each) is slice and each == slice(None)) for each in key)
    if not whole or type(x) is not Value or type(value) is not Value or value.size != x.size or not value.ndim:
        return None
    found = Step(METHOD, "reshape", (value, x.shape), {}, step.outs, False, step.line)
    return _not_kept(self, found) or found


def _matrix_product(self: _Saying, step: Step) -> Step | None:
    """x @ y for np.dot(x, y), which is the quicker call of the two."""
    if step.kind is not FUNCTION or step.fn is not np.dot or step.named or len(step.args) != 2:
        return None
    if not all(type(each) is Value and each.ndim in (1, 2) for each in step.args):
        return None
    return Step(UFUNC, np.matmul, step.args, {}, step.outs, False, step.line)


def _minus(self: _Saying, step: Step) -> Step | None:
    """-x for -1.0 * x."""
    if step.kind is not UFUNC or step.fn is not np.multiply or step.named:
        return None
    for number, x in (step.args, step.args[::-1]):
        if single_number(number) == -1 and type(x) is Value and x.like(step.out):
            return Step(UFUNC, np.negative, (x,), {}, step.outs, False, step.line)
    return None


def _plain_zero(self: _Saying, step: Step) -> Step | None:
    """np.where(mask, x, 0.0), without the words for the dtype or the shape that the result has anyway."""
    if step.fn is not np.where or len(step.args) != 3:
        return None
    args = [*step.args]
    whole = type(args[0]) is Value and args[0].shape == step.out.shape and step.out.dtype == np.float64
    for place, beside in ((1, 2), (2, 1)):
        given, other = args[place], args[beside]
        number = single_number(given)
        if number is None or type(given) is not Value or given.number:
            continue
        spread = not given.ndim and type(other) is Value and other.ndim and given.dtype == other.dtype
        if spread or (whole and given.dtype == np.float64):
            args[place] = Value(number, data=number)
    same = all(new is old for new, old in zip(args, step.args, strict=True))
    return None if same else step.replaced(tuple(args))


def _unspread(self: _Saying, step: Step) -> Step | None:
    """x + y for np.broadcast_to(x, shape) + y, where y has that shape."""
    if step.kind is not UFUNC or step.named or len(step.args) != 2 or step.fn.signature is not None:
        return None
    args = [*step.args]
    for place in (0, 1):
        given, other = args[place], args[1 - place]
        if type(given) is not Value or given.step is None or given.step.fn is not np.broadcast_to:
            continue
        x = given.step.args[0]
        known = type(x) is Value and not x.number and x.dtype == given.dtype
        if known and type(other) is Value and other.shape == step.out.shape and self.once(given):
            args[place] = x
            return step.replaced(tuple(args))
    return None


def _finite(self: _Saying, step: Step) -> Step | None:
    """np.isfinite(x).all() for math.isfinite(x.ravel().dot(x.ravel()))."""
    if step.fn is not math.isfinite or type(step.args[0]) is not Value:
        return None
    product = step.args[0].step
    if product is None or product.kind is not METHOD or product.fn != "dot" or product.args[0] is not product.args[1]:
        return None
    flat = product.args[0]
    x = flat.step.args[0] if flat.step is not None and _is_reshape(flat.step) else flat
    finite = self.make(UFUNC, np.isfinite, (x,), Value(np.ones(x.shape, bool)))
    return Step(REDUCE, np.logical_and, (finite,), {"axis": None}, step.outs, False, step.line)


def _largest(self: _Saying, step: Step) -> Step | None:
    """x.max(axis) without the number that an empty array would have as its largest."""
    initial = step.named.get("initial")
    if (
        step.kind is not REDUCE
        or step.fn is not np.maximum
        or single_number(initial) != -np.inf
        or not step.args[0].size
    ):
        return None
    return step.replaced(step.args, {name: part for name, part in step.named.items() if name != "initial"})


def _vector(self: _Saying, step: Step) -> Step | None:
    """A @ v for (A @ v.reshape(n, 1)).reshape(m)."""
    inner = _made_by_reshape(step)
    if inner is None or inner.kind is not UFUNC or inner.fn is not np.matmul or inner.named or step.out.ndim != 1:
        return None
    matrix, column = inner.args
    before = column.step if type(column) is Value else None
    source = before.args[0] if before is not None and _is_reshape(before) else None
    if type(matrix) is not Value or type(source) is not Value or matrix.ndim != 2 or source.ndim != 1:
        return None
    if column.shape != (*source.shape, 1) or step.out.shape != matrix.shape[:1] or not self.once(inner.out):
        return None
    return Step(UFUNC, np.matmul, (matrix, source), {}, step.outs, False, step.line)


def _turned_product(self: _Saying, step: Step) -> Step | None:
    """y.T @ x for (x.T @ y).T."""
    if not _is_transpose(step):
        return None
    inner = step.args[0].step if type(step.args[0]) is Value else None
    if inner is None or inner.kind is not UFUNC or inner.fn is not np.matmul or inner.named:
        return None
    x, y = inner.args
    turned = x.step if type(x) is Value else None
    if not _is_transpose(turned) or type(y) is not Value or y.ndim != 2 or x.ndim != 2 or not self.once(inner.out):
        return None
    assert turned is not None
    y_turned = self.make(METHOD, "transpose", (y,), _shaped(y, y.shape[::-1]))
    return Step(UFUNC, np.matmul, (y_turned, turned.args[0]), {}, step.outs, False, step.line)


def _scattered(self: _Saying, step: Step) -> Step | None:
    """One array of zeros into which both parts are laid, for the sum of two arrays of zeros with a part in each."""
    if step.kind is not UFUNC or step.fn is not np.add or step.named:
        return None
    if not all(type(each) is Value for each in step.args):
        return None
    first, second = ([*_laid(each)] for each in step.args)
    whole, other = step.args
    if len(second) != 1:
        first, second, whole, other = second, first, other, whole
    if len(second) != 1 or not self.once(other) or not whole.like(step.out):
        return None
    _, key, part = second[0]
    if not first or not self.once(whole):
        return _added_to_part(self, step, whole, key, part)
    laid = np.zeros(whole.shape, bool)
    for _, other, _ in first:
        laid[other] = True
    if np.any(laid[key]):
        now = np.empty(whole.shape, whole.dtype)[key]
        before = self.make(GET_ITEM, None, (whole, key), Value(now))
        part = self.make(UFUNC, np.add, (before, part), Value(now))
    return Step(SET_ITEM, None, (whole, key, part), {}, step.outs, False, step.line)


def _added_to_part(self: _Saying, step: Step, whole: Value, key: Any, part: Any) -> Step | None:
    """x with something added to a part of it, for x and zeros with something in a part."""
    if whole.owner is not None or not self.once(whole):
        return None
    before = self.make(GET_ITEM, None, (whole, key), Value(np.empty(whole.shape, whole.dtype)[key]))
    before.owner = whole.memory if isinstance(before, Value) and before.ndim else None
    changed = self.make(UFUNC, np.add, (before, part), Value.alike(before))
    return Step(SET_ITEM, None, (whole, key, changed), {}, step.outs, False, step.line)


def _laid(value: Value) -> list[tuple[Value, Any, Any]]:
    """The writes that made an array of zeros into this one; none where it is another."""
    found = []
    step = value.step
    while step is not None and step.kind is SET_ITEM and not values_in(step.args[1]):
        found.append(step.args)
        x = step.args[0]
        if type(x) is Value and x.is_const:
            return found if single_number(x) == 0 and x.ndim else []
        step = x.step if type(x) is Value else None
    return []


def _unchanged(self: _Saying, step: Step) -> Any:
    """x for x.copy() and x * 1, which have another layout: no value is ever written over."""
    if step.out in self.ends:
        return None
    if step.kind is METHOD and step.fn == "copy":
        pairs = [step.args[:1]]
    elif step.kind is UFUNC and step.fn is np.multiply and not step.named:
        pairs = [each[:1] for each in (step.args, step.args[::-1]) if single_number(each[1]) == 1]
    else:
        return None
    return next((x for (x,) in pairs if type(x) is Value and x.like(step.out)), None)


def _number(self: _Saying, step: Step) -> Any:
    """The Python number that was made a NumPy scalar, where only arithmetic with float64 follows."""
    if step.fn is not np.float64 or len(step.args) != 1 or step.out in self.ends:
        return None
    (x,) = step.args
    if type(x) is not Value or x.number is not float or x.is_const:
        return None
    for place in self.uses.get(step.out, ()):
        reader = self.program.steps[place]
        others = [each for each in reader.args if each is not step.out]
        beside = any(type(each) is Value and not each.number and each.dtype == np.float64 for each in others)
        if reader.kind is not UFUNC or reader.named or not beside:
            return None
    return x


def _spread_number(self: _Saying, step: Step) -> Any:
    """A number times x, for an array of that number times x, where arrays of its shape follow."""
    out = step.out
    if step.kind is not UFUNC or step.fn is not np.multiply or step.named or not out.ndim or out in self.ends:
        return None
    for spread, x in (step.args, step.args[::-1]):
        number = single_number(spread)
        if number is None or type(spread) is not Value or spread.shape != out.shape:
            continue
        if type(x) is not Value or x.number or x.ndim or x.dtype != out.dtype or spread.dtype != out.dtype:
            continue
        readers = [self.program.steps[place] for place in self.uses.get(out, ())]
        if all(_spreads(reader, out) for reader in readers):
            return self.make(UFUNC, np.multiply, (Value(number, data=number), x), Value.alike(x))
    return None


def _spreads(reader: Step, value: Value) -> bool:
    """Whether a step computes element by element with another array of that shape."""
    others = [each for each in reader.args if each is not value and type(each) is Value]
    plain = reader.kind is UFUNC and not reader.named and reader.fn is not np.matmul
    return plain and any(each.like(value) for each in others)


def _is_reshape(step: Any) -> bool:
    return step is not None and step.kind is METHOD and step.fn == "reshape" and not step.named


def _is_transpose(step: Any) -> bool:
    plain = step is not None and step.kind is METHOD and step.fn == "transpose"
    return plain and len(step.args) == 1 and not step.named


def _made_by_reshape(step: Any) -> Step | None:
    """The step whose result this one gives another shape."""
    if not _is_reshape(step) or type(step.args[0]) is not Value:
        return None
    inner: Step | None = step.args[0].step
    return inner


def _shaped(like: Value, shape: tuple[int, ...]) -> Value:
    made = Value.alike(like)
    made.shape, made.strides, made.scalar = shape, like.strides[::-1], False
    return made


_SAYINGS = (
    _selection, _sum, _matrix_product, _summed_rows, _kept, _not_kept, _vector, _turned_product, _scattered,
    _laid_whole, _minus, _plain_zero, _unspread, _largest, _finite,
)  # fmt: skip
