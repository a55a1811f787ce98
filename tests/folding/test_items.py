"""What is drawn of a record: items and the links between them."""

from __future__ import annotations

from dataclasses import replace

from grad_engine.folding import drawn
from tests.records import large_example, many_records, neuron

RECORDS = many_records()


def test_constants_have_cards_unless_they_are_mere_numbers() -> None:
    record = large_example()
    ids, links = drawn(record)
    assert "t0" not in ids
    assert len(ids) == len(record.nodes) + len(record.accumulators), "the 3 of x1 + 3 is written in the op"
    assert [(link.slot, link.slots) for link in links if link.target == "n0"] == [(0, 1)]

    constant = next(tensor for tensor in record.tensors if tensor.role == "constant")
    for changed, carded in (
        (constant, False),
        (replace(constant, name="rate"), True),
        (replace(constant, shape=(1,)), True),
    ):
        tensors = tuple(changed if tensor.id == constant.id else tensor for tensor in record.tensors)
        ids, links = drawn(replace(record, tensors=tensors))
        assert (constant.id in ids) == carded
        assert [link.id for link in links if link.source == constant.id] == (["n0:1"] if carded else [])
        if carded:
            assert ids.index(constant.id) < ids.index("n0")


def test_links_lead_forward_and_carry_the_edge_ids() -> None:
    for record in RECORDS.values():
        ids, links = drawn(record)
        assert len(set(ids)) == len(ids)
        by_id = {link.id: link for link in links}
        for edge in record.edges:
            assert (by_id[edge.id].source, by_id[edge.id].target) == (edge.receiver, edge.sender)
    ids, _ = drawn(large_example())
    assert ids == ("a0", "a1", "a2", "n0", "n1", "n2", "n3", "a3", "n4", "n5", "n6"), "in creation order"


def test_an_operand_without_an_edge_leads_from_what_made_it() -> None:
    record = neuron()
    last = record.nodes[-1]
    cut = replace(last, inputs=tuple(replace(operand, edge=None) for operand in last.inputs))
    edges = tuple(edge for edge in record.edges if edge.sender != last.id)
    ids, links = drawn(replace(record, nodes=(*record.nodes[:-1], cut), edges=edges))
    assert [link.source for link in links if link.id == f"{last.id}:0"] == [record.nodes[-2].id]
    assert set(ids) == set(drawn(record)[0])
