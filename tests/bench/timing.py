"""Interleaved timing, the machine it ran on, and a table of the results."""

from __future__ import annotations

import argparse
import ctypes.util
import json
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

try:
    import torch
except ImportError:  # the comparison is left out
    torch = None  # type: ignore[assignment]


def arguments(description: str | None) -> argparse.Namespace:
    """The command line that every benchmark has: --quick, --json PATH."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="the smallest size and few rounds: does it run at all?")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures to this file too")
    return parser.parse_args()


def interleaved(
    contenders: Mapping[str, Callable[[], Any]], *, rounds: int = 7, seconds: float = 0.05
) -> dict[str, tuple[float, float]]:
    """For each contender its least time per call in seconds, and the spread: (median − least) / least.

    They take turns, round by round, so that a machine that slows down slows all of them.
    """
    repeats = {}
    for name, call in contenders.items():
        call()
        start = time.perf_counter()
        call()
        once = max(time.perf_counter() - start, 1e-7)
        repeats[name] = max(1, int(seconds / once))
    found: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, call in contenders.items():
            start = time.perf_counter()
            for _ in range(repeats[name]):
                call()
            found[name].append((time.perf_counter() - start) / repeats[name])
    return {name: (min(times), float(np.median(times)) / min(times) - 1) for name, times in found.items()}


def machine() -> dict[str, str]:
    """What a figure depends on: Python, NumPy, its BLAS, threads, processor, allocator."""
    blas = np.show_config(mode="dicts").get("Build Dependencies", {}).get("blas", {})  # type: ignore[union-attr]
    cpu = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        cpu = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), cpu)
    except OSError:
        pass
    return {
        "python": platform.python_version(),
        "numpy": f"{np.__version__} ({blas.get('name', 'BLAS unknown')} {blas.get('version', '')})".strip(),
        "torch": "not installed" if torch is None else f"{torch.__version__}, {torch.get_num_threads()} thread(s)",
        "cpu": f"{cpu}, {os.cpu_count()} core(s)",
        "allocator": f"{ctypes.util.find_library('c') or 'unknown'}, GRAD_ENGINE_MALLOC="
        f"{os.environ.get('GRAD_ENGINE_MALLOC', 'unset')}",
    }


def report(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], path: Path | None = None) -> None:
    """Print the machine and a table; write both as JSON where asked."""
    facts = machine()
    shown = [[f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    widths = [max(len(line[i]) for line in [list(columns), *shown]) for i in range(len(columns))]
    print(f"\n{title}")
    for key, value in facts.items():
        print(f"  {key:9} {value}")
    print()
    for line in [list(columns), ["-" * width for width in widths], *shown]:
        first, *others = (cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join([first.lstrip().ljust(widths[0]), *others]))
    if path is not None:
        figures = [dict(zip(columns, row, strict=True)) for row in rows]
        path.write_text(json.dumps({"title": title, "machine": facts, "rows": figures}, indent=1), "utf-8")
