"""What is written for readers is true: examples in docstrings and texts run, and every public name has its entry."""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import re
import shutil
import sys
import textwrap
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.core.define import CALLS
from tests.support import ROOT, run

MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted((ROOT / "grad_engine").rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]
TEXTS = [*sorted((ROOT / ".docs").glob("*.md")), *sorted((ROOT / "grad_engine").rglob("gotchas.md"))]


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings_hold(module: str) -> None:
    found = doctest.testmod(importlib.import_module(module), optionflags=doctest.ELLIPSIS)
    assert found.attempted and not found.failed


@pytest.mark.parametrize("text", TEXTS, ids=lambda path: path.stem)
def test_code_in_the_texts_runs(text: Path, tmp_path: Path) -> None:
    """As one program, from the first block to the last; blocks marked `py` need what is not there, such as a model."""
    run("doctest", str(text), folder=tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", text.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (tmp_path / "text.py").write_text("\n".join(block for block in blocks if ">>>" not in block), encoding="utf-8")
    run("text", folder=tmp_path)


def test_the_first_lines_of_help_run() -> None:
    start = str(ge.__doc__).partition("Start here\n")[2].partition("\n\n")[0]
    names = {"ge": ge}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ge, "export_graph", lambda z: None)  # it writes a file
        for line in start.splitlines():
            exec(re.split(r"\s{2,}", line.strip())[0], names)
    assert names["x"].grad.tolist() == [2.0, 4.0]


PROGRAMS = sorted((ROOT / ".docs" / "gallery").glob("*.py"))


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_of_a_film_is_short_and_exports_its_graph(program: Path, tmp_path: Path) -> None:
    assert len(program.read_text(encoding="utf-8").splitlines()) <= 20
    shutil.copy(program, tmp_path / "film.py")
    run("film", folder=tmp_path)
    record = ge.load_graph(tmp_path / "output" / "graph_acyclic.json")
    assert record.accumulators and record.explain is not None


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    """The file that makes the reference, from its folder, which is no package."""
    path = ROOT / ".docs" / "reference.py"
    spec = importlib.util.spec_from_file_location("docs_reference", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


def test_every_public_name_has_an_entry_with_words(reference: ModuleType) -> None:
    pages = reference.pages()
    entries = {f"{page.module}.{name}": thing for page in pages.values() for name, thing in page.entries.items()}
    assert {f"grad_engine.{name}" for name in reference.public(ge)} - {
        f"grad_engine.{name}" for name in dir(ge.errors)
    } <= entries.keys()
    assert [name for name, thing in entries.items() if not reference.doc(thing)] == []


@pytest.mark.parametrize(
    ("doc", "names", "shown"),
    [
        ("One line of 2 * x_i.", (), r"One line of 2 \* x\_i."),
        ("What.\n\nx: a\n    b. y: c\n", ("x", "y"), "What.\n\n- **x**: a b.\n- **y**: c"),
        ("What.\n\n>>> 1 + 1\n2", (), "What.\n\n```python\n>>> 1 + 1\n2\n```"),
        ("What.\n\nAs in\n\n    z = f(x)", (), "What.\n\nAs in\n\n```python\nz = f(x)\n```"),
    ],
    ids=["marks", "parameters", "example", "code"],
)
def test_a_docstring_becomes_markdown(reference: ModuleType, doc: str, names: tuple[str, ...], shown: str) -> None:
    assert reference.markdown(doc, names) == shown


def test_help_of_an_operation_fits_a_terminal() -> None:
    docs = {name: str(call.__doc__).splitlines() for name, call in CALLS.items() if hasattr(call, "op")}
    assert {name: line for name, lines in docs.items() for line in lines if len(line) > 76} == {}


def test_an_editor_is_offered_names_and_not_the_files_behind_them() -> None:
    offered = set(dir(ge))
    assert {"tensor", "conv2d", "nn", "watch", "float32", "OPS"} <= offered
    assert not offered & {"creation", "checkpointing", "functional", "version", "graph_steps", "core"}
    assert all(hasattr(ge, name) for name in offered)


def test_programs_in_docstrings_run(reference: ModuleType) -> None:
    """What is indented and is Python, with a tensor x."""
    found = 0
    for page in reference.pages().values():
        for thing in page.entries.values():
            for block in filter(reference.is_program, reference.blocks(reference.doc(thing))):
                found += 1
                x = ge.tensor([1.0, 2.0], requires_grad=True)
                exec(textwrap.dedent(block), {"grad_engine": ge, "ge": ge, "np": np, "x": x})
    assert found
