"""Contexts that are told of every op recorded inside them: where it belongs, which line called it, what it broke.

They nest in any order, end where their block ends, and concern the thread or asyncio task that entered them alone. What
they note lies in `Node.extra`, where a record finds it. Ops that record nothing, because no operand requires grad, are
not seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from grad_engine.core.caller import calling_frame, line_of
from grad_engine.core.grad_mode import Context, Mode, current_mode, put_mode
from grad_engine.core.names import name_of
from grad_engine.core.node import Extra, GradAccum, Node, next_sequence_nr
from grad_engine.core.tensor import Tensor, array_of
from grad_engine.errors import AnomalyError, ArgumentError

Runs = Callable[[Tensor, Any, Mapping[str, bool], Callable[..., None]], None]  # result, gradient, options, what runs it


@dataclass(frozen=True, slots=True)
class Watch:
    """What is told of every node inside the contexts of this file."""

    scope: str = ""
    source: bool = False
    anomaly: bool = False
    runs: Runs | None = None  # is handed each call of backward()

    def __call__(self, node: Node) -> None:
        frame = calling_frame() if self.source or self.anomaly else None
        line = None if frame is None else line_of(frame)
        if self.scope or line is not None:
            node.extra = extra = Extra()
            extra.scope, extra.call, extra.source = self.scope, current_mode().entry, line
        if self.anomaly:
            _check_result(node)

    def observers(self, seeds: Mapping[Any, Any]) -> tuple[Any, ...]:
        """Who looks at each share of a backward pass: nobody where the pass starts from a NaN."""
        return (_Inspection(),) if self.anomaly and all(map(_finite, seeds.values())) else ()


class _Watching(Context):
    """A context that changes one thing about what is noted."""

    field = "watch"

    def inside(self, outer: Mode) -> Mode:
        """The same with another watch."""
        watch = self.changed(outer.watch if isinstance(outer.watch, Watch) else Watch())
        return Mode(outer.record, watch, outer.differentiating, self.entry(outer), self, outer)

    def changed(self, watch: Watch) -> Watch:
        """The watch inside a block that begins with `watch`."""
        raise NotImplementedError

    def entry(self, outer: Mode) -> int:
        """The number of the entry of a scope that holds inside."""
        return outer.entry


class scope(_Watching):
    """A context, or a decorator, whose ops belong to the group `name` in records, trees and pictures.

    Inside another scope the names are joined: "layer0" within "encoder" is "encoder.layer0".
    """

    def __init__(self, name: str) -> None:
        if not isinstance(name, str) or not name:
            raise ArgumentError(f"a scope has a name, got {name!r}; write scope('encoder')")
        self.name = name

    def changed(self, watch: Watch) -> Watch:
        """The same with this scope joined to the one outside."""
        return replace(watch, scope=f"{watch.scope}.{self.name}" if watch.scope else self.name)

    def entry(self, outer: Mode) -> int:
        """A number of its own for each time the block is entered."""
        return next_sequence_nr()

    def __repr__(self) -> str:
        return f"scope({self.name!r})"


class record_source(_Watching):
    """A context, or a decorator, whose ops remember the line of the program that called them.

    The file is noted as it is seen from the current folder or from where it was imported, never as a full path.
    """

    def changed(self, watch: Watch) -> Watch:
        """The same with lines noted."""
        return replace(watch, source=True)


class handed_runs(_Watching):
    """A context in which each `x.backward(...)` becomes `runs(x, gradient, options, run)`.

    `run(**options)` then does it. The options are those of backward() by name: retain_graph, create_graph.
    """

    def __init__(self, runs: Runs) -> None:
        self.runs = runs

    def changed(self, watch: Watch) -> Watch:
        """The same with runs handed over."""
        return replace(watch, runs=self.runs)


class detect_anomaly(_Watching):
    """A context, or a decorator, in which the first NaN or infinity made out of finite numbers is an error.

    Forward, an op whose operands are all finite must give a finite result. In a backward run inside the context a
    finite gradient must give finite shares, and finite shares a finite sum. Raises AnomalyError, which names the op,
    the operand and the line that called the op (also for an error in backward, when the forward pass was inside the
    context too). Every value is looked at, so expect ops and backward to take about twice as long on large arrays.
    """

    def changed(self, watch: Watch) -> Watch:
        """The same with every value looked at."""
        return replace(watch, anomaly=True)


class set_detect_anomaly(detect_anomaly):
    """Check values (True), or do not (False), from now on, as inside detect_anomaly(); as a context, until its end.

    "From now on" is until the block ends in which it is called, such as one of no_grad(), and in this thread alone.
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self.anomaly = bool(mode) and check_nan
        self._before: Mode | None = current_mode()
        now = self._before
        watch: Watch | None = self.changed(now.watch if isinstance(now.watch, Watch) else Watch())
        if watch == Watch():
            watch = None  # nobody looks on, which is faster
        self._made = Mode(now.record, watch, now.differentiating, now.entry, now.context, now.outer)
        put_mode(self._made)

    def changed(self, watch: Watch) -> Watch:
        """The same with every value looked at, or none."""
        return replace(watch, anomaly=self.anomaly)

    def __enter__(self) -> None:
        if current_mode() is self._made and self._before is not None:
            put_mode(self._before)  # the block does it, and takes it back
        self._before = None
        super().__enter__()


