"""How a trace enters the engine: what is swapped while it runs, and put back afterwards.

The modules of the engine see NumPy as traced code does (traced_numpy.py), and rules, which the chain rule calls without
knowing of traces, note their steps. Threads that trace nothing get from all of this what they got before.
"""

from __future__ import annotations

import functools
import gc
import math
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy import ndarray

from grad_engine import jacobians
from grad_engine.core import broadcasting, call, chain_rule, fast_call, fast_pass
from grad_engine.core.node import GradAccum
from grad_engine.core.op import OPS, Op
from grad_engine.core.stand_ins import STAND_INS as ENGINE_STAND_INS
from grad_engine.core.stand_ins import TRACING
from grad_engine.core.tensor import Tensor
from grad_engine.program import tensor_methods, traced_math, traced_numpy
from grad_engine.program.gradients import name_matrix, name_product, note_share
from grad_engine.program.refused import SWAPPED
from grad_engine.program.steps import AlongLine, BackwardLine, mapped
from grad_engine.program.trace import STAND_INS, Trace
from grad_engine.program.traced import Traced

ONE_TRACE = threading.RLock()  # one trace at a time: what it swaps belongs to the process
ENGINE_STAND_INS.update(STAND_INS)
_MET = tensor_methods  # importing them gave the stand-ins their methods and operators


@contextmanager
def collection_paused() -> Iterator[None]:
    """A context without garbage collection: a trace makes thousands of small objects that stay (a quarter of its time).

    record/collector.py does the same for records, which know nothing of programs.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def tracing(trace: Trace) -> Iterator[Trace]:
    """A context in which this thread's NumPy calls on stand-ins are noted in `trace`."""
    with ONE_TRACE:
        modules, noting = _looking_at(len(sys.modules)), _noting(len(OPS))
        changes = (*SWAPPED, *_IN_CORE, (GradAccum, "grad", _grad_watched(trace)))
        swapped = [(holder, name, getattr(holder, name), made) for holder, name, made in changes]
        for module, name, _, made in modules:
            setattr(module, name, made)
        for holder, name, _, made in swapped:
            setattr(holder, name, made)
        for op, name, _, made in noting:
            object.__setattr__(op, name, made)  # an Op is frozen
        before, TRACING.trace = TRACING.trace, trace
        try:
            yield trace
        finally:
            TRACING.trace = before
            for op, name, rules, _ in noting:
                object.__setattr__(op, name, rules)
            for holder, name, held, _ in reversed(swapped):
                setattr(holder, name, held)
            for module, name, held, _ in modules:
                setattr(module, name, held)


def _grad_watched(trace: Trace) -> Any:
    """The attribute .grad of leaves, which notes whether this thread reads it before it writes it.

    What zero_grad() writes first need not be as it was in the trace: None there, and an array from the second step on.
    """
    met, thread, ident = trace.grads_read, trace.thread, threading.get_ident
    attribute = vars(GradAccum)["grad"]

    def read(leaf: GradAccum) -> Any:
        if ident() == thread:
            met.setdefault(id(leaf), True)
        return attribute.__get__(leaf)

    def write(leaf: GradAccum, value: Any) -> None:
        if ident() == thread:
            met.setdefault(id(leaf), False)
        attribute.__set__(leaf, value)

    return property(read, write)


@functools.lru_cache(maxsize=1)
def _looking_at(modules: int) -> list[tuple[Any, str, Any, Any]]:
    """What modules of the engine hold as NumPy and math: (module, name, what it is, what it is in a trace).

    modules: how many there are in all.
    """
    return [
        (module, name, held, made)
        for module in [*sys.modules.values()]
        if getattr(module, "__name__", "").startswith("grad_engine.")
        for name, held, made in (("np", np, traced_numpy.NUMPY), ("math", math, traced_math.MATH))
        if vars(module).get(name) is held and not module.__name__.startswith("grad_engine.program.traced_math")
    ]


