"""The client as source: small files, each with its purpose, plain imports, and nothing that turns text into markup."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from grad_engine.page import write

CLIENT = Path(write.__file__).with_name("client")
MODULES = sorted(CLIENT.glob("*.js"))


def imported(path: Path) -> dict[str, set[str]]:
    """module -> the names that a file imports from it."""
    found = re.findall(r'^import (?:\{([^}]*)\} from )?"\./(\w+)\.js";$', path.read_text("utf-8"), re.MULTILINE)
    return {module: {name.strip() for name in names.split(",") if name.strip()} for names, module in found}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_is_short_says_what_it_is_for_and_imports_what_exists(path: Path) -> None:
    source = path.read_text("utf-8")
    assert source.startswith("/**\n * ") and source.count("\n") <= 250
    for module, names in imported(path).items():
        other = (CLIENT / f"{module}.js").read_text("utf-8")
        for name in names:
            assert re.search(
                rf"^export (?:const|function|async function) (?:{name}\b|\{{[^}}]*\b{name}\b)", other, re.MULTILINE
            )
            assert len(re.findall(rf"\b{name}\b", source)) > 1, f"{name} is imported and not used"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_text_never_becomes_markup_or_code(path: Path) -> None:
    source = path.read_text("utf-8")
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "fetch(",
        "XMLHttp",
    ):
        assert word not in source
    assert "parseFromString" not in source or path.stem == "formulas"


def test_modules_import_one_another_without_a_circle_and_all_are_used() -> None:
    script = write._script()  # raises on a circle
    for path in MODULES:
        assert f"$.{path.stem} = " in script


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js, only to check the syntax")
@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_the_syntax_is_that_of_a_module(path: Path) -> None:
    node = str(shutil.which("node"))
    done = subprocess.run(
        [node, "--check", "--input-type=module"], input=path.read_text("utf-8"), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
