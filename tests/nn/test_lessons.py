"""Lessons written for PyTorch, run here by changing the import alone: the same losses, step by step."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import grad_engine as ge
from tests.nn.lessons import LARGE, LESSONS, compiled, run

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_gives_pytorchs_losses(name: str) -> None:
    """Not a line of it is changed; every step agrees to 1e-9."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's own, of nested tensors and older names
        theirs = run(compiled(name), torch)
    mine = run(compiled(name), ge)
    assert len(mine) == len(theirs) >= 3
    np.testing.assert_allclose(mine, theirs, rtol=1e-9)


def test_every_lesson_has_the_size_for_timing() -> None:
    assert LARGE.keys() == LESSONS.keys()
    for name, sizes in LARGE.items():
        small = LESSONS[name].splitlines()[1]
        assert small.split("=")[0] == sizes.split("=")[0], name
