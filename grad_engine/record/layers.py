"""The layers of a model: what each gives and what gradient it gets, and how much of it passes none on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from grad_engine.record.arrays import statistics
from grad_engine.record.index import RecordIndex
from grad_engine.record.parts import NodeRecord, StatsRecord, TensorRecord


@dataclass(frozen=True, slots=True)
class LayerRow:
    """The result of a module, or of an op outside of modules, and its gradient in the last run. None: not known."""

    module: str  # "" outside of modules
    node: str  # the op that made the result
    op: str
    mean: float | None  # of the finite entries, like all numbers here
    std: float | None
    zeros: float | None  # the share of its entries that are 0, from 0 to 1
    at_ends: float | None  # the share that is within 0.03 of the ends of tanh, sigmoid and the like
    stuck: int | None  # units that are 0, or at an end, for the whole batch
    units: int | None  # of so many
    gradient_mean: float | None
    gradient_std: float | None
    histogram: tuple[int, ...]  # counts in equal bins from the smallest to the largest entry; empty: not known
    nonfinite: int | None = None  # entries of the result that are NaN or infinite
    gradient_nonfinite: int | None = None


def layer_rows(index: RecordIndex) -> list[LayerRow]:
    """A row for each module that runs ops of its own, and for the layers among the ops outside, in order of age."""
    last: dict[str, NodeRecord] = {}
    outside: list[NodeRecord] = []
    for node in index.record.nodes:
        if node.scope:
            last[node.scope] = node
        elif node.multiply_adds or node.ends or (node.elementwise and len(node.inputs) == 1):
            outside.append(node)
    chosen = sorted((*last.values(), *outside), key=lambda node: node.age)
    return [layer_of(index, node) for node in chosen if math.prod(index.tensors[node.outputs[0]].shape) > 1]


def layer_of(index: RecordIndex, node: NodeRecord) -> LayerRow:
    """The first result of an op as a layer."""
    made, g = index.tensors[node.outputs[0]], index.gradient_tensor(node.id)
    value, gradient = statistics(made), statistics(g) if g is not None else None
    ends, stuck = at_ends(node, made), stuck_units(node, made)
    return LayerRow(
        module=node.scope,
        node=node.id,
        op=node.op,
        mean=value.mean if value is not None else None,
        std=value.std if value is not None else None,
        zeros=value.zeros / math.prod(made.shape) if value is not None else None,
        at_ends=ends,
        stuck=stuck[0] if stuck is not None else None,
        units=stuck[1] if stuck is not None else None,
        gradient_mean=gradient.mean if gradient is not None else None,
        gradient_std=gradient.std if gradient is not None else None,
        histogram=value.histogram.counts if value is not None and value.histogram is not None else (),
        nonfinite=_bad(value),
        gradient_nonfinite=_bad(gradient),
    )


def _bad(stats: StatsRecord | None) -> int | None:
    return None if stats is None else stats.nan + stats.neginf + stats.posinf


def at_ends(node: NodeRecord, made: TensorRecord) -> float | None:
    """The share of a result's entries that are near the ends of its op; None where it has none or is not recorded."""
    if not node.ends or (stats := statistics(made)) is None or not (size := math.prod(made.shape)):
        return None
    return _near(stats, node.ends) / size


def _near(stats: StatsRecord, ends: Sequence[float]) -> int:
    found = stats.ends
    return 0 if found is None else found.one + (found.minus_one if ends[0] < 0 else found.zero)


def stuck_units(node: NodeRecord, made: TensorRecord) -> tuple[int, int] | None:
    """How many units are 0, or at an end of the op, for the whole batch, and of how many; None: not known."""
    if not node.ends:
        return dead_units(made) if node.op == "relu" else None
    if len(made.shape) < 2 or made.shape[0] < 2 or (stats := statistics(made)) is None:
        return None
    units = max(made.shape[1:]) if len(made.shape) == 3 else made.shape[1]
    if stats.ends is None:
        return 0, units
    return stats.ends.units if node.ends[0] < 0 else stats.ends.units_from_zero, units


def dead_units(tensor: TensorRecord) -> tuple[int, int] | None:
    """How many units of a result are 0 in every row of the batch, and of how many; None where that is not known.

    Which of three axes is that of the units is not to be seen: then it is of how many at most.
    """
    shape = tensor.shape
    if len(shape) < 2 or shape[0] < 2:
        return None
    if tensor.stats is not None:
        return tensor.stats.dead, max(shape[1:]) if len(shape) == 3 else shape[1]
    values = tensor.data.values if tensor.data is not None else None
    if values is None or len(shape) != 2 or any(value < 0 for value in values):
        return None
    units = shape[1]
    return sum(all(value == 0 for value in values[unit::units]) for unit in range(units)), units
