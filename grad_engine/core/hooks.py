"""Hooks: functions that see a gradient when it is complete, and may replace it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from grad_engine.core.broadcasting import cast
from grad_engine.core.grad_mode import GradMode
from grad_engine.core.node import Extra, GradAccum, Output, output_index_of
from grad_engine.core.retain_grad import extra_of
from grad_engine.core.tensor import Tensor, array_of, wrap
from grad_engine.errors import GraphError, ShapeError

Hook = Callable[..., Any]


class HookHandle:
    """What registering a hook returns; `remove()` takes the hook off again."""

    _next = itertools.count().__next__

    def __init__(self, hooks: dict[int, Hook], hook: Hook) -> None:
        self._hooks, self._key = hooks, HookHandle._next()
        hooks[self._key] = hook

    def remove(self) -> None:
        """Take the hook off; doing so twice is no error."""
        self._hooks.pop(self._key, None)


def register_hook(tensor: Tensor, hook: Callable[[Tensor], Tensor | None]) -> HookHandle:
    """A handle on `hook`, which is called with the complete gradient of `tensor` and may return another instead."""
    extra = extra_of(tensor)
    if extra.hooks is None:
        extra.hooks = {}
    return HookHandle(extra.hooks.setdefault(output_index_of(tensor.node), {}), hook)


def register_after_hook(leaf: Tensor, hook: Callable[[Tensor], None]) -> HookHandle:
    """A handle on `hook`, which is called with the new `.grad` of `leaf` after each backward."""
    if type(leaf.node) is not GradAccum:
        raise GraphError("only a leaf that requires grad accumulates; use register_hook() on the result of an op")
    extra = extra_of(leaf)
    if extra.after_hooks is None:
        extra.after_hooks = {}
    return HookHandle(extra.after_hooks, hook)


def hooked(edge: Any, g: Any) -> Any:
    """`g`, the complete gradient at `edge`, after the hooks there have seen and perhaps replaced it.

    Of a node with several outputs, `g` is a tuple; those that are None were not reached.
    """
    extra: Extra = edge.extra
    if not extra.hooks and not extra.retained:
        return g
    if type(g) is tuple:
        return tuple(None if part is None else hooked(Output(edge, i), part) for i, part in enumerate(g))
    index = output_index_of(edge)
    recorded = type(g) is Tensor
    if extra.hooks and (hooks := [*extra.hooks.get(index, {}).values()]):
        with GradMode(recorded):
            for hook in hooks:  # each gets a copy, since the array may be on its way to others; a hook may change it
                seen = _copy(g)
                answer = hook(seen)
                g = _answered(seen if answer is None else answer, g)
    if extra.retained and index in extra.retained:
        before = extra.retained[index]
        extra.retained[index] = _copy(g) if before is None else before + _copy(g)
    return g


def run_after_hooks(leaf: GradAccum, recorded: bool) -> None:
    """Call the hooks that wait for a new `.grad` of this leaf."""
    if leaf.extra is not None and leaf.extra.after_hooks:
        with GradMode(recorded):
            for hook in [*leaf.extra.after_hooks.values()]:
                hook(leaf.grad)


def _copy(g: Any) -> Tensor:
    """`g` as a tensor in memory of its own, with its history where it has one."""
    return wrap(np.array(array_of(g)), g.node if type(g) is Tensor else None)


def _answered(answer: Any, g: Any) -> Any:
    """What a hook returned in place of `g`, in its dtype, and not in memory that the hook may have kept."""
    array = array_of(answer)
    if not isinstance(array, np.ndarray | np.generic) or array.shape != g.shape or array.dtype.kind != "f":
        got = f"{array.dtype} of shape {array.shape}" if isinstance(array, np.ndarray | np.generic) else repr(answer)
        raise ShapeError(f"a hook must return None or a gradient of shape {g.shape} and {g.dtype}, got {got}")
    if type(g) is not Tensor:
        return np.array(array, g.dtype)
    tensor = answer if type(answer) is Tensor else wrap(np.array(array), None)
    return tensor if array.dtype == g.dtype else cast(tensor, g.dtype)
