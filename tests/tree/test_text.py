"""First values of a tensor in the room that there is."""

from __future__ import annotations

import pytest

from grad_engine.record import (
    DataRecord,
    SampleRecord,
    TensorRecord,
)
from grad_engine.tree.text import Script


@pytest.mark.parametrize(
    ("shape", "values", "room", "shown"),
    [
        ((), (2.5,), 20, "2.5"),
        ((3,), (1.0, 2.0, 3.0), 20, "[1, 2, 3]"),
        ((2, 2), (1.0, 2.0, 3.0, 4.0), 20, "[[1, 2], [3, 4]]"),
        ((2, 2), (1.0, 2.0, 3.0, 4.0), 15, "[[1, 2], …]"),
        ((2, 2), (1.0, 2.0, 3.0, 4.0), 10, "[[1, …]]"),
        ((2, 2), (1.0, 2.0, 3.0, 4.0), 3, "…"),
        ((0, 4), (), 20, "[[]]"),
        ((1, 1, 1), (float("nan"),), 20, "[[[NaN]]]"),
    ],
)
def test_glimpse(shape: tuple[int, ...], values: tuple[float, ...], room: int, shown: str) -> None:
    tensor = TensorRecord("t0", "value", shape, "float64", data=DataRecord(values))
    assert Script().glimpse(tensor, room) == shown


def test_glimpse_of_a_sample_shows_what_stands_first() -> None:
    sample = SampleRecord(2, (4, 4), tuple(map(float, (0, 1, 98, 99, *range(100, 112)))))
    tensor = TensorRecord("t0", "value", (50, 100), "float64", data=DataRecord(None, sample))
    assert Script().glimpse(tensor, 40) == "[[0, 1, …]]"
