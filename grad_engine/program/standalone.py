"""A program as a Python file of its own, which imports NumPy, and SciPy where it calls it, and nothing else.

Ops that stayed calls of the engine are imported from it, and the file says so.
"""

from __future__ import annotations

import base64
import io
import re
import textwrap
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from grad_engine.core.op import OPS
from grad_engine.errors import GraphError
from grad_engine.program.arguments import Made
from grad_engine.program.entry import Output
from grad_engine.program.readable import Readable, head
from grad_engine.program.steps import LOOP, NAMED_CALL, Program, place_of
from grad_engine.program.trace import Present
from grad_engine.program.traced_call import TracedCall

_FEW = 64  # numbers of an array that is written out
_WIDTH = 100


def named_calls(program: Program) -> list[str]:
    """The ops of the engine that the program calls."""
    found = [step.op or "" for step in program.steps if step.kind is NAMED_CALL]
    for step in program.steps:
        if step.kind is LOOP:
            found += [name for part in step.fn.programs() for name in named_calls(part)]
    return [*dict.fromkeys(found)]


def save(program: Program, path: Path, call: TracedCall) -> Path:
    """Write the program of a traced call to `path`."""
    path.write_text(text_of(program, call), "utf-8")
    return path


def text_of(program: Program, call: TracedCall) -> str:
    """The file: imports, constants, and the function."""
    readable = Readable(program)
    readable.function()
    constants = readable.spelling.environment
    body = "\n".join(f"    {line}" for line in readable.lines)
    inputs = [readable.spelling.text[value] for value in program.inputs]
    generators = [name for name, thing in constants.items() if isinstance(thing, np.random.Generator)]
    about = dict(zip(constants, readable.about_constants(), strict=True))
    written = [f"{about[name]}\n{_defined(name, thing)}" for name, thing in constants.items() if name not in generators]
    imports = ["import numpy as np"]
    if any("_unpacked(" in line for line in written):
        imports = ["import base64", "import io", "import zlib", "", *imports]
        written.insert(0, _UNPACKING)
    if inputs:  # another size of a batch would go through, and give a mean over the old one
        shapes = {readable.spelling.text[value]: value.shape for value in program.inputs}
        written.append(_CHECK.format(shapes=_wrapped(shapes)).rstrip())
        body = f"{_call_of_check(inputs)}\n{body}"
    imports += [f"import {module}" for module in sorted({*re.findall(r"\bscipy\.\w+(?=\.)", body)})]
    if "math." in body:
        imports.insert(0, "import math")
    calls = named_calls(program)
    if calls:
        imports += ["", "from grad_engine import OPS"]
    known = "NumPy and SciPy alone." if any("scipy" in line for line in imports) else "NumPy alone."
    alone = known if not calls else f"NumPy, and of grad_engine {', '.join(calls)}: install it beside."
    words = (
        f'"""{program.name}, as grad_engine wrote it down: {alone}{_of_state(program, readable, generators, call)}"""'
    )
    definition = head(program.name, [*inputs, *generators])
    parts = [words, "\n".join(imports), "\n".join(written), f"\n{definition}\n{body}"]
    return "\n\n".join(part for part in parts if part).rstrip() + "\n"


def _call_of_check(inputs: list[str]) -> str:
    given = ", ".join(f"{name}={name}" for name in inputs)
    if len(line := f"    _check_shapes({given})") <= _WIDTH:
        return line
    indent = " " * 8
    lines = textwrap.wrap(f"{given},", _WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False)
    return "\n".join(["    _check_shapes(", *lines, "    )"])


def _of_state(program: Program, readable: Readable, generators: list[str], call: TracedCall) -> str:
    """What the caller of a saved program has to know of its arguments and its state, as the end of its docstring."""
    spell = readable.spelling
    stored = [write for write in program.writes if write.value is not write.target]
    written = [spell.value(write.target) for write in stored if write.target is not None]
    returned = {write.value: spell.value(write.value) for write in stored if not write.in_place and write.shown}
    lines = [*_of_arguments(program, readable, generators), *_of_structures(program, readable, call)]
    if written:
        lines.append(f"It writes in place: {', '.join(written)}.")
    if returned:
        lines.append(
            f"New values of numbers from outside come last in what it returns: {', '.join(returned.values())}."
        )
        lines.append("Pass them at the next call.")
    return "\n\n" + "\n".join(piece for line in lines for piece in _wrapped_words(line)) + "\n" if lines else ""


def _of_arguments(program: Program, readable: Readable, generators: list[str]) -> Iterator[str]:
    """The arguments in order, with what each kind of them is, where there are others than those of the function."""
    kept = {value for lane in program.kept for state in lane for value in state}
    told = {
        0: "arguments of the function",
        1: "read from outside the function",
        2: "numbers from outside the function",
        3: "state of the optimizer, 0 everywhere at the start",
        4: "counts of steps, 0 at the start",
    }
    groups: dict[int, list[str]] = {}
    for value in program.inputs:
        groups.setdefault(place_of(value, program.given, kept), []).append(readable.spelling.text[value])
    if set(groups) <= {0} and not generators:
        return
    yield "Arguments, in this order:"
    for place, names in sorted(groups.items()):
        yield f"  {', '.join(names)}: {told[place]}"
    if generators:
        yield f"  {', '.join(generators)}: a np.random.Generator for each, of which it draws"


