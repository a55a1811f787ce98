"""`dot` and `svg`, as programs."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.cli.commands import run


def test_dot(exported: Path) -> None:
    done = run("dot", folder=exported, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("digraph grad_engine {\n") and "TanhBackward" in done.stdout and "·" in done.stdout


def test_svg(exported: Path) -> None:
    pytest.importorskip("graphlay")
    done = run("svg", "--theme", "light", "--output", "new.svg", folder=exported)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "The picture is in new.svg\n")
    picture = ElementTree.parse(exported / "new.svg").getroot()
    assert picture.tag.endswith("svg")


def test_dot_into_a_file_says_where_it_is(exported: Path) -> None:
    done = run("dot", "--output", "new.dot", folder=exported)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "The graph is in new.dot\n")


def test_svg_into_a_file_of_another_kind_is_refused(exported: Path) -> None:
    done = run("svg", "--output", "new.PNG", folder=exported)
    assert done.returncode == 2 and "svg writes SVG, not .png: name a file like graph.svg" in done.stderr
    assert not (exported / "new.PNG").exists()
