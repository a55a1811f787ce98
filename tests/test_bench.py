"""The benchmarks run, and write what they say; what they measure is not asserted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from tests.bench.plot import small_multiples

NAMES = (
    "chain",
    "compiled",
    "higher",
    "imports",
    "lessons",
    "mlp",
    "neural",
    "ops",
    "overhead",
    "record",
    "scene",
    "scientific",
    "watch",
)


def run(name: str, *words: str) -> str:
    command = [sys.executable, "-m", f"tests.bench.{name}", "--quick", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_benchmark_is_run() -> None:
    files = Path(__file__).with_name("bench").glob("*.py")
    assert {path.stem for path in files if "def main" in path.read_text("utf-8")} == {*NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_benchmark_prints_the_machine_and_writes_its_figures(name: str, tmp_path: Path) -> None:
    if name in ("lessons", "neural", "watch"):  # against PyTorch alone
        pytest.importorskip("torch")
    path = tmp_path / "figures.json"
    shown = run(name, "--json", str(path))
    figures = json.loads(path.read_text("utf-8"))
    assert {"python", "numpy", "torch", "threads", "cpu", "allocator"} == {*figures["machine"]}
    for fact in figures["machine"].values():
        assert fact in shown
    for table in figures["tables"]:
        assert table["title"] in shown
        assert table["rows"]
        assert any(name in table["rows"][0] for name in ("spread", "first time s"))


def test_ops_are_drawn(tmp_path: Path) -> None:
    path = tmp_path / "ops.svg"
    run("ops", "--svg", str(path))
    words = [part.text for part in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text")]
    assert {"ours", "by hand", "matmul", "conv2d", "2", "5"} <= {*words}


def test_plot_puts_each_number_at_its_logarithm() -> None:
    picture = ElementTree.fromstring(small_multiples("t", {"a": {"one": [(1, 1.0), (10, 100.0), (100, 10.0)]}}))
    last = [part.get("points") for part in picture.iter("{http://www.w3.org/2000/svg}polyline")][-1]
    assert last is not None
    (x1, y1), (x2, y2), (x3, y3) = ([*map(float, point.split(","))] for point in last.split())
    assert x2 - x1 == pytest.approx(x3 - x2)
    assert y1 - y2 == pytest.approx(2 * (y1 - y3))


def test_mlp_takes_a_csv(tmp_path: Path) -> None:
    path = tmp_path / "houses.csv"
    numbers = np.random.default_rng(0).normal(5, 3, (40, 4))
    rows = [",".join(map(str, row)) for row in numbers]
    path.write_text("\n".join(["a,b,c,price", *rows, "1,,2,3"]), "utf-8")
    assert "40 x 3-8-1" in run("mlp", "--csv", str(path))
