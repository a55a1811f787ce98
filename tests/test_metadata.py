"""The long description of the package: its links lead to the repository, once its address is known."""

from __future__ import annotations

import importlib.util
import re
from types import ModuleType

import pytest

from tests.support import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def metadata() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_metadata", ROOT / ".make" / "metadata.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_without_an_address_no_link_leads_nowhere(metadata: ModuleType) -> None:
    text = metadata.described(README, "")
    assert re.findall(r"\]\((?!https?://)", text) == [] and "gotchas.md" not in text
    assert "git clone <address of this repository>" in text and "a page of its own" in text


def test_with_an_address_every_link_is_whole(metadata: ModuleType) -> None:
    text = metadata.described(README, "https://example.org/us")
    assert "](https://example.org/us/raw/main/output/gallery/blog.gif)" in text
    assert "](https://example.org/us/blob/main/grad_engine/README.md#benchmarks)" in text
    assert "git clone https://example.org/us grad-engine" in text
    assert re.findall(r"\]\((?!https?://)", text) == []


def test_the_links_of_the_project_follow_from_the_address(metadata: ModuleType) -> None:
    for address, urls in (
        ("", {}),
        (
            "https://example.org/us/",
            {
                "Source": "https://example.org/us",
                "Changelog": "https://example.org/us/blob/main/.github/CHANGELOG.md",
                "Issues": "https://example.org/us/issues",
            },
        ),
    ):
        found: dict[str, object] = {}
        metadata.Metadata(str(ROOT), {"address": address}).update(found)
        assert found["urls"] == urls
