"""The pictures: layout as geometry, colours as numbers, formulas as compiled Typst, SVG as XML."""

from __future__ import annotations

import math
import random
import sys
import xml.etree.ElementTree as ET
from collections import defaultdict
from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grad_engine.draw import to_svg
from grad_engine.draw.glyph import SHAPES, outline, reach
from grad_engine.draw.layout import (
    Item,
    Layout,
    arc_length_table,
    crossings,
    docked,
    hits,
    lay_out,
    overlaps,
    placed,
    point_at,
    port_above,
    rounded,
    tagged,
)
from grad_engine.draw.lettering import clean, shortened, width_of
from grad_engine.draw.palette import DEFICIENCIES, THEMES, Palette, contrast, difference, seen_with, theme
from grad_engine.draw.svg import beside
from grad_engine.draw.typst import figure, formula_typst, quoted, rule_typst
from grad_engine.errors import GradEngineError
from grad_engine.folding import Link, drawn
from grad_engine.formula import INFIX, MAX_DEPTH
from grad_engine.record import DataRecord, GraphRecord
from tests.records import Program, chain, dense, diamond, everything, fan, neuron, square

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = (
    *(
        '</text><script>alert("1")</script>',
        'a"b',
        "<b>&amp;",
        "[red]",
        "]]>",
        "{{x : y}}",
        "\\N",
        "#eval(1)",
        "$",
        "`",
    ),
    *(
        "x" * 10_000,
        "مرحبا",
        "😀👩‍👧",
        "\x00\x07",
        "\ud800",
        "\ufffe\uffff",
        "\u202eback",
        "名前",
        "",
        "  ",
        "//",
        "/*",
        ";,()",
    ),
)


def large() -> GraphRecord:
    """The graph of the `large` example, with other ops in the places of its ops."""
    program = Program((4, 4))
    x1, x2, x3 = (program.leaf(number, name) for number, name in ((1.0, "x1"), (2.0, "x2"), (3.0, "x3")))
    x4 = program.op("add", x1, 3.0, name="x4")
    x6 = program.op("add", program.op("mul", x4, program.op("add", x2, x3)), x3)
    x7 = program.leaf(1.0, "x7")
    record = program.record(program.op("add", program.op("ln", x6), program.op("tanh", x7), name="z"), "large")
    tensors = tuple(
        replace(tensor, shape=(), data=DataRecord((3.0,))) if tensor.role == "constant" else tensor
        for tensor in record.tensors
    )
    return replace(record, tensors=tensors)


RECORDS = {
    record.title: record
    for record in (square(), neuron(), chain(12), diamond(8), fan(6), everything(), large(), dense(25), dense(60, 3))
}


def sized(record: GraphRecord) -> tuple[list[Item], tuple[Link, ...]]:
    ids, links = drawn(record)
    return [Item(key, 1.6 if key[0] == "a" else 0.9, 1.0 if key[0] == "a" else 0.9) for key in ids], links


def random_graph(ops: int, seed: int) -> tuple[list[Item], list[Link]]:
    """An op graph with leaves, fan-outs, x*x, joins of many and long ways, in items of many sizes."""
    dice = random.Random(seed)
    items, links, made = [], [], []
    for k in range(ops):
        while not made or dice.random() < 0.25:
            made.append(f"a{len(items)}")
            items.append(Item(made[-1], dice.uniform(1.2, 2.5), dice.uniform(0.8, 1.2)))
        slots = dice.choice((1, 1, 2, 2, 2, 3, 6))
        sources = [dice.choice(made if dice.random() < 0.08 else made[-5:]) for _ in range(slots)]
        if slots == 2 and dice.random() < 0.2:
            sources[1] = sources[0]
        height = max(0.9, 0.35 * slots) + dice.choice((0.0, 0.6))
        items.append(Item(f"n{k}", dice.uniform(0.9, 1.6), height, dice.choice((None, max(0.9, 0.35 * slots)))))
        links += [Link(f"n{k}:{s}", source, f"n{k}", s, slots) for s, source in enumerate(sources)]
        made.append(f"n{k}")
    used = {end for link in links for end in (link.source, link.target)}
    return [item for item in items if item.id in used], links


GRAPHS = {
    **{f"record {name}": sized(record) for name, record in RECORDS.items()},
    **{f"random {ops} {seed}": random_graph(ops, seed) for ops in (1, 2, 5, 12, 30) for seed in range(6)},
    **{f"random {ops} {seed}": random_graph(ops, seed) for ops in (90, 200) for seed in range(2)},
    **{
        f"{rows} rows of {title}": sized(RECORDS[title])
        for rows in (2, 3)
        for title in ("chain", "large", "dense 25 0")
    },
    **{f"{rows} rows of random {seed}": random_graph(14, seed) for rows in (2, 3, 4) for seed in range(8)},
}


