"""The functions that a formula may call: every op of the table on plain arrays, for `grad_engine.formula.evaluate`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from grad_engine.core.define import CALLS, DEFINED
from grad_engine.core.grad_mode import no_grad
from grad_engine.core.tensor import array_of


@cache
def op_functions() -> Mapping[str, Callable[..., Any]]:
    """Each op under its name, as a function from arrays and numbers to an array, or a tuple of arrays."""
    # einsum takes its operands in another order than its op, and formulas are written as people write them
    return {name: _on_arrays(CALLS.get(name, call) if call.op.variadic else call) for name, call in DEFINED.items()}  # type: ignore[attr-defined]


def _on_arrays(call: Callable[..., Any]) -> Callable[..., Any]:
    def function(*operands: Any, **static: Any) -> Any:
        with no_grad():
            found = call(*operands, **static)
        return tuple(map(array_of, found)) if isinstance(found, tuple | list) else array_of(found)

    return function
