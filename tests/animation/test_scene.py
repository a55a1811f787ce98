"""The scene: what can be read at the end of every beat, what the environment may ask for, and real renders."""

from __future__ import annotations

import importlib
import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from manim._config.video_encoder import VideoEncoderSpec

from animation import theme
from animation.picture.base import Board
from animation.picture.caption import caption
from animation.picture.card import Arrivals, CardView, card, card_size
from animation.picture.detail import Look
from animation.picture.edge import tip
from animation.picture.equations import compiled, equation_outline, segments
from animation.picture.graph import END_OF_VIEW, Stage
from animation.picture.moving_value import Parcel
from animation.picture.op import Label, OpView, op, op_size
from animation.picture.overview import Overview
from animation.picture.tensor import numbers, numbers_size
from animation.picture.text import cap_height, drawable, middle_out, text_outline, text_width, words
from animation.playback import Player, board
from animation.render.canvas import Canvas, rectangles
from animation.render.encoder import Encoder, Patch
from animation.render.primitives import Ink, rgb
from animation.settings import Settings, settings
from grad_engine.draw.layout import Box, point_at
from grad_engine.draw.palette import THEMES, contrast
from grad_engine.draw.palette import theme as palette
from grad_engine.errors import GradEngineError
from grad_engine.export.from_tensor import record_graph
from grad_engine.record import DataRecord, GraphRecord, TensorRecord, save_graph
from grad_engine.story.beats import FRAME, Beat, Build, Gather, Run
from grad_engine.story.names import bar, headline
from grad_engine.story.telling import story
from grad_engine.story.values import Cells, Matrix, matrix, number_texts
from tests import records
from tests.story.test_story import branches, example, heads, network

ROOT = Path(__file__).parents[2]


def perceptron() -> GraphRecord:
    """Two layers, constants, broadcast biases, and a difference whose square reads it twice."""
    ge = importlib.import_module("grad_engine")
    inputs, wanted = ge.arange(15).reshape(5, 3) / 7 - 1, ge.ones((5, 2))
    w1 = ge.tensor(np.linspace(-1, 1, 12).reshape(3, 4), requires_grad=True)
    b1, b2 = (ge.tensor(np.full(n, 0.1), requires_grad=True) for n in (4, 2))
    w2 = ge.tensor(np.linspace(1, -1, 8).reshape(4, 2), requires_grad=True)
    hidden = ge.relu(inputs @ w1 + b1)
    away = hidden @ w2 + b2 - wanted
    loss = (away * away).mean()
    loss.backward(retain_graph=True)
    return record_graph(loss, names=locals(), title="perceptron")


def long_names() -> GraphRecord:
    """Names that do not fit anywhere, and signs that the font does not have."""
    ge = importlib.import_module("grad_engine")
    first = ge.tensor([1.5e-12, -2e30, 3.0], requires_grad=True, name="the_first_weight_of_the_second_layer")
    other = ge.tensor([[1.0], [-123456.789]], requires_grad=True, name="变量⊛<b>#1</b>")
    with np.errstate(over="ignore", invalid="ignore"):  # infinities have to be shown too
        out = (first * other).sum(axis=0).exp().sum()
        out.backward(retain_graph=True)
    return record_graph(out, names={}, title="names")


RECORDS: Mapping[str, Callable[[], GraphRecord]] = {
    "large": lambda: example("large"),
    "blog": lambda: example("blog"),
    "small": lambda: example("small"),
    "perceptron": perceptron,
    "long_names": long_names,
    "neuron": records.neuron,
    "square": records.square,
    "everything": records.everything,
    "diamond": lambda: records.diamond(6),
    "fan": lambda: records.fan(6),
    "chain": lambda: records.chain(11, (3,)),
    "dense": lambda: records.dense(14, 1),
    "dense 24": lambda: records.dense(20, 2, (2, 3)),
    "heads": heads,
    "branches": branches,
    "long": lambda: records.chain(24, (3,)),
    "dense 120": lambda: records.dense(100, 4),
}
Extent = tuple[float, float, float, float]


def extent(ink: Ink) -> Extent:
    return ink.extent


def end(stage: Board, beat: Beat) -> None:
    """Lets a beat come to its end."""
    for shot in (stage.follow(beat), stage.shot(beat)):
        if shot is not None:
            shot.at(shot.seconds)


def apart(a: Extent, b: Extent) -> bool:
    return a[2] <= b[0] + 0.01 or b[2] <= a[0] + 0.01 or a[3] <= b[1] + 0.01 or b[3] <= a[1] + 0.01


