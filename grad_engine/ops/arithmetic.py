"""The four operations and their relatives. Shapes broadcast as in NumPy; Python numbers are weak in dtype."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy import ndarray

from grad_engine.core.call import as_tensor
from grad_engine.core.define import composed, define, in_rules
from grad_engine.core.op import case
from grad_engine.core.stand_ins import asks
from grad_engine.core.tensor import Tensor
from grad_engine.formula.symbol import Symbol
from grad_engine.ops.elementwise import kinked, nothing, values

_LONG = 1 << 12  # elements from which on it pays to look how an array lies in memory
_PAIRS = [case((2, 3), (2, 3)), case((2, 3), (3,)), case((2, 1), ()), case((1, 3), (2, 1)), case((0, 3), (1, 3))]

add = define(
    np.add, name="add", symbol="+", category="arithmetic", operator="add", cases=_PAIRS,
    commutes=True,
    sentence="A sum hands g on to both operands unchanged.",
    summary="x plus y, element by element.",
    vjp={"x": lambda g, out, x, y: g, "y": lambda g, out, x, y: g},
)  # fmt: skip


def _minus(g: Any) -> Any:
    """-g; of one number that is stretched over an array, as below a sum, another such view, in no time."""
    if type(g) is not ndarray or any(g.strides):  # NumPy's negative of a stretched number takes five times as long
        return -g
    return ndarray(g.shape, g.dtype, np.negative(g[(0,) * g.ndim], dtype=g.dtype).reshape(()), 0, g.strides)


sub = define(
    np.subtract, name="sub", symbol="−", category="arithmetic", operator="sub", cases=_PAIRS, aliases=["subtract"],
    sentence="A difference passes g on, and −g to what is subtracted.",
    summary="x minus y, element by element.",
    vjp={"x": lambda g, out, x, y: g, "y": lambda g, out, x, y: -g if g.size < _LONG else _minus(g)},
    formula={"y": lambda g, out, x, y: -g},
)  # fmt: skip
mul = define(
    np.multiply, name="mul", symbol="×", category="arithmetic", operator="mul", cases=_PAIRS, aliases=["multiply"],
    commutes=True,
    sentence="In a product, each factor receives g times the other factor.",
    summary="x times y, element by element.",
    vjp={"x": lambda g, out, x, y: g * y, "y": lambda g, out, x, y: g * x},
)  # fmt: skip
div = define(
    np.divide, name="div", symbol="÷", category="arithmetic", operator="truediv", domain=(0.5, 2.0), cases=_PAIRS,
    aliases=["divide"],
    sentence="The numerator gets g over the denominator, which gets −g times the result over itself.",
    summary="x over y, element by element; x / 0 is ±inf, 0 / 0 is NaN.",
    vjp={"x": lambda g, out, x, y: g / y, "y": lambda g, out, x, y: -g * out / y},
)  # fmt: skip
neg = define(
    np.negative, name="neg", symbol="−", category="arithmetic", operator="neg", aliases=["negative"],
    sentence="Minus changes the sign of the gradient.",
    summary="Minus x.",
    vjp={"x": lambda g, out, x: -g},
)  # fmt: skip
positive = define(
    np.positive, name="positive", half="same", symbol="+", category="arithmetic", operator="pos",
    sentence="The gradient passes unchanged.",
    summary="x itself, as a new tensor.",
    vjp={"x": lambda g, out, x: g},
)  # fmt: skip
floor_divide = define(
    np.floor_divide, name="floor_divide", symbol="⌊÷⌋", category="arithmetic", operator="floordiv", domain=(0.5, 2.0),
    cases=_PAIRS,
    sentence="A staircase is flat between its steps, so the gradient is 0.",
    summary="x over y rounded down to a whole number, element by element; slope 0 everywhere.",
    vjp={"x": lambda g, out, x, y: nothing(g), "y": lambda g, out, x, y: nothing(g)}, formula={"x": 0, "y": 0},
)  # fmt: skip
remainder = define(
    np.remainder, name="remainder", symbol="mod", category="arithmetic", operator="mod", aliases=["mod"],
    domain=(0.5, 2.0), cases=_PAIRS,
    sentence="The dividend gets g; the divisor gets −g times how often it was taken out.",
    summary="What is left of x after whole multiples of y, element by element, with the sign of y, as in x % y.",
    vjp={"x": lambda g, out, x, y: g, "y": lambda g, out, x, y: -g * np.floor_divide(values(x), values(y))},
)  # fmt: skip
fmod = define(
    np.fmod, name="fmod", symbol="mod", category="arithmetic", domain=(0.5, 2.0), cases=_PAIRS,
    sentence="The dividend gets g; the divisor gets −g times how often it was taken out.",
    summary="What is left of x after whole multiples of y, element by element, with the sign of x, as in C.",
    vjp={"x": lambda g, out, x, y: g, "y": lambda g, out, x, y: -g * np.trunc(values(x) / values(y))},
)  # fmt: skip


def _power(x: Any, y: Any) -> Any:
    """x to the power y; small whole exponents by multiplication, which is hundreds of times faster on large arrays."""
    if not isinstance(x, ndarray):
        return np.power(x, y)
    if (type(y) is not int and type(y) is not float) or x.dtype.kind != "f" or not 1 <= y <= 16 or y != int(y):
        return x**y
    n, square, out = int(y), x, None
    while True:
        if n & 1:
            out = square if out is None else out * square
        n >>= 1
        if not n:
            return np.positive(x) if out is x else out
        square = square * square


def _floating(operand: Any, out: Any) -> Any:
    """An operand of whole numbers as floats of the result's dtype: 0 − 1 of uint8 is 255, and ln of int8 a float16."""
    return operand.astype(out.dtype) if type(operand) is ndarray and operand.dtype.kind != "f" else operand


