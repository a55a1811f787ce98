"""Takes out of a loop what is the same in each round."""

from __future__ import annotations

from collections.abc import Iterable

from grad_engine.program.steps import Program, Step, Value


def split(program: Program, varying: Iterable[Value]) -> tuple[list[Step], list[Step]]:
    """(steps that depend on nothing that varies from round to round, the others), each in order."""
    changing = set(varying)
    before: list[Step] = []
    inside: list[Step] = []
    for step in program.steps:
        if not step.kind.pure or any(value in changing for value in step.values()):
            inside.append(step)
            changing.update(step.outs)
        else:
            before.append(step)
    return before, inside
