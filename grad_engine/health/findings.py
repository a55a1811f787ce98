"""What is wrong with a model, and what is worth knowing, in sentences that the record proves."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf, prod

from grad_engine.health.rows import ParameterRow, zeros
from grad_engine.record import NodeRecord, TensorRecord
from grad_engine.record.index import Origin, RecordIndex, index_of, mark, short_name, single_number, together
from grad_engine.record.layers import at_ends, stuck_units
from grad_engine.record.parts import FROZEN, UNASKED, LeafChangeRecord
from grad_engine.record.words import brief, harmless, many, origin_words, percent

APART = 1e6  # times by which gradients shrink or grow along the model before it is said
LARGE = 1e3  # norm of a gradient from which on growth is said
MOST_NAMED = 6
FEWEST_ROWS = 32  # in which a unit is 0 or at an end before two of them being so is no chance
FLAT = 0.01  # part of a gradient that passes a function, below which it is called saturated
MOST_AT_ENDS = 0.5  # share of a function's results near its ends from which on it is called saturated
WORSE = 1.25  # times the loss of even chances from which on a loss is called too large
LARGE_UPDATE, SMALL_UPDATE = 0.1, 1e-6  # ‖change‖ / ‖value‖ of a weight in one step; about 0.001 is healthy
FEWEST_ENTRIES = 4  # of a result that can be called saturated
AS_WANTED = (FROZEN, UNASKED)  # reasons of parameters without gradient that the program asked for
MOST_TRIED = 20  # modules with a small gradient that are looked at

Sentences = list[str]


def findings(index: RecordIndex, rows: Sequence[ParameterRow]) -> tuple[Sentences, Sentences]:
    """What is wrong, and what else is worth knowing."""
    if index.record.stopped:
        wrong = [f"The program stopped: {index.record.stopped}."]
    elif not index.record.runs:
        wrong = ["There is no backward run in this record, so nothing is known of the gradients."]
    else:
        wrong = []
    notes: Sentences = []
    for run in index.record.runs:
        of_run = index if run is index.run else index_of(replace(index.record, runs=(run,)))
        if not run.complete:
            wrong.append(f"A backward run was interrupted in step {len(of_run.steps)}.")
        wrong += [*_born(of_run), *_scale(of_run, rows)]
    if not index.record.runs:
        wrong += _born(index)
    wrong += _not_finite(rows)
    spoiled = (index.tensors[tensor].role for tensor in index.record.counts.nonfinite)
    if not wrong and index.value_origins and not any(role in ("gradient", "share", "seed") for role in spoiled):
        first = index.value_origins[0]
        notes.append(
            f"{_called(index, first.part)} holds {_kind(first)} ({origin_words(index, first)}), but no recorded "
            "gradient does, and the root does not as far as it is recorded."
        )
    wrong += list(_worse_than_chance(index))[:MOST_NAMED]
    wrong += _silent_units(index)
    dead = list(_stuck_units(index))
    wrong += [words for is_wrong, words in dead if is_wrong][:MOST_NAMED]
    notes += [words for is_wrong, words in dead if not is_wrong][:MOST_NAMED]
    wrong += list(_at_ends(index))[:MOST_NAMED]
    wrong += _saturated(index)
    wrong += _updates(rows)
    if not index.record.stopped or index.record.runs:  # else nothing is known of what comes after
        wrong += _without_gradient([row for row in rows if row.reason not in AS_WANTED])
    notes += _without_gradient([row for row in rows if row.reason in AS_WANTED])
    notes += _about_rows(index, rows)
    return [harmless(each) for each in dict.fromkeys(wrong)], [harmless(each) for each in dict.fromkeys(notes)]


# what is not finite


def _born(index: RecordIndex) -> Iterator[str]:
    """Where the first number that is not finite was made, among the values that spoil a result, and among gradients."""
    sent = index.gradient_origin
    starts = [root.tensor for root in index.record.roots]
    if sent is not None and (node := index.nodes.get(sent.part)) is not None:
        starts += [*(operand.tensor for operand in node.inputs), *node.outputs]
    if (tensor := _source(index, starts)) is not None and (size := index.measured(tensor)) is not None:
        node = index.makers.get(tensor)
        part = node.id if node is not None else index.accumulator_of.get(tensor, "")
        origin = Origin(part, size)
        if node is not None:
            what = f"in the result of {_called(index, part)} ({origin_words(index, origin)})"
            yield f"As far as values are recorded, {_kind(origin)} begins {what}."
        else:
            label = index.label(tensor) or "a constant"
            yield f"There is {_kind(origin)} in {label}, which no op of the graph made ({origin_words(index, origin)})."
    if sent is not None and sent.edge is None:
        yield f"Backward was started with a gradient that holds {_kind(sent)}."
    elif sent is not None and sent.edge is not None:
        arrived = index.gradient(sent.part)
        if arrived is not None and arrived.bad:  # finite shares whose sum is too large, or a hook of the program's own
            met = Origin(sent.part, arrived)
            what = f"reached {_called(index, sent.part)} ({origin_words(index, met)}), and in no share before it"
            yield f"In backward, {_kind(met)} begins in the gradient that {what}."
        else:
            to = _called(index, index.edges[sent.edge].receiver)
            what = f"{_called(index, sent.part)} sends to {to} ({origin_words(index, sent)})"
            yield f"In backward, {_kind(sent)} begins in the gradient that {what}."


def _source(index: RecordIndex, starts: Sequence[str]) -> str | None:
    """The earliest tensor from which what is not finite came to one of `starts`: an input, else the oldest op's."""

    def bad(tensor: str) -> bool:
        size = index.measured(tensor)
        return size is not None and size.bad > 0

    pending = [tensor for tensor in starts if bad(tensor)]
    seen = set(pending)
    found: list[tuple[int, str]] = []
    while pending:
        tensor = pending.pop()
        node = index.makers.get(tensor)
        before = [operand.tensor for operand in node.inputs if bad(operand.tensor)] if node is not None else []
        if not before:
            found.append((node.age if node is not None else -1, tensor))
        pending += (fresh := [each for each in dict.fromkeys(before) if each not in seen])
        seen.update(fresh)
    return min(found)[1] if found else None


