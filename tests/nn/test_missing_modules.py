"""What is imported under PyTorch's names: rooms are modules, and what is not here says what to write."""

from __future__ import annotations

import importlib
import importlib.util
import re

import numpy as np
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
    ("import grad_engine.sin", "from grad_engine import sin"),
    ("from grad_engine.nn import AlphaDropout", "Dropout"), ("from grad_engine.linalg import lu_factor", "linalg.lu"),
    ("from grad_engine.nn.functional import upsample", "interpolate"),
    ("from grad_engine.optim.lr_scheduler import StepRL", "write StepLR"),
]  # fmt: skip


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_is_a_module(name: str) -> None:
    room = importlib.import_module(f"grad_engine.{name}")
    above = importlib.import_module(f"grad_engine.{name}".rpartition(".")[0])
    assert room is getattr(above, name.rpartition(".")[2]) and room.__name__ == f"grad_engine.{name}"


def test_who_asks_for_a_module_of_which_nothing_is_known_gets_an_answer() -> None:
    assert importlib.util.find_spec("grad_engine.animals") is None
    assert importlib.util.find_spec("grad_engine.cuda.nccl") is None
    with pytest.raises(ModuleNotFoundError, match="animals"):
        importlib.import_module("grad_engine.animals")


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


@pytest.mark.parametrize(
    ("name", "value", "words"), [("size_average", False, 'reduction="sum"'), ("reduce", False, '"none"')]
)
def test_a_loss_says_what_to_write_for_an_argument_of_long_ago(name: str, value: object, words: str) -> None:
    losses = [each for each in vars(ge.nn).values() if isinstance(each, type) and each.__name__.endswith("Loss")]
    assert len(losses) > 15
    for loss in losses:
        with pytest.raises(ge.ArgumentError, match=words):
            loss(**{name: value})
    with pytest.raises(ge.ArgumentError, match=words):
        ge.nn.functional.mse_loss(ge.ones(2), ge.ones(2), **{name: value})


def test_a_layer_says_which_argument_it_has_not() -> None:
    for layer in (ge.nn.LSTM, ge.nn.GRU):
        with pytest.raises(ge.ArgumentError, match=rf"^{layer.__name__}\(\) has no argument 'proj_size'; write Linear"):
            layer(2, 3, proj_size=2)
    with pytest.raises(ge.ArgumentError, match="'biass'; it takes in_features, out_features, bias"):
        ge.nn.Linear(2, 2, biass=False)


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
def test_anomalies_are_looked_for_from_now_on() -> None:
    with ge.scope("outside"):
        ge.autograd.set_detect_anomaly(True)
        with pytest.raises(ge.AnomalyError):
            ge.sqrt(ge.tensor([-1.0], requires_grad=True))
        ge.autograd.set_detect_anomaly(False)
        assert np.isnan(ge.sqrt(ge.tensor([-1.0], requires_grad=True)).item())
    with ge.autograd.set_detect_anomaly(True), pytest.raises(ge.AnomalyError):
        ge.sqrt(ge.tensor([-1.0], requires_grad=True))
    assert np.isnan(ge.sqrt(ge.tensor([-1.0], requires_grad=True)).item())


def test_print_says_what_is_not_usual() -> None:
    assert repr(ge.zeros(0, 3)) == "tensor([], shape=(0, 3))" and repr(ge.zeros(0)) == "tensor([])"
    before = ge.get_default_dtype()
    try:
        ge.set_default_dtype(np.float32)
        assert repr(ge.ones(1)) == "tensor([1.])" and repr(ge.ones(1).double()) == "tensor([1.], dtype=float64)"
    finally:
        ge.set_default_dtype(before)
    assert repr(ge.ones(1)) == "tensor([1.])" and repr(ge.ones(1).float()) == "tensor([1.], dtype=float32)"
    assert repr(ge.nn.MultiheadAttention(4, 2)) == "MultiheadAttention(\n  4, 2\n  (out_proj): Linear(4, 4)\n)"
