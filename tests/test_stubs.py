"""The .pyi files say what the table of ops says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stubs import written


@pytest.mark.parametrize(("path", "text"), written().items(), ids=lambda part: getattr(part, "name", ""))
def test_stub_is_current(path: Path, text: str) -> None:
    assert path.read_text("utf-8") == text, f"{path.name} is stale; run make stubs"
