"""Graphs with thousands of operands: what is drawn of them, and how much is asked of the layout library."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.draw import layout, to_svg
from grad_engine.draw.crowd import AT_EACH_END
from grad_engine.draw.layout import MOST_WORK, Item, lay_out, work
from grad_engine.draw.svg import TRIES
from grad_engine.errors import GradEngineError
from grad_engine.folding import Link
from grad_engine.page import page_html
from grad_engine.record import GraphRecord

pytest.importorskip("graphlay")


def leaves(many: int) -> list[ge.Tensor]:
    return [ge.tensor(float(k % 7), requires_grad=True) for k in range(many)]


def one_op_of_many_leaves(many: int) -> ge.Tensor:
    return ge.stack(leaves(many))


def one_leaf_in_many_ops(many: int) -> ge.Tensor:
    x = ge.tensor(1.5, requires_grad=True, name="x")
    return ge.stack([x * float(k) for k in range(many)])


def one_leaf_many_times(many: int) -> ge.Tensor:
    return ge.stack([ge.tensor(1.5, requires_grad=True, name="x")] * many)


def many_results(many: int) -> list[ge.Tensor]:
    x = ge.tensor(1.5, requires_grad=True, name="x")
    return [x * float(k) for k in range(many)]


def each_with_each(many: int) -> ge.Tensor:
    side = int(many**0.5)
    xs = leaves(side)
    return ge.stack([ge.stack(xs) for _ in range(side)])


def constants(many: int) -> ge.Tensor:
    x = ge.tensor(np.ones(3), requires_grad=True, name="x")
    return ge.stack([x, *(np.full(3, float(k)) for k in range(many - 1))])


def a_chain(many: int) -> ge.Tensor:
    y = ge.tensor(1.0, requires_grad=True, name="x")
    for _ in range(many):
        y = ge.sin(y)
    return y


def a_ladder(many: int) -> ge.Tensor:
    x = ge.tensor(1.0, requires_grad=True, name="x")
    ys = [x]
    for _ in range(many // 2):
        ys.append(ys[-1] * x)
    return ge.stack(ys)


SHAPES = [
    one_op_of_many_leaves,
    one_leaf_in_many_ops,
    one_leaf_many_times,
    many_results,
    each_with_each,
    constants,
    a_chain,
    a_ladder,
]


def recorded(shape: Callable[[int], Any], many: int) -> GraphRecord:
    made = shape(many)
    root = made[-1] if isinstance(made, list) else made
    root.backward(ge.ones_like(root), retain_graph=True)
    return ge.record_graph(made)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How much work each call asked of the layout library."""
    sizes: list[int] = []
    real = layout.placed

    def counting(nodes: list[Any], edges: list[Any], options: Any) -> Any:
        links = [Link(str(k), str(each["source"]), str(each["target"])) for k, each in enumerate(edges)]
        sizes.append(work(layout._ranks(links), links))
        return real(nodes, edges, options)

    monkeypatch.setattr(layout, "placed", counting)
    return sizes


@pytest.mark.parametrize("many", [40, 200, 700])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_the_library_is_asked_a_few_times_for_a_bounded_work(
    shape: Callable[[int], Any], many: int, asked: list[int]
) -> None:
    record = recorded(shape, many)
    picture = to_svg(record)
    first = len(asked)
    assert first <= 1 + len(TRIES) and max(asked, default=0) <= MOST_WORK
    assert len(re.findall("<path", picture)) < 2 * 2 * 600 + 700
    page_html(record)
    assert len(asked) <= first + 1 and max(asked, default=0) <= MOST_WORK


def test_very_many_operands_are_the_first_the_last_and_a_box_that_counts_the_others() -> None:
    picture = to_svg(recorded(one_op_of_many_leaves, 1500))
    assert f"{1500 - 2 * AT_EACH_END:,} more operands" in picture
    assert f"of more than {2 * AT_EACH_END} operands the first and last {AT_EACH_END}" in picture
    assert f"xs[{AT_EACH_END - 1}]" in picture and "xs[1499]" in picture
    assert "xs[700]" not in picture
    assert "more operands" not in to_svg(recorded(one_op_of_many_leaves, 40)), "there is room for forty"


def test_a_number_that_is_not_finite_among_those_in_the_box_is_told() -> None:
    values = [1.0] * 1500
    values[700] = float("nan")
    z = ge.stack([ge.tensor(value, requires_grad=True) for value in values])
    assert "NaN 1/1" in to_svg(ge.record_graph(z))


def test_ops_that_only_such_a_box_reads_are_not_drawn() -> None:
    picture = to_svg(recorded(one_leaf_in_many_ops, 700))
    assert f"the last {2 * AT_EACH_END + 1} of 701 operations" in picture


@pytest.mark.parametrize("many", [451, 1000])
def test_a_plan_by_rule_keeps_what_a_layout_promises(many: int, asked: list[int]) -> None:
    items = [Item("r", 2.0, 30.0), *(Item(f"l{k}", 1.0, 1.0) for k in range(many))]
    links = [Link(f"e{k}", f"l{k}", "r", k, many) for k in range(many)]
    made = lay_out(items, links)
    assert not asked, "the library was not asked"
    assert not made.node_overlaps and not made.node_edge_hits
    assert made.ranks[0] == tuple(f"l{k}" for k in range(many)), "operands lie in the order of their slots"


def test_a_cycle_among_many_links_is_refused() -> None:
    items = [Item(f"i{k}", 1.0, 1.0) for k in range(700)]
    links = [Link(f"e{k}", f"i{k}", f"i{(k + 1) % 700}") for k in range(700)]
    with pytest.raises(GradEngineError, match="closes one: leave it out"):
        lay_out(items, links)


def test_more_than_can_be_drawn_is_refused_in_a_sentence() -> None:
    links = [Link(f"e{k}", "x", "y", k, 2001) for k in range(2001)]
    with pytest.raises(GradEngineError, match="2 items and 2,001 links, and draws 2,000 of each"):
        lay_out([Item("x", 1.0, 1.0), Item("y", 1.0, 1.0)], links)