@pytest.mark.parametrize("name", RECORDS)
def test_every_label_can_be_read_at_the_end_of_every_beat(name: str) -> None:
    """Inside the frame, high enough, on no other label, and crossed by no edge."""
    record = RECORDS[name]()
    legible(board(record, palette("dark")), story(record))


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
    legible(player.board, player.beats)


def legible(stage: Board, beats: Sequence[Beat]) -> None:
    """Fails where a label at the end of a beat is out of the frame, too small, or not free."""
    right, top = theme.FRAME_WIDTH / 2 - 0.25, theme.FRAME_HEIGHT / 2 - 0.1
    for beat in beats:
        end(stage, beat)
        labels = [(ink.text, extent(ink), ink.size) for ink in stage.still() if ink.text]
        if isinstance(stage, Stage) and stage.wide:  # what lies beyond the view is not there to be read
            labels = [label for label in labels if max(-label[1][0], label[1][2]) <= theme.GRAPH_WIDTH / 2]
        assert labels, beat.name
        for text, (x0, y0, x1, y1), size in labels:
            assert -right <= x0 and x1 <= right and -top <= y0 and y1 <= top, (beat.name, text)
            assert cap_height(size) >= 9 / 60, (beat.name, text)  # 480 lines for 8 units
        for (text, one, _), (second, other, _) in itertools.combinations(labels, 2):
            covered = isinstance(stage, Overview) and one == other  # by a dot, on which the sign stands again
            assert covered or apart(one, other), (beat.name, text, second)
        for id, way in stage.ways.items() if isinstance(stage, Stage) else ():
            if ("edge", id) in stage.parts:
                places = point_at(way.table, np.linspace(0, 1, 80))[:, :2]
                for text, (x0, y0, x1, y1), _ in labels:
                    inside = (places > (x0, y0)).all(axis=1) & (places < (x1, y1)).all(axis=1)
                    assert not inside.any(), (beat.name, text, id)


@pytest.mark.parametrize(
    "name", ["large", "blog", "perceptron", "neuron", "dense", "dense 24", "heads", "branches", "long"]
)
def test_what_flies_covers_neither_its_ends_nor_what_else_flies(name: str) -> None:
    record = RECORDS[name]()
    stage = Stage(record, palette("dark"))
    for beat in story(record):
        for shot in (stage.follow(beat), stage.shot(beat)):
            if shot is None:
                continue
            parcels = [part for part in shot.moving if isinstance(part, Parcel)]
            links = [flow.link for flow in beat.flows] if isinstance(beat, Build) else []
            links = [sent.edge for sent in beat.sent] if isinstance(beat, Run) else links
            for time in np.linspace(0, shot.seconds, 30):
                shot.at(float(time))
                seen = [(k, part.plate.extent) for k, part in enumerate(parcels) if part.plate.amount > 0.3]
                for (_, one), (_, other) in itertools.combinations(seen, 2):
                    assert apart(one, other), (beat.name, time)
                for k, flying in seen if links else ():
                    link = stage.link_of[links[k]]
                    for box in (*stage.solid(link.source), *stage.solid(link.target)):
                        left, low = box.x - box.width / 2, box.y - box.height / 2
                        assert apart(flying, (left, low, left + box.width, low + box.height)), (beat.name, time)
            shot.at(shot.seconds)


@pytest.mark.parametrize("name", ["large", "blog", "perceptron"])
def test_words_never_turn_into_others_on_one_another(name: str) -> None:
    """Nor does what flies carry small numbers across the words of the tape."""
    record = RECORDS[name]()
    stage = Stage(record, palette("dark"))
    for beat in story(record):
        shot = stage.shot(beat)
        flying = {id(ink) for part in shot.moving if isinstance(part, Parcel) for ink in part.inks}
        for time in np.linspace(0, shot.seconds, 40):
            shot.at(float(time))
            inks = [*stage.still(shot), *shot.flying()]
            labels = [ink for ink in inks if ink.text and ink.amount > 0.15 and id(ink) not in flying]
            for one, other in itertools.combinations(labels, 2):
                assert one.text == other.text or apart(extent(one), extent(other)), (beat.name, one.text, other.text)


def test_a_sum_is_read_where_it_is_written_and_pictures_fly_there() -> None:
    record = example("large")
    stage = Stage(record, palette("dark"))
    for beat in story(record):
        shot = stage.shot(beat)
        if isinstance(beat, Gather):
            break
        shot.at(shot.seconds)
    assert isinstance(beat, Gather)
    flying = [part for part in shot.moving if isinstance(part, Parcel)]
    assert [part.texts[0].text for part in flying] == ["", "", ""]  # two shares come, their sum goes
    places = {id(part): part.middle for key, part in stage.parts.items() if key[0] == "sum"}
    for time in np.linspace(0, shot.seconds, 40):
        shot.at(float(time))
        for key, part in stage.parts.items():
            if key[0] == "sum":
                assert part.middle == places[id(part)]


