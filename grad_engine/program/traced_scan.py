"""scan() while a function is traced: the body is traced once, and its gradient is a loop the other way round."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from grad_engine.checkpointing import reroute
from grad_engine.core.chain_rule import newest_first, pull_back
from grad_engine.core.grad_mode import current_mode
from grad_engine.core.node import Edge, GeneralNode, GradAccum, Node, Output, next_sequence_nr
from grad_engine.core.op import Op
from grad_engine.core.stand_ins import TRACING
from grad_engine.core.tensor import Tensor, array_of, wrap
from grad_engine.errors import TraceError
from grad_engine.functional import grad
from grad_engine.ops.arithmetic import positive
from grad_engine.program.gradients import find_gradients, note_share
from grad_engine.program.loop import Loop
from grad_engine.program.rounds import check_carry, looped, one_round
from grad_engine.program.steps import LOOP, NO_NAMED, UFUNC, BackwardLine, Program, Step, Value
from grad_engine.program.trace import Trace
from grad_engine.pytree import Structure, taken_apart


class TracedScan:
    """One call of scan() while a function is traced."""

    def __init__(
        self, body: Callable[..., Any], carry: Any, leaves: Sequence[Any], structure: Structure, length: int,
        reverse: bool,
    ) -> None:  # fmt: skip
        self.body, self.length, self.reverse, self.structure = body, length, reverse, structure
        self.carry, self.carry_structure = taken_apart(carry)
        self.xs = list(leaves)

    def noted(self, trace: Trace) -> tuple[Any, Any]:
        """The result, after the loop was noted in the trace."""
        carry, xs = [*map(_operand, self.carry)], [*map(_operand, self.xs)]
        tensors = [type(leaf) is Tensor for leaf in self.carry]
        while True:  # a carry that starts as an array may be a tensor from the second round on
            body = _Body(self, trace, carry, xs, tensors)
            found = [type(leaf) is Tensor for leaf in body.new]
            if not any(now and not before for now, before in zip(found, tensors, strict=True)):
                break
            tensors = [now or before for now, before in zip(found, tensors, strict=True)]
        same = [stand_in for stand_in, _ in body.inner.captured.values()]
        inputs = [*body.carry, *body.rows, *(value for _, value in body.inner.captured.values())]
        program = Program("body", inputs, body.steps, body.outputs)
        loop = Loop(program, self.length, len(carry), len(xs), self.reverse, saves=body.back is not None)
        trace.has_loops = True
        arrays = [np.asarray(part) for part in trace.record(LOOP, loop, (*carry, *xs, *same))]
        count = len(body.outputs)
        if body.back is not None:
            results = self._with_history(body, program, arrays, carry, xs, same)
        else:
            leaves = [*body.new, *body.ys]
            results = [wrap(a, None) if type(t) is Tensor else a for a, t in zip(arrays, leaves, strict=False)]
        return (
            self.carry_structure.with_leaves(results[: len(body.new)]),
            body.y_structure.with_leaves(results[len(body.new) : count]),
        )

    def _with_history(
        self, body: _Body, program: Program, arrays: list[Any], carry: list[Any], xs: list[Any], same: list[Any]
    ) -> list[Any]:
        """The results as tensors of one node, whose rule is the loop of the gradient."""
        back, count = body.back, len(body.outputs)
        assert back is not None
        operands = [*self.carry, *self.xs]
        edges = [leaf.node if type(leaf) is Tensor else None for leaf in operands] + back.edges
        values = [*carry, *xs, *(body.captured[edge] for edge in back.edges)]
        rule = back.rule(self, body, program, arrays[count:], carry, xs, same)
        out = tuple(arrays[:count])
        node = GeneralNode(_scan_op(len(values), rule), out, tuple(values), tuple(edges), ())
        return [wrap(a, Output(node, i) if a.dtype.kind == "f" else None) for i, a in enumerate(out)]


class _Body:
    """One round of the body, traced: its steps, what it returned, and the chain rule through it.

    tensors: which parts of the carry are tensors.
    """

    def __init__(self, scan: TracedScan, trace: Trace, carry: list[Any], xs: list[Any], tensors: list[bool]) -> None:
        self.captured: dict[Edge, Any] = {}  # where a gradient goes outside of the body -> the array there
        self.inner = inner = Trace(trace)
        inner.held, self.line = trace.held, trace.place()
        names = _parameters(scan.body)
        self.carry = [Value(_now(leaf), name) for leaf, name in _named(carry, names[0])]
        self.rows = [Value(np.asarray(_now(leaf))[0], name) for leaf, name in _named(xs, names[1])]
        inner.unpacked = {value for values in (self.carry, self.rows) if len(values) > 1 for value in values}
        TRACING.trace = inner
        try:
            start = next_sequence_nr()
            given: list[Any] = [
                self._tensor(value, True) if tensor else inner.stand_in(value)
                for value, tensor in zip(self.carry, tensors, strict=True)
            ]
            taken = [
                self._tensor(value, leaf.node is not None) if type(leaf) is Tensor else inner.stand_in(value)
                for value, leaf in zip(self.rows, scan.xs, strict=True)
            ]
            result, y = one_round(scan.body, scan.carry_structure.with_leaves(given), scan.structure.with_leaves(taken))
            check_carry([value.shape for value in self.carry], result)
            self.new, _ = taken_apart(result)
            self.ys, self.y_structure = taken_apart(y)
            self.outputs = [self._output(leaf, value) for leaf, value in zip(self.new, self.carry, strict=True)]
            self.outputs += [inner.value_of(_operand(leaf)) for leaf in self.ys]
            self.steps = list(inner.steps)
            self.back = self._backward(start, [*given, *taken], [*self.new, *self.ys])
        finally:
            TRACING.trace = trace
        trace.reasons.update(inner.reasons)

    def _tensor(self, value: Value, with_grad: bool) -> Tensor:
        return wrap(self.inner.stand_in(value), GradAccum() if with_grad and value.dtype.kind == "f" else None)

    def _output(self, leaf: Any, value: Value) -> Any:
        found = self.inner.value_of(_operand(leaf))
        if found.dtype != value.dtype:
            raise TraceError(
                f"the body of scan() was given a carry of {value.dtype} and returned {found.dtype}; start with an "
                f"array of {found.dtype}"
            )
        return found

    def _backward(self, start: int, leaves: list[Any], outs: list[Any]) -> _Backward | None:
        """The chain rule through one round, noted in the body's trace; None where no gradient flows."""
        inner = self.inner
        roots = [out for out in outs if type(out) is Tensor and out.node is not None]
        if not roots or not current_mode().record:
            return None
        stops = self._stops([out.node for out in roots], start, leaves)
        targets = [leaf.node if type(leaf) is Tensor else None for leaf in leaves]
        if not stops and all(target is None for target in targets):
            return None
        seeds: dict[Any, Any] = {}
        gs: list[Value | None] = []
        inner.line = BackwardLine(self.line) if self.line else None
        for out in outs:
            if type(out) is not Tensor or out.node is None:
                gs.append(None)
                continue
            held = _now_value(out.array)
            name = self.carry[len(gs)].name if len(gs) < len(self.carry) else held.name
            seed = Value(held.now, f"g_{name or 'y'}")
            gs.append(seed)
            edge = stops.get(out.node, out.node)
            share = inner.stand_in(seed)
            seeds[edge] = seeds[edge] + share if edge in seeds else share
        inner.line = None
        wanted = [target for target in targets if target is not None] + list(stops.values())
        found = pull_back(seeds, wanted)
        shares = [None if target is None else found.get(target) for target in targets]
        shares += [found.get(stop) for stop in stops.values()]
        values = [None if share is None else inner.value_of(np.asarray(share)) for share in shares]
        find_gradients(inner.steps, inner.shares, inner.rows)
        return _Backward(list(inner.steps), gs, values, list(stops))

    def _stops(self, edges: list[Edge], start: int, leaves: list[Any]) -> dict[Edge, GradAccum]:
        """A leaf in the place of each node outside of the body that the body reads."""
        own = {leaf.node for leaf in leaves if type(leaf) is Tensor}
        stops: dict[Edge, GradAccum] = {}
        pending = [edge for edge in edges if edge is not None]
        seen: set[Any] = set()
        while pending:
            edge: Any = pending.pop()
            node: Any = edge.node if type(edge) is Output else edge
            if not isinstance(node, Node) or node in seen or node.sequence_nr < start:
                continue
            seen.add(node)
            for edge, array in zip(node.edges, node.arrays, strict=True):
                if edge is None or edge in own:
                    continue
                if edge.sequence_nr < start and edge not in stops:
                    stops[edge] = GradAccum()
                    self.captured[edge] = array
                pending.append(edge)
        for node in seen:
            reroute(node, stops)
        return stops


