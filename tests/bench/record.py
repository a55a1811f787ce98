"""Backward, export, load and tree of random graphs."""

from __future__ import annotations

import io
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import grad_engine as ge
from grad_engine.tree import print_tree
from tests.bench.timing import Table, arguments, report, timing


def random_graph(ops: int) -> Any:
    """A root over `ops` operations on small tensors, each reading among the fifty before it."""
    rng = np.random.default_rng(0)
    made = [ge.tensor(rng.random((2, 3)), requires_grad=True)]
    while len(made) < ops:
        a, b = (made[int(k)] for k in rng.integers(max(0, len(made) - 50), len(made), 2))
        made.append((a + b, a * 0.5, ge.tanh(a), a * b)[len(made) % 4])
    return sum(made[-50:], ge.tensor(0.0)).sum()


def steps(ops: int) -> list[Any]:
    """Seconds for backward, export, load and tree, and the size of the file."""
    root = random_graph(ops)
    times = [time.perf_counter()]
    root.backward(retain_graph=True)
    times.append(time.perf_counter())
    with TemporaryDirectory() as folder:
        path = ge.export_graph(root, Path(folder) / "g.json", names={})
        times.append(time.perf_counter())
        record = ge.load_graph(path)
        times.append(time.perf_counter())
        print_tree(record, file=io.StringIO(), width=80)
        times.append(time.perf_counter())
        size = path.stat().st_size / 1e6
    return [record.counts.ops, *np.diff(times).tolist(), size]


def main() -> None:
    """Measure graphs of 100, 1,000 and 10,000 ops."""
    wanted = arguments(__doc__)
    rows = []
    for ops, rounds in {100: 2}.items() if wanted.quick else {100: 30, 1_000: 9, 10_000: 3}.items():
        count, *times, size = zip(*(steps(ops) for _ in range(rounds)), strict=True)
        found = [timing(each) for each in times]
        rows.append([count[0], *(part.least for part in found), size[0], max(part.spread for part in found)])
    columns = ["ops", "backward s", "export s", "load s", "tree s", "MB", "spread"]
    report(wanted.json, Table("Random graphs of 2 x 3 tensors, retained", columns, rows))


if __name__ == "__main__":
    main()
