"""The source that people read: NumPy as one would write it, below the lines of the program that it comes from."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Collection, Generator, Iterable, Iterator
from typing import Any

import numpy as np

from grad_engine.program.gradients import of_copies
from grad_engine.program.plain_spelling import PlainSpelling
from grad_engine.program.rows import ROWS
from grad_engine.program.spelling import ATOM, Names, described
from grad_engine.program.steps import (
    AT,
    CHECK,
    GET_ITEM,
    LOOP,
    NUMBER,
    SET_ITEM,
    UFUNC,
    AlongLine,
    BackwardLine,
    Program,
    Step,
    Value,
    values_in,
)
from grad_engine.program.user_lines import comment_of, statement_at

_WIDTH = 100  # characters of a line
_IN_PLACE = {np.add: "+", np.subtract: "-", np.multiply: "*", np.true_divide: "/"}
_QUOTED = 60  # characters of a line of the user's program in a message
_NOT = 3  # how strongly `not` has to be bound
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
        self._indexed: list[Step] | None = None  # the steps that _by_memory is of
        self._by_memory: dict[Value, list[int]] = {}
        self._stood_for = program.stood_for or {}
        self._inputs = {*program.inputs}
        self._of_copies = of_copies(program.steps, self._standing_for)
        self._targets = {} if functional else _directly_written(program)
        self._next: dict[Any, Value] = {}  # in a loop: what is carried on -> the input of the next round
        self._done: set[Value] = set()  # inputs that have their new numbers
        lines: list[str] = []
        self._comments = comments
        products = any((out.name or "").startswith(("Hv", "Jv")) for step in program.steps for out in step.outs)
        self._along = "along v" if products else "backward of the backward of"
        self._rule: str | None = None  # of an optimiser, to stand above the next line
        self._made: dict[Value, str] = {}  # what has a line of its own -> the right side of that line
        self._moving = {  # lines of the user's program where optimisers move parameters
            write.value.step.line for write in program.writes
            if write.target in program.rules and write.value.step is not None
        }  # fmt: skip
        self._told: list[Any] = []  # parameters whose rules stand above
        self._checked: set[str] = set()  # conditions that are looked at already
        self._asking: Any = None  # (question, line, truth), conditions, and what they compare: checks to be written
        self._late: list[str] = []  # lines of checks that come before those of the next step
        self._commented: Any = None  # the line of the user's program that stands in the latest comment
        for number, step in enumerate(program.steps):
            self._number = number
            lines.extend(self._lines(step))
        lines.extend(self._asked())
        lines.extend(self._ending())
        self.lines = lines

    def _lines(self, step: Step) -> list[str]:
        """The lines of a step, below a comment where they come from another line than those above."""
        before = self._commented
        self.spelling.line = step.line
        self._look_for_rule(step)
        made = [*self._written(step)]
        lines, self._late = self._late, []
        if made:
            lines += [*self._asked(), *self._comment(step, before), *made]
        return lines

    def _before(self, line: Any) -> str:
        """What stands in a comment before a line of the user's program: what the steps below have to do with it."""
        if type(line) is AlongLine:
            return self._along
        return "backward of" if isinstance(line, BackwardLine) else ""

    def _look_for_rule(self, step: Step) -> None:
        """Take up what an optimiser does with a parameter where its first step stands."""
        rules, target = self.program.rules, self._targets.get(step.outs[0]) if step.outs else None
        for value in step.values() if rules else ():
            optimizer, group, parameter = rules.get(value, (None, None, None))
            moves = value is target or step.line in self._moving
            if parameter in (None, *self._told) or (value is parameter and not moves):
                continue
            name = self.spelling.value(parameter)
            words = re.sub(r"\bp\b", name, re.sub(r"\bg\b", f"g_{name}", optimizer.rule(group)))
            self._rule = f"{type(optimizer).__name__}: {words or f'moves {name}'}"
            self._told.append(parameter)

    def _comment(self, step: Step, before: Any) -> Iterator[str]:
        """The line of the user's program that a step comes from, where the step before came from another."""
        here = step.line, type(step.line)
        if self._comments and step.line is not None and here != before:
            if step.kind is not LOOP:
                self._commented = here
            if text := comment_of(*step.line, self.spelling.names.taken, self._before(step.line)):
                yield f"# {text}"
        if self._rule is not None and self._comments:
            yield f"# {self._rule}"
            self._rule = None

    def _written(self, step: Step) -> Iterator[str]:
        spell = self.spelling
        if step.kind is CHECK:
            if not self.functional:
                self._check(step)
                return
            value, truth = step.args
            yield f"{spell.thing(goes_on, 'goes_on')}({spell.argument(value)}, {truth})"
            return
        if step.kind in (SET_ITEM, AT):
            yield from self._scatter(step)
            return
        if step.kind is LOOP:
            yield from self._loop(step)
            return
        if self.functional:
            step = _for_other_libraries(step)
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
            grows = step.fn is np.add and step.args[0] is carry
            if grows and (carry.name or "").startswith("total_g"):  # an array of its own, which began as np.zeros()
                text = f"{name} += {spell.argument(step.args[1])}"
            else:
                text = f"{name} = {text}"
            yield text
            return
        once = len(self._uses.get(out, ())) == 1 and out not in self._ends
        once = once and not any(
            self._steps[place].kind is LOOP for place in self._uses[out]
        )  # made once for all rounds
        once = once or (out in self._ends and self._last(out))
        short = len(text) < _INLINE or self._is_added_in_place(step)
        if not self._is_named(out) and step.kind.pure and short and once:
            spell.text[out], spell.precedence[out] = text, binds
        else:
            (name,) = self._names(step)
            self._made[out] = text
            too = [each for of in out.gradient_of[1:] if (each := self._input(of)) and f"g_{each}" != name]
            yield f"{name} = {text}" + (f"  # which is g_{' and g_'.join(too)} too" if too and self._comments else "")

    def _check(self, step: Step) -> None:
        """Take up what raises an error where the numbers go another way than the one that the program is written for.

        Conditions of one question become one, whose lines _asked() gives.
        """
        value, truth = step.args
        spell, made = self.spelling, value.step
        condition = f"{'not ' if truth else ''}{spell.inside(value, _NOT if truth else 0)}"
        if condition in self._checked:
            return
        self._checked.add(condition)
        question = step.op or f"is {spell.argument(value)} true?"
        key = question, step.line, truth
        if self._asking is not None and self._asking[0] != key:
            self._late += self._asked()
        compared: list[tuple[str, str]] = []  # what is compared, and where it stands
        if made is not None and made.kind in (UFUNC, NUMBER) and len(made.args) == 2:
            given = [x for x in made.args if type(x) is Value and not x.ndim and not x.is_const]
            compared = [(self._made.get(x, spell.value(x)), spell.value(x)) for x in given]
        if self._asking is None:
            self._asking = key, [], []
        self._asking[1].append(condition)
        self._asking[2].extend(compared)

    def _asked(self) -> list[str]:
        """The lines of the checks that were taken up."""
        if self._asking is None:
            return []
        (question, line, truth), conditions, compared = self._asking
        self._asking = None
        place = f"{self.program.name}(): "
        if line is not None:
            text = statement_at(*line)[0]
            text = text if len(text) <= _QUOTED else text[: _QUOTED - 4] + " ..."
            place = f"{os.path.basename(line[0])}, line {line[1]}, {text}: "
        words = f"{place}{question} {'No' if truth else 'Yes'}, but {'yes' if truth else 'no'} when this was traced; "
        words += "call the compiled function with these numbers and it makes a program for them"
        shown = [pair for pair in dict.fromkeys(compared) if not re.search(r"""["'{}\\]""", "".join(pair))]
        values = f" ({', '.join(f'{what} is {{{text}}}' for what, text in shown)})" if shown else ""
        pieces = [*map(_quoted, textwrap.wrap(words, _WIDTH - 16, drop_whitespace=False))]
        if values:
            pieces.append(f'f"{values}"')
        pieces = [f"        {piece}" for piece in pieces]
        return [f"if {' or '.join(conditions)}:", "    raise ValueError(", *pieces, "    )"]

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
        names = [self._name(out) for out in step.outs]
        self.spelling.text.update(zip(step.outs, names, strict=True))
        for out in step.outs:
            self.spelling.precedence.pop(out, None)
        return names

    def _is_named(self, out: Value) -> bool:
        return out.name is not None or self._gradient(out) is not None

    def _name(self, out: Value) -> str:
        """A new variable: after what a value is the gradient of, or after the variable of the user's program."""
        out = self._grown(out) if out.owner is None and out not in self._ends else out
        gradient, names = self._gradient(out), self.spelling.names
        if gradient is None:
            return names.new(out.name or "t")
        return names.new(f"g_{gradient}", "_")

    def _gradient(self, out: Value) -> str | None:
        """The name of the first value that has one among those whose gradient `out` is."""
        for of in out.gradient_of:
            found = self._standing_for(of)
            if (out, of) in self._of_copies:
                continue
            text = self.spelling.text.get(found, "") if type(found) is Value else ""
            if text.isidentifier() and found.name is not None:
                return text
            if (name := of.name or getattr(found, "name", None)) is not None:
                return str(name)
        return None

    def _input(self, of: Value) -> str | None:
        """The name of an input of the program; None for any other value."""
        found = self._standing_for(of)
        return self.spelling.text[found] if found in self._inputs else None

    def _standing_for(self, value: Value) -> Any:
        """What passes put in the place of a value."""
        found: Any = value
        while type(found) is Value and found in self._stood_for:
            found = self._stood_for[found]
        return found

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
        change = self._change(x, key, rest[0]) if step.kind is SET_ITEM and type(x) is Value else None
        if type(x) is Value and self._may_write_over(x, step):
            name = spell.text[step.out] = array
        else:
            name = spell.text[step.out] = self._name(step.out)
            yield f"{name} = {self._new_array(x, array)}"
        if change is not None:
            sign, part = change
            yield f"{name}[{spell.index(key)}] {sign}= {spell.argument(part)}"
            return
        value = spell.arguments(tuple(rest), {})
        if step.kind is SET_ITEM:
            yield f"{name}[{spell.index(key)}] = {value}"
        else:
            yield f"{spell.function(step.fn)}.at({name}, {spell.argument(key)}, {value})"

    def _new_array(self, x: Any, text: str) -> str:
        """An array with the numbers of x that may be written to; text: x as it is read."""
        if type(x) is Value and x.is_const and not np.any(x.data) and type(x.data) is np.ndarray:
            kind = "" if x.dtype == np.float64 else f", np.{x.dtype.type.__name__}"
            return f"np.zeros({x.shape if x.ndim > 1 else x.size}{kind})"
        if type(x) is Value and (x.scalar or x.number):  # of which a copy cannot be written to
            return f"np.array({self.spelling.argument(x)})"
        if type(x) is Value and x.is_const and text.endswith(")") and not text.isidentifier():
            return text  # np.eye(3): nobody else has it
        return f"{text}.copy()"

    def _grown(self, out: Value) -> Value:
        """What an array becomes by the writes that follow, and is called after."""
        while not self._is_named(out) and self._uses.get(out):
            reader = self._steps[self._uses[out][-1]]
            if reader.kind not in (SET_ITEM, AT) or reader.args[0] is not out:
                break
            out = reader.out
        return out

    def _may_write_over(self, x: Value, step: Step) -> bool:
        """Whether nobody reads x, nor a view of it, after this step, so that its variable may go on as the result."""
        if x.step is None or x.owner is not None or not self.spelling.text[x].isidentifier() or not x.ndim:
            return False
        return not any(end.memory is x for end in self._ends) and self._is_read_before(x, step)

    def _is_read_before(self, x: Value, step: Step) -> bool:
        """Whether nobody reads x, nor a view of it, after this step."""
        for number in self._readers_of(x):
            reader = self._steps[number]
            if reader is not step and (number > self._number or not self._is_done(reader)):
                return False
        return True

    def _readers_of(self, x: Value) -> Iterable[int]:
        """The numbers of the steps that read x, or a view of it."""
        if self._indexed is not self._steps:
            self._indexed, self._by_memory = self._steps, {}
            for number, step in enumerate(self._steps):
                for memory in {value.memory for value in step.values()}:
                    self._by_memory.setdefault(memory, []).append(number)
        return self._by_memory.get(x, ())

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

    def _is_added_in_place(self, step: Step) -> bool:
        """Whether a step adds something to x[key], to be written there."""
        readers = [self._steps[place] for place in self._uses.get(step.out, ())]
        if len(readers) != 1 or readers[0].kind is not SET_ITEM or readers[0].args[2] is not step.out:
            return False
        return self._part_of(step, *readers[0].args[:2])

    @staticmethod
    def _part_of(step: Step, x: Any, key: Any) -> bool:
        """Whether a step adds something to x[key]."""
        if step.kind is not UFUNC or step.fn not in (np.add, np.subtract) or step.named:
            return False
        part = step.args[0].step if type(step.args[0]) is Value else None
        return part is not None and part.kind is GET_ITEM and part.args[0] is x and repr(part.args[1]) == repr(key)

    def _change(self, x: Value, key: Any, value: Any) -> tuple[str, Any] | None:
        """+ or -, and what is added or subtracted, where x[key] is written that is x[key] and something."""
        step = value.step if type(value) is Value else None
        if step is None or len(self._uses[value]) > 1 or self.spelling.text[value].isidentifier():
            return None
        return (_IN_PLACE[step.fn], step.args[1]) if self._part_of(step, x, key) else None

    def _loop(self, step: Step) -> Iterator[str]:
        """The rounds of scan(): the body once, in a for loop."""
        loop, spell = step.fn, self.spelling
        first, xs, others = loop.parts(step.args)
        body = loop.body
        carried, rows, same = loop.parts(body.inputs)
        new, results = body.outputs[: loop.carried], body.outputs[loop.carried :]
        ends, lists, kept = (
            step.outs[: loop.carried], step.outs[loop.carried : loop.carried + len(results)],
            step.outs[loop.carried + len(results) :],
        )  # fmt: skip
        for value, given in zip(same, others, strict=True):
            spell.text[value] = spell.inside(given, ATOM)
        for value, given in zip(carried, first, strict=True):
            text = spell.argument(given)
            if self._is_read_here_alone(given, step):  # its variable goes on as what is carried
                spell.text[value] = text
                continue
            name = spell.text[value] = spell.names.new(value.name or "carry")
            total = name.startswith("total_g_") and self._comments
            yield f"{name} = {text}" + (f"  # the gradient of {name[8:]}: the sum over the rounds" if total else "")
        read = [out in self._uses or out in self._ends for out in (*lists, *kept)]
        stacks = [self._name(out) if self._is_named(out) else spell.names.new("ys") for out in lists]
        saved = [spell.names.new(f"saved_{spell.text[value]}") for value in carried] if kept else []
        told = ["" for _ in stacks] + [f"  # {spell.text[value]} at the start of each round" for value in carried]
        for name, is_read, words in zip((*stacks, *saved), read, told, strict=False):
            if is_read:
                yield f"{name} = []{words if self._comments else ''}"
        outer = spell.names.mark()
        sources = [f"{spell.inside(given, ATOM)}[::-1]" if loop.reverse else spell.argument(given) for given in xs]
        spell.text.update((value, self._row_name(value, given)) for value, given in zip(rows, xs, strict=True))
        targets = [spell.text[value] for value in rows]
        listed = f"zip({', '.join(sources)})" if len(sources) != 1 else sources[0]
        if loop.reverse and self._comments:
            yield "# from the last round to the first"
        if loop.body.name == ROWS and self._comments:
            yield f"# each row of {stacks[0]} is the same steps, on another unit vector"
        line = f"for {', '.join(targets)} in {listed}:" if targets else f"for _ in range({loop.length}):"
        yield from [line] if len(line) <= _WIDTH else _wrapped_call(line)
        for name, value, is_read in zip(saved, carried, read[len(lists) :], strict=False):
            if is_read:
                yield f"    {name}.append({spell.text[value]})"
        kept_names = [str(value.name) for value in rows if spell.text[value].endswith("_before")]
        again = any(inner.line is not None and not isinstance(inner.line, BackwardLine) for inner in body.steps)
        if kept_names and again and loop.reverse and self._comments:
            were = "was" if len(kept_names) == 1 else "were"
            yield f"    # of the round only {' and '.join(kept_names)} {were} kept: compute it again"
        along, self._along = self._along, "along the unit vector" if body.name == ROWS else self._along
        yield from (f"    {line}" for line in self._round(body, carried, new, results, stacks, read))
        self._along = along
        spell.names.back_to(outer)  # what a round calls its own is free again
        spell.names.taken.update(spell.environment)
        for out, value in zip(ends, carried, strict=True):
            spell.text[out] = spell.text[value]
        for out, name, is_read in zip((*lists, *kept), (*stacks, *saved), read, strict=True):
            spell.text[out] = name
            if is_read and not (out in kept and self._is_read_by_rows(out)):
                yield f"{name} = np.stack({name}{'[::-1]' if loop.reverse else ''})"

    def _is_read_here_alone(self, given: Any, step: Step) -> bool:
        """Whether a variable of its own holds `given`, and nothing but this step reads it, nor a view of it."""
        if type(given) is not Value or given.step is None or given.owner is not None or given in self._ends:
            return False
        if not self.spelling.text.get(given, "").isidentifier() or [*step.values()].count(given) > 1:
            return False
        return len(self._uses.get(given, ())) == 1 and not any(end.memory is given for end in self._ends)

    def _row_name(self, value: Value, given: Any) -> str:
        """The variable of a loop that goes through the rows of `given`."""
        list_name = self.spelling.text.get(given, "") if type(given) is Value else ""
        if list_name.startswith("g_"):
            return self.spelling.names.new(f"{list_name}_row")
        saved = list_name.startswith("saved_") and value.name is not None
        return self.spelling.names.new(f"{value.name}_before" if saved else value.name or "x")

    def _is_read_by_rows(self, out: Value) -> bool:
        """Whether only loops read a value, row by row, so that a list of its rows will do."""
        readers = [self._steps[place] for place in self._uses.get(out, ())]
        alone = all(
            reader.kind is LOOP and [*reader.values()].count(out) == 1 and out in reader.fn.parts(reader.args)[1]
            for reader in readers
        )
        return alone and out not in self._ends

    def _round(
        self, body: Program, carried: list[Value], new: list[Any], results: list[Any], stacks: list[str],
        read: list[bool],
    ) -> Iterator[str]:  # fmt: skip
        """The lines of one round of a loop."""
        spell = self.spelling
        outside = self._uses, self._ends, self._steps, self._number, self._next
        self._steps = body.steps
        self._next = {
            out: value for out, value in zip(new, carried, strict=True)
            if body.outputs.count(out) == 1 + results.count(out) and value not in body.outputs
        }  # fmt: skip
        self._uses, self._ends = body.uses(), {end for end in body.ends() if type(end) is Value}
        self._commented = None
        self._of_copies |= of_copies(body.steps, self._standing_for)
        for self._number, inner in enumerate(body.steps):
            yield from self._lines(inner)
        yield from self._asked()
        self._commented = None
        self._uses, self._ends, self._steps, self._number, self._next = outside
        for name, value, is_read in zip(stacks, results, read, strict=False):
            if is_read:
                yield f"{name}.append({spell.value(value)})"
        pairs = [(spell.text[value], spell.value(out)) for value, out in zip(carried, new, strict=True)]
        pairs = [(old, text) for old, text in pairs if old != text]
        if pairs:
            yield f"{', '.join(old for old, _ in pairs)} = {', '.join(text for _, text in pairs)}"

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
        line = f"return {', '.join(outputs) or 'None'}"
        if len(line) <= _WIDTH or len(outputs) == 1:
            yield line
        else:
            yield from ("return (", *(f"    {output}," for output in outputs), ")")

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

    def about_constants(self) -> list[str]:
        """What each variable holds that is neither an argument nor written down, as comments."""
        if not self._comments:
            return []
        found = []
        for name, thing in self.spelling.environment.items():
            text, where = self.spelling.about.get(name) or described(thing), ""
            if (line := self.spelling.met.get(name)) is not None:
                file, number = line
                where = comment_of(file, number, self.spelling.names.taken, self._before(line))
            line = f"# {name}: {text}" + (f"; for {where}" if where else "")
            found.append(line if len(line) <= _WIDTH else f"{line[: _WIDTH - 4]} ...")
        return found

    def function(self) -> str:
        """The definition, constants that cannot be written down being arguments with defaults to be given."""
        spell = self.spelling
        inputs = [spell.text[value] for value in self.program.inputs]
        constants = [*spell.environment]
        body = "\n".join(f"    {line}" for line in [*self.about_constants(), *self.lines])
        return f"{head(self.program.name, inputs + ['*', *constants] if constants else inputs)}\n{body}\n"