class _Backward:
    """One round of the gradient: its steps, the gradients that arrive, and the share of each input."""

    def __init__(self, steps: list[Any], gs: list[Value | None], shares: list[Any], edges: list[Edge]) -> None:
        self.steps, self.gs, self.shares, self.edges = steps, gs, shares, edges

    def rule(
        self, scan: TracedScan, once: _Body, program: Program, saved: list[Any], carry: list[Any], xs: list[Any],
        same: list[Any],
    ) -> Callable[..., Any]:  # fmt: skip
        """The joint rule of the node: (g, out, *operands, wanted) -> shares."""
        carried, count = len(carry), len(once.outputs)
        sums = self.shares[carried + len(xs) :]

        def run(g: Any, out: Any, *operands: Any, wanted: Sequence[bool]) -> list[Any]:
            if any(type(each) is Tensor for each in (*g, *operands)):
                return _twice(scan, once.captured, g, operands, self.edges, wanted)
            trace = TRACING.trace
            before, trace.line = trace.line, BackwardLine(once.line) if once.line else trace.line
            inputs, outputs, given = [], [], []
            for place in range(carried):  # the gradient of the carry goes from round to round
                seed = self.gs[place] or Value(_now(carry[place]), f"g_{once.carry[place].name}")
                inputs.append(seed)
                outputs.append(self.shares[place])
                given.append(np.zeros_like(carry[place]) if g[place] is None else g[place])
            totals, adding = [], []
            for value, captured in zip(sums, operands[carried + len(xs) :], strict=True):
                if value is not None:
                    name = _now_value(captured).name
                    total = Value.alike(value, name=f"total_g_{name}" if name else "total_g")
                    totals.append(total)
                    adding.append(value)
            body, ends = _summed(list(self.steps), totals, adding)
            starts = [np.zeros(total.shape, total.dtype) for total in totals]
            ys = [place for place in range(carried, count) if self.gs[place] is not None]
            rows = [*program.inputs[:carried], *program.inputs[carried : carried + len(xs)]]
            rows += [seed_of for place in ys if (seed_of := self.gs[place]) is not None]
            lines = [*saved, *xs, *(np.zeros_like(out[p]) if g[p] is None else g[p] for p in ys)]
            x_shares = self.shares[carried : carried + len(xs)]
            stacked = [share for share in x_shares if share is not None]
            zero = [_zero(each) if share is None else share for each, share in zip(inputs, outputs, strict=True)]
            back = Program(
                "gradient", [*inputs, *totals, *rows, *program.inputs[carried + len(xs) :]], body,
                [*zero, *ends, *stacked],
            )  # fmt: skip
            loop = Loop(back, scan.length, carried + len(totals), len(rows), not scan.reverse)
            made = list(trace.record(LOOP, loop, (*given, *starts, *lines, *same)))
            found: list[Any] = made[:carried]
            rest = iter(made[carried + len(totals) :])
            found += [None if share is None else next(rest) for share in x_shares]
            ending = iter(made[carried : carried + len(totals)])
            found += [None if value is None else next(ending) for value in sums]
            for share, of in zip(found, operands, strict=True):
                note_share(share, of)
            trace.line = before
            return [share if want else None for share, want in zip(found, wanted, strict=True)]

        return run


