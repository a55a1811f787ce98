"""Tensors and graphs of other libraries. What a library needs is imported when it is used, never before."""

from grad_engine.interop.tensors import from_dlpack, from_torch_tensor, to_torch
from grad_engine.interop.torch_graph import from_torch
from grad_engine.interop.torch_scopes import module_scopes

__all__ = ["from_dlpack", "from_torch", "from_torch_tensor", "module_scopes", "to_torch"]
