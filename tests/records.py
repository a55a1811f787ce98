"""GraphRecords of many shapes and sizes, with true numbers, built without the engine.

Every array of a program has one shape and equal entries, so a plain float stands for it while the program runs.
"""

from __future__ import annotations

import importlib.resources
import json
import math
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import jsonschema

from grad_engine.errors import RecordError
from grad_engine.formula import Tree, text
from grad_engine.record import (
    AccumulateEvent,
    AccumulatorRecord,
    BackwardRecord,
    ChangeRecord,
    CountsRecord,
    CurveRecord,
    DataRecord,
    EdgeRecord,
    EndsRecord,
    Event,
    ExplainRecord,
    Expression,
    FileRecord,
    FormulaRecord,
    ForwardRecord,
    GraphRecord,
    GroupRecord,
    HistogramRecord,
    InputRecord,
    LeafChangeRecord,
    NodeRecord,
    ParameterRecord,
    PathRecord,
    PathStepRecord,
    ProbeRecord,
    RootRecord,
    RuleRecord,
    RunEvent,
    SampleRecord,
    SendEvent,
    Shape,
    SkippedRecord,
    SourceRecord,
    SpotRecord,
    StatsRecord,
    StepRecord,
    TensorRecord,
    check,
    from_json,
    to_json,
)


@dataclass(frozen=True)
class Rule:
    """What an op computes, its formula, and for each input the share and its formula."""

    forward: Callable[..., float]
    symbol: str
    category: str
    tree: Tree
    shares: tuple[tuple[Callable[..., float], Tree], ...]
    reads: tuple[str, ...] = ()


RULES = {
    "add": Rule(
        lambda x, y: x + y,
        "+",
        "arithmetic",
        ["+", "x", "y"],
        ((lambda g, out, x, y: g, "g"), (lambda g, out, x, y: g, "g")),
    ),
    "mul": Rule(
        lambda x, y: x * y,
        "×",
        "arithmetic",
        ["*", "x", "y"],
        ((lambda g, out, x, y: g * y, ["*", "g", "y"]), (lambda g, out, x, y: g * x, ["*", "g", "x"])),
        ("x", "y"),
    ),
    "neg": Rule(lambda x: -x, "−", "arithmetic", ["neg", "x"], ((lambda g, out, x: -g, ["neg", "g"]),)),
    "tanh": Rule(
        math.tanh,
        "tanh",
        "elementwise",
        ["tanh", "x"],
        ((lambda g, out, x: g * (1 - out * out), ["*", "g", ["-", 1, ["**", "out", 2]]]),),
        ("out",),
    ),
    "ln": Rule(
        lambda x: math.log(x) if x > 0 else math.nan,
        "ln",
        "elementwise",
        ["ln", "x"],
        ((lambda g, out, x: g / x, ["/", "g", "x"]),),
        ("x",),
    ),
}


@dataclass(eq=False)
class Value:
    """A tensor of a program: a leaf, a constant, or the result of `op`."""

    number: float
    name: str | None
    tracked: bool
    op: str | None = None
    inputs: tuple[Value, ...] = ()


class Program:
    """What a script would do to build a graph; `record` then says what happened."""

    def __init__(self, shape: Shape = ()) -> None:
        self.shape = shape
        self.steps: list[Value] = []  # leaves and results, in creation order

    def leaf(self, number: float, name: str | None = None) -> Value:
        """A new tensor that wants a gradient."""
        self.steps.append(Value(number, name, tracked=True))
        return self.steps[-1]

    def op(self, op: str, *inputs: Value | float, name: str | None = None) -> Value:
        """The result of an op of RULES; numbers among the inputs become constants."""
        values = tuple(each if isinstance(each, Value) else Value(each, None, tracked=False) for each in inputs)
        self.steps.append(Value(RULES[op].forward(*[each.number for each in values]), name, True, op, values))
        return self.steps[-1]

    def record(self, root: Value, title: str = "test", expression: str = "", seed: float = 1.0) -> GraphRecord:
        """What led to `root`, and one backward run from there."""
        return _Writer(self, root).record(title, expression, seed)


