"""The table "Coming from PyTorch" of the README: every spelling in it does what the table says."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from tests.support import normal

README = Path(__file__).parents[2] / "README.md"
X = normal(6, 4)

# The first spelling of each row -> a program, and what `found` is then; or the words of its error or warning.
ROWS: dict[str, tuple[str, Any]] = {
    "_, predicted = x.max(1)": (
        "_, predicted = x.max(1); found = [predicted, x.max(dim=1).indices, x.max(1)]",
        [X.argmax(1), X.argmax(1), X.max(1)],
    ),
    "x.std(dim=0)": (
        "found = [x.std(dim=0), x.var(0, keepdim=True)]", [X.std(0, ddof=1), X.var(0, ddof=1, keepdims=True)],
    ),
    "x.split(2)": (
        "found = [len(x.split(split_size=2)), x.split(split_size=2)[0]]", [3, X[:2]],
    ),
    "x.repeat(2, 1, 3)": ("found = [x.repeat(2, 1, 3), x.tile(2)]", [np.tile(X, (2, 1, 3)), np.tile(X, 2)]),
    "x.transpose(0, 1)": ("x.transpose(0, 1)", "write x.T"),
    'torch.save({"model": model.state_dict(), "epoch": 3}, path)': (
        """
torch.save({"model": model.state_dict(), "epoch": 3}, path)
again = torch.load(path)
found = [again["epoch"], again["model"]["bias"]]
""",
        [3, np.zeros(2)],
    ),
    'model.to("cuda")': ('model.to("cuda")', "CPU"),
}  # fmt: skip
WARN = {
    "x.std(0)": "write std(ddof=0)", "x.split(2)": "where PyTorch makes", "x.repeat(2)": "write repeat(repeats=2",
}  # fmt: skip


def ran(program: str, path: Path) -> Any:
    model = ge.nn.Linear(3, 2)
    ge.nn.init.zeros_(model.bias)
    names: dict[str, Any] = {"torch": ge, "x": ge.tensor(X), "model": model, "path": path / "model.pth"}
    exec(program, names)
    return names.get("found")


@pytest.mark.parametrize("row", ROWS)
def test_a_row_of_the_table_is_true(row: str, tmp_path: Path) -> None:
    program, expected = ROWS[row]
    if isinstance(expected, str):
        with pytest.raises(ge.GradEngineError, match=expected):
            ran(program, tmp_path)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = ran(program, tmp_path)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(np.asarray(getattr(one, "array", one)), other)


@pytest.mark.parametrize("call", WARN)
def test_what_means_something_else_warns(call: str, tmp_path: Path) -> None:
    with pytest.warns(ge.SpellingWarning, match=re.escape(WARN[call])):
        ran(call, tmp_path)


def test_every_row_of_the_readme_is_tried() -> None:
    text = README.read_text(encoding="utf-8").split("## Coming from PyTorch")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    assert [re.findall(r"`(.*?)`", row)[0] for row in rows] == [*ROWS]
