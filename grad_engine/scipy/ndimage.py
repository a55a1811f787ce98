"""The linear filters of scipy.ndimage on tensors, and pictures moved: by coordinates, a matrix or a distance.

Beyond the border, `mode` says what is there: "reflect" (the picture mirrored, its last row twice), "mirror" (once),
"nearest", "wrap", "constant" (cval). Gradients flow to the picture, the weights, and sigma of the blurs.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from grad_engine.core.tensor import Tensor, array_of
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.ops.elementwise import exp, sqrt, where
from grad_engine.ops.shape import flip, pad, reshape
from grad_engine.scipy._theirs import as_tensor, of_scipy
from grad_engine.scipy.signal import convolve as _by_fourier

__all__ = [
    "affine_transform", "convolve", "convolve1d", "correlate", "correlate1d", "gaussian_filter", "gaussian_filter1d",
    "gaussian_gradient_magnitude", "gaussian_laplace", "laplace", "map_coordinates", "prewitt", "shift", "sobel",
    "uniform_filter", "uniform_filter1d",
]  # fmt: skip
__getattr__ = of_scipy("scipy.ndimage")

_BORDERS = {
    "reflect": "symmetric", "grid-mirror": "symmetric", "mirror": "reflect", "nearest": "edge", "wrap": "wrap",
    "grid-wrap": "wrap", "constant": "constant", "grid-constant": "constant",
}  # fmt: skip
_FEW = 100  # weights that are added one by one; more go through Fourier transforms


def correlate(
    input: Any, weights: Any, output: None = None, mode: str = "reflect", cval: float = 0.0, origin: Any = 0
) -> Tensor:
    """Each element's neighbours times the weights, summed; the middle of the weights lies on the element."""
    _only_defaults(output, origin)
    w = as_tensor(weights)
    return _correlated(_floats(input), w, [n // 2 for n in w.shape], mode, cval)


def convolve(
    input: Any, weights: Any, output: None = None, mode: str = "reflect", cval: float = 0.0, origin: Any = 0
) -> Tensor:
    """correlate() with the weights turned round."""
    _only_defaults(output, origin)
    w = as_tensor(weights)
    return _correlated(_floats(input), flip(w, tuple(range(w.ndim))), [(n - 1) // 2 for n in w.shape], mode, cval)


def _correlated(x: Tensor, w: Tensor, before: Sequence[int], mode: str, cval: float) -> Tensor:
    if w.ndim != x.ndim:
        raise ShapeError(f"weights have as many axes as the input, got shapes {w.shape} and {x.shape}")
    if mode not in _BORDERS:
        raise ArgumentError(f"mode is {', '.join(_BORDERS)}, got {mode!r}")
    width = [(b, n - 1 - b) for b, n in zip(before, w.shape, strict=True)]
    more = {"constant_values": cval} if _BORDERS[mode] == "constant" else {}
    padded = pad(x, width, _BORDERS[mode], **more)
    if w.size > _FEW:
        return _by_fourier(padded, flip(w, tuple(range(w.ndim))), "valid")
    out: Any = None
    for place in itertools.product(*map(range, w.shape)):
        if w.node is None and not w.array[place]:
            continue
        part = padded[tuple(slice(k, k + n) for k, n in zip(place, x.shape, strict=True))] * w[place]
        out = part if out is None else out + part
    return x * 0.0 if out is None else out


def _along(x: Tensor, weights: Tensor, axis: int, mode: str, cval: float, turned: bool = False) -> Tensor:
    shape = [1] * x.ndim
    shape[axis] = weights.shape[0]
    w = reshape(weights, tuple(shape))
    return (convolve if turned else correlate)(x, w, mode=mode, cval=cval)


def correlate1d(
    input: Any,
    weights: Any,
    axis: int = -1,
    output: None = None,
    mode: str = "reflect",
    cval: float = 0.0,
    origin: Any = 0,
) -> Tensor:
    """correlate() along one axis."""
    _only_defaults(output, origin)
    return _along(_floats(input), as_tensor(weights), axis, mode, cval)


def convolve1d(
    input: Any,
    weights: Any,
    axis: int = -1,
    output: None = None,
    mode: str = "reflect",
    cval: float = 0.0,
    origin: Any = 0,
) -> Tensor:
    """convolve() along one axis."""
    _only_defaults(output, origin)
    return _along(_floats(input), as_tensor(weights), axis, mode, cval, turned=True)


def uniform_filter1d(
    input: Any,
    size: int,
    axis: int = -1,
    output: None = None,
    mode: str = "reflect",
    cval: float = 0.0,
    origin: Any = 0,
) -> Tensor:
    """The mean of `size` neighbours along an axis."""
    _only_defaults(output, origin)
    return correlate1d(input, np.full(size, 1 / size), axis, mode=mode, cval=cval)


def uniform_filter(
    input: Any, size: Any = 3, output: None = None, mode: str = "reflect", cval: float = 0.0, origin: Any = 0
) -> Tensor:
    """The mean over a box of `size` elements, one number for all axes or one for each."""
    _only_defaults(output, origin)
    x = _floats(input)
    for axis, n in enumerate(_for_each(size, x.ndim)):
        x = uniform_filter1d(x, int(n), axis, mode=mode, cval=cval) if n > 1 else x
    return x


def gaussian_filter1d(
    input: Any,
    sigma: Any,
    axis: int = -1,
    order: int = 0,
    output: None = None,
    mode: str = "reflect",
    cval: float = 0.0,
    truncate: float = 4.0,
    radius: int | None = None,
) -> Tensor:
    """The blur along an axis by a bell of width sigma, cut off at `truncate` widths; with order 1 or 2 its slopes."""
    _only_defaults(output)
    if order not in (0, 1, 2):
        raise ArgumentError(f"gaussian_filter1d() has order 0, 1 or 2 on tensors, got {order!r}")
    s = as_tensor(sigma)
    reach = int(truncate * float(array_of(s)) + 0.5) if radius is None else radius
    places = np.arange(-reach, reach + 1.0)
    bell = exp(-0.5 * places**2 / (s * s))
    bell = bell / np.sum(bell)
    factor = (1.0, -places / (s * s), (places**2 / (s * s) - 1) / (s * s))[order]
    return convolve1d(input, as_tensor(bell * factor), axis, mode=mode, cval=cval)


def gaussian_filter(
    input: Any,
    sigma: Any,
    order: Any = 0,
    output: None = None,
    mode: str = "reflect",
    cval: float = 0.0,
    truncate: float = 4.0,
    radius: Any = None,
) -> Tensor:
    """The blur along all axes by a bell of width sigma, one number for all of them or one for each."""
    _only_defaults(output)
    x = _floats(input)
    widths, orders, reaches = (_for_each(each, x.ndim) for each in (sigma, order, radius))
    for axis, (s, n, r) in enumerate(zip(widths, orders, reaches, strict=True)):
        if float(array_of(s)) > 1e-15:
            x = gaussian_filter1d(x, s, axis, n, mode=mode, cval=cval, truncate=truncate, radius=r)
    return x


def gaussian_laplace(input: Any, sigma: Any, output: None = None, mode: str = "reflect", cval: float = 0.0) -> Tensor:
    """The sum of the second slopes along all axes, of the picture blurred."""
    _only_defaults(output)
    x = _floats(input)
    return sum(
        (gaussian_filter(x, sigma, [2 * (a == axis) for a in range(x.ndim)], mode=mode, cval=cval)
         for axis in range(x.ndim)), as_tensor(0.0),
    )  # fmt: skip


def gaussian_gradient_magnitude(
    input: Any, sigma: Any, output: None = None, mode: str = "reflect", cval: float = 0.0
) -> Tensor:
    """The length of the gradient of the picture blurred."""
    _only_defaults(output)
    x = _floats(input)
    slopes = [
        gaussian_filter(x, sigma, [int(a == axis) for a in range(x.ndim)], mode=mode, cval=cval)
        for axis in range(x.ndim)
    ]
    return sqrt(sum((slope * slope for slope in slopes), as_tensor(0.0)))


def laplace(input: Any, output: None = None, mode: str = "reflect", cval: float = 0.0) -> Tensor:
    """The sum of the second differences along all axes."""
    _only_defaults(output)
    x = _floats(input)
    return sum((correlate1d(x, [1.0, -2.0, 1.0], axis, mode=mode, cval=cval) for axis in range(x.ndim)), as_tensor(0.0))


def sobel(input: Any, axis: int = -1, output: None = None, mode: str = "reflect", cval: float = 0.0) -> Tensor:
    """The difference along an axis, smoothed by 1, 2, 1 along the others."""
    _only_defaults(output)
    return _edges(input, axis, [1.0, 2.0, 1.0], mode, cval)


def prewitt(input: Any, axis: int = -1, output: None = None, mode: str = "reflect", cval: float = 0.0) -> Tensor:
    """The difference along an axis, summed over three neighbours along the others."""
    _only_defaults(output)
    return _edges(input, axis, [1.0, 1.0, 1.0], mode, cval)


def _edges(input: Any, axis: int, smooth: list[float], mode: str, cval: float) -> Tensor:
    x = _floats(input)
    out = correlate1d(x, [-1.0, 0.0, 1.0], axis, mode=mode, cval=cval)
    for other in range(x.ndim):
        if other != axis % x.ndim:
            out = correlate1d(out, smooth, other, mode=mode, cval=cval)
    return out


def map_coordinates(
    input: Any,
    coordinates: Any,
    output: None = None,
    order: int = 3,
    mode: str = "constant",
    cval: float = 0.0,
    prefilter: bool = True,
) -> Tensor:
    """The picture at coordinates (its axes, ...), in between by straight lines (order 1), or the nearest one (order 0).

    Gradients flow to the picture and, of order 1, to the coordinates. Splines of SciPy's order 3, its default, are
    refused. Outside, `mode` says what is there: "constant", "nearest", "mirror", "reflect" or "grid-wrap".
    """
    _only_defaults(output)
    x, places = _floats(input), _floats(coordinates)
    if order not in (0, 1):
        raise ArgumentError(f"order is 0 or 1 on tensors, got {order}; pass order=1")
    if mode not in _FOLDED:
        raise ArgumentError(f"mode is {', '.join(_FOLDED)}, got {mode!r}")
    if places.ndim == 0 or places.shape[0] != x.ndim:
        raise ShapeError(f"coordinates have {x.ndim} rows, one for each axis of the input, got shape {places.shape}")
    inside = np.ones(places.shape[1:], bool)
    corners: list[list[tuple[np.ndarray, Any]]] = []
    for place, n in zip(places, x.shape, strict=True):
        if mode == "constant":
            inside &= (place.data >= 0) & (place.data <= n - 1)
        if order == 0:
            corners.append([(_FOLDED[mode](np.floor(place.data + 0.5).astype(int), n), 1.0)])
            continue
        low = np.floor(place.data)
        part = place - low
        below = low.astype(int)
        corners.append([(_FOLDED[mode](below, n), 1 - part), (_FOLDED[mode](below + 1, n), part)])
    out: Any = as_tensor(0.0)
    for chosen in itertools.product(*corners):
        value = x[tuple(index for index, _ in chosen)]
        for _, weight in chosen:
            value = value * weight
        out = out + value
    return where(inside, out, cval) if mode == "constant" else out


def _mirrored(index: np.ndarray, n: int) -> np.ndarray:
    period = max(2 * n - 2, 1)
    index = index % period
    return np.minimum(index, period - index) if n > 1 else index * 0


def _reflected(index: np.ndarray, n: int) -> np.ndarray:
    index = index % (2 * n)
    return np.minimum(index, 2 * n - 1 - index)


_FOLDED: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "constant": lambda index, n: np.clip(index, 0, n - 1), "nearest": lambda index, n: np.clip(index, 0, n - 1),
    "mirror": _mirrored, "reflect": _reflected, "grid-wrap": lambda index, n: index % n,
}  # fmt: skip


def affine_transform(
    input: Any,
    matrix: Any,
    offset: Any = 0.0,
    output_shape: tuple[int, ...] | None = None,
    output: None = None,
    order: int = 3,
    mode: str = "constant",
    cval: float = 0.0,
    prefilter: bool = True,
) -> Tensor:
    """The picture whose element at o is the input at matrix @ o + offset, as in map_coordinates().

    matrix: (axes, axes), or a factor for each axis. Gradients flow to it, to offset and to the picture.
    """
    x, turn = _floats(input), as_tensor(matrix)
    shape = x.shape if output_shape is None else tuple(output_shape)
    places = np.stack([each.reshape(-1) for each in np.indices(shape)]).astype(float)
    if turn.shape not in ((x.ndim,), (x.ndim, x.ndim)):
        raise ShapeError(f"matrix is ({x.ndim}, {x.ndim}) or a factor for each axis, got shape {turn.shape}")
    moved = turn @ places if turn.ndim == 2 else reshape(turn, (x.ndim, 1)) * places
    by = as_tensor(offset)
    moved = moved + (reshape(by, (x.ndim, 1)) if by.ndim else by)
    return map_coordinates(x, reshape(moved, (x.ndim, *shape)), output, order, mode, cval)


def shift(
    input: Any,
    shift: Any,
    output: None = None,
    order: int = 3,
    mode: str = "constant",
    cval: float = 0.0,
    prefilter: bool = True,
) -> Tensor:
    """The picture moved by a distance along each axis, as in map_coordinates()."""
    return affine_transform(input, np.eye(_floats(input).ndim), -as_tensor(shift), None, output, order, mode, cval)


def _only_defaults(output: Any, origin: Any = 0) -> None:
    if output is not None or np.any(np.asarray(origin) != 0):
        raise ArgumentError(
            "filters of tensors make a new tensor, with origin 0; leave out output and origin, roll() instead"
        )


def _for_each(value: Any, count: int) -> list[Any]:
    return [value] * count if np.ndim(value) == 0 else list(value)


def _floats(x: Any) -> Tensor:
    x = as_tensor(x)
    if not x.ndim:
        raise ShapeError("a filter needs an array with axes, got a single number")
    return x if x.dtype.kind == "f" else x.astype(float)
