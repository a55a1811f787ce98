"""Formula tree + NumPy arrays -> the numbers that the formula gives.

What a tree may call are the functions in FUNCTIONS, and those that the caller adds: nothing is looked up by name in
NumPy, for a tree may come from a stranger's file.
"""

from __future__ import annotations

import ast
import contextlib
import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from grad_engine.errors import FormulaError
from grad_engine.formula import CONSTANTS, MAX_DEPTH, Tree, text

Function = Callable[..., Any]

LONGEST_WORDS = 500  # characters of an index or argument that is given in words
ATTRIBUTES = ("shape", "ndim", "size", "dtype")

_LISTED = re.compile(r"\[[\[\]\d.,e+\- ]*\]\Z")  # a short array of numbers
_SUMMARY = re.compile(r"(array|mask|index) \([\d, ]*\)\Z")  # what stands for an array too large to be written down


def _transpose(x: Any) -> Any:
    return np.swapaxes(x, -1, -2) if np.ndim(x) > 1 else np.asarray(x)


def _logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    largest = np.max(x, axis=axis, keepdims=True)
    largest = np.where(np.isfinite(largest), largest, 0.0)
    total = np.log(np.sum(np.exp(x - largest), axis=axis, keepdims=True)) + largest
    return total if keepdims else np.squeeze(total, axis=axis)


def _softmax(x: Any, axis: int = -1) -> Any:
    return np.exp(x - _logsumexp(x, axis, True))


def _normal_cdf(x: Any) -> Any:
    return np.asarray(np.frompyfunc(math.erfc, 1, 1)(np.asarray(x) * -math.sqrt(0.5)), float) / 2


OPERATORS: dict[str, Function] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "**": operator.pow,
    "@": operator.matmul,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "&": np.logical_and,
    "|": np.logical_or,
    "neg": operator.neg,
    "not": np.logical_not,
    "T": _transpose,
}
_ELEMENTWISE = (
    "arccos arccosh arcsin arcsinh arctan arctan2 arctanh cbrt ceil copysign cos cosh deg2rad exp exp2 expm1 floor "
    "floor_divide fmax fmin fmod heaviside hypot isfinite isinf isnan log10 log1p log2 logaddexp logaddexp2 maximum "
    "minimum positive rad2deg reciprocal remainder rint sign sin sinh sqrt square tan tanh trunc"
)
FUNCTIONS: dict[str, Function] = {
    **{name: getattr(np, name) for name in _ELEMENTWISE.split()},
    "abs": np.abs,
    "clip": np.clip,
    "dot": np.dot,
    "ln": np.log,
    "log_softmax": lambda x, axis=-1: x - _logsumexp(x, axis, True),
    "logsumexp": _logsumexp,
    "max": np.max,
    "mean": np.mean,
    "min": np.min,
    "normal_cdf": _normal_cdf,
    "normal_pdf": lambda x: np.exp(-0.5 * np.square(x)) / math.sqrt(2 * math.pi),
    "prod": np.prod,
    "relu": lambda x: np.maximum(x, 0),
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "sigmoid": lambda x: 0.5 * (1 + np.tanh(0.5 * np.asarray(x))),
    "silu": lambda x: x * 0.5 * (1 + np.tanh(0.5 * np.asarray(x))),
    "softmax": _softmax,
    "softplus": lambda x: np.logaddexp(x, 0),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "sum": np.sum,
    "where": np.where,
}


def evaluate(tree: Tree, values: Mapping[str, Any], functions: Mapping[str, Function] | None = None) -> Any:
    """What a formula gives for these values: an array or number; a tuple or list where the tree is one.

    `values` has an array or number for each name in the tree (g, out, the parameters of the op). `functions` are called
    for heads that are no operators, before those of FUNCTIONS. Floating-point warnings are off.

    Raises:
        FormulaError: a part in words, a name or function that is not known, or one that cannot be computed.
    """
    known = FUNCTIONS if functions is None else {**FUNCTIONS, **functions}
    with np.errstate(all="ignore"):
        return _Evaluation(values, known).value(tree, 1)


def agrees(result: Any, share: np.ndarray, tolerance: float | None = None) -> bool:
    """Whether what a rule gives is the recorded share: the same numbers, once summed down to the share's shape.

    NaN and infinities have to stand in the same places. The relative tolerance is for the largest entry; by default it
    is that of about half the digits of the share's dtype.
    """
    try:
        found = np.asarray(result, dtype=np.float64)
    except (TypeError, ValueError):
        return False
    expected = np.asarray(share, dtype=np.float64)
    with np.errstate(all="ignore"):
        lead = found.ndim - expected.ndim
        if lead > 0:
            found = found.sum(axis=tuple(range(lead)))
        if found.ndim == expected.ndim:
            stretched = tuple(k for k, n in enumerate(expected.shape) if n == 1 != found.shape[k])
            found = found.sum(axis=stretched, keepdims=True) if stretched else found
        if found.shape != expected.shape:  # 0, or a g that is copied to all entries
            try:
                found = np.broadcast_to(found, expected.shape)
            except ValueError:
                return False
        if tolerance is None:
            tolerance = float(np.sqrt(np.finfo(share.dtype).eps)) if share.dtype.kind == "f" else 1e-8
        finite = np.isfinite(expected)
        if not np.array_equal(found[~finite], expected[~finite], equal_nan=True):
            return False
        largest = float(np.abs(expected[finite]).max(initial=0.0))
        return bool((np.abs(found[finite] - expected[finite]) <= tolerance * max(largest, 1e-300)).all())


