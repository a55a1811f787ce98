"""A record that is checked keeps the format as a whole."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from grad_engine.errors import RecordError
from grad_engine.record import (
    NodeRecord,
    check,
    from_json,
    to_json,
)
from tests.records import (
    ALL,
    everything,
    square,
)


def test_check_accepts_what_readers_may_meet() -> None:
    for record in ALL.values():
        check(record)


def test_operand_that_was_left_out_leaves_a_gap() -> None:
    record = square()
    first, second = record.nodes[0].inputs
    node = replace(record.nodes[0], inputs=(first, replace(second, slot=2)))
    rule = replace(node.formula.vjp[1], slot=2)
    node = replace(node, formula=replace(node.formula, vjp=(node.formula.vjp[0], rule)))
    gap = replace(record, nodes=(node,), edges=(record.edges[0], replace(record.edges[1], slot=2)))
    assert from_json(to_json(gap)) == gap


def test_check_refuses_ids_used_for_two_kinds() -> None:
    record = square()
    node = replace(record.nodes[0], id="t0")
    with pytest.raises(
        RecordError, match=re.escape("$.nodes[0].id: expected an id of its own, got 't0' for the second")
    ):
        check(replace(record, nodes=(node,)))


def test_by_id_finds_every_part() -> None:
    record = everything()
    assert isinstance(record.by_id["n1"], NodeRecord)
    assert set(record.by_id) == {
        part.id for part in (*record.tensors, *record.nodes, *record.edges, *record.accumulators)
    }
    assert all(record.by_id[id].id == id for id in record.by_id)
