"""Formulas may call every op of the table on plain arrays."""

from __future__ import annotations

import numpy as np

from grad_engine.core.define import DEFINED
from grad_engine.export.op_functions import op_functions
from grad_engine.formula.evaluate import evaluate


def test_every_op_can_be_called() -> None:
    assert set(op_functions()) == set(DEFINED)


def test_an_op_gives_arrays_and_records_nothing() -> None:
    x = np.array([[2.0, 1.0], [1.0, 3.0]])
    found = evaluate(["inv", "x"], {"x": x}, op_functions())
    assert type(found) is np.ndarray
    np.testing.assert_allclose(found @ x, np.eye(2), atol=1e-15)
    q, r = evaluate(["qr", "x"], {"x": x}, op_functions())
    np.testing.assert_allclose(q @ r, x)
    loss = evaluate(["mse_loss", "x", 0.0, ["kw", "reduction", ["say", "sum"]]], {"x": x}, op_functions())
    assert loss == (x**2).sum()