class _Inspection:
    """Raises AnomalyError at the first share, or sum, of a backward pass that is not finite."""

    def ran(self, node: Node, g: Any) -> None:
        """Look at a complete gradient."""
        self.g = g
        if not _finite(g):
            raise AnomalyError(_broken_sum(node.name, g) + _recorded_at(node))

    def sent(self, node: Node, slot: int, edge: Any, raw: Any, share: Any, total: Any) -> None:
        """Look at a share, and at the sum of a leaf; that of a node is looked at when it is complete."""
        if not _finite(raw):
            raise AnomalyError(_broken_share(node, slot, raw, self.g))
        if type(edge) is GradAccum and not _finite(total):
            raise AnomalyError(_broken_sum("a leaf", total) + _recorded_at(node))


# --- NaN and infinities ---------------------------------------------------------------------------------------------


def _recorded_at(node: Node) -> str:
    extra = node.extra
    if extra is None or extra.source is None:
        return "; run the forward pass inside detect_anomaly() too, to see which line called the op"
    file, number, text = extra.source
    scope = f" (scope {extra.scope})" if extra.scope else ""
    return f"; the op was called at {file}:{number}{scope}: {text}"


def _finite(value: Any) -> bool:
    """Whether no number in `value` is NaN or infinite; what holds no numbers is finite."""
    value = array_of(value)
    if isinstance(value, np.ndarray | np.floating):
        return value.dtype.kind != "f" or bool(np.isfinite(value).all())
    if isinstance(value, float):
        return math.isfinite(value)
    return not isinstance(value, list | tuple) or all(map(_finite, value))


def _first(value: Any) -> tuple[tuple[int, ...], str, np.dtype]:
    """(index, "nan", "inf" or "-inf", dtype) of the first number in `value` that is not finite."""
    parts = value if isinstance(value, tuple) else (value,)
    broken = next(part for part in parts if not _finite(part))
    array = np.asarray(array_of(broken))
    index = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
    return index, str(float(array[index])), array.dtype


def _check_result(node: Node) -> None:
    """Raise AnomalyError when `node` made a NaN or an infinity out of finite operands and arguments."""
    if _finite(node.out) or not _finite(node.arrays) or not _finite(node.rest[: len(node.op.static)]):
        return
    index, kind, _ = _first(node.out)
    operands = [_operand(node, slot, index) for slot, array in enumerate(node.arrays) if array is not None]
    them = "it" if len(operands) == 1 else "them"
    remedy = (
        f"keep {them} where {node.op.name}() is finite: clip() {them}, or choose before the call, {_chosen(node, 0)}"
    )
    if kind != "nan" and any(map(_is_huge, node.arrays)):
        remedy = "what it read has grown until nothing larger fits: look for what multiplies it step by step"
    raise AnomalyError(
        f"{node.op.name}() made {kind}{_at(index)} out of finite {_listed(operands)}; {remedy}{_recorded_at(node)}"
    )


