"""Twelve films of real graphs, from one op to a thousand: what is seen at the end of every beat, how long it takes, and
what the subtitles say. Each is rendered once, at 480p, as a user would, and looked at while it is made."""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from manim import ManimColor, tempconfig

import grad_engine as ge
from animation import theme
from animation.picture.base import Picture
from animation.picture.graph import GraphPicture
from animation.picture.overview import Overview
from animation.picture.text import cap_height
from animation.playback import Player
from animation.render.canvas import Pixels
from animation.render.primitives import Primitive
from animation.scene import GraphScene
from animation.settings import Settings
from examples.attention import Head
from grad_engine import nn
from grad_engine.draw.layout import point_at
from grad_engine.draw.palette import DARK
from grad_engine.export.from_tensor import record_graph
from grad_engine.record import GraphRecord, load_graph, save_graph
from grad_engine.story.beats import FRAME, Beat
from grad_engine.story.telling import LONGEST, SHORTEST_BEAT
from tests.animation.support import end, sized
from tests.programs import example

pytestmark = pytest.mark.film


ROOT = Path(__file__).parents[2]


MOST_BEATS = 40


BORDER = 4  # px that nothing is drawn on


MOVED = ("item", "edge", "mask")  # with the view, where a graph is wider than it


Extent = tuple[float, float, float, float]  # left, bottom, right, top


def recorded(root: ge.Tensor, names: Mapping[str, object], title: str) -> GraphRecord:
    """The record of a backward from a root."""
    root.backward(np.ones(root.shape), retain_graph=True)
    return record_graph(root, names=names, title=title)


def mlp() -> GraphRecord:
    """Three layers, with scopes, and a mean squared error."""
    model = nn.MLP([3, 4, 4, 1], nn.Tanh, seed=0)
    loss = ge.mse_loss(model(ge.randn(5, 3, seed=1)), ge.ones((5, 1), name="y"))
    return recorded(loss, {"loss": loss}, "mlp")


def attention() -> GraphRecord:
    """One head over a sentence of three words: a batch of matrices, transposed ones, and a softmax."""
    x = ge.randn(1, 3, 2, seed=2)
    loss = ge.mse_loss(Head(4, 0)(x), ge.ones((1, 3, 1), name="y"))
    return recorded(loss, {"loss": loss}, "attention")


def diamonds() -> GraphRecord:
    """y = y + y, ten times: a thousand ways from the root to its leaf."""
    y = ge.tensor([1.0, -2.0], requires_grad=True, name="y0")
    for _ in range(10):
        y = y + y
    return recorded(y, {"y": y}, "diamonds")


def square() -> GraphRecord:
    """One op, two edges into one leaf."""
    x = ge.tensor(3.0, requires_grad=True, name="x")
    y = x * x
    return recorded(y, {"y": y}, "square")


def pieces() -> GraphRecord:
    """Joined, taken apart, and looked up with the same index twice."""
    a, b = (ge.randn(2, 3, seed=seed, requires_grad=True) for seed in (3, 4))
    both = ge.concat([a, b], axis=1)
    layers = ge.stack([a, b, a])
    rows = both[[0, 1, 1]]
    left, right = ge.split(both, 2, axis=1)
    out = rows.sum() + layers[0, :, 1:].sum() + (left * right).mean()
    return recorded(out, locals(), "pieces")


def neuron() -> GraphRecord:
    """Single numbers, two inputs that want no gradient."""
    w1, w2, b = (ge.tensor(value, requires_grad=True) for value in (-3.0, 1.0, 6.88))
    x1, x2 = ge.tensor(2.0), ge.tensor(0.0)
    out = ge.tanh(w1 * x1 + w2 * x2 + b)
    return recorded(out, locals(), "neuron")


def broken() -> GraphRecord:
    """A logarithm of zero and of less, whose NaN and infinities reach the leaves."""
    x = ge.tensor([[2.0, 0.0], [-1.0, 4.0]], requires_grad=True)
    w = ge.tensor([1.0, 0.5], requires_grad=True)
    with np.errstate(all="ignore"):
        loss = (ge.ln(x) @ w * ge.sqrt(x[:, 1])).sum()
        return recorded(loss, locals(), "broken")