def _not_finite(rows: Sequence[ParameterRow]) -> Iterator[str]:
    if values := [row.name for row in rows if row.value_nonfinite]:
        yield f"There is NaN or infinity in the value of {_some(values)}."
    if gradients := [row.name for row in rows if row.gradient_nonfinite]:
        yield f"There is NaN or infinity in the gradient of {_some(gradients)}."


# what vanishes or explodes


@dataclass(frozen=True, slots=True)
class _Unit:
    """A module with parameters of its own, or a leaf outside of modules: the norm of its gradients, and its ops."""

    name: str
    norm: float
    step: int  # the first in which one of its ops ran
    ops: frozenset[str]  # that read its parameters


def _scale(index: RecordIndex, rows: Sequence[ParameterRow]) -> Iterator[str]:
    """Gradients that shrink or grow by more than APART on the way from one module to another."""
    units = _units(index, rows)
    largest = max((unit.norm for unit in units), default=0.0)
    small = sorted((unit for unit in units if unit.norm * APART < largest), key=lambda unit: unit.norm)
    for low in small[:MOST_TRIED]:
        above = _reached(index, low.ops, up=True) - low.ops
        high = max((unit for unit in units if unit.ops & above), key=lambda unit: unit.norm, default=None)
        # What lies beyond it must be as small: a gradient that is 0 by its formula (of a bias before a softmax or
        # a normalization) is only noise, and stops nothing.
        below = _reached(index, low.ops, up=False) - low.ops
        beyond = [unit.norm for unit in units if unit.ops & below]
        if high is not None and max([low.norm, *beyond]) * APART < high.norm:
            yield (
                f"Gradients vanish: the norm falls from {brief(high.norm)} at {high.name} to {brief(low.norm)} at "
                f"{low.name}."
            )
            break
    if units:
        high = max(units, key=lambda unit: unit.norm)
        above = _reached(index, high.ops, up=True) - high.ops
        near = min((unit for unit in units if unit.ops & above), key=lambda unit: unit.step, default=None)
        if near is not None and high.norm > max(LARGE, near.norm * APART):
            yield (
                f"Gradients explode: the norm grows from {brief(near.norm)} at {near.name} to {brief(high.norm)} at "
                f"{high.name}."
            )
            return
    if (grown := index.growth) is not None:
        seed, norm, part = grown
        yield (
            f"Gradients explode: the norm grows from {brief(seed)}, where backward starts, to {brief(norm)} at "
            f"{_called(index, part)}."
        )