@pytest.mark.parametrize(("name", "rows"), [("chain", 2), ("long", 3), ("large", 1), ("dense", 1), ("heads", 1)])
def test_a_chain_is_wrapped_and_what_has_many_ways_is_not(name: str, rows: int) -> None:
    stage = Stage(RECORDS[name](), palette("dark"))
    back = [way for way in stage.ways.values() if way.back is not None]
    assert len(back) == rows - 1
    assert rows == 1 or not stage.wide
    for way in back:  # the mark lies where the line runs to the left
        (before, y), (after, same) = way.at(way.back - 0.01), way.at(way.back + 0.01)
        assert after < before and y == pytest.approx(same)


@pytest.mark.parametrize("name", ["large", "blog", "perceptron", "neuron", "diamond", "fan", "dense", "dense 24"])
def test_the_points_of_two_arrows_lie_apart_or_on_each_other(name: str) -> None:
    stage = Stage(RECORDS[name](), palette("dark"))
    ends: dict[str, list[float]] = {}
    for link in stage.links:
        ends.setdefault(link.source, []).append(stage.ways[link.id].at(0.0)[1])
    high = np.ptp(tip((0.0, 0.0), True, stage.look.pen)[:, 1])
    for source, heights in ends.items():
        gaps = np.diff(sorted(heights))
        assert ((gaps < 1e-6) | (gaps >= high)).all(), source


@pytest.mark.parametrize("seed", range(6))
def test_ops_that_share_a_beat_can_be_seen_together(seed: int) -> None:
    record = records.dense(20, seed, (2,))
    stage = Stage(record, palette("dark"))
    beats = story(record)
    assert any(isinstance(beat, Run) and len(beat.nodes) > 1 for beat in beats)
    for beat in beats:
        ops = [id for id in (beat.nodes if isinstance(beat, Run) else getattr(beat, "items", ())) if id in stage.ops]
        if len(ops) > 1:
            left, right = stage.span(*ops)
            assert right - left <= 2 * END_OF_VIEW, beat.name


@pytest.mark.parametrize("name", ["large", "perceptron", "neuron", "dense"])
def test_nothing_is_lost_between_beats(name: str) -> None:
    """In the end every op has run, every edge was paid, every leaf has its sum; what is seen is fully there."""
    record = RECORDS[name]()
    stage = Stage(record, palette("light"))
    beats = story(record)
    for beat in beats[:-1]:
        end(stage, beat)
        for ink in stage.still():
            assert ink.amount == 1.0, (beat.name, ink.text)
    for id, arrivals in stage.arrivals.items():
        assert arrivals.total is not None and arrivals.k == arrivals.of, id
    assert {key[1] for key in stage.parts if key[0] == "edge"} == {link.id for link in stage.links}
    assert {key[1] for key in stage.parts if key[0] == "chip"} == set(stage.nodes)


@pytest.mark.parametrize("phase", ["forward", "backward"])
@pytest.mark.parametrize("fold", ["none", "max"])
@pytest.mark.parametrize("name", ["small", "large", "perceptron", "square", "dense 24", "long", "dense 120"])
def test_half_a_story_can_be_played(name: str, fold: str, phase: str) -> None:
    """In the end every link is there, and all that backward sends has been sent."""
    player = Player(RECORDS[name](), Settings(Path(), fold=fold, phase=phase))
    for beat in player.beats[:-1]:
        end(player.board, beat)
    if isinstance(player.board, Stage):
        assert {key[1] for key in player.board.parts if key[0] == "edge"} == {link.id for link in player.board.links}
        if phase == "backward":
            assert all(arrivals.k == arrivals.of for arrivals in player.board.arrivals.values())


def test_moments_of_a_shot_may_be_left_out() -> None:
    """A low frame rate sees fewer moments than a high one, and the same picture in the end."""
    seen = []
    for moments in (3, 40):
        stage = Stage(example("large"), palette("dark"))
        for beat in story(example("large"))[:12]:
            shot = stage.shot(beat)
            for time in np.linspace(0, shot.seconds, moments):
                shot.at(float(time))
                shot.land(float(time))
            assert shot.landed == len(shot.moving)
        seen.append([(ink.text, np.round(extent(ink), 6).tolist()) for ink in stage.still()])
    assert seen[0] == seen[1]


def test_the_first_column_of_ln_is_magenta_with_a_badge() -> None:
    stage = Stage(example("large"), palette("dark"))
    for beat in story(example("large")):
        end(stage, beat)
        if beat.name == "forward-n4":
            break
    inks = stage.parts["item", "n4"].inks
    assert "NaN 4/16" in [ink.text for ink in inks]
    squares = [ink for ink in inks if ink.fill == rgb(palette("dark").nonfinite) and not ink.text]
    assert any(len(ink.points) == 4 * 16 for ink in squares)  # four squares of four sides


