"""The functions of scipy.signal on tensors: convolutions, linear filters and trends."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from grad_engine.core.tensor import Tensor, array_of
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.ops.complex_numbers import FFT
from grad_engine.ops.joining import concat, stack
from grad_engine.ops.product import matmul
from grad_engine.ops.reduction import mean
from grad_engine.ops.shape import flip, moveaxis, pad
from grad_engine.scipy._theirs import as_tensor, of_scipy

__all__ = [
    "convolve", "convolve2d", "correlate", "correlate2d", "decimate", "detrend", "fftconvolve", "filtfilt", "hilbert",
    "lfilter", "oaconvolve", "resample", "resample_poly", "savgol_filter", "sosfilt", "sosfiltfilt",
]  # fmt: skip
_LONGEST = 4096  # samples of which a filter is written as a matrix


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


def oaconvolve(in1: Any, in2: Any, mode: str = "full") -> Tensor:
    """convolve(), under its other name."""
    return convolve(in1, in2, mode)


def convolve2d(in1: Any, in2: Any, mode: str = "full", boundary: str = "fill", fillvalue: float = 0) -> Tensor:
    """convolve() of matrices; beyond the border of in1 lies `fillvalue`, in1 again ("wrap") or mirrored ("symm")."""
    x, y = as_tensor(in1), as_tensor(in2)
    if x.ndim != 2 or y.ndim != 2:
        raise ShapeError(f"convolve2d() takes two matrices, got shapes {x.shape} and {y.shape}")
    borders = {"fill": "constant", "wrap": "wrap", "symm": "symmetric"}
    if boundary not in borders or mode not in ("full", "same", "valid"):
        raise ArgumentError(f'boundary is "fill", "wrap" or "symm", got {boundary!r}, with mode {mode!r}')
    if mode == "valid" or (boundary == "fill" and not fillvalue):
        return convolve(x, y, mode)
    more: Any = {"constant_values": fillvalue} if boundary == "fill" else {}
    whole = convolve(pad(x, [(n - 1, n - 1) for n in y.shape], borders[boundary], **more), y, "valid")
    if mode == "full":
        return whole
    starts = [(n - 1) // 2 for n in y.shape]
    return whole[tuple(slice(start, start + n) for start, n in zip(starts, x.shape, strict=True))]


def correlate2d(in1: Any, in2: Any, mode: str = "full", boundary: str = "fill", fillvalue: float = 0) -> Tensor:
    """convolve2d() with in2 turned round along both axes."""
    x, y = as_tensor(in1), as_tensor(in2)
    if mode == "valid":
        return correlate(x, y, mode)
    whole = convolve2d(x, flip(y, (0, 1)), "full", boundary, fillvalue)
    if mode == "full":
        return whole
    return whole[tuple(slice(m // 2, m // 2 + n) for m, n in zip(y.shape, x.shape, strict=True))]


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


def hilbert(x: Any, N: int | None = None, axis: int = -1) -> Any:
    """The analytic signal of real samples along an axis, a ComplexTensor: `abs()` of it is the envelope."""
    x = as_tensor(x)
    n = x.shape[axis] if N is None else int(N)
    if n <= 0:
        raise ArgumentError(f"hilbert() takes at least one sample, got N={n}")
    keep = np.zeros(n)
    keep[0] = 1.0
    keep[1 : (n + 1) // 2] = 2.0
    if n % 2 == 0:
        keep[n // 2] = 1.0
    along = [1] * x.ndim
    along[axis] = n
    return np.fft.ifft(np.fft.fft(x, n, axis=axis) * keep.reshape(along), axis=axis)


def _as_matrix(x: Any, axis: int, name: str, *args: Any, **named: Any) -> Tensor:
    """SciPy's function of this name, linear along an axis, as a product with the matrix that it makes of ones."""
    return _by_coefficients(name, (), x, axis, named, args)


