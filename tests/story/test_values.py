"""How numbers of a tensor are written."""

from __future__ import annotations

import pytest

from grad_engine.record import DataRecord, TensorRecord
from grad_engine.story.values import matrix, number_texts


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        (-0.123456, ("−0.1235", "−0.123", "−0.12")),
        (12345.6, ("1.235e4", "1.23e4", "1.2e4", "1e4")),
        (-1.2346e-9, ("−1.235e−9", "−1.23e−9", "−1.2e−9", "−1e−9")),
        (2.0, ("2",)),
        (float("nan"), ("NaN",)),
    ],
)
def test_a_number_loses_digits_before_it_is_left_out(value: float, texts: tuple[str, ...]) -> None:
    assert number_texts(TensorRecord("t0", "gradient", (), "float64", data=DataRecord(values=(value,)))) == texts


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (0, 2, 3), (2, 0, 3)])
def test_a_tensor_without_entries_has_no_matrix(shape: tuple[int, ...]) -> None:
    assert matrix(TensorRecord("t0", "value", shape, "float64", data=DataRecord(values=()))) is None