@pytest.mark.parametrize("symbol", ["+", "ln", "softmax", "+ 0.1235"])
def test_a_symbol_lies_inside_the_shape_of_its_category(symbol: str) -> None:
    from grad_engine.core.op import OPS

    for category in {each.category for each in OPS.values()}:
        for look in (Look(1.0, 3), Look(0.8, 2), Look(0.6, 1)):
            view = OpView("n0", category, symbol, "#0", Label("", "v0", None), None, (), 1, False, (0,), True)
            width, height = op_size(view, look)
            part = op(view, "made", look, Box(0.0, 0.0, width, height), palette("dark"))
            shape = next(ink for ink in part.inks if not ink.text)
            (letters,) = [ink for ink in part.inks if ink.text == symbol]
            left, _, right, _ = extent(letters)
            middle = shape.points[np.abs(shape.points[:, 1]) < 0.3 * np.ptp(shape.points[:, 1]), 0]
            assert middle.min() < left and right < middle.max(), (category, look)


def test_text_is_shortened_to_its_room_and_measured_as_it_is_drawn() -> None:
    for room in (0.0, 0.2, 0.7, 1.5, 9.0):
        ink = words("gradient of the first weight", 0.25, "#FFFFFF", (0.0, 0.0), anchor="left", room=room)
        assert not len(ink.points) or ink.points[:, 0].max() <= room
    assert words("x", 0.25, "#FFFFFF", (0, 0), room=1).text == "x"
    shown = matrix(TensorRecord("t0", "value", (3,), "float64"))
    assert shown is None
    full = Matrix((("1", "NaN"), ("−2.5", "3")), ((False, True), (False, False)), False, True, True)
    part = numbers(full, 0.3, palette("dark"), "value", (1.0, 2.0))
    wide, high = numbers_size(full, 0.3)
    points = np.concatenate([ink.points for ink in part.inks])
    assert points[:, 0].min() >= 1.0 and points[:, 0].max() <= 1.0 + wide + 1e-9
    assert np.ptp(points[:, 1]) <= high + 1e-9


def head() -> GraphRecord:
    """Layers with the names that modules give them, whose shares are summed over their batch."""
    ge = importlib.import_module("grad_engine")
    x = ge.arange(12).reshape(1, 3, 4) / 10
    parts = {}
    for name in ("query", "key"):
        weight = ge.tensor(np.linspace(-1, 1, 8).reshape(2, 4), requires_grad=True, name=f"{name}.weight")
        parts[name] = ge.linear(x, weight, ge.tensor([0.1, -0.2], requires_grad=True, name=f"{name}.bias"))
    loss = ge.softmax(parts["query"] @ parts["key"].mT, axis=-1).sum()
    loss.backward(retain_graph=True)
    return record_graph(loss, names={"loss": loss}, title="head")


@pytest.mark.parametrize("name", ["large", "blog", "perceptron", "long_names", "everything", "head"])
def test_a_crowded_caption_never_cuts_the_name_of_an_op(name: str) -> None:
    record = RECORDS.get(name, head)()
    names = {node.id: node.name for node in record.nodes}
    for beat in story(record):
        if isinstance(beat, Run) and len(beat.nodes) == 1:
            said = [ink.text for ink in caption(beat, palette("dark")).inks]
            assert names[beat.nodes[0]] in said, (beat.name, said)


def test_the_font_has_every_sign_that_is_used() -> None:
    signs = set("0123456789abcxyzABCXYZ()[]{}+−×·/=<>≤≥≠#,.:;…→←✓Σ∂‖∞ᵀ⁻²³¬") | set(bar("x") + bar("loss"))
    assert drawable("".join(signs))
    from grad_engine.core.op import OPS

    readable = [op.symbol for op in OPS.values() if drawable(op.symbol)]
    assert len(readable) > len(OPS) / 2  # the others are written as their name
    assert all(drawable(name) for name in OPS)


