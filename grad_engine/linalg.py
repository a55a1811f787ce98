"""The functions of np.linalg on Tensors, under NumPy's names: `linalg.inv(x)`, `linalg.norm(x)`."""

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
from grad_engine.ops.norms import cond, lstsq, matrix_norm, norm, tensorinv, tensorsolve, vander
from grad_engine.ops.norms import matrix_diagonal as diagonal
from grad_engine.ops.norms import matrix_trace as trace
from grad_engine.ops.product import cross, matmul, multi_dot, outer, tensordot, vecdot
from grad_engine.ops.reduction import vector_norm
from grad_engine.ops.shape import matrix_transpose

__all__ = [
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
