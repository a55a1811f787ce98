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

import grad_engine as ge

ROOT = Path(__file__).parents[1]
ENGINE = sorted(ROOT.glob("grad_engine/**/*.py"))
SCENE = sorted(ROOT.glob("animation/**/*.py"))
EXAMPLES = sorted(ROOT.glob("examples/*.py"))
TESTS = sorted(ROOT.glob("tests/**/*.py"))

# Which packages of grad_engine a package may import from, besides itself. `root` are the files beside the packages
# (functional.py, creation.py, ...), which may import what they like, as long as no circle of files comes of it.
ENGINE_ROOMS = {"errors", "formula", "core", "ops"}
RECORD_ROOMS = {"errors", "formula", "record", "folding"}
EVERYTHING = ENGINE_ROOMS | RECORD_ROOMS | {"root", "nn", "optim", "story", "tree", "draw", "health", "export"}
MAY_IMPORT: dict[str, set[str]] = {
    "formula": {"errors"},
    "core": {"errors", "formula"},
    "ops": {"errors", "formula", "core"},
    "optim": ENGINE_ROOMS | {"root"},
    "nn": ENGINE_ROOMS | {"root", "optim"},
    "program": ENGINE_ROOMS | {"root", "nn", "optim"},
    "distributions": ENGINE_ROOMS | {"root"},
    "scipy": ENGINE_ROOMS | {"root"},
    "utils": ENGINE_ROOMS | {"root"},  # a name of PyTorch's: torch.utils.data
    "record": {"errors", "formula"},
    "folding": {"errors", "formula", "record"},
    "story": RECORD_ROOMS,
    "tree": RECORD_ROOMS,
    "draw": RECORD_ROOMS,
    "health": RECORD_ROOMS | {"tree", "draw"},
    "page": RECORD_ROOMS | {"root", "story", "draw", "health"},
    "export": (EVERYTHING | {"page"}) - {"export", "nn"},
    "interop": EVERYTHING,
    "cli": RECORD_ROOMS | {"root", "story", "tree", "draw", "health", "page", "export"},
}
ANIMATION = RECORD_ROOMS | {"story", "draw", "cli"}  # what the film may know of grad_engine; cli: Parser
PUBLIC = {
    "cli",
    "interop",
    "tree",
    "nn",
    "optim",
    "data",
    "progress",
}  # rooms with a public face of their own, beside that of the package
PRINTS = {"tree", "health", "progress", "cli", "notebook"}  # where rich may be imported, inside functions

RESERVED = {"compile", "watch", "film", "walk", "scan", "grad"}  # names of functions that are to come
IMPORTED_AS = {"pycairo": "cairo", "pillow": "pil"}  # distributions whose package has another name

TOP_LEVEL = {
    *("pyproject.toml", "README.md", "LICENSE", "Makefile"),
    *("grad_engine", "animation", "examples", "output", "tests"),
}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def room(path: Path) -> str:
    """grad_engine/draw/svg.py -> draw, grad_engine/errors.py -> errors, any other file beside the packages -> root."""
    first, *inner = path.relative_to(ROOT / "grad_engine").parts
    return first if inner else "errors" if first == "errors.py" else "root"


def parsed(path: Path) -> ast.Module:
    """The syntax of a file, with every import written in full.

    Leading dots are for the film alone, which is `animation` in a checkout and `grad_engine.animation` once installed.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            assert path in SCENE, f"{name(path)}: imports are written in full, without leading dots"
            package = path.relative_to(ROOT).parts[: -node.level]
            node.module, node.level = ".".join([*package, *([node.module] if node.module else [])]), 0
    return tree


def imports(tree: ast.Module) -> Iterator[tuple[str, bool]]:
    """Every module that is imported, in full, and whether each run of the file imports it at once. Types count too."""
    pending: list[tuple[ast.AST, bool]] = [(tree, True)]
    while pending:
        node, at_top = pending.pop()
        if isinstance(node, ast.ClassDef) and node.name == "Tensor":
            continue  # the one-line methods of Tensor may import what stands above it
        if isinstance(node, ast.Import):
            yield from ((alias.name, at_top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((f"{node.module}.{alias.name}", at_top) for alias in node.names)
        only_types = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        inner = at_top and not only_types and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        pending.extend((child, inner) for child in ast.iter_child_nodes(node))


def files_used(path: Path) -> set[Path]:
    """The files of this project that a file imports; a package stands for its `__init__.py`."""
    used = set()
    for module, _ in imports(parsed(path)):
        parts = module.split(".")
        if parts[0] not in ("grad_engine", "animation"):
            continue
        for length in (len(parts), len(parts) - 1):  # the last part may be a name inside the module
            place = ROOT.joinpath(*parts[:length])
            file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
            if file.exists():
                used.add(file)
                break
    return used - {path}


def rooms_used(path: Path) -> set[str]:
    """The packages of grad_engine that a file imports from, its own left out; "face" is `grad_engine` itself."""
    face = ROOT / "grad_engine" / "__init__.py"
    used = {"face" if file == face else room(file) for file in files_used(path) if file.is_relative_to(face.parent)}
    return used - {room(path)} if path.is_relative_to(face.parent) else used


def circle(graph: dict[Path, set[Path]]) -> list[Path]:
    """Files that import one another in a circle, in order; empty when there is none."""
    state: dict[Path, int] = {}  # 1: on the way down, 2: done
    for start in graph:
        way = [(start, iter(sorted(graph[start])))]
        if state.get(start):
            continue
        state[start] = 1
        while way:
            here, rest = way[-1]
            following = next(rest, None)
            if following is None:
                state[here] = 2
                way.pop()
            elif state.get(following) == 1:
                names = [file for file, _ in way]
                return names[names.index(following) :]
            elif following in graph and following not in state:
                state[following] = 1
                way.append((following, iter(sorted(graph[following]))))
    return []


def undocumented(tree: ast.Module) -> Iterator[str]:
    """The public things of a file that do not say what they are.

    A property is named for what it returns, an empty file has nothing to say, a method that a base class documents,
    here or elsewhere, needs no second word, and the forms of a function that type checkers read share one.
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
        form_for_types = "overload" in map(ast.unparse, node.decorator_list)
        if not form_for_types and not ast.get_docstring(node):
            yield node.name
        if isinstance(node, ast.ClassDef):
            methods = (
                part for part in node.body if isinstance(part, ast.FunctionDef) and not part.name.startswith("_")
            )
            yield from (f"{node.name}.{method.name}" for method in methods if not explained(method, node))


