"""What a program is made of: values, the steps that make them, and the program itself.

Every value is made once (single assignment). A write in place makes a new value; where it may really be written in
place is decided by passes/buffers.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy import ndarray

_COMPARED = 1 << 16  # numbers of an array that is searched for another than its first
NO_NAMED: Mapping[str, Any] = {}
ABSENT: Any = object()  # the data of a value that is no constant


class Value:
    """One array, or one Python number, of a program.

    It is an input, a constant (`data` is given), or the result of `step`. shape, dtype and strides are those met while
    tracing; the guard of a program sees to it that they hold again.
    """

    __slots__ = (
        "array_type", "data", "dtype", "gradient_of", "name", "now", "number", "owner", "scalar", "shape", "step",
        "strides", "uniform",
    )  # fmt: skip

    def __init__(self, now: Any, name: str | None = None, step: Step | None = None, data: Any = ABSENT) -> None:
        self.now = now  # the array met while tracing; dropped afterwards
        self.data = data
        self.name = name
        self.step = step
        self.uniform: Any = ABSENT  # of a constant: the number in every place, once it was looked for
        self.owner: Value | None = None  # of a view: the value whose memory it shows
        self.gradient_of: tuple[Value, ...] = ()  # the values whose whole gradient it is (gradients.py)
        kind = type(now)
        self.number = kind if kind in (int, float, bool) else None  # a Python number, which has a weak dtype
        self.scalar = isinstance(now, np.generic)  # a NumPy scalar, no array of shape ()
        self.shape: tuple[int, ...] = () if self.number else now.shape
        self.dtype: np.dtype[Any] = np.dtype(kind) if self.number else now.dtype
        self.array_type: Any = kind if isinstance(now, ndarray) else ndarray  # which has methods of tensors, or not
        self.strides: tuple[int, ...] = now.strides if isinstance(now, ndarray) else ()

    @classmethod
    def alike(cls, other: Value, step: Step | None = None, name: str | None = None) -> Value:
        """A value of the same shape, dtype and layout, without the array."""
        made = cls.__new__(cls)
        made.now, made.data, made.owner, made.step, made.name = None, ABSENT, None, step, name
        made.uniform, made.gradient_of = ABSENT, ()
        made.number, made.scalar, made.array_type = other.number, other.scalar, other.array_type
        made.shape, made.dtype, made.strides = other.shape, other.dtype, other.strides
        return made

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        size = 1
        for length in self.shape:
            size *= length
        return size

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    @property
    def is_const(self) -> bool:
        return self.data is not ABSENT

    @property
    def is_input(self) -> bool:
        return self.step is None and self.data is ABSENT

    @property
    def memory(self) -> Value:
        """The value that owns the memory of this one."""
        return self if self.owner is None else self.owner

    def like(self, other: Value) -> bool:
        """Whether both have the same shape and dtype, and neither is a Python number."""
        return self.shape == other.shape and self.dtype == other.dtype and not self.number and not other.number

    def c_contiguous(self) -> bool:
        """Whether the elements lie in C order without gaps."""
        expected = self.dtype.itemsize
        for length, stride in zip(reversed(self.shape), reversed(self.strides), strict=True):
            if length != 1 and stride != expected:
                return False
            expected *= length
        return True

    def __repr__(self) -> str:
        kind = "const" if self.is_const else "input" if self.step is None else "step"
        return f"<{kind} {self.name or ''} {self.dtype}{self.shape}>"


@dataclass(frozen=True, eq=False, slots=True)
class Kind:
    """How the function of a step is called: what runs it on real arrays, and what the passes may do with it.

    pure: it reads its arguments and nothing else, writes nothing, and gives the same each time.
    """

    name: str
    run: Callable[[Any, tuple[Any, ...], Mapping[str, Any]], Any]
    pure: bool = True

    def __repr__(self) -> str:
        return self.name


class Step:
    """One call: `fn` on `args` and `named` (which hold values among plain things) made `outs`."""

    __slots__ = ("_values", "args", "errors", "fn", "into", "kind", "line", "named", "op", "outs", "several")

    def __init__(
        self, kind: Kind, fn: Any, args: tuple[Any, ...], named: Mapping[str, Any], outs: list[Value], several: bool,
        line: tuple[str, int] | None = None, op: str | None = None,
    ) -> None:  # fmt: skip
        self.kind, self.fn, self.args, self.named = kind, fn, args, named
        self.outs, self.several = outs, several  # whether fn returns a tuple
        self.line = line  # of the user's program: file and number
        self.op = op  # of a named call: the op of the table; of a check: the question that it answers
        self._values: list[Value] | None = None
        self.errors: tuple[tuple[str, str], ...] | None = None  # what np.errstate() says where it runs; None: nothing
        self.into: Any = None  # where the result goes: a Buffer (passes/buffers.py), an input, or new memory

    def replaced(self, args: tuple[Any, ...], named: Mapping[str, Any] | None = None) -> Step:
        """This step with other arguments."""
        named = self.named if named is None else named
        made = Step(self.kind, self.fn, args, named, self.outs, self.several, self.line, self.op)
        made.errors = self.errors
        return made

    @property
    def out(self) -> Value:
        return self.outs[0]

    def values(self) -> list[Value]:
        """The values it reads, in order, as often as it reads them."""
        if self._values is None:
            self._values = values_in(self.args)
            if self.named:
                _find_values(self.named, self._values)
        return self._values

    def __repr__(self) -> str:
        return f"<{self.kind} {getattr(self.fn, '__name__', self.fn)}>"


def _set_item(_: Any, args: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
    array, key, value = args
    out = np.array(array)
    out[key] = value
    return out


def _at(ufunc: Any, args: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
    out = np.array(args[0])
    ufunc.at(out, *args[1:])
    return out


UFUNC = Kind("ufunc", lambda fn, args, named: fn(*args, **named))
REDUCE = Kind("reduce", lambda fn, args, named: fn.reduce(*args, **named))
ACCUMULATE = Kind("accumulate", lambda fn, args, named: fn.accumulate(*args, **named))
REDUCEAT = Kind("reduceat", lambda fn, args, named: fn.reduceat(*args, **named))
OUTER = Kind("outer", lambda fn, args, named: fn.outer(*args, **named))
FUNCTION = Kind("function", lambda fn, args, named: fn(*args, **named))
METHOD = Kind("method", lambda fn, args, named: getattr(args[0], fn)(*args[1:], **named))
GET_ITEM = Kind("getitem", lambda fn, args, named: args[0][args[1]])
SET_ITEM = Kind("setitem", _set_item)  # (array, key, value): a copy of the array with the value written in
AT = Kind("at", _at)  # the same of ufunc.at
NUMBER = Kind("number", lambda fn, args, named: fn(*args))  # Python's own arithmetic on Python numbers
NAMED_CALL = Kind("named call", lambda fn, args, named: fn(*args, **named))  # an op of the engine, or a rule of one
OPAQUE = Kind("opaque", lambda fn, args, named: fn(*map(_made_now, args), **named), pure=False)  # of the user's code
DRAW = Kind("draw", lambda fn, args, named: getattr(args[0], fn)(*args[1:], **named), pure=False)
CHECK = Kind("check", lambda fn, args, named: None, pure=False)  # (value, truth met while tracing)
UNPACK = Kind("unpack", lambda fn, args, named: args[0].ravel().tolist())  # an array as its Python floats, in C order
PACK = Kind("pack", lambda fn, args, named: fn(*args))  # arrays as one flat one: fn is packed
LOOP = Kind("loop", lambda fn, args, named: fn(*args))  # of scan(): fn is a Loop


def _made_now(x: Any) -> Any:
    """A function that is made at each run (traced_scipy.Closure), made; any other argument itself."""
    return x.make(*x.values) if hasattr(x, "make") else x


UFUNC_METHODS = {"__call__": UFUNC, "reduce": REDUCE, "accumulate": ACCUMULATE, "reduceat": REDUCEAT, "outer": OUTER}


@dataclass(slots=True)
class Write:
    """What a program leaves in something that was there before it.

    target: the input into whose memory `value` goes; None where `value` takes the place of what was there.
    shown: whether the readable source returns it.
    """

    target: Value | None
    value: Value
    shown: bool = True

    @property
    def in_place(self) -> bool:
        return self.target is not None


@dataclass(slots=True)
class Program:
    """A function as a straight line of steps. A pass takes one and returns another."""

    name: str
    inputs: list[Value]
    steps: list[Step]
    outputs: list[Any]  # values
    writes: list[Write] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)  # op that became a named call -> why
    finite: list[Value] = field(default_factory=list)  # numbers that have to be finite (passes/small.py),
    hidden: list[Value] = field(default_factory=list)  # and those that were left out of a product with 0
    kept: list[list[tuple[Value, ...]]] = field(default_factory=list)  # by optimisers, for each parameter of a group
    roots: list[Value] = field(default_factory=list)  # of outputs, and of writes that are not in place: the memory
    # that they show in eager mode, by which one knows whether two of them, or one and an input, are the same
    rules: dict[Value, Any] = field(default_factory=dict)  # parameter, or state of it -> (optimiser, group, parameter)
    given: set[Value] = field(default_factory=set)  # inputs that are arguments of the function, in what people read
    stood_for: dict[Value, Any] | None = None  # value -> what a pass put in its place, for names; None: nobody asks
    homes: list[Any] = field(default_factory=list)  # flat inputs in the place of those (passes/flat.py)

    def with_steps(self, steps: list[Step], replaced: Callable[[Any], Any] = lambda value: value) -> Program:
        """The same program with other steps; `replaced` says which value now stands for an old one."""
        writes = [Write(write.target, replaced(write.value), write.shown) for write in self.writes]
        outputs = [*map(replaced, self.outputs)]
        return replace(self, steps=steps, outputs=outputs, writes=writes)

    def with_outputs(self, more: list[Value]) -> Program:
        """The same program with more outputs after those it has."""
        if not more:
            return self
        count = len(self.outputs)
        roots = [*self.roots[:count], *(value.memory for value in more), *self.roots[count:]]
        return replace(self, outputs=[*self.outputs, *more], roots=roots)

    def ends(self) -> list[Value]:
        """The values that must be there when it ends: outputs and what is written."""
        return [*self.outputs, *(write.value for write in self.writes)]

    def leaving(self) -> list[Any]:
        """The values that leave the program: outputs, and writes that are not in place."""
        return [*self.outputs, *(write.value for write in self.writes if not write.in_place)]

    def uses(self) -> dict[Value, list[int]]:
        """value -> the numbers of the steps that read it."""
        found: dict[Value, list[int]] = {}
        for number, step in enumerate(self.steps):
            for value in step.values():
                found.setdefault(value, []).append(number)
        return found


def place_of(value: Value, given: set[Value], kept: set[Value]) -> int:
    """Where an input stands: arguments, arrays outside, numbers outside, state of optimisers, counts of steps."""
    if value in given:
        return 0
    if value in kept:
        return 3
    return 1 if not value.number else 2 if value.number is float else 4


class BackwardLine(tuple[str, int]):
    """Of a step of the chain rule: file and number of the line whose gradient it belongs to."""

    __slots__ = ()


class AlongLine(BackwardLine):
    """Of a step of the chain rule through the chain rule: how what the line computes changes along a direction."""

    __slots__ = ()


def packed(parts: tuple[Any, ...]) -> Any:
    """The elements of all parts, one after the other."""
    return np.concatenate([np.ravel(part) for part in parts])


def mapped(f: Callable[[Any], Any], tree: Any) -> Any:
    """`tree` (tuples, lists, dicts and slices, nested) with f of each leaf."""
    kind = type(tree)
    if kind in LEAF_KINDS:
        return f(tree)
    if kind is tuple:
        return tuple([f(part) if type(part) in LEAF_KINDS else mapped(f, part) for part in tree])
    if kind is list:
        return [mapped(f, part) for part in tree]
    if kind is slice:
        return slice(mapped(f, tree.start), mapped(f, tree.stop), mapped(f, tree.step))
    if kind is dict:
        return {key: mapped(f, part) for key, part in tree.items()}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return kind(*[mapped(f, part) for part in tree])
    return f(tree)


def leaves(tree: Any) -> Iterator[Any]:
    """The leaves of nested tuples, lists, dicts and slices, in order."""
    if isinstance(tree, tuple | list):
        for part in tree:
            yield from leaves(part)
    elif isinstance(tree, dict):
        for part in tree.values():
            yield from leaves(part)
    elif isinstance(tree, slice):
        yield from leaves((tree.start, tree.stop, tree.step))
    else:
        yield tree


def values_in(tree: Any) -> list[Value]:
    """The values among nested tuples, lists, dicts and slices."""
    found: list[Value] = []
    _find_values(tree, found)
    return found


def _find_values(tree: Any, found: list[Value]) -> None:
    if type(tree) is Value:
        found.append(tree)
    elif type(tree) is slice:
        _find_values((tree.start, tree.stop, tree.step), found)
    elif isinstance(tree, dict | tuple | list):
        for part in tree.values() if isinstance(tree, dict) else tree:
            kind = type(part)
            if kind is Value:
                found.append(part)
            elif kind not in _ENDS:
                _find_values(part, found)


_ENDS: frozenset[type] = frozenset({int, float, bool, str, type(None), np.dtype})  # kinds that hold nothing
LEAF_KINDS: set[type] = {Value, ndarray, *_ENDS}  # kinds that mapped() need not look into; stand-ins are more


def single_number(value: Any) -> Any:
    """The one number that a constant holds in every place; None where it is no constant, or holds several."""
    if type(value) in (int, float, bool):
        return value
    if type(value) is not Value or not value.is_const:
        return None
    if value.number:
        return value.data
    if value.uniform is ABSENT:
        value.uniform = _everywhere(np.asarray(value.data))
    return value.uniform


def _everywhere(data: ndarray) -> Any:
    """The number that stands in every place of an array, down to its bits; None where there are several."""
    if not data.size:
        return None
    first = data.flat[0]
    if all(stride == 0 or n == 1 for stride, n in zip(data.strides, data.shape, strict=True)):
        return first.item()
    if data.size > _COMPARED or data.flat[-1].tobytes() != first.tobytes():
        return None
    return first.item() if data.tobytes() == first.tobytes() * data.size else None