def head(name: str, parameters: list[str]) -> str:
    """The first lines of a definition."""
    line = f"def {name}({', '.join(parameters)}):"
    if len(line) <= _WIDTH:
        return line
    return "\n".join([f"def {name}(", *textwrap.wrap(", ".join(parameters), _WIDTH, initial_indent="    ",
                      subsequent_indent="    "), "):"])  # fmt: skip


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


def goes_on(value: Any, truth: bool) -> None:
    """Raise ValueError where the numbers go another way than the one that a program is written for.

    While another library traces the program, it knows no numbers: what they say is then up to the caller.
    """
    try:
        found = bool(value)
    except Exception:
        return
    if found != truth:
        raise ValueError(
            "the program was traced for numbers that go another way (a branch, a tie, a count of chosen elements); "
            "call the compiled function with these numbers first, then to() again"
        )


def _for_other_libraries(step: Step) -> Step:
    """The step without what NumPy alone takes: kinds of sorting (others are stable), lists among joined arrays."""
    if step.fn in (np.sort, np.argsort):
        return step.replaced(step.args, {key: part for key, part in step.named.items() if key != "kind"})
    if step.fn is np.concatenate and isinstance(step.args[0], tuple | list):
        parts = [np.array(part) if type(part) is list and not values_in(part) else part for part in step.args[0]]
        arrays = tuple(Value(part, data=part) if isinstance(part, np.ndarray) else part for part in parts)
        return step.replaced((arrays, *step.args[1:]))
    return step


def _wrapped_call(line: str) -> list[str]:
    """for x in zip(a, b): with the arguments on a line of their own."""
    start, rest = line.split("zip(", 1) if "zip(" in line else (line, "")
    return [f"{start}zip(", f"    {rest[:-2]}", "):"] if rest else [line]


def _quoted(text: str) -> str:
    """A string as code, in double quotes."""
    return f'"{text}"' if '"' not in text and text.isprintable() and "\\" not in text else repr(text)


def _listed(texts: list[str]) -> str:
    return ", ".join(texts) + ("," if len(texts) == 1 else "")


def source_of(program: Program) -> str:
    """The readable source, ready to be run where `np` is NumPy and the constants are given."""
    return Readable(program).function()
