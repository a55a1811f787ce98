"""The functions of scipy.fft on tensors: NumPy's transforms, and the cosine and sine transforms of types 2 and 3.

What is complex is a ComplexTensor (ops/complex_numbers.py); take `abs(z)`, `z.real` or `z.imag` of it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from grad_engine.core.numpy_protocol import NUMPY_TO_OP
from grad_engine.core.tensor import Tensor
from grad_engine.errors import ArgumentError
from grad_engine.ops.complex_numbers import FFT
from grad_engine.ops.product import matmul
from grad_engine.ops.shape import moveaxis
from grad_engine.scipy._theirs import as_tensor, of_scipy


def _of_scipy(transform: Callable[..., Any]) -> Callable[..., Any]:
    """NumPy's transform along several axes, as SciPy has it: s and axes may be single numbers."""

    @functools.wraps(transform)
    def call(x: Any, s: Any = None, axes: Any = None, norm: str | None = None) -> Any:
        lengths, along = (None if each is None else np.atleast_1d(each).tolist() for each in (s, axes))
        if along is None:
            if transform.__name__.endswith("2"):
                along = (-2, -1)
            elif lengths is not None:
                along = range(-len(lengths), 0)
        return transform(x, lengths, along, norm)

    return call


globals().update({name: _of_scipy(each) if name[-1] in "n2" else each for name, each in FFT.items()})
fftshift, ifftshift = NUMPY_TO_OP[np.fft.fftshift], NUMPY_TO_OP[np.fft.ifftshift]
__all__ = [
    *FFT, "dct", "dctn", "dst", "dstn", "fftshift", "idct", "idctn", "idst", "idstn", "ifftshift",
]  # fmt: skip


def _matrix(n: int, kind: str, type: int, norm: str | None) -> np.ndarray:
    """The matrix of a cosine ("c") or sine ("s") transform of n numbers, as scipy.fft defines them."""
    if type not in (2, 3):
        raise ArgumentError(f"dct() and dst() have types 2 and 3 on tensors, got {type!r}; multiply by a matrix")
    if norm not in (None, "backward", "ortho", "forward"):
        raise ArgumentError(f'norm is "backward", "ortho" or "forward", got {norm!r}')
    k, j = np.arange(n)[:, None], np.arange(n)[None, :]
    second = 2 * (
        np.cos(np.pi * k * (2 * j + 1) / (2 * n)) if kind == "c" else np.sin(np.pi * (k + 1) * (2 * j + 1) / (2 * n))
    )
    ends = 0 if kind == "c" else n - 1  # the row of the lone wave, which counts half
    if norm == "ortho":
        second = second * np.sqrt(1 / (2 * n))
        second[ends] *= np.sqrt(0.5)
        return second if type == 2 else second.T
    if type == 3:
        second = second.T.copy()
        second[:, ends] /= 2
    return second / (2 * n) if norm == "forward" else second


def _transform(x: Any, n: int | None, axis: int, matrix: Any) -> Tensor:
    x = moveaxis(as_tensor(x), axis, -1)
    length = x.shape[-1] if n is None else n
    if length > x.shape[-1]:
        x = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, length - x.shape[-1])])
    return moveaxis(
        matmul(x[..., :length], matrix(length).T.astype(x.dtype if x.dtype.kind == "f" else float)), -1, axis
    )


def dct(x: Any, type: int = 2, n: int | None = None, axis: int = -1, norm: str | None = None) -> Tensor:
    """The discrete cosine transform of type 2 or 3 along an axis, as a product with a matrix."""
    return _transform(x, n, axis, lambda length: _matrix(length, "c", type, norm))


def dst(x: Any, type: int = 2, n: int | None = None, axis: int = -1, norm: str | None = None) -> Tensor:
    """The discrete sine transform of type 2 or 3 along an axis, as a product with a matrix."""
    return _transform(x, n, axis, lambda length: _matrix(length, "s", type, norm))


_BACK = {None: "forward", "backward": "forward", "forward": "backward", "ortho": "ortho"}


def idct(x: Any, type: int = 2, n: int | None = None, axis: int = -1, norm: str | None = None) -> Tensor:
    """What dct() of that type makes x of."""
    return dct(x, 5 - type, n, axis, _BACK.get(norm, norm))


def idst(x: Any, type: int = 2, n: int | None = None, axis: int = -1, norm: str | None = None) -> Tensor:
    """What dst() of that type makes x of."""
    return dst(x, 5 - type, n, axis, _BACK.get(norm, norm))


def _along_each(transform: Callable[..., Tensor], x: Any, type: int, s: Any, axes: Any, norm: str | None) -> Tensor:
    x = as_tensor(x)
    if axes is None:
        axes = range(x.ndim) if s is None else range(-len(np.atleast_1d(s)), 0)
    axes = np.atleast_1d(axes).tolist()
    lengths = [None] * len(axes) if s is None else np.atleast_1d(s).tolist()
    for axis, n in zip(axes, lengths, strict=True):
        x = transform(x, type, n, axis, norm)
    return x


def dctn(x: Any, type: int = 2, s: Any = None, axes: Any = None, norm: str | None = None) -> Tensor:
    """dct() along several axes, all unless `axes` says which."""
    return _along_each(dct, x, type, s, axes, norm)


def idctn(x: Any, type: int = 2, s: Any = None, axes: Any = None, norm: str | None = None) -> Tensor:
    """idct() along several axes, all unless `axes` says which."""
    return _along_each(idct, x, type, s, axes, norm)


def dstn(x: Any, type: int = 2, s: Any = None, axes: Any = None, norm: str | None = None) -> Tensor:
    """dst() along several axes, all unless `axes` says which."""
    return _along_each(dst, x, type, s, axes, norm)


def idstn(x: Any, type: int = 2, s: Any = None, axes: Any = None, norm: str | None = None) -> Tensor:
    """idst() along several axes, all unless `axes` says which."""
    return _along_each(idst, x, type, s, axes, norm)


__getattr__ = of_scipy("scipy.fft")
