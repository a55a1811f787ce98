"""PyTorch's commonest calls, made here in PyTorch's spelling: nothing else may happen unnoticed."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.core.define import DIFFERENT
from tests.ops.pytorch_calls import CALLS

torch = pytest.importorskip("torch")


def operands(engine: Any) -> dict[str, Any]:
    """The variables of the calls, the same numbers for each engine."""
    rng = np.random.default_rng(0)
    arrays = {
        "x": rng.standard_normal((2, 3)), "y": rng.standard_normal((2, 3)), "m": rng.standard_normal((3, 3)),
        "v": rng.standard_normal(4), "b": rng.standard_normal((2, 2, 3)), "k": np.array([[2, 0], [1, 1]]),
        "n": np.array([[2, 0, 1], [1, 1, 0]]), "i": np.array([3, 0, 0]), "p": rng.random((2, 3)) > 0.5,
    }  # fmt: skip
    made = {name: engine.tensor(array) for name, array in arrays.items()}
    return made | {"w": engine.tensor(rng.standard_normal(3), requires_grad=True), "torch": engine}


def plain(value: Any) -> list[np.ndarray]:
    """What a call gave, as arrays: one, or those of a tuple."""
    if isinstance(value, tuple | list) and not all(isinstance(each, int | float) for each in value):
        return [array for part in value for array in plain(part)]
    if isinstance(value, torch.Tensor | ge.Tensor):
        value = value.detach().numpy()
    return [np.asarray(value)]


def same(mine: Any, theirs: Any) -> bool:
    one, other = plain(mine), plain(theirs)
    return len(one) == len(other) and all(
        a.shape == b.shape and np.allclose(a, b, rtol=1e-6, atol=1e-7, equal_nan=True)
        for a, b in zip(one, other, strict=True)
    )


def run(line: str, engine: Any) -> Any:
    return eval(compile(line, "<call>", "eval"), operands(engine))


def outcome(line: str) -> str:
    """same, refused, warned, told (in the table and in help()), or what is silently different."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = run(line, torch)
    with warnings.catch_warnings(record=True) as seen, np.errstate(all="ignore"):
        warnings.simplefilter("always")
        try:
            mine = run(line, ge)
        except ge.GradEngineError:
            return "refused"
    if callable(mine) and callable(theirs):
        return "same"
    if re.search(r"\b(rand|randn|randint|empty)\(", line):
        return "same" if tuple(mine) == tuple(theirs) else "different"
    if same(mine, theirs):
        return "same"
    if any(issubclass(each.category, ge.SpellingWarning) for each in seen):
        return "warned"
    called = re.findall(r"(\w+)\(", line)
    return "told" if any(name in DIFFERENT for name in called) else f"different: {mine!r} is not {theirs!r}"


@pytest.mark.parametrize("line", CALLS)
def test_a_call_in_pytorchs_spelling_is_never_silently_different(line: str) -> None:
    """The same answer, an error that names ours, a warning, or a difference that help() and the table tell."""
    assert outcome(line) in ("same", "refused", "warned", "told")


def test_most_calls_just_work() -> None:
    """Nine of ten give the same answer."""
    found = [outcome(line) for line in CALLS]
    assert len(CALLS) >= 300 and found.count("same") >= 0.85 * len(found), {w: found.count(w) for w in set(found)}


def test_differences_are_told_in_help() -> None:
    for name, words in DIFFERENT.items():
        assert words in " ".join(str(getattr(ge, name).__doc__).split()), name
