"""What tests of pictures share: records to draw, extents, and what must hold of every picture."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import av
import numpy as np

from animation import theme
from animation.picture.base import Picture
from animation.picture.graph import GraphPicture
from animation.picture.overview import Overview
from animation.picture.text import cap_height
from animation.render.canvas import Canvas
from animation.render.primitives import Primitive
from grad_engine.draw.layout import point_at
from grad_engine.record import GraphRecord
from grad_engine.story.beats import Beat
from tests import records
from tests.programs import branches, example, heads, long_names, perceptron

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


def extent(primitive: Primitive) -> Extent:
    return primitive.extent


def end(picture: Picture, beat: Beat) -> None:
    """Lets a beat come to its end."""
    for shot in (picture.follow(beat), picture.shot(beat)):
        if shot is not None:
            shot.at(shot.seconds)


def apart(a: Extent, b: Extent) -> bool:
    return a[2] <= b[0] + 0.01 or b[2] <= a[0] + 0.01 or a[3] <= b[1] + 0.01 or b[3] <= a[1] + 0.01


def legible(picture: Picture, beats: Sequence[Beat]) -> None:
    """Fails where a label at the end of a beat is out of the frame, too small, or not free."""
    right, top = theme.FRAME_WIDTH / 2 - 0.25, theme.FRAME_HEIGHT / 2 - 0.1
    for beat in beats:
        end(picture, beat)
        labels = [
            (primitive.text, extent(primitive), primitive.size) for primitive in picture.still() if primitive.text
        ]
        if isinstance(picture, GraphPicture) and picture.wide:  # what lies beyond the view is not there to be read
            labels = [label for label in labels if max(-label[1][0], label[1][2]) <= theme.GRAPH_WIDTH / 2]
        assert labels, beat.name
        for text, (x0, y0, x1, y1), size in labels:
            assert -right <= x0 and x1 <= right and -top <= y0 and y1 <= top, (beat.name, text)
            assert cap_height(size) >= 9 / 60, (beat.name, text)  # 480 lines for 8 units
        for (text, one, _), (second, other, _) in itertools.combinations(labels, 2):
            covered = isinstance(picture, Overview) and one == other  # by a dot, on which the sign stands again
            assert covered or apart(one, other), (beat.name, text, second)
        for id, way in picture.curves.items() if isinstance(picture, GraphPicture) else ():
            if ("edge", id) in picture.parts:
                places = point_at(way.table, np.linspace(0, 1, 80))[:, :2]
                for text, (x0, y0, x1, y1), _ in labels:
                    inside = (places > (x0, y0)).all(axis=1) & (places < (x1, y1)).all(axis=1)
                    assert not inside.any(), (beat.name, text, id)


# pixels


def sized(width: int, height: int) -> Canvas:
    return Canvas(
        pixel_width=width, pixel_height=height, frame_width=theme.FRAME_WIDTH, frame_height=theme.FRAME_HEIGHT
    )


def frames(video: Path) -> list[np.ndarray]:
    with av.open(str(video)) as file:
        return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
