"""Where NaN and infinity come from: one sentence for each cause, of values and of gradients, and what they reached."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from math import prod

from grad_engine.health.rows import ParameterRow
from grad_engine.health.told import (
    Told,
    called,
    ends_of,
    first_bad,
    kind,
    placed,
    same_place,
    share_of,
    signs,
    some,
)
from grad_engine.record import NodeRecord
from grad_engine.record.index import Measure, Origin, RecordIndex, Use
from grad_engine.record.words import brief, origin_words

MOST_READ = 2  # operands whose numbers are told
MOST_ORIGINS = 3  # other ops in which it begins as well
MOST_SEARCHED = 10_000  # results without numbers that are looked through


def born(index: RecordIndex) -> Iterator[Told]:
    """Where what is not finite begins in the last run of an index: among the values that spoil a result, and gradients.

    Gradients that are not finite because of such values are told in the same sentence.
    """
    sent = index.gradient_origin
    run = index.run
    starts = [run_root(index)] if run is not None else [root.tensor for root in index.record.roots]
    sender = index.nodes.get(sent.part) if sent is not None else None
    if sender is not None:
        starts += [*(operand.tensor for operand in sender.inputs), *sender.outputs]
    forward = _of_values(index, starts)
    if forward is None:
        if sent is not None:
            yield _of_gradients(index, sent)
        return
    if sent is None or sent.edge is None or sender is None:
        yield forward
        if sent is not None:
            yield _of_gradients(index, sent)
        return
    near = [index.measured(tensor) for tensor in (*(each.tensor for each in sender.inputs), *sender.outputs)]
    if all(size is not None and not size.bad for size in near):  # it has a cause of its own
        yield forward
        yield _of_gradients(index, sent)
        return
    if run is not None and (size := index.measured(run_root(index))) is not None and not size.bad:
        to = called(index, index.edges[sent.edge].receiver)
        more = (
            f" The result is finite, for what reads it leaves these entries out; backward multiplies by them all the "
            f"same: there is {kind(sent.measure)} in the gradient that {called(index, sent.part)} sends to {to}."
        )
        forward = Told(forward.words + more, forward.about, forward.ops)
    yield forward


def run_root(index: RecordIndex) -> str:
    """The tensor from which the last run started."""
    assert index.run is not None
    return index.nodes[index.run.root].outputs[index.run.output]


def _of_values(index: RecordIndex, starts: Sequence[str]) -> Told | None:
    """Where the first value that is not finite was made, of those that spoil one of `starts`."""
    sources = _sources(index, starts, lambda size: size.bad > 0)
    if not sources:
        return None
    real = [tensor for tensor in sources if not _is_mask(index, tensor)]
    if not real and (met := _met(index, starts)) is not None:
        return met
    tensor, *others = real or sources
    size = index.measured(tensor)
    assert size is not None
    node = index.makers.get(tensor)
    if node is None:
        return _given(index, tensor, others)
    if (changed := _changed(index, node, size)) is not None:
        return changed
    known = all(index.measured(operand.tensor) is not None for operand in node.inputs)
    where = origin_words(index, Origin(node.id, size))
    what = f"{kind(size)} begins in the result of {called(index, node.id)} ({where})"
    words = f"{_capital(what) if known else f'As far as values are recorded, {what}'}.{read_by(index, node)}"
    if not size.nan and (spoiled := _first_nan(index, starts)) is not None:
        words += f" It becomes NaN in {placed(index, spoiled, line=True)}."
    also = [index.makers[other] for other in others if other in index.makers]
    places = {same_place(each): each for each in also if same_place(each) != same_place(node)}
    if places:
        more = [placed(index, each, line=True) for each in places.values()]
        rest = f" and {len(more) - MOST_ORIGINS} more" if len(more) > MOST_ORIGINS else ""
        words += f" It begins in {', '.join(more[:MOST_ORIGINS])}{rest} too."
    return Told(words, ("value", *same_place(node)), (node.id,))


def _changed(index: RecordIndex, node: NodeRecord, size: Measure) -> Told | None:
    """That a parameter was not finite when an op read it, although it was when the record first met it."""
    read = node.inputs[0].tensor if len(node.inputs) == 1 and not node.elementwise else ""
    part = index.accumulator_of.get(read)
    if part is None or prod(index.tensors[read].shape) != size.size:
        return None
    name = index.tensors[read].name or part
    words = (
        f"The parameter {name} has {kind(size)} ({share_of(size)}) where {placed(index, node, line=True)} reads it: a "
        "step of the optimizer before this run made it so."
    )
    return Told(words, ("value", "parameter"), (part,))


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _given(index: RecordIndex, tensor: str, others: Sequence[str]) -> Told:
    """That an input or a parameter was not finite from the start."""
    size = index.measured(tensor)
    assert size is not None
    use = _reader(index, tensor)
    place = first_bad(index.tensors[tensor])
    at = f" at {place}" if place else ""
    rest = f" ({share_of(size)})" if size.size > 1 else ""
    reader = f": {placed(index, use.node, line=True)} reads it" if use is not None else ""
    name = index.tensors[tensor].name
    parameters = {each.accumulator: each.name for each in index.record.parameters if each.accumulator is not None}
    part = index.accumulator_of.get(tensor, "")
    if part in parameters:
        also = [parameters[other] for each in others if (other := index.accumulator_of.get(each, "")) in parameters]
        more = f", and so have {some(also)}" if also else ""
        words = f"The parameter {parameters[part]} has {kind(size)}{at}{rest}, from before this step{reader}{more}."
        return Told(words, ("value", "parameter"), (part,))
    if name or part:
        label = "" if name == "input" else f" {name or part}"
        words = f"The input{label} has {kind(size)}{at}{rest}{reader}."
    else:
        what = use.operand.parameter if use is not None else ""
        of = f"{what} of {placed(index, use.node, line=True)}" if use is not None else "a constant"
        words = f"There is {kind(size)} in the data: {of} has it{at}{rest}, and no op of the graph made it."
    about = ("value", "input", name, *(same_place(use.node) if use is not None else ()))
    return Told(words, about, (use.node.id,) if use is not None else ())


def _reader(index: RecordIndex, tensor: str) -> Use | None:
    """The first op that computes something of a tensor: not one that only gives it another shape."""
    while (use := next(iter(index.uses.get(tensor, ())), None)) is not None:
        tensor = use.node.outputs[0]
        if use.node.elementwise or len(use.node.inputs) != 1 or tensor not in index.uses:
            break
    return use


def _is_mask(index: RecordIndex, tensor: str) -> bool:
    """Whether the infinities of a tensor were put in, and not computed: of one sign, where a condition says."""
    size, found = index.measured(tensor), signs(index.tensors[tensor])
    if size is None or size.nan or 0 not in found:
        return False
    node = index.makers.get(tensor)
    if node is None:
        return index.tensors[tensor].role == "constant" and found[0] > 0
    return any(index.tensors[each.tensor].dtype == "bool" for each in node.inputs)


def _first_nan(index: RecordIndex, starts: Sequence[str]) -> NodeRecord | None:
    """The first op that made NaN of infinities, on the way to one of `starts`."""
    found = _sources(index, starts, lambda size: size.nan > 0)
    return index.makers.get(found[0]) if found else None


def _met(index: RecordIndex, starts: Sequence[str]) -> Told | None:
    """The op that made NaN of the infinities of a mask."""
    node = _first_nan(index, starts)
    if node is None or (size := index.measured(node.outputs[0])) is None:
        return None
    bad = [each.tensor for each in node.inputs if (m := index.measured(each.tensor)) is not None and m.infinite]
    if not bad:
        return None
    maker = index.makers.get(_sources(index, bad, lambda size: size.infinite > 0)[0])
    minus, plus = signs(index.tensors[bad[0]])
    sign = "−infinity" if minus and not plus else "infinity"
    of = f" that {placed(index, maker, line=True)} put in" if maker is not None else ""
    what = f"NaN begins in the result of {called(index, node.id)} ({origin_words(index, Origin(node.id, size))})"
    why = "∞ − ∞, 0 · ∞ and a softmax of −∞ alone, as of a row that is masked as a whole, are NaN"
    return Told(f"{what}. It read the {sign}{of}: {why}.", ("value", *same_place(node)), (node.id,))


def _of_gradients(index: RecordIndex, sent: Origin) -> Told:
    """Where the first gradient that is not finite was made."""
    if sent.edge is None:
        return Told(f"Backward was started with a gradient that holds {kind(sent.measure)}.", ("seed",))
    arrived = index.gradient(sent.part)
    node = index.nodes.get(sent.part)
    about = ("gradient", *(same_place(node) if node is not None else (sent.part,)))
    ops = (sent.part,)
    if arrived is not None and arrived.bad:  # finite shares whose sum is too large, or a hook of the program's own
        met = Origin(sent.part, arrived)
        what = f"reached {called(index, sent.part)} ({origin_words(index, met)}), and in no share before it"
        return Told(f"In backward, {kind(arrived)} begins in the gradient that {what}.", about, ops)
    to = called(index, index.edges[sent.edge].receiver)
    what = f"{called(index, sent.part)} sends to {to} ({origin_words(index, sent)})"
    reads = read_by(index, node) if node is not None else ""
    return Told(f"In backward, {kind(sent.measure)} begins in the gradient that {what}.{reads}", about, ops)


def read_by(index: RecordIndex, node: NodeRecord) -> str:
    """What numbers an op read, as a sentence: the largest ones; "" where they are not known or not finite."""
    found: list[tuple[float, int, str]] = []
    for operand in node.inputs:
        size, ends = index.measured(operand.tensor), ends_of(index.tensors[operand.tensor])
        if size is None or size.bad or ends is None:
            return ""
        low, high = (f"{'−' if end < 0 else ''}{brief(abs(end))}" for end in ends)
        words = low if low == high else f"numbers from {low} to {high}"
        found.append((-max(abs(ends[0]), abs(ends[1])), operand.slot, words))
    if len(found) > MOST_READ:  # those that tell: the largest
        found = sorted(sorted(found)[:MOST_READ], key=lambda each: each[1])
    return f" It read {' and '.join(words for *_, words in found)}." if found else ""


def _sources(index: RecordIndex, starts: Sequence[str], is_bad: Callable[[Measure], bool]) -> list[str]:
    """The tensors from which what is not finite came to one of `starts`: inputs first, then by age of their ops."""

    def bad(tensor: str) -> bool:
        size = index.measured(tensor)
        return size is not None and is_bad(size)

    pending = [tensor for tensor in dict.fromkeys(starts) if bad(tensor)]
    seen = set(pending)
    found: list[tuple[int, str]] = []
    while pending:
        tensor = pending.pop()
        node = index.makers.get(tensor)
        read = [operand.tensor for operand in node.inputs] if node is not None else []
        before = [each for each in read if bad(each)] or _behind_unknown(index, read, bad)
        if not before:
            found.append((node.age if node is not None else -1, tensor))
        pending += (fresh := [each for each in dict.fromkeys(before) if each not in seen])
        seen.update(fresh)
    return [tensor for _, tensor in sorted(found, key=lambda each: each[0])]


def _behind_unknown(index: RecordIndex, read: Sequence[str], bad: Callable[[str], bool]) -> list[str]:
    """The nearest tensors that are not finite behind those of `read` whose numbers are not recorded."""
    pending = [each for each in read if index.measured(each) is None]
    seen, found = set(pending), []
    while pending and len(seen) < MOST_SEARCHED:
        node = index.makers.get(pending.pop())
        for operand in node.inputs if node is not None else ():
            if operand.tensor in seen:
                continue
            seen.add(operand.tensor)
            if bad(operand.tensor):
                found.append(operand.tensor)
            elif index.measured(operand.tensor) is None:
                pending.append(operand.tensor)
    return found


def reached(rows: Sequence[ParameterRow], told: Collection[Told]) -> Iterator[Told]:
    """Which parameters are not finite, and which gradients: worth a note where it is told where it comes from."""
    is_new = not told
    values = [row.name for row in rows if row.value_nonfinite]
    if values and not any(each.about[:2] == ("value", "parameter") for each in told):
        yield Told(f"There is NaN or infinity in the value of {some(values)}.")
    if gradients := [row.name for row in rows if row.gradient_nonfinite]:
        why = ", and no share that backward sent has any: a hook made it, or it was there before" if is_new else ""
        verb = "There is NaN or infinity in the gradient" if is_new else "NaN or infinity reached the gradient"
        yield Told(f"{verb} of {some(gradients)}{why}.", is_wrong=is_new)


def harmless_origin(index: RecordIndex, origin: Origin) -> str:
    """What is not finite in a result, where it spoils neither root nor gradients."""
    node = index.nodes.get(origin.part)
    readers = [use.node for output in node.outputs for use in index.uses.get(output, ())] if node is not None else []
    results = [index.measured(output) for reader in readers for output in reader.outputs]
    if node is not None and results and all(size is not None and not size.bad for size in results):
        held = f"{kind(origin.measure)} ({share_of(origin.measure)})"
        return f"{placed(index, node, line=True)} holds {held}, as a mask does: what reads it is finite."
    held = f"{kind(origin.measure)} ({origin_words(index, origin)})"
    return (
        f"{called(index, origin.part)} holds {held}, but no recorded gradient does, and the root does not as far as it "
        "is recorded."
    )
