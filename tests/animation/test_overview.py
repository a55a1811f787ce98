"""A graph from afar."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from animation import theme
from animation.picture.overview import Overview
from animation.playback import Player, picture_of
from animation.settings import Settings
from grad_engine.draw.palette import contrast
from grad_engine.draw.palette import theme as palette
from grad_engine.record import GraphRecord
from tests import records

pytestmark = pytest.mark.film


@pytest.mark.parametrize("record", [records.dense(300, 2), records.chain(300), records.fan(300)], ids=lambda r: r.title)
def test_from_afar_every_dot_has_a_place_of_its_own(record: GraphRecord) -> None:
    seen = picture_of(record, palette("dark"))
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
        assert isinstance(player.picture, Overview) is afar
        said = [note.text for beat in player.beats for column in beat.columns for note in column.notes]
        assert ("stronger and larger: a larger gradient" in said) is afar


def test_from_afar_large_gradients_are_bright(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = picture_of(records.dense(200, 2), palette("dark"))
    assert isinstance(seen, Overview)
    assert len(set(seen.level.values())) > 3
    bright = [contrast(seen.tone(level), palette("dark").background) for level in range(8)]
    assert bright == sorted(bright) and bright[0] >= 3
    assert seen.tone(-1) == palette("dark").nonfinite
