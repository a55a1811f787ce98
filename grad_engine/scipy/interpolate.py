"""Interpolation as in scipy.interpolate on tensors: gradients flow to the values and to where they are asked for."""

from __future__ import annotations

import importlib
import itertools
from typing import Any

import numpy as np

from grad_engine.core.tensor import Tensor, array_of
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.ops.elementwise import where
from grad_engine.ops.indexing import take
from grad_engine.ops.joining import stack
from grad_engine.ops.linalg import solve
from grad_engine.ops.shape import moveaxis, reshape
from grad_engine.scipy._theirs import as_tensor, of_scipy

__all__ = ["BSpline", "CubicSpline", "RegularGridInterpolator", "interp1d", "make_interp_spline"]


class CubicSpline:
    """A curve through the points (x, y) made of cubics, whose first two derivatives are continuous: call it at places.

    x: rising places, without a gradient. y: values along `axis`. bc_type: "not-a-knot", "natural" or "clamped".
    Outside of x the first or last cubic goes on, unless `extrapolate` is False, which gives NaN.
    """

    def __init__(self, x: Any, y: Any, axis: int = 0, bc_type: str = "not-a-knot", extrapolate: bool = True) -> None:
        self.x = _places(x, "CubicSpline")
        values = as_tensor(y)
        self.axis, self.extrapolate = axis, extrapolate
        y = moveaxis(values if values.dtype.kind == "f" else values.astype(float), axis, 0)
        n = len(self.x)
        if y.shape[0] != n:
            raise ShapeError(
                f"CubicSpline() takes a value for each of {n} places, got shape {y.shape} along axis {axis}"
            )
        slopes = _slopes(self.x, y, bc_type)
        steps = np.diff(self.x).reshape(-1, *(1,) * (y.ndim - 1))
        rise = (y[1:] - y[:-1]) / steps
        bend = (slopes[:-1] + slopes[1:] - 2 * rise) / steps
        self.parts = (y[:-1], slopes[:-1], (rise - slopes[:-1]) / steps - bend, bend / steps)

    def __call__(self, x: Any, nu: int = 0) -> Tensor:
        """The value, or the nu-th derivative, at each x: x's shape in the place of the axis."""
        t = as_tensor(x)
        t = t if t.dtype.kind == "f" else t.astype(float)
        inside = np.clip(np.searchsorted(self.x, t.data, side="right") - 1, 0, len(self.x) - 2)
        away = t - self.x[inside]
        rest = self.parts[0].ndim - 1
        away = reshape(away, (*away.shape, *(1,) * rest))
        pieces = [reshape(take(part, inside.reshape(-1), 0), (*inside.shape, *part.shape[1:])) for part in self.parts]
        out: Any = 0.0
        for power in range(3, nu - 1, -1):
            factor = float(np.prod(range(power - nu + 1, power + 1))) if nu else 1.0
            out = out * away + factor * pieces[power]
        out = as_tensor(out) if nu <= 3 else pieces[0] * 0.0
        if not self.extrapolate:
            outside = (t.data < self.x[0]) | (t.data > self.x[-1])
            out = np.where(outside.reshape(*outside.shape, *(1,) * rest), np.nan, out)
        first = self.axis % (rest + 1)
        return moveaxis(out, tuple(range(t.ndim)), tuple(range(first, first + t.ndim))) if first and t.ndim else out


def _places(x: Any, name: str) -> np.ndarray:
    tensor = as_tensor(x)
    if tensor.requires_grad:
        raise ArgumentError(f"{name}() sends no gradient to the places x; pass x.detach(), or write it with np.interp")
    places = np.asarray(tensor.data, float)
    if places.ndim != 1 or len(places) < 2 or not (np.diff(places) > 0).all():
        raise ShapeError(f"{name}() takes at least two places that rise, got shape {places.shape}")
    return places