@pytest.mark.parametrize("name", ["large", "long_names", "everything", "dense 120", "folded", "focus"])
@pytest.mark.parametrize("theme_name", THEMES)
def test_whatever_is_drawn_stands_out_from_what_it_lies_on(name: str, theme_name: str) -> None:
    """Text by 4.5 to 1 and marks by 3 to 1 at least (WCAG 2.2), at rest and on their way, dimmed or not."""
    asked = {"folded": {"fold": "max"}, "focus": {"focus": "#9"}}.get(name, {})
    record = RECORDS.get(name, RECORDS["dense 24"])()
    player = Player(record, Settings(Path(), theme=theme_name, **asked))  # type: ignore[arg-type]  # words only
    stage, colours = player.board, player.colours
    grounds = {rgb(colours.background), rgb(colours.panel)}  # a plate is no mark: its border is
    for beat in player.beats:
        for shot in (stage.follow(beat), stage.shot(beat)):
            if shot is not None:
                shot.at(shot.seconds / 2)
                pictures = [part.inks for part in shot.moving if isinstance(part, Parcel)]
                shot.at(shot.seconds)
        for inks in (stage.still(), *pictures):
            below: list[tuple[Extent, Ink]] = []
            for ink in inks:
                if not len(ink.shape.points) or (isinstance(stage, Overview) and is_line(ink)):
                    continue  # the many lines of an overview are a texture: none of them is read
                lies, places = rgb(colours.background), outlines(ink)
                for around, plate in below:
                    if holds(around, places[0]):
                        lies = over(plate.fill, lies, plate.alphas[0])
                if ink.fill is not None and (ink.text or ink.fill not in grounds):
                    ratio = contrast(written(over(ink.fill, lies, ink.alphas[0])), written(lies))
                    assert ratio >= (4.5 if ink.text else 3.0), (beat.name, ink.text)
                if ink.stroke is not None and ink.alphas[1] > 0.2:  # less is the glow around what runs
                    assert contrast(written(over(ink.stroke, lies, ink.alphas[1])), written(lies)) >= 3.0, beat.name
                if ink.fill is not None and not ink.text:
                    below += [(around, ink) for around in places]


def is_line(ink: Ink) -> bool:
    return ink.stroke is not None and ink.fill is None


def outlines(ink: Ink) -> list[Extent]:
    """How far each closed outline of an ink reaches; all of a word or a line as one."""
    points = ink.points
    if ink.text or ink.fill is None:
        return [ink.extent]
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


def test_a_sign_without_a_glyph_is_a_box_and_never_nothing() -> None:
    assert len(text_outline("⊛", 0.3).points)


def test_a_bar_lies_over_its_letter() -> None:
    plain, barred = text_outline("x", 1.0), text_outline(bar("x"), 1.0)
    assert barred.width == plain.width
    assert barred.top > plain.top
    assert text_outline(bar("loss"), 1.0).width == text_outline("loss", 1.0).width


def test_formulas_are_typeset_on_the_baseline_or_written_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    letter, lower = equation_outline("H", 1.0), equation_outline("p", 1.0)
    assert letter is not None and lower is not None
    assert letter.bottom == pytest.approx(0.0, abs=0.01) and letter.top == pytest.approx(0.68, abs=0.02)
    assert lower.bottom < -0.1
    bars = equation_outline("overline(x)", 1.0)
    assert bars is not None and bars.top > 0.45
    assert equation_outline("this is (not closed", 1.0) is None
    monkeypatch.setattr("animation.picture.equations.typesetter", lambda: None)
    for made in (equation_outline, compiled):
        made.cache_clear()
    try:
        assert equation_outline("H", 1.0) is None
        test_every_label_can_be_read_at_the_end_of_every_beat("large")
    finally:
        for made in (equation_outline, compiled):
            made.cache_clear()


def test_paths_of_all_letters_are_read() -> None:
    small = segments("M 1 1 h 2 v 2 l -2 0 z")
    large = segments("M 1 1 H 3 V 3 L 1 3 Z")
    assert small == large
    assert [round(abs(s[3] - s[0]), 6) for s in small] == [2.0, 2.0, 2.0, 2.0]
    (curve,) = segments("m 0 0 q 1 2 2 0")
    assert curve[1] == pytest.approx(complex(2 / 3, 4 / 3)) and curve[3] == 2


# pixels


def sized(width: int, height: int) -> Canvas:
    return Canvas(
        pixel_width=width, pixel_height=height, frame_width=theme.FRAME_WIDTH, frame_height=theme.FRAME_HEIGHT
    )


@pytest.mark.parametrize("name", ["blog", "long", "dense 120"])
def test_a_picture_is_the_same_however_it_came_about(name: str) -> None:
    """What was redrawn only where something had changed is what a fresh canvas shows."""
    record = RECORDS[name]()
    player = Player(record, Settings(Path()))
    canvas = sized(426, 240)
    canvas.fill()
    for beat in player.beats:
        player.begin(beat, canvas)
        for time in np.linspace(0, beat.seconds + FRAME, 5):
            player.show(float(time), canvas)
        fresh = sized(426, 240)
        fresh.fill()
        fresh.bake(player.board.still())
        fresh.show(())
        off = np.abs(fresh.pixel_array.astype(int) - canvas.pixel_array.astype(int)).max(axis=2)
        assert (off > 24).mean() < 2e-3, beat.name  # edges may lie over or under the corners of what they reach


