"""What PyTorch has and this engine has not: asking for it says what to write, and that exists."""

from __future__ import annotations

import builtins
import importlib
import re
from operator import attrgetter
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine import nn, optim
from grad_engine.core.torch_words import WORDS, Missing

ROOMS = [
    "", "nn", "nn.functional", "nn.init", "nn.utils", "nn.utils.rnn", "optim", "optim.lr_scheduler", "optim.swa_utils",
    "utils", "utils.data", "cuda", "linalg", "fft", "special", "distributions", "distributions.transforms",
    "autograd", "autograd.functional", "func", "amp", "backends", "random",
]  # fmt: skip
WAYS = re.compile(r"\b(write|leave|see|subclass|keep|choose|pass|look|change|hold|every layer|loaded|needs)\b")
# Commonly asked for: where, what, a part of the answer.
ASKED = [
    ("", "stft", "np.fft.rfft"), ("", "vmap", "grad_engine.func.vmap"), ("", "Linear", "grad_engine.nn.Linear"),
    ("", "cross_entrpy", "write cross_entropy"), ("", "relu_", "x.copy_(relu(x))"), ("", "bfloat16", "float16"),
    ("", "complex", "np.exp(1j * t)"), ("", "jit", "grad_engine.compile"), ("", "quantize_per_tensor", "quantization"),
    ("", "cudnn_convolution", "the CPU alone"), ("", "set_autocast_enabled", "mixed precision"),
    ("", "transpose_copy", "transpose(...).clone()"), ("nn", "AlphaDropout", "Dropout"), ("nn", "relu", "functional"),
    ("nn", "SyncBatchNorm", "BatchNorm2d"), ("nn", "Linaer", "Linear"), ("nn.functional", "upsample", "interpolate"),
    ("nn.init", "xavier_uniform", "xavier_uniform_()"), ("nn.utils", "clip_grad_norm", "clip_grad_norm_"),
    ("optim", "Adafactor", "AdamW"), ("optim", "adam", "Adam"), ("utils.data", "DistributedSampler", "one process"),
    ("linalg", "lu_factor", "linalg.lu"), ("special", "bessel_j0", "grad_engine.scipy.special.j0"),
    ("distributions", "Wishart", "_drawn()"), ("func", "linearize", "func.jvp"), ("amp", "custom_fwd", "precision"),
]  # fmt: skip
ON_TENSORS = [
    ("storage", "numpy()"), ("exp_", None), ("as_subclass", "attribute"), ("pin_memory", "CPU"), ("igamma", "gammainc"),
    ("split_with_sizes", "split_size"), ("to_sparse_csr", "dense"), ("resize", "reshape"), ("new", "new_zeros"),
    ("symeig", "eigh"), ("logical_or_", "x.copy_(logical_or(x))"), ("apply_", "copy_()"), ("angle", "np.angle"),
]  # fmt: skip


def room(path: str, root: Any = ge) -> Any:
    return attrgetter(path)(root) if path else root


@pytest.mark.parametrize(("place", "name", "words"), ASKED)
def test_a_name_that_is_not_here_says_what_to_write(place: str, name: str, words: str) -> None:
    with pytest.raises(AttributeError, match=re.escape(words)) as caught:
        getattr(room(place), name)
    assert str(caught.value).startswith(f"grad_engine{'.' * bool(place)}{place} has no {name!r}")


@pytest.mark.parametrize(("name", "words"), ON_TENSORS)
def test_a_method_that_is_not_here_says_what_to_write(name: str, words: str | None) -> None:
    x = ge.tensor([1.0])
    if words is None:
        assert hasattr(x, name)
        return
    with pytest.raises(AttributeError, match=re.escape(words)):
        getattr(x, name)
    assert not hasattr(x, name) and not hasattr(ge.Tensor, name) and name not in dir(x)
    if not hasattr(np.ndarray, name):
        with pytest.raises(AttributeError):
            getattr(x.data, name)


def test_modules_and_optimisers_say_it_too() -> None:
    layer, optimiser = nn.Linear(2, 2), optim.SGD([ge.ones(2).requires_grad_()], 0.1)
    with pytest.raises(AttributeError, match=r"grad_engine\.compile"):
        _ = layer.compile
    with pytest.raises(AttributeError, match="state_dict"):
        _ = optimiser.state
    assert "compile" not in dir(layer) and "weight" in dir(layer) and not hasattr(layer, "bfloat16")


@pytest.mark.torch
@pytest.mark.parametrize("place", ROOMS)
def test_every_name_of_pytorchs_is_here_or_says_what_to_do(place: str) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("scipy")
    theirs = importlib.import_module(f"torch.{place}") if place and place != "special" else room(place, torch)
    mine = room(place)
    silent = []
    for name in dir(theirs):
        if name.startswith("_") or not callable(getattr(theirs, name, None)):
            continue
        try:
            getattr(mine, name)
        except AttributeError as error:
            if name not in str(error) or not WAYS.search(str(error).split(";", 1)[-1]):
                silent.append(str(error))
    assert not silent


@pytest.mark.torch
def test_every_method_of_pytorchs_is_here_or_says_what_to_do() -> None:
    torch = pytest.importorskip("torch")
    x, module = ge.tensor([[1.0]]), nn.Linear(1, 1)
    silent = []
    for mine, theirs in ((x, torch.Tensor), (module, torch.nn.Linear)):
        for name in dir(theirs):
            if name.startswith("_") or name in (
                "indices",
                "values",
                "T_destination",
                "call_super_init",
                "dump_patches",
                "volatile",
            ):
                continue
            try:
                getattr(mine, name)
            except AttributeError as error:
                if not WAYS.search(str(error).split(";", 1)[-1]):
                    silent.append(str(error))
    assert not silent


def _exists(path: str) -> bool:
    """Whether a dotted name that words speak of is something of ours, of NumPy's or of Python's."""
    path = path.removeprefix("grad_engine.").removeprefix("x.").removeprefix("F.").removeprefix("w.")
    roots = [ge, nn, nn.functional, nn.init, nn.utils, nn.utils.rnn, optim, ge.distributions, ge.Tensor, nn.Module]
    if path.startswith("np."):
        roots, path = [np], path[3:]
    for root in [*roots, builtins]:
        try:
            attrgetter(path)(root)
        except (AttributeError, ImportError):
            continue
        return True
    return False


def test_what_the_words_name_exists() -> None:
    pytest.importorskip("scipy")
    given = {"d", "f", "sample", "log_prob", "step"}
    for name, words in WORDS.items():
        for path in re.findall(r"([A-Za-z_][\w.]*)\(", words):
            plain = re.sub(r"^(x|y|z|w|L|a|b|model|self|action)\.(\w+\.)?(?=\w+$)", "", path)
            assert path in given or _exists(path) or _exists(plain), f"{name}: {path}"


def test_missing_names_cost_nothing_where_they_are_not_asked_for() -> None:
    """They are descriptors: a __getattr__ on Tensor would slow down every look at an attribute."""
    assert not hasattr(ge.Tensor, "__getattr__") and not hasattr(nn.Module, "__getattr__")
    assert any(type(value) is Missing for value in vars(ge.Tensor).values())
