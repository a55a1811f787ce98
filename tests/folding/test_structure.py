"""Equal parts of a graph: structure, repeats in creation order, chains."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.export.from_tensor import record_graph
from grad_engine.folding import Repeat, chains, equal, repeats, signature
from grad_engine.record import GraphRecord, index_of
from tests import records
from tests.programs import example, network


def residual(blocks: int) -> GraphRecord:
    """Blocks around which their input skips; the first reads a constant, the others a result."""
    h = ge.ones((5, 4), name="x")
    for k in range(blocks):
        h = h + ge.tanh(h @ ge.full((4, 4), 0.1, requires_grad=True, name=f"w{k}")) * 0.5
    return record_graph((h * h).mean(), names={})


def recurrent(steps: int, start: bool) -> GraphRecord:
    """A recurrent cell with shared weights; without a `start` the first step lacks the product with the state."""
    wx, wh, b = (ge.full(shape, 0.1, requires_grad=True) for shape in ((3, 4), (4, 4), (4,)))
    h = ge.zeros((2, 4)) if start else None
    for k in range(steps):
        x = ge.ones((2, 3), name=f"x{k}")
        h = ge.tanh(x @ wx + b) if h is None else ge.tanh(x @ wx + h @ wh + b)
    return record_graph(h.sum(), names={})


def masked(layers: int) -> GraphRecord:
    """Layers that all read one result from before them."""
    gate = ge.tensor([0.5, -0.5, 1.0], requires_grad=True).sigmoid()
    h = ge.ones(3, requires_grad=True)
    for _ in range(layers):
        h = (h * gate).sin().exp()
    return record_graph(h.sum(), names={})


REPEATED: Mapping[str, tuple[Callable[[], GraphRecord], list[str], int]] = {
    "network": (lambda: network(12, scoped=False), ["matmul", "add", "tanh"], 12),
    "residual": (lambda: residual(9), ["matmul", "tanh", "mul", "add"], 9),
    "recurrent": (lambda: recurrent(6, start=True), ["matmul", "matmul", "add", "add", "tanh"], 6),
    "recurrent, open": (lambda: recurrent(6, start=False), ["matmul", "matmul", "add", "add", "tanh"], 6),
    "masked": (lambda: masked(7), ["mul", "sin", "exp"], 7),
    "diamond": (lambda: records.diamond(20), ["add"], 20),
}


@pytest.mark.parametrize("name", REPEATED)
def test_what_a_loop_made_is_found_round_by_round(name: str) -> None:
    made, ops, times = REPEATED[name]
    index = index_of(made())
    (found,) = repeats(index)
    assert found.times == times
    for k, round_ in enumerate(found.rounds):
        names = [index.nodes[op].op for op in round_]
        assert names == ops or (k == 0 and found.first_open and len(names) >= len(ops) / 2)
    assert found.first_open  # it reads leaves where the others read results
    assert not found.last_open


@pytest.mark.parametrize("seed", range(8))
def test_rounds_hold_consecutive_ops_once_and_are_equal_inside(seed: int) -> None:
    dice = np.random.default_rng(seed)
    h = ge.ones(3, requires_grad=True)
    for _ in range(6):
        for _ in range(int(dice.integers(2, 9))):
            kind = int(dice.integers(4))
            h = (ge.sin, ge.exp, ge.tanh, ge.neg)[kind](h) if dice.random() < 0.7 else h + ge.tanh(h)
    index = index_of(record_graph(h.sum(), names={}))
    place = {node.id: k for k, node in enumerate(index.record.nodes)}
    seen: list[str] = []
    for found in repeats(index):
        places = [place[op] for op in found.ops]
        assert places == list(range(places[0], places[-1] + 1))
        whole = [r for r in found.rounds if len(r) == found.length]
        inner = whole[found.first_open : len(whole) - found.last_open]
        assert len({signature(index, round_) for round_ in inner}) == 1
        seen += found.ops
    assert len(seen) == len(set(seen))


def test_nothing_repeats_in_graphs_of_different_ops() -> None:
    assert repeats(index_of(example("large"))) == []
    assert repeats(index_of(example("blog"))) == []
    assert Repeat((("n0",), ("n1",))).times == 2


def layer(shape: tuple[int, int], axis: int, swapped: bool) -> tuple[GraphRecord, list[str]]:
    """One small module in a larger graph, and its ops."""
    x, w = ge.ones((4, shape[0])), ge.full(shape, 0.1, requires_grad=True, name=f"w{axis}{swapped}")
    h = x @ w
    out = ge.softmax(h, axis=axis) * ge.tanh(h) if not swapped else ge.softmax(h, axis=axis) * ge.tanh(h * 1.0)
    record = record_graph(out.sum(), names={})
    return record, [node.id for node in record.nodes[:-1]]


def test_structure_is_ops_parameters_shapes_and_wiring_and_never_names() -> None:
    usual = layer((3, 3), 1, False)
    same = layer((3, 3), 1, False)
    assert signature(index_of(usual[0]), usual[1]) == signature(index_of(same[0]), same[1])
    for other in (layer((3, 2), 1, False), layer((3, 3), 0, False), layer((3, 3), 1, True)):
        assert signature(index_of(usual[0]), usual[1]) != signature(index_of(other[0]), other[1])


def test_equal_groups_are_listed_together() -> None:
    record = network(4, scoped=True)
    index = index_of(record)
    assert equal(index, index.scopes) == [["layer0"], ["layer1", "layer2", "layer3"]]


@pytest.mark.parametrize("name", ["large", "blog", "network", "dense"])
def test_a_chain_has_no_other_way_in_or_out(name: str) -> None:
    made = {"network": lambda: network(5, False), "dense": lambda: records.dense(40, 2)}
    index = index_of(made.get(name, lambda: example(name))())
    for chain in chains(index):
        assert len(chain) >= 2
        for before, after in itertools.pairwise(chain):
            assert index.readers(before) == [after]
            assert [part for part in index.sources(after) if part in index.nodes] == [before]
