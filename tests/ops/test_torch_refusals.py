"""What PyTorch refuses is refused here too, by an error of the project's own, unless NumPy gives it a meaning."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import pytest

import grad_engine as ge

torch = pytest.importorskip("torch")

from tests.ops.torch_samples import OPERATORS, samples, translated  # noqa: E402
from tests.ops.torch_spelling import SPELLED, WRITTEN_OUT, absent, spelled  # noqa: E402

FIRST = 8  # samples of an operator, of which every fourth is spoilt
LARGE = 3000  # elements
MOST_AXES = 64  # of an array of NumPy

# What PyTorch refuses and has a meaning here, by operator and by what was spoilt.
MEANT = [
    ("NumPy: numbers are tensors too", r".*", r"a number for a tensor"),
    ("NumPy: dtypes are promoted", r".*", r"dtypes that differ"),
    ("NumPy: a vector is a row of tril and triu; trace is of the first two axes", r"tri[lu]|trace", r"PyTorch's own"),
    ("NumPy: the mean of whole numbers is a float", r"mean", r"PyTorch's own"),
    ("NumPy: several shifts along one axis add up", r"roll", r"PyTorch's own"),
    ("a list of one number is one for each axis", r"nn\..*(unfold|fold|interpolate|unpool).*", r".*: shorter"),
    ("the sum may be divided by any number", r"nn\..*avg_pool.d", r".*: 1\.5"),
    ("no channels make no windows", r"nn\..*max_pool.d", r"PyTorch's own"),
    ("an axis without elements is all padding", r"nn\..*(conv|unfold).*", r"input: empty"),
    ("an eps of 0 or less is the caller's own business", r"nn\.functional\.batch_norm", r"eps: .*"),
    ("a turn by nothing has no axes", r"rot90", r".*: halves"),
    ("nothing is looked at where there is nothing", r"linalg\.pinv", r"rtol: word"),
]  # fmt: skip

OWN = [
    name
    for name, op in OPERATORS.items()
    if torch.float64 in op.dtypes and spelled(name) and not absent(name)
    if not any(key in table for table in (SPELLED, WRITTEN_OUT) for key in (name, name.partition("|")[0]))
]


def spoilt(value: Any) -> Iterator[tuple[str, Any]]:
    """Values that are off in length, place or kind. Other dtypes and numbers of axes are NumPy's to interpret."""
    if isinstance(value, torch.Tensor) and value.ndim and value.shape[0]:
        yield "longer", torch.cat([value, value[:1]]).detach()
        yield "empty", value[..., :0].detach()
        if value.shape[-1]:
            yield "wider", torch.cat([value, value[..., :1]], -1).detach()
        if value.dtype == torch.int64:
            yield "large", value + 100
            yield "negative", value - 100
    elif isinstance(value, str):
        yield "word", "nonsense"
    elif isinstance(value, bool):
        return
    elif isinstance(value, int):
        yield from ((str(other), other) for other in (value + 9, -value - 9, 1.5))
        yield "word", "nonsense"
    elif isinstance(value, float):
        yield "word", "nonsense"
        yield "negative", -value - 1
    elif isinstance(value, tuple | list) and value and all(type(part) is int for part in value):
        yield "far", tuple(part + 9 for part in value)
        yield "negative", tuple(-part - 9 for part in value)
        if len(value) <= MOST_AXES / 2:
            yield "longer", (*value, *value)
        yield "shorter", tuple(value[:-1])
        yield "halves", tuple(part + 0.5 for part in value)


def spoilt_samples(name: str) -> Iterator[tuple[str, Any]]:
    """Samples of an operator with one argument spoilt, and those that PyTorch tests its own errors with."""
    small = [
        sample
        for sample in islice(samples(name), FIRST)
        if not isinstance(sample.input, torch.Tensor) or sample.input.numel() <= LARGE
    ]
    for sample in small[::4]:
        for what, other in spoilt(sample.input):
            yield f"input: {what}", replaced(sample, input=other)
        for k, value in enumerate(sample.args):
            for what, other in spoilt(value):
                yield f"{k}: {what}", replaced(sample, args=(*sample.args[:k], other, *sample.args[k + 1 :]))
        for key, value in sample.kwargs.items():
            for what, other in spoilt(value):
                yield f"{key}: {what}", replaced(sample, kwargs={**sample.kwargs, key: other})
    if OPERATORS[name].error_inputs_func is not None:
        for each in OPERATORS[name].error_inputs("cpu"):
            if not isinstance(each.sample_input.input, torch.Tensor) or each.sample_input.input.ndim <= MOST_AXES:
                yield named(each.sample_input), each.sample_input


def replaced(sample: Any, **changes: Any) -> Any:
    kinds = {"input": sample.input, "args": sample.args, "kwargs": sample.kwargs} | changes
    return type(sample)(kinds["input"], args=kinds["args"], kwargs=kinds["kwargs"])


def named(sample: Any) -> str:
    given = [sample.input, *sample.args]
    if any(isinstance(part, int) for part in given[:2]) and len(given) < 3:
        return "a number for a tensor"
    dtypes = {part.dtype for part in [*given, *sample.kwargs.values()] if isinstance(part, torch.Tensor)}
    return "dtypes that differ" if len(dtypes) > 1 else "PyTorch's own"


def meant(name: str, what: str) -> bool:
    return any(re.fullmatch(operators, name) and re.fullmatch(kind, what) for _, operators, kind in MEANT)


def answers(name: str, sample: Any) -> tuple[Any, Any]:
    """What PyTorch and this project say of a sample: a result, or the error."""
    call = spelled(name)
    assert call is not None
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            theirs = OPERATORS[name](sample.input, *sample.args, **sample.kwargs)
        except Exception as error:
            theirs = error
        else:
            return theirs, None  # nothing was refused
        made: dict[int, ge.Tensor] = {}
        first, *rest = translated([sample.input, *sample.args], made)
        try:
            return theirs, call(first, *rest, **{key: translated(value, made) for key, value in sample.kwargs.items()})
        except Exception as error:
            return theirs, error


@pytest.mark.parametrize("name", OWN)
def test_what_pytorch_refuses_is_refused(name: str) -> None:
    for what, sample in spoilt_samples(name):
        if not meant(name, what):
            theirs, ours = answers(name, sample)
            refused = isinstance(theirs, Exception)
            assert not refused or isinstance(ours, ge.GradEngineError), f"{what}: {sample}"


@pytest.mark.parametrize(("why", "operators", "kind"), MEANT, ids=[why[:40] for why, _, _ in MEANT])
def test_what_has_a_meaning_here_is_accepted(why: str, operators: str, kind: str) -> None:
    """A reason that no sample needs any more leaves the list."""
    for name in filter(re.compile(operators).fullmatch, OWN):
        for what, sample in spoilt_samples(name):
            if re.fullmatch(kind, what):
                theirs, ours = answers(name, sample)
                if isinstance(theirs, Exception) and not isinstance(ours, Exception):
                    return
    pytest.fail(f"nothing is accepted: {why}")
