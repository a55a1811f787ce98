"""The picture of a record as XML."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.core.tensor import Tensor
from grad_engine.draw import to_svg
from grad_engine.draw.lettering import clean, shortened, width_of
from grad_engine.draw.palette import THEMES
from grad_engine.draw.svg import beside
from grad_engine.errors import GradEngineError
from grad_engine.folding import drawn
from grad_engine.record import GraphRecord
from tests.records import Program, chain, fan, large_example, many_records, neuron, square
from tests.support import HOSTILE_NAMES

SVG = "{http://www.w3.org/2000/svg}"


RECORDS = many_records()


def parsed(record: GraphRecord, **options: object) -> ET.Element:
    return ET.fromstring(to_svg(record, **options).encode())


def words(picture: ET.Element) -> list[str]:
    return [" ".join("".join(text.itertext()).split()) for text in picture.iter(f"{SVG}text")]


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
@pytest.mark.parametrize("palette", THEMES)
def test_a_picture_is_sound(record: GraphRecord, palette: str) -> None:
    picture = parsed(record, theme=palette)
    width, height = float(picture.get("width")), float(picture.get("height"))
    assert picture.get("viewBox") == f"0 0 {picture.get('width')} {picture.get('height')}"
    tags = {element.tag.removeprefix(SVG) for element in picture.iter()}
    assert tags <= {"svg", "title", "desc", "rect", "g", "path", "polygon", "text", "tspan"}
    used = {key for element in picture.iter() for key in element.attrib}
    assert not used & {"id", "class", "style", "href"}
    colours = {value for element in picture.iter() for key in ("fill", "stroke") if (value := element.get(key))}
    own = THEMES[palette]
    assert colours <= {"none", *(getattr(own, role) for role in own.__slots__ if role != "name")}

    graph = next(part for part in picture.findall(f"{SVG}g"))
    shift_x, shift_y = map(float, graph.get("transform").removeprefix("translate(").removesuffix(")").split())
    for polygon in graph.iter(f"{SVG}polygon"):
        for corner in polygon.get("points").split():
            x, y = map(float, corner.split(","))
            assert 0 <= x + shift_x <= width
            assert 0 <= y + shift_y <= height
    assert len(graph.findall(f"{SVG}g")) == len(drawn(record)[0])
    assert to_svg(record, theme=palette) == to_svg(record, theme=palette)


def test_a_picture_says_what_is_known() -> None:
    picture = words(parsed(neuron()))
    for expected in ("x1 2", "grad −1.5", "tanh", "o 0.7071", "grad 1", "neuron", "value", "gradient"):
        assert expected in picture
    assert "o = tanh(x1 · w1 + x2 · w2 + b)" in picture
    assert "grad 6 Σ 2/2" in words(parsed(square()))
    shown = words(parsed(large_example()))
    assert "x + 3" in shown, "the constant is written in the op"
    assert "x1 (4, 4)" in shown


def test_gradients_appear_only_where_a_run_is_recorded() -> None:
    ran = parsed(neuron())
    forward = parsed(replace(neuron(), runs=()))
    dashed = [
        [path for path in picture.iter(f"{SVG}path") if path.get("stroke-dasharray")] for picture in (ran, forward)
    ]
    assert len(dashed[0]) == 1 + len(neuron().edges), "one for each share and one in the legend"
    assert dashed[1] == []
    assert "gradient" not in words(forward)
    assert "no grad yet" in words(forward)


def test_not_a_number_has_a_badge_where_it_is_and_only_there() -> None:
    program = Program((4,))
    x = program.leaf(-1.0, "x")
    record = program.record(program.op("add", program.op("ln", x), 1.0, name="z"), "nan")
    assert words(parsed(record)).count("NaN 4/4") == 2
    assert not [text for text in words(parsed(neuron())) if "NaN" in text]
    infinite = replace(record, tensors=tuple(
        replace(tensor, data=replace(tensor.data, values=(math.inf, 1.0, 2.0, 3.0))) if tensor.name == "x" else tensor
        for tensor in record.tensors
    ))  # fmt: skip
    assert "Inf 1/4" in words(parsed(infinite))


def test_a_result_has_a_second_outline() -> None:
    record = neuron()
    plain = parsed(replace(record, roots=()))
    assert len(list(parsed(record).iter(f"{SVG}polygon"))) == len(list(plain.iter(f"{SVG}polygon"))) + 1


def test_of_a_large_graph_the_last_part_is_drawn_and_the_picture_says_so() -> None:
    record = chain(100)
    picture = parsed(record, max_items=20)
    assert len(picture.find(f"{SVG}g").findall(f"{SVG}g")) <= 20
    assert "the last 19 of 100 operations" in words(picture)
    assert "⋯" in words(picture)
    assert "the last" not in " ".join(words(parsed(record)))


def test_a_leaf_with_very_many_users_stands_on_a_shelf_with_tags() -> None:
    record = fan(140)
    picture = parsed(record, full=True)
    assert words(picture).count("x") > 20
    assert "x 0.5" in words(picture), "its card is there too"
    assert len(picture.find(f"{SVG}g").findall(f"{SVG}g")) == len(drawn(record)[0]) + words(picture).count("x")


def test_titles_can_be_left_out() -> None:
    assert "neuron" not in words(parsed(neuron(), title=False))
    small = parsed(neuron(), title=False)
    assert float(small.get("height")) < float(parsed(neuron()).get("height"))
    with pytest.raises(GradEngineError, match="no theme"):
        to_svg(neuron(), theme="sepia")


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=ascii)
def test_any_name_is_only_text(name: str) -> None:
    plain = neuron()
    record = replace(
        plain,
        title=name,
        expression=name,
        tensors=tuple(replace(tensor, name=name) if tensor.name else tensor for tensor in plain.tensors),
        nodes=tuple(replace(node, symbol=name, name=name, category=name) for node in plain.nodes),
    )
    picture = parsed(record)
    assert [e.tag for e in picture.iter() if e.tag.removeprefix(SVG) in ("script", "b")] == []
    assert float(picture.get("width")) < 3000
    text = to_svg(record)
    assert len(text) < 200_000
    assert all(character.isprintable() or character == "\n" for character in text)


def test_text_is_cleaned_shortened_and_measured() -> None:
    assert clean('a<b>&"\x00\ud800\ufffe') == "a&lt;b&gt;&amp;&quot;���"
    assert shortened("a" * 300, 18) == "aaaaaaaaaaa…aaaaaa"
    assert shortened("two\nlines\tand  blanks") == "two lines a…blanks"
    assert shortened("short") == "short"
    assert width_of("名", 10) > width_of("W", 10) > width_of("i", 10)
    assert width_of("e\u0301", 10) == width_of("e", 10)


def test_a_route_moved_aside_stays_at_right_angles() -> None:
    route = ((0.0, 0.0), (2.0, 0.0), (2.0, 1.0), (2.5, 1.0))
    left = beside(route, 0.1)
    assert left == pytest.approx(np.array([(0.0, 0.1), (1.9, 0.1), (1.9, 1.1), (2.5, 1.1)]))


def dense(layers: int) -> Tensor:
    """Each layer reads the six before it."""
    made = [ge.tensor([0.1, 0.2], name="x", requires_grad=True)]
    for _ in range(layers):
        made.append(ge.tanh(sum(made[-6:-1], made[-1])))
    return made[-1].sum()


def parallel(units: int) -> Tensor:
    """So many functions of one leaf, in one stack."""
    x = ge.tensor([0.1, 0.2], name="x", requires_grad=True)
    return ge.stack([ge.sin(x * float(k)) for k in range(units)]).sum()


def different(units: int) -> Tensor:
    """Parallel units none of which is like the one before it."""
    x = ge.tensor([0.1, 0.2], name="x", requires_grad=True)
    functions = [ge.sin, ge.relu, ge.tanh, ge.sigmoid, ge.cos]
    made = [functions[k % 5](functions[k * k % 7 % 5](x * float(k + 1))) for k in range(units)]
    return sum(made[1:], made[0]).sum()


def unrolled(steps: int) -> Tensor:
    """A recurrent network written out, with a loss at each step."""
    w, h = ge.tensor(np.eye(2), name="w", requires_grad=True), ge.tensor([0.1, 0.2])
    losses = []
    for _ in range(steps):
        h = ge.tanh(w @ h)
        losses.append((h**2).sum())
    return sum(losses[1:], losses[0])


@pytest.mark.parametrize(
    ("make", "size"),
    [(dense, 12), (dense, 80), (parallel, 30), (parallel, 60), (different, 12), (different, 40), (unrolled, 30)],
    ids=lambda each: getattr(each, "__name__", str(each)),
)
def test_whatever_is_drawn_is_at_most_1600_pixels_wide(make: Any, size: int) -> None:
    loss = make(size)
    loss.backward(retain_graph=True)
    picture = parsed(ge.record_graph(loss))
    assert float(picture.attrib["width"]) <= 1600
    assert float(picture.attrib["height"]) <= 5000
    things = [group for group in picture.iter(f"{SVG}g") if group.find(f"{SVG}title") is not None]
    assert all(any("".join(text.itertext()).strip() for text in thing.iter(f"{SVG}text")) for thing in things)
    sizes = [float(text.attrib["font-size"]) for text in picture.iter(f"{SVG}text") if "font-size" in text.attrib]
    assert min(sizes) >= 10
