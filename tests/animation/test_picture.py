"""The picture of a graph: what can be read at the end of every beat, and what moves within it."""

from __future__ import annotations

import importlib
import itertools
from pathlib import Path

import numpy as np
import pytest

from animation.picture.caption import caption
from animation.picture.edge import tip
from animation.picture.graph import GraphPicture
from animation.picture.moving_value import MovingValue
from animation.picture.overview import Overview
from animation.picture.placed import END_OF_VIEW
from animation.playback import Player, picture_of
from animation.render.primitives import Primitive, rgb
from animation.settings import Settings
from grad_engine.draw.palette import THEMES, contrast
from grad_engine.draw.palette import theme as palette
from grad_engine.export.from_tensor import record_graph
from grad_engine.story.beats import Build, Gather, Run
from grad_engine.story.telling import story
from tests import records
from tests.animation.support import RECORDS, Extent, apart, end, extent, legible
from tests.programs import example, head, network

pytestmark = pytest.mark.film


@pytest.mark.parametrize("name", RECORDS)
def test_every_label_can_be_read_at_the_end_of_every_beat(name: str) -> None:
    """Inside the frame, high enough, on no other label, and crossed by no edge."""
    record = RECORDS[name]()
    legible(picture_of(record, palette("dark")), story(record))


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("network", {"fold": "auto"}),
        ("network", {"fold": "max"}),
        ("network", {"focus": "w5"}),
        ("dense 24", {"fold": "max"}),
        ("dense 24", {"focus": "#9", "fold": "max"}),
        ("dense 120", {"focus": "#81"}),
        ("everything", {"focus": "x"}),
        ("long_names", {"focus": "#1"}),
    ],
)
def test_what_is_folded_or_in_focus_can_be_read(name: str, asked: dict[str, str]) -> None:
    record = network(9, scoped=True) if name == "network" else RECORDS[name]()
    player = Player(record, Settings(Path(), **asked))  # type: ignore[arg-type]  # words only
    legible(player.picture, player.beats)


@pytest.mark.parametrize(
    "name", ["large", "blog", "perceptron", "neuron", "dense", "dense 24", "heads", "branches", "long"]
)
def test_what_flies_covers_neither_its_ends_nor_what_else_flies(name: str) -> None:
    record = RECORDS[name]()
    picture = GraphPicture(record, palette("dark"))
    for beat in story(record):
        for shot in (picture.follow(beat), picture.shot(beat)):
            if shot is None:
                continue
            moving_values = [part for part in shot.moving if isinstance(part, MovingValue)]
            links = [flow.link for flow in beat.flows] if isinstance(beat, Build) else []
            links = [sent.edge for sent in beat.sent] if isinstance(beat, Run) else links
            for time in np.linspace(0, shot.seconds, 30):
                shot.at(float(time))
                seen = [(k, part.plate.extent) for k, part in enumerate(moving_values) if part.plate.opacity > 0.3]
                for (_, one), (_, other) in itertools.combinations(seen, 2):
                    assert apart(one, other), (beat.name, time)
                for k, flying in seen if links else ():
                    link = picture.link_of[links[k]]
                    for box in (*picture.solid(link.source), *picture.solid(link.target)):
                        left, low = box.x - box.width / 2, box.y - box.height / 2
                        assert apart(flying, (left, low, left + box.width, low + box.height)), (beat.name, time)
            shot.at(shot.seconds)


@pytest.mark.parametrize("name", ["large", "blog", "perceptron"])
def test_words_never_turn_into_others_on_one_another(name: str) -> None:
    """Nor does what flies carry small numbers across the words of the tape."""
    record = RECORDS[name]()
    picture = GraphPicture(record, palette("dark"))
    for beat in story(record):
        shot = picture.shot(beat)
        flying = {
            id(primitive) for part in shot.moving if isinstance(part, MovingValue) for primitive in part.primitives
        }
        for time in np.linspace(0, shot.seconds, 40):
            shot.at(float(time))
            primitives = [*picture.still(shot), *shot.flying()]
            labels = [
                primitive
                for primitive in primitives
                if primitive.text and primitive.opacity > 0.15 and id(primitive) not in flying
            ]
            for one, other in itertools.combinations(labels, 2):
                assert one.text == other.text or apart(extent(one), extent(other)), (beat.name, one.text, other.text)


