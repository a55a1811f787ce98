"""Every operator that PyTorch can differentiate is here or left out for a reason, and agrees on PyTorch's samples."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tests.torch_samples import OPERATORS, PyTorchRefuses, compared, highest_order, samples  # noqa: E402
from tests.torch_spelling import ABSENT, SPELLED, WRITTEN_OUT, absent, spelled  # noqa: E402

MANY = 3  # samples of each operator; all of them take minutes
FIRST = 24  # come into question, because PyTorch takes its time to make them
LARGE = 100_000  # elements


@dataclass(frozen=True)
class Difference:
    """Samples on which this project is meant to differ."""

    why: str
    operators: str  # a regular expression
    when: Callable[[Any], bool]  # of a sample


def _is_large(sample: Any) -> bool:
    return isinstance(sample.input, torch.Tensor) and sample.input.numel() > LARGE


def _drops(sample: Any) -> bool:
    return 0 < sample.kwargs.get("p", 0.5) < 1 and sample.kwargs.get("training", True)


def _repeats(sample: Any) -> bool:
    places = sample.args[0]
    n = places.ndim - 2
    rows = places.reshape(-1, *places.shape[-n:]).flatten(1) if n > 0 else places.reshape(1, -1)
    return any(len(set(row.tolist())) < row.numel() for row in rows)


def _legacy(sample: Any) -> bool:
    return any(part.shape == (0,) for part in sample.input) and any(part.ndim > 1 for part in sample.input)


def _longer_than_1(sample: Any) -> bool:
    axes = sample.args[0] if sample.args else ()
    return any(sample.input.shape[k] != 1 for k in (axes if isinstance(axes, tuple) else (axes,)) if sample.input.ndim)


DIFFERENCES = [
    Difference(
        "NumPy: a tensor without axes has no axis 0, and a running sum of it is a vector",
        r"squeeze\|multiple|argsort|cum(max|min|prod|sum)|gather|index_(add|copy|fill|reduce|select).*|kthvalue|logcumsumexp|logsumexp"
        r"|scatter.*|sort|topk|transpose.*|unfold.*|linalg\.vander|nn\.functional\.multi_margin_loss",
        lambda sample: sample.input.ndim == 0,
    ),
    Difference("NumPy: only an axis of length 1 can be squeezed away", r"squeeze.*", _longer_than_1),
    Difference("NumPy: what is joined has as many axes, also when it is empty", r"cat", _legacy),
    Difference(
        "NumPy: an ellipsis that the result of einsum leaves out is an error, not a sum", r"einsum",
        lambda sample: "..." in sample.args[0] and "..." not in sample.args[0].partition("->")[2],
    ),
    Difference(
        "NumPy: what tensordot sums over has the same length in both", r"tensordot",
        lambda sample: sample.input.shape == (1, 1, 1),
    ),
    Difference(
        "NumPy: solve takes only a right side of one axis for a vector", r"linalg\.solve",
        lambda sample: 1 < sample.args[0].ndim == sample.input.ndim - 1,
    ),
    Difference(
        "an index has as many axes as what it is for, also when it is empty", r"gather",
        lambda sample: sample.args[1].ndim != sample.input.ndim,
    ),
    Difference(
        "NumPy: an axis that was cut to nothing has no edge to repeat", r"nn\.functional\.pad\|replicate_negative",
        lambda sample: any(n + min(a, 0) + min(b, 0) <= 0 for n, a, b in zip(
            sample.input.shape[::-1], sample.args[0][::2], sample.args[0][1::2], strict=False
        )),
    ),
    Difference(
        "batch_norm takes a batch and channels", r"nn\.functional\.batch_norm", lambda sample: sample.input.ndim == 1
    ),
    Difference(
        "of several writes to one place the last is the value, so it alone has a gradient",
        r"nn\.functional\.max_unpool.d", _repeats,
    ),
    Difference("random", r"nn\.functional\.dropout.*", _drops),
    Difference(
        "random", r"nn\.functional\.scaled_dot_product_attention", lambda sample: bool(sample.kwargs.get("dropout_p"))
    ),
]  # fmt: skip

# PyTorch's second derivative is NaN at a norm of 0, or turns vectors there that any rotation leaves as good.
FIRST_ORDER_ONLY = {"linalg.norm|subgradients_at_zero"}


def difference(name: str, sample: Any) -> Difference | None:
    """Why the two may differ on a sample."""
    return next((d for d in DIFFERENCES if re.fullmatch(d.operators, name) and d.when(sample)), None)


def order_of(name: str) -> int:
    return 1 if name in FIRST_ORDER_ONLY else highest_order(name)


HERE = [name for name, op in OPERATORS.items() if torch.float64 in op.dtypes and spelled(name) and not absent(name)]


@pytest.mark.parametrize("name", HERE)
def test_agrees(name: str) -> None:
    """On some samples."""
    alike = [
        sample for sample in islice(samples(name), FIRST) if difference(name, sample) is None and not _is_large(sample)
    ]
    met = 0
    for sample in alike[:: max(len(alike) // MANY, 1)]:
        try:
            fault = compared(name, sample, order_of(name))
        except PyTorchRefuses:
            continue
        assert not fault, f"{sample.args} {sample.kwargs}"
        met += 1
    assert met


@pytest.mark.parametrize("each", DIFFERENCES, ids=lambda each: f"{each.operators[:30]}: {each.why[:30]}")
def test_differs_as_it_is_meant_to(each: Difference) -> None:
    """A difference that is no longer one leaves the list."""
    for name in filter(re.compile(each.operators).fullmatch, HERE):
        met = (sample for sample in samples(name) if difference(name, sample) is each)
        if any(compared(name, sample, 1) for sample in islice(met, 3)):
            return
    pytest.fail(f"no sample differs: {each.why}")


@pytest.mark.skipif(not torch.__version__.startswith("2.13."), reason="the list of operators is that of PyTorch 2.13")
def test_every_operator_is_accounted_for() -> None:
    """What PyTorch can differentiate in float64 is here or has a reason not to be; no spelling is left over."""
    differentiable = [name for name, op in OPERATORS.items() if torch.float64 in op.dtypes and op.supports_autograd]
    assert not [name for name in differentiable if spelled(name) is None and absent(name) is None]
    plain = {name.partition("|")[0] for name in OPERATORS}
    assert not [name for name in (*SPELLED, *WRITTEN_OUT) if name not in OPERATORS and name not in plain]
    assert not [why for why, pattern in ABSENT.items() if not any(map(re.compile(pattern).fullmatch, differentiable))]


def test_a_wrong_gradient_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison itself."""
    (sample,) = samples("sin")
    assert compared("sin", sample, 2) == ""
    monkeypatch.setitem(SPELLED, "sin", lambda x: x.sin() + x * 1e-3 - (x * 1e-3).data)
    assert compared("sin", sample, 2).startswith("gradient 1")
    monkeypatch.setitem(SPELLED, "sin", lambda x: x.sin() * 1.001)
    assert compared("sin", sample, 2).startswith("value")
    monkeypatch.setitem(SPELLED, "sin", lambda x: x.sin(axis=0))
    assert compared("sin", sample, 2).startswith(("refused", "raised"))
    assert np.isfinite(sample.input.detach().numpy()).all()