def test_a_picture_is_the_same_whatever_was_drawn_before() -> None:
    """Outlines are kept: a small picture may not leave coarse ones to a large one."""
    seen = []
    for before in ([], [(213, 120)], [(1920, 1080)]):
        text_outline.cache_clear()
        ink = words("gradient of w", 0.3, "#FFFFFF", (0.1, 0.2))
        for size in before:
            sized(*size).show([ink])
        canvas = sized(854, 480)
        canvas.show([ink])
        seen.append(canvas.pixel_array.copy())
    assert (seen[0] == seen[1]).all() and (seen[0] == seen[2]).all()


def test_rectangles_cover_what_is_marked_once() -> None:
    random = np.random.default_rng(3)
    for density in (0.0, 0.1, 0.5, 0.9, 1.0):
        mask = random.random((9, 14)) < density
        count = np.zeros(mask.shape, dtype=int)
        for top, bottom, left, right in rectangles(mask):
            count[top:bottom, left:right] += 1
        assert (count == mask).all()


def test_what_is_encoded_is_what_was_drawn(tmp_path: Path) -> None:
    """Tiles that are handed over one by one make the frames that whole pictures would have made."""
    spec = VideoEncoderSpec("mp4", "libx264", "yuv420p", 426, 240, Fraction(15), (("crf", "1"), ("preset", "fast")))
    encoder = Encoder(target=tmp_path / "film.mp4", spec=spec)
    random = np.random.default_rng(1)
    canvas = sized(426, 240)
    tiles = canvas.front.tiles
    smooth = np.linspace(0, 255, 20)[:, None, None] * np.ones((1, 30, 4))
    wanted = []
    for k in range(6):
        top, left = (int(random.integers(0, high)) for high in (200, 380))
        canvas.pixel_array[top : top + 20, left : left + 30] = smooth if k % 2 else 40 * k
        mask = np.zeros_like(canvas.changed)
        mask[top // 16 : (top + 20) // 16 + 1, left // 16 : (left + 30) // 16 + 1] = True
        mask |= k == 0
        encoder.write_frame(Patch(mask, tiles[mask]))
        wanted.append(canvas.pixel_array[..., :3].copy())
    encoder.finish()
    for shown, drawn in zip(frames(tmp_path / "film.mp4"), wanted, strict=True):
        assert np.abs(shown.astype(int) - drawn.astype(int)).mean() < 1.5


@pytest.mark.parametrize("record", [records.dense(300, 2), records.chain(300), records.fan(300)], ids=lambda r: r.title)
def test_from_afar_every_dot_has_a_place_of_its_own(record: GraphRecord) -> None:
    seen = board(record, palette("dark"))
    assert isinstance(seen, Overview)
    boxes = list(seen.boxes.values())
    assert len(boxes) == len(seen.items)
    for box in boxes:
        assert abs(box.x) + box.width / 2 <= theme.GRAPH_WIDTH / 2
        assert box.y - box.height / 2 >= theme.GRAPH_BOTTOM and box.y + box.height / 2 <= theme.GRAPH_TOP
        assert box.width * 60 > 4  # px in a video of 480 lines
    places = np.array([(box.x, box.y) for box in boxes])
    apart = np.abs(places[:, None] - places).max(axis=2) + 10 * np.eye(len(boxes))
    assert apart.min() > boxes[0].width


def test_only_from_afar_a_larger_gradient_is_said_to_look_larger() -> None:
    for record, afar in ((records.dense(100, 4), True), (records.dense(26, 3), False)):
        player = Player(record, Settings(Path(), fold="none"))
        assert isinstance(player.board, Overview) is afar
        said = [note.text for beat in player.beats for column in beat.columns for note in column.notes]
        assert ("stronger and larger: a larger gradient" in said) is afar


def test_from_afar_large_gradients_are_bright(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = board(records.dense(200, 2), palette("dark"))
    assert isinstance(seen, Overview)
    assert len(set(seen.level.values())) > 3
    bright = [contrast(seen.tone(level), palette("dark").background) for level in range(8)]
    assert bright == sorted(bright) and bright[0] >= 3
    assert seen.tone(-1) == palette("dark").nonfinite


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        (-0.123456, ("−0.1235", "−0.123", "−0.12")),
        (12345.6, ("1.235e4", "1.23e4", "1.2e4", "1e4")),
        (-1.2346e-9, ("−1.235e−9", "−1.23e−9", "−1.2e−9", "−1e−9")),
        (2.0, ("2",)),
        (float("nan"), ("NaN",)),
    ],
)
def test_a_number_loses_digits_before_it_is_left_out(value: float, texts: tuple[str, ...]) -> None:
    assert number_texts(TensorRecord("t0", "gradient", (), "float64", data=DataRecord(values=(value,)))) == texts


