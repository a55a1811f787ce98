"""PyTorch's room for Parameter: `from torch.nn.parameter import Parameter`."""

from grad_engine.nn.module import Parameter

__all__ = ["Parameter"]
