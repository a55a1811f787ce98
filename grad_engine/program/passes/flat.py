"""Lets an optimiser move its small parameters together: what it keeps for them lies in one flat array.

The same dozen of calls for each parameter become a dozen in all. Only functions that NumPy rounds correctly are put
together, so no bit changes.
"""

from __future__ import annotations

import heapq
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
        done: set[Any] = set()
        while groups := _alike(program, lanes, done):
            done.add(groups[0][0].signature)
            program = _Together(program, groups[0]).program()
            if len(groups) == 1:  # else the lanes are looked for anew: the steps are others now
                break
    return program


def _alike(program: Program, lanes: Sequence[Sequence[Value]], done: set[Any]) -> list[list[_Lane]]:
    """Groups of at least two lanes that do the same, but for signatures that are done."""
    if len(lanes) < 2:
        return []
    alike: dict[Any, list[_Lane]] = {}
    graph = _Graph(program)
    for states in lanes:
        lane = _Lane(graph, states)
        if lane.good and lane.signature not in done:
            alike.setdefault(lane.signature, []).append(lane)
    return [same for same in alike.values() if len(same) > 1]


class _Graph:
    """Who reads and who makes each value of a program, and where it goes in the end: asked once for all lanes."""

    def __init__(self, program: Program) -> None:
        self.steps = program.steps
        self.readers = program.uses()
        self.makers = {out: number for number, step in enumerate(program.steps) for out in step.outs}
        self.written = {write.target: write.value for write in program.writes if write.target is not None}
        self.ends: dict[Any, set[Any]] = {}  # value -> None for an output, and the inputs that it is written to
        for output in program.outputs:
            self.ends.setdefault(output, set()).add(None)
        for write in program.writes:
            self.ends.setdefault(write.value, set()).add(write.target)


class _Lane:
    """The steps that compute with what is kept for one parameter."""

    def __init__(self, graph: _Graph, states: Sequence[Value]) -> None:
        self.states, self.shape, self.dtype = states, states[0].shape, states[0].dtype
        self.graph, self.kept = graph, {*states}
        written = {state: graph.written[state] for state in states if state in graph.written}
        numbers = self._numbers_of_steps()
        self.steps = [graph.steps[number] for number in sorted(numbers)]
        self.outer: list[Value] = []  # arrays from elsewhere: the gradient
        self._places = {value: place for place, value in enumerate([*states, *(step.out for step in self.steps)])}
        self.written = written
        self.good = (
            bool(self.shape)
            and 0 < states[0].size <= SMALL
            and all(each.like(states[0]) and each.c_contiguous() for each in states)
            and all(number in numbers for each in states for number in graph.readers.get(each, ()))
            and all(value in self._places for value in written.values())
            and not any(self._leaves(each) for each in states)
            and bool(self.steps)
        )
        if self.good:
            pattern = [(step.fn, *map(self._code, step.args)) for step in self.steps]
            targets = [self._places.get(written.get(each)) for each in states]  # type: ignore[arg-type]
            self.signature = (self.dtype.str, len(states), *pattern, *targets)

    def _leaves(self, value: Value) -> bool:
        """Whether a value is an output, or written to anything but what is kept here."""
        return not self.kept.issuperset(self.graph.ends.get(value, ()))

    def _numbers_of_steps(self) -> set[int]:
        """Steps that compute with what is kept, and those whose results only these read."""
        steps, readers, makers = self.graph.steps, self.graph.readers, self.graph.makers
        found: set[int] = set()
        pending = [number for state in self.states for number in readers.get(state, ())]
        heapq.heapify(pending)
        while pending:
            number = heapq.heappop(pending)
            step = steps[number]
            if number not in found and self._fits(step) and not self._leaves(step.out):
                found.add(number)
                for reader in readers.get(step.out, ()):
                    heapq.heappush(pending, reader)
        pending = [-makers[value] for number in found for value in steps[number].values() if value in makers]
        heapq.heapify(pending)
        while pending:  # the latest first, so that all who read it are known
            number = -heapq.heappop(pending)
            step = steps[number]
            if number in found or not self._fits(step) or self._leaves(step.out):
                continue
            if found.issuperset(readers.get(step.out, ())):
                found.add(number)
                for value in step.values():
                    if value in makers:
                        heapq.heappush(pending, -makers[value])
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
        self.places = {
            step.out: (number, place) for number, lane in enumerate(self.lanes) for place, step in enumerate(lane.steps)
        }
        made: list[Step] = []
        for step in after:
            made += self._shown(step.values())
            if not self.views.keys().isdisjoint(step.values()):
                step = step.replaced(*mapped(lambda x: self.views.get(x, x), (step.args, dict(step.named))))
            made.append(step)
        ends = [write.value for write in self.before.writes if write.target not in self.kept]
        made += self._shown([end for end in [*self.before.outputs, *ends] if type(end) is Value])
        return [*before, *self.chain, *made]

    def _shown(self, values: Iterable[Value]) -> list[Step]:
        """Steps that make the parts of what the lanes compute which are these values."""
        steps: list[Step] = []
        for value in dict.fromkeys(values):
            if value not in self.places or value in self.views:
                continue
            number, place = self.places[value]
            flat = self.results[self.lanes[0].steps[place].out]
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