def test_a_name_that_was_given_wins_over_a_shape_in_a_tight_label() -> None:
    look = Look(0.8, 2)
    for name, shown in (("", "(4, 4)"), ("h", "h (4, 4)"), ("weights", "weights"), ("hidden_state_of", "hidde")):
        view = OpView("n0", "arithmetic", "+", "#0", Label(name, "(4, 4)", None), None, (), 2, False)
        width, height = op_size(view, look)
        texts = [ink.text for ink in op(view, "made", look, Box(0.0, 0.0, width, height), palette("dark")).inks]
        assert any(text.startswith(shown) for text in texts), (name, texts)


def test_a_nan_on_its_way_is_magenta_and_says_so() -> None:
    colours = palette("dark")
    wrong = rgb(colours.nonfinite)
    number = Parcel(colours, "gradient", "NaN", "NaN", odd="NaN")
    picture = Parcel(colours, "gradient", Cells(1, 2, (1.0, 1.0), (True, False)), "", odd="NaN")
    for parcel in (number, picture):
        assert parcel.plate.stroke == wrong
        assert [ink.fill for ink in parcel.inks if ink.text] == [wrong]
    assert [ink.fill for ink in picture.squares] == [wrong, rgb(colours.gradient)]


def test_what_a_leaf_held_is_all_that_is_said_where_nothing_came() -> None:
    player = Player(RECORDS["everything"](), Settings(Path()))
    for beat in player.beats:
        end(player.board, beat)
        said = {ink.text for ink in player.board.still()}
        assert not {"held ·", "held · ", "Σ held + 0/0"} & said
    assert "held" in said


def test_a_card_shows_what_fits_of_its_numbers() -> None:
    view, look = CardView("a0", "x", "= 1", None, True), Look(1.0, 3)
    width, height = card_size(view, look)
    for value in (-0.123456, 1.23456e-12, -98765.4321, float("-inf")):
        figure = number_texts(TensorRecord("t0", "gradient", (), "float64", data=DataRecord(values=(value,))))
        for arrivals in (Arrivals(1, 2, (figure,)), Arrivals(2, 2, (figure, ("1",))), Arrivals(1, 1, (), figure)):
            part = card(view, arrivals, look, Box(0.0, 0.0, width, height), palette("dark"))
            assert any(text in [ink.text for ink in part.inks] for text in figure)


def test_a_long_expression_is_shortened_in_the_middle_and_a_missing_one_is_made_up_for() -> None:
    record = perceptron()
    assert record.expression == "" and headline(record) == "perceptron: loss = mean(…)"
    long = replace(record, expression="loss = mean((relu(inputs @ w1 + b1) @ w2 + b2 − wanted)²)")
    shown = middle_out(headline(long), 0.3, 4.0)
    assert text_width(shown, 0.3) <= 4.0 and shown.startswith("loss = mean(") and shown.endswith("wanted)²)")


def test_a_key_tells_what_the_marks_mean_until_the_tape_begins() -> None:
    stage = Stage(example("large"), palette("dark"))
    first, second, *_ = story(example("large"))
    end(stage, first)
    said = [ink.text for ink in stage.parts["key", ""].inks if ink.text]
    assert said[:3] == ["arithmetic", "linear algebra", "elementwise"] and "kept for backward" in said
    assert "operands" in said and "larger: farther from 0" in said
    end(stage, second)
    assert ("key", "") not in stage.parts and ("label", "") in stage.parts


def test_known_numbers_are_written_into_the_sign_of_an_op() -> None:
    ge = importlib.import_module("grad_engine")
    x = ge.tensor([1.0, 2.0], requires_grad=True, name="x")
    y = (x**2 + 2**x + 3 - x).sum()
    stage = Stage(record_graph(y, names={}), palette("dark"))
    assert [view.symbol for view in stage.ops.values()][:4] == ["x²", "2ˣ", "+", "+ 3"]


# what the environment may ask for


