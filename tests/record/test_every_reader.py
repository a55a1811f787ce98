"""Checked means safe: whatever the reader accepts, every reader of records draws, or refuses in one sentence."""

from __future__ import annotations

import copy
import io
import json
import random
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from grad_engine.cli.details import details
from grad_engine.cli.difference import difference
from grad_engine.cli.show_pages import page
from grad_engine.draw import to_svg
from grad_engine.draw.graphviz import to_dot
from grad_engine.errors import GradEngineError, RecordError
from grad_engine.folding import view
from grad_engine.page import page_html
from grad_engine.record import GraphRecord, from_json, index_of
from grad_engine.story import lesson
from grad_engine.tree import print_tree
from grad_engine.tree.text import Script
from tests.records import Document, at, dense, document, everything, fan, neuron, places

STRANGE = [
    *(None, True, -1, 0, 1, 1.5, 10**6, 10**18, -0.0, 1e308, 5e-324, "", "NaN", "-Infinity", "e1", "t1", "n1", "a0"),
    *("[red]", "</svg>", "\u202e\u200b\x00", [], {}, [0], [2, 3], [0, 2, 3], [[0]]),
]
DOCUMENTS = [document(record) for record in (everything(), neuron(), dense(12, seed=2), fan(5))]


def mutated(dice: random.Random) -> Document:
    """A real record with one to three values changed, exchanged or removed."""
    changed = copy.deepcopy(dice.choice(DOCUMENTS))
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        there = list(places(changed))
        path, _ = dice.choice(there)
        parent, step, what = at(changed, path[:-1]), path[-1], dice.random()
        if what < 0.5:
            parent[step] = copy.deepcopy(dice.choice(STRANGE))
        elif what < 0.9:
            parent[step] = copy.deepcopy(dice.choice(there)[1])
        else:
            del parent[step]
    return changed


def readers(record: GraphRecord) -> Iterator[Any]:
    """What each reader does with a record."""
    index = index_of(record)
    parts = [*index.nodes, *index.accumulators]
    yield lambda: print_tree(record, file=io.StringIO(), width=80)
    yield lambda: to_svg(record)
    yield lambda: to_dot(record)
    yield lambda: lesson(record)
    yield lambda: view(record, "max")
    yield lambda: page_html(record)
    yield lambda: difference(record, record)
    for part in (parts[0], parts[-1]):
        yield lambda part=part: page(index, details(index, part), Script(), 80)
        yield lambda part=part: lesson(record, focus=part)
        yield lambda part=part: print_tree(record, focus=part, file=io.StringIO(), width=60)


def draw(record: GraphRecord) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # numbers at the end of the range of floats
        refusals = []
        for read in readers(record):
            try:
                read()
            except GradEngineError as error:
                refusals.append(str(error))
        assert not any("\n" in each for each in refusals)


def run(seed: int, rounds: int) -> int:
    dice, accepted = random.Random(seed), 0
    for _ in range(rounds):
        try:
            record = from_json(json.dumps(mutated(dice)))
        except RecordError:
            continue
        draw(record)
        accepted += 1
    return accepted


@pytest.mark.parametrize("seed", range(4))
def test_mutated_records_are_refused_or_drawn(seed: int) -> None:
    assert run(seed, 120) > 3


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 104))
def test_many_mutated_records_are_refused_or_drawn(seed: int) -> None:
    assert run(seed, 250) > 8


def test_every_document_is_drawn() -> None:
    for each in DOCUMENTS:
        draw(from_json(json.dumps(each)))


def neuron_with(change: Any) -> str:
    changed = document(neuron())
    change(changed)
    return json.dumps(changed)


def _reads_its_result(changed: Document) -> None:
    changed["nodes"][0]["outputs"].append(changed["nodes"][0]["inputs"][0]["tensor"])


def _foreign_operand(changed: Document) -> None:
    changed["nodes"][2]["inputs"][0]["tensor"] = changed["nodes"][1]["outputs"][0]


def _unread_leaf(changed: Document) -> None:
    changed["tensors"].append({**changed["tensors"][0], "id": "t900", "name": "nobody"})
    changed["accumulators"].append({"id": "a900", "leaf": "t900"})
    changed["counts"]["leaves"] += 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_reads_its_result, "expected a tensor that was there before 'n0' ran"),
        (_foreign_operand, "expected what made"),
        (_unread_leaf, "expected an accumulator that an edge leads to"),
    ],
)
def test_records_that_readers_could_not_draw_are_refused(change: Any, message: str) -> None:
    with pytest.raises(RecordError, match=message):
        from_json(neuron_with(change))


@pytest.mark.parametrize("key", ["norm", "std", "absmax"])
def test_negative_sizes_are_refused(key: str) -> None:
    changed = document(everything())
    changed["tensors"][11]["stats"][key] = -1.0
    with pytest.raises(RecordError, match=rf"stats\.{key}: expected a number from 0 on, got -1"):
        from_json(json.dumps(changed))
