"""The functions of scipy.integrate on tensors: sums over samples, and integrals of functions of tensors.

`quad(f, a, b)` differentiates by whatever f reads, and by its ends.
"""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from grad_engine.core.grad_mode import no_grad
from grad_engine.core.tensor import Tensor, array_of
from grad_engine.errors import ArgumentError, GradEngineError, MissingPackageError, ShapeError
from grad_engine.numpy import asarray
from grad_engine.ops.joining import concat, stack
from grad_engine.ops.reduction import sum as sum_of
from grad_engine.ops.shape import moveaxis, reshape
from grad_engine.ops.statistics import cumulative_trapezoid as _cumulative
from grad_engine.ops.statistics import trapezoid
from grad_engine.scipy._theirs import as_tensor, of_scipy

__all__ = ["cumulative_trapezoid", "fixed_quad", "odeint", "quad", "simpson", "solve_ivp", "trapezoid"]


def cumulative_trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1, initial: Any = None) -> Tensor:
    """The area under straight lines up to each point but the first; `initial`, 0 or None, comes before them."""
    out = _cumulative(y, x, dx, axis)
    if initial is None:
        return out
    out = moveaxis(out, axis, 0)
    first = np.full((1, *out.shape[1:]), initial, out.dtype)
    return moveaxis(concat([first, out]), 0, axis)


def simpson(y: Any, x: Any = None, *, dx: float = 1.0, axis: int = -1) -> Tensor:
    """The area under parabolas through the points (x, y); of an even count the last strip is Cartwright's (2017)."""
    y = moveaxis(as_tensor(y), axis, 0)
    y = y if y.dtype.kind == "f" else y.astype(float)
    count = y.shape[0]
    if x is None:
        steps: Any = as_tensor(np.full((max(count - 1, 0), *(1,) * (y.ndim - 1)), dx, y.dtype))
    else:
        places = as_tensor(x)
        places = reshape(places, (-1, *(1,) * (y.ndim - 1))) if places.ndim == 1 else moveaxis(places, axis, 0)
        if places.shape[0] != count:
            raise ShapeError(f"simpson() takes a place for each of {count} samples, got {places.shape[0]}")
        steps = places[1:] - places[:-1]
    if count < 3:
        return sum_of(steps * (y[1:] + y[:-1]) / 2, axis=0)
    odd = count if count % 2 else count - 1
    h, k = steps[0 : odd - 1 : 2], steps[1:odd:2]
    a, b, c = y[0 : odd - 1 : 2], y[1:odd:2], y[2:odd:2]
    both, ratio = h + k, h / k
    area = sum_of(both / 6 * (a * (2 - 1 / ratio) + b * both * both / (h * k) + c * (2 - ratio)), axis=0)
    if odd == count:
        return area
    h, k = steps[-1], steps[-2]
    last = (2 * h * h + 3 * h * k) / (6 * (k + h)) * y[-1] + (h * h + 3 * h * k) / (6 * k) * y[-2]
    return area + last - h**3 / (6 * k * (k + h)) * y[-3]


def fixed_quad(func: Callable[..., Any], a: Any, b: Any, args: tuple[Any, ...] = (), n: int = 5) -> tuple[Tensor, None]:
    """(the integral of func from a to b by Gauss and Legendre's rule with n points, None); func takes all at once."""
    points, weights = np.polynomial.legendre.leggauss(n)
    half = (as_tensor(b) - as_tensor(a)) / 2
    values = as_tensor(func(half * (points + 1) + as_tensor(a), *args))
    return half * sum_of(values * weights, axis=-1), None


