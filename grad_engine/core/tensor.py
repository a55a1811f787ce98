"""Tensor: a handle on an array and on the node that made it.

Its methods are one line each, and import what they call when they are called: nearly all of core imports this file.
An operation in place gives its Tensor a new node, while the edges of older nodes stay as they were.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, final

import numpy as np
from numpy import ndarray

from grad_engine.core.array_behavior import ArrayBehavior, combined, comparison
from grad_engine.core.array_kinds import Data
from grad_engine.core.conversion import as_array
from grad_engine.core.node import Edge, GradAccum
from grad_engine.core.numpy_protocol import function_on_tensors, ufunc_on_tensors
from grad_engine.errors import ArgumentError

if TYPE_CHECKING:
    from grad_engine.core.op_methods import OpMethods  # generated: the methods and operators that come from the table
else:
    OpMethods = object


@final
class Tensor(ArrayBehavior, OpMethods):
    """An array of numbers that remembers how it was made, so that gradients can flow back through it.

    Make one with `tensor(...)`. Leaves that require grad collect their gradient in `.grad`. The methods and operators
    of the ops in the table (`x.sum()`, `x + y`, `x.T`) are put on this class by define.py, and by no one
    else; what a tensor does as its array does (`len(x)`, `float(x)`, printing, copying) stands in ArrayBehavior.
    """

    __slots__ = ("__weakref__", "again", "array", "node", "pair", "window")

    array: np.ndarray
    node: Edge
    again: tuple[Callable[..., Tensor], tuple[Any, ...]]  # of a view of memory without history: how it was taken
    pair: Any  # of max(1) and the like, which give PyTorch's users a pair: how to find its indices (ops/pairs.py)
    window: tuple[Tensor, Any]  # of a part that shares memory: the tensor it was indexed from, and the index

    def __init_subclass__(cls, **_: Any) -> NoReturn:
        raise ArgumentError("Tensor is final; hold one in an attribute of your class instead")

    def __init__(
        self, data: Any, requires_grad: bool = False, dtype: Any = None, name: str | None = None, *lengths: int
    ) -> None:
        if type(requires_grad) is int or (dtype is None and type(data) is not ndarray):
            from grad_engine.core.leaf import as_pytorch_makes

            data, requires_grad, dtype, name = as_pytorch_makes(data, requires_grad, dtype, name, *lengths)
        self.array = as_array(data, dtype)
        self.node = None
        if requires_grad is not False:
            self.requires_grad_(requires_grad)
        if name is not None:
            self.name = name

    # what it is

    @property
    def data(self) -> Data:
        """The values as a NumPy array that shares memory, outside of any history; backward does not see its writes."""
        return self.array.view(Data)

    @data.setter
    def data(self, values: Any) -> None:
        from grad_engine.core.leaf import replace_data

        replace_data(self, values)

    # its history and its gradient

    @property
    def requires_grad(self) -> bool:
        return self.node is not None

    @requires_grad.setter
    def requires_grad(self, flag: bool) -> None:
        self.requires_grad_(flag)

    def requires_grad_(self, flag: bool = True) -> Tensor:
        """This tensor, now a leaf that collects a gradient (or, with False, no longer one).

        Raises NotDifferentiableError for integers and booleans, GraphError for the result of an op, ArgumentError for a
        flag that is neither True nor False.
        """
        from grad_engine.core.leaf import require_grad

        return require_grad(self, flag)

    @property
    def is_leaf(self) -> bool:
        return self.node is None or type(self.node) is GradAccum

    @property
    def grad_fn(self) -> Edge:
        """The node that made this tensor, by name `AddBackward` and so on; a leaf's is its GradAccum."""
        return self.node

    @property
    def grad(self) -> Tensor | None:
        """The gradient collected so far, a Tensor of this tensor's shape and dtype; None before any backward."""
        if type(self.node) is GradAccum:
            return self.node.grad
        from grad_engine.core.retain_grad import retained_grad

        return retained_grad(self)

    @grad.setter
    def grad(self, value: Any) -> None:
        if value is None and type(self.node) is GradAccum:
            self.node.grad = None
            return
        from grad_engine.core.leaf import replace_grad

        replace_grad(self, value)

    def zero_grad(self) -> None:
        """Forget the collected gradient: `.grad` becomes None."""
        self.grad = None

    def detach(self) -> Tensor:
        """The same values, shared in memory, without history."""
        return wrap(self.array, None)

    def backward(self, gradient: Any = None, retain_graph: bool = False, create_graph: bool = False) -> None:
        """Add d(this)/d(leaf), weighted by `gradient`, to the `.grad` of every leaf that requires it.

        gradient: of exactly this shape; left out where this tensor has one element, meaning 1.
        retain_graph: keep the saved values, and a record of what this pass did, so that it can be run again and
            exported.
        create_graph: record the pass itself, so that the gradients can be differentiated; keeps the graph too.

        Raises GraphError (no graph, values freed, gradient missing), ShapeError or ArgumentError (a gradient that does
        not fit), InPlaceError (a value that was needed has been changed).
        """
        from grad_engine.core.backward import backward

        _bound("backward", backward)(self, gradient, retain_graph, create_graph)

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> Any:
        """A handle on `hook`, which is called with this tensor's complete gradient and may return another instead."""
        from grad_engine.core.hooks import register_hook

        return register_hook(self, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> Any:
        """A handle on `hook`, which is called with this leaf's new `.grad` after each backward."""
        from grad_engine.core.hooks import register_after_hook

        return register_after_hook(self, hook)

    def retain_grad(self) -> None:
        """Keep the gradient of this result of an op in its `.grad`, as a leaf does anyway."""
        from grad_engine.core.retain_grad import retain_grad

        retain_grad(self)

    # parts, and functions of NumPy

    def __getitem__(self, index: Any) -> Tensor:
        from grad_engine.ops.indexing import part

        return _bound("__getitem__", part)(self, index)

    def __setitem__(self, index: Any, values: Any) -> None:
        from grad_engine.ops.indexing import write_part

        _bound("__setitem__", write_part)(self, index, values)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        return ufunc_on_tensors(ufunc, method, inputs, keywords)

    def __array_function__(self, func: Any, types: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        return function_on_tensors(func, args, keywords)

    __eq__, __ne__ = comparison(np.equal), comparison(np.not_equal)
    __lt__, __le__ = comparison(np.less), comparison(np.less_equal)
    __gt__, __ge__ = comparison(np.greater), comparison(np.greater_equal)

    def __hash__(self) -> int:
        return id(self)

    @property
    def real(self) -> Tensor:
        """This tensor: there are only real numbers here."""
        return self

    @property
    def imag(self) -> Tensor:
        """Zeros: there are only real numbers here."""
        return wrap(np.zeros(self.array.shape, self.array.dtype), None)

    def __and__(self, other: Any) -> Tensor:
        return wrap(combined(np.bitwise_and, self, other), None)

    def __or__(self, other: Any) -> Tensor:
        return wrap(combined(np.bitwise_or, self, other), None)

    def __xor__(self, other: Any) -> Tensor:
        return wrap(combined(np.bitwise_xor, self, other), None)

    def __invert__(self) -> Tensor:
        return wrap(combined(np.invert, self), None)

    def __lshift__(self, other: Any) -> Tensor:
        return wrap(combined(np.left_shift, self, other), None)

    def __rshift__(self, other: Any) -> Tensor:
        return wrap(combined(np.right_shift, self, other), None)

    def __rlshift__(self, other: Any) -> Tensor:
        return wrap(np.asarray(other), None) << self

    def __rrshift__(self, other: Any) -> Tensor:
        return wrap(np.asarray(other), None) >> self

    def __divmod__(self, other: Any) -> Any:
        return np.divmod(self, other)

    def __rdivmod__(self, other: Any) -> Any:
        return np.divmod(other, self)

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    # copies and pickles

    def __copy__(self) -> Tensor:
        from grad_engine.core.leaf import shallow_copy

        return shallow_copy(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        from grad_engine.core.leaf import copied

        return copied(self, memo)

    def __reduce__(self) -> Any:
        from grad_engine.core.leaf import reduced

        return reduced(self)

    def __setstate__(self, state: tuple[np.ndarray, bool, str | None, Tensor | None]) -> None:
        from grad_engine.core.leaf import restore

        restore(self, state)

    def _repr_html_(self) -> str:
        from grad_engine.notebook import tensor_html

        return tensor_html(self)


def _bound(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, from now on the method itself: an import takes 0.3 to 0.7 us each time it is reached."""
    setattr(Tensor, name, function)
    return function


_new = Tensor.__new__


def wrap(array: np.ndarray, node: Edge) -> Tensor:
    """A Tensor around an array that is known to be good; no copy, no check."""
    made = _new(Tensor)
    made.array = array
    made.node = node
    return made


def array_of(value: Any) -> Any:
    """The array of a Tensor; any other value itself."""
    return value.array if type(value) is Tensor else value