def test_wishes_have_defaults_and_are_checked(tmp_path: Path) -> None:
    record = tmp_path / "output" / "graph_acyclic.json"
    record.parent.mkdir()
    save_graph(records.square(), record)
    usual = settings({}, tmp_path)
    assert (usual.graph, usual.theme, usual.speed, usual.phase) == (record, "dark", 1.0, "both")
    asked = settings(
        {
            "GRAD_ENGINE_THEME": "light",
            "GRAD_ENGINE_SPEED": "2",
            "GRAD_ENGINE_PHASE": "backward",
            "GRAD_ENGINE_MAXLABEL": "5",
            "GRAD_ENGINE_FOLD": "max",
            "GRAD_ENGINE_FOCUS": "x3",
        },
        tmp_path,
    )
    assert (asked.theme, asked.speed, asked.phase, asked.longest_name) == ("light", 2.0, "backward", 5)
    assert (usual.fold, usual.focus, asked.fold, asked.focus) == ("auto", "", "max", "x3")
    wrong = [
        ("GRAD_ENGINE_THEME", "sepia"),
        ("GRAD_ENGINE_SPEED", "fast"),
        ("GRAD_ENGINE_SPEED", "nan"),
        ("GRAD_ENGINE_SPEED", "0"),
        ("GRAD_ENGINE_PHASE", "sideways"),
        ("GRAD_ENGINE_MAXLABEL", "1"),
        ("GRAD_ENGINE_FOLD", "some"),
    ]
    for name, value in wrong:
        with pytest.raises(GradEngineError, match=f"{name} is '{value}', but it must be"):
            settings({name: value}, tmp_path)
    with pytest.raises(GradEngineError, match=r"There is no record at .*--export"):
        settings({"GRAD_ENGINE_GRAPH": str(tmp_path / "none.json")}, tmp_path)


# real renders


def rendered(folder: Path, graph: Path, *options: str, **asked: str) -> subprocess.CompletedProcess[str]:
    """What Manim says when it is run in `folder`, as on a machine without a display."""
    environment = {name: value for name, value in os.environ.items() if not name.endswith("DISPLAY")}
    environment |= {"GRAD_ENGINE_GRAPH": str(graph), **asked}
    command = [sys.executable, "-m", "manim", "--progress_bar", "none", *options]
    return subprocess.run(
        [*command, str(ROOT / "animation" / "main.py"), "CreateAcyclicGraph"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


def frames(video: Path) -> list[np.ndarray]:
    with av.open(str(video)) as file:
        return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]


@pytest.mark.parametrize("name", ["small", "blog", "large"])
def test_an_example_renders(name: str, tmp_path: Path) -> None:
    """-pql as a user types it, from another folder: a video as long as its story, with nothing at its border."""
    record = example(name)
    save_graph(record, tmp_path / "graph.json")
    done = rendered(tmp_path, tmp_path / "graph.json", "-pql")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    video = tmp_path / "media" / "videos" / "main" / "480p15" / "CreateAcyclicGraph.mp4"
    beats = story(record)
    shown = frames(video)
    assert shown[0].shape == (480, 854, 3)
    assert len(shown) == round(sum(beat.seconds for beat in beats) / FRAME)
    ground = np.array([int(palette("dark").background[k : k + 2], 16) for k in (1, 3, 5)])
    for frame in shown[::5]:
        for border in (frame[:4], frame[-4:], frame[:, :4], frame[:, -4:]):
            assert np.abs(border.astype(int) - ground).max() < 24
    for beat, start in zip(beats, itertools.accumulate([0.0, *(beat.seconds for beat in beats)]), strict=False):
        end = shown[min(round((start + beat.seconds) / FRAME), len(shown)) - 1]
        assert (np.abs(end.astype(int) - ground).max(axis=2) > 60).mean() > 0.01, beat.name
    subtitles = video.with_suffix(".srt").read_text(encoding="utf-8")
    assert subtitles.count(" --> ") == len(beats)


def test_two_renders_end_in_the_same_picture(tmp_path: Path) -> None:
    save_graph(records.square(), tmp_path / "graph.json")
    pictures = []
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        done = rendered(tmp_path / place, tmp_path / "graph.json", "-ql", "-s", GRAD_ENGINE_THEME="light")
        assert done.returncode == 0, done.stdout + done.stderr
        (picture,) = (tmp_path / place / "media" / "images" / "main").glob("*.png")
        pictures.append(picture.read_bytes())
    assert pictures[0] == pictures[1]


@pytest.mark.parametrize(
    ("asked", "content", "said"),
    [
        ({}, None, "There is no record at"),
        ({}, '{"format": 3}', "graph.json"),
        ({"GRAD_ENGINE_SPEED": "quick"}, "", "GRAD_ENGINE_SPEED is 'quick'"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(
    asked: dict[str, str], content: str | None, said: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "graph.json").write_text(content, encoding="utf-8")
    done = rendered(tmp_path, tmp_path / "graph.json", "-ql", **asked)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_every_theme_of_the_palette_is_offered(tmp_path: Path) -> None:
    save_graph(records.square(), tmp_path / "graph.json")
    for name in THEMES:
        asked = {"GRAD_ENGINE_GRAPH": str(tmp_path / "graph.json"), "GRAD_ENGINE_THEME": name}
        assert settings(asked, tmp_path).theme == name