@pytest.fixture(scope="module")
def layouts() -> dict[str, Layout]:
    return {name: lay_out(items, links, rows=rows_of(name)) for name, (items, links) in GRAPHS.items()}


def rows_of(name: str) -> int:
    return int(name[0]) if " rows of " in name else 1


# layout


@pytest.mark.parametrize("name", GRAPHS)
def test_boxes_are_disjoint_and_inside_the_drawing(name: str, layouts: dict[str, Layout]) -> None:
    items, _ = GRAPHS[name]
    layout = layouts[name]
    assert list(layout.boxes) == [item.id for item in items]
    for item in items:
        box = layout.boxes[item.id]
        assert (box.width, box.height) == (item.width, item.height)
        assert abs(box.x) + box.width / 2 <= layout.width / 2 + 1e-9
        assert abs(box.y) + box.height / 2 <= layout.height / 2 + 1e-9
    for one, other in combinations(layout.boxes.values(), 2):
        assert (
            abs(one.x - other.x) >= (one.width + other.width) / 2 - 1e-9
            or abs(one.y - other.y) >= (one.height + other.height) / 2 - 1e-9
        )
    assert overlaps(layout.boxes) == []
    assert layout.node_overlaps == 0


@pytest.mark.parametrize("name", GRAPHS)
def test_routes_keep_to_right_angles_and_outside_boxes(name: str, layouts: dict[str, Layout]) -> None:
    _, links = GRAPHS[name]
    layout = layouts[name]
    assert list(layout.routes) == [link.id for link in links]
    for link in links:
        route = layout.routes[link.id]
        source, target = layout.boxes[link.source], layout.boxes[link.target]
        assert route[0][0] == pytest.approx(source.x + source.width / 2)
        assert abs(route[0][1] - source.y) < source.height / 2
        assert route[-1][0] == pytest.approx(target.x - target.width / 2)
        for (x0, y0), (x1, y1) in pairwise(route):
            assert x0 == x1 or y0 == y1
            assert x0 <= x1 or rows_of(name) > 1, "a route turns back only to the next row"
            assert max(abs(x0), abs(x1)) <= layout.width / 2 + 1e-9
            assert max(abs(y0), abs(y1)) <= layout.height / 2 + 1e-9
            for key, box in layout.boxes.items():
                misses = (
                    max(x0, x1) <= box.x - box.width / 2 + 1e-9
                    or min(x0, x1) >= box.x + box.width / 2 - 1e-9
                    or max(y0, y1) <= box.y - box.height / 2 + 1e-9
                    or min(y0, y1) >= box.y + box.height / 2 - 1e-9
                )
                assert misses, f"{link.id} runs through {key}"
    assert hits(layout.boxes, layout.routes) == []
    assert layout.node_edge_hits == 0


@pytest.mark.parametrize("name", GRAPHS)
def test_each_slot_has_its_own_port_in_order(name: str, layouts: dict[str, Layout]) -> None:
    items, links = GRAPHS[name]
    layout = layouts[name]
    bodies = {item.id: item.body or item.height for item in items}
    ports: dict[str, list[tuple[int, float]]] = defaultdict(list)
    starts: dict[str, list[float]] = defaultdict(list)
    for link in links:
        end = layout.routes[link.id][-1][1]
        assert end == pytest.approx(layout.boxes[link.target].y + port_above(link, bodies[link.target]))
        ports[link.target].append((link.slot, end))
        starts[link.source].append(layout.routes[link.id][0][1])
    for found in ports.values():
        heights = [y for _, y in sorted(found)]
        assert heights == sorted(heights, reverse=True)
        assert len({round(y, 6) for y in heights}) == len(heights)
    for found in starts.values():
        assert len({round(y, 6) for y in found}) == len(found), "two lines leave at one point"


@pytest.mark.parametrize("name", GRAPHS)
def test_no_two_routes_share_a_stretch(name: str, layouts: dict[str, Layout]) -> None:
    runs = [
        (key, a, b) for key, route in layouts[name].routes.items() for a, b in pairwise(route) if math.dist(a, b) > 1e-9
    ]
    for axis in (0, 1):
        lines = [(key, *sorted((a, b))) for key, a, b in runs if a[axis] == b[axis]]
        for (one, a, b), (other, c, d) in combinations(lines, 2):
            if one != other and abs(a[axis] - c[axis]) < 0.01:
                assert min(b[1 - axis], d[1 - axis]) <= max(a[1 - axis], c[1 - axis]) + 1e-9, f"{one} lies on {other}"


