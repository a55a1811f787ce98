"""Every operator that PyTorch can differentiate is here or left out for a reason, and agrees on PyTorch's samples."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import pytest

import grad_engine as ge

torch = pytest.importorskip("torch")
F = torch.nn.functional

from tests.against_torch import agree  # noqa: E402
from tests.ops.torch_samples import OPERATORS, PyTorchRefuses, compared, highest_order, samples  # noqa: E402
from tests.ops.torch_spelling import ABSENT, SPELLED, WRITTEN_OUT, absent, spelled  # noqa: E402

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
@pytest.mark.filterwarnings("ignore:torch.qr is deprecated:UserWarning")  # said once, when some sample is made
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


HARD: dict[str, tuple[Callable[..., Any], Callable[..., Any], list[float]]] = {
    "fold": (
        lambda x: ge.fold(x.reshape(4, 6), (3, 4), 2), lambda t: F.fold(t.reshape(4, 6), (3, 4), 2),
        list(range(24)),
    ),
    "logit": (lambda x: ge.logit(x), torch.logit, [-1.0, 0.0, 0.5, 1.0, 2.0, math.nan]),
    "logit with eps": (lambda x: ge.logit(x, 0.1), lambda t: t.logit(0.1), [-1.0, 0.0, 0.1, 0.5, 0.9, 2.0]),
    "copysign": (lambda x: ge.copysign(x, -1.0), lambda t: t.copysign(-1.0), [-1.0, 0.0, 2.0, math.nan]),
    "xlog1py": (lambda x: ge.xlog1py(x, -1.0), lambda t: torch.special.xlog1py(t, torch.tensor(-1.0)), [0.0, 1.0]),
    "i1": (lambda x: ge.i1(x), torch.special.i1, [-2.0, 0.0, 3.0]),
    "logdet": (lambda x: ge.logdet(x.reshape(2, 2)), lambda t: t.reshape(2, 2).logdet(), [1.0, 2.0, 3.0, 4.0]),
    "logcumsumexp": (
        lambda x: ge.logcumsumexp(x), lambda t: t.logcumsumexp(0), [-math.inf, 1000.0, 1000.0, -1000.0],
    ),
    "quantile of equals": (lambda x: ge.quantile(x, 0.5), lambda t: t.quantile(0.5), [1.0, 1.0, 1.0, 2.0]),
    "quantile of NaN": (lambda x: ge.quantile(x, 0.5), lambda t: t.quantile(0.5), [1.0, math.nan, 2.0]),
    "nanmedian": (lambda x: ge.nanmedian(x), torch.nanmedian, [1.0, math.nan, 2.0, 2.0, 2.0, 3.0]),
    "cdist of equals": (
        lambda x: ge.cdist(x.reshape(3, 2), x.reshape(3, 2)), lambda t: torch.cdist(t.reshape(3, 2), t.reshape(3, 2)),
        [0.0, 0.0, 1.0, 2.0, 0.0, 0.0],
    ),
    "scatter_reduce prod": (
        lambda x: ge.scatter_reduce(x[:3], 0, [0, 0, 1, 1], x[3:], "prod"),
        lambda t: t[:3].scatter_reduce(0, torch.tensor([0, 0, 1, 1]), t[3:], "prod"),
        [2.0, 0.0, 1.0, 0.0, 3.0, 0.0, 5.0],
    ),
    "scatter_reduce amax": (
        lambda x: ge.scatter_reduce(x[:3], 0, [0, 0, 1, 1], x[3:], "amax"),
        lambda t: t[:3].scatter_reduce(0, torch.tensor([0, 0, 1, 1]), t[3:], "amax"),
        [2.0, math.nan, 1.0, 2.0, 2.0, 0.0, 5.0],
    ),
    "ctc_loss without letters": (
        lambda x: ge.ctc_loss(x.reshape(3, 2, 2).log_softmax(), [[1], [1]], [3, 2], [0, 1], reduction="none"),
        lambda t: F.ctc_loss(
            t.reshape(3, 2, 2).log_softmax(-1), torch.tensor([[1], [1]]), (3, 2), (0, 1), reduction="none"
        ),
        list(range(12)),
    ),
    "ctc_loss without time": (
        lambda x: ge.ctc_loss(x.reshape(2, 1, 2).log_softmax(), [[1, 1]], [2], [2], zero_infinity=True),
        lambda t: F.ctc_loss(
            t.reshape(2, 1, 2).log_softmax(-1), torch.tensor([[1, 1]]), (2,), (2,), zero_infinity=True
        ),
        list(range(4)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HARD)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_hard_points_that_the_samples_leave_out(name: str) -> None:
    mine, theirs, numbers = HARD[name]
    agree(mine, theirs, np.array(numbers, float), order=1)


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
