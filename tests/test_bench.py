"""The benchmarks run; what they measure is not asserted."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("name", ["ops", "mlp", "chain", "higher", "record", "scene"])
def test_benchmark_runs(name: str) -> None:
    command = [sys.executable, "-m", f"tests.bench.{name}", "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "numpy" in done.stdout