@pytest.mark.parametrize("name", [name for name in GRAPHS if "200" not in name])
def test_the_same_graph_gives_the_same_drawing(name: str, layouts: dict[str, Layout]) -> None:
    random.seed(name)
    np.random.default_rng(1)
    assert lay_out(*GRAPHS[name], rows=rows_of(name)) == layouts[name]


@pytest.mark.parametrize("name", [name for name in GRAPHS if rows_of(name) > 1])
def test_rows_lie_below_each_other_and_lines_run_back_between_them(name: str, layouts: dict[str, Layout]) -> None:
    layout, links = layouts[name], GRAPHS[name][1]
    back = {  # the heights at which lines run to the left
        link.id: [y for (a, y), (b, _) in pairwise(layout.routes[link.id]) if b < a] for link in links
    }
    rank_of = {key: k for k, rank in enumerate(layout.ranks) for key in rank}
    begins = {
        rank_of[link.target] for link in links if rank_of[link.target] == rank_of[link.source] + 1 and back[link.id]
    }
    assert len(begins) + 1 == min(rows_of(name), len(layout.ranks))
    row_of = {key: sum(begin <= rank for begin in begins) for key, rank in rank_of.items()}
    reach = []
    for row in range(len(begins) + 1):
        boxes = [layout.boxes[key] for key in row_of if row_of[key] == row]
        reach.append((min(box.y - box.height / 2 for box in boxes), max(box.y + box.height / 2 for box in boxes)))
    for (low, _), (_, high) in pairwise(reach):
        assert high < low
    for link in links:
        assert len(back[link.id]) == row_of[link.target] - row_of[link.source]
        for k, y in enumerate(back[link.id], row_of[link.source]):
            assert reach[k + 1][1] < y < reach[k][0]
    heights = [round(y, 6) for some in back.values() for y in some]
    assert len(set(heights)) == len(heights)
    single = lay_out(*GRAPHS[name])
    assert layout.width < single.width
    assert layout.crossings <= single.crossings + 4


def test_counts_of_crossings() -> None:
    across = {"a": ((0.0, 0.0), (2.0, 0.0)), "b": ((1.0, 1.0), (1.0, -1.0)), "c": ((0.0, 0.5), (3.0, 0.5))}
    assert crossings(across) == 2
    assert crossings({"a": ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0), (0.5, -1.0))}) == 0, "with itself is none"


def test_ranks_read_from_left_to_right_and_from_the_top(layouts: dict[str, Layout]) -> None:
    for name, (_, links) in GRAPHS.items():
        layout = layouts[name]
        rank_of = {key: number for number, rank in enumerate(layout.ranks) for key in rank}
        assert set(rank_of) == set(layout.boxes)
        assert all(rank_of[link.source] < rank_of[link.target] for link in links)
        for rank in layout.ranks:
            heights = [layout.boxes[key].y for key in rank]
            assert heights == sorted(heights, reverse=True)


def test_the_longest_way_lies_in_one_line() -> None:
    items, links = sized(large())
    layout = lay_out(items, links)
    assert len({layout.boxes[key].y for key in ("a0", "n0", "n2", "n3", "n4", "n6")}) == 1
    assert layout.crossings == 0
    assert layout.boxes["a3"].x > layout.boxes["n2"].x, "a leaf that is made late stands near its only user"
    assert layout.boxes["a2"].x == pytest.approx(layout.boxes["a0"].x), "the other leaves stand at the left"
    for chained in (chain(30), diamond(10)):
        assert len({box.y for box in lay_out(*sized(chained)).boxes.values()}) == 1


def test_operands_lie_in_the_order_of_their_slots() -> None:
    items = [Item(key, 1.0, 1.0) for key in ("a", "b", "c", "op", "end")]

    def links(*order: str) -> list[Link]:
        return [*(Link(f"l{key}", key, "op", slot, 3) for slot, key in enumerate(order)), Link("l", "op", "end")]

    for order in (("a", "b", "c"), ("c", "a", "b"), ("b", "c", "a")):
        layout = lay_out(items, links(*order))
        assert layout.ranks[0] == order
        assert layout.crossings == 0
    tree = lay_out(*sized(neuron()))
    assert tree.ranks[0] == ("a0", "a1", "a2", "a3")
    assert tree.crossings == 0


def test_two_edges_between_two_items_stay_two() -> None:
    layout = lay_out(*sized(square()))
    (first, second) = layout.routes.values()
    assert abs(first[0][1] - second[0][1]) > 0.1
    assert abs(first[-1][1] - second[-1][1]) > 0.1


