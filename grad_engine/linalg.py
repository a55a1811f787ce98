"""The functions of np.linalg on Tensors, under NumPy's names: `linalg.inv(x)`, `linalg.norm(x)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.define import CALLS
from grad_engine.core.tensor import Tensor
from grad_engine.core.torch_words import missing
from grad_engine.errors import SingularError
from grad_engine.ops.linalg import (
    cholesky,
    cholesky_solve,
    det,
    eig,
    eigh,
    eigvals,
    eigvalsh,
    inv,
    logdet,
    lu,
    matrix_exp,
    matrix_power,
    pinv,
    qr,
    slogdet,
    solve,
    solve_triangular,
    svd,
    svdvals,
)
from grad_engine.ops.norms import cond, lstsq, norm, tensorinv, tensorsolve
from grad_engine.ops.norms import matrix_diagonal as diagonal
from grad_engine.ops.norms import matrix_trace as trace
from grad_engine.ops.norms import vander as _vander
from grad_engine.ops.product import cross, matmul, multi_dot, outer, tensordot, vecdot
from grad_engine.ops.shape import matrix_transpose

# As users call them: with a warning where an argument by place means something else in PyTorch.
vector_norm: Callable[..., Tensor] = CALLS["vector_norm"]
matrix_norm: Callable[..., Tensor] = CALLS["matrix_norm"]


def vander(x: Any, N: int | None = None) -> Tensor:
    """A row of powers 0, 1, ..., N - 1 for each element of x (..., n), as torch.linalg.vander() gives."""
    return _vander(x, N, increasing=True)


LinAlgError = SingularError


def matrix_rank(x: Any, tol: Any = None, hermitian: bool = False) -> Tensor:
    """How many singular values of each matrix are above `tol`, by default the machine's; whole numbers, no gradient."""
    return as_tensor(np.asarray(np.linalg.matrix_rank(as_tensor(x).array, tol, hermitian)))


__path__: list[str] = []  # no files: `from` asks for a submodule then, and the error has the words of __getattr__


def __getattr__(name: str) -> Any:
    """An error that says what to write."""
    raise AttributeError(missing("grad_engine.linalg", name, __all__))


__all__ = [
    "LinAlgError",
    "cholesky",
    "cholesky_solve",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "inv",
    "logdet",
    "lstsq",
    "lu",
    "matmul",
    "matrix_exp",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "matrix_transpose",
    "multi_dot",
    "norm",
    "outer",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_triangular",
    "svd",
    "svdvals",
    "tensordot",
    "tensorinv",
    "tensorsolve",
    "trace",
    "vander",
    "vecdot",
    "vector_norm",
]