def quad(func: Callable[..., Any], a: Any, b: Any, args: tuple[Any, ...] = (), **options: Any) -> tuple[Tensor, float]:
    """(the integral of func from a to b, how far it may be off). Needs SciPy.

    SciPy's quad() finds the intervals, on numbers alone. Then func is called at the 21 points of Gauss and Kronrod's
    rule in each, on tensors, so that the gradient by all that it reads is that of the sum. Ends may be infinite; their
    gradient is func there.

    Raises ArgumentError for points=, weight= and wvar=, which ask for other rules.
    """
    if unknown := options.keys() & {"weight", "wvar", "points", "complex_func"}:
        raise ArgumentError(f"quad() takes no {min(unknown)}= on tensors; split the interval, or call quad() twice")
    try:
        integrate = importlib.import_module("scipy.integrate")
    except ImportError:
        raise MissingPackageError("quad() needs SciPy; install it with pip install scipy") from None
    low, high = (as_tensor(end) for end in (a, b))
    start, stop, point_of = _finite(low, high)

    def plain(t: float) -> float:
        with no_grad():
            place, factor = point_of(t, low.detach(), high.detach())
            return float(as_tensor(func(place, *args)).detach().item() * array_of(factor))

    value, error, info = integrate.quad(plain, start, stop, full_output=1, **options)[:3]
    count = info["last"]
    points, weights = _kronrod()
    total: Any = 0.0
    for left, right in zip(info["alist"][:count], info["blist"][:count], strict=True):
        half, middle = (right - left) / 2, (right + left) / 2
        for point, weight in zip(points, weights, strict=True):
            place, factor = point_of(middle + half * point, low, high)
            total = total + func(place, *args) * (factor * (half * weight))
    total = as_tensor(total)
    return total + (value - total.item()), error  # SciPy extrapolates, which is better than the sum near a root


def _finite(low: Tensor, high: Tensor) -> tuple[float, float, Callable[..., tuple[Any, Any]]]:
    """(first, last, t -> (x, dx/dt)): the interval from `low` to `high` as a finite one of t."""
    a, b = float(low.data), float(high.data)
    if np.isnan(a) or np.isnan(b):
        raise GradEngineError("quad() goes between numbers or infinities, got NaN")
    if np.isfinite(a) and np.isfinite(b):
        return 0.0, 1.0, lambda t, low, high: (low + (high - low) * t, high - low)
    if a == -np.inf and b == np.inf:
        return -1.0, 1.0, lambda t, low, high: (t / (1 - t * t), (1 + t * t) / (1 - t * t) ** 2)
    if np.isfinite(a) and b == np.inf:
        return 0.0, 1.0, lambda t, low, high: (low + t / (1 - t), 1 / (1 - t) ** 2)
    if a == -np.inf and np.isfinite(b):
        return 0.0, 1.0, lambda t, low, high: (high - t / (1 - t), 1 / (1 - t) ** 2)
    raise GradEngineError(f"quad() goes upwards where an end is infinite, got {a} to {b}; exchange the ends")


def _kronrod() -> tuple[np.ndarray, np.ndarray]:
    """The points and weights of the rule of 21 points on [-1, 1] (Kronrod 1965, as in QUADPACK)."""
    half = np.array([
        0.995657163025808080735527280689003, 0.973906528517171720077964012084452, 0.930157491355708226001207180059508,
        0.865063366688984510732096688423493, 0.780817726586416897063717578345042, 0.679409568299024406234327365114874,
        0.562757134668604683339000099272694, 0.433395394129247190799265943165784, 0.294392862701460198131126603103866,
        0.14887433898163121088482600112972, 0.0,
    ])  # fmt: skip
    weights = np.array([
        0.011694638867371874278064396062192, 0.03255816230796472747881897245939, 0.05475589657435199603138130024458,
        0.07503967481091995276704314091619, 0.093125454583697605535065465083366, 0.109387158802297641899210590325805,
        0.123491976262065851077958109585166, 0.134709217311473325928054001771707, 0.142775938577060080797094273138717,
        0.147739104901338491374841515972068, 0.149445554002916905664936468389821,
    ])  # fmt: skip
    return np.concatenate([-half[:-1], half[::-1]]), np.concatenate([weights[:-1], weights[::-1]])


