"""Forward and backward of single ops on N x N float32, against NumPy by hand and PyTorch.

The gradient of ones is passed to backward. conv2d: one image of 4 channels of N x N, 8 filters of 3 x 3, padding 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import grad_engine as ge
from tests.bench.plot import small_multiples
from tests.bench.timing import THREADS, Table, arguments, interleaved, report, torch, with_threads

Call = Callable[..., Any]
CHANNELS, FILTERS = 4, 8
SIZES = (2, 5, 10, 20, 50, 100, 200, 500)


def by_hand() -> dict[str, Call]:
    """What each op costs in plain NumPy: the result and the gradient of every operand, written out."""

    def softmax(a: Any, b: Any, g: Any) -> Any:
        e = np.exp(a - a.max(-1, keepdims=True))
        e /= e.sum(-1, keepdims=True)
        return e, e * (g - (g * e).sum(-1, keepdims=True))

    def concat(a: Any, b: Any, g: Any) -> Any:
        return np.concatenate([a, b]), g[: len(a)].copy(), g[len(a) :].copy()

    def index(a: Any, b: Any, g: Any) -> Any:
        back = np.zeros_like(a)
        back[1:] = g
        return a[1:], back

    def conv2d(a: Any, b: Any, g: Any) -> Any:
        n = a.shape[-1]
        around = np.zeros((CHANNELS, n + 2, n + 2), a.dtype)
        around[:, 1:-1, 1:-1] = a[0]
        seen = np.lib.stride_tricks.sliding_window_view(around, (3, 3), (1, 2)).transpose(0, 3, 4, 1, 2)
        columns, kernels, arriving = seen.reshape(-1, n * n), b.reshape(FILTERS, -1), g.reshape(FILTERS, -1)
        out = kernels @ columns
        shares = (kernels.T @ arriving).reshape(CHANNELS, 3, 3, n, n)
        back = np.zeros_like(around)
        for i, j in np.ndindex(3, 3):
            back[:, i : i + n, j : j + n] += shares[:, i, j]
        return out, back[:, 1:-1, 1:-1].copy(), arriving @ columns.T

    return {
        "neg": lambda a, b, g: (-a, -g),
        "relu": lambda a, b, g: ((out := np.maximum(a, 0)), g * (out > 0)),
        "softmax": softmax,
        "sum": lambda a, b, g: (a.sum(), np.broadcast_to(g, a.shape).copy()),
        "transpose": lambda a, b, g: (a.T, g.T.copy()),
        "add": lambda a, b, g: (a + b, g.copy(), g.copy()),
        "matmul": lambda a, b, g: (a @ b, g @ b.T, a.T @ g),
        "mul": lambda a, b, g: (a * b, g * b, g * a),
        "sub": lambda a, b, g: (a - b, g.copy(), -g),
        "exp": lambda a, b, g: ((out := np.exp(a)), g * out),
        "tanh": lambda a, b, g: ((out := np.tanh(a)), g * (1 - out * out)),
        "ln": lambda a, b, g: (np.log(a), g / a),
        "div": lambda a, b, g: ((out := a / b), g / b, -g * out / b),
        "pow3": lambda a, b, g: (a * a * a, g * (3 * a * a)),
        "mean": lambda a, b, g: (a.mean(), np.broadcast_to(g / a.size, a.shape).copy()),
        "max": lambda a, b, g: ((out := a.max()), g * (a == out)),
        "reshape": lambda a, b, g: (a.reshape(-1), g.reshape(a.shape).copy()),
        "concat": concat,
        "index": index,
        "conv2d": conv2d,
    }


OURS: dict[str, Call] = {
    "neg": lambda x, y: -x, "relu": lambda x, y: ge.relu(x), "softmax": lambda x, y: ge.softmax(x, -1),
    "sum": lambda x, y: ge.sum(x), "transpose": lambda x, y: x.T, "add": lambda x, y: x + y,
    "matmul": lambda x, y: x @ y, "mul": lambda x, y: x * y, "sub": lambda x, y: x - y, "exp": lambda x, y: ge.exp(x),
    "tanh": lambda x, y: ge.tanh(x), "ln": lambda x, y: ge.ln(x), "div": lambda x, y: x / y,
    "pow3": lambda x, y: x**3, "mean": lambda x, y: ge.mean(x), "max": lambda x, y: ge.max(x),
    "reshape": lambda x, y: x.reshape(-1), "concat": lambda x, y: ge.concat([x, y]), "index": lambda x, y: x[1:],
    "conv2d": lambda x, y: ge.conv2d(x, y, padding=1),
}  # fmt: skip
ELSEWHERE: dict[str, Call] = OURS | {
    "relu": lambda x, y: x.relu(), "softmax": lambda x, y: x.softmax(-1), "sum": lambda x, y: x.sum(),
    "exp": lambda x, y: x.exp(), "tanh": lambda x, y: x.tanh(), "ln": lambda x, y: x.log(),
    "mean": lambda x, y: x.mean(), "max": lambda x, y: x.max(), "concat": lambda x, y: torch.cat([x, y]),
    "conv2d": lambda x, y: torch.nn.functional.conv2d(x, y, padding=1),
}  # fmt: skip


def forward_and_backward(op: Call, x: Any, y: Any, seed: Any) -> Call:
    def run() -> None:
        x.grad = None
        y.grad = None
        op(x, y).backward(seed)

    return run


def operands(name: str, n: int) -> list[np.ndarray]:
    """Two N x N matrices; for conv2d an image and the filters."""
    shapes = [(1, CHANNELS, n, n), (FILTERS, CHANNELS, 3, 3)] if name == "conv2d" else [(n, n)] * 2
    rng = np.random.default_rng(0)
    return [rng.uniform(0.5, 1.5, shape).astype(np.float32) for shape in shapes]


def measured(name: str, n: int, hand: Call, quick: bool, compiled: bool = False) -> list[Any]:
    """A row of the table: microseconds of each, how they compare, and the largest spread."""
    a, b = operands(name, n)
    x, y = (ge.tensor(value, requires_grad=True) for value in (a, b))
    g = np.ones_like(OURS[name](x, y).data)
    ours = forward_and_backward(OURS[name], x, y, ge.tensor(g))
    contenders = {"numpy": lambda: hand(a, b, g), "ours": ge.compile(ours) if compiled else ours}
    before = {}
    if torch is not None:
        tx, ty = (torch.tensor(value, requires_grad=True) for value in (a, b))
        theirs = forward_and_backward(ELSEWHERE[name], tx, ty, torch.tensor(g))
        contenders |= {"torch": theirs, "torch threads": theirs}
        before = {"torch": with_threads(1), "torch threads": with_threads(THREADS)}
    rounds, seconds = (2, 0.001) if quick else (25, 0.005)
    found = interleaved(contenders, rounds=rounds, seconds=seconds, before=before)
    times = {who: part.least * 1e6 for who, part in found.items()}
    time, one = times["ours"], times.get("torch")
    spread = max(part.spread for part in found.values())
    ratios = [time / times["numpy"], time / one if one else None]
    return [name, n, times["numpy"], time, one, times.get("torch threads"), *ratios, spread]


def main() -> None:
    """Measure every op at every size."""
    flags = {"compiled": "measure the programs of ge.compile() in the place of eager mode"}
    wanted = arguments(__doc__, flags, svg="draw the figures, a small plot for each op")
    sizes = SIZES[:2] if wanted.quick else SIZES
    rows = [measured(name, n, hand, wanted.quick, wanted.compiled) for name, hand in by_hand().items() for n in sizes]
    threads = f"torch, {THREADS} thread{'s' * (THREADS > 1)}"
    ours = "compiled" if wanted.compiled else "ours"
    columns = ["op", "N", "by hand µs", f"{ours} µs", "torch µs", f"{threads} µs", "/ by hand", "/ torch", "spread"]
    report(wanted.json, Table("Forward + backward, N x N float32", columns, rows))
    if wanted.svg is not None:
        lines = ("ours", "by hand", "torch", threads)
        order = (3, 2, 4, 5)
        plots = {
            name: {line: [(row[1], row[at]) for row in rows if row[0] == name and row[at] is not None]
                   for line, at in zip(lines, order, strict=True)}
            for name in dict.fromkeys(row[0] for row in rows)
        }  # fmt: skip
        title = "Forward and backward of one op: microseconds over N, for N × N float32"
        wanted.svg.write_text(small_multiples(title, plots), "utf-8")


if __name__ == "__main__":
    main()
