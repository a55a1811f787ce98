"""The trace: what notes each NumPy call on stand-ins as a step, with the line of the user's program it came from."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any, NoReturn

import numpy as np
from numpy import ndarray

from grad_engine.core.caller import INSIDE
from grad_engine.core.chain_rule import pull_back
from grad_engine.core.stand_ins import QUESTIONS, TRACING
from grad_engine.core.tensor import Tensor
from grad_engine.errors import TraceError
from grad_engine.program import traced, views
from grad_engine.program.steps import (
    CHECK,
    DRAW,
    FUNCTION,
    NAMED_CALL,
    NO_NAMED,
    NUMBER,
    OPAQUE,
    REDUCE,
    UFUNC,
    Kind,
    Step,
    Value,
    leaves,
    mapped,
    values_in,
)

# Of the process's own generator; bound here, since np is another one while a function is traced.
_random_state, _put_random_state = np.random.get_state, np.random.set_state
_CHAIN_RULE = pull_back.__code__
OUTERMOST: set[int] = set()  # ids of code that starts a trace: above it is the program that calls the compiled function
_INSIDE: set[str] = set()  # files of the engine and of NumPy that were met
QUIET: set[int] = set()  # threads that run a call to see what comes of it: the program gives its warnings
_array_equal = np.array_equal
_NUMBERS = frozenset({int, float, bool})
_ARRAYS = (ndarray, np.generic)
_NEW_MEMORY = frozenset({UFUNC, REDUCE, NUMBER})  # kinds whose results are never views
_WRITTEN_OUT = 16  # numbers of an array that stands in the source as numbers
OPS_FOLDER = os.path.join(INSIDE[0], "ops", "")


class Trace:
    """The steps noted so far in one run of a function on stand-ins."""

    def __init__(self, outer: Trace | None = None) -> None:
        self.outer = outer  # of the body of a loop: the trace that the loop is part of
        self.captured: dict[
            Any, tuple[Any, Value]
        ] = {}  # value of the outer trace -> its stand-in, and the input for it
        self.steps: list[Step] = []
        self.by_reference: dict[int, Any] = {}  # id of an array from outside -> its stand-in
        self.reasons: dict[str, str] = {}  # op that became a named call -> why
        self.line: tuple[str, int] | None = None  # what steps belong to while a rule runs: the line of the forward call
        self.rule_line: tuple[str, int] | None = None  # that of the latest rule, whose shares are added up after it
        self.closed = False
        self.has_loops = False  # of scan()
        self.grads_read: dict[int, bool] = {}  # by id of a leaf: whether its .grad was read before it was written
        self.unpacked: set[Value] = set()  # parts of a carry, which the local variable that takes one up names
        self.rows: set[Value] = set()  # gradients that are rows of a Jacobian or Hessian
        self.shares: list[tuple[Value, Value]] = []  # a gradient, or a part of one, and what it is the gradient of
        self.of_arrays: set[Value] = set()  # numbers that were computed from arrays
        self.outside: set[Value] = set()  # arrays that variables outside hold, and what is computed from them alone
        self.thread = threading.get_ident()
        self.held: Callable[[ndarray], Any] = lambda array: None  # a stand-in for an array that state reaches
        self._kept: list[Any] = []  # so that no id in by_reference or _consts is given to another array meanwhile
        self._consts: dict[int, Value] = {}
        self._number_steps: dict[Any, Value] = {}  # calls of Python's arithmetic -> what they gave
        self._seen: tuple[Any, int] = (None, -1)  # frame and instruction whose locals were named last
        # What a loop's body shares with the program around it:
        self.raised: list[str] = [] if outer is None else outer.raised  # calls that raised because of their numbers
        self.asked: set[str] = set() if outer is None else outer.asked  # settings of the engine that were asked for
        self.generators: Callable[[Any], Any] = (lambda rng: rng) if outer is None else outer.generators
        self._errors: Any = np.geterr() if outer is None else outer._errors

    # --- values ---------------------------------------------------------------------------------------------------

    def value_of(self, x: Any) -> Any:
        """What stands for x in a step: a Value for arrays and stand-ins, x itself for anything else."""
        kind = type(x)
        if kind is traced.Traced or kind is traced.TracedNumber:
            if x.within is not self and x.within is self.outer:
                return self._captured(x)
            if x.within is not self:
                raise TraceError(
                    "a traced value of an earlier call was used; it was kept in a variable that outlives the compiled "
                    "function, so return it instead"
                )
            return x.current
        if kind is Tensor:
            if x.node is not None:
                x.__array__()  # which says that the history would be lost
            return self.value_of(x.array)
        if kind is ndarray:
            outside = self.by_reference.get(id(x))
            outside = self.held(x) if outside is None else outside
            return self.const(x) if outside is None else outside.current
        if isinstance(x, np.generic) and x.dtype.kind in "fiub":
            return Value(x, data=x)
        return x

    def _captured(self, x: Any) -> Value:
        """The input that stands for a value of the outer trace."""
        value = x.current
        if value.is_const:
            return value
        if value not in self.captured:
            self.captured[value] = x, Value(value.now, value.name)
        return self.captured[value][1]

    def const(self, array: ndarray) -> Any:
        """A constant with the numbers that `array` has now."""
        if array.dtype.kind not in "fiub":
            return array
        known = self._consts.get(id(array))
        if known is not None and not array.flags.writeable:
            return known
        data = array
        if array.flags.writeable or array.base is not None:
            if 0 in array.strides and array.size:  # one number spread out stays one number
                core = array[tuple(slice(0, 1) if stride == 0 else slice(None) for stride in array.strides)].copy()
                data = np.broadcast_to(core, array.shape)
            else:
                data = array.copy("K")
                data.flags.writeable = False
        value = Value(data, _name_of(array) if array.size > _WRITTEN_OUT else None, data=data)
        self._consts[id(array)] = value
        self._kept.append(array)
        return value

    def stand_in(self, value: Value) -> Any:
        """What stands for a value in the traced function."""
        return traced.TracedNumber(value, self) if value.number else traced.Traced(value, self)

    # --- steps ----------------------------------------------------------------------------------------------------

    def record(self, kind: Kind, fn: Any, args: tuple[Any, ...], named: Mapping[str, Any] = NO_NAMED,
               op: str | None = None) -> Any:  # fmt: skip
        """Run a call on the arrays behind the stand-ins, note it, and return a stand-in for its result."""
        given = mapped(self.value_of, args)
        named_given = mapped(self.value_of, dict(named)) if named else NO_NAMED
        key = None
        if kind is NUMBER:  # an optimiser asks the same of the count of steps for each parameter
            key = (fn, *[each if type(each) is Value else (type(each), repr(each)) for each in given])
            if key in self._number_steps:
                self.place()
                return self.stand_in(self._number_steps[key])
        read = values_in((given, named_given))
        TRACING.trace = None  # what runs now is NumPy itself
        drawn = _random_state() if kind is NAMED_CALL else None  # some of SciPy's functions draw from it
        QUIET.add(self.thread)
        errors: Any = np.geterr()
        try:
            with np.errstate(all="ignore"):
                result = kind.run(fn, mapped(_now, given), mapped(_now, named_given) if named else NO_NAMED)
        except (np.linalg.LinAlgError, ArithmeticError, ValueError) as error:
            of_numbers = kind is NUMBER or not isinstance(error, ValueError) or type(error) is np.linalg.LinAlgError
            if of_numbers and not all(value.is_const for value in read):
                TRACING.trace = self
                self.raised.append(f"{type(error).__name__} of {getattr(fn, '__name__', fn)}(){self.at()}")
            raise
        finally:
            QUIET.discard(self.thread)
            if drawn is not None:
                _put_random_state(drawn)
            TRACING.trace = self
        several = isinstance(result, tuple | list)
        parts = list(result) if several else [result]
        if kind not in (NUMBER, FUNCTION, OPAQUE, DRAW):  # np.allclose() and rng.uniform() give Python's numbers
            parts = [np.asarray(part)[()] if type(part) in (int, float, bool) else part for part in parts]
        for part in parts:
            if type(part) not in _NUMBERS and not (isinstance(part, _ARRAYS) and part.dtype.kind in "fiub"):
                name = getattr(fn, "__name__", fn)
                raise TraceError(f"{name}() gave {_described(part)}, which no program of arrays can hold{self.at()}")
        known = [value.is_const for value in read]
        if kind.pure and False not in known:  # the same at each run
            outs = [Value(part, data=np.asarray(part) if isinstance(part, ndarray) else part) for part in parts]
            if len(read) == 1 and read[0].name is not None and fn in ("transpose", "swapaxes"):
                outs[0].name = f"{read[0].name}_T"
        else:
            step = Step(kind, fn, given, named_given, [], several, self.place(), op)
            step._values = read
            if errors != self._errors:
                step.errors = tuple(errors.items())
            outs = step.outs = [Value(part, step=step) for part in parts]
            self.steps.append(step)
            if key is not None and not several:
                self._number_steps[key] = outs[0]
            if self.outside and kind.pure and all(value.is_const or value in self.outside for value in read):
                self.outside.update(outs)
            if kind in (NUMBER, FUNCTION, OPAQUE, DRAW):
                computed = any(not value.number or value in self.of_arrays for value in read)
                if computed or kind is DRAW:
                    self.of_arrays.update(out for out in outs if out.number)
        made = [self.stand_in(out) for out in outs]
        if kind in _NEW_MEMORY:
            return tuple(made) if several else made[0]
        owners = {id(_owner(value.now)): value for value in read if isinstance(value.now, ndarray)}
        for out, stand_in in zip(outs, made, strict=True):
            if isinstance(out.now, ndarray) and out.now.size and (shown := owners.get(id(_owner(out.now)))) is not None:
                out.owner = shown.memory
                if (parent := _shown_by(args, named, shown)) is not None:
                    stand_in._view = views.Unfollowed(parent)
        if not several:
            return made[0]
        return type(result)(*made) if hasattr(result, "_fields") else tuple(made)

    def is_of_another_thread(self) -> bool:
        """Whether a thread that traces nothing met a stand-in of this trace, which goes on elsewhere."""
        return TRACING.trace is None and not self.closed and threading.get_ident() != self.thread

    def check_count(self, count: Any) -> None:
        """Let the program check that so many elements are chosen again."""
        if type(count) in STAND_INS and not count.current.is_const:
            number = int(count.current.now)
            self.check(count == number, f"is the number of chosen elements {number}?")

    def check_numbers(self, array: Any) -> ndarray:
        """The numbers of what depends on arrays outside alone; the program checks that they are the same again."""
        now = np.array(array.current.now)
        self.check(self.record(FUNCTION, _array_equal, (array, now)), "are these numbers the same as then?")
        return now

    def check(self, value: Any, question: str | None = None) -> bool:
        """The truth of a stand-in that the engine itself branches on; the program checks that it is the same again.

        question: what the truth answers; that of the function which asks, where it is left out.
        """
        read = self.value_of(value)
        truth = bool(read.now)
        if not read.is_const:
            question = _question() if question is None else question
            self.steps.append(Step(CHECK, None, (read, truth), NO_NAMED, [], False, self.place(), question))
        return truth

    def named_call(self, op: Any, arrays: Any, static: Any) -> Any:
        """The result of an op that could not run on stand-ins, as one step; None where it cannot run at all."""
        arguments = (list(arrays), *static) if op.variadic else (*arrays, *static)
        return self.call_whole(op.name, op.forward, arguments, NO_NAMED)

    def call_whole(self, name: str, function: Callable[..., Any], args: Any, named: Mapping[str, Any]) -> Any:
        """One step that calls `function` of the engine as it is; None where that fails on real arrays too."""
        error = sys.exc_info()[1]
        kinds = {type(leaf) for leaf in leaves((args, dict(named)))}
        if kinds.isdisjoint(STAND_INS) or Tensor in kinds:
            return None
        present = Present(function)
        try:
            made = self.record(NAMED_CALL, present, args, named, name)
        except Exception:  # the call itself is at fault: what it raised first has the better words
            return None
        self.raised.clear()  # the engine tried another way
        self.reasons.setdefault(name, str(error) or type(error).__name__)
        if present.places is None:
            return made
        shares: list[Any] = [None] * present.count
        for place, share in zip(present.places, made, strict=True):
            shares[place] = share
        return shares

    # --- the user's program ---------------------------------------------------------------------------------------

    def place(self) -> tuple[str, int] | None:
        """The line of the user's program that runs now, whose local names are given to values on the way."""
        frame, in_chain_rule = _innermost()
        if frame is not None:
            here = (frame, frame.f_lasti)
            if here != self._seen:
                if frame is not self._seen[0] and (caller := user_frame(start=frame.f_back)) is not None:
                    name_locals(caller)  # `fast` of the caller is not called after the parameter that takes it
                self._seen = here
                name_locals(frame)
        if self.line is not None:
            return self.line
        if in_chain_rule and self.rule_line is not None:
            return self.rule_line
        return None if frame is None else (frame.f_code.co_filename, frame.f_lineno)

    def at(self) -> str:
        """ ", at line 7 of fit.py" for messages."""
        frame = user_frame() or user_frame(outside=True)
        return f", at line {frame.f_lineno} of {os.path.basename(frame.f_code.co_filename)}" if frame else ""

    def refuse(self, what: str, x: Any, way_out: str) -> NoReturn:
        """Raise TraceError: `what` needs the numbers of x."""
        raise TraceError(
            f"{what} needs the numbers of an array of shape {x.shape} that depends on the arguments of the compiled "
            f"function, and they are known only when its program runs{self.at()}; {way_out}"
        )

    def close(self) -> None:
        """Let go of the arrays met while tracing."""
        self.closed = True
        for step in self.steps:
            for out in step.outs:
                out.now = None
        self.by_reference.clear()
        self._kept.clear()
        self._consts.clear()
        self._number_steps.clear()
        self._seen = (None, -1)


