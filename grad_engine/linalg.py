"""The functions of np.linalg on Tensors, under NumPy's names: `linalg.inv(x)`, `linalg.norm(x)`."""

from grad_engine.ops.linalg import (
    cholesky,
    det,
    eigh,
    eigvalsh,
    inv,
    matrix_norm,
    matrix_power,
    norm,
    pinv,
    qr,
    slogdet,
    solve,
    svd,
    svdvals,
)
from grad_engine.ops.product import cross, matmul, multi_dot, outer, tensordot, vecdot
from grad_engine.ops.reduction import vector_norm
from grad_engine.ops.shape import matrix_transpose

__all__ = [
    "cholesky",
    "cross",
    "det",
    "eigh",
    "eigvalsh",
    "inv",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "matrix_transpose",
    "multi_dot",
    "norm",
    "outer",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "svd",
    "svdvals",
    "tensordot",
    "vecdot",
    "vector_norm",
]
