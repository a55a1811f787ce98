"""The house rules: who may import whom, what is written where, and what an import costs."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[1]
ENGINE = sorted(ROOT.glob("grad_engine/**/*.py"))
SCENE = sorted(ROOT.glob("animation/**/*.py"))
EXAMPLES = sorted(ROOT.glob("examples/*.py"))
TESTS = sorted(ROOT.glob("tests/**/*.py"))

# A room may import those above it and its own parts. Whoever adds a module says here where it stands.
ROOMS = (
    *("errors", "replacing", "allocator", "formula", "symbol", "node", "recording", "writes", "tensor", "protocol"),
    *("refusal", "calling", "op", "ops"),
    *("linalg", "creation", "files"),
    *("autograd", "watching", "function", "functional", "testing"),
    *("record", "tree", "draw", "graphviz", "comparison", "details"),
    *("export", "notebook", "nn", "optim", "data", "progress", "interop", "__main__", "__init__"),
)
FORMAT = {"errors", "replacing", "formula", "record"}  # the file format, which stands on its own
READERS = {"tree", "draw", "graphviz", "comparison", "details"}  # they know a record, and never the engine that made it
ANIMATION = {"errors", "replacing", "formula", "record", "draw"}  # what the scene may know of grad_engine
PUBLIC = {
    "interop",
    "tree",
    "nn",
    "optim",
    "data",
    "progress",
}  # rooms with a public face of their own, beside that of the package
PRINTS = {"tree", "progress", "__main__"}  # where rich may be imported, inside functions

IMPORTED_AS = {"pycairo": "cairo"}  # distributions whose package has another name

TOP_LEVEL = {
    *("pyproject.toml", "README.md", "LICENSE", "Makefile"),
    *("grad_engine", "animation", "examples", "output", "tests"),
}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def room(path: Path) -> str:
    """grad_engine/draw/svg.py -> draw, grad_engine/tree.py -> tree."""
    return path.relative_to(ROOT / "grad_engine").parts[0].removesuffix(".py")


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(tree: ast.Module) -> Iterator[tuple[str, bool]]:
    """Every module that is imported, in full, and whether at the top of the file; what only types need is left out."""
    pending: list[tuple[ast.AST, bool]] = [(tree, True)]
    while pending:
        node, at_top = pending.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, at_top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written in full, without leading dots"
            yield from ((f"{node.module}.{alias.name}", at_top) for alias in node.names)
        inner = at_top and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        pending.extend((child, inner) for child in ast.iter_child_nodes(node))


def rooms_used(tree: ast.Module) -> set[str]:
    """The rooms of grad_engine that a file imports; `from grad_engine import x` is the room x or the public face."""
    used = set()
    for module, _ in imports(tree):
        package, *inner = module.split(".")
        if package == "grad_engine":
            used.add(inner[0] if inner and inner[0] in ROOMS else "__init__")
    return used


def undocumented(tree: ast.Module) -> Iterator[str]:
    """The public things of a file that do not say what they are.

    A property is named for what it returns, an empty file has nothing to say, and a method that a base class documents,
    here or elsewhere, needs no second word.
    """
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}

    def explained(method: ast.FunctionDef, owner: ast.ClassDef) -> bool:
        bases = [ast.unparse(base) for base in owner.bases]
        documented = (part for base in bases if base in classes for part in classes[base].body)
        return (
            bool(ast.get_docstring(method))
            or any("property" in (text := ast.unparse(mark)) or ".setter" in text for mark in method.decorator_list)
            or any(base not in classes for base in bases)
            or any(isinstance(part, ast.FunctionDef) and part.name == method.name for part in documented)
        )

    if tree.body and not ast.get_docstring(tree):
        yield "the module"
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith("_"):
            continue
        if not ast.get_docstring(node):
            yield node.name
        if isinstance(node, ast.ClassDef):
            methods = (
                part for part in node.body if isinstance(part, ast.FunctionDef) and not part.name.startswith("_")
            )
            yield from (f"{node.name}.{method.name}" for method in methods if not explained(method, node))


@pytest.mark.parametrize("path", ENGINE, ids=name)
def test_imports_point_up_the_list(path: Path) -> None:
    here = room(path)
    assert here in ROOMS, f"{here} has no place in ROOMS yet"
    below = rooms_used(parsed(path)) - set(ROOMS[: ROOMS.index(here) + 1])
    assert not below, f"{name(path)} imports {sorted(below)}, which stands below {here}"


@pytest.mark.parametrize("path", [path for path in ENGINE if room(path) in FORMAT | READERS], ids=name)
def test_format_and_readers_never_know_the_engine(path: Path) -> None:
    strangers = rooms_used(parsed(path)) - FORMAT - READERS
    assert not strangers, f"{name(path)} reads records, and imports {sorted(strangers)}"


@pytest.mark.parametrize("path", SCENE, ids=name)
def test_animation_knows_records_and_drawing_only(path: Path) -> None:
    strangers = rooms_used(parsed(path)) - ANIMATION
    assert not strangers, f"{name(path)} imports {sorted(strangers)} of grad_engine"


@pytest.mark.parametrize("path", ENGINE, ids=name)
def test_rich_is_imported_only_to_print(path: Path) -> None:
    places = [at_top for module, at_top in imports(parsed(path)) if module.split(".")[0] == "rich"]
    assert not places or room(path) in PRINTS, f"only {sorted(PRINTS)} print"
    assert not any(places), "every `import grad_engine` would pay for it: import rich inside the function"


@pytest.mark.parametrize("path", [*ENGINE, *SCENE, *EXAMPLES], ids=name)
def test_names_are_imported_one_by_one(path: Path) -> None:
    assert not [module for module, _ in imports(parsed(path)) if module.endswith(".*")]


@pytest.mark.parametrize("path", [path for path in [*ENGINE, *SCENE] if path.name != "__main__.py"], ids=name)
def test_library_code_prints_nothing(path: Path) -> None:
    calls = [node.func for node in ast.walk(parsed(path)) if isinstance(node, ast.Call)]
    assert not [call for call in calls if isinstance(call, ast.Name) and call.id == "print"]


def declared(*extras: str) -> set[str]:
    """The distributions that pyproject.toml installs with these extras, as they are imported."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    names = {re.split(r"[\[<>=!~ ;]", line)[0].replace("-", "_") for line in lines}
    return {IMPORTED_AS.get(name, name) for name in names}


@pytest.mark.parametrize("path", [*ENGINE, *SCENE, *EXAMPLES, *TESTS], ids=name)
def test_what_is_imported_is_declared(path: Path) -> None:
    """A package that happens to be there, because another one brought it, is missing on the next machine."""
    home = path.relative_to(ROOT).parts[0]
    extras = {"animation": ["animation"], "tests": ["animation", "test", "torch"]}.get(home, [])
    if home == "grad_engine" and room(path) == "draw":
        extras = ["draw"]
    if home == "grad_engine" and room(path) == "interop":
        extras = ["torch"]
    known = declared(*extras) | set(sys.stdlib_module_names) | {"grad_engine", "animation", "examples", "tests"}
    strangers = {module.split(".")[0].lower() for module, _ in imports(parsed(path))} - known
    assert not strangers, f"{name(path)} imports {sorted(strangers)}, which its extra in pyproject.toml does not name"


@pytest.mark.parametrize("path", [*ENGINE, *SCENE, *EXAMPLES], ids=name)
def test_public_things_say_what_they_are(path: Path) -> None:
    silent = list(undocumented(parsed(path)))
    assert not silent, f"{name(path)}: no docstring on {', '.join(silent)}"


@pytest.mark.parametrize("path", EXAMPLES, ids=name)
def test_examples_use_public_names_only(path: Path) -> None:
    rooms = tuple(f"grad_engine.{room}." for room in PUBLIC)
    used = (module for module, _ in imports(parsed(path)) if module.startswith("grad_engine."))
    inner = {module for module in used if not f"{module}.".startswith(rooms)}
    assert not inner, f"{name(path)} reaches past the public face: {sorted(inner)}"


def test_import_is_light() -> None:
    """What a script that only wants gradients must not wait for."""
    heavy = ("rich", "torch", "scipy", "manim", "graphlay", "typst", "jsonschema")
    program = f"import sys, grad_engine; print(*[m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def tracked() -> list[Path]:
    """The files that belong to the project: what git tracks, or would track at the next commit."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("needs git, in a checkout")
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / line for line in done.stdout.split("\0") if line and (ROOT / line).is_file()]


def test_top_level_is_what_a_newcomer_can_take_in() -> None:
    shown = {path.relative_to(ROOT).parts[0] for path in tracked()}
    assert {entry for entry in shown if not entry.startswith(".")} == TOP_LEVEL


def test_the_wheel_holds_the_two_packages_and_nothing_else(tmp_path: Path) -> None:
    wheel = next(WheelBuilder(str(ROOT)).build(directory=str(tmp_path)))
    with zipfile.ZipFile(wheel) as archive:
        held = {entry for entry in archive.namelist() if ".dist-info/" not in entry}
    packages = (path for path in tracked() if path.relative_to(ROOT).parts[0] in ("grad_engine", "animation"))
    assert held == {path.relative_to(ROOT).as_posix() for path in packages if path.name != "README.md"}
    assert {"grad_engine/py.typed", "grad_engine/__init__.pyi", "grad_engine/record/schema.json"} <= held


def test_no_path_of_one_machine() -> None:
    """Home folders and scratch folders of whoever wrote a file mean nothing to anyone else."""
    personal = re.compile(r"(?<![\w.<>])/(?:home|root|Users|work|tmp|mnt)/\w|[A-Z]:\\Users")
    for path in tracked():
        content = path.read_bytes()
        if b"\0" in content:
            continue  # a picture or a video
        for number, line in enumerate(content.decode("utf-8").splitlines(), 1):
            assert path == Path(__file__) or not personal.search(line), f"{name(path)}:{number}: {line.strip()[:100]}"


def test_no_file_takes_the_name_of_an_op() -> None:
    """`import grad_engine.dot` would put the file in the place of the op `grad_engine.dot`."""
    files = {path.stem for path in (ROOT / "grad_engine").glob("*.py")} | {
        path.parent.name for path in (ROOT / "grad_engine").glob("*/__init__.py")
    }
    from grad_engine.core.define import CALLS

    assert not files & set(CALLS)
