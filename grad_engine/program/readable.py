"""The source that people read: NumPy as one would write it, below the lines of the program that it comes from."""

from __future__ import annotations

import linecache
import re
import textwrap
from collections.abc import Collection, Generator, Iterable, Iterator
from typing import Any

import numpy as np

from grad_engine.program import passes
from grad_engine.program.passes.rewriting import Rewriting
from grad_engine.program.plain_spelling import PlainSpelling
from grad_engine.program.spelling import ATOM, Names
from grad_engine.program.steps import (
    AT,
    CHECK,
    GET_ITEM,
    LOOP,
    SET_ITEM,
    UFUNC,
    BackwardLine,
    Program,
    Step,
    Value,
    single_number,
)

_WIDTH = 100  # characters of a line
_IN_PLACE = {np.add: "+", np.subtract: "-", np.multiply: "*", np.true_divide: "/"}
_INLINE = 60  # characters of an expression that may be part of another


class Readable:
    """A program as text. `functional`: without writes in place, for libraries whose arrays never change."""

    def __init__(self, program: Program, functional: bool = False, comments: bool = True) -> None:
        self.program, self.functional = program, functional
        names = Names()
        names.taken.add(program.name)
        self.spelling = spelling = PlainSpelling(names, {out.size for step in program.steps for out in step.outs})
        for value in program.inputs:
            spelling.text[value] = names.new(value.name or "x")
        self.loops: list[Any] = []
        self._uses = program.uses()
        self._ends = {end for end in program.ends() if type(end) is Value}
        self._steps = program.steps
        self._targets = {} if functional else _directly_written(program)
        self._next: dict[Any, Value] = {}  # in a loop: what is carried on -> the input of the next round
        self._done: set[Value] = set()  # inputs that have their new numbers
        lines: list[str] = []
        before: Any = None
        for number, step in enumerate(program.steps):
            self._number = number
            made = [*self._written(step)]
            here = step.line, type(step.line) is BackwardLine
            if made and comments and step.line is not None and here != before:
                before = here
                if text := linecache.getline(*step.line).strip():
                    lines.append(f"# backward of: {text}" if here[1] else f"# {text}")
            lines.extend(made)
        lines.extend(self._ending())
        self.lines = lines

    def _written(self, step: Step) -> Iterator[str]:
        spell = self.spelling
        if step.kind is CHECK:
            if not self.functional:
                value, truth = step.args
                yield f"if {'not ' if truth else ''}{spell.inside(value, 8)}:"
                yield "    raise ValueError('the numbers ask for another branch than the one that was traced')"
            return
        if step.kind in (SET_ITEM, AT):
            yield from self._scatter(step)
            return
        if step.kind is LOOP:
            yield from self._loop(step)
            return
        text, binds = spell.call(step)
        if step.several:
            names = self._names(step)
            yield f"{', '.join(names)}{',' * (len(names) == 1)} = {text}"
            return
        out = step.out
        if (target := self._targets.get(out)) is not None and self._is_read_before(target, step):
            name = spell.text[out] = spell.text[target]
            self._done.add(target)
            yield self._in_place(step, target, name, text)
            return
        if (carry := self._next.get(out)) is not None and self._is_read_before(carry, step):
            name = spell.text[out] = spell.text[carry]
            yield f"{name} = {text}"
            return
        once = len(self._uses.get(out, ())) == 1 and out not in self._ends
        once = once or (out in self._ends and self._last(out))
        if out.name is None and step.kind.pure and len(text) < _INLINE and once:
            spell.text[out], spell.precedence[out] = text, binds
        else:
            (name,) = self._names(step)
            yield f"{name} = {text}"

    def _in_place(self, step: Step, target: Value, name: str, text: str) -> str:
        """What writes the result of a step into an input, which is not read any more."""
        sign = _IN_PLACE.get(step.fn) if step.kind is UFUNC and not step.named else None
        if sign is not None and step.args[0] is target and target.ndim:
            return f"{name} {sign}= {self.spelling.argument(step.args[1])}"
        return f"{name}[...] = {text}"

    def _last(self, out: Value) -> bool:
        """Whether a value is returned once and read by nothing, so that it may stand in the return."""
        return out not in self._uses and [*self.program.ends()].count(out) == 1

    def _names(self, step: Step) -> list[str]:
        names = [self.spelling.names.new(out.name or "t") for out in step.outs]
        self.spelling.text.update(zip(step.outs, names, strict=True))
        for out in step.outs:
            self.spelling.precedence.pop(out, None)
        return names

    def _scatter(self, step: Step) -> Iterator[str]:
        """x[key] = value on a copy of x."""
        spell, (x, key, *rest) = self.spelling, step.args
        array = spell.inside(x, ATOM)
        if self.functional:
            operation = "set" if step.kind is SET_ITEM else step.fn.__name__
            text = f"np.asarray({array}).at[{spell.index(key)}].{operation}({spell.argument(rest[0])})"
            (name,) = self._names(step)
            yield f"{name} = {text}"
            return
        if type(x) is Value and self._may_write_over(x, step):
            name = spell.text[step.out] = array
            if (added := self._added(x, key, rest[0])) is not None:
                yield f"{name}[{spell.index(key)}] += {spell.argument(added)}"
                return
        value = spell.arguments(tuple(rest), {})
        if step.out in spell.text:
            name = array
        else:
            (name,) = self._names(step)
        if name == array:
            pass
        elif type(x) is Value and x.is_const and not np.any(x.data) and type(x.data) is np.ndarray:
            kind = "" if x.dtype == np.float64 else f", np.{x.dtype.type.__name__}"
            yield f"{name} = np.zeros({x.size if x.ndim == 1 else x.shape}{kind})"
        else:
            scalar = type(x) is Value and (x.scalar or x.number)  # of which a copy cannot be written to
            yield f"{name} = np.array({spell.argument(x)})" if scalar else f"{name} = {array}.copy()"
        if step.kind is SET_ITEM:
            yield f"{name}[{spell.index(key)}] = {value}"
        else:
            yield f"{spell.function(step.fn)}.at({name}, {spell.argument(key)}, {value})"

    def _may_write_over(self, x: Value, step: Step) -> bool:
        """Whether nobody reads x, nor a view of it, after this step, so that its variable may go on as the result."""
        if x.step is None or x.owner is not None or not self.spelling.text[x].isidentifier() or not x.ndim:
            return False
        return not any(end.memory is x for end in self._ends) and self._is_read_before(x, step)

    def _is_read_before(self, x: Value, step: Step) -> bool:
        """Whether nobody reads x, nor a view of it, after this step."""
        for number, reader in enumerate(self._steps):
            reads = reader is not step and any(value.memory is x for value in reader.values())
            if reads and (number > self._number or not self._is_done(reader)):
                return False
        return True

    def _is_done(self, reader: Step) -> bool:
        """Whether an earlier step stands above in a line, or will stand in the line of the present step."""
        for out in reader.outs:
            uses = self._uses.get(out, [])
            if self.spelling.text.get(out, "").isidentifier() or reader.kind in (SET_ITEM, AT):
                if out.owner is not None and any(each > self._number for each in uses):
                    return False
                continue
            if any(
                each > self._number or (each < self._number and not self._is_done(self._steps[each])) for each in uses
            ):
                return False
        return True

    def _added(self, x: Value, key: Any, value: Any) -> Any:
        """What is added, where x[key] is written that is x[key] and something."""
        step = value.step if type(value) is Value else None
        if step is None or step.kind is not UFUNC or step.fn is not np.add or step.named or len(self._uses[value]) > 1:
            return None
        if self.spelling.text[value].isidentifier():
            return None
        part = step.args[0].step if type(step.args[0]) is Value else None
        same = part is not None and part.kind is GET_ITEM and part.args[0] is x and repr(part.args[1]) == repr(key)
        return step.args[1] if same else None

    def _loop(self, step: Step) -> Iterator[str]:
        """The rounds of scan(): the body once, in a for loop."""
        loop, spell = step.fn, self.spelling
        first, xs, others = loop.parts(step.args)
        body = passes.run(_with_zeros(loop, xs), passes.READABLE)
        carried, rows, same = loop.parts(body.inputs)
        used = {value for inner in body.steps for value in inner.values()} | set(body.outputs)
        xs = [given for given, row in zip(xs, rows, strict=True) if row in used]
        rows = [row for row in rows if row in used]
        for value, given in zip(same, others, strict=True):
            spell.text[value] = spell.inside(given, ATOM)
        for value, given in zip(carried, first, strict=True):
            text = spell.argument(given)
            spell.text[value] = spell.names.new(value.name or "carry")
            yield f"{spell.text[value]} = {text}"
        sources = [spell.inside(given, ATOM) + ("[::-1]" if loop.reverse else "") for given in xs]
        spell.text.update((value, spell.names.new(value.name or "x")) for value in rows)
        last = len(body.outputs) - loop.carried
        used = {out for out in step.outs if out in self._uses or out in self._ends}
        read = [out in used for out in step.outs[loop.carried : loop.carried + last]]
        stacks = [spell.names.new("ys") if each else "" for each in read]
        saved = [spell.names.new("before") for _ in carried] if loop.saves else []
        for name in filter(None, (*stacks, *saved)):
            yield f"{name} = []"
        targets = [spell.text[value] for value in rows]
        listed = f"zip({', '.join(sources)})" if len(sources) != 1 else sources[0]
        yield f"for {', '.join(targets)} in {listed}:" if targets else f"for _ in range({loop.length}):"
        for name, value in zip(saved, carried, strict=False):
            yield f"    {name}.append({spell.text[value]})"
        outside = self._uses, self._ends, self._steps, self._number, self._next
        self._steps = body.steps
        new = body.outputs[: loop.carried]
        self._next = {
            out: value for out, value in zip(new, carried, strict=True)
            if body.outputs.count(out) == 1 + body.outputs[loop.carried :].count(out) and value not in body.outputs
        }  # fmt: skip
        self._uses, self._ends = body.uses(), {end for end in body.ends() if type(end) is Value}
        for self._number, inner in enumerate(body.steps):
            for line in self._written(inner):
                yield f"    {line}"
        self._uses, self._ends, self._steps, self._number, self._next = outside
        for name, value in zip(stacks, body.outputs[loop.carried :], strict=True):
            if name:
                yield f"    {name}.append({spell.value(value)})"
        pairs = [(spell.text[value], spell.value(out)) for value, out in zip(carried, new, strict=True)]
        pairs = [(old, text) for old, text in pairs if old != text]
        if pairs:
            yield f"    {', '.join(old for old, _ in pairs)} = {', '.join(text for _, text in pairs)}"
        texts = [spell.text[value] for value in carried]
        texts += [f"np.stack({name}{'[::-1]' if loop.reverse else ''})" for name in (*stacks, *saved)]
        for out, text in zip(step.outs, texts, strict=True):
            if out not in used and not text.isidentifier():
                continue
            spell.text[out] = text
            if not text.isidentifier():
                (spell.text[out],) = [spell.names.new(out.name or "t")]
                yield f"{spell.text[out]} = {text}"

    def _ending(self) -> Iterator[str]:
        spell, program = self.spelling, self.program
        stored = [write for write in program.writes if write.value is not write.target]
        if self.functional:
            outputs = [*map(spell.value, program.outputs)]
            new = [spell.value(write.value) for write in stored]
            yield "return " + (f"({_listed(outputs)}), ({_listed(new)})" if stored else ", ".join(outputs) or "None")
            return
        in_place = [
            (write.target, write.value) for write in stored
            if write.target is not None and write.target not in self._done
        ]  # fmt: skip
        targets = {target for target, _ in in_place}
        outputs = yield from self._before_writes(program.outputs, targets)
        texts = yield from self._before_writes([value for _, value in in_place], targets if len(in_place) > 1 else ())
        for (target, _), text in zip(in_place, texts, strict=True):
            yield f"{spell.value(target)}[...] = {text}"
        outside = dict.fromkeys(write.value for write in stored if not write.in_place and write.shown)
        outputs += map(spell.value, outside)
        yield f"return {', '.join(outputs) or 'None'}"

    def _before_writes(self, values: Iterable[Any], targets: Collection[Value]) -> Generator[str, None, list[str]]:
        """The texts of values; those that read an array that is about to be written get a variable first."""
        texts = []
        names = "|".join(rf"\b{self.spelling.value(target)}\b" for target in targets)
        for value in values:
            text = self.spelling.value(value)
            shows = type(value) is Value and value.memory in targets and not value.scalar
            if shows or (names and not text.isidentifier() and re.search(names, text)):
                name = self.spelling.names.new(getattr(value, "name", None) or "new")
                yield f"{name} = {text}{'.copy()' if shows else ''}"
                text = name
            texts.append(text)
        return texts

    def function(self) -> str:
        """The definition, constants that cannot be written down being arguments with defaults to be given."""
        spell = self.spelling
        inputs = [spell.text[value] for value in self.program.inputs]
        constants = [*spell.environment]
        body = "\n".join(f"    {line}" for line in self.lines)
        return f"{head(self.program.name, inputs + ['*', *constants] if constants else inputs)}\n{body}\n"


