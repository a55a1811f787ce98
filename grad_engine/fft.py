"""PyTorch's `torch.fft`: NumPy's transforms of tensors, with dim for axis.

What is complex takes NumPy's functions, and has abs(), angle(), real and imag.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.numpy_protocol import NUMPY_TO_OP
from grad_engine.core.tensor import Tensor
from grad_engine.core.torch_words import missing
from grad_engine.ops.complex_numbers import FFT

__all__ = [*FFT, "fftfreq", "fftshift", "ifftshift", "rfftfreq"]


def _with_dim(transform: Callable[..., Any]) -> Callable[..., Any]:
    """The transform, whose axis, or axes, may be called dim."""
    along = next(name for name in inspect.signature(transform).parameters if name in ("axis", "axes"))

    @functools.wraps(transform)
    def call(x: Any, *args: Any, dim: Any = None, **named: Any) -> Any:
        if dim is not None:
            named[along] = dim
        return transform(x, *args, **named)

    return call


globals().update({name: _with_dim(each) for name, each in FFT.items()})


def fftshift(x: Any, dim: Any = None) -> Tensor:
    """x with the frequency 0 in the middle of each axis, or of those in dim."""
    return NUMPY_TO_OP[np.fft.fftshift](x, dim)


def ifftshift(x: Any, dim: Any = None) -> Tensor:
    """The reverse of fftshift()."""
    return NUMPY_TO_OP[np.fft.ifftshift](x, dim)


def fftfreq(n: int, d: float = 1.0) -> Tensor:
    """The frequencies of fft() of n numbers that are d apart."""
    return as_tensor(np.fft.fftfreq(n, d))


def rfftfreq(n: int, d: float = 1.0) -> Tensor:
    """The frequencies of rfft() of n numbers that are d apart."""
    return as_tensor(np.fft.rfftfreq(n, d))


__path__: list[str] = []  # no files: `from` asks for a submodule then, and the error has the words of __getattr__


def __getattr__(name: str) -> Any:
    """An error that says what to write."""
    raise AttributeError(missing("grad_engine.fft", name, __all__))
