"""Whatever the reader of records accepts, every command draws: real records, changed at random places."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from grad_engine.cli.details import details, module_details
from grad_engine.cli.diff import lines_of
from grad_engine.cli.difference import difference
from grad_engine.cli.show_pages import module_page, page
from grad_engine.draw import to_svg
from grad_engine.draw.graphviz import to_dot
from grad_engine.errors import RecordError
from grad_engine.folding import hierarchy
from grad_engine.folding.module_tree import is_module
from grad_engine.record import GraphRecord, from_json, to_json
from grad_engine.record.index import index_of
from grad_engine.tree import print_tree
from grad_engine.tree.text import Script
from tests.records import many_records

pytest.importorskip("graphlay")

VALUES = (None, 0, 1, -1, 3, 10**6, 1e308, -0.5, "NaN", "", [], {}, [0], [0, 2, 3], "h.0", "n0", "t0", "e0", "a0", True)
TRIES = 90  # changed records for each seed, of which about a third are accepted


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every part of a JSON document."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield (*path, key)
        yield from places(part, (*path, key))


def at(document: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        document = document[key]
    return document


def changed(source: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """A copy with something replaced, repeated, removed, or put in the place of something of the same name."""
    document = json.loads(json.dumps(source))
    for _ in range(dice.choice((1, 1, 2))):
        paths = list(places(document))
        path = dice.choice(paths)
        parent, key = at(document, path[:-1]), path[-1]
        match dice.randrange(4):
            case 0:
                parent[key] = dice.choice(VALUES)
            case 1:
                alike = [other for other in paths if other[-1] == key]
                parent[key] = json.loads(json.dumps(at(document, dice.choice(alike))))
            case 2:
                del parent[key]
            case _ if isinstance(parent, list):
                parent.append(json.loads(json.dumps(parent[key])))
    if dice.random() < 0.3:
        for node in document.get("nodes") or []:
            if isinstance(node, dict):
                node["scope"] = dice.choice(("", "h.0", "h.1", "h.2", "h.0.a", "cell"))
    return document


def drawn(record: GraphRecord, other: GraphRecord, dice: random.Random) -> None:
    """Everything that reads a record, once."""
    index, width = index_of(record), dice.choice((20, 40, 80, 200))

    def tree(**options: Any) -> None:
        print_tree(record, file=io.StringIO(), width=width, **options)

    tree()
    tree(full=True)
    tree(level=1)
    for part in dice.sample([*index.nodes, *index.accumulators], 1):
        tree(focus=part, max_lines=dice.choice((None, 8)))
        page(index, details(index, part), Script(), width)
        to_svg(record, focus=part)
    for scope in list(index.scopes)[:1]:
        if is_module(index, scope):
            module_page(index, module_details(index, scope), Script(), width)
            tree(focus=scope)
            to_svg(record, focus=scope)
    to_svg(record, level=1)
    to_dot(record)
    to_dot(record, level=1)
    lines_of(difference(other, record), index_of(other), index, True, Script())
    assert difference(record, record).nothing
    hierarchy(record)


@pytest.mark.parametrize("seed", range(4))
def test_what_the_reader_accepts_every_command_draws(seed: int) -> None:
    dice = random.Random(seed)
    sources = [json.loads(to_json(record)) for record in many_records().values() if len(record.nodes) < 30]
    other = from_json(json.dumps(sources[0]))
    accepted = 0
    for _ in range(TRIES):
        try:
            record = from_json(json.dumps(changed(dice.choice(sources), dice)))
        except RecordError:
            continue
        accepted += 1
        drawn(record, other, dice)
    assert accepted > TRIES / 10


def own_output(document: dict[str, Any]) -> None:
    node = document["nodes"][1]
    node["outputs"] = [*node["outputs"], node["inputs"][0]["tensor"]]


def another_receiver(document: dict[str, Any]) -> None:
    document["edges"][0]["receiver"] = "a1"


def negative_norm(document: dict[str, Any]) -> None:
    for tensor in document["tensors"]:
        if tensor.get("stats"):
            tensor["stats"] |= {"norm": -1.0, "std": -2.0}


def a_leaf_that_nobody_reads(document: dict[str, Any]) -> None:
    leaf = dict(next(each for each in document["tensors"] if each.get("is_leaf")), id="t999", name="lonely")
    document["tensors"].append(leaf)
    document["accumulators"].append({"id": "a99", "name": "GradAccum", "leaf": "t999"})
    document["forward"].insert(0, {"leaf": "t999"})
    document["counts"]["leaves"] += 1


@pytest.mark.parametrize("change", [own_output, another_receiver, negative_norm, a_leaf_that_nobody_reads])
def test_records_that_once_stopped_a_reader(change: Callable[[dict[str, Any]], None]) -> None:
    for source in many_records().values():
        document = json.loads(to_json(source))
        if len(source.nodes) < 2 or len(source.nodes) > 30:
            continue
        change(document)
        try:
            record = from_json(json.dumps(document))
        except RecordError:
            continue
        drawn(record, source, random.Random(0))
        index = index_of(record)
        for part in (*index.accumulators, *index.nodes):
            print_tree(record, file=io.StringIO(), width=80, focus=part)
            to_svg(record, focus=part)
