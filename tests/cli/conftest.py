"""Folders with records in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from grad_engine.record import save_graph
from tests.cli.commands import reweighed
from tests.records import everything, neuron


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a last export, another record, a changed one and a broken one."""
    folder = tmp_path_factory.mktemp("exported")
    save_graph(neuron(), folder / "output" / "graph_acyclic.json")
    save_graph(everything(), folder / "all.json")
    record = neuron()
    after = record.runs[-1].leaves[0].after
    save_graph(reweighed(record, after, 0.25), folder / "moved.json")
    whole = (folder / "all.json").read_text(encoding="utf-8")
    (folder / "broken.json").write_text(whole.replace('"age":0', '"age":-3', 1), encoding="utf-8")
    (folder / "folder").mkdir()
    return folder


@pytest.fixture
def inside(exported: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, as the current folder of this process."""
    monkeypatch.chdir(exported)
    monkeypatch.setenv("COLUMNS", "100")
    return exported
