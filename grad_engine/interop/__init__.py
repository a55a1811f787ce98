"""Tensors and graphs of other libraries. What a library needs is imported when it is used, never before."""

from grad_engine.export.from_torch import from_torch
from grad_engine.export.torch_scopes import module_scopes
from grad_engine.interop.tensors import from_dlpack, from_torch_tensor, to_torch

__all__ = ["from_dlpack", "from_torch", "from_torch_tensor", "module_scopes", "to_torch"]
