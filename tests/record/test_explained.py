"""What explains a record, in words."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.export.from_tensor import record_graph
from grad_engine.record import GraphRecord
from grad_engine.record.explained import nudge_words, path_words
from tests import records
from tests.programs import example, network


def leaf(values: Any, name: str) -> Any:
    return ge.tensor(np.asarray(values, dtype=float), requires_grad=True, name=name)


def recorded(root: Any, seed: Any = None) -> GraphRecord:
    root.backward(seed, retain_graph=True)
    return record_graph(root, names={"z": root})


def test_a_nudge_stands_beside_the_gradient() -> None:
    x1, x2, x3 = leaf(1.0, "x1"), leaf(2.0, "x2"), leaf(3.0, "x3")
    record = recorded(x1**2 + x2 * x3 + (x1 + x2**2))
    assert nudge_words(record) == "x2 + 0.001 moves z by 0.007: 7.001 times; its gradient is 7"
    assert path_words(record) == [
        "1 · 1 · 4 = 4 along z, #4, #3 to x2",
        "1 · 1 · 3 = 3 along z, #2, #1 to x2",
        "4 + 3 = 7, the gradient of x2",
    ]


@pytest.mark.parametrize("name", ["blog", "large", "small"])
def test_what_moves_is_named_as_what_it_is(name: str) -> None:
    said = nudge_words(example(name))
    assert said is not None
    assert ("the finite part of z" in said) == (name == "large")
    assert "moves L, the sum of" in said
    assert re.search(r"\+ 0.001 moves .* by .*: .* times; its gradient is ", said)


def test_a_weighted_root_a_kink_and_what_cannot_be_run_again() -> None:
    assert "L, z weighted by the seed," in (
        nudge_words(recorded(leaf([1.0, 2.0], "x") * 2, np.array([1.0, 3.0]))) or ""
    )
    said = nudge_words(recorded(ge.relu(leaf(0.0, "x"))))
    assert said == "x is at a kink: a nudge moves z 0 times to one side and 1 times to the other; its gradient is 0"
    said = nudge_words(recorded(ge.dropout(leaf(np.ones(9), "x"), 0.5).sum()))
    assert said is not None and said.startswith("no nudge: #0 dropout gave other numbers")
    assert nudge_words(records.square()) is None and path_words(records.square()) == []


def test_a_long_path_is_written_with_its_ends_and_what_is_left_out_is_counted_in() -> None:
    lines = path_words(network_record())
    assert any("…" in line for line in lines)
    assert lines[-1].count("=") == 1 and "the gradient of" in lines[-1]
    numbers = re.split(r" = ", lines[-1])[0].replace("−", "-").replace(" along others", "")
    total = sum(float(part) for part in re.findall(r"-?\s?[\d.]+(?:e-?\d+)?", numbers.replace("- ", "-")))
    wanted = float(re.split(r" = ", lines[-1])[1].split(",")[0].replace("−", "-"))
    assert total == pytest.approx(wanted, rel=5e-3)


def network_record() -> GraphRecord:
    return network(9, scoped=False)


def test_a_nudge_that_does_not_agree_says_but() -> None:
    record = example("blog")
    assert record.explain is not None and record.explain.probe is not None
    changed = replace(record.explain.probe, gradient=70.0, agrees=False)
    said = nudge_words(replace(record, explain=replace(record.explain, probe=changed)))
    assert said is not None and said.endswith("but its gradient is 70")