def _units(index: RecordIndex, rows: Sequence[ParameterRow]) -> list[_Unit]:
    groups: dict[str, list[ParameterRow]] = {}
    for row in rows:
        groups.setdefault(row.module or row.name, []).append(row)
    found = []
    for name, inside in groups.items():
        sizes = [m for row in inside if row.part is not None and (m := index.measured(index.passed.get(row.part)))]
        size = together(sizes)
        norm = size.norm if size is not None else None
        ops = frozenset(edge.sender for row in inside if row.part for edge in index.incoming.get(row.part, ()))
        ran = [index.steps[op] for op in ops if op in index.steps]
        if norm and ran:
            found.append(_Unit(name, norm, min(ran), ops))
    return found


def _reached(index: RecordIndex, ops: Collection[str], up: bool) -> set[str]:
    """The ops that a gradient passes on its way to these, or after them; these among them."""
    seen, pending = set(ops), list(ops)
    while pending:
        op = pending.pop()
        edges = index.incoming.get(op, ()) if up else index.outgoing(op)
        others = {edge.sender if up else edge.receiver for edge in edges}
        pending += (fresh := [each for each in others if each not in seen and each in index.nodes])
        seen.update(fresh)
    return seen


# what gets nothing


def _silent_units(index: RecordIndex) -> Iterator[str]:
    """Calls of relu of several entries, each of which is 0: no gradient passes them."""
    found = []
    for node in index.record.nodes:
        made = index.tensors[node.outputs[0]]
        if node.op == "relu" and prod(made.shape) > 1 and zeros(made) == 1:
            found.append(_placed(index, node))
    if found:
        yield f"The result of {_some(found)} is 0 in every entry: no gradient passes."


def _stuck_units(index: RecordIndex) -> Iterator[tuple[bool, str]]:
    """Functions of which some units are 0, or at an end, for the whole batch; and whether that is no chance."""
    for node in index.record.nodes:
        made = index.tensors[node.outputs[0]]
        if zeros(made) in (None, 1) or (counted := stuck_units(node, made)) is None or not counted[0]:
            continue
        stuck, units = counted
        wrong = stuck >= 2 and prod(made.shape) >= FEWEST_ROWS * units and not _feeds_a_loss(index, node)
        of = many(stuck, "unit") if len(made.shape) == 3 else f"{stuck} of {many(units, 'unit')}"
        where = "at an end" if node.ends else "0"
        yield wrong, f"{of} of {_placed(index, node)} {'is' if stuck == 1 else 'are'} {where} for the whole batch."


def _at_ends(index: RecordIndex) -> Iterator[str]:
    """Functions between two ends, such as tanh, most of whose results are so near to these that they are flat."""
    for node in index.record.nodes:
        made = index.tensors[node.outputs[0]]
        share = at_ends(node, made)
        if share is None or share <= MOST_AT_ENDS or prod(made.shape) < FEWEST_ENTRIES or _feeds_a_loss(index, node):
            continue
        where = f" in {node.scope}" if node.scope else ""
        yield (
            f"{percent(share)} of {node.op} {mark(node.id)}'s outputs{where} are at its ends: hardly any gradient "
            "passes."
        )


def _feeds_a_loss(index: RecordIndex, node: NodeRecord) -> bool:
    """Whether a loss over classes reads the result: a probability near 0 or 1 is a good answer."""
    return any(use.node.even_chances for use in index.uses.get(node.outputs[0], ()))


def _worse_than_chance(index: RecordIndex) -> Iterator[str]:
    """Losses over classes that are larger than where each class is as likely as another."""
    for node in index.record.nodes:
        loss = single_number(index.tensors[node.outputs[0]])
        if loss is not None and 0 < node.even_chances * WORSE < loss < inf:
            yield (
                f"The loss of {_placed(index, node)} is {brief(loss)}, and even chances for every class give "
                f"{brief(node.even_chances)}: the model is sure of wrong answers, as with first weights that are too "
                "large."
            )


