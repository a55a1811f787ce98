"""What an op is: one value that engine, record, tree, film, tests and documentation all read."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy import ndarray

from grad_engine.formula import Tree
from grad_engine.formula.symbol import Symbol, tree_of

Rule = Callable[..., Any]
DOMAIN = (-2.0, 2.0)  # where the law tests draw the operands of an op from, unless it says otherwise
OPS: dict[str, Op] = {}  # the table: every op by its name
CATEGORIES = (
    "arithmetic", "elementwise", "activation", "reduction", "shape", "joining", "indexing", "linear algebra", "neural",
    "loss",
)  # fmt: skip


@dataclass(frozen=True, eq=False, slots=True)
class Case:
    """Operands and static arguments to try an op on: shapes to fill with random numbers, or arrays to use as given."""

    operands: tuple[Any, ...]
    static: Mapping[str, Any]


def case(*operands: Any, **static: Any) -> Case:
    """One sample call for the law tests: `case((2, 3), axis=1)`; a list of shapes stands for a variadic operand."""
    return Case(operands, static)


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Op:
    """What an op is; every reader (engine, record, tree, scene, tests, docs) reads this."""

    name: str
    label: str  # the name of its backward step, "LogSoftmaxBackward"
    forward: Callable[..., Any]
    inputs: tuple[str, ...]  # the array operands, in call order
    required: int  # how many of them cannot be left out
    variadic: bool = False  # one operand that is a sequence of arrays
    static: Mapping[str, Any]  # the other arguments and their defaults (inspect.Parameter.empty: none)
    saves: tuple[str, ...]  # what forward returns besides the result, for the rules
    rules: tuple[Rule | None, ...]  # one per input; None: no gradient flows to it
    joint: Rule | None  # instead of rules: (g, out, *args, wanted) -> list of shares
    multi_output: bool  # forward returns a tuple of outputs
    symbol: str
    category: str
    summary: str
    sentence: str = ""  # what it does in one sentence of school words
    elementwise: bool = False  # element i of the result depends on element i of each operand alone, once broadcast
    broadcasts: bool = False  # operands of different shapes are repeated to one shape, as in arithmetic
    commutes: bool = False  # its two operands may change places
    half: str = "float32"  # in which dtype forward computes float16; "same" where it only moves elements
    floats: frozenset[str] = frozenset()  # operands whose whole numbers become floats first, as NumPy promotes them
    numbers: bool = False  # Python numbers reach forward and rules as they are, not as arrays
    public: bool = True  # a function and a method for users; False: used by rules alone
    domain: tuple[float, float] = DOMAIN
    cases: tuple[Case, ...] = ()
    head: str  # of its formula: "+", "ln"
    written: Callable[..., Tree] | None = None  # how a call is written, where head(arguments) is not it
    described: Mapping[str, Tree]  # input -> formula of a rule that cannot be traced
    described_reads: frozenset[str]  # what the described rules read
    aliases: tuple[str, ...] = ()
    varargs: bool = False  # the first static argument may be given as several: x.reshape(2, 3)

    @property
    def differentiable(self) -> bool:
        return self.joint is not None or any(self.rules)

    def ruled(self, slot: int) -> bool:
        """Whether a gradient can flow to the operand in this slot."""
        return self.joint is not None or self.rules[0 if self.variadic else slot] is not None

    def parameters(self, count: int) -> tuple[str, ...]:
        """The name of each of `count` operands in the formulas: x, y, or xs[0], xs[1], ... of a variadic op."""
        return tuple(f"{self.inputs[0]}[{i}]" for i in range(count)) if self.variadic else self.inputs

    def forward_tree(self, arrays: Sequence[Any], rest: Sequence[Any]) -> Tree:
        """What this call computes, as a formula tree over its parameters; Python numbers stand for themselves."""
        names = self.parameters(len(arrays))
        operands: list[Tree] = [
            array if isinstance(array, bool | int | float) or array is None else name
            for name, array in zip(names, arrays, strict=True)
        ]
        static = dict(zip(self.static, rest, strict=False))
        if self.written is not None:
            return self.written(*([operands] if self.variadic else operands), **static)
        shown = [["list", *operands]] if self.variadic else [part for part in operands if part is not None]
        changed = [
            ["kw", name, tree_of(value)]
            for name, value in static.items()
            if self.static[name] is inspect.Parameter.empty or not _same(value, self.static[name])
        ]
        return [self.head, *shown, *changed]

    def rule_trees(self, out: Any, arrays: Sequence[Any], rest: Sequence[Any], wanted: Sequence[bool]) -> list[Tree]:
        """The rule for each wanted operand as a formula tree; None for the others."""
        trees: list[Tree] = [None] * len(arrays)
        names = self.parameters(len(arrays))
        args: list[Any] = [
            Symbol(name, array.shape, array.dtype) if isinstance(array, ndarray) else array
            for name, array in zip(names, arrays, strict=True)
        ]
        count = len(self.static)
        others = [*rest[:count], *(Symbol(name) for name in self.saves)]
        g, result = (_symbols(name, out) for name in ("g", "out"))
        operands = [args] if self.variadic else args
        joint: list[Any] | None = None
        for slot, want in enumerate(wanted):
            if not want:
                continue
            described = self.described.get(self.inputs[0 if self.variadic else slot])
            rule = None if self.variadic else self.rules[slot]
            if isinstance(described, str):  # words; of a variadic operand they speak of one at a time
                own = described.replace(f"{{{self.inputs[0]}}}", f"{{{names[slot]}}}") if self.variadic else described
                trees[slot] = ["say", own]
            elif described is not None:
                trees[slot] = described
            elif rule is not None:
                trees[slot] = tree_of(rule(g, result, *operands, *others))
            elif self.joint is not None:
                if joint is None:
                    joint = self.joint(g, result, *operands, *others, wanted=wanted)
                trees[slot] = tree_of(joint[slot])
        return trees

    def reads(self, tree: Tree) -> frozenset[str]:
        """The values (parameters, "out") that a rule with this formula tree needs at backward time."""
        if isinstance(tree, list) and tree[0] == "say":
            return self.described_reads
        found, pending = set(), [tree]
        while pending:
            part = pending.pop()
            if isinstance(part, str):
                found.add(part)
            elif isinstance(part, list) and part[0] != "say":
                pending.extend(part[2:] if part[0] == "kw" else part[1:2] if part[0] == "attr" else part[1:])
        return frozenset(found)

    def __reduce__(self) -> Any:
        return _op_named, (self.name,)

    def __repr__(self) -> str:
        return f"<op {self.name}>"


def _symbols(name: str, out: Any) -> Any:
    """The Symbol of a result, or one for each of several."""
    if isinstance(out, tuple):
        return tuple(Symbol(f"{name}[{i}]", part.shape, part.dtype) for i, part in enumerate(out))
    return Symbol(name, out.shape, out.dtype)


def _op_named(name: str) -> Op:
    return OPS[name]


def _same(value: Any, default: Any) -> bool:
    return value is default or (type(value) is type(default) and not isinstance(value, ndarray) and value == default)