def test_gaps_are_kept_and_sizes_may_have_any_unit() -> None:
    items, links = GRAPHS["random 30 1"]
    layout = lay_out(items, links, rank_gap=2.0, item_gap=1.5)
    for rank in layout.ranks:
        boxes = [layout.boxes[key] for key in rank]
        assert all(a.y - a.height / 2 - (b.y + b.height / 2) > 1.5 - 1e-9 for a, b in pairwise(boxes))
    for left, right in pairwise(layout.ranks):
        border = max(layout.boxes[key].x + layout.boxes[key].width / 2 for key in left)
        assert min(layout.boxes[key].x - layout.boxes[key].width / 2 for key in right) - border > 2.0 - 1e-9
    scaled = [Item(item.id, 1000 * item.width, 1000 * item.height, item.body and 1000 * item.body) for item in items]
    large_scale = lay_out(scaled, links, rank_gap=2000.0, item_gap=1500.0)
    assert large_scale.width == pytest.approx(1000 * layout.width)
    assert large_scale.height == pytest.approx(1000 * layout.height)


def test_items_without_links_have_a_place() -> None:
    layout = lay_out([Item("a", 1.0, 1.0), Item("b", 2.0, 1.0), Item("c", 1.0, 3.0)], [])
    assert layout.ranks == (("a", "b", "c"),)
    some = lay_out([Item(key, 1.0, 1.0) for key in "abcd"], [Link("l", "a", "b")])
    assert {some.boxes[key].x for key in "acd"} == {some.boxes["a"].x}
    assert lay_out([], []) == Layout({}, {}, 0.0, 0.0, (), 0, 0, 0)


def test_the_farthest_links_start_from_tags_when_there_are_too_many() -> None:
    items, links = sized(fan(300))
    with pytest.raises(GradEngineError, match=r"pass \d\d,\d\d\d ranks in all.*: cut the farthest with tagged"):
        lay_out(items, links)
    kept, tags = tagged(links, 1000)
    assert [(link.id, link.target, link.slot) for link in kept] == [(link.id, link.target, link.slot) for link in links]
    for link, whole in zip(kept, links, strict=True):
        assert tags.get(link.source, link.source) == whole.source
    assert set(tags.values()) == {"a0"}
    assert [link.source for link in kept].count("a0") > 20, "the near ones stay"
    layout = lay_out([*items, *(Item(tag, 1.0, 0.4) for tag in tags)], kept)
    assert len(layout.boxes) == len(items) + len(tags)
    assert tagged(sized(large())[1]) == (sized(large())[1], {}), "none where there are few"
    twice = [*chain_links(9), Link("x", "n0", "n8", 1, 3), Link("y", "n0", "n8", 2, 3)]
    assert tagged(twice, 10)[1] == {"n0@n8": "n0"}, "one tag for both operands"


def chain_links(ops: int) -> list[Link]:
    return [Link(f"l{k}", f"n{k - 1}", f"n{k}", 0, 3) for k in range(1, ops)]


A, B = Item("a", 1.0, 1.0), Item("b", 1.0, 1.0)
MISTAKES = {
    "item ids must differ, and 'a' is used twice": ([A, A], []),
    "link ids must differ, and 'l' is used twice": ([A, B], [Link("l", "a", "b", 0, 2), Link("l", "a", "b", 1, 2)]),
    "needs a positive size, not nan by 1.0": ([replace(A, width=math.nan)], []),
    "needs a positive size, not 1.0 by 0": ([replace(A, height=0)], []),
    "cannot have a body 2.0 high": ([replace(A, body=2.0)], []),
    "'l' ends at 'c', which is not an item": ([A, B], [Link("l", "a", "c")]),
    "from 'a' to itself": ([A], [Link("l", "a", "a")]),
    "asks for port 2 of 2": ([A, B], [Link("l", "a", "b", 2, 2)]),
    "'l' and 'm' end at one port of 'b'": ([A, B], [Link("l", "a", "b"), Link("m", "a", "b")]),
    "without a cycle, and 'm' closes one": ([A, B], [Link("l", "a", "b"), Link("m", "b", "a")]),
}


@pytest.mark.parametrize("message", MISTAKES)
def test_a_graph_that_cannot_be_drawn_is_refused(message: str) -> None:
    with pytest.raises(GradEngineError, match=message):
        lay_out(*MISTAKES[message])


def test_without_the_layout_library_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "graphlay", None)
    with pytest.raises(GradEngineError, match=r"pip install 'grad_engine\[draw\]'"):
        lay_out([A, B], [Link("l", "a", "b")])


