"""Which memory was written in place, and when."""

from __future__ import annotations

import math
import os
import threading
import weakref
from array import array
from bisect import bisect_right
from collections.abc import Callable
from typing import Any

import numpy as np

from grad_engine.core.array_behavior import ArrayBehavior
from grad_engine.core.stand_ins import STAND_INS


class _Memory:
    """The writes to one piece of memory, as sequence numbers: the latest, and each that gave it another history."""

    __slots__ = ("latest", "owner", "recorded")

    def __init__(self, owner: weakref.ref[np.ndarray]) -> None:
        self.owner = owner
        self.latest = -1
        self.recorded = array("q")


class _Writes:
    """When each piece of memory was written in place, as sequence numbers; memory shared by views has one entry.

    A call that writes nothing pays nothing, unless it takes a view of memory without history. Backward looks here only
    when `latest` is younger than the oldest node of its graph.
    """

    def __init__(self) -> None:
        self.latest = -1  # of all writes
        self.by_owner: dict[int, _Memory] = {}
        self.views: dict[int, list[weakref.ref[Any]]] = {}  # of memory without history, by the id of its owner
        self.noted, self.room = 0, 1024  # how many views are listed, and how many may be before dead ones are dropped
        self.lock = threading.Lock()  # memory may be shared between threads, whose graphs are not

    def stamp(self, array: np.ndarray, number: int, recorded: bool = False) -> None:
        """Note a write; `recorded` where the memory has another history from now on."""
        owner = owner_of(array)
        key = id(owner)
        memory = self.by_owner.get(key)
        if memory is None or memory.owner() is not owner:
            memory = self.by_owner[key] = _Memory(weakref.ref(owner, lambda _: self.by_owner.pop(key, None)))
        memory.latest = number
        if recorded:
            memory.recorded.append(number)
        self.latest = number

    def cell(self, array: np.ndarray) -> _Memory:
        """The entry of the memory of `array`, for whoever stamps it often: it stays the same while the memory lives."""
        memory = self._memory(owner_of(array))
        if memory is None:
            latest = self.latest
            self.stamp(array, -1)
            self.latest = latest
            memory = self.by_owner[id(owner_of(array))]
        return memory

    def latest_of(self, array: Any) -> int:
        """The sequence number of the latest write to the memory of `array`; -1 where there was none."""
        memory = self._memory(owner_of(array)) if isinstance(array, np.ndarray) else None
        return -1 if memory is None else memory.latest

    def recorded_between(self, array: Any, after: int, before: float = math.inf) -> int | None:
        """The number of the first recorded write to the memory of `array` between two others, if there was one."""
        memory = self._memory(owner_of(array)) if isinstance(array, np.ndarray) else None
        if memory is None:
            return None
        place = bisect_right(memory.recorded, after)
        return memory.recorded[place] if place < len(memory.recorded) and memory.recorded[place] < before else None

    def add_view(self, view: Any, call: Callable[..., ArrayBehavior], args: tuple[Any, ...]) -> None:
        """Note a view of memory without history, and the call that made it, in case the memory gets a history."""
        view.again = call, args
        key = id(owner_of(view.array))
        with self.lock:
            views = self.views.get(key)
            if views is None:
                views = self.views[key] = []
            views.append(weakref.ref(view))
            self.noted += 1
            if self.noted > self.room:  # most views die young: what is dropped pays for the search
                alive = {key: [ref for ref in refs if ref() is not None] for key, refs in self.views.items()}
                self.views = {key: refs for key, refs in alive.items() if refs}
                self.noted = sum(map(len, self.views.values()))
                self.room = 2 * self.noted + 1024

    def connect_views(self, array: np.ndarray) -> None:
        """Connect views made before the first recorded write to the memory of `array` to the node of that write."""
        for ref in [*self.views.get(id(owner_of(array)), ())]:
            view = ref()
            if view is not None and view.node is None and owner_of(view.array) is owner_of(array):
                call, args = view.again
                view.node = call(*args).node

    def _memory(self, owner: np.ndarray) -> _Memory | None:
        memory = self.by_owner.get(id(owner))
        return memory if memory is not None and memory.owner() is owner else None

    def renew_lock(self) -> None:
        """In a forked child the thread that held the lock does not exist, and would never let go of it."""
        self.lock = threading.Lock()


WRITES = _Writes()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=WRITES.renew_lock)


def owner_of(array: np.ndarray) -> np.ndarray:
    """The array that owns the memory which `array` looks into."""
    while (base := array.base) is not None:
        if type(base) is not np.ndarray and type(base) not in STAND_INS:  # as_strided() stands on what holds the array
            base = getattr(base, "base", None)
            if type(base) is not np.ndarray:
                break
        array = base
    return array