class _Writer:
    def __init__(self, program: Program, root: Value) -> None:
        self.root = root
        self.shape = program.shape
        self.size = math.prod(program.shape)
        self.tensors: list[TensorRecord] = []
        needed, pending = {root}, [root]
        while pending:
            for each in pending.pop().inputs:
                if each not in needed:
                    needed.add(each)
                    pending.append(each)
        self.steps = [step for step in program.steps if step in needed]
        self.ops = [step for step in self.steps if step.op]
        self.leaves = [step for step in self.steps if not step.op]
        self.ages = {op: age for age, op in enumerate(self.ops)}
        self.receivers = {op: f"n{age}" for op, age in self.ages.items()}
        self.receivers |= {leaf: f"a{k}" for k, leaf in enumerate(self.leaves)}
        slots = [(op, slot) for op in self.ops for slot, each in enumerate(op.inputs) if each.tracked]
        self.edge_ids = {place: f"e{k}" for k, place in enumerate(slots)}
        self.uses = Counter(op.inputs[slot] for op, slot in slots)
        self.ids: dict[Value, str] = {}

    def tensor(self, number: float, role: str, name: str | None = None, wants: bool = False, leaf: bool = False) -> str:
        number = math.nan if math.isnan(number) else number
        source = "none" if name is None else "given"
        data = DataRecord((number,) * self.size)
        id = f"t{len(self.tensors)}"
        self.tensors.append(TensorRecord(id, role, self.shape, "float64", name, source, wants, leaf, data))
        return id

    def value(self, value: Value) -> str:
        if value not in self.ids:
            role = "value" if value.tracked else "constant"
            self.ids[value] = self.tensor(value.number, role, value.name, value.tracked, value.tracked and not value.op)
        return self.ids[value]

    def record(self, title: str, expression: str, seed: float) -> GraphRecord:
        nodes = tuple(self.node(op) for op in self.ops)
        for leaf in self.leaves:
            self.value(leaf)
        run = self.run(seed)
        edges = tuple(
            EdgeRecord(id, self.receivers[op], self.receivers[op.inputs[slot]], slot, raw_shape=self.shape)
            for (op, slot), id in self.edge_ids.items()
        )
        nonfinite = tuple(each.id for each in self.tensors if not all(map(math.isfinite, each.data.values)))
        constants = sum(each.role == "constant" for each in self.tensors)
        return GraphRecord(
            title,
            expression,
            CountsRecord(len(nodes), len(self.leaves), constants, len(edges), nonfinite),
            (RootRecord(self.receivers[self.root], self.value(self.root)),),
            tuple(self.tensors),
            nodes,
            edges,
            tuple(AccumulatorRecord(self.receivers[leaf], self.value(leaf)) for leaf in self.leaves),
            tuple(
                ForwardRecord("op", self.receivers[step]) if step.op else ForwardRecord("leaf", self.value(step))
                for step in self.steps
            ),
            (run,),
        )

    def node(self, op: Value) -> NodeRecord:
        rule = RULES[op.op]
        by_name = dict(zip("xy", op.inputs, strict=False))
        inputs = tuple(
            InputRecord(slot, "xy"[slot], self.value(each), self.edge_ids.get((op, slot)))
            for slot, each in enumerate(op.inputs)
        )
        shares = tuple(
            RuleRecord(slot, text(tree), tree) for slot, (_, tree) in enumerate(rule.shares) if op.inputs[slot].tracked
        )
        output = self.value(op)
        return NodeRecord(
            self.receivers[op],
            self.ages[op],
            op.op,
            f"{op.op.capitalize()}Backward",
            rule.category,
            rule.symbol,
            inputs,
            (output,),
            tuple(output if name == "out" else self.value(by_name[name]) for name in rule.reads),
            formula=FormulaRecord(Expression(text(rule.tree), rule.tree), shares),
        )

    def run(self, seed: float) -> BackwardRecord:
        seed_id = self.tensor(seed, "seed")
        sums: dict[Value, tuple[float, str, int]] = {self.root: (seed, seed_id, 0)}  # sum, its tensor, how many so far
        events: list[Event] = []
        gradients: dict[str, tuple[str | None, ...]] = {}
        for op in reversed(self.ops):
            g, gradient, _ = sums[op]
            gradients[self.receivers[op]] = (gradient,)
            events.append(RunEvent(self.receivers[op]))
            for slot, each in enumerate(op.inputs):
                if not each.tracked:
                    continue
                share = RULES[op.op].shares[slot][0](g, op.number, *[operand.number for operand in op.inputs])
                id = self.tensor(share, "share")
                edge = self.edge_ids[op, slot]
                events.append(SendEvent(edge, id))
                total, _, k = sums.get(each, (0.0, id, 0))
                partial = self.tensor(total + share, "gradient") if k else id
                sums[each] = total + share, partial, k + 1
                if self.uses[each] > 1 or not each.op:
                    events.append(AccumulateEvent(self.receivers[each], edge, k + 1, self.uses[each], partial))
        leaves = tuple(LeafChangeRecord(self.receivers[leaf], None, sums[leaf][1]) for leaf in self.leaves)
        return BackwardRecord(self.receivers[self.root], seed_id, tuple(events), gradients, leaves)


