"""Pictures of PyTorch models: not wider than a page, every box named, the words beside one another."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from grad_engine.draw import to_svg
from grad_engine.draw.graphviz import to_dot
from grad_engine.record import GraphRecord
from tests.torch_models import MODELS, model_record

pytest.importorskip("graphlay")
pytestmark = pytest.mark.torch
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def records() -> dict[str, GraphRecord]:
    return {name: model_record(name) for name in MODELS}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_at_most_1600_pixels_wide(name: str, records: dict[str, GraphRecord]) -> None:
    picture = ET.fromstring(to_svg(records[name]).encode())
    assert float(picture.attrib["width"]) <= 1600
    assert float(picture.attrib["height"]) <= 1200
    sizes = [float(text.attrib["font-size"]) for text in picture.iter(f"{SVG}text") if "font-size" in text.attrib]
    assert min(sizes) >= 11


@pytest.mark.parametrize("name", MODELS)
def test_every_thing_in_it_has_words(name: str, records: dict[str, GraphRecord]) -> None:
    picture = ET.fromstring(to_svg(records[name]).encode())
    things = [group for group in picture.iter(f"{SVG}g") if group.find(f"{SVG}title") is not None]
    assert 5 <= len(things) <= 40
    assert all(any("".join(text.itertext()).strip() for text in thing.iter(f"{SVG}text")) for thing in things)


def test_levels_and_focus(records: dict[str, GraphRecord]) -> None:
    inside = to_svg(records["gpt"], level=1, focus="h.3")
    assert all(f">h.3.{part}<" in inside for part in ("ln_1", "attn", "ln_2", "mlp"))
    assert "h.4" not in re.sub(r"<title>.*?</title>", "", inside)
    assert ">h ×12<" in to_svg(records["gpt"], level=1)


def test_dot_has_the_same_boxes(records: dict[str, GraphRecord]) -> None:
    text = to_dot(records["gpt"])
    assert "h.0 … h.11 ×12" in text and len(text.splitlines()) < 60
    assert text.count("->") < 40
    assert len(to_dot(records["gpt"], full=True).splitlines()) > 600