def head(name: str, parameters: list[str]) -> str:
    """The first lines of a definition."""
    line = f"def {name}({', '.join(parameters)}):"
    if len(line) <= _WIDTH:
        return line
    return "\n".join([f"def {name}(", *textwrap.wrap(", ".join(parameters), _WIDTH, initial_indent="    ",
                      subsequent_indent="    "), "):"])  # fmt: skip


class _Known(Rewriting):
    """A program some of whose inputs are known."""

    def visit(self, step: Step) -> None:
        self.keep(step)


def _with_zeros(loop: Any, xs: list[Any]) -> Program:
    """The body of a loop, in which rows of zeros are zeros: gradients of results that nobody uses."""
    known = _Known(loop.body)
    _, rows, _ = loop.parts(loop.body.inputs)
    for row, given in zip(rows, xs, strict=True):
        if type(given) is Value and given.is_const and single_number(given) == 0:
            zeros = np.zeros(row.shape, row.dtype)
            known.replaced[row] = Value(zeros, data=zeros)
    return known.rewritten() if known.replaced else loop.body


def _directly_written(program: Program) -> dict[Value, Value]:
    """Results that may go into an input as soon as they are known: value -> input."""
    numbers = {out: number for number, step in enumerate(program.steps) for out in step.outs}
    last_check = max((number for number, step in enumerate(program.steps) if step.kind is CHECK), default=-1)
    ends = [end for end in program.ends() if type(end) is Value]
    found: dict[Value, Value] = {}
    for write in program.writes:
        value, target = write.value, write.target
        if target is None or value is target or numbers.get(value, -1) <= last_check or value.owner is not None:
            continue
        if value.like(target) and ends.count(value) == 1 and not any(end.memory is target for end in ends):
            found[value] = target
    return found


def _listed(texts: list[str]) -> str:
    return ", ".join(texts) + ("," if len(texts) == 1 else "")


def source_of(program: Program) -> str:
    """The readable source, ready to be run where `np` is NumPy and the constants are given."""
    return Readable(program).function()
