"""What gives something else at each call and cannot be watched: iterators, files, the time, the environment.

While a function is traced it meets stand-ins that refuse. Calls that libraries make for themselves go through.
"""

from __future__ import annotations

import builtins
import datetime
import functools
import io
import os
import random
import sys
import threading
import time
import types
import warnings
from collections.abc import Callable
from typing import Any, NoReturn

import numpy

from grad_engine.core.stand_ins import TRACING
from grad_engine.errors import TraceError
from grad_engine.program.reach import library
from grad_engine.program.trace import QUIET
from grad_engine.program.traced_numpy import NUMPY, NUMPY_FOR_USERS

_FILE_SYSTEM = ("stat", "listdir", "scandir", "getcwd")
_TIMES = (
    "time", "time_ns", "perf_counter", "perf_counter_ns", "monotonic", "monotonic_ns", "process_time",
    "process_time_ns", "thread_time", "thread_time_ns", "localtime", "gmtime", "ctime", "asctime", "strftime",
)  # fmt: skip
# Modules that ask, besides NumPy and the stand-ins for it, on behalf of their caller.
_ON_BEHALF = frozenset(
    {
        "os",
        "posixpath",
        "genericpath",
        "ntpath",
        "glob",
        "collections",
        "pathlib",
        "io",
        "codecs",
        "uuid",
        "secrets",
        "random",
    }
)


def _refuse(what: str) -> NoReturn:
    trace = TRACING.trace
    raise TraceError(
        f"the compiled function asked for {what}, which would be the same at each run{trace.at() if trace else ''}; "
        "ask outside and pass the result as an argument"
    )


def _asked_by_user() -> bool:
    """Whether the user's program asks, in a trace, and no library does for itself."""
    if TRACING.trace is None:
        return False
    frame: types.FrameType | None = sys._getframe(2)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.partition(".")[0] not in _ON_BEHALF and not module.startswith(("numpy", "grad_engine.program.")):
            return not library(module)
        frame = frame.f_back
    return False


def _refusing(function: Callable[..., Any], what: str) -> Callable[..., Any]:
    @functools.wraps(function)
    def ask(*args: Any, **named: Any) -> Any:
        if _asked_by_user():
            _refuse(what)
        return function(*args, **named)

    return ask


def _opening(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def ask(file: Any, mode: str = "r", *args: Any, **named: Any) -> Any:
        if ("r" in mode or "+" in mode) and _asked_by_user():
            _refuse("what is in a file")
        return function(file, mode, *args, **named)

    return ask


def _warning(warn: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(warn)
    def warn_once(message: Any, category: Any = None, stacklevel: int = 1, source: Any = None, **named: Any) -> None:
        if threading.get_ident() not in QUIET:
            warn(message, category, stacklevel + 1, source, **named)

    return warn_once


class _Datetime(datetime.datetime):
    now = utcnow = today = classmethod(lambda cls, *args: _refuse("the time"))  # type: ignore[assignment]


class _Date(datetime.date):
    today = classmethod(lambda cls: _refuse("the date"))


class _Datetimes(types.ModuleType):
    """The module datetime, with the two classes above."""

    datetime = _Datetime
    date = _Date

    def __getattr__(self, name: str) -> Any:
        return getattr(datetime, name)


class _Refusing:
    """Stands for an iterator or a file from outside."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __next__(self) -> NoReturn:
        _refuse(self._what)

    __iter__ = __next__

    def __getattr__(self, name: str) -> NoReturn:
        _refuse(self._what)


_NEXT = _Refusing("the next of a file or an iterator from outside")  # one, however many functions read the iterator
# (holder, name, what stands there while a function is traced)
SWAPPED: list[tuple[Any, str, Any]] = [
    *((time, name, _refusing(getattr(time, name), "the time")) for name in _TIMES if hasattr(time, name)),
    (os, "urandom", _refusing(os.urandom, "random bytes")),
    (random, "_urandom", _refusing(os.urandom, "random bytes")),
    *((os, name, _refusing(getattr(os, name), "what is in the file system")) for name in _FILE_SYSTEM),
    (type(os.environ), "__getitem__", _refusing(type(os.environ).__getitem__, "a variable of the environment")),
    (builtins, "open", _opening(builtins.open)),
    (io, "open", _opening(io.open)),
    *(  # these keep the open() that was there when NumPy was imported
        (each, name, _refusing(getattr(each, name), "what is in a file"))
        for each in (NUMPY, NUMPY_FOR_USERS, numpy)
        for name in ("loadtxt", "genfromtxt")
    ),
    (warnings, "warn", _warning(warnings.warn)),
    (builtins, "input", _refusing(builtins.input, "the user's input")),
]
_STAND_INS: dict[int, Any] = {
    **{id(getattr(holder, name)): made for holder, name, made in SWAPPED},
    id(datetime): _Datetimes("datetime"),
    id(datetime.datetime): _Datetime,
    id(datetime.date): _Date,
}


def refused_in_traces(held: Any) -> Any:
    """What stands in a trace for something that is refused when it is used; None for anything else."""
    if hasattr(type(held), "__next__") and library(type(held).__module__):
        return _NEXT
    return _STAND_INS.get(id(held))