def _zero(like: Value) -> Value:
    data = np.zeros(like.shape, like.dtype)
    return Value(data, data=data)


def _summed(steps: list[Any], totals: list[Value], adding: list[Value]) -> tuple[list[Any], list[Value]]:
    """The steps, and those that add what is captured in each round to its total."""
    ends = []
    for total, share in zip(totals, adding, strict=True):
        end = Value.alike(total)
        end.step = Step(UFUNC, np.add, (total, share), NO_NAMED, [end], False)  # `total +=` in the text
        steps.append(end.step)
        ends.append(end)
    return steps, ends


def _twice(
    scan: TracedScan, captured: dict[Edge, Any], g: Sequence[Any], operands: Sequence[Any], edges: Sequence[Edge],
    wanted: Sequence[bool],
) -> list[Any]:  # fmt: skip
    """The shares of a gradient that is differentiated itself: through the rounds one by one.

    An operand may be computed from another, or from what the body captures: its share goes through the graph outside.
    So each is the result of an op of its own here.
    """
    apart = [positive(each) if type(each) is Tensor and each.node is not None else each for each in operands]
    outside = [positive(wrap(captured[edge], edge)) for edge in edges]
    instead = {edge: tensor.node for edge, tensor in zip(edges, outside, strict=True)}
    start = next_sequence_nr()
    carry, xs = apart[: len(scan.carry)], apart[len(scan.carry) : len(scan.carry) + len(scan.xs)]
    result, y = looped(
        scan.body, scan.carry_structure.with_leaves(carry), list(xs), scan.structure, scan.length, scan.reverse
    )
    outs = [*taken_apart(result)[0], *taken_apart(y)[0]]
    for node in newest_first([out.node for out in outs if type(out) is Tensor and out.node is not None]):
        if node.sequence_nr > start:
            reroute(node, instead)
    pairs = [(out, each) for out, each in zip(outs, g, strict=True) if each is not None and type(out) is Tensor]
    inside = [each if type(each) is Tensor else None for each in (*carry, *xs)]
    targets = [each for each, want in zip([*inside, *outside], wanted, strict=True) if want]
    found = iter(grad([o for o, _ in pairs], targets, [e for _, e in pairs], create_graph=True, allow_unused=True))
    return [next(found) if want else None for want in wanted]


