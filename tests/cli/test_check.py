"""`check`: sound records and faults."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.commands import run, said
from tests.records import everything


def test_check(exported: Path) -> None:
    done = run("check", folder=exported)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"{Path('output', 'graph_acyclic.json')}: sound: "
        "5 ops, 5 leaves, 0 constants, 9 edges, 20 tensors, 1 backward run\n"
    )


def test_check_of_a_fault(exported: Path) -> None:
    done = run("check", "broken.json", folder=exported)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("broken.json: $.nodes[0].age: expected ")
    assert done.stdout.count("\n") == 1


def test_check_as_json(inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = said(capsys, "check", "all.json", "--json")
    found = json.loads(out)
    assert status == 0 and found["sound"] is True
    assert found["counts"]["ops"] == 3 and found["runs"] == len(everything().runs)
    status, out, _ = said(capsys, "check", "broken.json", "--json")
    assert status == 1 and json.loads(out)["sound"] is False and "$.nodes[0].age" in json.loads(out)["fault"]
