"""PyTorch's `torch.nn.utils`: clipping, parameters as one vector, sequences of different lengths."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from grad_engine.core.node import next_sequence_nr
from grad_engine.core.tensor import Tensor, array_of, wrap
from grad_engine.core.torch_words import missing
from grad_engine.core.versions import WRITES
from grad_engine.errors import GraphError, ShapeError
from grad_engine.nn.utils import parametrizations, parametrize, rnn
from grad_engine.nn.utils.reparametrized import (
    remove_spectral_norm,
    remove_weight_norm,
    spectral_norm,
    weight_norm,
)
from grad_engine.ops.joining import concat
from grad_engine.optim.optimizers import clip_grad_norm_, clip_grad_value_

__all__ = [
    "clip_grad_norm_", "clip_grad_value_", "get_total_norm", "parameters_to_vector", "parametrizations",
    "parametrize", "remove_spectral_norm", "remove_weight_norm", "rnn", "spectral_norm", "vector_to_parameters",
    "weight_norm",
]  # fmt: skip


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


def get_total_norm(
    tensors: Iterable[Tensor], norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Tensor:  # fmt: skip
    """The norm of all elements of the tensors, taken as one vector."""
    members = [np.asarray(array_of(each)).reshape(-1) for each in tensors]
    found = float(np.linalg.norm(np.concatenate(members), norm_type)) if members else 0.0
    if error_if_nonfinite and not math.isfinite(found):
        raise GraphError(f"the norm of these tensors is {found}; look for its cause with detect_anomaly()")
    return wrap(np.asarray(found), None)


def __getattr__(name: str) -> Any:
    """An error that says what to write."""
    raise AttributeError(missing("grad_engine.nn.utils", name, __all__))
