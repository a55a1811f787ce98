"""The picture as pixels: redrawn only where something has changed, in tiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cairo
import numpy as np
from manim import Camera
from numpy.typing import NDArray

from .primitives import Primitive, Shape

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Tiles = tuple[int, int, int, int]  # first and last row, first and last column, the last ones left out
UNIT = 0.01  # of a stroke's width, in scene units
ROUND = cairo.LINE_JOIN_ROUND
# Cairo rounds coordinates of a path to 1/256 pixel. Paths are kept for pictures of every size, so they are stored
# 1,024 times as large as a scene unit.
FINE = cairo.Matrix(1024, 0, 0, -1024, 0, 0)


class Layer:
    """Primitives drawn over another picture. Colours lie in memory as red, green, blue, alpha."""

    def __init__(self, camera: Canvas, tile: int) -> None:
        self.tile = tile
        self.rows, self.columns = -(-camera.pixel_height // tile), -(-camera.pixel_width // tile)
        self.pixels: Pixels = np.zeros((self.rows * tile, self.columns * tile, 4), dtype=np.uint8)
        self.tiles = self.pixels.reshape(self.rows, tile, self.columns, tile, 4).swapaxes(1, 2)
        surface = cairo.ImageSurface.create_for_data(
            self.pixels.data, cairo.FORMAT_ARGB32, self.pixels.shape[1], self.pixels.shape[0]
        )
        self.context = cairo.Context(surface)
        self.context.set_line_join(ROUND)
        self.across = camera.pixel_width / camera.frame_width
        self.up = camera.pixel_height / camera.frame_height
        self.middle = (camera.pixel_width / 2, camera.pixel_height / 2)
        self.upright = cairo.Matrix(self.across, 0, 0, -self.up, *self.middle)
        self.drawn: dict[Primitive, tuple[tuple[object, ...], Tiles]] = {}
        self.above: set[Primitive] = set()  # drawn on top of everything, whatever their place in the order

    def compose(self, primitives: Sequence[Primitive], under: Pixels, changed: Mask) -> None:
        """Shows these primitives over `under`, of which some tiles have changed, and marks those that change now."""
        drawn: dict[Primitive, tuple[tuple[object, ...], Tiles]] = {}
        for primitive in primitives:
            state, before = primitive.state, self.drawn.pop(primitive, None)
            if before is not None and before[0] == state and primitive not in self.above:
                drawn[primitive] = before
                continue
            tiles = self.reached(primitive)
            drawn[primitive] = (state, tiles)
            changed[tiles[0] : tiles[1], tiles[2] : tiles[3]] = True
            if before is not None:
                changed[before[1][0] : before[1][1], before[1][2] : before[1][3]] = True
        for _, (top, bottom, left, right) in self.drawn.values():
            changed[top:bottom, left:right] = True
        self.drawn = drawn
        self.above.clear()
        if not changed.any():
            return
        context = self.context
        context.set_matrix(cairo.Matrix())
        for top, bottom, left, right in rectangles(changed):
            t = self.tile
            self.pixels[top * t : bottom * t, left * t : right * t] = under[top * t : bottom * t, left * t : right * t]
            context.rectangle(left * t, top * t, (right - left) * t, (bottom - top) * t)
        context.save()
        context.clip()
        for primitive, (_, (top, bottom, left, right)) in drawn.items():
            if changed[top:bottom, left:right].any():
                self.draw(primitive)
        context.restore()

    def add(self, primitives: Sequence[Primitive]) -> None:
        """Draws these primitives on top of all others, until `compose` draws everything in order again."""
        self.above.update(primitives)
        for primitive in primitives:
            self.draw(primitive)
            self.drawn[primitive] = (primitive.state, self.reached(primitive))

    def reached(self, primitive: Primitive) -> Tiles:
        """The tiles that a primitive may touch."""
        left, bottom, right, top = primitive.extent
        pad = 0.5 * UNIT * primitive.width * self.across + 2.0
        x, y = self.middle
        return (
            max(0, int((y - self.up * top - pad) // self.tile)),
            max(0, int((y - self.up * bottom + pad) // self.tile) + 1),
            max(0, int((x + self.across * left - pad) // self.tile)),
            max(0, int((x + self.across * right + pad) // self.tile) + 1),
        )

    def draw(self, primitive: Primitive) -> None:
        """Draws a primitive."""
        context, shape = self.context, primitive.shape
        if not len(shape.points):
            return
        if shape.path is None:
            shape.path = self.traced(shape)
        scale, right, up = primitive.place
        context.set_matrix(
            cairo.Matrix(
                self.across * scale,
                0,
                0,
                -self.up * scale,
                self.middle[0] + self.across * right,
                self.middle[1] - self.up * up,
            )
        )
        context.new_path()
        context.append_path(shape.path)
        if primitive.fill is not None:
            red, green, blue = primitive.fill
            context.set_source_rgba(blue, green, red, primitive.alphas[0] * primitive.opacity)
            (context.fill_preserve if primitive.stroke is not None else context.fill)()
        if primitive.stroke is not None:
            red, green, blue = primitive.stroke
            context.set_matrix(self.upright)
            context.set_source_rgba(blue, green, red, primitive.alphas[1] * primitive.opacity)
            context.set_line_width(UNIT * primitive.width)
            context.set_dash(primitive.dash)
            context.stroke()

    def traced(self, shape: Shape) -> cairo.Path:
        """The outlines of a shape as cairo keeps them."""
        self.context.set_matrix(FINE)
        self.context.new_path()
        shape.trace(self.context)
        return self.context.copy_path()


class Canvas(Camera):
    """Manim's camera, drawing primitives instead of mobjects: a layer of what is at rest, over it one of what moves.

    Manim's own camera redraws every mobject after the first moving one in every frame: 49 ms at 200 nodes, 236 ms at
    1,000. Here a frame costs what has changed in it. The methods below that Manim calls do nothing for that reason.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        tile = 32 if self.pixel_height >= 720 else 16
        self.ground = Layer(self, tile)
        self.still = Layer(self, tile)
        self.front = Layer(self, tile)
        self.changed: Mask = np.zeros((self.still.rows, self.still.columns), dtype=bool)  # since it was last asked for
        self.fresh: Mask = np.zeros_like(self.changed)  # of what is at rest, since it was last shown
        self.fill()

    def fill(self) -> None:
        """Empties the picture, down to the colour of the background."""
        self.init_background()
        assert self.background is not None
        self.ground.pixels[:] = self.background[0, 0]
        for layer in (self.still, self.front):
            layer.drawn.clear()
            layer.above.clear()
            layer.pixels[:] = self.ground.pixels
        self.pixel_array: Any = self.front.pixels[: self.pixel_height, : self.pixel_width]

    def bake(self, primitives: Sequence[Primitive]) -> None:
        """Shows what is at rest, so that a frame costs the same in any graph."""
        changed = np.zeros_like(self.changed)
        self.still.compose(primitives, self.ground.pixels, changed)
        self.changed |= changed
        self.fresh |= changed

    def land(self, primitives: Sequence[Primitive]) -> None:
        """Takes primitives that have come to rest, and lie under all that still moves, into the layer at rest."""
        self.still.add(primitives)
        for primitive in primitives:
            state, tiles = self.still.drawn[primitive]
            before = self.front.drawn.pop(primitive, None)
            if before is None or before[0] != state:  # it has moved since it was last seen
                for top, bottom, left, right in (tiles, before[1] if before is not None else tiles):
                    self.fresh[top:bottom, left:right] = True

    def show(self, primitives: Sequence[Primitive]) -> None:
        """Shows what moves, where it now is."""
        changed, self.fresh = self.fresh, np.zeros_like(self.changed)
        self.front.compose(primitives, self.still.pixels, changed)
        self.changed |= changed

    def reset(self) -> Canvas:
        """The camera. Manim calls this before each frame; the pixels are already up to date."""
        return self

    def capture_mobjects(self, mobjects: Any, **settings: Any) -> None:
        """Does nothing: Manim passes mobjects here, and nothing drawn is one."""

    def set_frame_to_background(self, background: Any) -> None:
        """Does nothing: Manim would restore its background here; the pixels are already up to date."""


def rectangles(mask: Mask) -> list[Tiles]:
    """The marked tiles as rectangles that do not overlap."""
    found: list[Tiles] = []
    begun: dict[tuple[int, int], int] = {}  # columns -> the row in which they began to be marked
    padded = np.zeros((mask.shape[0] + 1, mask.shape[1] + 2), dtype=np.int8)
    padded[:-1, 1:-1] = mask
    rows, edges = (places.tolist() for places in np.nonzero(np.diff(padded)))
    runs: dict[int, set[tuple[int, int]]] = {}
    for k in range(0, len(rows), 2):
        runs.setdefault(rows[k], set()).add((edges[k], edges[k + 1]))
    for row in range(len(padded)):
        here = runs.get(row, set())
        found += [(begun.pop(columns), row, *columns) for columns in list(begun) if columns not in here]
        for columns in here:
            begun.setdefault(columns, row)
    return sorted(found)
