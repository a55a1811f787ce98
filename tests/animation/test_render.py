"""Real renders with Manim's own command."""

from __future__ import annotations

import itertools
import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from animation import scene, theme
from grad_engine.draw.palette import theme as palette
from grad_engine.record import save_graph
from tests import records
from tests.animation.support import ROOT, frames, player_of
from tests.programs import example

pytestmark = pytest.mark.film


# real renders


def rendered(folder: Path, graph: Path, *options: str, **asked: str) -> subprocess.CompletedProcess[str]:
    """What Manim says when it is run in `folder`, as on a machine without a display."""
    environment = {name: value for name, value in os.environ.items() if not name.endswith("DISPLAY")}
    environment |= {"GRAD_ENGINE_GRAPH": str(graph), **asked}
    command = [sys.executable, "-m", "manim", "--progress_bar", "none", *options]
    return subprocess.run(
        [*command, str(ROOT / "animation" / "main.py"), "CreateAcyclicGraph"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.parametrize("name", ["small", "large"])
def test_an_example_renders(name: str, tmp_path: Path) -> None:
    """-pql as a user types it, from another folder: a video as long as its story, with nothing at its border."""
    record = example(name)
    save_graph(record, tmp_path / "graph.json")
    done = rendered(tmp_path, tmp_path / "graph.json", "-pql")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    video = tmp_path / "media" / "videos" / "main" / "480p15" / "CreateAcyclicGraph.mp4"
    beats = player_of(record).beats
    shown = frames(video)
    assert shown[0].shape == (480, 854, 3)
    assert len(shown) == round(sum(beat.seconds for beat in beats) / theme.FRAME)
    ground = np.array([int(palette("dark").background[k : k + 2], 16) for k in (1, 3, 5)])
    for frame in shown[::5]:
        for border in (frame[:4], frame[-4:], frame[:, :4], frame[:, -4:]):
            assert np.abs(border.astype(int) - ground).max() < 24
    for beat, start in zip(beats, itertools.accumulate([0.0, *(beat.seconds for beat in beats)]), strict=False):
        end = shown[min(round((start + beat.seconds) / theme.FRAME), len(shown)) - 1]
        assert (np.abs(end.astype(int) - ground).max(axis=2) > 60).mean() > 0.01, beat.name
    subtitles = video.with_suffix(".srt").read_text(encoding="utf-8")
    assert subtitles.count(" --> ") == len(beats)


def test_two_renders_end_in_the_same_picture(tmp_path: Path) -> None:
    save_graph(records.square(), tmp_path / "graph.json")
    pictures = []
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        done = rendered(tmp_path / place, tmp_path / "graph.json", "-ql", "-s", GRAD_ENGINE_THEME="light")
        assert done.returncode == 0, done.stdout + done.stderr
        (picture,) = (tmp_path / place / "media" / "images" / "main").glob("*.png")
        pictures.append(picture.read_bytes())
    assert pictures[0] == pictures[1]


@pytest.mark.parametrize(
    ("asked", "content", "said"),
    [
        ({}, None, "There is no record at"),
        ({}, '{"format": 3}', "graph.json"),
        ({"GRAD_ENGINE_SPEED": "quick"}, "", "GRAD_ENGINE_SPEED is 'quick'"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(
    asked: dict[str, str], content: str | None, said: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "graph.json").write_text(content, encoding="utf-8")
    done = rendered(tmp_path, tmp_path / "graph.json", "-ql", **asked)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("template", "arguments", "said"),
    [
        ("\nFile ready at %(path)s\n", {"path": "'a\nb\x1b[31m.mp4'"}, "\nFile ready at 'a\\nb\\x1b[31m.mp4'\n"),
        ("Subcaption file has been written as x\u202ey\n\x07.srt", None, r"written as x\u202ey\n\x07.srt"),
        ("100 %", None, "100 %"),
    ],
)
def test_the_lines_of_manim_on_the_console_are_harmless(template: str, arguments: object, said: str) -> None:
    entry = logging.LogRecord("manim", logging.INFO, "", 1, template, None, None)
    entry.args = arguments  # type: ignore[assignment]  # as logging sets a dictionary
    assert scene.shown_plainly(entry) and entry.getMessage().endswith(said)


def test_manim_need_not_say_that_its_cache_is_off() -> None:
    assert not scene.shown_plainly(logging.makeLogRecord({"msg": "Caching disabled for this scene"}))
