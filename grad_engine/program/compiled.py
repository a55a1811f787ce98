"""ge.compile(): a function that is traced at its first call, and runs as a NumPy program from then on."""

from __future__ import annotations

import contextlib
import functools
import inspect
import linecache
import os
import types
import warnings
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from grad_engine.core.stand_ins import TRACING, EagerOnlyError
from grad_engine.errors import ArgumentError, GradEngineError, GraphError
from grad_engine.program import other_arrays, passes, standalone
from grad_engine.program.code import Code, Deviation
from grad_engine.program.entering import ONE_TRACE, collection_paused
from grad_engine.program.entry import MISS, Entry, Pool
from grad_engine.program.readable import source_of
from grad_engine.program.rows import plain_loops, rolled
from grad_engine.program.steps import LOOP, Program, place_of
from grad_engine.program.traced_call import TracedCall, traced_call

MOST_PROGRAMS = 16  # of one function, for different branches or shapes; further calls are eager
_OFTEN = 8  # traces of one function from which on it says so
_RECOVERABLE = (ArithmeticError, ValueError)  # what Python's arithmetic raises where NumPy's goes on


class Lowered:
    """A program that was traced and has not been run: `source` is its text."""

    def __init__(self, call: TracedCall, exact: bool) -> None:
        self.call, self.exact = call, exact
        self.reasons = call.program.reasons

    @functools.cached_property
    def program(self) -> Program:
        """The program as people read it: folded, each value made once, without what nobody reads."""
        program = rolled(replace(self.call.program, stood_for={}))
        program = plain_loops(passes.run(program, passes.READABLE, self.exact), self.exact)
        used = used_values(program)
        given = {part.value for part in self.call.arguments.parts}
        program.inputs = [value for value in program.inputs if value in used or value in given]
        program.given = given
        kept = {value for lane in program.kept for state in lane for value in state}
        program.inputs.sort(key=lambda value: place_of(value, given, kept))
        return program

    @functools.cached_property
    def source(self) -> str:
        return source_of(self.program)

    @property
    def standalone(self) -> bool:
        """Whether it calls NumPy and SciPy alone, and nothing of the engine."""
        return not standalone.named_calls(self.program)


class _Ready:
    """A traced program with its code: `entry` runs it, or returns MISS for a call that is not like the one traced."""

    def __init__(self, call: TracedCall, names: Collection[str], exact: bool) -> None:
        names = set(names) - (passes.CHANGING_BITS if exact else frozenset())
        self.lowered = Lowered(call, exact)
        history = call.history
        program = call.program if history is None else call.program.with_outputs(history.drawn)
        program = passes.run(program, names, exact)
        used = used_values(program)
        call.check(used)
        program.inputs = [value for value in program.inputs if value in used]
        self.recovers = bool(program.finite or program.hidden or any(step.kind is LOOP for step in program.steps))
        if history is not None and history.outputs:
            history.prepare(lambda backward: passes.run(backward, names, exact))
        homes = {home.flat: call.state.move_home(home.flat, home.parts) for home in program.homes}
        self.code = Code(program)
        entry = Entry(program, call.arguments, call.state, history, homes)
        self.entry = entry.build(call.parameters, Pool(self.code.function), call.structure)


