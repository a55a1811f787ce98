"""PyTorch's `torch.func`: derivatives of functions, a module as a function of its parameters, and a batch by a loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from grad_engine.core.tensor import Tensor
from grad_engine.core.torch_words import missing
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.functional import hessian as _hessian
from grad_engine.functional import jacobian as _jacobian
from grad_engine.functional import jvp as _jvp
from grad_engine.functional import value_and_grad, vjp
from grad_engine.nn.module import Module, with_values
from grad_engine.ops.joining import stack
from grad_engine.ops.shape import moveaxis

__all__ = ["functional_call", "grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp", "vjp", "vmap"]


def grad(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function that gives the gradient of `func` by the arguments of these numbers; with has_aux (gradient, rest)."""

    def gradient(*args: Any) -> Any:
        value, found = value_and_grad(func, argnums=argnums, has_aux=has_aux)(*args)
        return (found, value[1]) if has_aux else found

    return gradient


def grad_and_value(
    func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that gives (gradient, value) of `func`, in this order; with has_aux (gradient, (value, rest))."""

    def both(*args: Any) -> Any:
        value, found = value_and_grad(func, argnums=argnums, has_aux=has_aux)(*args)
        return found, value

    return both


def jacrev(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """A function that gives the Jacobian of `func`."""
    return _jacobian(func, argnums=argnums)


jacfwd = jacrev


def hessian(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """A function that gives the Hessian of `func`, which gives one number."""
    return _hessian(func, argnums=argnums)


def jvp(func: Callable[..., Any], primals: Any, tangents: Any) -> Any:
    """(func(*primals), its change along the tangents)."""
    return _jvp(func, primals, tangents)


def functional_call(
    module: Module, parameter_and_buffer_dicts: Mapping[str, Any], args: Any = (), kwargs: Any = None
) -> Any:
    """What the module gives for these arguments with other parameters and buffers, by name; it keeps its own."""
    given = args if isinstance(args, tuple) else (args,)
    return with_values(module, parameter_and_buffer_dicts)(*given, **(kwargs or {}))


# --- batches ----------------------------------------------------------------------------------------------------------


def vmap(
    func: Callable[..., Any], in_dims: Any = 0, out_dims: int = 0, randomness: str = "error",
    chunk_size: int | None = None,
) -> Callable[..., Any]:  # fmt: skip
    """A function that calls `func` for each entry of a batch, one after the other, and stacks what it gives.

    in_dims: the batch's axis in each argument, None for one that is the same every time; a number stands for all. An
        argument may be a tuple, list or dict of tensors. A loop: write the batch as an axis of the arrays for speed.
    """
    del randomness, chunk_size  # every call draws anew, and stands alone

    def mapped(*args: Any, **named: Any) -> Any:
        dims = in_dims if isinstance(in_dims, tuple | list) else (in_dims,) * len(args)
        if len(dims) != len(args):
            raise ArgumentError(f"vmap() has in_dims for {len(dims)} arguments, and was called with {len(args)}")
        lengths = {n for arg, dim in zip(args, dims, strict=True) for n in _lengths(arg, dim)}
        if len(lengths) != 1:
            raise ShapeError(f"vmap() takes one length of the batch, got {sorted(lengths) or 'none'}")
        (count,) = lengths
        results = [
            func(*(_entry(arg, dim, k) for arg, dim in zip(args, dims, strict=True)), **named) for k in range(count)
        ]
        return _stacked(results, out_dims)

    return mapped


def _lengths(arg: Any, dim: Any) -> list[int]:
    if dim is None:
        return []
    if isinstance(arg, Mapping):
        return [n for key, part in arg.items() for n in _lengths(part, dim[key] if isinstance(dim, Mapping) else dim)]
    if isinstance(arg, tuple | list):
        dims = dim if isinstance(dim, tuple | list) else [dim] * len(arg)
        return [n for part, each in zip(arg, dims, strict=True) for n in _lengths(part, each)]
    return [arg.shape[dim]]


def _entry(arg: Any, dim: Any, k: int) -> Any:
    if dim is None:
        return arg
    if isinstance(arg, Mapping):
        return {key: _entry(part, dim[key] if isinstance(dim, Mapping) else dim, k) for key, part in arg.items()}
    if isinstance(arg, tuple | list):
        dims = dim if isinstance(dim, tuple | list) else [dim] * len(arg)
        return type(arg)(_entry(part, each, k) for part, each in zip(arg, dims, strict=True))
    return moveaxis(arg, dim, 0)[k] if dim else arg[k]


def _stacked(results: list[Any], axis: int) -> Any:
    first = results[0]
    if isinstance(first, Mapping):
        return {key: _stacked([each[key] for each in results], axis) for key in first}
    if isinstance(first, tuple | list):
        return type(first)(_stacked([*parts], axis) for parts in zip(*results, strict=True))
    if not isinstance(first, Tensor):
        raise ArgumentError(f"vmap() stacks tensors, and the function gave {type(first).__name__}")
    return stack(results, axis=axis)


__path__: list[str] = []  # no files: `from` asks for a submodule then, and the error has the words of __getattr__


def __getattr__(name: str) -> Any:
    """An error that says what to write."""
    raise AttributeError(missing("grad_engine.func", name, __all__))