def square() -> GraphRecord:
    """x * x: one op, two edges into one accumulator."""
    program = Program()
    x = program.leaf(3.0, "x")
    return program.record(program.op("mul", x, x, name="y"), "square", "y = x · x")


def neuron() -> GraphRecord:
    """tanh(x1 * w1 + x2 * w2 + b), five leaves."""
    program = Program()
    numbers = {"x1": 2.0, "w1": -3.0, "x2": 0.0, "w2": 1.0, "b": 6.8813735870195432}
    x1, w1, x2, w2, b = (program.leaf(number, name) for name, number in numbers.items())
    inner = program.op("add", program.op("mul", x1, w1), program.op("mul", x2, w2))
    out = program.op("tanh", program.op("add", inner, b, name="n"), name="o")
    return program.record(out, "neuron", "o = tanh(x1 · w1 + x2 · w2 + b)")


def chain(ops: int, shape: Shape = ()) -> GraphRecord:
    """One op after the other, each with one input."""
    program = Program(shape)
    value = program.leaf(0.7, "x")
    for n in range(ops):
        value = program.op(("neg", "tanh")[n % 2], value)
    return program.record(value, "chain")


def diamond(depth: int, shape: Shape = ()) -> GraphRecord:
    """y = y + y, `depth` times: 2**depth paths through `depth` ops."""
    program = Program(shape)
    value = program.leaf(1.0, "x")
    for _ in range(depth):
        value = program.op("add", value, value)
    return program.record(value, "diamond")


def fan(users: int) -> GraphRecord:
    """One leaf that every op of a long sum reads."""
    program = Program()
    x = program.leaf(0.5, "x")
    total: Value = program.op("neg", x)
    for _ in range(users - 1):
        total = program.op("add", total, x)
    return program.record(total, "fan")


