"""What passes have in common: they go through the steps in order, and some values come to be stood for by others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from grad_engine.program.gradients import is_of_backward
from grad_engine.program.steps import FUNCTION, GET_ITEM, METHOD, NO_NAMED, UFUNC, Kind, Program, Step, Value, mapped

_MAY_SHOW = frozenset({GET_ITEM, METHOD, FUNCTION})


_OF_SIGNS = frozenset({np.arctan2, np.copysign, np.signbit})


def tells_zeros_apart(program: Program) -> bool:
    """Whether a program asks for the sign of a zero, which x + 0 and x * 0 have to keep then."""
    return any(step.fn in _OF_SIGNS for step in program.steps if step.kind is UFUNC)


def _show_memory(before: Step, step: Step) -> None:
    """Note that the result of `step` may be a view now, where a number came to be an array of shape (), or the reverse.

    x.reshape(1) is a copy of a NumPy scalar and a view of an array of shape (); x[i] is a view where i is a scalar.
    """
    out = step.out
    if out.owner is not None or out.scalar or out.number:
        return
    for old, new in zip(before.values(), step.values(), strict=False):
        if old is not new and old.scalar != new.scalar:
            shown = step.args[0]
            out.owner = shown.memory if type(shown) is Value and not shown.number else None


class Rewriting:
    """A program in the course of being rewritten."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.steps: list[Step] = []
        self.replaced: dict[Value, Any] = {}
        self.line: tuple[str, int] | None = None
        self.errors: Any = None  # of the step that is visited

    def rewritten(self) -> Program:
        """The new program."""
        for step in self.program.steps:
            self.line, self.errors = step.line, step.errors
            if self.reads_replaced(step):
                named = mapped(self.now, dict(step.named)) if step.named else step.named
                taken = step.replaced(mapped(self.now, step.args), named)
                if step.kind in _MAY_SHOW and not step.several:
                    _show_memory(step, taken)
                self.visit(taken)
            else:
                self.visit(step)
        if self.program.stood_for is not None:
            self.program.stood_for.update(self.replaced)
        return self.program.with_steps(self.steps, self.now)

    def visit(self, step: Step) -> None:
        """Take a step over as it is, or put others in its place."""
        raise NotImplementedError

    def reads_replaced(self, step: Step) -> bool:
        """Whether other values stand for some that the step reads. Where none does, programs share the step."""
        return not self.replaced.keys().isdisjoint(step.values())

    def now(self, value: Any) -> Any:
        """What stands for `value`, which may be a plain thing."""
        while type(value) is Value and value in self.replaced:
            value = self.replaced[value]
        return value

    def replace(self, value: Value, other: Any) -> None:
        """Let `other` stand for `value`, with its name where it has none."""
        if type(other) is Value and other.step is not None:
            if not value.gradient_of:
                other.name = value.name if other.name is None else other.name
            elif is_of_backward(other):  # else of the forward pass: it keeps its name, though the numbers are the same
                other.gradient_of += tuple(of for of in value.gradient_of if of not in other.gradient_of)
                other.name = value.name if other.name is None else other.name
        self.replaced[value] = other

    def keep(self, step: Step) -> None:
        """Take a step over; views show the memory of what now stands for their owner."""
        step.errors = step.errors or self.errors
        for out in step.outs:
            out.step = step
            if out.owner is not None:
                out.owner = self._owner(out, step)
        self.steps.append(step)

    def _owner(self, out: Value, step: Step) -> Value | None:
        owner = self.now(out.owner)
        memories = [value.memory for value in step.values()]
        if type(owner) is Value and owner.memory in memories:
            return owner.memory
        return memories[0] if memories else None

    def make(self, kind: Kind, fn: Any, args: tuple[Any, ...], out: Value, named: Mapping[str, Any] = NO_NAMED) -> Any:
        """What stands for the result of a step of the pass's own, whose result looks like `out`."""
        made = Value.alike(out)
        made.owner = out.owner if kind in _MAY_SHOW else None  # keep() finds whose memory it is now
        step = Step(kind, fn, args, named, [made], False, self.line)
        made.step = step
        self.visit(step)
        return self.now(made)