def test_the_layout_library_heeds_what_is_asked_of_it() -> None:
    """It ignores node and edge fields that it does not know: these are the ones that the layout relies on."""

    def heights(tall: float, gap: float) -> list[float]:
        sizes = [{"size": {"width": 50.0, "height": height}} for height in (tall, 60.0, 60.0)]
        options = {"spacing": {"node_gap": gap}, "direction": "leftright", "effort": "fast"}
        raw = placed(sizes, [{"source": 0, "target": 2}, {"source": 1, "target": 2}], options)
        assert [node["rank"] for node in raw["nodes"]] == [0, 0, 1]
        assert raw["nodes"][2]["center"]["x"] > raw["nodes"][0]["center"]["x"] + 50
        return [node["center"]["y"] for node in raw["nodes"]]

    for tall, gap in ((60.0, 20.0), (200.0, 20.0), (60.0, 90.0)):
        first, second, _ = heights(tall, gap)
        assert abs(first - second) == pytest.approx((tall + 60.0) / 2 + gap)
    with pytest.raises(GradEngineError, match=r"refused the graph: .*no_such_gap"):
        placed([], [], {"spacing": {"no_such_gap": 1.0}})


def test_a_layout_that_breaks_its_promises_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grad_engine.draw.layout.stack", lambda columns, item_gap, lane_gap: None)
    monkeypatch.setattr("grad_engine.draw.layout.placed", squashed)
    with pytest.raises(GradEngineError, match="pairs of boxes overlap"):
        lay_out([A, B, Item("c", 1.0, 1.0)], [Link("l", "a", "c", 0, 2), Link("m", "b", "c", 1, 2)])


def squashed(nodes: list[dict], edges: list[dict], options: dict) -> dict:
    """What the library would say if it took every height for 0."""
    raw = placed([{"size": {**node["size"], "height": 1e-3}} for node in nodes], edges, options)
    for node in raw["nodes"]:
        node["center"]["y"] *= 1e-6
    return raw


# what is drawn of a record


def test_constants_have_cards_unless_they_are_mere_numbers() -> None:
    record = large()
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
    ids, _ = drawn(large())
    assert ids == ("a0", "a1", "a2", "n0", "n1", "n2", "n3", "a3", "n4", "n5", "n6"), "in creation order"


def test_an_operand_without_an_edge_leads_from_what_made_it() -> None:
    record = neuron()
    last = record.nodes[-1]
    cut = replace(last, inputs=tuple(replace(operand, edge=None) for operand in last.inputs))
    edges = tuple(edge for edge in record.edges if edge.sender != last.id)
    ids, links = drawn(replace(record, nodes=(*record.nodes[:-1], cut), edges=edges))
    assert [link.source for link in links if link.id == f"{last.id}:0"] == [record.nodes[-2].id]
    assert set(ids) == set(drawn(record)[0])


# curves


ROUTE = ((0.0, 0.0), (2.0, 0.0), (2.0, 1.0), (2.5, 1.0))


def test_rounded_corners_touch_the_route_and_keep_its_ends() -> None:
    curve = rounded(ROUTE, 0.2)
    pieces = curve.reshape(-1, 4, 3)
    assert curve.shape == (20, 3)
    assert np.array_equal(curve[0], (0, 0, 0))
    assert np.array_equal(curve[-1], (2.5, 1, 0))
    assert np.allclose(pieces[1:, 0], pieces[:-1, 3]), "each piece begins where the last one ends"
    middle = pieces[1] @ np.eye(3)
    centre = np.array([1.8, 0.2, 0.0])
    assert np.hypot(*(middle[[0, 3]] - centre).T[:2]) == pytest.approx([0.2, 0.2])
    for t in (0.25, 0.5, 0.75):
        weights = np.array([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3])
        assert np.linalg.norm(weights @ middle - centre) == pytest.approx(0.2, rel=1e-3)


def test_corners_between_short_sides_are_smaller() -> None:
    step = rounded([(0.0, 0.0), (1.0, 0.0), (1.0, 0.1), (2.0, 0.1)], 0.5)
    assert np.abs(step[:, 1] - 0.05).max() <= 0.05 + 1e-12
    assert np.linalg.norm(np.diff(step, axis=0), axis=1).max() < 1.0
    assert rounded([(0.0, 0.0), (3.0, 0.0)], 0.2).shape == (4, 3)
    assert rounded([(0.0, 0.0), (0.0, 0.0), (3.0, 0.0)], 0.2).shape == (4, 3), "a point given twice counts once"


