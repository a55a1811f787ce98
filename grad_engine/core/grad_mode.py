"""Whether the ops that a thread calls are recorded, and the contexts that decide it."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Iterator
from contextlib import ContextDecorator
from typing import Any

from grad_engine.errors import ArgumentError


class _Mode(threading.local):
    """What this thread does with calls of ops: `record` builds the graph; `watch` (a Watch, if any) sees it grow.

    The defaults are of the class, so that each new thread starts with them.
    """

    record: bool = True
    watch: Any = None


MODE = _Mode()


class GradMode(ContextDecorator):
    """Record, or do not, inside a with-block or a decorated function; this thread only."""

    def __init__(self, record: bool) -> None:
        self.record = record
        self.before: list[bool] = []

    def _recreate_cm(self) -> GradMode:
        """A context of its own for each call of a decorated function, as ContextDecorator asks for."""
        return GradMode(self.record)

    def __enter__(self) -> None:
        self.before.append(MODE.record)
        MODE.record = self.record

    def __exit__(self, *_: object) -> None:
        MODE.record = self.before.pop()

    def __call__(self, function: Any) -> Any:
        if not callable(function):
            raise ArgumentError(
                f"a context decorates a function, got {type(function).__name__}; write `with` without it"
            )
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            raise ArgumentError(
                f"the body of the async function {function.__name__} runs later and in turns with others, got it to "
                "decorate; write the context inside it, around code without await"
            )
        return self._in_steps(function) if inspect.isgeneratorfunction(function) else super().__call__(function)

    def _in_steps(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A generator function whose body runs in this mode, though its caller's does not."""

        @functools.wraps(function)
        def steps(*args: Any, **named: Any) -> Iterator[Any]:
            generator = function(*args, **named)
            resume: Callable[[], Any] = functools.partial(next, generator)
            while True:
                try:
                    with self._recreate_cm():
                        value = resume()
                except StopIteration as end:
                    return end.value
                try:
                    sent = yield value
                except GeneratorExit:
                    with self._recreate_cm():
                        generator.close()
                    raise
                except BaseException as error:
                    resume = functools.partial(generator.throw, error)
                else:
                    resume = functools.partial(generator.send, sent)

        return steps


def no_grad(function: Callable[..., Any] | None = None) -> Any:
    """A context, or a decorator, inside which nothing is recorded: results do not require grad."""
    return GradMode(False) if function is None else GradMode(False)(function)


def enable_grad(function: Callable[..., Any] | None = None) -> Any:
    """A context, or a decorator, inside which ops are recorded even within no_grad()."""
    return GradMode(True) if function is None else GradMode(True)(function)


class set_grad_enabled(GradMode):
    """Record (True) or do not (False) from now on; as a context, until its end."""

    def __init__(self, mode: bool) -> None:
        super().__init__(bool(mode))
        self.before.append(MODE.record)
        MODE.record = self.record

    def __enter__(self) -> None:
        MODE.record = self.record

    def __call__(self, function: Any) -> Any:
        MODE.record = self.before.pop()  # as a decorator it concerns the function alone
        return GradMode(self.record)(function)


def is_grad_enabled() -> bool:
    """Whether ops called by this thread are recorded."""
    return MODE.record