def _of_structures(program: Program, readable: Readable, call: TracedCall) -> Iterator[str]:
    """Which arguments are parts of a structure that the function takes, and which results of one that it returns."""
    parts: dict[str, list[tuple[str, str]]] = {}
    for part in call.arguments.parts:
        top, label = re.match(r"p(\d+)(.*)", part.path, re.DOTALL).groups()  # type: ignore[union-attr]
        if label and part.value in program.inputs:
            parts.setdefault(call.names[int(top)], []).append((readable.spelling.text[part.value], label))
    if parts:
        yield "The parts of a structure are arguments of their own, in this order:"
        for name, members in parts.items():
            asked = ", ".join(text for text, _ in members)
            yield _in_docstring(f"  {asked}: {', '.join(name + label for _, label in members)}")
    made = call.structure
    places: dict[int, str] = {}
    _add_places(made, "result", places)
    is_flat = type(made) is Output or (type(made) is tuple and all(type(part) is Output for part in made))
    if places and not is_flat:
        what = "one flat tuple of" if len(places) > 1 else "one part of"
        yield f"It returns {what} what the function returns:"
        yield _in_docstring(f"  {', '.join(places[index] for index in sorted(places))}")


def _add_places(structure: Any, label: str, places: dict[int, str]) -> None:
    """Note for each output by its number how Python reads it in what the function returned."""
    if type(structure) is Output:
        places.setdefault(structure.number, label)
    elif type(structure) is Made:
        for number, part in enumerate(structure.parts):
            _add_places(part, f"{label}, part {number}", places)
    elif isinstance(structure, dict):
        for key, part in structure.items():
            _add_places(part, f"{label}[{key!r}]", places)
    elif isinstance(structure, list | tuple):
        for number, part in enumerate(structure):
            _add_places(part, f"{label}[{number}]", places)


def _in_docstring(line: str) -> str:
    """A line that holds keys of a dict, which may be any text."""
    return line.replace("\\", "\\\\").replace('"', '\\"')


def _wrapped_words(line: str) -> list[str]:
    indent = " " * (len(line) - len(line.lstrip()))
    return textwrap.wrap(line, _WIDTH, initial_indent="", subsequent_indent=f"{indent}  ") or [""]


_UNPACKING = """
def _unpacked(text):
    return np.load(io.BytesIO(zlib.decompress(base64.b85decode(text))))

"""


_CHECK = """
# What the program was written for: its sums and means know how many numbers there are.
_SHAPES = {shapes}


def _check_shapes(**given):
    for name, value in given.items():
        if isinstance(value, (list, tuple, dict)):
            raise TypeError(
                f"{{name}} is a {{type(value).__name__}}, but this program takes arrays and numbers; "
                f"pass np.asarray({{name}}), or each part of a structure as the docstring says"
            )
        if np.shape(value) != _SHAPES[name]:
            raise ValueError(
                f"{{name}} has shape {{np.shape(value)}}, but this program was written for {{_SHAPES[name]}}; "
                "call the compiled function with the new shapes and save() it again"
            )

"""


def _wrapped(shapes: dict[str, tuple[int, ...]]) -> str:
    """The dictionary as code: on one line where it fits."""
    line = repr(shapes)
    if len(line) <= _WIDTH:
        return line
    return "{\n" + "".join(f"    {name!r}: {shape},\n" for name, shape in shapes.items()) + "}"


def _defined(name: str, thing: Any) -> str:
    """The lines that make a constant, or a function of the engine."""
    if type(thing) is not Present:
        return f"{name} = {_literal(thing)}"
    for op in OPS.values():
        parts = [("forward", op.forward), ("joint", op.joint), *((f"rules[{k}]", r) for k, r in enumerate(op.rules))]
        for part, function in parts:
            if function is not thing.function:
                continue
            call = f"OPS[{op.name!r}].{part}"
            if thing.places is None:
                return f"{name} = {call}"
            return (
                f"\n\ndef {name}(*args, **named):\n"
                f"    return tuple(share for share in {call}(*args, **named) if share is not None)\n"
            )
    raise GraphError(f"the program calls {thing.__qualname__}(), which no file can import; leave it out")


def _literal(thing: Any) -> str:
    if isinstance(thing, np.dtype):
        return f"np.dtype({thing.str!r})"
    if isinstance(thing, np.generic):
        return f"np.{type(thing).__name__}({thing.item()!r})" if np.isfinite(thing) else f'np.float64("{thing}")'
    if not isinstance(thing, ndarray):
        raise GraphError(
            f"the program holds a {type(thing).__name__}, which cannot be written into a Python file; leave it out"
        )
    if thing.size and 0 in thing.strides and thing.size > _FEW:
        core = thing[tuple(slice(0, 1) if stride == 0 else slice(None) for stride in thing.strides)]
        return f"np.broadcast_to({_literal(np.array(core))}, {thing.shape})"
    if thing.size <= _FEW and np.isfinite(thing).all():
        kind = "" if thing.dtype.str in ("<f8", "<i8", "|b1") and thing.size else f", np.{thing.dtype.type.__name__}"
        text = f"np.array({thing.tolist()!r}{kind})"
        return text if thing.size else f"np.empty({thing.shape}{kind})"
    file = io.BytesIO()
    np.save(file, thing)
    packed = base64.b85encode(zlib.compress(file.getvalue())).decode()
    lines = [packed[start : start + _WIDTH] for start in range(0, len(packed), _WIDTH)]
    return "_unpacked(\n" + "\n".join(f"    {line!r}" for line in lines) + "\n)"
