"""Plans where results go: into buffers that are used again and again, so that a run takes no memory anew.

A step may write over an operand that nobody reads afterwards. What the program returns is always new memory; what it
writes into an input goes there at once where nobody reads the old numbers any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from grad_engine.program.steps import (
    AT,
    CHECK,
    FUNCTION,
    METHOD,
    PACK,
    REDUCE,
    SET_ITEM,
    UFUNC,
    Program,
    Step,
    Value,
    values_in,
)

_TAKING_OUT = frozenset({np.stack, np.concatenate, np.dot})


@dataclass(eq=False, slots=True)
class Buffer:
    """A part of the arena in the shape, dtype and layout of the results that are written there."""

    region: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    strides: tuple[int, ...]


@dataclass(eq=False, slots=True)
class Part:
    """The part of a buffer that x[key] = result would write the result to: it is computed there at once."""

    buffer: Buffer
    key: Any


def planned(program: Program) -> Program:
    """The program whose steps know where they write."""
    plan = _Plan(program)
    steps = [plan.placed(number, step) for number, step in enumerate(program.steps)]
    return program.with_steps(steps)


def arena(program: Program) -> list[int]:
    """How many bytes each region of the arena has."""
    sizes: dict[int, int] = {}
    for step in program.steps:
        if type(step.into) is Buffer:
            sizes[step.into.region] = max(sizes.get(step.into.region, 0), _bytes(step.out))
    return [sizes.get(region, 0) for region in range(max(sizes, default=-1) + 1)]


def takes_out(step: Step) -> bool:
    """Whether the step can write its result where it is told to."""
    if step.several or not step.outs or step.out.ndim == 0 or not step.out.size or step.out.number or step.out.owner:
        return False
    if step.kind in (SET_ITEM, AT, PACK):
        return True
    if step.kind is UFUNC:
        return not step.named
    if step.kind is REDUCE:
        return set(step.named) <= {"axis", "keepdims"} and all(each is None for each in step.args[2:4])
    if step.kind is METHOD:
        return copies(step)
    return step.kind is FUNCTION and step.fn in _TAKING_OUT and "out" not in step.named


def copies(step: Step) -> bool:
    """Whether the step lays the elements of an array anew: a reshape that can be no view, or a copy."""
    x = step.args[0]
    if step.named or type(x) is not Value or x.number or x.scalar or step.out.owner is not None:
        return False
    return step.fn == "copy" or (step.fn == "reshape" and step.out.c_contiguous())


def _bytes(value: Value) -> int:
    return value.nbytes


def _dense(value: Value) -> bool:
    """Whether the elements fill their memory, in whatever order of axes."""
    expected = value.dtype.itemsize
    for length, stride in sorted(zip(value.shape, value.strides, strict=True), key=lambda pair: pair[1]):
        if length != 1 and stride != expected:
            return False
        expected *= length
    return True


class _Plan:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.last: dict[Value, int] = {}  # memory -> the last step that reads it
        for number, step in enumerate(program.steps):
            for value in step.values():
                self.last[value.memory] = number
        end = len(program.steps)
        self.ends = {value for value in program.ends() if type(value) is Value}
        self.leaving = {value.memory for value in program.outputs if type(value) is Value}
        for write in program.writes:
            self.last[write.value.memory] = end
            if not write.in_place:
                self.leaving.add(write.value.memory)
        for value in program.outputs:
            if type(value) is Value:
                self.last[value.memory] = end
        self.uses = program.uses()
        self.direct = self._direct()
        self.sizes: list[int] = []
        self.free: list[int] = []
        self.region: dict[Value, int] = {}
        self.buffers: dict[Any, Buffer] = {}

    def _direct(self) -> dict[Value, Value]:
        """Results that are computed straight into the memory of an input, which then has its new numbers."""
        numbers = {out: number for number, step in enumerate(self.program.steps) for out in step.outs}
        last_check = max((n for n, step in enumerate(self.program.steps) if step.kind is CHECK), default=-1)
        found: dict[Value, Value] = {}
        if self.program.finite or self.program.hidden:  # another program may have to start again from the old numbers
            return found
        for write in self.program.writes:
            value, target = write.value, write.target
            if target is None or value not in numbers or value in found or value in self.leaving:
                continue
            number = numbers[value]
            step = self.program.steps[number]
            reads_views = any(each.memory is target and each is not target for each in step.values())
            fits = value.shape == target.shape and value.dtype == target.dtype and value.strides == target.strides
            fits = fits and (value.size > 1 or target not in step.values())
            good = step.kind is UFUNC and step.fn is not np.matmul and takes_out(step) and fits and not reads_views
            done = number > last_check and self.last.get(target, -1) <= number
            if good and done and target not in self.leaving:
                found[value] = target
        return found

    def placed(self, number: int, step: Step) -> Step:
        """`step` with the place of its result; memory that it reads last is free afterwards."""
        made = step.replaced(step.args)
        dying = [value for value in dict.fromkeys(step.values()) if self.last.get(value.memory) == number]
        out = step.outs[0] if step.outs else None
        if out is not None and out in self.direct:
            made.into = self.direct[out]
        elif out is not None and (part := self._part(number, step)) is not None:
            made.into = part
        elif out is not None and takes_out(step) and out.memory not in self.leaving and _dense(out):
            region = self._over_an_operand(step, dying)
            if region is None:
                region = self._taken(out.nbytes)
            self.region[out] = region
            key = (region, out.shape, out.dtype.str, out.strides)
            made.into = self.buffers.setdefault(key, Buffer(region, out.shape, out.dtype, out.strides))
        for out in made.outs:
            out.step = made
        for value in [*dying, *(out for out in made.outs if out.memory not in self.last)]:
            region = self.region.get(value.memory)
            kept = out is not None and self.region.get(out) == region and out in self.last
            if region is not None and not kept and region not in self.free:
                self.free.append(region)
        return made

    def _part(self, number: int, step: Step) -> Part | None:
        """The part of a buffer where the next steps write the result of this one, as x[key] += y does."""
        out = step.out
        readers = self.uses.get(out, [])
        if step.kind is not UFUNC or not takes_out(step) or step.fn.signature is not None or len(readers) != 1:
            return None
        writer = self.program.steps[readers[0]]
        if writer.kind is not SET_ITEM or writer.args[2] is not out or out.memory in self.leaving or out in self.ends:
            return None
        x, key, _ = writer.args
        plain = all(each is Ellipsis or type(each) in (int, slice) for each in (key if type(key) is tuple else (key,)))
        if type(x) is not Value or not plain or values_in(key) or not x.like(writer.out) or x.dtype != out.dtype:
            return None
        between = [each.memory for s in self.program.steps[number + 1 : readers[0]] for each in s.values()]
        if self.last.get(x.memory) != readers[0] or x.memory in between:
            return None
        if not takes_out(writer) or writer.out.memory in self.leaving or self._over_an_operand(writer, [x]) is None:
            return None
        if np.broadcast_to(np.empty(()), x.shape)[key].shape != out.shape:
            return None
        return Part(self.buffers[self.region[x], x.shape, x.dtype.str, x.strides], key)

    def _over_an_operand(self, step: Step, dying: list[Value]) -> int | None:
        """The region of an operand that nobody reads any more, where the result may be written over it."""
        out = step.out
        if step.kind in (SET_ITEM, AT):
            dying = [value for value in dying if value is step.args[0]]
        elif step.kind is not UFUNC or step.fn is np.matmul or step.fn.signature is not None:
            return None
        if out.size == 1 and step.kind is UFUNC:  # NumPy takes twice as long where it writes over its one operand
            return None
        for value in dying:
            same = value.owner is None and value.like(out) and value.strides == out.strides
            alone = all(each is value for each in step.values() if each.memory is value)
            if same and alone and value in self.region:
                return self.region[value]
        return None

    def _taken(self, size: int) -> int:
        """A free region, the tightest that is large enough, or the largest, which grows; or a new one."""
        if not self.free:
            self.sizes.append(size)
            return len(self.sizes) - 1
        enough = [region for region in self.free if self.sizes[region] >= size]
        region = min(enough, key=self.sizes.__getitem__) if enough else max(self.free, key=self.sizes.__getitem__)
        self.free.remove(region)
        self.sizes[region] = max(self.sizes[region], size)
        return region
