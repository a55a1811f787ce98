"""PyTorch's (values, indices) of max, min, median and sort, which give the values alone here, as NumPy's do.

With PyTorch's own keywords, `x.max(dim=1)` and `x.sort(descending=True)`, they give its pair. Where the axis stands by
place alone, `x.max(1)` is the values; `.values` and `.indices` of them are PyTorch's. Unpacked into two names it is the
pair, with a warning where there are two values, which NumPy would have unpacked; to index it with a number warns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from grad_engine.core.array_behavior import Pairs
from grad_engine.core.call import as_tensor
from grad_engine.core.define import CALLS, in_front, method
from grad_engine.core.numpy_errors import warn_of_spelling
from grad_engine.core.tensor import Tensor, wrap
from grad_engine.ops import indexing
from grad_engine.ops.indexing import Pair


def _first_equal(x: Any, values: Tensor, axis: int, keepdims: bool) -> Tensor:
    """Where along the axis the first element is that is the one in `values`, or NaN as it is."""
    array, wanted = as_tensor(x).array, values.array
    if not array.ndim:
        return wrap(np.zeros((), np.int64), None)
    if not keepdims:
        wanted = np.expand_dims(wanted, axis)
    hits = (array == wanted) | ((array != array) & (wanted != wanted))
    return wrap(np.argmax(hits, axis=axis, keepdims=keepdims), None)


class _Axis:
    """How the values of a tensor were found along an axis given by place, which PyTorch reads as a call for a pair."""

    __slots__ = ("call", "has_warned", "places", "way_out")

    def __init__(self, call: str, way_out: str, places: Callable[[Tensor], Tensor]) -> None:
        self.call, self.way_out, self.places = call, way_out, places
        Pairs.made = True
        self.has_warned = False

    def unpacked(self, values: Tensor) -> Iterator[Tensor]:
        """What `a, b = x.max(1)` gets: (values, indices), as in PyTorch."""
        if values.ndim and len(values) == 2 and not self.has_warned:
            self.has_warned = True
            warn_of_spelling(
                f"two names for what {self.call} gave are its values and their indices, as in PyTorch, where NumPy "
                f"unpacks the two values: write {self.way_out}"
            )
        plain = values[...]  # the same values; rows of them are not taken for a pair
        return iter((plain, self.places(values)))

    def warn(self, what: str) -> None:
        """Say once, of taking part of the values, what that is here and in PyTorch."""
        if self.has_warned:
            return
        self.has_warned = True
        warn_of_spelling(
            f"{what} of what {self.call} gave takes part of the values, as in NumPy, where PyTorch gives (values, "
            f"indices): write {self.way_out}"
        )


def _define_pair(plain: Callable[..., Any], name: str) -> None:
    @in_front(plain)
    def call(x: Any, *given: Any, **named: Any) -> Any:
        if named and not named.keys().isdisjoint(("dim", "keepdim")) and named.keys() <= {"dim", "keepdim", "input"}:
            axis = given[0] if given else named.get("dim")
            if isinstance(axis, int) and len(given) < 2:
                keep = bool(named.get("keepdim", False))
                found = plain(x, axis, keep)
                return Pair(found, _first_equal(x, found, axis, keep))
        out = plain(x, *given, **named)
        if given and type(given[0]) is int and type(out) is Tensor:
            axis, keep = given[0], bool(given[1]) if len(given) > 1 else named.get("keepdims", False)
            out.pair = _Axis(
                f"{name}({axis})", f"{name}(axis={axis}) for these values, {name}(dim={axis}) for the pair",
                lambda values: _first_equal(x, values, axis, keep),
            )  # fmt: skip
        return out


for _name in ("max", "min", "median", "nanmedian"):
    _define_pair(CALLS[_name], _name)

_plain_sort = indexing.sort


@in_front(_plain_sort)
def _sort(x: Any, *given: Any, **named: Any) -> Any:
    descending = bool(named.get("descending", given[1] if len(given) > 1 else False))
    axis = given[0] if given else named.get("dim", -1)
    theirs = named.keys() & {"dim", "stable", "descending"} and named.keys() <= {"dim", "stable", "descending", "input"}
    if theirs and axis is not None:
        places = indexing.argsort(x, axis, descending)
        return Pair(indexing.take_along_axis(x, places, axis), places)
    out = _plain_sort(x, *given, **named)
    if "axis" not in named and type(out) is Tensor and type(axis) is int:
        out.pair = _Axis(
            "sort()", f"sort(axis={axis}) for these values, sort(dim={axis}) for the pair",
            lambda values: indexing.argsort(x, axis, descending),
        )  # fmt: skip
    return out


def _values(self: Tensor) -> Tensor:
    _axis_of(self, "values")
    return self


def _indices(self: Tensor) -> Tensor:
    return _axis_of(self, "indices").places(self)


def _axis_of(x: Tensor, name: str) -> _Axis:
    found = getattr(x, "pair", None)
    if found is None:
        raise AttributeError(
            f"a tensor has no {name!r}, unless max(1), min(1), median(1) or sort() gave it; write max(dim=1) and the "
            "like for PyTorch's (values, indices)"
        )
    return found


method("values", property(_values, doc="What max(1), min(1), median(1) or sort() gave, under PyTorch's name for it."))
method("indices", property(_indices, doc="Where max(1), min(1), median(1) or sort() found what they gave."))