def _updates(rows: Sequence[ParameterRow]) -> Iterator[str]:
    """Weights that a step of the optimiser moved very far, or hardly; vectors, which may begin at 0, are left out."""
    known = [row for row in rows if row.update is not None and len(row.shape) > 1]
    if large := [f"{row.name} ({percent(row.update or 0)})" for row in known if (row.update or 0) >= LARGE_UPDATE]:
        yield f"A step changes {_some(large)} by a tenth of its size or more: a lower learning rate is safer."
    if small := [row.name for row in known if (row.update or 0) <= SMALL_UPDATE]:
        yield f"A step changes {_some(small)} by a millionth of its size or less: it hardly learns."


def _saturated(index: RecordIndex) -> Iterator[str]:
    """Functions of one operand that stay between -1 and 1, and are so flat that hardly a gradient passes."""
    found = []
    for node in index.record.nodes:
        if node.ends or not node.elementwise or len(node.inputs) != 1 or not (edges := index.outgoing(node.id)):
            continue
        made = index.tensors[node.outputs[0]]
        sent, arrived = index.share(edges[0].id), index.gradient(node.id)
        largest = _largest(made)
        if largest is None or largest > 1 or prod(made.shape) < FEWEST_ENTRIES or (zeros(made) or 0) > 0.5:
            continue
        if sent is None or arrived is None or sent.norm is None or not arrived.norm:
            continue
        if sent.norm < FLAT * arrived.norm:
            found.append(f"{_placed(index, node)} ({_percent(sent.norm / arrived.norm)} passes)")
    if found:
        yield f"Saturated, so that hardly a gradient passes: {_some(found)}."


def _largest(tensor: TensorRecord) -> float | None:
    if tensor.stats is not None:
        return tensor.stats.absmax
    values = tensor.data.values if tensor.data is not None else None
    return max(map(abs, values), default=None) if values is not None else None


def _percent(part: float) -> str:
    return "0 %" if part == 0 else f"{brief(part * 100)} %"


def _placed(index: RecordIndex, node: NodeRecord) -> str:
    return f"{_called(index, node.id)}{f' in {node.scope}' if node.scope else ''}"


def _without_gradient(rows: Sequence[ParameterRow]) -> Iterator[str]:
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if not row.has_gradient and row.reason:
            reasons.setdefault(row.reason, []).append(row.name)
    for reason, names in reasons.items():
        yield f"No gradient for {_some(names)}: {reason}."


def _about_rows(index: RecordIndex, rows: Sequence[ParameterRow]) -> Iterator[str]:
    if nothing := [row.name for row in rows if row.gradient_zeros == 1]:
        yield f"The gradient of {_some(nothing)} is 0 in every entry."
    first: dict[str, LeafChangeRecord] = {}
    for run in index.record.runs:  # a later one adds to what an earlier one left
        for change in run.leaves:
            first.setdefault(change.accumulator, change)
    held = [accumulator for accumulator, change in first.items() if change.before is not None]
    if held:
        yield f"The gradient of {_some(_names(index, held))} is added to what was there before."
    if unknown := [row.name for row in rows if row.part is not None and row.value_nonfinite is None]:
        yield f"The value of {_some(unknown)} is not recorded: its norm is not known."
    if unknown := [row.name for row in rows if row.has_gradient and row.gradient_nonfinite is None]:
        yield f"The numbers of the gradient of {_some(unknown)} are not recorded: its norm is not known."
    missing = [t for node in index.record.nodes for t in node.outputs if _unmeasured(index.tensors[t], index)]
    if missing:
        total = sum(len(node.outputs) for node in index.record.nodes)
        yield f"The values of {len(missing)} of {many(total, 'result')} are not recorded, so they were not looked at."


def _unmeasured(tensor: TensorRecord, index: RecordIndex) -> bool:
    return index.measured(tensor.id) is None


# words


def _names(index: RecordIndex, accumulators: Sequence[str]) -> list[str]:
    return [index.leaf(each).name or each for each in accumulators]


def _some(names: Sequence[str]) -> str:
    """The first of these names, and how many more there are."""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def _called(index: RecordIndex, part: str) -> str:
    if part in index.nodes:
        return f"{mark(part)} {short_name(index.nodes[part])}"
    return index.leaf(part).name or part


def _kind(origin: Origin) -> str:
    size = origin.measure
    return "NaN and infinity" if size.nan and size.infinite else "NaN" if size.nan else "infinity"
