"""Pixels -> film: only what has changed of a frame is handed to the encoder, and converted for it.

Manim hands whole frames to its encoders. Copying and converting 8 MB sixty times a second would cost more than to draw
and to encode them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from manim import Mobject
from manim.renderer.cairo_renderer import CairoRenderer
from manim.scene.scene_file_writer import SceneFileWriter
from manim.scene.video_segment_encoder import VideoSegmentEncoder

from .canvas import Canvas, Mask, Pixels

OPTIONS = {"preset": "superfast", "crf": "20"}  # of x264: flat colours stay small, and half of all work is encoding
AT_ONCE = 96  # tiles that are converted together, side by side
WAITING = 150  # frames that a beat may be ahead of its encoder
BESIDE = 4  # beats that are encoded while others are drawn


@dataclass(frozen=True, slots=True)
class Patch:
    """The tiles of a frame that differ from the frame before."""

    mask: Mask
    tiles: Pixels  # (marked tiles, rows, columns, red green blue alpha)


class Encoder(VideoSegmentEncoder):
    """Encodes frames given as patches. Overrides Manim's encoder, which takes whole frames."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        stream = self._stream
        assert isinstance(stream, av.VideoStream)
        stream.codec_context.thread_count = 1  # beats are encoded side by side
        self.stream = stream
        self.frame = av.VideoFrame(self.spec.width, self.spec.height, "yuv420p")
        self.frame.time_base = Fraction(self.spec.frame_rate.denominator, self.spec.frame_rate.numerator)
        self.convert = VideoReformatter()
        self.planes: list[Pixels] = []

    def write_frame(self, pixels: Any, *, repeat: int = 1) -> None:
        """Encodes the frame before with a Patch on it."""
        if len(pixels.tiles):
            self.paste(pixels)
        for _ in range(repeat):
            self.frame.pts = self._next_pts
            self._next_pts += 1
            self._container.mux(self.stream.encode(self.frame))

    def paste(self, patch: Patch) -> None:
        """Puts the tiles of a patch into the frame as brightness and, at half the resolution, colour."""
        rows, columns = patch.mask.shape
        tile = patch.tiles.shape[1]
        if not self.planes:
            self.planes = [np.zeros((rows * s, columns * s), dtype=np.uint8) for s in (tile, tile // 2, tile // 2)]
        places = np.argwhere(patch.mask)
        for k in range(0, len(places), AT_ONCE):
            some = patch.tiles[k : k + AT_ONCE]
            strip = np.ascontiguousarray(some.swapaxes(0, 1)).reshape(tile, -1, 4)
            given = av.VideoFrame.from_ndarray(strip, format="rgba")
            # AREA averages four pixels of one tile, so that no colour comes in from the tile beside it.
            made = self.convert.reformat(given, format="yuv420p", interpolation=Interpolation.AREA)
            for plane, source in zip(self.planes, made.planes, strict=True):
                side = tile * plane.shape[0] // (rows * tile)
                found = np.frombuffer(memoryview(source), np.uint8).reshape(-1, source.line_size)
                found = found[:side, : len(some) * side]
                there = plane.reshape(rows, side, columns, side)
                at = places[k : k + AT_ONCE]
                there[at[:, 0], :, at[:, 1], :] = found.reshape(side, len(some), side).swapaxes(0, 1)
        for plane, target in zip(self.planes, self.frame.planes, strict=True):
            whole = np.frombuffer(memoryview(target), np.uint8).reshape(-1, target.line_size)
            whole[: target.height, : target.width] = plane[: target.height, : target.width]


class Writer(SceneFileWriter):
    """Manim's writer with encoders that take patches, where the film is H.264 in yuv420p.

    Overrides the private `_create_segment_encoder`: Manim has no public way to choose the encoder of a segment.
    """

    def __init__(self, settings: Any) -> None:
        super().__init__(settings)
        if self.patched:  # patches are small, so many may wait
            self.settings = replace(settings, encoder_queue_size=WAITING, max_inflight_encoders=BESIDE)

    @property
    def patched(self) -> bool:
        """Whether frames are handed over as patches."""
        spec = self.video_encoder
        return spec is not None and (spec.codec, spec.pixel_format) == ("libx264", "yuv420p")

    def _create_segment_encoder(self, target: Any) -> VideoSegmentEncoder:
        if self.video_encoder is None or not self.patched:
            return super()._create_segment_encoder(target)
        return Encoder(target=target, spec=self.video_encoder)


class Renderer(CairoRenderer):
    """Manim's renderer for a Canvas. Overrides `render`, which would draw mobjects and copy whole frames."""

    def __init__(self) -> None:
        super().__init__(Writer, Canvas)
        self.first = True  # of its segment: a frame that has nothing before it

    def play(self, scene: Any, *animations: Any, **settings: Any) -> None:
        """Renders a segment of the film."""
        self.first = True
        super().play(scene, *animations, **settings)

    def render(self, scene: Any, time: float, moving_mobjects: Iterable[Mobject] | None = None) -> None:
        """Hands the picture to the film."""
        canvas = self.camera
        if self.skip_animations or not isinstance(canvas, Canvas):
            return
        if not self.file_writer.patched:
            self.add_frame(self.get_frame())
            return
        mask = np.ones_like(canvas.changed) if self.first else canvas.changed.copy()
        canvas.changed[:] = False
        self.first = False
        self.time += 1 / canvas.frame_rate
        self.file_writer.write_frame(Patch(mask, canvas.front.tiles[mask]))
