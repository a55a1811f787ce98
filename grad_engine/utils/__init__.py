"""PyTorch's `torch.utils`, for programs that are ported: `data` and `checkpoint`, with PyTorch's own meaning."""

from grad_engine.utils import checkpoint, data

__all__ = ["checkpoint", "data"]
