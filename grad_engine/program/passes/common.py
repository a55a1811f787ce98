"""Makes each value once: a step that does what an earlier one did is stood for by that one."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from grad_engine.program.passes.rewriting import Rewriting
from grad_engine.program.steps import NAMED_CALL, Program, Step, Value

_PRODUCTS = (np.matmul, np.dot, np.inner, np.einsum, np.tensordot, np.vecdot, np.linalg.multi_dot)
_LARGEST = 4096  # constants up to this size are compared by their bytes


def shared(program: Program, exact: bool = False) -> Program:
    """The program in which no pure step is made twice.

    exact: but for two factors of one product. NumPy computes x @ x.T in another way where both are one array.
    """
    return _Sharing(program, exact).rewritten()


def _factors(program: Program) -> set[frozenset[int]]:
    """The pairs of values that are multiplied by one another as matrices."""
    found = set()
    for step in program.steps:
        if step.fn in _PRODUCTS or step.kind is NAMED_CALL:
            memories = [value.memory for value in step.values()]
            found |= {frozenset((id(x), id(y))) for x, y in itertools.combinations(memories, 2) if x is not y}
    return found


class _Sharing(Rewriting):
    def __init__(self, program: Program, exact: bool) -> None:
        super().__init__(program)
        self._apart = _factors(program) if exact else set()
        self._steps: dict[Any, Step] = {}
        self._consts: dict[Any, Value] = {}
        self._met: set[Value] = set()  # constants that were compared with those before

    def now(self, value: Any) -> Any:
        value = super().now(value)
        if type(value) is Value and value.is_const and value not in self._met:
            return self._same_const(value)
        return value

    def _same_const(self, value: Value) -> Value:
        """The first constant with these numbers."""
        self._met.add(value)
        if value.number or value.size > _LARGEST:
            return value
        data = np.asarray(value.data)
        key = (data.dtype.str, data.shape, data.strides, value.scalar, data.tobytes())
        known = self._consts.setdefault(key, value)
        if known is not value:
            self.replaced[value] = known
            if known.name is None:
                known.name = value.name
        return known

    def reads_replaced(self, step: Step) -> bool:
        values = step.values()
        for value in values:
            if value.is_const and value not in self._met:
                self._same_const(value)
        return super().reads_replaced(step)

    def visit(self, step: Step) -> None:
        if step.kind.pure:
            named = _key(step.named) if step.named else None
            key = (step.kind, step.fn if isinstance(step.fn, str) else id(step.fn), _key(step.args), named, step.errors)
            known = self._steps.setdefault(key, step)
            pairs = [*zip(step.outs, known.outs, strict=True)]
            if known is not step and not any(frozenset((id(x), id(y))) in self._apart for x, y in pairs):
                for out, other in pairs:
                    self.replace(out, other)
                return
        self.keep(step)


def _key(tree: Any) -> Any:
    """Arguments as something that can be compared; values and unknown things by identity."""
    kind = type(tree)
    if kind is Value:
        if tree.number and tree.is_const:
            return "number", tree.number.__name__, repr(tree.data)
        return tree
    if kind in (tuple, list):
        return (kind.__name__, *map(_key, tree))
    if kind is slice:
        return "slice", _key(tree.start), _key(tree.stop), _key(tree.step)
    if kind is dict:
        return ("dict", *((name, _key(tree[name])) for name in sorted(tree)))
    if kind in (int, float, bool, str, type(None)) or isinstance(tree, np.dtype | np.generic):
        return kind.__name__, repr(tree)
    return "thing", id(tree)
