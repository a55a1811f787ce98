"""Where a command gets its record from, and where its words, data and files go."""

from __future__ import annotations

import json
import math
import os
import stat
import sys
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from grad_engine.errors import GradEngineError, RecordError
from grad_engine.record import GraphRecord, from_json, load_graph
from grad_engine.record.atomic_write import replaced
from grad_engine.record.strict import MAX_BYTES
from grad_engine.record.words import harmless
from grad_engine.tree import STYLES, WIDEST
from grad_engine.tree.tables import Line
from grad_engine.tree.text import Script

STANDARD = "-"  # standard input or output, in the place of a file
PLAIN_WIDTH = 100  # columns where no terminal sets them


def record_in(file: str) -> GraphRecord:
    """The record in a file or folder, or on standard input."""
    if file != STANDARD:
        return load_graph(file)
    if sys.stdin is None:
        raise RecordError("standard input is closed: name a file, or pipe a record in")
    try:
        return from_json(sys.stdin.buffer.read(MAX_BYTES + 1))
    except RecordError as error:
        raise RecordError(f"standard input: {error}") from None


def output() -> TextIO:
    """Standard output; raises GradEngineError where the caller has closed it."""
    if sys.stdout is None:
        raise GradEngineError("standard output is closed, and there is nowhere to write to")
    return sys.stdout


def script() -> Script:
    """The characters that standard output can carry."""
    return Script(output().encoding or "utf-8")


def width() -> int:
    """The columns of the terminal, or those that COLUMNS asks for."""
    from rich.console import Console

    console = Console()
    return min(console.width, WIDEST) if console.is_terminal or "COLUMNS" in os.environ else PLAIN_WIDTH


def print_lines(lines: Iterable[Line]) -> None:
    """Prints the lines on standard output: with colour on a terminal that has it, plain elsewhere."""
    from rich.console import Console
    from rich.text import Text

    console = Console(file=output())
    carried = Script(console.encoding)
    for line in lines:
        text = Text.assemble(*((carried.say(harmless(part)), STYLES.get(style, "")) for part, style in line), end="")
        text.rstrip()
        if console.color_system is None or console.no_color:
            console.file.write(text.plain + "\n")
        else:
            console.print(text, crop=False, no_wrap=True, overflow="ignore", end="\n")


def print_json(value: Any) -> None:
    """Prints dataclasses, mappings and sequences as JSON, in UTF-8 whatever the terminal's encoding is."""
    text = json.dumps(_plain(value), ensure_ascii=False, allow_nan=False, indent=1)
    _send(f"{text}\n".encode())


def _send(data: bytes) -> None:
    """Writes text in UTF-8 on standard output, which in a notebook or under redirect_stdout() takes no bytes."""
    stream = output()
    if hasattr(stream, "buffer"):
        stream.buffer.write(data)
    else:
        stream.write(data.decode())


def _plain(value: Any) -> Any:
    """A value in the words of JSON; numbers that are not finite by name, as in a record."""
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def write_text(text: str, path: str | None, what: str) -> int:
    """Writes text in UTF-8 on standard output, or to a file that is replaced whole; returns the exit status 0.

    what: the picture, the page: where it is in a file, this is said on standard error.
    """
    data = text.encode()
    if path is None or path == STANDARD:
        _send(data)
        return 0
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        mode = stat.S_IFREG
    if "\0" in path:
        raise GradEngineError(f"{path}: a file's name holds no null character")
    try:
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # a device or a pipe, which nothing may take the place of
            Path(path).write_bytes(data)
            return 0
        if not Path(path).parent.is_dir():
            raise GradEngineError(f"{Path(path).parent}: there is no such folder")
        with replaced(path, GradEngineError) as file:
            file.write(data)
    except OSError as error:
        error.filename = error.filename or path  # a write that fails does not say where
        raise
    print(f"The {what} is in {harmless(path)}", file=sys.stderr)
    return 0
