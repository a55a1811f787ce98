"""Who asks a tensor for its array, where the answer can keep the history: np.r_, np.c_, sparse matrices and others."""

from __future__ import annotations

from types import FrameType
from typing import Any

import numpy as np

from grad_engine.errors import NotDifferentiableError

# Functions that make an array with np.asanyarray() or the like, and then call functions that know tensors.
_GO_ON = {
    ("__getitem__", "numpy.lib._index_tricks_impl"),  # np.r_, np.c_
    ("mapdomain", "numpy.polynomial.polyutils"),  # np.polynomial.Polynomial([1, 2, 3])(t)
}


class Carried(np.ndarray[Any, Any]):
    """The array of a tensor on its way through np.r_, np.c_ and the like, to the next function that takes tensors.

    It may get axes of length 1 and another dtype on the way; the tensor gets the same there.
    """

    tensor: Any

    def __array_finalize__(self, obj: Any) -> None:
        self.tensor = getattr(obj, "tensor", None)

    def again(self) -> Any:
        """The tensor in the shape and dtype that this array has got."""
        tensor = np.reshape(self.tensor, self.shape)
        return tensor if tensor.dtype == self.dtype else tensor.astype(self.dtype)

    def __array_function__(self, func: Any, types: Any, args: Any, keywords: Any) -> Any:
        if func is not np.concatenate:
            raise NotDifferentiableError(
                f"np.{func.__name__} was called on a tensor inside of NumPy; write concat([...])"
            )
        return np.concatenate([_again(part) for part in args[0]], *args[1:], **keywords)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        return getattr(ufunc, method)(*map(_again, inputs), **keywords)


def _again(part: Any) -> Any:
    return part.again() if isinstance(part, Carried) else part


def array_for(tensor: Any, asker: FrameType | None) -> np.ndarray | None:
    """What `asker`, a frame that makes an array of a tensor, is given; None for its plain array, or a refusal."""
    if asker is None:
        return None
    name, module = asker.f_code.co_name, asker.f_globals.get("__name__")
    if (name, module) in _GO_ON:
        carried = tensor.array.view(Carried)
        carried.tensor = tensor
        return carried
    if name == "_matmul_dispatch" and str(module).startswith("scipy.sparse"):
        unknown = np.empty((), object)  # SciPy takes this for no array, and leaves the product to the tensor
        unknown[()] = tensor
        return unknown
    return None
