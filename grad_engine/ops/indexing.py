"""Reading and writing parts of a tensor, with every form of index NumPy has."""

from __future__ import annotations

from typing import Any

import numpy as np

from grad_engine.op import case, define, in_rules
from grad_engine.symbol import index_tree
from grad_engine.tensor import MODE, WRITES, Tensor, next_age, overwrite

_MASK = np.array([[True, False, True], [False, True, False]])
_INDICES: list[Any] = [
    0, -1, slice(1, None), (slice(None), slice(None, None, -2)), None, Ellipsis, (Ellipsis, 0), (1, 2), _MASK,
    np.array([0, 0, 1]), (np.array([0, 1, 1]), np.array([2, 0, 0])), (slice(None), np.array([1, 1])), _MASK[0, :2],
]  # fmt: skip


def _repeats(index: Any) -> bool:
    """Whether an index may name an element twice: only one with an array of integers in it can."""
    parts = index if type(index) is tuple else (index,)
    return any(isinstance(part, np.ndarray) and part.dtype != bool for part in parts)


def _scatter(x: Any, index: Any, shape: tuple[int, ...]) -> Any:
    out = np.zeros(shape, x.dtype)
    if _repeats(index):
        np.add.at(out, index, x)
    else:
        out[index] = x
    return out


index = define(
    lambda x, index: x[index], name="index", symbol="[ ]", category="indexing", inputs=("x",), method=False,
    written=lambda x, index: ["index", x, index_tree(index)], cases=[case((2, 3), index=i) for i in _INDICES],
    summary="The part of x that x[index] means in NumPy. An element read twice gets both gradients.",
    vjp={"x": lambda g, out, x, index: scattered(g, index, x.shape)},
    formula={"x": "{g} put back where it was read, 0 elsewhere"},
)  # fmt: skip
indexed = in_rules(index)

scatter_index = define(
    _scatter, name="scatter_index", symbol="[ ]", category="indexing", inputs=("x",), method=False,
    cases=[case((3,), index=np.array([0, 0, 1]), shape=(4,)), case((2,), index=slice(1, 3), shape=(4,))],
    summary="Zeros of `shape` to which x was added at `index`; undoes index().",
    vjp={"x": lambda g, out, x, index, shape: g[index]},
)  # fmt: skip
scattered = in_rules(scatter_index)


def _put(x: Any, values: Any, index: Any) -> Any:
    out = np.array(x)
    out[index] = values
    return out


index_put = define(
    _put, name="index_put", symbol="[ ]=", category="indexing", inputs=("x", "values"), method=False,
    cases=[case((2, 3), (3,), index=1), case((2, 3), (), index=_MASK), case((4,), (2,), index=np.array([3, 0]))],
    written=lambda x, values, index: ["index_put", x, index_tree(index), values],
    summary="x with the part that x[index] means replaced by `values`, as a new tensor.",
    vjp={
        "x": lambda g, out, x, values, index: put(g, 0.0, index),
        "values": lambda g, out, x, values, index: indexed(g, index),
    },
    formula={"x": "{g}, 0 where {x} was replaced", "values": "{g} where {values} was written"},
)  # fmt: skip
put = in_rules(index_put)


def _plain(index: Any) -> Any:
    """An index made of slices, numbers and arrays of its own: later changes of what was given do not reach it."""
    if type(index) is tuple:
        return tuple(map(_plain, index))
    if type(index) is Tensor:
        return index.array.copy()
    if isinstance(index, np.ndarray):
        return index.copy()
    return np.array(index, dtype=None if len(index) else int) if isinstance(index, list) else index


def _getitem(self: Tensor, key: Any) -> Tensor:
    return index(self, _plain(key))


def _setitem(self: Tensor, key: Any, values: Any) -> None:
    key = _plain(key)
    if (self.node is None and getattr(values, "node", None) is None) or not MODE.record:
        self.array[key] = values.array if type(values) is Tensor else values
        WRITES.stamp(self.array, next_age())
    else:
        overwrite(self, index_put(self, values, key))


Tensor.__getitem__ = _getitem  # type: ignore[method-assign]
Tensor.__setitem__ = _setitem  # type: ignore[attr-defined]
