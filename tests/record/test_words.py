"""Numbers, counts, names and paths as short words."""

from __future__ import annotations

import pytest

from grad_engine.record.words import brief, count, fit_path, harmless
from tests.support import HOSTILE_NAMES


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"),
        (1.0, "1.00"),
        (0.99999, "1.00"),
        (0.012345, "0.0123"),
        (0.00123, "1.2e−3"),
        (64.24, "64.2"),
        (999.4, "999"),
        (999.9, "1000"),
        (12345.6, "12346"),
        (123456.0, "1.2e5"),
        (1e-300, "1.0e−300"),
        (float("inf"), ">1e308"),
    ],
)
def test_brief(value: float, shown: str) -> None:
    assert brief(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0"), (9999, "9999"), (12_345, "12.3k"), (999_600, "1M"), (10**9, "1G")]
)
def test_count(value: int, shown: str) -> None:
    assert count(value) == shown


def test_a_path_is_cut_at_the_front() -> None:
    assert fit_path("h.3.mlp", 20) == "h.3.mlp"
    assert fit_path("transformer.h.3.mlp.c_fc.weight", 20) == "….3.mlp.c_fc.weight"
    assert fit_path("x" * 50, 10) == "…" + "x" * 9
    assert all(len(fit_path("transformer.h.3.mlp.c_fc.weight", room)) <= room for room in range(2, 40))


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=ascii)
def test_a_harmless_name_is_printable_and_not_endless(name: str) -> None:
    shown = harmless(name)
    assert shown.isprintable() and len(shown) <= 10_000
