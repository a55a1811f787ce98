"""Snippets written for PyTorch, run here by changing the import alone: the same numbers, or words."""

from __future__ import annotations

import math
import warnings
import zlib
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from tests.nn.snippets import SAID, SNIPPETS


def results(text: str, engine: Any) -> list[Any]:
    """What a snippet gives to R(), where `engine` is what it calls torch."""
    found: list[Any] = []

    def numbers(*shape: int, k: int = 0) -> np.ndarray:
        return np.random.default_rng(k).standard_normal(shape)

    def begun(module: Any) -> Any:
        state = module.state_dict()
        for name, value in module.named_parameters():
            drawn = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(tuple(value.shape))
            state[name] = engine.tensor(0.4 * drawn)
        module.load_state_dict(state)
        return module

    names: dict[str, Any] = {
        "torch": engine, "nn": engine.nn, "F": engine.nn.functional, "numbers": numbers, "begun": begun, "math": math,
        "t": lambda *shape, k=0: engine.tensor(numbers(*shape, k=k)), "R": lambda *values: found.extend(values),
    }  # fmt: skip
    before = engine.get_default_dtype()
    engine.set_default_dtype(engine.float64)
    try:
        exec(compile(text, "<snippet>", "exec"), names)
    finally:
        engine.set_default_dtype(before)
    return found


def plain(value: Any) -> Any:
    return value.detach().numpy() if hasattr(value, "detach") else value


@pytest.mark.torch
@pytest.mark.parametrize("name", SNIPPETS)
def test_a_snippet_gives_pytorchs_numbers(name: str) -> None:
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's own
        theirs = results(SNIPPETS[name], torch)
    mine = results(SNIPPETS[name], ge)
    assert len(mine) == len(theirs) > 0
    for one, other in zip(map(plain, mine), map(plain, theirs), strict=True):
        if isinstance(one, str):
            assert one == other
            continue
        assert np.shape(one) == np.shape(other)
        assert np.asarray(one).dtype.kind == np.asarray(other).dtype.kind
        np.testing.assert_allclose(
            np.asarray(one, float), np.asarray(other, float), rtol=1e-9, atol=1e-10, equal_nan=True
        )


@pytest.mark.parametrize("name", SAID)
def test_what_is_not_here_says_what_to_write(name: str) -> None:
    text, words = SAID[name]
    with pytest.raises((ge.GradEngineError, AttributeError), match=words):
        results(text, ge)
