"""Long chains of ops on a 0-d tensor: forward, backward, freeing, peak memory; one op alone and in a chain of 50."""

from __future__ import annotations

import resource
import sys
import time
from typing import Any

import numpy as np

import grad_engine as ge
from tests.bench.timing import arguments, interleaved, report, torch


def long_chain(start: Any, length: int) -> list[float]:
    """Seconds for forward, backward and freeing of `length` multiplications."""
    begin = time.perf_counter()
    h = start
    for _ in range(length):
        h = h * 1.0000001
    forward = time.perf_counter()
    h.backward()
    backward = time.perf_counter()
    del h
    return [forward - begin, backward - forward, time.perf_counter() - backward]


def peak_megabytes() -> float:
    """The most memory this process has held."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def overheads(rounds: int, seconds: float) -> list[list[Any]]:
    """Microseconds above the same arithmetic by hand: alone, and per op in a chain of 50."""
    a, b, g = np.random.default_rng(0).random((3, 2, 2))
    x, y, seed = ge.tensor(a, requires_grad=True), ge.tensor(b, requires_grad=True), ge.tensor(g)

    def run(op: Any, length: int) -> Any:
        def call() -> None:
            x.grad = None
            y.grad = None
            h = x
            for _ in range(length):
                h = op(h)
            h.backward(seed)

        return call

    def hand_mul(length: int) -> Any:
        def call() -> None:
            h, seen = a, []
            for _ in range(length):
                seen.append(h)
                h = h * b
            back, total = g, None
            for value in reversed(seen):
                share = back * value
                total = share if total is None else np.add(total, share, out=total)
                back = back * b

        return call

    def hand_sin(length: int) -> Any:
        def call() -> None:
            h, seen = a, []
            for _ in range(length):
                seen.append(h)
                h = np.sin(h)
            back = g
            for value in reversed(seen):
                back = back * np.cos(value)

        return call

    rows = []
    for name, op, hand in [("mul", lambda h: h * y, hand_mul), ("sin", ge.sin, hand_sin)]:
        for length in (1, 50):
            found = interleaved({"ours": run(op, length), "hand": hand(length)}, rounds=rounds, seconds=seconds)
            ours, theirs = (found[key][0] / length * 1e6 for key in ("ours", "hand"))
            rows.append([f"{name}, chain of {length}", ours, theirs, ours - theirs])
    return rows


def main() -> None:
    """Measure chains of 10 thousand to a million ops, then single ops."""
    wanted = arguments(__doc__)
    rows = []
    for length in [1_000] if wanted.quick else [10_000, 100_000, 1_000_000]:
        ours = long_chain(ge.tensor(1.0, requires_grad=True), length)
        rows.append([f"ours {length}", *ours, sum(ours), peak_megabytes()])
        if torch is not None:
            theirs = long_chain(torch.tensor(1.0, requires_grad=True, dtype=torch.float64), length)
            rows.append([f"torch {length}", *theirs, sum(theirs), float("nan")])
    columns = ["chain", "forward s", "backward s", "free s", "all s", "peak MB"]
    report("Chains of h = h * c, 0-d float64 (peak memory of the whole process)", columns, rows, wanted.json)
    rounds, seconds = (1, 0.001) if wanted.quick else (9, 0.05)
    report("Overhead on 2x2, forward + backward", ["", "ours µs", "by hand µs", "above µs"], overheads(rounds, seconds))


if __name__ == "__main__":
    main()
