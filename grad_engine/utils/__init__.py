"""PyTorch's `torch.utils`, for programs that are ported: `data` and `checkpoint`, with PyTorch's own meaning."""

from typing import Any

from grad_engine.core.torch_words import missing
from grad_engine.utils import checkpoint, data

__all__ = ["checkpoint", "data"]


def __getattr__(name: str) -> Any:
    """An error that says what to write."""
    raise AttributeError(missing("grad_engine.utils", name, __all__))
