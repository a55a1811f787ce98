"""Ops that fold axes away. `axis` is None (all), an int or a tuple; `keepdims` leaves folded axes with length 1."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from grad_engine.errors import ShapeError
from grad_engine.op import case, define, in_rules
from grad_engine.ops.elementwise import selected
from grad_engine.ops.shape import reshaped
from grad_engine.tensor import Tensor

_AXES = [
    case((2, 3)), case((2, 3), axis=0), case((2, 3), axis=-1, keepdims=True), case((2, 3, 2), axis=(0, 2)),
    case((2, 3), axis=()), case(()),
]  # fmt: skip


def _sum_to(x: Any, shape: tuple[int, ...]) -> Any:
    """Sum `x` over the axes that broadcasting added or stretched, so that the result has `shape`."""
    lead = x.ndim - len(shape)
    stretched = tuple(i + lead for i, n in enumerate(shape) if n == 1 != x.shape[i + lead])
    if not stretched:
        return np.add.reduce(x, axis=tuple(range(lead)))
    return np.add.reduce(x, axis=(*range(lead), *stretched), keepdims=True).reshape(shape)


sum_to = define(
    _sum_to, name="sum_to", symbol="Σ", category="reduction", inputs=("x",),
    cases=[case((2, 3), shape=(1, 3)), case((4, 2, 3), shape=(3,)), case((2, 3), shape=())],
    summary="x summed down to `shape`, from which it could have been broadcast.",
    vjp={"x": lambda g, out, x, shape: np.broadcast_to(g, x.shape)},
    formula={"x": "{g} copied to the shape of {x}"},
)  # fmt: skip


def kept_shape(x: Any, axis: Any) -> tuple[int, ...]:
    """The shape of `x` with the folded axes left at length 1."""
    if axis is None:
        return (1,) * x.ndim
    folded = {a % x.ndim for a in (axis if isinstance(axis, tuple) else (axis,))}
    return tuple(1 if i in folded else n for i, n in enumerate(x.shape))


def spread_back(g: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """A reduction's gradient `g`, copied back along the folded axes to the shape of `x`."""
    if not keepdims and axis is not None and x.ndim:
        g = reshaped(g, kept_shape(x, axis))
    return np.broadcast_to(g, x.shape)


def count_folded(x: Any, out: Any) -> int:
    """How many elements of `x` went into each element of `out`."""
    return x.size // out.size if out.size else 0


_COPIED = "{g} copied to the shape of {x}"

sum = define(
    lambda x, axis=None, keepdims=False: np.add.reduce(x, axis=axis, keepdims=keepdims),
    name="sum", symbol="Σ", category="reduction", inputs=("x",), numpy=[np.sum, (np.add, "reduce")], cases=_AXES,
    summary="Sum of the elements along `axis`; 0 when there are none.",
    vjp={"x": lambda g, out, x, axis, keepdims: spread_back(g, x, axis, keepdims)}, formula={"x": _COPIED},
)  # fmt: skip
total = in_rules(sum)

mean = define(
    lambda x, axis=None, keepdims=False: np.mean(x, axis=axis, keepdims=keepdims),
    name="mean", symbol="mean", category="reduction", inputs=("x",), numpy=[np.mean], cases=_AXES,
    summary="Mean of the elements along `axis`; NaN when there are none.",
    vjp={
        "x": lambda g, out, x, axis, keepdims: spread_back(g / (count_folded(x, out) or math.nan), x, axis, keepdims)
    },
    formula={"x": "{g} / count, copied to the shape of {x}"},
)  # fmt: skip


def _extreme(ufunc: np.ufunc) -> Any:
    def forward(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        try:
            return ufunc.reduce(x, axis=axis, keepdims=keepdims)
        except ValueError as error:
            if "zero-size" in str(error):
                raise ShapeError(
                    f"an empty tensor of shape {x.shape} has no {ufunc.__name__} along axis {axis}; check size first"
                ) from None
            raise

    return forward


def _evenly(g: Any, out: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """The gradient split among the elements equal to the extreme; several NaNs share it too."""
    values, extreme = _data(x), np.reshape(_data(out), kept_shape(x, axis))
    mask = (values == extreme) | ((values != values) & (extreme != extreme))
    share = spread_back(g, x, axis, keepdims) / np.add.reduce(mask, axis=axis, keepdims=True)
    return selected(share, mask)


def _to_first(g: Any, out: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """Along one axis the first extreme takes the whole gradient, as in torch.max(dim); evenly otherwise."""
    if not isinstance(axis, int | np.integer) or not x.ndim:
        return _evenly(g, out, x, axis, keepdims)
    values, extreme = _data(x), np.reshape(_data(out), kept_shape(x, axis))
    hits = (values == extreme) | ((values != values) & (extreme != extreme))
    first = np.expand_dims(np.argmax(hits, axis=axis), axis)
    mask = np.zeros(x.shape, dtype=bool)
    np.put_along_axis(mask, first, True, axis=axis)
    return selected(spread_back(g, x, axis, keepdims), mask)


def _data(value: Any) -> Any:
    return value.array if type(value) is Tensor else value


def _define_extreme(name: str, ufunc: np.ufunc, numpy: list[Any], rule: Any, summary: str, spoken: str) -> Any:
    return define(
        _extreme(ufunc), name=name, symbol=name.lstrip("a"), category="reduction", inputs=("x",), numpy=numpy,
        cases=_AXES, summary=summary, vjp={"x": rule}, formula={"x": spoken}, reads=("x", "out"),
    )  # fmt: skip


_FIRST = "Ties along one axis: the first takes the gradient; along all or several axes they share it evenly."
max = _define_extreme(
    "max", np.maximum, [np.max, (np.maximum, "reduce")], _to_first, f"Largest element along `axis`. {_FIRST}", "{g} where {x} is largest, else 0"
)
min = _define_extreme(
    "min", np.minimum, [np.min, (np.minimum, "reduce")], _to_first, f"Smallest element along `axis`. {_FIRST}", "{g} where {x} is smallest, else 0"
)
amax = _define_extreme(
    "amax", np.maximum, [np.amax], _evenly, "Largest element along `axis`; ties share the gradient evenly.",
    "{g} shared where {x} is largest, else 0",
)  # fmt: skip
amin = _define_extreme(
    "amin", np.minimum, [np.amin], _evenly, "Smallest element along `axis`; ties share the gradient evenly.",
    "{g} shared where {x} is smallest, else 0",
)  # fmt: skip

argmax = define(
    lambda x, axis=None, keepdims=False: np.argmax(x, axis=axis, keepdims=keepdims), name="argmax", symbol="argmax",
    category="reduction", inputs=("x",), numpy=[np.argmax], cases=_AXES[:3],
    summary="Index of the largest element along `axis`, the first of equals; in C order without an axis. No gradient.",
)  # fmt: skip
argmin = define(
    lambda x, axis=None, keepdims=False: np.argmin(x, axis=axis, keepdims=keepdims), name="argmin", symbol="argmin",
    category="reduction", inputs=("x",), numpy=[np.argmin], cases=_AXES[:3],
    summary="Index of the smallest element along `axis`, the first of equals; in C order without an axis. No gradient.",
)  # fmt: skip
