"""Writes in place: which memory was written when, and what a tensor's history is afterwards."""

from __future__ import annotations

import math
import threading
import weakref
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from grad_engine.errors import InPlaceError, NotDifferentiableError, ShapeError
from grad_engine.node import Edge, GradAccum, Node, Output, next_age, node_of, place_of
from grad_engine.recording import MODE

if TYPE_CHECKING:
    from grad_engine.tensor import Tensor


class _Memory:
    """What is known of one piece of memory, as ages: its latest write, and each that changed what it depends on."""

    __slots__ = ("latest", "owner", "turns")

    def __init__(self, owner: weakref.ref[np.ndarray]) -> None:
        self.owner = owner
        self.latest = -1
        self.turns = array("q")


class _Writes:
    """When each piece of memory was written in place, as ages; memory shared by views has one entry.

    A call that writes nothing pays nothing, unless it takes a view of memory without history. Backward looks here only
    when `latest` is younger than the oldest node of its graph.
    """

    def __init__(self) -> None:
        self.latest = -1  # of all writes
        self.by_owner: dict[int, _Memory] = {}
        self.views: dict[int, list[weakref.ref[Tensor]]] = {}  # of memory without history, by the id of its owner
        self.noted, self.room = 0, 1024  # how many views are listed, and how many may be before dead ones are dropped
        self.lock = threading.Lock()  # memory may be shared between threads, whose graphs are not

    def stamp(self, array: np.ndarray, age: int, recorded: bool = False) -> None:
        """Note a write; `recorded` when from now on the memory depends on other leaves, or in another way."""
        owner = _owner(array)
        key = id(owner)
        memory = self.by_owner.get(key)
        if memory is None or memory.owner() is not owner:
            memory = self.by_owner[key] = _Memory(weakref.ref(owner, lambda _: self.by_owner.pop(key, None)))
        memory.latest = age
        if recorded:
            memory.turns.append(age)
        self.latest = age

    def latest_of(self, array: Any) -> int:
        """The age of the latest write to the memory of `array`; -1 where there was none."""
        memory = self._memory(_owner(array)) if type(array) is np.ndarray else None
        return -1 if memory is None else memory.latest

    def turned(self, array: Any, after: int, before: float = math.inf) -> int | None:
        """The age of a recorded write to the memory of `array` between two ages, if there was one."""
        memory = self._memory(_owner(array)) if type(array) is np.ndarray else None
        if memory is None:
            return None
        place = bisect_right(memory.turns, after)
        return memory.turns[place] if place < len(memory.turns) and memory.turns[place] < before else None

    def taken(self, view: Tensor, call: Callable[..., Tensor], args: tuple[Any, ...]) -> None:
        """Note a view of memory without history, and how to take it again should the memory get one."""
        view.again = call, args
        key = id(_owner(view.array))
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

    def follow(self, array: np.ndarray) -> None:
        """Give the views taken before the memory of `array` got its first history their part in it."""
        for ref in [*self.views.get(id(_owner(array)), ())]:
            view = ref()
            if view is not None and view.node is None and _owner(view.array) is _owner(array):
                call, args = view.again
                view.node = call(*args).node

    def _memory(self, owner: np.ndarray) -> _Memory | None:
        memory = self.by_owner.get(id(owner))
        return memory if memory is not None and memory.owner() is owner else None


WRITES = _Writes()


def _owner(array: np.ndarray) -> np.ndarray:
    """The array that owns the memory `array` shows."""
    while (base := array.base) is not None:
        if type(base) is not np.ndarray:  # what as_strided() made stands on something that holds the array
            base = getattr(base, "base", None)
            if type(base) is not np.ndarray:
                break
        array = base
    return array


def overwrite(target: Tensor, result: Tensor) -> Tensor:
    """`target` after its memory took the values of `result`, and with them the history of `result`.

    What is written into a part that was indexed from a tensor is written into that tensor.

    Raises InPlaceError for a leaf that requires grad (outside no_grad), for any other view of recorded memory and for
    read-only memory, ShapeError for another shape, NotDifferentiableError for a dtype that cannot be kept.
    """
    array, old = target.array, target.node
    if result.array.shape != array.shape:
        raise ShapeError(
            f"the result of shape {result.array.shape} does not fit in place into shape {array.shape}; "
            "write x = x + y instead of x += y"
        )
    if not np.can_cast(result.array.dtype, array.dtype, "same_kind"):
        raise NotDifferentiableError(
            f"a {result.array.dtype} result cannot be kept in place in a {array.dtype} tensor; "
            "write x = x + y instead of x += y"
        )
    recorded = MODE.record and (old is not None or result.node is not None)
    if recorded and type(old) is GradAccum:
        raise InPlaceError(
            "a leaf that requires grad was to be changed in place, which would lose its history; "
            "write y = x + 1 instead of x += 1, or do it inside no_grad()"
        )
    check_writable(target)
    if recorded and _looks_into_another(target):
        return _overwrite_part(target, result)
    array[...] = result.array
    if recorded:
        target.node = result.node
        _keep_retaining(old, result.node)
    WRITES.stamp(array, next_age() if result.node is None or not recorded else result.node.age, recorded)
    if recorded and old is None:
        WRITES.follow(array)
    return target


def _looks_into_another(target: Tensor) -> bool:
    """Whether the memory of `target` may be that of another tensor; some ops return a view of an array of their own."""
    array = target.array
    if array.base is None:
        return False
    node = node_of(target.node)
    if isinstance(node, Node) and node.out is not None:
        sources: Iterable[Any] = node.arrays
    elif node is None and hasattr(target, "again"):
        sources = (getattr(each, "array", each) for each in target.again[1])
    else:
        return True
    return any(type(each) is np.ndarray and each is not array and _owner(each) is _owner(array) for each in sources)


def _overwrite_part(target: Tensor, result: Tensor) -> Tensor:
    window = getattr(target, "window", None)
    if window is None:
        raise InPlaceError(
            "a view was to be changed in place while gradients are recorded, and the tensor it looks into would "
            "not know; index the tensor itself (x[0] = v), or clone() the view first"
        )
    old, (whole, key) = target.node, window
    whole[key] = result
    target.node = whole[key].node
    _keep_retaining(old, target.node)
    return target


def check_writable(target: Tensor) -> None:
    """Raise InPlaceError for read-only memory, and for a view whose base got another history after it was taken."""
    array = target.array
    if not array.flags.writeable:
        raise InPlaceError("a tensor in read-only memory was to be changed in place; change a clone() instead")
    if MODE.record and target.node is not None and WRITES.turned(array, target.node.age) is not None:
        raise InPlaceError(
            "a view was to be changed in place whose base had been changed in place after the view was taken; "
            "take the view again"
        )


def _keep_retaining(old: Edge, new: Edge) -> None:
    """Let retain_grad() of a tensor go on after it was changed in place."""
    retained = (old.extra or {}).get("retained") if isinstance(old, Node | Output) else None
    place = place_of(old)
    if retained and place in retained and isinstance(new, Node):
        new.extra = (new.extra or {}) | {"retained": {0: retained.pop(place)}}
