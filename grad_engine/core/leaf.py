"""Leaves: what may become one, what its .grad may be, and how it is copied and pickled."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from grad_engine.core.array_kinds import Data
from grad_engine.core.caller import INSIDE, is_called_torch
from grad_engine.core.conversion import as_array, numeric
from grad_engine.core.defaults import get_default_dtype
from grad_engine.core.grad_mode import current_mode
from grad_engine.core.names import name_of, rename
from grad_engine.core.node import GradAccum
from grad_engine.core.numpy_errors import warn_of_spelling
from grad_engine.core.outside_memory import share
from grad_engine.core.plain_number import noted
from grad_engine.core.retain_grad import forget_retained_grad
from grad_engine.core.tensor import Tensor, wrap
from grad_engine.errors import ArgumentError, GraphError, NotDifferentiableError, ShapeError


def require_grad(tensor: Tensor, flag: Any) -> Tensor:
    """`tensor`, now a leaf that collects a gradient, or with False no longer one; see Tensor.requires_grad_()."""
    if not isinstance(flag, bool | np.bool_):  # zeros(2, 3) and tensor(rows, np.float32) would end up here
        raise ArgumentError(
            f"requires_grad is True or False, got {flag!r}; give a shape as one tuple, zeros((2, 3)), "
            "and dtype= and name= by keyword"
        )
    if flag and tensor.node is None:
        if tensor.array.dtype.kind != "f":
            raise NotDifferentiableError(
                f"only floating-point tensors can require grad, got {tensor.array.dtype}; "
                "pass dtype=float, or write 1.0 instead of 1"
            )
        tensor.node = GradAccum()
    elif not flag and tensor.node is not None:
        if not tensor.is_leaf:
            raise GraphError("only a leaf can stop requiring grad; use detach() on the result of an op")
        tensor.node = None
    return tensor


def replace_grad(tensor: Tensor, value: Any) -> None:
    """Let `.grad` be `value`: None, or numbers in the tensor's shape and dtype. Raises GraphError, ShapeError."""
    node = tensor.node
    if type(node) is not GradAccum:
        if value is None:
            forget_retained_grad(tensor)
            return
        raise GraphError(".grad can only be set on a leaf that requires grad; call requires_grad_() first")
    if value is not None:
        if type(value) is not Tensor:
            value = Tensor(value, dtype=tensor.array.dtype)
        if value.array.shape != tensor.array.shape or value.array.dtype != tensor.array.dtype:
            raise ShapeError(
                f".grad must have the tensor's shape {tensor.array.shape} and dtype {tensor.array.dtype}, "
                f"got {value.array.shape} and {value.array.dtype}"
            )
    node.grad = value


def replace_data(tensor: Tensor, values: Any) -> None:
    """Let the memory of `tensor` be that of `values`, of the same shape and dtype. Raises ShapeError."""
    old = tensor.array
    if type(values) is Data:
        if values.base is old and values.shape == old.shape and values.strides == old.strides:
            return  # after `w.data -= g`
        values = values.view(np.ndarray)
    array = values.array if type(values) is Tensor else np.asarray(values)
    if array.shape != old.shape or array.dtype != old.dtype:
        raise ShapeError(
            f".data of shape {old.shape} and dtype {old.dtype} was given shape {array.shape} and dtype {array.dtype}; "
            "make a new tensor for other shapes or dtypes"
        )
    if array is not old:
        tensor.array = array if type(values) is Tensor else share(array)
        rename(array, name_of(old))


def _is_differentiated(tensor: Tensor) -> bool:
    """Whether a derivative is being taken by this leaf, or of this result: a copy of it has to keep the history."""
    mode = current_mode()
    derivative = mode.differentiating
    if tensor.node is None or derivative is None or not mode.record:
        return False
    return not tensor.is_leaf or any(each is tensor for each in derivative.inputs)


def shallow_copy(tensor: Tensor) -> Tensor:
    """What copy.copy() gives: a leaf of its own, or while a derivative is taken a copy that is recorded."""
    if _is_differentiated(tensor):
        return tensor.clone()
    if not tensor.is_leaf:
        raise GraphError("only leaves can be copied, this tensor is the result of an op; clone() or detach()")
    make, _, state = reduced(tensor)
    made: Tensor = make()
    restore(made, state)
    return made


def copied(tensor: Tensor, memo: dict[int, Any]) -> Tensor:
    """A leaf of its own with the same values, name and gradient. Raises GraphError for the result of an op.

    While a derivative is taken by the tensor, or of it, the copy is recorded, as that of an array in a script is meant.
    """
    if _is_differentiated(tensor):
        memo[id(tensor)] = tensor.clone()
        return memo[id(tensor)]
    if not tensor.is_leaf:
        raise GraphError("only leaves can be copied deeply, this tensor is the result of an op; clone() or detach()")
    copy = wrap(tensor.array.copy(), None)
    memo[id(tensor)] = copy
    restore(copy, (copy.array, tensor.requires_grad, name_of(tensor.array), tensor.grad))
    return copy


def reduced(tensor: Tensor) -> tuple[Any, ...]:
    """What pickle keeps of a leaf. Raises GraphError for the result of an op, and while a derivative is taken by it."""
    if _is_differentiated(tensor):
        raise noted(GraphError("a pickle keeps no history; write p.detach() where no gradient is meant, or p.clone()"))
    if not tensor.is_leaf:
        raise GraphError("only leaves can be pickled, this tensor is the result of an op; use detach()")
    return _empty, (), (tensor.array, tensor.requires_grad, name_of(tensor.array), tensor.grad)


def restore(tensor: Tensor, state: tuple[np.ndarray, bool, str | None, Tensor | None]) -> None:
    """Give an empty tensor what pickle kept."""
    array, requires_grad, name, grad = state
    tensor.array, tensor.node = numeric(array), None
    tensor.requires_grad_(requires_grad)
    if name is not None:
        tensor.name = name
    if grad is not None:
        tensor.grad = wrap(grad.array.copy(), None)


def _empty() -> Tensor:
    return wrap(np.empty(0), None)


def as_pytorch_makes(data: Any, requires_grad: Any, dtype: Any, name: Any, *lengths: Any) -> tuple[Any, ...]:
    """The arguments of Tensor() where PyTorch's old spelling is meant: Tensor(2, 3) is a shape, which is not filled.

    Tensor(5) and Tensor([1, 2]) mean something else there, and warn in a program that calls the engine torch.
    """
    direct = not sys._getframe(2).f_code.co_filename.startswith(INSIDE)  # not by way of tensor()
    if type(requires_grad) is int:
        shape = (data, requires_grad, *(each for each in (dtype, name) if each is not None), *lengths)
        if not direct or not all(type(each) is int and each >= 0 for each in shape):
            return data, requires_grad, dtype, name  # refused where the flag is
        return np.zeros(shape, get_default_dtype()), False, None, None
    if direct and (type(data) is int or isinstance(data, list | tuple)) and is_called_torch():
        if type(data) is int:
            warn_of_spelling(
                f"Tensor({data}) is that number, where PyTorch makes {data} numbers that are not filled: write "
                f"tensor({data}) for this, empty({data}) for that"
            )
        elif np.asarray(data, dtype=object).size and as_array(data, None).dtype.kind in "iub":
            warn_of_spelling(
                "Tensor() of whole numbers keeps them whole, where PyTorch makes floats: write tensor(...) for these, "
                "FloatTensor(...) or tensor(..., dtype=get_default_dtype()) for those"
            )
    return data, requires_grad, dtype, name
