"""How values, constants and calls are written in Python."""

from __future__ import annotations

import builtins
import keyword
import math
import operator
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from grad_engine.program.generators import Drawn
from grad_engine.program.steps import (
    ACCUMULATE,
    DRAW,
    FUNCTION,
    GET_ITEM,
    METHOD,
    NAMED_CALL,
    NUMBER,
    OUTER,
    REDUCE,
    REDUCEAT,
    UFUNC,
    UNPACK,
    Kind,
    Step,
    Value,
    single_number,
)
from grad_engine.program.traced_scipy import Closure, OfMade

_asarray = np.asarray  # np is another one while a function is traced
ATOM = 99  # precedence of what never needs parentheses
_POSTFIX, _UNARY = 10, 7
_INFIX: dict[Any, tuple[str, float]] = {
    np.add: ("+", 5), np.subtract: ("-", 5), np.multiply: ("*", 6), np.true_divide: ("/", 6), np.matmul: ("@", 6),
    np.floor_divide: ("//", 6), np.remainder: ("%", 6), np.bitwise_and: ("&", 4),
    np.bitwise_or: ("|", 3.2), np.bitwise_xor: ("^", 3.6), np.less: ("<", 3), np.less_equal: ("<=", 3),
    np.greater: (">", 3), np.greater_equal: (">=", 3), np.equal: ("==", 3), np.not_equal: ("!=", 3),
    operator.add: ("+", 5), operator.sub: ("-", 5), operator.mul: ("*", 6), operator.truediv: ("/", 6),
    operator.pow: ("**", 8), operator.floordiv: ("//", 6), operator.mod: ("%", 6), operator.lt: ("<", 3),
    operator.le: ("<=", 3), operator.gt: (">", 3), operator.ge: (">=", 3), operator.eq: ("==", 3),
    operator.ne: ("!=", 3),
}  # fmt: skip
_PREFIX: dict[Any, str] = {np.negative: "-", np.invert: "~", operator.neg: "-", operator.invert: "~"}
_REDUCTIONS = {
    np.add: "sum", np.multiply: "prod", np.maximum: "max", np.minimum: "min", np.logical_or: "any",
    np.logical_and: "all",
}  # fmt: skip


class Names:
    """Identifiers that are taken, and new ones like them."""

    def __init__(self) -> None:
        self.taken = {"np", "scipy", "math", "result"}
        self._counts: dict[str, int] = {}

    def mark(self) -> tuple[set[str], dict[str, int]]:
        """What is taken now, for back_to()."""
        return set(self.taken), dict(self._counts)

    def back_to(self, mark: tuple[set[str], dict[str, int]]) -> None:
        """Let all names that were taken since that mark be free again."""
        self.taken, self._counts = set(mark[0]), dict(mark[1])

    def new(self, name: str, join: str = "") -> str:
        """A new identifier like `name`; join: what stands between it and a number."""
        name = re.sub(r"\W", "_", name) or "value"
        if name[0].isdigit() or keyword.iskeyword(name):
            name = f"_{name}"
        found = name
        if found in self.taken:
            number = self._counts.get(name, 2)
            join = "_" if name[-1].isdigit() else join
            while (found := f"{name}{join}{number}") in self.taken:
                number += 1
            self._counts[name] = number + 1
        self.taken.add(found)
        return found


