"""Interleaved timing, the machine it ran on, and tables of the results."""

from __future__ import annotations

import argparse
import ctypes.util
import json
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

try:
    import torch
except ImportError:  # the comparison is left out
    torch = None  # type: ignore[assignment]

THREADS = 1 if torch is None else torch.get_num_threads()  # what PyTorch takes when no one says anything
Call = Callable[[], Any]


class Timing(NamedTuple):
    """Seconds per call: the least of all rounds, and the spread, (median − least) / least."""

    least: float
    spread: float


class Table(NamedTuple):
    """What was measured, one row for each case; the first column names it."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


def arguments(
    description: str | None, flags: Mapping[str, str] = MappingProxyType({}), **paths: str
) -> argparse.Namespace:
    """The command line that every benchmark has, --quick and --json PATH, and more of both: name -> what for."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="the smallest size and few rounds: does it run at all?")
    for name, purpose in flags.items():
        parser.add_argument(f"--{name}", action="store_true", help=purpose)
    for name, purpose in {"json": "write the figures to this file too", **paths}.items():
        parser.add_argument(f"--{name}", type=Path, metavar="PATH", help=purpose)
    return parser.parse_args()


def interleaved(
    contenders: Mapping[str, Call], *, rounds: int = 15, seconds: float = 0.02,
    before: Mapping[str, Call] | None = None, clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Timing]:  # fmt: skip
    """How long each contender takes.

    They take turns, round by round, so that a machine that slows down slows all of them. `before` is called ahead of
    a contender's turn; neither that nor one call of the contender after it is measured. clock: what tells the seconds.
    """

    def turn(name: str, repeats: int) -> float:
        call = contenders[name]
        if before and name in before:
            before[name]()
        call()
        start = clock()
        for _ in range(repeats):
            call()
        return (clock() - start) / repeats

    repeats = {name: max(1, int(seconds / max(turn(name, 1), 1e-7))) for name in contenders}
    found: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name in contenders:
            found[name].append(turn(name, repeats[name]))
    return {name: timing(times) for name, times in found.items()}


def timing(times: Sequence[float]) -> Timing:
    """What there is to say of so many measurements of one thing."""
    least = min(times)
    return Timing(least, float(np.median(times)) / least - 1)


def with_threads(count: int) -> Call:
    """What gives PyTorch so many threads: it takes 0.1 µs, and what follows runs as if there never had been others."""
    return lambda: torch.set_num_threads(count)


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
        "torch": "not installed" if torch is None else torch.__version__,
        "threads": f"NumPy {os.environ.get('OPENBLAS_NUM_THREADS')}, PyTorch 1, or {THREADS} where that is said",
        "cpu": f"{cpu}, {os.cpu_count()} core(s)",
        "allocator": f"{ctypes.util.find_library('c') or 'unknown'}, GRAD_ENGINE_MALLOC="
        f"{os.environ.get('GRAD_ENGINE_MALLOC', 'unset')}",
    }


def report(path: Path | None, *tables: Table) -> None:
    """Print the machine and the tables; write all of it as JSON where asked."""
    facts = machine()
    for key, value in facts.items():
        print(f"{key:9} {value}")
    for title, columns, rows in tables:
        print(f"\n{title}\n")
        shown = [["" if cell is None else f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in row]
                 for row in rows]  # fmt: skip
        widths = [max(map(len, column)) for column in zip(columns, *shown, strict=True)]
        for line in [columns, ["─" * width for width in widths], *shown]:
            first, *others = (cell.rjust(width) for cell, width in zip(line, widths, strict=True))
            print("  ".join([first.lstrip().ljust(widths[0]), *others]))
    if path is not None:
        found = [
            {"title": title, "rows": [dict(zip(columns, row, strict=True)) for row in rows]}
            for title, columns, rows in tables
        ]
        path.write_text(json.dumps({"machine": facts, "tables": found}, indent=1, ensure_ascii=False), "utf-8")
