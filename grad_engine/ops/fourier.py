"""The discrete Fourier transform, as an op on real and imaginary parts; complex_numbers.py gives it NumPy's names."""

from __future__ import annotations

from typing import Any

import numpy as np

from grad_engine.core.define import define, in_rules
from grad_engine.core.op import case


def _transform(re: Any, im: Any, axes: Any = (-1,), sign: int = -1) -> tuple[Any, Any]:
    """The parts of the sums of x · exp(sign · 2πi · jk/n) along each of `axes`; nothing is divided by n."""
    z = re + 1j * im
    z = z.astype(np.complex64, copy=False) if np.result_type(re, im) == np.float32 else z
    out = np.fft.fftn(z, axes=axes) if sign < 0 else np.fft.ifftn(z, axes=axes, norm="forward")
    return np.ascontiguousarray(out.real), np.ascontiguousarray(out.imag)


def _turned_back(g: Any, out: Any, re: Any, im: Any, axes: Any, sign: int, wanted: Any) -> list[Any]:
    """The transform is a symmetric matrix, so its transposed conjugate is the transform of the other sign."""
    first = g[0] if g[0] is not None else np.zeros(re.shape, re.dtype)
    second = g[1] if g[1] is not None else np.zeros(re.shape, re.dtype)
    return [*_again(first, second, axes=axes, sign=-sign)]


fourier = define(
    _transform, name="fourier", symbol="DFT", category="linear algebra", inputs=("re", "im"), multi_output=True,
    floats=("re", "im"),
    summary="(real parts, imaginary parts) of the discrete Fourier transform of re + i·im along `axes`.",
    sentence="The gradients of both parts are transformed back, not divided by n.",
    vjp=_turned_back, public=False, reads=(),
    formula={
        "re": "the real part of the sum of (g[0] + i · g[1]) · exp(−sign · 2πi · jk/n)",
        "im": "the imaginary part of the sum of (g[0] + i · g[1]) · exp(−sign · 2πi · jk/n)",
    },
    cases=[case((4,), (4,)), case((5,), (5,), sign=1), case((2, 3, 2), (2, 3, 2), axes=(0, 2))],
)  # fmt: skip
_again = in_rules(fourier)
