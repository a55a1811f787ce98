"""`lesson`: the story that explains, in the terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from grad_engine.record import save_graph
from tests.cli.commands import said
from tests.programs import example


def test_lesson_prints_every_scene_with_its_seconds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(save_graph(example("blog"), tmp_path / "blog.json"))
    status, out, _ = said(capsys, "lesson", path)
    assert status == 0
    assert "Nudge x2 by 0.001: L moves 0.007, 7 times the nudge." in " ".join(out.split())
    assert out.strip().split("\n")[-1].endswith("words")
    assert len(said(capsys, "lesson", path, "--length", "30")[1].splitlines()) < len(out.splitlines())
    status, _, err = said(capsys, "lesson", path, "--length", "-1")
    assert status == 2 and "positive number of seconds" in err
