"""The reference: an entry for every public name, made from the objects of the package and their docstrings."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import grad_engine as ge
from grad_engine.core.define import CALLS, METHODS
from grad_engine.core.tensor import Tensor

OPS = Path(ge.__file__).parent / "ops"

# Modules with names of their own, and the titles of their pages.
ROOMS = {
    "nn": "Layers and losses: grad_engine.nn",
    "nn.functional": "Functions of layers: grad_engine.nn.functional",
    "nn.utils": "Weights and sequences: grad_engine.nn.utils",
    "nn.utils.rnn": "Sequences of different lengths: grad_engine.nn.utils.rnn",
    "nn.init": "First weights: grad_engine.nn.init",
    "optim": "Optimisers: grad_engine.optim",
    "optim.lr_scheduler": "Learning-rate schedules: grad_engine.optim.lr_scheduler",
    "distributions": "Distributions: grad_engine.distributions",
    "distributions.transforms": "Transforms of distributions: grad_engine.distributions.transforms",
    "data": "Data: grad_engine.data",
    "progress": "Progress: grad_engine.progress",
    "linalg": "Linear algebra: grad_engine.linalg",
    "scipy.special": "SciPy's special functions: grad_engine.scipy.special",
    "scipy.linalg": "SciPy's linear algebra: grad_engine.scipy.linalg",
    "scipy.stats": "SciPy's distributions: grad_engine.scipy.stats",
    "scipy.integrate": "SciPy's integrals and differential equations: grad_engine.scipy.integrate",
    "scipy.interpolate": "SciPy's interpolation: grad_engine.scipy.interpolate",
    "scipy.signal": "SciPy's signals: grad_engine.scipy.signal",
    "scipy.ndimage": "SciPy's filters of pictures: grad_engine.scipy.ndimage",
    "scipy.optimize": "SciPy's roots: grad_engine.scipy.optimize",
    "scipy.spatial.distance": "SciPy's distances: grad_engine.scipy.spatial.distance",
    "numpy": "NumPy with arrays to write into: grad_engine.numpy",
    "interop": "Other libraries: grad_engine.interop",
    "autograd": "PyTorch's autograd names: grad_engine.autograd",
    "func": "PyTorch's functions of functions: grad_engine.func",
    "utils.data": "PyTorch's data loaders: grad_engine.utils.data",
    "program": "Programs: grad_engine.program",
    "tree": "The tree: grad_engine.tree",
    "draw": "Pictures: grad_engine.draw",
    "record": "Records: grad_engine.record",
    "errors": "Errors: grad_engine.errors",
}

# Names of `grad_engine` itself that are no operations: page -> title, and where they are defined.
PAGES = {
    "tensors": ("Tensors", ("core.tensor", "value", "graph_steps", "function")),
    "creation": ("New tensors, random numbers, files", ("creation", "core.defaults", "files")),
    "gradients": (
        "Gradients and derivatives of functions",
        ("functional", "pytree", "checkpointing", "testing", "core.grad_mode", "core.observe"),
    ),
    "define": ("Operations of your own", ("core.define", "core.op")),
    "compile": ("Functions as programs", ("program.compiled", "program.scan")),
    "pytorch": ("Names for those who come from PyTorch", ("torch_names",)),
    "show": (
        "Graphs, shown and written",
        ("export", "record.files", "record.parts", "interop", "core.allocator"),
    ),
}


@dataclass(slots=True)
class Page:
    """One page: its title, the words under it, and its entries by name."""

    title: str
    module: str
    words: str = ""
    entries: dict[str, Any] = field(default_factory=dict)


def pages() -> dict[str, Page]:
    """Every page by the name of its file. Raises LookupError for a public name that no page has."""
    found = {name: Page(title, "grad_engine") for name, (title, _) in PAGES.items()}
    found |= {f"ops_{path.stem}": _of_ops(path) for path in sorted(OPS.glob("[a-z]*.py"))}
    home = {name: page for page in found.values() for name in page.entries}
    for name, thing in public(ge).items():
        if name in home or getattr(thing, "__module__", "") == "grad_engine.errors":
            continue
        module = thing.__module__.removeprefix("grad_engine.")
        if name in CALLS:
            found[f"ops_{_file_of(name, module)}"].entries[name] = thing
            continue
        for page, (_, modules) in PAGES.items():
            if any(module == each or module.startswith(f"{each}.") for each in modules):
                found[page].entries[name] = thing
                break
        else:
            raise LookupError(f"grad_engine.{name} of {thing.__module__} belongs on a page: name its module in PAGES")
    for room, title in ROOMS.items():
        module = importlib.import_module(f"grad_engine.{room}")
        found[room.replace(".", "_")] = Page(title, f"grad_engine.{room}", inspect.getdoc(module) or "", public(module))
    return {name: page for name, page in found.items() if page.entries}


def _file_of(name: str, module: str) -> str:
    """The file of the table that declares an operation: its own module, else the first that has its name quoted."""
    if module.startswith("ops."):
        return module.removeprefix("ops.")
    files = [path.stem for path in sorted(OPS.glob("[a-z]*.py")) if f'"{name}"' in path.read_text(encoding="utf-8")]
    if not files:
        raise LookupError(f"no file of {OPS} declares {name}")
    return files[0]


def public(module: ModuleType) -> dict[str, Any]:
    """The functions and classes that a module offers: those of `__all__`, else those defined there or below it."""
    names = [name for name in dir(module) if not name.startswith("_")]
    if module is not ge:  # its `__all__` leaves out the operations
        names = getattr(module, "__all__", names)
    found = {name: getattr(module, name) for name in names}
    return {
        name: thing
        for name, thing in found.items()
        if callable(thing)
        and str(getattr(thing, "__module__", "")).startswith("grad_engine")
        and (
            hasattr(module, "__all__")
            or module is ge
            or thing.__module__.startswith(module.__name__)
            or hasattr(thing, "op")  # of the table of ops, under its name there
        )
    }


def _of_ops(path: Path) -> Page:
    """The operations that one file of the table declares, in its order."""
    source = path.read_text(encoding="utf-8")
    module = importlib.import_module(f"grad_engine.ops.{path.stem}")
    words = inspect.getdoc(module) or ""
    own = [name for line in re.findall(r"^(?:def )?(\w[\w, ]*)(?: = |\()", source, re.MULTILINE)
           for name in line.split(", ") if name in CALLS]  # fmt: skip
    declared = {id(vars(module).get(name)): name for name in own}
    page = Page(f"Operations: {path.stem.replace('_', ' ')}", "grad_engine", words)
    for name in dict.fromkeys([*own, *(name for name, call in CALLS.items() if id(call) in declared)]):
        if vars(module).get(name, CALLS[name]) is CALLS[name] and hasattr(ge, name):
            page.entries[name] = CALLS[name]
    return page


def write(folder: Path) -> None:
    """Writes every page, and the list of them."""
    folder.mkdir(parents=True, exist_ok=True)
    found = pages()
    for name, page in found.items():
        (folder / f"{name}.md").write_text("\n".join(_written(page)) + "\n", encoding="utf-8")
    lines = ["# Reference\n", "Every public name. `ge` is `import grad_engine as ge`.\n"]
    for name, page in found.items():
        names = ", ".join(f"`{each}`" for each in page.entries)
        lines.append(f"- [{page.title}]({name}.md): {names}")
    lines += ["\n```{toctree}", ":hidden:\n", *found, "```"]
    (folder / "index.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _written(page: Page) -> Iterator[str]:
    yield f"# {page.title}\n"
    if page.words:
        yield markdown(page.words, ()) + "\n"
    yield f"```{{py:currentmodule}} {page.module}\n```\n"
    first: dict[int, str] = {}
    for name, thing in page.entries.items():
        yield f"## {name}\n"
        again = page.module != "grad_engine" and getattr(ge, name, None) is thing
        known_as = f"grad_engine.{name}" if again else first.setdefault(id(thing), name)
        yield from _entry(name, thing, known_as)


def _entry(name: str, thing: Any, known_as: str) -> Iterator[str]:
    """The directive of a function or class: signature, docstring, and of a class its methods."""
    kind = "class" if inspect.isclass(thing) else "function" if inspect.isroutine(thing) else "data"
    part = is_dataclass(thing) and thing.__module__.startswith("grad_engine.record")
    declared = "" if part or kind == "data" else signature(thing)
    yield f"``````{{py:{kind}}} {name}{declared}"
    if known_as != name:
        again = ":no-index:\n" * ("." in known_as)
        yield f"{again}\nThe same as {{py:obj}}`{known_as}`.\n``````\n"
        return
    yield ""
    yield markdown(doc(thing), parameters(thing))
    if kind == "class":
        yield from _members(thing)
    yield "``````\n"


def doc(thing: Any) -> str:
    """The docstring of a function or class; of any other object that of its class."""
    return inspect.getdoc(thing if inspect.isclass(thing) or inspect.isroutine(thing) else type(thing)) or ""


def _members(cls: type) -> Iterator[str]:
    if is_dataclass(cls) and cls.__module__.startswith("grad_engine.record"):
        names = ", ".join(f"`{each.name}`" for each in fields(cls))
        yield f"\nFields: {names}. [The format](../record.md) tells each.\n"
    for name, member in vars(cls).items():
        if name.startswith("_") or (cls is Tensor and (name in CALLS or name in METHODS)):
            continue
        inner = member.__func__ if isinstance(member, classmethod | staticmethod) else member
        if isinstance(inner, property):
            yield f"\n`````{{py:property}} {name}\n"
            yield markdown(inspect.getdoc(inner) or "", ()) + "\n`````"
        elif inspect.isfunction(inner) and inner.__doc__:
            yield f"\n`````{{py:method}} {name}{signature(inner, bound=not isinstance(member, staticmethod))}\n"
            yield markdown(inspect.getdoc(inner) or "", parameters(inner)) + "\n`````"
    if cls is Tensor:
        names = sorted(name for name in {*CALLS, *METHODS} if hasattr(Tensor, name) and not name.startswith("_"))
        yield "\nThese operations are methods too: " + ", ".join(f"`{name}`" for name in names) + ".\n"


def signature(thing: Any, bound: bool = False) -> str:
    """The parameters as they are declared, as text; "" where Python knows none."""
    try:
        found = inspect.signature(thing)
    except (TypeError, ValueError):
        return ""
    listed = list(found.parameters.values())[int(bound) :]
    result = "" if inspect.isclass(thing) or found.return_annotation in (found.empty, None) else _type(found)
    parts = []
    for place, each in enumerate(listed):
        if each.kind is each.KEYWORD_ONLY and not any(part.startswith("*") for part in parts):
            parts.append("*")
        star = {each.VAR_POSITIONAL: "*", each.VAR_KEYWORD: "**"}.get(each.kind, "")
        typed = each.annotation is not each.empty
        said = f"{star}{each.name}" + (f": {_spelled(each.annotation)}" if typed else "")
        if each.default is not each.empty:
            written = repr(each.default)
            written = written if re.fullmatch(r"[\w.'\"()\[\]{}, +-]*", written) else "..."
            said += f" = {written}" if typed else f"={written}"
        parts.append(said)
        last = place + 1 == len(listed) or listed[place + 1].kind is not each.POSITIONAL_ONLY
        if each.kind is each.POSITIONAL_ONLY and last:
            parts.append("/")
    return f"({', '.join(parts)}){result}"


def _type(found: inspect.Signature) -> str:
    return f" -> {_spelled(found.return_annotation)}"


def _spelled(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def parameters(thing: Any) -> tuple[str, ...]:
    """The names of the parameters, which a docstring explains in lines that begin with them."""
    try:
        return tuple(inspect.signature(thing).parameters)
    except (TypeError, ValueError):
        return ()


def markdown(doc: str, names: tuple[str, ...]) -> str:
    """A docstring as Markdown: examples as code, `name: meaning` as a list, and what else is said as paragraphs."""
    return "\n\n".join(_block(block, names) for block in blocks(doc))


def blocks(doc: str) -> list[str]:
    """The parts of a docstring between empty lines; indented code is one, whatever empty lines it has."""
    found: list[str] = []
    for part in re.split(r"\n\s*\n", inspect.cleandoc(doc).strip("\n")):
        if found and _indented(part) and _indented(found[-1]):
            found[-1] += f"\n\n{part}"
        elif part.strip():
            found.append(part)
    return found


def _indented(block: str) -> bool:
    return all(line.startswith("    ") for line in block.splitlines() if line)


def _block(block: str, names: tuple[str, ...]) -> str:
    if _indented(block) and not block.lstrip().startswith(">>>"):
        if is_program(block):
            return f"```python\n{textwrap.dedent(block)}\n```"
        block = textwrap.dedent(block)
    if block.lstrip().startswith(">>>"):
        return f"```python\n{textwrap.dedent(block)}\n```"
    known = "|".join(map(re.escape, names)) or r"(?!)"
    start = rf"(?:(?:{known})(?:, |: )|\*{{0,2}}[a-z_]\w*(?:, \*{{0,2}}[a-z_]\w*)*: )"
    if re.match(start, block.strip()):
        # one item for each `name: `, at the start of a line or after a sentence
        item = rf"(?:^\s*|(?<=[.;] ))(?=(?:{known})(?:, (?:{known}))*: )|^(?! )(?={start})"
        parts = re.split(item, block.strip(), flags=re.MULTILINE)
        return "\n".join(_item(part) for part in parts if part.strip())
    head, *rest = block.splitlines()
    if rest and all(re.match(r" {4}|\S+ {3,}\S", line) for line in rest):
        return f"{_plain(head)}\n\n```text\n{textwrap.dedent(chr(10).join(rest))}\n```"
    if all(re.match(r"\S+ {2,}\S", line) for line in block.splitlines()):
        return f"```text\n{block}\n```"
    return _plain(" ".join(line.strip() for line in block.splitlines()))


def is_program(block: str) -> bool:
    """Whether a block is indented and reads as Python."""
    try:
        return _indented(block) and bool(ast.parse(textwrap.dedent(block)).body)
    except SyntaxError:
        return False


def _item(part: str) -> str:
    text = " ".join(line.strip() for line in part.splitlines())
    name, colon, meaning = text.partition(": ")
    return f"- **{_plain(name)}**: {_plain(meaning)}" if colon else f"- {_plain(text)}"


def _plain(text: str) -> str:
    """The text with what Markdown would read as marks escaped, outside of `code`."""
    parts = re.split(r"(`[^`]*`)", text)
    parts[::2] = [re.sub(r"([\\*_\[\]<>#|{}$~^])", r"\\\1", part) for part in parts[::2]]
    return "".join(parts)


def fields_of_records() -> str:
    """A table for each kind of object in a record: its keys from the schema, their meaning from the declarations."""
    from grad_engine.record import parts
    from grad_engine.record.schema import schema

    whole = schema()
    source = Path(parts.__file__).read_text(encoding="utf-8")
    declared = {node.name: node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)}
    shown = ["## The whole\n", *_keys(whole, _meanings(declared["GraphRecord"], source))]
    for kind, described in whole["$defs"].items():
        if "properties" not in described:
            continue
        name = kind[0].upper() + kind[1:]
        node = declared.get(f"{name}Record", declared.get(name))
        shown += [f"\n## {_heading(kind)}\n", _plain(described.get("description", "")) + "\n"]
        shown += _keys(described, {} if node is None else _meanings(node, source))
    return "\n".join(shown)


def _heading(kind: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind).capitalize()


def _meanings(node: ast.ClassDef, source: str) -> dict[str, str]:
    """What is said of each field of a class: the comment behind it, or the comments above it."""
    lines, found = source.splitlines(), {}
    for part in node.body:
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
            last = lines[(part.end_lineno or part.lineno) - 1]
            behind = re.search(r"  # (?!fmt)(.*)$", last)
            above = []
            for line in reversed(lines[: part.lineno - 1]):
                if not line.strip().startswith("# "):
                    break
                above.insert(0, line.strip()[2:])
            found[part.target.id] = behind[1] if behind else " ".join(above)
    return found


def _keys(described: dict[str, Any], meanings: dict[str, str]) -> Iterator[str]:
    yield "| key | value | left out means | |"
    yield "|---|---|---|---|"
    required = described.get("required", ())
    for key, value in described["properties"].items():
        default = "" if key in required else f"`{json.dumps(value['default'])}`" if "default" in value else "`null`"
        yield f"| `{key}` | {_kind(value)} | {default} | {_plain(meanings.get(key, ''))} |"


def _kind(value: dict[str, Any]) -> str:
    """What the schema says of a value, in a few words."""
    if "$ref" in value:
        return _heading(value["$ref"].rpartition("/")[2]).lower()
    if "anyOf" in value:
        return " or ".join(_kind(each) for each in value["anyOf"])
    if "enum" in value:
        return ", ".join(f"`{json.dumps(each)}`" for each in value["enum"])
    if "const" in value:
        return f"`{json.dumps(value['const'])}`"
    kind = value.get("type", "anything")
    if kind == "array":
        return f"list of {_kind(value['items'])}" if "items" in value else "list"
    return {"object": "object", "boolean": "true or false", "string": "text"}.get(kind, str(kind))
