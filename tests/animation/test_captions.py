"""What a sentence names can be seen: an op is drawn by itself, or the module or the box that hides it is named."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from animation.picture.large import LargeStage
from animation.playback import Player
from grad_engine.record import GraphRecord
from tests import records
from tests.animation.support import RECORDS, played, player_of
from tests.story.lessons import LESSONS, record_of

LARGE = {name: lambda name=name: record_of(name) for name in LESSONS} | {
    "chain 700": lambda: records.chain(700),
    "dense 120": RECORDS["dense 120"],
}


def words_of(text: str) -> set[str]:
    return {word.strip(",.:;()") for word in text.split()}


def seen(player: Player) -> set[str]:
    """The names of ops and modules that are drawn, and of the boxes."""
    stage = player.stage
    assert isinstance(stage, LargeStage)
    found = {word for box in stage.chunks for label in (box.label, box.title) for word in label.split()}
    for kind, id in stage.parts.all:
        if kind == "op":
            found |= {*stage.graph.labels.get(id, stage.facts.op(id).sign).split(" → ")}
    return found


@pytest.mark.parametrize("made", LARGE.values(), ids=LARGE)
def test_a_sentence_names_only_what_is_drawn(made: Callable[[], GraphRecord]) -> None:
    player = player_of(made())
    if not isinstance(player.stage, LargeStage):
        return  # every op is drawn
    index = player.stage.facts.index
    for beat, _ in played(player):
        scene = beat.scene
        reached = {edge.receiver for op in scene.ops for edge in index.outgoing(op)} & index.nodes.keys()
        signs = {player.stage.facts.op(op).sign for op in {*scene.ops, *reached}}
        lines = " ".join(scene.equations)
        targets = re.findall(r"(?:sent|both|through|all \d+)(?: to)? (.*?)[:,]", lines)
        said = re.sub(r"\bA (sum|mean)\b", "", " ".join((scene.sentence, *targets)))
        named = words_of(said) & signs
        hidden = named - seen(player)
        inside = {player.stage.chunks[player.stage.home[op]].title for op in scene.ops if op in player.stage.home}
        modules = set(player.stage.graph.labels.values()) if hidden and player.stage.opened is not None else set()
        assert not hidden or any(name in said for name in inside | modules), (scene.name, said, hidden)