def _slopes(x: np.ndarray, y: Tensor, bc_type: str) -> Tensor:
    """The first derivative at each place, from the linear system that makes the second one continuous."""
    n, steps = len(x), np.diff(x)
    if bc_type not in ("not-a-knot", "natural", "clamped"):
        raise ArgumentError(f'bc_type is "not-a-knot", "natural" or "clamped" on tensors, got {bc_type!r}')
    matrix, right = np.zeros((n, n)), np.zeros((n, n))  # matrix @ slopes = right @ y
    for i in range(1, n - 1):
        h, k = steps[i - 1], steps[i]
        matrix[i, i - 1 : i + 2] = k, 2 * (h + k), h
        right[i, i - 1 : i + 2] = -3 * k / h, 3 * (k / h - h / k), 3 * h / k
    for row, inner, sign in ((0, 1, 1), (n - 1, n - 2, -1)):
        h, k = steps[::sign][[0, min(1, n - 2)]]
        if bc_type == "clamped":
            matrix[row, row] = 1
        elif bc_type == "natural" or n == 2:
            matrix[row, row], matrix[row, inner] = 2, 1
            right[row, row], right[row, inner] = -3 * sign / h, 3 * sign / h
        elif n == 3:
            matrix[row, row], matrix[row, inner] = 1, 1
            right[row, row], right[row, inner] = -2 * sign / h, 2 * sign / h
        else:
            further = row + 2 * sign
            matrix[row, row], matrix[row, inner] = k, h + k
            total = h + k
            first, second = (h + 2 * total) * k / total, h * h / total
            right[row, row] = -sign * first / h
            right[row, inner] = sign * (first / h - second / k)
            right[row, further] = sign * second / k
    flat = reshape(y, (n, -1))
    return reshape(solve(matrix, as_tensor(right) @ flat), y.shape)


class interp1d:
    """A function that goes through the points (x, y): "linear", "nearest", "previous", "next" or "cubic"; call it.

    Outside of x it raises, or gives fill_value, or goes on with fill_value="extrapolate".
    """

    def __init__(
        self, x: Any, y: Any, kind: str = "linear", axis: int = -1, bounds_error: bool | None = None,
        fill_value: Any = np.nan, assume_sorted: bool = False,
    ) -> None:  # fmt: skip
        order = np.argsort(np.asarray(array_of(x)), kind="stable")
        self.x = _places(np.asarray(array_of(x))[order] if not as_tensor(x).requires_grad else x, "interp1d")
        values = moveaxis(as_tensor(y), axis, 0)
        self.y = take(values if values.dtype.kind == "f" else values.astype(float), order, 0)
        if kind not in ("linear", "nearest", "previous", "next", "cubic"):
            raise ArgumentError(f"interp1d() has kinds linear, nearest, previous, next, cubic on tensors, got {kind!r}")
        self.kind, self.axis, self.fill = kind, axis % values.ndim, fill_value
        extrapolates = isinstance(fill_value, str) and fill_value == "extrapolate"
        self.bounds_error = not extrapolates and fill_value is np.nan if bounds_error is None else bounds_error
        self.extrapolates = extrapolates
        self.spline = CubicSpline(self.x, self.y) if kind == "cubic" else None

    def __call__(self, x: Any) -> Tensor:
        """The value at each x: x's shape in the place of the axis."""
        t = as_tensor(x)
        t = t if t.dtype.kind == "f" else t.astype(float)
        outside = (t.data < self.x[0]) | (t.data > self.x[-1])
        if self.bounds_error and outside.any():
            raise ArgumentError("interp1d() was asked outside of its places; pass fill_value='extrapolate' or a number")
        rest = self.y.ndim - 1
        flat, shape = t.data.reshape(-1), (*t.shape, *self.y.shape[1:])
        if self.spline is not None:
            out = self.spline(t)
        elif self.kind == "linear":
            at = np.clip(np.searchsorted(self.x, flat) - 1, 0, len(self.x) - 2)
            low, high = (reshape(take(self.y, at + i, 0), shape) for i in (0, 1))
            start, step = self.x[at].reshape(t.shape), np.diff(self.x)[at].reshape(t.shape)
            part = reshape((t - start) / step, (*t.shape, *(1,) * rest))
            out = low + part * (high - low)
        else:
            nearest, previous = self.kind == "nearest", self.kind == "previous"
            edges = (self.x[:-1] + self.x[1:]) / 2 if nearest else self.x
            at = np.searchsorted(edges, flat, "right" if previous else "left") - previous
            out = reshape(take(self.y, np.clip(at, 0, len(self.x) - 1), 0), shape) + 0.0 * reshape(
                t, (*t.shape, *(1,) * rest)
            )
        if outside.any() and not self.extrapolates:
            low, high = self.fill if isinstance(self.fill, tuple) else (self.fill, self.fill)
            filled: Any = np.where(t.data < self.x[0], low, high)
            mask = outside.reshape(*outside.shape, *(1,) * rest)
            out = as_tensor(np.where(mask, filled.reshape(mask.shape), out))
        return moveaxis(out, tuple(range(t.ndim)), tuple(range(self.axis, self.axis + t.ndim))) if t.ndim else out


