"""In which dtype an op computes: float16 in float32, whole numbers as the floats that NumPy promotes them to.

A float16 has 11 bits and ends at 65504: a sum of a few thousand ones stops at 2048, and the square of 300 is infinite.
So what is given in float16 is computed in float32, forward and in the rules, and rounded once at the end, as PyTorch
does on the CPU. It is one mechanism: `single(op)` is the same op with that arithmetic, and a node holds it in the place
of `op`. Other dtypes never meet it.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from grad_engine.core.op import Op
from grad_engine.core.stand_ins import STAND_INS
from grad_engine.core.tensor import Tensor

F64, F32, HALF = np.dtype(np.float64), np.dtype(np.float32), np.dtype(np.float16)


def _recast(value: Any, given: np.dtype[Any], wanted: np.dtype[Any]) -> Any:
    """`value` with every array and tensor of one dtype in it, in lists and tuples too, in another."""
    kind = type(value)
    if isinstance(value, ndarray | Tensor | np.generic):
        return value.astype(wanted) if value.dtype == given else value
    if kind is list or kind is tuple:
        return kind(_recast(part, given, wanted) for part in value)
    return value


def widened(value: Any) -> Any:
    """`value` with every float16 in it as float32."""
    return _recast(value, HALF, F32)


def narrowed(value: Any) -> Any:
    """`value` with every float32 in it rounded to float16."""
    return _recast(value, F32, HALF)


def holds_half(values: Iterable[Any]) -> bool:
    """Whether a float16 array or tensor is among these, or in a list of them."""
    for value in values:
        kind = type(value)
        if kind is Tensor:
            if value.array.dtype.char == "e":  # not `is HALF`: of a pickled array the dtype is another object
                return True
        elif kind is ndarray:
            if value.dtype.char == "e":
                return True
        elif kind is list or kind is tuple:
            if holds_half(value):
                return True
        elif kind in STAND_INS and isinstance(value, ndarray) and value.dtype.char == "e":
            return True
    return False


def gives_half(values: Iterable[Any]) -> bool:
    """Whether no float32 is among the operands and arguments, so that what came out in float32 is float16 by right.

    A float64 among them would have made the result float64, if it had any say in it.
    """
    for value in values:
        if isinstance(value, list | tuple):
            if not gives_half(value):
                return False
        elif isinstance(value, ndarray | np.generic | Tensor):
            if value.dtype == F32:
                return False
        elif isinstance(value, type | np.dtype):  # an argument that asks for a dtype is obeyed by forward itself
            return False
    return True


@functools.cache
def single(op: Op) -> Op:
    """The same op for operands of float16: forward and rules compute in float32, and forward rounds its result."""

    def forward(*args: Any) -> Any:
        out = op.forward(*map(widened, args))
        if not gives_half(args):
            return out
        return (narrowed(out[0]), *out[1:]) if op.saves else narrowed(out)

    return dataclasses.replace(
        op,
        forward=op.forward if op.half == "same" else forward,
        rules=tuple(rule and _in_single(rule) for rule in op.rules),
        joint=op.joint and _in_single(op.joint),
    )


def _in_single(rule: Callable[..., Any]) -> Callable[..., Any]:
    """`rule` on float32; what it returns is rounded once it has the shape of its operand (broadcasting.fitted)."""

    @functools.wraps(rule)
    def wide(*args: Any, **named: Any) -> Any:
        return rule(*map(widened, args), **named)

    return wide


def float_of(dtype: np.dtype[Any], beside: Iterable[Any] = ()) -> np.dtype[Any]:
    """The float dtype in which NumPy computes whole numbers or booleans of this one, beside other operands."""
    kinds = (value.dtype for value in beside if isinstance(value, ndarray | Tensor))
    return np.result_type(dtype, HALF, *(kind for kind in kinds if kind.kind == "f"))


def as_floats(value: Any, beside: Iterable[Any] = ()) -> Any:
    """`value`, an array, tensor or number, with whole numbers and booleans as floats."""
    if not isinstance(value, ndarray | Tensor) or value.dtype.kind == "f":
        return value
    return value.astype(float_of(value.dtype, beside))


def fitted_operands(op: Op, arrays: Sequence[Any]) -> list[Any]:
    """The operands of a call as `op` computes with them: numbers as arrays, whole numbers as floats, where it asks."""
    found = list(arrays)
    if not op.numbers:
        kinds = [value.dtype for value in found if isinstance(value, ndarray)]
        for slot, value in enumerate(found):
            if isinstance(value, bool | int | float):
                found[slot] = np.asarray(value, np.result_type(*kinds, value) if op.ruled(slot) else None)
    if op.floats:
        for slot, value in enumerate(found):
            if op.inputs[slot] in op.floats:
                found[slot] = as_floats(value, arrays)
    return found
