"""`report`: what is wrong in a record, with an exit status for CI."""

from __future__ import annotations

from pathlib import Path

import pytest

from grad_engine.record import save_graph
from tests.cli.commands import said, strict
from tests.programs import example


@pytest.mark.parametrize(("name", "status"), [("blog", 0), ("large", 1)])
def test_report_ends_with_one_where_something_is_wrong(
    name: str, status: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(save_graph(example(name), tmp_path / "graph.json"))
    got, text, err = said(capsys, "report", path)
    assert (got, err) == (status, "")
    assert ("Nothing wrong was found" in text) == (status == 0)
    assert all(len(line) <= 100 for line in text.splitlines())
    got, out, _ = said(capsys, "report", path, "--json")
    found = strict(out)
    assert isinstance(found, dict)
    assert got == status and found["healthy"] == (status == 0) and bool(found["findings"]) == (status == 1)
    assert found["rows"][0]["name"] == "x1"
