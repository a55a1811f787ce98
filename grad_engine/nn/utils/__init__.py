"""PyTorch's `torch.nn.utils`: clipping, parameters as one vector, sequences of different lengths."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from grad_engine.core.node import next_sequence_nr
from grad_engine.core.tensor import Tensor, array_of
from grad_engine.core.versions import WRITES
from grad_engine.errors import ShapeError
from grad_engine.nn.utils import rnn
from grad_engine.ops.joining import concat
from grad_engine.optim.optimizers import clip_grad_norm_, clip_grad_value_

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
