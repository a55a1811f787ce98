"""Value: one number that knows its gradient, as the smallest engines have it, on top of Tensor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from grad_engine.core.tensor import Tensor
from grad_engine.errors import ArgumentError
from grad_engine.ops.activation import relu
from grad_engine.ops.elementwise import exp, ln, tanh


class Value:
    """A single number: `data`, and after `backward()` its `grad`. Results of operations keep theirs too.

    Takes ints and floats. The arithmetic operators, `**`, `relu`, `tanh`, `exp` and `log` give Values. `grad` is a
    float, 0.0 before anything arrived; it adds up over calls of `backward()` until it is set to 0. For arrays, and for
    speed, there is Tensor: a Value holds one, `tensor`, and all that shows a Tensor shows it.

    >>> a, b = Value(2), Value(-3)
    >>> c = a * b + a**2
    >>> c.backward()
    >>> c.data, a.grad, b.grad
    (-2.0, 1.0, 2.0)
    """

    def __init__(self, data: float, name: str | None = None) -> None:
        if isinstance(data, bool) or not isinstance(data, int | float):
            raise ArgumentError(f"a Value holds one int or float, got {type(data).__name__}; use tensor() for arrays")
        self.tensor = Tensor(float(data), requires_grad=True, name=name)

    @property
    def data(self) -> float:
        """The number."""
        return float(self.tensor.item())

    @data.setter
    def data(self, value: float) -> None:
        self.tensor.data[...] = value

    @property
    def grad(self) -> float:
        """How much what `backward()` was called on changes with this number."""
        found = self.tensor.grad
        return 0.0 if found is None else float(found.item())

    @grad.setter
    def grad(self, value: float) -> None:
        self.tensor.grad = None
        if value:
            self.tensor.grad = Tensor(float(value))

    def backward(self) -> None:
        """Add the derivatives of this number to the `grad` of everything that it was computed from."""
        self.tensor.backward(retain_graph=True)

    def relu(self) -> Value:
        """The number where it is positive, else 0."""
        return _result(relu, self)

    def tanh(self) -> Value:
        """The hyperbolic tangent."""
        return _result(tanh, self)

    def exp(self) -> Value:
        """e to the power of the number."""
        return _result(exp, self)

    def log(self) -> Value:
        """The natural logarithm."""
        return _result(ln, self)

    def __repr__(self) -> str:
        return f"Value(data={self.data:g}, grad={self.grad:g})"


def _result(operation: Callable[..., Tensor], *operands: Any) -> Value:
    made = Value.__new__(Value)
    made.tensor = operation(*(each.tensor if isinstance(each, Value) else each for each in operands))
    made.tensor.retain_grad()
    return made


def _operator(name: str) -> Callable[..., Value]:
    method = getattr(Tensor, name)

    def operator(self: Value, *others: Value | float) -> Value:
        if not all(isinstance(other, Value | int | float) for other in others):
            return NotImplemented
        return _result(method, self, *others)

    operator.__name__ = name
    return operator


for _name in ("add", "sub", "mul", "truediv", "pow"):
    setattr(Value, f"__{_name}__", _operator(f"__{_name}__"))
    setattr(Value, f"__r{_name}__", _operator(f"__r{_name}__"))
setattr(Value, "__neg__", _operator("__neg__"))  # noqa: B010  # beside the others