def test_points_at_fractions_of_the_length() -> None:
    table = arc_length_table(rounded(ROUTE, 0.2), samples=32)
    assert table[0, 0] == 0.0
    assert table[-1, 0] == 1.0
    ends = point_at(table, [0.0, 1.0])
    assert np.allclose(ends, [(0, 0, 0), (2.5, 1, 0)])
    steps = np.linalg.norm(np.diff(point_at(table, np.linspace(0, 1, 201)), axis=0), axis=1)
    assert steps.max() == pytest.approx(steps.min(), rel=0.02), "equal fractions are equal ways"
    length = 3.5 - 4 * 0.2 + 2 * (math.pi / 2) * 0.2
    assert steps.sum() == pytest.approx(length, rel=1e-3)
    assert point_at(table, 0.5).shape == (1, 3)


def test_docked_routes_end_on_the_outlines() -> None:
    circle = outline("arithmetic", 1.0, 1.0)
    route = docked(((0.5, 0.2), (1.5, 0.2), (1.5, -0.3), (2.5, -0.3)), circle, circle + (3.0, 0.0))
    assert math.hypot(*route[0]) == pytest.approx(0.5, rel=5e-3)
    assert math.dist(route[-1], (3.0, 0.0)) == pytest.approx(0.5, rel=5e-3)
    assert route[1:3] == ((1.5, 0.2), (1.5, -0.3))


# glyphs


@pytest.mark.parametrize("size", [(1.0, 1.0), (2.5, 1.0), (0.8, 3.0)], ids=str)
@pytest.mark.parametrize("category", [*SHAPES, "something new"])
def test_an_outline_fills_its_box(category: str, size: tuple[float, float]) -> None:
    width, height = size
    sharp = outline(category, width, height, corner=0.0)
    assert np.ptp(sharp, axis=0) == pytest.approx(size)
    for points in (sharp, outline(category, width, height)):
        assert (np.abs(points).max(axis=0) <= (width / 2 + 1e-12, height / 2 + 1e-12)).all()
        assert (np.ptp(points, axis=0) >= (0.9 * width, 0.9 * height)).all()
        x, y = points.T
        area = 0.5 * float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))
        assert 0.4 * width * height < area <= width * height, "anticlockwise, and most of the box"
        assert np.linalg.norm(points - np.roll(points, 1, axis=0), axis=1).min() > 0, "no point twice"
        for up in (-0.3, 0.0, 0.3):
            left, right = reach(points, up * height, "left"), reach(points, up * height, "right")
            assert -width / 2 <= left < right <= width / 2


def test_shapes_point_with_the_flow() -> None:
    trapezoid = outline("reduction", 1.0, 1.0, corner=0.0)
    assert np.ptp(trapezoid[trapezoid[:, 0] < 0, 1]) > np.ptp(trapezoid[trapezoid[:, 0] > 0, 1])
    assert reach(outline("joining", 1.0, 1.0), 0.0, "left") > -0.4, "the mouth is at the side of the many"
    assert reach(outline("indexing", 1.0, 1.0), 0.0, "right") < 0.4
    assert np.hypot(*outline("arithmetic", 2.0, 2.0).T) == pytest.approx(1.0)


@pytest.mark.parametrize("size", [(0.0, 1.0), (1.0, -1.0), (math.nan, 1.0), (1.0, math.inf)], ids=str)
def test_an_outline_needs_a_size(size: tuple[float, float]) -> None:
    with pytest.raises(GradEngineError, match="needs a positive width and height"):
        outline("leaf", *size)


# palette


@pytest.mark.parametrize("palette", THEMES.values(), ids=THEMES)
def test_colours_stand_out_from_every_ground(palette: Palette) -> None:
    for ground in (palette.background, palette.panel):
        for text in (palette.ink, palette.muted, palette.value, palette.gradient, palette.done, palette.nonfinite):
            assert contrast(text, ground) >= 5.0
        assert contrast(palette.idle, ground) >= 3.5


@pytest.mark.parametrize("palette", THEMES.values(), ids=THEMES)
@pytest.mark.parametrize("deficiency", [None, *DEFICIENCIES])
def test_value_and_gradient_differ_for_every_eye(palette: Palette, deficiency: str | None) -> None:
    colours = [palette.value, palette.gradient]
    one, other = colours if deficiency is None else [seen_with(colour, deficiency) for colour in colours]
    assert difference(one, other) > 60


