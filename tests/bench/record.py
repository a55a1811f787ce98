"""Export, load and tree of random graphs, and what keeping the graph costs a backward pass."""

from __future__ import annotations

import io
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import grad_engine as ge
from grad_engine.tree import print_tree
from tests.bench.mlp import parts
from tests.bench.timing import arguments, interleaved, report


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


def keeping() -> dict[str, Any]:
    """One training step of the MLP, with a backward that frees and with one that keeps and records."""
    x, y, *weights = parts(np.float64)
    leaves = [ge.tensor(w, requires_grad=True) for w in weights]

    def step(retain: bool) -> Any:
        def run() -> None:
            w1, b1, w2 = leaves
            error = ge.relu(x @ w1 + b1) @ w2 - y
            ge.mean(error * error).backward(retain_graph=retain)
            for leaf in leaves:
                leaf.grad = None

        return run

    return {"plain": step(False), "retained": step(True)}


def main() -> None:
    """Measure graphs of 100, 1,000 and 10,000 ops."""
    wanted = arguments(__doc__)
    rows = [steps(ops) for ops in ([100] if wanted.quick else [100, 1_000, 10_000])]
    columns = ["ops", "backward s", "export s", "load s", "tree s", "MB"]
    report("Random graphs of 2x3 tensors", columns, rows, wanted.json)
    found = interleaved(keeping(), rounds=2 if wanted.quick else 15, seconds=0.005 if wanted.quick else 0.1)
    base = found["plain"][0]
    kept = [[name, each * 1e6, each / base, spread] for name, (each, spread) in found.items()]
    report("One step of the MLP", ["backward", "µs", "/ plain", "spread"], kept)


if __name__ == "__main__":
    main()
