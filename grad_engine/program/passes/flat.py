"""Lets an optimiser move its small parameters together: what it keeps for them lies in one flat array.

The same dozen of calls for each parameter become a dozen in all. Only functions that NumPy rounds correctly are put
together, so no bit changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from grad_engine.program.steps import (
    GET_ITEM,
    METHOD,
    NO_NAMED,
    PACK,
    UFUNC,
    Program,
    Step,
    Value,
    Write,
    mapped,
    packed,
    single_number,
)

SMALL = 1 << 12  # numbers of an array from which on its calls take longer than they cost to make
_ROUNDED = frozenset({
    np.add, np.subtract, np.multiply, np.true_divide, np.sqrt, np.square, np.maximum, np.minimum, np.negative,
    np.absolute,
})  # fmt: skip


@dataclass(eq=False, slots=True)
class Home:
    """A flat input in the place of several: `parts` lie in it one after the other."""

    flat: Value
    parts: list[Value]


def flattened(program: Program) -> Program:
    """The program in which what is kept for the parameters of one optimiser is computed as one array."""
    for lanes in program.kept:
        alike: dict[Any, list[_Lane]] = {}
        uses = program.uses()
        for states in lanes:
            lane = _Lane(program, states, uses)
            if lane.good:
                alike.setdefault(lane.signature, []).append(lane)
        for same in alike.values():
            if len(same) > 1:
                program = _Together(program, same).program()
    return program


class _Lane:
    """The steps that compute with what is kept for one parameter."""

    def __init__(self, program: Program, states: Sequence[Value], uses: dict[Value, list[int]]) -> None:
        self.states, self.shape, self.dtype = states, states[0].shape, states[0].dtype
        kept = {*states}
        written = {write.target: write.value for write in program.writes if write.target in kept}
        ends = {*program.outputs, *(write.value for write in program.writes if write.target not in kept)}
        numbers = self._numbers_of_steps(program, kept, ends, uses)
        self.steps = [program.steps[number] for number in sorted(numbers)]
        self.outer: list[Value] = []  # arrays from elsewhere: the gradient
        self._places = {value: place for place, value in enumerate([*states, *(step.out for step in self.steps)])}
        self.written = written
        self.good = (
            bool(self.shape)
            and 0 < states[0].size <= SMALL
            and all(each.like(states[0]) and each.c_contiguous() for each in states)
            and all(number in numbers for each in states for number in uses.get(each, ()))
            and all(value in self._places for value in written.values())
            and not kept & ends
            and bool(self.steps)
        )
        if self.good:
            pattern = [(step.fn, *map(self._code, step.args)) for step in self.steps]
            targets = [self._places.get(written.get(each)) for each in states]  # type: ignore[arg-type]
            self.signature = (self.dtype.str, len(states), *pattern, *targets)

    def _numbers_of_steps(
        self, program: Program, kept: set[Value], ends: set[Any], uses: dict[Value, list[int]]
    ) -> set[int]:
        """Steps that compute with what is kept, and those whose results only these read."""
        found: set[int] = set()
        mine = {*kept}
        for number, step in enumerate(program.steps):
            if mine & {*step.values()} and step.out not in ends and self._fits(step):
                found.add(number)
                mine.add(step.out)
        for number in range(max(found, default=0), -1, -1):
            step = program.steps[number]
            if number not in found and step.outs and step.out not in ends and self._fits(step):
                read = uses.get(step.out, ())
                if read and all(each in found for each in read):
                    found.add(number)
        return found

    def _fits(self, step: Step) -> bool:
        """Whether the step can be one of several that are made at once."""
        if step.kind is not UFUNC or step.fn not in _ROUNDED or step.named:
            return False
        return self._alike(step.out) and all(
            type(x) is not Value or x.ndim == 0 or (self._alike(x) and not x.is_const) for x in step.args
        )

    def _alike(self, x: Value) -> bool:
        return x.shape == self.shape and x.dtype == self.dtype

    def _code(self, x: Any) -> Any:
        """An operand as it can be compared with the one of the same step for another parameter."""
        if type(x) is not Value:
            return repr(x)
        if x in self._places:
            return "kept", self._places[x]
        if x.is_const:
            return x.dtype.str, x.number, repr(single_number(x))
        if x.ndim == 0:
            return "number", x
        if x not in self.outer:
            self.outer.append(x)
        return "outer", self.outer.index(x)


class _Together:
    """Lanes that do the same, as one."""

    def __init__(self, program: Program, lanes: list[_Lane]) -> None:
        self.before, self.lanes = program, lanes
        self.kept = {state for lane in lanes for state in lane.states}
        sizes = [lane.states[0].size for lane in lanes]
        self.starts = np.cumsum([0, *sizes]).tolist()
        self.line = lanes[-1].steps[0].line
        self.homes = [
            Home(self._flat(f"{states[0].name}"), [*states]) for states in zip(*(e.states for e in lanes), strict=True)
        ]
        self.chain: list[Step] = []
        outer = [self._packed(parts) for parts in zip(*(lane.outer for lane in lanes), strict=True)]
        first = lanes[0]
        now: dict[Value, Value] = dict(zip(first.states, (home.flat for home in self.homes), strict=True))
        now.update(zip(first.outer, outer, strict=True))
        for step in first.steps:
            args = tuple([now.get(x, x) if type(x) is Value else x for x in step.args])
            now[step.out] = self._step(UFUNC, step.fn, args, self._flat(step.out.name))
        self.results = now

    def program(self) -> Program:
        """The program with the lanes as one; the same as before where the order of steps forbids it."""
        steps = self._ordered()
        if steps is None:
            return self.before
        made = self.before.with_steps(steps, lambda value: self.views.get(value, value))
        first = self.lanes[0]
        made.writes = [write for write in made.writes if write.target not in self.kept]
        for home, state in zip(self.homes, first.states, strict=True):
            if state in first.written:
                made.writes.append(Write(home.flat, self.results[first.written[state]], False))
        made.inputs = [value for value in made.inputs if value not in self.kept] + [home.flat for home in self.homes]
        made.homes = [*made.homes, *self.homes]
        return made

    def _ordered(self) -> list[Step] | None:
        """All steps: those that need what the lanes compute come after them. None where that cannot be."""
        ours = {step for lane in self.lanes for step in lane.steps}
        missing = {step.out for step in ours}
        needed = {value for lane in self.lanes for value in lane.outer}
        needed |= {x for step in self.lanes[0].steps for x in step.args if type(x) is Value and x.ndim == 0}
        last = max((n for n, step in enumerate(self.before.steps) if needed & {*step.outs}), default=-1)
        before: list[Step] = []
        after: list[Step] = []
        for number, step in enumerate(self.before.steps):
            if step in ours:
                continue
            if not missing & {*step.values()}:
                (before if number <= last else after).append(step)
            elif not step.kind.pure or needed & {*step.outs}:
                return None
            else:
                after.append(step)
                missing.update(step.outs)
        self.views: dict[Value, Value] = {}
        made = []
        for step in after:
            read = [value for value in step.values() if value not in self.views]
            made += self._shown(read)
            made.append(step.replaced(*mapped(lambda x: self.views.get(x, x), (step.args, dict(step.named)))))
        ends = [write.value for write in self.before.writes if write.target not in self.kept]
        made += self._shown([end for end in [*self.before.outputs, *ends] if type(end) is Value])
        return [*before, *self.chain, *made]

    def _shown(self, values: Iterable[Value]) -> list[Step]:
        """Steps that make the parts of what the lanes compute which are these values."""
        steps: list[Step] = []
        for number, lane in enumerate(self.lanes):
            outs = [step.out for step in lane.steps]
            for value in dict.fromkeys(values):
                if value not in outs or value in self.views:
                    continue
                flat = self.results[self.lanes[0].steps[outs.index(value)].out]
                part = Value(np.empty(value.size, value.dtype))
                whole = Value.alike(value, name=value.name)
                cut = Step(GET_ITEM, None, (flat, slice(*self.starts[number : number + 2])), NO_NAMED, [part], False)
                shaped = Step(METHOD, "reshape", (part, value.shape), NO_NAMED, [whole], False, self.line)
                part.owner = whole.owner = flat
                part.step, whole.step, cut.line = cut, shaped, self.line
                steps += [cut, shaped]
                self.views[value] = whole
        return steps

    def _flat(self, name: str | None) -> Value:
        return Value(np.empty(self.starts[-1], self.lanes[0].dtype), name)

    def _packed(self, parts: tuple[Value, ...]) -> Value:
        return self._step(PACK, packed, (parts,), self._flat(None))

    def _step(self, kind: Any, fn: Any, args: tuple[Any, ...], out: Value) -> Value:
        out.step = Step(kind, fn, args, NO_NAMED, [out], False, self.line)
        self.chain.append(out.step)
        return out
