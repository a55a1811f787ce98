"""Methods of tensors on stand-ins for what comparisons and `.data` give, which are arrays that have those too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from grad_engine.core.tensor import wrap
from grad_engine.ops.array_methods import TORCH_KEYWORDS, WITH_TORCH_KEYWORDS
from grad_engine.program import array_methods, operators
from grad_engine.program.traced import Traced

_MET = (array_methods, operators)  # importing them gave the stand-ins the methods that are changed here
_plain_array = np.ndarray


def _with_torch_keywords(name: str, plain: Callable[..., Any]) -> Callable[..., Any]:
    """The method, which is the tensor's where an array that has those is given PyTorch's keywords."""

    def method(self: Any, *args: Any, **named: Any) -> Any:
        if self._value.array_type is _plain_array or named.keys().isdisjoint(TORCH_KEYWORDS):
            return plain(self, *args, **named)
        return getattr(wrap(self.view(_plain_array), None), name)(*args, **named)

    return method


def _viewed(plain: Callable[..., Any]) -> Callable[..., Any]:
    """view(), which gives another shape where an array that has the methods of tensors is given numbers."""

    def view(self: Any, *size: Any, **named: Any) -> Any:
        shaped = self._value.array_type is not _plain_array and all(isinstance(each, int | tuple) for each in size)
        return self.reshape(*size) if size and shaped else plain(self, *size, **named)

    return view


def attach() -> None:
    """Give the stand-ins these methods."""
    methods: Any = Traced
    for name in WITH_TORCH_KEYWORDS:
        setattr(Traced, name, _with_torch_keywords(name, getattr(Traced, name)))
    methods.view = _viewed(methods.view)


attach()
