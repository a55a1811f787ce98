"""What is imported under PyTorch's names: rooms are modules, and what is not here says what to write."""

from __future__ import annotations

import importlib
import re

import pytest

import grad_engine as ge
from grad_engine.errors import MissingModuleError

ROOMS = [
    "amp",
    "cuda",
    "cuda.amp",
    "backends.cudnn",
    "backends.cuda.matmul",
    "special",
    "random",
    "autograd.functional",
]
MISSING = [
    ("import grad_engine.distributed as dist", "multiprocessing"), ("import grad_engine.jit", "grad_engine.compile"),
    ("from grad_engine.utils.tensorboard import SummaryWriter", "sparkline"),
    ("from grad_engine import jit", "grad_engine.compile"), ("from grad_engine.nn import Linaer", "write Linear"),
    ("import grad_engine.sin", "from grad_engine import sin"), ("import grad_engine.cuda.nccl", "dir("),
    ("from grad_engine.nn import AlphaDropout", "Dropout"), ("from grad_engine.linalg import lu_factor", "linalg.lu"),
    ("from grad_engine.nn.functional import upsample", "interpolate"),
    ("from grad_engine.optim.lr_scheduler import StepRL", "write StepLR"),
]  # fmt: skip


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_is_a_module(name: str) -> None:
    room = importlib.import_module(f"grad_engine.{name}")
    above = importlib.import_module(f"grad_engine.{name}".rpartition(".")[0])
    assert room is getattr(above, name.rpartition(".")[2]) and room.__name__ == f"grad_engine.{name}"


@pytest.mark.parametrize(("line", "words"), MISSING, ids=[line for line, _ in MISSING])
def test_an_import_of_what_is_not_here_says_what_to_write(line: str, words: str) -> None:
    with pytest.raises(MissingModuleError, match=re.escape(words)):
        exec(line)


@pytest.mark.parametrize("place", [ge.amp, ge.cuda.amp, ge])
def test_mixed_precision_that_is_off_does_nothing(place: object) -> None:
    w = ge.tensor([1.0, 2.0]).requires_grad_()
    optimizer = ge.optim.SGD([w], 0.1)
    scaler = ge.amp.GradScaler(enabled=False)
    with place.autocast("cpu", dtype=ge.float16, enabled=False):  # type: ignore[attr-defined]
        loss = (w * w).sum()
    assert scaler.scale(loss) is loss and not scaler.is_enabled()
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    assert w.tolist() == [0.8, 1.6] and w.dtype == ge.float64
    scaler.load_state_dict(scaler.state_dict())
    assert place.autocast("cpu", enabled=False)(lambda: 3)() == 3  # type: ignore[attr-defined]


def test_mixed_precision_that_is_on_says_how_to_turn_it_off() -> None:
    for make in (
        ge.amp.GradScaler,
        ge.autocast,
        lambda: ge.autocast("cpu", enabled=True),
        lambda: ge.cuda.amp.autocast(True),
    ):
        with pytest.raises(ge.ArgumentError, match="enabled=False"):
            make()


def test_switches_of_backends_are_read_and_written(monkeypatch: pytest.MonkeyPatch) -> None:
    cudnn = ge.backends.cudnn
    assert cudnn.deterministic is True and cudnn.benchmark is False and cudnn.is_available() is False
    monkeypatch.setattr(cudnn, "benchmark", True)
    assert ge.backends.cudnn.benchmark is True
