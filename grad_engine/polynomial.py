"""The series of numpy.polynomial on tensors, under NumPy's names: coefficients are those of the lowest degree first.

`numpy.polynomial.Polynomial(c)(t)` works by itself where only t is a tensor; these take tensors as coefficients too.
They are Clenshaw's scheme (1955) on the recurrence of each family.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.tensor import Tensor, array_of
from grad_engine.errors import ShapeError
from grad_engine.ops.joining import concat, stack
from grad_engine.ops.norms import lstsq
from grad_engine.ops.reduction import vector_norm
from grad_engine.ops.shape import moveaxis, reshape

# What a member p[n + 1] is, in the two before it: (a + b·x)·p[n] − c·p[n − 1], and p[1] = d + e·x, with p[0] = 1.
Recurrence = tuple[Callable[[int], tuple[float, float, float]], tuple[float, float]]
_FAMILIES: dict[str, Recurrence] = {
    "poly": (lambda n: (0.0, 1.0, 0.0), (0.0, 1.0)),
    "cheb": (lambda n: (0.0, 2.0, 1.0), (0.0, 1.0)),
    "leg": (lambda n: (0.0, (2 * n + 1) / (n + 1), n / (n + 1)), (0.0, 1.0)),
    "herm": (lambda n: (0.0, 2.0, 2.0 * n), (0.0, 2.0)),
    "herme": (lambda n: (0.0, 1.0, float(n)), (0.0, 1.0)),
    "lag": (lambda n: ((2 * n + 1) / (n + 1), -1 / (n + 1), n / (n + 1)), (1.0, -1.0)),
}


def _value(family: str, x: Any, c: Any, tensor: bool) -> Tensor:
    step, (start, slope) = _FAMILIES[family]
    x, c = as_tensor(x), as_tensor(c)
    c = c if c.dtype.kind == "f" else c.astype(float)
    c = reshape(c, (1,)) if c.ndim == 0 else c
    if not c.shape[0]:
        raise ShapeError(f"{family}val() needs a coefficient, got shape {c.shape}")
    if tensor:
        c = reshape(c, (*c.shape, *(1,) * x.ndim))
    above: Any = 0.0
    here: Any = 0.0
    for n in range(c.shape[0] - 1, 0, -1):
        shift, factor, _ = step(n)
        here, above = c[n] + (shift + factor * x) * here - step(n + 1)[2] * above, here
    return c[0] + (start + slope * x) * here - step(1)[2] * above + 0.0 * x


def _matrix(family: str, x: Any, deg: int) -> Tensor:
    step, (start, slope) = _FAMILIES[family]
    x = as_tensor(x)
    if deg < 0 or int(deg) != deg:
        raise ShapeError(f"{family}vander() takes a whole degree from 0 on, got {deg!r}")
    x = x if x.dtype.kind == "f" else x.astype(float)
    members: list[Any] = [as_tensor(np.ones(x.shape, x.dtype))]
    if deg:
        members.append(start + slope * x)
    for n in range(1, int(deg)):
        shift, factor, back = step(n)
        members.append((shift + factor * x) * members[-1] - back * members[-2])
    return stack(members, -1)


def _fit(family: str, x: Any, y: Any, deg: Any, rcond: float | None, w: Any) -> Tensor:
    x, y = as_tensor(x), as_tensor(y)
    degrees = np.atleast_1d(np.asarray(array_of(deg)))
    if x.ndim != 1 or y.ndim not in (1, 2) or y.shape[0] != x.size or not x.size:
        raise ShapeError(f"{family}fit() takes vectors x and y of one length, got shapes {x.shape} and {y.shape}")
    x = x if x.dtype.kind == "f" else x.astype(float)
    powers = _matrix(family, x, int(degrees.max()))
    wanted = degrees if degrees.size > 1 else np.arange(int(degrees[0]) + 1)
    powers = powers[:, wanted]
    if w is not None:
        w = as_tensor(w)
        powers, y = powers * w[:, None], y * (w if y.ndim == 1 else w[:, None])
    scale = vector_norm(powers, 0)
    found = lstsq(powers / scale, y, x.size * float(np.finfo(x.dtype).eps) if rcond is None else rcond)[0]
    found = found / (scale if y.ndim == 1 else scale[:, None])
    rows: Any = [np.zeros((1, *found.shape[1:]), found.dtype)] * (int(degrees.max()) + 1)
    for row, degree in enumerate(wanted.tolist()):
        rows[degree] = found[row : row + 1]
    return concat(rows)


def polyval(x: Any, c: Any, tensor: bool = True) -> Tensor:
    """c[0] + c[1]·x + c[2]·x² + ... at each x; with more axes of c, one polynomial for each of its columns."""
    return _value("poly", x, c, tensor)


def chebval(x: Any, c: Any, tensor: bool = True) -> Tensor:
    """The series of Chebyshev polynomials of the first kind with coefficients c at each x."""
    return _value("cheb", x, c, tensor)


def legval(x: Any, c: Any, tensor: bool = True) -> Tensor:
    """The series of Legendre polynomials with coefficients c at each x."""
    return _value("leg", x, c, tensor)


def hermval(x: Any, c: Any, tensor: bool = True) -> Tensor:
    """The series of physicists' Hermite polynomials with coefficients c at each x."""
    return _value("herm", x, c, tensor)


