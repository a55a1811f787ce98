"""What the environment may ask of the film."""

from __future__ import annotations

from pathlib import Path

import pytest

from animation.settings import settings
from grad_engine.draw.palette import THEMES
from grad_engine.errors import GradEngineError
from grad_engine.record import save_graph
from tests import records

pytestmark = pytest.mark.film


# what the environment may ask for


def test_wishes_have_defaults_and_are_checked(tmp_path: Path) -> None:
    record = tmp_path / "output" / "graph_acyclic.json"
    record.parent.mkdir()
    save_graph(records.square(), record)
    usual = settings({}, tmp_path)
    assert (usual.graph, usual.theme, usual.speed, usual.phase, usual.length, usual.follow) == (
        record,
        "dark",
        1.0,
        "both",
        None,
        "",
    )
    asked = settings(
        {
            "GRAD_ENGINE_THEME": "light",
            "GRAD_ENGINE_SPEED": "2",
            "GRAD_ENGINE_PHASE": "backward",
            "GRAD_ENGINE_LENGTH": "30",
            "GRAD_ENGINE_FOLLOW": "W1[0,4]",
            "GRAD_ENGINE_FOLD": "max",
            "GRAD_ENGINE_FOCUS": "x3",
        },
        tmp_path,
    )
    assert (asked.theme, asked.speed, asked.phase, asked.length, asked.follow) == (
        "light",
        2.0,
        "backward",
        30.0,
        "W1[0,4]",
    )
    assert (usual.fold, usual.focus, asked.fold, asked.focus) == ("auto", "", "max", "x3")
    wrong = [
        ("GRAD_ENGINE_THEME", "sepia"),
        ("GRAD_ENGINE_SPEED", "fast"),
        ("GRAD_ENGINE_SPEED", "nan"),
        ("GRAD_ENGINE_SPEED", "0"),
        ("GRAD_ENGINE_PHASE", "sideways"),
        ("GRAD_ENGINE_LENGTH", "1"),
        ("GRAD_ENGINE_LENGTH", "long"),
        ("GRAD_ENGINE_FOLD", "some"),
    ]
    for name, value in wrong:
        with pytest.raises(GradEngineError, match=f"{name} is '{value}', but it must be"):
            settings({name: value}, tmp_path)
    with pytest.raises(GradEngineError, match=r"There is no record at .*--export"):
        settings({"GRAD_ENGINE_GRAPH": str(tmp_path / "none.json")}, tmp_path)


def test_every_theme_of_the_palette_is_offered(tmp_path: Path) -> None:
    save_graph(records.square(), tmp_path / "graph.json")
    for name in THEMES:
        asked = {"GRAD_ENGINE_GRAPH": str(tmp_path / "graph.json"), "GRAD_ENGINE_THEME": name}
        assert settings(asked, tmp_path).theme == name
