"""Says what the engine's quick tricks mean: for the source that people read.

The engine sets elements to 0 by multiplying their bits by a mask, and adds rows up as a product with ones: both are
quicker than np.where() and sum(), and give the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from grad_engine.program.passes.rewriting import Rewriting
from grad_engine.program.steps import FUNCTION, METHOD, REDUCE, UFUNC, Program, Step, Value, single_number


def said_plainly(program: Program) -> Program:
    """The program with np.where() in place of products of bits."""
    return _Saying(program).rewritten()


class _Saying(Rewriting):
    def visit(self, step: Step) -> None:
        found = self._selection(step) or self._sum(step)
        self.keep(step if found is None else found)

    def _selection(self, step: Step) -> Step | None:
        """np.where(mask, x, 0) for (x.view(int) * mask).view(float)."""
        if step.kind is not METHOD or step.fn != "view" or step.out.dtype.kind != "f" or len(step.args) != 2:
            return None
        product = step.args[0].step
        if product is None or product.kind is not UFUNC or product.fn is not np.multiply or product.named:
            return None
        for bits, mask in (product.args, product.args[::-1]):
            x = _viewed(bits)
            if x is not None and type(mask) is Value and mask.dtype == bool and x.dtype == step.out.dtype:
                return Step(FUNCTION, np.where, (*_chosen(mask, x),), {}, step.outs, False, step.line)
        return None

    def _sum(self, step: Step) -> Step | None:
        """x.sum(axis=0) for ones @ x."""
        if step.kind is not UFUNC or step.fn is not np.matmul or step.named:
            return None
        ones, x = step.args
        known = type(ones) is Value and ones.ndim == 1 and single_number(ones) == 1
        if not known or type(x) is not Value or x.ndim != 2 or x.dtype != step.out.dtype:
            return None
        return Step(REDUCE, np.add, (x,), {"axis": 0}, step.outs, False, step.line)


def _chosen(mask: Value, x: Value) -> tuple[Any, Any, Any]:
    """The arguments of np.where(); ~mask chooses the other way round."""
    zero = Value(0.0, data=0.0)
    inner = mask.step
    if inner is not None and inner.kind is UFUNC and inner.fn in (np.invert, np.logical_not) and not inner.named:
        return inner.args[0], zero, x
    return mask, x, zero


def _viewed(bits: Any) -> Value | None:
    """The floats whose bits these are."""
    step = bits.step if type(bits) is Value else None
    if step is not None and step.kind is METHOD and step.fn == "view" and bits.dtype.kind in "iu":
        return step.args[0] if step.args[0].dtype.itemsize == bits.dtype.itemsize else None
    return None
