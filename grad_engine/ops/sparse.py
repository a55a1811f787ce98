"""Products of SciPy's sparse matrices with tensors: `A @ t`, `A.dot(t)`, and of a matrix (not an array) `A * t`."""

from __future__ import annotations

from typing import Any

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.define import define, in_rules
from grad_engine.core.op import case
from grad_engine.core.tensor import Tensor
from grad_engine.errors import NotDifferentiableError, ShapeError
from grad_engine.ops.shape import reshape


def _rows_of(values: Any, x: Any, rows: Any, columns: Any, height: int) -> Any:
    """The product with x (n, k) of the matrix that has `values` at (rows, columns), zeros elsewhere."""
    parts = [np.bincount(rows, values * line[columns], height) for line in x.T]
    out = np.stack(parts, axis=-1) if parts else np.zeros((height, 0))
    return out.astype(np.result_type(values, x), copy=False)


def _values_back(g: Any, out: Any, values: Any, x: Any, rows: Any, columns: Any, height: int) -> Any:
    return np.sum(g[rows] * x[columns], axis=-1)


def _x_back(g: Any, out: Any, values: Any, x: Any, rows: Any, columns: Any, height: int) -> Any:
    return _again(values, g, columns, rows, x.shape[0])


sparse_matmul = define(
    _rows_of, name="sparse_matmul", symbol="@", category="linear algebra", inputs=("values", "x"),
    floats=("values", "x"),
    summary="The product with x (n, k) of a sparse matrix: `values` at (rows, columns), zeros elsewhere.",
    sentence="x gets the turned matrix times g; a value gets g of its row times x of its column.",
    vjp={"values": _values_back, "x": _x_back}, public=False,
    formula={
        "values": "the row sums of {g}[rows] · {x}[columns]",
        "x": "the transposed matrix of {values} times {g}",
    },
    reads=("values", "x"),
    cases=[case((4,), (3, 2), rows=np.array([0, 1, 1, 3]), columns=np.array([2, 0, 1, 0]), height=4)],
)  # fmt: skip
_again = in_rules(sparse_matmul)


def _product(matrix: Any, t: Tensor) -> Tensor:
    entries = matrix.tocoo()
    if t.ndim not in (1, 2) or t.shape[0] != matrix.shape[1]:
        raise ShapeError(
            f"a sparse matrix of shape {matrix.shape} is multiplied with {matrix.shape[1]} rows, got shape {t.shape}"
        )
    rows, columns = entries.coords if hasattr(entries, "coords") else (entries.row, entries.col)
    columns_of = reshape(t, (-1, 1)) if t.ndim == 1 else t
    values = as_tensor(np.asarray(entries.data, t.dtype if t.dtype.kind == "f" else float))
    out = sparse_matmul(values, columns_of, rows.astype(np.intp), columns.astype(np.intp), matrix.shape[0])
    return reshape(out, (-1,)) if t.ndim == 1 else out


def _is_sparse(value: Any) -> bool:
    return hasattr(value, "tocoo")


_NUMBERS = (float, int, Tensor)  # nearly always


def _after(plain: Any, matmul: bool) -> Any:
    """The reflected operator of Tensor that knows sparse matrices on its left, which SciPy leaves to it."""

    def reflected(self: Tensor, other: Any) -> Any:
        if type(other) in _NUMBERS or not _is_sparse(other):
            return plain(self, other)
        if matmul or not type(other).__name__.endswith("_array"):
            return _product(other, self)
        raise NotDifferentiableError(
            "a sparse array times a tensor, element by element, has no gradient here; multiply with A.toarray(), or "
            "write A @ t for the product of matrices"
        )

    return reflected


_REFLECTED: Any = Tensor
_REFLECTED.__rmatmul__ = _after(_REFLECTED.__rmatmul__, True)
_REFLECTED.__rmul__ = _after(_REFLECTED.__rmul__, False)
