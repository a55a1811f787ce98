"""PyTorch's `torch.nn.utils.parametrize`: a parameter that is computed by modules from another, at each look at it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from grad_engine.core.call import as_tensor
from grad_engine.core.grad_mode import no_grad
from grad_engine.core.inplace import overwrite
from grad_engine.core.tensor import Tensor
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.nn.module import Module, ModuleDict, ModuleList, Parameter

__all__ = ["ParametrizationList", "cached", "is_parametrized", "register_parametrization", "remove_parametrizations"]

_CACHE: ContextVar[dict[int, Any] | None] = ContextVar("parametrizations", default=None)


class ParametrizationList(ModuleList):
    """The modules that compute a parameter, the first one first, and the `original` that they compute it from.

    Where the right_inverse of the first one gives several tensors, they are original0, original1 and so on.
    """

    original: Tensor

    def __init__(self, modules: list[Module], value: Any) -> None:
        super().__init__(modules)
        self.is_tensor, self.ntensors = True, 1
        for module in reversed(modules):
            if hasattr(module, "right_inverse"):
                with no_grad():
                    value = module.right_inverse(value)
        if isinstance(value, tuple | list):
            self.is_tensor, self.ntensors = False, len(value)
            for place, part in enumerate(value):
                setattr(self, f"original{place}", _leaf(part))
        else:
            self.original = _leaf(value)

    def append(self, module: Module) -> Any:
        """This list, with one more module at its end."""
        setattr(self, str(len(self)), module)
        return self

    def __len__(self) -> int:
        return sum(1 for kind in self._parts.values() if kind == "module")

    def _originals(self) -> list[Tensor]:
        return [self.original] if self.is_tensor else [getattr(self, f"original{k}") for k in range(self.ntensors)]

    def right_inverse(self, value: Any) -> None:
        """Write what the parameter is computed from, so that it becomes `value`. Raises ArgumentError."""
        with no_grad():
            for module in reversed([*self]):
                if not hasattr(module, "right_inverse"):
                    raise ArgumentError(
                        f"a parameter that {type(module).__name__} computes is assigned by its right_inverse(value), "
                        "which it has not; define it, or write to .parametrizations.<name>.original"
                    )
                value = module.right_inverse(value)
            parts = [value] if self.is_tensor else value
            for own, part in zip(self._originals(), parts, strict=True):
                overwrite(own, as_tensor(part))

    def forward(self) -> Tensor:
        """The parameter of now."""
        first, *rest = self
        value: Tensor = first(*self._originals())
        for module in rest:
            value = module(value)
        return value


def _of(module: Module) -> Any:
    """The ParametrizationList of each parametrized parameter, by name."""
    return module.__dict__["parametrizations"]


def _leaf(value: Any) -> Tensor:
    value = as_tensor(value)
    return value if value.is_leaf and value.requires_grad else Parameter(value)


def _computed(name: str) -> property:
    def look(self: Module) -> Tensor:
        found = _of(self)[name]
        cache = _CACHE.get()
        if cache is None:
            return found()
        if id(found) not in cache:
            cache[id(found)] = found()
        return cache[id(found)]

    def assign(self: Module, value: Any) -> None:
        _of(self)[name].right_inverse(value)

    return property(look, assign, doc=f"{name}, computed by its parametrizations.")


@contextmanager
def cached() -> Iterator[None]:
    """A context in which each such parameter is computed once."""
    token = _CACHE.set({} if _CACHE.get() is None else _CACHE.get())
    try:
        yield
    finally:
        _CACHE.reset(token)


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """The module, whose parameter `tensor_name` is `parametrization` of what it was, computed at each look at it.

    The parameter itself is `parametrizations.<name>.original` from then on; where the parametrization has a
    right_inverse(value), it starts as that, so that the module computes what it did. A second call adds another one
    after the first. unsafe: the shape may change.

    Raises ArgumentError for what is no parameter and for a parametrization that is no module, ShapeError.
    """
    if not isinstance(parametrization, Module):
        raise ArgumentError(
            f"register_parametrization() takes a module, got {type(parametrization).__name__}; subclass nn.Module "
            "with forward(self, x)"
        )
    if is_parametrized(module, tensor_name):
        found = _of(module)[tensor_name]
        if hasattr(parametrization, "right_inverse"):
            old = getattr(module, tensor_name)
            found.append(parametrization)
            with no_grad():
                found.right_inverse(old)
        else:
            found.append(parametrization)
        return module
    if module._parts.get(tensor_name) not in ("parameter", "buffer"):
        raise ArgumentError(
            f"{type(module).__name__} has no parameter {tensor_name!r} to parametrize; see named_parameters()"
        )
    value = module.__dict__[tensor_name]
    delattr(module, tensor_name)
    if not is_parametrized(module):
        kind = type(module)
        module.__class__ = type(f"Parametrized{kind.__name__}", (kind,), {})
        module.parametrizations = ModuleDict()
    made = ParametrizationList([parametrization], value)
    _of(module)[tensor_name] = made
    setattr(type(module), tensor_name, _computed(tensor_name))
    with no_grad():
        shape = made().shape
    if shape != value.shape and not unsafe:
        remove_parametrizations(module, tensor_name, leave_parametrized=False)
        raise ShapeError(
            f"{type(parametrization).__name__} makes shape {shape} of {tensor_name!r}, which has {value.shape}; return "
            "one of the same shape, or pass unsafe=True"
        )
    return module


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether some parameter of this module itself, or the one of that name, is parametrized."""
    found = module.__dict__.get("parametrizations")
    if not isinstance(found, ModuleDict):
        return False
    return len(found) > 0 if tensor_name is None else tensor_name in found


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """The module, whose parameter is a plain one again: with the value computed last, or as it was without it."""
    if not is_parametrized(module, tensor_name):
        raise ArgumentError(f"{tensor_name!r} of {type(module).__name__} is not parametrized; see is_parametrized()")
    found = _of(module)[tensor_name]
    if not leave_parametrized and not found.is_tensor:
        raise ArgumentError("a parameter that is computed from several has no original; pass leave_parametrized=True")
    with no_grad():
        value = found().detach() if leave_parametrized else found.original
    del _of(module)[tensor_name]
    delattr(type(module), tensor_name)
    if not len(_of(module)):
        delattr(module, "parametrizations")
        module.__class__ = type(module).__bases__[0]
    setattr(module, tensor_name, Parameter(value) if leave_parametrized else value)
    return module
