"""The functions of scipy.signal on tensors: convolutions, linear filters and trends."""

from __future__ import annotations

from typing import Any

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.tensor import Tensor
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.ops.complex_numbers import FFT
from grad_engine.ops.joining import concat, stack
from grad_engine.ops.product import matmul
from grad_engine.ops.reduction import mean
from grad_engine.ops.shape import flip, moveaxis

__all__ = ["convolve", "correlate", "detrend", "fftconvolve", "lfilter"]


def convolve(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Tensor:
    """The convolution of two arrays of the same number of axes, along all of them, by Fourier transforms.

    mode: "full"; "same", as long as in1; or "valid", where both overlap wholly.
    """
    x, y = as_tensor(in1), as_tensor(in2)
    if x.ndim != y.ndim:
        raise ShapeError(f"convolve() takes arrays of one number of axes, got shapes {x.shape} and {y.shape}")
    if mode not in ("full", "same", "valid"):
        raise ArgumentError(f"mode of convolve() is 'full', 'same' or 'valid', got {mode!r}")
    if mode == "valid" and any(n < m for n, m in zip(x.shape, y.shape, strict=True)):
        if not all(n <= m for n, m in zip(x.shape, y.shape, strict=True)):
            raise ShapeError(
                f"mode 'valid' needs one array as long as the other along every axis, got {x.shape}, {y.shape}"
            )
        x, y = y, x
    lengths = [n + m - 1 for n, m in zip(x.shape, y.shape, strict=True)]
    axes = range(x.ndim)
    out = FFT["irfftn"](FFT["rfftn"](x, lengths, axes) * FFT["rfftn"](y, lengths, axes), lengths, axes)
    wanted = {
        "full": lengths, "same": x.shape, "valid": [n - m + 1 for n, m in zip(x.shape, y.shape, strict=True)]
    }[mode]  # fmt: skip
    starts = [(whole - part) // 2 for whole, part in zip(lengths, wanted, strict=True)]
    return out[tuple(slice(start, start + part) for start, part in zip(starts, wanted, strict=True))]


def fftconvolve(in1: Any, in2: Any, mode: str = "full") -> Tensor:
    """convolve(), under its other name."""
    return convolve(in1, in2, mode)


def correlate(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Tensor:
    """convolve() with in2 turned round along every axis."""
    y = as_tensor(in2)
    x = as_tensor(in1)
    if mode == "valid" and any(n < m for n, m in zip(x.shape, y.shape, strict=True)):
        return flip(convolve(y, flip(x, tuple(range(x.ndim))), mode), tuple(range(x.ndim)))
    return convolve(x, flip(y, tuple(range(y.ndim))), mode)


def lfilter(b: Any, a: Any, x: Any, axis: int = -1, zi: Any = None) -> Any:
    """x filtered by the rational transfer function b / a along an axis, sample by sample; with zi also the last state.

    Gradients flow to x, zi and both coefficients.
    """
    b, a = (np.atleast_1d(as_tensor(each)) for each in (b, a))
    samples = moveaxis(as_tensor(x), axis, 0)
    b, a = b / a[0], a / a[0]
    order = max(len(a), len(b)) - 1
    b, a = (
        concat([each, np.zeros(order + 1 - len(each), each.dtype)]) if len(each) <= order else each for each in (b, a)
    )
    shape = samples.shape[1:]
    states: list[Any] = (
        [as_tensor(np.zeros(shape, samples.dtype)) for _ in range(order)] if zi is None
        else [moveaxis(as_tensor(zi), axis, 0)[i] for i in range(order)]
    )  # fmt: skip
    outs = []
    for i in range(samples.shape[0]):
        sample = samples[i]
        out = b[0] * sample + (states[0] if order else 0.0)
        states = [b[k] * sample - a[k] * out + (states[k] if k < order else 0.0) for k in range(1, order + 1)]
        outs.append(out)
    if not outs:
        raise ShapeError("lfilter() has no sample to filter")
    filtered = moveaxis(stack(outs), 0, axis)
    return filtered if zi is None else (filtered, moveaxis(stack(states), 0, axis))


def detrend(data: Any, axis: int = -1, type: str = "linear") -> Tensor:
    """x without its mean ("constant") or without the straight line nearest to it ("linear"), along an axis."""
    x = moveaxis(as_tensor(data), axis, -1)
    x = x if x.dtype.kind == "f" else x.astype(float)
    if type == "constant":
        return moveaxis(x - mean(x, -1, True), -1, axis)
    if type != "linear":
        raise ArgumentError(f"detrend() takes type 'linear' or 'constant', got {type!r}")
    n = x.shape[-1]
    line = np.stack([np.ones(n), np.linspace(-1.0, 1.0, n)], axis=1)
    away = np.eye(n) - line @ np.linalg.pinv(line)
    return moveaxis(matmul(x, away.T.astype(x.dtype)), -1, axis)
