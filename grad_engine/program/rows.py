"""Loops as people read them: their bodies in plain words, and rows that are computed alike as a loop.

The rows of a Jacobian or Hessian stand in a trace one below the other. Each row is the same steps on another unit
vector, so the steps stand in the source once, in a loop over the rows of a unit matrix. Nothing is computed in another
way, and no bit changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from grad_engine.program import passes
from grad_engine.program.loop import Loop
from grad_engine.program.passes.dead import alive
from grad_engine.program.passes.rewriting import Rewriting
from grad_engine.program.steps import LOOP, Program, Step, Value, mapped, single_number

ROWS = "rows"  # the name of the body of such a loop


@dataclass(slots=True)
class _Rows:
    """Parts of one array that are computed alike.

    stack: the step that joins them; starts: where the steps of each begin; length: how many they are; varying: a
    constant of the first row -> those in its place in all rows.
    """

    stack: int
    starts: list[int]
    length: int
    varying: dict[Value, list[Value]]


def rolled(program: Program) -> Program:
    """The program with loops in the place of rows that are computed alike."""
    place = 0
    numbers = _numbers(program)
    while place < len(program.steps):
        found = _rows_of(program, place, numbers)
        if found is not None:
            program, place = _with_loop(program, found)
            numbers = _numbers(program)
        place += 1
    return program


def _numbers(program: Program) -> dict[Value, int]:
    """Result -> the number of its step."""
    return {out: number for number, step in enumerate(program.steps) for out in step.outs}


def _rows_of(program: Program, place: int, numbers: Mapping[Value, int]) -> _Rows | None:
    """What the step at `place` joins, if it is rows that are computed alike."""
    step = program.steps[place]
    if step.fn is not np.stack or step.named.get("axis", 0) != 0 or len(step.args) != 1:
        return None
    parts = step.args[0]
    if not isinstance(parts, list | tuple) or len(parts) < 2 or any(type(part) is not Value for part in parts):
        return None
    ends = [numbers.get(part, -1) for part in parts]
    length = ends[1] - ends[0]
    starts = [end - length + 1 for end in ends]
    if length < 2 or ends[0] < length - 1 or starts != [starts[0] + length * i for i in range(len(parts))]:
        return None
    others = (*program.steps[: starts[0]], *program.steps[ends[-1] + 1 : place], *program.steps[place + 1 :])
    outside = {value for other in others for value in other.values()}
    outside.update(end for end in program.ends() if type(end) is Value)
    first = program.steps[starts[0] : starts[0] + length]
    varying: dict[Value, list[Value]] = {}
    columns: dict[Value, int] = {}
    for row, start in enumerate(starts):
        own = program.steps[start : start + length]
        alike = _Alike(first, varying, row)
        if not all(alike.step(one, other) for one, other in zip(first, own, strict=True)):
            return None
        made = {out for each in own for out in each.outs}
        if not made.isdisjoint(outside):
            return None
        columns.update(dict.fromkeys(made, row))
    if any(len(each) != len(parts) for each in varying.values()):
        return None
    for row, start in enumerate(starts):  # no row reads what another one made
        for each in program.steps[start : start + length]:
            if any(columns.get(value, row) != row for value in each.values()):
                return None
    return _Rows(place, starts, length, varying)


class _Alike:
    """Compares the steps of a row with those of the first one."""

    def __init__(self, first: list[Step], varying: dict[Value, list[Value]], row: int) -> None:
        self.made = {out for step in first for out in step.outs}
        self.varying, self.row = varying, row
        self.pairs: dict[Value, Value] = {}  # result in the first row -> that in this row

    def step(self, one: Step, other: Step) -> bool:
        """Whether both do the same, with what is in its place in this row."""
        same = one.kind is other.kind and one.kind.pure and one.kind is not LOOP and one.several == other.several
        if not same or (one.fn is not other.fn and one.fn != other.fn) or len(one.outs) != len(other.outs):
            return False
        if not self.tree(one.args, other.args) or not self.tree(dict(one.named), dict(other.named)):
            return False
        for out, match in zip(one.outs, other.outs, strict=True):
            if not _of_one_kind(out, match):
                return False
            self.pairs[out] = match
        return True

    def tree(self, one: Any, other: Any) -> bool:
        if type(one) is not type(other):
            return False
        if type(one) is Value:
            return self.value(one, other)
        if isinstance(one, tuple | list):
            return len(one) == len(other) and all(map(self.tree, one, other))
        if isinstance(one, dict):
            return one.keys() == other.keys() and all(self.tree(part, other[key]) for key, part in one.items())
        if type(one) is slice:
            return self.tree((one.start, one.stop, one.step), (other.start, other.stop, other.step))
        if isinstance(one, np.ndarray):
            return one is other
        return one is other or bool(one == other)

    def value(self, one: Value, other: Value) -> bool:
        if one in self.made:
            return self.pairs.get(one) is other
        if not one.is_const or not other.is_const:
            return one is other
        if not _of_one_kind(one, other) or one.array_type is not other.array_type:
            return False
        seen = self.varying.setdefault(one, [])
        if len(seen) == self.row:
            seen.append(other)
        return len(seen) == self.row + 1 and _same(seen[self.row], other)


def _of_one_kind(one: Value, other: Value) -> bool:
    same = one.shape == other.shape and one.dtype == other.dtype and one.strides == other.strides
    return (
        same
        and one.scalar == other.scalar
        and one.number == other.number
        and (one.owner is None) == (other.owner is None)
    )


def _same(one: Value, other: Value) -> bool:
    if one is other or one.data is other.data:
        return True
    return np.asarray(one.data).tobytes() == np.asarray(other.data).tobytes()


class _Body(Rewriting):
    """The steps of the first row as a body, in which inputs stand for what lies outside and for what varies."""

    def __init__(self, program: Program, inputs: Mapping[Value, Value]) -> None:
        super().__init__(program)
        self.replaced.update(inputs)

    def visit(self, step: Step) -> None:
        self.keep(step)


def _with_loop(program: Program, rows: _Rows) -> tuple[Program, int]:
    """(the program with a loop for these rows, where the loop stands)."""
    steps, stack = program.steps, program.steps[rows.stack]
    first = steps[rows.starts[0] : rows.starts[0] + rows.length]
    differing = {one: each for one, each in rows.varying.items() if not all(_same(one, other) for other in each[1:])}
    changing = set(differing)
    inside: list[Step] = []
    before: list[Step] = []
    for step in first:
        if changing.isdisjoint(step.values()):
            before.append(step)
        else:
            inside.append(step)
            changing.update(step.outs)
    part = stack.args[0][0]
    if part not in changing or any(one.number for one in differing):
        return program, rows.stack
    given: dict[bytes, Value] = {}
    inputs: dict[Value, Value] = {}
    tables: list[Value] = []
    taken: list[Value] = []
    for one, each in differing.items():
        table = np.stack([np.asarray(other.data) for other in each])
        key = table.tobytes() + repr((table.shape, table.dtype.str)).encode()
        if key not in given:
            given[key] = Value.alike(one, name="unit" if _is_unit(table) else "row")
            tables.append(Value(table, data=table))
            taken.append(given[key])
        inputs[one] = given[key]
    made = {out for step in inside for out in step.outs}
    captured = [
        value for value in dict.fromkeys(value for step in inside for value in step.values())
        if value not in made and not value.is_const
    ]  # fmt: skip
    same = {value: Value.alike(value, name=value.name) for value in captured}
    for value, stand_in in same.items():
        stand_in.gradient_of = value.gradient_of
    inputs |= same
    first_name, name = part.name, f"{stack.out.name}_row" if stack.out.name else "row"
    for out in (out for each in inside for out in each.outs):  # H_0, or what passes gave that name
        out.name = name if out is part or (first_name is not None and out.name == first_name) else out.name
    body = Program(ROWS, [*taken, *same.values()], inside, [part], stood_for=program.stood_for)
    body = _Body(body, inputs).rewritten()
    loop = Loop(body, len(rows.starts), 0, len(tables))
    step = Step(LOOP, loop, (*tables, *captured), {}, stack.outs, True, stack.line)
    step.out.step = step
    end = rows.starts[-1] + rows.length
    new = [*steps[: rows.starts[0]], *before, *steps[end : rows.stack], step, *steps[rows.stack + 1 :]]
    return program.with_steps(new), len(steps[: rows.starts[0]]) + len(before) + rows.stack - end


def plain_loops(program: Program, exact: bool) -> Program:
    """The program with loops whose bodies went through the passes too, without rows that no round reads."""
    steps = []
    for step in program.steps:
        if step.kind is not LOOP:
            steps.append(step)
            continue
        loop = step.fn
        first, xs, others = loop.parts(step.args)
        body = replace(_with_known_rows(loop, xs), stood_for=program.stood_for)
        body = plain_loops(passes.run(body, passes.READABLE, exact), exact)
        carried, rows, same = loop.parts(body.inputs)
        used = {value for inner in body.steps for value in inner.values()} | set(body.outputs)
        read = [(row, given) for row, given in zip(rows, xs, strict=True) if row in used]
        body.inputs = [*carried, *(row for row, _ in read), *same]
        shorter = Loop(body, loop.length, loop.carried, len(read), loop.reverse, loop.saves)
        args = (*first, *(given for _, given in read), *others)
        step = Step(LOOP, shorter, args, step.named, step.outs, step.several, step.line)
        for out in step.outs:
            out.step = step
        steps.append(step)
    return alive(program.with_steps(steps)) if any(step.kind is LOOP for step in steps) else program


class _Known(Rewriting):
    """A program some of whose inputs are known."""

    def visit(self, step: Step) -> None:
        read = step.values()
        if step.kind.pure and step.kind is not LOOP and not step.several and all(value.is_const for value in read):
            data = step.kind.run(step.fn, *mapped(_data, (step.args, dict(step.named))))
            self.replaced[step.out] = Value(data, data=data)
        else:
            self.keep(step)


def _data(part: Any) -> Any:
    return part.data if type(part) is Value else part


def _with_known_rows(loop: Any, xs: list[Any]) -> Program:
    """The body of a loop, in which the rows of an array of one number are known: gradients of sums, or 0 of nothing."""
    known = _Known(loop.body)
    _, rows, _ = loop.parts(loop.body.inputs)
    for row, given in zip(rows, xs, strict=True):
        if type(given) is Value and given.is_const and (number := single_number(given)) is not None:
            data = np.full(row.shape, number, row.dtype)
            known.replaced[row] = Value(data[()] if row.scalar else data, data=data[()] if row.scalar else data)
    return known.rewritten() if known.replaced else loop.body


def _is_unit(table: Any) -> bool:
    """Whether each row of a table has one number that is not 0, or none."""
    return bool((np.count_nonzero(table.reshape(len(table), -1), axis=1) <= 1).all())