def test_colour_arithmetic() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21.0)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)
    assert difference("#FFFFFF", "#000000") == pytest.approx(100.0, abs=0.1)
    assert seen_with("#808080", "protanopia") == "#808080", "grey is grey to everyone"
    assert difference(seen_with("#FF0000", "deuteranopia"), seen_with("#7A6C00", "deuteranopia")) < 40
    with pytest.raises(GradEngineError, match="no theme 'pink': choose one of dark, light"):
        theme("pink")


# formulas


typst = pytest.importorskip("typst") if sys.version_info < (3, 15) else None


def compiled(*sources: str) -> bytes:
    page = "#set page(width: auto, height: auto)\n" + "\n\n".join(f"$ {source} $" for source in sources)
    return typst.compile(page.encode(), format="svg")


@pytest.mark.parametrize(
    ("tree", "source"),
    [
        (["/", "g", "x"], "frac(overline(g), x)"),
        (["*", "g", "y"], "overline(g) dot.o y"),
        (["*", 2, "y"], "2 dot.c y"),
        (["@", "g", ["T", "y"]], "overline(g) thin y^upright(T)"),
        (["**", ["+", "x", 1], -2], "(x + 1)^(minus 2)"),
        (["-", "x", ["-", "x", "y"]], "x minus (x minus y)"),
        (["+", "x", ["neg", "y"]], "x + (minus y)"),
        (["cos", "x"], '"cos"(x)'),
        (["sqrt", "x"], "sqrt(x)"),
        (["abs", ["neg", "x"]], "abs(minus x)"),
        (["sum", "x", ["kw", "axis", ["tuple", 0, 1]]], '"sum"(x, "axis" "=" (0, 1))'),
        (["index", "x", ["tuple", 0, -1]], "x[0, minus 1]"),
        (["index", "x", ["tuple"]], "x[()]"),
        (["attr", "x", "size"], 'x"\\u{2e}size"'),
        (["say", "{g} copied to the shape of {x}"], 'overline(g) "copied to the shape of" x'),
        (["**", "x", ["/", 1, 2]], "x^(1 slash 2)"),
        (["**", ["**", "x", 2], 3], "(x^(2))^(3)"),
        (["*", ["/", "g", "x"], ["/", "x", ["/", "y", ["/", "x", "g"]]]], None),
        (["stack", *[f"xs[{k}]" for k in range(40)]], None),
        ("xs[2]", 'italic("xs")_"2"'),
    ],
    ids=str,
)
def test_formulas_read_as_in_a_book(tree: object, source: str | None) -> None:
    found = formula_typst(tree, bars={"g"})
    assert source is None or found == source
    assert compiled(found)


def test_names_become_letters_with_an_index() -> None:
    names = {"x": "x1", "y": "weight", "g": "theta_12", "out": "x_train"}
    assert formula_typst("x", names) == 'x_"1"'
    assert formula_typst("y", names) == 'italic("weight")'
    assert formula_typst("g", names) == 'theta_"12"'
    assert formula_typst("out", names) == 'x_"train"'
    assert formula_typst(["*", "x", 2], {"x": "x1 + 3"}) == '(italic("x1 \\u{2b} 3")) dot.c 2'
    assert rule_typst("x3", ["/", "g", "x"], {"g": "x8", "x": "x6"}, bars={"g"}) == (
        'overline(x_"3") "+"#h(0pt)= frac(overline(x_"8"), x_"6")'
    )


def test_a_tuple_of_one_keeps_its_comma() -> None:
    assert formula_typst(["reshape", "x", ["kw", "shape", ["tuple", 2]]]) == '"reshape"(x, "shape" "=" (2,))'
    assert compiled(formula_typst(["tuple", "x"]))


def test_a_matrix_product_of_words_has_a_sign() -> None:
    assert formula_typst(["@", "g", "x"], {"x": "x4"}) == 'g thin x_"4"'
    assert formula_typst(["@", "g", "x"], {"x": "#4"}) == 'g class("binary", "@") italic("\\u{23}4")'


def test_a_product_with_a_single_number_is_no_product_of_elements() -> None:
    assert formula_typst(["*", "x", "y"]) == "x dot.o y"
    assert formula_typst(["*", "x", "y"], scalars={"y"}) == "x dot.c y"
    assert formula_typst(["*", ["*", ["/", "g", 4], 2], "x"], scalars={"g"}) == "frac(g, 4) dot.c 2 dot.c x"
    assert formula_typst(["*", ["exp", "g"], "x"], scalars={"g"}) == '"exp"(g) dot.c x'
    assert formula_typst(["*", ["exp", "x"], "y"], scalars={"g"}) == '"exp"(x) dot.o y'


