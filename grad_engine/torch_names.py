"""Names of PyTorch's that are no ops: what programs ask about devices, dtypes and printing, and words for the rest."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NoReturn

import numpy as np

from grad_engine.core.defaults import device, manual_seed
from grad_engine.core.grad_mode import GradMode
from grad_engine.core.tensor import Tensor
from grad_engine.errors import ArgumentError
from grad_engine.functional import hessian, jacobian, jvp, value_and_grad, vjp

__all__ = [
    "backends", "cuda", "device", "finfo", "func", "iinfo", "inference_mode", "is_tensor", "mps", "set_num_threads",
    "set_printoptions",
]  # fmt: skip

finfo, iinfo = np.finfo, np.iinfo


def inference_mode(mode: Any = True) -> Any:
    """A context, or a decorator, inside which nothing is recorded: no_grad()."""
    return GradMode(False)(mode) if callable(mode) else GradMode(not mode)


def is_tensor(obj: Any) -> bool:
    """Whether it is a Tensor of this engine."""
    return isinstance(obj, Tensor)


def set_printoptions(precision: int | None = None, sci_mode: bool | None = None, **named: Any) -> None:
    """How arrays and tensors are printed from now on: NumPy's np.set_printoptions()."""
    np.set_printoptions(precision=precision, suppress=None if sci_mode is None else not sci_mode, **named)


def set_num_threads(count: int) -> None:
    """Nothing: how many threads NumPy's products take is set by OMP_NUM_THREADS before the program starts."""


# --- other devices ----------------------------------------------------------------------------------------------------


def autocast(*args: Any, **named: Any) -> NoReturn:
    """Always an ArgumentError: there is no mixed precision."""
    raise ArgumentError(
        "there is no mixed precision here; leave autocast() and GradScaler out, and write model.float() and "
        "set_default_dtype(float32) for single precision"
    )


def _nothing(*args: Any, **named: Any) -> None:
    """Nothing: there is no other device."""


amp = SimpleNamespace(autocast=autocast, GradScaler=autocast)
cuda = SimpleNamespace(
    is_available=lambda: False, device_count=lambda: 0, manual_seed=_nothing, manual_seed_all=_nothing,
    empty_cache=_nothing, synchronize=_nothing, amp=amp,
)  # fmt: skip
mps = SimpleNamespace(is_available=lambda: False)
backends = SimpleNamespace(
    mps=SimpleNamespace(is_available=lambda: False, is_built=lambda: False), cudnn=SimpleNamespace()
)
random = SimpleNamespace(manual_seed=manual_seed)


# --- functions of functions -------------------------------------------------------------------------------------------


def _grad(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable[..., Any]:
    def gradient(*args: Any) -> Any:
        value, found = value_and_grad(func, argnums=argnums, has_aux=has_aux)(*args)
        return (found, value[1]) if has_aux else found

    return gradient


func = SimpleNamespace(
    grad=_grad,
    jacrev=lambda func, argnums=0: jacobian(func, argnums=argnums),
    jacfwd=lambda func, argnums=0: jacobian(func, argnums=argnums),
    hessian=lambda func, argnums=0: hessian(func, argnums=argnums),
    vjp=vjp,
    jvp=jvp,
)

# What is not here, and what to write instead.
WORDS = {
    "jit": "leave it out, or write grad_engine.compile for a function, its gradient or a training step",
    "quantization": "tensors are floats of 16, 32 or 64 bits",
    "sparse": "gradients are dense; a SciPy matrix @ a tensor is differentiated",
    "multiprocessing": "write Python's own multiprocessing",
    "distributed": "there is one process; write Python's own multiprocessing",
    "vmap": "write the batch as an axis of the arrays",
    "bfloat16": "the shortest dtype is float16",
    "hub": "build the model of grad_engine.nn, and load the state with load_state_dict()",
    "onnx": "export_graph() writes the graph of a result",
}
