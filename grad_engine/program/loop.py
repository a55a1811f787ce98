"""A loop whose body was traced once: what scan() becomes in a program, forward and backward."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from grad_engine.program import passes
from grad_engine.program.code import Code
from grad_engine.program.passes.buffers import planned
from grad_engine.program.passes.dead import alive
from grad_engine.program.passes.invariant import split
from grad_engine.program.passes.small import as_numbers
from grad_engine.program.steps import Program, Value

_SHORTENING = ("fold", "common", "dead")


class Loop:
    """`length` rounds of `body`, whose inputs are what is carried, one row of each of xs, and what stays the same.

    The body returns the carried values of the next round, then results that are stacked. reverse: from the last row to
    the first. saves: whether the carried values that each round begins with are stacked too.
    """

    def __init__(
        self, body: Program, length: int, carried: int, rows: int, reverse: bool = False, saves: bool = False,
        quick: bool = False,
    ) -> None:  # fmt: skip
        self.body, self.length, self.carried, self.rows = body, length, carried, rows
        self.reverse, self.saves = reverse, saves
        self.quick = quick  # small arrays as Python floats
        self.__name__ = f"{body.name}_loop"
        self._free: list[Callable[..., Any]] = []  # functions that are not running, each with buffers of its own
        self._code: LoopCode | None = None

    def parts(self, values: Sequence[Any]) -> tuple[list[Any], list[Any], list[Any]]:
        """Inputs, or what is given for them, as (carried, rows, the same in each round)."""
        start = self.carried + self.rows
        return [*values[: self.carried]], [*values[self.carried : start]], [*values[start:]]

    def as_quick(self) -> Loop:
        """The same with small arrays as Python floats."""
        return Loop(self.body, self.length, self.carried, self.rows, self.reverse, self.saves, True)

    def programs(self) -> list[Program]:
        """The body, for whoever looks for calls in it."""
        return [self.body]

    def __call__(self, *args: Any) -> tuple[Any, ...]:
        if self._code is None:
            self._code = LoopCode(self)
        try:
            function = self._free.pop()
        except IndexError:
            function = self._code.function()
        try:
            return function(*args)
        finally:
            self._free.append(function)


class LoopCode(Code):
    """The loop as a Python function of the carried values, the xs, and what stays the same."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        program = passes.run(loop.body, _SHORTENING)
        self.taken: dict[Value, list[Value]] = {}
        self.numbers: list[list[Any] | None] = [None] * len(program.outputs)
        carried, rows, same = loop.parts(program.inputs)
        if loop.quick:
            program, self.taken, self.numbers = as_numbers(program, [*carried, *rows], loop.carried)
            program.outputs = [*program.outputs, *(n for each in self.numbers for n in each or () if type(n) is Value)]
            program = alive(program)
        varying = [*carried, *rows, *(number for numbers in self.taken.values() for number in numbers)]
        self.before, inside = split(program, varying)
        kept = [out for step in self.before for out in step.outs]
        planned_inside = Program(
            program.name, [*varying, *same, *kept], inside, program.outputs, [], {}, [], program.hidden
        )
        self.inside = planned(planned_inside)
        self.inside.inputs = program.inputs
        super().__init__(self.inside)

    def _body(self) -> None:
        spell, loop = self.spelling, self.loop
        carried, rows, _ = loop.parts(self.program.inputs)
        for step in self.before:
            self._write_quietly(step)
        names = {value: self._names(value) for value in (*carried, *rows)}
        for value in carried:
            given = spell.text[value]
            if value in self.taken:
                self._line(f"{_listed(names[value])} = {_flat(given, value)}.tolist()")
            else:
                self._line(f"{names[value][0]} = {given}")
        stacks = [spell.names.new("ys") for _ in range(len(loop.body.outputs) - loop.carried)]
        saved = [spell.names.new("saved") for _ in carried] if loop.saves else []
        for name in (*stacks, *saved):
            self._line(f"{name} = []")
        self._line(self._head(rows, names))
        self._named(carried + rows, names)
        self.indent = "    "
        for name, value in zip(saved, carried, strict=False):
            self._line(f"{name}.append({self._together(names[value], value)})")
        for step in self.program.steps:
            self._write_quietly(step)
        for value in self.program.hidden:
            text = spell.value(value)
            self._line(f"if {text} - {text} != 0.0: raise ArithmeticError")
        self._next_round(carried, names, stacks)
        self.indent = ""
        self._results(carried, names, stacks, saved)

    def _names(self, value: Value) -> list[str]:
        if value in self.taken:
            return [self.spelling.names.new(number.name or "v") for number in self.taken[value]]
        return [self.spelling.names.new(value.name or "v")]

    def _named(self, values: list[Value], names: dict[Value, list[str]]) -> None:
        for value in values:
            if value in self.taken:
                self.spelling.text.update(zip(self.taken[value], names[value], strict=True))
            else:
                self.spelling.text[value] = names[value][0]

    def _head(self, rows: list[Value], names: dict[Value, list[str]]) -> str:
        if not rows:
            return f"for _ in range({self.loop.length}):"
        targets, sources = [], []
        for value in rows:
            given = self.spelling.text[value]
            order = "[::-1]" if self.loop.reverse else ""
            if value in self.taken:
                shape = "" if value.ndim <= 1 else f".reshape({self.loop.length}, {value.size})"
                sources.append(f"{given}{order}{shape}.tolist()")
                targets.append(names[value][0] if value.ndim == 0 else f"({_listed(names[value])})")
            else:
                sources.append(f"{given}{order}")
                targets.append(names[value][0])
        if len(rows) == 1:
            return f"for {targets[0]} in {sources[0]}:"
        return f"for {', '.join(targets)} in zip({', '.join(sources)}):"

    @staticmethod
    def _together(names: list[str], value: Value) -> str:
        return names[0] if len(names) == 1 else f"({', '.join(names)})"

    def _texts(self, place: int) -> list[str]:
        """An output of the body as numbers, or as one array."""
        numbers = self.numbers[place]
        if numbers is None:
            return [self.spelling.value(self.program.outputs[place])]
        return [repr(each) if type(each) is float else self.spelling.value(each) for each in numbers]

    def _next_round(self, carried: list[Value], names: dict[Value, list[str]], stacks: list[str]) -> None:
        start = self.loop.carried
        for place, name in enumerate(stacks, start):
            self._line(f"{name}.append({self._together(self._texts(place), self.program.outputs[place])})")
        targets = [name for value in carried for name in names[value]]
        texts = [text for place in range(start) for text in self._texts(place)]
        if targets:
            self._line(f"{', '.join(targets)} = {', '.join(texts)}")

    def _results(
        self, carried: list[Value], names: dict[Value, list[str]], stacks: list[str], saved: list[str]
    ) -> None:
        results = []
        for value in carried:
            if value in self.taken:
                together = f"np.array([{', '.join(names[value])}])"
                shape = f".reshape({value.shape})" if value.ndim != 1 else ""
                results.append(f"np.float64({names[value][0]})" if value.scalar else f"{together}{shape}")
            else:
                results.append(f"np.array({names[value][0]})")
        if self.loop.reverse:
            for name in (*stacks, *saved):
                self._line(f"{name}.reverse()")
        outputs = self.loop.body.outputs[self.loop.carried :]
        for name, value in [*zip(stacks, outputs, strict=True), *zip(saved, carried, strict=False)]:
            results.append(
                f"np.array({name}, np.{value.dtype.type.__name__}).reshape({(self.loop.length, *value.shape)})"
            )
        if self.loop.quick:
            checked = " and ".join(f"np.isfinite(r{number}).all()" for number in range(len(results)))
            self._line(f"{_listed([f'r{number}' for number in range(len(results))])} = {_listed(results)}")
            self._line(f"if not ({checked}): raise ArithmeticError")
            self._line(f"return ({_listed([f'r{number}' for number in range(len(results))])})")
        else:
            self._line(f"return ({_listed(results)})")


def _listed(texts: list[str]) -> str:
    return ", ".join(texts) + ("," if len(texts) == 1 else "")


def _flat(given: str, value: Value) -> str:
    return given if value.ndim == 1 else f"np.asarray({given}).ravel()"
