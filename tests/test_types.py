"""The program that type checkers read runs as well."""

from __future__ import annotations

from pathlib import Path

from tests.typed_program import derivatives, graphs, train


def test_the_typed_program_runs(tmp_path: Path) -> None:
    assert train(200) < 0.01
    derivatives()
    graphs(tmp_path)