def test_numbers_are_short_and_true() -> None:
    assert figure(3) == "3"
    assert figure(-2.5) == "minus 2.5"
    assert figure(2.5e-9) == "2.5 dot.c 10^(minus 9)"
    assert figure(10**400) == "1 dot.c 10^(400)"
    assert figure(-123_456_789_012) == "minus 1.235 dot.c 10^(11)"
    assert figure(math.inf) == "infinity"
    assert figure(math.nan) == '"NaN"'
    assert figure(True) == '"True"'
    assert formula_typst(["**", 1e-9, 2]) == "(1 dot.c 10^(minus 9))^(2)"


def test_what_is_no_formula_is_refused() -> None:
    with pytest.raises(GradEngineError, match="this is no formula"):
        formula_typst(["+", "x"])


@pytest.mark.parametrize("head", ["**", "/", "T", "sqrt", "cos", "neg", "+", "index", "list", "abs", "@"])
def test_the_deepest_formula_compiles(head: str) -> None:
    tree: object = "x"
    for _ in range(MAX_DEPTH - 1):
        tree = [head, "y", tree] if head != "neg" and head in {*INFIX, "index"} else [head, tree]
    assert compiled(formula_typst(tree))


NAMES = st.sampled_from(["x", "y", "g", "out", "xs[2]", "weight_1", "_a", "x_", "T", "let", "sum", "not", "pi"])
ATOMS = NAMES | st.none() | st.booleans() | st.integers() | st.floats() | st.just(10**300)


def trees() -> st.SearchStrategy[object]:
    def grown(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
        unary, binary = ("neg", "not"), [head for head in INFIX if head not in ("neg", "not")]
        return st.one_of(
            st.tuples(st.sampled_from(unary), inner),
            st.tuples(st.sampled_from(binary), inner, inner),
            st.tuples(st.sampled_from(["T", "sqrt", "abs", "frac", "let", "exp"]), inner),
            st.tuples(st.just("index"), inner, st.tuples(st.just("tuple"), inner) | inner),
            st.lists(inner, max_size=4).map(lambda parts: ["list", *parts]),
            st.tuples(st.just("say"), st.text(max_size=20).map(lambda text: text + "{x} to {y}" + text)),
            st.tuples(st.just("attr"), inner, st.just("shape")),
        )

    return st.recursive(ATOMS, grown, max_leaves=12)


@given(
    trees=st.lists(trees(), min_size=1, max_size=8),
    names=st.dictionaries(NAMES, st.sampled_from(HOSTILE) | st.text(), max_size=6),
)
@settings(max_examples=60)
def test_any_formula_with_any_names_compiles(trees: list[object], names: dict[str, str]) -> None:
    sources = [formula_typst(tree, names, bars={"g"}) for tree in trees]
    assert not any("{{" in source for source in sources), "Manim would take it for a group"
    assert compiled(*sources)


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_no_name_is_markup(name: str) -> None:
    source = quoted(name)
    assert source[0] == source[-1] == '"'
    assert '"' not in source[1:-1]
    assert len(source) < 400
    plain = source[1:-1].replace("\\u{", "").replace("}", "")
    assert all(character.isascii() and (character.isalnum() or character == " ") for character in plain)


# SVG


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
    shown = words(parsed(large()))
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
    picture = parsed(record)
    assert words(picture).count("x") > 20
    assert "x 0.5" in words(picture), "its card is there too"
    assert len(picture.find(f"{SVG}g").findall(f"{SVG}g")) == len(drawn(record)[0]) + words(picture).count("x")


def test_titles_can_be_left_out() -> None:
    assert "neuron" not in words(parsed(neuron(), title=False))
    small = parsed(neuron(), title=False)
    assert float(small.get("height")) < float(parsed(neuron()).get("height"))
    with pytest.raises(GradEngineError, match="no theme"):
        to_svg(neuron(), theme="sepia")


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
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
    assert len(to_svg(record)) < 200_000


def test_text_is_cleaned_shortened_and_measured() -> None:
    assert clean('a<b>&"\x00\ud800\ufffe') == "a&lt;b&gt;&amp;&quot;���"
    assert shortened("a" * 300, 18) == "aaaaaaaaaaa…aaaaaa"
    assert shortened("two\nlines\tand  blanks") == "two lines a…blanks"
    assert shortened("short") == "short"
    assert width_of("名", 10) > width_of("W", 10) > width_of("i", 10)
    assert width_of("e\u0301", 10) == width_of("e", 10)


def test_a_route_moved_aside_stays_at_right_angles() -> None:
    left = beside(ROUTE, 0.1)
    assert left == pytest.approx(np.array([(0.0, 0.1), (1.9, 0.1), (1.9, 1.1), (2.5, 1.1)]))
