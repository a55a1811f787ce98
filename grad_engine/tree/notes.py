"""What the header says: the expression, what has not happened or is gone, and where numbers stop being finite."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from grad_engine.formula import number
from grad_engine.record import Shape
from grad_engine.record.explained import nudge_words
from grad_engine.record.index import Measure, Origin, RecordIndex, mark, short_name
from grad_engine.record.words import harmless, many
from grad_engine.tree.text import Script

LONGEST_NAME = 24  # columns
LONGEST_FILE = 40


def leaf_name(index: RecordIndex, part: str) -> str:
    """What a leaf is called: its name, else the id of its accumulator, or the op outside of the focus that made it."""
    return index.leaf(part).name or mark(part.partition(".")[0])


def called(index: RecordIndex, script: Script, part: str, brief: bool = False) -> str:
    """What a sentence calls an op or a leaf: LnBackward #4 (Ln #4 in brief), x3."""
    if part in index.nodes:
        node = index.nodes[part]
        return f"{script.name(short_name(node) if brief else node.name, LONGEST_NAME)} {mark(part)}"
    return script.name(leaf_name(index, part), LONGEST_NAME)


def notes(index: RecordIndex, script: Script) -> Iterator[tuple[str, str]]:
    """The sentences of the header, each with its style."""
    run = index.run
    if index.gone:
        yield "Values are gone (a backward without retain_graph=True frees them): only the structure is left.", "muted"
    elif run is None and index.nodes:
        yield "Backward has not run: no gradients to show yet.", "muted"
    if run is not None and len(index.record.runs) > 1:
        through = ", which goes through the gradients of one before: double backward"
        is_second = any(each.create_graph for each in index.record.runs[:-1]) and not run.create_graph
        last = f"the last of {len(index.record.runs)} backward runs alone"
        yield f"Steps and gradients are of {last}{through if is_second else ''}.", "muted"
    if run is not None and not run.complete:
        yield f"This backward run was interrupted in step {len(index.steps)}.", "bad"
    gone = (tensor.id for tensor in index.record.tensors if tensor.absent == "changed")
    if changed := [name for id in gone if (name := index.label(id))]:
        names = ", ".join(script.name(name, LONGEST_NAME) for name in changed[:4])
        others = f" and {len(changed) - 4} more" if len(changed) > 4 else ""
        yield f"Changed since it was read: {names}{others}.", "gradient"
    if origins := index.value_origins:
        first = origins[0]
        others = f" (and {many(len(origins) - 1, 'other')})" if len(origins) > 1 else ""
        begins = f"{kind(first.measure)} begins in {_with_line(index, script, first.part)}{others}"
        spoiled = index.first_nan if not first.measure.nan else None
        becomes = f" It becomes NaN in {_with_line(index, script, spoiled.id)}." if spoiled is not None else ""
        yield f"{begins}: {_extent(first.measure)}{_leaf_gradients(index)}.{becomes}", "bad"
    elif (data := _bad_data(index)) is not None:
        size, name, reader = data
        yield f"There is {kind(size)} in {name}: {_extent(size)}; {_with_line(index, script, reader)} reads it.", "bad"
    if (found := index.gradient_origin) is not None and not _reads_what_is_bad(index, found):
        begins = f"{kind(found.measure)} begins in the gradient"
        if found.edge is None:
            yield f"{begins} that backward was started with.", "bad"
        else:
            to = called(index, script, index.edges[found.edge].receiver)
            step = f" in step {index.steps[found.part]}" if found.part in index.steps else ""
            yield f"{begins} that {_with_line(index, script, found.part)} sends to {to}{step}.", "bad"
    if (grown := index.growth) is not None:
        seed, largest, part = grown
        path = f"from {number(seed, 3)} to {number(largest, 3)} in step {index.steps[part]}"
        yield f"Gradients grow {path}, at {_with_line(index, script, part)}.", "gradient"
    if tables := list(_tables(index)):
        node, shapes = tables[0]
        others = f" (and {many(len(tables) - 1, 'other')})" if len(tables) > 1 else ""
        one, other, made = (script.shape(shape) for shape in shapes)
        stretches = f"{_with_line(index, script, node)}{others} stretches both operands, {one} and {other}, to {made}"
        yield f"{stretches}: reshape one if each entry was to meet its own.", "gradient"


