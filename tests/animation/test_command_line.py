"""`python -m grad_engine film`: what it writes, and what it says where it cannot."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import pytest

from grad_engine.cli.main import main as commands
from grad_engine.record import save_graph
from grad_engine.record.files import DEFAULT_PATH
from tests import records
from tests.animation.support import player_of
from tests.support import ROOT


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    """The record of a small graph in a file."""
    save_graph(records.square(), tmp_path / "graph.json")
    return tmp_path / "graph.json"


def main(words: list[str]) -> int:
    return commands(["film", *words])


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "animation", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, env=environment)


def test_a_film_is_written_and_its_path_is_all_that_is_said(graph: Path) -> None:
    done = run(graph.parent, "--graph", "graph.json", "--theme", "light", "--speed", "2")
    assert (done.returncode, done.stdout, done.stderr) == (0, "square.mp4\n", "")
    with av.open(str(graph.with_name("square.mp4"))) as film:
        shown = sum(1 for _ in film.decode(video=0))
        stream = film.streams.video[0]
        assert (stream.width, stream.height) == (854, 480)
    beats = player_of(records.square(), speed=2.0).beats
    assert shown == round(sum(beat.seconds for beat in beats) * 15)
    assert graph.with_name("square.srt").read_text(encoding="utf-8").count(" --> ") == len(beats)
    assert {path.name for path in graph.parent.iterdir()} == {"graph.json", "square.mp4", "square.srt"}


def test_a_storyboard_holds_every_beat(graph: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = graph.parent / "new" / "sheet.png"
    assert main(["--graph", str(graph), "--storyboard", str(sheet)]) == 0
    assert capsys.readouterr().out == f"{sheet}\n"
    with av.open(str(sheet)) as picture:
        shown = next(picture.decode(video=0)).to_ndarray(format="rgb24")
    beats = len(player_of(records.square()).beats)
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
        (["--output", "film.txt"], "--output is 'film.txt', but a film is one of .mp4, .mov, .webm, .gif, .png."),
        (["--storyboard", "folder.mp4"], "folder.mp4: expected the name of a file to write to, got that of a folder"),
        (["--output", "graph.json/film.mp4"], "graph.json: File exists"),
        (["--storyboard", "graph.json/sheet.png"], "graph.json: File exists"),
        (["--graph", "."], "./graph_acyclic.json: there is no such file"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    words: list[str], said: str, graph: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(graph.parent)
    (graph.parent / "folder.mp4").mkdir()
    given = [] if "--graph" in words else ["--graph", str(graph)]
    assert main([*given, *words]) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert (shown.out, shown.err.count("\n")) == ("", 1)
    assert {path.name for path in graph.parent.iterdir()} == {"graph.json", "folder.mp4"}


def test_without_a_display_the_film_is_made_and_not_shown(
    graph: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("animation.scene.has_display", lambda: False)
    assert main(["--graph", str(graph), "--speed", "10", "--open"]) == 0
    film = graph.with_name("square.mp4")
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == (f"{film}\n", "there is no display here to show it on\n")
    assert film.exists()


@pytest.mark.parametrize(
    ("asked", "made"),
    [("der größte/Film.mov", "der größte/Film.mov"), ("film", "film.mp4"), ("folder.d", "folder.d/square.mp4")],
)
def test_a_film_goes_where_it_is_asked_to_go(
    asked: str, made: str, graph: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(graph.parent)
    (graph.parent / "folder.d").mkdir()
    assert main(["--graph", "graph.json", "--speed", "10", "--output", asked]) == 0
    assert capsys.readouterr().out == f"{made}\n"
    assert Path(made).exists() and Path(made).with_suffix(".srt").exists()


def test_without_manim_it_says_what_to_install(
    graph: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "manim", None)
    assert main(["--graph", str(graph)]) == 2
    said = capsys.readouterr().err
    assert "the film needs manim, which is not installed: pip install 'grad_engine[animation]'" in said
    assert said.count("\n") == 1


def test_what_is_interrupted_leaves_nothing_half(
    graph: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    film = graph.with_name("square.mp4")
    film.write_text("an older film")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("animation.scene.GraphScene.clear", stop)  # after the first beat
    assert main(["--graph", str(graph), "--overwrite"]) == 130
    assert film.read_text() == "an older film"
    assert {path.name for path in graph.parent.iterdir()} == {"graph.json", "square.mp4"}


def test_whose_graph_it_is_is_said_where_one_might_expect_another(
    graph: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last export of the repository is shown from anywhere, but not in silence."""
    repository, elsewhere = graph.parent / "repository", graph.parent / "elsewhere"
    (repository / "output").mkdir(parents=True)
    elsewhere.mkdir()
    last = graph.rename(repository / "output" / "graph_acyclic.json")
    monkeypatch.setattr("animation.settings.REPOSITORY", repository)
    for here, words in (
        (elsewhere, f"no {DEFAULT_PATH} in this folder, so this is the graph of {last}"),
        (repository, ""),
    ):
        monkeypatch.chdir(here)
        assert main(["--storyboard", "sheet.png"]) == 0
        said = capsys.readouterr().err
        assert words in said and said.count("\n") == bool(words)


