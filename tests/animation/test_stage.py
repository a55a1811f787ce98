"""The stage: what can be read at the end of every scene, what stays, what moves, and which colours mean what."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

import grad_engine as ge
from animation import theme
from animation.picture.facts import NORM
from animation.picture.inset_skyline import DOT, levels
from animation.picture.large import LargeStage, forms
from animation.picture.marks import Token
from animation.picture.place import shape_size
from animation.picture.shapes import circle_points
from animation.picture.text import text_width
from animation.render.primitives import rgb
from grad_engine.draw.palette import THEMES, contrast
from grad_engine.export.from_tensor import record_graph
from grad_engine.formula import number
from grad_engine.record import GraphRecord
from grad_engine.story import boxes
from grad_engine.story.insets import Skyline, StepBars, Walks
from tests import records
from tests.animation.support import RECORDS, apart, fills, left_behind, legible, played, player_of, sized, uncovered
from tests.programs import deep_names, example, network

pytestmark = pytest.mark.film


@pytest.mark.parametrize("name", RECORDS)
def test_every_text_can_be_read_at_the_end_of_every_scene(name: str) -> None:
    """High enough, inside its zone, on no other text, and crossed by no line."""
    legible(player_of(RECORDS[name]()))


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("large", {"phase": "forward"}),
        ("large", {"phase": "backward"}),
        ("network", {"phase": "backward"}),
        ("network", {"focus": "w5"}),
        ("dense 120", {"focus": "#81"}),
        ("blog", {"length": 20.0}),
        ("network", {"fold": "none", "theme": "light"}),
    ],
)
def test_a_part_of_a_film_can_be_read_too(name: str, asked: dict[str, object]) -> None:
    legible(player_of(RECORDS[name](), **asked))


def without_backward() -> GraphRecord:
    x = ge.tensor([1.0, 2.0], requires_grad=True, name="x")
    return record_graph((x * x).sum(), names={"x": x})


def two_roots() -> GraphRecord:
    x = ge.tensor(2.0, requires_grad=True, name="x")
    a, b = x * x, x.exp()
    a.backward(retain_graph=True)
    b.backward(retain_graph=True)
    return record_graph([a, b], names={"a": a, "b": b})


def second_order() -> GraphRecord:
    x = ge.tensor(2.0, requires_grad=True, name="x")
    (g,) = ge.grad(x**3, [x], create_graph=True)
    g.backward(retain_graph=True)
    return record_graph(g, names={"g": g})


def backward_twice() -> GraphRecord:
    x = ge.tensor(3.0, requires_grad=True, name="x")
    y = x * x
    y.backward(retain_graph=True)
    y.backward(retain_graph=True)
    return record_graph(y, names={"y": y})


def not_a_number() -> GraphRecord:
    x = ge.tensor([-1.0, 4.0], requires_grad=True, name="x")
    with np.errstate(invalid="ignore"):
        z = (ge.sqrt(x) * 2).sum()
        z.backward(retain_graph=True)
    return record_graph(z, names={"z": z})


def reserved_names() -> GraphRecord:
    g, big = (ge.tensor(v, requires_grad=True, name=n) for v, n in ((2.0, "g"), (3.0, "L")))
    z = g * big + g
    z.backward(retain_graph=True)
    return record_graph(z, names={"z": z})


@pytest.mark.parametrize(
    "made", [without_backward, two_roots, second_order, backward_twice, not_a_number, reserved_names]
)
def test_a_record_that_is_not_usual_plays_and_can_be_read(made: Callable[[], GraphRecord]) -> None:
    legible(player_of(made()))


@pytest.mark.parametrize("name", ["blog", "large", "perceptron", "dense"])
def test_values_stay_above_and_gradients_come_below_and_nothing_is_overwritten(name: str) -> None:
    player = player_of(RECORDS[name]())
    seen: dict[tuple[str, str], str] = {}
    for beat, _ in played(player):
        for key, part in player.stage.parts.all.items():
            if key[0] in ("value", "gradient"):
                text = part.primitives[0].text
                assert seen.setdefault(key, text) == text, beat.name
        assert seen.keys() <= player.stage.parts.all.keys(), beat.name
    graph, parts = player.stage.graph, player.stage.parts.all
    for id, view in graph.ops.items():
        middle, half = graph.boxes[id].y, shape_size(view, graph.look)[1] / 2
        for layer, sign in (("value", 1), ("gradient", -1)):
            if (layer, id) in parts:
                assert sign * (parts[layer, id].middle[1] - middle) > half
        if graph.facts.op(id).gradient and graph.look.numbers:
            assert ("gradient", id) in parts


@pytest.mark.parametrize("name", ["blog", "large", "perceptron", "mlp", "chain", "neuron", "branches"])
def test_numbers_of_an_op_stand_above_and_below_its_middle(name: str) -> None:
    """So that nobody can take the number of an op for that of its neighbour: values, gradients, increments."""
    player = player_of(RECORDS[name]())
    for beat, _ in played(player):
        graph = player.stage.graph
        for (layer, id), part in uncovered(player).items():
            if layer in ("value", "gradient", "increment") and id in graph.ops:
                left, bottom, right, top = part.primitives[0].extent
                box, half = graph.boxes[id], shape_size(graph.ops[id], graph.look)[1] / 2
                assert (left + right) / 2 == pytest.approx(box.x, abs=0.04), (beat.name, layer, id)
                assert abs((bottom + top) / 2 - box.y) < half + 0.3, (beat.name, layer, id)


@pytest.mark.parametrize("name", ["blog", "small", "large", "perceptron", "neuron", "branches"])
def test_cards_and_numbers_in_a_column_are_apart(name: str) -> None:
    graph = player_of(RECORDS[name]()).stage.graph
    columns = {round(box.x, 3) for box in graph.boxes.values()}
    for x in columns:
        found = sorted((id for id in graph.boxes if round(graph.boxes[id].x, 3) == x), key=lambda id: graph.boxes[id].y)
        for below, above in itertools.pairwise(found):
            low, high = graph.boxes[below], graph.boxes[above]
            gap = high.y - high.height / 2 - low.y - low.height / 2
            assert gap >= 0.1 if below in graph.cards and above in graph.cards else gap >= 0.02, (below, above, gap)
        leaves = [id for id in found if id in graph.facts.leaves]
        if leaves:
            assert len({round(graph.boxes[id].width, 3) for id in leaves}) == 1
    if name == "blog":  # three rows of ops with a number above and below each
        rows = sorted({round(graph.boxes[id].y, 3) for id in graph.ops})
        assert min(b - a for a, b in itertools.pairwise(rows)) >= 1.4


def test_a_chain_with_a_card_at_every_op_lies_in_one_row() -> None:
    graph = player_of(RECORDS["mlp"]()).stage.graph
    assert len({round(graph.boxes[id].y, 6) for id in graph.ops}) == 1


@pytest.mark.parametrize("name", ["blog", "mlp"])
def test_every_op_on_a_path_shows_by_what_it_multiplies(name: str) -> None:
    player = player_of(RECORDS[name]())
    seen = 0
    for beat, _ in played(player):
        if isinstance(beat.scene.inset, Walks) and beat.scene.name in ("path", "paths"):
            graph, parts = player.stage.graph, player.stage.parts.all
            for hop in [hop for path in beat.scene.inset.paths[:2] for hop in path.hops]:
                said = parts["factor", graph.links[hop.edge].target].primitives[-1].text
                assert hop.factor in said.replace("· ", "").split(", "), (beat.name, said)
                seen += 1
            assert not any(part.primitives[0].dash for key, part in parts.items() if key[0] == "walk")
    assert seen


def test_a_step_changes_the_cards_and_says_that_the_ops_are_as_before() -> None:
    player = player_of(RECORDS["mlp"](), length=300.0)
    for beat, _ in played(player):
        if isinstance(beat.scene.inset, StepBars):
            parts = player.stage.parts.all
            assert "before" in parts["running", ""].primitives[0].text
            for move in beat.scene.inset.moves:
                card = " ".join(one.text for one in parts["card", move.accumulator].primitives)
                assert move.after_text in card
            break
    else:
        raise AssertionError("no step was played")


@pytest.mark.parametrize("name", ["mlp", "perceptron", "network"])
def test_the_number_on_the_card_of_a_tensor_says_what_of_it_it_is(name: str) -> None:
    """`[0,1] 1.43` is an entry, `size 2.1` the norm; a value that is nudged is that of the entry, not the shape."""
    player = player_of(RECORDS[name]())
    seen = 0
    for beat, _ in played(player):
        leaves = player.stage.facts.leaves
        for (layer, id), part in uncovered(player).items():
            if layer == "card" and id in leaves and leaves[id].shape:
                texts = [one.text for one in part.primitives if one.text]
                numbers = [k for k, text in enumerate(texts) if text[0].isdigit() or text[0] in "−+"]
                for k in numbers:
                    if texts[k] != leaves[id].shape and " of " not in texts[k] and texts[k] != leaves[id].increment:
                        assert texts[k - 1][0] == "[" or texts[k - 1] == NORM, (beat.name, texts)
                        seen += 1
                if leaves[id].increment in texts and leaves[id].increment:
                    assert leaves[id].shape not in texts, (beat.name, texts)
    assert seen


@pytest.mark.parametrize("name", ["blog", "large", "perceptron", "neuron", "fan"])
def test_numbers_that_wait_to_be_read_lie_apart_and_on_no_op_or_card(name: str) -> None:
    player = player_of(RECORDS[name]())
    for beat in player.beats:
        shot = player.stage.shot(beat.scene, beat.seconds)
        if beat.scene.name == "rule":
            shot.at(0.5 * shot.seconds)
            tokens = [part for part in shot.moving if isinstance(part, Token) and part.plate.opacity > 0.5]
            for one, other in itertools.combinations(tokens, 2):
                assert apart(one.plate.extent, other.plate.extent), beat.name
            graph = player.stage.graph
            for token, id in itertools.product(tokens, graph.boxes):
                box = graph.boxes[id]
                width, height = shape_size(graph.ops[id], graph.look) if id in graph.ops else (box.width, box.height)
                solid = (box.x - width / 2, box.y - height / 2, box.x + width / 2, box.y + height / 2)
                assert apart(token.plate.extent, solid), (beat.name, id)
        shot.at(shot.seconds)


@pytest.mark.parametrize("name", ["blog", "large", "neuron"])
def test_the_name_of_the_backward_node_is_seen_while_it_runs(name: str) -> None:
    player = player_of(RECORDS[name]())
    nodes = player.stage.facts.index.nodes
    for beat, _ in played(player):
        if beat.scene.name in ("rule", "row", "passing", "sweep") and beat.scene.part == "Backward":
            shown = player.stage.parts.all["running", ""].primitives
            assert [primitive.text for primitive in shown] == [nodes[beat.scene.ops[-1]].name], beat.name


@pytest.mark.parametrize("theme_name", THEMES)
def test_a_leaf_has_one_hue_in_title_card_and_words(theme_name: str) -> None:
    player = player_of(example("blog"), theme=theme_name)
    colours, stage = player.colours, player.stage
    hues = stage.facts.hues
    assert len(set(hues.values())) == len(hues) == 3
    names = {face.name: rgb(hues[id]) for id, face in stage.facts.leaves.items()}
    for _ in played(player):
        for key, part in stage.parts.all.items():
            if key[0] in ("expression", "words"):
                for primitive in part.primitives:
                    if primitive.text in names:
                        assert primitive.fill == names[primitive.text]
    for id, hue in hues.items():
        colours_of_card = [primitive.fill for primitive in fills(stage.parts.all["card", id])]
        assert colours_of_card.count(rgb(hue)) == 2  # the stripe, and the name
    for hue in colours.leaves:
        assert contrast(hue, colours.background) >= 5 and contrast(hue, colours.panel) >= 5


def test_a_shape_is_never_crossed_by_the_way_of_another() -> None:
    for name in ("blog", "large", "perceptron", "heads", "dense", "everything", "head"):
        graph = player_of(RECORDS[name]()).stage.graph
        for id, way in graph.curves.items():
            ends = {graph.links[id].source, graph.links[id].target}
            for other, box in graph.boxes.items():
                if other not in ends:
                    places = way.table[:, 1:3]
                    reach = np.array([box.width / 2, box.height / 2]) - 0.02
                    assert not (np.abs(places - (box.x, box.y)) < reach).all(axis=1).any(), (name, id, other)


@pytest.mark.parametrize("name", ["blog", "large", "small", "neuron", "branches"])
def test_a_small_graph_fills_the_stage(name: str) -> None:
    boxes = player_of(RECORDS[name]()).stage.graph.boxes.values()
    wide = max(b.x + b.width / 2 for b in boxes) - min(b.x - b.width / 2 for b in boxes)
    high = max(b.y + b.height / 2 for b in boxes) - min(b.y - b.height / 2 for b in boxes)
    zone = theme.GRAPH
    assert wide >= 0.5 * (zone[2] - zone[0]) or high >= 0.7 * (zone[3] - zone[1])


@pytest.mark.parametrize(
    "record", [network(12, scoped=True), records.chain(700), records.dense(200, 3), records.fan(300)],
    ids=lambda record: f"{record.title} {len(record.nodes)}",
)  # fmt: skip
def test_a_large_graph_is_a_row_of_boxes_that_hold_every_op_once(record: GraphRecord) -> None:
    stage = player_of(record).stage
    assert isinstance(stage, LargeStage)
    assert sorted(op for chunk in stage.chunks for op in chunk.ops) == sorted(node.id for node in record.nodes)
    assert 1 < len(stage.chunks) <= boxes.MOST
    for one, other in itertools.pairwise(stage.boxes):
        assert one.x + one.width / 2 < other.x - other.width / 2
    assert all(chunk.label for chunk in stage.chunks)


def test_what_runs_in_a_large_graph_is_opened_in_its_box() -> None:
    player = player_of(network(12, scoped=True))
    stage = player.stage
    assert isinstance(stage, LargeStage)
    for beat, _ in played(player):
        if beat.scene.name == "rule":
            assert stage.opened is not None and set(beat.scene.ops) <= set(stage.chunks[stage.opened].ops)
            assert all(("op", op) in stage.parts.all for op in beat.scene.ops)


@pytest.mark.parametrize(
    "record", [network(12, scoped=True), records.chain(700), records.chain(5000), records.fan(300), deep_names()],
    ids=lambda record: f"{record.title or 'deep names'} {len(record.nodes)}",
)  # fmt: skip
def test_every_box_of_a_row_has_a_whole_label(record: GraphRecord) -> None:
    stage = player_of(record).stage
    assert isinstance(stage, LargeStage)
    for k, chunk in enumerate(stage.chunks):
        label = next(one for one in stage.box_part(k).primitives if one.text)
        assert label.text in forms(chunk)
        assert text_width(label.text, label.size, True) <= stage.boxes[k].width


@pytest.mark.parametrize("name", ["network", "recurrent"])
def test_the_line_over_the_skyline_has_a_key_an_axis_and_its_dots_below_their_boxes(name: str) -> None:
    player = player_of(RECORDS[name]())
    stage, seen = player.stage, 0
    assert isinstance(stage, LargeStage)
    for beat, _ in played(player):
        if not isinstance(beat.scene.inset, Skyline):
            continue
        seen += 1
        insets = [part for key, part in stage.parts.all.items() if key[0] == "inset"]
        drawn = [one for part in insets for one in part.primitives]
        texts = [one for one in drawn if one.text]
        assert any("size of the gradient that enters each" in one.text for one in texts)
        equal = [k for k, cell in enumerate(stage.cells()) if cell.equal]
        spot = circle_points(DOT)
        dots = [one for one in insets[-1].primitives if np.allclose(one.shape.points, spot)]
        assert sorted(one.place[1] for one in dots) == pytest.approx([stage.boxes[k].x for k in equal])
        low, high = beat.scene.inset.low, beat.scene.inset.high
        axis = {number(value, 2) for value in levels(low, high)}
        assert 2 <= len(axis) <= 4 and axis <= {one.text for one in texts}
    assert seen


@pytest.mark.parametrize("low", [-7.3, -1.4, -1.0, -0.31, 0.0, 3.2])
@pytest.mark.parametrize("decades", [1.0, 1.5, 2.7, 6.0])
def test_an_axis_has_two_to_four_labelled_values(low: float, decades: float) -> None:
    found = levels(low, low + decades)
    assert 2 <= len(found) <= 4
    assert all(10**low * (1 - 1e-6) <= value <= 10 ** (low + decades) * (1 + 1e-6) for value in found)


@pytest.mark.parametrize("name", ["dense 24", "network", "chain 60", "recurrent", "heads"])
def test_an_op_that_is_told_of_shows_its_numbers_at_its_place(name: str) -> None:
    """In the graph, where there is room; else on a plate beside it while it is told of."""
    player = player_of(RECORDS[name]())
    stage, seen = player.stage, 0
    for beat, _ in played(player):
        graph = getattr(stage, "graph", None)
        if beat.scene.name != "rule" or len(beat.scene.ops) > 1 or stage.hides(beat.scene) or graph is None:
            continue
        (op,) = beat.scene.ops
        if ("op", op) not in stage.parts.all:
            continue
        written = " ".join(
            one.text
            for layer in ("value", "gradient", "callout")
            for one in (stage.parts.all[layer, op].primitives if (layer, op) in stage.parts.all else ())
        )
        face = stage.facts.op(op)
        for said in (face.value, face.gradient):
            assert said in written, (beat.name, said, written)
            seen += bool(said)
    assert seen


def test_moments_of_a_scene_may_be_left_out() -> None:
    """A low frame rate sees fewer moments than a high one, and the same picture in the end."""
    seen = []
    for moments in (3, 40):
        player = player_of(example("large"))
        for beat in player.beats[:9]:
            shot = player.stage.shot(beat.scene, beat.seconds)
            for time in np.linspace(0, shot.seconds, moments):
                shot.at(float(time))
                shot.land(float(time))
            assert shot.landed == len(shot.moving)
        seen.append([(one.text, np.round(one.extent, 6).tolist()) for one in player.stage.still()])
    assert seen[0] == seen[1]


@pytest.mark.parametrize("name", ["blog", "mlp", "recurrent", "network", "deep names", "dense 24"])
def test_what_leaves_the_stage_is_gone_whatever_else_moved_it(name: str) -> None:
    """The lines of a box that closes were brought to rest in the same moment, and stayed for ever."""
    player = player_of(RECORDS[name]())
    for beat in player.beats:
        shot = player.stage.shot(beat.scene, beat.seconds)
        for time in np.linspace(0, shot.seconds, 40):
            shot.at(float(time))
        assert not left_behind(player, shot), beat.name


def test_the_same_record_gives_the_same_frames() -> None:
    made = []
    for _ in range(2):
        player, canvas, shown = player_of(example("blog")), sized(320, 180), []
        canvas.fill()
        for beat in player.beats:
            player.begin(beat, canvas)
            for part in (0.3, 0.6, 1.0):
                player.show(part * beat.seconds, canvas)
                shown.append(canvas.pixel_array.copy())
        made.append(np.stack(shown))
    assert (made[0] == made[1]).all()


def test_speed_and_nothing_else_changes_how_long_scenes_take() -> None:
    usual, fast = player_of(example("blog")), player_of(example("blog"), speed=2.0)
    for one, other in zip(usual.beats, fast.beats, strict=True):
        assert one.seconds == pytest.approx(one.scene.seconds, abs=theme.FRAME)
        assert other.seconds == pytest.approx(one.seconds / 2, abs=theme.FRAME)
        assert other.scene == one.scene
