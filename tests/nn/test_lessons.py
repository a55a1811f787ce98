"""Lessons written for PyTorch, run here by changing the import alone: the same losses, step by step."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from tests.nn.lessons import LESSONS

torch = pytest.importorskip("torch")


def drawn(name: str) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(name.encode()))


def start(name: str, *shape: int) -> np.ndarray:
    return drawn(name).standard_normal(shape)


def whole(name: str, below: int, *shape: int) -> np.ndarray:
    return drawn(name).integers(0, below, shape)


def begun(module: Any) -> Any:
    """A module of either engine with the same first values, by the names of its state."""
    state = module.state_dict()
    for key, value in state.items():
        if np.dtype(str(value.dtype).removeprefix("torch.")).kind == "f" and "running" not in key and "tril" not in key:
            numbers = 0.4 * start(key, *value.shape)
            state[key] = torch.tensor(numbers) if isinstance(value, torch.Tensor) else ge.tensor(numbers)
    module.load_state_dict(state)
    return module


def losses_of(lesson: str, engine: Any) -> list[float]:
    names: dict[str, Any] = {
        "torch": engine, "nn": engine.nn, "F": engine.nn.functional, "start": start, "whole": whole, "begun": begun,
        "losses": [],
    }  # fmt: skip
    before = engine.get_default_dtype()
    engine.set_default_dtype(engine.float64)
    try:
        exec(compile(lesson, "<lesson>", "exec"), names)
    finally:
        engine.set_default_dtype(before)
    return names["losses"]


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_gives_pytorchs_losses(name: str) -> None:
    """Not a line of it is changed; every step agrees to 1e-9."""
    mine, theirs = (losses_of(LESSONS[name], engine) for engine in (ge, torch))
    assert len(mine) == len(theirs) >= 3
    np.testing.assert_allclose(mine, theirs, rtol=1e-9)