def test_words_that_are_no_choice_end_with_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--theme", "sepia"], ["--quality", "x"], ["--fold", "some"], ["one", "two"]):
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
    assert "GRAD_ENGINE_SPEED is 'never'" in capsys.readouterr().err
    assert main(["--speed", "fast"]) == 2
    assert "--speed is 'fast'" in capsys.readouterr().err


def test_a_second_film_leaves_the_first_where_it_is(graph: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--graph", str(graph), "--speed", "10"]
    assert [main(words), main(words), main([*words, "--overwrite"]), main([*words, "--title", "two: words"])] == [0] * 4
    made = [Path(line).name for line in capsys.readouterr().out.splitlines()]
    assert made == ["square.mp4", "square-2.mp4", "square.mp4", "two-words.mp4"]


def test_every_format_shows_the_same_film(graph: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seconds = sum(beat.seconds for beat in player_of(records.square(), speed=5.0).beats)
    for suffix, size in ((".gif", 1_000_000), (".webm", 500_000), (".mov", 500_000)):
        path = graph.with_name(f"film{suffix}")
        assert main(["--graph", str(graph), "--speed", "5", "--output", str(path)]) == 0
        assert 0 < path.stat().st_size < size
        with av.open(str(path)) as film:
            frames = list(film.decode(video=0))
        assert (frames[0].width, frames[0].height) == (854, 480)
        last = frames[-1]
        assert last.time is not None and abs(last.time - seconds) < 1.5
    picture = graph.with_name("end.png")
    assert main(["--graph", str(graph), "--output", str(picture)]) == 0
    with av.open(str(picture)) as shown:
        end = next(shown.decode(video=0)).to_ndarray(format="rgb24").astype(int)
    assert abs(end - last.to_ndarray(format="rgb24")).mean() < 4, "the film ends as the picture of its end"


def test_beats_become_clips_and_pictures(graph: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = [graph.with_name("clips"), graph.with_name("pictures")]
    words = ["--graph", str(graph), "--speed", "10", "--sections", str(folders[0]), "--frames", str(folders[1])]
    assert main(words) == 0
    beats = [beat.name for beat in player_of(records.square(), speed=10.0).beats]
    for folder, suffix in zip(folders, (".mp4", ".png"), strict=True):
        names = sorted(path.name for path in folder.iterdir())
        assert names == [f"{k:02}-{name}{suffix}" for k, name in enumerate(beats, 1)]
    assert len(capsys.readouterr().out.splitlines()) == 2 * len(beats)
    assert not list(graph.parent.glob("*.mp4")), "no film was asked for"


def test_a_folder_called_animation_is_never_taken_for_the_film(graph: Path) -> None:
    own = graph.parent / "animation"
    own.mkdir()
    (own / "__init__.py").write_text("raise SystemExit('the wrong animation')")
    program = [sys.executable, "-m", "grad_engine", "film", "graph.json", "--speed", "10", "-o", "film.mp4"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(program, cwd=graph.parent, capture_output=True, text=True, timeout=120, env=environment)
    assert (done.returncode, done.stdout) == (0, "film.mp4\n"), done.stderr


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a program at once")
def test_a_film_that_is_told_to_end_leaves_nothing_behind(graph: Path, tmp_path: Path) -> None:
    workshop = tmp_path / "tmp"
    workshop.mkdir()
    command = [sys.executable, "-m", "animation", "--graph", "graph.json", "--quality", "h", "--speed", "0.2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(workshop)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL) as rendering:
        started = time.monotonic()
        while not list(workshop.glob("film*")) and rendering.poll() is None and time.monotonic() - started < 60:
            time.sleep(0.05)
        assert list(workshop.glob("film*"))
        rendering.terminate()
        assert rendering.wait(60) == 128 + signal.SIGTERM
    assert not list(workshop.iterdir())
    assert {path.name for path in tmp_path.iterdir()} == {"graph.json", "tmp"}


def test_a_home_that_is_not_there_is_a_path_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRAD_ENGINE_GRAPH", "~no_such_user/graph.json")
    assert main([]) == 2
    assert "There is no record at ~no_such_user/graph.json" in capsys.readouterr().err
