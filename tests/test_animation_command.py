"""`python -m animation`: what it writes, and what it says where it cannot."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import av
import pytest

from animation.__main__ import main
from animation.story import story
from grad_engine.record import save_graph
from tests import records


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    """The record of a small graph in a file."""
    save_graph(records.square(), tmp_path / "graph.json")
    return tmp_path / "graph.json"


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "animation", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


def test_a_film_is_written_and_its_path_is_all_that_is_said(graph: Path) -> None:
    done = run(graph.parent, "--graph", "graph.json", "--theme", "light", "--speed", "2")
    assert (done.returncode, done.stdout, done.stderr) == (0, "graph.mp4\n", "")
    with av.open(str(graph.with_suffix(".mp4"))) as film:
        shown = sum(1 for _ in film.decode(video=0))
        stream = film.streams.video[0]
        assert (stream.width, stream.height) == (854, 480)
    beats = story(records.square(), speed=2.0)
    assert shown == round(sum(beat.seconds for beat in beats) * 15)
    assert graph.with_suffix(".srt").read_text(encoding="utf-8").count(" --> ") == len(beats)
    assert {path.name for path in graph.parent.iterdir()} == {"graph.json", "graph.mp4", "graph.srt"}


def test_a_storyboard_holds_every_beat(graph: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = graph.parent / "new" / "sheet.png"
    assert main(["--graph", str(graph), "--storyboard", str(sheet)]) == 0
    assert capsys.readouterr().out == f"{sheet}\n"
    with av.open(str(sheet)) as picture:
        shown = next(picture.decode(video=0)).to_ndarray(format="rgb24")
    beats = len(story(records.square()))
    columns, rows = (shown.shape[1] - 12) // 652, (shown.shape[0] - 12) // 372
    assert columns * rows >= beats > columns * (rows - 1)
    ground = shown[12 + 180, 12 + 2]  # the background of the first picture
    for k in range(beats):
        top, left = 12 + k // columns * 372, 12 + k % columns * 652
        part = shown[top : top + 360, left : left + 640].astype(int)
        assert (abs(part - ground).max(axis=2) > 40).mean() > 0.01


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--speed", "fast"], "--speed is 'fast', but it must be a number from 0.1 to 10."),
        (["--graph", "none.json"], "There is no record at none.json"),
        (["--focus", "w9"], "No op or leaf is called 'w9'"),
        (["--output", "film.txt"], "--output is 'film.txt', but a film is an .mp4 or a .mov file."),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    words: list[str], said: str, graph: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(graph.parent)
    given = [] if "--graph" in words else ["--graph", str(graph)]
    assert main([*given, *words, *(["--storyboard", "sheet.png"] if "--focus" in words else [])]) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert (shown.out, shown.err.count("\n")) == ("", 1)


def test_words_that_are_no_choice_end_with_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--theme", "sepia"], ["--quality", "x"], ["--fold", "some"], ["extra"]):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_the_environment_is_asked_too(
    graph: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRAD_ENGINE_GRAPH", str(graph))
    monkeypatch.setenv("GRAD_ENGINE_SPEED", "never")
    assert main([]) == 2
    assert "--speed is 'never'" in capsys.readouterr().err