def test_a_sum_is_read_where_it_is_written_and_pictures_fly_there() -> None:
    record = example("large")
    picture = GraphPicture(record, palette("dark"))
    for beat in story(record):
        shot = picture.shot(beat)
        if isinstance(beat, Gather):
            break
        shot.at(shot.seconds)
    assert isinstance(beat, Gather)
    flying = [part for part in shot.moving if isinstance(part, MovingValue)]
    assert [part.texts[0].text for part in flying] == ["", "", ""]  # two shares come, their sum goes
    places = {id(part): part.middle for key, part in picture.parts.items() if key[0] == "sum"}
    for time in np.linspace(0, shot.seconds, 40):
        shot.at(float(time))
        for key, part in picture.parts.items():
            if key[0] == "sum":
                assert part.middle == places[id(part)]


@pytest.mark.parametrize(("name", "rows"), [("chain", 2), ("long", 3), ("large", 1), ("dense", 1), ("heads", 1)])
def test_a_chain_is_wrapped_and_what_has_many_ways_is_not(name: str, rows: int) -> None:
    picture = GraphPicture(RECORDS[name](), palette("dark"))
    back = [way for way in picture.curves.values() if way.back is not None]
    assert len(back) == rows - 1
    assert rows == 1 or not picture.wide
    for way in back:  # the mark lies where the line runs to the left
        (before, y), (after, same) = way.at(way.back - 0.01), way.at(way.back + 0.01)
        assert after < before and y == pytest.approx(same)


@pytest.mark.parametrize("name", ["large", "blog", "perceptron", "neuron", "diamond", "fan", "dense", "dense 24"])
def test_the_points_of_two_arrows_lie_apart_or_on_each_other(name: str) -> None:
    picture = GraphPicture(RECORDS[name](), palette("dark"))
    ends: dict[str, list[float]] = {}
    for link in picture.links:
        ends.setdefault(link.source, []).append(picture.curves[link.id].at(0.0)[1])
    high = np.ptp(tip((0.0, 0.0), True, picture.look.pen)[:, 1])
    for source, heights in ends.items():
        gaps = np.diff(sorted(heights))
        assert ((gaps < 1e-6) | (gaps >= high)).all(), source


@pytest.mark.parametrize("seed", range(6))
def test_ops_that_share_a_beat_can_be_seen_together(seed: int) -> None:
    record = records.dense(20, seed, (2,))
    picture = GraphPicture(record, palette("dark"))
    beats = story(record)
    assert any(isinstance(beat, Run) and len(beat.nodes) > 1 for beat in beats)
    for beat in beats:
        ops = [id for id in (beat.nodes if isinstance(beat, Run) else getattr(beat, "items", ())) if id in picture.ops]
        if len(ops) > 1:
            left, right = picture.span(*ops)
            assert right - left <= 2 * END_OF_VIEW, beat.name


@pytest.mark.parametrize("name", ["large", "perceptron", "neuron", "dense"])
def test_nothing_is_lost_between_beats(name: str) -> None:
    """In the end every op has run, every edge was paid, every leaf has its sum; what is seen is fully there."""
    record = RECORDS[name]()
    picture = GraphPicture(record, palette("light"))
    beats = story(record)
    for beat in beats[:-1]:
        end(picture, beat)
        for primitive in picture.still():
            assert primitive.opacity == 1.0, (beat.name, primitive.text)
    for id, arrivals in picture.arrivals.items():
        assert arrivals.total is not None and arrivals.k == arrivals.of, id
    assert {key[1] for key in picture.parts if key[0] == "edge"} == {link.id for link in picture.links}
    assert {key[1] for key in picture.parts if key[0] == "chip"} == set(picture.nodes)


