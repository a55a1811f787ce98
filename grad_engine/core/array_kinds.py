"""NumPy arrays that also have the methods of tensors: what comparisons give, and what `.data` gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from grad_engine.errors import TruthError


class ArrayWithMethods(np.ndarray[Any, Any]):
    """An array whose further methods are those of a tensor without history in the same memory, such as `.float()`.

    What an array has itself means what it means in NumPy, but with PyTorch's keywords, `x.sum(dim=1)`, it is the
    tensor's; so is, in a program that calls the engine torch, what PyTorch means otherwise. The methods are put on it
    by ops/array_methods.py.
    """

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        return array[()] if return_scalar else array.view(np.ndarray)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def view(self, *size: Any, **named: Any) -> Any:
        """The same memory as another class or dtype, as in NumPy; or, given numbers, in another shape."""
        if size and all(isinstance(each, int | tuple) for each in size):
            return self.reshape(*size)
        return np.ndarray.view(self, *size, **named)

    def __repr__(self) -> str:
        return repr(self.view(np.ndarray))


class Truth(ArrayWithMethods):
    """What comparisons of tensors give: booleans, of which `.float()` and the like make a tensor."""

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        if return_scalar:
            return array[()]
        return array.view(Truth) if array.dtype == bool else array.view(np.ndarray)

    def __bool__(self) -> bool:
        if self.size != 1:
            raise TruthError(
                f"{self.shape} comparisons are not one answer; write .all() or .any() "
                "of it, where(condition, x, y) for a choice of each, maximum(x, y) for max(x, y)"
            )
        return bool(self.item())


class Data(ArrayWithMethods):
    """What `.data` of a tensor gives: its memory, outside of any history, with tensors' methods: `w.data.add_(1)`.

    `w.data -= 0.1 * t` takes the values of a tensor t even where t requires grad, as in PyTorch. What is computed with
    one has these methods too.
    """

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        if return_scalar:
            return array[()]
        return array.view(Truth) if array.dtype == bool else array.view(Data)

    def __setitem__(self, index: Any, values: Any) -> None:
        plain = [getattr(each, "array", each) for each in (index, values)]  # of tensors, also of those that need a grad
        super().__setitem__(*plain)
