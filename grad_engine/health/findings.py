"""What is wrong with a model, and what is worth knowing, in sentences that the record proves."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf, prod
from pathlib import PurePath

from grad_engine.health.rows import ParameterRow, zeros
from grad_engine.record import NodeRecord, TensorRecord
from grad_engine.record.index import Origin, RecordIndex, index_of, mark, short_name, single_number, together
from grad_engine.record.layers import at_ends, stuck_units
from grad_engine.record.parts import FROZEN, UNASKED, LeafChangeRecord
from grad_engine.record.words import brief, harmless, many, origin_words, percent

APART = 1e6  # times by which gradients shrink or grow along the model before it is said
LARGE = 1e3  # norm of a gradient from which on growth is said
MOST_NAMED = 6
STUCK = 0.3  # share of a layer's units that is wrong in half as many rows too
MOST_READ = 2  # operands whose numbers are told
MOST_STEPS = 4  # ops between a loss and the probabilities that it reads
MOST_ZEROS = 0.5  # share of a gradient that is 0, from which on it is worth a note
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
        notes.append(_harmless_origin(index, index.value_origins[0]))
    wrong += index.record.remarks
    wrong += _probabilities(index)
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
            what = f"{_kind(origin)} begins in the result of {_called(index, part)} ({origin_words(index, origin)})"
            known = all(not _unmeasured(index.tensors[operand.tensor], index) for operand in node.inputs)
            yield f"{'' if known else 'As far as values are recorded, '}{what}.{_read(index, node)}"
        else:
            label = index.tensors[tensor].name or (index.label(tensor) if part else None)
            use = next(iter(index.uses.get(tensor, ())), None)
            if label is None and use is not None:
                label = f"an operand of {_placed(index, use.node)}"
            what = f"which no op of the graph made ({origin_words(index, origin)})"
            yield f"There is {_kind(origin)} in {label or 'a constant'}, {what}."
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
            maker = index.nodes.get(sent.part)
            reads = _read(index, maker) if maker is not None else ""
            yield f"In backward, {_kind(sent)} begins in the gradient that {what}.{reads}"


def _read(index: RecordIndex, node: NodeRecord) -> str:
    """What numbers an op read, as a sentence; "" where they are not known or not finite."""
    ranges: list[str] = []
    for operand in node.inputs[:MOST_READ]:
        tensor = index.tensors[operand.tensor]
        size, ends = index.measured(operand.tensor), _range(tensor)
        if size is None or size.bad or ends is None:
            return ""
        low, high = (f"{'−' if end < 0 else ''}{brief(abs(end))}" for end in ends)
        ranges.append(low if low == high else f"numbers from {low} to {high}")
    return f" It read {' and '.join(ranges)}." if ranges else ""


def _range(tensor: TensorRecord) -> tuple[float, float] | None:
    """The least and the largest entry, where they are recorded."""
    if tensor.stats is not None:
        low, high = tensor.stats.min, tensor.stats.max
        return None if low is None or high is None else (float(low), float(high))
    values = tensor.data.values if tensor.data is not None else None
    return (float(min(values)), float(max(values))) if values else None


def _harmless_origin(index: RecordIndex, origin: Origin) -> str:
    """What is not finite in a result, where it spoils neither root nor gradients."""
    node = index.nodes.get(origin.part)
    readers = [use.node for output in node.outputs for use in index.uses.get(output, ())] if node is not None else []
    results = [index.measured(output) for reader in readers for output in reader.outputs]
    if node is not None and results and all(size is not None and not size.bad for size in results):
        some = f"{origin.measure.bad} of {many(origin.measure.size, 'value')}"
        what = f"{_placed(index, node, line=True)} holds {_kind(origin)} ({some})"
        return f"{what}, as a mask does: what reads it is finite."
    return (
        f"{_called(index, origin.part)} holds {_kind(origin)} ({origin_words(index, origin)}), but no recorded "
        "gradient does, and the root does not as far as it is recorded."
    )


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
                f"Gradients vanish: the norm falls from {brief(high.norm)} at {_module(high.name)} to "
                f"{brief(low.norm)} at {_module(low.name)}."
            )
            break
    if units:
        high = max(units, key=lambda unit: unit.norm)
        above = _reached(index, high.ops, up=True) - high.ops
        near = min((unit for unit in units if unit.ops & above), key=lambda unit: unit.step, default=None)
        if near is not None and high.norm > max(LARGE, near.norm * APART):
            yield (
                f"Gradients explode: the norm grows from {brief(near.norm)} at {_module(near.name)} to "
                f"{brief(high.norm)} at {_module(high.name)}."
            )
            return
    yield from _large_values(index)
    if (grown := index.growth) is not None:
        seed, norm, part = grown
        yield (
            f"Gradients explode: the norm grows from {brief(seed)}, where backward starts, to {brief(norm)} at "
            f"{_placed(index, index.nodes[part]) if part in index.nodes else _called(index, part)}."
        )


def _large_values(index: RecordIndex) -> Iterator[str]:
    """Results that are larger by more than APART than anything that the graph was given."""
    given = [_largest(tensor) for tensor in index.record.tensors if tensor.is_leaf]
    start = max([1.0, *(abs(size) for size in given if size is not None)])
    made = [(_largest(index.tensors[output]), node) for node in index.record.nodes for output in node.outputs]
    known = [(size, node) for size, node in made if size is not None and size < inf]
    size, node = max(known, key=lambda one: one[0], default=(0.0, None))
    if node is not None and size > APART * start:
        first = next(other for bound, other in known if bound > APART * start)
        yield (
            f"Values explode: from {brief(start)} at most in inputs and parameters to {brief(size)} in the result of "
            f"{_placed(index, node)}; {_placed(index, first, line=True)} is the first above {brief(APART * start)}."
        )


def _module(name: str) -> str:
    """The name of a module in a sentence: a number alone could be taken for a norm."""
    return f"module {name}" if name.replace(".", "").isdecimal() else name


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
            found.append(_placed(index, node, line=True))
    if found:
        yield f"The result of {_some(found)} is 0 in every entry: no gradient passes."


def _stuck_units(index: RecordIndex) -> Iterator[tuple[bool, str]]:
    """Functions of which some units are 0, or at an end, for the whole batch; and whether that is no chance."""
    for node in index.record.nodes:
        made = index.tensors[node.outputs[0]]
        if zeros(made) in (None, 1) or (counted := stuck_units(node, made)) is None or not counted[0]:
            continue
        stuck, units = counted
        # The places of one text or signal are alike, so that they say no more than one row.
        rows = made.shape[0] if len(made.shape) == 3 else prod(made.shape) / units
        enough = rows >= FEWEST_ROWS or (rows >= FEWEST_ROWS / 2 and stuck >= units * STUCK)
        wrong = stuck >= 2 and enough and not _feeds_a_loss(index, node)
        of = many(stuck, "unit") if len(made.shape) == 3 else f"{stuck} of {many(units, 'unit')}"
        where, are = "at an end" if node.ends else "0", "is" if stuck == 1 else "are"
        yield wrong, f"{of} of {_placed(index, node, line=True)} {are} {where} for the whole batch."


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


def _probabilities(index: RecordIndex) -> Iterator[str]:
    """Losses over classes that are computed from probabilities, where they take scores: a softmax too many."""
    for node in index.record.nodes:
        read = node.inputs[0].tensor if node.even_chances and node.inputs else ""
        for _ in range(MOST_STEPS):
            maker = index.makers.get(read)
            if maker is None or not maker.inputs:
                break
            if _adds_up_to_1(index.tensors[read]):
                what = f"(they add up to 1; {_placed(index, maker, line=True)} made them)"
                yield (
                    f"The loss of {_placed(index, node)} is computed from probabilities {what}, and it takes scores or "
                    "their logarithms: leave out that step, or its gradients are too small."
                )
                break
            read = maker.inputs[0].tensor


def _adds_up_to_1(tensor: TensorRecord) -> bool:
    """Whether numbers are probabilities of classes along the second axis, as far as range and mean tell."""
    ends, shape = _range(tensor), tensor.shape
    if ends is None or ends[0] < 0 or ends[1] > 1 or len(shape) < 2 or shape[1] < 2:
        return False
    values = tensor.data.values if tensor.data is not None else None
    mean = tensor.stats.mean if tensor.stats is not None else sum(values) / len(values) if values else None
    return mean is not None and ends[0] < ends[1] and abs(mean * shape[1] - 1) < 1e-3


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


def _placed(index: RecordIndex, node: NodeRecord, line: bool = False) -> str:
    """An op with its module, and the line of the program that called it, where that is recorded and asked for."""
    at = f" ({PurePath(node.source.file).name}:{node.source.line})" if line and node.source is not None else ""
    return f"{_called(index, node.id)}{f' in {node.scope}' if node.scope else ''}{at}"


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
