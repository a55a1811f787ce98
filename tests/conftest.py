"""What all tests share: the same random cases on every run, and markers that follow from where a test stands."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import settings

# No clock decides over a test on a busy machine, and a failure found once is found again.
settings.register_profile("same-every-time", derandomize=True, deadline=None, database=None)
settings.load_profile("same-every-time")

FILMS = Path(__file__).with_name("animation")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs Manim with `film`, and what a file with PyTorch in it compares with `torch`."""
    for item in items:
        if FILMS in item.path.parents:
            item.add_marker("film")
        if isinstance(item, pytest.Function) and "torch" in vars(sys.modules[item.module.__name__]):
            item.add_marker("torch")
