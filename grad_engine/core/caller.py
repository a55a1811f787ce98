"""The line of the user's program that called: named in errors, warnings and records."""

from __future__ import annotations

import dis
import linecache
import os
import sys
from functools import lru_cache
from types import CodeType, FrameType

import numpy as np

import grad_engine.errors

CODE_LENGTH = 200
# Frames in here are the way to an op, not the line that asked for it: np.sum(t) is a Python function of NumPy's.
INSIDE = tuple(os.path.dirname(os.path.abspath(file)) + os.sep for file in (grad_engine.errors.__file__, np.__file__))


def calling_frame(above: int = 1) -> FrameType | None:
    """The nearest frame outside the engine and NumPy, from so many frames above the caller of this function on."""
    frame: FrameType | None = sys._getframe(above + 1)
    while frame is not None and frame.f_code.co_filename.startswith(INSIDE):
        frame = frame.f_back
    return frame


def drops_result(frame: FrameType | None) -> bool:
    """Whether the call that a frame is at stands alone on its line, as in `x.sort()`, so that nobody has its result."""
    return frame is not None and _dropped_at(frame.f_code, frame.f_lasti)


@lru_cache(maxsize=256)
def _dropped_at(code: CodeType, place: int) -> bool:
    after = (each.opname for each in dis.get_instructions(code) if each.offset > place)
    return next(after, "") == "POP_TOP"


def caller_level() -> int:
    """How many frames up the program stands that called the engine: for warnings, as seen from who called this."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_code.co_filename.startswith(INSIDE):
        frame, level = frame.f_back, level + 1
    return level


def is_called_torch() -> bool:
    """Whether the program that called the engine has it under the name of PyTorch: `import grad_engine as torch`."""
    name = sys._getframe(caller_level() - 1).f_globals.get("torch")
    return getattr(name, "__name__", "") == "grad_engine"


def line_of(frame: FrameType) -> tuple[str, int, str]:
    """(file, line number, text of the line) where a frame is; no full path, but a text as long as CODE_LENGTH."""
    file, number = frame.f_code.co_filename, frame.f_lineno
    code = linecache.getline(file, number, frame.f_globals).strip()
    return _shown(file, os.getcwd()), number, code if len(code) <= CODE_LENGTH else code[: CODE_LENGTH - 1] + "…"


@lru_cache(maxsize=1024)
def _shown(file: str, folder: str) -> str:
    """How a file is called in a record: the same on every machine, wherever the program is installed."""
    if file.startswith("<"):  # typed in, or made by exec()
        return file
    path = os.path.abspath(file)
    for base in [folder, *sorted(filter(None, sys.path), key=len, reverse=True)]:
        start = os.path.abspath(base).rstrip(os.sep) + os.sep
        if len(start) > 1 and path.startswith(start):
            return path.removeprefix(start).replace(os.sep, "/")
    return os.path.basename(path)
