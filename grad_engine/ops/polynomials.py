"""NumPy's functions of polynomials: coefficients are vectors, the highest power first.

`np.poly1d(t)` works through them: it keeps the tensor as its coefficients.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.conversion import ComplexPair
from grad_engine.core.define import composed
from grad_engine.core.numpy_protocol import NUMPY_TO_OP
from grad_engine.core.tensor import Tensor
from grad_engine.errors import ShapeError
from grad_engine.ops.joining import concat
from grad_engine.ops.linalg import eigvals
from grad_engine.ops.norms import lstsq, vander
from grad_engine.ops.reduction import vector_norm
from grad_engine.ops.sets import trim_zeros
from grad_engine.ops.shape import reshape
from grad_engine.ops.statistics import convolve


def _coefficients(p: Any, name: str) -> Tensor:
    """p, or what is in a np.poly1d, as a vector of floats."""
    p = as_tensor(p.coeffs if isinstance(p, np.poly1d) else p)
    if p.ndim > 1:
        raise ShapeError(f"{name}() takes a vector of coefficients, got shape {p.shape}")
    p = reshape(p, (-1,)) if p.ndim == 0 else p
    return p if p.dtype.kind == "f" else p.astype(float)


@composed(numpy=[np.polyval], method=False)
def polyval(p: Any, x: Any) -> Any:
    """The polynomial with coefficients p, the highest power first, at each x (Horner's scheme)."""
    if isinstance(x, np.poly1d):  # a polynomial of a polynomial, of which NumPy's own scheme makes one
        y: Any = 0
        for k in range(len(coefficients := _coefficients(p, "polyval"))):
            y = y * x + coefficients[k]
        return y
    if isinstance(x, ComplexPair) or np.iscomplexobj(x):
        coefficients, y = _coefficients(p, "polyval"), 0.0 * x
        for k in range(coefficients.size):
            y = y * x + coefficients[k]
        return y
    coefficients, x = _coefficients(p, "polyval"), as_tensor(x)
    y = as_tensor(np.zeros_like(x.array))
    for k in range(coefficients.size):
        y = y * x + coefficients[k]
    return y


@composed(numpy=[np.polyfit], method=False)
def polyfit(x: Any, y: Any, deg: int, rcond: float | None = None, w: Any = None) -> Tensor:
    """The coefficients, highest power first, of the polynomial of degree `deg` nearest to the points (x, y).

    rcond: how small a singular value may be, as a share of the largest, before it counts as 0. w: the weight of each
        point's distance. y (n) or (n, k), for k polynomials.
    """
    x, y = as_tensor(x), as_tensor(y)
    if x.ndim != 1 or not x.size or y.ndim not in (1, 2) or y.shape[0] != x.size or deg < 0:
        raise ShapeError(
            f"polyfit() takes vectors x and y of one length and deg from 0 on, got shapes {x.shape} and {y.shape} and "
            f"deg {deg}"
        )
    x = x if x.dtype.kind == "f" else x.astype(float)
    powers = vander(x, deg + 1)
    if w is not None:
        w = as_tensor(w)
        if w.shape != x.shape:
            raise ShapeError(f"polyfit() takes a weight for each of {x.size} points, got shape {w.shape}")
        powers, y = powers * w[:, None], y * (w if y.ndim == 1 else w[:, None])
    scale = vector_norm(powers, 0)
    found = lstsq(powers / scale, y, len(x) * float(np.finfo(x.dtype).eps) if rcond is None else rcond)[0]
    return found / (scale if y.ndim == 1 else scale[:, None])


@composed(numpy=[np.polyadd], method=False)
def polyadd(a1: Any, a2: Any) -> Any:
    """The coefficients of the sum of two polynomials; a np.poly1d where one of them is such."""
    a, b = _coefficients(a1, "polyadd"), _coefficients(a2, "polyadd")
    length = max(a.size, b.size)
    a, b = (concat([np.zeros(length - each.size, each.dtype), each]) if each.size < length else each for each in (a, b))
    return _as_given(a + b, a1, a2)


@composed(numpy=[np.polysub], method=False)
def polysub(a1: Any, a2: Any) -> Any:
    """The coefficients of the difference of two polynomials; a np.poly1d where one of them is such."""
    return _as_given(polyadd(_coefficients(a1, "polysub"), -_coefficients(a2, "polysub")), a1, a2)


@composed(numpy=[np.polymul], method=False)
def polymul(a1: Any, a2: Any) -> Any:
    """The coefficients of the product of two polynomials; a np.poly1d where one of them is such."""
    a, b = (trim_zeros(_coefficients(each, "polymul"), "f") for each in (a1, a2))  # NumPy makes poly1d of them
    a, b = (each if each.size else as_tensor(np.zeros(1, each.dtype)) for each in (a, b))
    return _as_given(convolve(a, b), a1, a2)


@composed(numpy=[np.polydiv], method=False)
def polydiv(u: Any, v: Any) -> tuple[Any, Any]:
    """(quotient, rest) of the polynomial u divided by v: u is quotient · v + rest."""
    top, below = _coefficients(u, "polydiv"), _coefficients(v, "polydiv")
    rest, n = top, below.size
    parts = []
    for _ in range(top.size - n + 1):
        factor = rest[0] / below[0]
        parts.append(reshape(factor, (1,)))
        taken = rest[:n] - factor * below
        rest = concat([taken[1:], rest[n:]])
    quotient = concat(parts) if parts else as_tensor(np.zeros(1, top.dtype))
    near = np.isclose(rest.array, 0, rtol=1e-14)  # as NumPy does: what is 0 but for rounding is left out in front
    first = int(np.argmin(near[:-1])) if rest.size > 1 and not near[:-1].all() else max(rest.size - 1, 0)
    rest = rest[first:] if rest.size else as_tensor(np.zeros(1, top.dtype))
    return _as_given(quotient, u, v), _as_given(rest, u, v)


@composed(numpy=[np.polyder], method=False)
def polyder(p: Any, m: int = 1) -> Any:
    """The coefficients of the m-th derivative of a polynomial."""
    out = _coefficients(p, "polyder")
    for _ in range(_count(m, "polyder")):
        out = out[:-1] * np.arange(out.size - 1, 0, -1, dtype=out.dtype)
    return _as_given(out, p)


@composed(numpy=[np.polyint], method=False)
def polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    """The coefficients of the polynomial whose m-th derivative is p; k are the constants, 0 where left out."""
    out = _coefficients(p, "polyint")
    constants = as_tensor(np.zeros(_count(m, "polyint"), out.dtype) if k is None else k)
    constants = reshape(constants, (-1,))
    constants = constants.broadcast_to((m,)) if constants.size == 1 else constants
    if constants.size < m:
        raise ShapeError(f"polyint() takes one constant or {m}, one for each integral, got {constants.size}")
    for i in range(m):
        out = concat([out / np.arange(out.size, 0, -1, dtype=out.dtype), reshape(constants[i], (1,))])
    return _as_given(out, p)


@composed(numpy=[np.poly], method=False)
def poly(seq_of_zeros: Any) -> Tensor:
    """The coefficients of the polynomial with these roots, or of a square matrix's characteristic polynomial."""
    roots_of = as_tensor(seq_of_zeros)
    if roots_of.ndim == 2 and roots_of.shape[0] == roots_of.shape[1] and roots_of.size:
        return _characteristic(roots_of)
    if roots_of.ndim != 1:
        raise ShapeError(f"poly() takes a vector of roots or a square matrix, got shape {roots_of.shape}")
    roots_of = roots_of if roots_of.dtype.kind == "f" else roots_of.astype(float)
    out: Any = as_tensor(np.ones(1, roots_of.dtype))
    for i in range(roots_of.size):
        out = concat([out, [0.0]]) - concat([[0.0], out * roots_of[i]])
    return out


def _characteristic(a: Tensor) -> Tensor:
    """By Faddeev and LeVerrier's method, which needs no eigenvalues, so that these may be complex."""
    n, eye = a.shape[0], np.eye(a.shape[0])
    parts, power = [as_tensor(np.ones(1))], as_tensor(eye)
    for k in range(1, n + 1):
        product = a @ power
        factor = -product.trace() / k
        parts.append(reshape(factor, (1,)))
        power = product + factor * eye
    return concat(parts)


@composed(numpy=[np.roots], method=False)
def roots(p: Any) -> Tensor:
    """The roots of a polynomial whose roots are real, as eigenvalues of its companion matrix.

    Raises NotDifferentiableError where a gradient is asked for and a root is complex.
    """
    p = _coefficients(p, "roots")
    there = np.flatnonzero(p.array)
    if not there.size:
        return as_tensor(np.zeros(0, p.dtype))
    trailing = p.size - 1 - int(there[-1])  # of these roots, which are 0, no gradient is known; NumPy puts them last
    p = p[int(there[0]) : int(there[-1]) + 1]
    if p.size == 1:
        return as_tensor(np.zeros(trailing, p.dtype))
    below = np.eye(p.size - 2, p.size - 1, dtype=p.dtype)
    found = eigvals(concat([reshape(-p[1:] / p[0], (1, -1)), below]))
    return concat([found, np.zeros(trailing, p.dtype)]) if trailing else found


def _roots_of_numpy(p: Any) -> Any:
    """NumPy's roots: complex ones too, where no gradient is asked for."""
    p = as_tensor(p)
    return roots(p) if p.node is not None else np.roots(p.array)


NUMPY_TO_OP[np.roots] = _roots_of_numpy


def _count(m: Any, name: str) -> int:
    if int(m) != m or m < 0:
        raise ShapeError(f"{name}() takes how often as a whole number from 0 on, got {m!r}")
    return int(m)


def _as_given(out: Tensor, *given: Any) -> Any:
    return np.poly1d(out) if any(isinstance(each, np.poly1d) for each in given) else out
