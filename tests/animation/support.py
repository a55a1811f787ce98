"""What tests of films share: records to play, extents, and what must hold of every picture."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import av
import numpy as np

from animation import theme
from animation.picture.motion import Shot
from animation.picture.parts import Key
from animation.picture.text import BARS, JOINTS, cap_height
from animation.picture.text import legible as legible_signs
from animation.playback import Beat, Player
from animation.render.canvas import Canvas
from animation.render.primitives import Part, Primitive
from animation.settings import Settings
from grad_engine.draw.layout import point_at
from grad_engine.record import GraphRecord
from grad_engine.story.names import bar
from tests import records
from tests.programs import branches, deep_names, example, head, heads, long_names, network, perceptron
from tests.story import lessons

LONG_PART = 12  # signs of the last part of a name that may be wider than its place
ROOT = Path(__file__).parents[2]

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
    "fan": lambda: records.fan(12),
    "chain": lambda: records.chain(11, (3,)),
    "chain 24": lambda: records.chain(24, (3,)),
    "chain 60": lambda: records.chain(60),
    "dense": lambda: records.dense(14, 1),
    "dense 24": lambda: records.dense(20, 2, (2, 3)),
    "dense 120": lambda: records.dense(100, 4),
    "heads": heads,
    "head": head,
    "branches": branches,
    "mlp": lessons.mlp,
    "recurrent": lessons.recurrent,
    "network": lambda: network(9, scoped=True),
    "deep names": deep_names,
}

Extent = tuple[float, float, float, float]


def player_of(record: GraphRecord, **asked: object) -> Player:
    return Player(record, Settings(Path(), **asked))  # type: ignore[arg-type]  # as the environment has them


def played(player: Player) -> Iterator[tuple[Beat, Shot]]:
    """Each scene, when it has come to its end."""
    for beat in player.beats:
        shot = player.stage.shot(beat.scene, beat.seconds)
        shot.at(shot.seconds)
        yield beat, shot


def apart(a: Extent, b: Extent) -> bool:
    return a[2] <= b[0] + 0.01 or b[2] <= a[0] + 0.01 or a[3] <= b[1] + 0.01 or b[3] <= a[1] + 0.01


def inside(a: Extent, zone: Extent) -> bool:
    return zone[0] <= a[0] + 0.01 and zone[1] <= a[1] + 0.05 and a[2] <= zone[2] + 0.01 and a[3] <= zone[3] + 0.05


IN_GRAPH = ("bars", "edge_row", "edge", "op", "unit", "tag", "card", "value", "gradient", "badge", "increment")


def uncovered(player: Player) -> dict[Key, Part]:
    """The parts that can be seen: without what lies under a curtain, or under what stands out from a veil."""
    everything = player.stage.parts.all
    hidden: set[Key] = set()
    if ("curtain", "") in everything:
        hidden = {key for key in everything if key[0] in IN_GRAPH}
    elif any(key[0] == "veil" for key in everything):
        hidden = {key for key in everything if key[0] in ("op", "card") and ("top", key[1]) in everything}
        hidden |= {key for key in everything if key[0] in ("value", "gradient", "edge")}
    return {key: part for key, part in everything.items() if key not in hidden}


def names_of(player: Player) -> set[str]:
    """The names of tensors and leaves, with and without bars and transposition."""
    index = player.stage.facts.whole
    names = {index.label(tensor) or "" for tensor in index.tensors}
    names |= {face.name for face in player.stage.facts.leaves.values()}
    names |= {player.stage.facts.op(node).sign for node in index.nodes}
    return {form for name in names if name for form in (name, bar(name), f"{name}ᵀ", legible_signs(name))}


def whole(text: str, names: set[str]) -> bool:
    """Whether nothing is cut from a label, or so much of a name's beginning that its last part is whole.

    Only a last part that is wider than its place loses its middle.
    """
    return all(whole_word(word, names) for word in text.split() if "…" in word and word.strip("…"))


def whole_word(word: str, names: set[str]) -> bool:
    cut = word.removeprefix("…")
    if "…" not in cut:
        return any(name.endswith(cut) and name[: -len(cut)].rstrip(BARS)[-1:] in JOINTS for name in names)
    begin, _, end = cut.partition("…")
    return any(begin in name and end in name and len(last_part(name)) > LONG_PART for name in names)


def last_part(name: str) -> str:
    return re.split(f"[{re.escape(JOINTS)}]", "".join(sign for sign in name if sign not in BARS))[-1]


def left_behind(player: Player, shot: Shot) -> list[Primitive]:
    """What a scene has removed and yet is seen after it."""
    there = set(map(id, player.stage.parts.all.values()))
    return [one for part, _ in shot.leaving if id(part) not in there for one in part.primitives if one.opacity]


def legible(player: Player) -> None:
    """Fails where a text at the end of a scene is too small, out of its zone, on another text, or under a line."""
    for beat, _ in played(player):
        seen = uncovered(player)
        texts = [
            (key, primitive)
            for key, part in seen.items()
            for primitive in part.primitives
            if primitive.text.strip() and len(primitive.shape.points)
        ]
        names = names_of(player)
        for (layer, _), primitive in texts:
            assert whole(primitive.text, names) or layer == "expression", (beat.name, layer, primitive.text)
            zone = {"words": theme.PANEL, "inset": None}.get(layer, theme.GRAPH)
            if layer in ("number", "part", "running", "expression"):
                zone = (theme.TITLE[0], theme.TITLE[1] - 0.1, theme.TITLE[2], theme.TITLE[3] + 0.1)
            said = (beat.name, layer, primitive.text, primitive.extent)
            assert zone is None or inside(primitive.extent, zone), said
            assert abs(primitive.extent[0]) < theme.FRAME_WIDTH / 2 and primitive.opacity == 1.0, said
            assert cap_height(primitive.size) >= 9 / 60, said  # px in a video of 480 lines, which are 8 units
        for (one, a), (other, b) in itertools.combinations(texts, 2):
            if one[0] == other[0] == "words" or one[0] == other[0] == "inset":
                continue
            assert apart(a.extent, b.extent), (beat.name, one, a.text, other, b.text)
        graph = getattr(player.stage, "graph", None)
        if graph is None or ("curtain", "") in seen:
            continue
        lines = {key[1] for key in seen if key[0] == "edge"}
        for id in lines:
            places = point_at(graph.curves[id].table, np.linspace(0, 1, 80))[:, :2]
            for (layer, name), primitive in texts:
                x0, y0, x1, y1 = primitive.extent
                crossed = ((places > (x0, y0)) & (places < (x1, y1))).all(axis=1)
                assert layer in ("words", "note", "bars", "callout") or not crossed.any(), (
                    beat.name,
                    id,
                    name,
                    primitive.text,
                )


# pixels


def sized(width: int, height: int) -> Canvas:
    return Canvas(
        pixel_width=width, pixel_height=height, frame_width=theme.FRAME_WIDTH, frame_height=theme.FRAME_HEIGHT
    )


def frames(video: Path) -> list[np.ndarray]:
    with av.open(str(video)) as file:
        return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]


def fills(part: Part) -> list[Primitive]:
    return [primitive for primitive in part.primitives if primitive.fill is not None]