def _bad_data(index: RecordIndex) -> tuple[Measure, str, str] | None:
    """The first constant that is not finite and no mask: its size, its name, and an op that reads it and is spoiled."""
    for id, node in index.nodes.items() if index.broken else ():
        for operand in node.inputs if id in index.broken else ():
            size = index.measured(operand.tensor)
            if size is not None and size.bad and index.producer(operand.tensor) is None:
                return size, harmless(index.tensors[operand.tensor].name or "the data"), id
    return None


def _reads_what_is_bad(index: RecordIndex, found: Origin) -> bool:
    """Whether the op that sends the first share that is not finite has such values itself: these are told already."""
    node = index.nodes.get(found.part) if found.edge is not None else None
    near = [*(each.tensor for each in node.inputs), *node.outputs] if node is not None else []
    return any((size := index.measured(tensor)) is not None and size.bad for tensor in near)


def nudge(index: RecordIndex) -> str:
    """What a nudge of one entry did, beside its gradient; "" where none was tried."""
    explain = index.record.explain
    return f"{harmless(nudge_words(index.record) or '')}." if explain is not None and explain.probe is not None else ""


def _with_line(index: RecordIndex, script: Script, part: str) -> str:
    """An op or leaf with the line of the program that called the op, where that was recorded."""
    node = index.nodes.get(part)
    where = f" ({script.name(node.source.file, LONGEST_FILE)}:{node.source.line})" if node and node.source else ""
    return called(index, script, part) + where


def _tables(index: RecordIndex) -> Iterator[tuple[str, tuple[Shape, Shape, Shape]]]:
    """Ops that make a table of all pairs out of operands with as many entries, a column and a row: the slip that turns
    a loss over n predictions into one over n × n."""
    for node in index.record.nodes:
        stretched = [operand.broadcast_from for operand in node.inputs if operand.broadcast_from]
        if len(stretched) == 2 and len(stretched[0]) != len(stretched[1]) and prod(stretched[0]) == prod(stretched[1]):
            yield node.id, (stretched[0], stretched[1], index.tensors[node.outputs[0]].shape)


def kind(size: Measure) -> str:
    """The word for what is not finite in a tensor."""
    return "NaN/Inf" if size.nan and size.infinite else "NaN" if size.nan else "Inf"


def _extent(size: Measure) -> str:
    return "its only value" if size.size == 1 else f"{size.bad} of {size.size} values"


def _leaf_gradients(index: RecordIndex) -> str:
    after = [m for _, _, tensor in index.leaf_gradients() if (m := index.measured(tensor)) is not None]
    broken = sum(m.bad > 0 for m in after)
    if not after:
        return ""
    if not broken:
        return "; every leaf gradient is finite"
    if broken == len(after):
        return "; no leaf gradient is finite"
    return f"; {broken} of {many(len(after), 'leaf gradient')} {'is' if broken == 1 else 'are'} not finite"


def summary(index: RecordIndex, script: Script, focus: tuple[str, ...]) -> str:
    """How much there is, in a few words: 7 ops, 4 leaves, backward in 7 steps."""
    parts = [many(len(index.nodes), "op"), many(len(index.accumulators), "leaf", "leaves")]
    if index.run is not None:
        parts.append(f"backward in {many(len(index.steps), 'step')}")
    if focus:
        some = [called(index, script, part) for part in focus[:2]]
        parts.append("only " + ", ".join(some) + (f" and {len(focus) - 2} more" if len(focus) > 2 else ""))
    return ", ".join(parts)


def title(index: RecordIndex, script: Script, room: int) -> str:
    """The expression of the graph, else its title, in one line."""
    record = index.record
    return script.cut(script.say(harmless(record.expression or record.title)), room)
