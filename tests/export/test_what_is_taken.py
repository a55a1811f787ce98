"""Every function that shows or writes a graph takes a tensor, several, a record, and a run that was watched."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import grad_engine as ge
from grad_engine.errors import ArgumentError

pytest.importorskip("graphlay")


def printed(graph: Any, folder: Path) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        ge.visualize_graph(graph, names={})
    return out.getvalue()


SHOWS: dict[str, Callable[[Any, Path], Any]] = {
    "visualize_graph": printed,
    "export_graph": lambda graph, folder: ge.load_graph(ge.export_graph(graph, folder / "a.json", names={})).counts,
    "record_graph": lambda graph, folder: ge.record_graph(graph, names={}).counts,
    "export_page": lambda graph, folder: ge.export_page(graph, folder / "a.html", names={}).name,
    "show_page": lambda graph, folder: "srcdoc" in ge.show_page(graph, names={})._repr_html_(),
    "to_svg": lambda graph, folder: ge.to_svg(graph, names={}).count("<path"),
    "to_dot": lambda graph, folder: ge.to_dot(graph, names={}),
    "report": lambda graph, folder: str(ge.report(graph, names={})),
}


def example() -> ge.Tensor:
    w = ge.tensor([1.0, 2.0], requires_grad=True, name="w")
    loss = (w * w).sum()
    loss.backward(retain_graph=True)
    return loss


@pytest.mark.parametrize("name", SHOWS)
def test_a_record_is_shown_as_the_tensor_it_was_made_of(name: str, tmp_path: Path) -> None:
    loss = example()
    shown = SHOWS[name](loss, tmp_path)
    assert shown
    assert SHOWS[name]([loss], tmp_path) == shown
    assert SHOWS[name](ge.record_graph(loss, names={}), tmp_path) == shown


@pytest.mark.parametrize("name", SHOWS)
def test_a_watched_run_is_shown(name: str, tmp_path: Path) -> None:
    model = ge.nn.Linear(2, 1, seed=0)
    with ge.watch(model) as watched:
        watched.backward((model(ge.ones((3, 2))) ** 2).mean())
    assert SHOWS[name](watched, tmp_path) == SHOWS[name](watched.record, tmp_path)


def test_a_record_is_entitled_anew_and_stands_alone(tmp_path: Path) -> None:
    record = ge.record_graph(example(), title="one")
    found = ge.load_graph(ge.export_graph(record, tmp_path / "a.json", title="two", expression="z = w · w"))
    assert (record.title, found.title, found.expression) == ("one", "two", "z = w · w")
    with pytest.raises(ArgumentError, match="a record stands alone, got it in a list; call the function once"):
        ge.visualize_graph([record])