class Present:
    """A function of the engine that is called as a whole; of a list of shares it gives those that are there."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.places: list[int] | None = None  # of the shares that are there
        self.count = 0
        self.__name__ = getattr(function, "__name__", "rule").strip("_<>") or "rule"
        self.__module__ = getattr(function, "__module__", "")
        self.__qualname__ = getattr(function, "__qualname__", self.__name__)

    def __call__(self, *args: Any, **named: Any) -> Any:
        found = self.function(*args, **named)
        if not isinstance(found, list):
            return found
        if self.places is None:
            self.places, self.count = [i for i, share in enumerate(found) if share is not None], len(found)
        return tuple(found[place] for place in self.places)


def current() -> Trace:
    """The trace of this thread. Raises TraceError where there is none."""
    if TRACING.trace is None:
        raise TraceError(
            "a traced value was used outside of its trace; it was kept in a variable that outlives the compiled "
            "function, so return it instead"
        )
    return TRACING.trace


def user_frame(outside: bool = False, start: FrameType | None = None) -> FrameType | None:
    """The innermost frame of the traced function that is neither the engine's nor NumPy's.

    outside: look among its callers too. start: the frame to begin at; that of the caller where it is left out.
    """
    frame: FrameType | None = sys._getframe(1) if start is None else start
    while frame is not None and frame.f_code.co_filename.startswith(INSIDE):
        if id(frame.f_code) in OUTERMOST and not outside:
            return None
        frame = frame.f_back
    return frame


def _innermost() -> tuple[FrameType | None, bool]:
    """The user's frame, and whether the chain rule runs between it and the caller."""
    frame: FrameType | None = sys._getframe(2)
    in_chain_rule = False
    while frame is not None:
        code = frame.f_code
        file = code.co_filename
        if file not in _INSIDE:
            if not file.startswith(INSIDE):
                break
            _INSIDE.add(file)
        if id(code) in OUTERMOST:
            return None, in_chain_rule
        in_chain_rule = in_chain_rule or code is _CHAIN_RULE
        frame = frame.f_back
    return frame, in_chain_rule