def _scan_op(count: int, rule: Callable[..., Any]) -> Op:
    inputs = tuple(f"xs[{i}]" for i in range(count))
    return Op(
        name="scan", label="ScanBackward", forward=looped, inputs=inputs, required=count, static={}, saves=(),
        rules=(None,) * count, joint=rule, multi_output=True, symbol="↻", category="function",
        summary="A loop that carries a value from round to round.", head="scan",
        described=dict.fromkeys(inputs, "{g} pulled back through the rounds, from the last to the first"),
        described_reads=frozenset(inputs),
    )  # fmt: skip


def _operand(leaf: Any) -> Any:
    """An array or a stand-in; numbers are arrays of shape ()."""
    return np.asarray(array_of(leaf))


def _parameters(body: Callable[..., Any]) -> tuple[str, str]:
    """What the body calls what is carried and a row; "carry" and "x" where it does not say."""
    try:
        names = [each.name for each in inspect.signature(body).parameters.values()]
    except (TypeError, ValueError):
        names = []
    carry, x = names if len(names) == 2 else ("carry", "x")
    return ("carry" if carry.startswith("_") else carry), ("x" if x.startswith("_") else x)


def _named(leaves: Sequence[Any], name: str) -> list[tuple[Any, str]]:
    return [(leaf, name if len(leaves) == 1 else f"{name}_{number}") for number, leaf in enumerate(leaves)]


def _now_value(array: Any) -> Any:
    """The value that a stand-in stands for; of a constant array, a value with its numbers."""
    current = getattr(array, "current", None)
    return Value(array) if current is None else current


def _now(leaf: Any) -> Any:
    """The array behind a stand-in."""
    current = getattr(leaf, "current", None)
    return leaf if current is None else current.now
