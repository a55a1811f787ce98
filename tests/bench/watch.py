"""What `ge.watch` costs: time and memory of a training step in its block, against the plain step beside it."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grad_engine as ge
from tests.bench.timing import Table, arguments, interleaved, report, torch, with_threads

Loss = Callable[[], Any]


def resnet() -> tuple[Any, Loss]:
    """ResNet-18 on eight images of 64 x 64."""
    from tests.torch_models import ResNet

    model, x, y = ResNet(64), torch.randn(8, 3, 64, 64), torch.arange(8)
    return model, lambda: torch.nn.functional.cross_entropy(model(x), y)


def gpt(width: int = 128, tokens: int = 1000, length: int = 64) -> tuple[Any, Loss]:
    """A GPT of twelve layers on four texts of 64 tokens."""
    from tests.torch_models import GPT

    model = GPT(12, width, 4, tokens)
    model.wpe = torch.nn.Embedding(length, width)
    x = torch.arange(4 * length).reshape(4, length) % tokens
    return model, lambda: torch.nn.functional.cross_entropy(model(x).reshape(-1, tokens), x.reshape(-1))


def small_gpt() -> tuple[Any, Loss]:
    """A GPT of twelve layers and width 16, on four texts of eight tokens: the cost of each op alone."""
    return gpt(16, 30, 8)


MODELS = {"ResNet-18": resnet, "GPT": gpt, "GPT, width 16": small_gpt}


def steps(name: str) -> dict[str, Callable[[], Any]]:
    """A step of a model: plain, in the block, and in the block with the record made."""
    torch.manual_seed(0)
    model, loss = MODELS[name]()

    def plain() -> None:
        model.zero_grad()
        loss().backward()

    def watched() -> Any:
        model.zero_grad()
        with ge.watch(model) as found:
            loss().backward()
        return found

    return {"plain": plain, "watched": watched, "recorded": lambda: watched().record}


def peak(name: str, kind: str) -> float:
    """Megabytes that a process needs at most for three steps, beyond what it holds before."""
    # What is freed goes back to the system at once: else the figure is that of the holes between small objects.
    at_once = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
    command = [sys.executable, "-m", "tests.bench.watch", "--peak", name, kind]
    found = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **at_once})
    return float(found.stdout)


def measure_peak(name: str, kind: str) -> None:
    """Print the megabytes of `peak`, for this process."""
    torch.set_num_threads(1)
    layer = torch.nn.Linear(1, 1)
    with ge.watch(layer) as first:  # so that what is imported for it is there, whatever is measured
        layer(torch.ones(1, 1)).sum().backward()
    first.report()
    step = steps(name)[kind]
    gc.collect()
    held = status("VmRSS")
    for _ in range(3):
        step()
    # Not getrusage: in a child, that begins with what its parent held.
    print(status("VmHWM") - held)


def status(key: str) -> float:
    """Megabytes of this process, as Linux tells them."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(f"{key}:"))) / 1e3


def main() -> None:
    """Measure a ResNet-18 and a GPT."""
    if sys.argv[1:2] == ["--peak"]:
        measure_peak(*sys.argv[2:4])
        return
    wanted = arguments(__doc__)
    if torch is None:
        print("PyTorch is not installed: there is nothing to watch")
        return
    with_threads(1)()
    rows = []
    for name in ["GPT, width 16"] if wanted.quick else MODELS:
        found = interleaved(steps(name), rounds=2 if wanted.quick else 9, seconds=0.001)
        plain = found["plain"].least
        row: list[Any] = [name, plain * 1e3]
        row += [
            part for kind in ("watched", "recorded") for part in (found[kind].least * 1e3, found[kind].least / plain)
        ]
        row.append(max(part.spread for part in found.values()))
        if not wanted.quick:
            memory = [peak(name, kind) for kind in ("plain", "watched", "recorded")]
            row += [memory[0], memory[1] / memory[0], memory[2] / memory[0]]
        rows.append(row)
    columns = ["model", "plain ms", "watched", "times", "and recorded", "times", "spread"]
    columns += [] if wanted.quick else ["plain MB", "watched, times", "recorded, times"]
    report(wanted.json, Table("One training step, in the block of watch", columns, rows))


if __name__ == "__main__":
    main()