def savgol_filter(
    x: Any, window_length: int, polyorder: int, deriv: int = 0, delta: float = 1.0, axis: int = -1,
    mode: str = "interp", cval: float = 0.0,
) -> Tensor:  # fmt: skip
    """x smoothed along an axis by a polynomial through each window, or its derivative. Needs SciPy."""
    if mode == "constant" and cval:
        raise ArgumentError("savgol_filter() has cval 0 on tensors; pad x with numbers of your own")
    return _as_matrix(x, axis, "savgol_filter", window_length, polyorder, deriv, delta, mode=mode)


def resample(x: Any, num: int, t: None = None, axis: int = 0, window: Any = None) -> Tensor:
    """x at `num` places along an axis, by Fourier transforms. Needs SciPy."""
    if t is not None:
        raise ArgumentError("resample() gives the samples alone on tensors; leave out t")
    return _as_matrix(x, axis, "resample", num, window=window)


def resample_poly(x: Any, up: int, down: int, axis: int = 0, window: Any = ("kaiser", 5.0)) -> Tensor:
    """x with `up` samples for each `down` along an axis. Needs SciPy."""
    return _as_matrix(x, axis, "resample_poly", up, down, window=window)


def decimate(x: Any, q: int, n: int | None = None, ftype: Any = "iir", axis: int = -1, zero_phase: bool = True) -> Any:
    """Every q-th sample along an axis, after a filter against aliases. Needs SciPy."""
    return _as_matrix(x, axis, "decimate", q, n, ftype, zero_phase=zero_phase)


def _by_coefficients(
    name: str, coefficients: tuple[Any, ...], x: Any, axis: int, named: dict[str, Any], args: tuple[Any, ...] = ()
) -> Tensor:
    """As _as_matrix(), of SciPy's functions that take their coefficients before the samples."""
    for each in (*coefficients, *args, *named.values()):
        if type(each) is Tensor and each.requires_grad:
            raise ArgumentError(
                f"scipy.signal.{name}() has a gradient by its samples alone; lfilter() has one by its coefficients"
            )
    x = as_tensor(x)
    x = moveaxis(x if x.dtype.kind == "f" else x.astype(float), axis, -1)
    if x.shape[-1] > _LONGEST:
        raise ArgumentError(f"{name}() takes up to {_LONGEST} samples that require grad, got {x.shape[-1]}; cut them")
    filters = getattr(importlib.import_module("scipy.signal"), name)
    given = [array_of(each) for each in coefficients]
    matrix = filters(*given, np.eye(x.shape[-1]), *args, axis=0, **named)
    return moveaxis(matmul(x, matrix.T.astype(x.dtype)), -1, axis)


def filtfilt(b: Any, a: Any, x: Any, axis: int = -1, padtype: str | None = "odd", padlen: int | None = None) -> Tensor:
    """x filtered by b / a forwards and backwards along an axis, by x alone. Needs SciPy."""
    return _by_coefficients("filtfilt", (b, a), x, axis, {"padtype": padtype, "padlen": padlen})


def sosfilt(sos: Any, x: Any, axis: int = -1) -> Tensor:
    """x filtered along an axis by sections of second order. Needs SciPy where no gradient by the sections is asked."""
    sections = as_tensor(sos)
    if sections.ndim != 2 or sections.shape[1] != 6:
        raise ShapeError(f"sosfilt() takes sections of six coefficients, (n, 6), got shape {sections.shape}")
    if sections.requires_grad:
        x = as_tensor(x)
        for section in sections:
            x = lfilter(section[:3], section[3:], x, axis)
        return x
    return _by_coefficients("sosfilt", (sections,), x, axis, {})


def sosfiltfilt(sos: Any, x: Any, axis: int = -1, padtype: str | None = "odd", padlen: int | None = None) -> Tensor:
    """x filtered by sections of second order forwards and backwards along an axis, by x alone. Needs SciPy."""
    return _by_coefficients("sosfiltfilt", (sos,), x, axis, {"padtype": padtype, "padlen": padlen})


__getattr__ = of_scipy("scipy.signal")