def _question() -> str | None:
    """What the function asks that branches on numbers now; None where it does not say."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename.startswith(INSIDE):
        if frame.f_code in QUESTIONS:
            return QUESTIONS[frame.f_code]
        frame = frame.f_back
    return None


def _name_of(array: ndarray) -> str | None:
    """The variable of the user's function that holds an array."""
    frame = user_frame()
    for name, local in frame.f_locals.items() if frame is not None else ():
        if local is array and name.isidentifier() and name != "_":
            return name
    return None


def name_locals(frame: FrameType) -> None:
    """Give each value that a local variable holds, and that has no name yet, the name of the variable."""
    for name, local in frame.f_locals.items():
        if name.isidentifier() and name != "_":
            name_value(name, local)
    around = frame.f_back
    if frame.f_code.co_name.startswith("<") and around is not None and not around.f_code.co_filename.startswith(INSIDE):
        name_locals(around)  # of the function that a comprehension or a lambda stands in


def name_value(name: str, held: Any, deep: bool = True) -> None:
    """Name what stands for `held`, or in a container what stands for its parts: w, w_bias, w_0."""
    array: Any = held.array if type(held) is Tensor else held
    kind = type(array)
    if kind is traced.Traced:
        value = array._value
        if (value.step is not None or value.is_const) and value.name is None:
            value.name = name
        elif deep and value in array.within.unpacked:
            value.name = name
            array.within.unpacked.discard(value)
    elif deep and kind is dict and len(array) <= 64:
        for key, part in array.items():
            if isinstance(key, str | int):
                name_value(f"{name}_{key}", part, False)
    elif deep and (kind is list or kind is tuple) and len(array) <= 64:
        for number, part in enumerate(array):
            name_value(f"{name}_{number}", part, False)


def _now(leaf: Any) -> Any:
    return leaf.now if type(leaf) is Value else leaf


def _owner(array: Any) -> Any:
    """The array that owns the memory; what as_strided() made stands on something that holds the array."""
    while isinstance(array, ndarray):
        base = array.base if isinstance(array.base, ndarray) else getattr(array.base, "base", None)
        if not isinstance(base, ndarray):
            break
        array = base
    return array


def _shown_by(args: Any, named: Any, value: Value) -> Any:
    """The stand-in among the arguments that stands for `value`."""
    for leaf in leaves((args, dict(named))):
        if type(leaf) is traced.Traced and leaf._value is value:
            return leaf
    return None


def _described(part: Any) -> str:
    return f"{part.dtype}" if isinstance(part, ndarray | np.generic) else type(part).__name__


STAND_INS = (traced.Traced, traced.TracedNumber)
