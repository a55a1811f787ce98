"""Symbol: a stand-in array that writes down the formula it takes part in.

A rule that is called on Symbols computes nothing: it returns the tree (`grad_engine.formula`) of what it would compute.
A Symbol that stands for an operand knows that operand's shape and dtype, so a rule may ask for them; the names left in
the finished tree are the values that the rule reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np

from grad_engine.errors import GradEngineError
from grad_engine.formula import INFIX, Tree

OPERATORS = {"add": "+", "sub": "-", "mul": "*", "truediv": "/", "matmul": "@", "pow": "**"}  # of Python -> their heads
UFUNC_HEADS = {
    "add": "+", "subtract": "-", "multiply": "*", "divide": "/", "power": "**", "float_power": "**", "matmul": "@",
    "negative": "neg", "invert": "not", "logical_not": "not", "equal": "==", "not_equal": "!=", "less": "<",
    "less_equal": "<=", "greater": ">", "greater_equal": ">=", "bitwise_and": "&", "logical_and": "&",
    "bitwise_or": "|", "logical_or": "|", "log": "ln", "absolute": "abs", "matrix_transpose": "T",
}  # fmt: skip
REDUCE_HEADS = {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min", "logaddexp": "logsumexp"}


class UntraceableError(GradEngineError, TypeError):
    """A rule asked a Symbol for something that only numbers have; give its op a formula in words."""


class Symbol:
    """A formula in the place of an array."""

    __slots__ = ("_dtype", "_shape", "tree")

    def __init__(self, tree: Tree, shape: tuple[int, ...] | None = None, dtype: Any = None) -> None:
        self.tree = tree
        self._shape = shape
        self._dtype = dtype

    @property
    def shape(self) -> tuple[int, ...]:
        return self._shape if self._shape is not None else self._refuse("a shape")

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))

    @property
    def dtype(self) -> Any:
        return self._dtype if self._dtype is not None else self._refuse("a dtype")

    @property
    def T(self) -> Symbol:
        return Symbol(["T", self.tree])

    mT = T

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **keywords: Any) -> Symbol:
        if method == "reduce":
            said = {key: value for key, value in keywords.items() if value is not None and value is not False}
            return traced(REDUCE_HEADS.get(ufunc.__name__, f"{ufunc.__name__}_reduce"), *args, **said)
        if ufunc.__name__ == "square":
            return traced("**", *args, 2)
        return traced(UFUNC_HEADS.get(ufunc.__name__, ufunc.__name__), *args)

    def __array_function__(self, func: Any, types: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> Symbol:
        return traced(UFUNC_HEADS.get(func.__name__, func.__name__), *args, **keywords)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):  # Python and NumPy ask for these to find out what there is
            raise AttributeError(name)
        raise UntraceableError(
            f"a formula has no attribute {name} (asked of {self.tree!r}); write np.{name}(x), not x.{name}(), where "
            "NumPy has it, or give define() a formula= in words"
        )

    def __getitem__(self, index: Any) -> Symbol:
        return Symbol(["index", self.tree, index_tree(index)])

    def __neg__(self) -> Symbol:
        return Symbol(["neg", self.tree])

    def __invert__(self) -> Symbol:
        return Symbol(["not", self.tree])

    def __hash__(self) -> int:
        return id(self)

    def __bool__(self) -> bool:
        return self._refuse("a truth value")

    def __iter__(self) -> Iterator[Symbol]:
        return self._refuse("elements")

    def __len__(self) -> int:
        return self.shape[0]

    def _refuse(self, wanted: str) -> NoReturn:
        raise UntraceableError(f"a formula has no {wanted} (asked of {self.tree!r}); give define() a formula= in words")


def traced(head: str, *args: Any, **keywords: Any) -> Symbol:
    """The Symbol of `head` applied to Symbols, numbers and static values."""
    named = [
        ["kw", name, 1 if name == "keepdims" and value is True else tree_of(value)] for name, value in keywords.items()
    ]
    return Symbol([head, *map(tree_of, args), *named])


def tree_of(value: Any) -> Tree:
    """Any value a rule may handle, as a formula tree."""
    if isinstance(value, Symbol):
        return value.tree
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, tuple):
        return ["tuple", *map(tree_of, value)]
    if isinstance(value, list):
        return ["list", *map(tree_of, value)]
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return value.item()
    if isinstance(value, np.ndarray):
        short = value.size <= 6 and value.dtype != bool
        return ["say", str(value.tolist()) if short else f"{'mask' if value.dtype == bool else 'array'} {value.shape}"]
    return ["say", str(value)]


def index_tree(index: Any) -> Tree:
    """What stands between the brackets of `x[index]`, as it would be typed."""
    parts = index if type(index) is tuple else (index,)
    return ["say", ", ".join(map(_index_text, parts))]


def _index_text(part: Any) -> str:
    if isinstance(part, slice):
        ends = [("" if end is None else str(end)) for end in (part.start, part.stop)]
        return ":".join(ends if part.step is None else [*ends, str(part.step)])
    if part is Ellipsis:
        return "…"
    if isinstance(part, Symbol):
        return str(part.tree)
    if isinstance(part, np.ndarray | list) and np.size(part) > 6:
        array = np.asarray(part)
        return f"{'mask' if array.dtype == bool else 'index'} {array.shape}"
    return str(part.tolist() if isinstance(part, np.ndarray) else part)


def _operator(head: str) -> tuple[Any, Any]:
    return (lambda self, other: traced(head, self, other)), (lambda self, other: traced(head, other, self))


for _dunder, _head in (OPERATORS | {"and": "&", "or": "|"}).items():
    _plain, _reflected = _operator(_head)
    setattr(Symbol, f"__{_dunder}__", _plain)
    setattr(Symbol, f"__r{_dunder}__", _reflected)
for _dunder, _head in {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}.items():
    setattr(Symbol, f"__{_dunder}__", _operator(_head)[0])
assert set(UFUNC_HEADS.values()) - set(INFIX) == {"ln", "abs", "T"}
