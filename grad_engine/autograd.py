"""PyTorch's `torch.autograd` with its own meaning: `grad()` gives a tuple, also for one input.

For programs that are ported. `grad_engine.grad(z, x)` gives the gradient itself, and `[0]` of that is its first row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from grad_engine import functional as _functions
from grad_engine.core.grad import grad as _grad
from grad_engine.core.grad_mode import enable_grad, no_grad, set_grad_enabled
from grad_engine.core.observe import detect_anomaly, set_detect_anomaly
from grad_engine.core.tensor import Tensor
from grad_engine.core.torch_words import Room, missing
from grad_engine.creation import as_tensor, ones_like, zeros_like
from grad_engine.errors import ArgumentError
from grad_engine.function import Function
from grad_engine.testing import check_gradients

__all__ = [
    "Function",
    "Variable",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "functional",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "no_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
]


def Variable(data: Any, requires_grad: bool = False) -> Tensor:
    """A tensor, as PyTorch's of long ago were called: `data` itself where it is one, on which this sets the flag."""
    return as_tensor(data).requires_grad_(requires_grad) if requires_grad else as_tensor(data)


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """A tuple with d(outputs)/d(x) for each x of `inputs`, weighted by `grad_outputs`; `.grad` is left alone.

    allow_unused: None for an input that the outputs do not depend on, instead of an error. materialize_grads: zeros.
    Raises ArgumentError for is_grads_batched; jacobian() takes batches.
    """
    if is_grads_batched or not only_inputs:
        raise ArgumentError("grad() does not take is_grads_batched=True or only_inputs=False; see jacobian(batched=)")
    wanted = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    unused = materialize_grads if allow_unused is None else allow_unused
    found = _grad(outputs, wanted, grad_outputs, retain_graph, create_graph, unused)
    if materialize_grads:
        found = tuple(zeros_like(x) if g is None else g for g, x in zip(found, wanted, strict=True))
    return tuple(found)


def backward(
    tensors: Tensor | Sequence[Tensor],
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Add the gradients of several tensors, weighted by `grad_tensors` in turn, to the `.grad` of the leaves."""
    if inputs is not None:
        raise ArgumentError("backward() fills every leaf; for some of them write autograd.grad(tensors, inputs)")
    roots = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    weights = list(grad_tensors) if isinstance(grad_tensors, list | tuple) else [grad_tensors] * len(roots)
    if len(weights) != len(roots):
        raise ArgumentError(f"grad_tensors has {len(weights)} entries for {len(roots)} tensors; pass one for each")
    keep = create_graph if retain_graph is None else retain_graph
    for number, (root, weight) in enumerate(zip(roots, weights, strict=True)):
        # Tensors may share their graph, which has to last until the last of them.
        root.backward(weight, keep or number < len(roots) - 1, create_graph)


def gradcheck(func: Callable[..., Any], inputs: Any, **settings: Any) -> bool:
    """True; AssertionError unless the gradient of `func` at `inputs` matches central differences."""
    check_gradients(func, list(inputs) if isinstance(inputs, tuple | list) else inputs, 1, **settings)
    return True


def gradgradcheck(func: Callable[..., Any], inputs: Any, **settings: Any) -> bool:
    """True; AssertionError unless first and second derivatives of `func` at `inputs` match central differences."""
    check_gradients(func, list(inputs) if isinstance(inputs, tuple | list) else inputs, 2, **settings)
    return True


def _jacobian(func: Callable[..., Any], inputs: Any, create_graph: bool = False) -> Any:
    """The Jacobian of func at a tensor, or for a tuple of inputs a tuple of them."""
    if isinstance(inputs, tuple | list):
        return _functions.jacobian(func, argnums=tuple(range(len(inputs))), create_graph=create_graph)(*inputs)
    return _functions.jacobian(func, create_graph=create_graph)(inputs)


def _hessian(func: Callable[..., Any], inputs: Any, create_graph: bool = False) -> Any:
    """The Hessian of func, which gives one number, at a tensor, or a tuple of tuples for a tuple of inputs."""
    if isinstance(inputs, tuple | list):
        return _functions.hessian(func, argnums=tuple(range(len(inputs))), create_graph=create_graph)(*inputs)
    return _functions.hessian(func, create_graph=create_graph)(inputs)


def _beside(inputs: Any) -> tuple[list[Tensor], Callable[[Sequence[Any]], Any]]:
    """The inputs as leaves of their own, and how results for them are handed out: one, or a tuple."""
    several = isinstance(inputs, tuple | list)
    leaves = [as_tensor(each).detach().requires_grad_() for each in (inputs if several else [inputs])]
    return leaves, lambda found: tuple(found) if several else found[0]


def _vjp(func: Callable[..., Any], inputs: Any, v: Any = None) -> tuple[Any, Any]:
    """(func(*inputs), the gradient by each input of its sum weighted by v)."""
    leaves, handed = _beside(inputs)
    out = func(*leaves)
    found = grad(out, leaves, v, allow_unused=True, materialize_grads=True)
    return out.detach() if isinstance(out, Tensor) else tuple(each.detach() for each in out), handed(found)


def _jvp_of(func: Callable[..., Any], inputs: Any, v: Any = None) -> tuple[Any, Any]:
    """(func(*inputs), how it changes along v)."""
    given = tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)
    along = tuple(v) if isinstance(v, tuple | list) else (ones_like(given[0]) if v is None else v,)
    return _functions.jvp(func, given, along)


def _hvp(func: Callable[..., Any], inputs: Any, v: Any = None) -> tuple[Any, Any]:
    """(func(*inputs), one number, and its Hessian times v)."""
    leaves, handed = _beside(inputs)
    out = func(*leaves)
    slopes = grad(out, leaves, create_graph=True, allow_unused=True, materialize_grads=True)
    along = list(v) if isinstance(v, tuple | list) else [ones_like(leaves[0]) if v is None else v]
    found = grad(list(slopes), leaves, along, allow_unused=True, materialize_grads=True)
    return out.detach(), handed(found)


functional = Room(
    "grad_engine.autograd.functional",
    {"jacobian": _jacobian, "hessian": _hessian, "vjp": _vjp, "jvp": _jvp_of, "hvp": _hvp, "vhp": _hvp},
)


__path__: list[str] = []  # no files: `functional` is imported as a room, and the rest has the words of __getattr__


def __getattr__(name: str) -> Any:
    """An error that says what to write."""
    raise AttributeError(missing("grad_engine.autograd", name, __all__))
