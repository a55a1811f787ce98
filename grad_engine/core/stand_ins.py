"""Where ops meet the stand-ins of program/: what traces a function lets them through, and gives results for them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import CodeType
from typing import Any, TypeVar

from grad_engine.errors import TraceError

STAND_INS: set[type] = set()  # kinds of array, besides NumPy's, that ops take as they are


class EagerOnlyError(TraceError):
    """What the engine itself does with these numbers cannot stand in a program: the call runs in eager mode."""


class _Tracing(threading.local):
    """What notes NumPy's calls on stand-ins in this thread, while a function is traced (program/trace.py)."""

    trace: Any = None


TRACING = _Tracing()

_F = TypeVar("_F", bound=Callable[..., Any])
QUESTIONS: dict[CodeType, str] = {}  # code of a function that branches on numbers -> what it asks of them


def asks(question: str) -> Callable[[_F], _F]:
    """A decorator for what branches on numbers: its question, to be answered by yes where the condition is true.

    A program goes one way only. It says this question where its numbers ask for the other.
    """

    def noted(function: _F) -> _F:
        QUESTIONS[function.__code__] = question
        return function

    return noted