class Spelling:
    """Values and calls as text. What cannot be written down is a variable, whose value stands in `environment`."""

    few = 6  # numbers of an array that is written out

    def __init__(self, names: Names) -> None:
        self.names = names
        self.text: dict[Value, str] = {}
        self.precedence: dict[Value, float] = {}
        self.environment: dict[str, Any] = {}
        self.line: Any = None  # of the user's program, that is written now
        self.met: dict[str, Any] = {}  # variable -> the line that needed it first
        self.about: dict[str, str] = {}  # variable of a function of the engine -> what it is
        self.outside: set[str] = set()  # functions that are neither NumPy's nor SciPy's
        self._things: dict[int, str] = {}

    # --- arguments ------------------------------------------------------------------------------------------------

    def value(self, value: Value) -> str:
        """How a value is written where it is read."""
        if value not in self.text:
            if not value.is_const:
                raise KeyError(value)
            self.text[value] = self.const(value)
        return self.text[value]

    def const(self, value: Value) -> str:
        """How a constant is written."""
        data = value.data
        if value.number:
            return self.number(data)
        if value.ndim == 0 and value.dtype.char in "dl?" and (written := self.number(np.asarray(data).item())):
            return f"np.{np.asarray(data).dtype.type.__name__}({written})"
        return self.array(value) or self.thing(data, value.name or _CONSTANTS.get(value.dtype.kind, "constant"))

    def array(self, value: Value) -> str | None:
        """An array of one number, or of a few, as an expression."""
        number = single_number(value)
        kind = "" if value.dtype == np.float64 else f", {self.argument(value.dtype)}"
        shape = self.argument(value.shape if value.ndim != 1 else value.shape[0])
        if number is not None and value.ndim and value.dtype.kind in "fiu" and math.isfinite(number):
            filled = {"0": "zeros", "0.0": "zeros", "1": "ones", "1.0": "ones"}.get(repr(number))  # -0.0 is no zero
            return f"np.{filled}({shape}{kind})" if filled else f"np.full({shape}, {self.number(number)}{kind})"
        if 0 < value.size <= self.few and value.ndim and np.isfinite(value.data).all():
            kind = "" if value.dtype.char in "dl?" else kind
            return f"np.array({np.asarray(value.data).tolist()!r}{kind})"
        return None

    def number(self, number: Any) -> str:
        """How a Python number is written."""
        if type(number) is float and not math.isfinite(number):
            return f'float("{number}")'
        return repr(number)

    def thing(self, thing: Any, name: str) -> str:
        """The variable that holds something that is not written down."""
        if id(thing) not in self._things:
            made = self._things[id(thing)] = self.names.new(name)
            self.environment[made] = thing
            self.met[made] = self.line
        return self._things[id(thing)]

    def argument(self, tree: Any) -> str:
        """How an argument is written: a value, or plain things with values among them."""
        kind = type(tree)
        if kind is Value:
            return self.value(tree)
        if kind is tuple:
            return "(" + ", ".join(map(self.argument, tree)) + ("," if len(tree) == 1 else "") + ")"
        if kind is list:
            return "[" + ", ".join(map(self.argument, tree)) + "]"
        if kind is slice:
            return f"slice({self.argument(tree.start)}, {self.argument(tree.stop)}, {self.argument(tree.step)})"
        if tree is Ellipsis:
            return "..."
        if kind in (int, float, bool, str, type(None)):
            return self.number(tree)
        if isinstance(tree, np.dtype):
            return f"np.{tree.type.__name__}" if tree.isnative and tree.kind in "fiub" else self.thing(tree, "dtype")
        if isinstance(tree, np.generic) and tree.dtype.kind in "iu":
            return repr(tree.item())
        if isinstance(tree, int):  # of a kind of its own, such as a size that can be called
            return repr(int(tree))
        if isinstance(tree, type):
            return self.type(tree)
        if kind is Drawn:
            return self.thing(tree.generator, "rng")
        if type(tree) is Closure:  # a function of the user, made of what it closes over
            return f"{self.thing(tree.make, tree.make.__name__)}({', '.join(map(self.argument, tree.values))})"
        if callable(tree):
            return self.function(tree)
        return self.thing(tree, "constant")

    def type(self, kind: Any) -> str:
        """How a dtype or a type is written."""
        if issubclass(kind, np.generic):
            return f"np.{kind.__name__}"
        return kind.__name__ if kind in (int, float, bool) else self.thing(kind, "kind")

    def function(self, function: Any) -> str:
        """Where a function is found: np.exp, scipy.special.erf; a variable for any other."""
        path = path_of(function)
        if path is None:
            name = getattr(function, "__name__", "function").strip("_<>") or "function"
            self.outside.add(f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', name)}")
            return self.thing(function, "rule" if name == "lambda" else name)
        return path

    def inside(self, value: Any, least: float) -> str:
        """An argument as part of an expression, in parentheses where it binds less than `least`."""
        text = self.argument(value)
        binds = self.precedence.get(value, ATOM) if type(value) is Value else ATOM
        if binds == ATOM and (type(value) is float or (type(value) is Value and value.number is float)):
            binds = self.binds(text)
        if text[0] == "-" and binds == ATOM:
            binds = _UNARY
        return f"({text})" if binds < least else text

    def binds(self, number: str) -> float:
        """How strongly the text of a number binds."""
        return ATOM

    def index(self, key: Any) -> str:
        """What stands between the brackets of x[...]."""
        if type(key) is tuple and key:
            return ", ".join(map(self.index, key)) + ("," if len(key) == 1 and isinstance(key[0], tuple | list) else "")
        if type(key) is slice:
            start, stop = ("" if part is None else self.argument(part) for part in (key.start, key.stop))
            return f"{start}:{stop}" + ("" if key.step in (None, 1) else f":{self.argument(key.step)}")
        return self.argument(key)

    # --- calls ----------------------------------------------------------------------------------------------------

    def call(self, step: Step) -> tuple[str, float]:
        """The right side of the assignment that a step is, and how strongly it binds."""
        if step.kind is NAMED_CALL:
            return f"{self.named_call(step)}({self.arguments(*self.with_keywords(step))})", ATOM
        if type(step.fn) is OfMade:
            args, named, more, more_named = step.args
            made = f"{self.function(step.fn.maker)}({self.arguments(args, named)})"
            method = "" if step.fn.name == "__call__" else f".{step.fn.name}"
            return f"{made}{method}({self.arguments(more, more_named)})", ATOM
        written = _WRITTEN.get(step.kind)
        found = written(self, step) if written is not None else None
        if found is not None:
            return found
        return f"{self.function(step.fn)}({self.arguments(step.args, step.named)})", ATOM

    def named_call(self, step: Step) -> str:
        """The variable of a function of the engine: conv2d, conv2d_gradient."""
        words = (step.op or "call").split()
        name = self.thing(step.fn, f"{words[-1]}_gradient" if len(words) > 1 else words[0])
        self.about[name] = f"{'the gradient of ' * (len(words) > 1)}the op {words[-1]} of grad_engine"
        self.function(step.fn)  # which notes that it is neither NumPy's nor SciPy's
        return name

    def with_keywords(self, step: Step) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        """The arguments of a call of the engine, by place and by name."""
        return step.args, step.named

    def arguments(self, args: tuple[Any, ...], named: Any) -> str:
        """The arguments of a call, with commas between them."""
        return ", ".join([*map(self.argument, args), *(f"{key}={self.argument(part)}" for key, part in named.items())])


_CONSTANTS = {"b": "mask", "i": "indices", "u": "indices"}  # kind of dtype -> name of an array that has none


def described(thing: Any) -> str:
    """What a variable of the program holds that is no argument."""
    if isinstance(thing, np.ndarray):
        return f"constant of shape {thing.shape}, {thing.dtype}"
    if isinstance(thing, np.random.Generator):
        return "the generator of the random numbers"
    if callable(thing):
        return f"the function {getattr(thing, '__name__', type(thing).__name__)}"
    return f"constant, {type(thing).__name__}"


def path_of(function: Any) -> str | None:
    """ "np.exp", "np.linalg.inv", "scipy.special.erf", "math.exp": where a function of these libraries is found."""
    name = getattr(function, "__name__", None)
    if isinstance(function, np.ufunc):
        if getattr(np, name or "", None) is function:
            return f"np.{name}"
        special = getattr(_special(), name or "", None)
        return f"scipy.special.{name}" if special is function else None
    if isinstance(function, type) and issubclass(function, np.generic):
        return f"np.{name}"
    module = getattr(function, "__module__", None) or ""
    if module == "math":
        return f"math.{name}"
    if type(function).__module__.startswith("scipy.") and (room := _home(function)) is not None:
        return f"{room}.{function.name}"
    owner = getattr(function, "__self__", None)
    if type(owner).__module__.startswith("scipy.") and (room := _home(owner)) is not None:
        return f"{room}.{owner.name}.{name}"  # type: ignore[union-attr]
    if module.partition(".")[0] == "scipy" and name is not None:
        room = ".".join(module.split(".")[:2])
        return f"{room}.{name}" if getattr(sys.modules.get(room), name, None) is function else None
    if module == "builtins" and getattr(builtins, name or "", None) is function:
        return name
    if module.partition(".")[0] == "numpy" and name is not None:
        for public in (np, np.linalg, np.fft, np.random, np.lib.stride_tricks):
            if getattr(public, name, None) is function:
                return f"{public.__name__.replace('numpy', 'np', 1)}.{name}"
    return None


def _home(held: Any) -> str | None:
    """ "scipy.stats.norm": where an object of SciPy is found by its own name."""
    room = ".".join(type(held).__module__.split(".")[:2])
    name = getattr(held, "name", None)
    return room if isinstance(name, str) and getattr(sys.modules.get(room), name, None) is held else None


def _special() -> Any:
    """scipy.special, where one of its functions may have been called."""
    return sys.modules.get("scipy.special")


def _operator(self: Spelling, step: Step) -> tuple[str, float] | None:
    fn, args = step.fn, step.args
    if step.named:
        return None
    if fn in _INFIX and len(args) == 2:
        sign, binds = _INFIX[fn]
        left, right = (binds + 0.5, binds) if sign == "**" else (binds, binds + 0.5)
        if sign == "**":
            right = _UNARY
        one, other = self.inside(args[0], left), self.inside(args[1], right)
        if sign in "+-" and (turned := _turned(other)) is not None:
            sign, other = "+-"[sign == "+"], turned
        return f"{one} {sign} {other}", binds
    if fn in _PREFIX:
        text = self.inside(args[0], _UNARY)
        product = self.inside(args[0], _UNARY - 1)
        if fn not in _SIGNS or product == text or re.search(r"//|%", product):
            return f"{_PREFIX[fn]}{text}", _UNARY
        turned = _turned(product)  # -(x * y) is -x * y
        return f"-{product}" if turned is None else turned, _UNARY - 1
    if fn is operator.abs:
        return f"abs({self.argument(args[0])})", ATOM
    return None


_SIGNS = (np.negative, operator.neg)


def _turned(text: str) -> str | None:
    """An expression that begins with a minus without it, where that changes its sign and nothing else."""
    if not text.startswith("-") or text.startswith("--") or re.search(r" //|%|[<>=&|^]| [-+] ", text):
        return None
    return text[1:]


def _reduction(self: Spelling, step: Step) -> tuple[str, float] | None:
    x, *rest = step.args
    named = dict(zip(("axis", "dtype", "out", "keepdims"), rest, strict=False)) | dict(step.named)
    axis = named.pop("axis", 0)
    if type(axis) is tuple and axis and type(x) is Value:
        axis = None if len(axis) == x.ndim else axis[0] if len(axis) == 1 else axis
    named = {key: part for key, part in named.items() if part is not None and not (key == "keepdims" and part is False)}
    if step.fn in _REDUCTIONS and type(x) is Value and not x.number:
        everything = axis is None or (type(x) is Value and x.ndim == 1 and axis in (0, (0,)))
        shown = ([] if everything else [f"axis={self.argument(axis)}"]) + [
            f"{key}={self.argument(part)}" for key, part in named.items()
        ]
        return f"{self.inside(x, _POSTFIX)}.{_REDUCTIONS[step.fn]}({', '.join(shown)})", ATOM
    return f"{self.function(step.fn)}.reduce({self.arguments((x,), {'axis': axis, **named})})", ATOM


def _ufunc_method(self: Spelling, step: Step) -> tuple[str, float]:
    return f"{self.function(step.fn)}.{step.kind.name}({self.arguments(step.args, step.named)})", ATOM


def _method(self: Spelling, step: Step) -> tuple[str, float]:
    x, *rest = step.args
    owner = self.inside(x, _POSTFIX)
    if type(x) is Value and x.scalar and not hasattr(x.dtype.type, step.fn):  # as dot() of a NumPy number
        owner = f"{self.function(_asarray)}({self.argument(x)})"
    if step.fn == "transpose" and not rest and not step.named:
        return f"{owner}.T", ATOM
    return f"{owner}.{step.fn}({self.arguments(tuple(rest), step.named)})", ATOM


def _draw(self: Spelling, step: Step) -> tuple[str, float]:
    return f"{self.argument(step.args[0])}.{step.fn}({self.arguments(step.args[1:], step.named)})", ATOM


_WRITTEN: dict[Kind, Callable[[Spelling, Step], tuple[str, float] | None]] = {
    UFUNC: _operator,
    NUMBER: _operator,
    FUNCTION: lambda self, step: _operator(self, step) if step.fn in _INFIX else None,
    REDUCE: _reduction,
    ACCUMULATE: _ufunc_method,
    REDUCEAT: _ufunc_method,
    OUTER: _ufunc_method,
    METHOD: _method,
    DRAW: _draw,
    UNPACK: lambda self, step: (f"{self.inside(step.args[0], _POSTFIX)}.tolist()", ATOM),
    GET_ITEM: lambda self, step: (f"{self.inside(step.args[0], _POSTFIX)}[{self.index(step.args[1])}]", ATOM),
}