class RegularGridInterpolator:
    """Values on a grid, made into a function of points by straight lines along each axis.

    Call it at points (..., axes), or with a tuple of coordinates.

    points: rising places for each axis, without a gradient. values: one for each place of the grid, (*lengths, ...).
    method: "linear", or "nearest", which has slope 0 by the points. Outside of the grid a point is an error, or with
    bounds_error=False gets fill_value; with fill_value=None the last cell goes on.
    """

    def __init__(
        self, points: Any, values: Any, method: str = "linear", bounds_error: bool = True, fill_value: Any = np.nan
    ) -> None:
        if method not in ("linear", "nearest"):
            raise ArgumentError(f'RegularGridInterpolator() takes method "linear" or "nearest", got {method!r}')
        self.grid = tuple(_places(each, "RegularGridInterpolator") for each in points)
        values = as_tensor(values)
        self.values = values if values.dtype.kind == "f" else values.astype(float)
        lengths = tuple(map(len, self.grid))
        if self.values.shape[: len(lengths)] != lengths or min(lengths, default=0) < 2:
            raise ShapeError(
                f"RegularGridInterpolator() takes a value for each place of a grid of {lengths}, at least two along "
                f"each axis, got shape {self.values.shape}"
            )
        self.method, self.bounds_error, self.fill_value = method, bounds_error, fill_value

    def __call__(self, xi: Any) -> Tensor:
        """The value at each point of xi (..., axes): xi's shape without its last axis, then that of a value.

        Raises ArgumentError where a point lies outside of the grid, unless bounds_error is False.
        """
        if isinstance(xi, tuple):
            xi = stack(np.broadcast_arrays(*map(as_tensor, xi)), axis=-1)
        xi = as_tensor(xi)
        xi = xi if xi.dtype.kind == "f" else xi.astype(float)
        axes = len(self.grid)
        xi = reshape(xi, (*xi.shape, 1)) if axes == 1 and xi.ndim == 1 else xi
        if xi.ndim == 0 or xi.shape[-1] != axes:
            raise ShapeError(f"points have {axes} coordinates along the last axis, got shape {xi.shape}")
        rest = self.values.ndim - axes
        outside = np.zeros(xi.shape[:-1], bool)
        first, parts = [], []
        for k, places in enumerate(self.grid):
            x = xi[..., k]
            outside |= (x.data < places[0]) | (x.data > places[-1])
            cell = np.clip(np.searchsorted(places, x.data, side="right") - 1, 0, len(places) - 2)
            part = (x - places[cell]) / (places[cell + 1] - places[cell])
            first.append(cell)
            parts.append(reshape(part, (*part.shape, *(1,) * rest)))
        if self.bounds_error and outside.any():
            raise ArgumentError("a point lies outside of the grid; pass bounds_error=False for fill_value there")
        if self.method == "nearest":
            nearer = (cell + (part.data.reshape(cell.shape) > 0.5) for cell, part in zip(first, parts, strict=True))
            out = self.values[tuple(nearer)]
        else:
            out = as_tensor(0.0)
            for corner in itertools.product((0, 1), repeat=axes):
                value = self.values[tuple(cell + step for cell, step in zip(first, corner, strict=True))]
                for step, part in zip(corner, parts, strict=True):
                    value = value * (part if step else 1 - part)
                out = out + value
        if self.fill_value is None or not outside.any():
            return out
        return where(outside.reshape(*outside.shape, *(1,) * rest), float(self.fill_value), out)


