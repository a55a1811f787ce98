"""The same call in both engines: the same answer, an error, or a warning with both meanings; for every function.

The arguments are tried, not chosen: each function gets each list of them on each array, by place and by keyword.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import grad_engine as torch  # under this name it warns of what PyTorch means otherwise
from grad_engine import linalg
from grad_engine.core.array_kinds import ArrayWithMethods
from grad_engine.core.define import CALLS
from grad_engine.nn import functional

theirs = pytest.importorskip("torch")
pytest.importorskip("scipy")  # some functions need it

_RNG = np.random.default_rng(0)


def _spread(*shape: int) -> np.ndarray:
    """Different numbers of both signs, none whole."""
    size = int(np.prod(shape))
    return _RNG.permutation(np.linspace(-1.73, 1.91, size)).reshape(shape)


ARRAYS = {
    "matrix": _spread(2, 3), "square": _spread(3, 3) + 3 * np.eye(3), "vector": _spread(4), "cube": _spread(2, 2, 3),
    "whole": np.array([[0, 4, 1], [3, 2, 5]]),
}  # fmt: skip
BY_PLACE: list[tuple[Any, ...]] = [
    (), (0,), (1,), (-1,), (2,), (0, 1), (1, 0), (-1, 0), (2, 1), ([0, 1],), ("other",), ("row",), (0.5,), (0, True),
    (1, True), (True,), ("other", 0), ("other", 1), (3,), (1, 2), ("other", "other"), ("mask",), (1, "places"),
    ("mask", 0.5), (2, 2),
]  # fmt: skip
BY_NAME: list[dict[str, Any]] = [
    {}, {"dim": 0}, {"dim": 1}, {"dim": -1}, {"dim": 0, "keepdim": True}, {"descending": True}, {"dim": (0, 1)},
    {"p": 1}, {"keepdim": True}, {"reduction": "sum"}, {"dims": (0,)},
]  # fmt: skip
ROOMS: dict[str, tuple[Any, Any]] = {
    "torch": (torch, theirs), "method": (torch.Tensor, theirs.Tensor), "data": (ArrayWithMethods, theirs.Tensor),
    "linalg": (linalg, theirs.linalg), "functional": (functional, theirs.nn.functional),
}  # fmt: skip
# What differs and is told, or does not matter: why -> names.
TOLD = {
    "reductions of torch.* are numbers": "binary_cross_entropy_with_logits hinge_embedding_loss kl_div "
    "margin_ranking_loss triplet_margin_loss cosine_embedding_loss poisson_nll_loss ctc_loss",
    "PyTorch's takes a factor for granted that this one does not": "cholesky_solve bucketize searchsorted",
    "signs of singular vectors are free": "svd",
    "three matrices, and not two": "lu",
    "the table of PYTORCH.md has it": "unique_consecutive adaptive_max_pool1d adaptive_max_pool2d",
    "whole numbers become floats where a float comes in": "masked_fill",
    "edges of bins": "histc",
    "an eps above a half leaves no numbers": "logit logit_",
    "True is no axis": "count_nonzero",
    "it draws": "bernoulli bernoulli_ normal_ uniform_ random_ poisson multinomial dropout dropout1d dropout2d "
    "dropout3d gumbel_softmax normal randn_like rand_like randint_like new_empty empty_like alpha_dropout "
    "feature_dropout exponential_ cauchy_ geometric_ log_normal_",
    "the residuals are those of NumPy": "lstsq",
    "a flag in the place of a dtype": "to type",
    "NumPy's own, in place": "resize put",
    "every tensor is dense": "to_sparse",
    "lays nothing out no times": "repeat",
    "vectors are broadcast before the axis is counted": "vecdot",
    "whole numbers stay so in PyTorch": "addcmul addr heaviside hardtanh linear l1_loss",
}
EXCUSED = frozenset(name for names in TOLD.values() for name in names.split())
_INSIDE = [
    f"{room}.{name}" for room in ("linalg", "functional") for name, value in sorted(vars(ROOMS[room][0]).items())
    if not name.startswith("_") and callable(value) and not isinstance(value, type) and name not in CALLS
]  # fmt: skip
NAMES = [*sorted({*CALLS} | {name for name in vars(torch.Tensor) if not name.startswith("_")}), *_INSIDE]


def _given(words: tuple[Any, ...], array: np.ndarray, engine: Any) -> list[Any]:
    made = {
        "other": lambda: np.array(array.reshape(-1)[::-1]).reshape(array.shape),
        "row": lambda: array.reshape(-1, array.shape[-1])[0].copy(),
        "mask": lambda: array > np.median(array),
        "places": lambda: np.arange(array.size).reshape(array.shape) % array.shape[-1],
    }
    return [engine.tensor(made[word]()) if isinstance(word, str) else word for word in words]


def _flat(value: Any) -> list[Any]:
    if isinstance(value, tuple | list):
        return [part for each in value for part in _flat(each)]
    if isinstance(value, theirs.Tensor | torch.Tensor):
        value = value.detach().numpy()
    return [np.asarray(value)]


def _differ(mine: Any, other: Any) -> str:
    """In which way two answers differ; "" for the same."""
    if not isinstance(other, theirs.Tensor | tuple | list):
        return ""
    ours, expected = _flat(mine), _flat(other)
    if len(ours) != len(expected):
        return f"{len(ours)} results for {len(expected)}"
    for a, b in zip(ours, expected, strict=True):
        if a.shape != b.shape:
            return f"shape {a.shape} for {b.shape}"
        if b.dtype.kind in "biuf" and not np.allclose(a.astype(float), b.astype(float), rtol=1e-6, equal_nan=True):
            return f"{a.reshape(-1)[:3]} for {b.reshape(-1)[:3]}"
    return ""


def _silent(room: str, name: str) -> list[str]:
    """The calls that both engines take, answer differently, and say nothing of."""
    mine, other = (getattr(each, name, None) for each in ROOMS[room])
    if not callable(mine) or not callable(other) or isinstance(other, type):
        return []
    found = []
    for label, array in ARRAYS.items():
        for words in BY_PLACE:
            for named in BY_NAME if len(words) < 2 else [{}]:
                try:
                    expected = other(theirs.tensor(array.copy()), *_given(words, array, theirs), **named)
                except Exception:  # it has no such call
                    continue
                x = torch.tensor(array.copy())
                with warnings.catch_warnings(record=True) as seen:
                    warnings.simplefilter("always")
                    try:
                        got = mine(x.data if room == "data" else x, *_given(words, array, torch), **named)
                        said = _differ(got, expected)
                        if said and isinstance(expected, tuple) and len(expected) == 2:
                            first, second = got  # the pair that two names get
                            said = _differ((first, second), expected)
                    except Exception:  # refused
                        continue
                if said and not seen:
                    found.append(f"{name}{words} {named} of {label}: {said}")
    return found


@pytest.fixture(autouse=True)
def _doubles() -> Any:
    before = theirs.get_default_dtype()
    theirs.set_default_dtype(theirs.float64)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield
    theirs.set_default_dtype(before)


@pytest.mark.torch
@pytest.mark.parametrize("name", NAMES)
def test_the_same_call_has_the_same_answer_or_says_so(name: str) -> None:
    room, _, plain = name.rpartition(".")
    if plain in EXCUSED:
        return
    rooms = [room] if room else ["torch", "method", "data", "functional"]
    assert not [line for each in rooms for line in _silent(each, plain)]
