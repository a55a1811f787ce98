"""What an op is: one value that engine, record, tree, film, tests and documentation all read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from grad_engine.core.op_formulas import OpFormulas
from grad_engine.formula import Tree

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
class Op(OpFormulas):
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
    multiply_adds: Callable[..., int] | None = None  # of forward: (shape of the result, *shapes of operands) -> count
    ends: tuple[float, float] | tuple[()] = ()  # between which all results lie, and near which the op is flat
    even_chances: Callable[..., float] | None = None  # a loss over classes that are all as likely: from the same shapes
    takes_scores: bool = False  # a loss of scores or their logarithms, which probabilities are not
    half: str = "float32"  # in which dtype forward computes float16; "same" where it only moves elements
    floats: frozenset[str] = frozenset()  # operands whose whole numbers become floats first, as NumPy promotes them
    numbers: bool = False  # Python numbers reach forward and rules as they are, not as arrays
    torch: str = ""  # in which way PyTorch's function of that name differs, and how that is written here
    public: bool = True  # a function and a method for users; False: used by rules alone
    domain: tuple[float, float] = DOMAIN
    cases: tuple[Case, ...] = ()
    head: str  # of its formula: "+", "ln"
    forward_formula: Callable[..., Tree] | None = None  # how a call is written, where head(arguments) is not it
    described: Mapping[str, Tree | Rule]  # input -> formula of its rule, or what makes it, where it is not traced
    described_reads: frozenset[str]  # what the described rules read
    aliases: tuple[str, ...] = ()
    varargs: bool = False  # the first static argument may be given as several: x.reshape(2, 3)

    @property
    def differentiable(self) -> bool:
        return self.joint is not None or any(self.rules)

    def ruled(self, slot: int) -> bool:
        """Whether a gradient can flow to the operand in this slot."""
        return self.joint is not None or self.rules[0 if self.variadic else slot] is not None

    def __reduce__(self) -> Any:
        return _op_named, (self.name,)

    def __repr__(self) -> str:
        return f"<op {self.name}>"


def _op_named(name: str) -> Op:
    return OPS[name]
