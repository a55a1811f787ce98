"""Forward and backward of single ops on N x N float32, against NumPy by hand and PyTorch with one thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import grad_engine as ge
from tests.bench.timing import arguments, interleaved, report, torch

Call = Callable[..., Any]


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
    }


OURS: dict[str, Call] = {
    "neg": lambda x, y: -x, "relu": lambda x, y: ge.relu(x), "softmax": lambda x, y: ge.softmax(x, -1),
    "sum": lambda x, y: ge.sum(x), "transpose": lambda x, y: x.T, "add": lambda x, y: x + y,
    "matmul": lambda x, y: x @ y, "mul": lambda x, y: x * y, "sub": lambda x, y: x - y, "exp": lambda x, y: ge.exp(x),
    "tanh": lambda x, y: ge.tanh(x), "ln": lambda x, y: ge.ln(x), "div": lambda x, y: x / y,
    "pow3": lambda x, y: x**3, "mean": lambda x, y: ge.mean(x), "max": lambda x, y: ge.max(x),
    "reshape": lambda x, y: x.reshape(-1), "concat": lambda x, y: ge.concat([x, y]), "index": lambda x, y: x[1:],
}  # fmt: skip
ELSEWHERE: dict[str, Call] = OURS | {
    "relu": lambda x, y: x.relu(), "softmax": lambda x, y: x.softmax(-1), "sum": lambda x, y: x.sum(),
    "exp": lambda x, y: x.exp(), "tanh": lambda x, y: x.tanh(), "ln": lambda x, y: x.log(),
    "mean": lambda x, y: x.mean(), "max": lambda x, y: x.max(), "concat": lambda x, y: torch.cat([x, y]),
}  # fmt: skip


def forward_and_backward(op: Call, x: Any, y: Any, seed: Any) -> Call:
    def run() -> None:
        x.grad = None
        y.grad = None
        op(x, y).backward(seed)

    return run


def main() -> None:
    """Measure every op at every size."""
    wanted = arguments(__doc__)
    if torch is not None:
        torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    rows = []
    sizes = [2] if wanted.quick else [2, 5, 10, 20, 50, 100, 200, 500]
    for name, hand in by_hand().items():
        for n in sizes:
            a, b = (rng.uniform(0.5, 1.5, (n, n)).astype(np.float32) for _ in range(2))
            x, y = (ge.tensor(value, requires_grad=True) for value in (a, b))
            g = np.ones_like(OURS[name](x, y).data)
            contenders = {
                "numpy": lambda a=a, b=b, g=g, hand=hand: hand(a, b, g),
                "ours": forward_and_backward(OURS[name], x, y, ge.tensor(g)),
            }
            if torch is not None:
                tx, ty = (torch.tensor(value, requires_grad=True) for value in (a, b))
                contenders["torch"] = forward_and_backward(ELSEWHERE[name], tx, ty, torch.tensor(g))
            rounds, seconds = (2, 0.001) if wanted.quick else (7, 0.02)
            found = interleaved(contenders, rounds=rounds, seconds=seconds)
            ours = found["ours"][0]
            theirs = found["torch"][0] if "torch" in found else float("nan")
            spread = max(part[1] for part in found.values())
            rows.append([name, n, found["numpy"][0] * 1e6, ours * 1e6, theirs * 1e6, ours / theirs, spread])
    columns = ["op", "N", "numpy µs", "ours µs", "torch µs", "ours/torch", "spread"]
    report("Forward + backward, N x N float32", columns, rows, wanted.json)


if __name__ == "__main__":
    main()
