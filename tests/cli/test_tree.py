"""`tree`, as a program."""

from __future__ import annotations

from pathlib import Path

import pytest

from grad_engine.record import save_graph
from tests.cli.commands import ESCAPE, run, said
from tests.records import dense


def test_tree(exported: Path) -> None:
    done = run("tree", folder=exported)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("## Backward computation graph ##\no = tanh(")
    assert "GradAccum w1" in done.stdout and ESCAPE not in done.stdout


def test_the_options_of_the_tree_are_those_of_print_tree(inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = said(capsys, "tree")[1]
    below = said(capsys, "tree", "--focus", "2")[1]
    assert "AddBackward" in below and "TanhBackward" not in below
    assert said(capsys, "tree", "--focus", "#2") == (0, below, "") == said(capsys, "tree", "--focus", "n2")
    assert len(said(capsys, "tree", "--depth", "1")[1].splitlines()) < len(whole.splitlines())
    assert max(map(len, said(capsys, "tree", "--width", "50")[1].splitlines())) <= 50
    assert "folded: --full prints all, --focus '#" in said(capsys, "tree", "--max-lines", "1")[1]
    assert "folded: more --max-lines prints all" in said(capsys, "tree", "--full", "--max-lines", "1")[1]
    save_graph(dense(200), inside / "dense.json")
    short = said(capsys, "tree", "dense.json", "--max-lines", "20")[1]
    assert len(short.splitlines()) <= 20 < len(said(capsys, "tree", "dense.json", "--full")[1].splitlines())
