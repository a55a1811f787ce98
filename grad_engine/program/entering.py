"""How a trace enters NumPy and the engine: what is swapped while it runs, and put back afterwards.

np.asarray() and np.array() would ask a stand-in for its numbers, and np.zeros() would make an array into which no
stand-in can be written. The rules of ops are called by the chain rule, which knows nothing of traces. So these few
functions are swapped while a function is traced. Threads that trace nothing get from them what they got before.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import numpy as np
from numpy import ndarray

from grad_engine.core import call, fast_call
from grad_engine.core.caller import INSIDE
from grad_engine.core.op import OPS, Op
from grad_engine.core.stand_ins import STAND_INS as ENGINE_STAND_INS
from grad_engine.core.stand_ins import TRACING
from grad_engine.core.tensor import Tensor
from grad_engine.program import array_methods, generators, operators
from grad_engine.program.steps import leaves, mapped
from grad_engine.program.trace import OPS_FOLDER, STAND_INS, Trace, name_value
from grad_engine.program.traced import Traced

ONE_TRACE = threading.RLock()  # one trace at a time: what it swaps belongs to the process
_asarray, _array = np.asarray, np.array
_CREATING = (
    "zeros", "ones", "empty", "full", "arange", "linspace", "eye", "identity", "zeros_like", "ones_like", "empty_like",
    "full_like",
)  # fmt: skip
ENGINE_STAND_INS.update(STAND_INS)
_MET = (array_methods, operators)  # importing them gave the stand-ins their methods and operators


@contextmanager
def tracing(trace: Trace) -> Iterator[Trace]:
    """A context in which this thread's NumPy calls on stand-ins are noted in `trace`."""
    swapped: list[tuple[Any, str, Any]] = []

    def swap(holder: Any, name: str, value: Any) -> None:
        swapped.append((holder, name, getattr(holder, name)))
        object.__setattr__(holder, name, value) if isinstance(holder, Op) else setattr(holder, name, value)

    with ONE_TRACE:
        swap(np, "asarray", _asarray_or_stand_in)
        swap(np, "array", _array_or_stand_in)
        swap(call, "asarray", _asarray_or_stand_in)
        swap(fast_call, "asarray", _asarray_or_stand_in)
        for name in _CREATING:
            swap(np, name, _creating(getattr(np, name)))
        swap(np.random, "default_rng", generators.traced_default_rng(np.random.default_rng))
        for op in OPS.values():
            if op.joint is not None:
                swap(op, "joint", _rule(op, op.joint))
            elif any(op.rules):
                swap(op, "rules", tuple(rule and _rule(op, rule, slot) for slot, rule in enumerate(op.rules)))
        before, TRACING.trace = TRACING.trace, trace
        try:
            yield trace
        finally:
            TRACING.trace = before
            for holder, name, value in reversed(swapped):
                object.__setattr__(holder, name, value) if isinstance(holder, Op) else setattr(holder, name, value)


def _asarray_or_stand_in(a: Any, dtype: Any = None, *args: Any, **named: Any) -> Any:
    if TRACING.trace is None or not _holds_stand_in(a):
        return _asarray(a, dtype, *args, **named)
    if type(a) is Traced:
        return a if dtype is None else a.astype(dtype, copy=False)
    return _gathered(a, dtype)


def _array_or_stand_in(a: Any, dtype: Any = None, *args: Any, **named: Any) -> Any:
    if TRACING.trace is None or not _holds_stand_in(a):
        return _array(a, dtype, *args, **named)
    if type(a) is Traced:
        return a.copy() if dtype is None else a.astype(dtype)
    return _gathered(a, dtype)


def _holds_stand_in(a: Any) -> bool:
    kind = type(a)
    if kind is Traced or kind in STAND_INS:
        return True
    return kind in (list, tuple) and any(type(leaf) in STAND_INS for leaf in leaves(a))


def _gathered(a: Any, dtype: Any) -> Any:
    """An array of nested lists in which stand-ins are, or of a stand-in for a Python number."""
    made: Any
    if isinstance(a, list | tuple):
        if any(type(leaf) is Tensor for leaf in leaves(a)):
            return _array(a, dtype)  # the engine's own error
        made = np.stack([_gathered(part, None) for part in a])
    elif type(a) is Traced:
        made = a
    elif type(a) in STAND_INS:
        made = np.positive(a, dtype=np.dtype(a.current.number))
    else:
        made = _asarray(a)
    return made if dtype is None else made.astype(dtype)


def _creating(create: Callable[..., ndarray]) -> Callable[..., Any]:
    """np.zeros() and its like: what they make is a stand-in for a constant, into which traced values can be written."""

    def created(*args: Any, **named: Any) -> Any:
        made = create(*args, **named)
        trace = TRACING.trace
        if trace is None or type(made) is not ndarray or made.dtype.kind not in "fiub" or _is_kept(sys._getframe(1)):
            return made
        return trace.stand_in(trace.const(made))

    return created


def _is_kept(frame: FrameType | None) -> bool:
    """Whether the engine may keep an array beyond the call that makes it: in a cached function, or in an object."""
    if frame is None or not frame.f_code.co_filename.startswith(INSIDE):
        return False
    if not frame.f_code.co_filename.startswith(OPS_FOLDER):
        return True
    while frame is not None and frame.f_code.co_filename.startswith(OPS_FOLDER):
        name = frame.f_code.co_name
        if name == "__init__" or hasattr(frame.f_globals.get(name), "cache_info"):
            return True
        frame = frame.f_back
    return False


def _rule(op: Op, rule: Callable[..., Any], slot: int | None = None) -> Callable[..., Any]:
    """`rule`, whose steps belong to the line of the forward call, and which becomes one step where it refuses."""

    def run(g: Any, out: Any, *args: Any, **named: Any) -> Any:
        trace = TRACING.trace
        if trace is None:
            return rule(g, out, *args, **named)
        before, trace.line = trace.line, _line_of(out) or trace.line
        g = mapped(_writable, g)
        _name_gradient(g, out)
        try:
            share = rule(g, out, *args, **named)
        except Exception:
            share = trace.call_whole(f"gradient of {op.name}", rule, (g, out, *args), named)
            if share is None:
                raise
        finally:
            trace.line = before
        if slot is not None and not op.variadic:
            _name_gradient(share, args[slot])
        return share

    return run


def _writable(g: Any) -> Any:
    """A gradient that is the same at each run as a stand-in too: rules write into what they compute from it."""
    return TRACING.trace.stand_in(TRACING.trace.const(g)) if type(g) is ndarray else g


def _line_of(out: Any) -> tuple[str, int] | None:
    value = out._value if type(out) is Traced else None
    return value.step.line if value is not None and value.step is not None else None


def _name_gradient(g: Any, of: Any) -> None:
    """Call the gradient of a value that has a name after it."""
    if type(g) is Traced and type(of) is Traced and g.shape == of.shape:
        name = of._value.name
        if name is not None and not name.startswith("g_"):
            name_value(f"g_{name}", g)