@pytest.mark.parametrize("phase", ["forward", "backward"])
@pytest.mark.parametrize("fold", ["none", "max"])
@pytest.mark.parametrize("name", ["small", "large", "perceptron", "square", "dense 24", "long", "dense 120"])
def test_half_a_story_can_be_played(name: str, fold: str, phase: str) -> None:
    """In the end every link is there, and all that backward sends has been sent."""
    player = Player(RECORDS[name](), Settings(Path(), fold=fold, phase=phase))
    for beat in player.beats[:-1]:
        end(player.picture, beat)
    if isinstance(player.picture, GraphPicture):
        assert {key[1] for key in player.picture.parts if key[0] == "edge"} == {
            link.id for link in player.picture.links
        }
        if phase == "backward":
            assert all(arrivals.k == arrivals.of for arrivals in player.picture.arrivals.values())


def test_moments_of_a_shot_may_be_left_out() -> None:
    """A low frame rate sees fewer moments than a high one, and the same picture in the end."""
    seen = []
    for moments in (3, 40):
        picture = GraphPicture(example("large"), palette("dark"))
        for beat in story(example("large"))[:12]:
            shot = picture.shot(beat)
            for time in np.linspace(0, shot.seconds, moments):
                shot.at(float(time))
                shot.land(float(time))
            assert shot.landed == len(shot.moving)
        seen.append([(primitive.text, np.round(extent(primitive), 6).tolist()) for primitive in picture.still()])
    assert seen[0] == seen[1]


def test_the_first_column_of_ln_is_magenta_with_a_badge() -> None:
    picture = GraphPicture(example("large"), palette("dark"))
    for beat in story(example("large")):
        end(picture, beat)
        if beat.name == "forward-n4":
            break
    primitives = picture.parts["item", "n4"].primitives
    assert "NaN 4/16" in [primitive.text for primitive in primitives]
    squares = [
        primitive for primitive in primitives if primitive.fill == rgb(palette("dark").nonfinite) and not primitive.text
    ]
    assert any(len(primitive.points) == 4 * 16 for primitive in squares)  # four squares of four sides


@pytest.mark.parametrize("name", ["large", "blog", "perceptron", "long_names", "everything", "head"])
def test_a_crowded_caption_never_cuts_the_name_of_an_op(name: str) -> None:
    record = RECORDS.get(name, head)()
    names = {node.id: node.name for node in record.nodes}
    for beat in story(record):
        if isinstance(beat, Run) and len(beat.nodes) == 1:
            said = [primitive.text for primitive in caption(beat, palette("dark")).primitives]
            assert names[beat.nodes[0]] in said, (beat.name, said)


@pytest.mark.parametrize("name", ["large", "long_names", "everything", "dense 120", "folded", "focus"])
@pytest.mark.parametrize("theme_name", THEMES)
def test_whatever_is_drawn_stands_out_from_what_it_lies_on(name: str, theme_name: str) -> None:
    """Text by 4.5 to 1 and marks by 3 to 1 at least (WCAG 2.2), at rest and on their way, dimmed or not."""
    asked = {"folded": {"fold": "max"}, "focus": {"focus": "#9"}}.get(name, {})
    record = RECORDS.get(name, RECORDS["dense 24"])()
    player = Player(record, Settings(Path(), theme=theme_name, **asked))  # type: ignore[arg-type]  # words only
    picture, colours = player.picture, player.colours
    grounds = {rgb(colours.background), rgb(colours.panel)}  # a plate is no mark: its border is
    for beat in player.beats:
        for shot in (picture.follow(beat), picture.shot(beat)):
            if shot is not None:
                shot.at(shot.seconds / 2)
                pictures = [part.primitives for part in shot.moving if isinstance(part, MovingValue)]
                shot.at(shot.seconds)
        for primitives in (picture.still(), *pictures):
            below: list[tuple[Extent, Primitive]] = []
            for primitive in primitives:
                if not len(primitive.shape.points) or (isinstance(picture, Overview) and is_line(primitive)):
                    continue  # the many lines of an overview are a texture: none of them is read
                lies, places = rgb(colours.background), outlines(primitive)
                for around, plate in below:
                    if holds(around, places[0]):
                        lies = over(plate.fill, lies, plate.alphas[0])
                if primitive.fill is not None and (primitive.text or primitive.fill not in grounds):
                    ratio = contrast(written(over(primitive.fill, lies, primitive.alphas[0])), written(lies))
                    assert ratio >= (4.5 if primitive.text else 3.0), (beat.name, primitive.text)
                if primitive.stroke is not None and primitive.alphas[1] > 0.2:  # less is the glow around what runs
                    assert contrast(written(over(primitive.stroke, lies, primitive.alphas[1])), written(lies)) >= 3.0, (
                        beat.name
                    )
                if primitive.fill is not None and not primitive.text:
                    below += [(around, primitive) for around in places]


