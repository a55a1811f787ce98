"""PyTorch's `torch.nn.utils.parametrizations`: weight norm, spectral norm and orthogonal matrices."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from grad_engine.core.defaults import generator_of
from grad_engine.core.grad_mode import no_grad
from grad_engine.core.inplace import overwrite
from grad_engine.core.tensor import Tensor, wrap
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.nn.module import Module
from grad_engine.nn.utils.parametrize import register_parametrization
from grad_engine.nn.utils.reparametrized import norms_along, unit
from grad_engine.ops.joining import concat
from grad_engine.ops.linalg import matrix_exp, solve
from grad_engine.ops.shape import swapaxes

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]
M = TypeVar("M", bound=Module)


class _WeightNorm(Module):
    def __init__(self, dim: int | None) -> None:
        self.dim = dim

    def forward(self, lengths: Tensor, directions: Tensor) -> Tensor:
        return directions * (lengths / norms_along(directions, self.dim))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return norms_along(weight, self.dim), weight


def weight_norm(module: M, name: str = "weight", dim: int | None = 0) -> M:
    """The module, whose parameter `name` is g · v / |v| (Salimans & Kingma 2016): original0 is g, original1 is v.

    dim: the axis along which each place has a length of its own; None for one length of the whole weight.
    """
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)
    return module


class _SpectralNorm(Module):
    _u: Tensor
    _v: Tensor

    def __init__(self, weight: Tensor, n_power_iterations: int, dim: int, eps: float) -> None:
        if n_power_iterations < 1:
            raise ArgumentError(f"spectral_norm() takes n_power_iterations from 1 up, got {n_power_iterations}")
        self.dim = dim % weight.ndim
        self.n_power_iterations, self.eps = n_power_iterations, eps
        if weight.ndim < 2:
            return
        matrix = self._matrix(weight).array
        rng = generator_of()
        left, right = (unit(rng.standard_normal((n,)).astype(weight.dtype), eps) for n in matrix.shape)
        self.register_buffer("_u", wrap(left, None))
        self.register_buffer("_v", wrap(right, None))
        self._improve(matrix, 15)

    def _matrix(self, weight: Tensor) -> Tensor:
        moved = weight if self.dim == 0 else swapaxes(weight, 0, self.dim)
        return moved.reshape((moved.shape[0], -1))

    def _improve(self, matrix: np.ndarray, count: int) -> None:
        left, right = self._u.array, self._v.array
        for _ in range(count):
            left = unit(matrix @ right, self.eps)
            right = unit(matrix.T @ left, self.eps)
        with no_grad():
            overwrite(self._u, wrap(left, None))
            overwrite(self._v, wrap(right, None))

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim < 2:
            return weight / norms_along(weight, None)
        matrix = self._matrix(weight)
        if self.training:
            self._improve(matrix.array, self.n_power_iterations)
        # Copies: the next call writes into the buffers, and backward reads these.
        return weight / (wrap(self._u.array.copy(), None) @ (matrix @ wrap(self._v.array.copy(), None)))

    def right_inverse(self, value: Tensor) -> Tensor:
        return value


def spectral_norm(
    module: M, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> M:
    """The module, whose parameter `name` is divided by an estimate of its largest singular value (Miyato 2018).

    In training each look at it improves the estimate by n_power_iterations. dim: the axis of the results, by default
    the first, or the second of a transposed convolution.
    """
    axis = dim if dim is not None else 1 if "ConvTranspose" in type(module).__name__ else 0
    weight = module.__dict__.get(name)
    if type(weight) is not Tensor:
        raise ArgumentError(f"{type(module).__name__} has no parameter {name!r}; see named_parameters()")
    register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, axis, eps))
    return module


class _Orthogonal(Module):
    """Columns, or rows of a wide matrix, that are orthogonal: base @ exp(A) with A = L − Lᵀ of the lower triangle L."""

    base: Tensor

    def __init__(self, weight: Tensor, map_: str) -> None:
        self.map = map_
        rows = max(weight.shape[-2:])
        start = np.linalg.qr(_tall(weight.array))[0]
        rest = np.random.default_rng(0).standard_normal((rows, rows - start.shape[1]))
        full = np.linalg.qr(np.concatenate([start, rest], 1))[0].astype(weight.dtype)
        full[:, : start.shape[1]] = start
        self.register_buffer("base", wrap(full, None))

    def forward(self, x: Tensor) -> Tensor:
        tall = x if x.shape[0] >= x.shape[1] else x.T
        rows, columns = tall.shape
        lower = tall.tril()
        if columns < rows:
            lower = concat([lower, wrap(np.zeros((rows, rows - columns), x.dtype), None)], axis=1)
        skew = lower - lower.T
        if self.map == "matrix_exp":
            turned = matrix_exp(skew)
        else:
            eye = wrap(np.eye(rows, dtype=x.dtype), None)
            turned = solve(eye - skew * 0.5, eye + skew * 0.5)
        out = (self.base @ turned)[:, :columns]
        return out if x.shape[0] >= x.shape[1] else out.T

    def right_inverse(self, value: Tensor) -> Tensor:
        with no_grad():
            start = _tall(value.array)
            self.base.array[:, : start.shape[1]] = np.linalg.qr(start)[0]
        return wrap(np.zeros_like(value.array), None)


def _tall(array: np.ndarray) -> np.ndarray:
    return array if array.shape[0] >= array.shape[1] else array.T


def orthogonal(
    module: M, name: str = "weight", orthogonal_map: str | None = None, *, use_trivialization: bool = True
) -> M:
    """The module, whose matrix `name` has orthogonal columns (rows, where it is wide), and stays so in training.

    It starts as the Q of the weight's QR decomposition. orthogonal_map: "matrix_exp" or "cayley" (Lezcano-Casado 2019).
    """
    weight = module.__dict__.get(name)
    if type(weight) is not Tensor:
        raise ArgumentError(f"{type(module).__name__} has no parameter {name!r}; see named_parameters()")
    if weight.ndim != 2:
        raise ShapeError(f"orthogonal() takes a matrix, got shape {weight.shape}")
    if orthogonal_map not in (None, "matrix_exp", "cayley") or not use_trivialization:
        raise ArgumentError(
            f"orthogonal() turns a first matrix by 'matrix_exp' or 'cayley', got {orthogonal_map!r}; leave "
            "use_trivialization out"
        )
    register_parametrization(module, name, _Orthogonal(weight, orthogonal_map or "matrix_exp"))
    return module
