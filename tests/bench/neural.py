"""Forward and backward of the layers of neural networks, each alone, at a small and a large size; against PyTorch.

Then a step of the network of `examples.digits --net conv` on 64 images. An optimiser is made first, for the allocator's
thresholds, which are the process's. What is measured is the processor's time, as in lessons.py.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import grad_engine as ge
from examples.digits import network
from grad_engine import optim
from tests.bench.timing import Call, Table, arguments, interleaved, report, torch, with_threads


class Row(NamedTuple):
    """What is called, as `layer(F, *operands)` with F either engine's nn.functional, and the shapes of its operands."""

    name: str
    layer: Callable[..., Any]
    shapes: tuple[tuple[int, ...], ...]
    classes: int = 0  # the last operand: as many class numbers as the first has rows


def _of_rows(size: str, rows: int, length: int) -> list[Row]:
    one, own = (rows, length), (length,)
    return [
        Row(f"layer_norm, {size}", lambda F, x, w, b: F.layer_norm(x, own, w, b), (one, own, own)),
        Row(f"batch_norm, {size}", lambda F, x, w, b: F.batch_norm(x, None, None, w, b, True), (one, own, own)),
        Row(f"softmax, {size}", lambda F, x: F.softmax(x, -1), (one,)),
        Row(f"log_softmax, {size}", lambda F, x: F.log_softmax(x, -1), (one,)),
        Row(f"cross_entropy, {size}", lambda F, x, y: F.cross_entropy(x, y), (one,), length),
        Row(f"gelu, {size}", lambda F, x: F.gelu(x), (one,)),
        Row(f"gelu by tanh, {size}", lambda F, x: F.gelu(x, approximate="tanh"), (one,)),
    ]


def _of_images(size: str, *shape: int) -> list[Row]:
    three = shape, (shape[1],), (shape[1],)
    return [
        Row(f"batch_norm of images, {size}", lambda F, x, w, b: F.batch_norm(x, None, None, w, b, True), three),
        Row(f"group_norm, {size}", lambda F, x, w, b: F.group_norm(x, 4, w, b), three),
        Row(f"max_pool2d, {size}", lambda F, x: F.max_pool2d(x, 2), (shape,)),
    ]


def _conv(kind: str, x: tuple[int, ...], weight: tuple[int, ...], **settings: Any) -> Row:
    name = f"{kind}, {' × '.join(map(str, x))}, kernel {' × '.join(map(str, weight[2:]))}"
    told = "".join(f", {key} {value}" for key, value in settings.items() if key != "padding")
    filters = weight[1] if "transpose" in kind else weight[0]
    return Row(name + told, lambda F, *operands: getattr(F, kind)(*operands, **settings), (x, weight, (filters,)))


ROWS = [
    *_of_rows("64 × 128", 64, 128), *_of_rows("2048 × 384", 2048, 384),
    *_of_images("8 × 8 × 7 × 7", 8, 8, 7, 7), *_of_images("64 × 32 × 28 × 28", 64, 32, 28, 28),
    _conv("conv2d", (1, 1, 5, 5), (1, 1, 3, 3)), _conv("conv2d", (8, 3, 16, 16), (8, 3, 3, 3), padding=1),
    _conv("conv2d", (8, 16, 14, 14), (32, 16, 1, 1)), _conv("conv2d", (64, 1, 28, 28), (16, 1, 3, 3), padding=1),
    _conv("conv2d", (64, 16, 14, 14), (32, 16, 3, 3), padding=1), _conv("conv2d", (32, 6, 12, 12), (16, 6, 5, 5)),
    _conv("conv2d", (32, 8, 28, 28), (16, 8, 3, 3), padding=1, stride=2),
    _conv("conv2d", (16, 8, 14, 14), (16, 4, 3, 3), padding=1, groups=2),
    _conv("conv2d", (16, 32, 14, 14), (32, 1, 3, 3), padding=1, groups=32),
    _conv("conv1d", (32, 16, 100), (32, 16, 5)),
    _conv("conv_transpose2d", (16, 8, 7, 7), (8, 16, 4, 4), padding=1, stride=2),
]  # fmt: skip


