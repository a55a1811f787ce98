"""What of a record is shown: all of it, what lies around one op, or a record in which several ops are one box."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from grad_engine.errors import GradEngineError
from grad_engine.folding.groups import MOST_OPS, Fold, folded
from grad_engine.record import (
    AccumulateEvent,
    AccumulatorRecord,
    BackwardRecord,
    Event,
    ForwardRecord,
    GraphRecord,
    LeafChangeRecord,
    RootRecord,
    RunEvent,
    SendEvent,
)

FOLDS = ("auto", "none", "max")
MOST = 5000  # ops of the largest graph that is drawn


@dataclass(frozen=True)
class View:
    """What is shown of a record."""

    source: GraphRecord  # the part of it that is shown
    record: GraphRecord  # the same with several ops as one box, as it is drawn
    whole: GraphRecord | None = None  # the complete record, where only a part is shown
    folds: Mapping[str, Fold] = field(default_factory=dict)  # node id -> the ops it stands for
    elsewhere: Mapping[str, int] = field(default_factory=dict)  # receiver -> shares sent by ops that are not shown
    note: str = ""  # what is left out, in a sentence
    centres: frozenset[str] = frozenset()  # ids of the ops or leaves in focus


def view(record: GraphRecord, fold: str = "none", focus: str = "", most: int = MOST_OPS) -> View:
    """What is to be shown of a record; `fold` is one of FOLDS, `focus` names an op or a leaf: `most` ops around it.

    Raises GradEngineError when nothing goes by the name in `focus`, and for a record too large to be drawn.
    """
    shown = focused(record, focus, most) if focus else View(record, record)
    if fold != "none" and (fold == "max" or crowded(shown.record)):
        record, folds = folded(shown.record, fold == "max", shown.elsewhere)
        home = {op.id: id for id, box in folds.items() for op in box.ops}
        there = {node.id for node in record.nodes} | {accumulator.id for accumulator in record.accumulators}
        elsewhere: Counter[str] = Counter()
        for id, many in shown.elsewhere.items():
            if home.get(id, id) in there:
                elsewhere[home.get(id, id)] += many
        shown = replace(shown, record=record, folds=folds, elsewhere=elsewhere)
    if len(shown.record.nodes) > MOST:
        raise GradEngineError(
            f"The graph has {len(shown.record.nodes):,} operations, and more than {MOST:,} make no picture: ask for the"
            " focus on one of them (GRAD_ENGINE_FOCUS, --focus), or read the tree: `python -m grad_engine tree`."
        )
    return shown


def crowded(record: GraphRecord) -> bool:
    """Whether a record has too many ops to show each one by itself."""
    return len(record.nodes) > MOST_OPS


def focused(record: GraphRecord, name: str, most: int = MOST_OPS) -> View:
    """The `most` ops nearest to an op or a leaf, before and after it. What others made for them becomes a leaf."""
    tensors = {tensor.id: tensor for tensor in record.tensors}
    made_by = {tensor: node.id for node in record.nodes for tensor in node.outputs}
    nodes = {node.id: node for node in record.nodes}
    centres = [n.id for n in record.nodes if any(tensors[out].name == name for out in n.outputs)]
    leaves = [a.leaf for a in record.accumulators if tensors[a.leaf].name == name]
    if not centres and not leaves:  # then it is `#3`, 3, or an id
        number = re.fullmatch(r"#?(\d+)(\[\d+\])?", name)
        id = f"n{number[1]}" if number else name
        centres = [id] if id in nodes else []
        leaves = [a.leaf for a in record.accumulators if a.id == id]
    if not centres and not leaves:
        known = [tensors[out].name for node in record.nodes for out in node.outputs if tensors[out].name]
        some = ", ".join([*dict.fromkeys(name for name in known if name)][:4] + [f"#{len(nodes) - 1}"])
        raise GradEngineError(f"No op or leaf is called {name!r}: focus on another, such as {some}.")
    readers: dict[str, list[str]] = {}
    for node in record.nodes:
        for operand in node.inputs:
            readers.setdefault(made_by.get(operand.tensor, operand.tensor), []).append(node.id)

    def before(id: str) -> Iterable[str]:
        return (made_by[operand.tensor] for operand in nodes[id].inputs if operand.tensor in made_by)

    first = [*centres, *(id for leaf in leaves for id in readers.get(leaf, ()))]
    far: dict[str, int] = dict.fromkeys(first, 0)
    for step in (before, lambda id: readers.get(id, ())):
        pending = deque((id, 0) for id in (first if step is not before else centres))
        passed = set(first)
        while pending:
            id, distance = pending.popleft()
            for other in step(id):
                if other not in passed:
                    passed.add(other)
                    far[other] = min(far.get(other, distance + 1), distance + 1)
                    pending.append((other, distance + 1))
    found = len(far)
    near = sorted(far, key=lambda id: (far[id], nodes[id].age))[:most]
    shown = around(record, set(near))
    what = name if name in (tensor.name for tensor in record.tensors) else f"#{name.lstrip('#n')}"
    count = f"what leads to and from {what}" if found <= most else f"the {most} ops nearest to {what}, of {found}"
    centred = frozenset([*centres, *(a.id for a in record.accumulators if a.leaf in leaves)])
    return replace(shown, centres=centred, note=f"Only {count}; the graph has {len(nodes)} ops")


def around(record: GraphRecord, kept: set[str]) -> View:
    """The part of a record with the ops in `kept`; results that others made for them become leaves."""
    receivers = {edge.id: edge for edge in record.edges}
    leaves = {accumulator.id: accumulator for accumulator in record.accumulators}
    outputs = {node.id: node.outputs for node in record.nodes}
    nodes = [node for node in record.nodes if node.id in kept]
    edges, border = [], {}
    for edge in record.edges:
        if edge.sender not in kept:
            continue
        if edge.receiver not in kept and edge.receiver not in leaves:
            out = outputs[edge.receiver][edge.output]
            border[edge.receiver, edge.output] = AccumulatorRecord(f"{edge.receiver}.{edge.output}", out)
            edge = replace(edge, receiver=f"{edge.receiver}.{edge.output}", output=0)
        edges.append(edge)
    there = {edge.receiver for edge in edges}
    held = [*border.values(), *(leaf for leaf in record.accumulators if leaf.id in there)]
    ids = {edge.id: edge for edge in edges}
    run = record.runs[-1] if record.runs else None
    runs: tuple[BackwardRecord, ...] = ()
    elsewhere: Counter[str] = Counter()
    last = nodes[-1]
    root = next((r for r in record.roots if r.node in kept), RootRecord(last.id, last.outputs[0]))
    if run is not None:
        events: list[Event] = []
        for event in run.events:
            if isinstance(event, RunEvent):
                if event.node in kept:
                    events.append(event)
            elif event.edge in ids:
                here = ids[event.edge].receiver
                events.append(replace(event, receiver=here) if isinstance(event, AccumulateEvent) else event)
            elif isinstance(event, SendEvent):
                outside = receivers[event.edge]
                spot = border.get((outside.receiver, outside.output))
                elsewhere[spot.id if spot is not None else outside.receiver] += 1
        gradients = {id: found for id, found in run.gradients.items() if id in kept}
        seed = run.seed if root.node == run.root else next(iter(gradients.get(root.node, ())), None) or run.seed
        changes = [change for change in run.leaves if change.accumulator in there]
        for (node, output), spot in border.items():
            if (gradient := run.gradients.get(node, (None,) * (output + 1))[output]) is not None:
                changes.append(LeafChangeRecord(spot.id, None, gradient))
        runs = (replace(run, root=root.node, output=root.output, seed=seed, events=tuple(events), gradients=gradients,
                        leaves=tuple(changes)),)  # fmt: skip
    tensors = {leaf.leaf for leaf in held}
    forward = tuple(step for step in record.forward if step.id in (kept if step.kind == "op" else tensors))
    made = tuple(ForwardRecord("leaf", spot.leaf) for spot in border.values())
    expression = record.expression if root.tensor in {r.tensor for r in record.roots} and not border else ""
    shown = replace(
        record, explain=None, expression=expression, roots=(root,), nodes=tuple(nodes), edges=tuple(edges),
        accumulators=tuple(held), forward=(*made, *forward), runs=runs,
    )  # fmt: skip
    return View(shown, shown, record, elsewhere={id: many for id, many in elsewhere.items() if id in there})