def test_every_package_has_its_place_in_the_table() -> None:
    packages = {path.parent.name for path in (ROOT / "grad_engine").glob("*/__init__.py")}
    assert packages <= MAY_IMPORT.keys(), "a new package says in MAY_IMPORT what it may import"


@pytest.mark.parametrize("path", [path for path in ENGINE if room(path) not in ("root", "errors")], ids=name)
def test_imports_point_down_the_table(path: Path) -> None:
    above = rooms_used(path) - MAY_IMPORT[room(path)]
    assert not above, f"{name(path)} imports from {sorted(above)}, which its package may not know"


def test_no_files_import_one_another_in_a_circle() -> None:
    found = circle({path: files_used(path) for path in [*ENGINE, *SCENE]})
    assert not found, " imports ".join(map(name, [*found, *found[:1]]))


@pytest.mark.parametrize("path", SCENE, ids=name)
def test_animation_knows_records_and_drawing_only(path: Path) -> None:
    strangers = rooms_used(path) - ANIMATION
    assert not strangers, f"{name(path)} imports from {sorted(strangers)} of grad_engine"


@pytest.mark.parametrize("path", [path for path in ENGINE if room(path) != "interop"], ids=name)
def test_a_circle_through_packages_has_no_hiding_place(path: Path) -> None:
    """`import grad_engine` inside the package would let any file reach any other."""
    assert "face" not in rooms_used(path) or path.name == "__main__.py", f"{name(path)} imports the public face"


@pytest.mark.parametrize("path", ENGINE, ids=name)
def test_rich_is_imported_only_to_print(path: Path) -> None:
    places = [at_top for module, at_top in imports(parsed(path)) if module.split(".")[0] == "rich"]
    assert not places or {room(path), path.stem} & PRINTS, f"only {sorted(PRINTS)} print"
    assert not any(places), "every `import grad_engine` would pay for it: import rich inside the function"


@pytest.mark.parametrize("path", [*ENGINE, *SCENE, *EXAMPLES], ids=name)
def test_names_are_imported_one_by_one(path: Path) -> None:
    assert not [module for module, _ in imports(parsed(path)) if module.endswith(".*")]


@pytest.mark.parametrize(
    "path", [path for path in [*ENGINE, *SCENE] if path.name != "__main__.py" and path.parent.name != "cli"], ids=name
)
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
    of_home = {"animation": ["animation"], "examples": ["special"], "tests": ["animation", "test", "torch"]}
    extras = of_home.get(home, [])
    if home == "grad_engine" and room(path) == "draw":
        extras = ["draw"]
    if home == "grad_engine" and room(path) in ("interop", "export"):
        extras = ["torch"]
    known = (
        declared(*extras)
        | {module.lower() for module in sys.stdlib_module_names}
        | {"grad_engine", "animation", "examples", "tests"}
    )
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


def test_the_wheel_holds_one_package_with_the_film_inside(tmp_path: Path) -> None:
    wheel = next(WheelBuilder(str(ROOT)).build(directory=str(tmp_path)))
    with zipfile.ZipFile(wheel) as archive:
        held = {entry for entry in archive.namelist() if ".dist-info/" not in entry}
    files = {path.relative_to(ROOT).as_posix() for path in tracked() if path.suffix != ".md"}
    film = {file for file in files if file.startswith("animation/")} - {"animation/main.py", "animation/__main__.py"}
    inside = {file for file in files if file.startswith("grad_engine/")}
    assert held == inside | {f"grad_engine/{file}" for file in film}
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


def test_no_file_takes_the_name_of_a_public_function() -> None:
    """`import grad_engine.dot` would put the file in the place of the function `grad_engine.dot`."""
    files = {path.stem for path in (ROOT / "grad_engine").glob("*.py")} | {
        path.parent.name for path in (ROOT / "grad_engine").glob("*/__init__.py")
    }
    functions = {each for each in dir(ge) if callable(getattr(ge, each))}
    assert not files & (functions | RESERVED)


@pytest.mark.parametrize("path", [path for path in TESTS if path.name.startswith("test_")], ids=name)
def test_no_test_file_imports_another(path: Path) -> None:
    used = {part for module, _ in imports(parsed(path)) for part in module.split(".") if part.startswith("test_")}
    assert not used, f"{name(path)} imports {sorted(used)}: what two test files share belongs into a file of its own"
