"""Contexts belong to their thread and task, end with their block, and say where they are misused."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.core.grad_mode import Mode, current_mode
from tests.core.graphs import leaf

CONTEXTS: dict[str, Callable[[], Any]] = {
    "no_grad": ge.no_grad,
    "enable_grad": ge.enable_grad,
    "set_grad_enabled": lambda: ge.set_grad_enabled(False),
    "scope": lambda: ge.scope("a"),
    "record_source": ge.record_source,
    "detect_anomaly": ge.detect_anomaly,
}
ALL = pytest.mark.parametrize("context", CONTEXTS.values(), ids=CONTEXTS)


def state() -> tuple[Any, ...]:
    """What the mode is, as the program can tell."""
    mode = current_mode()
    return mode.record, mode.watch, mode.differentiating


@ALL
@pytest.mark.parametrize("failure", [ZeroDivisionError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_a_context_ends_with_its_block_however_that_is_left(
    context: Callable[[], Any], failure: type[BaseException]
) -> None:
    before = state()
    with pytest.raises(failure), context():
        raise failure
    assert state() == before

    def steps() -> Iterator[int]:
        with context():
            yield 1

    running = steps()
    next(running)
    running.close()
    assert state() == before


@ALL
def test_interleaved_tasks_do_not_disturb_one_another(context: Callable[[], Any]) -> None:
    async def task(turns: list[asyncio.Event], mine: int) -> None:
        outside = state()
        with context():
            inside = state()
            turns[1 - mine].set()
            await turns[mine].wait()
            assert state() == inside
            await asyncio.sleep(0)
        assert state() == outside

    async def main() -> None:
        turns = [asyncio.Event(), asyncio.Event()]
        await asyncio.gather(task(turns, 0), task(turns, 1))
        assert ge.is_grad_enabled() and current_mode().watch is None

    before = state()
    asyncio.run(main())
    assert state() == before


@ALL
def test_a_task_that_is_cancelled_leaves_nothing_behind(context: Callable[[], Any]) -> None:
    async def task() -> None:
        with context():
            await asyncio.sleep(60)

    async def main() -> None:
        running = asyncio.create_task(task())
        await asyncio.sleep(0)
        assert state() == before
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        assert state() == before

    before = state()
    asyncio.run(main())


def test_a_coroutine_function_may_be_decorated() -> None:
    @ge.no_grad()
    async def inside() -> bool:
        await asyncio.sleep(0)
        return ge.is_grad_enabled()

    async def main() -> tuple[bool, bool]:
        return await inside(), ge.is_grad_enabled()

    assert asyncio.run(main()) == (False, True)


@ALL
def test_one_object_serves_nested_blocks_and_many_threads(context: Callable[[], Any]) -> None:
    before = state()
    shared = context() if context is not CONTEXTS["set_grad_enabled"] else ge.no_grad()
    with shared:
        once = state()
        with shared:
            pass
        assert state() == once
    assert state() == before
    wrong: list[Any] = []
    gate = threading.Barrier(4)

    def work(k: int) -> None:
        fresh = state()
        for _ in range(50):
            gate.wait()
            with shared:
                if k % 2:
                    gate.wait()
            if not k % 2:
                gate.wait()
            if state() != fresh:
                wrong.append(state())

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and state() == before


@ALL
def test_ends_in_another_order_are_refused_and_mended(context: Callable[[], Any]) -> None:
    before = state()
    outer, inner = context(), ge.enable_grad()
    outer.__enter__()
    inner.__enter__()
    with pytest.raises(ge.GraphError, match=r"ended before enable_grad\(\), which began inside it; end the last one"):
        outer.__exit__(None, None, None)
    inner.__exit__(None, None, None)
    assert state() == before


def test_a_suspended_generator_that_is_dropped_inside_another_block_does_no_harm() -> None:
    def steps() -> Iterator[int]:
        with ge.no_grad():
            yield 1

    running = steps()
    next(running)
    with ge.enable_grad(), pytest.raises(ge.GraphError, match="ended before"):
        running.close()
    assert ge.is_grad_enabled()


@ALL
def test_an_end_in_another_thread_is_refused(context: Callable[[], Any]) -> None:
    before, caught = state(), list[BaseException]()
    entered = context()

    def work() -> None:
        try:
            entered.__exit__(None, None, None)
        except ge.GraphError as error:
            caught.append(error)

    with entered:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert state() == before
    (error,) = caught
    assert "ended in another thread or task than it began in" in str(error)


def test_what_set_grad_enabled_changes_inside_a_scope_stays_until_it_is_changed_back() -> None:
    with ge.scope("a"):
        ge.set_grad_enabled(False)
    try:
        assert not ge.is_grad_enabled() and current_mode().watch is None
    finally:
        ge.set_grad_enabled(True)
    with ge.no_grad():
        ge.set_grad_enabled(True)
    assert ge.is_grad_enabled()


def test_new_threads_record_and_watch_nothing() -> None:
    found: list[tuple[Any, ...]] = []
    with ge.no_grad(), ge.scope("a"):
        thread = threading.Thread(target=lambda: found.append(state()))
        thread.start()
        thread.join()
    assert found == [(True, None, None)]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer that interrupts")
def test_interrupts_at_any_moment_leave_the_mode_as_it_was() -> None:
    """A timer interrupts blocks again and again; between them the mode is what it was before."""

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    x = leaf(1.0)
    _ = x * 2
    before, hits = signal.signal(signal.SIGALRM, interrupt), 0
    fresh = state()
    try:
        for k in range(200):
            try:
                signal.setitimer(signal.ITIMER_REAL, 1e-5 * (k % 20 + 1))
                for _ in range(50):
                    with ge.no_grad(), ge.scope("a"):
                        _ = x * 2
                signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                hits += 1
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            if state() != fresh:  # the interrupt came as __exit__ began, which Python code cannot guard against
                from grad_engine.core.grad_mode import put_mode

                put_mode(Mode(True, None, None, 0, None, None))
                hits -= 1
    finally:
        signal.signal(signal.SIGALRM, before)
    assert hits > 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_forked_while_a_thread_adds_to_a_leaf_does_not_hang() -> None:
    x = leaf(np.ones(200))
    done = threading.Event()

    def add() -> None:
        while not done.is_set():
            (x * x).sum().backward()

    adder = threading.Thread(target=add)
    adder.start()
    try:
        for _ in range(20):
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    y = leaf(2.0)
                    (y * y).backward()
                    (y * y).backward()  # adds to a gradient, for which there is a lock
                    z = ge.zeros(3)
                    view = z[1:]
                    z[0] = y * 2
                    code = 0 if y.grad.item() == 8.0 and view.shape == (2,) else 2
                finally:
                    os._exit(code)
            for _ in range(2000):
                found, status = os.waitpid(child, os.WNOHANG)
                if found:
                    break
                done.wait(0.005)
            else:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                pytest.fail("the child hung")
            assert os.waitstatus_to_exitcode(status) == 0
    finally:
        done.set()
        adder.join()


def test_switching_threads_often_keeps_modes_apart() -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    wrong: list[int] = []

    def work(k: int) -> None:
        x = leaf(1.0)
        for _ in range(300):
            with ge.no_grad() if k % 2 else ge.enable_grad():
                if (x * 2).requires_grad == bool(k % 2):
                    wrong.append(k)

    try:
        threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not wrong
