"""Makes each value once: a step that does what an earlier one did is stood for by that one."""

from __future__ import annotations

from typing import Any

import numpy as np

from grad_engine.program.passes.rewriting import Rewriting
from grad_engine.program.steps import Program, Step, Value

_LARGEST = 4096  # constants up to this size are compared by their bytes


def shared(program: Program) -> Program:
    """The program in which no pure step is made twice."""
    return _Sharing(program).rewritten()


class _Sharing(Rewriting):
    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self._steps: dict[Any, Step] = {}
        self._consts: dict[Any, Value] = {}

    def now(self, value: Any) -> Any:
        value = super().now(value)
        if type(value) is Value and value.is_const and not value.number and value.size <= _LARGEST:
            data = np.asarray(value.data)
            key = (data.dtype.str, data.shape, data.strides, value.scalar, data.tobytes())
            return self._consts.setdefault(key, value)
        return value

    def visit(self, step: Step) -> None:
        if step.kind.pure:
            key = (step.kind, step.fn if isinstance(step.fn, str) else id(step.fn), _key(step.args), _key(step.named))
            known = self._steps.setdefault(key, step)
            if known is not step:
                for out, other in zip(step.outs, known.outs, strict=True):
                    self.replace(out, other)
                return
        self.keep(step)


def _key(tree: Any) -> Any:
    """Arguments as something that can be compared; values and unknown things by identity."""
    kind = type(tree)
    if kind is Value:
        if tree.number and tree.is_const:
            return "number", tree.number.__name__, repr(tree.data)
        return "value", id(tree)
    if kind in (tuple, list):
        return (kind.__name__, *map(_key, tree))
    if kind is slice:
        return "slice", _key(tree.start), _key(tree.stop), _key(tree.step)
    if kind is dict:
        return ("dict", *((name, _key(tree[name])) for name in sorted(tree)))
    if kind in (int, float, bool, str, type(None)) or isinstance(tree, np.dtype | np.generic):
        return kind.__name__, repr(tree)
    return "thing", id(tree)
