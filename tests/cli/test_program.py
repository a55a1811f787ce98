"""The listing of a record: NumPy that gives the recorded values and gradients again."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.cli.main import main
from grad_engine.cli.program import listing, numpy_text

CONSTANTS: dict[str, Any] = {}  # arrays that a listing takes besides leaves


def large() -> tuple[ge.Tensor, dict[str, ge.Tensor]]:
    x1 = ge.tensor(np.arange(1.0, 9.0).reshape(4, 2), requires_grad=True, name="x1")
    x2 = ge.tensor(np.arange(1.0, 9.0).reshape(2, 4), requires_grad=True, name="x2")
    x3 = ge.tensor([3.0, 3.0, 3.0, 3.0], requires_grad=True, name="x3")
    z = ge.ln((x1 + 3) @ (x2 - x3) - x3 + 100.0) + ge.exp(x3)
    z.name = "z"
    return z, {"x1": x1, "x2": x2, "x3": x3}


def neuron() -> tuple[ge.Tensor, dict[str, ge.Tensor]]:
    w1, w2, b = (
        ge.tensor(value, requires_grad=True, name=name) for name, value in (("w1", 0.3), ("w2", -1.0), ("b", 0.1))
    )
    z = ge.tanh(w1 * 2.0 + w2 * 0.5 + b)
    return z, {"w1": w1, "w2": w2, "b": b}


def stretched() -> tuple[ge.Tensor, dict[str, ge.Tensor]]:
    a = ge.tensor(np.arange(3.0).reshape(3, 1), requires_grad=True, name="lambda")
    b = ge.tensor(np.arange(4.0), requires_grad=True, name="b.weight")
    return (a * b + b / (a + 1.0)) ** 2, {"a": a, "b": b}


def summed() -> tuple[ge.Tensor, dict[str, ge.Tensor]]:
    x = ge.tensor(np.arange(1.0, 7.0).reshape(2, 3), requires_grad=True, name="x")
    return ge.sum(x * x), {"x": x}


@pytest.mark.parametrize("graph", [large, neuron, stretched, summed])
def test_the_listing_computes_what_was_recorded(graph: Callable[[], tuple[ge.Tensor, dict[str, ge.Tensor]]]) -> None:
    z, leaves = graph()
    z.backward(ge.ones_like(z), retain_graph=True)
    space: dict[str, Any] = {}
    exec(listing(ge.record_graph(z)), space)
    known = {re.sub(r"\W", "_", str(leaf.name)): leaf.data for leaf in leaves.values()} | {"lambda": leaves.get("a")}
    names = space["program"].__code__.co_varnames[: space["program"].__code__.co_argcount]
    given = [known[name.strip("_")] if name.strip("_") in known else CONSTANTS.get(name) for name in names[:-1]]
    given = [x.data if isinstance(x, ge.Tensor) else x for x in given]
    value, *gradients = space["program"](*given, np.ones(z.shape))
    np.testing.assert_allclose(value, z.data)
    for found, leaf in zip(gradients, leaves.values(), strict=True):
        np.testing.assert_allclose(found, leaf.grad.data)


def test_what_is_no_numpy_stands_in_a_comment() -> None:
    x = ge.tensor(np.ones((1, 3)), requires_grad=True, name="x")
    z = ge.softmax(x)
    z.backward(ge.ones_like(z), retain_graph=True)
    text = listing(ge.record_graph(z))
    assert "softmax(x)" in text and "= ...  # #0 softmax" in text
    compile(text, "listing", "exec")


def test_formulas_keep_their_brackets() -> None:
    names = {"x": "a", "g": "g_out"}
    for tree, expected in (
        (["*", ["+", "x", 1], "g"], "(a + 1) * g_out"),
        (["**", ["neg", "x"], 2], "(-a) ** 2"),
        (["-", "x", ["-", "g", 1]], "a - (g_out - 1)"),
        (["/", "g", ["*", 2, "x"]], "g_out / (2 * a)"),
        (["@", "g", ["T", "x"]], "g_out @ a.T"),
        (["sum", "x", ["kw", "axis", 0], ["kw", "keepdims", 1]], "np.sum(a, axis=0, keepdims=True)"),
        (["say", "{g} as it comes"], None),
    ):
        assert numpy_text(tree, names) == expected


def test_the_command_prints_a_record(tmp_path: Any, capfd: pytest.CaptureFixture[str]) -> None:
    z, _ = neuron()
    z.backward(retain_graph=True)
    path = ge.export_graph(z, tmp_path / "graph.json")
    assert main(["program", str(path)]) == 0
    printed = capfd.readouterr().out
    assert printed == listing(ge.load_graph(path)) and "np.tanh(" in printed


def test_steps_that_are_not_written_out_are_announced_at_the_top() -> None:
    x = ge.tensor(np.ones((1, 3)), requires_grad=True, name="x")
    told = "# Steps that end in ... are not written out"
    assert told in listing(ge.record_graph(ge.softmax(x))).partition("import numpy")[0]
    whole = listing(ge.record_graph(ge.sum(x * x)))
    assert told not in whole and "..." not in whole
