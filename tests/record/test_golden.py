"""Records of format 1.0 are read, printed and written again as they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from grad_engine.record import from_json, index_of, to_json

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.mark.parametrize("name", ["blog", "large", "small"])
def test_a_record_of_version_1_0_is_written_back_byte_for_byte(name: str) -> None:
    text = (GOLDEN / f"{name}.json").read_text(encoding="utf-8")
    record = from_json(text)
    assert record.version == "1.0"
    assert to_json(record) == text


def test_a_record_of_version_1_0_leaves_the_newer_fields_at_their_defaults() -> None:
    record = from_json((GOLDEN / "blog.json").read_bytes())
    assert record.explain is None
    assert record.parameters == ()
    assert not any(node.elementwise or node.broadcasts or node.sentence or node.call for node in record.nodes)
    assert [index_of(record).commutes(node.id) for node in record.nodes if node.op in ("add", "sub", "mul")]