def dense(ops: int, seed: int = 0, shape: Shape = ()) -> GraphRecord:
    """A random graph of about `ops` ops whose every value is used, often more than once and far away."""
    dice = random.Random(seed)
    program = Program(shape)
    values = [program.leaf(dice.uniform(-1, 1), f"x{n}") for n in range(max(2, ops // 10))]
    unused = list(values)
    for _ in range(ops):
        op = dice.choice(("add", "mul", "neg", "tanh"))
        first = unused.pop(dice.randrange(len(unused)))
        second: Value | float = dice.choice(values) if dice.random() < 0.8 else 3.0
        values.append(program.op(op, first, second) if op in ("add", "mul") else program.op(op, first))
        unused.append(values[-1])
    while len(unused) > 1:
        unused.append(program.op("add", unused.pop(0), unused.pop(0)))
    return program.record(unused[0], f"dense {ops} {seed}")


def everything() -> GraphRecord:
    """A small record in which every field of every part is somewhere not at its default."""
    program = Program((2,))
    x, y = program.leaf(-1.0, "x"), program.leaf(2.0, "y")
    out = program.op("add", program.op("ln", x), program.op("mul", y, 3.0), name="z")
    plain = program.record(out, "everything", "z = ln(x) + y · 3")
    bins = HistogramRecord(-1.5, 2.5, (3, 0, 94))
    stats = StatsRecord(-1.5, 2.5, 0.25, 0.5, 9.0, 2.5, 4, 1, 1, 1, (0, 3), bins, 2, EndsRecord(1, 2, 3, 4, 5))
    values = (0.5, math.nan, math.inf, 1.5)
    file = FileRecord("everything.npz", "t90", "0f" * 32)
    extra = (
        TensorRecord(
            "t90",
            "gradient",
            (10, 10),
            "float32",
            "big",
            "inferred",
            data=DataRecord(None, SampleRecord(1, (2, 2), values), file),
            stats=stats,
        ),
        TensorRecord("t91", "gradient", (3,), "int8", data=DataRecord((-128, 0, 127))),
        TensorRecord("t92", "gradient", (2, 1), "bool", data=DataRecord((True, False))),
        TensorRecord("t93", "gradient", (1000, 1000, 1000), "float64"),
        TensorRecord("t94", "gradient", (0, 4), "float16", data=DataRecord(())),
        TensorRecord("t95", "value", (2,), "float64", data=DataRecord((-math.inf, -0.0))),
        TensorRecord("t96", "value", (2,), "float64", absent="changed"),
    )
    parameters = (
        ParameterRecord("layers.0.w", (2,), "float64", "a0", update=0.001),
        ParameterRecord("layers.1.w", (2, 3), "float32", None, "no op of this graph reads it", None, 2.5, 1),
    )
    steps = (
        PathStepRecord("e3", (0,), (0,), 1.0, 6.0, 1.0, 1.0),
        PathStepRecord("e1", (0,), (0,), 3.0, 2.0, 1.0, 3.0),
    )
    explain = ExplainRecord(
        ProbeRecord(
            "a1", (0,), 2.0, 0.001, 0.003, 3.0, 3.0, True, 0.0, math.inf,
            (SkippedRecord("a0", (1,), 64.0, "there L is NaN"),), (ChangeRecord("t4", (0,), 0.003),),
        ),
        (PathRecord(steps),),
        (CurveRecord("ln", "n0", {"base": None}, (0.1, 3.0), (None, -1.0, math.nan, 1.5)),),
        (SpotRecord("e3", (1,), ((1.0, 2.0), (3.0,)), 0.5, 5.5),),
        StepRecord(0.1, 2.0, 1.5, 1.4),
        {"e1": True, "e3": False},
        "a reason",
    )  # fmt: skip
    ln, mul, add = plain.nodes
    spoken = ["*", ["say", "{g} copied to the shape of {x}"], ["index", "x", ["tuple", 0, -math.inf]]]
    rule = RuleRecord(0, text(spoken), spoken)
    nodes = (
        replace(
            ln,
            outputs=(*ln.outputs, "t95"),
            attributes={
                "axis": (0, (1, -1)),
                "keepdims": True,
                "base": None,
                "mode": "same",
                "limit": math.inf,
                "of": 0.5,
            },
            scope="layers.0",
            kind="call",
            formula=replace(ln.formula, vjp=(rule,)),
            source=SourceRecord("examples/everything.py", 7, "ln(x)  # — “quoted” \\ \u2028 \x00 😀"),
        ),
        mul,
        replace(
            add,
            inputs=(replace(add.inputs[0], tensor="t95"), replace(add.inputs[1], broadcast_from=(2,))),
            call=3,
            elementwise=True,
            broadcasts=True,
            commutes=True,
            sentence="Adds two numbers.",
            multiply_adds=6,
            ends=(-1, 1),
            even_chances=0.5,
            takes_scores=True,
        ),
    )
    run = plain.runs[0]
    gradients = {**run.gradients, "n0": (*run.gradients["n0"], None)}
    edges = tuple(replace(edge, output=1) if edge.receiver == "n0" else edge for edge in plain.edges)  # t95
    edges = (replace(edges[0], raw_shape=(5, 2), reduced_axes=(0,)), *edges[1:])
    again = replace(
        run,
        root="n0",
        output=1,
        complete=False,
        create_graph=True,
        events=(RunEvent("n0"),),
        gradients={},
        leaves=(LeafChangeRecord("a0", run.leaves[0].after, "t91"),),
    )
    return replace(
        plain,
        counts=replace(plain.counts, nonfinite=(*plain.counts.nonfinite, "t90", "t95")),
        tensors=(*plain.tensors, *extra),
        nodes=nodes,
        edges=edges,
        accumulators=(replace(plain.accumulators[0], name="HookedGradAccum"), *plain.accumulators[1:]),
        roots=(*plain.roots, RootRecord("n0", "t95", 1)),
        runs=(replace(run, gradients=gradients), again),
        groups=(GroupRecord("layers.0", ("n0",)),),
        parameters=parameters,
        explain=explain,
        stopped="KeyError at train.py:4",
        remarks=("the model is in evaluation mode",),
        producer={"name": "grad_engine", "version": "0.1.0"},
        version="1.3",
    )


def large_example() -> GraphRecord:
    """The graph of the `large` example, with other ops in the places of its ops."""
    program = Program((4, 4))
    x1, x2, x3 = (program.leaf(number, name) for number, name in ((1.0, "x1"), (2.0, "x2"), (3.0, "x3")))
    x4 = program.op("add", x1, 3.0, name="x4")
    x6 = program.op("add", program.op("mul", x4, program.op("add", x2, x3)), x3)
    x7 = program.leaf(1.0, "x7")
    record = program.record(program.op("add", program.op("ln", x6), program.op("tanh", x7), name="z"), "large")
    tensors = tuple(
        replace(tensor, shape=(), data=DataRecord((3.0,))) if tensor.role == "constant" else tensor
        for tensor in record.tensors
    )
    return replace(record, tensors=tensors)


def many_records() -> dict[str, GraphRecord]:
    """Records of every form, by title."""
    small = (square(), neuron(), chain(12), diamond(8), fan(6), everything(), large_example())
    return {record.title: record for record in (*small, dense(25), dense(60, 3))}


Document = dict[str, Any]
SCHEMA = json.loads(importlib.resources.files("grad_engine.record").joinpath("schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def document(record: GraphRecord) -> Document:
    """The record as parsed JSON."""
    return json.loads(to_json(record))


def outcome(source: str | bytes, **limits: int) -> GraphRecord | RecordError:
    """What reading gives; any exception but RecordError, and any fault without its place, fails the test."""
    try:
        record = from_json(source, **limits)
    except RecordError as error:
        fault = error
    else:
        check(record)
        return record
    assert re.match(r'\$([^ "]|"[^"]*")*: expected .+, got .', str(fault)), fault
    assert len(str(fault)) < 600
    return fault


def places(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every value inside a document, with the keys and indices that lead to it."""
    steps = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for step, value in steps:
        yield (*path, step), value
        yield from places(value, (*path, step))


def at(document: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        document = document[step]
    return document


ALL = {
    "everything": everything(),
    "square": square(),
    "neuron": neuron(),
    "chain": chain(20, (2, 3)),
    "diamond": diamond(30),
    "fan": fan(12),
    "dense": dense(60, seed=3, shape=(0, 4)),
}


def calls(run: Callable[[], object]) -> int:
    """How many calls of functions, generators and built-ins `run` takes: a measure of time that is always the same."""
    count = 0

    def note(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        run()
    finally:
        sys.setprofile(before)
    return count
