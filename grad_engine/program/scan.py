"""scan(): a loop that carries a value from round to round, whose body a compiled function holds once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from grad_engine.core.stand_ins import TRACING
from grad_engine.core.tensor import array_of
from grad_engine.errors import ShapeError
from grad_engine.program.rounds import looped
from grad_engine.program.traced_scan import TracedScan
from grad_engine.pytree import taken_apart


def scan(body: Callable[[Any, Any], tuple[Any, Any]], carry: Any, xs: Any, *, reverse: bool = False) -> tuple[Any, Any]:
    """(the last carry, the results of all rounds, stacked) of `carry, y = body(carry, x)` for each row x of xs.

    carry: an array, number or tensor, or a structure of these; it keeps its structure, shapes and dtypes.
    xs: an array or tensor, or a structure of these with the same first length; x has the structure of xs.
    reverse: whether it goes from the last row to the first; results stand in the order of xs either way.

    >>> total, sums = scan(lambda total, x: (total + x, total + x), 0.0, np.array([1.0, 2.0, 3.0]))
    >>> sums.tolist()
    [1.0, 3.0, 6.0]
    """
    leaves, structure = taken_apart(xs)
    lengths = {np.shape(array_of(leaf))[:1] for leaf in leaves}
    if len(lengths) != 1 or () in lengths:
        raise ShapeError(
            f"scan() takes xs with one first length, got shapes {[np.shape(array_of(leaf)) for leaf in leaves]}; pass "
            "np.arange(n) for n rounds that need no xs"
        )
    ((length,),) = lengths
    if not length:
        raise ShapeError("scan() takes xs with at least one row, got none; leave the loop out")
    if TRACING.trace is not None:
        return TracedScan(body, carry, leaves, structure, length, reverse).noted(TRACING.trace)
    return looped(body, carry, leaves, structure, length, reverse)
