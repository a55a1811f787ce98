"""Leaves out steps whose results nobody reads."""

from __future__ import annotations

from grad_engine.program.steps import Program, Value


def alive(program: Program) -> Program:
    """The program without steps that neither an output, nor a write, nor a check depends on."""
    needed = {end for end in [*program.ends(), *program.hidden] if type(end) is Value}
    kept = []
    for step in reversed(program.steps):
        if not step.kind.pure or not needed.isdisjoint(step.outs):
            kept.append(step)
            needed.update(step.values())
    made = program.with_steps(kept[::-1])
    made.finite = [value for value in program.finite if value in needed]
    return made
