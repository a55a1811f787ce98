"""What one op costs above the same arithmetic by hand, on 2 x 2 numbers: alone, and in a chain of fifty."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import grad_engine as ge
from tests.bench.timing import Call, Table, arguments, interleaved, report, torch, with_threads

LENGTHS = (1, 50)


def run(op: Callable[[Any], Any], length: int, leaves: list[Any], seed: Any) -> Call:
    """`length` times the op, beginning with the first leaf, and backward."""

    def call() -> None:
        for leaf in leaves:
            leaf.grad = None
        h = leaves[0]
        for _ in range(length):
            h = op(h)
        h.backward(seed)

    return call


def hand_mul(length: int, a: np.ndarray, b: np.ndarray, g: np.ndarray) -> Call:
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


def hand_sin(length: int, a: np.ndarray, b: np.ndarray, g: np.ndarray) -> Call:
    def call() -> None:
        h, seen = a, []
        for _ in range(length):
            seen.append(h)
            h = np.sin(h)
        back = g
        for value in reversed(seen):
            back = back * np.cos(value)

    return call


def main() -> None:
    """Measure an op of two operands and one of one operand."""
    wanted = arguments(__doc__)
    a, b, g = np.random.default_rng(0).random((3, 2, 2))
    x, y, seed = ge.tensor(a, requires_grad=True), ge.tensor(b, requires_grad=True), ge.tensor(g)
    contenders: dict[str, Callable[[int], dict[str, Call]]] = {
        "mul": lambda n: {"ours": run(lambda h: h * y, n, [x, y], seed), "hand": hand_mul(n, a, b, g)},
        "sin": lambda n: {"ours": run(ge.sin, n, [x], seed), "hand": hand_sin(n, a, b, g)},
    }
    if torch is not None:
        with_threads(1)()
        tx, ty, tg = torch.tensor(a, requires_grad=True), torch.tensor(b, requires_grad=True), torch.tensor(g)
        theirs = {"mul": (lambda h: h * ty, [tx, ty]), "sin": (torch.sin, [tx])}
    rows = []
    for name, parts in contenders.items():
        for length in LENGTHS:
            calls = parts(length)
            if torch is not None:
                op, leaves = theirs[name]
                calls["torch"] = run(op, length, leaves, tg)
            rounds, seconds = (2, 0.001) if wanted.quick else (60, 0.005)
            found = interleaved(calls, rounds=rounds, seconds=seconds)
            each = {who: part.least / length * 1e6 for who, part in found.items()}
            spread = max(part.spread for part in found.values())
            label = name if length == 1 else f"{name}, one of {length}"
            rows.append(
                [label, each["hand"], each["ours"], each["ours"] - each["hand"], each.get("torch"), spread]
            )  # fmt: skip
    columns = ["op", "by hand µs", "ours µs", "above µs", "torch µs", "spread"]
    report(wanted.json, Table("Forward + backward, 2 x 2 float64", columns, rows))


if __name__ == "__main__":
    main()