def hermeval(x: Any, c: Any, tensor: bool = True) -> Tensor:
    """The series of probabilists' Hermite polynomials with coefficients c at each x."""
    return _value("herme", x, c, tensor)


def lagval(x: Any, c: Any, tensor: bool = True) -> Tensor:
    """The series of Laguerre polynomials with coefficients c at each x."""
    return _value("lag", x, c, tensor)


def polyvander(x: Any, deg: int) -> Tensor:
    """The powers of each x from 0 to deg, along a new last axis."""
    return _matrix("poly", x, deg)


def chebvander(x: Any, deg: int) -> Tensor:
    """The Chebyshev polynomials of each x from degree 0 to deg, along a new last axis."""
    return _matrix("cheb", x, deg)


def legvander(x: Any, deg: int) -> Tensor:
    """The Legendre polynomials of each x from degree 0 to deg, along a new last axis."""
    return _matrix("leg", x, deg)


def hermvander(x: Any, deg: int) -> Tensor:
    """The physicists' Hermite polynomials of each x from degree 0 to deg, along a new last axis."""
    return _matrix("herm", x, deg)


def hermevander(x: Any, deg: int) -> Tensor:
    """The probabilists' Hermite polynomials of each x from degree 0 to deg, along a new last axis."""
    return _matrix("herme", x, deg)


def lagvander(x: Any, deg: int) -> Tensor:
    """The Laguerre polynomials of each x from degree 0 to deg, along a new last axis."""
    return _matrix("lag", x, deg)


def polyfit(x: Any, y: Any, deg: Any, rcond: float | None = None, w: Any = None) -> Tensor:
    """The coefficients, lowest degree first, of the polynomial nearest to the points (x, y); deg may list degrees."""
    return _fit("poly", x, y, deg, rcond, w)


def chebfit(x: Any, y: Any, deg: Any, rcond: float | None = None, w: Any = None) -> Tensor:
    """The coefficients of the series of Chebyshev polynomials nearest to the points (x, y)."""
    return _fit("cheb", x, y, deg, rcond, w)


def legfit(x: Any, y: Any, deg: Any, rcond: float | None = None, w: Any = None) -> Tensor:
    """The coefficients of the series of Legendre polynomials nearest to the points (x, y)."""
    return _fit("leg", x, y, deg, rcond, w)


def hermfit(x: Any, y: Any, deg: Any, rcond: float | None = None, w: Any = None) -> Tensor:
    """The coefficients of the series of physicists' Hermite polynomials nearest to the points (x, y)."""
    return _fit("herm", x, y, deg, rcond, w)


def hermefit(x: Any, y: Any, deg: Any, rcond: float | None = None, w: Any = None) -> Tensor:
    """The coefficients of the series of probabilists' Hermite polynomials nearest to the points (x, y)."""
    return _fit("herme", x, y, deg, rcond, w)


def lagfit(x: Any, y: Any, deg: Any, rcond: float | None = None, w: Any = None) -> Tensor:
    """The coefficients of the series of Laguerre polynomials nearest to the points (x, y)."""
    return _fit("lag", x, y, deg, rcond, w)


def polyder(c: Any, m: int = 1, scl: float = 1.0, axis: int = 0) -> Tensor:
    """The coefficients of the m-th derivative of a polynomial, lowest degree first; each derivative is times scl."""
    out = moveaxis(as_tensor(c), axis, 0)
    out = out if out.dtype.kind == "f" else out.astype(float)
    for _ in range(m):
        powers = np.arange(1, out.shape[0], dtype=out.dtype).reshape(-1, *(1,) * (out.ndim - 1))
        out = out[1:] * powers * scl if out.shape[0] > 1 else out * 0.0
    return moveaxis(out, 0, axis)


def polyint(c: Any, m: int = 1, k: Any = (), lbnd: float = 0.0, scl: float = 1.0, axis: int = 0) -> Tensor:
    """The coefficients of the m-th integral of a polynomial, lowest degree first, which is k at lbnd."""
    out = moveaxis(as_tensor(c), axis, 0)
    out = out if out.dtype.kind == "f" else out.astype(float)
    constants: list[Any] = list(k) if isinstance(k, list | tuple) else [k]
    constants += [0.0] * (m - len(constants))
    for constant in constants[:m]:
        powers = np.arange(1, out.shape[0] + 1, dtype=out.dtype).reshape(-1, *(1,) * (out.ndim - 1))
        raised = concat([np.zeros((1, *out.shape[1:]), out.dtype), out * scl / powers])
        start = constant - _value("poly", lbnd, raised, True)
        out = concat([reshape(raised[0] + start, (1, *out.shape[1:])), raised[1:]])
    return moveaxis(out, 0, axis)