class Compiled:
    """A function as a program: call it as the function, read it as `source`."""

    def __init__(
        self, function: Callable[..., Any], static_argnames: Sequence[str] | str = (), exact: bool = False,
        passes_on: Collection[str] | None = None,
    ) -> None:  # fmt: skip
        if not callable(function):
            raise ArgumentError(f"compile() takes a function, got {type(function).__name__}")
        self.function = function
        self.exact = exact
        self.static_argnames = (static_argnames,) if isinstance(static_argnames, str) else tuple(static_argnames)
        self._passes = frozenset(passes.RUNNING if passes_on is None else passes_on)
        self._ready: dict[Any, list[_Ready]] = {}
        self._traces = 0
        self._latest: Lowered | None = None
        functools.update_wrapper(self, function, updated=())
        self._names = _parameter_names(function)
        unknown = [name for name in self.static_argnames if self._names is not None and name not in self._names]
        if unknown:
            raise ArgumentError(
                f"{_name(function)}() has no argument {unknown[0]!r} that could be static; it takes "
                f"{', '.join(self._names or ())}"
            )

    def __call__(self, *args: Any, **named: Any) -> Any:
        if TRACING.trace is not None:  # inside another compiled function: part of its program
            return self.function(*args, **named)
        key = (len(args), *named) if named else len(args)
        given = (*args, *named.values()) if named else args
        for ready in self._ready.get(key, ()):
            try:
                result = ready.entry(*given)
            except Deviation:
                continue
            except Exception as error:
                result = self._recovered(ready, error, given, key)
            if result is not MISS:
                return result
        return self._traced(key, args, named)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __repr__(self) -> str:
        return f"<compiled {_name(self.function)}>"

    # --- what a user reads ----------------------------------------------------------------------------------------

    @property
    def source(self) -> str:
        """The program of the latest trace, as NumPy one would write. Raises GraphError before the first call."""
        return self._lowered("source").source

    @property
    def reasons(self) -> dict[str, str]:
        """op -> why it stands in the program as a named call of the engine."""
        return dict(self._lowered("reasons").reasons)

    def lower(self, *args: Any, **named: Any) -> Lowered:
        """The program for these arguments, traced and not run."""
        self._latest = Lowered(self._trace(args, named), self.exact)
        return self._latest

    def save(self, path: str | os.PathLike[str]) -> Path:
        """The path of a Python file with the program, which imports NumPy (and SciPy where needed) alone.

        It is the program of the latest call, for the shapes of its arguments: it raises ValueError for others, and
        TypeError for a list in the place of an array. A dict or another structure of arrays becomes one parameter for
        each array, and what is returned one flat tuple; the file's docstring gives the order of both. Ops
        that stayed calls of the engine (see `reasons`) are imported from it, and the file's first line names them.
        Raises GraphError where the program holds something that no file can.
        """
        lowered = self._lowered("save()")
        return standalone.save(lowered.program, Path(path), lowered.call)

    def to(self, arrays: Any) -> Callable[..., Any]:
        """The program as a function on other arrays: "jax", "cupy", or a module that has NumPy's functions.

        It changes nothing outside: what the program would write comes back as a second tuple. It takes arguments of
        the shapes of the latest call, and raises ShapeError for others.
        """
        return other_arrays.function_of(self._lowered("to()").program, arrays)

    def _lowered(self, what: str) -> Lowered:
        if self._latest is None:
            raise GraphError(
                f"{_name(self.function)}() has no program for {what} yet, since no call of it was traced to the end; "
                "call it with arguments that it takes, or trace it alone with lower(*args)"
            )
        return self._latest

    # --- tracing --------------------------------------------------------------------------------------------------

    def _trace(self, args: tuple[Any, ...], named: dict[str, Any]) -> TracedCall:
        names = [*(self._names or ())][: len(args)]
        names += [f"x{number}" for number in range(len(names), len(args))]
        return traced_call(self.function, args, named, [*names, *named], self.static_argnames)

    def _traced(self, key: Any, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        given = (*args, *named.values())
        with ONE_TRACE:
            kept = self._ready.setdefault(key, [])
            for ready in kept:  # another thread may have been here first
                try:
                    result = ready.entry(*given)
                except Deviation:
                    continue
                if result is not MISS:
                    return result
            if len(kept) >= MOST_PROGRAMS:
                kept.clear()
            made: _Ready | None = None
            with collection_paused(), contextlib.suppress(EagerOnlyError):
                made = _Ready(self._trace(args, named), self._passes, self.exact)
            if made is not None:
                self._latest = made.lowered
                kept.insert(0, made)
                self._traces += 1
        if made is None:
            return self.function(*args, **named)
        if self._traces == _OFTEN:
            warnings.warn(
                f"{_name(self.function)} was traced {_OFTEN} times, because its arguments or what it reads from "
                "outside changed in shape, dtype or setting each time; name numbers that change among its arguments",
                stacklevel=3,
            )
        try:
            result = made.entry(*given)
        except Deviation:
            result = MISS
        except Exception as error:
            result = self._recovered(made, error, given, key)
        return self.function(*args, **named) if result is MISS else result

    def _recovered(self, ready: _Ready, error: Exception, given: tuple[Any, ...], key: Any) -> Any:
        """The result of eager mode where Python's arithmetic was at fault; else the error, with its line."""
        if ready.recovers and isinstance(error, _RECOVERABLE) and not isinstance(error, GradEngineError):
            return self._eager(given, key)  # nothing was written yet: buffers.py sees to that
        place = error.__traceback__
        while place is not None and place.tb_frame.f_code.co_filename != ready.code.file:
            place = place.tb_next
        if place is None:
            raise error
        if ready.code.unchanged_before(place.tb_lineno):
            return self._eager(given, key)  # whose error has the engine's words, and the user's line in its traceback
        step = ready.code.step_of(place.tb_lineno)
        if step is not None and step.line is not None:
            file, line = step.line
            text = linecache.getline(file, line).strip()
            error.add_note(f"raised by line {line} of {os.path.basename(file)}: {text}")
        raise error

    def _eager(self, given: tuple[Any, ...], key: Any) -> Any:
        count, names = (key, ()) if isinstance(key, int) else (key[0], key[1:])
        return self.function(*given[:count], **dict(zip(names, given[count:], strict=True)))


def used_values(program: Program) -> set[Any]:
    """The values that steps read, and those that must be there in the end."""
    used = {value for step in program.steps for value in step.values()}
    used.update(
        [
            *program.finite,
            *program.hidden,
            *program.ends(),
            *(write.target for write in program.writes if write.target is not None),
        ]
    )
    return used


def _name(function: Any) -> str:
    return getattr(function, "__name__", type(function).__name__)


def _parameter_names(function: Any) -> list[str] | None:
    """The names of the positional parameters; None where they are not known."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (ValueError, TypeError):
        return None
    return [each.name for each in parameters if each.kind is not each.VAR_KEYWORD]


def compile(
    function: Callable[..., Any] | None = None, *, static_argnames: Sequence[str] | str = (), exact: bool = False
) -> Any:
    """`function` as a NumPy program: traced at its first call, then run without the engine. A decorator too.

    static_argnames: arguments whose values the program is made for (flags, sizes); another value is traced anew.
        Whole numbers, strings and flags always are; floats and arrays are inputs.
    exact: leave out what may change the last bit of a result.

    `function` may differentiate (value_and_grad, backward), train (optimizer.step()) and write in place. What it reads
    from outside is read at each run. Values that Python itself looks at, in `if` or float(), raise TraceError.
    """
    if function is None:
        return functools.partial(compile, static_argnames=static_argnames, exact=exact)
    return Compiled(function, static_argnames, exact)
