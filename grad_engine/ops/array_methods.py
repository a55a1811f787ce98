"""The methods of tensors on the arrays that comparisons and `.data` give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from grad_engine.core.array_kinds import ArrayWithMethods, Data
from grad_engine.core.caller import is_called_torch
from grad_engine.core.grad_mode import no_grad
from grad_engine.core.node import next_sequence_nr
from grad_engine.core.tensor import Tensor, array_of, wrap
from grad_engine.core.versions import WRITES
from grad_engine.ops.methods import Count

TORCH_KEYWORDS = ("dim", "keepdim", "unbiased", "correction")


def _method_of_tensor(self: ArrayWithMethods, name: str) -> Any:
    if name.startswith("__") or not hasattr(Tensor, name):
        raise AttributeError(f"neither an array nor a tensor has {name!r}")
    found = getattr(wrap(self.view(np.ndarray), None), name)
    if isinstance(self, Data) and name.endswith("_"):  # nothing is recorded of what is written into .data
        return no_grad()(found)
    return found


ArrayWithMethods.__getattr__ = _method_of_tensor  # type: ignore[method-assign]


def _define_with_torch_keywords(name: str) -> None:
    plain = getattr(np.ndarray, name)

    def method(self: ArrayWithMethods, *args: Any, **named: Any) -> Any:
        if named and not named.keys().isdisjoint(TORCH_KEYWORDS):
            return _method_of_tensor(self, name)(*args, **named)
        return plain(self, *args, **named)

    method.__name__ = method.__qualname__ = name
    method.__doc__ = plain.__doc__
    setattr(ArrayWithMethods, name, method)


WITH_TORCH_KEYWORDS = (
    "sum", "mean", "prod", "std", "var", "max", "min", "argmax", "argmin", "all", "any", "cumsum", "squeeze",
)  # fmt: skip
for _name in WITH_TORCH_KEYWORDS:
    _define_with_torch_keywords(_name)


def _define_given_numbers(name: str) -> None:
    """The tensor's where only numbers are given: PyTorch understands them otherwise, and the tensor says so."""
    plain = getattr(np.ndarray, name)

    def method(self: ArrayWithMethods, *args: Any, **named: Any) -> Any:
        if args and not named and all(isinstance(each, int) for each in args):
            return _method_of_tensor(self, name)(*args)
        return plain(self, *args, **named)

    method.__name__ = method.__qualname__ = name
    method.__doc__ = plain.__doc__
    setattr(ArrayWithMethods, name, method)


for _name in ("transpose", "repeat", "flatten"):
    _define_given_numbers(_name)


def _define_as_tensors(name: str, everywhere: bool) -> None:
    """What PyTorch means otherwise: the tensor's own, which says so, in a program that calls the engine torch.

    everywhere: in any program, where an axis is given by place.
    """
    plain = getattr(ArrayWithMethods, name)

    def method(self: ArrayWithMethods, *args: Any, **named: Any) -> Any:
        if (everywhere and args and type(args[0]) is int and not named) or is_called_torch():
            return _method_of_tensor(self, name)(*args, **named)
        return plain(self, *args, **named)

    method.__name__ = method.__qualname__ = name
    method.__doc__ = plain.__doc__
    setattr(ArrayWithMethods, name, method)


for _name in ("max", "min"):
    _define_as_tensors(_name, everywhere=True)
# Sums are tensors there too, of which a program then takes .float(), .item() and the like.
for _name in (
    "sort", "std", "var", "nonzero", "squeeze", "sum", "mean", "prod", "all", "any", "argmax", "argmin", "cumsum",
):  # fmt: skip
    _define_as_tensors(_name, everywhere=False)
ArrayWithMethods.size = property(  # type: ignore[assignment]
    lambda self: Count(self.shape), doc="How many elements there are; x.size(0) is x.shape[0], as in PyTorch."
)


def _define_in_place(name: str, ufunc: Callable[..., Any]) -> None:
    def change(self: Data, other: Any) -> Data:
        array = self.view(np.ndarray)
        ufunc(array, array_of(other), out=array)
        WRITES.stamp(array, next_sequence_nr())
        return self

    def method(self: Data, other: Any, alpha: float = 1) -> Data:
        return change(self, other if alpha == 1 else alpha * array_of(other))

    change.__name__ = change.__qualname__ = f"__i{name}__"
    setattr(Data, change.__name__, change)
    if name in ("add", "sub"):  # the others have no alpha, and are the tensor's
        method.__name__ = method.__qualname__ = f"{name}_"
        setattr(Data, f"{name}_", method)


# NumPy's own would ask the tensor on the right what to do, which takes twice as long in all.
for _name, _ufunc in {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.true_divide,
}.items():  # fmt: skip
    _define_in_place(_name, _ufunc)