def solve_ivp(
    fun: Callable[..., Any], t_span: Any, y0: Any, method: Any = "RK45", t_eval: Any = None,
    dense_output: bool = False, events: None = None, vectorized: bool = False, args: tuple[Any, ...] | None = None,
    **options: Any,
) -> Any:  # fmt: skip
    """SciPy's solution of y' = fun(t, y), with `y` a tensor: gradients by y0 and by all that `fun` reads.

    SciPy chooses the steps, on arrays; then they are taken again, recorded. So the derivative is that of what was
    computed, step by step, with the lengths of the steps as constants. method: "RK45" or "RK23". Needs SciPy.
    """
    theirs = importlib.import_module("scipy.integrate")
    if method not in ("RK45", "RK23") or events is not None or dense_output:
        raise ArgumentError(
            f"solve_ivp() has methods RK45 and RK23 on tensors, without events and dense_output, got {method!r}; write "
            "the steps of others with NumPy"
        )
    if any(type(each) is Tensor and each.requires_grad for each in (*t_span, t_eval)):
        raise ArgumentError("solve_ivp() has no gradient by the ends of time; scale time, so that they are constants")
    more = args or ()

    def slope(t: Any, y: Any) -> Tensor:
        return as_tensor(asarray(fun(t, y, *more)))

    def on_arrays(t: Any, y: Any) -> np.ndarray:
        with no_grad():
            return slope(t, y).array

    start = as_tensor(asarray(y0))
    start = start if start.dtype.kind == "f" else start.astype(float)
    span = [float(array_of(end)) for end in t_span]
    steps = theirs.solve_ivp(on_arrays, span, start.array, method, **options)
    found = steps if t_eval is None else theirs.solve_ivp(on_arrays, span, start.array, method, t_eval, **options)
    rows = _steps(slope, start, steps.t, getattr(theirs, method), None if t_eval is None else found.t)
    found.y = stack(rows, -1) if rows else found.y
    return found


def _steps(slope: Callable[..., Tensor], y: Tensor, times: np.ndarray, rule: Any, asked: Any) -> list[Tensor]:
    """The states at `times`, or between them at the times that are asked for, by the rule's own interpolation."""
    rows = [y] if asked is None else [y for t in asked if t == times[0]]
    left = None if asked is None else [t for t in asked if t != times[0]]
    first = slope(times[0], y)
    for t, end in itertools.pairwise(times):
        h, stages = end - t, [first]
        for factors, c in zip(rule.A[1:], rule.C[1:], strict=True):
            stages.append(slope(t + c * h, y + h * _mixed(stages, factors)))
        new = y + h * _mixed(stages, rule.B)
        first = slope(end, new)
        if left is None:
            rows.append(new)
        else:
            stages.append(first)
            while left and (end - left[0]) * np.sign(h) >= 0:
                part = (left.pop(0) - t) / h
                rows.append(y + h * _mixed(stages, rule.P @ part ** np.arange(1, rule.P.shape[1] + 1)))
        y = new
    return rows


def _mixed(stages: Sequence[Tensor], factors: np.ndarray) -> Tensor:
    out: Any = 0.0
    for stage, factor in zip(stages, factors, strict=False):
        out = out + factor * stage if factor else out
    return as_tensor(out)


def odeint(
    func: Callable[..., Any], y0: Any, t: Any, args: tuple[Any, ...] = (), *, tfirst: bool = False,
    rtol: float = 1.49e-8, atol: float = 1.49e-8,
) -> Tensor:  # fmt: skip
    """The states at each of the times t, one a row, of y' = func(y, t), by solve_ivp(). Needs SciPy.

    SciPy's own odeint takes other steps, so its numbers differ within the tolerances.
    """
    times = np.asarray(array_of(t), float)
    found = solve_ivp(
        func if tfirst else lambda t, y, *more: func(y, t, *more), (times[0], times[-1]), np.atleast_1d(asarray(y0)),
        t_eval=times, args=args, rtol=rtol, atol=atol,
    )  # fmt: skip
    return found.y.mT


__getattr__ = of_scipy("scipy.integrate")
