"""What a notebook shows is small, escaped and well formed."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import grad_engine as ge
from tests.support import HOSTILE_NAMES

pytest.importorskip("graphlay")


def record(ops: int, name: str = "x") -> Any:
    x = ge.tensor([1.0, 2.0], requires_grad=True, name=name)
    y = x
    for _ in range(ops):
        y = ge.tanh(y)
    y.backward(np.ones(2), retain_graph=True)
    return ge.record_graph(y, names={}, title=name)


def test_a_small_record_is_a_picture_and_a_tree() -> None:
    bundle = record(3, '<b>"&')._repr_mimebundle_()
    ElementTree.fromstring(bundle["image/svg+xml"])
    assert "TanhBackward" in bundle["text/plain"]
    assert "<b>&quot;" not in bundle["text/html"] and "&lt;b&gt;" in bundle["text/html"]


def test_a_large_record_stays_small() -> None:
    bundle = record(3000)._repr_mimebundle_()
    assert "image/svg+xml" not in bundle
    assert len(bundle["text/plain"].splitlines()) < 80
    assert repr(record(300)) == "<GraphRecord 'x': 300 ops, 1 leaf, 1 backward run>"


def test_tensors_are_escaped_and_bounded() -> None:
    shown = ge.tensor(np.zeros((500, 500)), requires_grad=True, name="<script>")._repr_html_()
    assert "<script>" not in shown and "&lt;script&gt;" in shown and len(shown) < 5000
    assert "made by AddBackward" in (ge.tensor(1.0, requires_grad=True) + 1)._repr_html_()


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=ascii)
def test_names_are_harmless(name: str) -> None:
    tensor = ge.tensor([1.0, 2.0], requires_grad=True, name=name)
    z = ge.tanh(tensor)
    z.backward(np.ones(2), retain_graph=True)
    shown = [tensor._repr_html_(), *ge.record_graph(z, names={}, title=name)._repr_mimebundle_().values()]
    for text in shown:
        assert all(character.isprintable() or character == "\n" for character in text), ascii(text)


def test_a_large_record_with_modules_is_a_picture_too() -> None:
    x = ge.tensor([1.0, 2.0], requires_grad=True, name="x")
    y = x
    for k in range(100):
        with ge.scope(f"layer.{k}"):
            y = ge.tanh(y) * 2
    y.backward(np.ones(2), retain_graph=True)
    picture = ge.record_graph(y, names={})._repr_mimebundle_()["image/svg+xml"]
    assert "layer.0 … layer.99" in picture and len(picture) < 50_000
