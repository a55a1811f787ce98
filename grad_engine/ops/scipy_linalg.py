"""Functions of matrices that SciPy computes; `grad_engine.scipy.linalg` offers them."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from grad_engine.core.define import define, in_rules
from grad_engine.core.op import case
from grad_engine.errors import MissingPackageError, ShapeError, SingularError

_NEAR_ONE = np.array([[1.5, 0.3, -0.2], [0.1, 2.0, 0.4], [0.2, -0.3, 1.2]])


def _of_matrix(name: str) -> Callable[..., Any]:
    """scipy.linalg's function of one square matrix, where its result is real."""

    def forward(x: Any) -> Any:
        try:
            linalg = importlib.import_module("scipy.linalg")
        except ImportError:
            raise MissingPackageError(f"{name}() needs SciPy; install it with pip install scipy") from None
        if x.ndim != 2 or x.shape[0] != x.shape[1]:
            raise ShapeError(f"{name}() takes one square matrix, got shape {x.shape}; call it for each")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter(
                    "error"
                )  # SciPy warns of a matrix that has no such function, and gives a wrong one
                out = getattr(linalg, name)(x.astype(np.float64, copy=False))
        except (Warning, np.linalg.LinAlgError) as error:
            raise SingularError(f"{name}() of a matrix of shape {x.shape} failed: {error}; is it singular?") from None
        if not np.isrealobj(out):
            if np.abs(out.imag).max(initial=0.0) > 1e-8 * np.abs(out).max(initial=0.0):
                raise SingularError(
                    f"{name}() of this matrix is complex, since it has a negative eigenvalue; it has no gradient here"
                )
            out = out.real
        return out.astype(x.dtype, copy=False)

    return forward


def _slope(again: Callable[[], Callable[..., Any]]) -> Callable[..., Any]:
    """The rule of any function of a matrix: the upper right block of f([[xᵀ, g], [0, xᵀ]]) (Mathias 1996)."""

    def rule(g: Any, out: Any, x: Any) -> Any:
        n = x.shape[-1]
        turned = x.mT
        above = np.concatenate([turned, g], axis=-1)
        below = np.concatenate([np.zeros(x.shape, x.dtype), turned], axis=-1)
        return again()(np.concatenate([above, below], axis=-2))[:n, n:]

    return rule


logm = define(
    _of_matrix("logm"), name="logm", symbol="ln x", category="linear algebra", inputs=("x",), floats=("x",),
    cases=[case(_NEAR_ONE)],
    summary="The logarithm of a square matrix without negative eigenvalues: matrix_exp of it is x. Needs SciPy.",
    sentence="The gradient is a block of the same function of a matrix twice as large.",
    vjp={"x": _slope(lambda: _logm)}, reads=("x",), public=False,
    formula={"x": "the upper right block of logm([[{x}ᵀ, {g}], [0, {x}ᵀ]])"},
)  # fmt: skip
_logm: Callable[..., Any] = in_rules(logm)
sqrtm = define(
    _of_matrix("sqrtm"), name="sqrtm", symbol="√x", category="linear algebra", inputs=("x",), floats=("x",),
    cases=[case(_NEAR_ONE)],
    summary="The square root of a square matrix without negative eigenvalues: out @ out is x. Needs SciPy.",
    sentence="The gradient is a block of the same function of a matrix twice as large.",
    vjp={"x": _slope(lambda: _sqrtm)}, reads=("x",), public=False,
    formula={"x": "the upper right block of sqrtm([[{x}ᵀ, {g}], [0, {x}ᵀ]])"},
)  # fmt: skip
_sqrtm: Callable[..., Any] = in_rules(sqrtm)
