"""GraphRecord, id of an op or leaf -> everything that the record knows about it, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from grad_engine.record import (
    AccumulatorRecord,
    EdgeRecord,
    NodeRecord,
    StatsRecord,
    TensorRecord,
    array_data,
)
from grad_engine.record.index import RecordIndex


@dataclass(frozen=True, slots=True)
class Passage:
    """What one edge carries: a share of gradient that an op sends, or that arrives."""

    edge: str
    slot: int  # of the sender
    other: str  # id of the op or accumulator at the other end
    rule: str | None  # the local derivative
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
    statistics: Mapping[str, StatsRecord]  # of every tensor whose numbers are recorded


def details(index: RecordIndex, part: str) -> Details:
    """Everything about one op or leaf, by its id."""
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
    statistics = {id: stats for id, tensor in tensors.items() if (stats := measured(tensor)) is not None}
    return Details(
        part=own,
        step=index.steps.get(part),
        outputs=outputs,
        gradients=gradients,
        before=before,
        arrivals=arrivals,
        shares=shares,
        tensors=tensors,
        statistics=statistics,
    )


def _passage(index: RecordIndex, edge: EdgeRecord, other: str) -> Passage:
    rule = index.rules.get(edge.id)
    k, of = index.places.get(edge.id, (1, 1))
    return Passage(
        edge=edge.id,
        slot=edge.slot,
        other=other,
        rule=rule.text if rule is not None else None,
        share=index.shares.get(edge.id),
        k=k,
        of=of,
        reduced_axes=edge.reduced_axes,
    )


def measured(tensor: TensorRecord) -> StatsRecord | None:
    """The statistics of a tensor: recorded ones, or worked out of its values; None where neither is there."""
    if tensor.stats is not None or tensor.data is None or not tensor.data.values:
        return tensor.stats
    try:
        values = np.array(tensor.data.values)
    except OverflowError:
        return None
    return array_data(values.reshape(tensor.shape), 0)[1]
