"""The gradient mode: whether ops are recorded, and the contexts that decide it for their thread or asyncio task."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import ContextDecorator
from contextvars import ContextVar
from typing import Any, ClassVar

from grad_engine.errors import ArgumentError, GraphError


class Mode:
    """What happens to calls of ops. It is never changed: a context puts another in its place, and takes it back.

    `record` says whether ops build the graph, `watch` is told of every node (observe.py), and `differentiating` is the
    context in which a derivative is taken. `entry` numbers the entries of scopes and modules, so that two calls of one
    layer can be told apart. `context` made this mode and `outer` was there before.
    """

    __slots__ = ("context", "differentiating", "entry", "outer", "record", "watch")

    def __init__(
        self,
        record: bool,
        watch: Any,
        differentiating: differentiating | None,
        entry: int,
        context: Context | None,
        outer: Mode | None,
    ) -> None:
        self.record = record
        self.watch = watch
        self.differentiating = differentiating
        self.entry = entry
        self.context = context
        self.outer = outer


# A ContextVar and not a threading.local: it keeps asyncio tasks apart too, and is read in half the time.
_MODE = ContextVar("grad_engine mode", default=Mode(True, None, None, 0, None, None))  # noqa: B039 # it is never changed
current_mode = _MODE.get
put_mode = _MODE.set


def with_watch(mode: Mode, watch: Any, entry: int) -> Mode:
    """The same mode with another watch, and the number of an entry of its scope."""
    return Mode(mode.record, watch, mode.differentiating, entry, mode.context, mode.outer)


class Context(ContextDecorator):
    """A with-block, or a decorator of functions and generators, inside of which another mode holds.

    It holds no state, so that one object may be entered by several threads and tasks, and again inside itself. The mode
    ends with the block however that is left. Raises GraphError where blocks end in another order than they began, and
    in another thread or task than they began in.
    """

    field: ClassVar[str]  # of Mode: the one that is different inside

    def inside(self, outer: Mode) -> Mode:
        """The mode inside a block that begins in the mode `outer`."""
        raise NotImplementedError

    def __enter__(self) -> None:
        outer = current_mode()
        inside = self.inside(outer)
        try:
            put_mode(inside)
        except BaseException:  # an interrupt that arrives just now: the block, and so its end, is never reached
            put_mode(outer)
            raise

    def __exit__(self, *failure: object) -> None:
        now = current_mode()
        if now.context is self and (type(self) is GradMode or now.record is now.outer.record):  # type: ignore[union-attr]
            put_mode(now.outer)  # type: ignore[arg-type]
            return
        inner: list[Mode] = []
        while now.context is not self:
            if now.outer is None:
                raise GraphError(
                    f"{self} ended in another thread or task than it began in; begin and end it in one function, "
                    "with `with`"
                )
            inner.append(now)
            now = now.outer
        outer = now.outer or Mode(True, None, None, 0, None, None)
        if self.field != "record" and now.record is not outer.record:  # set_grad_enabled() was called inside
            outer = Mode(now.record, outer.watch, outer.differentiating, outer.entry, outer.context, outer.outer)
        if failure[1] is not None and not isinstance(failure[1], GeneratorExit):
            inner = []  # the blocks inside are left too, even where an interrupt came before their own ends
        for mode in reversed(inner):
            outer = Mode(mode.record, mode.watch, mode.differentiating, mode.entry, mode.context, outer)
        put_mode(outer)
        if inner:
            raise GraphError(
                f"{self} ended before {inner[-1].context}, which began inside it; end the last one first, as nested "
                "`with` blocks do"
            )

    def _recreate_cm(self) -> Context:
        return self

    def __call__(self, function: Any) -> Any:
        if not callable(function):
            raise ArgumentError(
                f"a context decorates a function, got {type(function).__name__}; write `with` without it"
            )
        if inspect.isasyncgenfunction(function):
            raise ArgumentError(
                f"the body of the async generator {function.__name__} runs in turns with its caller, got it to "
                "decorate; write the context inside it, around code without yield"
            )
        if inspect.iscoroutinefunction(function):
            return self._awaited(function)
        return self._in_steps(function) if inspect.isgeneratorfunction(function) else super().__call__(function)

    def _awaited(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A coroutine function whose body runs in this mode."""

        @functools.wraps(function)
        async def run(*args: Any, **named: Any) -> Any:
            with self._recreate_cm():
                return await function(*args, **named)

        return run

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

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class GradMode(Context):
    """Record, or do not, inside a with-block or a decorated function."""

    field = "record"

    def __init__(self, record: bool) -> None:
        self.record = record

    def inside(self, outer: Mode) -> Mode:
        """The same with ops recorded, or not."""
        return Mode(self.record, outer.watch, outer.differentiating, outer.entry, self, outer)

    def __repr__(self) -> str:
        return "enable_grad()" if self.record else "no_grad()"


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
        now = current_mode()
        self._before: Mode | None = now
        self._made = Mode(self.record, now.watch, now.differentiating, now.entry, now.context, now.outer)
        put_mode(self._made)

    def _undo(self) -> None:
        """Take back what __init__ did: the block, or the decorated function, does it itself."""
        if current_mode() is self._made and self._before is not None:
            put_mode(self._before)
        self._before = None

    def __enter__(self) -> None:
        self._undo()
        super().__enter__()

    def __call__(self, function: Any) -> Any:
        self._undo()
        return GradMode(self.record)(function)

    def __repr__(self) -> str:
        return f"set_grad_enabled({self.record})"


class differentiating(Context):
    """Inside it, the function of that name ("jacobian()") takes a derivative: what would lose the history is an error.

    One object for one block. NumPy puts an error of its own in the place of one from `__float__`; it ends here.
    """

    field = "differentiating"

    def __init__(self, name: str, inputs: Sequence[Any] = ()) -> None:
        self.name = name
        self.inputs = inputs  # by which the derivative is taken: a copy of one keeps its history (leaf.py)
        self.lost: GraphError | None = None  # the error that was raised inside, whatever became of it
        self.line: tuple[str, int] = "", 0  # where

    def inside(self, outer: Mode) -> Mode:
        """The same with this derivative."""
        return Mode(outer.record, outer.watch, self, outer.entry, self, outer)

    def __exit__(self, *failure: object) -> None:
        super().__exit__(*failure)
        error = failure[1]
        if self.lost is not None and isinstance(error, Exception) and error is not self.lost and self._replaced(error):
            raise self.lost from None

    def _replaced(self, error: Exception) -> bool:
        """Whether `error` came in the place of ours: it names ours as its cause, or was raised on the same line."""
        place = error.__traceback__
        while place is not None:
            if (place.tb_frame.f_code.co_filename, place.tb_lineno) == self.line:
                return True
            place = place.tb_next
        return error.__cause__ is self.lost

    def __repr__(self) -> str:
        return self.name


def is_grad_enabled() -> bool:
    """Whether ops called by this thread or task are recorded."""
    return current_mode().record
