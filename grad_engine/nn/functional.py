"""PyTorch's `torch.nn.functional`: the functions of `grad_engine` under that roof, for programs that are ported.

`pad()` alone is not that of NumPy, which `grad_engine.pad` is: it names the last axis first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from grad_engine.core.call import as_tensor
from grad_engine.core.define import CALLS
from grad_engine.core.tensor import Tensor
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.ops.shape import pad as _pad

_MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def pad(x: Any, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """x with more places around it: `pad` has those before and after for the last axis, then the one before it, ...

    mode: "constant" (filled with `value`), "reflect", "replicate" or "circular". Negative numbers cut places off.
    """
    x = as_tensor(x)
    if mode not in _MODES:
        raise ArgumentError(f"mode of pad() is one of {', '.join(_MODES)}, got {mode!r}")
    if len(pad) % 2 or len(pad) > 2 * x.ndim:
        raise ShapeError(f"pad() takes two numbers for each padded axis of shape {x.shape}, got {tuple(pad)}")
    pairs = [(0, 0)] * (x.ndim - len(pad) // 2) + [*zip(pad[::2], pad[1::2], strict=True)][::-1]
    x = x[tuple(slice(-min(a, 0), n + min(b, 0)) for (a, b), n in zip(pairs, x.shape, strict=True))]
    widths = tuple((max(a, 0), max(b, 0)) for a, b in pairs)
    filled = {"constant_values": 0 if value is None else value} if mode == "constant" else {}
    return _pad(x, widths, _MODES[mode], **filled)


def __getattr__(name: str) -> Any:
    """Every other function by its name in `grad_engine`."""
    if name in CALLS:
        return CALLS[name]
    raise AttributeError(f"grad_engine.nn.functional has no {name!r}; see the table of ops, grad_engine.OPS")
