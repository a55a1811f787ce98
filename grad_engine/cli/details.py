"""Everything that a record knows about one op, leaf or module, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from grad_engine.folding.module_tree import calls_of
from grad_engine.record import (
    AccumulatorRecord,
    EdgeRecord,
    NodeRecord,
    StatsRecord,
    TensorRecord,
)
from grad_engine.record.arrays import statistics
from grad_engine.record.index import RecordIndex


@dataclass(frozen=True, slots=True)
class Passage:
    """What one edge carries: a share of gradient that an op sends, or that arrives."""

    edge: str
    slot: int  # of the sender
    other: str  # id of the op or accumulator at the other end
    rule: str | None  # the local derivative; None where it is not recorded, or does not give the share beside it
    words: str  # what the sender does, in a sentence, where there is no rule
    share: str | None  # tensor id; None where no run has sent it
    k: int  # its place among the shares summed where it arrives
    of: int
    reduced_axes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Details:
    """Everything about one op, or about one leaf and its accumulator; tensors by id, and all of them in `tensors`."""

    part: NodeRecord | AccumulatorRecord
    step: int | None  # when it ran in the last backward run, from 1
    outputs: tuple[str, ...]  # what it computed; of a leaf, the leaf
    gradients: tuple[str | None, ...]  # complete, one per output; of a leaf, its `.grad` after the run
    before: str | None  # a leaf's `.grad` before the run
    arrivals: tuple[Passage, ...]  # in the order in which they were summed
    shares: tuple[Passage, ...]  # what it sends, by slot
    tensors: Mapping[str, TensorRecord]
    statistics: Mapping[str, StatsRecord]  # of every tensor whose numbers are recorded; empty where not asked for


def details(index: RecordIndex, part: str, *, measured: bool = True) -> Details:
    """Everything about one op or leaf, by its id. measured: with the statistics of every tensor."""
    node, leaf = index.nodes.get(part), index.accumulators.get(part)
    own: NodeRecord | AccumulatorRecord
    before: str | None = None
    if node is not None:
        own, read = node, [*(each.tensor for each in node.inputs), *node.saved]
    else:
        assert leaf is not None
        own, read = leaf, []
        change = index.changes.get(part)
        before = change.before if change is not None else None
    outputs, gradients = index.outputs(part), index.gradients(part)
    summed = dict.fromkeys((*index.sums.get(part, ()), *(edge.id for edge in index.incoming.get(part, ()))))
    arriving = [index.edges[edge] for edge in summed]
    arrivals = tuple(_passage(index, edge, edge.sender) for edge in arriving)
    shares = tuple(_passage(index, edge, edge.receiver) for edge in index.outgoing(part))
    shown = [*read, *outputs, *gradients, before, *(each.share for each in (*arrivals, *shares))]
    tensors = {id: index.tensors[id] for id in shown if id is not None}
    some = tensors.items() if measured else ()
    known = {id: stats for id, tensor in some if (stats := statistics(tensor)) is not None}
    return Details(
        part=own,
        step=index.steps.get(part),
        outputs=outputs,
        gradients=gradients,
        before=before,
        arrivals=arrivals,
        shares=shares,
        tensors=tensors,
        statistics=known,
    )


def _passage(index: RecordIndex, edge: EdgeRecord, other: str) -> Passage:
    explained = index.record.explain
    holds = explained is None or explained.holds is None or explained.holds.get(edge.id, True)
    rule = index.rules.get(edge.id) if holds else None
    k, of = index.places.get(edge.id, (1, 1))
    return Passage(
        edge=edge.id,
        slot=edge.slot,
        other=other,
        rule=rule.text if rule is not None else None,
        words=index.nodes[edge.sender].sentence if rule is None else "",
        share=index.shares.get(edge.id),
        k=k,
        of=of,
        reduced_axes=edge.reduced_axes,
    )


@dataclass(frozen=True, slots=True)
class ModuleDetails:
    """Everything about one module, all its calls together; tensors, ops and leaves by id."""

    path: str
    calls: int
    ops: tuple[str, ...]
    modules: tuple[str, ...]  # paths of the modules right inside it
    steps: tuple[int, int] | None  # when its first and its last op ran in the last run
    reads: tuple[str, ...]  # tensors that were made outside
    computes: tuple[str, ...]  # tensors that are read outside, or are a root
    parameters: tuple[str, ...]  # accumulators of the leaves that only this module reads
    gradients: tuple[float, float] | None  # the smallest and the largest norm of the gradients of its ops
    nonfinite: tuple[str, ...]  # ops whose value or gradient holds a NaN or an infinity


def module_details(index: RecordIndex, path: str) -> ModuleDetails:
    """Everything about the module of this path."""
    ops = index.find(path)
    inside = set(ops)
    roots = {root.tensor for root in index.record.roots}
    reads: dict[str, None] = {}
    computes: dict[str, None] = {}
    parameters: dict[str, None] = {}
    for op in ops:
        for operand in index.nodes[op].inputs:
            made, leaf = index.makers.get(operand.tensor), index.accumulator_of.get(operand.tensor)
            if leaf is not None and all(use.node.id in inside for use in index.uses[operand.tensor]):
                parameters[leaf] = None
            elif made is None or made.id not in inside:
                reads[operand.tensor] = None
        for output in index.nodes[op].outputs:
            if output in roots or any(use.node.id not in inside for use in index.uses.get(output, ())):
                computes[output] = None
    measures = [m for op in ops if (m := index.gradient(op)) is not None]
    norms = [m.norm for m in measures if m.norm is not None]
    steps = sorted(index.steps[op] for op in ops if op in index.steps)
    broken = (op for op in ops for m in (index.value(op), index.gradient(op)) if m is not None and m.bad)
    found = calls_of(index.record, path)
    return ModuleDetails(
        path=path,
        calls=len(found),
        ops=tuple(ops),
        modules=tuple(dict.fromkeys(inner.path for module in found for inner in module.inner)),
        steps=(steps[0], steps[-1]) if steps else None,
        reads=tuple(reads),
        computes=tuple(computes),
        parameters=tuple(parameters),
        gradients=(min(norms), max(norms)) if norms else None,
        nonfinite=tuple(dict.fromkeys(broken)),
    )