@functools.lru_cache(maxsize=1)
def _noting(ops: int) -> list[tuple[Op, str, Any, Any]]:
    """The rules of ops: (op, attribute, what it is, what it is in a trace)."""
    found: list[tuple[Op, str, Any, Any]] = []
    for op in OPS.values():
        if op.joint is not None:
            found.append((op, "joint", op.joint, _rule(op, op.joint)))
        elif any(op.rules):
            noting = tuple(rule and _rule(op, rule, slot) for slot, rule in enumerate(op.rules))
            found.append((op, "rules", op.rules, noting))
    return found


def _rule(op: Op, rule: Callable[..., Any], slot: int | None = None) -> Callable[..., Any]:
    """`rule`, whose steps belong to the line of the forward call, and which becomes one step where it refuses."""

    def run(g: Any, out: Any, *args: Any, **named: Any) -> Any:
        trace = TRACING.trace
        if trace is None:
            return rule(g, out, *args, **named)
        before, trace.line = trace.line, _line_of(out) or trace.line
        g = mapped(_writable, g)
        note_share(g, out)
        try:
            share = rule(g, out, *args, **named)
        except Exception:
            share = trace.call_whole(f"gradient of {op.name}", rule, (g, out, *args), named)
            if share is None:
                raise
        finally:
            trace.rule_line, trace.line = trace.line, before
        if slot is not None and not op.variadic:
            note_share(share, args[slot])
        elif slot is None and isinstance(share, list):
            for each, of in zip(share, args[0] if op.variadic and args else args, strict=False):
                note_share(each, of)
        return mapped(_writable, share)

    return run


def _operand_as_it_is(value: Any) -> Any:
    """An operand of an op, whose node keeps its numbers as they are now."""
    made = call.operand(value)
    return made.as_it_is() if type(value) is Traced else made


_IN_CORE: list[tuple[Any, str, Any]] = [
    (call, "asarray", traced_numpy.asarray), (fast_call, "asarray", traced_numpy.asarray),
    (fast_call, "operand_of_two", _operand_as_it_is),
]  # fmt: skip


def _writable(g: Any) -> Any:
    """A gradient that is the same at each run as a stand-in too: rules write into what they compute from it, and sums
    grow in place."""
    return TRACING.trace.stand_in(TRACING.trace.const(g)) if type(g) is ndarray else g


def _line_of(out: Any) -> tuple[str, int] | None:
    array = out.array if type(out) is Tensor else out
    value = array._value if type(array) is Traced else None
    line = value.step.line if value is not None and value.step is not None else None
    return None if line is None else (AlongLine if isinstance(line, BackwardLine) else BackwardLine)(line)


def _fitted(share: Any, array: Any) -> Any:
    """A share in the shape of its operand, of which it is noted to be the gradient, or a part of it."""
    made = broadcasting.fitted(share, array)
    if TRACING.trace is not None:
        note_share(made, array)
    return made


def _blocks(ys: Sequence[Any], xs: Sequence[Any], *options: Any) -> list[list[Any]]:
    """The derivatives of all ys by all xs, with names."""
    found = _plain_blocks(ys, xs, *options)
    if TRACING.trace is not None:
        for y, row in zip(ys, found, strict=True):
            for x, block in zip(xs, row, strict=True):
                name_matrix(y, x, block, len(xs) > 1)
    return found


def _pulled(ys: Sequence[Any], xs: Sequence[Any], weights: Sequence[Any], *options: Any, **named: Any) -> list[Any]:
    """The gradient of weighted ys by all xs, with names where it is a product of a matrix with a vector."""
    found = _plain_pulled(ys, xs, weights, *options, **named)
    if TRACING.trace is not None:
        name_product(ys, xs, found)
    return found


_plain_blocks, _plain_pulled = jacobians.blocks, jacobians.pulled
_IN_CORE += [(jacobians, "blocks", _blocks), (jacobians, "pulled", _pulled)]
_IN_CORE += [(module, "fitted", _fitted) for module in (fast_pass, chain_rule, jacobians)]
