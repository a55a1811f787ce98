"""Commands run as programs and in this process, and changed records."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from grad_engine.cli.main import main
from grad_engine.record import DataRecord, GraphRecord

ROOT = Path(__file__).parents[2]
ESCAPE = "\x1b["


def run(*words: str, folder: Path, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m grad_engine ...` in `folder`, with no terminal around it."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "grad_engine", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", **environment},
        input=stdin,
        capture_output=True,
        timeout=60,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def reweighed(record: GraphRecord, tensor: str, *values: float) -> GraphRecord:
    """The record with other numbers in one tensor."""
    changed = tuple(replace(each, data=DataRecord(values)) if each.id == tensor else each for each in record.tensors)
    return replace(record, tensors=changed)


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """What a command returns and prints, without the cost of a new interpreter."""
    status = main(words)
    out, err = capsys.readouterr()
    return status, out, err


def strict(text: str) -> object:
    """JSON in which no number is a NaN or an infinity."""

    def refused(word: str) -> None:
        raise AssertionError(word)

    return json.loads(text, parse_constant=refused)
