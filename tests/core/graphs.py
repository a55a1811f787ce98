"""What the tests of core share: a leaf of float numbers."""

from __future__ import annotations

from typing import Any

import grad_engine as ge
from grad_engine.core.tensor import Tensor


def leaf(values: Any, dtype: Any = float) -> Tensor:
    """A leaf that requires grad."""
    return ge.tensor(values, requires_grad=True, dtype=dtype)
