"""A weight as a function of other parameters, computed anew before each call of its module: weight, spectral norm."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.defaults import generator_of
from grad_engine.core.grad_mode import no_grad
from grad_engine.core.inplace import overwrite
from grad_engine.core.tensor import Tensor, wrap
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.nn.module import Module, Parameter
from grad_engine.ops.elementwise import sqrt
from grad_engine.ops.reduction import sum
from grad_engine.ops.shape import swapaxes

M = TypeVar("M", bound=Module)


def _taken(module: Module, name: str, called: str) -> Tensor:
    """The parameter, which is no part of the module from here on."""
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor) or name not in dict(module.named_parameters()):
        raise ArgumentError(f"{called}() takes a module with a parameter {name!r}, got {type(module).__name__}")
    delattr(module, name)
    return weight


def _kept(module: Module, name: str, called: str) -> Any:
    handles = module.__dict__.get("_reparametrized", {})
    if name not in handles:
        raise ArgumentError(f"{called}() finds no such norm on {name!r} of this {type(module).__name__}")
    return handles.pop(name)


def _computed(module: Module, name: str, function: Any) -> None:
    """Make `name` an attribute that `function(module)` computes before each call."""

    def before(each: Module, args: Any) -> None:
        object.__setattr__(each, name, function(each))

    handle = module.register_forward_pre_hook(before)
    object.__setattr__(module, name, function(module))
    module.__dict__.setdefault("_reparametrized", {})[name] = handle


def norms_along(weight: Any, dim: int | None) -> Tensor:
    """The norm of all other axes for each place along `dim`, with the axes left in."""
    weight = as_tensor(weight)
    axes = tuple(axis for axis in range(weight.ndim) if dim is None or axis != dim % weight.ndim)
    return sqrt(sum(weight * weight, axes, True)) if dim is not None else sqrt(sum(weight * weight))


def weight_norm(module: M, name: str = "weight", dim: int | None = 0) -> M:
    """The module, whose parameter `name` is now g · v / |v| of two, `name`_g and `name`_v (Salimans & Kingma 2016).

    dim: the axis along which each place has a length of its own; None for one length of the whole weight.
    """
    weight = _taken(module, name, "weight_norm").detach()
    setattr(module, f"{name}_g", Parameter(norms_along(weight, dim)))
    setattr(module, f"{name}_v", Parameter(weight))

    def compute(each: Module) -> Tensor:
        v = getattr(each, f"{name}_v")
        return v * (getattr(each, f"{name}_g") / norms_along(v, dim))

    _computed(module, name, compute)
    return module


def remove_weight_norm(module: M, name: str = "weight") -> M:
    """The module, whose weight is one parameter again, with the value that it has now."""
    _kept(module, name, "remove_weight_norm").remove()
    v, lengths = getattr(module, f"{name}_v"), getattr(module, f"{name}_g")
    dim = next((axis for axis, n in enumerate(lengths.shape) if n > 1), 0 if lengths.ndim else None)
    weight = (v * (lengths / norms_along(v, dim))).detach()  # of now: the attribute is that of the last call
    for part in ("g", "v"):
        delattr(module, f"{name}_{part}")
    object.__delattr__(module, name)
    setattr(module, name, Parameter(weight))
    return module


def unit(array: np.ndarray, eps: float) -> np.ndarray:
    """The vector with length 1."""
    return array / max(float(np.linalg.norm(array)), eps)


def spectral_norm(
    module: M, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> M:
    """The module, whose parameter `name` is now divided by an estimate of its largest singular value (Miyato 2018).

    In training each call improves the estimate by n_power_iterations. The weight is `name`_orig in the state, and the
    buffers `name`_u and `name`_v are the singular vectors. dim: the axis of the results, by default the first.
    """
    if n_power_iterations < 1:
        raise ArgumentError(f"spectral_norm() takes n_power_iterations from 1 up, got {n_power_iterations}")
    weight = _taken(module, name, "spectral_norm")
    if weight.ndim < 2:
        raise ShapeError(f"spectral_norm() takes a weight with two axes and more, got shape {weight.shape}")
    axis = dim if dim is not None else 1 if type(module).__name__.startswith("ConvTranspose") else 0
    setattr(module, f"{name}_orig", weight)
    rng = generator_of()
    rows = weight.shape[axis]
    for label, length in (("u", rows), ("v", weight.size // rows)):
        start = unit(rng.standard_normal(length), eps).astype(weight.dtype)
        module.register_buffer(f"{name}_{label}", wrap(start, None))

    def compute(each: Module) -> Tensor:
        plain = getattr(each, f"{name}_orig")
        matrix = (plain if axis == 0 else swapaxes(plain, 0, axis)).reshape((rows, -1))
        u, v = getattr(each, f"{name}_u"), getattr(each, f"{name}_v")
        if each.training:
            left, right = u.array, v.array
            for _ in range(n_power_iterations):
                right = unit(matrix.array.T @ left, eps)
                left = unit(matrix.array @ right, eps)
            with no_grad():
                overwrite(u, wrap(left, None))
                overwrite(v, wrap(right, None))
        # Copies: the next call writes into the buffers, and backward reads these.
        sigma = wrap(u.array.copy(), None) @ (matrix @ wrap(v.array.copy(), None))
        return plain / sigma

    training, module.training = module.training, False  # the first estimate is not improved yet, as in PyTorch
    _computed(module, name, compute)
    module.training = training
    return module


def remove_spectral_norm(module: M, name: str = "weight") -> M:
    """The module, whose weight is one parameter again, with the value of the last call."""
    _kept(module, name, "remove_spectral_norm").remove()
    weight = getattr(module, name).detach()
    for part in ("orig", "u", "v"):
        delattr(module, f"{name}_{part}")
    object.__delattr__(module, name)
    setattr(module, name, Parameter(weight))
    return module
