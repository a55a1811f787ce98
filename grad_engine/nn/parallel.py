"""PyTorch's wrappers for several devices, of which there is one here: they call their module."""

from __future__ import annotations

from typing import Any

from grad_engine.core.defaults import check_device
from grad_engine.nn.module import Module

__all__ = ["DataParallel"]


class DataParallel(Module):
    """The module itself, as its child `module`: what PyTorch's does where there is no other device."""

    def __init__(self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0) -> None:
        del dim  # along which the batch would be divided
        for device in [*(device_ids or ()), output_device]:
            check_device(device if device is None or isinstance(device, str) else f"cuda:{device}")
        self.module = module

    def forward(self, *inputs: Any, **keywords: Any) -> Any:
        """What the module gives."""
        return self.module(*inputs, **keywords)
