"""Seventeen lessons written for PyTorch, at the sizes that courses use: how long they take here and there.

Both take turns in one process, with one thread each. What is measured is the processor's time, which other programs on
the machine lengthen less than the clock's.
"""

from __future__ import annotations

import sys
import time
import warnings
from typing import Any

import numpy as np

import grad_engine as ge
from tests.bench.timing import Table, Timing, arguments, report, timing, torch, with_threads
from tests.nn.lessons import LESSONS, compiled, run


def in_turns(lesson: Any, dtype: Any, rounds: int) -> tuple[Timing, Timing]:
    """Seconds of processor time here and in PyTorch, after one run of each that is not measured."""
    found: dict[Any, list[float]] = {ge: [], torch: []}
    for _ in range(rounds + 1):
        for engine, times in found.items():
            start = time.process_time()
            run(lesson, engine, dtype)
            times.append(time.process_time() - start)
    ours, theirs = (timing(times[1:]) for times in found.values())
    return ours, theirs


def measured(name: str, dtype: Any, rounds: int) -> list[Any]:
    """A row of the table. Raises AssertionError where the losses differ."""
    lesson = compiled(name, large=rounds > 1)
    mine, theirs = (np.array(run(lesson, engine, dtype)) for engine in (ge, torch))
    # In float32 the two part after some steps, as each of them parts from float64.
    rtol, steps = (1e-6, None) if dtype is np.float64 else (0.05, 5)
    np.testing.assert_allclose(mine[:steps], theirs[:steps], rtol=rtol, atol=1e-3, err_msg=name)
    ours, other = in_turns(lesson, dtype, rounds)
    return [f"{name}, {np.dtype(dtype)}", ours.least * 1e3, other.least * 1e3, ours.least / other.least, ours.spread]


def main() -> None:
    """Run every lesson in both precisions."""
    wanted = arguments(__doc__)
    if torch is None:
        sys.exit("this benchmark compares with PyTorch: python -m pip install torch")
    with_threads(1)()
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", module="torch")  # PyTorch's own, of nested tensors
    rounds = 1 if wanted.quick else 7
    rows = [measured(name, dtype, rounds) for name in LESSONS for dtype in (np.float32, np.float64)]
    report(wanted.json, Table("Lessons", ["lesson", "ms", "torch ms", "/ torch", "spread"], rows))


if __name__ == "__main__":
    main()
