"""Tensors of other libraries, sharing memory. History does not travel: detach first, and ask for gradients anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from grad_engine.core.conversion import numeric
from grad_engine.core.outside_memory import share
from grad_engine.core.tensor import Tensor, wrap
from grad_engine.errors import ArgumentError, GraphError, MissingPackageError

if TYPE_CHECKING:
    import torch  # type: ignore[import-not-found, unused-ignore]  # it need not be there


def from_dlpack(array: Any, requires_grad: bool = False) -> Tensor:
    """A tensor that shares memory with an array of another library, through the DLPack protocol; CPU only.

    Raises ArgumentError for what does not offer its memory: other devices, dtypes that NumPy lacks, tensors with a
    history (detach them first).
    """
    try:
        shared = np.from_dlpack(array)
    except (AttributeError, TypeError, ValueError, BufferError, RuntimeError) as error:
        raise ArgumentError(
            f"{type(array).__name__} does not share its memory with NumPy: {error}; copy it to an array on the CPU, "
            "without history, and use tensor()"
        ) from None
    return wrap(share(numeric(shared)), None).requires_grad_(requires_grad)


def from_torch_tensor(tensor: torch.Tensor, requires_grad: bool = False, copy: bool = False) -> Tensor:
    """A tensor that shares memory with a PyTorch tensor on the CPU; one from another device is copied.

    What is written into one of two that share memory is seen in the other: two models made of the same memory move
    together when one of them is trained. With copy=True nothing is shared.

    Raises GraphError for a tensor that requires grad, ArgumentError for what is not a dense PyTorch tensor of a dtype
    that NumPy has.
    """
    torch = torch_module()
    if not isinstance(tensor, torch.Tensor):
        raise ArgumentError(f"from_torch_tensor() takes a PyTorch tensor, got {type(tensor).__name__}; use tensor()")
    if tensor.requires_grad:
        raise GraphError(
            "the history of a PyTorch tensor does not come with it; write from_torch_tensor(t.detach(), requires_grad="
            "True) to start a new one here"
        )
    try:
        array = tensor.cpu().resolve_neg().numpy()
    except (TypeError, RuntimeError) as error:
        raise ArgumentError(
            f"a PyTorch tensor of {tensor.dtype} does not become a NumPy array: {error}; convert it first, for "
            "instance with t.float() or t.to_dense()"
        ) from None
    return wrap(numeric(array.copy()) if copy else share(numeric(array)), None).requires_grad_(requires_grad)


def to_torch(tensor: Tensor, requires_grad: bool = False) -> torch.Tensor:
    """A PyTorch tensor that shares memory with `tensor`; a copy where PyTorch cannot look at that memory as it is.

    PyTorch has no read-only memory and no negative strides, so such arrays are copied. Raises GraphError for a tensor
    that requires grad, ArgumentError for a dtype that PyTorch lacks.
    """
    torch = torch_module()
    if type(tensor) is not Tensor:
        raise ArgumentError(f"to_torch() takes a tensor, got {type(tensor).__name__}; use torch.from_numpy() on arrays")
    if tensor.node is not None:
        raise GraphError(
            "the history of a tensor does not go with it to PyTorch; write to_torch(t.detach(), requires_grad=True) to "
            "start a new one there"
        )
    array = tensor.array
    if not array.flags.writeable or any(stride < 0 for stride in array.strides):
        array = array.copy()
    try:
        return torch.from_numpy(array).requires_grad_(requires_grad)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ArgumentError(
            f"{array.dtype} does not become a PyTorch tensor: {error}; convert it first, for instance with "
            "astype(float)"
        ) from None


def torch_module() -> Any:
    """The module torch; MissingPackageError where it is not installed."""
    try:
        import torch  # type: ignore[import-not-found, unused-ignore]  # it need not be there
    except ImportError:
        raise MissingPackageError(
            "PyTorch is not installed; install it with pip install torch, or share memory with another library through "
            "from_dlpack()"
        ) from None
    return torch
