"""Writes what is made from other files: .pyi files and the list of ops from the table, the schema from the record.

`python -m tests.stubs` writes them; test_stubs.py says when they are stale.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path
from typing import Any, get_overloads

import numpy as np

import grad_engine as ge
from grad_engine import scipy
from grad_engine.core.define import CALLS, HEADS, METHODS
from grad_engine.core.numpy_protocol import SCIPY_TO_OP
from grad_engine.core.op import CATEGORIES, OPS, Op
from grad_engine.core.tensor import Tensor
from grad_engine.record.schema import schema
from tests.pytorch_page import page
from tests.samples import as_function, cases, one_output

PACKAGE = Path(ge.__file__).parent
HEAD = '"""Generated from the table of ops by `make stubs`; do not edit."""\n'
IMPORTS = "from collections.abc import Sequence\nfrom typing import Any, Literal, SupportsIndex, TypeAlias, overload\n"
OPERAND = (
    "Operand: TypeAlias = Tensor | np.ndarray | np.generic | float | int | bool | Sequence[Any]\n"
    "Axes: TypeAlias = SupportsIndex | Sequence[SupportsIndex] | None\n"
)


def parameters(call: Callable[..., Any], first: str | None = None) -> str:
    """The parameters of an op's function as they are declared; `first` takes the place of the first one's name."""
    op = getattr(call, "op", None)
    if op is None:  # a plain function in front of an op
        parts = []
        for each in inspect.signature(call).parameters.values():
            stars = {each.VAR_POSITIONAL: "*", each.VAR_KEYWORD: "**"}.get(each.kind, "")
            shown = f"{stars}{each.name}: {each.annotation}"
            if each.kind is each.KEYWORD_ONLY and not any(part.startswith("*") for part in parts):
                parts.append("*")
            parts.append(shown if each.default is each.empty else f"{shown} = {_default(each.default)}")
        return ", ".join([first, *parts[1:]] if first else parts)
    parts = []
    for i, name in enumerate(op.inputs):
        kind = "Sequence[Operand] | Operand" if op.variadic else "Operand"
        parts.append(f"{name}: {kind}" if i < op.required else f"{name}: {kind} | None = None")
    if first is not None:
        parts[0] = first
    for i, (name, default) in enumerate(op.static.items()):
        if op.varargs and i == 0:
            parts.append(f"*{name}: Any")
        elif default is inspect.Parameter.empty:
            parts.append(f"{name}: {_static(name)}")
        else:
            plain = default is None or isinstance(default, bool | int | float | str | tuple)
            parts.append(f"{name}: {_static(name)} = {repr(default) if plain else '...'}")
    return ", ".join(parts)


def _default(value: Any) -> str:
    return "..." if value is ... else repr(value)


def _result(call: Callable[..., Any]) -> str:
    return str(inspect.unwrap(call).__annotations__["return"])  # from Python 3.14 on, wraps() copies no text


def _static(name: str) -> str:
    """The type of a static argument, where its name tells it."""
    return {"axis": "Axes", "keepdims": "bool"}.get(name, "Any")


def declaration(name: str, call: Callable[..., Any], first: str | None = None) -> str:
    forms = get_overloads(call)  # where what comes back depends on an argument
    if forms:
        doc = (inspect.getdoc(call) or "").splitlines()[0]
        *others, last = (f"@overload\ndef {name}({parameters(form, first)}) -> {_result(form)}:" for form in forms)
        return "".join(f"{each} ...\n" for each in others) + f'{last}\n    """{doc}"""\n'
    op = getattr(call, "op", None)
    if op is None:
        result = _result(call)
    else:
        result = "tuple[Tensor, ...]" if op.multi_output else "Tensor"
    doc = inspect.getdoc(call) or ""
    doc = doc.splitlines()[0] if op is None else " ".join(doc.partition("\n\n")[0].split())
    return f'def {name}({parameters(call, first)}) -> {result}:\n    """{doc}"""\n'


def methods() -> str:
    """The stub of everything that the table puts on Tensor."""
    lines = [
        HEAD, f"import builtins\n{IMPORTS}",
        "import numpy as np\n", "from grad_engine.core.tensor import Tensor\n", OPERAND,
        *_of_torch(), "class OpMethods(TorchMethods):",
        '    """The methods and operators of Tensor that come from the table of ops."""\n',
    ]  # fmt: skip
    for name, call in CALLS.items():
        if getattr(Tensor, name, None) is call:
            lines.append(_indented(declaration(name, call, "self")))
    for dunder in HEADS:
        for form in ("", "r", "i"):
            name = f"__{form}{dunder}__"
            if hasattr(Tensor, name):
                lines.append(f"    def {name}(self, other: Operand) -> Tensor: ..." if dunder != "neg" else
                             f"    def {name}(self) -> Tensor: ...")  # fmt: skip
    lines.append("    def __pos__(self) -> Tensor: ...\n    def __abs__(self) -> Tensor: ...")
    lines += [f"    @property\n    def {name}(self) -> Tensor: ..." for name in ("T", "mT")]
    return "\n".join(lines) + "\n"


def _of_torch() -> list[str]:
    """The class of what has PyTorch's names, some of which are those of Python's types: these go by their module."""
    lines = ["class TorchMethods:", '    """The methods of Tensor that PyTorch has under these names."""\n']
    for name, call in METHODS.items():
        if isinstance(call, property):
            lines.append(f"    @property\n    def {name}(self) -> Any: ...")
        else:
            words = declaration(name, call, "self").splitlines()
            head = re.sub(r"(?<=[:>|] )(float|int|bool|type)\b", r"builtins.\1", words[0])
            lines.append(_indented("\n".join([head, *words[1:]])))
    return lines


def face() -> str:
    """The stub of `grad_engine` itself: what it imports by name, and each op as a function."""
    source = ast.parse((PACKAGE / "__init__.py").read_text("utf-8"))
    lines = [HEAD, f"{IMPORTS}\nimport numpy as np\n"]
    for node in source.body:
        if isinstance(node, ast.ImportFrom):
            lines += [f"from {node.module} import {each.name} as {each.asname or each.name}" for each in node.names]
    lines += [f"from grad_engine import {room} as {room}" for room in ge._LOADED_ON_USE]
    lines += [f"from grad_engine.{room} import {name} as {name}" for name, room in ge._FROM.items()]
    lines += ["", OPERAND]
    numbers = [name.id for node in source.body if isinstance(node, ast.Assign) for part in node.targets
               for name in getattr(part, "elts", [part]) if not name.id.startswith("_")]  # fmt: skip
    lines += [f"{name}: Any" for name in numbers]
    lines += [declaration(name, call) for name, call in CALLS.items()]
    return "\n".join(lines)


def table() -> str:
    """The ops in a table for people: what each computes, and the rule for each operand, from one recorded call."""
    lines = [
        "# The ops\n",
        "Generated from the table of ops by `make stubs`. Each is a function of `grad_engine`, most are methods too;",
        "`g` is the gradient that arrives, `out` the result. Words stand where a rule is more than a formula.",
        "Last come the ops behind SciPy's functions (`scipy.special.jv(2, t)`, `grad_engine.scipy`), which",
        "are no functions of `grad_engine` itself, and those that only rules use.\n",
    ]
    sections = {each.capitalize(): [op for op in OPS.values() if op.public and op.category == each]
                for each in CATEGORIES}  # fmt: skip
    others = [op for op in OPS.values() if not op.public]
    sections["Of SciPy"] = [op for op in others if op.forward.__module__.startswith("grad_engine.ops.scipy_")]
    sections["Used by rules alone"] = [op for op in others if op not in sections["Of SciPy"]]
    for title, ops in sections.items():
        if ops:
            lines += [f"## {title}\n", "| op | symbol | computes | rules | what it is | backward in words |",
                      "| --- | --- | --- | --- | --- | --- |"]  # fmt: skip
            lines += [*map(_row, ops), ""]
    return "\n".join(lines)


def _row(op: Op) -> str:
    names = " ".join(f"`{name}`" for name in (op.name, *op.aliases))
    written, rules = "", "no gradient"
    for each in cases(op) if op.differentiable else ():
        f, xs = as_function(op, each)
        leaves = [ge.tensor(x, requires_grad=True) for x in xs]
        with np.errstate(all="ignore"):
            out = one_output(f)(*leaves)
        if not out.requires_grad:
            continue
        node = next(node for node in ge.record_graph(out, names={}).nodes if node.op == op.name)
        assert node.formula is not None
        written = node.formula.forward.text
        by_slot = {each.slot: each.parameter for each in node.inputs}
        rules = "; ".join(f"{by_slot[rule.slot]}: {rule.text}" for rule in node.formula.vjp)
        break
    cells = (names, op.symbol, written, rules, op.summary, op.sentence)
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _indented(text: str) -> str:
    return "\n".join("    " + line if line else line for line in text.splitlines()) + "\n"


def coverage() -> str:
    """What of SciPy runs on tensors: by itself, and as a twin in grad_engine.scipy."""
    lines = [
        "# What of SciPy runs on tensors",
        "",
        "Generated by `make stubs`. Every other public function of these modules takes arrays as ever, and refuses a",
        "tensor that requires grad in words; `tests/scipy/test_coverage.py` calls them all.",
        "",
        "| module | on tensors, in `grad_engine.scipy` |",
        "| --- | --- |",
    ]
    for room in [*scipy.__all__, "spatial.distance"]:
        module = attrgetter(room)(scipy)
        names = [name for name in getattr(module, "__all__", dir(module)) if not name.startswith("_")]
        own = sorted(name for name in names if _is_ours(getattr(module, name)))
        if own:
            lines.append(f"| `scipy.{room}` | {', '.join(f'`{name}`' for name in own)} |")
    ufuncs = sorted(name for name in SCIPY_TO_OP if not name.startswith("_"))
    listed = ", ".join(f"`{name}`" for name in ufuncs)
    lines += ["", f"These {len(ufuncs)} functions of `scipy.special` run on tensors by themselves: {listed}."]
    return "\n".join(lines) + "\n"


def _is_ours(value: Any) -> bool:
    return callable(value) and str(getattr(value, "__module__", type(value).__module__)).startswith("grad_engine")


def written() -> dict[Path, str]:
    """Every generated file with the text it should have."""
    assert OPS
    return {
        PACKAGE / "core" / "op_methods.pyi": methods(),
        PACKAGE / "__init__.pyi": face(),
        PACKAGE / "ops" / "README.md": table(),
        PACKAGE / "scipy" / "COVERAGE.md": coverage(),
        PACKAGE / "nn" / "PYTORCH.md": page(),
        PACKAGE / "record" / "schema.json": json.dumps(schema(), indent=2, ensure_ascii=False) + "\n",
    }


if __name__ == "__main__":
    for path, text in written().items():
        path.write_text(text, "utf-8")
