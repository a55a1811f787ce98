"""Pixels: what is redrawn, and what is encoded."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from manim._config.video_encoder import VideoEncoderSpec

from animation import theme
from animation.picture.text import text_outline, words
from animation.playback import Player
from animation.render.canvas import rectangles
from animation.render.encoder import Encoder, Patch
from animation.settings import Settings
from tests.animation.support import RECORDS, frames, sized

pytestmark = pytest.mark.film


@pytest.mark.parametrize("name", ["blog", "chain 60"])
def test_a_picture_is_the_same_however_it_came_about(name: str) -> None:
    """What was redrawn only where something had changed is what a fresh canvas shows."""
    record = RECORDS[name]()
    player = Player(record, Settings(Path()))
    canvas = sized(426, 240)
    canvas.fill()
    for beat in player.beats:
        player.begin(beat, canvas)
        for time in np.linspace(0, beat.seconds + theme.FRAME, 5):
            player.show(float(time), canvas)
        fresh = sized(426, 240)
        fresh.fill()
        fresh.bake(player.stage.still())
        fresh.show(())
        off = np.abs(fresh.pixel_array.astype(int) - canvas.pixel_array.astype(int)).max(axis=2)
        assert (off > 24).mean() < 2e-3, beat.name  # edges may lie over or under the corners of what they reach


def test_a_picture_is_the_same_whatever_was_drawn_before() -> None:
    """Outlines are kept: a small picture may not leave coarse ones to a large one."""
    seen = []
    for before in ([], [(213, 120)], [(1920, 1080)]):
        text_outline.cache_clear()
        primitive = words("gradient of w", 0.3, "#FFFFFF", (0.1, 0.2))
        for size in before:
            sized(*size).show([primitive])
        canvas = sized(854, 480)
        canvas.show([primitive])
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
