"""The nonlinearities of neural networks."""

from __future__ import annotations

from typing import Any

import numpy as np

from grad_engine.op import case, define
from grad_engine.ops.elementwise import selected
from grad_engine.ops.reduction import total


def _sigmoid(x: Any) -> Any:
    e = np.exp(-np.abs(x))  # never overflows
    return np.where(x >= 0, np.ones_like(e), e) / (1 + e)


def _softmax(x: Any, axis: int = -1) -> Any:
    e = np.exp(x - np.maximum.reduce(x, axis=axis, keepdims=True))
    e /= np.add.reduce(e, axis=axis, keepdims=True)
    return e


def _log_softmax(x: Any, axis: int = -1) -> Any:
    shifted = x - np.maximum.reduce(x, axis=axis, keepdims=True)
    return shifted - np.log(np.add.reduce(np.exp(shifted), axis=axis, keepdims=True))


relu = define(
    lambda x: np.maximum(x, x.dtype.type(0)), name="relu", symbol="relu", category="activation", inputs=("x",),
    summary="max(x, 0) of each element. It selects: an inactive unit passes 0 even of inf and NaN; the slope at 0 is 0.",
    vjp={"x": lambda g, out, x: selected(g, out != 0)},  # out is positive, 0, or NaN, which passes
    formula={"x": ["where", [">", "out", 0], "g", 0]}, reads=("out",),
)  # fmt: skip
sigmoid = define(
    _sigmoid, name="sigmoid", symbol="σ", category="activation", inputs=("x",),
    summary="1 / (1 + exp(-x)) of each element, from 0 to 1.",
    vjp={"x": lambda g, out, x: g * (out * (1 - out))},
)  # fmt: skip
softmax = define(
    _softmax, name="softmax", symbol="softmax", category="activation", inputs=("x",),
    cases=[case((2, 3)), case((2, 3), axis=0), case((2, 3, 2), axis=1)],
    summary="exp(x) over its sum along `axis`: positive numbers that add up to 1.",
    vjp={"x": lambda g, out, x, axis: out * (g - total(g * out, axis=axis, keepdims=True))},
    formula={"x": ["*", "out", ["-", "g", ["sum", ["*", "g", "out"]]]]}, reads=("out",),
)  # fmt: skip
log_softmax = define(
    _log_softmax, name="log_softmax", symbol="log softmax", category="activation", inputs=("x",),
    cases=[case((2, 3)), case((2, 3), axis=0), case((2, 3, 2), axis=1)],
    summary="ln of softmax along `axis`, without its overflow.",
    vjp={"x": lambda g, out, x, axis: g - np.exp(out) * total(g, axis=axis, keepdims=True)},
    formula={"x": ["-", "g", ["*", ["exp", "out"], ["sum", "g"]]]}, reads=("out",),
)  # fmt: skip
