"""The functions of scipy.spatial.distance on tensors: distances of two vectors, of all pairs, and their matrix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from grad_engine.core.tensor import Tensor
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.ops.elementwise import sqrt, where, xlogy
from grad_engine.ops.product import matmul
from grad_engine.ops.reduction import amax, mean, vector_norm
from grad_engine.ops.reduction import sum as sum_of
from grad_engine.scipy._theirs import as_tensor, of_scipy

__getattr__ = of_scipy("scipy.spatial.distance")


def euclidean(u: Any, v: Any, w: Any = None) -> Tensor:
    """The length of u − v; w weighs the squares. The slope is 0 where both are equal."""
    away = _floats(u) - _floats(v)
    return vector_norm(away if w is None else away * np.sqrt(w), -1)


def sqeuclidean(u: Any, v: Any, w: Any = None) -> Tensor:
    """The squared length of u − v; w weighs the squares."""
    return _weighed((_floats(u) - _floats(v)) ** 2, w)


def cityblock(u: Any, v: Any, w: Any = None) -> Tensor:
    """The sum of |u − v|."""
    return _weighed(abs(_floats(u) - _floats(v)), w)


def chebyshev(u: Any, v: Any, w: Any = None) -> Tensor:
    """The largest of |u − v|, of those with a weight other than 0."""
    away = abs(_floats(u) - _floats(v))
    return amax(away if w is None else where(np.asarray(w) != 0, away, 0.0), -1)


def minkowski(u: Any, v: Any, p: float = 2, w: Any = None) -> Tensor:
    """The p-norm of u − v; w weighs the powers."""
    away = _floats(u) - _floats(v)
    return vector_norm(away if w is None else away * np.asarray(w) ** (1 / p), -1, ord=p)


def cosine(u: Any, v: Any, w: Any = None) -> Tensor:
    """1 minus the cosine of the angle between u and v."""
    u, v = _floats(u), _floats(v)
    return 1 - _weighed(u * v, w) / sqrt(_weighed(u * u, w) * _weighed(v * v, w))


def correlation(u: Any, v: Any, w: Any = None, centered: bool = True) -> Tensor:
    """1 minus the correlation of u and v."""
    u, v = _floats(u), _floats(v)
    if not centered:
        return cosine(u, v, w)
    if w is None:
        return cosine(u - mean(u, -1, True), v - mean(v, -1, True))
    share = np.asarray(w) / np.sum(w)
    return cosine(u - _weighed(u, share)[..., None], v - _weighed(v, share)[..., None], w)


def canberra(u: Any, v: Any, w: Any = None) -> Tensor:
    """The sum of |u − v| / (|u| + |v|), 0 where both are 0."""
    u, v = _floats(u), _floats(v)
    size = abs(u) + abs(v)
    return _weighed(abs(u - v) / where(size.array == 0, 1.0, size), w)


def braycurtis(u: Any, v: Any, w: Any = None) -> Tensor:
    """The sum of |u − v| over that of |u + v|."""
    u, v = _floats(u), _floats(v)
    return _weighed(abs(u - v), w) / _weighed(abs(u + v), w)


def mahalanobis(u: Any, v: Any, VI: Any) -> Tensor:
    """The length of u − v in the units of a covariance, whose inverse is VI."""
    away = _floats(u) - _floats(v)
    return sqrt(sum_of(matmul(away, as_tensor(VI)) * away, -1))


def seuclidean(u: Any, v: Any, V: Any) -> Tensor:
    """The length of u − v, each component in the units of its standard deviation, the root of V."""
    return vector_norm((_floats(u) - _floats(v)) / sqrt(as_tensor(V)), -1)


def jensenshannon(p: Any, q: Any, base: float | None = None, *, axis: int = 0, keepdims: bool = False) -> Tensor:
    """The root of the Jensen-Shannon divergence of two distributions, which are first made to sum to 1."""
    p, q = _floats(p), _floats(q)
    p, q = p / sum_of(p, axis, True), q / sum_of(q, axis, True)
    m = (p + q) / 2
    both = xlogy(p, p) - xlogy(p, m) + xlogy(q, q) - xlogy(q, m)
    return sqrt(sum_of(both, axis, keepdims) / (2 if base is None else 2 * np.log(base)))


_METRICS: dict[str, Callable[..., Tensor]] = {
    each.__name__: each
    for each in (
        euclidean, sqeuclidean, cityblock, chebyshev, minkowski, cosine, correlation, canberra, braycurtis, mahalanobis,
        seuclidean,
    )
}  # fmt: skip
__all__ = [*_METRICS, "cdist", "jensenshannon", "pdist", "squareform"]


def cdist(XA: Any, XB: Any, metric: Any = "euclidean", **more: Any) -> Tensor:
    """The distance of each row of XA from each row of XB, of shape (rows of XA, rows of XB)."""
    a, b = _floats(XA), _floats(XB)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise ShapeError(f"cdist() takes two matrices with rows of one length, got shapes {a.shape} and {b.shape}")
    return _metric(metric, (a, b), more)(a[:, None, :], b[None, :, :])


def pdist(X: Any, metric: Any = "euclidean", **more: Any) -> Tensor:
    """The distances of all pairs of rows of X, in the order (0, 1), (0, 2), ..., (1, 2), ...; see squareform()."""
    x = _floats(X)
    if x.ndim != 2:
        raise ShapeError(f"pdist() takes a matrix whose rows are points, got shape {x.shape}")
    i, j = np.triu_indices(x.shape[0], 1)
    return _metric(metric, (x,), more)(x[i], x[j])


def _metric(metric: Any, given: tuple[Tensor, ...], more: dict[str, Any]) -> Callable[[Tensor, Tensor], Tensor]:
    if callable(metric):
        raise ArgumentError("a metric is given by its name here; of a function of your own write the sum over pairs")
    if metric not in _METRICS:
        raise ArgumentError(f"metric is {', '.join(_METRICS)} on tensors, got {metric!r}")
    if metric in ("seuclidean", "mahalanobis") and not more:
        rows = np.concatenate(given)
        more = {"V": np.var(rows, axis=0, ddof=1)} if metric == "seuclidean" else {"VI": np.linalg.inv(np.cov(rows.T))}
    return lambda u, v: _METRICS[metric](u, v, **more)


def squareform(X: Any, force: str = "no", checks: bool = True) -> Tensor:
    """The matrix of distances that pdist() lists, with zeros on the diagonal; of a matrix, the list."""
    x = as_tensor(X)
    if x.ndim not in (1, 2) or (x.ndim == 2 and x.shape[0] != x.shape[1]):
        raise ShapeError(f"squareform() takes a list of distances or their square matrix, got shape {x.shape}")
    if x.ndim == 2:
        return x[np.triu_indices(x.shape[0], 1)]
    n = int(np.ceil(np.sqrt(2 * x.shape[0]))) or 1
    if n * (n - 1) != 2 * x.shape[0]:
        raise ShapeError(f"squareform() takes the n·(n − 1)/2 distances of n points, got shape {x.shape}")
    places = np.zeros((n, n), int)
    places[np.triu_indices(n, 1)] = np.arange(x.shape[0])
    places += places.T
    if n == 1:
        return as_tensor(np.zeros((1, 1), x.dtype))
    return where(np.eye(n, dtype=bool), 0.0, x[places])


def _floats(x: Any) -> Tensor:
    x = as_tensor(x)
    if not x.ndim:
        raise ShapeError("a distance is that of vectors, got a single number")
    return x if x.dtype.kind == "f" else x.astype(float)


def _weighed(x: Tensor, w: Any) -> Tensor:
    return sum_of(x if w is None else x * w, -1)
