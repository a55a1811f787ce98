"""Sequences of different lengths in one tensor: PyTorch's `torch.nn.utils.rnn`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from grad_engine.core.call import as_tensor
from grad_engine.core.tensor import Tensor
from grad_engine.errors import ArgumentError
from grad_engine.ops.joining import stack
from grad_engine.ops.shape import pad


def pad_sequence(
    sequences: Sequence[Any], batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Sequences (length, ...) as one tensor (longest, batch, ...), filled up with padding_value."""
    if padding_side not in ("left", "right"):
        raise ArgumentError(f"padding_side of pad_sequence() is 'left' or 'right', got {padding_side!r}")
    rows = [as_tensor(each) for each in sequences]
    longest = max((row.shape[0] for row in rows), default=0)
    filled = []
    for row in rows:
        missing = longest - row.shape[0]
        widths = ((missing, 0) if padding_side == "left" else (0, missing), *(((0, 0),) * (row.ndim - 1)))
        filled.append(pad(row, widths, constant_values=padding_value) if missing else row)
    return stack(filled, axis=0 if batch_first else 1)


def _packed(*args: Any, **named: Any) -> NoReturn:
    raise ArgumentError(
        "there are no packed sequences here; pad them with pad_sequence() and leave the padding out of the loss, with "
        "ignore_index= or a mask"
    )


pack_padded_sequence = pack_sequence = pad_packed_sequence = _packed