class _Evaluation:
    def __init__(self, values: Mapping[str, Any], functions: Mapping[str, Function]) -> None:
        self.values, self.functions = values, functions

    def value(self, tree: Tree, depth: int) -> Any:
        if isinstance(tree, str):
            if tree not in self.values:
                if tree in CONSTANTS:
                    return CONSTANTS[tree]
                raise _refusal(tree, f"it needs the value of {tree}, which is not given")
            return self.values[tree]
        if not isinstance(tree, list | tuple):
            return tree
        if depth > MAX_DEPTH:
            raise _refusal("…", f"it is more than {MAX_DEPTH} levels deep")
        head, *arguments = tree
        if head == "say":
            return self.listed(tree)
        try:
            if head == "list":
                return [self.value(part, depth + 1) for part in arguments]
            if head == "tuple":
                return tuple(self.value(part, depth + 1) for part in arguments)
            if head == "index":
                return np.asarray(self.value(arguments[0], depth + 1))[self.index(arguments[1], depth + 1)]
            if head == "attr" and arguments[1] in ATTRIBUTES:
                return getattr(np.asarray(self.value(arguments[0], depth + 1)), arguments[1])
            if head in OPERATORS:
                return OPERATORS[head](*(self.value(part, depth + 1) for part in arguments))
            if head in self.functions:
                return self.call(self.functions[head], arguments, depth + 1)
        except FormulaError:
            raise
        except (ArithmeticError, AttributeError, LookupError, MemoryError, TypeError, ValueError) as error:
            raise _refusal(tree, str(error).partition("\n")[0]) from None
        raise _refusal(tree, f"{head} is not known")

    def listed(self, tree: Tree) -> Any:
        """The array that words such as `[0.5, 2.0]` list."""
        if _LISTED.match(tree[1]) and len(tree[1]) <= LONGEST_WORDS:
            with contextlib.suppress(SyntaxError, ValueError, MemoryError, RecursionError):
                return np.asarray(ast.literal_eval(tree[1]))
        raise _refusal(tree, "it is given in words")

    def call(self, function: Function, arguments: list[Tree], depth: int) -> Any:
        positional, named = [], {}
        for part in arguments:
            if isinstance(part, list | tuple) and part and part[0] == "kw":
                named[part[1]] = self.argument(part[2], depth)
            else:
                positional.append(self.argument(part, depth))
        return function(*positional, **named)

    def argument(self, tree: Tree, depth: int) -> Any:
        """The value of an argument; words in its place are a list or a word, such as `reduction=sum`."""
        if not isinstance(tree, list | tuple) or not tree or tree[0] != "say":
            return self.value(tree, depth)
        words = tree[1]
        if "{" in words or _SUMMARY.match(words) or len(words) > LONGEST_WORDS:
            raise _refusal(tree, "it is given in words")
        try:
            return ast.literal_eval(words)
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            return words

    def index(self, tree: Tree, depth: int) -> Any:
        """What stands between brackets: words as they would be typed, or a formula."""
        if not isinstance(tree, list | tuple) or not tree or tree[0] != "say":
            return self.value(tree, depth)
        words = tree[1].replace("…", "...")
        if len(words) > LONGEST_WORDS:
            raise _refusal(tree, "its index is too long")
        try:
            parsed = ast.parse(f"x[{words}]", mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            raise _refusal(tree, "its index is given in words") from None
        if not isinstance(parsed, ast.Subscript) or not isinstance(parsed.value, ast.Name):
            raise _refusal(tree, "its index is given in words")
        return self.part(parsed.slice)

    def part(self, node: ast.expr | None) -> Any:
        """One part of an index: a number, a slice, a list, `...`, None, or a name among the values."""
        if isinstance(node, ast.Tuple):
            return tuple(self.part(each) for each in node.elts)
        if isinstance(node, ast.Slice):
            return slice(self.part(node.lower), self.part(node.upper), self.part(node.step))
        if isinstance(node, ast.Name) and node.id in self.values:
            return np.asarray(self.values[node.id])
        return None if node is None else ast.literal_eval(node)


def _refusal(tree: Tree, reason: str) -> FormulaError:
    shown = text(tree)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    return FormulaError(f"the formula {shown} cannot be evaluated: {reason}; give its value, or a function for it")
