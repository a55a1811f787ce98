"""`page`, as a program: where the file goes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.commands import run

pytest.importorskip("graphlay")


def test_no_page_takes_the_place_of_another(exported: Path, tmp_path: Path) -> None:
    """Each lies beside its record and is called after it, that of two records after both; standard input has none."""
    shutil.copytree(exported, tmp_path / "work")
    folder, last = tmp_path / "work", Path("output", "graph_acyclic.json")
    asked = {
        (): "output/graph_acyclic.html",
        ("all.json",): "all.html",
        ("moved.json", str(last)): "output/moved-to-graph_acyclic.html",
        (str(last), "moved.json"): "graph_acyclic-to-moved.html",
        (str(last), str(last)): "output/graph_acyclic.html",
    }
    for words, page in asked.items():
        done = run("page", *words, folder=folder)
        assert (done.returncode, done.stderr) == (0, f"The page is in {Path(page)}\n"), words
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*.html")} == set(asked.values())
    done = run("page", "-", folder=folder, stdin=(folder / "moved.json").read_bytes())
    assert done.stderr == f"The page is in {Path('output', 'graph_acyclic.html')}\n"
    (folder / "output" / "graph_acyclic.html").unlink()
    assert run("page", "none.json", folder=folder).returncode == 2
    assert not (folder / "output" / "graph_acyclic.html").exists()