def _broken_sum(receiver: str, g: Any) -> str:
    _, kind, dtype = _first(g)
    return (
        f"the gradient that reached {receiver} is {kind}, though every share in it was finite: their sum is too large "
        f"for {dtype}, or a hook changed it"
    )


def _broken_share(node: Node, slot: int, share: Any, g: Any) -> str:
    index, kind, _ = _first(share)
    others = [_operand(node, k, index) for k, array in enumerate(node.arrays) if k != slot and array is not None]
    beside = f" (beside {_listed(others)})" if others else ""
    name, there = node.op.name, _there(node, array_of(g), index)
    if _is_huge(g):
        remedy = (
            f"the gradient has grown to {np.abs(array_of(g)).max():.3g} on its way here: look for what multiplies it "
            "step by step, or scale the loss down"
        )
    elif there == 0:
        remedy = (
            f"the gradient is 0 there, and 0 times a slope that is not finite is no number: choose the operand before "
            f"the op, {_chosen(node, slot)}, since a where() or a mask after it comes too late"
        )
    else:
        remedy = (
            f"keep it away from where {name}() has no finite slope: clip() it, or choose before the op, "
            f"{_chosen(node, slot)}"
        )
    return (
        f"{node.name} made {kind}{_at(index)} out of a finite gradient, in the share for its input "
        f"{_operand(node, slot, index)}{beside}; {remedy}{_recorded_at(node)}"
    )


def _chosen(node: Node, slot: int) -> str:
    """The call as it is safe: sqrt(where(ok, x, safe))."""
    names = node.op.parameters(len(node.arrays))
    return f"{node.op.name}({', '.join(f'where(ok, {n}, safe)' if k == slot else n for k, n in enumerate(names[:3]))})"


def _is_huge(value: Any) -> bool:
    """Whether a product of two such numbers may be too large for their type."""
    array = array_of(value)
    return (
        isinstance(array, np.ndarray | np.floating)
        and array.dtype.kind == "f"
        and array.size > 0
        and bool(np.abs(array).max() > np.sqrt(np.finfo(array.dtype).max))
    )


def _there(node: Node, array: Any, index: tuple[int, ...]) -> Any:
    """The number of `array` that went into place `index` of the result of an op by element; None where none did."""
    if not node.op.elementwise or not isinstance(array, np.ndarray) or array.ndim != len(index):
        return None
    place = tuple(0 if n == 1 else i for i, n in zip(index, array.shape, strict=True))
    return array[place] if all(i < n for i, n in zip(place, array.shape, strict=True)) else None


def _operand(node: Node, slot: int, index: tuple[int, ...]) -> str:
    """An operand in words: its number at the place of the trouble where the op goes by element, else its range."""
    name, array = node.op.parameters(len(node.arrays))[slot], node.arrays[slot]
    if not isinstance(array, np.ndarray):
        return f"{name} = {array}"
    called = name_of(array)
    label = name if called is None else f"{name} {called!r}"
    if not array.ndim:
        return f"{label} = {array:.6g}"
    if (there := _there(node, array, index)) is not None:
        return f"{label} (shape {array.shape}, {there:.6g} there)"
    span = f", from {array.min():.6g} to {array.max():.6g}" if array.size else ""
    return f"{label} (shape {array.shape}{span})"


def _at(index: tuple[int, ...]) -> str:
    return f" at {list(index)}" if index else ""


def _listed(parts: list[str]) -> str:
    return " and ".join(parts if len(parts) < 4 else [*parts[:3], f"{len(parts) - 3} others"]) or "arguments"
