"""Roots of scipy.optimize on tensors: where a function is 0, with the gradient by all that the function reads.

SciPy finds the root, on arrays. At it two steps of Newton's method are recorded, which change nothing but the history:
the first has the first derivative of the root (the implicit function theorem), the second the second one too.
`minimize`, `least_squares` and all else are SciPy's own, and take the derivatives that grad_engine makes.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from grad_engine import functional
from grad_engine.core.grad_mode import no_grad
from grad_engine.core.tensor import Tensor, array_of
from grad_engine.errors import ArgumentError
from grad_engine.numpy import asarray
from grad_engine.ops.linalg import solve
from grad_engine.ops.shape import reshape
from grad_engine.scipy._theirs import as_tensor, of_scipy

__all__ = ["brentq", "fsolve", "newton"]
__getattr__ = of_scipy("scipy.optimize")


def newton(func: Callable[..., Any], x0: Any, fprime: Any = None, args: tuple[Any, ...] = (), **more: Any) -> Tensor:
    """The root of a function near x0, by Newton's method, or the secant method without fprime. Needs SciPy.

    x0 may be an array, for a function of which each element has its own root. more: SciPy's own, such as tol, maxiter.
    """
    slope = None if fprime is None else _on_arrays(fprime)
    found = _theirs("newton")(_on_arrays(func), np.asarray(array_of(x0), float), slope, args, **more)
    return _polished(func, found, fprime, args)


def brentq(f: Callable[..., Any], a: Any, b: Any, args: tuple[Any, ...] = (), **more: Any) -> Tensor:
    """The root of a function of one number between a and b, where it has different signs. Needs SciPy."""
    found = _theirs("brentq")(_on_arrays(f), float(array_of(a)), float(array_of(b)), args, **more)
    return _polished(f, found, None, args)


def fsolve(func: Callable[..., Any], x0: Any, args: tuple[Any, ...] = (), fprime: Any = None, **more: Any) -> Tensor:
    """The vector near x0 at which a function of a vector is 0, with as many components. Needs SciPy."""
    slopes = None if fprime is None else _on_arrays(fprime)
    start = np.asarray(array_of(x0), float)
    found = _theirs("fsolve")(_on_arrays(func), start, args, slopes, **more)
    with no_grad():
        matrix = functional.jacobian(lambda x: as_tensor(asarray(func(x, *args))), as_tensor(found)).array
    x = as_tensor(found)
    for _ in range(2):
        x = x - reshape(solve(matrix.reshape(x.size, x.size), reshape(asarray(func(x, *args)), (-1,))), x.shape)
    return x


def _theirs(name: str) -> Callable[..., Any]:
    return getattr(importlib.import_module("scipy.optimize"), name)


def _on_arrays(func: Callable[..., Any]) -> Callable[..., Any]:
    """The function for SciPy: what it gives has no history, and is an array or a number."""
    if not callable(func):
        raise ArgumentError(f"a function is solved here, got {type(func).__name__}")

    def plain(*args: Any) -> Any:
        with no_grad():
            out = array_of(asarray(func(*args)))
        return out if np.ndim(out) else float(out)

    return plain


def _polished(func: Callable[..., Any], root: Any, fprime: Any, args: tuple[Any, ...]) -> Tensor:
    x = as_tensor(np.asarray(root, float))
    with no_grad():
        if fprime is not None:
            slope = array_of(fprime(x, *args))
        else:
            slope = functional.grad(lambda x: np.sum(func(x, *args)), x).array
    for _ in range(2):
        x = x - as_tensor(func(x, *args)) / slope
    return x