@asks("is an exponent 0?")
def _power_x(g: Any, out: Any, x: Any, y: Any) -> Any:
    if isinstance(y, bool | int | float):  # the exponent is part of the program, so the rule may depend on it
        return nothing(g) if y == 0 else g if y == 1 else g * (y * x) if y == 2 else g * (y * _raised(x, y - 1))
    if type(g) is Symbol:
        return np.where(y == 0, 0.0, g * (y * x ** (y - 1)))
    y = _floating(y, out)
    base, constant = values(x), values(y) == 0
    if not constant.any():
        return g * (y * x ** (y - 1))
    flat = constant & ((base == 0) | (base != base))  # where y · x ** (y - 1) would be NaN
    share = g * np.where(flat, 0.0, y * np.where(flat, 1.0, x) ** (y - 1))
    return kinked(share, flat, y)


@asks("is a base 0?")
def _power_y(g: Any, out: Any, x: Any, y: Any) -> Any:
    x = _floating(x, out)
    exponent, zero = values(y), values(x) == 0
    number = isinstance(x, bool | int | float)
    if not (zero if number else zero.any()):
        return g * (out * (float(np.log(x)) if number else np.log(x)))  # of a float, so as not to widen a float32
    flat = zero & (exponent >= 0)  # where out · ln(x) would be NaN
    log = np.where(flat, 0, np.asarray(-math.inf, out.dtype)) if number else np.log(np.where(flat, 1, x))
    share = g * np.where(flat, 0.0, out * log)
    return kinked(kinked(share, flat & (exponent == 0), y), flat & (exponent <= 1), x)


pow = define(
    _power, name="pow", numbers=True, symbol="xʸ", category="arithmetic", operator="pow", numpy=[np.power],
    aliases=["power"], domain=(0.5, 2.0),
    cases=[*_PAIRS, case((2, 3), np.array(3.0)), case((2, 3), np.array([2.0, -1.0, 0.5]))],
    elementwise=True, broadcasts=True,
    sentence="A power's base gets g · exponent · base^(exponent − 1), its exponent g · result · ln base.",
    summary="x to the power y, element by element; 0 ** 0 is 1, a negative x to a fraction is NaN.",
    vjp={"x": _power_x, "y": _power_y},
    formula={
        "y": ["where", ["&", ["==", "x", 0], [">=", "y", 0]], 0, ["*", "g", ["*", "out", ["ln", "x"]]]]
    },
)  # fmt: skip
_raised = in_rules(pow)


@composed(numpy=[np.float_power], half="same")
def float_power(x: Any, y: Any) -> Tensor:
    """x to the power y, element by element, in float64 whatever the dtypes."""
    return pow(as_tensor(x).astype(np.float64), y)
