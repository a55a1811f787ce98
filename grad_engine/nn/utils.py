"""PyTorch's `torch.nn.utils`: clipping, parameters as one vector, sequences of different lengths."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any, NoReturn

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.node import next_sequence_nr
from grad_engine.core.tensor import Tensor, array_of
from grad_engine.core.versions import WRITES
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.ops.joining import concat, stack
from grad_engine.ops.shape import pad
from grad_engine.optim import clip_grad_norm_, clip_grad_value_

__all__ = ["clip_grad_norm_", "clip_grad_value_", "parameters_to_vector", "rnn", "vector_to_parameters"]


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All elements of the parameters, one parameter after the other, as a vector; recorded."""
    return concat([parameter.reshape(-1) for parameter in parameters])


def vector_to_parameters(vec: Any, parameters: Iterable[Tensor]) -> None:
    """Write the elements of a vector into the parameters, as parameters_to_vector() orders them; not recorded."""
    members, array = [*parameters], np.asarray(array_of(vec))
    count = sum(math.prod(each.shape) for each in members)
    if array.shape != (count,):
        raise ShapeError(f"vector_to_parameters() takes {count} numbers for these parameters, got shape {array.shape}")
    start = 0
    for each in members:
        size = math.prod(each.shape)
        each.array[...] = array[start : start + size].reshape(each.shape)
        WRITES.stamp(each.array, next_sequence_nr())
        start += size


def _pad_sequence(
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


rnn = SimpleNamespace(
    pad_sequence=_pad_sequence, pack_padded_sequence=_packed, pack_sequence=_packed, pad_packed_sequence=_packed
)