def _step(engine: Any, layer: Callable[..., Any], leaves: list[Any], seed: Any, others: list[Any]) -> Call:
    def call() -> None:
        for leaf in leaves:
            leaf.grad = None
        layer(engine.nn.functional, *leaves, *others).backward(seed)

    return call


def measured(row: Row, dtype: Any, rounds: int) -> list[Any]:
    """A row of the table, once both engines agree. Raises AssertionError where they do not."""
    rng = np.random.default_rng(0)
    operands = [rng.standard_normal(shape).astype(dtype) for shape in row.shapes]
    classes = [rng.integers(0, row.classes, row.shapes[0][0])] if row.classes else []
    calls, results = {}, []
    for engine in (ge, torch):
        leaves = [engine.tensor(each, requires_grad=True) for each in operands]
        others = [engine.tensor(each) for each in classes]
        out = row.layer(engine.nn.functional, *leaves, *others)
        seed = np.random.default_rng(1).standard_normal(tuple(out.shape)).astype(dtype)
        calls[engine.__name__] = _step(engine, row.layer, leaves, engine.tensor(seed), others)
        calls[engine.__name__]()
        results.append([np.asarray(out.detach()), *(np.asarray(leaf.grad) for leaf in leaves)])
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3 * np.abs(other).max(), err_msg=row.name)
    found = interleaved(calls, rounds=rounds, seconds=0.005, clock=time.process_time)
    ours, theirs = found["grad_engine"], found["torch"]
    name = f"{row.name}, {np.dtype(dtype)}"
    return [name, ours.least * 1e6, theirs.least * 1e6, ours.least / theirs.least, max(ours.spread, theirs.spread)]


def _of_digits(images: np.ndarray, labels: np.ndarray) -> dict[str, Call]:
    """A step of the network of the example, and of the same in PyTorch, which begins with the same parameters."""
    ours, nn = network("conv", images.shape[-1], 0), torch.nn
    theirs = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * (images.shape[-1] // 4) ** 2, 10),
    )  # fmt: skip
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        other.data = torch.tensor(mine.detach().numpy())

    def step(engine: Any, model: Any, optimizer: Any) -> Call:
        x, y = engine.tensor(images), engine.tensor(labels)

        def call() -> None:
            loss = engine.nn.functional.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

        return call

    adam = torch.optim.AdamW(theirs.parameters(), lr=0.003)
    return {
        "grad_engine": step(ge, ours, optim.AdamW(ours.parameters(), lr=0.003)), "torch": step(torch, theirs, adam),
    }  # fmt: skip


def main() -> None:
    """Measure every layer in both precisions, and a step on images of two sizes."""
    wanted = arguments(__doc__)
    if torch is None:
        sys.exit("this benchmark compares with PyTorch: python -m pip install torch")
    with_threads(1)()
    optim.SGD([ge.tensor([0.0], requires_grad=True)], lr=0.1)
    rounds, rows = (1, [ROWS[0], *ROWS[-2:]]) if wanted.quick else (15, ROWS)
    table = [measured(row, dtype, rounds) for row in rows for dtype in (np.float32, np.float64)]
    rng, steps = np.random.default_rng(0), []
    for side in (8, 28):
        images = rng.standard_normal((64, 1, side, side)).astype(np.float32)
        found = interleaved(
            _of_digits(images, rng.integers(0, 10, 64)), rounds=rounds, seconds=0.05, clock=time.process_time
        )
        ours, theirs = found["grad_engine"], found["torch"]
        spread = max(ours.spread, theirs.spread)
        steps.append([f"{side} × {side}", ours.least * 1e3, theirs.least * 1e3, ours.least / theirs.least, spread])
    report(
        wanted.json,
        Table("Forward and backward of layers", ["layer", "µs", "torch µs", "/ torch", "spread"], table),
        Table("A step of digits --net conv, float32", ["images", "ms", "torch ms", "/ torch", "spread"], steps),
    )


if __name__ == "__main__":
    main()
