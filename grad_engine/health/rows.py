"""The numbers of a health report: one row for each parameter or other leaf, and one for each module."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from grad_engine.record import Shape, TensorRecord
from grad_engine.record.index import Measure, RecordIndex, together
from grad_engine.record.parts import UNREACHED


@dataclass(frozen=True, slots=True)
class ParameterRow:
    """What the record holds of one parameter or other leaf. None: not known, for the record does not hold it.

    The gradient is what `.grad` held after the last run that changed it.
    """

    name: str
    module: str  # that owns it, or whose ops alone read it; "" for none
    part: str | None  # its accumulator; None where the graph does not read it
    shape: Shape
    value_norm: float | None  # None also where an entry is NaN or infinite, like every norm here
    gradient_norm: float | None
    ratio: float | None  # ‖grad‖ / ‖value‖; None where ‖value‖ is 0
    value_zeros: float | None  # the share of its entries that are 0, from 0 to 1
    gradient_zeros: float | None
    value_nonfinite: int | None  # how many of its entries are NaN or infinite
    gradient_nonfinite: int | None
    has_gradient: bool
    reason: str = ""  # why it has no gradient
    update: float | None = None  # ‖change‖ / ‖value‖ in the optimiser's step after the run, where it was watched


@dataclass(frozen=True, slots=True)
class ModuleRow:
    """The parameters of one module and of those inside it, taken together. None: not known of one of them."""

    module: str
    parameters: int
    without_gradient: int
    value_norm: float | None
    gradient_norm: float | None  # of the parameters that have a gradient
    ratio: float | None
    gradient_nonfinite: int | None
    value_nonfinite: int | None = None


def parameter_rows(index: RecordIndex) -> list[ParameterRow]:
    """The parameters that the record lists, in its order, then every other leaf."""
    gradients: dict[str, TensorRecord] = {}
    for run in index.record.runs:  # of one root or several
        gradients.update((change.accumulator, index.tensors[change.after]) for change in run.leaves)
    rows: list[ParameterRow] = []
    for each in index.record.parameters:
        module = each.name.rpartition(".")[0]
        row = _row(index, gradients, each.name, module, each.accumulator, each.shape, each.reason, each.update)
        if row.value_nonfinite is None and each.value_nonfinite is not None:  # the graph does not hold its numbers
            g, norm = row.gradient_norm, each.value_norm
            row = replace(row, value_norm=norm, value_nonfinite=each.value_nonfinite, ratio=_quotient(g, norm))
        rows.append(row)
    listed = {row.part for row in rows}
    for id in index.accumulators:
        if id not in listed:
            leaf = index.leaf(id)
            rows.append(_row(index, gradients, leaf.name or id, _module(index, id), id, leaf.shape, ""))
    return rows


def _row(
    index: RecordIndex,
    gradients: dict[str, TensorRecord],
    name: str,
    module: str,
    part: str | None,
    shape: Shape,
    reason: str,
    update: float | None = None,
) -> ParameterRow:
    leaf = index.leaf(part) if part is not None else None
    gradient = gradients.get(part) if part is not None else None
    value, g = _measured(index, leaf), _measured(index, gradient)
    if gradient is not None:
        reason = ""
    elif not reason and index.run is not None:
        reason = UNREACHED
    return ParameterRow(
        name=name,
        module=module,
        part=part,
        shape=shape,
        value_norm=value.norm if value is not None else None,
        gradient_norm=g.norm if g is not None else None,
        ratio=_ratio(value, g),
        value_zeros=zeros(leaf),
        gradient_zeros=zeros(gradient),
        value_nonfinite=value.bad if value is not None else None,
        gradient_nonfinite=g.bad if g is not None else None,
        has_gradient=gradient is not None,
        reason=reason,
        update=update,
    )


def _measured(index: RecordIndex, tensor: TensorRecord | None) -> Measure | None:
    return None if tensor is None else index.measured(tensor.id)


def _ratio(value: Measure | None, gradient: Measure | None) -> float | None:
    return None if value is None or gradient is None else _quotient(gradient.norm, value.norm)


def _quotient(gradient: float | None, value: float | None) -> float | None:
    if not value or gradient is None:
        return None
    ratio = gradient / value
    return ratio if math.isfinite(ratio) else None


def zeros(tensor: TensorRecord | None) -> float | None:
    """The share of the entries of a tensor that are 0, counted exactly; None where the record does not tell."""
    if tensor is None or not (size := math.prod(tensor.shape)):
        return None
    if tensor.stats is not None:
        return tensor.stats.zeros / size
    values = tensor.data.values if tensor.data is not None else None
    return None if values is None else sum(value == 0 for value in values) / size


def _module(index: RecordIndex, leaf: str) -> str:
    """The innermost module that holds every op that reads a leaf."""
    scopes = [index.nodes[reader].scope.split(".") for reader in index.readers(leaf)]
    shared: list[str] = []
    for parts in zip(*scopes, strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    return ".".join(shared)


def module_rows(index: RecordIndex, rows: Sequence[ParameterRow], most: int) -> list[ModuleRow]:
    """The modules at the deepest level at which they are at most `most`, in the order of their first parameter.

    None where no parameter is in a module, or where even the outermost modules are more.
    """
    paths = [row.module.split(".") if row.module else [] for row in rows]
    chosen: dict[str, list[ParameterRow]] = {}
    for level in range(1, max(map(len, paths), default=0) + 1):
        found: dict[str, list[ParameterRow]] = defaultdict(list)
        for path, row in zip(paths, rows, strict=True):
            if path:
                found[".".join(path[:level])].append(row)
        if len(found) > most:
            break
        chosen = found
    return [_together(index, module, inside) for module, inside in chosen.items()]


def _together(index: RecordIndex, module: str, rows: Sequence[ParameterRow]) -> ModuleRow:
    held = [row for row in rows if row.has_gradient]
    value = _norm([row.value_norm for row in rows])
    gradient = _norm([row.gradient_norm for row in held])
    return ModuleRow(
        module=module,
        parameters=len(rows),
        without_gradient=len(rows) - len(held),
        value_norm=value,
        gradient_norm=gradient,
        ratio=gradient / value if gradient is not None and value else None,
        gradient_nonfinite=_sum([row.gradient_nonfinite for row in held]),
        value_nonfinite=_sum([row.value_nonfinite for row in rows]),
    )


def _sum(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else None


def _norm(norms: Sequence[float | None]) -> float | None:
    known = [norm for norm in norms if norm is not None]
    if not norms or len(known) < len(norms):
        return None
    found = together([Measure(norm, 0, 0, 1) for norm in known])
    return None if found is None else found.norm