def wired(ops: int) -> GraphRecord:
    """Random wiring in which every value is used, many more than once and far away."""
    dice = random.Random(ops)
    leaves = [ge.randn(2, seed=k, requires_grad=True, name=f"x{k}") for k in range(ops // 12)]
    values, unused = list(leaves), list(leaves)
    for left in range(ops - 1, 0, -1):
        first = unused.pop(dice.randrange(len(unused)))
        if left <= len(unused):  # from here on two become one
            values.append(first + unused.pop(dice.randrange(len(unused))))
        else:
            other = dice.choice(values)
            values.append(dice.choice((ge.tanh(first), ge.sigmoid(first), first + other, first - other, first * other)))
        unused.append(values[-1])
    (last,) = unused
    out = last.sum()
    return recorded(out, {"out": out}, f"wired {ops}")


def network(layers: int) -> GraphRecord:
    """Layers with skips around them, five ops in each."""
    h = ge.randn(4, 4, seed=5)
    for k in range(layers):
        w = ge.randn(4, 4, seed=k, requires_grad=True, name=f"w{k}")
        b = ge.zeros(4, requires_grad=True, name=f"b{k}")
        h = h + ge.tanh(h @ w + b) * 0.1
    loss = (h * h).mean()
    return recorded(loss, {"loss": loss}, f"network {layers}")


FILMS: Mapping[str, Callable[[], GraphRecord]] = {
    "small": lambda: example("small"),
    "blog": lambda: example("blog"),
    "large": lambda: example("large"),
    "mlp": mlp,
    "attention": attention,
    "diamonds": diamonds,
    "square": square,
    "pieces": pieces,
    "neuron": neuron,
    "broken": broken,
    "200 ops": lambda: wired(200),
    "1000 ops": lambda: network(200),
}


@dataclass(frozen=True)
class Moment:
    """What is seen at the end of a beat."""

    beat: Beat
    labels: list[tuple[str, Extent, float]]  # with the size of the type
    items: dict[str, Extent]  # all that is drawn of an op or a card
    routes: dict[str, tuple[tuple[str, str], np.ndarray]]  # from where to where, and points on the way
    farthest: Extent
    border: Pixels


@dataclass(frozen=True)
class Film:
    """A film that was made, and what was seen in it."""

    name: str
    path: Path
    plays: int
    sections: list[str]
    picture: Picture
    moments: list[Moment]
    last: str  # digest of the last picture


def render(name: str, folder: Path) -> Film:
    """A film, rendered by Manim, with what was seen at the end of each of its beats."""
    save_graph(FILMS[name](), folder / "graph.json")
    moments: list[Moment] = []

    class Watched(GraphScene):
        def opened(self) -> Player:
            return Player(load_graph(folder / "graph.json"), Settings(folder))

        def play(self, *animations: Any, **settings: Any) -> None:
            super().play(*animations, **settings)
            moments.append(glance(self.player.picture, animations[0].beat, self.canvas.pixel_array))

    settings = {"quality": "low_quality", "media_dir": folder, "progress_bar": "none", "verbosity": "ERROR"}
    with tempconfig(settings):
        scene = Watched()
        scene.render()
        writer = scene.renderer.file_writer
    return Film(
        name,
        Path(writer.movie_file_path),
        scene.renderer.num_plays,
        [section.name for section in writer.sections],
        scene.player.picture,
        moments,
        digest(scene.canvas.pixel_array),
    )


def digest(picture: Pixels) -> str:
    """What differs as soon as one pixel does."""
    return hashlib.sha256(np.ascontiguousarray(picture)).hexdigest()


def glance(picture: Picture, beat: Beat, pixels: Pixels) -> Moment:
    """What is seen of a picture that has come to rest."""
    wide = isinstance(picture, GraphPicture) and picture.wide  # what lies beyond the view is painted over there
    half = theme.GRAPH_WIDTH / 2
    afar = isinstance(picture, Overview)
    items, routes = {}, {}
    if isinstance(picture, GraphPicture):
        items = {id: around(part.primitives) for (kind, id), part in picture.parts.items() if kind == "item"}
        drawn = [link for link in picture.links if ("edge", link.id) in picture.parts]
        routes = {
            link.id: (
                (link.source, link.target),
                point_at(picture.curves[link.id].table, np.linspace(0, 1, 100))[:, :2],
            )
            for link in drawn
        }
    elif afar and any(kind == "item" for kind, _ in picture.parts):
        items = {
            id: (box.x - box.width / 2, box.y - box.height / 2, box.x + box.width / 2, box.y + box.height / 2)
            for id, box in picture.boxes.items()
        }
    # From afar signs stand on dots, and a dot that changes covers the one before, sign and all.
    primitives = [
        primitive
        for (kind, _), part in picture.parts.items()
        if not afar or kind != "item"
        for primitive in part.primitives
    ]
    labels = [
        (primitive.text, primitive.extent, primitive.size)
        for primitive in primitives
        if primitive.text and len(primitive.shape.points) and primitive.opacity > 0
    ]
    frame = [pixels[:BORDER], pixels[-BORDER:], pixels[:, :BORDER], pixels[:, -BORDER:]]
    return Moment(
        beat,
        [label for label in labels if not wide or (-half <= label[1][0] and label[1][2] <= half)],
        {id: extent for id, extent in items.items() if not wide or (-half <= extent[0] and extent[2] <= half)},
        routes,
        around(
            primitive
            for (kind, _), part in picture.parts.items()
            for primitive in part.primitives
            if not wide or kind not in MOVED
        ),
        np.unique(np.concatenate([part.reshape(-1, 4) for part in frame]), axis=0),
    )


def around(primitives: Iterable[Primitive]) -> Extent:
    """How far some primitives reach together, strokes included, but for the glow around what runs."""
    found = []
    for primitive in primitives:
        if len(primitive.shape.points) and primitive.opacity * max(primitive.alphas) > 0.2:
            left, bottom, right, top = primitive.extent
            pad = 0.005 * primitive.width
            found.append((left - pad, bottom - pad, right + pad, top + pad))
    left, bottom, right, top = zip(*found, strict=True)
    return min(left), min(bottom), max(right), max(top)


def apart(one: Extent, other: Extent) -> bool:
    """Whether two extents share no more than a hair's breadth."""
    return (
        one[2] <= other[0] + 0.01 or other[2] <= one[0] + 0.01 or one[3] <= other[1] + 0.01 or other[3] <= one[1] + 0.01
    )


@pytest.fixture(scope="module", params=FILMS)
def film(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Film:
    return render(request.param, tmp_path_factory.mktemp("film"))


def test_nothing_overlaps(film: Film) -> None:
    """No box lies on another, no word on a word or on a line that it does not belong to."""
    for moment in film.moments:
        for (one, first), (other, second) in itertools.combinations(moment.items.items(), 2):
            assert apart(first, second), (moment.beat.name, one, other)
        for (text, first, _), (word, second, _) in itertools.combinations(moment.labels, 2):
            assert apart(first, second), (moment.beat.name, text, word)


def test_no_route_runs_through_a_box(film: Film) -> None:
    """Nor through a word. From afar routes are straight lines, and lie under the dots."""
    for moment in film.moments:
        for id, (ends, places) in moment.routes.items():
            boxes = {item: extent for item, extent in moment.items.items() if item not in ends}
            boxes |= {text: extent for text, extent, _ in moment.labels}
            for item, (x0, y0, x1, y1) in boxes.items():
                inside = (places > (x0, y0)).all(axis=1) & (places < (x1, y1)).all(axis=1)
                assert not inside.any(), (moment.beat.name, id, item)


def test_nothing_leaves_its_place(film: Film) -> None:
    """Everything lies in the frame, and the graph between title and tape."""
    right, top = theme.FRAME_WIDTH / 2 - 0.1, theme.FRAME_HEIGHT / 2 - 0.1
    for moment in film.moments:
        x0, y0, x1, y1 = moment.farthest
        assert -right <= x0 and x1 <= right and -top <= y0 and y1 <= top, moment.beat.name
        for item, (left, bottom, far, high) in moment.items.items():
            assert bottom >= theme.GRAPH_BOTTOM - 0.13 and high <= theme.GRAPH_TOP + 0.13, (moment.beat.name, item)
            assert -right <= left and far <= right, (moment.beat.name, item)


def test_every_word_can_be_read_at_480p(film: Film) -> None:
    for moment in film.moments:
        assert moment.labels, moment.beat.name
        for text, _, size in moment.labels:
            assert cap_height(size) * 480 / theme.FRAME_HEIGHT >= 9, (moment.beat.name, text)


def test_the_border_is_background(film: Film) -> None:
    ground = [*(int(DARK.background[k : k + 2], 16) for k in (1, 3, 5)), 255]
    for moment in film.moments:
        assert moment.border.tolist() == [ground], moment.beat.name


def test_a_film_is_as_long_as_its_story_and_no_longer_than_agreed(film: Film) -> None:
    beats = [moment.beat for moment in film.moments]
    whole = sum(beat.seconds for beat in beats)
    assert film.plays == len(beats) <= MOST_BEATS
    assert whole <= min(LONGEST, 14 + 4 * len(beats)) + 1e-6
    assert min(beat.seconds for beat in beats) >= SHORTEST_BEAT - 1e-6
    with av.open(str(film.path)) as file:
        stream = file.streams.video[0]
        assert (stream.width, stream.height, round(float(stream.average_rate))) == (854, 480, 15)
        assert stream.frames == round(whole / FRAME)


def test_sections_and_subtitles_match_the_beats_one_to_one(film: Film) -> None:
    """Each subtitle is the words of its beat, from its first to its last moment."""
    beats = [moment.beat for moment in film.moments]
    assert film.sections == [beat.name for beat in beats]
    blocks = film.path.with_suffix(".srt").read_text(encoding="utf-8").strip().split("\n\n")
    assert len(blocks) == len(beats)
    now = 0.0
    for number, (block, beat) in enumerate(zip(blocks, beats, strict=True), 1):
        count, times, *words = block.split("\n")
        start, stop = (seconds(time) for time in times.split(" --> "))
        assert (count, words) == (str(number), [beat.subtitle]), beat.name
        assert beat.subtitle.strip() and beat.subtitle.isprintable(), beat.name
        assert (start, stop) == pytest.approx((now, now + beat.seconds), abs=2e-3), beat.name
        now += beat.seconds


def seconds(time: str) -> float:
    """A time of a subtitle, such as 00:01:02,345."""
    hours, minutes, rest = time.split(":")
    return 3600 * int(hours) + 60 * int(minutes) + float(rest.replace(",", "."))


@pytest.fixture(scope="module")
def digests() -> dict[str, str]:
    """The last pictures of all films in a process whose sets and dictionaries of words have another order."""
    code = (
        "from tests.animation.test_twelve_films import *; "
        "print(*(f'{name}:{last_picture(name)}' for name in FILMS), sep='\\n')"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=ROOT, timeout=120, check=True
    )
    return dict(line.split(":") for line in done.stdout.splitlines())


def last_picture(name: str) -> str:
    """The digest of the last picture, drawn on its own when all beats have come to their end."""
    player = Player(FILMS[name](), Settings(Path()))
    for beat in player.beats:
        end(player.picture, beat)
    canvas = sized(854, 480)
    canvas.background_color = ManimColor(player.colours.background)
    canvas.fill()
    canvas.bake(player.picture.still())
    canvas.show(())
    return digest(canvas.pixel_array)


def test_another_process_ends_in_the_same_picture(film: Film, digests: dict[str, str]) -> None:
    assert digests[film.name] == film.last


def unruly(seed: int) -> GraphRecord:
    """Random ops of which many make NaN or infinity, with long names and with none."""
    dice, rng = random.Random(seed), np.random.default_rng(seed)
    alone = (ge.ln, ge.sqrt, ge.exp, ge.tanh, lambda x: 1 / x, lambda x: x - 0.123456, ge.sum)
    paired = (ge.add, ge.mul, ge.sub, ge.div, ge.pow)
    names = ("weights_of_the_first_layer", "β", "h", None)
    values = [ge.tensor(rng.standard_normal(3), requires_grad=True, name=name) for name in names]
    used: set[int] = set()
    for _ in range(dice.randint(6, 22)):
        fresh = [value for value in values if id(value) not in used] or values
        first, second = dice.choice(fresh), dice.choice(values)
        op = dice.choice(alone) if dice.random() < 0.5 else None
        values.append(op(first) if op else dice.choice(paired)(first, second))
        used |= {id(first)} if op else {id(first), id(second)}
    loss = sum((value.sum() for value in values if id(value) not in used), ge.tensor(0.0))
    return recorded(loss, {"loss": loss, "a_hidden_state": values[-2]}, f"unruly {seed}")


@pytest.mark.parametrize("seed", range(9))
@np.errstate(all="ignore")
def test_unruly_graphs_can_be_read(seed: int) -> None:
    player = Player(unruly(seed), Settings(Path()))
    moments = []
    for beat in player.beats:
        end(player.picture, beat)
        moments.append(glance(player.picture, beat, np.zeros((480, 854, 4), dtype=np.uint8)))
    film = Film("", Path(), len(moments), [], player.picture, moments, "")
    for law in (test_nothing_overlaps, test_no_route_runs_through_a_box, test_nothing_leaves_its_place):
        law(film)
