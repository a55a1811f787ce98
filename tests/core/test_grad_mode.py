"""Contexts that decide whether ops are recorded."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.core.tensor import Tensor
from tests.core.graphs import leaf


def test_no_grad_and_enable_grad() -> None:
    x = leaf(1.0)

    @ge.no_grad()
    def inside() -> Tensor:
        return x * 2

    @ge.no_grad
    def bare() -> Tensor:
        return x * 2

    assert not inside().requires_grad
    assert not bare().requires_grad
    with ge.no_grad():
        with ge.enable_grad():
            assert (x * 2).requires_grad
        assert not (x * 2).requires_grad
        assert not ge.is_grad_enabled()
    with ge.set_grad_enabled(False):
        assert not (x * 2).requires_grad
    ge.set_grad_enabled(False)
    try:
        assert not (x * 2).requires_grad
    finally:
        ge.set_grad_enabled(True)
    assert (x * 2).requires_grad
    assert not x.detach().requires_grad
    assert np.shares_memory(x.detach().data, x.data)


def test_no_grad_around_a_generator_ends_where_it_yields() -> None:
    x, seen = leaf(1.0), list[bool]()

    @ge.no_grad()
    def steps() -> Any:
        try:
            got = yield x * 2
            seen.append(ge.is_grad_enabled())
            try:
                yield got * x
            except ZeroDivisionError:
                yield ge.is_grad_enabled()
            return x * 3
        finally:
            seen.append(ge.is_grad_enabled())

    running = steps()
    assert not next(running).requires_grad and (x * 2).requires_grad
    assert not running.send(x).requires_grad and (x * 2).requires_grad
    assert running.throw(ZeroDivisionError()) is False
    with pytest.raises(StopIteration) as end:
        next(running)
    assert not end.value.value.requires_grad and seen == [False, False]
    other = steps()
    next(other)
    other.close()
    assert seen == [False] * 3 and ge.is_grad_enabled()

    async def later() -> Any:
        yield

    for given, words in ((later, "async generator later"), (3, "got int")):
        with pytest.raises(ge.ArgumentError, match=words):
            ge.no_grad()(given)


def test_set_grad_enabled_as_a_decorator_concerns_the_function_alone() -> None:
    @ge.set_grad_enabled(False)
    def inside() -> Tensor:
        return leaf(1.0) * 2

    assert ge.is_grad_enabled() and not inside().requires_grad and ge.is_grad_enabled()


def test_threads_do_not_disturb_one_another() -> None:
    def work(k: int, out: dict[int, float]) -> None:
        x = leaf(float(k))
        for _ in range(100):
            with ge.no_grad():
                assert not (x * 2).requires_grad
            x.zero_grad()
            (x * x * x).backward()
        out[k] = x.grad.item()

    out: dict[int, float] = {}
    threads = [threading.Thread(target=work, args=(k, out)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert out == {k: 3.0 * k * k for k in range(8)}
