"""Closed streams, full disks, devices, absurd sizes and homes of nobody: one sentence and the right exit status."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, and a shell")


def shell(command: str, folder: Path, warnings: str = "error") -> tuple[int, str, str]:
    """What `grad-engine ...` with redirections returns and says."""
    program = f"{shlex.quote(sys.executable)} -W {warnings} -m grad_engine {command}"
    done = subprocess.run(
        ["sh", "-c", program],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("tree > /dev/full", "tree: standard output: No space left on device"),
        ("show n --json > /dev/full", "show: standard output: No space left on device"),
        ("dot -o /dev/full", "dot: /dev/full: No space left on device"),
        ("tree >&-", "tree: standard output is closed"),
        ("check --json >&-", "check: standard output is closed"),
        ("diff all.json >&-", "diff: standard output is closed"),
        ("tree - <&-", "tree: standard input is closed"),
        ("tree --width 99999999", "expected a whole number from 1 to 2,000"),
        ("tree '~nobody-of-this-name/x.json'", "~nobody-of-this-name/x.json: there is no such file"),
        ("dot -o '~nobody-of-this-name/x.dot'", "~nobody-of-this-name: there is no such folder"),
        ("dot -o folder", "folder"),
    ],
)
def test_what_stops_a_command_is_one_sentence(command: str, sentence: str, exported: Path) -> None:
    status, out, err = shell(command, exported)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1 and sentence in err and "Traceback" not in err


@pytest.mark.parametrize("command", ["dot -o /dev/null", "dot -o - > /dev/null", "tree < /dev/null > /dev/null"])
def test_devices_are_written_to_and_stay(command: str, exported: Path) -> None:
    assert shell(command, exported) == (0, "", "")
    assert not Path("/dev/null").is_file()


def test_a_complaint_never_goes_to_standard_output(exported: Path) -> None:
    assert shell("tree none.json 2>&-", exported) == (2, "", "")


def test_a_terminal_of_any_width_gets_a_tree(exported: Path) -> None:
    status, out, err = shell("tree", exported)
    wide = subprocess.run(
        [sys.executable, "-m", "grad_engine", "tree"],
        cwd=exported,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "99999999", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        timeout=60,
    )
    assert (status, err, wide.returncode) == (0, "", 0) and out
    assert max(map(len, wide.stdout.decode().splitlines())) <= 2_000


def test_a_file_is_replaced_whole_and_keeps_nothing_beside_it(exported: Path, tmp_path: Path) -> None:
    picture = tmp_path / "graph.dot"
    picture.write_text("old", encoding="utf-8")
    picture.chmod(0o600)
    link = tmp_path / "link.dot"
    link.symlink_to(picture)
    assert shell(f"dot -o {shlex.quote(str(link))}", exported)[0] == 0
    assert link.is_symlink() and picture.read_text(encoding="utf-8").startswith("digraph")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["graph.dot", "link.dot"]


@pytest.mark.film
@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("film all.json -o /dev/null", "--output is '/dev/null', but a film is one of .mp4"),
        ("film all.json --storyboard /dev/full", "got that of a folder or device"),
        ("film '~nobody-of-this-name/x.json'", "There is no record at ~nobody-of-this-name/x.json"),
        ("film all.json --length 99999999", "--length is '99999999'"),
        ("film - < /dev/null", "film: standard input: $: expected JSON"),
        ("film - <&-", "film: standard input is closed"),
    ],
)
def test_what_stops_a_film_is_one_sentence(command: str, sentence: str, exported: Path) -> None:
    pytest.importorskip("manim")
    status, out, err = shell(command, exported, warnings="ignore")
    assert (status, out) == (2, "")
    assert err.count("\n") == 1 and sentence in err and "Traceback" not in err
    assert not Path("/dev/null.mp4").exists()


@pytest.mark.film
def test_a_film_of_standard_input_is_made_while_warnings_are_errors(exported: Path, tmp_path: Path) -> None:
    pytest.importorskip("manim")
    status, out, err = shell(f"film - -o {shlex.quote(str(tmp_path / 'end.png'))} < all.json", exported)
    assert (status, out.strip()) == (0, str(tmp_path / "end.png")), err
    assert "Traceback" not in err and (tmp_path / "end.png").read_bytes()[1:4] == b"PNG"


@pytest.mark.film
@pytest.mark.parametrize("name", ["a.mp4", "a.gif"])
def test_a_disk_that_is_full_before_a_film_is_done_is_named_and_nothing_stays(
    name: str, exported: Path, tmp_path: Path
) -> None:
    pytest.importorskip("manim")
    program = f"ulimit -f 4; exec {shlex.quote(sys.executable)} -m grad_engine film all.json -o {tmp_path / name}"
    done = subprocess.run(
        ["sh", "-c", program],
        cwd=exported,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2 and "File too large" in done.stderr
    assert done.stderr.count("\n") == 1 and str(tmp_path) in done.stderr
    assert list(tmp_path.iterdir()) == []
