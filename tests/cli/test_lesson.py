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
    assert "Nudge x2 by 0.001: it is used twice, and both places change." in " ".join(out.split())
    assert out.strip().split("\n")[-1].endswith("words")
    assert len(said(capsys, "lesson", path, "--length", "30")[1].splitlines()) < len(out.splitlines())
    status, _, err = said(capsys, "lesson", path, "--length", "-1")
    assert status == 2 and "positive number of seconds" in err


@pytest.mark.parametrize("name", ["blog", "large", "small"])
@pytest.mark.parametrize("length", [5, 15, 30, 45, 90])
def test_a_lesson_is_no_longer_than_was_asked_or_says_so(
    name: str, length: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(save_graph(example(name), tmp_path / "graph.json"))
    status, out, _ = said(capsys, "lesson", path, "--length", str(length))
    assert status == 0
    first, *_, last = out.strip().split("\n")
    takes = float(last.split()[0])
    told = f"The shortest lesson on this record takes {takes:.1f} s: {length} s are not enough."
    assert (first == told) == (takes > length)
    assert length > 15 or first == told


def test_the_table_has_heads_and_its_parts_say_what_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(save_graph(example("large"), tmp_path / "graph.json"))
    out = said(capsys, "lesson", path)[1]
    assert out.split("\n")[0].split() == ["at", "seconds", "words", "scene", "what", "is", "said"]
    assert " ; " not in out and "∣" not in out and "in the graph: x1 4×2, x2 2×4" in out


def test_help_says_how_long_a_lesson_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        said(capsys, "lesson", "--help")
    assert "60, or 75 for more than 24 ops" in " ".join(capsys.readouterr().out.split())
