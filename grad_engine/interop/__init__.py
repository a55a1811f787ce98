"""Tensors and graphs of other libraries. What a library needs is imported when it is used, never before."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from grad_engine.interop.safetensors import load_safetensors, save_safetensors
from grad_engine.interop.tensors import from_dlpack, from_torch_tensor, to_torch

if TYPE_CHECKING:
    from grad_engine.export.from_torch import from_torch
    from grad_engine.export.torch_scopes import module_scopes
    from grad_engine.interop.compare import compare_with_torch
    from grad_engine.interop.watching import watch

__all__ = [
    "compare_with_torch",
    "from_dlpack",
    "from_torch",
    "from_torch_tensor",
    "load_safetensors",
    "module_scopes",
    "save_safetensors",
    "to_torch",
    "watch",
]

_FROM = {
    "compare_with_torch": "interop.compare",
    "from_torch": "export.from_torch",
    "module_scopes": "export.torch_scopes",
    "watch": "interop.watching",
}


def __getattr__(name: str) -> Any:
    """What reads graphs, loaded when it is first asked for: most programs only hand over tensors."""
    if name in _FROM:
        return getattr(importlib.import_module(f"grad_engine.{_FROM[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
