"""PyTorch's `torch.utils.checkpoint`: `checkpoint(function, *args)` is `grad_engine.checkpoint`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from grad_engine.checkpointing import checkpoint as _checkpoint


def checkpoint(function: Callable[..., Any], *args: Any, use_reentrant: bool = False, **keywords: Any) -> Any:
    """The result of function(*args), whose values are computed again by backward instead of being kept."""
    return _checkpoint(function, *args, **keywords)
