"""The tour, a notebook, runs from its first cell to its last."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import ROOT

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")
TOUR = ROOT / "examples" / "tour.ipynb"


@pytest.mark.film
@pytest.mark.filterwarnings("ignore")  # of Jupyter, whose own processes and files are not ours to close
def test_the_tour_runs_and_shows_tree_picture_page_program_and_film(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(TOUR, as_version=4)
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    html = [output["data"].get("text/html", "") for output in outputs if "data" in output]
    text = json.dumps(outputs, ensure_ascii=False)
    assert sum(each.startswith('<iframe sandbox="allow-scripts"') for each in html) == 3
    assert any(each.startswith("<img src=") for each in html), "the end of the film"
    assert any("image/svg+xml" in output.get("data", {}) for output in outputs), "the picture of a record"
    assert "GradAccum x" in text and "def neuron(w, b, x):" in text


def test_the_tour_in_the_repository_is_small_and_was_run() -> None:
    assert TOUR.stat().st_size < 1_000_000
    cells = json.loads(TOUR.read_text("utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert not [output for cell in code for output in cell["outputs"] if output["output_type"] == "error"]
