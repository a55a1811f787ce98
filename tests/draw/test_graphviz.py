"""DOT text: what each node and arrow says, and that Graphviz reads it whatever the names hold."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from grad_engine.draw.graphviz import to_dot
from grad_engine.record import GraphRecord, GroupRecord
from grad_engine.record.words import harmless
from tests.records import Program, chain, dense, diamond, everything, fan, neuron, square
from tests.support import HOSTILE_NAMES

needs_graphviz = pytest.mark.skipif(shutil.which("dot") is None, reason="needs Graphviz")


def named(name: str) -> GraphRecord:
    """The record of a neuron in which everything that can bear a name bears this one."""
    record = neuron()
    return replace(
        record,
        title=name,
        expression=name,
        tensors=tuple(replace(tensor, name=name) for tensor in record.tensors),
        nodes=tuple(replace(node, name=name, scope=name) for node in record.nodes),
        groups=(GroupRecord(name, tuple(node.id for node in record.nodes)),) if name else (),
    )


def drawn(text: str) -> ElementTree.Element:
    """The SVG that Graphviz makes of it, without a word of complaint."""
    done = subprocess.run(["dot", "-Tsvg"], input=text.encode(), capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    return ElementTree.fromstring(done.stdout)


def parts(svg: ElementTree.Element) -> Counter[str]:
    return Counter(element.get("class", "") for element in svg.iter("{http://www.w3.org/2000/svg}g"))


def words(svg: ElementTree.Element) -> list[str]:
    return [(element.text or "").replace("\xa0", " ") for element in svg.iter("{http://www.w3.org/2000/svg}text")]


def test_a_square_in_full() -> None:
    assert to_dot(square()).splitlines()[4:] == [
        '  n0 [label="{MulBackward #0, step 1|y = 9|grad = 1|{<s0> x|<s1> y}}", style=filled, fillcolor="#F3F5F9"];',
        '  a0 [label="{GradAccum|x = 3|grad = 6}", style=rounded, color="#0067A6"];',
        '  n0:s0 -> a0 [label="3 (1/2)"];',
        '  n0:s1 -> a0 [label="3 (2/2)"];',
        "}",
    ]


def test_nan_is_named_and_marked() -> None:
    program = Program((2, 3))
    record = program.record(program.op("ln", program.leaf(-1.0, "x"), name="y"))
    line = next(line for line in to_dot(record).splitlines() if "LnBackward" in line)
    assert "y: 2×3 (6 NaN of 6)" in line and "penwidth=2" in line


def test_a_constant_stands_in_the_field_of_its_slot() -> None:
    program = Program()
    record = program.record(program.op("mul", program.leaf(2.0, "x"), 5.0))
    assert "{<s0> x|<s1> y = 5}" in to_dot(record)


def test_nothing_is_said_of_gradients_before_backward() -> None:
    assert "grad =" not in to_dot(replace(square(), runs=()))


def test_scopes_are_clusters_inside_one_another() -> None:
    record = chain(3)
    scopes = ("block.0", "block.1", "")
    record = replace(
        record, nodes=tuple(replace(node, scope=scope) for node, scope in zip(record.nodes, scopes, strict=True))
    )
    text = to_dot(record)
    order = [text.index(mark) for mark in ("#2,", 'label="block"', 'label="0"', "#0,", 'label="1"', "#1,")]
    assert order == sorted(order)
    assert text.count("subgraph") == 3
    assert text.count("{") == text.count("}")


def test_a_scope_of_ten_thousand_parts_is_no_deeper_than_others() -> None:
    record = square()
    deep = to_dot(replace(record, nodes=tuple(replace(node, scope=".".join("a" * 10_000)) for node in record.nodes)))
    assert deep.count("subgraph") == 12


def test_ids_from_a_file_are_not_words_of_the_text() -> None:
    record = square()
    odd = 'n"]; evil'
    record = replace(
        record,
        nodes=tuple(replace(node, id=odd) for node in record.nodes),
        edges=tuple(replace(edge, sender=odd) for edge in record.edges),
        roots=tuple(replace(root, node=odd) for root in record.roots),
        runs=(),
    )
    assert "evil" not in re.sub(r'"[^"]*"', "", to_dot(record))


def test_many_operands_share_one_field() -> None:
    record = everything()
    node = max(record.nodes, key=lambda node: len(node.inputs))
    wide = replace(node, inputs=tuple(replace(node.inputs[0], slot=k, edge=None) for k in range(40)))
    record = replace(
        record,
        nodes=tuple(wide if each is node else each for each in record.nodes),
        edges=tuple(edge for edge in record.edges if edge.sender != node.id),
    )
    text = to_dot(record)
    assert "<s15>" in text and "<s16>" not in text and "… 24 more" in text


def test_the_same_record_gives_the_same_text() -> None:
    assert to_dot(dense(50)) == to_dot(dense(50))


def test_a_record_without_anything_is_a_graph_without_anything() -> None:
    record = replace(
        square(),
        nodes=(),
        edges=(),
        accumulators=(),
        roots=(),
        runs=(),
        forward=(),
        tensors=(),
        groups=(),
        expression="",
    )
    assert "n0" not in to_dot(record)


@needs_graphviz
@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=ascii)
def test_graphviz_shows_a_name_as_what_it_is(name: str) -> None:
    record = named(name)
    svg = drawn(to_dot(record))
    seen = parts(svg)
    assert seen["node"] == len(record.nodes) + len(record.accumulators)
    assert seen["edge"] == len(record.edges)
    assert seen["cluster"] == len(name.split(".")) if name else not seen["cluster"]
    shown = harmless(name)
    if 0 < len(shown) <= 40:
        for node in record.nodes:
            start = f"{shown} #{node.age}, step".split()  # Graphviz draws blanks at the start of a line as none
            assert any(line.split()[: len(start)] == start for line in words(svg))


@needs_graphviz
@pytest.mark.parametrize("record", [everything(), diamond(30), fan(20), dense(60)], ids=["all", "deep", "fan", "dense"])
def test_graphviz_draws_every_node_and_edge(record: GraphRecord) -> None:
    seen = parts(drawn(to_dot(record)))
    assert seen["node"] == len(record.nodes) + len(record.accumulators)
    assert seen["edge"] == len(record.edges)
