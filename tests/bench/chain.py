"""Long chains of multiplications of one number: forward, backward, freeing, and peak memory in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import grad_engine as ge
from tests.bench.timing import Table, arguments, report, timing, torch, with_threads

FACTOR = 1.0000001
# What Linux says of a program's own memory; elsewhere the resource module, which there counts no ancestors.
MEMORY = """
import resource, sys
{imports}
h = start = {leaf}
for _ in range({length}):
    h = h * 1.0000001
h.backward()
if sys.platform == "linux":
    print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
OURS = "import grad_engine as ge", "ge.tensor(1.0, requires_grad=True)"
THEIRS = "import torch", "torch.tensor(1.0, requires_grad=True, dtype=torch.float64)"


def tape(start: Callable[[], Any]) -> Callable[[int], list[float]]:
    """Seconds for forward, backward and freeing of so many multiplications of a tensor."""

    def measure(length: int) -> list[float]:
        h = start()
        begin = time.perf_counter()
        for _ in range(length):
            h = h * FACTOR
        forward = time.perf_counter()
        h.backward()
        backward = time.perf_counter()
        del h
        return [forward - begin, backward - forward, time.perf_counter() - backward]

    return measure


def by_hand(length: int) -> list[float]:
    """The same for arrays, which a list keeps as a graph would."""
    h, seen = np.array(1.0), []
    begin = time.perf_counter()
    for _ in range(length):
        seen.append(h)
        h = h * FACTOR
    forward = time.perf_counter()
    g = np.array(1.0)
    for _ in reversed(seen):
        g = g * FACTOR
    backward = time.perf_counter()
    del seen
    return [forward - begin, backward - forward, time.perf_counter() - backward]


def peak_megabytes(imports: str, leaf: str, length: int) -> float:
    """The most memory that a process held which did nothing else."""
    program = MEMORY.format(imports=imports, leaf=leaf, length=length)
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return float(done.stdout) / 1024


def main() -> None:
    """Measure chains of ten thousand to a million ops."""
    wanted = arguments(__doc__)
    contenders = {"by hand": by_hand, "ours": tape(lambda: ge.tensor(1.0, requires_grad=True))}
    programs = {"ours": OURS}
    if torch is not None:
        with_threads(1)()
        contenders["torch"] = tape(lambda: torch.tensor(1.0, requires_grad=True, dtype=torch.float64))
        programs["torch"] = THEIRS
    rows = []
    for length, rounds in {1_000: 2}.items() if wanted.quick else {10_000: 30, 100_000: 9, 1_000_000: 3}.items():
        found: dict[str, list[list[float]]] = {name: [] for name in contenders}
        for _ in range(rounds):
            for name, measure in contenders.items():
                found[name].append(measure(length))
        theirs = timing([sum(each) for each in found["torch"]]).least if "torch" in found else None
        for name, times in found.items():
            least, spread = timing([sum(each) for each in times])
            best = min(times, key=sum)
            peak = peak_megabytes(*programs[name], length) if name in programs else None
            ratio = least / theirs if name == "ours" and theirs else None
            rows.append([f"{name}, {length:,}", *best, least, ratio, spread, peak])
    columns = ["ops", "forward s", "backward s", "free s", "all s", "/ torch", "spread", "peak MB"]
    report(wanted.json, Table("h = h * c, one number of float64", columns, rows))


if __name__ == "__main__":
    main()
