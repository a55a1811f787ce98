"""Texts that would fill the memory are refused before a value is made of them."""

from __future__ import annotations

import tracemalloc

import pytest

from grad_engine.errors import RecordError
from grad_engine.record import from_json
from grad_engine.record.strict import MAX_VALUES, parsed


@pytest.mark.parametrize("piece", ["1,", "null,", '"",', "1e9,"])
def test_too_many_values_are_refused_before_they_are_made(piece: str) -> None:
    text = ("[" + piece * (MAX_VALUES + 1) + "0]").encode()
    tracemalloc.start()
    try:
        with pytest.raises(RecordError, match="at most 20,000,000 values, got more"):
            from_json(text)
        assert tracemalloc.get_traced_memory()[1] < 8 * len(text)
    finally:
        tracemalloc.stop()


def test_commas_in_strings_separate_nothing() -> None:
    assert parsed('["' + "," * (MAX_VALUES + 1) + '"]') == ["," * (MAX_VALUES + 1)]
