"""Where things lie: boxes, routes and curves as geometry."""

from __future__ import annotations

import math
import random
import sys
from collections import defaultdict
from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest

from grad_engine.draw.channel import tracks
from grad_engine.draw.glyph import outline
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
from grad_engine.errors import GradEngineError
from grad_engine.folding import Link, drawn
from grad_engine.record import GraphRecord
from tests.records import chain, diamond, fan, large_example, many_records, neuron, square

RECORDS = many_records()


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
    items, links = sized(large_example())
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
    assert tagged(sized(large_example())[1]) == (sized(large_example())[1], {}), "none where there are few"
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


@pytest.mark.parametrize("room", [12.0, 20.0, 35.0])
def test_a_drawing_wider_than_the_room_goes_on_in_rows(room: float) -> None:
    items, links = sized(chain(40))
    assert lay_out(items, links).width > room
    found = lay_out(items, links, room=room)
    assert found.width <= room
    assert found.height < lay_out(items, links).width


def test_many_lines_that_would_run_back_stay_in_one_row() -> None:
    items, links = random_graph(200, 1)
    assert lay_out(items, links, room=20.0).height == lay_out(items, links).height


def test_more_lines_than_are_compared_with_each_other_still_never_share_a_stretch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("grad_engine.draw.channel.MOST_COMPARED", 50)
    heights = random.Random(3)
    starts, stops = (np.array([heights.uniform(0, 400) for _ in range(120)]) for _ in range(2))
    stops[:5] = starts[:5]
    track, count = tracks(starts, stops, 3.0)
    assert track[:5].tolist() == [-1] * 5 and set(track[5:]) == set(range(count))
    low, high = np.minimum(starts, stops), np.maximum(starts, stops)
    for one, other in combinations(range(5, 120), 2):
        if track[one] == track[other]:
            assert high[one] <= low[other] - 3.0 or high[other] <= low[one] - 3.0