class BSpline:
    """The sum of B-splines of degree k over the knots t, with coefficients c (along axis 0): call it at places.

    t has no gradient. Outside of t[k] to t[n] the first or last piece goes on, unless `extrapolate` is False, which
    gives NaN.
    """

    @staticmethod
    def design_matrix(x: Any, t: Any, k: int, extrapolate: bool = False) -> Any:
        """SciPy's sparse matrix of the splines at each x, for constant places."""
        theirs = importlib.import_module("scipy.interpolate")
        return theirs.BSpline.design_matrix(array_of(x), array_of(t), k, extrapolate)

    def __init__(self, t: Any, c: Any, k: int, extrapolate: bool = True, axis: int = 0) -> None:
        knots = as_tensor(t)
        if knots.requires_grad or axis != 0 or not isinstance(extrapolate, bool):
            raise ArgumentError("BSpline() takes constant knots, axis 0, and extrapolate True or False on tensors")
        self.t, self.k, self.extrapolate = np.asarray(knots.data, float), int(k), extrapolate
        c = as_tensor(c)
        self.c = c if c.dtype.kind == "f" else c.astype(float)
        if self.c.shape[0] < len(self.t) - k - 1 or len(self.t) < 2 * k + 2:
            raise ShapeError(
                f"BSpline() of degree {k} with {len(self.t)} knots takes {len(self.t) - k - 1} coefficients, got shape "
                f"{self.c.shape}"
            )

    def __call__(self, x: Any, nu: int = 0) -> Tensor:
        """The value, or the nu-th derivative, at each x: x's shape, then the further axes of c."""
        c, t, k = self.c[: len(self.t) - self.k - 1], self.t, self.k
        for _ in range(nu):  # the derivative is the spline of one degree less (de Boor 1978)
            if k == 0:
                return self(x) * 0.0
            widths = t[k + 1 : len(t) - 1] - t[1 : len(t) - 1 - k]
            shape = (-1, *(1,) * (c.ndim - 1))
            factor = np.where(widths > 0, k / np.where(widths > 0, widths, 1.0), 0.0).reshape(shape)
            c, t, k = (c[1:] - c[:-1]) * factor, t[1:-1], k - 1
        return self._value(as_tensor(x), c, t, k)

    def derivative(self, nu: int = 1) -> Any:
        """The function of x that is the nu-th derivative."""
        return lambda x: self(x, nu)

    def _value(self, x: Tensor, c: Tensor, t: np.ndarray, k: int) -> Tensor:
        """By the recursion of Cox and de Boor: of the k + 1 splines that are not 0 in the interval of x."""
        x = x if x.dtype.kind == "f" else x.astype(float)
        n = len(t) - k - 1
        flat = reshape(x, (-1,))
        at = np.clip(np.searchsorted(t, flat.data, side="right") - 1, k, n - 1)
        basis: list[Any] = [as_tensor(np.ones(flat.shape))]
        for degree in range(1, k + 1):
            risen: list[Any] = [0.0] * (degree + 1)
            for j in range(degree):
                left, right = t[at + j + 1 - degree], t[at + j + 1]
                share = basis[j] / (right - left)
                risen[j] = risen[j] + share * (right - flat)
                risen[j + 1] = risen[j + 1] + share * (flat - left)
            basis = risen
        out: Any = 0.0
        for j in range(k + 1):
            out = out + reshape(basis[j], (-1, *(1,) * (c.ndim - 1))) * take(c, at - k + j, 0)
        if not self.extrapolate:
            outside = (flat.data < t[k]) | (flat.data > t[n])
            out = np.where(outside.reshape(-1, *(1,) * (c.ndim - 1)), np.nan, out)
        return reshape(out, (*x.shape, *c.shape[1:]))


def make_interp_spline(x: Any, y: Any, k: int = 3, t: Any = None) -> BSpline:
    """The BSpline of odd degree k through the points (x, y), with knots at the places of x, as SciPy chooses them."""
    places, values = _places(x, "make_interp_spline"), as_tensor(y)
    theirs = importlib.import_module("scipy.interpolate")
    if values.shape[0] != len(places):
        raise ShapeError(f"make_interp_spline() takes a value for each of {len(places)} places, got {values.shape}")
    knots = theirs.make_interp_spline(places, np.zeros(len(places)), k, t=t).t
    matrix = theirs.BSpline.design_matrix(places, knots, k).toarray()
    flat = reshape(values, (len(places), -1))
    return BSpline(knots, reshape(solve(matrix, flat), values.shape), k)


__getattr__ = of_scipy("scipy.interpolate")
