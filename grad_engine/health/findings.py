"""What is wrong with a model, and what is worth knowing, in sentences that the record proves.

Each cause is one sentence, whatever follows from it and in however many runs or calls it is met.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from grad_engine.health.losses import each_with_each, one_linear_map, probabilities, worse_than_chance
from grad_engine.health.not_finite import born, harmless_origin, reached
from grad_engine.health.rows import ParameterRow
from grad_engine.health.scale import EXPLODED, faded, scale
from grad_engine.health.told import MOST_NAMED, Told, alike, once, placed, some
from grad_engine.health.units import near_ends, saturated, silent_units, stuck
from grad_engine.record.index import Origin, RecordIndex, index_of
from grad_engine.record.parts import FROZEN, UNASKED, BackwardRecord, LeafChangeRecord, RunEvent
from grad_engine.record.words import harmless, many, percent, shape_words

MOST_ZEROS = 0.5  # share of a gradient that is 0, from which on it is worth a note
LARGE_UPDATE, SMALL_UPDATE = 0.1, 1e-6  # ‖change‖ / ‖value‖ of a weight in one step; about 0.001 is healthy
ADDS_UP = (
    "Gradients add up from one step of the optimizer to the next: no zero_grad() came between them; call "
    "optimizer.zero_grad() once in every step."
)
AS_WANTED = (FROZEN, UNASKED)  # reasons of parameters without gradient that the program asked for

CALL = re.compile(r"\S+ \(\S+:\d+\)")  # conv2d (model.py:12)
NO_RUN = ("no run",)  # what a finding is about where backward has not run

Sentences = list[str]


def findings(index: RecordIndex, rows: Sequence[ParameterRow]) -> tuple[Sentences, Sentences]:
    """What is wrong, and what else is worth knowing."""
    told = told_of(index, rows)
    wrong = dict.fromkeys(harmless(one.words) for one in told if one.is_wrong)
    notes = dict.fromkeys(harmless(one.words) for one in told if not one.is_wrong)
    return list(wrong), list(notes)


def told_of(index: RecordIndex, rows: Sequence[ParameterRow]) -> list[Told]:
    """What is wrong, and what is worth knowing, with the ops and leaves that it is about."""
    record = index.record
    told: list[Told] = []
    cut = [index_of(replace(record, runs=(run,))) for run in record.runs if not run.complete]
    in_steps = [f"A backward run was interrupted in step {len(of_run.steps)}." for of_run in cut]
    if record.stopped:
        told.append(Told(" ".join([f"The program stopped: {record.stopped.rstrip('.')}.", *in_steps])))
    elif not record.runs:
        told.append(Told("There is no backward run in this record, so nothing is known of the gradients.", NO_RUN))
    each = [index if run is index.run else index_of(replace(record, runs=(run,))) for run in record.runs]
    if not record.stopped:
        told += map(Told, in_steps)
    steps = sum(not run.create_graph for run in record.runs)  # such a run is a part of a later one's step
    begun = [(k, one) for k, of_run in enumerate(each) for one in born(of_run)]
    causes = [one for _, one in begun] if record.runs else list(born(index))
    scaled = [(k, one) for k, of_run in enumerate(each) for one in scale(of_run, rows)]
    exploded = min((k for k, one in scaled if one.about == EXPLODED), default=len(each))
    begun = [
        (k, one if k < exploded else replace(one, is_wrong=False)) for k, one in begun
    ]  # else it follows from that
    told += once([*begun, *scaled], steps) if record.runs else causes
    if 0 < exploded < len(each):
        told.append(Told(f"Runs before run {exploded + 1} are in order: the steps of the optimizer are too large."))
    told += reached(rows, causes)
    spoiled = (index.tensors[tensor].role for tensor in record.counts.nonfinite)
    is_spoiled = any(one.is_wrong for one in told) or any(role in ("gradient", "share", "seed") for role in spoiled)
    masks = [Origin(id, m) for id in index.masks if (m := index.value(id)) is not None]
    if not is_spoiled and (origins := [*index.value_origins, *masks]):
        told.append(Told(harmless_origin(index, origins[0]), is_wrong=False))
    told += [Told(remark) for remark in record.remarks]
    ran = [frozenset(of_run.steps) for of_run in each if of_run.run is not None and not of_run.run.create_graph]
    for kind in (probabilities, each_with_each, worse_than_chance, silent_units, stuck, near_ends, saturated):
        found = alike(kind(index), ran)
        told += [one for one in found if one.is_wrong][:MOST_NAMED]
        told += [one for one in found if not one.is_wrong][:MOST_NAMED]
    told += _updates(rows)
    if not (record.stopped or cut) or any(
        run.complete for run in record.runs
    ):  # else nothing is known of what comes after
        told += _without_gradient([row for row in rows if row.reason not in AS_WANTED])
    told += [
        replace(one, is_wrong=False) for one in _without_gradient([row for row in rows if row.reason in AS_WANTED])
    ]
    told += alike(one_linear_map(index), ran)[:MOST_NAMED]
    told += [
        Told(words, is_wrong=False)
        for words in (*_double_backward(record.runs), *faded(index), *_strangers(index), *_about_rows(index, rows))
    ]
    return told


def _is_weight(index: RecordIndex, leaf: str) -> bool:
    """Whether a leaf is read as layers read their weights: by that name, or transposed first."""
    for use in index.uses.get(index.accumulators[leaf].leaf, ()):
        readers = [index.nodes[each] for each in index.readers(use.node.id)]
        is_turned = len(use.node.inputs) == 1 and not use.node.elementwise
        if use.operand.parameter == "weight" or (is_turned and any(each.multiply_adds for each in readers)):
            return True
    return False


def _double_backward(runs: Sequence[BackwardRecord]) -> Iterator[str]:
    """That some runs were differentiated once more, by a later run of the same step."""
    some_runs = [k for k, run in enumerate(runs, 1) if run.create_graph]
    if some_runs and not runs[-1].create_graph:
        yield (
            f"Double backward: {len(some_runs)} of {len(runs)} runs kept a graph of its gradients (create_graph=True), "
            "and a later one goes through that graph too: together they are one step."
        )


def _updates(rows: Sequence[ParameterRow]) -> Iterator[Told]:
    """Weights that a step of the optimiser moved very far, or hardly; vectors, which may begin at 0, are left out."""
    known = [row for row in rows if row.update is not None and len(row.shape) > 1]
    if large := [f"{row.name} ({percent(row.update or 0)})" for row in known if (row.update or 0) >= LARGE_UPDATE]:
        yield Told(f"A step changes {some(large)} by a tenth of its size or more: a lower learning rate is safer.")
    if small := [row.name for row in known if (row.update or 0) <= SMALL_UPDATE]:
        yield Told(f"A step changes {some(small)} by a millionth of its size or less: it hardly learns.")


def _without_gradient(rows: Sequence[ParameterRow]) -> Iterator[Told]:
    reasons: dict[str, list[ParameterRow]] = {}  # by the reason without the call that it names
    for row in rows:
        if not row.has_gradient and row.reason:
            reasons.setdefault(CALL.sub("", row.reason), []).append(row)
    for alike_rows in reasons.values():
        leaves = tuple(row.part for row in alike_rows if row.part is not None)
        calls = dict.fromkeys(row.reason for row in alike_rows)
        more = f" (and {many(len(calls) - 1, 'call')} like this one)" if len(calls) > 1 else ""
        yield Told(f"No gradient for {some([row.name for row in alike_rows])}: {next(iter(calls))}{more}.", ops=leaves)


def _strangers(index: RecordIndex) -> Iterator[str]:
    """Leaves without a name that are no parameters of the model that was watched."""
    listed = {each.accumulator for each in index.record.parameters}
    others = [part for part in index.accumulators if part not in listed and not index.leaf(part).name]
    if not any(_is_weight(index, part) for part in others):  # data whose gradient is asked for, as in a penalty
        return
    if index.record.parameters and others:
        shape, readers = shape_words(index.leaf(others[0]).shape), index.readers(others[0])
        where = f", which {placed(index, index.nodes[readers[0]], line=True)} reads" if readers else ""
        those = f"{many(len(others), 'leaf', 'leaves')} of the graph, such as {others[0]} ({shape}){where}"
        are = "are no parameters" if len(others) > 1 else "is no parameter"
        why = "of another model, or of modules in a plain list, where nn.ModuleList would find them"
        yield f"{those}, {are} of this model: {why}."


def _about_rows(index: RecordIndex, rows: Sequence[ParameterRow]) -> Iterator[str]:
    if nothing := [row.name for row in rows if row.gradient_zeros == 1]:
        yield f"The gradient of {some(nothing)} is 0 in every entry."
    for row in rows:
        if row.gradient_zeros is not None and MOST_ZEROS <= row.gradient_zeros < 1 and len(row.shape) > 1:
            readers = [index.nodes[op] for op in index.readers(row.part)] if row.part is not None else []
            if any(index.tensors[each.tensor].dtype.startswith("int") for op in readers for each in op.inputs):
                zero = percent(row.gradient_zeros)
                yield f"{zero} of the gradient of {row.name} is 0: rows that no index named in this step."
    first: dict[str, LeafChangeRecord] = {}
    for run in index.record.runs:  # a later one adds to what an earlier one left
        for change in run.leaves:
            first.setdefault(change.accumulator, change)
    held = [accumulator for accumulator, change in first.items() if _is_some(index, change.before)]
    adds_up = ADDS_UP in index.record.remarks  # a fault, and told as such
    if held and not adds_up:
        names = some(_names(index, held))
        yield (
            f"The gradient of {names} is added to what was there before, which is right where gradients of several "
            "runs are accumulated; else zero_grad() is missing."
        )
    if (added := _accumulated(index)) and not adds_up:
        names = some(_names(index, added))
        yield (
            f"The gradients of {len(forward_passes(index))} forward passes are added up in {names}, for no zero_grad() "
            "came between them: right where they are accumulated for one step of the optimizer."
        )
    if unknown := [row.name for row in rows if row.part is not None and row.value_nonfinite is None]:
        yield f"The value of {some(unknown)} is not recorded: its norm is not known."
    if unknown := [row.name for row in rows if row.has_gradient and row.gradient_nonfinite is None]:
        yield f"The numbers of the gradient of {some(unknown)} are not recorded: its norm is not known."
    missing = [t for node in index.record.nodes for t in node.outputs if index.measured(t) is None]
    if missing:
        total = sum(len(node.outputs) for node in index.record.nodes)
        yield f"The values of {len(missing)} of {many(total, 'result')} are not recorded, so they were not looked at."


def forward_passes(index: RecordIndex) -> list[set[str]]:
    """The ops of each forward pass through which backward ran: runs that share an op went through the same one."""
    passes: list[set[str]] = []
    for run in index.record.runs:
        ops = _ran(run)
        passes, shared = [each for each in passes if not each & ops], [each for each in passes if each & ops]
        passes.append(ops.union(*shared))
    return passes


def _ran(run: BackwardRecord) -> set[str]:
    return {event.node for event in run.events if isinstance(event, RunEvent)}


def _accumulated(index: RecordIndex) -> list[str]:
    """Leaves to whose gradient a run through a forward pass added, beside that of a pass before it."""
    passes = forward_passes(index)
    if len(passes) < 2:
        return []
    found: dict[str, None] = {}
    first: dict[str, set[str]] = {}  # the forward pass that gave a leaf its gradient
    for run in index.record.runs:
        own = next(each for each in passes if _ran(run) <= each)
        for change in run.leaves:
            before = first.get(change.accumulator)
            if before is None or not _is_some(index, change.before):
                first[change.accumulator] = own
            elif before is not own:
                found[change.accumulator] = None
    return list(found)


def _names(index: RecordIndex, accumulators: Sequence[str]) -> list[str]:
    return [index.leaf(each).name or each for each in accumulators]


def _is_some(index: RecordIndex, gradient: str | None) -> bool:
    """Whether a gradient was there, and not only zeros."""
    size = index.measured(gradient)
    return gradient is not None and (size is None or size.norm != 0)