def is_line(primitive: Primitive) -> bool:
    return primitive.stroke is not None and primitive.fill is None


def outlines(primitive: Primitive) -> list[Extent]:
    """How far each closed outline of an primitive reaches; all of a word or a line as one."""
    points = primitive.points
    if primitive.text or primitive.fill is None:
        return [primitive.extent]
    ends = np.flatnonzero(~np.isclose(points[3:-1:4], points[4::4]).all(axis=1))
    pieces = np.split(points[:, :2], 4 * (ends + 1))
    return [(*piece.min(axis=0).tolist(), *piece.max(axis=0).tolist()) for piece in pieces]


def holds(one: Extent, other: Extent) -> bool:
    """Whether one lies around the other, and is larger: what is as large is replaced, not a ground."""
    if one[0] > other[0] + 1e-6 or one[1] > other[1] + 1e-6 or one[2] < other[2] - 1e-6 or one[3] < other[3] - 1e-6:
        return False
    return (one[2] - one[0]) * (one[3] - one[1]) > 1.3 * (other[2] - other[0]) * (other[3] - other[1])


def over(colour: tuple[float, ...], ground: tuple[float, ...], alpha: float) -> tuple[float, ...]:
    return tuple(a * alpha + b * (1 - alpha) for a, b in zip(colour, ground, strict=True))


def written(colour: tuple[float, ...]) -> str:
    return "#" + "".join(f"{round(255 * part):02X}" for part in colour)


def test_what_a_leaf_held_is_all_that_is_said_where_nothing_came() -> None:
    player = Player(RECORDS["everything"](), Settings(Path()))
    for beat in player.beats:
        end(player.picture, beat)
        said = {primitive.text for primitive in player.picture.still()}
        assert not {"held ·", "held · ", "Σ held + 0/0"} & said
    assert "held" in said


def test_a_key_tells_what_the_marks_mean_until_the_tape_begins() -> None:
    picture = GraphPicture(example("large"), palette("dark"))
    first, second, *_ = story(example("large"))
    end(picture, first)
    said = [primitive.text for primitive in picture.parts["key", ""].primitives if primitive.text]
    assert said[:3] == ["arithmetic", "linear algebra", "elementwise"] and "kept for backward" in said
    assert "operands" in said and "larger: farther from 0" in said
    end(picture, second)
    assert ("key", "") not in picture.parts and ("label", "") in picture.parts


def test_known_numbers_are_written_into_the_sign_of_an_op() -> None:
    ge = importlib.import_module("grad_engine")
    x = ge.tensor([1.0, 2.0], requires_grad=True, name="x")
    y = (x**2 + 2**x + 3 - x).sum()
    picture = GraphPicture(record_graph(y, names={}), palette("dark"))
    assert [view.symbol for view in picture.ops.values()][:4] == ["x²", "2ˣ", "+", "+ 3"]
